//! Routers of HSRP re-enacted, on made-up captures.

use std::io::Cursor;
use std::net::IpAddr;
use std::time::Duration;

use ::hsrp::auth::{Authentication, Guard};
use ::hsrp::vmac::virtual_mac;
use ::hsrp::wire::{GroupMessage, MULTICAST_V1, Message, Operation, PORT_IPV4, State, Version};
use fhrp::{Datagram, Family, Mac, Route};

use crate::capture::{Direction, Reader, Writer};
use crate::decode::Wish;
use crate::net::frame;
use crate::replay::compare::Compared;
use crate::replay::enact::Enact;
use crate::replay::script::Doing;

fn router(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 10, last])
}

/// A capture of group 1 in version 1, in the making.
#[derive(Clone, Default)]
struct Tape {
    frames: Vec<(u64, Vec<u8>)>,
}

impl Tape {
    fn says(mut self, at_ms: u64, last: u8, priority: u8, operation: Operation, state: State) -> Self {
        let message = GroupMessage {
            version: Version::V1,
            operation,
            state,
            group: 1,
            priority,
            hello: Duration::from_secs(3),
            hold: Duration::from_secs(10),
            identifier: Mac::default(),
            address: router(1),
        };
        let guard = Guard::new(&Authentication::default());
        let datagram = Datagram {
            route: Route::Routed,
            source: router(last),
            destination: MULTICAST_V1,
            hop_limit: 1,
            traffic_class: 0xc0,
            identification: 0,
            dont_fragment: false,
            protocol: 17,
            ports: Some((PORT_IPV4, PORT_IPV4)),
            payload: guard.seal(&Message::Group(message), router(last), Duration::ZERO).unwrap(),
        };
        let own = Mac([2, 0, 0, 0, 0, last]);
        let from = match state {
            State::Active => virtual_mac(Version::V1, Family::Ipv4, 1).unwrap(),
            _ => own,
        };
        let mut octets = Vec::new();
        frame::write(&datagram, from, Mac::of_multicast(MULTICAST_V1).unwrap(), &mut octets).unwrap();
        self.frames.push((at_ms, octets));
        self
    }

    /// Hellos every three seconds from the one moment to the other, in milliseconds.
    fn hellos(self, last: u8, priority: u8, state: State, from: u64, to: u64) -> Self {
        let every = (from..=to).step_by(3_000);
        every.fold(self, |tape, at| tape.says(at, last, priority, Operation::Hello, state))
    }

    fn enact(mut self, last: u8) -> Compared {
        self.frames.sort_by_key(|(at, _)| *at);
        let mut writer = Writer::new(Vec::new()).unwrap();
        for (at, octets) in &self.frames {
            let at = 1_700_000_000_000_000_000 + at * 1_000_000;
            writer.frame("lan", at, Direction::Inbound, octets, &[]).unwrap();
        }
        let octets = writer.into_inner();
        let open = || Reader::new("tape", Cursor::new(octets.clone()));
        let enact = Enact {
            open: &open,
            address: router(last),
            wish: &Wish::default(),
            config: None,
            per_interface: false,
            seed: 7,
        };
        enact.run(&mut |damage| panic!("{damage}")).unwrap().remove(0)
    }
}

/// The better router is silent from 30 s on, and the standby one takes over at a moment.
fn silence(taken: u64) -> Tape {
    let tape = Tape::default().hellos(2, 200, State::Active, 0, 30_000);
    let tape = tape.hellos(3, 100, State::Standby, 500, taken - 1);
    tape.hellos(3, 100, State::Active, taken, taken + 15_000)
}

fn doings(compared: &Compared) -> Vec<Doing> {
    compared.outside.iter().map(|outside| outside.what).collect()
}

#[test]
fn a_time_out_comes_out_as_it_was() {
    let successor = silence(40_000).enact(3);
    assert_eq!(successor.unexplained, 0, "{successor:#?}");
    assert_eq!(
        doings(&successor),
        [Doing::Start { prelude: true }],
        "it was Standby beside an active router"
    );
    let states = successor.states.unwrap();
    assert_eq!(states.frames, states.same);
    assert!(successor.timing.takes[0].late_ms.abs() < 1.0);

    let dead = silence(40_000).enact(2);
    assert_eq!(dead.unexplained, 0, "{dead:#?}");
    assert_eq!(doings(&dead), [Doing::Start { prelude: false }, Doing::Kill]);
}

#[test]
fn who_takes_the_role_too_early_or_much_too_late_is_found() {
    assert!(silence(35_000).enact(3).unexplained > 0);
    // A fifth of the hold time and a second are what such routers are late by.
    assert_eq!(silence(42_500).enact(3).unexplained, 0);
    assert!(silence(44_500).enact(3).unexplained > 0);
}

#[test]
fn a_resignation_comes_out_as_it_was() {
    let tape = Tape::default().hellos(2, 200, State::Active, 0, 30_000);
    let tape = tape.hellos(3, 100, State::Standby, 500, 30_600);
    let tape = tape.says(31_000, 2, 200, Operation::Resign, State::Initial);
    let tape = tape.hellos(3, 100, State::Active, 31_001, 45_000);
    let leaver = tape.clone().enact(2);
    assert_eq!(leaver.unexplained, 0, "{leaver:#?}");
    assert_eq!(doings(&leaver).last(), Some(&Doing::Stop));
    let successor = tape.enact(3);
    assert_eq!(successor.unexplained, 0, "{successor:#?}");
}

#[test]
fn a_coup_that_nobody_makes_is_found() {
    let tape = Tape::default().hellos(2, 200, State::Active, 0, 30_000);
    let quiet = tape.hellos(3, 100, State::Standby, 500, 30_600);
    assert_eq!(quiet.clone().enact(3).unexplained, 0);
    let noisy = quiet.says(15_500, 3, 100, Operation::Coup, State::Active).enact(3);
    assert!(noisy.divergences.iter().any(|found| found.what.contains("it says coup")), "{noisy:#?}");
    assert!(noisy.unexplained > 0);
}

#[test]
fn a_standby_router_beside_an_active_one_that_nobody_saw() {
    let compared = Tape::default().hellos(3, 100, State::Standby, 0, 8_000).enact(3);
    assert_eq!(compared.unexplained, 0, "{compared:#?}");
    assert_eq!(doings(&compared), [Doing::Start { prelude: true }]);
}

#[test]
fn frames_whose_clock_did_not_run_are_called_that() {
    let crowd = (0..8).fold(Tape::default(), |tape, at| {
        tape.says(at, 2, 200, Operation::Hello, State::Active).says(
            at,
            3,
            100,
            Operation::Hello,
            State::Standby,
        )
    });
    let tape =
        crowd.says(9, 3, 100, Operation::Hello, State::Active).hellos(2, 200, State::Active, 3_000, 9_000);
    let compared = tape.enact(3);
    assert_eq!(compared.unexplained, 0, "{compared:#?}");
    assert!(compared.states.unwrap().squeezed >= 8);
}
