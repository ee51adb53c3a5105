//! Secrets, and keys that are good for a time: what several protocols keep to prove who sent a frame.

use std::time::Duration;

use zeroize::ZeroizeOnDrop;

/// Octets that are wiped when dropped and never printed.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Keeps `octets` to itself.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Secret(octets.into())
    }

    /// The octets, for a digest.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// When a key is good, by the wall clock since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// The first moment.
    pub from: Duration,
    /// The first moment after; `None`: it never ends.
    pub until: Option<Duration>,
}

impl Lifetime {
    /// Good at all times.
    pub const ALWAYS: Lifetime = Lifetime { from: Duration::ZERO, until: None };
    /// Good at no time.
    pub const NEVER: Lifetime = Lifetime { from: Duration::ZERO, until: Some(Duration::ZERO) };

    /// Whether `wall` lies in it.
    pub fn contains(self, wall: Duration) -> bool {
        self.from <= wall && self.until.is_none_or(|until| wall < until)
    }
}

/// One key of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainKey {
    /// Its number on the wire.
    pub id: u32,
    /// The key.
    pub secret: Secret,
    /// When it signs.
    pub send: Lifetime,
    /// When what it signed is believed.
    pub accept: Lifetime,
}

/// Keys with lifetimes that may overlap, so that a group changes its key without falling apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyChain(Vec<ChainKey>);

impl KeyChain {
    /// A chain of these, in the order of their numbers.
    pub fn new(mut keys: Vec<ChainKey>) -> Self {
        keys.sort_by_key(|key| key.id);
        KeyChain(keys)
    }

    /// One key that is always good.
    pub fn single(id: u32, secret: Secret) -> Self {
        KeyChain(vec![ChainKey { id, secret, send: Lifetime::ALWAYS, accept: Lifetime::ALWAYS }])
    }

    /// The key that signs at `wall`: of those that may, the one with the lowest number.
    pub fn signing(&self, wall: Duration) -> Option<&ChainKey> {
        self.0.iter().find(|key| key.send.contains(wall))
    }

    /// The keys that are believed at `wall`, by number.
    pub fn believed(&self, wall: Duration) -> impl Iterator<Item = &ChainKey> {
        self.0.iter().filter(move |key| key.accept.contains(wall))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(from: u64, until: u64) -> Lifetime {
        Lifetime { from: Duration::from_secs(from), until: Some(Duration::from_secs(until)) }
    }

    #[test]
    fn a_chain_rolls_over_without_a_gap() {
        let key = |id, send, accept| ChainKey { id, secret: Secret::new("x"), send, accept };
        let chain = KeyChain::new(vec![
            key(2, Lifetime { from: Duration::from_secs(100), until: None }, Lifetime::ALWAYS),
            key(1, seconds(0, 100), seconds(0, 130)),
        ]);
        let at = |wall| {
            let wall = Duration::from_secs(wall);
            let believed: Vec<u32> = chain.believed(wall).map(|key| key.id).collect();
            (chain.signing(wall).map(|key| key.id), believed)
        };
        assert_eq!(at(0), (Some(1), vec![1, 2]));
        assert_eq!(at(99), (Some(1), vec![1, 2]));
        assert_eq!(at(100), (Some(2), vec![1, 2]));
        assert_eq!(at(130), (Some(2), vec![2]));
        assert!(!Lifetime::NEVER.contains(Duration::ZERO));
    }

    #[test]
    fn secrets_do_not_print() {
        let text = format!("{:?}", KeyChain::single(7, Secret::new("hush")));
        assert!(text.contains("Secret(…)") && !text.contains("hush"), "{text}");
    }
}
