//! What the simulation asks of a protocol: to make its groups, to read its messages, and to say what its
//! standard allows. One implementation a protocol; the rest of the simulation knows none by name.
//!
//! The rules are a second reading of the standard. They share the wire format with the protocol module, and
//! nothing else: no timer, no comparison, no state.

use std::any::Any;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Command, Datagram, Holdings, Instant, Link, Mac, Received, Route, Share};

use super::invariant::{Breach, Invariant};
use super::scenario::{Forgery, Group, Member, Scenario};
use super::{carp, glbp, hsrp, vrrp};
use crate::engine::group::Identity;
use crate::engine::{Effect, GroupIndex};

/// What a message says, in its protocol's terms.
#[derive(Debug, Clone)]
pub enum Said {
    /// VRRP.
    Vrrp(vrrp::Said),
    /// HSRP.
    Hsrp(hsrp::Said),
    /// CARP.
    Carp(carp::Said),
    /// GLBP.
    Glbp(glbp::Said),
}

/// A step of a turn: a group was told something, and has answered.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// By the router's clock.
    pub now: Instant,
    /// By its wall clock, since the Unix epoch.
    pub wall: Duration,
    /// Everything that the router's groups asked for in this turn so far.
    pub effects: &'a [Effect],
    /// Where in `effects` begins what was asked for because of this step.
    pub before: usize,
    /// The group's number in the engine.
    pub index: GroupIndex,
}

/// A message was handed to a group.
#[derive(Debug)]
pub struct Heard<'a> {
    /// By the router's clock: when it arrived.
    pub at: Instant,
    /// What it says.
    pub said: &'a Said,
    /// Whether the group refused it.
    pub refused: bool,
    /// When it was handed in, and what came of it.
    pub step: Step<'a>,
}

/// A turn of a router's event loop is over, as far as one group is concerned.
#[derive(Debug)]
pub struct Turn<'a> {
    /// By the router's clock.
    pub now: Instant,
    /// By its wall clock, since the Unix epoch.
    pub wall: Duration,
    /// The group's number in the engine.
    pub index: GroupIndex,
    /// Everything that all groups of the router asked for, in order.
    pub effects: &'a [Effect],
    /// Whether the group holds anything, or wants to.
    pub holds: bool,
    /// When the engine wants to be woken next, for whichever of its groups.
    pub deadline: Option<Instant>,
    /// Whether nothing has happened for so long that nothing may change.
    pub settled: bool,
}

/// Something that exactly one member of a connected, healed network must do. VRRP, CARP and HSRP have one Active,
/// which does it all; of GLBP's duties each may be another router's: the gateway answers, each forwarder has a MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// To forward all that is sent to this virtual MAC.
    Forward(Mac),
    /// To forward what is sent to this virtual MAC and falls into this bucket.
    Share(Mac, u8),
    /// To answer for this address.
    Answer(IpAddr),
}

impl Duty {
    /// Whether who holds this does it.
    pub fn is_done_by(&self, held: &Holdings) -> bool {
        match self {
            Duty::Forward(mac) => held.forward.get(mac) == Some(&Share::Whole),
            Duty::Share(mac, number) => match held.forward.get(mac) {
                Some(Share::Buckets(buckets)) => buckets.has(*number),
                Some(Share::Whole) => true,
                None => false,
            },
            Duty::Answer(address) => held.addresses.contains_key(address),
        }
    }
}

impl Duty {
    /// Whether it is about what is sent to this MAC.
    pub fn is_of(&self, to: Mac) -> bool {
        match self {
            Duty::Forward(mac) | Duty::Share(mac, _) => *mac == to,
            Duty::Answer(_) => false,
        }
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Duty::Forward(mac) => write!(f, "forwarding for {mac}"),
            Duty::Share(mac, number) => write!(f, "forwarding bucket {number} of {mac}"),
            Duty::Answer(address) => write!(f, "answering for {address}"),
        }
    }
}

/// The conditions under which a network settles.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// The longest way of a frame.
    pub delay: Duration,
    /// The latest a timer fires, or a frame is handled.
    pub lateness: Duration,
    /// The longest a kernel takes for a change.
    pub kernel: Duration,
    /// For how long a kernel has refused everything, so that a router stayed away: all such times together.
    pub refused_for: Duration,
}

impl Turn<'_> {
    /// What the group sent.
    pub fn sends(&self) -> impl Iterator<Item = &Datagram> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Send { group, datagram, .. } if *group == self.index => Some(datagram),
            _ => None,
        })
    }

    /// All of it as one step.
    pub fn step(&self) -> Step<'_> {
        let Turn { now, wall, effects, index, .. } = *self;
        Step { now, wall, effects, before: 0, index }
    }

    /// Every timer that was due has fired or was cancelled.
    ///
    /// # Errors
    /// One that has not.
    pub fn has_no_timer_left_behind(&self) -> Result<(), Breach> {
        match self.deadline {
            Some(deadline) if deadline <= self.now => {
                let late = deadline.until(self.now);
                let what = format!("a timer of {late:?} ago neither fired nor was cancelled");
                Err(Breach::new(Invariant::Timers, what))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// What a group owes to a message that was obeyed before and is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replays {
    /// To refuse it: something in it counts.
    Refused,
    /// To obey it like any other: the protocol has nothing to tell it by.
    Obeyed,
    /// Nobody tries.
    Untried,
}

/// A protocol's rules for one group.
pub trait Rules {
    /// Which group it is.
    fn identity(&self) -> Identity;

    /// The virtual address that hosts use as their gateway.
    fn gateway(&self) -> IpAddr;

    /// What must be done by exactly one member.
    fn duties(&self) -> Vec<Duty>;

    /// Virtual addresses that are a router's own besides its usual ones.
    fn own_addresses(&self, router: usize) -> Vec<fhrp::InterfaceAddress>;

    /// A new process of a router makes its group.
    fn make(&mut self, router: usize) -> Box<dyn fhrp::Group>;

    /// A router's process is gone, at once.
    fn died(&mut self, router: usize);

    /// A router's interface is told to its group.
    fn link(&mut self, router: usize, now: Instant, link: &Link);

    /// A router's machine stood still for so long, and what it held may have lapsed.
    fn stood_still(&mut self, router: usize, now: Instant, span: Duration);

    /// The kernel's answer to a router's latest wish is about to be handed in.
    fn granted(&mut self, router: usize, now: Instant, granted: bool);

    /// Tracked faults take `amount` of a router's priority from now on.
    fn penalty(&mut self, router: usize, now: Instant, amount: u16);

    /// A router goes over to other settings; its new configuration, as the group is told it.
    fn reload(&mut self, router: usize, now: Instant, member: &Member) -> Option<Box<dyn Any>>;

    /// A router is told to stop.
    fn stop(&mut self, router: usize, now: Instant);

    /// An operator tells a router something.
    fn ordered(&mut self, router: usize, now: Instant, command: Command);

    /// What a router's group was told last, other than a message, has had its effect. Rules that look at no more than
    /// whole turns have nothing to do here.
    ///
    /// # Errors
    /// The rule that what came of it breaks.
    fn came(&mut self, _router: usize, _step: &Step<'_>) -> Result<(), Breach> {
        Ok(())
    }

    /// Reads a message of this group.
    fn read(&self, received: &Received<'_>) -> Option<Said>;

    /// Makes a message that no member sent: an IP packet's payload and what is around it. `None` where that
    /// would be no breach of a rule, so that obeying it is right.
    fn forge(&self, kind: Forgery, chance: u64) -> Option<Datagram>;

    /// The payload of a message as somebody sends it again who has changed what he could; `None` where that is nothing.
    fn alter(&self, _payload: &[u8], _chance: u64) -> Option<Vec<u8>> {
        None
    }

    /// What becomes of a message that comes to who has accepted it, or a later one of its sender, before.
    fn replays(&self) -> Replays;

    /// A message was handed in.
    ///
    /// # Errors
    /// The rule that what came of it breaks.
    fn heard(&mut self, router: usize, heard: &Heard<'_>) -> Result<(), Breach>;

    /// A router has told a host this MAC.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn answered(&mut self, _router: usize, _step: &Step<'_>, _mac: Mac) -> Result<(), Breach> {
        Ok(())
    }

    /// A turn is over.
    ///
    /// # Errors
    /// The rule that was broken in it.
    fn turn(&mut self, router: usize, turn: &Turn<'_>) -> Result<(), Breach>;

    /// How long it takes at most, under these conditions, until every duty has one holder and stays with it.
    fn settles_in(&self, conditions: &Conditions) -> Duration;

    /// How long two holders that hear each other may both be there.
    fn overlaps_for(&self, conditions: &Conditions) -> Duration;

    /// Whether a router does it whose kernel holds what that takes. Where a router holds the same for several duties, what
    /// it says tells which of them is its own.
    fn performs(&self, _router: usize, _duty: &Duty) -> bool {
        true
    }

    /// Whether `holder` may be the one that does it, among these candidates.
    ///
    /// # Errors
    /// Who should be, and why.
    fn elects(&self, duty: &Duty, holder: usize, candidates: &[usize]) -> Result<(), Breach>;

    /// Whether a router that takes part could do it at all, with what it knows.
    fn is_able(&self, _duty: &Duty, _router: usize) -> bool {
        true
    }

    /// Whether these, who hear each other and have come to rest, agree on everything that shows in no duty: who is next
    /// in line, say, or whose share of the hosts is whose.
    ///
    /// # Errors
    /// On what they do not.
    fn agrees(&self, _part: &[usize]) -> Result<(), Breach> {
        Ok(())
    }

    /// A router's state, for a timeline: the protocol's word.
    fn state(&self, router: usize) -> &'static str;
}

/// The rules of a scenario's group of this number.
pub fn rules(number: usize, scenario: &Scenario) -> Box<dyn Rules> {
    match &scenario.groups[number] {
        Group::Vrrp(setup) => Box::new(vrrp::VrrpRules::new(setup, &scenario.routers)),
        Group::Carp(setup) => Box::new(carp::CarpRules::new(setup, &scenario.routers)),
        Group::Hsrp(setup) => {
            let is_sibling = |(other, group): (usize, &Group)| {
                other != number && matches!(group, Group::Hsrp(other) if other.ipv6 == setup.ipv6)
            };
            let has_siblings = scenario.groups.iter().enumerate().any(is_sibling);
            Box::new(hsrp::HsrpRules::new(setup, &scenario.routers, has_siblings))
        }
        Group::Glbp(setup) => Box::new(glbp::GlbpRules::new(setup, &scenario.routers)),
    }
}

/// A datagram as its receiver will see it, as far as reading it needs.
pub fn as_received(datagram: &Datagram) -> Received<'_> {
    let (source_mac, destination_mac) = match datagram.route {
        Route::Link { source_mac, destination_mac } => (source_mac, destination_mac),
        Route::Routed => Default::default(),
    };
    Received {
        at: Instant::ZERO,
        source_mac,
        destination_mac,
        source: datagram.source,
        destination: datagram.destination,
        hop_limit: datagram.hop_limit,
        protocol: datagram.protocol,
        ports: datagram.ports,
        ip_header: &[],
        payload: &datagram.payload,
    }
}
