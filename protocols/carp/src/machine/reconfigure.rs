//! A changed configuration: state and role survive wherever the peers can follow. The kernels begin anew when an address
//! is added, without a master until their timers are out.

use std::any::Any;

use fhrp::{Context, Note, Purpose};

use super::{State, VirtualHost, guard};
use crate::config::Config;
use crate::neighbours::Neighbours;

impl VirtualHost {
    /// What can change under way does; for another identity we stop and start anew.
    pub(super) fn reconfigures(&mut self, context: &mut Context<'_>, config: &dyn Any) {
        let Some(new) = config.downcast_ref::<Config>() else {
            let text = "the new configuration is not one of CARP; it is ignored".to_owned();
            return context.note(Note::Remark { name: "reconfiguration-refused", about: None, text });
        };
        if *new == self.config {
            return;
        }
        if matches!(&self.state, State::Leaving(leaving) if leaving.purpose == Purpose::Stop) {
            self.config = new.clone();
            return;
        }
        self.changes_guard(context, new);
        if is_another(&self.config, new) {
            return self.starts_anew(context, new.clone());
        }
        let old = std::mem::replace(&mut self.config, new.clone());
        self.reconsiders(context, "reconfigured");
        match &mut self.state {
            State::Init | State::Leaving(_) => {}
            State::Backup(_) => {
                self.sources = self.choose_sources();
                self.listens_in_other_families(context);
            }
            State::Master(_) => self.master_is_reconfigured(context, &old),
        }
    }

    /// What we send is the new one from now on; what is heard may be of before for a while, for nobody can change two
    /// routers in one moment.
    fn changes_guard(&mut self, context: &Context<'_>, new: &Config) {
        let covers_the_same = new.password == self.config.password
            && new.vhid == self.config.vhid
            && new.link_local == self.config.link_local
            && new.addresses.iter().map(|address| address.ip).eq(self
                .config
                .addresses
                .iter()
                .map(|it| it.ip));
        if !covers_the_same {
            let old = std::mem::replace(&mut self.guard, guard(new));
            self.former = Some((old, context.now + new.grace)).filter(|_| !new.grace.is_zero());
        }
    }

    fn listens_in_other_families(&mut self, context: &Context<'_>) {
        let families: Vec<_> = self.config.families().collect();
        let State::Backup(backup) = &mut self.state else { return };
        let known = |family| backup.silent_since.iter().find(|(known, _)| *known == family);
        let latest = backup.silent_since.iter().map(|(_, since)| *since).max().unwrap_or(context.now);
        backup.silent_since = families
            .iter()
            .map(|family| (*family, known(*family).map_or(latest, |(_, since)| *since)))
            .collect();
        // What was decided was decided with other settings; the next advertisement decides anew.
        backup.claim = None;
    }

    fn master_is_reconfigured(&mut self, context: &mut Context<'_>, old: &Config) {
        let new = &self.config;
        let rescheduled = new.announcements != old.announcements;
        let readdressed = new.addresses != old.addresses;
        let paced = new.interval != old.interval || new.demotion != old.demotion;
        let said_otherwise = paced
            || readdressed
            || new.password != old.password
            || new.link_local != old.link_local
            || new.sources != old.sources
            || new.destination != old.destination
            || new.broadcast != old.broadcast
            || new.counting != old.counting;
        let sources = self.choose_sources();
        if !sources.is_empty() {
            self.sources = sources;
        }
        if said_otherwise {
            self.advertise(context);
            let interval = self.claim().interval.length();
            if let State::Master(master) = &mut self.state {
                match paced {
                    true => master.restarts(context.now, interval),
                    false => master.was_sent(context.now),
                }
            }
        }
        if self.holdings() != self.held {
            self.hold(context);
        }
        if said_otherwise {
            self.leaves_will(context);
        }
        if readdressed {
            self.announce(context);
        }
        if readdressed || rescheduled {
            self.announcer.start(context.now, &self.config.announcements);
        }
    }

    fn starts_anew(&mut self, context: &mut Context<'_>, new: Config) {
        let held = self.state.holds();
        if matches!(self.state, State::Master(_)) {
            self.says_goodbye(context);
        }
        if !matches!(self.state, State::Init) {
            let reason = "reconfigured as another virtual host".to_owned();
            let transition = self.enter(context.now, State::Init, reason);
            if held {
                self.release(context);
            }
            context.note(transition);
        }
        self.alarms.end(context, None, "reconfigured as another virtual host");
        self.neighbours = Neighbours::default();
        self.refusal = None;
        self.former = None;
        self.config = new;
        self.reconsiders(context, "reconfigured");
    }
}

/// Whether peers would take the two for different virtual hosts, or hosts for different gateways.
fn is_another(old: &Config, new: &Config) -> bool {
    let identity = |it: &Config| (it.vhid, it.virtual_mac, it.addresses_by_hook, it.balancing);
    identity(old) != identity(new)
}
