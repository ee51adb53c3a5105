//! Several routers on a LAN: who is master when one dies, stops, is cut off or is no better than the other, and what they
//! say of each other when they do not belong together.

use std::path::PathBuf;
use std::time::Duration;

use firsthop::lab::{Advert, Deed, Lab, Options, Scenario};

use crate::common::possible;
use crate::frames::announcements;
use crate::pair::NUMBER as VHID;
use crate::stage::{BUSY, FIRSTHOP, Stage, ip, now, rest, steadily};

const V4: &str = "10.0.10.1";
const V6: &str = "2001:db8:10::1";
const BOTH: &str = "\"10.0.10.1/24\", \"2001:db8:10::1/64\"";

fn group(addresses: &str, skew: u8, more: &str) -> String {
    format!(
        "[[interface.lan.carp]]\nname = \"g\"\nid = 1\naddresses = [{addresses}]\nadvskew = {skew}\n\
         password = \"secret\"\n{more}\n"
    )
}

/// Two routers of ours, `r1` master and `r2` backup.
fn two(addresses: &str, skews: [u8; 2], more: &str) -> Option<Stage> {
    let [r1, r2] = skews.map(|skew| group(addresses, skew, more));
    let mut stage = Stage::new(&[("r1", &r1), ("r2", &r2)])?;
    stage.start(&["r1"]);
    stage.state("r1", "g", "MASTER");
    stage.start(&["r2"]);
    stage.state("r2", "g", "BACKUP");
    Some(stage)
}

fn of<'a>(adverts: &'a [Advert], router: &'a str) -> impl Iterator<Item = &'a Advert> {
    adverts.iter().filter(move |advert| advert.router == router)
}

fn skew(skew: u64) -> Duration {
    Duration::from_millis(skew * 1_000 / 256)
}

/// Nanoseconds, and by how much more the machine may be late.
fn within(waited: u64, expected: Duration) -> bool {
    let waited = Duration::from_nanos(waited);
    // A frame on the wire and its time stamp are not quite of one moment.
    waited + Duration::from_millis(2) >= expected && waited <= expected + BUSY
}

/// The master dies: `3 × advbase + advskew / 256` after its last word the other one speaks, and tells hosts of every
/// address at once, and once more two intervals later.
#[test]
fn after_a_crash_hosts_are_told_twice() {
    steadily(|| {
        let Some(mut stage) = two(BOTH, [0, 100], "") else { return };
        let since = now();
        rest(2_200);
        stage.fault(Deed::Power, Some("r1"));
        stage.state("r2", "g", "MASTER");
        rest(3_200);
        let said = stage.adverts(since, 1);
        let last = of(&said, "r1").map(|advert| advert.at).max().unwrap();
        let first = of(&said, "r2").map(|advert| advert.at).min().unwrap();
        let expected = Duration::from_secs(3) + skew(100);
        assert!(within(first - last, expected), "{} ms", (first - last) / 1_000_000);
        let frames = stage.frames(first);
        for address in [V4, V6] {
            let told = announcements(&frames, ip(address), "r2");
            let at: Vec<u64> = told.iter().map(|told| (told.at - first) / 1_000_000).collect();
            let twice = Duration::from_secs(2) + skew(200);
            let (at_once, again): (Vec<u64>, Vec<u64>) = at.iter().partition(|at| **at < 1_000);
            assert!(!at_once.is_empty() && at_once.iter().all(|at| *at < 200), "{address}: {at:?} ms");
            let near = |at: &u64| Duration::from_millis(*at).abs_diff(twice) < BUSY;
            assert!(!again.is_empty() && again.iter().all(near), "{address}: {at:?} ms");
        }
    });
}

/// An orderly stop: 255/255 is said, the other one is there after its skew, and the one that stopped has nothing left.
#[test]
fn a_stop_leaves_no_gap_and_no_address() {
    steadily(|| {
        let Some(mut stage) = two(BOTH, [0, 100], "") else { return };
        let since = now();
        stage.fault(Deed::Stop, Some("r1"));
        stage.state("r2", "g", "MASTER");
        rest(500);
        let said = stage.adverts(since, 1);
        let goodbye = of(&said, "r1").find(|advert| advert.interval > Duration::from_secs(255)).unwrap().at;
        let first = of(&said, "r2").map(|advert| advert.at).min().unwrap();
        assert!(within(first - goodbye, skew(100)), "{} ms", (first - goodbye) / 1_000_000);
        let left = stage.shell("r1", "ip -o address; ip -o link");
        assert!(!left.contains(V4) && !left.contains(V6) && !left.contains("00:00:5e:00:01"), "{left}");
        for address in [V4, V6] {
            assert_eq!(stage.who_is(address), ["r2"], "{address}");
        }
    });
}

/// Two masters while they do not hear each other; afterwards one, within an advertisement.
#[test]
fn after_a_partition_there_is_one_again() {
    let Some(mut stage) = two("\"10.0.10.1/24\"", [0, 100], "preempt = true") else { return };
    stage.fault(Deed::Partition, None);
    stage.state("r2", "g", "MASTER");
    assert_eq!(stage.group("r1", "g")["state"], "MASTER");
    let healed = stage.fault(Deed::Heal, None);
    stage.state("r2", "g", "BACKUP");
    rest(3_000);
    assert_eq!(stage.group("r1", "g")["state"], "MASTER");
    assert_eq!(stage.who_is(V4), ["r1"]);
    let late = healed + 2_500_000_000;
    let said = stage.adverts(late, 1);
    assert!(of(&said, "r1").count() > 0 && of(&said, "r2").count() == 0, "{said:?}");
}

/// Equal settings, started together: exactly one, for good.
#[test]
fn equals_that_start_together_agree() {
    let both = group("\"10.0.10.1/24\"", 0, "preempt = true");
    let Some(mut stage) = Stage::new(&[("r1", &both), ("r2", &both)]) else { return };
    stage.start(&["r1", "r2"]);
    let masters = |stage: &mut Stage| -> Vec<&'static str> {
        let is_master = |router: &&str| stage.group(router, "g")["state"] == "MASTER";
        ["r1", "r2"].into_iter().filter(is_master).collect()
    };
    // Where the machine is busy they take longer; but in the end there is one, and it stays the only one.
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while masters(&mut stage).is_empty() && std::time::Instant::now() < patience {
        rest(100);
    }
    rest(1_000);
    let first = masters(&mut stage);
    assert_eq!(first.len(), 1, "{first:?}");
    let since = now();
    rest(5_000);
    assert_eq!(masters(&mut stage), first);
    let said = stage.adverts(since, 1);
    assert!(said.iter().all(|advert| advert.router == first[0]), "{said:?}");
}

/// Other addresses make another digest: both are masters, and each says why and what it has itself.
#[test]
fn other_addresses_are_named() {
    let (one, two) = ("\"10.0.10.1/24\"", "\"10.0.10.1/24\", \"10.0.10.9/24\"");
    let (r1, r2) = (group(one, 0, ""), group(two, 100, ""));
    let Some(mut stage) = Stage::new(&[("r1", &r1), ("r2", &r2)]) else { return };
    stage.start(&["r1", "r2"]);
    for (router, own) in [("r1", "10.0.10.1"), ("r2", "10.0.10.1, 10.0.10.9")] {
        stage.state(router, "g", "MASTER");
        stage.until(&format!("{router} warns"), |stage| {
            stage.group(router, "g")["alarms"].to_string().contains("two-masters")
        });
        let group = stage.group(router, "g");
        let refused = group["neighbours"][0]["refused"].to_string();
        assert!(refused.contains(&format!("other addresses than {own}\"")), "{router}: {refused}");
    }
}

/// FreeBSD's unicast_v6 and unicast_ll_v6: peers of IPv6, link-local and not.
#[test]
fn unicast_peers_of_ipv6() {
    let plain = |number: u8| [format!("fe80::{number}"), format!("2001:db8:10::{number}")];
    for (own, peer) in plain(2).into_iter().zip(plain(3)) {
        let with = |peer: &str, source: &str, skew| {
            let more = format!("preempt = true\npeers = [\"{peer}\"]\nsource = [\"{source}\"]");
            group("\"2001:db8:10::1/64\"", skew, &more)
        };
        let (r1, r2) = (with(&peer, &own, 0), with(&own, &peer, 100));
        let Some(mut stage) = Stage::new(&[("r1", &r1), ("r2", &r2)]) else { return };
        stage.start(&["r1", "r2"]);
        stage.state("r1", "g", "MASTER");
        stage.state("r2", "g", "BACKUP");
        let since = now();
        rest(2_500);
        let said = stage.adverts(since, 1);
        assert!(said.len() >= 2, "{said:?}");
        assert!(
            said.iter().all(|advert| (advert.source, advert.destination) == (ip(&own), ip(&peer))),
            "{said:?}"
        );
        assert_eq!(stage.group("r2", "g")["state"], "BACKUP");
        assert!(stage.pings(V6), "{own}");
    }
}

/// keepalived's VRRP of version 2 with our number: neither changes its state, and we name it. Whatever keepalived discards
/// as too short, it puts its own next advertisement off by an interval: only because ours come less often does it still
/// speak, and nobody should have both with one number.
#[test]
fn keepalived_of_the_same_number_is_left_alone() {
    if !possible("CARP beside keepalived", &["ip", "keepalived"]) {
        return;
    }
    let scenario = format!(
        "title = \"CARP beside keepalived\"\ngateway = \"{V4}\"\n\
         [routers.r1]\ndaemon = \"firsthop\"\nconfig = '''\n[[interface.lan.carp]]\nid = {VHID}\n\
         addresses = [\"{V4}/24\"]\nadvskew = 128\npassword = \"secret\"\n'''\n\
         [routers.r2]\ndaemon = \"keepalived\"\nconfig = '''\nvrrp_instance lan {{\n  interface lan\n  version 2\n  \
         virtual_router_id {VHID}\n  priority 100\n  advert_int 1\n  virtual_ipaddress {{\n    10.0.10.9/24\n  }}\n}}\n'''\n"
    );
    let scenario = Scenario::parse("keepalived", &scenario).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let options = Options { firsthop: PathBuf::from(FIRSTHOP), captures: None, work: None };
    let mut lab = Lab::build(&scenario, options).unwrap();
    lab.start().unwrap();
    rest(9_000);
    let speaks = |router: &str| {
        let recently = now() - 2_500_000_000;
        lab.adverts()
            .iter()
            .any(|advert| advert.router == router && advert.at > recently && advert.priority > 0)
    };
    let spoke = speaks("r1") && speaks("r2");
    assert!(spoke, "{}", lab.router("r2").unwrap().last_words());
    let node = lab.router("r1").unwrap().node();
    let ask = |arguments: &[&str]| {
        let output = node.command(FIRSTHOP).unwrap().args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let shown = ask(&["show", "carp", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown[0]["state"], "MASTER", "{shown:#}");
    assert!(!shown[0]["alarms"].to_string().contains("two-masters"), "{shown:#}");
    assert!(ask(&["links", "--json"]).contains("vrrp"));
    let became = ask(&["events", "--json"]).lines().filter(|line| line.contains("\"to\":\"MASTER\"")).count();
    assert_eq!(became, 1);
}
