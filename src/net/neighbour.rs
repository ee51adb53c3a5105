//! ARP and Neighbour Discovery, as far as a virtual router has to speak them: questions read, answers and
//! announcements written. Whole Ethernet frames in both directions; no state, no sockets.
//!
//! Sources: RFC 826, RFC 5227 (probes), RFC 4861 §4 and §7; for what is announced when, RFC 9568 §8.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use etherparse::{
    ArpHardwareId, ArpOperation, ArpPacketSlice, EtherType, Ethernet2Header, Ethernet2HeaderSlice, IpNumber,
    Ipv6Header, Ipv6HeaderSlice,
};
use fhrp::address::solicited_node;
use fhrp::announcer::ArpForm;
use fhrp::checksum::Sum;
use fhrp::holdings::RouterAdvertisement;
use fhrp::packet::ip_protocol;
use fhrp::{Answer, Holdings, InterfaceAddress, Mac, Presence, Solicitation};

/// Length of an ARP frame, unpadded.
pub const ARP_FRAME: usize = 42;
/// Length of a neighbour advertisement frame with one link-layer option.
pub const NEIGHBOUR_ADVERTISEMENT_FRAME: usize = 86;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: Mac = Mac([0x33, 0x33, 0, 0, 0, 1]);
/// Neighbour Discovery is only believed if no router has forwarded it. RFC 4861 §7.1.
const HOP_LIMIT: u8 = 255;

const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

const SOURCE_LINK_LAYER_ADDRESS: u8 = 1;
const TARGET_LINK_LAYER_ADDRESS: u8 = 2;
const PREFIX_INFORMATION: u8 = 3;
/// A link-layer option with an Ethernet address is one unit of eight octets, prefix information is four.
const ONE_UNIT: u8 = 1;
const FOUR_UNITS: u8 = 4;

/// What a host asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Which MAC has this IPv4 address?
    Arp(Solicitation),
    /// Which MAC has this IPv6 address?
    Neighbour {
        /// The question.
        solicitation: Solicitation,
        /// Where it was sent: the solicited-node group, or the address itself to see whether it still lives.
        destination: Ipv6Addr,
    },
    /// Which routers are there?
    Router {
        /// The host's MAC.
        from_mac: Mac,
        /// The host's address; `None` if it has none yet.
        from: Option<Ipv6Addr>,
    },
}

/// Reads a question out of an Ethernet frame. `None` for everything else, and for a question that breaks a
/// rule of its specification: the kernel's own answer to those is silence, too.
pub fn parse_solicitation(bytes: &[u8]) -> Option<Asked> {
    let ethernet = Ethernet2HeaderSlice::from_slice(bytes).ok()?;
    let packet = bytes.get(Ethernet2Header::LEN..)?;
    match ethernet.ether_type() {
        EtherType::ARP => parse_arp(packet, Mac(ethernet.destination())).map(Asked::Arp),
        EtherType::IPV6 => parse_icmp(packet, Mac(ethernet.source()), Mac(ethernet.destination())),
        _ => None,
    }
}

/// RFC 826, "Packet Reception"; announcements are no questions, RFC 5227 §1.1. The answer goes to the MAC that the
/// question names, not the one it came from.
fn parse_arp(packet: &[u8], to_mac: Mac) -> Option<Solicitation> {
    let arp = ArpPacketSlice::from_slice(packet).ok()?;
    let is_ipv4_request = arp.hw_addr_type() == ArpHardwareId::ETHERNET
        && arp.proto_addr_type() == EtherType::IPV4
        && arp.operation() == ArpOperation::REQUEST;
    if !is_ipv4_request {
        return None;
    }
    let from_mac = Mac(arp.sender_hw_addr().try_into().ok()?);
    let from = Ipv4Addr::from(<[u8; 4]>::try_from(arp.sender_protocol_addr()).ok()?);
    let target = Ipv4Addr::from(<[u8; 4]>::try_from(arp.target_protocol_addr()).ok()?);
    // Who announces an address by a request does not ask for it; the announcer may be another Active.
    if from == target {
        return None;
    }
    let from = (!from.is_unspecified()).then_some(IpAddr::V4(from));
    station(from_mac).map(|from_mac| Solicitation { from_mac, from, target: target.into(), to_mac })
}

/// RFC 4861 §6.1.1 and §7.1.1: what both solicitations must be before they are believed.
fn parse_icmp(packet: &[u8], source_mac: Mac, to_mac: Mac) -> Option<Asked> {
    let header = Ipv6HeaderSlice::from_slice(packet).ok()?;
    let message = packet.get(Ipv6Header::LEN..)?.get(..header.payload_length().into())?;
    let (source, destination) = (header.source_addr(), header.destination_addr());
    if header.next_header() != IpNumber::IPV6_ICMP
        || header.hop_limit() != HOP_LIMIT
        || source.is_multicast()
        || icmp_sum(source, destination, message).folded() != 0xffff
    {
        return None;
    }
    let from = (!source.is_unspecified()).then_some(source);
    let (&[kind, code, ..], rest) = message.split_first_chunk::<8>()?;
    match (kind, code) {
        (ROUTER_SOLICITATION, 0) => {
            let from_mac = asker(source_mac, from, rest)?;
            Some(Asked::Router { from_mac, from })
        }
        (NEIGHBOUR_SOLICITATION, 0) => {
            let (target, options) = rest.split_first_chunk::<16>()?;
            let target = Ipv6Addr::from(*target);
            let from_mac = asker(source_mac, from, options)?;
            if target.is_multicast() || (from.is_none() && destination != solicited_node(target)) {
                return None;
            }
            let solicitation =
                Solicitation { from_mac, from: from.map(IpAddr::V6), target: IpAddr::V6(target), to_mac };
            Some(Asked::Neighbour { solicitation, destination })
        }
        _ => None,
    }
}

/// The MAC of whoever asks: of the source link-layer option if there is one, which an asker without an address
/// must not add, else of the frame. `None` if the options are malformed.
fn asker(source_mac: Mac, from: Option<Ipv6Addr>, mut options: &[u8]) -> Option<Mac> {
    let mut named = None;
    while let Some(&[kind, units]) = options.first_chunk() {
        let length = 8 * usize::from(units);
        let (option, rest) = options.split_at_checked(length).filter(|_| length > 0)?;
        if kind == SOURCE_LINK_LAYER_ADDRESS {
            named = option.get(2..8).and_then(|octets| octets.try_into().ok()).map(Mac);
        }
        options = rest;
    }
    match (options, from, named) {
        ([_], _, _) | (_, None, Some(_)) => None,
        (_, _, named) => station(named.unwrap_or(source_mac)),
    }
}

/// A MAC that can be one station's.
fn station(mac: Mac) -> Option<Mac> {
    (!mac.is_group() && mac != Mac::default()).then_some(mac)
}

/// The answer "`address` is at `mac`", to the one who asked. The Ethernet source is `mac` as well, so that
/// switches learn where it is.
pub fn arp_reply(mac: Mac, address: Ipv4Addr, to: &Solicitation) -> [u8; ARP_FRAME] {
    let asker = match to.from {
        Some(IpAddr::V4(ip)) => ip,
        Some(IpAddr::V6(_)) | None => Ipv4Addr::UNSPECIFIED,
    };
    arp(ArpOperation::REPLY, to.from_mac, (mac, address), (to.from_mac, asker))
}

/// Makes an answer leave from `source` instead of the MAC that it names, which no switch then learns.
pub fn leave_from(source: Mac, frame: &mut [u8]) {
    if let Some(octets) = frame.get_mut(6..12) {
        octets.copy_from_slice(&source.0);
    }
}

/// The unasked "`address` is at `mac`", to everybody, in one form or both.
pub fn gratuitous_arp(
    mac: Mac,
    address: Ipv4Addr,
    form: ArpForm,
) -> impl Iterator<Item = [u8; ARP_FRAME]> + use<> {
    let forms: &[ArpOperation] = match form {
        ArpForm::Request => &[ArpOperation::REQUEST],
        ArpForm::Reply => &[ArpOperation::REPLY],
        ArpForm::Both => &[ArpOperation::REQUEST, ArpOperation::REPLY],
    };
    let everybody = Mac::BROADCAST;
    forms.iter().map(move |form| arp(*form, everybody, (mac, address), (everybody, address)))
}

/// A host's question to everybody which MAC `address` has: an ARP request, or a neighbour solicitation to the
/// solicited-node group. RFC 826; RFC 4861 §4.3. Empty if the two are of different families.
pub fn question(from_mac: Mac, from: IpAddr, address: IpAddr) -> Vec<u8> {
    match (from, address) {
        (IpAddr::V4(from), IpAddr::V4(address)) => {
            arp(ArpOperation::REQUEST, Mac::BROADCAST, (from_mac, from), (Mac::default(), address)).to_vec()
        }
        (IpAddr::V6(from), IpAddr::V6(address)) => neighbour_solicitation(from_mac, from, address),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => Vec::new(),
    }
}

fn neighbour_solicitation(from_mac: Mac, from: Ipv6Addr, address: Ipv6Addr) -> Vec<u8> {
    let destination = solicited_node(address);
    let to_mac = Mac::of_multicast(destination.into()).unwrap_or(Mac::BROADCAST);
    let mut message = [0; 32];
    message[0] = NEIGHBOUR_SOLICITATION;
    message[8..24].copy_from_slice(&address.octets());
    message[24..26].copy_from_slice(&[SOURCE_LINK_LAYER_ADDRESS, ONE_UNIT]);
    message[26..].copy_from_slice(&from_mac.0);
    let sum = icmp_sum(from, destination, &message).checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());

    let mut frame = Vec::with_capacity(NEIGHBOUR_ADVERTISEMENT_FRAME);
    frame.extend(ethernet(from_mac, to_mac, EtherType::IPV6));
    frame.extend(icmp_header(from, destination, 32));
    frame.extend(message);
    frame
}

/// One gratuitous ARP or unsolicited neighbour advertisement for every address of `holdings` that we answer for,
/// ourselves or through the kernel with the interface's `own` MAC. RFC 9568 §8.1.2, §8.2.2.
pub fn announcements(holdings: &Holdings, own: Mac, form: ArpForm) -> Vec<Announcement> {
    let mut frames = Vec::new();
    for (address, held) in &holdings.addresses {
        let mac = match (held.answer, held.presence) {
            (Answer::With(mac), _) => mac,
            (Answer::Silent, Presence::OnInterface | Presence::Native) => own,
            (Answer::Silent | Answer::Ask | Answer::Stealth(_), _) => continue,
        };
        let mut announce = |frame: &[u8]| {
            frames.push(Announcement { address: *address, mac, frame: frame.to_vec() });
        };
        match address {
            IpAddr::V4(ip) => gratuitous_arp(mac, *ip, form).for_each(|frame| announce(&frame)),
            IpAddr::V6(ip) => announce(&neighbour_advertisement(mac, *ip, held.router, None)),
        }
    }
    frames
}

/// What everybody is told of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The address.
    pub address: IpAddr,
    /// Where it is.
    pub mac: Mac,
    /// The whole Ethernet frame.
    pub frame: Vec<u8>,
}

fn arp(
    operation: ArpOperation,
    to: Mac,
    (sender_mac, sender): (Mac, Ipv4Addr),
    (target_mac, target): (Mac, Ipv4Addr),
) -> [u8; ARP_FRAME] {
    let mut frame = [0; ARP_FRAME];
    frame[..14].copy_from_slice(&ethernet(sender_mac, to, EtherType::ARP));
    // Ethernet, IPv4, addresses of six and four octets.
    frame[14..20].copy_from_slice(&[0, 1, 8, 0, 6, 4]);
    frame[20..22].copy_from_slice(&operation.0.to_be_bytes());
    frame[22..28].copy_from_slice(&sender_mac.0);
    frame[28..32].copy_from_slice(&sender.octets());
    frame[32..38].copy_from_slice(&target_mac.0);
    frame[38..42].copy_from_slice(&target.octets());
    frame
}

/// "`address` is at `mac`": the answer to a question, or, unasked, the announcement to everybody. A probe
/// comes from a host that has no address yet, so everybody gets its answer. RFC 4861 §7.2.4.
///
/// It always overrides what a host knew before, and comes from the virtual address itself.
pub fn neighbour_advertisement(
    mac: Mac,
    address: Ipv6Addr,
    router: bool,
    to: Option<&Solicitation>,
) -> [u8; NEIGHBOUR_ADVERTISEMENT_FRAME] {
    let asker = to.and_then(|to| match to.from {
        Some(IpAddr::V6(ip)) => Some((to.from_mac, ip)),
        Some(IpAddr::V4(_)) | None => None,
    });
    let (to_mac, destination) = asker.unwrap_or((ALL_NODES_MAC, ALL_NODES));
    let flags = if router { 0x80 } else { 0 } | if asker.is_some() { 0x40 } else { 0 } | 0x20;

    let mut message = [0; 32];
    message[0] = NEIGHBOUR_ADVERTISEMENT;
    message[4] = flags;
    message[8..24].copy_from_slice(&address.octets());
    message[24..26].copy_from_slice(&[TARGET_LINK_LAYER_ADDRESS, ONE_UNIT]);
    message[26..].copy_from_slice(&mac.0);
    let sum = icmp_sum(address, destination, &message).checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());

    let mut frame = [0; NEIGHBOUR_ADVERTISEMENT_FRAME];
    frame[..14].copy_from_slice(&ethernet(mac, to_mac, EtherType::IPV6));
    frame[14..54].copy_from_slice(&icmp_header(address, destination, 32));
    frame[54..].copy_from_slice(&message);
    frame
}

/// Prefixes that fit with everything else into the smallest IPv6 packet that every link carries, 1,280 octets.
const MOST_PREFIXES: usize = 38;
/// Current Hop Limit: what hosts are told to send with. The value IANA recommends.
const ADVERTISED_HOP_LIMIT: u8 = 64;
/// AdvValidLifetime and AdvPreferredLifetime. RFC 4861 §6.2.1.
const VALID: Duration = Duration::from_secs(2_592_000);
const PREFERRED: Duration = Duration::from_secs(604_800);
/// AdvDefaultLifetime is at most this many seconds. RFC 4861 §6.2.1, raised by RFC 8319 §4 to what fits.
const LONGEST_LIFETIME: u16 = u16::MAX;

/// A router advertisement of the virtual router, to everybody or to the host that asked. It leaves from the MAC that it
/// names, or from the interface's `own`. IPv4 prefixes in it are passed over, and so are those beyond what a packet of
/// 1,280 octets holds. RFC 4861 §4.2, §4.6.2.
pub fn router_advertisement(
    advertisement: &RouterAdvertisement,
    own: Mac,
    to: Option<(Mac, Ipv6Addr)>,
) -> Vec<u8> {
    let (to_mac, destination) = to.unwrap_or((ALL_NODES_MAC, ALL_NODES));
    let source = advertisement.source;
    let lifetime = u16::try_from(advertisement.lifetime.as_secs()).unwrap_or(LONGEST_LIFETIME);
    let flags = if advertisement.managed { 0x80 } else { 0 } | if advertisement.other { 0x40 } else { 0 };

    let mut message = vec![ROUTER_ADVERTISEMENT, 0, 0, 0, ADVERTISED_HOP_LIMIT, flags];
    message.extend(lifetime.to_be_bytes());
    // Reachable Time and Retrans Timer: not specified by this router.
    message.extend([0; 8]);
    if let Some(mac) = advertisement.mac {
        message.extend([SOURCE_LINK_LAYER_ADDRESS, ONE_UNIT]);
        message.extend(mac.0);
    }
    let prefixes = advertisement.prefixes.iter().filter_map(prefix_information);
    message.extend(prefixes.take(MOST_PREFIXES).flatten());
    let sum = icmp_sum(source, destination, &message).checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());

    // At most 24 + 38 × 32 octets.
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    let mut frame = Vec::with_capacity(54 + message.len());
    frame.extend(ethernet(advertisement.mac.unwrap_or(own), to_mac, EtherType::IPV6));
    frame.extend(icmp_header(source, destination, length));
    frame.extend(message);
    frame
}

/// On-link, and for autoconfiguration where hosts can use it: their interface identifiers have 64 bits.
fn prefix_information(prefix: &InterfaceAddress) -> Option<[u8; 32]> {
    let IpAddr::V6(ip) = prefix.ip else { return None };
    let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.prefix.into())).unwrap_or(0);
    let flags = 0x80 | if prefix.prefix == 64 { 0x40 } else { 0 };
    let mut option = [0; 32];
    option[..4].copy_from_slice(&[PREFIX_INFORMATION, FOUR_UNITS, prefix.prefix.min(128), flags]);
    option[4..8].copy_from_slice(&seconds(VALID).to_be_bytes());
    option[8..12].copy_from_slice(&seconds(PREFERRED).to_be_bytes());
    option[16..].copy_from_slice(&(u128::from(ip) & mask).to_be_bytes());
    Some(option)
}

fn seconds(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}

fn ethernet(source: Mac, destination: Mac, ether_type: EtherType) -> [u8; Ethernet2Header::LEN] {
    Ethernet2Header { source: source.0, destination: destination.0, ether_type }.to_bytes()
}

fn icmp_header(source: Ipv6Addr, destination: Ipv6Addr, payload_length: u16) -> [u8; Ipv6Header::LEN] {
    Ipv6Header {
        payload_length,
        next_header: IpNumber::IPV6_ICMP,
        hop_limit: HOP_LIMIT,
        source: source.octets(),
        destination: destination.octets(),
        ..Ipv6Header::default()
    }
    .to_bytes()
}

fn icmp_sum(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> Sum {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    Sum::new()
        .over_pseudo_header(source.into(), destination.into(), ip_protocol::ICMPV6, length)
        .over(message)
}
