//! ARP and Neighbour Discovery as a capture tells them: who asks for an address, who says that he has it. Nothing is
//! refused here, unlike where the daemon answers: what is wrong is part of the story.
//!
//! Sources: RFC 826, RFC 5227 (probes, announcements), RFC 4861 §4.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fhrp::Mac;
use fhrp::checksum::Sum;
use fhrp::dissect::Field;
use fhrp::fields::Fields;
use fhrp::packet::ip_protocol;

use super::link::{ARP, IPV6, Packet};

const IPV6_HEADER: usize = 40;
/// Ethernet, IPv4, addresses of six and four octets.
const ARP_OF_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: [u8; 2] = [0, 1];
const REPLY: [u8; 2] = [0, 2];

const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const SOURCE_LINK_LAYER_ADDRESS: u8 = 1;
const TARGET_LINK_LAYER_ADDRESS: u8 = 2;
/// An advertisement that answers a question.
const SOLICITED: u8 = 0x40;
/// Neighbour Discovery is only believed if no router has forwarded it. RFC 4861 §7.1.
const HOP_LIMIT: u8 = 255;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Who has the address?
    Question,
    /// Does anybody have the address? By somebody who is about to take it.
    Probe,
    /// The address is here; somebody asked.
    Answer,
    /// The address is here; nobody asked.
    Announcement,
    /// A router is here.
    Router,
}

/// A message of ARP or Neighbour Discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// What it says.
    pub kind: Kind,
    /// The address that is asked for, or told.
    pub about: IpAddr,
    /// The address of whoever speaks; `None` for one that has none yet.
    pub source: Option<IpAddr>,
    /// Whom the message names, or is sent to.
    pub destination: IpAddr,
    /// The MAC of whoever speaks, as the message says it; of the frame, if it does not.
    pub mac: Mac,
    /// The MAC of the frame; zero if the link layer does not say it.
    pub frame_mac: Mac,
    /// As it arrived; Neighbour Discovery alone has one.
    pub hop_limit: Option<u8>,
    /// Whether its checksum is right; ARP has none.
    pub checksum: Option<bool>,
}

impl Neighbour {
    /// Reads one; `None` if the packet is something else, or not there in whole.
    pub fn read(packet: &Packet<'_>) -> Option<Neighbour> {
        match packet.ether_type {
            ARP => read_arp(packet),
            IPV6 => read_icmp(packet),
            _ => None,
        }
    }

    /// `arp` or `nd`.
    pub fn protocol(&self) -> &'static str {
        if self.about.is_ipv4() { "arp" } else { "nd" }
    }

    /// Whether it ties the address to the MAC for whoever hears it.
    pub fn is_claim(&self) -> bool {
        matches!(self.kind, Kind::Answer | Kind::Announcement)
    }

    /// Whether it breaks a rule for which everybody discards it.
    pub fn is_believed(&self) -> bool {
        self.checksum != Some(false) && self.hop_limit.is_none_or(|limit| limit == HOP_LIMIT)
    }
}

fn read_arp(packet: &Packet<'_>) -> Option<Neighbour> {
    let (head, rest) = packet.octets.split_first_chunk::<6>()?;
    let (operation, rest) = rest.split_first_chunk::<2>()?;
    let (mac, rest) = rest.split_first_chunk::<6>()?;
    let (sender, rest) = rest.split_first_chunk::<4>()?;
    let target = rest.get(6..)?.first_chunk::<4>()?;
    if *head != ARP_OF_IPV4 {
        return None;
    }
    let (sender, target) = (Ipv4Addr::from(*sender), Ipv4Addr::from(*target));
    let (kind, about) = match *operation {
        _ if sender == target => (Kind::Announcement, target),
        REQUEST if sender.is_unspecified() => (Kind::Probe, target),
        REQUEST => (Kind::Question, target),
        REPLY => (Kind::Answer, sender),
        _ => return None,
    };
    Some(Neighbour {
        kind,
        about: about.into(),
        source: (!sender.is_unspecified()).then_some(sender.into()),
        destination: target.into(),
        mac: Mac(*mac),
        frame_mac: packet.source_mac,
        hop_limit: None,
        checksum: None,
    })
}

fn read_icmp(packet: &Packet<'_>) -> Option<Neighbour> {
    let header: &[u8; IPV6_HEADER] = packet.octets.first_chunk()?;
    let [_, _, _, _, high, low, next, hop_limit, addresses @ ..] = header;
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    let (source, destination) = (Ipv6Addr::from(*source), Ipv6Addr::from(*destination.first_chunk::<16>()?));
    let end = IPV6_HEADER + usize::from(u16::from_be_bytes([*high, *low]));
    let message = packet.octets.get(IPV6_HEADER..end)?;
    let kind = *message.first().filter(|_| *next == ip_protocol::ICMPV6)?;
    let target = || message.get(8..24)?.first_chunk::<16>().copied().map(Ipv6Addr::from);
    let (kind, about, options, option) = match kind {
        NEIGHBOUR_SOLICITATION if source.is_unspecified() => (Kind::Probe, target()?, 24, None),
        NEIGHBOUR_SOLICITATION => (Kind::Question, target()?, 24, Some(SOURCE_LINK_LAYER_ADDRESS)),
        NEIGHBOUR_ADVERTISEMENT => {
            let solicited = message.get(4)? & SOLICITED != 0;
            let kind = if solicited { Kind::Answer } else { Kind::Announcement };
            (kind, target()?, 24, Some(TARGET_LINK_LAYER_ADDRESS))
        }
        ROUTER_ADVERTISEMENT => (Kind::Router, source, 16, Some(SOURCE_LINK_LAYER_ADDRESS)),
        _ => return None,
    };
    let named = option.and_then(|option| link_layer_address(message.get(options..)?, option));
    let sum = Sum::new()
        .over_pseudo_header(
            source.into(),
            destination.into(),
            ip_protocol::ICMPV6,
            u32::try_from(message.len()).unwrap_or(u32::MAX),
        )
        .over(message);
    Some(Neighbour {
        kind,
        about: about.into(),
        source: (!source.is_unspecified()).then_some(source.into()),
        destination: destination.into(),
        mac: named.unwrap_or(packet.source_mac),
        frame_mac: packet.source_mac,
        hop_limit: Some(*hop_limit),
        checksum: Some(sum.folded() == 0xffff),
    })
}

/// The link-layer address in the option of this type, if there is one.
fn link_layer_address(mut options: &[u8], wanted: u8) -> Option<Mac> {
    while let Some(&[kind, units]) = options.first_chunk() {
        let (option, rest) = options.split_at_checked(8 * usize::from(units)).filter(|_| units > 0)?;
        if kind == wanted {
            return option.get(2..)?.first_chunk().copied().map(Mac);
        }
        options = rest;
    }
    None
}

/// The fields of a message, in the order of the octets.
pub fn fields(packet: &Packet<'_>) -> Vec<Field> {
    let mut fields = Fields::new(packet.octets);
    match packet.ether_type {
        ARP => read_arp_fields(&mut fields),
        _ => read_icmp_fields(&mut fields),
    };
    fields.finish()
}

fn read_arp_fields(fields: &mut Fields<'_>) -> Option<()> {
    fields.short("Hardware type", |kind| (kind == 1).then(|| "Ethernet".to_owned()))?;
    fields.short("Protocol type", |kind| (kind == 0x0800).then(|| "IPv4".to_owned()))?;
    fields.octet("Hardware length", |_| None)?;
    fields.octet("Protocol length", |_| None)?;
    fields.short("Operation", |code| match code {
        1 => Some("request".to_owned()),
        2 => Some("reply".to_owned()),
        _ => None,
    })?;
    fields.mac("Sender MAC")?;
    let (at, sender) = fields.take::<4>()?;
    fields.add(Field::new(at, 4, "Sender address", Ipv4Addr::from(sender)));
    fields.mac("Target MAC")?;
    let (at, target) = fields.take::<4>()?;
    fields.add(Field::new(at, 4, "Target address", Ipv4Addr::from(target)));
    Some(())
}

fn read_icmp_fields(fields: &mut Fields<'_>) -> Option<()> {
    fields.inside("IPv6", IPV6_HEADER, |fields| {
        fields.digits("Version, traffic class, flow", 4);
        fields.short("Payload length", |_| None)?;
        fields.octet("Next header", |next| (next == ip_protocol::ICMPV6).then(|| "ICMPv6".to_owned()))?;
        fields.octet("Hop limit", |_| None)?;
        for name in ["Source", "Destination"] {
            let (at, address) = fields.take::<16>()?;
            fields.add(Field::new(at, 16, name, Ipv6Addr::from(address)));
        }
        Some(())
    });
    let kind = fields.octet("Type", |kind| {
        let meaning = match kind {
            ROUTER_ADVERTISEMENT => "router advertisement",
            NEIGHBOUR_SOLICITATION => "neighbour solicitation",
            NEIGHBOUR_ADVERTISEMENT => "neighbour advertisement",
            _ => return None,
        };
        Some(meaning.to_owned())
    })?;
    fields.octet("Code", |_| None)?;
    fields.digits("Checksum", 2);
    if kind == ROUTER_ADVERTISEMENT {
        fields.digits("Settings", 12);
    } else {
        fields.digits(if kind == NEIGHBOUR_ADVERTISEMENT { "Flags" } else { "Reserved" }, 4);
        let (at, target) = fields.take::<16>()?;
        fields.add(Field::new(at, 16, "Target", Ipv6Addr::from(target)));
    }
    fields.digits("Options", usize::MAX);
    Some(())
}

#[cfg(test)]
mod tests {
    use fhrp::Solicitation;
    use fhrp::announcer::ArpForm;

    use super::*;
    use crate::capture::LinkType;
    use crate::net::neighbour::{arp_reply, gratuitous_arp, neighbour_advertisement};

    const MAC: Mac = Mac([0, 0, 0x5e, 0, 1, 10]);
    const ASKER: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn read(frame: &[u8]) -> Option<Neighbour> {
        Neighbour::read(&Packet::open(LinkType::Ethernet, frame).ok()?)
    }

    #[test]
    fn what_the_daemon_says_is_understood() {
        let address = Ipv4Addr::new(10, 0, 0, 1);
        for frame in gratuitous_arp(MAC, address, ArpForm::Both) {
            let said = read(&frame).unwrap();
            assert_eq!((said.kind, said.about, said.mac), (Kind::Announcement, address.into(), MAC));
            assert!(said.is_claim() && said.is_believed());
        }
        let host: IpAddr = [10, 0, 0, 9].into();
        let to = Solicitation {
            from_mac: ASKER,
            from: Some(host),
            target: address.into(),
            to_mac: Mac::BROADCAST,
        };
        let said = read(&arp_reply(MAC, address, &to)).unwrap();
        assert_eq!((said.kind, said.about, said.destination), (Kind::Answer, address.into(), host));

        let address: Ipv6Addr = "fe80::1".parse().unwrap();
        let mut frame = neighbour_advertisement(MAC, address, true, None);
        let said = read(&frame).unwrap();
        assert_eq!((said.kind, said.about, said.mac), (Kind::Announcement, address.into(), MAC));
        assert_eq!((said.hop_limit, said.checksum, said.is_believed()), (Some(255), Some(true), true));
        frame[60] ^= 1;
        assert_eq!(read(&frame).map(|said| said.is_believed()), Some(false));
    }

    #[test]
    fn what_is_cut_is_not_read() {
        let frame = neighbour_advertisement(MAC, "fe80::1".parse().unwrap(), true, None);
        assert!((0..frame.len()).all(|length| read(&frame[..length]).is_none()));
        let frame = gratuitous_arp(MAC, Ipv4Addr::LOCALHOST, ArpForm::Request).next().unwrap();
        assert!((0..frame.len()).all(|length| read(&frame[..length]).is_none()));
    }
}
