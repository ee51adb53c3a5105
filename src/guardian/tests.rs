//! The guardian as a real process: this test program, run again.

use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Guardian, spawn_as};

/// Set in the environment of the process that is to be the guardian.
const ROLE: &str = "FIRSTHOP_TEST_GUARDIAN";

/// Runs this test program again as a guardian.
pub(crate) fn guardian() -> Guardian {
    let mut command = Command::new("/proc/self/exe");
    command.args(["--exact", "guardian::tests::guardian_process", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, "1");
    spawn_as(command).unwrap()
}

/// Not a test but the guardian process of other tests.
#[test]
fn guardian_process() {
    if std::env::var_os(ROLE).is_some() {
        super::main(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
        // The test harness has nothing to add.
        std::process::exit(0);
    }
}

#[test]
fn a_farewell_ends_it() {
    let guardian = guardian();
    let sender = guardian.sender();
    sender.alive();
    let began = Instant::now();
    guardian.farewell().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    // The guardian is gone: what is said now is lost, and nobody waits.
    sender.alive();
    assert_eq!(sender.lost(), 1);
}

#[test]
fn a_guardian_that_does_not_listen_costs_no_time() {
    let guardian = guardian();
    let stop = |signal: &str| {
        let id = guardian.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    };
    stop("-STOP");
    let sender = guardian.sender();
    let began = Instant::now();
    while sender.lost() == 0 && began.elapsed() < Duration::from_secs(20) {
        sender.alive();
    }
    assert!(sender.lost() > 0, "the queue has no end");
    stop("-CONT");
    std::thread::sleep(Duration::from_millis(200));
    guardian.farewell().unwrap();
}
