//! What proves a router's messages: an authentication, and what it changes to.

use std::time::Duration;

use ::glbp::auth::{Authentication, Guard};
use ::glbp::demux::PROTOCOL;
use ::glbp::wire::{Credentials, Heard};
use fhrp::dissect::Known;
use fhrp::keys::KeyChain;
use fhrp::{Protocol, Received, Secret};

use super::FRAMES;
use crate::replay::protocol::Unknowable;

/// What proves a router's messages, each since when.
#[derive(Debug, Clone, Default)]
pub(super) struct Proofs(pub(super) Vec<(u64, Result<Authentication, Unknowable>)>);

impl Proofs {
    /// One more message.
    pub(super) fn follow(&mut self, at: u64, received: &Received<'_>, heard: &Heard<'_>, keys: &[&[u8]]) {
        let fits = |proof: &Result<Authentication, Unknowable>| {
            let admits = |it: &Authentication| Guard::new(it).admit(heard, received.source, Duration::ZERO);
            proof.as_ref().is_ok_and(|it| admits(it).is_ok())
        };
        if self.0.last().is_some_and(|(_, last)| fits(last)) {
            return;
        }
        let now = proof(received, &heard.credentials, keys);
        if self.0.last().is_none_or(|(_, last)| *last != now) && self.0.len() < FRAMES {
            self.0.push((at, now));
        }
    }

    pub(super) fn at(&self, at: u64) -> Option<&Authentication> {
        let proof = self.0.iter().rfind(|(since, _)| *since <= at);
        proof.and_then(|(_, proof)| proof.as_ref().ok())
    }
}

/// What made the proof in a message.
fn proof(
    received: &Received<'_>,
    credentials: &Credentials<'_>,
    keys: &[&[u8]],
) -> Result<Authentication, Unknowable> {
    let fitting = || {
        let fits = |key: &&&[u8]| {
            let known = Known { keys: &[key], ..Known::default() };
            let shown = PROTOCOL.dissect(received, &known);
            shown.and_then(|shown| shown.authentication).is_some_and(|proof| proof.verified == Some(true))
        };
        keys.iter().find(fits).map(|key| Secret::new(*key)).ok_or(Unknowable::KeyMissing("glbp"))
    };
    match credentials {
        Credentials::None | Credentials::Unknown(_) => Ok(Authentication::None),
        Credentials::Text(text) => Ok(Authentication::Text(Secret::new(*text))),
        Credentials::KeyString(_) => Ok(Authentication::KeyString(fitting()?)),
        Credentials::KeyChain { key, .. } => Ok(Authentication::KeyChain(KeyChain::single(*key, fitting()?))),
    }
}
