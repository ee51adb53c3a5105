//! The address manager: the engine says what each group should hold, the manager makes the kernel agree and
//! keeps it so.

use std::collections::BTreeSet;

use async_trait::async_trait;
use fhrp::{HoldFault, Holdings, Link, Mac};

use crate::engine::GroupIndex;

/// What one group wants to hold from now on; replaces everything it held before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Whose wish it is.
    pub group: GroupIndex,
    /// The interface it is about.
    pub link: u32,
    /// What it wants.
    pub holdings: Holdings,
}

/// What the manager was asked for, done or not.
pub type HoldResult = Result<(), HoldFault>;

/// What the manager must know of a link before any group on it may hold something: slow preparations (NIC
/// filters, tables, devices) happen here, never in a take-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preparation {
    /// The interface.
    pub link: u32,
    /// Every virtual MAC that may ever be held on it.
    pub macs: BTreeSet<Mac>,
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

    /// Says that the process is alive and its groups are on time: what is held stays held for another lease.
    async fn renew(&mut self) -> HoldResult;

    /// The next thing the kernel did without being asked; begins with every existing link.
    async fn event(&mut self) -> KernelEvent;

    /// Takes everything out of the kernel again.
    async fn withdraw(&mut self) -> HoldResult;
}
