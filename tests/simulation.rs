//! The simulation as part of every test run: fresh seeds, everything that ever failed, every interleaving of a few
//! events, and the command line around them.
#![allow(clippy::unwrap_used)]

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use firsthop::sim::campaign::{Campaign, Summary};
use firsthop::sim::exhaustive::Space;
use firsthop::sim::generate::{self, Limits, Simulated};
use firsthop::sim::{Scenario, run};

/// Fresh seeds of one test run, of each protocol.
const fn seeds(protocol: Simulated) -> u64 {
    match protocol {
        // Its routers speak more, and one run of it takes as long as ten of another.
        Simulated::Glbp => 1_000,
        Simulated::Vrrp | Simulated::Hsrp | Simulated::Carp => 3_000,
    }
}

fn campaign(numbers: std::ops::Range<u64>, scenario: &(dyn Fn(u64) -> Scenario + Sync)) -> Summary {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    Campaign { numbers, until: None, jobs, enough: 1, scenario }.run(&mut |_| {})
}

#[test]
fn fresh_seeds_are_clean() {
    let from = RandomState::new().build_hasher().finish() % 1_000_000_000_000;
    for protocol in Simulated::ALL {
        let limits = Limits { protocol: Some(protocol), ..Limits::default() };
        let summary = campaign(from..from + seeds(protocol), &|seed| generate::scenario(seed, &limits));
        for found in &summary.violations {
            println!(
                "firsthop sim --protocol {} --seed {}: {}",
                protocol.name(),
                found.number,
                found.violation
            );
        }
        assert_eq!(summary.violations.len(), 0);
        assert_eq!(summary.runs, seeds(protocol));
    }
}

/// Scenarios that broke something before it was mended, as the shrinker left them.
#[test]
fn what_ever_failed_is_clean() {
    let mut count = 0;
    for path in scenarios() {
        let text = fs::read_to_string(&path).unwrap();
        let scenario: Scenario = serde_json::from_str(&text).unwrap();
        assert_eq!(scenario.check(), Ok(()), "{}", path.display());
        assert_eq!(run(&scenario, false).violation, None, "{}", path.display());
        count += 1;
    }
    assert!(count >= 5, "{count} scenarios");
}

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
}

#[test]
fn every_interleaving_of_a_few_events_is_clean() {
    let spaces = Simulated::ALL.into_iter().flat_map(|protocol| {
        [
            Space { protocol, routers: 2, steps: 2, messages: 4 },
            Space { protocol, routers: 3, steps: 1, messages: 5 },
        ]
    });
    for space in spaces {
        let summary = campaign(0..space.size(), &|number| space.scenario(number));
        assert_eq!(summary.violations, [], "{space:?}");
        assert_eq!(summary.runs, space.size());
    }
}

fn firsthop(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_firsthop")).arg("sim").args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_seed_is_explained_with_its_files_and_can_be_run_again_from_them() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let first = firsthop(&["--protocol", "vrrp", "--seed", "7", "--explain", "--out", out]);
    assert!(first.status.success(), "{}", said(&first));
    let base = folder.path().join("firsthop-sim-run-seed-7");
    let text = fs::read_to_string(base.with_extension("txt")).unwrap();
    assert!(text.contains("Script") && text.contains("Backup → Active"), "{text}");
    assert!(fs::read_to_string(base.with_extension("svg")).unwrap().starts_with("<svg"));
    let capture = fs::read(base.with_extension("pcapng")).unwrap();

    let file = base.with_extension("json");
    let again = folder.path().join("again");
    let file = file.to_str().unwrap();
    let second = firsthop(&["--scenario", file, "--explain", "--out", again.to_str().unwrap()]);
    assert!(second.status.success(), "{}", said(&second));
    let written = fs::read_dir(&again).unwrap().map(|entry| entry.unwrap().path());
    let captures: Vec<PathBuf> =
        written.filter(|path| path.extension().is_some_and(|e| e == "pcapng")).collect();
    assert_eq!(captures.len(), 1);
    assert_eq!(fs::read(&captures[0]).unwrap(), capture);
}

#[test]
fn figures_come_as_json() {
    let output = firsthop(&["--seeds", "50", "--from", "3", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["from"], 3);
    assert_eq!(document["summary"]["runs"], 50);
    assert_eq!(document["summary"]["violations"].as_array().unwrap().len(), 0);
}

#[test]
fn invariants_are_listed_with_their_sections() {
    let text = said(&firsthop(&["--invariants"]));
    for invariant in firsthop::sim::Invariant::ALL {
        assert!(text.contains(invariant.name()) && text.contains(invariant.source()), "{text}");
    }
}

#[test]
fn what_cannot_be_run_is_said_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.json");
    let path = file.to_str().unwrap();
    for (text, expected) in [
        ("{\"noise\": 1", "broken.json: EOF while parsing an object at line 1"),
        ("{\"noise\": 1, \"rooters\": []}", "broken.json: unknown field `rooters`"),
    ] {
        fs::write(&file, text).unwrap();
        let output = firsthop(&["--scenario", path]);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains(expected), "{}", said(&output));
    }
    let mut scenario = generate::scenario(1, &Limits::default());
    scenario.routers[0].address = 1;
    fs::write(&file, serde_json::to_vec(&scenario).unwrap()).unwrap();
    let text = said(&firsthop(&["--scenario", path]));
    assert!(text.contains("broken.json: router address 1, must be 2 to 199"), "{text}");
    let text = said(&firsthop(&["--routers", "9"]));
    assert!(text.contains("2 to 8 routers, as in `3` or `2..4`"), "{text}");
    let text = said(&firsthop(&["--scenario", "/nowhere/at-all.json"]));
    assert!(text.contains("/nowhere/at-all.json: No such file"), "{text}");
}
