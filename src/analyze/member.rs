//! One router in one group: its settings, its regularity, and what it was when.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fhrp::Mac;

use super::Heard;
use super::cadence::Cadence;
use super::moment::spell;
use super::reading::{Disagreement, Part, Said, disagreements, listed};
use super::story::{MemberStory, Piece, Played};
use crate::draw::Role;

/// Most MACs, and most versions, that are remembered of a router.
const FEW: usize = 8;
/// Most frames that are remembered for drawing.
const TICKS: usize = 500;

/// A router.
#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    macs: Vec<Mac>,
    /// Settings by version.
    said: BTreeMap<Option<u8>, Said>,
    /// Which of several keys made its latest proof.
    key: Option<usize>,
    frames: u64,
    pub(super) refused: u64,
    first: u64,
    pub(super) last: u64,
    pub(super) cadence: Cadence,
    strips: BTreeMap<Part, Strip>,
    ticks: Ticks,
    /// Places of the events of its silence, one for each role, while it lasts.
    pub(super) silences: Vec<usize>,
    /// The clause of the latest refused frame.
    pub(super) refusal: Option<(u64, String)>,
}

/// A setting that changed: its name, what it was, what it is.
pub(super) type Changed = (&'static str, String, String);

impl Member {
    pub(super) fn new(at: u64) -> Self {
        Member { first: at, last: at, ..Member::default() }
    }

    /// Takes a frame into the books; returns what it says differently from before, and whether anything is new.
    pub(super) fn hear(&mut self, heard: &Heard<'_>) -> (Vec<Changed>, bool) {
        let &Heard { at_ns: at, source_mac: mac, dissection, key, .. } = heard;
        self.frames += 1;
        self.last = at;
        self.ticks.add(at);
        let other_key = key.is_some() && self.key != key;
        self.key = key.or(self.key);
        if !self.macs.contains(&mac) && self.macs.len() < FEW && mac != Mac::default() {
            self.macs.push(mac);
        }
        let before = self.said.get(&dissection.version);
        if before.is_some_and(|before| before.is_confirmed_by(dissection)) {
            return (Vec::new(), other_key);
        }
        if before.is_none() && self.said.len() >= FEW {
            return (Vec::new(), false);
        }
        let now = Said::of(dissection, before);
        let changes = before.map_or_else(Vec::new, |before| differences(before, &now));
        self.said.insert(dissection.version, now);
        (changes, true)
    }

    /// How often it was heard.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Settings of the version that it speaks, the newest one if there are several.
    pub(super) fn said(&self) -> Option<&Said> {
        self.said.values().next_back()
    }

    /// The settings of both in a version that both speak, else the newest of each.
    pub(super) fn beside<'a>(&'a self, other: &'a Member) -> Option<(&'a Said, &'a Said)> {
        let common =
            self.said.iter().rev().find_map(|(version, said)| Some((said, other.said.get(version)?)));
        common.or_else(|| Some((self.said()?, other.said()?)))
    }

    /// What the two say that does not go together.
    pub(super) fn disagreements(&self, other: &Member, protocol: &str) -> Vec<Disagreement> {
        let beside = self.beside(other);
        let mut found = beside.map_or_else(Vec::new, |(one, other)| disagreements(protocol, one, other));
        if self.key.zip(other.key).is_some_and(|(one, other)| one != other) {
            found.push(Disagreement::of_keys());
        }
        found
    }

    /// From `at` on it is this; what was to be true after `at` is not.
    pub(super) fn becomes(&mut self, part: Part, at: u64, role: Role, word: &'static str) {
        self.strips.entry(part).or_default().set(at, role, word);
    }

    /// It has been trouble since `at`.
    pub(super) fn was_trouble(&mut self, part: Part, since: u64) {
        self.strips.entry(part).or_default().set(since, Role::Trouble, "second active");
    }

    /// Octets that it takes besides its own size, more or less.
    pub(super) fn weight(&self) -> usize {
        /// A map has room for eleven from the beginning.
        const MAPS: usize = 11 * (size_of::<(Option<u8>, Said)>() + size_of::<(Part, Strip)>());
        let addresses = self.said.values().map(|said| said.addresses.len()).sum::<usize>();
        MAPS + addresses * size_of::<IpAddr>()
            + self.spans() * size_of::<Piece>() * 2
            + self.ticks.kept.len() * size_of::<u64>() * 2
            + self.cadence.weight()
    }

    /// How many spans are kept of it.
    pub(super) fn spans(&self) -> usize {
        self.strips.values().map(|strip| strip.pieces.len()).sum()
    }

    pub(super) fn story(self, address: IpAddr, end: u64) -> MemberStory {
        let late = self.cadence.late();
        MemberStory {
            address,
            macs: self.macs,
            observed: self.cadence.observed(),
            settings: self.said.into_values().collect(),
            frames: self.frames,
            refused: self.refused,
            first_ns: self.first,
            last_ns: self.last,
            late,
            roles: self
                .strips
                .into_iter()
                .map(|(part, strip)| Played { part, spans: strip.finish(end) })
                .collect(),
            heard: self.ticks.kept,
        }
    }
}

fn differences(before: &Said, now: &Said) -> Vec<Changed> {
    let number = |value: Option<u8>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    let span = |value: Option<std::time::Duration>| value.map_or_else(|| "none".to_owned(), spell);
    let mut changes = Vec::new();
    let mut compare = |name, before: String, now: String| {
        if before != now {
            changes.push((name, before, now));
        }
    };
    compare("priority", number(before.priority), number(now.priority));
    compare("interval", span(before.interval), span(now.interval));
    compare("hello", span(before.hello), span(now.hello));
    compare("hold", span(before.hold), span(now.hold));
    compare("addresses", listed(&before.addresses), listed(&now.addresses));
    compare(
        "checksum form",
        before.checksum.unwrap_or("none").to_owned(),
        now.checksum.unwrap_or("none").to_owned(),
    );
    compare("authentication", before.authentication.to_owned(), now.authentication.to_owned());
    // What it says for the first time is no change.
    changes.retain(|(_, before, _)| before != "none" && !before.is_empty());
    changes
}

/// What a router was in one role, piece by piece; the last piece is open.
#[derive(Debug, Clone, Default)]
struct Strip {
    pieces: Vec<Piece>,
}

impl Strip {
    fn set(&mut self, at: u64, role: Role, word: &'static str) {
        while self.pieces.last().is_some_and(|piece| piece.from_ns >= at) {
            self.pieces.pop();
        }
        if let Some(last) = self.pieces.last_mut() {
            if (last.role, last.word) == (role, word) {
                return;
            }
            last.to_ns = at;
        }
        self.pieces.push(Piece { from_ns: at, to_ns: at, role, word });
    }

    fn finish(mut self, end: u64) -> Vec<Piece> {
        if let Some(last) = self.pieces.last_mut() {
            last.to_ns = end.max(last.from_ns);
        }
        self.pieces
    }
}

/// Moments for drawing: when there are too many, those close to another one are forgotten.
#[derive(Debug, Clone, Default)]
struct Ticks {
    kept: Vec<u64>,
    gap: u64,
}

impl Ticks {
    fn add(&mut self, at: u64) {
        if self.kept.last().is_some_and(|last| at.saturating_sub(*last) < self.gap) {
            return;
        }
        self.kept.push(at);
        if self.kept.len() > TICKS {
            let span = at.saturating_sub(self.kept[0]);
            self.gap = (span / (TICKS as u64 / 2)).max(1);
            let (gap, mut last) = (self.gap, None);
            self.kept.retain(|tick| {
                let far = last.is_none_or(|last: u64| tick - last >= gap);
                last = if far { Some(*tick) } else { last };
                far
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_frames_are_a_few_ticks() {
        let mut ticks = Ticks::default();
        for frame in 0..1_000_000_u64 {
            ticks.add(frame * 1_000);
        }
        assert!((TICKS / 4..=TICKS).contains(&ticks.kept.len()));
        assert!(ticks.kept.is_sorted());
        let mut still = Ticks::default();
        (0..10_000).for_each(|_| still.add(7));
        assert!(still.kept.len() <= TICKS);
    }

    #[test]
    fn what_turns_out_later_replaces_what_was_thought() {
        let mut strip = Strip::default();
        strip.set(10, Role::Holding, "active");
        strip.set(50, Role::Trouble, "second active");
        strip.set(30, Role::StandingBy, "backup");
        let pieces = strip.finish(100);
        let shown: Vec<_> = pieces.iter().map(|piece| (piece.from_ns, piece.to_ns, piece.role)).collect();
        assert_eq!(shown, [(10, 30, Role::Holding), (30, 100, Role::StandingBy)]);
    }
}
