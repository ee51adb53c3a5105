//! The real engine with the real protocols in virtual time: no clock, no socket, no kernel. What a group wants to
//! hold is granted at once; chance comes from a seed.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::announcer::ArpForm;
use fhrp::{Answer, Datagram, Instant, Link, Mac, Note, Presence, Received, Route, View};

use crate::config::GroupPlan;
use crate::engine::{Delivery, Effect, Engine, GroupIndex, Now};
use crate::net::{frame, neighbour};
use crate::protocols::{PROTOCOLS, build, configuration};

/// When the capture's first frame arrives: a router may have been running for a day by then.
pub(super) const ORIGIN: Instant = Instant::from_nanos(86_400_000_000_000);

/// Something that a group did.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Done {
    pub(super) at: Instant,
    pub(super) group: GroupIndex,
    pub(super) what: Deed,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Deed {
    /// It sent this.
    Sent(Datagram),
    /// It told hosts where its addresses are, in these frames.
    Announced(Vec<Vec<u8>>),
    /// It said this.
    Noted(Note),
}

/// One router.
pub(super) struct Stage {
    engine: Engine,
    link: Link,
    now: Instant,
    /// The wall clock at [`ORIGIN`].
    wall: Duration,
    effects: Vec<Effect>,
    done: VecDeque<Done>,
}

impl Stage {
    /// A router on one link, which is up; `wall` is the time of the capture's first frame.
    pub(super) fn new(link: Link, at: Instant, wall: Duration, seed: u64) -> Self {
        let mut engine = Engine::new(PROTOCOLS, dice(seed));
        let mut effects = Vec::new();
        engine.link(moment(at, wall), link.clone(), &mut effects);
        Stage { engine, link, now: at, wall, effects, done: VecDeque::new() }
    }

    /// A group starts.
    pub(super) fn add(&mut self, plan: &GroupPlan) -> GroupIndex {
        let now = self.clock();
        let group = self.engine.add(now, plan.identity(), build(&plan.protocol), &mut self.effects);
        self.carry_out();
        group
    }

    /// Everything that is due before `at` happens, each at its own time; then it is `at`.
    pub(super) fn run_until(&mut self, at: Instant) {
        let mut served = None;
        while let Some(deadline) = self.engine.deadline().filter(|deadline| *deadline < at) {
            let mut now = self.now.max(deadline);
            if served == Some(now) {
                // Time goes on, whatever a group asks for.
                now += Duration::from_nanos(1);
            }
            (self.now, served) = (now, Some(now));
            self.engine.tick(self.clock(), &mut self.effects);
            self.carry_out();
        }
        self.now = self.now.max(at);
    }

    /// A frame arrives now.
    pub(super) fn receive(&mut self, received: &Received<'_>) -> Delivery {
        let received = Received { at: self.now, ..*received };
        let now = self.clock();
        let delivery = self.engine.receive(now, self.link.index, &received, &mut self.effects);
        self.carry_out();
        delivery
    }

    /// A group is told to leave.
    pub(super) fn stop(&mut self, group: GroupIndex) {
        self.engine.stop(self.clock(), group, &mut self.effects);
        self.carry_out();
    }

    /// A group gets other settings.
    pub(super) fn reconfigure(&mut self, group: GroupIndex, plan: &GroupPlan) {
        let now = self.clock();
        self.engine.reconfigure(now, group, configuration(&plan.protocol), &mut self.effects);
        self.carry_out();
    }

    /// What has been done since it was asked last, in order.
    pub(super) fn done(&mut self) -> impl Iterator<Item = Done> {
        self.done.drain(..)
    }

    pub(super) fn view(&self, group: GroupIndex) -> Option<View> {
        self.engine.view(self.now, group)
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    fn clock(&self) -> Now {
        moment(self.now, self.wall)
    }

    fn carry_out(&mut self) {
        let mut waiting = VecDeque::from(std::mem::take(&mut self.effects));
        while let Some(effect) = waiting.pop_front() {
            let (group, what) = match effect {
                Effect::Hold(wish) => {
                    let mut more = Vec::new();
                    self.engine.held(self.clock(), wish.group, wish.ticket, Ok(()), &mut more);
                    waiting.extend(more);
                    continue;
                }
                // Nobody dies here without the script saying so.
                Effect::LastWill { .. } => continue,
                Effect::Send { group, datagram, .. } => (group, Deed::Sent(datagram)),
                Effect::Announce { group, form, .. } => {
                    (group, Deed::Announced(self.announcement(group, form)))
                }
                Effect::Note { group, note } => (group, Deed::Noted(note)),
            };
            self.done.push_back(Done { at: self.now, group, what });
        }
    }

    /// The frames that tell hosts where the addresses are, as the event loop sends them.
    fn announcement(&self, group: GroupIndex, form: ArpForm) -> Vec<Vec<u8>> {
        let mut frames: Vec<Vec<u8>> = Vec::new();
        let Some(holdings) = self.engine.holdings(group) else { return frames };
        for (ip, address) in &holdings.addresses {
            let mac = match (address.answer, address.presence) {
                (Answer::With(mac), _) => mac,
                (Answer::Silent, Presence::OnInterface) => self.link.mac,
                (Answer::Silent | Answer::Ask, _) => continue,
            };
            match ip {
                IpAddr::V4(ip) => {
                    frames.extend(neighbour::gratuitous_arp(mac, *ip, form).map(Vec::from));
                }
                IpAddr::V6(ip) => {
                    let frame = neighbour::neighbour_advertisement(mac, *ip, address.router, None);
                    frames.push(frame.to_vec());
                }
            }
        }
        frames
    }
}

/// A datagram as the frame that leaves the link; one that is routed goes to whom the capture does not say.
pub(super) fn framed(datagram: &Datagram, link: &Link) -> Option<Vec<u8>> {
    let (source_mac, destination_mac) = match datagram.route {
        Route::Link { source_mac, destination_mac } => (source_mac, destination_mac),
        Route::Routed => (link.mac, Mac::default()),
    };
    let mut octets = Vec::with_capacity(128);
    frame::write(datagram, source_mac, destination_mac, &mut octets).ok()?;
    Some(octets)
}

fn moment(at: Instant, wall: Duration) -> Now {
    let since = at.since(ORIGIN);
    let until = ORIGIN.since(at);
    Now { monotonic: at, wall: (wall + since).saturating_sub(until) }
}

/// Numbers that look random and are the same for the same seed: SplitMix64 of Steele, Lea and Flood.
fn dice(seed: u64) -> Box<dyn FnMut() -> u64 + Send> {
    let mut state = seed;
    Box::new(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}
