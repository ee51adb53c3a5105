//! What must be so at the end of a turn.

use std::time::Duration;

use ::glbp::config::DEFAULT_TIMES;
use ::glbp::wire::State;
use fhrp::{Instant, Mac};

use super::super::setup::FORWARDERS;
use super::{ROUNDING, Witness, bit, is_primary};
use crate::sim::invariant::{Breach, Invariant, broken};
use crate::sim::rules::{Step, Turn};

/// The least time between two words against somebody with less right to a forwarder.
const REACTION_PAUSE: Duration = Duration::from_millis(100);

impl Witness {
    /// A host was told a MAC.
    pub(in crate::sim::glbp) fn answered(&mut self, step: &Step<'_>, mac: Mac) -> Result<(), Breach> {
        self.looks(step)?;
        let Some(number) = self.setup.number_of(mac) else {
            return broken(Invariant::Truthful, format!("tells a host {mac}, which is no forwarder's"));
        };
        self.acted = Some("answers a host");
        self.told |= bit(number);
        // Who has said goodbye, and answers until somebody else does, knows more than is remembered of it.
        if self.stopping {
            return Ok(());
        }
        let place = &self.places[usize::from(number)];
        let somebody = self.forwards(number) || place.by.is_some_and(|by| by.at_most >= self.turned_at);
        if !somebody && place.by.is_none() {
            // It takes it over in order to answer.
            self.told_early |= bit(number);
        } else if !somebody {
            return broken(
                Invariant::Reachable,
                format!("sends a host to forwarder {number}, which is silent"),
            );
        }
        let over = place.by.filter(|by| !self.forwards(number) && !is_primary(by.right));
        let redirects = self.member.retirement_s.is_none_or(|(redirect, _)| redirect > 0);
        if redirects && over.is_some_and(|by| by.redirection.is_zero()) {
            return broken(
                Invariant::Truthful,
                format!("sends a host to forwarder {number}, whose owner is gone for long"),
            );
        }
        Ok(())
    }

    /// A turn is over.
    pub(in crate::sim::glbp) fn turn(&mut self, turn: &Turn<'_>) -> Result<(), Breach> {
        let before = self.wished;
        let active_before = self.said == Some(State::Active);
        self.looks(&turn.step())?;
        self.seen = 0;
        self.may_have_taken(turn.now, before)?;
        self.may_have_given_up(turn.now, before)?;
        for number in (1..=FORWARDERS).filter(|number| self.wished & bit(*number) == 0) {
            self.places[usize::from(number)].claimed = None;
        }
        self.forgets_what_is_over(turn.now);
        self.may_be_active(turn.now, active_before)?;
        self.hands_over_in_order(turn.now);
        self.succeeds_at_once()?;
        self.leaves_in_order(turn)?;
        self.lists_what_it_has()?;
        self.says_what_it_has(turn.now)?;
        self.holds_again()?;
        self.gives_way_in_line(turn.now)?;
        self.is_in_order(turn)?;
        // So late that it does not count what it has not heard.
        let own = self.member.times().unwrap_or(DEFAULT_TIMES).hold;
        let hold = self.active.map_or(own, |active| active.times.hold.min(own));
        if turn.now > self.turned_at + hold {
            self.is_patient(turn.now);
        }
        self.misses_no_call(turn.now)?;
        self.leaves_nothing_to_nobody(turn.now)?;
        self.peers.has(turn.now, self.wished);
        self.acted = None;
        self.told = 0;
        (self.heard_messages, self.outdone) = (0, false);
        if std::mem::take(&mut self.told_early) & !self.wished & !self.wished_before != 0 {
            return broken(Invariant::Reachable, "sends a host to a forwarder that nobody forwards for");
        }
        self.vacant = false;
        self.turned_at = turn.now;
        self.first_arrived = None;
        self.was_known = self.is_known();
        self.waited_since = None;
        self.listed.clear();
        self.said_before = self.said;
        self.wished_before = self.wished;
        turn.has_no_timer_left_behind()
    }

    /// Whether everything that it is has been said: nothing waits for its kernel, or may have given way there.
    pub(super) fn is_known(&self) -> bool {
        self.runs() && !self.waits && !self.any_turn && self.waited_since.is_none()
    }

    /// A forwarder that nobody claimed is given up when its time is over.
    fn may_have_given_up(&self, now: Instant, before: u8) -> Result<(), Breach> {
        if !self.runs() {
            return Ok(());
        }
        for number in (1..=FORWARDERS).filter(|number| before & !self.wished & bit(*number) != 0) {
            let claimed = self.places[usize::from(number)].claimed;
            let over =
                claimed.is_none_or(|it| !is_primary(it.right) && it.written + it.lifetime <= now + ROUNDING);
            if !over {
                return broken(
                    Invariant::GivesWay,
                    format!("gives forwarder {number} up, and nobody is better"),
                );
            }
        }
        Ok(())
    }

    /// Forwarders are not there for ever: whoever forwarded said for how long.
    fn forgets_what_is_over(&mut self, now: Instant) {
        for number in (1..=FORWARDERS).filter(|number| self.wished & bit(*number) == 0) {
            let place = &mut self.places[usize::from(number)];
            if place.until.is_some_and(|until| until + ROUNDING <= now) {
                place.known = false;
                place.by = None;
                place.until = None;
                self.own = self.own.filter(|own| *own != number);
            }
        }
    }

    /// A hello lists what is forwarded for, and nothing else.
    fn lists_what_it_has(&self) -> Result<(), Breach> {
        // Within a turn it may ask for what it gives up again.
        let meanwhile = if self.waits { self.wished_meanwhile } else { 0 };
        for (listed, all) in &self.listed {
            if listed & !(self.wished | self.wished_before | meanwhile) != 0 {
                return broken(Invariant::Truthful, "says that it forwards for what it does not ask for");
            }
            let kept = self.wished & self.wished_before;
            if *all && self.runs() && kept & !listed != 0 {
                return broken(Invariant::Truthful, "forwards for more than its hello says");
            }
        }
        Ok(())
    }

    /// What it held may have lapsed: it asks for that once more, and says nothing of it before it has it.
    fn holds_again(&mut self) -> Result<(), Breach> {
        let Some(before) = self.lapsed.take().filter(|_| self.runs()) else { return Ok(()) };
        let kept = self.wished & self.wished_before;
        if self.owes_hold && kept != 0 {
            return broken(Invariant::Obligations, "does not ask again for what may have lapsed");
        }
        let said = self.listed.get(before..).unwrap_or_default().iter();
        match said.fold(0, |all, (it, _)| all | it) & kept {
            0 => Ok(()),
            _ => broken(Invariant::Truthful, "says that it forwards for what may have lapsed"),
        }
    }

    /// What it has everybody hears of: at once where it is claimed by others, from where switches are to send its frames,
    /// and what it leaves with the nonces that are good.
    fn says_what_it_has(&mut self, now: Instant) -> Result<(), Breach> {
        let (contested, last_words) =
            (std::mem::take(&mut self.contested), std::mem::take(&mut self.last_words));
        if last_words & self.wished & !self.wished_before != 0 {
            return broken(
                Invariant::Obligations,
                "takes a forwarder over, and does not say so from its MAC",
            );
        }
        if !self.runs() || self.waits {
            return Ok(());
        }
        let said = |number: &u8| self.places[usize::from(*number)].claimed;
        let mut held = (1..=FORWARDERS).filter(|number| self.wished & bit(*number) != 0);
        if let Some(number) = held.clone().find(|number| said(number).is_none()) {
            return broken(Invariant::Obligations, format!("forwards for {number}, and has not said so"));
        }
        if self.any_turn || self.waited_since.is_some() {
            return Ok(());
        }
        let lately = |number: &u8| said(number).is_some_and(|it| it.at + REACTION_PAUSE >= now);
        if let Some(number) = held.find(|number| contested & bit(*number) != 0 && !lately(number)) {
            return broken(Invariant::Cadence, format!("is silent though somebody worse claims {number}"));
        }
        let old = self.will_challenge.as_ref().is_some_and(|will| !self.nonces.is_latest(will));
        match self.will.is_some() && old && self.hello.is_some_and(|hello| hello.at == now) {
            true => broken(Invariant::Obligations, "leaves a last will with a nonce that is out of date"),
            false => Ok(()),
        }
    }

    fn is_in_order(&self, turn: &Turn<'_>) -> Result<(), Breach> {
        let active = self.said == Some(State::Active);
        if let Some(deed) = self.acted.filter(|_| !active && self.said_before != Some(State::Active))
            && !self.stopping
            // It may have been for a moment.
            && !self.vacant
            && self.wished_before | self.wished == 0
        {
            return broken(Invariant::Truthful, format!("{deed}, and is not the active gateway"));
        }
        if turn.settled && self.wished != self.wished_before {
            return broken(Invariant::Cause, "forwarders move though nothing has happened for long");
        }
        // A last will waits for nobody: it gives up what is asked for at this moment.
        if !self.stopping && self.will.map_or(self.wished != 0, |left| left != self.wished) {
            let what = format!("leaves {:?} in its last will, and asks for {:?}", self.will, self.wished);
            return broken(Invariant::Obligations, what);
        }
        if !self.runs() {
            return Ok(());
        }
        // What it says may wait for its kernel.
        if self.waits {
            return Ok(());
        }
        if let Some(hello) = self.hello.filter(|hello| turn.now >= hello.at + hello.promised) {
            let what = format!("said nothing for {:?}", hello.at.until(turn.now));
            return broken(Invariant::Cadence, what);
        }
        // Or have given way there to newer words: then it is not known what it is.
        if self.any_turn {
            return Ok(());
        }
        if turn.holds != (active || self.wished != 0) {
            return broken(Invariant::Obligations, "holds what its roles do not call for, or does not");
        }
        let will = (active || self.wished != 0).then_some(self.wished);
        if self.will != will {
            let what = format!("leaves {:?} in its last will, and has {will:?}", self.will);
            return broken(Invariant::Obligations, what);
        }
        Ok(())
    }
}
