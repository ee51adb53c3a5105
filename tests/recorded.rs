//! The captures in `pcaps/` as the daemon reads them: every frame of VRRP is good, and they tell the story that
//! their README tells.

#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use fhrp::{Instant, Mac};
use firsthop::net::frame;
use pcap_file::pcapng::{Block, PcapNgReader};
use vrrp::wire;

/// One advert: when, from whom, from which MAC, with which priority.
#[derive(Debug)]
struct Said {
    at: Duration,
    source: String,
    mac: Mac,
    priority: u8,
}

/// Every VRRP advert of a capture, in order; fails on one that the daemon would refuse.
fn adverts(name: &str) -> Vec<Said> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps").join(name);
    let mut reader = PcapNgReader::new(File::open(path).unwrap()).unwrap();
    let mut said = Vec::new();
    while let Some(block) = reader.next_block() {
        let Block::EnhancedPacket(packet) = block.unwrap() else { continue };
        let at = packet.timestamp;
        let Ok(received) = frame::parse(&packet.data, Instant::ZERO) else { continue };
        if received.protocol != fhrp::packet::ip_protocol::VRRP {
            continue;
        }
        assert_eq!(received.hop_limit, 255);
        let heard = wire::parse(&received).unwrap();
        said.push(Said {
            at,
            source: received.source.to_string(),
            mac: received.source_mac,
            priority: heard.advertisement.priority,
        });
    }
    assert!(!said.is_empty());
    said
}

#[test]
fn a_hand_over_and_a_return() {
    let said = adverts("vrrp/hand-over-and-return.pcapng");
    let goodbye = said.iter().position(|advert| advert.priority == 0).unwrap();
    assert!(said[..=goodbye].iter().all(|advert| advert.source == "10.0.10.2"));
    let successor = &said[goodbye + 1];
    assert_eq!((successor.source.as_str(), successor.priority), ("10.0.10.3", 100));
    let skew = successor.at - said[goodbye].at;
    assert!(skew >= Duration::from_nanos(60_937_500), "not before its skew: {skew:?}");

    let virtual_mac = vrrp::config::virtual_mac(fhrp::Family::Ipv4, 10);
    let back = goodbye + 1 + said[goodbye + 1..].iter().position(|advert| advert.priority == 200).unwrap();
    let last_word = said.iter().rposition(|advert| advert.source == "10.0.10.3").unwrap();
    assert!(last_word > back, "the loser speaks once more");
    assert_ne!(said[last_word].mac, virtual_mac, "and draws no frames of hosts to itself");
    assert!(said.iter().enumerate().all(|(place, advert)| place == last_word || advert.mac == virtual_mac));
}

#[test]
fn a_power_cut_over_ipv6() {
    let said = adverts("vrrp/power-cut-ipv6.pcapng");
    let change = said.windows(2).position(|pair| pair[0].priority == 200 && pair[1].priority == 100).unwrap();
    let silence = said[change + 1].at - said[change].at;
    assert!(
        silence >= Duration::from_nanos(360_937_500),
        "not before three intervals and its skew: {silence:?}"
    );
    let until_then = &said[..=change + 1];
    assert!(until_then.iter().all(|advert| advert.mac == vrrp::config::virtual_mac(fhrp::Family::Ipv6, 10)));
    assert!(until_then.iter().all(|advert| advert.priority != 0), "a power cut says no goodbye");
}
