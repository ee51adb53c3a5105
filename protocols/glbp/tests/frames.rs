//! Messages octet for octet, against another implementation.
//!
//! Messages were made with Python's `struct`, digests with its `hashlib`, from the description of the message, where
//! nothing else is said.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use fhrp::keys::{ChainKey, KeyChain, Lifetime};
use fhrp::{Family, Mac, Protocol, Received, Secret};
use glbp::auth::{AuthRefusal, Authentication, Guard, Scheme};
use glbp::wire::{
    Challenge, Credentials, Forwarder, Hello, Kind, MOST_PEERS, MOST_TEXT, Message, Peer, State, emit, parse,
};
use glbp::{Glbp, PROTOCOL};
use support::{A, B, WALL, chain, hex, ip, key, received};

/// Hello of group 300: active, priority 120, 1 s and 4 s, 300 s and 7200 s, forwarder 1 as owner; text `our text`.
const TEXT: &str = "0100012c000002000000000a 030d01096f7572207465787400
    011c002000780000 000003e8 00000fa0 012c1c20 00000104 c0000201
    02140120 00a75a00 1c20012c 00000007b4012c01";
/// Hello of group 300: standby, forwarder 2 as stand-in with garbage in its padding; key 77, `a key of our own`, from
/// 192.0.2.10.
const KEY_CHAIN: &str = "0100012c000002000000000a 031803140000004d 994d6efadb58ad239c68f1754d0dc69b
    041401090102030402000000000ba0b0c0d0cafe
    011c001000640000 00000bb8 00002710 02583840 00000104 c0000201
    02140220 00876411 36b000c8 22330007b4012c02";
/// Request of group 1023 over IPv6; key string of 70 times `k`, from fe80::a.
const REQUEST: &str = "010103ff000002000000000a 03140210 732fd485d81c240632408bc13ab76c29 040800ff00000005
    0214000000000000 00000000 0000000000000000";
/// Response: forwarder 4.
const RESPONSE: &str = "010203ff000002000000000b 0214040000000000 00000000 00000007b403ff04";
/// Hello of group 55 over IPv6: speak, priority 170.
const HELLO_IPV6: &str = "01000037000002000000000b
    0128000800aa0000 00000bb8 00002710 02583840 00000210 fe800000000000000007b4fffe003700";

fn hello(state: State, priority: u8) -> Hello {
    Hello {
        state,
        priority,
        hello: Duration::from_secs(3),
        hold: Duration::from_secs(10),
        redirect: Duration::from_secs(600),
        timeout: Duration::from_secs(14_400),
        address: ip("192.0.2.1"),
    }
}

fn forwarder(
    number: u8,
    state: State,
    priority: u8,
    weighting: u8,
    left: (u64, u64),
    group: u16,
) -> Forwarder {
    Forwarder {
        number,
        state,
        priority,
        weighting,
        lifetime: Duration::from_secs(left.0),
        redirection: Duration::from_secs(left.1),
        mac: glbp::vmac::virtual_mac(group, number).unwrap_or_default(),
    }
}

fn message(kind: Kind, group: u16, owner: Mac) -> Message {
    Message { kind, group, owner, challenge: None, hello: None, forwarders: vec![] }
}

fn key_string(text: &str) -> Authentication {
    Authentication::KeyString(Secret::new(text))
}

/// Source, octets, what they say, what proves them.
fn frames() -> Vec<(&'static str, Vec<u8>, Message, Authentication)> {
    let by_text = Message {
        hello: Some(Hello {
            hello: Duration::from_secs(1),
            hold: Duration::from_secs(4),
            redirect: Duration::from_secs(300),
            timeout: Duration::from_secs(7200),
            ..hello(State::Active, 120)
        }),
        forwarders: vec![forwarder(1, State::Active, 167, 90, (7200, 300), 300)],
        ..message(Kind::Hello, 300, A)
    };
    let by_chain = Message {
        challenge: Some(Challenge {
            generation: 9,
            nonce: 0x0102_0304,
            peers: vec![Peer { owner: B, nonce: 0xa0b0_c0d0 }],
        }),
        hello: Some(hello(State::Standby, 100)),
        forwarders: vec![forwarder(2, State::Active, 135, 100, (14_000, 200), 300)],
        ..message(Kind::Hello, 300, A)
    };
    let request = Message {
        challenge: Some(Challenge { generation: 255, nonce: 5, peers: vec![] }),
        forwarders: vec![forwarder(0, State::Unsaid, 0, 0, (0, 0), 1023)],
        ..message(Kind::Request, 1023, A)
    };
    let response = Message {
        forwarders: vec![forwarder(4, State::Unsaid, 0, 0, (0, 0), 1023)],
        ..message(Kind::Response, 1023, B)
    };
    let ipv6 = Message {
        hello: Some(Hello { address: ip("fe80::7:b4ff:fe00:3700"), ..hello(State::Speak, 170) }),
        ..message(Kind::Hello, 55, B)
    };
    vec![
        ("192.0.2.10", hex(TEXT), by_text, Authentication::Text(Secret::new("our text"))),
        (
            "192.0.2.10",
            hex(KEY_CHAIN),
            by_chain,
            Authentication::KeyChain(chain(&[(77, "a key of our own")])),
        ),
        ("fe80::a", hex(REQUEST), request, key_string(&"k".repeat(70))),
        ("192.0.2.11", hex(RESPONSE), response, Authentication::None),
        ("fe80::b", hex(HELLO_IPV6), ipv6, Authentication::None),
    ]
}

#[test]
fn frames_of_another_implementation_are_read_proven_and_written_again() {
    for (source, octets, said, authentication) in frames() {
        let frame = received(source, &octets);
        let heard = parse(&octets).unwrap();
        assert_eq!(heard.message, said);
        let guard = Guard::new(&authentication);
        assert_eq!(guard.admit(&heard, frame.source, WALL), Ok(()));
        assert_eq!(PROTOCOL.group_of(&frame), Some(said.group));
        // Where there is garbage in the padding we write zeros, and then the digest is another one.
        if !octets.ends_with(&hex("0007b4012c02")) {
            assert_eq!(emit(&said, &heard.credentials), octets);
            assert_eq!(guard.seal(&said, frame.source, WALL), Some(octets.clone()));
        }
        // The digest covers the address it is sent from.
        let elsewhere = guard.admit(&heard, ip("192.0.2.99"), WALL);
        assert_eq!(elsewhere.is_err(), matches!(guard.scheme(), Scheme::KeyString | Scheme::KeyChain));
    }
}

#[test]
fn published_digests_verify() {
    // The worked examples of the MD5 scheme: a key chain, a key string, IPv6, and a key longer than a block.
    let cases = [
        (
            "10.1.2.3",
            "010000010000aabbcc001400031803140000000124ab4d6e3b6ef28dd357aabde7a967fe
             041401387d68c7eeaabbcc000a00f1c8bea40bb8011c00200064000000000bb80000271002583840000001040a010201
             02140120008764013810022800870007b4000101 0214022000a764023840025 85f360007b4000102",
            Authentication::KeyChain(chain(&[(1, "password12345")])),
        ),
        (
            "10.1.2.2",
            "010000010000aabbcc000a00031402101b094786f4fb7cac601237384a278360
             0408000101020304011c00080064000000000bb80000271002583840000001040a010201",
            key_string("password12345"),
        ),
        (
            "fe80::1:1",
            "010000370000aabbcc000a000318031400000001d93d103fadb19cf925886f37fb48a2d8
             04080001010203040128002000aa000000000bb8000027100258384000000210fe800000000000000007b4fffe003700",
            Authentication::KeyChain(chain(&[(1, "password12345")])),
        ),
        (
            "10.1.2.2",
            "010000010000aabbcc000a00031803140000000762644d7a0b1533da98e7ad83392c7fb0
             0408000101020304011c00080064000000000bb80000271002583840000001040a010201",
            Authentication::KeyChain(chain(&[(7, &"k".repeat(64))])),
        ),
    ];
    for (source, octets, authentication) in cases {
        let octets = hex(octets);
        let heard = parse(&octets).unwrap();
        assert_eq!(Guard::new(&authentication).admit(&heard, ip(source), WALL), Ok(()), "{source}");
    }
}

#[test]
fn states_and_kinds_have_their_codes() {
    let states =
        [State::Disabled, State::Initial, State::Listen, State::Speak, State::Standby, State::Active];
    for (state, code) in states.into_iter().zip([1, 2, 4, 8, 0x10, 0x20]) {
        assert_eq!((state.code(), State::of(code)), (code, state));
    }
    assert_eq!((State::of(0), State::of(3)), (State::Unsaid, State::Unknown(3)));
    for kind in [Kind::Hello, Kind::Request, Kind::Response] {
        assert_eq!(Kind::of(kind.code()), Some(kind));
    }
    assert_eq!(Kind::of(3), None);
}

#[test]
fn each_broken_rule_has_its_counter() {
    let head = "010000010000 02000000000a";
    let forwarder = |number: u8| format!("0214{number:02x}20 00a76400 38400258 00000007b40001{number:02x}");
    let changed = |text: &str, from: &str, to: &str| text.replacen(from, to, 1);
    let cases = [
        ("0100".into(), "2 octets where at least 12 are needed", "packet-length-errors"),
        (changed(head, "01", "02"), "version 2, must be 1", "version-errors"),
        (changed(head, "0100", "0103"), "message type 3, must be 0 to 2", "invalid-type"),
        (changed(head, "0001", "0400"), "group 1024, must be at most 1023", "group-errors"),
        (format!("{head} 02"), "the TLV at octet 12 runs past the end", "tlv-errors"),
        (format!("{head} 0903ff02"), "the TLV at octet 15 runs past the end", "tlv-errors"),
        (format!("{head} 0900"), "a TLV of type 9 with 0 octets, must be at least 2", "tlv-errors"),
        (format!("{head} 0901"), "a TLV of type 9 with 1 octets, must be at least 2", "tlv-errors"),
        (format!("{head} 02130000"), "the TLV at octet 12 runs past the end", "tlv-errors"),
        (format!("{head} 0204 0000"), "a TLV of type 2 with 4 octets, must be at least 20", "tlv-errors"),
        (format!("{head} 0104 0000"), "a TLV of type 1 with 4 octets, must be at least 24", "tlv-errors"),
        (format!("{head} 0403 00"), "a TLV of type 4 with 3 octets, must be at least 8", "tlv-errors"),
        (
            format!("{head} 0408 0100 00000000"),
            "a TLV of type 4 with 8 octets, must be at least 20",
            "tlv-errors",
        ),
        (format!("{head} 0304 0105"), "a TLV of type 3 with 4 octets, must be at least 9", "tlv-errors"),
        (format!("{head} 0306 0202 0000"), "authentication method 2 with 2 octets, must be 16", "tlv-errors"),
        (format!("{head} 0306 0302 0000"), "authentication method 3 with 2 octets, must be 20", "tlv-errors"),
        (
            format!("{head} {} 0305 0101 00", forwarder(1)),
            "an authentication that is not the first TLV",
            "tlv-errors",
        ),
        (format!("{head} 0305 0101 00 0305 0101 00"), "more than one TLV of type 3", "tlv-errors"),
        (
            format!("{head} 0408 0000 00000000 0408 0000 00000000"),
            "more than one TLV of type 4",
            "tlv-errors",
        ),
        (
            format!("{head} {} {}", forwarder(2), forwarder(2)),
            "forwarder 2 more than once",
            "forwarder-errors",
        ),
        (
            format!(
                "{head} {} {} {} {} {}",
                forwarder(1),
                forwarder(2),
                forwarder(3),
                forwarder(4),
                forwarder(5)
            ),
            "more than 4 forwarders",
            "forwarder-errors",
        ),
        (
            changed(HELLO_IPV6, "0210 fe80", "0110 fe80"),
            "a virtual address of type 1 with 16 octets, must be 1 with 4 or 2 with 16",
            "address-list-errors",
        ),
        (
            changed(TEXT, "00000104", "00000105"),
            "a virtual address of type 1 with 5 octets, must be 1 with 4 or 2 with 16",
            "address-list-errors",
        ),
        (
            changed(TEXT, "00000104", "00000210"),
            "a TLV of type 1 with 28 octets, must be at least 40",
            "tlv-errors",
        ),
    ];
    for (octets, text, counter) in cases {
        let error = parse(&hex(&octets)).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.counter()), (text, counter), "{octets}");
    }
}

#[test]
fn any_order_and_anything_unknown_or_longer_is_read() {
    let plain = frames().remove(0).2;
    let octets = hex(TEXT);
    let (head, text, hello, forwarder) = (&octets[..12], &octets[12..25], &octets[25..53], &octets[53..]);
    let parse_all = |parts: &[&[u8]]| parse(&parts.concat()).map(|heard| heard.message);
    assert_eq!(parse_all(&[head, text, forwarder, hello]), Ok(plain.clone()));
    assert_eq!(parse_all(&[head, text, &hex("6305 112233"), hello, forwarder]), Ok(plain.clone()));
    let longer = [&hex("0217")[..], &forwarder[2..], &[7, 7, 7]].concat();
    assert_eq!(parse_all(&[head, text, hello, &longer]), Ok(plain.clone()));
    // A method that says nothing is as good as none, and one that nobody knows is kept.
    let heard = |tlv: &str| {
        parse(&[head, &hex(tlv), hello, forwarder].concat()).map(|it| Scheme::of(&it.credentials))
    };
    assert_eq!(heard("0304 0000"), Ok(Scheme::None));
    let unknown = [head, &hex("0306 0902 abcd"), hello].concat();
    let heard = parse(&unknown).unwrap();
    assert_eq!(heard.credentials, Credentials::Unknown(9));
    let refusal = Guard::new(&Authentication::None).admit(&heard, ip("192.0.2.10"), WALL).unwrap_err();
    assert_eq!(refusal.to_string(), "authentication method 9, which is not known");
    assert_eq!(refusal.counter(), "invalid-authentication-type");
}

#[test]
fn schemes_do_not_mix() {
    let all = frames();
    let schemes = [
        Authentication::Text(Secret::new("our text")),
        Authentication::KeyChain(chain(&[(77, "a key of our own")])),
        key_string(&"k".repeat(70)),
        Authentication::None,
    ];
    for (i, (source, octets, ..)) in all.iter().take(4).enumerate() {
        let heard = parse(octets).unwrap();
        for (j, scheme) in schemes.iter().enumerate() {
            let guard = Guard::new(scheme);
            let verdict = guard.admit(&heard, ip(source), WALL);
            let mismatch =
                AuthRefusal::Mismatch { found: Scheme::of(&heard.credentials), wanted: guard.scheme() };
            assert_eq!(verdict, if i == j { Ok(()) } else { Err(mismatch) });
        }
    }
    let (source, octets, ..) = &all[0];
    let heard = parse(octets).unwrap();
    for text in ["our tex", "our texts", "OUR TEXT", ""] {
        let guard = Guard::new(&Authentication::Text(Secret::new(text)));
        assert_eq!(guard.admit(&heard, ip(source), WALL), Err(AuthRefusal::Text));
    }
}

#[test]
fn keys_of_a_chain_go_by_number() {
    let (source, octets, said, _) = frames().remove(1);
    let heard = parse(&octets).unwrap();
    let of = |keys| Guard::new(&Authentication::KeyChain(KeyChain::new(keys)));
    let judge = |keys| of(keys).admit(&heard, ip(source), WALL);
    assert_eq!(judge(vec![key(1, "x"), key(77, "a key of our own")]), Ok(()));
    assert_eq!(judge(vec![key(1, "a key of our own")]), Err(AuthRefusal::UnknownKey(77)));
    assert_eq!(judge(vec![key(77, "x")]), Err(AuthRefusal::Digest));
    let expired = ChainKey { accept: Lifetime::NEVER, ..key(77, "a key of our own") };
    assert_eq!(judge(vec![expired]), Err(AuthRefusal::UnknownKey(77)));

    let later = ChainKey { send: Lifetime { from: WALL, until: None }, ..key(3, "later") };
    let now = ChainKey { send: Lifetime { from: Duration::ZERO, until: Some(WALL) }, ..key(5, "now") };
    let guard = of(vec![now, later]);
    let signed_by = |wall| guard.seal(&said, ip(source), wall).map(|octets| octets[19]);
    assert_eq!((signed_by(WALL - Duration::from_nanos(1)), signed_by(WALL)), (Some(5), Some(3)));
    let silent = of(vec![ChainKey { send: Lifetime::NEVER, ..key(1, "x") }]);
    assert_eq!(silent.seal(&said, ip(source), WALL), None);
}

#[test]
fn what_there_is_no_room_for_is_left_out() {
    let peers = (0..=255).map(|number| Peer { owner: Mac([2, 0, 0, 0, 1, number]), nonce: 7 }).collect();
    let said = Message {
        challenge: Some(Challenge { generation: 0, nonce: 1, peers }),
        hello: Some(Hello {
            hello: Duration::from_micros(1500),
            redirect: Duration::from_millis(1),
            timeout: Duration::from_secs(1_000_000),
            ..hello(State::Active, 1)
        }),
        forwarders: (1..=6).map(|number| forwarder(number, State::Active, 1, 1, (1, 1), 1)).collect(),
        ..message(Kind::Hello, 60_000, A)
    };
    let octets = emit(&said, &Credentials::Text(&[b'x'; 300]));
    let heard = parse(&octets).unwrap();
    assert_eq!(heard.credentials, Credentials::Text(&[b'x'; MOST_TEXT]));
    assert_eq!(heard.message.challenge.map(|it| it.peers.len()), Some(MOST_PEERS));
    assert_eq!((heard.message.group, heard.message.forwarders.len()), (1023, 4));
    let hello = heard.message.hello.unwrap();
    assert_eq!((hello.hello, hello.redirect), (Duration::from_millis(2), Duration::from_secs(1)));
    assert_eq!(hello.timeout, Duration::from_secs(65_535));
}

#[test]
fn glbp_hears_its_own_port() {
    assert_eq!(PROTOCOL.name(), "glbp");
    for (family, group) in [(Family::Ipv4, "224.0.0.102"), (Family::Ipv6, "ff02::66")] {
        let ears = Glbp.ears(family);
        assert!(ears.iter().all(|ear| ear.udp_port == Some(3222) && ear.multicast == ip(group)));
    }
    let octets = hex(RESPONSE);
    let frame = received("192.0.2.11", &octets);
    assert_eq!(PROTOCOL.group_of(&Received { ports: Some((3222, 1985)), ..frame }), None);
    assert_eq!(PROTOCOL.group_of(&Received { protocol: 112, ports: None, ..frame }), None);
    assert_eq!(PROTOCOL.group_of(&Received { payload: &octets[..3], ..frame }), None);
    assert_eq!(PROTOCOL.group_of(&Received { payload: &octets[..4], ..frame }), Some(1023));
}

#[test]
fn secrets_do_not_print() {
    for scheme in [Authentication::Text(Secret::new("hush")), key_string("hush")] {
        let text = format!("{:?}", Guard::new(&scheme));
        assert!(!text.contains("hush") && text.contains("Secret(…)"), "{text}");
    }
}
