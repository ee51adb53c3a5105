//! HSRP: hellos tell the sender's state; a coup and a resignation are messages of their own. RFC 2281.

use std::time::Duration;

use fhrp::dissect::Dissection;

use super::moment::spell;
use super::reading::{Disagreement, Part, Reading, Said, Stance, Statement, Vacancy, listed};

pub(super) fn read(dissection: &Dissection) -> Reading {
    let word = dissection.state.unwrap_or("unknown");
    let statement =
        |stance, word, coup| Some(Statement { part: Part::Gateway, stance, word, coup, rank: None });
    let said = match dissection.kind {
        "hello" if word == "active" => statement(Stance::Holds, word, false),
        "hello" => statement(Stance::StandsBy, word, false),
        "coup" => statement(Stance::Holds, "active", true),
        "resign" => statement(Stance::Resigns, "resigned", false),
        _ => None,
    };
    Reading {
        statements: said.into_iter().collect(),
        complete: false,
        every: dissection.hello.filter(|_| dissection.kind == "hello"),
        patience: dissection.hold,
    }
}

/// The standby router takes over when the active timer expires, or at once when it hears a resignation.
pub(super) fn wait_before_taking(
    protocol: &str,
    holder: &Said,
    vacancy: Vacancy,
) -> Option<(Duration, &'static str)> {
    let rule = |of_hsrp| if protocol == "hsrp" { of_hsrp } else { "the hold time of the hellos" };
    match vacancy {
        Vacancy::Silent => holder.hold.map(|hold| (hold, rule("RFC 2281 §5.4"))),
        Vacancy::Resigned => Some((Duration::ZERO, rule("RFC 2281 §5.7"))),
    }
}

pub(super) fn disagreements(one: &Said, other: &Said) -> Vec<Disagreement> {
    let mut found = Vec::new();
    let mut differ = |setting, values, refused, judged| {
        found.push(Disagreement {
            setting,
            values,
            rule: "members of a group are configured alike",
            refused,
            judged,
        });
    };
    let text = |value: Option<u8>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    if one.version != other.version {
        // Each version has a group address of its own: they do not even hear each other.
        differ("version", (text(one.version), text(other.version)), true, false);
    }
    if one.authentication != other.authentication {
        differ(
            "authentication",
            (one.authentication.to_owned(), other.authentication.to_owned()),
            true,
            true,
        );
    }
    if one.addresses != other.addresses && !one.addresses.is_empty() && !other.addresses.is_empty() {
        differ("addresses", (listed(&one.addresses), listed(&other.addresses)), false, true);
    }
    for (setting, ours, theirs) in [("hello", one.hello, other.hello), ("hold", one.hold, other.hold)] {
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && ours != theirs
        {
            differ(setting, (spell(ours), spell(theirs)), false, true);
        }
    }
    found
}
