//! The groups, their timers, and the way a frame finds its group.
//!
//! The engine does no I/O and reads no clock: it is told what happened and when, and says what must be done
//! ([`Effect`]). It knows obligations ([`Holdings`]), never a protocol's states. The daemon, a replay and a
//! simulated LAN drive the same engine.
//!
//! | module | what lives there |
//! |---|---|
//! | [`group`] | one group with what the engine keeps beside it |
//! | [`timers`] | one timer structure for all |
//! | [`demux`] | one look-up from a frame to its group |
//! | [`held`] | which group holds which address, for whoever asks by ARP or ND |
//! | `siblings` | which groups share a link, and how they stand |
//! | [`troubles`] | what is wrong beside what a group sees itself |

pub mod demux;
pub mod group;
pub mod held;
mod siblings;
pub mod timers;
pub mod troubles;

use std::any::Any;
use std::collections::HashMap;
use std::time::Duration;

use fhrp::announcer::ArpForm;
use fhrp::{
    Action, Command, Context, Datagram, Holdings, Input, Instant, Link, Note, Protocol, Received,
    Solicitation, Standing, View,
};

use demux::Demux;
use group::{HoldResult, Identity, Slot, Unsent, Wish};
use held::Held;
use siblings::{Companies, Key};
use timers::Timers;

/// A group's place in the engine's table: small, and stable while the group exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct GroupIndex(pub u32);

/// The time of a turn: monotonic for the protocols, wall clock for what they put on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Monotonic.
    pub monotonic: Instant,
    /// Since the Unix epoch.
    pub wall: Duration,
}

/// What must be done for a group, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send this on the link, or as routed.
    Send {
        /// Whose datagram it is.
        group: GroupIndex,
        /// The group's link.
        link: u32,
        /// What to send.
        datagram: Datagram,
    },
    /// Ask the address manager, and tell [`Engine::held`] what it says.
    Hold(Wish),
    /// Announce every address of these holdings on the link.
    Announce {
        /// Whose addresses they are.
        group: GroupIndex,
        /// Where.
        link: u32,
        /// The shape of gratuitous ARPs.
        form: ArpForm,
    },
    /// If the process dies, say these on the link.
    LastWill {
        /// Whose goodbye it is.
        group: GroupIndex,
        /// The group's link.
        link: u32,
        /// The goodbye; empty: nothing to say.
        datagrams: Vec<Datagram>,
    },
    /// A fact to log, count and publish.
    Note {
        /// Whom it is about.
        group: GroupIndex,
        /// The fact.
        note: Note,
    },
}

/// Where a received frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// To this group.
    To(GroupIndex),
    /// It speaks this protocol, for a group that does not exist here.
    NoSuchGroup {
        /// The protocol's name.
        protocol: &'static str,
        /// The group's number.
        id: u16,
    },
    /// It is no protocol's.
    Foreign,
}

/// The MAC to answer a solicitation with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The MAC.
    pub mac: fhrp::Mac,
    /// The MAC that the answer leaves from.
    pub source: fhrp::Mac,
    /// The R flag of a neighbour advertisement.
    pub router: bool,
}

/// All groups of one router.
pub struct Engine {
    protocols: &'static [&'static dyn Protocol],
    slots: Vec<Option<Slot>>,
    links: HashMap<u32, Link>,
    demux: Demux,
    held: Held,
    companies: Companies,
    timers: Timers,
    random: Box<dyn FnMut() -> u64 + Send>,
    actions: Vec<Action>,
    due: Vec<GroupIndex>,
}

impl Engine {
    /// An engine without groups. `random` is where protocols get their dice from.
    pub fn new(protocols: &'static [&'static dyn Protocol], random: Box<dyn FnMut() -> u64 + Send>) -> Self {
        Engine {
            protocols,
            slots: Vec::new(),
            links: HashMap::new(),
            demux: Demux::default(),
            held: Held::default(),
            companies: Companies::default(),
            timers: Timers::default(),
            random,
            actions: Vec::new(),
            due: Vec::new(),
        }
    }

    /// Adds a group. If its interface is known already it starts at once, otherwise when the link appears.
    pub fn add(
        &mut self,
        now: Now,
        identity: Identity,
        group: Box<dyn fhrp::Group>,
        out: &mut Vec<Effect>,
    ) -> GroupIndex {
        let place = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        let index = GroupIndex(u32::try_from(place).unwrap_or(u32::MAX));
        let slot = Slot::new(identity, group);
        if place == self.slots.len() {
            self.slots.push(Some(slot));
        } else {
            self.slots[place] = Some(slot);
        }
        let known = self.slots[place]
            .as_ref()
            .and_then(|slot| self.links.values().find(|link| link.name == slot.identity.interface).cloned());
        if let Some(link) = known {
            self.attach(now, index, &link, out);
        }
        index
    }

    /// Removes groups that have left, and says which; their numbers may be given to others.
    pub fn remove_left(&mut self) -> Vec<(GroupIndex, Identity)> {
        let mut gone = Vec::new();
        for place in 0..self.slots.len() {
            if self.slots[place].as_ref().is_some_and(Slot::has_left)
                && let Some(mut slot) = self.slots[place].take()
            {
                let index = GroupIndex(u32::try_from(place).unwrap_or(u32::MAX));
                slot.stands(&mut self.companies, index, Standing::Down);
                self.leave_file(index, &slot);
                if let Some(order) = self.order_of(slot.identity.protocol) {
                    self.demux.remove(order, &slot, index);
                }
                self.timers.set(index, None);
                gone.push((index, slot.identity));
            }
        }
        gone
    }

    /// From now on a group follows another one, or nobody. It is told how that one stands, now and whenever it changes.
    /// A follower is followed by nobody.
    pub fn follow(
        &mut self,
        now: Now,
        follower: GroupIndex,
        leader: Option<GroupIndex>,
        out: &mut Vec<Effect>,
    ) {
        let leader = leader.filter(|leader| {
            *leader != follower && self.slot(*leader).is_some_and(|slot| slot.leader.is_none())
        });
        let Some(slot) = self.slots.get_mut(follower.0 as usize).and_then(Option::as_mut) else { return };
        let before = slot.leader;
        if before == leader {
            return;
        }
        slot.follows(&mut self.companies, follower, leader);
        if let Some(before) = before.and_then(|before| self.slot_mut(before)) {
            before.followers.retain(|other| *other != follower);
        }
        let Some(slot) = leader.and_then(|leader| self.slot_mut(leader)) else { return };
        slot.followers.push(follower);
        let lead = slot.lead;
        self.tell(now, follower, Input::Leads(lead), out);
    }

    /// A group is gone: nobody follows it any more, and it follows nobody.
    fn leave_file(&mut self, index: GroupIndex, slot: &Slot) {
        for follower in &slot.followers {
            if let Some(follower) = self.slot_mut(*follower) {
                follower.leader = None;
            }
        }
        if let Some(leader) = slot.leader.and_then(|leader| self.slot_mut(leader)) {
            leader.followers.retain(|follower| *follower != index);
        }
    }

    /// An interface appeared or changed: its groups are told.
    pub fn link(&mut self, now: Now, link: Link, out: &mut Vec<Effect>) {
        self.links.insert(link.index, link.clone());
        for index in self.groups_where(|slot| slot.identity.interface == link.name) {
            self.attach(now, index, &link, out);
        }
    }

    /// An interface is gone: its groups are told that it is down.
    pub fn link_gone(&mut self, now: Now, index: u32, out: &mut Vec<Effect>) {
        let Some(mut link) = self.links.remove(&index) else { return };
        link.index = 0;
        link.up = false;
        link.addresses.clear();
        for group in self.groups_where(|slot| slot.link == index) {
            self.tell(now, group, Input::Link(&link), out);
            if let Some(slot) = self.slot_mut(group) {
                slot.link = 0;
            }
        }
        self.demux.forget_link(index);
    }

    /// A frame arrived on a link.
    pub fn receive(
        &mut self,
        now: Now,
        link: u32,
        received: &Received<'_>,
        out: &mut Vec<Effect>,
    ) -> Delivery {
        for (order, protocol) in self.protocols.iter().enumerate() {
            let Some(id) = protocol.group_of(received) else { continue };
            return match self.demux.find(link, order, protocol.family_of(received), id) {
                Some(group) => {
                    self.tell(now, group, Input::Packet(received), out);
                    Delivery::To(group)
                }
                None => Delivery::NoSuchGroup { protocol: protocol.name(), id },
            };
        }
        Delivery::Foreign
    }

    /// Everything that is due, after everything that was waiting has been handed in.
    pub fn tick(&mut self, now: Now, out: &mut Vec<Effect>) {
        let mut due = std::mem::take(&mut self.due);
        self.timers.take_due(now.monotonic, &mut due);
        for group in due.drain(..) {
            self.tell(now, group, Input::Tick, out);
        }
        self.due = due;
    }

    /// When [`Engine::tick`] is next worth calling.
    pub fn deadline(&mut self) -> Option<Instant> {
        self.timers.earliest()
    }

    /// When a group wants to be told that time has passed; `None` if it waits for nothing but events.
    pub fn deadline_of(&self, group: GroupIndex) -> Option<Instant> {
        self.slot(group)?.group.deadline()
    }

    /// A host asks for an address on a link. `None`: it is not ours to answer, or not yet: an answer teaches
    /// switches where the virtual MAC is, and its frames must be taken there by then.
    pub fn solicited(
        &mut self,
        now: Now,
        link: u32,
        asked: &Solicitation,
        out: &mut Vec<Effect>,
    ) -> Option<Reply> {
        let (group, address) = self.held.find(link, asked.target)?;
        if !self.slot(group)?.established {
            return None;
        }
        let (mac, source) = match address.answer {
            fhrp::Answer::Silent => return None,
            fhrp::Answer::With(mac) => (mac, mac),
            fhrp::Answer::Stealth(mac) => (mac, self.link_of(link)?.mac),
            fhrp::Answer::Ask => {
                let mac = self.tell(now, group, Input::Solicited(asked), out)?;
                (mac, self.link_of(link)?.mac)
            }
        };
        Some(Reply { mac, source, router: address.router })
    }

    /// The address manager's answer to the [`Effect::Hold`] with this ticket. An answer to a wish that has been
    /// replaced since says nothing.
    pub fn held(
        &mut self,
        now: Now,
        group: GroupIndex,
        ticket: u64,
        result: HoldResult,
        out: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.slot_mut(group).filter(|slot| slot.waiting && slot.ticket == ticket) else {
            return;
        };
        slot.waiting = false;
        let (announce, unsent) = (slot.announce.take(), std::mem::take(&mut slot.unsent));
        let (announce, unsent) = if result.is_ok() { (announce, unsent) } else { (None, Unsent::default()) };
        slot.established = result.is_ok() && !slot.holdings.is_empty();
        let link = slot.link;
        out.extend(unsent.in_order().map(|datagram| Effect::Send { group, link, datagram }));
        if let Some(form) = announce {
            out.push(Effect::Announce { group, link, form });
        }
        self.tell(now, group, Input::Held(result), out);
    }

    /// The process stalled: groups whose lease was shorter than that may have lost what they held.
    pub fn stalled(&mut self, now: Now, span: Duration, out: &mut Vec<Effect>) {
        for group in self.groups_where(|slot| !slot.holdings.is_empty() && slot.holdings.lease < span) {
            self.tell(now, group, Input::Lapsed(span), out);
        }
    }

    /// What a group held was withdrawn by the dead-man's switch.
    pub fn lapsed(&mut self, now: Now, group: GroupIndex, span: Duration, out: &mut Vec<Effect>) {
        self.tell(now, group, Input::Lapsed(span), out);
    }

    /// What a group held was taken away and does not stay when put back.
    pub fn lost(&mut self, now: Now, group: GroupIndex, fault: fhrp::HoldFault, out: &mut Vec<Effect>) {
        self.tell(now, group, Input::Held(Err(fault)), out);
    }

    /// An operator's wish.
    pub fn command(&mut self, now: Now, group: GroupIndex, command: Command, out: &mut Vec<Effect>) {
        self.tell(now, group, Input::Command(command), out);
    }

    /// A group's own configuration has changed.
    pub fn reconfigure(&mut self, now: Now, group: GroupIndex, config: &dyn Any, out: &mut Vec<Effect>) {
        self.tell(now, group, Input::Reconfigure(config), out);
    }

    /// A group shall leave; [`Engine::remove_left`] tells when it has.
    pub fn stop(&mut self, now: Now, group: GroupIndex, out: &mut Vec<Effect>) {
        let Some(slot) = self.slot_mut(group) else { return };
        slot.stopping = true;
        // Whoever leaves for good pulls nobody after it.
        let together = slot.failover_group.clone();
        self.tell(now, group, Input::Stop, out);
        if let Some(name) = together {
            self.weigh(now, &name, out);
        }
    }

    /// Every group's place, in order.
    pub fn groups(&self) -> Vec<GroupIndex> {
        self.groups_where(|_| true)
    }

    /// Whose group it is.
    pub fn identity(&self, group: GroupIndex) -> Option<&Identity> {
        self.slot(group).map(|slot| &slot.identity)
    }

    /// What an operator is shown of a group.
    pub fn view(&self, now: Instant, group: GroupIndex) -> Option<View> {
        self.slot(group).map(|slot| slot.group.view(now))
    }

    /// What a group holds, or wants to.
    pub fn holdings(&self, group: GroupIndex) -> Option<&Holdings> {
        self.slot(group).map(|slot| &slot.holdings)
    }

    /// The shortest lease of all that is held; `None` while nothing is.
    pub fn shortest_lease(&self) -> Option<Duration> {
        self.held.shortest_lease()
    }

    /// Whether any address on the link is held, so that somebody must listen for who asks.
    pub fn holds_on(&self, link: u32) -> bool {
        self.held.any_on(link)
    }

    /// What is known of an interface.
    pub fn link_of(&self, index: u32) -> Option<&Link> {
        self.links.get(&index)
    }

    /// One past the highest group number ever given.
    pub fn capacity(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    fn attach(&mut self, now: Now, index: GroupIndex, link: &Link, out: &mut Vec<Effect>) {
        let order = self.slot(index).and_then(|slot| self.order_of(slot.identity.protocol));
        let Some(slot) = self.slots.get_mut(index.0 as usize).and_then(Option::as_mut) else { return };
        slot.link = link.index;
        if let Some(order) = order {
            self.demux.add(link.index, order, slot, index);
            let key = Key { link: link.index, protocol: order, family: slot.identity.family };
            let company = self.companies.of(key);
            slot.joins(&mut self.companies, index, company);
        }
        let first = !std::mem::replace(&mut slot.started, true);
        self.tell(now, index, Input::Link(link), out);
        if first {
            self.tell(now, index, Input::Start, out);
        }
    }

    /// Hands one input to one group and turns its actions into effects. Returns the MAC of an
    /// [`Action::Answer`].
    fn tell(
        &mut self,
        now: Now,
        index: GroupIndex,
        input: Input<'_>,
        out: &mut Vec<Effect>,
    ) -> Option<fhrp::Mac> {
        let slot = self.slots.get_mut(index.0 as usize)?.as_mut()?;
        let before = slot.lead;
        let mut context = Context {
            now: now.monotonic,
            wall: now.wall,
            siblings: slot.siblings(&self.companies, index),
            random: &mut *self.random,
            out: &mut self.actions,
        };
        slot.group.handle(&mut context, input);
        self.timers.set(index, slot.group.deadline());
        let mut answer = None;
        let (mut asks, mut said) = (Vec::new(), Vec::new());
        for action in self.actions.drain(..) {
            match action {
                Action::Send(datagram) if slot.unsent.is_any() || !asks.is_empty() => said.push(datagram),
                Action::Send(datagram) => {
                    out.push(Effect::Send { group: index, link: slot.link, datagram });
                }
                Action::SendOnceHeld(datagram) if slot.waiting => asks.push(datagram),
                Action::SendOnceHeld(datagram) => {
                    out.push(Effect::Send { group: index, link: slot.link, datagram });
                }
                Action::Hold(holdings) => {
                    if holdings.is_empty() {
                        // There is nothing left that this could wait for.
                        let now = said.drain(..);
                        out.extend(now.map(|datagram| Effect::Send {
                            group: index,
                            link: slot.link,
                            datagram,
                        }));
                    }
                    self.held.replace(index, slot.link, &slot.holdings, &holdings);
                    slot.hold(&holdings);
                    asks.retain(|_| !holdings.is_empty());
                    let ticket = slot.ticket;
                    out.push(Effect::Hold(Wish { group: index, ticket, link: slot.link, holdings }));
                }
                Action::Announce(form) if slot.waiting => slot.announce = Some(form),
                Action::Announce(form) => out.push(Effect::Announce { group: index, link: slot.link, form }),
                Action::Answer(mac) => answer = Some(mac),
                Action::LastWill(datagrams) => {
                    out.push(Effect::LastWill { group: index, link: slot.link, datagrams });
                }
                Action::Note(note) => {
                    if let Note::Transition { to, standing, .. } = &note {
                        (slot.lead.state, slot.lead.standing) = (to, *standing);
                        if slot.leader.is_none() {
                            slot.stands(&mut self.companies, index, *standing);
                        }
                    }
                    out.push(Effect::Note { group: index, note });
                }
            }
        }
        slot.unsent.first(asks);
        slot.unsent.then(said);
        slot.lead.lease = slot.holdings.lease;
        let fell_or_rose = (slot.lead.standing == Standing::Down) != (before.standing == Standing::Down);
        let together = slot.failover_group.clone().filter(|_| fell_or_rose);
        if slot.lead != before && !slot.followers.is_empty() {
            let (lead, followers) = (slot.lead, slot.followers.clone());
            for follower in followers {
                self.tell(now, follower, Input::Leads(lead), out);
            }
        }
        if let Some(name) = together {
            self.weigh(now, &name, out);
        }
        answer
    }

    fn order_of(&self, protocol: &str) -> Option<usize> {
        self.protocols.iter().position(|known| known.name() == protocol)
    }

    fn groups_where(&self, wanted: impl Fn(&Slot) -> bool) -> Vec<GroupIndex> {
        let chosen = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.as_ref().is_some_and(&wanted))
            .map(|(i, _)| i);
        chosen.map(|place| GroupIndex(u32::try_from(place).unwrap_or(u32::MAX))).collect()
    }

    fn slot(&self, group: GroupIndex) -> Option<&Slot> {
        self.slots.get(group.0 as usize)?.as_ref()
    }

    fn slot_mut(&mut self, group: GroupIndex) -> Option<&mut Slot> {
        self.slots.get_mut(group.0 as usize)?.as_mut()
    }
}

#[cfg(test)]
mod tests;
