//! What is said and held: advertisements, holdings, announcements and the last will.

use std::net::IpAddr;

use fhrp::packet::ip_protocol;
use fhrp::{
    Action, Answer, Buckets, Context, Datagram, Family, Holdings, Mac, Presence, Route, Share, VirtualAddress,
};

use super::VirtualHost;
use super::compare::Claim;
use crate::config::{Balancing, Counting, Destination, Interval};
use crate::counters::Count;
use crate::wire::Advertisement;

/// Only a TTL that no router has lowered proves that the sender is on the link.
const HOP_LIMIT: u8 = 255;
/// Class selector 7, as FreeBSD has it.
const TRAFFIC_CLASS: u8 = 0xe0;
/// As all originals have it.
const DONT_FRAGMENT: bool = true;

impl VirtualHost {
    /// One advertisement in each family and to each destination.
    pub(super) fn advertise(&mut self, context: &mut Context<'_>) {
        let datagrams = self.counted(context, self.claim());
        context.out.extend(datagrams.into_iter().map(Action::Send));
    }

    /// The same, as soon as what was asked for last is held.
    pub(super) fn advertise_once_held(&mut self, context: &mut Context<'_>) {
        let datagrams = self.counted(context, self.claim());
        context.out.extend(datagrams.into_iter().map(Action::SendOnceHeld));
    }

    /// An interval longer than anybody waits.
    pub(super) fn says_goodbye(&mut self, context: &mut Context<'_>) {
        let datagrams = self.counted(context, self.parting());
        self.counters.add(Count::GoodbyesSent, datagrams.len());
        context.out.extend(datagrams.into_iter().map(Action::Send));
    }

    fn parting(&self) -> Claim {
        Claim { interval: Interval::GOODBYE, ..self.claim() }
    }

    fn counted(&mut self, context: &mut Context<'_>, claim: Claim) -> Vec<Datagram> {
        let datagrams = self.advertisements(context, claim);
        self.counters.add(Count::AdvertisementsSent, datagrams.len());
        datagrams
    }

    /// What is said on our behalf if this process dies. Its stamps are later than all we have said so far, and are used
    /// again for what we say next.
    pub(super) fn leaves_will(&mut self, context: &mut Context<'_>) {
        let stamps = self.stamps.clone();
        let will = self.advertisements(context, self.parting());
        self.stamps = stamps;
        context.ask(Action::LastWill(will));
    }

    pub(super) fn hold(&mut self, context: &mut Context<'_>) {
        self.held = self.holdings();
        context.ask(Action::Hold(self.held.clone()));
    }

    /// A gratuitous ARP or unsolicited NA for each address. Of shared addresses the MAC never moves: there is nothing to
    /// be said.
    pub(super) fn announce(&mut self, context: &mut Context<'_>) {
        if self.config.balancing.is_some() {
            return;
        }
        self.counters.bump(Count::Announcements);
        context.ask(Action::Announce(self.config.announcements.form));
    }

    /// What a master holds as things are.
    pub(super) fn holdings(&self) -> Holdings {
        let config = &self.config;
        let presence = match config.virtual_mac {
            // The kernel answers, with the interface's own MAC.
            None if config.addresses_by_hook => Presence::Native,
            None => Presence::OnInterface,
            Some(_) if config.accept => Presence::Accepted,
            Some(_) => Presence::Unaccepted,
        };
        let answer = match (config.virtual_mac, config.balancing) {
            (None, _) => Answer::Silent,
            (Some(mac), None) => Answer::With(mac),
            // The master of the first answers for all.
            (Some(_), Some(Balancing { number: 1.., .. })) => Answer::Silent,
            (Some(mac), Some(Balancing { delivery, .. })) if delivery.is_hidden() => Answer::Stealth(mac),
            (Some(mac), Some(_)) => Answer::With(mac),
        };
        let router = config.router;
        let held = config
            .addresses
            .iter()
            .map(|address| (address.ip, VirtualAddress { prefix: address.prefix, presence, answer, router }));
        let advertising = config.router_advertisement.as_ref();
        Holdings {
            forward: config.virtual_mac.map(|mac| (mac, self.share())).into_iter().collect(),
            addresses: held.collect(),
            router_advertisement: advertising
                .and_then(|advertising| advertising.said_for(&config.addresses, self.spoken_mac())),
            lease: self.own_patience(),
        }
    }

    /// What is ours of the packets for the virtual MAC.
    fn share(&self) -> Share {
        let buckets = self.config.balancing.and_then(|it| Some(Buckets::new(it.count)?.with(it.number)));
        buckets.map_or(Share::Whole, Share::Buckets)
    }

    /// The MAC we speak from: bridges learn from each advertisement where the virtual MAC is, unless they must not.
    fn spoken_mac(&self) -> Mac {
        let own = || self.link.as_ref().map(|link| link.mac).unwrap_or_default();
        let hidden = self.config.balancing.is_some_and(|balancing| balancing.delivery.is_hidden());
        self.config.virtual_mac.filter(|_| !hidden).unwrap_or_else(own)
    }

    fn advertisements(&mut self, context: &mut Context<'_>, claim: Claim) -> Vec<Datagram> {
        let mut datagrams = Vec::new();
        for source in self.sources.clone() {
            let counter = self.counter(context, claim);
            let Claim { interval: Interval { base, skew }, demote } = claim;
            let advertisement =
                Advertisement { vhid: self.config.vhid, advbase: base, advskew: skew, demote, counter };
            let payload = self.guard.seal(&advertisement).to_vec();
            for (destination, route) in self.destinations(Family::of(source)) {
                self.identification = self.identification.wrapping_add(1);
                datagrams.push(Datagram {
                    route,
                    source,
                    destination,
                    hop_limit: HOP_LIMIT,
                    traffic_class: TRAFFIC_CLASS,
                    identification: self.identification,
                    dont_fragment: DONT_FRAGMENT,
                    protocol: ip_protocol::VRRP,
                    ports: None,
                    payload: payload.clone(),
                });
            }
        }
        datagrams
    }

    /// A cookie is chosen once in a life, and is not 0, which a counter that is not used might be.
    fn counter(&mut self, context: &mut Context<'_>, claim: Claim) -> u64 {
        match self.config.counting {
            Counting::Cookie => *self.cookie.get_or_insert_with(|| (context.random)().max(1)),
            Counting::Sealed => self.stamps.seal(context.wall, claim.interval, claim.demote),
        }
    }

    fn destinations(&self, family: Family) -> Vec<(IpAddr, Route)> {
        if let Some(group) = self.config.group(family) {
            let multicast = Mac::of_multicast(group).filter(|_| !self.config.broadcast);
            let destination_mac = multicast.unwrap_or(Mac::BROADCAST);
            return vec![(group, Route::Link { source_mac: self.spoken_mac(), destination_mac })];
        }
        match &self.config.destination {
            Destination::Multicast { .. } => Vec::new(),
            Destination::Peers(peers) => {
                let addresses = peers.iter().map(|peer| peer.address);
                addresses.filter(|ip| Family::of(*ip) == family).map(|ip| (ip, Route::Routed)).collect()
            }
        }
    }
}
