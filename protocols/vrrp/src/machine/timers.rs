//! The intervals of the specification, exact to the nanosecond. RFC 3768 §6.1, RFC 9568 §6.1.
//!
//! Everything is multiplied before it is divided: at 10 ms and priority 254 the skew is 78.125 µs, which
//! arithmetic in centiseconds makes zero, and then two Backups take over together.

use std::time::Duration;

use crate::config::Versions;

pub(crate) use fhrp::time::spell;

/// What is added to the longest time a successor can take, for its advert to cross the link.
const HAND_OVER_MARGIN: Duration = Duration::from_millis(50);
/// The least priority a router can have.
const LEAST_PRIORITY: u8 = 1;

/// Skew_Time: what a Backup adds to its patience so that the best one is the least patient.
///
/// Version 3 skews within the Active's interval (RFC 9568 §6.1), version 2 within one second whatever the
/// interval (RFC 3768 §6.1).
pub fn skew_time(versions: Versions, priority: u8, active_interval: Duration) -> Duration {
    let span = match versions {
        Versions::V2 => Duration::from_secs(1),
        Versions::V3 | Versions::Both => active_interval,
    };
    span * (256 - u32::from(priority)) / 256
}

/// Active_Down_Interval: how long a Backup waits for an advertisement before it takes over.
pub fn active_down_interval(versions: Versions, priority: u8, active_interval: Duration) -> Duration {
    active_interval * 3 + skew_time(versions, priority, active_interval)
}

/// The longest a successor can take after it heard our priority 0, with the least priority there is.
///
/// While two versions are spoken, the successor may be one that skews within a second.
pub(crate) fn longest_hand_over(versions: Versions, interval: Duration) -> Duration {
    let scaled = skew_time(Versions::V3, LEAST_PRIORITY, interval);
    let within_a_second = skew_time(Versions::V2, LEAST_PRIORITY, interval);
    let skew = match versions {
        Versions::V2 => within_a_second,
        Versions::V3 => scaled,
        Versions::Both => scaled.max(within_a_second),
    };
    skew + HAND_OVER_MARGIN
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: Versions = Versions::V2;
    const V3: Versions = Versions::V3;

    fn centis(count: u64) -> Duration {
        Duration::from_millis(count * 10)
    }

    #[test]
    fn intervals_are_exact() {
        for (versions, priority, interval, skew, down) in [
            (V2, 100, centis(100), 609_375_000, 3_609_375_000),
            (V2, 254, centis(100), 7_812_500, 3_007_812_500),
            (V2, 1, centis(25_500), 996_093_750, 765_996_093_750),
            (V3, 100, centis(100), 609_375_000, 3_609_375_000),
            (V3, 200, centis(100), 218_750_000, 3_218_750_000),
            (V3, 100, centis(200), 1_218_750_000, 7_218_750_000),
            (V3, 254, centis(1), 78_125, 30_078_125),
            (V3, 1, centis(1), 9_960_937, 39_960_937),
            (V3, 100, centis(4095), 24_953_906_250, 147_803_906_250_u64),
            (V3, 255, centis(100), 3_906_250, 3_003_906_250),
        ] {
            let row = format!("{versions:?} {priority} {interval:?}");
            assert_eq!(skew_time(versions, priority, interval), Duration::from_nanos(skew), "{row}");
            assert_eq!(
                active_down_interval(versions, priority, interval),
                Duration::from_nanos(down),
                "{row}"
            );
        }
    }

    #[test]
    fn a_hand_over_waits_for_the_slowest_successor() {
        let second = Duration::from_secs(1);
        assert_eq!(longest_hand_over(V3, centis(1)), Duration::from_nanos(9_960_937) + HAND_OVER_MARGIN);
        assert_eq!(longest_hand_over(V2, second * 10), Duration::from_nanos(996_093_750) + HAND_OVER_MARGIN);
        assert!(longest_hand_over(Versions::Both, centis(1)) > Duration::from_millis(996));
    }
}
