//! HSRP: from what a router says to the settings it must have and to what happened to it; what may differ and why.
//! RFC 2281.
//!
//! Unlike VRRP's, its routers speak in three states and are silent in others: what a silence means depends on who else
//! spoke.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ::hsrp::Config;
use ::hsrp::auth::{Authentication, Guard};
use ::hsrp::config::{DEFAULT_TIMES, Preempt, Times};
use ::hsrp::demux::PROTOCOL;
use ::hsrp::judge::multicast;
use ::hsrp::vmac::is_virtual;
use ::hsrp::wire::{
    self, Credentials, GroupMessage, Message, Operation, PORT_IPV4, PORT_IPV6, State, Version,
};
use fhrp::dissect::Known;
use fhrp::keys::KeyChain;
use fhrp::packet::ip_protocol;
use fhrp::{Datagram, Family, InterfaceAddress, Mac, Protocol, Received, Route, Secret};

use super::hellos::{self, Beat, SQUEEZED, Stateful, neighbour_of};
use super::protocol::{Unknowable, true_at};
use crate::analyze::moment::{nanos, spell};

mod life;
#[cfg(test)]
mod tests;

pub(super) use life::outside;

/// Prefix lengths of networks that nobody told us.
const USUAL_IPV4: u8 = 24;
const USUAL_IPV6: u8 = 64;
/// Most frames that are remembered.
const FRAMES: usize = 100_000;
/// Most MACs that are remembered: it has its own and the group's.
const MACS: usize = 16;
/// A router preempts at once if it does so this soon, in nanoseconds.
const AT_ONCE: u64 = 500_000_000;

/// Real addresses that a group needs: one it is told to speak from. Nobody owns a virtual one.
pub(super) fn real_addresses(config: &Config) -> Vec<InterfaceAddress> {
    let prefix = config.addresses.first().map_or(USUAL_IPV4, |address| address.prefix);
    config.source.map(|ip| InterfaceAddress { ip, prefix }).into_iter().collect()
}

/// How long a router with these settings waits after its start before it takes a role that nobody holds: a hold time in
/// Listen, and one in Speak.
pub(super) fn wait_after_start(config: &Config) -> Duration {
    config.times.unwrap_or(DEFAULT_TIMES).hold * 2
}

/// A message of the group.
#[derive(Debug, Clone, Copy)]
struct Spoke {
    at: u64,
    source: IpAddr,
    operation: Operation,
    state: State,
    priority: u8,
    hello: u64,
    hold: u64,
}

impl Spoke {
    fn is_better_than(&self, other: &Spoke) -> bool {
        (self.priority, self.source) > (other.priority, other.source)
    }

    fn is_hello_in(&self, state: State) -> bool {
        (self.operation, self.state) == (Operation::Hello, state)
    }

    fn beat(&self) -> Beat<State> {
        let Spoke { at, source, state, hello, operation, .. } = *self;
        Beat { at, source, state: (operation == Operation::Hello).then_some(state), hello }
    }
}

/// Everything that one router's messages say of its settings, and everybody else's of what it must have heard.
#[derive(Debug, Clone)]
pub(super) struct Announced {
    source: IpAddr,
    group: u16,
    version: Version,
    authentication: Result<Authentication, Unknowable>,
    macs: BTreeSet<Mac>,
    identifier: Option<Mac>,
    /// Its own messages, in order.
    own: Vec<Spoke>,
    /// Everybody else's.
    others: Vec<Spoke>,
    /// What proves everybody else's.
    proofs: BTreeMap<IpAddr, Result<Authentication, Unknowable>>,
    /// When it said what its interface is.
    of_interface: Vec<u64>,
    /// What changes on the way, and since when.
    settings: Vec<(u64, Settings)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settings {
    priority: u8,
    times: Times,
    address: IpAddr,
}

impl Announced {
    pub(super) fn new(source: IpAddr, group: u16) -> Self {
        Announced {
            source,
            group,
            version: Version::V1,
            authentication: Err(Unknowable::NoFrame),
            macs: BTreeSet::new(),
            identifier: None,
            own: Vec::new(),
            others: Vec::new(),
            proofs: BTreeMap::new(),
            of_interface: Vec::new(),
            settings: Vec::new(),
        }
    }

    /// A message of it.
    pub(super) fn hear(&mut self, at: u64, received: &Received<'_>, keys: &[&[u8]]) {
        let Ok(heard) = wire::parse(received) else { return };
        let Message::Group(message) = heard.message else { return };
        if self.own.is_empty() {
            self.version = message.version;
            self.authentication = proof(received, &heard.credentials, keys);
        }
        if self.macs.len() < MACS {
            self.macs.insert(received.source_mac);
        }
        if message.version == Version::V2 {
            self.identifier = Some(message.identifier);
        }
        if self.own.len() >= FRAMES {
            return;
        }
        self.own.push(spoke(at, received, &message));
        let times = Times { hello: message.hello, hold: message.hold };
        let settings = Settings { priority: message.priority, times, address: message.address };
        if self.settings.last().is_none_or(|(_, last)| *last != settings) {
            self.settings.push((at, settings));
        }
    }

    /// A message of somebody else in the group.
    pub(super) fn overhear(&mut self, at: u64, received: &Received<'_>, keys: &[&[u8]]) {
        let Ok(heard) = wire::parse(received) else { return };
        if let Message::Group(message) = heard.message
            && self.others.len() < FRAMES
        {
            self.others.push(spoke(at, received, &message));
            let proof = || proof(received, &heard.credentials, keys);
            self.proofs.entry(received.source).or_insert_with(proof);
        }
    }

    /// Whether everybody proves what they say as it does: otherwise it did hear them, and did not believe them.
    fn believes_everybody(&self) -> bool {
        self.proofs.values().all(|proof| *proof == self.authentication)
    }

    /// When it said what its interface is.
    pub(super) fn spoke_of_interface(&mut self, at: u64) {
        self.of_interface.push(at);
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
        let family = Family::of(self.source);
        let prefix = if family == Family::Ipv4 { USUAL_IPV4 } else { USUAL_IPV6 };
        let usual = Config::new(
            self.version,
            self.group,
            family,
            vec![InterfaceAddress { ip: settings.address, prefix }],
        );
        Ok(Config {
            priority: settings.priority,
            times: Some(settings.times),
            jitter: self.jitters(),
            preempt: self.preempt(),
            virtual_mac: usual.virtual_mac.filter(|_| self.speaks_from_virtual_mac()),
            source: Some(self.source),
            authentication: self.authentication.clone()?,
            interface_state: !self.of_interface.is_empty(),
            ..usual
        })
    }

    /// The pauses between its hellos of one state that came in their turn, in hundredths of the hello time.
    fn pauses(&self) -> Vec<u64> {
        hellos::pauses(self.own.iter().map(Spoke::beat))
    }

    /// Whether its hellos come at different times, as those of newer routers do.
    fn jitters(&self) -> bool {
        hellos::jitters(&self.pauses())
    }

    /// A router that preempts says so with a Coup in another state than Active.
    fn preempt(&self) -> Preempt {
        let Some(coup) = self.coups().next() else { return Preempt::OFF };
        let delay = self.delay_before(coup).unwrap_or_default();
        Preempt { on: true, delay, ..Preempt::OFF }
    }

    fn coups(&self) -> impl Iterator<Item = &Spoke> {
        self.own.iter().filter(|own| own.operation == Operation::Coup && own.state != State::Active)
    }

    /// How long it had tolerated a worse active router, if it had been heard itself since.
    fn delay_before(&self, coup: &Spoke) -> Option<Duration> {
        let mut worse = None;
        for other in self.others.iter().filter(|other| other.at < coup.at && other.is_hello_in(State::Active))
        {
            worse = if coup.priority > other.priority { worse.or(Some(other.at)) } else { None };
        }
        let worse = worse?;
        let delay = coup.at - worse;
        // It could have done it then, if it has spoken without a gap since about that time.
        let about_then = worse.saturating_sub(coup.hello + coup.hello / SQUEEZED);
        let since: Vec<&Spoke> =
            self.own.iter().filter(|own| (about_then..=coup.at).contains(&own.at)).collect();
        let without_gap = since.windows(2).all(|pair| pair[1].at - pair[0].at <= coup.hold);
        let was_there = without_gap && since.first().is_some_and(|own| own.at <= worse + coup.hello);
        (was_there && delay > AT_ONCE).then(|| Duration::from_nanos(delay))
    }

    fn speaks_from_virtual_mac(&self) -> bool {
        let active = self.own.iter().any(|own| own.state == State::Active);
        !active || self.macs.iter().any(|mac| *mac == Mac::default() || is_virtual(*mac))
    }

    /// Its own MAC, if it was seen.
    pub(super) fn own_mac(&self) -> Option<Mac> {
        let seen = self.macs.iter().copied().find(|mac| !is_virtual(*mac) && *mac != Mac::default());
        self.identifier.or(seen)
    }

    /// What was concluded, in words.
    pub(super) fn conclusions(&self, at: u64) -> Vec<String> {
        let mut said = vec![format!("version {}", self.version.number())];
        if let Some(Settings { priority, times, address }) = self.at(at) {
            said.push(format!("priority {priority}"));
            said.push(format!("hello {}, hold {}", spell(times.hello), spell(times.hold)));
            said.push(format!("address {address}"));
        }
        let preempt = self.preempt();
        said.push(match (preempt.on, preempt.delay.is_zero()) {
            (false, _) => "preemption off: it was not seen to preempt".to_owned(),
            (true, true) => "preemption on".to_owned(),
            (true, false) => format!("preemption on, after {}", spell(preempt.delay)),
        });
        if !self.jitters() {
            said.push("hellos without jitter".to_owned());
        }
        if !self.speaks_from_virtual_mac() {
            said.push("no virtual MAC".to_owned());
        }
        said.push(match self.authentication {
            Ok(Authentication::Md5(_)) => "MD5 authentication".to_owned(),
            Ok(Authentication::Text(_)) | Err(_) => {
                "text authentication, with the text on the wire".to_owned()
            }
        });
        said
    }

    /// A hello of an active router that nobody saw: whoever is Standby has one.
    pub(super) fn unseen_holder(&self) -> Option<Datagram> {
        let settings = self.settings.first()?.1;
        let source = neighbour_of(self.source, &[settings.address]);
        let message = GroupMessage {
            version: self.version,
            operation: Operation::Hello,
            state: State::Active,
            group: self.group,
            priority: u8::MAX,
            hello: settings.times.hello,
            hold: settings.times.hold,
            identifier: Mac([0x02, 0, 0, 0, 0, 0x02]),
            address: settings.address,
        };
        let guard = Guard::new(self.authentication.as_ref().ok()?);
        let destination = multicast(self.version, Family::of(self.source));
        let port = if source.is_ipv4() { PORT_IPV4 } else { PORT_IPV6 };
        Some(Datagram {
            route: Route::Routed,
            source,
            destination,
            hop_limit: if self.version == Version::V1 { 1 } else { 255 },
            traffic_class: 0xc0,
            identification: 0,
            dont_fragment: false,
            protocol: ip_protocol::UDP,
            ports: Some((port, port)),
            payload: guard.seal(&Message::Group(message), source, Duration::ZERO)?,
        })
    }

    /// How often an active router must be heard to be believed.
    pub(super) fn hello(&self) -> Option<Duration> {
        self.settings.first().map(|(_, settings)| settings.times.hello)
    }
}

impl Stateful for Announced {
    fn spread(&self) -> u64 {
        hellos::spread(&self.pauses(), self.own.first().map_or(0, |spoke| spoke.hello))
    }

    fn hold(&self) -> u64 {
        self.own.first().map_or(0, |spoke| spoke.hold)
    }

    fn squeezed(&self) -> Vec<(u64, u64)> {
        hellos::squeezed(self.own.iter().chain(&self.others).map(Spoke::beat).collect())
    }

    fn out_of_turn(&self, moments: &[u64]) -> Option<&'static str> {
        let active = |at: &u64| self.own.iter().any(|own| own.at == *at && own.is_hello_in(State::Active));
        moments.iter().all(active).then_some(
            "old routers send another hello about every ten seconds while they are active; one may come at any time",
        )
    }
}

fn spoke(at: u64, received: &Received<'_>, message: &GroupMessage) -> Spoke {
    Spoke {
        at,
        source: received.source,
        operation: message.operation,
        state: message.state,
        priority: message.priority,
        hello: nanos(message.hello),
        hold: nanos(message.hold),
    }
}

/// What made the proof in a message.
fn proof(
    received: &Received<'_>,
    credentials: &Credentials,
    keys: &[&[u8]],
) -> Result<Authentication, Unknowable> {
    match credentials {
        Credentials::None => Ok(Authentication::default()),
        Credentials::Text(padded) => {
            let text = padded.split(|octet| *octet == 0).next().unwrap_or_default();
            Ok(Authentication::Text(Secret::new(text)))
        }
        Credentials::Md5(tlv) => {
            let fits = |key: &&&[u8]| {
                let known = Known { keys: &[key], ..Known::default() };
                let shown = PROTOCOL.dissect(received, &known);
                shown.and_then(|shown| shown.authentication).is_some_and(|proof| proof.verified == Some(true))
            };
            let key = keys.iter().find(fits).ok_or(Unknowable::KeyMissing("hsrp"))?;
            Ok(Authentication::Md5(KeyChain::single(tlv.key, Secret::new(*key))))
        }
    }
}

/// Fields that follow from others.
pub(super) fn is_its_own(field: &str) -> bool {
    field.rsplit(" / ").next().unwrap_or(field) == "Digest"
}

/// Why a field may differ, if anything says so.
pub(super) fn why_it_differs(field: &str, theirs: &str, ours: &str) -> Option<&'static str> {
    match field.rsplit(" / ").next().unwrap_or(field) {
        "Reserved" => Some("left over in the sender's memory; ours is 0, and nobody reads it"),
        "Active groups" | "Passive groups" => {
            Some("old routers count other routers' groups as well; ours counts its own, and nobody reads it")
        }
        "source MAC" if is_virtual_text(theirs) == is_virtual_text(ours) => {
            Some("its own MAC was never seen")
        }
        _ => None,
    }
}

fn is_virtual_text(mac: &str) -> bool {
    mac.parse().is_ok_and(is_virtual)
}
