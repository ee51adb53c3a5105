//! Many runs on all processors.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::invariant::{Breach, Invariant, Violation};
use super::scenario::Scenario;
use super::world::{Outcome, Stats, run};

/// Runs that one processor takes at once.
const SHARE: u64 = 32;
/// How often progress is shown.
const BEAT: Duration = Duration::from_millis(200);

/// What is to be run.
pub struct Campaign<'a> {
    /// The numbers of the runs.
    pub numbers: Range<u64>,
    /// When to stop all the same.
    pub until: Option<Instant>,
    /// Processors to use.
    pub jobs: usize,
    /// Violations after which it stops.
    pub enough: usize,
    /// The scenario of a number.
    pub scenario: &'a (dyn Fn(u64) -> Scenario + Sync),
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// Runs.
    pub runs: u64,
    /// Figures of all of them.
    pub stats: Stats,
    /// What was broken, by the number of the run, in order.
    pub violations: Vec<Found>,
    /// How long it took.
    #[serde(serialize_with = "as_seconds")]
    pub seconds: Duration,
}

/// A run that broke something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Found {
    /// Its number.
    pub number: u64,
    /// What it broke.
    pub violation: Violation,
}

impl Summary {
    /// Runs a second.
    pub fn rate(&self) -> f64 {
        self.runs as f64 / self.seconds.as_secs_f64().max(1e-9)
    }
}

fn as_seconds<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

/// Runs a scenario; a panic in it is a violation like any other.
pub fn run_safely(scenario: &Scenario) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| run(scenario, false))).unwrap_or_else(|panic| Outcome {
        violation: Some(Violation {
            at: 0,
            router: None,
            group: None,
            breach: Breach::new(Invariant::NoPanic, format!("panics: {}", words(&*panic))),
        }),
        stats: Stats::default(),
        record: None,
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}

impl Campaign<'_> {
    /// Runs them all, or until there is enough. `progress` is told what there is so far.
    pub fn run(&self, progress: &mut dyn FnMut(&Summary)) -> Summary {
        let began = Instant::now();
        let next = AtomicU64::new(self.numbers.start);
        let over = AtomicBool::new(false);
        let summary = Mutex::new(Summary::default());
        thread::scope(|scope| {
            let workers: Vec<_> =
                (0..self.jobs.max(1)).map(|_| scope.spawn(|| self.work(&next, &over, &summary))).collect();
            while workers.iter().any(|worker| !worker.is_finished()) {
                thread::park_timeout(BEAT.min(began.elapsed() / 4 + Duration::from_millis(1)));
                let mut so_far = lock(&summary).clone();
                so_far.seconds = began.elapsed();
                progress(&so_far);
            }
        });
        let mut summary = summary.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        summary.violations.sort_by_key(|found| found.number);
        summary.seconds = began.elapsed();
        summary
    }

    fn work(&self, next: &AtomicU64, over: &AtomicBool, summary: &Mutex<Summary>) {
        while !over.load(Ordering::Relaxed) {
            let from = next.fetch_add(SHARE, Ordering::Relaxed);
            if from >= self.numbers.end || self.until.is_some_and(|until| Instant::now() >= until) {
                return;
            }
            let mut share = Summary::default();
            for number in from..(from + SHARE).min(self.numbers.end) {
                let outcome = run_safely(&(self.scenario)(number));
                share.runs += 1;
                share.stats += outcome.stats;
                share.violations.extend(outcome.violation.map(|violation| Found { number, violation }));
            }
            let mut summary = lock(summary);
            summary.runs += share.runs;
            summary.stats += share.stats;
            summary.violations.append(&mut share.violations);
            if summary.violations.len() >= self.enough {
                over.store(true, Ordering::Relaxed);
            }
        }
    }
}

fn lock(summary: &Mutex<Summary>) -> std::sync::MutexGuard<'_, Summary> {
    summary.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
