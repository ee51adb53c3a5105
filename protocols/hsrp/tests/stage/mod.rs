//! One group, told what happens in words and answering in words: a line per action, in order.

#![allow(dead_code, unused_imports, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use fhrp::{Datagram, Family, Input, Instant, Link, Mac, Received, Route};
use hsrp::auth::{Authentication, Guard};
use hsrp::config::{Preempt, Times};
use hsrp::judge::multicast;
use hsrp::wire::{self, GroupMessage, Message, Operation, PORT_IPV4, PORT_IPV6, State, Version};
use hsrp::{Config, StandbyGroup};
use stage::{Language, arriving};

pub use stage::{WALL, address, ip, millis, secs};

pub const OURS: &str = "10.0.0.5";
pub const LOWER: &str = "10.0.0.2";
pub const HIGHER: &str = "10.0.0.9";
pub const OWN_MAC: Mac = Mac([2, 0, 0, 0, 0, 5]);
pub const VIRTUAL_MAC: Mac = Mac([0, 0, 0x0c, 7, 0xac, 1]);

pub fn at(seconds: u64) -> Instant {
    Instant::ZERO + secs(seconds)
}

/// Group 1 of version 1 with 10.0.0.1, without jitter.
pub fn config() -> Config {
    Config { jitter: false, ..Config::new(Version::V1, 1, Family::Ipv4, vec![address("10.0.0.1/24")]) }
}

pub fn preempting() -> Config {
    Config { preempt: Preempt { on: true, ..Preempt::OFF }, ..config() }
}

pub fn learning() -> Config {
    Config { addresses: Vec::new(), ..config() }
}

/// Group 16 of version 2 over IPv6.
pub fn config_ipv6() -> Config {
    let vip = address("fe80::5:73ff:fea0:10/64");
    Config {
        jitter: false,
        ..Config::new(Version::V2, 16, Family::Ipv6, vec![vip, address("2001:db8::1/64")])
    }
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

/// A message as a neighbour says it.
#[derive(Debug, Clone)]
pub struct Said {
    pub from: IpAddr,
    pub message: GroupMessage,
    pub authentication: Authentication,
}

/// A Hello of group 1 in version 1 from `from`: state, priority, 3 s and 10 s, 10.0.0.1.
pub fn says(from: &str, state: State, priority: u8) -> Said {
    Said {
        from: ip(from),
        message: GroupMessage {
            version: Version::V1,
            operation: Operation::Hello,
            state,
            group: 1,
            priority,
            hello: secs(3),
            hold: secs(10),
            identifier: Mac::default(),
            address: ip("10.0.0.1"),
        },
        authentication: Authentication::default(),
    }
}

pub fn coup(from: &str, priority: u8) -> Said {
    says(from, State::Listen, priority).doing(Operation::Coup)
}

pub fn resign(from: &str, priority: u8) -> Said {
    says(from, State::Speak, priority).doing(Operation::Resign)
}

impl Said {
    pub fn doing(mut self, operation: Operation) -> Self {
        self.message.operation = operation;
        self
    }

    pub fn times(mut self, hello: Duration, hold: Duration) -> Self {
        self.message.hello = hello;
        self.message.hold = hold;
        self
    }

    pub fn address(mut self, text: &str) -> Self {
        self.message.address = ip(text);
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut GroupMessage)) -> Self {
        change(&mut self.message);
        self
    }

    pub fn by(mut self, authentication: Authentication) -> Self {
        self.authentication = authentication;
        self
    }
}

/// A group with what its neighbours say.
pub struct Stage(stage::Stage<StandbyGroup>);

impl Deref for Stage {
    type Target = stage::Stage<StandbyGroup>;

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
        let will = |datagrams: &[Datagram]| match datagrams {
            [datagram] => format!("will {}", spell(datagram)),
            _ => panic!("one will"),
        };
        Stage(stage::Stage::new(StandbyGroup::new(config), Language { datagram: spell, will }))
    }

    /// Started on [`link`] at zero.
    pub fn started(config: Config) -> Self {
        let mut stage = Stage::bare(config);
        stage.tell(Input::Link(&link()));
        stage.tell(Input::Start);
        stage
    }

    /// In `state`, by way of silence and, below Active, of a higher active router at 10.0.0.9 with priority 200.
    pub fn reaching(config: Config, state: &str) -> Self {
        let mut stage = Stage::started(config);
        let active = says(HIGHER, State::Active, 200);
        while stage.state() != state {
            if state != "Active" {
                stage.turn(&active);
            }
            stage.next_tick();
        }
        if state != "Active" && state != "Learn" {
            stage.turn(&active);
        }
        stage
    }

    /// A message that arrives now.
    pub fn hear(&mut self, said: &Said) -> Vec<String> {
        let now = self.now;
        self.hear_at(said, now)
    }

    /// A message that arrived at another time than now.
    pub fn hear_at(&mut self, said: &Said, at: Instant) -> Vec<String> {
        let guard = Guard::new(&said.authentication);
        let payload = guard.seal(&Message::Group(said.message), said.from, WALL).unwrap();
        self.hear_octets(said.from, said.message.version, &payload, at)
    }

    pub fn hear_octets(
        &mut self,
        from: IpAddr,
        version: Version,
        payload: &[u8],
        at: Instant,
    ) -> Vec<String> {
        let destination = multicast(version, Family::of(from));
        let port = if from.is_ipv4() { PORT_IPV4 } else { PORT_IPV6 };
        let received = Received {
            at,
            source_mac: Mac([2, 0, 0, 0, 0, 9]),
            destination_mac: Mac::of_multicast(destination).unwrap(),
            source: from,
            destination,
            hop_limit: if version == Version::V1 { 1 } else { 255 },
            protocol: 17,
            ports: Some((port, port)),
            ip_header: &[],
            payload,
        };
        self.tell(Input::Packet(&received))
    }

    /// A message, and the Tick that its turn ends with.
    pub fn turn(&mut self, said: &Said) -> Vec<String> {
        let mut lines = self.hear(said);
        lines.extend(self.tick());
        lines
    }
}

/// What a datagram says.
pub fn read(datagram: &Datagram) -> Message {
    wire::parse(&arriving(datagram)).unwrap().message
}

/// `hello active p100`, `interface 1/0`: and that it leaves from the MAC that it has to.
fn spell(datagram: &Datagram) -> String {
    let Route::Link { source_mac, .. } = datagram.route else { panic!("HSRP stays on its link") };
    match read(datagram) {
        Message::Group(message) => {
            let active = message.state == State::Active;
            assert!(
                active || source_mac == OWN_MAC,
                "only an active router speaks from the virtual MAC: {message:?}"
            );
            let state = message.state.word().unwrap();
            format!("{} {state} p{}", message.operation.word(), message.priority)
        }
        Message::Interface(message) => {
            assert_eq!(source_mac, OWN_MAC);
            format!("interface {}/{}", message.active, message.passive)
        }
    }
}

/// A second.
pub const TIMES: Times = Times { hello: Duration::from_secs(1), hold: Duration::from_secs(4) };
