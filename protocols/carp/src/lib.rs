//! CARP, the Common Address Redundancy Protocol of the BSDs, for IPv4 and IPv6.
//!
//! There is no specification: the kernels are it. Sources are OpenBSD's and FreeBSD's `ip_carp.c` and ucarp's
//! `carp.c`; where they differ, the place says so.
//!
//! A frame's way through: [`demux`] finds the virtual host, [`wire`] reads the octets, [`judge`] looks at the
//! envelope, [`auth`] proves that the sender has our password and our addresses, [`machine`] obeys.
//!
//! | module | what lives there |
//! |---|---|
//! | [`wire`] | the octets of an advertisement |
//! | [`auth`] | the digest over virtual host, addresses and counter |
//! | `seal` | the counter between routers of this suite: nothing that is recorded can be used again |
//! | [`judge`] | what is wrong with a readable advertisement before anybody knows a state |
//! | [`demux`] | which frames are CARP's, and whose |
//! | [`machine`] | INIT, BACKUP, MASTER |
//! | [`config`] | what a virtual host is told by its operator |
//! | `counters`, `neighbours` | what it counts, and whom it hears |
//! | `dissect` | what a frame says, for whoever reads a capture |
//! | [`vmac`] | the MACs that a virtual host goes by |

#![forbid(unsafe_code)]

pub mod auth;
pub mod config;
mod counters;
pub mod demux;
mod dissect;
pub mod judge;
pub mod machine;
mod neighbours;
mod seal;
pub mod vmac;
pub mod wire;

pub use config::Config;
pub use demux::{Carp, PROTOCOL};
pub use machine::VirtualHost;
