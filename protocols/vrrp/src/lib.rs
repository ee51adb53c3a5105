//! VRRP version 2 and 3, for IPv4 and IPv6.

#![forbid(unsafe_code)]

pub mod config;

pub use config::Config;
