//! A changed configuration: state and role survive wherever the peers can follow. None of this is in an RFC.

use std::any::Any;

use fhrp::{Context, Note, Purpose};

use super::{State, VirtualRouter};
use crate::config::{Config, Versions};
use crate::neighbours::Neighbours;

impl VirtualRouter {
    /// A changed configuration. What can change under way does; for another identity we stop and start anew.
    pub(super) fn reconfigures(&mut self, context: &mut Context<'_>, config: &dyn Any) {
        let Some(new) = config.downcast_ref::<Config>() else {
            let text = "the new configuration is not one of VRRP; it is ignored".to_owned();
            return context.note(Note::Remark { name: "reconfiguration-refused", about: None, text });
        };
        if *new == self.config {
            return;
        }
        if matches!(&self.state, State::Leaving(leaving) if leaving.purpose == Purpose::Stop) {
            self.config = new.clone();
            return;
        }
        if new.authentication != self.config.authentication {
            self.guard.reconfigure(&new.authentication);
        }
        if is_another(&self.config, new) {
            return self.starts_anew(context, new.clone());
        }
        let was_owner = self.is_owner();
        let old = std::mem::replace(&mut self.config, new.clone());
        self.reconsiders(context, "reconfigured");
        match &mut self.state {
            State::Initialize | State::Leaving(_) => {}
            State::Backup(backup) => {
                if self.config.versions == Versions::V2
                    && !self.config.learn_interval
                    && old.advertise_interval != self.config.advertise_interval
                {
                    backup.interval = self.config.advertise_interval;
                }
                self.source = self.choose_source();
                if self.is_owner() && !was_owner && self.startup_until.is_none_or(|end| end <= context.now) {
                    let reason = "reconfigured; owner of the addresses".to_owned();
                    self.become_active(context, None, reason);
                }
            }
            State::Active(_) => self.active_reconfigured(context, &old),
        }
    }

    fn active_reconfigured(&mut self, context: &mut Context<'_>, old: &Config) {
        let new = &self.config;
        let (interval, rescheduled) = (new.advertise_interval, new.announcements != old.announcements);
        let readdressed = new.addresses != old.addresses || new.excluded != old.excluded;
        let said_otherwise = new.addresses != old.addresses
            || new.priority != old.priority
            || new.source != old.source
            || new.peers != old.peers
            || new.authentication != old.authentication
            || new.send_checksum != old.send_checksum
            || interval != old.advertise_interval;
        self.source = self.choose_source().or(self.source);
        if said_otherwise {
            self.advertise(context, self.priority());
            self.was_sent(context.now);
        }
        if let State::Active(active) = &mut self.state
            && interval != old.advertise_interval
        {
            active.restart(context.now, interval);
        }
        if self.holdings() != self.held {
            self.hold(context);
        }
        if said_otherwise {
            self.leave_will(context);
        }
        if readdressed {
            self.announce(context);
        }
        if readdressed || rescheduled {
            self.announcer.start(context.now, &self.config.announcements);
        }
    }

    fn starts_anew(&mut self, context: &mut Context<'_>, new: Config) {
        let held = !matches!(self.state, State::Initialize | State::Backup(_));
        if matches!(self.state, State::Active(_)) {
            self.advertise(context, 0);
        }
        if !matches!(self.state, State::Initialize) {
            let reason = "reconfigured as another virtual router".to_owned();
            let transition = self.enter(context.now, State::Initialize, reason);
            if held {
                self.release(context);
            }
            context.note(transition);
        }
        self.alarms.end(context, None, "reconfigured as another virtual router");
        self.neighbours = Neighbours::default();
        self.heard_checksum = None;
        self.refusal = None;
        self.config = new;
        self.reconsiders(context, "reconfigured");
    }
}

/// Whether peers would take the two for different virtual routers, or hosts for different gateways.
fn is_another(old: &Config, new: &Config) -> bool {
    (old.vrid, old.family, old.versions, old.virtual_mac)
        != (new.vrid, new.family, new.versions, new.virtual_mac)
}
