//! Facts worth a log line, a counter or an event. A protocol says each once; the engine limits the rate of
//! whatever a stranger on the wire can provoke.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

/// What a state means to the engine, which knows no state by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Not taking part: no link, no address, a fault, or stopped.
    Down,
    /// Taking part, ready to take over.
    StandingBy,
    /// Holding the role, or one of the group's roles.
    Holding,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Standing::Down => "down",
            Standing::StandingBy => "standing by",
            Standing::Holding => "holding",
        })
    }
}

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// The group changed state.
    Transition {
        /// The state it left, in the protocol's own words.
        from: &'static str,
        /// The state it is in now.
        to: &'static str,
        /// What that means.
        standing: Standing,
        /// Why, as a clause: `no advertisement for 309.375 ms`.
        reason: String,
    },
    /// A frame was not obeyed. Already counted by the group under this name.
    Refused {
        /// Who sent it.
        from: IpAddr,
        /// The counter: `checksum-errors`.
        counter: &'static str,
        /// Which rule it broke, as a clause: `TTL 64, must be 255`.
        reason: String,
    },
    /// Something that an operator must look at has begun or ended.
    Alarm {
        /// Its name: `two-actives`.
        name: &'static str,
        /// Begun, or ended.
        raised: bool,
        /// What is wrong, as a clause.
        reason: String,
    },
    /// Something else worth knowing.
    Remark {
        /// Its name: `asserted`, `interval-learnt`.
        name: &'static str,
        /// The neighbour it is about, if any.
        about: Option<IpAddr>,
        /// What happened, as a clause.
        text: String,
    },
}
