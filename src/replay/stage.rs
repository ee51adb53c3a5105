//! The real engine with the real protocols in virtual time: no clock, no socket, no kernel. What a group wants to
//! hold is granted at once; chance comes from a seed.

use std::collections::VecDeque;
use std::time::Duration;

use fhrp::announcer::ArpForm;
use fhrp::{Datagram, Instant, Link, Mac, Note, Received, Route, Solicitation, View};

use crate::config::GroupPlan;
use crate::engine::{Delivery, Effect, Engine, GroupIndex, Now};
use crate::net::{frame, neighbour};
use crate::protocols::{PROTOCOLS, build, configuration};

/// When the capture's first frame arrives: a router may have been running for a day by then.
pub(super) const ORIGIN: Instant = Instant::from_nanos(86_400_000_000_000);

/// Ticks that a stage is good for, and how many more each frame that it hears: a capture that says that centuries
/// pass between two frames is not waited for.
pub(super) const TICKS: u64 = 1_000_000;
pub(super) const TICKS_PER_FRAME: u64 = 100;

/// Deeds that are kept until they are taken off.
const DONE: usize = 1_000;

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
    /// Ticks that are left.
    ticks: u64,
}

impl Stage {
    /// A router on one link, which is up; `wall` is the time of the capture's first frame.
    pub(super) fn new(link: Link, at: Instant, wall: Duration, seed: u64) -> Self {
        let mut engine = Engine::new(PROTOCOLS, dice(seed));
        let mut effects = Vec::new();
        engine.link(moment(at, wall), link.clone(), &mut effects);
        Stage { engine, link, now: at, wall, effects, done: VecDeque::new(), ticks: TICKS }
    }

    /// A group starts.
    pub(super) fn add(&mut self, plan: &GroupPlan) -> GroupIndex {
        let now = self.clock();
        let group = self.engine.add(now, plan.identity(), build(&plan.protocol), &mut self.effects);
        self.carry_out();
        group
    }

    /// Everything that is due before `at` happens, each at its own time; then it is `at`. `false`: so much has been
    /// done on the way that it wants to be taken off first; ask again.
    #[must_use]
    pub(super) fn run_until(&mut self, at: Instant) -> bool {
        let mut served = None;
        while let Some(deadline) = self.engine.deadline().filter(|deadline| *deadline < at) {
            if self.is_worn_out() {
                break;
            }
            if self.done.len() >= DONE {
                return false;
            }
            self.ticks -= 1;
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
        true
    }

    /// Whether more time was to pass than can be played; it stands still then.
    pub(super) fn is_worn_out(&self) -> bool {
        self.ticks == 0
    }

    /// A frame arrives now.
    pub(super) fn receive(&mut self, received: &Received<'_>) -> Delivery {
        if !self.is_worn_out() {
            self.ticks = self.ticks.saturating_add(TICKS_PER_FRAME);
        }
        let received = Received { at: self.now, ..*received };
        let now = self.clock();
        let delivery = self.engine.receive(now, self.link.index, &received, &mut self.effects);
        self.carry_out();
        delivery
    }

    /// A host asks for an address now. What it is told does not matter here, but a group may begin to serve for it.
    pub(super) fn solicited(&mut self, asked: &Solicitation) {
        let now = self.clock();
        let _ = self.engine.solicited(now, self.link.index, asked, &mut self.effects);
        self.carry_out();
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
        let Some(holdings) = self.engine.holdings(group) else { return Vec::new() };
        let told = neighbour::announcements(holdings, self.link.mac, form);
        told.into_iter().map(|announcement| announcement.frame).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn nobody_waits_for_centuries() {
        let text = "[[interface.lan.vrrp]]\nid = 10\naddresses = [\"10.0.10.1/24\"]\n";
        let plan = config::parse("lan.toml", text).unwrap();
        let addresses = vec!["10.0.10.2/24".parse().unwrap()];
        let link =
            Link { index: 1, name: "lan".to_owned(), up: true, mtu: 1500, addresses, ..Link::default() };
        let mut stage = Stage::new(link, ORIGIN, Duration::ZERO, 1);
        let group = stage.add(&plan.groups[0]);
        stage.ticks = 100;
        assert!(stage.run_until(ORIGIN + Duration::from_secs(60)));
        assert!(!stage.is_worn_out() && stage.view(group).unwrap().state == "Active");
        assert!(stage.run_until(Instant::from_nanos(u64::MAX)));
        assert!(stage.is_worn_out());
        let adverts = stage.done().filter(|done| matches!(done.what, Deed::Sent(_))).count();
        assert!((90..=100).contains(&adverts), "{adverts}");
    }
}
