//! What was foreseen of a step against what the router did in it.

use std::time::Duration;

use fhrp::{Answer, Datagram, Holdings, Instant, Presence};

use crate::sim::carp::setup::Balancing;

use super::hears::Heard as Obeyed;
use super::says::Word;
use super::{State, Witness};
use crate::engine::Effect;
use crate::sim::carp::messages;
use crate::sim::invariant::{Breach, Invariant, broken};
use crate::sim::rules::{Heard, Step, Turn};

impl Witness {
    /// An advertisement was handed in.
    pub(in crate::sim::carp) fn heard(
        &mut self,
        heard: &Heard<'_>,
        said: &messages::Said,
    ) -> Result<(), Breach> {
        let runs = self.began && !(self.stopping && self.state == State::Init);
        if runs {
            let believed = self.believes(said.source, &said.advertisement);
            match (believed, heard.refused) {
                (true, true) => {
                    return broken(Invariant::Cause, "refuses an advertisement that breaks no rule");
                }
                (false, false) => {
                    return broken(Invariant::Forgery, "obeys an advertisement that breaks a rule");
                }
                (true, false) => self.obeys(Obeyed::new(heard.at, heard.step.now, said)),
                (false, true) => {}
            }
        }
        self.came(&heard.step)
    }

    /// What came of a step.
    pub(in crate::sim::carp) fn came(&mut self, step: &Step<'_>) -> Result<(), Breach> {
        let from = self.absorbed.max(step.before);
        let effects = step.effects.get(from..).unwrap_or_default();
        self.absorbed = step.effects.len();
        self.compares(step, effects)
    }

    /// The turn is over: what its timers did, and what must be true now.
    pub(in crate::sim::carp) fn turn(&mut self, turn: &Turn<'_>) -> Result<(), Breach> {
        let step = &turn.step();
        let effects = turn.effects.get(self.absorbed..).unwrap_or_default();
        self.absorbed = 0;
        self.ticks(turn.now);
        self.compares(step, effects)?;
        self.check_timers(turn)?;
        self.obligations.check(turn, self.state == State::Master, self.state_name())
    }

    fn compares(&mut self, step: &Step<'_>, effects: &[Effect]) -> Result<(), Breach> {
        let foreseen = self.take_said(step.wall);
        let said = self.absorb(step, effects)?;
        std::mem::take(&mut self.changes).compare(effects, step, State::Master.name())?;
        if said == foreseen {
            return Ok(());
        }
        let place = said.iter().zip(&foreseen).take_while(|(said, foreseen)| said == foreseen).count();
        match (said.get(place), foreseen.get(place)) {
            (Some((to, said)), Some((wanted, foreseen))) => {
                let what = format!("says {said:?} to {to}, must be {foreseen:?} to {wanted}");
                broken(Invariant::Truthful, what)
            }
            (Some((to, said)), None) => {
                broken(Invariant::Cadence, format!("says {said:?} to {to} out of turn"))
            }
            (None, _) => {
                let state = self.state_name();
                broken(Invariant::Cadence, format!("does not advertise while {state}, or not everything"))
            }
        }
    }

    /// Looks at everything that the router asked for in a step, and returns what it said.
    fn absorb(&mut self, step: &Step<'_>, effects: &[Effect]) -> Result<Vec<Word>, Breach> {
        let mut said = Vec::new();
        for effect in effects {
            let is_new = self.obligations.owes();
            self.obligations.absorb(effect, step.index);
            match effect {
                Effect::Send { group, datagram, .. } if *group == step.index => {
                    said.push(self.reads(datagram)?);
                }
                Effect::Hold(wish) if wish.group == step.index => {
                    self.judge_hold(&wish.holdings)?;
                    self.lease = wish.holdings.lease;
                }
                Effect::LastWill { group, datagrams, .. } if *group == step.index => {
                    self.judge_will(step.wall, datagrams)?;
                }
                Effect::Announce { group, .. } if *group == step.index && self.setup.shares() => {
                    return Err(Breach::new(
                        Invariant::Obligations,
                        "announces a shared MAC, which never moves",
                    ));
                }
                Effect::Announce { group, .. } if *group == step.index => self.announced(step.now, is_new),
                Effect::Send { .. }
                | Effect::Hold(_)
                | Effect::LastWill { .. }
                | Effect::Announce { .. }
                | Effect::Note { .. } => {}
            }
        }
        Ok(said)
    }

    fn reads(&mut self, datagram: &Datagram) -> Result<Word, Breach> {
        let (to, said) = messages::judge(&self.setup, &self.addresses, self.own, datagram)?;
        match self.without_cookie(said.advertisement) {
            Some(advertisement) => Ok((to, advertisement)),
            None => {
                let what = format!("has another counter: {:x}", said.advertisement.counter);
                Err(Breach::new(Invariant::Truthful, what))
            }
        }
    }

    /// What is held is what the settings say, or nothing.
    fn judge_hold(&self, holdings: &Holdings) -> Result<(), Breach> {
        if holdings.is_empty() {
            return Ok(());
        }
        let mut addresses: Vec<_> = self.setup.virtual_addresses().iter().map(|it| it.ip).collect();
        addresses.sort_unstable();
        let mac = self.setup.virtual_mac();
        let (presence, answer) = match mac {
            None => (Presence::OnInterface, Answer::Silent),
            Some(mac) if self.setup.accept => (Presence::Accepted, Answer::With(mac)),
            Some(mac) => (Presence::Unaccepted, Answer::With(mac)),
        };
        let answer = match (&self.setup.balancing, mac) {
            (Some(Balancing { number: 1.., .. }), _) => Answer::Silent,
            (Some(_), Some(mac)) if self.setup.is_hidden() => Answer::Stealth(mac),
            (Some(_) | None, _) => answer,
        };
        let mut held = holdings.addresses.values();
        let right = holdings.addresses.keys().eq(&addresses)
            && holdings
                .forward
                .iter()
                .map(|(mac, share)| (*mac, *share))
                .eq(mac.map(|mac| (mac, self.setup.share())))
            && held.all(|held| (held.presence, held.answer) == (presence, answer));
        match right && holdings.lease == self.patience() {
            true => Ok(()),
            false => broken(Invariant::Obligations, format!("wants to hold {holdings:?}")),
        }
    }

    /// A goodbye, in every family and to everybody; or nothing.
    fn judge_will(&mut self, wall: Duration, datagrams: &[Datagram]) -> Result<(), Breach> {
        if datagrams.is_empty() {
            return Ok(());
        }
        let said = datagrams.iter().map(|datagram| self.reads(datagram));
        let said: Vec<Word> = said.collect::<Result<_, Breach>>()?;
        match said == self.will(wall) {
            true => Ok(()),
            false => broken(Invariant::Truthful, format!("has {said:?} for a last will")),
        }
    }

    /// The announcement of a take-over is repeated; any other may stand for the repetition, or put it off.
    fn announced(&mut self, now: Instant, is_new: bool) {
        self.repeats_at = self.repeats_at.filter(|at| is_new && *at > now);
        self.rivals.are_refuted();
    }

    /// Who waits has a timer, none is past, and none is later than what is due.
    fn check_timers(&self, turn: &Turn<'_>) -> Result<(), Breach> {
        turn.has_no_timer_left_behind()?;
        if self.repeats_at.is_some_and(|at| at <= turn.now) && !self.obligations.waits() {
            return broken(Invariant::Obligations, "does not repeat its announcement");
        }
        if self.rivals.are_believed(turn.now) && !self.obligations.waits() {
            let what = "answers a worse router, and does not tell the hosts again";
            return broken(Invariant::Obligations, what);
        }
        match (self.due(), turn.deadline) {
            (Some(due), Some(deadline)) if deadline > due => {
                let late = due.until(deadline);
                broken(Invariant::Timers, format!("{}, and sleeps {late:?} too long", self.state_name()))
            }
            (Some(_), None) => broken(Invariant::Timers, format!("{} without a timer", self.state_name())),
            (Some(_), Some(_)) | (None, _) => Ok(()),
        }
    }
}
