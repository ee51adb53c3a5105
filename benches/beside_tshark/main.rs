//! firsthop beside tshark and tcpdump: the same capture, in the same run, on the same machine.
//!
//! `cargo bench --bench beside_tshark`, and `-- --frames N` for another size. The captures are made here, of
//! frames that our own code writes: VRRP in every version and with what authenticates it, and as much again of what a
//! LAN has besides; and one of VRRP, HSRP and GLBP alone, where no frame can be passed over. Nothing is asserted; the ratio is what to look at. `FIRSTHOP_BIN` names another firsthop to measure.

mod measure;
mod synthetic;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use measure::Cost;
use synthetic::Mix;

/// Measures what reads a capture.
#[derive(Debug, Parser)]
struct Arguments {
    /// Frames in the capture
    #[arg(long, default_value_t = 1_000_000)]
    frames: u64,
    /// How often each program reads it; the fastest counts
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Read this capture instead
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
    /// What each of the others writes as JSON, too: takes minutes
    #[arg(long)]
    full: bool,
    /// Given by `cargo bench`; without it nothing is measured
    #[arg(long, hide = true)]
    bench: bool,
    /// For this program itself: run a command, and say what it cost
    #[arg(long, hide = true, num_args = 1.., allow_hyphen_values = true)]
    measure: Vec<String>,
}

/// A program, and what it is asked for. `{}` is the capture.
const PROGRAMS: [(&str, &str, bool); 9] = [
    ("firsthop decode", "firsthop decode {}", false),
    ("firsthop decode --json", "firsthop decode --json {}", false),
    ("firsthop decode --verbose", "firsthop decode --verbose {}", false),
    ("tcpdump", "tcpdump -nn -r {}", false),
    ("tcpdump -v", "tcpdump -nnv -r {}", false),
    ("tshark", "tshark -n -r {}", false),
    (
        "tshark -T fields",
        "tshark -n -r {} -T fields -e frame.number -e frame.time_epoch -e eth.src -e ip.src -e ip.dst -e ip.ttl \
         -e vrrp.version -e vrrp.virt_rtr_id -e vrrp.prio -e vrrp.ip_addr",
        false,
    ),
    ("tshark -V", "tshark -n -V -r {}", true),
    ("tshark -T json", "tshark -n -T json -r {}", true),
];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match (&arguments.measure[..], arguments.bench) {
        ([program, rest @ ..], _) => measure::inside(program, rest),
        ([], true) => compare(&arguments),
        ([], false) => {
            println!("nothing measured: this is for `cargo bench --bench beside_tshark`");
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> Result<()> {
    if let Some(capture) = &arguments.capture {
        return print(arguments, &capture.display().to_string(), capture, count(capture)?);
    }
    let directory = tempfile::tempdir()?;
    for (name, mix) in [("VRRP on a busy LAN", Mix::Lan), ("VRRP, HSRP and GLBP alone", Mix::Dense)] {
        let path = directory.path().join("synthetic.pcap");
        synthetic::write(&path, mix, arguments.frames).context("write the capture")?;
        print(arguments, name, &path, arguments.frames)?;
    }
    Ok(())
}

/// What each program costs on one capture.
fn print(arguments: &Arguments, name: &str, capture: &Path, frames: u64) -> Result<()> {
    let size = std::fs::metadata(capture)?.len();
    println!(
        "{name}: {frames} frames, {:.1} MB; the fastest of {} runs\n",
        size as f64 / 1e6,
        arguments.runs
    );
    println!(
        "{:<28}{:>8}{:>12}{:>14}{:>14}{:>14}",
        "", "seconds", "frames/s", "CPU s", "peak RSS MB", "beside tshark"
    );
    let costs = measure_all(arguments, capture)?;
    let tshark = costs.iter().find(|(name, _)| *name == "tshark").map(|(_, cost)| cost.wall.as_secs_f64());
    for (name, cost) in &costs {
        let seconds = cost.wall.as_secs_f64();
        let ratio = tshark.map_or_else(|| "-".to_owned(), |tshark| format!("{:.1}×", tshark / seconds));
        println!(
            "{name:<28}{seconds:>8.2}{:>12.0}{:>14.2}{:>14.1}{ratio:>14}",
            frames as f64 / seconds,
            cost.processor.as_secs_f64(),
            cost.peak as f64 / 1e6
        );
    }
    println!();
    Ok(())
}

/// In turns, so that a busy moment of the machine does not hit one program alone.
fn measure_all(arguments: &Arguments, capture: &Path) -> Result<Vec<(&'static str, Cost)>> {
    let mut costs: Vec<(&'static str, Cost)> = Vec::new();
    for _ in 0..arguments.runs {
        for (name, command, slow) in PROGRAMS {
            if slow && !arguments.full {
                continue;
            }
            let Some(cost) = measure::outside(command, capture)? else { continue };
            match costs.iter_mut().find(|(known, _)| *known == name) {
                Some((_, best)) if best.wall <= cost.wall => {}
                Some((_, best)) => *best = cost,
                None => costs.push((name, cost)),
            }
        }
    }
    Ok(costs)
}

fn count(capture: &Path) -> Result<u64> {
    let mut reader = firsthop::capture::Reader::open(capture)?;
    let mut frames = 0;
    while let Some(next) = reader.next_frame() {
        frames += u64::from(next.is_ok());
    }
    Ok(frames)
}
