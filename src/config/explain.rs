//! What a plan means: virtual MACs, who answers for the addresses, timers, and how long a fail-over takes.

use std::fmt::Write as _;
use std::time::Duration;

use fhrp::address::is_link_local;
use fhrp::announcer::{ArpForm, Schedule};
use fhrp::{Family, InterfaceAddress, Mac};
use serde::Serialize;
use vrrp::Config;
use vrrp::config::{
    AcceptChecksum, AntiReplay, Authentication, HmacMode, OWNER_PRIORITY, OnMismatch, SendChecksum, Versions,
};

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
        ProtocolPlan::Vrrp(config) => vrrp_group(plan, config),
        ProtocolPlan::Carp(config) => super::carp::explain(plan, config),
        ProtocolPlan::Hsrp(config) => super::hsrp::explain(plan, config),
        ProtocolPlan::Glbp(config) => super::glbp::explain(plan, config),
    };
    meaning.facts.extend(plan.hook.as_deref().map(super::hook::explain));
    meaning
}

fn vrrp_group(plan: &GroupPlan, config: &Config) -> GroupMeaning {
    GroupMeaning {
        name: plan.name.clone(),
        interface: plan.interface.clone(),
        protocol: "vrrp",
        version: match config.versions {
            Versions::V2 => "2",
            Versions::V3 => "3",
            Versions::Both => "2+3",
        },
        id: u16::from(config.vrid),
        family: Some(config.family),
        priority: Some(config.priority),
        virtual_mac: config.virtual_mac,
        addresses: config.addresses.clone(),
        excluded_addresses: config.excluded.clone(),
        accept: config.accept,
        timers: Spans::Vrrp(Timers::of(config)),
        facts: facts(config),
        hints: hints(config),
    }
}

fn facts(config: &Config) -> Vec<Fact> {
    let mut facts = vec![
        Fact { name: "who answers", value: who_answers(config) },
        Fact { name: "advertisements", value: advertisements(config) },
        Fact { name: "authentication", value: authentication(&config.authentication) },
    ];
    if config.family == Family::Ipv4 && config.versions != Versions::V2 {
        facts.push(Fact { name: "checksum", value: checksum(config) });
    }
    facts.push(Fact { name: "preemption", value: preemption(config) });
    if !config.startup_delay.is_zero() {
        let value = format!("listens for {} before it takes part", readable(config.startup_delay));
        facts.push(Fact { name: "start", value });
    }
    let value = announcements(config.family, &config.announcements);
    facts.push(Fact { name: "announcements", value });
    if config.versions != Versions::V3 && (config.learn_interval || config.on_mismatch == OnMismatch::Accept)
    {
        let interval = if config.learn_interval { "is learnt from the Active" } else { "must be the same" };
        let mismatch = match config.on_mismatch {
            OnMismatch::Discard => "discarded",
            OnMismatch::Accept => "obeyed all the same",
        };
        let value = format!("the interval {interval}; what differs is {mismatch}");
        facts.push(Fact { name: "version 2", value });
    }
    if let Some(advertisement) = &config.router_advertisement {
        let value = format!(
            "at least every {}, lifetime {}, from the virtual link-local address while Active",
            readable(advertisement.interval),
            readable(advertisement.lifetime)
        );
        facts.push(Fact { name: "router advertisement", value });
    }
    facts.push(Fact { name: "let through", value: firewall(config) });
    facts
}

fn who_answers(config: &Config) -> String {
    let asked = if config.family == Family::Ipv4 { "ARP" } else { "neighbour discovery" };
    let mac = config.virtual_mac.map_or("the interface's own MAC".to_owned(), |mac| mac.to_string());
    let ping = if config.accept { "and ping and services too" } else { "but not ping or services" };
    format!("whoever is Active, {asked} with {mac}, {ping}")
}

fn advertisements(config: &Config) -> String {
    let to = if config.peers.is_empty() {
        match config.family {
            Family::Ipv4 => "224.0.0.18".to_owned(),
            Family::Ipv6 => "ff02::12".to_owned(),
        }
    } else {
        let peers: Vec<String> = config.peers.iter().map(|peer| peer.address.to_string()).collect();
        format!("{}, unicast", peers.join(", "))
    };
    let from = match (config.source, config.family) {
        (Some(source), _) => source.to_string(),
        (None, Family::Ipv4) => "the interface's address in the virtual address's network".to_owned(),
        (None, Family::Ipv6) if config.peers.iter().any(|peer| !is_link_local(peer.address)) => {
            "the interface's global address, in the peer's network if it has one".to_owned()
        }
        (None, Family::Ipv6) => "the interface's link-local address".to_owned(),
    };
    format!("every {} to {to}, from {from}", readable(config.advertise_interval))
}

fn authentication(authentication: &Authentication) -> String {
    let numbers = |keys: &[vrrp::config::Key]| -> String {
        let name = |key: &vrrp::config::Key| match key.id {
            0 => "key string".to_owned(),
            number => format!("key {number}"),
        };
        keys.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    match authentication {
        Authentication::None => "none".to_owned(),
        Authentication::Text(_) => "a password in clear, which everybody on the segment can read".to_owned(),
        Authentication::AuthenticationHeader(_) => "IP Authentication Header, HMAC-MD5-96".to_owned(),
        Authentication::CiscoMd5(keys) => {
            format!("Cisco MD5, {}; the first signs, all are accepted", numbers(keys))
        }
        Authentication::Hmac(hmac) => {
            let mode = match hmac.mode {
                HmacMode::ReceiveOnly => "checked when present, not sent",
                HmacMode::Permissive => "sent, unsigned ones still taken",
                HmacMode::Enforce => "sent and required",
            };
            let replay = match hmac.anti_replay {
                AntiReplay::Monotonic => "the sequence must increase".to_owned(),
                AntiReplay::Window(width) => format!("within {} of our clock", readable(width)),
            };
            format!("HMAC-SHA-256, {}, {mode}; {replay}", numbers(&hmac.keys))
        }
    }
}

fn checksum(config: &Config) -> String {
    let sends = match config.send_checksum {
        SendChecksum::AsHeard => "sends the form its neighbours send, RFC 9568's until one is heard",
        SendChecksum::MessageOnly => "sends RFC 9568's form",
        SendChecksum::PseudoHeader => "sends the pseudo-header form",
    };
    let accepts = match config.accept_checksum {
        AcceptChecksum::Both => "accepts both forms",
        AcceptChecksum::MessageOnly => "accepts RFC 9568's alone",
        AcceptChecksum::PseudoHeader => "accepts the pseudo-header form alone",
    };
    format!("{sends}; {accepts}")
}

fn preemption(config: &Config) -> String {
    if config.priority == OWNER_PRIORITY {
        return "Active as soon as it runs: it owns the addresses".to_owned();
    }
    match (config.preempt, config.preempt_delay) {
        (false, _) => "never takes the role from a living Active, however low".to_owned(),
        (true, Duration::ZERO) => "takes the role from a lower Active".to_owned(),
        (true, delay) => format!("takes the role from a lower Active after {}", readable(delay)),
    }
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

fn firewall(config: &Config) -> String {
    let protocol = match config.authentication {
        Authentication::AuthenticationHeader(_) => "IP protocol 51 (AH)",
        _ => "IP protocol 112 (VRRP)",
    };
    match (config.peers.is_empty(), config.family) {
        (true, Family::Ipv4) => format!("{protocol} to 224.0.0.18, in and out"),
        (true, Family::Ipv6) => format!("{protocol} to ff02::12, in and out"),
        (false, _) => format!("{protocol} from and to each peer"),
    }
}

fn hints(config: &Config) -> Vec<String> {
    let mut hints = Vec::new();
    if !config.accept {
        hints.push("the virtual addresses will not answer ping: accept mode is off".to_owned());
    }
    if config.priority == OWNER_PRIORITY {
        hints.push("as owner this router must have all the virtual addresses on its interface".to_owned());
    }
    if config.virtual_mac.is_none() {
        hints.push(
            "hosts must learn another MAC at each fail-over, which they do from the announcements".to_owned(),
        );
        for address in
            config.addresses.iter().filter(|address| address.prefix == Family::of(address.ip).bits())
        {
            hints.push(format!(
                "{} has no prefix length and is put on the interface as {address}",
                address.ip
            ));
        }
    }
    let standard = vrrp::config::virtual_mac(config.family, config.vrid);
    if config.virtual_mac.is_some_and(|mac| mac != standard) {
        hints.push(
            "a virtual MAC of your own choice has to be the same on all routers of the group".to_owned(),
        );
    }
    if !config.preempt && config.priority != OWNER_PRIORITY {
        hints.push("without preemption an Active of lower priority stays, too".to_owned());
    }
    let far = config.peers.iter().any(|peer| peer.min_ttl < 255);
    if far {
        hints.push("a peer with a TTL below 255 may be anybody who can reach this router".to_owned());
    }
    hints
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
