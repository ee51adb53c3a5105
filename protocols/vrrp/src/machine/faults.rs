//! What keeps a virtual router from running, each cause by its name, and the address it speaks from.

use std::net::IpAddr;

use fhrp::{Family, HoldFault, address};
use thiserror::Error;

use super::VirtualRouter;

/// Fixed part of a message with its IP header, without trailers.
const IPV4_FIXED: usize = 20 + 8;
const IPV6_FIXED: usize = 40 + 8;
/// Authentication Data, in version 2.
const AUTHENTICATION_DATA: usize = 8;

/// Why a virtual router cannot run.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum Fault {
    #[error("the interface does not exist")]
    NoLink,
    #[error("link {0} is down")]
    LinkDown(String),
    #[error("{link} has no {what} to speak from")]
    NoSource { link: String, what: String },
    #[error("an advertisement of {size} octets does not fit the MTU {mtu} of {link}")]
    TooLong { size: usize, mtu: u32, link: String },
    #[error("{0}")]
    Refused(HoldFault),
}

impl VirtualRouter {
    /// Every cause that holds now.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let Some(link) = self.link.as_ref().filter(|link| link.index != 0) else {
            return vec![Fault::NoLink];
        };
        let mut faults = Vec::new();
        let name = || link.name.clone();
        if !link.up {
            faults.push(Fault::LinkDown(name()));
        }
        if self.choose_source().is_none() {
            let what = match (self.config.source, self.config.family) {
                (Some(wished), _) => format!("address {wished}"),
                (None, Family::Ipv4) => "IPv4 address".to_owned(),
                (None, Family::Ipv6) => "IPv6 link-local address".to_owned(),
            };
            faults.push(Fault::NoSource { link: name(), what });
        }
        let size = self.advertisement_size();
        if link.mtu != 0 && u32::try_from(size).unwrap_or(u32::MAX) > link.mtu {
            faults.push(Fault::TooLong { size, mtu: link.mtu, link: name() });
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

/// All causes, in one clause.
pub(super) fn in_words(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ")
}
