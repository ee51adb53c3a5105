//! Who becomes Active: scenarios 6, 7, 18.

use std::time::Duration;

use firsthop::lab::Deed;

use crate::frames::{Frame, announcements};
use crate::stage::{BUSY, Stage, ip, ms, now, rest, steadily, text};

fn group(name: &str, id: u8, address: &str, more: &str) -> String {
    format!(
        "[[interface.lan.vrrp]]\nname = \"{name}\"\nid = {id}\naddresses = [\"{address}\"]\n\
         advertise-interval = \"100ms\"\n{more}\n"
    )
}

#[test]
fn s06_ties() {
    steadily(|| {
        let equal = |version: &str| {
            group("v4", 10, "10.0.10.1/24", "priority = 150")
                + &group("v6", 10, "fe80::10/64", "priority = 150")
                + &group("old", 11, "10.0.10.11/24", version).replace("100ms", "1s")
        };
        let config = equal("version = 2\npriority = 150");
        let Some(mut stage) = Stage::new(&[("r1", &config), ("r2", &config)]) else { return };
        let groups = ["v4", "v6", "old"];
        // The lower address is Active first; the higher one leaves it alone.
        stage.start(&["r1"]);
        for name in groups {
            stage.state("r1", name, "Active");
        }
        stage.start(&["r2"]);
        rest(4500);
        for name in groups {
            assert_eq!(stage.group("r2", name)["state"], "Backup", "{name}");
            assert_eq!(stage.group("r1", name)["state"], "Active", "{name}");
            assert_eq!(stage.transitions("r2", name).len(), 1, "{name}");
        }
        // Both Active: the higher address stays.
        stage.fault(Deed::Partition, None);
        for name in groups {
            stage.state("r2", name, "Active");
        }
        let healed = stage.fault(Deed::Heal, None);
        rest(1500);
        for name in groups {
            assert_eq!(stage.group("r2", name)["state"], "Active", "{name}");
            let lower = stage.group("r1", name);
            assert_eq!(lower["state"], "Backup", "{name}");
            assert!(
                text(&lower["reason"]).contains("has the same priority 150 and the higher address"),
                "{lower}"
            );
        }
        for (vrid, interval) in [(10, ms(100)), (11, ms(1000))] {
            for v4 in [true, false] {
                let adverts = stage.adverts(healed, vrid);
                let last =
                    adverts.iter().rfind(|advert| advert.router == "r1" && advert.source.is_ipv4() == v4);
                let Some(last) = last else { continue };
                assert!(
                    Duration::from_nanos(last.at - healed) < interval + BUSY,
                    "group {vrid} settles late"
                );
            }
        }
    });
}

#[test]
fn s07_preempt() {
    steadily(|| {
        let higher = group("polite", 1, "10.0.10.11/24", "priority = 200\npreempt = false")
            + &group("owner", 2, "10.0.10.2/24", "owner = true")
            + &group("patient", 3, "10.0.10.13/24", "priority = 200\npreempt-delay = \"2s\"")
            + &group("eager", 4, "10.0.10.14/24", "priority = 200");
        let lower = group("polite", 1, "10.0.10.11/24", "priority = 100")
            + &group("owner", 2, "10.0.10.2/24", "priority = 100")
            + &group("patient", 3, "10.0.10.13/24", "priority = 100")
            + &group("eager", 4, "10.0.10.14/24", "priority = 100");
        let Some(mut stage) = Stage::new(&[("r1", &higher), ("r2", &lower)]) else { return };
        stage.start(&["r2"]);
        for name in ["polite", "owner", "patient", "eager"] {
            stage.state("r2", name, "Active");
        }
        let began = now();
        stage.start(&["r1"]);
        stage.state("r1", "patient", "Active");
        let first = |stage: &Stage, vrid, since| {
            let adverts = stage.adverts(since, vrid);
            adverts.into_iter().find(|advert| advert.router == "r1").map(|advert| advert.at)
        };
        let after = |vrid, stage: &Stage| Duration::from_nanos(first(stage, vrid, began).unwrap() - began);
        println!(
            "preempted after: owner {:?}, eager {:?}, patient {:?}",
            after(2, &stage),
            after(4, &stage),
            after(3, &stage)
        );
        assert!(after(2, &stage) < ms(1000) && after(4, &stage) < ms(1300));
        assert!(after(3, &stage) > ms(2000) && after(3, &stage) < ms(3600));
        assert_eq!(first(&stage, 1, began), None, "preempted although it must not");
        assert_eq!(stage.group("r1", "polite")["state"], "Backup");
        assert!(text(&stage.group("r1", "eager")["reason"]).starts_with("preempting 10.0.10.3"));

        // None of it survives loss of the Active: r1 is back, and waits for one reason or another, when r2 is lost.
        stage.fault(Deed::Stop, Some("r1"));
        stage.until("r2 has the role again", |stage| {
            stage.groups("r2").iter().all(|group| group["state"] == "Active")
        });
        stage.fault(Deed::Recover, None);
        stage.state("r1", "polite", "Backup");
        stage.state("r1", "patient", "Backup");
        rest(400);
        let lost = stage.fault(Deed::Power, Some("r2"));
        for name in ["polite", "patient"] {
            stage.state("r1", name, "Active");
        }
        for vrid in [1, 3] {
            let adverts = stage.adverts(began, vrid);
            let last = adverts.iter().rfind(|advert| advert.router == "r2").unwrap();
            let took = Duration::from_nanos(first(&stage, vrid, lost).unwrap() - last.at);
            println!("group {vrid} took over {took:?} after the last advert, bound {:?}", last.bound(200));
            assert!(took <= last.bound(200) + BUSY, "{took:?}");
        }
    });
}

#[test]
fn s18_boot() {
    steadily(|| {
        let config =
            |more: &str| group("v4", 10, "10.0.10.1/24", more) + &group("v6", 10, "fe80::10/64", more);
        let delayed = config("priority = 200\nstartup-delay = \"3s\"");
        let Some(mut stage) = Stage::new(&[("r1", &delayed), ("r2", &config("priority = 100"))]) else {
            return;
        };
        stage.start(&["r2"]);
        for name in ["v4", "v6"] {
            stage.state("r2", name, "Active");
        }
        let began = now();
        stage.start(&["r1"]);
        for name in ["v4", "v6"] {
            stage.state("r1", name, "Backup");
        }
        rest(2500 - (now() - began).min(2_400_000_000) / 1_000_000);
        for name in ["v4", "v6"] {
            let transitions = stage.transitions("r1", name);
            assert_eq!(transitions.len(), 1, "{transitions:?}");
            assert!(transitions[0].starts_with("Backup"), "{transitions:?}");
        }
        for name in ["v4", "v6"] {
            stage.state("r1", name, "Active");
        }
        let frames = stage.frames(began);
        let quiet: Vec<&Frame> = frames
            .iter()
            .filter(|frame| frame.from == "r1" && frame.at < began + 3_000_000_000)
            .filter(|frame| frame.vrrp().is_some())
            .collect();
        assert!(quiet.is_empty(), "advertised before the delay was over");
        for address in ["10.0.10.1", "fe80::10"] {
            let all = announcements(&frames, ip(address), "r1");
            assert!(
                all.iter().all(|claim| claim.at > began + 3_000_000_000),
                "announced before the delay was over"
            );
            assert!(!all.is_empty());
        }
    });
}
