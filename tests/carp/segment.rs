//! What only whole routers of ours show, on a real LAN.

use fhrp::Mac;
use firsthop::lab::Deed;

use crate::judges::{Told, judge};
use crate::stage::{Stage, counter_of, ip, now, rest};

const VIRTUAL_MAC: Mac = Mac([0, 0, 0x5e, 0, 1, 1]);

fn group(addresses: &str, skew: u8, more: &str) -> String {
    format!(
        "[[interface.lan.carp]]\nname = \"g\"\nid = 1\naddresses = [{addresses}]\nadvskew = {skew}\n\
         password = \"secret\"\n{more}\n"
    )
}

/// FreeBSD's basic_v4 and basic_v6 in one: two nodes, one virtual host of both families.
#[test]
fn one_virtual_host_has_both_families() {
    let addresses = "\"10.0.10.1/24\", \"2001:db8:10::1/64\"";
    let (r1, r2) = (group(addresses, 0, "preempt = true"), group(addresses, 100, "preempt = true"));
    let Some(mut stage) = Stage::new(&[("r1", &r1), ("r2", &r2)]) else { return };
    stage.start(&["r1", "r2"]);
    stage.state("r1", "g", "MASTER");
    stage.state("r2", "g", "BACKUP");
    for address in ["10.0.10.1", "2001:db8:10::1"] {
        let answers = stage.who(address);
        assert_eq!(answers.len(), 1, "{address}: {answers:?}");
        assert_eq!((answers[0].router.as_str(), answers[0].mac), ("r1", VIRTUAL_MAC), "{address}");
        assert!(stage.pings(address), "{address}");
    }
    let began = now();
    rest(2_500);
    let said = stage.adverts(began, 1);
    let (v4, v6): (Vec<_>, Vec<_>) = said.iter().partition(|advert| advert.source.is_ipv4());
    assert!(v4.len() >= 2 && v6.len() >= 2, "{said:?}");
    assert!(said.iter().all(|advert| advert.router == "r1" && advert.mac == VIRTUAL_MAC), "{said:?}");

    // It loses its power: the other one has all of it, and gives it back.
    stage.fault(Deed::Power, Some("r1"));
    stage.state("r2", "g", "MASTER");
    for address in ["10.0.10.1", "2001:db8:10::1"] {
        assert_eq!(stage.who_is(address), ["r2"], "{address}");
    }
    stage.fault(Deed::Recover, None);
    stage.state("r1", "g", "MASTER");
    stage.state("r2", "g", "BACKUP");
    let kinds = ["carp && ip", "carp && ipv6", "arp.opcode == 1", "icmpv6.type == 136"];
    judge("CARP", &stage.capture(), &["r1", "r2"], Told::Carp, &kinds);
}

/// What is heard of the backup's own: nothing. FreeBSD's nd6_ns_source_mac.
#[test]
fn a_backup_answers_nothing_and_says_nothing() {
    let addresses = "\"10.0.10.1/24\"";
    let (r1, r2) = (group(addresses, 0, ""), group(addresses, 100, ""));
    let Some(mut stage) = Stage::new(&[("r1", &r1), ("r2", &r2)]) else { return };
    stage.start(&["r1", "r2"]);
    stage.state("r1", "g", "MASTER");
    stage.state("r2", "g", "BACKUP");
    let since = now();
    rest(3_000);
    let from_r2: Vec<_> = stage
        .frames(since)
        .into_iter()
        .filter(|frame| frame.from == "r2" && frame.source() == VIRTUAL_MAC)
        .collect();
    assert!(from_r2.is_empty(), "{} frames from the virtual MAC", from_r2.len());
    assert!(stage.adverts(since, 1).iter().all(|advert| advert.router == "r1"));
}

/// FreeBSD's unicast_v4: peers, and another skew leaves them alone.
#[test]
fn unicast_peers_stay_when_the_skew_changes() {
    let with =
        |peer: &str, skew| group("\"10.0.10.1/24\"", skew, &format!("preempt = true\npeers = [\"{peer}\"]"));
    let Some(mut stage) = Stage::new(&[("r1", &with("10.0.10.3", 0)), ("r2", &with("10.0.10.2", 100))])
    else {
        return;
    };
    stage.start(&["r1", "r2"]);
    stage.state("r1", "g", "MASTER");
    stage.state("r2", "g", "BACKUP");
    let since = now();
    stage.reload("r1", &with("10.0.10.3", 200));
    stage.state("r2", "g", "MASTER");
    stage.state("r1", "g", "BACKUP");
    let said = stage.adverts(since, 1);
    assert!(!said.is_empty());
    for advert in said {
        let peer = if advert.router == "r1" { "10.0.10.3" } else { "10.0.10.2" };
        assert_eq!(advert.destination, ip(peer), "{advert:?}");
    }
}

/// A recorded advertisement, put back on the wire as it was and under other skews.
#[test]
fn sealed_advertisements_are_of_no_use_to_whoever_recorded_them() {
    let sealed = |skew| group("\"10.0.10.1/24\"", skew, "preempt = true\ncounter = \"sealed\"");
    let Some(mut stage) = Stage::new(&[("r1", &sealed(0)), ("r2", &sealed(100))]) else { return };
    stage.start(&["r1", "r2"]);
    stage.state("r1", "g", "MASTER");
    stage.state("r2", "g", "BACKUP");
    let since = now();
    rest(1_500);
    let recorded: Vec<Vec<u8>> = stage
        .frames(since)
        .into_iter()
        .filter(|frame| frame.from == "r1" && frame.vrrp().is_some())
        .map(|frame| frame.octets)
        .collect();
    assert!(!recorded.is_empty());
    let mut forged = Vec::new();
    for (base, skew) in [(1, 0), (255, 255), (9, 0), (0, 0), (1, 200)] {
        forged.extend(recorded.iter().map(|frame| under(frame, base, skew)));
    }
    let count = forged.len() as u64;
    stage.inject(&forged);
    stage.until("all of them are refused", |stage| {
        stage.count("r2", "g", "replays") + stage.count("r2", "g", "unsealed") >= count
    });
    let (r1, r2) = (stage.group("r1", "g"), stage.group("r2", "g"));
    assert_eq!((&r1["state"], &r2["state"]), (&"MASTER".into(), &"BACKUP".into()), "{r1:#} {r2:#}");
    assert_eq!(stage.transitions("r2", "g").len(), 1, "{:?}", stage.transitions("r2", "g"));
    assert_eq!(counter_of(&r1, "looped"), count, "to its own sender it is its own: {r1:#}");
}

/// The same frame with another interval, and a checksum that fits.
fn under(frame: &[u8], base: u8, skew: u8) -> Vec<u8> {
    let mut forged = frame.to_vec();
    let message = &mut forged[34..70];
    (message[2], message[5]) = (skew, base);
    message[6..8].fill(0);
    let checksum = fhrp::checksum::Sum::new().over(message).checksum();
    message[6..8].copy_from_slice(&checksum.to_be_bytes());
    forged
}

/// Of CARP and VRRP with one number neither disturbs the other, though they make the same MAC of it.
#[test]
fn vrrp_of_the_same_number_is_left_alone() {
    let carp = group("\"10.0.10.1/24\"", 0, "");
    let vrrp = "[[interface.lan.vrrp]]\nname = \"v\"\nid = 1\nversion = 2\naddresses = [\"10.0.10.9/24\"]\n";
    let Some(mut stage) = Stage::new(&[("r1", &carp), ("r2", vrrp)]) else { return };
    stage.start(&["r1", "r2"]);
    stage.state("r1", "g", "MASTER");
    stage.state("r2", "v", "Active");
    rest(3_000);
    assert_eq!(stage.transitions("r1", "g").len(), 2, "{:?}", stage.transitions("r1", "g"));
    assert_eq!(stage.transitions("r2", "v").len(), 2, "{:?}", stage.transitions("r2", "v"));
    for (router, other) in [("r1", "vrrp"), ("r2", "carp")] {
        let links = stage.firsthop(router, &["links", "--json"]).stdout;
        let links: serde_json::Value = serde_json::from_slice(&links).unwrap();
        let strangers = links[0]["strangers"].to_string();
        assert!(strangers.contains(other), "{router}: {links:#}");
    }
}

/// A router that has lost one leg gives up the others as well, and takes all of them back. FreeBSD and OpenBSD demote.
#[test]
fn all_legs_move_together() {
    let both = |skew: u8| {
        let leg = |name: &str, id: u8, interface: &str, address: &str| {
            format!(
                "[[interface.{interface}.carp]]\nname = \"{name}\"\nid = {id}\naddresses = [\"{address}\"]\n\
                 advskew = {skew}\npreempt = true\npassword = \"secret\"\nfailover-group = \"all\"\n"
            )
        };
        leg("inside", 1, "lan", "10.0.10.1/24") + &leg("outside", 2, "wan", "10.0.20.1/24")
    };
    let Some(mut stage) = Stage::new(&[("r1", &both(0)), ("r2", &both(100))]) else { return };
    stage.start(&["r1", "r2"]);
    for leg in ["inside", "outside"] {
        stage.state("r1", leg, "MASTER");
        stage.state("r2", leg, "BACKUP");
    }
    stage.shell("r1", "ip link set dev lan down");
    stage.state("r1", "inside", "INIT");
    for leg in ["inside", "outside"] {
        stage.state("r2", leg, "MASTER");
    }
    stage.state("r1", "outside", "BACKUP");
    let shown = stage.group("r1", "outside");
    assert_eq!(shown["troubles"]["failover-group"], 1, "{shown:#}");
    stage.shell("r1", "ip link set dev lan up");
    for leg in ["inside", "outside"] {
        stage.state("r1", leg, "MASTER");
        stage.state("r2", leg, "BACKUP");
    }
    let shown = stage.group("r1", "outside");
    assert!(shown["troubles"].is_null(), "{shown:#}");
    // And an operator's wish moves one of them alone.
    let told = stage.firsthop("r1", &["demote", "inside", "--by", "5"]);
    assert!(told.status.success());
    stage.state("r2", "inside", "MASTER");
    stage.state("r1", "outside", "MASTER");
    stage.firsthop("r1", &["demote", "inside", "--by", "0"]);
    stage.state("r1", "inside", "MASTER");
}

/// An address more, first here and then there: never two masters.
#[test]
fn an_address_is_added_without_two_masters() {
    let (one, two) = ("\"10.0.10.1/24\"", "\"10.0.10.1/24\", \"10.0.10.9/24\"");
    let with = |addresses: &str, skew| group(addresses, skew, "preempt = true");
    let Some(mut stage) = Stage::new(&[("r1", &with(one, 0)), ("r2", &with(one, 100))]) else { return };
    stage.start(&["r1", "r2"]);
    stage.state("r1", "g", "MASTER");
    stage.state("r2", "g", "BACKUP");
    let since = now();
    stage.reload("r2", &with(two, 100));
    rest(2_000);
    stage.reload("r1", &with(two, 0));
    rest(4_000);
    assert_eq!(
        (&stage.group("r1", "g")["state"], &stage.group("r2", "g")["state"]),
        (&"MASTER".into(), &"BACKUP".into())
    );
    let said = stage.adverts(since, 1);
    assert!(!said.is_empty() && said.iter().all(|advert| advert.router == "r1"), "{said:?}");
    assert_eq!(stage.who_is("10.0.10.9"), ["r1"]);
}

/// FreeBSD's `switch`: forced states in quick succession, on one and on both.
#[test]
fn forced_states_settle() {
    let with = |skew| group("\"10.0.10.1/24\"", skew, "preempt = true");
    let Some(mut stage) = Stage::new(&[("r1", &with(0)), ("r2", &with(100))]) else { return };
    stage.start(&["r1", "r2"]);
    stage.state("r1", "g", "MASTER");
    stage.state("r2", "g", "BACKUP");
    for router in ["r1", "r2", "r1"] {
        for command in ["hand-over", "take-over", "hand-over"] {
            stage.firsthop(router, &[command]);
        }
    }
    stage.until("one of them is the master again", |stage| {
        let states = ["r1", "r2"].map(|router| stage.group(router, "g")["state"].clone());
        states.iter().filter(|state| *state == "MASTER").count() == 1 && stage.who("10.0.10.1").len() == 1
    });
}
