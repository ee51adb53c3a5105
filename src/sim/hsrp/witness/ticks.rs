//! What timers do: events c to e and p. RFC 2281 §5.4, §5.5, §5.7.

use ::hsrp::wire::{Operation, State as Said};
use fhrp::Instant;

use super::{Call, HAND_OVER, Span, State, Witness};
use crate::sim::invariant::{Breach, Invariant};

/// What a router says it did when its timers came up; it may choose where the reference leaves a choice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choices {
    /// It says that it stood still for too long to believe its timers.
    pub(super) stood_still: bool,
    /// It has left the state that it was in.
    pub(super) moved: bool,
}

impl Witness {
    pub(super) fn ticks(&mut self, now: Instant, choices: Choices) -> Result<(), Breach> {
        if let Some(leaving) = self.leaving.filter(|leaving| leaving.began + HAND_OVER <= now) {
            match leaving.for_good {
                true => self.finishes("every successor has had its time"),
                false => self.goes_on(now),
            }
        }
        if self.state == State::Initial {
            self.tries_again(now);
            return Ok(());
        }
        self.preempts_if_due(now);
        self.stood_too_long(now, choices.stood_still)?;
        if self.state.may_preempt() && self.active_at.is_some_and(|at| at <= now) {
            self.active_expires(now);
        }
        let runs = matches!(self.state, State::Listen | State::Speak);
        let may = runs && self.standby_at.earliest <= now;
        if may && (choices.moved || self.standby_at.latest <= now) {
            self.standby_expires(now);
        }
        self.answers(now);
        Ok(())
    }

    /// Nobody took over.
    fn goes_on(&mut self, now: Instant) {
        self.leaving = None;
        self.says_active(now);
    }

    /// When what keeps it from running is over by itself.
    pub(super) fn away_until(&self) -> Option<Instant> {
        self.refused_until.max(self.delayed).filter(|_| self.state == State::Initial && !self.stopping)
    }

    /// What kept it from running is over.
    fn tries_again(&mut self, now: Instant) {
        if self.away_until().is_some_and(|until| until <= now) {
            self.refused_until = None;
            self.delayed = None;
            self.begins_if_it_can(now);
        }
    }

    /// Whose timers ran out more than a hold time ago was away: nothing was heard because nothing could be, and others
    /// get the time for one more hello.
    fn stood_too_long(&mut self, now: Instant, says_so: bool) -> Result<(), Breach> {
        if !self.state.may_preempt() {
            return Ok(());
        }
        let hold = self.times().hold;
        let standby = (self.state != State::Standby).then_some(self.standby_at);
        let first = |standby: Option<Instant>| self.active_at.into_iter().chain(standby).min();
        let late = |first: Option<Instant>| first.is_some_and(|at| now.since(at) > hold);
        let (may, must) =
            (late(first(standby.map(|span| span.earliest))), late(first(standby.map(|span| span.latest))));
        if says_so && !may {
            return Err(Breach::new(Invariant::Cause, "claims to have stood still, and has not"));
        }
        if must && !says_so {
            let what = "acts upon timers that ran out while it stood still";
            return Err(Breach::new(Invariant::NotTooEarly, what));
        }
        if !says_so {
            return Ok(());
        }
        let patience = now + self.times().hello;
        if self.active_at.is_some_and(|at| at <= now) {
            self.active_at = Some(patience);
        }
        if let Some(span) = standby
            && span.earliest <= now
        {
            let earliest = if span.latest <= now { patience } else { span.earliest };
            self.standby_at = Span { earliest, latest: patience.max(span.latest) };
        }
        Ok(())
    }

    /// Event c. In Speak it is remembered, as a timer that does not run.
    fn active_expires(&mut self, now: Instant) {
        self.nobody_is_active();
        self.active_at = None;
        match self.state {
            State::Listen => {
                let end = now + self.times().hold;
                self.active_at = Some(end);
                self.speaks(now, end, Invariant::NotTooLate, "the active router is silent");
            }
            State::Standby => self.becomes_active(now, Call::Silence, "the active router is silent"),
            State::Initial | State::Learn | State::Speak | State::Active => {}
        }
    }

    /// Event d.
    fn standby_expires(&mut self, now: Instant) {
        match self.state {
            State::Listen => {
                let end = now + self.times().hold;
                self.speaks(now, end, Invariant::NotTooLate, "the standby router is silent");
            }
            State::Speak => self.becomes_standby(now, "nobody better is standby"),
            State::Initial | State::Learn | State::Standby | State::Active => {}
        }
    }

    /// A worse router is answered.
    fn answers(&mut self, now: Instant) {
        if self.owes.take_if(|by| *by <= now).is_some() {
            self.must_say(Operation::Coup, Said::Active);
            self.must_say(Operation::Hello, Said::Active);
            self.begins_hellos(now);
        }
    }
}
