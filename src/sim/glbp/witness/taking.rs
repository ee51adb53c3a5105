//! Taking forwarders over: from whom, in which order, how it is said, and not too late.
//!
//! Several wait for the same silence. Who comes first takes the forwarder, and the others hear of it before their turn
//! comes: never two do.

use std::time::Duration;

use fhrp::{Instant, Mac};

use super::super::setup::FORWARDERS;
use super::{By, Numbers, ROUNDING, Witness, bit, is_primary, right};
use crate::sim::invariant::{Breach, Invariant, broken};

/// How long a router waits for each of those that come before it: for a forwarder that is silent, and for one that is
/// served meanwhile.
const STEP: Duration = Duration::from_micros(1500);
const STEP_WHILE_SERVED: Duration = Duration::from_millis(25);

impl Witness {
    /// Forwarders are taken from nobody who lives, unless with more right and after the delay.
    pub(super) fn may_have_taken(&mut self, now: Instant, before: u8) -> Result<(), Breach> {
        for number in (1..=FORWARDERS).filter(|number| self.wished & !before & bit(*number) != 0) {
            self.waits_its_turn(now, number, self.wished & !before)?;
            self.says_so_at_once(now, number)?;
            self.listens_after_standing_still(now, number)?;
            let may_preempt =
                self.places[usize::from(number)].by.is_some_and(|by| self.may_preempt(number, by));
            let place = &mut self.places[usize::from(number)];
            place.left = None;
            let Some(by) = place.by.take() else { continue };
            place.known = true;
            place.preempts.ends();
            if now < by.until
                && self.wished_before & bit(number) == 0
                && self.waited_since.is_none()
                && self.listed.iter().any(|(it, _)| it & bit(number) != 0)
            {
                let what = format!("says that it forwards for {number} before its kernel has answered");
                return broken(Invariant::Truthful, what);
            }
            if now < by.until && !(may_preempt && place.preempts.may_be_over(now)) {
                let left = now.until(by.until);
                let what = format!("takes forwarder {number} from {}, believed for {left:?} more", by.owner);
                return broken(Invariant::NotTooEarly, what);
            }
        }
        Ok(())
    }

    /// Whether it may have more right to the forwarder than this one, and takes it for that.
    fn may_preempt(&self, number: u8, by: By) -> bool {
        let most = right(self.sure_right_to(number).is_none_or(is_primary), self.low);
        self.member.takes_forwarders_after_ms.is_some() && by.right < most
    }

    /// How long it has to wait at least after a forwarder has become free at `due`, or could be preempted.
    fn waits_at_least(
        &self,
        due: Instant,
        now: Instant,
        without: Mac,
        step: Duration,
        taken: Numbers,
    ) -> Duration {
        let leaves_it = self.low && self.weighs_since < due && self.peers.others_can(due, now);
        let leaving_it = if leaves_it { self.hold_times.shortest } else { Duration::ZERO };
        leaving_it + step * self.rank(due, now, without, taken)
    }

    /// Nobody is taken a forwarder from, or after, while others come first.
    fn waits_its_turn(&self, now: Instant, number: u8, taken: Numbers) -> Result<(), Breach> {
        let place = &self.places[usize::from(number)];
        let asked_for = self.told & bit(number) != 0;
        if place.by.is_none()
            && place.left.is_none()
            && now < self.begun + self.hold_times.shortest
            && !asked_for
        {
            let what = format!("takes forwarder {number} before anybody can have been silent for long");
            return broken(Invariant::NotTooEarly, what);
        }
        let heard = place.by.map(|by| by.heard).or(place.left.map(|(at, _)| at));
        // Who was given it comes first.
        if self.sure_right_to(number).is_none_or(is_primary) || !heard.is_some_and(|at| self.knew_others(at))
        {
            return Ok(());
        }
        let (due, wait) = match (place.by, place.left) {
            (Some(by), _) if now >= by.until => {
                (by.until, self.waits_at_least(by.until, now, by.owner, STEP, taken))
            }
            (Some(by), _) => {
                let wait = STEP_WHILE_SERVED * self.rank(now - STEP_WHILE_SERVED * 8, now, by.owner, taken);
                match place.preempts.may_be_over(now - wait) {
                    true => return Ok(()),
                    false => (now, wait),
                }
            }
            (None, Some((at, owner))) => (at, self.waits_at_least(at, now, owner, STEP_WHILE_SERVED, taken)),
            (None, None) => return Ok(()),
        };
        match now < due + wait {
            true => {
                let what = format!("takes forwarder {number}, though others come first for {wait:?}");
                broken(Invariant::NotTooEarly, what)
            }
            false => Ok(()),
        }
    }

    /// Whether it had taken part for so long by then, as it is, that it had heard all others.
    fn knew_others(&self, at: Instant) -> bool {
        self.begun + self.hold_times.longest < at && self.weighs_since < at
    }

    /// Where nobody serves hosts, peers are told first: all of them wait for whoever is first to say so.
    fn says_so_at_once(&self, now: Instant, number: u8) -> Result<(), Breach> {
        let place = &self.places[usize::from(number)];
        // It may preempt as well who is silent: then its kernel comes first.
        let lost = |by: By| by.at_most <= now && !self.may_preempt(number, by);
        let silent = place.left.is_none() && place.by.is_some_and(lost);
        let moved = (self.wished ^ self.wished_before).count_ones();
        let alone = moved == 1 && self.contested == 0 && self.asked_at == now;
        let free = !self.any_turn && self.waited_since.is_none() && !self.stopping;
        let said = self.listed.iter().any(|(it, _)| it & bit(number) != 0);
        match silent && alone && free && !said {
            true => broken(Invariant::NotTooLate, format!("takes {number} over, and tells nobody at once")),
            false => Ok(()),
        }
    }

    /// Who was away for more than a hold time has heard nothing because it could hear nothing.
    fn listens_after_standing_still(&self, now: Instant, number: u8) -> Result<(), Breach> {
        let place = &self.places[usize::from(number)];
        let Some(by) = place.by.filter(|by| self.turned_at < by.until && !self.low) else { return Ok(()) };
        let long = by.silent_at.is_some_and(|at| at + self.hold_times.longest < now);
        match long && !self.may_preempt(number, by) && self.told & bit(number) == 0 {
            true => {
                let what = format!("takes {number} from {}, which it could not hear", by.owner);
                broken(Invariant::NotTooEarly, what)
            }
            false => Ok(()),
        }
    }

    /// At the end of a turn: nothing that is silent is left to nobody.
    pub(super) fn leaves_nothing_to_nobody(&self, now: Instant) -> Result<(), Breach> {
        // Who cannot carry it leaves it to others for as long as it pleases.
        if !self.is_known() || self.low {
            return Ok(());
        }
        for number in (1..=FORWARDERS).filter(|number| self.wished & bit(*number) == 0) {
            let place = &self.places[usize::from(number)];
            let Some(by) = place.by.filter(|by| self.knew_others(by.heard)) else { continue };
            // Nobody begins with what is nearly over.
            let is_ending = place.until.is_none_or(|until| until <= now + ROUNDING * 2);
            let others = self.rank_at_most(by.until, number, by.owner);
            if by.at_most + STEP * others <= now && !is_ending {
                let what = format!("leaves forwarder {number} to nobody, since {}", by.at_most);
                return broken(Invariant::NotTooLate, what);
            }
        }
        Ok(())
    }
}
