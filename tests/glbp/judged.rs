//! Three routers through a crash, a return and a goodbye: in time, one gateway and one router for each forwarder, and
//! tshark and tcpdump find nothing wrong with any frame of theirs.

use firsthop::lab::Deed;
use serde_json::Value;

use crate::judges::{Told, judge};
use crate::stage::{BUSY, Stage, ms, rest, steadily};

const HOLD: u64 = 300;

fn group(addresses: &str, more: &str, priority: u8) -> String {
    format!(
        "[[interface.lan.glbp]]\nname = \"g\"\nid = 10\naddresses = [\"{addresses}\"]\npriority = {priority}\n\
         preempt = true\nhello-time = \"100ms\"\nhold-time = \"{HOLD}ms\"\nforwarder-preempt-delay = \"500ms\"\n{more}\n"
    )
}

/// The numbers of the forwarders that a router is active for, by what it shows.
fn forwards(shown: &Value) -> Vec<u64> {
    let all = shown["forwarders"].as_array().cloned().unwrap_or_default();
    all.iter().filter(|it| it["local"] == true).map(|it| it["number"].as_u64().unwrap()).collect()
}

/// Waits until each router is active for as many forwarders.
fn settled(stage: &mut Stage, counts: &[(&str, usize)]) {
    stage.until("forwarders are where they belong", |stage| {
        let all: Vec<Vec<u64>> = counts.iter().map(|(name, _)| forwards(&stage.group(name, "g"))).collect();
        let mut each: Vec<u64> = all.concat();
        each.sort_unstable();
        each.dedup();
        let once = each.len() == all.iter().map(Vec::len).sum::<usize>();
        once && all.iter().zip(counts).all(|(numbers, (_, count))| numbers.len() == *count)
    });
}

/// The whole story, and the judges at the end; `kinds` are what must have been said, in tshark's words.
fn play(title: &str, gateway: &str, addresses: &str, more: &str, kinds: &[&str]) {
    let config = |priority| group(addresses, more, priority);
    let (r1, r2, r3) = (config(200), config(150), config(100));
    let routers = [("r1", r1.as_str()), ("r2", r2.as_str()), ("r3", r3.as_str())];
    let Some(mut stage) = Stage::with_gateway(gateway, &routers) else { return };
    stage.start(&["r1", "r2", "r3"]);
    let states = |stage: &mut Stage, states: &[(&str, &str)]| {
        for (router, state) in states.iter().copied() {
            stage.state(router, "g", state);
        }
    };
    states(&mut stage, &[("r1", "Active"), ("r2", "Standby"), ("r3", "Listen")]);
    settled(&mut stage, &[("r1", 1), ("r2", 1), ("r3", 1)]);
    assert_eq!(stage.who_is(gateway), ["r1"]);

    // The active gateway dies: the standby one waits for one hold time since its last word, and so does somebody else who
    // forwards in its place.
    let died = stage.fault(Deed::Power, Some("r1"));
    stage.state("r2", "g", "Active");
    stage.until("r2 is heard", |stage| stage.adverts(died, 10).iter().any(|word| word.router == "r2"));
    let words = stage.adverts(0, 10);
    let last = words.iter().rfind(|word| word.router == "r1" && word.at <= died + 1_000_000).unwrap().at;
    let first = words.iter().find(|word| word.router == "r2" && word.at > last).unwrap().at;
    let after = std::time::Duration::from_nanos(first - last);
    println!("{title}: taken over {after:?} after the last hello; the hold time is {HOLD} ms");
    assert!(after >= ms(HOLD) - ms(1) && after < ms(HOLD) + BUSY, "{after:?}");
    states(&mut stage, &[("r2", "Active"), ("r3", "Standby")]);
    settled(&mut stage, &[("r2", 1), ("r3", 2)]);

    // It is back, preempts, and gets its forwarder back.
    stage.fault(Deed::Recover, None);
    states(&mut stage, &[("r1", "Active"), ("r2", "Standby"), ("r3", "Listen")]);
    settled(&mut stage, &[("r1", 1), ("r2", 1), ("r3", 1)]);

    // It is told to stop, and says so.
    stage.fault(Deed::Stop, Some("r1"));
    states(&mut stage, &[("r2", "Active"), ("r3", "Standby")]);
    settled(&mut stage, &[("r2", 1), ("r3", 2)]);

    // The judges read a file to which nobody writes any more.
    for router in ["r2", "r3"] {
        stage.fault(Deed::Stop, Some(router));
    }
    rest(500);
    judge(title, &stage.capture(), &["r1", "r2", "r3"], Told::Nothing, kinds);
}

/// Hello, request, response, a forwarder alone, a goodbye.
const KINDS: [&str; 5] = [
    "glbp.hello.vgstate == 0x20",
    "glbp.unknown1 == 1",
    "glbp.unknown1 == 2",
    "glbp.reqresp.vfstate == 0x20 and not glbp.hello.vgstate",
    "glbp.hello.priority == 0",
];

#[test]
fn over_ipv4() {
    steadily(|| {
        let kinds = [&KINDS[..], &["arp.opcode == 2"]].concat();
        play("GLBP", "10.0.10.1", "10.0.10.1/24", "", &kinds);
    });
}

#[test]
fn with_a_text() {
    steadily(|| {
        let kinds = [&KINDS[..], &["glbp.auth.plainpass"]].concat();
        let text = "authentication = { kind = \"text\", password = \"under the judges\" }";
        play("GLBP with a text", "10.0.10.1", "10.0.10.1/24", text, &kinds);
    });
}

#[test]
fn with_a_key_string() {
    steadily(|| {
        let kinds = [&KINDS[..], &["glbp.auth.md5hash", "glbp.unknown.data"]].concat();
        let key = "authentication = { kind = \"md5\", password = \"under the judges\" }";
        play("GLBP with a key string", "10.0.10.1", "10.0.10.1/24", key, &kinds);
    });
}

#[test]
fn over_ipv6_with_a_key_chain() {
    steadily(|| {
        let kinds = [&KINDS[..], &["glbp.auth.md5chainhash", "icmpv6.type == 136"]].concat();
        let key = "authentication = { kind = \"md5\", keys = [{ id = 7, key = \"under the judges\" }] }";
        let gateway = "fe80::7:b4ff:fe00:a00";
        play("GLBP over IPv6", gateway, "2001:db8:10::1/64", key, &kinds);
    });
}
