//! From a capture's frames to what the analysis hears.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fhrp::dissect::{Dissection, Known};
use fhrp::packet::ip_protocol;
use fhrp::{Instant, Received};

use super::{Analysis, Heard};
use crate::capture::link::{ARP, IPV6};
use crate::capture::{Damage, Frame, Packet, Reader};
use crate::protocols::PROTOCOLS;

/// ICMPv6 type of a neighbour advertisement. RFC 4861 §4.4.
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// Reads a capture to its end. What is wrong with the file goes to `complain`, and the rest is read all the same.
pub fn listen(
    analysis: &mut Analysis,
    reader: &mut Reader,
    known: &Known<'_>,
    complain: &mut dyn FnMut(Damage),
) {
    while let Some(next) = reader.next_frame() {
        match next {
            Ok(frame) => hear(analysis, &frame, known),
            Err(damage) => complain(damage),
        }
    }
}

/// Takes in the next frame of a capture.
fn hear(analysis: &mut Analysis, frame: &Frame<'_>, known: &Known<'_>) {
    let at_ns = analysis.frame(Duration::from_nanos(frame.at));
    match read(frame, at_ns, known) {
        Some(Speech::Announcement(address)) => analysis.announced(address),
        Some(Speech::Message { received, vlan, dissection }) => analysis.hear(&Heard {
            frame: analysis.number(),
            at_ns,
            vlan,
            source_mac: received.source_mac,
            source: received.source,
            dissection: &dissection,
        }),
        None => {}
    }
}

/// What a frame says that concerns a group.
#[derive(Debug, Clone)]
pub enum Speech<'a> {
    /// This address is to be found at some MAC: a gratuitous ARP, an unsolicited neighbour advertisement.
    Announcement(IpAddr),
    /// A message of one of the protocols.
    Message {
        /// The packet.
        received: Received<'a>,
        /// The innermost VLAN tag.
        vlan: Option<u16>,
        /// What it says.
        dissection: Box<Dissection>,
    },
}

/// Reads a frame that counts as captured at `at_ns`; `None` if it concerns no group or its envelope is broken.
pub fn read<'a>(frame: &Frame<'a>, at_ns: u64, known: &Known<'_>) -> Option<Speech<'a>> {
    let packet = Packet::open(frame.link(), frame.octets).ok()?;
    if packet.ether_type == ARP {
        return packet_announcement(&packet).map(Speech::Announcement);
    }
    let received = speaks(&packet, at_ns)?;
    if received.protocol == ip_protocol::ICMPV6 {
        return neighbour_announcement(&received).map(Speech::Announcement);
    }
    let dissection = PROTOCOLS.iter().find_map(|protocol| protocol.dissect(&received, known))?;
    let vlan = packet.tags.ids().last().copied();
    Some(Speech::Message { received, vlan, dissection: Box::new(dissection) })
}

/// The IP packet, if one of the protocols could be in it and it is in order.
fn speaks<'a>(packet: &Packet<'a>, at_ns: u64) -> Option<Received<'a>> {
    let (protocol, _) = packet.carries()?;
    let wanted = match protocol {
        ip_protocol::VRRP | ip_protocol::AUTHENTICATION_HEADER | ip_protocol::UDP => true,
        ip_protocol::ICMPV6 => packet.ether_type == IPV6,
        _ => false,
    };
    if !wanted {
        return None;
    }
    let opened = packet.received(Instant::from_nanos(at_ns)).ok()?;
    opened.fault.is_none().then_some(opened.received)
}

/// The address that a gratuitous ARP announces: its sender's and its target's. RFC 5227 §1.1.
fn packet_announcement(packet: &Packet<'_>) -> Option<IpAddr> {
    let body: &[u8; 28] = packet.octets.first_chunk()?;
    let address = |at: usize| Some(Ipv4Addr::from(*body.get(at..at + 4)?.first_chunk::<4>()?));
    let (sender, target) = (address(14)?, address(24)?);
    (sender == target && !sender.is_unspecified()).then_some(sender.into())
}

/// The address that an unsolicited neighbour advertisement announces. RFC 4861 §4.4, §7.2.6.
fn neighbour_announcement(received: &Received<'_>) -> Option<IpAddr> {
    let body: &[u8; 24] = received.payload.first_chunk()?;
    let [kind, _, _, _, _, _, _, _, target @ ..] = *body;
    (kind == NEIGHBOUR_ADVERTISEMENT && received.destination.is_multicast())
        .then_some(Ipv6Addr::from(target).into())
}
