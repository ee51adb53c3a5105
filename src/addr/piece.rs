//! The pieces that a wish is made of, each a thing the kernel either has or has not.

use std::net::IpAddr;

use fhrp::address::is_link_local;
use fhrp::{Answer, Family, Holdings, Mac, Presence, Share, VirtualAddress};

use super::Wish;
use crate::engine::GroupIndex;

/// Who wants a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A group, while it holds something.
    Group(GroupIndex),
    /// A link that was prepared.
    Prepared(u32),
    /// A link for its own sake: in which name it asks.
    Link(u32),
}

/// Where an address is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// In the router, on no link.
    Inside,
    /// On this interface.
    Link(u32),
}

/// A piece.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A virtual MAC that may be held on a link: the NIC lets it in, and the gate decides.
    Known { link: u32, mac: Mac },
    /// A virtual MAC that is held, all or in part.
    Forward { link: u32, mac: Mac },
    /// Of a virtual MAC that is held only what was found to be ours is taken.
    Shared { link: u32, mac: Mac },
    /// A bucket of so many whose packets are ours.
    Bucket { link: u32, mac: Mac, count: u8, number: u8 },
    /// Nothing sent to this address is accepted.
    Refused { link: u32, ip: IpAddr },
    /// What is sent to this address is accepted only while the gate is open.
    Guarded { link: u32, ip: IpAddr },
    /// The kernel must not say who has this address.
    Silent { link: u32, ip: IpAddr },
    /// When the kernel asks in this address' name, it asks in the link's own name instead.
    Lent { link: u32, ip: IpAddr },
    /// When the kernel asks in this address' name, it names this MAC.
    Named { link: u32, ip: IpAddr },
    /// A link's own address to ask from.
    Own { link: u32, family: Family },
    /// No ICMP redirect of this family leaves a link.
    Unredirected { link: u32, family: Family },
    /// An address.
    Address { place: Place, ip: IpAddr },
}

/// What else there is to say of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    None,
    Mac(Mac),
    Ip(IpAddr),
    Prefix(u8),
}

/// Whether a wish needs more than addresses on the interface.
pub(crate) fn needs_tables(holdings: &Holdings) -> bool {
    let needs = |address: &VirtualAddress| match address.presence {
        Presence::OnInterface => false,
        Presence::Native => address.answer != Answer::Silent,
        Presence::Unaccepted | Presence::Accepted => true,
    };
    !holdings.forward.is_empty() || holdings.addresses.values().any(needs)
}

/// Whether a wish needs a virtual MAC to be shared.
pub(crate) fn needs_sharing(holdings: &Holdings) -> bool {
    holdings.forward.values().any(|share| *share != Share::Whole)
}

/// The pieces of a wish.
pub(crate) fn pieces(wish: &Wish) -> Vec<(Key, Value)> {
    let link = wish.link;
    let mut pieces = Vec::new();
    for (mac, share) in &wish.holdings.forward {
        let mac = *mac;
        pieces.push((Key::Known { link, mac }, Value::None));
        pieces.push((Key::Forward { link, mac }, Value::None));
        if let Share::Buckets(buckets) = share {
            pieces.push((Key::Shared { link, mac }, Value::None));
            let bucket = |number| Key::Bucket { link, mac, count: buckets.count(), number };
            pieces.extend(buckets.ours().map(|number| (bucket(number), Value::None)));
        }
    }
    for (ip, address) in &wish.holdings.addresses {
        address_pieces(link, *ip, address, &wish.holdings, &mut pieces);
    }
    pieces
}

fn address_pieces(
    link: u32,
    ip: IpAddr,
    address: &VirtualAddress,
    holdings: &Holdings,
    pieces: &mut Vec<(Key, Value)>,
) {
    // Linux's IPv4 addresses are the host's, whatever the link.
    let speaker = if ip.is_ipv4() { 0 } else { link };
    let silent = (Key::Silent { link: speaker, ip }, Value::None);
    match address.presence {
        Presence::OnInterface => {
            pieces.push((Key::Address { place: Place::Link(link), ip }, Value::Prefix(address.prefix)));
        }
        Presence::Unaccepted => pieces.extend([(Key::Refused { link, ip }, Value::None), silent]),
        Presence::Accepted => {
            // A link-local address is accepted only on its own link.
            let place = if is_link_local(ip) { Place::Link(link) } else { Place::Inside };
            pieces.extend([
                silent,
                (Key::Guarded { link, ip }, Value::None),
                (Key::Lent { link: speaker, ip }, Value::None),
                (Key::Address { place, ip }, Value::Prefix(Family::of(ip).bits())),
            ]);
        }
        Presence::Native => {
            let mac = match address.answer {
                Answer::Silent => return,
                // The kernel asks in frames from the interface's own MAC anyway.
                Answer::With(mac) | Answer::Stealth(mac) => Some(mac),
                Answer::Ask => holdings.forward.keys().next().copied(),
            };
            pieces.push(silent);
            pieces.extend(mac.map(|mac| (Key::Named { link: speaker, ip }, Value::Mac(mac))));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn wish(presence: Presence, answer: Answer, ip: &str) -> Wish {
        let ip = ip.parse().unwrap();
        let address = VirtualAddress { prefix: 24, presence, answer, router: false };
        let holdings = Holdings {
            addresses: [(ip, address)].into(),
            lease: Duration::from_secs(3),
            ..Holdings::default()
        };
        Wish { group: GroupIndex(0), ticket: 0, link: 7, holdings }
    }

    #[test]
    fn an_address_on_the_interface_needs_no_tables() {
        let plain = wish(Presence::OnInterface, Answer::Silent, "10.0.0.1");
        assert!(!needs_tables(&plain.holdings));
        let ip = "10.0.0.1".parse().unwrap();
        assert_eq!(pieces(&plain), [(Key::Address { place: Place::Link(7), ip }, Value::Prefix(24))]);
        assert!(needs_tables(&wish(Presence::Accepted, Answer::Ask, "10.0.0.1").holdings));
    }

    #[test]
    fn a_native_address_that_the_kernel_answers_for_is_left_alone() {
        assert!(pieces(&wish(Presence::Native, Answer::Silent, "10.0.0.1")).is_empty());
        let mac = Mac([0, 0, 0x5e, 0, 1, 1]);
        assert_eq!(pieces(&wish(Presence::Native, Answer::With(mac), "10.0.0.1")).len(), 2);
    }

    #[test]
    fn link_local_addresses_stay_on_their_link() {
        let accepted = pieces(&wish(Presence::Accepted, Answer::Ask, "fe80::1"));
        let ip = "fe80::1".parse().unwrap();
        assert!(accepted.contains(&(Key::Address { place: Place::Link(7), ip }, Value::Prefix(128))));
    }
}
