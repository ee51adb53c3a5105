//! What can be wrong with a file, and where.

use std::io;

use thiserror::Error;

use super::frame::LinkType;

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
    /// More of a frame than there was.
    #[error("{captured} octets captured of a frame that had {original}")]
    Original {
        /// What was captured.
        captured: usize,
        /// What the record says that there was on the wire.
        original: u32,
    },
    /// A link layer that none of the protocols runs over; told once for each.
    #[error("{0}, which none of the protocols runs over; such frames are passed over")]
    Link(LinkType),
    /// There were too many to tell each.
    #[error("{0} more things wrong with the file by then")]
    More(u64),
    /// The file could not be read further, or what compresses it is damaged.
    #[error("cannot read on: {0}")]
    Read(String),
}
