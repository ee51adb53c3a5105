//! VRRP version 2 and 3, for IPv4 and IPv6.
//!
//! One [`VirtualRouter`] is one VRID of one family on one interface. It is a value: told what happened and
//! when, it says what must be done, in order (see the `fhrp` crate for that conversation).
//!
//! ```text
//!              start, all causes of a fault gone           down timer: no advert for 3 intervals + skew
//!   ┌────────────┐ ───────────────────► ┌────────┐ ──────────────────────────────► ┌────────┐
//!   │ Initialize │                      │ Backup │                                 │ Active │
//!   └────────────┘ ◄─────────────────── └────────┘ ◄────────────────────────────── └────────┘
//!                    stop, link down                       a better router's advert
//! ```
//!
//! A frame's way through: [`demux`] finds the virtual router, [`wire`] reads the octets, [`auth`] judges who
//! sent them, [`machine`] judges what they say and answers.
//!
//! | module | what lives there |
//! |---|---|
//! | [`config`] | what an operator says about a virtual router |
//! | [`wire`] | the octets of an advertisement: layout, lengths, checksums |
//! | [`auth`] | what is put around or behind an advertisement to prove who sent it |
//! | [`demux`] | which frames are VRRP's, and whose |
//! | `dissect` | what a frame says, for whoever reads a capture |
//! | [`machine`] | states, timers, checks, hand-over: the virtual router itself |
//! | `neighbours` | everybody heard, obeyed or refused, with the reason |
//! | `counters` | what is counted, under names that stay |

#![forbid(unsafe_code)]

pub mod auth;
pub mod config;
mod counters;
pub mod demux;
mod dissect;
pub mod machine;
mod neighbours;
pub mod wire;

pub use config::Config;
pub use demux::{PROTOCOL, Vrrp};
pub use machine::VirtualRouter;
