//! Who is given which forwarder: members ask the active gateway for one, and it numbers them.

use std::time::Duration;

use fhrp::{Action, Context, Instant, Note, Received};

use super::forwarder::{Forwarder, ForwarderState, Waiting, is_sufficient};
use super::{GatewayGroup, State};
use crate::counters::Count;
use crate::judge::judge_forwarder;
use crate::vmac::{LAST_FORWARDER, virtual_mac};
use crate::wire::Message;

/// How often is asked while four others have one each.
const HOPELESS_PAUSE: Duration = Duration::from_secs(60);

impl GatewayGroup {
    /// Whether this router was given a forwarder.
    fn has_own(&self) -> bool {
        self.forwarders.values().any(|forwarder| forwarder.primary)
    }

    /// Whether it is to have one. Who could not carry it leaves it, while others carry what there is: it would be given up
    /// again and again, each time that its time-out is over.
    fn wants_own(&self) -> bool {
        let carries = |forwarder: &Forwarder| forwarder.by().is_some_and(|by| is_sufficient(by.priority));
        let leaves_it = self.low && self.forwarders.values().any(carries);
        !self.has_own() && !leaves_it
    }

    /// Whether each forwarder that there can be is somebody's.
    fn all_are_given(&self) -> bool {
        let given = self.forwarders.values().filter(|forwarder| forwarder.owner.is_some()).count();
        given >= usize::from(LAST_FORWARDER)
    }

    /// The active gateway was heard: it is asked for a forwarder if we have none, once for each hello.
    pub(super) fn considers_request(&mut self, at: Instant) {
        if !self.wants_own() {
            return;
        }
        let pause = match self.all_are_given() {
            true => HOPELESS_PAUSE,
            false => self.times().hello * 3 / 4,
        };
        if self.requested.is_none_or(|last| last + pause <= at) {
            self.request_at = Some(at);
        }
    }

    /// Asks for a forwarder.
    pub(super) fn requests(&mut self, context: &mut Context<'_>) {
        let Some(active) = self.active.filter(|_| self.wants_own()) else { return };
        self.requested = Some(context.now);
        self.asked = Some(active.source);
        if let Some(datagram) = self.request(context, active.source, active.owner) {
            self.counters.bump(Count::RequestsSent);
            self.outbox.says_less();
            context.ask(Action::Send(datagram));
        }
    }

    /// A member asks for one.
    pub(super) fn is_requested(
        &mut self,
        context: &mut Context<'_>,
        received: &Received<'_>,
        message: &Message,
    ) {
        if !matches!(self.state, State::Active(_)) {
            return;
        }
        let (at, owner) = (received.at, message.owner);
        let hold = self.times().hold;
        self.members.heard(at, owner, received.source, None, hold);
        let Some(number) = self.number_for(owner) else { return };
        let Some(mac) = virtual_mac(self.config.group, number) else { return };
        let is_new = !self.forwarders.contains_key(&number);
        if is_new {
            let mut forwarder = self.new_forwarder(mac, at);
            // It forwards one hold time after our word: it is not silent before two.
            forwarder.state = ForwarderState::Listen(Waiting::new(None, at + hold * 2));
            self.forwarders.insert(number, forwarder);
        }
        if self.owns(owner, number) {
            let text = format!("forwarder {number} is given to {}", received.source);
            context.note(Note::Remark { name: "forwarder-given", about: Some(received.source), text });
        }
        if let Some(datagram) = self.response(context, received.source, owner, number, mac) {
            self.counters.bump(Count::ResponsesSent);
            self.outbox.says_less();
            context.ask(Action::Send(datagram));
        }
    }

    /// The active gateway gives us one.
    pub(super) fn is_assigned(
        &mut self,
        context: &mut Context<'_>,
        received: &Received<'_>,
        message: &Message,
    ) {
        let hold = self.times().hold;
        let asked = self.requested.is_some_and(|last| received.at < last + hold) && !self.has_own();
        if !self.state.runs() || !asked || self.asked != Some(received.source) {
            return self.counters.bump(Count::UnaskedResponses);
        }
        let given = message.forwarders.first().filter(|given| judge_forwarder(message, given).is_ok());
        let Some(number) = given.map(|given| given.number) else {
            return self.counters.bump(Count::ForwarderErrors);
        };
        self.assign_at = None;
        self.gets(received.at, number);
        let text = format!("forwarder {number} is ours");
        context.note(Note::Remark { name: "forwarder-given", about: Some(received.source), text });
    }

    /// From now on we are the active gateway, and have none. If somebody else was it until now, it may know which one we
    /// had, and is asked: it hears that before it hears what we are.
    pub(super) fn asks_or_assigns(&mut self, context: &mut Context<'_>) {
        if self.active.is_none() || self.has_own() || self.all_are_given() {
            return self.assigns_itself(context.now);
        }
        self.requests(context);
        self.assign_at = Some(context.now + self.times().hello);
    }

    /// The active gateway gives itself one if it has none.
    pub(super) fn assigns_itself(&mut self, now: Instant) {
        self.assign_at = None;
        if !self.wants_own() {
            return;
        }
        if let Some(number) = self.number_for(self.own_mac()) {
            self.gets(now, number);
        }
    }

    /// A forwarder is ours. If nobody else forwards for it, we do after the hold time.
    fn gets(&mut self, at: Instant, number: u8) {
        let Some(mac) = virtual_mac(self.config.group, number) else { return };
        if !self.forwarders.contains_key(&number) {
            let forwarder = self.new_forwarder(mac, at);
            self.forwarders.insert(number, forwarder);
        }
        self.owns(self.own_mac(), number);
        if let Some(forwarder) = self.forwarders.get_mut(&number) {
            forwarder.primary = true;
        }
        // Our right to it is another one now.
        self.judges_forwarders(at);
        self.hastens_hello_if_active(at, number);
    }

    fn hastens_hello_if_active(&mut self, at: Instant, number: u8) {
        if self.forwarders.get(&number).is_some_and(Forwarder::is_active) {
            self.hastens_hello(at);
        }
    }

    /// The forwarder is this member's, and no other one is: it may have had another before. Returns whether that is new.
    pub(super) fn owns(&mut self, owner: fhrp::Mac, number: u8) -> bool {
        let mut is_new = false;
        for (other, forwarder) in &mut self.forwarders {
            if *other == number {
                is_new = forwarder.owner.replace(owner) != Some(owner);
            } else {
                forwarder.owner = forwarder.owner.filter(|it| *it != owner);
            }
        }
        is_new
    }

    /// The number that the owner is given: the one it has, else one that is free, else one whose owner nobody knows.
    fn number_for(&self, owner: fhrp::Mac) -> Option<u8> {
        let known = |wanted: Option<fhrp::Mac>| {
            let mut all = self.forwarders.iter();
            all.find(|(_, forwarder)| forwarder.owner == wanted).map(|(number, _)| *number)
        };
        let free = || (1..=LAST_FORWARDER).find(|number| !self.forwarders.contains_key(number));
        known(Some(owner)).or_else(free).or_else(|| known(None))
    }
}
