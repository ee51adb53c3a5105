//! CARP: from what a master advertises to the settings it must have; what may differ and why. OpenBSD ip_carp.c, FreeBSD
//! ip_carp.c, ucarp carp.c.
//!
//! The addresses are in no advertisement, and password and addresses together make the digest: both have to be given.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use ::carp::config::{DEFAULT_DEAD_RATIO, Destination, Interval, LinkLocal, Peer, Secret};
use ::carp::vmac::virtual_mac;
use ::carp::wire::{self, Advertisement};
use ::carp::{Config, PROTOCOL};
use fhrp::dissect::Known;
use fhrp::{Family, InterfaceAddress, Mac, Protocol, Received};

use super::protocol::{Unknowable, true_at};

/// Prefix lengths of networks that nobody told us.
const USUAL_IPV4: u8 = 24;
const USUAL_IPV6: u8 = 64;
/// Most changes of settings that are followed.
const CHANGES: usize = 500;
/// Most MACs and most peers that are remembered.
const FEW: usize = 64;

/// Real addresses that a group needs: those it is told to speak from.
pub(super) fn real_addresses(config: &Config) -> Vec<InterfaceAddress> {
    config.sources.iter().map(|ip| InterfaceAddress { ip: *ip, prefix: usual_prefix(*ip) }).collect()
}

fn usual_prefix(ip: IpAddr) -> u8 {
    match Family::of(ip) {
        Family::Ipv4 => USUAL_IPV4,
        Family::Ipv6 => USUAL_IPV6,
    }
}

/// Everything that one router's advertisements say of its settings.
#[derive(Debug, Clone)]
pub(super) struct Announced {
    source: IpAddr,
    vhid: u8,
    /// The virtual addresses, as somebody told us.
    addresses: Vec<IpAddr>,
    /// The password that made its first digest.
    password: Option<Secret>,
    macs: BTreeSet<Mac>,
    peers: BTreeSet<IpAddr>,
    /// How often it advertises, and since when.
    intervals: Vec<(u64, Interval)>,
    was_read: bool,
    /// When it last spoke as the master.
    spoke: Option<u64>,
    /// Since then, the latest master beside it: when it was heard, and how often it advertises.
    other: Option<(u64, Interval)>,
    /// When it took the role from a worse master that was there, and when it had heard that one.
    preemptions: Vec<(u64, u64)>,
}

impl Announced {
    pub(super) fn new(source: IpAddr, group: u16, addresses: &[IpAddr]) -> Self {
        Announced {
            source,
            vhid: u8::try_from(group).unwrap_or_default(),
            addresses: addresses.to_vec(),
            password: None,
            macs: BTreeSet::new(),
            peers: BTreeSet::new(),
            intervals: Vec::new(),
            was_read: false,
            spoke: None,
            other: None,
            preemptions: Vec::new(),
        }
    }

    /// An advertisement of it.
    pub(super) fn hear(&mut self, at: u64, received: &Received<'_>, keys: &[&[u8]]) {
        let Ok(heard) = wire::parse(received.payload) else { return };
        if !self.was_read {
            self.was_read = true;
            self.password = self.password_of(received, keys);
        }
        let Advertisement { advbase, advskew, .. } = heard.advertisement;
        if self.macs.len() < FEW {
            self.macs.insert(received.source_mac);
        }
        if !received.destination.is_multicast() && self.peers.len() < FEW {
            self.peers.insert(received.destination);
        }
        let interval = Interval { base: advbase, skew: advskew };
        if interval == Interval::GOODBYE {
            return;
        }
        if let Some(heard) = self.preempts(at, interval)
            && self.preemptions.len() < CHANGES
        {
            self.preemptions.push((at, heard));
        }
        (self.spoke, self.other) = (Some(at), None);
        let is_new = self.intervals.last().is_none_or(|(_, last)| *last != interval);
        if is_new && self.intervals.len() < CHANGES {
            self.intervals.push((at, interval));
        }
    }

    /// An advertisement of somebody else.
    pub(super) fn overhear(&mut self, at: u64, received: &Received<'_>) {
        let Ok(heard) = wire::parse(received.payload) else { return };
        let Advertisement { advbase, advskew, demote, .. } = heard.advertisement;
        let interval = Interval { base: advbase, skew: advskew };
        // Whoever is leaving or demoted is followed by anybody.
        self.other = (interval != Interval::GOODBYE && demote == 0).then_some((at, interval));
    }

    /// Whether it takes the role now from a worse master that is there, which was heard then: only whoever preempts does so
    /// before its patience is over. A router that has been speaking all the while takes nothing.
    fn preempts(&self, at: u64, interval: Interval) -> Option<u64> {
        let (heard, theirs) = self.other?;
        let passed = |since: u64| Duration::from_nanos(at.saturating_sub(since));
        let patience = interval.patience(DEFAULT_DEAD_RATIO);
        // Whoever is slower than that is followed by anybody, too.
        let is_waited_for = interval.base == 0 || interval.is_waited_for(DEFAULT_DEAD_RATIO, theirs);
        let was_silent = self.spoke.is_none_or(|spoke| passed(spoke) >= patience);
        (interval < theirs && is_waited_for && was_silent && passed(heard) < patience).then_some(heard)
    }

    /// When it had heard the master that it preempted at a moment.
    pub(super) fn preempted(&self, at: u64) -> Option<u64> {
        let place = self.preemptions.binary_search_by_key(&at, |(taken, _)| *taken).ok()?;
        self.preemptions.get(place).map(|(_, heard)| *heard)
    }

    fn password_of(&self, received: &Received<'_>, keys: &[&[u8]]) -> Option<Secret> {
        let fits = |key: &&&[u8]| {
            let known = Known { keys: &[key], addresses: &self.addresses, ..Known::default() };
            let shown = PROTOCOL.dissect(received, &known);
            shown.and_then(|shown| shown.authentication).is_some_and(|proof| proof.verified == Some(true))
        };
        keys.iter().find(fits).map(|key| Secret::new(*key))
    }

    /// When its settings changed, the first one included.
    pub(super) fn changes(&self) -> impl Iterator<Item = u64> {
        self.intervals.iter().map(|(at, _)| *at)
    }

    fn interval(&self, at: u64) -> Option<Interval> {
        true_at(&self.intervals, at).copied()
    }

    /// Its settings at a moment.
    pub(super) fn config(&self, at: u64) -> Result<Config, Unknowable> {
        let interval = self.interval(at).ok_or(Unknowable::NoFrame)?;
        if self.addresses.is_empty() {
            return Err(Unknowable::AddressesMissing);
        }
        let password = self.password.clone().ok_or(Unknowable::KeyMissing("carp"))?;
        let addresses =
            self.addresses.iter().map(|ip| InterfaceAddress { ip: *ip, prefix: usual_prefix(*ip) });
        let addresses = addresses.collect();
        let usual = Config::new(self.vhid, password, addresses);
        Ok(Config {
            interval,
            preempt: !self.preemptions.is_empty(),
            link_local: LinkLocal::default(),
            virtual_mac: self.speaks_from_virtual_mac().then(|| virtual_mac(self.vhid)),
            sources: vec![self.source],
            destination: match self.peers.is_empty() {
                true => usual.destination.clone(),
                false => Destination::Peers(
                    self.peers.iter().map(|peer| Peer { address: *peer, is_routed: false }).collect(),
                ),
            },
            ..usual
        })
    }

    fn speaks_from_virtual_mac(&self) -> bool {
        let unknown = self.macs.iter().all(|mac| *mac == Mac::default());
        unknown || self.macs.contains(&virtual_mac(self.vhid))
    }

    fn is_ucarp(&self) -> bool {
        self.macs.contains(&::carp::vmac::ucarp_mac(self.vhid))
    }

    /// By how much it may be late for its own reasons: ucarp hears in lots of a second.
    pub(super) fn slowness(&self) -> Duration {
        if self.is_ucarp() { Duration::from_secs(1) } else { Duration::ZERO }
    }

    /// Why it speaks out of turn, if nothing that it just heard says so.
    pub(super) fn out_of_turn(&self) -> Option<&'static str> {
        self.is_ucarp().then_some("ucarp has one word more when it gives way (carp.c), as late as it hears")
    }

    /// Its own MAC, if it was seen.
    pub(super) fn own_mac(&self) -> Option<Mac> {
        let made = [virtual_mac(self.vhid), ::carp::vmac::ucarp_mac(self.vhid), Mac::default()];
        self.macs.iter().copied().find(|mac| !made.contains(mac))
    }

    /// What was concluded, in words.
    pub(super) fn conclusions(&self, at: u64) -> Vec<String> {
        let mut said = Vec::new();
        if let Some(interval) = self.interval(at) {
            said.push(format!("advertises every {interval}"));
        }
        said.push(format!("addresses {}", crate::analyze::reading::listed(&self.addresses)));
        said.push(match self.preemptions.is_empty() {
            true => "preemption off: it was not seen to preempt".to_owned(),
            false => "preemption on".to_owned(),
        });
        if !self.speaks_from_virtual_mac() {
            said.push("no virtual MAC".to_owned());
        }
        if !self.peers.is_empty() {
            said.push("unicast peers".to_owned());
        }
        said
    }
}

/// How long a router with these settings waits after its start before it takes a role that nobody holds.
pub(super) fn wait_after_start(config: &Config) -> Duration {
    config.interval.patience(DEFAULT_DEAD_RATIO)
}

/// Fields that are the sender's own to count, and what follows from them.
pub(super) fn is_its_own(field: &str) -> bool {
    let name = field.rsplit(" / ").next().unwrap_or(field);
    matches!(name, "Counter" | "HMAC-SHA1" | "Checksum")
}

/// Why a field may differ, if anything says so.
pub(super) fn why_it_differs(field: &str, theirs: &str, _ours: &str) -> Option<&'static str> {
    match field {
        "source MAC" if theirs.starts_with("00:00:5e:00:00:") => Some(
            "ucarp speaks from a MAC that nobody has (carp.c); ours, without a virtual MAC, from its own",
        ),
        "TOS" | "traffic class" => Some("the originals do not agree; ours is class selector 7, as FreeBSD's"),
        "IPv4 flags" if theirs == "none" => {
            Some("every original says that it must not be cut; this one does not, as ours did not at first")
        }
        "flow label" => Some("nobody asks for one"),
        "Demote" => Some("how much is wrong with a router is not said by its settings"),
        _ => None,
    }
}
