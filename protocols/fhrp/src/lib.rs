//! The contract between the engine and the protocols it drives.
//!
//! A redundancy group is a value. It is told what happened ([`Input`]) and what time it is ([`Context`]),
//! and it answers with what must now be done, in order ([`Action`]). It reads no clock, opens no socket and
//! rolls no dice of its own; that is what lets the same code run in the daemon, in a replayed capture, in a
//! simulated LAN and under a fuzzer, and what makes thousands of groups in one process cheap.
//!
//! | module | what lives there |
//! |---|---|
//! | [`contract`] | [`Group`], [`Input`], [`Action`], [`Context`]: the conversation itself |
//! | [`holdings`] | what a router does on a group's behalf: the wish the address manager fulfils |
//! | [`share`] | which packets are whose, where several members hold one virtual MAC |
//! | [`packet`] | a frame that arrived, with all its addressing, and a datagram to be sent |
//! | [`link`] | what is known of a network interface |
//! | [`note`] | facts worth a log line, a counter or an event |
//! | [`view`] | what an operator is shown |
//! | [`dissect`], [`fields`] | what the reader of a capture is shown |
//! | [`alarms`] | what an operator must look at, until it ends |
//! | [`counters`], [`neighbours`] | what a group counts; everybody it heard, obeyed or refused |
//! | [`faults`] | what keeps a group from running, and for how long it stays away |
//! | [`announcer`] | when gratuitous announcements are repeated and refreshed |
//! | [`keys`], [`keyed_md5`] | secrets, key chains, the digest of Cisco's protocols |
//! | [`time`], [`address`], [`checksum`] | the small change |
//!
//! `protocols/README.md` says why the contract is cut this way, for all four protocols.

#![forbid(unsafe_code)]

pub mod address;
pub mod alarms;
pub mod announcer;
pub mod checksum;
pub mod contract;
pub mod counters;
pub mod dissect;
pub mod faults;
pub mod fields;
pub mod holdings;
pub mod keyed_md5;
pub mod keys;
pub mod link;
pub mod neighbours;
pub mod note;
pub mod packet;
pub mod share;
pub mod time;
pub mod view;

pub use address::{Family, InterfaceAddress, Mac};
pub use contract::{Action, Command, Context, Group, Input, Lead, Protocol, Purpose, Siblings};
pub use holdings::{Answer, HoldFault, Holdings, Presence, VirtualAddress};
pub use keys::Secret;
pub use link::Link;
pub use note::{Note, Standing};
pub use packet::{Datagram, Received, Route, Solicitation};
pub use share::{Buckets, Share};
pub use time::Instant;
pub use view::View;
