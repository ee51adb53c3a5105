//! The protocols of this build: the one list that everything else goes by.

use std::any::Any;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use fhrp::contract::Ear;
use fhrp::{Family, Group, InterfaceAddress, Mac, Protocol};

use crate::config::ProtocolPlan;

/// In the order in which a frame is offered to them.
pub static PROTOCOLS: &[&dyn Protocol] = &[&carp::PROTOCOL, &vrrp::demux::PROTOCOL, &hsrp::PROTOCOL];

/// In the order in which a frame of a capture is offered to them.
pub static DECODED: &[&dyn Protocol] =
    &[&carp::PROTOCOL, &vrrp::demux::PROTOCOL, &hsrp::PROTOCOL, &glbp::PROTOCOL];

/// A group that is ready to run.
pub fn build(plan: &ProtocolPlan) -> Box<dyn Group> {
    match plan {
        ProtocolPlan::Vrrp(config) => Box::new(vrrp::VirtualRouter::new(config.clone())),
        ProtocolPlan::Carp(config) => Box::new(carp::VirtualHost::new(config.clone())),
        ProtocolPlan::Hsrp(config) => Box::new(hsrp::Membership::new(config.clone())),
    }
}

/// A group's own configuration, for [`fhrp::Input::Reconfigure`].
pub fn configuration(plan: &ProtocolPlan) -> &dyn Any {
    match plan {
        ProtocolPlan::Vrrp(config) => config,
        ProtocolPlan::Carp(config) => config,
        ProtocolPlan::Hsrp(config) => config,
    }
}

/// Every virtual MAC that the group may ever hold.
pub fn virtual_macs(plan: &ProtocolPlan) -> BTreeSet<Mac> {
    match plan {
        ProtocolPlan::Vrrp(config) => config.virtual_mac.into_iter().collect(),
        ProtocolPlan::Carp(config) => config.virtual_mac.into_iter().collect(),
        ProtocolPlan::Hsrp(config) => config.virtual_mac.into_iter().collect(),
    }
}

/// Whether other routers hold the group's virtual MAC at the same time, each for a share of what is sent to it.
pub fn shares(plan: &ProtocolPlan) -> bool {
    match plan {
        ProtocolPlan::Vrrp(_) | ProtocolPlan::Hsrp(_) => false,
        ProtocolPlan::Carp(config) => config.balancing.is_some(),
    }
}

/// The name of the group whose state this one takes.
pub fn leader(plan: &ProtocolPlan) -> Option<&str> {
    match plan {
        ProtocolPlan::Vrrp(_) | ProtocolPlan::Carp(_) => None,
        ProtocolPlan::Hsrp(config) => config.follow.as_deref(),
    }
}

/// The name of what the group moves together with.
pub fn failover_group(plan: &ProtocolPlan) -> Option<&str> {
    match plan {
        ProtocolPlan::Vrrp(_) | ProtocolPlan::Hsrp(_) => None,
        ProtocolPlan::Carp(config) => config.failover_group.as_deref(),
    }
}

/// Whether ICMP redirects may leave the group's interface.
pub fn redirects(plan: &ProtocolPlan) -> bool {
    match plan {
        ProtocolPlan::Vrrp(_) | ProtocolPlan::Carp(_) => true,
        ProtocolPlan::Hsrp(config) => config.redirects,
    }
}

/// Every IPv6 address that the group may ever answer neighbour solicitations for.
pub fn solicited_addresses(plan: &ProtocolPlan) -> Vec<Ipv6Addr> {
    let addresses: Vec<InterfaceAddress> = match plan {
        ProtocolPlan::Vrrp(config) => config.addresses.iter().chain(&config.excluded).copied().collect(),
        ProtocolPlan::Carp(config) => config.addresses.clone(),
        ProtocolPlan::Hsrp(config) => config.addresses.clone(),
    };
    addresses
        .iter()
        .filter_map(|address| match address.ip {
            IpAddr::V6(ip) => Some(ip),
            IpAddr::V4(_) => None,
        })
        .collect()
}

/// The families that a group speaks.
pub fn families(plan: &ProtocolPlan) -> BTreeSet<Family> {
    match plan {
        ProtocolPlan::Vrrp(config) => [config.family].into(),
        ProtocolPlan::Carp(config) => config.families().collect(),
        ProtocolPlan::Hsrp(config) => [config.family].into(),
    }
}

/// What must be let through to us for a group.
pub fn ears(plan: &ProtocolPlan) -> Vec<Ear> {
    let protocol: &dyn Protocol = match plan {
        ProtocolPlan::Vrrp(_) => &vrrp::demux::PROTOCOL,
        ProtocolPlan::Carp(_) => &carp::PROTOCOL,
        ProtocolPlan::Hsrp(_) => &hsrp::PROTOCOL,
    };
    let ears = families(plan).into_iter().flat_map(|family| protocol.ears(family).iter().copied());
    match plan {
        ProtocolPlan::Vrrp(_) | ProtocolPlan::Hsrp(_) => ears.collect(),
        ProtocolPlan::Carp(config) => ears
            .map(|ear| match config.group(Family::of(ear.multicast)) {
                Some(multicast) => Ear { multicast, ..ear },
                None => ear,
            })
            .collect(),
    }
}
