//! A router looks after firsthop as it did before: after a graceful stop, and after `kill -9` without anybody's
//! help.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use firsthop::lab::Deed;

use super::common::possible;
use super::pair::{Foreign, OURS, Pair};

/// Within which a daemon that was killed has left nothing behind.
const SOON: Duration = Duration::from_secs(1);

/// Everything that firsthop could leave in a kernel, and how to see it.
const SIGHTS: [&str; 9] = [
    "ip -d -j link",
    "ip -j addr",
    "ip maddr",
    "ip -j route show table all",
    "ip -6 -j route show table all",
    "ip -j rule",
    "bridge fdb",
    "nft list ruleset",
    "sysctl -a -r '^net.ipv[46].(conf|neigh)' 2>/dev/null",
];

/// Both families, with virtual MACs or without.
fn groups(extra: &str) -> String {
    let group = |addresses: &str| {
        format!(
            "[[interface.lan.vrrp]]\nid = 10\naddresses = [{addresses}]\nadvertise-interval = \"100ms\"\n{extra}\n"
        )
    };
    group("\"10.0.10.1/24\"") + &group("\"fe80::1/64\", \"2001:db8:10::1/64\"")
}

#[test]
fn nothing_is_left_of_virtual_macs() {
    leaves_nothing("leaks with virtual MACs", "");
}

#[test]
fn nothing_is_left_of_plain_addresses() {
    leaves_nothing("leaks without virtual MACs", "virtual-mac = false");
}

#[test]
fn nothing_is_left_of_unaccepted_addresses() {
    leaves_nothing("leaks of unaccepted addresses", "accept = false");
}

fn leaves_nothing(title: &str, extra: &str) {
    if !possible(title, &["ip", "bridge", "nft", "sysctl"]) {
        return;
    }
    let alone = Foreign { daemon: "none", ..Foreign::default() };
    let mut pair = Pair::build(title, "10.0.10.1".parse().unwrap(), &groups(extra), &alone);
    let before = settled_sight(&mut pair);
    for deed in [Deed::Stop, Deed::Kill] {
        pair.lab.router(OURS).unwrap().start().unwrap();
        pair.until("the gateways answer", |pair| {
            ["10.0.10.1", "fe80::1", "2001:db8:10::1"]
                .iter()
                .all(|ip| pair.who(ip.parse().unwrap()).len() == 1)
        });
        assert_ne!(sight(&mut pair), before, "{title}: nothing to be seen of a running daemon");
        let at = Instant::now();
        pair.fault(deed, Some(OURS));
        match deed {
            Deed::Stop => {
                pair.lab.router(OURS).unwrap().wait_for_stop().unwrap();
                assert_same(&format!("{title}, stop"), &before, &sight(&mut pair));
            }
            _ => {
                // Looking takes a while itself.
                let mut after = sight(&mut pair);
                while after != before && at.elapsed() < SOON {
                    after = sight(&mut pair);
                }
                assert_same(&format!("{title}, kill"), &before, &after);
            }
        }
    }
}

/// What there is, once the kernel has finished with the addresses that the lab gave it.
fn settled_sight(pair: &mut Pair) -> BTreeMap<&'static str, String> {
    let mut seen = sight(pair);
    let mut since = Instant::now();
    pair.until("the kernel is done", |pair| {
        let now = sight(pair);
        if now != seen || now["ip -j addr"].contains("tentative") {
            since = Instant::now();
            seen = now;
        }
        since.elapsed() > Duration::from_secs(1)
    });
    seen
}

fn sight(pair: &mut Pair) -> BTreeMap<&'static str, String> {
    SIGHTS.into_iter().map(|command| (command, pair.shell(OURS, command))).collect()
}

fn assert_same(what: &str, before: &BTreeMap<&str, String>, after: &BTreeMap<&str, String>) {
    for (command, before) in before {
        assert_eq!(before, &after[command], "{what}: `{command}` shows a change");
    }
}
