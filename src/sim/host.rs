//! A host: it asks for its gateway, believes who answers, and sends packets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fhrp::Mac;

use super::scenario;
use crate::net::neighbour;

/// Packets without an echo after which a host asks anew.
const PATIENCE: u32 = 3;

/// A host.
#[derive(Debug)]
pub struct Host {
    /// Its settings.
    pub setup: scenario::Host,
    /// Its MAC.
    pub mac: Mac,
    /// Its address.
    pub address: IpAddr,
    /// Its gateway.
    pub gateway: IpAddr,
    /// Where it believes its gateway to be.
    pub neighbour: Option<Mac>,
    /// Whether it has had a turn: before its first one it has neither asked nor sent anything.
    pub has_begun: bool,
    /// The packet on its way.
    pub packet: Packet,
    /// Packets in a row that nobody forwarded.
    lost_in_a_row: u32,
    /// Packets sent so far.
    pub sent: u64,
    /// Packets that were forwarded.
    pub forwarded: u64,
}

/// A packet.
#[derive(Debug, Default)]
pub struct Packet {
    /// Which; 0: none yet.
    pub number: u64,
    /// When it was sent.
    pub sent_at: u64,
    /// The routers that forwarded it, one bit each.
    pub by: u32,
}

impl Host {
    /// A host that knows nothing yet.
    pub fn new(number: usize, setup: &scenario::Host, gateway: IpAddr) -> Self {
        let last = 220 + number as u8;
        let address = match gateway {
            IpAddr::V4(_) => Ipv4Addr::new(10, 0, 0, last).into(),
            IpAddr::V6(_) => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last.into()).into(),
        };
        Host {
            setup: setup.clone(),
            mac: Mac([0x02, 0, 0, 0, 1, last]),
            address,
            gateway,
            neighbour: None,
            has_begun: false,
            packet: Packet::default(),
            lost_in_a_row: 0,
            sent: 0,
            forwarded: 0,
        }
    }

    /// The question where its gateway is, as a whole frame.
    pub fn question(&self) -> Vec<u8> {
        neighbour::question(self.mac, self.address, self.gateway)
    }

    /// To whom a packet goes: each to somebody else, beyond the gateway.
    pub fn far_end(&self, number: u64) -> IpAddr {
        let [.., high, low] = number.to_be_bytes();
        match self.gateway {
            IpAddr::V4(_) => Ipv4Addr::new(198, 18, high, low).into(),
            IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, high.into(), low.into()).into(),
        }
    }

    /// Somebody says where an address is.
    pub fn learns(&mut self, address: IpAddr, mac: Mac) {
        if address == self.gateway {
            self.neighbour = Some(mac);
        }
    }

    /// The last packet had its time. After a few that got nowhere the host asks anew, as neighbour
    /// unreachability detection does. RFC 4861 §7.3.
    pub fn reflects(&mut self) {
        if self.packet.number == 0 {
            return;
        }
        if self.packet.by != 0 {
            self.forwarded += 1;
            self.lost_in_a_row = 0;
            return;
        }
        self.lost_in_a_row += 1;
        if self.lost_in_a_row >= PATIENCE {
            self.neighbour = None;
            self.lost_in_a_row = 0;
        }
    }

    /// The next packet leaves.
    pub fn sends(&mut self, now: u64) -> u64 {
        self.sent += 1;
        self.packet = Packet { number: self.sent, sent_at: now, by: 0 };
        self.sent
    }
}
