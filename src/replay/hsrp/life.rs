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
            let start = announced.start(spoke, ended, signed(later));
            all.extend(announced.deaf_at_first(spoke, start.at_ns).into_iter().flatten());
            all.push(start);
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
        all.extend(announced.unanswered());
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

    /// An active router answers a worse one's claim with a Coup: as long as it does not, it does not hear it.
    fn unanswered(&self) -> Vec<Outside> {
        let mut all: Vec<Outside> = Vec::new();
        let claims = self.others.iter().filter(|other| other.is_hello_in(State::Active)).filter(|other| {
            let ours = self.own.iter().rfind(|own| own.at < other.at);
            let goes_on = self.own.iter().any(|own| own.at > other.at && own.at - other.at <= own.hold);
            goes_on && ours.is_some_and(|own| own.is_hello_in(State::Active) && own.is_better_than(other))
        });
        let outside =
            |at: u64, what, why: &str| Outside { at_ns: signed(at), what, why: why.to_owned(), meets: None };
        let mut since: Option<u64> = None;
        for claim in claims {
            let soon = claim.at..=claim.at.saturating_add(claim.hello / 4);
            let answered =
                self.own.iter().any(|own| own.operation == Operation::Coup && soon.contains(&own.at));
            match (answered, since) {
                (false, None) => {
                    let why = "it leaves a worse router's claim unanswered: it did not hear it";
                    all.push(outside(claim.at.saturating_sub(1), Doing::Deafen, why));
                    since = Some(claim.at);
                }
                (false, Some(_)) => since = Some(claim.at),
                (true, _) => since = None,
            }
            if let Some(since) = since {
                let why = "it is not contested any more";
                all.retain(|one| one.what != Doing::Hear || one.at_ns < signed(since) - signed(claim.hold));
                all.push(outside(since.saturating_add(1), Doing::Hear, why));
            }
        }
        all
    }

    /// A router that begins to speak though it would have preempted whoever was active did not hear him until then.
    fn deaf_at_first(&self, first: &Spoke, start: i64) -> Option<[Outside; 2]> {
        let preempts = self.preempt();
        let worse = |other: &&Spoke| {
            let heard = signed(other.at) > start && other.at < first.at;
            heard && other.is_hello_in(State::Active) && other.priority < first.priority
        };
        let coup = self.coups().find(|coup| coup.at > first.at)?;
        if !preempts.on || !preempts.delay.is_zero() || !self.others.iter().any(|other| worse(&other)) {
            return None;
        }
        let prompt = self.others.iter().rfind(|other| other.at <= coup.at)?;
        let outside = |at_ns, what, why: &str| Outside { at_ns, what, why: why.to_owned(), meets: None };
        let why = "it begins to speak beside a router that it would have preempted: it did not hear it";
        Some([
            outside(start.saturating_add(1), Doing::Deafen, why),
            outside(signed(prompt.at.saturating_sub(JUST_BEFORE)), Doing::Hear, "it preempts now"),
        ])
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
        Some(outside(
            signed(last.at).saturating_add(1),
            Doing::Kill,
            "it fell silent, and nobody had silenced it",
        ))
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
