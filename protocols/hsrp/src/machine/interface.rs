//! What is said for all groups of the interface: whether any of them is active here. Routers that redirect hosts ask
//! for it; no group's state depends on it.
//!
//! It is said when it changes, when a new active router is heard, and every half minute while no group is active here;
//! then by one group for all.

use std::time::Duration;

use fhrp::{Context, Instant};

use super::speak::When;
use super::{StandbyGroup, State};
use crate::counters::Count;
use crate::wire::{InterfaceMessage, Role};

/// How often it is repeated while nothing is active.
const PERIOD: Duration = Duration::from_secs(30);

/// The least time between two that were called for by others.
const PAUSE: Duration = Duration::from_secs(1);

impl StandbyGroup {
    /// This group's part in it has just changed, or is about to be told.
    pub(super) fn says_interface(&mut self, context: &mut Context<'_>, when: When) {
        if context.siblings.holding == 0 {
            let (active, passive) = (u16::from(self.state.holds()), u16::from(!self.state.holds()));
            self.says_of_interface(
                context,
                when,
                active,
                passive.saturating_add(context.siblings.standing_by),
            );
        }
        self.schedules_interface(context);
    }

    /// This group begins; if it is the first, so does the interface.
    pub(super) fn says_interface_begins(&mut self, context: &mut Context<'_>) {
        if context.siblings.holding == 0 && context.siblings.standing_by == 0 {
            self.says_interface(context, When::Now);
        } else {
            self.schedules_interface(context);
        }
    }

    /// This group is about to end: the others are what is left, or nothing.
    pub(super) fn says_goodbye_of_interface(&mut self, context: &mut Context<'_>) {
        let (active, passive) = (context.siblings.holding, context.siblings.standing_by);
        if active == 0 {
            self.says_of_interface(context, When::Now, active, passive);
        }
        self.interface_state_at = None;
    }

    /// A new active router was heard: at the end of this turn, whoever speaks for all says what it is. Two that take
    /// turns, or a forger, do not have it said at the rate of their choice.
    pub(super) fn tells_of_new_active(&mut self, context: &Context<'_>) {
        if self.config.interface_state {
            let earliest = self.interface_said.map_or(context.now, |said| said + PAUSE);
            self.interface_state_at = Some(context.now.max(earliest));
        }
    }

    /// The period is over, or something made it so.
    pub(super) fn says_interface_again(&mut self, context: &mut Context<'_>) {
        if self.interface_state_at.is_none_or(|at| at > context.now) {
            return;
        }
        let passive = !self.state.holds() && context.siblings.first;
        if passive {
            self.says_interface(context, When::Now);
        } else {
            self.schedules_interface(context);
        }
    }

    fn says_of_interface(&mut self, context: &mut Context<'_>, when: When, active: u16, passive: u16) {
        if !self.config.interface_state {
            return;
        }
        let role = Role::from_groups(active, passive);
        let message = InterfaceMessage { version: self.config.version, role, active, passive };
        self.says_message(context, when, &message);
        self.interface_said = Some(context.now);
        self.counters.bump(Count::InterfaceStatesSent);
    }

    /// It is said again after a period, unless this group is active by then.
    fn schedules_interface(&mut self, context: &mut Context<'_>) {
        let passive = !self.state.holds() && !matches!(self.state, State::Initial);
        let at: Option<Instant> = (self.config.interface_state && passive)
            .then(|| context.now + PERIOD - self.early(context, PERIOD));
        self.interface_state_at = at;
    }
}
