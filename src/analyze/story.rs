//! The story of a capture, as it is printed, drawn and written as JSON. Moments are nanoseconds since the first
//! frame here, and seconds in JSON; lengths are milliseconds in JSON.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Family, Mac};
use serde::{Serialize, Serializer};

use super::Key;
use super::cadence::Observed;
use super::reading::{Part, Said, listed};
use crate::draw::Role;

/// Everything that a capture tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Story {
    /// When its first frame was captured, since the Unix epoch.
    #[serde(rename = "begins", serialize_with = "seconds_of_span")]
    pub begins: Duration,
    /// From its first frame to its last.
    #[serde(rename = "length_s", serialize_with = "seconds")]
    pub length_ns: u64,
    /// Frames in it.
    pub frames: u64,
    /// Frames that speak one of the protocols.
    pub spoken: u64,
    /// Of these, frames that a router would refuse.
    pub refused: u64,
    /// Frames that were captured before the one in front of them.
    pub disordered: u64,
    /// What was too much to keep: events of a capture in which everything changes all the time, routers of a
    /// capture in which every frame comes from somebody else.
    pub left_out: u64,
    /// What whoever captured wrote beside frames.
    pub comments: Vec<Comment>,
    /// One for each group, in the order of network, protocol, family and number.
    pub groups: Vec<GroupStory>,
}

/// What somebody wrote beside a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comment {
    /// When the frame was captured.
    #[serde(rename = "at_s", serialize_with = "seconds")]
    pub at_ns: u64,
    /// The frame, from 1.
    pub frame: u64,
    /// What.
    pub text: String,
}

/// What became of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupStory {
    /// Its protocol.
    pub protocol: &'static str,
    /// Its number.
    pub group: u16,
    /// Its address family.
    pub family: Family,
    /// The number of the interface it was captured on, if each of them is a network of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<u32>,
    /// The VLAN it lives in, if frames were tagged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// Who took part, by address.
    pub members: Vec<MemberStory>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

impl GroupStory {
    /// Which group it is.
    pub fn key(&self) -> Key {
        let GroupStory { interface, vlan, protocol, family, group, .. } = *self;
        Key { interface, vlan, protocol, family, group }
    }

    /// `vrrp 10`, `vrrp 10 IPv6`, `vlan 20 hsrp 1`.
    pub fn name(&self) -> String {
        let vlan = self.vlan.map(|vlan| format!("vlan {vlan} ")).unwrap_or_default();
        let family = if self.family == Family::Ipv6 { " IPv6" } else { "" };
        let interface = self.interface.map(|number| format!("interface {number} ")).unwrap_or_default();
        format!("{interface}{vlan}{} {}{family}", self.protocol, self.group)
    }
}

/// One router in one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemberStory {
    /// Where it speaks from.
    pub address: IpAddr,
    /// The Ethernet sources of its frames.
    pub macs: Vec<Mac>,
    /// What it said of its settings last, for each version that it speaks.
    pub settings: Vec<Said>,
    /// Its frames.
    pub frames: u64,
    /// Of these, refused ones.
    pub refused: u64,
    /// Its first frame.
    #[serde(rename = "first_s", serialize_with = "seconds")]
    pub first_ns: u64,
    /// Its last frame.
    #[serde(rename = "last_s", serialize_with = "seconds")]
    pub last_ns: u64,
    /// How regularly it spoke.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// Gaps of more than one and a half intervals that were no silence: frames were lost or late.
    pub late: u64,
    /// What it was when, for each role it was ever heard of.
    pub roles: Vec<Played>,
    /// When it was heard: all frames, or enough of them to draw.
    #[serde(skip)]
    pub heard: Vec<u64>,
}

/// What a router was in one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Played {
    /// Which role.
    pub part: Part,
    /// When it was what.
    pub spans: Vec<Piece>,
}

/// A time in which that did not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// From here,
    #[serde(rename = "from_s", serialize_with = "seconds")]
    pub from_ns: u64,
    /// up to here.
    #[serde(rename = "to_s", serialize_with = "seconds")]
    pub to_ns: u64,
    /// What it was.
    #[serde(serialize_with = "role")]
    pub role: Role,
    /// In the protocol's own words.
    pub word: &'static str,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// When it began.
    #[serde(rename = "at_s", serialize_with = "seconds")]
    pub at_ns: u64,
    /// The frame that shows it, from 1.
    pub frame: u64,
    /// Which role it is about.
    pub part: Part,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// Somebody held the role when the capture began.
    Holds {
        /// Who.
        who: IpAddr,
    },
    /// The role changed hands.
    TakeOver(Change),
    /// The role changed hands, or found one, while it was not yet settled who has it.
    Election(Change),
    /// Somebody said that it gives the role up.
    Resignation {
        /// Who.
        who: IpAddr,
    },
    /// Somebody stopped holding the role without anybody taking it from him.
    StepDown {
        /// Who.
        who: IpAddr,
        /// What it is now.
        word: &'static str,
    },
    /// Two held the role at once.
    TwoActive {
        /// Who held it before.
        who: IpAddr,
        /// Who claimed it as well.
        other: IpAddr,
        /// How long.
        #[serde(rename = "length_ms", serialize_with = "millis")]
        length_ns: u64,
        /// Who gave way; `None`: nobody, as long as the capture goes.
        yielded: Option<IpAddr>,
        /// Why there were two.
        cause: Cause,
        /// The same in words.
        why: String,
    },
    /// Somebody fell silent, for longer than its peers wait.
    Silence {
        /// Who.
        who: IpAddr,
        /// How long, up to the capture's end at least.
        #[serde(rename = "length_ms", serialize_with = "millis")]
        length_ns: u64,
        /// Whether it was heard again.
        returned: bool,
    },
    /// Somebody says something else of its settings than before.
    Setting {
        /// Who.
        who: IpAddr,
        /// Which setting.
        setting: &'static str,
        /// What it said before.
        before: String,
        /// What it says now.
        now: String,
    },
}

/// The role changed hands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Who has it now.
    pub who: IpAddr,
    /// Who had it before, if anybody was heard.
    pub from: Option<IpAddr>,
    /// Why.
    pub cause: Cause,
    /// The same in words.
    pub why: String,
    /// From the last holder's last frame until now, if nobody held the role meanwhile.
    #[serde(
        rename = "vacant_ms",
        serialize_with = "optional_millis",
        skip_serializing_if = "Option::is_none"
    )]
    pub vacant_ns: Option<u64>,
    /// How long the new one has to wait by the rules.
    #[serde(
        rename = "expected_ms",
        serialize_with = "optional_millis",
        skip_serializing_if = "Option::is_none"
    )]
    pub expected_ns: Option<u64>,
    /// Whether it waited as if it had not heard the last holder's goodbye.
    #[serde(skip_serializing_if = "is_false")]
    pub unheard: bool,
    /// How much later the last holder said its last word.
    #[serde(
        rename = "last_word_ms",
        serialize_with = "optional_millis",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_word_ns: Option<u64>,
    /// How much later the virtual addresses were announced to the hosts, if they were.
    #[serde(
        rename = "announced_ms",
        serialize_with = "optional_millis",
        skip_serializing_if = "Option::is_none"
    )]
    pub announced_ns: Option<u64>,
}

/// Why a role changed hands, or two had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The better priority.
    Priority,
    /// The same priority, and the higher address.
    Address,
    /// The last holder was silent for too long.
    Timeout,
    /// The last holder gave it up.
    HandOver,
    /// The new one took it by an explicit message.
    Coup,
    /// Nobody had it.
    Vacancy,
    /// Their settings do not go together.
    Disagreement,
    /// The frames of one are refused by the other.
    Refusal,
    /// One does not hear the other.
    Deafness,
    /// Nothing in the capture says why.
    Unexplained,
}

/// Something that is wrong, or at least worth a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name: the counter of the daemon, or the setting with `-mismatch` behind it.
    pub name: String,
    /// What is wrong, as a clause.
    pub text: String,
    /// The rule it breaks; empty if it breaks none.
    pub rule: &'static str,
    /// Whether routers refuse frames for it.
    pub refused: bool,
    /// Whom it is about.
    pub who: Vec<IpAddr>,
    /// When it was seen first.
    #[serde(rename = "first_s", serialize_with = "seconds")]
    pub first_ns: u64,
    /// In which frame, from 1.
    pub first_frame: u64,
    /// In how many frames.
    pub count: u64,
}

impl Said {
    /// The settings in one line: `version 3, priority 200, every 100 ms, for 10.0.10.1`.
    pub fn line(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.version.map(|version| format!("version {version}")));
        parts.extend(self.priority.map(|priority| format!("priority {priority}")));
        parts
            .extend(self.interval.or(self.hello).map(|span| format!("every {}", super::moment::spell(span))));
        parts.extend(self.hold.map(|span| format!("hold {}", super::moment::spell(span))));
        parts.extend(
            (self.authentication != "none").then(|| format!("{} authentication", self.authentication)),
        );
        parts.extend(
            self.checksum.filter(|form| *form != "message-only").map(|form| format!("{form} checksum")),
        );
        parts.extend((!self.addresses.is_empty()).then(|| format!("for {}", listed(&self.addresses))));
        parts.join(", ")
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(truth: &bool) -> bool {
    !truth
}

pub(crate) fn seconds<S: Serializer>(ns: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(*ns as f64 / 1e9)
}

fn seconds_of_span<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

fn millis<S: Serializer>(ns: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(*ns as f64 / 1e6)
}

fn optional_millis<S: Serializer>(ns: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    ns.map(|ns| ns as f64 / 1e6).serialize(serializer)
}

pub(super) fn milliseconds<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs_f64() * 1e3).serialize(serializer)
}

fn role<S: Serializer>(role: &Role, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&role.word())
}
