//! A daemon that dies or stalls lets go.

use std::process::{Child, Command};
use std::time::Duration;

use fhrp::Presence;

use super::lab::{Router, VMAC, eventually, holdings, number_of, ok, state, with_lab, within};
use crate::addr::Preparation;
use crate::engine::GroupIndex;
use crate::guardian::{Goodbye, Will};

/// Set in the environment of the process that is to hold things.
const ROLE: &str = "FIRSTHOP_TEST_HOLDER";

/// Runs this test program again, as a daemon that holds everything and then waits to be killed.
fn holder() -> Child {
    let mut command = Command::new("/proc/self/exe");
    command.args(["--exact", "addr::tests::dying::holder_process", "--nocapture", "--test-threads=1"]);
    let child = command.env(ROLE, "1").spawn().unwrap();
    eventually("the holder holds", || ok("ip addr show dev lan").contains("10.0.0.5/24"));
    std::thread::sleep(Duration::from_millis(200));
    child
}

/// Not a test but the dying process of other tests.
#[test]
fn holder_process() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let guardian = crate::guardian::tests::guardian();
    let lan = number_of("lan");
    let mut router = Router::start(Some(guardian.sender()));
    router
        .prepare_macs(vec![Preparation { link: lan, macs: [VMAC].into(), ..Preparation::default() }])
        .unwrap();
    let lease = Duration::from_millis(400);
    let mut frame = vec![0xff; 6];
    frame.extend(VMAC.0);
    frame.extend([0x88, 0xb5]);
    frame.extend(b"goodbye, said on behalf of a router that can no longer speak");
    let will = Will { lease, frames: vec![Goodbye { link: lan, frame }], routed: Vec::new() };
    guardian.sender().will(GroupIndex(1), &will);
    for (group, (ip, presence)) in [
        ("10.0.0.1", Presence::Accepted),
        ("fe80::1", Presence::Accepted),
        ("10.0.0.5", Presence::OnInterface),
    ]
    .into_iter()
    .enumerate()
    {
        let held = fhrp::Holdings { lease, ..holdings(ip, presence) };
        router.hold(group as u32, lan, held).unwrap();
    }
    std::thread::sleep(Duration::from_secs(60));
}

fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_killed_daemon_leaves_nothing_and_its_goodbye_is_said() {
    with_lab(|lab| {
        let before = state();
        let mut daemon = holder();
        assert!(lab.reaches("10.0.0.1") && lab.reaches("10.0.0.5"));
        let capture = lab.capture("ether proto 0x88b5");
        let killed = std::time::Instant::now();
        signal(&daemon, "-KILL");
        assert!(within(Duration::from_secs(1), || state() == before), "{}", state());
        eprintln!("all gone {:?} after kill -9", killed.elapsed());
        let heard = capture.heard();
        assert_eq!(heard.matches("00:00:5e:00:01:01 > ff:ff:ff:ff:ff:ff").count(), 1, "{heard}");
        daemon.wait().unwrap();
    });
}

#[test]
fn a_stalled_daemon_lets_go_and_may_wake_up() {
    with_lab(|lab| {
        let mut daemon = holder();
        let capture = lab.capture("ether proto 0x88b5");
        signal(&daemon, "-STOP");
        std::thread::sleep(Duration::from_millis(600));
        assert!(!ok("ip addr show dev lan").contains("10.0.0.5"), "the guardian took it away");
        assert!(lab.misses("10.0.0.1") && lab.misses("203.0.113.1"), "the gate is closed");
        signal(&daemon, "-CONT");
        eventually("back, since nobody told it to let go", || {
            lab.reaches("10.0.0.1") && ok("ip addr show dev lan").contains("10.0.0.5")
        });
        let heard = capture.heard();
        assert_eq!(heard.matches("00:00:5e:00:01:01 > ff:ff:ff:ff:ff:ff").count(), 1, "{heard}");
        signal(&daemon, "-KILL");
        daemon.wait().unwrap();
    });
}
