//! The command line: one file a subcommand.

use std::fmt::Display;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use thiserror::Error;

use crate::capture::OpenError;
use crate::config::plan::DEFAULT_CONTROL_SOCKET;
use crate::control::client::ClientError;
use crate::control::protocol::{Order, TroubleKind};
use crate::decode::keys::KeyError;
use crate::guardian;
use crate::log::printable;
use crate::replay::enact::EnactError;

pub mod analyze;
pub mod check;
mod cleanup;
pub mod command;
pub mod decode;
mod detail;
pub mod events;
mod keys;
pub mod lab;
pub mod links;
pub mod neighbours;
pub mod reload;
pub mod replay;
pub mod run;
pub mod show;
pub mod sim;
mod text;
pub mod ucarp;

/// First-hop redundancy for Linux: gateways that take over from each other
#[derive(Debug, Parser)]
#[command(name = "firsthop", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    /// Control socket of the daemon
    #[arg(long, global = true, value_name = "PATH", env = "FIRSTHOP_SOCKET")]
    pub socket: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub subcommand: Sub,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Sub {
    /// Run the daemon
    Run(run::RunArgs),
    /// Check a configuration file, and print what it means
    Check(check::CheckArgs),
    /// Show the groups: role, priority, active router, addresses, since when and why
    Show(show::ShowArgs),
    /// Show everybody heard on the network, also those who are not obeyed, and why
    Neighbours(neighbours::NeighboursArgs),
    /// Show what was seen on the interfaces, also of groups that do not exist here
    Links(links::LinksArgs),
    /// Show what happened, and what happens
    Events(events::EventsArgs),
    /// Have the daemon read its configuration again; groups that did not change do not notice
    Reload,
    /// Give the active role away, if there is anybody to take it, and go on as a member
    HandOver(command::CommandArgs),
    /// Take the role now, whoever has it (CARP); a better router takes it back
    TakeOver(command::CommandArgs),
    /// Have others be preferred until it is taken back with `--by 0`
    Demote(command::DemoteArgs),
    /// Announce the virtual addresses again (gratuitous ARP, unsolicited neighbour advertisements)
    Announce(command::CommandArgs),
    /// Say that what a group waits for before it preempts is in step: connection tracking, routes (`preempt-delay-sync`)
    Ready(command::CommandArgs),
    /// Tell the story of a capture: who held which role when, why that changed, and what is wrong
    Analyze(analyze::AnalyzeArgs),
    /// Show what the frames of a capture say, and which rules they break
    Decode(decode::DecodeArgs),
    /// Play a capture to our own routers: let them listen, or put ours in the place of one of its routers
    Replay(replay::ReplayArgs),
    /// Build a network, hurt its routers, and show what a host behind them notices
    Lab(lab::LabArgs),
    /// Run simulated networks, thousands a second, and find what must not be
    Sim(Box<sim::SimArgs>),
    /// Run one CARP virtual host as ucarp does, with its command line; a link called `ucarp` does the same
    Ucarp(ucarp::UcarpArgs),
    /// Remove what a daemon that crashed left in the kernel; what a running one holds is left alone
    Cleanup,
    /// Speak for a daemon that died; started by `run`, with a socket to it as standard input
    #[command(name = guardian::SUBCOMMAND, hide = true)]
    Guardian,
}

/// Does what the command line says.
pub fn run(arguments: Arguments) -> ExitCode {
    let Arguments { socket, subcommand } = arguments;
    let socket = socket.as_deref();
    let at = socket.unwrap_or(Path::new(DEFAULT_CONTROL_SOCKET));
    let exit = match subcommand {
        Sub::Run(args) => run::run(args, socket),
        Sub::Check(args) => check::run(&args),
        Sub::Show(args) => finish(show::run(&args, at, &mut io::stdout().lock())),
        Sub::Neighbours(args) => finish(neighbours::run(&args, at, &mut io::stdout().lock())),
        Sub::Links(args) => finish(links::run(&args, at, &mut io::stdout().lock())),
        Sub::Events(args) => finish(events::run(&args, at, &mut io::stdout().lock())),
        Sub::Reload => finish(reload::run(at, &mut io::stdout().lock())),
        Sub::HandOver(args) => finish(command::run(Order::HandOver, args, at, &mut io::stdout().lock())),
        Sub::TakeOver(args) => finish(command::run(Order::TakeOver, args, at, &mut io::stdout().lock())),
        Sub::Demote(command::DemoteArgs { by, groups }) => {
            finish(command::run(Order::Demote(by), groups, at, &mut io::stdout().lock()))
        }
        Sub::Announce(args) => finish(command::run(Order::Announce, args, at, &mut io::stdout().lock())),
        Sub::Ready(args) => finish(command::run(Order::Ready, args, at, &mut io::stdout().lock())),
        Sub::Analyze(args) => analyze::run(args, &mut io::stdout().lock()),
        Sub::Decode(args) => decode::run(args),
        Sub::Replay(args) => replay::run(args, &mut io::stdout().lock()),
        Sub::Lab(args) => lab::run(&args),
        Sub::Sim(args) => sim::run(&args, &mut io::stdout().lock()),
        // Behind options of ours; the usual case never comes here: see `ucarp::arguments`.
        Sub::Ucarp(_) => {
            let all = std::env::args_os().skip_while(|word| word != "ucarp");
            return ucarp::obey(all.skip(1).collect());
        }
        Sub::Cleanup => finish(cleanup::run(at, &mut io::stdout().lock())),
        Sub::Guardian => return stand_guard(),
    };
    exit.into()
}

fn stand_guard() -> ExitCode {
    match io::stdin().as_fd().try_clone_to_owned() {
        Ok(socket) => guardian::main(socket),
        Err(error) => {
            complain(format_args!("guardian: no standard input: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// How a command ends, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done: 0.
    Done,
    /// Something else went wrong: 1.
    Failed,
    /// The configuration is wrong: 2.
    Misconfigured,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Misconfigured => 2,
        })
    }
}

/// Why a command did not work.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("cannot clean up: {0}")]
    Cleanup(#[source] io::Error),
    #[error(transparent)]
    Capture(#[from] OpenError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Enact(#[from] EnactError),
    #[error("{}: more time passes in it than can be played; its times are hardly right", .0.display())]
    Endless(PathBuf),
    #[error("standard input can be read once, and --as reads a capture twice: name a file")]
    Twice,
    #[error("--interface names the one that the capture is of; the configuration has {names}")]
    Interface { names: String },
    #[error("{}: {error}", file.display())]
    Write { file: PathBuf, error: io::Error },
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// A name of one or more words: a group that was given no name is called `eth0 vrrp 10`.
fn joined(words: &[String]) -> Option<String> {
    if words.is_empty() { None } else { Some(words.join(" ")) }
}

/// Says what went wrong, if anything did.
fn finish(result: Result<(), Failure>) -> Exit {
    match result {
        Ok(()) => Exit::Done,
        // Whoever was reading has read enough: `firsthop show | head`.
        Err(Failure::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(Failure::Client(ClientError::Trouble(trouble))) if trouble.kind == TroubleKind::Configuration => {
            complain(&trouble.text);
            complain("not reloaded: the old configuration goes on");
            Exit::Misconfigured
        }
        Err(failure) => {
            complain(failure);
            Exit::Failed
        }
    }
}

/// Prints to standard error, line by line.
fn complain(what: impl Display) {
    for line in what.to_string().lines() {
        // If even that cannot be written, there is nobody left to tell.
        let _ = writeln!(io::stderr(), "{}", printable(line));
    }
}
