//! A frame in one line of words.

use fhrp::dissect::{Authentication, Dissection, Problem, Value};

use super::text::Text;
use super::virtuals::About;
use super::{Decoded, Message, What};
use crate::capture::neighbour::{Kind, Neighbour};

/// How lines look.
#[derive(Debug, Clone, Default)]
pub struct Style {
    /// Whether they are coloured.
    pub colour: bool,
    /// What times are counted from, in nanoseconds since the epoch; `None`: times of day, in UTC.
    pub since: Option<u64>,
    /// The name that is put before each line, if there are several files.
    pub file: Option<String>,
}

const RESET: &str = "\x1b[0m";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";

/// Details that say again what stands elsewhere in the line, or that nobody looks for in it.
fn is_left_out(name: &str) -> bool {
    matches!(
        name,
        "auth_type"
            | "checksum_form"
            | "state_code"
            | "md5_address"
            | "key_id"
            | "sequence"
            | "challenge"
            | "owner"
            | "redirect_s"
            | "timeout_s"
            | "lifetime_s"
            | "redirection_s"
    )
}

/// Appends the line.
pub fn write(decoded: &Decoded<'_>, style: &Style, out: &mut Vec<u8>) {
    let mut text = Text(out);
    if let Some(file) = &style.file {
        text.foreign(file);
        text.str(":");
    }
    text.padded(decoded.frame.number, 6, b' ');
    text.str(" ");
    match style.since {
        Some(since) => {
            let from = decoded.frame.at.saturating_sub(since);
            text.seconds(from);
        }
        None => text.time_of_day(decoded.frame.at),
    }
    text.str(" ");
    if let Some(name) = &decoded.frame.interface.name {
        text.foreign(name);
        text.str(" ");
    }
    if !decoded.packet.tags.ids().is_empty() {
        text.str("vlan ");
        text.show(decoded.packet.tags);
        text.str(" ");
    }
    match &decoded.what {
        What::Message(message) => write_message(message, style, &mut text),
        What::Neighbour(about, said, _) => write_neighbour(*about, said, style, &mut text),
    }
    for problem in decoded.problems() {
        write_problem(problem, style, &mut text);
    }
    text.str("\n");
}

/// Appends a problem with the rule that it breaks.
fn write_problem(problem: &Problem, style: &Style, text: &mut Text<'_>) {
    paint(if problem.refused { RED } else { YELLOW }, style, text, |text| {
        text.str(if problem.refused { " !! " } else { " ! " });
        text.foreign(&problem.text);
        text.str(" (");
        text.str(problem.rule);
        text.str(")");
    });
}

pub(super) fn paint(colour: &str, style: &Style, text: &mut Text<'_>, write: impl FnOnce(&mut Text<'_>)) {
    if style.colour {
        text.str(colour);
    }
    write(text);
    if style.colour {
        text.str(RESET);
    }
}

fn write_message(message: &Message<'_>, style: &Style, text: &mut Text<'_>) {
    let shown = &message.shown;
    if let Some(received) = &message.received {
        text.ip(received.source);
        text.str(" → ");
        text.ip(received.destination);
        text.str(" ");
    }
    paint(BOLD, style, text, |text| {
        text.str(match shown.protocol {
            "vrrp" => "VRRP",
            "carp" => "CARP",
            "hsrp" => "HSRP",
            "glbp" => "GLBP",
            other => other,
        });
        if let Some(version) = shown.version.filter(|_| shown.protocol != "carp") {
            text.str("v");
            text.number(version.into());
        }
        if let Some(group) = shown.group {
            text.str(" ");
            text.number(group.into());
        }
    });
    text.str(" ");
    text.str(shown.kind);
    write_facts(shown, text);
}

fn write_facts(shown: &Dissection, text: &mut Text<'_>) {
    if let Some(state) = shown.state {
        text.str(", ");
        text.str(state);
    }
    if let Some(priority) = shown.priority {
        text.str(", priority ");
        text.number(priority.into());
    }
    for (name, span) in [("", shown.interval), ("hello ", shown.hello), ("hold ", shown.hold)] {
        if let Some(span) = span {
            text.str(", ");
            text.str(name);
            text.span(span);
        }
    }
    for (place, address) in shown.addresses.iter().enumerate() {
        text.str(if place == 0 { ", " } else { " " });
        text.ip(*address);
    }
    if let Some(Authentication { kind, verified }) =
        shown.authentication.as_ref().filter(|it| it.kind != "none")
    {
        text.str(", ");
        text.str(kind);
        text.str(match verified {
            Some(true) => " verified",
            Some(false) => " wrong",
            None => "",
        });
    }
    for (name, value) in &shown.details {
        // What is not so, or zero, is what a reader takes for granted.
        let is_news = !matches!(value, Value::Truth(false) | Value::Number(0));
        if is_news && !is_left_out(name) {
            text.str(", ");
            text.detail(name, value, is_left_out);
        }
    }
}

fn write_neighbour(about: About, said: &Neighbour, style: &Style, text: &mut Text<'_>) {
    paint(BOLD, style, text, |text| text.str(if said.about.is_ipv4() { "ARP " } else { "ND " }));
    match said.kind {
        Kind::Question => {
            text.str("who has ");
            text.ip(said.about);
            text.str("? tells ");
            said.source.into_iter().for_each(|source| text.ip(source));
        }
        Kind::Probe => {
            text.str("does anybody have ");
            text.ip(said.about);
            text.str("? asks ");
            text.mac(said.mac);
        }
        Kind::Answer | Kind::Announcement => {
            text.ip(said.about);
            text.str(" is at ");
            text.mac(said.mac);
            if said.kind == Kind::Announcement {
                text.str(", unasked");
            } else {
                text.str(", to ");
                text.ip(said.destination);
            }
        }
        Kind::Router => {
            text.ip(said.about);
            text.str(" is a router, at ");
            text.mac(said.mac);
        }
    }
    paint(DIM, style, text, |text| {
        text.str(" [");
        text.str(about.protocol);
        text.str(" ");
        text.number(about.group.into());
        text.str("]");
    });
}
