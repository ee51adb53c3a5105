//! What happens to a group from outside the protocol: start and stop, its interface, tracked faults, operators, the
//! kernel's answers.

use std::time::Duration;

use fhrp::faults::in_words;
use fhrp::time::spell;
use fhrp::{Command, Context, HoldFault, Instant, Link, Note};

use super::{GatewayGroup, State};
use crate::auth::{Nonces, Scheme};
use crate::counters::Count;

impl GatewayGroup {
    pub(super) fn starts(&mut self, context: &mut Context<'_>) {
        if !matches!(self.state, State::Disabled) {
            return;
        }
        self.begins_nonces(context);
        self.weighs();
        match self.obstacle() {
            None => self.begins(context, "started"),
            Some(cause) => {
                let transition = self.enter(context.now, State::Initial, cause);
                self.note(context, transition);
            }
        }
    }

    /// A nonce of our own, if messages are to be proven fresh.
    pub(super) fn begins_nonces(&mut self, context: &mut Context<'_>) {
        self.nonces = match self.guard.scheme() {
            Scheme::None | Scheme::Text => None,
            Scheme::KeyString | Scheme::KeyChain => Some(Nonces::new(context.now, (context.random)())),
        };
    }

    pub(super) fn stops(&mut self, context: &mut Context<'_>) {
        self.refusal = None;
        match &self.state {
            State::Disabled => self.reason = "stopped".to_owned(),
            State::Initial => self.finishes(context, "stopped".to_owned()),
            State::Leaving(_) => {}
            State::Listen(_) | State::Speak(_) | State::Standby(_) | State::Active(_) => self.leaves(context),
        }
    }

    /// The interface, as it is now.
    pub(super) fn link_changes(&mut self, context: &mut Context<'_>, link: &Link) {
        let before = self.link.replace(link.clone());
        let came_up = before.as_ref().is_some_and(|before| !before.up && link.up);
        let why =
            if came_up { format!("link {} is up", link.name) } else { format!("{} is ready", link.name) };
        let ran = self.state.runs();
        self.reconsiders(context, &why);
        if ran && self.state.runs() {
            let other_mac = before.is_some_and(|before| before.mac != link.mac);
            self.follows_link(context, other_mac);
        }
    }

    /// Another source, or another MAC: we are another member.
    fn follows_link(&mut self, context: &mut Context<'_>, other_mac: bool) {
        let source = self.choose_source();
        let moved = source != self.source && source.is_some();
        self.source = source.or(self.source);
        if other_mac {
            let own = self.own_mac();
            for forwarder in self.forwarders.values_mut().filter(|forwarder| forwarder.primary) {
                forwarder.owner = Some(own);
            }
        }
        if moved || other_mac {
            self.hastens_hello(context.now);
            self.leaves_will(context);
        }
    }

    /// What keeps the group from running.
    fn obstacle(&self) -> Option<String> {
        let faults = self.faults();
        if !faults.is_empty() {
            return Some(in_words(&faults));
        }
        self.address().is_none().then(|| "the virtual address is to be learnt".to_owned())
    }

    /// Runs if nothing is in the way, and stops with a named cause if something is.
    pub(super) fn reconsiders(&mut self, context: &mut Context<'_>, why: &str) {
        let obstacle = self.obstacle();
        match (&self.state, obstacle) {
            (State::Disabled, _) => {}
            (State::Initial, None) => self.begins(context, why),
            (State::Initial, Some(cause)) => {
                if cause != self.reason {
                    self.reason.clone_from(&cause);
                    context.note(Note::Remark { name: "waiting", about: None, text: cause });
                }
            }
            (State::Leaving(_), Some(cause)) => self.finishes(context, format!("stopped; {cause}")),
            (_, Some(cause)) => self.fails(context, cause),
            (_, None) => {}
        }
    }

    fn begins(&mut self, context: &mut Context<'_>, why: &str) {
        self.source = self.choose_source();
        self.refusal = None;
        self.listens(context, why.to_owned());
    }

    /// Stops for as long as something is in the way. Forwarders are remembered: we may come back to them.
    fn fails(&mut self, context: &mut Context<'_>, cause: String) {
        if self.link.as_ref().is_some_and(|link| link.up) {
            // The address may be gone, but not yet from our memory, and the frame is ours to write.
            self.says_goodbye(context);
        }
        let now = context.now;
        self.forwarders_end(now);
        let transition = self.enter(now, State::Initial, cause);
        self.releases(context);
        self.forgets_members();
        self.note(context, transition);
        self.alarms.end(context, None, "this router takes no part");
    }

    /// When a refused hold is tried again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        let refused = self.refusal.as_ref().map(|refusal| refusal.until);
        refused.filter(|_| matches!(self.state, State::Initial))
    }

    pub(super) fn initial_ticks(&mut self, context: &mut Context<'_>) {
        if self.retry_at().is_some_and(|at| at <= context.now) {
            self.refusal = None;
            self.reconsiders(context, "what was refused is tried again");
        }
        // Its interface may have gone since it was asked.
        if self.greets_at.take_if(|at| *at <= context.now).is_some() && self.faults().is_empty() {
            self.says_nonce(context);
        }
    }

    /// Somebody cannot prove to us that it is no recording before it hears our nonce. Who takes part says that with its
    /// next hello; who is silent because the address is yet to be learnt would never learn it.
    pub(super) fn is_to_greet(&mut self, now: Instant) {
        if matches!(self.state, State::Initial) && self.faults().is_empty() {
            self.source = self.choose_source();
            self.greets_at = Some(now);
        }
    }

    /// The kernel granted what we hold now.
    pub(super) fn was_granted(&mut self, now: Instant) {
        if self.outbox.is_answered() {
            self.hastens_hello(now);
        }
        if !self.held.is_empty() {
            self.backoff.granted();
        }
    }

    /// Saying that one is active without holding anything is a black hole.
    pub(super) fn was_refused(&mut self, context: &mut Context<'_>, fault: &HoldFault) {
        self.counters.bump(Count::HoldFaults);
        self.outbox.is_answered();
        if self.held.is_empty() {
            let text = fault.to_string();
            return context.note(Note::Remark { name: "release-refused", about: None, text });
        }
        self.refusal = Some(self.backoff.refused(context.now, fault.clone()));
        self.reconsiders(context, "");
    }

    /// What we held was withdrawn while we were away, or faster than it could be put back. Everything heard meanwhile
    /// has been read: a better router would be active by now, and a worse one is told.
    pub(super) fn lapses(&mut self, context: &mut Context<'_>, away: Duration) {
        if self.held.is_empty() {
            return;
        }
        self.counters.bump(Count::Lapses);
        if matches!(self.state, State::Leaving(_)) {
            return self.finishes(context, format!("stopped; away for {}", spell(away)));
        }
        let text = format!("away for {}; what may have lapsed is taken up again", spell(away));
        context.note(Note::Remark { name: "stalled", about: None, text });
        self.holds_again(context);
        self.announces_forwarders(context);
        self.hastens_hello(context.now);
    }

    /// Tracked faults take another part of our weighting.
    pub(super) fn penalty_changes(&mut self, context: &mut Context<'_>, penalty: u16) {
        let before = self.weighting();
        self.penalty = penalty;
        if self.weighting() == before {
            return;
        }
        self.weighs_anew(context.now);
        let (after, low) = (self.weighting(), if self.low { ", which is too little to forward" } else { "" });
        let text = format!("{before} becomes {after}: tracked faults take {penalty}{low}");
        context.note(Note::Remark { name: "weighting", about: None, text });
        self.hastens_hello(context.now);
    }

    /// The weighting we say: the configured one without what tracked faults take.
    pub(super) fn weighting(&self) -> u8 {
        let left = u16::from(self.config.weighting.maximum).saturating_sub(self.penalty);
        u8::try_from(left).unwrap_or(u8::MAX)
    }

    /// The weighting is another one, or what is enough: so are our rights to forwarders.
    pub(super) fn weighs_anew(&mut self, now: Instant) {
        self.weighs();
        self.judges_forwarders(now);
        if matches!(self.state, State::Active(_)) && self.assign_at.is_none() {
            self.assigns_itself(now);
        }
    }

    /// Whether it is too little. Between the thresholds it stays as it was.
    pub(super) fn weighs(&mut self) {
        let weighting = self.weighting();
        if weighting < self.config.weighting.lower {
            self.low = true;
        } else if weighting >= self.config.weighting.upper {
            self.low = false;
        }
    }

    pub(super) fn is_commanded(&mut self, context: &mut Context<'_>, command: Command) {
        match (command, &self.state) {
            (Command::HandOver, State::Active(_)) => self.hands_over(context),
            // Who leaves holds on to what it has until a successor is heard, and claims nothing.
            (Command::Announce, state) if state.runs() && !self.held.is_empty() => {
                self.announces_forwarders(context);
                self.advertises_router(context);
            }
            (Command::HandOver | Command::Announce | Command::TakeOver | Command::Ready, _) => {
                let text = format!("nothing to do while {}", self.state.name());
                context.note(Note::Remark { name: "command-ignored", about: None, text });
            }
        }
    }
}
