//! firsthop beside keepalived, in one run on one machine: what each costs, how late each is, and what each does
//! when there is no processor time left.
//!
//! ```text
//!   a (the better router) ── eth0 … eth15 ── b (the other)      steady state: cables alone
//!   a ── a0 ─ switch s ─ b0 ── b                                everything else: a switch, where frames are stamped
//! ```
//!
//! As root: `cargo bench --bench beside_keepalived`, and `-- --full` for every size. Nothing is asserted; the
//! figures of another machine are other figures, and the ratio is what to look at. Everything happens in
//! namespaces that end with this program, however it ends. `FIRSTHOP_BIN` names another firsthop to measure.

mod bed;
mod daemon;
mod failover;
mod process;
mod report;
mod steady;
mod stress;
mod tap;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use firsthop::lab::wrap;

use daemon::Daemon;
use report::{Figure, Report};

/// Measures firsthop and keepalived side by side.
#[derive(Debug, Parser)]
struct Arguments {
    /// Every size, and the long runs: about half an hour
    #[arg(long)]
    full: bool,
    /// Only these parts
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
    /// Write the figures to this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Given by `cargo bench`; without it nothing is measured
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Processor time and memory while nothing happens
    Steady,
    /// Take-overs while the master lives, beside busy loops
    Stress,
    /// Many groups at once: power cut, and a graceful stop
    Mass,
    /// One group: power cut
    Single,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        println!("nothing measured: this is for `cargo bench --bench beside_keepalived`");
        return ExitCode::SUCCESS;
    }
    let done = if wrap::is_inside() { inside(&arguments) } else { outside() };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn outside() -> Result<ExitCode> {
    let status = wrap::run_again_inside()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn inside(arguments: &Arguments) -> Result<ExitCode> {
    wrap::furnish()?;
    if !rustix::process::geteuid().is_root() {
        bail!("real-time scheduling and large socket buffers need root");
    }
    let daemons = Daemon::installed();
    let mut report = Report::new(&daemons);
    print!("{}", report.head());
    for cell in cells(arguments) {
        eprintln!("… {}", cell.title());
        let measure = |daemon: &Daemon| {
            eprintln!("  {}", daemon.name());
            (daemon.clone(), cell.measure(daemon))
        };
        let figures = cell.daemons(&daemons).map(measure).collect();
        println!("{}", report.add(cell.part_name(), &cell.title(), figures));
    }
    print!("{}", report::FOOTNOTES);
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&report.json())?;
        std::fs::write(file, text + "\n").with_context(|| format!("write {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One thing that is measured with each daemon in turn.
#[derive(Debug, Clone, Copy)]
struct Cell {
    groups: usize,
    interval: Duration,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Steady { window: Duration },
    Stress { busy: usize, seconds: u64, real_time: bool },
    PowerCut { runs: usize },
    Stop,
}

impl Cell {
    fn part_name(&self) -> &'static str {
        match self.what {
            What::Steady { .. } => "steady",
            What::Stress { .. } => "stress",
            What::PowerCut { .. } if self.groups == 1 => "single",
            What::PowerCut { .. } => "mass",
            What::Stop => "stop",
        }
    }

    fn title(&self) -> String {
        let groups = if self.groups == 1 { "1 group".to_owned() } else { format!("{} groups", self.groups) };
        let of = format!("{groups} with virtual MACs, adverts every {:?}", self.interval);
        match self.what {
            What::Steady { .. } => format!("Steady state: {of}"),
            What::Stress { busy, seconds, .. } => {
                format!("Beside {busy} busy loops for {seconds} s: {of}")
            }
            What::PowerCut { runs: 1 } => format!("Power cut: {of}"),
            What::PowerCut { runs } => format!("Power cut, {runs} times: {of}"),
            What::Stop => format!("Graceful stop: {of}"),
        }
    }

    /// keepalived is at ordinary priority by default. Where that matters, it also shows what it can do.
    fn daemons<'a>(&self, all: &'a [Daemon]) -> impl Iterator<Item = &'a Daemon> {
        let with_real_time = matches!(self.what, What::Stress { real_time: true, .. });
        all.iter().filter(move |daemon| with_real_time || !daemon.is_extra())
    }

    fn measure(&self, daemon: &Daemon) -> Result<Vec<Figure>> {
        match self.what {
            What::Steady { window } => steady::measure(daemon, self.groups, self.interval, window),
            What::Stress { busy, seconds, .. } => {
                stress::measure(daemon, self.groups, self.interval, busy, Duration::from_secs(seconds))
            }
            What::PowerCut { runs } => failover::power_cut(daemon, self.groups, self.interval, runs),
            What::Stop => failover::stop(daemon, self.groups, self.interval),
        }
    }
}

fn cells(arguments: &Arguments) -> Vec<Cell> {
    let (second, tenth, hundredth) =
        (Duration::from_secs(1), Duration::from_millis(100), Duration::from_millis(10));
    let cell = |groups, interval, what| Cell { groups, interval, what };
    let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut cells = Vec::new();
    if wanted(Part::Steady) {
        let window = Duration::from_secs(if arguments.full { 15 } else { 5 });
        let sizes: &[_] = if arguments.full { &[1, 100, 1000, 4000] } else { &[1000] };
        let intervals: &[_] = if arguments.full { &[second, tenth] } else { &[second] };
        for interval in intervals {
            cells.extend(sizes.iter().map(|groups| cell(*groups, *interval, What::Steady { window })));
        }
    }
    if wanted(Part::Stress) {
        let stress = |seconds| What::Stress { busy: 8, seconds, real_time: arguments.full };
        if arguments.full {
            cells.push(cell(1000, tenth, stress(60)));
            cells.push(cell(100, hundredth, stress(60)));
        } else {
            cells.push(cell(100, hundredth, stress(10)));
        }
    }
    if wanted(Part::Mass) {
        let groups = if arguments.full { 1000 } else { 255 };
        cells.push(cell(groups, second, What::PowerCut { runs: 1 }));
        cells.push(cell(groups, second, What::Stop));
    }
    if wanted(Part::Single) {
        let runs = if arguments.full { 10 } else { 3 };
        cells.extend([tenth, hundredth].map(|interval| cell(1, interval, What::PowerCut { runs })));
    }
    cells
}
