//! What is wrong with a router beside what a group sees itself, each trouble by its name, and what each takes of the
//! group's priority, in its protocol's own units.
//!
//! Each is set and taken back alone, so that none is counted twice and none stays behind.

use std::collections::BTreeMap;

use fhrp::Standing;
use serde::Serialize;

use super::group::Slot;
use super::{Effect, Engine, GroupIndex, Input, Now};

/// Datagrams in a row that could not be sent until that is a trouble, and that could until it is none any more. OpenBSD
/// ip_carp.c, CARP_SENDAD_MAX_ERRORS.
const IN_A_ROW: u8 = 3;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// An operator wants others to be preferred.
    Operator,
    /// Objects that are tracked are down.
    Tracked,
    /// Other groups that are to move together with this one are down.
    FailoverGroup,
    /// What is said cannot be sent.
    SendErrors,
}

/// The troubles of one group.
#[derive(Debug, Clone, Default)]
pub(super) struct Troubles {
    weights: BTreeMap<Trouble, u16>,
    /// Datagrams in a row that could not be sent, or, while that is a trouble, that could.
    in_a_row: u8,
}

impl Troubles {
    /// From now on this takes so much; nothing: it is over. Returns the sum of all, if that is another one.
    pub(super) fn set(&mut self, trouble: Trouble, weight: u16) -> Option<u16> {
        let before = self.sum();
        match weight {
            0 => self.weights.remove(&trouble),
            weight => self.weights.insert(trouble, weight),
        };
        Some(self.sum()).filter(|sum| *sum != before)
    }

    /// A datagram was sent, or could not be. Returns whether from now on this is a trouble, if that is another answer.
    pub(super) fn sent(&mut self, is_sent: bool) -> Option<bool> {
        let is_trouble = self.weights.contains_key(&Trouble::SendErrors);
        self.in_a_row = if is_sent == is_trouble { self.in_a_row.saturating_add(1) } else { 0 };
        if self.in_a_row < IN_A_ROW {
            return None;
        }
        self.in_a_row = 0;
        Some(!is_trouble)
    }

    /// Each of them, with what it takes.
    pub(super) fn each(&self) -> &BTreeMap<Trouble, u16> {
        &self.weights
    }

    fn sum(&self) -> u16 {
        self.weights.values().fold(0, |sum, weight| sum.saturating_add(*weight))
    }
}

impl Engine {
    /// From now on a trouble takes so much of a group's priority, in its protocol's own units; nothing: it is over.
    pub fn trouble(
        &mut self,
        now: Now,
        group: GroupIndex,
        trouble: Trouble,
        weight: u16,
        out: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.slot_mut(group) else { return };
        if let Some(penalty) = slot.troubles.set(trouble, weight) {
            self.tell(now, group, Input::Penalty(penalty), out);
        }
    }

    /// What is wrong with a group beside what it sees itself, and what each trouble takes.
    pub fn troubles(&self, group: GroupIndex) -> BTreeMap<Trouble, u16> {
        self.slot(group).map(|slot| slot.troubles.each().clone()).unwrap_or_default()
    }

    /// A datagram of a group was sent, or could not be.
    pub fn sent(&mut self, now: Now, group: GroupIndex, is_sent: bool, out: &mut Vec<Effect>) {
        let Some(slot) = self.slot_mut(group) else { return };
        let Some(is_trouble) = slot.troubles.sent(is_sent) else { return };
        let name = slot.identity.protocol;
        let protocol = self.protocols.iter().find(|protocol| protocol.name() == name);
        let weight = protocol.map_or(0, |protocol| protocol.penalty_of_send_errors());
        self.trouble(now, group, Trouble::SendErrors, if is_trouble { weight } else { 0 }, out);
    }

    /// From now on a group moves together with all others that are said to be in the same failover group: each of them
    /// that is down is a trouble of the others.
    pub fn move_together(
        &mut self,
        now: Now,
        group: GroupIndex,
        failover_group: Option<&str>,
        out: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.slot_mut(group) else { return };
        if slot.failover_group.as_deref() == failover_group {
            return;
        }
        let before = std::mem::replace(&mut slot.failover_group, failover_group.map(str::to_owned));
        if failover_group.is_none() {
            self.trouble(now, group, Trouble::FailoverGroup, 0, out);
        }
        for name in [before.as_deref(), failover_group].into_iter().flatten() {
            self.weigh(now, name, out);
        }
    }

    /// Some member of a failover group stands otherwise than before.
    pub(super) fn weigh(&mut self, now: Now, failover_group: &str, out: &mut Vec<Effect>) {
        let members = self.groups_where(|slot| slot.failover_group.as_deref() == Some(failover_group));
        let is_down = |slot: &Slot| slot.started && !slot.stopping && slot.lead.standing == Standing::Down;
        let down: Vec<GroupIndex> =
            members.iter().copied().filter(|member| self.slot(*member).is_some_and(is_down)).collect();
        for member in members {
            let others = down.iter().filter(|other| **other != member).count();
            let weight = u16::try_from(others).unwrap_or(u16::MAX);
            self.trouble(now, member, Trouble::FailoverGroup, weight, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_set_and_taken_back_alone() {
        let mut troubles = Troubles::default();
        assert_eq!(troubles.set(Trouble::Operator, 5), Some(5));
        assert_eq!(troubles.set(Trouble::Tracked, 3), Some(8));
        assert_eq!(troubles.set(Trouble::Tracked, 3), None);
        assert_eq!(troubles.set(Trouble::Operator, 0), Some(3));
        assert_eq!(troubles.set(Trouble::SendErrors, u16::MAX), Some(u16::MAX));
        assert_eq!(troubles.set(Trouble::SendErrors, 0), Some(3));
        assert_eq!(troubles.each().len(), 1);
    }

    #[test]
    fn one_datagram_that_is_lost_is_no_trouble() {
        let mut troubles = Troubles::default();
        let said: Vec<_> = [false, false, true, false, false].map(|sent| troubles.sent(sent)).into();
        assert_eq!(said, [None; 5]);
        assert_eq!(troubles.sent(false), Some(true));
        troubles.set(Trouble::SendErrors, 1);
        let said: Vec<_> = [true, true, false, true, true].map(|sent| troubles.sent(sent)).into();
        assert_eq!(said, [None; 5]);
        assert_eq!(troubles.sent(true), Some(false));
    }
}
