//! `firsthop ucarp`, and the program when it is called `ucarp`: ucarp's own command line, for one virtual host.
//!
//! Options, signals and exit codes are ucarp 1.5's. What its users suffer from is not repeated: scripts delay nothing,
//! the down-script is run at every orderly end, and an interface that goes down is waited for.

mod plan;

use std::ffi::{OsStr, OsString};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::{ArgAction, Args, FromArgMatches};

use super::{complain, run};
use crate::log::{LogTo, syslog};

/// Says to the process in the background that it is the one.
const BEHIND: &str = "FIRSTHOP_UCARP_BEHIND";

/// ucarp's exit codes: wrong options, and what cannot be started.
const WRONG: u8 = 1;
const NOT_STARTED: u8 = 2;

/// Arguments of `firsthop ucarp`: ucarp's.
#[derive(Debug, Args)]
#[command(infer_long_args = true, args_override_self = true)]
pub struct UcarpArgs {
    /// Interface to work on [default: the first that is up]
    #[arg(short, long, value_name = "IF")]
    pub interface: Option<String>,
    /// Real address of this router
    #[arg(short, long, value_name = "IP")]
    pub srcip: Option<Ipv4Addr>,
    /// Multicast group [default: 224.0.0.18]
    #[arg(long, visible_alias = "mcastip", value_name = "IP")]
    pub mcast: Option<Ipv4Addr>,
    /// Virtual host identifier, 1 to 255
    #[arg(short, long, value_name = "ID")]
    pub vhid: Option<u64>,
    /// Password, at most 19 characters
    #[arg(short, long, value_name = "PASSWORD")]
    pub pass: Option<String>,
    /// Read the password from the first line of a file
    #[arg(short = 'o', long, value_name = "FILE")]
    pub passfile: Option<PathBuf>,
    /// Take the role from a master that advertises less often
    #[arg(short = 'P', long, action = ArgAction::SetTrue)]
    pub preempt: bool,
    /// Do not run the down-script at the start
    #[arg(short, long, action = ArgAction::SetTrue)]
    pub neutral: bool,
    /// Virtual address
    #[arg(short, long, value_name = "IP")]
    pub addr: Option<Ipv4Addr>,
    /// Seconds between advertisements
    #[arg(short = 'b', long, value_name = "SECONDS", default_value_t = 1)]
    pub advbase: u64,
    /// 1/256 seconds on top of them: the less, the better
    #[arg(short = 'k', long, value_name = "SKEW", default_value_t = 0)]
    pub advskew: u64,
    /// Program to run as master: SCRIPT INTERFACE ADDRESS, and the text of --xparam
    #[arg(short, long, value_name = "FILE")]
    pub upscript: Option<PathBuf>,
    /// Program to run as backup, and when this ends
    #[arg(short, long, value_name = "FILE")]
    pub downscript: Option<PathBuf>,
    /// How many times the advertisement base a master may be silent
    #[arg(short = 'r', long, value_name = "RATIO", default_value_t = 3)]
    pub deadratio: u64,
    /// Run the down-script at the end: done in any case
    #[arg(short = 'z', long, action = ArgAction::SetTrue)]
    pub shutdown: bool,
    /// Run in the background, and log to syslog
    #[arg(short = 'B', long, action = ArgAction::SetTrue)]
    pub daemonize: bool,
    /// Without effect here: a router without a carrier is no master
    #[arg(short = 'S', long, action = ArgAction::SetTrue)]
    pub ignoreifstate: bool,
    /// Syslog facility in the background; `none` for no log
    #[arg(short, long, value_name = "NAME", default_value = "daemon")]
    pub facility: String,
    /// Advertise to the broadcast MAC
    #[arg(short = 'M', long, action = ArgAction::SetTrue)]
    pub nomcast: bool,
    /// Third argument of the scripts
    #[arg(short, long, value_name = "TEXT")]
    pub xparam: Option<String>,
    /// Log more
    #[arg(short = 'D', long, action = ArgAction::SetTrue)]
    pub debug: bool,
}

/// The arguments behind `ucarp`, if this program is called so, or told so: `firsthop ucarp …`. They are ucarp's from
/// there on, none of ours.
pub fn arguments(all: impl IntoIterator<Item = OsString>) -> Option<Vec<OsString>> {
    let mut all = all.into_iter();
    let program = all.next()?;
    if Path::new(&program).file_name() == Some(OsStr::new("ucarp")) {
        return Some(all.collect());
    }
    (all.next()? == "ucarp").then(|| all.collect())
}

/// Does what ucarp would with these arguments.
pub fn obey(arguments: Vec<OsString>) -> ExitCode {
    let command = UcarpArgs::augment_args(clap::Command::new("ucarp").version(env!("CARGO_PKG_VERSION")));
    let words = std::iter::once(OsString::from("ucarp")).chain(arguments.iter().cloned());
    let args = match command.try_get_matches_from(words).and_then(|found| UcarpArgs::from_arg_matches(&found))
    {
        Ok(args) => args,
        Err(fault) => {
            // If even that cannot be written, there is nobody left to tell.
            let _ = fault.print();
            return if fault.use_stderr() { ExitCode::from(WRONG) } else { ExitCode::SUCCESS };
        }
    };
    let (plan, warnings) = match plan::plan(&args) {
        Ok(done) => done,
        Err(fault) => {
            complain(&fault);
            return ExitCode::from(if fault.is_of_machine() { NOT_STARTED } else { WRONG });
        }
    };
    if args.daemonize && std::env::var_os(BEHIND).is_none() {
        warnings.iter().for_each(complain);
        return go_behind(&arguments);
    }
    operate(&args, plan, &warnings)
}

/// Starts this again without a terminal, and leaves it alone.
fn go_behind(arguments: &[OsString]) -> ExitCode {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    let mut command = Command::new(program);
    // Under this name its command line is ucarp's, for whoever looks for one.
    command.arg0("ucarp").args(arguments).env(BEHIND, "1").current_dir("/");
    match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("cannot go to the background: {error}"));
            ExitCode::from(NOT_STARTED)
        }
    }
}

fn operate(args: &UcarpArgs, plan: crate::config::Plan, warnings: &[String]) -> ExitCode {
    let behind = std::env::var_os(BEHIND).is_some();
    if behind {
        // Whoever started us may close the terminal. Only the leader of a process group cannot, and is told nothing by
        // a terminal that it has not.
        let _ = rustix::process::setsid();
    }
    let log = match (behind, syslog::Facility::named(&args.facility)) {
        (false, _) => LogTo::StandardError,
        (true, Ok(facility)) => LogTo::Syslog(facility),
        (true, Err(_)) => LogTo::Syslog(Some(syslog::Facility::DAEMON)),
    };
    let start = run::Start {
        socket: plan.daemon.control_socket.clone(),
        log,
        habits: run::Habits::Ucarp,
        file: None,
        remarks: warnings.to_vec(),
    };
    match run::operate(plan, start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(NOT_STARTED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn a_link_of_that_name_is_ucarp() {
        assert_eq!(arguments(words("/usr/sbin/ucarp -v 1")), Some(words("-v 1")));
        assert_eq!(arguments(words("firsthop ucarp -v 1")), Some(words("-v 1")));
        assert_eq!(arguments(words("/usr/bin/firsthop run")), None);
        assert_eq!(arguments(words("firsthop")), None);
        assert_eq!(arguments(words("firsthop lab ucarp")), None);
    }
}
