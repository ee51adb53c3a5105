//! What was said on the LAN, read from the capture of the switch: independent of the code under test.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use fhrp::Mac;
use pcap_file::pcapng::{Block, PcapNgReader};

/// A frame that came into the switch.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Nanoseconds of wall-clock time, by the kernel's time stamp.
    pub at: u64,
    /// The machine behind the port it came from.
    pub from: String,
    pub octets: Vec<u8>,
}

/// A claim that an address is at a MAC: what poisons or heals caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub at: u64,
    pub from: String,
    /// The Ethernet source.
    pub source: Mac,
    pub ip: IpAddr,
    /// The MAC that is said to have it.
    pub mac: Mac,
    /// Sent to everybody and unasked.
    pub gratuitous: bool,
}

/// A neighbour advertisement. RFC 4861 §4.4.
#[derive(Debug, Clone)]
pub struct NeighbourAdvertisement {
    pub frame: Frame,
    pub source: Ipv6Addr,
    pub destination: Ipv6Addr,
    pub target: Ipv6Addr,
    pub mac: Option<Mac>,
    pub router: bool,
    pub solicited: bool,
    pub overrides: bool,
}

const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const ROUTER_ADVERTISEMENT: u8 = 134;

/// Reads the frames of a capture from `since` on.
pub fn read(path: &Path, since: u64) -> Vec<Frame> {
    let mut reader = PcapNgReader::new(File::open(path).unwrap()).unwrap();
    let mut ports: Vec<String> = Vec::new();
    let mut frames = Vec::new();
    while let Some(block) = reader.next_block() {
        match block.unwrap() {
            Block::InterfaceDescription(port) => {
                use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption::IfName;
                let name = port.options.iter().find_map(|option| match option {
                    IfName(name) => Some(name.trim_end_matches("-lan").to_owned()),
                    _ => None,
                });
                ports.push(name.unwrap_or_default());
            }
            Block::EnhancedPacket(packet) => {
                let at = packet.timestamp.as_nanos() as u64;
                if at >= since {
                    let from = ports.get(packet.interface_id as usize).cloned().unwrap_or_default();
                    frames.push(Frame { at, from, octets: packet.data.into_owned() });
                }
            }
            _ => {}
        }
    }
    frames
}

impl Frame {
    pub fn source(&self) -> Mac {
        Mac(self.octets[6..12].try_into().unwrap())
    }

    pub fn destination(&self) -> Mac {
        Mac(self.octets[..6].try_into().unwrap())
    }

    fn ethertype(&self) -> u16 {
        u16::from_be_bytes([self.octets[12], self.octets[13]])
    }

    /// Source, destination, protocol and payload of an IP packet.
    pub fn ip(&self) -> Option<(IpAddr, IpAddr, u8, &[u8])> {
        let body = &self.octets[14..];
        match self.ethertype() {
            0x0800 => {
                let total = usize::from(u16::from_be_bytes([body[2], body[3]]));
                let source = Ipv4Addr::from(<[u8; 4]>::try_from(&body[12..16]).unwrap());
                let destination = Ipv4Addr::from(<[u8; 4]>::try_from(&body[16..20]).unwrap());
                Some((source.into(), destination.into(), body[9], body.get(20..total)?))
            }
            0x86dd => {
                let length = usize::from(u16::from_be_bytes([body[4], body[5]]));
                let source = Ipv6Addr::from(<[u8; 16]>::try_from(&body[8..24]).unwrap());
                let destination = Ipv6Addr::from(<[u8; 16]>::try_from(&body[24..40]).unwrap());
                Some((source.into(), destination.into(), body[6], body.get(40..40 + length)?))
            }
            _ => None,
        }
    }

    fn icmpv6(&self, kind: u8) -> Option<(Ipv6Addr, Ipv6Addr, &[u8])> {
        match self.ip()? {
            (IpAddr::V6(source), IpAddr::V6(destination), 58, message) if message.first() == Some(&kind) => {
                Some((source, destination, message))
            }
            _ => None,
        }
    }

    /// The VRRP message of an advertisement with its source.
    pub fn vrrp(&self) -> Option<(IpAddr, IpAddr, &[u8])> {
        self.ip()
            .filter(|packet| packet.2 == 112)
            .map(|(source, destination, _, message)| (source, destination, message))
    }

    pub fn neighbour_advertisement(&self) -> Option<NeighbourAdvertisement> {
        let (source, destination, message) = self.icmpv6(NEIGHBOUR_ADVERTISEMENT)?;
        Some(NeighbourAdvertisement {
            frame: self.clone(),
            source,
            destination,
            target: Ipv6Addr::from(<[u8; 16]>::try_from(message.get(8..24)?).unwrap()),
            mac: option(&message[24..], 2),
            router: message[4] & 0x80 != 0,
            solicited: message[4] & 0x40 != 0,
            overrides: message[4] & 0x20 != 0,
        })
    }

    /// Source, source link-layer address and router lifetime of a router advertisement.
    pub fn router_advertisement(&self) -> Option<(Ipv6Addr, Option<Mac>, u16)> {
        let (source, _, message) = self.icmpv6(ROUTER_ADVERTISEMENT)?;
        Some((source, option(message.get(16..)?, 1), u16::from_be_bytes([message[6], message[7]])))
    }

    /// What the frame tells caches: ARP of either kind, solicitations and advertisements of neighbours.
    pub fn claim(&self) -> Option<Claim> {
        let claim = |ip, mac, gratuitous| {
            Some(Claim { at: self.at, from: self.from.clone(), source: self.source(), ip, mac, gratuitous })
        };
        if self.ethertype() == 0x0806 {
            let arp = &self.octets[14..42];
            let sender = Ipv4Addr::from(<[u8; 4]>::try_from(&arp[14..18]).unwrap());
            let mac = Mac(arp[8..14].try_into().unwrap());
            return claim(sender.into(), mac, arp[14..18] == arp[24..28]);
        }
        if let Some((source, _, message)) = self.icmpv6(NEIGHBOUR_SOLICITATION) {
            return claim(source.into(), option(message.get(24..)?, 1)?, false);
        }
        let said = self.neighbour_advertisement()?;
        claim(said.target.into(), said.mac.unwrap_or(self.source()), said.destination.is_multicast())
    }
}

/// A link-layer address among the options of a neighbour discovery message.
fn option(mut options: &[u8], kind: u8) -> Option<Mac> {
    while let [found, length, rest @ ..] = options {
        if *found == kind && *length == 1 {
            return Some(Mac(rest.get(..6)?.try_into().unwrap()));
        }
        options = options.get(usize::from(*length).max(1) * 8..)?;
    }
    None
}

/// All claims about an address.
pub fn claims(frames: &[Frame], ip: IpAddr) -> Vec<Claim> {
    frames.iter().filter_map(Frame::claim).filter(|claim| claim.ip == ip).collect()
}

/// The unasked announcements of an address.
pub fn announcements(frames: &[Frame], ip: IpAddr, from: &str) -> Vec<Claim> {
    claims(frames, ip).into_iter().filter(|claim| claim.gratuitous && claim.from == from).collect()
}
