//! A kernel that takes its time: nobody is told that a router is active before it holds what an active router must, and
//! what was said meanwhile comes behind its Coup, not instead of it.

use std::time::Duration;

use fhrp::{Datagram, HoldFault, Instant, InterfaceAddress, Link, Mac};
use firsthop::config;
use firsthop::engine::{Effect, Engine, GroupIndex, Now};
use firsthop::net::frame;
use firsthop::protocols::{PROTOCOLS, build};
use hsrp::auth::{Authentication, Guard};
use hsrp::judge::multicast;
use hsrp::wire::{self, GroupMessage, Message, Operation, PORT_IPV4, State, Version};
use stage::arriving;

const CONFIG: &str = "[[interface.lan.hsrp]]\nid = 10\nversion = 2\naddresses = [\"10.0.10.1/24\"]\npriority = 200\n\
                      preempt = true\njitter = false\nhello-time = \"100ms\"\nhold-time = \"400ms\"\n";

struct Slow {
    engine: Engine,
    now: Instant,
    effects: Vec<Effect>,
}

impl Slow {
    /// Our router beside a lower active one, listening.
    fn beside_a_lower_one() -> Slow {
        let plan = config::parse("slow.toml", CONFIG).unwrap();
        let mut slow = Slow {
            engine: Engine::new(PROTOCOLS, Box::new(|| 0)),
            now: Instant::from_nanos(1_000_000_000),
            effects: Vec::new(),
        };
        let own: InterfaceAddress = "10.0.10.5/24".parse().unwrap();
        let link = Link {
            index: 7,
            name: "lan".to_owned(),
            mac: Mac([2, 0, 0, 0, 0, 5]),
            up: true,
            mtu: 1500,
            addresses: vec![own],
        };
        slow.engine.link(slow.clock(), link, &mut slow.effects);
        let group = &plan.groups[0];
        let now = slow.clock();
        slow.engine.add(now, group.identity(), build(&group.protocol), &mut slow.effects);
        slow.effects.clear();
        slow
    }

    fn clock(&self) -> Now {
        Now { monotonic: self.now, wall: Duration::from_secs(1_800_000_000) }
    }

    /// A lower router says that it is active, and the turn ends.
    fn hears_a_lower_one(&mut self) {
        let source = "10.0.10.2".parse().unwrap();
        let destination = multicast(Version::V2, fhrp::Family::Ipv4);
        let message = GroupMessage {
            version: Version::V2,
            operation: Operation::Hello,
            state: State::Active,
            group: 10,
            priority: 100,
            hello: Duration::from_millis(100),
            hold: Duration::from_millis(400),
            identifier: Mac([2, 0, 0, 0, 0, 2]),
            address: "10.0.10.1".parse().unwrap(),
        };
        let guard = Guard::new(&Authentication::default());
        let datagram = Datagram {
            route: fhrp::Route::Routed,
            source,
            destination,
            hop_limit: 255,
            traffic_class: 0xc0,
            identification: 0,
            dont_fragment: false,
            protocol: 17,
            ports: Some((PORT_IPV4, PORT_IPV4)),
            payload: guard.seal(&Message::Group(message), source, Duration::ZERO).unwrap(),
        };
        let mut octets = Vec::new();
        frame::write(
            &datagram,
            Mac([0, 0, 0x0c, 0x9f, 0xf0, 10]),
            Mac::of_multicast(destination).unwrap(),
            &mut octets,
        )
        .unwrap();
        let received = frame::parse(&octets, self.now).unwrap();
        self.engine.receive(self.clock(), 7, &received, &mut self.effects);
        self.engine.tick(self.clock(), &mut self.effects);
    }

    fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(deadline) = self.engine.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.engine.tick(self.clock(), &mut self.effects);
        }
        self.now = end;
    }

    /// What was sent since it was asked last.
    fn said(&mut self) -> Vec<String> {
        let spell = |effect: &Effect| {
            let Effect::Send { datagram, .. } = effect else { return None };
            Some(match wire::parse(&arriving(datagram)).unwrap().message {
                Message::Group(said) => format!("{} {}", said.operation.word(), said.state.word().unwrap()),
                Message::Interface(said) => format!("interface {}", said.role.word().unwrap()),
            })
        };
        let said = self.effects.iter().filter_map(spell).collect();
        self.effects.clear();
        said
    }

    /// The number of its latest wish to hold something.
    fn ticket(&self) -> Option<u64> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Hold(wish) => Some(wish.ticket),
            _ => None,
        })
    }

    fn state(&self) -> &'static str {
        self.engine.view(self.now, GroupIndex(0)).unwrap().state
    }
}

#[test]
fn a_preempting_router_is_not_heard_before_it_holds_the_address() {
    let mut slow = Slow::beside_a_lower_one();
    slow.hears_a_lower_one();
    assert_eq!(slow.state(), "Active");
    let ticket = slow.ticket().unwrap();
    assert_eq!(slow.said(), Vec::<String>::new());
    // The kernel takes four hello times, and the lower router goes on meanwhile.
    for _ in 0..4 {
        slow.run_for(Duration::from_millis(100));
        slow.hears_a_lower_one();
        assert_eq!(slow.said(), Vec::<String>::new(), "nobody is told yet");
    }
    let now = slow.clock();
    slow.engine.held(now, GroupIndex(0), ticket, Ok(()), &mut slow.effects);
    let said = slow.said();
    assert_eq!(said[..3], ["interface active", "coup listen", "hello active"], "{said:?}");
    assert!(said[3..].iter().all(|word| word == "hello active" || word == "coup active"), "{said:?}");
    // From now on it speaks in its turn.
    slow.run_for(Duration::from_millis(100));
    assert_eq!(slow.said().last().map(String::as_str), Some("hello active"));
}

#[test]
fn a_router_that_cannot_hold_the_address_never_claims_it() {
    let mut slow = Slow::beside_a_lower_one();
    slow.hears_a_lower_one();
    let ticket = slow.ticket().unwrap();
    slow.run_for(Duration::from_millis(250));
    let fault = HoldFault { operation: "add 10.0.10.1/24 to lan".into(), cause: "permission denied".into() };
    let now = slow.clock();
    slow.engine.held(now, GroupIndex(0), ticket, Err(fault), &mut slow.effects);
    let said = slow.said();
    assert!(!said.iter().any(|word| word == "hello active" || word.starts_with("coup")), "{said:?}");
    assert_eq!(slow.state(), "Initial");
}
