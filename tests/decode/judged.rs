//! Every rule that a frame breaks, alone or beside those before it, is named.

use std::time::Duration;

use fhrp::{Mac, Secret};
use serde_json::Value;
use vrrp::auth::Guard;
use vrrp::config::Authentication;

use super::forge::{Capture, Vrrp, announcement, carp, datagram, ethernet, ip, router, vrrp};
use super::json_of;

/// What is said of each frame of a capture: whether it is valid, and its problems.
fn judged(capture: Capture, arguments: &[&str]) -> Vec<(Value, Vec<String>)> {
    let file = capture.file();
    let lines = json_of(&[&[file.path().to_str().unwrap()], arguments].concat());
    lines.into_iter().map(|line| (line["valid"].clone(), problems(&line))).collect()
}

fn problems(line: &Value) -> Vec<String> {
    let problems = line["problems"].as_array().unwrap();
    problems
        .iter()
        .map(|it| format!("{} ({})", it["text"].as_str().unwrap(), it["rule"].as_str().unwrap()))
        .collect()
}

/// What is said of the last of these frames.
fn last(frames: &[Vec<u8>]) -> (Value, Vec<String>) {
    let mut capture = Capture::new();
    frames.iter().for_each(|frame| {
        capture.frame(frame);
    });
    let mut judged = judged(capture, &[]);
    assert_eq!(judged.len(), frames.len());
    judged.pop().unwrap()
}

fn refused(text: &str) -> (Value, Vec<String>) {
    (false.into(), vec![text.to_owned()])
}

fn remarked(text: &str) -> (Value, Vec<String>) {
    (true.into(), vec![text.to_owned()])
}

#[test]
fn one_frame_alone() {
    assert_eq!(last(&[vrrp().frame()]), (true.into(), vec![]));
    assert_eq!(
        last(&[Vrrp { hop_limit: 64, ..vrrp() }.frame()]),
        refused("TTL 64, must be 255 (RFC 9568 §7.1)")
    );
    assert_eq!(
        last(&[Vrrp { destination: ip("224.0.0.19"), ..vrrp() }.frame()]),
        refused("destination 224.0.0.19, must be 224.0.0.18 (RFC 9568 §5.1.1.2)")
    );
    assert_eq!(
        last(&[Vrrp { mac: Mac([2, 0, 0, 0, 0, 2]), ..vrrp() }.frame()]),
        remarked("source MAC 02:00:00:00:00:02, must be the virtual one, 00:00:5e:00:01:0a (RFC 9568 §7.2)")
    );
    let mut frame = vrrp().frame();
    frame[36] = 99;
    assert_eq!(last(&[frame]), refused("checksum 60e9, must be 61e9 (RFC 9568 §5.2.8)"));
    let mut frame = vrrp().frame();
    frame[24] ^= 1;
    assert_eq!(last(&[frame]), refused("wrong IPv4 header checksum (RFC 1122 §3.2.1.2)"));
    let mut frame = vrrp().frame();
    (frame[20], frame[24]) = (0x20, frame[24].wrapping_sub(0x20));
    assert_eq!(last(&[frame]), refused("a fragment (no message is so long that it must be cut)"));
}

#[test]
fn a_udp_checksum_that_was_left_to_the_interface_accuses_nobody() {
    let hello = hsrp::wire::emit(
        &hsrp::wire::Message::Group(hsrp::wire::GroupMessage {
            version: hsrp::wire::Version::V1,
            operation: hsrp::wire::Operation::Hello,
            state: hsrp::wire::State::Active,
            group: 1,
            priority: 100,
            hello: Duration::from_secs(3),
            hold: Duration::from_secs(10),
            identifier: Mac::default(),
            address: router(1),
        }),
        &hsrp::wire::Credentials::Text(*b"cisco\0\0\0"),
    );
    let to = hsrp::wire::MULTICAST_V1;
    let mut said = datagram(router(2), to);
    (said.protocol, said.ports, said.hop_limit, said.payload) = (17, Some((1985, 1985)), 1, hello);
    let mut frame = ethernet(&said, Mac([0, 0, 0x0c, 7, 0xac, 1]), Mac::of_multicast(to).unwrap());
    assert_eq!(last(&[frame.clone()]), (true.into(), vec![]));
    // What a kernel leaves behind: the folded sum of the pseudo-header, not complemented.
    let length = u32::try_from(said.payload.len()).unwrap() + 8;
    let sum = fhrp::checksum::Sum::new().over_pseudo_header(said.source, to, 17, length).folded();
    frame[40..42].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(
        last(&[frame.clone()]),
        remarked("the UDP checksum was left to the interface: captured at its sender (RFC 768)")
    );
    frame[41] ^= 1;
    assert_eq!(last(&[frame]), refused("wrong UDP checksum (RFC 768)"));
}

#[test]
fn members_that_disagree_accuse_each_other() {
    let mut slow = vrrp().from(3);
    slow.said.interval = Duration::from_secs(1);
    assert_eq!(
        last(&[vrrp().frame(), slow.frame()]),
        remarked("interval 1s here, 100ms from 10.0.0.2 (RFC 9568 §7.1)")
    );
    assert_eq!(
        last(&[slow.frame(), vrrp().frame()]),
        remarked("interval 100ms here, 1s from 10.0.0.3 (RFC 9568 §7.1)")
    );
    let mut other = vrrp().from(3).version_2();
    other.said.addresses = vec![router(9), router(1)];
    assert_eq!(
        last(&[vrrp().version_2().frame(), other.frame()]),
        refused("addresses 10.0.0.9, 10.0.0.1 here, 10.0.0.1 from 10.0.0.2 (RFC 3768 §7.1)")
    );
    // The order does not count, and neither does another version of the same router.
    let mut turned = vrrp().from(3).version_2();
    turned.said.addresses = vec![router(1), router(9)];
    assert_eq!(last(&[other.frame(), vrrp().frame(), turned.frame()]), (true.into(), vec![]));
    let text = Authentication::Text(Secret::new("password"));
    assert_eq!(
        last(&[vrrp().version_2().frame(), vrrp().from(3).version_2().sealed(&mut Guard::new(&text))]),
        refused("authentication text here, none from 10.0.0.2 (RFC 3768 §7.1)")
    );
    let mut owner = vrrp();
    owner.said.priority = 255;
    assert_eq!(
        last(&[owner.frame(), owner.clone().from(3).frame()]),
        remarked("priority 255 here and from 10.0.0.2: both claim to own the addresses (RFC 9568 §7.1)")
    );
}

#[test]
fn two_stations_with_one_address() {
    let from = |number| Vrrp { mac: Mac([2, 0, 0, 0, 0, number]), ..vrrp() }.frame();
    let (valid, problems) = last(&[from(1), vrrp().frame(), from(2)]);
    assert_eq!(valid, true);
    assert_eq!(
        problems[1],
        "10.0.0.2 speaks from 02:00:00:00:00:02, and spoke from 02:00:00:00:00:01: two routers with one address, \
         or a changed MAC (RFC 5227 §2.4)"
    );
    let mut other = vrrp();
    (other.said.vrid, other.mac) = (11, Mac([0, 0, 0x5e, 0, 1, 11]));
    assert_eq!(
        last(&[vrrp().frame(), other.frame()]),
        remarked("10.0.0.1 is an address of vrrp 10 too (one address, one group)")
    );
}

#[test]
fn who_may_claim_a_virtual_address() {
    let stranger = Mac([2, 0, 0, 0, 0, 66]);
    assert_eq!(
        last(&[vrrp().frame(), announcement(stranger, router(1))]),
        remarked(
            "10.0.0.1 is said to be at 02:00:00:00:00:42, which is neither virtual nor a member's (RFC 5227 §2.4)"
        )
    );
    assert_eq!(
        last(&[vrrp().frame(), announcement(Mac([0, 0, 0x5e, 0, 1, 11]), router(1))]),
        remarked("10.0.0.1 is said to be at 00:00:5e:00:01:0b, which belongs to vrrp 11 (RFC 5227 §2.4)")
    );
    assert_eq!(last(&[vrrp().frame(), announcement(vrrp().mac, router(1))]), (true.into(), vec![]));
    // A router without the virtual MAC announces its own.
    let own = Vrrp { mac: stranger, ..vrrp() };
    assert_eq!(last(&[own.frame(), announcement(stranger, router(1))]), (true.into(), vec![]));
}

#[test]
fn numbers_that_go_back() {
    let mut guard = Guard::new(&Authentication::AuthenticationHeader(Secret::new("monkey")));
    let frames: Vec<Vec<u8>> = (0..3).map(|_| vrrp().version_2().sealed(&mut guard)).collect();
    assert_eq!(last(&frames), (true.into(), vec![]));
    assert_eq!(
        last(&[frames[0].clone(), frames[1].clone(), frames[0].clone()]),
        refused(
            "sequence number 1795500000, must be above 1795500001: a replay, or a restart (RFC 2402 §3.4.3)"
        )
    );
    assert_eq!(last(&[carp(5), carp(5), carp(6)]), (true.into(), vec![]));
    // FreeBSD, NetBSD and ucarp count at random until they hear somebody.
    assert_eq!(last(&[carp(0x9d0c_41f7_22ab_5e01), carp(0x11fe_03b2_7a90_c4d5)]), (true.into(), vec![]));
    assert_eq!(
        last(&[carp(6), carp(5)]),
        remarked(
            "counter 0000000000000005 after 0000000000000006: a replay, or a router started again \
             (OpenBSD ip_carp.c, sc_counter)"
        )
    );
}

#[test]
fn carp_and_vrrp_are_told_apart_and_proven_from_what_is_announced() {
    let mut capture = Capture::new();
    capture
        .frame(&carp(1))
        .frame(&vrrp().frame())
        .frame(&announcement(vrrp().mac, router(7)))
        .frame(&carp(2));
    let file = capture.file();
    let path = file.path().to_str().unwrap();
    let said = |arguments: &[&str]| -> Vec<(Value, Value)> {
        let lines = json_of(&[&[path], arguments].concat());
        lines.iter().map(|line| (line["protocol"].clone(), line["auth"]["verified"].clone())).collect()
    };
    let expected = |first: Value, last: Value| {
        vec![
            ("carp".into(), first),
            ("vrrp".into(), Value::Null),
            ("arp".into(), Value::Null),
            ("carp".into(), last),
        ]
    };
    assert_eq!(said(&[]), expected(Value::Null, Value::Null));
    // Before anybody has said which addresses the host has, a key proves nothing.
    assert_eq!(said(&["--key", "carp=carp"]), expected(Value::Null, true.into()));
    assert_eq!(
        said(&["--key", "carp=carp", "--carp-address", "10.0.0.7"]),
        expected(true.into(), true.into())
    );
    assert_eq!(
        said(&["--key", "carp=other", "--carp-address", "10.0.0.7"]),
        expected(false.into(), false.into())
    );
}

#[test]
fn what_the_capture_left_out_accuses_nobody() {
    let frame = vrrp().frame();
    for length in 34..frame.len() {
        let mut capture = Capture::new();
        capture.cut(&frame, length);
        let text = format!(
            "only {length} of {} octets were captured (the capture's own limit (snap length))",
            frame.len()
        );
        assert_eq!(judged(capture, &[]), [(Value::Null, vec![text])]);
    }
    // Shorter on the wire than its IP header says is another matter.
    let mut capture = Capture::new();
    capture.frame(&frame[..44]);
    let (valid, problems) = judged(capture, &[]).pop().unwrap();
    assert_eq!(valid, false);
    assert_eq!(problems[0], "44 octets where at least 46 are needed (RFC 791 §3.1)");
}
