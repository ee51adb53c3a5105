//! GLBP, Cisco's Gateway Load Balancing Protocol, for IPv4 and IPv6.
//!
//! No specification describes it. The layout is that of captured frames, and agrees with Wireshark's packet-glbp.c
//! where that knows a field's meaning.
//!
//! A frame's way through: [`demux`] finds the group, [`wire`] reads the octets, [`judge`] looks at the envelope,
//! [`auth`] proves who sent them and that they are new, [`judge`] looks at the values.
//!
//! | module | what lives there |
//! |---|---|
//! | [`wire`] | the octets of a message and its TLVs |
//! | [`auth`] | text, MD5, and nonces against replays |
//! | [`judge`] | what is wrong with a readable message before anybody knows a state |
//! | [`demux`] | which frames are GLBP's, and whose |
//! | `dissect` | what a frame says, for whoever reads a capture |
//! | [`vmac`] | the virtual MACs, and the virtual address that IPv6 makes of them |

#![forbid(unsafe_code)]

pub mod auth;
pub mod demux;
mod dissect;
pub mod judge;
pub mod vmac;
pub mod wire;

pub use demux::{Glbp, PROTOCOL};
