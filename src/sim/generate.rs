//! A scenario from a seed: what network engineers run, and what happens to it, somewhat more often than in life.

use super::dice::Dice;
use super::dice::noise;
use super::scenario::{
    Deed, Forgery, Group, Host, MachineDeed, Member, MemberDeed, Network, NetworkDeed, Router, Scenario,
    StrangerDeed, What,
};
use super::{carp, glbp, hsrp, vrrp};

/// What seeds are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Fewest routers.
    pub least_routers: u64,
    /// Most routers.
    pub most_routers: u64,
    /// The one protocol; `None`: all that are simulated, the seed decides.
    pub protocol: Option<Simulated>,
}

/// A protocol that has rules here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Simulated {
    /// VRRP.
    Vrrp,
    /// HSRP.
    Hsrp,
    /// CARP.
    Carp,
    /// GLBP.
    Glbp,
}

impl Simulated {
    /// All of them.
    pub const ALL: [Simulated; 4] = [Simulated::Vrrp, Simulated::Hsrp, Simulated::Carp, Simulated::Glbp];

    /// The word in configuration files and listings.
    pub const fn name(self) -> &'static str {
        match self {
            Simulated::Vrrp => "vrrp",
            Simulated::Hsrp => "hsrp",
            Simulated::Carp => "carp",
            Simulated::Glbp => "glbp",
        }
    }

    /// What the `number`th group of a seed is of: mostly all are of one, sometimes one stands beside the other.
    fn of(seed: u64, number: u8) -> Simulated {
        match (noise(seed, [17, 0, 0]) % 16, number % 2) {
            (0..=2, _) | (12, 0) | (13, 1) => Simulated::Vrrp,
            (3..=5, _) | (13, 0) | (14, 1) => Simulated::Hsrp,
            (6..=8, _) | (14, 0) | (15, 1) => Simulated::Carp,
            (_, _) => Simulated::Glbp,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits { least_routers: 2, most_routers: super::scenario::MOST_ROUTERS as u64, protocol: None }
    }
}

/// The scenario of a seed.
pub fn scenario(seed: u64, limits: &Limits) -> Scenario {
    let mut dice = Dice::new(seed);
    let noise = dice.any();
    let usual = dice.one_of(&[2, 2, 3, 3, 3, 4, 5, 6, 7, 8]);
    let count = usual.clamp(limits.least_routers, limits.most_routers) as usize;
    let two_switches = dice.percent(60);
    let routers = routers(&mut dice, count, two_switches);
    let protocol = |number| limits.protocol.unwrap_or_else(|| Simulated::of(seed, number));
    let pace = vrrp::generate::pace(&mut dice);
    let number_of_groups = if dice.percent(15) { 2 } else { 1 };
    let groups: Vec<Group> = match protocol(0) {
        Simulated::Carp if dice.percent(20) => {
            carp::generate::sharing(&mut dice, count).into_iter().map(Group::Carp).collect()
        }
        Simulated::Vrrp | Simulated::Hsrp | Simulated::Carp | Simulated::Glbp => {
            let mut standby_pace = None;
            let of = |number| match protocol(number) {
                Simulated::Vrrp => Group::Vrrp(vrrp::generate::setup(&mut dice, number, count, pace)),
                Simulated::Hsrp => {
                    let pace = *standby_pace.get_or_insert_with(|| hsrp::generate::pace(&mut dice));
                    Group::Hsrp(hsrp::generate::setup(&mut dice, number, count, pace))
                }
                Simulated::Carp => Group::Carp(carp::generate::setup(&mut dice, number, count)),
                Simulated::Glbp => Group::Glbp(glbp::generate::setup(&mut dice, number, count)),
            };
            (0..number_of_groups).map(of).collect()
        }
    };
    // Microseconds of the longest interval: the measure of everything that happens.
    let unit = groups.iter().map(Group::longest_interval_us).max().unwrap_or(1_000_000);
    let hosts = (0..dice.below(3)).map(|_| Host {
        group: dice.below(groups.len() as u64) as usize,
        every_us: dice.between(unit / 2, unit),
        far: two_switches && dice.percent(40),
    });
    let hosts = hosts.collect();
    let network = Network { delay_us: dice.between(5, 200), jitter_us: dice.below(200) };
    let mut script =
        Script { dice: &mut dice, count, groups: &groups, unit, two_switches, deeds: Vec::new() };
    script.write();
    let mut deeds = script.deeds;
    deeds.sort_by_key(|deed| deed.at_us);
    Scenario { noise, network, routers, groups, hosts, deeds, lost: Vec::new() }
}

fn routers(dice: &mut Dice, count: usize, two_switches: bool) -> Vec<Router> {
    let mut routers: Vec<Router> = Vec::new();
    while routers.len() < count {
        let address = dice.between(2, 199) as u8;
        if routers.iter().any(|router| router.address == address) {
            continue;
        }
        let drift = if dice.percent(10) { 10_000 } else { 100 };
        routers.push(Router {
            address,
            drift_ppm: dice.below(2 * drift + 1) as i64 - drift as i64,
            clock_us: dice.below(1 << 40),
            lateness_us: dice.between(20, 400),
            kernel_us: dice.between(100, 3_000),
            far: two_switches && dice.percent(40),
        });
    }
    routers
}

/// What happens, being thought up.
struct Script<'a> {
    dice: &'a mut Dice,
    count: usize,
    groups: &'a [Group],
    unit: u64,
    two_switches: bool,
    deeds: Vec<Deed>,
}

impl Script<'_> {
    fn write(&mut self) {
        let together = self.dice.percent(40);
        for router in 0..self.count {
            let at = if together { self.dice.below(1_000) } else { self.dice.below(4 * self.unit) };
            self.machine(at, router, MachineDeed::Start);
        }
        let mut now = match self.groups.iter().any(|group| matches!(group, Group::Hsrp(_) | Group::Glbp(_))) {
            // An election takes two hold times; what happens, happens in it and afterwards.
            true => self.dice.one_of(&[2, 5, 8, 12, 18]) * self.unit,
            false => 4 * self.unit,
        };
        for _ in 0..self.dice.below(9) {
            now += match self.dice.below(10) {
                0..=2 => self.dice.below(self.unit / 2),
                3..=7 => self.dice.between(self.unit / 2, 5 * self.unit),
                _ => self.dice.between(10 * self.unit, 20 * self.unit),
            };
            self.something(now);
        }
    }

    fn at(&mut self, at_us: u64, for_us: u64, what: What) {
        self.deeds.push(Deed { at_us, for_us, what });
    }

    fn machine(&mut self, at_us: u64, router: usize, deed: MachineDeed) {
        self.at(at_us, 0, What::Machine { router, deed });
    }

    /// Something, and what makes it good again after a while, most of the time.
    fn something(&mut self, now: u64) {
        let router = self.dice.below(self.count as u64) as usize;
        let group = self.dice.below(self.groups.len() as u64) as usize;
        let for_us = match self.dice.below(4) {
            0 => self.dice.between(self.unit / 10, self.unit),
            1 | 2 => self.dice.between(self.unit, 5 * self.unit),
            _ => self.dice.between(4 * self.unit, 9 * self.unit),
        };
        // Where messages are sealed, somebody will try.
        if self.groups[group].is_sealed() && self.dice.percent(20) {
            return self.hostile(now, group);
        }
        let later = now + for_us;
        let again = self.dice.percent(85);
        match self.dice.below(100) {
            0..=9 => {
                self.and_back(now, router, MachineDeed::Kill, later, again.then_some(MachineDeed::Start))
            }
            10..=17 => {
                self.and_back(now, router, MachineDeed::PowerCut, later, again.then_some(MachineDeed::Start));
            }
            18..=25 => {
                self.and_back(now, router, MachineDeed::Stop, later, again.then_some(MachineDeed::Start))
            }
            26..=32 => self.at(now, for_us, What::Machine { router, deed: MachineDeed::Freeze }),
            33..=39 => {
                self.and_back(now, router, MachineDeed::Unplug, later, again.then_some(MachineDeed::Plug))
            }
            40..=44 => {
                self.and_back(now, router, MachineDeed::Cut, later, again.then_some(MachineDeed::Mend))
            }
            45..=63 => self.network_fault(now, for_us, router),
            64..=74 => self.machine_fault(now, for_us, router),
            75..=90 => {
                let deed = self.for_a_member(group, router);
                self.at(now, 0, What::Member { router, group, deed });
            }
            _ => self.hostile(now, group),
        }
    }

    fn and_back(
        &mut self,
        now: u64,
        router: usize,
        deed: MachineDeed,
        later: u64,
        back: Option<MachineDeed>,
    ) {
        self.machine(now, router, deed);
        if let Some(back) = back {
            self.machine(later, router, back);
        }
    }

    fn network_fault(&mut self, now: u64, for_us: u64, router: usize) {
        let deed = match self.dice.below(18) {
            0..=4 => {
                let to = (router + 1 + self.dice.below(self.count as u64 - 1) as usize) % self.count;
                return self.at(now, for_us, What::OneWay { from: router, to });
            }
            5..=9 if self.two_switches => NetworkDeed::Partition,
            5..=12 => NetworkDeed::Loss { percent: self.dice.between(5, 95) as u8 },
            13..=15 => NetworkDeed::Duplicate { percent: self.dice.between(5, 100) as u8 },
            _ => NetworkDeed::Reorder { jitter_us: self.dice.between(self.unit / 10, 2 * self.unit) },
        };
        self.at(now, for_us, What::Network(deed));
    }

    fn machine_fault(&mut self, now: u64, for_us: u64, router: usize) {
        let long = self.dice.between(self.unit / 10, 2 * self.unit);
        let seconds = self.unit >= 1_000_000;
        let mut fault = |for_us, deed| self.at(now, for_us, What::Machine { router, deed });
        match long % 16 {
            0..=5 => fault(for_us, MachineDeed::SlowCpu { lateness_us: long }),
            6..=9 => {
                fault(for_us, MachineDeed::SlowCpu { lateness_us: long });
                fault(for_us, MachineDeed::ShortQueue { frames: (long % 3) as usize });
            }
            // What is refused is tried again after seconds; with short intervals that is an eternity.
            10 | 11 if seconds => fault(for_us.min(6_000_000), MachineDeed::KernelRefuses),
            _ => fault(for_us, MachineDeed::SlowKernel { latency_us: long }),
        }
    }

    fn for_a_member(&mut self, group: usize, router: usize) -> MemberDeed {
        match self.dice.below(16) {
            0..=5 => MemberDeed::Penalty { amount: self.dice.one_of(&[0, 5, 10, 30, 50, 100, 300]) },
            6..=10 => {
                let member = match &self.groups[group] {
                    Group::Vrrp(setup) => Member::Vrrp(vrrp::generate::changed(self.dice, setup, router)),
                    Group::Hsrp(setup) => Member::Hsrp(hsrp::generate::changed(self.dice, setup, router)),
                    Group::Carp(setup) => Member::Carp(carp::generate::changed(self.dice, setup, router)),
                    Group::Glbp(setup) => Member::Glbp(glbp::generate::changed(self.dice, setup, router)),
                };
                MemberDeed::Reload { member }
            }
            11 | 14 if matches!(self.groups[group], Group::Carp(_)) => MemberDeed::TakeOver,
            11..=13 => MemberDeed::HandOver,
            14 => MemberDeed::Ready,
            _ => MemberDeed::Announce,
        }
    }

    /// A station that should not be there, for a few frames.
    fn hostile(&mut self, now: u64, group: usize) {
        for _ in 0..self.dice.between(1, 6) {
            let at = now + self.dice.below(3 * self.unit);
            let deed = match self.dice.below(6) {
                1 if matches!(self.groups[group], Group::Carp(_)) => {
                    StrangerDeed::Alter { frames_ago: self.dice.below(60) as usize }
                }
                0 | 1 => StrangerDeed::Replay { frames_ago: self.dice.below(60) as usize },
                2 => StrangerDeed::Forge { kind: Forgery::Claim },
                3 => StrangerDeed::Forge { kind: Forgery::Goodbye },
                4 => {
                    let foreign = match &self.groups[group] {
                        Group::Vrrp(_) | Group::Carp(_) | Group::Glbp(_) => Forgery::FromAfar,
                        Group::Hsrp(_) => Forgery::OtherVersion,
                    };
                    StrangerDeed::Forge { kind: self.dice.one_of(&[foreign, Forgery::Garbage]) }
                }
                _ => StrangerDeed::Forge { kind: Forgery::Flipped },
            };
            self.at(at, 0, What::Stranger { group, deed });
        }
    }
}
