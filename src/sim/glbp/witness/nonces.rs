//! Whose message proves itself new: who repeats the receiver's nonce, or the one before.

use std::time::Duration;

use ::glbp::wire::{Challenge, Message};
use fhrp::{Instant, Mac};

use crate::sim::invariant::{Breach, Invariant};

/// A router's own nonces, as it said them.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    latest: Option<(u8, u32)>,
    previous: Option<u32>,
    /// One was made and never said.
    skipped: bool,
    /// The one that was said last, and when it was said first.
    first: Option<u32>,
    since: Instant,
}

/// What a receiver may make of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// It has to obey it.
    New,
    /// It must not.
    Old,
    /// It may have said another nonce than we have seen.
    Open,
}

impl Nonces {
    /// The router has said one.
    ///
    /// # Errors
    /// It is another one in the same generation.
    pub(super) fn says(&mut self, challenge: &Challenge) -> Result<(), Breach> {
        let Challenge { generation, nonce, .. } = *challenge;
        let Some((before, latest)) = self.latest else {
            self.latest = Some((generation, nonce));
            return Ok(());
        };
        match generation.wrapping_sub(before) {
            0 if nonce != latest => {
                let what = format!("said two nonces in generation {generation}");
                Err(Breach::new(Invariant::Truthful, what))
            }
            0 => Ok(()),
            steps @ 1..128 => {
                self.previous = (steps == 1).then_some(latest);
                self.skipped = steps > 1;
                self.latest = Some((generation, nonce));
                Ok(())
            }
            // It was sealed earlier, and waited for a kernel.
            128.. => Ok(()),
        }
    }

    /// Whether that is its newest one.
    pub(super) fn is_latest(&self, challenge: &Challenge) -> bool {
        self.latest == Some((challenge.generation, challenge.nonce))
    }

    /// The router says one, in a message that it wrote at `sealed` at the earliest.
    ///
    /// # Errors
    /// It is older than `period`.
    pub(super) fn renews(
        &mut self,
        now: Instant,
        sealed: Instant,
        challenge: &Challenge,
        period: Duration,
    ) -> Result<(), Breach> {
        if self.first != Some(challenge.nonce) {
            (self.first, self.since) = (Some(challenge.nonce), now);
        }
        match sealed > self.since + period {
            true => Err(Breach::new(Invariant::Forgery, format!("keeps its nonce for more than {period:?}"))),
            false => Ok(()),
        }
    }

    /// What a message proves to the router with this MAC.
    pub(super) fn judges(&self, own: Mac, message: &Message) -> Proof {
        let Some(challenge) = &message.challenge else { return Proof::Old };
        let repeated = challenge.peers.iter().find(|peer| peer.owner == own).map(|peer| peer.nonce);
        let Some(repeated) = repeated else { return Proof::Old };
        if self.latest.is_some_and(|(_, latest)| latest == repeated) {
            return Proof::New;
        }
        match self.previous == Some(repeated) || self.skipped {
            true => Proof::Open,
            false => Proof::Old,
        }
    }
}
