//! A router of ours, `r1`, and one that runs ucarp, `r2`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use firsthop::lab::{Advert, Deed, Lab, Options, Scenario};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::possible;

pub const OURS: &str = "r1";
pub const THEIRS: &str = "r2";
/// The virtual host identifier in all tests.
pub const VHID: u8 = 10;
pub const ADDRESS: &str = "10.0.10.1";

/// Longer than anything takes on a machine that has other things to do as well.
const PATIENCE: Duration = Duration::from_secs(40);
/// Within which an answer to ARP has long been there.
const ANSWER: Duration = Duration::from_millis(80);

/// How one of the two is set.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub skew: u8,
    pub preempt: bool,
    pub password: &'static str,
    /// Lines or options besides.
    pub more: &'static str,
}

/// Preempting, with this skew.
pub fn skew(skew: u8) -> Settings {
    Settings { skew, preempt: true, password: "secret", more: "" }
}

/// Both routers and the LAN.
pub struct Pair {
    pub lab: Lab,
    pub captures: TempDir,
}

impl Pair {
    /// Builds the network; nothing runs yet. `None`: not possible here.
    pub fn build(title: &str, ours: Settings, theirs: Settings) -> Option<Pair> {
        if !possible(title, &["ip", "ucarp"]) {
            return None;
        }
        let scenario = format!(
            "title = {title:?}\ngateway = \"{ADDRESS}\"\n\
             [routers.{OURS}]\ndaemon = \"firsthop\"\nconfig = '''\n{}'''\n\
             [routers.{THEIRS}]\ndaemon = \"ucarp\"\nconfig = '''\n{}'''\nsetup = [{:?}]\n",
            our_config(ours),
            their_command_line(theirs),
            scripts(),
        );
        let scenario = Scenario::parse(title, &scenario).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let captures = tempfile::tempdir().unwrap();
        let options = Options {
            firsthop: PathBuf::from(env!("CARGO_BIN_EXE_firsthop")),
            captures: Some(captures.path().to_owned()),
            work: None,
        };
        let lab = Lab::build(&scenario, options).unwrap_or_else(|error| panic!("{title}: {error}"));
        Some(Pair { lab, captures })
    }

    /// Starts one of them, unless it runs.
    pub fn start(&mut self, router: &str) {
        self.lab.router(router).unwrap().start().unwrap();
    }

    pub fn fault(&mut self, deed: Deed, router: Option<&str>) -> u64 {
        self.lab.fault(deed, router).unwrap_or_else(|error| panic!("{}: {error}", deed.name())).at
    }

    /// Waits until something is so; everything known is printed if it never is.
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let since = Instant::now();
        while !is_so(self) {
            if since.elapsed() > PATIENCE {
                let title = self.lab.scenario().title.clone();
                panic!("{title}: never came to this: {what}\n{}", self.known());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Who answers for the address.
    pub fn who(&self) -> Vec<String> {
        let ip: IpAddr = ADDRESS.parse().unwrap();
        self.lab.who_answers(ip, ANSWER).unwrap().into_iter().map(|answer| answer.router).collect()
    }

    /// What a router has said since a moment.
    pub fn said(&self, router: &str, since: u64) -> Vec<Advert> {
        let mut adverts = self.lab.adverts();
        adverts.retain(|advert| advert.router == router && advert.at >= since && advert.vrid == VHID);
        adverts
    }

    /// Waits until this router alone advertises and answers.
    pub fn settles_on(&mut self, router: &str) {
        let other = if router == OURS { THEIRS } else { OURS };
        self.pair_is(&format!("{router} is the master"), |pair| {
            let recently = now().saturating_sub(2_500_000_000);
            let says = |router| pair.said(router, recently).iter().any(|advert| advert.priority > 0);
            says(router) && !says(other) && pair.who() == [router]
        });
    }

    fn pair_is(&mut self, what: &str, is_so: impl FnMut(&mut Self) -> bool) {
        self.until(what, is_so);
    }

    /// Nothing changes for five advertisements.
    pub fn stays_with(&mut self, router: &str) {
        let other = if router == OURS { THEIRS } else { OURS };
        let since = now();
        self.until("five more advertisements", |pair| pair.said(router, since).len() >= 5);
        assert_eq!(self.said(other, since), [], "{}", self.known());
        assert_eq!(self.who(), [router], "{}", self.known());
    }

    /// The group as firsthop shows it; null while it does not run.
    pub fn group(&mut self) -> Value {
        let node = self.lab.router(OURS).unwrap().node();
        let mut show = node.command(env!("CARGO_BIN_EXE_firsthop")).unwrap();
        let output = show.args(["show", "carp", "--json"]).env_remove("FIRSTHOP_SOCKET").output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).map_or(Value::Null, |groups| groups[0].clone())
    }

    /// Runs our own program on our router.
    pub fn firsthop(&mut self, arguments: &[&str]) {
        let node = self.lab.router(OURS).unwrap().node();
        let mut command = node.command(env!("CARGO_BIN_EXE_firsthop")).unwrap();
        let output = command.args(arguments).env_remove("FIRSTHOP_SOCKET").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// For a message about a failure.
    pub fn known(&mut self) -> String {
        let mut adverts: Vec<_> = self.lab.adverts().iter().map(|advert| format!("{advert:?}")).collect();
        let last = adverts.split_off(adverts.len().saturating_sub(16)).join("\n");
        let group = self.group();
        let words = |pair: &mut Pair, router| pair.lab.router(router).unwrap().last_words();
        let (ours, theirs) = (words(self, OURS), words(self, THEIRS));
        format!("{group:#}\nlast advertisements:\n{last}\n{OURS}:\n{ours}\n{THEIRS}:\n{theirs}")
    }
}

pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_nanos() as u64
}

/// In ucarp's way: no virtual MAC.
fn our_config(settings: Settings) -> String {
    let Settings { skew, preempt, password, more } = settings;
    format!(
        "[[interface.lan.carp]]\nid = {VHID}\naddresses = [\"{ADDRESS}/24\"]\nadvskew = {skew}\n\
         preempt = {preempt}\npassword = \"{password}\"\nvirtual-mac = false\n{more}\n"
    )
}

fn their_command_line(settings: Settings) -> String {
    let Settings { skew, preempt, password, more } = settings;
    let preempt = if preempt { "--preempt\n" } else { "" };
    format!(
        "--interface=lan\n--srcip=10.0.10.3\n--vhid={VHID}\n--pass={password}\n--addr={ADDRESS}\n\
         --upscript=/run/lab/up\n--downscript=/run/lab/down\n--advskew={skew}\n--shutdown\n{preempt}{more}\n"
    )
}

/// What its manual has for scripts.
fn scripts() -> String {
    let script = |verb: &str, file: &str| {
        format!(
            "printf '#!/bin/sh\\nip address {verb} \"$2\"/24 dev \"$1\"\\n' > /run/lab/{file}; chmod +x /run/lab/{file}"
        )
    };
    format!("{}; {}", script("add", "up"), script("del", "down"))
}
