//! What keeps a virtual host from running, each cause by its name, and the addresses it speaks from.

use std::net::IpAddr;

use fhrp::Family;
use fhrp::faults::{Fault, of_link};

use super::VirtualHost;
use crate::config::Destination;

impl VirtualHost {
    /// Every cause that holds now.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let link = self.link.as_ref();
        let mut faults: Vec<Fault> = Vec::new();
        for family in self.config.families() {
            let found = of_link(link, family, self.wished_source(family), self.chooses_source(family));
            faults.extend(found.into_iter().filter(|fault| !faults.contains(fault)).collect::<Vec<_>>());
        }
        let Some(link) = link.filter(|link| link.index != 0) else { return faults };
        // Where a program puts them on the interface, they may be there before we know, and stay a little longer.
        let ours = self.config.addresses.iter().filter(|_| !self.config.addresses_by_hook);
        let taken = ours.filter(|address| link.has(address.ip));
        faults.extend(taken.map(|taken| Fault::AddressTaken { link: link.name.clone(), address: taken.ip }));
        if let Some(refusal) = &self.refusal {
            faults.push(Fault::Refused(refusal.cause.clone()));
        }
        faults
    }

    fn wished_source(&self, family: Family) -> Option<IpAddr> {
        self.config.sources.iter().copied().find(|source| Family::of(*source) == family)
    }

    /// The addresses that we could speak from.
    pub(super) fn choose_sources(&self) -> Vec<IpAddr> {
        self.config.families().filter_map(|family| self.chooses_source(family)).collect()
    }

    /// The address we speak from in a family. A virtual address is none.
    fn chooses_source(&self, family: Family) -> Option<IpAddr> {
        let link = self.link.as_ref()?;
        let wished = self.wished_source(family);
        let virtual_ips: Vec<IpAddr> = self.config.addresses.iter().map(|address| address.ip).collect();
        let of_family = |ip: &IpAddr| Family::of(*ip) == family;
        let peer = match &self.config.destination {
            Destination::Multicast { .. } => None,
            Destination::Peers(peers) => peers.iter().map(|peer| peer.address).find(of_family),
        };
        match peer {
            Some(peer) => link.source_to(peer, wished, &virtual_ips),
            None => link.source(family, wished, virtual_ips.iter().copied().find(of_family), &virtual_ips),
        }
    }
}
