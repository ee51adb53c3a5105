//! What a plan means: virtual MACs, who answers for the addresses, timers, and how long a fail-over takes.

use std::fmt::Write as _;
use std::time::Duration;

use fhrp::announcer::{ArpForm, Schedule};
use fhrp::holdings::RouterAdvertising;
use fhrp::{Family, InterfaceAddress, Mac};
use serde::Serialize;
use vrrp::Config;
use vrrp::config::Versions;

use super::fault::Warning;
use super::plan::{GroupPlan, Plan, ProtocolPlan};

mod print;

/// What a plan means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Meaning {
    /// Each group, in the order of the file.
    pub groups: Vec<GroupMeaning>,
    /// What an operator should know about the file.
    pub warnings: Vec<Warning>,
}

/// What one group means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupMeaning {
    /// Its name.
    pub name: String,
    /// The interface.
    pub interface: String,
    /// `vrrp`, `carp`, `hsrp` or `glbp`
    pub protocol: &'static str,
    /// VRRP: `2`, `3` or `2+3`; CARP: `2`; HSRP: `1` or `2`; GLBP: `1`
    pub version: &'static str,
    /// Its number.
    pub id: u16,
    /// Its address family; `None`: both, under one number.
    pub family: Option<Family>,
    /// Its priority; 255 for an owner. `None` in a protocol that has none.
    pub priority: Option<u8>,
    /// Its virtual MAC; `None`: the interface's own is used.
    pub virtual_mac: Option<Mac>,
    /// The advertised addresses.
    pub addresses: Vec<InterfaceAddress>,
    /// Addresses held without being advertised.
    pub excluded_addresses: Vec<InterfaceAddress>,
    /// Whether the addresses answer ping and offer services.
    pub accept: bool,
    /// Spans of time.
    pub timers: Spans,
    /// Everything else, by name, as clauses.
    pub facts: Vec<Fact>,
    /// What follows from the settings and is easily overlooked.
    pub hints: Vec<String>,
}

/// A named fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is about.
    pub name: &'static str,
    /// What there is to know.
    pub value: String,
}

/// Spans of time, as each protocol has them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Spans {
    /// VRRP's.
    Vrrp(Timers),
    /// CARP's.
    Carp(Intervals),
    /// HSRP's and GLBP's.
    HelloHold(Times),
}

/// The spans of time that decide about a fail-over in CARP, if every router has the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Intervals {
    /// Between two advertisements.
    #[serde(rename = "advertisement_interval_ms", serialize_with = "milliseconds")]
    pub advertisement_interval: Duration,
    /// The last advertisement heard until this router takes over.
    #[serde(rename = "master_down_ms", serialize_with = "milliseconds")]
    pub master_down: Duration,
    /// A crash of the master until this router takes over, if it crashes just before it would advertise.
    #[serde(rename = "crash_best_ms", serialize_with = "milliseconds")]
    pub crash_best: Duration,
    /// The same, if it crashes right after an advertisement.
    #[serde(rename = "crash_worst_ms", serialize_with = "milliseconds")]
    pub crash_worst: Duration,
}

/// The spans of time that decide about a fail-over in HSRP and GLBP, if every router has the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Times {
    /// Between two hellos.
    #[serde(rename = "hello_time_ms", serialize_with = "milliseconds")]
    pub hello_time: Duration,
    /// The last hello heard until a router counts as gone.
    #[serde(rename = "hold_time_ms", serialize_with = "milliseconds")]
    pub hold_time: Duration,
    /// A crash of the active router until the standby router takes over, if it crashes just before it would speak.
    #[serde(rename = "crash_best_ms", serialize_with = "milliseconds")]
    pub crash_best: Duration,
    /// The same, if it crashes right after a hello.
    #[serde(rename = "crash_worst_ms", serialize_with = "milliseconds")]
    pub crash_worst: Duration,
}

/// The spans of time that decide about a fail-over in VRRP, if every router uses the same interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Timers {
    /// Between two advertisements.
    #[serde(rename = "advertise_interval_ms", serialize_with = "milliseconds")]
    pub advertise_interval: Duration,
    /// Skew_Time: a stop of the Active until this router has taken over.
    #[serde(rename = "skew_time_ms", serialize_with = "milliseconds")]
    pub skew_time: Duration,
    /// Active_Down_Interval: the last advertisement heard until this router takes over.
    #[serde(rename = "active_down_interval_ms", serialize_with = "milliseconds")]
    pub active_down_interval: Duration,
    /// A crash of the Active until this router takes over, if it crashes just before it would advertise.
    #[serde(rename = "crash_best_ms", serialize_with = "milliseconds")]
    pub crash_best: Duration,
    /// The same, if it crashes right after an advertisement.
    #[serde(rename = "crash_worst_ms", serialize_with = "milliseconds")]
    pub crash_worst: Duration,
}

fn milliseconds<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64() * 1000.0)
}

impl Timers {
    /// RFC 9568 §6.1; version 2 skews within one second, whatever the interval (RFC 3768 §6.1).
    pub fn of(config: &Config) -> Timers {
        let interval = config.advertise_interval;
        let scale = if config.versions == Versions::V2 { Duration::from_secs(1) } else { interval };
        let skew_time = scale * (256 - u32::from(config.priority)) / 256;
        let active_down_interval = interval * 3 + skew_time;
        Timers {
            advertise_interval: interval,
            skew_time,
            active_down_interval,
            crash_best: interval * 2 + skew_time,
            crash_worst: active_down_interval,
        }
    }
}

/// What a plan means.
pub fn explain(plan: &Plan) -> Meaning {
    Meaning { groups: plan.groups.iter().map(group).collect(), warnings: plan.warnings.clone() }
}

fn group(plan: &GroupPlan) -> GroupMeaning {
    let mut meaning = match &plan.protocol {
        ProtocolPlan::Vrrp(config) => super::vrrp::explain(plan, config),
        ProtocolPlan::Carp(config) => super::carp::explain(plan, config),
        ProtocolPlan::Hsrp(config) => super::hsrp::explain(plan, config),
        ProtocolPlan::Glbp(config) => super::glbp::explain(plan, config),
    };
    meaning.facts.extend(plan.hook.as_deref().map(super::hook::explain));
    meaning
}

/// What is announced, and when again.
pub(super) fn announcements(family: Family, schedule: &Schedule) -> String {
    let Schedule { repeats, refresh, form } = schedule;
    let mut text = match (family, form) {
        (Family::Ipv6, _) => "neighbour advertisements".to_owned(),
        (Family::Ipv4, ArpForm::Request) => "gratuitous ARP requests".to_owned(),
        (Family::Ipv4, ArpForm::Reply) => "gratuitous ARP replies".to_owned(),
        (Family::Ipv4, ArpForm::Both) => "gratuitous ARP requests and replies".to_owned(),
    };
    text.push_str(" at take-over");
    for repeat in repeats {
        // Writing to a String cannot fail.
        let _ = write!(text, ", {} later", readable(*repeat));
    }
    if let Some(refresh) = refresh {
        let _ = write!(text, ", then every {}", readable(*refresh));
    }
    text
}

/// Router advertisements, and from where they come while a router is `holding`, in the protocol's own word.
pub(super) fn router_advertisement(said: &RouterAdvertising, holding: &str) -> Fact {
    let value = format!("{}, from the virtual link-local address while {holding}", how_often(said));
    Fact { name: "router advertisement", value }
}

/// How often router advertisements are sent at least, and for how long hosts believe them.
pub(super) fn how_often(said: &RouterAdvertising) -> String {
    format!("at least every {}, lifetime {}", readable(said.interval), readable(said.lifetime))
}

/// A span of time as people read it: `609.375 ms`.
pub fn readable(span: Duration) -> String {
    let nanoseconds = span.as_nanos();
    let (unit, name) = match nanoseconds {
        0..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let digits = if unit == 1_000 { 3 } else { 6 };
    let rest = nanoseconds % unit * 10_u128.pow(digits) / unit;
    let fraction = format!("{rest:0width$}", width = digits as usize);
    match fraction.trim_end_matches('0') {
        "" => format!("{} {name}", nanoseconds / unit),
        fraction => format!("{}.{fraction} {name}", nanoseconds / unit),
    }
}
