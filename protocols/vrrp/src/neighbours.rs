//! Everybody heard for a virtual router, obeyed or refused, with the reason.
//!
//! A refused advertisement ends, everywhere else, as two routers with one address and a log line that nobody
//! reads. Here its sender is a neighbour like any other, with the rule it broke beside its name.
//!
//! The table is bounded: a stranger can send from any address it likes. Whoever was never obeyed and has been
//! silent the longest makes room.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::view::{Detail, Neighbour};
use fhrp::{Instant, Mac, Received};

use crate::machine::timers::spell;
use crate::wire::{Advertisement, ChecksumForm, Version};

/// How many neighbours are remembered.
const CAPACITY: usize = 32;
/// For how many of its intervals a neighbour is taken to be there still, when the forms of checksum that
/// must be sent are chosen.
const LIVE_INTERVALS: u32 = 30;
/// Later than this many quarters of its interval, an advertisement follows a gap.
const GAP_QUARTERS: u32 = 6;
/// Silence of more intervals than this is a router that was not Active, no gap.
const GAP_INTERVALS: u32 = 10;

/// The table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Neighbours {
    entries: BTreeMap<IpAddr, Entry>,
}

/// What is known of one neighbour.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    mac: Mac,
    version: Option<Version>,
    priority: Option<u8>,
    interval: Option<Duration>,
    checksum: Option<ChecksumForm>,
    refused: Option<String>,
    differs: Vec<String>,
    heard: Instant,
    obeyed: Option<Instant>,
    version_three: Option<Instant>,
    accepted: u64,
    rejected: u64,
    gaps: u64,
    longest_gap: Duration,
    /// Since when it has been claiming the role beside us.
    pub(crate) rival_since: Option<Instant>,
    /// When we last asserted our role against it.
    pub(crate) asserted: Option<Instant>,
}

/// What is new about a neighbour with its latest advertisement.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Its settings differ from ours in another way than before.
    pub(crate) differs: bool,
}

impl Neighbours {
    /// A neighbour's advertisement passed every check. Checksum forms exist only in version 3 over IPv4.
    pub(crate) fn obeyed(
        &mut self,
        received: &Received<'_>,
        advertisement: &Advertisement,
        checksum: Option<ChecksumForm>,
        differs: Vec<String>,
    ) -> News {
        let entry = self.entry(received);
        entry.notice_gap(received.at);
        entry.heard = entry.heard.max(received.at);
        entry.obeyed = Some(received.at);
        entry.version = Some(advertisement.version);
        if advertisement.version == Version::V3 {
            entry.version_three = Some(received.at);
        }
        entry.priority = Some(advertisement.priority);
        entry.interval = Some(advertisement.interval);
        entry.checksum = checksum.or(entry.checksum);
        entry.refused = None;
        entry.accepted = entry.accepted.saturating_add(1);
        let news = News { differs: entry.differs != differs };
        entry.differs = differs;
        news
    }

    /// A neighbour's frame was not obeyed.
    pub(crate) fn refused(&mut self, received: &Received<'_>, priority: Option<u8>, reason: &str) {
        let entry = self.entry(received);
        entry.heard = entry.heard.max(received.at);
        entry.priority = priority.or(entry.priority);
        entry.refused = Some(reason.to_owned());
        entry.rejected = entry.rejected.saturating_add(1);
    }

    /// One neighbour.
    pub(crate) fn get_mut(&mut self, address: IpAddr) -> Option<&mut Entry> {
        self.entries.get_mut(&address)
    }

    /// Whether `address` also speaks version 3, of which it has sent something in its last two intervals.
    pub(crate) fn speaks_version_three(&self, address: IpAddr, at: Instant) -> bool {
        self.entries.get(&address).is_some_and(|entry| {
            let interval = entry.interval.unwrap_or_default().max(Duration::from_millis(10));
            entry.version_three.is_some_and(|heard| at.since(heard) <= interval * 2)
        })
    }

    /// The forms of checksum that living neighbours used, without the one named: they understand no other.
    pub(crate) fn understand(&self, now: Instant, form: ChecksumForm) -> bool {
        self.entries.values().any(|entry| {
            let patience = entry.interval.unwrap_or_default() * LIVE_INTERVALS;
            entry.checksum == Some(form) && entry.obeyed.is_some_and(|heard| now.since(heard) <= patience)
        })
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

    fn entry(&mut self, received: &Received<'_>) -> &mut Entry {
        if !self.entries.contains_key(&received.source) && self.entries.len() >= CAPACITY {
            let least = self.entries.iter().min_by_key(|(_, entry)| (entry.accepted > 0, entry.heard));
            if let Some(address) = least.map(|(address, _)| *address) {
                self.entries.remove(&address);
            }
        }
        let entry = self.entries.entry(received.source).or_insert_with(|| Entry::new(received.at));
        entry.mac = received.source_mac;
        entry
    }
}

impl Entry {
    fn new(at: Instant) -> Self {
        Entry {
            mac: Mac::default(),
            version: None,
            priority: None,
            interval: None,
            checksum: None,
            refused: None,
            differs: Vec::new(),
            heard: at,
            obeyed: None,
            version_three: None,
            accepted: 0,
            rejected: 0,
            gaps: 0,
            longest_gap: Duration::ZERO,
            rival_since: None,
            asserted: None,
        }
    }

    /// How often it advertises, if it could be read that far.
    pub(crate) fn interval(&self) -> Option<Duration> {
        self.interval
    }

    /// Frequent "flaps without a cause" were lost frames that nobody counted.
    fn notice_gap(&mut self, at: Instant) {
        let (Some(before), Some(interval)) = (self.obeyed, self.interval) else { return };
        let gap = at.since(before);
        if gap > interval * GAP_QUARTERS / 4 && gap <= interval * GAP_INTERVALS {
            self.gaps = self.gaps.saturating_add(1);
            self.longest_gap = self.longest_gap.max(gap);
        }
    }

    fn view(&self, address: IpAddr, now: Instant) -> Neighbour {
        let mut details = Vec::new();
        let mut tell = |name, value| details.push(Detail { name, value });
        if let Some(version) = self.version {
            tell("version", version_name(version).to_owned());
        }
        if let Some(interval) = self.interval {
            tell("advertise-interval", spell(interval));
        }
        if let Some(checksum) = self.checksum {
            tell("checksum", form_name(checksum).to_owned());
        }
        if self.gaps > 0 {
            tell("gaps", format!("{}, the longest {}", self.gaps, spell(self.longest_gap)));
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

/// The number operators know a version by.
pub(crate) const fn version_name(version: Version) -> &'static str {
    match version {
        Version::V2 => "2",
        Version::V3 => "3",
    }
}

/// A form of checksum in words.
pub(crate) const fn form_name(form: ChecksumForm) -> &'static str {
    match form {
        ChecksumForm::MessageOnly => "RFC 9568, message only",
        ChecksumForm::PseudoHeader => "RFC 5798 pseudo-header form",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(source: [u8; 4], at: Duration) -> Received<'static> {
        Received {
            at: Instant::ZERO + at,
            source_mac: Mac::default(),
            destination_mac: Mac::default(),
            source: source.into(),
            destination: [224, 0, 0, 18].into(),
            hop_limit: 255,
            protocol: 112,
            ports: None,
            ip_header: &[],
            payload: &[],
        }
    }

    fn advertisement() -> Advertisement {
        Advertisement {
            version: Version::V3,
            vrid: 1,
            priority: 100,
            interval: Duration::from_secs(1),
            addresses: vec![[10, 0, 0, 1].into()],
        }
    }

    #[test]
    fn strangers_make_room_before_those_who_were_obeyed() {
        let mut table = Neighbours::default();
        table.obeyed(&received([10, 0, 0, 2], Duration::ZERO), &advertisement(), None, Vec::new());
        for stranger in 0..200_u8 {
            let at = Duration::from_secs(1 + u64::from(stranger));
            table.refused(&received([10, 0, 1, stranger], at), None, "TTL 64, must be 255");
        }
        let seen = table.view(Instant::ZERO + Duration::from_secs(300));
        assert_eq!(seen.len(), CAPACITY);
        assert_eq!(seen[0].address, IpAddr::from([10, 0, 0, 2]));
        assert_eq!(seen[31].address, IpAddr::from([10, 0, 1, 199]));
        assert_eq!(seen[31].refused.as_deref(), Some("TTL 64, must be 255"));
    }

    #[test]
    fn gaps_are_counted_and_long_silence_is_none() {
        let mut table = Neighbours::default();
        for at in [0, 1000, 2000, 4000, 5000, 60_000] {
            let received = received([10, 0, 0, 2], Duration::from_millis(at));
            table.obeyed(&received, &advertisement(), None, Vec::new());
        }
        let seen = table.view(Instant::ZERO + Duration::from_secs(61));
        let gaps = seen[0].details.iter().find(|detail| detail.name == "gaps");
        assert_eq!(gaps.map(|detail| detail.value.as_str()), Some("1, the longest 2 s"));
    }
}
