//! The daemons that are measured: their configurations and how they are started.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::bed::{Bed, Machine, PER_LINK};

/// Priority of the better router.
const BETTER: u8 = 200;
/// Priority of the other.
pub const OTHER: u8 = 100;

/// A daemon, and which one of its two ways to be scheduled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    kind: Kind,
    program: PathBuf,
    version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Firsthop,
    Keepalived,
    KeepalivedRealTime,
}

impl Daemon {
    /// firsthop as it was built, or as the environment says, and keepalived if there is one.
    pub fn installed() -> Vec<Daemon> {
        let firsthop = std::env::var_os("FIRSTHOP_BIN").unwrap_or(env!("CARGO_BIN_EXE_firsthop").into());
        let kinds = [
            (Kind::Firsthop, firsthop),
            (Kind::Keepalived, "keepalived".into()),
            (Kind::KeepalivedRealTime, "keepalived".into()),
        ];
        let found = kinds.into_iter().filter_map(|(kind, program)| {
            let output = Command::new(&program).arg("--version").stdin(Stdio::null()).output().ok()?;
            // keepalived says it where errors go.
            let said = if output.stdout.is_empty() { output.stderr } else { output.stdout };
            let version = String::from_utf8_lossy(&said).lines().next().unwrap_or_default().to_owned();
            Some(Daemon { kind, program: program.into(), version })
        });
        found.collect()
    }

    /// What tables and documents call it.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Firsthop => "firsthop",
            Kind::Keepalived => "keepalived",
            Kind::KeepalivedRealTime => "keepalived, real time",
        }
    }

    /// What it says of itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether it is a variant that is measured only where it makes a difference.
    pub fn is_extra(&self) -> bool {
        self.kind == Kind::KeepalivedRealTime
    }

    /// Starts it on a router, for so many groups.
    pub fn start(&self, bed: &Bed, router: Machine, groups: usize, interval: Duration) -> Result<Child> {
        let name = bed.name(router);
        let priority = if router == Machine::A { BETTER } else { OTHER };
        let file = |what: &str| bed.room().join(format!("{name}.{what}"));
        let configuration = file("conf");
        let mut command = bed.command(router, &self.program);
        if self.kind == Kind::Firsthop {
            fs::write(&configuration, firsthop(groups, interval, priority))?;
            command.arg("--socket").arg(file("sock")).args(["run", "--config"]).arg(&configuration);
        } else {
            let real_time = self.kind == Kind::KeepalivedRealTime;
            fs::write(&configuration, keepalived(groups, interval, priority, real_time))?;
            command.args(["--dont-fork", "--log-console", "--vrrp", "--use-file"]).arg(&configuration);
            command.arg("--pid").arg(file("pid")).arg("--vrrp_pid").arg(file("vrrp-pid"));
        }
        let log = File::create(file("log"))?;
        let errors = log.try_clone()?;
        command.stdout(log).stderr(errors).spawn().with_context(|| format!("start {}", self.name()))
    }
}

/// Link and VRID of every group.
fn places(groups: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..groups).map(|group| (group / PER_LINK, group % PER_LINK + 1))
}

fn firsthop(groups: usize, interval: Duration, priority: u8) -> String {
    let mut text = format!(
        "[defaults.vrrp]\npriority = {priority}\nadvertise-interval = \"{}ms\"\n",
        interval.as_millis()
    );
    for (link, id) in places(groups) {
        let address = format!("10.{link}.0.{id}/16");
        text += &format!("[[interface.eth{link}.vrrp]]\nid = {id}\naddresses = [\"{address}\"]\n");
    }
    text
}

fn keepalived(groups: usize, interval: Duration, priority: u8, real_time: bool) -> String {
    let mut text = String::from("global_defs {\n  vrrp_version 3\n");
    if real_time {
        // The limit on real-time computing is for starting: thousands of groups take longer than its default.
        text += "  vrrp_rt_priority 50\n  vrrp_no_swap\n  vrrp_rlimit_rttime 1000000\n";
    }
    text += "}\n";
    let interval = interval.as_secs_f64();
    for (link, id) in places(groups) {
        text += &format!(
            "vrrp_instance G{link}_{id} {{\n  state BACKUP\n  interface eth{link}\n  use_vmac v{link}.{id}\n  \
             virtual_router_id {id}\n  priority {priority}\n  advert_int {interval:.2}\n  \
             virtual_ipaddress {{\n    10.{link}.0.{id}/32\n  }}\n}}\n"
        );
    }
    text
}
