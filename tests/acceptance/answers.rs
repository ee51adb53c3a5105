//! Who answers for the virtual addresses, and with what: scenarios 1, 2, 16, 17.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use fhrp::Mac;
use firsthop::lab::Deed;

use crate::frames::{Frame, announcements, claims};
use crate::stage::{Stage, detail_of, ip, now, steadily};

const V4: &str = "10.0.10.1";
const LINK_LOCAL: &str = "fe80::10";
const V6: &str = "2001:db8:10::1";
const MAC_V4: Mac = Mac([0, 0, 0x5e, 0, 1, 10]);
const MAC_V6: Mac = Mac([0, 0, 0x5e, 0, 2, 10]);

fn both_families(priority: u8, more: &str) -> String {
    format!(
        r#"
[defaults.vrrp]
advertise-interval = "100ms"
priority = {priority}
[[interface.lan.vrrp]]
name = "v4"
id = 10
addresses = ["{V4}/24"]
{more}
[[interface.lan.vrrp]]
name = "v6"
id = 10
addresses = ["{LINK_LOCAL}/64", "{V6}/64"]
{more}
"#
    )
}

fn pair(more: &str) -> Option<Stage> {
    let mut stage = Stage::new(&[("r1", &both_families(200, more)), ("r2", &both_families(100, more))])?;
    stage.start(&["r1", "r2"]);
    for group in ["v4", "v6"] {
        stage.state("r1", group, "Active");
        stage.state("r2", group, "Backup");
    }
    Some(stage)
}

/// One answer from that router, with the virtual MAC inside and outside.
fn one_answer(stage: &Stage, router: &str, address: &str) {
    let virtual_mac = if ip(address).is_ipv4() { MAC_V4 } else { MAC_V6 };
    let asked = now();
    let answers = stage.who(address);
    let said: Vec<_> = answers.iter().map(|answer| (answer.router.as_str(), answer.mac)).collect();
    assert_eq!(said, [(router, virtual_mac)], "{address}");
    let frames = stage.frames(asked);
    for claim in claims(&frames, ip(address)) {
        assert_eq!((claim.source, claim.mac, claim.from.as_str()), (virtual_mac, virtual_mac, router));
    }
}

#[test]
fn s01_one_answer() {
    steadily(|| {
        let Some(mut stage) = pair("") else { return };
        for address in [V4, LINK_LOCAL, V6] {
            one_answer(&stage, "r1", address);
        }
        // The daemon dies, its kernel lives; the host asks all the while.
        let killed = stage.fault(Deed::Kill, Some("r1"));
        stage.until("the other speaks in both families", |stage| {
            let adverts = stage.adverts(killed, 10);
            [true, false]
                .into_iter()
                .all(|v4| adverts.iter().any(|advert| advert.router == "r2" && advert.source.is_ipv4() == v4))
        });
        for address in [V4, LINK_LOCAL, V6] {
            one_answer(&stage, "r2", address);
        }
        // And back.
        stage.start(&["r1"]);
        for group in ["v4", "v6"] {
            stage.state("r1", group, "Active");
        }
        for address in [V4, LINK_LOCAL, V6] {
            one_answer(&stage, "r1", address);
        }
    });
}

#[test]
fn s02_no_poisoning() {
    steadily(|| {
        let Some(mut stage) = pair("") else { return };
        let since = now();
        for address in [V4, V6] {
            assert!(stage.pings(address), "{address}");
            talk(&mut stage, address);
        }
        // The router itself has to ask for the host, with the virtual address as its own.
        for (address, host) in [(V4, "10.0.10.100"), (V6, "2001:db8:10::100")] {
            stage.shell("r1", "ip neigh flush dev lan; ip -6 neigh flush dev lan");
            stage.shell("r1", &format!("ping -n -c 2 -i 0.2 -W 1 -I {address} {host}"));
        }
        let frames = stage.frames(since);
        for (address, mac) in [(V4, MAC_V4), (V6, MAC_V6)] {
            for claim in claims(&frames, ip(address)) {
                assert_eq!(claim.mac, mac, "{claim:?}");
            }
            let cached = stage.cached(address);
            assert_eq!(cached.as_deref(), Some(mac.to_string().as_str()), "{address} on the host");
        }
    });
}

/// A TCP conversation with whoever has the address.
fn talk(stage: &mut Stage, address: &str) {
    let at = SocketAddr::new(ip(address), 8080);
    let listener = stage.lab.router("r1").unwrap().node().inside(|| TcpListener::bind(at)).unwrap().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"hello").unwrap();
    });
    let mut heard = String::new();
    let conversation = || {
        let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(3))?;
        stream.read_to_string(&mut heard)
    };
    stage.lab.host().inside(conversation).unwrap().unwrap();
    server.join().unwrap();
    assert_eq!(heard, "hello");
}

fn v6_with_routers(priority: u8) -> String {
    let prefixes = r#"router-advertisement = { interval = "4s", prefixes = ["2001:db8:10::/64"] }"#;
    format!(
        "[[interface.lan.vrrp]]\nname = \"v6\"\nid = 10\naddresses = [\"{LINK_LOCAL}/64\", \"{V6}/64\"]\n\
         advertise-interval = \"100ms\"\npriority = {priority}\n{prefixes}\n"
    )
}

#[test]
fn s16_ipv6() {
    steadily(|| {
        let Some(mut stage) =
            Stage::with_gateway(V6, &[("r1", &v6_with_routers(200)), ("r2", &v6_with_routers(100))])
        else {
            return;
        };
        let began = now();
        stage.start(&["r1", "r2"]);
        stage.state("r1", "v6", "Active");
        stage.state("r2", "v6", "Backup");
        stage.until("a router advertisement", |stage| {
            stage.frames(began).iter().any(|frame| frame.router_advertisement().is_some())
        });
        assert!(stage.pings(V6) && stage.pings(&format!("{LINK_LOCAL}%eth0")));
        judge_v6(&mut stage, "r1", began);

        let stopped = stage.fault(Deed::Kill, Some("r1"));
        stage.state("r2", "v6", "Active");
        stage.until("a router advertisement of the other", |stage| {
            stage
                .frames(stopped)
                .iter()
                .any(|frame| frame.from == "r2" && frame.router_advertisement().is_some())
        });
        assert!(stage.pings(V6));
        judge_v6(&mut stage, "r2", stopped);
        let frames = stage.frames(stopped);
        let left: Vec<&Frame> = frames
            .iter()
            .filter(|frame| frame.router_advertisement().is_some_and(|(_, _, lifetime)| lifetime == 0))
            .collect();
        assert!(left.is_empty(), "an advertisement with lifetime 0: the address lives on elsewhere");
    });
}

/// What the Active says, and only the Active.
fn judge_v6(stage: &mut Stage, active: &str, since: u64) {
    let frames = stage.frames(since);
    // Link-local first: it is the first address of every advertisement.
    let adverts: Vec<_> =
        frames.iter().filter_map(Frame::vrrp).filter(|(_, _, message)| message[2] > 0).collect();
    assert!(!adverts.is_empty());
    for (source, _, message) in adverts {
        let first: [u8; 16] = message[8..24].try_into().unwrap();
        assert_eq!(IpAddr::from(first), ip(LINK_LOCAL));
        assert!(matches!(source, IpAddr::V6(source) if source.is_unicast_link_local()));
    }
    for address in [LINK_LOCAL, V6] {
        let first = announcements(&frames, ip(address), active).first().cloned();
        let first = first.unwrap_or_else(|| panic!("{address} is not announced"));
        assert_eq!((first.source, first.mac), (MAC_V6, MAC_V6));
    }
    let virtual_ones = frames.iter().filter_map(Frame::neighbour_advertisement);
    for said in virtual_ones.filter(|said| [LINK_LOCAL, V6].map(ip).contains(&said.target.into())) {
        assert_eq!(said.frame.from, active);
        assert_eq!(said.solicited, !said.destination.is_multicast(), "{said:?}");
        assert!(said.router && said.overrides, "{said:?}");
        assert_eq!(said.mac, Some(MAC_V6));
        if !said.solicited {
            assert_eq!(said.source, said.target, "{said:?}");
            assert_eq!(said.frame.destination(), Mac([0x33, 0x33, 0, 0, 0, 1]));
        }
    }
    for frame in &frames {
        if let Some((source, mac, _)) = frame.router_advertisement() {
            assert_eq!(frame.from, active);
            assert_eq!((IpAddr::from(source), mac), (ip(LINK_LOCAL), Some(MAC_V6)));
        }
    }
    // Usable at once, and no address made of the virtual MAC.
    let shown = stage.shell(active, "ip -6 addr");
    assert!(!shown.contains("tentative") && !shown.contains("dadfailed"), "{shown}");
    for router in ["r1", "r2"] {
        let shown = stage.shell(router, "ip -6 addr");
        assert!(!shown.contains("5eff:fe00:"), "{shown}");
    }
}

#[test]
fn s17_accept_mode_off() {
    steadily(|| {
        let Some(mut stage) = pair("accept = false") else { return };
        for address in [V4, LINK_LOCAL, V6] {
            one_answer(&stage, "r1", address);
        }
        assert!(!stage.pings(V4) && !stage.pings(V6), "answers ping");
        // Through it: the host's route to the server goes by way of the virtual address.
        stage.shell("s", "ip route add 10.0.10.0/24 via 10.0.20.2");
        assert!(stage.pings("10.0.20.100"), "does not forward");
        for group in ["v4", "v6"] {
            let shown = stage.group("r1", group);
            assert!(detail_of(&shown, "accept-mode").starts_with("off: "), "{shown}");
        }
        let shown = stage.firsthop("r1", &["show", "--detail"]);
        assert!(String::from_utf8_lossy(&shown.stdout).contains("will not answer ping"));
    });
}
