//! The MACs that a virtual host goes by.

use fhrp::Mac;

/// What hosts are told, for IPv4 and IPv6 alike, and what advertisements are sent from. VRRP has the same one for
/// IPv4: a virtual router and a virtual host of one number cannot share a segment.
pub const fn virtual_mac(vhid: u8) -> Mac {
    Mac([0x00, 0x00, 0x5e, 0x00, 0x01, vhid])
}

/// What ucarp sends its advertisements from: the fifth octet is 0. Hosts are told the interface's own MAC.
pub const fn ucarp_mac(vhid: u8) -> Mac {
    Mac([0x00, 0x00, 0x5e, 0x00, 0x00, vhid])
}

/// What hosts are told under OpenBSD's `balancing ip`: a group address, so that switches bring every frame to every
/// member. `leader` is the lowest VHID of the set.
pub const fn balancing_mac(leader: u8) -> Mac {
    Mac([0x01, 0x00, 0x5e, 0x00, 0x01, leader])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_differ_in_what_switches_do_with_them() {
        assert_eq!(virtual_mac(10).to_string(), "00:00:5e:00:01:0a");
        assert_eq!(ucarp_mac(10).to_string(), "00:00:5e:00:00:0a");
        assert_eq!(balancing_mac(10).to_string(), "01:00:5e:00:01:0a");
        assert!(balancing_mac(10).is_group() && !virtual_mac(10).is_group());
    }
}
