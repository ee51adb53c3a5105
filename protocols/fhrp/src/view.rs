//! What an operator is shown of a group, in the protocol's own words.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use crate::address::{Family, InterfaceAddress, Mac};
use crate::note::Standing;
use crate::time::Instant;

/// A group as it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct View {
    /// `vrrp`, `carp`, `hsrp` or `glbp`.
    pub protocol: &'static str,
    /// Protocol version, in the protocol's words: `2`, `3`, `2+3`.
    pub version: &'static str,
    /// The group's number.
    pub id: u16,
    /// Its address family; `None`: both, under one number.
    pub family: Option<Family>,
    /// The state, as the specification spells it: `Backup`.
    pub state: &'static str,
    /// What that means.
    pub standing: Standing,
    /// Since when.
    #[serde(skip)]
    pub since: Instant,
    /// Why.
    pub reason: String,
    /// Effective priority, after tracking; `None` in a protocol that has none.
    pub priority: Option<u8>,
    /// Priority as configured.
    pub configured_priority: Option<u8>,
    /// Who holds the role, as far as this router knows.
    pub active: Option<IpAddr>,
    /// The address this router speaks from.
    pub source: Option<IpAddr>,
    /// The virtual addresses.
    pub addresses: Vec<InterfaceAddress>,
    /// The virtual MACs; empty if the interface's own is used.
    pub virtual_macs: Vec<Mac>,
    /// The group's forwarders, where it has several of them: GLBP.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forwarders: Vec<Forwarder>,
    /// The hosts that were told one of those, whoever asked last first; as far as the operator wants to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Client>,
    /// Intervals and running timers.
    pub timers: Vec<Timer>,
    /// Counters, by the name of what they count.
    pub counters: Vec<Counter>,
    /// Everybody heard for this group, obeyed or not.
    pub neighbours: Vec<Neighbour>,
    /// Alarms that are raised, each as a clause.
    pub alarms: Vec<String>,
    /// Other facts, by name: `accept-mode` → `off: the address will not answer ping`.
    pub details: Vec<Detail>,
}

/// One of the routers that forward for a group at the same time, each for a virtual MAC of its own.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forwarder {
    /// Its number.
    pub number: u8,
    /// This router's state for it, as the specification spells it: `Listen`.
    pub state: &'static str,
    /// How often that has changed.
    pub changes: u64,
    /// Time since it changed last.
    #[serde(rename = "since_ms_ago", serialize_with = "as_milliseconds")]
    pub since: Duration,
    /// Its virtual MAC.
    pub mac: Mac,
    /// Who was given it, by the MAC of its interface; `None` while nobody knows.
    pub owner: Option<Mac>,
    /// Whether that is this router.
    pub own: bool,
    /// Who forwards for it, as far as this router knows; its own address if it does so itself.
    pub active: Option<IpAddr>,
    /// Whether this router does.
    pub local: bool,
    /// The right to it of whoever forwards.
    pub priority: Option<u8>,
    /// The weighting of whoever forwards.
    pub weighting: Option<u8>,
    /// How long whoever forwards is still believed to live, if that is another router.
    #[serde(rename = "expires_ms", serialize_with = "as_optional_milliseconds")]
    pub expires: Option<Duration>,
    /// How long until this router takes it over from whoever forwards, if it will.
    #[serde(rename = "preempts_ms", serialize_with = "as_optional_milliseconds")]
    pub preempts: Option<Duration>,
    /// How long hosts are still told its MAC; `None`: as long as it lives.
    #[serde(rename = "redirection_ms", serialize_with = "as_optional_milliseconds")]
    pub redirection: Option<Duration>,
    /// How long anybody still forwards for it.
    #[serde(rename = "lifetime_ms", serialize_with = "as_milliseconds")]
    pub lifetime: Duration,
    /// How many hosts this router told its MAC.
    pub hosts: u64,
}

/// A host that was told a forwarder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Client {
    /// Its MAC.
    pub mac: Mac,
    /// The addresses that it asked from, the latest last.
    pub addresses: Vec<IpAddr>,
    /// The number of the forwarder that it was told last.
    pub forwarder: u8,
    /// Time since then.
    #[serde(rename = "told_ms_ago", serialize_with = "as_milliseconds")]
    pub told: Duration,
    /// How often it was told one.
    pub answers: u64,
}

/// An interval or a running timer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Timer {
    /// Its name: `active-down-interval`.
    pub name: &'static str,
    /// How long it is.
    #[serde(rename = "ms", serialize_with = "as_milliseconds")]
    pub length: Duration,
    /// How long until it expires, if it runs.
    #[serde(rename = "remaining_ms", serialize_with = "as_optional_milliseconds")]
    pub remaining: Option<Duration>,
}

/// A counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counter {
    /// What it counts: `checksum-errors`.
    pub name: &'static str,
    /// How many so far.
    pub count: u64,
}

/// A router that was heard for a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbour {
    /// Where it speaks from.
    pub address: IpAddr,
    /// The Ethernet source of its latest frame.
    pub mac: Mac,
    /// Its priority, if the frame could be read that far.
    pub priority: Option<u8>,
    /// Why its latest frame was not obeyed; `None` if it was.
    pub refused: Option<String>,
    /// Settings that differ from ours, though the frame was obeyed, each as a clause.
    pub differs: Vec<String>,
    /// Time since its latest frame.
    #[serde(rename = "heard_ms_ago", serialize_with = "as_milliseconds")]
    pub heard_ago: Duration,
    /// Frames obeyed.
    pub accepted: u64,
    /// Frames refused.
    pub rejected: u64,
    /// Other facts, by name: `checksum` → `RFC 5798 pseudo-header form`.
    pub details: Vec<Detail>,
}

/// A named fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// What it is about.
    pub name: &'static str,
    /// What there is to know.
    pub value: String,
}

fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

fn as_milliseconds<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(milliseconds(*span))
}

fn as_optional_milliseconds<S: serde::Serializer>(
    span: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    span.map(milliseconds).serialize(serializer)
}
