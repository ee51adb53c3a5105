//! Taking the active role and losing it, and the states between. RFC 2281 §5.3, §5.6, §5.7.
//!
//! Every entry to Speak, Standby and Active is said at once; Listen is silent.

use std::time::Duration;

use fhrp::{Action, Context, Holdings, Instant, Note, Purpose};

use super::hears::Heard;
use super::speak::When;
use super::{Active, Known, Leaving, Listen, Preemption, Speak, Standby, StandbyGroup, State};
use crate::config::DEFAULT_TIMES;
use crate::counters::Count;
use crate::wire::{Operation, State as Said};

/// We hold the role, and somebody else goes on claiming it.
pub(super) const TWO_ACTIVES: &str = "two-actives";
/// How long a router that resigned goes on serving hosts if no successor is heard. A standby router takes over at once.
pub(super) const HAND_OVER: Duration = Duration::from_millis(250);

/// What made us active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// Nobody is, any more.
    Silence,
    /// The active router has resigned, and serves hosts until it hears us.
    IsHanded,
    /// The active router is worse.
    Preempts,
}

impl StandbyGroup {
    /// To Listen, with both timers.
    pub(super) fn listens(&mut self, context: &mut Context<'_>, at: Instant, reason: String) {
        let standby_at = at + self.times().hold;
        let state = State::Listen(Listen { active_at: Some(standby_at), standby_at });
        let transition = self.enter(context.now, state, reason);
        context.note(transition);
    }

    /// To Listen, because somebody is better at what we wanted to be. The active timer runs on.
    pub(super) fn falls_back(&mut self, context: &mut Context<'_>, standby_at: Instant, reason: String) {
        let state = State::Listen(Listen { active_at: self.active_at(), standby_at });
        let transition = self.enter(context.now, state, reason);
        context.note(transition);
    }

    /// To Speak. The active timer runs on.
    pub(super) fn speaks(&mut self, context: &mut Context<'_>, standby_at: Instant, reason: String) {
        self.standby = None;
        let hello_at = context.now + self.pause(context);
        let state = State::Speak(Speak { active_at: self.active_at(), standby_at, hello_at });
        let transition = self.enter(context.now, state, reason);
        self.says(context, When::Now, Operation::Hello, Said::Speak);
        context.note(transition);
    }

    /// To Standby; and on to Active if nobody is.
    pub(super) fn becomes_standby(&mut self, context: &mut Context<'_>, reason: String) {
        self.standby = None;
        let active_at = self.active_at();
        let hello_at = context.now + self.pause(context);
        let state = State::Standby(Standby { active_at: active_at.unwrap_or(context.now), hello_at });
        let transition = self.enter(context.now, state, reason);
        self.says(context, When::Now, Operation::Hello, Said::Standby);
        context.note(transition);
        if active_at.is_none() {
            self.becomes_active(context, Call::Silence, "c: nobody is active".to_owned());
        }
    }

    fn active_at(&self) -> Option<Instant> {
        match &self.state {
            State::Listen(listen) => listen.active_at,
            State::Speak(speak) => speak.active_at,
            State::Standby(standby) => Some(standby.active_at),
            State::Initial | State::Learn | State::Active(_) | State::Leaving(_) => None,
        }
    }

    /// To Active. The interface's state is said first, then the Coup in the old state, then the Hello in the new one.
    pub(super) fn becomes_active(&mut self, context: &mut Context<'_>, call: Call, reason: String) {
        self.neighbours.forget_rivals();
        let before = self.state.said();
        let standby = self.standby;
        let standby_at = match &self.state {
            State::Listen(listen) => Some(listen.standby_at).filter(|_| standby.is_some()),
            State::Initial
            | State::Learn
            | State::Speak(_)
            | State::Standby(_)
            | State::Active(_)
            | State::Leaving(_) => None,
        };
        self.nobody_is_active();
        let now = context.now;
        let active = Active { standby_at, hello_at: now, sent_at: now, assert_at: None, announce_at: None };
        let transition = self.enter(now, State::Active(active), reason);
        let pause = self.pause(context);
        if let State::Active(active) = &mut self.state {
            active.hello_at = now + pause;
        }
        self.counters.bump(Count::BecameActive);
        // Whoever loses the role has to catch up with its successor.
        self.in_step = false;
        // Whoever serves the hosts until now stops when it hears us, and switches send the virtual MAC's frames here as
        // soon as they do: by then they have to be taken. Where nobody serves them, peers come first.
        let when = if call == Call::Silence { When::Now } else { When::OnceHeld };
        if call != Call::Silence {
            self.hold(context);
        }
        self.says_interface(context, when);
        if call == Call::Preempts {
            self.says(context, when, Operation::Coup, before);
        }
        self.says(context, when, Operation::Hello, Said::Active);
        if call == Call::Silence {
            self.hold(context);
        }
        self.leaves_will(context);
        self.announce(context);
        self.announcer.start(now, &self.config.announcements);
        context.note(transition);
    }

    /// From Active to Speak: a better router is active.
    pub(super) fn yields(
        &mut self,
        context: &mut Context<'_>,
        heard: &Heard<'_>,
        active_at: Instant,
        resign: bool,
        reason: String,
    ) {
        self.release(context);
        self.active = Some(heard.from);
        self.standby = None;
        let standby_at = heard.at + self.patience(heard.message);
        let speak = Speak { active_at: Some(active_at), standby_at, hello_at: context.now };
        let transition = self.enter(context.now, State::Speak(speak), reason);
        // From now on the winner's times are in force.
        let pause = self.pause(context);
        if let State::Speak(speak) = &mut self.state {
            speak.hello_at = context.now + pause;
        }
        self.says_interface(context, When::Now);
        if resign {
            self.says(context, When::Now, Operation::Resign, Said::Speak);
        }
        self.says(context, When::Now, Operation::Hello, Said::Speak);
        context.note(transition);
        self.alarms.end(context, Some(TWO_ACTIVES), "this router is not active any more");
    }

    /// Lets go of everything. What was to be announced is not: hosts would believe it.
    pub(super) fn release(&mut self, context: &mut Context<'_>) {
        self.announcer.stop();
        self.neighbours.forget_rivals();
        self.held = Holdings::none();
        context.ask(Action::Hold(Holdings::none()));
        context.ask(Action::LastWill(Vec::new()));
    }

    /// Says Resign, and goes on holding until a successor is heard.
    pub(super) fn leaves(&mut self, context: &mut Context<'_>, purpose: Purpose) {
        self.announcer.stop();
        let now = context.now;
        self.state = State::Leaving(Leaving { began: now, until: now + HAND_OVER, purpose });
        if purpose == Purpose::Stop {
            self.says_goodbye_of_interface(context);
        }
        self.says(context, When::Now, Operation::Resign, resigned_to(purpose));
        self.alarms.end(context, None, "this router gives up the role");
        let text = "Resign sent; holding until a successor is heard".to_owned();
        context.note(Note::Remark { name: "leaving", about: None, text });
    }

    /// The successor speaks: whoever it is, hosts are served.
    pub(super) fn is_succeeded(&mut self, context: &mut Context<'_>, heard: &Heard<'_>) {
        let State::Leaving(leaving) = &self.state else { return };
        // What was sent before our goodbye is no answer to it.
        if heard.at < leaving.began {
            return;
        }
        let source = heard.from.source;
        match leaving.purpose {
            Purpose::Stop => self.finishes(context, format!("b: stopped; handed over to {source}")),
            Purpose::HandOver => {
                let active_at = heard.at + self.patience(heard.message);
                self.yields(context, heard, active_at, false, format!("handed over to {source} by command"));
                self.preemption = Preemption::Suspended;
            }
        }
    }

    /// Every successor has had its time.
    pub(super) fn leaving_expires(&mut self, context: &mut Context<'_>, purpose: Purpose) {
        match purpose {
            Purpose::Stop => self.finishes(context, "b: stopped; nobody took over".to_owned()),
            Purpose::HandOver => {
                let now = context.now;
                let hello_at = now + self.pause(context);
                let active =
                    Active { standby_at: None, hello_at, sent_at: now, assert_at: None, announce_at: None };
                self.state = State::Active(active);
                self.says(context, When::Now, Operation::Hello, Said::Active);
                self.announcer.start(now, &self.config.announcements);
                let text = "nobody took over; this router goes on as active".to_owned();
                context.note(Note::Remark { name: "hand-over-failed", about: None, text });
            }
        }
    }

    /// Holds nothing any more, and is silent from now on.
    pub(super) fn finishes(&mut self, context: &mut Context<'_>, reason: String) {
        self.started = false;
        self.refusal = None;
        self.forgets_members();
        self.alarms.end(context, None, "stopped");
        let held = self.state.holds();
        let transition = self.enter(context.now, State::Initial, reason);
        if held {
            self.release(context);
        }
        context.note(transition);
    }

    /// The active router is gone. What kept us from preempting it, or made us wait, is no more.
    pub(super) fn nobody_is_active(&mut self) -> Option<Known> {
        self.preemption = Preemption::Free;
        self.active.take()
    }

    /// Nothing is known of anybody, as at the beginning.
    pub(super) fn forgets_members(&mut self) {
        self.nobody_is_active();
        self.standby = None;
        self.learnt_address = None;
        self.interface_state_at = None;
        self.in_step = false;
    }

    /// Somebody else claims the role while we hold it. Once is what every change of roles looks like; still claiming it
    /// half a hello later is an alarm.
    pub(super) fn notice_rival(
        &mut self,
        context: &mut Context<'_>,
        at: Instant,
        source: std::net::IpAddr,
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
}

/// The state that a Resign carries: the one that follows.
pub(super) const fn resigned_to(purpose: Purpose) -> Said {
    match purpose {
        Purpose::Stop => Said::Initial,
        Purpose::HandOver => Said::Speak,
    }
}
