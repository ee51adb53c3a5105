//! What nothing happening costs: a pair of routers, one advertising, one listening, on cables alone.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::bed::{Bed, Machine};
use super::daemon::Daemon;
use super::process;
use super::report::Figure;

/// From mastery on until it is quiet: keepalived announces a second time after five seconds.
const SETTLE: Duration = Duration::from_secs(7);

/// Measures one daemon at both ends.
pub fn measure(daemon: &Daemon, groups: usize, interval: Duration, window: Duration) -> Result<Vec<Figure>> {
    let bed = Bed::build(groups, false)?;
    let started = Instant::now();
    let mut master = daemon.start(&bed, Machine::A, groups, interval)?;
    bed.wait_for_master(groups, interval, started)?;
    let up = Instant::now();
    let mut backup = daemon.start(&bed, Machine::B, groups, interval)?;
    thread::sleep(SETTLE.max(up - started));
    if master.try_wait()?.is_some() || backup.try_wait()?.is_some() {
        bail!("a daemon ended by itself");
    }
    let routers = [Machine::A, Machine::B];
    let processes = routers.map(|router| bed.processes(router));
    let count = || -> Result<_> {
        let spent = [process::processor_time(&processes[0]), process::processor_time(&processes[1])];
        Ok((Instant::now(), spent, [bed.sent(Machine::A)?, bed.sent(Machine::B)?]))
    };
    let (begin, spent_before, sent_before) = count()?;
    thread::sleep(window);
    let (end, spent, sent) = count()?;
    let seconds = (end - begin).as_secs_f64();
    let living = routers.map(|router| bed.processes(router));
    if processes.iter().flatten().any(|process| !living.iter().flatten().any(|other| other == process)) {
        bail!("a process of a daemon ended while it was measured");
    }
    let per_minute = |router: usize| (spent[router] - spent_before[router]).as_secs_f64() * 60.0 / seconds;
    let per_second = |router: usize| (sent[router] - sent_before[router]) as f64 / seconds;
    let wanted = groups as f64 / interval.as_secs_f64();
    let memory = processes.each_ref().map(|processes| process::memory(processes));
    Ok(vec![
        Figure::ratio("master, CPU", "s/min", per_minute(0)),
        Figure::ratio("backup, CPU", "s/min", per_minute(1)),
        Figure::ratio("master, CPU per advert sent", "µs", per_minute(0) / 60.0 / per_second(0) * 1e6),
        Figure::ratio("backup, CPU per advert heard", "µs", per_minute(1) / 60.0 / per_second(0) * 1e6),
        Figure::ratio("master, resident memory", "MB", memory[0].resident as f64 / 1e6),
        Figure::ratio("backup, resident memory", "MB", memory[1].resident as f64 / 1e6),
        Figure::ratio("master, proportional memory", "MB", memory[0].proportional as f64 / 1e6),
        Figure::ratio("backup, proportional memory", "MB", memory[1].proportional as f64 / 1e6),
        Figure::plain("frames sent by the master", "/s", per_second(0)),
        Figure::plain("adverts wanted", "/s", wanted),
        Figure::plain("frames sent by the backup", "/s", per_second(1)),
        Figure::plain("start of the master until all advertise", "s", (up - started).as_secs_f64()),
    ])
}
