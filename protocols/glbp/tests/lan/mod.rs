//! Several routers on one virtual LAN: messages take a while, time passes only here, nothing sleeps.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use fhrp::{
    Action, Command, Context, Datagram, Group, Holdings, Input, Instant, Link, Mac, Note, Received, Route,
    Siblings, Solicitation,
};
use glbp::vmac::virtual_mac;
use glbp::wire::{self, Kind};
use glbp::{Config, GatewayGroup};

/// Wall-clock time at the origin.
const WALL: Duration = Duration::from_secs(1_800_000_000);

/// A router.
pub struct Router {
    pub group: GatewayGroup,
    link: Link,
    alive: bool,
    pub holdings: Holdings,
    will: Vec<Datagram>,
    answer: Option<Mac>,
}

/// What somebody said or became, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: Duration,
    pub router: usize,
    pub what: String,
}

/// The LAN.
pub struct Lan {
    pub now: Instant,
    pub routers: Vec<Router>,
    /// Messages under way: when they arrive, who sent them.
    wire: Vec<(Instant, usize, Datagram)>,
    /// How long a message takes.
    pub delay: Duration,
    /// Pairs that do not hear each other.
    cut: BTreeSet<(usize, usize)>,
    pub log: Vec<Event>,
    /// Everything that was sent, for those who record it.
    pub sent: Vec<Datagram>,
    seed: u64,
}

impl Lan {
    pub fn new(seed: u64) -> Self {
        Lan {
            now: Instant::ZERO,
            routers: Vec::new(),
            wire: Vec::new(),
            delay: Duration::from_micros(100),
            cut: BTreeSet::new(),
            log: Vec::new(),
            sent: Vec::new(),
            seed,
        }
    }

    /// A router with 10.0.0.`last` and fe80::`last`, started now.
    pub fn join(&mut self, last: u8, config: Config) -> usize {
        let link = Link {
            index: 2,
            name: "eth0".to_owned(),
            mac: Mac([2, 0, 0, 0, 0, last]),
            up: true,
            mtu: 1500,
            addresses: vec![
                format!("10.0.0.{last}/24").parse().unwrap(),
                format!("fe80::{last}/64").parse().unwrap(),
            ],
        };
        let group = GatewayGroup::new(config);
        let (holdings, will) = (Holdings::none(), Vec::new());
        self.routers.push(Router { group, link: link.clone(), alive: true, holdings, will, answer: None });
        let index = self.routers.len() - 1;
        self.tell(index, Input::Link(&link));
        self.tell(index, Input::Start);
        index
    }

    /// It vanishes without a word.
    pub fn crash(&mut self, router: usize) {
        self.routers[router].alive = false;
        self.routers[router].holdings = Holdings::none();
    }

    /// It is back, as if it had never been there.
    pub fn restart(&mut self, router: usize, config: Config) {
        let link = self.routers[router].link.clone();
        self.routers[router].group = GatewayGroup::new(config);
        self.routers[router].alive = true;
        self.tell(router, Input::Link(&link));
        self.tell(router, Input::Start);
    }

    pub fn is_alive(&self, router: usize) -> bool {
        self.routers[router].alive
    }

    /// It vanishes, and its guardian says the last will.
    pub fn kill(&mut self, router: usize) {
        self.crash(router);
        for datagram in std::mem::take(&mut self.routers[router].will) {
            self.send(router, datagram);
        }
    }

    /// Two routers do not hear each other any more.
    pub fn cut(&mut self, a: usize, b: usize) {
        self.cut.extend([(a, b), (b, a)]);
    }

    /// Everybody hears everybody.
    pub fn heal(&mut self) {
        self.cut.clear();
    }

    pub fn stop(&mut self, router: usize) {
        self.tell(router, Input::Stop);
    }

    pub fn command(&mut self, router: usize, command: Command) {
        self.tell(router, Input::Command(command));
    }

    pub fn penalize(&mut self, router: usize, penalty: u16) {
        self.tell(router, Input::Penalty(penalty));
    }

    pub fn reconfigure(&mut self, router: usize, config: &Config) {
        self.tell(router, Input::Reconfigure(config));
    }

    pub fn link_up(&mut self, router: usize, up: bool) {
        self.routers[router].link.up = up;
        let link = self.routers[router].link.clone();
        self.tell(router, Input::Link(&link));
    }

    /// Octets that no router of ours sent.
    pub fn inject(&mut self, datagram: Datagram) {
        self.wire.push((self.now + self.delay, usize::MAX, datagram));
    }

    /// A host asks everybody which MAC an address has. Who answers, and what.
    pub fn ask(&mut self, host: u8, target: &str) -> Vec<(usize, u8)> {
        self.ask_at(host, target, Mac::BROADCAST)
    }

    /// A host asks whoever has this MAC.
    pub fn ask_at(&mut self, host: u8, target: &str, to_mac: Mac) -> Vec<(usize, u8)> {
        let target = ip(target);
        let from = match target {
            IpAddr::V4(_) => format!("10.0.0.{host}"),
            IpAddr::V6(_) => format!("fe80::{host}"),
        };
        let asked =
            Solicitation { from_mac: Mac([4, 0, 0, 0, 0, host]), from: Some(ip(&from)), target, to_mac };
        let mut answers = Vec::new();
        for router in 0..self.routers.len() {
            let holdings = &self.routers[router].holdings;
            let reaches = to_mac.is_group() || holdings.forward.contains_key(&to_mac);
            if reaches && holdings.addresses.contains_key(&target) {
                self.routers[router].answer = None;
                self.tell(router, Input::Solicited(&asked));
                answers.extend(self.routers[router].answer.map(|mac| (router, mac.0[5])));
            }
        }
        answers
    }

    pub fn run_for(&mut self, span: Duration) {
        self.run_to(self.now + span);
    }

    pub fn run_to(&mut self, end: Instant) {
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.deliver();
            for router in 0..self.routers.len() {
                let due = self.routers[router].group.deadline().is_some_and(|at| at <= self.now);
                if due && self.routers[router].alive {
                    self.tell(router, Input::Tick);
                }
            }
        }
        self.now = end;
    }

    fn next_event(&self) -> Option<Instant> {
        let arrivals = self.wire.iter().map(|(at, ..)| *at);
        let alive = self.routers.iter().filter(|router| router.alive);
        arrivals.chain(alive.filter_map(|router| router.group.deadline())).min()
    }

    fn deliver(&mut self) {
        let now = self.now;
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.wire).into_iter().partition(|it| it.0 <= now);
        self.wire = later;
        for (_, from, datagram) in due {
            let Route::Link { destination_mac, .. } = datagram.route else { continue };
            for to in 0..self.routers.len() {
                let reaches = destination_mac.is_group() || destination_mac == self.routers[to].link.mac;
                if to != from && reaches && self.routers[to].alive && !self.cut.contains(&(from, to)) {
                    self.hand_over(to, &datagram);
                }
            }
        }
    }

    fn hand_over(&mut self, to: usize, datagram: &Datagram) {
        let received = Received { at: self.now, ..stage::arriving(datagram) };
        self.tell(to, Input::Packet(&received));
    }

    fn tell(&mut self, router: usize, input: Input<'_>) {
        let mut actions = Vec::new();
        let mut seed = self.seed;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 16
        };
        let wall = WALL + Duration::from_nanos(self.now.as_nanos());
        let mut context =
            Context { now: self.now, wall, siblings: Siblings::NONE, random: &mut random, out: &mut actions };
        self.routers[router].group.handle(&mut context, input);
        self.seed = seed;
        for action in actions {
            self.obey(router, action);
        }
    }

    fn obey(&mut self, router: usize, action: Action) {
        match action {
            Action::Send(datagram) | Action::SendOnceHeld(datagram) => self.send(router, datagram),
            Action::Hold(holdings) => {
                self.note(router, if holdings.is_empty() { "release" } else { "hold" }.to_owned());
                self.routers[router].holdings = holdings;
            }
            Action::Announce(_) => self.note(router, "announce".to_owned()),
            Action::LastWill(will) => self.routers[router].will = will,
            Action::Note(Note::Transition { from, to, .. }) => self.note(router, format!("{from} -> {to}")),
            Action::Note(Note::Refused { counter, .. }) => self.note(router, format!("refused {counter}")),
            Action::Note(Note::Alarm { name, raised, .. }) => {
                self.note(router, format!("alarm {name} {raised}"));
            }
            Action::Note(Note::Remark { name: "forwarder", text, .. }) => self.note(router, text),
            Action::Note(Note::Remark { name, .. }) => self.note(router, format!("remark {name}")),
            Action::Answer(mac) => self.routers[router].answer = Some(mac),
        }
    }

    fn send(&mut self, router: usize, datagram: Datagram) {
        let message = wire::parse(&datagram.payload).unwrap().message;
        let what = match (message.kind, message.hello) {
            (Kind::Hello, Some(hello)) => format!("hello {}", hello.state.word().unwrap()),
            (Kind::Hello, None) => match message.forwarders.first() {
                Some(forwarder) => format!("forwarder {}", forwarder.number),
                None => "nonce".to_owned(),
            },
            (kind, _) => kind.word().to_owned(),
        };
        self.note(router, what);
        self.sent.push(datagram.clone());
        self.wire.push((self.now + self.delay, router, datagram));
    }

    fn note(&mut self, router: usize, what: String) {
        self.log.push(Event { at: self.now.since(Instant::ZERO), router, what });
    }

    /// The gateways' states, in the order in which they joined; of those that are gone, `-`.
    pub fn states(&self) -> Vec<&'static str> {
        let state = |router: &Router| if router.alive { router.group.view(self.now).state } else { "-" };
        self.routers.iter().map(state).collect()
    }

    /// Who forwards for each virtual MAC of a group, by forwarder.
    pub fn owners(&self, group: u16) -> BTreeMap<u8, Vec<usize>> {
        let mut owners = BTreeMap::new();
        for number in 1..=4 {
            let mac = virtual_mac(group, number).unwrap();
            let holds = |router: &usize| self.routers[*router].holdings.forward.contains_key(&mac);
            let holders: Vec<usize> = (0..self.routers.len()).filter(holds).collect();
            if !holders.is_empty() {
                owners.insert(number, holders);
            }
        }
        owners
    }

    /// The one router that forwards for each forwarder; a panic if there are several.
    pub fn map(&self, group: u16) -> Vec<(u8, usize)> {
        let one = |(number, holders): (u8, Vec<usize>)| {
            assert_eq!(holders.len(), 1, "forwarder {number} of {holders:?} at {}", self.now);
            (number, holders[0])
        };
        self.owners(group).into_iter().map(one).collect()
    }

    /// When each of these happened.
    pub fn times_of(&self, router: usize, what: &str) -> Vec<Duration> {
        let matching = self.log.iter().filter(|event| event.router == router && event.what.starts_with(what));
        matching.map(|event| event.at).collect()
    }

    /// What one router said and became since a time.
    pub fn since(&self, router: usize, at: Duration) -> Vec<&str> {
        let matching = self.log.iter().filter(|event| event.router == router && event.at >= at);
        matching.map(|event| event.what.as_str()).collect()
    }

    pub fn elapsed(&self) -> Duration {
        self.now.since(Instant::ZERO)
    }

    pub fn view(&self, router: usize) -> fhrp::View {
        self.routers[router].group.view(self.now)
    }
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
