//! The other members as this router heard them: who surely comes before it, or may, where several could take a forwarder
//! over.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ::glbp::wire::{Forwarder, Hello, Message};
use fhrp::{Instant, Mac};

use super::{Numbers, Witness, bit};

/// More than anybody ever waits for others.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The other members, and how many forwarders this router itself had.
#[derive(Debug, Default)]
pub(super) struct Peers {
    by_owner: BTreeMap<Mac, Peer>,
    /// For what it forwarded, and since when; the oldest one first.
    own: Vec<(Instant, Numbers)>,
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
            (hello, None) => {
                // For how long it is believed is not known before it says so.
                let until = hello.as_ref().map_or(at, |hello| at + hello.hold);
                let low = low.unwrap_or(false);
                self.by_owner.insert(message.owner, Peer { source, until, forwards: claims, low, since: at });
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

    /// Whether this member has said how long it is believed to live, and is.
    pub(super) fn know(&self, owner: Mac, at: Instant) -> bool {
        self.by_owner.get(&owner).is_some_and(|peer| peer.until > at)
    }

    pub(super) fn forget(&mut self) {
        self.by_owner.clear();
    }

    /// At the end of a turn this router forwards for these.
    pub(super) fn has(&mut self, now: Instant, numbers: Numbers) {
        if self.own.last().is_none_or(|(_, last)| *last != numbers) {
            self.own.push((now, numbers));
        }
        let old = self.own.iter().filter(|(since, _)| *since + LONGEST_WAIT < now).count();
        self.own.drain(..old.saturating_sub(1));
    }

    /// The fewest and the most that it had since then, without these.
    fn span(&self, since: Instant, without: Numbers) -> (u32, u32) {
        let older = self.own.iter().filter(|(begin, _)| *begin <= since).count();
        let counts = || {
            self.own
                .iter()
                .skip(older.saturating_sub(1))
                .map(|(_, numbers)| (numbers & !without).count_ones())
        };
        (counts().min().unwrap_or_default(), counts().max().unwrap_or_default())
    }

    /// Whether another one could forward for sure.
    pub(super) fn others_can(&self, since: Instant, now: Instant) -> bool {
        self.sure(since, now).next().is_some()
    }

    /// Those that are there for sure, and could forward, as it was at this moment and has been since.
    fn sure(&self, since: Instant, now: Instant) -> impl Iterator<Item = (Mac, &Peer)> {
        let sure = move |peer: &Peer| peer.since < since && peer.until > now && !peer.low;
        self.by_owner.iter().map(|(owner, peer)| (*owner, peer)).filter(move |(_, peer)| sure(peer))
    }
}

impl Witness {
    /// How many surely come before this router, as it has been since then.
    ///
    /// `taken`: those that it takes over in this turn, which do not count yet.
    pub(super) fn rank(&self, since: Instant, now: Instant, without: Mac, taken: Numbers) -> u32 {
        // What it has given up in this turn counts no more.
        let kept = (self.wished & self.wished_before & !taken).count_ones();
        let own = (self.peers.span(since, taken).0.min(kept), Reverse(self.source()));
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
        let most = self.peers.span(since, 0).1.max(self.wished.count_ones());
        1 + self.peers.perhaps_before(since, (most, Reverse(self.source())), without)
    }
}
