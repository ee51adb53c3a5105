//! Hello and hold time: which of them the wire can carry, and which cannot work.

use std::time::Duration;

use ::hsrp::config::{DEFAULT_TIMES, Times};
use ::hsrp::wire::Version;

use super::super::reader::{Reader, Span};
use super::super::value::spelt;
use super::Draft;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
/// The shortest hello time that Cisco's routers can be told.
const SHORTEST_HELLO: Duration = Duration::from_millis(15);
/// The most that version 1's octet of seconds holds for a hold time; one less is left for hello.
const LONGEST_HOLD: Duration = Duration::from_secs(255);

/// The times of a group; `None` if it has none of its own.
pub(super) fn times(draft: &Draft<'_>, reader: &mut Reader) -> Option<Times> {
    let raw = draft.raw;
    if raw.hello_time.is_none() && raw.hold_time.is_none() {
        return None;
    }
    let given = Times {
        hello: raw.hello_time.as_ref().map_or(DEFAULT_TIMES.hello, |hello| hello.value.0),
        hold: raw.hold_time.as_ref().map_or(DEFAULT_TIMES.hold, |hold| hold.value.0),
    };
    if let Some(hello) = &raw.hello_time {
        if given.hello < SHORTEST_HELLO || given.hello >= LONGEST_HOLD {
            let message = format!("`hello-time` of {} is out of range", spelt(given.hello));
            reader.error(&hello.span, message, "15ms to 254s");
        } else {
            can_be_said(draft, "hello-time", given.hello, given, &hello.span, reader);
        }
    }
    if let Some(hold) = &raw.hold_time {
        if given.hold > LONGEST_HOLD {
            let message = format!("`hold-time` of {} is out of range", spelt(given.hold));
            reader.error(&hold.span, message, "255s at most");
        } else {
            can_be_said(draft, "hold-time", given.hold, given, &hold.span, reader);
        }
    }
    let place =
        raw.hold_time.as_ref().map(|hold| &hold.span).or(raw.hello_time.as_ref().map(|hello| &hello.span));
    if let Some(span) = place {
        enough_hellos(given, span, reader);
    }
    Some(given)
}

/// Version 1 counts whole seconds; what is below one it cannot say at all, and each member must be told. Version 2
/// counts milliseconds.
fn can_be_said(draft: &Draft<'_>, key: &str, time: Duration, all: Times, span: &Span, reader: &mut Reader) {
    let (step, name) = match draft.version {
        Version::V1 if all.hello >= SECOND => {
            (SECOND, "version 1 counts whole seconds; version 2 milliseconds")
        }
        Version::V1 | Version::V2 => (MILLISECOND, "whole milliseconds"),
    };
    if !time.as_nanos().is_multiple_of(step.as_nanos()) {
        reader.error(span, format!("`{key}` of {} cannot be sent", spelt(time)), name);
    }
}

fn enough_hellos(times: Times, span: &Span, reader: &mut Reader) {
    let Times { hello, hold } = times;
    if hold <= hello {
        let message = format!("a hold time of {} with hellos every {}", spelt(hold), spelt(hello));
        reader.error(span, message, format!("more than {}; three times as much is usual", spelt(hello)));
    } else if hold < hello * 3 {
        let message = format!("a hold time of {} waits for less than three hellos", spelt(hold));
        let label = format!("{} or more: RFC 2281 §5.1 wants three times the hello time", spelt(hello * 3));
        reader.warn(span, message, label);
    }
}
