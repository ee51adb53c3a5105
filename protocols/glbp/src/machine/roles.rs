//! The gateway's states, entered and left.
//!
//! Every entry is said at once, which is at the end of the turn: what the same messages say of forwarders has been read
//! by then, and switches must not be told that one is here which somebody else has claimed.

use std::net::IpAddr;

use fhrp::{Action, Context, Holdings, Instant, Note};

use super::hears::Heard;
use super::{Active, GatewayGroup, HAND_OVER, Known, Leaving, Listen, Speak, Standby, State};
use crate::config::DEFAULT_TIMES;
use crate::counters::Count;
use crate::machine::countdown::Countdown;
use crate::machine::speak::SECOND_GOODBYE;

/// We answer hosts, and somebody else goes on claiming to.
pub(super) const TWO_ACTIVES: &str = "two-actives";

impl GatewayGroup {
    /// To Listen, with both timers: the beginning.
    pub(super) fn listens(&mut self, context: &mut Context<'_>, reason: String) {
        let now = context.now;
        self.countdown = Countdown::begin(now, self.config.preempt.delay);
        self.suspended = false;
        let standby_at = now + self.times().hold;
        let listen = Listen { active_at: Some(standby_at), standby_at, hello_at: now };
        let transition = self.enter(now, State::Listen(listen), reason);
        self.forwarders_begin(now);
        self.note(context, transition);
    }

    /// To Listen, because somebody is better at what we wanted to be. The active timer runs on.
    pub(super) fn falls_back(&mut self, context: &mut Context<'_>, standby_at: Instant, reason: String) {
        let listen = Listen { active_at: self.active_timer(), standby_at, hello_at: context.now };
        let transition = self.enter(context.now, State::Listen(listen), reason);
        self.note(context, transition);
    }

    /// To Speak. The active timer runs on.
    pub(super) fn speaks(&mut self, context: &mut Context<'_>, reason: String) {
        self.standby = None;
        let now = context.now;
        let speak =
            Speak { active_at: self.active_timer(), standby_at: now + self.times().hold, hello_at: now };
        let transition = self.enter(now, State::Speak(speak), reason);
        self.note(context, transition);
    }

    /// To Standby, or to Active if nobody is. Who has not yet waited for an active gateway for as long as one may be
    /// silent does not know that there is none.
    pub(super) fn becomes_standby(&mut self, context: &mut Context<'_>, reason: String) {
        self.standby = None;
        let Some(active_at) = self.active_timer() else {
            return self.becomes_active(context, format!("{reason}; nobody is active"));
        };
        let standby = Standby { active_at, hello_at: context.now };
        let transition = self.enter(context.now, State::Standby(standby), reason);
        self.note(context, transition);
    }

    /// When the active timer expires, if it runs.
    pub(super) fn active_timer(&self) -> Option<Instant> {
        match &self.state {
            State::Listen(listen) => listen.active_at,
            State::Speak(speak) => speak.active_at,
            State::Standby(standby) => Some(standby.active_at),
            State::Disabled | State::Initial | State::Active(_) | State::Leaving(_) => None,
        }
    }

    /// To Active. Forwarders go on as they are; one of our own comes if we have none.
    pub(super) fn becomes_active(&mut self, context: &mut Context<'_>, reason: String) {
        self.neighbours.forget_rivals();
        self.request_at = None;
        self.asks_or_assigns(context);
        self.nobody_is_active();
        self.standby = None;
        let active = Active { standby_at: None, hello_at: context.now };
        let transition = self.enter(context.now, State::Active(active), reason);
        self.counters.bump(Count::BecameActive);
        self.hold(context);
        self.advertises_router(context);
        self.leaves_will(context);
        self.note(context, transition);
    }

    /// From Active to Speak: a better router is active. Forwarders go on as they are.
    pub(super) fn yields(&mut self, context: &mut Context<'_>, heard: &Heard) {
        let Known { source, priority, times, .. } = heard.from;
        let own = self.config.priority;
        let reason = match priority == own {
            true => format!("{source} is active with our priority {own} and the higher address"),
            false => format!("{source} is active with priority {priority}, ours is {own}"),
        };
        self.standby = None;
        let active_at = heard.at + times.hold;
        let speak =
            Speak { active_at: Some(active_at), standby_at: context.now + times.hold, hello_at: context.now };
        let transition = self.enter(context.now, State::Speak(speak), reason);
        self.follows(context, heard);
        self.judges_preemption(heard.at);
        // It lists what we forward for at this moment, as Cisco's routers do; what the same message claims is still among
        // that, so it comes from our own MAC.
        self.says_hello_from(context, self.own_mac());
        self.hold(context);
        self.leaves_will(context);
        self.note(context, transition);
        self.alarms.end(context, Some(TWO_ACTIVES), "this router is not active any more");
    }

    /// Says goodbye, and goes on serving hosts until successors are heard.
    pub(super) fn leaves(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        let until = now + if self.held.is_empty() { SECOND_GOODBYE } else { HAND_OVER };
        let answers = self.is_gateway();
        let leaving = Leaving { began: now, again_at: Some(now + SECOND_GOODBYE), until, answers };
        let transition = self.enter(now, State::Leaving(leaving), "stopping".to_owned());
        self.says_goodbye(context);
        self.alarms.end(context, None, "this router leaves");
        self.note(context, transition);
    }

    /// Something that a leaving router held has a successor.
    pub(super) fn lets_go(&mut self, context: &mut Context<'_>) {
        self.hold(context);
        let State::Leaving(leaving) = &mut self.state else { return };
        if self.held.is_empty() {
            leaving.until = leaving.until.min(leaving.again_at.unwrap_or(context.now));
        }
    }

    /// Holds nothing any more, and is silent from now on.
    pub(super) fn finishes(&mut self, context: &mut Context<'_>, reason: String) {
        self.refusal = None;
        self.forgets_members();
        self.forwarders.clear();
        self.alarms.end(context, None, "stopped");
        let transition = self.enter(context.now, State::Disabled, reason);
        self.releases(context);
        self.note(context, transition);
    }

    /// Lets go of everything.
    pub(super) fn releases(&mut self, context: &mut Context<'_>) {
        self.neighbours.forget_rivals();
        if !self.held.is_empty() {
            self.held = Holdings::none();
            // It says nothing until it runs again.
            self.outbox.asks_for_nothing();
            context.ask(Action::Hold(Holdings::none()));
        }
        if !self.will.is_empty() {
            self.will = Vec::new();
            context.ask(Action::LastWill(Vec::new()));
        }
    }

    /// The active gateway is gone. What kept us from preempting it, or made us wait, is no more.
    pub(super) fn nobody_is_active(&mut self) -> Option<Known> {
        self.suspended = false;
        self.countdown.ends();
        self.active.take()
    }

    /// Nothing is known of anybody, as at the beginning.
    pub(super) fn forgets_members(&mut self) {
        self.nobody_is_active();
        self.standby = None;
        self.learnt_address = None;
        self.requested = None;
        self.request_at = None;
        self.asked = None;
        self.assign_at = None;
        self.greets_at = None;
        self.members.forget();
    }

    /// Somebody else claims the role while we have it. Once is what every change of roles looks like; still claiming it
    /// half a hello later is an alarm.
    pub(super) fn notice_rival(
        &mut self,
        context: &mut Context<'_>,
        at: Instant,
        source: IpAddr,
        what: &str,
    ) {
        let hello = self.times().hello;
        if !matches!(self.state, State::Active(_)) {
            return;
        }
        let Some(entry) = self.neighbours.get_mut(source) else { return };
        let since = *entry.rival_since.get_or_insert(at);
        if at.since(since) >= hello / 2 {
            let interval = hello.max(DEFAULT_TIMES.hello);
            self.alarms.raise(context, TWO_ACTIVES, at, interval, format!("{source} {what}"));
        }
    }

    /// Gives the role to the standby gateway, by command. Forwarders stay where they are.
    pub(super) fn hands_over(&mut self, context: &mut Context<'_>) {
        let Some(standby) = self.standby.take() else {
            let text = "nobody is standby: this router goes on as active".to_owned();
            return context.note(Note::Remark { name: "hand-over-failed", about: None, text });
        };
        let now = context.now;
        let until = now + self.times().hold;
        let speak = Speak { active_at: None, standby_at: until, hello_at: now };
        let reason = format!("handed over to {} by command", standby.source);
        let transition = self.enter(now, State::Speak(speak), reason);
        self.suspended = true;
        self.hold(context);
        self.leaves_will(context);
        self.note(context, transition);
    }
}
