//! What only whole routers show, on a real LAN.

use std::collections::BTreeSet;

use fhrp::Mac;
use firsthop::lab::Deed;

use crate::frames::{self, Frame};
use crate::stage::{Stage, counter_of, ip, neighbour_of, now, rest, text};

fn group(name: &str, id: u16, priority: u8, more: &str) -> String {
    format!(
        "[[interface.lan.hsrp]]\nname = \"{name}\"\nid = {id}\naddresses = [\"10.0.10.{id}/24\"]\n\
         priority = {priority}\nhello-time = \"1s\"\nhold-time = \"3s\"\n{more}\n"
    )
}

#[test]
fn two_versions_on_one_lan_name_each_other_and_obey_nothing() {
    let (r1, r2) = (group("g", 1, 200, ""), group("g", 1, 100, "version = 2"));
    let Some(mut stage) = Stage::new(&[("r1", &r1), ("r2", &r2)]) else { return };
    stage.start(&["r1", "r2"]);
    stage.state("r1", "g", "Active");
    stage.state("r2", "g", "Active");
    rest(2_500);
    for (router, other, ours, theirs) in [("r1", "10.0.10.3", 1, 2), ("r2", "10.0.10.2", 2, 1)] {
        let shown = stage.group(router, "g");
        assert_eq!(shown["state"], "Active", "{shown:#}");
        assert!(counter_of(&shown, "version-errors") >= 2, "{shown:#}");
        let neighbour = neighbour_of(&shown, other);
        assert_eq!(text(&neighbour["refused"]), format!("version {theirs}, ours is {ours}"), "{shown:#}");
        assert!(shown["alarms"].to_string().contains("two-actives"), "{shown:#}");
    }
    let macs: Vec<Mac> = stage.who("10.0.10.1").into_iter().map(|answer| answer.mac).collect();
    assert_eq!(macs.len(), 2, "one address with two MACs: {macs:?}");
}

#[test]
fn another_version_begins_anew_with_another_mac() {
    let Some(mut stage) = Stage::new(&[("r1", &group("g", 1, 200, ""))]) else { return };
    stage.start(&["r1"]);
    stage.state("r1", "g", "Active");
    assert_eq!(stage.who("10.0.10.1")[0].mac, Mac([0, 0, 0x0c, 7, 0xac, 1]));
    let changed = now();
    stage.reload("r1", &group("g", 1, 200, "version = 2"));
    stage.state("r1", "g", "Active");
    assert_eq!(stage.who("10.0.10.1")[0].mac, Mac([0, 0, 0x0c, 0x9f, 0xf0, 1]));
    let said: Vec<(u8, u8)> =
        stage.adverts(changed, 1).iter().map(|word| (word.version, word.priority)).collect();
    assert_eq!(said[0], (1, 0), "a Resign in the old version: {said:?}");
    assert!(said[1..].iter().all(|word| *word == (2, 200)), "{said:?}");
}

#[test]
fn secondary_addresses_share_the_virtual_mac_and_the_interfaces_own_is_possible() {
    let many = "[[interface.lan.hsrp]]\nname = \"g\"\nid = 1\naddresses = [\"10.0.10.1/24\", \"10.0.10.9/24\"]\n\
                hello-time = \"1s\"\nhold-time = \"3s\"\n";
    let own = group("bia", 7, 100, "virtual-mac = false");
    let Some(mut stage) = Stage::new(&[("r1", &(many.to_owned() + &own))]) else { return };
    let began = now();
    stage.start(&["r1"]);
    stage.state("r1", "g", "Active");
    stage.state("r1", "bia", "Active");
    let virtual_mac = Mac([0, 0, 0x0c, 7, 0xac, 1]);
    for address in ["10.0.10.1", "10.0.10.9"] {
        assert_eq!(stage.who(address)[0].mac, virtual_mac, "{address}");
        assert!(stage.pings(address), "{address}");
    }
    let interface = Mac([2, 0, 0, 0x10, 0, 2]);
    assert_eq!(stage.who("10.0.10.7")[0].mac, interface);
    assert!(stage.pings("10.0.10.7"));
    let hellos = stage.adverts(began, 7);
    assert!(!hellos.is_empty() && hellos.iter().all(|hello| hello.mac == interface), "{hellos:?}");
}

/// ICMP redirects among the frames of a router.
fn redirects(frames: &[Frame], router: &str) -> usize {
    let is_redirect = |frame: &&Frame| {
        frame.from == router
            && frame
                .ip()
                .is_some_and(|(_, _, protocol, payload)| protocol == 1 && payload.first() == Some(&5))
    };
    frames.iter().filter(is_redirect).count()
}

/// The host asks r1, its gateway, for something that is behind another router on the same LAN.
fn ask_beyond(stage: &mut Stage) -> u64 {
    let since = now();
    stage.shell("r1", "ip route replace 192.0.2.0/24 via 10.0.10.100");
    stage.shell("h", "ip route replace 192.0.2.0/24 via 10.0.10.1");
    stage.try_shell("h", "ping -n -c 2 -i 0.2 -W 1 192.0.2.1");
    since
}

#[test]
fn no_redirect_leaves_an_interface_of_hsrp_unless_it_is_wished() {
    let redirecting = group("g", 1, 100, "redirects = true");
    let Some(mut stage) = Stage::new(&[("r1", &redirecting)]) else { return };
    stage.start(&["r1"]);
    stage.state("r1", "g", "Active");
    // As most Linux routers have it.
    stage.shell("r1", "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=1");
    stage.shell("r1", "sysctl -qw net.ipv4.conf.lan.send_redirects=1");
    let since = ask_beyond(&mut stage);
    let sent = redirects(&stage.frames(since), "r1");
    println!("{sent} redirects where they are wished");
    stage.reload("r1", &group("g", 1, 100, ""));
    rest(200);
    let since = ask_beyond(&mut stage);
    assert_eq!(redirects(&stage.frames(since), "r1"), 0);
    assert!(sent > 0, "the kernel had something to redirect");
}

/// Followers in the test.
const FOLLOWERS: u16 = 300;

/// A follower's address: in a network of its own, so that there is room for hundreds.
fn follower_address(number: u16) -> String {
    format!("10.7.{}.{}", number / 250, number % 250 + 1)
}

#[test]
fn hundreds_of_groups_follow_one_that_speaks_for_all() {
    let config = |priority| {
        let boss =
            "[[interface.lan.hsrp]]\nname = \"boss\"\nid = 1\nversion = 2\naddresses = [\"10.0.10.1/24\"]\n";
        let mut text = format!(
            "{boss}priority = {priority}\npreempt = true\nhello-time = \"200ms\"\nhold-time = \"600ms\"\n"
        );
        for number in 0..FOLLOWERS {
            text += &format!(
                "[[interface.lan.hsrp]]\nid = {}\nversion = 2\nfollow = \"boss\"\naddresses = [\"{}/16\"]\n",
                1_000 + number,
                follower_address(number)
            );
        }
        text
    };
    let (r1, r2) = (config(200), config(100));
    let Some(mut stage) = Stage::new(&[("r1", &r1), ("r2", &r2)]) else { return };
    let began = now();
    stage.start(&["r1", "r2"]);
    stage.state("r1", "boss", "Active");
    stage.state("r2", "boss", "Standby");
    let in_state = |stage: &mut Stage, router: &str, state: &str| {
        stage.groups(router).iter().filter(|group| group["state"] == state).count()
    };
    let all = usize::from(FOLLOWERS) + 1;
    assert_eq!((in_state(&mut stage, "r1", "Active"), in_state(&mut stage, "r2", "Standby")), (all, all));
    let answers = |stage: &Stage, router: &str| {
        for number in [0, 1, 149, FOLLOWERS - 1] {
            let answers = stage.who(&follower_address(number));
            let [high, low] = (1_000 + number).to_be_bytes();
            let mac = Mac([0, 0, 0x0c, 0x9f, 0xf0 | high, low]);
            assert_eq!(answers.len(), 1, "follower {number}");
            assert_eq!((answers[0].router.as_str(), answers[0].mac), (router, mac), "follower {number}");
        }
    };
    answers(&stage, "r1");

    // The leader's router dies, and all of them move with one election.
    let died = stage.fault(Deed::Power, Some("r1"));
    stage.state("r2", "boss", "Active");
    stage.until("all followers are active", |stage| in_state(stage, "r2", "Active") == all);
    answers(&stage, "r2");
    let frames = stage.frames(died);
    let told = (0..FOLLOWERS).filter(|number| {
        let address = ip(&follower_address(*number));
        !frames::announcements(&frames, address, "r2").is_empty()
    });
    assert_eq!(told.count(), usize::from(FOLLOWERS), "hosts are told of each address");

    // One group spoke in all this.
    let speaks = |frame: &Frame| {
        let (.., protocol, payload) = frame.ip()?;
        let hsrp = protocol == 17 && payload.get(2..4) == Some(&[7, 0xc1][..]) && payload.get(8) == Some(&1);
        hsrp.then(|| u16::from_be_bytes([payload[14], payload[15]]))
    };
    let groups: BTreeSet<u16> = stage.frames(began).iter().filter_map(speaks).collect();
    assert_eq!(groups, BTreeSet::from([1]));

    // When it is back, all of them go back.
    stage.fault(Deed::Recover, None);
    stage.until("all are active on r1", |stage| in_state(stage, "r1", "Active") == all);
    stage.until("all stand by on r2", |stage| in_state(stage, "r2", "Standby") == all);
    answers(&stage, "r1");
}

#[test]
fn an_engineer_of_cisco_finds_what_show_standby_has() {
    let config = |priority| {
        let vrrp = "[[interface.lan.vrrp]]\nid = 9\naddresses = [\"10.0.10.9/24\"]\n";
        let follower = "[[interface.lan.hsrp]]\nid = 2\nfollow = \"boss\"\naddresses = [\"10.0.10.20/24\"]\n";
        group("boss", 1, priority, "preempt = true") + follower + vrrp
    };
    let (r1, r2) = (config(200), config(100));
    let Some(mut stage) = Stage::new(&[("r1", &r1), ("r2", &r2)]) else { return };
    stage.start(&["r1", "r2"]);
    stage.state("r1", "boss", "Active");
    stage.state("r2", "boss", "Standby");
    rest(1_200);
    let show = |stage: &mut Stage, router: &str, arguments: &[&str]| {
        let output = stage.firsthop(router, &[&["show", "hsrp"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let brief = show(&mut stage, "r1", &[]);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = brief.lines().map(words).collect();
    assert_eq!(
        lines[0][..10],
        ["NAME", "ON", "PROTOCOL", "ID", "STATE", "PRIO", "P", "ACTIVE", "STANDBY", "ADDRESSES"]
    );
    let boss = lines.iter().find(|line| line.first().is_some_and(|name| name == "boss")).unwrap();
    assert_eq!(boss[..8], ["boss", "lan", "HSRP", "1", "1", "Active", "200", "P"], "{brief}");
    assert!(brief.contains("(here)") && brief.contains("10.0.10.3") && !brief.contains("VRRP"), "{brief}");
    assert!(brief.contains("boss is Active"), "the follower: {brief}");

    let detail = show(&mut stage, "r2", &["--detail"]);
    for part in [
        "Standby for",
        "10.0.10.2, priority 200, from 00:00:0c:07:ac:01",
        "standby-router",
        "local",
        "state-changes",
        "preemption",
        "text authentication",
        "00:00:0c:07:ac:01, of version 1",
        "hello-time",
        "hold-time",
        "active-timer",
        "left",
        "hellos-received",
        "follows",
        "mac-refresh",
    ] {
        assert!(detail.contains(part), "{part} in:\n{detail}");
    }
    let json: serde_json::Value = serde_json::from_str(&show(&mut stage, "r1", &["--json"])).unwrap();
    assert_eq!(json.as_array().map(Vec::len), Some(2));
    assert!(json.as_array().unwrap().iter().all(|group| group["protocol"] == "hsrp"));
}
