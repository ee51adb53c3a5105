//! The delay of a preemption. One rule for the gateway and for every forwarder: it runs when the machine begins to, and
//! again whenever we become better than whoever is active, unless it still runs.

use std::time::Duration;

use fhrp::Instant;

/// A delay of preemption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Countdown {
    /// When preemption is allowed; in the past as a rule.
    until: Instant,
    /// Whether we were better when we last heard who is active.
    better: bool,
    /// Whether its end is waited for.
    armed: bool,
}

impl Countdown {
    /// The machine begins to run.
    pub(super) fn begin(now: Instant, delay: Duration) -> Self {
        Countdown { until: now + delay, better: false, armed: false }
    }

    /// Whoever is active was heard: are we better?
    pub(super) fn judges(&mut self, at: Instant, better: bool, delay: Duration) {
        if better && !self.better && self.until <= at {
            self.until = at + delay;
        }
        self.better = better;
        self.armed = better;
    }

    /// There is nobody to be better than.
    pub(super) fn ends(&mut self) {
        self.better = false;
        self.armed = false;
    }

    /// It goes on a little longer.
    pub(super) fn waits(&mut self, until: Instant) {
        self.until = until;
    }

    /// When somebody worse is replaced, if anybody will be.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.armed.then_some(self.until)
    }

    /// Whether it is over; says so once for each time that somebody worse was heard.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        let over = self.armed && self.until <= now;
        self.armed &= !over;
        over
    }
}
