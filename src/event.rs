//! What happened, for logs, for `firsthop events` and for whoever subscribes later.
//!
//! Events are made in the event loop and written elsewhere: nothing that protocol timing depends on waits for
//! a disk, a terminal or a client.

use std::time::Duration;

use fhrp::{Family, Note};
use serde::Serialize;

use crate::engine::group::Identity;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Counts from 1 since the daemon started, without gaps: a follower can tell what it missed.
    pub sequence: u64,
    /// Wall-clock time since the Unix epoch.
    #[serde(rename = "time", serialize_with = "as_seconds")]
    pub wall: Duration,
    /// The group it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Subject>,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// A group as events and listings name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// The operator's name for it.
    pub name: String,
    /// Its interface.
    pub interface: String,
    /// Its protocol.
    pub protocol: &'static str,
    /// Its address family; `None`: both, under one number.
    pub family: Option<Family>,
    /// Its number.
    pub id: u16,
}

impl Subject {
    /// Names a group.
    pub fn new(name: &str, identity: &Identity) -> Self {
        Subject {
            name: name.to_owned(),
            interface: identity.interface.clone(),
            protocol: identity.protocol,
            family: identity.family,
            id: identity.id,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// A group said something.
    Group(Note),
    /// A group says the same thing again and again; this many were left out of the log since the last one.
    Repeated {
        /// What it says: the counter's or the remark's name.
        name: &'static str,
        /// How many were left out.
        count: u64,
        /// The latest of them, as a clause.
        latest: String,
    },
    /// Something about an interface.
    Interface {
        /// Its name.
        name: String,
        /// What happened, as a clause: `is up`, `is gone`.
        text: String,
    },
    /// Somebody changed what we had put into the kernel.
    Kernel {
        /// What happened, as a clause.
        text: String,
        /// Whether it could not be mended.
        lost: bool,
    },
    /// The event loop did not run for this long.
    Stalled {
        /// Milliseconds.
        ms: f64,
    },
    /// The daemon itself.
    Daemon {
        /// What happened, as a clause: `running 12 groups`.
        text: String,
        /// Whether it is bad news.
        warning: bool,
    },
}

fn as_seconds<S: serde::Serializer>(wall: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(wall.as_secs_f64())
}
