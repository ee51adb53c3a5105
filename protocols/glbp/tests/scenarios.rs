//! Conversations of several routers: those that an implementation of GLBP has to get right, each with its numbers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lan;

use std::collections::BTreeMap;
use std::time::Duration;

use fhrp::keys::KeyChain;
use fhrp::{Family, InterfaceAddress, Mac, Route, Secret};
use glbp::Config;
use glbp::auth::Authentication;
use glbp::config::{Balancing, Preempt, Retirement, Times, Weighting};
use glbp::vmac::virtual_mac;
use glbp::wire::{self, Kind, State};
use lan::Lan;

const VIP: &str = "10.0.0.1";

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn address(text: &str) -> InterfaceAddress {
    text.parse().unwrap()
}

fn config(priority: u8) -> Config {
    Config { priority, ..Config::new(1, Family::Ipv4, vec![address("10.0.0.1/24")]) }
}

fn preempting(priority: u8) -> Config {
    Config { preempt: Preempt { on: true, delay: Duration::ZERO }, ..config(priority) }
}

/// Routers 10.0.0.11, 12, … with priorities from 200 down, each with its own forwarder.
fn settled(count: u8, change: impl Fn(Config) -> Config) -> Lan {
    let mut lan = Lan::new(7);
    for number in 1..=count {
        lan.join(10 + number, change(config(200 - number)));
        lan.run_for(secs(if number == 1 { 31 } else { 14 }));
    }
    lan.run_for(secs(20));
    let expected: Vec<(u8, usize)> =
        (1..=count.min(4)).map(|number| (number, usize::from(number) - 1)).collect();
    assert_eq!(lan.map(1), expected);
    lan
}

/// What twenty hosts are told, by forwarder.
fn shares(lan: &mut Lan) -> BTreeMap<u8, usize> {
    let mut shares = BTreeMap::new();
    for host in 100..120 {
        let answers = lan.ask(host, VIP);
        assert!(answers.len() <= 1, "{answers:?}");
        for (_, number) in answers {
            *shares.entry(number).or_default() += 1;
        }
    }
    shares
}

#[test]
fn scenario_1_a_lone_router() {
    let mut lan = Lan::new(1);
    let a = lan.join(11, config(100));
    lan.run_for(millis(20_100));
    assert_eq!(lan.times_of(a, "Speak -> Active"), [secs(20)]);
    let first = lan.sent.iter().map(|sent| wire::parse(&sent.payload).unwrap().message);
    let first = first.into_iter().find(|said| said.hello.is_some_and(|hello| hello.state == State::Active));
    assert!(first.unwrap().forwarders.is_empty());
    lan.run_for(secs(11));
    let forwarding = lan.sent.iter().find(|sent| wire::parse(&sent.payload).unwrap().message.hello.is_none());
    let Route::Link { source_mac, .. } = forwarding.unwrap().route else { panic!("it stays on its link") };
    assert_eq!(source_mac, virtual_mac(1, 1).unwrap());
    assert_eq!(lan.times_of(a, "forwarder 1: Listen -> Active"), [secs(30)]);
    assert!(lan.times_of(a, "announce").is_empty());
}

#[test]
fn scenario_2_a_second_router_joins() {
    let mut lan = Lan::new(2);
    let a = lan.join(11, config(200));
    lan.run_for(secs(31));
    let b = lan.join(12, config(100));
    let joined = lan.elapsed();
    lan.run_for(secs(30));
    assert_eq!(lan.states(), ["Active", "Standby"]);
    assert_eq!(lan.map(1), [(1, a), (2, b)]);
    let request = lan.sent.iter().find(|it| wire::parse(&it.payload).unwrap().message.kind == Kind::Request);
    let request = request.unwrap();
    assert_eq!((request.payload.len(), request.destination), (32, lan::ip("10.0.0.11")));
    let response =
        lan.sent.iter().find(|it| wire::parse(&it.payload).unwrap().message.kind == Kind::Response);
    let response = response.unwrap();
    assert_eq!((response.payload.len(), response.destination), (32, lan::ip("10.0.0.12")));
    assert_eq!(wire::parse(&response.payload).unwrap().message.forwarders[0].number, 2);
    let assigned = lan.times_of(b, "remark forwarder-given")[0];
    assert!(assigned - joined <= secs(3), "with the first hello");
    assert_eq!(lan.times_of(b, "forwarder 2: Listen -> Active"), [assigned + secs(10)]);
    assert!(lan.times_of(b, "Speak -> Standby")[0] - joined <= secs(21));
    for sent in lan.sent.iter().rev().take(10) {
        let said = wire::parse(&sent.payload).unwrap().message;
        let [it] = &said.forwarders[..] else { panic!("each says its own: {said:?}") };
        assert_eq!((it.priority, it.lifetime, it.redirection), (167, secs(14_400), secs(600)));
    }
}

#[test]
fn scenario_3_round_robin() {
    let mut lan = settled(2, |config| config);
    let told: Vec<_> = (100..104).map(|host| lan.ask(host, VIP)).collect();
    assert_eq!(told, [[(0, 1)], [(0, 2)], [(0, 1)], [(0, 2)]]);
    let mut lan = settled(4, |config| config);
    assert_eq!(shares(&mut lan), [(1, 5), (2, 5), (3, 5), (4, 5)].into());
}

#[test]
fn scenario_4_the_active_gateway_crashes() {
    let mut lan = settled(4, |config| config);
    let crashed = lan.elapsed();
    lan.crash(0);
    lan.run_for(secs(12));
    assert_eq!(lan.states()[1], "Active");
    let became = lan.times_of(1, "Standby -> Active")[0] - crashed;
    assert!((secs(7)..secs(10)).contains(&became), "one hold time after its last word: {became:?}");
    let taken = lan.map(1);
    assert_eq!(taken.len(), 4);
    assert_eq!(taken[1..], [(2, 1), (3, 2), (4, 3)], "who forwards goes on");
    let by = taken[0].1;
    assert_eq!(by, 3, "all have one forwarder; the highest address comes first");
    let takes: Vec<usize> =
        (1..4).filter(|it| !lan.times_of(*it, "forwarder 1: Listen -> A").is_empty()).collect();
    assert_eq!(takes, [by], "nobody else even tried");
    let first = lan.sent.iter().rev().map(|sent| wire::parse(&sent.payload).unwrap().message);
    let first = first.into_iter().filter(|said| said.hello.is_none()).find(|it| it.forwarders[0].number == 1);
    let it = first.unwrap().forwarders[0];
    assert_eq!((it.priority, it.lifetime, it.redirection), (135, secs(14_390), secs(590)));
    assert!(lan.log.iter().all(|event| event.what != "announce"));
    assert_eq!(shares(&mut lan), [(1, 5), (2, 5), (3, 5), (4, 5)].into(), "for now it is still told");
}

#[test]
fn scenario_5_it_returns_with_preemption() {
    let mut lan =
        settled(2, |config| Config { preempt: Preempt { on: true, delay: Duration::ZERO }, ..config });
    lan.crash(0);
    lan.run_for(secs(30));
    assert_eq!((lan.states(), lan.map(1)), (vec!["-", "Active"], vec![(1, 1), (2, 1)]));
    lan.restart(0, preempting(199));
    let back = lan.elapsed();
    lan.run_for(secs(7));
    assert_eq!(lan.states()[0], "Active", "within two hellos");
    assert_eq!(lan.since(1, back).iter().filter(|it| **it == "Active -> Speak").count(), 1);
    lan.run_for(secs(10));
    assert_eq!(lan.states(), ["Active", "Standby"]);
    lan.run_for(secs(20));
    assert_eq!(lan.map(1), [(1, 0), (2, 1)]);
    let taken = *lan.times_of(0, "forwarder 1: Listen -> Active").last().unwrap() - back;
    assert!((secs(30)..secs(34)).contains(&taken), "{taken:?}");
    assert!(lan.view(1).forwarders[0].lifetime >= secs(14_397), "full with every hello of its owner");
}

#[test]
fn scenario_6_it_returns_without_preemption() {
    let mut lan = settled(2, |config| config);
    lan.crash(0);
    lan.run_for(secs(30));
    lan.restart(0, config(199));
    lan.run_for(secs(40));
    assert_eq!(lan.states(), ["Standby", "Active"]);
    assert_eq!(lan.map(1), [(1, 0), (2, 1)], "forwarders have a preemption of their own");
}

#[test]
fn scenario_7_redirection_and_time_out() {
    let retirement = Some(Retirement { redirect: secs(20), timeout: secs(620) });
    let mut lan = settled(3, |config| Config { retirement, ..config });
    let crashed = lan.elapsed();
    lan.crash(2);
    lan.run_for(secs(16));
    assert_eq!(shares(&mut lan).len(), 3);
    lan.run_for(secs(4));
    assert_eq!(shares(&mut lan), [(1, 10), (2, 10)].into());
    assert_eq!(lan.map(1).len(), 3, "its hosts are served all the same");
    let stand_in = lan.map(1)[2].1;
    assert_eq!(
        lan.ask_at(100, VIP, virtual_mac(1, 3).unwrap()),
        [],
        "a host that asks it alone is to ask all"
    );
    assert_eq!(lan.ask_at(100, VIP, virtual_mac(1, 1).unwrap()), [(0, 1)]);
    lan.run_for(crashed + secs(621) - lan.elapsed());
    assert_eq!(lan.map(1), [(1, 0), (2, 1)]);
    assert!(lan.view(stand_in).forwarders.len() == 2);
    let new = lan.join(20, config(50));
    lan.run_for(secs(15));
    assert_eq!(lan.map(1), [(1, 0), (2, 1), (3, new)], "the number is given again");
}

#[test]
fn a_forwarder_that_is_given_up_does_not_come_back() {
    // Less than a second passes until another router takes over, and messages say whole seconds.
    let times = Some(Times { hello: millis(100), hold: millis(300) });
    let retirement = Some(Retirement { redirect: secs(2), timeout: secs(10) });
    let fast = |config| Config { times, retirement, jitter: false, ..config };
    let mut lan = settled(3, fast);
    lan.crash(2);
    lan.run_for(secs(4));
    assert_eq!(lan.map(1).len(), 3);
    // Who comes now knows its time only from others.
    lan.join(20, fast(config(50)));
    lan.run_for(millis(7_300));
    let known: Vec<usize> = [0, 1, 3].map(|it| lan.view(it).forwarders.len()).to_vec();
    assert_eq!(known, [3, 3, 3], "those of the three that are there");
    assert_eq!(lan.map(1), [(1, 0), (2, 1), (4, 3)]);
    lan.run_for(secs(30));
    assert_eq!(lan.map(1), [(1, 0), (2, 1), (4, 3)]);
}

#[test]
fn who_cannot_carry_a_forwarder_asks_for_none_while_others_carry_theirs() {
    let weighting = Weighting { maximum: 100, lower: 80, upper: 90 };
    let retirement = Some(Retirement { redirect: secs(20), timeout: secs(100) });
    let mut lan = settled(2, |config| Config { weighting, retirement, ..config });
    for low in [1, 0] {
        lan.penalize(low, 30);
        lan.run_for(secs(200));
        assert_eq!(lan.map(1).len(), 1, "what router {low} had is given up");
        lan.run_for(secs(400));
        assert_eq!(lan.map(1).len(), 1, "and stays so");
        lan.penalize(low, 0);
        lan.run_for(secs(20));
        assert_eq!(lan.map(1), [(1, 0), (2, 1)]);
    }
    // Where nobody else can, a weak one is better than none.
    lan.crash(1);
    lan.penalize(0, 30);
    lan.run_for(secs(300));
    assert_eq!(lan.map(1), [(1, 0)]);
}

#[test]
fn scenario_8_weighting_below_the_threshold() {
    let weighting = Weighting { maximum: 100, lower: 80, upper: 90 };
    let mut lan = settled(2, |config| Config { weighting, ..config });
    lan.penalize(0, 15);
    lan.run_for(secs(60));
    assert_eq!(lan.map(1), [(1, 0), (2, 1)], "85 is neither too little nor enough again");
    lan.penalize(0, 30);
    let low = lan.elapsed();
    lan.run_for(secs(29));
    assert_eq!(lan.map(1), [(1, 0), (2, 1)], "it goes on until somebody else does");
    lan.run_for(secs(2));
    assert_eq!(lan.map(1), [(1, 1), (2, 1)]);
    let taken = *lan.times_of(1, "forwarder 1: Listen -> Active").last().unwrap() - low;
    assert!(taken >= secs(30) && taken < millis(30_010), "{taken:?}");
    assert_eq!(lan.states(), ["Active", "Standby"], "who answers hosts is another matter");
    assert_eq!(shares(&mut lan), [(1, 10), (2, 10)].into());
    lan.penalize(0, 15);
    lan.run_for(secs(60));
    assert_eq!(lan.map(1), [(1, 1), (2, 1)]);
    lan.penalize(0, 0);
    lan.run_for(secs(31));
    assert_eq!(lan.map(1), [(1, 0), (2, 1)]);
}

fn keyed(key: &str, config: Config) -> Config {
    Config { authentication: Authentication::KeyChain(KeyChain::single(1, Secret::new(key))), ..config }
}

#[test]
fn scenario_9_md5_and_recordings() {
    let mut lan = settled(2, |config| keyed("a key of our own", config));
    assert_eq!(lan.states(), ["Active", "Standby"]);
    // A recording of the active gateway's goodbye, or of anything it said long ago.
    let old: Vec<_> =
        lan.sent.iter().filter(|it| it.source == lan::ip("10.0.0.11")).take(5).cloned().collect();
    let since = lan.elapsed();
    for datagram in old {
        lan.inject(datagram);
    }
    lan.run_for(secs(1));
    let refused: Vec<&str> = lan.since(1, since).into_iter().filter(|it| it.starts_with("refused")).collect();
    assert_eq!(refused, ["refused nonce-errors"; 5]);
    lan.run_for(secs(20));
    assert_eq!(lan.states(), ["Active", "Standby"]);
    assert_eq!(lan.map(1), [(1, 0), (2, 1)]);
    let mut members = lan.view(0).details.into_iter().filter(|it| it.name == "member").map(|it| it.value);
    assert_eq!(members.next_back().unwrap(), "02:00:00:00:00:0c, 10.0.0.12, authenticated");
}

#[test]
fn scenario_9_another_key() {
    let mut lan = settled(2, |config| keyed("a key of our own", config));
    let link = |lan: &mut Lan, key: &str| lan.reconfigure(1, &keyed(key, config(198)));
    link(&mut lan, "another key");
    lan.run_for(secs(16));
    assert_eq!(lan.states(), ["Active", "Active"]);
    assert_eq!(lan.owners(1), [(1, vec![0, 1]), (2, vec![0, 1])].into(), "each takes the other for dead");
    assert!(!lan.times_of(0, "alarm two-actives true").is_empty());
    link(&mut lan, "a key of our own");
    lan.run_for(secs(4));
    assert_eq!(lan.states(), ["Active", "Speak"]);
    assert_eq!(lan.map(1), [(1, 0), (2, 1)]);
}

#[test]
fn scenario_10_times_and_address_are_learnt() {
    let fast = Some(Times { hello: secs(1), hold: secs(4) });
    let slow = Some(Times { hello: secs(3), hold: secs(10) });
    let mut lan = Lan::new(10);
    lan.join(11, Config { times: fast, ..config(200) });
    lan.run_for(secs(15));
    let b = lan.join(12, Config { times: slow, addresses: Vec::new(), ..config(100) });
    lan.run_for(secs(20));
    let shown = lan.view(b);
    let hello = shown.timers.iter().find(|timer| timer.name == "hello-time").unwrap();
    assert_eq!((shown.state, hello.length), ("Standby", secs(1)));
    assert!(shown.details.iter().any(|it| it.value == "hello 3 s, hold 10 s"));
    let crashed = lan.elapsed();
    lan.crash(0);
    lan.run_for(secs(5));
    assert_eq!(lan.view(b).state, "Active");
    assert!(lan.times_of(b, "Standby -> Active")[0] - crashed <= secs(4));
    assert!(!lan.ask(100, VIP).is_empty(), "with the address that it learnt");
}

#[test]
fn an_address_is_learnt_from_who_proves_that_it_is_no_recording() {
    let mut lan = Lan::new(10);
    lan.join(11, keyed("secret", config(200)));
    lan.run_for(secs(30));
    let b = lan.join(12, keyed("secret", Config { addresses: Vec::new(), ..config(100) }));
    lan.run_for(secs(25));
    assert_eq!(lan.states(), ["Active", "Standby"]);
    assert_eq!(lan.map(1), [(1, 0), (2, b)]);
    lan.crash(0);
    lan.run_for(secs(15));
    assert_eq!(lan.view(b).state, "Active");
    assert!(!lan.ask(100, VIP).is_empty(), "with the address that it learnt");
}

#[test]
fn scenario_11_host_dependent() {
    let mut lan = settled(3, |config| Config { balancing: Balancing::HostDependent, ..config });
    let told = |lan: &mut Lan| (100..120).map(|host| lan.ask(host, VIP)[0].1).collect::<Vec<u8>>();
    let before = told(&mut lan);
    for _ in 0..100 {
        assert_eq!(lan.ask(100, VIP)[0].1, before[0]);
    }
    assert_eq!(before.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    lan.crash(2);
    lan.run_for(secs(15));
    assert_eq!(told(&mut lan), before, "a take-over changes nothing");
}

#[test]
fn scenario_12_weighted() {
    let weights = [60, 30, 10];
    let mut lan = Lan::new(12);
    for (place, maximum) in weights.into_iter().enumerate() {
        let weighting = Weighting { maximum, lower: 1, upper: maximum };
        let last = u8::try_from(place).unwrap();
        lan.join(11 + last, Config { weighting, balancing: Balancing::Weighted, ..config(200 - last) });
        lan.run_for(secs(40));
    }
    let mut shares = BTreeMap::<u8, usize>::new();
    for host in 0..100 {
        *shares.entry(lan.ask(100 + host, VIP)[0].1).or_default() += 1;
    }
    assert_eq!(shares, [(1, 60), (2, 30), (3, 10)].into());
}

#[test]
fn scenario_13_five_members() {
    let mut lan = settled(5, |config| Config {
        retirement: Some(Retirement { redirect: secs(20), timeout: secs(620) }),
        ..config
    });
    assert_eq!(lan.states()[4], "Listen");
    assert!(lan.view(4).forwarders.iter().all(|it| !it.own));
    lan.crash(2);
    lan.run_for(secs(12));
    assert_eq!(lan.map(1)[2], (3, 4), "who forwards for nobody comes first");
    lan.run_for(secs(680));
    assert_eq!(lan.map(1)[2], (3, 4));
    assert!(lan.view(4).forwarders.iter().any(|it| it.own && it.number == 3), "the number became free");
}

#[test]
fn scenario_14_hostile_input() {
    let mut lan = settled(2, |config| config);
    let hello = lan.sent.iter().rev().find(|it| it.source == lan::ip("10.0.0.11")).unwrap().clone();
    let mut hostile = Vec::new();
    let mut change = |change: &dyn Fn(&mut fhrp::Datagram)| {
        let mut datagram = hello.clone();
        change(&mut datagram);
        hostile.push(datagram);
    };
    change(&|it| it.payload.truncate(30));
    change(&|it| it.payload[13] = 0);
    change(&|it| it.payload[13] = 1);
    change(&|it| it.payload[2] = 4);
    change(&|it| it.payload[0] = 2);
    change(&|it| it.hop_limit = 254);
    change(&|it| {
        let twice = it.payload[40..60].to_vec();
        it.payload.extend(twice);
    });
    change(&|it| it.payload[15] = 3);
    change(&|it| it.source = lan::ip("192.0.2.1"));
    change(&|it| it.source = lan::ip("10.0.0.99"));
    change(&|it| it.ports = Some((1024, 3222)));
    let (since, count) = (lan.elapsed(), hostile.len());
    for datagram in hostile {
        lan.inject(datagram);
    }
    lan.run_for(millis(1));
    let refused = lan.since(1, since).into_iter().filter(|it| it.starts_with("refused")).count();
    assert_eq!(refused, count, "{:?}", lan.since(1, since));
    // What is said of one forwarder is wrong: the rest counts.
    let mut wrong = hello;
    wrong.payload[59] = 9;
    let before = lan.view(1).forwarders;
    lan.inject(wrong);
    lan.run_for(millis(1));
    assert_eq!(lan.since(1, since).last(), Some(&"refused virtual-mac-errors"));
    assert_eq!((lan.view(1).state, lan.view(1).forwarders.len()), ("Standby", before.len()));
}

#[test]
fn scenario_15_ipv6() {
    let vip = "fe80::7:b4ff:fe00:3700";
    let group =
        |priority| Config { priority, ..Config::new(55, Family::Ipv6, vec![address(&format!("{vip}/64"))]) };
    let mut lan = Lan::new(15);
    for (last, priority) in [(1, 200), (2, 100)] {
        lan.join(last, group(priority));
        lan.run_for(secs(40));
    }
    assert_eq!(lan.map(55), [(1, 0), (2, 1)]);
    let told: Vec<_> = (100..104).map(|host| lan.ask(host, vip)).collect();
    assert_eq!(told, [[(0, 1)], [(0, 2)], [(0, 1)], [(0, 2)]]);
    assert_eq!(lan.ask_at(100, vip, virtual_mac(55, 2).unwrap()), [(1, 2)]);
    assert!(lan.sent.iter().all(|it| it.source.is_ipv6() && it.hop_limit == 255));
}

#[test]
fn without_balancing_all_hosts_are_the_active_gateways() {
    let mut lan = settled(3, |config| Config { balancing: Balancing::None, ..config });
    assert_eq!(shares(&mut lan), [(1, 20)].into());
}

#[test]
fn a_router_that_stops_hands_over_in_milliseconds() {
    let mut lan = settled(4, |config| config);
    let stopped = lan.elapsed();
    lan.stop(0);
    lan.run_for(millis(10));
    assert_eq!(lan.states()[1], "Active");
    assert_eq!(lan.map(1).len(), 4);
    assert_ne!(lan.map(1)[0].1, 0);
    lan.run_for(millis(60));
    assert_eq!(lan.states()[0], "Disabled");
    let taken: Vec<Duration> = (1..4)
        .flat_map(|it| lan.times_of(it, "forwarder 1: Listen -> Active"))
        .filter(|at| *at >= stopped)
        .collect();
    assert!(taken.len() == 1 && taken[0] - stopped < millis(5), "{taken:?}");
    assert_eq!(shares(&mut lan).len(), 4);
}

#[test]
fn a_router_that_is_killed_hands_over_by_its_will() {
    for authentication in [
        Authentication::None,
        Authentication::Text(Secret::new("secret")),
        Authentication::KeyString(Secret::new("a key of our own")),
    ] {
        let mut lan = settled(3, |config| Config { authentication: authentication.clone(), ..config });
        lan.run_for(secs(60));
        lan.kill(0);
        lan.run_for(millis(10));
        assert_eq!((lan.states()[1], lan.map(1).len()), ("Active", 3), "{authentication:?}");
    }
}

#[test]
fn two_halves_of_a_network_become_one() {
    let mut lan = settled(4, |config| config);
    for (a, b) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
        lan.cut(a, b);
    }
    lan.run_for(secs(30));
    assert_eq!(lan.owners(1).values().map(Vec::len).collect::<Vec<_>>(), [2; 4]);
    assert_eq!(lan.states().iter().filter(|state| **state == "Active").count(), 2);
    lan.heal();
    lan.run_for(secs(5));
    assert_eq!(lan.states().iter().filter(|state| **state == "Active").count(), 1);
    assert_eq!(lan.map(1), [(1, 0), (2, 1), (3, 2), (4, 3)], "who was given it has it");
}

#[test]
fn two_halves_that_gave_the_same_number() {
    let mut lan = Lan::new(3);
    for last in [11, 12] {
        lan.join(last, config(100));
    }
    lan.cut(0, 1);
    lan.run_for(secs(40));
    assert_eq!(lan.owners(1), [(1, vec![0, 1])].into());
    lan.heal();
    lan.run_for(secs(20));
    assert_eq!(lan.map(1), [(1, 1), (2, 0)], "the higher address keeps it");
}

#[test]
fn an_operator_gives_the_gateway_away() {
    let mut lan =
        settled(3, |config| Config { preempt: Preempt { on: true, delay: Duration::ZERO }, ..config });
    lan.command(0, fhrp::Command::HandOver);
    lan.run_for(millis(5));
    assert_eq!(lan.states()[1], "Active");
    lan.run_for(secs(60));
    assert_eq!(lan.states()[1], "Active", "it is not taken back");
    assert_eq!(lan.map(1), [(1, 0), (2, 1), (3, 2)], "forwarders stay where they are");
    lan.crash(1);
    lan.run_for(secs(12));
    assert_eq!(lan.states()[0], "Active");
}

#[test]
fn a_link_that_comes_back_is_as_good_as_before() {
    let mut lan = settled(3, |config| config);
    lan.link_up(1, false);
    lan.run_for(secs(12));
    assert_eq!(lan.map(1).len(), 3);
    lan.link_up(1, true);
    lan.run_for(secs(45));
    assert_eq!(lan.map(1), [(1, 0), (2, 1), (3, 2)]);
}

#[test]
fn switches_are_told_where_every_forwarder_is() {
    let mut lan = settled(2, |config| config);
    lan.crash(1);
    lan.run_for(secs(12));
    lan.sent.clear();
    lan.run_for(secs(13));
    let sources: Vec<Mac> = lan
        .sent
        .iter()
        .filter_map(|it| match it.route {
            Route::Link { source_mac, .. } => Some(source_mac),
            Route::Routed => None,
        })
        .collect();
    assert!(sources.len() >= 4);
    assert!(sources.windows(2).all(|pair| pair[0] != pair[1]), "{sources:?}");
}
