//! A router of ours, `r1`, and one that runs ucarp, `r2`: how both are set, and who of them is the master.

use crate::common::possible;
use crate::pair::{Foreign, NUMBER as VHID, OURS, Pair, THEIRS, now};

pub const ADDRESS: &str = "10.0.10.1";

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

/// Builds the network; nothing runs yet. `None`: not possible here.
pub fn beside_ucarp(title: &str, ours: Settings, theirs: Settings) -> Option<Pair> {
    if !possible(title, &["ip", "ucarp"]) {
        return None;
    }
    let theirs = Foreign { daemon: "ucarp", config: their_command_line(theirs), setup: vec![scripts()] };
    Some(Pair::build(title, ADDRESS.parse().unwrap(), &our_config(ours), &theirs))
}

/// The other one of the two.
pub fn other(router: &str) -> &'static str {
    if router == OURS { THEIRS } else { OURS }
}

impl Pair {
    /// Starts one of them, unless it runs.
    pub fn start(&mut self, router: &str) {
        self.lab.router(router).unwrap().start().unwrap();
    }

    /// Who answers for the address.
    pub fn masters(&self) -> Vec<String> {
        self.who(ADDRESS.parse().unwrap()).into_iter().map(|(router, _)| router).collect()
    }

    /// Waits until this router alone advertises and answers.
    pub fn settles_on(&mut self, router: &str) {
        self.until(&format!("{router} is the master"), |pair| {
            let recently = now().saturating_sub(2_500_000_000);
            let says = |router| pair.said(router, recently).iter().any(|advert| advert.priority > 0);
            says(router) && !says(other(router)) && pair.masters() == [router]
        });
    }

    /// Nothing changes for five advertisements.
    pub fn stays_with(&mut self, router: &str) {
        let since = now();
        self.until("five more advertisements", |pair| pair.said(router, since).len() >= 5);
        assert_eq!(self.said(other(router), since), [], "{}", self.known());
        assert_eq!(self.masters(), [router], "{}", self.known());
    }

    /// Runs our own program on our router.
    pub fn firsthop(&mut self, arguments: &[&str]) {
        let node = self.lab.router(OURS).unwrap().node();
        let mut command = node.command(env!("CARGO_BIN_EXE_firsthop")).unwrap();
        let output = command.args(arguments).env_remove("FIRSTHOP_SOCKET").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
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
