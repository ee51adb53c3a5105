//! What messages do: events f to l. RFC 2281 §5.5, §5.7.

use ::hsrp::wire::{Operation, State as Said};
use fhrp::Instant;

use super::{Call, Known, LOSERS_MARGIN, Patience, REACTION_PAUSE, Span, State, Witness};
use crate::sim::hsrp::messages;
use crate::sim::invariant::Invariant;

/// A message, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    /// When it arrived.
    pub(super) at: Instant,
    /// When it was handed in.
    pub(super) now: Instant,
    pub(super) said: &'a messages::Said,
}

impl Message<'_> {
    pub(super) fn known(&self) -> Known {
        let message = &self.said.message;
        Known { source: self.said.source, priority: message.priority, times: Witness::times_of(message) }
    }
}

impl Witness {
    /// A message that breaks no rule of receipt.
    pub(super) fn obeys(&mut self, heard: &Message<'_>) {
        // Somebody is there, so there is nothing to wait for.
        if self.delayed.take().is_some() {
            self.begins_if_it_can(heard.now);
        }
        let message = &heard.said.message;
        let higher = self.is_higher(message.priority, heard.said.source);
        match (message.operation, message.state) {
            (Operation::Coup, _) => self.hears_coup(heard, higher),
            (Operation::Resign, _) => self.hears_resign(heard, higher),
            (Operation::Hello, Said::Active) => self.hears_active(heard, higher),
            (Operation::Hello, Said::Standby) => self.hears_standby(heard, higher),
            (Operation::Hello, Said::Speak) => self.hears_speaker(heard, higher),
            (
                Operation::Hello,
                Said::Disabled | Said::Initial | Said::Learn | Said::Listen | Said::Unknown(_),
            ) => {}
        }
    }

    /// Events g and h.
    fn hears_active(&mut self, heard: &Message<'_>, higher: bool) {
        match (self.state, self.leaving) {
            (State::Initial, _) => {}
            (State::Learn, _) => {
                self.follows(heard);
                if self.knows_address() {
                    self.listens(heard.at, Invariant::Cause, "the active router says the address");
                    self.active_at = Some(heard.at + self.patience(&heard.said.message));
                }
            }
            (State::Listen | State::Speak | State::Standby, _) => {
                self.follows(heard);
                self.active_at = Some(heard.at + self.patience(&heard.said.message));
                self.considers_preemption(heard.at, heard.now);
            }
            (State::Active, Some(leaving)) => self.is_succeeded(heard, leaving),
            (State::Active, None) if higher => {
                let active_at = heard.at + self.patience(&heard.said.message);
                self.yields(heard, active_at, true, "a better router is active");
            }
            (State::Active, None) => self.owes_an_answer(heard),
        }
    }

    /// Action E, and the record of who is active.
    fn follows(&mut self, heard: &Message<'_>) {
        let known = heard.known();
        if self.active.is_none_or(|active| active.source != known.source) {
            self.interface.owes_news(heard.now);
        }
        self.active = Some(known);
        self.learnt_address |= !self.member.knows_address;
        if !self.keeps_its_times() {
            self.learnt_times = known.times.or(self.learnt_times);
        }
    }

    /// Event h where the active router may be replaced: at once, or when the delay is over.
    fn considers_preemption(&mut self, at: Instant, now: Instant) {
        if !self.may_replace() {
            self.gives_up_countdown();
            return;
        }
        if self.preemption == Patience::Fresh {
            let first = self.member.first_preempt_delay();
            let delay = match self.never_preempted && !first.is_zero() {
                true => first,
                false => self.member.preempt_delay(),
            };
            self.preemption = Patience::Until { delay: at + delay, sync: at + self.member.preempt_sync() };
        }
        self.preempts_if_due(now);
    }

    /// Whether the active router that it knows may be replaced, sooner or later.
    fn may_replace(&self) -> bool {
        self.state.may_preempt()
            && self.active.is_some_and(|active| self.would_replace(active.priority, active.source))
    }

    /// The countdown is abandoned when its condition is gone.
    pub(super) fn gives_up_countdown(&mut self) {
        if !self.may_replace()
            && let Patience::Until { .. } = self.preemption
        {
            self.preemption = Patience::Fresh;
        }
    }

    /// Event p, too.
    pub(super) fn preempts_if_due(&mut self, now: Instant) {
        if let Patience::Until { delay, sync } = self.preemption
            && delay <= now
            && (self.in_step || sync <= now)
            && self.may_replace()
        {
            self.becomes_active(now, Call::Preemption, "the active router is worse, and is replaced");
        }
    }

    /// Events k and l.
    fn hears_standby(&mut self, heard: &Message<'_>, higher: bool) {
        let standby_at = heard.at + self.patience(&heard.said.message);
        match (self.state, higher) {
            (State::Initial | State::Learn | State::Active, _) | (State::Standby, false) => {}
            (State::Listen, true) => self.standby_at = Span::exactly(standby_at),
            (State::Listen, false) => {
                self.speaks(heard.now, standby_at, Invariant::Cause, "the standby router is worse");
            }
            (State::Speak, false) => self.becomes_standby(heard.now, "the standby router is worse"),
            (State::Speak | State::Standby, true) => {
                self.changes(State::Listen, Invariant::GivesWay, "the standby router is better");
                self.standby_at = Span::exactly(standby_at);
            }
        }
    }

    /// Event f.
    fn hears_speaker(&mut self, heard: &Message<'_>, higher: bool) {
        if higher && matches!(self.state, State::Speak | State::Standby) {
            let hold = self.times().hold;
            self.changes(State::Listen, Invariant::GivesWay, "a better router speaks");
            let earliest = heard.at + hold;
            self.standby_at = Span { earliest, latest: earliest + LOSERS_MARGIN.min(hold / 20) };
        }
    }

    /// Event j.
    fn hears_coup(&mut self, heard: &Message<'_>, higher: bool) {
        let active_at = heard.at + self.times().hold;
        match (self.state, self.leaving) {
            (State::Initial | State::Learn, _) => {}
            (State::Active, Some(leaving)) => self.is_succeeded(heard, leaving),
            (State::Active, None) if higher => {
                let resigns = self.setup.resign_on_coup;
                self.yields(heard, active_at, resigns, "a better router takes the role");
            }
            (State::Active, None) => {}
            (State::Listen | State::Speak | State::Standby, _) => {
                let new = heard.known();
                let beats = |old: Known| (new.priority, new.source) > (old.priority, old.source);
                if higher && self.active.is_none_or(beats) {
                    self.active = Some(new);
                    self.active_at = Some(active_at);
                }
            }
        }
    }

    /// Event i: from the active router, or from anybody while none is known.
    fn hears_resign(&mut self, heard: &Message<'_>, higher: bool) {
        if self.state == State::Active {
            if self.leaving.is_none() && !higher {
                self.owes_an_answer(heard);
            }
            return;
        }
        if self.active.is_some_and(|active| active.source != heard.said.source) {
            return;
        }
        match self.state {
            State::Initial | State::Learn | State::Active => {}
            State::Standby => self.becomes_active(heard.now, Call::Resign, "the active router resigns"),
            State::Listen | State::Speak => {
                self.nobody_is_active();
                let end = heard.at + self.times().hold;
                self.active_at = Some(end);
                if self.state == State::Listen {
                    self.speaks(heard.now, end, Invariant::Cause, "the active router resigns");
                }
            }
        }
    }

    /// A worse router claims the role: Coup and Hello are due, and hosts are told; but while its own claim waits for the
    /// kernel, that is the answer, and may be followed by this one.
    fn owes_an_answer(&mut self, heard: &Message<'_>) {
        let now = heard.now;
        let hello = self.times().hello;
        let by = now.max(self.said_at + REACTION_PAUSE.min(hello / 4));
        let is_busy = self.claim_waits || self.obligations.waits();
        if is_busy {
            // Its announcement is not told from the one that waits, and puts the repetition off.
            self.repeats_at = None;
        }
        self.rivals.claims(heard.said.source, now, hello, (!is_busy).then_some(by));
        if self.claim_waits {
            self.may_answer = true;
        } else {
            self.owes = Some(by);
        }
    }

    /// Whoever leaves has a successor that has heard the goodbye.
    fn is_succeeded(&mut self, heard: &Message<'_>, leaving: super::Leaving) {
        if heard.at < leaving.began {
            return;
        }
        if leaving.for_good {
            return self.finishes("a successor is there");
        }
        let active_at = heard.at + self.patience(&heard.said.message);
        self.yields(heard, active_at, false, "a successor is there");
        self.preemption = Patience::Endless;
    }
}
