//! A frame as a capture tells it: octets, time, interface, comments.

use std::borrow::Cow;
use std::fmt;

use super::write::Direction;

/// What is below IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkType {
    /// Ethernet: 1.
    Ethernet,
    /// An address family in the byte order of whoever captured: 0.
    Null,
    /// An address family in network byte order: 108.
    Loop,
    /// IPv4 or IPv6 without anything below: 12, 14, 101.
    Raw,
    /// IPv4 without anything below: 228.
    Ipv4,
    /// IPv6 without anything below: 229.
    Ipv6,
    /// Linux cooked capture: 113.
    Cooked,
    /// Linux cooked capture, version 2: 276.
    Cooked2,
    /// One that none of the protocols runs over.
    Other(u16),
}

impl LinkType {
    /// Of its number. <https://www.tcpdump.org/linktypes.html>
    pub const fn of(number: u16) -> LinkType {
        match number {
            0 => LinkType::Null,
            1 => LinkType::Ethernet,
            12 | 14 | 101 => LinkType::Raw,
            108 => LinkType::Loop,
            113 => LinkType::Cooked,
            228 => LinkType::Ipv4,
            229 => LinkType::Ipv6,
            276 => LinkType::Cooked2,
            other => LinkType::Other(other),
        }
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkType::Ethernet => f.write_str("Ethernet"),
            LinkType::Null | LinkType::Loop => f.write_str("loopback"),
            LinkType::Raw => f.write_str("raw IP"),
            LinkType::Ipv4 => f.write_str("raw IPv4"),
            LinkType::Ipv6 => f.write_str("raw IPv6"),
            LinkType::Cooked | LinkType::Cooked2 => f.write_str("Linux cooked"),
            LinkType::Other(number) => write!(f, "link type {number}"),
        }
    }
}

/// An interface that a file describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// What is below IP.
    pub link: LinkType,
    /// Its name, if the file says it.
    pub name: Option<String>,
}

/// A frame of a capture.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Its number, from 1.
    pub number: u64,
    /// When it was captured, in nanoseconds since the Unix epoch; in a record that does not say it, the time of
    /// the frame before.
    pub at: u64,
    /// Octets it had on the wire.
    pub original: u32,
    /// What was captured of it.
    pub octets: &'a [u8],
    /// The number of its interface, from 0 in each section.
    pub interface_number: u32,
    /// Its interface.
    pub interface: &'a Interface,
    /// Where its record begins, in octets from the beginning of the file (uncompressed).
    pub offset: u64,
    pub(super) options: Options<'a>,
}

impl<'a> Frame<'a> {
    /// What is below IP.
    pub fn link(&self) -> LinkType {
        self.interface.link
    }

    /// The comments on it, in their order; what is no UTF-8 in them is replaced.
    pub fn comments(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let options = self.options;
        options.filter(|(code, _)| *code == Options::COMMENT).map(|(_, text)| String::from_utf8_lossy(text))
    }

    /// Whether it came in or went out, if the file says so.
    pub fn direction(&self) -> Option<Direction> {
        let mut options = self.options;
        let (_, octets) = options.find(|(code, _)| *code == Options::FLAGS)?;
        let flags = self.options.u32(octets.first_chunk()?);
        match flags & 3 {
            1 => Some(Direction::Inbound),
            2 => Some(Direction::Outbound),
            _ => None,
        }
    }
}

/// Options of a pcapng block, code and value, as far as they make sense.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options<'a> {
    pub(super) octets: &'a [u8],
    pub(super) big_endian: bool,
}

impl Options<'_> {
    const END: u16 = 0;
    const COMMENT: u16 = 1;
    /// `epb_flags`
    const FLAGS: u16 = 2;

    fn u16(&self, octets: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(octets) } else { u16::from_le_bytes(octets) }
    }

    fn u32(&self, octets: &[u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(*octets) } else { u32::from_le_bytes(*octets) }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[a, b, c, d], rest) = self.octets.split_first_chunk()?;
        let (code, length) = (self.u16([a, b]), usize::from(self.u16([c, d])));
        let value = rest.get(..length)?;
        self.octets = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        (code != Self::END).then_some((code, value))
    }
}
