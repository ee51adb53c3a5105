//! A frame that arrived, with all its addressing, and a datagram to be sent.

use std::net::IpAddr;

use crate::address::Mac;
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
    /// IPv4 identification; IPv6 has none. Flags and fragment offset are zero.
    pub identification: u16,
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
}
