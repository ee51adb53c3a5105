//! The judges of what firsthop sent: tcpdump and tshark, every checksum checked.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::common::possible;

/// Words with which tcpdump says that it does not like a frame, at the start of a word: a digest in hexadecimal has
/// letters enough to be `bad` by chance.
const COMPLAINTS: [&str; 9] =
    ["bad", "malformed", "incorrect", "wrong", "invalid", "truncated", "[|", "unknown", "mismatch"];

/// What tcpdump says of an Advertise of HSRP: it was never told of it, whoever sends it. tshark reads it.
const NEVER_HEARD_OF: &str = "HSRPv0-unknown (3) 16: ";

/// What the judges cannot tell by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each protocol's tests need one of them")]
pub enum Told {
    /// Nothing.
    Nothing,
    /// An IPv4 checksum of VRRP version 3 may be of either form. Both judges want a pseudo-header unless told otherwise,
    /// and only tshark can be told.
    TwoForms,
    /// IP protocol 112 is CARP.
    Carp,
}

impl Told {
    fn tshark(self) -> &'static [&'static str] {
        if self == Told::Carp { &["-d", "ip.proto==112,carp"] } else { &[] }
    }

    fn tcpdump(self) -> &'static [&'static str] {
        if self == Told::Carp { &["-T", "carp"] } else { &[] }
    }
}

/// Has both judges look at every frame that came from these routers onto the LAN, of all that its switch recorded.
/// `kinds`, in tshark's words, must all be there to be judged.
pub fn judge(title: &str, segment: &Path, routers: &[&str], told: Told, kinds: &[&str]) {
    if !possible(&format!("{title}: judges"), &["tshark", "tcpdump"]) {
        return;
    }
    let ours = segment.with_file_name("ours.pcap");
    let ports = format!("frame.interface_name matches \"^({})-lan$\"", routers.join("|"));
    run("tshark", &["-r", path(segment), "-Y", &ports, "-w", path(&ours), "-F", "pcap"]);
    judge_file(title, &ours, told, kinds);
}

fn judge_file(title: &str, ours: &Path, told: Told, kinds: &[&str]) {
    for kind in kinds {
        let frames = tshark(ours, told, true, kind, &["frame.number"]).lines().count();
        assert!(frames > 0, "{title}: none of ours is `{kind}`");
    }

    let two_forms = told == Told::TwoForms;
    let with_pseudo_header = tshark_dislikes(ours, told, false);
    let without = tshark_dislikes(ours, told, true);
    let other_form = |frame: &u32| two_forms && !without.contains_key(frame);
    let guilty: Vec<_> = with_pseudo_header.iter().filter(|(frame, _)| !other_form(frame)).collect();
    assert!(guilty.is_empty(), "{title}: tshark dislikes {guilty:#?}");
    let other_form: BTreeSet<_> =
        with_pseudo_header.keys().copied().filter(|frame| other_form(frame)).collect();
    let guilty: Vec<_> = tcpdump_dislikes(ours, told)
        .into_iter()
        .filter(|(frame, text)| !(other_form.contains(frame) && text.contains("bad vrrp cksum")))
        .collect();
    assert!(guilty.is_empty(), "{title}: tcpdump dislikes {guilty:#?}");
    let long = [&["-V", "-r", path(ours), "-o", "ip.check_checksum:TRUE"], told.tshark()].concat();
    let long = run("tshark", &long);
    assert!(!long.contains("Malformed"), "{title}: tshark calls something malformed");
}

/// What tshark warns of, by frame.
fn tshark_dislikes(file: &Path, told: Told, message_only: bool) -> std::collections::BTreeMap<u32, String> {
    // Severities from `warning` on.
    let filter = "_ws.expert.severity >= 0x600000 || _ws.malformed || ip.checksum.status == 0 || \
                  vrrp.checksum.status == 0 || icmpv6.checksum.status == 0 || igmp.checksum.status == 0";
    let lines =
        tshark(file, told, message_only, filter, &["frame.number", "_ws.col.Protocol", "_ws.expert.message"]);
    lines
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(frame, what)| (frame.parse().unwrap(), what.to_owned()))
        .collect()
}

fn tshark(file: &Path, told: Told, message_only: bool, filter: &str, fields: &[&str]) -> String {
    let form = format!("vrrp.v3_checksum_as_in_v2:{}", if message_only { "TRUE" } else { "FALSE" });
    let mut arguments = vec!["-r", path(file), "-o", "ip.check_checksum:TRUE", "-o", &form, "-Y", filter];
    arguments.extend(told.tshark());
    arguments.extend(["-T", "fields"]);
    arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
    run("tshark", &arguments)
}

/// What tcpdump complains of, by frame.
fn tcpdump_dislikes(file: &Path, told: Told) -> Vec<(u32, String)> {
    let text = run("tcpdump", &[&["-#", "-vvv", "-e", "-n", "-r", path(file)], told.tcpdump()].concat());
    let mut frames: Vec<(u32, String)> = Vec::new();
    for line in text.lines() {
        // A frame begins with its number; what follows is indented.
        let number = line.trim_start().split_once("  ").and_then(|(number, _)| number.parse().ok());
        match (number, frames.last_mut()) {
            (Some(number), _) => frames.push((number, line.to_owned())),
            (None, Some((_, frame))) => frame.push_str(line),
            (None, None) => {}
        }
    }
    assert!(!frames.is_empty(), "tcpdump prints no frames: {text}");
    frames.retain(|(_, text)| !text.contains(NEVER_HEARD_OF));
    frames.retain(|(_, text)| COMPLAINTS.iter().any(|word| complains(&text.to_lowercase(), word)));
    frames
}

/// Whether a complaint stands in a text by itself or opens a longer word, not in the midst of another.
fn complains(text: &str, complaint: &str) -> bool {
    text.match_indices(complaint)
        .any(|(at, _)| !text[..at].ends_with(|before: char| before.is_ascii_alphanumeric()))
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
