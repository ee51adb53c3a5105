//! HSRP, the Hot Standby Router Protocol: version 1 of RFC 2281 with what Cisco added to it, and Cisco's version 2 for
//! IPv4 and IPv6, which no specification describes.
//!
//! One [`StandbyGroup`] is one group of one family on one interface. It is a value: told what happened and when, it says
//! what must be done, in order (see the `fhrp` crate for that conversation).
//!
//! A frame's way through: [`demux`] finds the group, [`judge`] looks at the envelope, [`wire`] reads the octets,
//! [`auth`] proves who sent them, [`machine`] obeys.
//!
//! | module | what lives there |
//! |---|---|
//! | [`config`] | what an operator says about a group |
//! | [`wire`] | the octets of a message, in either version |
//! | [`auth`] | text and MD5, key strings and key chains |
//! | [`judge`] | what is wrong with a readable message before anybody knows a state |
//! | [`follower`] | a group without an election, in the state of another one |
//! | [`membership`] | either of them |
//! | [`demux`] | which frames are HSRP's, and whose |
//! | `dissect` | what a frame says, for whoever reads a capture |
//! | [`machine`] | states, timers, elections: the group itself |
//! | `neighbours` | everybody heard, obeyed or refused, with the reason |
//! | `counters` | what is counted, under names that stay |
//! | [`vmac`] | the virtual MACs, and the virtual address that IPv6 makes of one |

#![forbid(unsafe_code)]

pub mod auth;
pub mod config;
mod counters;
pub mod demux;
mod dissect;
pub mod follower;
pub mod judge;
pub mod machine;
pub mod membership;
mod neighbours;
pub mod vmac;
pub mod wire;

pub use config::Config;
pub use demux::{Hsrp, PROTOCOL};
pub use follower::Follower;
pub use machine::StandbyGroup;
pub use membership::Membership;
