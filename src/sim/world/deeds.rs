//! What a script does to machines, cables and switches.

use std::rc::Rc;

use fhrp::{Command, Datagram, Holdings, Mac, Route};

use super::{Event, World};
use crate::engine::group::Identity;
use crate::sim::clock::MILLISECOND;
use crate::sim::dice::{noise, noise_below};
use crate::sim::machine::{self, Order};
use crate::sim::record::LineKind;
use crate::sim::rules::Replays;
use crate::sim::scenario::{Forgery, MachineDeed, MemberDeed, NetworkDeed, StrangerDeed, What};
use crate::sim::segment::Sense;

/// A guardian speaks after so long at most.
const GUARDIAN: u64 = 3 * MILLISECOND;
/// What is done at once has reached everybody after so long.
const PROMPTLY: u64 = 20 * MILLISECOND;

impl World<'_> {
    /// A deed of the script.
    pub(super) fn does(&mut self, place: usize) {
        let deed = &self.scenario.deeds[place];
        self.note(deed.what.router(), deed.what.group(), kind(&deed.what), || deed.done());
        let lasts = deed.for_us * 1_000;
        if lasts > 0 {
            self.schedule(self.now + lasts, Event::Undone(place));
        }
        if disturbs(&deed.what) {
            self.disturb(lasts + aftermath(&deed.what));
        }
        match &deed.what {
            What::Machine { router, deed } => self.hurts(*router, deed),
            What::Member { router, group, deed } => self.orders(*router, order(*group, deed)),
            What::OneWay { from, to } => self.segment.blocked[*from][*to] += 1,
            What::Network(NetworkDeed::Partition) => self.trunk(false),
            What::Network(NetworkDeed::Loss { percent }) => self.segment.loss = *percent,
            What::Network(NetworkDeed::Duplicate { percent }) => self.segment.duplicate = *percent,
            What::Network(NetworkDeed::Reorder { jitter_us }) => self.segment.reorder_us = *jitter_us,
            What::Stranger { group, deed: StrangerDeed::Replay { frames_ago } } => {
                self.replays(*group, *frames_ago)
            }
            What::Stranger { group, deed: StrangerDeed::Alter { frames_ago } } => {
                self.alters(*group, *frames_ago)
            }
            What::Stranger { group, deed: StrangerDeed::Forge { kind } } => self.forges(*group, *kind),
        }
        self.holders_change();
    }

    fn hurts(&mut self, router: usize, deed: &MachineDeed) {
        match deed {
            MachineDeed::Start => self.starts(router),
            MachineDeed::Stop => self.orders(router, Order::Stop),
            MachineDeed::Kill => self.kills(router),
            MachineDeed::PowerCut => self.dies(router, false),
            MachineDeed::Freeze => self.freezes(router),
            MachineDeed::Unplug => self.carrier(router, false),
            MachineDeed::Plug => self.carrier(router, true),
            MachineDeed::Cut => self.segment.cut[router] = true,
            MachineDeed::Mend => self.segment.cut[router] = false,
            MachineDeed::SlowCpu { lateness_us } => self.machines[router].lateness_us = *lateness_us,
            MachineDeed::ShortQueue { frames } => self.machines[router].queue_limit = *frames,
            MachineDeed::SlowKernel { latency_us } => self.machines[router].kernel_us = *latency_us,
            MachineDeed::KernelRefuses => self.machines[router].refusing += 1,
        }
    }

    /// The end of a deed that lasts.
    pub(super) fn undoes(&mut self, place: usize) {
        let deed = &self.scenario.deeds[place];
        self.note(deed.what.router(), deed.what.group(), LineKind::Repair, || {
            format!("over: {}", deed.done())
        });
        match &deed.what {
            What::Machine { router, deed } => self.relieves(*router, deed),
            What::OneWay { from, to } => {
                let blocked = &mut self.segment.blocked[*from][*to];
                *blocked = blocked.saturating_sub(1);
            }
            What::Network(NetworkDeed::Partition) => self.trunk(true),
            What::Network(NetworkDeed::Loss { .. }) => self.segment.loss = 0,
            What::Network(NetworkDeed::Duplicate { .. }) => self.segment.duplicate = 0,
            What::Network(NetworkDeed::Reorder { .. }) => self.segment.reorder_us = 0,
            What::Member { .. } | What::Stranger { .. } => {}
        }
        self.holders_change();
    }

    fn relieves(&mut self, router: usize, deed: &MachineDeed) {
        let usual = &self.scenario.routers[router];
        let machine = &mut self.machines[router];
        match deed {
            MachineDeed::Freeze => self.thaws(router),
            MachineDeed::SlowCpu { .. } => machine.lateness_us = usual.lateness_us,
            MachineDeed::ShortQueue { .. } => machine.mend_queue(),
            MachineDeed::SlowKernel { .. } => machine.kernel_us = usual.kernel_us,
            MachineDeed::KernelRefuses => machine.refusing = machine.refusing.saturating_sub(1),
            MachineDeed::Start
            | MachineDeed::Stop
            | MachineDeed::Kill
            | MachineDeed::PowerCut
            | MachineDeed::Unplug
            | MachineDeed::Plug
            | MachineDeed::Cut
            | MachineDeed::Mend => {}
        }
    }

    fn starts(&mut self, router: usize) {
        if self.machines[router].daemon.is_some() {
            return;
        }
        let (noise, routers) = (self.scenario.noise, self.machines.len());
        let machine = &mut self.machines[router];
        machine.powered = true;
        let now = machine.now(self.now);
        let mut daemon = machine.boot(noise, routers);
        let mut besides = Vec::new();
        self.effects.clear();
        for rules in &mut self.rules {
            let group = rules.make(router);
            let identity: Identity = rules.identity();
            daemon.groups.push(daemon.engine.add(now, identity, group, &mut self.effects));
            besides.extend(rules.own_addresses(router));
        }
        machine.daemon = Some(daemon);
        let up = machine.carrier;
        self.orders(router, Order::Carrier(up));
        self.shows(router);
    }

    fn orders(&mut self, router: usize, order: Order) {
        let runs = self.machines[router].frozen.is_none();
        let Some(daemon) = &mut self.machines[router].daemon else { return };
        daemon.orders.push_back(order);
        if runs {
            let late = self.lateness(router);
            self.wakes(router, self.now + late);
        }
    }

    /// `kill -9`: the kernel takes back what hangs on the process, and the guardian says its last will.
    fn kills(&mut self, router: usize) {
        let Some(daemon) = &self.machines[router].daemon else { return };
        let wills: Vec<Datagram> = daemon.wills.values().flatten().cloned().collect();
        self.dies(router, true);
        if !wills.is_empty() {
            let after = noise_below(GUARDIAN, self.scenario.noise, [self.now, router as u64, 12]);
            self.schedule(self.now + after, Event::Speaks(router, wills));
        }
    }

    fn dies(&mut self, router: usize, powered: bool) {
        let machine = &mut self.machines[router];
        machine.daemon = None;
        machine.powered &= powered;
        machine.frozen = None;
        machine.gate_closed = false;
        machine.kernel.fill(Holdings::none());
        for rules in &mut self.rules {
            rules.died(router);
        }
        self.shows(router);
    }

    fn freezes(&mut self, router: usize) {
        let machine = &mut self.machines[router];
        if machine.daemon.is_none() || machine.frozen.is_some() {
            return;
        }
        machine.frozen = Some(self.now);
        // What it holds lapses by itself; the LAN is looked at when that has happened.
        let leases: Vec<u64> = machine
            .kernel
            .iter()
            .filter(|held| !held.is_empty())
            .map(|held| machine.clock.moment(machine.clock.shows(self.now) + held.lease) + 1)
            .collect();
        for at in leases {
            self.schedule(at, Event::Look);
        }
    }

    fn thaws(&mut self, router: usize) {
        let groups = self.machines[router].kernel.len();
        let lapsed = (0..groups).any(|group| {
            let machine = &self.machines[router];
            !machine.kernel[group].is_empty() && !machine.holds(self.now, group)
        });
        let machine = &mut self.machines[router];
        let Some(since) = machine.frozen.take() else { return };
        machine.gate_closed = lapsed;
        let span = machine.clock.shows(self.now).since(machine.clock.shows(since));
        if let Some(daemon) = &mut machine.daemon {
            daemon.stood_still = Some(span);
            daemon.wake = None;
        }
        let late = self.lateness(router);
        self.wakes(router, self.now + late);
    }

    fn carrier(&mut self, router: usize, up: bool) {
        let machine = &mut self.machines[router];
        if machine.carrier == up {
            return;
        }
        machine.carrier = up;
        self.orders(router, Order::Carrier(up));
    }

    fn trunk(&mut self, there: bool) {
        self.segment.trunk = there;
        self.segment.forget();
    }

    /// A hostile station sends a message again, from its own MAC.
    fn replays(&mut self, group: usize, frames_ago: usize) {
        if self.rules[group].replays() == Replays::Untried {
            return;
        }
        let Some(heard) = self.heard[group].get(frames_ago).cloned() else { return };
        let Sense::Message { said, .. } = &heard.sense else { return };
        let sense = Sense::Hostile { group, said: said.clone(), repeats: Some((heard.origin, heard.number)) };
        self.strangers_frame(heard.to, heard.octets.clone(), sense, "a hostile station repeats this");
    }

    /// A hostile station sends a message again, and has changed in it what no digest covers. Where that shows, it is worth
    /// nothing; otherwise it is a word of its first sender.
    fn alters(&mut self, group: usize, frames_ago: usize) {
        let chance = noise(self.scenario.noise, [self.now, group as u64, 15]);
        let Some(heard) = self.heard[group].get(frames_ago).cloned() else { return };
        let Ok(received) = crate::net::frame::parse(&heard.octets, fhrp::Instant::ZERO) else { return };
        let Some(payload) = self.rules[group].alter(received.payload, chance) else { return };
        let said = self.rules[group].read(&fhrp::Received { payload: &payload, ..received });
        let mut octets = heard.octets.clone();
        octets.truncate(heard.octets.len().saturating_sub(payload.len()));
        octets.extend(&payload);
        let repeats = Some((heard.origin, heard.number));
        let sense = match self.rules[group].replays() {
            Replays::Obeyed => Sense::Hostile { group, said, repeats },
            Replays::Refused | Replays::Untried => Sense::Hostile { group, said: None, repeats: None },
        };
        self.strangers_frame(heard.to, octets, sense, "a hostile station repeats this, changed");
    }

    fn forges(&mut self, group: usize, kind: Forgery) {
        let chance = noise(self.scenario.noise, [self.now, group as u64, 13]);
        if kind == Forgery::Flipped {
            let Some(heard) = self.heard[group].front().cloned() else { return };
            let mut octets = heard.octets.clone();
            flip(&mut octets, chance);
            // Without its UDP checksum, a message is what it was.
            let now =
                |octets| crate::net::frame::parse(octets, fhrp::Instant::ZERO).ok().map(|it| it.payload);
            if now(&octets).is_some_and(|payload| now(&heard.octets) == Some(payload)) {
                return;
            }
            let sense = Sense::Hostile { group, said: None, repeats: None };
            return self.strangers_frame(heard.to, octets, sense, "a hostile station has changed this");
        }
        let Some(datagram) = self.rules[group].forge(kind, chance) else { return };
        let Route::Link { source_mac, destination_mac } = datagram.route else { return };
        let mut octets = Vec::new();
        if crate::net::frame::write(&datagram, source_mac, destination_mac, &mut octets).is_ok() {
            let sense = Sense::Hostile { group, said: None, repeats: None };
            self.strangers_frame(destination_mac, octets, sense, "a hostile station has made this up");
        }
    }

    fn strangers_frame(&mut self, to: Mac, mut octets: Vec<u8>, sense: Sense, remark: &'static str) {
        let port = self.machines.len() + self.hosts.len();
        let from = machine::mac(machine::STRANGER);
        if let Some(source) = octets.get_mut(6..12) {
            source.copy_from_slice(&from.0);
        }
        let _frame: Rc<_> = self.emits(port, from, to, octets, sense, Some(remark));
    }
}

/// Changes one bit of what the IP header carries.
fn flip(octets: &mut [u8], chance: u64) {
    let ipv6 = octets.get(12..14) == Some(&[0x86, 0xdd]);
    let above = if ipv6 { 54 } else { 34 };
    let bits = (octets.len().saturating_sub(above) * 8) as u64;
    let bit = noise_below(bits, chance, [0, 0, 0]) as usize;
    if let Some(octet) = octets.get_mut(above + bit / 8) {
        *octet ^= 1 << (bit % 8);
    }
}

/// Whether it may change anything: what is forged may not.
fn disturbs(what: &What) -> bool {
    !matches!(what, What::Stranger { deed: StrangerDeed::Forge { .. }, .. })
}

/// How it is told.
fn kind(what: &What) -> LineKind {
    match what {
        What::Machine { deed: MachineDeed::Start | MachineDeed::Plug | MachineDeed::Mend, .. } => {
            LineKind::Repair
        }
        What::Member {
            deed:
                MemberDeed::Reload { .. }
                | MemberDeed::HandOver
                | MemberDeed::TakeOver
                | MemberDeed::Announce
                | MemberDeed::Ready,
            ..
        } => LineKind::Wish,
        What::Machine { deed: MachineDeed::Stop, .. } => LineKind::Wish,
        What::Machine { .. }
        | What::Member { .. }
        | What::OneWay { .. }
        | What::Network(_)
        | What::Stranger { .. } => LineKind::Fault,
    }
}

/// How long something is felt after it is over, in nanoseconds: frames and wishes that are under way.
fn aftermath(what: &What) -> u64 {
    let us = match what {
        What::Network(NetworkDeed::Reorder { jitter_us }) => *jitter_us,
        What::Machine { deed: MachineDeed::SlowCpu { lateness_us }, .. } => *lateness_us,
        What::Machine { deed: MachineDeed::SlowKernel { latency_us }, .. } => 4 * *latency_us,
        What::Machine { .. }
        | What::Member { .. }
        | What::OneWay { .. }
        | What::Network(_)
        | What::Stranger { .. } => 0,
    };
    us * 1_000 + PROMPTLY
}

fn order(group: usize, deed: &MemberDeed) -> Order {
    match deed {
        MemberDeed::Penalty { amount } => Order::Penalty(group, *amount),
        MemberDeed::Reload { member } => Order::Reload(group, member.clone()),
        MemberDeed::HandOver => Order::Command(group, Command::HandOver),
        MemberDeed::TakeOver => Order::Command(group, Command::TakeOver),
        MemberDeed::Announce => Order::Command(group, Command::Announce),
        MemberDeed::Ready => Order::Command(group, Command::Ready),
    }
}
