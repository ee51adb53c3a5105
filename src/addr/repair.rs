//! What the manager does when somebody else takes away what it had put into the kernel: puts it back, and gives
//! up on what does not stay.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use fhrp::{HoldFault, Instant};

use super::KernelEvent;
use super::diff::Ledger;
use super::kernel::{Faults, KernelManager};
use super::netlink::reason;
use super::piece::{Key, Owner, Place, Value};
use crate::engine::GroupIndex;
use crate::net::Clock;

/// How often something may vanish within [`WINDOW`] before it counts as lost.
pub const PATIENCE: usize = 5;
/// The time in which that is counted.
pub const WINDOW: Duration = Duration::from_secs(10);

/// What vanishes again so soon was taken by the same hand: `ip address flush` looks whether anything is left,
/// finds what has just been put back, and removes it up to ten times over.
const ONE_DEED: Duration = Duration::from_millis(100);

/// What vanished.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    missing: BTreeSet<Key>,
    vanished: BTreeMap<Key, VecDeque<Instant>>,
    lost: BTreeSet<Key>,
}

impl Repairs {
    /// Nobody wants it any more.
    pub fn forget(&mut self, key: &Key) {
        self.missing.remove(key);
        self.vanished.remove(key);
        self.lost.remove(key);
    }

    /// It could not be put in; to be tried again.
    pub fn failed(&mut self, key: &Key) {
        self.missing.insert(key.clone());
    }

    /// What this group wants and is not there.
    pub fn of(&self, ledger: &Ledger<Owner, Key, Value>, group: GroupIndex) -> Vec<(Key, Value)> {
        let owned = |key: &&Key| ledger.owners(key).any(|owner| owner == Owner::Group(group));
        let absent = self.lost.iter().chain(&self.missing).filter(owned);
        absent.filter_map(|key| Some((key.clone(), *ledger.value(key)?))).collect()
    }

    /// It vanished; says whether it is worth being put back.
    fn vanished(&mut self, key: &Key, now: Instant) -> bool {
        let times = self.vanished.entry(key.clone()).or_default();
        if times.back().is_none_or(|last| now.since(*last) >= ONE_DEED) {
            times.push_back(now);
        }
        while times.front().is_some_and(|first| now.since(*first) > WINDOW) {
            times.pop_front();
        }
        if times.len() > PATIENCE {
            self.missing.remove(key);
            self.lost.insert(key.clone());
            return false;
        }
        self.missing.insert(key.clone());
        true
    }
}

impl KernelManager {
    /// An address is gone from a link. If it is ours, and wanted, it will be put back.
    pub(super) fn address_gone(&mut self, link: u32, ip: IpAddr) {
        let place = if self.inside.link() == Some(link) { Place::Inside } else { Place::Link(link) };
        let key = Key::Address { place, ip };
        if self.ledger.value(&key).is_none() || self.repairs.lost.contains(&key) {
            return;
        }
        // Removed by ourselves and added again before the news of the first came in.
        if self.monitor.table().has(link, ip) {
            return;
        }
        if self.repairs.vanished(&key, Clock::now()) {
            return;
        }
        let name = self.monitor.table().name(link).unwrap_or("its interface").to_owned();
        let what = HoldFault {
            operation: format!("keep {ip} on {name}"),
            cause: format!("it was removed {} times within {} s", PATIENCE + 1, WINDOW.as_secs()),
        };
        self.tell(&key, |group| KernelEvent::Lost { group, what: what.clone() });
    }

    /// Our TUN device is gone, with all that was on it.
    pub(super) fn device_lost(&mut self, name: &str) {
        let inside = |key: &&Key| matches!(key, Key::Address { place: Place::Inside, .. });
        let keys: Vec<Key> = self.ledger.all().map(|(key, _)| key).filter(inside).cloned().collect();
        let now = Clock::now();
        let mut groups = BTreeSet::new();
        for key in keys {
            if self.repairs.vanished(&key, now) {
                groups.extend(self.groups(&key));
                continue;
            }
            let what = HoldFault {
                operation: format!("keep device {name}"),
                cause: "it was removed again and again".into(),
            };
            self.tell(&key, |group| KernelEvent::Lost { group, what: what.clone() });
        }
        if let Err(error) = self.inside.prepare(&mut self.channel) {
            let what = HoldFault { operation: "make a TUN device".into(), cause: reason(&error) };
            self.events
                .extend(groups.into_iter().map(|group| KernelEvent::Lost { group, what: what.clone() }));
        }
    }

    /// Puts back what is missing, for groups whose hold is in force: after a stall the groups decide first.
    pub(super) fn repair(&mut self) {
        if self.repairs.missing.is_empty() {
            return;
        }
        let now = Clock::now();
        let mut pieces = Vec::new();
        for key in self.repairs.missing.clone() {
            let in_force = self.groups(&key).iter().any(|group| self.leases.is_open(*group, now));
            let value = self.ledger.value(&key).copied();
            match value {
                Some(value) if in_force => pieces.push((key, value)),
                Some(_) => {}
                None => {
                    self.repairs.missing.remove(&key);
                }
            }
        }
        for (key, _) in &pieces {
            self.repairs.missing.remove(key);
        }
        let added = self.add_addresses(&pieces, &mut Faults::new());
        for (key, value) in pieces.into_iter().filter(|(key, _)| added.contains(key)) {
            let Some(placed) = self.placed(&key, &value) else { continue };
            let name = self.monitor.table().name(placed.link).unwrap_or("its device");
            let what = format!("{} was removed from {name} and put back", placed.address);
            self.tell(&key, |group| KernelEvent::Restored { group, what: what.clone() });
        }
    }

    /// The groups that want it.
    pub(super) fn groups(&self, key: &Key) -> Vec<GroupIndex> {
        let group = |owner| match owner {
            Owner::Group(group) => Some(group),
            Owner::Prepared(_) | Owner::Link(_) => None,
        };
        self.ledger.owners(key).filter_map(group).collect()
    }

    fn tell(&mut self, key: &Key, event: impl Fn(GroupIndex) -> KernelEvent) {
        let groups = self.groups(key);
        self.events.extend(groups.into_iter().map(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::Address { place: Place::Inside, ip: IpAddr::from([10, 0, 0, 1]) }
    }

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn one_flush_is_one_removal() {
        let mut repairs = Repairs::default();
        assert!((0..10).all(|round| repairs.vanished(&key(), at(2 * round))));
        assert!((1..5).all(|deed| repairs.vanished(&key(), at(1000 * deed))));
        assert!(!repairs.vanished(&key(), at(5000)));
    }

    #[test]
    fn whoever_removes_all_the_time_wins_soon() {
        let mut repairs = Repairs::default();
        let kept = (0..10_000).take_while(|ms| repairs.vanished(&key(), at(*ms))).count();
        assert_eq!(kept, 500);
    }
}
