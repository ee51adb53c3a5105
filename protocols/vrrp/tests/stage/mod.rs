//! One virtual router, told what happens in words and answering in words: a line per action, in order.

#![allow(dead_code, unused_imports, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use fhrp::{Datagram, Family, Input, Instant, Link, Mac, Received, Route};
use stage::{Language, arriving};
use vrrp::auth::Guard;
use vrrp::config::{Authentication, Versions};
use vrrp::wire::{self, Advertisement, ChecksumForm, MULTICAST_V4, MULTICAST_V6, Version};
use vrrp::{Config, VirtualRouter};

pub use stage::{address, ip, millis, secs};

pub const OURS: &str = "10.0.0.5";
pub const LOWER: &str = "10.0.0.2";
pub const HIGHER: &str = "10.0.0.9";
pub const VIP: &str = "10.0.0.1/24";

pub fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// VRID 1 with 10.0.0.1.
pub fn config() -> Config {
    Config::new(1, vec![address(VIP)])
}

pub fn link() -> Link {
    Link {
        index: 2,
        name: "eth0".to_owned(),
        mac: Mac([2, 0, 0, 0, 0, 5]),
        up: true,
        mtu: 1500,
        addresses: ["10.0.0.5/24", "fe80::5/64", "2001:db8::5/64"].map(address).to_vec(),
    }
}

/// An advert as a neighbour says it.
#[derive(Debug, Clone)]
pub struct Said {
    pub from: IpAddr,
    pub to: Option<IpAddr>,
    pub ttl: u8,
    pub form: ChecksumForm,
    pub advertisement: Advertisement,
    /// What the octets become before they leave.
    pub spoil: fn(&mut Vec<u8>),
}

/// VRID 1, 10.0.0.1, 1 s, version 3, from `from` with `priority`.
pub fn says(from: &str, priority: u8) -> Said {
    let from = ip(from);
    let vip = if from.is_ipv4() { ip("10.0.0.1") } else { ip("fe80::1") };
    Said {
        from,
        to: None,
        ttl: 255,
        form: ChecksumForm::MessageOnly,
        advertisement: Advertisement {
            version: Version::V3,
            vrid: 1,
            priority,
            interval: secs(1),
            addresses: vec![vip],
        },
        spoil: |_| {},
    }
}

impl Said {
    pub fn v2(mut self) -> Self {
        self.advertisement.version = Version::V2;
        self
    }

    pub fn every(mut self, interval: Duration) -> Self {
        self.advertisement.interval = interval;
        self
    }

    pub fn ttl(mut self, ttl: u8) -> Self {
        self.ttl = ttl;
        self
    }

    pub fn form(mut self, form: ChecksumForm) -> Self {
        self.form = form;
        self
    }

    pub fn addresses(mut self, addresses: &[&str]) -> Self {
        self.advertisement.addresses = addresses.iter().map(|text| ip(text)).collect();
        self
    }

    pub fn to(mut self, to: &str) -> Self {
        self.to = Some(ip(to));
        self
    }

    pub fn spoilt(mut self, spoil: fn(&mut Vec<u8>)) -> Self {
        self.spoil = spoil;
        self
    }

    pub fn octets(&self) -> Vec<u8> {
        let mut guard = Guard::new(&Authentication::None);
        let sealed = guard.seal(
            &self.advertisement,
            self.form,
            self.from,
            self.destination(),
            1,
            false,
            Duration::ZERO,
        );
        let mut payload = sealed.payload;
        (self.spoil)(&mut payload);
        payload
    }

    fn destination(&self) -> IpAddr {
        self.to.unwrap_or(if self.from.is_ipv4() { MULTICAST_V4 } else { MULTICAST_V6 })
    }
}

/// A virtual router with what its neighbours say.
pub struct Stage(stage::Stage<VirtualRouter>);

impl Deref for Stage {
    type Target = stage::Stage<VirtualRouter>;

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
            assert!(datagrams.iter().all(|datagram| read(datagram).0.priority == 0));
            "will".to_owned()
        };
        Stage(stage::Stage::new(VirtualRouter::new(config), Language { datagram: spell, will }))
    }

    /// Started on [`link`] at zero.
    pub fn started(config: Config) -> Self {
        let mut stage = Stage::bare(config);
        stage.tell(Input::Link(&link()));
        stage.tell(Input::Start);
        stage
    }

    /// Active since its down timer expired; the clock stands at that moment.
    pub fn active(config: Config) -> Self {
        let mut stage = Stage::started(config);
        while stage.view().state != "Active" {
            stage.next_tick();
        }
        stage
    }

    /// A frame that arrives now.
    pub fn hear(&mut self, said: &Said) -> Vec<String> {
        let now = self.now;
        self.hear_at(said, now)
    }

    /// A frame that arrived at another time than now.
    pub fn hear_at(&mut self, said: &Said, at: Instant) -> Vec<String> {
        let payload = said.octets();
        let received = Received {
            at,
            source_mac: Mac([2, 0, 0, 0, 0, 9]),
            destination_mac: Mac::of_multicast(said.destination()).unwrap_or(link().mac),
            source: said.from,
            destination: said.destination(),
            hop_limit: said.ttl,
            protocol: 112,
            ports: None,
            ip_header: &[],
            payload: &payload,
        };
        self.tell(Input::Packet(&received))
    }

    /// A frame, and the Tick that its turn ends with.
    pub fn turn(&mut self, said: &Said) -> Vec<String> {
        let mut lines = self.hear(said);
        lines.extend(self.tick());
        lines
    }
}

/// What a datagram says.
pub fn read(datagram: &Datagram) -> (Advertisement, ChecksumForm) {
    let received = arriving(datagram);
    let heard = wire::parse(&received).unwrap();
    (heard.advertisement.clone(), heard.checksum)
}

fn spell(datagram: &Datagram) -> String {
    let (advertisement, form) = read(datagram);
    let Advertisement { version, priority, interval, .. } = advertisement;
    let mut text = format!("send v{} p{priority} {interval:?}", version.number());
    if form == ChecksumForm::PseudoHeader && datagram.source.is_ipv4() {
        text.push_str(" pseudo");
    }
    if datagram.route == Route::Routed {
        text.push_str(&format!(" to {}", datagram.destination));
    }
    text
}

/// A family's usual configuration, for tests that run over both.
pub fn config_of(family: Family, versions: Versions) -> Config {
    let mut config = match family {
        Family::Ipv4 => config(),
        Family::Ipv6 => Config::new(1, vec![address("fe80::1/64")]),
    };
    config.versions = versions;
    config
}
