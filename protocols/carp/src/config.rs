//! What a virtual host is told by its operator: complete and valid, whatever the file looked like.
//!
//! The configuration room makes these values and refuses what cannot work; nothing here has to be checked again. Defaults
//! stand beside their source.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::announcer::{ArpForm, Schedule};
use fhrp::holdings::RouterAdvertising;
use fhrp::{Family, InterfaceAddress, Mac};

pub use crate::auth::LinkLocal;
use crate::vmac::{balancing_mac, virtual_mac};
use crate::wire::{MULTICAST_V4, MULTICAST_V6};
pub use fhrp::Secret;

/// How many times advbase a backup waits. OpenBSD ip_carp.c, carp_setrun; ucarp, `--deadratio`.
pub const DEFAULT_DEAD_RATIO: u8 = 3;
/// The advskew that FreeBSD, NetBSD and ucarp say while they are not well, and the most that FreeBSD says at all.
pub const DEMOTED_SKEW: u8 = 240;
/// The most that a virtual host can be told: 255 is for those who take their leave.
pub const MOST_SKEW: u8 = 254;
/// For how long the digest over the addresses of before is believed after they have changed.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// One virtual host.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Virtual host identifier, 1 to 255.
    pub vhid: u8,
    /// The virtual addresses, of either family or both. Never empty.
    pub addresses: Vec<InterfaceAddress>,
    /// How often the master advertises; whoever does so most often is the best.
    pub interval: Interval,
    /// How many times [`Interval::base`] a backup waits.
    pub dead_ratio: u8,
    /// Whether a backup takes the role from a master that advertises less often. `net.inet.carp.preempt`.
    pub preempt: bool,
    /// What proves that we belong together; may be empty. Octets beyond the 20th do not count.
    pub password: Secret,
    /// Whether link-local virtual addresses are covered by what we send.
    pub link_local: LinkLocal,
    /// What the counter is used for.
    pub counting: Counting,
    /// What it moves together with on this router: each other one of that name that is down demotes it.
    pub failover_group: Option<String>,
    /// How others are told that we are demoted.
    pub demotion: Demotion,
    /// How ucarp's ties are decided.
    pub ucarp_tie: UcarpTie,
    /// Whether the silence of one family is the master's, as in the kernels, though the other one is heard.
    pub strict_family_timers: bool,
    /// For how long the digest of before is believed after password or addresses have changed.
    pub grace: Duration,
    /// What is sent to the address itself is accepted, rather than only routed through.
    pub accept: bool,
    /// The MAC that hosts are told; `None`: the interface's own, with the addresses put on the interface.
    pub virtual_mac: Option<Mac>,
    /// Whether a program that is told of the role puts the addresses on the interface, as in ucarp; without a virtual MAC
    /// only. They are announced all the same.
    pub addresses_by_hook: bool,
    /// The addresses are held by several virtual hosts at a time, of which this is one; [`Config::virtual_mac`] is theirs
    /// together.
    pub balancing: Option<Balancing>,
    /// Addresses to speak from, one of a family at most, if not the interface's first beside the virtual ones.
    pub sources: Vec<IpAddr>,
    /// Where advertisements go.
    pub destination: Destination,
    /// Whether frames to the group go to the broadcast MAC, for networks that lose multicast. ucarp, `--nomcast`.
    pub broadcast: bool,
    /// When announcements are repeated.
    pub announcements: Schedule,
    /// Whether neighbour advertisements say that we are a router.
    pub router: bool,
    /// Router advertisements to be sent while master; with IPv6 addresses only.
    pub router_advertisement: Option<RouterAdvertising>,
}

impl Config {
    /// The settings of a virtual host of which only number, password and addresses are known.
    pub fn new(vhid: u8, password: Secret, addresses: Vec<InterfaceAddress>) -> Self {
        let interval = Interval { base: 1, skew: 0 };
        Config {
            vhid,
            addresses,
            interval,
            dead_ratio: DEFAULT_DEAD_RATIO,
            preempt: false,
            password,
            link_local: LinkLocal::default(),
            counting: Counting::Cookie,
            failover_group: None,
            demotion: Demotion::Both,
            ucarp_tie: UcarpTie::LittleEndian,
            strict_family_timers: false,
            grace: DEFAULT_GRACE,
            accept: true,
            virtual_mac: Some(virtual_mac(vhid)),
            addresses_by_hook: false,
            balancing: None,
            sources: Vec::new(),
            destination: Destination::default(),
            broadcast: false,
            announcements: announcements(interval),
            router: true,
            router_advertisement: None,
        }
    }

    /// The families of the virtual addresses, IPv4 first: in each of them the master advertises.
    pub fn families(&self) -> impl Iterator<Item = Family> {
        let has = |family| self.addresses.iter().any(|address| Family::of(address.ip) == family);
        [Family::Ipv4, Family::Ipv6].into_iter().filter(move |family| has(*family))
    }

    /// The group that advertisements of a family go to; `None` if they go to peers.
    pub fn group(&self, family: Family) -> Option<IpAddr> {
        match (&self.destination, family) {
            (Destination::Peers(_), _) => None,
            (Destination::Multicast { v4, .. }, Family::Ipv4) => Some(*v4),
            (Destination::Multicast { v6, .. }, Family::Ipv6) => Some(*v6),
        }
    }

    /// How long a backup with this interval waits for an advertisement before it takes over.
    pub fn patience(&self, interval: Interval) -> Duration {
        interval.patience(self.dead_ratio)
    }
}

/// OpenBSD and ucarp announce once more with the second advertisement after a take-over. Both shapes, for there are
/// devices that heed one of them alone.
pub fn announcements(interval: Interval) -> Schedule {
    Schedule { repeats: vec![interval.length() * 2], refresh: None, form: ArpForm::Both }
}

/// How often a master advertises: every `base + skew / 256` seconds. The lesser, the better; the parts are compared in
/// this order, which is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// advbase, in seconds; 0 is possible in OpenBSD and ucarp.
    pub base: u8,
    /// advskew, in 1/256 s.
    pub skew: u8,
}

impl Interval {
    /// What OpenBSD, NetBSD and FreeBSD before 10 say when they leave: it is longer than anybody waits.
    pub const GOODBYE: Interval = Interval { base: u8::MAX, skew: u8::MAX };

    /// Time between two advertisements; 1/256 s at least. OpenBSD ip_carp.c, carp_setrun.
    pub fn length(self) -> Duration {
        Duration::from_secs(self.base.into()) + self.skewed(self.skew)
    }

    /// How long a backup waits: `ratio × base + skew / 256` seconds. With a base of 0 the skew is all there is, and is
    /// multiplied instead, as in OpenBSD; ucarp waits for one interval then, and flaps.
    pub fn patience(self, ratio: u8) -> Duration {
        match self.base {
            0 => self.length() * ratio.into(),
            base => Duration::from_secs(base.into()) * ratio.into() + self.skewed(self.skew),
        }
    }

    /// The longest interval of a master that is still waited for. OpenBSD ip_carp.c, carp_proto_input_c: 3 × advbase,
    /// advskew.
    pub fn is_waited_for(self, ratio: u8, theirs: Interval) -> bool {
        let longest = u16::from(self.base) * u16::from(ratio);
        (u16::from(theirs.base), theirs.skew) <= (longest, self.skew)
    }

    fn skewed(self, skew: u8) -> Duration {
        let parts = if self.base == 0 { skew.max(1) } else { skew };
        Duration::from_secs(parts.into()) / 256
    }
}

impl fmt::Display for Interval {
    /// `1 s + 100/256 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s + {}/256 s", self.base, self.skew)
    }
}

/// Which of several virtual hosts with the same addresses this one is. OpenBSD carp(4), `balancing` and `carpnodes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balancing {
    /// How frames reach all of them.
    pub delivery: Delivery,
    /// How many there are, 2 to 32.
    pub count: u8,
    /// Its place among their numbers in order, from 0, which is the bucket that its master handles. The master of the
    /// first answers hosts.
    pub number: u8,
}

/// How frames for shared addresses reach every router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// `ip`: by a group MAC.
    Group,
    /// `ip-stealth`: by a MAC that no switch ever learns, since nobody sends from it.
    Stealth,
    /// `ip-unicast`: by the network's own means.
    Unicast,
}

impl Delivery {
    /// The MAC that hosts are told. `leader` is the lowest number of the set.
    pub const fn shared_mac(self, leader: u8) -> Mac {
        match self {
            Delivery::Group => balancing_mac(leader),
            Delivery::Stealth | Delivery::Unicast => virtual_mac(leader),
        }
    }

    /// Whether frames leave from the interface's own MAC.
    pub const fn is_hidden(self) -> bool {
        match self {
            Delivery::Group | Delivery::Stealth => true,
            Delivery::Unicast => false,
        }
    }
}

/// What the counter in an advertisement is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// OpenBSD's way: a random number that stays the same, by which a router knows its own frames. Every original is
    /// understood, and whoever has recorded an advertisement can repeat it under any interval.
    Cookie,
    /// Between routers of this suite alone: interval, demotion and a time stamp, which the digest covers like any
    /// counter. What is repeated or altered changes nothing.
    Sealed,
}

/// How others are told that we are demoted. Heard are both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demotion {
    /// By the counter, which only OpenBSD understands.
    Counter,
    /// By an advskew of 240 at least, which everybody understands who preempts.
    Skew,
    /// By both.
    Both,
}

/// ucarp compares addresses as they lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UcarpTie {
    /// The last octet counts most: nearly every machine.
    LittleEndian,
    /// The first octet counts most.
    BigEndian,
}

/// Where advertisements go, and come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To groups on the link.
    Multicast {
        /// For IPv4; any group will do, if all have the same.
        v4: IpAddr,
        /// For IPv6.
        v6: IpAddr,
    },
    /// To these routers alone.
    Peers(Vec<Peer>),
}

impl Default for Destination {
    fn default() -> Self {
        Destination::Multicast { v4: MULTICAST_V4, v6: MULTICAST_V6 }
    }
}

/// A unicast peer. `carppeer` in OpenBSD, `peer` and `peer6` in FreeBSD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Whether there may be routers in between; its TTL says nothing then.
    pub is_routed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn interval(base: u8, skew: u8) -> Interval {
        Interval { base, skew }
    }

    #[test]
    fn intervals_are_exact() {
        let micros = |interval: Interval| (interval.length().as_micros(), interval.patience(3).as_micros());
        assert_eq!(micros(interval(1, 0)), (1_000_000, 3_000_000));
        assert_eq!(micros(interval(1, 100)), (1_390_625, 3_390_625));
        assert_eq!(micros(interval(5, 254)), (5_992_187, 15_992_187));
        assert_eq!(micros(interval(0, 0)), (3_906, 11_718));
        assert_eq!(micros(interval(0, 50)), (195_312, 585_937));
    }

    #[test]
    fn who_is_slower_than_we_wait_is_not_waited_for() {
        let ours = interval(1, 0);
        assert!(ours.is_waited_for(3, interval(3, 0)));
        assert!(!ours.is_waited_for(3, interval(3, 1)));
        assert!(interval(1, 100).is_waited_for(3, interval(3, 100)));
        assert!(!interval(100, 0).is_waited_for(2, Interval::GOODBYE));
        assert!(interval(100, 0).is_waited_for(3, Interval::GOODBYE));
    }

    #[test]
    fn the_parts_are_compared_in_their_order() {
        assert!(interval(1, 254) < interval(2, 0) && interval(1, 0) < interval(1, 1));
    }
}
