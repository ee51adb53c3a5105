//! ARP and Neighbour Discovery, judged by etherparse, tcpdump, tshark and the kernel as a host.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use etherparse::{ArpOperation, Icmpv6Slice, NetSlice, SlicedPacket, TransportSlice};
use fhrp::announcer::ArpForm;
use fhrp::holdings::RouterAdvertisement;
use fhrp::{Datagram, Mac, Route, Solicitation};
use pcap_file::pcap::{PcapPacket, PcapWriter};
use proptest::prelude::*;

use super::wire::{LEFT, RIGHT, ip, wait_for, wait_for_words, with_wire};
use crate::net::frame;
use crate::net::neighbour::{
    Asked, arp_reply, gratuitous_arp, leave_from, neighbour_advertisement, parse_solicitation,
    router_advertisement,
};
use crate::net::socket::NeighbourSocket;

const VIRTUAL_MAC: Mac = Mac([0, 0, 0x5e, 0, 1, 10]);
const VIRTUAL_IPV6_MAC: Mac = Mac([0, 0, 0x5e, 0, 2, 10]);
const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);
const VIP6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x254);
const HOST6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x9);

fn asked(from: Option<IpAddr>, target: IpAddr) -> Solicitation {
    Solicitation { from_mac: LEFT, from, target, to_mac: Mac::BROADCAST }
}

fn advertisement() -> RouterAdvertisement {
    RouterAdvertisement {
        source: VIP6,
        mac: Some(VIRTUAL_IPV6_MAC),
        lifetime: Duration::from_secs(1800),
        interval: Duration::from_secs(600),
        managed: false,
        other: true,
        prefixes: ["2001:db8:1::1/64", "10.0.0.1/24", "2001:db8:2:8000::/50"]
            .map(|prefix| prefix.parse().unwrap())
            .to_vec(),
    }
}

/// A neighbour or router solicitation with these options, as a host would send it.
fn solicitation(kind: u8, source: Ipv6Addr, destination: Ipv6Addr, rest: &[u8]) -> Vec<u8> {
    let mut payload = [&[kind, 0, 0, 0, 0, 0, 0, 0], rest].concat();
    let length = u32::try_from(payload.len()).unwrap();
    let sum = fhrp::checksum::Sum::new().over_pseudo_header(source.into(), destination.into(), 58, length);
    let sum = sum.over(&payload).checksum();
    payload[2..4].copy_from_slice(&sum.to_be_bytes());
    let datagram = Datagram {
        route: Route::Routed,
        source: source.into(),
        destination: destination.into(),
        hop_limit: 255,
        traffic_class: 0,
        identification: 0,
        dont_fragment: false,
        protocol: 58,
        ports: None,
        payload,
    };
    let mut out = Vec::new();
    frame::write(&datagram, LEFT, Mac([0x33, 0x33, 0xff, 0, 2, 0x54]), &mut out).unwrap();
    out
}

fn neighbour_solicitation(source: Ipv6Addr, options: &[u8]) -> Vec<u8> {
    let group = fhrp::address::solicited_node(VIP6);
    solicitation(135, source, group, &[&VIP6.octets()[..], options].concat())
}

#[test]
fn arp_frames_say_what_they_should() {
    let read = |frame: &[u8]| {
        let sliced = SlicedPacket::from_ethernet(frame).unwrap();
        let Some(NetSlice::Arp(arp)) = sliced.net else { panic!("no ARP") };
        (Mac(frame[6..12].try_into().unwrap()), Mac(frame[..6].try_into().unwrap()), arp.to_packet())
    };
    let host = IpAddr::from([10, 0, 0, 9]);
    let (from, to, arp) = read(&arp_reply(VIRTUAL_MAC, VIP, &asked(Some(host), VIP.into())));
    assert_eq!((from, to, arp.operation), (VIRTUAL_MAC, LEFT, ArpOperation::REPLY));
    assert_eq!((arp.sender_hw_addr(), arp.sender_protocol_addr()), (&VIRTUAL_MAC.0[..], &VIP.octets()[..]));
    assert_eq!((arp.target_hw_addr(), arp.target_protocol_addr()), (&LEFT.0[..], &[10, 0, 0, 9][..]));

    let mut elsewhere = arp_reply(VIRTUAL_MAC, VIP, &asked(Some(host), VIP.into()));
    leave_from(RIGHT, &mut elsewhere);
    let (from, to, same) = read(&elsewhere);
    assert_eq!((from, to, same), (RIGHT, LEFT, arp), "from another station, and otherwise the same");

    let both: Vec<_> = gratuitous_arp(VIRTUAL_MAC, VIP, ArpForm::Both).collect();
    for (frame, operation) in both.iter().zip([ArpOperation::REQUEST, ArpOperation::REPLY]) {
        let (from, to, arp) = read(frame);
        assert_eq!((from, to, arp.operation), (VIRTUAL_MAC, Mac::BROADCAST, operation));
        assert_eq!(arp.target_hw_addr(), &[0xff; 6]);
        assert_eq!(
            (arp.sender_protocol_addr(), arp.target_protocol_addr()),
            (&VIP.octets()[..], &VIP.octets()[..])
        );
    }
    assert_eq!(both.len(), 2);
    assert_eq!(gratuitous_arp(VIRTUAL_MAC, VIP, ArpForm::Reply).count(), 1);
}

#[test]
fn questions_are_read() {
    let host = IpAddr::from([10, 0, 0, 9]);
    let mut request = arp_reply(LEFT, Ipv4Addr::new(10, 0, 0, 9), &asked(Some(VIP.into()), host));
    assert_eq!(parse_solicitation(&request), None);
    request[21] = 1;
    let to_us = |from| Some(Asked::Arp(Solicitation { to_mac: VIRTUAL_MAC, ..asked(from, VIP.into()) }));
    request[..6].copy_from_slice(&VIRTUAL_MAC.0);
    assert_eq!(parse_solicitation(&request), to_us(Some(host)));
    let announced = gratuitous_arp(VIRTUAL_MAC, VIP, ArpForm::Request).next().unwrap();
    assert_eq!(parse_solicitation(&announced), None);
    request[28..32].fill(0);
    assert_eq!(parse_solicitation(&request), to_us(None));
    request[22] = 1;
    assert_eq!(parse_solicitation(&request), None);

    let destination = fhrp::address::solicited_node(VIP6);
    let source_option = [&[1, 1][..], &RIGHT.0].concat();
    let neighbour = |from: Option<Ipv6Addr>, from_mac| {
        let to_mac = Mac::of_multicast(destination.into()).unwrap();
        let solicitation = Solicitation { from_mac, to_mac, ..asked(from.map(IpAddr::V6), VIP6.into()) };
        Some(Asked::Neighbour { solicitation, destination })
    };
    let read = |source, options: &[u8]| parse_solicitation(&neighbour_solicitation(source, options));
    assert_eq!(read(HOST6, &source_option), neighbour(Some(HOST6), RIGHT));
    assert_eq!(read(HOST6, &[]), neighbour(Some(HOST6), LEFT));
    assert_eq!(read(Ipv6Addr::UNSPECIFIED, &[]), neighbour(None, LEFT));
    // A nonce (RFC 7527) is passed over.
    assert_eq!(read(Ipv6Addr::UNSPECIFIED, &[14, 1, 1, 2, 3, 4, 5, 6]), neighbour(None, LEFT));

    let router = solicitation(133, HOST6, "ff02::2".parse().unwrap(), &source_option);
    assert_eq!(parse_solicitation(&router), Some(Asked::Router { from_mac: RIGHT, from: Some(HOST6) }));
}

#[test]
fn questions_that_break_a_rule_are_not_believed() {
    let source_option = [&[1, 1][..], &RIGHT.0].concat();
    let group = fhrp::address::solicited_node(VIP6);
    let wrong_checksum = {
        let mut frame = neighbour_solicitation(HOST6, &[]);
        frame[56] ^= 1;
        frame
    };
    let forwarded = {
        let mut frame = neighbour_solicitation(HOST6, &[]);
        frame[21] = 254;
        frame
    };
    let none = Ipv6Addr::UNSPECIFIED;
    for frame in [
        wrong_checksum,
        forwarded,
        neighbour_solicitation(none, &source_option),
        neighbour_solicitation(HOST6, &[1, 0, 0, 0, 0, 0, 0, 0]),
        neighbour_solicitation(HOST6, &[1, 2, 0, 0, 0, 0, 0, 0]),
        neighbour_solicitation(HOST6, &[1]),
        solicitation(135, none, VIP6, &VIP6.octets()),
        solicitation(135, HOST6, group, &group.octets()),
        solicitation(135, HOST6, group, &VIP6.octets()[..15]),
        solicitation(136, HOST6, group, &VIP6.octets()),
    ] {
        assert_eq!(parse_solicitation(&frame), None, "{frame:02x?}");
    }
}

#[test]
fn advertisements_say_what_they_should() {
    let read = |frame: &[u8]| {
        let sliced = SlicedPacket::from_ethernet(frame).unwrap();
        let Some(NetSlice::Ipv6(ip)) = sliced.net else { panic!("no IPv6") };
        let header = ip.header();
        let Some(TransportSlice::Icmpv6(icmp)) = sliced.transport else { panic!("no ICMPv6") };
        assert!(icmp.is_checksum_valid(header.source(), header.destination()));
        assert_eq!((header.hop_limit(), header.source_addr()), (255, VIP6));
        (header.destination_addr(), Icmpv6Slice::slice(&icmp).to_vec())
    };
    let all_nodes: Ipv6Addr = "ff02::1".parse().unwrap();
    let to_host = asked(Some(HOST6.into()), VIP6.into());
    let probe = asked(None, VIP6.into());
    for (router, to, destination, destination_mac, flags) in [
        (true, None, all_nodes, Mac([0x33, 0x33, 0, 0, 0, 1]), 0xa0),
        (false, None, all_nodes, Mac([0x33, 0x33, 0, 0, 0, 1]), 0x20),
        (true, Some(&to_host), HOST6, LEFT, 0xe0),
        (true, Some(&probe), all_nodes, Mac([0x33, 0x33, 0, 0, 0, 1]), 0xa0),
    ] {
        let frame = neighbour_advertisement(VIRTUAL_IPV6_MAC, VIP6, router, to);
        let (sent_to, message) = read(&frame);
        assert_eq!((sent_to, message[4]), (destination, flags));
        assert_eq!((&frame[..6], &frame[6..12]), (&destination_mac.0[..], &VIRTUAL_IPV6_MAC.0[..]));
        assert_eq!(message[8..24], VIP6.octets());
        assert_eq!(message[24..], [2, 1, 0, 0, 0x5e, 0, 2, 10]);
    }

    let (sent_to, message) = read(&router_advertisement(&advertisement(), RIGHT, Some((LEFT, HOST6))));
    assert_eq!((sent_to, message.len()), (HOST6, 16 + 8 + 2 * 32));
    assert_eq!(message[4..8], [64, 0x40, 7, 8]);
    assert_eq!(message[24..28], [3, 4, 64, 0xc0]);
    assert_eq!(message[40..56], "2001:db8:1::".parse::<Ipv6Addr>().unwrap().octets());
    assert_eq!(message[56..60], [3, 4, 50, 0x80]);
    let many = RouterAdvertisement {
        prefixes: vec!["2001:db8::/64".parse().unwrap(); 500],
        lifetime: Duration::from_secs(1 << 40),
        ..advertisement()
    };
    let (sent_to, message) = read(&router_advertisement(&many, RIGHT, None));
    assert_eq!((sent_to, &message[6..8]), (all_nodes, &[0xff, 0xff][..]));
    assert!(40 + message.len() <= 1280);
}

proptest! {
    #[test]
    fn no_question_makes_it_panic(
        noise in prop::collection::vec((0..94_usize, any::<u8>()), 0..6),
        keep in 0..94_usize,
        garbage in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut frame = neighbour_solicitation(HOST6, &[1, 1, 2, 0, 0, 0, 0, 9]);
        for (position, value) in noise {
            if let Some(octet) = frame.get_mut(position) {
                *octet = value;
            }
        }
        let _any = parse_solicitation(&frame);
        let _any = parse_solicitation(&frame[..keep.min(frame.len())]);
        let _any = parse_solicitation(&garbage);
    }
}

#[test]
fn other_peoples_tools_find_nothing_wrong() {
    let good = every_kind_of_frame();
    let mut bad = good[3].clone();
    bad[60] ^= 1;
    for judge in [judged_by_tcpdump, judged_by_tshark] {
        let Some(verdict) = judge(&good) else { continue };
        assert_eq!(verdict, "", "of good frames");
        assert_ne!(judge(std::slice::from_ref(&bad)).as_deref(), Some(""), "of a bad one");
    }
}

/// The lines with a complaint; `None` without the tool.
fn judged_by_tcpdump(frames: &[Vec<u8>]) -> Option<String> {
    let text = output_of("tcpdump", &["-nevvr"], frames)?;
    let complaints = ["bad", "wrong", "incorrect", "invalid", "[|", "truncated"];
    let complains = |line: &&str| complaints.iter().any(|complaint| line.contains(complaint));
    Some(text.lines().filter(complains).collect())
}

/// The lines with a malformed frame, or an expert's warning or error; `None` without the tool.
fn judged_by_tshark(frames: &[Vec<u8>]) -> Option<String> {
    const WARNING: u32 = 0x60_0000;
    let verify = ["-oip.check_checksum:TRUE", "-oudp.check_checksum:TRUE"];
    let fields = ["-Tfields", "-e_ws.malformed", "-e_ws.expert.severity", "-e_ws.expert.message", "-r"];
    let text = output_of("tshark", &[&verify[..], &fields].concat(), frames)?;
    let complains = |line: &&str| {
        let (malformed, rest) = line.split_once('\t').unwrap();
        let severities = rest.split('\t').next().unwrap().split(',');
        !malformed.is_empty()
            || severities
                .filter_map(|severity| severity.parse::<u32>().ok())
                .any(|severity| severity >= WARNING)
    };
    Some(text.lines().filter(complains).collect())
}

fn output_of(tool: &str, arguments: &[&str], frames: &[Vec<u8>]) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let capture = directory.path().join("frames.pcap");
    let mut writer = PcapWriter::new(std::fs::File::create(&capture).unwrap()).unwrap();
    for (count, frame) in frames.iter().enumerate() {
        let length = u32::try_from(frame.len()).unwrap();
        let at = Duration::from_secs(1_700_000_000 + u64::try_from(count).unwrap());
        writer.write_packet(&PcapPacket::new(at, length, frame)).unwrap();
    }
    drop(writer.into_writer());
    match Command::new(tool).args(arguments).arg(&capture).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("skipped: {tool} is not installed");
            None
        }
        result => {
            let output = result.unwrap();
            assert!(output.status.success(), "{output:?}");
            assert!(!output.stdout.is_empty());
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
    }
}

fn every_kind_of_frame() -> Vec<Vec<u8>> {
    let host = IpAddr::from([10, 0, 0, 9]);
    let mut frames = vec![
        arp_reply(VIRTUAL_MAC, VIP, &asked(Some(host), VIP.into())).to_vec(),
        arp_reply(VIRTUAL_MAC, VIP, &asked(None, VIP.into())).to_vec(),
        neighbour_advertisement(VIRTUAL_IPV6_MAC, VIP6, true, None).to_vec(),
        neighbour_advertisement(VIRTUAL_IPV6_MAC, VIP6, true, Some(&asked(Some(HOST6.into()), VIP6.into())))
            .to_vec(),
        neighbour_advertisement(VIRTUAL_IPV6_MAC, VIP6, false, Some(&asked(None, VIP6.into()))).to_vec(),
        router_advertisement(&advertisement(), RIGHT, None),
        router_advertisement(&advertisement(), RIGHT, Some((LEFT, HOST6))),
    ];
    frames.extend(gratuitous_arp(VIRTUAL_MAC, VIP, ArpForm::Both).map(|frame| frame.to_vec()));
    for (source, destination) in [(IpAddr::V4(VIP), host), (VIP6.into(), HOST6.into())] {
        let datagram = Datagram {
            route: Route::Routed,
            source,
            destination,
            hop_limit: 255,
            traffic_class: 0xc0,
            identification: 1,
            dont_fragment: false,
            protocol: 17,
            ports: Some((40_000, 40_000)),
            payload: b"odd".to_vec(),
        };
        let mut frame = Vec::new();
        frame::write(&datagram, VIRTUAL_MAC, LEFT, &mut frame).unwrap();
        frames.push(frame);
    }
    frames
}

/// The kernel is the host on the left; the right end answers for the virtual router.
#[test]
fn a_linux_host_believes_the_answers_and_the_announcements() {
    with_wire(|wire| {
        ip("address add 10.0.0.9/24 dev left");
        ip("-6 address add fe80::9/64 dev left nodad");
        // The kernel believes no answer to an address before it has made a route for it, in its own time.
        wait_for_words(&["-6", "route", "show", "table", "local"], &["fe80::9"]);
        let mut router = NeighbourSocket::open(wire.right).unwrap();
        router.set_targets([VIP6]).unwrap();
        router.listen(true).unwrap();

        UdpSocket::bind("10.0.0.9:0").unwrap().send_to(b"hello", (VIP, 9)).unwrap();
        let Asked::Arp(question) = next_about(&router, VIP.into()) else { panic!("no ARP") };
        router.send(&arp_reply(VIRTUAL_MAC, VIP, &question)).unwrap();
        assert_knows("-4", "10.0.0.254", VIRTUAL_MAC, "");

        let to = std::net::SocketAddrV6::new(VIP6, 9, 0, wire.left);
        UdpSocket::bind("[::]:0").unwrap().send_to(b"hello", to).unwrap();
        let Asked::Neighbour { solicitation, .. } = next_about(&router, VIP6.into()) else {
            panic!("no neighbour solicitation")
        };
        let answer = neighbour_advertisement(VIRTUAL_IPV6_MAC, VIP6, true, Some(&solicitation));
        router.send(&answer).unwrap();
        assert_knows("-6", "fe80::254", VIRTUAL_IPV6_MAC, "router");

        let moved = Mac([2, 0, 0, 0, 0, 0x77]);
        for frame in gratuitous_arp(moved, VIP, ArpForm::Request) {
            router.send(&frame).unwrap();
        }
        router.send(&neighbour_advertisement(moved, VIP6, true, None)).unwrap();
        assert_knows("-4", "10.0.0.254", moved, "");
        assert_knows("-6", "fe80::254", moved, "router");
    });
}

/// The next question about this address; the kernel has others to ask meanwhile.
fn next_about(router: &NeighbourSocket, address: IpAddr) -> Asked {
    let mut buffer = [0; 2048];
    loop {
        wait_for(router);
        let raw = router.receive(&mut buffer).unwrap().unwrap();
        match parse_solicitation(raw.bytes) {
            Some(asked @ (Asked::Arp(question) | Asked::Neighbour { solicitation: question, .. }))
                if question.target == address =>
            {
                return asked;
            }
            _ => {}
        }
    }
}

/// The kernel takes a moment to read what is on the wire.
fn assert_knows(family: &str, address: &str, mac: Mac, flag: &str) {
    wait_for_words(&[family, "neighbour", "show", address, "dev", "left"], &[&mac.to_string(), flag]);
}
