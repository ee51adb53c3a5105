//! The newer format: blocks, each with its length in front and behind, in sections with interfaces of their own.
//! draft-ietf-opsawg-pcapng.

use super::fault::DamageKind;
use super::frame::{Interface, LinkType, Options};
use super::reader::{Found, LONGEST, Then, Wrong};
use super::window::Window;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
/// Obsolete; interfaces have 16 bits in it.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
/// What else a block may be: names, statistics, journals, secrets, custom.
const OTHERS: [u32; 6] = [4, 5, 9, 10, 0x0bad, 0x4000_0bad];

const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Octets around a block's content: type and length in front, length behind.
const FRAME: usize = 12;
/// Octets of type and length, and the byte order mark of a section header behind them.
const HEAD: usize = 12;
/// Longest block that is read as a whole: a frame, and its options.
const LONGEST_BLOCK: usize = LONGEST + 65_536;
/// Longest block that is passed over.
const LONGEST_FOREIGN: u32 = 1 << 30;
/// Interfaces kept for one section.
const INTERFACES: usize = 4096;
/// Octets of an interface's name that are kept.
const NAME: usize = 64;
const SECOND: u64 = 1_000_000_000;

const OPTION_NAME: u16 = 2;
const OPTION_RESOLUTION: u16 = 9;
const OPTION_OFFSET: u16 = 14;

/// A section, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub(super) big_endian: bool,
    interfaces: Vec<Described>,
    /// The time of the last frame, for those that have none.
    last: u64,
}

#[derive(Debug)]
struct Described {
    interface: Interface,
    clock: Clock,
    /// Octets kept of each frame; 0: all.
    snap: u32,
}

/// How an interface counts time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clock {
    unit: Unit,
    /// Seconds to be added.
    offset: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Nanoseconds in one.
    Nanoseconds(u64),
    /// Parts of a nanosecond: ten to the power of this.
    Tenths(u32),
    /// Parts of a second: two to the power of this.
    Halves(u32),
}

static NOBODY: Interface = Interface { link: LinkType::Other(u16::MAX), name: None };

impl Section {
    /// What every file begins with.
    pub(super) const MAGIC: [u8; 4] = SECTION_HEADER.to_be_bytes();

    pub(super) fn interface(&self, number: u32) -> &Interface {
        self.described(number).map_or(&NOBODY, |described| &described.interface)
    }

    fn described(&self, number: u32) -> Option<&Described> {
        self.interfaces.get(usize::try_from(number).ok()?)
    }

    /// The next frame; `None` at the end of the file. Blocks before it are read or passed over. Of a damaged block
    /// that says where it ends, `behind` is told how long it is.
    pub(super) fn find(&mut self, window: &mut Window, behind: &mut usize) -> Result<Option<Found>, Wrong> {
        loop {
            let Some((kind, length)) = self.head(window)? else { return Ok(None) };
            let whole = usize::try_from(length).unwrap_or(usize::MAX);
            if whole > LONGEST_BLOCK {
                self.pass(window, kind, length)?;
                continue;
            }
            let block = window.look(whole)?;
            if block.len() < whole {
                return Err(seek(DamageKind::Cut { need: length.into(), got: block.len() as u64 }));
            }
            let last = block.last_chunk().map_or(0, |octets| self.u32(*octets));
            if last != length {
                return Err(seek(DamageKind::BlockEnd { first: length, last }));
            }
            let found = match kind {
                SECTION_HEADER => Ok(None),
                INTERFACE_DESCRIPTION => self.describe(block).map(|()| None),
                PACKET => self.packet(block, true).map(Some),
                SIMPLE_PACKET => self.simple_packet(block).map(Some),
                ENHANCED_PACKET => self.packet(block, false).map(Some),
                _ => Ok(None),
            };
            match found {
                Ok(None) => window.leave(whole),
                Ok(found) => return Ok(found),
                Err(kind) => {
                    *behind = whole;
                    return Err(Wrong { kind, then: Then::GoOn });
                }
            }
        }
    }

    /// Type and length of the block that the window begins with. A section's header turns the byte order.
    fn head(&mut self, window: &mut Window) -> Result<Option<(u32, u32)>, Wrong> {
        let octets = window.look(HEAD)?;
        let Some(&[a, b, c, d, e, f, g, h, i, j, k, l]) = octets.first_chunk::<HEAD>() else {
            let got = octets.len() as u64;
            let cut = DamageKind::Cut { need: HEAD as u64, got };
            return if got == 0 { Ok(None) } else { Err(seek(cut)) };
        };
        if [a, b, c, d] == Self::MAGIC {
            let mark = [i, j, k, l];
            let big_endian = match (u32::from_be_bytes(mark), u32::from_le_bytes(mark)) {
                (BYTE_ORDER, _) => true,
                (_, BYTE_ORDER) => false,
                (other, _) => return Err(seek(DamageKind::ByteOrder(other))),
            };
            *self = Section { big_endian, interfaces: Vec::new(), last: self.last };
        }
        let (kind, length) = (self.u32([a, b, c, d]), self.u32([e, f, g, h]));
        let possible = length % 4 == 0 && usize::try_from(length).is_ok_and(|length| length >= FRAME);
        if possible { Ok(Some((kind, length))) } else { Err(seek(DamageKind::BlockLength(length))) }
    }

    /// Passes over a block that is too long for a frame: secrets and journals may be.
    fn pass(&self, window: &mut Window, kind: u32, length: u32) -> Result<(), Wrong> {
        if length > LONGEST_FOREIGN || !OTHERS.contains(&kind) {
            return Err(seek(DamageKind::BlockLength(length)));
        }
        let content = u64::from(length) - 4;
        let passed = window.skip(content)?;
        let end = window.look(4)?;
        let Some(last) = end.first_chunk().map(|octets| self.u32(*octets)) else {
            let got = passed + end.len() as u64;
            return Err(Wrong { kind: DamageKind::Cut { need: length.into(), got }, then: Then::End });
        };
        if last != length {
            return Err(seek(DamageKind::BlockEnd { first: length, last }));
        }
        window.leave(4);
        Ok(())
    }

    fn describe(&mut self, block: &[u8]) -> Result<(), DamageKind> {
        let content = content(block);
        let Some((&[a, b, _, _, e, f, g, h], options)) = content.split_first_chunk() else {
            return Err(DamageKind::Room { captured: 8, room: content.len() });
        };
        if self.interfaces.len() >= INTERFACES {
            return Err(DamageKind::Interfaces(INTERFACES));
        }
        let link = if self.big_endian { u16::from_be_bytes([a, b]) } else { u16::from_le_bytes([a, b]) };
        let mut interface = Interface { link: LinkType::of(link), name: None };
        let mut clock = Clock { unit: Unit::Nanoseconds(1_000), offset: 0 };
        for (code, value) in (Options { octets: options, big_endian: self.big_endian }) {
            match (code, value) {
                (OPTION_NAME, name) => {
                    let name = name.get(..name.len().min(NAME)).unwrap_or_default();
                    interface.name = Some(String::from_utf8_lossy(name).into_owned());
                }
                (OPTION_RESOLUTION, &[code, ..]) => clock.unit = Unit::of(code),
                (OPTION_OFFSET, value) => {
                    if let Some(octets) = value.first_chunk() {
                        clock.offset = self.i64(*octets);
                    }
                }
                _ => {}
            }
        }
        self.interfaces.push(Described { interface, clock, snap: self.u32([e, f, g, h]) });
        Ok(())
    }

    /// An Enhanced Packet Block, or the obsolete block before it.
    fn packet(&mut self, block: &[u8], obsolete: bool) -> Result<Found, DamageKind> {
        const FIXED: usize = 20;
        let content = content(block);
        let Some(fixed) = content.first_chunk::<FIXED>() else {
            return Err(DamageKind::Room { captured: 0, room: content.len() });
        };
        let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = fixed;
        let interface = match (obsolete, self.big_endian) {
            (false, _) => self.u32([a, b, c, d]),
            (true, true) => u16::from_be_bytes([a, b]).into(),
            (true, false) => u16::from_le_bytes([a, b]).into(),
        };
        let units = (u64::from(self.u32([e, f, g, h])) << 32) | u64::from(self.u32([i, j, k, l]));
        let (captured, original) = (self.u32([m, n, o, p]), self.u32([q, r, s, t]));
        let described = self.described(interface).ok_or(DamageKind::Interface(interface))?;
        let at = described.clock.nanoseconds(units);
        let room = content.len() - FIXED;
        let length = usize::try_from(captured).ok().filter(|length| *length <= room.min(LONGEST));
        let Some(length) = length else { return Err(DamageKind::Room { captured, room }) };
        self.last = at;
        let start = FRAME - 4 + FIXED;
        let end = start + length;
        let options = (start + length.next_multiple_of(4)).min(block.len() - 4)..block.len() - 4;
        Ok(Found { record: block.len(), at, octets: start..end, original, interface, options })
    }

    /// A Simple Packet Block: of the first interface, and without a time.
    fn simple_packet(&mut self, block: &[u8]) -> Result<Found, DamageKind> {
        let content = content(block);
        let Some((original, octets)) = content.split_first_chunk() else {
            return Err(DamageKind::Room { captured: 0, room: content.len() });
        };
        let original = self.u32(*original);
        let described = self.described(0).ok_or(DamageKind::Interface(0))?;
        let kept = if described.snap == 0 { original } else { original.min(described.snap) };
        let length = usize::try_from(kept).unwrap_or(usize::MAX);
        if length > octets.len() || octets.len() - length > 3 {
            return Err(DamageKind::Room { captured: kept, room: octets.len() });
        }
        let start = FRAME - 4 + 4;
        let octets = start..start + length;
        Ok(Found { record: block.len(), at: self.last, octets, original, interface: 0, options: 0..0 })
    }

    /// Octets of the block that begins here, if so much can be told and it holds a frame.
    pub(super) fn length(&self, octets: &[u8]) -> Option<usize> {
        let &[a, b, c, d, e, f, g, h] = octets.first_chunk()?;
        let holds_frame = matches!(self.u32([a, b, c, d]), PACKET | SIMPLE_PACKET | ENHANCED_PACKET);
        if holds_frame { usize::try_from(self.u32([e, f, g, h])).ok() } else { None }
    }

    /// Whether a block begins here: of a kind that is known, and with the same length in front and behind.
    pub(super) fn looks_right(&self, octets: &[u8]) -> bool {
        let Some(&[a, b, c, d, e, f, g, h]) = octets.first_chunk() else { return false };
        let mark = octets.get(8..12);
        let is_section = [a, b, c, d] == Self::MAGIC;
        let big_endian = match is_section {
            true => mark == Some(&BYTE_ORDER.to_be_bytes()),
            false => self.big_endian,
        };
        let number =
            |octets| if big_endian { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) };
        let (kind, length) = (number([a, b, c, d]), number([e, f, g, h]));
        let is_known = is_section
            || (INTERFACE_DESCRIPTION..=SIMPLE_PACKET).contains(&kind)
            || kind == ENHANCED_PACKET
            || OTHERS.contains(&kind);
        let Some(end) = usize::try_from(length).ok().filter(|end| *end >= FRAME && end % 4 == 0) else {
            return false;
        };
        is_known && octets.get(end - 4..end) == Some(&[e, f, g, h])
    }

    fn u32(&self, octets: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) }
    }

    fn i64(&self, octets: [u8; 8]) -> i64 {
        if self.big_endian { i64::from_be_bytes(octets) } else { i64::from_le_bytes(octets) }
    }
}

impl Unit {
    /// `if_tsresol`: a power of ten, or of two if the highest bit is set.
    fn of(code: u8) -> Unit {
        let power = u32::from(code & 0x7f);
        match (code & 0x80 != 0, power) {
            (true, power) => Unit::Halves(power),
            (false, 0..=9) => Unit::Nanoseconds(10_u64.pow(9 - power)),
            (false, power) => Unit::Tenths(power - 9),
        }
    }
}

impl Clock {
    /// Since the Unix epoch; what lies before it or too far behind becomes the nearest that can be said.
    fn nanoseconds(self, units: u64) -> u64 {
        let since = match self.unit {
            Unit::Nanoseconds(each) => units.saturating_mul(each),
            Unit::Tenths(power) => 10_u64.checked_pow(power).map_or(0, |parts| units / parts),
            Unit::Halves(power) => {
                let nanoseconds = u128::from(units) * u128::from(SECOND);
                u64::try_from(nanoseconds.checked_shr(power).unwrap_or(0)).unwrap_or(u64::MAX)
            }
        };
        let offset = self.offset.unsigned_abs().saturating_mul(SECOND);
        if self.offset < 0 { since.saturating_sub(offset) } else { since.saturating_add(offset) }
    }
}

/// What is between the type and length in front and the length behind.
fn content(block: &[u8]) -> &[u8] {
    block.get(FRAME - 4..block.len().saturating_sub(4)).unwrap_or_default()
}

fn seek(kind: DamageKind) -> Wrong {
    Wrong { kind, then: Then::Seek }
}
