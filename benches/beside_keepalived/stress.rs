//! A living master that is taken for dead: both routers beside busy loops, on fewer processors than loops.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::bed::{Bed, Machine};
use super::daemon::{Daemon, OTHER};
use super::process;
use super::report::{Figure, quantile};
use super::tap::{self, Kind, Tap};

/// For the backup to be ready.
const SETTLE: Duration = Duration::from_secs(3);

/// Measures one daemon at both ends.
pub fn measure(
    daemon: &Daemon,
    groups: usize,
    interval: Duration,
    busy: usize,
    window: Duration,
) -> Result<Vec<Figure>> {
    let bed = Bed::build(groups, true)?;
    let started = Instant::now();
    let mut master = daemon.start(&bed, Machine::A, groups, interval)?;
    bed.wait_for_master(groups, interval, started)?;
    let mut backup = daemon.start(&bed, Machine::B, groups, interval)?;
    thread::sleep(SETTLE.max(interval * 4));
    let tap = Tap::start(&bed)?;
    let processes = [Machine::A, Machine::B].map(|router| bed.processes(router));
    let spent = || processes.each_ref().map(|processes| process::processor_time(processes));

    let before = spent();
    let begin = tap::now();
    let loops = Loops::start(busy)?;
    thread::sleep(window);
    let end = tap::now();
    let after = spent();
    drop(loops);
    // keepalived's parent starts a child that was killed again, for computing too long in real time, say.
    let living: Vec<_> = [Machine::A, Machine::B].into_iter().flat_map(|at| bed.processes(at)).collect();
    let ended = processes.iter().flatten().filter(|process| !living.contains(process)).count();
    // What happened last is on its way.
    thread::sleep(interval * 5);
    if master.try_wait()?.is_some() || backup.try_wait()?.is_some() {
        bail!("a daemon ended by itself");
    }

    let seen = tap.finish();
    let seconds = (end - begin) as f64 / 1e9;
    let (mut last_heard, mut last_was_heard) = (vec![None; groups], vec![true; groups]);
    let (mut gaps, mut false_ones, mut adverts) = (Vec::new(), 0u64, 0u64);
    for frame in seen.iter().filter(|frame| frame.group < groups) {
        match frame.kind {
            Kind::Heard { .. } => {
                if let Some(last) = last_heard[frame.group].replace(frame.at)
                    && frame.at >= begin
                    && frame.at <= end
                {
                    gaps.push((frame.at - last) as f64 / 1e6);
                    adverts += 1;
                }
                last_was_heard[frame.group] = true;
            }
            Kind::Sent { .. } => {
                false_ones += u64::from(std::mem::replace(&mut last_was_heard[frame.group], false));
            }
            Kind::Announced => {}
        }
    }
    let bound = interval * 3 + interval * (256 - u32::from(OTHER)) / 256;
    let wanted = groups as f64 * seconds / interval.as_secs_f64();
    let per_minute =
        |router: usize| after[router].saturating_sub(before[router]).as_secs_f64() * 60.0 / seconds;
    Ok(vec![
        Figure::plain("take-overs while the master lived", "", false_ones as f64),
        Figure::plain("daemon's processes that ended", "", ended as f64),
        Figure::ratio("longest gap between adverts", "ms", quantile(&mut gaps, 1.0)),
        Figure::ratio("gap that 1 in 1000 exceeds", "ms", quantile(&mut gaps, 0.999)),
        Figure::plain("median gap", "ms", quantile(&mut gaps, 0.5)),
        Figure::plain("gap at which a backup takes over", "ms", bound.as_secs_f64() * 1e3),
        Figure::plain("adverts sent of those wanted", "%", 100.0 * adverts as f64 / wanted),
        Figure::ratio("master, CPU", "s/min", per_minute(0)),
        Figure::ratio("backup, CPU", "s/min", per_minute(1)),
    ])
}

/// Threads that do nothing, as fast as they can.
struct Loops {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Loops {
    fn start(count: usize) -> Result<Loops> {
        let mut loops = Loops { over: Arc::new(AtomicBool::new(false)), threads: Vec::new() };
        for _ in 0..count {
            let over = loops.over.clone();
            let work = move || {
                while !over.load(Ordering::Relaxed) {
                    black_box(());
                }
            };
            loops.threads.push(thread::Builder::new().name("busy".to_owned()).spawn(work)?);
        }
        Ok(loops)
    }
}

impl Drop for Loops {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It cannot have panicked.
            let _ = thread.join();
        }
    }
}
