//! How a router leaves: with a goodbye at once, and serving hosts until somebody else does, or has had the time.

use std::time::Duration;

use ::glbp::wire::State;
use fhrp::Instant;

use super::{Numbers, Witness};
use crate::sim::invariant::{Breach, Invariant};
use crate::sim::rules::Turn;

/// How long successors have.
const HAND_OVER: Duration = Duration::from_millis(250);

/// A router that was told to stop while it took part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving {
    began: Instant,
    said_goodbye: bool,
    /// The forwarders that it had, and whether it answered hosts.
    forwarded: Numbers,
    answered: bool,
    /// Those that somebody else has claimed since then, and whether somebody else answers.
    succeeded: Numbers,
    is_succeeded: bool,
}

impl Witness {
    pub(in crate::sim::glbp) fn stop(&mut self, now: Instant) {
        let takes_part = self.said.is_some() && !self.stopping;
        // What it has become in this turn it has not said yet, and may say when its kernel has answered.
        let is_known = self.first_arrived.is_none() && !self.waits && !self.any_turn;
        self.leaving = (takes_part && is_known).then(|| Leaving {
            began: now,
            said_goodbye: false,
            forwarded: self.wished,
            answered: self.said == Some(State::Active),
            succeeded: 0,
            is_succeeded: false,
        });
        self.stopping = true;
    }

    /// It has said goodbye, and says nothing else after that.
    pub(super) fn said_goodbye(&mut self) {
        if let Some(leaving) = &mut self.leaving {
            leaving.said_goodbye = true;
        }
    }

    /// Whether it goes on speaking though it has said goodbye.
    pub(super) fn is_silent_for_good(&self) -> bool {
        self.leaving.is_some_and(|leaving| leaving.said_goodbye)
    }

    /// Somebody forwards for these; `answers`: and answers hosts. What was said before the goodbye is no answer to it.
    pub(super) fn is_succeeded(&mut self, at: Instant, numbers: Numbers, answers: bool) {
        if let Some(leaving) = self.leaving.as_mut().filter(|leaving| at >= leaving.began) {
            leaving.succeeded |= numbers;
            leaving.is_succeeded |= answers;
        }
    }

    /// Its interface is gone, its kernel refuses, its machine stood still: it need not serve anybody.
    pub(super) fn cannot_serve(&mut self) {
        self.leaving = None;
    }

    pub(super) fn leaves_in_order(&mut self, turn: &Turn<'_>) -> Result<(), Breach> {
        let Some(leaving) = self.leaving else { return Ok(()) };
        let broken = |what: String| Err(Breach::new(Invariant::Leaving, what));
        if !leaving.said_goodbye {
            return broken("was told to stop, and says no goodbye".to_owned());
        }
        let is_over = turn.now >= leaving.began + HAND_OVER;
        if is_over && turn.holds {
            return broken("serves hosts still, though every successor has had its time".to_owned());
        }
        if self.wished & leaving.succeeded != 0 {
            return broken("goes on with a forwarder, though its successor is there".to_owned());
        }
        if !is_over && leaving.forwarded & !self.wished & !leaving.succeeded != 0 {
            return broken("leaves a forwarder to nobody".to_owned());
        }
        let answers = leaving.answered && !leaving.is_succeeded;
        match (turn.holds, answers && !is_over) {
            (false, true) => broken("answers hosts no more, and nobody else does".to_owned()),
            (true, false) if self.wished == 0 => {
                broken("answers hosts still, though its successor is there".to_owned())
            }
            _ => Ok(()),
        }
    }
}
