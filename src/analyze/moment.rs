//! Moments and lengths of time as the story tells them.

use std::time::Duration;

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// A moment since the capture began, to the microsecond: `2.152118 s`.
pub fn moment(at_ns: u64) -> String {
    format!("{}.{:06} s", at_ns / SECOND, at_ns % SECOND / 1_000)
}

/// A setting, exactly: `100 ms`, `1 s`, `3.609375 s`.
pub fn spell(span: Duration) -> String {
    let text = format!("{span:?}");
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    format!("{digits} {}", text.strip_prefix(digits).unwrap_or_default())
}

/// A measurement, to four digits: `361.4 ms`.
pub fn about(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..SECOND => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    let places = if value < 10.0 {
        3
    } else if value < 100.0 {
        2
    } else {
        1
    };
    format!("{value:.places$} {unit}")
}

/// Nanoseconds, as far as they fit.
pub fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_exact_and_measurements_are_not() {
        assert_eq!(spell(Duration::from_millis(100)), "100 ms");
        assert_eq!(spell(Duration::from_nanos(3_609_375_000)), "3.609375 s");
        assert_eq!(about(361_374_512), "361.4 ms");
        assert_eq!(about(50_123), "50.12 µs");
        assert_eq!(about(3_609_375_000), "3.609 s");
        assert_eq!(moment(2_152_118_999), "2.152118 s");
    }
}
