//! What one frame alone shows: whose it is, and what it says. Nothing here remembers a frame.

use std::net::IpAddr;

use fhrp::dissect::{Dissection, Known};
use fhrp::packet::ip_protocol;
use fhrp::{Family, Instant, Received};

use super::Wish;
use crate::capture::link;
use crate::capture::{Frame, Packet};
use crate::net::frame::{Opened, Unreadable};
use crate::protocols::DECODED;

/// A frame that was looked at, and may be somebody's business.
pub struct Looked<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) packet: Packet<'a>,
    pub(super) look: Look<'a>,
}

/// What a look at a packet finds.
pub(super) enum Look<'a> {
    /// ARP or Neighbour Discovery; about a virtual address, perhaps.
    Neighbour,
    /// Of this protocol, as far as it looks, and an IP packet that makes no sense.
    Unreadable(&'static str, Unreadable),
    /// A message of a redundancy protocol.
    Message(Opened<'a>, Box<Dissection>),
}

/// Takes single frames apart.
pub struct Dissector {
    wish: Wish,
    ears: Ears,
}

impl Dissector {
    pub(super) fn new(wish: Wish) -> Dissector {
        Dissector { wish, ears: Ears::new() }
    }

    pub(super) fn has_keys(&self, protocol: &str) -> bool {
        self.wish.keys.of(protocol).next().is_some()
    }

    /// Which of several keys for its protocol made the proof of a message that is verified, from 0.
    pub(super) fn key_of(
        &self,
        received: &Received<'_>,
        shown: &Dissection,
        announced: &[IpAddr],
    ) -> Option<usize> {
        let is_proven = |shown: &Dissection| {
            shown.authentication.as_ref().is_some_and(|proof| proof.verified == Some(true))
        };
        let protocol = DECODED.iter().find(|protocol| protocol.name() == shown.protocol)?;
        if !is_proven(shown) || self.wish.keys.of(shown.protocol).nth(1).is_none() {
            return None;
        }
        self.wish.keys.of(shown.protocol).position(|key| {
            [&self.wish.carp_addresses[..], announced].into_iter().any(|addresses| {
                let known = Known { keys: &[key], addresses, fields: false };
                protocol.dissect(received, &known).is_some_and(|shown| is_proven(&shown))
            })
        })
    }

    /// Looks at a frame; `None` if it is nobody's business here.
    pub fn look<'a>(&self, frame: Frame<'a>) -> Option<Looked<'a>> {
        // Of a link layer that is foreign the reader has complained; one that is cut tells nothing.
        let packet = Packet::open(frame.link(), frame.octets).ok()?;
        let look = self.look_at(&packet, frame.at)?;
        Some(Looked { frame, packet, look })
    }

    /// Looks at a packet that was captured `at` nanoseconds after the epoch.
    fn look_at<'a>(&self, packet: &Packet<'a>, at: u64) -> Option<Look<'a>> {
        let carried = match packet.ether_type {
            link::ARP => return Some(Look::Neighbour),
            link::IPV4 | link::IPV6 => packet.carries()?,
            _ => return None,
        };
        if carried.0 == ip_protocol::ICMPV6 {
            return Some(Look::Neighbour);
        }
        let whose = self.ears.whose(carried)?;
        let opened = match packet.received(Instant::from_nanos(at)) {
            Ok(opened) => opened,
            Err(fault) => return Some(Look::Unreadable(whose, fault)),
        };
        if opened.fault == Some(Unreadable::Fragment) {
            // What a fragment begins with is anybody's guess.
            return Some(Look::Message(opened, Box::new(Dissection::new(whose))));
        }
        let shown = self.dissect(whose, &opened.received, &self.wish.carp_addresses)?;
        Some(Look::Message(opened, shown))
    }

    /// By the first protocol whose frame it is; `first` is the first one that listens to such frames. `addresses` are
    /// those that CARP's digest may cover.
    pub(super) fn dissect(
        &self,
        first: &str,
        received: &Received<'_>,
        addresses: &[IpAddr],
    ) -> Option<Box<Dissection>> {
        for protocol in DECODED.iter().skip_while(|protocol| protocol.name() != first) {
            let keys: Vec<&[u8]> = self.wish.keys.of(protocol.name()).collect();
            let known = Known { keys: &keys, addresses, fields: self.wish.fields };
            if let Some(shown) = protocol.dissect(received, &known) {
                return Some(Box::new(shown));
            }
        }
        None
    }
}

/// What the protocols listen to: which frames are worth a look.
struct Ears {
    /// By IP protocol, for what does not run over UDP.
    protocols: [Option<&'static str>; 256],
    /// By UDP port.
    ports: Vec<(u16, &'static str)>,
}

impl Ears {
    fn new() -> Ears {
        let mut ears = Ears { protocols: [None; 256], ports: Vec::new() };
        for protocol in DECODED.iter().rev() {
            let families = [Family::Ipv4, Family::Ipv6];
            for ear in families.into_iter().flat_map(|family| protocol.ears(family)) {
                match (ear.udp_port, ears.protocols.get_mut(usize::from(ear.ip_protocol))) {
                    (Some(port), _) => ears.ports.push((port, protocol.name())),
                    (None, Some(listener)) => *listener = Some(protocol.name()),
                    (None, None) => {}
                }
            }
        }
        ears
    }

    /// Whose frame it is if nothing more is known of it.
    fn whose(&self, (protocol, port): (u8, Option<u16>)) -> Option<&'static str> {
        match port {
            Some(port) => self.ports.iter().find(|(known, _)| *known == port).map(|(_, name)| *name),
            None => self.protocols.get(usize::from(protocol)).copied().flatten(),
        }
    }
}
