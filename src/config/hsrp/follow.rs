//! Groups that follow another one: what means nothing to them, and how often hosts and switches are told of them.

use std::time::Duration;

use fhrp::announcer::Schedule;

use super::super::raw;
use super::super::reader::{Reader, Span};
use super::Draft;

/// Nothing but announcements tells switches where a follower's virtual MAC is. Cisco's `mac-refresh`.
const MAC_REFRESH: Duration = Duration::from_secs(10);

/// The name of the group that is followed. Settings of an election are refused beside it.
pub(super) fn plan(draft: &Draft<'_>, reader: &mut Reader) -> Option<String> {
    let raw = draft.raw;
    let follow = raw.follow.as_ref()?;
    let span = |span: Option<&Span>| span.cloned();
    let idle: [(&str, Option<Span>); 9] = [
        ("priority", span(raw.priority.as_ref().map(|it| &it.span))),
        ("hello-time", span(raw.hello_time.as_ref().map(|it| &it.span))),
        ("hold-time", span(raw.hold_time.as_ref().map(|it| &it.span))),
        ("preempt", span(raw.preempt.as_ref().map(|it| &it.span))),
        ("preempt-delay", span(raw.preempt_delay.as_ref().map(|it| &it.span))),
        ("preempt-delay-sync", span(raw.preempt_delay_sync.as_ref().map(|it| &it.span))),
        ("source", span(raw.source.as_ref().map(|it| &it.span))),
        ("authentication", span(raw.authentication.as_ref().map(|it| &it.span))),
        ("resign-on-coup", span(raw.resign_on_coup.as_ref().map(|it| &it.span))),
    ];
    for (key, span) in idle {
        // What all groups inherit stands above, and is no mistake of this one.
        if let Some(span) = span.filter(|span| span.start > draft.heading.start) {
            let label = format!("leave it out: `{}` decides for both", follow.value);
            reader.warn(&span, format!("`{key}` means nothing to a group that follows"), label);
        }
    }
    if raw.addresses.as_ref().is_none_or(|addresses| addresses.value.is_empty()) {
        let label = "add `addresses = [\"10.0.10.1/24\"]`: who hears nobody learns nothing";
        reader.missing(draft.heading, "this group follows and has no `addresses`", label);
    }
    Some(follow.value.clone())
}

/// What is usual for a group of its kind.
pub(super) fn announcements(raw: &raw::Hsrp, usual: Schedule) -> Schedule {
    match raw.follow {
        None => usual,
        Some(_) => Schedule { refresh: Some(MAC_REFRESH), ..usual },
    }
}
