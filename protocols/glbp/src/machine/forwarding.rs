//! Taking forwarders over and yielding them.
//!
//! Several routers wait for the same silence. Cisco's wait for a random time more, so that one comes first; these come
//! one after the other, in an order that all of them know: whoever was given the forwarder, then whoever forwards for
//! the fewest, then the higher address. Each waits for the word of those before it, which takes far less than
//! [`STEP`].

use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Context, Instant, Mac, Note};

use super::countdown::Countdown;
use super::forwarder::{By, Forwarder, ForwarderState, Turn, Waiting, is_primary, right};
use super::speak::When;
use super::{GatewayGroup, State};
use crate::counters::Count;
use crate::members::Numbers;
use crate::vmac::LAST_FORWARDER;
use crate::wire;

/// How long a router that would take a forwarder over waits for each of those that come before it.
const STEP: Duration = Duration::from_micros(1500);
/// The same while hosts are served by whoever is replaced: the successor says so only once its kernel takes their packets,
/// and there is no hurry.
const STEP_WHILE_SERVED: Duration = Duration::from_millis(25);
/// The least time between two words against somebody with less right to a forwarder.
const REACTION_PAUSE: Duration = Duration::from_millis(100);

/// What somebody says of a forwarder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) at: Instant,
    pub(super) owner: Mac,
    pub(super) source: IpAddr,
    /// The MAC that its message came from.
    pub(super) source_mac: Mac,
    /// How long the sender is believed to live.
    pub(super) hold: Duration,
    pub(super) said: wire::Forwarder,
}

impl Claim {
    fn by(&self) -> By {
        let wire::Forwarder { priority, weighting, .. } = self.said;
        By { owner: self.owner, source: self.source, priority, weighting }
    }
}

impl GatewayGroup {
    /// The gateway begins to run: all forwarders that we know are waited for, if their time is not over.
    pub(super) fn forwarders_begin(&mut self, now: Instant) {
        let (hold, delay) = (self.times().hold, self.config.forwarder_preempt.delay);
        self.forwarders.retain(|_, forwarder| forwarder.lives_until > now);
        for forwarder in self.forwarders.values_mut() {
            forwarder.enter(now, ForwarderState::Listen(Waiting::new(None, now + hold)));
            forwarder.countdown = Countdown::begin(now, delay);
        }
    }

    /// The gateway does not run any more. What was at home until now has all its time.
    pub(super) fn forwarders_end(&mut self, now: Instant) {
        let retirement = self.retirement();
        for forwarder in self.forwarders.values_mut() {
            if forwarder.is_home() {
                forwarder.is_full(now, retirement.redirect, retirement.timeout);
            }
            if !matches!(forwarder.state, ForwarderState::Initial) {
                forwarder.enter(now, ForwarderState::Initial);
            }
        }
    }

    /// Somebody says something of a forwarder.
    pub(super) fn hears_forwarder(&mut self, context: &mut Context<'_>, claim: &Claim) {
        match &self.state {
            State::Disabled | State::Initial => return,
            State::Leaving(leaving) => {
                if claim.said.state == wire::State::Active && claim.at >= leaving.began {
                    self.is_succeeded(context, claim);
                }
                return;
            }
            State::Listen(_) | State::Speak(_) | State::Standby(_) | State::Active(_) => {}
        }
        let number = claim.said.number;
        if claim.said.state != wire::State::Active {
            return self.is_left(claim);
        }
        let own = self.right_to(number);
        match self.forwarders.get(&number) {
            None => self.learns_forwarder(context, claim),
            Some(forwarder) if forwarder.is_active() => {
                if (claim.said.priority, Some(claim.source)) > (own, self.source) {
                    self.yields_forwarder(context, claim);
                } else {
                    self.asserts_forwarder(context.now, number);
                }
            }
            Some(_) => self.follows_forwarder(context, claim),
        }
    }

    /// Our right to a forwarder.
    pub(super) fn right_to(&self, number: u8) -> u8 {
        right(self.forwarders.get(&number).is_some_and(|forwarder| forwarder.primary), self.low)
    }

    /// A forwarder that we did not know.
    fn learns_forwarder(&mut self, context: &mut Context<'_>, claim: &Claim) {
        let number = claim.said.number;
        let forwarder = self.new_forwarder(claim.said.mac, claim.at);
        self.forwarders.insert(number, forwarder);
        let text = format!("forwarder {number}: Listen: {} forwards for it", claim.source);
        context.note(Note::Remark { name: "forwarder", about: Some(claim.source), text });
        self.follows_forwarder(context, claim);
    }

    /// A forwarder from now on, which nobody has been heard to forward for.
    pub(super) fn new_forwarder(&self, mac: Mac, at: Instant) -> Forwarder {
        let retirement = self.retirement();
        Forwarder {
            mac,
            state: ForwarderState::Listen(Waiting::new(None, at + self.times().hold)),
            primary: false,
            owner: None,
            redirect_until: at + retirement.redirect,
            lives_until: at + retirement.timeout,
            countdown: Countdown::begin(at, self.config.forwarder_preempt.delay),
            asserted: None,
            assert_at: None,
            since: at,
            changes: 1,
            hosts: 0,
        }
    }

    /// Somebody forwards, and we do not.
    fn follows_forwarder(&mut self, context: &mut Context<'_>, claim: &Claim) {
        self.notes_times(context, claim);
        let own = self.right_to(claim.said.number);
        let Some(forwarder) = self.forwarders.get_mut(&claim.said.number) else { return };
        let ForwarderState::Listen(waiting) = &mut forwarder.state else { return };
        *waiting = Waiting::new(Some(claim.by()), claim.at + claim.hold);
        let preempt = self.config.forwarder_preempt;
        let better = preempt.on && claim.said.priority < own;
        forwarder.countdown.judges(claim.at, better, preempt.delay);
    }

    /// How long a forwarder is still used: full while its owner forwards, else as whoever forwards says. Two that were
    /// both given it, in two halves of a network: the other one has it.
    fn notes_times(&mut self, context: &mut Context<'_>, claim: &Claim) {
        let retirement = self.retirement();
        let wire::Forwarder { number, priority, lifetime, redirection, .. } = claim.said;
        let Some(forwarder) = self.forwarders.get_mut(&number) else { return };
        if !is_primary(priority) {
            return forwarder.counts_down(claim.at, redirection, lifetime);
        }
        forwarder.is_full(claim.at, retirement.redirect, retirement.timeout);
        let was_ours = std::mem::take(&mut forwarder.primary);
        self.owns(claim.owner, number);
        if was_ours {
            self.requested = None;
            let text = format!("forwarder {number} is that of {}; another one is asked for", claim.source);
            context.note(Note::Remark { name: "forwarder-lost", about: Some(claim.source), text });
            if matches!(self.state, State::Active(_)) {
                self.assigns_itself(context.now);
            }
        }
    }

    /// Whoever forwards stops; it goes on until a successor is heard.
    fn is_left(&mut self, claim: &Claim) {
        let wire::Forwarder { number, lifetime, redirection, .. } = claim.said;
        let Some(forwarder) = self.forwarders.get_mut(&number) else { return };
        let ForwarderState::Listen(waiting) = &mut forwarder.state else { return };
        if waiting.by.is_none_or(|by| by.owner != claim.owner) {
            return;
        }
        *waiting = Waiting { left_by: Some(claim.owner), ..Waiting::new(None, claim.at) };
        forwarder.counts_down(claim.at, redirection, lifetime);
        forwarder.countdown.ends();
    }

    /// Somebody with less right to it claims what we forward for: it hears from us at the end of this turn.
    fn asserts_forwarder(&mut self, now: Instant, number: u8) {
        if let Some(forwarder) = self.forwarders.get_mut(&number) {
            let earliest = forwarder.asserted.map_or(now, |last| last + REACTION_PAUSE);
            forwarder.assert_at = Some(earliest.max(now));
        }
    }

    /// What is due of all forwarders. What is done about one may make something due of another: a router that loses one
    /// for good is given the next.
    pub(super) fn forwarders_tick(&mut self, context: &mut Context<'_>) {
        for _ in 0..=LAST_FORWARDER {
            let is_due = |it: &Forwarder| it.deadline(true).is_some_and(|at| at <= context.now);
            let due = self.forwarders.iter().filter(|(_, forwarder)| is_due(forwarder));
            let numbers: Vec<u8> = due.map(|(number, _)| *number).collect();
            if numbers.is_empty() {
                return;
            }
            for number in numbers {
                self.forwarder_ticks(context, number);
            }
        }
    }

    fn forwarder_ticks(&mut self, context: &mut Context<'_>, number: u8) {
        let now = context.now;
        let Some(forwarder) = self.forwarders.get_mut(&number) else { return };
        if !forwarder.is_home() && forwarder.lives_until <= now {
            return self.forgets_forwarder(context, number);
        }
        if forwarder.assert_at.take_if(|at| *at <= now).is_some() {
            forwarder.asserted = Some(now);
            // After a stall it is to be taken up again first: switches send its frames here as soon as they hear this.
            return self.says_forwarder(context, When::OnceHeld, number);
        }
        match &forwarder.state {
            ForwarderState::Listen(waiting) if waiting.active_at <= now => {
                self.forwarder_expires(context, number);
            }
            ForwarderState::Listen(_) if forwarder.countdown.is_over(now) => {
                self.preempts_forwarder(context, number);
            }
            ForwarderState::Listen(_) | ForwarderState::Initial | ForwarderState::Active => {}
        }
    }

    /// Nobody has forwarded for the hold time, or whoever did has left.
    fn forwarder_expires(&mut self, context: &mut Context<'_>, number: u8) {
        let now = context.now;
        let (rank, hold) = (self.rank(now, number), self.times().hold);
        let leaves_it = self.low && self.others_can(now);
        if self.forwarders.get(&number).is_some_and(|forwarder| forwarder.is_ending(now)) {
            return self.forgets_forwarder(context, number);
        }
        let Some(forwarder) = self.forwarders.get_mut(&number) else { return };
        // There is nobody to be preempted.
        forwarder.countdown.ends();
        let ForwarderState::Listen(waiting) = &mut forwarder.state else { return };
        let lost = waiting.by.take();
        let due = waiting.active_at;
        if waiting.turn < Turn::Ranked && leaves_it {
            waiting.turn = Turn::Ranked;
            waiting.active_at = due.max(now) + hold;
            return;
        }
        let handed = waiting.left_by.is_some();
        let step = due + if handed { STEP_WHILE_SERVED } else { STEP } * rank;
        if waiting.turn < Turn::Ours && step > now {
            waiting.turn = Turn::Ours;
            waiting.active_at = step;
            return;
        }
        let reason = match lost {
            Some(lost) => format!("{} is silent", lost.source),
            None if handed => "it was left".to_owned(),
            None => "nobody forwards for it".to_owned(),
        };
        self.takes_over(context, number, handed, &reason);
    }

    /// Whoever forwards has less right to it, and has been tolerated for long enough.
    fn preempts_forwarder(&mut self, context: &mut Context<'_>, number: u8) {
        let now = context.now;
        let rank = self.rank(now, number);
        let Some(forwarder) = self.forwarders.get_mut(&number) else { return };
        let Some(by) = forwarder.by() else { return };
        if rank > 0 && !forwarder.countdown.gave_way() {
            return forwarder.countdown.gives_way(now + STEP_WHILE_SERVED * rank);
        }
        let reason = format!("{} has the right {}", by.source, by.priority);
        self.takes_over(context, number, true, &reason);
    }

    /// How many come before us when a forwarder is to be taken over.
    fn rank(&self, now: Instant, number: u8) -> u32 {
        let Some(forwarder) = self.forwarders.get(&number) else { return 0 };
        if forwarder.primary {
            return 0;
        }
        let own = (self.active_numbers().count(), std::cmp::Reverse(self.source));
        let without = match &forwarder.state {
            ForwarderState::Listen(waiting) => waiting.by.map(|by| by.owner).or(waiting.left_by),
            ForwarderState::Initial | ForwarderState::Active => None,
        };
        let before = self.members.living(now).filter(|(owner, member)| {
            let theirs = (member.forwards.count(), std::cmp::Reverse(Some(member.source)));
            let given = forwarder.owner == Some(*owner);
            Some(*owner) != without && !member.low && (given || theirs < own)
        });
        u32::try_from(before.count()).unwrap_or(u32::MAX)
    }

    /// Whether another member may have a weighting that is sufficient.
    fn others_can(&self, now: Instant) -> bool {
        self.members.living(now).any(|(_, member)| !member.low)
    }

    /// The forwarders that we are active for.
    pub(super) fn active_numbers(&self) -> Numbers {
        let active = self.forwarders.iter().filter(|(_, forwarder)| forwarder.is_active());
        Numbers::of(active.map(|(number, _)| *number))
    }

    /// We forward from now on. Whoever does until now stops when it hears us, and switches send the MAC's frames here as
    /// soon as they do: `served` hosts are to be taken by then. Where nobody serves them, peers come first.
    pub(super) fn takes_over(&mut self, context: &mut Context<'_>, number: u8, served: bool, reason: &str) {
        let Some(forwarder) = self.forwarders.get_mut(&number) else { return };
        let from = forwarder.state.name();
        forwarder.enter(context.now, ForwarderState::Active);
        self.counters.bump(Count::ForwardersTaken);
        if served {
            self.hold(context);
            self.says_forwarder(context, When::OnceHeld, number);
        } else {
            self.says_forwarder(context, When::Now, number);
            self.hold(context);
        }
        self.leaves_will(context);
        let text = format!("forwarder {number}: {from} -> Active: {reason}");
        context.note(Note::Remark { name: "forwarder", about: None, text });
    }

    /// Somebody with more right to it forwards.
    fn yields_forwarder(&mut self, context: &mut Context<'_>, claim: &Claim) {
        let number = claim.said.number;
        let retirement = self.retirement();
        if self.forwarders.get(&number).is_some_and(|forwarder| forwarder.mac != claim.source_mac) {
            // Switches have not learnt from this message that it is there. The winner answers our last word from its MAC.
            self.claims_forwarder(context, number);
        }
        let Some(forwarder) = self.forwarders.get_mut(&number) else { return };
        if forwarder.is_home() {
            forwarder.is_full(context.now, retirement.redirect, retirement.timeout);
        }
        forwarder.enter(context.now, ForwarderState::Listen(Waiting::new(None, claim.at + claim.hold)));
        self.counters.bump(Count::ForwardersYielded);
        self.follows_forwarder(context, claim);
        self.hold(context);
        self.leaves_will(context);
        let (source, priority) = (claim.source, claim.said.priority);
        let text = format!("forwarder {number}: Active -> Listen: {source} has the right {priority}");
        context.note(Note::Remark { name: "forwarder", about: Some(source), text });
    }

    /// We leave, and somebody forwards from now on.
    fn is_succeeded(&mut self, context: &mut Context<'_>, claim: &Claim) {
        let number = claim.said.number;
        let Some(forwarder) = self.forwarders.get_mut(&number).filter(|forwarder| forwarder.is_active())
        else {
            return;
        };
        forwarder.enter(context.now, ForwarderState::Initial);
        self.lets_go(context);
        let text = format!("forwarder {number}: Active -> Initial: handed over to {}", claim.source);
        context.note(Note::Remark { name: "forwarder", about: Some(claim.source), text });
    }

    /// Its owner has been gone for so long that the number is free again.
    fn forgets_forwarder(&mut self, context: &mut Context<'_>, number: u8) {
        let Some(forwarder) = self.forwarders.remove(&number) else { return };
        let text =
            format!("forwarder {number}: {} -> given up: its time-out is over", forwarder.state.name());
        if forwarder.is_active() {
            self.hold(context);
            self.leaves_will(context);
        }
        context.note(Note::Remark { name: "forwarder", about: None, text });
        if matches!(self.state, State::Active(_)) {
            self.assigns_itself(context.now);
        }
    }

    /// Whether our weighting is sufficient has changed, or what that means: our right to forwarders with it.
    pub(super) fn judges_forwarders(&mut self, now: Instant) {
        let (low, preempt) = (self.low, self.config.forwarder_preempt);
        for forwarder in self.forwarders.values_mut() {
            let Some(by) = forwarder.by() else { continue };
            let better = preempt.on && by.priority < right(forwarder.primary, low);
            forwarder.countdown.judges(now, better, preempt.delay);
        }
    }
}
