//! The nf_tables side: one set of tables that lives and dies with our netlink socket.

mod ruleset;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use fhrp::HoldFault;
use netlink_packet_netfilter::nftables::{NfTablesMessage, TableAttribute, TableFlags};
use netlink_packet_netfilter::{NetfilterMessageInner, NetfilterProtoFamily};

use super::marks;
use super::netlink::{Channel, reason};
use super::piece::{Key, Value};
use wire::{Element, Request};

/// Daemons in one network namespace, each with tables of its own.
const MOST_DAEMONS: u32 = 64;

/// Our tables.
pub(crate) struct Nft {
    channel: Channel,
    table: String,
    hooked: BTreeSet<u32>,
}

impl Nft {
    /// Makes the tables. They vanish when the returned value is dropped, or the process ends.
    pub fn open() -> Result<Self, HoldFault> {
        let operation = "make nf_tables tables (families netdev, arp, ip, ip6) with the owner flag";
        let fault = |error: io::Error| HoldFault { operation: operation.into(), cause: reason(&error) };
        let channel = Channel::open(netlink_sys::protocols::NETLINK_NETFILTER).map_err(fault)?;
        let mut nft = Nft { channel, table: String::new(), hooked: BTreeSet::new() };
        for number in 1..=MOST_DAEMONS {
            let suffix = if number == 1 { String::new() } else { number.to_string() };
            nft.table = format!("{}{suffix}", marks::TABLE);
            match nft.commit(ruleset::foundation(&nft.table)) {
                Ok(()) => return nft.owned().map_err(fault),
                // Somebody has that name: EEXIST, or EPERM where the other one's table has an owner.
                Err(error) if name_is_taken(&error) && taken(&mut nft.channel, &nft.table) => {}
                Err(error) => return Err(fault(error)),
            }
        }
        Err(fault(io::ErrorKind::AddrInUse.into()))
    }

    /// Kernels before 5.12 ignore the owner flag: the table would outlive us.
    fn owned(mut self) -> io::Result<Self> {
        let tables = tables(&mut self.channel)?;
        if tables.iter().any(|table| table.name == self.table && table.owned) {
            return Ok(self);
        }
        self.withdraw()?;
        Err(io::Error::other("this kernel does not know the owner flag (Linux 5.12)"))
    }

    /// The tables' name.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// A second descriptor for the same tables: they last until the last one is closed.
    pub fn keep(&self) -> io::Result<OwnedFd> {
        self.channel.as_fd().try_clone_to_owned()
    }

    /// Puts the gate on a link. Does nothing if it is there.
    pub fn hook_up(&mut self, link: u32, name: &str) -> io::Result<()> {
        if self.hooked.contains(&link) {
            return Ok(());
        }
        self.commit(ruleset::hook_up(&self.table, link, name))?;
        self.hooked.insert(link);
        Ok(())
    }

    /// Takes the gate off a link, which may be gone.
    pub fn unhook(&mut self, link: u32) -> io::Result<()> {
        if !self.hooked.remove(&link) {
            return Ok(());
        }
        let chain = ruleset::link_chain(link);
        match self.commit(vec![wire::delete_chain(NetfilterProtoFamily::NetDev, &self.table, &chain)]) {
            // Kernels before 6.16 remove the chain together with its device.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            result => result,
        }
    }

    /// Removes and adds elements in one transaction; with `alive` also says which links are alive for how long.
    pub fn change(
        &mut self,
        removed: &[(Key, Value)],
        added: &[(Key, Value)],
        alive: Option<&[(u32, Duration)]>,
    ) -> io::Result<()> {
        let mut requests = Vec::new();
        for ((family, set), elements) in by_set(removed) {
            for elements in elements.chunks(wire::ELEMENTS_AT_ONCE) {
                requests.push(wire::delete_elements(family_of(family), &self.table, set, elements.to_vec()));
            }
        }
        for ((family, set), elements) in by_set(added) {
            for elements in elements.chunks(wire::ELEMENTS_AT_ONCE) {
                requests.push(wire::add_elements(family_of(family), &self.table, set, elements.to_vec()));
            }
        }
        requests.extend(alive.into_iter().flat_map(|alive| self.alive(alive)));
        if requests.is_empty() { Ok(()) } else { self.commit(requests) }
    }

    /// Replaces the whole set: removing an element that has just run out would fail the transaction, and older
    /// kernels do not extend the life of one that is there.
    fn alive(&self, links: &[(u32, Duration)]) -> Vec<Request> {
        let family = NetfilterProtoFamily::NetDev;
        let element = |(link, left): &(u32, Duration)| Element {
            key: link.to_ne_bytes().to_vec(),
            data: None,
            timeout_ms: Some(u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1)),
        };
        let mut requests = vec![wire::flush_set(family, &self.table, ruleset::ALIVE)];
        for links in links.chunks(wire::ELEMENTS_AT_ONCE) {
            let elements = links.iter().map(element).collect();
            requests.push(wire::add_elements(family, &self.table, ruleset::ALIVE, elements));
        }
        requests
    }

    /// Removes the tables now; a child that is just being started may still have our descriptor.
    pub fn withdraw(&mut self) -> io::Result<()> {
        let tables = ruleset::FAMILIES.iter().map(|family| wire::delete_table(*family, &self.table));
        self.commit(tables.collect())
    }

    fn commit(&mut self, requests: Vec<Request>) -> io::Result<()> {
        commit(&mut self.channel, requests)
    }
}

/// Carries out requests as one transaction, or as few as the socket's buffer allows.
fn commit(channel: &mut Channel, requests: Vec<Request>) -> io::Result<()> {
    let room = channel.limit().saturating_sub(1024);
    let mut batch = vec![wire::begin()];
    let mut size = 0;
    for request in requests {
        let length = request.buffer_len().next_multiple_of(4);
        if size > 0 && size + length > room {
            let full = std::mem::replace(&mut batch, vec![wire::begin()]);
            send(channel, full)?;
            size = 0;
        }
        size += length;
        batch.push(request);
    }
    send(channel, batch)
}

fn send(channel: &mut Channel, mut batch: Vec<Request>) -> io::Result<()> {
    batch.push(wire::end());
    match channel.submit_at_once(batch)?.into_iter().next() {
        Some(refusal) => Err(refusal.cause),
        None => Ok(()),
    }
}

fn name_is_taken(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EEXIST | libc::EPERM | libc::EBUSY))
}

fn taken(channel: &mut Channel, name: &str) -> bool {
    tables(channel).is_ok_and(|tables| tables.iter().any(|table| table.name == name))
}

struct Table {
    family: NetfilterProtoFamily,
    name: String,
    owned: bool,
}

fn tables(channel: &mut Channel) -> io::Result<Vec<Table>> {
    let mut tables = Vec::new();
    for message in channel.dump(wire::get_tables())? {
        let family = message.header.family;
        let NetfilterMessageInner::NfTables(NfTablesMessage::NewTable(table)) = message.inner else {
            continue;
        };
        let mut found = Table { family, name: String::new(), owned: false };
        for attribute in table.attributes {
            match attribute {
                TableAttribute::Name(name) => found.name = name,
                TableAttribute::Flags(flags) => found.owned = flags.contains(TableFlags::Owner),
                _ => {}
            }
        }
        tables.push(found);
    }
    Ok(tables)
}

/// Removes tables that bear our name and have no living owner; returns their names, such as `arp firsthop`.
pub(crate) fn remove_leftovers() -> io::Result<Vec<String>> {
    let mut channel = Channel::open(netlink_sys::protocols::NETLINK_NETFILTER)?;
    let mut removed = Vec::new();
    for table in tables(&mut channel)? {
        if table.owned || !marks::is_table(&table.name) {
            continue;
        }
        let word = match table.family {
            NetfilterProtoFamily::NetDev => "netdev",
            NetfilterProtoFamily::ARP => "arp",
            NetfilterProtoFamily::IPv4 => "ip",
            NetfilterProtoFamily::IPv6 => "ip6",
            _ => continue,
        };
        commit(&mut channel, vec![wire::delete_table(table.family, &table.name)])?;
        removed.push(format!("nf_tables table {word} {}", table.name));
    }
    Ok(removed)
}

type BySet = BTreeMap<(u8, &'static str), Vec<Element>>;

fn by_set(pieces: &[(Key, Value)]) -> BySet {
    let mut sets = BySet::new();
    for (key, value) in pieces {
        if let Some(ruleset::Place { family, set, key, data }) = ruleset::element_of(key, value) {
            let element = Element { key, data, timeout_ms: None };
            sets.entry((family.into(), set)).or_default().push(element);
        }
    }
    sets
}

fn family_of(number: u8) -> NetfilterProtoFamily {
    number.into()
}
