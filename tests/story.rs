//! `firsthop analyze` and `firsthop replay` as people and scripts meet them.

#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/vrrp").join(name)
}

fn firsthop(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_firsthop")).args(arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_story_is_told_as_text_json_picture_and_page() {
    let file = capture("frr-kill.pcapng");
    let file = file.to_str().unwrap();
    let text = firsthop(&["analyze", "--timeline", file]);
    assert!(text.status.success(), "{}", err(&text));
    for said in
        ["10.0.10.3 takes the role over from 10.0.10.2", "priority 100 waits 60.9375 ms", "kill r1", "◆██"]
    {
        assert!(out(&text).contains(said), "{said} is not in {}", out(&text));
    }

    let json: Value = serde_json::from_str(&out(&firsthop(&["analyze", "--json", file]))).unwrap();
    let group = &json["groups"][0];
    assert_eq!((&group["protocol"], &group["group"]), (&Value::from("vrrp"), &Value::from(10)));
    let events = group["events"].as_array().unwrap();
    let taken = events.iter().find(|event| event["event"] == "take-over").unwrap();
    assert_eq!((&taken["who"], &taken["cause"]), (&Value::from("10.0.10.3"), &Value::from("hand-over")));
    assert_eq!(taken["expected_ms"], 60.9375);
    assert!(group["members"][0]["observed"]["jitter_99_ms"].as_f64().unwrap() < 10.0);

    let svg = out(&firsthop(&["analyze", "--svg", "-", file]));
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("story.html");
    let output = firsthop(&["analyze", "--html", page.to_str().unwrap(), file]);
    assert!(output.status.success() && out(&output).contains("takes the role over"), "{}", err(&output));
    let page = fs::read_to_string(page).unwrap();
    for part in ["<svg ", "<h2>Routers</h2>", "<h2>Findings</h2>", "<h2>Events</h2>", "prefers-color-scheme"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("src=") && !page.contains("href="), "nothing is fetched from anywhere");
}

#[test]
fn a_damaged_capture_is_told_as_far_as_it_goes() {
    let whole = fs::read(capture("frr-kill.pcapng")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cut.pcapng");
    fs::write(&file, &whole[..whole.len() - 10]).unwrap();
    let output = firsthop(&["analyze", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).contains("vrrp 10: 2 routers"));
    assert!(err(&output).contains("cut.pcapng: frame 133 at offset"), "{}", err(&output));
    let replayed = firsthop(&["replay", file.to_str().unwrap(), "--as", "10.0.10.3"]);
    assert_eq!(replayed.status.code(), Some(1));
    assert!(out(&replayed).contains("ours in the place of 10.0.10.3") && err(&replayed).contains("offset"));

    for command in [&["analyze", "/nonexistent"][..], &["replay", "/nonexistent", "--as", "10.0.0.1"]] {
        let output = firsthop(command);
        assert_eq!(output.status.code(), Some(1));
        assert!(err(&output).contains("/nonexistent: No such file"), "{}", err(&output));
    }
    let nobody = firsthop(&["replay", capture("frr-kill.pcapng").to_str().unwrap(), "--as", "10.9.9.9"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(err(&nobody).contains("10.9.9.9 says nothing in this capture; these do: 10.0.10.2, 10.0.10.3"));
}

#[test]
fn no_cut_and_no_garbage_is_too_much() {
    let whole = fs::read(capture("keepalived-v2-stop.pcapng")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bad.pcapng");
    let path = file.to_str().unwrap();
    for round in 0..24_usize {
        let mut octets = whole[..whole.len() * (round + 1) / 24].to_vec();
        // The same garbage every time: a multiplier of Knuth's.
        let mut state = round as u32 + 1;
        for _ in 0..round * 3 {
            state = state.wrapping_mul(2_654_435_761).wrapping_add(12_345);
            let place = state as usize % octets.len();
            octets[place] ^= (state >> 24) as u8;
        }
        fs::write(&file, &octets).unwrap();
        for command in [&["analyze", path][..], &["replay", path, "--as", "10.0.10.3"]] {
            let output = firsthop(command);
            assert!(matches!(output.status.code(), Some(0 | 1)), "round {round}: {}", err(&output));
            assert!(!err(&output).contains("panicked"), "round {round}: {}", err(&output));
        }
    }
}

#[test]
fn what_ours_would_have_done_is_written_and_the_same_every_time() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("ours.toml");
    let settings = "[[interface.eth0.vrrp]]\nid = 10\naddresses = [\"10.0.10.1/24\"]\npriority = 150\n\
                    advertise-interval = \"100ms\"\n";
    fs::write(&config, settings).unwrap();
    let file = capture("frr-kill.pcapng");
    let replay = |written: &str, seed: &str| {
        let written = directory.path().join(written);
        let arguments = ["replay", file.to_str().unwrap(), "--config", config.to_str().unwrap()];
        let more = ["--write", written.to_str().unwrap(), "--seed", seed];
        let output = firsthop(&[&arguments[..], &more].concat());
        assert!(output.status.success(), "{}", err(&output));
        (out(&output), fs::read(&written).unwrap())
    };
    let (told, written) = replay("one.pcapng", "3");
    assert_eq!(replay("two.pcapng", "3"), (told.clone(), written));
    for said in [
        "Initialize → Backup: started",
        "Backup → Active: 10.0.10.2 gave up the role",
        "ours is 10.0.10.254/24",
    ] {
        assert!(told.contains(said), "{said} is not in {told}");
    }
    let decoded =
        out(&firsthop(&["decode", "--json", directory.path().join("one.pcapng").to_str().unwrap()]));
    let ours = decoded.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let adverts: Vec<Value> = ours.filter(|frame| frame["protocol"] == "vrrp").collect();
    assert!(adverts.len() > 10 && adverts.iter().all(|frame| frame["priority"] == 150));
}

#[test]
fn settings_that_the_router_did_not_have_do_not_pass() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("ours.toml");
    fs::write(&config, "[[interface.eth0.vrrp]]\nid = 10\naddresses = [\"10.0.10.9/24\"]\npriority = 90\n")
        .unwrap();
    let file = capture("keepalived-v2-stop.pcapng");
    let with = ["replay", file.to_str().unwrap(), "--as", "10.0.10.3"];
    let output = firsthop(&[&with[..], &["--config", config.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", out(&output));
    assert!(out(&output).contains("UNEXPLAINED"), "{}", out(&output));
    let plain = firsthop(&with);
    assert_eq!(plain.status.code(), Some(0), "{}", out(&plain));
    let json: Value = serde_json::from_str(&out(&firsthop(&[&with[..], &["--json"]].concat()))).unwrap();
    assert_eq!((&json[0]["unexplained"], &json[0]["address"]), (&Value::from(0), &Value::from("10.0.10.3")));

    fs::write(&config, "[[interface.eth0.vrrp]]\nid = 300\n").unwrap();
    let wrong = firsthop(&["replay", file.to_str().unwrap(), "--config", config.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(2));
    let twice = firsthop(&["replay", "-", "--as", "10.0.10.3"]);
    assert!(err(&twice).contains("name a file"), "{}", err(&twice));
    let neither = firsthop(&["replay", file.to_str().unwrap()]);
    assert_eq!(neither.status.code(), Some(2), "{}", err(&neither));
}

#[test]
fn signed_frames_want_a_key() {
    let file = capture("keepalived-ah.pcapng");
    let file = file.to_str().unwrap();
    let without = firsthop(&["replay", file, "--as", "10.0.10.2"]);
    assert_eq!(without.status.code(), Some(1));
    assert!(err(&without).contains("--key vrrp=SECRET"), "{}", err(&without));
    let with = firsthop(&["replay", file, "--as", "10.0.10.2", "--key", "vrrp=monkey"]);
    assert_eq!(with.status.code(), Some(0), "{}{}", out(&with), err(&with));
    let wrong = firsthop(&["analyze", file, "--key", "vrrp=donkey"]);
    assert!(out(&wrong).contains("the digest in the Authentication Header fits no key"), "{}", out(&wrong));
}

#[test]
fn what_cannot_be_read_fails_and_the_rest_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut octets =
        vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 147, 0, 0, 0];
    for _ in 0..3 {
        octets.extend([1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4]);
    }
    let foreign = directory.path().join("foreign.pcap");
    std::fs::write(&foreign, octets).unwrap();
    let foreign = foreign.to_str().unwrap();
    let cases: [&[&str]; 3] = [&["decode"], &["analyze"], &["replay", "--as", "10.0.10.2"]];
    for command in cases {
        let output = firsthop(&[command, &[foreign]].concat());
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let told = err(&output).matches("frame 1 at offset 24: link type 147").count();
        assert_eq!(told, 1, "{command:?}: {}", err(&output));
        assert!(!err(&output).contains("do: \n"), "{}", err(&output));
    }
    let good = capture("frr-kill.pcapng");
    let output = firsthop(&["analyze", "/nonexistent.pcap", good.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).contains("vrrp") && err(&output).contains("/nonexistent.pcap"), "{}", err(&output));
    for command in cases {
        let output =
            firsthop(&[command, &["--carp-address", "192.168.88.1", good.to_str().unwrap()]].concat());
        assert!(!err(&output).contains("Usage"), "{}", err(&output));
    }
}

#[test]
fn two_that_want_standard_output_are_told_what_to_write() {
    let good = capture("frr-kill.pcapng");
    for (drawn, name) in [("--svg", "timeline.svg"), ("--html", "timeline.html")] {
        let output = firsthop(&["analyze", "--json", drawn, "-", good.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        assert!(out(&output).is_empty());
        assert!(err(&output).contains(&format!("write '{drawn} {name} --json'")), "{}", err(&output));
    }
}
