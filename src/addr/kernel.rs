//! The real address manager. All its writes are synchronous and short; only news is waited for.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use async_trait::async_trait;
use fhrp::{HoldFault, Holdings, Instant, Link};

use super::diff::{Change, Ledger};
use super::inside::Inside;
use super::lease::Leases;
use super::monitor::Monitor;
use super::netlink::{Channel, reason};
use super::nft::Nft;
use super::piece::{self, Key, Owner, Place, Value};
use super::repair::Repairs;
use super::route;
use super::sharing::Sharing;
use super::{AddressManager, HoldResult, KernelEvent, Preparation, Wish};
use crate::engine::GroupIndex;
use crate::guardian::Sender;
use crate::net::{Clock, StationFilter};

/// Faults by the group they concern.
pub(super) type Faults = BTreeMap<GroupIndex, HoldFault>;

/// Which interfaces' events are wanted.
#[derive(Debug, Clone, Default)]
pub enum Watch {
    /// Those of all interfaces.
    #[default]
    All,
    /// Those of the interfaces of these names, whether they exist yet or not.
    Named(BTreeSet<String>),
}

impl Watch {
    pub(super) fn covers(&self, name: &str) -> bool {
        match self {
            Watch::All => true,
            Watch::Named(names) => names.contains(name),
        }
    }
}

/// The kernel, with what we put into it.
pub struct KernelManager {
    pub(super) channel: Channel,
    pub(super) monitor: Monitor,
    pub(super) inside: Inside,
    nft: Result<Nft, HoldFault>,
    /// Keeps the tables until after the TUN device is gone, whichever way a dying process closes its files:
    /// else the kernel would answer for addresses that still exist.
    _tables: Option<OwnedFd>,
    /// Once a virtual MAC is to be shared.
    sharing: Option<Sharing>,
    stations: BTreeMap<u32, StationFilter>,
    pub(super) ledger: Ledger<Owner, Key, Value>,
    pub(super) leases: Leases,
    pub(super) wishes: BTreeMap<GroupIndex, Wish>,
    prepared: BTreeMap<u32, Preparation>,
    pub(super) watch: Watch,
    pub(super) said: BTreeMap<u32, Link>,
    pub(super) repairs: Repairs,
    pub(super) events: VecDeque<KernelEvent>,
    pub(super) guardian: Option<Sender>,
    pub(super) knows_address_protocol: bool,
}

impl KernelManager {
    /// Finds out what this kernel can do, and reads all links. Must run inside a tokio runtime.
    ///
    /// Fails without rtnetlink; missing nf_tables or TUN devices are no failure but told by `describe`.
    pub fn open(watch: Watch, guardian: Option<Sender>) -> io::Result<Self> {
        // In this order: see `_tables`.
        let inside = Inside::probe();
        Self::assemble(watch, guardian, inside, Nft::open())
    }

    /// The same, with these means.
    pub(super) fn assemble(
        watch: Watch,
        guardian: Option<Sender>,
        inside: Inside,
        nft: Result<Nft, HoldFault>,
    ) -> io::Result<Self> {
        let mut channel = route::channel()?;
        let monitor = Monitor::open(&mut channel)?;
        let mut manager = KernelManager {
            channel,
            monitor,
            inside,
            nft,
            _tables: None,
            sharing: None,
            stations: BTreeMap::new(),
            ledger: Ledger::default(),
            leases: Leases::default(),
            wishes: BTreeMap::new(),
            prepared: BTreeMap::new(),
            watch,
            said: BTreeMap::new(),
            repairs: Repairs::default(),
            events: VecDeque::new(),
            guardian,
            knows_address_protocol: knows_address_protocol(),
        };
        manager._tables = manager.nft.as_ref().ok().and_then(|nft| nft.keep().ok());
        for index in manager.monitor.table().indices() {
            manager.link_changed(index);
        }
        manager.apply_own_names();
        Ok(manager)
    }

    fn prepare_all(&mut self, links: &[Preparation]) -> HoldResult {
        let wanted: BTreeMap<u32, &Preparation> =
            links.iter().map(|preparation| (preparation.link, preparation)).collect();
        let dropped: Vec<u32> =
            self.prepared.keys().filter(|link| !wanted.contains_key(link)).copied().collect();
        for link in dropped {
            self.unprepare(link);
        }
        let mut result = Ok(());
        for preparation in wanted.into_values() {
            if let Err(fault) = self.prepare_link(preparation) {
                result = result.and(Err(fault));
            }
        }
        let change = self.ledger.take_change();
        self.change_tables(&change.removed, &change.added, None).and(result)
    }

    fn prepare_link(&mut self, preparation: &Preparation) -> HoldResult {
        let Preparation { link, macs, shared, unredirected } = preparation;
        let link = *link;
        let name = self.name_of(link)?;
        let unredirected =
            unredirected.iter().map(|family| (Key::Unredirected { link, family: *family }, Value::None));
        if macs.is_empty() {
            // Without tables redirects are as the kernel has them.
            let unredirected = unredirected.filter(|_| self.nft.is_ok());
            self.ledger.replace(Owner::Prepared(link), unredirected);
            self.prepared.insert(link, preparation.clone());
            return Ok(());
        }
        let fault = |operation: String| {
            move |error: io::Error| HoldFault { operation: operation.clone(), cause: reason(&error) }
        };
        let nft = self.nft.as_mut().map_err(|fault| without_tables(fault))?;
        nft.hook_up(link, &name).map_err(fault(format!("put the gate on {name}")))?;
        self.inside.prepare(&mut self.channel).map_err(fault("make a TUN device".into()))?;
        if *shared {
            let attached = self.open_sharing()?.attach(link);
            attached.map_err(fault(format!("put the BPF program on {name}")))?;
        }
        if self.prepared.get(&link) == Some(preparation) && self.stations.contains_key(&link) {
            return Ok(());
        }
        let listen = fault(format!("let virtual MACs in on {name}"));
        let station = match self.stations.entry(link) {
            Entry::Occupied(station) => station.into_mut(),
            Entry::Vacant(place) => place.insert(StationFilter::open(link).map_err(&listen)?),
        };
        station.set(macs).map_err(&listen)?;
        let known = macs.iter().map(|mac| (Key::Known { link, mac: *mac }, Value::None));
        self.ledger.replace(Owner::Prepared(link), known.chain(unredirected));
        self.prepared.insert(link, preparation.clone());
        Ok(())
    }

    fn open_sharing(&mut self) -> Result<&mut Sharing, HoldFault> {
        match &mut self.sharing {
            Some(sharing) => Ok(sharing),
            none => Ok(none.insert(Sharing::open()?)),
        }
    }

    pub(super) fn unprepare(&mut self, link: u32) {
        self.prepared.remove(&link);
        self.stations.remove(&link);
        if let Some(sharing) = &mut self.sharing {
            sharing.detach(link);
        }
        self.ledger.replace(Owner::Prepared(link), []);
        if let Ok(nft) = &mut self.nft {
            // A chain that stays is harmless: nothing refers to the link any more.
            nft.unhook(link).ok();
        }
    }

    fn fulfil(&mut self, wishes: Vec<Wish>) -> Vec<(GroupIndex, HoldResult)> {
        let now = Clock::now();
        let mut faults = Faults::new();
        let mut answered = Vec::new();
        let mut again = Vec::new();
        for wish in wishes {
            answered.push(wish.group);
            // The same wish may come under another ticket.
            let same = |held: &Wish| held.link == wish.link && held.holdings == wish.holdings;
            if self.wishes.get(&wish.group).is_some_and(same) {
                again.extend(self.repairs.of(&self.ledger, wish.group));
                continue;
            }
            match self.admit(&wish) {
                Ok(()) => self.book(wish, now),
                Err(fault) => {
                    let group = wish.group;
                    self.book(Wish { holdings: Holdings::none(), ..wish }, now);
                    faults.insert(group, fault);
                }
            }
        }
        self.carry_out(now, &mut faults);
        for (key, _) in &again {
            self.repairs.forget(key);
        }
        self.add_addresses(&again, &mut faults);
        let result = |group: &GroupIndex| faults.get(group).cloned().map_or(Ok(()), Err);
        answered.iter().map(|group| (*group, result(group))).collect()
    }

    /// Makes sure that what a wish needs is there. Normally it was prepared and this does nothing.
    fn admit(&mut self, wish: &Wish) -> HoldResult {
        if wish.holdings.is_empty() {
            return Ok(());
        }
        self.name_of(wish.link)?;
        if !piece::needs_tables(&wish.holdings) {
            return Ok(());
        }
        let known = self.prepared.get(&wish.link);
        let shared = piece::needs_sharing(&wish.holdings);
        let is_known = |known: &Preparation| {
            !known.macs.is_empty()
                && (known.shared || !shared)
                && wish.holdings.forward.keys().all(|mac| known.macs.contains(mac))
        };
        if known.is_some_and(is_known) {
            return Ok(());
        }
        let mut preparation = known.cloned().unwrap_or_default();
        preparation.link = wish.link;
        preparation.macs.extend(wish.holdings.forward.keys());
        preparation.shared |= shared;
        if preparation.macs.is_empty() {
            let name = self.name_of(wish.link)?;
            let nft = self.nft.as_mut().map_err(|fault| without_tables(fault))?;
            nft.hook_up(wish.link, &name)
                .map_err(|error| refused(format!("put the gate on {name}"), &error))?;
            let inside = self.inside.prepare(&mut self.channel);
            return inside.map(|_| ()).map_err(|error| refused("make a TUN device", &error));
        }
        self.prepare_link(&preparation)
    }

    pub(super) fn book(&mut self, wish: Wish, now: Instant) {
        let group = wish.group;
        let holding = (!wish.holdings.is_empty()).then_some((wish.link, wish.holdings.lease));
        self.leases.set(group, holding, now);
        self.ledger.replace(Owner::Group(group), piece::pieces(&wish));
        if holding.is_some() {
            self.wishes.insert(group, wish);
        } else {
            self.wishes.remove(&group);
        }
    }

    /// Tells the kernel what changed in the books. What silences the kernel about an address goes in before
    /// the address, and out after it.
    pub(super) fn carry_out(&mut self, now: Instant, faults: &mut Faults) {
        let Change { removed, added } = self.ledger.take_change();
        for (key, _) in &removed {
            self.repairs.forget(key);
        }
        self.deal(&removed, &added, faults);
        let is_address = |piece: &(Key, Value)| matches!(piece.0, Key::Address { .. });
        let (addresses_out, out): (Vec<_>, Vec<_>) = removed.into_iter().partition(is_address);
        let (addresses_in, into): (Vec<_>, Vec<_>) = added.into_iter().partition(is_address);
        let alive = self.leases.open(now);
        if addresses_out.is_empty() {
            self.elements(&out, &into, &alive, faults);
        } else {
            // The gate first, so that nothing is taken twice; silence last.
            let (gates, silences): (Vec<_>, Vec<_>) =
                out.into_iter().partition(|(key, _)| matches!(key, Key::Forward { .. }));
            // An element that changes its value has to leave before it comes.
            let (replaced, silences): (Vec<_>, Vec<_>) =
                silences.into_iter().partition(|(key, _)| into.iter().any(|(new, _)| new == key));
            self.elements(&[gates, replaced].concat(), &into, &alive, faults);
            self.remove_addresses(&addresses_out);
            self.elements(&silences, &[], &alive, faults);
        }
        self.add_addresses(&addresses_in, faults);
    }

    /// Tells the program which buckets are ours. It lets nothing in that the tables do not.
    fn deal(&mut self, removed: &[(Key, Value)], added: &[(Key, Value)], faults: &mut Faults) {
        let Some(sharing) = &mut self.sharing else { return };
        if let Err(error) = sharing.change(removed.iter().map(key_of), added.iter().map(key_of)) {
            let fault = refused("say which buckets of a shared MAC are ours", &error);
            self.blame_all(removed.iter().chain(added).map(key_of), &fault, faults);
        }
    }

    fn elements(
        &mut self,
        removed: &[(Key, Value)],
        added: &[(Key, Value)],
        alive: &[(u32, Duration)],
        faults: &mut Faults,
    ) {
        if removed.is_empty() && added.is_empty() {
            return;
        }
        if let Err(fault) = self.change_tables(removed, added, Some(alive)) {
            self.blame_all(added.iter().chain(removed).map(key_of), &fault, faults);
        }
    }

    fn blame_all<'a>(&self, keys: impl Iterator<Item = &'a Key>, fault: &HoldFault, faults: &mut Faults) {
        for owner in keys.flat_map(|key| self.ledger.owners(key)) {
            if let Owner::Group(group) = owner {
                faults.insert(group, fault.clone());
            }
        }
    }

    /// One transaction; if it fails, everything is built anew once.
    pub(super) fn change_tables(
        &mut self,
        removed: &[(Key, Value)],
        added: &[(Key, Value)],
        alive: Option<&[(u32, Duration)]>,
    ) -> HoldResult {
        let Ok(nft) = &mut self.nft else { return Ok(()) };
        match nft.change(removed, added, alive) {
            Ok(()) => Ok(()),
            Err(error) => self.rebuild().map_err(|second| HoldFault {
                operation: format!("change the nf_tables sets ({})", reason(&error)),
                cause: second.to_string(),
            }),
        }
    }

    fn rebuild(&mut self) -> HoldResult {
        // The old tables have to be gone before the new ones can have their name.
        self._tables = None;
        self.nft = Err(HoldFault { operation: "use nf_tables".into(), cause: "being built anew".into() });
        self.nft = Nft::open();
        let nft = self.nft.as_mut().map_err(|fault| fault.clone())?;
        self._tables = nft.keep().ok();
        let mut links: BTreeSet<u32> = self.prepared.keys().copied().collect();
        links.extend(self.wishes.values().map(|wish| wish.link));
        for link in links {
            if let Some(name) = self.monitor.table().name(link) {
                nft.hook_up(link, name)
                    .map_err(|error| refused(format!("put the gate on {name}"), &error))?;
            }
        }
        let all: Vec<_> = self.ledger.all().map(|(key, value)| (key.clone(), *value)).collect();
        let alive = self.leases.open(Clock::now());
        nft.change(&[], &all, Some(&alive)).map_err(|error| refused("fill the nf_tables sets", &error))
    }

    fn name_of(&self, link: u32) -> Result<String, HoldFault> {
        let name = self.monitor.table().name(link);
        name.map(str::to_owned).ok_or_else(|| HoldFault {
            operation: format!("use interface number {link}"),
            cause: "there is no such interface".into(),
        })
    }

    fn withdraw_all(&mut self) -> HoldResult {
        let now = Clock::now();
        let groups: Vec<_> = self.wishes.values().map(|wish| (wish.group, wish.link)).collect();
        for (group, link) in groups {
            self.book(Wish { group, ticket: 0, link, holdings: Holdings::none() }, now);
        }
        // Of the tables everything goes at once, after the addresses.
        let change = self.ledger.take_change();
        let is_inside = |piece: &(Key, Value)| matches!(piece.0, Key::Address { place: Place::Inside, .. });
        let (with_device, others): (Vec<_>, Vec<_>) =
            change.removed.into_iter().partition(|piece| self.inside.dies_with_us() && is_inside(piece));
        self.remove_addresses(&others);
        if let Some(guardian) = &self.guardian {
            let gone = with_device.iter().filter_map(|(key, value)| self.placed(key, value));
            guardian.removed(&gone.collect::<Vec<_>>());
        }
        self.inside.withdraw(&mut self.channel);
        self.stations.clear();
        self.sharing = None;
        self.prepared.clear();
        self.ledger = Ledger::default();
        let result = match &mut self.nft {
            Ok(nft) => nft.withdraw().map_err(|error| refused("remove the nf_tables tables", &error)),
            Err(_) => Ok(()),
        };
        self._tables = None;
        self.nft =
            Err(HoldFault { operation: "use nf_tables".into(), cause: "everything was withdrawn".into() });
        result
    }
}

fn key_of(piece: &(Key, Value)) -> &Key {
    &piece.0
}

fn refused(operation: impl Into<String>, error: &io::Error) -> HoldFault {
    HoldFault { operation: operation.into(), cause: reason(error) }
}

/// Says what is missing, and what works without it.
fn without_tables(fault: &HoldFault) -> HoldFault {
    HoldFault {
        operation: format!("hold a virtual MAC: {}", fault.operation),
        cause: format!("{}; `virtual-mac = false` works without it", fault.cause),
    }
}

/// `IFA_PROTO` came with Linux 5.18; older kernels ignore it.
fn knows_address_protocol() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 18)
}

#[async_trait]
impl AddressManager for KernelManager {
    fn describe(&self) -> String {
        match &self.nft {
            Ok(nft) => format!(
                "virtual MACs by nf_tables tables `{}` that end with this process; {}{}",
                nft.table(),
                self.inside.describe(),
                self.sharing.as_ref().map_or("", |_| "; shares of a virtual MAC by a BPF program")
            ),
            Err(fault) => format!(
                "no virtual MACs: {fault}; macvlan is not implemented; groups with `virtual-mac = false` work"
            ),
        }
    }

    async fn prepare(&mut self, links: &[Preparation]) -> HoldResult {
        self.prepare_all(links)
    }

    async fn reconcile(&mut self, wishes: Vec<Wish>) -> Vec<(GroupIndex, HoldResult)> {
        self.fulfil(wishes)
    }

    async fn renew(&mut self, heartbeat: Instant) -> HoldResult {
        let now = Clock::now();
        let renewal = self.leases.renew(now, heartbeat);
        let lapsed = renewal.lapsed.into_iter();
        self.events.extend(lapsed.map(|(group, stalled)| KernelEvent::Lapsed { group, stalled }));
        self.repair();
        if !renewal.due {
            return Ok(());
        }
        let alive = self.leases.open(now);
        self.change_tables(&[], &[], Some(&alive))
    }

    fn period(&self) -> Option<Duration> {
        self.leases.period()
    }

    async fn event(&mut self) -> KernelEvent {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            match self.monitor.news(&mut self.channel).await {
                Ok(noticed) => self.notice(noticed),
                // Not to be expected; never a busy loop.
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }

    async fn withdraw(&mut self) -> HoldResult {
        self.withdraw_all()
    }
}
