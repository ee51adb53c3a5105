//! CARP, the Common Address Redundancy Protocol of the BSDs, for IPv4 and IPv6.
//!
//! There is no specification: the kernels are it. Sources are OpenBSD's and FreeBSD's `ip_carp.c` and ucarp's
//! `carp.c`; where they differ, the place says so.
//!
//! A frame's way through: [`demux`] finds the virtual host, [`wire`] reads the octets, [`judge`] looks at the
//! envelope, [`auth`] proves that the sender has our password and our addresses.
//!
//! | module | what lives there |
//! |---|---|
//! | [`wire`] | the octets of an advertisement |
//! | [`auth`] | the digest over virtual host, addresses and counter |
//! | [`judge`] | what is wrong with a readable advertisement before anybody knows a state |
//! | [`demux`] | which frames are CARP's, and whose |
//! | `dissect` | what a frame says, for whoever reads a capture |
//! | [`vmac`] | the MACs that a virtual host goes by |

#![forbid(unsafe_code)]

pub mod auth;
pub mod demux;
mod dissect;
pub mod judge;
pub mod vmac;
pub mod wire;

pub use demux::{Carp, PROTOCOL};
