//! Captures: pcap and pcapng read and written, link layers taken off, addressing found.
//!
//! | module | what lives there |
//! |---|---|
//! | `source` | files and standard input, gzip and zstd taken off by what they begin with |
//! | `window` | the part of a file that is in memory: a fixed one, whatever the file says of its lengths |
//! | [`reader`] | frames, one after the other, and what is wrong with the file between them |
//! | [`batch`] | frames taken out of that window, for another thread |
//! | [`frame`], [`fault`] | a frame as a capture tells it, and what can be wrong with a file |
//! | `pcap`, `pcapng` | the two formats, octet for octet |
//! | [`link`] | Ethernet with VLAN tags, Linux cooked, raw IP, loopback: what is below IP |
//! | [`neighbour`] | ARP and Neighbour Discovery, as a capture tells them |
//! | [`write`](mod@write) | frames into a pcapng file |
//!
//! The reading is our own because it must go on where a file is damaged, name the offset of everything it
//! complains of, and not allocate for a frame; the crate that writes does none of these when it reads, and is what
//! the reader is tested against.

pub mod batch;
pub mod fault;
pub mod frame;
pub mod link;
pub mod neighbour;
mod pcap;
mod pcapng;
pub mod reader;
mod source;
mod window;
pub mod write;

pub use batch::Batch;
pub use fault::{Damage, DamageKind, OpenError};
pub use frame::{Frame, Interface, LinkType};
pub use link::{Packet, Tags};
pub use reader::Reader;
pub use write::{Direction, Writer};
