//! What holds for every message, every key and every stranger's octets.

mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fhrp::{Protocol, Received};
use proptest::collection::vec;
use proptest::prelude::*;
use support::{Frame, ip};
use vrrp::PROTOCOL;
use vrrp::auth::Guard;
use vrrp::config::{AntiReplay, Authentication, Hmac, HmacMode, Key, Secret};
use vrrp::wire::{
    Advertisement, ChecksumForm, MULTICAST_V4, MULTICAST_V6, Version, WireError, emit, parse, peek,
};

const WALL: Duration = Duration::from_secs(1_795_394_393);

fn v4() -> impl Strategy<Value = IpAddr> {
    any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).into())
}

fn v6() -> impl Strategy<Value = IpAddr> {
    any::<u128>().prop_map(|bits| Ipv6Addr::from(bits).into())
}

/// Every message of `version` that can be built, with up to `most` addresses.
fn advertisement(
    version: Version,
    address: impl Strategy<Value = IpAddr>,
    most: usize,
) -> impl Strategy<Value = Advertisement> {
    let interval = match version {
        Version::V2 => (1..=255u64).prop_map(Duration::from_secs).boxed(),
        Version::V3 => (1..=4095u64).prop_map(|cs| Duration::from_millis(cs * 10)).boxed(),
    };
    (any::<u8>(), any::<u8>(), interval, vec(address, 1..=most)).prop_map(
        move |(vrid, priority, interval, addresses)| Advertisement {
            version,
            vrid,
            priority,
            interval,
            addresses,
        },
    )
}

/// A message with the addresses of a header that can carry it.
fn letter(most: usize) -> impl Strategy<Value = (Advertisement, IpAddr, IpAddr)> {
    let destination = |group: IpAddr, unicast: BoxedStrategy<IpAddr>| prop_oneof![Just(group), unicast];
    prop_oneof![
        (advertisement(Version::V2, v4(), most), v4(), destination(MULTICAST_V4, v4().boxed())),
        (advertisement(Version::V3, v4(), most), v4(), destination(MULTICAST_V4, v4().boxed())),
        (advertisement(Version::V3, v6(), most), v6(), destination(MULTICAST_V6, v6().boxed())),
    ]
}

fn form() -> impl Strategy<Value = ChecksumForm> {
    prop_oneof![Just(ChecksumForm::MessageOnly), Just(ChecksumForm::PseudoHeader)]
}

fn secret(lengths: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Secret> {
    vec(1..=255u8, lengths).prop_map(Secret::new)
}

/// The schemes of version 2, which cover the message.
fn digest_of_version_2() -> impl Strategy<Value = Authentication> {
    prop_oneof![
        secret(1..=8).prop_map(Authentication::AuthenticationHeader),
        (any::<u32>(), secret(1..=64))
            .prop_map(|(id, secret)| Authentication::CiscoMd5(vec![Key { id, secret }])),
    ]
}

fn trailer() -> impl Strategy<Value = Authentication> {
    let window = AntiReplay::Window(Duration::from_secs(5));
    (1..=255u32, secret(32..=64), prop_oneof![Just(AntiReplay::Monotonic), Just(window)]).prop_map(
        |(id, secret, anti_replay)| {
            let keys = vec![Key { id, secret }];
            Authentication::Hmac(Hmac { keys, mode: HmacMode::Enforce, anti_replay })
        },
    )
}

/// A letter and a scheme that its version has.
fn signed_letter() -> impl Strategy<Value = (Advertisement, IpAddr, IpAddr, Authentication)> {
    letter(12).prop_flat_map(|(advertisement, source, destination)| {
        let scheme = match advertisement.version {
            Version::V2 => prop_oneof![digest_of_version_2(), trailer()].boxed(),
            Version::V3 => trailer().boxed(),
        };
        (Just(advertisement), Just(source), Just(destination), scheme)
    })
}

fn sealed_by(
    guard: &mut Guard,
    (advertisement, source, destination): (&Advertisement, IpAddr, IpAddr),
    form: ChecksumForm,
) -> Frame {
    let routed = !destination.is_multicast();
    let sealed = guard.seal(advertisement, form, source, destination, 77, routed, WALL);
    Frame::datagram(source, destination, 77, sealed.protocol, &sealed.payload)
}

/// Why a frame is not obeyed, by the counter.
fn judge(guard: &mut Guard, received: &Received<'_>) -> Result<Advertisement, &'static str> {
    let heard = parse(received).map_err(|error| error.counter())?;
    guard.admit(received, &heard, WALL).map_err(|refusal| refusal.counter())?;
    Ok(heard.advertisement)
}

/// Makes the checksum right again, as whoever forges a message would.
fn repair(frame: &mut Frame, trailer: bool) {
    let received = frame.received();
    let (inside, source, destination) =
        (if received.protocol == 51 { 24 } else { 0 }, received.source, received.destination);
    let octets = frame.payload_mut();
    let end = if trailer && source.is_ipv4() { octets.len() - 28 } else { octets.len() };
    let Some(message) = octets.get_mut(inside..end).filter(|message| message.len() >= 8) else { return };
    message[6..8].fill(0);
    let mut sum = fhrp::checksum::Sum::new().over(message);
    if source.is_ipv6() {
        let length = u32::try_from(message.len()).unwrap_or_default();
        sum = sum.over_pseudo_header(source, destination, 112, length);
    }
    message[6..8].copy_from_slice(&sum.checksum().to_be_bytes());
}

proptest! {
    #[test]
    fn what_is_written_is_read((said, source, destination) in letter(255), form in form()) {
        let octets = emit(&said, form, source, destination, 0, [0; 8]);
        let frame = Frame::datagram(source, destination, 0, 112, &octets);
        let received = frame.received();
        let heard = parse(&received).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&heard.advertisement, &said);
        prop_assert_eq!(PROTOCOL.group_of(&received), Some(u16::from(said.vrid)));
        if said.version == Version::V3 && source.is_ipv4() {
            prop_assert!(heard.checksum_fits(form));
        }
        let seen = peek(&received).map(|peek| (peek.version, peek.vrid, peek.priority));
        prop_assert_eq!(seen, Some((said.version.number(), said.vrid, said.priority)));
    }

    #[test]
    fn no_other_length_will_do((said, source, destination) in letter(8), form in form(), surplus in 1..64usize) {
        let octets = emit(&said, form, source, destination, 0, [0; 8]);
        for length in 0..octets.len() {
            let frame = Frame::datagram(source, destination, 0, 112, &octets[..length]);
            let error = parse(&frame.received()).err();
            prop_assert_eq!(error.map(|error| error.counter()), Some("packet-length-errors"));
        }
        prop_assume!(surplus != 28);
        let longer = [&octets[..], &vec![0; surplus]].concat();
        let frame = Frame::datagram(source, destination, 0, 112, &longer);
        let error = parse(&frame.received()).err();
        prop_assert_eq!(error, Some(WireError::Length { got: longer.len(), expected: octets.len() }));
    }

    #[test]
    fn what_is_sealed_is_admitted_once((said, source, destination, scheme) in signed_letter(), form in form()) {
        let mut ours = Guard::new(&scheme);
        let mut theirs = Guard::new(&scheme);
        for _ in 0..3 {
            let frame = sealed_by(&mut ours, (&said, source, destination), form);
            let plain = emit(&said, form, source, destination, 0, [0; 8]);
            prop_assert_eq!(frame.received().payload.len(), plain.len() + ours.overhead());
            let heard = judge(&mut theirs, &frame.received());
            prop_assert_eq!(heard.as_ref(), Ok(&said));
            let again = judge(&mut theirs, &frame.received());
            prop_assert_eq!(again.is_err(), ours.ages());
        }
    }

    #[test]
    fn every_covered_bit_counts(
        (said, source, destination, scheme) in signed_letter(),
        form in form(),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let mut frame = sealed_by(&mut Guard::new(&scheme), (&said, source, destination), form);
        let message = if frame.received().protocol == 51 { 24 } else { 0 };
        // Cisco covers neither the sender's address nor, as everybody, the checksum, which is repaired.
        let uncovered = match scheme {
            Authentication::CiscoMd5(_) => {
                let tlv = frame.received().payload.len() - 30;
                tlv + 6..tlv + 10
            }
            _ => 0..0,
        };
        let payload = frame.payload_mut();
        let at = at.index(payload.len());
        prop_assume!(!uncovered.contains(&at) && !(message + 6..message + 8).contains(&at));
        payload[at] ^= 1 << bit;
        repair(&mut frame, matches!(scheme, Authentication::Hmac(_)));
        prop_assert!(judge(&mut Guard::new(&scheme), &frame.received()).is_err());
    }

    #[test]
    fn the_authentication_header_covers_the_ip_header(
        said in advertisement(Version::V2, v4(), 4),
        key in secret(1..=8),
        at in 0..20usize,
        bit in 0..8u8,
    ) {
        let scheme = Authentication::AuthenticationHeader(key);
        let mut frame = sealed_by(&mut Guard::new(&scheme), (&said, ip("192.0.2.1"), MULTICAST_V4), ChecksumForm::MessageOnly);
        // Version, header length and protocol decide whether anything is read at all; the destination's family
        // of groups decides whether the TTL counts.
        prop_assume!(![0, 9, 16].contains(&at));
        frame.ip[at] ^= 1 << bit;
        let changeable = [1, 6, 7, 10, 11].contains(&at);
        let verdict = judge(&mut Guard::new(&scheme), &frame.received());
        prop_assert_eq!(verdict.is_ok(), changeable);
    }

    #[test]
    fn another_source_is_another_hmac(
        (said, source, destination) in letter(4),
        scheme in trailer(),
        bit in 0..32u32,
    ) {
        let form = ChecksumForm::MessageOnly;
        let frame = sealed_by(&mut Guard::new(&scheme), (&said, source, destination), form);
        let forged = match source {
            IpAddr::V4(ip) => Ipv4Addr::from(u32::from(ip) ^ (1 << bit)).into(),
            IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) ^ (1 << (3 * bit))).into(),
        };
        let mut frame = Frame::datagram(forged, destination, 0, 112, frame.received().payload);
        repair(&mut frame, true);
        prop_assert_eq!(judge(&mut Guard::new(&scheme), &frame.received()), Err("hmac-invalid"));
    }

    /// Strangers may say anything. Octets are steered towards messages now and then, and given a right
    /// checksum, so that they get further than the first rule.
    #[test]
    fn nothing_panics_on_octets(
        octets in vec(any::<u8>(), 0..160),
        first in prop_oneof![Just(0x21u8), Just(0x31), any::<u8>()],
        count in prop_oneof![0..9u8, any::<u8>()],
        auth_type in prop_oneof![Just(0u8), Just(1), Just(2), Just(254), any::<u8>()],
        protocol in prop_oneof![Just(112u8), Just(51), any::<u8>()],
        over_ipv6 in any::<bool>(),
        fit in any::<bool>(),
        scheme in prop_oneof![Just(Authentication::None), digest_of_version_2(), trailer()],
    ) {
        let mut octets = octets;
        if let Some(head) = octets.first_chunk_mut::<5>() {
            (head[0], head[3], head[4]) = (first, count, auth_type);
        }
        if fit {
            let size = if over_ipv6 { 16 } else { 4 };
            octets.resize(8 + usize::from(count) * size + if first >> 4 == 2 { 8 } else { 0 }, 7);
        }
        if protocol == 51 {
            octets.splice(0..0, [112, 4, 0, 0, 1, 2, 3, 4, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
        }
        let (source, destination) =
            if over_ipv6 { (ip("fe80::1"), MULTICAST_V6) } else { (ip("192.0.2.1"), MULTICAST_V4) };
        let mut frame = Frame::datagram(source, destination, 1, protocol, &octets);
        for repaired in [false, true] {
            if repaired {
                repair(&mut frame, false);
            }
            let received = frame.received();
            let _ = (PROTOCOL.group_of(&received), peek(&received));
            match parse(&received) {
                Err(error) => prop_assert!(!error.to_string().is_empty() && !error.counter().is_empty()),
                Ok(heard) => {
                    let _ = Guard::new(&scheme).admit(&received, &heard, WALL);
                    let again = emit(&heard.advertisement, heard.checksum, source, destination, 0, [0; 8]);
                    let frame = Frame::datagram(source, destination, 0, 112, &again);
                    let heard_again = parse(&frame.received()).map(|heard| heard.advertisement);
                    prop_assert_eq!(heard_again, Ok(heard.advertisement));
                }
            }
        }
    }
}

#[test]
fn each_broken_rule_has_its_counter() {
    let cases = [
        ("", "192.0.2.1", "0 octets where at least 8 are needed", "packet-length-errors"),
        ("4133960100640000c0000264", "192.0.2.1", "version 4, must be 2 or 3", "version-errors"),
        ("21339601 00640000", "fe80::1", "version 2 over IPv6, which has only version 3", "version-errors"),
        (
            "313396010064 7602 c000026400",
            "192.0.2.1",
            "13 octets where its fields ask for 12",
            "packet-length-errors",
        ),
        // An IPv6 address where the header says IPv4.
        (
            "313396010064 0000 fe800000000000000000000000000051",
            "192.0.2.1",
            "24 octets where its fields ask for 12",
            "packet-length-errors",
        ),
        ("313396010064 7603 c0000264", "192.0.2.1", "checksum 7603, must be 7602", "checksum-errors"),
        ("323396010064 7502 c0000264", "192.0.2.1", "type 2, must be 1 (advertisement)", "invalid-type"),
        (
            "313396000064 3868",
            "192.0.2.1",
            "no addresses where at least one is needed",
            "packet-length-errors",
        ),
        (
            "313396010000 7666 c0000264",
            "192.0.2.1",
            "an advertisement interval of zero",
            "advertise-interval-errors",
        ),
        // Four reserved bits are no part of the interval.
        (
            "31339601f000 8665 c0000264",
            "192.0.2.1",
            "an advertisement interval of zero",
            "advertise-interval-errors",
        ),
        // Cisco's type without its field.
        (
            "21339601fe010000c00002640000000000000000",
            "192.0.2.1",
            "20 octets where its fields ask for 50",
            "packet-length-errors",
        ),
        // Version 2 without Authentication Data.
        (
            "2133960100010000c0000264",
            "192.0.2.1",
            "12 octets where its fields ask for 20",
            "packet-length-errors",
        ),
    ];
    for (octets, source, text, counter) in cases {
        let to = if source.contains(':') { "ff02::12" } else { "224.0.0.18" };
        let error = parse(&Frame::vrrp(source, to, octets).received()).err();
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(text), "{octets}");
        assert_eq!(error.map(|error| error.counter()), Some(counter), "{octets}");
    }
}

#[test]
fn intervals_that_cannot_be_said_become_the_nearest() {
    let said = |version, ms| {
        let addresses = vec![ip("10.0.0.1")];
        let interval = Duration::from_millis(ms);
        let advertisement = Advertisement { version, vrid: 1, priority: 1, interval, addresses };
        let source = ip("10.0.0.2");
        let octets = emit(&advertisement, ChecksumForm::MessageOnly, source, MULTICAST_V4, 0, [0; 8]);
        let frame = Frame::datagram(source, MULTICAST_V4, 0, 112, &octets);
        parse(&frame.received()).map(|heard| heard.advertisement.interval.as_millis())
    };
    assert_eq!(said(Version::V2, 100), Ok(1000));
    assert_eq!(said(Version::V2, 999_000), Ok(255_000));
    assert_eq!(said(Version::V3, 0), Ok(10));
    assert_eq!(said(Version::V3, 16), Ok(20));
    assert_eq!(said(Version::V3, 100_000), Ok(40_950));
}
