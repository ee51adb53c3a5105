//! The interfaces in use: their sockets, and what was seen on them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, Ipv6Addr};

use fhrp::address::solicited_node;
use fhrp::contract::Ear;
use fhrp::view::Counter;
use fhrp::{Link, Mac};

use super::remote::{LinkView, Stranger};
use crate::net::membership::Membership;
use crate::net::port::Ports;
use crate::net::socket::{LinkSocket, NeighbourSocket};

/// Strangers remembered for each interface.
const STRANGERS: usize = 256;

/// One interface with at least one group.
pub(super) struct LinkPort {
    pub(super) link: Link,
    pub(super) protocols: LinkSocket,
    pub(super) neighbours: NeighbourSocket,
    pub(super) tally: Tally,
    ears: Vec<Ear>,
    ports: Ports,
    memberships: Membership,
    joined: BTreeSet<IpAddr>,
}

/// What was seen on an interface.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counters: BTreeMap<&'static str, u64>,
    strangers: HashMap<(&'static str, u16, IpAddr), Stranger>,
}

impl LinkPort {
    /// Opens the sockets of an interface.
    pub(super) fn open(link: Link, ears: Vec<Ear>) -> io::Result<Self> {
        let protocols = LinkSocket::open(link.index, &ears)?;
        let neighbours = NeighbourSocket::open(link.index)?;
        let mut ports = Ports::default();
        ports.set(&link.name, &ears)?;
        Ok(LinkPort {
            link,
            protocols,
            neighbours,
            tally: Tally::default(),
            ears,
            ports,
            memberships: Membership::new(),
            joined: BTreeSet::new(),
        })
    }

    /// Listens to other packets than before.
    pub(super) fn listen_to(&mut self, ears: Vec<Ear>) -> io::Result<()> {
        if self.ears != ears {
            self.protocols.set_ears(&ears)?;
            self.ports.set(&self.link.name, &ears)?;
            self.ears = ears;
        }
        Ok(())
    }

    /// Joins these multicast groups, and leaves all others: on the interface card, and by IGMP and MLD for the
    /// switches that listen to those. `solicited` are addresses whose solicitations must reach us.
    ///
    /// Waits for the kernel's configuration lock, and so is done ahead of any take-over.
    pub(super) fn join(
        &mut self,
        groups: BTreeSet<IpAddr>,
        solicited: &BTreeSet<Ipv6Addr>,
    ) -> io::Result<()> {
        self.neighbours.set_targets(solicited.iter().copied())?;
        let mut wanted = groups;
        wanted.extend(solicited.iter().map(|ip| IpAddr::V6(solicited_node(*ip))));
        if !self.link.addresses.iter().any(|address| address.ip.is_ipv6()) {
            // Where IPv6 does not run, joining its groups fails.
            wanted.retain(IpAddr::is_ipv4);
        }
        for group in self.joined.difference(&wanted) {
            // The kernel forgets memberships with the interface; there may be nothing left to leave.
            let _ = self.memberships.leave(self.link.index, *group);
        }
        for group in wanted.difference(&self.joined) {
            self.memberships.join(self.link.index, *group)?;
        }
        self.joined = wanted;
        Ok(())
    }

    /// Lets ARP requests and solicitations through, or none: a router that holds nothing is not woken.
    pub(super) fn listen_for_solicitations(&mut self, listen: bool) -> io::Result<()> {
        self.neighbours.listen(listen)
    }

    /// What an operator is shown.
    pub(super) fn view(&self) -> LinkView {
        let mut counters: Vec<Counter> =
            self.tally.counters.iter().map(|(name, count)| Counter { name, count: *count }).collect();
        for (name, socket) in [
            ("protocol-queue-drops", self.protocols.drops()),
            ("solicitation-queue-drops", self.neighbours.drops()),
        ] {
            counters.push(Counter { name, count: socket.unwrap_or(0).into() });
        }
        let mut strangers: Vec<Stranger> = self.tally.strangers.values().cloned().collect();
        strangers.sort_by_key(|stranger| (stranger.protocol, stranger.id, stranger.address));
        LinkView {
            interface: self.link.name.clone(),
            index: self.link.index,
            up: self.link.up,
            counters,
            strangers,
        }
    }
}

impl Tally {
    /// One more of these.
    pub(super) fn count(&mut self, name: &'static str) {
        *self.counters.entry(name).or_default() += 1;
    }

    /// A frame for a group that does not exist here. Says whether its sender is new.
    pub(super) fn stranger(&mut self, protocol: &'static str, id: u16, address: IpAddr, mac: Mac) -> bool {
        self.count("frames-for-unknown-groups");
        let full = self.strangers.len() >= STRANGERS;
        match self.strangers.get_mut(&(protocol, id, address)) {
            Some(stranger) => {
                stranger.frames += 1;
                stranger.mac = mac;
                false
            }
            None if full => {
                self.count("strangers-not-remembered");
                false
            }
            None => {
                let stranger = Stranger { protocol, id, address, mac, frames: 1 };
                self.strangers.insert((protocol, id, address), stranger);
                true
            }
        }
    }
}
