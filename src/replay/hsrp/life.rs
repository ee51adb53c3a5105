//! What happened to a router from outside: when it started, was told to leave, and died.
//!
//! A router in Listen is silent, and so is a dead one. It is in Listen if a better router had just spoken; whoever fell
//! silent without that is dead.

use super::{Announced, SQUEEZED, Spoke};
use crate::analyze::story::{GroupStory, MemberStory};
use crate::replay::script::{Doing, Outside, changes, deafness, gateway_pieces, holding};
use ::hsrp::wire::{Operation, State};

/// How long before a message that preempts a router must have been started, at least.
const JUST_BEFORE: u64 = 1_000_000;
/// How soon behind a Resign a Hello shows that its sender goes on.
const GOES_ON: u64 = 500_000_000;

/// Reads what happened to `who` from outside off its messages and everybody else's; what it did not hear, off the story.
/// It is started `later` by so many nanoseconds than its messages say: its own timers were late.
pub(in crate::replay) fn outside(
    group: &GroupStory,
    who: &MemberStory,
    announced: &Announced,
    configured: bool,
    later: u64,
) -> Vec<Outside> {
    let mut all = Vec::new();
    let mut ended = i64::MIN;
    let mut alive = false;
    for (place, spoke) in announced.own.iter().enumerate() {
        if !alive {
            all.push(announced.start(spoke, ended, signed(later)));
            alive = true;
        }
        if let Some(end) = announced.end(spoke, announced.own.get(place + 1), group) {
            (ended, alive) = (end.at_ns, false);
            all.push(end);
        }
    }
    let pieces = gateway_pieces(who);
    let hold = announced.own.first().map_or(0, |spoke| spoke.hold);
    if announced.believes_everybody() {
        let deaf = holding(pieces).filter_map(|piece| deafness(group, who.address, piece, signed(hold)));
        all.extend(deaf.flatten());
    }
    if !configured {
        all.extend(changes(pieces, announced.changes()));
    }
    all.sort_by_key(|one| one.at_ns);
    all
}

impl Announced {
    /// When a router must have started whose first message this is.
    fn start(&self, first: &Spoke, ended: i64, later: i64) -> Outside {
        let earliest = ended.saturating_add(1);
        let start = |at_ns: i64, prelude, why: &str, meets| Outside {
            at_ns: at_ns.max(earliest),
            what: Doing::Start { prelude },
            why: why.to_owned(),
            meets,
        };
        if first.operation == Operation::Coup && first.state != State::Active {
            let prompt = self.others.iter().rfind(|other| other.at <= first.at);
            let at = prompt.map_or(first.at, |prompt| prompt.at).saturating_sub(JUST_BEFORE);
            return start(signed(at), false, "it preempts with its first message", None);
        }
        let (holds, why) = match first.state {
            State::Standby | State::Active => {
                (2, "its first message comes a hold time in Listen and one in Speak after a start")
            }
            State::Disabled
            | State::Initial
            | State::Learn
            | State::Listen
            | State::Speak
            | State::Unknown(_) => (1, "its first message comes a hold time in Listen after a start"),
        };
        let wait = signed(first.hold).saturating_mul(holds);
        let at = signed(first.at) - wait;
        let said = self.of_interface.iter().copied().find(|said| {
            let said = signed(*said);
            said > at - wait / 4 && said < signed(first.at) - wait / 2 && said > ended
        });
        if let Some(said) = said {
            return start(signed(said) + later, false, "it said then what its interface is", None);
        }
        let prelude = at < 0 && first.state == State::Standby;
        start(at + later, prelude, why, Some(first.at))
    }

    /// How a life ends that may have ended with this message.
    fn end(&self, last: &Spoke, next: Option<&Spoke>, group: &GroupStory) -> Option<Outside> {
        let outside = |at_ns, what, why: &str| Outside { at_ns, what, why: why.to_owned(), meets: None };
        if last.operation == Operation::Resign {
            let goes_on = next.is_some_and(|next| next.at - last.at < GOES_ON);
            return (!goes_on).then(|| outside(signed(last.at), Doing::Stop, "it resigned, and is gone"));
        }
        let capture_ends = group.members.iter().map(|member| member.last_ns).max().unwrap_or(last.at);
        let until = next.map_or(capture_ends, |next| next.at);
        if until.saturating_sub(last.at) <= last.hold || self.is_silenced(last) {
            return None;
        }
        // Its next hello is the first that is missing.
        let at = last.at.saturating_add(last.hello / 2);
        Some(outside(signed(at), Doing::Kill, "it fell silent, and nobody had silenced it"))
    }

    /// Whether a better router silenced it after this message, and it listens.
    fn is_silenced(&self, last: &Spoke) -> bool {
        let began = last.at.saturating_sub(last.hello / SQUEEZED);
        let near = began..=last.at.saturating_add(last.hello + last.hello / SQUEEZED);
        last.state != State::Active
            && self.others.iter().any(|other| {
                let role = other.is_hello_in(State::Speak) || other.is_hello_in(State::Standby);
                near.contains(&other.at) && role && other.is_better_than(last)
            })
    }
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}
