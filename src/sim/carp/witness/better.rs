//! Who is better: OpenBSD's tables, which are everybody's where nobody is demoted.

use super::Witness;

/// How well a router says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim::carp) struct Claim {
    /// advbase and advskew: the less, the better.
    pub(in crate::sim::carp) interval: (u8, u8),
    /// The demotion counter.
    pub(in crate::sim::carp) demote: u8,
}

impl Claim {
    /// 255/255, the slowest there is.
    pub(super) fn is_goodbye(self) -> bool {
        self.interval == (255, 255)
    }
}

impl Witness {
    /// Whether a master gives way: `(L ≥ R and Dr ≤ Dl) or Dr < Dl`.
    pub(super) fn yields_to(&self, theirs: Claim) -> bool {
        let own = self.claim();
        let no_faster = own.interval >= theirs.interval;
        no_faster && theirs.demote <= own.demote || theirs.demote < own.demote
    }

    /// Whether a backup takes the role: `(preempt and L < R and Dr ≥ Dl) or Dr > Dl or (B ≠ 0 and T < R)`, where T is
    /// what it waits for at most.
    pub(super) fn claims_from(&self, theirs: Claim) -> bool {
        let own = self.claim();
        let preempts = self.member.preempt && own.interval < theirs.interval && theirs.demote >= own.demote;
        let (base, skew) = own.interval;
        let longest = (u16::from(base) * u16::from(self.member.dead_ratio), skew);
        let too_slow = base != 0 && longest < (theirs.interval.0.into(), theirs.interval.1);
        preempts || theirs.demote > own.demote || too_slow
    }
}
