//! What the daemon says to its guardian. Both are the same program: the encoding is nobody else's business.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::InterfaceAddress;

use crate::engine::GroupIndex;

/// What to say for a group that no longer can.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Will {
    /// How long the group's peers wait.
    pub lease: Duration,
    /// Frames, complete with their Ethernet headers.
    pub frames: Vec<Goodbye>,
    /// Packets to peers that may be far away.
    pub routed: Vec<Routed>,
}

/// A frame and where it leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goodbye {
    /// The interface's number.
    pub link: u32,
    /// The frame.
    pub frame: Vec<u8>,
}

/// A packet that the kernel routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// The interface it must leave by, if any.
    pub link: Option<u32>,
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// The packet, with its IP header.
    pub packet: Vec<u8>,
}

/// An address that does not go by itself when the daemon dies or stalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outliving {
    /// The interface's number.
    pub link: u32,
    /// The address.
    pub address: InterfaceAddress,
    /// How long the peers of whoever holds it wait.
    pub lease: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    Will(GroupIndex, Will),
    Outliving(Vec<Outliving>),
    Removed(Vec<Outliving>),
    Alive,
    Farewell,
}

const WILL: u8 = 1;
const OUTLIVING: u8 = 2;
const REMOVED: u8 = 3;
const ALIVE: u8 = 4;
const FAREWELL: u8 = 5;

impl Message {
    pub fn emit(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Message::Will(group, will) => {
                out.push(WILL);
                put_u32(&mut out, group.0);
                put_span(&mut out, will.lease);
                put_u32(&mut out, will.frames.len() as u32);
                for goodbye in &will.frames {
                    put_u32(&mut out, goodbye.link);
                    put_octets(&mut out, &goodbye.frame);
                }
                put_u32(&mut out, will.routed.len() as u32);
                for routed in &will.routed {
                    put_u32(&mut out, routed.link.unwrap_or(0));
                    put_ip(&mut out, routed.source);
                    put_ip(&mut out, routed.destination);
                    put_octets(&mut out, &routed.packet);
                }
            }
            Message::Outliving(addresses) => put_addresses(&mut out, OUTLIVING, addresses),
            Message::Removed(addresses) => put_addresses(&mut out, REMOVED, addresses),
            Message::Alive => out.push(ALIVE),
            Message::Farewell => out.push(FAREWELL),
        }
        out
    }

    /// `None` for what no daemon of this version says.
    pub fn parse(octets: &[u8]) -> Option<Message> {
        let mut reader = Reader(octets);
        let message = match reader.take::<1>()? {
            [WILL] => {
                let group = GroupIndex(reader.u32()?);
                let lease = reader.span()?;
                let mut will = Will { lease, ..Will::default() };
                for _ in 0..reader.u32()? {
                    will.frames.push(Goodbye { link: reader.u32()?, frame: reader.octets()? });
                }
                for _ in 0..reader.u32()? {
                    let link = Some(reader.u32()?).filter(|link| *link != 0);
                    let (source, destination) = (reader.ip()?, reader.ip()?);
                    will.routed.push(Routed { link, source, destination, packet: reader.octets()? });
                }
                Message::Will(group, will)
            }
            [OUTLIVING] => Message::Outliving(reader.addresses()?),
            [REMOVED] => Message::Removed(reader.addresses()?),
            [ALIVE] => Message::Alive,
            [FAREWELL] => Message::Farewell,
            _ => return None,
        };
        reader.0.is_empty().then_some(message)
    }
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_ne_bytes());
}

fn put_span(out: &mut Vec<u8>, span: Duration) {
    out.extend_from_slice(&u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).to_ne_bytes());
}

fn put_octets(out: &mut Vec<u8>, octets: &[u8]) {
    put_u32(out, octets.len() as u32);
    out.extend_from_slice(octets);
}

fn put_ip(out: &mut Vec<u8>, ip: IpAddr) {
    out.push(if ip.is_ipv4() { 4 } else { 6 });
    out.extend_from_slice(&fhrp::address::sixteen_octets(ip));
}

fn put_addresses(out: &mut Vec<u8>, tag: u8, addresses: &[Outliving]) {
    out.push(tag);
    put_u32(out, addresses.len() as u32);
    for outliving in addresses {
        put_u32(out, outliving.link);
        put_ip(out, outliving.address.ip);
        out.push(outliving.address.prefix);
        put_span(out, outliving.lease);
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_ne_bytes)
    }

    fn span(&mut self) -> Option<Duration> {
        self.take().map(|octets| Duration::from_nanos(u64::from_ne_bytes(octets)))
    }

    fn octets(&mut self) -> Option<Vec<u8>> {
        let length = self.u32()? as usize;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken.to_vec())
    }

    fn ip(&mut self) -> Option<IpAddr> {
        let [family] = self.take()?;
        let octets: [u8; 16] = self.take()?;
        let [a, b, c, d, ..] = octets;
        match family {
            4 => Some(IpAddr::from([a, b, c, d])),
            6 => Some(IpAddr::from(octets)),
            _ => None,
        }
    }

    fn addresses(&mut self) -> Option<Vec<Outliving>> {
        let count = self.u32()?;
        let mut addresses = Vec::new();
        for _ in 0..count {
            let link = self.u32()?;
            let ip = self.ip()?;
            let [prefix] = self.take()?;
            let address = InterfaceAddress { ip, prefix };
            addresses.push(Outliving { link, address, lease: self.span()? });
        }
        Some(addresses)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_said_is_heard(
            group: u32,
            nanos: u64,
            frames in prop::collection::vec((any::<u32>(), any::<Vec<u8>>()), 0..4),
            routed in prop::collection::vec((prop::option::of(1_u32..), any::<IpAddr>(), any::<Vec<u8>>()), 0..4),
        ) {
            let will = Will {
                lease: Duration::from_nanos(nanos),
                frames: frames.into_iter().map(|(link, frame)| Goodbye { link, frame }).collect(),
                routed: routed
                    .into_iter()
                    .map(|(link, ip, packet)| Routed { link, source: ip, destination: ip, packet })
                    .collect(),
            };
            let message = Message::Will(GroupIndex(group), will);
            prop_assert_eq!(Message::parse(&message.emit()), Some(message));
        }

        #[test]
        fn nonsense_is_refused(octets: Vec<u8>) {
            if let Some(message) = Message::parse(&octets) {
                prop_assert_eq!(Message::parse(&message.emit()), Some(message));
            }
        }
    }

    #[test]
    fn addresses_and_plain_words_come_through() {
        let address = "fe80::1/64".parse().unwrap();
        let outliving = Outliving { link: 3, address, lease: Duration::from_millis(31) };
        let all = [
            Message::Outliving(vec![outliving; 3]),
            Message::Removed(vec![outliving]),
            Message::Alive,
            Message::Farewell,
        ];
        for message in all {
            assert_eq!(Message::parse(&message.emit()), Some(message));
        }
    }
}
