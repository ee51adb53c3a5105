//! What holds for every message, every key and every stranger's octets.

mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fhrp::dissect::Known;
use fhrp::keys::KeyChain;
use fhrp::{Mac, Protocol, Received, Secret};
use hsrp::PROTOCOL;
use hsrp::auth::{Authentication, Guard};
use hsrp::wire::{
    Credentials, GroupMessage, InterfaceMessage, MULTICAST_V1, MULTICAST_V2, Md5Tlv, Message, Operation,
    Role, State, Version, emit, parse,
};
use proptest::collection::vec;
use proptest::prelude::*;
use support::{WALL, received};

fn address(version: Version, v6: bool) -> BoxedStrategy<IpAddr> {
    match (version, v6) {
        (Version::V2, true) => any::<u128>().prop_map(|bits| IpAddr::from(Ipv6Addr::from(bits))).boxed(),
        (Version::V1, _) | (Version::V2, false) => {
            any::<u32>().prop_map(|bits| IpAddr::from(Ipv4Addr::from(bits))).boxed()
        }
    }
}

/// Every message of a version that can be built, and where it comes from.
fn group_message(version: Version, v6: bool) -> impl Strategy<Value = Message> {
    let time = match version {
        Version::V1 => (0..=255u64).prop_map(Duration::from_secs).boxed(),
        Version::V2 => any::<u32>().prop_map(|ms| Duration::from_millis(ms.into())).boxed(),
    };
    let group = if version == Version::V1 { 0..=255u16 } else { 0..=4095u16 };
    let rest = (0..3u8, any::<u8>(), any::<u8>(), any::<[u8; 6]>());
    (group, time.clone(), time, address(version, v6), rest).prop_map(
        move |(group, hello, hold, address, (operation, state, priority, identifier))| {
            Message::Group(GroupMessage {
                version,
                operation: Operation::of(operation).unwrap_or(Operation::Hello),
                state: State::of(version, state),
                group,
                priority,
                hello,
                hold,
                identifier: if version == Version::V1 { Mac::default() } else { Mac(identifier) },
                address,
            })
        },
    )
}

fn interface_message() -> impl Strategy<Value = Message> {
    any::<(bool, u8, u16, u16)>().prop_map(|(first, role, active, passive)| {
        let (version, role) = match first {
            true => (Version::V1, Role::of(role)),
            false => (Version::V2, Role::from_groups(active, passive)),
        };
        Message::Interface(InterfaceMessage { version, role, active, passive })
    })
}

fn credentials(version: Version) -> impl Strategy<Value = Credentials> {
    let md5 = any::<(u8, u16, u32, u32, [u8; 16])>().prop_map(|(algorithm, flags, address, key, digest)| {
        Credentials::Md5(Md5Tlv { algorithm, flags, address: Ipv4Addr::from(address), key, digest })
    });
    let text = any::<[u8; 8]>().prop_map(Credentials::Text);
    match version {
        Version::V1 => prop_oneof![text, md5].boxed(),
        Version::V2 => prop_oneof![Just(Credentials::None), text, md5].boxed(),
    }
}

/// A message, whether it goes over IPv6, and what proves it.
fn letter() -> impl Strategy<Value = (Message, bool, Credentials)> {
    let group = |version, v6| (group_message(version, v6), Just(v6), credentials(version));
    prop_oneof![
        group(Version::V1, false),
        group(Version::V2, false),
        group(Version::V2, true),
        (interface_message(), Just(false), Just(Credentials::None)),
    ]
}

fn source(v6: bool) -> &'static str {
    if v6 { "fe80::a:b" } else { "192.0.2.3" }
}

fn scheme() -> impl Strategy<Value = Authentication> {
    let secret = |longest| vec(1..=255u8, 1..=longest).prop_map(Secret::new);
    prop_oneof![
        secret(8).prop_map(Authentication::Text),
        (any::<u32>(), secret(100))
            .prop_map(|(id, secret)| Authentication::Md5(KeyChain::single(id, secret))),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read((said, v6, proof) in letter()) {
        let octets = emit(&said, &proof);
        let frame = received(source(v6), &octets);
        let heard = parse(&frame).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(heard.message, said);
        prop_assert_eq!(heard.credentials, proof);
        let group = match said {
            Message::Group(message) => Some(message.group),
            Message::Interface(_) => None,
        };
        prop_assert_eq!(PROTOCOL.group_of(&frame), group);
    }

    #[test]
    fn what_is_sealed_is_admitted_and_every_bit_counts(
        (said, v6, _) in letter(),
        scheme in scheme(),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        prop_assume!(matches!(said, Message::Group(_)));
        let guard = Guard::new(&scheme);
        let frame = received(source(v6), &[]);
        let mut octets = guard.seal(&said, frame.source, WALL).unwrap_or_default();
        let judge = |octets: &[u8]| {
            let destination = if octets.first() == Some(&0) { MULTICAST_V1 } else { MULTICAST_V2 };
            let destination = if v6 { frame.destination } else { destination };
            let heard = parse(&Received { payload: octets, destination, ..frame }).map_err(|error| error.counter())?;
            guard.admit(&heard, WALL).map_err(|refusal| refusal.counter())?;
            Ok::<_, &str>(heard.message)
        };
        prop_assert_eq!(judge(&octets), Ok(said));
        // Text covers nothing but itself.
        prop_assume!(matches!(scheme, Authentication::Md5(_)));
        let at = at.index(octets.len());
        octets[at] ^= 1 << bit;
        // A message that became one of an interface is nobody's.
        prop_assert!(!matches!(judge(&octets), Ok(Message::Group(_))));
    }

    #[test]
    fn a_cut_message_is_no_message((said, v6, proof) in letter()) {
        let octets = emit(&said, &proof);
        for length in 0..octets.len() {
            let frame = Received { payload: &octets[..length], ..received(source(v6), &octets) };
            match parse(&frame) {
                Err(error) => prop_assert!(!error.to_string().is_empty() && !error.counter().is_empty()),
                // Version 1 without what proves it, and version 2 before a TLV.
                Ok(heard) => {
                    prop_assert!(length == 42 || (20..50).contains(&length));
                    prop_assert!(matches!((heard.message, said), (Message::Group(a), Message::Group(b)) if a == b));
                    prop_assert!(!matches!(heard.credentials, Credentials::Md5(_)));
                }
            }
        }
    }

    #[test]
    fn no_octets_do_harm(
        head in prop_oneof![
            Just(vec![]),
            Just(vec![0, 0]),
            Just(vec![0, 3, 0, 1, 0, 14]),
            Just(vec![1, 40, 2, 0, 6, 4, 0]),
            Just(vec![1, 40, 2, 1, 6, 6, 0]),
            Just(vec![2, 4]),
        ],
        tail in vec(any::<u8>(), 0..80),
        v6 in any::<bool>(),
        first in any::<bool>(),
    ) {
        let octets = [head, tail].concat();
        let frame = received(source(v6), &octets);
        let destination = if first && !v6 { MULTICAST_V1 } else { frame.destination };
        let frame = Received { destination, ..frame };
        let shown = PROTOCOL.dissect(&frame, &Known { keys: &[b"x"], addresses: &[], fields: true });
        let taken: usize = shown.iter().flat_map(|shown| &shown.fields).map(|field| field.length).sum();
        prop_assert_eq!(taken, octets.len());
        match parse(&frame) {
            Err(error) => prop_assert!(!error.to_string().is_empty() && !error.counter().is_empty()),
            Ok(heard) => {
                let again = emit(&heard.message, &heard.credentials);
                let again = parse(&Received { payload: &again, ..frame }).map(|heard| (heard.message, heard.credentials));
                prop_assert_eq!(again, Ok((heard.message, heard.credentials)));
            }
        }
    }
}
