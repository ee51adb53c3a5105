//! What is known of a neighbour of a group beyond what all protocols know of theirs.

use fhrp::neighbours::{self, Facts};
use fhrp::time::spell;
use fhrp::view::Detail;

use crate::config::Times;
use crate::wire::{GroupMessage, State, Version};

/// The table.
pub(crate) type Neighbours = neighbours::Neighbours<Said>;

/// What a neighbour said last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    version: Option<Version>,
    state: Option<State>,
    times: Option<Times>,
}

impl Said {
    /// A message in this version, and what it says if that could be read.
    pub(crate) fn reads(&mut self, version: Version, message: Option<&GroupMessage>) {
        self.version = Some(version);
        if let Some(message) = message {
            self.state = Some(message.state);
            self.times = Some(Times { hello: message.hello, hold: message.hold });
        }
    }
}

impl Facts for Said {
    fn details(&self) -> Vec<Detail> {
        let mut details = Vec::new();
        let mut tell = |name, value| details.push(Detail { name, value });
        if let Some(version) = self.version {
            tell("version", version.number().to_string());
        }
        if let Some(word) = self.state.and_then(State::word) {
            tell("state", word.to_owned());
        }
        if let Some(Times { hello, hold }) = self.times {
            tell("times", format!("hello {}, hold {}", spell(hello), spell(hold)));
        }
        details
    }
}
