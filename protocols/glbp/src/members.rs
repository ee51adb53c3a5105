//! Who else belongs to the group: by owner ID, for a member keeps that whatever MAC it speaks from.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Instant, Mac};

/// How many members are remembered; a group with four forwarders has no use for more.
const CAPACITY: usize = 64;

/// The other members.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    by_owner: BTreeMap<Mac, Member>,
}

/// Another member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    /// Where it speaks from.
    pub(crate) source: IpAddr,
    /// How long it is believed to live after each of its messages.
    pub(crate) hold: Duration,
    /// When it is not believed to live any more.
    pub(crate) until: Instant,
    /// The forwarders that it said it is active for.
    pub(crate) forwards: Numbers,
    /// Whether its weighting is too low to forward, as far as it has said.
    pub(crate) low: bool,
}

impl Members {
    /// A message of a member arrived at `at`. `hold`: how long it is believed to live from now on; `None`: as long as
    /// before, or `fallback`.
    pub(crate) fn heard(
        &mut self,
        at: Instant,
        owner: Mac,
        source: IpAddr,
        hold: Option<Duration>,
        fallback: Duration,
    ) {
        self.by_owner.retain(|other, member| *other == owner || member.until > at);
        if !self.by_owner.contains_key(&owner) && self.by_owner.len() >= CAPACITY {
            return;
        }
        let member = self.by_owner.entry(owner).or_insert(Member {
            source,
            hold: fallback,
            until: at,
            forwards: Numbers::default(),
            low: false,
        });
        member.source = source;
        member.hold = hold.unwrap_or(member.hold);
        member.until = member.until.max(at + member.hold);
    }

    /// A member said which forwarders it is active for. `all`: it is active for no others.
    pub(crate) fn says(&mut self, owner: Mac, forwards: Numbers, all: bool, low: Option<bool>) {
        for (other, member) in &mut self.by_owner {
            if *other != owner {
                member.forwards = member.forwards.without(forwards);
                continue;
            }
            member.forwards = if all { forwards } else { member.forwards.with(forwards) };
            member.low = low.unwrap_or(member.low);
        }
    }

    /// A member has left.
    pub(crate) fn left(&mut self, owner: Mac) {
        self.by_owner.remove(&owner);
    }

    /// Nobody is known.
    pub(crate) fn forget(&mut self) {
        self.by_owner.clear();
    }

    /// One of them, if it is believed to live.
    pub(crate) fn get(&self, now: Instant, owner: Mac) -> Option<&Member> {
        self.by_owner.get(&owner).filter(|member| member.until > now)
    }

    /// All that are believed to live, by owner ID.
    pub(crate) fn living(&self, now: Instant) -> impl Iterator<Item = (Mac, &Member)> {
        let all = self.by_owner.iter().map(|(owner, member)| (*owner, member));
        all.filter(move |(_, member)| member.until > now)
    }
}

/// Some of the four forwarders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Numbers(u8);

impl Numbers {
    /// These. Numbers that no forwarder has are left out.
    pub(crate) fn of(numbers: impl IntoIterator<Item = u8>) -> Self {
        let bit = |number: u8| 1_u8.checked_shl(number.into()).unwrap_or(0);
        Numbers(numbers.into_iter().fold(0, |all, number| all | bit(number)))
    }

    /// How many.
    pub(crate) fn count(self) -> u32 {
        self.0.count_ones()
    }

    fn with(self, others: Numbers) -> Self {
        Numbers(self.0 | others.0)
    }

    fn without(self, others: Numbers) -> Self {
        Numbers(self.0 & !others.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
    const B: Mac = Mac([2, 0, 0, 0, 0, 0xb]);
    const HOLD: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_member_lives_one_hold_time_after_its_last_message() {
        let mut members = Members::default();
        members.heard(at(0), A, [10, 0, 0, 1].into(), Some(Duration::from_secs(4)), HOLD);
        members.heard(at(3), A, [10, 0, 0, 1].into(), None, HOLD);
        assert_eq!(members.get(at(6), A).map(|member| member.until), Some(at(7)));
        assert_eq!(members.get(at(7), A), None);
        members.heard(at(20), B, [10, 0, 0, 2].into(), None, HOLD);
        assert_eq!(members.by_owner.len(), 1, "who is gone is forgotten");
    }

    #[test]
    fn a_forwarder_is_counted_for_who_claimed_it_last() {
        let mut members = Members::default();
        for (owner, last) in [(A, 1), (B, 2)] {
            members.heard(at(0), owner, [10, 0, 0, last].into(), None, HOLD);
        }
        members.says(A, Numbers::of([1, 2]), true, Some(false));
        members.says(B, Numbers::of([2]), false, None);
        let counts: Vec<u32> = members.living(at(1)).map(|(_, member)| member.forwards.count()).collect();
        assert_eq!(counts, [1, 1]);
        members.says(B, Numbers::of([3]), true, Some(true));
        assert_eq!(
            members.get(at(1), B).map(|member| (member.forwards, member.low)),
            Some((Numbers::of([3]), true))
        );
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let mut members = Members::default();
        for low in 0..=255 {
            members.heard(at(0), Mac([2, 0, 0, 0, 1, low]), [10, 0, 1, low].into(), None, HOLD);
        }
        assert_eq!(members.by_owner.len(), CAPACITY);
        assert_eq!(Numbers::of([200]).count(), 0);
    }
}
