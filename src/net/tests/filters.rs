//! The filters, run by the kernel over real frames. The last frame of every list is one that is let through.

use std::net::IpAddr;

use fhrp::contract::Ear;
use fhrp::{Datagram, Mac, Route, Solicitation};

use super::wire::{LEFT, RIGHT, Wire, heard_of, with_wire};
use crate::net::frame;
use crate::net::neighbour;
use crate::net::socket::{LinkSocket, NeighbourSocket};

const VRRP_IPV4: Ear = ear(112, None, "224.0.0.18");
const AH_IPV4: Ear = ear(51, None, "224.0.0.18");
const VRRP_IPV6: Ear = ear(112, None, "ff02::12");
const HSRP_IPV4: Ear = ear(17, Some(1985), "224.0.0.2");
const HSRP_IPV6: Ear = ear(17, Some(2029), "ff02::66");

const fn ear(ip_protocol: u8, udp_port: Option<u16>, group: &str) -> Ear {
    // `parse` is not const: the groups are told apart by their families alone here.
    let multicast = match group.as_bytes() {
        b"224.0.0.18" => IpAddr::V4(std::net::Ipv4Addr::new(224, 0, 0, 18)),
        b"224.0.0.2" => IpAddr::V4(std::net::Ipv4Addr::new(224, 0, 0, 2)),
        b"ff02::12" => IpAddr::V6(std::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
        _ => IpAddr::V6(std::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x66)),
    };
    Ear { ip_protocol, udp_port, multicast }
}

/// A datagram of an ear's kind, to its group.
fn said(ear: Ear) -> Vec<u8> {
    let source = if ear.multicast.is_ipv4() { "10.0.0.1" } else { "fe80::1" };
    let destination_mac = Mac::of_multicast(ear.multicast).unwrap();
    let datagram = Datagram {
        route: Route::Link { source_mac: LEFT, destination_mac },
        source: source.parse().unwrap(),
        destination: ear.multicast,
        hop_limit: 255,
        traffic_class: 0xc0,
        identification: 7,
        dont_fragment: false,
        protocol: ear.ip_protocol,
        ports: ear.udp_port.map(|port| (port, port)),
        payload: b"advertisement".to_vec(),
    };
    let mut frame = Vec::new();
    frame::write(&datagram, LEFT, destination_mac, &mut frame).unwrap();
    frame
}

fn with(mut frame: Vec<u8>, changes: &[(usize, u8)]) -> Vec<u8> {
    for (position, value) in changes {
        frame[*position] = *value;
    }
    frame
}

fn tagged(frame: &[u8], vlan: u8) -> Vec<u8> {
    [&frame[..12], &[0x81, 0, 0, vlan], &frame[12..]].concat()
}

fn heard_by(wire: &Wire, ears: &[Ear], frames: &[Vec<u8>]) -> Vec<usize> {
    let ear = LinkSocket::open(wire.right, ears).unwrap();
    heard_of(&LinkSocket::open_mute(wire.left).unwrap(), &ear, frames)
}

#[test]
fn each_ear_hears_its_own_kind() {
    with_wire(|wire| {
        let all = [VRRP_IPV4, AH_IPV4, VRRP_IPV6, HSRP_IPV4, HSRP_IPV6];
        let frames = all.map(said);
        assert_eq!(heard_by(wire, &all, &frames), [0, 1, 2, 3, 4]);
        for (position, ear) in all.into_iter().enumerate() {
            let mut frames = frames.to_vec();
            frames.push(said(ear));
            // The same frame twice: it is found at its first position, then at its first position again.
            frames.last_mut().unwrap().push(0);
            assert_eq!(heard_by(wire, &[ear], &frames), [position, 5], "{ear:?}");
        }
    });
}

#[test]
fn other_ports_options_and_fragments() {
    with_wire(|wire| {
        let hello = said(HSRP_IPV4);
        let options = [&hello[..34], &[1, 1, 1, 1], &hello[34..]].concat();
        let frames = [
            with(hello.clone(), &[(36, 0), (37, 53)]),
            with(hello.clone(), &[(20, 0x00), (21, 0x01)]),
            with(options, &[(14, 0x46)]),
            with(said(HSRP_IPV6), &[(56, 0), (57, 53)]),
            hello,
        ];
        assert_eq!(heard_by(wire, &[HSRP_IPV4, HSRP_IPV6], &frames), [2, 4]);
    });
}

#[test]
fn a_vlan_is_not_the_interface_below_it() {
    with_wire(|wire| {
        let frame = said(VRRP_IPV4);
        let double = tagged(&tagged(&frame, 10), 20);
        let ear = LinkSocket::open(wire.right, &[VRRP_IPV4]).unwrap();
        let sender = LinkSocket::open_mute(wire.left).unwrap();
        assert_eq!(heard_of(&sender, &ear, &[tagged(&frame, 10), double, frame.clone()]), [2]);
        // VLAN 0 is a priority, no VLAN: the frame is ours, and comes without its tag.
        sender.send(&tagged(&frame, 0)).unwrap();
        assert_eq!(super::wire::hear(&ear).0, frame);
    });
}

#[test]
fn one_hears_neither_oneself_nor_anything_without_ears() {
    with_wire(|wire| {
        let mut deaf = LinkSocket::open(wire.right, &[]).unwrap();
        let sender = LinkSocket::open(wire.left, &[VRRP_IPV4]).unwrap();
        sender.send(&said(VRRP_IPV4)).unwrap();
        assert!(deaf.receive(&mut [0; 2048]).unwrap().is_none());
        assert!(sender.receive(&mut [0; 2048]).unwrap().is_none());
        deaf.set_ears(&[VRRP_IPV6]).unwrap();
        assert_eq!(heard_of(&sender, &deaf, &[said(VRRP_IPV4), said(VRRP_IPV6)]), [1]);
    });
}

#[test]
fn questions_are_heard_only_while_listening() {
    with_wire(|wire| {
        let asker = Solicitation {
            from_mac: LEFT,
            from: Some("10.0.0.9".parse().unwrap()),
            target: "10.0.0.1".parse().unwrap(),
            to_mac: Mac::BROADCAST,
        };
        let reply = neighbour::arp_reply(RIGHT, "10.0.0.1".parse().unwrap(), &asker).to_vec();
        let request = with(reply.clone(), &[(21, 1)]);
        let advertisement =
            neighbour::neighbour_advertisement(LEFT, "fe80::1".parse().unwrap(), true, None).to_vec();
        let solicitation = with(advertisement.clone(), &[(54, 135)]);
        let router_solicitation = with(advertisement.clone(), &[(54, 133)]);
        let frames = [
            said(VRRP_IPV4),
            reply,
            advertisement,
            tagged(&request, 10),
            tagged(&solicitation, 10),
            router_solicitation,
            solicitation,
            request,
        ];
        let sender = LinkSocket::open_mute(wire.left).unwrap();
        let mut ear = NeighbourSocket::open(wire.right).unwrap();
        for frame in &frames {
            sender.send(frame).unwrap();
        }
        assert!(ear.receive(&mut [0; 2048]).unwrap().is_none());
        ear.listen(true).unwrap();
        assert_eq!(heard_of(&sender, &ear, &frames), [5, 6, 7]);
        ear.listen(false).unwrap();
        sender.send(&frames[7]).unwrap();
        assert!(ear.receive(&mut [0; 2048]).unwrap().is_none());
    });
}
