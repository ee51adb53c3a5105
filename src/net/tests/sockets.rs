//! The sockets, on real interfaces.

use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};
use std::process::Command;

use fhrp::contract::Ear;
use fhrp::{Datagram, Family, Instant, Mac, Route};

use super::wire::{LEFT, RIGHT, hear, ip, wait_for, wait_until_up, with_wire};
use crate::net::clock::Clock;
use crate::net::frame::{self, Unreadable};
use crate::net::membership::Membership;
use crate::net::port::Ports;
use crate::net::routed::{RoutedSocket, source_towards};
use crate::net::socket::{LinkSocket, PacketKind, StationFilter};

fn advertisement(source: &str, destination: &str) -> Datagram {
    Datagram {
        route: Route::Routed,
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        hop_limit: 255,
        traffic_class: 0xc0,
        identification: 7,
        dont_fragment: false,
        protocol: 112,
        ports: None,
        payload: b"advertisement".to_vec(),
    }
}

fn framed(datagram: &Datagram, destination_mac: Mac) -> Vec<u8> {
    let mut frame = Vec::new();
    frame::write(datagram, LEFT, destination_mac, &mut frame).unwrap();
    frame
}

fn vrrp() -> [Ear; 2] {
    ["224.0.0.18", "ff02::12"].map(|group| Ear {
        ip_protocol: 112,
        udp_port: None,
        multicast: group.parse().unwrap(),
    })
}

#[test]
fn a_frame_comes_with_its_time_and_kind() {
    with_wire(|wire| {
        let sender = LinkSocket::open_mute(wire.left).unwrap();
        let ear = LinkSocket::open(wire.right, &vrrp()).unwrap();
        let multicast = Mac([1, 0, 0x5e, 0, 0, 0x12]);
        let datagram = advertisement("10.0.0.1", "224.0.0.18");
        let before = Clock::wall();
        for (mac, kind) in [
            (RIGHT, PacketKind::Host),
            (Mac::BROADCAST, PacketKind::Broadcast),
            (multicast, PacketKind::Multicast),
            (Mac([0, 0, 0x5e, 0, 1, 1]), PacketKind::OtherHost),
        ] {
            sender.send(&framed(&datagram, mac)).unwrap();
            assert_eq!(hear(&ear).1, kind);
        }
        sender.send(&framed(&datagram, multicast)).unwrap();
        let mut buffer = [0; 40];
        let raw = ear.receive(&mut buffer).unwrap().unwrap();
        let stamp = raw.kernel_time.unwrap();
        assert!(before <= stamp && stamp <= Clock::wall(), "{before:?} {stamp:?}");
        assert!(raw.truncated);
        assert_eq!(raw.bytes.len(), 40);
        assert_eq!(ear.drops().unwrap(), 0);
    });
}

#[test]
fn the_interface_listens_to_the_groups_and_stations_as_long_as_the_sockets_live() {
    with_wire(|wire| {
        let listens = |mac: &str| {
            let output = Command::new("ip").args(["maddress", "show", "dev", "right"]).output().unwrap();
            String::from_utf8(output.stdout).unwrap().contains(mac)
        };
        let [ipv4, ipv6] = vrrp();
        let mut ear = LinkSocket::open(wire.right, &[ipv4, ipv6]).unwrap();
        assert!(listens("01:00:5e:00:00:12") && listens("33:33:00:00:00:12"));
        ear.set_ears(&[ipv6]).unwrap();
        assert!(!listens("01:00:5e:00:00:12") && listens("33:33:00:00:00:12"));
        drop(ear);
        assert!(!listens("33:33:00:00:00:12"));

        let mut stations = StationFilter::open(wire.right).unwrap();
        let one = Mac([0, 0, 0x5e, 0, 1, 1]);
        stations.set(&BTreeSet::from([one, Mac([0, 0, 0x5e, 0, 1, 2])])).unwrap();
        stations.set(&BTreeSet::from([one])).unwrap();
        ip("link delete left");
        stations.set(&BTreeSet::new()).unwrap();
    });
}

#[test]
fn an_interface_that_was_down_is_no_error_afterwards() {
    with_wire(|wire| {
        let sender = LinkSocket::open_mute(wire.left).unwrap();
        let ear = LinkSocket::open(wire.right, &vrrp()).unwrap();
        let frame = framed(&advertisement("10.0.0.1", "224.0.0.18"), Mac([1, 0, 0x5e, 0, 0, 0x12]));
        sender.send(&frame).unwrap();
        ip("link set right down");
        ip("link set left down");
        assert_eq!(hear(&ear).0, frame);
        assert!(ear.receive(&mut [0; 2048]).unwrap().is_none());
        assert!(sender.send(&frame).is_err());
        ip("link set right up");
        ip("link set left up");
        wait_until_up();
        sender.send(&frame).unwrap();
        assert_eq!(hear(&ear).0, frame);
    });
}

#[test]
fn a_udp_checksum_left_to_the_card_is_not_taken_for_wrong() {
    with_wire(|wire| {
        ip("address add 10.0.0.1/24 dev left");
        ip("neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev left");
        let hsrp = Ear { ip_protocol: 17, udp_port: Some(1985), multicast: "224.0.0.2".parse().unwrap() };
        let ear = LinkSocket::open(wire.right, &[hsrp]).unwrap();
        UdpSocket::bind("10.0.0.1:1985").unwrap().send_to(b"hello", "10.0.0.2:1985").unwrap();
        wait_for(&ear);
        let mut buffer = [0; 2048];
        let raw = ear.receive(&mut buffer).unwrap().unwrap();
        assert!(raw.checksum_pending, "the kernel did compute it: this test shows nothing");
        let received = frame::parse_raw(&raw, Instant::ZERO).unwrap();
        assert_eq!((received.ports, received.payload), (Some((1985, 1985)), &b"hello"[..]));
        assert_eq!(frame::parse(raw.bytes, Instant::ZERO).unwrap_err(), Unreadable::UdpChecksum);
    });
}

#[test]
fn routed_datagrams_keep_their_headers() {
    with_wire(|wire| {
        ip("address add 10.0.0.1/24 dev left");
        ip("neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev left");
        ip("route add 192.0.2.0/24 via 10.0.0.2");
        ip("-6 address add fe80::1/64 dev left nodad");
        ip("-6 neighbour add fe80::2 lladdr 02:00:00:00:00:02 dev left");
        let ear = LinkSocket::open(wire.right, &vrrp()).unwrap();
        let mut scratch = Vec::new();

        let ipv4 = RoutedSocket::open(Family::Ipv4, &[51]).unwrap();
        let far = advertisement("10.0.0.1", "192.0.2.7");
        ipv4.send(&far, None, &mut scratch).unwrap();
        assert_eq!(hear(&ear), (framed(&far, RIGHT), PacketKind::Host));
        let on_link = advertisement("10.0.0.1", "10.0.0.2");
        ipv4.send(&on_link, Some(wire.left), &mut scratch).unwrap();
        assert_eq!(hear(&ear).0, framed(&on_link, RIGHT));
        assert!(ipv4.send(&advertisement("10.0.0.1", "198.51.100.1"), None, &mut scratch).is_err());

        let ipv6 = RoutedSocket::open(Family::Ipv6, &[]).unwrap();
        let beside = advertisement("fe80::1", "fe80::2");
        ipv6.send(&beside, Some(wire.left), &mut scratch).unwrap();
        assert_eq!(hear(&ear).0, framed(&beside, RIGHT));
        assert!(ipv6.send(&on_link, None, &mut scratch).is_err());

        let to = |peer: &str| source_towards(peer.parse().unwrap());
        assert_eq!(to("192.0.2.7"), Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(to("198.51.100.1"), None);
    });
}

/// The kernel tells a peer whose protocol nobody here speaks; not while a socket for it exists.
#[test]
fn a_routed_socket_keeps_the_kernel_from_refusing_its_protocols() {
    with_wire(|wire| {
        ip("address add 10.0.0.2/24 dev right");
        ip("neighbour add 10.0.0.9 lladdr 02:00:00:00:00:01 dev right");
        let peer = LinkSocket::open(
            wire.left,
            &[Ear { ip_protocol: 1, udp_port: None, multicast: "224.0.0.18".parse().unwrap() }],
        )
        .unwrap();
        // An ICMP error quotes the packet it is about: the protocol is in its IP header.
        let refused = |protocols: &[u8]| {
            for protocol in protocols {
                let datagram = Datagram { protocol: *protocol, ..advertisement("10.0.0.9", "10.0.0.2") };
                peer.send(&framed(&datagram, RIGHT)).unwrap();
            }
            let (frame, _) = hear(&peer);
            assert_eq!(frame[34..36], [3, 2], "destination unreachable: protocol unreachable");
            frame[42 + 9]
        };
        assert_eq!(refused(&[112]), 112);
        let _socket = RoutedSocket::open(Family::Ipv4, &[51]).unwrap();
        assert_eq!(refused(&[112, 51, 113]), 113);
    });
}

/// The same for a port that only a packet socket listens to: GLBP's requests come to one router.
#[test]
fn a_port_that_is_spoken_for_is_not_refused() {
    with_wire(|wire| {
        ip("address add 10.0.0.2/24 dev right");
        ip("neighbour add 10.0.0.9 lladdr 02:00:00:00:00:01 dev right");
        let icmp = Ear { ip_protocol: 1, udp_port: None, multicast: "224.0.0.18".parse().unwrap() };
        let peer = LinkSocket::open(wire.left, &[icmp]).unwrap();
        // An ICMP error quotes the packet it is about: the port is behind its IP header.
        let refused = |ports: &[u16]| {
            for port in ports {
                let ports = Some((3222, *port));
                let datagram = Datagram { protocol: 17, ports, ..advertisement("10.0.0.9", "10.0.0.2") };
                peer.send(&framed(&datagram, RIGHT)).unwrap();
            }
            let (frame, _) = hear(&peer);
            assert_eq!(frame[34..36], [3, 3], "destination unreachable: port unreachable");
            u16::from_be_bytes([frame[64], frame[65]])
        };
        let ear =
            |port| Ear { ip_protocol: 17, udp_port: Some(port), multicast: "224.0.0.102".parse().unwrap() };
        assert_eq!(refused(&[3222]), 3222);
        let mut ports = Ports::default();
        ports.set("right", &[ear(3222), ear(1985), icmp]).unwrap();
        assert_eq!(refused(&[3222, 1985, 3223]), 3223);
        let mut others = Ports::default();
        others.set("right", &[ear(3222)]).unwrap();
        ports.set("right", &[ear(1985)]).unwrap();
        assert_eq!(refused(&[1985, 3222]), 3222, "another one's was in the way, and it has it no more");
    });
}

#[test]
fn groups_are_joined_beyond_what_one_socket_may_have() {
    with_wire(|wire| {
        ip("address add 10.0.0.1/24 dev left");
        let joined = |prefix: &str| {
            let output = Command::new("ip").args(["-oneline", "maddress", "show", "dev", "left"]).output();
            let text = String::from_utf8(output.unwrap().stdout).unwrap();
            text.lines().filter(|line| line.contains(prefix)).count()
        };
        let counts = || (joined("inet  239.1.2."), joined("inet6 ff02::1:ff01:"));
        let mut membership = Membership::new();
        let ipv4: Vec<IpAddr> = (1..=50).map(|last| IpAddr::from([239, 1, 2, last])).collect();
        let ipv6 = (1..=2000_u16).map(|last| IpAddr::from([0xff02, 0, 0, 0, 0, 1, 0xff01, last]));
        let all: Vec<IpAddr> = ipv4.into_iter().chain(ipv6).collect();
        for group in &all {
            membership.join(wire.left, *group).unwrap();
        }
        membership.join(wire.left, all[0]).unwrap();
        assert_eq!(membership.len(), 2050);
        assert_eq!(counts(), (50, 2000));
        membership.leave(wire.left, all[0]).unwrap();
        assert_eq!(membership.len(), 2050);
        for group in &all {
            membership.leave(wire.left, *group).unwrap();
        }
        assert_eq!(counts(), (0, 0));

        membership.join(wire.left, all[0]).unwrap();
        ip("link delete left");
        membership.forget(wire.left);
        assert!(membership.is_empty());
        assert!(membership.join(wire.left, all[0]).is_err());
    });
}
