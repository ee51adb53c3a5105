//! What happens to a virtual host from outside the protocol: start and stop, its interface, demotion, operators, the
//! kernel's answers.

use std::time::Duration;

use fhrp::faults::{Fault, in_words};
use fhrp::time::spell;
use fhrp::{Action, Command, Context, HoldFault, Instant, Link, Note, Purpose, Solicitation};

use super::{Served, State, VirtualHost};
use crate::config::Counting;
use crate::counters::Count;
use crate::seal::Stamps;

impl VirtualHost {
    /// Leaves INIT as soon as nothing is in the way.
    pub(super) fn starts(&mut self, context: &mut Context<'_>) {
        if self.started {
            return;
        }
        self.started = true;
        self.stamps = Stamps::begin(context.wall);
        self.reconsiders(context, "initialization complete");
    }

    pub(super) fn stops(&mut self, context: &mut Context<'_>) {
        self.refusal = None;
        match &mut self.state {
            State::Master(_) => self.leaves(context, Purpose::Stop),
            State::Leaving(leaving) => leaving.purpose = Purpose::Stop,
            State::Backup(_) => {
                self.started = false;
                self.alarms.end(context, None, "stopped");
                let transition = self.enter(context.now, State::Init, "stopped".to_owned());
                context.note(transition);
            }
            State::Init => {
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
            Some(before) if !before.up && link.up => format!("hardware interface up: {}", link.name),
            Some(_) | None => format!("{} is ready", link.name),
        };
        let ran = !matches!(self.state, State::Init);
        self.reconsiders(context, &why);
        let other_mac = before.is_some_and(|before| before.mac != link.mac);
        if ran {
            self.follows_link(context, other_mac && self.config.virtual_mac.is_none());
        }
    }

    /// Another source, or another MAC.
    fn follows_link(&mut self, context: &mut Context<'_>, other_mac: bool) {
        let sources = self.choose_sources();
        let moved = sources != self.sources && !sources.is_empty();
        if moved {
            self.sources = sources;
        }
        if !matches!(self.state, State::Master(_)) {
            return;
        }
        if moved || other_mac {
            self.advertise(context);
            self.was_sent(context.now);
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

    fn was_sent(&mut self, now: Instant) {
        if let State::Master(master) = &mut self.state {
            master.was_sent(now);
        }
    }

    /// Runs if nothing is in the way, and stops with a named cause if something is.
    pub(super) fn reconsiders(&mut self, context: &mut Context<'_>, why: &str) {
        if !self.started {
            return;
        }
        let faults = self.faults();
        match (&self.state, faults.is_empty()) {
            (State::Init, true) => self.begins(context, why),
            (State::Init, false) => {
                let cause = in_words(&faults);
                if cause != self.reason {
                    self.reason.clone_from(&cause);
                    context.note(Note::Remark { name: "waiting", about: None, text: cause });
                }
            }
            (State::Backup(_) | State::Master(_) | State::Leaving(_), true) => {}
            (State::Backup(_) | State::Master(_) | State::Leaving(_), false) => self.fails(context, &faults),
        }
    }

    /// Never straight to MASTER: somebody may be there.
    fn begins(&mut self, context: &mut Context<'_>, why: &str) {
        self.sources = self.choose_sources();
        self.refusal = None;
        let backup = self.listening(context.now);
        let transition = self.enter(context.now, State::Backup(backup), why.to_owned());
        context.note(transition);
    }

    fn fails(&mut self, context: &mut Context<'_>, faults: &[Fault]) {
        let up = self.link.as_ref().is_some_and(|link| link.up);
        if matches!(self.state, State::Master(_)) && up {
            // The address may be gone, but not yet from our memory, and the frame is ours to write.
            self.says_goodbye(context);
        }
        if matches!(&self.state, State::Leaving(leaving) if leaving.purpose == Purpose::Stop) {
            return self.finishes(context, format!("stopped; {}", in_words(faults)));
        }
        let held = self.state.holds();
        let reason = match faults {
            [Fault::LinkDown(link)] => format!("hardware interface down: {link}"),
            faults => in_words(faults),
        };
        let transition = self.enter(context.now, State::Init, reason);
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

    pub(super) fn init_ticks(&mut self, context: &mut Context<'_>) {
        if self.retry_at().is_none_or(|at| at > context.now) {
            return;
        }
        self.refusal = None;
        self.reconsiders(context, "what was refused is tried again");
    }

    /// The kernel granted what we hold now.
    pub(super) fn was_granted(&mut self) {
        if matches!(self.state, State::Master(_)) {
            self.backoff.granted();
        }
    }

    /// Advertising what one does not hold is a black hole.
    pub(super) fn was_refused(&mut self, context: &mut Context<'_>, fault: &HoldFault) {
        self.counters.bump(Count::HoldFaults);
        if !self.state.holds() {
            let text = fault.to_string();
            return context.note(Note::Remark { name: "release-refused", about: None, text });
        }
        self.refusal = Some(self.backoff.refused(context.now, fault.clone()));
        self.fails(context, &[Fault::Refused(fault.clone())]);
    }

    /// What we held was withdrawn while we were away, or faster than it could be put back.
    pub(super) fn lapses(&mut self, context: &mut Context<'_>, away: Duration) {
        match &self.state {
            State::Init | State::Backup(_) => {}
            State::Master(_) => self.master_stalled(context, away),
            State::Leaving(leaving) => match leaving.purpose {
                Purpose::Stop => self.finishes(context, format!("stopped; away for {}", spell(away))),
                Purpose::HandOver => {
                    let mut backup = self.listening(context.now);
                    backup.suspended = true;
                    let reason = format!("user requested: handed over; away for {}", spell(away));
                    let transition = self.enter(context.now, State::Backup(backup), reason);
                    self.release(context);
                    context.note(transition);
                }
            },
        }
    }

    /// Demotion, raised or taken back: a master says so at once. A backup's patience keeps its beginning and gets another
    /// end, and what it was about to do, it decides anew.
    pub(super) fn penalty_changes(&mut self, context: &mut Context<'_>, penalty: u16) {
        if penalty == self.penalty {
            return;
        }
        let before = self.penalty;
        self.penalty = penalty;
        let text = format!("demotion: {before} becomes {penalty}");
        context.note(Note::Remark { name: "demotion", about: None, text });
        let interval = self.claim().interval.length();
        match &mut self.state {
            State::Init | State::Leaving(_) => {}
            State::Backup(backup) => backup.claim = None,
            State::Master(master) => {
                master.restarts(context.now, interval);
                self.speaks_up(context);
                if self.holdings() != self.held {
                    self.hold(context);
                }
                // A goodbye carries the demotion, too.
                if self.config.counting == Counting::Cookie {
                    self.leaves_will(context);
                }
            }
        }
    }

    pub(super) fn is_commanded(&mut self, context: &mut Context<'_>, command: Command) {
        match (command, &self.state) {
            (Command::HandOver, State::Master(_)) => self.leaves(context, Purpose::HandOver),
            (Command::Announce, State::Master(_)) => self.announce(context),
            (Command::TakeOver, State::Backup(backup)) => {
                let served = backup.master.map_or(Served::No, |(master, _)| Served::By(master));
                self.becomes_master(context, served, "user requested".to_owned());
            }
            (Command::HandOver | Command::Announce | Command::TakeOver | Command::Ready, _) => {
                let text = format!("nothing to do while {}", self.state.name());
                context.note(Note::Remark { name: "command-ignored", about: None, text });
            }
        }
    }

    /// Answers with the virtual MAC for what is held.
    pub(super) fn is_solicited(&mut self, context: &mut Context<'_>, solicitation: &Solicitation) {
        if let (true, Some(mac)) =
            (self.held.addresses.contains_key(&solicitation.target), self.config.virtual_mac)
        {
            context.ask(Action::Answer(mac));
        }
    }
}
