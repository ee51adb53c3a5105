//! What was foreseen of a step against what the router did in it.

use std::time::Duration;

use ::hsrp::wire::{GroupMessage, Operation, State as Said};
use fhrp::{Datagram, Holdings, Instant, Note, Route, Share};

use super::hears::Message;
use super::ticks::Choices;
use super::{Foreseen, State, Witness};
use crate::engine::Effect;
use crate::sim::foresight::noted;
use crate::sim::hsrp::messages::{self, Sent};
use crate::sim::invariant::{Breach, Invariant};
use crate::sim::rules::{Heard, Step, Turn};

pub(super) fn broken(invariant: Invariant, what: impl Into<String>) -> Result<(), Breach> {
    Err(Breach::new(invariant, what))
}

impl Witness {
    /// A message was handed in.
    pub(in crate::sim::hsrp) fn heard(
        &mut self,
        heard: &Heard<'_>,
        said: &messages::Said,
    ) -> Result<(), Breach> {
        let runs = self.began && !(self.stopping && self.state == State::Initial);
        let believed = self.setup.authentication.believes(said.key, heard.step.wall);
        let allowed = said.source != self.source && believed;
        if runs && allowed == heard.refused {
            return match allowed {
                true => broken(Invariant::Cause, "refuses a message that breaks no rule"),
                false => broken(Invariant::Forgery, "obeys a message that breaks a rule"),
            };
        }
        if runs && allowed {
            self.obeys(&Message { at: heard.at, now: heard.step.now, said });
        }
        self.came(&heard.step)
    }

    /// What came of a step that nothing is left to choose in.
    pub(in crate::sim::hsrp) fn came(&mut self, step: &Step<'_>) -> Result<(), Breach> {
        let from = self.foreseen.absorbed.max(step.before);
        let effects = step.effects.get(from..).unwrap_or_default();
        let said = self.absorb(step, effects)?;
        let foreseen = self.take_foreseen(step.effects.len());
        foreseen.changes.compare(effects, step, State::Active.name())?;
        let more = self.compare_messages(&foreseen, &said)?;
        match more.as_slice() {
            [] => Ok(()),
            more if foreseen.may_follow && self.is_of_an_active(more) => Ok(()),
            [(operation, state), ..] => {
                broken(Invariant::Cadence, format!("says {operation:?} {state:?} out of turn"))
            }
        }
    }

    /// Whether this is what an active router says again and again: a Hello, or a Coup and a Hello.
    fn is_of_an_active(&self, said: &[Spoken]) -> bool {
        let hello = (Operation::Hello, Said::Active);
        said == [hello] || said == [(Operation::Coup, Said::Active), hello]
    }

    fn take_foreseen(&mut self, absorbed: usize) -> Foreseen {
        let mut foreseen =
            std::mem::replace(&mut self.foreseen, Foreseen { absorbed, ..Foreseen::default() });
        if !foreseen.held_back.is_empty() {
            self.waiting_behind = std::mem::take(&mut foreseen.held_back);
        }
        foreseen
    }

    /// The turn is over: what its timers did, and what must be true now.
    pub(in crate::sim::hsrp) fn turn(&mut self, turn: &Turn<'_>) -> Result<(), Breach> {
        let step = &turn.step();
        let effects = turn.effects.get(self.foreseen.absorbed..).unwrap_or_default();
        let before = (self.state, self.said_at);
        let choices = Choices {
            stood_still: noted(effects, step.index)
                .any(|note| matches!(note, Note::Remark { name: "stalled", .. })),
            moved: noted(effects, step.index).any(|note| matches!(note, Note::Transition { .. })),
        };
        self.ticks(turn.now, choices)?;
        let said = self.absorb(step, effects)?;
        let foreseen = self.take_foreseen(0);
        foreseen.changes.compare(effects, step, State::Active.name())?;
        let more = self.compare_messages(&foreseen, &said)?;
        self.came_by_itself(turn, &more, before)?;
        self.check_timers(turn)?;
        self.check_interface(turn)?;
        self.obligations.check(turn, self.state == State::Active, self.state_name())
    }

    /// What was not foreseen: the hello of whoever is in a state that says it, when its timer expires; or an answer that
    /// comes before its latest time.
    fn came_by_itself(
        &mut self,
        turn: &Turn<'_>,
        more: &[Spoken],
        before: (State, Instant),
    ) -> Result<(), Breach> {
        let [.., (operation, state)] = more else { return Ok(()) };
        if more.len() == 2 && self.may_answer && self.is_of_an_active(more) {
            self.owes = None;
            self.begins_hellos(turn.now);
            return Ok(());
        }
        let periodic = more == [(Operation::Hello, self.state.said())]
            && before.0 == self.state
            && self.hello_by.is_some();
        if !periodic {
            return broken(Invariant::Cadence, format!("says {operation:?} {state:?} out of turn"));
        }
        // A fifth early at most; and a little, for the last one may have been late.
        let hello = self.times().hello;
        let least = if self.member.jitter { hello * 3 / 4 } else { hello * 19 / 20 };
        let gap = turn.now.since(before.1);
        if turn.settled && gap < least {
            return broken(Invariant::Cadence, format!("says hello after {gap:?} already"));
        }
        self.may_answer = false;
        self.begins_hellos(turn.now);
        // Whoever outlives it must believe in the last will for as long as in the last hello.
        match self.state == State::Active && self.will_key != self.signing_key(turn.step().wall) {
            true => broken(
                Invariant::Truthful,
                "leaves a last will that is sealed with another key than its hellos",
            ),
            false => Ok(()),
        }
    }

    /// Looks at everything that the router asked for in a step, and returns what it said of the group.
    fn absorb(&mut self, step: &Step<'_>, effects: &[Effect]) -> Result<Vec<GroupMessage>, Breach> {
        let mut said = Vec::new();
        // What waited for the kernel was sealed when it was asked for.
        let walls = [self.sealed_since.unwrap_or(step.wall), step.wall];
        for effect in effects {
            let is_new = self.obligations.owes();
            self.obligations.absorb(effect, step.index);
            match effect {
                Effect::Send { group, datagram, .. } if *group == step.index => {
                    match messages::judge(&self.setup, self.address, walls, datagram)? {
                        Sent::Group(message) => {
                            self.judge_order(&message)?;
                            said.push(message);
                        }
                        Sent::Interface(message) => self.interface_said(step, &message)?,
                    }
                }
                Effect::Hold(wish) if wish.group == step.index => {
                    self.judge_hold(&wish.holdings)?;
                    self.lease = wish.holdings.lease;
                }
                Effect::LastWill { group, datagrams, .. } if *group == step.index => {
                    self.judge_will(step.wall, datagrams)?;
                }
                Effect::Announce { group, .. } if *group == step.index => self.announced(step.now, is_new),
                _ => {}
            }
        }
        self.sealed_since = (!self.waiting.is_empty()).then_some(walls[0]);
        Ok(said)
    }

    /// What is held is what the settings say, or nothing. RFC 2281 §5.1, §6.
    fn judge_hold(&self, holdings: &Holdings) -> Result<(), Breach> {
        if holdings.is_empty() {
            return Ok(());
        }
        let all = self.setup.virtual_addresses();
        let held = if self.member.knows_address { &all[..] } else { &all[..1] };
        let mut held: Vec<_> = held.iter().map(|address| address.ip).collect();
        held.sort_unstable();
        let macs = self.setup.virtual_mac().map(|mac| (mac, Share::Whole));
        let right = holdings.addresses.keys().copied().eq(held)
            && holdings.forward.iter().map(|(mac, share)| (*mac, *share)).eq(macs);
        match right && holdings.lease == self.times().hold {
            true => Ok(()),
            false => broken(Invariant::Obligations, format!("wants to hold {holdings:?}")),
        }
    }

    /// A goodbye is a Resign in the state that follows. RFC 2281 §5.5, event b.
    fn judge_will(&mut self, wall: Duration, datagrams: &[Datagram]) -> Result<(), Breach> {
        for datagram in datagrams {
            let expected = self.message(Operation::Resign, Said::Initial);
            let own = matches!(datagram.route, Route::Link { source_mac, .. } if source_mac == crate::sim::machine::mac(self.address));
            match messages::judge(&self.setup, self.address, [wall; 2], datagram)? {
                Sent::Group(message) if message == expected && own => self.will_key = self.signing_key(wall),
                Sent::Group(message) => {
                    return broken(Invariant::Truthful, format!("has {message:?} for a last will"));
                }
                Sent::Interface(_) => {
                    return broken(Invariant::Truthful, "has an interface's state for a last will");
                }
            }
        }
        Ok(())
    }

    /// The announcement of a take-over is repeated; any other may stand for the repetition, or put it off.
    fn announced(&mut self, now: Instant, is_new: bool) {
        self.repeats_at = self.repeats_at.filter(|at| is_new && *at > now);
        self.rivals.are_refuted();
    }

    /// The messages that were foreseen came in their order, and all say what is so. Returns those that were not foreseen.
    fn compare_messages(&self, foreseen: &Foreseen, said: &[GroupMessage]) -> Result<Vec<Spoken>, Breach> {
        for (place, (operation, state, expected)) in foreseen.messages.iter().enumerate() {
            let message = said.get(place);
            if message.is_none_or(|message| (message.operation, message.state) != (*operation, *state)) {
                let what = format!("does not say {operation:?} {state:?} while {}", self.state_name());
                return Err(Breach::new(Invariant::Cadence, what));
            }
            if message != Some(expected) {
                let what = format!("says {message:?}, must be {expected:?}");
                return Err(Breach::new(Invariant::Truthful, what));
            }
        }
        let more = said.get(foreseen.messages.len()..).unwrap_or_default();
        for message in more {
            // What waited for the kernel says what was so when it was meant to be said.
            if !foreseen.may_follow && *message != self.message(message.operation, message.state) {
                return Err(Breach::new(Invariant::Truthful, format!("says {message:?}, which is not so")));
            }
        }
        Ok(more.iter().map(|message| (message.operation, message.state)).collect())
    }

    /// Who waits has a timer, and none is past. RFC 2281 §5.4.
    fn check_timers(&self, turn: &Turn<'_>) -> Result<(), Breach> {
        turn.has_no_timer_left_behind()?;
        let waits = !matches!(self.state, State::Initial | State::Learn);
        if waits && turn.deadline.is_none() {
            return broken(Invariant::Timers, format!("{} without a timer", self.state_name()));
        }
        if let Some(until) = self.away_until()
            && turn.deadline.is_none_or(|deadline| deadline > until)
        {
            return broken(Invariant::Timers, "sleeps beyond the end of what keeps it from running");
        }
        if let Some(by) = self.hello_by
            && by <= turn.now
        {
            let late = by.until(turn.now);
            return broken(
                Invariant::Cadence,
                format!("{}, and its hello is {late:?} late", self.state.name()),
            );
        }
        if self.state.speaks() && self.hello_by.is_none() && self.leaving.is_none() && !self.claim_waits {
            return broken(Invariant::Timers, format!("{} without a hello timer", self.state.name()));
        }
        if self.rivals.are_believed(turn.now) && !self.obligations.waits() {
            let what = "answers a worse router, and does not tell the hosts again";
            return broken(Invariant::Obligations, what);
        }
        if self.repeats_at.is_some_and(|at| at <= turn.now) && !self.obligations.waits() {
            return broken(Invariant::Obligations, "does not repeat its announcement");
        }
        Ok(())
    }
}

/// What was said.
type Spoken = (Operation, Said);
