//! Captures made for a test: frames that our own code writes, with whatever the test wants wrong with them.

use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use carp::auth::{Covered, LinkLocal};
use fhrp::announcer::ArpForm;
use fhrp::packet::ip_protocol;
use fhrp::{Datagram, Family, Mac, Route, Secret};
use firsthop::capture::{Direction, Writer};
use firsthop::net::{frame, neighbour};
use tempfile::NamedTempFile;
use vrrp::auth::Guard;
use vrrp::config::{Authentication, virtual_mac};
use vrrp::wire::{Advertisement, ChecksumForm, MULTICAST_V4, Version};

/// When every capture begins, in nanoseconds since the epoch.
pub const BEGIN: u64 = 1_795_500_000_000_000_000;
const STEP: u64 = 100_000_000;

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// One of 10.0.0.0/24.
pub fn router(number: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, number])
}

/// A capture, a frame each tenth of a second.
pub struct Capture {
    writer: Writer<Vec<u8>>,
    at: u64,
}

impl Capture {
    pub fn new() -> Self {
        Capture { writer: Writer::new(Vec::new()).unwrap(), at: BEGIN }
    }

    pub fn frame(&mut self, frame: &[u8]) -> &mut Self {
        self.writer.frame("eth0", self.at, Direction::Inbound, frame, &[]).unwrap();
        self.at += STEP;
        self
    }

    pub fn octets(self) -> Vec<u8> {
        self.writer.into_inner()
    }

    pub fn file(self) -> NamedTempFile {
        file(&self.octets())
    }

    pub fn cut(&mut self, frame: &[u8], length: usize) -> &mut Self {
        let captured = &frame[..length];
        self.writer.cut_frame("eth0", self.at, Direction::Inbound, captured, frame.len(), &[]).unwrap();
        self.at += STEP;
        self
    }
}

pub fn file(octets: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(octets).unwrap();
    file
}

/// An advert, and what is around it.
#[derive(Clone)]
pub struct Vrrp {
    pub said: Advertisement,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub hop_limit: u8,
    pub mac: Mac,
}

/// A good one: version 3, group 10, 10.0.0.1, 100 ms, of router 2.
pub fn vrrp() -> Vrrp {
    Vrrp {
        said: Advertisement {
            version: Version::V3,
            vrid: 10,
            priority: 100,
            interval: Duration::from_millis(100),
            addresses: vec![router(1)],
        },
        source: router(2),
        destination: MULTICAST_V4,
        hop_limit: 255,
        mac: virtual_mac(Family::Ipv4, 10),
    }
}

impl Vrrp {
    pub fn from(mut self, number: u8) -> Self {
        self.source = router(number);
        self
    }

    pub fn version_2(mut self) -> Self {
        self.said.version = Version::V2;
        self.said.interval = Duration::from_secs(1);
        self
    }

    pub fn frame(&self) -> Vec<u8> {
        self.sealed(&mut Guard::new(&Authentication::None))
    }

    pub fn sealed(&self, guard: &mut Guard) -> Vec<u8> {
        let wall = Duration::from_nanos(BEGIN);
        let form = ChecksumForm::MessageOnly;
        let sealed = guard.seal(&self.said, form, self.source, self.destination, 7, false, wall);
        let datagram = Datagram {
            hop_limit: self.hop_limit,
            protocol: sealed.protocol,
            payload: sealed.payload,
            ..datagram(self.source, self.destination)
        };
        let to = Mac::of_multicast(self.destination).unwrap_or(Mac([2, 0, 0, 0, 0, 77]));
        ethernet(&datagram, self.mac, to)
    }
}

/// CARP of virtual host 10 by router 3, whose password is `carp` and whose address is 10.0.0.7.
pub fn carp(counter: u64) -> Vec<u8> {
    let covered =
        Covered { vhid: 10, addresses: [router(7)].into_iter().collect(), link_layer_address: None };
    let guard = carp::auth::Guard::new(&Secret::new("carp"), &covered, LinkLocal::LeftOut);
    let said = carp::wire::Advertisement { vhid: 10, advbase: 1, advskew: 128, demote: 0, counter };
    let payload = guard.seal(&said).to_vec();
    let datagram = Datagram { payload, ..datagram(router(3), MULTICAST_V4) };
    ethernet(&datagram, virtual_mac(Family::Ipv4, 10), Mac::of_multicast(MULTICAST_V4).unwrap())
}

/// "`address` is at `mac`", unasked.
pub fn announcement(mac: Mac, address: IpAddr) -> Vec<u8> {
    let IpAddr::V4(address) = address else { panic!("ARP has no IPv6") };
    neighbour::gratuitous_arp(mac, address, ArpForm::Request).next().unwrap().to_vec()
}

pub fn datagram(source: IpAddr, destination: IpAddr) -> Datagram {
    Datagram {
        route: Route::Routed,
        source,
        destination,
        hop_limit: 255,
        traffic_class: 0xc0,
        identification: 7,
        dont_fragment: false,
        protocol: ip_protocol::VRRP,
        ports: None,
        payload: Vec::new(),
    }
}

pub fn ethernet(datagram: &Datagram, from: Mac, to: Mac) -> Vec<u8> {
    let mut octets = Vec::new();
    frame::write(datagram, from, to, &mut octets).unwrap();
    octets
}
