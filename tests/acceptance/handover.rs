//! How the role moves: scenarios 3, 4, 5, and what the issue asks of stop, kill and thaw.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fhrp::Family;
use firsthop::lab::{Advert, Deed, Measured, Progress, Target, play};

use crate::frames::{Claim, Frame};
use crate::stage::{BUSY, Stage, ms, now, rest, steadily, text};

/// A time before the protocol's is wrong; this much is the measurement's.
const EARLY: Duration = Duration::from_millis(1);
/// Priorities of the Backup, by the group's number.
const PRIORITIES: [(u8, u8); 3] = [(1, 1), (2, 100), (3, 254)];

/// Groups of both versions, families and speeds. r2 has the higher address, so that with equal priorities it
/// is the Active.
fn many_groups(priority_of: impl Fn(u8) -> u8) -> String {
    let mut config = String::new();
    let mut group = |id: u8, version: u8, v6: bool, interval: &str, priority: u8| {
        let address = match v6 {
            false => format!("10.0.10.{}/24", 10 + id),
            true => format!("fe80::{:x}/64", 0x100 + u32::from(id)),
        };
        writeln!(
            config,
            "[[interface.lan.vrrp]]\nid = {id}\nversion = {version}\naddresses = [\"{address}\"]\n\
             advertise-interval = \"{interval}\"\npriority = {priority}\nannounce = {{ repeats = [] }}"
        )
        .unwrap();
    };
    for (number, priority) in PRIORITIES {
        let priority = priority_of(priority);
        group(number, 3, false, "1s", priority);
        group(10 + number, 2, false, "1s", priority);
        group(20 + number, 3, false, "10ms", priority);
        group(30 + number, 3, true, "1s", priority);
        group(40 + number, 3, true, "10ms", priority);
    }
    config
}

/// The take-over of each group after `at`: the first advert of r1 and the last of r2 before it. A guardian that
/// said goodbye for a silent daemon says so again when that is dead, which the new Active answers.
fn take_overs(stage: &Stage, at: u64) -> BTreeMap<(u8, Family), (Advert, Option<Advert>)> {
    let mut found = BTreeMap::new();
    for advert in stage.lab.adverts() {
        let key = (advert.vrid, Family::of(advert.source));
        if advert.router == "r2" {
            if found.get(&key).is_none_or(|(_, new): &(_, Option<Advert>)| new.is_none()) {
                found.insert(key, (advert, None));
            }
        } else if advert.at >= at
            && let Some((_, new @ None)) = found.get_mut(&key)
        {
            *new = Some(advert);
        }
    }
    found
}

fn hurt(deed: Deed) {
    let Some(mut stage) = Stage::new(&[("r1", &many_groups(|own| own)), ("r2", &many_groups(|_| 254))])
    else {
        return;
    };
    // With equal priorities whoever is first stays.
    stage.start(&["r2"]);
    stage.until("r2 has every role", |stage| {
        stage.groups("r2").iter().all(|group| group["state"] == "Active")
    });
    stage.start(&["r1"]);
    rest(1500);
    assert!(stage.groups("r1").iter().all(|group| group["state"] == "Backup"));
    let at = stage.fault(deed, Some("r2"));
    stage.until("r1 has taken over everything", |stage| {
        let found = take_overs(stage, at);
        found.len() == 15 && found.values().all(|(_, new)| new.is_some())
    });
    for ((vrid, family), (last, new)) in take_overs(&stage, at) {
        let new = new.unwrap();
        let priority = PRIORITIES.iter().find(|(number, _)| *number == vrid % 10).unwrap().1;
        let after = Duration::from_nanos(new.at.saturating_sub(last.at));
        let bound = last.bound(priority);
        let late = (after.as_secs_f64() - bound.as_secs_f64()) * 1e3;
        println!(
            "{:5} group {vrid:2} {family:?} v{} priority {priority:3}: {} {:+.3} ms, bound {:.3} ms, {late:+.3} ms",
            deed.name(),
            last.version,
            if last.priority == 0 { "goodbye" } else { "last advert" },
            (last.at as f64 - at as f64) / 1e6,
            bound.as_secs_f64() * 1e3,
        );
        match deed {
            // Three intervals of 10 ms may be over before the kernel has taken the dead process apart.
            Deed::Kill if last.interval == ms(10) => {}
            deed => assert_eq!(last.priority == 0, deed != Deed::Power, "group {vrid} {family:?}"),
        }
        assert!(after + EARLY >= bound && after <= bound + BUSY, "group {vrid} {family:?}: {after:?}");
        assert_eq!(new.priority, priority);
    }
}

/// SIGTERM: within the skew of the priority 0.
#[test]
fn s03_handover_times_after_stop() {
    steadily(|| {
        hurt(Deed::Stop);
    });
}

/// SIGKILL: the guardian says goodbye, so again within the skew.
#[test]
fn s03_handover_times_after_kill() {
    steadily(|| {
        hurt(Deed::Kill);
    });
}

/// Nobody is left to say goodbye: within three intervals and the skew of the last advert.
#[test]
fn s03_handover_times_after_power() {
    steadily(|| {
        hurt(Deed::Power);
    });
}

const MANY: usize = 200;
const MANY_V6: usize = 80;

fn crowd(priority: u8) -> String {
    let v4: Vec<_> = (0..MANY).map(|n| format!("\"10.0.11.{}/16\"", n + 1)).collect();
    let v6: Vec<_> = (0..MANY_V6).map(|n| format!("\"fe80::1:{:x}/64\"", n + 1)).collect();
    format!(
        "[defaults.vrrp]\npriority = {priority}\nadvertise-interval = \"100ms\"\n\
         announce = {{ repeats = [\"1s\"] }}\n\
         [[interface.lan.vrrp]]\nname = \"v4\"\nid = 10\naddresses = [{}]\n\
         [[interface.lan.vrrp]]\nname = \"v6\"\nid = 10\naddresses = [{}]\n",
        v4.join(", "),
        v6.join(", ")
    )
}

/// Advert, then one announcement of every address, then repeats. That the addresses are held before they are
/// announced is the engine's promise, tried in its own tests.
#[test]
fn s04_order() {
    steadily(|| {
        let Some(mut stage) = Stage::new(&[("r1", &crowd(200)), ("r2", &crowd(100))]) else { return };
        stage.start(&["r1", "r2"]);
        for group in ["v4", "v6"] {
            stage.state("r1", group, "Active");
            stage.state("r2", group, "Backup");
        }
        let at = stage.fault(Deed::Power, Some("r1"));
        for group in ["v4", "v6"] {
            stage.state("r2", group, "Active");
        }
        rest(1500);
        let frames: Vec<Frame> = stage.frames(at).into_iter().filter(|frame| frame.from == "r2").collect();
        for (v4, count) in [(true, MANY), (false, MANY_V6)] {
            let adverts: Vec<u64> = frames
                .iter()
                .filter(|frame| frame.vrrp().is_some_and(|(source, ..)| source.is_ipv4() == v4))
                .map(|frame| frame.at)
                .collect();
            let announced: Vec<Claim> = frames
                .iter()
                .filter_map(Frame::claim)
                .filter(|claim| claim.gratuitous && claim.ip.is_ipv4() == v4)
                .collect();
            let (first, repeats) = announced.split_at(count);
            assert!(adverts[0] < first[0].at, "announced before advertised");
            let distinct: std::collections::BTreeSet<_> = first.iter().map(|claim| claim.ip).collect();
            assert_eq!(distinct.len(), count, "one was repeated before all were announced");
            assert_eq!(repeats.len(), count, "repeats");
            println!(
                "{count} addresses: all announced {:.3} ms after the first advert",
                (first[count - 1].at - adverts[0]) as f64 / 1e6
            );
            let gaps: Vec<_> =
                adverts.windows(2).map(|pair| Duration::from_nanos(pair[1] - pair[0])).collect();
            println!("longest time between adverts {:?}", gaps.iter().max().unwrap());
            assert!(gaps.iter().all(|gap| *gap < ms(100) + BUSY), "{gaps:?}");
        }
    });
}

#[test]
fn s05_learning() {
    steadily(|| {
        let group = |interval: &str, priority: u8| {
            format!(
                "[[interface.lan.vrrp]]\nname = \"g\"\nid = 10\naddresses = [\"10.0.10.1/24\"]\n\
             advertise-interval = \"{interval}\"\npriority = {priority}\n"
            )
        };
        let Some(mut stage) = Stage::new(&[("r1", &group("2s", 200)), ("r2", &group("1s", 100))]) else {
            return;
        };
        let began = now();
        stage.start(&["r1"]);
        stage.state("r1", "g", "Active");
        stage.start(&["r2"]);
        let learnt = |stage: &mut Stage| {
            let shown = stage.group("r2", "g");
            let timers = shown["timers"].as_array().cloned().unwrap_or_default();
            timers.iter().any(|timer| timer["name"] == "active-down-interval" && timer["ms"] == 7218.75)
        };
        stage.until("r2 waits for 6 s and the skew", learnt);
        rest(4500);
        assert!(stage.adverts(began, 10).iter().all(|advert| advert.router == "r1"), "two Actives");
        assert_eq!(stage.remarks("r2", "g", "interval-learnt").len(), 1);

        let at = stage.fault(Deed::Power, Some("r1"));
        stage.state("r2", "g", "Active");
        rest(2300);
        let adverts = stage.adverts(began, 10);
        let last = adverts.iter().rfind(|advert| advert.router == "r1").unwrap();
        let own: Vec<_> = adverts.iter().filter(|advert| advert.router == "r2").collect();
        let after = Duration::from_nanos(own[0].at - last.at);
        println!("took over {after:?} after the last advert, bound {:?}", last.bound(100));
        assert_eq!(last.bound(100), Duration::from_micros(7_218_750));
        assert!(own[0].at > at && after + EARLY >= last.bound(100) && after <= last.bound(100) + BUSY);
        assert!(own.iter().all(|advert| advert.interval == ms(1000)));
        let pause = Duration::from_nanos(own[1].at - own[0].at);
        assert!(pause > ms(900) && pause < ms(1000) + BUSY, "{pause:?}");
    });
}

struct Quiet;

impl Progress for Quiet {
    fn preparing(&self, _what: &str) {}
    fn step(&self, _run: u32, _step: usize, _what: &str) {}
    fn measured(&self, _what: &str, _measured: &Measured) {}
}

fn pair(interval: &str) -> Option<Stage> {
    let group = |priority: u8| {
        format!(
            "[defaults.vrrp]\npriority = {priority}\nadvertise-interval = \"{interval}\"\n\
             [[interface.lan.vrrp]]\nname = \"v4\"\nid = 10\naddresses = [\"10.0.10.1/24\"]\n\
             [[interface.lan.vrrp]]\nname = \"v6\"\nid = 10\naddresses = [\"fe80::10/64\"]\n"
        )
    };
    Stage::new(&[("r1", &group(200)), ("r2", &group(100))])
}

/// Not one packet of a thousand a second.
#[test]
fn stop_loses_no_packet() {
    steadily(|| {
        for interval in ["100ms", "10ms"] {
            let Some(stage) = pair(interval) else { return };
            let mut scenario = stage.lab.scenario().clone();
            drop(stage);
            let step = |deed, target| firsthop::lab::Step {
                deed,
                target,
                settle: ms(1000),
                config: None,
                expect: firsthop::lab::Expect::default(),
            };
            scenario.timeline =
                vec![step(Deed::Stop, Target::Router("r1".into())), step(Deed::Recover, Target::Active)];
            let options = firsthop::lab::Options {
                firsthop: crate::stage::FIRSTHOP.into(),
                captures: None,
                work: None,
            };
            let mut lab = firsthop::lab::Lab::build(&scenario, options).unwrap();
            let report = play(&mut lab, 2, &Quiet, &AtomicBool::new(false)).unwrap();
            if report.steps[0].runs.iter().any(|run| run.lost > 0) {
                for router in lab.routers() {
                    println!("{}:\n{}", router.node().name(), router.last_words());
                }
            }
            for run in &report.steps[0].runs {
                println!("{interval}: outage {:?}, lost {}", run.outage, run.lost);
                assert_eq!((run.lost, run.duplicated_settled), (0, 0), "{run:?}");
                assert_eq!(run.gateways, ["r2"]);
            }
            for run in &report.steps[1].runs {
                assert_eq!(run.gateways, ["r1"]);
            }
        }
    });
}

/// A second after the daemon was killed, or went on after a pause, one router answers in each family.
#[test]
fn one_answer_within_a_second() {
    steadily(|| {
        for interval in ["100ms", "10ms"] {
            let Some(mut stage) = pair(interval) else { return };
            stage.start(&["r1", "r2"]);
            let one = |stage: &mut Stage, router: &str, when: &str| {
                for address in ["10.0.10.1", "fe80::10"] {
                    assert_eq!(stage.who_is(address), [router], "{address} {when}");
                }
            };
            for group in ["v4", "v6"] {
                stage.state("r1", group, "Active");
                stage.state("r2", group, "Backup");
            }
            stage.fault(Deed::Kill, Some("r1"));
            rest(800);
            one(&mut stage, "r2", "after kill");
            stage.fault(Deed::Recover, None);
            stage.state("r1", "v4", "Active");
            stage.state("r1", "v6", "Active");
            for (freeze, pause) in [(Deed::Freeze, 1500), (Deed::FreezeDaemon, 1500), (Deed::Freeze, 100)] {
                stage.fault(freeze, Some("r1"));
                rest(pause);
                if pause > 1000 {
                    one(&mut stage, "r2", &format!("during {}", freeze.name()));
                }
                stage.fault(Deed::Thaw, None);
                rest(800);
                one(&mut stage, "r1", &format!("after {} and thaw", freeze.name()));
                let why = stage.group("r1", "v4");
                println!("{interval} {}: {}", freeze.name(), text(&why["reason"]));
            }
        }
    });
}
