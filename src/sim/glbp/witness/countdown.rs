//! The delay of a preemption as somebody else sees it, who cannot always say whether it began.

use std::time::Duration;

use fhrp::Instant;

/// When a preemption is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Countdown {
    /// At the earliest; `None`: it never is, or has always been.
    pub(super) until: Option<Instant>,
    /// At the latest, where that is not the same.
    latest: Option<Instant>,
    better: Better,
}

/// Whether the router was better than whoever is active, when that was heard last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Better {
    #[default]
    No,
    /// It depends on what the router has not said yet.
    Perhaps,
    Yes,
}

impl Better {
    /// With the least right that it may have, and with the most.
    pub(super) fn of(least: bool, most: bool) -> Self {
        match (least, most) {
            (false, false) => Better::No,
            (true, true) => Better::Yes,
            (false, true) | (true, false) => Better::Perhaps,
        }
    }
}

impl Countdown {
    /// It begins at one of these moments.
    pub(super) fn begins_between(least: Instant, most: Instant, delay: Duration) -> Self {
        Countdown { until: Some(least + delay), latest: Some(most + delay), better: Better::No }
    }

    /// It begins at one of these moments, or not at all.
    pub(super) fn may_begin(&mut self, least: Instant, most: Instant, delay: Duration) {
        if self.better == Better::No && self.is_over(least) {
            self.until = Some(least + delay);
        }
        self.may_run_until(most + delay);
    }

    /// It may run for longer, but not for less.
    pub(super) fn may_run_until(&mut self, latest: Instant) {
        self.latest = self.latest.max(Some(latest));
    }

    /// Whoever is active was heard.
    pub(super) fn judges(&mut self, now: Instant, better: Better, delay: Duration) {
        match (self.better, better) {
            (Better::No, Better::Yes) if self.is_over(now) => self.until = Some(now + delay),
            (Better::No | Better::Perhaps, Better::Yes | Better::Perhaps) if self.may_be_over(now) => {
                self.may_run_until(now + delay);
            }
            (_, Better::No | Better::Perhaps | Better::Yes) => {}
        }
        self.better = better;
    }

    /// There is nobody to be better than.
    pub(super) fn ends(&mut self) {
        self.better = Better::No;
    }

    fn is_over(&self, now: Instant) -> bool {
        self.may_be_over(now) && self.latest.is_none_or(|latest| latest <= now)
    }

    /// Whether it may be over.
    pub(super) fn may_be_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    fn over_from(countdown: &Countdown) -> u64 {
        (0..100).find(|second| countdown.may_be_over(at(*second))).unwrap_or(100)
    }

    #[test]
    fn it_begins_for_sure_where_everything_is_known() {
        let mut countdown = Countdown::default();
        countdown.judges(at(20), Better::Yes, DELAY);
        countdown.judges(at(25), Better::No, DELAY);
        countdown.judges(at(28), Better::Yes, DELAY);
        assert_eq!(over_from(&countdown), 30, "it still ran");
        countdown.ends();
        countdown.judges(at(30), Better::Yes, DELAY);
        assert_eq!(over_from(&countdown), 40);
    }

    #[test]
    fn where_it_may_have_begun_it_does_not_begin_for_sure() {
        let mut countdown = Countdown::begins_between(at(1), at(1), DELAY);
        countdown.judges(at(20), Better::Perhaps, DELAY);
        countdown.judges(at(21), Better::Yes, DELAY);
        assert_eq!(over_from(&countdown), 11, "it may have been better from the beginning");
        countdown.ends();
        countdown.judges(at(25), Better::Yes, DELAY);
        assert_eq!(over_from(&countdown), 11, "the one that began at 21 may still run");
        countdown.ends();
        countdown.judges(at(35), Better::Yes, DELAY);
        assert_eq!(over_from(&countdown), 45, "no other one does");
    }

    #[test]
    fn what_may_be_new_is_no_sooner_than_that() {
        let mut countdown = Countdown::begins_between(at(1), at(3), DELAY);
        countdown.may_begin(at(20), at(21), DELAY);
        assert_eq!(over_from(&countdown), 30);
        countdown.judges(at(20), Better::Yes, DELAY);
        countdown.may_begin(at(40), at(40), DELAY);
        assert_eq!(over_from(&countdown), 30, "unless it was waited for already");
    }
}
