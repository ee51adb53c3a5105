//! Whatever it is told, in whatever order: it does not panic, holds what a MASTER holds and nothing else, and has no
//! deadline that a Tick does not move.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use carp::Config;
use fhrp::{Action, Command, Input, Link};
use proptest::collection::vec;
use proptest::prelude::*;
use stage::{Stage, both_families, config, link, millis, says, sealed};

#[derive(Debug, Clone)]
enum Told {
    Start,
    Stop,
    Hears { last: u8, base: u8, skew: u8, demote: u8, counter: u64, ipv6: bool, ago: u64 },
    Octets(Vec<u8>),
    Passes(u64),
    NextDeadline,
    Link(bool),
    Penalty(u16),
    Command(Command),
    HoldRefused,
    HoldGranted,
    Lapsed(u64),
    Reconfigured(usize),
}

fn told() -> impl Strategy<Value = Told> {
    let heard = (1..12u8, 0..4u8, any::<u8>(), 0..3u8, any::<u64>(), any::<bool>(), 0..5_000u64);
    let commands = prop_oneof![
        Just(Command::HandOver),
        Just(Command::TakeOver),
        Just(Command::Announce),
        Just(Command::Ready),
    ];
    prop_oneof![
        1 => Just(Told::Start),
        1 => Just(Told::Stop),
        8 => heard.prop_map(|(last, base, skew, demote, counter, ipv6, ago)| {
            // A goodbye now and then.
            let (base, skew) = if base == 3 { (255, 255) } else { (base, skew) };
            Told::Hears { last, base, skew, demote, counter, ipv6, ago }
        }),
        1 => vec(any::<u8>(), 0..50).prop_map(Told::Octets),
        3 => (0..6_000u64).prop_map(Told::Passes),
        6 => Just(Told::NextDeadline),
        1 => any::<bool>().prop_map(Told::Link),
        1 => any::<u16>().prop_map(Told::Penalty),
        2 => commands.prop_map(Told::Command),
        1 => Just(Told::HoldRefused),
        1 => Just(Told::HoldGranted),
        1 => (0..30_000u64).prop_map(Told::Lapsed),
        1 => (0..4usize).prop_map(Told::Reconfigured),
    ]
}

fn settings() -> [Config; 4] {
    [config(), Config { preempt: true, ..both_families() }, sealed(), Config { dead_ratio: 1, ..config() }]
}

fn tell(stage: &mut Stage, told: &Told, number: usize) {
    match told {
        Told::Start => drop(stage.tell(Input::Start)),
        Told::Stop => drop(stage.tell(Input::Stop)),
        Told::Hears { last, base, skew, demote, counter, ipv6, ago } => {
            let from = if *ipv6 { format!("fe80::{last}") } else { format!("10.0.0.{last}") };
            let mut said = says(&from, *base, *skew).demoted(*demote).counting(*counter);
            if number == 1 {
                said = said.for_both();
            }
            let at = stage.now - millis(*ago);
            stage.hear_at(&said, at);
        }
        Told::Octets(octets) => {
            let now = stage.now;
            stage.hear_octets(&says(stage::HIGHER, 1, 0), octets, now);
        }
        Told::Passes(span) => {
            stage.pass(millis(*span));
            stage.tick();
        }
        Told::NextDeadline if stage.waits() => drop(stage.next_tick()),
        Told::NextDeadline => {}
        Told::Link(up) => drop(stage.tell(Input::Link(&Link { up: *up, ..link() }))),
        Told::Penalty(penalty) => drop(stage.tell(Input::Penalty(*penalty))),
        Told::Command(command) => drop(stage.command(*command)),
        Told::HoldRefused => drop(stage.refuse_hold()),
        Told::HoldGranted => drop(stage.tell(Input::Held(Ok(())))),
        Told::Lapsed(span) => drop(stage.tell(Input::Lapsed(millis(*span)))),
        Told::Reconfigured(which) => drop(stage.tell(Input::Reconfigure(&settings()[*which]))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_it_is_told(number in 0..4usize, story in vec(told(), 0..120)) {
        let mut stage = Stage::started(settings()[number].clone());
        let (mut holds, mut has_will) = (false, false);
        for step in &story {
            tell(&mut stage, step, number);
            for action in &stage.actions {
                match action {
                    Action::Hold(holdings) => holds = !holdings.is_empty(),
                    Action::LastWill(will) => has_will = !will.is_empty(),
                    _ => {}
                }
            }
            let is_master = stage.state() == "MASTER";
            prop_assert_eq!(holds, is_master, "{:?}", step);
            prop_assert_eq!(has_will, is_master, "{:?}", step);
            // Early ticks change nothing.
            if stage.waits() && stage.deadline() > stage.now {
                prop_assert!(stage.tick().is_empty());
            }
            // What is due is done by a Tick.
            if stage.waits() && stage.deadline() <= stage.now {
                stage.tick();
                prop_assert!(!stage.waits() || stage.deadline() > stage.now, "{:?}", step);
                for action in &stage.actions {
                    match action {
                        Action::Hold(holdings) => holds = !holdings.is_empty(),
                        Action::LastWill(will) => has_will = !will.is_empty(),
                        _ => {}
                    }
                }
            }
        }
    }
}
