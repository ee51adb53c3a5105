//! What keeps a virtual router from running, each cause by its name, and the address it speaks from.

use std::net::IpAddr;

use fhrp::Family;
use fhrp::faults::{Fault, of_link};

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
        let (family, wished) = (self.config.family, self.config.source);
        if let Some(peer) = self.config.peers.first() {
            return link.source_to(peer.address, wished, &virtual_ips);
        }
        let beside = self.config.addresses.first().map(|address| address.ip);
        link.source(family, wished, beside, &virtual_ips)
    }
}
