//! Re-enact: one router of a capture is taken out and ours is put in its place.
//!
//! The capture is read twice. First its story is told, and with it what happened to the router from outside and
//! which settings it must have had. Then it is played: our router hears everybody else's frames at their own times
//! and is started, stopped and killed when the real one was; what it says takes the place of what the real one said,
//! and the story is told again. Then the two are compared.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use fhrp::dissect::{Dissection, Known};
use fhrp::{InterfaceAddress, Link, Mac, Received};
use thiserror::Error;

use super::compare::{Compared, compare};
use super::protocol::{Announced, Unknowable, real_addresses, speaking_from};
use super::script::{Doing, Outside, outside};
use super::spoken::{Prompt, Spoken};
use super::stage::{Deed, ORIGIN, Stage, TICKS, TICKS_PER_FRAME, framed};
use crate::analyze::listen::heard;
use crate::analyze::moment::nanos;
use crate::analyze::reading::{self, Stance};
use crate::analyze::story::{GroupStory, MemberStory, Story};
use crate::analyze::{Analysis, Heard, Key, key_of};
use crate::capture::{Damage, LinkType, OpenError, Packet, Reader};
use crate::config::{GroupPlan, Plan};
use crate::decode::{Decoded, Decoder, Message, What, Wish};
use crate::engine::GroupIndex;
use crate::net::frame;
use crate::protocols::PROTOCOLS;

/// A MAC for our router where its own was never seen: locally administered.
const OUR_MAC: Mac = Mac([0x02, 0, 0, 0, 0, 0x01]);
/// How much longer ours may speak when the capture is over: a frame of the real router may well be its last one, and
/// ours a little later.
const GRACE: u64 = 5_000_000;
/// The interface that settings read off a capture are on.
const INTERFACE: &str = "capture";
/// Prefix length of the address that is spoken from.
const PREFIX: u8 = 24;

/// Most groups in which a router is re-enacted, and most whose holder's first frame is kept.
const GROUPS: usize = 256;
const HOLDERS: usize = 4_000;

/// Why a router cannot be re-enacted.
#[derive(Debug, Error)]
pub enum EnactError {
    /// The capture cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Nobody in the capture speaks from this address.
    #[error("{address} says nothing in this capture{}", who_speaks(others))]
    Absent {
        /// The address.
        address: IpAddr,
        /// Who does.
        others: Vec<IpAddr>,
    },
    /// There is nothing of ours to put in its place.
    #[error("{address} speaks {protocol}, which our routers do not speak yet")]
    Foreign {
        /// The address.
        address: IpAddr,
        /// The protocol.
        protocol: &'static str,
    },
    /// Its settings cannot be told.
    #[error("{address} in {group}: {why}")]
    Unknowable {
        /// The address.
        address: IpAddr,
        /// The group.
        group: String,
        /// Why not.
        why: Unknowable,
    },
    /// More time is to pass than can be played.
    #[error("{0}: more time passes in this capture than can be played; its times are hardly right")]
    Endless(String),
    /// The configuration has none of its groups.
    #[error("the configuration has none of the groups in which {0} speaks")]
    NotConfigured(IpAddr),
}

/// What is replayed, and how.
pub struct Enact<'a> {
    /// Opens the capture; it is read twice.
    pub open: &'a dyn Fn() -> Result<Reader, OpenError>,
    /// The router that is taken out.
    pub address: IpAddr,
    /// Keys for what is signed, and what else it takes to verify it.
    pub wish: &'a Wish,
    /// Settings, instead of those that the router itself announced.
    pub config: Option<&'a Plan>,
    /// Whether each interface of the capture is a network of its own.
    pub per_interface: bool,
    /// Where chance comes from.
    pub seed: u64,
}

impl Enact<'_> {
    /// Reads, plays and compares: one result for each group in which the router speaks.
    ///
    /// # Errors
    /// If there is nothing that could be compared.
    pub fn run(&self, complain: &mut dyn FnMut(Damage)) -> Result<Vec<Compared>, EnactError> {
        let mut survey = self.survey(complain)?;
        let mut casts = self.cast(&mut survey)?;
        let story = self.play(&survey, &mut casts)?;
        let compared = casts.iter().map(|(key, cast)| {
            let find = |story: &'_ Story| story.groups.iter().find(|group| group.key() == *key).cloned();
            compare(self.address, find(&survey.story), find(&story), cast)
        });
        Ok(compared.flatten().collect())
    }

    fn decoder(&self) -> Decoder {
        Decoder::new(self.wish.clone())
    }

    /// A message of one of the protocols, with its envelope.
    fn message<'a, 'f>(
        &self,
        frame: u64,
        at_ns: u64,
        decoded: &'a Decoded<'f>,
    ) -> Option<(&'a Received<'f>, Heard<'a>)> {
        let heard = heard(frame, at_ns, decoded, self.per_interface)?;
        match &decoded.what {
            What::Message(Message { received: Some(received), .. }) => Some((received, heard)),
            What::Message(_) | What::Neighbour(..) => None,
        }
    }

    /// The first reading.
    fn survey(&self, complain: &mut dyn FnMut(Damage)) -> Result<Survey, EnactError> {
        let mut reader = (self.open)()?;
        let mut analysis = Analysis::default();
        let (mut announced, mut others) = (BTreeMap::new(), BTreeMap::new());
        let mut decoder = self.decoder();
        while let Some(next) = reader.next_frame() {
            let frame = match next {
                Ok(frame) => frame,
                Err(damage) => {
                    complain(damage);
                    continue;
                }
            };
            let at_ns = analysis.frame(Duration::from_nanos(frame.at));
            let (link, octets) = (frame.link(), frame.octets);
            let Some(decoded) = decoder.decode(frame) else { continue };
            let Some((received, heard)) = self.message(analysis.number(), at_ns, &decoded) else { continue };
            analysis.hear(&heard);
            let Some(key) = key_of(&heard) else { continue };
            if received.source == self.address {
                let keys: Vec<&[u8]> = self.wish.keys.of(key.protocol).collect();
                if announced.len() >= GROUPS && !announced.contains_key(&key) {
                    continue;
                }
                if let Some(new) = Announced::new(key.protocol, self.address, key.group) {
                    announced.entry(key).or_insert(new).hear(at_ns, received, &keys);
                }
            } else if others.len() < HOLDERS && !others.contains_key(&key) && holds(heard.dissection) {
                others.insert(key, (link, octets.to_vec()));
            }
        }
        Ok(Survey { story: analysis.finish(), announced, others })
    }

    /// Our router in each of the groups, ready to be started.
    fn cast(&self, survey: &mut Survey) -> Result<BTreeMap<Key, Cast>, EnactError> {
        if survey.announced.is_empty() {
            let speaks =
                |group: &&GroupStory| group.members.iter().any(|member| member.address == self.address);
            if let Some(group) = survey.story.groups.iter().find(speaks) {
                return Err(EnactError::Foreign { address: self.address, protocol: group.protocol });
            }
            let members = survey.story.groups.iter().flat_map(|group| &group.members);
            let mut others: Vec<IpAddr> = members.map(|member| member.address).collect();
            others.sort_unstable();
            others.dedup();
            return Err(EnactError::Absent { address: self.address, others });
        }
        let groups = survey.announced.len();
        let mut casts = BTreeMap::new();
        for (key, announced) in std::mem::take(&mut survey.announced) {
            let Some(group) = survey.story.groups.iter().find(|group| group.key() == key) else { continue };
            let Some(member) = group.members.iter().find(|member| member.address == self.address) else {
                continue;
            };
            let configured = match self.config {
                None => None,
                Some(plan) => match configured(plan, &key) {
                    Some(group) => Some(speaking_from(group, self.address)),
                    None => continue,
                },
            };
            if configured.is_none() {
                let plan = announced.plan(member.first_ns, INTERFACE, &group.name());
                plan.map_err(|why| EnactError::Unknowable {
                    address: self.address,
                    group: group.name(),
                    why,
                })?;
            }
            if is_endless(&survey.story, member) {
                return Err(EnactError::Endless(group.name()));
            }
            let script = outside(group, member, &announced, configured.as_ref());
            let cast = Cast::new(key, group.name(), self.address, announced, configured, script, groups);
            casts.insert(key, cast);
        }
        match casts.is_empty() {
            true => Err(EnactError::NotConfigured(self.address)),
            false => Ok(casts),
        }
    }

    /// The second reading: the capture with our router in the place of the real one.
    fn play(&self, survey: &Survey, casts: &mut BTreeMap<Key, Cast>) -> Result<Story, EnactError> {
        let mut reader = (self.open)()?;
        let mut analysis = Analysis::default();
        let context = Context { begins: survey.story.begins, seed: self.seed, survey };
        let mut decoder = self.decoder();
        let mut now = 0;
        while let Some(next) = reader.next_frame() {
            // What is wrong with the file was told at the first reading.
            let Ok(frame) = next else { continue };
            now = analysis.frame(Duration::from_nanos(frame.at));
            let Some(decoded) = decoder.decode(frame) else { continue };
            let Some((received, heard)) = self.message(analysis.number(), now, &decoded) else { continue };
            let Some(cast) = key_of(&heard).and_then(|key| casts.get_mut(&key)) else { continue };
            cast.advance(now, &context, &mut analysis);
            if received.source == self.address {
                // Octet by octet, which nobody else's frames are wanted.
                if let Some(whole) = dissect(received) {
                    cast.add(false, now, received, &whole);
                }
                continue;
            }
            analysis.hear(&heard);
            let priority = heard.dissection.priority;
            cast.heard = Some(Prompt { at: now, source: received.source, priority });
            if let Some((stage, _)) = cast.stage.as_mut().filter(|_| !cast.deaf) {
                stage.receive(received);
            }
        }
        for cast in casts.values_mut() {
            cast.advance(now.saturating_add(GRACE), &context, &mut analysis);
            if cast.is_worn_out {
                return Err(EnactError::Endless(cast.name.clone()));
            }
        }
        Ok(analysis.finish())
    }
}

/// What the first reading found.
struct Survey {
    story: Story,
    announced: BTreeMap<Key, Announced>,
    /// The first frame of each group with which somebody else claims the role.
    others: BTreeMap<Key, (LinkType, Vec<u8>)>,
}

struct Context<'a> {
    begins: Duration,
    seed: u64,
    survey: &'a Survey,
}

/// Our router in one group.
pub(super) struct Cast {
    pub(super) key: Key,
    pub(super) name: String,
    address: IpAddr,
    pub(super) announced: Announced,
    pub(super) configured: Option<GroupPlan>,
    pub(super) script: Vec<Outside>,
    coming: VecDeque<Outside>,
    stage: Option<(Stage, GroupIndex)>,
    is_worn_out: bool,
    deaf: bool,
    heard: Option<Prompt>,
    /// What the real router said.
    pub(super) real: Spoken,
    /// What ours says.
    pub(super) ours: Spoken,
    /// Frames of both that are too many to compare.
    pub(super) left_out: u64,
}

impl Cast {
    fn new(
        key: Key,
        name: String,
        address: IpAddr,
        announced: Announced,
        configured: Option<GroupPlan>,
        script: Vec<Outside>,
        groups: usize,
    ) -> Self {
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
            left_out: 0,
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

    /// Everything that happens up to a moment.
    fn advance(&mut self, until: u64, context: &Context<'_>, analysis: &mut Analysis) {
        let signed = i64::try_from(until).unwrap_or(i64::MAX);
        while let Some(next) = self.coming.front().filter(|next| next.at_ns <= signed).cloned() {
            self.coming.pop_front();
            self.run(next.at_ns, analysis);
            self.act(&next, context);
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
        let done: Vec<_> = stage.done().collect();
        let sent = done.iter().filter_map(|done| match &done.what {
            Deed::Sent(datagram) => Some((done.at, framed(datagram, stage.link())?)),
            Deed::Announced(_) | Deed::Noted(_) => None,
        });
        let sent: Vec<(fhrp::Instant, Vec<u8>)> = sent.collect();
        for (at, octets) in sent {
            let Ok(received) = frame::parse(&octets, at) else { continue };
            let Some(dissection) = dissect(&received) else { continue };
            let at_ns = nanos(at.since(ORIGIN));
            self.add(true, at_ns, &received, &dissection);
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

    fn act(&mut self, outside: &Outside, context: &Context<'_>) {
        let at_ns = u64::try_from(outside.at_ns).unwrap_or(0);
        match outside.what {
            Doing::Start { prelude } => self.start(outside.at_ns, prelude, context),
            Doing::Kill => self.stage = None,
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
        for address in real_addresses(&plan.protocol) {
            if !link.has(address.ip) {
                link.addresses.push(address);
            }
        }
        let mut stage = Stage::new(link, instant(at_ns), context.begins, context.seed);
        let group = stage.add(&plan);
        if let Some((kind, octets)) = context.survey.others.get(&self.key).filter(|_| prelude)
            && let Ok(packet) = Packet::open(*kind, octets)
            && let Ok(opened) = packet.received(instant(at_ns))
        {
            stage.receive(&opened.received);
        }
        self.stage = Some((stage, group));
    }
}

/// What to try instead of somebody who is absent.
fn who_speaks(others: &[IpAddr]) -> String {
    match others {
        [] => ", nor does any other router".to_owned(),
        [_, ..] => format!("; these do: {}", reading::listed(others)),
    }
}

/// Whether more intervals pass than anybody would capture: nobody waits for what cannot be true.
fn is_endless(story: &Story, member: &MemberStory) -> bool {
    let said = member.settings.iter().filter_map(|said| said.interval.or(said.hello));
    let Some(interval) = said.min().map(nanos).filter(|interval| *interval > 0) else { return false };
    story.length_ns / interval > TICKS.saturating_add(story.frames.saturating_mul(TICKS_PER_FRAME))
}

/// A message of one of the protocols with all its fields; whether a key made its proof does not matter here.
fn dissect(received: &Received<'_>) -> Option<Dissection> {
    let known = Known { fields: true, ..Known::default() };
    PROTOCOLS.iter().find_map(|protocol| protocol.dissect(received, &known))
}

fn holds(dissection: &Dissection) -> bool {
    let reading = reading::read(dissection).filter(|_| dissection.is_valid());
    reading.is_some_and(|reading| reading.statements.iter().any(|said| said.stance == Stance::Holds))
}

fn configured<'a>(plan: &'a Plan, key: &Key) -> Option<&'a GroupPlan> {
    plan.groups.iter().find(|group| {
        let identity = group.identity();
        (identity.protocol, identity.family, identity.id) == (key.protocol, key.family, key.group)
    })
}

fn instant(ns: i64) -> fhrp::Instant {
    let span = Duration::from_nanos(ns.unsigned_abs());
    if ns < 0 { ORIGIN - span } else { ORIGIN + span }
}
