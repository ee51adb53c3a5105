//! A changed configuration: state and roles survive wherever the peers can follow.

use std::any::Any;

use fhrp::{Context, Note};

use super::{GatewayGroup, State};
use crate::auth::Guard;
use crate::config::Config;
use crate::neighbours::Neighbours;

impl GatewayGroup {
    /// What can change under way does; another group is stopped and started anew.
    pub(super) fn reconfigures(&mut self, context: &mut Context<'_>, config: &dyn Any) {
        let Some(new) = config.downcast_ref::<Config>() else {
            let text = "the new configuration is not one of GLBP; it is ignored".to_owned();
            return context.note(Note::Remark { name: "reconfiguration-refused", about: None, text });
        };
        if *new == self.config {
            return;
        }
        // It leaves as who it was.
        if matches!(self.state, State::Leaving(_)) {
            return;
        }
        if matches!(self.state, State::Disabled) {
            self.guard = Guard::new(&new.authentication);
            self.config = new.clone();
            return;
        }
        if (self.config.family, self.config.group) != (new.family, new.group) {
            return self.starts_anew(context, new.clone());
        }
        let old = std::mem::replace(&mut self.config, new.clone());
        self.clients.keeps(self.config.client_cache, context.now);
        self.weighs();
        if old.authentication != self.config.authentication {
            self.guard = Guard::new(&self.config.authentication);
            self.begins_nonces(context);
        }
        if !self.config.addresses.is_empty() {
            self.learnt_address = None;
        } else if self.learnt_address.is_none() {
            // What it had is the group's address for as long as nobody says otherwise.
            self.learnt_address = old.addresses.first().copied().filter(|_| self.state.runs());
        }
        self.reconsiders(context, "reconfigured");
        if !self.state.runs() {
            return;
        }
        self.source = self.choose_source().or(self.source);
        self.weighs_anew(context.now);
        self.judges_preemption(context.now);
        let advertising = old.router_advertisement != self.config.router_advertisement;
        self.hold(context);
        if advertising || old.addresses != self.config.addresses {
            self.advertises_router(context);
        }
        self.hastens_hello(context.now);
        self.leaves_will(context);
    }

    fn starts_anew(&mut self, context: &mut Context<'_>, new: Config) {
        if self.state.runs() {
            self.says_goodbye(context);
            let transition =
                self.enter(context.now, State::Initial, "reconfigured as another group".to_owned());
            self.releases(context);
            self.note(context, transition);
        }
        self.alarms.end(context, None, "reconfigured as another group");
        self.neighbours = Neighbours::default();
        self.forgets_members();
        self.forwarders.clear();
        self.learnt_times = None;
        self.learnt_retirement = None;
        self.refusal = None;
        self.guard = Guard::new(&new.authentication);
        self.config = new;
        self.begins_nonces(context);
        self.weighs();
        self.reconsiders(context, "reconfigured");
    }
}
