//! The dead-man's switch: which links' gates are open, for how long, and when they are to be renewed. Pure.
//!
//! A gate opens when the first group on its link holds something, and closes by itself one lease later unless
//! it is renewed. It is renewed only while the event loop's heartbeat is fresh. Once it has closed by itself it
//! opens again only on a heartbeat that is younger than the discovery of the lapse: by then the event loop has
//! had a whole turn to find out that its peers have taken over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fhrp::Instant;

use crate::engine::GroupIndex;

/// The kernel counts set timeouts in jiffies of up to 10 ms; a shorter lease could never be kept.
pub const SHORTEST: Duration = Duration::from_millis(20);

/// How often to look whether a gate that has closed by itself may open again.
const REOPENING: Duration = Duration::from_millis(2);

/// All leases.
#[derive(Debug, Clone, Default)]
pub struct Leases {
    links: BTreeMap<u32, Gate>,
    of_group: BTreeMap<GroupIndex, (u32, Duration)>,
}

#[derive(Debug, Clone)]
struct Gate {
    leases: BTreeSet<(Duration, GroupIndex)>,
    /// When it was last opened or renewed.
    renewed: Instant,
    /// It closed by itself, and this was noticed then.
    lapsed: Option<Instant>,
}

impl Gate {
    fn lease(&self) -> Duration {
        self.leases.first().map_or(SHORTEST, |(lease, _)| *lease)
    }
}

/// What [`Leases::renew`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renewal {
    /// Whether the kernel has to be told again which gates are open.
    pub due: bool,
    /// Groups whose hold has lapsed, each named once, and for how long there was no renewal.
    pub lapsed: Vec<(GroupIndex, Duration)>,
}

impl Leases {
    /// A group on `link` holds something with this lease from now on, or nothing.
    pub fn set(&mut self, group: GroupIndex, holding: Option<(u32, Duration)>, now: Instant) {
        if let Some((link, lease)) = self.of_group.remove(&group)
            && let Some(gate) = self.links.get_mut(&link)
        {
            gate.leases.remove(&(lease, group));
            if gate.leases.is_empty() {
                self.links.remove(&link);
            }
        }
        if let Some((link, lease)) = holding {
            let lease = lease.max(SHORTEST);
            self.of_group.insert(group, (link, lease));
            let fresh = || Gate { leases: BTreeSet::new(), renewed: now, lapsed: None };
            self.links.entry(link).or_insert_with(fresh).leases.insert((lease, group));
        }
    }

    /// The lease of what a group holds.
    pub fn of(&self, group: GroupIndex) -> Option<Duration> {
        self.of_group.get(&group).map(|(_, lease)| *lease)
    }

    /// How often to renew: a quarter of the shortest lease, and far more often while a gate is closed that only
    /// waits for the event loop. `None` while nothing is held.
    pub fn period(&self) -> Option<Duration> {
        let period = |gate: &Gate| match gate.lapsed {
            None => gate.lease() / 4,
            Some(_) => REOPENING.min(gate.lease() / 4),
        };
        self.links.values().map(period).min()
    }

    /// Renews every gate for which the heartbeat is younger than half its lease.
    pub fn renew(&mut self, now: Instant, heartbeat: Instant) -> Renewal {
        let mut renewal = Renewal::default();
        for gate in self.links.values_mut() {
            let lease = gate.lease();
            let silent = now.since(gate.renewed);
            if silent >= lease && gate.lapsed.is_none() {
                gate.lapsed = Some(now);
                let groups = gate.leases.iter().filter(|(lease, _)| *lease <= silent);
                renewal.lapsed.extend(groups.map(|(_, group)| (*group, silent)));
            }
            let fresh = now.since(heartbeat) < lease / 2;
            if fresh && gate.lapsed.is_none_or(|lapsed| heartbeat > lapsed) {
                gate.renewed = now;
                gate.lapsed = None;
                renewal.due = true;
            }
        }
        renewal
    }

    /// Links whose gates are open, and for how much longer.
    pub fn open(&self, now: Instant) -> Vec<(u32, Duration)> {
        let left = |gate: &Gate| now.until(gate.renewed + gate.lease());
        let open = |gate: &Gate| gate.lapsed.is_none() && left(gate) >= Duration::from_millis(1);
        self.links.iter().filter(|(_, gate)| open(gate)).map(|(link, gate)| (*link, left(gate))).collect()
    }

    /// Whether what a group holds is in force.
    pub fn is_open(&self, group: GroupIndex, now: Instant) -> bool {
        let gate = self.of_group.get(&group).and_then(|(link, _)| self.links.get(link));
        gate.is_some_and(|gate| gate.lapsed.is_none() && now.since(gate.renewed) < gate.lease())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: GroupIndex = GroupIndex(1);
    const B: GroupIndex = GroupIndex(2);

    fn at(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_shortest_lease_of_a_link_counts() {
        let mut leases = Leases::default();
        assert_eq!(leases.period(), None);
        leases.set(A, Some((1, ms(400))), at(0));
        leases.set(B, Some((1, ms(200))), at(0));
        assert_eq!(leases.period(), Some(ms(50)));
        assert_eq!(leases.open(at(50)), [(1, ms(150))]);
        leases.set(B, None, at(60));
        assert_eq!(leases.open(at(60)), [(1, ms(340))]);
        leases.set(A, None, at(60));
        assert!(leases.open(at(60)).is_empty());
    }

    #[test]
    fn a_stale_heartbeat_lets_only_the_short_lease_run_out() {
        let mut leases = Leases::default();
        leases.set(A, Some((1, ms(100))), at(0));
        leases.set(B, Some((2, ms(4000))), at(0));
        assert_eq!(leases.renew(at(90), at(30)), Renewal { due: true, lapsed: vec![] });
        assert_eq!(leases.open(at(90)), [(1, ms(10)), (2, ms(4000))]);
        assert_eq!(leases.renew(at(115), at(30)).lapsed, [(A, ms(115))]);
        assert_eq!(leases.open(at(115)), [(2, ms(4000))]);
        assert!(!leases.is_open(A, at(115)) && leases.is_open(B, at(115)));
    }

    #[test]
    fn a_lapsed_gate_waits_for_a_turn_that_began_after_it() {
        let mut leases = Leases::default();
        leases.set(A, Some((1, ms(100))), at(0));
        let woken = leases.renew(at(5000), at(4999));
        assert_eq!(woken, Renewal { due: false, lapsed: vec![(A, ms(5000))] });
        assert_eq!(leases.renew(at(5001), at(4999)), Renewal::default());
        assert!(leases.renew(at(5010), at(5005)).due);
        assert!(leases.is_open(A, at(5010)));
    }
}
