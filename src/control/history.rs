//! The latest events, kept for those who ask later, and handed to those who follow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::broadcast::{Receiver, Sender, channel};

use super::protocol::Answer;
use crate::event::Event;
use crate::log;

/// Events kept for those who ask later.
const KEPT: usize = 1_000;

/// Events that a follower may be behind before it misses some.
const BEHIND: usize = 1_024;

/// A line of an answer, made once and sent to every follower.
pub type Line = Arc<str>;

/// The latest events.
#[derive(Debug)]
pub struct History {
    kept: Mutex<Kept>,
    live: Sender<Line>,
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<Line>,
    sequence: u64,
}

/// An event with its sentence.
#[derive(Serialize)]
struct Spoken<'a> {
    #[serde(flatten)]
    event: &'a Event,
    /// `text` is taken: several kinds of events have one of their own.
    line: String,
}

impl Default for History {
    fn default() -> Self {
        History { kept: Mutex::default(), live: channel(BEHIND).0 }
    }
}

impl History {
    /// Keeps an event and hands it to the followers. Returns how many events are missing before it: the event
    /// loop throws away what the slow thread does not take in time.
    pub fn record(&self, event: &Event) -> u64 {
        let mut kept = self.kept();
        let missed = event.sequence.saturating_sub(kept.sequence.saturating_add(1));
        kept.sequence = event.sequence;
        if missed > 0 {
            self.keep(&mut kept, &missed_line(missed));
        }
        if let Ok(line) = answer_line(&Answer::Event(Spoken { event, line: log::line(event) })) {
            self.keep(&mut kept, &line);
        }
        missed
    }

    /// The latest events, oldest first.
    pub fn latest(&self, most: Option<usize>) -> Vec<Line> {
        self.kept().latest(most)
    }

    /// The latest events, and those to come: without a gap between them.
    pub fn follow(&self, most: Option<usize>) -> (Vec<Line>, Receiver<Line>) {
        let kept = self.kept();
        (kept.latest(most), self.live.subscribe())
    }

    fn keep(&self, kept: &mut Kept, line: &Line) {
        if kept.lines.len() == KEPT {
            kept.lines.pop_front();
        }
        kept.lines.push_back(line.clone());
        // Fails if nobody follows.
        let _ = self.live.send(line.clone());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn latest(&self, most: Option<usize>) -> Vec<Line> {
        let skipped = most.map_or(0, |most| self.lines.len().saturating_sub(most));
        self.lines.iter().skip(skipped).cloned().collect()
    }
}

/// Says that some events were lost.
pub fn missed_line(count: u64) -> Line {
    Line::from(format!("{{\"missed\":{count}}}\n"))
}

/// Turns an answer into its line.
fn answer_line(answer: &Answer<(), (), Spoken<'_>, ()>) -> serde_json::Result<Line> {
    let mut line = serde_json::to_string(answer)?;
    line.push('\n');
    Ok(line.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fhrp::Note;

    use super::*;
    use crate::event::{Subject, What};

    fn event(sequence: u64) -> Event {
        let what = What::Stalled { ms: 2.5 };
        Event { sequence, wall: Duration::from_millis(1_500), group: None, what }
    }

    #[test]
    fn an_event_is_data_and_a_sentence() {
        let history = History::default();
        assert_eq!(history.record(&event(1)), 0);
        assert_eq!(
            &*history.latest(None)[0],
            "{\"event\":{\"sequence\":1,\"time\":1.5,\"event\":\"stalled\",\"ms\":2.5,\
             \"line\":\"the event loop stood still for 2.5 ms\"}}\n"
        );
    }

    #[test]
    fn no_kind_of_event_says_anything_twice() {
        let text = || "is up".to_owned();
        let about = Some("10.0.0.9".parse().unwrap());
        let kinds = [
            What::Interface { name: "eth0".into(), text: text() },
            What::Kernel { text: text(), lost: false },
            What::Daemon { text: text(), warning: false },
            What::Repeated { name: "checksum-errors", count: 3, latest: text() },
            What::Group(Note::Remark { name: "asserted", about, text: text() }),
            What::Group(Note::Alarm { name: "two-actives", raised: true, reason: text() }),
            What::Group(Note::Refused {
                from: "10.0.0.9".parse().unwrap(),
                counter: "ttl-errors",
                reason: text(),
            }),
        ];
        let group = Subject {
            name: "office".into(),
            interface: "eth0".into(),
            protocol: "vrrp",
            family: Some(fhrp::Family::Ipv4),
            id: 10,
        };
        for what in kinds {
            let history = History::default();
            let group = Some(group.clone());
            history.record(&Event { sequence: 1, wall: Duration::ZERO, group, what });
            let line = history.latest(None).pop().unwrap();
            // Written again without repetitions it is as long as before.
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value.to_string().len() + 1, line.len(), "{line}");
            assert!(value["event"]["line"].is_string());
        }
    }

    #[test]
    fn gaps_are_told_and_old_events_forgotten() {
        let history = History::default();
        history.record(&event(1));
        assert_eq!(history.record(&event(5)), 3);
        assert_eq!(&*history.latest(Some(2))[0], "{\"missed\":3}\n");
        for sequence in 6..5_000 {
            history.record(&event(sequence));
        }
        assert_eq!(history.latest(None).len(), KEPT);
        assert_eq!(history.latest(Some(2)).len(), 2);
    }
}
