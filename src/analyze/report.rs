//! The story as text.

use std::fmt::{self, Write};

use time::OffsetDateTime;

use super::moment::{about, moment};
use super::reading::Part;
use super::story::{Change, Event, Finding, GroupStory, MemberStory, Story, What};
use crate::log::{count, printable};

/// The story as people read it. `names` is what was read.
pub fn report(story: &Story, names: &str) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_story(&mut out, story, names);
    out
}

/// What was read, in one line.
pub fn summary(story: &Story) -> String {
    let Story { frames, spoken, length_ns, .. } = story;
    let mut text = format!("{} in {}", count(*frames, "frame"), about(*length_ns));
    if let Some(begins) = date(story.begins) {
        text += &format!(" from {begins}");
    }
    text += &format!(", {spoken} of them spoken by routers");
    if story.refused > 0 {
        text += &format!(", {} to be refused", story.refused);
    }
    text
}

fn date(begins: std::time::Duration) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp(i64::try_from(begins.as_secs()).ok()?).ok()?;
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    Some(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC"))
}

fn write_story(out: &mut String, story: &Story, names: &str) -> fmt::Result {
    writeln!(out, "{names}: {}", summary(story))?;
    if story.disordered > 0 {
        writeln!(out, "captured before the one in front of them: {}", count(story.disordered, "frame"))?;
    }
    if story.left_out > 0 {
        writeln!(out, "left out for want of room: {} frames, events and findings", story.left_out)?;
    }
    if !story.comments.is_empty() {
        writeln!(out, "\ncomments in the capture:")?;
    }
    for comment in &story.comments {
        writeln!(out, "  {:>14}  {}", moment(comment.at_ns), printable(&comment.text))?;
    }
    for group in &story.groups {
        write_group(out, group)?;
    }
    if story.groups.is_empty() {
        writeln!(out, "no group of VRRP, CARP, HSRP or GLBP is in it")?;
    }
    Ok(())
}

fn write_group(out: &mut String, group: &GroupStory) -> fmt::Result {
    writeln!(out, "\n{}: {}", group.name(), count(group.members.len(), "router"))?;
    let width = group.members.iter().map(|member| member.address.to_string().len()).max().unwrap_or(0);
    for member in &group.members {
        write_member(out, member, width)?;
    }
    if !group.events.is_empty() {
        out.push('\n');
    }
    for event in &group.events {
        writeln!(out, "  {:>14}  {}", moment(event.at_ns), sentence(event))?;
    }
    if !group.findings.is_empty() {
        out.push('\n');
    }
    for finding in &group.findings {
        writeln!(out, "  {} {}", if finding.refused { "!" } else { "-" }, clause(finding))?;
    }
    Ok(())
}

fn write_member(out: &mut String, member: &MemberStory, width: usize) -> fmt::Result {
    let address = member.address.to_string();
    let mut head = format!("  {address:<width$}  ");
    for settings in &member.settings {
        writeln!(out, "{head}{}", settings.line())?;
        head = " ".repeat(width + 4);
    }
    let macs: Vec<String> = member.macs.iter().map(ToString::to_string).collect();
    if !macs.is_empty() {
        writeln!(out, "{head}from {}", macs.join(" and "))?;
    }
    writeln!(out, "{:indent$}{}", "", heard(member), indent = width + 4)
}

/// How much was heard of a router, and how regularly.
pub fn heard(member: &MemberStory) -> String {
    let mut text = format!(
        "{}, {} to {}",
        count(member.frames, "frame"),
        moment(member.first_ns),
        moment(member.last_ns)
    );
    if member.refused > 0 {
        text += &format!(", {} to be refused", member.refused);
    }
    if let Some(observed) = &member.observed {
        let ns = |ms: f64| about((ms * 1e6) as u64);
        text += &format!(
            "; promised every {}: {} to {} apart, half within {} of it, 99 % within {}",
            ns(observed.promised_ms),
            ns(observed.least_ms),
            ns(observed.most_ms),
            ns(observed.jitter_median_ms),
            ns(observed.jitter_99_ms),
        );
    }
    if member.late > 0 {
        text += &format!("; {} late or lost", member.late);
    }
    text
}

/// What happened, as a sentence.
pub fn sentence(event: &Event) -> String {
    let role = role(event.part);
    match &event.what {
        What::Holds { who } => format!("{who} holds {role} as the capture begins"),
        What::TakeOver(change) => {
            let from = change.from.map(|from| format!(" from {from}")).unwrap_or_default();
            format!("{} takes {role} over{from}: {}", change.who, because(change))
        }
        What::Election(change) => {
            let from = change.from.map(|from| format!(" against {from}")).unwrap_or_default();
            format!("{} is elected to {role}{from}: {}", change.who, because(change))
        }
        What::Resignation { who } => format!("{who} gives {role} up"),
        What::StepDown { who, word } => format!("{who} lets go of {role} and is {word}"),
        What::TwoActive { who, other, length_ns: 0, why, .. } => {
            format!("{other} claims {role} once, which {who} holds: {why}")
        }
        What::TwoActive { who, other, length_ns, yielded, why, .. } => {
            let end = yielded.map_or_else(
                || "as long as the capture goes".to_owned(),
                |yielded| format!("until {yielded} yielded"),
            );
            format!("{who} and {other} both hold {role} for {}, {end}: {why}", about(*length_ns))
        }
        What::Silence { who, length_ns, returned } => {
            let role = match event.part {
                Part::Gateway => String::new(),
                Part::Forwarder(_) => format!(" as {role}"),
            };
            match returned {
                true => format!("{who} falls silent{role} for {}", about(*length_ns)),
                false => format!("{who} falls silent{role}, {} before the capture ends", about(*length_ns)),
            }
        }
        What::Setting { who, setting, before, now } => {
            format!("{who} changes its {setting} from {before} to {now}")
        }
    }
}

fn because(change: &Change) -> String {
    let mut text = change.why.clone();
    if let (Some(vacant), Some(_)) = (change.vacant_ns, change.expected_ns) {
        text += &format!(", and it took {}", about(vacant));
    }
    if let Some(later) = change.last_word_ns {
        text += &format!("; the loser's last word came {} later", about(later));
    }
    if let Some(later) = change.announced_ns {
        text += &format!("; announced to the hosts {} later", about(later));
    }
    text
}

/// A role in a sentence.
pub fn role(part: Part) -> String {
    match part {
        Part::Gateway => "the role".to_owned(),
        Part::Forwarder(number) => format!("forwarder {number}"),
    }
}

/// What is wrong, with how often, where first, and the rule.
pub fn clause(finding: &Finding) -> String {
    let Finding { text, rule, who, first_ns, first_frame, .. } = finding;
    let who = match who.as_slice() {
        [one] => format!("{one}: "),
        _ => String::new(),
    };
    let often = match finding.count {
        1 => "once".to_owned(),
        count => format!("in {count} frames, first"),
    };
    let rule = if rule.is_empty() { String::new() } else { format!("; {rule}") };
    format!("{who}{text} ({often} at {}, frame {first_frame}{rule})", moment(*first_ns))
}
