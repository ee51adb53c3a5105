//! VRRP: from what a router advertises to the settings it must have; what may differ and why. RFC 9568, RFC 3768.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use ::vrrp::config::{
    AcceptChecksum, AntiReplay, Authentication, Hmac, HmacMode, Key, OWNER_PRIORITY, Peer, SendChecksum,
    Versions, virtual_mac,
};
use ::vrrp::machine::timers::active_down_interval;
use ::vrrp::wire::{self, Advertisement, ChecksumForm, Credentials, Version};
use ::vrrp::{Config, demux::PROTOCOL};
use fhrp::dissect::Known;
use fhrp::{Family, InterfaceAddress, Mac, Protocol, Received, Secret};

use super::protocol::{Unknowable, true_at};

/// Prefix lengths of networks that nobody told us.
const USUAL_IPV4: u8 = 24;
const USUAL_IPV6: u8 = 64;
/// Most changes of settings that are followed.
const CHANGES: usize = 500;
/// Most addresses that are remembered of all of them.
const ADDRESSES: usize = 2_000;
/// Most MACs and most peers that are remembered.
const FEW: usize = 64;
/// TTL of a peer on the link.
const ON_LINK: u8 = 255;

/// Real addresses that a group needs: one it is told to speak from, virtual ones that it owns.
pub(super) fn real_addresses(config: &Config) -> Vec<InterfaceAddress> {
    let prefix = config.addresses.first().map_or(USUAL_IPV4, |address| address.prefix);
    let mut real: Vec<InterfaceAddress> =
        config.source.map(|ip| InterfaceAddress { ip, prefix }).into_iter().collect();
    if config.priority == OWNER_PRIORITY {
        real.extend(&config.addresses);
    }
    real
}

/// Everything that one router's advertisements say of its settings.
#[derive(Debug, Clone)]
pub(super) struct Announced {
    source: IpAddr,
    vrid: u8,
    versions: BTreeSet<Version>,
    forms: BTreeSet<&'static str>,
    macs: BTreeSet<Mac>,
    peers: BTreeSet<IpAddr>,
    authentication: Proof,
    /// What changes on the way, and since when.
    settings: Vec<(u64, Settings)>,
    /// Addresses in all of these.
    addresses: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Settings {
    priority: u8,
    interval: Duration,
    addresses: Vec<IpAddr>,
}

/// What its advertisements carry as proof.
#[derive(Debug, Clone, PartialEq)]
enum Proof {
    Made(Authentication),
    /// A key made it that nobody gave us.
    KeyMissing(&'static str),
}

impl Announced {
    pub(super) fn new(source: IpAddr, group: u16) -> Self {
        Announced {
            source,
            vrid: u8::try_from(group).unwrap_or_default(),
            versions: BTreeSet::new(),
            forms: BTreeSet::new(),
            macs: BTreeSet::new(),
            peers: BTreeSet::new(),
            authentication: Proof::Made(Authentication::None),
            settings: Vec::new(),
            addresses: 0,
        }
    }

    /// An advertisement of it.
    pub(super) fn hear(&mut self, at: u64, received: &Received<'_>, keys: &[&[u8]]) {
        let Ok(heard) = wire::parse(received) else { return };
        if self.versions.is_empty() {
            self.authentication = proof(received, &heard, keys);
        }
        let Advertisement { version, priority, interval, .. } = heard.advertisement;
        if self.versions.insert(version) && self.versions.len() == 2 {
            // Whoever speaks both versions says whole seconds in version 2, whatever its interval.
            self.settings.clear();
        }
        if self.macs.len() < FEW {
            self.macs.insert(received.source_mac);
        }
        if version == Version::V3 && received.source.is_ipv4() {
            let fits = |form, name| heard.checksum_fits(form).then_some(name);
            self.forms.extend(fits(ChecksumForm::MessageOnly, "message"));
            self.forms.extend(fits(ChecksumForm::PseudoHeader, "pseudo-header"));
        }
        if !received.destination.is_multicast() && self.peers.len() < FEW {
            self.peers.insert(received.destination);
        }
        if priority == 0 || self.versions.len() == 2 && version == Version::V2 {
            return;
        }
        let settings = Settings { priority, interval, addresses: heard.advertisement.addresses };
        let has_room = self.settings.len() < CHANGES && self.addresses < ADDRESSES;
        if has_room && self.settings.last().is_none_or(|(_, last)| *last != settings) {
            self.addresses += settings.addresses.len();
            self.settings.push((at, settings));
        }
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
        let addresses = settings.addresses.iter().map(|ip| InterfaceAddress { ip: *ip, prefix }).collect();
        let authentication = match &self.authentication {
            Proof::Made(authentication) => authentication.clone(),
            Proof::KeyMissing(kind) => return Err(Unknowable::KeyMissing(kind)),
        };
        Ok(Config {
            family,
            versions: self.versions(),
            priority: settings.priority,
            advertise_interval: settings.interval,
            virtual_mac: self.speaks_from_virtual_mac().then(|| virtual_mac(family, self.vrid)),
            source: Some(self.source),
            peers: self.peers.iter().map(|peer| Peer { address: *peer, min_ttl: ON_LINK }).collect(),
            send_checksum: self.checksum(),
            accept_checksum: self.accepted(),
            authentication,
            ..Config::new(self.vrid, addresses)
        })
    }

    fn versions(&self) -> Versions {
        match (self.versions.contains(&Version::V2), self.versions.contains(&Version::V3)) {
            (true, true) => Versions::Both,
            (true, false) => Versions::V2,
            (false, _) => Versions::V3,
        }
    }

    fn checksum(&self) -> SendChecksum {
        match (self.forms.contains("message"), self.forms.contains("pseudo-header")) {
            (true, false) => SendChecksum::MessageOnly,
            (false, true) => SendChecksum::PseudoHeader,
            (true, true) | (false, false) => SendChecksum::AsHeard,
        }
    }

    /// Whoever was heard with one form only takes no other, as far as anybody knows of foreign implementations.
    fn accepted(&self) -> AcceptChecksum {
        match self.checksum() {
            SendChecksum::MessageOnly => AcceptChecksum::MessageOnly,
            SendChecksum::PseudoHeader => AcceptChecksum::PseudoHeader,
            SendChecksum::AsHeard => AcceptChecksum::Both,
        }
    }

    fn speaks_from_virtual_mac(&self) -> bool {
        let unknown = self.macs.iter().all(|mac| *mac == Mac::default());
        unknown || self.macs.contains(&virtual_mac(Family::of(self.source), self.vrid))
    }

    /// Its own MAC, if it was seen.
    pub(super) fn own_mac(&self) -> Option<Mac> {
        let virtual_one = virtual_mac(Family::of(self.source), self.vrid);
        self.macs.iter().copied().find(|mac| *mac != virtual_one && *mac != Mac::default())
    }

    /// What was concluded, in words.
    pub(super) fn conclusions(&self, at: u64) -> Vec<String> {
        let mut said = Vec::new();
        let versions = match self.versions() {
            Versions::V2 => "version 2",
            Versions::V3 => "version 3",
            Versions::Both => "versions 2 and 3 side by side",
        };
        said.push(versions.to_owned());
        if let Some(settings) = self.at(at) {
            let Settings { priority, interval, addresses } = settings;
            let owner = if *priority == OWNER_PRIORITY { " (owner of the addresses)" } else { "" };
            said.push(format!("priority {priority}{owner}"));
            said.push(format!("interval {}", crate::analyze::moment::spell(*interval)));
            said.push(format!("addresses {}", crate::analyze::reading::listed(addresses)));
        }
        said.push("preemption on: no advertisement says it".to_owned());
        if !self.speaks_from_virtual_mac() {
            said.push("no virtual MAC".to_owned());
        }
        match self.checksum() {
            SendChecksum::PseudoHeader => {
                said.push("checksum with a pseudo-header, and no other taken".to_owned())
            }
            SendChecksum::MessageOnly => {
                said.push("checksum over the message alone, and no other taken".to_owned())
            }
            SendChecksum::AsHeard => {}
        }
        if let Proof::Made(made) = &self.authentication {
            match made {
                Authentication::None => {}
                Authentication::Text(_) => {
                    said.push("text authentication, with the password on the wire".to_owned())
                }
                Authentication::AuthenticationHeader(_) => said.push("an Authentication Header".to_owned()),
                Authentication::CiscoMd5(_) => said.push("Cisco MD5 authentication".to_owned()),
                Authentication::Hmac(_) => said.push("an HMAC trailer".to_owned()),
            }
        }
        if !self.peers.is_empty() {
            said.push("unicast peers".to_owned());
        }
        said
    }
}

/// How long a router with these settings waits after its start before it takes a role that nobody holds.
pub(super) fn wait_after_start(config: &Config) -> Duration {
    match config.priority {
        OWNER_PRIORITY => Duration::ZERO,
        priority => active_down_interval(config.versions, priority, config.advertise_interval),
    }
}

/// What made the proof in an advertisement.
fn proof(received: &Received<'_>, heard: &wire::Heard<'_>, keys: &[&[u8]]) -> Proof {
    let fits = |key: &&&[u8]| {
        let known = Known { keys: &[key], ..Known::default() };
        let shown = PROTOCOL.dissect(received, &known);
        shown.and_then(|shown| shown.authentication).is_some_and(|proof| proof.verified == Some(true))
    };
    let key = || keys.iter().find(fits).map(|key| Secret::new(*key));
    let made = |with: Option<Authentication>, kind| with.map_or(Proof::KeyMissing(kind), Proof::Made);
    if let Some(trailer) = &heard.trailer {
        let with = key().map(|secret| {
            Authentication::Hmac(Hmac {
                keys: vec![Key { id: trailer.key.into(), secret }],
                mode: HmacMode::Enforce,
                anti_replay: AntiReplay::Monotonic,
            })
        });
        return made(with, "vrrp");
    }
    match heard.credentials {
        Credentials::None | Credentials::Contradictory(_) | Credentials::Unknown(_) => {
            Proof::Made(Authentication::None)
        }
        Credentials::Text(padded) => {
            let password = padded.split(|octet| *octet == 0).next().unwrap_or_default();
            Proof::Made(Authentication::Text(Secret::new(password)))
        }
        Credentials::AuthenticationHeader(_) => made(key().map(Authentication::AuthenticationHeader), "vrrp"),
        Credentials::CiscoMd5(tlv) => {
            let with = key().map(|secret| Authentication::CiscoMd5(vec![Key { id: tlv.key, secret }]));
            made(with, "vrrp")
        }
    }
}

/// Fields that are the sender's own to count, and what follows from them or from others.
pub(super) fn is_its_own(field: &str) -> bool {
    let name = field.rsplit(" / ").next().unwrap_or(field);
    matches!(
        name,
        "Sequence Number"
            | "Integrity Check Value"
            | "Digest"
            | "HMAC"
            | "Seconds"
            | "Fraction"
            | "Counter"
            | "Checksum"
    )
}

/// Why a field may differ, if anything says so.
pub(super) fn why_it_differs(field: &str, _theirs: &str, _ours: &str) -> Option<&'static str> {
    match field {
        "TOS" | "traffic class" => Some("no RFC asks for one; ours is Internetwork Control, 0xc0"),
        "IPv4 flags" => Some("no RFC asks for any; an advertisement is never so long that it could be cut"),
        "flow label" => Some("no RFC asks for one"),
        "Reserved" => Some("is sent as 0 and ignored (RFC 9568 §5.2.6)"),
        _ => None,
    }
}
