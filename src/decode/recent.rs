//! A map that forgets what was not asked for lately, so that a capture of any length and content fits into memory.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// Two generations: what is asked for moves to the young one; when that is full, it becomes the old one, and what was
/// old is forgotten.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    young: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
    limit: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// Remembers the `limit` keys that were asked for last, and at most twice as many.
    pub(super) fn new(limit: usize) -> Self {
        Recent { young: HashMap::default(), old: HashMap::default(), limit }
    }

    /// What is remembered.
    pub(super) fn look(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// What is remembered, or a new one.
    pub(super) fn entry(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        if self.young.len() >= self.limit && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        self.young.entry(key).or_insert_with_key(|key| old.remove(key).unwrap_or_else(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_what_nobody_asks_for() {
        let mut recent = Recent::new(100);
        *recent.entry(0, || 0) = 7;
        for key in 1..10_000 {
            recent.entry(key, || key);
            assert_eq!(*recent.entry(0, || 0), 7);
            assert!(recent.young.len() + recent.old.len() <= 200);
        }
        assert_eq!(recent.look(&9_999), Some(&9_999));
        assert_eq!(recent.look(&1), None);
    }
}
