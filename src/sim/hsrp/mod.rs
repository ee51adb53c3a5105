//! HSRP in the simulation: settings, a second reading of RFC 2281 and of what Cisco's routers do beyond it, and what a
//! stranger may forge.
//!
//! What the protocol can promise is less than VRRP with a sequence does: nothing in a message counts, so whoever recorded
//! one can send it again, and every member obeys it for as long as its key is believed. A stranger does so here, and the
//! rules take what he repeats for a late message of its first sender. What he makes himself, with a key that no member
//! has or that is no longer good, in the other scheme or in the other version, must change nothing.
//!
//! | module | what lives there |
//! |---|---|
//! | [`setup`] | a group's settings as a scenario has them, and the module's configuration made of them |
//! | [`generate`] | settings from throws of dice |
//! | `arithmetic` | what can be computed, computed here once more |
//! | `witness` | one router's group, watched: a second state machine, compared with the first step by step |
//! | `messages` | its messages read, judged when sent, and forged |

mod arithmetic;
pub mod generate;
mod messages;
pub mod setup;
mod witness;

use std::any::Any;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use ::hsrp::config::Times;
use fhrp::{Command, Datagram, Instant, InterfaceAddress, Link, Received};

pub use messages::Said;
pub use setup::{Authentication, MacChoice, Member, Preemption, Setup, Version};

use self::witness::{BACKOFF, DEFAULT_TIMES, HAND_OVER, LOSERS_MARGIN, REACTION_PAUSE, State, Witness};
use super::invariant::{Breach, Invariant};
use super::rules::{self, Conditions, Duty, Heard, Replays, Rules, Step, Turn};
use super::scenario::{self, Forgery, Router, router_name};
use crate::engine::group::Identity;

/// The rules of one standby group.
pub struct HsrpRules {
    setup: Rc<Setup>,
    addresses: Vec<u8>,
    witnesses: Vec<Witness>,
    /// The longest hello and hold time that any member ever had: somebody may still believe in them.
    longest: Times,
}

impl HsrpRules {
    /// The rules for these settings on these machines. `has_siblings`: there is another group of the protocol and family.
    pub fn new(setup: &Setup, routers: &[Router], has_siblings: bool) -> Self {
        let addresses: Vec<u8> = routers.iter().map(|router| router.address).collect();
        let setup = Rc::new(setup.clone());
        let witness = |(member, address): (&Member, &u8)| {
            Witness::new(setup.clone(), has_siblings, member.clone(), *address)
        };
        let witnesses = setup.members.iter().zip(&addresses).map(witness).collect();
        let longest = setup.members.iter().map(told).reduce(longest).unwrap_or(DEFAULT_TIMES);
        HsrpRules { setup, addresses, witnesses, longest }
    }

    fn longest_of(&self, delay: fn(&Member) -> Duration) -> Duration {
        self.witnesses.iter().map(|witness| delay(witness.member())).max().unwrap_or_default()
    }

    /// Members that take part in elections.
    fn running<'a>(&'a self, part: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        let runs = |router: &usize| !matches!(self.witnesses[*router].state(), State::Initial | State::Learn);
        part.iter().copied().filter(runs)
    }

    fn in_state(&self, part: &[usize], state: State) -> Vec<usize> {
        part.iter().copied().filter(|router| self.witnesses[*router].state() == state).collect()
    }
}

/// What a member may have said of its times.
fn told(member: &Member) -> Times {
    member.times().unwrap_or(DEFAULT_TIMES)
}

fn longest(one: Times, other: Times) -> Times {
    Times { hello: one.hello.max(other.hello), hold: one.hold.max(other.hold) }
}

impl Rules for HsrpRules {
    fn identity(&self) -> Identity {
        Identity {
            interface: super::machine::INTERFACE.to_owned(),
            protocol: "hsrp",
            family: Some(self.setup.family()),
            id: self.setup.group,
        }
    }

    fn gateway(&self) -> IpAddr {
        self.setup.gateway()
    }

    /// The active router forwards and answers: RFC 2281 §5.3, §6.1.
    fn duties(&self) -> Vec<Duty> {
        let forward = self.setup.virtual_mac().map(Duty::Forward);
        forward.into_iter().chain([Duty::Answer(self.setup.gateway())]).collect()
    }

    /// Nobody owns a virtual address: RFC 2281 §5.1.
    fn own_addresses(&self, _router: usize) -> Vec<InterfaceAddress> {
        Vec::new()
    }

    fn make(&mut self, router: usize) -> Box<dyn fhrp::Group> {
        self.witnesses[router].reborn();
        let config = setup::config(&self.setup, self.witnesses[router].member());
        Box::new(::hsrp::StandbyGroup::new(config))
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

    fn penalty(&mut self, router: usize, _now: Instant, amount: u16) {
        self.witnesses[router].penalty(amount);
    }

    fn reload(&mut self, router: usize, now: Instant, member: &scenario::Member) -> Option<Box<dyn Any>> {
        let scenario::Member::Hsrp(member) = member else { return None };
        self.longest = longest(self.longest, told(member));
        self.witnesses[router].reload(now, member.clone());
        Some(Box::new(setup::config(&self.setup, member)))
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
        messages::read(&self.setup, received).map(rules::Said::Hsrp)
    }

    fn forge(&self, kind: Forgery, chance: u64) -> Option<Datagram> {
        messages::forge(&self.setup, &self.addresses, kind, chance)
    }

    fn replays(&self) -> Replays {
        Replays::Obeyed
    }

    fn heard(&mut self, router: usize, heard: &Heard<'_>) -> Result<(), Breach> {
        let rules::Said::Hsrp(said) = heard.said else { return Ok(()) };
        self.witnesses[router].heard(heard, said)
    }

    fn turn(&mut self, router: usize, turn: &Turn<'_>) -> Result<(), Breach> {
        self.witnesses[router].turn(turn)
    }

    /// Everything that can follow one upon the other, added up. For an active router: an initial delay; the patience
    /// with one that is gone, or that a Coup has announced; a hold time in Listen, one in Speak; the delay of a better
    /// router, and a hello of the worse one; one hello more for whoever stood still; a hand-over that nobody answers; the
    /// merger of two. For a standby router after that: a hold time until it is missed, one in Speak, and the same for one
    /// that is better still.
    fn settles_in(&self, conditions: &Conditions) -> Duration {
        let Times { hello, hold } = self.longest;
        let away = match conditions.refused_for {
            span if span.is_zero() => Duration::ZERO,
            // The pauses double, so the last one is no longer than all before it and the first.
            span => span + BACKOFF[0] + 2 * hold,
        };
        let delays = [Member::preempt_delay, Member::first_preempt_delay, Member::preempt_sync];
        let waits = [
            self.longest_of(Member::start_delay).max(self.longest_of(Member::link_delay)),
            2 * hold,
            hold,
            hold,
            delays.iter().map(|delay| self.longest_of(*delay)).max().unwrap_or_default() + hello,
            hello,
            HAND_OVER,
            hello,
            away,
            hold + LOSERS_MARGIN,
            hold,
            hold + LOSERS_MARGIN,
            hold,
        ];
        let slack = conditions.delay + 2 * conditions.lateness + 2 * conditions.kernel;
        waits.iter().sum::<Duration>() + slack * u32::try_from(waits.len()).unwrap_or(u32::MAX)
    }

    /// The next hello of either ends it: the better one's is obeyed, and the worse one's is answered. RFC 2281 §5.7,
    /// events g and h.
    fn overlaps_for(&self, conditions: &Conditions) -> Duration {
        self.longest.hello.max(HAND_OVER)
            + 3 * (conditions.delay + conditions.lateness + conditions.kernel)
            + REACTION_PAUSE
    }

    fn elects(&self, _duty: &Duty, holder: usize, candidates: &[usize]) -> Result<(), Breach> {
        let held = &self.witnesses[holder];
        for candidate in self.running(candidates).filter(|candidate| *candidate != holder) {
            let witness = &self.witnesses[candidate];
            if witness.would_replace(held.priority(), held.source()) {
                let what = format!(
                    "{} is active with priority {}, though {} has {} and preempts",
                    router_name(holder),
                    held.priority(),
                    router_name(candidate),
                    witness.priority()
                );
                return Err(Breach::new(Invariant::RightHolder, what));
            }
        }
        Ok(())
    }

    /// Whoever has never been told the address cannot take the role. RFC 2281 §5.3, Learn.
    fn is_able(&self, _duty: &Duty, router: usize) -> bool {
        self.witnesses[router].state() != State::Learn
    }

    /// One is active, one is standby, and that is the best of the others; the rest listens. RFC 2281 §5.2, §5.3.
    fn agrees(&self, part: &[usize]) -> Result<(), Breach> {
        let broken = |what: String| Err(Breach::new(Invariant::OneStandby, what));
        let active = self.in_state(part, State::Active);
        let standby = self.in_state(part, State::Standby);
        let learning = self.in_state(part, State::Learn);
        if let ([active, ..], [learner, ..]) = (active.as_slice(), learning.as_slice()) {
            let (active, learner) = (router_name(*active), router_name(*learner));
            return broken(format!("{learner} has not learnt the address from {active}"));
        }
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
        if let Some(speaker) = self.in_state(part, State::Speak).first() {
            return broken(format!("{} still speaks", router_name(*speaker)));
        }
        Ok(())
    }

    fn state(&self, router: usize) -> &'static str {
        self.witnesses[router].state_name()
    }
}
