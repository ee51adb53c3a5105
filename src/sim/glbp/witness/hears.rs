//! What a router hears, and what has to come of that.

use std::time::Duration;

use ::glbp::config::{DEFAULT_TIMES, Retirement, Times};
use ::glbp::wire::{Forwarder, Hello, Kind, State};
use fhrp::{Instant, Mac};

use super::super::messages::Said;
use super::countdown::Better;
use super::nonces::Proof;
use super::{By, Other, Witness, bit, is_primary, right};
use crate::sim::invariant::{Breach, Invariant};
use crate::sim::rules::{Heard, Step};

/// The longest hold time there is.
pub(super) const LONGEST_HOLD: Duration = Duration::from_secs(180);

impl Witness {
    /// A message was handed in.
    pub(in crate::sim::glbp) fn heard(&mut self, heard: &Heard<'_>, said: &Said) -> Result<(), Breach> {
        let before = (self.said, self.wished);
        self.heard_messages += 1;
        let free = !self.waits;
        // By the nonces that it had when it heard that; what it says to it may bring new ones.
        self.was_right_to_obey(heard, said)?;
        if let Some(hello) = &said.message.hello {
            // It may go by these times from now on, in what it says to that.
            self.nonce_period = self.nonce_period.max(hello.hold).max(hello.hello * 2);
        }
        (self.hearing, self.arrived) = (true, heard.at.min(heard.step.now));
        self.first_arrived.get_or_insert(self.arrived);
        let words = std::mem::take(&mut self.last_words);
        let looked = self.looks(&heard.step);
        self.hearing = false;
        looked?;
        if let Some(hello) = said.message.hello.as_ref().filter(|_| !heard.refused) {
            let next = matches!(hello.state, State::Speak | State::Standby);
            self.outdone |= next && !self.outranks(hello.priority, said.source);
            self.follows_election(heard.step.now, self.arrived, hello);
        }
        let last_words = self.last_words;
        self.last_words |= words;
        if !heard.refused {
            self.hears(heard.at.min(heard.step.now), said, before)?;
            self.said_its_last_word(said, before.1 & !self.wished, free.then_some(last_words))
        } else {
            self.gave_nothing_up(before, 0, false)
        }
    }

    /// What proves itself is obeyed, and nothing else.
    fn was_right_to_obey(&self, heard: &Heard<'_>, said: &Said) -> Result<(), Breach> {
        let scheme = self.setup.authentication;
        let wrong = |what: &str| Err(Breach::new(Invariant::Forgery, what));
        // Who has stopped counts nothing any more; and what comes back is nobody's word.
        if self.stopping || said.message.owner == self.mac() {
            return Ok(());
        }
        let proof = match scheme.believes(said.key, heard.step.wall) {
            false => Proof::Old,
            true if scheme.counts() => self.nonces.judges(self.mac(), &said.message),
            true => Proof::New,
        };
        match (proof, heard.refused) {
            (Proof::Old, false) => wrong("obeys a message that proves nothing"),
            // Whoever takes no part has nothing to obey it with.
            (Proof::New, true) if self.said.is_some() => {
                wrong("refuses a member's message that proves itself")
            }
            (Proof::New, _) | (Proof::Old, true) | (Proof::Open, _) => Ok(()),
        }
    }

    fn hears(&mut self, at: Instant, said: &Said, before: (Option<State>, u8)) -> Result<(), Breach> {
        let message = &said.message;
        if let Some((hold, until)) = self.holds.get_mut(&message.owner).filter(|(_, until)| *until > at) {
            *until = at + *hold;
        }
        if message.kind != Kind::Hello {
            self.is_given(at, said);
            return self.gave_nothing_up(before, 0, false);
        }
        match &message.hello {
            // Who leaves is no member any more.
            Some(hello) if hello.priority == 0 => self.holds.remove(&message.owner),
            Some(hello) => self.holds.insert(message.owner, (hello.hold, at + hello.hold)),
            None => None,
        };
        let claimed =
            |it: &&Forwarder| it.state == State::Active && it.mac == self.setup.virtual_mac(it.number);
        let claims = message.forwarders.iter().filter(claimed).fold(0, |all, it| all | bit(it.number));
        let answers = message.hello.is_some_and(|hello| hello.state == State::Active);
        self.is_succeeded(at, claims, answers);
        let mut gateway = false;
        if let Some(hello) = &message.hello {
            gateway = hello.state == State::Active && !self.outranks(hello.priority, said.source);
            self.hears_gateway(at, said, hello);
        }
        // What it says about that may wait for its kernel.
        let sure = !self.waits && !self.any_turn;
        if gateway && sure && before.0 == Some(State::Active) && self.said == Some(State::Active) {
            let what = format!("goes on as active gateway, though {} is better", said.source);
            return Err(Breach::new(Invariant::GivesWay, what));
        }
        let mut beaten = 0;
        for forwarder in &message.forwarders {
            if forwarder.mac == self.setup.virtual_mac(forwarder.number) {
                beaten |= self.hears_forwarder(at, said, forwarder, before.1)?;
            }
        }
        self.peers.hears(at, said.source, message, claims);
        self.gave_nothing_up(before, beaten, gateway)
    }

    /// Who yields a forwarder to a message that does not come from its MAC says a last word of it from its own: the winner
    /// answers that from where switches are to learn it.
    fn said_its_last_word(&self, said: &Said, yielded: u8, words: Option<u8>) -> Result<(), Breach> {
        let claims = |number: &u8| said.message.forwarders.iter().any(|it| it.number == *number);
        let elsewhere = |number: &u8| said.source_mac != self.setup.virtual_mac(*number);
        let Some(words) = words.filter(|_| self.runs()) else { return Ok(()) };
        let silent = (1..=super::FORWARDERS)
            .filter(|number| yielded & !words & bit(*number) != 0)
            .find(|number| claims(number) && elsewhere(number));
        match silent {
            Some(number) => {
                let what = format!("yields forwarder {number}, and switches do not learn to whom");
                Err(Breach::new(Invariant::Obligations, what))
            }
            None => Ok(()),
        }
    }

    /// From now on it knows the forwarder that it is given, and the delay of its preemption runs.
    fn is_given(&mut self, at: Instant, said: &Said) {
        let message = &said.message;
        let own = self.member.times().unwrap_or(DEFAULT_TIMES);
        let hold = self.active.map_or(own, |active| active.times).hold;
        // What it has not asked for is nobody's.
        if self.asked.is_none_or(|(whom, when)| whom != said.source || at >= when + hold) {
            return;
        }
        let delay = Duration::from_millis(self.member.takes_forwarders_after_ms.unwrap_or_default());
        let numbers = message.forwarders.iter().map(|it| usize::from(it.number));
        for number in numbers.filter(|_| message.kind == Kind::Response) {
            let Some(place) = self.places.get_mut(number) else { continue };
            place.is_learnt(at, at, delay);
            // It is its own now, if it had asked for one.
            place.given = None;
        }
    }

    /// What was held before is held still, but for these; who was active is, unless there is a better one.
    fn gave_nothing_up(&self, before: (Option<State>, u8), beaten: u8, gateway: bool) -> Result<(), Breach> {
        if self.stopping || self.said.is_none() {
            return Ok(());
        }
        if before.1 & !self.wished & !beaten != 0 {
            return Err(Breach::new(Invariant::GivesWay, "gives a forwarder up to nobody better"));
        }
        if before.0 == Some(State::Active) && self.said != Some(State::Active) && !gateway {
            return Err(Breach::new(Invariant::GivesWay, "gives the gateway's role up to nobody better"));
        }
        Ok(())
    }

    fn hears_gateway(&mut self, at: Instant, said: &Said, hello: &Hello) {
        let source = said.source;
        if hello.state != State::Active {
            if self.active.is_some_and(|active| active.source == source) {
                self.active = None;
                self.vacant = true;
                self.gave_away = false;
                self.preempts.ends();
            }
            return;
        }
        let Hello { priority, hello, hold, redirect, timeout, .. } = *hello;
        let retirement = Retirement { redirect, timeout };
        let times = Times { hello, hold };
        self.gave_away &= self.active.is_none_or(|active| active.until > at);
        // Who is in an election may have won it by what came before that.
        let elects = matches!(self.said_before, Some(State::Speak | State::Standby));
        self.vacant |= elects && self.active.is_none_or(|active| active.until <= at);
        self.hold_times.may_be(hold);
        if self.said != Some(State::Active) {
            self.active = Some(Other { source, priority, times, retirement, until: at + hold });
            self.judges_gateway(at);
        }
    }

    pub(super) fn judges_gateway(&mut self, at: Instant) {
        let Some(active) = self.active else { return };
        let delay = self.member.preempts_after_ms;
        let better = delay.is_some() && self.outranks(active.priority, active.source);
        if !self.preempts.is_suspended() {
            self.preempts.judges(
                at,
                Better::of(better, better),
                Duration::from_millis(delay.unwrap_or_default()),
            );
        }
    }

    /// What a message says of a forwarder. Returns the forwarder if it may have been given up for that.
    fn hears_forwarder(&mut self, at: Instant, said: &Said, it: &Forwarder, held: u8) -> Result<u8, Breach> {
        let number = it.number;
        let owner = said.message.owner;
        if it.state != State::Active {
            let place = &mut self.places[usize::from(number)];
            if place.by.is_some_and(|by| by.owner == owner) {
                place.by = None;
                place.left = Some((at, owner));
                place.ends = Some((at + it.lifetime, at + it.redirection));
                place.preempts.ends();
            }
            return Ok(0);
        }
        let (least, most) = self.rights_to(number);
        let beats = |right: u8| (it.priority, said.source) > (right, self.source());
        let (surely, perhaps) = (beats(most), beats(least));
        if held & bit(number) != 0 {
            if surely && self.forwards(number) && !self.stopping {
                let what =
                    format!("goes on with forwarder {number}, to which {} has more right", said.source);
                return Err(Breach::new(Invariant::GivesWay, what));
            }
            if !perhaps {
                // It counts by its own clock still, and says so.
                self.contested |= bit(number);
                return Ok(0);
            }
            if self.forwards(number) {
                return Ok(0);
            }
        }
        self.follows(at, owner, it);
        Ok(bit(number))
    }

    /// The least and the most right that it may have to a forwarder.
    fn rights_to(&self, number: u8) -> (u8, u8) {
        let sure = self.sure_right_to(number);
        let most = sure.unwrap_or(right(true, self.low));
        (sure.unwrap_or(right(false, self.low)), most)
    }

    fn follows(&mut self, at: Instant, owner: Mac, it: &Forwarder) {
        let (least, most) = self.rights_to(it.number);
        let takes = self.member.takes_forwarders_after_ms;
        let delay = Duration::from_millis(takes.unwrap_or_default());
        // Who is remembered no more, and says nothing of it, is believed for as long as the group's times say.
        let hold = self.holds.get(&owner).filter(|(_, until)| *until > at).map(|(hold, _)| *hold);
        // What it was told before it fell silent it has forgotten: then it goes by the times that are in force.
        let known = hold.filter(|_| self.peers.know(owner, at));
        let shortest = known.or(hold.map(|hold| hold.min(self.hold_times.shortest)));
        let until = at + shortest.unwrap_or_default();
        let at_most = at + known.unwrap_or(LONGEST_HOLD);
        let runs = self.runs();
        let lonely_since = self.lonely_since.filter(|_| self.own.is_none());
        let place = &mut self.places[usize::from(it.number)];
        if place.by.is_some_and(|by| by.until <= at) {
            // Its silence may have been noticed, or not: then it is nothing new that it has less right to it.
            place.preempts.may_end();
        }
        if runs {
            place.is_learnt(lonely_since.unwrap_or(at), at, delay);
        }
        place.claimed = None;
        place.left = None;
        place.until = Some(at + it.lifetime);
        let ends = (at + it.lifetime, at + it.redirection);
        place.ends = Some(ends).filter(|_| !is_primary(it.priority));
        let silent_at = known.map(|hold| at + hold);
        let (right, redirection) = (it.priority, it.redirection);
        place.by = Some(By { owner, right, until, at_most, heard: at, silent_at, redirection });
        let better = |right: u8| takes.is_some() && it.priority < right;
        place.preempts.judges(at, Better::of(better(least), better(most)), delay);
        if is_primary(it.priority) {
            // Nobody has two.
            for place in self.places.iter_mut().filter(|place| place.given == Some(owner)) {
                place.given = None;
            }
            self.places[usize::from(it.number)].given = Some(owner);
            if self.own == Some(it.number) {
                self.own = None;
            }
        }
    }

    /// It was told something other than a message.
    pub(in crate::sim::glbp) fn came(&mut self, step: &Step<'_>) -> Result<(), Breach> {
        self.looks(step)?;
        if std::mem::take(&mut self.judges_again) {
            self.judges_gateway(step.now);
            for number in 1..=super::FORWARDERS {
                self.judges_forwarder(step.now, number);
            }
        }
        Ok(())
    }

    pub(super) fn judges_forwarder(&mut self, now: Instant, number: u8) {
        let (least, most) = self.rights_to(number);
        let takes = self.member.takes_forwarders_after_ms;
        let delay = Duration::from_millis(takes.unwrap_or_default());
        let place = &mut self.places[usize::from(number)];
        let Some(by) = place.by else { return };
        let better = |right: u8| takes.is_some() && by.right < right;
        place.preempts.judges(now, Better::of(better(least), better(most)), delay);
    }
}
