//! Addresses as the protocols speak of them: MACs, address families, addresses with a prefix length.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Mac = Mac([0xff; 6]);

    /// The Ethernet multicast address that carries `group`. RFC 1112 §6.4, RFC 2464 §7.
    ///
    /// `None` if `group` is not a multicast address.
    pub fn of_multicast(group: IpAddr) -> Option<Mac> {
        match group {
            IpAddr::V4(ip) if ip.is_multicast() => {
                let [_, b, c, d] = ip.octets();
                Some(Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d]))
            }
            IpAddr::V6(ip) if ip.is_multicast() => {
                let [.., w, x, y, z] = ip.octets();
                Some(Mac([0x33, 0x33, w, x, y, z]))
            }
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }

    /// Whether the group bit is set: broadcast or multicast, never one station.
    pub fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not six pairs of hexadecimal digits.
    #[error("`{0}` is not a MAC address such as 00:00:5e:00:01:0a")]
    Mac(String),
    /// Not an IPv4 or IPv6 address.
    #[error("`{0}` is not an IPv4 or IPv6 address")]
    Ip(String),
    /// The part behind the slash is no number, or longer than the address.
    #[error("the prefix length of `{text}` must be a number from 0 to {max}")]
    Prefix {
        /// The whole text.
        text: String,
        /// The most this family allows.
        max: u8,
    },
}

impl FromStr for Mac {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || AddressError::Mac(text.to_owned());
        let mut octets = [0; 6];
        let mut parts = text.split([':', '-']);
        for octet in &mut octets {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(wrong)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        if parts.next().is_some() { Err(wrong()) } else { Ok(Mac(octets)) }
    }
}

/// An address family; a virtual router belongs to exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4, neighbours found by ARP.
    Ipv4,
    /// IPv6, neighbours found by Neighbour Discovery.
    Ipv6,
}

impl Family {
    /// The family of an address.
    pub fn of(ip: IpAddr) -> Family {
        if ip.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
    }

    /// Bits in an address: 32 or 128.
    pub const fn bits(self) -> u8 {
        match self {
            Family::Ipv4 => 32,
            Family::Ipv6 => 128,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Ipv4 => "IPv4",
            Family::Ipv6 => "IPv6",
        })
    }
}

/// An address with the length of its network prefix, as interfaces carry them: `10.0.10.1/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceAddress {
    /// The address.
    pub ip: IpAddr,
    /// Leading bits that name the network: 0 to 32, or 0 to 128.
    pub prefix: u8,
}

impl InterfaceAddress {
    /// A single address: /32 or /128.
    pub fn host(ip: IpAddr) -> Self {
        InterfaceAddress { ip, prefix: Family::of(ip).bits() }
    }

    /// Whether `other` lies in the network of this address.
    pub fn contains(&self, other: IpAddr) -> bool {
        let bits = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => u128::from(u32::from(ip)) << 96,
            IpAddr::V6(ip) => u128::from(ip),
        };
        let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
        Family::of(self.ip) == Family::of(other) && bits(self.ip) & mask == bits(other) & mask
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

impl FromStr for InterfaceAddress {
    type Err = AddressError;

    /// Reads `ADDRESS/LENGTH`, or an address alone as a host address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let ip: IpAddr = address.parse().map_err(|_| AddressError::Ip(address.to_owned()))?;
        let max = Family::of(ip).bits();
        let prefix = match length {
            None => max,
            Some(length) => length
                .parse()
                .ok()
                .filter(|prefix| *prefix <= max)
                .ok_or_else(|| AddressError::Prefix { text: text.to_owned(), max })?,
        };
        Ok(InterfaceAddress { ip, prefix })
    }
}

impl Serialize for InterfaceAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for InterfaceAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Whether `ip` is an IPv6 link-local unicast address, `fe80::/10`.
pub fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.segments()[0] & 0xffc0 == 0xfe80)
}

/// The link-local address that Cisco's protocols make of a virtual MAC: `fe80::/64`, then the MAC with `ff:fe` in its
/// middle. Unlike in RFC 4291 appendix A, the universal/local bit stays as it is.
pub const fn link_local_of_virtual(mac: Mac) -> Ipv6Addr {
    let Mac([a, b, c, d, e, f]) = mac;
    let segment = u16::from_be_bytes;
    Ipv6Addr::new(0xfe80, 0, 0, 0, segment([a, b]), segment([c, 0xff]), segment([0xfe, d]), segment([e, f]))
}

/// The solicited-node multicast group of an address. RFC 4291 §2.7.1.
pub fn solicited_node(ip: Ipv6Addr) -> Ipv6Addr {
    let [.., x, y, z] = ip.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(x), u16::from_be_bytes([y, z]))
}

/// An address in 16 octets: IPv6 as it is, IPv4 in the first four with zeros behind.
pub fn sixteen_octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// `0.0.0.0` or `::`.
pub fn unspecified(family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_read_back_as_they_print() {
        let mac: Mac = "00:00:5e:00:01:0A".parse().unwrap();
        assert_eq!(mac.to_string(), "00:00:5e:00:01:0a");
        for wrong in ["", "00:00:5e:00:01", "00:00:5e:00:01:0a:0b", "0:0:5e:0:1:a", "00:00:5e:00:01:0g"] {
            assert!(wrong.parse::<Mac>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn multicast_macs_follow_their_family() {
        let mac = |text: &str| Mac::of_multicast(text.parse().unwrap()).map(|mac| mac.to_string());
        assert_eq!(mac("224.0.0.18").as_deref(), Some("01:00:5e:00:00:12"));
        assert_eq!(mac("239.129.1.2").as_deref(), Some("01:00:5e:01:01:02"));
        assert_eq!(mac("ff02::12").as_deref(), Some("33:33:00:00:00:12"));
        assert_eq!(mac("10.0.0.1"), None);
    }

    #[test]
    fn prefixes_are_checked_and_compared() {
        let lan: InterfaceAddress = "10.0.10.1/24".parse().unwrap();
        assert!(lan.contains("10.0.10.254".parse().unwrap()));
        assert!(!lan.contains("10.0.11.1".parse().unwrap()));
        assert!(!lan.contains("::ffff:10.0.10.2".parse().unwrap()));
        let all: InterfaceAddress = "::/0".parse().unwrap();
        assert!(all.contains("2001:db8::1".parse().unwrap()));
        assert_eq!("10.0.0.1".parse::<InterfaceAddress>().unwrap().prefix, 32);
        assert!("10.0.0.1/33".parse::<InterfaceAddress>().is_err());
        assert!("10.0.0/8".parse::<InterfaceAddress>().is_err());
    }

    #[test]
    fn the_local_bit_of_a_virtual_mac_stays() {
        let mac = Mac([0x00, 0x05, 0x73, 0xa0, 0x00, 0x10]);
        assert_eq!(link_local_of_virtual(mac).to_string(), "fe80::5:73ff:fea0:10");
    }

    #[test]
    fn solicited_node_keeps_the_last_three_octets() {
        assert_eq!(
            solicited_node("fe80::200:5eff:fe00:20a".parse().unwrap()).to_string(),
            "ff02::1:ff00:20a"
        );
    }
}
