//! The intervals of the RFCs, computed from their text once more and in another way: exact fractions of
//! nanoseconds, rounded down once at the end.

use std::time::Duration;

use super::Spoken;

/// Skew_Time: `((256 - priority) × Active_Adver_Interval) / 256` in version 3 (RFC 9568 §6.1),
/// `(256 - priority) / 256` seconds in version 2 (RFC 3768 §6.1). Who speaks both skews as version 3 does.
pub(super) fn skew(spoken: Spoken, priority: u8, active_interval: Duration) -> Duration {
    let of = match spoken {
        Spoken::V2 => 1_000_000_000,
        Spoken::V3 | Spoken::Both => active_interval.as_nanos(),
    };
    nanoseconds((256 - u128::from(priority)) * of / 256)
}

/// Active_Down_Interval: `3 × Active_Adver_Interval + Skew_Time`. RFC 9568 §6.1, RFC 3768 §6.1.
pub(super) fn down_interval(spoken: Spoken, priority: u8, active_interval: Duration) -> Duration {
    nanoseconds(3 * active_interval.as_nanos()) + skew(spoken, priority, active_interval)
}

fn nanoseconds(count: u128) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples that RFC 9568 §6.1 and RFC 3768 §6.1 lead to by hand.
    #[test]
    fn by_hand() {
        let second = Duration::from_secs(1);
        assert_eq!(skew(Spoken::V3, 128, second), Duration::from_millis(500));
        assert_eq!(skew(Spoken::V3, 192, 2 * second), Duration::from_millis(500));
        assert_eq!(skew(Spoken::V2, 128, 10 * second), Duration::from_millis(500));
        assert_eq!(down_interval(Spoken::V3, 128, 2 * second), Duration::from_secs(7));
        assert_eq!(down_interval(Spoken::V2, 64, 10 * second), Duration::from_millis(30_750));
    }
}
