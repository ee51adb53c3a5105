//! What the kernel did by itself, told to the event loop and taken into account.

use std::collections::BTreeSet;
use std::net::IpAddr;

use fhrp::{Family, Holdings};

use super::kernel::{Faults, KernelManager};
use super::monitor::{Noticed, Table};
use super::piece::{Key, Owner, Place, Value};
use super::{KernelEvent, Wish, marks};
use crate::net::Clock;

impl KernelManager {
    pub(super) fn notice(&mut self, noticed: Vec<Noticed>) {
        let mut changed = BTreeSet::new();
        let mut missing = Vec::new();
        for notice in noticed {
            match notice {
                Noticed::Link(index) => {
                    changed.insert(index);
                }
                Noticed::Gone { index, name, renamed } => {
                    self.link_gone(index, name, renamed);
                    if let Some(device) = self.inside.lost(index).filter(|_| !renamed) {
                        self.device_lost(&device);
                    }
                }
                Noticed::AddressGone(link, ip) => missing.push((link, ip)),
            }
        }
        for (link, ip) in missing {
            self.address_gone(link, ip);
        }
        for index in changed {
            self.link_changed(index);
        }
        self.apply_own_names();
        self.repair();
    }

    pub(super) fn link_changed(&mut self, index: u32) {
        let ledger = &self.ledger;
        let ours = |ip: IpAddr| ledger.value(&Key::Address { place: Place::Link(index), ip }).is_some();
        let Some(link) = self.monitor.table().link(index, ours) else { return };
        let own = [Family::Ipv4, Family::Ipv6].into_iter().filter_map(|family| {
            Some((Key::Own { link: index, family }, Value::Ip(Table::own(&link, family)?)))
        });
        self.ledger.replace(Owner::Link(index), own.collect::<Vec<_>>());
        if self.said.get(&index) != Some(&link) {
            if self.watch.covers(&link.name) && !marks::is_device(&link.name) {
                self.events.push_back(KernelEvent::Link(link.clone()));
            }
            self.said.insert(index, link);
        }
    }

    fn link_gone(&mut self, index: u32, name: String, renamed: bool) {
        self.said.remove(&index);
        let groups: Vec<_> =
            self.wishes.values().filter(|wish| wish.link == index).map(|wish| wish.group).collect();
        let now = Clock::now();
        for group in groups {
            self.book(Wish { group, ticket: 0, link: index, holdings: Holdings::none() }, now);
        }
        self.carry_out(now, &mut Faults::new());
        self.unprepare(index);
        if !renamed {
            self.ledger.replace(Owner::Link(index), []);
        }
        if self.watch.covers(&name) && !marks::is_device(&name) {
            self.events.push_back(KernelEvent::LinkGone { index, name });
        }
    }

    /// Writes what links' own addresses have become. A fault here comes back with the next wish.
    pub(super) fn apply_own_names(&mut self) {
        let change = self.ledger.take_change();
        if !change.is_empty() {
            self.change_tables(&change.removed, &change.added, None).ok();
        }
    }
}
