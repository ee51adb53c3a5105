//! The checks a message has to pass before it is obeyed, in order: whose it is, octets, proof, meaning.
//!
//! Whatever fails is counted under its own name, and its sender stands in the list of neighbours with the rule it broke.

use fhrp::counters::Counted;
use fhrp::{Context, Note, Received};

use super::{StandbyGroup, State};
use crate::counters::Count;
use crate::judge::judge;
use crate::wire::{self, GroupMessage, Message, Operation, State as Said};

/// Why a message is not obeyed, and what it says if that could be read.
struct Refusal {
    counter: &'static str,
    reason: String,
    message: Option<GroupMessage>,
}

impl Refusal {
    fn new(count: Count, reason: String) -> Self {
        Refusal { counter: count.name(), reason, message: None }
    }
}

impl StandbyGroup {
    /// A message for this group.
    pub(super) fn receives(&mut self, context: &mut Context<'_>, received: &Received<'_>) {
        if !self.started {
            return;
        }
        // The kernel's time stamp cannot lie in the future of this turn; a replayed one might.
        let received = Received { at: received.at.min(context.now), ..*received };
        match self.judges(context, &received) {
            Ok(message) => self.accepts(context, &received, &message),
            Err(refusal) => self.refuses(context, &received, &refusal),
        }
    }

    fn accepts(&mut self, context: &mut Context<'_>, received: &Received<'_>, message: &GroupMessage) {
        self.counters.bump(match message.operation {
            Operation::Hello => Count::HellosReceived,
            Operation::Coup => Count::CoupsReceived,
            Operation::Resign => Count::ResignsReceived,
        });
        let differs = self.compares(message);
        let text = differs.join("; ");
        let (said, news) = self.neighbours.obeyed(received, message.priority, differs);
        said.reads(message.version, Some(message));
        if news && !text.is_empty() {
            context.note(Note::Remark { name: "mismatch", about: Some(received.source), text });
        }
        // Somebody is there, so there is nothing to wait for.
        if self.delayed_until.take().is_some() {
            self.reconsiders(context, "another member was heard");
        }
        self.hears(context, received, message);
    }

    fn refuses(&mut self, context: &mut Context<'_>, received: &Received<'_>, refusal: &Refusal) {
        let Refusal { counter, reason, message } = refusal;
        let from = received.source;
        self.counters.bump_name(counter);
        let priority = message.map(|message| message.priority);
        let said = self.neighbours.refused(received, priority, reason);
        said.reads(wire::version_of(received), message.as_ref());
        context.note(Note::Refused { from, counter, reason: reason.clone() });
        // It holds what we hold, and neither listens to the other.
        if message.is_some_and(|message| message.state == Said::Active) {
            self.notice_rival(
                context,
                received.at,
                from,
                &format!("is active as well, and is not obeyed: {reason}"),
            );
        }
    }

    fn judges(&mut self, context: &Context<'_>, received: &Received<'_>) -> Result<GroupMessage, Refusal> {
        let source = received.source;
        if Some(source) == self.source || self.link.as_ref().is_some_and(|link| link.has(source)) {
            let reason = "our own address: a loop, or somebody else uses it".to_owned();
            return Err(Refusal::new(Count::OwnAddress, reason));
        }
        let (theirs, ours) = (wire::version_of(received), self.config.version);
        if theirs != ours {
            let reason = format!("version {}, ours is {}", theirs.number(), ours.number());
            let message = self.in_another_version(received);
            return Err(Refusal { message, ..Refusal::new(Count::VersionErrors, reason) });
        }
        judge(received, ours).map_err(|refusal| Refusal {
            counter: refusal.counter(),
            reason: refusal.to_string(),
            message: None,
        })?;
        let heard = wire::parse(received).map_err(|error| Refusal {
            counter: error.counter(),
            reason: error.to_string(),
            message: None,
        })?;
        let message = match heard.message {
            Message::Group(message) if message.group == self.config.group => message,
            Message::Group(message) => {
                let reason = format!("group {}, ours is {}", message.group, self.config.group);
                return Err(Refusal::new(Count::GroupErrors, reason));
            }
            Message::Interface(_) => {
                let reason = "an interface's state, which is no group's affair".to_owned();
                return Err(Refusal::new(Count::GroupErrors, reason));
            }
        };
        self.guard.admit(&heard, context.wall).map_err(|refusal| Refusal {
            counter: refusal.counter(),
            reason: refusal.to_string(),
            message: Some(message),
        })?;
        Ok(message)
    }

    /// What is said in the version that we do not speak, if it is about our address: another group may have our number.
    fn in_another_version(&self, received: &Received<'_>) -> Option<GroupMessage> {
        match wire::parse(received).ok()?.message {
            Message::Group(message) => {
                Some(message).filter(|message| self.address().is_some_and(|ours| ours.ip == message.address))
            }
            Message::Interface(_) => None,
        }
    }

    /// What differs from ours in a message that is obeyed all the same.
    fn compares(&mut self, message: &GroupMessage) -> Vec<String> {
        let mut differs = Vec::new();
        let roles = matches!(message.state, Said::Active | Said::Standby | Said::Speak);
        if let Some(ours) = self.address().filter(|ours| roles && ours.ip != message.address) {
            self.counters.bump(Count::AddressMismatch);
            differs.push(format!("virtual address {}, ours is {}", message.address, ours.ip));
        }
        if self.believable(message).is_none() {
            self.counters.bump(Count::TimerErrors);
            let (hello, hold) = (message.hello.as_millis(), message.hold.as_millis());
            differs.push(format!("hold time {hold} ms with hello time {hello} ms, which is not believed"));
        }
        differs
    }

    /// Whether the group takes part.
    pub(super) fn is_running(&self) -> bool {
        !matches!(self.state, State::Initial)
    }
}
