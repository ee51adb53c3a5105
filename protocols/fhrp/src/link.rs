//! What is known of a network interface.

use std::net::IpAddr;

use crate::address::{Family, InterfaceAddress, Mac, is_link_local};

/// A network interface as the kernel describes it, without what the suite itself put there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// The kernel's number for it; 0 while it does not exist.
    pub index: u32,
    /// Its name, such as `eth0` or `bond0.10`.
    pub name: String,
    /// Its own MAC address.
    pub mac: Mac,
    /// Administratively up, with carrier: frames can be sent and heard.
    pub up: bool,
    /// Largest IP packet, in octets.
    pub mtu: u32,
    /// Its real addresses, in the kernel's order; tentative ones are left out.
    pub addresses: Vec<InterfaceAddress>,
}

impl Link {
    /// Whether `ip` is one of the real addresses.
    pub fn has(&self, ip: IpAddr) -> bool {
        self.addresses.iter().any(|address| address.ip == ip)
    }

    /// The address we speak from: `wished` if the link has it, else the first one whose network holds
    /// `neighbour`, else the first of the family. IPv6 always takes a link-local one. RFC 9568 §5.1.1.1.
    ///
    /// Addresses in `not` are passed over: a virtual address that the link happens to have is no identity.
    pub fn source(
        &self,
        family: Family,
        wished: Option<IpAddr>,
        neighbour: Option<IpAddr>,
        not: &[IpAddr],
    ) -> Option<IpAddr> {
        if let Some(wished) = wished {
            return self.has(wished).then_some(wished);
        }
        let fits = |address: &&InterfaceAddress| {
            Family::of(address.ip) == family
                && !not.contains(&address.ip)
                && (family == Family::Ipv4 || is_link_local(address.ip))
        };
        let beside = |address: &&InterfaceAddress| neighbour.is_some_and(|ip| address.contains(ip));
        let mut ours = self.addresses.iter().filter(fits);
        ours.clone().find(beside).or_else(|| ours.next()).map(|address| address.ip)
    }

    /// The address we speak from to one `peer` alone, chosen as [`Link::source`] does. To a peer beyond the link no
    /// link-local address can speak: then it is the one whose network holds the peer, else the first that is not
    /// link-local.
    pub fn source_to(&self, peer: IpAddr, wished: Option<IpAddr>, not: &[IpAddr]) -> Option<IpAddr> {
        let family = Family::of(peer);
        if wished.is_some() || family == Family::Ipv4 || is_link_local(peer) {
            return self.source(family, wished, Some(peer), not);
        }
        let fits = |address: &&InterfaceAddress| {
            Family::of(address.ip) == family && !is_link_local(address.ip) && !not.contains(&address.ip)
        };
        let mut ours = self.addresses.iter().filter(fits);
        ours.clone().find(|address| address.contains(peer)).or_else(|| ours.next()).map(|address| address.ip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        let addresses = ["192.0.2.7/24", "10.0.10.2/24", "10.0.10.1/24", "2001:db8::2/64", "fe80::2/64"];
        Link { addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(), ..Link::default() }
    }

    #[test]
    fn the_source_lies_beside_the_virtual_address() {
        let vip = "10.0.10.1".parse().unwrap();
        let source = link().source(Family::Ipv4, None, Some(vip), &[vip]);
        assert_eq!(source, Some("10.0.10.2".parse().unwrap()));
        assert_eq!(link().source(Family::Ipv4, None, None, &[]), Some("192.0.2.7".parse().unwrap()));
    }

    #[test]
    fn ipv6_speaks_from_its_link_local_address() {
        assert_eq!(link().source(Family::Ipv6, None, None, &[]), Some("fe80::2".parse().unwrap()));
    }

    #[test]
    fn to_a_peer_beyond_the_link_no_link_local_address_speaks() {
        let texts = ["fe80::2/64", "2001:db8:9::2/64", "2001:db8::1/64", "2001:db8::2/64", "10.0.10.2/24"];
        let link =
            Link { addresses: texts.iter().map(|text| text.parse().unwrap()).collect(), ..Link::default() };
        let not: IpAddr = "2001:db8::1".parse().unwrap();
        let to = |peer: &str, wished: Option<&str>| {
            let wished = wished.map(|text| text.parse().unwrap());
            link.source_to(peer.parse().unwrap(), wished, &[not]).map(|ip| ip.to_string())
        };
        assert_eq!(to("fe80::7", None).as_deref(), Some("fe80::2"));
        assert_eq!(to("2001:db8::7", None).as_deref(), Some("2001:db8::2"), "its network holds the peer");
        assert_eq!(to("2001:db8:5::7", None).as_deref(), Some("2001:db8:9::2"), "the first one");
        assert_eq!(to("2001:db8::7", Some("fe80::2")).as_deref(), Some("fe80::2"), "as it is wished");
        assert_eq!(to("10.0.10.7", None).as_deref(), Some("10.0.10.2"));
    }

    #[test]
    fn a_wished_source_must_exist() {
        let wished = "192.0.2.7".parse().unwrap();
        assert_eq!(link().source(Family::Ipv4, Some(wished), None, &[]), Some(wished));
        assert_eq!(link().source(Family::Ipv4, Some("192.0.2.8".parse().unwrap()), None, &[]), None);
    }
}
