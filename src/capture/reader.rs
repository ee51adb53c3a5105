//! Frames out of a capture, one after the other, in constant memory.
//!
//! What is wrong with a file is told in its place among the frames, and reading goes on behind it where that can
//! be found: at the next record if the damaged one says truly where it ends, else at the next octets that look
//! like a record.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;

use thiserror::Error;

use super::pcap::Pcap;
use super::pcapng::Section;
use super::source::{self, Octets};
use super::window::Window;
use super::write::Direction;

/// Octets of the longest frame that any capture program stores (`MAXIMUM_SNAPLEN` of libpcap).
pub(super) const LONGEST: usize = 262_144;

/// Why a file cannot be read at all.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The system's word.
    #[error("{file}: {error}")]
    Io {
        /// The file, as it was named.
        file: String,
        /// What the system says.
        error: io::Error,
    },
    /// Not a single octet.
    #[error("{0}: an empty file, not even the header of a capture")]
    Empty(String),
    /// Another kind of file.
    #[error("{file}: begins with {magic}, which no capture (pcap or pcapng) begins with")]
    Foreign {
        /// The file, as it was named.
        file: String,
        /// Its first octets in hexadecimal digits.
        magic: String,
    },
    /// It ends within its own header.
    #[error("{0}: ends within the header of the capture")]
    NoHeader(String),
    /// A version nobody knows.
    #[error("{file}: version {major}.{minor} of pcap, must be 2.x")]
    Version {
        /// The file, as it was named.
        file: String,
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
}

/// Something wrong with a file between two frames.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}: frame {frame} at offset {offset}: {kind}")]
pub struct Damage {
    /// The file, as it was named.
    pub file: String,
    /// The number that the frame would have had.
    pub frame: u64,
    /// Where the damaged record begins, in octets from the beginning of the file (uncompressed).
    pub offset: u64,
    /// What is wrong.
    pub kind: DamageKind,
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DamageKind {
    /// The file ends before the record does.
    #[error("the file ends after {got} of its {need} octets")]
    Cut {
        /// What the record needs.
        need: u64,
        /// What there is.
        got: u64,
    },
    /// A length that no frame has.
    #[error("{0} octets captured, which no frame has")]
    Length(u32),
    /// A time that no clock shows.
    #[error("a time with {0} fractions of a second, more than a second has")]
    Time(u32),
    /// A block whose length is impossible.
    #[error("a block of {0} octets, which is impossible")]
    BlockLength(u32),
    /// A block whose two lengths differ.
    #[error("a block that begins with a length of {first} and ends with {last}")]
    BlockEnd {
        /// In front.
        first: u32,
        /// Behind.
        last: u32,
    },
    /// A frame that is longer than its block.
    #[error("{captured} octets captured in a block that has room for {room}")]
    Room {
        /// What the block says.
        captured: u32,
        /// What fits.
        room: usize,
    },
    /// A section in no known byte order.
    #[error("a section that begins with the byte order mark {0:08x}, must be 1a2b3c4d")]
    ByteOrder(u32),
    /// A frame of an interface that was not described.
    #[error("a frame of interface {0}, which the file has not described")]
    Interface(u32),
    /// More interfaces than are kept in memory.
    #[error("more than {0} interfaces in one section; frames of the others are left out")]
    Interfaces(usize),
    /// The file could not be read further, or what compresses it is damaged.
    #[error("cannot read on: {0}")]
    Read(String),
}

/// What to do after a damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The record is behind us.
    GoOn,
    /// Where the next record begins must be found.
    Seek,
    /// Nothing more can come.
    End,
}

/// What is wrong with a record, and what to do then.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) kind: DamageKind,
    pub(super) then: Then,
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Wrong { kind: DamageKind::Read(error.to_string()), then: Then::End }
    }
}

/// A frame found in the window, which begins with its record.
#[derive(Debug)]
pub(super) struct Found {
    /// Octets of the whole record.
    pub(super) record: usize,
    pub(super) at: u64,
    pub(super) octets: Range<usize>,
    pub(super) original: u32,
    pub(super) interface: u32,
    pub(super) options: Range<usize>,
}

/// What is below IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    options: Options<'a>,
}

/// All of a frame but its octets and its interface, for whoever keeps those elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    number: u64,
    at: u64,
    original: u32,
    interface_number: u32,
    offset: u64,
    big_endian: bool,
}

impl Head {
    /// The frame again, of the parts that [`Frame::parts`] gave.
    pub fn frame<'a>(&self, octets: &'a [u8], options: &'a [u8], interface: &'a Interface) -> Frame<'a> {
        let Head { number, at, original, interface_number, offset, big_endian } = *self;
        let options = Options { octets: options, big_endian };
        Frame { number, at, original, octets, interface_number, interface, offset, options }
    }
}

impl<'a> Frame<'a> {
    /// The frame in parts: its head, its octets, and the options behind them.
    pub fn parts(&self) -> (Head, &'a [u8], &'a [u8]) {
        let Frame { number, at, original, octets, interface_number, offset, options, .. } = *self;
        let Options { octets: behind, big_endian } = options;
        (Head { number, at, original, interface_number, offset, big_endian }, octets, behind)
    }

    /// What is below IP.
    pub fn link(&self) -> LinkType {
        self.interface.link
    }

    /// The comments on it, in their order; what is no UTF-8 in them is replaced.
    pub fn comments(&self) -> impl Iterator<Item = std::borrow::Cow<'a, str>> + use<'a> {
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

enum Format {
    Pcap(Pcap),
    PcapNg(Section),
}

/// Reads a capture.
pub struct Reader {
    file: String,
    window: Window,
    format: Format,
    number: u64,
    /// Octets of the record that was handed out last, still in the window.
    behind: usize,
    seeking: bool,
    over: bool,
}

impl Reader {
    /// Opens a file, or standard input if it is called `-`.
    ///
    /// # Errors
    /// If it cannot be opened or is no capture.
    pub fn open(path: &Path) -> Result<Reader, OpenError> {
        let file =
            if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
        match source::open(path) {
            Ok(octets) => Reader::begin(file, octets),
            Err(error) => Err(OpenError::Io { file, error }),
        }
    }

    /// Reads from anything; `file` is what it is called in messages.
    ///
    /// # Errors
    /// If it cannot be read or is no capture.
    pub fn new(file: impl Into<String>, source: impl io::Read + Send + 'static) -> Result<Reader, OpenError> {
        let file = file.into();
        match source::expand(source) {
            Ok(octets) => Reader::begin(file, octets),
            Err(error) => Err(OpenError::Io { file, error }),
        }
    }

    fn begin(file: String, octets: Octets) -> Result<Reader, OpenError> {
        let mut window = Window::new(octets);
        let head = match window.look(Pcap::HEADER) {
            Ok(head) => head,
            Err(error) => return Err(OpenError::Io { file, error }),
        };
        let format = match head.first_chunk::<4>() {
            None if head.is_empty() => return Err(OpenError::Empty(file)),
            None => return Err(foreign(file, head)),
            Some(&Section::MAGIC) => Format::PcapNg(Section::default()),
            Some(magic) => {
                let Some(byte_order) = Pcap::byte_order(*magic) else { return Err(foreign(file, head)) };
                let Some(head) = head.first_chunk() else { return Err(OpenError::NoHeader(file)) };
                let pcap = Pcap::new(byte_order, head);
                let (major, minor) = pcap.version;
                if major != 2 {
                    return Err(OpenError::Version { file, major, minor });
                }
                window.leave(Pcap::HEADER);
                Format::Pcap(pcap)
            }
        };
        Ok(Reader { file, window, format, number: 0, behind: 0, seeking: false, over: false })
    }

    /// What the file is called in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether the next frame can be told without waiting for more of the file.
    pub fn holds_next(&self) -> bool {
        let held = self.window.held(usize::MAX).get(self.behind..).unwrap_or_default();
        let need = match &self.format {
            Format::Pcap(pcap) => pcap.length(held),
            Format::PcapNg(section) => section.length(held),
        };
        need.is_some_and(|need| held.len() >= need)
    }

    /// The next frame, or what is wrong with the file in its place; `None` behind the last one.
    ///
    /// # Errors
    /// What is wrong. Ask again: there may be frames behind it.
    pub fn next_frame(&mut self) -> Option<Result<Frame<'_>, Damage>> {
        self.window.leave(std::mem::take(&mut self.behind));
        if self.over {
            return None;
        }
        match self.find() {
            Ok(Some(found)) => Some(Ok(self.hand_out(found))),
            Ok(None) => {
                self.over = true;
                None
            }
            Err(wrong) => {
                let (frame, offset) = (self.number + 1, self.window.offset());
                let damage = Damage { file: self.file.clone(), frame, offset, kind: wrong.kind };
                match wrong.then {
                    Then::GoOn => {}
                    Then::Seek => self.seeking = true,
                    Then::End => self.over = true,
                }
                Some(Err(damage))
            }
        }
    }

    fn find(&mut self) -> Result<Option<Found>, Wrong> {
        if std::mem::take(&mut self.seeking) && !self.seek()? {
            return Ok(None);
        }
        match &mut self.format {
            Format::Pcap(pcap) => pcap.find(&mut self.window),
            Format::PcapNg(section) => section.find(&mut self.window, &mut self.behind),
        }
    }

    /// Goes to the next octets that look like a record; `false` if there are none.
    fn seek(&mut self) -> Result<bool, Wrong> {
        // One octet on at least: here is what was wrong.
        self.window.look(1)?;
        self.window.leave(1);
        loop {
            let held = self.window.look(LONGEST * 2)?;
            let is_end = held.len() < LONGEST * 2;
            let until = if is_end { held.len() } else { LONGEST };
            let looks_right = |at: &usize| {
                let octets = held.get(*at..).unwrap_or_default();
                match &self.format {
                    Format::Pcap(pcap) => pcap.looks_right(octets, is_end),
                    Format::PcapNg(section) => section.looks_right(octets),
                }
            };
            let found = (0..until).find(looks_right);
            self.window.leave(found.unwrap_or(until));
            match found {
                Some(_) => return Ok(true),
                None if is_end => return Ok(false),
                None => {}
            }
        }
    }

    fn hand_out(&mut self, found: Found) -> Frame<'_> {
        self.number += 1;
        self.behind = found.record;
        let record = self.window.held(found.record);
        let (interface, big_endian) = match &self.format {
            Format::Pcap(pcap) => (&pcap.interface, false),
            Format::PcapNg(section) => (section.interface(found.interface), section.big_endian),
        };
        let options = record.get(found.options).unwrap_or_default();
        Frame {
            number: self.number,
            at: found.at,
            original: found.original,
            octets: record.get(found.octets).unwrap_or_default(),
            interface_number: found.interface,
            interface,
            offset: self.window.offset(),
            options: Options { octets: options, big_endian },
        }
    }
}

fn foreign(file: String, head: &[u8]) -> OpenError {
    let magic = head.iter().take(4).map(|octet| format!("{octet:02x}")).collect();
    OpenError::Foreign { file, magic }
}
