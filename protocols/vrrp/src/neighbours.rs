//! What is known of a neighbour of a virtual router beyond what all protocols know of theirs.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::Instant;
use fhrp::neighbours::{self, Facts};
use fhrp::view::Detail;

use crate::machine::timers::spell;
use crate::wire::{Advertisement, ChecksumForm, Version};

/// For how many of its intervals a neighbour is taken to be there still, when the forms of checksum that
/// must be sent are chosen.
const LIVE_INTERVALS: u32 = 30;
/// Later than this many quarters of its interval, an advertisement follows a gap.
const GAP_QUARTERS: u32 = 6;
/// Silence of more intervals than this is a router that was not Active, no gap.
const GAP_INTERVALS: u32 = 10;

/// The table.
pub(crate) type Neighbours = neighbours::Neighbours<Habits>;

/// How a neighbour advertises.
#[derive(Debug, Clone, Default)]
pub(crate) struct Habits {
    version: Option<Version>,
    interval: Option<Duration>,
    checksum: Option<ChecksumForm>,
    obeyed: Option<Instant>,
    version_three: Option<Instant>,
    gaps: u64,
    longest_gap: Duration,
}

impl Habits {
    /// An advertisement that passed every check. Checksum forms exist only in version 3 over IPv4.
    pub(crate) fn reads(
        &mut self,
        at: Instant,
        advertisement: &Advertisement,
        checksum: Option<ChecksumForm>,
    ) {
        self.notice_gap(at);
        self.obeyed = Some(at);
        self.version = Some(advertisement.version);
        if advertisement.version == Version::V3 {
            self.version_three = Some(at);
        }
        self.interval = Some(advertisement.interval);
        self.checksum = checksum.or(self.checksum);
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
}

impl Facts for Habits {
    fn details(&self) -> Vec<Detail> {
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
        details
    }
}

/// Whether `address` also speaks version 3, of which it has sent something in its last two intervals.
pub(crate) fn speaks_version_three(neighbours: &Neighbours, address: IpAddr, at: Instant) -> bool {
    neighbours.get(address).is_some_and(|entry| {
        let interval = entry.facts.interval.unwrap_or_default().max(Duration::from_millis(10));
        entry.facts.version_three.is_some_and(|heard| at.since(heard) <= interval * 2)
    })
}

/// Whether a living neighbour used this form of checksum: it understands no other.
pub(crate) fn understand(neighbours: &Neighbours, now: Instant, form: ChecksumForm) -> bool {
    neighbours.facts().any(|habits| {
        let patience = habits.interval.unwrap_or_default() * LIVE_INTERVALS;
        habits.checksum == Some(form) && habits.obeyed.is_some_and(|heard| now.since(heard) <= patience)
    })
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

    #[test]
    fn gaps_are_counted_and_long_silence_is_none() {
        let advertisement = Advertisement {
            version: Version::V3,
            vrid: 1,
            priority: 100,
            interval: Duration::from_secs(1),
            addresses: vec![[10, 0, 0, 1].into()],
        };
        let mut habits = Habits::default();
        for at in [0, 1000, 2000, 4000, 5000, 60_000] {
            habits.reads(Instant::ZERO + Duration::from_millis(at), &advertisement, None);
        }
        let details = habits.details();
        let gaps = details.iter().find(|detail| detail.name == "gaps");
        assert_eq!(gaps.map(|detail| detail.value.as_str()), Some("1, the longest 2 s"));
    }
}
