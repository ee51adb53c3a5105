//! The counter between routers of this suite alone: what the digest does not cover, put where it does.
//!
//! ```text
//! | time stamp, 40 bits, 1/1024 s | advbase, 8 | advskew, 8 | demote, 8 |
//! ```
//!
//! Whoever has recorded an advertisement can change neither interval nor demotion any more, and cannot repeat it: a stamp
//! must be later than every other that was heard, whoever sent it, and no earlier than the listener's own beginning. A
//! sender takes the time of its clock, or one more than the latest that it has sent or heard: so clocks may differ, and
//! what is said after something was heard is later than that.

use std::time::Duration;

use thiserror::Error;

use crate::config::Interval;
use crate::wire::Advertisement;

/// 2020-01-01, since the Unix epoch: stamps last until 2054.
const EPOCH: Duration = Duration::from_secs(1_577_836_800);
/// Stamps in a second.
const RATE: u128 = 1024;
/// By how much the clocks of two routers may differ when one of them begins.
const ALLOWANCE: u64 = 10 * RATE as u64;
/// Bits below the stamp.
const SETTINGS: u32 = 24;
/// The latest stamp.
const LATEST: u64 = (1 << 40) - 1;

/// Why a counter is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Unbelieved {
    /// It seals another interval or demotion than is said.
    #[error(
        "its counter does not seal what it says: it was altered, or its sender does not seal what it says (`counter = \"sealed\"`)"
    )]
    Unsealed,
    /// It is not later than one that was heard.
    #[error("it is not later than what was heard before: somebody repeats it")]
    Replay,
    /// It is older than this router's life.
    #[error("it was said before this router began: somebody repeats it, or a clock is slow")]
    FromBefore,
}

/// The stamps of one virtual host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stamps {
    /// The latest that was sent or heard.
    latest: u64,
    /// The latest that was heard.
    heard: u64,
    /// None earlier is believed.
    began: u64,
}

impl Stamps {
    /// A life that begins at `wall`.
    pub(crate) fn begin(wall: Duration) -> Self {
        Stamps { began: at(wall).saturating_sub(ALLOWANCE), ..Stamps::default() }
    }

    /// The counter of an advertisement that says this at `wall`.
    pub(crate) fn seal(&mut self, wall: Duration, interval: Interval, demote: u8) -> u64 {
        self.latest = at(wall).max(self.latest.saturating_add(1)).min(LATEST);
        (self.latest << SETTINGS) | u64::from(settings(interval, demote))
    }

    /// Judges the counter of an advertisement whose digest is right.
    pub(crate) fn admit(&mut self, advertisement: &Advertisement) -> Result<(), Unbelieved> {
        let said = settings(advertisement.said_interval(), advertisement.demote);
        if advertisement.counter & ((1 << SETTINGS) - 1) != u64::from(said) {
            return Err(Unbelieved::Unsealed);
        }
        let stamp = advertisement.counter >> SETTINGS;
        if stamp <= self.heard {
            return Err(Unbelieved::Replay);
        }
        if stamp < self.began {
            return Err(Unbelieved::FromBefore);
        }
        self.heard = stamp;
        self.latest = self.latest.max(stamp);
        Ok(())
    }
}

fn at(wall: Duration) -> u64 {
    let stamp = wall.saturating_sub(EPOCH).as_nanos() * RATE / 1_000_000_000;
    u64::try_from(stamp).unwrap_or(LATEST).min(LATEST)
}

fn settings(interval: Interval, demote: u8) -> u32 {
    u32::from_be_bytes([0, interval.base, interval.skew, demote])
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Duration = Duration::from_secs(1_800_000_000);
    const INTERVAL: Interval = Interval { base: 1, skew: 100 };

    fn said(counter: u64) -> Advertisement {
        Advertisement { vhid: 1, advbase: 1, advskew: 100, demote: 3, counter }
    }

    #[test]
    fn what_is_said_once_is_believed_once() {
        let (mut sender, mut listener) = (Stamps::begin(WALL), Stamps::begin(WALL));
        let first = said(sender.seal(WALL, INTERVAL, 3));
        let second = said(sender.seal(WALL, INTERVAL, 3));
        assert_eq!(listener.admit(&first), Ok(()));
        assert_eq!(listener.admit(&first), Err(Unbelieved::Replay));
        assert_eq!(listener.admit(&second), Ok(()));
        assert_eq!(listener.admit(&first), Err(Unbelieved::Replay));
    }

    #[test]
    fn nothing_that_is_said_can_be_altered() {
        let (mut sender, mut listener) = (Stamps::begin(WALL), Stamps::begin(WALL));
        let honest = said(sender.seal(WALL, INTERVAL, 3));
        for altered in [
            Advertisement { advskew: 0, ..honest },
            Advertisement { advbase: 255, advskew: 255, ..honest },
            Advertisement { demote: 0, ..honest },
        ] {
            assert_eq!(listener.admit(&altered), Err(Unbelieved::Unsealed), "{altered:?}");
        }
        assert_eq!(listener.admit(&honest), Ok(()));
    }

    #[test]
    fn a_slow_clock_follows_what_it_hears() {
        let hour = Duration::from_secs(3600);
        let mut fast = Stamps::begin(WALL);
        let mut slow = Stamps::begin(WALL - hour);
        let ahead = said(fast.seal(WALL, INTERVAL, 3));
        assert_eq!(slow.admit(&ahead), Ok(()));
        let behind = said(slow.seal(WALL - hour, INTERVAL, 3));
        assert_eq!(fast.admit(&behind), Ok(()));
    }

    #[test]
    fn what_was_said_before_the_own_life_is_not_believed() {
        let mut sender = Stamps::begin(WALL);
        let recorded = said(sender.seal(WALL, INTERVAL, 3));
        let mut reborn = Stamps::begin(WALL + Duration::from_secs(11));
        assert_eq!(reborn.admit(&recorded), Err(Unbelieved::FromBefore));
        // Clocks are never quite the same.
        let mut ahead = Stamps::begin(WALL + Duration::from_secs(9));
        assert_eq!(ahead.admit(&recorded), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_changes_nothing() {
        let mut sender = Stamps::begin(WALL);
        let before = sender.seal(WALL, INTERVAL, 3);
        assert!(sender.seal(WALL - Duration::from_secs(60), INTERVAL, 3) > before);
        assert!(sender.seal(Duration::MAX, INTERVAL, 3) >> SETTINGS == LATEST);
        assert!(sender.seal(Duration::ZERO, INTERVAL, 3) >> SETTINGS == LATEST);
    }
}
