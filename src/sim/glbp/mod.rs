//! GLBP in the simulation: settings, what can be seen of it from outside, and what a stranger may forge.
//!
//! The rules see what goes over the wire, what the kernel is asked to hold, and which MAC hosts are told. Each router has
//! a witness, which remembers what the router heard and said, and from that knows what it may do: take a forwarder
//! over, give way, answer hosts. With MD5 it knows whose message proves itself new.
//!
//! | module | what lives there |
//! |---|---|
//! | [`setup`] | a group's settings as a scenario has them, and the module's configuration made of them |
//! | [`generate`] | settings from throws of dice |
//! | `witness` | one router's group, watched |
//! | `messages` | its messages read, judged when sent, and forged |

pub mod generate;
mod messages;
pub mod setup;
mod witness;

use std::any::Any;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use ::glbp::config::{DEFAULT_RETIREMENT, DEFAULT_TIMES, Times};
use ::glbp::wire::State;
use fhrp::{Command, Datagram, Instant, InterfaceAddress, Link, Mac, Received};

pub use messages::Said;
pub use setup::{Authentication, Balancing, Member, Setup};

use self::setup::FORWARDERS;
use self::witness::Witness;
use super::invariant::{Breach, Invariant};
use super::rules::{self, Conditions, Duty, Heard, Replays, Rules, Step, Turn};
use super::scenario::{self, Forgery, Router, router_name};
use crate::engine::group::Identity;

/// How long a leaving router waits for successors.
const HAND_OVER: Duration = Duration::from_millis(250);
/// How long a router that was refused waits before it tries again, the first time.
const BACKOFF: Duration = Duration::from_secs(1);
/// The least time between two hellos that tell one neighbour what it has to repeat.
const GREETING_PAUSE: Duration = Duration::from_secs(1);
/// How long a member without a forwarder waits before it asks again while there are none left.
const HOPELESS_PAUSE: Duration = Duration::from_secs(60);
/// A time-out that comes within a run. With a longer one, a forwarder that lost its owner is there till its end.
const SHORT: Duration = Duration::from_secs(120);

/// The rules of one group.
pub struct GlbpRules {
    setup: Rc<Setup>,
    addresses: Vec<u8>,
    witnesses: Vec<Witness>,
    /// The longest times that any member ever had: somebody may still believe in them.
    longest: Times,
    longest_delays: [Duration; 2],
    longest_timeout: Duration,
}

impl GlbpRules {
    /// The rules for these settings on these machines.
    pub fn new(setup: &Setup, routers: &[Router]) -> Self {
        let addresses: Vec<u8> = routers.iter().map(|router| router.address).collect();
        let setup = Rc::new(setup.clone());
        let witness =
            |(member, address): (&Member, &u8)| Witness::new(setup.clone(), member.clone(), *address);
        let witnesses = setup.members.iter().zip(&addresses).map(witness).collect();
        let mut rules = GlbpRules {
            setup: setup.clone(),
            addresses,
            witnesses,
            longest: Times { hello: Duration::ZERO, hold: Duration::ZERO },
            longest_delays: [Duration::ZERO; 2],
            longest_timeout: Duration::ZERO,
        };
        setup.members.iter().for_each(|member| rules.may_be_in_force(member));
        rules
    }

    fn may_be_in_force(&mut self, member: &Member) {
        let Times { hello, hold } = member.times().unwrap_or(DEFAULT_TIMES);
        self.longest.hello = self.longest.hello.max(hello);
        self.longest.hold = self.longest.hold.max(hold);
        let delays = [member.preempts_after_ms, member.takes_forwarders_after_ms];
        for (longest, delay) in self.longest_delays.iter_mut().zip(delays) {
            *longest = (*longest).max(Duration::from_millis(delay.unwrap_or_default()));
        }
        let timeout = member.retirement().unwrap_or(DEFAULT_RETIREMENT).timeout;
        self.longest_timeout = self.longest_timeout.max(timeout);
    }

    /// Whether forwarders that lost their owner are given up within a run.
    fn forwarders_end(&self) -> bool {
        self.longest_timeout < SHORT
    }

    /// Members that take part in elections.
    fn running<'a>(&'a self, part: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        part.iter().copied().filter(|router| self.witnesses[*router].runs())
    }

    fn in_state(&self, part: &[usize], state: State) -> Vec<usize> {
        part.iter().copied().filter(|router| self.witnesses[*router].said() == Some(state)).collect()
    }

    fn number_of(&self, duty: &Duty) -> Option<u8> {
        match duty {
            Duty::Forward(mac) => self.setup.number_of(*mac),
            Duty::Answer(_) | Duty::Share(..) => None,
        }
    }

    /// One is standby, and that is the best of those that are not active; the rest listens.
    fn agree_on_the_gateway(&self, part: &[usize]) -> Result<(), Breach> {
        let broken = |what: String| Err(Breach::new(Invariant::OneStandby, what));
        let active = self.in_state(part, State::Active);
        let standby = self.in_state(part, State::Standby);
        let others: Vec<usize> = self.running(part).filter(|router| !active.contains(router)).collect();
        let rank = |router: &usize| (self.witnesses[*router].priority(), self.witnesses[*router].source());
        let best = others.iter().copied().max_by_key(rank);
        if standby.iter().copied().ne(best) {
            let names = |routers: &mut dyn Iterator<Item = &usize>| {
                routers.map(|router| router_name(*router)).collect::<Vec<_>>().join(" and ")
            };
            let (standby, best) = (names(&mut standby.iter()), names(&mut best.iter()));
            return broken(format!("standby is {standby:?}, and must be {best:?}"));
        }
        match self.in_state(part, State::Speak).first() {
            Some(speaker) => broken(format!("{} still speaks", router_name(*speaker))),
            None => Ok(()),
        }
    }

    /// No forwarder is the own one of two, and nobody goes without while there is a number that nobody forwards for.
    fn agree_on_forwarders(&self, part: &[usize]) -> Result<(), Breach> {
        let broken = |what: String| Err(Breach::new(Invariant::OneHolder, what));
        let taken = |number: &u8| self.running(part).any(|router| self.witnesses[router].forwards(*number));
        let all_taken = (1..=FORWARDERS).all(|number| taken(&number));
        let mut owners = [None; FORWARDERS as usize + 1];
        for router in self.running(part) {
            match self.witnesses[router].own() {
                Some(number) => {
                    let owner = &mut owners[usize::from(number)];
                    if let Some(other) = owner.replace(router) {
                        let (one, other) = (router_name(router), router_name(other));
                        return broken(format!("forwarder {number} is said to be {one}'s and {other}'s"));
                    }
                }
                None if !all_taken && self.witnesses[router].should_have_own() => {
                    let router = router_name(router);
                    return broken(format!("{router} has no forwarder, and there are numbers left"));
                }
                None => {}
            }
        }
        Ok(())
    }
}

impl Rules for GlbpRules {
    fn identity(&self) -> Identity {
        Identity {
            interface: super::machine::INTERFACE.to_owned(),
            protocol: "glbp",
            family: Some(self.setup.family()),
            id: self.setup.group,
        }
    }

    fn gateway(&self) -> IpAddr {
        self.setup.gateway()
    }

    /// The gateway answers; each forwarder may be another router's.
    fn duties(&self) -> Vec<Duty> {
        let forward = (1..=FORWARDERS).map(|number| Duty::Forward(self.setup.virtual_mac(number)));
        [Duty::Answer(self.setup.gateway())].into_iter().chain(forward).collect()
    }

    /// Nobody owns a virtual address.
    fn own_addresses(&self, _router: usize) -> Vec<InterfaceAddress> {
        Vec::new()
    }

    fn make(&mut self, router: usize) -> Box<dyn fhrp::Group> {
        self.witnesses[router].reborn();
        let config = setup::config(&self.setup, self.witnesses[router].member());
        Box::new(::glbp::GatewayGroup::new(config))
    }

    fn died(&mut self, router: usize) {
        self.witnesses[router].reborn();
    }

    fn link(&mut self, router: usize, _now: Instant, link: &Link) {
        self.witnesses[router].link(link.up);
    }

    fn stood_still(&mut self, router: usize, now: Instant, span: Duration) {
        self.witnesses[router].stood_still(now, span);
    }

    fn granted(&mut self, router: usize, _now: Instant, granted: bool) {
        self.witnesses[router].granted(granted);
    }

    fn penalty(&mut self, router: usize, now: Instant, amount: u16) {
        self.witnesses[router].penalty(now, amount);
    }

    fn reload(&mut self, router: usize, now: Instant, member: &scenario::Member) -> Option<Box<dyn Any>> {
        let scenario::Member::Glbp(member) = member else { return None };
        self.may_be_in_force(member);
        self.witnesses[router].reload(now, member.clone());
        Some(Box::new(setup::config(&self.setup, member)))
    }

    fn stop(&mut self, router: usize, now: Instant) {
        self.witnesses[router].stop(now);
    }

    fn ordered(&mut self, router: usize, _now: Instant, command: Command) {
        self.witnesses[router].ordered(command);
    }

    fn came(&mut self, router: usize, step: &Step<'_>) -> Result<(), Breach> {
        self.witnesses[router].came(step)
    }

    fn read(&self, received: &Received<'_>) -> Option<rules::Said> {
        messages::read(&self.setup, received).map(rules::Said::Glbp)
    }

    fn forge(&self, kind: Forgery, chance: u64) -> Option<Datagram> {
        messages::forge(&self.setup, &self.addresses, kind, chance)
    }

    /// Without MD5 nothing counts. With it a recording is as good as its nonces: the witness knows.
    fn replays(&self) -> Replays {
        Replays::Obeyed
    }

    fn heard(&mut self, router: usize, heard: &Heard<'_>) -> Result<(), Breach> {
        let rules::Said::Glbp(said) = heard.said else { return Ok(()) };
        self.witnesses[router].heard(heard, said)
    }

    fn answered(&mut self, router: usize, step: &Step<'_>, mac: Mac) -> Result<(), Breach> {
        self.witnesses[router].answered(step, mac)
    }

    fn turn(&mut self, router: usize, turn: &Turn<'_>) -> Result<(), Breach> {
        self.witnesses[router].turn(turn)
    }

    /// Everything that can follow one upon the other, added up. For the gateway as in HSRP. Then for forwarders: a number
    /// is asked for and asked for again; nobody is heard for a hold time; who cannot carry it waits another; a better
    /// router takes it over. Where two halves had given one number to two, all of that twice. A forwarder without an
    /// owner has its time.
    fn settles_in(&self, conditions: &Conditions) -> Duration {
        let Times { hello, hold } = self.longest;
        let [gateways, forwarders] = self.longest_delays;
        let away = match conditions.refused_for {
            span if span.is_zero() => Duration::ZERO,
            span => span + BACKOFF + 2 * hold,
        };
        let proof = match self.setup.authentication.counts() {
            true => hold + 2 * (GREETING_PAUSE + hello),
            false => Duration::ZERO,
        };
        let mut waits = vec![2 * hold, hold, hold, gateways + hello, HAND_OVER, away, proof];
        waits.extend([hold, hold + hello, hold, hold + hello]);
        waits.extend([2 * hello, 2 * hold, hold, forwarders + 2 * hello].repeat(2));
        if self.forwarders_end() {
            waits.extend([self.longest_timeout, HOPELESS_PAUSE, hello, 2 * hold, forwarders + hello]);
        }
        if self.addresses.len() > usize::from(FORWARDERS) && !self.forwarders_end() {
            waits.push(HOPELESS_PAUSE);
        }
        let slack = conditions.delay + 2 * conditions.lateness + 2 * conditions.kernel;
        waits.iter().sum::<Duration>() + slack * u32::try_from(waits.len()).unwrap_or(u32::MAX)
    }

    /// The next hello of either ends it, once each has proven that it is no recording.
    fn overlaps_for(&self, conditions: &Conditions) -> Duration {
        let Times { hello, hold } = self.longest;
        let proof = match self.setup.authentication.counts() {
            true => hold + GREETING_PAUSE + hello,
            false => Duration::ZERO,
        };
        hello.max(HAND_OVER)
            + proof
            + 4 * (conditions.delay + conditions.lateness + conditions.kernel)
            + HAND_OVER
    }

    fn performs(&self, router: usize, duty: &Duty) -> bool {
        match duty {
            Duty::Forward(_) | Duty::Share(..) => true,
            Duty::Answer(_) => self.witnesses[router].said() == Some(State::Active),
        }
    }

    fn elects(&self, duty: &Duty, holder: usize, candidates: &[usize]) -> Result<(), Breach> {
        let held = &self.witnesses[holder];
        let broken = |candidate: usize, what: String| {
            let (holder, candidate) = (router_name(holder), router_name(candidate));
            Err(Breach::new(Invariant::RightHolder, format!("{holder} is {duty}, and {candidate} {what}")))
        };
        if let Some(number) = self.number_of(duty)
            && self.forwarders_end()
            && held.own() != Some(number)
            && !self.running(candidates).any(|router| self.witnesses[router].own() == Some(number))
        {
            return broken(holder, "was not given it, and whoever was is gone for long".to_owned());
        }
        for candidate in self.running(candidates).filter(|candidate| *candidate != holder) {
            let witness = &self.witnesses[candidate];
            match self.number_of(duty) {
                Some(number) if witness.would_take(number, held.right_to(number)) => {
                    return broken(candidate, "has more right to it".to_owned());
                }
                None if witness.would_replace(held.priority(), held.source()) => {
                    return broken(candidate, format!("has priority {} and preempts", witness.priority()));
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// Everybody knows the address once one of them has said it; a forwarder is there for those who have heard of it.
    fn is_able(&self, duty: &Duty, router: usize) -> bool {
        match self.number_of(duty) {
            Some(number) => self.witnesses[router].knows(number, self.forwarders_end()),
            None => self.witnesses[router].runs(),
        }
    }

    fn agrees(&self, part: &[usize]) -> Result<(), Breach> {
        let active = !self.in_state(part, State::Active).is_empty();
        if let Some(learner) = part.iter().find(|router| active && self.witnesses[**router].is_silent()) {
            let what = format!("{} has not learnt the address from its gateway", router_name(*learner));
            return Err(Breach::new(Invariant::OneStandby, what));
        }
        self.agree_on_the_gateway(part)?;
        self.agree_on_forwarders(part)
    }

    fn state(&self, router: usize) -> &'static str {
        self.witnesses[router].state_name()
    }
}
