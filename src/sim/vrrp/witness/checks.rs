//! What must be true of a router when its turn is over.

use std::time::Duration;

use fhrp::Instant;

use super::{Happened, State, Witness, broken};
use crate::sim::invariant::{Breach, Invariant};
use crate::sim::rules::Turn;

impl Witness {
    /// The turn is over.
    pub(in crate::sim::vrrp) fn turn(
        &mut self,
        turn: &Turn<'_>,
        longest_skew: Duration,
        margin: Duration,
    ) -> Result<(), Breach> {
        let said_before = self.said_before;
        let was_leaving = self.leaving;
        self.absorb(turn.now, turn.effects, 0, turn.effects.len(), turn.index)?;
        let happened = std::mem::take(&mut self.turn);
        self.turn.was_active = self.state == State::Active;
        self.check_silence(turn, &happened)?;
        self.check_waits(turn, &happened)?;
        self.check_cadence(turn, &happened, said_before)?;
        self.check_leaving(turn, &happened, was_leaving, longest_skew, margin)?;
        self.said_before = self.said_at;
        if !self.owes_claim {
            self.recent.clear();
        }
        self.settings_change();
        self.check_obligations(turn, &happened)
    }

    /// Only who holds the role speaks, or lets go of it.
    fn check_silence(&self, turn: &Turn<'_>, happened: &Happened) -> Result<(), Breach> {
        if happened.said && self.state != State::Active && !happened.was_active {
            return broken(Invariant::Cadence, format!("speaks while {}", self.state_name()));
        }
        if turn.settled && happened.said && self.state != State::Active {
            return broken(Invariant::Cadence, "speaks, and is not Active".to_owned());
        }
        Ok(())
    }

    fn check_waits(&self, turn: &Turn<'_>, happened: &Happened) -> Result<(), Breach> {
        if self.state == State::Initialize {
            return Ok(());
        }
        if turn.deadline.is_none() {
            return broken(Invariant::Timers, format!("{} without a timer", self.state_name()));
        }
        turn.has_no_timer_left_behind()?;
        let over =
            self.startup_until.map_or(self.over_at(self.latest), |end| end.max(self.over_at(self.latest)));
        if self.state == State::Backup && over <= turn.now && !happened.stood_still {
            let late = over.until(turn.now);
            return broken(
                Invariant::NotTooLate,
                format!("is still Backup {late:?} after its wait was over"),
            );
        }
        Ok(())
    }

    /// Adver_Timer, and what is due out of turn.
    fn check_cadence(
        &mut self,
        turn: &Turn<'_>,
        happened: &Happened,
        said_before: Instant,
    ) -> Result<(), Breach> {
        let waits_for_kernel = self.owes_claim && !happened.claim_due;
        if self.state != State::Active || self.leaving.is_some() || waits_for_kernel {
            return Ok(());
        }
        if let Some((by, why)) = self.owes
            && by <= turn.now
        {
            return broken(Invariant::Cadence, format!("has not answered: {why}"));
        }
        let interval = self.member.interval();
        let silent = turn.now.since(self.said_at);
        if silent >= interval {
            return broken(Invariant::Cadence, format!("Active, and silent for {silent:?}"));
        }
        let gap = turn.now.since(said_before);
        if turn.settled && happened.said && gap < interval / 2 {
            return broken(Invariant::Cadence, format!("advertises after {gap:?} already"));
        }
        Ok(())
    }

    /// RFC 9568 §6.4.3 has the goodbye; that hosts are served until somebody else is there, or has had the time,
    /// is ours.
    fn check_leaving(
        &self,
        turn: &Turn<'_>,
        happened: &Happened,
        was_leaving: Option<(Instant, Duration)>,
        longest_skew: Duration,
        margin: Duration,
    ) -> Result<(), Breach> {
        if self.stopping && self.state == State::Backup {
            return broken(Invariant::Leaving, "was told to stop, and goes on as Backup");
        }
        if self.stopping && self.state == State::Active && self.leaving.is_none() {
            return broken(Invariant::Leaving, "was told to stop, and goes on as Active");
        }
        match (was_leaving, self.leaving) {
            (_, Some(_)) if self.owes_goodbye && (!self.owes_claim || happened.claim_due) => {
                broken(Invariant::Leaving, "leaves without a goodbye")
            }
            (_, Some((since, _))) if turn.now.since(since) > longest_skew + margin => {
                broken(Invariant::Leaving, "still leaving, though every successor has had its time")
            }
            (Some(_), Some(_)) if happened.successor_is_clear => {
                broken(Invariant::Leaving, "goes on, though its successor is there")
            }
            (Some((since, successor)), None)
                if happened.successor.is_none()
                    && !happened.stood_still
                    && self.link_up
                    && happened.granted != Some(false)
                    && turn.now.since(since) < successor =>
            {
                broken(Invariant::Leaving, "has left before a successor was there or had its time")
            }
            _ => Ok(()),
        }
    }

    fn check_obligations(&self, turn: &Turn<'_>, happened: &Happened) -> Result<(), Breach> {
        let active = self.state == State::Active;
        let state = self.state_name();
        if turn.holds != active {
            let what = if active { "holds nothing" } else { "holds something" };
            return broken(Invariant::Obligations, format!("{what} while {state}"));
        }
        if self.has_will != active {
            let what = if active { "leaves no last will" } else { "leaves a last will" };
            return broken(Invariant::Obligations, format!("{what} while {state}"));
        }
        if active && happened.lapsed && !happened.held {
            return broken(
                Invariant::Obligations,
                "stood still until its hold lapsed, and does not take it up again",
            );
        }
        if active && self.owes_claim && happened.claim_due {
            return broken(Invariant::Cadence, "has taken the role and does not say so");
        }
        if active && self.owes_announcement && happened.announcement_due {
            return broken(Invariant::Obligations, "does not announce what it holds");
        }
        Ok(())
    }
}
