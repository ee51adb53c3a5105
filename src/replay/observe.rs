//! Observe: groups of ours listen to a capture, and what they do and say is told.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::dissect::Known;
use fhrp::{Instant, InterfaceAddress, Link, Mac, Note};
use serde::Serialize;

use super::beside;
use super::stage::{Deed, ORIGIN, Stage, framed};
use crate::analyze::moment::nanos;
use crate::analyze::reading::Said;
use crate::capture::{Frame, Packet};
use crate::config::GroupPlan;
use crate::engine::{Delivery, GroupIndex};
use crate::event::Subject;
use crate::protocols::PROTOCOLS;

/// Our own MAC, where nobody says another: locally administered.
const OUR_MAC: Mac = Mac([0x02, 0, 0, 0, 0, 0x01]);

/// What a group of ours did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Act {
    /// When, in nanoseconds since the capture's first frame.
    #[serde(rename = "at_s", serialize_with = "crate::analyze::story::seconds")]
    pub at_ns: u64,
    /// Whose it is.
    pub group: Subject,
    /// What it did.
    #[serde(flatten)]
    pub what: What,
}

/// What a group of ours did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// It said something: a change of state, a refusal, an alarm.
    Group(Note),
    /// It sent a frame.
    Sent {
        /// What the frame says.
        says: String,
        /// The frame.
        #[serde(skip)]
        frame: Vec<u8>,
    },
    /// It told the hosts where its addresses are.
    Announced {
        /// In how many frames.
        count: usize,
        /// The frames.
        #[serde(skip)]
        frames: Vec<Vec<u8>>,
    },
}

/// How a group of ours stands in the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// Which group.
    pub group: Subject,
    /// Its state, in the protocol's own words.
    pub state: &'static str,
    /// Why.
    pub reason: String,
    /// Who holds the role, as far as it knows.
    pub active: Option<IpAddr>,
    /// Counters that are not zero.
    pub counters: BTreeMap<&'static str, u64>,
}

/// Groups of ours, listening.
pub struct Observer {
    stage: Stage,
    groups: BTreeMap<GroupIndex, Subject>,
    begins: Duration,
    /// The latest frame, since the first.
    now: u64,
    /// Frames for groups that the configuration does not have.
    pub unknown: u64,
    /// Frames handed to a group.
    pub delivered: u64,
}

impl Observer {
    /// Starts `groups` at the moment of the first frame, `begins` after the Unix epoch, with these real addresses;
    /// without any, each group gets one in the network of its virtual address.
    pub fn new(groups: &[GroupPlan], addresses: &[InterfaceAddress], begins: Duration, seed: u64) -> Self {
        let mut link = Link {
            index: 1,
            name: groups.first().map(|group| group.interface.clone()).unwrap_or_default(),
            mac: OUR_MAC,
            up: true,
            mtu: 1500,
            addresses: addresses.to_vec(),
        };
        for group in groups {
            beside::equip(&mut link, &group.protocol);
        }
        let mut stage = Stage::new(link, ORIGIN, begins, seed);
        let groups = groups
            .iter()
            .map(|group| (stage.add(group), Subject::new(&group.name, &group.identity())))
            .collect();
        Observer { stage, groups, begins, now: 0, unknown: 0, delivered: 0 }
    }

    /// The address that our router speaks from, and every other one it has.
    pub fn addresses(&self) -> &[InterfaceAddress] {
        &self.stage.link().addresses
    }

    /// Whether more time was to pass than can be played: our router stood still from then on.
    pub fn is_worn_out(&self) -> bool {
        self.stage.is_worn_out()
    }

    /// The next frame of the capture; `tell` hears what was done before it, and because of it.
    pub fn frame(&mut self, frame: &Frame<'_>, tell: &mut dyn FnMut(Act)) {
        let since = Duration::from_nanos(frame.at).checked_sub(self.begins).map_or(0, nanos);
        self.now = self.now.max(since);
        let at = ORIGIN + Duration::from_nanos(self.now);
        self.run_until(at, tell);
        let Ok(packet) = Packet::open(frame.link(), frame.octets) else { return };
        let Ok(opened) = packet.received(at) else { return };
        if opened.fault.is_some() {
            return;
        }
        match self.stage.receive(&opened.received) {
            Delivery::To(_) => self.delivered += 1,
            Delivery::NoSuchGroup { .. } => self.unknown += 1,
            Delivery::Foreign => {}
        }
        self.tell(tell);
    }

    /// The capture is over: what is due by then is done.
    pub fn finish(&mut self, tell: &mut dyn FnMut(Act)) -> Vec<Standing> {
        self.run_until(ORIGIN + Duration::from_nanos(self.now.saturating_add(1)), tell);
        let standing = |(index, subject): (&GroupIndex, &Subject)| {
            let view = self.stage.view(*index)?;
            let counters = view.counters.iter().filter(|counter| counter.count > 0);
            Some(Standing {
                group: subject.clone(),
                state: view.state,
                reason: view.reason,
                active: view.active,
                counters: counters.map(|counter| (counter.name, counter.count)).collect(),
            })
        };
        self.groups.iter().filter_map(standing).collect()
    }

    fn run_until(&mut self, at: Instant, tell: &mut dyn FnMut(Act)) {
        while !self.stage.run_until(at) {
            self.tell(tell);
        }
        self.tell(tell);
    }

    fn tell(&mut self, tell: &mut dyn FnMut(Act)) {
        let done: Vec<_> = self.stage.done().collect();
        for done in done {
            let Some(group) = self.groups.get(&done.group).cloned() else { continue };
            let what = match done.what {
                Deed::Noted(note) => What::Group(note),
                Deed::Announced(frames) => What::Announced { count: frames.len(), frames },
                Deed::Sent(datagram) => {
                    let Some(frame) = framed(&datagram, self.stage.link()) else { continue };
                    What::Sent { says: says(&frame, done.at), frame }
                }
            };
            tell(Act { at_ns: nanos(done.at.since(ORIGIN)), group, what });
        }
    }
}

/// What a frame of ours says.
fn says(octets: &[u8], at: Instant) -> String {
    let Ok(received) = crate::net::frame::parse(octets, at) else { return "nothing".to_owned() };
    let known = Known::default();
    match PROTOCOLS.iter().find_map(|protocol| protocol.dissect(&received, &known)) {
        Some(dissection) if dissection.priority == Some(0) => {
            format!("{}, priority 0: gives up the role", dissection.kind)
        }
        Some(dissection) => format!("{}, {}", dissection.kind, Said::of(&dissection, None).line()),
        None => "nothing".to_owned(),
    }
}
