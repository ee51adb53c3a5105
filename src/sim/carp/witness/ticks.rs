//! What timers do.

use fhrp::Instant;

use super::{COPIES, HAND_OVER, State, Wait, Witness};
use crate::sim::invariant::Invariant;

impl Witness {
    pub(super) fn ticks(&mut self, now: Instant) {
        match (self.state, self.leaving) {
            (State::Init, _) => self.tries_again(now),
            (State::Backup, _) => self.backup_ticks(now),
            (State::Master, Some(_)) => self.leaving_ticks(now),
            (State::Master, None) => self.master_ticks(now),
        }
    }

    /// When something is due that only time brings.
    pub(super) fn due(&self) -> Option<Instant> {
        match (self.state, self.leaving) {
            (State::Init, _) => self.refused_until,
            (State::Backup, _) => {
                let takes = self.backup.takes.map(|(at, _)| at);
                takes.into_iter().chain([self.silence_ends()]).min()
            }
            (State::Master, Some(leaving)) => {
                let copy = COPIES.get(leaving.copies).map(|after| leaving.began + *after);
                copy.into_iter().chain([leaving.began + HAND_OVER]).min()
            }
            (State::Master, None) => {
                let repeats = self.repeats_at.filter(|_| !self.obligations.waits());
                [Some(self.master.due), self.master.answers_at, repeats].into_iter().flatten().min()
            }
        }
    }

    /// Both families are silent; or, as the kernels have it, either of them.
    fn silence_ends(&self) -> Instant {
        let since = self.backup.silent.iter().map(|(_, since)| *since);
        let since = if self.setup.strict_families { since.min() } else { since.max() };
        let bears = match self.backup.wait {
            Wait::Patience => self.patience(),
            Wait::AfterEqual => self.patience() + self.skew() + super::TIE_PAUSE,
            Wait::Interval => self.interval(),
        };
        since.unwrap_or(Instant::ZERO) + bears
    }

    fn backup_ticks(&mut self, now: Instant) {
        let end = self.silence_ends();
        // Whoever looks at its timer that late was away, and heard nothing because nothing could be heard.
        if end <= now && now.since(end) > self.patience() && self.backup.wait != Wait::Interval {
            self.backup.silent.iter_mut().for_each(|(_, since)| *since = now);
            self.backup.wait = Wait::Interval;
            self.backup.takes = None;
            return;
        }
        if let Some((_, from)) = self.backup.takes.take_if(|(at, _)| *at <= now) {
            self.takes_the_role(now, Some(from), Invariant::NotTooLate, "the master is worse, or leaves");
        } else if end <= now {
            self.takes_the_role(now, None, Invariant::NotTooLate, "the master is silent");
        }
    }

    fn master_ticks(&mut self, now: Instant) {
        let silent = now.since(self.master.said_at);
        if self.master.due <= now && silent > self.patience() && self.stood_still_too_long(now) {
            return;
        }
        let due = self.master.due <= now;
        if due {
            // In step with the one before, but what was missed is not made up for.
            let next = self.master.due + self.interval();
            self.master.due = if next > now { next } else { now + self.interval() };
            self.master.predecessor = None;
        }
        if due || self.master.answers_at.is_some_and(|at| at <= now) {
            self.master.answers_at = None;
            self.master.said_at = now;
            self.must_say();
            if self.setup.sealed {
                // An older goodbye would not be believed.
                self.obligations.leaves_will_again();
            }
        }
    }

    fn leaving_ticks(&mut self, now: Instant) {
        let Some(leaving) = &mut self.leaving else { return };
        if leaving.began + HAND_OVER > now {
            // What was missed is not made up for.
            let due = COPIES.iter().filter(|after| leaving.began + **after <= now).count();
            if due > std::mem::replace(&mut leaving.copies, due) {
                self.must_say_goodbye();
            }
            return;
        }
        match leaving.for_good {
            true => self.finishes("every successor has had its time"),
            false => self.goes_on(now),
        }
    }

    /// Nobody took over.
    fn goes_on(&mut self, now: Instant) {
        self.leaving = None;
        self.begins_cadence(now);
        self.must_say();
        self.obligations.leaves_will_again();
        self.will_repeat(now);
    }
}
