//! What must be true of the LAN as a whole.
//!
//! The watch knows when the LAN was last disturbed, and from the configuration how long it may take to come to
//! rest. From then on everything must be in order, and stay so, until the next deed.

use std::time::Duration;

use fhrp::Mac;

use super::{Event, World};
use crate::sim::clock::Moment;
use crate::sim::invariant::{Breach, Invariant, Violation};
use crate::sim::rules::{Conditions, Duty, Rules};
use crate::sim::scenario::{MOST_ROUTERS, MachineDeed, Scenario, What, router_name};
use crate::sim::segment::Segment;

/// What is known of the LAN.
pub(super) struct Watch {
    conditions: Conditions,
    /// The largest drift of a clock, in parts in a million, both ways.
    drift: u32,
    /// How long it may take to come to rest, with the settings there are.
    bound: Moment,
    /// Until when something was being done to it.
    pub(super) disturbed: Moment,
    /// When the last deed is over.
    last_deed: Moment,
    /// Whether it has come to rest, and since when.
    pub(super) settled: bool,
    settled_at: Moment,
    /// What has to be done by exactly one.
    duties: Vec<Watched>,
    /// How long a host's packets are not judged after the LAN has settled.
    grace: Moment,
}

/// A duty, and who does it.
struct Watched {
    group: usize,
    duty: Duty,
    /// The routers that do it, one bit each; and when that last changed.
    holders: u32,
    changed_at: Moment,
    /// For each pair of routers, since when both do it and hear each other.
    overlaps: [[Option<Moment>; MOST_ROUTERS]; MOST_ROUTERS],
}

impl Watched {
    fn new(group: usize, duty: Duty) -> Self {
        let overlaps = [[None; MOST_ROUTERS]; MOST_ROUTERS];
        Watched { group, duty, holders: 0, changed_at: 0, overlaps }
    }
}

impl Watch {
    pub(super) fn new(scenario: &Scenario, rules: &[Box<dyn Rules>]) -> Self {
        let routers = || scenario.routers.iter();
        let refuses = |what: &What| matches!(what, What::Machine { deed: MachineDeed::KernelRefuses, .. });
        let refusals = scenario.deeds.iter().filter(|deed| refuses(&deed.what));
        let us = Duration::from_micros;
        let of_group = |(group, rules): (usize, &dyn Rules)| {
            rules.duties().into_iter().map(move |duty| Watched::new(group, duty))
        };
        let duties = rules.iter().map(AsRef::as_ref).enumerate().flat_map(of_group);
        let conditions = Conditions {
            delay: us(Segment::longest_us(&scenario.network)),
            lateness: us(routers().map(|router| router.lateness_us).max().unwrap_or_default()),
            kernel: us(routers().map(|router| router.kernel_us).max().unwrap_or_default()),
            refused_for: us(refusals.map(|deed| deed.for_us).sum()),
        };
        let drift = routers().map(|router| router.drift_ppm.unsigned_abs()).max().unwrap_or_default();
        let every = scenario.hosts.iter().map(|host| host.every_us * 1_000).max().unwrap_or_default();
        let over = scenario.deeds.iter().map(|deed| (deed.at_us + deed.for_us) * 1_000);
        Watch {
            conditions,
            drift: u32::try_from(2 * drift).unwrap_or(u32::MAX),
            bound: 0,
            disturbed: 0,
            last_deed: over.max().unwrap_or_default(),
            settled: false,
            settled_at: 0,
            duties: duties.collect(),
            grace: 8 * every,
        }
    }

    /// As long by the slowest clock.
    fn by_any_clock(&self, span: Duration) -> Moment {
        let span = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        span + span / 1_000_000 * u64::from(self.drift) + 1
    }
}

impl World<'_> {
    /// Something is being done, for so many nanoseconds.
    pub(super) fn disturb(&mut self, lasts: u64) {
        let bounds = self.rules.iter().map(|rules| rules.settles_in(&self.watch.conditions));
        self.watch.bound = self.watch.by_any_clock(bounds.max().unwrap_or_default());
        self.watch.settled = false;
        self.watch.disturbed = self.watch.disturbed.max(self.now + lasts);
        self.schedule(self.watch.disturbed + self.watch.bound, Event::Look);
    }

    /// When the run is over: everything has settled, and has stayed so for a while.
    pub(super) fn ends_at(&self) -> Moment {
        let bound = self.watch.bound;
        self.watch.disturbed.max(self.watch.last_deed) + bound + bound / 4 + 2 * self.watch.grace
    }

    /// Whether a router takes part, so that it can be the one.
    fn takes_part(&self, router: usize) -> bool {
        let machine = &self.machines[router];
        let stopping = machine.daemon.as_ref().is_none_or(|daemon| daemon.stopping);
        !stopping && machine.runs() && machine.carrier
    }

    /// Whether a router does a group's duty.
    fn does_duty(&self, router: usize, group: usize, duty: &Duty) -> bool {
        self.machines[router].does(self.now, group, duty) && self.rules[group].performs(router, duty)
    }

    /// Looks who does what, after anything that may have changed it.
    pub(super) fn holders_change(&mut self) {
        let (now, routers) = (self.now, self.machines.len());
        for place in 0..self.watch.duties.len() {
            let watched = &self.watch.duties[place];
            let does = |router: &usize| self.does_duty(*router, watched.group, &watched.duty);
            let holders = (0..routers).filter(does).fold(0_u32, |bits, router| bits | 1 << router);
            let both = |one: usize, other: usize| {
                holders & (1 << one) != 0
                    && holders & (1 << other) != 0
                    && self.takes_part(one)
                    && self.takes_part(other)
                    && self.segment.connected(one, other)
            };
            let mut overlaps = watched.overlaps;
            if holders.count_ones() > 1 || watched.holders.count_ones() > 1 {
                for (one, with) in overlaps.iter_mut().enumerate().take(routers) {
                    for (other, since) in with.iter_mut().enumerate().take(one) {
                        *since = both(one, other).then(|| since.unwrap_or(now));
                    }
                }
            }
            let watched = &mut self.watch.duties[place];
            watched.overlaps = overlaps;
            if watched.holders != holders {
                watched.holders = holders;
                watched.changed_at = now;
            }
        }
    }

    /// Two that do the same and hear each other have been there for too long by `next`.
    pub(super) fn overdue(&mut self, next: Moment) -> Result<(), Violation> {
        for watched in self.watch.duties.iter().filter(|watched| watched.holders.count_ones() > 1) {
            let overlap = self.rules[watched.group].overlaps_for(&self.watch.conditions);
            let bound = self.watch.by_any_clock(overlap);
            for (one, with) in watched.overlaps.iter().enumerate() {
                for (other, since) in with.iter().enumerate() {
                    let Some(since) = *since else { continue };
                    let until = since.max(self.watch.disturbed) + bound;
                    if until >= next {
                        continue;
                    }
                    let (one, other) = (router_name(one), router_name(other));
                    let what = format!(
                        "{other} and {one} are both {}, for {:?} already, and hear each other",
                        watched.duty,
                        Duration::from_nanos(until - since)
                    );
                    let group = watched.group;
                    self.now = until;
                    return Err(self.breaks(None, Some(group), Breach::new(Invariant::ShortOverlap, what)));
                }
            }
        }
        Ok(())
    }

    /// Looks at the LAN, if nothing has disturbed it for long enough.
    pub(super) fn looks(&mut self) -> Result<(), Violation> {
        self.holders_change();
        if self.now < self.watch.disturbed + self.watch.bound {
            return Ok(());
        }
        for place in 0..self.watch.duties.len() {
            self.looks_at(place)?;
        }
        for router in 0..self.machines.len() {
            self.looks_for_leftovers(router)?;
        }
        if !self.watch.settled {
            self.watch.settled = true;
            self.watch.settled_at = self.now;
            self.stats.settled += 1;
        }
        Ok(())
    }

    /// In each part of the network that hangs together: exactly one, and the right one.
    fn looks_at(&self, place: usize) -> Result<(), Violation> {
        let Watched { group, duty, .. } = self.watch.duties[place];
        let mut left: Vec<usize> =
            (0..self.machines.len()).filter(|router| self.takes_part(*router)).collect();
        while let Some(first) = left.first().copied() {
            let (part, others): (Vec<usize>, Vec<usize>) = left
                .into_iter()
                .partition(|router| *router == first || self.segment.connected(first, *router));
            left = others;
            let holders: Vec<usize> =
                part.iter().copied().filter(|router| self.does_duty(*router, group, &duty)).collect();
            let broken = |breach| Err(self.breaks(None, Some(group), breach));
            if let Err(breach) = self.rules[group].agrees(&part) {
                return broken(breach);
            }
            match holders.as_slice() {
                [holder] => {
                    if let Err(breach) = self.rules[group].elects(&duty, *holder, &part) {
                        return broken(breach);
                    }
                }
                [] if !part.iter().any(|router| self.rules[group].is_able(&duty, *router)) => {}
                [] => {
                    let what = format!("of {}, nobody is {duty}", names(&part));
                    return broken(Breach::new(Invariant::OneHolder, what));
                }
                several => {
                    let what = format!("{} are all {duty}", names(several));
                    return broken(Breach::new(Invariant::OneHolder, what));
                }
            }
        }
        Ok(())
    }

    /// Who has no daemon, no carrier, or stands still, holds nothing.
    fn looks_for_leftovers(&self, router: usize) -> Result<(), Violation> {
        let machine = &self.machines[router];
        let left = machine.daemon.is_none() && machine.kernel.iter().any(|held| !held.is_empty());
        let holds = (0..self.rules.len()).any(|group| machine.holds(self.now, group));
        if left || (holds && !self.takes_part(router)) {
            let what = "holds something, though it takes no part any more".to_owned();
            return Err(self.breaks(Some(router), None, Breach::new(Invariant::Leaving, what)));
        }
        Ok(())
    }

    /// A router forwards a host's packet to this MAC. Two may do it while the role moves, and not otherwise.
    pub(super) fn forwarded(
        &mut self,
        router: usize,
        host: usize,
        number: u64,
        to: Mac,
    ) -> Result<(), Violation> {
        let group = self.hosts[host].setup.group;
        let packet = &mut self.hosts[host].packet;
        if packet.number != number {
            return Ok(());
        }
        let twice = packet.by & !(1 << router) != 0;
        packet.by |= 1 << router;
        let sent_at = packet.sent_at;
        let mut duties = self.watch.duties.iter().filter(|watched| watched.duty.is_of(to));
        if twice && duties.all(|watched| watched.changed_at < sent_at && watched.holders.count_ones() == 1) {
            let what = format!("packet {number} of host {} is forwarded twice", host + 1);
            let breach = Breach::new(Invariant::ForwardedOnce, what);
            return Err(self.breaks(Some(router), Some(group), breach));
        }
        Ok(())
    }

    /// A host is about to send the next packet: the last one has had its time.
    pub(super) fn judge_packet(&mut self, number: usize) -> Result<(), Violation> {
        let host = &self.hosts[number];
        let calm = host.has_begun
            && self.watch.settled
            && self.now >= self.watch.settled_at + self.watch.grace
            && self.watch.disturbed <= self.now;
        let port = self.machines.len() + number;
        let group = host.setup.group;
        let reaches = |router: usize| {
            self.takes_part(router)
                && self.segment.connected(port, router)
                && self.rules[group].is_able(&Duty::Answer(host.gateway), router)
        };
        if !calm || !(0..self.machines.len()).any(reaches) || host.packet.by.count_ones() == 1 {
            return Ok(());
        }
        let what = match host.packet.number {
            0 => format!("host {} has asked, and nobody answers", number + 1),
            packet => format!("packet {packet} of host {} is forwarded by nobody", number + 1),
        };
        Err(self.breaks(None, Some(group), Breach::new(Invariant::Reachable, what)))
    }

    /// The end: the LAN must have settled.
    pub(super) fn concludes(&mut self) -> Result<(), Violation> {
        self.looks()?;
        if self.watch.settled {
            return Ok(());
        }
        let what = "the LAN has not come to rest".to_owned();
        Err(self.breaks(None, None, Breach::new(Invariant::OneHolder, what)))
    }
}

fn names(routers: &[usize]) -> String {
    routers.iter().map(|router| router_name(*router)).collect::<Vec<_>>().join(" and ")
}
