//! `firsthop sim`: whole LANs in virtual time, until something is found that must not be.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Exit, complain, text};
use crate::sim::campaign::{Campaign, Found, Summary};
use crate::sim::exhaustive::{self, Space};
use crate::sim::explain::Explained;
use crate::sim::generate::{self, Limits, Simulated};
use crate::sim::shrink::shrink;
use crate::sim::{Invariant, Scenario};

/// Columns of a timeline where nobody looks.
const WIDTH: usize = 110;
/// Seeds, if nobody says how many.
const SEEDS: u64 = 10_000;

/// Arguments of `firsthop sim`.
#[derive(Debug, Args)]
pub struct SimArgs {
    /// How many seeds to run [default: 10000]
    #[arg(long, value_name = "N", conflicts_with_all = ["hours", "seed", "scenario", "exhaustive"])]
    seeds: Option<u64>,
    /// Run seeds for so many hours
    #[arg(long, value_name = "H", conflicts_with_all = ["seed", "scenario", "exhaustive"])]
    hours: Option<f64>,
    /// The first seed; without it a fresh one, which is printed
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seed", "scenario", "exhaustive"])]
    from: Option<u64>,
    /// Run this one seed
    #[arg(long, value_name = "SEED", conflicts_with_all = ["scenario", "exhaustive"])]
    seed: Option<u64>,
    /// Run the scenarios in these files, as an earlier run has written them
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "exhaustive")]
    scenario: Vec<PathBuf>,
    /// Run every interleaving of power cuts, unplugged cables and lost messages on a small LAN
    #[arg(long)]
    exhaustive: bool,
    /// In how many steps something may happen
    #[arg(long, value_name = "N", default_value_t = 4, requires = "exhaustive",
          value_parser = clap::value_parser!(u32).range(0..=8))]
    steps: u32,
    /// How many messages may be lost
    #[arg(long, value_name = "N", default_value_t = 8, requires = "exhaustive",
          value_parser = clap::value_parser!(u32).range(0..=16))]
    messages: u32,
    /// Routers on the LAN: a number, or the fewest and the most, as in 2..4 [default: 2..8; exhaustive: 2]
    #[arg(long, value_name = "N", value_parser = routers)]
    routers: Option<(u64, u64)>,
    /// Simulate only this protocol: vrrp, hsrp, carp, glbp [default: all; the seed decides]
    #[arg(long, value_name = "NAME", value_parser = protocol, conflicts_with = "scenario")]
    protocol: Option<Simulated>,
    /// Processors to use [default: all]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Print what happens in the run, and write picture, capture and scenario, even if nothing is wrong
    #[arg(long)]
    explain: bool,
    /// Where picture, capture and scenario of a violation go
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Go on after a violation
    #[arg(long)]
    keep_going: bool,
    /// List what must always be true, and where that is written
    #[arg(long, exclusive = true)]
    invariants: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

fn protocol(text: &str) -> Result<Simulated, String> {
    let named = Simulated::ALL.into_iter().find(|protocol| protocol.name() == text);
    let all = || Simulated::ALL.map(Simulated::name).join(" and ");
    named.ok_or_else(|| format!("`{text}` is not simulated; {} are", all()))
}

fn routers(text: &str) -> Result<(u64, u64), String> {
    let most = crate::sim::scenario::MOST_ROUTERS as u64;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("`{text}` is no number"));
    let (low, high) = match text.split_once("..") {
        Some((low, high)) => (number(low)?, number(high.trim_start_matches('='))?),
        None => (number(text)?, number(text)?),
    };
    match (2..=most).contains(&low) && (low..=most).contains(&high) {
        true => Ok((low, high)),
        false => Err(format!("2 to {most} routers, as in `3` or `2..4`")),
    }
}

/// What the numbers of a campaign stand for.
enum Source {
    Seeds(Limits),
    Spaces(Vec<Space>),
    Files(Vec<(PathBuf, Scenario)>),
}

impl Source {
    fn scenario(&self, number: u64) -> Scenario {
        match self {
            Source::Seeds(limits) => generate::scenario(number, limits),
            Source::Spaces(spaces) => exhaustive::scenario(spaces, number),
            Source::Files(files) => files[number as usize].1.clone(),
        }
    }

    /// What one of them is called.
    fn name(&self, number: u64) -> String {
        match self {
            Source::Seeds(_) => format!("seed {number}"),
            Source::Spaces(spaces) => format!("interleaving {number} of {}", exhaustive::size(spaces)),
            Source::Files(files) => files[number as usize].0.display().to_string(),
        }
    }
}

/// Runs what is asked for. What must not be makes it fail.
pub(super) fn run(args: &SimArgs, out: &mut dyn Write) -> Exit {
    let done = match args.invariants {
        true => list(out).map(|()| Exit::Done),
        false => simulate(args, out),
    };
    done.unwrap_or_else(|error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Exit::Done;
        }
        complain(error);
        Exit::Failed
    })
}

fn list(out: &mut dyn Write) -> io::Result<()> {
    for invariant in Invariant::ALL {
        writeln!(out, "{invariant}: {}\n    {}", invariant.statement(), invariant.source())?;
    }
    Ok(())
}

fn simulate(args: &SimArgs, out: &mut dyn Write) -> io::Result<Exit> {
    let (source, numbers) = source(args)?;
    let jobs = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let single = numbers.end - numbers.start == 1 && args.hours.is_none();
    let campaign = Campaign {
        numbers: numbers.clone(),
        until: args.hours.map(|hours| Instant::now() + Duration::from_secs_f64(hours.max(0.0) * 3_600.0)),
        jobs,
        enough: if args.keep_going { usize::MAX } else { 1 },
        scenario: &|number| source.scenario(number),
    };
    // A panic is a finding like any other, and told with it.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let shown = Shown::new(args.hours.is_none().then_some(numbers.end - numbers.start));
    let summary = campaign.run(&mut |summary| shown.so_far(summary));
    shown.finish();
    let mut written = Vec::new();
    if single && args.explain && summary.violations.is_empty() {
        let scenario = source.scenario(numbers.start);
        written.push(explain(args, &source.name(numbers.start), "run", &scenario, out)?);
    }
    for found in summary.violations.iter().take(if args.keep_going { 3 } else { 1 }) {
        written.push(report(args, &source, found, out)?);
    }
    std::panic::set_hook(hook);
    conclude(args, &source, &summary, &numbers, &written, out)?;
    Ok(if summary.violations.is_empty() { Exit::Done } else { Exit::Failed })
}

fn source(args: &SimArgs) -> io::Result<(Source, std::ops::Range<u64>)> {
    if args.exhaustive {
        let routers = args.routers.map_or(2, |(low, _)| low.min(3)) as usize;
        let (steps, messages) = (args.steps, args.messages);
        let wanted =
            Simulated::ALL.into_iter().filter(|one| args.protocol.is_none_or(|wanted| wanted == *one));
        let spaces: Vec<_> = wanted.map(|protocol| Space { protocol, routers, steps, messages }).collect();
        let size = exhaustive::size(&spaces);
        return Ok((Source::Spaces(spaces), 0..size));
    }
    if !args.scenario.is_empty() {
        let files = args.scenario.iter().map(|path| Ok((path.clone(), read(path)?)));
        let files: Vec<_> = files.collect::<io::Result<_>>()?;
        let count = files.len() as u64;
        return Ok((Source::Files(files), 0..count));
    }
    let mut limits = Limits { protocol: args.protocol, ..Limits::default() };
    if let Some((least, most)) = args.routers {
        (limits.least_routers, limits.most_routers) = (least, most);
    }
    let numbers = match (args.seed, args.from.unwrap_or_else(fresh), args.hours) {
        (Some(seed), ..) => seed..seed.saturating_add(1),
        (None, from, Some(_)) => from..u64::MAX,
        (None, from, None) => from..from.saturating_add(args.seeds.unwrap_or(SEEDS)),
    };
    Ok((Source::Seeds(limits), numbers))
}

/// A seed that nobody has run before, short enough to be told on the telephone.
fn fresh() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000_000_000
}

fn read(path: &Path) -> io::Result<Scenario> {
    let named = |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| named(&error))?;
    let scenario: Scenario = serde_json::from_str(&text).map_err(|error| named(&error))?;
    scenario.check().map_err(|error| named(&error))?;
    Ok(scenario)
}

/// Shrinks what was found, and explains what is left.
fn report(args: &SimArgs, source: &Source, found: &Found, out: &mut dyn Write) -> io::Result<PathBuf> {
    let scenario = source.scenario(found.number);
    let name = source.name(found.number);
    let shown = Shown::new(None);
    let shrunk = shrink(&scenario, &found.violation, |runs, deeds| {
        shown.message(&format!("shrinking: {runs} runs, {deeds} deeds left"));
    });
    shown.finish();
    if !args.json {
        writeln!(out, "{name}: {}", found.violation)?;
        writeln!(
            out,
            "Shrunk from {} to {} deeds and from {} to {} routers in {} runs:\n",
            scenario.deeds.len(),
            shrunk.scenario.deeds.len(),
            scenario.routers.len(),
            shrunk.scenario.routers.len(),
            shrunk.runs
        )?;
    }
    explain(args, &name, "violation", &shrunk.scenario, out)
}

/// Prints what there is to say of a scenario, and writes its files. Returns their path without extension.
fn explain(
    args: &SimArgs,
    name: &str,
    kind: &str,
    scenario: &Scenario,
    out: &mut dyn Write,
) -> io::Result<PathBuf> {
    let explained = Explained::new(scenario);
    let file: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let base = args.out.join(format!("firsthop-sim-{kind}-{file}"));
    let named = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"))
    };
    fs::create_dir_all(&args.out).map_err(named(&args.out))?;
    let words = explained.text(text::terminal_width().unwrap_or(WIDTH));
    for (extension, octets) in [
        ("txt", explained.text(WIDTH).into_bytes()),
        ("svg", crate::draw::svg(&explained.timeline()).into_bytes()),
        ("json", serde_json::to_vec_pretty(scenario)?),
    ] {
        let path = base.with_extension(extension);
        fs::write(&path, octets).map_err(named(&path))?;
    }
    let path = base.with_extension("pcapng");
    let file = File::create(&path).map_err(named(&path))?;
    explained.capture(BufWriter::new(file)).map_err(named(&path))?;
    if !args.json {
        write!(out, "{words}")?;
        let shown = base.display();
        writeln!(
            out,
            "Written: {shown}.txt, .svg, .pcapng; again with: firsthop sim --scenario {shown}.json\n"
        )?;
    }
    Ok(base)
}

fn conclude(
    args: &SimArgs,
    source: &Source,
    summary: &Summary,
    numbers: &std::ops::Range<u64>,
    written: &[PathBuf],
    out: &mut dyn Write,
) -> io::Result<()> {
    if args.json {
        let document = json!({
            "from": numbers.start,
            "summary": summary,
            "rate": summary.rate(),
            "written": written,
        });
        return writeln!(out, "{document}");
    }
    for found in summary.violations.iter().skip(written.len()) {
        writeln!(out, "{}: {}", source.name(found.number), found.violation)?;
    }
    let stats = &summary.stats;
    let runs = summary.runs;
    let from = match source {
        Source::Seeds(_) => format!(" from seed {}", numbers.start),
        Source::Spaces(_) | Source::Files(_) => String::new(),
    };
    let simulated = Duration::from_nanos(stats.simulated_ns).as_secs_f64();
    writeln!(
        out,
        "{}{from}: {} violations; {:.0} runs/s, {} of LAN time in {}",
        crate::log::count(runs as usize, "run"),
        summary.violations.len(),
        summary.rate(),
        text::span(simulated),
        text::span(summary.seconds.as_secs_f64())
    )?;
    writeln!(
        out,
        "{} frames, {} transitions, {} times settled, {} of {} packets forwarded, {} forged or replayed frames refused",
        stats.frames, stats.transitions, stats.settled, stats.forwarded, stats.packets, stats.refused
    )
}

/// Progress on standard error, on a terminal.
struct Shown {
    bar: Option<ProgressBar>,
}

impl Shown {
    fn new(runs: Option<u64>) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let (bar, template) = match runs {
                Some(runs) => (ProgressBar::new(runs), "{spinner} [{bar:30}] {pos}/{len} {msg} ({eta} left)"),
                None => (ProgressBar::new_spinner(), "{spinner} {pos} {msg} ({elapsed})"),
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        Shown { bar }
    }

    fn so_far(&self, summary: &Summary) {
        if let Some(bar) = &self.bar {
            bar.set_position(summary.runs);
            bar.set_message(format!("{:.0} runs/s, {} violations", summary.rate(), summary.violations.len()));
        }
    }

    fn message(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
            bar.tick();
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
