//! What is known of a neighbour of a virtual host beyond what all protocols know of theirs.

use std::time::Duration;

use fhrp::neighbours::{self, Facts};
use fhrp::view::Detail;

use crate::config::Interval;
use crate::wire::Advertisement;

/// The table.
pub(crate) type Neighbours = neighbours::Neighbours<Habits>;

/// How a neighbour advertises.
#[derive(Debug, Clone, Default)]
pub(crate) struct Habits {
    said: Option<(Interval, u8)>,
    counter: Option<(u64, Counter)>,
}

/// What a neighbour's counter does from one advertisement to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counter {
    /// There was only one.
    Unknown,
    /// OpenBSD and its descendants.
    Constant,
    /// FreeBSD, NetBSD and ucarp, once they have heard somebody.
    Rising,
    /// The same, before.
    Random,
}

/// Two counters of one sender that differ by no more follow one upon the other.
const STEP: u64 = 1 << 16;

impl Habits {
    /// An advertisement that passed every check.
    pub(crate) fn reads(&mut self, advertisement: &Advertisement) {
        self.said = Some((advertisement.said_interval(), advertisement.demote));
        let counter = advertisement.counter;
        let kind = match self.counter {
            None => Counter::Unknown,
            Some((before, _)) if before == counter => Counter::Constant,
            Some((before, _)) if counter.wrapping_sub(before) < STEP => Counter::Rising,
            Some(_) => Counter::Random,
        };
        self.counter = Some((counter, kind));
    }

    /// How often it advertises, if it was ever obeyed.
    pub(crate) fn interval(&self) -> Option<Duration> {
        self.said.map(|(interval, _)| interval.length())
    }
}

impl Facts for Habits {
    fn details(&self) -> Vec<Detail> {
        let mut details = Vec::new();
        let mut tell = |name, value| details.push(Detail { name, value });
        if let Some((interval, demote)) = self.said {
            tell("interval", interval.to_string());
            if demote > 0 {
                tell("demotion", demote.to_string());
            }
        }
        let counter = self.counter.and_then(|(_, kind)| match kind {
            Counter::Unknown => None,
            Counter::Constant => Some("constant, as OpenBSD's"),
            Counter::Rising => Some("rising, as FreeBSD's and ucarp's"),
            Counter::Random => Some("random, as FreeBSD's and ucarp's before they hear anybody"),
        });
        if let Some(counter) = counter {
            tell("counter", counter.to_owned());
        }
        details
    }
}
