//! Messages octet for octet, against other implementations.
//!
//! Messages of version 1 were made with Scapy's HSRP layer, those of version 2 with Python's `struct`, and digests with
//! its `hashlib`, where nothing else is said.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use fhrp::keys::{ChainKey, KeyChain, Lifetime};
use fhrp::{Family, Mac, Protocol, Received, Secret};
use hsrp::auth::{AuthRefusal, Authentication, Guard, Scheme};
use hsrp::judge::{Refusal, judge};
use hsrp::wire::{
    Credentials, GroupMessage, InterfaceMessage, MULTICAST_V1, MULTICAST_V2, Message, Operation, Role, State,
    Version, emit, parse, version_of,
};
use hsrp::{Hsrp, PROTOCOL};
use support::{WALL, chain, hex, ip, key, received};

/// Hello, Standby, 2 s and 7 s, priority 120, group 9, text `left-one`.
const V1_TEXT: &str = "00000802 07780900 6c6566742d6f6e65 c0000209";
/// Resign, Speak, 3 s and 10 s, priority 100, group 9, MD5 of `a key of our own`, number 7, from 192.0.2.3.
const V1_MD5: &str = "00020403 0a640900 0000000000000000 c0000209
    041c01000000c000020300000007 9bd531112a432dcfcdafbee279dcdc3f";
/// Coup, Listen, 250 ms and 800 ms, priority 200, group 1234, text `cisco`.
const V2_TEXT: &str =
    "0128 0201030404d2 020000000309 000000c8 000000fa 00000320 c6336401000000000000000000000000
    0308 636973636f000000";
/// Hello, Standby, 3 s and 10 s, priority 90, group 4095, MD5 of 64 times `k`, from fe80::a:b.
const V2_MD5: &str =
    "0128 020005060fff 02000000030a 0000005a 00000bb8 00002710 fe80000000000000000573fffea00fff
    041c01000000000a000b00000000 f8737d18a7becec84127dd8610fdde9e";

fn group_message(
    version: Version,
    operation: Operation,
    state: State,
    group: u16,
    priority: u8,
) -> GroupMessage {
    GroupMessage {
        version,
        operation,
        state,
        group,
        priority,
        hello: Duration::from_secs(3),
        hold: Duration::from_secs(10),
        identifier: Mac::default(),
        address: ip("192.0.2.9"),
    }
}

fn md5(keys: &[(u32, &str)]) -> Guard {
    Guard::new(&Authentication::Md5(chain(keys)))
}

fn text(text: &str) -> Guard {
    Guard::new(&Authentication::Text(Secret::new(text)))
}

#[test]
fn frames_of_other_implementations_are_read_proven_and_written_again() {
    let ms = Duration::from_millis;
    let cases = [
        (
            "192.0.2.3",
            V1_TEXT,
            GroupMessage {
                hello: ms(2000),
                hold: ms(7000),
                ..group_message(Version::V1, Operation::Hello, State::Standby, 9, 120)
            },
            text("left-one and more"),
        ),
        (
            "192.0.2.3",
            V1_MD5,
            group_message(Version::V1, Operation::Resign, State::Speak, 9, 100),
            md5(&[(7, "a key of our own")]),
        ),
        (
            "198.51.100.3",
            V2_TEXT,
            GroupMessage {
                hello: ms(250),
                hold: ms(800),
                identifier: Mac([2, 0, 0, 0, 3, 9]),
                address: ip("198.51.100.1"),
                ..group_message(Version::V2, Operation::Coup, State::Listen, 1234, 200)
            },
            Guard::new(&Authentication::default()),
        ),
        (
            "fe80::a:b",
            V2_MD5,
            GroupMessage {
                identifier: Mac([2, 0, 0, 0, 3, 10]),
                address: ip("fe80::5:73ff:fea0:fff"),
                ..group_message(Version::V2, Operation::Hello, State::Standby, 4095, 90)
            },
            md5(&[(0, &"k".repeat(64))]),
        ),
    ];
    for (source, octets, said, guard) in cases {
        let octets = hex(octets);
        let frame = received(source, &octets);
        let heard = parse(&frame).unwrap();
        assert_eq!(heard.message, Message::Group(said));
        assert_eq!(guard.admit(&heard, WALL), Ok(()));
        assert_eq!(emit(&heard.message, &heard.credentials), octets);
        assert_eq!(guard.seal(&heard.message, frame.source, WALL), Some(octets.clone()));
        assert_eq!(PROTOCOL.group_of(&frame), Some(said.group));
        assert_eq!(judge(&frame, said.version), Ok(()));
    }
}

#[test]
fn published_digests_verify() {
    // The worked examples of the MD5 scheme: a Hello and a Coup of version 1, Hellos of version 2 over IPv6.
    let cases = [
        (
            "10.0.0.20",
            "000004030a64010000000000000000000a000064041c010000000a0000140000000052e1db09d18d695b8fefb3730ff8d9d6",
            "password12345",
        ),
        (
            "10.0.0.10",
            "000110030a6e010000000000000000000a000064041c010000000a00000a0000000070c7f0906c4deb74a38a798a200f91d6",
            "password12345",
        ),
        (
            "fe80::1",
            "012802000406001 0aabbcc00012000000069000027100000 4e20fe80000000000000000573fffea00010
             041c01000000000000010000000051d1ec51ab34509ab2e33188ca4fee3b",
            "HSRPv2_v6",
        ),
        (
            "fe80::1",
            "0128020006060010aabbcc000120000000690000271000004e20fe80000000000000000573fffea00010
             041c010000000000000100000000cedf38d296f03b34b23f29b216a4e042",
            "HSRPv2_v6",
        ),
    ];
    for (source, octets, key) in cases {
        let octets = hex(octets);
        let frame = received(source, &octets);
        let heard = parse(&frame).unwrap();
        assert_eq!(md5(&[(0, key)]).admit(&heard, WALL), Ok(()));
        assert_eq!(md5(&[(0, key)]).seal(&heard.message, frame.source, WALL), Some(octets.clone()));
        assert_eq!(md5(&[(0, "password")]).admit(&heard, WALL), Err(AuthRefusal::Digest));
    }
}

#[test]
fn interfaces_say_what_their_groups_make_them() {
    let passive = InterfaceMessage { version: Version::V1, role: Role::Passive, active: 0, passive: 3 };
    let active = InterfaceMessage { version: Version::V2, role: Role::Active, active: 1, passive: 2 };
    let dormant = InterfaceMessage { version: Version::V2, role: Role::Dormant, active: 0, passive: 0 };
    for (source, octets, said) in [
        ("192.0.2.3", "0003 0001 000e 02 00 0000 0003 00000000", passive),
        ("192.0.2.3", "0204 0001 0002", active),
        ("fe80::a:b", "0204 0000 0000", dormant),
    ] {
        let octets = hex(octets);
        let frame = received(source, &octets);
        let heard = parse(&frame).unwrap();
        assert_eq!(heard.message, Message::Interface(said));
        assert_eq!(emit(&heard.message, &heard.credentials), octets);
        assert_eq!(PROTOCOL.group_of(&frame), None);
        // They carry no proof, and a group with MD5 needs none from them.
        let guard = md5(&[(0, "x")]);
        assert_eq!(guard.admit(&heard, WALL), Ok(()));
        assert_eq!(guard.seal(&heard.message, frame.source, WALL), Some(octets.clone()));
    }
    // As Scapy has it, and with what Cisco leaves behind.
    for octets in ["0003 0001 000a 02 00 0000 0003 6f000000", "0003 0001 000e 02 77 0000 0003 6f000000"] {
        assert_eq!(parse(&received("192.0.2.3", &hex(octets))).unwrap().message, Message::Interface(passive));
    }
}

#[test]
fn each_version_has_its_own_codes() {
    let states = [State::Initial, State::Learn, State::Listen, State::Speak, State::Standby, State::Active];
    for (state, (first, second)) in states.into_iter().zip([(0, 1), (1, 2), (2, 3), (4, 4), (8, 5), (16, 6)])
    {
        assert_eq!((state.code(Version::V1), state.code(Version::V2)), (first, second));
        assert_eq!((State::of(Version::V1, first), State::of(Version::V2, second)), (state, state));
    }
    assert_eq!(State::of(Version::V2, 0), State::Disabled);
    assert_eq!(State::Disabled.code(Version::V1), 0);
    assert_eq!(State::of(Version::V1, 3), State::Unknown(3));
    assert_eq!(State::of(Version::V2, 16), State::Unknown(16));
    assert_eq!(Operation::of(3), None);
}

#[test]
fn each_broken_rule_has_its_counter() {
    let long = |text: &str, from: &str, to: &str| text.replacen(from, to, 1);
    let v2 = |from: &str, to: &str| long(V2_TEXT, from, to);
    let v1 = "192.0.2.3";
    let cases = [
        (v1, "0000".into(), "2 octets where at least 20 are needed", "packet-length-errors"),
        (v1, "0003000100".into(), "5 octets where at least 16 are needed", "packet-length-errors"),
        (v1, long(V1_TEXT, "0000", "0009"), "op code 9, which does not exist", "invalid-type"),
        ("fe80::1", V1_TEXT.into(), "version 1 over IPv6, which has only version 2", "version-errors"),
        (
            v1,
            "00030002000e02000000000300000000".into(),
            "an advertisement of type 2, must be 1 (interface state)",
            "invalid-type",
        ),
        (
            v1,
            "00030001000902000000000300000000".into(),
            "an advertisement of length 9, must be from 10 to 14",
            "packet-length-errors",
        ),
        (
            v1,
            "00030001000f02000000000300000000".into(),
            "an advertisement of length 15, must be from 10 to 14",
            "packet-length-errors",
        ),
        (v1, v2("0128 02", "0128 03"), "version 3, must be 2", "version-errors"),
        (v1, v2("0128 0201", "0128 0203"), "op code 3, which does not exist", "invalid-type"),
        (v1, v2("0304", "0306"), "IP version 6 over IPv4", "ip-version-errors"),
        ("fe80::1", V2_TEXT.into(), "IP version 4 over IPv6", "ip-version-errors"),
        (v1, v2("04d2", "1000"), "group 4096, must be at most 4095", "group-errors"),
        (v1, v2("000000c8", "00000100"), "priority 256, must be at most 255", "priority-errors"),
        (v1, v2("0308 63", "0309 63"), "the TLV at octet 42 runs past the end", "tlv-errors"),
        (v1, v2("0308 63", "0307 63"), "a TLV of type 3 with 7 octets, must be 8", "tlv-errors"),
        (v1, "0127".into(), "the TLV at octet 0 runs past the end", "tlv-errors"),
        (v1, "0308 636973636f000000".into(), "neither a Group State nor an Interface State", "tlv-errors"),
        (v1, "0904 00000001".into(), "neither a Group State nor an Interface State", "tlv-errors"),
        (
            v1,
            format!("{V2_TEXT} 0204 00010000"),
            "more than one Group State or Interface State",
            "tlv-errors",
        ),
        (v1, format!("{V2_TEXT} 0308 0000000000000000"), "more than one authentication", "tlv-errors"),
    ];
    for (source, octets, text, counter) in cases {
        let octets = hex(&octets);
        let error = parse(&received(source, &octets)).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.counter()), (text, counter), "{octets:02x?}");
    }
    let octets = hex("010004030a640900636973636f000000c0000209");
    let frame = Received { destination: MULTICAST_V1, ..received("192.0.2.3", &octets) };
    assert_eq!(parse(&frame).unwrap_err().to_string(), "version 1, must be 0");
}

#[test]
fn the_version_of_a_message_shows_whatever_group_it_is_sent_to() {
    for (octets, version, group) in [(V1_TEXT, Version::V1, 9), (V2_TEXT, Version::V2, 1234)] {
        let octets = hex(octets);
        for destination in [MULTICAST_V1, MULTICAST_V2] {
            let frame = Received { destination, ..received("192.0.2.3", &octets) };
            assert_eq!(version_of(&frame), version);
            assert_eq!(PROTOCOL.group_of(&frame), Some(group));
            let verdict = judge(&frame, version);
            assert_eq!(
                verdict.is_ok(),
                (destination == MULTICAST_V1) == (version == Version::V1),
                "{verdict:?}"
            );
        }
    }
}

#[test]
fn unknown_tlvs_and_trailing_octets_mean_nothing() {
    let known = parse(&received("192.0.2.3", &hex(V2_TEXT))).unwrap().message;
    for octets in [format!("{V2_TEXT} 6300 0502abcd"), format!("6300 0502abcd {V2_TEXT}")] {
        let octets = hex(&octets);
        let frame = received("192.0.2.3", &octets);
        assert_eq!(parse(&frame).unwrap().message, known);
        assert_eq!(PROTOCOL.group_of(&frame), Some(1234));
    }
    let octets = hex(&format!("{V1_TEXT} 041c0100"));
    let frame = received("192.0.2.3", &octets);
    let heard = parse(&frame).unwrap();
    assert_eq!(heard.credentials, Credentials::Text(*b"left-one"));
    assert_eq!(text("left-one").admit(&heard, WALL), Ok(()));
}

#[test]
fn times_that_version_1_cannot_say_are_rounded_up() {
    let said = |hello, hold| {
        let message = GroupMessage {
            hello: Duration::from_millis(hello),
            hold: Duration::from_millis(hold),
            ..group_message(Version::V1, Operation::Hello, State::Active, 1, 1)
        };
        let octets = emit(&Message::Group(message), &Credentials::Text([0; 8]));
        (octets[3], octets[4])
    };
    assert_eq!(said(3000, 10_000), (3, 10));
    assert_eq!(said(250, 800), (1, 2));
    assert_eq!(said(15, 3000), (1, 3));
    assert_eq!(said(999_000, 0), (255, 0));
}

#[test]
fn schemes_do_not_mix() {
    let octets = (hex(V1_TEXT), hex(V1_MD5), hex(V2_TEXT)[..42].to_vec());
    let frames = [&octets.0, &octets.1, &octets.2].map(|octets| received("192.0.2.3", octets));
    let [by_text, by_md5, by_nothing] = frames.each_ref().map(|frame| parse(frame).unwrap());
    let (texts, digests) = (text("left-one"), md5(&[(7, "a key of our own")]));
    let mismatch = |found, wanted| Err(AuthRefusal::Mismatch { found, wanted });
    assert_eq!(texts.admit(&by_md5, WALL), mismatch(Scheme::Md5, Scheme::Text));
    assert_eq!(digests.admit(&by_text, WALL), mismatch(Scheme::Text, Scheme::Md5));
    assert_eq!(texts.admit(&by_nothing, WALL), mismatch(Scheme::None, Scheme::Text));
    assert_eq!(text("left-two").admit(&by_text, WALL), Err(AuthRefusal::Text));
    let refusal = digests.admit(&by_text, WALL).unwrap_err();
    assert_eq!(refusal.to_string(), "text authentication, must be MD5");
    assert_eq!(refusal.counter(), "authentication-type-mismatch");

    let other = hex(&V1_MD5.replacen("041c01", "041c02", 1));
    let frame = received("192.0.2.3", &other);
    assert_eq!(digests.admit(&parse(&frame).unwrap(), WALL), Err(AuthRefusal::Algorithm(2)));
}

#[test]
fn a_key_is_replaced_without_falling_apart() {
    let (start, end) = (WALL, WALL + Duration::from_secs(60));
    let old = ChainKey {
        send: Lifetime { from: Duration::ZERO, until: Some(start) },
        accept: Lifetime { from: Duration::ZERO, until: Some(end) },
        ..key(1, "old")
    };
    let new = ChainKey { send: Lifetime { from: start, until: None }, ..key(2, "new") };
    let rolling = Guard::new(&Authentication::Md5(KeyChain::new(vec![new, old])));
    let message = Message::Group(group_message(Version::V1, Operation::Hello, State::Active, 1, 1));
    let source = ip("192.0.2.3");
    let at = |wall| {
        let octets = rolling.seal(&message, source, wall).unwrap();
        octets[33]
    };
    assert_eq!((at(start - Duration::from_secs(1)), at(start)), (1, 2));

    let octets = md5(&[(1, "old")]).seal(&message, source, WALL).unwrap();
    let frame = received("192.0.2.3", &octets);
    let heard = parse(&frame).unwrap();
    assert_eq!(rolling.admit(&heard, end - Duration::from_nanos(1)), Ok(()));
    assert_eq!(rolling.admit(&heard, end), Err(AuthRefusal::Digest));
    // What a member calls its key is its own affair.
    assert_eq!(md5(&[(5, "another"), (9, "old")]).admit(&heard, WALL), Ok(()));

    let expired = ChainKey { send: Lifetime::NEVER, accept: Lifetime::NEVER, ..key(1, "old") };
    let silent = Guard::new(&Authentication::Md5(KeyChain::new(vec![expired])));
    assert_eq!(silent.seal(&message, source, WALL), None);
    assert_eq!(silent.admit(&heard, WALL), Err(AuthRefusal::NoKey));
}

#[test]
fn envelopes_are_judged() {
    let octets = hex(V2_MD5);
    let frame = received("fe80::a:b", &octets);
    let from = |source: &str| judge(&Received { source: ip(source), ..frame }, Version::V2);
    assert_eq!(from("fe80::1"), Ok(()));
    assert_eq!(from("2001:db8::1"), Err(Refusal::NotLinkLocal(ip("2001:db8::1"))));
    assert_eq!(from("::"), Err(Refusal::Source(ip("::"))));
    let octets = hex(V1_TEXT);
    let frame = received("192.0.2.3", &octets);
    let from = |source: &str| judge(&Received { source: ip(source), ..frame }, Version::V1);
    for wrong in ["0.0.0.0", "224.0.0.2", "255.255.255.255"] {
        assert_eq!(from(wrong), Err(Refusal::Source(ip(wrong))));
    }
    let unicast = Received { destination: ip("192.0.2.4"), ..frame };
    let refusal = judge(&unicast, Version::V1).unwrap_err();
    assert_eq!(refusal.to_string(), "destination 192.0.2.4, must be 224.0.0.2");
    assert_eq!(refusal.counter(), "destination-errors");
}

#[test]
fn hsrp_hears_its_own_ports() {
    assert_eq!(PROTOCOL.name(), "hsrp");
    let ports = |family| Hsrp.ears(family).iter().map(|ear| ear.udp_port).collect::<Vec<_>>();
    assert_eq!(ports(Family::Ipv4), [Some(1985), Some(1985)]);
    assert_eq!(ports(Family::Ipv6), [Some(2029)]);
    let octets = hex(V2_TEXT);
    let frame = received("192.0.2.3", &octets);
    assert_eq!(PROTOCOL.group_of(&Received { ports: Some((40_000, 1985)), ..frame }), Some(1234));
    assert_eq!(PROTOCOL.group_of(&Received { ports: Some((1985, 2029)), ..frame }), None);
    assert_eq!(PROTOCOL.group_of(&Received { protocol: 112, ports: None, ..frame }), None);
}

#[test]
fn secrets_do_not_print() {
    let text = format!("{:?} {:?}", text("hush"), md5(&[(1, "hush")]));
    assert!(!text.contains("hush") && text.contains("Text(…)") && text.contains("Secret(…)"), "{text}");
}
