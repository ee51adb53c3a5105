//! Octets from hexadecimal text, and messages behind the headers they are sent with.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::time::Duration;

use fhrp::keys::{ChainKey, KeyChain, Lifetime};
use fhrp::{Instant, Mac, Received, Secret};
use glbp::wire::{MULTICAST_V4, MULTICAST_V6, PORT};

/// The router that speaks.
pub const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
/// The router that hears.
pub const B: Mac = Mac([2, 0, 0, 0, 0, 0xb]);
pub const WALL: Duration = Duration::from_secs(1_795_394_393);

/// Octets from hexadecimal digits; everything else in the text is for the eye.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| u8::try_from((pair[0] << 4) | pair[1]).unwrap()).collect()
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A message as it arrives from its owner's MAC: a hello to the group, anything else to one router.
pub fn received<'a>(source: &str, payload: &'a [u8]) -> Received<'a> {
    let source = ip(source);
    let destination = match (payload.get(1), source) {
        (None | Some(0), IpAddr::V4(_)) => MULTICAST_V4,
        (None | Some(0), IpAddr::V6(_)) => MULTICAST_V6,
        (Some(_), IpAddr::V4(_)) => ip("192.0.2.11"),
        (Some(_), IpAddr::V6(_)) => ip("fe80::b"),
    };
    let owner = payload.get(6..12).map(|octets| Mac(octets.try_into().unwrap()));
    Received {
        at: Instant::ZERO,
        source_mac: owner.unwrap_or(A),
        destination_mac: Mac::of_multicast(destination).unwrap_or(B),
        source,
        destination,
        hop_limit: 255,
        protocol: 17,
        ports: Some((PORT, PORT)),
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
