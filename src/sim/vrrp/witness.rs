//! One router's election, watched from outside: what it heard, what it may do and what it must.
//!
//! The witness knows the state only from what the router says of its transitions, and keeps the timers of the
//! standards itself. Where the standards leave something open (a version 2 advertisement of somebody who
//! also speaks version 3; a preemption delay), it keeps the earliest and the latest that can be meant.

mod checks;

use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Instant, Note};

use super::arithmetic::{down_interval, skew};
use super::messages::Said;
use super::{Member, Spoken};
use crate::engine::Effect;
use crate::sim::invariant::{Breach, Invariant, broken};
use crate::sim::rules::{Heard, as_received};

/// The least time between an advertisement and one that answers a worse router's.
pub(super) const REACTION_PAUSE: Duration = Duration::from_millis(5);

/// After so many of its intervals in which an Active shows no sign of life, what it holds lapses: its peers wait as
/// long at least.
const LEASE_INTERVALS: u32 = 3;

/// One router, watched.
#[derive(Debug)]
pub(super) struct Witness {
    member: Member,
    source: IpAddr,
    penalty: u16,
    /// The settings at the end of the last turn and after each change since: each may show in a turn. A claim that
    /// waits for the kernel says what was so when it was made.
    recent: Vec<Settings>,
    state: State,
    /// Since when it has been leaving, having said goodbye, and how long a member like it takes to take over.
    leaving: Option<(Instant, Duration)>,
    suspended: bool,
    /// Until when a worse Active is tolerated; `None`: the next one's advertisement starts the delay.
    tolerant_until: Option<Instant>,
    /// That delay may have been another one: it began in the turn that changed it.
    delay_is_unclear: bool,
    began: bool,
    link_up: bool,
    stopping: bool,
    /// Until when it only listens.
    startup_until: Option<Instant>,
    /// The earliest and the latest wait that can be meant.
    earliest: Vigil,
    latest: Vigil,
    /// When it last advertised, or took the role; and the same as it was when the turn began.
    said_at: Instant,
    said_before: Instant,
    /// Since when it may count its own silence: a claim that waited for the kernel was meant when it took the role.
    meant_at: Instant,
    /// By when it has to advertise out of turn, and why.
    owes: Option<(Instant, &'static str)>,
    /// It has taken the role and not said so yet: whoever serves the hosts shall not stop before it can.
    owes_claim: bool,
    /// It has left before it could say that it was there; the goodbye follows the claim.
    owes_goodbye: bool,
    owes_announcement: bool,
    /// The kernel has refused what it wanted to hold, and it has stayed away.
    was_refused: bool,
    has_will: bool,
    /// What has happened in this turn.
    turn: Happened,
}

/// What a member has, as far as it shows.
#[derive(Debug, Clone, Copy)]
struct Settings {
    priority: u8,
    interval: Duration,
    preempt_delay: Duration,
}

impl Settings {
    fn of(member: &Member, priority: u8) -> Self {
        Settings { priority, interval: member.interval(), preempt_delay: member.preempt_delay() }
    }
}

/// What has happened in a turn, as far as it may be a cause.
#[derive(Debug, Default)]
struct Happened {
    /// Effects that were looked at.
    absorbed: usize,
    /// The state it began in was Active, or left it behind.
    was_active: bool,
    /// A better router was heard by an Active: when, and its interval.
    better: Option<(Instant, Duration)>,
    /// The same by one who need not have listened.
    perhaps_better: Option<(Instant, Duration)>,
    /// It gave way to one of these.
    gave_way: bool,
    /// A successor was heard while leaving.
    successor: Option<(Instant, Duration)>,
    /// And must have been listened to: in version 2, one that also speaks version 3 need not be.
    successor_is_clear: bool,
    goodbye_said: bool,
    said: bool,
    stood_still: bool,
    /// For so long that what an Active held has lapsed; and whether it asked for something to be held.
    lapsed: bool,
    held: bool,
    ordered: bool,
    granted: Option<bool>,
    /// What was granted has not been claimed, or not been announced yet.
    claim_due: bool,
    announcement_due: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Initialize,
    Backup,
    Active,
}

/// A Backup's wait: since when, for what, and how often the Active speaks.
#[derive(Debug, Clone, Copy)]
struct Vigil {
    armed: Instant,
    interval: Duration,
    wait: Wait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    DownInterval,
    Skew,
    /// After standing still: the time for one advertisement.
    OneAdvertisement,
    /// An owner that waits for its start-up delay alone.
    Nothing,
}

impl Witness {
    pub(super) fn new(member: Member, source: IpAddr) -> Self {
        let vigil = Vigil { armed: Instant::ZERO, interval: member.interval(), wait: Wait::DownInterval };
        Witness {
            recent: vec![Settings::of(&member, member.priority)],
            member,
            source,
            penalty: 0,
            state: State::Initialize,
            leaving: None,
            suspended: false,
            tolerant_until: None,
            delay_is_unclear: false,
            began: false,
            link_up: false,
            stopping: false,
            startup_until: None,
            earliest: vigil,
            latest: vigil,
            said_at: Instant::ZERO,
            said_before: Instant::ZERO,
            meant_at: Instant::ZERO,
            owes: None,
            owes_claim: false,
            owes_goodbye: false,
            owes_announcement: false,
            was_refused: false,
            has_will: false,
            turn: Happened::default(),
        }
    }

    /// Another process, or none.
    pub(super) fn reborn(&mut self) {
        *self = Witness::new(self.member.clone(), self.source);
    }

    pub(super) fn member(&self) -> &Member {
        &self.member
    }

    pub(super) fn source(&self) -> IpAddr {
        self.source
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.suspended
    }

    pub(super) fn preempts(&self) -> bool {
        self.member.preempt || self.member.is_owner()
    }

    /// What it advertises now.
    pub(super) fn priority(&self) -> u8 {
        if self.member.is_owner() {
            return self.member.priority;
        }
        let lowered = u16::from(self.member.priority).saturating_sub(self.penalty);
        u8::try_from(lowered).unwrap_or(u8::MAX).clamp(1, 254)
    }

    /// Whether this priority can be said in this turn.
    pub(super) fn may_say(&self, priority: u8) -> bool {
        priority == 0 || self.recent.iter().any(|had| had.priority == priority)
    }

    /// Whether this interval can be said in this turn.
    pub(super) fn may_promise(&self, interval: Duration) -> bool {
        self.recent.iter().any(|had| had.interval == interval)
    }

    /// Whether a better router was heard in this turn, so that the last word is due.
    pub(super) fn is_giving_way(&self) -> bool {
        self.turn.gave_way
    }

    pub(super) fn state_name(&self) -> &'static str {
        match (self.state, self.leaving) {
            (State::Initialize, _) => "Initialize",
            (State::Backup, _) => "Backup",
            (State::Active, None) => "Active",
            (State::Active, Some(_)) => "Leaving",
        }
    }

    pub(super) fn link(&mut self, now: Instant, up: bool) {
        if !self.began {
            self.began = true;
            let delay = self.member.startup_delay();
            self.startup_until = (!delay.is_zero()).then_some(now + delay);
        }
        self.link_up = up;
    }

    pub(super) fn stood_still(&mut self, span: Duration) {
        self.turn.stood_still = true;
        self.turn.lapsed = self.state == State::Active && span > LEASE_INTERVALS * self.member.interval();
    }

    pub(super) fn granted(&mut self, granted: bool) {
        self.turn.granted = Some(granted);
        self.turn.claim_due = granted && self.owes_claim;
        self.turn.announcement_due = granted && self.owes_announcement;
    }

    pub(super) fn penalty(&mut self, amount: u16) {
        self.penalty = amount;
        self.settings_change();
    }

    fn settings_change(&mut self) {
        self.recent.push(Settings::of(&self.member, self.priority()));
    }

    pub(super) fn reload(&mut self, now: Instant, member: Member) {
        if member.interval_ms != self.member.interval_ms {
            // An Active begins a new cadence.
            self.said_at = self.said_at.max(now);
        }
        // Whether the old one runs already cannot be told of one that hears two versions.
        self.delay_is_unclear |=
            self.member.spoken == Spoken::Both && member.preempt_delay_ms != self.member.preempt_delay_ms;
        self.member = member;
        self.settings_change();
    }

    pub(super) fn stop(&mut self) {
        self.stopping = true;
    }

    pub(super) fn ordered(&mut self) {
        self.turn.ordered = true;
    }

    /// An advertisement was handed in. `twice`: its sender says everything in both versions.
    pub(super) fn heard(&mut self, heard: &Heard<'_>, said: &Said, twice: bool) -> Result<(), Breach> {
        let earlier = self.turn.absorbed.min(heard.step.before);
        self.absorb(heard.step.now, heard.step.effects, earlier, heard.step.before, heard.step.index)?;
        if !heard.refused {
            let unclear = twice && self.member.spoken == Spoken::Both && said.version.number() == 2;
            self.obeys(heard, said, unclear)?;
        }
        self.absorb(
            heard.step.now,
            heard.step.effects,
            heard.step.before,
            heard.step.effects.len(),
            heard.step.index,
        )?;
        if self.turn.better.is_some() && self.state == State::Active {
            let what = format!("goes on as Active, though {} is better", said.source);
            return broken(Invariant::GivesWay, what);
        }
        Ok(())
    }

    fn obeys(&mut self, heard: &Heard<'_>, said: &Said, unclear: bool) -> Result<(), Breach> {
        let better = (said.priority, said.source) > (self.priority(), self.source);
        match (self.state, self.leaving) {
            (State::Initialize, _) => {}
            (State::Active, Some((since, _))) => {
                if said.priority != 0 && heard.at >= since {
                    self.turn.successor = Some((heard.at, said.interval));
                    self.turn.successor_is_clear |= !unclear;
                }
            }
            (State::Active, None) if said.priority == 0 => {
                self.owe(heard.step.now, "another Active leaves", unclear)
            }
            (State::Active, None) if better => {
                let slot = if unclear { &mut self.turn.perhaps_better } else { &mut self.turn.better };
                *slot = Some((heard.at, said.interval));
            }
            (State::Active, None) => {
                let pause = REACTION_PAUSE.min(self.member.interval() / 4);
                self.owe(heard.step.now + pause, "a worse router claims the role", unclear);
            }
            (State::Backup, _) => self.listens(heard.at, said, unclear),
        }
        Ok(())
    }

    fn owe(&mut self, by: Instant, why: &'static str, unclear: bool) {
        if !unclear && self.owes.is_none_or(|(earlier, _)| by < earlier) {
            self.owes = Some((by, why));
        }
    }

    /// RFC 9568 §6.4.2; the delay before preemption is ours.
    fn listens(&mut self, at: Instant, said: &Said, unclear: bool) {
        let obeyed = |vigil: Vigil| Vigil {
            armed: vigil.armed.max(at),
            interval: said.interval,
            wait: Wait::DownInterval,
        };
        let left = |vigil: Vigil| Vigil { armed: vigil.armed.max(at), wait: Wait::Skew, ..vigil };
        if said.priority == 0 {
            self.move_to(left(self.earliest), left(self.latest), unclear);
        } else if said.priority >= self.priority() {
            if !unclear {
                self.tolerant_until = None;
                self.delay_is_unclear = false;
            }
            self.move_to(obeyed(self.earliest), obeyed(self.latest), unclear);
        } else if !self.preempts() || self.suspended {
            self.move_to(obeyed(self.earliest), obeyed(self.latest), unclear);
        } else {
            // When a delay began that may have been started by one of two versions, cannot be told.
            let unclear = unclear || self.member.spoken == Spoken::Both || self.delay_is_unclear;
            let delay = self.member.preempt_delay();
            let may_wait = self.delay_is_unclear || !delay.is_zero();
            let tolerated = self.tolerant_until.map_or(!delay.is_zero(), |end| at < end);
            if self.tolerant_until.is_none() && !unclear {
                self.tolerant_until = Some(at + delay);
            }
            if tolerated || (unclear && may_wait) {
                self.move_to(obeyed(self.earliest), obeyed(self.latest), unclear);
            }
        }
    }

    /// The wait is another one, or perhaps it is.
    fn move_to(&mut self, earliest: Vigil, latest: Vigil, unclear: bool) {
        if !unclear || self.over_at(earliest) < self.over_at(self.earliest) {
            self.earliest = earliest;
        }
        if !unclear || self.over_at(latest) > self.over_at(self.latest) {
            self.latest = latest;
        }
    }

    fn over_at(&self, vigil: Vigil) -> Instant {
        let (spoken, priority) = (self.member.spoken, self.priority());
        vigil.armed
            + match vigil.wait {
                Wait::DownInterval => down_interval(spoken, priority, vigil.interval),
                Wait::Skew => skew(spoken, priority, vigil.interval),
                Wait::OneAdvertisement => vigil.interval + skew(spoken, priority, vigil.interval),
                Wait::Nothing => Duration::ZERO,
            }
    }

    /// Looks at what was asked for, each effect once.
    fn absorb(
        &mut self,
        now: Instant,
        effects: &[Effect],
        from: usize,
        to: usize,
        index: crate::engine::GroupIndex,
    ) -> Result<(), Breach> {
        for effect in effects.get(self.turn.absorbed.max(from)..to).unwrap_or_default() {
            match effect {
                Effect::Send { group, datagram, .. } if *group == index => {
                    let goodbye =
                        super::messages::read(&as_received(datagram)).is_some_and(|said| said.priority == 0);
                    self.sent(now, goodbye);
                }
                Effect::Announce { group, .. } if *group == index => self.owes_announcement = false,
                Effect::Hold(wish) if wish.group == index => self.turn.held = true,
                Effect::LastWill { group, datagrams, .. } if *group == index => {
                    self.has_will = !datagrams.is_empty();
                }
                Effect::Note { group, note } if *group == index => self.noted(now, note)?,
                _ => {}
            }
        }
        self.turn.absorbed = self.turn.absorbed.max(to);
        Ok(())
    }

    fn sent(&mut self, now: Instant, goodbye: bool) {
        self.turn.said = true;
        self.turn.goodbye_said |= goodbye;
        self.owes_goodbye &= !goodbye;
        self.owes = None;
        self.owes_claim = false;
        if self.state == State::Active {
            self.said_at = now;
            if !self.turn.claim_due {
                self.meant_at = now;
            }
        }
    }

    fn noted(&mut self, now: Instant, note: &Note) -> Result<(), Breach> {
        match note {
            Note::Transition { to: "Initialize", reason, .. } => self.fell(reason),
            Note::Transition { to: "Backup", reason, .. } => self.became_backup(now, reason),
            Note::Transition { to: "Active", reason, .. } => self.became_active(now, reason),
            Note::Transition { to, .. } => broken(Invariant::Cause, format!("there is no state {to}")),
            Note::Remark { name: "leaving", .. } => {
                let intervals = self.recent.iter().map(|had| had.interval);
                let interval = intervals.min().unwrap_or_else(|| self.member.interval());
                let successor = skew(self.member.spoken, 1, interval);
                self.leaving = Some((now, successor));
                self.owes_goodbye = !self.turn.goodbye_said;
                self.owes = None;
                match self.stopping || self.turn.ordered {
                    true => Ok(()),
                    false => broken(Invariant::Cause, "leaves, and nobody told it to"),
                }
            }
            Note::Remark { name: "hand-over-failed", .. } => {
                self.leaving = None;
                Ok(())
            }
            Note::Remark { name: "stalled", .. } if self.state == State::Backup => {
                if !self.turn.stood_still && self.over_at(self.earliest) > now {
                    return broken(Invariant::Cause, "claims to have stood still, and has not");
                }
                let again = |vigil: Vigil| Vigil { armed: now, wait: Wait::OneAdvertisement, ..vigil };
                (self.earliest, self.latest) = (again(self.earliest), again(self.latest));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// It takes no part any more.
    fn fell(&mut self, reason: &str) -> Result<(), Breach> {
        let finished = self.leaving.is_some();
        let cause = self.stopping || !self.link_up || self.turn.granted == Some(false) || finished;
        self.was_refused = self.turn.granted == Some(false);
        self.state = State::Initialize;
        self.leaving = None;
        self.suspended = false;
        self.owes = None;
        self.owes_claim = false;
        self.owes_announcement = false;
        match cause {
            true => Ok(()),
            false => broken(Invariant::Cause, format!("becomes Initialize without a cause: {reason}")),
        }
    }

    fn became_backup(&mut self, now: Instant, reason: &str) -> Result<(), Breach> {
        let own = self.member.interval();
        let silent = now.since(self.said_before.min(self.meant_at));
        let away = silent > down_interval(self.member.spoken, self.priority(), own);
        let stalled = (self.turn.stood_still || away) && (!self.preempts() || self.leaving.is_some());
        let (armed, interval) = match (self.state, self.leaving) {
            (State::Initialize, _) => (now, own),
            (State::Active, Some(_)) if self.turn.successor.is_some() || stalled => {
                self.suspended = true;
                self.turn.successor.unwrap_or((now, own))
            }
            (State::Active, None) => match self.turn.better.take().or(self.turn.perhaps_better.take()) {
                Some(better) => {
                    self.turn.gave_way = true;
                    better
                }
                None if stalled => (now, own),
                None => {
                    return broken(Invariant::Cause, format!("gives up the role without a cause: {reason}"));
                }
            },
            (State::Active, Some(_)) | (State::Backup, _) => {
                return broken(Invariant::Cause, format!("becomes Backup without a cause: {reason}"));
            }
        };
        let begins = self.state == State::Initialize;
        self.suspended &= !begins;
        let delay = self.member.preempt_delay();
        self.delay_is_unclear = begins && self.recent.iter().any(|had| had.preempt_delay != delay);
        let delayed = begins && !delay.is_zero() && !self.delay_is_unclear;
        self.tolerant_until = delayed.then_some(now + delay);
        let waits_for_start = self.state == State::Initialize
            && self.member.is_owner()
            && self.startup_until.is_some_and(|end| end > now);
        if begins && self.member.is_owner() && !waits_for_start && !self.was_refused {
            return broken(Invariant::NotTooLate, "owns the addresses, and waits");
        }
        let wait = if waits_for_start { Wait::Nothing } else { Wait::DownInterval };
        self.was_refused = false;
        self.state = State::Backup;
        self.leaving = None;
        self.owes = None;
        self.owes_claim = false;
        self.owes_announcement = false;
        self.earliest = Vigil { armed, interval, wait };
        self.latest = self.earliest;
        if begins {
            // It began with the interval that it had then; within a turn that may have been any of these.
            let intervals = self.recent.iter().map(|had| had.interval).chain([own]);
            self.earliest.interval = intervals.clone().min().unwrap_or(own);
            self.latest.interval = intervals.max().unwrap_or(own);
        }
        Ok(())
    }

    fn became_active(&mut self, now: Instant, reason: &str) -> Result<(), Breach> {
        let listening = self.startup_until.is_some_and(|end| end > now);
        let verdict = match self.state {
            State::Initialize if self.member.is_owner() && !listening => Ok(()),
            State::Initialize => {
                broken(Invariant::NotTooEarly, format!("takes the role before it has listened: {reason}"))
            }
            State::Active => broken(Invariant::Cause, "becomes Active, and is"),
            State::Backup if listening => {
                broken(Invariant::NotTooEarly, format!("takes the role in its start-up delay: {reason}"))
            }
            State::Backup => {
                let allowed = self.over_at(self.earliest);
                match now < allowed {
                    true => broken(
                        Invariant::NotTooEarly,
                        format!("takes the role {:?} too early: {reason}", now.until(allowed)),
                    ),
                    false => Ok(()),
                }
            }
        };
        self.state = State::Active;
        self.turn.was_active = true;
        self.leaving = None;
        self.suspended = false;
        self.startup_until = None;
        (self.said_at, self.meant_at) = (now, now);
        self.owes_claim = !self.turn.said;
        self.owes_announcement = true;
        verdict
    }
}
