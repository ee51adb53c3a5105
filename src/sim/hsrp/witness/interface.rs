//! What is said of the interface: that it is active, passive or without groups. Cisco; no group's state depends on it.

use std::time::Duration;

use ::hsrp::wire::{GroupMessage, InterfaceMessage, Operation, Role, State as Said};
use fhrp::Instant;

use super::compare::broken;
use super::{State, Witness};
use crate::sim::invariant::{Breach, Invariant};
use crate::sim::rules::{Step, Turn};

/// How often an interface that is not active says so.
const PERIOD: Duration = Duration::from_secs(30);
/// The least time between two messages that were called for by others.
const PAUSE: Duration = Duration::from_secs(1);

/// What an interface was last said to be, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interface {
    active: Option<bool>,
    at: Instant,
    /// By when it has to be said again, for a new active router was heard.
    owes_news: Option<Instant>,
    /// Its only group was stopped, and it must be said in this turn that it has none.
    owes_goodbye: bool,
}

impl Interface {
    /// Nothing was said yet.
    pub(super) const UNSAID: Interface =
        Interface { active: None, at: Instant::ZERO, owes_news: None, owes_goodbye: false };

    /// A new active router wants to know what others are.
    pub(super) fn owes_news(&mut self, now: Instant) {
        self.owes_news = Some(now.max(self.at + PAUSE));
    }

    /// The group ends for good.
    pub(super) fn owes_goodbye(&mut self) {
        self.owes_goodbye = true;
    }
}

impl Witness {
    /// An active router's interface is said to be active before the router says that it is.
    pub(super) fn judge_order(&self, message: &GroupMessage) -> Result<(), Breach> {
        let claims = message.operation == Operation::Hello && message.state == Said::Active;
        let speaks_for_one = self.setup.interface_state && !self.has_siblings;
        match claims && speaks_for_one && self.interface.active != Some(true) {
            true => broken(Invariant::Truthful, "is active, and its interface was last said not to be"),
            false => Ok(()),
        }
    }

    pub(super) fn interface_said(
        &mut self,
        step: &Step<'_>,
        message: &InterfaceMessage,
    ) -> Result<(), Breach> {
        let InterfaceMessage { role, active, passive, .. } = *message;
        if !self.setup.interface_state {
            return broken(Invariant::Truthful, "says what its interface is, and should not");
        }
        let most = 1 + u16::from(self.has_siblings);
        let expected = match (active, passive) {
            (0, 0) => Role::Dormant,
            (0, _) => Role::Passive,
            (_, _) => Role::Active,
        };
        if active + passive > most || role != expected {
            let what = format!("says that {active} groups are active and {passive} are not: {role:?}");
            return broken(Invariant::Truthful, what);
        }
        let own = match (self.state, self.leaving) {
            (State::Active, None) => (1, 0),
            (State::Learn | State::Listen | State::Speak | State::Standby, _) => (0, 1),
            (State::Active, Some(_)) | (State::Initial, _) => (0, 0),
        };
        // Its period may be over in the turn in which the group becomes active, and comes first.
        let before = self.foreseen.changes.are_none() || (active, passive) != (0, 1);
        if !self.has_siblings && own != (active, passive) && before && !self.foreseen.claims {
            let what = format!("says {active} and {passive} of its one group while {}", self.state_name());
            return broken(Invariant::Truthful, what);
        }
        self.interface.active = (active + passive > 0).then_some(active > 0);
        self.interface.at = step.now;
        self.interface.owes_news = None;
        Ok(())
    }

    /// What an interface is said to be is so, and is said often enough while nothing on it is active. Cisco.
    pub(super) fn check_interface(&mut self, turn: &Turn<'_>) -> Result<(), Breach> {
        if !self.setup.interface_state || self.has_siblings {
            return Ok(());
        }
        let said = self.interface.active;
        if std::mem::take(&mut self.interface.owes_goodbye) && said.is_some() {
            return broken(
                Invariant::Truthful,
                "was stopped, and its interface was not said to be without groups",
            );
        }
        if matches!(self.state, State::Initial | State::Active) {
            self.interface.owes_news = None;
        }
        if self.interface.owes_news.is_some_and(|by| by <= turn.now) {
            return broken(
                Invariant::Cadence,
                "hears a new active router, and does not say what its interface is",
            );
        }
        let silent = turn.now.since(self.interface.at);
        match self.state {
            State::Initial => Ok(()),
            State::Active if !self.claim_waits && self.leaving.is_none() && said != Some(true) => {
                broken(Invariant::Truthful, "is active, and its interface was last said not to be")
            }
            State::Active => Ok(()),
            State::Learn | State::Listen | State::Speak | State::Standby if said != Some(false) => {
                broken(Invariant::Truthful, "is not active, and its interface was not said to be passive")
            }
            State::Learn | State::Listen | State::Speak | State::Standby if silent > PERIOD => {
                broken(Invariant::Cadence, format!("says nothing of its interface for {silent:?}"))
            }
            State::Learn | State::Listen | State::Speak | State::Standby => Ok(()),
        }
    }
}
