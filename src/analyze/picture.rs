//! The story as a timeline: one lane per router and role in each group.

use std::net::IpAddr;

use super::reading::Part;
use super::report::{clause, heard, sentence, summary};
use super::story::{Cause, Change, Comment, Event, GroupStory, MemberStory, Played, Story, What};
use crate::draw::{Lane, Mark, MarkKind, Span, Table, Timeline};

/// Letters of a comment that are written into the picture.
const LONGEST_LABEL: usize = 60;

/// The timeline of a story. `names` is what was read.
pub fn timeline(story: &Story, names: &str) -> Timeline {
    Timeline {
        title: format!("{names}\n{}", summary(story)),
        from_ns: 0,
        to_ns: story.length_ns,
        lanes: story.groups.iter().flat_map(lanes).collect(),
        marks: story.comments.iter().map(comment).collect(),
    }
}

/// A comment that says what was done to the network, as the lab writes them, is shown as just that.
fn comment(comment: &Comment) -> Mark {
    let kind = match comment.text.split_whitespace().next() {
        Some("power" | "kill" | "stop" | "unplug" | "freeze" | "freeze-daemon" | "partition") => {
            MarkKind::Fault
        }
        Some("recover" | "thaw" | "heal" | "restart") => MarkKind::Repair,
        Some(_) | None => MarkKind::Notice,
    };
    let label = match comment.text.char_indices().nth(LONGEST_LABEL) {
        Some((end, _)) => format!("{}…", &comment.text[..end]),
        None => comment.text.clone(),
    };
    Mark { at_ns: comment.at_ns, kind, label, detail: comment.text.clone() }
}

/// What the page says besides the picture.
pub fn tables(story: &Story) -> Vec<Table> {
    let row = |cells: [String; 4]| cells.to_vec();
    let mut members = Vec::new();
    let mut findings = Vec::new();
    for group in &story.groups {
        for member in &group.members {
            let settings: Vec<String> = member.settings.iter().map(super::reading::Said::line).collect();
            let address = member.address.to_string();
            members.push(row([group.name(), address, settings.join("\n"), heard(member)]));
        }
        for finding in &group.findings {
            let weight = if finding.refused { "refused" } else { "worth a look" };
            findings.push(row([group.name(), finding.name.clone(), weight.to_owned(), clause(finding)]));
        }
    }
    let table = |caption: &str, head: [&str; 4], rows| Table {
        caption: caption.to_owned(),
        head: head.map(str::to_owned).to_vec(),
        rows,
    };
    let mut tables = vec![table("Routers", ["group", "router", "settings", "heard"], members)];
    if !findings.is_empty() {
        tables.push(table("Findings", ["group", "what", "weight", "how"], findings));
    }
    tables
}

fn lanes(group: &GroupStory) -> Vec<Lane> {
    let name = group.name();
    let mut lanes = Vec::new();
    for member in &group.members {
        for (place, played) in member.roles.iter().enumerate() {
            let mut lane = lane(&name, member, played);
            lane.marks.extend(events(group, member.address, played.part));
            if place == 0 {
                lane.marks.extend(findings(group, member.address));
            }
            lanes.push(lane);
        }
    }
    // The lanes of one role stand together, and take-overs are drawn among them.
    lanes.sort_by(|one, other| one.group.cmp(&other.group));
    lanes
}

fn lane(group: &str, member: &MemberStory, played: &Played) -> Lane {
    let group = match played.part {
        Part::Gateway => group.to_owned(),
        Part::Forwarder(number) => format!("{group} forwarder {number}"),
    };
    let settings: Vec<String> = member.settings.iter().map(super::reading::Said::line).collect();
    let settings = settings.join("\n");
    let spans = played.spans.iter().map(|piece| Span {
        from_ns: piece.from_ns,
        to_ns: piece.to_ns,
        role: piece.role,
        label: piece.word.to_owned(),
        detail: settings.clone(),
    });
    let ticks = member.heard.iter().map(|at| Mark {
        at_ns: *at,
        kind: MarkKind::Frame,
        label: String::new(),
        detail: String::new(),
    });
    let marks = if played.part == Part::Gateway { ticks.collect() } else { Vec::new() };
    Lane { label: member.address.to_string(), group, spans: spans.collect(), marks }
}

fn events(group: &GroupStory, who: IpAddr, part: Part) -> impl Iterator<Item = Mark> {
    let concerned = group.events.iter().filter(move |event| event.part == part && subject(event) == who);
    concerned.filter_map(|event| {
        let (kind, label) = label(event)?;
        Some(Mark { at_ns: event.at_ns, kind, label, detail: sentence(event) })
    })
}

/// Whose lane an event is shown in.
fn subject(event: &Event) -> IpAddr {
    match &event.what {
        What::TakeOver(change) | What::Election(change) => change.who,
        What::TwoActive { who, other, yielded, .. } => {
            if *yielded == Some(*who) {
                *who
            } else {
                *other
            }
        }
        What::Holds { who }
        | What::Resignation { who }
        | What::StepDown { who, .. }
        | What::Silence { who, .. }
        | What::Setting { who, .. } => *who,
    }
}

/// A few words for an event; the lane itself shows who held a role from the beginning, and who let go of it.
fn label(event: &Event) -> Option<(MarkKind, String)> {
    match &event.what {
        What::Holds { .. } | What::StepDown { .. } => None,
        What::TakeOver(change) | What::Election(change) => Some((MarkKind::TakeOver, few_words(change))),
        What::Resignation { .. } => Some((MarkKind::Notice, "gives up".to_owned())),
        What::TwoActive { length_ns: 0, .. } => Some((MarkKind::Notice, "claims it once".to_owned())),
        What::TwoActive { length_ns, .. } => {
            Some((MarkKind::Problem, format!("two active for {}", super::moment::about(*length_ns))))
        }
        What::Silence { .. } => Some((MarkKind::Problem, "falls silent".to_owned())),
        What::Setting { setting, now, .. } => Some((MarkKind::Notice, format!("{setting} {now}"))),
    }
}

fn few_words(change: &Change) -> String {
    let waited =
        change.vacant_ns.map(|ns| format!(" after {}", super::moment::about(ns))).unwrap_or_default();
    match change.cause {
        Cause::Priority => "better priority".to_owned(),
        Cause::Address => "higher address".to_owned(),
        Cause::Timeout => format!("time-out{waited}"),
        Cause::HandOver => format!("handed over{waited}"),
        Cause::Coup => "coup".to_owned(),
        Cause::Vacancy => "nobody held it".to_owned(),
        Cause::Disagreement | Cause::Refusal | Cause::Deafness | Cause::Unexplained => {
            "unexplained".to_owned()
        }
    }
}

fn findings(group: &GroupStory, who: IpAddr) -> impl Iterator<Item = Mark> {
    group.findings.iter().filter(move |finding| finding.who.first() == Some(&who)).map(|finding| Mark {
        at_ns: finding.first_ns,
        kind: if finding.refused { MarkKind::Problem } else { MarkKind::Notice },
        label: finding.name.clone(),
        detail: clause(finding),
    })
}
