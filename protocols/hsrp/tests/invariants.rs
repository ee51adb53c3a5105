//! What holds for one group whatever it is told, in whatever order.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use std::time::Duration;

use fhrp::{Action, Command, Input, Instant, Link, Siblings, Standing};
use hsrp::Config;
use hsrp::auth::Authentication;
use hsrp::config::{InitialDelay, Preempt};
use hsrp::wire::{Operation, State, Version};
use proptest::collection::vec;
use proptest::prelude::*;
use stage::{Stage, config, ip, learning, link, says};

/// What a group may be told.
#[derive(Debug, Clone)]
enum Told {
    Start,
    Stop,
    Hears { last: u8, operation: u8, state: u8, priority: u8, times: (u8, u8), ours: bool, ago: u64 },
    Octets(Vec<u8>),
    Passes(u64),
    NextDeadline,
    Link(bool),
    Penalty(u16),
    Siblings(u16, u16, bool),
    HandOver,
    Announce,
    Ready,
    HoldRefused,
    HoldGranted,
    Lapsed(u64),
    Reconfigured(usize),
}

fn told() -> impl Strategy<Value = Told> {
    let heard = (2..12u8, 0..3u8, 0..20u8, any::<u8>(), any::<(u8, u8)>(), any::<bool>(), 0..5_000u64);
    prop_oneof![
        1 => Just(Told::Start),
        1 => Just(Told::Stop),
        8 => heard.prop_map(|(last, operation, state, priority, times, ours, ago)| {
            Told::Hears { last, operation, state, priority, times, ours, ago }
        }),
        1 => vec(any::<u8>(), 0..60).prop_map(Told::Octets),
        3 => (0..15_000u64).prop_map(Told::Passes),
        6 => Just(Told::NextDeadline),
        1 => any::<bool>().prop_map(Told::Link),
        1 => any::<u16>().prop_map(Told::Penalty),
        1 => (0..3u16, 0..3u16, any::<bool>()).prop_map(|(a, b, first)| Told::Siblings(a, b, first)),
        1 => Just(Told::HandOver),
        1 => Just(Told::Announce),
        1 => Just(Told::Ready),
        1 => Just(Told::HoldRefused),
        1 => Just(Told::HoldGranted),
        1 => (0..30_000u64).prop_map(Told::Lapsed),
        1 => (0..5usize).prop_map(Told::Reconfigured),
    ]
}

fn configs() -> [Config; 5] {
    let preempt = Preempt { on: true, by_address: true, delay: Duration::from_secs(4), ..Preempt::OFF };
    [
        config(),
        Config { preempt, jitter: true, ..config() },
        Config {
            initial_delay: InitialDelay { started: Duration::from_secs(9), link_up: Duration::from_secs(3) },
            ..learning()
        },
        Config { virtual_mac: None, priority: 0, ..config() },
        Config { version: Version::V2, ..config() },
    ]
}

fn tell(stage: &mut Stage, configs: &[Config], told: &Told) {
    match told {
        Told::Start => stage.tell(Input::Start),
        Told::Stop => stage.tell(Input::Stop),
        Told::Hears { last, operation, state, priority, times, ours, ago } => {
            let seconds = |count: u8| Duration::from_secs(count.into());
            let mut said = says(&format!("10.0.0.{last}"), State::of(Version::V1, *state), *priority)
                .doing(Operation::of(*operation).unwrap())
                .times(seconds(times.0 % 20), seconds(times.1 % 40));
            if !ours {
                said = said.by(Authentication::Text(fhrp::Secret::new("theirs")));
            }
            let now = stage.now;
            stage.hear_at(&said, now - Duration::from_millis(*ago))
        }
        Told::Octets(octets) => {
            let now = stage.now;
            stage.hear_octets(ip("10.0.0.9"), Version::V1, octets, now)
        }
        Told::Passes(millis) => {
            stage.now += Duration::from_millis(*millis);
            Vec::new()
        }
        Told::NextDeadline => match stage.waits() {
            true => stage.next_tick(),
            false => Vec::new(),
        },
        Told::Link(up) => stage.tell(Input::Link(&Link { up: *up, ..link() })),
        Told::Penalty(penalty) => stage.tell(Input::Penalty(*penalty)),
        Told::Siblings(holding, standing_by, first) => {
            stage.siblings = Siblings { holding: *holding, standing_by: *standing_by, first: *first };
            Vec::new()
        }
        Told::HandOver => stage.command(Command::HandOver),
        Told::Announce => stage.command(Command::Announce),
        Told::Ready => stage.command(Command::Ready),
        Told::HoldRefused => stage.refuse_hold(),
        Told::HoldGranted => stage.tell(Input::Held(Ok(()))),
        Told::Lapsed(millis) => stage.tell(Input::Lapsed(Duration::from_millis(*millis))),
        Told::Reconfigured(which) => stage.tell(Input::Reconfigure(&configs[*which])),
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn nothing_breaks_a_group(first in 0..5usize, all in vec(told(), 1..80), random in any::<u64>()) {
        let configs = configs();
        let mut stage = Stage::bare(configs[first].clone());
        stage.random = random;
        stage.now = Instant::ZERO + Duration::from_secs(100);
        stage.tell(Input::Link(&link()));
        let mut held = false;
        let note_holds = |actions: &[Action], held: &mut bool| {
            for action in actions {
                if let Action::Hold(holdings) = action {
                    *held = !holdings.is_empty();
                }
            }
        };
        for told in &all {
            tell(&mut stage, &configs, told);
            note_holds(&stage.actions, &mut held);
            let view = stage.view();
            prop_assert_eq!(view.standing == Standing::Holding, held, "{:?} in {}", told, view.state);
            prop_assert!(view.standing != Standing::Holding || view.source.is_some());
            if stage.sent().iter().any(|datagram| datagram.source.is_ipv6()) {
                prop_assert!(false, "an IPv4 group speaks IPv4");
            }
            // A tick does all that was due: nobody is woken again and again for the same thing.
            stage.tick();
            note_holds(&stage.actions, &mut held);
            let deadline = stage.waits().then(|| stage.deadline());
            prop_assert!(deadline.is_none_or(|at| at > stage.now), "{:?} at {}", told, stage.now);
            let state = stage.state();
            prop_assert!(stage.tick().is_empty(), "a repeated tick after {:?} in {}", told, state);
        }
    }
}
