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
    /// When it is our turn after others with the same right. No part of the delay: whoever becomes better meanwhile
    /// waits anew.
    turn: Option<Instant>,
}

impl Countdown {
    /// The machine begins to run.
    pub(super) fn begin(now: Instant, delay: Duration) -> Self {
        Countdown { until: now + delay, ..Countdown::default() }
    }

    /// Whoever is active was heard: are we better?
    pub(super) fn judges(&mut self, at: Instant, better: bool, delay: Duration) {
        if better && !self.better && self.until <= at {
            self.until = at + delay;
        }
        self.better = better;
        self.armed = better;
        self.turn = self.turn.filter(|_| better);
    }

    /// There is nobody to be better than.
    pub(super) fn ends(&mut self) {
        self.better = false;
        self.armed = false;
        self.turn = None;
    }

    /// It is over, and others come first.
    pub(super) fn gives_way(&mut self, turn: Instant) {
        self.turn = Some(turn);
        self.armed = self.better;
    }

    /// Whether others came first.
    pub(super) fn gave_way(&self) -> bool {
        self.turn.is_some()
    }

    fn end(&self) -> Instant {
        self.turn.unwrap_or(self.until)
    }

    /// When somebody worse is replaced, if anybody will be.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.armed.then_some(self.end())
    }

    /// Whether it is over; says so once for each time that somebody worse was heard.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        let over = self.armed && self.end() <= now;
        self.armed &= !over;
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(10);

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn it_runs_once_for_whoever_becomes_better() {
        let mut countdown = Countdown::default();
        countdown.judges(at(1_000), true, DELAY);
        countdown.judges(at(2_000), false, DELAY);
        countdown.judges(at(3_000), true, DELAY);
        assert_eq!(countdown.deadline(), Some(at(11_000)), "it still ran");
        assert!(!countdown.is_over(at(10_999)) && countdown.is_over(at(11_000)));
        assert!(!countdown.is_over(at(11_000)), "it says so once");
        countdown.judges(at(12_000), true, DELAY);
        assert!(countdown.is_over(at(12_000)), "once for each time that a worse one is heard");
    }

    /// Found by the simulation: a better one came and went while others had their turn, and the delay did not run anew.
    #[test]
    fn the_turn_of_others_is_no_part_of_the_delay() {
        let mut countdown = Countdown::default();
        countdown.judges(at(1_000), true, DELAY);
        assert!(countdown.is_over(at(11_000)) && !countdown.gave_way());
        countdown.gives_way(at(11_050));
        countdown.judges(at(11_010), true, DELAY);
        assert_eq!(countdown.deadline(), Some(at(11_050)));

        countdown.judges(at(11_020), false, DELAY);
        assert_eq!((countdown.deadline(), countdown.gave_way()), (None, false));
        countdown.judges(at(11_030), true, DELAY);
        assert_eq!(countdown.deadline(), Some(at(21_030)));
    }
}
