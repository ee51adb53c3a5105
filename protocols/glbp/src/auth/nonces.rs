//! Nonces against recordings: every member gives out a number, changes it often, and obeys only who has repeated it.
//!
//! ```text
//!   a ── nonce 17 ─────────────────────► b
//!   a ◄──────── nonce 99, "a said 17" ── b     a believes b: no recording could know 17
//!   a ── nonce 17, "b said 99" ────────► b     b believes a
//! ```
//!
//! What is judged here has a right digest already; nobody else can say or learn anything.
//!
//! Receivers of Cisco's seem to follow a nonce only in steps of one generation: none is skipped, and each is good for
//! some time after it was replaced.

use std::collections::BTreeMap;
use std::time::Duration;

use fhrp::{Instant, Mac};

use crate::wire::{Challenge, MOST_PEERS, Peer};

/// Our own nonce, and what was heard from peers.
#[derive(Debug, Clone)]
pub struct Nonces {
    generation: u8,
    current: u32,
    previous: Option<u32>,
    changed: Instant,
    peers: BTreeMap<Mac, Entry>,
}

/// What is known of a peer.
#[derive(Debug, Clone, Copy)]
struct Entry {
    nonce: u32,
    /// Whether the message that said so repeated a nonce of ours.
    proven: bool,
    forget_at: Instant,
}

/// Whether a message is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It repeats a nonce of ours: obey it.
    Fresh,
    /// It does not: it must not be obeyed, and a hello should soon tell its sender what to repeat.
    Unproven,
}

impl Nonces {
    /// The first nonce, which `random` chooses, and nobody heard.
    pub fn new(now: Instant, random: u64) -> Nonces {
        Nonces {
            generation: 0,
            current: low_bits(random),
            previous: None,
            changed: now,
            peers: BTreeMap::new(),
        }
    }

    /// Changes the nonce if it is `period` old: by one generation, however long that took. Whoever was not heard
    /// from for its hold time is forgotten.
    pub fn refresh(&mut self, now: Instant, period: Duration, random: &mut dyn FnMut() -> u64) {
        if now >= self.changed + period {
            self.previous = Some(self.current);
            self.current = low_bits(random());
            self.generation = self.generation.wrapping_add(1);
            self.changed = now;
        }
        self.peers.retain(|_, peer| now < peer.forget_at);
    }

    /// What to send: our nonce, and those of the peers, up to [`MOST_PEERS`].
    pub fn challenge(&self, now: Instant) -> Challenge {
        let known = self.peers.iter().filter(|(_, peer)| now < peer.forget_at);
        let peers =
            known.map(|(owner, peer)| Peer { owner: *owner, nonce: peer.nonce }).take(MOST_PEERS).collect();
        Challenge { generation: self.generation, nonce: self.current, peers }
    }

    /// Judges a message of `owner` whose digest is right, and learns its nonce. `own` is our owner ID, `hold` how long
    /// the sender is believed to live.
    ///
    /// What is known from a message that repeated our nonce is replaced only by another one that does: a recording
    /// could make us repeat an old nonce, and its owner deaf to us.
    pub fn hears(
        &mut self,
        now: Instant,
        hold: Duration,
        own: Mac,
        owner: Mac,
        challenge: Option<&Challenge>,
    ) -> Freshness {
        let Some(challenge) = challenge else { return Freshness::Unproven };
        let repeats = |peer: &Peer| peer.owner == own && self.is_ours(peer.nonce);
        let proven = challenge.peers.iter().any(repeats);
        let stands = self.peers.get(&owner).is_some_and(|known| known.proven && now < known.forget_at);
        if proven || !stands {
            let entry = Entry { nonce: challenge.nonce, proven, forget_at: now + hold };
            self.peers.insert(owner, entry);
        }
        if proven { Freshness::Fresh } else { Freshness::Unproven }
    }

    fn is_ours(&self, nonce: u32) -> bool {
        nonce == self.current || self.previous == Some(nonce)
    }
}

fn low_bits(random: u64) -> u32 {
    let [.., a, b, c, d] = random.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
    const B: Mac = Mac([2, 0, 0, 0, 0, 0xb]);
    const HOLD: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    /// `to` hears a message of `from` that says `said`.
    fn hears(to: &mut Nonces, own: Mac, from: Mac, said: &Challenge, now: Instant) -> Freshness {
        to.hears(now, HOLD, own, from, Some(said))
    }

    #[test]
    fn two_routers_know_each_other_after_one_message_each() {
        let (mut a, mut b) = (Nonces::new(at(0), 17), Nonces::new(at(0), 99));
        let first = a.challenge(at(0));
        assert_eq!(first, Challenge { generation: 0, nonce: 17, peers: vec![] });
        assert_eq!(hears(&mut b, B, A, &first, at(0)), Freshness::Unproven);
        let second = b.challenge(at(1));
        assert_eq!(second.peers, [Peer { owner: A, nonce: 17 }]);
        assert_eq!(hears(&mut a, A, B, &second, at(1)), Freshness::Fresh);
        assert_eq!(hears(&mut b, B, A, &a.challenge(at(2)), at(2)), Freshness::Fresh);
        assert_eq!(b.hears(at(2), HOLD, B, A, None), Freshness::Unproven);
    }

    #[test]
    fn a_nonce_is_good_for_one_generation_after_its_own() {
        let (mut a, mut b) = (Nonces::new(at(0), 17), Nonces::new(at(0), 99));
        hears(&mut b, B, A, &a.challenge(at(0)), at(0));
        let recorded = b.challenge(at(0));
        let mut random = || 18;
        a.refresh(at(9), HOLD, &mut random);
        assert_eq!((a.generation, a.current), (0, 17));
        a.refresh(at(10), HOLD, &mut random);
        assert_eq!((a.generation, a.current), (1, 18));
        assert_eq!(hears(&mut a, A, B, &recorded, at(11)), Freshness::Fresh);
        let mut random = || 19;
        a.refresh(at(60), HOLD, &mut random);
        assert_eq!(a.generation, 2, "none is skipped");
        assert_eq!(hears(&mut a, A, B, &recorded, at(60)), Freshness::Unproven);
    }

    #[test]
    fn a_recording_does_not_replace_what_was_proven() {
        let mut a = Nonces::new(at(0), 17);
        let says = |nonce, peers| Challenge { generation: 0, nonce, peers };
        let fresh = says(99, vec![Peer { owner: A, nonce: 17 }]);
        let old = says(5, vec![Peer { owner: A, nonce: 3 }]);
        assert_eq!(hears(&mut a, A, B, &old, at(0)), Freshness::Unproven);
        assert_eq!(a.challenge(at(0)).peers, [Peer { owner: B, nonce: 5 }]);
        assert_eq!(hears(&mut a, A, B, &fresh, at(1)), Freshness::Fresh);
        assert_eq!(hears(&mut a, A, B, &old, at(2)), Freshness::Unproven);
        assert_eq!(a.challenge(at(2)).peers, [Peer { owner: B, nonce: 99 }]);
        // A hold time after the last proof it is forgotten, and learnt again from anything.
        assert_eq!(a.challenge(at(11)).peers, []);
        assert_eq!(hears(&mut a, A, B, &old, at(11)), Freshness::Unproven);
        assert_eq!(a.challenge(at(11)).peers, [Peer { owner: B, nonce: 5 }]);
    }

    #[test]
    fn another_routers_nonce_proves_nothing() {
        let mut a = Nonces::new(at(0), 17);
        let echo = Challenge { generation: 0, nonce: 1, peers: vec![Peer { owner: B, nonce: 17 }] };
        assert_eq!(hears(&mut a, A, B, &echo, at(0)), Freshness::Unproven);
    }

    #[test]
    fn no_more_peers_are_told_than_there_is_room_for() {
        let mut a = Nonces::new(at(0), 17);
        for number in 0..40 {
            let said = Challenge { generation: 0, nonce: u32::from(number), peers: vec![] };
            hears(&mut a, A, Mac([2, 0, 0, 0, 1, number]), &said, at(0));
        }
        assert_eq!(a.challenge(at(0)).peers.len(), MOST_PEERS);
        a.refresh(at(10), HOLD, &mut || 1);
        assert!(a.peers.is_empty());
    }
}
