//! What happened to a router from outside, read off its story: when it started, stopped, died, and was given other
//! settings. A protocol does not decide these; everything else is for our implementation to decide.

use std::net::IpAddr;

use serde::Serialize;

use super::cast::INTERFACE;
use super::protocol::{Announced, wait_after_start};
use super::{glbp, hsrp};
use crate::analyze::moment::nanos;
use crate::analyze::reading::{Part, Said, Verdict, better};
use crate::analyze::story::{Cause, Change, GroupStory, MemberStory, Piece, What};
use crate::config::GroupPlan;
use crate::draw::Role;

/// How much longer than a router's patience before its first frame it must have been there if it did not begin
/// by preempting.
const BEFORE: i64 = 2;

/// How long before its last word a router at most heard the frame that it answers.
const HEARD_AGAIN: i64 = 20_000_000;

/// One thing from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outside {
    /// When, in nanoseconds since the capture's first frame; before it if negative.
    #[serde(rename = "at_s", serialize_with = "seconds")]
    pub at_ns: i64,
    /// What.
    pub what: Doing,
    /// What shows it.
    pub why: String,
    /// The frame whose moment this was chosen to meet.
    #[serde(skip)]
    pub(super) meets: Option<u64>,
}

/// What is done to a router from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// It starts.
    Start {
        /// Whether the holder's first frame is handed in at the start: it has been there all along.
        prelude: bool,
    },
    /// It is told to leave.
    Stop,
    /// It is gone at once.
    Kill,
    /// It hears nobody in this group any more.
    Deafen,
    /// It hears everybody again.
    Hear,
    /// Its settings change to those that it announces from this moment on.
    Change {
        /// In nanoseconds since the capture's first frame.
        #[serde(skip)]
        to: u64,
    },
}

fn seconds<S: serde::Serializer>(ns: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(*ns as f64 / 1e9)
}

/// A time during which a router was there.
struct Life<'a> {
    pieces: &'a [Piece],
    /// How it ended; `None`: with the capture.
    end: Option<&'a Piece>,
}

/// Reads what happened to `who` from outside off the story of its group. `later` is by how much its own timers are taken
/// to have been late, in nanoseconds.
pub(super) fn outside(
    group: &GroupStory,
    who: &MemberStory,
    announced: &Announced,
    configured: Option<&GroupPlan>,
    later: u64,
) -> Vec<Outside> {
    match announced {
        Announced::Hsrp(announced) => {
            return hsrp::outside(group, who, announced, configured.is_some(), later);
        }
        Announced::Glbp(announced) => {
            return glbp::outside(group, who, announced, configured.is_some(), later);
        }
        Announced::Vrrp(_) | Announced::Carp(_) => {}
    }
    let pieces = gateway_pieces(who);
    let settings = |at| match configured {
        Some(plan) => Some(plan.protocol.clone()),
        None => announced.plan(at, INTERFACE, "").ok().map(|plan| plan.protocol),
    };
    let mut all = Vec::new();
    let mut ended = i64::MIN;
    for life in lives(pieces) {
        let Some(first) = life.pieces.first() else { continue };
        let Some(plan) = settings(first.from_ns) else { continue };
        let wait = signed(nanos(wait_after_start(&plan)));
        all.push(match announced.preempted(first.from_ns) {
            Some(heard) => preempting(heard, ended),
            None => start(group, who.address, first, wait, ended),
        });
        all.extend(
            holding(life.pieces).filter_map(|piece| deafness(group, who.address, piece, wait)).flatten(),
        );
        if let Some(end) = life.end {
            ended = leaves(end, who, &mut all);
        }
    }
    if configured.is_none() {
        all.extend(changes(pieces, announced.changes().into_iter()));
    }
    all.sort_by_key(|one| one.at_ns);
    all
}

/// What a router was in the role, piece by piece.
pub(super) fn gateway_pieces(who: &MemberStory) -> &[Piece] {
    let gateway = who.roles.iter().find(|played| played.part == Part::Gateway);
    gateway.map_or(&[][..], |played| played.spans.as_slice())
}

/// Those in which it held it.
pub(super) fn holding(pieces: &[Piece]) -> impl Iterator<Item = &Piece> {
    pieces.iter().filter(|piece| matches!(piece.role, Role::Holding | Role::Trouble))
}

/// The times during which a router was there, as far as it was heard.
fn lives(pieces: &[Piece]) -> Vec<Life<'_>> {
    let mut lives = Vec::new();
    let mut from = 0;
    for (place, piece) in pieces.iter().enumerate() {
        if piece.role == Role::Unknown {
            lives.push(Life { pieces: &pieces[from..place], end: Some(piece) });
            from = place + 1;
        }
    }
    lives.push(Life { pieces: &pieces[from..], end: None });
    lives.retain(|life| !life.pieces.is_empty());
    lives
}

/// When a router must have started whose first frame is at the beginning of `first`.
fn start(group: &GroupStory, who: IpAddr, first: &Piece, wait: i64, ended: i64) -> Outside {
    let at = signed(first.from_ns);
    let taken = group.events.iter().find_map(|event| match &event.what {
        What::TakeOver(change) | What::Election(change)
            if change.who == who && event.at_ns == first.from_ns =>
        {
            Some(change)
        }
        _ => None,
    });
    match taken {
        Some(change) if was_there(group, change) => {
            let why = "it waited for the holder's end, so it was there before".to_owned();
            let (at_ns, prelude) = match ended {
                // A holder that was there before the capture began had been heard before it began.
                i64::MIN if holds_from_the_beginning(group) => (0, true),
                i64::MIN => (first_claim(group, who).unwrap_or(at) - wait / 2, false),
                ended => ((at - BEFORE * wait).max(ended.saturating_add(1)), false),
            };
            Outside { at_ns, what: Doing::Start { prelude }, why, meets: None }
        }
        // It claimed the role beside somebody who holds it: whether it was there before, nothing shows.
        Some(_) | None => {
            let why = "its first frame comes when the wait after a start is over".to_owned();
            let at_ns = (at - wait).max(ended.saturating_add(1));
            Outside { at_ns, what: Doing::Start { prelude: false }, why, meets: Some(first.from_ns) }
        }
    }
}

/// A router that preempts whoever is worse as soon as it hears them: it was not there before.
fn preempting(heard: u64, ended: i64) -> Outside {
    let at_ns = (signed(heard) - 1).max(ended.saturating_add(1));
    let why = "it preempts as soon as it hears a worse holder, so it was not there before".to_owned();
    Outside { at_ns, what: Doing::Start { prelude: false }, why, meets: None }
}

fn holds_from_the_beginning(group: &GroupStory) -> bool {
    group.events.iter().any(|event| matches!(event.what, What::Holds { .. }))
}

/// When somebody else is first known to hold the role.
fn first_claim(group: &GroupStory, who: IpAddr) -> Option<i64> {
    let others = group.members.iter().filter(|member| member.address != who);
    let pieces = others.flat_map(|member| member.roles.iter().flat_map(|played| &played.spans));
    pieces.filter(|piece| piece.role == Role::Holding).map(|piece| signed(piece.from_ns)).min()
}

/// Frames that are in the capture and did not reach the router: it took the role as if it had not heard them.
pub(super) fn deafness(group: &GroupStory, who: IpAddr, piece: &Piece, wait: i64) -> Option<[Outside; 2]> {
    let taken = signed(piece.from_ns);
    let outside = |at_ns, what, why: &str| Outside { at_ns, what, why: why.to_owned(), meets: None };
    group.events.iter().filter(|event| event.at_ns == piece.from_ns).find_map(|event| match &event.what {
        What::TakeOver(change) if change.who == who && change.unheard => {
            let goodbye = change.vacant_ns.map_or(taken, |vacant| taken - signed(vacant)).saturating_add(1);
            let why = "the goodbye in the capture did not reach it, or it did not heed it";
            let again = "it is the holder by now";
            Some([outside(goodbye, Doing::Deafen, why), outside(taken, Doing::Hear, again)])
        }
        What::TwoActive { other, length_ns, cause: Cause::Deafness, .. } if *other == who => {
            // The last frame that it heard was there a whole wait before, and the next one was not.
            let interval = signed(interval(group, who));
            let from = (taken - wait).saturating_add(interval / 2);
            let until = taken.saturating_add(signed(*length_ns)) - HEARD_AGAIN;
            let why = "it claimed the role though the holder is in the capture: it did not hear it";
            let again = "it yields";
            Some([outside(from, Doing::Deafen, why), outside(until.max(taken), Doing::Hear, again)])
        }
        _ => None,
    })
}

fn interval(group: &GroupStory, who: IpAddr) -> u64 {
    let member = group.members.iter().find(|member| member.address == who);
    let said = member.and_then(|member| member.settings.last());
    said.and_then(|said| said.interval.or(said.hello)).map_or(0, nanos)
}

/// Whether a router that took the role had been standing by: it waited for an end, and it is not one that would
/// have preempted the holder long before.
fn was_there(group: &GroupStory, change: &Change) -> bool {
    if !matches!(change.cause, Cause::Timeout | Cause::HandOver) {
        return false;
    }
    let said = |who: IpAddr| -> Option<&Said> {
        group.members.iter().find(|member| member.address == who)?.settings.last()
    };
    let Some(from) = change.from else { return false };
    let Some((new, old)) = said(change.who).zip(said(from)) else { return true };
    !matches!(better(group.protocol, (new, change.who), (old, from)), Verdict::One)
}

/// How a life ends; returns when.
fn leaves(end: &Piece, who: &MemberStory, all: &mut Vec<Outside>) -> i64 {
    let at_ns = signed(end.from_ns);
    if end.word == "silent" {
        let said = who.settings.last();
        let interval = said.and_then(|said| said.interval.or(said.hello)).map_or(0, nanos);
        // Its next frame is the first that is missing.
        let at_ns = at_ns.saturating_add(signed(interval / 2));
        let why = "it fell silent without a word".to_owned();
        all.push(Outside { at_ns, what: Doing::Kill, why, meets: None });
        return at_ns;
    }
    all.push(Outside { at_ns, what: Doing::Stop, why: "it gave up the role".to_owned(), meets: None });
    at_ns
}

/// Settings that change while it holds the role are changed in the frame that says so; otherwise before it takes
/// the role again, as they count for how long it waits.
pub(super) fn changes(pieces: &[Piece], announced: impl Iterator<Item = u64>) -> Vec<Outside> {
    let mut all = Vec::new();
    for to in announced.skip(1) {
        let begins = pieces.iter().any(|piece| piece.from_ns == to && piece.role == Role::Holding);
        let before = pieces.iter().rfind(|piece| piece.from_ns < to && begins);
        let at_ns = before.map_or(to, |piece| piece.from_ns.saturating_add(1));
        let why = "its frames say other settings from then on".to_owned();
        all.push(Outside { at_ns: signed(at_ns), what: Doing::Change { to }, why, meets: None });
    }
    all
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}
