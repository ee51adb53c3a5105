//! The simulation on itself: that it repeats itself, that it finds what is wrong, that it stays small.

use std::time::Duration;

use super::campaign::{Campaign, Summary};
use super::explain::Explained;
use super::generate::{self, Limits};
use super::scenario::{Deed, Group, MachineDeed, Scenario, What};
use super::{Invariant, run};

fn scenario(seed: u64) -> Scenario {
    generate::scenario(seed, &Limits::default())
}

fn vrrp() -> Limits {
    Limits { protocol: Some(generate::Simulated::Vrrp), ..Limits::default() }
}

fn capture(scenario: &Scenario) -> Vec<u8> {
    let mut octets = Vec::new();
    Explained::new(scenario).capture(&mut octets).unwrap();
    octets
}

#[test]
fn the_same_seed_gives_the_same_run_octet_for_octet() {
    for seed in 0..40 {
        let (one, other) = (scenario(seed), scenario(seed));
        assert_eq!(one, other);
        assert_eq!(run(&one, false).stats, run(&other, true).stats, "seed {seed}");
        assert_eq!(Explained::new(&one).text(100), Explained::new(&other).text(100), "seed {seed}");
        assert_eq!(capture(&one), capture(&other), "seed {seed}");
    }
    assert_ne!(capture(&scenario(1)), capture(&scenario(2)));
}

#[test]
fn a_scenario_can_be_written_down() {
    for seed in 0..200 {
        let scenario = scenario(seed);
        assert_eq!(scenario.check(), Ok(()), "seed {seed}");
        let text = serde_json::to_string(&scenario).unwrap();
        assert_eq!(serde_json::from_str::<Scenario>(&text).unwrap(), scenario);
    }
}

/// What is called a settled LAN must be one: seeds reach all states, hosts reach their gateways.
#[test]
fn seeds_are_eventful() {
    let campaign = Campaign { numbers: 0..2_000, until: None, jobs: 2, enough: 1, scenario: &scenario };
    let mut seen = 0;
    let summary: Summary = campaign.run(&mut |so_far| seen = so_far.runs);
    assert_eq!((summary.runs, seen), (2_000, 2_000));
    assert_eq!(summary.violations, []);
    let stats = summary.stats;
    assert!(stats.settled >= summary.runs, "{stats:?}");
    assert!(stats.transitions > 4 * summary.runs, "{stats:?}");
    assert!(stats.refused > summary.runs, "{stats:?}");
    assert!(stats.forwarded * 100 > stats.packets * 90, "{stats:?}");
    assert!(summary.seconds > Duration::ZERO);
}

/// Two routers whose settings part them: each takes the other's advertisements for broken ones. No standard
/// allows that network, so no seed has it; the watch must see two holders.
#[test]
fn two_routers_that_do_not_understand_each_other_are_found_and_shrunk() {
    let mut broken = generate::scenario(3, &vrrp());
    broken.groups.truncate(1);
    broken.hosts.clear();
    let Group::Vrrp(setup) = &mut broken.groups[0] else { panic!("{broken:?}") };
    setup.ipv6 = false;
    setup.authentication = super::vrrp::Authentication::None;
    for (number, member) in setup.members.iter_mut().enumerate() {
        member.interval_ms = 1_000;
        member.spoken = if number % 2 == 0 { super::vrrp::Spoken::V2 } else { super::vrrp::Spoken::V3 };
    }
    broken.deeds.retain(|deed| matches!(deed.what, What::Machine { deed: MachineDeed::Start, .. }));
    let extra =
        Deed { at_us: 90_000_000, for_us: 0, what: What::Machine { router: 0, deed: MachineDeed::PowerCut } };
    broken.deeds.push(extra);
    let found = run(&broken, false).violation.unwrap();
    assert_eq!(found.breach.invariant, Invariant::ShortOverlap);

    let shrunk = super::shrink::shrink(&broken, &found, |_, _| {});
    assert_eq!(shrunk.violation.breach.invariant, Invariant::ShortOverlap);
    assert_eq!(shrunk.scenario.routers.len(), 2);
    assert_eq!(shrunk.scenario.deeds.len(), 2, "both start, and nothing else: {:?}", shrunk.scenario.deeds);
    let explained = Explained::new(&shrunk.scenario);
    assert_eq!(explained.violation, Some(shrunk.violation));
    let text = explained.text(100);
    assert!(text.contains("r1: starts") && text.contains("Violation: "), "{text}");
}

#[test]
fn impossible_scenarios_are_refused_in_words() {
    let mut broken = scenario(1);
    broken.deeds.insert(0, Deed { at_us: 0, for_us: 0, what: What::OneWay { from: 0, to: 9 } });
    let count = broken.routers.len();
    assert_eq!(
        broken.check().unwrap_err().to_string(),
        format!("router 9, and there are {count}, counted from 0")
    );
    let mut broken = generate::scenario(1, &vrrp());
    let Group::Vrrp(setup) = &mut broken.groups[0] else { panic!("{broken:?}") };
    setup.members.pop();
    let count = broken.routers.len();
    let said = broken.check().unwrap_err().to_string();
    assert_eq!(said, format!("group 0: {} members for {count} routers", count - 1));
}
