//! Envelopes and values that nobody can have, and what a reader of captures is told.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use fhrp::dissect::{Dissection, Field, Known, Value};
use fhrp::{Family, Mac, Protocol, Received};
use glbp::PROTOCOL;
use glbp::judge::{ForwarderFault, Refusal, judge_envelope, judge_forwarder, judge_hello};
use glbp::wire::{Hello, Kind, State, parse};
use support::{A, B, hex, ip, received};

/// Hello of group 300: active, priority 120, forwarders 1 and 2, key 77 of `a key of our own`, from 192.0.2.10.
const ACTIVE: &str = "0100012c000002000000000a 031803140000004d 230e64c13078da12261eb3c2724ac30d
    041401090102030402000000000ba0b0c0d00000
    011c002000780000 00000bb8 00002710 02583840 00000104 c0000201
    02140120 00a76400 38400258 00000007b4012c01 02140220 00876400 36b000c8 00000007b4012c02";
const REQUEST: &str = "0101012c000002000000000a 0214000000000000 00000000 0000000000000000";
const RESPONSE: &str = "0102012c000002000000000b 0214030000000000 00000000 00000007b4012c03";

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
fn envelopes_are_judged() {
    let octets = hex(REQUEST);
    let request = received("192.0.2.10", &octets);
    let hello_octets = hex(ACTIVE);
    let hello = received("192.0.2.10", &hello_octets);
    assert_eq!(judge_envelope(&request, Kind::Request, A), Ok(()));
    assert_eq!(judge_envelope(&hello, Kind::Hello, A), Ok(()));
    let of_hello = |frame: Received<'_>| judge_envelope(&frame, Kind::Hello, A).unwrap_err();
    let cases = [
        (
            of_hello(Received { ports: Some((4000, 3222)), ..hello }),
            "source port 4000, must be 3222",
            "port-errors",
        ),
        (of_hello(Received { hop_limit: 254, ..hello }), "TTL 254, must be 255", "ttl-errors"),
        (
            of_hello(Received { source: ip("255.255.255.255"), ..hello }),
            "source 255.255.255.255, must be one station's",
            "source-errors",
        ),
        (
            of_hello(Received { source: ip("2001:db8::a"), destination: ip("ff02::66"), ..hello }),
            "source 2001:db8::a, must be link-local",
            "source-errors",
        ),
        (
            of_hello(Received { destination: ip("192.0.2.11"), ..hello }),
            "a hello to 192.0.2.11",
            "destination-errors",
        ),
        (
            judge_envelope(&hello, Kind::Request, A).unwrap_err(),
            "a request to 224.0.0.102",
            "destination-errors",
        ),
        (
            judge_envelope(&hello, Kind::Hello, Mac::default()).unwrap_err(),
            "owner 00:00:00:00:00:00, must be one station's",
            "owner-errors",
        ),
        (
            judge_envelope(&hello, Kind::Hello, Mac([1, 0, 0x5e, 0, 0, 0x66])).unwrap_err(),
            "owner 01:00:5e:00:00:66, must be one station's",
            "owner-errors",
        ),
    ];
    for (refusal, text, counter) in cases {
        assert_eq!((refusal.to_string().as_str(), refusal.counter()), (text, counter));
    }
}

#[test]
fn values_are_judged() {
    let good = parse(&hex(ACTIVE)).unwrap().message.hello.unwrap();
    let ms = Duration::from_millis;
    assert_eq!(judge_hello(&good, Family::Ipv4), Ok(()));
    let leaving = Hello { priority: 0, state: State::Listen, ..good };
    assert_eq!(judge_hello(&leaving, Family::Ipv4), Ok(()));
    assert_eq!(judge_hello(&Hello { hello: ms(50), hold: ms(51), ..good }, Family::Ipv4), Ok(()));
    assert_eq!(judge_hello(&Hello { hello: ms(60_000), hold: ms(180_000), ..good }, Family::Ipv4), Ok(()));
    let cases = [
        (Hello { state: State::Unknown(3), ..good }, "gateway state 3, which does not exist", "state-errors"),
        (Hello { state: State::Unsaid, ..good }, "gateway state 0, which does not exist", "state-errors"),
        (Hello { priority: 0, ..good }, "priority 0 in state active, must be at least 1", "priority-errors"),
        (Hello { hello: ms(49), ..good }, "hello interval 49 ms, must be 50 to 60000", "timer-errors"),
        (Hello { hello: ms(60_001), ..good }, "hello interval 60001 ms, must be 50 to 60000", "timer-errors"),
        (
            Hello { hold: ms(3000), ..good },
            "hold time 3000 ms, must be above 3000 and at most 180000",
            "timer-errors",
        ),
        (
            Hello { hold: ms(180_001), ..good },
            "hold time 180001 ms, must be above 3000 and at most 180000",
            "timer-errors",
        ),
        (
            Hello { address: ip("fe80::1"), ..good },
            "virtual address fe80::1 in a message over IPv4",
            "address-list-errors",
        ),
    ];
    for (hello, text, counter) in cases {
        let refusal = judge_hello(&hello, Family::Ipv4).unwrap_err();
        assert_eq!((refusal.to_string().as_str(), refusal.counter()), (text, counter));
    }
    assert_eq!(judge_hello(&good, Family::Ipv6), Err(Refusal::Family(ip("192.0.2.1"))));
}

#[test]
fn forwarders_are_judged_one_by_one() {
    let message = parse(&hex(ACTIVE)).unwrap().message;
    let [first, _] = message.forwarders[..] else { panic!("two forwarders") };
    assert_eq!(judge_forwarder(&message, &first), Ok(()));
    let numbered = |number| judge_forwarder(&message, &glbp::wire::Forwarder { number, ..first });
    assert_eq!(numbered(0), Err(ForwarderFault::Number(0)));
    assert_eq!(numbered(5), Err(ForwarderFault::Number(5)));
    let fault = numbered(2).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "forwarder 2 with virtual MAC 00:07:b4:01:2c:01, must be 00:07:b4:01:2c:02"
    );
    assert_eq!(fault.counter(), "virtual-mac-errors");
    let speaking = glbp::wire::Forwarder { state: State::Speak, ..first };
    let fault = judge_forwarder(&message, &speaking).unwrap_err();
    assert_eq!(fault.to_string(), "forwarder 1 in state 0x08, must be active or listen");
    for octets in [REQUEST, RESPONSE] {
        let message = parse(&hex(octets)).unwrap().message;
        assert_eq!(judge_forwarder(&message, &message.forwarders[0]), Ok(()));
    }
}

#[test]
fn a_reader_is_told_everything() {
    let octets = hex(ACTIVE);
    let frame = received("192.0.2.10", &octets);
    let said = shown(&frame, &[b"other", b"a key of our own"]);
    assert_eq!(
        (said.version, said.kind, said.group, said.state),
        (Some(1), "hello", Some(300), Some("active"))
    );
    assert_eq!((said.priority, said.addresses), (Some(120), vec![ip("192.0.2.1")]));
    assert_eq!((said.hello, said.hold), (Some(Duration::from_secs(3)), Some(Duration::from_secs(10))));
    assert_eq!(said.authentication.map(|it| (it.kind, it.verified)), Some(("md5", Some(true))));
    assert!(said.problems.is_empty(), "{:?}", said.problems);
    let detail =
        |name: &str| said.details.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone());
    assert_eq!(detail("owner"), Some(Value::Mac(A)));
    assert_eq!(
        (detail("redirect_s"), detail("timeout_s")),
        (Some(Value::Number(600)), Some(Value::Number(14_400)))
    );
    assert_eq!(detail("key_id"), Some(Value::Number(77)));
    let Some(Value::List(forwarders)) = detail("forwarders") else { panic!("forwarders") };
    let Value::Record(second) = &forwarders[1] else { panic!("a record") };
    assert!(
        second.contains(&("number", Value::Number(2))) && second.contains(&("state", Value::Word("active")))
    );
    assert!(second.contains(&("lifetime_s", Value::Number(14_000))));
    let Some(Value::Record(challenge)) = detail("challenge") else { panic!("a challenge") };
    assert!(challenge.contains(&("nonce", Value::digits([1, 2, 3, 4]))));
    assert_eq!(covered(&said.fields, 0, octets.len()), octets.len());
    let names: Vec<_> = said.fields.iter().skip(5).map(|field| field.name).collect();
    assert_eq!(names, ["Authentication", "Challenge", "Virtual gateway", "Forwarder", "Forwarder"]);

    let wrong = shown(&frame, &[b"other"]);
    assert_eq!(wrong.problems[0].text, "the MD5 digest fits no key");
    assert!(!wrong.is_valid());
}

#[test]
fn requests_and_responses_say_little() {
    for (octets, kind) in [(REQUEST, "request"), (RESPONSE, "response")] {
        let octets = hex(octets);
        let said = shown(&received("192.0.2.10", &octets), &[]);
        assert_eq!((said.kind, said.state, said.priority), (kind, None, None));
        assert_eq!(said.authentication.map(|it| (it.kind, it.verified)), Some(("none", None)));
        assert!(said.problems.is_empty(), "{:?}", said.problems);
    }
}

#[test]
fn broken_rules_are_named() {
    let octets = hex(ACTIVE);
    let frame = received("192.0.2.10", &octets);
    let forwarding = |number| Mac([0, 7, 0xb4, 1, 0x2c, number]);
    assert_eq!(problems(&Received { source_mac: forwarding(2), ..frame }), []);
    assert_eq!(problems(&Received { source_mac: forwarding(3), ..frame }), [("source-mac-errors", false)]);
    assert_eq!(problems(&Received { source_mac: Mac::default(), ..frame }), []);
    assert_eq!(problems(&Received { destination_mac: B, ..frame }), [("destination-mac-errors", false)]);
    assert_eq!(problems(&Received { hop_limit: 1, ..frame }), [("ttl-errors", true)]);
    let changed = |from: &str, to: &str| hex(&ACTIVE.replacen(from, to, 1));
    for (octets, expected) in [
        (changed("0120 00a7", "0110 00a7"), ("forwarder-errors", false)),
        (changed("b4012c02", "b4012c03"), ("virtual-mac-errors", false)),
        (changed("0078", "0000"), ("priority-errors", true)),
        (changed("1c0020", "1c0003"), ("state-errors", true)),
    ] {
        assert_eq!(problems(&received("192.0.2.10", &octets)), [expected]);
    }
    let octets = hex("01000001 0000 02000000000a 0304 0900");
    assert_eq!(problems(&received("192.0.2.10", &octets)), [("invalid-authentication-type", true)]);
}

#[test]
fn what_was_cut_shows_what_is_left() {
    let octets = hex(ACTIVE);
    for length in 0..octets.len() {
        let said = shown(&received("192.0.2.10", &octets[..length]), &[b"x"]);
        assert_eq!(covered(&said.fields, 0, length), length, "{length}");
        assert_eq!(said.kind, if length < 12 { "unreadable" } else { "hello" }, "{length}");
        // Behind a whole TLV nothing shows that more was to come.
        let is_whole = [12, 36, 56, 84, 104].contains(&length);
        assert_eq!(
            said.problems.iter().any(|it| it.name.ends_with("length-errors") || it.name == "tlv-errors"),
            !is_whole
        );
    }
    assert_eq!(shown(&received("192.0.2.10", &octets[..90]), &[]).priority, Some(120));
}
