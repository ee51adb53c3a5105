//! One timer structure for all groups.
//!
//! A heap ordered by instant, corrected lazily: a Backup that hears an advertisement moves its deadline to
//! later, which costs nothing here; the entry in the heap is looked at again when it comes up, and put back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fhrp::Instant;

use super::GroupIndex;

/// The deadlines of all groups.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Instant, GroupIndex)>>,
    groups: Vec<Deadline>,
}

/// What one group wants, and what the heap has of it.
#[derive(Debug, Clone, Copy, Default)]
struct Deadline {
    wanted: Option<Instant>,
    /// The earliest entry in the heap; other entries of the group are stale.
    queued: Option<Instant>,
}

impl Timers {
    /// Sets the deadline of a group; `None` cancels it.
    pub fn set(&mut self, group: GroupIndex, wanted: Option<Instant>) {
        let place = group.0 as usize;
        if self.groups.len() <= place {
            self.groups.resize(place + 1, Deadline::default());
        }
        let deadline = &mut self.groups[place];
        deadline.wanted = wanted;
        if let Some(at) = wanted
            && deadline.queued.is_none_or(|queued| at < queued)
        {
            deadline.queued = Some(at);
            self.heap.push(Reverse((at, group)));
        }
    }

    /// The earliest deadline of all.
    pub fn earliest(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, group))) = self.heap.peek().copied() {
            if self.is_true(at, group) {
                return Some(at);
            }
            self.heap.pop();
            self.requeue(at, group);
        }
        None
    }

    /// Appends the groups whose deadline has passed, each once, in the order of their deadlines.
    ///
    /// Their deadlines are forgotten: whoever handles a group sets the next one.
    pub fn take_due(&mut self, now: Instant, due: &mut Vec<GroupIndex>) {
        while self.earliest().is_some_and(|at| at <= now) {
            let Some(Reverse((_, group))) = self.heap.pop() else { return };
            self.groups[group.0 as usize] = Deadline::default();
            due.push(group);
        }
    }

    /// Entries in the heap, stale ones included.
    pub fn queued(&self) -> usize {
        self.heap.len()
    }

    fn is_true(&self, at: Instant, group: GroupIndex) -> bool {
        let deadline = self.groups[group.0 as usize];
        deadline.queued == Some(at) && deadline.wanted == Some(at)
    }

    /// An entry came up that is not what its group wants: put back what it wants, unless that is queued.
    fn requeue(&mut self, at: Instant, group: GroupIndex) {
        let deadline = &mut self.groups[group.0 as usize];
        if deadline.queued == Some(at) {
            deadline.queued = deadline.wanted;
            if let Some(wanted) = deadline.wanted {
                self.heap.push(Reverse((wanted, group)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn moving_later_adds_no_entry() {
        let mut timers = Timers::default();
        for time in 1..1000 {
            timers.set(GroupIndex(3), Some(at(time)));
        }
        assert_eq!(timers.queued(), 1);
        assert_eq!(timers.earliest(), Some(at(999)));
        assert_eq!(timers.queued(), 1);
    }

    #[test]
    fn cancelling_leaves_nothing_due() {
        let mut timers = Timers::default();
        timers.set(GroupIndex(0), Some(at(5)));
        timers.set(GroupIndex(0), None);
        let mut due = Vec::new();
        timers.take_due(at(10), &mut due);
        assert!(due.is_empty());
        assert_eq!(timers.earliest(), None);
    }

    proptest! {
        /// Whatever is set, moved and cancelled: what is due agrees with a plain map.
        #[test]
        fn agrees_with_a_plain_map(steps in prop::collection::vec((0u32..8, prop::option::of(0u64..100), 0u64..20), 0..200)) {
            let mut timers = Timers::default();
            let mut model: BTreeMap<u32, u64> = BTreeMap::new();
            let mut now = 0;
            for (group, wanted, pass) in steps {
                timers.set(GroupIndex(group), wanted.map(at));
                match wanted {
                    Some(time) => { model.insert(group, time); }
                    None => { model.remove(&group); }
                }
                prop_assert_eq!(timers.earliest(), model.values().min().copied().map(at));
                now += pass;
                let mut due = Vec::new();
                timers.take_due(at(now), &mut due);
                let mut expected: Vec<(u64, u32)> =
                    model.iter().filter(|(_, time)| **time <= now).map(|(group, time)| (*time, *group)).collect();
                expected.sort();
                prop_assert_eq!(due, expected.iter().map(|(_, group)| GroupIndex(*group)).collect::<Vec<_>>());
                model.retain(|_, time| *time > now);
            }
        }
    }
}
