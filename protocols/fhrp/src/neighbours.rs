//! Everybody heard for a group, obeyed or refused, with the reason.
//!
//! A refused message ends, everywhere else, as two routers with one address and a log line that nobody reads. Here its
//! sender is a neighbour like any other, with the rule it broke beside its name.
//!
//! The table is bounded: a stranger can send from any address it likes. Whoever was never obeyed and has been silent
//! the longest makes room.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::address::Mac;
use crate::packet::Received;
use crate::time::Instant;
use crate::view::{Detail, Neighbour};

/// How many neighbours are remembered.
pub const CAPACITY: usize = 32;

/// What one protocol knows of a neighbour beyond what all of them do.
pub trait Facts: Default {
    /// As an operator is shown them.
    fn details(&self) -> Vec<Detail>;
}

/// The table.
#[derive(Debug, Clone, Default)]
pub struct Neighbours<F> {
    entries: BTreeMap<IpAddr, Entry<F>>,
}

/// What is known of one neighbour.
#[derive(Debug, Clone)]
pub struct Entry<F> {
    mac: Mac,
    priority: Option<u8>,
    refused: Option<String>,
    differs: Vec<String>,
    heard: Instant,
    accepted: u64,
    rejected: u64,
    /// Since when it has been claiming the role beside us.
    pub rival_since: Option<Instant>,
    /// When we last asserted our role against it.
    pub asserted: Option<Instant>,
    /// What its protocol knows of it.
    pub facts: F,
}

impl<F: Facts> Neighbours<F> {
    /// A neighbour's message passed every check; `differs` are its settings that are not ours. Says whether they differ
    /// in another way than before.
    pub fn obeyed(
        &mut self,
        received: &Received<'_>,
        priority: impl Into<Option<u8>>,
        differs: Vec<String>,
    ) -> (&mut F, bool) {
        let entry = self.entry(received);
        entry.priority = priority.into();
        entry.refused = None;
        entry.accepted = entry.accepted.saturating_add(1);
        let news = entry.differs != differs;
        entry.differs = differs;
        (&mut entry.facts, news)
    }

    /// A neighbour's frame was not obeyed; `priority` is what could be read of it.
    pub fn refused(&mut self, received: &Received<'_>, priority: Option<u8>, reason: &str) -> &mut F {
        let entry = self.entry(received);
        entry.priority = priority.or(entry.priority);
        entry.refused = Some(reason.to_owned());
        entry.rejected = entry.rejected.saturating_add(1);
        &mut entry.facts
    }

    /// One neighbour.
    pub fn get(&self, address: IpAddr) -> Option<&Entry<F>> {
        self.entries.get(&address)
    }

    /// One neighbour, to be written on.
    pub fn get_mut(&mut self, address: IpAddr) -> Option<&mut Entry<F>> {
        self.entries.get_mut(&address)
    }

    /// What is known of each of them, by address.
    pub fn facts(&self) -> impl Iterator<Item = &F> {
        self.entries.values().map(|entry| &entry.facts)
    }

    /// The role changed: nobody is a rival yet.
    pub fn forget_rivals(&mut self) {
        for entry in self.entries.values_mut() {
            entry.rival_since = None;
            entry.asserted = None;
        }
    }

    /// Everybody, by address.
    pub fn view(&self, now: Instant) -> Vec<Neighbour> {
        self.entries.iter().map(|(address, entry)| entry.view(*address, now)).collect()
    }

    fn entry(&mut self, received: &Received<'_>) -> &mut Entry<F> {
        if !self.entries.contains_key(&received.source) && self.entries.len() >= CAPACITY {
            let least = self.entries.iter().min_by_key(|(_, entry)| (entry.accepted > 0, entry.heard));
            if let Some(address) = least.map(|(address, _)| *address) {
                self.entries.remove(&address);
            }
        }
        let entry = self.entries.entry(received.source).or_insert_with(|| Entry::new(received.at));
        entry.mac = received.source_mac;
        entry.heard = entry.heard.max(received.at);
        entry
    }
}

impl<F: Facts> Entry<F> {
    fn new(at: Instant) -> Self {
        Entry {
            mac: Mac::default(),
            priority: None,
            refused: None,
            differs: Vec::new(),
            heard: at,
            accepted: 0,
            rejected: 0,
            rival_since: None,
            asserted: None,
            facts: F::default(),
        }
    }

    fn view(&self, address: IpAddr, now: Instant) -> Neighbour {
        Neighbour {
            address,
            mac: self.mac,
            priority: self.priority,
            refused: self.refused.clone(),
            differs: self.differs.clone(),
            heard_ago: now.since(self.heard),
            accepted: self.accepted,
            rejected: self.rejected,
            details: self.facts.details(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Nothing;

    impl Facts for Nothing {
        fn details(&self) -> Vec<Detail> {
            Vec::new()
        }
    }

    fn from(third: u8, last: u8, seconds: u64) -> Received<'static> {
        Received {
            at: Instant::ZERO + Duration::from_secs(seconds),
            source_mac: Mac::default(),
            destination_mac: Mac::default(),
            source: [10, 0, third, last].into(),
            destination: [224, 0, 0, 18].into(),
            hop_limit: 255,
            protocol: 112,
            ports: None,
            ip_header: &[],
            payload: &[],
        }
    }

    #[test]
    fn strangers_make_room_before_those_who_were_obeyed() {
        let mut table = Neighbours::<Nothing>::default();
        table.obeyed(&from(0, 2, 0), 100, Vec::new());
        for stranger in 0..200_u8 {
            table.refused(&from(1, stranger, 1 + u64::from(stranger)), None, "TTL 64, must be 255");
        }
        let seen = table.view(Instant::ZERO + Duration::from_secs(300));
        assert_eq!(seen.len(), CAPACITY);
        assert_eq!(seen[0].address, IpAddr::from([10, 0, 0, 2]));
        assert_eq!(seen[31].address, IpAddr::from([10, 0, 1, 199]));
        assert_eq!(seen[31].refused.as_deref(), Some("TTL 64, must be 255"));
    }

    #[test]
    fn news_is_told_once() {
        let mut table = Neighbours::<Nothing>::default();
        let mut news = |differs: &[&str]| {
            let differs = differs.iter().map(|text| (*text).to_owned()).collect();
            table.obeyed(&from(0, 2, 0), 100, differs).1
        };
        assert_eq!(
            [news(&[]), news(&["interval"]), news(&["interval"]), news(&[])],
            [false, true, false, true]
        );
    }
}
