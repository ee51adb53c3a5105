//! Frames out of a capture, one after the other, in constant memory.
//!
//! What is wrong with a file is told in its place among the frames, and reading goes on behind it where that can
//! be found: at the next record if the damaged one says truly where it ends, else at the next octets that look
//! like a record.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::fault::{Damage, DamageKind, OpenError};
use super::frame::{Frame, LinkType, Options};
use super::pcap::Pcap;
use super::pcapng::Section;
use super::source::{self, Octets};
use super::window::Window;

/// Octets of the longest frame that any capture program stores (`MAXIMUM_SNAPLEN` of libpcap).
pub(super) const LONGEST: usize = 262_144;
/// Damages of one file that are told one by one.
const TOLD: u64 = 20;

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
    /// A frame that is handed out when it has been told what is wrong with it.
    doubted: Option<Found>,
    /// Link layers that were complained of.
    foreign: BTreeSet<LinkType>,
    damages: u64,
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
            None if is_cut_magic(head) => return Err(OpenError::NoHeader(file)),
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
        Ok(Reader {
            file,
            window,
            format,
            number: 0,
            behind: 0,
            seeking: false,
            over: false,
            doubted: None,
            foreign: BTreeSet::new(),
            damages: 0,
        })
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
    /// What is wrong; of very many damages the first ones, and in the end how many more there were. Ask again: there
    /// may be frames behind it, and the very frame in which something does not go together is handed out next.
    pub fn next_frame(&mut self) -> Option<Result<Frame<'_>, Damage>> {
        loop {
            match self.step() {
                Ok(Some(found)) => return Some(Ok(self.hand_out(found))),
                Ok(None) => {
                    let untold = self.damages.saturating_sub(TOLD);
                    self.damages = 0;
                    return (untold > 0).then(|| Err(self.damage(DamageKind::More(untold))));
                }
                Err(kind) => {
                    self.damages += 1;
                    if self.damages <= TOLD {
                        return Some(Err(self.damage(kind)));
                    }
                }
            }
        }
    }

    fn step(&mut self) -> Result<Option<Found>, DamageKind> {
        if let Some(found) = self.doubted.take() {
            return Ok(Some(found));
        }
        self.window.leave(std::mem::take(&mut self.behind));
        if self.over {
            return Ok(None);
        }
        match self.find() {
            Ok(Some(found)) => match self.doubt(&found) {
                Some(kind) => {
                    self.doubted = Some(found);
                    Err(kind)
                }
                None => Ok(Some(found)),
            },
            Ok(None) => {
                self.over = true;
                Ok(None)
            }
            Err(wrong) => {
                match wrong.then {
                    Then::GoOn => {}
                    Then::Seek => self.seeking = true,
                    Then::End => self.over = true,
                }
                Err(wrong.kind)
            }
        }
    }

    /// What is wrong with a frame that can be handed out all the same.
    fn doubt(&mut self, found: &Found) -> Option<DamageKind> {
        let link = match &self.format {
            Format::Pcap(pcap) => pcap.interface.link,
            Format::PcapNg(section) => section.interface(found.interface).link,
        };
        if matches!(link, LinkType::Other(_)) && self.damages < TOLD && self.foreign.insert(link) {
            return Some(DamageKind::Link(link));
        }
        let (captured, original) = (found.octets.len(), found.original);
        let is_more = usize::try_from(original).is_ok_and(|original| original < captured);
        is_more.then_some(DamageKind::Original { captured, original })
    }

    fn damage(&self, kind: DamageKind) -> Damage {
        Damage { file: self.file.clone(), frame: self.number + 1, offset: self.window.offset(), kind }
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

/// Whether a file ends within the octets that tell what it is.
fn is_cut_magic(head: &[u8]) -> bool {
    let magics = Pcap::MAGICS.iter().map(|(magic, _)| magic);
    magics.chain([&Section::MAGIC]).any(|magic| magic.starts_with(head))
}

fn foreign(file: String, head: &[u8]) -> OpenError {
    let magic = head.iter().take(4).map(|octet| format!("{octet:02x}")).collect();
    OpenError::Foreign { file, magic }
}
