//! VRRP version 2 and 3, for IPv4 and IPv6.
//!
//! | module | what lives there |
//! |---|---|
//! | [`config`] | what an operator says about a virtual router |
//! | [`wire`] | the octets of an advertisement: layout, lengths, checksums |
//! | [`auth`] | what is put around or behind an advertisement to prove who sent it |
//! | [`demux`] | which frames are VRRP's, and whose |

#![forbid(unsafe_code)]

pub mod auth;
pub mod config;
pub mod demux;
pub mod wire;

pub use config::Config;
pub use demux::{PROTOCOL, Vrrp};
