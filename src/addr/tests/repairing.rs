//! Addresses on interfaces, and what happens when others meddle.

use std::time::Duration;

use fhrp::Presence;

use super::lab::{Router, eventually, holdings, ok, with_lab};
use crate::addr::KernelEvent;

fn restored(event: &KernelEvent) -> Option<String> {
    match event {
        KernelEvent::Restored { what, .. } => Some(what.clone()),
        _ => None,
    }
}

#[test]
fn an_address_on_the_interface_is_marked_and_makes_no_second_route() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        let routes = ok("ip route");
        router.hold(1, lab.lan, holdings("10.0.0.1", Presence::OnInterface)).unwrap();
        router.hold(2, lab.lan, holdings("2001:db8::1", Presence::OnInterface)).unwrap();
        assert_eq!(ok("ip route"), routes);
        assert!(lab.host("arping -c 1 -w 1 -I host 10.0.0.1").output().unwrap().status.success());
        let shown = ok("ip -d -6 addr show dev lan");
        assert!(!shown.contains("tentative"), "{shown}");
        router.hold(3, lab.lan, holdings("198.51.100.1", Presence::OnInterface)).unwrap();
        assert!(ok("ip route").contains("198.51.100.0/24 dev lan"), "a network of its own needs its route");
        // Nothing of this is news to protocols.
        std::thread::sleep(Duration::from_millis(300));
        while router.thread.try_report().is_some() {}
        ok("ip addr add 10.0.0.3/24 dev lan");
        let link = router.event("a link", |event| match event {
            KernelEvent::Link(link) if link.name == "lan" => Some(link.clone()),
            _ => None,
        });
        let addresses: Vec<_> = link.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["10.0.0.2/24", "2001:db8::2/64", "fe80::2/64", "10.0.0.3/24"]);
        router.release(1, lab.lan);
        router.release(2, lab.lan);
        assert!(!ok("ip addr show dev lan").contains("10.0.0.1/24"));
    });
}

#[test]
fn a_removed_address_comes_back_until_it_is_hopeless() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        router.hold(1, lab.lan, holdings("10.0.0.1", Presence::OnInterface)).unwrap();
        for _ in 0..5 {
            ok("ip addr del 10.0.0.1/24 dev lan");
            let what = router.event("put back", restored);
            assert_eq!(what, "10.0.0.1/24 was removed from lan and put back");
            // What follows sooner counts as the same deed.
            std::thread::sleep(Duration::from_millis(120));
        }
        ok("ip addr del 10.0.0.1/24 dev lan");
        let what = router.event("lost", |event| match event {
            KernelEvent::Lost { what, .. } => Some(what.to_string()),
            _ => None,
        });
        assert_eq!(what, "keep 10.0.0.1 on lan: it was removed 6 times within 10 s");
        assert!(!ok("ip addr show dev lan").contains("10.0.0.1/24"));
        // A wish said again is a new chance.
        router.hold(1, lab.lan, holdings("10.0.0.1", Presence::OnInterface)).unwrap();
        assert!(ok("ip addr show dev lan").contains("10.0.0.1/24"));
    });
}

#[test]
fn a_removed_device_comes_back_with_its_addresses() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        router.prepare(lab.lan).unwrap();
        router.hold(1, lab.lan, holdings("10.0.0.1", Presence::Accepted)).unwrap();
        assert!(lab.reaches("10.0.0.1"));
        ok("ip link del firsthop0");
        router.event("put back", restored);
        assert!(lab.reaches("10.0.0.1"));
    });
}

#[test]
fn a_foreign_address_is_not_ours_to_take() {
    with_lab(|lab| {
        ok("ip addr add 10.0.0.1/24 dev lan");
        let mut router = Router::start(None);
        let fault = router.hold(1, lab.lan, holdings("10.0.0.1", Presence::OnInterface)).unwrap_err();
        assert_eq!(fault.to_string(), "add 10.0.0.1/24 to lan: it is there already, and not ours");
        router.release(1, lab.lan);
        assert!(ok("ip addr show dev lan").contains("10.0.0.1/24"), "and not ours to remove");
    });
}

#[test]
fn a_link_goes_and_comes_back() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        ok("ip link add other type veth peer name rehto");
        ok("ip link set other up");
        let other = super::lab::number_of("other");
        router.prepare(other).unwrap();
        router.hold(1, other, holdings("10.0.0.1", Presence::Accepted)).unwrap();
        ok("ip link del other");
        let gone = |event: &KernelEvent| match event {
            KernelEvent::LinkGone { index, name } if name == "other" => Some(*index),
            _ => None,
        };
        assert_eq!(router.event("gone", gone), other);
        ok("ip link add other type veth peer name rehto");
        let back = router.event("back", |event| match event {
            KernelEvent::Link(link) if link.name == "other" => Some(link.clone()),
            _ => None,
        });
        assert!(!back.up);
        assert_ne!(back.index, other);
        ok("ip link set other up");
        ok("ip link set rehto up");
        eventually("up", || {
            router.event("changed", |event| match event {
                KernelEvent::Link(link) if link.name == "other" => Some(link.up),
                _ => None,
            })
        });
        router.prepare(back.index).unwrap();
        router.hold(1, back.index, holdings("10.0.0.1", Presence::Accepted)).unwrap();
        assert!(lab.lan != back.index);
    });
}
