//! What the lab reads off the wire and puts on it: advertisements of VRRP and CARP, what active routers of HSRP and GLBP
//! say, answers to its own questions, the packets of its streams.
//!
//! Nothing of this comes from the code under test, so that both cannot share a mistake.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fhrp::Mac;
use fhrp::address::solicited_node;
use fhrp::checksum::Sum;

/// What a holder of the role says on the LAN: an advertisement of VRRP or CARP, a Hello or Resign of HSRP, a hello of an
/// active gateway of GLBP or of one that leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advert {
    /// When the switch got it, in nanoseconds of wall-clock time, by the kernel's timestamp.
    pub at: u64,
    /// The router behind the switch port it came from.
    pub router: String,
    /// The MAC it came from.
    pub mac: Mac,
    /// The IP address it came from.
    pub source: IpAddr,
    /// Where it went.
    pub destination: IpAddr,
    /// 2 or 3 of VRRP, 2 of CARP, 1 or 2 of HSRP, 1 of GLBP.
    pub version: u8,
    /// Virtual router or host identifier, or the last eight bits of a group's number.
    pub vrid: u8,
    /// Priority; 0 says goodbye, as in GLBP, and stands for a Resign of HSRP. In CARP what advskew leaves of 255.
    pub priority: u8,
    /// Advertisement interval or hello time.
    pub interval: Duration,
    /// How long others wait for the next one.
    pub patience: Patience,
}

/// How long others wait for a holder's next word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// VRRP: three of its intervals, and their own skew within one.
    Intervals,
    /// CARP: this, and their own skew within a second. It is their own advbase, which all ought to have alike.
    Base(Duration),
    /// HSRP and GLBP: this, which it says.
    Hold(Duration),
}

impl Advert {
    /// Skew_Time of a router of `priority` that heard this advert. RFC 3768 §6.1, RFC 9568 §6.1; CARP's advskew.
    pub fn skew(&self, priority: u8) -> Duration {
        match self.patience {
            Patience::Hold(_) => Duration::ZERO,
            Patience::Base(_) => Duration::from_secs(1) * (255 - u32::from(priority)) / 256,
            Patience::Intervals if self.version == 2 => {
                Duration::from_secs(1) * (256 - u32::from(priority)) / 256
            }
            Patience::Intervals => self.interval * (256 - u32::from(priority)) / 256,
        }
    }

    /// How long after this advert a Backup of `priority` takes over, by the protocol.
    pub fn bound(&self, priority: u8) -> Duration {
        let skew = self.skew(priority);
        match self.patience {
            _ if self.priority == 0 => skew,
            Patience::Intervals => self.interval * 3 + skew,
            // With advbase 0 the skew is all there is, and counts three times.
            Patience::Base(Duration::ZERO) => skew * 3,
            Patience::Base(base) => base + skew,
            Patience::Hold(hold) => hold,
        }
    }
}

/// An answer to one of the lab's own questions for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// When the switch got it.
    pub at: u64,
    /// The router behind the switch port it came from.
    pub router: String,
    /// The address asked for.
    pub ip: IpAddr,
    /// The MAC it names.
    pub mac: Mac,
}

/// What a frame of the LAN turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    Advert(Advert),
    Answer(Answer),
}

/// The station that asks; nobody else in the lab is it.
pub(crate) const ASKER_MAC: Mac = Mac([0x02, 0, 0, 0, 0, 0xc8]);
/// Its last octet in both families.
pub(crate) const ASKER_NUMBER: u8 = 200;
const ASKER_IPV6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xc8);

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const PROTOCOL_UDP: u8 = 17;
const PROTOCOL_AH: u8 = 51;
const PROTOCOL_ICMPV6: u8 = 58;
const PROTOCOL_VRRP: u8 = 112;
/// Of HSRP over IPv4, and over IPv6.
const PORTS_HSRP: [u16; 2] = [1985, 2029];
/// Of GLBP.
const PORT_GLBP: u16 = 3222;
/// State of a gateway of GLBP that answers hosts.
const ACTIVE_GATEWAY: u8 = 0x20;
const HELLO: u8 = 0;
const RESIGN: u8 = 2;

/// Numbers of stream packets have the host above these bits.
const HOST_SHIFT: u32 = 48;
/// The marks at the beginning of a stream packet's payload.
const STREAM_MARK: &[u8; 8] = b"fh-lab 1";
/// The port of the stream.
pub(crate) const STREAM_PORT: u16 = 9;

fn mac(octets: &[u8]) -> Option<Mac> {
    octets.get(..6)?.try_into().ok().map(Mac)
}

fn ipv4(octets: &[u8]) -> Option<IpAddr> {
    let four: [u8; 4] = octets.get(..4)?.try_into().ok()?;
    Some(Ipv4Addr::from(four).into())
}

fn ipv6(octets: &[u8]) -> Option<IpAddr> {
    let sixteen: [u8; 16] = octets.get(..16)?.try_into().ok()?;
    Some(Ipv6Addr::from(sixteen).into())
}

/// An IP packet without its header.
struct Packet<'a> {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    payload: &'a [u8],
}

fn packet(frame: &[u8]) -> Option<Packet<'_>> {
    let body = frame.get(14..)?;
    match u16::from_be_bytes([*frame.get(12)?, *frame.get(13)?]) {
        ETHERTYPE_IPV4 => {
            let header = usize::from(body.first()? & 0x0f) * 4;
            let total = usize::from(u16::from_be_bytes([*body.get(2)?, *body.get(3)?]));
            Some(Packet {
                source: ipv4(body.get(12..)?)?,
                destination: ipv4(body.get(16..)?)?,
                protocol: *body.get(9)?,
                payload: body.get(header..total)?,
            })
        }
        ETHERTYPE_IPV6 => {
            let length = usize::from(u16::from_be_bytes([*body.get(4)?, *body.get(5)?]));
            Some(Packet {
                source: ipv6(body.get(8..)?)?,
                destination: ipv6(body.get(24..)?)?,
                protocol: *body.get(6)?,
                payload: body.get(40..40 + length)?,
            })
        }
        _ => None,
    }
}

/// What a frame that came from `router` at `at` means to the lab, if anything.
pub(crate) fn read(frame: &[u8], router: &str, at: u64) -> Option<Meaning> {
    if frame.get(12..14)? == ETHERTYPE_ARP.to_be_bytes() {
        let arp = frame.get(14..42)?;
        let for_us = arp.get(6..8)? == [0, 2] && mac(arp.get(18..)?)? == ASKER_MAC;
        let (mac, ip) = (mac(arp.get(8..)?)?, ipv4(arp.get(14..)?)?);
        return for_us.then(|| Meaning::Answer(Answer { at, router: router.to_owned(), ip, mac }));
    }
    let mut packet = packet(frame)?;
    if packet.protocol == PROTOCOL_AH {
        let length = (usize::from(*packet.payload.get(1)?) + 2) * 4;
        packet.protocol = *packet.payload.first()?;
        packet.payload = packet.payload.get(length..)?;
    }
    let claim = match packet.protocol {
        PROTOCOL_ICMPV6 => return neighbour(frame, &packet, router, at),
        PROTOCOL_VRRP if is_carp(&packet) => virtual_host(packet.payload)?,
        PROTOCOL_VRRP => virtual_router(packet.payload)?,
        PROTOCOL_UDP => in_datagram(packet.payload)?,
        _ => return None,
    };
    let Claim { version, vrid, priority, interval, patience } = claim;
    Some(Meaning::Advert(Advert {
        at,
        router: router.to_owned(),
        mac: mac(frame.get(6..)?)?,
        source: packet.source,
        destination: packet.destination,
        version,
        vrid,
        priority,
        interval,
        patience,
    }))
}

/// What a message says of its sender, in the words of [`Advert`].
struct Claim {
    version: u8,
    vrid: u8,
    priority: u8,
    interval: Duration,
    patience: Patience,
}

/// HSRP or GLBP, by its port.
fn in_datagram(datagram: &[u8]) -> Option<Claim> {
    let message = datagram.get(8..)?;
    match u16::from_be_bytes([*datagram.get(2)?, *datagram.get(3)?]) {
        PORT_GLBP => balanced(message),
        port if PORTS_HSRP.contains(&port) => standby(message),
        _ => None,
    }
}

/// An advertisement of VRRP. RFC 9568 §5.1, RFC 3768 §5.1.
fn virtual_router(message: &[u8]) -> Option<Claim> {
    let version = message.first()? >> 4;
    let interval = match version {
        2 => Duration::from_secs(u64::from(*message.get(5)?)),
        _ => {
            let centiseconds = u16::from_be_bytes([message.get(4)? & 0x0f, *message.get(5)?]);
            Duration::from_millis(u64::from(centiseconds) * 10)
        }
    };
    Some(Claim {
        version,
        vrid: *message.get(1)?,
        priority: *message.get(2)?,
        interval,
        patience: Patience::Intervals,
    })
}

/// CARP begins as VRRP version 2 does: over IPv4 seven words of counter and digest in 36 octets, and over IPv6 there is no
/// VRRP version 2.
fn is_carp(packet: &Packet<'_>) -> bool {
    match packet.payload {
        [0x21, ..] if packet.source.is_ipv6() => true,
        [0x21, _, _, 7, ..] => packet.payload.len() == 36,
        _ => false,
    }
}

/// An advertisement of CARP. OpenBSD ip_carp.h, `carp_header`: advskew in octet 2, advbase in octet 5; 255 in both says
/// goodbye.
fn virtual_host(message: &[u8]) -> Option<Claim> {
    let [_, vhid, skew, _, _, base, ..] = *message else { return None };
    let seconds = Duration::from_secs(base.into());
    let says_goodbye = skew == u8::MAX && base == u8::MAX;
    Some(Claim {
        version: 2,
        vrid: vhid,
        priority: if says_goodbye { 0 } else { (u8::MAX - skew).max(1) },
        interval: seconds + Duration::from_secs(skew.into()) / 256,
        patience: Patience::Base(seconds * 3),
    })
}

/// What an active gateway of GLBP says, or whoever leaves: the gateway's TLV, type 1, behind those that prove it.
fn balanced(message: &[u8]) -> Option<Claim> {
    let &[1, 0, _, group, ..] = message else { return None };
    let mut tlvs = message.get(12..)?;
    while *tlvs.first()? != 1 {
        tlvs = tlvs.get(usize::from(*tlvs.get(1)?).max(2)..)?;
    }
    let millisecond = |place: usize| {
        let octets = tlvs.get(place..place + 4)?.try_into().ok()?;
        Some(Duration::from_millis(u32::from_be_bytes(octets).into()))
    };
    let (state, priority) = (*tlvs.get(3)?, *tlvs.get(5)?);
    if state != ACTIVE_GATEWAY && priority != 0 {
        return None;
    }
    Some(Claim {
        version: 1,
        vrid: group,
        priority,
        interval: millisecond(8)?,
        patience: Patience::Hold(millisecond(12)?),
    })
}

/// A Hello of an active HSRP router, or a Resign. RFC 2281 §5.1; in version 2 the Group State TLV.
fn standby(message: &[u8]) -> Option<Claim> {
    let word = |place| Some(u32::from_be_bytes(message.get(place..place + 4)?.try_into().ok()?));
    let second = |place| Some(Duration::from_secs(u64::from(*message.get(place)?)));
    let millisecond = |place| Some(Duration::from_millis(u64::from(word(place)?)));
    let (version, operation, is_active, vrid, priority, interval, hold) = match message {
        [0, operation, state, _, _, priority, group, ..] => {
            (1, *operation, *state == 16, *group, *priority, second(3)?, second(4)?)
        }
        [1, 40, 2, operation, state, _, _, group, ..] => {
            let priority = u8::try_from(word(14)?).ok()?;
            (2, *operation, *state == 6, *group, priority, millisecond(18)?, millisecond(22)?)
        }
        _ => return None,
    };
    let priority = match operation {
        HELLO if is_active => priority,
        RESIGN => 0,
        _ => return None,
    };
    Some(Claim { version, vrid, priority, interval, patience: Patience::Hold(hold) })
}

/// A neighbour advertisement for the asker. RFC 4861 §4.4.
fn neighbour(frame: &[u8], packet: &Packet<'_>, router: &str, at: u64) -> Option<Meaning> {
    let message = packet.payload;
    if *message.first()? != 136 || packet.destination != IpAddr::V6(ASKER_IPV6) {
        return None;
    }
    let named = match message.get(24..26) {
        Some([2, 1]) => mac(message.get(26..)?)?,
        _ => mac(frame.get(6..)?)?,
    };
    let ip = ipv6(message.get(8..)?)?;
    Some(Meaning::Answer(Answer { at, router: router.to_owned(), ip, mac: named }))
}

/// A host's packets are numbered from here on; there are not as many as would reach the next one's.
pub(crate) fn first_number(host: u64) -> u64 {
    host << HOST_SHIFT
}

/// Which host's packet it is, and its number among those.
pub(crate) fn host_and_number(number: u64) -> (u64, u64) {
    (number >> HOST_SHIFT, number & ((1 << HOST_SHIFT) - 1))
}

/// The MAC that a frame left from.
pub(crate) fn source_mac(frame: &[u8]) -> Option<Mac> {
    mac(frame.get(6..)?)
}

/// The number of a stream packet, if this is one.
pub(crate) fn stream_number(frame: &[u8]) -> Option<u64> {
    let packet = packet(frame)?;
    let payload = packet.payload.get(8..).filter(|_| packet.protocol == PROTOCOL_UDP)?;
    let number: [u8; 8] = payload.strip_prefix(STREAM_MARK)?.get(..8)?.try_into().ok()?;
    Some(u64::from_be_bytes(number))
}

/// The payload of stream packet `number`.
pub(crate) fn stream_payload(number: u64) -> [u8; 16] {
    let mut payload = [0; 16];
    payload[..8].copy_from_slice(STREAM_MARK);
    payload[8..].copy_from_slice(&number.to_be_bytes());
    payload
}

/// A frame in which the asker, neighbour of `ip`, asks who has it.
pub(crate) fn question(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => arp_request(ip),
        IpAddr::V6(ip) => neighbour_solicitation(ip),
    }
}

fn arp_request(ip: Ipv4Addr) -> Vec<u8> {
    let [a, b, c, _] = ip.octets();
    let mut frame = Vec::with_capacity(60);
    frame.extend(Mac::BROADCAST.0);
    frame.extend(ASKER_MAC.0);
    frame.extend(ETHERTYPE_ARP.to_be_bytes());
    frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(ASKER_MAC.0);
    frame.extend([a, b, c, ASKER_NUMBER]);
    frame.extend([0; 6]);
    frame.extend(ip.octets());
    frame.resize(60, 0);
    frame
}

fn neighbour_solicitation(ip: Ipv6Addr) -> Vec<u8> {
    let to = solicited_node(ip);
    let mut message = vec![135, 0, 0, 0, 0, 0, 0, 0];
    message.extend(ip.octets());
    message.extend([1, 1]);
    message.extend(ASKER_MAC.0);
    let length = message.len() as u16;
    let sum = Sum::new()
        .over_pseudo_header(ASKER_IPV6.into(), to.into(), PROTOCOL_ICMPV6, length.into())
        .over(&message)
        .checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());

    let mut frame = Vec::with_capacity(14 + 40 + message.len());
    frame.extend(Mac::of_multicast(to.into()).unwrap_or(Mac::BROADCAST).0);
    frame.extend(ASKER_MAC.0);
    frame.extend(ETHERTYPE_IPV6.to_be_bytes());
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([PROTOCOL_ICMPV6, 255]);
    frame.extend(ASKER_IPV6.octets());
    frame.extend(to.octets());
    frame.extend(message);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![1, 0, 0x5e, 0, 0, 0x12, 0, 0, 0x5e, 0, 1, 10, 8, 0];
        let total = (20 + payload.len()) as u16;
        frame.extend([0x45, 0xc0]);
        frame.extend(total.to_be_bytes());
        frame.extend([0, 0, 0, 0, 255, protocol, 0, 0, 10, 0, 10, 2, 224, 0, 0, 18]);
        frame.extend(payload);
        frame
    }

    fn advert_of(frame: &[u8]) -> Advert {
        match read(frame, "r1", 7) {
            Some(Meaning::Advert(advert)) => advert,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_versions_are_read_and_bounded() {
        let v3 = advert_of(&frame(112, &[0x31, 10, 200, 1, 0, 10, 0, 0, 10, 0, 10, 1]));
        assert_eq!((v3.version, v3.vrid, v3.priority, v3.interval), (3, 10, 200, Duration::from_millis(100)));
        assert_eq!(v3.bound(100), Duration::from_nanos(360_937_500));
        let v2 = advert_of(&frame(112, &[0x21, 10, 200, 1, 0, 2, 0, 0, 10, 0, 10, 1]));
        assert_eq!(v2.bound(100), Duration::from_nanos(6_609_375_000));
        let goodbye = advert_of(&frame(112, &[0x31, 10, 0, 1, 0, 1, 0, 0, 10, 0, 10, 1]));
        assert_eq!(goodbye.bound(254), Duration::from_nanos(78_125));
    }

    #[test]
    fn active_routers_of_hsrp_are_read_and_bounded() {
        let udp = |message: &[u8]| {
            let mut payload = vec![7, 0xc1, 7, 0xc1, 0, 0, 0, 0];
            payload.extend(message);
            frame(17, &payload)
        };
        let v1 = advert_of(&udp(&[0, 0, 16, 3, 10, 200, 7, 0]));
        assert_eq!((v1.version, v1.vrid, v1.priority, v1.interval), (1, 7, 200, Duration::from_secs(3)));
        assert_eq!(v1.bound(100), Duration::from_secs(10));
        assert_eq!(advert_of(&udp(&[0, 2, 4, 3, 10, 200, 7, 0])).bound(100), Duration::ZERO);
        assert_eq!(read(&udp(&[0, 0, 8, 3, 10, 200, 7, 0]), "r1", 0), None, "a standby router");
        let mut state = vec![1, 40, 2, 0, 6, 4, 0, 7, 2, 0, 0, 0, 0, 5, 0, 0, 0, 200];
        state.extend([0, 0, 0, 100, 0, 0, 1, 44]);
        let v2 = advert_of(&udp(&state));
        assert_eq!((v2.version, v2.interval), (2, Duration::from_millis(100)));
        assert_eq!(v2.bound(1), Duration::from_millis(300));
    }

    #[test]
    fn active_gateways_of_glbp_are_read_and_bounded() {
        let udp = |state: u8, priority: u8| {
            let mut payload = vec![0x0c, 0x96, 0x0c, 0x96, 0, 0, 0, 0, 1, 0, 1, 7, 0, 0, 2, 0, 0, 0, 0, 1];
            // Authentication, which is stepped over.
            payload.extend([3, 6, 1, 2, b'x', 0]);
            payload.extend([1, 28, 0, state, 0, priority, 0, 0, 0, 0, 0, 100, 0, 0, 1, 44]);
            payload.extend([2, 0x58, 0x38, 0x40, 0, 0, 1, 4, 10, 0, 10, 1]);
            frame(17, &payload)
        };
        let active = advert_of(&udp(0x20, 200));
        assert_eq!((active.vrid, active.priority, active.interval), (7, 200, Duration::from_millis(100)));
        assert_eq!(active.bound(1), Duration::from_millis(300));
        assert_eq!(advert_of(&udp(4, 0)).bound(1), Duration::ZERO);
        assert_eq!(read(&udp(0x10, 150), "r1", 0), None, "a standby gateway");
    }

    #[test]
    fn virtual_hosts_are_read_and_bounded() {
        let mut message = vec![0x21, 10, 100, 7, 0, 1];
        message.resize(36, 0);
        let carp = advert_of(&frame(112, &message));
        assert_eq!((carp.vrid, carp.priority, carp.interval), (10, 155, Duration::from_micros(1_390_625)));
        assert_eq!(carp.bound(255), Duration::from_secs(3));
        assert_eq!(carp.bound(155), Duration::from_micros(3_390_625));
        message[5] = 0;
        assert_eq!(advert_of(&frame(112, &message)).bound(155), Duration::from_nanos(1_171_875_000));
        (message[2], message[5]) = (255, 255);
        let goodbye = advert_of(&frame(112, &message));
        assert_eq!((goodbye.priority, goodbye.bound(155)), (0, Duration::from_micros(390_625)));
    }

    #[test]
    fn an_authentication_header_is_stepped_over() {
        let mut payload = vec![112, 4];
        payload.resize(24, 0);
        payload.extend([0x21, 10, 200, 1, 1, 1, 0, 0]);
        assert_eq!(advert_of(&frame(51, &payload)).vrid, 10);
    }

    #[test]
    fn stream_packets_carry_their_number() {
        let mut payload = vec![0; 8];
        payload.extend(stream_payload(77));
        assert_eq!(stream_number(&frame(17, &payload)), Some(77));
        assert_eq!(stream_number(&frame(17, &payload[..20])), None);
        assert_eq!(host_and_number(first_number(19) + 77), (19, 77));
    }

    #[test]
    fn nothing_shorter_than_whole_is_read() {
        let whole = frame(112, &[0x31, 10, 200, 1, 0, 10, 0, 0, 10, 0, 10, 1]);
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length], "r1", 0), None, "{length}");
        }
    }

    #[test]
    fn answers_to_others_are_left_alone() {
        let question = arp_request("10.0.10.1".parse().unwrap());
        assert_eq!(read(&question, "r1", 0), None);
    }
}
