//! What is held is reached, what is not held is not, and nobody hears of the interface's own MAC.

use std::time::Duration;

use fhrp::{Answer, Holdings, Presence};

use super::lab::{BEYOND, ROUTER_MAC, Router, VMAC, eventually, holdings, ok, run, with_lab, within};
use crate::addr::Preparation;

#[test]
fn an_accepted_address_answers_ping_and_its_mac_routes() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        router.prepare(lab.lan).unwrap();
        assert!(lab.misses("10.0.0.1") && lab.misses(BEYOND), "held before anybody asked");
        router.hold(1, lab.lan, holdings("10.0.0.1", Presence::Accepted)).unwrap();
        assert!(lab.reaches("10.0.0.1"), "{}", ok("nft list ruleset"));
        assert!(lab.reaches(BEYOND));
        assert!(lab.reaches("2001:db8:ffff::1"));
        router.release(1, lab.lan);
        assert!(lab.misses("10.0.0.1") && lab.misses(BEYOND) && lab.misses("2001:db8:ffff::1"));
    });
}

#[test]
fn an_unaccepted_address_routes_only() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        router.prepare(lab.lan).unwrap();
        router.hold(1, lab.lan, holdings("10.0.0.1", Presence::Unaccepted)).unwrap();
        router.hold(2, lab.lan, holdings("fe80::1", Presence::Unaccepted)).unwrap();
        assert!(lab.reaches(BEYOND) && lab.reaches("2001:db8:ffff::1"));
        let capture = lab.capture("arp or icmp6 or icmp");
        assert!(lab.misses("10.0.0.1") && lab.misses("fe80::1%host"));
        let heard = capture.heard();
        assert!(!heard.contains("who-has 10.0.0.1"), "it was routed back to the link:\n{heard}");
    });
}

#[test]
fn the_kernel_does_not_say_who_has_a_virtual_address() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        router.prepare(lab.lan).unwrap();
        router.hold(1, lab.lan, holdings("10.0.0.1", Presence::Accepted)).unwrap();
        router.hold(2, lab.lan, holdings("fe80::1", Presence::Accepted)).unwrap();
        router.hold(3, lab.lan, holdings("2001:db8::1", Presence::Accepted)).unwrap();
        assert!(lab.reaches("fe80::1%host"), "a link-local virtual address is accepted");
        let capture = lab.capture("arp or icmp6");
        let asked = |address: &str| lab.host(&format!("arping -c 1 -w 1 -I host {address}")).output();
        let asked = |address: &str| asked(address).is_ok_and(|output| output.status.success());
        assert!(asked("10.0.0.2") && !asked("10.0.0.1"));
        lab.host_ok("ip neigh del fe80::1 dev host");
        assert!(lab.misses("fe80::1%host") && lab.misses("2001:db8::1"));
        let heard = capture.heard();
        assert!(heard.contains("who has fe80::1"), "{heard}");
        assert!(!heard.contains("tgt is fe80::1,") && !heard.contains("10.0.0.1 is-at"), "{heard}");
        assert!(!heard.contains("tgt is 2001:db8::1,"), "{heard}");
    });
}

#[test]
fn the_kernel_asks_in_the_links_own_name() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        router.prepare(lab.lan).unwrap();
        router.hold(1, lab.lan, holdings("10.0.0.1", Presence::Accepted)).unwrap();
        router.hold(2, lab.lan, holdings("fe80::1", Presence::Accepted)).unwrap();
        ok("ip neigh flush dev lan");
        let capture = lab.capture("arp or icmp6");
        run("ping -n -c 1 -W 1 -I 10.0.0.1 10.0.0.100");
        run("ping -n -c 1 -W 1 -I fe80::1%lan fe80::100%lan");
        let heard = capture.heard();
        assert!(heard.contains("who-has 10.0.0.100 tell 10.0.0.2"), "{heard}");
        assert!(!heard.contains("tell 10.0.0.1,"), "{heard}");
        assert!(heard.contains("fe80::2 > ff02::1:ff00:100"), "{heard}");
        let poison = |frame: &str| frame.contains("fe80::1 >") && frame.contains("solicitation");
        assert!(!heard.lines().any(poison), "{heard}");
    });
}

#[test]
fn the_kernel_names_the_virtual_mac_for_an_owners_address() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        router.prepare(lab.lan).unwrap();
        let mut both = holdings("10.0.0.2", Presence::Native);
        both.addresses.extend(holdings("fe80::2", Presence::Native).addresses);
        router.hold(1, lab.lan, both.clone()).unwrap();
        ok("ip neigh flush dev lan");
        let capture = lab.capture("arp or icmp6");
        assert!(run("ping -n -c 1 -W 1 10.0.0.100").status.success());
        assert!(run("ping -n -c 1 -W 1 fe80::100%lan").status.success());
        assert!(!lab.host("arping -c 1 -w 1 -I host 10.0.0.2").output().unwrap().status.success());
        let heard = capture.heard();
        assert!(heard.contains("tell 10.0.0.2"), "{heard}");
        let neighbour = lab.host_ok("ip neigh show dev host");
        assert!(!neighbour.contains(ROUTER_MAC), "{neighbour}\n{heard}");
        assert!(neighbour.contains("10.0.0.2 lladdr 00:00:5e:00:01:01"), "{neighbour}");
        assert!(neighbour.contains("fe80::2 lladdr 00:00:5e:00:01:01"), "{neighbour}\n{heard}");
        assert!(!heard.contains("wrong icmp6 cksum") && !heard.contains("bad"), "{heard}");
        // Without a virtual MAC the kernel answers for its own address.
        let silent = |address: &mut fhrp::VirtualAddress| address.answer = Answer::Silent;
        both.addresses.values_mut().for_each(silent);
        router.hold(1, lab.lan, Holdings { forward: [].into(), ..both }).unwrap();
        assert!(lab.host("arping -c 1 -w 1 -I host 10.0.0.2").output().unwrap().status.success());
    });
}

#[test]
fn the_gate_closes_without_a_heartbeat_and_opens_with_one() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        router.prepare(lab.lan).unwrap();
        let lease = Duration::from_millis(200);
        let held = holdings("10.0.0.1", Presence::Accepted);
        router.hold(1, lab.lan, Holdings { lease, ..held }).unwrap();
        std::thread::sleep(lease * 5);
        assert!(lab.reaches("10.0.0.1") && lab.reaches(BEYOND), "renewed while the heart beats");
        router.beat(false);
        std::thread::sleep(lease * 2);
        assert!(lab.misses("10.0.0.1") && lab.misses(BEYOND), "the gate is closed");
        let stalled = router.event("lapsed", |event| match event {
            crate::addr::KernelEvent::Lapsed { stalled, .. } => Some(*stalled),
            _ => None,
        });
        assert!(stalled >= lease, "{stalled:?}");
        router.beat(true);
        eventually("the gate opens", || lab.reaches(BEYOND));
    });
}

#[test]
fn a_very_short_lease_is_kept() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        router.prepare(lab.lan).unwrap();
        let lease = Duration::from_millis(36);
        let held = holdings("10.0.0.1", Presence::Accepted);
        router.hold(1, lab.lan, Holdings { lease, ..held }).unwrap();
        let pings = lab.host("ping -n -q -i 0.01 -c 300 -W 1 203.0.113.1").output().unwrap();
        eprintln!("at a lease of {lease:?}: {}", String::from_utf8_lossy(&pings.stdout));
    });
}

#[test]
fn one_address_on_two_links_are_two() {
    with_lab(|lab| {
        ok("ip link add other type veth peer name rehto");
        ok("ip link set other up");
        ok("ip link set rehto up");
        let other = super::lab::number_of("other");
        let mut router = Router::start(None);
        let macs = std::collections::BTreeSet::from([VMAC]);
        let both =
            [lab.lan, other].map(|link| Preparation { link, macs: macs.clone(), ..Preparation::default() });
        router.prepare_macs(both.to_vec()).unwrap();
        for ip in ["10.0.0.1", "fe80::1"] {
            let group = u32::from(ip == "fe80::1") * 2;
            router.hold(group, lab.lan, holdings(ip, Presence::Accepted)).unwrap();
            router.hold(group + 1, other, holdings(ip, Presence::Accepted)).unwrap();
            router.release(group + 1, other);
        }
        assert!(lab.reaches("10.0.0.1"), "{}{}", ok("nft list ruleset"), ok("ip addr"));
        assert!(lab.reaches("fe80::1%host"), "{}{}", ok("nft list ruleset"), ok("ip addr"));
    });
}

#[test]
fn an_unknown_interface_is_named_in_the_refusal() {
    with_lab(|_| {
        let mut router = Router::start(None);
        let fault = router.hold(1, 4711, holdings("10.0.0.1", Presence::Accepted)).unwrap_err();
        assert_eq!(fault.to_string(), "use interface number 4711: there is no such interface");
    });
}

#[test]
fn a_link_that_was_not_prepared_is_prepared_late() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        router.hold(1, lab.lan, holdings("10.0.0.1", Presence::Accepted)).unwrap();
        assert!(within(Duration::from_secs(1), || lab.reaches("10.0.0.1")));
    });
}
