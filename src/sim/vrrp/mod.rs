//! VRRP in the simulation: settings, a second reading of RFC 9568 and RFC 3768, and what a stranger may forge.
//!
//! | module | what lives there |
//! |---|---|
//! | [`setup`] | a group's settings as a scenario has them, and the module's configuration made of them |
//! | [`generate`] | settings from throws of dice |
//! | `arithmetic` | the intervals of the RFCs, computed here once more |
//! | `witness` | one router's election, watched: what it heard, what it may and must do |
//! | `messages` | its messages read, judged when sent, and forged |

mod arithmetic;
pub mod generate;
mod messages;
pub mod setup;
mod witness;

use std::any::Any;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Command, Datagram, Family, Instant, InterfaceAddress, Link, Received};

pub use messages::Said;
pub use setup::{Authentication, Member, Setup, Spoken};

use self::arithmetic::{down_interval, skew};
use self::witness::Witness;
use super::invariant::{Breach, Invariant};
use super::rules::{Conditions, Duty, Heard, Replays, Rules, Turn};
use super::scenario::{self, Forgery, Router, router_name};
use crate::engine::group::Identity;

/// What a leaving router adds to its successor's longest time, for an advertisement to cross the link.
const HAND_OVER_MARGIN: Duration = Duration::from_millis(50);
/// The first time a router stays away after its kernel refused an address.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);

/// The rules of one virtual router.
pub struct VrrpRules {
    setup: Setup,
    addresses: Vec<u8>,
    witnesses: Vec<Witness>,
    /// The longest interval that any member ever had: somebody may still believe in it.
    longest_interval: Duration,
}

impl VrrpRules {
    /// The rules for these settings on these machines.
    pub fn new(setup: &Setup, routers: &[Router]) -> Self {
        let addresses: Vec<u8> = routers.iter().map(|router| router.address).collect();
        let witnesses = setup
            .members
            .iter()
            .zip(&addresses)
            .map(|(member, address)| {
                Witness::new(member.clone(), super::machine::address(setup.ipv6, *address))
            })
            .collect();
        let longest_interval =
            setup.members.iter().map(Member::interval).max().unwrap_or(Duration::from_secs(1));
        VrrpRules { setup: setup.clone(), addresses, witnesses, longest_interval }
    }

    /// The longest Skew_Time that any member can have.
    fn longest_skew(&self) -> Duration {
        let spoken = self.witnesses.iter().map(|witness| witness.member().spoken);
        spoken.map(|spoken| skew(spoken, 1, self.longest_interval)).max().unwrap_or_default()
    }

    /// Settings differ in what is spoken, so one's hand-over must wait for the other's skew.
    fn longest_down(&self) -> Duration {
        let spoken = self.witnesses.iter().map(|witness| witness.member().spoken);
        spoken.map(|spoken| down_interval(spoken, 1, self.longest_interval)).max().unwrap_or_default()
    }

    fn config(&self, router: usize) -> ::vrrp::Config {
        setup::config(&self.setup, &self.addresses, router, self.witnesses[router].member())
    }
}

impl Rules for VrrpRules {
    fn identity(&self) -> Identity {
        Identity {
            interface: super::machine::INTERFACE.to_owned(),
            protocol: "vrrp",
            family: Some(self.setup.family()),
            id: self.setup.vrid.into(),
        }
    }

    fn gateway(&self) -> IpAddr {
        self.setup.gateway()
    }

    /// The Active forwards and answers: RFC 9568 §6.4.3.
    fn duties(&self) -> Vec<Duty> {
        let mac = ::vrrp::config::virtual_mac(self.setup.family(), self.setup.vrid);
        let forward = self.setup.virtual_mac.then_some(Duty::Forward(mac));
        forward.into_iter().chain([Duty::Answer(self.setup.gateway())]).collect()
    }

    fn own_addresses(&self, router: usize) -> Vec<InterfaceAddress> {
        match self.setup.members[router].is_owner() {
            true => self.setup.virtual_addresses(),
            false => Vec::new(),
        }
    }

    fn make(&mut self, router: usize) -> Box<dyn fhrp::Group> {
        self.witnesses[router].reborn();
        Box::new(::vrrp::VirtualRouter::new(self.config(router)))
    }

    fn died(&mut self, router: usize) {
        self.witnesses[router].reborn();
    }

    fn link(&mut self, router: usize, now: Instant, link: &Link) {
        self.witnesses[router].link(now, link.up);
    }

    fn stood_still(&mut self, router: usize, _now: Instant, span: Duration) {
        self.witnesses[router].stood_still(span);
    }

    fn granted(&mut self, router: usize, _now: Instant, granted: bool) {
        self.witnesses[router].granted(granted);
    }

    fn penalty(&mut self, router: usize, _now: Instant, amount: u16) {
        self.witnesses[router].penalty(amount);
    }

    fn reload(&mut self, router: usize, now: Instant, member: &scenario::Member) -> Option<Box<dyn Any>> {
        let scenario::Member::Vrrp(member) = member else { return None };
        self.longest_interval = self.longest_interval.max(member.interval());
        self.witnesses[router].reload(now, member.clone());
        Some(Box::new(self.config(router)))
    }

    fn stop(&mut self, router: usize, _now: Instant) {
        self.witnesses[router].stop();
    }

    fn ordered(&mut self, router: usize, _now: Instant, _command: Command) {
        self.witnesses[router].ordered();
    }

    fn read(&self, received: &Received<'_>) -> Option<super::rules::Said> {
        let said = messages::read(received)?;
        let ours = said.vrid == self.setup.vrid && Family::of(said.source) == self.setup.family();
        ours.then_some(super::rules::Said::Vrrp(said))
    }

    fn forge(&self, kind: Forgery, chance: u64) -> Option<Datagram> {
        messages::forge(&self.setup, &self.addresses, kind, chance)
    }

    fn replays(&self) -> Replays {
        match self.setup.authentication {
            Authentication::None | Authentication::Text | Authentication::CiscoMd5 => Replays::Untried,
            Authentication::Header | Authentication::Hmac | Authentication::HmacWindow => Replays::Refused,
        }
    }

    fn heard(&mut self, router: usize, heard: &Heard<'_>) -> Result<(), Breach> {
        let super::rules::Said::Vrrp(said) = heard.said else { return Ok(()) };
        let twice = self.speaks_both(said.source);
        self.witnesses[router].heard(heard, said, twice)
    }

    fn turn(&mut self, router: usize, turn: &Turn<'_>) -> Result<(), Breach> {
        for datagram in turn.sends() {
            messages::judge(&self.setup, &self.addresses, router, &self.witnesses[router], datagram)?;
        }
        let skew = self.longest_skew();
        self.witnesses[router].turn(turn, skew, HAND_OVER_MARGIN)
    }

    /// Everything that can follow one upon the other, added up: a start-up delay; the patience for an Active
    /// that is gone; the delay of a better router, and its patience with the worse one; one advertisement more
    /// for whoever stood still; a hand-over that nobody answers; the merger of two; and for each the way of a
    /// frame, the lateness of a timer and the kernel.
    fn settles_in(&self, conditions: &Conditions) -> Duration {
        let longest = |delay: fn(&Member) -> Duration| {
            self.witnesses.iter().map(|witness| delay(witness.member())).max().unwrap_or_default()
        };
        let (down, skew, interval) = (self.longest_down(), self.longest_skew(), self.longest_interval);
        let away = match conditions.refused_for {
            span if span.is_zero() => Duration::ZERO,
            // The pauses double, so the last one is no longer than all before it and the first.
            span => span + FIRST_BACKOFF + down,
        };
        let elections = [
            longest(Member::startup_delay) + down,
            longest(Member::preempt_delay) + down,
            interval + skew,
            skew + HAND_OVER_MARGIN,
            2 * interval,
            away,
        ];
        let slack = conditions.delay + 2 * conditions.lateness + 2 * conditions.kernel;
        elections.iter().sum::<Duration>() + slack * u32::try_from(elections.len()).unwrap_or(u32::MAX)
    }

    /// The better one's next advertisement ends it; if that is refused as a replay (the members share their
    /// sequence numbers), the one that answers the worse one's does.
    fn overlaps_for(&self, conditions: &Conditions) -> Duration {
        self.longest_interval
            + 3 * (conditions.delay + conditions.lateness + conditions.kernel)
            + witness::REACTION_PAUSE
    }

    fn elects(&self, _duty: &Duty, holder: usize, candidates: &[usize]) -> Result<(), Breach> {
        let held = self.witnesses[holder].priority();
        for candidate in candidates {
            let witness = &self.witnesses[*candidate];
            if witness.preempts() && !witness.is_suspended() && witness.priority() > held {
                let what = format!(
                    "{} holds with priority {held}, though {} has {} and preempts",
                    router_name(holder),
                    router_name(*candidate),
                    witness.priority()
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

impl VrrpRules {
    /// Whether the member with this address says everything in both versions.
    fn speaks_both(&self, source: IpAddr) -> bool {
        let spoken = self.witnesses.iter().find(|witness| witness.source() == source);
        spoken.is_some_and(|witness| witness.member().spoken == Spoken::Both)
    }
}
