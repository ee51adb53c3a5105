//! One virtual router, told what happens in words and answering in words: a line per action, in order.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::time::Duration;

use fhrp::{
    Action, Command, Context, Datagram, Family, Group, HoldFault, Input, Instant, InterfaceAddress, Link,
    Mac, Note, Received, Route, Siblings, View,
};
use vrrp::auth::Guard;
use vrrp::config::{Authentication, Versions};
use vrrp::wire::{self, Advertisement, ChecksumForm, MULTICAST_V4, MULTICAST_V6, Version};
use vrrp::{Config, VirtualRouter};

pub const OURS: &str = "10.0.0.5";
pub const LOWER: &str = "10.0.0.2";
pub const HIGHER: &str = "10.0.0.9";
pub const VIP: &str = "10.0.0.1/24";

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn address(text: &str) -> InterfaceAddress {
    text.parse().unwrap()
}

pub fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

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

/// The router, its clock, and what it said last.
pub struct Stage {
    pub router: VirtualRouter,
    pub now: Instant,
    pub actions: Vec<Action>,
}

impl Stage {
    /// Not even told of its link.
    pub fn bare(config: Config) -> Self {
        Stage { router: VirtualRouter::new(config), now: Instant::ZERO, actions: Vec::new() }
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

    pub fn tell(&mut self, input: Input<'_>) -> Vec<String> {
        self.actions.clear();
        let mut random = || 4;
        let mut context = Context {
            now: self.now,
            wall: secs(1_800_000_000) + Duration::from_nanos(self.now.as_nanos()),
            siblings: Siblings::NONE,
            random: &mut random,
            out: &mut self.actions,
        };
        self.router.handle(&mut context, input);
        self.actions.iter().map(spell).collect()
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

    pub fn tick(&mut self) -> Vec<String> {
        self.tell(Input::Tick)
    }

    /// Goes to the next deadline and ticks.
    pub fn next_tick(&mut self) -> Vec<String> {
        self.now = self.deadline().max(self.now);
        self.tick()
    }

    /// Goes on by `span`, ticking at every deadline, and collects what is said.
    pub fn run(&mut self, span: Duration) -> Vec<String> {
        let end = self.now + span;
        let mut lines = Vec::new();
        while let Some(deadline) = self.router.deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline.max(self.now);
            lines.extend(self.tick());
        }
        self.now = end;
        lines
    }

    pub fn pass(&mut self, span: Duration) {
        self.now += span;
    }

    pub fn deadline(&self) -> Instant {
        self.router.deadline().unwrap()
    }

    /// Whether anything but an outside event can matter.
    pub fn waits(&self) -> bool {
        self.router.deadline().is_some()
    }

    pub fn view(&self) -> View {
        self.router.view(self.now)
    }

    pub fn state(&self) -> &'static str {
        self.view().state
    }

    pub fn counter(&self, name: &str) -> u64 {
        self.view().counters.iter().find(|counter| counter.name == name).map_or(0, |counter| counter.count)
    }

    pub fn timer(&self, name: &str) -> fhrp::view::Timer {
        *self.view().timers.iter().find(|timer| timer.name == name).unwrap()
    }

    pub fn detail(&self, name: &str) -> String {
        self.view().details.iter().find(|detail| detail.name == name).unwrap().value.clone()
    }

    pub fn command(&mut self, command: Command) -> Vec<String> {
        self.tell(Input::Command(command))
    }

    pub fn refuse_hold(&mut self) -> Vec<String> {
        let fault = HoldFault {
            operation: "add 10.0.0.1/24 to eth0".to_owned(),
            cause: "permission denied".to_owned(),
        };
        self.tell(Input::Held(Err(fault)))
    }

    pub fn sent(&self) -> Vec<&Datagram> {
        self.actions
            .iter()
            .filter_map(|action| match action {
                Action::Send(datagram) | Action::SendOnceHeld(datagram) => Some(datagram),
                _ => None,
            })
            .collect()
    }
}

/// What a datagram says.
pub fn read(datagram: &Datagram) -> (Advertisement, ChecksumForm) {
    let received = Received {
        at: Instant::ZERO,
        source_mac: Mac::default(),
        destination_mac: Mac::default(),
        source: datagram.source,
        destination: datagram.destination,
        hop_limit: datagram.hop_limit,
        protocol: datagram.protocol,
        ports: None,
        ip_header: &[],
        payload: &datagram.payload,
    };
    let heard = wire::parse(&received).unwrap();
    (heard.advertisement.clone(), heard.checksum)
}

fn spell(action: &Action) -> String {
    match action {
        Action::SendOnceHeld(datagram) => format!("once held, {}", spell(&Action::Send(datagram.clone()))),
        Action::Send(datagram) => {
            let (advertisement, form) = read(datagram);
            let mut text = format!(
                "send v{} p{} {:?}",
                advertisement.version.number(),
                advertisement.priority,
                advertisement.interval
            );
            if form == ChecksumForm::PseudoHeader && datagram.source.is_ipv4() {
                text.push_str(" pseudo");
            }
            if datagram.route == Route::Routed {
                text.push_str(&format!(" to {}", datagram.destination));
            }
            text
        }
        Action::Hold(holdings) if holdings.is_empty() => "release".to_owned(),
        Action::Hold(_) => "hold".to_owned(),
        Action::Announce(_) => "announce".to_owned(),
        Action::Answer(mac) => format!("answer {mac}"),
        Action::LastWill(datagrams) if datagrams.is_empty() => "no will".to_owned(),
        Action::LastWill(datagrams) => {
            assert!(datagrams.iter().all(|datagram| read(datagram).0.priority == 0));
            "will".to_owned()
        }
        Action::Note(Note::Transition { from, to, .. }) => format!("{from} -> {to}"),
        Action::Note(Note::Refused { counter, .. }) => format!("refused {counter}"),
        Action::Note(Note::Alarm { name, raised: true, .. }) => format!("alarm {name}"),
        Action::Note(Note::Alarm { name, raised: false, .. }) => format!("alarm {name} over"),
        Action::Note(Note::Remark { name, .. }) => format!("remark {name}"),
    }
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
