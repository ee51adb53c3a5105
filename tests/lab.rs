//! The lab itself, on the real kernel: does it see what is there, and does it hurt what it says?

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use firsthop::lab::{Deed, Lab, Measured, Options, Progress, SCENARIOS, Scenario, play};

const PATIENCE: Duration = Duration::from_millis(100);

/// Routers without a daemon: what answers is what the set-up puts there.
const STILL: &str = r#"
title = "Nothing moves"
[routers.r1]
daemon = "none"
setup = ["ip address add 10.0.10.1/24 dev lan", "ip address add fe80::1/64 dev lan nodad"]
[routers.r2]
daemon = "none"
"#;

fn options() -> Options {
    Options { firsthop: PathBuf::from(env!("CARGO_BIN_EXE_firsthop")), captures: None, work: None }
}

/// Whether this test can run here; says why not.
fn possible(programs: &[&str]) -> bool {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root for network namespaces");
        return false;
    }
    let found =
        |program: &&str| Command::new("which").arg(program).output().is_ok_and(|out| out.status.success());
    match programs.iter().find(|program| !found(program)) {
        None => true,
        Some(missing) => {
            eprintln!("skipped: {missing} is not installed");
            false
        }
    }
}

#[expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and this is their helper")]
fn who(lab: &Lab, ip: &str) -> Vec<String> {
    let answers = lab.who_answers(ip.parse().unwrap(), PATIENCE).unwrap();
    answers.into_iter().map(|answer| format!("{} {}", answer.router, answer.mac)).collect()
}

struct Quiet;

impl Progress for Quiet {
    fn preparing(&self, _what: &str) {}
    fn step(&self, _run: u32, _step: usize, _what: &str) {}
    fn measured(&self, _what: &str, _measured: &Measured) {}
}

#[test]
fn questions_find_whoever_has_the_address() {
    if !possible(&["ip"]) {
        return;
    }
    let lab = Lab::build(&Scenario::parse("still", STILL).unwrap(), options()).unwrap();
    assert_eq!(who(&lab, "10.0.10.1"), ["r1 02:00:00:10:00:02"]);
    assert_eq!(who(&lab, "10.0.10.3"), ["r2 02:00:00:10:00:03"]);
    assert_eq!(who(&lab, "fe80::1"), ["r1 02:00:00:10:00:02"]);
    assert_eq!(who(&lab, "2001:db8:10::3"), ["r2 02:00:00:10:00:03"]);
    assert!(who(&lab, "10.0.10.77").is_empty());
}

#[test]
fn a_router_without_power_says_nothing_and_boots_with_an_empty_kernel() {
    if !possible(&["ip"]) {
        return;
    }
    let mut lab = Lab::build(&Scenario::parse("still", STILL).unwrap(), options()).unwrap();
    let mut added = lab.router("r1").unwrap().node().command("ip").unwrap();
    assert!(added.args(["address", "add", "10.0.10.9/24", "dev", "lan"]).status().unwrap().success());
    assert_eq!(who(&lab, "10.0.10.9").len(), 1);

    let moment = lab.fault(Deed::Power, Some("r1")).unwrap();
    assert!(Duration::from_nanos(moment.took) < Duration::from_millis(20), "{moment:?}");
    assert!(who(&lab, "10.0.10.1").is_empty());

    lab.fault(Deed::Recover, None).unwrap();
    assert_eq!(who(&lab, "10.0.10.1"), ["r1 02:00:00:10:00:02"]);
    assert!(who(&lab, "10.0.10.9").is_empty());
}

#[test]
fn a_pulled_cable_is_silent_until_it_is_back() {
    if !possible(&["ip"]) {
        return;
    }
    let mut lab = Lab::build(&Scenario::parse("still", STILL).unwrap(), options()).unwrap();
    lab.fault(Deed::Unplug, Some("r1")).unwrap();
    assert!(who(&lab, "10.0.10.1").is_empty());
    lab.fault(Deed::Recover, None).unwrap();
    // The kernel takes up to a second to believe in a carrier.
    assert!((0..30).any(|_| who(&lab, "10.0.10.1").len() == 1));
}

#[test]
fn a_partition_is_between_the_routers_alone() {
    if !possible(&["ip", "ping"]) {
        return;
    }
    let mut lab = Lab::build(&Scenario::parse("still", STILL).unwrap(), options()).unwrap();
    let reaches = |lab: &mut Lab| {
        let mut ping = lab.router("r1").unwrap().node().command("ping").unwrap();
        ping.args(["-c1", "-W1", "10.0.10.3"]).output().unwrap().status.success()
    };
    let reaches_at_last = |lab: &mut Lab| (0..10).any(|_| reaches(lab));
    assert!(reaches_at_last(&mut lab));
    lab.fault(Deed::Partition, None).unwrap();
    assert!(!reaches(&mut lab));
    assert_eq!((who(&lab, "10.0.10.1").len(), who(&lab, "10.0.10.3").len()), (1, 1));
    lab.fault(Deed::Heal, None).unwrap();
    assert!(reaches_at_last(&mut lab));
}

#[test]
fn a_pair_of_keepalived_is_measured() {
    if !possible(&["keepalived"]) {
        return;
    }
    let (_, text) = SCENARIOS.iter().find(|(name, _)| *name == "keepalived-pair").unwrap();
    let mut scenario = Scenario::parse("keepalived-pair", text).unwrap();
    scenario.timeline.truncate(2);
    let captures = tempfile::tempdir().unwrap();
    let options = Options { captures: Some(captures.path().to_owned()), ..options() };
    let mut lab = Lab::build(&scenario, options).unwrap();
    let report = play(&mut lab, 1, &Quiet, &AtomicBool::new(false)).unwrap();

    let [power, recover] = report.steps.as_slice() else { panic!("{report:#?}") };
    let take_over = power.runs[0].take_over.as_ref().unwrap();
    assert_eq!((take_over.router.as_str(), take_over.goodbye), ("r2", false));
    assert_eq!(take_over.bound, Duration::from_nanos(360_937_500));
    assert!(take_over.late >= 0.0, "nobody may take over before the bound: {take_over:?}");
    // Two intervals at the least, as the phase is any; how much more is the machine's affair.
    assert!(power.runs[0].outage.as_millis() >= 200 && power.runs[0].lost >= 200, "{power:#?}");
    assert_eq!(recover.runs[0].gateways, ["r1"]);

    assert_eq!(report.captures.len(), 3);
    for capture in &report.captures {
        assert!(capture.metadata().unwrap().len() > 1000, "{capture:?}");
    }
    assert!(report.table(false).contains("power active"));
    assert!(report.json().unwrap().contains("\"passed\""));
}

#[test]
fn nothing_of_a_lab_is_left() {
    if !possible(&["keepalived"]) {
        return;
    }
    let (_, text) = SCENARIOS.iter().find(|(name, _)| *name == "keepalived-pair").unwrap();
    let mut lab = Lab::build(&Scenario::parse("keepalived-pair", text).unwrap(), options()).unwrap();
    lab.start().unwrap();
    thread::sleep(Duration::from_millis(300));
    let process = lab.router("r1").unwrap().main_process().unwrap();
    drop(lab);
    assert!(rustix::process::test_kill_process(process).is_err());
}
