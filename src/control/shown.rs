//! What a client understands of a daemon's answers.
//!
//! Fields that a daemon of another version leaves out are empty, and those that it adds are passed over.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fhrp::{Family, Mac};
use serde::Deserialize;

/// A group: see [`crate::driver::remote::GroupView`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "the daemon's own types say what the fields are")]
pub struct Group {
    pub name: String,
    pub interface: String,
    pub protocol: String,
    #[serde(default)]
    pub family: Option<Family>,
    pub id: u16,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub standing: String,
    #[serde(default)]
    pub since_s: f64,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub priority: Option<u8>,
    #[serde(default)]
    pub configured_priority: Option<u8>,
    #[serde(default)]
    pub active: Option<IpAddr>,
    #[serde(default)]
    pub source: Option<IpAddr>,
    #[serde(default)]
    pub addresses: Vec<String>,
    #[serde(default)]
    pub virtual_macs: Vec<Mac>,
    #[serde(default)]
    pub forwarders: Vec<Forwarder>,
    #[serde(default)]
    pub clients: Vec<Client>,
    #[serde(default)]
    pub timers: Vec<Timer>,
    #[serde(default)]
    pub counters: Vec<Counter>,
    #[serde(default)]
    pub neighbours: Vec<Neighbour>,
    #[serde(default)]
    pub alarms: Vec<String>,
    #[serde(default)]
    pub details: Vec<Detail>,
    #[serde(default)]
    pub troubles: BTreeMap<String, u16>,
    #[serde(default)]
    pub fault: Option<String>,
}

impl Group {
    /// Whether the operator gave it a name; otherwise it is called after what it is: `eth0 vrrp 10`.
    pub fn is_named(&self) -> bool {
        let Group { name, interface, protocol, id, family, .. } = self;
        let identity = format!("{interface} {protocol} {id}");
        let in_family = family.map(|family| format!("{identity} {family}"));
        *name != identity && Some(name) != in_family.as_ref()
    }
}

/// A forwarder of a group: see [`fhrp::view::Forwarder`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "the daemon's own types say what the fields are")]
pub struct Forwarder {
    pub number: u8,
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub changes: u64,
    #[serde(default)]
    pub since_ms_ago: f64,
    pub mac: Mac,
    #[serde(default)]
    pub owner: Option<Mac>,
    #[serde(default)]
    pub own: bool,
    #[serde(default)]
    pub active: Option<IpAddr>,
    #[serde(default)]
    pub local: bool,
    #[serde(default)]
    pub priority: Option<u8>,
    #[serde(default)]
    pub weighting: Option<u8>,
    #[serde(default)]
    pub expires_ms: Option<f64>,
    #[serde(default)]
    pub preempts_ms: Option<f64>,
    #[serde(default)]
    pub redirection_ms: Option<f64>,
    #[serde(default)]
    pub lifetime_ms: f64,
    #[serde(default)]
    pub hosts: u64,
}

/// A host that was told a forwarder: see [`fhrp::view::Client`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "the daemon's own types say what the fields are")]
pub struct Client {
    pub mac: Mac,
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    pub forwarder: u8,
    #[serde(default)]
    pub told_ms_ago: f64,
    #[serde(default)]
    pub answers: u64,
}

/// An interval or a running timer: see [`fhrp::view::Timer`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "the daemon's own types say what the fields are")]
pub struct Timer {
    pub name: String,
    pub ms: f64,
    #[serde(default)]
    pub remaining_ms: Option<f64>,
}

/// A counter: see [`fhrp::view::Counter`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the daemon's own types say what the fields are")]
pub struct Counter {
    pub name: String,
    pub count: u64,
}

/// A named fact: see [`fhrp::view::Detail`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the daemon's own types say what the fields are")]
pub struct Detail {
    pub name: String,
    pub value: String,
}

/// A router that was heard: see [`fhrp::view::Neighbour`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "the daemon's own types say what the fields are")]
pub struct Neighbour {
    pub address: IpAddr,
    pub mac: Mac,
    #[serde(default)]
    pub priority: Option<u8>,
    #[serde(default)]
    pub refused: Option<String>,
    #[serde(default)]
    pub differs: Vec<String>,
    #[serde(default)]
    pub heard_ms_ago: f64,
    #[serde(default)]
    pub accepted: u64,
    #[serde(default)]
    pub rejected: u64,
    #[serde(default)]
    pub details: Vec<Detail>,
}

/// An interface: see [`crate::driver::remote::LinkView`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the daemon's own types say what the fields are")]
pub struct Link {
    pub interface: String,
    #[serde(default)]
    pub index: u32,
    #[serde(default)]
    pub up: bool,
    #[serde(default)]
    pub counters: Vec<Counter>,
    #[serde(default)]
    pub strangers: Vec<Stranger>,
}

/// Somebody who uses a group number that we do not: see [`crate::driver::remote::Stranger`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the daemon's own types say what the fields are")]
pub struct Stranger {
    pub protocol: String,
    pub id: u16,
    pub address: IpAddr,
    pub mac: Mac,
    pub frames: u64,
}

/// What a reload did: see [`crate::driver::remote::Reloaded`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the daemon's own types say what the fields are")]
pub struct Reloaded {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
    pub unchanged: usize,
}

/// An event: when, and its sentence. See [`crate::event::Event`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "the daemon's own types say what the fields are")]
pub struct Event {
    pub time: f64,
    #[serde(default)]
    pub line: String,
}
