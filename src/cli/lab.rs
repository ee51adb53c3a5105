//! `firsthop lab`: builds a network, hurts it, and shows what a host behind it noticed.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::Exit;
use crate::lab::{Lab, LabError, Measured, Options, Progress, Report, SCENARIOS, Scenario, play, wrap};

/// Arguments of `firsthop lab`.
#[derive(Debug, Args)]
pub struct LabArgs {
    #[command(subcommand)]
    command: Option<LabCommand>,
    #[command(flatten)]
    play: PlayArgs,
}

#[derive(Debug, Subcommand)]
enum LabCommand {
    /// Play a scenario: a file, or one from the box by name
    Run {
        /// The scenario file, or a name that `firsthop lab list` shows
        #[arg(value_name = "FILE")]
        scenario: String,
        #[command(flatten)]
        play: PlayArgs,
    },
    /// List the scenarios in the box
    List,
    /// Print a scenario from the box, to begin your own with
    Show {
        /// A name that `firsthop lab list` shows
        name: String,
    },
}

/// How a scenario is played.
#[derive(Debug, Args)]
struct PlayArgs {
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    /// How often to go through the timeline; default: as the scenario says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: Option<u32>,
    /// Where the captures (pcapng) of the segment and of each router go; default: a directory below
    /// lab-captures
    #[arg(long, value_name = "DIR")]
    captures: Option<PathBuf>,
    /// Leave the network up in the end, until Ctrl-C, and say how to enter its machines
    #[arg(long)]
    keep: bool,
}

/// Plays, lists or shows scenarios. Must be called while the process has one thread.
pub fn run(args: &LabArgs) -> Exit {
    let (name, how) = match &args.command {
        None => ("default", &args.play),
        Some(LabCommand::Run { scenario, play }) => (scenario.as_str(), play),
        Some(LabCommand::List) => return list(),
        Some(LabCommand::Show { name }) => return show(name),
    };
    let (file, text) = match find(name) {
        Ok(found) => found,
        Err(what) => {
            eprintln!("error: {what}");
            return Exit::Failed;
        }
    };
    let scenario = match Scenario::parse(&file, &text) {
        Ok(scenario) => scenario,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return Exit::Misconfigured;
        }
    };
    let done = if wrap::is_inside() { inside(name, &scenario, how) } else { outside() };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        Exit::Failed
    })
}

fn list() -> Exit {
    for (name, text) in SCENARIOS {
        let title = Scenario::parse(name, text).map(|scenario| scenario.title).unwrap_or_default();
        println!("{name:<18}{title}");
    }
    Exit::Done
}

fn show(name: &str) -> Exit {
    match SCENARIOS.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => {
            print!("{text}");
            Exit::Done
        }
        None => {
            eprintln!("error: there is no scenario `{name}` in the box; `firsthop lab list` shows them");
            Exit::Failed
        }
    }
}

/// The scenario's file name and text: from the box, or from the disk.
fn find(name: &str) -> Result<(String, String), String> {
    if let Some((name, text)) = SCENARIOS.iter().find(|(known, _)| *known == name) {
        return Ok((format!("etc/lab/{name}.toml"), (*text).to_owned()));
    }
    let text = fs::read_to_string(name);
    text.map(|text| (name.to_owned(), text)).map_err(|error| format!("{name}: {error}"))
}

/// Waits for the process inside, which hears Ctrl-C as well and ends in order.
fn outside() -> Result<Exit, LabError> {
    let status = wrap::run_again_inside()?;
    Ok(match status.code() {
        Some(0) => Exit::Done,
        Some(2) => Exit::Misconfigured,
        _ => Exit::Failed,
    })
}

fn inside(name: &str, scenario: &Scenario, how: &PlayArgs) -> Result<Exit, LabError> {
    let program = wrap::program()?;
    wrap::furnish()?;
    let stop = Arc::new(AtomicBool::new(false));
    wrap::listen(&stop)?;
    let captures = how.captures.clone().unwrap_or_else(|| default_captures(name));
    let options =
        Options { firsthop: program, captures: Some(captures), work: Some(PathBuf::from(wrap::WORK)) };
    let runs = how.runs.unwrap_or(scenario.runs);
    let progress = Shown::new(runs, scenario.timeline.len());

    progress.preparing("building the network");
    let mut lab = Lab::build(scenario, options)?;
    let played = play(&mut lab, runs, &progress, &stop);
    progress.finish();
    let report = match played {
        Ok(report) => report,
        Err(LabError::Interrupted) => {
            eprintln!("interrupted; everything is removed");
            return Ok(Exit::Failed);
        }
        Err(error) => {
            for path in lab.captures()? {
                eprintln!("captured: {}", path.display());
            }
            return Err(error);
        }
    };
    print(&report, how.json);
    if how.keep {
        keep(&lab, &stop);
    }
    Ok(if report.passed() { Exit::Done } else { Exit::Failed })
}

fn default_captures(name: &str) -> PathBuf {
    let stem = PathBuf::from(name);
    let stem = stem.file_stem().map_or_else(|| name.into(), |stem| stem.to_owned());
    PathBuf::from("lab-captures").join(stem)
}

fn print(report: &Report, json: bool) {
    if json {
        match report.json() {
            Ok(text) => println!("{text}"),
            Err(error) => eprintln!("error: the report cannot be printed: {error}"),
        }
        return;
    }
    println!("{}", report.table(io::stdout().is_terminal()));
    for path in &report.captures {
        println!("captured: {}", path.display());
    }
}

fn keep(lab: &Lab, stop: &AtomicBool) {
    eprintln!("The network stays up until Ctrl-C. To enter a machine, as root:");
    for (name, path) in lab.doors() {
        eprintln!("  {name:<8}nsenter --net={}", path.display());
    }
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Progress on standard error: a bar on a terminal, lines elsewhere.
struct Shown {
    bar: Option<ProgressBar>,
    runs: u32,
}

impl Shown {
    fn new(runs: u32, steps: usize) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(u64::from(runs) * steps as u64);
            if let Ok(style) = ProgressStyle::with_template("{spinner} [{bar:30}] {pos}/{len} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(std::time::Duration::from_millis(100));
            bar
        });
        Shown { bar, runs }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Shown {
    fn preparing(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None => eprintln!("{what}"),
        }
    }

    fn step(&self, run: u32, _step: usize, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("run {run} of {}: {what}", self.runs));
        }
    }

    fn measured(&self, what: &str, measured: &Measured) {
        let router = measured.router.as_deref().unwrap_or_default();
        let line = format!(
            "{what:<10} {router:<4} outage {:8.1} ms, {:4} lost, {:4} twice, gateway {}",
            measured.outage.as_secs_f64() * 1e3,
            measured.lost,
            measured.duplicated,
            measured.gateways.join(" and ")
        );
        match &self.bar {
            Some(bar) => {
                bar.println(line);
                bar.inc(1);
            }
            None => eprintln!("{line}"),
        }
    }
}
