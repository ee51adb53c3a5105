//! What is below IP: Ethernet with any number of VLAN tags, Linux cooked, raw IP, loopback.

use std::fmt;

use fhrp::checksum::Sum;
use fhrp::packet::ip_protocol::UDP;
use fhrp::{Instant, Mac};
use thiserror::Error;

use super::frame::LinkType;
use crate::net::frame::{self, Below, Opened, Unreadable};

/// `ether_type` of IPv4.
pub const IPV4: u16 = 0x0800;
/// `ether_type` of ARP.
pub const ARP: u16 = 0x0806;
/// `ether_type` of IPv6.
pub const IPV6: u16 = 0x86dd;
/// IEEE 802.1Q, IEEE 802.1ad, and what came before the latter.
const TAGGED: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// Below this an Ethernet type is a length: IEEE 802.3 with LLC, which none of the protocols uses.
const LEAST_TYPE: u16 = 0x0600;

const ETHERNET: usize = 14;
const COOKED: usize = 16;
const COOKED_2: usize = 20;
/// Address family IPv4, the same everywhere.
const FAMILY_IPV4: u32 = 2;
/// Address family IPv6 in Linux, the BSDs and Darwin.
const FAMILY_IPV6: [u32; 4] = [10, 24, 28, 30];

/// Why there is nothing to be found above the link layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LinkFault {
    /// A link layer that none of the protocols runs over.
    #[error("{0}, which none of the protocols runs over")]
    Foreign(LinkType),
    /// It ends within the header of the link layer.
    #[error("{got} octets where the link layer needs {need}")]
    Truncated {
        /// What it needs.
        need: usize,
        /// What there is.
        got: usize,
    },
}

/// VLAN identifiers, the outermost first; as many as four are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct Tags {
    ids: [u16; 4],
    count: u8,
}

impl Tags {
    /// The identifiers.
    pub fn ids(&self) -> &[u16] {
        self.ids.get(..self.count.into()).unwrap_or_default()
    }

    fn add(&mut self, control: u16) {
        if let Some(room) = self.ids.get_mut(usize::from(self.count)) {
            *room = control & 0x0fff;
            self.count += 1;
        }
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ids().iter().enumerate().try_for_each(|(place, id)| {
            let dot = if place == 0 { "" } else { "." };
            write!(f, "{dot}{id}")
        })
    }
}

/// A frame without its link layer.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Where it comes from; zero if the link layer does not say it.
    pub source_mac: Mac,
    /// Where it goes; zero if the link layer does not say it.
    pub destination_mac: Mac,
    /// The VLANs it is in.
    pub tags: Tags,
    /// What follows: [`IPV4`], [`ARP`], [`IPV6`] or something else.
    pub ether_type: u16,
    /// Octets of the link layer.
    pub below: usize,
    /// What it carries; behind it there may be padding.
    pub octets: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes the link layer off a frame.
    ///
    /// # Errors
    /// If it is a foreign one, or is not there in whole.
    pub fn open(link: LinkType, frame: &'a [u8]) -> Result<Packet<'a>, LinkFault> {
        let bare = |ether_type, below| Packet {
            source_mac: Mac::default(),
            destination_mac: Mac::default(),
            tags: Tags::default(),
            ether_type,
            below,
            octets: frame.get(below..).unwrap_or_default(),
        };
        let short = |need| LinkFault::Truncated { need, got: frame.len() };
        match link {
            LinkType::Ethernet => {
                let header: &[u8; ETHERNET] = frame.first_chunk().ok_or(short(ETHERNET))?;
                let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = *header;
                let destination_mac = Mac([a, b, c, d, e, f]);
                let source_mac = Mac([g, h, i, j, k, l]);
                let ether_type = u16::from_be_bytes([m, n]);
                Packet { source_mac, destination_mac, ..bare(ether_type, ETHERNET) }.untagged()
            }
            LinkType::Cooked => {
                let header: &[u8; COOKED] = frame.first_chunk().ok_or(short(COOKED))?;
                let [_, _, _, _, l, n, address @ .., t, y] = *header;
                let source_mac = station(u16::from_be_bytes([l, n]), &address);
                Packet { source_mac, ..bare(u16::from_be_bytes([t, y]), COOKED) }.untagged()
            }
            LinkType::Cooked2 => {
                let header: &[u8; COOKED_2] = frame.first_chunk().ok_or(short(COOKED_2))?;
                let [t, y, _, _, _, _, _, _, _, _, _, length, address @ ..] = *header;
                let source_mac = station(length.into(), &address);
                Packet { source_mac, ..bare(u16::from_be_bytes([t, y]), COOKED_2) }.untagged()
            }
            LinkType::Null | LinkType::Loop => {
                let family: &[u8; 4] = frame.first_chunk().ok_or(short(4))?;
                Ok(bare(of_family(*family), 4))
            }
            LinkType::Raw => {
                let first = frame.first().ok_or(short(1))?;
                let ether_type = match first >> 4 {
                    4 => IPV4,
                    6 => IPV6,
                    _ => 0,
                };
                Ok(bare(ether_type, 0))
            }
            LinkType::Ipv4 => Ok(bare(IPV4, 0)),
            LinkType::Ipv6 => Ok(bare(IPV6, 0)),
            LinkType::Other(_) => Err(LinkFault::Foreign(link)),
        }
    }

    /// Takes off VLAN tags, however many there are.
    fn untagged(mut self) -> Result<Packet<'a>, LinkFault> {
        while TAGGED.contains(&self.ether_type) {
            let below = self.below + 4;
            let short = LinkFault::Truncated { need: below, got: self.below + self.octets.len() };
            let (&[a, b, c, d], rest) = self.octets.split_first_chunk().ok_or(short)?;
            self.tags.add(u16::from_be_bytes([a, b]));
            (self.ether_type, self.octets, self.below) = (u16::from_be_bytes([c, d]), rest, below);
        }
        if self.ether_type < LEAST_TYPE {
            self.ether_type = 0;
        }
        Ok(self)
    }

    /// The IP protocol and, if it is UDP, the destination port: as much as tells a frame of interest from all the
    /// others, before anything is verified.
    pub fn carries(&self) -> Option<(u8, Option<u16>)> {
        let (protocol, header) = match self.ether_type {
            IPV4 => (*self.octets.get(9)?, usize::from(*self.octets.first()? & 0x0f) * 4),
            IPV6 => (*self.octets.get(6)?, 40),
            _ => return None,
        };
        let port = match protocol {
            UDP => {
                self.octets.get(header + 2..header + 4)?.first_chunk().map(|port| u16::from_be_bytes(*port))
            }
            _ => None,
        };
        Some((protocol, port))
    }

    /// Whether the UDP checksum was left for an interface to compute: there is the sum over the pseudo-header alone.
    /// Packets are like that where they are captured before they leave.
    pub fn leaves_udp_checksum(&self) -> bool {
        let Ok(Opened { received, .. }) = self.received(Instant::ZERO) else { return false };
        let Some(udp) = self.octets.get(received.ip_header.len()..) else { return false };
        let Some(&[_, _, _, _, a, b, c, d]) = udp.first_chunk() else { return false };
        let length = u16::from_be_bytes([a, b]).into();
        let sum = Sum::new().over_pseudo_header(received.source, received.destination, UDP, length);
        received.protocol == UDP && sum.folded() == u16::from_be_bytes([c, d])
    }

    /// The IP packet, as far as it can be read.
    ///
    /// # Errors
    /// As [`frame::open`].
    pub fn received(&self, at: Instant) -> Result<Opened<'a>, Unreadable> {
        let below = Below {
            source_mac: self.source_mac,
            destination_mac: self.destination_mac,
            ether_type: self.ether_type,
            octets: self.below,
        };
        frame::open(self.octets, &below, at, true)
    }
}

/// The address in a cooked header, if it is an Ethernet one.
fn station(length: u16, address: &[u8; 8]) -> Mac {
    match (length, address) {
        (6, &[a, b, c, d, e, f, _, _]) => Mac([a, b, c, d, e, f]),
        _ => Mac::default(),
    }
}

/// In whichever byte order it makes sense.
fn of_family(octets: [u8; 4]) -> u16 {
    let is = |wanted: u32| [u32::from_be_bytes(octets), u32::from_le_bytes(octets)].contains(&wanted);
    if is(FAMILY_IPV4) {
        IPV4
    } else if FAMILY_IPV6.into_iter().any(is) {
        IPV6
    } else {
        0
    }
}
