//! Whatever happens to the routers of a LAN, once it is whole again they settle: one is active, one is standby, the rest
//! listen, and exactly one holds the address.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lan;

use std::time::Duration;

use fhrp::{Command, Family};
use hsrp::Config;
use hsrp::config::{Preempt, Times};
use hsrp::wire::Version;
use lan::Lan;
use proptest::collection::vec;
use proptest::prelude::*;

/// What may happen to a LAN.
#[derive(Debug, Clone)]
enum Fault {
    Crash(usize),
    Kill(usize),
    Stop(usize),
    Cut(usize, usize),
    Heal,
    Penalize(usize, u16),
    HandOver(usize),
}

fn fault(routers: usize) -> impl Strategy<Value = Fault> {
    let one = 0..routers;
    prop_oneof![
        one.clone().prop_map(Fault::Crash),
        one.clone().prop_map(Fault::Kill),
        one.clone().prop_map(Fault::Stop),
        (one.clone(), one.clone()).prop_map(|(a, b)| Fault::Cut(a, b)),
        Just(Fault::Heal),
        (one.clone(), 0..300u16).prop_map(|(router, penalty)| Fault::Penalize(router, penalty)),
        one.prop_map(Fault::HandOver),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let times = prop_oneof![
        Just(None),
        Just(Some(Times { hello: Duration::from_secs(1), hold: Duration::from_secs(4) })),
        Just(Some(Times { hello: Duration::from_secs(5), hold: Duration::from_secs(16) })),
    ];
    let delay = prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(7))];
    (90..=110u8, any::<bool>(), delay, any::<bool>(), times).prop_map(
        |(priority, on, delay, jitter, times)| {
            let addresses = vec!["10.0.0.100/24".parse().unwrap()];
            Config {
                priority,
                jitter,
                times,
                preempt: Preempt { on, delay, ..Preempt::OFF },
                ..Config::new(Version::V2, 7, Family::Ipv4, addresses)
            }
        },
    )
}

fn obey(lan: &mut Lan, configs: &[Config], fault: &Fault) {
    match *fault {
        Fault::Crash(router) if lan.is_alive(router) => lan.crash(router),
        Fault::Kill(router) if lan.is_alive(router) => lan.kill(router),
        Fault::Crash(router) | Fault::Kill(router) => lan.restart(router, configs[router].clone()),
        Fault::Stop(router) if lan.is_alive(router) => lan.stop(router),
        Fault::Cut(a, b) => lan.cut(a, b),
        Fault::Heal => lan.heal(),
        Fault::Penalize(router, penalty) if lan.is_alive(router) => lan.penalize(router, penalty),
        Fault::HandOver(router) if lan.is_alive(router) => lan.command(router, Command::HandOver),
        Fault::Stop(_) | Fault::Penalize(..) | Fault::HandOver(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn a_whole_lan_settles(
        (configs, faults) in (2..=5usize).prop_flat_map(|count| {
            (vec(config(), count), vec((fault(count), 0..20_000u64), 0..12))
        }),
        seed in any::<u64>(),
    ) {
        let mut lan = Lan::new(seed);
        for (last, config) in (1..).zip(&configs) {
            lan.join(last * 10, config.clone());
        }
        for (fault, after) in &faults {
            obey(&mut lan, &configs, fault);
            lan.run_for(Duration::from_millis(*after));
        }
        lan.heal();
        // Longest hold time, thrice: in Listen, in Speak, and for a role that changes on the way; and the delay.
        lan.run_for(Duration::from_secs(75));
        let states = lan.states();
        let running: Vec<&str> = states.iter().copied().filter(|it| !["-", "Initial"].contains(it)).collect();
        let count = |state: &str| running.iter().filter(|it| **it == state).count();
        prop_assert_eq!(count("Active"), running.len().min(1), "{:?}", states);
        prop_assert_eq!(count("Standby"), running.len().saturating_sub(1).min(1), "{:?}", states);
        prop_assert_eq!(count("Listen"), running.len().saturating_sub(2), "{:?}", states);
        prop_assert_eq!(lan.holders().len(), running.len().min(1));
        for holder in lan.holders() {
            prop_assert_eq!(states[holder], "Active");
        }
    }
}
