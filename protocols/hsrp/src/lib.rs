//! HSRP, the Hot Standby Router Protocol: version 1 of RFC 2281 with what Cisco added to it, and Cisco's version 2 for
//! IPv4 and IPv6, which no specification describes.
//!
//! A frame's way through: [`demux`] finds the group, [`wire`] reads the octets, [`judge`] looks at the envelope,
//! [`auth`] proves who sent them.
//!
//! | module | what lives there |
//! |---|---|
//! | [`wire`] | the octets of a message, in either version |
//! | [`auth`] | text and MD5, key strings and key chains |
//! | [`judge`] | what is wrong with a readable message before anybody knows a state |
//! | [`demux`] | which frames are HSRP's, and whose |
//! | `dissect` | what a frame says, for whoever reads a capture |
//! | [`vmac`] | the virtual MACs, and the virtual address that IPv6 makes of one |

#![forbid(unsafe_code)]

pub mod auth;
pub mod demux;
mod dissect;
pub mod judge;
pub mod vmac;
pub mod wire;

pub use demux::{Hsrp, PROTOCOL};
