//! What is said for all groups of the interface: whether any of them is active here. Routers that redirect hosts ask
//! for it; no group's state depends on it.
//!
//! It is said when it changes, when a new active router is heard, and every half minute while no group is active here.

use std::time::Duration;

use fhrp::{Context, Instant, Siblings};

use super::speak::When;
use super::{StandbyGroup, State};
use crate::counters::Count;
use crate::wire::{InterfaceMessage, Role};

/// How often it is repeated while nothing is active.
const PERIOD: Duration = Duration::from_secs(30);

impl StandbyGroup {
    /// This group's part in it has just changed, or is about to be told.
    pub(super) fn says_interface(&mut self, context: &mut Context<'_>, when: When) {
        if self.siblings.holding == 0 {
            let (active, passive) = (u16::from(self.state.holds()), u16::from(!self.state.holds()));
            self.says_of_interface(context, when, active, passive.saturating_add(self.siblings.standing_by));
        }
    }

    /// Other groups came or went or changed their roles. Whoever speaks for all now has it repeated.
    pub(super) fn siblings_change(&mut self, context: &mut Context<'_>, siblings: Siblings) {
        self.siblings = siblings;
        if self.interface_state_at.is_none() || !siblings.first {
            self.interface_state_at = self.next_interface_state(context);
        }
    }

    /// The first group of the interface begins.
    pub(super) fn says_interface_begins(&mut self, context: &mut Context<'_>) {
        if self.siblings.holding == 0 && self.siblings.standing_by == 0 {
            self.says_interface(context, When::Now);
        } else {
            self.interface_state_at = self.next_interface_state(context);
        }
    }

    /// This group is about to end: the others are what is left, or nothing.
    pub(super) fn says_goodbye_of_interface(&mut self, context: &mut Context<'_>) {
        let (active, passive) = (self.siblings.holding, self.siblings.standing_by);
        if active == 0 {
            self.says_of_interface(context, When::Now, active, passive);
        }
        self.interface_state_at = None;
    }

    /// A new active router was heard: at the end of this turn, if we are passive.
    pub(super) fn tells_of_new_active(&mut self, context: &Context<'_>) {
        if self.config.interface_state && self.siblings.holding == 0 {
            self.interface_state_at = Some(context.now);
        }
    }

    /// The period is over, or something made it so.
    pub(super) fn says_interface_again(&mut self, context: &mut Context<'_>) {
        if self.interface_state_at.is_none_or(|at| at > context.now) {
            return;
        }
        self.interface_state_at = None;
        if !self.state.holds() {
            self.says_interface(context, When::Now);
        }
    }

    fn says_of_interface(&mut self, context: &mut Context<'_>, when: When, active: u16, passive: u16) {
        if !self.config.interface_state {
            return;
        }
        let role = Role::from_groups(active, passive);
        let message = InterfaceMessage { version: self.config.version, role, active, passive };
        self.says_message(context, when, &message);
        self.counters.bump(Count::InterfaceStatesSent);
        self.interface_state_at = self.next_interface_state(context);
    }

    /// When it is repeated: while nothing is active, by the one group that speaks for all.
    fn next_interface_state(&self, context: &mut Context<'_>) -> Option<Instant> {
        let passive =
            !self.state.holds() && !matches!(self.state, State::Initial) && self.siblings.holding == 0;
        let repeats = self.config.interface_state && passive && self.siblings.first;
        repeats.then(|| context.now + PERIOD - self.early(context, PERIOD))
    }
}
