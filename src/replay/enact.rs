//! Re-enact: one router of a capture is taken out and ours is put in its place.
//!
//! The capture is read twice. First its story is told, and with it what happened to the router from outside and
//! which settings it must have had. Then it is played: our router hears everybody else's frames at their own times
//! and is started, stopped and killed when the real one was; what it says takes the place of what the real one said,
//! and the story is told again. Then the two are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use fhrp::dissect::Dissection;
use fhrp::{Family, Received, Solicitation};
use thiserror::Error;

use super::cast::{Cast, Context, INTERFACE};
use super::compare::{Compared, compare};
use super::protocol::{Announced, Unknowable, speaking_from};
use super::script::outside;
use super::spoken::Prompt;
use super::stage::{TICKS, TICKS_PER_FRAME};
use crate::analyze::listen::heard;
use crate::analyze::moment::nanos;
use crate::analyze::reading::{self, Stance};
use crate::analyze::story::{GroupStory, MemberStory, Story};
use crate::analyze::{Analysis, Heard, Key, key_of};
use crate::capture::neighbour::{Kind, Neighbour};
use crate::capture::{Damage, Frame, LinkType, OpenError, Packet, Reader};
use crate::config::{GroupPlan, Plan};
use crate::decode::{Decoded, Decoder, Message, What, Wish};

/// How much longer ours may speak when the capture is over: a frame of the real router may well be its last one, and
/// ours a little later.
const GRACE: u64 = 5_000_000;
/// Most groups in which a router is re-enacted, and most whose holder's first frame is kept.
const GROUPS: usize = 256;
const HOLDERS: usize = 4_000;
/// Most messages of its groups, of whoever they are, that its settings and its lives are read off.
const MESSAGES: usize = 600_000;
/// How many other moments our router is started at, at most, each a little later, where timers are not exact.
const TRIES: u64 = 5;

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
        let survey = self.survey(complain)?;
        let spread = survey.announced.values().map(|announced| announced.spread()).max().unwrap_or_default();
        let mut best = self.run_once(&survey, 0)?;
        // What a timer is off decides who speaks first; when the router started is not known that exactly.
        for part in 1..=TRIES {
            if unexplained(&best) == 0 || spread == 0 {
                break;
            }
            let other = self.run_once(&survey, spread / TRIES * part)?;
            if unexplained(&other) < unexplained(&best) {
                best = other;
            }
        }
        Ok(best)
    }

    /// Plays once, with our router started `later` by so many nanoseconds than its frames say.
    fn run_once(&self, survey: &Survey, later: u64) -> Result<Vec<Compared>, EnactError> {
        let mut casts = self.cast(survey, later)?;
        let story = self.play(survey, &mut casts)?;
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
        let (mut own, mut of_interface) = (BTreeSet::new(), Vec::new());
        let mut room = MESSAGES;
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
            let ours = received.source == self.address;
            let Some(key) = key_of(&heard) else {
                if ours && of_interface.len() < HOLDERS {
                    of_interface.push((Lan::of(&heard), at_ns));
                }
                continue;
            };
            let is_new = !announced.contains_key(&key);
            if room == 0 || (is_new && announced.len() >= GROUPS && !(ours && own.len() < GROUPS)) {
                continue;
            }
            room -= 1;
            let Some(new) = Announced::new(key.protocol, self.address, key.group, &self.wish.carp_addresses)
            else {
                continue;
            };
            let announced = announced.entry(key).or_insert(new);
            let keys: Vec<&[u8]> = self.wish.keys.of(key.protocol).collect();
            if ours {
                own.insert(key);
                announced.hear(at_ns, received, &keys);
            } else {
                announced.overhear(at_ns, received, &keys);
                if others.len() < HOLDERS && !others.contains_key(&key) && holds(heard.dissection) {
                    others.insert(key, (link, octets.to_vec()));
                }
            }
        }
        announced.retain(|key, _| own.contains(key));
        for (lan, at_ns) in of_interface {
            let concerned = announced.iter_mut().filter(|(key, _)| lan.has(key));
            concerned.for_each(|(_, announced)| announced.spoke_of_interface(at_ns));
        }
        let announced = announced.into_iter().map(|(key, announced)| (key, Rc::new(announced))).collect();
        Ok(Survey { story: analysis.finish(), announced, others })
    }

    /// Our router in each of the groups, ready to be started.
    fn cast(&self, survey: &Survey, later: u64) -> Result<BTreeMap<Key, Cast>, EnactError> {
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
        for (key, announced) in &survey.announced {
            let Some(group) = survey.story.groups.iter().find(|group| group.key() == *key) else { continue };
            let Some(member) = group.members.iter().find(|member| member.address == self.address) else {
                continue;
            };
            let configured = match self.config {
                None => None,
                Some(plan) => match configured(plan, key) {
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
            let script = outside(group, member, announced, configured.as_ref(), later);
            let announced = Rc::clone(announced);
            let cast = Cast::new(*key, group.name(), self.address, announced, configured, script, groups);
            casts.insert(*key, cast);
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
        let context = Context { begins: survey.story.begins, seed: self.seed, others: &survey.others };
        let mut decoder = self.decoder();
        let mut now = 0;
        while let Some(next) = reader.next_frame() {
            // What is wrong with the file was told at the first reading.
            let Ok(frame) = next else { continue };
            now = analysis.frame(Duration::from_nanos(frame.at));
            if casts.values().any(|cast| cast.announced.glbp().is_some())
                && let Some((interface, vlan, asked)) = question(&frame)
            {
                let interface = self.per_interface.then_some(interface);
                let concerned =
                    casts.iter_mut().filter(|(key, _)| (key.interface, key.vlan) == (interface, vlan));
                for (_, cast) in concerned {
                    cast.advance(now, &context, &mut analysis);
                    cast.is_asked(&asked);
                }
            }
            let Some(decoded) = decoder.decode(frame) else { continue };
            let Some((received, heard)) = self.message(analysis.number(), now, &decoded) else { continue };
            let Some(key) = key_of(&heard) else {
                if received.source == self.address {
                    let lan = Lan::of(&heard);
                    let concerned = casts.iter_mut().filter(|(key, _)| lan.has(key));
                    concerned.for_each(|(_, cast)| cast.real_says(now, received));
                }
                continue;
            };
            let Some(cast) = casts.get_mut(&key) else { continue };
            cast.advance(now, &context, &mut analysis);
            if received.source == self.address {
                cast.real_says(now, received);
                continue;
            }
            analysis.hear(&heard);
            let priority = heard.dissection.priority;
            cast.heard = Some(Prompt { at: now, source: received.source, priority });
            cast.hears(now, received);
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

/// What a host asks, and in which network.
fn question(frame: &Frame<'_>) -> Option<(u32, Option<u16>, Solicitation)> {
    let packet = Packet::open(frame.link(), frame.octets).ok()?;
    let said = Neighbour::read(&packet)?;
    let asks = matches!(said.kind, Kind::Question | Kind::Probe) && said.is_believed();
    let (from_mac, from, to_mac) = (said.mac, said.source, packet.destination_mac);
    let asked = Solicitation { from_mac, from, target: said.about, to_mac };
    asks.then_some((frame.interface_number, packet.tags.ids().last().copied(), asked))
}

/// What the first reading found.
struct Survey {
    story: Story,
    announced: BTreeMap<Key, Rc<Announced>>,
    /// The first frame of each group with which somebody else claims the role.
    others: BTreeMap<Key, (LinkType, Vec<u8>)>,
}

/// Where the groups of one protocol hear each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lan {
    interface: Option<u32>,
    vlan: Option<u16>,
    protocol: &'static str,
    family: Family,
}

impl Lan {
    fn of(heard: &Heard<'_>) -> Self {
        Lan {
            interface: heard.interface,
            vlan: heard.vlan,
            protocol: heard.dissection.protocol,
            family: Family::of(heard.source),
        }
    }

    fn has(&self, key: &Key) -> bool {
        let Key { interface, vlan, protocol, family, group: _ } = *key;
        *self == Lan { interface, vlan, protocol, family }
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

fn unexplained(compared: &[Compared]) -> usize {
    compared.iter().map(|compared| compared.unexplained).sum()
}

fn holds(dissection: &Dissection) -> bool {
    let reading = reading::read(dissection).filter(|_| dissection.is_valid());
    reading.is_some_and(|reading| reading.statements.iter().any(|said| said.stance == Stance::Holds))
}

fn configured<'a>(plan: &'a Plan, key: &Key) -> Option<&'a GroupPlan> {
    plan.groups.iter().find(|group| {
        let identity = group.identity();
        let is_family = identity.family.is_none_or(|family| family == key.family);
        is_family && (identity.protocol, identity.id) == (key.protocol, key.group)
    })
}
