//! What messages do: events f to l. RFC 2281 §5.5, §5.7.
//!
//! A Coup and a Resign are known by their op codes, whatever state they carry; only a Hello's state counts.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Context, Instant, InterfaceAddress, Note, Received};

use super::roles::Call;
use super::{Known, Listen, Preemption, StandbyGroup, State};
use crate::config::Preempt;
use crate::counters::Count;
use crate::wire::{GroupMessage, Operation, State as Said};

/// The least time between answers to worse routers.
const REACTION_PAUSE: Duration = Duration::from_millis(5);

/// How much longer than the hold time the loser of an election waits for the winner's word.
const LOSERS_MARGIN: Duration = Duration::from_millis(50);

/// A message that passed every check.
#[derive(Clone, Copy)]
pub(super) struct Heard<'a> {
    pub(super) at: Instant,
    pub(super) message: &'a GroupMessage,
    pub(super) from: Known,
    /// Whether its sender is higher than we are.
    pub(super) higher: bool,
}

impl StandbyGroup {
    pub(super) fn hears(
        &mut self,
        context: &mut Context<'_>,
        received: &Received<'_>,
        message: &GroupMessage,
    ) {
        let from = Known {
            source: received.source,
            mac: received.source_mac,
            priority: message.priority,
            times: self.believable(message),
        };
        let higher = self.is_higher(message.priority, received.source);
        let heard = Heard { at: received.at, message, from, higher };
        match (message.operation, message.state) {
            (Operation::Coup, _) => self.hears_coup(context, &heard),
            (Operation::Resign, _) => self.hears_resign(context, &heard),
            (Operation::Hello, Said::Active) => self.hears_active(context, &heard),
            (Operation::Hello, Said::Standby) => self.hears_standby(context, &heard),
            (Operation::Hello, Said::Speak) => self.hears_speak(context, &heard),
            (
                Operation::Hello,
                Said::Disabled | Said::Initial | Said::Learn | Said::Listen | Said::Unknown(_),
            ) => {}
        }
    }

    /// Events g and h.
    fn hears_active(&mut self, context: &mut Context<'_>, heard: &Heard<'_>) {
        match &self.state {
            State::Initial => {}
            State::Learn => {
                self.follows(context, heard);
                if let Some(address) = self.address() {
                    let reason = format!("{} is active with {}", heard.from.source, address.ip);
                    self.listens(context, heard.at, reason);
                    self.arm_active(heard.at + self.patience(heard.message));
                }
            }
            State::Listen(_) | State::Speak(_) | State::Standby(_) => {
                self.follows(context, heard);
                self.arm_active(heard.at + self.patience(heard.message));
                self.considers_preemption(context, heard.at);
            }
            State::Active(_) if heard.higher => {
                let reason = self.why_higher(heard.from);
                self.yields(context, heard, heard.at + self.patience(heard.message), true, reason);
            }
            State::Active(_) => self.asserts(context, heard),
            State::Leaving(_) => self.is_succeeded(context, heard),
        }
    }

    /// E, and the record of who is active.
    fn follows(&mut self, context: &mut Context<'_>, heard: &Heard<'_>) {
        let is_new = self.active.is_none_or(|known| known.source != heard.from.source);
        let before = self.times();
        self.active = Some(heard.from);
        if self.standby.is_some_and(|known| known.source == heard.from.source) {
            self.standby = None;
        }
        self.learns_address(context, heard);
        if !self.keeps_its_times() {
            self.learnt_times = heard.from.times.or(self.learnt_times);
        }
        if self.times() != before {
            let text = format!("its times are in force: {}", super::view::in_words(self.times()));
            context.note(Note::Remark { name: "times-learnt", about: Some(heard.from.source), text });
        }
        if is_new {
            self.tells_of_new_active(context);
        }
    }

    /// Only IPv4, only where none is configured, and only what can be an address of this link. RFC 2281 §5.2.
    fn learns_address(&mut self, context: &mut Context<'_>, heard: &Heard<'_>) {
        let said = heard.message.address;
        let known = self.learnt_address.map(|address| address.ip);
        if !self.config.addresses.is_empty() || known == Some(said) || !matches!(said, IpAddr::V4(_)) {
            return;
        }
        let network = self.link.as_ref().and_then(|link| link.addresses.iter().find(|it| it.contains(said)));
        let Some(network) = network.filter(|it| it.ip != said && !said.is_unspecified()) else { return };
        self.learnt_address = Some(InterfaceAddress { ip: said, prefix: network.prefix });
        let text = format!("the virtual address is {said}");
        context.note(Note::Remark { name: "address-learnt", about: Some(heard.from.source), text });
    }

    /// Event h in a state that may preempt: now, or when the delay is over.
    fn considers_preemption(&mut self, context: &mut Context<'_>, at: Instant) {
        self.abandons_countdown();
        if !self.is_preemptable() {
            return;
        }
        if self.preemption == Preemption::Free {
            let Preempt { delay, delay_after_start, sync, .. } = self.config.preempt;
            let delay =
                if self.never_preempted && !delay_after_start.is_zero() { delay_after_start } else { delay };
            self.preemption = Preemption::After { delay: at + delay, sync: at + sync };
        }
        self.preempts_if_due(context);
    }

    /// A countdown whose condition is gone begins anew when the condition is back.
    pub(super) fn abandons_countdown(&mut self) {
        if !self.is_preemptable()
            && let Preemption::After { .. } = self.preemption
        {
            self.preemption = Preemption::Free;
        }
    }

    /// Event p, too.
    pub(super) fn preempts_if_due(&mut self, context: &mut Context<'_>) {
        if let (Some(end), Some(active)) = (self.preempt_at(), self.active)
            && end <= context.now
        {
            self.never_preempted = false;
            let reason =
                format!("h: preempting {}, whose priority {} is lower", active.source, active.priority);
            self.becomes_active(context, Call::Preempts, reason);
        }
    }

    /// When a worse active router is replaced, if there is one and it may be.
    pub(super) fn preempt_at(&self) -> Option<Instant> {
        match self.preemption {
            Preemption::After { delay, .. } if self.is_preemptable() && self.in_step => Some(delay),
            Preemption::After { delay, sync } if self.is_preemptable() => Some(delay.max(sync)),
            Preemption::After { .. } | Preemption::Free | Preemption::Suspended => None,
        }
    }

    fn is_preemptable(&self) -> bool {
        let preempt = self.config.preempt;
        let may = matches!(self.state, State::Listen(_) | State::Speak(_) | State::Standby(_));
        let worse = |priority, source| {
            let by_address = preempt.by_address && priority == self.priority() && Some(source) < self.source;
            priority < self.priority() || by_address
        };
        may && preempt.on
            && self.preemption != Preemption::Suspended
            && self.active.is_some_and(|active| worse(active.priority, active.source))
    }

    /// Events k and l.
    fn hears_standby(&mut self, context: &mut Context<'_>, heard: &Heard<'_>) {
        let standby_at = heard.at + self.patience(heard.message);
        let source = heard.from.source;
        match &self.state {
            State::Initial | State::Learn | State::Leaving(_) => {}
            State::Listen(_) | State::Active(_) => {
                self.standby = Some(heard.from);
                self.arm_standby(standby_at);
                if matches!(self.state, State::Listen(_)) && !heard.higher {
                    let reason = format!("l: standby {source} is lower");
                    self.speaks(context, standby_at, reason);
                }
            }
            State::Speak(_) | State::Standby(_) if heard.higher => {
                self.standby = Some(heard.from);
                let reason = format!("k: standby {source} is higher");
                self.falls_back(context, standby_at, reason);
            }
            State::Speak(_) => {
                let reason = format!("l: standby {source} is lower");
                self.becomes_standby(context, reason);
            }
            State::Standby(_) => {}
        }
    }

    /// Event f.
    fn hears_speak(&mut self, context: &mut Context<'_>, heard: &Heard<'_>) {
        match &self.state {
            State::Speak(_) | State::Standby(_) if heard.higher => {
                // The winner becomes standby one hold time after it began to speak, which is now or just before:
                // whoever waits for exactly as long speaks at the very moment at which it is silenced again.
                let hold = self.times().hold;
                let standby_at = heard.at + hold + LOSERS_MARGIN.min(hold / 20);
                let reason = format!("f: speaker {} is higher", heard.from.source);
                self.falls_back(context, standby_at, reason);
            }
            State::Speak(_)
            | State::Standby(_)
            | State::Initial
            | State::Learn
            | State::Listen(_)
            | State::Active(_)
            | State::Leaving(_) => {}
        }
    }

    /// Event j; while somebody else is active, a better claim to that role is taken note of.
    fn hears_coup(&mut self, context: &mut Context<'_>, heard: &Heard<'_>) {
        let active_at = heard.at + self.times().hold;
        match &self.state {
            State::Active(_) if heard.higher => {
                let reason = format!("j: coup of {}", heard.from.source);
                self.yields(context, heard, active_at, self.config.resign_on_coup, reason);
            }
            State::Listen(_) | State::Speak(_) | State::Standby(_) => {
                let beats =
                    |known: Known| (heard.from.priority, heard.from.source) > (known.priority, known.source);
                if heard.higher && self.active.is_none_or(beats) {
                    self.active = Some(heard.from);
                    self.arm_active(active_at);
                }
            }
            State::Leaving(_) => self.is_succeeded(context, heard),
            State::Active(_) | State::Initial | State::Learn => {}
        }
    }

    /// Event i. It counts from the active router alone, or from anybody if none is known.
    fn hears_resign(&mut self, context: &mut Context<'_>, heard: &Heard<'_>) {
        let source = heard.from.source;
        if matches!(self.state, State::Active(_)) {
            if !heard.higher {
                self.asserts(context, heard);
            }
            return;
        }
        if self.active.is_some_and(|known| known.source != source) {
            return;
        }
        let reason = format!("i: {source} resigned");
        match &self.state {
            State::Initial | State::Learn | State::Leaving(_) | State::Active(_) => {}
            State::Standby(_) => self.becomes_active(context, Call::IsHanded, reason),
            State::Listen(_) | State::Speak(_) => {
                self.nobody_is_active();
                let hold = self.times().hold;
                self.arm_active(heard.at + hold);
                if matches!(self.state, State::Listen(_)) {
                    self.speaks(context, heard.at + hold, reason);
                }
            }
        }
    }

    /// A lower router claims our role: Coup, Hello and announcement, at the end of this turn. Nobody on the link shall
    /// have us announce at the rate of his choice: that is done once per neighbour and hello time.
    fn asserts(&mut self, context: &mut Context<'_>, heard: &Heard<'_>) {
        let Known { source, priority, .. } = heard.from;
        self.notice_rival(context, heard.at, source, "claims the role as well");
        let hello = self.times().hello;
        let State::Active(active) = &mut self.state else { return };
        let at = context.now.max(active.sent_at + REACTION_PAUSE.min(hello / 4));
        active.assert_at = Some(at);
        let Some(entry) = self.neighbours.get_mut(source) else { return };
        if entry.asserted.is_some_and(|last| context.now < last + hello * 3 / 4) {
            return;
        }
        entry.asserted = Some(context.now);
        // What is to be said to hosts because of another rival is not put off.
        active.announce_at = Some(active.announce_at.map_or(at, |earlier| earlier.min(at)));
        self.counters.bump(Count::Asserted);
        let text = format!("asserted against {source}, whose priority {priority} is no better than ours");
        context.note(Note::Remark { name: "asserted", about: Some(source), text });
    }

    fn why_higher(&self, from: Known) -> String {
        let own = self.priority();
        match from.priority == own {
            true => format!("g: {} is active with our priority {own} and the higher address", from.source),
            false => format!("g: {} is active with priority {}, ours is {own}", from.source, from.priority),
        }
    }

    /// Arms the active timer, in the states that have one that may run.
    pub(super) fn arm_active(&mut self, at: Instant) {
        match &mut self.state {
            State::Listen(Listen { active_at, .. }) => *active_at = Some(at),
            State::Speak(speak) => speak.active_at = Some(at),
            State::Standby(standby) => standby.active_at = at,
            State::Initial | State::Learn | State::Active(_) | State::Leaving(_) => {}
        }
    }

    /// Arms the standby timer, in the states in which another router may be standby.
    pub(super) fn arm_standby(&mut self, at: Instant) {
        match &mut self.state {
            State::Listen(listen) => listen.standby_at = at,
            State::Speak(speak) => speak.standby_at = at,
            State::Active(active) => active.standby_at = Some(at),
            State::Initial | State::Learn | State::Standby(_) | State::Leaving(_) => {}
        }
    }
}
