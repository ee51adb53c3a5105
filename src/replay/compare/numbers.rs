//! With MD5: the same numbers of others repeated, as proof that one hears them.

use std::collections::BTreeMap;

use ::glbp::wire::Peer;
use fhrp::Mac;

use super::Comparison;
use super::forwarders::{Forwarding, around};
use crate::log;
use crate::replay::glbp::{Announced, Spoke};
use crate::replay::hellos::Stateful;

impl Comparison<'_> {
    /// Whose numbers are repeated, and which.
    pub(super) fn repeats(&mut self, theirs: &Announced, ours: &Announced, found: &mut Forwarding) {
        // By explanation, and whether its times are those of the wire.
        let mut differ: BTreeMap<(Option<String>, bool), (u64, usize)> = BTreeMap::new();
        for own in theirs.own() {
            let Some(peers) = &own.peers else { continue };
            found.challenges += 1;
            let near = around(ours.own(), own.at, |spoke| spoke.peers.is_some());
            if repeats_alike(theirs, own.at, peers, near) {
                found.repeated += 1;
                continue;
            }
            let key = (why_stale(theirs, own), self.squeezed_at(own.at).is_none());
            let (first, count) = differ.entry(key).or_insert((own.at, 0));
            (*first, *count) = (own.at.min(*first), *count + 1);
        }
        for ((explanation, _), (at, count)) in differ {
            let many = log::count(count, "frame");
            self.diverge(
                at,
                format!("it repeats others' numbers other than ours does, in {many}"),
                explanation,
            );
        }
    }
}

/// Whether ours repeats the same just before or just after: the same peers, and their latest numbers.
fn repeats_alike(theirs: &Announced, at: u64, peers: &[Peer], near: [Option<&Spoke>; 2]) -> bool {
    let ours: Vec<&[Peer]> = near.into_iter().flatten().filter_map(|spoke| spoke.peers.as_deref()).collect();
    let has = |all: &[Peer], owner: Mac| all.iter().any(|peer| peer.owner == owner);
    let mut owners = ours.iter().flat_map(|all| all.iter()).map(|peer| peer.owner);
    let misses_none = owners.all(|owner| has(peers, owner) || !ours.iter().all(|all| has(all, owner)));
    let repeated = |peer: &Peer| {
        let mut same = ours.iter().flat_map(|all| all.iter()).filter(|our| our.owner == peer.owner);
        same.any(|our| our.nonce == peer.nonce || theirs.is_recent(peer, at))
    };
    !ours.is_empty() && misses_none && peers.iter().all(repeated)
}

/// Why a router does not repeat what its peers said last.
fn why_stale(theirs: &Announced, own: &Spoke) -> Option<String> {
    let hold = theirs.hold();
    // What it repeats now, or repeated until it forgot the peer.
    let from = theirs.own().partition_point(|it| it.at < own.at.saturating_sub(hold * 2));
    let lately = theirs.own()[from..].iter().take_while(|it| it.at <= own.at);
    let mut repeated = lately.flat_map(|it| it.peers.iter().flatten().map(move |peer| (it.at, peer)));
    let is_stale = repeated.any(|(at, peer)| !theirs.is_recent(peer, at));
    is_stale.then(|| {
        "such routers follow a peer's numbers from one to the next only, and one that they missed makes them repeat an \
         old one until they forget the peer; ours follows every number that is proven"
            .to_owned()
    })
}
