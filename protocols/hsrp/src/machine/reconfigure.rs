//! A changed configuration: state and role survive wherever the peers can follow. Events m and n, which are Cisco's.

use std::any::Any;

use fhrp::{Context, Note, Purpose};

use super::speak::When;
use super::{StandbyGroup, State};
use crate::auth::Guard;
use crate::config::Config;
use crate::neighbours::Neighbours;
use crate::wire::{Operation, State as Said};

impl StandbyGroup {
    /// What can change under way does; another group is stopped and started anew.
    pub(super) fn reconfigures(&mut self, context: &mut Context<'_>, config: &dyn Any) {
        let Some(new) = config.downcast_ref::<Config>() else {
            let text = "the new configuration is not one of HSRP; it is ignored".to_owned();
            return context.note(Note::Remark { name: "reconfiguration-refused", about: None, text });
        };
        if *new == self.config {
            return;
        }
        if matches!(&self.state, State::Leaving(leaving) if leaving.purpose == Purpose::Stop) {
            self.config = new.clone();
            return;
        }
        if (self.config.version, self.config.family, self.config.group)
            != (new.version, new.family, new.group)
        {
            return self.starts_anew(context, new.clone());
        }
        if new.authentication != self.config.authentication {
            self.guard = Guard::new(&new.authentication);
        }
        let old = std::mem::replace(&mut self.config, new.clone());
        if !self.config.addresses.is_empty() {
            self.learnt_address = None;
        }
        self.reconsiders(context, "a: reconfigured");
        self.source = self.choose_source().or(self.source);
        match &self.state {
            State::Initial | State::Leaving(_) => {}
            State::Learn => self.is_told_its_address(context),
            State::Listen(_) | State::Speak(_) | State::Standby(_) => self.must_learn_its_address(context),
            State::Active(_) => self.active_is_reconfigured(context, &old),
        }
        self.abandons_countdown();
    }

    /// Event n in Learn.
    fn is_told_its_address(&mut self, context: &mut Context<'_>) {
        if let Some(address) = self.address() {
            self.listens(context, context.now, format!("n: the virtual address is {}", address.ip));
        }
    }

    /// The address was taken from the configuration. RFC 2281 §5.3: without one there is only Learn.
    fn must_learn_its_address(&mut self, context: &mut Context<'_>) {
        if self.address().is_none() {
            let reason = "n: the address is to be learnt".to_owned();
            let transition = self.enter(context.now, State::Learn, reason);
            self.active = None;
            self.standby = None;
            context.note(transition);
        }
    }

    /// Events m and n in Active.
    fn active_is_reconfigured(&mut self, context: &mut Context<'_>, old: &Config) {
        if self.address().is_none() {
            // What it held is its address for as long as nobody says otherwise.
            self.learnt_address = old.addresses.first().copied();
        }
        let new = &self.config;
        let rescheduled = new.announcements != old.announcements;
        let moved = new.virtual_mac != old.virtual_mac || new.addresses != old.addresses;
        let said_otherwise = moved
            || new.priority != old.priority
            || new.times != old.times
            || new.source != old.source
            || new.authentication != old.authentication;
        if self.holdings() != self.held {
            self.hold(context);
        }
        if said_otherwise {
            self.says(context, When::Now, Operation::Hello, Said::Active);
            self.leaves_will(context);
            let hello_at = context.now + self.pause(context);
            if let State::Active(active) = &mut self.state {
                active.hello_at = hello_at;
                active.sent_at = context.now;
            }
        }
        if moved {
            self.announce(context);
        }
        if moved || rescheduled {
            self.announcer.start(context.now, &self.config.announcements);
        }
    }

    fn starts_anew(&mut self, context: &mut Context<'_>, new: Config) {
        let held = self.state.holds();
        if matches!(self.state, State::Active(_)) {
            self.says(context, When::Now, Operation::Resign, Said::Initial);
        }
        if self.is_running() {
            let transition =
                self.enter(context.now, State::Initial, "b: reconfigured as another group".to_owned());
            if held {
                self.release(context);
            }
            context.note(transition);
        }
        self.alarms.end(context, None, "reconfigured as another group");
        self.neighbours = Neighbours::default();
        self.forgets_members();
        self.learnt_times = None;
        self.refusal = None;
        self.guard = Guard::new(&new.authentication);
        self.config = new;
        self.reconsiders(context, "a: reconfigured");
    }
}
