//! What only whole routers show, on a real LAN.

use fhrp::Mac;

use crate::frames::Frame;
use crate::stage::{Stage, counter_of, neighbour_of, now, rest, text};

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
