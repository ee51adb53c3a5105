//! Octets from hexadecimal text, and messages behind the header they are sent with.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;

use carp::wire::{MULTICAST_V4, MULTICAST_V6};
use fhrp::{Instant, Mac, Received};

/// Octets from hexadecimal digits; everything else in the text is for the eye.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| u8::try_from((pair[0] << 4) | pair[1]).unwrap()).collect()
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A message as it arrives: to the group, with TTL 255.
pub fn received<'a>(source: &str, payload: &'a [u8]) -> Received<'a> {
    let source = ip(source);
    let destination = if source.is_ipv4() { MULTICAST_V4 } else { MULTICAST_V6 };
    Received {
        at: Instant::ZERO,
        source_mac: Mac([0, 0, 0x5e, 0, 1, payload.get(1).copied().unwrap_or_default()]),
        destination_mac: Mac::of_multicast(destination).unwrap(),
        source,
        destination,
        hop_limit: 255,
        protocol: 112,
        ports: None,
        ip_header: &[],
        payload,
    }
}
