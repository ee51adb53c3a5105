//! What timers do: events c, d and e, and whatever was put off until all waiting messages had been read.
//! RFC 2281 §5.4, §5.5, §5.7.

use std::time::Duration;

use fhrp::time::spell;
use fhrp::{Context, Instant, Note};

use super::roles::{Call, TWO_ACTIVES};
use super::speak::When;
use super::{Standby, StandbyGroup, State};
use crate::counters::Count;
use crate::wire::{Operation, State as Said};

impl StandbyGroup {
    pub(super) fn ticks(&mut self, context: &mut Context<'_>) {
        self.expires_alarms(context);
        if matches!(self.state, State::Initial) {
            return self.initial_ticks(context);
        }
        self.preempts_if_due(context);
        self.says_interface_again(context);
        self.notices_stall(context);
        // In the order in which they were due; that of the active router first, for the standby timer asks for it.
        if self.active_timer().is_some_and(|at| at <= context.now) {
            self.active_expires(context);
        }
        if self.standby_timer().is_some_and(|at| at <= context.now) {
            self.standby_expires(context);
        }
        match &self.state {
            State::Initial | State::Learn | State::Listen(_) => {}
            State::Speak(_) | State::Standby(_) => self.hello_expires(context),
            State::Active(_) => self.active_ticks(context),
            State::Leaving(leaving) => {
                let (until, purpose) = (leaving.until, leaving.purpose);
                if until <= context.now {
                    self.leaving_expires(context, purpose);
                }
            }
        }
    }

    /// When the active timer expires, if it runs.
    pub(super) fn active_timer(&self) -> Option<Instant> {
        match &self.state {
            State::Listen(listen) => listen.active_at,
            State::Speak(speak) => speak.active_at,
            State::Standby(Standby { active_at, .. }) => Some(*active_at),
            State::Initial | State::Learn | State::Active(_) | State::Leaving(_) => None,
        }
    }

    /// When the standby timer expires, if it runs.
    pub(super) fn standby_timer(&self) -> Option<Instant> {
        match &self.state {
            State::Listen(listen) => Some(listen.standby_at),
            State::Speak(speak) => Some(speak.standby_at),
            State::Active(active) => active.standby_at,
            State::Initial | State::Learn | State::Standby(_) | State::Leaving(_) => None,
        }
    }

    /// We were away for longer than any router is believed to live. Nothing was heard because nothing could be heard:
    /// others get the time for one more hello before their silence counts.
    fn notices_stall(&mut self, context: &mut Context<'_>) {
        let times = self.times();
        let first = match &self.state {
            State::Active(_) => None,
            _ => self.active_timer().into_iter().chain(self.standby_timer()).min(),
        };
        let late = first.map_or(Duration::ZERO, |at| context.now.since(at));
        if late <= times.hold {
            return;
        }
        self.counters.bump(Count::Lapses);
        let patience = context.now + times.hello;
        if self.active_timer().is_some_and(|at| at <= context.now) {
            self.arm_active(patience);
        }
        if self.standby_timer().is_some_and(|at| at <= context.now) {
            self.arm_standby(patience);
        }
        let text = format!("this router was {} late; it listens before it acts", spell(late));
        context.note(Note::Remark { name: "stalled", about: None, text });
    }

    /// Event c.
    fn active_expires(&mut self, context: &mut Context<'_>) {
        let lost = self.nobody_is_active();
        let reason = match lost {
            Some(lost) => format!("c: active router {} is silent", lost.source),
            None => "c: nobody is active".to_owned(),
        };
        match &mut self.state {
            State::Listen(_) => {
                let at = context.now + self.times().hold;
                self.arm_active(at);
                self.speaks(context, at, reason);
            }
            // Remembered as a timer that does not run: whoever becomes Standby now goes on to Active.
            State::Speak(speak) => speak.active_at = None,
            State::Standby(_) => self.becomes_active(context, Call::Silence, reason),
            State::Initial | State::Learn | State::Active(_) | State::Leaving(_) => {}
        }
    }

    /// Event d.
    fn standby_expires(&mut self, context: &mut Context<'_>) {
        let lost = self.standby.take();
        let reason = match lost {
            Some(lost) => format!("d: standby router {} is silent", lost.source),
            None => "d: nobody is standby".to_owned(),
        };
        match &mut self.state {
            State::Listen(_) => {
                let standby_at = context.now + self.times().hold;
                self.speaks(context, standby_at, reason);
            }
            State::Speak(_) => self.becomes_standby(context, reason),
            State::Active(active) => active.standby_at = None,
            State::Initial | State::Learn | State::Standby(_) | State::Leaving(_) => {}
        }
    }

    /// Event e in Speak and Standby.
    fn hello_expires(&mut self, context: &mut Context<'_>) {
        let due = match &self.state {
            State::Speak(speak) => speak.hello_at,
            State::Standby(standby) => standby.hello_at,
            State::Initial | State::Learn | State::Listen(_) | State::Active(_) | State::Leaving(_) => return,
        };
        if due > context.now {
            return;
        }
        let next = self.next_hello(context, due);
        match &mut self.state {
            State::Speak(speak) => speak.hello_at = next,
            State::Standby(standby) => standby.hello_at = next,
            State::Initial | State::Learn | State::Listen(_) | State::Active(_) | State::Leaving(_) => {}
        }
        self.says(context, When::Now, Operation::Hello, self.state.said());
    }

    /// Event e in Active, and what is put off there.
    fn active_ticks(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        let State::Active(active) = &self.state else { return };
        let due = (active.hello_at <= now).then_some(active.hello_at);
        let next = due.map(|due| self.next_hello(context, due));
        let State::Active(active) = &mut self.state else { return };
        active.hello_at = next.unwrap_or(active.hello_at);
        let asserts = active.assert_at.take_if(|at| *at <= now).is_some();
        let out_of_turn = active.announce_at.take_if(|at| *at <= now).is_some();
        if asserts || due.is_some() {
            active.sent_at = now;
        }
        if asserts {
            self.says(context, When::Now, Operation::Coup, Said::Active);
        }
        if asserts || due.is_some() {
            self.says(context, When::Now, Operation::Hello, Said::Active);
        }
        if due.is_some() && self.guard.signing_key(context.wall) != self.will_key {
            self.leaves_will(context);
        }
        let repeated = self.announcer.is_due(now, &self.config.announcements);
        if out_of_turn {
            self.announcer.start(now, &self.config.announcements);
        }
        if out_of_turn || repeated {
            self.announce(context);
        }
    }

    /// Two active routers are one again. If that is us, hosts may still believe the other: no transition tells them, so
    /// this does.
    fn expires_alarms(&mut self, context: &mut Context<'_>) {
        let over = self.alarms.expire(context, TWO_ACTIVES);
        if let State::Active(active) = &mut self.state
            && over
        {
            active.announce_at = Some(context.now);
        }
    }
}
