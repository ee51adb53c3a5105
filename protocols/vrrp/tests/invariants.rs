//! Whatever peers, operators and the kernel say, in whatever order and however late: nothing panics, and what
//! is said, held and waited for fits the state.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use std::time::Duration;

use fhrp::{Action, Command, Family, Input, Link, Mac, Note, Received, Standing};
use proptest::prelude::*;
use stage::{Stage, config_of, ip, link, millis, says, secs};
use vrrp::Config;
use vrrp::config::{Peer, Versions};
use vrrp::wire::ChecksumForm;

#[derive(Debug, Clone)]
enum Step {
    Tick,
    NextTick,
    Pass(u64),
    Hear { from: u8, priority: u8, two: bool, pseudo: bool, interval: u8, ttl: u8, age: u64 },
    Octets(Vec<u8>),
    Link { up: bool, addressed: bool, mac: u8 },
    Penalty(u16),
    HandOver,
    Announce,
    Granted,
    Refused,
    Lapsed(u64),
    Stop,
    Start,
    Reconfigure { priority: u8, preempt: bool, interval: u8, versions: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let priority = prop_oneof![Just(0), Just(99), Just(100), Just(101), Just(255), any::<u8>()];
    let ttl = prop_oneof![9 => Just(255), 1 => any::<u8>()];
    prop_oneof![
        2 => Just(Step::Tick),
        12 => Just(Step::NextTick),
        6 => (0..3_000_000_000_u64).prop_map(Step::Pass),
        1 => (0..60_000_000_000_u64).prop_map(Step::Pass),
        16 => (1..8_u8, priority, any::<bool>(), any::<bool>(), 0..4_u8, ttl, 0..5_000_000_000_u64).prop_map(
            |(from, priority, two, pseudo, interval, ttl, age)| Step::Hear {
                from, priority, two, pseudo, interval, ttl, age: if age % 3 == 0 { age } else { 0 },
            }
        ),
        2 => proptest::collection::vec(any::<u8>(), 0..80).prop_map(Step::Octets),
        2 => (prop::bool::weighted(0.8), prop::bool::weighted(0.8), 0..2_u8)
            .prop_map(|(up, addressed, mac)| Step::Link { up, addressed, mac }),
        1 => any::<u16>().prop_map(Step::Penalty),
        2 => Just(Step::HandOver),
        1 => Just(Step::Announce),
        2 => Just(Step::Granted),
        1 => Just(Step::Refused),
        1 => (0..10_000_u64).prop_map(Step::Lapsed),
        1 => Just(Step::Stop),
        2 => Just(Step::Start),
        1 => (1..=255_u8, any::<bool>(), 1..4_u8, 0..3_u8).prop_map(
            |(priority, preempt, interval, versions)| Step::Reconfigure { priority, preempt, interval, versions }
        ),
    ]
}

fn versions(number: u8) -> Versions {
    match number {
        0 => Versions::V2,
        1 => Versions::V3,
        _ => Versions::Both,
    }
}

fn any_config() -> impl Strategy<Value = Config> {
    (any::<bool>(), 0..3_u8, 1..=255_u8, any::<bool>(), any::<bool>(), 0..3_u64, 0..3_u64, any::<bool>())
        .prop_map(|(six, number, priority, preempt, vmac, delay, startup, unicast)| {
            let family = if six { Family::Ipv6 } else { Family::Ipv4 };
            let mut config = config_of(family, if six { Versions::V3 } else { versions(number) });
            (config.priority, config.preempt) = (priority, preempt);
            (config.preempt_delay, config.startup_delay) = (secs(delay * 3), secs(startup * 4));
            if !vmac {
                config.virtual_mac = None;
            }
            if unicast {
                let peer = if six { "fe80::2" } else { "10.0.0.2" };
                config.peers = vec![Peer { address: ip(peer), min_ttl: 254 }];
            }
            config
        })
}

/// What the actions so far add up to.
#[derive(Default)]
struct Ledger {
    holds: bool,
    wills: bool,
    state: String,
}

impl Ledger {
    /// Books what was just asked for, and checks it against the state before and after.
    fn book(&mut self, stage: &Stage, by_packet: bool) {
        let was = self.state.clone();
        for action in &stage.actions {
            match action {
                Action::Hold(holdings) => self.holds = !holdings.is_empty(),
                Action::LastWill(datagrams) => self.wills = !datagrams.is_empty(),
                Action::Announce(_) => {
                    assert!(self.holds, "announced without holding");
                    assert!(!by_packet, "announced while frames wait");
                }
                Action::Note(Note::Transition { from, to, .. }) => {
                    assert_eq!(*from, self.state, "transitions join up");
                    assert_ne!(from, to);
                    self.state = (*to).to_owned();
                }
                Action::Send(_) | Action::SendOnceHeld(_) | Action::Answer(_) | Action::Note(_) => {}
            }
        }
        let sends =
            stage.actions.iter().any(|action| matches!(action, Action::Send(_) | Action::SendOnceHeld(_)));
        if sends && by_packet {
            assert_eq!(
                (was.as_str(), self.state.as_str()),
                ("Active", "Backup"),
                "only a last word is at once"
            );
        }
        if sends && was == self.state {
            assert_eq!(was, "Active", "only an Active speaks");
        }
    }

    fn check(&self, stage: &Stage) {
        let view = stage.view();
        assert_eq!(view.state, self.state);
        assert_eq!(self.holds, view.standing == Standing::Holding, "held exactly while Active");
        assert_eq!(self.wills, self.holds, "a will exactly while something is held");
        assert!(view.standing == Standing::Down || stage.waits(), "a running router waits for something");
        assert!(view.neighbours.len() <= 32);
        assert!(view.priority.is_some_and(|priority| priority >= 1));
        assert!(view.alarms.is_empty() || stage.waits(), "an alarm ends by itself");
    }
}

fn apply(stage: &mut Stage, config: &mut Config, step: Step) {
    let six = config.family == Family::Ipv6;
    stage.actions.clear();
    match step {
        Step::Tick => drop(stage.tick()),
        Step::NextTick => {
            if stage.waits() {
                stage.next_tick();
                if stage.waits() {
                    assert!(stage.deadline() > stage.now, "a tick at the deadline is not asked for again");
                }
            }
        }
        Step::Pass(nanos) => {
            stage.pass(Duration::from_nanos(nanos));
        }
        Step::Hear { from, priority, two, pseudo, interval, ttl, age } => {
            let from = if six { format!("fe80::{from}") } else { format!("10.0.0.{from}") };
            let mut said = says(&from, priority).ttl(ttl);
            if two && !six {
                said = said.v2();
            }
            if pseudo {
                said = said.form(ChecksumForm::PseudoHeader);
            }
            said = said.every([millis(10), millis(500), secs(1), secs(3)][usize::from(interval)]);
            let at = stage.now - Duration::from_nanos(age);
            stage.hear_at(&said, at);
        }
        Step::Octets(payload) => {
            let (source, destination) =
                if six { ("fe80::2", "ff02::12") } else { ("10.0.0.2", "224.0.0.18") };
            let received = Received {
                at: stage.now,
                source_mac: Mac::default(),
                destination_mac: Mac::default(),
                source: ip(source),
                destination: ip(destination),
                hop_limit: 255,
                protocol: 112,
                ports: None,
                ip_header: &[],
                payload: &payload,
            };
            stage.tell(Input::Packet(&received));
        }
        Step::Link { up, addressed, mac } => {
            let mut link = Link { up, mac: Mac([2, 0, 0, 0, 0, mac]), ..link() };
            if !addressed {
                link.addresses.clear();
            }
            stage.tell(Input::Link(&link));
        }
        Step::Penalty(penalty) => drop(stage.tell(Input::Penalty(penalty))),
        Step::HandOver => drop(stage.command(Command::HandOver)),
        Step::Announce => drop(stage.command(Command::Announce)),
        Step::Granted => drop(stage.tell(Input::Held(Ok(())))),
        Step::Refused => drop(stage.refuse_hold()),
        Step::Lapsed(span) => drop(stage.tell(Input::Lapsed(millis(span)))),
        Step::Stop => drop(stage.tell(Input::Stop)),
        Step::Start => drop(stage.tell(Input::Start)),
        Step::Reconfigure { priority, preempt, interval, versions: number } => {
            (config.priority, config.preempt) = (priority, preempt);
            config.advertise_interval = secs(u64::from(interval));
            if !six {
                config.versions = versions(number);
            }
            stage.tell(Input::Reconfigure(config));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(mut config in any_config(), steps in proptest::collection::vec(step(), 1..120)) {
        let mut stage = Stage::bare(config.clone());
        let mut ledger = Ledger { state: "Initialize".to_owned(), ..Ledger::default() };
        stage.tell(Input::Link(&link()));
        stage.tell(Input::Start);
        ledger.book(&stage, false);
        ledger.check(&stage);
        for step in steps {
            let by_packet = matches!(step, Step::Hear { .. } | Step::Octets(_));
            apply(&mut stage, &mut config, step);
            ledger.book(&stage, by_packet);
            ledger.check(&stage);
        }
        // Whatever came before, a stop is a stop.
        stage.tell(Input::Stop);
        ledger.book(&stage, false);
        for _ in 0..10 {
            if stage.waits() {
                stage.next_tick();
                ledger.book(&stage, false);
            }
        }
        prop_assert!(!stage.waits());
        prop_assert!(!ledger.holds && !ledger.wills);
        prop_assert_eq!(stage.state(), "Initialize");
    }
}
