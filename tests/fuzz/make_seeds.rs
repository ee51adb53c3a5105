//! Makes the seeds that are not of a capture: `cargo test --test fuzz -- --ignored` writes them.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use fhrp::{Mac, Secret};
use firsthop::capture::{Direction, Writer};
use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::targets::choice;

const OWNER: Mac = Mac([2, 0, 0, 0, 0, 1]);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Writes every seed below `directory`.
pub fn write(directory: &Path) {
    let save = |target: &str, name: &str, octets: Vec<u8>| {
        let directory = directory.join(target);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(name), octets).unwrap();
    };
    for (name, octets) in carp() {
        save("carp_parse", name, octets);
    }
    for (name, octets) in hsrp() {
        save("hsrp_parse", name, octets);
    }
    for (name, octets) in glbp() {
        save("glbp_parse", name, octets);
    }
    let capture = capture();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&capture).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = compress_to_vec(&capture[..], CompressionLevel::Fastest);
    for target in ["capture_read", "capture_decode", "capture_story"] {
        save(target, "everything.pcapng", capture.clone());
        save(target, "everything.pcapng.gz", gzip.clone());
        save(target, "everything.pcapng.zst", zstd.clone());
        save(target, "cooked.pcap", classic(&capture));
    }
}

/// A payload behind the octet that says what is around it.
fn chosen(choice: u8, payload: &[u8]) -> Vec<u8> {
    [&[choice], payload].concat()
}

fn carp() -> Vec<(&'static str, Vec<u8>)> {
    use carp::auth::{Covered, Guard, LinkLocal};
    let covered =
        Covered { vhid: 7, addresses: [ip("192.0.2.1")].into_iter().collect(), link_layer_address: None };
    let guard = Guard::new(&Secret::new("password"), &covered, LinkLocal::LeftOut);
    let said =
        carp::wire::Advertisement { vhid: 7, advbase: 1, advskew: 100, demote: 2, counter: 0x0102_0304 };
    vec![
        ("ipv4", chosen(choice::REPAIR, &guard.seal(&said))),
        ("ipv6", chosen(choice::IPV6, &guard.seal(&said))),
    ]
}

fn hsrp() -> Vec<(&'static str, Vec<u8>)> {
    use fhrp::keys::KeyChain;
    use hsrp::auth::{Authentication, Guard};
    use hsrp::wire::{GroupMessage, InterfaceMessage, Message, Operation, Role, State, Version};

    let text = Guard::new(&Authentication::Text(Secret::new("password")));
    let md5 = Guard::new(&Authentication::Md5(KeyChain::single(1, Secret::new("password"))));
    let group = |version, address| {
        Message::Group(GroupMessage {
            version,
            operation: Operation::Hello,
            state: State::Active,
            group: 10,
            priority: 110,
            hello: Duration::from_secs(3),
            hold: Duration::from_secs(10),
            identifier: if version == Version::V1 { Mac::default() } else { OWNER },
            address: ip(address),
        })
    };
    let interface = Message::Interface(InterfaceMessage {
        version: Version::V1,
        role: Role::Active,
        active: 1,
        passive: 2,
    });
    let sealed =
        |guard: &Guard, message: &Message| guard.seal(message, ip("192.0.2.1"), Duration::ZERO).unwrap();
    vec![
        ("v1_text", chosen(choice::REPAIR, &sealed(&text, &group(Version::V1, "192.0.2.9")))),
        ("v1_md5", chosen(choice::REPAIR, &sealed(&md5, &group(Version::V1, "192.0.2.9")))),
        ("v1_interface", chosen(choice::REPAIR, &sealed(&text, &interface))),
        ("v2_text", chosen(0, &sealed(&text, &group(Version::V2, "192.0.2.9")))),
        ("v2_md5_ipv6", chosen(choice::IPV6, &sealed(&md5, &group(Version::V2, "fe80::9")))),
    ]
}

fn glbp() -> Vec<(&'static str, Vec<u8>)> {
    use fhrp::keys::KeyChain;
    use glbp::auth::{Authentication, Guard};
    use glbp::wire::{Challenge, Forwarder, Hello, Kind, Message, Peer, State};

    let forwarder = |number| Forwarder {
        number,
        state: State::Active,
        priority: 167,
        weighting: 100,
        lifetime: Duration::from_secs(14_400),
        redirection: Duration::from_secs(600),
        mac: Mac([0, 7, 0xb4, 0, 10, number]),
    };
    let hello = Hello {
        state: State::Active,
        priority: 110,
        hello: Duration::from_secs(3),
        hold: Duration::from_secs(10),
        redirect: Duration::from_secs(600),
        timeout: Duration::from_secs(14_400),
        address: ip("192.0.2.9"),
    };
    let peers = vec![Peer { owner: Mac([2, 0, 0, 0, 0, 9]), nonce: 7 }];
    let message = Message {
        kind: Kind::Hello,
        group: 10,
        owner: OWNER,
        challenge: None,
        hello: Some(hello),
        forwarders: vec![forwarder(1), forwarder(2)],
    };
    let challenged = Message {
        challenge: Some(Challenge { generation: 1, nonce: 0x0102_0304, peers }),
        ..message.clone()
    };
    let request =
        Message { kind: Kind::Request, hello: None, forwarders: vec![forwarder(1)], ..message.clone() };
    let sealed = |authentication: Authentication, message: &Message| {
        let guard = Guard::new(&authentication);
        chosen(0, &guard.seal(message, ip("192.0.2.1"), Duration::ZERO).unwrap())
    };
    vec![
        ("hello", sealed(Authentication::None, &message)),
        ("text", sealed(Authentication::Text(Secret::new("password")), &message)),
        ("key_string", sealed(Authentication::KeyString(Secret::new("password")), &challenged)),
        (
            "key_chain",
            sealed(Authentication::KeyChain(KeyChain::single(1, Secret::new("password"))), &challenged),
        ),
        ("request", sealed(Authentication::None, &request)),
    ]
}

/// One frame of each seed of the four protocols, and what a LAN has besides.
fn capture() -> Vec<u8> {
    use fhrp::announcer::ArpForm;
    use fhrp::{Datagram, Route};
    use firsthop::net::{frame, neighbour};

    let mut writer = Writer::new(Vec::new()).unwrap();
    let mut at = 1_795_500_000_000_000_000;
    let mut add = |frame: &[u8]| {
        writer.frame("eth0", at, Direction::Inbound, frame, &["a comment".to_owned()]).unwrap();
        at += 1_000_000;
    };
    let vrrp = vrrp::wire::emit(
        &vrrp::wire::Advertisement {
            version: vrrp::wire::Version::V3,
            vrid: 10,
            priority: 100,
            interval: Duration::from_secs(1),
            addresses: vec![ip("192.0.2.9")],
        },
        vrrp::wire::ChecksumForm::MessageOnly,
        ip("192.0.2.1"),
        ip("224.0.0.18"),
        0,
        [0; 8],
    );
    let payloads = std::iter::once((112, None, "224.0.0.18", vrrp))
        .chain(carp().into_iter().take(1).map(|(_, it)| (112, None, "224.0.0.18", it[1..].to_vec())))
        .chain(
            hsrp().into_iter().take(3).map(|(_, it)| (17, Some((1985, 1985)), "224.0.0.2", it[1..].to_vec())),
        )
        .chain(glbp().into_iter().map(|(_, it)| (17, Some((3222, 3222)), "224.0.0.102", it[1..].to_vec())));
    for (protocol, ports, destination, payload) in payloads {
        let destination = ip(destination);
        let datagram = Datagram {
            route: Route::Routed,
            source: ip("192.0.2.1"),
            destination,
            hop_limit: 255,
            traffic_class: 0,
            identification: 1,
            dont_fragment: false,
            protocol,
            ports,
            payload,
        };
        let mut octets = Vec::new();
        frame::write(&datagram, OWNER, Mac::of_multicast(destination).unwrap(), &mut octets).unwrap();
        add(&octets);
    }
    let IpAddr::V4(address) = ip("192.0.2.9") else { panic!("an IPv4 address") };
    neighbour::gratuitous_arp(Mac([0, 0, 0x5e, 0, 1, 10]), address, ArpForm::Both)
        .for_each(|frame| add(&frame));
    add(&neighbour::neighbour_advertisement(
        Mac([0, 0, 0x5e, 0, 2, 10]),
        "fe80::9".parse().unwrap(),
        true,
        None,
    ));
    writer.into_inner()
}

/// The same frames as a Linux cooked capture in the classic format.
fn classic(capture: &[u8]) -> Vec<u8> {
    use pcap_file::DataLink;
    use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};

    let header = PcapHeader { datalink: DataLink::LINUX_SLL, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    let mut reader = firsthop::capture::Reader::new("seed", std::io::Cursor::new(capture.to_vec())).unwrap();
    while let Some(frame) = reader.next_frame() {
        let frame = frame.unwrap();
        let cooked = [&[0, 2, 0, 1, 0, 6], &frame.octets[6..12], &[0, 0], &frame.octets[12..]].concat();
        let length = u32::try_from(cooked.len()).unwrap();
        writer.write_packet(&PcapPacket::new(Duration::from_nanos(frame.at), length, &cooked)).unwrap();
    }
    writer.into_writer()
}
