//! The same packet over every link layer.

use serde_json::Value;

use super::forge::{Capture, file, ip, vrrp};
use super::json_of;

/// A classic capture of one frame with this link type.
fn capture(link: u32, frame: &[u8]) -> Vec<u8> {
    let mut octets = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0];
    octets.extend(link.to_le_bytes());
    let length = u32::try_from(frame.len()).unwrap().to_le_bytes();
    octets.extend([[0, 0, 1, 0], [0, 0, 0, 0], length, length].concat());
    octets.extend(frame);
    octets
}

fn decoded(link: u32, frame: &[u8]) -> Value {
    let file = file(&capture(link, frame));
    json_of(&[file.path().to_str().unwrap()]).pop().unwrap()
}

/// What does not depend on the link layer.
fn content(line: &Value) -> Value {
    let mut line = line.clone();
    for key in ["src_mac", "dst_mac", "vlans"] {
        line.as_object_mut().unwrap().remove(key);
    }
    line
}

#[test]
fn every_link_layer_carries_the_same() {
    let ethernet = vrrp().frame();
    let (macs, packet) = (&ethernet[..12], &ethernet[14..]);
    let plain = decoded(1, &ethernet);
    assert_eq!(
        (&plain["src_mac"], &plain["dst_mac"]),
        (&"00:00:5e:00:01:0a".into(), &"01:00:5e:00:00:12".into())
    );
    assert_eq!(plain["valid"], true);
    let source = &macs[6..];
    let others: [(u32, Vec<u8>); 9] = [
        (1, [macs, &[0x81, 0x00, 0x60, 20, 0x08, 0x00], packet].concat()),
        (1, [macs, &[0x88, 0xa8, 0, 10, 0x81, 0x00, 0, 20, 0x08, 0x00], packet].concat()),
        (113, [&[0, 2, 0, 1, 0, 6], source, &[0, 0, 0x08, 0x00], packet].concat()),
        (113, [&[0, 2, 0, 1, 0, 6], source, &[0, 0, 0x81, 0x00, 0, 20, 0x08, 0x00], packet].concat()),
        (276, [&[0x08, 0x00, 0, 0, 0, 0, 0, 3, 0, 1, 2, 6], source, &[0, 0], packet].concat()),
        (101, packet.to_vec()),
        (228, packet.to_vec()),
        (0, [&[2, 0, 0, 0], packet].concat()),
        (108, [&[0, 0, 0, 2], packet].concat()),
    ];
    for (link, frame) in &others {
        let line = decoded(*link, frame);
        assert_eq!(content(&line), content(&plain), "link type {link}");
        let has_source = matches!(link, 1 | 113 | 276);
        assert_eq!(line.get("src_mac").is_some(), has_source, "link type {link}");
        assert_eq!(line.get("dst_mac").is_some(), *link == 1, "link type {link}");
    }
    let vlans = |place: usize| decoded(others[place].0, &others[place].1)["vlans"].clone();
    assert_eq!((vlans(0), vlans(1), vlans(3)), (vec![20].into(), vec![10, 20].into(), vec![20].into()));
    assert!(plain.get("vlans").is_none());
}

#[test]
fn ipv6_over_raw_links() {
    let mut said = vrrp();
    (said.source, said.destination) = (ip("fe80::2"), ip("ff02::12"));
    said.said.addresses = vec![ip("fe80::1")];
    said.mac = vrrp::config::virtual_mac(fhrp::Family::Ipv6, 10);
    let frame = said.frame();
    for (link, below) in [
        (101, vec![]),
        (229, vec![]),
        (0, vec![0, 0, 0, 30]),
        (0, vec![24, 0, 0, 0]),
        (108, vec![0, 0, 0, 28]),
    ] {
        let line = decoded(link, &[below, frame[14..].to_vec()].concat());
        assert_eq!((&line["src"], &line["valid"]), (&"fe80::2".into(), &true.into()), "link type {link}");
    }
}

#[test]
fn vlans_keep_groups_of_the_same_number_apart() {
    let tagged = |vlan: u8, number: u8, milliseconds: u64| {
        let mut said = vrrp().from(number);
        said.said.interval = std::time::Duration::from_millis(milliseconds);
        let frame = said.frame();
        [&frame[..12], &[0x81, 0, 0, vlan], &frame[12..]].concat()
    };
    let mut capture = Capture::new();
    capture.frame(&tagged(10, 2, 100)).frame(&tagged(20, 3, 1_000)).frame(&tagged(10, 3, 1_000));
    let file = capture.file();
    let lines = json_of(&[file.path().to_str().unwrap()]);
    let counts: Vec<usize> = lines.iter().map(|line| line["problems"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [0, 0, 1]);
}
