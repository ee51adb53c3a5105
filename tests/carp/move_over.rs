//! A pair that runs ucarp is moved one node at a time: the same command line and the same scripts, by `firsthop ucarp`.

use std::io::Read as _;
use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use firsthop::lab::{Lab, Options, Scenario};

use crate::common::possible;

const FIRSTHOP: &str = env!("CARGO_BIN_EXE_firsthop");
const ADDRESS: &str = "10.0.10.1";
/// Longer than anything takes, ucarp's second thoughts included.
const PATIENCE: Duration = Duration::from_secs(30);

/// What Debian's package has for scripts, with a note of how they were called.
const SCRIPTS: &str = r#"
printf '#!/bin/sh\necho up "$#" "$@" >> /run/lab/ran\nip address add "$2"/24 dev "$1"\n' > /run/lab/up
printf '#!/bin/sh\necho down "$#" "$@" >> /run/lab/ran\nip address del "$2"/24 dev "$1"\n' > /run/lab/down
chmod +x /run/lab/up /run/lab/down
"#;

struct Segment {
    lab: Lab,
    running: Vec<(String, Child)>,
}

impl Segment {
    fn build(title: &str) -> Option<Segment> {
        if !possible(title, &["ip", "ucarp", "arping"]) {
            return None;
        }
        let router = |name| format!("[routers.{name}]\ndaemon = \"none\"\nsetup = ['''{SCRIPTS}''']\n");
        let text = format!("title = {title:?}\ngateway = \"{ADDRESS}\"\n{}{}", router("r1"), router("r2"));
        let scenario = Scenario::parse(title, &text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let options = Options { firsthop: PathBuf::from(FIRSTHOP), captures: None, work: None };
        let lab = Lab::build(&scenario, options).unwrap_or_else(|error| panic!("{title}: {error}"));
        Some(Segment { lab, running: Vec::new() })
    }

    fn command(&mut self, router: &str, program: &[&str], more: &[&str]) -> Command {
        let (number, skew) = if router == "r1" { (2, 10) } else { (3, 100) };
        let node = self.lab.router(router).unwrap().node();
        let mut command = node.command(program[0]).unwrap();
        command.args(&program[1..]).args(["-i", "lan", "--vhid", "10", "-p", "secret", "--addr", ADDRESS]);
        command.args([format!("--srcip=10.0.10.{number}"), format!("--advskew={skew}")]);
        command
            .args(["-u", "/run/lab/up", "-d", "/run/lab/down", "--shutdown", "-x", "two words"])
            .args(more);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn start(&mut self, router: &str, program: &[&str], more: &[&str]) {
        let child = self.command(router, program, more).spawn().unwrap();
        self.running.push((router.to_owned(), child));
    }

    fn child(&mut self, router: &str) -> &mut Child {
        self.running.iter_mut().find(|(name, _)| name == router).map(|(_, child)| child).unwrap()
    }

    fn signal(&mut self, router: &str, signal: &str) {
        let pid = self.child(router).id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Asks it to stop, and gives its exit code and what it wrote.
    fn stop(&mut self, router: &str) -> (Option<i32>, String) {
        self.signal(router, "-TERM");
        let place = self.running.iter().position(|(name, _)| name == router).unwrap();
        let (_, mut child) = self.running.remove(place);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (child.wait().unwrap().code(), said)
    }

    fn who(&self) -> Vec<String> {
        let ip: IpAddr = ADDRESS.parse().unwrap();
        let answers = self.lab.who_answers(ip, Duration::from_millis(80)).unwrap();
        answers.into_iter().map(|answer| answer.router).collect()
    }

    fn settles_on(&mut self, router: &str) {
        let since = Instant::now();
        while self.who() != [router] {
            assert!(
                since.elapsed() < PATIENCE,
                "{router} never had it: {:?}; {}",
                self.who(),
                self.ran("r1")
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// How the scripts of a router were called.
    fn ran(&mut self, router: &str) -> String {
        let room = self.lab.router(router).unwrap().node().room().unwrap().to_owned();
        std::fs::read_to_string(room.join("ran")).unwrap_or_default()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const OURS: [&str; 2] = [FIRSTHOP, "ucarp"];
const THEIRS: [&str; 1] = ["ucarp"];
const UP: &str = "up 3 lan 10.0.10.1 two words\n";
const DOWN: &str = "down 3 lan 10.0.10.1 two words\n";

#[test]
fn one_node_after_the_other() {
    let Some(mut segment) = Segment::build("ucarp is moved over") else { return };
    segment.start("r1", &THEIRS, &["-P"]);
    segment.start("r2", &THEIRS, &["-P"]);
    segment.settles_on("r1");

    segment.stop("r1");
    segment.settles_on("r2");
    let before = segment.ran("r1");
    segment.start("r1", &OURS, &["-P"]);
    segment.settles_on("r1");
    assert_eq!(segment.ran("r1").strip_prefix(&before), Some(&*format!("{DOWN}{UP}")), "as ucarp calls them");

    segment.stop("r2");
    segment.start("r2", &OURS, &["-P"]);
    segment.settles_on("r1");

    // Both are ours now. Given away by a signal, and taken at an orderly end, which runs the down-script.
    segment.signal("r1", "-USR2");
    segment.settles_on("r2");
    segment.signal("r1", "-USR1");
    let (code, said) = segment.stop("r2");
    assert_eq!(code, Some(0), "{said}");
    assert!(segment.ran("r2").ends_with(&format!("{UP}{DOWN}")), "{}", segment.ran("r2"));
    segment.settles_on("r1");
    let (code, said) = segment.stop("r1");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("lan carp 10: BACKUP on lan (id 10)"), "{said}");
    assert_eq!(segment.who(), [""; 0], "nobody has it any more");
}

#[test]
fn it_is_the_other_node_of_a_ucarp_in_either_role() {
    let Some(mut segment) = Segment::build("firsthop ucarp beside ucarp") else { return };
    // Ours is the worse one, and neutral.
    segment.start("r2", &OURS, &["-n", "-P"]);
    segment.settles_on("r2");
    assert_eq!(segment.ran("r2"), UP);
    segment.start("r1", &THEIRS, &["-P"]);
    segment.settles_on("r1");
    assert_eq!(segment.ran("r2"), format!("{UP}{DOWN}"));
    // ucarp dies; its script's address stays where it was put.
    segment.signal("r1", "-KILL");
    let node = segment.lab.router("r1").unwrap().node();
    assert!(node.command("ip").unwrap().args(["addr", "flush", "dev", "lan"]).status().unwrap().success());
    segment.settles_on("r2");
}

#[test]
fn broadcast_and_another_group_are_understood() {
    let Some(mut segment) = Segment::build("ucarp --nomcast --mcast") else { return };
    let more = ["-M", "--mcast=224.0.0.99", "-P"];
    segment.start("r1", &THEIRS, &more);
    segment.start("r2", &OURS, &more);
    segment.settles_on("r1");
    let (code, _) = segment.stop("r1");
    assert_eq!(code, Some(0));
    segment.settles_on("r2");
    segment.start("r1", &OURS, &more);
    segment.settles_on("r1");
}

fn called(name: &Path, arguments: &[&str]) -> Output {
    Command::new(name).args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_link_called_ucarp_is_ucarp() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("ucarp");
    symlink(FIRSTHOP, &link).unwrap();
    let help = called(&link, &["--help"]);
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(help.status.success() && text.contains("--upscript") && text.contains("--nomcast"), "{text}");
    assert_eq!(called(&link, &["--nonsense"]).status.code(), Some(1));
    assert_eq!(called(&link, &["-m", "224.0.0.18"]).status.code(), Some(1));
    let missing = called(&link, &["-v", "1"]);
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&missing.stderr), "--srcip must be given\n");
    let arguments = ["-i", "nonesuch", "-s", "192.0.2.2", "-v", "1", "-p", "x", "-a", "192.0.2.1"];
    assert_eq!(called(&link, &arguments).status.code(), Some(2));
}

/// The process with this in its environment.
fn process_with(variable: &str) -> Option<String> {
    let wanted = |path: &Path| {
        std::fs::read(path.join("environ"))
            .is_ok_and(|text| text.split(|it| *it == 0).any(|it| it == variable.as_bytes()))
            && std::fs::read(path.join("cmdline"))
                .is_ok_and(|text| text.split(|it| *it == 0).any(|it| it == b"ucarp"))
    };
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let found = entries.map(|entry| entry.path()).find(|path| wanted(path))?;
    Some(found.file_name()?.to_string_lossy().into_owned())
}

#[test]
fn in_the_background_it_serves_and_ends_as_well() {
    let Some(mut segment) = Segment::build("ucarp -B") else { return };
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("control.sock");
    let mut command = segment.command("r1", &OURS, &["-B"]);
    let began = Instant::now();
    let output = command.env("FIRSTHOP_SOCKET", &socket).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(began.elapsed() < Duration::from_secs(2), "the foreground waits: {:?}", began.elapsed());
    let variable = format!("FIRSTHOP_SOCKET={}", socket.display());
    segment.settles_on("r1");
    let shown = called(Path::new(FIRSTHOP), &["--socket", socket.to_str().unwrap(), "show"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("MASTER"), "{shown:?}");
    let reload = called(Path::new(FIRSTHOP), &["--socket", socket.to_str().unwrap(), "reload"]);
    let refused = String::from_utf8_lossy(&reload.stderr).into_owned();
    assert!(!reload.status.success() && refused.contains("it was started as ucarp"), "{refused}");
    let pid = process_with(&variable).unwrap();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    let since = Instant::now();
    while process_with(&variable).is_some() {
        assert!(since.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(segment.ran("r1"), format!("{DOWN}{UP}{DOWN}"));
}
