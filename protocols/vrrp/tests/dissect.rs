//! What the reader of a capture is told of a frame.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use fhrp::dissect::{Authentication, Dissection, Field, Known, Value};
use fhrp::{Mac, Protocol, Received};
use proptest::prelude::*;
use support::{AH_21, CARP, CISCO_OWNER, Frame, MIKROTIK_TEXT, MIKROTIK_V3, MIKROTIK_V6, ip};
use vrrp::PROTOCOL;
use vrrp::auth::Guard;
use vrrp::config::{AntiReplay, Authentication as Configured, Hmac, HmacMode, Key, Secret};
use vrrp::wire::{Advertisement, ChecksumForm, MULTICAST_V4, Version};

fn dissect(received: &Received<'_>, keys: &[&[u8]]) -> Dissection {
    PROTOCOL.dissect(received, &Known { keys, addresses: &[], fields: true }).unwrap()
}

fn problems(shown: &Dissection) -> Vec<&str> {
    shown.problems.iter().map(|problem| problem.text.as_str()).collect()
}

fn detail<'a>(shown: &'a Dissection, name: &str) -> Option<&'a Value> {
    shown.details.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[test]
fn real_frames_show_what_they_say() {
    let shown = dissect(&Frame::ethernet(CISCO_OWNER).received(), &[]);
    assert_eq!(problems(&shown), [""; 0]);
    assert_eq!((shown.protocol, shown.version, shown.kind), ("vrrp", Some(2), "advertisement"));
    assert_eq!((shown.group, shown.priority), (Some(1), Some(255)));
    assert_eq!((shown.interval, shown.hello, shown.state), (Some(Duration::from_secs(1)), None, None));
    assert_eq!(shown.addresses, [ip("10.0.0.1")]);
    assert_eq!(shown.authentication, Some(Authentication { kind: "none", verified: None }));

    let shown = dissect(&Frame::ethernet(MIKROTIK_V3).received(), &[]);
    assert_eq!(problems(&shown), [""; 0]);
    assert_eq!(detail(&shown, "checksum_form"), Some(&Value::Word("pseudo-header")));
    assert_eq!((shown.interval, shown.authentication), (Some(Duration::from_secs(10)), None));

    let shown = dissect(&Frame::ethernet(MIKROTIK_V6).received(), &[]);
    assert_eq!(problems(&shown), [""; 0]);
    assert_eq!(shown.addresses, [ip("fe80::200:5eff:fe00:22d"), ip("2001::abcd:a")]);
    assert!(PROTOCOL.dissect(&Frame::ethernet(CARP).received(), &Known::default()).is_none());
}

#[test]
fn a_frame_is_good_if_one_of_the_keys_fits() {
    for (frame, kind, key) in [(MIKROTIK_TEXT, "text", &b"abcdefgh"[..]), (AH_21, "ah", b"monkey")] {
        let frame = Frame::ethernet(frame);
        let judge = |keys: &[&[u8]]| dissect(&frame.received(), keys);
        let verified =
            |shown: &Dissection| shown.authentication.as_ref().map(|proof| (proof.kind, proof.verified));
        assert_eq!(verified(&judge(&[])), Some((kind, None)));
        let good = judge(&[b"other", key]);
        assert_eq!((verified(&good), good.is_valid()), (Some((kind, Some(true))), true));
        let bad = judge(&[b"other"]);
        assert_eq!((verified(&bad), bad.is_valid()), (Some((kind, Some(false))), false));
        assert_eq!(bad.problems.last().unwrap().name, "authentication-failures");
    }
}

#[test]
fn our_own_proofs_are_read_back() {
    let key = |id| Key { id, secret: Secret::new([7; 32]) };
    let hmac = Hmac { keys: vec![key(9)], mode: HmacMode::Enforce, anti_replay: AntiReplay::Monotonic };
    for (config, kind) in
        [(Configured::CiscoMd5(vec![key(9)]), "md5"), (Configured::Hmac(hmac), "hmac-sha256")]
    {
        let said = Advertisement {
            version: Version::V2,
            vrid: 51,
            priority: 150,
            interval: Duration::from_secs(1),
            addresses: vec![ip("192.0.2.100")],
        };
        let source = ip("192.0.2.1");
        let form = ChecksumForm::MessageOnly;
        let sealed =
            Guard::new(&config).seal(&said, form, source, MULTICAST_V4, 0, false, Duration::from_secs(77));
        let frame = Frame::datagram(source, MULTICAST_V4, 0, sealed.protocol, &sealed.payload);
        let shown = dissect(&frame.received(), &[&[7; 32]]);
        assert_eq!(shown.authentication, Some(Authentication { kind, verified: Some(true) }));
        assert_eq!(detail(&shown, "key_id"), Some(&Value::Number(9)));
        assert!(shown.is_valid());
        let shown = dissect(&frame.received(), &[&[8; 32]]);
        assert_eq!(shown.authentication, Some(Authentication { kind, verified: Some(false) }));
        assert!(!shown.is_valid());
    }
}

#[test]
fn every_rule_broken_is_named() {
    let good = Frame::ethernet(MIKROTIK_V6);
    let broken = |change: &dyn Fn(&mut Received<'_>)| {
        let mut received = good.received();
        change(&mut received);
        let shown = dissect(&received, &[]);
        let problem = shown.problems[0].clone();
        (problem.text, problem.rule, problem.refused)
    };
    let said = |text: &str, rule, refused| (text.to_owned(), rule, refused);
    assert_eq!(
        broken(&|received| received.hop_limit = 64),
        said("hop limit 64, must be 255", "RFC 9568 §7.1", true)
    );
    assert_eq!(
        broken(&|received| received.source_mac = Mac([2, 0, 0, 0, 0, 1])),
        said(
            "source MAC 02:00:00:00:00:01, must be the virtual one, 00:00:5e:00:02:2d",
            "RFC 9568 §7.2",
            false
        )
    );
    assert_eq!(
        broken(&|received| received.destination_mac = Mac::BROADCAST),
        said("destination MAC ff:ff:ff:ff:ff:ff, must be 33:33:00:00:00:12", "RFC 2464 §7", false)
    );
    assert_eq!(
        broken(&|received| received.destination = ip("ff02::1")),
        said("destination ff02::1, must be ff02::12", "RFC 9568 §5.1.2.2", true)
    );
    assert_eq!(
        broken(&|received| received.payload = &received.payload[..39]),
        said("39 octets where its fields ask for 40", "RFC 9568 §7.1", true)
    );
    // A capture whose link layer has no addresses proves nothing about them.
    let mut received = good.received();
    (received.source_mac, received.destination_mac) = (Mac::default(), Mac::default());
    assert_eq!(problems(&dissect(&received, &[])), [""; 0]);
}

#[test]
fn a_wrong_checksum_hides_nothing() {
    let mut frame = Frame::ethernet(MIKROTIK_V3);
    frame.payload_mut()[2] = 7;
    let shown = dissect(&frame.received(), &[]);
    assert_eq!((shown.kind, shown.priority, shown.is_valid()), ("advertisement", Some(7), false));
    assert_eq!(shown.addresses, [ip("10.4.44.100"), ip("10.4.44.200")]);
    assert_eq!(shown.problems[0].name, "checksum-errors");
    let checksum = shown.fields.iter().find(|field| field.name == "Checksum").unwrap();
    assert!(checksum.meaning.as_ref().unwrap().contains("would be"), "{checksum:?}");
}

#[test]
fn fields_only_on_request() {
    let frame = Frame::ethernet(AH_21);
    assert_eq!(PROTOCOL.dissect(&frame.received(), &Known::default()).unwrap().fields, []);
    let shown = dissect(&frame.received(), &[]);
    let header = shown.fields.iter().find(|field| field.name == "Authentication Header").unwrap();
    let sequence = header.inside.iter().find(|field| field.name == "Sequence Number").unwrap();
    assert_eq!((sequence.offset, sequence.length, sequence.value.as_str()), (8, 4, "21"));
    let vrid = shown.fields.iter().find(|field| field.name == "Virtual Rtr ID").unwrap();
    assert_eq!((vrid.offset, vrid.value.as_str()), (25, "51"));
}

/// Every octet belongs to a field, and no field goes beyond the octets.
fn covers(fields: &[Field], mut from: usize, until: usize) {
    for field in fields {
        assert!(field.offset <= from, "{field:?} leaves a gap after {from}");
        from = from.max(field.offset + field.length);
        if !field.inside.is_empty() {
            covers(&field.inside, field.offset, field.offset + field.length);
        }
    }
    assert_eq!(from, until, "{fields:?}");
}

#[test]
fn the_tree_covers_every_octet_of_a_whole_message() {
    for frame in [CISCO_OWNER, MIKROTIK_TEXT, MIKROTIK_V3, MIKROTIK_V6, AH_21] {
        let frame = Frame::ethernet(frame);
        let received = frame.received();
        covers(&dissect(&received, &[]).fields, 0, received.payload.len());
    }
}

#[test]
fn every_shorter_message_is_told_apart_from_a_whole_one() {
    for frame in [CISCO_OWNER, MIKROTIK_TEXT, MIKROTIK_V3, MIKROTIK_V6, AH_21] {
        let frame = Frame::ethernet(frame);
        let whole = frame.received();
        for length in 0..whole.payload.len() {
            let received = Received { payload: &whole.payload[..length], ..whole };
            let known = Known { keys: &[b"monkey"], addresses: &[], fields: true };
            // An Authentication Header alone says not what is inside.
            let Some(shown) = PROTOCOL.dissect(&received, &known) else { continue };
            assert!(!shown.is_valid(), "{length} octets: {shown:?}");
            assert!(shown.fields.iter().all(|field| field.offset + field.length <= length));
        }
    }
}

proptest! {
    #[test]
    fn nothing_panics(
        payload in prop::collection::vec(any::<u8>(), 0..80),
        first in prop_oneof![Just(0x21), Just(0x31), any::<u8>()],
        inside in any::<bool>(),
        over_ipv6 in any::<bool>(),
    ) {
        let mut payload = payload;
        if let Some(octet) = payload.first_mut() {
            *octet = first;
        }
        if inside && !over_ipv6 {
            let mut around = vec![0; 24];
            (around[0], around[1]) = (112, 4);
            payload.splice(0..0, around);
        }
        let (source, destination) =
            if over_ipv6 { ("fe80::1", "ff02::12") } else { ("10.0.0.1", "224.0.0.18") };
        let protocol = if inside { 51 } else { 112 };
        let frame = Frame::datagram(ip(source), ip(destination), 0, protocol, &payload);
        let received = frame.received();
        let known = Known { keys: &[b"key"], addresses: &[], fields: true };
        if let Some(shown) = PROTOCOL.dissect(&received, &known) {
            prop_assert!(shown.fields.iter().all(|field| field.offset + field.length <= payload.len()));
        }
    }
}
