//! What a router does on a group's behalf, as a wish: the address manager makes the kernel agree.
//!
//! The engine never sees a state. A VRRP Active holds one MAC and some addresses; a GLBP gateway answers for
//! an address with MACs that other routers forward for, and forwards for a MAC whose address it does not
//! answer for; an HSRP group with `use-bia` holds addresses and no MAC; members of a balanced CARP group hold one MAC
//! together, each a share of what is sent to it. Empty means standing by.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::address::{InterfaceAddress, Mac, is_link_local};
use crate::share::Share;

/// Everything a group holds at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holdings {
    /// Virtual MACs whose frames we accept as our own and route, and which packets of each are ours. Several groups may
    /// have a part of one MAC: all of these parts together are ours.
    pub forward: BTreeMap<Mac, Share>,
    /// Virtual addresses, and what we do for each.
    pub addresses: BTreeMap<IpAddr, VirtualAddress>,
    /// Router advertisements to be sent while this is held. RFC 9568 §8.2.
    pub router_advertisement: Option<RouterAdvertisement>,
    /// How long the peers wait, at least, after our last sign of life before one takes over. When this
    /// process stalls for longer, all of this has to lapse without its help.
    pub lease: Duration,
}

impl Holdings {
    /// Holding nothing: standing by.
    pub fn none() -> Self {
        Holdings::default()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.forward.is_empty() && self.addresses.is_empty() && self.router_advertisement.is_none()
    }
}

/// One virtual address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VirtualAddress {
    /// Prefix length as configured; counts only where the address is put on the interface itself.
    pub prefix: u8,
    /// Where the address lives in the kernel, if anywhere.
    pub presence: Presence,
    /// Which MAC we name when asked for it.
    pub answer: Answer,
    /// Whether neighbour advertisements say that we are a router (R flag).
    pub router: bool,
}

/// Where a virtual address lives in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// Nowhere: we answer ARP and ND for it and route for its MAC, and drop what is sent to the address
    /// itself (Accept_Mode off).
    Unaccepted,
    /// In the router but not on the link: packets to it are accepted, while ARP and ND for it are ours.
    Accepted,
    /// On the interface like any other address, with the interface's MAC; the kernel answers for it.
    OnInterface,
    /// On the interface already, as one of its real addresses (an address owner); only who answers for it
    /// is ours to say.
    Native,
}

/// Which MAC a host is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// None from us: another member answers, or the kernel does.
    Silent,
    /// This one, whoever asks.
    With(Mac),
    /// This one, whoever asks, in a frame from the interface's own MAC: no switch may learn where it is, so that what
    /// is sent to it reaches every member. Nothing is announced.
    Stealth(Mac),
    /// The group chooses for each who asks: [`Input::Solicited`](crate::Input::Solicited). The answer leaves from the
    /// interface's own MAC, for the one that it names may be another router's.
    Ask,
}

/// What a router advertisement of the virtual router says. RFC 4861 §4.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterAdvertisement {
    /// Source: the virtual link-local address.
    pub source: Ipv6Addr,
    /// Source link-layer option: the virtual MAC. `None`: hosts have to ask for it, and it is sent from the interface's
    /// own.
    pub mac: Option<Mac>,
    /// Router Lifetime.
    pub lifetime: Duration,
    /// Longest time between two unsolicited ones; 4 to 1800 s.
    pub interval: Duration,
    /// Managed address configuration (M): hosts use DHCPv6 for addresses.
    pub managed: bool,
    /// Other configuration (O): hosts use DHCPv6 for the rest.
    pub other: bool,
    /// On-link prefixes for autoconfiguration.
    pub prefixes: Vec<InterfaceAddress>,
}

/// What an operator says of the router advertisements of a virtual router. RFC 4861 §6.2.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterAdvertising {
    /// AdvDefaultLifetime.
    pub lifetime: Duration,
    /// MaxRtrAdvInterval.
    pub interval: Duration,
    /// AdvManagedFlag.
    pub managed: bool,
    /// AdvOtherConfigFlag.
    pub other: bool,
    /// AdvPrefixList.
    pub prefixes: Vec<InterfaceAddress>,
}

impl RouterAdvertising {
    /// What is said for a virtual router with these addresses and this MAC: hosts make the source their default router,
    /// so it has to be the link-local address that moves with the role. `None` without one.
    pub fn said_for(
        &self,
        addresses: &[InterfaceAddress],
        mac: impl Into<Option<Mac>>,
    ) -> Option<RouterAdvertisement> {
        let source = addresses.iter().find_map(|address| match address.ip {
            IpAddr::V6(ip) if is_link_local(address.ip) => Some(ip),
            IpAddr::V6(_) | IpAddr::V4(_) => None,
        })?;
        Some(RouterAdvertisement {
            source,
            mac: mac.into(),
            lifetime: self.lifetime,
            interval: self.interval,
            managed: self.managed,
            other: self.other,
            prefixes: self.prefixes.clone(),
        })
    }
}

/// Why a wish could not be granted: what was tried, on what, and what the kernel said.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[error("{operation}: {cause}")]
pub struct HoldFault {
    /// Operation and object: `add 10.0.0.1/24 to eth0`.
    pub operation: String,
    /// The kernel's answer: `permission denied`.
    pub cause: String,
}
