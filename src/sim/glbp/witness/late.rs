//! What has to be done by now: silence counts as soon as it has lasted for as long as was said, and nobody stays between
//! two states for longer than a hold time.

use std::time::Duration;

use ::glbp::wire::{Hello, State};
use fhrp::Instant;

use super::super::setup::FORWARDERS;
use super::order::STEP;
use super::{ROUNDING, Witness, bit};
use crate::sim::invariant::{Breach, Invariant};

/// How much longer than a hold time the loser of an election waits for the winner's word.
const LOSERS_MARGIN: Duration = Duration::from_millis(50);

/// Until when the gateway's next state may be waited for.
#[derive(Debug, Default)]
pub(super) struct Election {
    /// Until when somebody may be believed to be active, and until when to be standby or to become it.
    active_until: Instant,
    standby_until: Instant,
    /// Since when it may have been speaking, at the latest.
    speaks_since: Instant,
}

impl Election {
    /// Nothing has to be done before then.
    pub(super) fn waits_until(&mut self, at: Instant) {
        for until in [&mut self.active_until, &mut self.standby_until, &mut self.speaks_since] {
            *until = at.max(*until);
        }
    }
}

impl Witness {
    /// It says that it is in this state.
    pub(super) fn enters(&mut self, now: Instant, state: State) {
        if self.said.is_none() {
            self.election.waits_until(now + self.hold_times.longest);
        }
        if self.said != Some(state) {
            self.election.speaks_since = now.max(self.election.speaks_since);
        }
        // What it gives up it gives to somebody, who has the time to take it.
        if self.said == Some(State::Active) && state != State::Active {
            self.election.waits_until(now + self.hold_times.longest);
        }
    }

    /// Somebody says what it is.
    pub(super) fn follows_election(&mut self, now: Instant, at: Instant, hello: &Hello) {
        let election = &mut self.election;
        match hello.state {
            State::Active => election.active_until = at + hello.hold,
            State::Standby | State::Speak => {
                let hold = self.hold_times.longest.max(hello.hold);
                election.standby_until = election.standby_until.max(now + hold + LOSERS_MARGIN);
                // It may have fallen back, and have begun again.
                election.speaks_since = now.max(election.speaks_since);
            }
            _ => election.active_until = election.active_until.max(at + self.hold_times.longest),
        }
    }

    /// The end of a turn: whatever was due is done.
    pub(super) fn has_not_missed(&self, now: Instant) -> Result<(), Breach> {
        let is_known = !self.waits && !self.any_turn && self.waited_since.is_none();
        if !self.runs() || !is_known {
            return Ok(());
        }
        let late = |what: String| Err(Breach::new(Invariant::NotTooLate, what));
        let Election { active_until, standby_until, speaks_since } = self.election;
        match self.said {
            Some(State::Standby) if active_until <= now => {
                return late("stays standby, though nobody is active".to_owned());
            }
            Some(State::Listen) if standby_until <= now => {
                return late("goes on listening, though nobody is standby".to_owned());
            }
            Some(State::Speak) if speaks_since + self.hold_times.longest <= now => {
                return late("goes on speaking, and nobody is better".to_owned());
            }
            _ => {}
        }
        for number in (1..=FORWARDERS).filter(|number| self.wished & bit(*number) == 0) {
            let place = &self.places[usize::from(number)];
            let Some(by) = place.by else { continue };
            // Nobody begins with what is nearly over.
            let is_ending = place.until.is_none_or(|until| until <= now + ROUNDING * 2);
            let leaves_it = if self.low { self.hold_times.longest } else { Duration::ZERO };
            let others = self.rank_at_most(by.until, number, by.owner);
            if by.at_most + leaves_it + STEP * others <= now && !is_ending {
                return late(format!("leaves forwarder {number} to nobody, since {}", by.at_most));
            }
        }
        Ok(())
    }
}
