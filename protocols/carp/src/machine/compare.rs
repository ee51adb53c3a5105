//! Who is better, as OpenBSD compares: demotion first, then the interval. OpenBSD ip_carp.c, carp_proto_input_c.

use std::cmp::Ordering;
use std::net::IpAddr;

use crate::config::{Interval, UcarpTie};

/// How well a router says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    /// How often it advertises.
    pub(super) interval: Interval,
    /// How much is wrong with it; only OpenBSD says so, and this suite.
    pub(super) demote: u8,
}

/// What makes a backup take the role from a master that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claimed {
    /// It advertises less often than we would, and we preempt.
    ByPreemption,
    /// It is demoted more than we are.
    ByDemotion,
    /// It advertises so seldom that it would time out.
    AsTooSlow,
}

/// How a tie between two masters is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
    /// Whoever hears the other first gives way: all BSDs.
    WeYield,
    /// ucarp: by address.
    WeStay,
}

/// Whether a master gives way to another one.
pub(super) fn gives_way(own: Claim, theirs: Claim, tie: Tie) -> bool {
    match theirs.demote.cmp(&own.demote) {
        Ordering::Less => true,
        Ordering::Greater => false,
        Ordering::Equal => match own.interval.cmp(&theirs.interval) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => tie == Tie::WeYield,
        },
    }
}

/// Whether a backup takes the role from a master, and why. `ratio`: how many times its own advbase it waits.
pub(super) fn takes_over(own: Claim, theirs: Claim, preempts: bool, ratio: u8) -> Option<Claimed> {
    if theirs.demote > own.demote {
        Some(Claimed::ByDemotion)
    } else if preempts && own.interval < theirs.interval && theirs.demote >= own.demote {
        Some(Claimed::ByPreemption)
    } else if own.interval.base != 0 && !own.interval.is_waited_for(ratio, theirs.interval) {
        Some(Claimed::AsTooSlow)
    } else {
        None
    }
}

/// How ucarp decides a tie: the smaller address stays, compared as the two lie in its memory. ucarp carp.c.
pub(super) fn ucarp_tie(own: IpAddr, theirs: IpAddr, order: UcarpTie) -> Tie {
    let rank = |address: IpAddr| match address {
        IpAddr::V4(ip) => {
            let mut octets = ip.octets();
            if order == UcarpTie::LittleEndian {
                octets.reverse();
            }
            Some(octets)
        }
        // ucarp speaks IPv4 only.
        IpAddr::V6(_) => None,
    };
    if rank(own) < rank(theirs) { Tie::WeStay } else { Tie::WeYield }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn claim(base: u8, skew: u8, demote: u8) -> Claim {
        Claim { interval: Interval { base, skew }, demote }
    }

    /// The table of OpenBSD: (L ≥ R and Dr ≤ Dl) or Dr < Dl.
    #[test]
    fn a_master_gives_way_to_a_better_one_and_to_an_equal_one() {
        let own = claim(1, 100, 2);
        let rows = [
            (claim(1, 99, 2), true),
            (claim(1, 100, 2), true),
            (claim(1, 101, 2), false),
            (claim(0, 0, 3), false),
            (claim(255, 254, 1), true),
            (claim(1, 100, 1), true),
            (claim(1, 100, 3), false),
        ];
        for (theirs, expected) in rows {
            assert_eq!(gives_way(own, theirs, Tie::WeYield), expected, "{theirs:?}");
        }
        assert!(!gives_way(own, own, Tie::WeStay));
    }

    /// (preempt and L < R and Dr ≥ Dl) or Dr > Dl or (B ≠ 0 and T < R).
    #[test]
    fn a_backup_takes_over_from_a_worse_master() {
        use Claimed::{AsTooSlow, ByDemotion, ByPreemption};
        let own = claim(1, 100, 2);
        let rows = [
            (claim(1, 101, 2), false, None),
            (claim(1, 101, 2), true, Some(ByPreemption)),
            (claim(1, 101, 1), true, None),
            (claim(1, 100, 2), true, None),
            (claim(1, 99, 3), false, Some(ByDemotion)),
            (claim(3, 100, 2), false, None),
            (claim(3, 101, 2), false, Some(AsTooSlow)),
            (claim(3, 101, 0), false, Some(AsTooSlow)),
            (claim(255, 255, 2), false, Some(AsTooSlow)),
        ];
        for (theirs, preempts, expected) in rows {
            assert_eq!(takes_over(own, theirs, preempts, 3), expected, "{theirs:?} {preempts}");
        }
        // With advbase 0 nobody is too slow: the timer is as fast.
        assert_eq!(takes_over(claim(0, 100, 0), claim(255, 255, 0), false, 3), None);
    }

    #[test]
    fn ucarp_compares_addresses_from_behind() {
        let (low, high) = ("10.77.1.1".parse().unwrap(), "10.77.0.2".parse().unwrap());
        assert_eq!(ucarp_tie(low, high, UcarpTie::LittleEndian), Tie::WeStay);
        assert_eq!(ucarp_tie(high, low, UcarpTie::LittleEndian), Tie::WeYield);
        assert_eq!(ucarp_tie(low, high, UcarpTie::BigEndian), Tie::WeYield);
        assert_eq!(ucarp_tie(low, low, UcarpTie::LittleEndian), Tie::WeYield);
    }
}
