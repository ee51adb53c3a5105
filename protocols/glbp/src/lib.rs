//! GLBP, Cisco's Gateway Load Balancing Protocol, for IPv4 and IPv6.
//!
//! No specification describes it. The layout is that of captured frames, and agrees with Wireshark's packet-glbp.c
//! where that knows a field's meaning.
//!
//! One [`GatewayGroup`] is one group of one family on one interface. It is a value: told what happened and when, it says
//! what must be done, in order (see the `fhrp` crate for that conversation).
//!
//! A frame's way through: [`demux`] finds the group, [`wire`] reads the octets, [`judge`] looks at the envelope,
//! [`auth`] proves who sent them and that they are new, [`judge`] looks at the values, [`machine`] obeys.
//!
//! | module | what lives there |
//! |---|---|
//! | [`config`] | what an operator says about a group |
//! | [`wire`] | the octets of a message and its TLVs |
//! | [`auth`] | text, MD5, and nonces against replays |
//! | [`judge`] | what is wrong with a readable message before anybody knows a state |
//! | [`demux`] | which frames are GLBP's, and whose |
//! | `dissect` | what a frame says, for whoever reads a capture |
//! | [`machine`] | the gateway, and the forwarders: the group itself |
//! | `balance` | which forwarder a host is told |
//! | `clients` | which host was told which forwarder, for whoever looks |
//! | `members` | who else belongs to the group |
//! | `neighbours` | everybody heard, obeyed or refused, with the reason |
//! | `counters` | what is counted, under names that stay |
//! | [`vmac`] | the virtual MACs, and the virtual address that IPv6 makes of them |

#![forbid(unsafe_code)]

pub mod auth;
mod balance;
mod clients;
pub mod config;
mod counters;
pub mod demux;
mod dissect;
pub mod judge;
pub mod machine;
mod members;
mod neighbours;
pub mod vmac;
pub mod wire;

pub use config::Config;
pub use demux::{Glbp, PROTOCOL};
pub use machine::GatewayGroup;
