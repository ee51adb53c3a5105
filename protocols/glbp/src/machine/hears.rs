//! What messages do to the gateway; what they say of forwarders comes after it.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Context, Instant, InterfaceAddress, Note, Received};

use super::forwarding::Claim;
use super::{GatewayGroup, Known, State};
use crate::config::{Retirement, Times};
use crate::counters::Count;
use crate::judge::judge_forwarder;
use crate::members::Numbers;
use crate::wire::{Hello, Message, State as Said};

/// The least time between two answers to one worse gateway.
const REACTION_PAUSE: Duration = Duration::from_millis(100);
/// How much longer than the hold time the loser of an election waits for the winner's word.
const LOSERS_MARGIN: Duration = Duration::from_millis(50);

/// What a hello that passed every check says of the gateway.
#[derive(Clone, Copy)]
pub(super) struct Heard {
    pub(super) at: Instant,
    pub(super) state: Said,
    pub(super) address: IpAddr,
    pub(super) from: Known,
    /// Whether its sender is better than we are.
    pub(super) better: bool,
}

impl GatewayGroup {
    pub(super) fn hears(&mut self, context: &mut Context<'_>, received: &Received<'_>, message: &Message) {
        if message.hello.is_none() && message.forwarders.is_empty() {
            // A nonce, and nothing else: its sender takes no part yet.
            return;
        }
        let (at, source, owner) = (received.at, received.source, message.owner);
        let hold = message.hello.as_ref().map(|hello| hello.hold);
        self.members.heard(at, owner, source, hold, self.times().hold);
        if let Some(hello) = &message.hello {
            self.hears_hello(context, at, received, message, hello);
        }
        let hold = self.members.get(at, owner).map_or(self.times().hold, |member| member.hold);
        let mut active = Vec::new();
        let mut low = None;
        for forwarder in &message.forwarders {
            if let Err(fault) = judge_forwarder(message, forwarder) {
                self.counters.bump_name(fault.counter());
                let (from, counter, reason) = (source, fault.counter(), fault.to_string());
                context.note(Note::Refused { from, counter, reason });
                continue;
            }
            if forwarder.state == Said::Active {
                active.push(forwarder.number);
                low = Some(!super::forwarder::is_sufficient(forwarder.priority));
            }
            self.hears_forwarder(
                context,
                &Claim { at, owner, source, source_mac: received.source_mac, hold, said: *forwarder },
            );
        }
        self.members.says(owner, Numbers::of(active), message.hello.is_some(), low);
        if self.active.is_some_and(|active| active.source == source) && message.hello.is_some() {
            self.considers_request(at);
        }
        // Whoever leaves says so with a priority that nobody else has.
        if message.hello.is_some_and(|hello| hello.priority == 0) {
            self.members.left(owner);
        }
    }

    fn hears_hello(
        &mut self,
        context: &mut Context<'_>,
        at: Instant,
        received: &Received<'_>,
        message: &Message,
        hello: &Hello,
    ) {
        let Hello { state, priority, hello, hold, redirect, timeout, address } = *hello;
        let source = received.source;
        let from = Known {
            source,
            owner: message.owner,
            priority,
            times: Times { hello, hold },
            retirement: Retirement { redirect, timeout },
        };
        let heard = Heard { at, state, address, from, better: self.is_better(priority, source) };
        if state != Said::Active {
            self.misses_role(context, &heard);
        }
        if matches!(state, Said::Active | Said::Standby | Said::Speak) && matches!(self.state, State::Initial)
        {
            // Who takes part from now on goes on to do what everybody does who hears this.
            self.learns_address(context, &heard);
        }
        match state {
            Said::Active => self.hears_active(context, &heard),
            Said::Standby => self.hears_standby(context, &heard),
            Said::Speak => self.hears_speak(context, &heard),
            Said::Listen | Said::Unsaid | Said::Disabled | Said::Initial | Said::Unknown(_) => {}
        }
    }

    /// A router that had a role says that it has it no more.
    fn misses_role(&mut self, context: &mut Context<'_>, heard: &Heard) {
        let source = heard.from.source;
        if self.active.is_some_and(|known| known.source == source) {
            self.loses_active(context, heard.at, format!("{source} gave the role up"));
        }
        if heard.state == Said::Listen && self.standby.is_some_and(|known| known.source == source) {
            match &mut self.state {
                State::Listen(listen) => listen.standby_at = heard.at,
                State::Active(active) => {
                    active.standby_at = None;
                    self.standby = None;
                }
                State::Disabled
                | State::Initial
                | State::Speak(_)
                | State::Standby(_)
                | State::Leaving(_) => {}
            }
        }
    }

    fn loses_active(&mut self, context: &mut Context<'_>, at: Instant, reason: String) {
        match &mut self.state {
            State::Standby(_) => self.becomes_active(context, reason),
            State::Listen(_) => {
                self.nobody_is_active();
                let until = at + self.times().hold;
                self.arm_active(until);
                self.speaks(context, reason);
            }
            State::Speak(speak) => {
                speak.active_at = None;
                self.nobody_is_active();
            }
            State::Disabled | State::Initial | State::Active(_) | State::Leaving(_) => {}
        }
    }

    fn hears_active(&mut self, context: &mut Context<'_>, heard: &Heard) {
        match &mut self.state {
            State::Disabled | State::Initial => {}
            State::Listen(_) | State::Speak(_) | State::Standby(_) => {
                self.follows(context, heard);
                self.arm_active(heard.at + heard.from.times.hold);
                self.judges_preemption(heard.at);
            }
            State::Active(_) if heard.better => self.yields(context, heard),
            State::Active(_) => self.asserts(context, heard),
            State::Leaving(leaving) => {
                // What was sent before our goodbye is no answer to it.
                if heard.at >= leaving.began {
                    leaving.answers = false;
                    self.lets_go(context);
                }
            }
        }
    }

    /// The record of who is active, and what is learnt from it.
    pub(super) fn follows(&mut self, context: &mut Context<'_>, heard: &Heard) {
        let before = (self.times(), self.retirement());
        self.active = Some(heard.from);
        if self.standby.is_some_and(|known| known.source == heard.from.source) {
            self.standby = None;
        }
        self.learnt_times = Some(heard.from.times);
        self.learnt_retirement = Some(heard.from.retirement);
        self.learns_address(context, heard);
        if (self.times(), self.retirement()) != before {
            let words = super::view::in_words(self.times(), self.retirement());
            let text = format!("its times are in force: {words}");
            context.note(Note::Remark { name: "times-learnt", about: Some(heard.from.source), text });
            // The lease of what is held is one of them.
            self.hold(context);
        }
    }

    /// Whether we are better than whoever is active, and may say so.
    pub(super) fn judges_preemption(&mut self, at: Instant) {
        let worse = |known: super::Known| !self.is_better(known.priority, known.source);
        let better = self.config.preempt.on && !self.suspended && self.active.is_some_and(worse);
        self.countdown.judges(at, better, self.config.preempt.delay);
    }

    /// When a worse active gateway is replaced, if there is one and it may be.
    pub(super) fn preempt_at(&self) -> Option<Instant> {
        match &self.state {
            State::Listen(_) | State::Speak(_) | State::Standby(_) => self.countdown.deadline(),
            State::Disabled | State::Initial | State::Active(_) | State::Leaving(_) => None,
        }
    }

    /// Only IPv4, only where none is configured, and only what can be an address of this link.
    fn learns_address(&mut self, context: &mut Context<'_>, heard: &Heard) {
        let said = heard.address;
        let known = self.learnt_address.map(|address| address.ip);
        if !self.config.addresses.is_empty() || known == Some(said) || !said.is_ipv4() {
            return;
        }
        let network = self.link.as_ref().and_then(|link| link.addresses.iter().find(|it| it.contains(said)));
        let Some(network) = network.filter(|it| it.ip != said && !said.is_unspecified()) else { return };
        self.learnt_address = Some(InterfaceAddress { ip: said, prefix: network.prefix });
        let text = format!("the virtual address is {said}");
        context.note(Note::Remark { name: "address-learnt", about: Some(heard.from.source), text });
        self.hold(context);
        self.reconsiders(context, "the virtual address is known");
    }

    fn hears_standby(&mut self, context: &mut Context<'_>, heard: &Heard) {
        let standby_at = heard.at + heard.from.times.hold;
        let source = heard.from.source;
        match &self.state {
            State::Disabled | State::Initial | State::Leaving(_) => {}
            State::Listen(_) if !heard.better => {
                self.speaks(context, format!("standby {source} is worse"));
            }
            State::Listen(_) | State::Active(_) => {
                self.standby = Some(heard.from);
                self.arm_standby(standby_at);
            }
            State::Speak(_) | State::Standby(_) if heard.better => {
                self.standby = Some(heard.from);
                self.falls_back(context, standby_at, format!("standby {source} is better"));
            }
            State::Speak(_) => self.becomes_standby(context, format!("standby {source} is worse")),
            State::Standby(_) => {}
        }
    }

    fn hears_speak(&mut self, context: &mut Context<'_>, heard: &Heard) {
        match &self.state {
            State::Speak(_) if heard.better => {
                // The winner becomes standby one hold time after it began to speak, which is now or just before:
                // whoever waits for exactly as long speaks at the very moment at which it is silenced again.
                let hold = self.times().hold;
                let standby_at = heard.at + hold + LOSERS_MARGIN.min(hold / 20);
                self.falls_back(context, standby_at, format!("speaker {} is better", heard.from.source));
            }
            State::Disabled
            | State::Initial
            | State::Listen(_)
            | State::Speak(_)
            | State::Standby(_)
            | State::Active(_)
            | State::Leaving(_) => {}
        }
    }

    /// A worse router claims our role: it hears from us at the end of this turn, though not at the rate of its choice.
    fn asserts(&mut self, context: &mut Context<'_>, heard: &Heard) {
        let Known { source, priority, .. } = heard.from;
        self.notice_rival(context, heard.at, source, "claims the role as well");
        let Some(entry) = self.neighbours.get_mut(source) else { return };
        if entry.asserted.is_some_and(|last| context.now < last + REACTION_PAUSE) {
            return;
        }
        entry.asserted = Some(context.now);
        self.hastens_hello(context.now);
        self.counters.bump(Count::Asserted);
        let text = format!("asserted against {source}, whose priority {priority} is no better than ours");
        context.note(Note::Remark { name: "asserted", about: Some(source), text });
    }

    /// The next hello is due now.
    pub(super) fn hastens_hello(&mut self, now: Instant) {
        if let Some(hello_at) = self.state.hello_at() {
            *hello_at = now.min(*hello_at);
        }
    }

    /// Arms the active timer, in the states that have one that may run.
    pub(super) fn arm_active(&mut self, at: Instant) {
        match &mut self.state {
            State::Listen(listen) => listen.active_at = Some(at),
            State::Speak(speak) => speak.active_at = Some(at),
            State::Standby(standby) => standby.active_at = at,
            State::Disabled | State::Initial | State::Active(_) | State::Leaving(_) => {}
        }
    }

    /// Arms the standby timer, in the states in which another router may be standby.
    pub(super) fn arm_standby(&mut self, at: Instant) {
        match &mut self.state {
            State::Listen(listen) => listen.standby_at = at,
            State::Speak(speak) => speak.standby_at = at,
            State::Active(active) => active.standby_at = Some(at),
            State::Disabled | State::Initial | State::Standby(_) | State::Leaving(_) => {}
        }
    }
}
