//! The daemon as an operator meets it: a real one on a real interface, in a network namespace of its own.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);
const FIRSTHOP: &str = env!("CARGO_BIN_EXE_firsthop");
const ONE_GROUP: &str = "[[interface.veth0.vrrp]]\nid = 10\naddresses = [\"10.0.10.1/24\"]\n\
                         advertise-interval = \"100ms\"\n";

/// Interfaces for a daemon, which then takes the place of the shell.
const NAMESPACE: &str = "ip link set lo up && ip link add veth0 type veth peer name veth1 \
                         && ip addr add 10.0.10.2/24 dev veth0 && ip link set veth0 up \
                         && ip link set veth1 up && exec \"$@\"";

struct House {
    directory: tempfile::TempDir,
}

impl House {
    /// A place for a daemon; none, with the reason on standard error, if there can be no namespace.
    fn new() -> Option<House> {
        let able = Command::new("unshare").args(["-n", "ip", "link", "add", "type", "veth"]).output();
        if !able.is_ok_and(|output| output.status.success()) {
            skip("the daemon's command line: no network namespace with a veth pair can be made here");
            return None;
        }
        let house = House { directory: tempfile::tempdir().unwrap() };
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(house.directory.path(), open).unwrap();
        house.configure(ONE_GROUP);
        Some(house)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn configure(&self, text: &str) {
        std::fs::write(self.path("firsthop.toml"), text).unwrap();
    }

    /// The arguments of a daemon.
    fn daemon(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        if program != FIRSTHOP {
            command.args(["-n", "sh", "-c", NAMESPACE, "sh", FIRSTHOP]);
        }
        command.arg("run").arg("--config").arg(self.path("firsthop.toml"));
        command.env("FIRSTHOP_SOCKET", self.path("control.sock")).env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn start(&self) -> Daemon {
        let child = self.daemon("unshare").spawn().unwrap();
        let since = Instant::now();
        while !self.ask(&["show", "--json"]).status.success() {
            assert!(since.elapsed() < PATIENCE, "the daemon does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Daemon { child }
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        self.asking(arguments).output().unwrap()
    }

    fn asking(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(FIRSTHOP);
        command.args(arguments).env("FIRSTHOP_SOCKET", self.path("control.sock")).stdin(Stdio::null());
        command
    }

    fn groups(&self) -> Vec<Value> {
        serde_json::from_slice(&self.ask(&["show", "--json"]).stdout).unwrap()
    }

    fn until_active(&self) {
        let since = Instant::now();
        while self.groups()[0]["state"] != "Active" {
            assert!(since.elapsed() < PATIENCE, "never active: {:?}", self.groups());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

struct Daemon {
    child: Child,
}

impl Daemon {
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for the end, and returns the exit code and the log.
    fn ended(mut self) -> (Option<i32>, String) {
        let log = std::io::read_to_string(self.child.stderr.take().unwrap()).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says by name what could not be tested, also to `tests/run`, which counts.
fn skip(what: &str) {
    eprintln!("skipped: {what}");
    if let Some(list) = std::env::var_os("FIRSTHOP_SKIPPED") {
        let mut list = std::fs::OpenOptions::new().append(true).create(true).open(list).unwrap();
        writeln!(list, "{what}").unwrap();
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_daemon_is_shown_reloaded_told_and_stopped() {
    let Some(house) = House::new() else { return };
    let daemon = house.start();
    house.until_active();

    let table = out(&house.ask(&["show"]));
    for expected in ["veth0", "VRRP 3", "Active", "(here)", "10.0.10.1/24", "00:00:5e:00:01:0a"] {
        assert!(table.contains(expected), "{table}");
    }
    assert!(out(&house.ask(&["show", "veth0", "--detail"])).contains("advertisements-sent"));
    assert!(out(&house.ask(&["neighbours"])).contains("nobody heard"));
    assert!(out(&house.ask(&["links"])).contains("veth0"));
    assert!(out(&house.ask(&["events"])).contains("veth0 vrrp 10: Backup → Active: no advertisement for"));
    assert!(out(&house.ask(&["announce", "veth0", "vrrp", "10"])).contains("1 group told"));
    let unknown = house.ask(&["hand-over", "nobody"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(err(&unknown).contains("there are: veth0 vrrp 10"), "{}", err(&unknown));

    house.configure(&format!("{ONE_GROUP}priority = 300\n"));
    let wrong = house.ask(&["reload"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(err(&wrong).contains("priority = 300") && err(&wrong).contains("^^^"), "{}", err(&wrong));
    daemon.signal("-HUP");
    house.configure(&format!("{ONE_GROUP}priority = 150\n"));
    let right = house.ask(&["reload"]);
    assert!(out(&right).contains("changed: veth0 vrrp 10"), "{}{}", out(&right), err(&right));
    assert_eq!(house.groups()[0]["configured_priority"], 150);
    assert!(out(&house.ask(&["reload"])).contains("1 group did not notice"));
    assert_eq!(house.groups()[0]["state"], "Active");

    daemon.signal("-TERM");
    let (code, log) = daemon.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains(" INFO veth0 vrrp 10: Backup → Active: no advertisement for"), "{log}");
    assert!(log.contains("not reloaded: the old configuration goes on"), "{log}");
    assert!(!house.path("control.sock").exists());
    assert!(err(&house.ask(&["show"])).contains("no firsthop daemon is running"));
}

#[test]
fn events_are_followed_while_they_happen() {
    let Some(house) = House::new() else { return };
    let daemon = house.start();
    house.until_active();
    let mut follower =
        house.asking(&["events", "--follow", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines().map_while(Result::ok);
    let first: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(first["sequence"], 1);
    daemon.signal("-INT");
    let stopped = |line: &String| line.contains("\"to\":\"Initialize\"");
    assert!(lines.any(|line| stopped(&line)));
    assert_eq!(daemon.ended().0, Some(0));
    assert_eq!(follower.wait().unwrap().code(), Some(1), "the daemon ended the conversation");
}

#[test]
fn a_second_daemon_is_refused_and_one_after_a_crash_is_not() {
    let Some(house) = House::new() else { return };
    let mut daemon = house.start();
    let second = house.daemon(FIRSTHOP).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let expected = format!("another firsthop (process {}) is using", daemon.child.id());
    assert!(err(&second).contains(&expected), "{}", err(&second));
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    assert!(house.path("control.sock").exists());
    assert!(err(&house.ask(&["show"])).contains("no firsthop daemon is running"));
    let next = house.start();
    house.until_active();
    drop(next);
    let cleaned = house.ask(&["cleanup"]);
    assert!(out(&cleaned).contains("removed control socket"), "{}{}", out(&cleaned), err(&cleaned));
}

#[test]
fn a_wrong_configuration_is_exit_code_2_and_touches_nothing() {
    let Some(house) = House::new() else { return };
    house.configure("[[interface.veth0.vrrp]]\nid = 0\naddresses = []\nfrob = 1\n");
    let refused = house.daemon("unshare").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("frob") && err(&refused).contains("id = 0"), "{}", err(&refused));
    assert!(!house.path("control.sock").exists());
}

#[test]
fn strangers_are_turned_away_by_the_file_and_by_the_daemon() {
    let Some(house) = House::new() else { return };
    let as_stranger =
        |house: &House, arguments: &[&str]| house.asking(arguments).uid(65_534).gid(65_534).output();
    if !as_stranger(&house, &["--version"]).is_ok_and(|output| output.status.success()) {
        skip("strangers on the control socket: the binary cannot be run as another user");
        return;
    }
    let _daemon = house.start();
    let refused = as_stranger(&house, &["show"]).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("only root may"), "{}", err(&refused));
    std::fs::set_permissions(house.path("control.sock"), std::fs::Permissions::from_mode(0o666)).unwrap();
    let refused = as_stranger(&house, &["show"]).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("user 65534 may not"), "{}", err(&refused));
}

#[test]
fn a_hook_that_sleeps_delays_nothing() {
    let Some(house) = House::new() else { return };
    let script = |name: &str, text: &str| {
        let path = house.path(name);
        std::fs::write(
            &path,
            format!("#!/bin/sh\necho $* >> {}\n{text}\n", path.with_extension("ran").display()),
        )
        .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let ran =
        |name: &str| std::fs::read_to_string(house.path(name).with_extension("ran")).unwrap_or_default();
    let (slow, quick, down) =
        (script("slow", "sleep 60"), script("quick", "echo heard; exit 5"), script("down", ""));
    let second = "[[interface.veth0.vrrp]]\nid = 11\naddresses = [\"10.0.10.9/24\"]\n\
                  advertise-interval = \"100ms\"\n";
    let hook = |up: &PathBuf, rest: &str| format!("hook = {{ up = \"{}\"{rest} }}\n", up.display());
    let with_down = format!(", down = \"{}\", at-start = false", down.display());
    house.configure(&[ONE_GROUP, &hook(&slow, &with_down), second, &hook(&quick, "")].concat());
    let daemon = house.start();
    house.until_active();
    let sent = |house: &House| {
        let counters = house.groups()[0]["counters"].as_array().unwrap().clone();
        let sent = counters.iter().find(|it| it["name"] == "advertisements-sent").unwrap();
        sent["count"].as_u64().unwrap()
    };
    let since = Instant::now();
    while ran("slow").is_empty() || ran("quick").is_empty() {
        assert!(since.elapsed() < PATIENCE, "the programs did not run");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!((ran("slow").as_str(), ran("quick").as_str()), ("veth0 10.0.10.1\n", "veth0 10.0.10.9\n"));
    let before = sent(&house);
    std::thread::sleep(Duration::from_secs(1));
    assert!(sent(&house) >= before + 8, "advertisements wait for a program");
    let since = Instant::now();
    daemon.signal("-TERM");
    let (code, log) = daemon.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(since.elapsed() < Duration::from_secs(10), "the end waits for a program: {:?}", since.elapsed());
    assert_eq!(ran("down"), "veth0 10.0.10.1\n");
    assert!(log.contains("hook `up`") && log.contains("exit status: 5"), "{log}");
    assert!(log.contains("/quick: heard"), "{log}");
}
