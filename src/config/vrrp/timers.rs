//! Spans of time: which of them the wire can carry, and which cannot work.

use std::time::Duration;

use fhrp::Family;
use fhrp::announcer::{ArpForm, Schedule};
use vrrp::config::{DEFAULT_ADVERTISE_INTERVAL, RouterAdvertisement, Versions};

use super::super::raw::ArpShape;
use super::super::reader::or;
use super::super::reader::{Reader, Spanned};
use super::super::value::{TimeSpan, spelt};
use super::Draft;

/// Unit of Max Advertise Interval in version 3. RFC 9568 §5.2.7.
const CENTISECOND: Duration = Duration::from_millis(10);
/// The most that its 12 bits hold: 4095 centiseconds.
const LONGEST_V3: Duration = Duration::from_millis(40_950);
/// The most that version 2's octet of seconds holds. RFC 3768 §5.3.7.
const LONGEST_V2: Duration = Duration::from_secs(255);
/// Below this, three intervals are the scale of one scheduling delay.
const NEEDS_REAL_TIME: Duration = Duration::from_millis(100);
/// The longest delay: keepalived's limit, and longer than any routing protocol takes to converge.
const LONGEST_DELAY: Duration = Duration::from_secs(1000);
/// When announcements are repeated, unless the file says otherwise.
const DEFAULT_REPEATS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// Default MaxRtrAdvInterval. RFC 4861 §6.2.1.
const DEFAULT_ROUTER_INTERVAL: Duration = Duration::from_secs(600);

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
    let delay = delay("preempt-delay", &draft.raw.preempt_delay, reader);
    if let Some(raw) = draft.raw.preempt_delay.as_ref().filter(|_| draft.owner && !delay.is_zero()) {
        let label = "leave it out; `startup-delay` keeps a router silent after start";
        reader.error(&raw.span, "an address owner never waits to preempt", label);
    }
    delay
}

/// How long a router only listens.
pub(super) fn startup_delay(draft: &Draft<'_>, reader: &mut Reader) -> Duration {
    delay("startup-delay", &draft.raw.startup_delay, reader)
}

fn delay(key: &str, raw: &Option<Spanned<TimeSpan>>, reader: &mut Reader) -> Duration {
    let Some(delay) = raw else { return Duration::ZERO };
    if delay.value.0 > LONGEST_DELAY {
        let message = format!("`{key}` of {} is out of range", spelt(delay.value.0));
        reader.error(&delay.span, message, format!("{} at most", spelt(LONGEST_DELAY)));
    }
    delay.value.0
}

/// When announcements are sent again.
pub(super) fn announcements(draft: &Draft<'_>, reader: &mut Reader) -> Schedule {
    let raw = draft.raw.announce.as_ref().map(|announce| announce.value.clone()).unwrap_or_default();
    let mut last = Duration::ZERO;
    let mut repeats = Vec::new();
    for repeat in raw.repeats.iter().flat_map(|repeats| &repeats.value) {
        let delay = repeat.value.0;
        if delay <= last {
            let message = format!("{} does not come after {}", spelt(delay), spelt(last));
            let label = "later than the one before: each counts from the first announcement";
            reader.error(&repeat.span, message, label);
        }
        last = last.max(delay);
        repeats.push(delay);
    }
    if let Some(refresh) = raw.refresh.as_ref().filter(|refresh| refresh.value.0 < Duration::from_secs(1)) {
        let message = format!("a `refresh` every {} floods the segment", spelt(refresh.value.0));
        reader.error(&refresh.span, message, "1s at least; \"60s\" is usual; leave it out for none");
    }
    Schedule {
        repeats: if raw.repeats.is_some() { repeats } else { DEFAULT_REPEATS.to_vec() },
        refresh: raw.refresh.as_ref().map(|refresh| refresh.value.0),
        form: match or(&raw.arp, ArpShape::Request) {
            ArpShape::Request => ArpForm::Request,
            ArpShape::Reply => ArpForm::Reply,
            ArpShape::Both => ArpForm::Both,
        },
    }
}

/// Router advertisements, within the limits of RFC 4861 §6.2.1.
pub(super) fn router_advertisement(draft: &Draft<'_>, reader: &mut Reader) -> Option<RouterAdvertisement> {
    let raw = draft.raw.router_advertisement.as_ref()?;
    if draft.family == Family::Ipv4 {
        let label = "leave it out, or move it to the IPv6 group";
        reader.error(&raw.span, "an IPv4 group sends no router advertisements", label);
    }
    if let Some(router) = draft.raw.router.as_ref().filter(|router| !router.value) {
        let label = "leave it out: who sends router advertisements is a router";
        reader.error(&router.span, "`router = false` beside `router-advertisement`", label);
    }
    let raw = &raw.value;
    let interval = raw.interval.as_ref().map_or(DEFAULT_ROUTER_INTERVAL, |interval| interval.value.0);
    let limits = Duration::from_secs(4)..=Duration::from_secs(1800);
    if let Some(raw) = raw.interval.as_ref().filter(|_| !limits.contains(&interval)) {
        let message = format!("`interval` of {} is out of range", spelt(interval));
        reader.error(&raw.span, message, "4s to 30m (RFC 4861 §6.2.1)");
    }
    let lifetime = raw.lifetime.as_ref().map_or(interval * 3, |lifetime| lifetime.value.0);
    if let Some(raw) = &raw.lifetime
        && !lifetime.is_zero()
        && (lifetime < interval || lifetime > Duration::from_secs(9000))
    {
        let label =
            format!("0s, or {} to 150m: hosts must not lose their router between two", spelt(interval));
        reader.error(&raw.span, format!("`lifetime` of {} is out of range", spelt(lifetime)), label);
    }
    let networks = raw.prefixes.iter().flat_map(|prefixes| &prefixes.value);
    for network in networks.clone() {
        if Family::of(network.value.0.ip) != Family::Ipv6 {
            reader.error(
                &network.span,
                format!("{} is not IPv6", network.value.0),
                "such as \"2001:db8::/64\"",
            );
        }
    }
    Some(RouterAdvertisement {
        lifetime,
        interval,
        managed: or(&raw.managed, false),
        other: or(&raw.other, false),
        prefixes: networks.map(|network| network.value.0).collect(),
    })
}

/// The interval that will be sent, for what is measured in intervals.
pub(super) fn sent_interval(draft: &Draft<'_>) -> Duration {
    draft.raw.advertise_interval.as_ref().map_or(DEFAULT_ADVERTISE_INTERVAL, |interval| interval.value.0)
}
