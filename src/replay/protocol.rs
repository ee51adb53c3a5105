//! What a replay must know of each protocol; each one's own knowledge is in a file of its own.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::dissect::{Dissection, Value};
use fhrp::{Datagram, InterfaceAddress, Mac, Received};
use thiserror::Error;

use super::hellos::Stateful;
use super::{carp, glbp, hsrp, vrrp};
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
    /// Its digests cover addresses that no frame says.
    #[error("its digests cover its virtual addresses, which no frame says: --carp-address ADDRESS for each")]
    AddressesMissing,
}

/// Real addresses that a group needs: one it is told to speak from, virtual ones that it owns.
pub(super) fn real_addresses(plan: &ProtocolPlan) -> Vec<InterfaceAddress> {
    match plan {
        ProtocolPlan::Vrrp(config) => vrrp::real_addresses(config),
        ProtocolPlan::Carp(config) => carp::real_addresses(config),
        ProtocolPlan::Hsrp(config) => hsrp::real_addresses(config),
        ProtocolPlan::Glbp(config) => glbp::real_addresses(config),
    }
}

/// The virtual addresses of a group.
pub(super) fn virtual_addresses(plan: &ProtocolPlan) -> Vec<InterfaceAddress> {
    match plan {
        ProtocolPlan::Vrrp(config) => config.addresses.clone(),
        ProtocolPlan::Carp(config) => config.addresses.clone(),
        ProtocolPlan::Hsrp(config) => config.addresses.clone(),
        ProtocolPlan::Glbp(config) => config.addresses.clone(),
    }
}

/// The same group, speaking from this address.
pub(super) fn speaking_from(plan: &GroupPlan, source: IpAddr) -> GroupPlan {
    let mut plan = plan.clone();
    match &mut plan.protocol {
        ProtocolPlan::Vrrp(config) => config.source = Some(source),
        ProtocolPlan::Carp(config) => config.sources = vec![source],
        ProtocolPlan::Hsrp(config) => config.source = Some(source),
        ProtocolPlan::Glbp(config) => config.source = Some(source),
    }
    plan
}

/// How long a router with these settings waits after its start before it takes a role that nobody holds.
pub(super) fn wait_after_start(plan: &ProtocolPlan) -> Duration {
    match plan {
        ProtocolPlan::Vrrp(config) => vrrp::wait_after_start(config),
        ProtocolPlan::Carp(config) => carp::wait_after_start(config),
        ProtocolPlan::Hsrp(config) => hsrp::wait_after_start(config),
        ProtocolPlan::Glbp(config) => glbp::wait_after_start(config),
    }
}

/// Everything that one router's frames say of its settings in one group.
#[derive(Debug, Clone)]
pub(super) enum Announced {
    Vrrp(vrrp::Announced),
    Carp(carp::Announced),
    Hsrp(hsrp::Announced),
    Glbp(glbp::Announced),
}

impl Announced {
    /// `None` if routers of this protocol cannot be re-enacted. `addresses` are those that CARP's digests cover.
    pub(super) fn new(protocol: &str, source: IpAddr, group: u16, addresses: &[IpAddr]) -> Option<Self> {
        match protocol {
            "vrrp" => Some(Announced::Vrrp(vrrp::Announced::new(source, group))),
            "carp" => Some(Announced::Carp(carp::Announced::new(source, group, addresses))),
            "hsrp" => Some(Announced::Hsrp(hsrp::Announced::new(source, group))),
            "glbp" => Some(Announced::Glbp(glbp::Announced::new(source, group))),
            _ => None,
        }
    }

    /// A frame of it.
    pub(super) fn hear(&mut self, at: u64, received: &Received<'_>, keys: &[&[u8]]) {
        match self {
            Announced::Vrrp(announced) => announced.hear(at, received, keys),
            Announced::Carp(announced) => announced.hear(at, received, keys),
            Announced::Hsrp(announced) => announced.hear(at, received, keys),
            Announced::Glbp(announced) => announced.hear(at, received, keys),
        }
    }

    /// A frame of somebody else in the group.
    pub(super) fn overhear(&mut self, at: u64, received: &Received<'_>, keys: &[&[u8]]) {
        match self {
            // Each advertisement of it speaks for itself.
            Announced::Vrrp(_) => {}
            Announced::Carp(announced) => announced.overhear(at, received),
            Announced::Hsrp(announced) => announced.overhear(at, received, keys),
            Announced::Glbp(announced) => announced.overhear(at, received, keys),
        }
    }

    /// A frame of it that speaks for all groups of its interface.
    pub(super) fn spoke_of_interface(&mut self, at: u64) {
        match self {
            Announced::Vrrp(_) | Announced::Carp(_) | Announced::Glbp(_) => {}
            Announced::Hsrp(announced) => announced.spoke_of_interface(at),
        }
    }

    /// The frame of a holder whom nobody saw, if one is called for.
    pub(super) fn unseen_holder(&self) -> Option<Datagram> {
        match self {
            Announced::Vrrp(_) | Announced::Carp(_) | Announced::Glbp(_) => None,
            Announced::Hsrp(announced) => announced.unseen_holder(),
        }
    }

    /// What its hellos show, where they say states.
    pub(super) fn stateful(&self) -> Option<&dyn Stateful> {
        match self {
            Announced::Vrrp(_) | Announced::Carp(_) => None,
            Announced::Hsrp(announced) => Some(announced),
            Announced::Glbp(announced) => Some(announced),
        }
    }

    /// What its timers may be off, as its frames show, in nanoseconds.
    pub(super) fn spread(&self) -> u64 {
        self.stateful().map_or(0, Stateful::spread)
    }

    /// When it had heard the holder that it preempted at a moment, where that is done as soon as a worse one is heard.
    pub(super) fn preempted(&self, at: u64) -> Option<u64> {
        match self {
            Announced::Vrrp(_) | Announced::Hsrp(_) | Announced::Glbp(_) => None,
            Announced::Carp(announced) => announced.preempted(at),
        }
    }

    /// By how much it may be late for its own reasons.
    pub(super) fn slowness(&self) -> Duration {
        match self {
            Announced::Vrrp(_) | Announced::Hsrp(_) | Announced::Glbp(_) => Duration::ZERO,
            Announced::Carp(announced) => announced.slowness(),
        }
    }

    /// Why it speaks out of turn, if nothing that it just heard says so.
    pub(super) fn out_of_turn(&self) -> Option<&'static str> {
        match self {
            Announced::Vrrp(_) | Announced::Hsrp(_) | Announced::Glbp(_) => None,
            Announced::Carp(announced) => announced.out_of_turn(),
        }
    }

    /// How often a holder speaks that was there before the capture began; `None`: once is enough.
    pub(super) fn prelude_again(&self) -> Option<Duration> {
        match self {
            Announced::Vrrp(_) | Announced::Carp(_) | Announced::Glbp(_) => None,
            Announced::Hsrp(announced) => announced.hello(),
        }
    }

    /// Its messages as GLBP's, whose forwarders are compared as well.
    pub(super) fn glbp(&self) -> Option<&glbp::Announced> {
        match self {
            Announced::Vrrp(_) | Announced::Carp(_) | Announced::Hsrp(_) => None,
            Announced::Glbp(announced) => Some(announced),
        }
    }

    /// Its settings at a moment.
    pub(super) fn plan(&self, at: u64, interface: &str, name: &str) -> Result<GroupPlan, Unknowable> {
        let protocol = match self {
            Announced::Vrrp(announced) => ProtocolPlan::Vrrp(announced.config(at)?),
            Announced::Carp(announced) => ProtocolPlan::Carp(announced.config(at)?),
            Announced::Hsrp(announced) => ProtocolPlan::Hsrp(announced.config(at)?),
            Announced::Glbp(announced) => ProtocolPlan::Glbp(announced.config(at)?),
        };
        Ok(GroupPlan { interface: interface.to_owned(), name: name.to_owned(), protocol, hook: None })
    }

    /// When its settings changed, the first one included.
    pub(super) fn changes(&self) -> Vec<u64> {
        match self {
            Announced::Vrrp(announced) => announced.changes().collect(),
            Announced::Carp(announced) => announced.changes().collect(),
            Announced::Hsrp(announced) => announced.changes().collect(),
            Announced::Glbp(announced) => announced.changes().collect(),
        }
    }

    /// Its own MAC, if it was seen.
    pub(super) fn own_mac(&self) -> Option<Mac> {
        match self {
            Announced::Vrrp(announced) => announced.own_mac(),
            Announced::Carp(announced) => announced.own_mac(),
            Announced::Hsrp(announced) => announced.own_mac(),
            Announced::Glbp(announced) => announced.own_mac(),
        }
    }

    /// What was concluded, in words.
    pub(super) fn conclusions(&self, at: u64) -> Vec<String> {
        match self {
            Announced::Vrrp(announced) => announced.conclusions(at),
            Announced::Carp(announced) => announced.conclusions(at),
            Announced::Hsrp(announced) => announced.conclusions(at),
            Announced::Glbp(announced) => announced.conclusions(at),
        }
    }
}

/// What was true at a moment of something that changes; before the first change that is known, what it changed to.
pub(super) fn true_at<T>(changes: &[(u64, T)], at: u64) -> Option<&T> {
    let until = changes.iter().rev().find(|(since, _)| *since <= at);
    until.or(changes.first()).map(|(_, value)| value)
}

/// What a frame says of its sender's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Says {
    /// Whether it gives the role up.
    pub(super) resigns: bool,
    /// What kind of message it is, where there are several: `hello`.
    pub(super) kind: &'static str,
    /// The state that its sender is in, where it says so: `standby`.
    pub(super) state: &'static str,
}

impl Says {
    pub(super) fn of(dissection: &Dissection) -> Self {
        match dissection.protocol {
            // Whoever advertises is active, or master.
            "vrrp" => Says { resigns: dissection.priority == Some(0), kind: "", state: "" },
            "carp" => Says { resigns: takes_its_leave(dissection), kind: "", state: "" },
            // Whoever takes a forwarder over says that first, and nothing of a state.
            "glbp" if dissection.kind == "hello" && dissection.state.is_none() => {
                Says { resigns: false, kind: "forwarder", state: "active" }
            }
            "glbp" if dissection.priority == Some(0) => Says { resigns: true, kind: "goodbye", state: "" },
            _ => Says {
                resigns: dissection.kind == "resign",
                kind: dissection.kind,
                state: dissection.state.unwrap_or_default(),
            },
        }
    }
}

/// Whether this is CARP's goodbye.
fn takes_its_leave(dissection: &Dissection) -> bool {
    dissection.details.iter().any(|(name, value)| *name == "goodbye" && *value == Value::Truth(true))
}

/// Whether a field is the sender's own to count, or follows from others.
pub(super) fn is_its_own(protocol: &str, field: &str) -> bool {
    match protocol {
        "vrrp" => vrrp::is_its_own(field),
        "carp" => carp::is_its_own(field),
        "hsrp" => hsrp::is_its_own(field),
        "glbp" => glbp::is_its_own(field),
        _ => false,
    }
}

/// Why a field may differ, if anything says so.
pub(super) fn why_it_differs(protocol: &str, field: &str, theirs: &str, ours: &str) -> Option<&'static str> {
    match protocol {
        "vrrp" => vrrp::why_it_differs(field, theirs, ours),
        "carp" => carp::why_it_differs(field, theirs, ours),
        "hsrp" => hsrp::why_it_differs(field, theirs, ours),
        "glbp" => glbp::why_it_differs(field, theirs, ours),
        _ => None,
    }
}
