//! What operators and others do to a router that runs: scenarios 13, 14, 15, and a second daemon.

use std::time::Duration;

use firsthop::lab::Deed;
use rustix::process::{Pid, Signal, kill_process};

use crate::frames::announcements;
use crate::stage::{BUSY, FIRSTHOP, Stage, ip, ms, now, rest, steadily, text};

fn group(name: &str, id: u8, addresses: &[&str], priority: u8, interval: &str) -> String {
    let list: Vec<_> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
    format!(
        "[[interface.lan.vrrp]]\nname = \"{name}\"\nid = {id}\naddresses = [{}]\npriority = {priority}\n\
         advertise-interval = \"{interval}\"\n",
        list.join(", ")
    )
}

/// Sync groups do not exist yet; a group that comes and one that goes stand for their members.
#[test]
fn s13_reload() {
    steadily(|| {
        let still = |priority: u8| {
            group("still", 1, &["10.0.10.11/24"], priority, "100ms")
                + &group("still6", 1, &["fe80::11/64"], priority, "100ms")
                + &group("slow", 2, &["10.0.10.12/24"], priority, "1s")
        };
        let before = |priority: u8| {
            still(priority)
                + &group("priority", 3, &["10.0.10.13/24"], priority, "100ms")
                + &group("interval", 4, &["10.0.10.14/24"], priority, "100ms")
                + &group("addresses", 5, &["10.0.10.15/24", "10.0.10.25/24"], priority, "100ms")
                + &group("leaves", 6, &["10.0.10.16/24"], priority, "100ms")
        };
        let after = |priority: u8| {
            still(priority)
                + &group("priority", 3, &["10.0.10.13/24"], priority - 10, "100ms")
                + &group("interval", 4, &["10.0.10.14/24"], priority, "200ms")
                + &group("addresses", 5, &["10.0.10.15/24", "10.0.10.35/24"], priority, "100ms")
                + &group("comes", 7, &["10.0.10.17/24"], priority, "100ms")
        };
        let Some(mut stage) = Stage::new(&[("r1", &before(200)), ("r2", &before(100))]) else { return };
        stage.start(&["r1", "r2"]);
        stage.until("r1 has every role", |stage| {
            stage.groups("r1").iter().all(|group| group["state"] == "Active")
                && stage.groups("r2").iter().all(|group| group["state"] == "Backup")
        });
        let since = now();
        rest(1000);
        for (router, priority) in [("r1", 200), ("r2", 100)] {
            stage.reload(router, &after(priority));
            rest(1200);
        }
        stage.state("r1", "comes", "Active");
        for (router, state) in [("r1", "Active"), ("r2", "Backup")] {
            for name in ["still", "still6", "slow", "priority", "interval", "addresses", "comes"] {
                assert_eq!(stage.group(router, name)["state"], state, "{name} on {router}");
            }
            for name in ["still", "still6", "slow", "priority", "interval", "addresses"] {
                let transitions = stage.transitions(router, name);
                // Backup at the start, and Active later for r1; who is first at the start may vary.
                let last = transitions.last().unwrap();
                assert!(last.starts_with(state), "{name} on {router}: {transitions:?}");
                let changed = stage.events(router).into_iter().filter(|event| {
                    event["group"]["name"] == name
                        && event["note"] == "transition"
                        && event["time"].as_f64().unwrap() * 1e9 > since as f64
                });
                assert_eq!(changed.count(), 0, "{name} changed its state on {router}");
            }
        }
        assert!(stage.group("r1", "leaves").is_null());
        for (vrid, interval) in [(1, ms(100)), (2, ms(1000)), (3, ms(100)), (4, ms(200)), (5, ms(100))] {
            for v4 in [true, false] {
                let mut adverts = stage.adverts(since, vrid);
                adverts.retain(|advert| advert.source.is_ipv4() == v4);
                assert!(adverts.iter().all(|advert| advert.router == "r1"), "group {vrid}");
                let gaps = adverts.windows(2).map(|pair| Duration::from_nanos(pair[1].at - pair[0].at));
                let Some(longest) = gaps.max() else { continue };
                println!("group {vrid}: longest time between adverts {longest:?}");
                assert!(longest < interval + BUSY, "group {vrid}: {longest:?}");
            }
        }
        let said = |vrid| stage.adverts(since, vrid).last().unwrap().clone();
        assert_eq!((said(3).priority, said(4).interval), (190, ms(200)));
        assert_eq!(stage.who_is("10.0.10.35"), ["r1"]);
        assert!(stage.who_is("10.0.10.25").is_empty() && stage.who_is("10.0.10.16").is_empty());
        let frames = stage.frames(since);
        assert!(!announcements(&frames, ip("10.0.10.35"), "r1").is_empty());
        assert!(
            announcements(&frames, ip("10.0.10.11"), "r1").len() <= 2,
            "an unchanged group announces again"
        );
    });
}

#[test]
fn s14_somebody_removes_the_address() {
    steadily(|| {
        let config = |priority: u8| {
            group("virtual", 1, &["10.0.10.11/24"], priority, "1s")
                + &group("six", 1, &["fe80::11/64", "2001:db8:10::11/64"], priority, "1s")
                + &group("plain", 2, &["10.0.10.12/24"], priority, "1s")
                + "virtual-mac = false\n"
        };
        let Some(mut stage) = Stage::new(&[("r1", &config(200)), ("r2", &config(100))]) else { return };
        stage.start(&["r1", "r2"]);
        let names = ["virtual", "six", "plain"];
        for name in names {
            stage.state("r1", name, "Active");
            stage.state("r2", name, "Backup");
        }
        let addresses = ["10.0.10.11", "2001:db8:10::11", "10.0.10.12"];
        for address in addresses {
            assert!(stage.pings(address), "{address}");
        }
        // Let the announcements of the start be over.
        rest(5200);
        let deeds = [
            ("ip addr del 10.0.10.11/32 dev firsthop0", "10.0.10.11"),
            (&*flush("ip", "firsthop0"), "10.0.10.11"),
            (&*flush("ip -6", "firsthop0"), "2001:db8:10::11"),
            ("ip link set firsthop0 down; ip link set firsthop0 up", "2001:db8:10::11"),
            ("ip addr del 10.0.10.12/24 dev lan", "10.0.10.12"),
        ];
        for (deed, address) in deeds {
            let at = now();
            stage.shell("r1", deed);
            let took = stage
                .within(&format!("restored after `{deed}`"), ms(1000) + BUSY, |stage| stage.pings(address));
            rest(100);
            for event in stage.events("r1") {
                if event["time"].as_f64().unwrap() * 1e9 > at as f64 {
                    println!("  {}", text(&event["line"]));
                }
            }
            let announced = announcements(&stage.frames(at), ip(address), "r1");
            println!("`{deed}`: answers after {took:?}, announced {} times", announced.len());
            assert!(!announced.is_empty(), "`{deed}`: not announced");
            for name in names {
                assert_eq!(stage.group("r1", name)["state"], "Active", "{name} after `{deed}`");
            }
            let told = stage.events("r1");
            assert!(told.iter().any(|event| event["event"] == "kernel"), "nobody was told of `{deed}`");
        }
        removed_by_force(&mut stage, "nft flush ruleset", &addresses);
        removed_by_force(&mut stage, "ip link del firsthop0", &addresses);
        // A network manager starts again: all addresses go, ours and the router's own, and the link goes down.
        let at = now();
        stage.shell("r1", &format!("ip link set lan down; {}", flush("ip", "lan")));
        for name in names {
            stage.within(&format!("{name} is handed over"), ms(4200), |stage| {
                stage.group("r2", name)["state"] == "Active"
            });
            let shown = stage.group("r1", name);
            assert_eq!(shown["state"], "Initialize");
            assert!(
                text(&shown["reason"]).contains("is down") || text(&shown["reason"]).contains("has no"),
                "{shown}"
            );
        }
        for address in addresses {
            assert_eq!(stage.who_is(address), ["r2"], "{address}");
        }
        stage.shell(
            "r1",
            "ip addr add 10.0.10.2/24 dev lan; ip link set lan up; ip addr add fe80::2/64 dev lan nodad; \
         ip addr add 2001:db8:10::2/64 dev lan nodad",
        );
        for name in names {
            stage.state("r1", name, "Active");
        }
        for address in addresses {
            assert_eq!(stage.who_is(address), ["r1"], "{address}");
            assert!(stage.pings(address), "{address}");
        }
        // Only the addresses go: the link still carries the goodbye.
        let flushed = now();
        stage.shell("r1", &flush("ip", "lan"));
        for name in names {
            stage.within(&format!("{name} is handed over at once"), ms(1000) + BUSY, |stage| {
                stage.group("r2", name)["state"] == "Active"
            });
            assert!(text(&stage.group("r1", name)["reason"]).contains("has no"), "{name}");
        }
        let goodbyes = stage.lab.adverts();
        let goodbyes = goodbyes.iter().filter(|advert| advert.at > flushed && advert.priority == 0);
        assert!(goodbyes.count() >= names.len() && flushed > at);
    });
}

/// Removes every address of an interface. `ip` looks again until none is left, and complains when there still is one
/// after ten rounds: what we put back, if we were quicker each time.
fn flush(ip: &str, interface: &str) -> String {
    format!("{ip} addr flush dev {interface} || true")
}

/// Something of ours that no address is: mended, or handed over with a cause; served either way.
fn removed_by_force(stage: &mut Stage, deed: &str, addresses: &[&str]) {
    stage.shell("r1", deed);
    let took = stage.within(&format!("served again after `{deed}`"), ms(5000), |stage| {
        addresses.iter().all(|address| stage.pings(address) && stage.who(address).len() == 1)
    });
    let who: Vec<_> = addresses.iter().flat_map(|address| stage.who_is(address)).collect();
    println!("`{deed}`: served by {who:?} after {took:?}");
    let told = stage.events("r1");
    let last = told.iter().rfind(|event| event["event"] == "kernel").unwrap();
    println!("`{deed}`: {}", text(&last["line"]));
    stage.until("r1 has every role again", |stage| {
        stage.groups("r1").iter().all(|group| group["state"] == "Active")
    });
}

/// What of ours the kernel of a router holds.
fn inventory(stage: &mut Stage, router: &str) -> String {
    let addresses = stage.shell(router, "ip -o addr | sed 's/ valid_lft.*//; s/  */ /g'");
    let links = stage.shell(router, "ip -o link | cut -d' ' -f2,3");
    // What is left of a lease is different every time.
    let rules = stage.shell(router, "nft list ruleset | sed 's/ expires .*//'");
    format!("{addresses}{links}{rules}")
}

/// The daemon's process and its guardian's.
fn processes(stage: &mut Stage, router: &str) -> Vec<Pid> {
    let main = stage.lab.router(router).unwrap().main_process().unwrap();
    let number = main.as_raw_nonzero();
    let mut all = vec![main];
    for task in std::fs::read_dir(format!("/proc/{number}/task")).unwrap().flatten() {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)));
    }
    all
}

#[test]
fn s15_leftovers() {
    steadily(|| {
        let config = |priority: u8| {
            group("virtual", 1, &["10.0.10.11/24"], priority, "1s")
                + &group("six", 1, &["fe80::11/64"], priority, "1s")
                + &group("plain", 2, &["10.0.10.12/24"], priority, "1s")
                + "virtual-mac = false\n"
        };
        let Some(mut stage) = Stage::new(&[("r1", &config(200)), ("r2", &config(100))]) else { return };
        let clean = inventory(&mut stage, "r1");
        stage.start(&["r1", "r2"]);
        let names = ["virtual", "six", "plain"];
        for name in names {
            stage.state("r1", name, "Active");
            stage.state("r2", name, "Backup");
        }
        assert_ne!(inventory(&mut stage, "r1"), clean);
        // The guardian first: nobody is left to take the plain address away.
        let both = processes(&mut stage, "r1");
        assert_eq!(both.len(), 2);
        let killed = now();
        for process in both.iter().rev() {
            kill_process(*process, Signal::KILL).unwrap();
        }
        stage.lab.router("r1").unwrap().kill();
        rest(100);
        let left = inventory(&mut stage, "r1");
        assert!(left.contains("10.0.10.12/24"), "nothing is left to test with:\n{left}");
        assert!(!left.contains("firsthop0") && !left.contains("table"), "{left}");
        for name in names {
            stage.state("r2", name, "Active");
        }
        let goodbyes = stage.adverts(killed, 1).iter().filter(|advert| advert.priority == 0).count();
        assert_eq!(goodbyes, 0, "somebody was left to say goodbye");

        // Back as a Backup: what is left goes before the first advert is read.
        stage.configure("r1", &config(50));
        stage.lab.router("r1").unwrap().start().unwrap();
        stage.until("r1 answers", |stage| stage.firsthop("r1", &["show", "--json"]).status.success());
        let shown = inventory(&mut stage, "r1");
        for address in ["10.0.10.11", "10.0.10.12", "fe80::11"] {
            assert!(!shown.contains(address), "{address} is still there:\n{shown}");
        }
        let events = stage.events("r1");
        let place = |wanted: &dyn Fn(&serde_json::Value) -> bool| events.iter().position(wanted).unwrap();
        let removed =
            place(&|event| text(&event["line"]).contains("removed what an earlier run left behind"));
        let began = place(&|event| event["note"] == "transition");
        assert!(removed < began);
        for address in ["10.0.10.11", "10.0.10.12", "fe80::11"] {
            assert_eq!(stage.who_is(address), ["r2"], "{address}");
        }
        rest(1500);
        for name in names {
            assert_eq!(stage.group("r1", name)["state"], "Backup");
        }
        // A clean stop leaves what was there before the first start.
        stage.fault(Deed::Stop, Some("r1"));
        stage.fault(Deed::Stop, Some("r2"));
        for router in ["r1", "r2"] {
            stage.lab.router(router).unwrap().wait_for_stop().unwrap();
        }
        assert_eq!(inventory(&mut stage, "r1"), clean);
    });
}

#[test]
fn two_daemons_on_one_interface() {
    steadily(|| {
        let config = group("only", 1, &["10.0.10.11/24"], 200, "100ms");
        let Some(mut stage) = Stage::new(&[("r1", &config)]) else { return };
        stage.start(&["r1"]);
        stage.state("r1", "only", "Active");
        let since = now();
        let before = inventory(&mut stage, "r1");
        // Another socket, so that it is the interface that they quarrel about.
        let line = format!("{FIRSTHOP} --socket /run/second.sock run -c /run/lab/firsthop.toml");
        let output = stage.try_shell("r1", &line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        println!("{said}");
        assert_eq!(output.status.code(), Some(1));
        let pid = stage.lab.router("r1").unwrap().main_process().unwrap().as_raw_nonzero();
        assert!(said.contains("lan") && said.contains(&format!("process {pid}")), "{said}");
        // The same socket.
        let line = format!("{FIRSTHOP} run -c /run/lab/firsthop.toml");
        let output = stage.try_shell("r1", &line);
        assert_eq!(output.status.code(), Some(1));
        println!("{}", String::from_utf8_lossy(&output.stderr));
        // `cleanup` leaves a running daemon's things alone.
        let cleaned = stage.firsthop("r1", &["cleanup"]);
        println!("{}", String::from_utf8_lossy(&cleaned.stdout));
        assert_eq!(inventory(&mut stage, "r1"), before);
        assert_eq!(stage.group("r1", "only")["state"], "Active");
        assert_eq!(stage.who_is("10.0.10.11"), ["r1"]);
        rest(300);
        let gaps = stage.adverts(since, 1);
        let gaps = gaps.windows(2).map(|pair| Duration::from_nanos(pair[1].at - pair[0].at));
        assert!(gaps.max().unwrap() < ms(100) + BUSY);
    });
}
