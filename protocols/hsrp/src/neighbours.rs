//! Everybody heard for a group, obeyed or refused, with the reason.
//!
//! A refused hello ends, everywhere else, as two active routers and a log line that nobody reads. Here its sender is a
//! neighbour like any other, with the rule it broke beside its name.
//!
//! The table is bounded: a stranger can send from any address it likes. Whoever was never obeyed and has been silent
//! the longest makes room.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fhrp::time::spell;
use fhrp::view::{Detail, Neighbour};
use fhrp::{Instant, Mac, Received};

use crate::config::Times;
use crate::wire::{GroupMessage, State, Version};

/// How many neighbours are remembered.
const CAPACITY: usize = 32;

/// The table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Neighbours {
    entries: BTreeMap<IpAddr, Entry>,
}

/// What is known of one neighbour.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    mac: Mac,
    version: Version,
    priority: Option<u8>,
    state: Option<State>,
    times: Option<Times>,
    refused: Option<String>,
    differs: Vec<String>,
    heard: Instant,
    accepted: u64,
    rejected: u64,
    /// Since when it has been claiming the role beside us.
    pub(crate) rival_since: Option<Instant>,
    /// When we last asserted our role against it.
    pub(crate) asserted: Option<Instant>,
}

impl Neighbours {
    /// A neighbour's message passed every check. Says whether its settings differ in another way than before.
    pub(crate) fn obeyed(
        &mut self,
        received: &Received<'_>,
        message: &GroupMessage,
        differs: Vec<String>,
    ) -> bool {
        let entry = self.entry(received, message.version);
        entry.reads(message);
        entry.refused = None;
        entry.accepted = entry.accepted.saturating_add(1);
        let news = entry.differs != differs;
        entry.differs = differs;
        news
    }

    /// A neighbour's message was not obeyed; `message` is what could be read of it.
    pub(crate) fn refused(
        &mut self,
        received: &Received<'_>,
        version: Version,
        message: Option<&GroupMessage>,
        reason: &str,
    ) {
        let entry = self.entry(received, version);
        if let Some(message) = message {
            entry.reads(message);
        }
        entry.refused = Some(reason.to_owned());
        entry.rejected = entry.rejected.saturating_add(1);
    }

    /// One neighbour.
    pub(crate) fn get_mut(&mut self, address: IpAddr) -> Option<&mut Entry> {
        self.entries.get_mut(&address)
    }

    /// The role changed: nobody is a rival yet.
    pub(crate) fn forget_rivals(&mut self) {
        for entry in self.entries.values_mut() {
            entry.rival_since = None;
            entry.asserted = None;
        }
    }

    /// Everybody, by address.
    pub(crate) fn view(&self, now: Instant) -> Vec<Neighbour> {
        self.entries.iter().map(|(address, entry)| entry.view(*address, now)).collect()
    }

    fn entry(&mut self, received: &Received<'_>, version: Version) -> &mut Entry {
        if !self.entries.contains_key(&received.source) && self.entries.len() >= CAPACITY {
            let least = self.entries.iter().min_by_key(|(_, entry)| (entry.accepted > 0, entry.heard));
            if let Some(address) = least.map(|(address, _)| *address) {
                self.entries.remove(&address);
            }
        }
        let entry = self.entries.entry(received.source).or_insert_with(|| Entry::new(received.at, version));
        entry.mac = received.source_mac;
        entry.version = version;
        entry.heard = entry.heard.max(received.at);
        entry
    }
}

impl Entry {
    fn new(at: Instant, version: Version) -> Self {
        Entry {
            mac: Mac::default(),
            version,
            priority: None,
            state: None,
            times: None,
            refused: None,
            differs: Vec::new(),
            heard: at,
            accepted: 0,
            rejected: 0,
            rival_since: None,
            asserted: None,
        }
    }

    fn reads(&mut self, message: &GroupMessage) {
        self.priority = Some(message.priority);
        self.state = Some(message.state);
        self.times = Some(Times { hello: message.hello, hold: message.hold });
    }

    fn view(&self, address: IpAddr, now: Instant) -> Neighbour {
        let mut details = Vec::new();
        let mut tell = |name, value| details.push(Detail { name, value });
        tell("version", self.version.number().to_string());
        if let Some(word) = self.state.and_then(State::word) {
            tell("state", word.to_owned());
        }
        if let Some(Times { hello, hold }) = self.times {
            tell("times", format!("hello {}, hold {}", spell(hello), spell(hold)));
        }
        Neighbour {
            address,
            mac: self.mac,
            priority: self.priority,
            refused: self.refused.clone(),
            differs: self.differs.clone(),
            heard_ago: now.since(self.heard),
            accepted: self.accepted,
            rejected: self.rejected,
            details,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_make_room_before_those_who_were_obeyed() {
        let from = |last: [u8; 2], seconds| Received {
            at: Instant::ZERO + std::time::Duration::from_secs(seconds),
            source_mac: Mac::default(),
            destination_mac: Mac::default(),
            source: [10, 0, last[0], last[1]].into(),
            destination: [224, 0, 0, 2].into(),
            hop_limit: 1,
            protocol: 17,
            ports: Some((1985, 1985)),
            ip_header: &[],
            payload: &[],
        };
        let mut table = Neighbours::default();
        let message = GroupMessage {
            version: Version::V1,
            operation: crate::wire::Operation::Hello,
            state: State::Active,
            group: 1,
            priority: 100,
            hello: std::time::Duration::from_secs(3),
            hold: std::time::Duration::from_secs(10),
            identifier: Mac::default(),
            address: [10, 0, 0, 1].into(),
        };
        table.obeyed(&from([0, 2], 0), &message, Vec::new());
        for stranger in 0..200_u8 {
            table.refused(
                &from([1, stranger], 1 + u64::from(stranger)),
                Version::V2,
                None,
                "another version",
            );
        }
        let seen = table.view(Instant::ZERO + std::time::Duration::from_secs(300));
        assert_eq!(seen.len(), CAPACITY);
        assert_eq!(seen[0].address, IpAddr::from([10, 0, 0, 2]));
        assert_eq!(seen[31].address, IpAddr::from([10, 0, 1, 199]));
        assert_eq!(seen[31].refused.as_deref(), Some("another version"));
    }
}
