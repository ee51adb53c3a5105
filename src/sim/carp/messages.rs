//! Advertisements read, judged when they are sent, changed, and forged.

use std::net::IpAddr;

use ::carp::wire::{self, Advertisement};
use fhrp::checksum::Sum;
use fhrp::packet::{ip_protocol, is_carp};
use fhrp::{Datagram, Family, Mac, Received, Route};

use super::arithmetic;
use super::setup::Setup;
use crate::sim::invariant::{Breach, Invariant};
use crate::sim::machine;
use crate::sim::rules::as_received;
use crate::sim::scenario::Forgery;

/// TTL of everything that is sent.
const TTL: u8 = 255;
/// FreeBSD's class.
const CLASS: u8 = 0xe0;

/// What an advertisement says.
#[derive(Debug, Clone)]
pub struct Said {
    /// Who says it.
    pub source: IpAddr,
    /// What.
    pub advertisement: Advertisement,
}

/// Reads an advertisement of this group, whoever sealed it.
pub(super) fn read(setup: &Setup, received: &Received<'_>) -> Option<Said> {
    let ours = received.protocol == ip_protocol::VRRP && is_carp(received.payload, received.source);
    let heard = wire::parse(received.payload).ok().filter(|_| ours)?;
    let said = Said { source: received.source, advertisement: heard.advertisement };
    let family = Family::of(received.source);
    (said.advertisement.vhid == setup.vhid && setup.families().any(|known| known == family)).then_some(said)
}

/// Reads what a member sends, and says whether everything about it but its contents is as it must be: headers, the MAC it
/// comes from, the digest. Returns it with whom it is for.
pub(super) fn judge(
    setup: &Setup,
    addresses: &[u8],
    own: u8,
    datagram: &Datagram,
) -> Result<(IpAddr, Said), Breach> {
    let broken = |what: String| Err(Breach::new(Invariant::Truthful, what));
    let received = as_received(datagram);
    let Some(said) = read(setup, &received) else {
        return broken("sent what cannot be read".to_owned());
    };
    let ipv6 = said.source.is_ipv6();
    if said.source != machine::address(ipv6, own) {
        return broken(format!("spoke from {}", said.source));
    }
    let Datagram { hop_limit, traffic_class, dont_fragment, .. } = *datagram;
    if (hop_limit, traffic_class, dont_fragment) != (TTL, CLASS, true) {
        let whether = if dont_fragment { "" } else { "out" };
        return broken(format!("sent with TTL {hop_limit} and class {traffic_class:#x}, with{whether} DF"));
    }
    let counter = said.advertisement.counter;
    let digest = arithmetic::digest(setup.password(), setup.vhid, &setup.covered(), counter);
    if datagram.payload.get(16..) != Some(&digest[..]) {
        return broken("has a digest that its members will not believe".to_owned());
    }
    let is_right_way = match datagram.route {
        Route::Routed => setup.unicast,
        Route::Link { source_mac, destination_mac } => {
            let from = setup.virtual_mac().filter(|_| !setup.is_hidden()).unwrap_or(machine::mac(own));
            let to = Mac::of_multicast(datagram.destination);
            !setup.unicast && source_mac == from && Some(destination_mac) == to
        }
    };
    let family = Family::of(said.source);
    if !is_right_way || !destinations(setup, addresses, own, family).contains(&datagram.destination) {
        return broken(format!("spoke to {} by {:?}", datagram.destination, datagram.route));
    }
    Ok((datagram.destination, said))
}

/// Whom a member speaks to in a family, in this order.
pub(super) fn destinations(setup: &Setup, addresses: &[u8], own: u8, family: Family) -> Vec<IpAddr> {
    match (setup.unicast, family) {
        (true, family) => {
            let others = addresses.iter().filter(|last| **last != own);
            others.map(|last| machine::address(family == Family::Ipv6, *last)).collect()
        }
        (false, Family::Ipv4) => vec![IpAddr::from([224, 0, 0, 18])],
        (false, Family::Ipv6) => vec![IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0x12])],
    }
}

/// The payload of a message with another interval and demotion, whose checksum is right again: what anybody can make of
/// one that he has recorded.
pub(super) fn altered(payload: &[u8], chance: u64) -> Option<Vec<u8>> {
    let mut octets = payload.to_vec();
    let [skew, demote, base, ..] = chance.to_be_bytes();
    let (skew, demote, base) = match chance % 4 {
        0 => (0, 0, 0),
        1 => (255, 0, 255),
        2 => (skew, demote, base % 8),
        _ => (skew, 0, 1),
    };
    *octets.get_mut(2)? = skew;
    *octets.get_mut(4)? = demote;
    *octets.get_mut(5)? = base;
    octets.get_mut(6..8)?.fill(0);
    let checksum = Sum::new().over(octets.get(..wire::LENGTH)?).checksum();
    octets.get_mut(6..8)?.copy_from_slice(&checksum.to_be_bytes());
    (octets != payload).then_some(octets)
}

/// An advertisement that no member sent, and that every member must refuse; `None` where obeying is right.
pub(super) fn forge(setup: &Setup, addresses: &[u8], kind: Forgery, chance: u64) -> Option<Datagram> {
    let members = (setup.password(), setup.covered());
    let strangers = setup.strangers_proof(chance >> 24);
    let ((base, skew, demote), (password, covered), hop_limit) = match kind {
        Forgery::Claim => ((0, 0, 0), strangers, TTL),
        Forgery::Goodbye => ((255, 255, 0), strangers, TTL),
        Forgery::FromAfar => ((0, 0, 0), members, TTL - 1),
        Forgery::Garbage => ((1, 0, 0), strangers, TTL),
        Forgery::OtherVersion | Forgery::Flipped => return None,
    };
    // Sometimes in a member's name, sometimes in a new one.
    let names = addresses.len() as u64 + 1;
    let name = addresses.get((chance % names) as usize).copied().unwrap_or(machine::STRANGER);
    let families: Vec<Family> = setup.families().collect();
    let family = *families.get((chance >> 8) as usize % families.len())?;
    let source = machine::address(family == Family::Ipv6, name);
    let counter = match setup.sealed {
        true => arithmetic::sealed(arithmetic::stamp(crate::sim::clock::EPOCH) + 1_024, base, skew, demote),
        false => chance,
    };
    let advertisement = Advertisement { vhid: setup.vhid, advbase: base, advskew: skew, demote, counter };
    let digest = arithmetic::digest(password, setup.vhid, &covered, counter);
    let mut payload = wire::emit(&advertisement, &digest).to_vec();
    if kind == Forgery::Garbage {
        payload = chance.to_be_bytes().repeat(5)[..wire::LENGTH].to_vec();
        payload[..4].copy_from_slice(&[0x21, setup.vhid, 0, 7]);
    }
    // Unicast peers hear what is sent to them; a stranger knows where one of them is.
    let peer = addresses.get((chance >> 16) as usize % addresses.len()).copied()?;
    let (destination, destination_mac) = match setup.unicast {
        true => (machine::address(family == Family::Ipv6, peer), machine::mac(peer)),
        false => {
            let group = *destinations(setup, addresses, 0, family).first()?;
            (group, Mac::of_multicast(group)?)
        }
    };
    Some(Datagram {
        route: Route::Link { source_mac: machine::mac(machine::STRANGER), destination_mac },
        source,
        destination,
        hop_limit,
        traffic_class: CLASS,
        identification: 0,
        dont_fragment: false,
        protocol: ip_protocol::VRRP,
        ports: None,
        payload,
    })
}
