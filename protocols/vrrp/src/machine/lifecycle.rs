//! What happens to a virtual router from outside the protocol: start and stop, its interface, tracked faults,
//! operators, the kernel's answers.

use std::time::Duration;

use fhrp::faults::{Fault, in_words};
use fhrp::{Action, Command, Context, HoldFault, Instant, Link, Note, Purpose, Solicitation};

use super::backup::{Backup, Preemption, Wait};
use super::timers::spell;
use super::{State, VirtualRouter};
use crate::counters::Count;

impl VirtualRouter {
    /// Rows 1 and 2, as soon as nothing is in the way.
    pub(super) fn starts(&mut self, context: &mut Context<'_>) {
        if self.started {
            return;
        }
        self.started = true;
        let delay = self.config.startup_delay;
        self.startup_until = (!delay.is_zero()).then_some(context.now + delay);
        self.reconsiders(context, "started");
    }

    /// Row 3.
    pub(super) fn stops(&mut self, context: &mut Context<'_>) {
        self.refusal = None;
        self.startup_until = None;
        match &mut self.state {
            State::Active(_) => self.leaves(context, Purpose::Stop),
            State::Leaving(leaving) => leaving.purpose = Purpose::Stop,
            State::Backup(_) => {
                self.started = false;
                self.alarms.end(context, None, "stopped");
                let transition = self.enter(context.now, State::Initialize, "stopped".to_owned());
                context.note(transition);
            }
            State::Initialize => {
                self.started = false;
                self.alarms.end(context, None, "stopped");
                self.reason = "stopped".to_owned();
            }
        }
    }

    /// The interface, as it is now.
    pub(super) fn link_changes(&mut self, context: &mut Context<'_>, link: &Link) {
        let before = self.link.replace(link.clone());
        let why = match &before {
            Some(before) if !before.up && link.up => format!("link {} is up", link.name),
            Some(_) | None => format!("{} is ready", link.name),
        };
        let ran = !matches!(self.state, State::Initialize);
        self.reconsiders(context, &why);
        let other_mac = before.is_some_and(|before| before.mac != link.mac);
        if ran {
            self.follows_link(context, other_mac && self.config.virtual_mac.is_none());
        }
    }

    /// Another source, another MAC, or an address that has become real or virtual.
    fn follows_link(&mut self, context: &mut Context<'_>, other_mac: bool) {
        let source = self.choose_source();
        let moved = source != self.source && source.is_some();
        self.source = source.or(self.source);
        if !matches!(self.state, State::Active(_)) {
            return;
        }
        if moved || other_mac {
            self.advertise(context, self.priority());
            self.was_sent(context.now);
        }
        let rehold = self.holdings() != self.held;
        if rehold {
            self.hold(context);
        }
        if moved || other_mac {
            self.leave_will(context);
        }
        if rehold || other_mac {
            self.announce(context);
        }
    }

    pub(super) fn was_sent(&mut self, now: Instant) {
        if let State::Active(active) = &mut self.state {
            active.was_sent(now);
        }
    }

    /// Runs if nothing is in the way, and stops with a named cause if something is.
    pub(super) fn reconsiders(&mut self, context: &mut Context<'_>, why: &str) {
        if !self.started {
            return;
        }
        let faults = self.faults();
        match (&self.state, faults.is_empty()) {
            (State::Initialize, true) => self.begins(context, why),
            (State::Initialize, false) => {
                let cause = in_words(&faults);
                if cause != self.reason {
                    self.reason.clone_from(&cause);
                    context.note(Note::Remark { name: "waiting", about: None, text: cause });
                }
            }
            (State::Backup(_) | State::Active(_) | State::Leaving(_), true) => {}
            (State::Backup(_) | State::Active(_) | State::Leaving(_), false) => self.fails(context, &faults),
        }
    }

    fn begins(&mut self, context: &mut Context<'_>, why: &str) {
        self.source = self.choose_source();
        self.startup_until = self.startup_until.filter(|end| *end > context.now);
        let retries = self.refusal.take().is_some();
        if self.is_owner() && !retries && self.startup_until.is_none() {
            return self.become_active(context, None, format!("{why}; owner of the addresses"));
        }
        let mut backup = Backup::new(context.now, self.config.advertise_interval);
        if self.is_owner() && !retries {
            backup.wait = Wait::Nothing;
        }
        if !self.config.preempt_delay.is_zero() {
            backup.preemption = Preemption::After(context.now + self.config.preempt_delay);
        }
        let transition = self.enter(context.now, State::Backup(backup), why.to_owned());
        context.note(transition);
    }

    fn fails(&mut self, context: &mut Context<'_>, faults: &[Fault]) {
        let up = self.link.as_ref().is_some_and(|link| link.up);
        if matches!(self.state, State::Active(_)) && up {
            // The address may be gone, but not yet from our memory, and the frame is ours to write.
            self.advertise(context, 0);
        }
        let left = matches!(&self.state, State::Leaving(leaving) if leaving.purpose == Purpose::Stop);
        if left {
            return self.finishes(context, format!("stopped; {}", in_words(faults)));
        }
        let held = !matches!(self.state, State::Backup(_));
        let transition = self.enter(context.now, State::Initialize, in_words(faults));
        if held {
            self.release(context);
        }
        context.note(transition);
        self.alarms.end(context, None, "this router takes no part");
    }

    /// When a refused hold is tried again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.refusal.as_ref().filter(|_| self.started).map(|refusal| refusal.until)
    }

    pub(super) fn initialize_ticks(&mut self, context: &mut Context<'_>) {
        if self.retry_at().is_none_or(|at| at > context.now) {
            return;
        }
        let refused = self.refusal.take();
        if self.faults().is_empty() {
            // Kept until it runs: an owner comes back as a Backup.
            self.refusal = refused;
            return self.begins(context, "what was refused is tried again");
        }
        self.reconsiders(context, "started");
    }

    /// The kernel granted what we hold now.
    pub(super) fn was_granted(&mut self) {
        if matches!(self.state, State::Active(_)) {
            self.backoff.granted();
        }
    }

    /// Advertising what one does not hold is a black hole.
    pub(super) fn was_refused(&mut self, context: &mut Context<'_>, fault: &HoldFault) {
        self.counters.bump(Count::HoldFaults);
        if !matches!(self.state, State::Active(_) | State::Leaving(_)) {
            let text = fault.to_string();
            return context.note(Note::Remark { name: "release-refused", about: None, text });
        }
        self.refusal = Some(self.backoff.refused(context.now, fault.clone()));
        self.fails(context, &[Fault::Refused(fault.clone())]);
    }

    /// What we held was withdrawn while we were away, or faster than it could be put back.
    pub(super) fn lapses(&mut self, context: &mut Context<'_>, away: Duration) {
        match &self.state {
            State::Initialize | State::Backup(_) => {}
            State::Active(_) => self.active_stalled(context, away),
            State::Leaving(leaving) => match leaving.purpose {
                Purpose::Stop => self.finishes(context, format!("stopped; away for {}", spell(away))),
                Purpose::HandOver => {
                    let mut backup = Backup::new(context.now, self.config.advertise_interval);
                    backup.preemption = Preemption::Suspended;
                    let reason = format!("handed over by command; away for {}", spell(away));
                    let transition = self.enter(context.now, State::Backup(backup), reason);
                    self.release(context);
                    context.note(transition);
                }
            },
        }
    }

    /// Tracked faults moved our priority. Backups see an Active's new one at once; a Backup's timer keeps its
    /// start and gets another end.
    pub(super) fn penalty_changes(&mut self, context: &mut Context<'_>, penalty: u16) {
        let before = self.priority();
        self.penalty = penalty;
        let after = self.priority();
        if before == after {
            return;
        }
        let text = format!("{before} becomes {after}: tracked faults take {penalty}");
        context.note(Note::Remark { name: "priority", about: None, text });
        self.speaks_up(context);
    }

    /// An Active's advertisement out of turn.
    fn speaks_up(&mut self, context: &mut Context<'_>) {
        if matches!(self.state, State::Active(_)) {
            self.advertise(context, self.priority());
            self.was_sent(context.now);
            if self.guard.ages() {
                self.leave_will(context);
            }
        }
    }

    pub(super) fn is_commanded(&mut self, context: &mut Context<'_>, command: Command) {
        let active = matches!(self.state, State::Active(_));
        match command {
            Command::HandOver if active => self.leaves(context, Purpose::HandOver),
            Command::Announce if active => self.announce(context),
            Command::HandOver | Command::Announce | Command::TakeOver | Command::Ready => {
                let text = format!("nothing to do while {}", self.state.name());
                context.note(Note::Remark { name: "command-ignored", about: None, text });
            }
        }
    }

    /// Answers with the virtual MAC for what is held. RFC 9568 §8.1.2, §8.2.2.
    pub(super) fn is_solicited(&mut self, context: &mut Context<'_>, solicitation: &Solicitation) {
        if let (true, Some(mac)) =
            (self.held.addresses.contains_key(&solicitation.target), self.config.virtual_mac)
        {
            context.ask(Action::Answer(mac));
        }
    }
}
