//! Frames to meaning and back: Ethernet II, IPv4 or IPv6, and UDP where there is any. What the IP header or
//! UDP carries is the protocols' to read.
//!
//! Reading borrows from the frame and writing appends to the caller's buffer: neither allocates in the steady
//! state.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use etherparse::{
    EtherType, Ethernet2Header, Ethernet2HeaderSlice, IpDscp, IpEcn, IpNumber, Ipv4Header, Ipv4HeaderSlice,
    Ipv6Header, Ipv6HeaderSlice, UdpHeader, UdpHeaderSlice,
};
use fhrp::checksum::Sum;
use fhrp::packet::{ip_protocol, is_carp};
use fhrp::{Datagram, Instant, Mac, Received};
use thiserror::Error;

use crate::net::socket::Raw;

const IPV6_FRAGMENT: u8 = 44;
const VERIFIED: u16 = 0xffff;

/// Why a frame's envelope could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// It ends before a header does, or before the IP header says that it should.
    #[error("{got} octets where at least {need} are needed")]
    Truncated {
        /// Octets needed from the beginning of the frame.
        need: usize,
        /// Octets there are.
        got: usize,
    },
    /// Neither IPv4 nor IPv6.
    #[error("Ethernet type {0:#06x}, must be IPv4 or IPv6")]
    EtherType(u16),
    /// An IP header that contradicts itself or the Ethernet type.
    #[error("the IP header contradicts itself")]
    IpHeader,
    /// The IPv4 header does not add up.
    #[error("wrong IPv4 header checksum")]
    IpChecksum,
    /// A part of a datagram; none of the protocols is ever so long that it must be cut.
    #[error("a fragment")]
    Fragment,
    /// From an address that is no station's: unspecified, loopback, multicast, reserved. The kernel would not
    /// hand such a packet to a raw socket, but a packet socket sees everything.
    #[error("source {0}, which no station can have")]
    Source(IpAddr),
    /// A UDP length that is shorter than its header or longer than the packet.
    #[error("UDP length {length}, must be 8 to {room}")]
    UdpLength {
        /// What the header says.
        length: u16,
        /// What the packet has.
        room: usize,
    },
    /// The UDP datagram does not add up.
    #[error("wrong UDP checksum")]
    UdpChecksum,
}

impl Unreadable {
    /// The name under which this is counted.
    pub const fn counter(self) -> &'static str {
        match self {
            Unreadable::Truncated { .. } => "truncated-frames",
            Unreadable::EtherType(_) => "foreign-frames",
            Unreadable::IpHeader => "ip-header-errors",
            Unreadable::IpChecksum => "ip-checksum-errors",
            Unreadable::Fragment => "fragments",
            Unreadable::Source(_) => "impossible-sources",
            Unreadable::UdpLength { .. } => "udp-length-errors",
            Unreadable::UdpChecksum => "udp-checksum-errors",
        }
    }
}

/// Why a datagram cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unsendable {
    /// Source and destination are of different families.
    #[error("source and destination are of different address families")]
    MixedFamilies,
    /// Longer than IP can say.
    #[error("{0} octets of payload are more than an IP packet can carry")]
    TooLong(usize),
}

/// Reads a frame and verifies the checksums of IPv4 and UDP; the payload is cut where the IP header says.
///
/// # Errors
/// The first rule broken, from the outside in.
pub fn parse(bytes: &[u8], at: Instant) -> Result<Received<'_>, Unreadable> {
    parse_with(bytes, at, true)
}

/// As [`parse`], of a frame from a packet socket: a frame of this very machine may rightly lack its UDP
/// checksum.
///
/// # Errors
/// As [`parse`].
pub fn parse_raw<'b>(raw: &Raw<'b>, at: Instant) -> Result<Received<'b>, Unreadable> {
    parse_with(raw.bytes, at, !raw.checksum_pending)
}

fn parse_with(bytes: &[u8], at: Instant, verify_udp: bool) -> Result<Received<'_>, Unreadable> {
    let short = |need| Unreadable::Truncated { need, got: bytes.len() };
    let ethernet = Ethernet2HeaderSlice::from_slice(bytes).map_err(|_| short(Ethernet2Header::LEN))?;
    let packet = bytes.get(Ethernet2Header::LEN..).unwrap_or_default();
    let below = Below {
        source_mac: Mac(ethernet.source()),
        destination_mac: Mac(ethernet.destination()),
        ether_type: ethernet.ether_type().0,
        octets: Ethernet2Header::LEN,
    };
    let Opened { received, fault } = open(packet, &below, at, verify_udp)?;
    fault.map_or(Ok(received), Err)
}

/// What is below IP, already read.
#[derive(Debug, Clone, Copy)]
pub struct Below {
    /// Ethernet source; zero if the link layer does not say it.
    pub source_mac: Mac,
    /// Ethernet destination; zero if the link layer does not say it.
    pub destination_mac: Mac,
    /// What the packet is.
    pub ether_type: u16,
    /// How many octets were before the packet.
    pub octets: usize,
}

/// A packet of which everything was read that could be.
#[derive(Debug, Clone, Copy)]
pub struct Opened<'a> {
    /// The packet.
    pub received: Received<'a>,
    /// The first rule broken, from the outside in, for which a router discards it.
    pub fault: Option<Unreadable>,
}

/// Reads an IP packet as far as it can be read, for whoever must say more of it than that it is wrong.
///
/// # Errors
/// If there is no making sense of it at all.
pub fn open<'a>(
    packet: &'a [u8],
    below: &Below,
    at: Instant,
    verify_udp: bool,
) -> Result<Opened<'a>, Unreadable> {
    let mut faults = Faults { first: None, below: below.octets };
    let ip = match EtherType(below.ether_type) {
        EtherType::IPV4 => read_ipv4(packet, &mut faults)?,
        EtherType::IPV6 => read_ipv6(packet, &mut faults)?,
        other => return Err(Unreadable::EtherType(other.0)),
    };
    if !is_station(ip.source) && !is_carp_of_nobody(&ip) {
        faults.note(Unreadable::Source(ip.source));
    }
    let (ports, payload) = match ip.protocol {
        ip_protocol::UDP => read_udp(&ip, verify_udp, &mut faults),
        _ => (None, ip.payload),
    };
    let received = Received {
        at,
        source_mac: below.source_mac,
        destination_mac: below.destination_mac,
        source: ip.source,
        destination: ip.destination,
        hop_limit: ip.hop_limit,
        protocol: ip.protocol,
        ports,
        ip_header: ip.header,
        payload,
    };
    Ok(Opened { received, fault: faults.first })
}

/// Rules broken that do not keep the rest from being read.
struct Faults {
    first: Option<Unreadable>,
    /// Octets before the packet.
    below: usize,
}

impl Faults {
    fn note(&mut self, fault: Unreadable) {
        self.first.get_or_insert(fault);
    }

    fn short(&self, need: usize, packet: &[u8]) -> Unreadable {
        Unreadable::Truncated { need: self.below + need, got: self.below + packet.len() }
    }
}

/// Whether anybody can have this address.
fn is_station(ip: IpAddr) -> bool {
    let reserved = match ip {
        IpAddr::V4(ip) => ip.octets()[0] >= 240,
        IpAddr::V6(_) => false,
    };
    !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || reserved)
}

/// A FreeBSD whose interface has no other address than virtual ones speaks CARP from 0.0.0.0. FreeBSD ip_carp.c,
/// carp_best_ifa.
fn is_carp_of_nobody(ip: &IpPacket<'_>) -> bool {
    ip.source == IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        && ip.protocol == ip_protocol::VRRP
        && is_carp(ip.payload, ip.source)
}

struct IpPacket<'a> {
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
    protocol: u8,
    header: &'a [u8],
    payload: &'a [u8],
}

fn read_ipv4<'a>(packet: &'a [u8], faults: &mut Faults) -> Result<IpPacket<'a>, Unreadable> {
    let header = Ipv4HeaderSlice::from_slice(packet).map_err(|error| match error {
        etherparse::err::ipv4::HeaderSliceError::Len(length) => faults.short(length.required_len, packet),
        etherparse::err::ipv4::HeaderSliceError::Content(_) => Unreadable::IpHeader,
    })?;
    if Sum::new().over(header.slice()).folded() != VERIFIED {
        faults.note(Unreadable::IpChecksum);
    }
    let (start, end) = (header.slice().len(), usize::from(header.total_len()));
    if end < start {
        return Err(faults.first.unwrap_or(Unreadable::IpHeader));
    }
    let payload = cut(packet, start, end, faults);
    if header.is_fragmenting_payload() {
        faults.note(Unreadable::Fragment);
    }
    Ok(IpPacket {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        hop_limit: header.ttl(),
        protocol: header.protocol().0,
        header: header.slice(),
        payload,
    })
}

fn read_ipv6<'a>(packet: &'a [u8], faults: &mut Faults) -> Result<IpPacket<'a>, Unreadable> {
    let header = Ipv6HeaderSlice::from_slice(packet).map_err(|error| match error {
        etherparse::err::ipv6::HeaderSliceError::Len(length) => faults.short(length.required_len, packet),
        etherparse::err::ipv6::HeaderSliceError::Content(_) => Unreadable::IpHeader,
    })?;
    let end = Ipv6Header::LEN + usize::from(header.payload_length());
    let payload = cut(packet, Ipv6Header::LEN, end, faults);
    if header.next_header().0 == IPV6_FRAGMENT {
        faults.note(Unreadable::Fragment);
    }
    Ok(IpPacket {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        hop_limit: header.hop_limit(),
        protocol: header.next_header().0,
        header: header.slice(),
        payload,
    })
}

/// What an IP header says that it carries, or what there is of it.
fn cut<'a>(packet: &'a [u8], start: usize, end: usize, faults: &mut Faults) -> &'a [u8] {
    packet.get(start..end).unwrap_or_else(|| {
        faults.note(faults.short(end, packet));
        packet.get(start..).unwrap_or_default()
    })
}

type Ports = Option<(u16, u16)>;

/// RFC 768, RFC 8200 §8.1: a checksum of zero means none over IPv4 and is wrong over IPv6.
fn read_udp<'a>(ip: &IpPacket<'a>, verify: bool, faults: &mut Faults) -> (Ports, &'a [u8]) {
    let room = ip.payload.len();
    let Ok(header) = UdpHeaderSlice::from_slice(ip.payload) else {
        faults.note(Unreadable::UdpLength { length: u16::try_from(room).unwrap_or(u16::MAX), room });
        return (None, &[]);
    };
    let ports = Some((header.source_port(), header.destination_port()));
    let datagram = ip.payload.get(..header.length().into());
    let Some((datagram, payload)) = datagram.and_then(|all| Some((all, all.get(UdpHeader::LEN..)?))) else {
        faults.note(Unreadable::UdpLength { length: header.length(), room });
        return (ports, ip.payload.get(UdpHeader::LEN..).unwrap_or_default());
    };
    let absent = ip.source.is_ipv4() && header.checksum() == 0;
    if verify && !absent {
        let sum = Sum::new()
            .over_pseudo_header(ip.source, ip.destination, ip_protocol::UDP, header.length().into())
            .over(datagram);
        if header.checksum() == 0 || sum.folded() != VERIFIED {
            faults.note(Unreadable::UdpChecksum);
        }
    }
    (ports, payload)
}

/// Appends a datagram as one Ethernet frame, every header exactly as it asks for.
///
/// # Errors
/// If it cannot be a packet at all; nothing is appended then.
pub fn write(
    datagram: &Datagram,
    source_mac: Mac,
    destination_mac: Mac,
    out: &mut Vec<u8>,
) -> Result<(), Unsendable> {
    let ether_type = if datagram.source.is_ipv4() { EtherType::IPV4 } else { EtherType::IPV6 };
    let header = Ethernet2Header { source: source_mac.0, destination: destination_mac.0, ether_type };
    let before = out.len();
    out.extend_from_slice(&header.to_bytes());
    write_packet(datagram, out).inspect_err(|_| out.truncate(before))
}

/// Appends a datagram as an IP packet without an Ethernet header.
///
/// # Errors
/// As [`write()`].
pub fn write_packet(datagram: &Datagram, out: &mut Vec<u8>) -> Result<(), Unsendable> {
    let ports = datagram.ports.filter(|_| datagram.protocol == ip_protocol::UDP);
    let above = datagram.payload.len() + if ports.is_some() { UdpHeader::LEN } else { 0 };
    let too_long = |_| Unsendable::TooLong(datagram.payload.len());
    match (datagram.source, datagram.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut header = Ipv4Header {
                // Six and two bits are always in range.
                dscp: IpDscp::try_new(datagram.traffic_class >> 2).unwrap_or_default(),
                ecn: IpEcn::try_new(datagram.traffic_class & 0b11).unwrap_or_default(),
                total_len: u16::try_from(Ipv4Header::MIN_LEN + above).map_err(too_long)?,
                identification: datagram.identification,
                dont_fragment: datagram.dont_fragment,
                time_to_live: datagram.hop_limit,
                protocol: IpNumber(datagram.protocol),
                source: source.octets(),
                destination: destination.octets(),
                ..Ipv4Header::default()
            };
            header.header_checksum = header.calc_header_checksum();
            out.extend_from_slice(&header.to_bytes());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let header = Ipv6Header {
                traffic_class: datagram.traffic_class,
                payload_length: u16::try_from(above).map_err(too_long)?,
                next_header: IpNumber(datagram.protocol),
                hop_limit: datagram.hop_limit,
                source: source.octets(),
                destination: destination.octets(),
                ..Ipv6Header::default()
            };
            out.extend_from_slice(&header.to_bytes());
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
            return Err(Unsendable::MixedFamilies);
        }
    }
    if let Some(ports) = ports {
        out.extend_from_slice(&udp_header(datagram, ports, above));
    }
    out.extend_from_slice(&datagram.payload);
    Ok(())
}

/// `length` has been checked to fit: it is part of the IP header's.
fn udp_header(datagram: &Datagram, (source_port, destination_port): (u16, u16), length: usize) -> [u8; 8] {
    let length = u16::try_from(length).unwrap_or(u16::MAX);
    let mut header = UdpHeader { source_port, destination_port, length, checksum: 0 };
    let sum = Sum::new()
        .over_pseudo_header(datagram.source, datagram.destination, ip_protocol::UDP, length.into())
        .over(&header.to_bytes())
        .over(&datagram.payload);
    // Zero would mean that there is none.
    header.checksum = match sum.checksum() {
        0 => VERIFIED,
        checksum => checksum,
    };
    header.to_bytes()
}

/// When the kernel received a frame, on the monotonic clock. Its stamp is by the wall clock, which somebody
/// may set at any time; so only the frame's age is taken from it, and the result lies in any case between the
/// moment when the socket was last seen empty and now.
pub fn receive_time(
    kernel_time: Option<Duration>,
    wall_now: Duration,
    now: Instant,
    last_drain: Instant,
) -> Instant {
    let age = kernel_time.map_or(Duration::ZERO, |stamp| wall_now.saturating_sub(stamp));
    (now - age).max(last_drain).min(now)
}
