//! What a group counts, each under a name that stays.

use fhrp::view::Counter;

/// What is counted, in the order it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    HellosSent,
    HellosReceived,
    CoupsSent,
    CoupsReceived,
    ResignsSent,
    ResignsReceived,
    InterfaceStatesSent,
    BecameActive,
    Announcements,
    Asserted,
    OwnAddress,
    VersionErrors,
    GroupErrors,
    AuthenticationTypeMismatch,
    AuthenticationFailures,
    AddressMismatch,
    TimerErrors,
    HoldFaults,
    Lapses,
}

use Count::*;

const ALL: [Count; 19] = [
    HellosSent,
    HellosReceived,
    CoupsSent,
    CoupsReceived,
    ResignsSent,
    ResignsReceived,
    InterfaceStatesSent,
    BecameActive,
    Announcements,
    Asserted,
    OwnAddress,
    VersionErrors,
    GroupErrors,
    AuthenticationTypeMismatch,
    AuthenticationFailures,
    AddressMismatch,
    TimerErrors,
    HoldFaults,
    Lapses,
];

impl Count {
    /// The name operators see.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            HellosSent => "hellos-sent",
            HellosReceived => "hellos-received",
            CoupsSent => "coups-sent",
            CoupsReceived => "coups-received",
            ResignsSent => "resigns-sent",
            ResignsReceived => "resigns-received",
            InterfaceStatesSent => "interface-states-sent",
            BecameActive => "became-active",
            Announcements => "announcements",
            Asserted => "asserted",
            OwnAddress => "own-address",
            VersionErrors => "version-errors",
            GroupErrors => "group-errors",
            AuthenticationTypeMismatch => "authentication-type-mismatch",
            AuthenticationFailures => "authentication-failures",
            AddressMismatch => "address-list-errors",
            TimerErrors => "timer-errors",
            HoldFaults => "hold-faults",
            Lapses => "lapses",
        }
    }
}

/// The counters of one group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    known: [u64; ALL.len()],
    /// Names that only the rooms next door know: ways to fail a message check or an authentication.
    others: Vec<(&'static str, u64)>,
}

impl Counters {
    pub(crate) fn bump(&mut self, count: Count) {
        if let Some(counter) = self.known.get_mut(count as usize) {
            *counter = counter.saturating_add(1);
        }
    }

    /// Counts under a name that another room gave.
    pub(crate) fn bump_name(&mut self, name: &'static str) {
        if let Some(count) = ALL.into_iter().find(|count| count.name() == name) {
            self.bump(count);
        } else if let Some((_, count)) = self.others.iter_mut().find(|(other, _)| *other == name) {
            *count = count.saturating_add(1);
        } else {
            self.others.push((name, 1));
        }
    }

    /// All of them: the known ones even at zero, so that a dashboard finds them.
    pub(crate) fn view(&self) -> Vec<Counter> {
        let known = ALL.into_iter().zip(self.known).map(|(count, value)| (count.name(), value));
        known.chain(self.others.iter().copied()).map(|(name, count)| Counter { name, count }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_place() {
        for (place, count) in ALL.into_iter().enumerate() {
            assert_eq!(count as usize, place, "{}", count.name());
            assert_eq!(ALL.iter().filter(|other| other.name() == count.name()).count(), 1);
        }
    }

    #[test]
    fn foreign_names_are_counted_beside_the_known() {
        let mut counters = Counters::default();
        for name in ["version-errors", "tlv-errors", "tlv-errors"] {
            counters.bump_name(name);
        }
        let seen = counters.view();
        let count = |name| seen.iter().find(|counter| counter.name == name).map(|counter| counter.count);
        assert_eq!(
            (count("version-errors"), count("tlv-errors"), count("asserted")),
            (Some(1), Some(2), Some(0))
        );
    }
}
