//! What is known of a neighbour of a group beyond what all protocols know of theirs.

use fhrp::neighbours::{self, Facts};
use fhrp::time::spell;
use fhrp::view::Detail;
use fhrp::{Instant, Mac};

use crate::wire::{Message, State};

/// The table.
pub(crate) type Neighbours = neighbours::Neighbours<Said>;

/// What a neighbour said last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    owner: Option<Mac>,
    state: Option<State>,
    /// Its priority in the gateway's election; not every message says it.
    pub(crate) priority: Option<u8>,
    /// When it was last told what it has to repeat.
    pub(crate) greeted: Option<Instant>,
    times: Option<String>,
    forwarders: String,
}

impl Said {
    /// What a message says, if it could be read.
    pub(crate) fn reads(&mut self, message: Option<&Message>) {
        let Some(message) = message else { return };
        self.owner = Some(message.owner);
        let Some(hello) = &message.hello else { return };
        self.state = Some(hello.state);
        self.priority = Some(hello.priority);
        self.times = Some(format!("hello {}, hold {}", spell(hello.hello), spell(hello.hold)));
        let numbers = message.forwarders.iter().map(|forwarder| forwarder.number.to_string());
        self.forwarders = numbers.collect::<Vec<_>>().join(", ");
    }
}

impl Facts for Said {
    fn details(&self) -> Vec<Detail> {
        let mut details = Vec::new();
        let mut tell = |name, value| details.push(Detail { name, value });
        if let Some(owner) = self.owner {
            tell("owner", owner.to_string());
        }
        if let Some(word) = self.state.and_then(State::word) {
            tell("state", word.to_owned());
        }
        if let Some(times) = &self.times {
            tell("times", times.clone());
        }
        if !self.forwarders.is_empty() {
            tell("forwarders", self.forwarders.clone());
        }
        details
    }
}
