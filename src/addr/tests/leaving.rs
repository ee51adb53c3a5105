//! Nothing is left behind, and it is quick.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fhrp::{Answer, Holdings, Mac, Presence, Share, VirtualAddress};

use super::lab::{Router, holdings, ok, state, with_lab};
use crate::addr::thread::{Report, Request};
use crate::addr::{Preparation, Wish, claim, cleanup, route};
use crate::engine::GroupIndex;

#[test]
fn everything_is_as_it_was() {
    with_lab(|lab| {
        let before = state();
        let mut router = Router::start(None);
        router.prepare(lab.lan).unwrap();
        for (group, (ip, presence)) in [
            ("10.0.0.1", Presence::Accepted),
            ("10.0.0.4", Presence::Unaccepted),
            ("10.0.0.5", Presence::OnInterface),
            ("10.0.0.2", Presence::Native),
            ("fe80::1", Presence::Accepted),
            ("2001:db8::1", Presence::Accepted),
            ("2001:db8::5", Presence::OnInterface),
        ]
        .into_iter()
        .enumerate()
        {
            router.hold(group as u32, lab.lan, holdings(ip, presence)).unwrap();
        }
        assert_ne!(state(), before);
        router.withdraw();
        assert_eq!(state(), before);
    });
}

#[test]
fn releasing_all_leaves_the_sets_empty() {
    with_lab(|lab| {
        let mut router = Router::start(None);
        router.prepare(lab.lan).unwrap();
        let (rules, addresses) = (ok("nft list ruleset"), ok("ip -j addr"));
        router.hold(1, lab.lan, holdings("10.0.0.1", Presence::Accepted)).unwrap();
        router.hold(2, lab.lan, holdings("fe80::1", Presence::Accepted)).unwrap();
        router.release(1, lab.lan);
        router.release(2, lab.lan);
        assert_eq!(ok("nft list ruleset"), rules);
        assert_eq!(ok("ip -j addr"), addresses);
    });
}

fn group(number: u32) -> (Mac, Holdings) {
    let [_, _, high, low] = number.to_be_bytes();
    let mac = Mac([0, 0, 0x5e, 0, high, low]);
    let ip = std::net::Ipv4Addr::from(0x0a01_0001 + number).into();
    let address =
        VirtualAddress { prefix: 24, presence: Presence::Accepted, answer: Answer::With(mac), router: true };
    let lease = Duration::from_secs(3);
    let forward = [(mac, Share::Whole)].into();
    (mac, Holdings { forward, addresses: [(ip, address)].into(), lease, ..Holdings::default() })
}

/// Asks for wishes and gives the time until the last one is answered.
fn hold_all(router: &mut Router, wishes: Vec<Wish>) -> Duration {
    let mut left = wishes.len();
    let began = Instant::now();
    router.thread.ask(Request::Hold(wishes));
    router.wait("all are held", |report| {
        if let Report::Held { result, .. } = report {
            result.as_ref().unwrap();
            left -= 1;
        }
        (left == 0).then_some(())
    });
    began.elapsed()
}

#[test]
fn a_thousand_groups_come_and_go() {
    with_lab(|lab| {
        let before = state();
        for count in [1000, 4000] {
            let mut router = Router::start(None);
            let macs: BTreeSet<Mac> = (0..count).map(|number| group(number).0).collect();
            let began = Instant::now();
            router.prepare_macs(vec![Preparation { link: lab.lan, macs, ..Preparation::default() }]).unwrap();
            eprintln!("{count} groups: prepared in {:?}", began.elapsed());
            let wishes = |holdings: fn(u32) -> Holdings| {
                (0..count).map(move |number| Wish {
                    ticket: 1,
                    group: GroupIndex(number),
                    link: lab.lan,
                    holdings: holdings(number),
                })
            };
            let all = |number| group(number).1;
            let took = hold_all(&mut router, wishes(all).collect());
            eprintln!("{count} groups: held in {took:?}");
            let took = hold_all(&mut router, wishes(all).collect());
            eprintln!("{count} groups: held once more in {took:?}");
            let took = hold_all(&mut router, wishes(|_| Holdings::none()).collect());
            eprintln!("{count} groups: released in {took:?}");
            hold_all(&mut router, wishes(all).collect());
            let began = Instant::now();
            router.withdraw();
            eprintln!("{count} groups: withdrawn in {:?}", began.elapsed());
            assert!(state() == before, "{}", state().lines().take(40).collect::<String>());
        }
    });
}

#[test]
fn cleanup_takes_what_bears_our_mark_and_nothing_else() {
    with_lab(|lab| {
        ok("nft add table netdev firsthop");
        ok("nft add table ip6 firsthop3");
        ok("nft add table ip firsthop-of-somebody");
        let before = state();
        // This ip(8) knows no address protocol.
        let left = ["10.0.0.9/24", "fe80::9/64"].map(|address| {
            let address = address.parse().unwrap();
            route::add_address(&route::NewAddress {
                link: lab.lan,
                address,
                prefix_route: false,
                label: None,
            })
        });
        assert!(route::channel().unwrap().submit(left.to_vec()).unwrap().is_empty());
        ok("ip addr add 10.0.0.10/24 dev lan label lan:fh");
        let claimed = claim("lan").unwrap();
        let mut cleaned = cleanup::run(&[]).unwrap();
        assert_eq!(cleaned.left.len(), 3, "{cleaned:?}");
        cleaned.removed.sort();
        assert_eq!(cleaned.removed, ["nf_tables table ip6 firsthop3", "nf_tables table netdev firsthop"]);
        let cleaned = cleanup::run(&[claimed.interface()]).unwrap();
        assert_eq!(cleaned.removed.len(), 3, "{cleaned:?}");
        assert!(cleaned.left.is_empty());
        let tables = ["table netdev firsthop {\n}\n", "table ip6 firsthop3 {\n}\n"];
        let after = tables.iter().fold(before, |text, table| text.replace(table, ""));
        assert_eq!(state(), after);
    });
}

#[test]
fn two_daemons_in_one_namespace_do_not_meet() {
    with_lab(|lab| {
        let before = state();
        let mut first = Router::start(None);
        let mut second = Router::start(None);
        first.prepare(lab.lan).unwrap();
        second.prepare(super::lab::number_of("lan")).unwrap();
        let rules = ok("nft list ruleset");
        assert!(
            rules.contains("table netdev firsthop {") && rules.contains("table netdev firsthop2 {"),
            "{rules}"
        );
        cleanup::run(&[]).unwrap();
        assert_eq!(ok("nft list ruleset"), rules, "what has an owner stays");
        first.withdraw();
        second.withdraw();
        assert_eq!(state(), before);
    });
}
