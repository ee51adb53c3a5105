//! A turn of a router's daemon, in the order of the real event loop.

use std::rc::Rc;

use super::{Event, World};
use crate::engine::troubles::Trouble;
use crate::engine::{Delivery, Effect, GroupIndex, Now};
use crate::net::frame;
use crate::net::neighbour::{self, Asked};
use crate::sim::clock::Moment;
use crate::sim::dice::noise_below;
use crate::sim::invariant::{Breach, Invariant, Violation};
use crate::sim::machine::{Daemon, Grant, LINK, Order};
use crate::sim::record::LineKind;
use crate::sim::rules::{Heard, Replays, Step, Turn};
use crate::sim::segment::{Frame, Port, Sense};
use fhrp::{Holdings, Note};

impl World<'_> {
    pub(super) fn turn(&mut self, router: usize) -> Result<(), Violation> {
        // The daemon is taken out of its machine for the turn, so that both can be worked on.
        let Some(mut daemon) = self.machines[router].daemon.take() else { return Ok(()) };
        self.stats.turns += 1;
        daemon.wake = None;
        let now = self.machines[router].now(self.now);
        let answered = !daemon.grants.is_empty();
        let mut effects = std::mem::take(&mut self.effects);
        effects.clear();
        let judged = self.steps(router, &mut daemon, now, &mut effects);
        let opens = std::mem::replace(&mut self.machines[router].gate_closed, false);
        let judged = judged.and_then(|()| self.judges_turn(router, &daemon, now, &effects));
        // What it says may tell what it does, and may have waited for the kernel.
        let moved = answered || transitions(&effects) > 0;
        self.machines[router].daemon = Some(daemon);
        if opens {
            // What had lapsed is in force again, until the kernel is told otherwise.
            self.holders_change();
        }
        self.performs(router, &mut effects);
        self.effects = effects;
        self.shows(router);
        if moved {
            self.holders_change();
        }
        self.ends_turn(router);
        judged
    }

    fn steps(
        &mut self,
        router: usize,
        daemon: &mut Daemon,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        while let Some((arrived, frame)) = daemon.queue.pop_front() {
            self.reads(router, daemon, now, arrived, &frame, effects)?;
        }
        while let Some(grant) = daemon.grants.pop_front() {
            let Grant { group, ticket, result, .. } = grant;
            let latest = latest_wish(effects, daemon.groups[group]).unwrap_or(daemon.tickets[group]);
            if latest == ticket {
                self.rules[group].granted(router, now.monotonic, result.is_ok());
            }
            let before = effects.len();
            daemon.engine.held(now, daemon.groups[group], ticket, result, effects);
            self.came(router, daemon, now, effects, before)?;
        }
        while let Some(order) = daemon.orders.pop_front() {
            let before = effects.len();
            self.obeys(router, daemon, now, order, effects);
            self.came(router, daemon, now, effects, before)?;
        }
        if let Some(span) = daemon.stood_still.take() {
            for rules in &mut self.rules {
                rules.stood_still(router, now.monotonic, span);
            }
            let before = effects.len();
            daemon.engine.stalled(now, span, effects);
            self.came(router, daemon, now, effects, before)?;
        }
        daemon.engine.tick(now, effects);
        Ok(())
    }

    /// Each group's rules look at what came of what the router was told last.
    fn came(
        &mut self,
        router: usize,
        daemon: &Daemon,
        now: Now,
        effects: &[Effect],
        before: usize,
    ) -> Result<(), Violation> {
        for (group, index) in daemon.groups.iter().enumerate() {
            let step = Step { now: now.monotonic, wall: now.wall, effects, before, index: *index };
            let verdict = self.rules[group].came(router, &step);
            verdict.map_err(|breach| self.breaks(Some(router), Some(group), breach))?;
        }
        Ok(())
    }

    fn reads(
        &mut self,
        router: usize,
        daemon: &mut Daemon,
        now: Now,
        arrived: Moment,
        frame: &Rc<Frame>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let at = self.machines[router].clock.shows(arrived);
        let before = effects.len();
        match &frame.sense {
            Sense::Packet { .. } => {}
            Sense::Question { .. } | Sense::Answer { .. } => {
                self.is_asked(router, daemon, now, frame, effects)?;
            }
            Sense::Message { group, said } => {
                let Ok(received) = frame::parse(&frame.octets, at) else { return Ok(()) };
                let delivery = daemon.engine.receive(now, LINK, &received, effects);
                let Some(said) = said else { return Ok(()) };
                let index = daemon.groups[*group];
                let refused = delivery != Delivery::To(index) || is_refused(&effects[before..], index);
                if !refused {
                    let latest = &mut daemon.obeyed[*group][frame.origin];
                    *latest = (*latest).max(frame.number);
                }
                let step = Step { now: now.monotonic, wall: now.wall, effects, before, index };
                let heard = Heard { at, said, refused, step };
                let verdict = self.rules[*group].heard(router, &heard);
                verdict.map_err(|breach| self.breaks(Some(router), Some(*group), breach))?;
            }
            Sense::Hostile { group, said, repeats } => {
                let Ok(received) = frame::parse(&frame.octets, at) else { return Ok(()) };
                let index = daemon.groups[*group];
                let obeyed = self.rules[*group].replays() == Replays::Obeyed;
                if repeats.is_some_and(|repeated| obeyed || !is_known(daemon, *group, repeated)) {
                    // It never heard the original, or has nothing to know it by: to this router it is a late message
                    // like any other.
                    let delivery = daemon.engine.receive(now, LINK, &received, effects);
                    let (Some(said), Some((origin, number))) = (said, *repeats) else { return Ok(()) };
                    let refused = delivery != Delivery::To(index) || is_refused(&effects[before..], index);
                    if !refused {
                        let latest = &mut daemon.obeyed[*group][origin];
                        *latest = (*latest).max(number);
                    }
                    let step = Step { now: now.monotonic, wall: now.wall, effects, before, index };
                    let heard = Heard { at, said, refused, step };
                    let verdict = self.rules[*group].heard(router, &heard);
                    return verdict.map_err(|breach| self.breaks(Some(router), Some(*group), breach));
                }
                let unharmed = shown(daemon, now, index);
                daemon.engine.receive(now, LINK, &received, effects);
                let same = shown(daemon, now, index) == unharmed;
                let silent = effects[before..].iter().all(|effect| matches!(effect, Effect::Note { note, .. } if !matches!(note, Note::Transition { .. })));
                if !same || !silent {
                    let what = "a frame that must be refused has changed something".to_owned();
                    return Err(self.breaks(
                        Some(router),
                        Some(*group),
                        Breach::new(Invariant::Forgery, what),
                    ));
                }
                self.stats.refused += 1;
            }
        }
        Ok(())
    }

    /// ARP and ND, read as the daemon reads them: a question is answered if the address is held.
    fn is_asked(
        &mut self,
        router: usize,
        daemon: &mut Daemon,
        now: Now,
        frame: &Frame,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let asked = match neighbour::parse_solicitation(&frame.octets) {
            Some(Asked::Arp(solicitation) | Asked::Neighbour { solicitation, .. }) => solicitation,
            Some(Asked::Router { .. }) | None => return Ok(()),
        };
        let before = effects.len();
        let Some(reply) = daemon.engine.solicited(now, LINK, &asked, effects) else { return Ok(()) };
        let kernel = &self.machines[router].kernel;
        if !kernel.iter().any(|held| held.addresses.contains_key(&asked.target)) {
            let what = format!("answers for {}, which its kernel does not hold", asked.target);
            return Err(self.breaks(Some(router), None, Breach::new(Invariant::Obligations, what)));
        }
        if let Sense::Question { host } = frame.sense {
            let group = self.hosts[host].setup.group;
            let Now { monotonic, wall } = now;
            let index = daemon.groups[group];
            let step = Step { now: monotonic, wall, effects, before, index };
            let verdict = self.rules[group].answered(router, &step, reply.mac);
            verdict.map_err(|breach| self.breaks(Some(router), Some(group), breach))?;
            self.answers(router, reply, asked.target, host);
        }
        Ok(())
    }

    fn obeys(
        &mut self,
        router: usize,
        daemon: &mut Daemon,
        now: Now,
        order: Order,
        effects: &mut Vec<Effect>,
    ) {
        match order {
            Order::Carrier(_) => {
                let besides: Vec<_> =
                    self.rules.iter().flat_map(|rules| rules.own_addresses(router)).collect();
                let link = self.machines[router].link(&besides);
                for rules in &mut self.rules {
                    rules.link(router, now.monotonic, &link);
                }
                daemon.engine.link(now, link, effects);
            }
            Order::Stop => {
                daemon.stopping = true;
                for (rules, group) in self.rules.iter_mut().zip(&daemon.groups) {
                    rules.stop(router, now.monotonic);
                    daemon.engine.stop(now, *group, effects);
                }
            }
            Order::Penalty(group, amount) => {
                self.rules[group].penalty(router, now.monotonic, amount);
                daemon.engine.trouble(now, daemon.groups[group], Trouble::Tracked, amount, effects);
            }
            Order::Reload(group, member) => {
                if let Some(configuration) = self.rules[group].reload(router, now.monotonic, &member) {
                    daemon.engine.reconfigure(now, daemon.groups[group], &*configuration, effects);
                    // Other settings, other bounds.
                    self.disturb(0);
                }
            }
            Order::Command(group, command) => {
                self.rules[group].ordered(router, now.monotonic, command);
                daemon.engine.command(now, daemon.groups[group], command, effects);
            }
        }
    }

    /// Each group's rules look at what was done in the turn.
    fn judges_turn(
        &mut self,
        router: usize,
        daemon: &Daemon,
        now: Now,
        effects: &[Effect],
    ) -> Result<(), Violation> {
        self.stats.transitions += transitions(effects);
        self.judges_announcements(router, daemon, effects)?;
        self.notes(router, daemon, effects);
        let settled = self.watch.settled;
        if settled && transitions(effects) > 0 {
            let what = "changes its state though nothing has happened for long".to_owned();
            return Err(self.breaks(Some(router), None, Breach::new(Invariant::Cause, what)));
        }
        // Its deadlines are looked at afterwards, by the one who arms them; here they are the engine's.
        for (group, index) in daemon.groups.iter().enumerate() {
            let holds = daemon.engine.holdings(*index).is_some_and(|held| !held.is_empty());
            let deadline = daemon.engine.deadline_of(*index);
            let wall = now.wall;
            let turn = Turn { now: now.monotonic, wall, index: *index, effects, holds, deadline, settled };
            let verdict = self.rules[group].turn(router, &turn);
            verdict.map_err(|breach| self.breaks(Some(router), Some(group), breach))?;
        }
        Ok(())
    }

    /// Hosts are told of an address when its frames are taken there, and not before. RFC 9568 §8.1.2.
    fn judges_announcements(
        &self,
        router: usize,
        daemon: &Daemon,
        effects: &[Effect],
    ) -> Result<(), Violation> {
        for effect in effects {
            let Effect::Announce { group, .. } = effect else { continue };
            let number = daemon.groups.iter().position(|index| index == group);
            if number.is_some_and(|number| self.machines[router].kernel[number].is_empty()) {
                let what = "announces what its kernel does not hold".to_owned();
                return Err(self.breaks(Some(router), number, Breach::new(Invariant::Obligations, what)));
            }
        }
        Ok(())
    }

    /// Carries out what the engine asked for: frames and wishes in their order, announcements after them.
    fn performs(&mut self, router: usize, effects: &mut Vec<Effect>) {
        let mut announcements = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Send { datagram, .. } => self.sends(router, &datagram),
                Effect::Hold(wish) => self.wishes(router, wish.group, wish.ticket, wish.holdings),
                Effect::Announce { group, form, .. } => announcements.push((group, form)),
                Effect::LastWill { group, datagrams, .. } => {
                    let number = self.number_of(router, group);
                    if let (Some(daemon), Some(number)) = (&mut self.machines[router].daemon, number) {
                        daemon.wills.insert(number, datagrams);
                    }
                }
                Effect::Note { .. } => {}
            }
        }
        for (group, form) in announcements {
            let own = self.machines[router].mac();
            let held = self.machines[router].daemon.as_ref().and_then(|daemon| daemon.engine.holdings(group));
            let Some(frames) = held.map(|held| neighbour::announcements(held, own, form)) else { continue };
            for announcement in frames {
                let to = fhrp::Mac(announcement.frame[..6].try_into().unwrap_or([0xff; 6]));
                let sense = Sense::Answer { address: announcement.address, mac: announcement.mac };
                self.emits(router, announcement.mac, to, announcement.frame, sense, None);
            }
        }
    }

    /// The kernel is asked, and will answer. It makes one change after the other.
    fn wishes(&mut self, router: usize, index: GroupIndex, ticket: u64, holdings: Holdings) {
        let Some(group) = self.number_of(router, index) else { return };
        let noise = self.scenario.noise;
        let machine = &mut self.machines[router];
        let takes = noise_below(machine.kernel_us * 1_000 + 1, noise, [self.now, router as u64, 14]);
        let at = (self.now + takes).max(machine.kernel_busy_until + 1);
        machine.kernel_busy_until = at;
        let life = machine.lives;
        if let Some(daemon) = &mut machine.daemon {
            daemon.tickets[group] = ticket;
        }
        let grant = Grant { group, ticket, holdings, result: Ok(()) };
        self.schedule(at, Event::Granted(router, life, Box::new(grant)));
    }

    /// What comes after a turn: the next one, or the end of the process.
    fn ends_turn(&mut self, router: usize) {
        let late = self.lateness(router);
        let machine = &mut self.machines[router];
        let Some(daemon) = &mut machine.daemon else { return };
        if daemon.stopping {
            daemon.engine.remove_left();
            if daemon.engine.groups().is_empty() {
                self.dies_in_peace(router);
                return;
            }
        }
        let next = daemon.engine.deadline().map(|deadline| machine.clock.moment(deadline));
        if let Some(next) = next {
            self.wakes(router, next.max(self.now) + late);
        }
    }

    /// The daemon has left: everything it held is gone, or that is a breach found at the next look.
    fn dies_in_peace(&mut self, router: usize) {
        self.note(Some(router), None, LineKind::Note, || "has left".to_owned());
        self.machines[router].daemon = None;
        for rules in &mut self.rules {
            rules.died(router);
        }
        self.shows(router);
    }

    fn number_of(&self, router: usize, index: GroupIndex) -> Option<usize> {
        self.machines[router].daemon.as_ref()?.groups.iter().position(|group| *group == index)
    }

    /// Writes down what the groups say.
    fn notes(&mut self, router: usize, daemon: &Daemon, effects: &[Effect]) {
        let Some(record) = &mut self.record else { return };
        for effect in effects {
            let Effect::Note { group, note } = effect else { continue };
            let number = daemon.groups.iter().position(|index| index == group);
            let (kind, text) = match note {
                Note::Transition { from, to, reason, .. } => {
                    (LineKind::Transition, format!("{from} → {to}: {reason}"))
                }
                Note::Refused { from, reason, .. } => {
                    (LineKind::Note, format!("refused from {from}: {reason}"))
                }
                Note::Alarm { name, raised, reason } => {
                    let word = if *raised { "alarm" } else { "over" };
                    (LineKind::Note, format!("{word}: {name}: {reason}"))
                }
                Note::Remark { name, text, .. } => (LineKind::Note, format!("{name}: {text}")),
            };
            let line = super::Line { at: self.now, router: Some(router), group: number, kind, text };
            record.lines.push(line);
        }
    }
}

fn transitions(effects: &[Effect]) -> u64 {
    effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Note { note: Note::Transition { .. }, .. }))
        .count() as u64
}

/// The number of a group's latest wish of this turn.
fn latest_wish(effects: &[Effect], index: GroupIndex) -> Option<u64> {
    effects.iter().rev().find_map(|effect| match effect {
        Effect::Hold(wish) if wish.group == index => Some(wish.ticket),
        _ => None,
    })
}

fn is_refused(effects: &[Effect], index: GroupIndex) -> bool {
    effects
        .iter()
        .any(|effect| matches!(effect, Effect::Note { group, note: Note::Refused { .. } } if *group == index))
}

/// Whether the router has obeyed this message, or a later one of the same sender.
fn is_known(daemon: &Daemon, group: usize, (origin, number): (Port, u64)) -> bool {
    daemon.obeyed[group].get(origin).is_some_and(|latest| *latest >= number)
}

/// What of a group no hostile frame may change.
#[derive(PartialEq)]
struct Shown {
    state: &'static str,
    priority: Option<u8>,
    timers: Vec<fhrp::view::Timer>,
    forwarders: Vec<fhrp::view::Forwarder>,
}

fn shown(daemon: &Daemon, now: Now, index: GroupIndex) -> Option<Shown> {
    let fhrp::View { state, priority, timers, forwarders, .. } = daemon.engine.view(now.monotonic, index)?;
    Some(Shown { state, priority, timers, forwarders })
}
