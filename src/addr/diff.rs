//! Who wants what in the kernel, and what must change for it: pure book-keeping.
//!
//! Several owners may want one thing (two groups with one address, a preparation and a group with one MAC). It
//! is there while anybody wants it; if they differ in its value, the first owner's value counts.

use std::collections::{BTreeMap, BTreeSet};

/// What the kernel has to be told, in any order of its parts; removals of a key go before its addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<K, V> {
    /// No longer wanted, or no longer with this value.
    pub removed: Vec<(K, V)>,
    /// Wanted from now on.
    pub added: Vec<(K, V)>,
}

impl<K, V> Change<K, V> {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }
}

/// The books: what each owner wants, and what was there when the kernel was last told.
#[derive(Debug, Clone)]
pub struct Ledger<O, K, V> {
    wanted: BTreeMap<K, BTreeMap<O, V>>,
    owned: BTreeMap<O, BTreeSet<K>>,
    /// Values before the change that is being collected.
    before: BTreeMap<K, Option<V>>,
}

impl<O, K, V> Default for Ledger<O, K, V> {
    fn default() -> Self {
        Ledger { wanted: BTreeMap::new(), owned: BTreeMap::new(), before: BTreeMap::new() }
    }
}

impl<O: Ord + Copy, K: Ord + Clone, V: Ord + Clone> Ledger<O, K, V> {
    /// From now on `owner` wants exactly these. Costs no more than what the owner has and gets.
    pub fn replace(&mut self, owner: O, items: impl IntoIterator<Item = (K, V)>) {
        for key in self.owned.remove(&owner).unwrap_or_default() {
            self.remember(&key);
            if let Some(owners) = self.wanted.get_mut(&key) {
                owners.remove(&owner);
                if owners.is_empty() {
                    self.wanted.remove(&key);
                }
            }
        }
        let mut keys = BTreeSet::new();
        for (key, value) in items {
            self.remember(&key);
            self.wanted.entry(key.clone()).or_default().insert(owner, value);
            keys.insert(key);
        }
        if !keys.is_empty() {
            self.owned.insert(owner, keys);
        }
    }

    /// What changed since the last call.
    pub fn take_change(&mut self) -> Change<K, V> {
        let mut change = Change { removed: Vec::new(), added: Vec::new() };
        for (key, before) in std::mem::take(&mut self.before) {
            let after = self.value(&key).cloned();
            if before == after {
                continue;
            }
            change.removed.extend(before.map(|value| (key.clone(), value)));
            change.added.extend(after.map(|value| (key, value)));
        }
        change
    }

    /// The value of a key, if anybody wants it.
    pub fn value(&self, key: &K) -> Option<&V> {
        self.wanted.get(key).and_then(|owners| owners.values().next())
    }

    /// Who wants it.
    pub fn owners(&self, key: &K) -> impl Iterator<Item = O> + '_ {
        self.wanted.get(key).into_iter().flat_map(|owners| owners.keys().copied())
    }

    /// Everything that is wanted.
    pub fn all(&self) -> impl Iterator<Item = (&K, &V)> {
        self.wanted.iter().filter_map(|(key, owners)| owners.values().next().map(|value| (key, value)))
    }

    fn remember(&mut self, key: &K) {
        if !self.before.contains_key(key) {
            let value = self.value(key).cloned();
            self.before.insert(key.clone(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever owners wish in whatever order, carrying out the changes one after the other leaves the
        /// kernel with the union of all wishes, never adds what is there, never removes what is not.
        #[test]
        fn changes_lead_to_the_union(
            turns in prop::collection::vec(
                prop::collection::vec((0_u8..4, prop::collection::btree_map(0_u8..6, 0_u8..3, 0..5)), 0..4),
                0..20,
            )
        ) {
            let mut ledger = Ledger::<u8, u8, u8>::default();
            let mut wishes: BTreeMap<u8, BTreeMap<u8, u8>> = BTreeMap::new();
            let mut kernel: BTreeMap<u8, u8> = BTreeMap::new();
            for turn in turns {
                for (owner, items) in turn {
                    ledger.replace(owner, items.clone());
                    wishes.insert(owner, items);
                }
                let change = ledger.take_change();
                for (key, value) in change.removed {
                    prop_assert_eq!(kernel.remove(&key), Some(value));
                }
                for (key, value) in change.added {
                    prop_assert_eq!(kernel.insert(key, value), None);
                }
                let mut union = BTreeMap::new();
                for items in wishes.values() {
                    for (key, value) in items {
                        union.entry(*key).or_insert(*value);
                    }
                }
                prop_assert_eq!(&kernel, &union);
                prop_assert!(ledger.all().map(|(key, value)| (*key, *value)).eq(union));
                prop_assert!(ledger.take_change().is_empty());
            }
        }
    }

    #[test]
    fn a_thing_that_moves_between_owners_is_not_touched() {
        let mut ledger = Ledger::default();
        ledger.replace(1, [("address", 24)]);
        assert_eq!(ledger.take_change().added, [("address", 24)]);
        ledger.replace(1, []);
        ledger.replace(2, [("address", 24)]);
        assert!(ledger.take_change().is_empty());
        assert_eq!(ledger.owners(&"address").collect::<Vec<_>>(), [2]);
    }
}
