//! Hello and hold time, and how forwarders are given up: ranges, and whether messages can say them.

use std::time::Duration;

use ::glbp::config::{DEFAULT_RETIREMENT, DEFAULT_TIMES, Retirement, Times};

use super::super::raw;
use super::super::reader::{Reader, Span, Spanned};
use super::super::value::{TimeSpan, spelt};
use super::out_of_range;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
/// The shortest and the longest hello time that Cisco's routers can be told.
const HELLO: std::ops::RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(60);
/// The longest hold time.
const LONGEST_HOLD: Duration = Duration::from_secs(180);
/// The longest redirect time.
const LONGEST_REDIRECT: Duration = Duration::from_secs(3600);
/// How much longer than that a forwarder lives at least.
const LEAST_AFTER_REDIRECT: Duration = Duration::from_secs(600);
/// The longest time-out.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(64_800);

/// Hello and hold time of a group; `None` if it has none of its own.
pub(super) fn times(raw: &raw::Glbp, reader: &mut Reader) -> Option<Times> {
    if raw.hello_time.is_none() && raw.hold_time.is_none() {
        return None;
    }
    let given = Times {
        hello: raw.hello_time.as_ref().map_or(DEFAULT_TIMES.hello, |hello| hello.value.0),
        hold: raw.hold_time.as_ref().map_or(DEFAULT_TIMES.hold, |hold| hold.value.0),
    };
    if let Some(hello) = &raw.hello_time {
        if HELLO.contains(&given.hello) {
            in_whole(MILLISECOND, "hello-time", hello, reader);
        } else {
            out_of_range("hello-time", hello, "50ms to 60s", reader);
        }
    }
    if let Some(hold) = &raw.hold_time {
        if given.hold > LONGEST_HOLD {
            out_of_range("hold-time", hold, "180s at most", reader);
        } else {
            in_whole(MILLISECOND, "hold-time", hold, reader);
        }
    }
    let place = raw.hold_time.as_ref().or(raw.hello_time.as_ref()).map(|time| &time.span);
    if let Some(span) = place {
        enough_hellos(given, span, reader);
    }
    Some(given)
}

/// How the group gives forwarders up; `None` if it has no times of its own.
pub(super) fn retirement(raw: &raw::Glbp, hold: Duration, reader: &mut Reader) -> Option<Retirement> {
    if raw.redirect_time.is_none() && raw.forwarder_timeout.is_none() {
        return None;
    }
    let redirect = raw.redirect_time.as_ref().map_or(DEFAULT_RETIREMENT.redirect, |time| time.value.0);
    let timeout = raw.forwarder_timeout.as_ref().map_or(DEFAULT_RETIREMENT.timeout, |time| time.value.0);
    if let Some(given) = &raw.redirect_time {
        if redirect > LONGEST_REDIRECT {
            out_of_range("redirect-time", given, "3600s at most", reader);
        } else {
            in_whole(SECOND, "redirect-time", given, reader);
        }
    }
    let least = redirect + LEAST_AFTER_REDIRECT;
    if let Some(given) = raw.forwarder_timeout.as_ref().or(raw.redirect_time.as_ref()) {
        let message = format!("a forwarder's time-out of {}", spelt(timeout));
        if timeout <= 2 * hold {
            // Whoever is given a forwarder begins after one hold time, or after two if its weighting is too low.
            let label = format!("more than {}: twice the hold time", spelt(2 * hold));
            reader.error(&given.span, format!("{message} ends before anybody forwards"), label);
        } else if timeout <= redirect || timeout > LONGEST_TIMEOUT {
            let label = format!("more than the redirect time, {}, up to 64800s", spelt(redirect));
            reader.error(&given.span, format!("{message} is out of range"), label);
        } else if timeout < least {
            let label = format!("{} or more: ten minutes longer than the redirect time", spelt(least));
            reader.warn(&given.span, format!("{message} is less than Cisco's routers take"), label);
        } else if let Some(given) = &raw.forwarder_timeout {
            in_whole(SECOND, "forwarder-timeout", given, reader);
        }
    }
    Some(Retirement { redirect, timeout })
}

/// Messages count in these steps.
fn in_whole(step: Duration, key: &str, given: &Spanned<TimeSpan>, reader: &mut Reader) {
    let time = given.value.0;
    if !time.as_nanos().is_multiple_of(step.as_nanos()) {
        let name = if step == SECOND { "whole seconds" } else { "whole milliseconds" };
        reader.error(&given.span, format!("`{key}` of {} cannot be sent", spelt(time)), name);
    }
}

fn enough_hellos(times: Times, span: &Span, reader: &mut Reader) {
    let Times { hello, hold } = times;
    if hold <= hello {
        let message = format!("a hold time of {} with hellos every {}", spelt(hold), spelt(hello));
        reader.error(span, message, format!("more than {}; three times as much is usual", spelt(hello)));
    } else if hold < hello * 3 {
        let message = format!("a hold time of {} waits for less than three hellos", spelt(hold));
        reader.warn(span, message, format!("{} or more: three times the hello time", spelt(hello * 3)));
    }
}
