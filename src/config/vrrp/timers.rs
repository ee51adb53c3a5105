//! Spans of time: which of them the wire can carry, and which cannot work.

use std::time::Duration;

use fhrp::announcer::{ArpForm, Schedule};
use vrrp::config::{DEFAULT_ADVERTISE_INTERVAL, RouterAdvertisement, Versions};

use super::super::reader::Reader;
use super::super::shared;
use super::super::value::spelt;
use super::Draft;

/// Unit of Max Advertise Interval in version 3. RFC 9568 §5.2.7.
const CENTISECOND: Duration = Duration::from_millis(10);
/// The most that its 12 bits hold: 4095 centiseconds.
const LONGEST_V3: Duration = Duration::from_millis(40_950);
/// The most that version 2's octet of seconds holds. RFC 3768 §5.3.7.
const LONGEST_V2: Duration = Duration::from_secs(255);
/// Below this, three intervals are the scale of one scheduling delay.
const NEEDS_REAL_TIME: Duration = Duration::from_millis(100);
/// When announcements are repeated, unless the file says otherwise.
const DEFAULT_REPEATS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// Advertisement_Interval, as the versions spoken can say it.
pub(super) fn advertise_interval(draft: &Draft<'_>, reader: &mut Reader) -> Duration {
    let Some(interval) = &draft.raw.advertise_interval else { return DEFAULT_ADVERTISE_INTERVAL };
    let value = interval.value.0;
    let second = Duration::from_secs(1);
    let (step, longest, version) = match draft.versions {
        Versions::V3 => (CENTISECOND, LONGEST_V3, "version 3"),
        Versions::V2 => (second, LONGEST_V2, "version 2"),
        Versions::Both => (second, Duration::from_secs(40), "version 2 beside version 3"),
    };
    let said = spelt(value);
    if value.is_zero() || value > longest || value < step && step == CENTISECOND {
        let label = format!("{} to {} in {version}", spelt(step), spelt(longest));
        reader.error(&interval.span, format!("`advertise-interval` of {said} is out of range"), label);
    } else if value.as_nanos() % step.as_nanos() != 0 {
        let near = nearest(value, step, longest);
        let (steps, hint) = match draft.versions {
            Versions::V3 => ("steps of 10ms", ""),
            Versions::V2 | Versions::Both => ("whole seconds", "; `version = 3` goes down to 10ms"),
        };
        let label = format!("write \"{near}\": {version} counts in {steps}{hint}");
        reader.error(&interval.span, format!("`advertise-interval` of {said} cannot be sent"), label);
    } else if value < NEEDS_REAL_TIME && !draft.real_time {
        let label = "100ms at least, or `real-time = true` in `[daemon]`";
        let message = format!("advertisements every {said} need real-time scheduling, and it is off");
        reader.warn(&interval.span, message, label);
    }
    value
}

/// The nearest value that can be sent, as text.
fn nearest(value: Duration, step: Duration, longest: Duration) -> String {
    let steps = (value.as_nanos() + step.as_nanos() / 2) / step.as_nanos();
    let near = step * u32::try_from(steps.max(1)).unwrap_or(u32::MAX);
    spelt(near.min(longest))
}

/// How long a better router waits.
pub(super) fn preempt_delay(draft: &Draft<'_>, reader: &mut Reader) -> Duration {
    let delay = shared::delay("preempt-delay", &draft.raw.preempt_delay, reader);
    if let Some(raw) = draft.raw.preempt_delay.as_ref().filter(|_| draft.owner && !delay.is_zero()) {
        let label = "leave it out; `startup-delay` keeps a router silent after start";
        reader.error(&raw.span, "an address owner never waits to preempt", label);
    }
    delay
}

/// How long a router only listens.
pub(super) fn startup_delay(draft: &Draft<'_>, reader: &mut Reader) -> Duration {
    shared::delay("startup-delay", &draft.raw.startup_delay, reader)
}

/// When announcements are sent again.
pub(super) fn announcements(draft: &Draft<'_>, reader: &mut Reader) -> Schedule {
    let usual = Schedule { repeats: DEFAULT_REPEATS.to_vec(), refresh: None, form: ArpForm::Request };
    shared::announcements(&draft.raw.announce, usual, reader)
}

/// Router advertisements, within the limits of RFC 4861 §6.2.1.
pub(super) fn router_advertisement(draft: &Draft<'_>, reader: &mut Reader) -> Option<RouterAdvertisement> {
    let raw = draft.raw;
    shared::router_advertisement(&raw.router_advertisement, &raw.router, draft.family, reader)
}

/// The interval that will be sent, for what is measured in intervals.
pub(super) fn sent_interval(draft: &Draft<'_>) -> Duration {
    draft.raw.advertise_interval.as_ref().map_or(DEFAULT_ADVERTISE_INTERVAL, |interval| interval.value.0)
}
