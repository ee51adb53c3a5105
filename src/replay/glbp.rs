//! GLBP: from what a router says to the settings it must have and to what happened to it; what may differ and why.
//!
//! Its routers speak in every state, so that whoever is silent is dead. With MD5 they obey only who repeats what they said
//! themselves a little earlier: ours says other numbers than the real one did, and is told those.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ::glbp::Config;
use ::glbp::auth::{Authentication, Guard};
use ::glbp::config::{
    DEFAULT_FORWARDER_PREEMPT, DEFAULT_TIMES, DEFAULT_WEIGHTING, Preempt, Retirement, Times, Weighting,
};
use ::glbp::demux::PROTOCOL;
use ::glbp::vmac::LAST_FORWARDER;
use ::glbp::wire::{self, Credentials, Forwarder, Heard, Hello, Kind, Peer, State};
use fhrp::dissect::Known;
use fhrp::keys::KeyChain;
use fhrp::{Family, InterfaceAddress, Mac, Protocol, Received, Secret};

use super::hellos::{self, Beat, Stateful};
use super::protocol::{Unknowable, true_at};
use crate::analyze::moment::{nanos, spell};

mod history;
mod life;
mod padding;
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
/// Delays are set in whole steps of this, in nanoseconds; what is measured is a little more.
const STEP: u64 = 100_000_000;

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

    /// It preempts if it becomes active beside a worse router that is; how long it had tolerated that one is the delay.
    fn preempt(&self) -> Preempt {
        let off = Preempt { on: false, delay: Duration::ZERO };
        let Some(taken) = self.took_from_worse() else { return off };
        let until = self.others.partition_point(|other| other.at <= taken);
        let actives = self.others[..until].iter().filter(|other| other.state() == Some(State::Active));
        let run = actives.rev().take_while(|other| self.is_worse_active(other, taken));
        let since = run.last().map_or(taken, |first| first.at).max(self.begins(taken));
        Preempt { on: true, delay: set_by_hand(self.by_way_of_speak(taken).saturating_sub(since)) }
    }

    /// When it began to preempt somebody whose role it took at a moment: it speaks when it may, and is active when it hears
    /// that one the next time.
    fn by_way_of_speak(&self, taken: u64) -> u64 {
        let until = self.own.partition_point(|own| own.at < taken);
        let hellos = self.own[..until].iter().rev().filter(|own| own.state().is_some());
        let first = hellos.take_while(|own| own.state() == Some(State::Speak)).last();
        let speaks = first.and_then(|own| Some((own.at, nanos(own.hello?.hello))));
        speaks.filter(|(at, hello)| taken - at <= hello + hello / 10).map_or(taken, |(at, _)| at)
    }

    /// When it became active beside a worse one that it had just heard.
    fn took_from_worse(&self) -> Option<u64> {
        let hellos: Vec<&Spoke> = self.own.iter().filter(|own| own.state().is_some()).collect();
        hellos.windows(2).find_map(|pair| {
            let [before, taken] = pair else { return None };
            let takes = before.state() != Some(State::Active) && taken.state() == Some(State::Active);
            let hold = nanos(taken.hello?.hold);
            let last = self
                .others
                .iter()
                .rfind(|other| other.at <= taken.at && other.state() == Some(State::Active))?;
            let heard = last.at + hold > taken.at && self.is_worse_active(last, taken.at);
            (takes && heard).then_some(taken.at)
        })
    }

    fn is_worse_active(&self, other: &Spoke, at: u64) -> bool {
        let own = self.at(at).map_or(0, |settings| settings.priority);
        let better = |hello: Hello| (hello.priority, other.source) > (own, self.source);
        other.state() == Some(State::Active) && !other.hello.is_some_and(better)
    }

    /// When the life began that it lives at a moment.
    fn begins(&self, at: u64) -> u64 {
        let until: Vec<&Spoke> = self.own.iter().filter(|own| own.at <= at).collect();
        let gap = until.windows(2).rposition(|pair| pair[1].at - pair[0].at > self.hold());
        until.get(gap.map_or(0, |gap| gap + 1)).map_or(at, |first| first.at)
    }

    /// How long it tolerates somebody with less right to a forwarder: as long as it did when it took one from such a router.
    fn forwarder_preempt(&self) -> Preempt {
        let delays = (1..=LAST_FORWARDER).filter_map(|number| self.tolerated(number));
        let delay = delays.min().map_or(DEFAULT_FORWARDER_PREEMPT.delay, set_by_hand);
        Preempt { on: true, delay }
    }

    /// How long it tolerated somebody who had less right to a forwarder, before it took it from them. It counts from when
    /// it heard of the forwarder first.
    fn tolerated(&self, number: u8) -> Option<u64> {
        let says: Vec<&Spoke> =
            self.own.iter().filter(|own| own.hello.is_some() || own.active_for(number).is_some()).collect();
        let taken = says.windows(2).filter_map(|pair| {
            let right = pair[1].active_for(number).filter(|_| pair[0].active_for(number).is_none())?.priority;
            Some((pair[1].at, right))
        });
        taken.take(CHANGES).find_map(|(taken, right)| {
            let begins = self.begins(taken);
            let from = self.others.partition_point(|other| other.at < begins);
            let to = self.others.partition_point(|other| other.at < taken);
            let claims = self.others[from..to].iter();
            let claims = claims.filter_map(|other| Some((other.at, other.active_for(number)?.priority)));
            let worse: Vec<u64> =
                claims.rev().take_while(|(_, theirs)| *theirs < right).map(|(at, _)| at).collect();
            let there = worse.first().is_some_and(|last| last + self.hold() > taken);
            // Its own right may have become a better one since.
            let weighed = self.settings.iter().rfind(|(since, _)| *since <= taken);
            let since = weighed.map_or(0, |(since, _)| *since);
            worse.last().filter(|_| there).map(|first| taken - (*first).max(since))
        })
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

/// The delay that somebody set where this was measured.
fn set_by_hand(measured: u64) -> Duration {
    Duration::from_nanos(measured - measured % STEP)
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

/// What proves a router's messages, each since when.
#[derive(Debug, Clone, Default)]
struct Proofs(Vec<(u64, Result<Authentication, Unknowable>)>);

impl Proofs {
    /// One more message.
    fn follow(&mut self, at: u64, received: &Received<'_>, heard: &Heard<'_>, keys: &[&[u8]]) {
        let fits = |proof: &Result<Authentication, Unknowable>| {
            let admits = |it: &Authentication| Guard::new(it).admit(heard, received.source, Duration::ZERO);
            proof.as_ref().is_ok_and(|it| admits(it).is_ok())
        };
        if self.0.last().is_some_and(|(_, last)| fits(last)) {
            return;
        }
        let now = proof(received, &heard.credentials, keys);
        if self.0.last().is_none_or(|(_, last)| *last != now) && self.0.len() < FRAMES {
            self.0.push((at, now));
        }
    }

    fn at(&self, at: u64) -> Option<&Authentication> {
        let proof = self.0.iter().rfind(|(since, _)| *since <= at);
        proof.and_then(|(_, proof)| proof.as_ref().ok())
    }
}

/// What made the proof in a message.
fn proof(
    received: &Received<'_>,
    credentials: &Credentials<'_>,
    keys: &[&[u8]],
) -> Result<Authentication, Unknowable> {
    let fitting = || {
        let fits = |key: &&&[u8]| {
            let known = Known { keys: &[key], ..Known::default() };
            let shown = PROTOCOL.dissect(received, &known);
            shown.and_then(|shown| shown.authentication).is_some_and(|proof| proof.verified == Some(true))
        };
        keys.iter().find(fits).map(|key| Secret::new(*key)).ok_or(Unknowable::KeyMissing("glbp"))
    };
    match credentials {
        Credentials::None | Credentials::Unknown(_) => Ok(Authentication::None),
        Credentials::Text(text) => Ok(Authentication::Text(Secret::new(*text))),
        Credentials::KeyString(_) => Ok(Authentication::KeyString(fitting()?)),
        Credentials::KeyChain { key, .. } => Ok(Authentication::KeyChain(KeyChain::single(*key, fitting()?))),
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
        "source MAC" if is_virtual(theirs) || is_virtual(ours) => {
            Some("each hello comes from the MAC of another forwarder that it lists, in turn")
        }
        _ => None,
    }
}
