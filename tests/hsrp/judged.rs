//! Three routers through a crash, a coup and a resignation: in time, one at a time, and tshark and tcpdump find nothing
//! wrong with any frame of theirs.

use firsthop::lab::Deed;

use crate::judges::{Told, judge};
use crate::stage::{BUSY, Stage, ms, now, steadily};

const HOLD: u64 = 300;

fn group(id: &str, more: &str, priority: u8) -> String {
    format!(
        "[[interface.lan.hsrp]]\nname = \"g\"\nid = 10\n{id}\npriority = {priority}\npreempt = true\n\
         hello-time = \"100ms\"\nhold-time = \"{HOLD}ms\"\n{more}\n"
    )
}

/// The whole story, and the judges at the end; `kinds` are what must have been said, in tshark's words.
fn play(title: &str, gateway: &str, id: &str, more: &str, kinds: &[&str]) {
    let config = |priority| group(id, more, priority);
    let (r1, r2, r3) = (config(200), config(150), config(100));
    let routers = [("r1", r1.as_str()), ("r2", r2.as_str()), ("r3", r3.as_str())];
    let Some(mut stage) = Stage::with_gateway(gateway, &routers) else { return };
    stage.start(&["r1", "r2", "r3"]);
    let settled = |stage: &mut Stage, states: &[(&str, &str)]| {
        for (router, state) in states.iter().copied() {
            stage.state(router, "g", state);
        }
    };
    settled(&mut stage, &[("r1", "Active"), ("r2", "Standby"), ("r3", "Listen")]);
    assert_eq!(stage.who_is(gateway), ["r1"]);

    // The active router dies, and the standby one waits for one hold time since its last word.
    let died = stage.fault(Deed::Power, Some("r1"));
    stage.state("r2", "g", "Active");
    stage.until("r2 is heard", |stage| stage.adverts(died, 10).iter().any(|word| word.router == "r2"));
    let words = stage.adverts(0, 10);
    let last = words.iter().rfind(|word| word.router == "r1" && word.at <= died + 1_000_000).unwrap().at;
    let first = words.iter().find(|word| word.router == "r2" && word.at > last).unwrap().at;
    let after = std::time::Duration::from_nanos(first - last);
    println!("{title}: taken over {after:?} after the last hello; the hold time is {HOLD} ms");
    assert!(after >= ms(HOLD) - ms(1) && after < ms(HOLD) + BUSY, "{after:?}");
    settled(&mut stage, &[("r2", "Active"), ("r3", "Standby")]);

    // It is back, and preempts.
    stage.fault(Deed::Recover, None);
    settled(&mut stage, &[("r1", "Active"), ("r2", "Standby"), ("r3", "Listen")]);

    // The standby router dies: the third one takes that role, and hosts notice nothing.
    stage.fault(Deed::Power, Some("r2"));
    stage.state("r3", "g", "Standby");
    assert_eq!(stage.who_is(gateway), ["r1"]);
    stage.fault(Deed::Recover, None);
    settled(&mut stage, &[("r2", "Standby"), ("r3", "Listen")]);

    // The active router is told to stop, and says so.
    let stopped = now();
    stage.fault(Deed::Stop, Some("r1"));
    settled(&mut stage, &[("r2", "Active"), ("r3", "Standby")]);
    let resigned = stage.adverts(stopped, 10).iter().any(|word| word.router == "r1" && word.priority == 0);
    assert!(resigned, "a Resign was said");

    judge(title, &stage.capture(), &["r1", "r2", "r3"], Told::Nothing, kinds);
}

#[test]
fn version_1_over_ipv4() {
    steadily(|| {
        // Version 1 does not say milliseconds: every router is told.
        let kinds =
            ["hsrp.opcode == 0", "hsrp.opcode == 1", "hsrp.opcode == 2", "hsrp.adv.state", "arp.opcode == 2"];
        play("HSRP version 1", "10.0.10.1", "addresses = [\"10.0.10.1/24\"]", "", &kinds);
    });
}

#[test]
fn version_2_over_ipv4() {
    steadily(|| {
        let kinds = ["hsrp2.opcode == 0", "hsrp2.opcode == 1", "hsrp2.opcode == 2", "arp.opcode == 2"];
        let id = "version = 2\naddresses = [\"10.0.10.1/24\"]";
        play("HSRP version 2", "10.0.10.1", id, "", &kinds);
    });
}

#[test]
fn version_2_over_ipv6_with_a_key() {
    steadily(|| {
        let kinds = ["hsrp2.opcode == 0", "hsrp2.opcode == 1", "hsrp2.opcode == 2", "icmpv6.type == 136"];
        let key = "authentication = { kind = \"md5\", password = \"under the judges\" }";
        let id = "addresses = [\"2001:db8:10::1/64\"]";
        play("HSRP version 2 over IPv6", "fe80::5:73ff:fea0:a", id, key, &kinds);
    });
}
