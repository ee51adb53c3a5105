//! The simulated LAN and its one queue of events.
//!
//! A run is a function of its [`Scenario`]: nothing else goes in. It ends with the last event, or with the first
//! thing that must not be.
//!
//! | module | what of it lives there |
//! |---|---|
//! | this one | the queue, frames on their way, hosts |
//! | `deeds` | what a script does to machines and cables |
//! | `turn` | a turn of a router's daemon |
//! | `watch` | what must be true of the LAN as a whole |

mod deeds;
mod turn;
mod watch;

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;

use fhrp::{Datagram, Mac, Route};

use self::watch::Watch;
use super::clock::{Moment, SECOND};
use super::dice::noise_below;
use super::host::Host;
use super::invariant::{Breach, Violation};
use super::machine::{self, Grant, Machine};
use super::record::{Line, LineKind, Record, Recorded, StateChange};
use super::rules::{Rules, as_received, rules};
use super::scenario::{Scenario, What};
use super::segment::{Arrival, Frame, Port, Segment, Sense};
use crate::engine::{Effect, Reply};
use crate::net::{frame, neighbour};

/// Messages of a group that a hostile station remembers.
const MEMORY: usize = 512;

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// What must not be, if there was something.
    pub violation: Option<Violation>,
    /// Figures.
    pub stats: Stats,
    /// Everything that happened, if it was to be written down.
    pub record: Option<Record>,
}

/// Figures of a run, or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stats {
    /// Simulated nanoseconds.
    pub simulated_ns: u64,
    /// Frames that came into the switches.
    pub frames: u64,
    /// Turns of daemons.
    pub turns: u64,
    /// Changes of state.
    pub transitions: u64,
    /// Packets that hosts sent.
    pub packets: u64,
    /// Of these, forwarded.
    pub forwarded: u64,
    /// Frames of a hostile station that were refused, as they must be.
    pub refused: u64,
    /// Times at which the LAN was found settled and right.
    pub settled: u64,
}

impl std::ops::AddAssign for Stats {
    fn add_assign(&mut self, more: Stats) {
        self.simulated_ns += more.simulated_ns;
        self.frames += more.frames;
        self.turns += more.turns;
        self.transitions += more.transitions;
        self.packets += more.packets;
        self.forwarded += more.forwarded;
        self.refused += more.refused;
        self.settled += more.settled;
    }
}

/// Runs a scenario to its end, or to the first violation.
///
/// With `record` everything that happens is written down.
pub fn run(scenario: &Scenario, record: bool) -> Outcome {
    let mut world = World::new(scenario, record);
    let violation = world.runs().err();
    if let (Some(violation), Some(record)) = (&violation, &mut world.record) {
        record.lines.push(Line {
            at: violation.at,
            router: violation.router,
            group: violation.group,
            kind: LineKind::Finding,
            text: format!("{}: {}", violation.breach.invariant, violation.breach.what),
        });
    }
    world.stats.simulated_ns = world.now;
    for host in &world.hosts {
        world.stats.packets += host.sent;
        world.stats.forwarded += host.forwarded;
    }
    Outcome { violation, stats: world.stats, record: world.record }
}

/// The LAN.
pub(super) struct World<'s> {
    scenario: &'s Scenario,
    now: Moment,
    events: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    machines: Vec<Machine>,
    hosts: Vec<Host>,
    segment: Segment,
    rules: Vec<Box<dyn Rules>>,
    watch: Watch,
    /// Whether anybody repeats what was heard.
    remembers: bool,
    heard: Vec<VecDeque<Rc<Frame>>>,
    /// Frames sent by each port so far.
    sent: Vec<u64>,
    /// Whether a guardian is speaking.
    for_the_dead: bool,
    effects: Vec<Effect>,
    arrivals: Vec<Arrival>,
    stats: Stats,
    record: Option<Record>,
    shown: Vec<&'static str>,
}

/// An event in its place.
struct Scheduled {
    at: Moment,
    order: u64,
    event: Event,
}

/// What can come up.
enum Event {
    /// A frame arrives.
    Arrives(Port, Rc<Frame>),
    /// A daemon wakes up.
    Wakes(usize, u64),
    /// A kernel has made a change for the daemon of this life.
    Granted(usize, u64, Box<Grant>),
    /// A guardian speaks for a dead daemon.
    Speaks(usize, Vec<Datagram>),
    /// A deed of the script.
    Deed(usize),
    /// And its end.
    Undone(usize),
    /// A host's next packet.
    Host(usize),
    /// Time to look at the LAN.
    Look,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<'s> World<'s> {
    fn new(scenario: &'s Scenario, record: bool) -> Self {
        let groups = scenario.groups.len();
        let rules: Vec<Box<dyn Rules>> = (0..groups).map(|group| rules(group, scenario)).collect();
        let hostile = scenario.deeds.iter().any(|deed| matches!(deed.what, What::Stranger { .. }));
        let routers = scenario.routers.iter().map(|router| router.far);
        let far: Vec<bool> = routers
            .chain(scenario.hosts.iter().map(|host| host.far))
            .chain(hostile.then_some(false))
            .collect();
        let hosts = scenario.hosts.iter().enumerate();
        let mut world = World {
            now: 0,
            events: BinaryHeap::with_capacity(256),
            scheduled: 0,
            machines: scenario.routers.iter().map(|router| Machine::new(router, groups)).collect(),
            hosts: hosts.map(|(number, host)| Host::new(number, host, rules[host.group].gateway())).collect(),
            sent: vec![0; far.len()],
            for_the_dead: false,
            segment: Segment::new(scenario, &far),
            watch: Watch::new(scenario, &rules),
            rules,
            remembers: hostile,
            heard: vec![VecDeque::new(); groups],
            effects: Vec::new(),
            arrivals: Vec::new(),
            stats: Stats::default(),
            record: record.then(Record::default),
            shown: vec!["off"; groups * scenario.routers.len()],
            scenario,
        };
        for (place, deed) in scenario.deeds.iter().enumerate() {
            world.schedule(deed.at_us * 1_000, Event::Deed(place));
        }
        for host in 0..scenario.hosts.len() {
            world.schedule(host_begins(scenario, host), Event::Host(host));
        }
        world
    }

    /// Goes from event to event. The last ones are due a while after everything has settled.
    fn runs(&mut self) -> Result<(), Violation> {
        self.disturb(0);
        while let Some(Reverse(next)) = self.events.pop() {
            self.overdue(next.at)?;
            if next.at > self.ends_at() {
                break;
            }
            self.now = next.at;
            self.happens(next.event)?;
        }
        self.concludes()
    }

    fn happens(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Arrives(port, frame) => self.arrives(port, &frame),
            Event::Wakes(router, life) => {
                let machine = &mut self.machines[router];
                let due = machine.lives == life
                    && machine.runs()
                    && machine.daemon.as_ref().is_some_and(|daemon| daemon.wake == Some(self.now));
                if due { self.turn(router) } else { Ok(()) }
            }
            Event::Granted(router, life, grant) => self.grants(router, life, *grant),
            Event::Speaks(router, datagrams) => {
                self.for_the_dead = true;
                for datagram in datagrams {
                    self.sends(router, &datagram);
                }
                self.for_the_dead = false;
                Ok(())
            }
            Event::Deed(place) => {
                self.does(place);
                Ok(())
            }
            Event::Undone(place) => {
                self.undoes(place);
                Ok(())
            }
            Event::Host(host) => self.host_acts(host),
            Event::Look => self.looks(),
        }
    }

    fn schedule(&mut self, at: Moment, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse(Scheduled { at: at.max(self.now), order: self.scheduled, event }));
    }

    /// Has a daemon wake up at `at`, or earlier if it will anyway.
    fn wakes(&mut self, router: usize, at: Moment) {
        let machine = &mut self.machines[router];
        let life = machine.lives;
        let Some(daemon) = machine.daemon.as_mut().filter(|daemon| daemon.wake.is_none_or(|wake| at < wake))
        else {
            return;
        };
        daemon.wake = Some(at);
        self.schedule(at, Event::Wakes(router, life));
    }

    /// How late a router is this time.
    fn lateness(&self, router: usize) -> u64 {
        let bound = self.machines[router].lateness_us * 1_000;
        noise_below(bound + 1, self.scenario.noise, [self.now, router as u64, 11])
    }

    fn arrives(&mut self, port: Port, frame: &Rc<Frame>) -> Result<(), Violation> {
        match port.checked_sub(self.machines.len()) {
            None => self.arrives_at_router(port, frame),
            Some(host) => {
                if let (Some(host), Sense::Answer { address, mac }) = (self.hosts.get_mut(host), &frame.sense)
                {
                    host.learns(*address, *mac);
                }
                Ok(())
            }
        }
    }

    fn arrives_at_router(&mut self, router: usize, frame: &Rc<Frame>) -> Result<(), Violation> {
        let machine = &self.machines[router];
        if !machine.powered || !machine.carrier {
            return Ok(());
        }
        let for_us = frame.to.is_group() || frame.to == machine.mac();
        match &frame.sense {
            Sense::Packet { host, number } => {
                let sender = &self.hosts[*host];
                if machine.forwards(self.now, frame.to, sender.address, sender.far_end(*number)) {
                    self.forwarded(router, *host, *number, frame.to)?;
                }
            }
            Sense::Question { host } => {
                let target = self.hosts[*host].gateway;
                if let Some(mac) =
                    machine.kernel_answers(self.now, target).filter(|_| machine.frozen.is_none())
                {
                    let reply = Reply { mac, source: mac, router: true };
                    self.answers(router, reply, target, *host);
                }
                self.queues(router, frame, true);
            }
            Sense::Answer { .. } if for_us => self.queues(router, frame, true),
            Sense::Message { .. } | Sense::Hostile { .. } if for_us => self.queues(router, frame, false),
            Sense::Answer { .. } | Sense::Message { .. } | Sense::Hostile { .. } => {}
        }
        Ok(())
    }

    /// A frame waits for the daemon, if there is one that listens and if there is room. What concerns neighbours
    /// is listened to only while something is held.
    fn queues(&mut self, router: usize, frame: &Rc<Frame>, neighbours: bool) {
        let machine = &mut self.machines[router];
        let (limit, runs) = (machine.queue_limit, machine.frozen.is_none());
        let Some(daemon) = &mut machine.daemon else { return };
        if neighbours && !daemon.engine.holds_on(machine::LINK) || daemon.queue.len() >= limit {
            return;
        }
        daemon.queue.push_back((self.now, frame.clone()));
        if runs {
            let late = self.lateness(router);
            self.wakes(router, self.now + late);
        }
    }

    /// The kernel is done with a wish.
    fn grants(&mut self, router: usize, life: u64, mut grant: Grant) -> Result<(), Violation> {
        let machine = &mut self.machines[router];
        if machine.lives != life || machine.daemon.is_none() {
            return Ok(());
        }
        grant.result = machine.verdict(&grant.holdings);
        if grant.result.is_ok() {
            machine.kernel[grant.group].clone_from(&grant.holdings);
        }
        let runs = machine.frozen.is_none();
        if let Some(daemon) = &mut machine.daemon {
            daemon.grants.push_back(grant);
        }
        self.holders_change();
        if runs {
            let late = self.lateness(router);
            self.wakes(router, self.now + late);
        }
        Ok(())
    }

    /// A datagram leaves a router.
    fn sends(&mut self, router: usize, datagram: &Datagram) {
        let (from, to) = match datagram.route {
            Route::Link { source_mac, destination_mac } => (source_mac, destination_mac),
            Route::Routed => {
                let Some(to) = self.mac_of(datagram.destination) else { return };
                (self.machines[router].mac(), to)
            }
        };
        let mut octets = Vec::with_capacity(128);
        if frame::write(datagram, from, to, &mut octets).is_err() {
            return;
        }
        let received = as_received(datagram);
        let said = (0..self.rules.len()).find_map(|group| Some((group, self.rules[group].read(&received)?)));
        let group = said.as_ref().map_or(0, |(group, _)| *group);
        let sense = Sense::Message { group, said: said.map(|(_, said)| said) };
        let frame = self.emits(router, from, to, octets, sense, None);
        // A will that nobody heard can be said once by anybody: sealed early, it is no repetition of what was.
        if self.remembers && !self.for_the_dead {
            let memory = &mut self.heard[group];
            memory.truncate(MEMORY - 1);
            memory.push_front(frame);
        }
    }

    /// Which machine has an address.
    fn mac_of(&self, address: IpAddr) -> Option<Mac> {
        let last = match address {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(ip) => ip.octets()[15],
        };
        self.machines.iter().find(|machine| machine.setup.address == last).map(Machine::mac)
    }

    /// A frame comes into the switches, if the cable is in.
    fn emits(
        &mut self,
        port: Port,
        from: Mac,
        to: Mac,
        octets: Vec<u8>,
        sense: Sense,
        remark: Option<&'static str>,
    ) -> Rc<Frame> {
        // What a guardian says was sealed before other things that were said earlier: it counts as older than all.
        self.sent[port] += u64::from(!self.for_the_dead);
        let number = ((port as u64) << 40) | if self.for_the_dead { 0 } else { self.sent[port] };
        let frame = Rc::new(Frame { number, origin: port, from, to, octets, sense });
        let in_place = self.machines.get(port).is_none_or(|machine| machine.powered && machine.carrier);
        if !in_place {
            return frame;
        }
        self.stats.frames += 1;
        if let Some(record) = &mut self.record {
            let octets = recorded(&frame, &self.hosts);
            record.frames.push(Recorded { at: self.now, port, octets, remark });
        }
        let mut arrivals = std::mem::take(&mut self.arrivals);
        let losing = self.segment.will_lose();
        self.segment.carry(self.now, &frame, &mut arrivals);
        if losing {
            self.disturb(0);
        }
        for arrival in arrivals.drain(..) {
            self.schedule(arrival.at, Event::Arrives(arrival.port, frame.clone()));
        }
        self.arrivals = arrivals;
        frame
    }

    /// A router, or its kernel, answers a host.
    fn answers(&mut self, router: usize, reply: Reply, target: IpAddr, host: usize) {
        let Reply { mac, source, router: is_router } = reply;
        let host = &self.hosts[host];
        let to = host.mac;
        let asked = fhrp::Solicitation {
            from_mac: host.mac,
            from: Some(host.address),
            target,
            to_mac: Mac::BROADCAST,
        };
        let mut octets = match target {
            IpAddr::V4(ip) => neighbour::arp_reply(mac, ip, &asked).to_vec(),
            IpAddr::V6(ip) => neighbour::neighbour_advertisement(mac, ip, is_router, Some(&asked)).to_vec(),
        };
        neighbour::leave_from(source, &mut octets);
        self.emits(router, source, to, octets, Sense::Answer { address: target, mac }, None);
    }

    /// A host's turn: what became of the last packet, and the next one or a question.
    fn host_acts(&mut self, number: usize) -> Result<(), Violation> {
        self.judge_packet(number)?;
        let host = &mut self.hosts[number];
        host.reflects();
        host.has_begun = true;
        let port = self.machines.len() + number;
        let (from, every) = (host.mac, host.setup.every_us * 1_000);
        match host.neighbour {
            Some(to) => {
                let packet = host.sends(self.now);
                self.emits(port, from, to, Vec::new(), Sense::Packet { host: number, number: packet }, None);
            }
            None => {
                let octets = host.question();
                host.packet = super::host::Packet::default();
                let to = Mac(octets[..6].try_into().unwrap_or([0xff; 6]));
                self.emits(port, from, to, octets, Sense::Question { host: number }, None);
            }
        }
        self.schedule(self.now + every, Event::Host(number));
        Ok(())
    }

    /// Writes a line down, if anything is.
    fn note(
        &mut self,
        router: Option<usize>,
        group: Option<usize>,
        kind: LineKind,
        text: impl FnOnce() -> String,
    ) {
        if let Some(record) = &mut self.record {
            record.lines.push(Line { at: self.now, router, group, kind, text: text() });
        }
    }

    /// Writes down which state each group of a router shows.
    fn shows(&mut self, router: usize) {
        let Some(record) = &mut self.record else { return };
        for (group, rules) in self.rules.iter().enumerate() {
            let runs = self.machines[router].daemon.is_some();
            let state = if runs { rules.state(router) } else { "off" };
            let shown = &mut self.shown[group * self.machines.len() + router];
            if *shown != state {
                *shown = state;
                record.states.push(StateChange { at: self.now, router, group, state });
            }
        }
    }

    fn breaks(&self, router: Option<usize>, group: Option<usize>, breach: Breach) -> Violation {
        Violation { at: self.now, router, group, breach }
    }
}

/// Hosts begin one after the other, when the first routers have started.
fn host_begins(scenario: &Scenario, host: usize) -> Moment {
    let every = scenario.hosts[host].every_us * 1_000;
    SECOND / 4 + every * host as u64 / scenario.hosts.len() as u64
}

/// A frame as a capture has it. A host's packet is an echo request to somewhere else.
fn recorded(frame: &Frame, hosts: &[Host]) -> Vec<u8> {
    let Sense::Packet { host, number } = &frame.sense else { return frame.octets.clone() };
    let builder = etherparse::PacketBuilder::ethernet2(frame.from.0, frame.to.0);
    let id = *host as u16;
    let sequence = *number as u16;
    let mut octets = Vec::with_capacity(64);
    let written = match hosts[*host].address {
        IpAddr::V4(ip) => builder
            .ipv4(ip.octets(), [198, 51, 100, 1], 64)
            .icmpv4_echo_request(id, sequence)
            .write(&mut octets, &[]),
        IpAddr::V6(ip) => builder
            .ipv6(ip.octets(), std::net::Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1).octets(), 64)
            .icmpv6_echo_request(id, sequence)
            .write(&mut octets, &[]),
    };
    // A buffer in memory takes everything.
    let _ = written;
    octets
}
