//! Whoever claims the role beside an active router: hosts believe him, so they are told again.
//!
//! That is done once for each rival and interval, or anybody could have a router announce at the rate of his choice.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::Instant;

/// The rivals of one active router.
#[derive(Debug, Default)]
pub struct Rivals {
    /// When each of them was last heard.
    claimed: BTreeMap<IpAddr, Instant>,
    /// By when hosts must be told.
    tells_by: Option<Instant>,
}

impl Rivals {
    /// A worse router claims the role. Hosts are told by `by`, unless that was done because of him a moment ago; `None`:
    /// they are about to be told anyhow.
    pub fn claims(&mut self, source: IpAddr, now: Instant, interval: Duration, by: Option<Instant>) {
        let before = self.claimed.insert(source, now);
        if before.is_none_or(|before| now >= before + interval * 3 / 4) {
            self.tells_by = self.tells_by.or(by);
        }
    }

    /// Hosts are told, or need not be.
    pub fn are_refuted(&mut self) {
        self.tells_by = None;
    }

    /// The role is gone.
    pub fn are_forgotten(&mut self) {
        *self = Rivals::default();
    }

    /// Whether hosts should have been told by now.
    pub fn are_believed(&self, now: Instant) -> bool {
        self.tells_by.is_some_and(|by| by <= now)
    }
}
