//! What happened to a router from outside: when it started, was told to leave, and died.
//!
//! A router of GLBP speaks in every state that it runs in: it is there from its first message to its last.

use std::collections::BTreeMap;

use ::glbp::wire::{Kind, State};

use super::{Announced, Spoke};
use crate::analyze::moment::nanos;
use crate::analyze::story::{GroupStory, MemberStory, What};
use crate::replay::hellos::Stateful;
use crate::replay::script::{Doing, Outside, deafness, gateway_pieces, holding};

/// A router says goodbye twice within this, in nanoseconds.
const BOTH_GOODBYES: i64 = 60_000_000;

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
    let capture_ends = group.members.iter().map(|member| member.last_ns).max().unwrap_or_default();
    for (place, spoke) in announced.own.iter().enumerate() {
        if !alive {
            if spoke.leaves() {
                // It says goodbye twice.
                continue;
            }
            all.push(announced.start(place, ended, signed(later)));
            alive = true;
        }
        if let Some(end) = announced.end(spoke, announced.own.get(place + 1), capture_ends) {
            (ended, alive) = (end.at_ns, false);
            all.push(end);
        }
    }
    // With numbers to be repeated, whom it did not obey is seen in what they repeat.
    let lost = unheard_goodbyes(group);
    if announced.believes_everybody() && !announced.challenges() {
        let hold = signed(announced.hold());
        // What else it hears while a goodbye is lost, it hears.
        let pieces = holding(gateway_pieces(who)).filter(|piece| !lost.contains_key(&piece.from_ns));
        all.extend(pieces.filter_map(|piece| deafness(group, who.address, piece, hold)).flatten());
    }
    all.extend(lost.into_values().flatten());
    if !configured {
        all.extend(announced.changes().skip(1).map(|to| {
            let why = "its frames say other settings from then on".to_owned();
            Outside { at_ns: signed(to), what: Doing::Change { to }, why, meets: None }
        }));
    }
    all.sort_by_key(|one| one.at_ns);
    all
}

/// Goodbyes that are in the capture and reached nobody, as when a router loses its power: what it had is taken only when the
/// hold time is over. By the moment at which it is.
fn unheard_goodbyes(group: &GroupStory) -> BTreeMap<u64, [Outside; 2]> {
    let outside = |at_ns, what, why: &str| Outside { at_ns, what, why: why.to_owned(), meets: None };
    let taken = group.events.iter().filter_map(|event| match &event.what {
        What::TakeOver(change) if change.unheard => Some((event, change.from?)),
        _ => None,
    });
    let mut lost: BTreeMap<u64, [Outside; 2]> = BTreeMap::new();
    for (taken, from) in taken {
        let before =
            group.events.iter().filter(|event| event.at_ns <= taken.at_ns && event.part == taken.part);
        let goodbye = before.rev().find(|it| matches!(it.what, What::Resignation { who } if who == from));
        let Some(at) = goodbye.map(|goodbye| signed(goodbye.at_ns)) else { continue };
        if lost.values().any(|[deaf, _]| deaf.at_ns == at) {
            continue;
        }
        let deaf = outside(at, Doing::Deafen, "the goodbye in the capture did not reach it");
        let again = outside(at + BOTH_GOODBYES, Doing::Hear, "it hears all others");
        lost.insert(taken.at_ns, [deaf, again]);
    }
    lost
}

impl Announced {
    /// When a router must have started whose first message is at this place.
    fn start(&self, place: usize, ended: i64, later: i64) -> Outside {
        let earliest = ended.saturating_add(1);
        let start = |at_ns: i64, prelude, why: &str, meets| Outside {
            at_ns: at_ns.max(earliest),
            what: Doing::Start { prelude },
            why: why.to_owned(),
            meets,
        };
        let Some(first) = self.own.get(place) else { return start(0, false, "", None) };
        let at = signed(first.at);
        if let Some(history) = self.history().filter(|_| ended == i64::MIN) {
            let why = "it was there before the capture began: it has what takes longer to have";
            return start(history.from.saturating_add(later), true, why, Some(first.at));
        }
        let hold = signed(self.hold());
        match first.state() {
            Some(State::Standby | State::Active) => {
                let why = "its first message comes a hold time in Listen and one in Speak after a start";
                start(at - hold * 2 + later, false, why, Some(first.at))
            }
            Some(State::Speak) => {
                let why = "its first message comes a hold time in Listen after a start";
                start(at - hold + later, false, why, Some(first.at))
            }
            _ if first.kind == Kind::Request => {
                // Whoever it asks has spoken before.
                let prompt = self.others.iter().rfind(|other| {
                    other.at <= first.at
                        && other.state() == Some(State::Active)
                        && other.hello.is_some_and(|hello| first.at - other.at <= nanos(hello.hello))
                });
                let at = prompt.map_or(at, |prompt| signed(prompt.at));
                start(at, false, "it asks the active gateway for a forwarder as soon as it is there", None)
            }
            _ => start(at, false, "it speaks as soon as it is there", None),
        }
    }

    /// How a life ends that may have ended with this message.
    fn end(&self, last: &Spoke, next: Option<&Spoke>, capture_ends: u64) -> Option<Outside> {
        let outside = |at_ns, what, why: &str| Outside { at_ns, what, why: why.to_owned(), meets: None };
        if last.leaves() {
            return Some(outside(signed(last.at), Doing::Stop, "it said goodbye"));
        }
        let until = next.map_or(capture_ends, |next| next.at);
        if until.saturating_sub(last.at) <= self.hold_at(last.at) {
            return None;
        }
        Some(outside(signed(last.at).saturating_add(1), Doing::Kill, "it fell silent"))
    }
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}
