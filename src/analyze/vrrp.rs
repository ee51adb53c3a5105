//! VRRP: an advertisement is the Active's, and there is no other message. RFC 9568, RFC 3768.

use std::collections::BTreeSet;
use std::time::Duration;

use ::vrrp::config::Versions;
use ::vrrp::machine::timers::{active_down_interval, skew_time};
use fhrp::dissect::Dissection;

use super::moment::spell;
use super::reading::{Disagreement, Part, Reading, Said, Stance, Statement, Vacancy, listed};

/// Advertisements that a Backup waits for before it adds its skew. RFC 9568 §6.1.
const INTERVALS: u32 = 3;

pub(super) fn read(dissection: &Dissection) -> Reading {
    let gives_up = dissection.priority == Some(0);
    let (stance, word) = if gives_up { (Stance::Resigns, "resigned") } else { (Stance::Holds, "active") };
    Reading {
        statements: vec![Statement { part: Part::Gateway, stance, word, coup: false, rank: None }],
        complete: false,
        every: dissection.interval,
        patience: dissection.interval.map(|interval| interval * INTERVALS),
    }
}

pub(super) fn wait_before_taking(
    successor: &Said,
    holder: &Said,
    vacancy: Vacancy,
) -> Option<(Duration, &'static str)> {
    let (priority, interval) = (successor.priority?, holder.interval?);
    let (versions, rule) = match successor.version {
        Some(2) => (Versions::V2, "RFC 3768 §6.1"),
        _ => (Versions::V3, "RFC 9568 §6.1"),
    };
    let wait = match vacancy {
        Vacancy::Resigned => skew_time(versions, priority, interval),
        Vacancy::Silent => active_down_interval(versions, priority, interval),
    };
    Some((wait, rule))
}

pub(super) fn disagreements(one: &Said, other: &Said) -> Vec<Disagreement> {
    let mut found = Vec::new();
    let mut differ = |setting: &'static str, values, rule, refused| {
        let judged = matches!(setting, "interval" | "addresses" | "authentication");
        found.push(Disagreement { setting, values, rule, refused, judged });
    };
    let text = |value: Option<u8>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    if one.version != other.version {
        // Only a router that speaks both understands both.
        differ("version", (text(one.version), text(other.version)), "RFC 9568 §8.4", true);
        return found;
    }
    let old = one.version == Some(2);
    if let (Some(first), Some(second)) = (one.interval, other.interval)
        && first != second
    {
        let rule = if old { "RFC 3768 §7.1" } else { "RFC 9568 §7.1" };
        differ("interval", (spell(first), spell(second)), rule, old);
    }
    let set = |said: &Said| said.addresses.iter().copied().collect::<BTreeSet<_>>();
    if set(one) != set(other) {
        let rule = if old { "RFC 3768 §7.1" } else { "RFC 9568 §7.1" };
        differ("addresses", (listed(&one.addresses), listed(&other.addresses)), rule, old);
    }
    if one.authentication != other.authentication {
        let values = (one.authentication.to_owned(), other.authentication.to_owned());
        differ("authentication", values, "RFC 2338 §7.1", true);
    }
    if let (Some(first), Some(second)) = (one.checksum, other.checksum)
        && first != second
    {
        let values = (first.to_owned(), second.to_owned());
        differ("checksum form", values, "RFC 9568 §5.2.8", true);
    }
    if one.priority == Some(255) && other.priority == Some(255) {
        differ("owner", ("255".to_owned(), "255".to_owned()), "RFC 9568 §5.2.4", false);
    }
    found
}
