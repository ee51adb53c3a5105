//! The story of a capture: who took part, what they promised and kept, who held which role when and why that
//! changed, and what is wrong.
//!
//! Works on what the protocols' own code says of each frame ([`fhrp::dissect`]). Frames go through one by one and
//! are forgotten; what is kept grows with what happens, and that is bounded too.
//!
//! | module | what lives there |
//! |---|---|
//! | [`listen`] | from a capture's frames to what the analysis hears |
//! | [`reading`] | what a frame says about roles, in words that all protocols share |
//! | `vrrp`, `carp`, `hsrp`, `glbp` | what their messages mean, how long members wait, what must agree |
//! | `group`, `member` | one group; one router in it |
//! | `contest` | who holds a role, frame by frame |
//! | [`cadence`] | gaps between frames, in constant memory |
//! | [`story`] | the result |
//! | [`report`] | the result as text |
//! | [`picture`] | the result as a timeline |

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::Mac;
use fhrp::dissect::Dissection;

use group::{Group, Room};
pub use group::{Key, key_of};
use story::{Comment, Story};

pub mod cadence;
mod carp;
mod contest;
mod glbp;
mod group;
mod hsrp;
pub mod listen;
mod member;
pub mod moment;
pub mod picture;
pub mod reading;
pub mod report;
pub mod story;
mod vrrp;

#[cfg(test)]
mod tests;

/// Most octets that are kept of everything together, more or less.
const ROOM: usize = 20 << 20;
/// Of these, so many for whoever is there: a flood of forged ones leaves room for what happens to those before it.
const ROOM_FOR_NEWCOMERS: usize = ROOM / 4 * 3;
/// Most comments that are kept.
const COMMENTS: usize = 1_000;
/// Most virtual addresses whose groups are remembered, and most groups of each.
const ADDRESSES: usize = 10_000;
const SHARERS: usize = 64;

/// A frame of one of the protocols.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    /// Its number in the capture, from 1.
    pub frame: u64,
    /// Since the first frame.
    pub at_ns: u64,
    /// The number of its interface, if each of them is a network of its own.
    pub interface: Option<u32>,
    /// The innermost VLAN tag.
    pub vlan: Option<u16>,
    /// Ethernet source; zero if the link layer has none.
    pub source_mac: Mac,
    /// IP source.
    pub source: IpAddr,
    /// What it says.
    pub dissection: &'a Dissection,
    /// Where several keys were given for its protocol: which of them made its proof, from 0.
    pub key: Option<usize>,
}

/// A capture that is being read.
#[derive(Debug, Default)]
pub struct Analysis {
    begins: Option<Duration>,
    now: u64,
    frames: u64,
    spoken: u64,
    unread: u64,
    disordered: u64,
    left_out: u64,
    groups: BTreeMap<Key, Group>,
    /// Octets that all of them take.
    kept: usize,
    /// The groups that have named an address.
    namers: BTreeMap<IpAddr, Vec<Key>>,
    comments: Vec<Comment>,
}

impl Analysis {
    /// Notes the next frame of the capture, whatever it is, and returns how long after the first one it counts as
    /// captured. A frame that is older than the one in front of it counts as captured at the same time.
    pub fn frame(&mut self, captured: Duration) -> u64 {
        self.frames += 1;
        let begins = *self.begins.get_or_insert(captured);
        let since = captured.checked_sub(begins).map_or(0, moment::nanos);
        self.disordered += u64::from(since < self.now || captured < begins);
        self.now = self.now.max(since);
        self.now
    }

    /// The number of the latest frame, from 1; they are counted through where several files are read.
    pub fn number(&self) -> u64 {
        self.frames
    }

    /// The latest frame speaks one of the protocols.
    pub fn hear(&mut self, heard: &Heard<'_>) {
        self.spoken += 1;
        let Some(key) = key_of(heard) else {
            self.unread += u64::from(!heard.dissection.is_valid());
            return;
        };
        let room = match self.kept {
            ROOM.. => Room::Nothing,
            ROOM_FOR_NEWCOMERS.. => Room::Known,
            _ => Room::Anybody,
        };
        if room != Room::Anybody && !self.groups.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        let group = self.groups.entry(key).or_default();
        self.kept -= group.weight();
        let is_news = group.hear(key.protocol, heard, room);
        self.kept += group.weigh();
        if is_news {
            self.named(key, &heard.dissection.addresses);
        }
    }

    /// A group names these addresses.
    fn named(&mut self, key: Key, addresses: &[IpAddr]) {
        for address in addresses {
            if self.namers.len() >= ADDRESSES && !self.namers.contains_key(address) {
                return;
            }
            let namers = self.namers.entry(*address).or_default();
            if namers.len() < SHARERS && !namers.contains(&key) {
                namers.push(key);
            }
        }
    }

    /// The latest frame announces that `address` is to be found at a MAC: a gratuitous ARP, an unsolicited
    /// neighbour advertisement.
    pub fn announced(&mut self, address: IpAddr) {
        let now = self.now;
        for key in self.namers.get(&address).into_iter().flatten() {
            if let Some(group) = self.groups.get_mut(key) {
                group.announced(now);
            }
        }
    }

    /// Whoever captured the latest frame wrote this beside it.
    pub fn comment(&mut self, text: String) {
        if self.comments.len() >= COMMENTS || self.kept >= ROOM {
            self.left_out += 1;
            return;
        }
        self.kept += text.len();
        self.comments.push(Comment { at_ns: self.now, frame: self.frames, text });
    }

    /// The capture is over.
    pub fn finish(self) -> Story {
        let (now, frames) = (self.now, self.frames);
        let refused = self.groups.values().map(Group::refused).sum::<u64>() + self.unread;
        let left_out = self.groups.values().map(Group::left_out).sum::<u64>() + self.left_out;
        Story {
            begins: self.begins.unwrap_or_default(),
            length_ns: now,
            frames,
            spoken: self.spoken,
            refused,
            disordered: self.disordered,
            comments: self.comments,
            left_out,
            groups: self.groups.into_iter().map(|(key, group)| group.story(key, now, frames)).collect(),
        }
    }
}
