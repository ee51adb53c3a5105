//! A frame that arrived, with all its addressing, and a datagram to be sent.

use std::net::IpAddr;

use crate::address::Mac;
use crate::checksum::Sum;
use crate::time::Instant;

/// IP protocol numbers that the protocols speak over.
pub mod ip_protocol {
    /// UDP: HSRP and GLBP.
    pub const UDP: u8 = 17;
    /// Authentication Header: VRRPv2 with authentication type 2.
    pub const AUTHENTICATION_HEADER: u8 = 51;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// VRRP, and CARP with it.
    pub const VRRP: u8 = 112;
}

/// Version 2, type 1: how CARP begins, and VRRP version 2.
const CARP_OR_VRRP_2: u8 = 0x21;
/// Words of CARP's counter and digest; where VRRP counts its addresses.
const CARP_WORDS: u8 = 7;
/// Octets of a CARP advertisement.
const CARP_LENGTH: usize = 36;
/// Octets of a VRRP version 2 advertisement with seven addresses: alone, with an HMAC trailer, with Cisco's MD5.
const SEVEN_ADDRESSES: [usize; 3] = [44, 44 + 28, 44 + 30];

/// Whether a message of IP protocol 112 from `source` is CARP's rather than VRRP's.
///
/// Both begin with the same octet. Over IPv6 that is CARP, for VRRP has only version 3 there. Over IPv4 the length
/// tells; a CARP message with something behind it is one if it adds up without.
pub fn is_carp(message: &[u8], source: IpAddr) -> bool {
    match (message, source) {
        ([CARP_OR_VRRP_2, ..], IpAddr::V6(_)) => true,
        ([CARP_OR_VRRP_2, _, _, CARP_WORDS, ..], IpAddr::V4(_)) => {
            match message.split_at_checked(CARP_LENGTH) {
                Some((_, [])) => true,
                Some((carp, _)) => {
                    !SEVEN_ADDRESSES.contains(&message.len()) && Sum::new().over(carp).folded() == 0xffff
                }
                None => false,
            }
        }
        _ => false,
    }
}

/// A frame that arrived. Lengths come from the IP header: Ethernet padding is not in here.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// When the kernel received it; at or before the turn's `now`.
    pub at: Instant,
    /// Ethernet source; zero in a capture whose link layer does not say it.
    pub source_mac: Mac,
    /// Ethernet destination; zero in a capture whose link layer does not say it.
    pub destination_mac: Mac,
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// TTL or hop limit as it arrived.
    pub hop_limit: u8,
    /// IP protocol or IPv6 next header of what `payload` begins with.
    pub protocol: u8,
    /// Source and destination port, if `protocol` is UDP; `payload` is then what UDP carries.
    pub ports: Option<(u16, u16)>,
    /// The IP header, octet for octet.
    pub ip_header: &'a [u8],
    /// What the IP header (or UDP) carries.
    pub payload: &'a [u8],
}

/// A datagram to be sent. The engine adds the headers exactly as named here: a digest may cover them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// How it leaves.
    pub route: Route,
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// TOS or traffic class.
    pub traffic_class: u8,
    /// IPv4 identification; IPv6 has none.
    pub identification: u16,
    /// Whether routers may not cut it up; of IPv6 they never do. Other flags and the fragment offset are zero.
    pub dont_fragment: bool,
    /// IP protocol or IPv6 next header.
    pub protocol: u8,
    /// Source and destination port, if `protocol` is UDP; the checksum is added for you.
    pub ports: Option<(u16, u16)>,
    /// What follows the IP header (or the UDP header).
    pub payload: Vec<u8>,
}

/// How a datagram leaves the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// In one frame on the group's link, with these addresses.
    Link {
        /// Ethernet source: a virtual MAC or the interface's own.
        source_mac: Mac,
        /// Ethernet destination.
        destination_mac: Mac,
    },
    /// As the kernel routes it, to a unicast peer that may be far away.
    Routed,
}

/// A host asks which MAC has an address: an ARP request or a neighbour solicitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Solicitation {
    /// The host's MAC.
    pub from_mac: Mac,
    /// The host's address; `None` for a probe.
    pub from: Option<IpAddr>,
    /// The address it asks for.
    pub target: IpAddr,
    /// Where the question went: to everybody, or to one station, to see whether that still lives.
    pub to_mac: Mac,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message that begins with `head`, has `length` octets, and a checksum over the first `summed`.
    fn message(head: [u8; 4], length: usize, summed: usize) -> Vec<u8> {
        let mut octets = vec![0; length];
        octets[..4].copy_from_slice(&head);
        let checksum = Sum::new().over(&octets[..summed]).checksum();
        octets[6..8].copy_from_slice(&checksum.to_be_bytes());
        octets
    }

    #[test]
    fn carp_and_vrrp_are_told_apart() {
        let (v4, v6) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, 1]));
        let cases = [
            ([0x21, 1, 0, 7], 36, 36, v4, true),
            ([0x21, 1, 0, 7], 60, 36, v4, true),
            // Seven addresses, no password: the first 36 octets add up as well.
            ([0x21, 1, 0, 7], 44, 44, v4, false),
            ([0x21, 1, 0, 7], 72, 44, v4, false),
            // Five addresses.
            ([0x21, 1, 0, 5], 36, 36, v4, false),
            // Seven addresses without Authentication Data.
            ([0x21, 1, 0, 7], 35, 35, v4, false),
            ([0x31, 1, 100, 7], 36, 36, v4, false),
            ([0x31, 1, 100, 7], 36, 36, v6, false),
            ([0x21, 1, 0, 7], 36, 36, v6, true),
            ([0x21, 1, 0, 1], 24, 24, v6, true),
        ];
        for (head, length, summed, source, expected) in cases {
            assert_eq!(
                is_carp(&message(head, length, summed), source),
                expected,
                "{head:?} {length} {source}"
            );
        }
        assert!(!is_carp(&[], v4));
        let mut broken = message([0x21, 1, 0, 7], 40, 36);
        broken[7] ^= 1;
        assert!(!is_carp(&broken, v4));
    }
}
