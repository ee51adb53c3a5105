//! The virtual MACs, one for each forwarder, and the virtual address that IPv6 makes of them.

use std::net::Ipv6Addr;

use fhrp::Mac;
use fhrp::address::link_local_of_virtual;

/// The most that a group may have for a number.
pub const LAST_GROUP: u16 = 1023;
/// Forwarders are numbered from 1 to this.
pub const LAST_FORWARDER: u8 = 4;

/// The virtual MAC of a forwarder: `00:07:b4`, the group in two octets, the forwarder's number. Both families have the
/// same one, so that one number cannot name groups of both on one interface.
///
/// `None` for groups and forwarders that do not exist.
pub const fn virtual_mac(group: u16, forwarder: u8) -> Option<Mac> {
    if group > LAST_GROUP || forwarder == 0 || forwarder > LAST_FORWARDER {
        return None;
    }
    Some(mac(group, forwarder))
}

/// The virtual MACs of a group, one for each forwarder; none for a group that does not exist.
pub fn virtual_macs(group: u16) -> impl Iterator<Item = Mac> {
    (1..=LAST_FORWARDER).filter_map(move |forwarder| virtual_mac(group, forwarder))
}

/// The virtual link-local address of an IPv6 group that was given none: made of the MAC that forwarder 0 would have.
pub fn virtual_link_local(group: u16) -> Option<Ipv6Addr> {
    (group <= LAST_GROUP).then(|| link_local_of_virtual(mac(group, 0)))
}

const fn mac(group: u16, forwarder: u8) -> Mac {
    let [high, low] = group.to_be_bytes();
    Mac([0x00, 0x07, 0xb4, high, low, forwarder])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_forwarder_has_its_own() {
        let mac = |group, forwarder| virtual_mac(group, forwarder).map(|mac| mac.to_string());
        assert_eq!(mac(1, 2).as_deref(), Some("00:07:b4:00:01:02"));
        assert_eq!(mac(1020, 1).as_deref(), Some("00:07:b4:03:fc:01"));
        assert_eq!(mac(1023, 4).as_deref(), Some("00:07:b4:03:ff:04"));
        assert_eq!((mac(1024, 1), mac(1, 0), mac(1, 5)), (None, None, None));
    }

    #[test]
    fn ipv6_makes_its_address_of_the_mac() {
        assert_eq!(
            virtual_link_local(55).map(|ip| ip.to_string()).as_deref(),
            Some("fe80::7:b4ff:fe00:3700")
        );
        assert_eq!(virtual_link_local(1024), None);
    }
}
