//! What happens to a group from outside the protocol: events a, b, m, n and o, operators, and the kernel's answers.

use std::time::Duration;

use ::hsrp::wire::{Operation, State as Said};
use fhrp::{Command, Instant};

use super::{BACKOFF, DEFAULT_TIMES, Leaving, Patience, REPEATED_AFTER, State, Witness};
use crate::sim::hsrp::setup::Member;
use crate::sim::invariant::Invariant;

impl Witness {
    /// Events a and b. The first link is the start.
    pub(in crate::sim::hsrp) fn link(&mut self, now: Instant, up: bool) {
        let came_up = self.began && up && !self.link_up;
        let delay = match (self.began, came_up) {
            (false, _) => self.member.start_delay(),
            (true, true) => self.member.link_delay(),
            (true, false) => Duration::ZERO,
        };
        if !delay.is_zero() && !self.stopping {
            self.delayed = self.delayed.max(Some(now + delay));
        }
        self.began = true;
        self.link_up = up;
        match (self.state, up) {
            (State::Initial, true) => self.begins_if_it_can(now),
            (State::Initial, false) => {}
            (_, true) => {}
            (_, false) if self.leaving.is_some_and(|leaving| leaving.for_good) => {
                self.finishes("its link is down");
            }
            (_, false) => self.fails("its link is down"),
        }
    }

    /// Event a, if nothing is in the way.
    pub(super) fn begins_if_it_can(&mut self, now: Instant) {
        let delayed = self.delayed.is_some_and(|end| end > now);
        let runs = self.state != State::Initial || self.stopping || !self.began;
        if runs || delayed || self.refused_until.is_some() || !self.link_up {
            return;
        }
        self.delayed = None;
        match self.knows_address() {
            true => self.listens(now, Invariant::NotTooLate, "nothing is in its way"),
            false => self.changes(State::Learn, Invariant::NotTooLate, "it does not know the address"),
        }
    }

    /// Event b, for a while.
    fn fails(&mut self, why: &'static str) {
        self.changes(State::Initial, Invariant::Leaving, why);
        self.forgets();
    }

    /// Event b, for good.
    pub(super) fn finishes(&mut self, why: &'static str) {
        self.stopping = true;
        self.refused_until = None;
        self.fails(why);
    }

    pub(in crate::sim::hsrp) fn stop(&mut self, now: Instant) {
        self.stopping = true;
        self.delayed = None;
        self.refused_until = None;
        match (self.state, &mut self.leaving) {
            (State::Initial, _) => {}
            (State::Active, Some(leaving)) => leaving.for_good = true,
            (State::Active, None) => {
                self.leaves(now, true);
                if !self.claim_waits {
                    self.interface.owes_goodbye();
                }
            }
            (State::Learn | State::Listen | State::Speak | State::Standby, _) => {
                self.finishes("it was told to stop");
                self.interface.owes_goodbye();
            }
        }
    }

    /// Resign, and on until a successor is there. RFC 2281 §5.5; that hosts are served meanwhile is ours.
    fn leaves(&mut self, now: Instant, for_good: bool) {
        self.must_say(Operation::Resign, if for_good { Said::Initial } else { Said::Speak });
        self.leaving = Some(Leaving { began: now, for_good });
        self.hello_by = None;
        self.owes = None;
        self.rivals.are_refuted();
        self.repeats_at = None;
    }

    pub(in crate::sim::hsrp) fn ordered(&mut self, now: Instant, command: Command) {
        if command == Command::Ready && !matches!(self.state, State::Initial | State::Active) {
            self.in_step = true;
            return self.preempts_if_due(now);
        }
        if self.state != State::Active || self.leaving.is_some() {
            return;
        }
        match command {
            Command::HandOver => self.leaves(now, false),
            Command::Announce => self.obligations.owes_announcement(),
            Command::TakeOver | Command::Ready => {}
        }
    }

    /// Event o.
    pub(in crate::sim::hsrp) fn penalty(&mut self, amount: u16) {
        self.penalty = amount;
        self.gives_up_countdown();
    }

    /// Events m and n, and o.
    pub(in crate::sim::hsrp) fn reload(&mut self, now: Instant, member: Member) {
        if member == self.member {
            return;
        }
        let old = std::mem::replace(&mut self.member, member);
        if self.leaving.is_some_and(|leaving| leaving.for_good) {
            return;
        }
        self.learnt_address &= !self.member.knows_address;
        self.begins_if_it_can(now);
        match (self.state, self.leaving) {
            (State::Initial, _) | (State::Active, Some(_)) => {}
            (State::Learn, _) => {
                if self.knows_address() {
                    self.listens(now, Invariant::Cause, "it is told the address");
                }
            }
            (State::Listen | State::Speak | State::Standby, _) => {
                if !self.knows_address() {
                    self.changes(State::Learn, Invariant::Cause, "it is told no address any more");
                    self.active = None;
                }
            }
            (State::Active, None) => self.active_is_reloaded(now, &old),
        }
        self.gives_up_countdown();
    }

    /// The next hello says what is new, and is due at once.
    fn active_is_reloaded(&mut self, now: Instant, old: &Member) {
        // What it holds is its address for as long as nobody says otherwise.
        self.learnt_address = !self.member.knows_address;
        let moved = old.knows_address != self.member.knows_address;
        if moved || old.priority != self.member.priority || old.times_ms != self.member.times_ms {
            self.says_active(now);
            self.obligations.leaves_will_again();
        }
        let held_for = old.times().or(self.learnt_times).unwrap_or(DEFAULT_TIMES).hold;
        if held_for != self.times().hold {
            self.obligations.holds_again();
        }
        if moved {
            self.obligations.owes_announcement();
            self.repeats_at = Some(now + REPEATED_AFTER);
        }
    }

    /// It stood still for so long. What an active router held has lapsed if its peers had the time to take over.
    pub(in crate::sim::hsrp) fn stood_still(&mut self, now: Instant, span: Duration) {
        if self.state != State::Active || span <= self.lease {
            return;
        }
        match self.leaving {
            Some(leaving) if leaving.for_good => self.finishes("it stood still while it left"),
            Some(_) => {
                self.listens(now, Invariant::Leaving, "it stood still while it handed over");
                self.preemption = Patience::Endless;
            }
            None => {
                self.obligations.holds_again();
                self.obligations.owes_announcement();
                self.repeats_at = Some(now + REPEATED_AFTER);
                self.hello_by = self.hello_by.map(|_| now);
            }
        }
    }

    /// The kernel's answer to the latest wish.
    pub(in crate::sim::hsrp) fn granted(&mut self, now: Instant, granted: bool) {
        self.obligations.granted(granted);
        let waiting = std::mem::take(&mut self.waiting);
        let behind = std::mem::take(&mut self.waiting_behind);
        if granted {
            self.foreseen.claims = !waiting.is_empty();
            self.foreseen.messages.extend(waiting);
            if std::mem::take(&mut self.claim_waits) && self.leaving.is_none() {
                // Hellos that came due meanwhile, or an answer, may follow.
                self.foreseen.may_follow = true;
                self.may_answer = true;
                self.begins_hellos(now);
            } else {
                self.foreseen.messages.extend(behind);
            }
            if self.state == State::Active && self.leaving.is_none() {
                self.backoff = BACKOFF[0];
            }
            return;
        }
        if self.state != State::Active {
            return;
        }
        self.refused_until = Some(now + self.backoff);
        self.backoff = (self.backoff * 2).min(BACKOFF[1]);
        match self.leaving {
            Some(leaving) if leaving.for_good => self.finishes("its kernel refuses"),
            Some(_) => self.fails("its kernel refuses"),
            None => {
                if self.link_up {
                    self.must_say(Operation::Resign, Said::Initial);
                }
                self.fails("its kernel refuses");
            }
        }
    }
}
