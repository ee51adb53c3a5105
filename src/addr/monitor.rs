//! What the kernel's links and addresses are, kept up to date from its notifications.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;

use fhrp::address::is_link_local;
use fhrp::{Family, Link};
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::{AsyncSocket, SocketAddr, TokioSocket};

use super::netlink::{Channel, pieces};
use super::route::{self, SeenAddress, SeenLink};

/// Multicast groups of linux/rtnetlink.h: links, IPv4 addresses, IPv6 addresses.
const GROUPS: [u32; 3] = [1, 5, 9];
/// Octets of receive buffer wanted: a thousand addresses come and go within milliseconds.
const RECEIVE_BUFFER: usize = 8 * 1024 * 1024;
/// Octets read at once.
const PIECE: usize = 64 * 1024;

/// What was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Noticed {
    /// Something about this link is new.
    Link(u32),
    /// This link is gone, or has another name now.
    Gone {
        /// Its number.
        index: u32,
        /// The name it had.
        name: String,
        /// It still exists under another name.
        renamed: bool,
    },
    /// This address is no longer on this link.
    AddressGone(u32, IpAddr),
}

/// The table and its source.
pub(crate) struct Monitor {
    source: TokioSocket,
    table: Table,
}

impl Monitor {
    /// Subscribes and reads everything once.
    pub fn open(channel: &mut Channel) -> io::Result<Self> {
        let mut source = TokioSocket::new(netlink_sys::protocols::NETLINK_ROUTE)?;
        let socket = source.socket_mut();
        socket.bind(&SocketAddr::new(0, 0))?;
        use rustix::net::sockopt;
        if sockopt::set_socket_recv_buffer_size_force(&*socket, RECEIVE_BUFFER).is_err() {
            sockopt::set_socket_recv_buffer_size(&*socket, RECEIVE_BUFFER).ok();
        }
        for group in GROUPS {
            socket.add_membership(group)?;
        }
        let mut monitor = Monitor { source, table: Table::default() };
        monitor.table.resync(channel)?;
        Ok(monitor)
    }

    /// What is known now.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Waits for news and takes all that is waiting. Loses nothing if dropped while it waits.
    pub async fn news(&mut self, channel: &mut Channel) -> io::Result<Vec<Noticed>> {
        let mut octets = Vec::with_capacity(PIECE);
        loop {
            octets.clear();
            let mut read = poll_fn(|context| self.source.poll_recv(context, &mut octets)).await;
            let mut noticed = Vec::new();
            loop {
                match read {
                    Ok(()) => self.table.hear(&octets, &mut noticed),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // More happened than the buffer could hold: what is true now has to be asked for.
                    Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                        noticed.extend(self.table.resync(channel)?);
                    }
                    Err(error) => return Err(error),
                }
                octets.clear();
                read = self.source.socket_ref().recv(&mut octets, libc::MSG_DONTWAIT).map(|_| ());
            }
            if !noticed.is_empty() {
                return Ok(noticed);
            }
        }
    }
}

/// Links and their addresses.
#[derive(Debug, Default)]
pub(crate) struct Table {
    links: BTreeMap<u32, (SeenLink, Vec<SeenAddress>)>,
}

impl Table {
    /// Every link's number.
    pub fn indices(&self) -> Vec<u32> {
        self.links.keys().copied().collect()
    }

    /// A link's name.
    pub fn name(&self, index: u32) -> Option<&str> {
        self.links.get(&index).map(|(link, _)| link.name.as_str())
    }

    /// A link as protocols see it: without marked addresses, and without what `ours` says is ours.
    pub fn link(&self, index: u32, ours: impl Fn(IpAddr) -> bool) -> Option<Link> {
        let (link, addresses) = self.links.get(&index)?;
        let real = addresses.iter().filter(|seen| seen.valid && !seen.ours && !ours(seen.address.ip));
        Some(Link {
            index,
            name: link.name.clone(),
            mac: link.mac,
            up: link.up,
            mtu: link.mtu,
            addresses: real.map(|seen| seen.address).collect(),
        })
    }

    /// The address in whose name a link asks: its first of IPv4, its first link-local one of IPv6.
    pub fn own(link: &Link, family: Family) -> Option<IpAddr> {
        let fits = |ip: &IpAddr| Family::of(*ip) == family && (ip.is_ipv4() || is_link_local(*ip));
        link.addresses.iter().map(|address| address.ip).find(fits)
    }

    /// Whether the kernel has this address there.
    pub fn has(&self, index: u32, ip: IpAddr) -> bool {
        self.links
            .get(&index)
            .is_some_and(|(_, addresses)| addresses.iter().any(|seen| seen.address.ip == ip))
    }

    /// Whether the kernel has this address there, without our mark.
    pub fn is_foreign(&self, index: u32, ip: IpAddr) -> bool {
        self.links
            .get(&index)
            .is_some_and(|(_, addresses)| addresses.iter().any(|seen| seen.address.ip == ip && !seen.ours))
    }

    fn hear(&mut self, octets: &[u8], noticed: &mut Vec<Noticed>) {
        for (message, _) in pieces(octets) {
            let Ok(NetlinkMessage { payload: NetlinkPayload::InnerMessage(message), .. }) =
                NetlinkMessage::<RouteNetlinkMessage>::deserialize(message.into_inner())
            else {
                continue;
            };
            match message {
                // Bridges speak of their ports in messages of the same kind.
                RouteNetlinkMessage::NewLink(message) | RouteNetlinkMessage::DelLink(message)
                    if message.header.interface_family != AddressFamily::Unspec => {}
                RouteNetlinkMessage::NewLink(message) => self.link_is(route::read_link(&message), noticed),
                RouteNetlinkMessage::DelLink(message) => self.link_gone(message.header.index, noticed),
                RouteNetlinkMessage::NewAddress(message) => {
                    if let Some((link, seen)) = route::read_address(&message) {
                        self.address_is(link, seen, noticed);
                    }
                }
                RouteNetlinkMessage::DelAddress(message) => {
                    if let Some((link, seen)) = route::read_address(&message) {
                        self.address_gone(link, seen.address.ip, noticed);
                    }
                }
                _ => {}
            }
        }
    }

    fn link_is(&mut self, new: SeenLink, noticed: &mut Vec<Noticed>) {
        let index = new.index;
        match self.links.get_mut(&index) {
            Some((old, _)) if *old == new => return,
            Some((old, _)) => {
                if old.name != new.name {
                    noticed.push(Noticed::Gone { index, name: old.name.clone(), renamed: true });
                }
                *old = new;
            }
            None => {
                self.links.insert(index, (new, Vec::new()));
            }
        }
        noticed.push(Noticed::Link(index));
    }

    fn link_gone(&mut self, index: u32, noticed: &mut Vec<Noticed>) {
        if let Some((link, _)) = self.links.remove(&index) {
            noticed.push(Noticed::Gone { index, name: link.name, renamed: false });
        }
    }

    fn address_is(&mut self, link: u32, new: SeenAddress, noticed: &mut Vec<Noticed>) {
        let Some((_, addresses)) = self.links.get_mut(&link) else { return };
        match addresses.iter_mut().find(|seen| seen.address == new.address) {
            Some(old) if *old == new => return,
            Some(old) => *old = new,
            None => addresses.push(new),
        }
        noticed.push(Noticed::Link(link));
    }

    fn address_gone(&mut self, link: u32, ip: IpAddr, noticed: &mut Vec<Noticed>) {
        let Some((_, addresses)) = self.links.get_mut(&link) else { return };
        addresses.retain(|seen| seen.address.ip != ip);
        noticed.push(Noticed::AddressGone(link, ip));
        noticed.push(Noticed::Link(link));
    }

    /// Reads everything anew; returns what differs.
    fn resync(&mut self, channel: &mut Channel) -> io::Result<Vec<Noticed>> {
        let mut noticed = Vec::new();
        let links = route::links(channel)?;
        let addresses = route::addresses(channel)?;
        let there: BTreeSet<u32> = links.iter().map(|link| link.index).collect();
        for gone in self.indices().into_iter().filter(|index| !there.contains(index)) {
            self.link_gone(gone, &mut noticed);
        }
        for link in links {
            self.link_is(link, &mut noticed);
        }
        let kept: BTreeSet<(u32, IpAddr)> =
            addresses.iter().map(|(link, seen)| (*link, seen.address.ip)).collect();
        let had =
            self.links.iter().flat_map(|(link, (_, seen))| seen.iter().map(|seen| (*link, seen.address.ip)));
        let gone: Vec<_> = had.filter(|place| !kept.contains(place)).collect();
        for (link, ip) in gone {
            self.address_gone(link, ip, &mut noticed);
        }
        for (link, seen) in addresses {
            self.address_is(link, seen, &mut noticed);
        }
        Ok(noticed)
    }
}
