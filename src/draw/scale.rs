//! From time to place, ticks at round times, and how times are written.

const MICROSECOND: u64 = 1_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Steps of ten seconds and more that people count in.
const LONG_STEPS: [u64; 15] = [
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
];

/// Where a time lies between two edges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from_ns: u64,
    to_ns: u64,
    left: f64,
    width: f64,
}

impl Scale {
    /// `from_ns` lies at `left`, `to_ns` `width` further. A timeline of no length is one nanosecond long.
    pub(super) fn new(from_ns: u64, to_ns: u64, left: f64, width: f64) -> Self {
        let from_ns = from_ns.min(u64::MAX - 1);
        let to_ns = to_ns.max(from_ns + 1);
        Scale { from_ns, to_ns, left, width }
    }

    /// The place of a time; what lies outside is at the edge.
    pub(super) fn place(&self, at_ns: u64) -> f64 {
        let at = at_ns.clamp(self.from_ns, self.to_ns) - self.from_ns;
        self.left + self.width * (at as f64 / (self.to_ns - self.from_ns) as f64)
    }

    /// Whether a time lies between the edges.
    pub(super) fn shows(&self, at_ns: u64) -> bool {
        (self.from_ns..=self.to_ns).contains(&at_ns)
    }

    /// Whether a span of time has nothing between the edges.
    pub(super) fn is_outside(&self, from_ns: u64, to_ns: u64) -> bool {
        to_ns < self.from_ns || self.to_ns < from_ns
    }

    pub(super) fn left(&self) -> f64 {
        self.left
    }

    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Round times, at most `most` of them, with what is written there.
    pub(super) fn ticks(&self, most: u64) -> Vec<(u64, String)> {
        let step = step((self.to_ns - self.from_ns) / most.max(1));
        let mut ticks = Vec::new();
        let mut at = self.from_ns.div_ceil(step).saturating_mul(step);
        while at <= self.to_ns {
            ticks.push((at, tick_label(at, step, self.to_ns)));
            match at.checked_add(step) {
                Some(next) => at = next,
                None => break,
            }
        }
        ticks
    }
}

/// The smallest round step that is longer than `at_least`.
fn step(at_least: u64) -> u64 {
    let decimal = (0..10).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)));
    let days = (1..14).map(|power| DAY << power);
    let mut steps = decimal.chain(LONG_STEPS).chain(days);
    steps.find(|step| *step > at_least).unwrap_or(at_least.saturating_add(1))
}

/// What is written at a tick: seconds with as many places as the step needs, or hours and minutes.
fn tick_label(at: u64, step: u64, last: u64) -> String {
    if step >= 15 * SECOND && last >= 2 * MINUTE {
        return clock(at / SECOND);
    }
    let mut places = 0;
    let mut unit = SECOND;
    while !step.is_multiple_of(unit) {
        unit /= 10;
        places += 1;
    }
    match places {
        0 => format!("{} s", at / SECOND),
        _ => format!("{}.{:0places$} s", at / SECOND, at % SECOND / unit),
    }
}

fn clock(seconds: u64) -> String {
    match seconds / 3_600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

/// A time to the microsecond: `2.152118 s`.
pub(super) fn exact(at_ns: u64) -> String {
    format!("{}.{:06} s", at_ns / SECOND, at_ns % SECOND / MICROSECOND)
}

/// A length of time to about four digits: `61.37 ms`.
pub(super) fn length(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..SECOND => (ns as f64 / 1e6, "ms"),
        SECOND..=600_000_000_000 => (ns as f64 / 1e9, "s"),
        _ => return clock(ns / SECOND),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(from: u64, to: u64) -> Vec<String> {
        Scale::new(from, to, 0.0, 100.0).ticks(10).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(labels(0, 4 * SECOND).first().map(String::as_str), Some("0.0 s"));
        assert_eq!(labels(0, 60 * SECOND).last().map(String::as_str), Some("60 s"));
        assert_eq!(labels(0, 3 * MINUTE)[1], "0:30");
        assert_eq!(labels(0, 4 * HOUR)[2..4], ["1:00:00", "1:30:00"]);
        assert_eq!(labels(2 * SECOND, 2 * SECOND + 500_000)[1], "2.0001 s");
        let mut span = 1;
        while span < 3_000 * 24 * HOUR {
            let ticks = Scale::new(7, 7 + span, 0.0, 1.0).ticks(10);
            assert!(ticks.len() <= 11, "{span}: {ticks:?}");
            span = span * 7 / 3 + 1;
        }
    }

    #[test]
    fn the_ends_of_time_are_places_too() {
        let scale = Scale::new(0, u64::MAX, 10.0, 100.0);
        assert_eq!(scale.place(u64::MAX), 110.0);
        assert!(scale.ticks(10).len() < 100);
        let none = Scale::new(u64::MAX, u64::MAX, 10.0, 100.0);
        assert!(none.place(3).is_finite() && none.place(u64::MAX).is_finite());
    }

    #[test]
    fn lengths_have_the_digits_that_matter() {
        assert_eq!(length(61_374_000), "61.37 ms");
        assert_eq!(length(3_609_375_000), "3.609 s");
        assert_eq!(length(999), "999 ns");
        assert_eq!(length(3_600 * SECOND), "1:00:00");
    }
}
