//! The virtual addresses and MACs of a capture, learnt from its frames: which ARP and Neighbour Discovery is part of
//! the story, and which addresses a CARP digest may cover.

use std::net::IpAddr;

use fhrp::Mac;

use super::Scope;
use super::recent::Recent;

/// Addresses remembered, and virtual hosts.
const LIMIT: usize = 16_384;
/// MACs remembered, with what was announced for each.
const MACS: usize = 4_096;
/// Addresses remembered for one virtual MAC.
const ADDRESSES: usize = 16;

/// A group, as far as a frame of ARP or Neighbour Discovery shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// `vrrp`, `carp`, `hsrp` or `glbp`.
    pub protocol: &'static str,
    /// Its number.
    pub group: u16,
}

/// What was learnt so far.
#[derive(Debug)]
pub(super) struct Virtuals {
    addresses: Recent<(Scope, IpAddr), About>,
    /// The addresses announced for a MAC of the range that VRRP and CARP share.
    announced: Recent<(Scope, Mac), Vec<IpAddr>>,
    /// Virtual hosts of CARP: of the MACs in that range theirs.
    hosts: Recent<(Scope, u8), ()>,
}

impl Virtuals {
    pub(super) fn new() -> Virtuals {
        Virtuals { addresses: Recent::new(LIMIT), announced: Recent::new(MACS), hosts: Recent::new(LIMIT) }
    }

    /// A group names an address. The answer is the other group that named it before, if there is one.
    pub(super) fn learn(&mut self, scope: Scope, address: IpAddr, about: About) -> Option<About> {
        let known = self.addresses.entry((scope, address), || about);
        let before = std::mem::replace(known, about);
        (before != about).then_some(before)
    }

    /// CARP has this virtual host.
    pub(super) fn learn_host(&mut self, scope: Scope, vhid: u8) {
        self.hosts.entry((scope, vhid), || ());
    }

    /// Somebody says that an address is at a virtual MAC.
    pub(super) fn learn_announcement(&mut self, scope: Scope, address: IpAddr, mac: Mac) {
        if let Some(About { protocol: "vrrp" | "carp", .. }) = self.group_of_mac(scope, mac) {
            let addresses = self.announced.entry((scope, mac), Vec::new);
            if !addresses.contains(&address) && addresses.len() < ADDRESSES {
                addresses.push(address);
            }
        }
    }

    /// Addresses that were announced for a virtual host of CARP.
    pub(super) fn announced_for(&self, scope: Scope, vhid: u8) -> &[IpAddr] {
        self.announced.look(&(scope, Mac([0, 0, 0x5e, 0, 1, vhid]))).map_or(&[], Vec::as_slice)
    }

    /// The group that an address belongs to.
    pub(super) fn group_of(&self, scope: Scope, address: IpAddr) -> Option<About> {
        self.addresses.look(&(scope, address)).copied()
    }

    /// The group that a MAC belongs to: by the ranges that belong to the protocols.
    pub(super) fn group_of_mac(&self, scope: Scope, mac: Mac) -> Option<About> {
        let about = |protocol, group| Some(About { protocol, group });
        match mac.0 {
            [0x00, 0x00, 0x5e, 0x00, 0x01, id] if self.hosts.look(&(scope, id)).is_some() => {
                about("carp", id.into())
            }
            [0x00, 0x00, 0x5e, 0x00, 0x01 | 0x02, id] => about("vrrp", id.into()),
            [0x00, 0x00, 0x0c, 0x07, 0xac, id] => about("hsrp", id.into()),
            [0x00, 0x00, 0x0c, 0x9f, high @ 0xf0..=0xff, low]
            | [0x00, 0x05, 0x73, 0xa0, high @ 0x00..=0x0f, low] => {
                about("hsrp", u16::from_be_bytes([high & 0x0f, low]))
            }
            [0x00, 0x07, 0xb4, high @ 0x00..=0x03, low, _forwarder] => {
                about("glbp", u16::from_be_bytes([high, low]))
            }
            _ => None,
        }
    }
}
