//! Routers on one LAN, from a cold start to a partition: what an engineer of Cisco's expects to see.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lan;

use std::time::Duration;

use fhrp::keys::KeyChain;
use fhrp::{Command, Datagram, Family, Mac, Route, Secret};
use hsrp::Config;
use hsrp::auth::{Authentication, Guard};
use hsrp::config::{InitialDelay, Preempt, Times};
use hsrp::wire::{GroupMessage, MULTICAST_V1, Message, Operation, State, Version};
use lan::{Lan, ip};

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Group 1 of version 1 with 10.0.0.100, without jitter.
fn router(priority: u8) -> Config {
    let addresses = vec!["10.0.0.100/24".parse().unwrap()];
    Config { jitter: false, priority, ..Config::new(Version::V1, 1, Family::Ipv4, addresses) }
}

fn preempting(priority: u8) -> Config {
    Config { preempt: Preempt { on: true, ..Preempt::OFF }, ..router(priority) }
}

fn md5(key: &str) -> Authentication {
    Authentication::Md5(KeyChain::single(0, Secret::new(key)))
}

/// Two routers that have settled: the first is active, the second standby.
fn settled(first: Config, second: Config) -> Lan {
    let mut lan = Lan::new(1);
    lan.join(20, first);
    lan.run_for(secs(25));
    lan.join(10, second);
    lan.run_for(secs(35));
    assert_eq!(lan.states(), ["Active", "Standby"]);
    lan
}

#[test]
fn a_lone_router_takes_two_hold_times() {
    let mut lan = Lan::new(1);
    lan.join(10, router(100));
    lan.run_for(secs(60));
    assert_eq!(lan.times_of(0, "Listen -> Speak"), [secs(10)]);
    assert_eq!(lan.times_of(0, "hello speak"), [secs(10), secs(13), secs(16), secs(19)]);
    assert_eq!(lan.times_of(0, "hello standby"), [secs(20)]);
    assert_eq!(lan.times_of(0, "hello active")[..2], [secs(20), secs(23)]);
    assert_eq!(lan.times_of(0, "announce"), [secs(20), secs(23)]);
    let entry = lan.since(0, secs(20));
    let of = |what: &str| entry.iter().position(|event| *event == what).unwrap();
    assert!(of("interface 1/0") < of("hello active"));
    // Passive at the start; active when it is, and not again.
    assert_eq!(lan.times_of(0, "interface 0/1"), [secs(0)]);
    assert_eq!(lan.times_of(0, "interface 1/0"), [secs(20)]);
}

#[test]
fn three_routers_elect_the_best() {
    let mut lan = Lan::new(1);
    for (last, priority) in [(10, 200), (20, 100), (30, 100)] {
        lan.join(last, router(priority));
    }
    lan.run_for(secs(60));
    assert_eq!(lan.states(), ["Active", "Listen", "Standby"]);
    assert_eq!(lan.holders(), [0]);
    assert_eq!(lan.times_of(0, "Standby -> Active"), [secs(20)]);
    // From the last election on only two of them speak, and there is no stray hello when the other one is standby.
    let quiet = secs(31);
    assert!(
        lan.since(1, quiet).iter().all(|event| event.starts_with("interface")),
        "{:?}",
        lan.since(1, quiet)
    );
}

#[test]
fn an_active_router_vanishes() {
    let mut lan = settled(router(110), router(100));
    lan.join(5, router(90));
    lan.run_for(secs(30));
    assert_eq!(lan.states(), ["Active", "Standby", "Listen"]);
    let last = *lan.times_of(0, "hello active").last().unwrap();
    lan.crash(0);
    lan.run_for(secs(30));
    assert_eq!(lan.states(), ["-", "Active", "Standby"]);
    let took_over = lan.times_of(1, "Standby -> Active")[0];
    assert_eq!(took_over, last + secs(10) + lan.delay, "one hold time after the last hello");
    assert_eq!(lan.holders(), [1]);
}

#[test]
fn an_active_router_is_shut_down() {
    let mut lan = settled(router(110), router(100));
    lan.join(5, router(90));
    lan.run_for(secs(30));
    let stopped = lan.now.since(fhrp::Instant::ZERO);
    lan.stop(0);
    assert_eq!(lan.holders(), [0], "hosts are served until the successor speaks");
    lan.run_for(millis(1));
    assert_eq!(lan.states(), ["Initial", "Active", "Speak"]);
    assert_eq!(lan.holders(), [1]);
    assert_eq!(lan.times_of(1, "hello active")[0], stopped + lan.delay);
    assert!(lan.since(0, stopped).contains(&"resign initial"));
}

#[test]
fn a_dead_daemon_lets_go() {
    let mut lan = settled(router(110), router(100));
    let died = lan.now.since(fhrp::Instant::ZERO);
    lan.kill(0);
    lan.run_for(millis(1));
    assert_eq!(lan.states(), ["-", "Active"]);
    assert_eq!(lan.times_of(1, "hello active")[0], died + lan.delay);
}

#[test]
fn a_better_router_arrives() {
    // Without preemption nothing happens.
    let mut lan = Lan::new(1);
    lan.join(10, router(100));
    lan.run_for(secs(30));
    lan.join(20, router(200));
    lan.run_for(secs(60));
    assert_eq!(lan.states(), ["Active", "Standby"]);

    // With it, the first hello of the worse one is enough.
    let mut lan = Lan::new(1);
    lan.join(10, router(100));
    lan.run_for(secs(30));
    lan.join(20, preempting(200));
    lan.run_for(secs(4));
    assert_eq!(lan.states(), ["Speak", "Active"]);
    let said: Vec<&str> = lan.since(1, secs(32)).into_iter().collect();
    let position = |what: &str| said.iter().position(|event| *event == what).unwrap();
    assert!(position("interface 1/0") < position("coup listen"));
    assert!(position("coup listen") < position("hello active"));
    assert_eq!(lan.times_of(0, "resign speak"), [], "nobody resigns to a coup");
    assert_eq!(lan.holders(), [1]);
    lan.run_for(secs(15));
    assert_eq!(lan.states(), ["Standby", "Active"]);

    // An equal priority and a higher address are not enough.
    let mut lan = Lan::new(1);
    lan.join(10, router(100));
    lan.run_for(secs(30));
    lan.join(20, preempting(100));
    lan.run_for(secs(60));
    assert_eq!(lan.states(), ["Active", "Standby"]);
}

#[test]
fn preemption_waits_and_fail_over_does_not() {
    let patient = |priority| Config {
        preempt: Preempt { on: true, delay: secs(30), ..Preempt::OFF },
        ..router(priority)
    };
    let mut lan = Lan::new(1);
    lan.join(10, router(100));
    lan.run_for(secs(30));
    lan.join(20, patient(200));
    lan.run_for(secs(60));
    let first_heard = *lan.times_of(0, "hello active").iter().find(|at| **at > secs(30)).unwrap();
    assert_eq!(lan.times_of(1, "coup standby"), [first_heard + lan.delay + secs(30)]);

    let mut lan = Lan::new(1);
    lan.join(10, router(100));
    lan.run_for(secs(30));
    lan.join(20, patient(200));
    lan.run_for(secs(25));
    lan.crash(0);
    lan.run_for(secs(11));
    assert_eq!(lan.states(), ["-", "Active"]);
}

#[test]
fn a_partition_heals() {
    let mut lan = settled(router(110), router(100));
    lan.cut(0, 1);
    lan.run_for(secs(15));
    assert_eq!(lan.states(), ["Active", "Active"]);
    lan.heal();
    let healed = lan.now.since(fhrp::Instant::ZERO);
    lan.run_for(secs(4));
    assert_eq!(lan.holders(), [0]);
    assert_eq!(lan.states(), ["Active", "Speak"]);
    lan.run_for(secs(15));
    assert_eq!(lan.states(), ["Active", "Standby"]);
    // Whoever spoke first: the winner has put the hosts right, or the loser has said that it goes.
    let winner = lan.since(0, healed);
    assert!(winner.contains(&"announce") || lan.since(1, healed).contains(&"resign speak"));
}

#[test]
fn a_tracked_fault_moves_the_role() {
    let mut lan = settled(router(110), preempting(100));
    lan.penalize(0, 20);
    lan.run_for(secs(4));
    assert_eq!(lan.holders(), [1]);
    lan.penalize(0, 0);
    lan.run_for(secs(40));
    assert_eq!(lan.holders(), [1], "without preemption the role stays");
}

#[test]
fn a_member_without_an_address_learns_it() {
    let learner = Config { addresses: Vec::new(), ..router(90) };
    let mut lan = Lan::new(1);
    lan.join(10, learner.clone());
    lan.run_for(secs(60));
    assert_eq!(lan.states(), ["Learn"]);
    assert!(lan.times_of(0, "hello speak").is_empty());
    lan.join(20, router(100));
    lan.run_for(secs(21));
    assert_eq!(lan.states(), ["Listen", "Active"]);
    lan.run_for(secs(30));
    assert_eq!(lan.states(), ["Standby", "Active"]);
    lan.crash(1);
    lan.run_for(secs(11));
    assert_eq!(lan.states(), ["Active", "-"]);
    assert!(lan.routers[0].holdings.addresses.contains_key(&ip("10.0.0.100")));

    // What is not proven is not learnt.
    let mut lan = Lan::new(1);
    lan.join(10, Config { authentication: md5("ours"), ..learner });
    lan.join(20, Config { authentication: md5("theirs"), ..router(100) });
    lan.run_for(secs(60));
    assert_eq!(lan.states(), ["Learn", "Active"]);
}

#[test]
fn whoever_does_not_believe_the_other_is_active_alone() {
    let cases = [
        (md5("one"), md5("other"), "refused authentication-failures"),
        (md5("one"), Authentication::default(), "refused authentication-type-mismatch"),
        (
            Authentication::Text(Secret::new("left")),
            Authentication::default(),
            "refused authentication-failures",
        ),
    ];
    for (first, second, refusal) in cases {
        let mut lan = Lan::new(1);
        lan.join(20, Config { authentication: first.clone(), ..router(110) });
        lan.join(10, Config { authentication: second, ..router(100) });
        lan.run_for(secs(60));
        assert_eq!(lan.states(), ["Active", "Active"]);
        assert!(!lan.times_of(0, refusal).is_empty() && !lan.times_of(1, refusal).is_empty());
        assert!(!lan.times_of(0, "alarm two-actives true").is_empty());
        assert!(lan.view(0).neighbours[0].refused.is_some());
        // The key is put right, and one of them steps down within a hello time.
        lan.reconfigure(1, &Config { authentication: first, ..router(100) });
        lan.run_for(millis(3100));
        assert_eq!(lan.holders(), [0]);
        lan.run_for(secs(30));
        assert_eq!(lan.states(), ["Active", "Standby"]);
        assert!(!lan.times_of(0, "alarm two-actives false").is_empty());
    }
}

#[test]
fn the_active_routers_times_are_in_force() {
    let fast = Times { hello: secs(1), hold: secs(4) };
    let mut lan = settled(Config { times: Some(fast), ..router(110) }, router(100));
    let shown = |lan: &Lan, index: usize| {
        let timers = lan.view(index).timers;
        [timers[0].length, timers[1].length]
    };
    assert_eq!(shown(&lan, 1), [secs(1), secs(4)]);
    lan.crash(0);
    lan.run_for(secs(5));
    assert_eq!(lan.states(), ["-", "Active"]);
    assert_eq!(shown(&lan, 1), [secs(1), secs(4)], "what it has learnt");

    let own = Times { hello: secs(2), hold: secs(8) };
    let mut lan =
        settled(Config { times: Some(fast), ..router(110) }, Config { times: Some(own), ..router(100) });
    assert_eq!(shown(&lan, 1), [secs(1), secs(4)]);
    lan.crash(0);
    lan.run_for(secs(5));
    assert_eq!(shown(&lan, 1), [secs(2), secs(8)], "an active router has its own");
}

#[test]
fn milliseconds_work_in_both_versions() {
    let times = Some(Times { hello: millis(50), hold: millis(150) });
    for version in [Version::V1, Version::V2] {
        let config = |priority| Config { version, times, ..router(priority) };
        let mut lan = settled(config(110), config(100));
        let last = *lan.times_of(0, "hello active").last().unwrap();
        lan.crash(0);
        lan.run_for(millis(200));
        assert_eq!(lan.states(), ["-", "Active"], "{version:?}");
        assert_eq!(lan.times_of(1, "Standby -> Active"), [last + millis(150) + lan.delay]);
    }
}

#[test]
fn ipv6_with_its_own_address() {
    let config = |priority| {
        let address = hsrp::vmac::virtual_link_local(16).unwrap();
        let addresses = vec![fhrp::InterfaceAddress { ip: address.into(), prefix: 64 }];
        let key = md5("a key of our own");
        Config {
            jitter: false,
            priority,
            authentication: key,
            ..Config::new(Version::V2, 16, Family::Ipv6, addresses)
        }
    };
    let mut lan = settled(config(110), config(100));
    let holdings = &lan.routers[0].holdings;
    assert!(holdings.forward.contains_key(&Mac([0, 5, 0x73, 0xa0, 0, 16])));
    assert!(holdings.addresses.contains_key(&ip("fe80::5:73ff:fea0:10")));
    lan.stop(0);
    lan.run_for(millis(1));
    assert_eq!(lan.states(), ["Initial", "Active"]);
}

#[test]
fn versions_side_by_side_do_not_obey_each_other() {
    let mut lan = Lan::new(1);
    lan.join(10, router(100));
    lan.join(20, Config { version: Version::V2, ..router(200) });
    lan.run_for(secs(60));
    assert_eq!(lan.states(), ["Active", "Active"]);
    assert!(!lan.times_of(0, "refused version-errors").is_empty());
    assert_eq!(lan.view(0).neighbours[0].refused.as_deref(), Some("version 2, ours is 1"));
    // The other one changes its version: it resigns, and starts again.
    let changed = lan.now.since(fhrp::Instant::ZERO);
    lan.reconfigure(1, &Config { version: Version::V1, ..router(200) });
    assert!(lan.since(1, changed).contains(&"resign initial"));
    lan.run_for(secs(40));
    assert_eq!(lan.states(), ["Active", "Standby"]);
}

#[test]
fn the_role_is_handed_over_by_command() {
    let mut lan = settled(preempting(110), router(100));
    let before = lan.now.since(fhrp::Instant::ZERO);
    lan.command(0, Command::HandOver);
    assert_eq!(lan.holders(), [0]);
    lan.run_for(millis(1));
    assert_eq!(lan.states(), ["Speak", "Active"]);
    assert_eq!(lan.holders(), [1]);
    lan.run_for(secs(60));
    assert_eq!(lan.states(), ["Standby", "Active"], "it is not taken back from whoever has it");
    assert!(lan.since(0, before).contains(&"resign speak"));
    lan.crash(1);
    lan.run_for(secs(11));
    assert_eq!(lan.states(), ["Active", "-"]);

    // Nobody takes it.
    let mut lan = Lan::new(1);
    lan.join(10, router(100));
    lan.run_for(secs(30));
    lan.command(0, Command::HandOver);
    lan.run_for(secs(1));
    assert_eq!(lan.states(), ["Active"]);
    assert_eq!(lan.times_of(0, "remark hand-over-failed").len(), 1);
    assert_eq!(lan.holders(), [0]);
}

#[test]
fn an_initial_delay_is_cut_short_by_another_member() {
    let delayed =
        Config { initial_delay: InitialDelay { started: secs(60), link_up: secs(5) }, ..router(100) };
    let mut lan = Lan::new(1);
    lan.join(10, delayed.clone());
    lan.run_for(secs(59));
    assert_eq!(lan.states(), ["Initial"]);
    lan.run_for(secs(1));
    assert_eq!(lan.states(), ["Listen"]);

    let mut lan = Lan::new(1);
    lan.join(20, router(110));
    lan.run_for(secs(21));
    lan.join(10, delayed);
    lan.run_for(secs(3));
    assert_eq!(lan.states(), ["Active", "Listen"]);
}

/// A message that an attacker sends: a Coup of priority 255 from the highest address.
fn forged_coup(authentication: &Authentication) -> Datagram {
    let message = GroupMessage {
        version: Version::V1,
        operation: Operation::Coup,
        state: State::Active,
        group: 1,
        priority: 255,
        hello: secs(3),
        hold: secs(255),
        identifier: Mac::default(),
        address: ip("10.0.0.100"),
    };
    let source = ip("10.0.0.254");
    let guard = Guard::new(authentication);
    Datagram {
        route: Route::Link {
            source_mac: Mac([0, 0, 0x0c, 7, 0xac, 1]),
            destination_mac: Mac([1, 0, 0x5e, 0, 0, 2]),
        },
        source,
        destination: MULTICAST_V1,
        hop_limit: 1,
        traffic_class: 0xc0,
        identification: 0,
        dont_fragment: false,
        protocol: 17,
        ports: Some((1985, 1985)),
        payload: guard.seal(&Message::Group(message), source, Duration::ZERO).unwrap(),
    }
}

#[test]
fn a_forged_coup_changes_nothing_where_md5_is_used() {
    let config = |priority| Config { authentication: md5("ours"), ..router(priority) };
    let mut lan = settled(config(110), config(100));
    for _ in 0..100 {
        for authentication in [Authentication::default(), md5(""), md5("guess")] {
            lan.inject(forged_coup(&authentication));
        }
        lan.run_for(millis(100));
    }
    assert_eq!((lan.states(), lan.holders()), (vec!["Active", "Standby"], vec![0]));
    // Where a text is used, whoever knows it has the role.
    let mut lan = settled(router(110), router(100));
    lan.inject(forged_coup(&Authentication::default()));
    lan.run_for(millis(1));
    assert_eq!((lan.states(), lan.holders()), (vec!["Speak", "Listen"], vec![]));
}

#[test]
fn a_flood_of_worse_claims_is_answered_at_a_bounded_rate() {
    let mut lan = settled(router(110), router(100));
    let start = lan.now.since(fhrp::Instant::ZERO);
    let mut forged = forged_coup(&Authentication::default());
    // A Hello, Active, priority 1.
    forged.payload[1] = 0;
    forged.payload[5] = 1;
    for _ in 0..10_000 {
        lan.inject(forged.clone());
        lan.run_for(Duration::from_micros(100));
    }
    assert_eq!(lan.holders(), [0]);
    let said = lan.since(0, start);
    let count = |what: &str| said.iter().filter(|event| **event == what).count();
    assert!(count("coup active") <= 201, "{}", count("coup active"));
    assert_eq!(count("announce"), 1);
}
