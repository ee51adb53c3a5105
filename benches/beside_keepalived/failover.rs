//! A master that goes: by power cut, or in order.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use super::bed::{Bed, Machine};
use super::daemon::{Daemon, OTHER};
use super::report::{Figure, quantile};
use super::tap::{self, Kind, Seen, Tap};

/// For the backup to be ready.
const SETTLE: Duration = Duration::from_secs(1);
/// For announcements, and for take-overs that are later than any should be.
const AFTER: Duration = Duration::from_secs(2);
/// For a process to end.
const GONE: Duration = Duration::from_secs(30);

/// Cuts the master's power, so often, and looks at how late after the protocol's own bound the backup is.
pub fn power_cut(daemon: &Daemon, groups: usize, interval: Duration, runs: usize) -> Result<Vec<Figure>> {
    let (mut adverts, mut announcements, mut missing) = (Vec::new(), Vec::new(), 0);
    let bound = interval * 3 + skew(interval);
    for run in 0..runs {
        let bed = Bed::build(groups, true)?;
        let tap = begin(&bed, daemon, groups, interval, moment(run, interval))?;
        bed.cut_power_of_a()?;
        thread::sleep(bound + AFTER.min(bound + Duration::from_millis(300)));
        let seen = tap.finish();
        let late = |at: u64, last: u64| (at as f64 - last as f64 - bound.as_nanos() as f64) / 1e6;
        for group in Change::of_each(&seen, groups) {
            match (group.last, group.first, group.announced) {
                (Some(last), Some(first), announced) => {
                    adverts.push(late(first, last));
                    announcements.extend(announced.map(|at| late(at, last)));
                }
                _ => missing += 1,
            }
        }
    }
    let mut figures = vec![Figure::plain("protocol's bound after the last advert", "ms", millis(bound))];
    let order: &[(&'static str, f64)] = if groups == 1 {
        &[("late by, best run", 0.0), ("late by, median run", 0.5), ("late by, worst run", 1.0)]
    } else {
        &[("late by, first group", 0.0), ("late by, median group", 0.5), ("late by, last group", 1.0)]
    };
    figures.extend(order.iter().map(|(name, part)| Figure::ratio(name, "ms", quantile(&mut adverts, *part))));
    figures.extend([
        Figure::ratio("announced to hosts: late by, median", "ms", quantile(&mut announcements, 0.5)),
        Figure::ratio("announced to hosts: late by, last", "ms", quantile(&mut announcements, 1.0)),
        Figure::plain("groups not taken over", "", f64::from(missing)),
    ]);
    Ok(figures)
}

/// Asks the master to stop, and looks at how soon it is followed and gone.
pub fn stop(daemon: &Daemon, groups: usize, interval: Duration) -> Result<Vec<Figure>> {
    let bed = Bed::build(groups, true)?;
    let started = Instant::now();
    let mut master = daemon.start(&bed, Machine::A, groups, interval)?;
    bed.wait_for_master(groups, interval, started)?;
    let _backup = daemon.start(&bed, Machine::B, groups, interval)?;
    thread::sleep(SETTLE + interval * 4);
    let tap = Tap::start(&bed)?;
    thread::sleep(interval * 2);

    let (asked, asked_at) = (Instant::now(), tap::now());
    kill_process(Pid::from_child(&master), Signal::TERM).context("ask the master to stop")?;
    let mut gone = None;
    while gone.is_none() && asked.elapsed() < GONE {
        master.try_wait()?;
        gone = bed.processes(Machine::A).is_empty().then(|| asked.elapsed());
        thread::sleep(Duration::from_millis(2));
    }
    thread::sleep((interval * 4).saturating_sub(asked.elapsed()) + AFTER);
    let (mut taken, mut goodbyes, mut missing) = (Vec::new(), 0, 0);
    let seen = tap.finish();
    for group in Change::of_each(&seen, groups) {
        goodbyes += u32::from(group.goodbye);
        match group.first {
            Some(first) => taken.push((first as f64 - asked_at as f64) / 1e6),
            None => missing += 1,
        }
    }
    Ok(vec![
        Figure::plain("protocol's bound after a goodbye", "ms", millis(skew(interval))),
        Figure::ratio("taken over, first group", "ms", quantile(&mut taken, 0.0)),
        Figure::ratio("taken over, last group", "ms", quantile(&mut taken, 1.0)),
        Figure::plain("goodbyes (priority 0) heard", "", f64::from(goodbyes)),
        Figure::plain("groups not taken over", "", f64::from(missing)),
        Figure::ratio("process gone after", "ms", gone.map_or(f64::NAN, millis)),
    ])
}

/// Starts both routers and a tap, and waits until it is quiet and then for `more`.
fn begin(bed: &Bed, daemon: &Daemon, groups: usize, interval: Duration, more: Duration) -> Result<Tap> {
    let started = Instant::now();
    daemon.start(bed, Machine::A, groups, interval)?;
    bed.wait_for_master(groups, interval, started)?;
    daemon.start(bed, Machine::B, groups, interval)?;
    thread::sleep(SETTLE + interval * 4);
    let tap = Tap::start(bed)?;
    thread::sleep(interval * 2 + more);
    Ok(tap)
}

/// A moment between two adverts, spread evenly over the runs.
fn moment(run: usize, interval: Duration) -> Duration {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    interval.mul_f64((run as f64 * GOLDEN).fract())
}

fn skew(interval: Duration) -> Duration {
    interval * (256 - u32::from(OTHER)) / 256
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// What one group's change of master looked like from the backup's side.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    /// The last advert heard from the master.
    last: Option<u64>,
    /// Whether it said goodbye.
    goodbye: bool,
    /// The first advert sent by the backup.
    first: Option<u64>,
    /// The first announcement to hosts.
    announced: Option<u64>,
}

impl Change {
    fn of_each(seen: &[Seen], groups: usize) -> Vec<Change> {
        let mut changes = vec![Change::default(); groups];
        for frame in seen {
            let Some(change) = changes.get_mut(frame.group) else { continue };
            match frame.kind {
                Kind::Heard { priority } if change.first.is_none() => {
                    change.last = Some(frame.at);
                    change.goodbye |= priority == 0;
                }
                Kind::Heard { .. } => {}
                Kind::Sent { .. } => {
                    change.first.get_or_insert(frame.at);
                }
                Kind::Announced => {
                    change.announced.get_or_insert(frame.at);
                }
            }
        }
        changes
    }
}
