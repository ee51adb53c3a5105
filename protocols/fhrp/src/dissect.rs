//! What a frame says, for whoever reads a capture: the same code that obeys a frame explains it.
//!
//! A protocol takes a frame apart without a group, so it judges what the frame alone shows: lengths, checksums,
//! TTL, addresses, digests under the keys it is given. What takes a second frame to see (settings that differ
//! among members, a counter that goes back) is for the reader of the whole capture.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use crate::address::Mac;

/// What is known besides the frame.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Keys to try; a digest is good if one of them fits.
    pub keys: &'a [&'a [u8]],
    /// Virtual addresses that the group may have. CARP's digest covers them, and its message does not say them.
    pub addresses: &'a [IpAddr],
    /// Whether [`Dissection::fields`] is wanted: that tree costs more than all the rest, and whoever counts a
    /// million frames does not look at it.
    pub fields: bool,
}

/// A frame of one protocol, taken apart. A fact that the protocol does not have, or that could not be read, is
/// absent. Words are the protocol's own, in lower case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dissection {
    /// `vrrp`, `carp`, `hsrp` or `glbp`.
    pub protocol: &'static str,
    /// Version on the wire.
    pub version: Option<u8>,
    /// What kind of message it is: `advertisement`, `hello`, `coup`; `unreadable` if that cannot be told.
    pub kind: &'static str,
    /// The group's number.
    pub group: Option<u16>,
    /// The state that the sender claims.
    pub state: Option<&'static str>,
    /// The sender's priority.
    pub priority: Option<u8>,
    /// The virtual addresses it names, in their order on the wire.
    pub addresses: Vec<IpAddr>,
    /// Time between hellos.
    pub hello: Option<Duration>,
    /// How long the sender is believed to live without another hello.
    pub hold: Option<Duration>,
    /// Time between advertisements.
    pub interval: Option<Duration>,
    /// What proves who sent it.
    pub authentication: Option<Authentication>,
    /// Everything else the message says, by name: `advskew`, `forwarders`.
    pub details: Vec<(&'static str, Value)>,
    /// Rules it breaks.
    pub problems: Vec<Problem>,
    /// Every field, in the order of the octets; empty unless [`Known::fields`] asks for them.
    pub fields: Vec<Field>,
}

impl Dissection {
    /// A frame of `protocol` of which nothing has been read yet.
    pub fn new(protocol: &'static str) -> Self {
        Dissection {
            protocol,
            version: None,
            kind: "unreadable",
            group: None,
            state: None,
            priority: None,
            addresses: Vec::new(),
            hello: None,
            hold: None,
            interval: None,
            authentication: None,
            details: Vec::new(),
            problems: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Whether a router would obey it, as far as the frame alone shows.
    pub fn is_valid(&self) -> bool {
        !self.problems.iter().any(|problem| problem.refused)
    }
}

/// What proves who sent a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Authentication {
    /// `none`, `text`, `md5`, `ah`, `hmac-sha1` or `hmac-sha256`.
    pub kind: &'static str,
    /// Whether it is right under one of the keys; `None` where no key was given or nothing is to be verified.
    pub verified: Option<bool>,
}

/// A rule that a frame breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The counter of the daemon that counts it: `checksum-errors`.
    pub name: &'static str,
    /// What is wrong, as a clause: `TTL 64, must be 255`.
    pub text: String,
    /// Which rule that breaks: `RFC 9568 §7.1`.
    pub rule: &'static str,
    /// Whether a router discards the frame for it, or obeys and at most complains.
    pub refused: bool,
}

impl Problem {
    /// A rule for which routers discard the frame.
    pub fn refusal(name: &'static str, text: impl Into<String>, rule: &'static str) -> Self {
        Problem { name, text: text.into(), rule, refused: true }
    }

    /// A rule that the sender breaks, and routers obey the frame all the same: a source MAC that is not the virtual
    /// one, a setting that differs.
    pub fn remark(name: &'static str, text: impl Into<String>, rule: &'static str) -> Self {
        Problem { name, text: text.into(), rule, refused: false }
    }
}

/// One field of a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// Octets from the beginning of the payload above IP, or above UDP.
    pub offset: usize,
    /// Octets it takes.
    pub length: usize,
    /// Its name, as the specification has it: `Virtual Rtr ID`.
    pub name: &'static str,
    /// What it says: `10`.
    pub value: String,
    /// What that means, if the value does not say it: `giving up the role`.
    pub meaning: Option<String>,
    /// Fields inside: a TLV's.
    pub inside: Vec<Field>,
}

impl Field {
    /// A field whose value says it all.
    pub fn new(offset: usize, length: usize, name: &'static str, value: impl ToString) -> Self {
        Field { offset, length, name, value: value.to_string(), meaning: None, inside: Vec::new() }
    }

    /// The same with what its value means.
    pub fn meaning(self, meaning: impl Into<String>) -> Self {
        Field { meaning: Some(meaning.into()), ..self }
    }

    /// The same with fields inside.
    pub fn holding(self, inside: Vec<Field>) -> Self {
        Field { inside, ..self }
    }
}

/// A number in hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    /// The number.
    pub number: u64,
    /// How many digits it has at least.
    pub width: usize,
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$x}", self.number, width = self.width)
    }
}

impl Serialize for Digits {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A detail's value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A number.
    Number(u64),
    /// A number that is written in hexadecimal digits: a counter, a nonce.
    Digits(Digits),
    /// A station.
    Mac(Mac),
    /// An address.
    Address(IpAddr),
    /// Yes or no.
    Truth(bool),
    /// A word of the protocol's.
    Word(&'static str),
    /// Text.
    Text(String),
    /// Several, in order.
    List(Vec<Value>),
    /// Several, by name.
    Record(Vec<(&'static str, Value)>),
}

impl Value {
    /// A number in hexadecimal digits, of octets on the wire.
    pub fn digits<const N: usize>(octets: [u8; N]) -> Value {
        let number = octets.iter().fold(0, |number: u64, octet| (number << 8) | u64::from(*octet));
        Value::Digits(Digits { number, width: 2 * N })
    }
}
