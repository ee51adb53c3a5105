//! One group, told what happens in words and answering in words: a line per action, in order.

#![allow(dead_code, unused_imports, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use fhrp::{Datagram, Family, Input, Instant, Link, Mac, Received, Route, Solicitation};
use glbp::auth::{Authentication, Guard};
use glbp::config::{Preempt, Times};
use glbp::vmac::virtual_mac;
use glbp::wire::{self, Forwarder, Hello, Kind, MULTICAST_V4, MULTICAST_V6, Message, PORT, State};
use glbp::{Config, GatewayGroup};
use stage::{Language, arriving};

pub use stage::{WALL, address, ip, millis, secs};

pub const OURS: &str = "10.0.0.5";
pub const LOWER: &str = "10.0.0.2";
pub const HIGHER: &str = "10.0.0.9";
pub const OWN_MAC: Mac = Mac([2, 0, 0, 0, 0, 5]);

pub fn at(seconds: u64) -> Instant {
    Instant::ZERO + secs(seconds)
}

/// Group 1 with 10.0.0.1, without jitter.
pub fn config() -> Config {
    Config { jitter: false, ..Config::new(1, Family::Ipv4, vec![address("10.0.0.1/24")]) }
}

pub fn preempting() -> Config {
    Config { preempt: Preempt { on: true, delay: Duration::ZERO }, ..config() }
}

pub fn learning() -> Config {
    Config { addresses: Vec::new(), ..config() }
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

/// The virtual MAC of a forwarder of group 1.
pub fn vmac(number: u8) -> Mac {
    virtual_mac(1, number).unwrap()
}

/// The owner ID of whoever speaks from 10.0.0.`last`.
pub fn owner(from: &str) -> Mac {
    let IpAddr::V4(ip) = ip(from) else { panic!("owners are numbered by IPv4 address") };
    Mac([2, 0, 0, 0, 0, ip.octets()[3]])
}

/// A message as a neighbour says it.
#[derive(Debug, Clone)]
pub struct Said {
    pub from: IpAddr,
    pub to: Option<IpAddr>,
    pub message: Message,
    pub authentication: Authentication,
}

fn message(from: &str, kind: Kind, hello: Option<Hello>) -> Said {
    let forwarders = Vec::new();
    let message = Message { kind, group: 1, owner: owner(from), challenge: None, hello, forwarders };
    Said { from: ip(from), to: None, message, authentication: Authentication::None }
}

/// A hello of group 1 from `from`: state, priority, 3 s and 10 s, 600 s and 14400 s, 10.0.0.1, no forwarders.
pub fn says(from: &str, state: State, priority: u8) -> Said {
    let hello = Hello {
        state,
        priority,
        hello: secs(3),
        hold: secs(10),
        redirect: secs(600),
        timeout: secs(14_400),
        address: ip("10.0.0.1"),
    };
    message(from, Kind::Hello, Some(hello))
}

/// A hello that says nothing of the gateway.
pub fn claims(from: &str, number: u8, priority: u8) -> Said {
    message(from, Kind::Hello, None).forwarding(number, priority)
}

/// A request to us.
pub fn requests(from: &str) -> Said {
    let asked = record(0, State::Unsaid, 0, Mac::default());
    message(from, Kind::Request, None).to(OURS).with(|message| message.forwarders.push(asked))
}

/// A response to us.
pub fn responds(from: &str, number: u8) -> Said {
    let given = record(number, State::Unsaid, 0, vmac(number));
    message(from, Kind::Response, None).to(OURS).with(|message| message.forwarders.push(given))
}

fn record(number: u8, state: State, priority: u8, mac: Mac) -> Forwarder {
    let nothing = state == State::Unsaid;
    let time = |seconds| if nothing { Duration::ZERO } else { secs(seconds) };
    let weighting = if nothing { 0 } else { 100 };
    Forwarder { number, state, priority, weighting, lifetime: time(14_400), redirection: time(600), mac }
}

impl Said {
    /// And that it is active for a forwarder.
    pub fn forwarding(self, number: u8, priority: u8) -> Self {
        self.with(|message| message.forwarders.push(record(number, State::Active, priority, vmac(number))))
    }

    /// And that it leaves a forwarder.
    pub fn leaving(self, number: u8) -> Self {
        self.with(|message| message.forwarders.push(record(number, State::Listen, 0, vmac(number))))
    }

    pub fn to(mut self, text: &str) -> Self {
        self.to = Some(ip(text));
        self
    }

    pub fn times(self, hello: Duration, hold: Duration) -> Self {
        self.with_hello(|said| (said.hello, said.hold) = (hello, hold))
    }

    pub fn address(self, text: &str) -> Self {
        self.with_hello(|said| said.address = ip(text))
    }

    pub fn with_hello(self, change: impl FnOnce(&mut Hello)) -> Self {
        self.with(|message| change(message.hello.as_mut().unwrap()))
    }

    /// Changes what is said of the last forwarder.
    pub fn with_forwarder(self, change: impl FnOnce(&mut Forwarder)) -> Self {
        self.with(|message| change(message.forwarders.last_mut().unwrap()))
    }

    pub fn with(mut self, change: impl FnOnce(&mut Message)) -> Self {
        change(&mut self.message);
        self
    }

    pub fn by(mut self, authentication: Authentication) -> Self {
        self.authentication = authentication;
        self
    }
}

/// A group with what its neighbours say.
pub struct Stage(stage::Stage<GatewayGroup>);

impl Deref for Stage {
    type Target = stage::Stage<GatewayGroup>;

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
        Stage(stage::Stage::new(GatewayGroup::new(config), Language { datagram: spell, will }))
    }

    /// Started on [`link`] at zero, and has said hello.
    pub fn started(config: Config) -> Self {
        let mut stage = Stage::bare(config);
        stage.tell(Input::Link(&link()));
        stage.tell(Input::Start);
        stage.tick();
        stage
    }

    /// In `state`, by way of silence and, below Active, of a better active gateway at 10.0.0.9 with priority 200 and three
    /// members that have the other numbers, so that there is none for us.
    pub fn reaching(config: Config, state: &str) -> Self {
        let mut stage = Stage::started(config);
        while stage.state() != state {
            if state != "Active" {
                stage.all_is_given();
            }
            stage.next_tick();
        }
        if state != "Active" && state != "Initial" {
            stage.all_is_given();
        }
        stage
    }

    /// The gateway and its members say what they have.
    fn all_is_given(&mut self) {
        self.hear(&best());
        for (from, number) in [("10.0.0.21", 2), ("10.0.0.22", 3), ("10.0.0.23", 4)] {
            self.hear(&claims(from, number, 167));
        }
        self.tick();
    }

    /// A message that arrives now.
    pub fn hear(&mut self, said: &Said) -> Vec<String> {
        let now = self.now;
        self.hear_at(said, now)
    }

    /// A message that arrived at another time than now.
    pub fn hear_at(&mut self, said: &Said, at: Instant) -> Vec<String> {
        let payload = Guard::new(&said.authentication).seal(&said.message, said.from, WALL).unwrap();
        let group = if said.from.is_ipv4() { MULTICAST_V4 } else { MULTICAST_V6 };
        self.hear_octets(said.from, said.to.unwrap_or(group), &payload, at)
    }

    pub fn hear_octets(
        &mut self,
        from: IpAddr,
        destination: IpAddr,
        payload: &[u8],
        at: Instant,
    ) -> Vec<String> {
        let received = Received {
            at,
            source_mac: Mac([2, 0, 0, 0, 0, 9]),
            destination_mac: Mac::of_multicast(destination).unwrap_or(OWN_MAC),
            source: from,
            destination,
            hop_limit: 255,
            protocol: 17,
            ports: Some((PORT, PORT)),
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

    /// A host with this last octet asks everybody for the virtual address.
    pub fn ask(&mut self, host: u8) -> Vec<String> {
        self.ask_at(host, Mac::BROADCAST)
    }

    /// A host asks one station for the virtual address.
    pub fn ask_at(&mut self, host: u8, to_mac: Mac) -> Vec<String> {
        let from = Some(IpAddr::from([10, 0, 0, host]));
        let from_mac = Mac([4, 0, 0, 0, 0, host]);
        self.tell(Input::Solicited(&Solicitation { from_mac, from, target: ip("10.0.0.1"), to_mac }))
    }

    /// The forwarders: `1 Active own local`, `2 Listen of 10.0.0.9`.
    pub fn forwarders(&self) -> Vec<String> {
        let view = self.view();
        let spell = |it: &fhrp::view::Forwarder| {
            let own = if it.own { " own" } else { "" };
            let by = match it.active {
                Some(_) if it.local => " local".to_owned(),
                Some(ip) => format!(" of {ip}"),
                None => String::new(),
            };
            format!("{} {}{own}{by}", it.number, it.state)
        };
        view.forwarders.iter().map(spell).collect()
    }

    pub fn forwarder(&self, number: u8) -> fhrp::view::Forwarder {
        self.view().forwarders.into_iter().find(|it| it.number == number).unwrap()
    }
}

/// A better router, active and forwarding for number 1.
pub fn best() -> Said {
    says(HIGHER, State::Active, 200).forwarding(1, 167)
}

/// What a datagram says.
pub fn read(datagram: &Datagram) -> Message {
    wire::parse(&datagram.payload).unwrap().message
}

/// `hello active p100 1/167 2/135 from 1`, `forwarder 1/167 from 1`, `request to 10.0.0.9`: without `from` it leaves from
/// the interface's own MAC.
fn spell(datagram: &Datagram) -> String {
    let Route::Link { source_mac, .. } = datagram.route else { panic!("GLBP stays on its link") };
    let message = read(datagram);
    let mut words = match (message.kind, &message.hello) {
        (Kind::Hello, Some(hello)) => format!("hello {} p{}", hello.state.word().unwrap(), hello.priority),
        (Kind::Hello, None) if message.forwarders.is_empty() => "nonce".to_owned(),
        (Kind::Hello, None) => "forwarder".to_owned(),
        (Kind::Request | Kind::Response, _) => message.kind.word().to_owned(),
    };
    for it in &message.forwarders {
        if message.kind != Kind::Request {
            words.push_str(&format!(" {}/{}", it.number, it.priority));
        }
    }
    if message.kind != Kind::Hello {
        words.push_str(&format!(" to {}", datagram.destination));
    }
    match (1..=4).find(|number| virtual_mac(message.group, *number) == Some(source_mac)) {
        Some(number) => words.push_str(&format!(" from {number}")),
        None => assert_eq!(source_mac, message.owner),
    }
    words
}
