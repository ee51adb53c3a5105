//! Start and stop, links, demotion, operators, the kernel.

use std::time::Duration;

use fhrp::{Command, Instant};

use super::{BACKOFF, Leaving, State, Witness};
use crate::sim::carp::setup::Member;
use crate::sim::invariant::Invariant;

impl Witness {
    /// The first link is the start.
    pub(in crate::sim::carp) fn link(&mut self, now: Instant, up: bool) {
        self.began = true;
        self.link_up = up;
        match (self.state, up) {
            (State::Init, true) => self.begins_if_it_can(now),
            (State::Init, false) | (State::Backup | State::Master, true) => {}
            (State::Backup | State::Master, false) => match self.leaving {
                Some(leaving) if leaving.for_good => self.finishes("its link is down"),
                Some(_) | None => self.changes(State::Init, Invariant::Leaving, "its link is down"),
            },
        }
    }

    /// Never straight to MASTER: somebody may be there.
    pub(super) fn begins_if_it_can(&mut self, now: Instant) {
        if self.state == State::Init && self.link_up && !self.stopping && self.refused_until.is_none() {
            self.listens(now, Invariant::NotTooLate, "nothing is in its way");
        }
    }

    /// It holds nothing any more, and is silent.
    pub(super) fn finishes(&mut self, why: &'static str) {
        self.stopping = true;
        self.refused_until = None;
        self.changes(State::Init, Invariant::Leaving, why);
    }

    pub(in crate::sim::carp) fn stop(&mut self, now: Instant) {
        self.refused_until = None;
        self.stopping = true;
        match (self.state, &mut self.leaving) {
            (State::Init, _) => {}
            (State::Backup, _) => self.changes(State::Init, Invariant::Leaving, "it was told to stop"),
            (State::Master, Some(leaving)) => leaving.for_good = true,
            (State::Master, None) => self.leaves(now, true),
        }
    }

    /// 255/255, and on until a successor is there. That hosts are served meanwhile is ours; no original does it.
    fn leaves(&mut self, now: Instant, for_good: bool) {
        self.must_say_goodbye();
        self.leaving = Some(Leaving { began: now, copies: 0, for_good });
        self.repeats_at = None;
        self.rivals.are_refuted();
    }

    pub(in crate::sim::carp) fn ordered(&mut self, now: Instant, command: Command) {
        match (command, self.state) {
            (Command::TakeOver, State::Backup) => {
                let from = self.backup.master;
                self.takes_the_role(now, from, Invariant::Cause, "an operator wants it to");
            }
            (Command::HandOver, State::Master) if self.leaving.is_none() => self.leaves(now, false),
            (Command::Announce, State::Master) if self.leaving.is_none() => {
                self.owes_announcement();
            }
            (Command::TakeOver | Command::HandOver | Command::Announce | Command::Ready, _) => {}
        }
    }

    /// Demotion: a master says so at once, a backup decides anew at the next advertisement.
    pub(in crate::sim::carp) fn penalty(&mut self, now: Instant, amount: u16) {
        if amount == self.penalty {
            return;
        }
        self.penalty = amount;
        match self.state {
            State::Init => {}
            State::Backup => self.backup.takes = None,
            State::Master if self.leaving.is_some() => {}
            State::Master => {
                self.says_anew(now);
                self.holds_for_as_long_as_others_wait();
            }
        }
    }

    /// An advertisement and a last will that say what is so now.
    fn says_anew(&mut self, now: Instant) {
        let predecessor = self.master.predecessor;
        self.begins_cadence(now);
        self.master.predecessor = predecessor;
        self.must_say();
        self.obligations.leaves_will_again();
    }

    fn holds_for_as_long_as_others_wait(&mut self) {
        if self.patience() != self.lease {
            self.obligations.holds_again();
        }
    }

    pub(in crate::sim::carp) fn reload(&mut self, now: Instant, member: Member) {
        if member == self.member {
            return;
        }
        let old = std::mem::replace(&mut self.member, member);
        match (self.state, self.leaving) {
            (State::Init, _) | (State::Master, Some(_)) => {}
            (State::Backup, _) => self.backup.takes = None,
            (State::Master, None) => {
                let interval = |member: &Member| (member.advbase, member.advskew);
                let repaced = interval(&old) != interval(&self.member);
                if repaced || old.demotion != self.member.demotion {
                    self.says_anew(now);
                }
                if repaced {
                    self.will_repeat(now);
                }
                self.holds_for_as_long_as_others_wait();
            }
        }
    }

    /// It stood still for so long. What a master held has lapsed if its peers had the time to take over.
    pub(in crate::sim::carp) fn stood_still(&mut self, now: Instant, span: Duration) {
        if self.state != State::Master || span <= self.lease {
            return;
        }
        match self.leaving {
            Some(leaving) if leaving.for_good => self.finishes("it stood still while it left"),
            Some(_) => {
                self.listens(now, Invariant::Leaving, "it stood still while it handed over");
                self.backup.gave_away = true;
            }
            None => {
                self.stood_still_too_long(now);
            }
        }
    }

    /// Somebody may have taken over. Whoever preempts goes on at once; others listen. Says whether it listens.
    pub(super) fn stood_still_too_long(&mut self, now: Instant) -> bool {
        if !self.member.preempt {
            self.listens(now, Invariant::Cause, "it stood still, and preempts nobody");
            return true;
        }
        self.obligations.holds_again();
        self.owes_announcement();
        self.master.due = self.master.due.min(now);
        self.master.said_at = now;
        false
    }

    /// The kernel's answer to the latest wish.
    pub(in crate::sim::carp) fn granted(&mut self, now: Instant, granted: bool) {
        self.obligations.granted(granted);
        self.sayings.are_free(granted);
        if self.state != State::Master {
            return;
        }
        if granted {
            if self.leaving.is_none() {
                self.backoff = BACKOFF[0];
            }
            return;
        }
        self.refused_until = Some(now + self.backoff);
        self.backoff = (self.backoff * 2).min(BACKOFF[1]);
        match self.leaving {
            Some(leaving) if leaving.for_good => self.finishes("its kernel refuses"),
            Some(_) => self.changes(State::Init, Invariant::Leaving, "its kernel refuses"),
            None => {
                if self.link_up {
                    self.must_say_goodbye();
                }
                self.changes(State::Init, Invariant::Leaving, "its kernel refuses");
            }
        }
    }

    /// The pause after a refusal is over.
    pub(super) fn tries_again(&mut self, now: Instant) {
        if self.refused_until.take_if(|until| *until <= now).is_some() {
            self.begins_if_it_can(now);
        }
    }
}
