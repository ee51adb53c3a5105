//! The checks a message has to pass before it is obeyed, in order: octets, whose it is, proof, meaning.
//!
//! Whatever fails is counted under its own name, and its sender stands in the list of neighbours with the rule it broke.

use std::time::Duration;

use fhrp::counters::Counted;
use fhrp::{Context, Family, Instant, Note, Received};

use super::{GatewayGroup, State};
use crate::auth::{AuthRefusal, Freshness};
use crate::counters::Count;
use crate::judge::{judge_envelope, judge_hello};
use crate::wire::{self, Heard, Kind, Message, State as Said};

/// The least time between hellos that tell one neighbour what it has to repeat.
const GREETING_PAUSE: Duration = Duration::from_secs(1);

/// Why a message is not obeyed, and what it says if that could be read.
struct Refusal {
    counter: &'static str,
    reason: String,
    message: Option<Box<Message>>,
    /// It may be a recording. If it is none, its sender has to hear from us before it can prove that.
    unproven: bool,
}

impl Refusal {
    fn new(counter: &'static str, reason: String) -> Self {
        Refusal { counter, reason, message: None, unproven: false }
    }

    fn of(count: Count, reason: String) -> Self {
        Refusal::new(count.name(), reason)
    }
}

impl GatewayGroup {
    /// A message for this group.
    pub(super) fn receives(&mut self, context: &mut Context<'_>, received: &Received<'_>) {
        if matches!(self.state, State::Disabled) {
            return;
        }
        // The kernel's time stamp cannot lie in the future of this turn; a replayed one might.
        let received = Received { at: received.at.min(context.now), ..*received };
        match self.judges(context, &received) {
            Ok(message) => self.accepts(context, &received, &message),
            Err(refusal) => self.refuses(context, &received, &refusal),
        }
    }

    fn accepts(&mut self, context: &mut Context<'_>, received: &Received<'_>, message: &Message) {
        self.counters.bump(match message.kind {
            Kind::Hello => Count::HellosReceived,
            Kind::Request => Count::RequestsReceived,
            Kind::Response => Count::ResponsesReceived,
        });
        let differs = self.compares(message);
        let text = differs.join("; ");
        let known = self.neighbours.get(received.source).and_then(|entry| entry.facts.priority);
        let priority = message.hello.as_ref().map(|hello| hello.priority).or(known).unwrap_or_default();
        let (said, news) = self.neighbours.obeyed(received, priority, differs);
        said.reads(Some(message));
        if news && !text.is_empty() {
            context.note(Note::Remark { name: "mismatch", about: Some(received.source), text });
        }
        match message.kind {
            Kind::Hello => self.hears(context, received, message),
            Kind::Request => self.is_requested(context, received, message),
            Kind::Response => self.is_assigned(context, received, message),
        }
    }

    fn refuses(&mut self, context: &mut Context<'_>, received: &Received<'_>, refusal: &Refusal) {
        let Refusal { counter, reason, message, unproven } = refusal;
        let from = received.source;
        self.counters.bump_name(counter);
        let hello = message.as_ref().and_then(|message| message.hello.as_ref());
        let said = self.neighbours.refused(received, hello.map(|hello| hello.priority), reason);
        said.reads(message.as_deref());
        let greets = *unproven && said.greeted.is_none_or(|last| last + GREETING_PAUSE <= context.now);
        if greets {
            said.greeted = Some(context.now);
        }
        context.note(Note::Refused { from, counter, reason: reason.clone() });
        if greets {
            self.hastens_hello(context.now);
            self.is_to_greet(context.now);
        }
        // It answers the hosts that we answer, and neither listens to the other.
        if hello.is_some_and(|hello| hello.state == Said::Active) && !unproven {
            let what = format!("is active as well, and is not obeyed: {reason}");
            self.notice_rival(context, received.at, from, &what);
        }
    }

    fn judges(&mut self, context: &Context<'_>, received: &Received<'_>) -> Result<Message, Refusal> {
        let heard = wire::parse(received.payload)
            .map_err(|error| Refusal::new(error.counter(), error.to_string()))?;
        let Message { kind, group, owner, .. } = heard.message;
        self.judges_sender(received, &heard)?;
        judge_envelope(received, kind, owner)
            .map_err(|refusal| Refusal::new(refusal.counter(), refusal.to_string()))?;
        if group != self.config.group {
            let reason = format!("group {group}, ours is {}", self.config.group);
            return Err(Refusal::of(Count::GroupErrors, reason));
        }
        if kind != Kind::Hello && Some(received.destination) != self.source {
            let reason = format!("a {} to {}, which we are not", kind.word(), received.destination);
            return Err(Refusal::new("destination-errors", reason));
        }
        self.guard.admit(&heard, received.source, context.wall).map_err(|refusal| Refusal {
            message: Some(Box::new(heard.message.clone())),
            ..Refusal::new(refusal.counter(), refusal.to_string())
        })?;
        self.judges_content(received.at, received, heard.message)
    }

    /// Whether the sender can be another member.
    fn judges_sender(&self, received: &Received<'_>, heard: &Heard<'_>) -> Result<(), Refusal> {
        let (source, owner) = (received.source, heard.message.owner);
        let link = self.link.as_ref();
        let loops = owner == self.own_mac();
        if Some(source) == self.source || link.is_some_and(|link| link.has(source)) {
            let reason = match loops {
                true => "our own message, come back: a loop".to_owned(),
                false => format!("our own address, used by {owner}"),
            };
            return Err(Refusal::of(Count::OwnAddress, reason));
        }
        if loops {
            let reason = format!("our own MAC as owner, from {source}");
            return Err(Refusal::of(Count::OwnerMismatch, reason));
        }
        let beside = link.is_none_or(|link| link.addresses.iter().any(|address| address.contains(source)));
        if !beside {
            let reason = format!("source {source}, which is in no network of ours");
            return Err(Refusal::new("source-errors", reason));
        }
        Ok(())
    }

    /// What a proven message says: values, and whether it is new.
    fn judges_content(
        &mut self,
        at: Instant,
        received: &Received<'_>,
        message: Message,
    ) -> Result<Message, Refusal> {
        if let Some(member) = self.members.get(at, message.owner).filter(|it| it.source != received.source) {
            let reason = format!("owner {}, which is {}", message.owner, member.source);
            return Err(Refusal::of(Count::OwnerMismatch, reason));
        }
        if let Some(hello) = &message.hello {
            judge_hello(hello, Family::of(received.source)).map_err(|refusal| Refusal {
                message: Some(Box::new(message.clone())),
                ..Refusal::new(refusal.counter(), refusal.to_string())
            })?;
        }
        let hold = message.hello.as_ref().map_or(self.times().hold, |hello| hello.hold);
        let own = self.own_mac();
        let fresh = match &mut self.nonces {
            None => Freshness::Fresh,
            Some(nonces) => nonces.hears(at, hold, own, message.owner, message.challenge.as_ref()),
        };
        match fresh {
            Freshness::Fresh => Ok(message),
            Freshness::Unproven => {
                let refusal = AuthRefusal::Unproven;
                let told = Refusal::new(refusal.counter(), refusal.to_string());
                Err(Refusal { message: Some(Box::new(message)), unproven: true, ..told })
            }
        }
    }

    /// What differs from ours in a message that is obeyed all the same.
    fn compares(&mut self, message: &Message) -> Vec<String> {
        let mut differs = Vec::new();
        let Some(hello) = &message.hello else { return differs };
        let roles = matches!(hello.state, Said::Active | Said::Standby | Said::Speak);
        if let Some(ours) = self.address().filter(|ours| roles && ours.ip != hello.address) {
            self.counters.bump(Count::AddressMismatch);
            differs.push(format!("virtual address {}, ours is {}", hello.address, ours.ip));
        }
        differs
    }
}
