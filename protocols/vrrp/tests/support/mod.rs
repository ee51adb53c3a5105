//! Frames from hexadecimal text, as captures print them, and datagrams put behind headers as the daemon does.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;

use fhrp::{Instant, Mac, Received};

/// Cisco IOS, the owner of its address.
pub const CISCO_OWNER: &str = "01005e000012 00005e000101 0800
    45c0002800000000ff70d0920a000001e0000012
    2101ff010001d5fa0a0000010000000000000000 000000000000";
/// MikroTik, version 2, password `abcdefgh`.
pub const MIKROTIK_TEXT: &str = "01005e000012 00005e00012a 0800
    4500003012340000ff70bebc0a00005be0000012
    212abf03010af11f0a042a010a042a020a042a036162636465666768";
/// MikroTik, version 3 over IPv4, with a pseudo-header.
pub const MIKROTIK_V3: &str = "01005e000012 00005e00012c 0800
    4500002412340000ff70bec80a00005be0000012
    312cbf0203e8b3c60a042c640a042cc8 00000000000000000000";
/// MikroTik, version 3 over IPv6.
pub const MIKROTIK_V6: &str = "333300000012 00005e00022d 86dd
    60000000002870fffe80000000000000d6ca6dfffe66cf60ff020000000000000000000000000012
    312dbf0203e8cfa0fe8000000000000002005efffe00022d200100000000000000000000abcd000a";
/// Version 2 in an Authentication Header, key `monkey`.
pub const AH_21: &str = "01005e000012 6e63d52f478d 0800
    45c0004000150000ff339df9c0a87c01e0000012
    70040000c0a87c0100000015ad719a912d50a53935d9ad41
    2133650102016c3e0a00018c0000000000000000";
/// The next one of the same router.
pub const AH_22: &str = "01005e000012 6e63d52f478d 0800
    45c0004000160000ff339df8c0a87c01e0000012
    70040000c0a87c0100000016dd19b9a8edbdced031a1d856
    2133650102016c3e0a00018c0000000000000000";
/// FreeBSD's CARP, virtual host 1.
pub const CARP: &str = "01005e000012 00005e000101 0800
    45e0003800004000ff708156c0a85864e0000012
    210100070001cf0cd8eb03f64aa49bd2db894a44db44e04954f8bae9401eb4059db6c977";

/// Octets from hexadecimal digits; everything else in the text is for the eye.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| u8::try_from((pair[0] << 4) | pair[1]).unwrap()).collect()
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A frame as it lies in memory.
#[derive(Debug, Clone)]
pub struct Frame {
    pub destination_mac: Mac,
    pub source_mac: Mac,
    /// IP header and what it carries; Ethernet padding is cut off.
    pub ip: Vec<u8>,
}

impl Frame {
    /// A whole Ethernet frame.
    pub fn ethernet(text: &str) -> Self {
        let octets = hex(text);
        let length = match octets[12..14] {
            [0x08, 0x00] => usize::from(u16::from_be_bytes([octets[16], octets[17]])),
            _ => 40 + usize::from(u16::from_be_bytes([octets[18], octets[19]])),
        };
        Frame {
            destination_mac: Mac(octets[..6].try_into().unwrap()),
            source_mac: Mac(octets[6..12].try_into().unwrap()),
            ip: octets[14..14 + length].to_vec(),
        }
    }

    /// A payload behind the header that the daemon writes: TOS 0xc0, TTL 255, no flags.
    pub fn datagram(
        source: IpAddr,
        destination: IpAddr,
        identification: u16,
        protocol: u8,
        payload: &[u8],
    ) -> Self {
        let mut header = Vec::new();
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                header.extend([0x45, 0xc0]);
                header.extend(u16::try_from(20 + payload.len()).unwrap().to_be_bytes());
                header.extend(identification.to_be_bytes());
                header.extend([0, 0, 255, protocol, 0, 0]);
                header.extend(source.octets());
                header.extend(destination.octets());
                let sum = fhrp::checksum::Sum::new().over(&header).checksum();
                header[10..12].copy_from_slice(&sum.to_be_bytes());
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                header.extend([0x6c, 0, 0, 0]);
                header.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
                header.extend([protocol, 255]);
                header.extend(source.octets());
                header.extend(destination.octets());
            }
            _ => panic!("addresses of two families"),
        }
        header.extend(payload);
        Frame { destination_mac: Mac::BROADCAST, source_mac: Mac::default(), ip: header }
    }

    /// A VRRP message behind such a header.
    pub fn vrrp(source: &str, destination: &str, message: &str) -> Self {
        Frame::datagram(ip(source), ip(destination), 0, 112, &hex(message))
    }

    fn header_length(&self) -> usize {
        if self.ip[0] >> 4 == 4 { usize::from(self.ip[0] & 15) * 4 } else { 40 }
    }

    pub fn payload_mut(&mut self) -> &mut [u8] {
        let length = self.header_length();
        &mut self.ip[length..]
    }

    /// The frame as a group is told of it.
    pub fn received(&self) -> Received<'_> {
        let address = |at: usize| match self.ip[0] >> 4 {
            4 => IpAddr::from(<[u8; 4]>::try_from(&self.ip[12 + 4 * at..16 + 4 * at]).unwrap()),
            _ => IpAddr::from(<[u8; 16]>::try_from(&self.ip[8 + 16 * at..24 + 16 * at]).unwrap()),
        };
        let (ip_header, payload) = self.ip.split_at(self.header_length());
        let (hop_limit, protocol) =
            if ip_header[0] >> 4 == 4 { (ip_header[8], ip_header[9]) } else { (ip_header[7], ip_header[6]) };
        Received {
            at: Instant::ZERO,
            source_mac: self.source_mac,
            destination_mac: self.destination_mac,
            source: address(0),
            destination: address(1),
            hop_limit,
            protocol,
            ports: None,
            ip_header,
            payload,
        }
    }
}
