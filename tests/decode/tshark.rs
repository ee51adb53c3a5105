//! What `decode --json` says beside what tshark says, field by field, on every frame of every capture.
//!
//! `FIRSTHOP_CAPTURES` names another directory of captures than the project's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{is_there, skip};

/// Between fields and between several values of one; neither is in any value.
const TAB: char = '\t';
const COMMA: char = ',';

/// One of our keys, the fields of tshark that say the same (one of them is there), and how tshark's words become ours.
struct Pair {
    key: &'static str,
    fields: &'static [&'static str],
    translate: fn(&str) -> String,
}

const fn same(key: &'static str, fields: &'static [&'static str]) -> Pair {
    Pair { key, fields, translate: |text| text.to_owned() }
}

const ENVELOPE: [Pair; 5] = [
    same("src_mac", &["eth.src", "sll.src.eth"]),
    same("dst_mac", &["eth.dst"]),
    same("src", &["ip.src", "ipv6.src"]),
    same("dst", &["ip.dst", "ipv6.dst"]),
    same("ttl", &["ip.ttl", "ipv6.hlim"]),
];

const VRRP: [Pair; 8] = [
    same("version", &["vrrp.version"]),
    Pair { key: "kind", fields: &["vrrp.type"], translate: |code| words(code, &[("1", "advertisement")]) },
    same("group", &["vrrp.virt_rtr_id"]),
    same("priority", &["vrrp.prio"]),
    same("addresses", &["vrrp.ip_addr", "vrrp.ipv6_addr"]),
    Pair { key: "interval_ms", fields: &["vrrp.adver_int"], translate: |seconds| times(seconds, 1_000) },
    Pair { key: "interval_ms", fields: &["vrrp.short_adver_int"], translate: |centis| times(centis, 10) },
    same("auth_type", &["vrrp.auth_type"]),
];

const CARP: [Pair; 7] = [
    same("version", &["carp.version"]),
    Pair { key: "kind", fields: &["carp.type"], translate: |code| words(code, &[("1", "advertisement")]) },
    same("group", &["carp.vhid"]),
    same("advskew", &["carp.advskew"]),
    same("advbase", &["carp.adver_int"]),
    same("demote", &["carp.demotion"]),
    Pair { key: "counter", fields: &["carp.counter"], translate: |number| hexadecimal(number, 16) },
];

const OPCODES: [(&str, &str); 4] = [("0", "hello"), ("1", "coup"), ("2", "resign"), ("3", "interface-state")];
const STATES_1: [(&str, &str); 6] =
    [("0", "initial"), ("1", "learn"), ("2", "listen"), ("4", "speak"), ("8", "standby"), ("16", "active")];
const STATES_2: [(&str, &str); 6] =
    [("1", "initial"), ("2", "learn"), ("3", "listen"), ("4", "speak"), ("5", "standby"), ("6", "active")];

const HSRP: [Pair; 18] = [
    Pair { key: "version", fields: &["hsrp.version"], translate: |code| words(code, &[("0", "1")]) },
    same("version", &["hsrp2.version"]),
    Pair { key: "kind", fields: &["hsrp.opcode", "hsrp2.opcode"], translate: |code| words(code, &OPCODES) },
    Pair { key: "state", fields: &["hsrp.state"], translate: |code| words(code, &STATES_1) },
    Pair { key: "state", fields: &["hsrp2.state"], translate: |code| words(code, &STATES_2) },
    Pair {
        key: "state",
        fields: &["hsrp.adv.state"],
        translate: |code| words(code, &[("1", "dormant"), ("2", "passive"), ("3", "active")]),
    },
    same("group", &["hsrp.group", "hsrp2.group"]),
    same("priority", &["hsrp.priority", "hsrp2.priority"]),
    Pair { key: "hello_ms", fields: &["hsrp.hellotime"], translate: |seconds| times(seconds, 1_000) },
    Pair { key: "hold_ms", fields: &["hsrp.holdtime"], translate: |seconds| times(seconds, 1_000) },
    same("hello_ms", &["hsrp2.hellotime"]),
    same("hold_ms", &["hsrp2.holdtime"]),
    same("addresses", &["hsrp.virt_ip", "hsrp2.virt_ip", "hsrp2.virt_ip_v6"]),
    same("identifier", &["hsrp2.identifier"]),
    same("key_id", &["hsrp2.md5_key_id"]),
    same("md5_address", &["hsrp.md5_ip_address"]),
    same("active_groups", &["hsrp.adv.activegrp", "hsrp2.active_groups"]),
    same("passive_groups", &["hsrp.adv.passivegrp", "hsrp2.passive_groups"]),
];

const STATES_GLBP: [(&str, &str); 4] = [("4", "listen"), ("8", "speak"), ("16", "standby"), ("32", "active")];

const GLBP: [Pair; 15] = [
    same("version", &["glbp.version"]),
    same("group", &["glbp.group"]),
    same("owner", &["glbp.ownerid"]),
    Pair { key: "state", fields: &["glbp.hello.vgstate"], translate: |code| words(code, &STATES_GLBP) },
    same("priority", &["glbp.hello.priority"]),
    same("hello_ms", &["glbp.hello.helloint"]),
    same("hold_ms", &["glbp.hello.holdint"]),
    same("redirect_s", &["glbp.hello.redirect"]),
    same("timeout_s", &["glbp.hello.timeout"]),
    same("addresses", &["glbp.hello.virtualipv4", "glbp.hello.virtualipv6"]),
    same("forwarders.number", &["glbp.reqresp.forwarder"]),
    Pair {
        key: "forwarders.state",
        fields: &["glbp.reqresp.vfstate"],
        translate: |code| words(code, &STATES_GLBP),
    },
    same("forwarders.priority", &["glbp.reqresp.priority"]),
    same("forwarders.weighting", &["glbp.reqresp.weight"]),
    same("forwarders.mac", &["glbp.reqresp.virtualmac"]),
];

/// The word for a code; one without a word stays a number.
fn words(code: &str, table: &[(&str, &str)]) -> String {
    table.iter().find(|(known, _)| *known == code).map_or(code, |(_, word)| word).to_owned()
}

fn times(number: &str, factor: u64) -> String {
    number
        .parse::<u64>()
        .map_or_else(|_| format!("not a number: {number}"), |number| (number * factor).to_string())
}

fn hexadecimal(number: &str, width: usize) -> String {
    number
        .parse::<u64>()
        .map_or_else(|_| format!("not a number: {number}"), |number| format!("{number:0width$x}"))
}

fn pairs_of(protocol: &str) -> &'static [Pair] {
    match protocol {
        "vrrp" => &VRRP,
        "carp" => &CARP,
        "hsrp" => &HSRP,
        _ => &GLBP,
    }
}

/// What a frame is, as tshark names it.
const PROTOCOLS: [&str; 4] = ["vrrp", "carp", "hsrp", "glbp"];

/// Every frame that tshark takes for one of our protocols: number, protocol, and its fields. It takes CARP for VRRP
/// unless it is told otherwise, which is `told`.
fn tshark(capture: &Path, told: &[&str]) -> BTreeMap<u64, (String, BTreeMap<&'static str, String>)> {
    let tables = [&ENVELOPE[..], &VRRP, &CARP, &HSRP, &GLBP];
    let fields: Vec<&'static str> =
        tables.into_iter().flatten().flat_map(|pair| pair.fields).copied().collect();
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(capture).args(told).args([
        "-T",
        "fields",
        "-E",
        "occurrence=a",
        "-E",
        "aggregator=,",
    ]);
    command.args(["-e", "frame.number", "-e", "frame.protocols", "-e", "frame.time_epoch"]);
    fields.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let output = command.output().unwrap();
    assert!(output.status.success(), "{capture:?}: {}", String::from_utf8_lossy(&output.stderr));
    let mut frames = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let mut values = line.split(TAB);
        let number = values.next().unwrap().parse().unwrap();
        let layers = values.next().unwrap();
        let Some(protocol) = layers.split(':').find(|layer| PROTOCOLS.contains(layer)) else { continue };
        let mut said: BTreeMap<_, _> = [("frame.time_epoch", values.next().unwrap().to_owned())].into();
        said.extend(
            fields.iter().copied().zip(values.map(str::to_owned)).filter(|(_, value)| !value.is_empty()),
        );
        frames.insert(number, (protocol.to_owned(), said));
    }
    frames
}

/// A line of ours. Its time stays text: as a number with a floating point it would lose its nanoseconds.
fn object(line: &str) -> Value {
    let mut object: Value = serde_json::from_str(line).unwrap();
    let (_, behind) = line.split_once("\"time\":").unwrap();
    object["time"] = behind.split_once(',').unwrap().0.into();
    object
}

/// The value of a key; with a point in it, the values of the latter part in a list of records.
fn find(line: &Value, key: &str) -> Option<Value> {
    match key.split_once('.') {
        None => line.get(key).cloned(),
        Some((list, key)) => {
            let records = line.get(list)?.as_array()?;
            Some(records.iter().map(|record| record[key].clone()).collect())
        }
    }
}

/// As tshark would write a value of ours.
fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(flat).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Every difference in a capture, in words.
fn differences(capture: &Path) -> (usize, Vec<String>) {
    let output = super::decode(&["--json", capture.to_str().unwrap()]);
    let ours: BTreeMap<u64, Value> = super::out(&output)
        .lines()
        .map(object)
        .filter(|line| PROTOCOLS.contains(&line["protocol"].as_str().unwrap()))
        .map(|line| (line["frame"].as_u64().unwrap(), line))
        .collect();
    let mut theirs = tshark(capture, &[]);
    if ours.values().any(|line| line["protocol"] == "carp") {
        let is_carp = |number: &u64| ours.get(number).is_some_and(|line| line["protocol"] == "carp");
        let told = tshark(capture, &["-d", "ip.proto==112,carp"]);
        theirs.extend(told.into_iter().filter(|(number, _)| is_carp(number)));
    }
    let mut differences = Vec::new();
    for number in theirs.keys().filter(|number| !ours.contains_key(number)) {
        differences.push(format!("frame {number}: only tshark shows it"));
    }
    for (number, line) in &ours {
        let Some((protocol, said)) = theirs.get(number) else {
            differences.push(format!("frame {number}: tshark does not show it"));
            continue;
        };
        let mut differ = |what: &str, ours: &str, theirs: &str| {
            differences.push(format!("frame {number}: {what}: {ours} here, {theirs} in tshark"));
        };
        if line["protocol"] != protocol.as_str() {
            differ("protocol", &flat(&line["protocol"]), protocol);
            continue;
        }
        let time = line["time"].as_str().unwrap();
        if time != said["frame.time_epoch"] {
            differ("time", time, &said["frame.time_epoch"]);
        }
        for pair in ENVELOPE.iter().chain(pairs_of(protocol)) {
            let values: Vec<&str> =
                pair.fields.iter().filter_map(|field| Some(said.get(field)?.as_str())).collect();
            if values.is_empty() {
                continue;
            }
            let theirs = values
                .iter()
                .flat_map(|value| value.split(COMMA))
                .map(pair.translate)
                .collect::<Vec<_>>()
                .join(",");
            let ours = find(line, pair.key).map(|value| flat(&value)).unwrap_or_default();
            if ours != theirs {
                differ(pair.key, &ours, &theirs);
            }
        }
    }
    (ours.len(), differences)
}

fn captures(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(captures(&entry));
        } else if entry.extension().is_some_and(|kind| kind.to_string_lossy().starts_with("pcap")) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

#[test]
fn every_capture_says_what_tshark_says() {
    if !is_there("tshark") {
        return skip("decode beside tshark: tshark is not installed");
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps");
    let directory = std::env::var_os("FIRSTHOP_CAPTURES").map_or(own, PathBuf::from);
    let captures = captures(&directory);
    assert!(!captures.is_empty(), "{directory:?} has no captures");
    let mut differing = Vec::new();
    for capture in &captures {
        let (count, differences) = differences(capture);
        println!("{}: {count} frames, {} differences", capture.display(), differences.len());
        differing.extend(differences.into_iter().map(|text| format!("{}: {text}", capture.display())));
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
