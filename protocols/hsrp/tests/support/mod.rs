//! Octets from hexadecimal text, and messages behind the headers they are sent with.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::time::Duration;

use fhrp::keys::{ChainKey, KeyChain, Lifetime};
use fhrp::{Instant, Mac, Received, Secret};
use hsrp::wire::{MULTICAST_V1, MULTICAST_V2, MULTICAST_V2_IPV6, PORT_IPV4, PORT_IPV6};

/// Octets from hexadecimal digits; everything else in the text is for the eye.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| u8::try_from((pair[0] << 4) | pair[1]).unwrap()).collect()
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A message as it arrives from an interface's own MAC: to the group of its version, with the TTL of its version.
pub fn received<'a>(source: &str, payload: &'a [u8]) -> Received<'a> {
    let source = ip(source);
    let first = payload.first() == Some(&0);
    let (destination, port) = match (source, first) {
        (IpAddr::V4(_), true) => (MULTICAST_V1, PORT_IPV4),
        (IpAddr::V4(_), false) => (MULTICAST_V2, PORT_IPV4),
        (IpAddr::V6(_), _) => (MULTICAST_V2_IPV6, PORT_IPV6),
    };
    Received {
        at: Instant::ZERO,
        source_mac: Mac([2, 0, 0, 0, 3, 9]),
        destination_mac: Mac::of_multicast(destination).unwrap(),
        source,
        destination,
        hop_limit: if first && source.is_ipv4() { 1 } else { 255 },
        protocol: 17,
        ports: Some((port, port)),
        ip_header: &[],
        payload,
    }
}

/// A key that is good at all times.
pub fn key(id: u32, text: &str) -> ChainKey {
    ChainKey { id, secret: Secret::new(text), send: Lifetime::ALWAYS, accept: Lifetime::ALWAYS }
}

/// A chain of keys that are good at all times.
pub fn chain(keys: &[(u32, &str)]) -> KeyChain {
    KeyChain::new(keys.iter().map(|(id, text)| key(*id, text)).collect())
}

pub const WALL: Duration = Duration::from_secs(1_795_394_393);
