//! Which hello and hold time is in force, and when the next hello is due. RFC 2281 §5.4.

use std::time::Duration;

use fhrp::{Context, Instant};

use super::StandbyGroup;
use crate::config::{DEFAULT_TIMES, Times};
use crate::wire::{GroupMessage, Version};

impl StandbyGroup {
    /// The times in force, always as a pair: an active router's own ones; everybody else's are those of the active
    /// router. RFC 2281 §5.2.
    pub(super) fn times(&self) -> Times {
        let configured = self.config.times;
        if self.state.holds() {
            return configured.or(self.learnt_times).unwrap_or(DEFAULT_TIMES);
        }
        let followed = self.active.filter(|_| !self.keeps_its_times()).and_then(|active| active.times);
        followed.or(configured).or(self.learnt_times).unwrap_or(DEFAULT_TIMES)
    }

    /// Less than a second is nothing that version 1 can say: each member has to be told, and what others say is only
    /// what they could.
    pub(super) fn keeps_its_times(&self) -> bool {
        self.config.version == Version::V1 && self.config.times.is_some_and(Times::below_a_second)
    }

    /// The times that a message says, if they can be believed.
    pub(super) fn believable(&self, message: &GroupMessage) -> Option<Times> {
        let GroupMessage { hello, hold, .. } = *message;
        (!hello.is_zero() && hold > hello).then_some(Times { hello, hold })
    }

    /// How long a router in a role is believed to live that said this: its hold time, or ours if that is no time.
    pub(super) fn patience(&self, message: &GroupMessage) -> Duration {
        let theirs = self.believable(message).filter(|_| !self.keeps_its_times());
        theirs.unwrap_or_else(|| self.times()).hold
    }

    /// How long it is to the next hello: four to five fifths of the hello time, as with Cisco's routers.
    pub(super) fn pause(&self, context: &mut Context<'_>) -> Duration {
        let hello = self.times().hello;
        hello - self.early(context, hello)
    }

    /// By how much of `period` something is done early: up to a fifth.
    pub(super) fn early(&self, context: &mut Context<'_>, period: Duration) -> Duration {
        if !self.config.jitter {
            return Duration::ZERO;
        }
        let [.., a, b] = (context.random)().to_be_bytes();
        period / 5 * u32::from(u16::from_be_bytes([a, b])) / u32::from(u16::MAX)
    }

    /// When the hello after one that was due at `due` is: lateness does not add up, and what was missed is not made up
    /// for.
    pub(super) fn next_hello(&self, context: &mut Context<'_>, due: Instant) -> Instant {
        let pause = self.pause(context);
        let next = due + pause;
        if next > context.now { next } else { context.now + pause }
    }
}
