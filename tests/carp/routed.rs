//! Peers in two subnets, and a router between them that belongs to neither. FreeBSD's unicast_v4 and unicast_v6.

use crate::stage::{Stage, counter_of, ip, neighbour_of, now, rest};

/// The subnet of `r1` is the lab's LAN. `r2` is moved to another switch, and the host, which is on both, forwards.
const SECOND_SWITCH: [(&str, &str); 4] = [
    (
        "switch",
        "ip link add lan2 up type bridge mcast_snooping 0 && ip link set r2-lan master lan2 && \
         ip link add h-lan2 up master lan2 type veth peer name eth1 netns DOOR",
    ),
    (
        "h",
        "ip link set eth1 up && ip addr add 10.0.30.1/24 dev eth1 && \
         ip addr add 2001:db8:30::1/64 dev eth1 nodad && \
         sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
    ),
    (
        "r2",
        "ip addr flush dev lan && ip addr add 10.0.30.224/24 dev lan && \
         ip addr add 2001:db8:30::224/64 dev lan nodad && \
         ip route add 10.0.10.0/24 via 10.0.30.1 && ip -6 route add 2001:db8:10::/64 via 2001:db8:30::1",
    ),
    (
        "r1",
        "ip route add 10.0.30.0/24 via 10.0.10.HOST && ip -6 route add 2001:db8:30::/64 via 2001:db8:10::HOST",
    ),
];

const R1: [&str; 2] = ["10.0.10.2", "2001:db8:10::2"];
/// FreeBSD took an address that ends in this for a multicast group once.
const R2: [&str; 2] = ["10.0.30.224", "2001:db8:30::224"];

/// A member whose peer is `peer`, in both families. `least`: with which TTL its advertisements may arrive.
fn group(own: [&str; 2], peer: [&str; 2], skew: u8, least: u8) -> String {
    let peers = peer.map(|peer| format!("{{ address = \"{peer}\", min-ttl = {least} }}")).join(", ");
    let sources = own.map(|own| format!("\"{own}\"")).join(", ");
    format!(
        "[[interface.lan.carp]]\nname = \"g\"\nid = 1\naddresses = [\"10.0.99.1/32\", \"2001:db8:99::1/128\"]\n\
         advskew = {skew}\npassword = \"secret\"\npreempt = true\npeers = [{peers}]\nsource = [{sources}]\n"
    )
}

fn two(least: u8) -> Option<Stage> {
    let (r1, r2) = (group(R1, R2, 0, least), group(R2, R1, 100, least));
    let mut stage = Stage::new(&[("r1", &r1), ("r2", &r2)])?;
    let (_, door) = stage.lab.doors().into_iter().find(|(name, _)| name == "h").unwrap();
    let door = door.to_string_lossy().into_owned();
    let shown = stage.shell("h", "ip -o -4 addr show dev eth0");
    let host = shown.split(['/', ' ']).find_map(|word| word.strip_prefix("10.0.10.")).unwrap().to_owned();
    for (machine, line) in SECOND_SWITCH {
        stage.shell(machine, &line.replace("DOOR", &door).replace("HOST", &host));
    }
    stage.start(&["r1", "r2"]);
    Some(stage)
}

/// How many advertisements a router has believed.
fn heard(stage: &mut Stage, router: &str) -> u64 {
    stage.count(router, "g", "advertisements-received")
}

#[test]
fn peers_beyond_a_router_are_heard() {
    let Some(mut stage) = two(254) else { return };
    stage.state("r1", "g", "MASTER");
    stage.state("r2", "g", "BACKUP");
    let before = heard(&mut stage, "r2");
    stage.until("three more of each family", |stage| heard(stage, "r2") >= before + 6);
    let shown = stage.group("r2", "g");
    assert_eq!(shown["state"], "BACKUP", "{shown:#}");
    assert_eq!(counter_of(&shown, "ttl-errors"), 0, "{shown:#}");
    for (own, peer) in R1.into_iter().zip(R2) {
        let neighbour = neighbour_of(&shown, own);
        assert!(!neighbour.is_null() && neighbour["refused"].is_null(), "{own} is not believed: {shown:#}");
        let on_its_way = |advert: &firsthop::lab::Advert| advert.source == ip(own);
        let said = stage.adverts(0, 1);
        assert!(said.iter().filter(|advert| on_its_way(advert)).count() >= 3, "{said:?}");
        assert!(said.iter().all(|advert| !on_its_way(advert) || advert.destination == ip(peer)), "{said:?}");
    }

    // The other way: a worse skew, and the peers stay as they are.
    let began = now();
    stage.reload("r1", &group(R1, R2, 200, 254));
    stage.state("r2", "g", "MASTER");
    stage.state("r1", "g", "BACKUP");
    let before = heard(&mut stage, "r1");
    stage.until("three more of each family", |stage| heard(stage, "r1") >= before + 6);
    assert_eq!(stage.group("r1", "g")["state"], "BACKUP");
    assert_eq!(counter_of(&stage.group("r1", "g"), "ttl-errors"), 0);
    // `r2` is on no switch that the lab looks at but by way of the host, which sends on with a new MAC.
    let said = stage.adverts(began, 1);
    assert!(said.iter().any(|advert| R2.map(ip).contains(&advert.source)), "{said:?}");

    // A goodbye finds its way as well.
    assert!(stage.firsthop("r2", &["hand-over", "g"]).status.success());
    stage.state("r1", "g", "MASTER");
    stage.state("r2", "g", "BACKUP");
    assert!(stage.count("r1", "g", "goodbyes-received") > 0);
}

/// Who is not told that there is a router between them believes nobody beyond one.
#[test]
fn peers_beyond_a_router_are_not_believed_unless_that_is_wished() {
    let Some(mut stage) = two(255) else { return };
    for router in ["r1", "r2"] {
        stage.state(router, "g", "MASTER");
        stage.until("what comes from beyond is counted", |stage| stage.count(router, "g", "ttl-errors") > 2);
        assert_eq!(heard(&mut stage, router), 0);
    }
    rest(500);
    for router in ["r1", "r2"] {
        assert_eq!(stage.group(router, "g")["state"], "MASTER");
    }
}
