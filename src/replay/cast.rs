//! Our router in one group of a capture: started, stopped and killed when the real one was, beside what both of them say.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use fhrp::dissect::{Dissection, Known};
use fhrp::{Family, InterfaceAddress, Link, Mac, Note, Received, Solicitation};

use super::beside;
use super::glbp::{self, Echo, Ghosts};
use super::protocol::Announced;
use super::script::{Doing, Outside};
use super::spoken::{Prompt, Spoken};
use super::stage::{Deed, ORIGIN, Stage, framed};
use crate::analyze::moment::nanos;
use crate::analyze::{Analysis, Heard, Key};
use crate::capture::{LinkType, Packet};
use crate::config::GroupPlan;
use crate::engine::GroupIndex;
use crate::net::frame;
use crate::protocols::PROTOCOLS;

/// A MAC for our router where its own was never seen: locally administered.
const OUR_MAC: Mac = Mac([0x02, 0, 0, 0, 0, 0x01]);
/// The interface that settings read off a capture are on.
pub(super) const INTERFACE: &str = "capture";
/// Prefix length of the address that is spoken from.
const PREFIX: u8 = 24;

/// What a cast must know of the capture.
pub(super) struct Context<'a> {
    pub(super) begins: Duration,
    pub(super) seed: u64,
    /// The first frame of each group with which somebody else claims the role.
    pub(super) others: &'a BTreeMap<Key, (LinkType, Vec<u8>)>,
}

/// Our router in one group.
pub(super) struct Cast {
    pub(super) key: Key,
    pub(super) name: String,
    address: IpAddr,
    pub(super) announced: Rc<Announced>,
    pub(super) configured: Option<GroupPlan>,
    pub(super) script: Vec<Outside>,
    coming: VecDeque<Outside>,
    stage: Option<(Stage, GroupIndex)>,
    /// Whether more time was to pass than can be played.
    pub(super) is_worn_out: bool,
    deaf: bool,
    /// The latest frame of somebody else.
    pub(super) heard: Option<Prompt>,
    /// What the real router said.
    pub(super) real: Spoken,
    /// What ours says.
    pub(super) ours: Spoken,
    /// The same, read as that of a router of GLBP: what it says of forwarders.
    pub(super) ours_of_forwarders: Option<glbp::Announced>,
    /// What others repeat of ours.
    echo: Echo,
    /// Frames of both that are too many to compare.
    pub(super) left_out: u64,
    /// The states that ours enters, each since when; none while it does not run.
    pub(super) states: Vec<(u64, Option<&'static str>)>,
}

impl Cast {
    pub(super) fn new(
        key: Key,
        name: String,
        address: IpAddr,
        announced: Rc<Announced>,
        configured: Option<GroupPlan>,
        script: Vec<Outside>,
        groups: usize,
    ) -> Self {
        let ours_of_forwarders = announced.glbp().map(|_| glbp::Announced::new(address, key.group));
        Cast {
            key,
            name,
            address,
            announced,
            configured,
            coming: script.iter().cloned().collect(),
            script,
            stage: None,
            is_worn_out: false,
            deaf: false,
            heard: None,
            real: Spoken::of_one_in(groups),
            ours: Spoken::of_one_in(groups),
            ours_of_forwarders,
            echo: Echo::default(),
            left_out: 0,
            states: Vec::new(),
        }
    }

    /// The real router says something. Octet by octet, which nobody else's frames are wanted.
    pub(super) fn real_says(&mut self, at: u64, received: &Received<'_>) {
        if let Some(whole) = dissect(received) {
            self.add(false, at, received, &whole);
        }
    }

    /// One more frame, of ours or of the real one's. When there is no more room for either, both end.
    fn add(&mut self, is_ours: bool, at: u64, received: &Received<'_>, dissection: &Dissection) {
        if self.real.is_full() || self.ours.is_full() {
            self.left_out += 1;
            return;
        }
        let spoken = if is_ours { &mut self.ours } else { &mut self.real };
        spoken.add(at, received, dissection, self.heard);
    }

    /// Our router hears this, unless it hears nothing.
    pub(super) fn hears(&mut self, at: u64, received: &Received<'_>) {
        let Some((stage, _)) = self.stage.as_mut().filter(|_| !self.deaf) else { return };
        let retold = self.announced.glbp().and_then(|it| it.retold(at, received, &self.echo));
        let payload = retold.as_deref().unwrap_or(received.payload);
        stage.receive(&Received { payload, ..*received });
    }

    /// A host asks for an address.
    pub(super) fn is_asked(&mut self, asked: &Solicitation) {
        if let Some((stage, _)) = &mut self.stage {
            stage.solicited(asked);
        }
    }

    /// Everything that happens up to a moment.
    pub(super) fn advance(&mut self, until: u64, context: &Context<'_>, analysis: &mut Analysis) {
        let signed = i64::try_from(until).unwrap_or(i64::MAX);
        while let Some(next) = self.coming.front().filter(|next| next.at_ns <= signed).cloned() {
            self.coming.pop_front();
            self.run(next.at_ns, analysis);
            self.act(&next, context, analysis);
            self.collect(analysis);
        }
        self.run(signed, analysis);
    }

    fn run(&mut self, until: i64, analysis: &mut Analysis) {
        let mut arrived = false;
        while let Some((stage, _)) = self.stage.as_mut().filter(|_| !arrived) {
            arrived = stage.run_until(instant(until));
            self.is_worn_out |= stage.is_worn_out();
            self.collect(analysis);
        }
    }

    /// What our router said goes into its own story.
    fn collect(&mut self, analysis: &mut Analysis) {
        let Some((stage, _)) = &mut self.stage else { return };
        let link = stage.link().clone();
        let done: Vec<_> = stage.done().collect();
        for done in done {
            let at_ns = u64::try_from(done.at.since(ORIGIN).as_nanos()).unwrap_or(u64::MAX);
            if let Deed::Noted(Note::Transition { to, .. }) = done.what {
                self.states.push((at_ns, Some(to)));
            }
            let Deed::Sent(datagram) = &done.what else { continue };
            if self.ours_of_forwarders.is_some() {
                self.echo.hears(&datagram.payload);
            }
            // The capture had not begun, or the other half of a group of both families speaks: it is told by itself.
            if done.at < ORIGIN || Family::of(datagram.source) != self.key.family {
                continue;
            }
            let Some(octets) = framed(datagram, &link) else { continue };
            let Ok(received) = frame::parse(&octets, done.at) else { continue };
            let Some(dissection) = dissect(&received) else { continue };
            self.add(true, at_ns, &received, &dissection);
            if let Some(ours) = &mut self.ours_of_forwarders {
                ours.hear(at_ns, &received, &[]);
            }
            analysis.hear(&Heard {
                frame: analysis.number(),
                at_ns,
                interface: self.key.interface,
                vlan: self.key.vlan,
                source_mac: received.source_mac,
                source: received.source,
                dissection: &dissection,
                key: None,
            });
        }
    }

    fn act(&mut self, outside: &Outside, context: &Context<'_>, analysis: &mut Analysis) {
        let at_ns = u64::try_from(outside.at_ns).unwrap_or(0);
        match outside.what {
            Doing::Start { prelude } => {
                self.start(outside.at_ns, prelude, context);
                if prelude {
                    self.live_through_history(analysis);
                }
            }
            Doing::Kill => {
                self.stage = None;
                self.states.push((at_ns, None));
            }
            Doing::Deafen => self.deaf = true,
            Doing::Hear => self.deaf = false,
            Doing::Stop => {
                if let Some((stage, group)) = &mut self.stage {
                    stage.stop(*group);
                }
            }
            Doing::Change { to } => {
                let plan = self.plan(to.max(at_ns));
                if let (Some((stage, group)), Some(plan)) = (&mut self.stage, plan) {
                    stage.reconfigure(*group, &plan);
                }
            }
        }
    }

    fn plan(&self, at_ns: u64) -> Option<GroupPlan> {
        match &self.configured {
            Some(plan) => Some(plan.clone()),
            None => self.announced.plan(at_ns, INTERFACE, &self.name).ok(),
        }
    }

    fn start(&mut self, at_ns: i64, prelude: bool, context: &Context<'_>) {
        // Settings that its next frames show are those that it starts with.
        let coming = self.coming.iter().find_map(|next| match next.what {
            Doing::Change { to } if next.at_ns <= at_ns.saturating_add(1) => Some(to),
            _ => None,
        });
        let Some(plan) = self.plan(coming.unwrap_or(u64::try_from(at_ns).unwrap_or(0))) else { return };
        let mut link = Link {
            index: 1,
            name: plan.interface.clone(),
            mac: self.announced.own_mac().unwrap_or(OUR_MAC),
            up: true,
            mtu: 1500,
            addresses: vec![InterfaceAddress { ip: self.address, prefix: PREFIX }],
        };
        beside::equip(&mut link, &plan.protocol);
        let mut stage = Stage::new(link, instant(at_ns), context.begins, context.seed);
        let group = stage.add(&plan);
        if prelude && self.announced.glbp().is_none() {
            self.play_prelude(&mut stage, at_ns, context);
        }
        self.stage = Some((stage, group));
    }

    /// What a router of GLBP had and lost before the capture began.
    fn live_through_history(&mut self, analysis: &mut Analysis) {
        let announced = Rc::clone(&self.announced);
        let Some(announced) = announced.glbp() else { return };
        let Some(history) = announced.history() else { return };
        let Some(ghosts) = Ghosts::of(announced, &history) else { return };
        for word in history.words() {
            self.run(word.at, analysis);
            let asked = std::mem::take(&mut self.echo.requests);
            let answer = asked.then(|| ghosts.gives(&self.echo)).flatten();
            let Some((stage, _)) = &mut self.stage else { return };
            for letter in ghosts.says(&word, &self.echo).into_iter().chain(answer) {
                stage.receive(&letter.received(instant(word.at)));
            }
            self.collect(analysis);
        }
    }

    /// What a router had heard of the holder before the capture began.
    fn play_prelude(&self, stage: &mut Stage, from: i64, context: &Context<'_>) {
        let unseen = || {
            let octets = framed(&self.announced.unseen_holder()?, stage.link())?;
            Some((LinkType::Ethernet, octets))
        };
        let Some((kind, octets)) = context.others.get(&self.key).cloned().or_else(unseen) else {
            return;
        };
        let again = self.announced.prelude_again().map_or(i64::MAX, |span| signed(nanos(span)));
        let mut at = from;
        while at <= 0 {
            if !stage.run_until(instant(at)) {
                // Nobody says so much before a capture begins.
                return;
            }
            if let Ok(packet) = Packet::open(kind, &octets)
                && let Ok(opened) = packet.received(instant(at))
            {
                stage.receive(&opened.received);
            }
            at = at.saturating_add(again.max(1_000_000));
        }
    }
}

/// A message of one of the protocols with all its fields; whether a key made its proof does not matter here.
fn dissect(received: &Received<'_>) -> Option<Dissection> {
    let known = Known { fields: true, ..Known::default() };
    PROTOCOLS.iter().find_map(|protocol| protocol.dissect(received, &known))
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}

fn instant(ns: i64) -> fhrp::Instant {
    let span = Duration::from_nanos(ns.unsigned_abs());
    if ns < 0 { ORIGIN - span } else { ORIGIN + span }
}
