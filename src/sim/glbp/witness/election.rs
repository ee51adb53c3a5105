//! Who is the gateway, and who is next in line: not too early, not too late, and never without a reason.

use std::time::Duration;

use ::glbp::wire::{Hello, State};
use fhrp::Instant;

use super::Witness;
use crate::sim::invariant::{Breach, Invariant, broken};

/// How much longer than a hold time the loser of an election waits for the winner's word.
const LOSERS_MARGIN: Duration = Duration::from_millis(50);

/// Until when the gateway's next state may be waited for.
#[derive(Debug, Default)]
pub(super) struct Election {
    /// Until when somebody may be believed to be active, and until when to be standby or to become it.
    pub(super) active_until: Instant,
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

    pub(super) fn may_be_active(&mut self, now: Instant, before: bool) -> Result<(), Breach> {
        if self.said != Some(State::Active) {
            return Ok(());
        }
        if self.said_before != Some(State::Active) {
            // It may have given itself one the first time, lost the role before it said so, and be active again.
            let since = self.lonely_since.or(self.waited_since).unwrap_or(now);
            self.lonely_since = Some(since).filter(|_| self.own.is_none());
        }
        if before {
            return Ok(());
        }
        let Some(active) = self.active.take().filter(|_| !self.vacant) else { return Ok(()) };
        let preempts = self.member.preempts_after_ms.is_some()
            && !self.gave_away
            && self.outranks(active.priority, active.source);
        if now < active.until && !(preempts && self.preempts.may_be_over(now)) {
            let what = format!(
                "becomes active, though {} is believed for {:?} more",
                active.source,
                now.until(active.until)
            );
            return broken(Invariant::NotTooEarly, what);
        }
        Ok(())
    }

    /// Who has given the role away by command does not take it back, for as long as somebody has it.
    pub(super) fn hands_over_in_order(&mut self, now: Instant) {
        self.gave_away &= self.said != Some(State::Active);
        self.gave_away &= self.active.is_none_or(|active| active.until > now);
        if std::mem::take(&mut self.hands_over) {
            self.gave_away = self.said == Some(State::Speak) && self.active.is_none();
        }
    }

    /// The next in line is there at once when the active gateway says that it leaves.
    pub(super) fn succeeds_at_once(&self) -> Result<(), Breach> {
        let next = self.said_before == Some(State::Standby) && self.said == Some(State::Standby);
        match next && self.vacant && self.active.is_none() && self.is_known() && self.was_known && self.up {
            true => broken(Invariant::NotTooLate, "stays standby, though the active gateway has left"),
            false => Ok(()),
        }
    }

    /// Of those that are next in line, or want to be, the best one goes on.
    pub(super) fn gives_way_in_line(&self, now: Instant) -> Result<(), Breach> {
        if !(self.is_known() && self.was_known) || self.begun >= now {
            return Ok(());
        }
        match (self.said_before, self.said) {
            (Some(State::Speak | State::Standby), Some(State::Listen)) if !self.outdone => {
                broken(Invariant::GivesWay, "is next in line no more, and nobody is better")
            }
            // Who may preempt speaks again at once; so does who hears of somebody worse after that, or misses the active one.
            (Some(State::Speak), Some(State::Speak)) => {
                let stays = self.active.is_some_and(|active| active.until > now);
                let stays = stays && self.heard_messages == 1 && self.member.preempts_after_ms.is_none();
                match self.outdone && stays {
                    true => broken(Invariant::GivesWay, "stays next in line, though another one is better"),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// At the end of a turn: silence counts as soon as it has lasted for as long as was said, and nobody stays between two
    /// states for longer than a hold time.
    pub(super) fn misses_no_call(&mut self, now: Instant) -> Result<(), Breach> {
        if !self.is_known() {
            // It may be something else meanwhile.
            self.election.waits_until(now + self.hold_times.longest);
            return Ok(());
        }
        let Election { active_until, standby_until, speaks_since } = self.election;
        match self.said {
            Some(State::Standby) if active_until <= now => {
                broken(Invariant::NotTooLate, "stays standby, though nobody is active")
            }
            Some(State::Listen) if standby_until <= now => {
                broken(Invariant::NotTooLate, "goes on listening, though nobody is standby")
            }
            Some(State::Speak) if speaks_since + self.hold_times.longest <= now => {
                broken(Invariant::NotTooLate, "goes on speaking, and nobody is better")
            }
            _ => Ok(()),
        }
    }
}
