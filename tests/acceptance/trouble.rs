//! What goes wrong between routers and inside one: scenarios 10, 11, 12.

use std::time::Duration;

use fhrp::{InterfaceAddress, Link, Mac, Received};
use firsthop::config;
use firsthop::engine::{Effect, Engine, Now};
use firsthop::lab::Deed;
use firsthop::protocols;

use crate::forge::Forged;
use crate::frames::announcements;
use crate::stage::{BUSY, Stage, ip, ms, now, rest, steadily};

fn group(id: u8, priority: u8, interval: &str, more: &str) -> String {
    format!(
        "[[interface.lan.vrrp]]\nname = \"g{id}\"\nid = {id}\naddresses = [\"10.0.10.{0}/24\", \"10.0.10.{1}/24\"]\n\
         priority = {priority}\nadvertise-interval = \"{interval}\"\nannounce = {{ repeats = [] }}\n{more}\n",
        id,
        100 + id
    )
}

/// What r1 says no longer reaches r2; r1 hears r2 as ever. Group 1 has a virtual MAC, group 2 has none: there
/// the hosts' caches differ with who was heard last.
#[test]
fn s10_split_brain() {
    steadily(|| {
        let config = |priority| {
            group(11, priority, "100ms", "") + &group(12, priority, "100ms", "virtual-mac = false")
        };
        let Some(mut stage) = Stage::new(&[("r1", &config(200)), ("r2", &config(100))]) else { return };
        let addresses = ["10.0.10.11", "10.0.10.111", "10.0.10.12", "10.0.10.112"];
        stage.start(&["r1", "r2"]);
        for name in ["g11", "g12"] {
            stage.state("r1", name, "Active");
            stage.state("r2", name, "Backup");
        }
        for address in addresses {
            assert!(stage.pings(address), "{address}");
        }
        stage.shell("switch", "bridge link set dev r2-lan mcast_flood off");
        for name in ["g11", "g12"] {
            stage.state("r2", name, "Active");
        }
        rest(5000);
        for name in ["g11", "g12"] {
            let alarms = stage.group("r1", name)["alarms"].to_string();
            assert!(alarms.contains("two-actives"), "{name}: {alarms}");
        }
        let before = now();
        stage.shell("switch", "bridge link set dev r2-lan mcast_flood on");
        // A program was started for it, which may take its time.
        let healed = now();
        rest(1200);
        let frames = stage.frames(before);
        for (name, vrid) in [("g11", 11), ("g12", 12)] {
            assert_eq!(stage.group("r1", name)["state"], "Active", "{name}");
            assert_eq!(stage.group("r2", name)["state"], "Backup", "{name}");
            let adverts = stage.adverts(healed, vrid);
            let last =
                adverts.iter().rfind(|advert| advert.router == "r2").map_or(healed, |advert| advert.at);
            let settled = Duration::from_nanos(last - healed);
            println!("{name}: one Active {settled:?} after healing");
            let told = |stage: &mut Stage, router| stage.transitions(router, name);
            let history = [told(&mut stage, "r1"), told(&mut stage, "r2")];
            assert!(settled < ms(100) + BUSY, "{name}: {settled:?}: {history:#?}");
            assert!(!stage.remarks("r1", name, "asserted").is_empty(), "{name}");
        }
        let last_word = stage.lab.adverts().iter().rfind(|advert| advert.router == "r2").unwrap().at;
        for address in addresses {
            // Once in the end, whatever was said while it lasted.
            let from_winner = announcements(&frames, ip(address), "r1");
            let since = from_winner.iter().filter(|claim| claim.at + 100_000_000 > last_word).count();
            assert!((1..=5).contains(&since), "{address}: {since} announcements");
            let from_loser = announcements(&frames, ip(address), "r2");
            assert!(from_loser.iter().all(|claim| claim.at <= last_word), "{address}: the loser announces");
        }
        let winner = ["00:00:5e:00:01:0b", "00:00:5e:00:01:0b", "02:00:00:10:00:02", "02:00:00:10:00:02"];
        for (address, mac) in addresses.into_iter().zip(winner) {
            assert_eq!(stage.cached(address).as_deref(), Some(mac), "{address} in the host's cache");
            assert!(stage.pings(address), "{address}");
        }
    });
}

/// The daemon stands still for a while; with `all`, its guardian does, too.
fn stall(interval: &str, pause: u64, deed: Deed) {
    let v6 = |priority: u8| {
        format!(
            "[[interface.lan.vrrp]]\nname = \"v6\"\nid = 20\naddresses = [\"fe80::20/64\"]\npriority = {priority}\n\
             advertise-interval = \"{interval}\"\nannounce = {{ repeats = [] }}\n"
        )
    };
    let config = |priority| group(10, priority, interval, "") + &v6(priority);
    let Some(mut stage) = Stage::new(&[("r1", &config(200)), ("r2", &config(100))]) else { return };
    stage.start(&["r1", "r2"]);
    for name in ["g10", "v6"] {
        stage.state("r1", name, "Active");
        stage.state("r2", name, "Backup");
    }
    stage.fault(deed, Some("r1"));
    rest(pause);
    let woken = stage.fault(Deed::Thaw, None);
    let slow = interval == "1s";
    // At 10 ms a busy machine can starve a router for longer than the others wait; that is another story.
    rest(if slow { 1000 } else { 200 });
    let frames = stage.frames(woken);
    let until = frames.last().map_or(woken, |frame| frame.at);
    for (name, vrid, addresses) in
        [("g10", 10, vec!["10.0.10.10", "10.0.10.110"]), ("v6", 20, vec!["fe80::20"])]
    {
        let mut adverts = stage.adverts(woken, vrid);
        adverts.retain(|advert| advert.at <= until);
        // From the awakening to the other's last word nobody knows who is Active.
        let learnt = adverts.iter().rfind(|advert| advert.router == "r2").map_or(woken, |advert| advert.at);
        let before = adverts.iter().filter(|advert| advert.router == "r1" && advert.at < learnt).count();
        let what = format!("{name} at {interval}, {} for {pause} ms", deed.name());
        println!(
            "{what}: settled after {:?}, {before} adverts until then",
            Duration::from_nanos(learnt - woken)
        );
        // At 10 ms the machine may need longer than an interval to let the other one run.
        let others = adverts.iter().filter(|advert| advert.router == "r2" && advert.at > woken).count();
        assert!(before <= others.max(1), "{what}: {before} adverts, {others} of the other");
        assert!(Duration::from_nanos(learnt - woken) < ms(if slow { 1000 } else { 10 }) + BUSY, "{what}");
        for address in addresses {
            let all = announcements(&frames, ip(address), "r1");
            let when: Vec<_> = all.iter().map(|claim| (claim.at - woken) as f64 / 1e6).collect();
            println!("{what}: {address} announced after {when:?} ms");
            // Afterwards: when it is held again, what the kernel gave back, the other's last word, the end of
            // the alarm.
            assert!(all.len() <= 6, "{what}: {} announcements of {address}", all.len());
            let early = all.iter().filter(|claim| claim.at < learnt).count();
            assert!(early <= 1, "{what}: {early} announcements of {address} before it knew");
            let late = announcements(&frames, ip(address), "r2");
            assert!(late.iter().all(|claim| claim.at <= learnt), "{what}: the loser announces");
        }
        // No flapping: after the awakening the role moves once at most, to where it belongs.
        let speakers: Vec<_> = adverts.iter().map(|advert| advert.router.as_str()).collect();
        let last = speakers.last().copied();
        let back = speakers.iter().rposition(|router| Some(*router) != last).map_or(0, |place| place + 1);
        assert!(speakers[back..].len() > if slow { 0 } else { 5 }, "{what}: {speakers:?}");
        let active = if stage.group("r1", name)["state"] == "Active" { "r1" } else { "r2" };
        assert_eq!(active, "r1", "{what}");
        let again = stage.events("r2").into_iter().find(|event| {
            let at = event["time"].as_f64().unwrap() * 1e9;
            event["group"]["name"] == name
                && event["to"] == "Active"
                && (woken as f64..until as f64).contains(&at)
        });
        assert!(again.is_none(), "{what}: {again:?}");
    }
    assert_eq!(stage.who_is("10.0.10.10"), ["r1"]);
    assert_eq!(stage.who_is("fe80::20"), ["r1"]);
}

#[test]
fn s11_stall_at_10_ms() {
    steadily(|| {
        stall("10ms", 300, Deed::FreezeDaemon);
        stall("10ms", 300, Deed::Freeze);
        stall("10ms", 5000, Deed::FreezeDaemon);
    });
}

#[test]
fn s11_stall_at_1_s() {
    steadily(|| {
        stall("1s", 300, Deed::FreezeDaemon);
        stall("1s", 5000, Deed::FreezeDaemon);
        stall("1s", 5000, Deed::Freeze);
    });
}

/// The wall clock is everybody's on a machine and in no namespace, so it is not stepped here. The engine with
/// real virtual routers gets the same frames and the same monotonic time twice, once with a wall clock that
/// jumps by an hour in both directions all the time, and must want the same things at the same moments. An
/// HMAC trailer is made from the wall clock: its time stamps differ, and are compared by nothing but length.
/// The time stamps of received frames are the driver's business: `net/clock.rs` has their tests.
#[test]
fn s12_clock() {
    let steady = life(|_| Duration::from_secs(1_700_000_000));
    let jumping = life(|turn| {
        let hour = Duration::from_secs(3600);
        let base = Duration::from_secs(1_700_000_000);
        [base, base + hour, base - hour][turn % 3]
    });
    assert!(steady.len() > 100, "{} effects", steady.len());
    assert_eq!(steady, jumping);
}

/// What two groups, one of them signed, want in eight seconds as Backup, Active, and Backup again.
fn life(wall: impl Fn(usize) -> Duration) -> Vec<String> {
    let key = "0123456789abcdef0123456789abcdef";
    let plan = config::parse(
        "clock",
        &(group(10, 100, "100ms", "")
            + &group(
                11,
                100,
                "100ms",
                &format!("authentication = {{ kind = \"hmac\", keys = [{{ id = 1, key = \"{key}\" }}] }}"),
            )),
    )
    .unwrap();
    let mut engine = Engine::new(protocols::PROTOCOLS, Box::new(|| 7));
    let mut out = Vec::new();
    let mut wants = Vec::new();
    let at = |turn: usize| Now {
        monotonic: fhrp::Instant::ZERO + ms(turn as u64),
        wall: wall(turn) + ms(turn as u64),
    };
    for group in &plan.groups {
        engine.add(at(0), group.identity(), protocols::build(&group.protocol), &mut out);
    }
    engine.link(at(0), lan(), &mut out);
    for turn in 1..8000 {
        let now = at(turn);
        // A better router speaks from the third to the fifth second.
        if (3000..5000).contains(&turn) && turn % 100 == 0 {
            let forged = Forged::v3("10.0.10.9", 10, 200, &["10.0.10.10", "10.0.10.110"]);
            let frame = forged.frame();
            let received = Received {
                at: now.monotonic,
                source_mac: Mac(frame[6..12].try_into().unwrap()),
                destination_mac: Mac(frame[..6].try_into().unwrap()),
                source: forged.source,
                destination: ip("224.0.0.18"),
                hop_limit: 255,
                protocol: 112,
                ports: None,
                ip_header: &frame[14..34],
                payload: &frame[34..],
            };
            engine.receive(now, 2, &received, &mut out);
        }
        engine.tick(now, &mut out);
        let grants: Vec<_> = out
            .iter()
            .filter_map(|effect| match effect {
                Effect::Hold(wish) => Some((wish.group, wish.ticket)),
                _ => None,
            })
            .collect();
        for (group, ticket) in grants {
            engine.held(now, group, ticket, Ok(()), &mut out);
        }
        wants.extend(out.drain(..).map(|effect| format!("{turn}: {}", told(effect))));
        wants.push(format!("{turn}: next {:?}", engine.deadline()));
    }
    wants
}

fn told(effect: Effect) -> String {
    match effect {
        Effect::Send { group, link, datagram } => {
            format!(
                "send {group:?} {link} {} to {}, {}",
                datagram.source,
                datagram.destination,
                datagram.payload.len()
            )
        }
        Effect::LastWill { group, link, datagrams } => format!("will {group:?} {link} {}", datagrams.len()),
        other => format!("{other:?}"),
    }
}

fn lan() -> Link {
    let address: InterfaceAddress = "10.0.10.2/24".parse().unwrap();
    Link {
        index: 2,
        name: "lan".into(),
        mac: Mac([2, 0, 0, 0, 0, 2]),
        mtu: 1500,
        up: true,
        addresses: vec![address],
    }
}
