//! What goes out: frames, wishes, last wills, events.

use std::time::Duration;

use fhrp::announcer::ArpForm;
use fhrp::{Datagram, Family, Note, Route, Standing, View};

use super::{Driver, Phase};
use crate::addr::thread::Request;
use crate::engine::{Effect, GroupIndex, Now};
use crate::guardian::{Goodbye, Routed, Will};
use crate::hook::Order;
use crate::net::{frame, neighbour};

impl Driver {
    /// Carries out everything the engine asked for, in its order. All advertisements of a turn leave before
    /// any address is announced.
    pub(super) fn perform(&mut self, now: Now) {
        let mut wishes = Vec::new();
        let mut announcements = Vec::new();
        let mut sent = Vec::new();
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Send { group, link, datagram } => {
                    sent.extend(self.send(group, link, &datagram).map(|is_sent| (group, is_sent)));
                }
                Effect::Hold(wish) => {
                    self.advertiser.hold(wish.group, wish.link, &wish.holdings);
                    wishes.push(wish);
                }
                Effect::Announce { group, link, form } => announcements.push((group, link, form)),
                Effect::LastWill { group, link, datagrams } => self.last_will(group, link, &datagrams),
                Effect::Note { group, note } => {
                    if let Note::Transition { to, standing, .. } = &note {
                        self.order_hook(group, to, *standing);
                    }
                    let subject = self.subjects.get(&group).cloned();
                    self.journal.note(now, group, subject, note);
                }
            }
        }
        self.effects = effects;
        if !wishes.is_empty() {
            // A router may begin to forward, or cease to, in whatever state its gateway is in.
            for group in wishes.iter().map(|wish| wish.group) {
                let view = self.programs.get(&group).and_then(|_| self.engine.view(now.monotonic, group));
                if let Some(View { state, standing, .. }) = view {
                    self.order_hook(group, state, standing);
                }
            }
            let links: std::collections::BTreeSet<u32> = wishes.iter().map(|wish| wish.link).collect();
            self.heartbeat.beat(now.monotonic);
            self.kernel.ask(Request::Hold(wishes));
            for link in links {
                self.listen_if_held(link);
            }
        }
        for (group, link, form) in announcements {
            self.announce(now, group, link, form);
        }
        for (group, is_sent) in sent {
            self.engine.sent(now, group, is_sent, &mut self.effects);
        }
        // A trouble is told at once, and comes or goes after several datagrams: this ends.
        if !self.effects.is_empty() {
            self.perform(now);
        }
    }

    /// Has a group's programs told where it is now. However often that changes, only the latest counts.
    fn order_hook(&mut self, group: GroupIndex, state: &'static str, standing: Standing) {
        let (Some(hook), Some(subject)) = (self.programs.get(&group), self.subjects.get(&group)) else {
            return;
        };
        let leaving = self.phase != Phase::Running;
        let order = Order { subject: subject.clone(), hook: hook.clone(), state, standing, leaving };
        self.hooks.give(group, order);
    }

    /// Whether it was sent; `None`: there is no link to send it on.
    fn send(&mut self, group: GroupIndex, link: u32, datagram: &Datagram) -> Option<bool> {
        let sent = match datagram.route {
            Route::Link { source_mac, destination_mac } => {
                let port = self.links.get(&link)?;
                self.frame.clear();
                frame::write(datagram, source_mac, destination_mac, &mut self.frame)
                    .map_err(|fault| std::io::Error::new(std::io::ErrorKind::InvalidInput, fault))
                    .and_then(|()| port.protocols.send(&self.frame))
            }
            Route::Routed => {
                let mut scratch = std::mem::take(&mut self.frame);
                let interface = interface_towards(datagram, link);
                let socket = self.routed(Family::of(datagram.destination));
                let sent = socket.and_then(|socket| socket.send(datagram, interface, &mut scratch));
                self.frame = scratch;
                sent
            }
        };
        if let Err(error) = &sent {
            self.faults.insert(group, format!("send to {}: {error}", datagram.destination));
            if let Some(port) = self.links.get_mut(&link) {
                port.tally.count("send-errors");
            }
        }
        Some(sent.is_ok())
    }

    /// One gratuitous ARP or unsolicited neighbour advertisement for every address that we answer for.
    fn announce(&mut self, now: Now, group: GroupIndex, link: u32, form: ArpForm) {
        let Some(holdings) = self.engine.holdings(group) else { return };
        let Some(port) = self.links.get_mut(&link) else { return };
        for announcement in neighbour::announcements(holdings, port.link.mac, form) {
            let sent = port.protocols.send(&announcement.frame);
            port.tally.count(if sent.is_ok() { "announcements-sent" } else { "send-errors" });
        }
        self.advertiser.announce(now.monotonic, group);
    }

    fn last_will(&mut self, group: GroupIndex, link: u32, datagrams: &[Datagram]) {
        let Some(guardian) = &self.guardian else { return };
        let mut will = Will {
            lease: self.engine.holdings(group).map_or(Duration::ZERO, |held| held.lease),
            ..Will::default()
        };
        for datagram in datagrams {
            let mut octets = Vec::with_capacity(128);
            // What cannot be written cannot have been sent either, and was counted then.
            match datagram.route {
                Route::Link { source_mac, destination_mac } => {
                    if frame::write(datagram, source_mac, destination_mac, &mut octets).is_ok() {
                        will.frames.push(Goodbye { link, frame: octets });
                    }
                }
                Route::Routed => {
                    if frame::write_packet(datagram, &mut octets).is_ok() {
                        will.routed.push(Routed {
                            link: interface_towards(datagram, link),
                            source: datagram.source,
                            destination: datagram.destination,
                            packet: octets,
                        });
                    }
                }
            }
        }
        guardian.sender().will(group, &will);
    }

    /// Sends the router advertisements that are due.
    pub(super) fn advertise_routers(&mut self, now: Now) {
        for (link, says) in self.advertiser.due(now.monotonic, &mut self.random) {
            let Some(port) = self.links.get_mut(&link) else { continue };
            let sent = port.protocols.send(&neighbour::router_advertisement(&says, port.link.mac, None));
            port.tally.count(if sent.is_ok() { "router-advertisements-sent" } else { "send-errors" });
        }
    }

    /// Wakes up for solicitations on a link exactly while something is held there.
    fn listen_if_held(&mut self, link: u32) {
        let holds = self.engine.holds_on(link);
        if let Some(port) = self.links.get_mut(&link)
            && port.listen_for_solicitations(holds).is_err()
        {
            port.tally.count("filter-errors");
        }
    }
}

/// A link-local peer is on the group's link; any other is wherever the kernel's routes say.
fn interface_towards(datagram: &Datagram, link: u32) -> Option<u32> {
    fhrp::address::is_link_local(datagram.destination).then_some(link)
}
