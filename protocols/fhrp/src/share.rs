//! Which of the packets sent to a virtual MAC are ours, where several members take frames for one MAC at a time.
//!
//! Every frame reaches every member, and each member decides alone: both ends of a packet are folded into one number,
//! whose remainder is the packet's bucket. A bucket belongs to one member, so a packet is handled once. The fold does
//! not tell source from destination: both directions of a flow meet in one member, if both sides have the same list.
//!
//! Source: OpenBSD carp(4), `balancing`.

use std::net::IpAddr;

/// Most buckets that the sources of one MAC are divided into. OpenBSD carp(4), `carpnodes`.
pub const MOST_BUCKETS: u8 = 32;

/// Which packets for a virtual MAC are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Share {
    /// All of them.
    #[default]
    Whole,
    /// Those of some buckets.
    Buckets(Buckets),
}

impl Share {
    /// Whether a packet from `source` to `destination` is ours. What is sent to many, by multicast or broadcast, is
    /// everybody's; a packet between two families is nobody's.
    pub fn takes(&self, source: IpAddr, destination: IpAddr) -> bool {
        match self {
            Share::Whole => true,
            Share::Buckets(_) if is_for_many(destination) => true,
            Share::Buckets(buckets) => {
                bucket_of(source, destination, buckets.count).is_some_and(|number| buckets.has(number))
            }
        }
    }
}

/// The buckets of one MAC, and which of them are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Buckets {
    count: u8,
    ours: u32,
}

impl Buckets {
    /// So many buckets, none of them ours. `None` unless 1 to [`MOST_BUCKETS`].
    pub const fn new(count: u8) -> Option<Self> {
        if count == 0 || count > MOST_BUCKETS {
            return None;
        }
        Some(Buckets { count, ours: 0 })
    }

    /// The same with one more that is ours; a number that no bucket has changes nothing.
    #[must_use]
    pub const fn with(self, number: u8) -> Self {
        if number >= self.count {
            return self;
        }
        Buckets { ours: self.ours | 1 << number, ..self }
    }

    /// How many there are.
    pub const fn count(self) -> u8 {
        self.count
    }

    /// Whether this one is ours.
    pub const fn has(self, number: u8) -> bool {
        number < self.count && self.ours >> number & 1 == 1
    }

    /// The numbers of those that are ours, from 0.
    pub fn ours(self) -> impl Iterator<Item = u8> {
        (0..self.count).filter(move |number| self.has(*number))
    }
}

/// The bucket of a packet, of so many, from 0. `None` if the two are of different families or there is no bucket.
pub fn bucket_of(source: IpAddr, destination: IpAddr, count: u8) -> Option<u8> {
    let number = fold(source, destination)?.checked_rem(count.into())?;
    u8::try_from(number).ok()
}

/// All words of 32 bits of both addresses, big-endian, in one exclusive or.
fn fold(source: IpAddr, destination: IpAddr) -> Option<u32> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => Some(u32::from(source) ^ u32::from(destination)),
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let both = u128::from(source) ^ u128::from(destination);
            // The low 32 bits of each shift are one word.
            Some((both ^ both >> 32 ^ both >> 64 ^ both >> 96) as u32)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}

fn is_for_many(destination: IpAddr) -> bool {
    match destination {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn buckets_are_openbsds() {
        for (source, destination, folded, remainders) in [
            ("192.0.2.10", "198.51.100.1", 0x0633_660b, [1, 2, 3]),
            ("2001:db8::10", "2001:db8:1::1", 0x0001_0011, [1, 0, 1]),
        ] {
            let (source, destination) = (ip(source), ip(destination));
            assert_eq!(fold(source, destination), Some(folded));
            let of = |count| bucket_of(source, destination, count).unwrap();
            assert_eq!([2, 3, 4].map(of), remainders);
        }
        assert_eq!(bucket_of(ip("192.0.2.10"), ip("2001:db8::1"), 2), None);
        assert_eq!(bucket_of(ip("192.0.2.10"), ip("198.51.100.1"), 0), None);
    }

    #[test]
    fn what_is_sent_to_many_is_everybodys() {
        let none = Share::Buckets(Buckets::new(3).unwrap());
        for destination in ["224.0.0.18", "255.255.255.255"] {
            assert!(none.takes(ip("192.0.2.10"), ip(destination)));
        }
        assert!(none.takes(ip("fe80::1"), ip("ff02::1")));
        assert!(!none.takes(ip("192.0.2.10"), ip("198.51.100.1")));
        assert!(Share::Whole.takes(ip("192.0.2.10"), ip("198.51.100.1")));
    }

    #[test]
    fn there_are_1_to_32_buckets() {
        assert!(Buckets::new(0).is_none() && Buckets::new(33).is_none());
        let all = (0..40).fold(Buckets::new(32).unwrap(), Buckets::with);
        assert!(all.ours().eq(0..32) && !all.has(32) && !all.has(255));
        assert_eq!(Buckets::new(3).unwrap().with(3), Buckets::new(3).unwrap());
    }

    proptest! {
        /// However the buckets are dealt out, each packet is one member's, whichever way it goes.
        #[test]
        fn a_packet_is_one_members(
            v6: bool, source: u128, destination: u128,
            dealt in prop::collection::vec(0_usize..3, 1..=32),
        ) {
            let address = |bits: u128| -> IpAddr {
                if v6 { Ipv6Addr::from(bits).into() } else { Ipv4Addr::from(bits as u32).into() }
            };
            let (source, destination) = (address(source), address(destination));
            let mut members = [Buckets::new(dealt.len() as u8).unwrap(); 3];
            for (number, member) in (0..).zip(dealt) {
                members[member] = members[member].with(number);
            }
            let takers = |source, destination| {
                members.iter().filter(|buckets| Share::Buckets(**buckets).takes(source, destination)).count()
            };
            prop_assert_eq!(takers(source, destination), if is_for_many(destination) { 3 } else { 1 });
            prop_assert_eq!(takers(destination, source), if is_for_many(source) { 3 } else { 1 });
        }
    }
}
