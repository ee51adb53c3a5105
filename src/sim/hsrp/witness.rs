//! One router's group, watched from outside: a second state machine, made from RFC 2281 §5 and from what is known of
//! Cisco's routers, that is told the same and says what must come of it.
//!
//! What it foresees is compared with what the router does, step by step: each transition, each message and every word in
//! it. Two things are left to the router: when within its jitter a hello is sent, and by how much longer than the hold
//! time the loser of an election waits for the winner.
//!
//! | module | what lives there |
//! |---|---|
//! | this one | what is known, and the changes of state |
//! | `hears` | what messages do |
//! | `life` | start and stop, links, operators, the kernel |
//! | `ticks` | what timers do |
//! | `interface` | what is said of the interface |
//! | `compare` | what was foreseen against what was done |

mod compare;
mod hears;
mod interface;
mod life;
mod ticks;

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use ::hsrp::config::Times;
use ::hsrp::wire::{GroupMessage, Operation, State as Said};
use fhrp::Instant;

use self::interface::Interface;
use super::arithmetic;
use super::setup::{Member, Preemption, Setup, Version};
use crate::sim::foresight::Changes;
use crate::sim::invariant::Invariant;
use crate::sim::machine;
use crate::sim::obligations::Obligations;
use crate::sim::rivals::Rivals;

/// Hello and hold time of a router that nobody has told any. RFC 2281 §5.1.
pub(super) const DEFAULT_TIMES: Times =
    Times { hello: Duration::from_secs(3), hold: Duration::from_secs(10) };
/// For how long a router that resigned serves hosts, if no successor is heard.
pub(super) const HAND_OVER: Duration = Duration::from_millis(250);
/// The least time between a hello and one that answers a worse router's.
pub(super) const REACTION_PAUSE: Duration = Duration::from_millis(5);
/// How much longer than the hold time the loser of an election may wait, at most.
pub(super) const LOSERS_MARGIN: Duration = Duration::from_millis(50);
/// How long a router stays away after its kernel refused an address: at first, and at most.
pub(super) const BACKOFF: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];
/// When an announcement is repeated.
const REPEATED_AFTER: Duration = Duration::from_secs(3);

/// One router, watched.
#[derive(Debug)]
pub(super) struct Witness {
    setup: Rc<Setup>,
    /// Whether the interface has other groups of the protocol and family, for which it speaks as well.
    has_siblings: bool,
    member: Member,
    address: u8,
    source: IpAddr,
    penalty: u16,
    state: State,
    leaving: Option<Leaving>,
    link_up: bool,
    /// Between the first link and the end.
    began: bool,
    stopping: bool,
    delayed: Option<Instant>,
    refused_until: Option<Instant>,
    backoff: Duration,
    active: Option<Known>,
    learnt_address: bool,
    learnt_times: Option<Times>,
    /// Active timer; `None`: it does not run.
    active_at: Option<Instant>,
    standby_at: Span,
    preemption: Patience,
    never_preempted: bool,
    in_step: bool,
    /// By when the next hello is due; `None`: none is.
    hello_by: Option<Instant>,
    said_at: Instant,
    /// By when a Coup and a Hello are due that answer a worse router.
    owes: Option<Instant>,
    /// They may come earlier: what was last said waited for the kernel, and by when it was meant is not known.
    may_answer: bool,
    /// Whether it has taken the role from somebody who serves the hosts until it is heard, and holds nothing yet.
    claim_waits: bool,
    /// Messages that wait until what is asked for is held, and the newest of what was said since.
    waiting: Vec<(Operation, Said, GroupMessage)>,
    waiting_behind: Vec<(Operation, Said, GroupMessage)>,
    /// By the wall clock: since when something waits, and so may be sealed with a key of then.
    sealed_since: Option<Duration>,
    obligations: Obligations,
    /// When the announcement of a take-over is to be repeated.
    repeats_at: Option<Instant>,
    rivals: Rivals,
    interface: Interface,
    /// For how long what it holds stays without it.
    lease: Duration,
    /// The number of the key that sealed its last will.
    will_key: Option<u32>,
    /// What is foreseen of the step that is being looked at.
    foreseen: Foreseen,
}

/// What must come of a step.
#[derive(Debug, Default)]
struct Foreseen {
    changes: Changes,
    messages: Vec<(Operation, Said, GroupMessage)>,
    /// Messages behind those that wait.
    held_back: Vec<(Operation, Said, GroupMessage)>,
    /// What waited for the kernel is said, and says what was so.
    claims: bool,
    /// Whether something may follow that an active router says of itself.
    may_follow: bool,
    /// Effects that were looked at.
    absorbed: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Initial,
    Learn,
    Listen,
    Speak,
    Standby,
    Active,
}

/// An active router on its way out.
#[derive(Debug, Clone, Copy)]
struct Leaving {
    began: Instant,
    for_good: bool,
}

/// Who is active, as far as it knows.
#[derive(Debug, Clone, Copy)]
struct Known {
    source: IpAddr,
    priority: u8,
    times: Option<Times>,
}

/// The earliest and the latest that a timer can expire.
#[derive(Debug, Clone, Copy)]
struct Span {
    earliest: Instant,
    latest: Instant,
}

impl Span {
    fn exactly(at: Instant) -> Span {
        Span { earliest: at, latest: at }
    }
}

/// Its patience with a worse active router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// None was heard.
    Fresh,
    /// It ends when both are over.
    Until {
        delay: Instant,
        /// For whoever is not in step.
        sync: Instant,
    },
    /// It has no end: the role was given away.
    Endless,
}

/// What makes a router active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Silence,
    Resign,
    Preemption,
}

impl State {
    pub(super) const fn name(self) -> &'static str {
        match self {
            State::Initial => "Initial",
            State::Learn => "Learn",
            State::Listen => "Listen",
            State::Speak => "Speak",
            State::Standby => "Standby",
            State::Active => "Active",
        }
    }

    const fn said(self) -> Said {
        match self {
            State::Initial => Said::Initial,
            State::Learn => Said::Learn,
            State::Listen => Said::Listen,
            State::Speak => Said::Speak,
            State::Standby => Said::Standby,
            State::Active => Said::Active,
        }
    }

    /// Whether a member in this state says hello. RFC 2281 §5.3.
    const fn speaks(self) -> bool {
        matches!(self, State::Speak | State::Standby | State::Active)
    }

    /// Whether it may become active by preemption. RFC 2281 §5.7.
    const fn may_preempt(self) -> bool {
        matches!(self, State::Listen | State::Speak | State::Standby)
    }
}

impl Witness {
    pub(super) fn new(setup: Rc<Setup>, has_siblings: bool, member: Member, address: u8) -> Self {
        Witness {
            source: machine::address(setup.ipv6, address),
            setup,
            has_siblings,
            member,
            address,
            penalty: 0,
            state: State::Initial,
            leaving: None,
            link_up: false,
            began: false,
            stopping: false,
            delayed: None,
            refused_until: None,
            backoff: BACKOFF[0],
            active: None,
            learnt_address: false,
            learnt_times: None,
            active_at: None,
            standby_at: Span::exactly(Instant::ZERO),
            preemption: Patience::Fresh,
            never_preempted: true,
            in_step: false,
            hello_by: None,
            said_at: Instant::ZERO,
            owes: None,
            may_answer: false,
            claim_waits: false,
            sealed_since: None,
            waiting: Vec::new(),
            waiting_behind: Vec::new(),
            obligations: Obligations::default(),
            repeats_at: None,
            rivals: Rivals::default(),
            interface: Interface::UNSAID,
            lease: Duration::ZERO,
            will_key: None,
            foreseen: Foreseen::default(),
        }
    }

    /// Another process, or none.
    pub(super) fn reborn(&mut self) {
        *self = Witness::new(self.setup.clone(), self.has_siblings, self.member.clone(), self.address);
    }

    pub(super) fn member(&self) -> &Member {
        &self.member
    }

    pub(super) fn source(&self) -> IpAddr {
        self.source
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// What it says now: what tracked faults leave. Cisco: never below 0.
    pub(super) fn priority(&self) -> u8 {
        u8::try_from(u16::from(self.member.priority).saturating_sub(self.penalty)).unwrap_or(u8::MAX)
    }

    /// Whether an active router of this priority and address would be replaced, if it were not for a delay or an
    /// operator. A lower priority is needed, the address decides only if that is wanted.
    pub(super) fn would_replace(&self, priority: u8, source: IpAddr) -> bool {
        self.preemption != Patience::Endless
            && match self.member.preempt {
                Preemption::Never => false,
                Preemption::Lower => priority < self.priority(),
                Preemption::LowerOrEqual => (priority, source) < (self.priority(), self.source),
            }
    }

    /// RFC 2281 §5.5: priority, then address.
    fn is_higher(&self, priority: u8, source: IpAddr) -> bool {
        priority > self.priority() || (priority == self.priority() && source > self.source)
    }

    fn knows_address(&self) -> bool {
        self.member.knows_address || self.learnt_address
    }

    /// Version 1 cannot say less than a second: whoever was told such times keeps to them.
    fn keeps_its_times(&self) -> bool {
        let second = Duration::from_secs(1);
        self.setup.version == Version::V1
            && self.member.times().is_some_and(|times| times.hello < second || times.hold < second)
    }

    /// The times in force: an active router's are its own; others have those of the active router they know.
    fn times(&self) -> Times {
        let active = self.active.filter(|_| !self.keeps_its_times()).and_then(|active| active.times);
        let own = self.member.times();
        match self.state {
            State::Active => own.or(self.learnt_times),
            State::Initial | State::Learn | State::Listen | State::Speak | State::Standby => {
                active.or(own).or(self.learnt_times)
            }
        }
        .unwrap_or(DEFAULT_TIMES)
    }

    /// The times that a message says, unless they cannot be.
    fn times_of(message: &GroupMessage) -> Option<Times> {
        let times = Times { hello: message.hello, hold: message.hold };
        (times.hello > Duration::ZERO && times.hold > times.hello).then_some(times)
    }

    /// For how long its sender is believed. RFC 2281 §5.4, §5.6.
    fn patience(&self, message: &GroupMessage) -> Duration {
        match Self::times_of(message) {
            Some(times) if !self.keeps_its_times() => times.hold,
            Some(_) | None => self.times().hold,
        }
    }

    /// The number of the key that seals what it says at `wall`.
    fn signing_key(&self, wall: Duration) -> Option<u32> {
        self.setup.authentication.signing(wall).map(|(number, _)| number)
    }

    /// What it would say now.
    fn message(&self, operation: Operation, state: Said) -> GroupMessage {
        let times = arithmetic::said(self.setup.version, self.times());
        let unknown = IpAddr::from([0, 0, 0, 0]);
        let identifier = match self.setup.version {
            Version::V1 => fhrp::Mac::default(),
            Version::V2 => machine::mac(self.address),
        };
        GroupMessage {
            version: self.setup.wire_version(),
            operation,
            state,
            group: self.setup.group,
            priority: self.priority(),
            hello: times.hello,
            hold: times.hold,
            identifier,
            address: if self.knows_address() { self.setup.gateway() } else { unknown },
        }
    }

    /// It must say this now; but what waits is older, and is said first.
    fn must_say(&mut self, operation: Operation, state: Said) {
        if !self.waiting.is_empty() {
            let message = self.message(operation, state);
            return self.foreseen.held_back.push((operation, state, message));
        }
        self.foreseen.messages.push((operation, state, self.message(operation, state)));
    }

    /// It must say this as soon as it holds what it asked for.
    fn must_say_once_held(&mut self, operation: Operation, state: Said) {
        self.waiting.push((operation, state, self.message(operation, state)));
    }

    /// It must say that it is active.
    fn says_active(&mut self, now: Instant) {
        self.must_say(Operation::Hello, Said::Active);
        if !self.claim_waits {
            self.begins_hellos(now);
        }
    }

    /// A hello is due within the hello time.
    fn begins_hellos(&mut self, now: Instant) {
        self.said_at = now;
        self.hello_by = Some(now + self.times().hello);
    }

    fn changes(&mut self, to: State, blame: Invariant, why: &'static str) {
        if to != State::Active {
            if self.state == State::Active {
                self.releases();
            }
            self.leaving = None;
            self.owes = None;
        }
        self.state = to;
        self.hello_by = None;
        self.foreseen.changes.foresee(to.name(), blame, why);
    }

    /// It holds nothing, and announces nothing.
    fn releases(&mut self) {
        self.waiting.clear();
        self.waiting_behind.clear();
        self.foreseen.held_back.clear();
        self.claim_waits = false;
        self.may_answer = false;
        self.repeats_at = None;
        self.rivals.are_forgotten();
        self.obligations.releases();
    }

    fn nobody_is_active(&mut self) {
        self.active = None;
        self.preemption = Patience::Fresh;
    }

    /// Listen, with both timers. RFC 2281 §5.7, event a.
    fn listens(&mut self, at: Instant, blame: Invariant, why: &'static str) {
        self.changes(State::Listen, blame, why);
        let end = at + self.times().hold;
        self.active_at = Some(end);
        self.standby_at = Span::exactly(end);
    }

    /// Speak, said at once. The active timer runs on.
    fn speaks(&mut self, now: Instant, standby_at: Instant, blame: Invariant, why: &'static str) {
        self.changes(State::Speak, blame, why);
        self.standby_at = Span::exactly(standby_at);
        self.must_say(Operation::Hello, Said::Speak);
        self.begins_hellos(now);
    }

    /// Standby, said at once; and Active, if nobody is.
    fn becomes_standby(&mut self, now: Instant, why: &'static str) {
        self.changes(State::Standby, Invariant::NotTooLate, why);
        self.must_say(Operation::Hello, Said::Standby);
        self.begins_hellos(now);
        if self.active_at.is_none() {
            self.becomes_active(now, Call::Silence, "nobody is active");
        }
    }

    /// Active. Peers are told at once where nobody serves the hosts; otherwise as soon as it can serve them.
    fn becomes_active(&mut self, now: Instant, call: Call, why: &'static str) {
        let before = self.state.said();
        self.nobody_is_active();
        let blame = if call == Call::Silence { Invariant::NotTooLate } else { Invariant::Cause };
        self.changes(State::Active, blame, why);
        self.never_preempted &= call != Call::Preemption;
        self.in_step = false;
        self.active_at = None;
        self.claim_waits = call != Call::Silence;
        match call {
            Call::Silence => {
                self.must_say(Operation::Hello, Said::Active);
                self.begins_hellos(now);
            }
            Call::Resign => self.must_say_once_held(Operation::Hello, Said::Active),
            Call::Preemption => {
                self.must_say_once_held(Operation::Coup, before);
                self.must_say_once_held(Operation::Hello, Said::Active);
            }
        }
        self.obligations.takes_the_role();
        self.repeats_at = Some(now + REPEATED_AFTER);
    }

    /// From Active to Speak: somebody else is.
    fn yields(&mut self, heard: &hears::Message<'_>, active_at: Instant, resigns: bool, why: &'static str) {
        let standby_at = heard.at + self.patience(&heard.said.message);
        self.changes(State::Speak, Invariant::GivesWay, why);
        self.active = Some(heard.known());
        self.active_at = Some(active_at);
        self.standby_at = Span::exactly(standby_at);
        if resigns {
            self.must_say(Operation::Resign, Said::Speak);
        }
        self.must_say(Operation::Hello, Said::Speak);
        self.begins_hellos(heard.now);
    }

    /// Nothing is known of anybody, as at the beginning; what the active router's times were is kept.
    fn forgets(&mut self) {
        self.nobody_is_active();
        self.learnt_address = false;
        self.in_step = false;
    }

    /// What it says of itself beside the state.
    pub(super) fn state_name(&self) -> &'static str {
        if self.leaving.is_some() { "Leaving" } else { self.state.name() }
    }
}
