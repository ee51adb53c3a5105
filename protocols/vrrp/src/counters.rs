//! What a virtual router counts, each under a name that stays. RFC 2787, RFC 6527 and what they have no
//! object for.

use fhrp::view::Counter;

/// What is counted, in the order it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    AdvertisementsSent,
    AdvertisementsReceived,
    PriorityZeroSent,
    PriorityZeroReceived,
    BecameActive,
    Announcements,
    Asserted,
    OwnAddress,
    TtlErrors,
    VersionErrors,
    PacketLengthErrors,
    ChecksumErrors,
    VridErrors,
    InvalidType,
    AdvertiseIntervalErrors,
    AddressListErrors,
    InvalidAuthenticationType,
    AuthenticationTypeMismatch,
    AuthenticationFailures,
    UnknownPeer,
    OwnerConflicts,
    VersionTwoIgnored,
    PseudoHeaderChecksums,
    HoldFaults,
    Lapses,
}

use Count::*;

const ALL: [Count; 25] = [
    AdvertisementsSent,
    AdvertisementsReceived,
    PriorityZeroSent,
    PriorityZeroReceived,
    BecameActive,
    Announcements,
    Asserted,
    OwnAddress,
    TtlErrors,
    VersionErrors,
    PacketLengthErrors,
    ChecksumErrors,
    VridErrors,
    InvalidType,
    AdvertiseIntervalErrors,
    AddressListErrors,
    InvalidAuthenticationType,
    AuthenticationTypeMismatch,
    AuthenticationFailures,
    UnknownPeer,
    OwnerConflicts,
    VersionTwoIgnored,
    PseudoHeaderChecksums,
    HoldFaults,
    Lapses,
];

impl Count {
    /// The name operators see.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            AdvertisementsSent => "advertisements-sent",
            AdvertisementsReceived => "advertisements-received",
            PriorityZeroSent => "priority-zero-sent",
            PriorityZeroReceived => "priority-zero-received",
            BecameActive => "became-active",
            Announcements => "announcements",
            Asserted => "asserted",
            OwnAddress => "own-address",
            TtlErrors => "ttl-errors",
            VersionErrors => "version-errors",
            PacketLengthErrors => "packet-length-errors",
            ChecksumErrors => "checksum-errors",
            VridErrors => "vrid-errors",
            InvalidType => "invalid-type",
            AdvertiseIntervalErrors => "advertise-interval-errors",
            AddressListErrors => "address-list-errors",
            InvalidAuthenticationType => "invalid-authentication-type",
            AuthenticationTypeMismatch => "authentication-type-mismatch",
            AuthenticationFailures => "authentication-failures",
            UnknownPeer => "unknown-peer",
            OwnerConflicts => "owner-conflicts",
            VersionTwoIgnored => "version-2-ignored",
            PseudoHeaderChecksums => "pseudo-header-checksums",
            HoldFaults => "hold-faults",
            Lapses => "lapses",
        }
    }
}

/// The counters of one virtual router.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    known: [u64; ALL.len()],
    /// Names that only the rooms next door know: ways to fail a message check or an authentication.
    others: Vec<(&'static str, u64)>,
}

impl Counters {
    pub(crate) fn bump(&mut self, count: Count) {
        self.add(count, 1);
    }

    pub(crate) fn add(&mut self, count: Count, by: usize) {
        let by = u64::try_from(by).unwrap_or(u64::MAX);
        if let Some(counter) = self.known.get_mut(count as usize) {
            *counter = counter.saturating_add(by);
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
        counters.bump_name("checksum-errors");
        counters.bump_name("hmac-stale");
        counters.bump_name("hmac-stale");
        let seen = counters.view();
        let count = |name| seen.iter().find(|counter| counter.name == name).map(|counter| counter.count);
        assert_eq!(count("checksum-errors"), Some(1));
        assert_eq!(count("hmac-stale"), Some(2));
        assert_eq!(count("asserted"), Some(0));
    }
}
