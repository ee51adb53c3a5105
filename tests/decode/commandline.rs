//! Options, files, exit codes and messages.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use fhrp::Secret;
use vrrp::auth::Guard;
use vrrp::config::Authentication;

use super::forge::{Capture, announcement, file, router, vrrp};
use super::{decode, err, json_of, out};

const HAND_OVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pcaps/vrrp/hand-over-and-return.pcapng");
const POWER_CUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pcaps/vrrp/power-cut-ipv6.pcapng");

#[test]
fn a_line_says_what_an_engineer_wants_to_know() {
    let output = decode(&[HAND_OVER]);
    assert!(output.status.success() && err(&output).is_empty());
    let lines = out(&output);
    // Number and time are the recording's own: `17 08:37:20.615864`.
    let first: Vec<&str> = lines.lines().next().unwrap().split_whitespace().collect();
    let (number, time) = (first[0], first[1]);
    assert!(number.parse::<u64>().is_ok() && time.len() == "08:37:20.615864".len(), "{first:?}");
    assert_eq!(
        first[2..].join(" "),
        "r1-lan 10.0.10.2 → 224.0.0.18 VRRPv3 10 advertisement, priority 200, 100 ms, 10.0.10.1"
    );
    assert!(lines.contains("ARP 10.0.10.1 is at 00:00:5e:00:01:0a, unasked [vrrp 10]"));
    assert!(lines.contains("priority 0, 100 ms"));
    assert!(!lines.contains('\x1b'), "no colours but on a terminal");
    let relative = out(&decode(&["--relative", HAND_OVER]));
    assert!(relative.trim_start().starts_with(&format!("{number} 0.3")), "{relative}");
}

#[test]
fn the_tree_names_every_octet() {
    let tree = out(&decode(&["--verbose", "--group", "10", POWER_CUT]));
    let first: Vec<&str> = tree.lines().take(13).collect();
    assert!(first[0].contains("fe80::2 → ff02::12 VRRPv3 10 advertisement"));
    assert!(first[1].ends_with("94 of 94 octets captured"));
    for (line, wanted) in first[2..].iter().zip([
        "0   14  Link layer",
        "14   40  IPv6",
        "54    1  Version                      3",
        "54    1  Type                         1 – ADVERTISEMENT",
        "55    1  Virtual Rtr ID               10",
        "56    1  Priority                     200",
        "57    1  Count IPvX Addr              2",
        "58    1  Reserved",
        "58    2  Max Advertise Interval       10 – 100 ms",
        "60    2  Checksum",
        "62   16  IPvX Address                 fe80::1 – link-local",
    ]) {
        assert!(line.trim_start().starts_with(wanted), "{line}");
    }
}

#[test]
fn json_has_exactly_the_keys_that_apply() {
    let lines = json_of(&[HAND_OVER]);
    let keys =
        |place: usize| lines[place].as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>();
    let advert = [
        "frame",
        "time",
        "interface",
        "src_mac",
        "dst_mac",
        "src",
        "dst",
        "ttl",
        "protocol",
        "version",
        "kind",
        "group",
        "priority",
        "addresses",
        "interval_ms",
        "checksum_form",
        "valid",
        "problems",
    ];
    assert_eq!(keys(0), advert.into());
    let arp = [
        "frame",
        "time",
        "interface",
        "src_mac",
        "dst_mac",
        "src",
        "dst",
        "protocol",
        "kind",
        "group",
        "addresses",
        "about",
        "mac",
        "valid",
        "problems",
    ];
    assert_eq!(keys(1), arp.into());
    assert!(json_of(&[HAND_OVER, POWER_CUT]).iter().all(|line| line["file"].is_string()));
}

#[test]
fn filters_choose() {
    let mut other = vrrp();
    (other.said.vrid, other.mac) = (11, vrrp::config::virtual_mac(fhrp::Family::Ipv4, 11));
    other.said.addresses = vec![router(9)];
    let mut capture = Capture::new();
    capture
        .frame(&vrrp().frame())
        .frame(&other.from(5).frame())
        .frame(&announcement(vrrp().mac, router(1)))
        .frame(&super::forge::carp(1));
    let file = capture.file();
    let path = file.path().to_str().unwrap();
    let frames = |arguments: &[&str]| -> Vec<u64> {
        json_of(&[&[path], arguments].concat()).iter().map(|line| line["frame"].as_u64().unwrap()).collect()
    };
    assert_eq!(frames(&[]), [1, 2, 3, 4]);
    assert_eq!(frames(&["--protocol", "vrrp"]), [1, 2, 3]);
    assert_eq!(frames(&["--protocol", "arp,carp"]), [3, 4]);
    assert_eq!(frames(&["--group", "11"]), [2]);
    assert_eq!(frames(&["--group", "10", "--protocol", "vrrp"]), [1, 3]);
    assert_eq!(frames(&["--address", "10.0.0.9"]), [2]);
    assert_eq!(frames(&["--address", "10.0.0.5", "--address", "10.0.0.3"]), [2, 4]);
    let nothing = decode(&["--group", "77", path]);
    assert!(nothing.status.success() && out(&nothing).is_empty());
    assert!(err(&nothing).ends_with("4 frames and none that is asked for\n"), "{}", err(&nothing));
}

#[test]
fn keys_verify_and_are_never_printed() {
    let mut guard = Guard::new(&Authentication::Text(Secret::new("monkey")));
    let mut capture = Capture::new();
    capture.frame(&vrrp().version_2().sealed(&mut guard));
    let capture = capture.file();
    let path = capture.path().to_str().unwrap();
    let verified =
        |arguments: &[&str]| json_of(&[&[path], arguments].concat())[0]["auth"]["verified"].clone();
    assert_eq!(verified(&[]), serde_json::Value::Null);
    assert_eq!(verified(&["--key", "vrrp=donkey", "--key", "vrrp=monkey"]), true);
    assert_eq!(verified(&["--key", "vrrp-hex=6d6f6e6b6579"]), true);
    assert_eq!(verified(&["--key", "carp=monkey"]), serde_json::Value::Null);
    assert_eq!(verified(&["--key", "vrrp=donkey"]), false);

    let keys = file(b"# ours\nvrrp=monkey\n");
    fs::set_permissions(keys.path(), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(verified(&["--key-file", keys.path().to_str().unwrap()]), true);
    fs::set_permissions(keys.path(), Permissions::from_mode(0o644)).unwrap();
    let output = decode(&["--key-file", keys.path().to_str().unwrap(), path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("everybody may read these keys (mode 644); chmod 600"), "{}", err(&output));

    for wrong in ["donkey", "ospf=donkey", "vrrp-hex=donkey", "vrrp="] {
        let output = decode(&["--key", wrong, path]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(err(&output).contains("vrrp=") && !err(&output).contains("donkey"), "{}", err(&output));
    }
}

#[test]
fn what_is_wrong_with_a_file_is_told_and_the_rest_is_read() {
    let whole = fs::read(HAND_OVER).unwrap();
    let cut = file(&whole[..whole.len() - 10]);
    let path = cut.path().to_str().unwrap();
    let empty = file(b"");
    let text = file(b"this is not a capture");
    let output =
        decode(&["--json", empty.path().to_str().unwrap(), path, text.path().to_str().unwrap(), HAND_OVER]);
    assert_eq!(output.status.code(), Some(1));
    let said = err(&output);
    assert!(said.contains("an empty file, not even the header of a capture"), "{said}");
    assert!(said.contains(&format!("{path}: frame ")) && said.contains("the file ends after"), "{said}");
    assert!(said.contains("begins with 74686973, which no capture"), "{said}");
    let lines = out(&output);
    let of = |name: &str| lines.lines().filter(|line| line.contains(&format!("\"file\":\"{name}\""))).count();
    assert!(of(path) > 50 && of(HAND_OVER) >= of(path));
    assert_eq!(decode(&["/nonexistent.pcap"]).status.code(), Some(1));
}

#[test]
fn a_foreign_link_layer_is_told_once() {
    let mut octets =
        vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 127, 0, 0, 0];
    let record = [[1, 0, 0, 0], [0, 0, 0, 0], [4, 0, 0, 0], [4, 0, 0, 0], [1, 2, 3, 4]].concat();
    octets.extend(record.repeat(3));
    let capture = file(&octets);
    let output = decode(&[capture.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = err(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("frame 1 at offset 24: link type 127, which none of the protocols runs over"),
        "{said}"
    );
}

#[test]
fn standard_input_is_a_file_too() {
    for whole in [true, false] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_firsthop"))
            .args(["decode", "--json", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let octets = fs::read(HAND_OVER).unwrap();
        let length = if whole { octets.len() } else { octets.len() - 1 };
        child.stdin.take().unwrap().write_all(&octets[..length]).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.success(), whole);
        assert_eq!(err(&output).contains("standard input: frame "), !whole);
        assert!(out(&output).lines().count() > 50);
    }
}

#[test]
fn a_live_capture_is_shown_as_it_comes() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_firsthop"))
        .args(["decode", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut capture = Capture::new();
    capture.frame(&vrrp().frame());
    let first = capture.octets();
    stdin.write_all(&first).unwrap();
    // Neither the end of the file nor another frame is there, and this line is.
    assert!(lines.next().unwrap().unwrap().contains("     1 "));
    let mut both = Capture::new();
    both.frame(&vrrp().frame()).frame(&vrrp().frame());
    stdin.write_all(&both.octets()[first.len()..]).unwrap();
    assert!(lines.next().unwrap().unwrap().contains("     2 "));
    drop(stdin);
    assert!(lines.next().is_none() && child.wait().unwrap().success());
}

#[test]
fn who_has_read_enough_may_go() {
    let mut capture = Capture::new();
    let frame = vrrp().frame();
    (0..20_000).for_each(|_| {
        capture.frame(&frame);
    });
    let file = capture.file();
    let mut child = Command::new(env!("CARGO_BIN_EXE_firsthop"))
        .args(["decode", file.path().to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && err(&output).is_empty(), "{}", err(&output));
}
