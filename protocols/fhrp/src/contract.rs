//! The conversation between the engine and a redundancy group.
//!
//! ```text
//!            what happened, and when                         what must now be done, in this order
//!   engine ───── Input, Context ─────►  dyn Group  ───── Action, Action, … ─────►  engine
//!      ▲                                    │
//!      └──────────── deadline() ────────────┘   when the next Tick is worth sending
//! ```
//!
//! A group arms a timer by returning a deadline and cancels it by returning another one or none: the state
//! that has no timer has no field for it, so there is nothing stale to filter out.

use std::any::Any;
use std::time::Duration;

use crate::address::{Family, Mac};
use crate::announcer::ArpForm;
use crate::dissect::{Dissection, Known};
use crate::holdings::{HoldFault, Holdings};
use crate::link::Link;
use crate::note::{Note, Standing};
use crate::packet::{Datagram, Received, Solicitation};
use crate::time::Instant;
use crate::view::View;

/// One redundancy group on one interface: a VRRP virtual router, a CARP virtual host, an HSRP or GLBP group.
pub trait Group: Send {
    /// Handles one input and pushes what must now be done onto `context.out`. The order is part of the result.
    ///
    /// Reads no clock, does no I/O, and panics on nothing that a peer, an operator or the kernel can say.
    fn handle(&mut self, context: &mut Context<'_>, input: Input<'_>);

    /// When [`Input::Tick`] is next worth sending; `None` while only an outside event can matter.
    fn deadline(&self) -> Option<Instant>;

    /// What an operator is shown.
    fn view(&self, now: Instant) -> View;
}

/// What every input comes with. Time and chance are arguments, never looked up.
pub struct Context<'a> {
    /// Monotonic time of this turn. A packet may have arrived a little earlier: see [`Received::at`].
    pub now: Instant,
    /// Wall-clock time since the Unix epoch. Only for what a protocol puts on the wire or reads in a key's
    /// lifetime; no timer may depend on it.
    pub wall: Duration,
    /// The other groups of this protocol and family on the link, as they stand.
    pub siblings: Siblings,
    /// A source of random numbers.
    pub random: &'a mut dyn FnMut() -> u64,
    /// Where actions go.
    pub out: &'a mut Vec<Action>,
}

impl Context<'_> {
    /// Asks for something to be done.
    pub fn ask(&mut self, action: Action) {
        self.out.push(action);
    }

    /// Reports a fact.
    pub fn note(&mut self, note: Note) {
        self.out.push(Action::Note(note));
    }
}

/// What a group is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// Run. Comes once, after the first [`Input::Link`].
    Start,
    /// Leave: hand over, let go when the successor is heard or had its time, and be silent from then on.
    /// The group has left when it holds nothing and has no deadline.
    Stop,
    /// The deadline has passed, and everything that was waiting on the link has been handed in. Early or
    /// repeated ticks change nothing.
    Tick,
    /// A frame for this group.
    Packet(&'a Received<'a>),
    /// A host asks which MAC has an address that this group holds with [`Answer::Ask`](crate::Answer::Ask).
    Solicited(&'a Solicitation),
    /// The interface: at the beginning, and whenever anything about it has changed.
    Link(&'a Link),
    /// The sum of tracked faults, in this protocol's own priority units; replaces the last one.
    Penalty(u16),
    /// An operator's wish.
    Command(Command),
    /// How the group stands that this one follows: at the beginning, and whenever that changes. Nobody else is told.
    Leads(Lead),
    /// This protocol's own configuration, changed. State and role survive where the change allows.
    Reconfigure(&'a dyn Any),
    /// The address manager's answer to the latest [`Action::Hold`].
    Held(Result<(), HoldFault>),
    /// What this group held was withdrawn without its asking: the dead-man's switch closed while the daemon
    /// stalled for this long, or somebody took an address away faster than it could be put back.
    Lapsed(Duration),
}

/// The other groups of the same protocol and family on the same link. Some of what is said on a link is said for all of
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Siblings {
    /// How many of them hold their role.
    pub holding: u16,
    /// How many of them stand by.
    pub standing_by: u16,
    /// Whether the one that is told says what is to be said once for all.
    pub first: bool,
}

impl Siblings {
    /// There are none.
    pub const NONE: Siblings = Siblings { holding: 0, standing_by: 0, first: true };
}

/// How a group stands that another one follows: with hundreds of groups on one link, one is elected and speaks for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    /// Its state, in its protocol's own words.
    pub state: &'static str,
    /// What that means.
    pub standing: Standing,
    /// How long its peers wait at least before they take over: the lease of what it holds.
    pub lease: Duration,
}

/// What an operator may wish of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Give the role away now, if there is anybody to take it, and go on as a member.
    HandOver,
    /// Announce the addresses again.
    Announce,
    /// Take the role now, whoever has it; a better member takes it back as it always does.
    TakeOver,
    /// What the role needs beside the addresses is in step with whoever has it: no preemption need wait for that.
    Ready,
}

/// Why a group gives its role up while it could keep it: it goes on holding until a successor is heard, whichever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// For good: [`Input::Stop`].
    Stop,
    /// To go on as a member: [`Command::HandOver`].
    HandOver,
}

/// What a group asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send this. If something still waits to be held, this waits behind it, until it is said or something newer is
    /// to be said. A group that lets go of everything waits for nothing: what it says in answer to the same input is
    /// sent, and what waited since earlier ones is left out with what it waited for.
    Send(Datagram),
    /// Send this as soon as the latest hold is in place, and not at all if it cannot be. Whoever serves the hosts
    /// until then goes on until it hears it, so that nobody is without a gateway in between.
    SendOnceHeld(Datagram),
    /// From now on do this on the group's behalf; replaces everything it held before.
    Hold(Holdings),
    /// Announce every held address (gratuitous ARP, unsolicited NA) as soon as the latest hold is in place.
    Announce(ArpForm),
    /// Answer the solicitation that is being handled with this MAC.
    Answer(Mac),
    /// If this process dies, say these on its behalf: the protocol's goodbye. Empty: nothing to say.
    LastWill(Vec<Datagram>),
    /// A fact to log, count and publish, exactly once.
    Note(Note),
}

/// What the engine needs to know of a protocol before any of its groups exists.
pub trait Protocol: Sync {
    /// The word in configuration files and listings: `vrrp`.
    fn name(&self) -> &'static str;

    /// What must be let through to us on a link with groups of this family.
    fn ears(&self, family: Family) -> &'static [Ear];

    /// The group a frame is for; `None` if it is not this protocol's. Looks at no more than it must: whether
    /// the frame is valid is for the group to judge, and a frame for a group that does not exist is counted.
    fn group_of(&self, received: &Received<'_>) -> Option<u16>;

    /// The family in which a frame's group has its number; `None` where one number counts for both.
    fn family_of(&self, received: &Received<'_>) -> Option<Family> {
        Some(Family::of(received.source))
    }

    /// What it takes of a group's priority that it cannot send, in the protocol's own units.
    fn penalty_of_send_errors(&self) -> u16 {
        0
    }

    /// Takes a frame apart, for whoever reads a capture; `None` if it is not this protocol's.
    fn dissect(&self, received: &Received<'_>, known: &Known<'_>) -> Option<Dissection>;
}

/// A kind of packet that a protocol listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ear {
    /// IP protocol or IPv6 next header.
    pub ip_protocol: u8,
    /// UDP destination port, where the protocol runs over UDP.
    pub udp_port: Option<u16>,
    /// The multicast group to join.
    pub multicast: std::net::IpAddr,
}
