//! Every capture in `pcaps/` beside its sidecar: `firsthop decode`, `analyze` and `replay` must see what it says.
//!
//! Each `NAME.pcapng` has `NAME.lab.toml` (topology, configuration, faults: what the lab played), `NAME.toml` (what
//! must be seen) and `NAME.txt` (its decode).

#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use firsthop::analyze::Analysis;
use firsthop::analyze::listen::listen;
use firsthop::analyze::reading::Part;
use firsthop::analyze::story::{Change, Event, Story, What};
use firsthop::capture::Reader;
use firsthop::decode::keys::Keys;
use firsthop::decode::{Decoder, Wish};
use firsthop::lab::Scenario;
use firsthop::replay::compare::Compared;
use firsthop::replay::enact::Enact;
use serde::Deserialize;

/// Longest capture that belongs into a repository, in octets.
const LARGEST: u64 = 60_000;

/// What must be seen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Sidecar {
    /// What the capture is for, in a sentence.
    shows: String,
    /// Keys that its frames are signed with.
    #[serde(default)]
    keys: Vec<String>,
    /// Addresses that CARP's digests cover.
    #[serde(default)]
    carp_addresses: Vec<IpAddr>,
    /// Names of everything that is wrong with any frame.
    problems: BTreeSet<String>,
    /// What was written beside frames: the faults.
    comments: Vec<String>,
    group: Vec<GroupSidecar>,
    replay: Vec<ReplaySidecar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct GroupSidecar {
    name: String,
    members: Vec<IpAddr>,
    /// What happens to its gateway, in order.
    events: Vec<String>,
    /// What happens to each of its forwarders, by number; GLBP only.
    #[serde(default)]
    forwarders: BTreeMap<String, Vec<String>>,
    findings: BTreeSet<String>,
    /// How much later than the rules allow a role is taken at most, in milliseconds.
    late_ms: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ReplaySidecar {
    /// The router that is taken out.
    #[serde(rename = "as")]
    address: IpAddr,
    /// How many divergences there are at most: what is early or late differs from recording to recording. Each of them
    /// is explained.
    divergences_at_most: usize,
    /// For how long at most one holds the role and the other does not, in milliseconds.
    differed_ms: f64,
    /// How far apart at most the two take a role that they had to wait for, in milliseconds.
    takes_ms: f64,
}

fn captures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps");
    let rooms = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = rooms.flat_map(|room| fs::read_dir(room).unwrap().map(|entry| entry.unwrap().path()));
    let mut captures: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "pcapng")).collect();
    captures.sort();
    assert!(captures.len() >= 9, "{captures:?}");
    captures
}

fn sidecar(capture: &Path) -> Sidecar {
    let file = capture.with_extension("toml");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn wish(sidecar: &Sidecar) -> Wish {
    let mut keys = Keys::default();
    sidecar.keys.iter().for_each(|key| keys.add(key.as_bytes()).unwrap());
    Wish { keys, carp_addresses: sidecar.carp_addresses.clone(), ..Wish::default() }
}

fn story(capture: &Path, sidecar: &Sidecar) -> Story {
    let mut analysis = Analysis::default();
    let mut reader = Reader::open(capture).unwrap();
    let mut decoder = Decoder::new(wish(sidecar));
    listen(&mut analysis, &mut reader, &mut decoder, false, &mut |damage| panic!("{damage}"));
    analysis.finish()
}

/// An event in a few words that stay the same when the capture is recorded anew.
fn words(event: &Event) -> String {
    let change = |change: &Change| {
        let from = change.from.map(|from| format!(" from {from}")).unwrap_or_default();
        let unheard = if change.unheard { ", goodbye unheard" } else { "" };
        let cause = serde_json::to_value(change.cause).unwrap();
        format!("{}{from}: {}{unheard}", change.who, cause.as_str().unwrap())
    };
    match &event.what {
        What::Holds { who } => format!("{who} holds"),
        What::TakeOver(taken) => format!("take-over by {}", change(taken)),
        What::Election(elected) => format!("election of {}", change(elected)),
        What::Resignation { who } => format!("{who} resigns"),
        What::StepDown { who, word } => format!("{who} steps down: {word}"),
        What::TwoActive { who, other, yielded, cause, .. } => {
            let yielded = yielded.map_or_else(|| "nobody".to_owned(), |who| who.to_string());
            let cause = serde_json::to_value(cause).unwrap();
            format!("{who} and {other} both active, {yielded} yields: {}", cause.as_str().unwrap())
        }
        What::Silence { who, returned, .. } => {
            format!("{who} falls silent{}", if *returned { " and returns" } else { "" })
        }
        What::Setting { who, setting, before, now } => format!("{who} changes {setting}: {before} to {now}"),
    }
}

#[test]
fn every_capture_is_small_and_has_its_sidecars() {
    for capture in captures() {
        let name = capture.display();
        assert!(fs::metadata(&capture).unwrap().len() <= LARGEST, "{name}");
        let scenario = capture.with_extension("lab.toml");
        let text = fs::read_to_string(&scenario).unwrap_or_else(|error| panic!("{name}: {error}"));
        let scenario = Scenario::parse(&scenario.display().to_string(), &text);
        assert!(scenario.is_ok_and(|scenario| !scenario.capture_stream), "{name}");
        assert!(!sidecar(&capture).shows.is_empty(), "{name}");
    }
}

#[test]
fn decode_says_what_is_written_beside_each_capture() {
    for capture in captures() {
        let expected = sidecar(&capture);
        let mut command = Command::new(env!("CARGO_BIN_EXE_firsthop"));
        command.args(["decode", "--relative"]).arg(&capture);
        for key in &expected.keys {
            command.args(["--key", key]);
        }
        for address in &expected.carp_addresses {
            command.args(["--carp-address", &address.to_string()]);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", capture.display());
        let decoded = String::from_utf8(output.stdout).unwrap();
        let written = fs::read_to_string(capture.with_extension("txt")).unwrap();
        for (line, (said, wanted)) in decoded.lines().zip(written.lines()).enumerate() {
            assert_eq!(said, wanted, "{} line {}", capture.display(), line + 1);
        }
        assert_eq!(decoded.lines().count(), written.lines().count(), "{}", capture.display());
    }
}

#[test]
fn pictures_are_what_analyze_draws() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let drawn: Vec<PathBuf> =
        captures().into_iter().filter(|capture| capture.with_extension("svg").exists()).collect();
    assert!(!drawn.is_empty());
    for capture in drawn {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firsthop"));
        command.current_dir(root).arg("analyze").arg(capture.strip_prefix(root).unwrap());
        let output = command.args(["--svg", "-"]).output().unwrap();
        let picture = fs::read_to_string(capture.with_extension("svg")).unwrap();
        assert!(String::from_utf8(output.stdout).unwrap() == picture, "{}", capture.display());
    }
}

#[test]
fn analyze_tells_the_story_that_the_sidecar_tells() {
    for capture in captures() {
        let expected = sidecar(&capture);
        let (story, name) = (story(&capture, &expected), capture.display());
        assert_eq!((story.refused, story.disordered, story.left_out), (0, 0, 0), "{name}");
        let comments: Vec<&String> = story.comments.iter().map(|comment| &comment.text).collect();
        assert_eq!(comments, expected.comments.iter().collect::<Vec<_>>(), "{name}");
        assert_eq!(story.groups.len(), expected.group.len(), "{name}");
        let mut problems = BTreeSet::new();
        for (group, wanted) in story.groups.iter().zip(&expected.group) {
            assert_eq!(group.name(), wanted.name, "{name}");
            let members: Vec<IpAddr> = group.members.iter().map(|member| member.address).collect();
            assert_eq!(members, wanted.members, "{name}");
            let mut told: BTreeMap<Part, Vec<String>> = BTreeMap::new();
            group.events.iter().for_each(|event| told.entry(event.part).or_default().push(words(event)));
            assert_eq!(told.remove(&Part::Gateway).unwrap_or_default(), wanted.events, "{name}");
            let forwarders = told.into_iter().map(|(part, told)| match part {
                Part::Forwarder(number) => (number.to_string(), told),
                Part::Gateway => ("gateway".to_owned(), told),
            });
            assert_eq!(forwarders.collect::<BTreeMap<_, _>>(), wanted.forwarders, "{name}");
            let findings: BTreeSet<String> =
                group.findings.iter().map(|finding| finding.name.clone()).collect();
            assert_eq!(findings, wanted.findings, "{name}");
            problems.extend(findings);
            for event in &group.events {
                let What::TakeOver(Change { vacant_ns, expected_ns, .. }) = &event.what else { continue };
                if let (Some(vacant), Some(expected)) = (vacant_ns, expected_ns) {
                    // FRR cuts its skew to whole centiseconds, and may be early by as much.
                    let late = (*vacant as f64 - *expected as f64) / 1e6;
                    assert!((-10.0..=wanted.late_ms).contains(&late), "{name}: {late} ms late");
                }
            }
        }
        problems.retain(|problem| !problem.ends_with("-mismatch"));
        assert_eq!(problems, expected.problems, "{name}");
    }
}

fn enact(capture: &Path, sidecar: &Sidecar, address: IpAddr) -> Vec<Compared> {
    let open = || Reader::open(capture);
    let enact =
        Enact { open: &open, address, wish: &wish(sidecar), config: None, per_interface: false, seed: 1 };
    enact.run(&mut |damage| panic!("{damage}")).unwrap()
}

#[test]
fn ours_in_the_place_of_every_router_does_the_same() {
    for capture in captures() {
        let expected = sidecar(&capture);
        let replayed: BTreeSet<IpAddr> = expected.replay.iter().map(|replay| replay.address).collect();
        let members = expected.group.iter().flat_map(|group| group.members.iter().copied());
        assert_eq!(replayed, members.collect(), "{}: every router is replayed", capture.display());
        for wanted in &expected.replay {
            for compared in enact(&capture, &expected, wanted.address) {
                let what = format!("{} as {}: {compared:#?}", capture.display(), wanted.address);
                assert_eq!(compared.unexplained, 0, "{what}");
                assert!(compared.divergences.len() <= wanted.divergences_at_most, "{what}");
                assert!(compared.differed_ms <= wanted.differed_ms, "{what}");
                let begun = compared.forwarding.iter().flat_map(|forwarding| &forwarding.taken);
                let takes = compared.timing.takes.iter().chain(begun.map(|begun| &begun.take));
                let takes = takes.filter(|take| !take.arranged);
                assert!(takes.map(|take| take.late_ms.abs()).all(|late| late <= wanted.takes_ms), "{what}");
                if let Some(forwarding) = &compared.forwarding {
                    assert!(forwarding.hellos > 0 && forwarding.same > 0, "{what}");
                }
                assert!(compared.frames.ours > 0 && !compared.fields.is_empty(), "{what}");
            }
        }
    }
}
