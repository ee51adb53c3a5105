//! What must be true of the LAN as a whole.
//!
//! The watch knows when the LAN was last disturbed, and from the configuration how long it may take to come to
//! rest. From then on everything must be in order, and stay so, until the next deed.

use std::time::Duration;

use super::{Event, World};
use crate::sim::clock::Moment;
use crate::sim::invariant::{Breach, Invariant, Violation};
use crate::sim::rules::{Conditions, Rules};
use crate::sim::scenario::{MOST_ROUTERS, MachineDeed, Scenario, What, router_name};
use crate::sim::segment::Segment;

/// What is known of the LAN.
pub(super) struct Watch {
    conditions: Conditions,
    /// The largest drift of a clock, in parts in a million, both ways.
    drift: u32,
    /// Until when something was being done to it.
    pub(super) disturbed: Moment,
    /// When the last deed is over.
    last_deed: Moment,
    /// Whether it has come to rest, and since when.
    pub(super) settled: bool,
    settled_at: Moment,
    /// For each group, who holds what it is about, one bit each; and when that last changed.
    holders: Vec<u32>,
    changed_at: Vec<Moment>,
    /// For each group and pair of routers, since when both hold.
    overlaps: Vec<[[Option<Moment>; MOST_ROUTERS]; MOST_ROUTERS]>,
    /// How long a host's packets are not judged after the LAN has settled.
    grace: Moment,
}

impl Watch {
    pub(super) fn new(scenario: &Scenario, rules: &[Box<dyn Rules>]) -> Self {
        let routers = || scenario.routers.iter();
        let refuses = |what: &What| matches!(what, What::Machine { deed: MachineDeed::KernelRefuses, .. });
        let refusals = scenario.deeds.iter().filter(|deed| refuses(&deed.what));
        let us = Duration::from_micros;
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
            disturbed: 0,
            last_deed: over.max().unwrap_or_default(),
            settled: false,
            settled_at: 0,
            holders: vec![0; rules.len()],
            changed_at: vec![0; rules.len()],
            overlaps: vec![[[None; MOST_ROUTERS]; MOST_ROUTERS]; rules.len()],
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
        self.watch.settled = false;
        self.watch.disturbed = self.watch.disturbed.max(self.now + lasts);
        self.schedule(self.watch.disturbed + self.bound(), Event::Look);
    }

    /// How long the LAN may take to come to rest.
    fn bound(&self) -> u64 {
        let bounds = self.rules.iter().map(|rules| rules.settles_in(&self.watch.conditions));
        self.watch.by_any_clock(bounds.max().unwrap_or_default())
    }

    /// When the run is over: everything has settled, and has stayed so for a while.
    pub(super) fn ends_at(&self) -> Moment {
        let bound = self.bound();
        self.watch.disturbed.max(self.watch.last_deed) + bound + bound / 4 + 2 * self.watch.grace
    }

    /// Whether a router takes part, so that it can be the one.
    fn takes_part(&self, router: usize) -> bool {
        let machine = &self.machines[router];
        let stopping = machine.daemon.as_ref().is_none_or(|daemon| daemon.stopping);
        !stopping && machine.runs() && machine.carrier
    }

    /// Looks who holds what, after anything that may have changed it.
    pub(super) fn holders_change(&mut self) {
        let now = self.now;
        for group in 0..self.rules.len() {
            let holds = |router: &usize| self.machines[*router].holds(now, group);
            let holders = (0..self.machines.len()).filter(holds).fold(0, |bits, router| bits | 1 << router);
            if self.watch.holders[group] != holders {
                self.watch.holders[group] = holders;
                self.watch.changed_at[group] = now;
            }
        }
        for group in 0..self.rules.len() {
            let holders = self.watch.holders[group];
            for one in 0..self.machines.len() {
                for other in 0..one {
                    let both = holders & (1 << one) != 0
                        && holders & (1 << other) != 0
                        && self.takes_part(one)
                        && self.takes_part(other)
                        && self.segment.connected(one, other);
                    let since = &mut self.watch.overlaps[group][one][other];
                    *since = both.then(|| since.unwrap_or(now));
                }
            }
        }
    }

    /// Two holders that hear each other have been there for too long by `next`.
    pub(super) fn overdue(&mut self, next: Moment) -> Result<(), Violation> {
        for group in 0..self.rules.len() {
            if self.watch.holders[group].count_ones() < 2 {
                continue;
            }
            let bound = self.watch.by_any_clock(self.rules[group].overlaps_for(&self.watch.conditions));
            for one in 0..self.machines.len() {
                for other in 0..one {
                    let Some(since) = self.watch.overlaps[group][one][other] else { continue };
                    let until = since.max(self.watch.disturbed) + bound;
                    if until < next {
                        self.now = until;
                        let (one, other) = (router_name(one), router_name(other));
                        let what = format!(
                            "{other} and {one} both hold, since {:?} ago, and hear each other",
                            Duration::from_nanos(until - since)
                        );
                        return Err(self.breaks(
                            None,
                            Some(group),
                            Breach::new(Invariant::ShortOverlap, what),
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks at the LAN, if nothing has disturbed it for long enough.
    pub(super) fn looks(&mut self) -> Result<(), Violation> {
        self.holders_change();
        if self.now < self.watch.disturbed + self.bound() {
            return Ok(());
        }
        for group in 0..self.rules.len() {
            self.looks_at(group)?;
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
    fn looks_at(&self, group: usize) -> Result<(), Violation> {
        let mut left: Vec<usize> =
            (0..self.machines.len()).filter(|router| self.takes_part(*router)).collect();
        while let Some(first) = left.first().copied() {
            let (part, others): (Vec<usize>, Vec<usize>) = left
                .into_iter()
                .partition(|router| *router == first || self.segment.connected(first, *router));
            left = others;
            let holders: Vec<usize> =
                part.iter().copied().filter(|router| self.machines[*router].holds(self.now, group)).collect();
            let broken = |breach| Err(self.breaks(None, Some(group), breach));
            match holders.as_slice() {
                [holder] => {
                    if let Err(breach) = self.rules[group].elects(*holder, &part) {
                        return broken(breach);
                    }
                }
                [] => {
                    let what = format!("nobody holds, of {}", names(&part));
                    return broken(Breach::new(Invariant::OneHolder, what));
                }
                several => {
                    let what = format!("{} hold at once", names(several));
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

    /// A router forwards a host's packet.
    pub(super) fn forwarded(&mut self, router: usize, host: usize, number: u64) -> Result<(), Violation> {
        let group = self.hosts[host].setup.group;
        let packet = &mut self.hosts[host].packet;
        if packet.number != number {
            return Ok(());
        }
        let twice = packet.by & !(1 << router) != 0;
        packet.by |= 1 << router;
        let moved = self.watch.changed_at[group] >= packet.sent_at;
        if twice && !moved && self.watch.holders[group].count_ones() == 1 {
            let what = format!("packet {number} of host {} is forwarded twice", host + 1);
            return Err(self.breaks(Some(router), Some(group), Breach::new(Invariant::ForwardedOnce, what)));
        }
        Ok(())
    }

    /// A host is about to send the next packet: the last one has had its time.
    pub(super) fn judge_packet(&mut self, number: usize) -> Result<(), Violation> {
        let host = &self.hosts[number];
        let calm = self.watch.settled
            && self.now >= self.watch.settled_at + self.watch.grace
            && self.watch.disturbed <= self.now;
        let port = self.machines.len() + number;
        let reaches = |router: usize| self.takes_part(router) && self.segment.connected(port, router);
        if !calm || !(0..self.machines.len()).any(reaches) || host.packet.by.count_ones() == 1 {
            return Ok(());
        }
        let what = match host.packet.number {
            0 => format!("host {} has asked, and nobody answers", number + 1),
            packet => format!("packet {packet} of host {} is forwarded by nobody", number + 1),
        };
        let group = host.setup.group;
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
