//! What is said and held: advertisements, holdings, announcements and the last will. RFC 9568 §5, §7.2, §8.

use std::net::IpAddr;

use fhrp::holdings::RouterAdvertisement;
use fhrp::{
    Action, Answer, Context, Datagram, Family, Holdings, Instant, Mac, Presence, Route, Share, VirtualAddress,
};

use super::VirtualRouter;
use crate::config::{SendChecksum, Versions};
use crate::counters::Count;
use crate::neighbours::understand;
use crate::wire::{Advertisement, ChecksumForm, MULTICAST_V4, MULTICAST_V6, Version};

/// Only a TTL that no router has lowered proves that the sender is on the link. RFC 9568 §5.1.1.3.
const HOP_LIMIT: u8 = 255;
/// Internetwork Control, class selector 6.
const TRAFFIC_CLASS: u8 = 0xc0;
/// Peers wait for at least so many of our intervals.
const LEASE_INTERVALS: u32 = 3;

impl VirtualRouter {
    /// SEND: one advertisement in each version, form and to each destination.
    pub(super) fn advertise(&mut self, context: &mut Context<'_>, priority: u8) {
        let datagrams = self.counted_adverts(context, priority);
        context.out.extend(datagrams.into_iter().map(Action::Send));
    }

    /// SEND, as soon as what was asked for last is held.
    pub(super) fn advertise_once_held(&mut self, context: &mut Context<'_>, priority: u8) {
        let datagrams = self.counted_adverts(context, priority);
        context.out.extend(datagrams.into_iter().map(Action::SendOnceHeld));
    }

    /// SEND, from the interface's own MAC: the last word of a router that is letting go. From the virtual MAC it
    /// would draw the hosts' frames to where nobody takes them any more.
    pub(super) fn advertise_in_parting(&mut self, context: &mut Context<'_>) {
        let own = self.link.as_ref().map(|link| link.mac).unwrap_or_default();
        for mut datagram in self.counted_adverts(context, self.priority()) {
            if let Route::Link { source_mac, .. } = &mut datagram.route {
                *source_mac = own;
            }
            context.ask(Action::Send(datagram));
        }
    }

    fn counted_adverts(&mut self, context: &Context<'_>, priority: u8) -> Vec<Datagram> {
        let datagrams = self.adverts(context, priority);
        self.counters.add(Count::AdvertisementsSent, datagrams.len());
        if priority == 0 {
            self.counters.add(Count::PriorityZeroSent, datagrams.len());
        }
        datagrams
    }

    /// What is said on our behalf if this process dies: priority 0.
    pub(super) fn leave_will(&mut self, context: &mut Context<'_>) {
        self.willed = self.forms_sent(Version::V3, context.now);
        let number = self.guard.shared_number();
        let datagrams = self.adverts(context, 0);
        self.guard.return_to(number);
        context.ask(Action::LastWill(datagrams));
    }

    /// Whether the last will would not be believed any more: it is sealed too early, or has a checksum that the
    /// neighbours who have been heard since do not take.
    pub(super) fn is_will_stale(&self, now: Instant) -> bool {
        self.guard.ages() || self.willed != self.forms_sent(Version::V3, now)
    }

    /// HOLD: everything an Active holds.
    pub(super) fn hold(&mut self, context: &mut Context<'_>) {
        self.held = self.holdings();
        context.ask(Action::Hold(self.held.clone()));
    }

    /// ANNOUNCE: a gratuitous ARP or unsolicited NA for each address.
    pub(super) fn announce(&mut self, context: &mut Context<'_>) {
        self.counters.bump(Count::Announcements);
        context.ask(Action::Announce(self.config.announcements.form));
    }

    /// What an Active holds as things are.
    pub(super) fn holdings(&self) -> Holdings {
        let every = self.config.addresses.iter().chain(&self.config.excluded);
        Holdings {
            forward: self.config.virtual_mac.map(|mac| (mac, Share::Whole)).into_iter().collect(),
            addresses: every
                .map(|address| (address.ip, self.virtual_address(address.ip, address.prefix)))
                .collect(),
            router_advertisement: self.router_advertisement(),
            lease: self.config.advertise_interval * LEASE_INTERVALS,
        }
    }

    fn virtual_address(&self, ip: IpAddr, prefix: u8) -> VirtualAddress {
        let native = self.link.as_ref().is_some_and(|link| link.has(ip));
        let presence = match self.config.virtual_mac {
            _ if native => Presence::Native,
            None => Presence::OnInterface,
            Some(_) if self.config.accept || self.is_owner() => Presence::Accepted,
            Some(_) => Presence::Unaccepted,
        };
        // Without a virtual MAC the kernel answers, with the interface's own.
        let answer = self.config.virtual_mac.map_or(Answer::Silent, Answer::With);
        VirtualAddress { prefix, presence, answer, router: self.config.router }
    }

    fn router_advertisement(&self) -> Option<RouterAdvertisement> {
        self.config.router_advertisement.as_ref()?.said_for(&self.config.addresses, self.spoken_mac())
    }

    /// The MAC we speak from: bridges learn from each advertisement where the virtual MAC is.
    fn spoken_mac(&self) -> Mac {
        let own = || self.link.as_ref().map(|link| link.mac).unwrap_or_default();
        self.config.virtual_mac.unwrap_or_else(own)
    }

    /// The datagrams of one advertisement; none without an address to speak from.
    fn adverts(&mut self, context: &Context<'_>, priority: u8) -> Vec<Datagram> {
        let Some(source) = self.source else { return Vec::new() };
        let mut datagrams = Vec::new();
        for version in self.versions_sent() {
            let advertisement = self.advertisement(*version, priority);
            for form in self.forms_sent(*version, context.now) {
                let number = self.guard.shared_number();
                for (destination, route) in self.destinations() {
                    // Each peer hears one of these: to all of them it is the same number.
                    self.guard.return_to(number);
                    self.identification = self.identification.wrapping_add(1);
                    let identification = self.identification;
                    let sealed = self.guard.seal(
                        &advertisement,
                        *form,
                        source,
                        destination,
                        identification,
                        route == Route::Routed,
                        context.wall,
                    );
                    datagrams.push(Datagram {
                        route,
                        source,
                        destination,
                        hop_limit: HOP_LIMIT,
                        traffic_class: TRAFFIC_CLASS,
                        identification,
                        dont_fragment: false,
                        protocol: sealed.protocol,
                        ports: None,
                        payload: sealed.payload,
                    });
                }
            }
        }
        datagrams
    }

    fn advertisement(&self, version: Version, priority: u8) -> Advertisement {
        Advertisement {
            version,
            vrid: self.config.vrid,
            priority,
            interval: self.interval_said_in(version),
            addresses: self.config.addresses.iter().map(|address| address.ip).collect(),
        }
    }

    /// Our interval as `version` can say it: version 2 counts whole seconds and has no zero.
    pub(super) fn interval_said_in(&self, version: Version) -> std::time::Duration {
        let own = self.config.advertise_interval;
        match version {
            Version::V2 => std::time::Duration::from_secs(own.as_secs().max(1)),
            Version::V3 => own,
        }
    }

    /// RFC 9568 §8.4: during a change-over both are sent. There is no version 2 over IPv6.
    fn versions_sent(&self) -> &'static [Version] {
        match (self.config.family, self.config.versions) {
            (Family::Ipv6, _) | (Family::Ipv4, Versions::V3) => &[Version::V3],
            (Family::Ipv4, Versions::V2) => &[Version::V2],
            (Family::Ipv4, Versions::Both) => &[Version::V3, Version::V2],
        }
    }

    /// The forms of checksum the neighbours understand: one advertisement in each. RFC 9568 §5.2.8 and what
    /// RFC 5798 was taken for; a choice only in version 3 over IPv4.
    pub(super) fn forms_sent(&self, version: Version, now: Instant) -> &'static [ChecksumForm] {
        use ChecksumForm::{MessageOnly, PseudoHeader};
        if version == Version::V2 {
            return &[MessageOnly];
        }
        if self.config.family == Family::Ipv6 {
            return &[PseudoHeader];
        }
        let live = |form| understand(&self.neighbours, now, form);
        match self.config.send_checksum {
            SendChecksum::MessageOnly => &[MessageOnly],
            SendChecksum::PseudoHeader => &[PseudoHeader],
            SendChecksum::AsHeard if live(MessageOnly) && live(PseudoHeader) => &[MessageOnly, PseudoHeader],
            SendChecksum::AsHeard => match self.heard_checksum {
                Some(PseudoHeader) => &[PseudoHeader],
                Some(MessageOnly) | None => &[MessageOnly],
            },
        }
    }

    fn destinations(&self) -> Vec<(IpAddr, Route)> {
        if !self.config.peers.is_empty() {
            return self.config.peers.iter().map(|peer| (peer.address, Route::Routed)).collect();
        }
        let group = match self.config.family {
            Family::Ipv4 => MULTICAST_V4,
            Family::Ipv6 => MULTICAST_V6,
        };
        let destination_mac = Mac::of_multicast(group).unwrap_or(Mac::BROADCAST);
        vec![(group, Route::Link { source_mac: self.spoken_mac(), destination_mac })]
    }
}
