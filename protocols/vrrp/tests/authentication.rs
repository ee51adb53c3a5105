//! What guards remember: sequences, replays and keys, across changes of configuration and clock.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::net::IpAddr;
use std::time::Duration;

use support::{Frame, ip};
use vrrp::auth::{AuthRefusal, Guard};
use vrrp::config::{AntiReplay, Authentication, Hmac, HmacMode, Key, Secret};
use vrrp::wire::{Advertisement, ChecksumForm, MULTICAST_V4, Version, parse};

const WALL: Duration = Duration::from_secs(1_795_394_393);

fn say(guard: &mut Guard, from: IpAddr, to: IpAddr, wall: Duration) -> Frame {
    let said = Advertisement {
        version: Version::V2,
        vrid: 51,
        priority: 150,
        interval: Duration::from_secs(1),
        addresses: vec![ip("192.0.2.100")],
    };
    let sealed = guard.seal(&said, ChecksumForm::MessageOnly, from, to, 3, !to.is_multicast(), wall);
    Frame::datagram(from, to, 3, sealed.protocol, &sealed.payload)
}

fn hears(guard: &mut Guard, frame: &Frame, wall: Duration) -> Result<(), AuthRefusal> {
    let received = frame.received();
    let heard = parse(&received).unwrap();
    guard.admit(&received, &heard, wall)
}

fn header(key: &str) -> Authentication {
    Authentication::AuthenticationHeader(Secret::new(key))
}

fn trailer(mode: HmacMode, keys: &[(u32, u8)]) -> Authentication {
    let keys = keys.iter().map(|(id, fill)| Key { id: *id, secret: Secret::new(vec![*fill; 32]) }).collect();
    Authentication::Hmac(Hmac { keys, mode, anti_replay: AntiReplay::Monotonic })
}

#[test]
fn members_share_the_numbers_of_the_authentication_header() {
    let config = header("monkey");
    let [mut one, mut two] = [Guard::new(&config), Guard::new(&config)];
    let [from_one, from_two] = [ip("192.0.2.1"), ip("192.0.2.2")];
    let frames: Vec<Frame> = (0..5).map(|_| say(&mut one, from_one, MULTICAST_V4, Duration::ZERO)).collect();
    for frame in &frames {
        assert_eq!(hears(&mut two, frame, Duration::ZERO), Ok(()));
    }
    let sixth = say(&mut two, from_two, MULTICAST_V4, Duration::ZERO);
    assert_eq!(sixth.received().payload[8..12], [0, 0, 0, 6]);
    assert_eq!(hears(&mut one, &sixth, Duration::ZERO), Ok(()));
    let seventh = say(&mut one, from_one, MULTICAST_V4, Duration::ZERO);
    assert_eq!(seventh.received().payload[8..12], [0, 0, 0, 7]);
    assert_eq!(
        hears(&mut two, &frames[4], Duration::ZERO),
        Err(AuthRefusal::HeaderReplayed { heard: 5, last: 5 })
    );
}

/// Found by the simulation: a router that was started again began with 1, so that what it had said before could be
/// repeated to a peer that was new.
#[test]
fn a_new_life_counts_above_the_old_one() {
    let config = header("monkey");
    let from = ip("192.0.2.1");
    let mut first_life = Guard::new(&config);
    let old: Vec<Frame> = (0..3).map(|_| say(&mut first_life, from, MULTICAST_V4, WALL)).collect();
    let mut second_life = Guard::new(&config);
    let new = say(&mut second_life, from, MULTICAST_V4, WALL + Duration::from_secs(4));
    let mut peer = Guard::new(&config);
    assert_eq!(hears(&mut peer, &new, WALL), Ok(()));
    for frame in &old {
        assert!(matches!(hears(&mut peer, frame, WALL), Err(AuthRefusal::HeaderReplayed { .. })));
    }
}

/// Found by the simulation: two routers that took over at the same moment refused each other for ever.
#[test]
fn members_that_speak_at_once_do_not_take_each_other_for_replays() {
    let config = header("monkey");
    let [mut one, mut two] = [Guard::new(&config), Guard::new(&config)];
    let [from_one, from_two] = [ip("192.0.2.1"), ip("192.0.2.2")];
    for _ in 0..3 {
        let crossing =
            [say(&mut one, from_one, MULTICAST_V4, WALL), say(&mut two, from_two, MULTICAST_V4, WALL)];
        assert_eq!(hears(&mut two, &crossing[0], WALL), Ok(()));
        assert_eq!(hears(&mut one, &crossing[1], WALL), Ok(()));
    }
}

#[test]
fn a_new_key_does_not_forget_what_was_heard() {
    let old = say(&mut Guard::new(&header("monkey")), ip("192.0.2.1"), MULTICAST_V4, Duration::ZERO);
    let mut guard = Guard::new(&header("monkey"));
    assert_eq!(hears(&mut guard, &old, WALL), Ok(()));
    guard.reconfigure(&header("donkey"));
    assert_eq!(hears(&mut guard, &old, WALL), Err(AuthRefusal::HeaderDigest));
    guard.reconfigure(&header("monkey"));
    assert_eq!(hears(&mut guard, &old, WALL), Err(AuthRefusal::HeaderReplayed { heard: 1, last: 1 }));

    let enforce = trailer(HmacMode::Enforce, &[(1, 7)]);
    let old = say(&mut Guard::new(&enforce), ip("192.0.2.1"), MULTICAST_V4, WALL);
    let mut guard = Guard::new(&enforce);
    assert_eq!(hears(&mut guard, &old, WALL), Ok(()));
    guard.reconfigure(&trailer(HmacMode::Permissive, &[(2, 8), (1, 7)]));
    assert_eq!(hears(&mut guard, &old, WALL), Err(AuthRefusal::HmacReplayed));
}

#[test]
fn keys_and_modes_change_without_an_outage() {
    let steps = [
        trailer(HmacMode::ReceiveOnly, &[(1, 7)]),
        trailer(HmacMode::Permissive, &[(1, 7)]),
        trailer(HmacMode::Enforce, &[(1, 7)]),
        trailer(HmacMode::Enforce, &[(1, 7), (2, 8)]),
        trailer(HmacMode::Enforce, &[(2, 8), (1, 7)]),
        trailer(HmacMode::Enforce, &[(2, 8)]),
    ];
    let [mut one, mut two] = [Guard::new(&steps[0]), Guard::new(&steps[0])];
    let talk = |one: &mut Guard, two: &mut Guard| {
        let frame = say(one, ip("192.0.2.1"), MULTICAST_V4, WALL);
        assert_eq!(hears(two, &frame, WALL), Ok(()));
        let frame = say(two, ip("192.0.2.2"), MULTICAST_V4, WALL);
        assert_eq!(hears(one, &frame, WALL), Ok(()));
    };
    for step in &steps {
        one.reconfigure(step);
        talk(&mut one, &mut two);
        two.reconfigure(step);
        talk(&mut one, &mut two);
    }
    assert!(one.ages() && !Guard::new(&steps[0]).ages());
}

#[test]
fn a_clock_that_is_set_back_is_not_a_replay() {
    let config = trailer(HmacMode::Enforce, &[(1, 7)]);
    let [mut one, mut two] = [Guard::new(&config), Guard::new(&config)];
    for wall in [WALL, WALL, WALL - Duration::from_secs(3600), WALL + Duration::from_millis(1)] {
        let frame = say(&mut one, ip("192.0.2.1"), MULTICAST_V4, wall);
        assert_eq!(hears(&mut two, &frame, WALL), Ok(()));
    }
}

#[test]
fn every_unicast_peer_is_remembered() {
    let config = trailer(HmacMode::Enforce, &[(1, 7)]);
    let mut ours = Guard::new(&config);
    let frames: Vec<Frame> = (1..=200)
        .map(|host| say(&mut Guard::new(&config), IpAddr::from([192, 0, 2, host]), ip("192.0.2.254"), WALL))
        .collect();
    for frame in &frames {
        assert_eq!(hears(&mut ours, frame, WALL), Ok(()));
    }
    for frame in &frames {
        assert_eq!(hears(&mut ours, frame, WALL), Err(AuthRefusal::HmacReplayed));
    }
}

#[test]
fn schemes_of_version_2_leave_version_3_alone_and_do_not_trust_it() {
    let config = Authentication::Text(Secret::new("abcdefgh"));
    let said = Advertisement {
        version: Version::V3,
        vrid: 51,
        priority: 150,
        interval: Duration::from_secs(1),
        addresses: vec![ip("192.0.2.100")],
    };
    let from = ip("192.0.2.1");
    let sealed =
        Guard::new(&config).seal(&said, ChecksumForm::MessageOnly, from, MULTICAST_V4, 0, false, WALL);
    let frame = Frame::datagram(from, MULTICAST_V4, 0, sealed.protocol, &sealed.payload);
    let refusal = hears(&mut Guard::new(&config), &frame, WALL).unwrap_err();
    assert_eq!(refusal.to_string(), "no authentication, must be text authentication");
}

#[test]
fn secrets_are_not_printed() {
    for config in [
        Authentication::Text(Secret::new("abcdefgh")),
        header("abcdefgh"),
        Authentication::CiscoMd5(vec![Key { id: 0, secret: Secret::new("abcdefgh") }]),
    ] {
        let printed = format!("{:?}", Guard::new(&config));
        assert!(!printed.contains("abcdefgh") && !printed.contains("97, 98"), "{printed}");
    }
}
