//! What a frame says about roles, in words that all protocols share. Each protocol's own knowledge is in a file
//! of its own; the rest of the analysis asks here.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::dissect::{Dissection, Value};
use serde::Serialize;

use super::moment::spell;
use super::{carp, glbp, hsrp, vrrp};

/// Which of a group's roles is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The role: answering for the virtual address, and in most protocols forwarding as well.
    Gateway,
    /// The forwarder of this number.
    Forwarder(u8),
}

/// What a router says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// It holds the role.
    Holds,
    /// It gives the role up, or would not take it.
    Resigns,
    /// It is there and does not hold the role.
    StandsBy,
}

/// One thing a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// Which role is spoken of.
    pub part: Part,
    /// What is said of it.
    pub stance: Stance,
    /// In the protocol's own words: `standby`.
    pub word: &'static str,
    /// Whether it takes the role from somebody who holds it, by an explicit message.
    pub coup: bool,
    /// Its priority for this role alone, if roles have priorities of their own.
    pub rank: Option<u8>,
}

/// What a frame says about roles and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// One for each role that is spoken of.
    pub statements: Vec<Statement>,
    /// Whether it names every role that the sender holds: what it does not name, it has let go.
    pub complete: bool,
    /// When the next such frame is promised.
    pub every: Option<Duration>,
    /// How long the peers wait at least before they take it for dead.
    pub patience: Option<Duration>,
}

/// Reads a frame; `None` if it says nothing that can be believed.
pub fn read(dissection: &Dissection) -> Option<Reading> {
    let garbled = |name: &str| matches!(name, "checksum-errors" | "packet-length-errors");
    if dissection.kind == "unreadable" || dissection.problems.iter().any(|problem| garbled(problem.name)) {
        return None;
    }
    match dissection.protocol {
        "vrrp" => Some(vrrp::read(dissection)),
        "carp" => Some(carp::read(dissection)),
        "hsrp" => Some(hsrp::read(dissection)),
        "glbp" => Some(glbp::read(dissection)),
        _ => None,
    }
}

/// How a role became free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vacancy {
    /// Its holder said goodbye.
    Resigned,
    /// Its holder fell silent.
    Silent,
}

/// What a router last said of itself, as far as it is a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Protocol version.
    pub version: Option<u8>,
    /// Priority, other than one that gives up the role.
    pub priority: Option<u8>,
    /// Time between advertisements, in milliseconds.
    #[serde(rename = "interval_ms", serialize_with = "super::story::milliseconds")]
    pub interval: Option<Duration>,
    /// Time between hellos, in milliseconds.
    #[serde(rename = "hello_ms", serialize_with = "super::story::milliseconds")]
    pub hello: Option<Duration>,
    /// How long it is to be believed without another hello, in milliseconds.
    #[serde(rename = "hold_ms", serialize_with = "super::story::milliseconds")]
    pub hold: Option<Duration>,
    /// The virtual addresses, in the order on the wire.
    pub addresses: Vec<IpAddr>,
    /// What proves who sent it.
    pub authentication: &'static str,
    /// The form of its checksums, where there is a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<&'static str>,
}

impl Said {
    /// The settings that a frame shows; `before` is what stays true of what it does not show.
    pub fn of(dissection: &Dissection, before: Option<&Said>) -> Said {
        let gives_up = dissection.priority == Some(0);
        Said {
            version: dissection.version,
            priority: match gives_up {
                true => before.and_then(|before| before.priority),
                false => dissection.priority.or(before.and_then(|before| before.priority)),
            },
            interval: dissection.interval.or(before.and_then(|before| before.interval)),
            hello: dissection.hello.or(before.and_then(|before| before.hello)),
            hold: dissection.hold.or(before.and_then(|before| before.hold)),
            addresses: match (dissection.addresses.is_empty(), before) {
                (true, Some(before)) => before.addresses.clone(),
                (true, None) | (false, _) => dissection.addresses.clone(),
            },
            authentication: dissection.authentication.as_ref().map_or("none", |proof| proof.kind),
            checksum: checksum(dissection).or(before.and_then(|before| before.checksum)),
        }
    }

    /// Whether a frame shows exactly these settings; allocates nothing.
    pub fn is_confirmed_by(&self, dissection: &Dissection) -> bool {
        let same = |was: Option<Duration>, is: Option<Duration>| is.is_none() || was == is;
        self.version == dissection.version
            && (dissection.priority.is_none_or(|priority| priority == 0)
                || self.priority == dissection.priority)
            && same(self.interval, dissection.interval)
            && same(self.hello, dissection.hello)
            && same(self.hold, dissection.hold)
            && (dissection.addresses.is_empty() || self.addresses == dissection.addresses)
            && self.authentication == dissection.authentication.as_ref().map_or("none", |proof| proof.kind)
            && checksum(dissection).is_none_or(|form| self.checksum == Some(form))
    }
}

/// The form of a checksum, if it is not right in both.
fn checksum(dissection: &Dissection) -> Option<&'static str> {
    dissection.details.iter().find_map(|(name, value)| match (*name, value) {
        ("checksum_form", Value::Word(form)) if *form != "either" => Some(*form),
        _ => None,
    })
}

/// How long `successor` waits before it takes a role that `holder` has left, and the rule for it.
pub fn wait_before_taking(
    protocol: &str,
    successor: &Said,
    holder: &Said,
    vacancy: Vacancy,
) -> Option<(Duration, &'static str)> {
    match protocol {
        "vrrp" => vrrp::wait_before_taking(successor, holder, vacancy),
        "carp" => carp::wait_before_taking(successor, vacancy),
        "hsrp" | "glbp" => hsrp::wait_before_taking(protocol, holder, vacancy),
        _ => None,
    }
}

/// Who of two should hold the role, as far as their settings and addresses say.
pub fn better(protocol: &str, one: (&Said, IpAddr), other: (&Said, IpAddr)) -> Verdict {
    let order = match protocol {
        // Whoever advertises more often.
        "carp" => other.0.interval.cmp(&one.0.interval),
        _ => one.0.priority.cmp(&other.0.priority),
    };
    match order {
        std::cmp::Ordering::Greater => Verdict::One,
        std::cmp::Ordering::Less => Verdict::Other,
        std::cmp::Ordering::Equal if protocol == "carp" => Verdict::Even,
        std::cmp::Ordering::Equal if one.1 > other.1 => Verdict::OneByAddress,
        std::cmp::Ordering::Equal => Verdict::OtherByAddress,
    }
}

/// What it is better by, in words: `priority 200`.
pub fn strength(protocol: &str, said: &Said) -> String {
    match protocol {
        "carp" => {
            said.interval.map_or_else(|| "interval".to_owned(), |own| format!("interval {}", spell(own)))
        }
        _ => said.priority.map_or_else(|| "priority".to_owned(), |own| format!("priority {own}")),
    }
}

/// The outcome of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The first, by its settings.
    One,
    /// The second, by its settings.
    Other,
    /// The first: the settings are the same, its address is higher.
    OneByAddress,
    /// The second, likewise.
    OtherByAddress,
    /// Nobody: whoever is heard by the other has it.
    Even,
}

/// A setting that members of a group have to agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// Which setting: `interval`.
    pub setting: &'static str,
    /// What the first says, and what the second.
    pub values: (String, String),
    /// The rule.
    pub rule: &'static str,
    /// Whether they refuse each other's frames for it.
    pub refused: bool,
    /// Whether each frame is judged for it already.
    pub judged: bool,
}

impl Disagreement {
    /// Their proofs were made with different keys. The keys themselves are nobody's business.
    pub fn of_keys() -> Disagreement {
        Disagreement {
            setting: "key",
            values: (String::new(), String::new()),
            rule: "members of a group share a key",
            refused: true,
            judged: false,
        }
    }

    /// In words.
    pub fn sentence(&self, one: IpAddr, other: IpAddr) -> String {
        let Disagreement { setting, values: (ours, theirs), .. } = self;
        match *setting {
            "key" => format!("{one} has a different key than {other}"),
            _ => format!("{one} says {setting} {ours}, {other} says {theirs}"),
        }
    }
}

/// What two members say that does not go together.
pub fn disagreements(protocol: &str, one: &Said, other: &Said) -> Vec<Disagreement> {
    match protocol {
        "vrrp" => vrrp::disagreements(one, other),
        "hsrp" | "glbp" => hsrp::disagreements(one, other),
        _ => Vec::new(),
    }
}

/// A list of addresses as a setting is printed.
pub fn listed(addresses: &[IpAddr]) -> String {
    addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
}
