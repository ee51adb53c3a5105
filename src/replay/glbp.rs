//! GLBP: from what a router says to the settings it must have and to what happened to it; what may differ and why.
//!
//! Its routers speak in every state, so that whoever is silent is dead. With MD5 they obey only who repeats what they said
//! themselves a little earlier: ours says other numbers than the real one did, and is told those.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ::glbp::Config;
use ::glbp::auth::Authentication;
use ::glbp::config::{DEFAULT_TIMES, DEFAULT_WEIGHTING, Retirement, Times, Weighting};
use ::glbp::vmac::LAST_FORWARDER;
use ::glbp::wire::{self, Forwarder, Heard, Hello, Kind, Peer, State};
use fhrp::{Family, InterfaceAddress, Mac, Received};

use self::proofs::Proofs;
use super::hellos::{self, Beat, Stateful};
use super::protocol::{Unknowable, true_at};
use crate::analyze::moment::{nanos, spell};

mod history;
mod life;
mod padding;
mod preemption;
mod proofs;
mod retold;
#[cfg(test)]
mod tests;

pub(super) use history::Ghosts;
pub(super) use life::outside;
pub(super) use retold::Echo;

/// Prefix lengths of networks that nobody told us.
const USUAL_IPV4: u8 = 24;
const USUAL_IPV6: u8 = 64;
/// Most frames that are remembered of the router, and most of everybody else.
const FRAMES: usize = 50_000;
/// Most MACs that are remembered: it has its own and four of the group's.
const MACS: usize = 16;
/// A right of whoever was given the forwarder has this bit.
const PRIMARY: u8 = 0x20;
/// A right of whoever has a sufficient weighting has this one.
const SUFFICIENT: u8 = 0x80;
/// Most changes of settings that are followed, and most times that it took a forwarder that are looked at.
const CHANGES: usize = 500;
/// The priority of whoever leaves.
const GOODBYE: u8 = 0;
/// Real addresses that a group needs: one it is told to speak from. Nobody owns a virtual one.
pub(super) fn real_addresses(config: &Config) -> Vec<InterfaceAddress> {
    let usual = if config.family == Family::Ipv4 { USUAL_IPV4 } else { USUAL_IPV6 };
    let prefix = config.addresses.first().map_or(usual, |address| address.prefix);
    config.source.map(|ip| InterfaceAddress { ip, prefix }).into_iter().collect()
}

/// How long a router with these settings waits after its start before it takes a role that nobody holds: a hold time in
/// Listen, and one in Speak.
pub(super) fn wait_after_start(config: &Config) -> Duration {
    config.times.unwrap_or(DEFAULT_TIMES).hold * 2
}

/// A message of the group.
#[derive(Debug, Clone)]
pub(super) struct Spoke {
    pub(super) at: u64,
    pub(super) source: IpAddr,
    pub(super) source_mac: Mac,
    pub(super) owner: Mac,
    pub(super) kind: Kind,
    pub(super) hello: Option<Hello>,
    pub(super) forwarders: Vec<Forwarder>,
    /// The numbers of others that it repeats, with MD5 only.
    pub(super) peers: Option<Vec<Peer>>,
    /// Whether something was left over in the sender's memory where nothing is said.
    pub(super) is_padded: bool,
}

impl Spoke {
    fn new(at: u64, received: &Received<'_>, heard: Heard<'_>) -> Self {
        let message = heard.message;
        Spoke {
            at,
            source: received.source,
            source_mac: received.source_mac,
            owner: message.owner,
            kind: message.kind,
            hello: message.hello,
            forwarders: message.forwarders,
            peers: message.challenge.map(|challenge| challenge.peers),
            is_padded: padding::is_left_over(received.payload),
        }
    }

    /// The state that its sender is in, if it says so.
    pub(super) fn state(&self) -> Option<State> {
        self.hello.filter(|_| !self.leaves()).map(|hello| hello.state)
    }

    /// Whether it is its sender's goodbye.
    pub(super) fn leaves(&self) -> bool {
        self.hello.is_some_and(|hello| hello.priority == GOODBYE)
    }

    /// What it says of a forwarder that its sender is active for.
    pub(super) fn active_for(&self, number: u8) -> Option<&Forwarder> {
        let active = |it: &&Forwarder| it.number == number && it.state == State::Active;
        self.forwarders.iter().find(|_| self.kind == Kind::Hello).and(self.forwarders.iter().find(active))
    }

    fn beat(&self) -> Beat<State> {
        let Spoke { at, source, hello, .. } = self;
        let every = hello.map_or(0, |hello| nanos(hello.hello));
        Beat { at: *at, source: *source, state: self.state(), hello: every }
    }
}

/// Whether a right is that of whoever was given the forwarder.
pub(super) fn is_primary(right: u8) -> bool {
    right & PRIMARY != 0
}

/// Everything that one router's messages say of its settings, and everybody else's of what it must have heard.
#[derive(Debug, Clone)]
pub(super) struct Announced {
    source: IpAddr,
    group: u16,
    /// What proves its messages, and since when.
    proofs: Proofs,
    macs: BTreeSet<Mac>,
    owner: Option<Mac>,
    /// Its own messages, in order.
    own: Vec<Spoke>,
    /// Everybody else's.
    others: Vec<Spoke>,
    /// What proves everybody else's.
    their_proofs: BTreeMap<IpAddr, Proofs>,
    /// The numbers that it says to be told again, and those that others say, each since when.
    nonces: Vec<(u64, u32)>,
    their_nonces: BTreeMap<Mac, Vec<(u64, u32)>>,
    /// What changes on the way, and since when.
    settings: Vec<(u64, Settings)>,
}

/// What changes on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settings {
    priority: u8,
    /// Those of an active gateway are its own; everybody else says the active one's.
    times: Option<(Times, Retirement)>,
    address: IpAddr,
    weighting: u8,
    /// Whether that is too little.
    is_low: bool,
    /// Which of its proofs.
    proof: usize,
}

impl Announced {
    pub(super) fn new(source: IpAddr, group: u16) -> Self {
        Announced {
            source,
            group,
            proofs: Proofs::default(),
            macs: BTreeSet::new(),
            owner: None,
            own: Vec::new(),
            others: Vec::new(),
            their_proofs: BTreeMap::new(),
            nonces: Vec::new(),
            their_nonces: BTreeMap::new(),
            settings: Vec::new(),
        }
    }

    /// A message of it.
    pub(super) fn hear(&mut self, at: u64, received: &Received<'_>, keys: &[&[u8]]) {
        let Ok(heard) = wire::parse(received.payload) else { return };
        if self.own.len() >= FRAMES {
            return;
        }
        if self.macs.len() < MACS {
            self.macs.insert(received.source_mac);
        }
        self.owner = Some(heard.message.owner);
        self.proofs.follow(at, received, &heard, keys);
        follow_nonce(&mut self.nonces, at, &heard);
        let spoke = Spoke::new(at, received, heard);
        self.follow_settings(&spoke);
        self.own.push(spoke);
    }

    fn follow_settings(&mut self, spoke: &Spoke) {
        let before = self.settings.last().map(|(_, settings)| *settings);
        let proof = self.proofs.0.len().saturating_sub(1);
        let said = spoke.hello.filter(|_| !spoke.leaves());
        let is_active = spoke.state() == Some(State::Active);
        let times = said.filter(|_| is_active).map(|hello| {
            let Hello { hello, hold, redirect, timeout, .. } = hello;
            (Times { hello, hold }, Retirement { redirect, timeout })
        });
        let Some(mut now) = before.or_else(|| {
            Some(Settings {
                priority: said?.priority,
                times: None,
                address: said?.address,
                weighting: DEFAULT_WEIGHTING.maximum,
                is_low: false,
                proof,
            })
        }) else {
            return;
        };
        if let Some(hello) = said {
            (now.priority, now.address) = (hello.priority, hello.address);
        }
        if let Some(forwarder) = spoke.forwarders.iter().find(|it| spoke.active_for(it.number).is_some()) {
            (now.weighting, now.is_low) = (forwarder.weighting, forwarder.priority & SUFFICIENT == 0);
        }
        (now.times, now.proof) = (times.or(now.times), proof);
        // The first times and the first weighting that it says, it had before as well.
        let says_more = before.is_some_and(|before| before.times.is_none() && now.times.is_some());
        if says_more {
            self.settings.iter_mut().for_each(|(_, settings)| settings.times = now.times);
        }
        let forwards = |own: &Spoke| (1..=LAST_FORWARDER).any(|number| own.active_for(number).is_some());
        if !self.own.iter().any(forwards) {
            let weight = |settings: &mut Settings| {
                (settings.weighting, settings.is_low) = (now.weighting, now.is_low);
            };
            self.settings.iter_mut().for_each(|(_, settings)| weight(settings));
        }
        if self.settings.last().is_none_or(|(_, last)| *last != now) && self.settings.len() < CHANGES {
            let weighs = before.is_some_and(|it| (it.weighting, it.is_low) != (now.weighting, now.is_low));
            let since = if weighs { self.hastened(spoke.at) } else { spoke.at };
            self.settings.push((since, now));
        }
    }

    /// When it must have had the weighting that it says now. While it forwards for nothing it says none; but whoever gets
    /// another one says its next hello early.
    fn hastened(&self, at: u64) -> u64 {
        let forwards = |own: &&Spoke| (1..=LAST_FORWARDER).any(|number| own.active_for(number).is_some());
        let silent = self.own.iter().rev().take_while(|own| !forwards(own)).count();
        let since = &self.own[self.own.len() - silent..];
        let early = since.windows(2).rev().find(|pair| {
            let hello = pair[1].hello.map_or(0, |hello| nanos(hello.hello));
            pair[1].at - pair[0].at < hello * 3 / 4
        });
        early.map_or(at, |pair| pair[1].at)
    }

    /// A message of somebody else in the group.
    pub(super) fn overhear(&mut self, at: u64, received: &Received<'_>, keys: &[&[u8]]) {
        let Ok(heard) = wire::parse(received.payload) else { return };
        if self.others.len() < FRAMES {
            self.their_proofs.entry(received.source).or_default().follow(at, received, &heard, keys);
            follow_nonce(self.their_nonces.entry(heard.message.owner).or_default(), at, &heard);
            self.others.push(Spoke::new(at, received, heard));
        }
    }

    /// Whether everybody proves what they say as it does: otherwise it did hear them, and did not believe them.
    fn believes_everybody(&self) -> bool {
        let all = self.their_proofs.values().flat_map(|proofs| &proofs.0).chain(&self.proofs.0);
        all.map(|(_, proof)| proof).collect::<Vec<_>>().windows(2).all(|pair| pair[0] == pair[1])
    }

    /// Whether it obeys only who repeats what it said.
    fn challenges(&self) -> bool {
        !self.nonces.is_empty()
    }

    /// When its settings changed, the first one included.
    pub(super) fn changes(&self) -> impl Iterator<Item = u64> {
        self.settings.iter().map(|(at, _)| *at)
    }

    fn at(&self, at: u64) -> Option<&Settings> {
        true_at(&self.settings, at)
    }

    /// Its settings at a moment.
    pub(super) fn config(&self, at: u64) -> Result<Config, Unknowable> {
        let settings = self.at(at).ok_or(Unknowable::NoFrame)?;
        // Each proof must be known: what it says with another one, ours could not say.
        let proofs = self.proofs.0.iter().map(|(_, proof)| proof.clone());
        let proofs = proofs.collect::<Result<Vec<Authentication>, Unknowable>>()?;
        let family = Family::of(self.source);
        let prefix = if family == Family::Ipv4 { USUAL_IPV4 } else { USUAL_IPV6 };
        // Who does not know the address yet says none, and learns it.
        let address = Some(settings.address).filter(|ip| !ip.is_unspecified());
        let addresses = address.map(|ip| InterfaceAddress { ip, prefix }).into_iter().collect();
        let first = self.own.iter().find_map(|own| own.hello);
        let said = first.map(|hello| Times { hello: hello.hello, hold: hello.hold });
        let retired = first.map(|hello| Retirement { redirect: hello.redirect, timeout: hello.timeout });
        Ok(Config {
            priority: settings.priority,
            times: settings.times.map(|(times, _)| times).or(said),
            retirement: settings.times.map(|(_, retirement)| retirement).or(retired),
            jitter: hellos::jitters(&self.pauses()),
            preempt: self.preempt(),
            forwarder_preempt: self.forwarder_preempt(),
            weighting: weighting(settings.weighting, settings.is_low),
            source: Some(self.source),
            authentication: proofs.get(settings.proof).cloned().unwrap_or(Authentication::None),
            ..Config::new(self.group, family, addresses)
        })
    }

    /// The pauses between its hellos of one state that came in their turn, in hundredths of the hello time.
    fn pauses(&self) -> Vec<u64> {
        hellos::pauses(self.own.iter().filter(|own| own.hello.is_some()).map(Spoke::beat))
    }

    /// How long it is believed to live after what it said at a moment.
    fn hold_at(&self, at: u64) -> u64 {
        let until = self.own.partition_point(|own| own.at <= at);
        let hello = self.own[..until].iter().rev().find_map(|own| own.hello);
        hello.map_or(self.hold(), |hello| nanos(hello.hold))
    }

    /// Its own MAC: what it says as its owner ID.
    pub(super) fn own_mac(&self) -> Option<Mac> {
        self.owner
    }

    /// Its messages, in order.
    pub(super) fn own(&self) -> &[Spoke] {
        &self.own
    }

    /// Everybody else's messages, in order.
    pub(super) fn others(&self) -> &[Spoke] {
        &self.others
    }

    /// Whether this number is one of the two that another one said last until some moment.
    pub(super) fn is_recent(&self, Peer { owner, nonce }: &Peer, at: u64) -> bool {
        let said = self.their_nonces.get(owner).map_or(&[][..], Vec::as_slice);
        let until = said.partition_point(|(since, _)| *since <= at);
        said[..until].iter().rev().take(2).any(|(_, said)| said == nonce)
    }

    /// What was concluded, in words.
    pub(super) fn conclusions(&self, at: u64) -> Vec<String> {
        let mut said = Vec::new();
        if let (Some(settings), Ok(config)) = (self.at(at), self.config(at)) {
            said.push(format!("priority {}", settings.priority));
            if let Some(times) = config.times {
                said.push(format!("hello {}, hold {}", spell(times.hello), spell(times.hold)));
            }
            if let Some(retirement) = config.retirement {
                let (redirect, timeout) = (spell(retirement.redirect), spell(retirement.timeout));
                said.push(format!("redirect {redirect}, time-out {timeout}"));
            }
            said.push(match config.addresses.first() {
                Some(address) => format!("address {}", address.ip),
                None => "an address that it learns".to_owned(),
            });
            let low = if settings.is_low { ", which is too little" } else { "" };
            said.push(format!("weighting {}{low}", settings.weighting));
        }
        let preempt = self.preempt();
        said.push(match (preempt.on, preempt.delay.is_zero()) {
            (false, _) => "preemption off: it was not seen to preempt".to_owned(),
            (true, true) => "preemption on".to_owned(),
            (true, false) => format!("preemption on, after {}", spell(preempt.delay)),
        });
        let delay = spell(self.forwarder_preempt().delay);
        said.push(match (1..=LAST_FORWARDER).any(|number| self.tolerated(number).is_some()) {
            true => format!("preemption of forwarders after {delay}"),
            false => format!("preemption of forwarders after the usual {delay}"),
        });
        if !hellos::jitters(&self.pauses()) {
            said.push("hellos without jitter".to_owned());
        }
        said.push(match self.proofs.0.first() {
            Some((_, Ok(Authentication::None))) | None => "no authentication".to_owned(),
            Some((_, Ok(Authentication::KeyString(_)))) => "MD5 with a key string".to_owned(),
            Some((_, Ok(Authentication::KeyChain(_)))) => "MD5 with a key chain".to_owned(),
            Some((_, Ok(Authentication::Text(_)) | Err(_))) => "text authentication".to_owned(),
        });
        said
    }
}

impl Stateful for Announced {
    fn spread(&self) -> u64 {
        let hello = self.own.iter().find_map(|own| own.hello).map_or(0, |hello| nanos(hello.hello));
        hellos::spread(&self.pauses(), hello)
    }

    fn hold(&self) -> u64 {
        self.own.iter().find_map(|own| own.hello).map_or(nanos(DEFAULT_TIMES.hold), |hello| nanos(hello.hold))
    }

    fn squeezed(&self) -> Vec<(u64, u64)> {
        let hellos = self.own.iter().chain(&self.others).filter(|spoke| spoke.hello.is_some());
        hellos::squeezed(hellos.map(Spoke::beat).collect())
    }

    fn out_of_turn(&self, _: &[u64]) -> Option<&'static str> {
        None
    }
}

/// The number that a message wants to be told again.
fn follow_nonce(nonces: &mut Vec<(u64, u32)>, at: u64, heard: &Heard<'_>) {
    let nonce = heard.message.challenge.as_ref().map(|challenge| challenge.nonce);
    if let Some(nonce) = nonce.filter(|nonce| nonces.last().is_none_or(|(_, last)| last != nonce)) {
        nonces.push((at, nonce));
    }
}

/// A weighting that is said, and whether it is too little: whichever faults made it so, and whatever the thresholds are.
fn weighting(said: u8, is_low: bool) -> Weighting {
    match is_low {
        true => Weighting { maximum: said, lower: u8::MAX, upper: u8::MAX },
        false => Weighting { maximum: said, lower: 0, upper: said },
    }
}

/// Fields that follow from others, and those of forwarders and challenges: their messages are compared as such.
pub(super) fn is_its_own(field: &str) -> bool {
    let name = field.rsplit(" / ").next().unwrap_or(field);
    name == "Digest" || field.starts_with("Forwarder / ") || field.starts_with("Challenge / ")
}

/// Why a field may differ, if anything says so.
pub(super) fn why_it_differs(field: &str, theirs: &str, ours: &str) -> Option<&'static str> {
    let is_virtual = |mac: &str| mac.starts_with("00:07:b4:");
    match field {
        "source MAC" if is_virtual(theirs) && is_virtual(ours) => {
            Some("each hello comes from the MAC of another forwarder that it lists, in turn")
        }
        // Whether each speaks only from MACs that it may, is looked at by itself.
        "source MAC" if is_virtual(theirs) || is_virtual(ours) => Some(
            "ours gives the gateway's role up from its own MAC, for the winner may just have claimed what it lists; \
             else it comes from a forwarder's MAC once it lists one",
        ),
        _ => None,
    }
}
