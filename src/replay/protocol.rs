//! What a replay must know of each protocol; each one's own knowledge is in a file of its own.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::{InterfaceAddress, Mac, Received};
use thiserror::Error;

use super::{hsrp, vrrp};
use crate::config::{GroupPlan, ProtocolPlan};

/// Why the settings of a router cannot be told from its frames.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unknowable {
    /// Not one frame of it can be read.
    #[error("none of its frames can be read")]
    NoFrame,
    /// Its frames are signed.
    #[error("its frames are signed, and no key that fits was given: --key {0}=SECRET")]
    KeyMissing(&'static str),
}

/// Real addresses that a group needs: one it is told to speak from, virtual ones that it owns.
pub(super) fn real_addresses(plan: &ProtocolPlan) -> Vec<InterfaceAddress> {
    match plan {
        ProtocolPlan::Vrrp(config) => vrrp::real_addresses(config),
        ProtocolPlan::Hsrp(config) => hsrp::real_addresses(config),
    }
}

/// The virtual addresses of a group.
pub(super) fn virtual_addresses(plan: &ProtocolPlan) -> Vec<InterfaceAddress> {
    match plan {
        ProtocolPlan::Vrrp(config) => config.addresses.clone(),
        ProtocolPlan::Hsrp(config) => config.addresses.clone(),
    }
}

/// The same group, speaking from this address.
pub(super) fn speaking_from(plan: &GroupPlan, source: IpAddr) -> GroupPlan {
    let mut plan = plan.clone();
    match &mut plan.protocol {
        ProtocolPlan::Vrrp(config) => config.source = Some(source),
        ProtocolPlan::Hsrp(config) => config.source = Some(source),
    }
    plan
}

/// How long a router with these settings waits after its start before it takes a role that nobody holds.
pub(super) fn wait_after_start(plan: &ProtocolPlan) -> Duration {
    match plan {
        ProtocolPlan::Vrrp(config) => vrrp::wait_after_start(config),
        ProtocolPlan::Hsrp(config) => hsrp::wait_after_start(config),
    }
}

/// Everything that one router's frames say of its settings in one group.
#[derive(Debug, Clone)]
pub(super) enum Announced {
    Vrrp(vrrp::Announced),
}

impl Announced {
    /// `None` if routers of this protocol cannot be re-enacted.
    pub(super) fn new(protocol: &str, source: IpAddr, group: u16) -> Option<Self> {
        match protocol {
            "vrrp" => Some(Announced::Vrrp(vrrp::Announced::new(source, group))),
            _ => None,
        }
    }

    /// A frame of it.
    pub(super) fn hear(&mut self, at: u64, received: &Received<'_>, keys: &[&[u8]]) {
        match self {
            Announced::Vrrp(announced) => announced.hear(at, received, keys),
        }
    }

    /// Its settings at a moment.
    pub(super) fn plan(&self, at: u64, interface: &str, name: &str) -> Result<GroupPlan, Unknowable> {
        let protocol = match self {
            Announced::Vrrp(announced) => ProtocolPlan::Vrrp(announced.config(at)?),
        };
        Ok(GroupPlan { interface: interface.to_owned(), name: name.to_owned(), protocol })
    }

    /// When its settings changed, the first one included.
    pub(super) fn changes(&self) -> Vec<u64> {
        match self {
            Announced::Vrrp(announced) => announced.changes().collect(),
        }
    }

    /// Its own MAC, if it was seen.
    pub(super) fn own_mac(&self) -> Option<Mac> {
        match self {
            Announced::Vrrp(announced) => announced.own_mac(),
        }
    }

    /// What was concluded, in words.
    pub(super) fn conclusions(&self, at: u64) -> Vec<String> {
        match self {
            Announced::Vrrp(announced) => announced.conclusions(at),
        }
    }
}

/// Whether a field is the sender's own to count, or follows from others.
pub(super) fn is_its_own(protocol: &str, field: &str) -> bool {
    match protocol {
        "vrrp" => vrrp::is_its_own(field),
        _ => false,
    }
}

/// Why a field may differ, if anything says so.
pub(super) fn why_it_differs(protocol: &str, field: &str, theirs: &str, ours: &str) -> Option<&'static str> {
    match protocol {
        "vrrp" => vrrp::why_it_differs(field, theirs, ours),
        _ => None,
    }
}
