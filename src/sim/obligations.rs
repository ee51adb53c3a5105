//! What whoever holds a role owes, in every protocol: to hold what the role calls for, to leave a last will, and to tell
//! the hosts as soon as their frames are taken.

use super::invariant::{Breach, Invariant};
use super::rules::Turn;
use crate::engine::{Effect, GroupIndex};

/// What one member owes.
#[derive(Debug, Default)]
pub struct Obligations {
    has_will: bool,
    /// What it wants to hold is not in place yet.
    waits: bool,
    owes_announcement: bool,
    /// It has to ask for its hold, or leave its last will, once more in this turn.
    owes_hold: bool,
    owes_will: bool,
}

impl Obligations {
    /// It has taken the role.
    pub fn takes_the_role(&mut self) {
        self.owes_announcement = true;
    }

    /// Hosts must be told: at once, or as soon as what it wants to hold is in place.
    pub fn owes_announcement(&mut self) {
        self.owes_announcement = true;
    }

    /// What it held has lapsed, or is not what it has to hold any more: it asks again in this turn.
    pub fn holds_again(&mut self) {
        self.owes_hold = true;
    }

    /// What would be said on its behalf is not so any more: it says in this turn what is.
    pub fn leaves_will_again(&mut self) {
        self.owes_will = true;
    }

    /// The role is gone.
    pub fn releases(&mut self) {
        self.owes_announcement = false;
        self.owes_hold = false;
        self.owes_will = false;
    }

    /// Whether hosts are still to be told.
    pub fn owes(&self) -> bool {
        self.owes_announcement
    }

    /// Whether the kernel has not answered the latest wish yet.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// The kernel has answered the latest wish.
    pub fn granted(&mut self, granted: bool) {
        self.waits = false;
        self.owes_announcement &= granted;
    }

    /// Something that the group asked for.
    pub fn absorb(&mut self, effect: &Effect, index: GroupIndex) {
        match effect {
            Effect::Announce { group, .. } if *group == index => self.owes_announcement = false,
            Effect::Hold(wish) if wish.group == index => {
                self.waits = true;
                self.owes_hold = false;
            }
            Effect::LastWill { group, datagrams, .. } if *group == index => {
                self.has_will = !datagrams.is_empty();
                self.owes_will = false;
            }
            Effect::Announce { .. }
            | Effect::Hold(_)
            | Effect::LastWill { .. }
            | Effect::Send { .. }
            | Effect::Note { .. } => {}
        }
    }

    /// The turn is over, and the member has the role or not.
    ///
    /// # Errors
    /// What it still owes.
    pub fn check(&self, turn: &Turn<'_>, has_role: bool, state: &str) -> Result<(), Breach> {
        let broken = |what: String| Err(Breach::new(Invariant::Obligations, what));
        if turn.holds != has_role {
            let what = if has_role { "holds nothing" } else { "holds something" };
            return broken(format!("{what} while {state}"));
        }
        if self.has_will != has_role {
            let what = if has_role { "leaves no last will" } else { "leaves a last will" };
            return broken(format!("{what} while {state}"));
        }
        if has_role && self.owes_hold {
            return broken("does not ask again for what it has to hold".to_owned());
        }
        if has_role && self.owes_will {
            return broken("has a last will that is not so any more".to_owned());
        }
        if has_role && self.owes_announcement && !self.waits {
            return broken("does not announce what it holds".to_owned());
        }
        Ok(())
    }
}
