//! What a router says and asks for, looked at.

use std::time::Duration;

use ::glbp::config::DEFAULT_TIMES;
use ::glbp::wire::{Forwarder, Hello, Kind, Message, State};
use fhrp::{Datagram, Instant, Mac};

use super::super::messages;
use super::super::setup::FORWARDERS;
use super::hears::LONGEST_HOLD;
use super::{Claimed, Countdown, LastHello, Numbers, ROUNDING, Witness, bit, is_primary, right};
use crate::engine::{Effect, GroupIndex};
use crate::sim::invariant::{Breach, Invariant};
use crate::sim::rules::Step;

fn broken(what: String) -> Result<(), Breach> {
    Err(Breach::new(Invariant::Truthful, what))
}

impl Witness {
    /// Everything that was asked for since the last look.
    pub(super) fn looks(&mut self, step: &Step<'_>) -> Result<(), Breach> {
        let new = step.effects.get(self.seen..).unwrap_or_default();
        self.seen = step.effects.len();
        for effect in new {
            self.asks_for(step, effect, step.index)?;
        }
        Ok(())
    }

    fn asks_for(&mut self, step: &Step<'_>, effect: &Effect, index: GroupIndex) -> Result<(), Breach> {
        match effect {
            Effect::Send { group, datagram, .. } if *group == index => self.sends(step, datagram),
            Effect::Hold(wish) if wish.group == index => {
                if !std::mem::replace(&mut self.waits, true) {
                    self.asked_at = step.now;
                    self.wished_meanwhile = self.wished;
                }
                let numbers = (1..=FORWARDERS)
                    .filter(|number| wish.holdings.forward.contains_key(&self.setup.virtual_mac(*number)));
                self.wished = numbers.fold(0, |all, number| all | bit(number));
                self.wished_meanwhile |= self.wished;
                (self.lease, self.owes_hold) = (wish.holdings.lease, false);
                Ok(())
            }
            Effect::LastWill { group, datagrams, .. } if *group == index => {
                self.will = None;
                for datagram in datagrams {
                    let (message, _) = messages::judge(&self.setup, self.address, step.wall, datagram)?;
                    self.proves(&message)?;
                    self.will = Some(self.is_goodbye(&message)?);
                    self.will_challenge = message.challenge;
                }
                Ok(())
            }
            Effect::Send { .. }
            | Effect::Hold(_)
            | Effect::LastWill { .. }
            | Effect::Announce { .. }
            | Effect::Note { .. } => Ok(()),
        }
    }

    fn proves(&mut self, message: &Message) -> Result<(), Breach> {
        match &message.challenge {
            Some(challenge) => self.nonces.says(challenge),
            None => Ok(()),
        }
    }

    /// A nonce is good for a hold time, or two hellos: whatever was recorded before that proves nothing any more.
    fn renews_nonce(&mut self, now: Instant, message: &Message) -> Result<(), Breach> {
        let own = self.member.times().unwrap_or(DEFAULT_TIMES);
        let usual = [own, DEFAULT_TIMES].into_iter().map(|times| times.hold.max(times.hello * 2));
        self.nonce_period = usual.fold(self.nonce_period, Duration::max);
        let sealed = self.waited_since.unwrap_or(now);
        match &message.challenge {
            Some(challenge) => self.nonces.renews(now, sealed, challenge, self.nonce_period),
            None => Ok(()),
        }
    }

    fn sends(&mut self, step: &Step<'_>, datagram: &Datagram) -> Result<(), Breach> {
        let (message, source_mac) = messages::judge(&self.setup, self.address, step.wall, datagram)?;
        self.proves(&message)?;
        self.renews_nonce(step.now, &message)?;
        let leaves = message.hello.is_some_and(|hello| hello.priority == 0);
        if self.is_silent_for_good() && !leaves && self.waited_since.is_none() {
            return Err(Breach::new(Invariant::Leaving, "has said goodbye, and goes on speaking"));
        }
        match (message.kind, &message.hello) {
            (Kind::Request, _) => self.requests(step.now, datagram),
            (Kind::Response, _) => self.responds(datagram, &message),
            (Kind::Hello, Some(hello)) if hello.priority == 0 => {
                let left = self.is_goodbye(&message)?;
                if left & !(self.wished | self.wished_before) != 0 {
                    return broken("left forwarders that it did not have".to_owned());
                }
                self.falls_silent();
                self.said_goodbye();
                match source_mac == self.mac() {
                    true => Ok(()),
                    false => broken(format!("said goodbye from {source_mac}")),
                }
            }
            (Kind::Hello, Some(hello)) => self.says_hello(step.now, &message, hello, source_mac),
            (Kind::Hello, None) if message.forwarders.is_empty() => self.greets(source_mac),
            (Kind::Hello, None) => self.claims(step.now, &message, source_mac),
        }
    }

    /// Only who has yet to learn the address has nothing to say but its nonce.
    fn greets(&self, from: Mac) -> Result<(), Breach> {
        let learns = !self.member.knows_address && self.is_silent() && self.setup.authentication.counts();
        match learns && from == self.mac() {
            true => Ok(()),
            false => broken("said nothing but its nonce".to_owned()),
        }
    }

    /// The forwarders that a goodbye gives up.
    fn is_goodbye(&self, message: &Message) -> Result<Numbers, Breach> {
        let wrong = || Breach::new(Invariant::Leaving, "said goodbye as if it stayed");
        let hello = message.hello.as_ref().ok_or_else(wrong)?;
        let gives_up = |it: &Forwarder| (it.state, it.priority, it.weighting) == (State::Listen, 0, 0);
        if (hello.state, hello.priority) != (State::Listen, 0) || !message.forwarders.iter().all(gives_up) {
            return Err(wrong());
        }
        Ok(message.forwarders.iter().fold(0, |all, it| all | bit(it.number)))
    }

    /// A member without a forwarder asks the active gateway for one.
    fn requests(&mut self, now: Instant, datagram: &Datagram) -> Result<(), Breach> {
        self.asked = Some((datagram.destination, now));
        // What waited for a kernel was meant for whoever was active then.
        let active = self.active.filter(|_| self.waited_since.is_none());
        if active.is_some_and(|active| active.source != datagram.destination) {
            return broken(format!("asked {} for a forwarder, which is not active", datagram.destination));
        }
        if let Some(active) =
            active.filter(|active| active.until.max(self.election.active_until) < self.turned_at)
        {
            return broken(format!("asked {} for a forwarder, which is silent", active.source));
        }
        match self.own.filter(|own| self.forwards(*own)) {
            Some(own) => broken(format!("asked for a forwarder, and has {own}")),
            None => Ok(()),
        }
    }

    /// Only the active gateway numbers, and no number is two members'.
    fn responds(&mut self, datagram: &Datagram, message: &Message) -> Result<(), Breach> {
        let [given] = message.forwarders.as_slice() else {
            return broken("gave away several forwarders at once".to_owned());
        };
        if given.mac != self.setup.virtual_mac(given.number) {
            return broken(format!("gave forwarder {} away with {}", given.number, given.mac));
        }
        self.acted = Some("gave a forwarder away");
        let to = match datagram.route {
            fhrp::Route::Link { destination_mac, .. } => destination_mac,
            fhrp::Route::Routed => Mac::default(),
        };
        let long = self.member.retirement_s.is_none();
        let delay = Duration::from_millis(self.member.takes_forwarders_after_ms.unwrap_or_default());
        let begins = self.arrived;
        let place = &mut self.places[usize::from(given.number)];
        let before = place.given.replace(to);
        place.is_learnt(begins, begins, delay);
        let others =
            || self.places.iter().enumerate().filter(|(other, _)| *other != usize::from(given.number));
        if long && before != Some(to) && others().any(|(_, other)| other.known && other.given == Some(to)) {
            return broken(format!("gave forwarder {} to {to}, which has another one", given.number));
        }
        match before.filter(|before| *before != to && long) {
            Some(before) => broken(format!("gave forwarder {} to {before}, and to {to}", given.number)),
            None if self.own == Some(given.number) && self.forwards(given.number) => {
                broken(format!("gave its own forwarder {} away", given.number))
            }
            None => Ok(()),
        }
    }

    fn says_hello(
        &mut self,
        now: Instant,
        message: &Message,
        hello: &Hello,
        source_mac: Mac,
    ) -> Result<(), Breach> {
        if hello.priority != self.member.priority || hello.address != self.setup.gateway() {
            return broken(format!("said priority {} and address {}", hello.priority, hello.address));
        }
        if !matches!(hello.state, State::Listen | State::Speak | State::Standby | State::Active) {
            return broken(format!("said state {:?}", hello.state));
        }
        self.said_right_times(now, hello)?;
        let yielding = self.hearing && hello.state == State::Speak;
        self.spoke_in_rotation(message, source_mac, yielding)?;
        if self.said.is_none() {
            self.begins(now);
        }
        self.enters(now, hello.state);
        self.said = Some(hello.state);
        self.hello = Some(LastHello { at: now, promised: hello.hello });
        let full = (hello.timeout, hello.redirect);
        if message.forwarders.iter().filter(|it| is_primary(it.priority)).count() > 1 {
            return broken("said that it was given two forwarders".to_owned());
        }
        let mut all = 0;
        for forwarder in &message.forwarders {
            all |= bit(forwarder.number);
            self.claims_one(now, forwarder, Some(full))?;
        }
        self.lists(all, !yielding);
        Ok(())
    }

    /// It says that it forwards for these; `all`: for no others. What waited for a kernel may say so of what it asked for
    /// at any time since.
    fn lists(&mut self, numbers: Numbers, all: bool) {
        match self.waited_since {
            Some(_) => self.listed.push((numbers & !self.wished_meanwhile, false)),
            None => self.listed.push((numbers, all)),
        }
    }

    /// The active gateway says its own times, if it has any; whoever is standby, those of the active one.
    fn said_right_times(&self, now: Instant, hello: &Hello) -> Result<(), Breach> {
        let wanted = match hello.state {
            State::Active => self.member.times(),
            State::Standby => self.active.filter(|active| active.until > now).map(|active| active.times),
            _ => None,
        };
        let sure = self.waited_since.is_none();
        if wanted.filter(|_| sure).is_some_and(|times| (times.hello, times.hold) != (hello.hello, hello.hold))
        {
            return broken(format!("said hello {:?} and hold {:?}", hello.hello, hello.hold));
        }
        let retirement = match hello.state {
            State::Active => self.member.retirement(),
            State::Standby => {
                let active = self.active.filter(|active| active.until > now && sure);
                active.map(|active| active.retirement)
            }
            _ => None,
        };
        if retirement.is_some_and(|it| (it.redirect, it.timeout) != (hello.redirect, hello.timeout)) {
            return broken(format!("said redirect {:?} and time-out {:?}", hello.redirect, hello.timeout));
        }
        Ok(())
    }

    /// Hellos come from the MACs of the forwarders in turn, so that switches know where all of them are.
    fn spoke_in_rotation(&mut self, message: &Message, from: Mac, yielding: bool) -> Result<(), Breach> {
        let mut listed: Vec<u8> = message.forwarders.iter().map(|it| it.number).collect();
        listed.sort_unstable();
        let spoken = self.setup.number_of(from).filter(|number| listed.contains(number));
        let yielded = from == self.mac() && message.hello.is_some_and(|hello| hello.state == State::Speak);
        // Who forwards for nothing speaks from its own MAC, which tells nothing of whose turn it is.
        if self.any_turn && !listed.is_empty() && (yielded || spoken.is_some()) {
            self.any_turn = self.waits || self.waited_since.is_some();
            self.spoken_for = spoken.unwrap_or(self.spoken_for);
            return Ok(());
        }
        let next = listed.iter().find(|number| **number > self.spoken_for).or(listed.first()).copied();
        let wanted = match next.filter(|_| !yielding) {
            Some(number) => {
                self.spoken_for = number;
                self.setup.virtual_mac(number)
            }
            None => self.mac(),
        };
        match from == wanted {
            true => Ok(()),
            false => broken(format!("spoke from {from}, must be {wanted}")),
        }
    }

    /// It says that it forwards for one forwarder, from its MAC; from its own if it is about to yield it.
    fn claims(&mut self, now: Instant, message: &Message, from: Mac) -> Result<(), Breach> {
        let [claimed] = message.forwarders.as_slice() else {
            return broken("said neither what it is nor one forwarder".to_owned());
        };
        if from != self.setup.virtual_mac(claimed.number) && from != self.mac() {
            return broken(format!("claimed forwarder {} from {from}", claimed.number));
        }
        // What waited for a kernel is about what was.
        if from == self.mac() && self.waited_since.is_none() {
            self.last_words |= bit(claimed.number);
        }
        self.lists(bit(claimed.number), false);
        self.claims_one(now, claimed, None)
    }

    fn claims_one(
        &mut self,
        now: Instant,
        said: &Forwarder,
        full: Option<(Duration, Duration)>,
    ) -> Result<(), Breach> {
        let Forwarder { number, state, priority, weighting, lifetime, redirection, mac } = *said;
        if (state, mac) != (State::Active, self.setup.virtual_mac(number)) {
            return broken(format!("said forwarder {number} with {mac}, {state:?}"));
        }
        let primary = is_primary(priority);
        // What waited for a kernel may be older than its weighting.
        let waited = self.waited_since.is_some();
        if priority != right(primary, self.low) && !(waited && priority == right(primary, !self.low)) {
            return broken(format!("said right {priority} to forwarder {number}"));
        }
        if weighting != self.weighting() && !waited {
            return broken(format!("said weighting {weighting}, which is {}", self.weighting()));
        }
        let long = primary && full.is_some_and(|full| full != (lifetime, redirection));
        if long {
            let what = format!("said {lifetime:?} and {redirection:?} of forwarder {number}");
            return broken(what);
        }
        // What waited for a kernel was right when it was written.
        let written = self.waited_since.unwrap_or(now);
        let own = self.mac();
        let place = &mut self.places[usize::from(number)];
        // What waited for the same answer need not come out in the order in which it was written.
        let together = |before: &Claimed| self.waited_since.is_some() && before.at == now;
        let of_it = |before: &Claimed| !primary && !is_primary(before.right) && !together(before);
        if let Some(before) = place.claimed.filter(of_it) {
            let left = before.lifetime.saturating_sub(before.at.until(written)) + ROUNDING;
            if lifetime > left {
                return broken(format!("gave forwarder {number} {lifetime:?}, and had {left:?} for it"));
            }
            let left = before.redirection.saturating_sub(before.at.until(written)) + ROUNDING;
            if redirection > left {
                return broken(format!("redirects {number} for {redirection:?}, and had {left:?} for it"));
            }
        }
        if let Some((lives, redirects)) = place.ends.filter(|_| !primary && !waited) {
            let left = (written.until(lives) + ROUNDING, written.until(redirects) + ROUNDING);
            if lifetime > left.0 || redirection > left.1 {
                let what = format!("gave forwarder {number} {lifetime:?} and {redirection:?} of {left:?}");
                return broken(what);
            }
        }
        place.claimed = Some(Claimed { at: now, written, right: priority, lifetime, redirection });
        if primary {
            place.ends = None;
            // While it is at home its time does not run.
            place.until = None;
            place.given = Some(own);
        }
        let delay = Duration::from_millis(self.member.takes_forwarders_after_ms.unwrap_or_default());
        if !std::mem::replace(&mut place.known, true) {
            let least = self.lonely_since.filter(|_| self.own.is_none()).unwrap_or(written);
            place.preempts = Countdown::begins_between(least, now, delay);
        }
        if primary {
            (self.own, self.own_is_new) = (Some(number), !waited);
        } else if self.own == Some(number) {
            self.own = None;
        }
        Ok(())
    }

    /// It begins to take part: delays of preemptions run from now on.
    fn begins(&mut self, now: Instant) {
        let ms = |after: Option<u64>| Duration::from_millis(after.unwrap_or_default());
        // Its first hello may have waited for its kernel.
        let began = self.waited_since.unwrap_or(now);
        self.preempts = Countdown::begins_between(began, now, ms(self.member.preempts_after_ms));
        self.begun = began;
        let just_heard = self.first_arrived.is_some();
        let arrived = self.first_arrived.unwrap_or(now);
        for place in &mut self.places {
            // It may have begun because of what it heard last.
            // What it heard earlier, while it took no part, it did not listen to.
            place.by = place.by.filter(|by| just_heard && by.heard >= arrived);
            // Nor can it be said which of several words made it begin, and which it heard before.
            place.given = None;
            if let Some(by) = &mut place.by {
                by.until = by.until.min(arrived);
                by.at_most = by.at_most.max(now + LONGEST_HOLD);
                by.silent_at = None;
            }
            let heard = place.by.is_some();
            place.known |= heard;
            let least = if heard { arrived.min(began) } else { began };
            place.preempts = Countdown::begins_between(least, now, ms(self.member.takes_forwarders_after_ms));
        }
        self.lonely_since = self.lonely_since.or(self.was_lonely.then_some(began));
        self.active = self.active.filter(|_| just_heard);
        self.peers.forget();
        if let Some(active) = &mut self.active {
            active.until = active.until.min(arrived);
        }
        self.judges_gateway(arrived);
        for number in 1..=FORWARDERS {
            self.judges_forwarder(arrived, number);
        }
    }
}
