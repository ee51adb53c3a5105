//! One virtual host, told what happens in words and answering in words: a line per action, in order.

#![allow(dead_code, unused_imports, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use carp::auth::{AddressList, Covered, Guard, LinkLocal};
use carp::config::{Counting, Destination, Interval, Secret, announcements};
use carp::vmac::{ucarp_mac, virtual_mac};
use carp::wire::{self, Advertisement};
use carp::{Config, VirtualHost};
use fhrp::{Datagram, Family, Input, Instant, Link, Mac, Received, Route};
use stage::{Language, arriving};

pub use stage::{WALL, address, ip, millis, secs};

pub const OURS: &str = "10.0.0.5";
pub const LOWER: &str = "10.0.0.2";
pub const HIGHER: &str = "10.0.0.9";
pub const OTHER_IPV6: &str = "fe80::9";
pub const OWN_MAC: Mac = Mac([2, 0, 0, 0, 0, 5]);
pub const VHID: u8 = 7;
pub const PASSWORD: &str = "pass123";
/// What every throw of the dice gives: our cookie.
pub const COOKIE: u64 = 0xc00c_1e00_c00c_1e00;

/// Virtual host 7 with 10.0.0.1, every 1 s + 100/256 s.
pub fn config() -> Config {
    Config {
        interval: interval(1, 100),
        announcements: announcements(interval(1, 100)),
        ..Config::new(VHID, Secret::new(PASSWORD), vec![address("10.0.0.1/24")])
    }
}

/// The same with addresses of both families.
pub fn both_families() -> Config {
    let addresses = ["10.0.0.1/24", "2001:db8::1/64"].map(address).to_vec();
    Config { addresses, ..config() }
}

pub fn preempting() -> Config {
    Config { preempt: true, ..config() }
}

pub fn sealed() -> Config {
    Config { counting: Counting::Sealed, ..preempting() }
}

pub const fn interval(base: u8, skew: u8) -> Interval {
    Interval { base, skew }
}

pub fn link() -> Link {
    Link {
        index: 2,
        name: "eth0".to_owned(),
        mac: OWN_MAC,
        up: true,
        mtu: 1500,
        addresses: ["10.0.0.5/24", "fe80::5/64", "2001:db8::5/64"].map(address).to_vec(),
    }
}

/// An advertisement as a neighbour says it.
#[derive(Debug, Clone)]
pub struct Said {
    pub from: IpAddr,
    pub advertisement: Advertisement,
    pub password: &'static str,
    pub addresses: Vec<IpAddr>,
    pub source_mac: Mac,
    pub hop_limit: u8,
}

/// From `from`, every `base + skew / 256` seconds; of the virtual host that [`config`] is.
pub fn says(from: &str, base: u8, skew: u8) -> Said {
    Said {
        from: ip(from),
        advertisement: Advertisement { vhid: VHID, advbase: base, advskew: skew, demote: 0, counter: 77 },
        password: PASSWORD,
        addresses: vec![ip("10.0.0.1")],
        source_mac: virtual_mac(VHID),
        hop_limit: 255,
    }
}

pub fn goodbye(from: &str) -> Said {
    says(from, 255, 255)
}

impl Said {
    pub fn demoted(mut self, demote: u8) -> Self {
        self.advertisement.demote = demote;
        self
    }

    pub fn counting(mut self, counter: u64) -> Self {
        self.advertisement.counter = counter;
        self
    }

    pub fn for_both(mut self) -> Self {
        self.addresses = vec![ip("10.0.0.1"), ip("2001:db8::1")];
        self
    }

    pub fn by_ucarp(mut self) -> Self {
        self.source_mac = ucarp_mac(VHID);
        self
    }

    pub fn payload(&self) -> Vec<u8> {
        let addresses: AddressList = self.addresses.iter().copied().collect();
        let covered = Covered { vhid: self.advertisement.vhid, addresses, link_layer_address: None };
        let guard = Guard::new(&Secret::new(self.password), &covered, LinkLocal::LeftOut);
        guard.seal(&self.advertisement).to_vec()
    }
}

/// A virtual host with what its neighbours say.
pub struct Stage(stage::Stage<VirtualHost>);

impl Deref for Stage {
    type Target = stage::Stage<VirtualHost>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Stage {
    /// Not even told of its link.
    pub fn bare(config: Config) -> Self {
        let will = |datagrams: &[Datagram]| {
            format!("will {}", datagrams.iter().map(spell).collect::<Vec<_>>().join(", "))
        };
        let mut stage = stage::Stage::new(VirtualHost::new(config), Language { datagram: spell, will });
        stage.random = COOKIE;
        Stage(stage)
    }

    /// Started on [`link`] at zero.
    pub fn started(config: Config) -> Self {
        let mut stage = Stage::bare(config);
        stage.tell(Input::Link(&link()));
        stage.tell(Input::Start);
        stage
    }

    /// After its master-down time without anybody.
    pub fn master(config: Config) -> Self {
        let mut stage = Stage::started(config);
        stage.next_tick();
        assert_eq!(stage.state(), "MASTER");
        stage
    }

    /// An advertisement that arrives now.
    pub fn hear(&mut self, said: &Said) -> Vec<String> {
        let now = self.now;
        self.hear_at(said, now)
    }

    /// An advertisement that arrived at another time than now.
    pub fn hear_at(&mut self, said: &Said, at: Instant) -> Vec<String> {
        self.hear_octets(said, &said.payload(), at)
    }

    pub fn hear_octets(&mut self, said: &Said, payload: &[u8], at: Instant) -> Vec<String> {
        let destination = match said.from {
            IpAddr::V4(_) => wire::MULTICAST_V4,
            IpAddr::V6(_) => wire::MULTICAST_V6,
        };
        let received = Received {
            at,
            source_mac: said.source_mac,
            destination_mac: Mac::of_multicast(destination).unwrap(),
            source: said.from,
            destination,
            hop_limit: said.hop_limit,
            protocol: 112,
            ports: None,
            ip_header: &[],
            payload,
        };
        self.tell(Input::Packet(&received))
    }

    /// An advertisement, and the Tick that its turn ends with.
    pub fn turn(&mut self, said: &Said) -> Vec<String> {
        let mut lines = self.hear(said);
        lines.extend(self.tick());
        lines
    }

    /// What it sent last is heard by another one, just now.
    pub fn tells(&self, other: &mut Stage) -> Vec<String> {
        let mut lines = Vec::new();
        for datagram in self.sent() {
            let now = other.now;
            lines.extend(other.tell(Input::Packet(&Received { at: now, ..arriving(datagram) })));
        }
        lines
    }

    /// The same without the remark that a neighbour is set otherwise.
    pub fn essence(&mut self, said: &Said) -> Vec<String> {
        let mut lines = self.turn(said);
        lines.retain(|line| line != "remark mismatch");
        lines
    }

    /// Why it is in its state.
    pub fn reason(&self) -> String {
        self.view().reason
    }
}

pub fn read(datagram: &Datagram) -> Advertisement {
    wire::parse(&datagram.payload).unwrap().advertisement
}

/// `1/100`, `1/240 demote 3`, `6: 1/100` over IPv6; and that it leaves from the virtual MAC.
fn spell(datagram: &Datagram) -> String {
    if let Route::Link { source_mac, .. } = datagram.route {
        assert_eq!(source_mac, virtual_mac(VHID), "bridges learn from it where the virtual MAC is");
    }
    assert_eq!((datagram.hop_limit, datagram.protocol), (255, 112));
    let Advertisement { advbase, advskew, demote, .. } = read(datagram);
    let family = if Family::of(datagram.source) == Family::Ipv6 { "6: " } else { "" };
    let demote = if demote > 0 { format!(" demote {demote}") } else { String::new() };
    format!("{family}{advbase}/{advskew}{demote}")
}
