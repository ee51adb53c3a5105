//! Frames that no good neighbour sends, written octet by octet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fhrp::checksum::Sum;

/// A VRRP advertisement with everything that can be wrong about it.
#[derive(Debug, Clone)]
pub struct Forged {
    pub source: IpAddr,
    pub ttl: u8,
    pub version: u8,
    pub kind: u8,
    pub vrid: u8,
    pub priority: u8,
    /// Addresses it says it has; `None`: as many as there are.
    pub count: Option<u8>,
    /// The octets after the count: in version 2 the authentication type and seconds, in version 3 centiseconds.
    pub interval: u16,
    pub addresses: Vec<IpAddr>,
    /// Octets behind the addresses: authentication data.
    pub trailer: Vec<u8>,
    /// Octets behind everything that the checksum does not cover: an HMAC trailer over IPv4.
    pub uncovered: Vec<u8>,
    /// Added to the right checksum.
    pub checksum_off: u16,
    /// Octets of the message that are sent; `None`: all.
    pub cut: Option<usize>,
}

impl Forged {
    /// A correct advertisement of version 3, every 100 ms.
    pub fn v3(source: &str, vrid: u8, priority: u8, addresses: &[&str]) -> Forged {
        Forged {
            source: source.parse().unwrap(),
            ttl: 255,
            version: 3,
            kind: 1,
            vrid,
            priority,
            count: None,
            interval: 10,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            trailer: Vec::new(),
            uncovered: Vec::new(),
            checksum_off: 0,
            cut: None,
        }
    }

    /// A correct advertisement of version 2, every second, without authentication.
    pub fn v2(source: &str, vrid: u8, priority: u8, addresses: &[&str]) -> Forged {
        Forged {
            version: 2,
            interval: 1,
            trailer: vec![0; 8],
            ..Forged::v3(source, vrid, priority, addresses)
        }
    }

    fn message(&self) -> Vec<u8> {
        let count = self.count.unwrap_or(self.addresses.len() as u8);
        let mut message = vec![self.version << 4 | self.kind, self.vrid, self.priority, count];
        message.extend(self.interval.to_be_bytes());
        message.extend([0, 0]);
        for address in &self.addresses {
            match address {
                IpAddr::V4(address) => message.extend(address.octets()),
                IpAddr::V6(address) => message.extend(address.octets()),
            }
        }
        message.extend(&self.trailer);
        let sum = match self.source {
            IpAddr::V4(_) => Sum::new(),
            IpAddr::V6(_) => {
                Sum::new().over_pseudo_header(self.source, V6_GROUP.into(), 112, message.len() as u32)
            }
        };
        let checksum = sum.over(&message).checksum().wrapping_add(self.checksum_off);
        message[6..8].copy_from_slice(&checksum.to_be_bytes());
        message.extend(&self.uncovered);
        message.truncate(self.cut.unwrap_or(message.len()));
        message
    }

    /// The whole frame.
    pub fn frame(&self) -> Vec<u8> {
        let message = self.message();
        let mut frame = Vec::new();
        match self.source {
            IpAddr::V4(source) => {
                frame.extend([1, 0, 0x5e, 0, 0, 0x12, 0, 0, 0x5e, 0, 1, self.vrid, 8, 0]);
                frame.extend(ipv4(source, self.ttl, &message));
            }
            IpAddr::V6(source) => {
                frame.extend([0x33, 0x33, 0, 0, 0, 0x12, 0, 0, 0x5e, 0, 2, self.vrid, 0x86, 0xdd]);
                frame.extend([0x60, 0, 0, 0]);
                frame.extend((message.len() as u16).to_be_bytes());
                frame.extend([112, self.ttl]);
                frame.extend(source.octets());
                frame.extend(V6_GROUP.octets());
            }
        }
        if self.source.is_ipv6() {
            frame.extend(&message);
        }
        frame
    }
}

const V6_GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

/// An IPv4 packet of protocol 112 to the group.
fn ipv4(source: Ipv4Addr, ttl: u8, message: &[u8]) -> Vec<u8> {
    let total = (20 + message.len()) as u16;
    let mut packet = vec![0x45, 0xc0];
    packet.extend(total.to_be_bytes());
    packet.extend([0, 0, 0, 0, ttl, 112, 0, 0]);
    packet.extend(source.octets());
    packet.extend([224, 0, 0, 18]);
    let checksum = Sum::new().over(&packet).checksum();
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet.extend(message);
    packet
}
