//! One look-up from a frame to its group, whatever the number of groups.

use std::collections::HashMap;

use fhrp::Family;

use super::GroupIndex;
use super::group::Slot;

/// What tells groups apart on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    link: u32,
    /// The protocol's place in the engine's list.
    protocol: usize,
    /// `None`: both, under one number.
    family: Option<Family>,
    id: u16,
}

/// From link, protocol, family and number to the group.
#[derive(Debug, Default)]
pub(super) struct Demux {
    groups: HashMap<Key, GroupIndex>,
}

impl Demux {
    pub(super) fn add(&mut self, link: u32, protocol: usize, slot: &Slot, group: GroupIndex) {
        let key = Key { link, protocol, family: slot.identity.family, id: slot.identity.id };
        self.groups.insert(key, group);
    }

    pub(super) fn find(
        &self,
        link: u32,
        protocol: usize,
        family: Option<Family>,
        id: u16,
    ) -> Option<GroupIndex> {
        self.groups.get(&Key { link, protocol, family, id }).copied()
    }

    pub(super) fn remove(&mut self, protocol: usize, slot: &Slot, group: GroupIndex) {
        let key = Key { link: slot.link, protocol, family: slot.identity.family, id: slot.identity.id };
        if self.groups.get(&key) == Some(&group) {
            self.groups.remove(&key);
        }
    }

    pub(super) fn forget_link(&mut self, link: u32) {
        self.groups.retain(|key, _| key.link != link);
    }
}
