//! Who holds a role, frame by frame: take-overs, elections, resignations, silences and two holders at once.
//!
//! A holder is believed until it gives the role up, yields to another one, or is silent for longer than its peers
//! wait. While two claim the role nothing is decided: whoever falls silent first has yielded, and only then it is
//! known whether that was an ordinary change (the loser never spoke again, or once) or two holders at once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::member::Member;
use super::moment::nanos;
use super::reading::{Part, Stance, Statement};
use super::story::{Cause, Change, Event, What};
use crate::draw::Role;

use cause::disagreement;

mod cause;
mod vacancy;

/// Most who hold a role at once: a LAN that has fallen to pieces has as many as it has pieces.
const HOLDERS: usize = 8;
/// How long a router may take to act, beyond what the rules have it wait.
const LATE: u64 = 10_000_000;
/// Timers and clocks differ by so many parts of a thousand.
const TOLERANCE: u64 = 30;

/// A time to wait, and the rule that says so.
type Rule = (std::time::Duration, &'static str);

/// What a contest works on.
pub(super) struct Scene<'a> {
    pub(super) protocol: &'static str,
    pub(super) members: &'a mut BTreeMap<IpAddr, Member>,
    pub(super) events: &'a mut Vec<Event>,
    /// The frame that is being read, from 1.
    pub(super) frame: u64,
    /// What was too much to keep.
    pub(super) left_out: &'a mut u64,
}

/// The contest for one role of a group.
#[derive(Debug)]
pub(super) struct Contest {
    part: Part,
    holders: Vec<Holder>,
    overlaps: Vec<Overlap>,
    /// Who held the role last, while nobody does.
    left: Option<Left>,
    /// Place of the event with which the role was taken last.
    pub(super) taken: Option<usize>,
}

/// Somebody who holds the role, as far as its frames say.
#[derive(Debug, Clone, Copy)]
struct Holder {
    who: IpAddr,
    since: u64,
    last: u64,
    /// How long it may be silent.
    patience: Option<u64>,
    /// Its priority for this role alone.
    rank: Option<u8>,
}

impl Holder {
    fn expires(&self) -> Option<u64> {
        self.patience.map(|patience| self.last.saturating_add(patience - patience / 1_000 * TOLERANCE))
    }
}

/// Two who hold the role.
#[derive(Debug, Clone)]
struct Overlap {
    incumbent: IpAddr,
    /// Since when it holds the role.
    incumbent_since: u64,
    challenger: IpAddr,
    since: u64,
    frame: u64,
    coup: bool,
    /// When the challenger claimed the role last.
    claimed: u64,
    /// Their priorities for this role alone, the incumbent's first.
    ranks: Option<(u8, u8)>,
    /// Frames in which the incumbent still claimed the role, and the last of them.
    objections: u64,
    objected: u64,
    /// Why they refused each other's frames when it began.
    refusal: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Left {
    who: IpAddr,
    at: u64,
    how: How,
    /// Its last frame as the holder, if it said goodbye after that.
    held: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Resigned,
    Silent,
    SteppedDown,
}

impl Contest {
    pub(super) fn new(part: Part) -> Self {
        Contest { part, holders: Vec::new(), overlaps: Vec::new(), left: None, taken: None }
    }

    /// Octets that it takes besides its own size.
    pub(super) fn weight(&self) -> usize {
        self.holders.len() * size_of::<Holder>() + self.overlaps.len() * size_of::<Overlap>() * 2
    }

    /// Whether exactly one holds the role and nobody claims it as well.
    pub(super) fn is_settled(&self) -> bool {
        self.overlaps.is_empty() && self.holders.len() <= 1
    }

    pub(super) fn holds(&self, who: IpAddr) -> bool {
        self.holders.iter().any(|holder| holder.who == who)
    }

    /// A member says something of this role.
    pub(super) fn hear(
        &mut self,
        scene: &mut Scene<'_>,
        at: u64,
        who: IpAddr,
        said: &Statement,
        patience: Option<std::time::Duration>,
    ) {
        match said.stance {
            Stance::Holds => self.claims(scene, at, who, said, patience.map(nanos)),
            Stance::Resigns => self.resigns(scene, at, who, said.word),
            Stance::StandsBy => self.stands_by(scene, at, who, said.word),
        }
    }

    fn claims(
        &mut self,
        scene: &mut Scene<'_>,
        at: u64,
        who: IpAddr,
        said: &Statement,
        patience: Option<u64>,
    ) {
        for overlap in self.overlaps.iter_mut().filter(|overlap| overlap.incumbent == who) {
            overlap.objections += 1;
            overlap.objected = at;
        }
        for overlap in self.overlaps.iter_mut().filter(|overlap| overlap.challenger == who) {
            overlap.claimed = at;
        }
        if let Some(holder) = self.holders.iter_mut().find(|holder| holder.who == who) {
            holder.last = at;
            holder.patience = patience;
            holder.rank = said.rank;
            return;
        }
        if self.holders.len() >= HOLDERS {
            *scene.left_out += 1;
            return;
        }
        if self.holders.is_empty() {
            self.fills_vacancy(scene, at, who, patience);
        }
        for incumbent in &self.holders {
            let refusal = disagreement(scene, incumbent.who, who, true);
            self.overlaps.push(Overlap {
                incumbent: incumbent.who,
                incumbent_since: incumbent.since,
                challenger: who,
                since: at,
                frame: scene.frame,
                coup: said.coup,
                claimed: at,
                ranks: incumbent.rank.zip(said.rank),
                objections: 0,
                objected: at,
                refusal,
            });
        }
        self.holders.push(Holder { who, since: at, last: at, patience, rank: said.rank });
        self.becomes(scene, who, at, Role::Holding, said.word);
    }

    fn took(&mut self, scene: &mut Scene<'_>, at: u64, frame: u64, what: What) {
        scene.events.push(Event { at_ns: at, frame, part: self.part, what });
        self.taken = Some(scene.events.len() - 1);
    }

    fn resigns(&mut self, scene: &mut Scene<'_>, at: u64, who: IpAddr, word: &'static str) {
        // Said again, in another version or for those who missed it.
        let again = self.left.is_some_and(|left| left.who == who && left.how == How::Resigned);
        if again && !self.holds(who) {
            return;
        }
        // Whoever leaves without the role while another has it gives nothing up.
        if !self.holds(who) && !self.holders.is_empty() {
            return self.becomes(scene, who, at, Role::Unknown, word);
        }
        let held = self.holders.iter().find(|holder| holder.who == who).map(|holder| holder.last);
        self.gives_in(scene, who);
        self.holders.retain(|holder| holder.who != who);
        if self.holders.is_empty() {
            self.left = Some(Left { who, at, how: How::Resigned, held });
        }
        scene.events.push(Event {
            at_ns: at,
            frame: scene.frame,
            part: self.part,
            what: What::Resignation { who },
        });
        self.becomes(scene, who, at, Role::Unknown, word);
    }

    fn stands_by(&mut self, scene: &mut Scene<'_>, at: u64, who: IpAddr, word: &'static str) {
        if self.holds(who) {
            let alone = !self.gives_in(scene, who);
            self.holders.retain(|holder| holder.who != who);
            if alone {
                self.left = Some(Left { who, at, how: How::SteppedDown, held: None });
                let what = What::StepDown { who, word };
                scene.events.push(Event { at_ns: at, frame: scene.frame, part: self.part, what });
            }
        }
        self.becomes(scene, who, at, Role::StandingBy, word);
    }

    /// Somebody stops claiming the role: what was undecided between it and others is decided. Says whether there
    /// was anything.
    fn gives_in(&mut self, scene: &mut Scene<'_>, who: IpAddr) -> bool {
        let concerned = |overlap: &Overlap| overlap.incumbent == who || overlap.challenger == who;
        let (decided, open): (Vec<_>, Vec<_>) = self.overlaps.drain(..).partition(concerned);
        self.overlaps = open;
        for overlap in &decided {
            // A challenger that nobody objected to had won, whatever became of it later.
            if overlap.incumbent == who || overlap.objections == 0 {
                let loser = overlap.incumbent;
                self.holders.retain(|holder| holder.who != loser);
                self.incumbent_yielded(scene, overlap);
            } else {
                self.challenger_yielded(scene, overlap);
            }
        }
        !decided.is_empty()
    }

    /// Everything that has been silent for too long by now.
    pub(super) fn expire(&mut self, scene: &mut Scene<'_>, now: u64) {
        let due = |holder: &&Holder| holder.expires().is_some_and(|at| at < now);
        while let Some(holder) = self.holders.iter().find(due).copied() {
            let rivals = self.overlaps.iter().any(|overlap| {
                let other =
                    if overlap.incumbent == holder.who { overlap.challenger } else { overlap.incumbent };
                (overlap.incumbent == holder.who
                    || overlap.challenger == holder.who && overlap.objections > 0)
                    && self.holds(other)
            });
            self.gives_in(scene, holder.who);
            self.holders.retain(|other| other.who != holder.who);
            if !rivals {
                self.falls_silent(scene, holder, now);
            }
        }
    }

    fn falls_silent(&mut self, scene: &mut Scene<'_>, holder: Holder, now: u64) {
        if self.holders.is_empty() {
            self.left = Some(Left { who: holder.who, at: holder.last, how: How::Silent, held: None });
        }
        let length_ns = now.saturating_sub(holder.last);
        let what = What::Silence { who: holder.who, length_ns, returned: false };
        scene.events.push(Event { at_ns: holder.last, frame: scene.frame, part: self.part, what });
        let place = scene.events.len() - 1;
        if let Some(member) = scene.members.get_mut(&holder.who) {
            member.silences.push(place);
        }
        self.becomes(scene, holder.who, holder.last, Role::Unknown, "silent");
    }

    /// The challenger has the role.
    fn incumbent_yielded(&mut self, scene: &mut Scene<'_>, overlap: &Overlap) {
        let &Overlap { incumbent, challenger, since, frame, objections, objected, .. } = overlap;
        let (cause, why) = self.why_it_won(scene, overlap);
        let held_for = since.saturating_sub(overlap.incumbent_since);
        let patience = self.patience_of(scene, incumbent);
        let last_word_ns = (objections > 0).then(|| objected - since);
        let change = Change { from: Some(incumbent), last_word_ns, ..Change::new(challenger, cause, why) };
        // Who has held a role for less than an interval was about to be elected itself.
        let young = patience.is_some_and(|patience| held_for < patience / 3) && overlap.incumbent_since > 0;
        let what = if young { What::Election(change) } else { What::TakeOver(change) };
        self.took(scene, since, frame, what);
        self.becomes(scene, incumbent, since, Role::StandingBy, "yielded");
        if last_word_ns.is_some_and(|length| is_long(length, objections, patience)) {
            self.there_were_two(scene, overlap, objected, Some(incumbent));
            self.becomes(scene, incumbent, objected, Role::StandingBy, "yielded");
        }
    }

    /// The incumbent goes on, though somebody else claimed its role for a while.
    fn challenger_yielded(&mut self, scene: &mut Scene<'_>, overlap: &Overlap) {
        let last = overlap.claimed;
        self.there_were_two(scene, overlap, last, Some(overlap.challenger));
        let ended = last.max(overlap.since.saturating_add(1));
        self.becomes(scene, overlap.challenger, ended, Role::StandingBy, "yielded");
    }

    fn there_were_two(
        &mut self,
        scene: &mut Scene<'_>,
        overlap: &Overlap,
        end: u64,
        yielded: Option<IpAddr>,
    ) {
        let (cause, why) = self.why_two(scene, overlap, end, yielded);
        scene.events.push(Event {
            at_ns: overlap.since,
            frame: overlap.frame,
            part: self.part,
            what: What::TwoActive {
                who: overlap.incumbent,
                other: overlap.challenger,
                length_ns: end.saturating_sub(overlap.since),
                yielded,
                cause,
                why,
            },
        });
        let second = yielded.unwrap_or(overlap.challenger);
        if let Some(member) = scene.members.get_mut(&second) {
            member.was_trouble(self.part, overlap.since);
        }
    }

    /// The capture is over.
    pub(super) fn finish(&mut self, scene: &mut Scene<'_>, end: u64) {
        self.expire(scene, end);
        while let Some(overlap) = self.overlaps.first().cloned() {
            let last = |who| scene.members.get(&who).map_or(0, |member| member.last);
            // Whoever has missed its next frame by now has most likely yielded.
            let is_quiet = |who| {
                let patience = self.patience_of(scene, who);
                patience.is_some_and(|patience| last(who).saturating_add(patience / 12 * 5) < end)
            };
            let patience = self.patience_of(scene, overlap.incumbent);
            let objected = overlap.objected.saturating_sub(overlap.since);
            let brief = overlap.objections == 0 || !is_long(objected, overlap.objections, patience);
            let loser = match (is_quiet(overlap.incumbent), is_quiet(overlap.challenger)) {
                (true, _) => Some(overlap.incumbent),
                (false, true) => Some(overlap.challenger),
                (false, false) => brief.then_some(overlap.incumbent),
            };
            match loser {
                Some(loser) => drop(self.gives_in(scene, loser)),
                None => {
                    self.there_were_two(scene, &overlap, end, None);
                    self.overlaps.remove(0);
                }
            }
        }
    }

    fn patience_of(&self, scene: &Scene<'_>, who: IpAddr) -> Option<u64> {
        let holder = self.holders.iter().find(|holder| holder.who == who).and_then(|holder| holder.patience);
        holder.or_else(|| {
            let said = scene.members.get(&who)?.said()?;
            said.hold.or(said.interval.map(|interval| interval * 3)).map(nanos)
        })
    }

    fn becomes(&self, scene: &mut Scene<'_>, who: IpAddr, at: u64, role: Role, word: &'static str) {
        let role = match (self.part, role) {
            (Part::Forwarder(number), Role::Holding) => Role::Forwarder(number),
            (Part::Gateway | Part::Forwarder(_), role) => role,
        };
        if let Some(member) = scene.members.get_mut(&who) {
            member.becomes(self.part, at, role, word);
        }
    }
}

/// Whether an overlap is more than the one last word that every change of roles may bring.
fn is_long(length: u64, objections: u64, patience: Option<u64>) -> bool {
    objections > 1 && length > 0 || patience.is_some_and(|patience| length > patience / 6)
}

impl Change {
    fn new(who: IpAddr, cause: Cause, why: String) -> Self {
        Change {
            who,
            from: None,
            cause,
            why,
            vacant_ns: None,
            expected_ns: None,
            unheard: false,
            last_word_ns: None,
            announced_ns: None,
        }
    }
}
