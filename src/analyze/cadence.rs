//! How regularly a router speaks: gaps between frames against what the frames promise, in constant memory.

use std::time::Duration;

use serde::Serialize;

use super::moment::nanos;

/// Buckets for each doubling of a deviation: quantiles are right to an eighth.
const STEPS: u32 = 8;
/// Gaps shorter than this part of the promise belong to one burst: versions or checksum forms side by side.
const BURST: u64 = 10;

/// Gaps longer than so many promises are silences, not irregularity.
const SILENCE: u64 = 4;

/// Gaps of one router, gathered.
#[derive(Debug, Clone, Default)]
pub(super) struct Cadence {
    last: Option<u64>,
    promised: Option<Duration>,
    count: u64,
    least: u64,
    most: u64,
    sum: u128,
    /// Gaps of more than one and a half intervals.
    late: u64,
    /// The largest deviation from the promise.
    worst: u64,
    /// Deviations from the promise, by size: bucket to count.
    deviations: Vec<u32>,
}

/// Observed gaps between a router's frames.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Observed {
    /// What the frames promise, in milliseconds.
    pub promised_ms: f64,
    /// How many gaps.
    pub gaps: u64,
    /// Shortest, in milliseconds.
    pub least_ms: f64,
    /// Mean, in milliseconds.
    pub mean_ms: f64,
    /// Longest, in milliseconds.
    pub most_ms: f64,
    /// Half of the gaps deviate by no more than this from the promise, in milliseconds.
    pub jitter_median_ms: f64,
    /// 99 of 100 do, in milliseconds.
    pub jitter_99_ms: f64,
}

impl Cadence {
    /// A frame in a quiet time: nobody else claims the role, nothing has changed.
    pub(super) fn beat(&mut self, at: u64, promised: Option<Duration>) {
        let Some(promise) = promised.filter(|promise| !promise.is_zero()) else { return self.pause() };
        if self.promised != promised {
            // Another setting: what was gathered belongs to the old one.
            *self = Cadence { promised, ..Cadence::default() };
        }
        let promise = nanos(promise);
        let Some(last) = self.last else {
            self.last = Some(at);
            return;
        };
        let gap = at.saturating_sub(last);
        if gap < promise / BURST {
            return;
        }
        self.last = Some(at);
        if gap > promise.saturating_mul(SILENCE) {
            return;
        }
        self.least = if self.count == 0 { gap } else { self.least.min(gap) };
        self.most = self.most.max(gap);
        self.sum += u128::from(gap);
        self.count += 1;
        self.late += u64::from(gap > promise + promise / 2);
        let deviation = gap.abs_diff(promise);
        self.worst = self.worst.max(deviation);
        let bucket = bucket_of(deviation);
        if self.deviations.len() <= bucket {
            self.deviations.resize(bucket + 1, 0);
        }
        self.deviations[bucket] = self.deviations[bucket].saturating_add(1);
    }

    /// The next gap says nothing about regularity.
    pub(super) fn pause(&mut self) {
        self.last = None;
    }

    /// Octets that it takes besides its own size.
    pub(super) fn weight(&self) -> usize {
        self.deviations.len() * size_of::<u32>()
    }

    /// How many gaps were longer than one and a half intervals.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    pub(super) fn observed(&self) -> Option<Observed> {
        let promised = self.promised.filter(|_| self.count > 0)?;
        let ms = |ns: u64| ns as f64 / 1e6;
        Some(Observed {
            promised_ms: promised.as_secs_f64() * 1e3,
            gaps: self.count,
            least_ms: ms(self.least),
            mean_ms: self.sum as f64 / self.count as f64 / 1e6,
            most_ms: ms(self.most),
            jitter_median_ms: ms(self.quantile(0.5)),
            jitter_99_ms: ms(self.quantile(0.99)),
        })
    }

    fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.deviations.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return upper_edge(bucket).min(self.worst);
            }
        }
        0
    }
}

/// Small deviations have a bucket each; beyond, every doubling has [`STEPS`].
fn bucket_of(deviation: u64) -> usize {
    if deviation < u64::from(STEPS) {
        return deviation as usize;
    }
    let doublings = deviation.ilog2() - STEPS.ilog2();
    let step = (deviation >> doublings) as usize - STEPS as usize;
    (doublings as usize + 1) * STEPS as usize + step
}

fn upper_edge(bucket: usize) -> u64 {
    let (doublings, step) = (bucket / STEPS as usize, (bucket % STEPS as usize) as u128);
    let edge = match doublings {
        0 => step,
        _ => ((u128::from(STEPS) + step + 1) << (doublings - 1)) - 1,
    };
    u64::try_from(edge).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gaps_are_measured_and_bursts_and_pauses_are_not() {
        let mut cadence = Cadence::default();
        let second = Some(Duration::from_secs(1));
        for at in [0, 5, 1_000_000_000, 1_000_000_100, 2_010_000_000] {
            cadence.beat(at, second);
        }
        cadence.pause();
        cadence.beat(60_000_000_000, second);
        let observed = cadence.observed().unwrap();
        assert_eq!((observed.gaps, observed.least_ms, observed.most_ms), (2, 1_000.0, 1_010.0));
        assert!(observed.jitter_median_ms < 0.001 && observed.jitter_99_ms == 10.0);
    }

    #[test]
    fn another_promise_begins_anew() {
        let mut cadence = Cadence::default();
        cadence.beat(0, Some(Duration::from_secs(1)));
        cadence.beat(1_000_000_000, Some(Duration::from_secs(1)));
        cadence.beat(1_100_000_000, Some(Duration::from_millis(100)));
        assert!(cadence.observed().is_none());
    }

    proptest! {
        #[test]
        fn a_bucket_is_right_to_an_eighth(deviation in any::<u64>()) {
            let edge = upper_edge(bucket_of(deviation));
            prop_assert!(edge >= deviation && edge - deviation <= deviation / 8);
        }
    }
}
