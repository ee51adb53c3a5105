//! CARP in the simulation: settings, a second reading of what the kernels and ucarp do, and what a stranger may forge.
//!
//! What the protocol can promise hangs on its counters. Where they are constant, as the originals have them, whoever
//! recorded an advertisement can send it again, under any interval, and every member obeys it: a stranger does so here, and
//! the rules take it for a late word of its first sender. Where they are sealed, neither may change anything. Whoever has
//! another password, or other addresses, changes nothing in either case.
//!
//! | module | what lives there |
//! |---|---|
//! | [`setup`] | a virtual host's settings as a scenario has them, and the module's configuration made of them |
//! | [`generate`] | settings from throws of dice |
//! | `arithmetic` | what can be computed, computed here once more |
//! | `witness` | one router's virtual host, watched: a second state machine, compared with the first step by step |
//! | `messages` | its advertisements read, judged when sent, changed, and forged |

mod arithmetic;
pub mod generate;
mod messages;
pub mod setup;
mod witness;

use std::any::Any;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use fhrp::{Command, Datagram, Family, Instant, InterfaceAddress, Link, Received};

pub use messages::Said;
pub use setup::{Balancing, Delivery, Demotion, Families, Member, Setup};

use self::setup::Slowness;
use self::witness::{BACKOFF, HAND_OVER, REACTION_PAUSE, State, TIE_PAUSE, Witness};
use super::invariant::{Breach, Invariant};
use super::rules::{self, Conditions, Duty, Heard, Replays, Rules, Step, Turn};
use super::scenario::{self, Forgery, Router, router_name};
use crate::engine::group::Identity;

/// The rules of one virtual host.
pub struct CarpRules {
    setup: Rc<Setup>,
    addresses: Rc<[u8]>,
    witnesses: Vec<Witness>,
    /// The slowest that any member ever was.
    slowest: Slowness,
}

impl CarpRules {
    /// The rules for these settings on these machines.
    pub fn new(setup: &Setup, routers: &[Router]) -> Self {
        let addresses: Rc<[u8]> = routers.iter().map(|router| router.address).collect();
        let setup = Rc::new(setup.clone());
        let witness = |(member, own): (&Member, &u8)| {
            Witness::new(setup.clone(), addresses.clone(), member.clone(), *own)
        };
        let witnesses = setup.members.iter().zip(addresses.iter()).map(witness).collect();
        let slowest = setup.members.iter().map(Member::slowest).fold(Slowness::default(), Slowness::or);
        CarpRules { setup, addresses, witnesses, slowest }
    }
}

impl Rules for CarpRules {
    fn identity(&self) -> Identity {
        Identity {
            interface: super::machine::INTERFACE.to_owned(),
            protocol: "carp",
            family: None,
            id: self.setup.vhid.into(),
        }
    }

    fn gateway(&self) -> IpAddr {
        self.setup.gateway()
    }

    /// The master forwards and answers, in every family; or takes its share of what is sent to all.
    fn duties(&self) -> Vec<Duty> {
        let forward = self.setup.virtual_mac().map(|mac| match &self.setup.balancing {
            None => Duty::Forward(mac),
            Some(balancing) => Duty::Share(mac, balancing.number),
        });
        // Of several that share, the master of the first one answers for all.
        let answers = self.setup.balancing.as_ref().is_none_or(|balancing| balancing.number == 0);
        let firsts = self.setup.families().filter_map(|family| {
            let mut addresses = self.setup.virtual_addresses().into_iter().map(|address| address.ip);
            addresses.find(|ip| Family::of(*ip) == family)
        });
        forward.into_iter().chain(firsts.map(Duty::Answer).filter(|_| answers)).collect()
    }

    fn own_addresses(&self, _router: usize) -> Vec<InterfaceAddress> {
        Vec::new()
    }

    fn make(&mut self, router: usize) -> Box<dyn fhrp::Group> {
        self.witnesses[router].reborn();
        let member = self.witnesses[router].member();
        Box::new(::carp::VirtualHost::new(setup::config(&self.setup, &self.addresses, router, member)))
    }

    fn died(&mut self, router: usize) {
        self.witnesses[router].reborn();
    }

    fn link(&mut self, router: usize, now: Instant, link: &Link) {
        self.witnesses[router].link(now, link.up);
    }

    fn stood_still(&mut self, router: usize, now: Instant, span: Duration) {
        self.witnesses[router].stood_still(now, span);
    }

    fn granted(&mut self, router: usize, now: Instant, granted: bool) {
        self.witnesses[router].granted(now, granted);
    }

    fn penalty(&mut self, router: usize, now: Instant, amount: u16) {
        self.witnesses[router].penalty(now, amount);
    }

    fn reload(&mut self, router: usize, now: Instant, member: &scenario::Member) -> Option<Box<dyn Any>> {
        let scenario::Member::Carp(member) = member else { return None };
        self.slowest = self.slowest.or(member.slowest());
        self.witnesses[router].reload(now, member.clone());
        Some(Box::new(setup::config(&self.setup, &self.addresses, router, member)))
    }

    fn stop(&mut self, router: usize, now: Instant) {
        self.witnesses[router].stop(now);
    }

    fn ordered(&mut self, router: usize, now: Instant, command: Command) {
        self.witnesses[router].ordered(now, command);
    }

    fn came(&mut self, router: usize, step: &Step<'_>) -> Result<(), Breach> {
        self.witnesses[router].came(step)
    }

    fn read(&self, received: &Received<'_>) -> Option<rules::Said> {
        messages::read(&self.setup, received).map(rules::Said::Carp)
    }

    fn forge(&self, kind: Forgery, chance: u64) -> Option<Datagram> {
        messages::forge(&self.setup, &self.addresses, kind, chance)
    }

    fn alter(&self, payload: &[u8], chance: u64) -> Option<Vec<u8>> {
        messages::altered(payload, chance)
    }

    fn replays(&self) -> Replays {
        if self.setup.sealed { Replays::Refused } else { Replays::Obeyed }
    }

    fn heard(&mut self, router: usize, heard: &Heard<'_>) -> Result<(), Breach> {
        let rules::Said::Carp(said) = heard.said else { return Ok(()) };
        self.witnesses[router].heard(heard, said)
    }

    fn turn(&mut self, router: usize, turn: &Turn<'_>) -> Result<(), Breach> {
        self.witnesses[router].turn(turn)
    }

    /// Everything that can follow one upon the other, added up: the silence of a master; three times a tie, for of equals
    /// that are masters together all who heard a lower one wait, so that those below the lowest of them try next, and then
    /// the lowest of all; the skew after a goodbye; a better router that preempts, after an advertisement; one
    /// advertisement more for whoever stood still; a hand-over that nobody answers; the merger of two.
    fn settles_in(&self, conditions: &Conditions) -> Duration {
        let Slowness { interval, patience, skew } = self.slowest;
        let away = match conditions.refused_for {
            span if span.is_zero() => Duration::ZERO,
            // The pauses double, so the last one is no longer than all before it and the first.
            span => span + BACKOFF[0] + patience,
        };
        let tie = patience + skew + TIE_PAUSE;
        let waits = [patience, tie, tie, tie, skew, interval, interval, HAND_OVER, 2 * interval, away];
        let slack = conditions.delay + 2 * conditions.lateness + 2 * conditions.kernel;
        waits.iter().sum::<Duration>() + slack * u32::try_from(waits.len()).unwrap_or(u32::MAX)
    }

    /// The next advertisement of either ends it: the better one's is obeyed, the worse one's is answered. Two that have
    /// both said goodbye obey nobody until they are gone.
    fn overlaps_for(&self, conditions: &Conditions) -> Duration {
        self.slowest.interval.max(HAND_OVER)
            + 3 * (conditions.delay + conditions.lateness + conditions.kernel)
            + REACTION_PAUSE
    }

    fn elects(&self, _duty: &Duty, holder: usize, candidates: &[usize]) -> Result<(), Breach> {
        let held = self.witnesses[holder].claim();
        for candidate in candidates.iter().copied() {
            let witness = &self.witnesses[candidate];
            if witness.state() == State::Backup && witness.would_replace(held) {
                let what = format!(
                    "{} is MASTER as {held:?}, though {} is BACKUP as {:?}",
                    router_name(holder),
                    router_name(candidate),
                    witness.claim()
                );
                return Err(Breach::new(Invariant::RightHolder, what));
            }
        }
        Ok(())
    }

    fn state(&self, router: usize) -> &'static str {
        self.witnesses[router].state_name()
    }
}
