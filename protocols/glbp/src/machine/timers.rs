//! Which times are in force, and when the next hello is due.

use std::time::Duration;

use fhrp::{Context, Instant};

use super::GatewayGroup;
use crate::config::{DEFAULT_RETIREMENT, DEFAULT_TIMES, Retirement, Times};

impl GatewayGroup {
    /// Hello and hold time in force: the active gateway's own ones; everybody else's are those of the active gateway.
    pub(super) fn times(&self) -> Times {
        let own = self.config.times.or(self.learnt_times).unwrap_or(DEFAULT_TIMES);
        self.active.filter(|_| !self.is_gateway()).map_or(own, |active| active.times)
    }

    /// How forwarders are given up: as the active gateway says.
    pub(super) fn retirement(&self) -> Retirement {
        let own = self.config.retirement.or(self.learnt_retirement).unwrap_or(DEFAULT_RETIREMENT);
        self.active.filter(|_| !self.is_gateway()).map_or(own, |active| active.retirement)
    }

    /// How long it is to the next hello: four to five fifths of the hello time, as with Cisco's routers.
    pub(super) fn pause(&self, context: &mut Context<'_>) -> Duration {
        let hello = self.times().hello;
        if !self.config.jitter {
            return hello;
        }
        let [.., a, b] = (context.random)().to_be_bytes();
        hello - hello / 5 * u32::from(u16::from_be_bytes([a, b])) / u32::from(u16::MAX)
    }

    /// When the hello after one that was due at `due` is: lateness does not add up, and what was missed is not made up
    /// for.
    pub(super) fn next_hello(&self, context: &mut Context<'_>, due: Instant) -> Instant {
        let pause = self.pause(context);
        let next = due + pause;
        if next > context.now { next } else { context.now + pause }
    }
}
