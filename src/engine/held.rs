//! Which group holds which address on which link, for whoever asks by ARP or ND.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Answer, Holdings, VirtualAddress};

use super::GroupIndex;

/// Every address that is held.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The latest last; hardly ever more than one.
    addresses: HashMap<(u32, IpAddr), Vec<(GroupIndex, VirtualAddress)>>,
    /// How many addresses each link has in here.
    links: HashMap<u32, usize>,
    /// How many groups hold something under each lease.
    leases: BTreeMap<Duration, usize>,
}

impl Held {
    /// The group that took the address last, of those who have something to say when they are asked.
    pub(super) fn find(&self, link: u32, target: IpAddr) -> Option<(GroupIndex, VirtualAddress)> {
        let holders = self.addresses.get(&(link, target))?;
        holders.iter().rfind(|(_, address)| address.answer != Answer::Silent).copied()
    }

    pub(super) fn any_on(&self, link: u32) -> bool {
        self.links.get(&link).is_some_and(|count| *count > 0)
    }

    pub(super) fn shortest_lease(&self) -> Option<Duration> {
        self.leases.keys().next().copied()
    }

    /// A group holds something else than before.
    pub(super) fn replace(&mut self, group: GroupIndex, link: u32, before: &Holdings, after: &Holdings) {
        for address in before.addresses.keys() {
            if let Some(holders) = self.addresses.get_mut(&(link, *address)) {
                holders.retain(|(holder, _)| *holder != group);
                if holders.is_empty() {
                    self.addresses.remove(&(link, *address));
                    self.count(link, -1);
                }
            }
        }
        for (address, what) in &after.addresses {
            let holders = self.addresses.entry((link, *address)).or_default();
            holders.push((group, *what));
            if holders.len() == 1 {
                self.count(link, 1);
            }
        }
        if !before.is_empty()
            && let Some(count) = self.leases.get_mut(&before.lease)
        {
            *count -= 1;
            if *count == 0 {
                self.leases.remove(&before.lease);
            }
        }
        if !after.is_empty() {
            *self.leases.entry(after.lease).or_default() += 1;
        }
    }

    fn count(&mut self, link: u32, change: isize) {
        let count = self.links.entry(link).or_default();
        *count = count.saturating_add_signed(change);
    }
}
