//! The address manager: the engine says what each group should hold, the manager makes the kernel agree and
//! keeps it so.
//!
//! ```text
//!  event loop ── Request ──► thread ──► kernel ──► diff ──┬─► nft       gate, silence, whose name to ask in
//!      ▲                       ▲          ▲               ├─► net       the NIC's unicast filter
//!      └── Report, eventfd ────┘       monitor            ├─► inside    accepted addresses: TUN device, or lo
//!                                 links and addresses     ├─► route     addresses on the interface
//!                                                         └─► sharing   which packets for a MAC that several members hold
//! ```
//!
//! No link is made or set down when a role changes: that costs milliseconds each. What makes this router take
//! frames for a virtual MAC are elements of sets in nf_tables tables that belong to our netlink socket, behind
//! a gate that closes by itself when it is not renewed. So:
//!
//! | the daemon | what it held |
//! |---|---|
//! | ends | is withdrawn, in one transaction and a few writes |
//! | dies | vanishes with its descriptors: tables, NIC filter, TUN device, BPF program. The [guardian](crate::guardian) removes addresses that it had put on interfaces, and says the goodbyes |
//! | stalls longer than its peers wait | the gate closes; the guardian removes the addresses |
//! | and its guardian die together | addresses on interfaces stay, marked, until [`cleanup`] at the next start |
//!
//! ARP and ND questions for virtual addresses are the daemon's to answer, from a packet socket; the kernel is
//! kept from answering, and from asking in their name with the interface's MAC.
//!
//! | module | what lives there |
//! |---|---|
//! | [`thread`] | the thread that all of this runs on, and its queues |
//! | [`kernel`], `placing` | the manager itself, and how it puts addresses in and takes them out |
//! | `news`, [`repair`] | what it makes of what others do to the kernel |
//! | [`diff`], [`lease`], `piece` | pure: who wants what, for how long, and what follows from a wish |
//! | `nft`, `sharing`, `inside`, `route`, `netlink`, `monitor` | the kernel's side |
//! | [`mod@claim`], [`cleanup`], [`marks`] | one daemon an interface, and nothing left behind |

pub mod claim;
pub mod cleanup;
pub mod diff;
mod inside;
pub mod kernel;
pub mod lease;
pub mod marks;
mod monitor;
mod netlink;
mod news;
mod nft;
mod piece;
mod placing;
pub mod repair;
pub(crate) mod route;
pub mod sharing;
pub mod thread;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use fhrp::{Family, HoldFault, Instant, Link, Mac};

pub use claim::{Claim, ClaimError, claim};

pub use crate::engine::group::{HoldResult, Wish};

use crate::engine::GroupIndex;

/// What the manager must know of a link before any group on it may hold something: slow preparations (NIC
/// filters, tables, devices) happen here, never in a take-over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preparation {
    /// The interface.
    pub link: u32,
    /// Every virtual MAC that may ever be held on it.
    pub macs: BTreeSet<Mac>,
    /// Whether other members may hold some of them at the same time, each a share of what is sent to it.
    pub shared: bool,
    /// Families of which no ICMP redirect may leave here: it would send hosts past the router that moves.
    pub unredirected: BTreeSet<Family>,
}

/// What the kernel did without being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelEvent {
    /// An interface appeared or anything about it changed. Addresses that we put there are left out.
    Link(Link),
    /// An interface is gone.
    LinkGone {
        /// Its number.
        index: u32,
        /// Its name.
        name: String,
    },
    /// Something that we had put into the kernel was taken away by somebody else, and was put back.
    Restored {
        /// Whose it is.
        group: GroupIndex,
        /// What happened, as a clause: `10.0.0.1/24 was removed from eth0 and put back`.
        what: String,
    },
    /// What a group held was withdrawn by the dead-man's switch: no renewal came for this long. The gate opens
    /// again by itself when the event loop is on time, unless the group lets go.
    Lapsed {
        /// Whose it is.
        group: GroupIndex,
        /// Time since the last renewal.
        stalled: Duration,
    },
    /// Something that we had put into the kernel is gone and does not stay when put back.
    Lost {
        /// Whose it was.
        group: GroupIndex,
        /// What happened, as a clause.
        what: HoldFault,
    },
}

/// Whoever fulfils wishes: the kernel's own manager, or a stand-in for replay and simulation.
#[async_trait]
pub trait AddressManager: Send {
    /// Which way of holding virtual MACs and addresses was chosen, and why, in one line.
    fn describe(&self) -> String;

    /// Gets links ready; idempotent, and the latest list of a link counts.
    async fn prepare(&mut self, links: &[Preparation]) -> HoldResult;

    /// Fulfils all of these wishes in as few kernel transactions as possible, and reports each.
    ///
    /// Idempotent: repeated with the same wishes it writes nothing. Waits for no link to go down.
    async fn reconcile(&mut self, wishes: Vec<Wish>) -> Vec<(GroupIndex, HoldResult)>;

    /// Keeps what is held for another lease, where the event loop's heartbeat is young enough, and tries again
    /// what could not be repaired. To be called every [`AddressManager::period`].
    async fn renew(&mut self, heartbeat: Instant) -> HoldResult;

    /// How often to renew; `None` while nothing is held.
    fn period(&self) -> Option<Duration>;

    /// The next thing the kernel did without being asked; begins with every existing link.
    async fn event(&mut self) -> KernelEvent;

    /// Takes everything out of the kernel again.
    async fn withdraw(&mut self) -> HoldResult;
}
