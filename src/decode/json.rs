//! A frame as one JSON object on a line of its own.

use std::time::Duration;

use fhrp::Mac;
use fhrp::dissect::{Authentication, Dissection, Problem, Value};

use super::text::Text;
use super::virtuals::About;
use super::{Decoded, Message, What};
use crate::capture::neighbour::{Kind, Neighbour};

/// Keys that a protocol's details cannot take.
fn is_taken(name: &str) -> bool {
    matches!(
        name,
        "file"
            | "frame"
            | "time"
            | "interface"
            | "vlans"
            | "comments"
            | "src_mac"
            | "dst_mac"
            | "src"
            | "dst"
            | "ttl"
            | "protocol"
            | "version"
            | "kind"
            | "group"
            | "state"
            | "priority"
            | "addresses"
            | "hello_ms"
            | "hold_ms"
            | "interval_ms"
            | "auth"
            | "valid"
            | "problems"
    )
}

/// Appends the line; `file` is its name if there are several.
pub fn write(decoded: &Decoded<'_>, file: Option<&str>, out: &mut Vec<u8>) {
    let mut object = Object { text: Text(out), first: true };
    object.text.str("{");
    let frame = &decoded.frame;
    if let Some(file) = file {
        object.string("file", file);
    }
    object.number("frame", frame.number);
    object.key("time").seconds(frame.at);
    if let Some(name) = &frame.interface.name {
        object.string("interface", name);
    }
    let vlans = decoded.packet.tags;
    object.list("vlans", vlans.ids(), |text, id| text.number((*id).into()));
    let comments: Vec<_> = frame.comments().collect();
    object.list("comments", &comments, |text, comment| string(text, comment));
    object.mac("src_mac", decoded.packet.source_mac);
    object.mac("dst_mac", decoded.packet.destination_mac);
    match &decoded.what {
        What::Message(message) => write_message(message, &mut object),
        What::Neighbour(about, said, problems) => write_neighbour(*about, said, problems, &mut object),
    }
    object.text.str("}\n");
}

fn write_message(message: &Message<'_>, object: &mut Object<'_>) {
    let shown = &message.shown;
    if let Some(received) = &message.received {
        object.quoted("src").ip(received.source);
        object.unquote().quoted("dst").ip(received.destination);
        object.unquote().number("ttl", received.hop_limit.into());
    }
    object.string("protocol", shown.protocol);
    if let Some(version) = shown.version {
        object.number("version", version.into());
    }
    object.string("kind", shown.kind);
    if let Some(group) = shown.group {
        object.number("group", group.into());
    }
    if let Some(state) = shown.state {
        object.string("state", state);
    }
    if let Some(priority) = shown.priority {
        object.number("priority", priority.into());
    }
    object.list("addresses", &shown.addresses, |text, address| {
        text.str("\"");
        text.ip(*address);
        text.str("\"");
    });
    write_times(shown, object);
    if let Some(Authentication { kind, verified }) = &shown.authentication {
        let text = object.key("auth");
        text.str("{\"kind\":\"");
        text.str(kind);
        text.str("\",\"verified\":");
        text.str(truth(*verified));
        text.str("}");
    }
    for (name, value) in shown.details.iter().filter(|(name, _)| !is_taken(name)) {
        write_value(object.key(name), value);
    }
    object.key("valid").str(truth(message.whole.then(|| shown.is_valid())));
    object.problems(&shown.problems);
}

fn write_times(shown: &Dissection, object: &mut Object<'_>) {
    let mut span = |name, span: Option<Duration>| {
        if let Some(span) = span {
            object.key(name).milliseconds(span);
        }
    };
    span("hello_ms", shown.hello);
    span("hold_ms", shown.hold);
    span("interval_ms", shown.interval);
}

fn write_neighbour(about: About, said: &Neighbour, problems: &[Problem], object: &mut Object<'_>) {
    if let Some(source) = said.source {
        object.quoted("src").ip(source);
        object.unquote();
    }
    object.quoted("dst").ip(said.destination);
    object.unquote();
    if let Some(limit) = said.hop_limit {
        object.number("ttl", limit.into());
    }
    object.string("protocol", said.protocol());
    object.string(
        "kind",
        match said.kind {
            Kind::Question => "request",
            Kind::Probe => "probe",
            Kind::Answer => "reply",
            Kind::Announcement => "announcement",
            Kind::Router => "router",
        },
    );
    object.number("group", about.group.into());
    object.list("addresses", &[said.about], |text, address| {
        text.str("\"");
        text.ip(*address);
        text.str("\"");
    });
    object.string("about", about.protocol);
    object.mac("mac", said.mac);
    object.key("valid").str(truth(Some(!problems.iter().any(|problem| problem.refused))));
    object.problems(problems);
}

fn truth(truth: Option<bool>) -> &'static str {
    match truth {
        Some(true) => "true",
        Some(false) => "false",
        None => "null",
    }
}

fn write_value(text: &mut Text<'_>, value: &Value) {
    match value {
        Value::Number(number) => text.number(*number),
        Value::Digits(_) | Value::Mac(_) | Value::Address(_) => {
            text.str("\"");
            text.value(value, |_| false);
            text.str("\"");
        }
        Value::Truth(value) => text.str(truth(Some(*value))),
        Value::Word(word) => string(text, word),
        Value::Text(words) => string(text, words),
        Value::List(values) => {
            text.str("[");
            for (place, value) in values.iter().enumerate() {
                text.str(if place > 0 { "," } else { "" });
                write_value(text, value);
            }
            text.str("]");
        }
        Value::Record(fields) => {
            text.str("{");
            for (place, (name, value)) in fields.iter().enumerate() {
                text.str(if place > 0 { "," } else { "" });
                string(text, name);
                text.str(":");
                write_value(text, value);
            }
            text.str("}");
        }
    }
}

/// A JSON string. Writing to memory does not fail, and every text can be said in JSON.
fn string(text: &mut Text<'_>, what: &str) {
    let is_plain = what.bytes().all(|octet| octet >= 0x20 && octet != b'"' && octet != b'\\');
    if is_plain {
        text.str("\"");
        text.str(what);
        text.str("\"");
    } else {
        let _ = serde_json::to_writer(&mut *text.0, what);
    }
}

/// An object that is being written.
struct Object<'b> {
    text: Text<'b>,
    first: bool,
}

impl<'b> Object<'b> {
    /// Names a member; its value is for the caller to write. Names are the program's own and need no escaping. In
    /// its place, a name is a few constants that are stored at once; a line is half names.
    #[inline(always)]
    fn key(&mut self, name: &str) -> &mut Text<'b> {
        if !std::mem::take(&mut self.first) {
            self.text.str(",");
        }
        self.text.str("\"");
        self.text.str(name);
        self.text.str("\":");
        &mut self.text
    }

    /// As [`Object::key`], of a value between quotation marks; [`Object::unquote`] writes the second one.
    #[inline(always)]
    fn quoted(&mut self, name: &str) -> &mut Text<'b> {
        let text = self.key(name);
        text.str("\"");
        text
    }

    fn unquote(&mut self) -> &mut Self {
        self.text.str("\"");
        self
    }

    #[inline(always)]
    fn number(&mut self, name: &str, number: u64) {
        self.key(name).number(number);
    }

    #[inline(always)]
    fn string(&mut self, name: &str, value: &str) {
        string(self.key(name), value);
    }

    /// Nothing, if the link layer does not say it.
    fn mac(&mut self, name: &str, mac: Mac) {
        if mac != Mac::default() {
            self.quoted(name).mac(mac);
            self.unquote();
        }
    }

    /// Nothing, if it is empty.
    fn list<T>(&mut self, name: &str, values: &[T], write: impl Fn(&mut Text<'b>, &T)) {
        if values.is_empty() {
            return;
        }
        let text = self.key(name);
        text.str("[");
        for (place, value) in values.iter().enumerate() {
            text.str(if place > 0 { "," } else { "" });
            write(text, value);
        }
        text.str("]");
    }

    fn problems(&mut self, problems: &[Problem]) {
        let text = self.key("problems");
        text.str("[");
        for (place, problem) in problems.iter().enumerate() {
            text.str(if place > 0 { ",{\"name\":" } else { "{\"name\":" });
            string(text, problem.name);
            text.str(",\"text\":");
            string(text, &problem.text);
            text.str(",\"rule\":");
            string(text, problem.rule);
            text.str(",\"refused\":");
            text.str(truth(Some(problem.refused)));
            text.str("}");
        }
        text.str("]");
    }
}
