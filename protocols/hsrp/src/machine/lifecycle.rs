//! What happens to a group from outside the protocol: start and stop, its interface, tracked faults, operators, the
//! kernel's answers. Events a, b and o. RFC 2281 §5.5.

use std::time::Duration;

use fhrp::faults::{Fault, in_words};
use fhrp::time::spell;
use fhrp::{Action, Command, Context, HoldFault, Instant, Link, Note, Purpose, Solicitation};

use super::roles::resigned_to;
use super::speak::When;
use super::{StandbyGroup, State};
use crate::counters::Count;
use crate::wire::{Operation, State as Said};

impl StandbyGroup {
    /// Event a, as soon as nothing is in the way.
    pub(super) fn starts(&mut self, context: &mut Context<'_>) {
        if self.started {
            return;
        }
        self.started = true;
        self.never_preempted = true;
        self.delays(context.now, self.config.initial_delay.started);
        self.reconsiders(context, "a: started");
    }

    fn delays(&mut self, now: Instant, delay: Duration) {
        self.delayed_until = (!delay.is_zero()).then_some(now + delay).max(self.delayed_until);
    }

    /// Event b, for good.
    pub(super) fn stops(&mut self, context: &mut Context<'_>) {
        self.refusal = None;
        self.delayed_until = None;
        match &mut self.state {
            State::Active(_) => self.leaves(context, Purpose::Stop),
            State::Leaving(leaving) => leaving.purpose = Purpose::Stop,
            State::Learn | State::Listen(_) | State::Speak(_) | State::Standby(_) => {
                self.says_goodbye_of_interface(context);
                self.finishes(context, "b: stopped".to_owned());
            }
            State::Initial => {
                self.started = false;
                self.alarms.end(context, None, "stopped");
                self.reason = "stopped".to_owned();
            }
        }
    }

    /// The interface, as it is now.
    pub(super) fn link_changes(&mut self, context: &mut Context<'_>, link: &Link) {
        let before = self.link.replace(link.clone());
        let came_up = before.as_ref().is_some_and(|before| !before.up && link.up);
        if came_up && self.started {
            self.delays(context.now, self.config.initial_delay.link_up);
        }
        let why = if came_up {
            format!("a: link {} is up", link.name)
        } else {
            format!("a: {} is ready", link.name)
        };
        let ran = self.is_running();
        self.reconsiders(context, &why);
        if ran && self.is_running() {
            let other_mac = before.is_some_and(|before| before.mac != link.mac);
            self.follows_link(context, other_mac && self.config.virtual_mac.is_none());
        }
    }

    /// Another source, another MAC, or another address.
    fn follows_link(&mut self, context: &mut Context<'_>, other_mac: bool) {
        let source = self.choose_source();
        let moved = source != self.source && source.is_some();
        self.source = source.or(self.source);
        if !matches!(self.state, State::Active(_)) {
            return;
        }
        if moved || other_mac {
            self.says(context, When::Now, Operation::Hello, Said::Active);
            self.leaves_will(context);
        }
        let rehold = self.holdings() != self.held;
        if rehold {
            self.hold(context);
        }
        if rehold || other_mac {
            self.announce(context);
        }
    }

    /// Runs if nothing is in the way, and stops with a named cause if something is.
    pub(super) fn reconsiders(&mut self, context: &mut Context<'_>, why: &str) {
        if !self.started {
            return;
        }
        let faults = self.faults();
        match (self.is_running(), faults.is_empty()) {
            (false, true) if self.delayed_until.is_some_and(|end| end > context.now) => {
                self.reason = "waiting for the initial delay".to_owned();
            }
            (false, true) => self.begins(context, why),
            (false, false) => {
                let cause = in_words(&faults);
                if cause != self.reason {
                    self.reason.clone_from(&cause);
                    context.note(Note::Remark { name: "waiting", about: None, text: cause });
                }
            }
            (true, true) => {}
            (true, false) => self.fails(context, &faults),
        }
    }

    /// Event a.
    fn begins(&mut self, context: &mut Context<'_>, why: &str) {
        self.source = self.choose_source();
        self.delayed_until = None;
        self.refusal = None;
        if self.address().is_some() {
            self.listens(context, context.now, why.to_owned());
        } else {
            let transition =
                self.enter(context.now, State::Learn, format!("{why}; the address is to be learnt"));
            context.note(transition);
        }
        self.says_interface_begins(context);
    }

    /// Event b, for as long as something is in the way.
    fn fails(&mut self, context: &mut Context<'_>, faults: &[Fault]) {
        if matches!(&self.state, State::Leaving(leaving) if leaving.purpose == Purpose::Stop) {
            return self.finishes(context, format!("b: stopped; {}", in_words(faults)));
        }
        let up = self.link.as_ref().is_some_and(|link| link.up);
        if matches!(self.state, State::Active(_)) && up {
            // The address may be gone, but not yet from our memory, and the frame is ours to write.
            self.says(context, When::Now, Operation::Resign, resigned_to(Purpose::Stop));
        }
        let held = self.state.holds();
        let transition = self.enter(context.now, State::Initial, format!("b: {}", in_words(faults)));
        if held {
            self.release(context);
        }
        self.forgets_members();
        context.note(transition);
        self.alarms.end(context, None, "this router takes no part");
    }

    /// When something that keeps us from running is over: a refused hold, the initial delay.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        let refused = self.refusal.as_ref().map(|refusal| refusal.until);
        refused.max(self.delayed_until).filter(|_| self.started)
    }

    pub(super) fn initial_ticks(&mut self, context: &mut Context<'_>) {
        if self.retry_at().is_none_or(|at| at > context.now) {
            return;
        }
        self.delayed_until = None;
        let why = match self.refusal.take() {
            Some(_) => "a: what was refused is tried again",
            None => "a: the initial delay is over",
        };
        self.reconsiders(context, why);
    }

    /// The kernel granted what we hold now.
    pub(super) fn was_granted(&mut self) {
        if matches!(self.state, State::Active(_)) {
            self.backoff.granted();
        }
    }

    /// Saying that one is active without holding anything is a black hole.
    pub(super) fn was_refused(&mut self, context: &mut Context<'_>, fault: &HoldFault) {
        self.counters.bump(Count::HoldFaults);
        if !self.state.holds() {
            let text = fault.to_string();
            return context.note(Note::Remark { name: "release-refused", about: None, text });
        }
        self.refusal = Some(self.backoff.refused(context.now, fault.clone()));
        self.fails(context, &[Fault::Refused(fault.clone())]);
    }

    /// What we held was withdrawn while we were away, or faster than it could be put back. Everything heard meanwhile
    /// has been read: a better router would be active by now, and a worse one is told.
    pub(super) fn lapses(&mut self, context: &mut Context<'_>, away: Duration) {
        match &self.state {
            State::Active(_) => {
                self.counters.bump(Count::Lapses);
                let text = format!("away for {}; what may have lapsed is taken up again", spell(away));
                context.note(Note::Remark { name: "stalled", about: None, text });
                self.hold(context);
                let State::Active(active) = &mut self.state else { return };
                active.hello_at = active.hello_at.min(context.now);
                active.announce_at = Some(context.now);
            }
            State::Leaving(leaving) => {
                let purpose = leaving.purpose;
                self.counters.bump(Count::Lapses);
                match purpose {
                    Purpose::Stop => self.finishes(context, format!("b: stopped; away for {}", spell(away))),
                    Purpose::HandOver => {
                        self.listens(context, context.now, format!("handed over; away for {}", spell(away)));
                        self.release(context);
                        self.says_interface(context, When::Now);
                        self.preemption = super::Preemption::Suspended;
                    }
                }
            }
            State::Initial | State::Learn | State::Listen(_) | State::Speak(_) | State::Standby(_) => {}
        }
    }

    /// Event o: tracked faults moved our priority. The next hello says so, and preemption is judged anew when the active
    /// router is next heard.
    pub(super) fn penalty_changes(&mut self, context: &mut Context<'_>, penalty: u16) {
        let before = self.priority();
        self.penalty = penalty;
        let after = self.priority();
        self.abandons_countdown();
        if before != after {
            let text = format!("{before} becomes {after}: tracked faults take {penalty}");
            context.note(Note::Remark { name: "priority", about: None, text });
        }
    }

    pub(super) fn is_commanded(&mut self, context: &mut Context<'_>, command: Command) {
        let active = matches!(self.state, State::Active(_));
        match command {
            Command::HandOver if active => self.leaves(context, Purpose::HandOver),
            Command::Announce if active => self.announce(context),
            Command::Ready if self.is_running() && !self.state.holds() => self.is_in_step(context),
            Command::HandOver | Command::Announce | Command::TakeOver | Command::Ready => {
                let text = format!("nothing to do while {}", self.state.name());
                context.note(Note::Remark { name: "command-ignored", about: None, text });
            }
        }
    }

    /// What has to be in step before a role is taken is.
    fn is_in_step(&mut self, context: &mut Context<'_>) {
        self.in_step = true;
        let text = "what the role needs is said to be in step: preemption need not wait for it".to_owned();
        context.note(Note::Remark { name: "in-step", about: None, text });
        self.preempts_if_due(context);
    }

    /// Answers with the virtual MAC for what is held. RFC 2281 §6.1.
    pub(super) fn is_solicited(&mut self, context: &mut Context<'_>, solicitation: &Solicitation) {
        if let (true, Some(mac)) =
            (self.held.addresses.contains_key(&solicitation.target), self.config.virtual_mac)
        {
            context.ask(Action::Answer(mac));
        }
    }
}
