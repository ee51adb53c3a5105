//! The real addresses of our router: those that its groups are told to speak from, and one beside the virtual ones where
//! nobody says any.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fhrp::{Family, InterfaceAddress, Link};

use super::protocol::{real_addresses, virtual_addresses};
use crate::config::ProtocolPlan;

/// Gives a link whatever real addresses it takes for a group to run there: one in each of its families.
pub(super) fn equip(link: &mut Link, group: &ProtocolPlan) {
    for address in real_addresses(group) {
        add(link, address);
    }
    let virtual_addresses = virtual_addresses(group);
    for family in [Family::Ipv4, Family::Ipv6] {
        let of_family = |address: &InterfaceAddress| Family::of(address.ip) == family;
        let beside: Vec<InterfaceAddress> =
            virtual_addresses.iter().copied().filter(|address| of_family(address)).collect();
        if let Some(first) = beside.first().filter(|_| !link.addresses.iter().any(of_family)) {
            add(link, spare(*first, &beside));
        }
    }
    if link.addresses.is_empty() {
        // The group learns its virtual addresses.
        add(link, LINK_LOCAL);
    }
}

/// A link-local address.
const LINK_LOCAL: InterfaceAddress =
    InterfaceAddress { ip: IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfffe)), prefix: 64 };

fn add(link: &mut Link, address: InterfaceAddress) {
    if !link.has(address.ip) {
        link.addresses.push(address);
    }
}

/// An address beside the virtual ones: the last one of the first one's network that is free, or a link-local one.
fn spare(first: InterfaceAddress, virtual_addresses: &[InterfaceAddress]) -> InterfaceAddress {
    let IpAddr::V4(ip) = first.ip else { return LINK_LOCAL };
    let host = u32::MAX.checked_shr(first.prefix.into()).unwrap_or(0);
    let last = u32::from(ip) | host;
    let free = (1..=host)
        .map(|step| Ipv4Addr::from(last - step))
        .find(|free| !virtual_addresses.iter().any(|address| address.ip == IpAddr::V4(*free)));
    let ip = free.unwrap_or(Ipv4Addr::new(192, 0, 2, 254)).into();
    InterfaceAddress { ip, prefix: first.prefix }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    /// The real addresses that a router gets for a group, beside these.
    fn equipped(addresses: &str, own: &[&str]) -> Vec<String> {
        let text =
            format!("[[interface.lan.carp]]\nid = 10\naddresses = [{addresses}]\npassword = \"secret\"\n");
        let plan = config::parse("lan.toml", &text).unwrap();
        let addresses = own.iter().map(|own| own.parse().unwrap()).collect();
        let mut link = Link { addresses, ..Link::default() };
        equip(&mut link, &plan.groups[0].protocol);
        link.addresses.iter().map(InterfaceAddress::to_string).collect()
    }

    #[test]
    fn each_family_has_an_address_to_speak_from() {
        let both = "\"10.0.10.254/24\", \"2001:db8:10::1/64\"";
        assert_eq!(equipped("\"10.0.10.1/24\"", &[]), ["10.0.10.254/24"]);
        assert_eq!(equipped(both, &[]), ["10.0.10.253/24", "fe80::fffe/64"]);
        assert_eq!(equipped(both, &["10.0.10.7/24"]), ["10.0.10.7/24", "fe80::fffe/64"]);
        assert_eq!(equipped(both, &["10.0.10.7/24", "fe80::7/64"]), ["10.0.10.7/24", "fe80::7/64"]);
    }
}
