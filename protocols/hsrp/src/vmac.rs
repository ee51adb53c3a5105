//! The virtual MACs, and the virtual address that IPv6 makes of one.

use std::net::Ipv6Addr;

use fhrp::address::link_local_of_virtual;
use fhrp::{Family, Mac};

use crate::wire::Version;

/// The most that a group of version 1 may have for a number.
pub const LAST_GROUP_V1: u16 = 255;
/// The most that a group of version 2 may have for a number.
pub const LAST_GROUP_V2: u16 = 4095;

/// The virtual MAC of a group: `00:00:0c:07:ac:XX` in version 1 (RFC 2281 §6.1), `00:00:0c:9f:fX:XX` in version 2 over
/// IPv4, `00:05:73:a0:0X:XX` over IPv6.
///
/// `None` for what does not exist: version 1 over IPv6, and numbers beyond the last.
pub const fn virtual_mac(version: Version, family: Family, group: u16) -> Option<Mac> {
    let [high, low] = group.to_be_bytes();
    match (version, family) {
        (Version::V1, Family::Ipv4) if group <= LAST_GROUP_V1 => {
            Some(Mac([0x00, 0x00, 0x0c, 0x07, 0xac, low]))
        }
        (Version::V2, Family::Ipv4) if group <= LAST_GROUP_V2 => {
            Some(Mac([0x00, 0x00, 0x0c, 0x9f, 0xf0 | high, low]))
        }
        (Version::V2, Family::Ipv6) if group <= LAST_GROUP_V2 => {
            Some(Mac([0x00, 0x05, 0x73, 0xa0, high, low]))
        }
        (Version::V1 | Version::V2, Family::Ipv4 | Family::Ipv6) => None,
    }
}

/// Whether a MAC is some group's virtual one.
pub const fn is_virtual(mac: Mac) -> bool {
    matches!(
        mac.0,
        [0x00, 0x00, 0x0c, 0x07, 0xac, _]
            | [0x00, 0x00, 0x0c, 0x9f, 0xf0..=0xff, _]
            | [0x00, 0x05, 0x73, 0xa0, 0..=0x0f, _]
    )
}

/// The virtual link-local address of an IPv6 group that was given none, made of its virtual MAC: `fe80::5:73ff:fea0:10`
/// for group 16. `None` where there is no such MAC.
pub fn virtual_link_local(group: u16) -> Option<Ipv6Addr> {
    virtual_mac(Version::V2, Family::Ipv6, group).map(link_local_of_virtual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_and_family_has_its_own() {
        let mac = |version, family, group| virtual_mac(version, family, group).map(|mac| mac.to_string());
        assert_eq!(mac(Version::V1, Family::Ipv4, 1).as_deref(), Some("00:00:0c:07:ac:01"));
        assert_eq!(mac(Version::V1, Family::Ipv4, 255).as_deref(), Some("00:00:0c:07:ac:ff"));
        assert_eq!(mac(Version::V1, Family::Ipv4, 256), None);
        assert_eq!(mac(Version::V1, Family::Ipv6, 1), None);
        assert_eq!(mac(Version::V2, Family::Ipv4, 103).as_deref(), Some("00:00:0c:9f:f0:67"));
        assert_eq!(mac(Version::V2, Family::Ipv4, 4095).as_deref(), Some("00:00:0c:9f:ff:ff"));
        assert_eq!(mac(Version::V2, Family::Ipv6, 16).as_deref(), Some("00:05:73:a0:00:10"));
        assert_eq!(mac(Version::V2, Family::Ipv6, 4095).as_deref(), Some("00:05:73:a0:0f:ff"));
        assert_eq!(mac(Version::V2, Family::Ipv6, 4096), None);
    }

    #[test]
    fn ipv6_makes_its_address_of_the_mac() {
        assert_eq!(virtual_link_local(16).map(|ip| ip.to_string()).as_deref(), Some("fe80::5:73ff:fea0:10"));
        assert_eq!(virtual_link_local(4096), None);
    }
}
