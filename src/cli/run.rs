//! `firsthop run`: the daemon.
//!
//! Everything that can be refused is refused before anything in the kernel is touched: the configuration, the
//! control socket, the interfaces. The event loop gets the main thread.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use thiserror::Error;
use tokio::sync::mpsc;

use super::{Exit, complain};
use crate::config::plan::LogFormat;
use crate::config::{self, Faults, Plan};
use crate::control::socket::{BindError, Listener};
use crate::driver::{self, Options, Possession, StartError};
use crate::log::{self, LogError, LogTo};
use crate::slow::{self, Duties};
use crate::{guardian, hook, systemd};

/// Events that may wait for the slow thread: a few for each of thousands of groups that all start at once.
const EVENTS: usize = 32_768;

/// Arguments of `firsthop run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The configuration file
    #[arg(short, long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
    /// The shape of log lines [default: as the configuration says]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<Format>,
}

/// The shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> LogFormat {
        match format {
            Format::Text => LogFormat::Text,
            Format::Json => LogFormat::Json,
        }
    }
}

/// Why there is no daemon.
#[derive(Debug, Error)]
pub(super) enum RunError {
    #[error("{0}")]
    Faults(Faults),
    #[error("the guardian process cannot be started: {0}")]
    Guardian(io::Error),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Control(#[from] BindError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the slow thread cannot be started: {0}")]
    Slow(io::Error),
}

/// Runs until a signal says otherwise.
pub(super) fn run(args: RunArgs, socket: Option<&Path>) -> Exit {
    match daemon(args, socket) {
        Ok(()) => Exit::Done,
        Err(error) => {
            complain(&error);
            match error {
                RunError::Faults(faults) if !faults.unreadable => Exit::Misconfigured,
                _ => Exit::Failed,
            }
        }
    }
}

fn daemon(args: RunArgs, socket: Option<&Path>) -> Result<(), RunError> {
    // Reloads must find the file wherever they happen.
    let file = std::path::absolute(&args.config).unwrap_or(args.config);
    let mut plan = config::load(&file).map_err(RunError::Faults)?;
    plan.daemon.log_format = args.log_format.map_or(plan.daemon.log_format, LogFormat::from);
    let start = Start {
        socket: socket.unwrap_or(&plan.daemon.control_socket).to_owned(),
        log: LogTo::StandardError,
        habits: Habits::Usual,
        file: Some(file),
        remarks: warnings_of(&plan),
    };
    operate(plan, start)
}

/// Whose habits the daemon has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habits {
    /// Its own: an interface is one daemon's.
    Usual,
    /// ucarp's: an interface has as many processes as virtual hosts, and signals mean other things.
    Ucarp,
}

/// How a plan is run.
#[derive(Debug)]
pub(super) struct Start {
    /// The control socket.
    pub socket: PathBuf,
    /// Where the log goes.
    pub log: LogTo,
    /// Whose habits.
    pub habits: Habits,
    /// Where the plan came from, if it can be read again.
    pub file: Option<PathBuf>,
    /// What the operator should know, line by line.
    pub remarks: Vec<String>,
}

/// Runs a plan until a signal says otherwise.
pub(super) fn operate(plan: Plan, start: Start) -> Result<(), RunError> {
    let Start { socket, log, habits, file, remarks } = start;
    let listener = Listener::bind(&socket, plan.daemon.control_group.as_deref())?;
    // Before there is any other thread.
    let guardian = guardian::spawn().map_err(RunError::Guardian)?;
    let log = log::start(plan.daemon.log, plan.daemon.log_format, log)?;
    remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
    let (possession, signals) = match habits {
        Habits::Usual => (Possession::Interfaces, slow::Signs::Usual),
        Habits::Ucarp => (Possession::Groups, slow::Signs::Ucarp),
    };
    let (sender, events) = mpsc::channel(EVENTS);
    let (hooks, orders) = hook::queue();
    let options = Options { plan, possession, events: sender, hooks, guardian: Some(guardian) };
    let (driver, remote) = driver::prepare(options)?;
    let dropped = log.dropped_counter();
    let duties = Duties { remote, events, orders, listener, file, signals, dropped };
    let slow = slow::start(duties).map_err(RunError::Slow)?;
    systemd::ready();
    driver.run();
    if slow.join().is_err() {
        tracing::error!("the slow thread crashed");
    }
    Ok(())
}

fn warnings_of(plan: &Plan) -> Vec<String> {
    plan.warnings
        .iter()
        .flat_map(|warning| warning.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}
