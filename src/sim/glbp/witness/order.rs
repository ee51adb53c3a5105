//! In which order routers take a forwarder over, so that never two do: who comes first, as far as this router knows.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ::glbp::wire::{Forwarder, Hello, Message};
use fhrp::{Instant, Mac};

use super::{Numbers, Witness, bit, is_primary};
use crate::sim::invariant::{Breach, Invariant};

/// How long a router waits for each of those that come before it: for a forwarder that is silent, and for one that is
/// served meanwhile.
pub(super) const STEP: Duration = Duration::from_micros(1500);
const STEP_WHILE_SERVED: Duration = Duration::from_millis(25);
/// More than anybody ever waits for others.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The other members, and how many forwarders this router itself had.
#[derive(Debug, Default)]
pub(super) struct Peers {
    by_owner: BTreeMap<Mac, Peer>,
    /// For how many it forwarded, and since when; the oldest one first.
    own: Vec<(Instant, u32)>,
}

/// Another member, as it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Peer {
    source: IpAddr,
    until: Instant,
    forwards: Numbers,
    low: bool,
    /// Since when all of that but its end has been so.
    since: Instant,
}

impl Peers {
    /// A member said for what it forwards.
    pub(super) fn hears(&mut self, at: Instant, source: IpAddr, message: &Message, claims: Numbers) {
        for (_, peer) in self.by_owner.iter_mut().filter(|(owner, _)| **owner != message.owner) {
            if peer.forwards & claims != 0 {
                (peer.forwards, peer.since) = (peer.forwards & !claims, at);
            }
        }
        let last = |it: &&Forwarder| claims & bit(it.number) != 0;
        let low = message.forwarders.iter().rev().find(last).map(|it| it.priority & 0x80 == 0);
        match (&message.hello, self.by_owner.get_mut(&message.owner)) {
            (Some(Hello { priority: 0, .. }), _) => {
                self.by_owner.remove(&message.owner);
            }
            (hello, Some(peer)) => {
                let before = *peer;
                peer.source = source;
                peer.low = low.unwrap_or(peer.low);
                peer.forwards = if hello.is_some() { claims } else { peer.forwards | claims };
                if *peer != before || peer.until <= at {
                    peer.since = at;
                }
                if let Some(hello) = hello {
                    peer.until = at + hello.hold;
                }
            }
            (Some(hello), None) => {
                let low = low.unwrap_or(false);
                let peer = Peer { source, until: at + hello.hold, forwards: claims, low, since: at };
                self.by_owner.insert(message.owner, peer);
            }
            // For how long it is believed is not known.
            (None, None) => {
                let low = low.unwrap_or(false);
                let peer = Peer { source, until: at, forwards: claims, low, since: at };
                self.by_owner.insert(message.owner, peer);
            }
        }
    }

    /// How many may come before somebody who had so many at most.
    fn perhaps_before(&self, since: Instant, own: (u32, Reverse<IpAddr>), without: Mac) -> u32 {
        let after = |peer: &Peer| {
            peer.since < since && (peer.low || (peer.forwards.count_ones(), Reverse(peer.source)) >= own)
        };
        let others = self.by_owner.iter().filter(|(owner, _)| **owner != without);
        u32::try_from(others.filter(|(_, peer)| !after(peer)).count()).unwrap_or(u32::MAX)
    }

    pub(super) fn forget(&mut self) {
        self.by_owner.clear();
    }

    /// At the end of a turn this router forwards for so many.
    pub(super) fn has(&mut self, now: Instant, numbers: Numbers) {
        let count = numbers.count_ones();
        if self.own.last().is_none_or(|(_, last)| *last != count) {
            self.own.push((now, count));
        }
        let old = self.own.iter().filter(|(since, _)| *since + LONGEST_WAIT < now).count();
        self.own.drain(..old.saturating_sub(1));
    }

    /// The fewest and the most that it had since then.
    fn span(&self, since: Instant) -> (u32, u32) {
        let older = self.own.iter().filter(|(begin, _)| *begin <= since).count();
        let counts = || self.own.iter().skip(older.saturating_sub(1)).map(|(_, count)| *count);
        (counts().min().unwrap_or_default(), counts().max().unwrap_or_default())
    }

    /// Those that are there for sure, and could forward, as it was at this moment and has been since.
    fn sure(&self, since: Instant, now: Instant) -> impl Iterator<Item = (Mac, &Peer)> {
        let sure = move |peer: &Peer| peer.since < since && peer.until > now && !peer.low;
        self.by_owner.iter().map(|(owner, peer)| (*owner, peer)).filter(move |(_, peer)| sure(peer))
    }
}

impl Witness {
    /// How many surely come before this router, as it has been since then.
    fn rank(&self, since: Instant, now: Instant, without: Mac) -> u32 {
        let own = (self.peers.span(since).0, Reverse(self.source()));
        let first = |peer: &Peer| (peer.forwards.count_ones(), Reverse(peer.source)) < own;
        let before = self.peers.sure(since, now).filter(|(owner, peer)| *owner != without && first(peer));
        u32::try_from(before.count()).unwrap_or(u32::MAX)
    }

    /// How many may come before this router when a forwarder is silent.
    pub(super) fn rank_at_most(&self, since: Instant, number: u8, without: Mac) -> u32 {
        // Whoever was given it comes first.
        if self.own == Some(number) {
            return 0;
        }
        let (_, most) = self.peers.span(since);
        let given = u32::from(self.places[usize::from(number)].given.is_some());
        given + self.peers.perhaps_before(since, (most, Reverse(self.source())), without)
    }

    /// How long it has to wait at least after a forwarder has become free at `due`, or could be preempted.
    fn waits_at_least(&self, due: Instant, now: Instant, without: Mac, step: Duration) -> Duration {
        let leaves_it = self.low && self.weighs_since < due && self.peers.sure(due, now).next().is_some();
        let leaving_it = if leaves_it { self.hold_times.shortest } else { Duration::ZERO };
        leaving_it + step * self.rank(due, now, without)
    }

    /// Nobody is taken a forwarder from, or after, while others come first.
    pub(super) fn waits_its_turn(&self, now: Instant, number: u8) -> Result<(), Breach> {
        let place = &self.places[usize::from(number)];
        let asked_for = self.told & bit(number) != 0;
        if place.by.is_none()
            && place.left.is_none()
            && now < self.begun + self.hold_times.shortest
            && !asked_for
        {
            let what = format!("takes forwarder {number} before anybody can have been silent for long");
            return Err(Breach::new(Invariant::NotTooEarly, what));
        }
        // Who was given it comes first.
        if self.sure_right_to(number).is_none_or(is_primary) {
            return Ok(());
        }
        let (due, wait) = match (place.by, place.left) {
            (Some(by), _) if now >= by.until => {
                (by.until, self.waits_at_least(by.until, now, by.owner, STEP))
            }
            (Some(by), _) => {
                let wait = STEP_WHILE_SERVED * self.rank(now - STEP_WHILE_SERVED * 8, now, by.owner);
                match place.preempts.may_be_over(now - wait) {
                    true => return Ok(()),
                    false => (now, wait),
                }
            }
            (None, Some((at, owner))) => (at, self.waits_at_least(at, now, owner, STEP_WHILE_SERVED)),
            (None, None) => return Ok(()),
        };
        match now < due + wait {
            true => {
                let what = format!("takes forwarder {number}, though others come first for {wait:?}");
                Err(Breach::new(Invariant::NotTooEarly, what))
            }
            false => Ok(()),
        }
    }
}
