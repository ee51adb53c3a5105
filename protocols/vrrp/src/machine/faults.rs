//! What keeps a virtual router from running, each cause by its name, and the address it speaks from.

use std::net::IpAddr;

use fhrp::faults::{Fault, of_link};
use fhrp::{Family, address};

use super::VirtualRouter;

/// Fixed part of a message with its IP header, without trailers.
const IPV4_FIXED: usize = 20 + 8;
const IPV6_FIXED: usize = 40 + 8;
/// Authentication Data, in version 2.
const AUTHENTICATION_DATA: usize = 8;

impl VirtualRouter {
    /// Every cause that holds now.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let link = self.link.as_ref();
        let mut faults = of_link(link, self.config.family, self.config.source, self.choose_source());
        let Some(link) = link.filter(|link| link.index != 0) else { return faults };
        let size = self.advertisement_size();
        if link.mtu != 0 && u32::try_from(size).unwrap_or(u32::MAX) > link.mtu {
            faults.push(Fault::TooLong { size, mtu: link.mtu, link: link.name.clone() });
        }
        if let Some(refusal) = &self.refusal {
            faults.push(Fault::Refused(refusal.cause.clone()));
        }
        faults
    }

    /// Octets of our longest advertisement as an IP packet.
    fn advertisement_size(&self) -> usize {
        let count = self.config.addresses.len();
        let message = match self.config.family {
            Family::Ipv4 => IPV4_FIXED + 4 * count + AUTHENTICATION_DATA,
            Family::Ipv6 => IPV6_FIXED + 16 * count,
        };
        message + self.guard.overhead()
    }

    /// The address we speak from. A virtual address is none, unless it is really ours. RFC 9568 §5.1.1.1.
    pub(super) fn choose_source(&self) -> Option<IpAddr> {
        let link = self.link.as_ref()?;
        let virtual_ips: Vec<IpAddr> = match self.is_owner() {
            true => Vec::new(),
            false => self.config.addresses.iter().map(|address| address.ip).collect(),
        };
        let peer = self.config.peers.first().map(|peer| peer.address);
        let far = peer.filter(|peer| self.config.family == Family::Ipv6 && !address::is_link_local(*peer));
        if let (Some(peer), None) = (far, self.config.source) {
            // To a peer beyond the link no link-local address can speak.
            let mut global = link.addresses.iter().filter(|address| {
                let ip = address.ip;
                Family::of(ip) == Family::Ipv6 && !address::is_link_local(ip) && !virtual_ips.contains(&ip)
            });
            return global
                .clone()
                .find(|address| address.contains(peer))
                .or_else(|| global.next())
                .map(|address| address.ip);
        }
        let neighbour = peer.or(self.config.addresses.first().map(|address| address.ip));
        link.source(self.config.family, self.config.source, neighbour, &virtual_ips)
    }
}
