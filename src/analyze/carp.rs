//! CARP: an advertisement is the master's, and whoever advertises more often is the better one. OpenBSD ip_carp.c.

use std::time::Duration;

use fhrp::dissect::{Dissection, Value};

use super::reading::{Part, Reading, Said, Stance, Statement, Vacancy};

/// The skew of a master that bows out; no other has it.
const BOWS_OUT: u64 = 255;
/// Intervals that a backup waits for before it adds its own skew.
const INTERVALS: u32 = 3;

pub(super) fn read(dissection: &Dissection) -> Reading {
    let skew = dissection.details.iter().find_map(|(name, value)| match (*name, value) {
        ("advskew", Value::Number(skew)) => Some(*skew),
        _ => None,
    });
    let (stance, word) = match skew {
        Some(BOWS_OUT) => (Stance::Resigns, "bowed out"),
        Some(_) | None => (Stance::Holds, "master"),
    };
    Reading {
        statements: vec![Statement { part: Part::Gateway, stance, word, coup: false, rank: None }],
        complete: false,
        every: dissection.interval.filter(|_| stance == Stance::Holds),
        patience: dissection.interval.map(|interval| base(interval) * INTERVALS),
    }
}

/// `advbase`, in whole seconds, without `advskew`, in parts of one.
fn base(interval: Duration) -> Duration {
    Duration::from_secs(interval.as_secs())
}

/// A backup waits by its own numbers, whatever the master's are.
pub(super) fn wait_before_taking(successor: &Said, vacancy: Vacancy) -> Option<(Duration, &'static str)> {
    let own = successor.interval?;
    match vacancy {
        Vacancy::Silent => Some((base(own) * (INTERVALS - 1) + own, "OpenBSD ip_carp.c, carp_setrun")),
        Vacancy::Resigned => None,
    }
}
