//! Advertisements octet for octet, digests against another implementation, and what a reader of captures is told.
//!
//! Frames and digests were made with Python's `hmac`, `hashlib` and `struct` from the description of the message, not
//! with this crate.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::net::IpAddr;
use std::time::Duration;

use carp::auth::{Covered, Guard, LinkLocal};
use carp::judge::{Refusal, judge};
use carp::wire::{Advertisement, emit, parse};
use carp::{Carp, PROTOCOL};
use fhrp::dissect::{Dissection, Known, Value};
use fhrp::{Family, Mac, Protocol, Received, Secret};
use support::{hex, ip, received};

/// Virtual host 33, every 1 + 100/256 s, password `between us`, 192.0.2.33.
const ONE_ADDRESS: &str = "21216407 00016f1e 1122334455667788 9a19eafe5f997ab2d1acdc0c47c5d9ba0180ca44";
/// Virtual host 33, every 2 s, demoted by 3, 192.0.2.33, 192.0.2.34 and 2001:db8:33::1.
const BOTH_FAMILIES: &str = "21210007 0302fb29 fedcba9876543210 7d41fdaf75d999c6d7f0c6eb6336e2401500faeb";
/// Virtual host 255 says goodbye, no password, 2001:db8::ff and fe80::ff, both covered.
const GOODBYE: &str = "21ffff07 00ffb556 0000000000000001 258469089233540a7cc12c9db54343f757e8b955";

fn guard(password: &str, vhid: u8, addresses: &[&str]) -> Guard {
    let addresses = addresses.iter().map(|text| ip(text)).collect();
    let covered = Covered { vhid, addresses, link_layer_address: None };
    Guard::new(&Secret::new(password), &covered, LinkLocal::LeftOut)
}

#[test]
fn frames_of_another_implementation_are_read_proven_and_written_again() {
    let said =
        |vhid, advbase, advskew, demote, counter| Advertisement { vhid, advbase, advskew, demote, counter };
    let both = ["192.0.2.34", "192.0.2.33", "2001:db8:33::1", "192.0.2.33"];
    let cases = [
        (ONE_ADDRESS, said(33, 1, 100, 0, 0x1122_3344_5566_7788), guard("between us", 33, &["192.0.2.33"])),
        (BOTH_FAMILIES, said(33, 2, 0, 3, 0xfedc_ba98_7654_3210), guard("between us", 33, &both)),
        (GOODBYE, said(255, 255, 255, 0, 1), guard("", 255, &["fe80::ff", "2001:db8::ff"])),
    ];
    for (octets, said, guard) in cases {
        let octets = hex(octets);
        let heard = parse(&octets).unwrap();
        assert_eq!(heard.advertisement, said);
        assert_eq!(guard.admit(&heard), Ok(()));
        assert_eq!(emit(&said, &heard.digest), octets[..]);
        if said.vhid == 33 {
            assert_eq!(guard.seal(&said), octets[..]);
        }
        assert_eq!(said.says_goodbye(), said.vhid == 255);
    }
}

#[test]
fn digests_agree_with_another_implementation() {
    /// Password, VHID, addresses, link-layer address, digest.
    type Case<'a> = (&'a str, u8, &'a [&'a str], Option<Mac>, &'a str);
    let own = Some(Mac([0x02, 0, 0, 0xaa, 0xbb, 0xcc]));
    let three = ["10.0.0.9", "2001:db8::1", "2001:db8::10", "fe80::200:5eff:fe00:12a"];
    let cases: [Case<'_>; 8] = [
        (
            "carp",
            42,
            &["10.0.0.200", "10.0.0.9", "9.255.255.255"],
            None,
            "81e3a9276b72e900810ac08bc47239e50e172c0a",
        ),
        ("carp", 42, &three[..3], None, "16a915fe978413dc407b4b7038f38a765f4d3f9f"),
        ("carp", 42, &three, None, "e5e817c6105cfe7442d1c71e271189d641328413"),
        // The number of an interface inside a link-local address is no part of it.
        (
            "carp",
            42,
            &["10.0.0.9", "2001:db8::1", "2001:db8::10", "fe80:3::200:5eff:fe00:12a"],
            None,
            "e5e817c6105cfe7442d1c71e271189d641328413",
        ),
        ("carp", 42, &["2001:db8::1"], None, "069b78b0103cdab99e9389f965c426be49415982"),
        ("carp", 42, &["10.0.0.9"], own, "4264490d0e23828b325ef045e604f10f3989d45e"),
        ("ABCDEFGHIJKLMNOPQRS", 42, &["10.0.0.9"], None, "e35dceb6ddcc8a7ac0f7538455f7a8ce47828579"),
        // Addresses that are none change nothing.
        (
            "",
            1,
            &["192.0.2.1", "0.0.0.0", "255.255.255.255", "::"],
            None,
            "20b8506481741e4bf43652a1759ae57b50ca44c2",
        ),
    ];
    for (password, vhid, addresses, link_layer_address, digest) in cases {
        let addresses = addresses.iter().map(|text| ip(text)).collect();
        let covered = Covered { vhid, addresses, link_layer_address };
        let guard = Guard::new(&Secret::new(password), &covered, LinkLocal::Covered);
        let counter = 0x0123_4567_89ab_cdef;
        let sealed = guard.seal(&Advertisement { vhid, advbase: 1, advskew: 0, demote: 0, counter });
        assert_eq!(sealed[16..], hex(digest), "{password} {covered:?}");
    }
}

#[test]
fn link_local_addresses_are_believed_in_both_forms_and_sent_in_one() {
    let said = Advertisement { vhid: 7, advbase: 1, advskew: 0, demote: 0, counter: 5 };
    let of = |addresses: &[&str], form| {
        let addresses = addresses.iter().map(|text| ip(text)).collect();
        Guard::new(&Secret::new("x"), &Covered { vhid: 7, addresses, link_layer_address: None }, form)
    };
    let all = ["2001:db8::7", "fe80::7"];
    let (openbsd, freebsd) = (of(&all, LinkLocal::LeftOut), of(&all, LinkLocal::Covered));
    let without = of(&all[..1], LinkLocal::Covered);
    assert_eq!(openbsd.seal(&said), without.seal(&said));
    assert_ne!(openbsd.seal(&said), freebsd.seal(&said));
    for (from, to, verdict) in [
        (&openbsd, &freebsd, Ok(())),
        (&freebsd, &openbsd, Ok(())),
        (&freebsd, &without, Err(Refusal::Digest)),
    ] {
        assert_eq!(to.admit(&parse(&from.seal(&said)).unwrap()), verdict);
    }
}

#[test]
fn secrets_and_what_was_made_of_them_do_not_print() {
    let text = format!("{:?}", guard("between us", 33, &["192.0.2.33"]));
    assert!(!text.contains("between") && text.contains("Prepared(…)"), "{text}");
}

#[test]
fn each_broken_rule_has_its_counter() {
    let cases = [
        ("", "0 octets where at least 36 are needed", "packet-length-errors"),
        (
            &ONE_ADDRESS[..ONE_ADDRESS.len() - 2],
            "35 octets where at least 36 are needed",
            "packet-length-errors",
        ),
        (&ONE_ADDRESS.replacen("21", "31", 1), "version 3, must be 2", "version-errors"),
        (&ONE_ADDRESS.replacen("6f1e", "6f1f", 1), "checksum 6f1f, must be 6f1e", "checksum-errors"),
        // Checksums made right again.
        (
            &ONE_ADDRESS.replacen("21", "22", 1).replacen("6f1e", "6e1e", 1),
            "type 2, must be 1 (advertisement)",
            "invalid-type",
        ),
        (
            &ONE_ADDRESS.replacen("6407", "6408", 1).replacen("6f1e", "6f1d", 1),
            "8 words of counter and digest, must be 7",
            "invalid-type",
        ),
    ];
    for (octets, text, counter) in cases {
        let error = parse(&hex(octets)).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.counter()), (text, counter));
    }
}

#[test]
fn what_follows_the_message_is_ignored() {
    let octets = [&hex(ONE_ADDRESS)[..], &[9; 24]].concat();
    assert_eq!(parse(&octets), parse(&octets[..36]));
    let frame = received("192.0.2.1", &octets);
    assert_eq!(PROTOCOL.group_of(&frame), Some(33));
    let known = Known { fields: true, ..Known::default() };
    let shown = PROTOCOL.dissect(&frame, &known).unwrap();
    assert_eq!(shown.fields.last().map(|field| (field.offset, field.length)), Some((36, 24)));
    assert!(shown.is_valid());
}

#[test]
fn a_ttl_is_forgiven_where_routers_may_lie_between() {
    let octets = hex(ONE_ADDRESS);
    let said = parse(&octets).unwrap().advertisement;
    let near = received("192.0.2.1", &octets);
    let far = Received { hop_limit: 63, ..near };
    assert_eq!(judge(&near, &said, true), Ok(()));
    assert_eq!(judge(&far, &said, true), Err(Refusal::HopLimit(63)));
    assert_eq!(judge(&far, &said, false), Ok(()));
    let nobody = Advertisement { vhid: 0, ..said };
    assert_eq!(judge(&near, &nobody, true), Err(Refusal::VirtualHostZero));
    assert_eq!(Refusal::HopLimit(63).to_string(), "TTL 63, must be 255");
}

#[test]
fn carp_hears_its_own_and_leaves_vrrp_alone() {
    assert_eq!(PROTOCOL.name(), "carp");
    for family in [Family::Ipv4, Family::Ipv6] {
        let ears = Carp.ears(family);
        assert!(ears.iter().all(|ear| ear.ip_protocol == 112 && Family::of(ear.multicast) == family));
    }
    // VRRP version 2 with five addresses is as long, version 3 begins otherwise.
    let vrrp_2 = [&hex("2121640500010000")[..], &[0; 28]].concat();
    let vrrp_3 = hex("312164010064000020010db8000000000000000000000001");
    for (source, payload) in [("192.0.2.1", &vrrp_2), ("2001:db8::2", &vrrp_3)] {
        let frame = received(source, payload);
        assert_eq!(PROTOCOL.group_of(&frame), None);
        assert_eq!(PROTOCOL.dissect(&frame, &Known::default()), None);
    }
    let udp = Received { protocol: 17, ..received("2001:db8::2", &vrrp_2) };
    assert_eq!(PROTOCOL.group_of(&udp), None);
    let short = hex("2121");
    assert_eq!(PROTOCOL.group_of(&received("fe80::1", &short)), Some(33));
}

fn shown(frame: &Received<'_>, keys: &[&[u8]], addresses: &[IpAddr]) -> Dissection {
    PROTOCOL.dissect(frame, &Known { keys, addresses, fields: true }).unwrap()
}

#[test]
fn a_reader_is_told_everything() {
    let octets = hex(BOTH_FAMILIES);
    let frame = received("fe80::33", &octets);
    let addresses = [ip("192.0.2.33"), ip("192.0.2.34"), ip("2001:db8:33::1")];
    let said = shown(&frame, &[b"other", b"between us"], &addresses);
    assert_eq!(
        (said.protocol, said.version, said.kind, said.group),
        ("carp", Some(2), "advertisement", Some(33))
    );
    assert_eq!(said.interval, Some(Duration::from_secs(2)));
    assert_eq!(said.authentication.clone().map(|it| (it.kind, it.verified)), Some(("hmac-sha1", Some(true))));
    assert!(said.details.contains(&("demote", Value::Number(3))));
    assert!(said.details.contains(&("counter", Value::digits(0xfedc_ba98_7654_3210_u64.to_be_bytes()))));
    assert!(said.problems.is_empty());
    let covered: usize = said.fields.iter().map(|field| field.length).sum();
    assert_eq!(covered, 36 + 1, "version and type share an octet");
    assert!(said.fields.windows(2).all(|pair| pair[0].offset <= pair[1].offset));

    // The keys cannot be tried without addresses.
    let blind = shown(&frame, &[b"between us"], &[]);
    assert_eq!(blind.authentication.map(|it| it.verified), Some(None));
    assert!(blind.problems.is_empty());

    let wrong = shown(&frame, &[b"between us"], &addresses[..2]);
    assert_eq!(wrong.authentication.map(|it| it.verified), Some(Some(false)));
    assert_eq!(
        wrong.problems.iter().map(|it| (it.name, it.refused)).collect::<Vec<_>>(),
        [("authentication-failures", true)]
    );
}

#[test]
fn one_of_several_virtual_hosts_is_proven() {
    let octets = hex(ONE_ADDRESS);
    let frame = received("192.0.2.1", &octets);
    let said = shown(&frame, &[b"between us"], &[ip("192.0.2.7"), ip("192.0.2.33"), ip("2001:db8::1")]);
    assert_eq!(said.authentication.map(|it| it.verified), Some(Some(true)));
    assert_eq!(said.interval, Some(Duration::from_micros(1_390_625)));
}

#[test]
fn a_reader_is_told_what_is_wrong() {
    let octets = hex(GOODBYE);
    let frame = received("fe80::1", &octets);
    let problems = |frame: &Received<'_>| {
        let said = shown(frame, &[], &[]);
        let problems: Vec<_> = said.problems.iter().map(|it| (it.name, it.refused)).collect();
        (problems, said.is_valid())
    };
    assert_eq!(problems(&frame), (vec![], true));
    assert!(shown(&frame, &[], &[]).details.contains(&("goodbye", Value::Truth(true))));
    assert_eq!(problems(&Received { hop_limit: 1, ..frame }), (vec![("ttl-errors", true)], false));
    let unicast = Received { hop_limit: 1, destination: ip("2001:db8::9"), ..frame };
    assert_eq!(problems(&unicast), (vec![("ttl-errors", false)], true));
    let elsewhere = Received { destination: ip("ff02::99"), destination_mac: Mac([1; 6]), ..frame };
    let expected = vec![("destination-errors", false), ("destination-mac-errors", false)];
    assert_eq!(problems(&elsewhere), (expected, true));
    assert_eq!(problems(&Received { destination_mac: Mac::BROADCAST, ..frame }), (vec![], true));

    let summed_wrong = hex(&ONE_ADDRESS.replacen("6f1e", "6f1f", 1));
    let said = shown(&received("192.0.2.1", &summed_wrong), &[], &[]);
    assert_eq!((said.kind, said.interval), ("advertisement", Some(Duration::from_micros(1_390_625))));
    assert_eq!(said.problems[0].name, "checksum-errors");

    let short = received("fe80::1", &octets[..7]);
    let said = shown(&short, &[], &[]);
    assert_eq!((said.kind, said.group, said.fields.len()), ("unreadable", Some(255), 8));
    assert_eq!(said.problems[0].text, "7 octets where at least 36 are needed");
}
