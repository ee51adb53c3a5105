//! Goes through the timeline: does the deeds, waits, and measures what came of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::fault::Deed;
use super::measure::{self, Measured, Traffic};
use super::network::Lab;
use super::report::{Report, StepReport};
use super::scenario::{Step, Target};
use super::wire::Advert;
use super::{LabError, now};

/// How long the lab waits for an answer to its question; it takes microseconds.
const PATIENCE: Duration = Duration::from_millis(60);
/// How long the routers may take until one of them answers, at the beginning.
const START: Duration = Duration::from_secs(30);
/// Between two looks at whether the user wants to stop.
const SLICE: Duration = Duration::from_millis(20);

/// Whoever wants to know how far it is.
pub trait Progress {
    /// The lab is being built, or its routers find each other.
    fn preparing(&self, what: &str);
    /// A step begins: number of the run from 1, number of the step in it from 1.
    fn step(&self, run: u32, step: usize, what: &str);
    /// A step was measured.
    fn measured(&self, what: &str, measured: &Measured);
}

/// Starts the daemons and the stream, goes through the timeline `runs` times and reports.
///
/// # Errors
/// The lab cannot do what is asked, nobody becomes the gateway, or `stop` was set.
pub fn play(
    lab: &mut Lab,
    runs: u32,
    progress: &dyn Progress,
    stop: &AtomicBool,
) -> Result<Report, LabError> {
    let scenario = lab.scenario().clone();
    progress.preparing("the routers find each other");
    lab.start()?;
    first_gateway(lab, scenario.settle, stop)?;
    lab.start_stream()?;
    rest(scenario.settle.min(Duration::from_millis(500)), stop)?;

    let mut steps: Vec<StepReport> = scenario.timeline.iter().map(StepReport::new).collect();
    for run in 1..=runs {
        for (place, (step, report)) in scenario.timeline.iter().zip(&mut steps).enumerate() {
            progress.step(run, place + 1, step.deed.name());
            let measured = go(lab, step, stop)?;
            progress.measured(step.deed.name(), &measured);
            report.runs.push(measured);
        }
    }
    steps.iter_mut().for_each(StepReport::judge);
    let captures = lab.captures()?;
    Ok(Report { title: scenario.title, runs, steps, captures })
}

/// Waits until one router alone answers, and still does after a while.
fn first_gateway(lab: &mut Lab, settle: Duration, stop: &AtomicBool) -> Result<(), LabError> {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        let first = gateways(lab)?;
        alive(lab)?;
        if first.len() == 1 {
            rest(settle, stop)?;
            if gateways(lab)? == first {
                return Ok(());
            }
        }
        rest(SLICE, stop)?;
    }
    let logs = lab.routers().map(|router| format!("{}:\n{}", router.node().name(), router.last_words()));
    Err(LabError::Scenario(format!(
        "no router alone answers for {} after {} s\n{}",
        lab.scenario().gateway,
        START.as_secs(),
        logs.collect::<Vec<_>>().join("\n")
    )))
}

/// Every daemon that was started still runs.
fn alive(lab: &mut Lab) -> Result<(), LabError> {
    let names: Vec<_> = lab.scenario().routers.keys().cloned().collect();
    for name in names {
        let router = lab.router(&name)?;
        if router.plan().daemon != super::DaemonKind::None && !router.is_running() {
            return Err(router.fault(format!("the daemon ended unasked\n{}", router.last_words())));
        }
    }
    Ok(())
}

fn gateways(lab: &Lab) -> Result<Vec<String>, LabError> {
    let answers = lab.who_answers(lab.scenario().gateway, PATIENCE)?;
    Ok(answers.into_iter().map(|answer| answer.router).collect())
}

fn go(lab: &mut Lab, step: &Step, stop: &AtomicBool) -> Result<Measured, LabError> {
    let target = target(lab, step)?;
    // At any phase of the advertisement interval, not always the same.
    rest(anywhere(last_interval(&lab.adverts())), stop)?;
    let named = target.as_deref().filter(|_| step.deed.has_target());
    if let (Some(config), Some(name)) = (&step.config, named) {
        lab.router(name)?.configure(config)?;
    }
    let moment = lab.fault(step.deed, named)?;
    let done = Duration::from_nanos(now().saturating_sub(moment.at));
    rest(step.settle.saturating_sub(done), stop)?;
    let gateways = gateways(lab)?;
    let to = now();
    // Whatever was sent until now gets the time to arrive.
    rest(Duration::from_millis(20), stop)?;

    let adverts = lab.adverts();
    let settled = measure::settled(&adverts, moment.at, to);
    let logs = lab.stream_logs();
    let (mut traffic, mut carries, mut others_lost) = (Traffic::default(), BTreeMap::new(), 0);
    for log in &logs {
        let one = measure::traffic(log, (moment.at, to), settled);
        let served_by = |at| measure::last_hop(log, at).and_then(|mac| lab.router_of(mac));
        if let Some(router) = served_by(to) {
            *carries.entry(router.to_owned()).or_default() += 1;
        }
        if served_by(moment.at) != named {
            others_lost += one.lost;
        }
        traffic = traffic.and(one);
    }
    let unheard = if step.deed == Deed::Partition { moment.at + moment.took } else { u64::MAX };
    let deposed = target.as_deref().filter(|_| step.deed.deposes());
    Ok(Measured {
        took: Duration::from_nanos(moment.took),
        outage: Duration::from_nanos(traffic.outage),
        lost: traffic.lost,
        duplicated: traffic.duplicated,
        duplicated_settled: traffic.duplicated_settled,
        settled: Duration::from_nanos(settled - moment.at),
        take_over: deposed.and_then(|old| measure::take_over(&adverts, old, moment.at, to, unheard)),
        gateways,
        carries,
        others_lost,
        router: target,
    })
}

/// To whom the step is done; a partition has a target, too: the one whose replacement is measured.
fn target(lab: &mut Lab, step: &Step) -> Result<Option<String>, LabError> {
    if !step.deed.deposes() && !step.deed.has_target() {
        return Ok(None);
    }
    match &step.target {
        Target::Router(name) => Ok(Some(name.clone())),
        Target::Active => match gateways(lab)?.into_iter().next() {
            Some(name) => Ok(Some(name)),
            None => Err(LabError::Scenario(format!(
                "nobody answers for {}, so there is no active router for `{}`",
                lab.scenario().gateway,
                step.deed.name()
            ))),
        },
    }
}

fn last_interval(adverts: &[Advert]) -> Duration {
    adverts.last().map_or(Duration::ZERO, |advert| advert.interval)
}

/// A part of `interval` that is as good as random: the clock's own.
fn anywhere(interval: Duration) -> Duration {
    let nanoseconds = interval.as_nanos() as u64;
    // A multiplicative hash, since the clock itself is in step with what the lab does.
    let hashed = now().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
    Duration::from_nanos(hashed.checked_rem(nanoseconds).unwrap_or(0))
}

fn rest(duration: Duration, stop: &AtomicBool) -> Result<(), LabError> {
    let until = Instant::now() + duration;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(LabError::Interrupted);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(SLICE));
    }
}
