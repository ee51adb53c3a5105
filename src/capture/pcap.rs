//! The classic format: a header, then each frame behind 16 octets of time and lengths.
//! draft-ietf-opsawg-pcap.

use super::fault::DamageKind;
use super::frame::{Interface, LinkType};
use super::reader::{Found, LONGEST, Then, Wrong};
use super::window::Window;

/// Octets before each frame.
const RECORD: usize = 16;
/// How far apart two frames are at most, if one is searched for: a month, in seconds.
const FAR: u32 = 31 * 86_400;

/// How a file writes numbers, and what it counts within a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteOrder {
    big_endian: bool,
    /// Nanoseconds of one fraction.
    fraction: u32,
}

/// A file, as its header describes it.
#[derive(Debug)]
pub(super) struct Pcap {
    order: ByteOrder,
    pub(super) version: (u16, u16),
    pub(super) interface: Interface,
    /// The second of the last frame.
    last: Option<u32>,
}

/// What stands before a frame.
struct Record {
    second: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

impl Pcap {
    /// Octets of the header.
    pub(super) const HEADER: usize = 24;

    /// What files begin with, and how each of them writes numbers.
    pub(super) const MAGICS: [([u8; 4], ByteOrder); 4] = [
        ([0xd4, 0xc3, 0xb2, 0xa1], ByteOrder { big_endian: false, fraction: 1_000 }),
        ([0xa1, 0xb2, 0xc3, 0xd4], ByteOrder { big_endian: true, fraction: 1_000 }),
        ([0x4d, 0x3c, 0xb2, 0xa1], ByteOrder { big_endian: false, fraction: 1 }),
        ([0xa1, 0xb2, 0x3c, 0x4d], ByteOrder { big_endian: true, fraction: 1 }),
    ];

    /// By the first four octets of a file; `None` if it is of another kind.
    pub(super) fn byte_order(magic: [u8; 4]) -> Option<ByteOrder> {
        Self::MAGICS.into_iter().find(|(known, _)| *known == magic).map(|(_, order)| order)
    }

    pub(super) fn new(order: ByteOrder, header: &[u8; Self::HEADER]) -> Pcap {
        let [.., a, b, c, d] = *header;
        // The upper half says whether frames end with their check sequence, which IP's length cuts off.
        let link = u16::try_from(order.u32([a, b, c, d]) & 0xffff).unwrap_or(u16::MAX);
        let [_, _, _, _, a, b, c, d, ..] = *header;
        Pcap {
            order,
            version: (order.u16([a, b]), order.u16([c, d])),
            interface: Interface { link: LinkType::of(link), name: None },
            last: None,
        }
    }

    /// The frame that the window begins with; `None` at the end of the file.
    pub(super) fn find(&mut self, window: &mut Window) -> Result<Option<Found>, Wrong> {
        let octets = window.look(RECORD)?;
        if octets.is_empty() {
            return Ok(None);
        }
        let cut = |need: usize, got: usize| Wrong {
            kind: DamageKind::Cut { need: need as u64, got: got as u64 },
            then: Then::Seek,
        };
        let Some(record) = self.order.record(octets) else { return Err(cut(RECORD, octets.len())) };
        let wrong = |kind| Err(Wrong { kind, then: Then::Seek });
        let captured = usize::try_from(record.captured).unwrap_or(usize::MAX);
        if captured > LONGEST {
            return wrong(DamageKind::Length(record.captured));
        }
        if u64::from(record.fraction) * u64::from(self.order.fraction) >= SECOND {
            return wrong(DamageKind::Time(record.fraction));
        }
        let whole = RECORD + captured;
        let there = window.look(whole)?.len();
        if there < whole {
            return Err(cut(whole, there));
        }
        self.last = Some(record.second);
        let fraction = u64::from(record.fraction) * u64::from(self.order.fraction);
        Ok(Some(Found {
            record: whole,
            at: u64::from(record.second) * SECOND + fraction,
            octets: RECORD..whole,
            original: record.original,
            interface: 0,
            options: 0..0,
        }))
    }

    /// Octets of the record that begins here, if so much can be told.
    pub(super) fn length(&self, octets: &[u8]) -> Option<usize> {
        let record = self.order.record(octets)?;
        usize::try_from(record.captured).ok()?.checked_add(RECORD)
    }

    /// Whether a record begins here: one that makes sense, and another one behind it or the end of the file.
    pub(super) fn looks_right(&self, octets: &[u8], is_end: bool) -> bool {
        let sane = |record: &Record| {
            let near = self.last.is_none_or(|last| record.second.abs_diff(last) < FAR);
            let length = usize::try_from(record.captured).is_ok_and(|length| (1..=LONGEST).contains(&length));
            let fraction = u64::from(record.fraction) * u64::from(self.order.fraction) < SECOND;
            near && length && fraction && record.captured <= record.original && record.second > 0
        };
        let Some(record) = self.order.record(octets).filter(&sane) else { return false };
        let behind = usize::try_from(record.captured).ok().and_then(|length| octets.get(RECORD + length..));
        match behind {
            Some([]) => is_end,
            Some(behind) => self.order.record(behind).is_some_and(|record| sane(&record)),
            None => false,
        }
    }
}

const SECOND: u64 = 1_000_000_000;

impl ByteOrder {
    fn u16(self, octets: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(octets) } else { u16::from_le_bytes(octets) }
    }

    fn u32(self, octets: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) }
    }

    fn record(self, octets: &[u8]) -> Option<Record> {
        let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = octets.first_chunk::<RECORD>()?;
        Some(Record {
            second: self.u32([a, b, c, d]),
            fraction: self.u32([e, f, g, h]),
            captured: self.u32([i, j, k, l]),
            original: self.u32([m, n, o, p]),
        })
    }
}
