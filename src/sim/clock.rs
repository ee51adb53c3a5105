//! Clocks that do not agree.
//!
//! The simulation has one time, nanoseconds since its beginning. Each router has a clock of its own that was
//! started at another moment and runs a little too fast or too slow; protocols see only that one.

use std::time::Duration;

use fhrp::Instant;

/// Nanoseconds of simulated time.
pub type Moment = u64;

/// A millisecond of simulated time.
pub const MILLISECOND: u64 = 1_000_000;
/// A second of simulated time.
pub const SECOND: u64 = 1_000 * MILLISECOND;

/// Wall-clock time at the beginning: a date that no protocol has a reason to find odd.
pub const EPOCH: Duration = Duration::from_secs(1_800_000_000);
/// Parts in a million.
const MILLION: i128 = 1_000_000;

/// A router's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// What it shows at the beginning.
    offset: u64,
    /// By how many parts in a million it is too fast.
    drift: i64,
}

impl Clock {
    /// A clock that shows `offset` nanoseconds at the beginning, and is `drift` parts in a million too fast.
    pub fn new(offset: u64, drift: i64) -> Self {
        Clock { offset, drift }
    }

    /// What it shows.
    pub fn shows(&self, moment: Moment) -> Instant {
        Instant::from_nanos(self.offset + self.own(moment))
    }

    /// Since the Unix epoch, as this router sees it.
    pub fn wall(&self, moment: Moment) -> Duration {
        EPOCH + Duration::from_nanos(self.own(moment))
    }

    /// The first moment at which it shows `instant` or more.
    pub fn moment(&self, instant: Instant) -> Moment {
        let own = i128::from(instant.as_nanos().saturating_sub(self.offset));
        let rate = MILLION + i128::from(self.drift);
        let moment = (own * MILLION + rate - 1) / rate;
        u64::try_from(moment).unwrap_or(u64::MAX)
    }

    fn own(&self, moment: Moment) -> u64 {
        let own = i128::from(moment) * (MILLION + i128::from(self.drift)) / MILLION;
        u64::try_from(own).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Woken when the clock is said to show an instant, a router finds that it does.
        #[test]
        fn a_deadline_has_passed_when_it_is_said_to(
            offset in 0_u64..1 << 50, drift in -20_000_i64..20_000, after in 0_u64..1 << 45,
        ) {
            let clock = Clock::new(offset, drift);
            let instant = Instant::from_nanos(offset + after);
            let moment = clock.moment(instant);
            prop_assert!(clock.shows(moment) >= instant);
            prop_assert!(moment == 0 || clock.shows(moment - 1) < instant);
        }
    }
}
