//! What others say to the router in whose place ours is, as they would have said it to ours.
//!
//! With MD5 they repeat the number that a router said last, and it obeys nobody else. Ours says other numbers: where they
//! repeat the real one's last number they are made to repeat our last one, where they repeat the one before, ours before,
//! and nothing else of what they say changes. A number that it never said stays as it is.

use std::collections::VecDeque;
use std::time::Duration;

use ::glbp::auth::Guard;
use ::glbp::wire::{self, Kind};
use fhrp::Received;

use super::Announced;

/// Numbers of ours that are remembered; nobody takes an older one for new.
const NUMBERS: usize = 8;

/// What others hear of ours.
#[derive(Debug, Clone, Default)]
pub(in crate::replay) struct Echo {
    /// The numbers that it said, the last one in front.
    numbers: VecDeque<u32>,
    /// Whether it asks for a forwarder.
    pub(in crate::replay) requests: bool,
}

impl Echo {
    /// Ours says something.
    pub(in crate::replay) fn hears(&mut self, payload: &[u8]) {
        let Ok(heard) = wire::parse(payload) else { return };
        self.requests |= heard.message.kind == Kind::Request;
        let Some(challenge) = heard.message.challenge else { return };
        if self.numbers.front() != Some(&challenge.nonce) {
            self.numbers.push_front(challenge.nonce);
            self.numbers.truncate(NUMBERS);
        }
    }

    /// The number that it said last.
    pub(in crate::replay) fn last(&self) -> Option<u32> {
        self.numbers.front().copied()
    }
}

impl Announced {
    /// What UDP carries of a message of somebody else, as it would have been said to ours; `None`: as it is.
    pub(in crate::replay) fn retold(&self, at: u64, received: &Received<'_>, echo: &Echo) -> Option<Vec<u8>> {
        let mut message = wire::parse(received.payload).ok()?.message;
        let own = self.owner?;
        let peer = message.challenge.as_mut()?.peers.iter_mut().find(|peer| peer.owner == own)?;
        let said = self.nonces.partition_point(|(since, _)| *since <= at);
        let back = match said {
            // It was there before the capture began, and has not said another number yet.
            0 => 0,
            said => self.nonces[..said].iter().rev().position(|(_, nonce)| *nonce == peer.nonce)?,
        };
        peer.nonce = *echo.numbers.get(back)?;
        let proof = self.their_proofs.get(&received.source)?.at(at)?;
        Guard::new(proof).seal(&message, received.source, Duration::ZERO)
    }
}
