//! What holds for every message, every key and every stranger's octets.

mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fhrp::dissect::Known;
use fhrp::keys::KeyChain;
use fhrp::{Mac, Protocol, Secret};
use glbp::PROTOCOL;
use glbp::auth::{Authentication, Guard};
use glbp::wire::{
    Challenge, Credentials, Forwarder, Hello, Kind, MOST_PEERS, MOST_TEXT, Message, Peer, State, emit, parse,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use support::{WALL, ip, received};

fn mac() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_map(Mac)
}

fn seconds() -> impl Strategy<Value = Duration> {
    any::<u16>().prop_map(|seconds| Duration::from_secs(seconds.into()))
}

fn hello() -> impl Strategy<Value = Hello> {
    let address = prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::from(Ipv4Addr::from(bits))),
        any::<u128>().prop_map(|bits| IpAddr::from(Ipv6Addr::from(bits))),
    ];
    let time = || any::<u32>().prop_map(|ms| Duration::from_millis(ms.into()));
    (any::<(u8, u8)>(), time(), time(), seconds(), seconds(), address).prop_map(
        |((state, priority), hello, hold, redirect, timeout, address)| Hello {
            state: State::of(state),
            priority,
            hello,
            hold,
            redirect,
            timeout,
            address,
        },
    )
}

fn forwarder() -> impl Strategy<Value = Forwarder> {
    (any::<(u8, u8, u8, u8)>(), seconds(), seconds(), mac()).prop_map(
        |((number, state, priority, weighting), lifetime, redirection, mac)| Forwarder {
            number,
            state: State::of(state),
            priority,
            weighting,
            lifetime,
            redirection,
            mac,
        },
    )
}

fn challenge() -> impl Strategy<Value = Challenge> {
    let peer = (mac(), any::<u32>()).prop_map(|(owner, nonce)| Peer { owner, nonce });
    (any::<u8>(), any::<u32>(), vec(peer, 0..=MOST_PEERS)).prop_map(|(generation, nonce, peers)| Challenge {
        generation,
        nonce,
        peers,
    })
}

/// Every message that can be built.
fn message() -> impl Strategy<Value = Message> {
    let kind = prop_oneof![Just(Kind::Hello), Just(Kind::Request), Just(Kind::Response)];
    let forwarders = vec(forwarder(), 0..=4);
    (kind, 0..=1023u16, mac(), option::of(challenge()), option::of(hello()), forwarders).prop_map(
        |(kind, group, owner, challenge, hello, mut forwarders)| {
            forwarders.sort_by_key(|it| it.number);
            forwarders.dedup_by_key(|it| it.number);
            Message { kind, group, owner, challenge, hello, forwarders }
        },
    )
}

fn scheme() -> impl Strategy<Value = Authentication> {
    let secret = |longest| vec(1..=255u8, 1..=longest).prop_map(Secret::new);
    prop_oneof![
        Just(Authentication::None),
        secret(MOST_TEXT).prop_map(Authentication::Text),
        secret(100).prop_map(Authentication::KeyString),
        (any::<u32>(), secret(100))
            .prop_map(|(id, secret)| Authentication::KeyChain(KeyChain::single(id, secret))),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        said in message(),
        text in vec(1..=255u8, 0..=MOST_TEXT),
        digest in any::<[u8; 16]>(),
        key in any::<u32>(),
        unknown in 4..=255u8,
    ) {
        for proof in [
            Credentials::None,
            Credentials::Text(&text),
            Credentials::KeyString(digest),
            Credentials::KeyChain { key, digest },
            Credentials::Unknown(unknown),
        ] {
            let octets = emit(&said, &proof);
            let heard = parse(&octets).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(&heard.message, &said);
            prop_assert_eq!(&heard.credentials, &proof);
            prop_assert_eq!(PROTOCOL.group_of(&received("192.0.2.10", &octets)), Some(said.group));
        }
    }

    #[test]
    fn what_is_sealed_is_admitted_and_every_bit_counts(
        said in message(),
        scheme in scheme(),
        source in prop_oneof![Just("192.0.2.10"), Just("fe80::a")],
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let guard = Guard::new(&scheme);
        let mut octets = guard.seal(&said, ip(source), WALL).unwrap_or_default();
        let judge = |octets: &[u8]| {
            let heard = parse(octets).map_err(|error| error.counter())?;
            guard.admit(&heard, ip(source), WALL).map_err(|refusal| refusal.counter())?;
            Ok::<_, &str>(heard.message)
        };
        prop_assert_eq!(judge(&octets), Ok(said));
        prop_assume!(matches!(scheme, Authentication::KeyString(_) | Authentication::KeyChain(_)));
        let at = at.index(octets.len());
        octets[at] ^= 1 << bit;
        prop_assert!(judge(&octets).is_err());
    }

    #[test]
    fn a_cut_message_ends_behind_a_tlv_or_is_refused(said in message(), scheme in scheme()) {
        let octets = Guard::new(&scheme).seal(&said, ip("192.0.2.10"), WALL).unwrap_or_default();
        let mut ends = vec![12];
        while let Some(length) = ends.last().and_then(|end| octets.get(end + 1)) {
            ends.push(ends[ends.len() - 1] + usize::from(*length));
        }
        for length in 0..octets.len() {
            let heard = parse(&octets[..length]);
            prop_assert_eq!(heard.is_ok(), ends.contains(&length));
            if let Err(error) = heard {
                prop_assert!(!error.to_string().is_empty() && !error.counter().is_empty());
            }
        }
    }

    #[test]
    fn no_octets_do_harm(
        tlvs in vec((0..6u8, any::<u8>(), vec(any::<u8>(), 0..40), any::<bool>()), 0..5),
        kind in 0..4u8,
        tail in vec(any::<u8>(), 0..30),
        source in prop_oneof![Just("192.0.2.10"), Just("fe80::a")],
    ) {
        let mut octets = vec![1, kind, 0, 1, 0, 0, 2, 0, 0, 0, 0, 0xa];
        for (kind, length, value, honest) in tlvs {
            let true_length = u8::try_from(value.len() + 2).unwrap_or(u8::MAX);
            octets.extend([kind, if honest { true_length } else { length }]);
            octets.extend(value);
        }
        octets.extend(tail);
        let frame = received(source, &octets);
        let shown = PROTOCOL.dissect(&frame, &Known { keys: &[b"x"], addresses: &[], fields: true });
        let taken: usize = shown.iter().flat_map(|shown| &shown.fields).map(|field| field.length).sum();
        prop_assert_eq!(taken, octets.len());
        match parse(&octets) {
            Err(error) => prop_assert!(!error.to_string().is_empty() && !error.counter().is_empty()),
            Ok(heard) => {
                let again = emit(&heard.message, &heard.credentials);
                let again = parse(&again).map(|heard| heard.message);
                prop_assert_eq!(again, Ok(heard.message));
            }
        }
    }

    #[test]
    fn any_octets_at_all(octets in vec(any::<u8>(), 0..200)) {
        let frame = received("192.0.2.10", &octets);
        let shown = PROTOCOL.dissect(&frame, &Known { keys: &[b"x"], addresses: &[], fields: true });
        prop_assert!(shown.is_some());
    }
}
