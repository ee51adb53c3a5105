//! What a reader of captures is told.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use fhrp::dissect::{Dissection, Field, Known, Value};
use fhrp::{Mac, Protocol, Received};
use hsrp::PROTOCOL;
use hsrp::wire::MULTICAST_V2;
use support::{hex, ip, received};

/// Hello, Active, priority 110, group 16 over IPv6, MD5 of `HSRPv2_v6` from fe80::1.
const ACTIVE: &str =
    "0128 020006060010 aabbcc000120 00000069 00002710 00004e20 fe80000000000000000573fffea00010
    041c01000000000000010000000 0cedf38d296f03b34b23f29b216a4e042";
/// Hello, Speak, 3 s and 10 s, priority 100, group 9, text `cisco`.
const SPEAK: &str = "00000403 0a640900 636973636f000000 c0000209";

fn shown(frame: &Received<'_>, keys: &[&[u8]]) -> Dissection {
    PROTOCOL.dissect(frame, &Known { keys, addresses: &[], fields: true }).unwrap()
}

fn problems(frame: &Received<'_>) -> Vec<(&'static str, bool)> {
    shown(frame, &[]).problems.iter().map(|it| (it.name, it.refused)).collect()
}

/// Octets that fields take, and that all of them lie where their parents do.
fn covered(fields: &[Field], from: usize, to: usize) -> usize {
    let mut at = from;
    for field in fields {
        assert!(field.offset >= at && field.offset + field.length <= to, "{field:?}");
        at = field.offset + field.length;
        if !field.inside.is_empty() {
            assert_eq!(covered(&field.inside, field.offset, at), field.length, "{field:?}");
        }
    }
    fields.iter().map(|field| field.length).sum()
}

#[test]
fn a_message_of_version_2() {
    let octets = hex(ACTIVE);
    let frame = Received { source_mac: Mac([0, 5, 0x73, 0xa0, 0, 16]), ..received("fe80::1", &octets) };
    let said = shown(&frame, &[b"other", b"HSRPv2_v6"]);
    assert_eq!(
        (said.version, said.kind, said.group, said.state),
        (Some(2), "hello", Some(16), Some("active"))
    );
    assert_eq!((said.priority, said.addresses), (Some(105), vec![ip("fe80::5:73ff:fea0:10")]));
    assert_eq!((said.hello, said.hold), (Some(Duration::from_secs(10)), Some(Duration::from_secs(20))));
    assert_eq!(said.authentication.map(|it| (it.kind, it.verified)), Some(("md5", Some(true))));
    assert!(said.details.contains(&("identifier", Value::Mac(Mac([0xaa, 0xbb, 0xcc, 0, 1, 0x20])))));
    assert!(said.details.contains(&("key_id", Value::Number(0))));
    assert!(said.problems.is_empty(), "{:?}", said.problems);
    assert_eq!(covered(&said.fields, 0, octets.len()), octets.len());
    let [group, md5] = &said.fields[..] else { panic!("two TLVs") };
    assert_eq!((group.name, group.inside.len()), ("Group State", 12));
    assert_eq!((md5.inside[2].name, md5.inside[2].meaning.as_deref()), ("Algorithm", Some("MD5")));

    let wrong = shown(&frame, &[b"other"]);
    assert_eq!(wrong.problems[0].text, "the MD5 digest fits no key");
    assert!(!wrong.is_valid());
    assert_eq!(shown(&frame, &[]).authentication.map(|it| it.verified), Some(None));
}

#[test]
fn a_message_of_version_1() {
    let octets = hex(SPEAK);
    let frame = received("192.0.2.3", &octets);
    let said = shown(&frame, &[b"cisco"]);
    assert_eq!((said.version, said.kind, said.group, said.state), (Some(1), "hello", Some(9), Some("speak")));
    assert_eq!(said.authentication.map(|it| (it.kind, it.verified)), Some(("text", Some(true))));
    assert!(said.details.is_empty() && said.problems.is_empty());
    assert_eq!(covered(&said.fields, 0, 20), 20);
    let text = said.fields.iter().find(|field| field.name == "Authentication Data");
    assert_eq!(text.map(|field| field.value.as_str()), Some("cisco"));
    assert_eq!(shown(&frame, &[b"other"]).authentication.map(|it| it.verified), Some(Some(false)));
}

#[test]
fn what_speaks_for_an_interface() {
    for (source, octets) in
        [("192.0.2.3", "0003 0001 000e 03 00 0001 0002 6f000000"), ("fe80::1", "0204 0001 0002")]
    {
        let octets = hex(octets);
        let said = shown(&received(source, &octets), &[b"cisco"]);
        assert_eq!((said.kind, said.group, said.state), ("interface-state", None, Some("active")));
        assert!(said.details.contains(&("active_groups", Value::Number(1))));
        assert!(said.details.contains(&("passive_groups", Value::Number(2))));
        assert_eq!(said.authentication, None);
        assert!(said.problems.is_empty());
        assert_eq!(covered(&said.fields, 0, octets.len()), octets.len());
    }
}

#[test]
fn broken_rules_are_named() {
    let octets = hex(SPEAK);
    let frame = received("192.0.2.3", &octets);
    let virtual_mac = Mac([0, 0, 0x0c, 7, 0xac, 9]);
    assert_eq!(problems(&frame), []);
    assert_eq!(problems(&Received { source_mac: virtual_mac, ..frame }), [("source-mac-errors", false)]);
    assert_eq!(problems(&Received { hop_limit: 255, ..frame }), [("ttl-errors", false)]);
    assert_eq!(problems(&Received { source: ip("224.0.0.9"), ..frame }), [("source-errors", true)]);
    let elsewhere = Received { destination: MULTICAST_V2, ..frame };
    assert_eq!(problems(&elsewhere), [("destination-errors", true), ("destination-mac-errors", false)]);

    let changed = |from: &str, to: &str| hex(&SPEAK.replacen(from, to, 1));
    let octets = changed("00000403", "00001003");
    let active = received("192.0.2.3", &octets);
    assert_eq!(problems(&active), [("source-mac-errors", false)]);
    assert_eq!(problems(&Received { source_mac: virtual_mac, ..active }), []);
    // A link layer without addresses.
    assert_eq!(problems(&Received { source_mac: Mac::default(), ..active }), []);
    let octets = changed("00000403", "00000503");
    let said = shown(&received("192.0.2.3", &octets), &[]);
    assert_eq!((said.state, said.is_valid()), (None, true));
    assert!(said.details.contains(&("state_code", Value::Number(5))));
    let octets = changed("0a64", "0364");
    assert_eq!(problems(&received("192.0.2.3", &octets)), [("timer-errors", false)]);

    let octets = hex(ACTIVE);
    let frame = Received { source_mac: Mac([0, 5, 0x73, 0xa0, 0, 16]), ..received("fe80::2", &octets) };
    assert_eq!(problems(&frame), [("authentication-address-errors", false)]);
    let bare = Received { payload: &octets[..42], ..frame };
    assert_eq!(problems(&bare), [("authentication-type-mismatch", true)]);
}

#[test]
fn what_was_cut_shows_what_is_left() {
    for whole in [ACTIVE, SPEAK, "0003 0001 000e 03 00 0001 0002 00000000"] {
        let octets = hex(whole);
        let source = if whole == ACTIVE { "fe80::1" } else { "192.0.2.3" };
        for length in 0..octets.len() {
            let said = shown(&received(source, &octets[..length]), &[b"x"]);
            assert_eq!(covered(&said.fields, 0, length), length, "{length}");
            let kind = if whole == ACTIVE && length >= 42 { "hello" } else { "unreadable" };
            assert_eq!(said.kind, kind, "{length}");
            assert!(!said.is_valid());
        }
    }
    let octets = hex(ACTIVE);
    assert_eq!(shown(&received("fe80::1", &octets[..50]), &[]).group, Some(16));
}
