//! What comes in: frames, solicitations, reports of the kernel thread.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use fhrp::Family;
use fhrp::packet::ip_protocol;

use super::{Driver, Phase};
use crate::addr::KernelEvent;
use crate::addr::thread::Report;
use crate::engine::{Delivery, GroupIndex, Now};
use crate::event::What;
use crate::net::frame;
use crate::net::neighbour::{self, Asked};
use crate::net::routed::RoutedSocket;
use crate::net::socket::PacketKind;

/// Frames read from one link in one turn. More than any backlog that a good neighbour can cause; a flood must
/// not keep the timers waiting.
const FRAMES: usize = 8192;
/// Solicitations answered on one link in one turn: hosts can wait a moment, neighbours cannot.
const SOLICITATIONS: usize = 256;
/// How often in a long backlog its effects are carried out.
const BATCH: usize = 256;

impl Driver {
    /// Reads what is waiting on the links.
    pub(super) fn read_frames(&mut self, ready: &[RawFd]) {
        let links: Vec<u32> = self.links.keys().copied().collect();
        for index in links {
            let Some(port) = self.links.get(&index) else { continue };
            let frames = ready.contains(&port.protocols.as_fd().as_raw_fd());
            let solicitations = ready.contains(&port.neighbours.as_fd().as_raw_fd());
            if frames {
                self.read_protocol_frames(index);
            }
            if solicitations {
                self.answer_solicitations(index);
            }
        }
    }

    fn read_protocol_frames(&mut self, index: u32) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let drained = self.last_turn;
        for count in 1..=FRAMES {
            let Some(port) = self.links.get_mut(&index) else { break };
            let raw = match port.protocols.receive(&mut buffer) {
                Ok(Some(raw)) => raw,
                Ok(None) => break,
                Err(_) => {
                    port.tally.count("receive-errors");
                    break;
                }
            };
            if raw.to == PacketKind::Outgoing {
                continue;
            }
            port.tally.count("frames-received");
            let now = Driver::now();
            let at = frame::receive_time(raw.kernel_time, now.wall, now.monotonic, drained);
            match frame::parse_raw(&raw, at) {
                Ok(received) => {
                    let delivery = self.engine.receive(now, index, &received, &mut self.effects);
                    self.count_delivery(now, index, delivery, &received);
                }
                Err(unreadable) => port.tally.count(unreadable.counter()),
            }
            if count % BATCH == 0 {
                self.perform(now);
            }
        }
        self.buffer = buffer;
    }

    fn count_delivery(&mut self, now: Now, index: u32, delivery: Delivery, received: &fhrp::Received<'_>) {
        let Some(port) = self.links.get_mut(&index) else { return };
        match delivery {
            Delivery::To(_) => {}
            Delivery::Foreign => port.tally.count("frames-of-no-protocol"),
            Delivery::NoSuchGroup { protocol, id } => {
                if port.tally.stranger(protocol, id, received.source, received.source_mac) {
                    let text = format!(
                        "hears {} ({}) use {protocol} {id}, which is no group of ours",
                        received.source, received.source_mac
                    );
                    let name = port.link.name.clone();
                    self.journal.write(now, None, What::Interface { name, text });
                }
            }
        }
    }

    fn answer_solicitations(&mut self, index: u32) {
        let mut buffer = std::mem::take(&mut self.buffer);
        for _ in 0..SOLICITATIONS {
            let Some(port) = self.links.get_mut(&index) else { break };
            let raw = match port.neighbours.receive(&mut buffer) {
                Ok(Some(raw)) => raw,
                Ok(None) => break,
                Err(_) => {
                    port.tally.count("receive-errors");
                    break;
                }
            };
            if raw.to == PacketKind::Outgoing {
                continue;
            }
            let asked = neighbour::parse_solicitation(raw.bytes);
            self.answer(index, asked);
        }
        self.buffer = buffer;
    }

    fn answer(&mut self, index: u32, asked: Option<Asked>) {
        let now = Driver::now();
        let solicitation = match asked {
            None => return,
            Some(Asked::Router { .. }) => {
                self.advertiser.solicited(now.monotonic, index);
                return;
            }
            Some(Asked::Arp(solicitation) | Asked::Neighbour { solicitation, .. }) => solicitation,
        };
        let Some(reply) = self.engine.solicited(now, index, &solicitation, &mut self.effects) else { return };
        let Some(port) = self.links.get_mut(&index) else { return };
        let sent = match solicitation.target {
            IpAddr::V4(ip) => {
                let mut answer = neighbour::arp_reply(reply.mac, ip, &solicitation);
                neighbour::leave_from(reply.source, &mut answer);
                port.neighbours.send(&answer)
            }
            IpAddr::V6(ip) => {
                let mut answer =
                    neighbour::neighbour_advertisement(reply.mac, ip, reply.router, Some(&solicitation));
                neighbour::leave_from(reply.source, &mut answer);
                port.neighbours.send(&answer)
            }
        };
        port.tally.count(if sent.is_ok() { "solicitations-answered" } else { "send-errors" });
    }

    /// Reads what the kernel thread has to say.
    pub(super) fn read_reports(&mut self, ready: &[RawFd]) {
        if !ready.contains(&self.kernel.wake_fd().as_raw_fd()) {
            return;
        }
        // Several addresses of a group may come back at once; all of them are announced once.
        let mut restored = BTreeSet::new();
        while let Some(report) = self.kernel.try_report() {
            let now = Driver::now();
            match report {
                Report::Described(text) => {
                    self.journal.write(now, None, What::Daemon { text, warning: false });
                }
                Report::Held { group, ticket, result } => {
                    match &result {
                        Ok(()) => self.faults.remove(&group),
                        Err(fault) => self.faults.insert(group, fault.to_string()),
                    };
                    self.engine.held(now, group, ticket, result, &mut self.effects);
                }
                Report::Kernel(event) => self.kernel_event(now, event, &mut restored),
                Report::Prepared(Ok(())) => {}
                Report::Prepared(Err(fault)) => {
                    let text = format!("cannot prepare: {fault}");
                    self.journal.write(now, None, What::Kernel { text, lost: true });
                }
                Report::Withdrawn(result) => {
                    if let Err(fault) = result {
                        let text = format!("cannot take everything back: {fault}");
                        self.journal.write(now, None, What::Kernel { text, lost: true });
                    }
                    self.phase = Phase::Ended;
                }
                Report::Failed(text) => {
                    self.journal.write(now, None, What::Kernel { text, lost: true });
                    // Without it nothing can be held; a supervisor that restarts us is of more use.
                    self.leave(now);
                }
            }
            self.perform(now);
        }
        let now = Driver::now();
        for group in restored {
            self.engine.command(now, group, fhrp::Command::Announce, &mut self.effects);
        }
        self.perform(now);
    }

    /// Groups with addresses that came back are put into `restored`.
    fn kernel_event(&mut self, now: Now, event: KernelEvent, restored: &mut BTreeSet<GroupIndex>) {
        match event {
            KernelEvent::Link(link) => self.link_changed(now, link),
            KernelEvent::LinkGone { index, name } => {
                if self.links.remove(&index).is_some() {
                    let text = "is gone".to_owned();
                    self.journal.write(now, None, What::Interface { name, text });
                }
                self.engine.link_gone(now, index, &mut self.effects);
            }
            KernelEvent::Restored { group, what } => {
                let subject = self.subjects.get(&group).cloned();
                self.journal.write(now, subject, What::Kernel { text: what, lost: false });
                restored.insert(group);
            }
            // The same stall that this loop has already noticed, seen from the other thread.
            KernelEvent::Lapsed { stalled, .. } if now.monotonic.since(self.last_stall) < stalled => {}
            KernelEvent::Lapsed { group, stalled } => {
                self.engine.lapsed(now, group, stalled, &mut self.effects);
            }
            KernelEvent::Lost { group, what } => {
                let subject = self.subjects.get(&group).cloned();
                self.journal.write(now, subject, What::Kernel { text: what.to_string(), lost: true });
                self.engine.lost(now, group, what, &mut self.effects);
            }
        }
    }

    /// An interface appeared or changed; opens its sockets if groups live there.
    fn link_changed(&mut self, now: Now, link: fhrp::Link) {
        if !self.registered.keys().any(|identity| identity.interface == link.name) {
            return;
        }
        let was_up = self.links.get(&link.index).map(|port| port.link.up);
        if was_up != Some(link.up) {
            let text = if link.up { "is up" } else { "is down" }.to_owned();
            self.journal.write(now, None, What::Interface { name: link.name.clone(), text });
        }
        if let Some(port) = self.links.get_mut(&link.index) {
            port.link = link.clone();
        }
        self.open_links(now, std::slice::from_ref(&link));
        self.engine.link(now, link, &mut self.effects);
    }

    /// The earliest time an IPv6 or IPv4 socket for routed datagrams is needed is its first use.
    pub(super) fn routed(&mut self, family: Family) -> std::io::Result<&RoutedSocket> {
        use std::collections::hash_map::Entry;
        match self.routed.entry(family) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                Ok(entry.insert(RoutedSocket::open(family, &[ip_protocol::AUTHENTICATION_HEADER])?))
            }
        }
    }

    /// Everything hands over; the loop ends when all have left.
    pub(super) fn leave(&mut self, now: Now) {
        if self.phase != Phase::Running {
            return;
        }
        self.phase = Phase::Leaving;
        self.registered.clear();
        for group in self.engine.groups() {
            self.engine.stop(now, group, &mut self.effects);
        }
    }
}
