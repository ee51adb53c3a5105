//! Events as sentences: one line each, the same in the log and in `firsthop events`.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use fhrp::{Family, Note};
use tracing::Level;

use crate::event::{Event, Subject, What};

/// An event as one line: `eth0 vrrp 10: Backup → Active: no advertisement for 309.375 ms`.
///
/// What comes from the wire may be quoted in it, so control characters are spelt out.
pub fn line(event: &Event) -> String {
    let text = match &event.group {
        Some(subject) => format!("{}: {}", Named(subject), sentence(&event.what)),
        None => sentence(&event.what),
    };
    printable(&text).into_owned()
}

/// How loudly an event is said.
pub fn level(what: &What) -> Level {
    match what {
        What::Group(Note::Alarm { raised: true, .. }) | What::Kernel { lost: true, .. } => Level::ERROR,
        What::Group(Note::Refused { .. })
        | What::Repeated { .. }
        | What::Kernel { lost: false, .. }
        | What::Stalled { .. }
        | What::Daemon { warning: true, .. } => Level::WARN,
        What::Group(Note::Transition { .. } | Note::Alarm { raised: false, .. } | Note::Remark { .. })
        | What::Interface { .. }
        | What::Daemon { warning: false, .. } => Level::INFO,
    }
}

/// One word for what happened, for whoever filters a JSON log.
pub fn kind(what: &What) -> &'static str {
    match what {
        What::Group(Note::Transition { .. }) => "transition",
        What::Group(Note::Refused { .. }) => "refused",
        What::Group(Note::Alarm { .. }) => "alarm",
        What::Group(Note::Remark { .. }) => "remark",
        What::Repeated { .. } => "repeated",
        What::Interface { .. } => "interface",
        What::Kernel { .. } => "kernel",
        What::Stalled { .. } => "stalled",
        What::Daemon { .. } => "daemon",
    }
}

/// `1 group`, `2 groups`.
pub fn count(number: impl Display + From<u8> + PartialEq, what: &str) -> String {
    let plural = if number == 1.into() { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// The text with control characters spelt out, so that it stays on its line and leaves the terminal alone.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if letter.is_control() {
            safe.extend(letter.escape_default());
        } else {
            safe.push(letter);
        }
    }
    Cow::Owned(safe)
}

fn sentence(what: &What) -> String {
    match what {
        What::Group(note) => note_sentence(note),
        What::Repeated { name, count, latest } => {
            format!("{name}, {count} more like it left out, the latest: {latest}")
        }
        What::Interface { name, text } => format!("{name} {text}"),
        What::Kernel { text, lost: false } => text.clone(),
        What::Kernel { text, lost: true } => format!("lost: {text}"),
        What::Stalled { ms } => format!("the event loop stood still for {ms:.1} ms"),
        What::Daemon { text, .. } => text.clone(),
    }
}

/// A note, as a sentence.
pub fn note_sentence(note: &Note) -> String {
    match note {
        Note::Transition { from, to, reason, .. } => format!("{from} → {to}: {reason}"),
        Note::Refused { from, reason, .. } => format!("refused a frame of {from}: {reason}"),
        Note::Alarm { name, raised: true, reason } => format!("ALARM {name}: {reason}"),
        Note::Alarm { name, raised: false, reason } => format!("alarm {name} is over: {reason}"),
        Note::Remark { about: Some(about), text, .. } if !text.contains(&about.to_string()) => {
            format!("{about}: {text}")
        }
        Note::Remark { text, .. } => text.clone(),
    }
}

/// A group in front of a sentence: `eth0 vrrp 10`, and its name behind it if the operator gave it another.
struct Named<'a>(&'a Subject);

impl Display for Named<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Subject { name, interface, protocol, id, family } = self.0;
        let mut identity = format!("{interface} {protocol} {id}");
        if *family == Some(Family::Ipv6) {
            identity += " IPv6";
        }
        if *name == identity { f.write_str(name) } else { write!(f, "{identity} ({name})") }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fhrp::Standing;

    use super::*;

    fn event(what: What) -> Event {
        let group = Subject {
            name: "office".into(),
            interface: "eth0".into(),
            protocol: "vrrp",
            family: Some(Family::Ipv4),
            id: 10,
        };
        Event { sequence: 1, wall: Duration::ZERO, group: Some(group), what }
    }

    #[test]
    fn a_transition_is_one_line_with_its_reason() {
        let event = event(What::Group(Note::Transition {
            from: "Backup",
            to: "Active",
            standing: Standing::Holding,
            reason: "no advertisement for 309.375 ms".into(),
        }));
        assert_eq!(line(&event), "eth0 vrrp 10 (office): Backup → Active: no advertisement for 309.375 ms");
        let mut event = event;
        if let Some(subject) = &mut event.group {
            subject.name = "eth0 vrrp 10".into();
        }
        assert_eq!(line(&event), "eth0 vrrp 10: Backup → Active: no advertisement for 309.375 ms");
        assert_eq!(level(&event.what), Level::INFO);
    }

    #[test]
    fn what_a_stranger_says_stays_on_its_line() {
        let event = event(What::Group(Note::Refused {
            from: "10.0.0.9".parse().unwrap(),
            counter: "authentication-failures",
            reason: "password `a\nb\u{1b}[2J`".into(),
        }));
        assert_eq!(
            line(&event),
            "eth0 vrrp 10 (office): refused a frame of 10.0.0.9: password `a\\nb\\u{1b}[2J`"
        );
        assert_eq!(level(&event.what), Level::WARN);
    }
}
