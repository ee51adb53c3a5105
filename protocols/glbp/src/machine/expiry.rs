//! What timers do, and whatever was put off until all waiting messages had been read.

use std::time::Duration;

use fhrp::time::spell;
use fhrp::{Context, Instant, Note};

use super::forwarder::ForwarderState;
use super::roles::TWO_ACTIVES;
use super::{GatewayGroup, State};
use crate::counters::Count;

impl GatewayGroup {
    pub(super) fn ticks(&mut self, context: &mut Context<'_>) {
        self.alarms.expire(context, TWO_ACTIVES);
        match &self.state {
            State::Disabled => return,
            State::Initial => self.initial_ticks(context),
            State::Leaving(_) => return self.leaving_ticks(context),
            State::Listen(_) | State::Speak(_) | State::Standby(_) | State::Active(_) => {}
        }
        if !self.state.runs() {
            return;
        }
        self.notices_stall(context);
        // That of the active gateway first, for the standby timer asks for it.
        if self.active_timer().is_some_and(|at| at <= context.now) {
            self.active_expires(context);
        }
        if self.standby_timer().is_some_and(|at| at <= context.now) {
            self.standby_expires(context);
        }
        self.preempts_if_due(context);
        let active = matches!(self.state, State::Active(_));
        if active && self.assign_at.take_if(|at| *at <= context.now).is_some() {
            self.assigns_itself(context.now);
        }
        self.forwarders_tick(context);
        if self.request_at.take_if(|at| *at <= context.now).is_some() {
            self.requests(context);
        }
        let now = context.now;
        if let Some(due) = self.state.hello_at().map(|at| *at).filter(|at| *at <= now) {
            let next = self.next_hello(context, due);
            self.says_hello(context);
            if let Some(hello_at) = self.state.hello_at() {
                *hello_at = next;
            }
            self.leaves_will(context);
        }
    }

    /// When the standby timer expires, if it runs.
    pub(super) fn standby_timer(&self) -> Option<Instant> {
        match &self.state {
            State::Listen(listen) => Some(listen.standby_at),
            State::Speak(speak) => Some(speak.standby_at),
            State::Active(active) => active.standby_at,
            State::Disabled | State::Initial | State::Standby(_) | State::Leaving(_) => None,
        }
    }

    /// We were away for longer than any router is believed to live. Nothing was heard because nothing could be heard:
    /// others get the time for one more hello before their silence counts.
    fn notices_stall(&mut self, context: &mut Context<'_>) {
        let times = self.times();
        let waiting = self.forwarders.values().filter_map(|forwarder| match &forwarder.state {
            ForwarderState::Listen(waiting) => Some(waiting.active_at),
            ForwarderState::Initial | ForwarderState::Active => None,
        });
        let first = waiting.chain(self.active_timer()).chain(self.standby_timer()).min();
        let late = first.map_or(Duration::ZERO, |at| context.now.since(at));
        if late <= times.hold {
            return;
        }
        self.counters.bump(Count::Lapses);
        let (now, patience) = (context.now, context.now + times.hello);
        if self.active_timer().is_some_and(|at| at <= now) {
            self.arm_active(patience);
        }
        if self.standby_timer().is_some_and(|at| at <= now) {
            self.arm_standby(patience);
        }
        for forwarder in self.forwarders.values_mut() {
            if let ForwarderState::Listen(waiting) = &mut forwarder.state
                && waiting.active_at <= now
            {
                waiting.active_at = patience;
            }
        }
        let text = format!("this router was {} late; it listens before it acts", spell(late));
        context.note(Note::Remark { name: "stalled", about: None, text });
    }

    fn active_expires(&mut self, context: &mut Context<'_>) {
        let lost = self.nobody_is_active();
        let reason = match lost {
            Some(lost) => format!("active gateway {} is silent", lost.source),
            None => "nobody is active".to_owned(),
        };
        match &mut self.state {
            State::Listen(listen) => {
                listen.active_at = None;
                self.speaks(context, reason);
            }
            // Remembered as a timer that does not run: when the standby timer expires it goes on to Active.
            State::Speak(speak) => speak.active_at = None,
            State::Standby(_) => self.becomes_active(context, reason),
            State::Disabled | State::Initial | State::Active(_) | State::Leaving(_) => {}
        }
    }

    fn standby_expires(&mut self, context: &mut Context<'_>) {
        let reason = match self.standby.take() {
            Some(lost) => format!("standby gateway {} is silent", lost.source),
            None => "nobody is standby".to_owned(),
        };
        match &mut self.state {
            State::Listen(_) => self.speaks(context, reason),
            State::Speak(_) => self.becomes_standby(context, reason),
            State::Active(active) => active.standby_at = None,
            State::Disabled | State::Initial | State::Standby(_) | State::Leaving(_) => {}
        }
    }

    fn preempts_if_due(&mut self, context: &mut Context<'_>) {
        if self.preempt_at().is_none() || !self.countdown.is_over(context.now) {
            return;
        }
        let Some(active) = self.active else { return };
        let reason = format!("preempting {}, whose priority is {}", active.source, active.priority);
        match &self.state {
            // A better router that is standby and does not preempt would silence us in Speak, again and again.
            State::Listen(_) if self.standby.is_none_or(|it| !self.is_better(it.priority, it.source)) => {
                self.speaks(context, reason);
            }
            State::Listen(_) | State::Speak(_) | State::Standby(_) => self.becomes_active(context, reason),
            State::Disabled | State::Initial | State::Active(_) | State::Leaving(_) => {}
        }
    }

    fn leaving_ticks(&mut self, context: &mut Context<'_>) {
        let State::Leaving(leaving) = &mut self.state else { return };
        let again = leaving.again_at.take_if(|at| *at <= context.now).is_some();
        let over = leaving.until <= context.now;
        if again {
            self.says_goodbye(context);
        }
        if over {
            let served = if self.held.is_empty() { "hosts have others" } else { "nobody took over" };
            self.finishes(context, format!("stopped; {served}"));
        }
    }
}
