//! From what groups say to what is written down: numbered, and at a rate that no stranger on the wire decides.
//!
//! Whatever a frame can provoke passes a limiter: the first of a kind at once, then one line a minute that
//! says how many were left out. The counters count all of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Instant, Note};
use tokio::sync::mpsc::Sender;

use crate::engine::{GroupIndex, Now};
use crate::event::{Event, Subject, What};

/// How long a kind of note is held back after it was written.
const QUIET: Duration = Duration::from_secs(60);
/// Kinds remembered at one time; an attacker with many addresses shares the last place.
const KINDS: usize = 4096;
/// Transitions of one group that are written at once; beyond them one a [`QUIET`].
const TRANSITION_BURST: u32 = 20;

/// Writes events for the slow thread, and never waits for it.
pub(super) struct Journal {
    events: Sender<Event>,
    sequence: u64,
    kinds: HashMap<Kind, Record>,
    next_flush: Instant,
    /// Notes about all that did not fit into `kinds`.
    overflow: Record,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    group: GroupIndex,
    name: &'static str,
    about: Option<IpAddr>,
}

#[derive(Debug, Clone, Default)]
struct Record {
    written: Instant,
    burst: u32,
    left_out: u64,
    subject: Option<Subject>,
    latest: String,
}

impl Journal {
    pub(super) fn new(events: Sender<Event>) -> Self {
        Journal {
            events,
            sequence: 0,
            kinds: HashMap::new(),
            next_flush: Instant::ZERO + QUIET,
            overflow: Record::default(),
        }
    }

    /// Writes down something that no stranger can provoke at will.
    pub(super) fn write(&mut self, now: Now, group: Option<Subject>, what: What) {
        self.sequence += 1;
        let event = Event { sequence: self.sequence, wall: now.wall, group, what };
        // A full queue means a reader that is slower than the network; the gap in the numbers tells it so.
        let _ = self.events.try_send(event);
    }

    /// Writes down what a group said, unless it said so a moment ago.
    pub(super) fn note(&mut self, now: Now, group: GroupIndex, subject: Option<Subject>, note: Note) {
        let (name, about, latest, burst) = match &note {
            Note::Alarm { name, reason, .. } => (*name, None, reason, TRANSITION_BURST),
            Note::Transition { reason, .. } => ("transitions", None, reason, TRANSITION_BURST),
            Note::Refused { from, counter, reason } => (*counter, Some(*from), reason, 1),
            Note::Remark { name, about, text } => (*name, *about, text, 1),
        };
        let kind = Kind { group, name, about };
        let fresh = !self.kinds.contains_key(&kind);
        let record = if fresh && self.kinds.len() >= KINDS {
            &mut self.overflow
        } else {
            self.kinds.entry(kind).or_default()
        };
        if now.monotonic.since(record.written) >= QUIET {
            record.burst = 0;
        }
        if record.burst >= burst {
            record.left_out += 1;
            record.latest.clone_from(latest);
            record.subject = subject;
            return;
        }
        if record.burst == 0 {
            record.written = now.monotonic;
        }
        record.burst += 1;
        self.write(now, subject, What::Group(note));
    }

    /// When [`Journal::flush`] is next worth calling.
    pub(super) fn deadline(&self) -> Instant {
        self.next_flush
    }

    /// Says how many notes were left out, and forgets kinds that have been quiet.
    pub(super) fn flush(&mut self, now: Now) {
        if now.monotonic < self.next_flush {
            return;
        }
        self.next_flush = now.monotonic + QUIET;
        let mut repeated = Vec::new();
        let names: Vec<Kind> = self.kinds.keys().copied().collect();
        for kind in names {
            let Some(record) = self.kinds.get_mut(&kind) else { continue };
            if let Some(line) = record.summary(kind.name) {
                repeated.push(line);
            } else if now.monotonic.since(record.written) >= QUIET {
                self.kinds.remove(&kind);
            }
        }
        repeated.extend(self.overflow.summary("others"));
        for (subject, what) in repeated {
            self.write(now, subject, what);
        }
    }
}

impl Record {
    fn summary(&mut self, name: &'static str) -> Option<(Option<Subject>, What)> {
        let count = std::mem::take(&mut self.left_out);
        let latest = std::mem::take(&mut self.latest);
        (count > 0).then(|| (self.subject.take(), What::Repeated { name, count, latest }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now { monotonic: Instant::ZERO + Duration::from_secs(seconds), wall: Duration::from_secs(seconds) }
    }

    fn refused(from: u8) -> Note {
        Note::Refused {
            from: IpAddr::from([10, 0, 0, from]),
            counter: "checksum-errors",
            reason: "checksum 0x1234, should be 0x4321".to_owned(),
        }
    }

    #[test]
    fn a_thousand_bad_frames_make_two_lines() {
        let (sender, mut events) = tokio::sync::mpsc::channel(100);
        let mut journal = Journal::new(sender);
        for _ in 0..1000 {
            journal.note(at(100), GroupIndex(0), None, refused(1));
        }
        journal.flush(at(161));
        assert_eq!(events.try_recv().map(|event| event.what), Ok(What::Group(refused(1))));
        let summary = events.try_recv().map(|event| event.what);
        assert!(matches!(summary, Ok(What::Repeated { name: "checksum-errors", count: 999, .. })));
        assert!(events.try_recv().is_err());
    }

    #[test]
    fn forged_senders_cannot_fill_the_memory_or_the_log() {
        let (sender, mut events) = tokio::sync::mpsc::channel(100_000);
        let mut journal = Journal::new(sender);
        for sender in 0..20_000u32 {
            let note = Note::Refused {
                from: IpAddr::from(sender.to_be_bytes()),
                counter: "checksum-errors",
                reason: String::new(),
            };
            journal.note(at(100), GroupIndex(0), None, note);
        }
        assert_eq!(journal.kinds.len(), KINDS);
        let mut written = 0;
        while events.try_recv().is_ok() {
            written += 1;
        }
        assert_eq!(written, KINDS + 1);
    }

    #[test]
    fn a_full_queue_leaves_a_gap_in_the_numbers() {
        let (sender, mut events) = tokio::sync::mpsc::channel(1);
        let mut journal = Journal::new(sender);
        let what = || What::Daemon { text: "hello".to_owned(), warning: false };
        journal.write(at(0), None, what());
        journal.write(at(0), None, what());
        assert_eq!(events.try_recv().map(|event| event.sequence), Ok(1));
        journal.write(at(0), None, what());
        assert_eq!(events.try_recv().map(|event| event.sequence), Ok(3));
    }
}
