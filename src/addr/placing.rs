//! Addresses into the kernel and out of it: ours, never a foreign one.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use fhrp::{Family, HoldFault, InterfaceAddress, Link};

use super::kernel::{Faults, KernelManager};
use super::marks;
use super::netlink::reason;
use super::piece::{Key, Owner, Place, Value};
use super::route::{self, NewAddress};
use crate::guardian::Outliving;

/// Why an address is not touched.
const FOREIGN: &str = "it is there already, and not ours";

impl KernelManager {
    pub(super) fn remove_addresses(&mut self, addresses: &[(Key, Value)]) {
        let table = self.monitor.table();
        let outliving: Vec<_> = addresses
            .iter()
            .filter_map(|(key, value)| self.placed(key, value))
            .filter(|placed| !table.is_foreign(placed.link, placed.address.ip))
            .collect();
        let requests = outliving.iter().map(|placed| route::delete_address(placed.link, placed.address));
        // What is refused is gone already, by somebody else's hand or with its link.
        self.channel.submit(requests.collect()).ok();
        if let Some(guardian) = &self.guardian {
            guardian.removed(&outliving);
        }
    }

    /// Adds addresses; returns those that are there now and were not before. What fails is tried again with
    /// the next renewal.
    pub(super) fn add_addresses(&mut self, addresses: &[(Key, Value)], faults: &mut Faults) -> BTreeSet<Key> {
        let mut wanted = Vec::new();
        for (key, value) in addresses {
            let Some(placed) = self.placed(key, value) else { continue };
            if self.monitor.table().is_foreign(placed.link, placed.address.ip) {
                self.blame(key, &placed, FOREIGN.into(), faults);
            } else {
                wanted.push((key, placed));
            }
        }
        if let Some(guardian) = &self.guardian {
            guardian.outliving(&wanted.iter().map(|(_, placed)| *placed).collect::<Vec<_>>());
        }
        let requests = wanted.iter().map(|(_, placed)| route::add_address(&self.shaped(placed))).collect();
        let mut refused: BTreeMap<usize, String> = match self.channel.submit(requests) {
            Ok(refusals) => {
                self.keep_serious(refusals.into_iter().map(|refusal| (refusal.index, refusal.cause)), &wanted)
            }
            Err(error) => (0..wanted.len()).map(|index| (index, reason(&error))).collect(),
        };
        let mut added = BTreeSet::new();
        for (index, (key, placed)) in wanted.into_iter().enumerate() {
            match refused.remove(&index) {
                None => {
                    added.insert(key.clone());
                }
                Some(cause) if cause.is_empty() => {}
                Some(cause) => self.blame(key, &placed, cause, faults),
            }
        }
        added
    }

    /// Causes of refusals by index; empty for an address of ours that is there already.
    fn keep_serious(
        &mut self,
        refusals: impl Iterator<Item = (usize, io::Error)>,
        wanted: &[(&Key, Outliving)],
    ) -> BTreeMap<usize, String> {
        let mut there = None;
        let mut causes = BTreeMap::new();
        for (index, cause) in refusals {
            let Some((_, placed)) = wanted.get(index) else { continue };
            if cause.raw_os_error() != Some(libc::EEXIST) {
                causes.insert(index, reason(&cause));
                continue;
            }
            // Not yet in our table: whose is it?
            let there = there.get_or_insert_with(|| route::addresses(&mut self.channel).unwrap_or_default());
            let foreign = there.iter().any(|(link, seen)| {
                *link == placed.link && seen.address.ip == placed.address.ip && !seen.ours
            });
            causes.insert(index, if foreign { FOREIGN.into() } else { String::new() });
        }
        causes
    }

    /// Notes that an address could not be added.
    fn blame(&mut self, key: &Key, placed: &Outliving, cause: String, faults: &mut Faults) {
        let name = self.monitor.table().name(placed.link).unwrap_or("an interface that is gone");
        let fault = HoldFault { operation: format!("add {} to {name}", placed.address), cause };
        faults.extend(self.groups(key).into_iter().map(|group| (group, fault.clone())));
        self.repairs.failed(key);
        if let Some(guardian) = &self.guardian {
            guardian.removed(&[*placed]);
        }
    }

    /// Where an address piece is in the kernel.
    pub(super) fn placed(&self, key: &Key, value: &Value) -> Option<Outliving> {
        let (Key::Address { place, ip }, Value::Prefix(prefix)) = (key, value) else { return None };
        let link = match place {
            Place::Link(link) => *link,
            Place::Inside => self.inside.link()?,
        };
        let lease = self.ledger.owners(key).filter_map(|owner| match owner {
            Owner::Group(group) => self.leases.of(group),
            Owner::Prepared(_) | Owner::Link(_) => None,
        });
        let lease = lease.min().unwrap_or_default();
        Some(Outliving { link, address: InterfaceAddress { ip: *ip, prefix: *prefix }, lease })
    }

    /// A network that the link has of its own needs no second route; any other one needs its first.
    fn shaped(&self, placed: &Outliving) -> NewAddress {
        let Outliving { link, address, .. } = *placed;
        let beside = |link: Link| {
            let same = |real: &InterfaceAddress| real.contains(address.ip) && real.prefix <= address.prefix;
            link.addresses.iter().any(same)
        };
        let host = address.prefix == Family::of(address.ip).bits();
        let covered = host || self.monitor.table().link(link, |_| false).is_some_and(beside);
        let label = || self.monitor.table().name(link).and_then(marks::label);
        let label = if self.knows_address_protocol || address.ip.is_ipv6() { None } else { label() };
        NewAddress { link, address, prefix_route: !covered, label }
    }
}
