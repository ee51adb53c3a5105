//! One router's virtual host, watched from outside: a second state machine, made from what is known of OpenBSD, FreeBSD
//! and ucarp and from the choices that this suite makes beyond them, that is told the same and says what must come of it.
//!
//! What it foresees is compared with what the router does, step by step: each change of state, each advertisement and
//! every octet in it. Nothing is left to the router: CARP has no jitter.
//!
//! | module | what lives there |
//! |---|---|
//! | this one | what is known, and the changes of state |
//! | `better` | who is better |
//! | `hears` | what advertisements do |
//! | `life` | start and stop, links, operators, the kernel |
//! | `ticks` | what timers do |
//! | `says` | what must be said, and its counters |
//! | `compare` | what was foreseen against what was done |

mod better;
mod compare;
mod hears;
mod life;
mod says;
mod ticks;

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use fhrp::{Family, Instant};

use self::better::Claim;
use self::says::{Counters, Sayings};
use super::arithmetic::{length, patience, skew_when_demoted, steps};
use super::setup::{Member, Setup};
use crate::sim::foresight::Changes;
use crate::sim::invariant::Invariant;
use crate::sim::machine;
use crate::sim::obligations::Obligations;
use crate::sim::rivals::Rivals;

/// For how long a router that said goodbye serves hosts, if no successor is heard.
pub(super) const HAND_OVER: Duration = Duration::from_millis(1_250);
/// The least time between an advertisement and one that answers a worse router's.
pub(super) const REACTION_PAUSE: Duration = Duration::from_millis(5);
/// How much longer the one of two equals waits whose address is higher, besides its skew.
pub(super) const TIE_PAUSE: Duration = Duration::from_millis(500);
/// How long a router stays away after its kernel refused an address: at first, and at most.
pub(super) const BACKOFF: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];
/// When the goodbye is said again, after it was said.
const COPIES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(20)];

/// One router, watched.
#[derive(Debug)]
pub(super) struct Witness {
    setup: Rc<Setup>,
    /// The last octets of all routers.
    addresses: Rc<[u8]>,
    member: Member,
    own: u8,
    /// The sum of tracked faults: its demotion.
    penalty: u16,
    state: State,
    backup: Backup,
    master: Master,
    leaving: Option<Leaving>,
    link_up: bool,
    /// It was told of its interface for the first time.
    began: bool,
    stopping: bool,
    refused_until: Option<Instant>,
    backoff: Duration,
    counters: Counters,
    sayings: Sayings,
    obligations: Obligations,
    /// When the announcement of a take-over is to be repeated.
    repeats_at: Option<Instant>,
    rivals: Rivals,
    /// For how long what it holds stays without it.
    lease: Duration,
    changes: Changes,
    /// Effects that were looked at.
    absorbed: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Init,
    Backup,
    Master,
}

impl State {
    pub(super) const fn name(self) -> &'static str {
        match self {
            State::Init => "INIT",
            State::Backup => "BACKUP",
            State::Master => "MASTER",
        }
    }
}

/// What a backup knows; of no meaning in another state.
#[derive(Debug)]
struct Backup {
    /// Since when each family was silent.
    silent: Vec<(Family, Instant)>,
    wait: Wait,
    /// The master it heard last.
    master: Option<IpAddr>,
    /// The role is taken then, from him.
    takes: Option<(Instant, IpAddr)>,
    /// It gave the role away, and leaves it to whoever has it.
    gave_away: bool,
    /// A master that is as good as it is.
    equal: Option<Equal>,
}

/// Masters that are as good: the lowest of those that were heard in one moment.
#[derive(Debug, Clone, Copy)]
struct Equal {
    lowest: IpAddr,
    first: Instant,
    last: Instant,
    /// It has said so for more than a moment.
    is_master: bool,
}

impl Backup {
    fn new(at: Instant, families: impl Iterator<Item = Family>) -> Self {
        Backup {
            silent: families.map(|family| (family, at)).collect(),
            wait: Wait::Patience,
            master: None,
            takes: None,
            gave_away: false,
            equal: None,
        }
    }
}

/// How long silence is borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Patience,
    /// It was one of several equals, and another one goes first.
    AfterEqual,
    /// It stood still, and listens for one interval.
    Interval,
}

/// What a master has to do; of no meaning in another state.
#[derive(Debug)]
struct Master {
    /// When the next advertisement is due.
    due: Instant,
    said_at: Instant,
    /// When an answer to a worse router is due.
    answers_at: Option<Instant>,
    /// From whom it took the role; his last word calls for an answer, and for nothing else.
    predecessor: Option<IpAddr>,
}

/// A master on its way out.
#[derive(Debug, Clone, Copy)]
struct Leaving {
    began: Instant,
    /// How often the goodbye was repeated.
    copies: usize,
    for_good: bool,
}

impl Witness {
    pub(super) fn new(setup: Rc<Setup>, addresses: Rc<[u8]>, member: Member, own: u8) -> Self {
        Witness {
            setup,
            addresses,
            member,
            own,
            penalty: 0,
            state: State::Init,
            backup: Backup::new(Instant::ZERO, [].into_iter()),
            master: Master {
                due: Instant::ZERO,
                said_at: Instant::ZERO,
                answers_at: None,
                predecessor: None,
            },
            leaving: None,
            link_up: false,
            began: false,
            stopping: false,
            refused_until: None,
            backoff: BACKOFF[0],
            counters: Counters::default(),
            sayings: Sayings::default(),
            obligations: Obligations::default(),
            repeats_at: None,
            rivals: Rivals::default(),
            lease: Duration::ZERO,
            changes: Changes::default(),
            absorbed: 0,
        }
    }

    /// Another process, or none.
    pub(super) fn reborn(&mut self) {
        let (setup, addresses) = (self.setup.clone(), self.addresses.clone());
        *self = Witness::new(setup, addresses, self.member.clone(), self.own);
    }

    pub(super) fn member(&self) -> &Member {
        &self.member
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// What it shows of itself, beside the state.
    pub(super) fn state_name(&self) -> &'static str {
        if self.leaving.is_some() { "LEAVING" } else { self.state.name() }
    }

    fn source(&self, family: Family) -> IpAddr {
        machine::address(family == Family::Ipv6, self.own)
    }

    fn is_demoted(&self) -> bool {
        self.penalty > 0
    }

    /// How well it says it is: OpenBSD's demotion counter, and everybody else's skew, as far as they are to be used.
    pub(super) fn claim(&self) -> Claim {
        let Member { advbase, advskew, demotion, .. } = self.member;
        let skew = match self.is_demoted() && demotion.is_in_skew() {
            true => skew_when_demoted(advskew),
            false => advskew,
        };
        let demote = if demotion.is_in_counter() { self.penalty.min(u8::MAX.into()) } else { 0 };
        Claim { interval: (advbase, skew), demote: u8::try_from(demote).unwrap_or(u8::MAX) }
    }

    /// Between two of its advertisements.
    fn interval(&self) -> Duration {
        let (base, skew) = self.claim().interval;
        length(base, skew)
    }

    /// How long it waits for an advertisement: by its own numbers, demotion among them.
    fn patience(&self) -> Duration {
        let (base, skew) = self.claim().interval;
        patience(base, skew, self.member.dead_ratio)
    }

    /// The part of its interval that tells it from others of the same base.
    fn skew(&self) -> Duration {
        steps(self.claim().interval.1)
    }

    /// Whether it would take the role from a master that says this, if an operator did not have it keep away.
    pub(super) fn would_replace(&self, theirs: Claim) -> bool {
        !self.backup.gave_away && self.claims_from(theirs)
    }

    fn changes(&mut self, to: State, blame: Invariant, why: &'static str) {
        if self.state == State::Master && to != State::Master {
            self.releases();
        }
        self.state = to;
        self.leaving = None;
        self.changes.foresee(to.name(), blame, why);
    }

    /// It holds nothing, and announces nothing. What waited to be said is not said.
    fn releases(&mut self) {
        self.sayings.are_lost();
        self.repeats_at = None;
        self.rivals.are_forgotten();
        self.obligations.releases();
    }

    /// BACKUP, with a full timeout in each family.
    fn listens(&mut self, at: Instant, blame: Invariant, why: &'static str) {
        self.changes(State::Backup, blame, why);
        self.backup = Backup::new(at, self.setup.families());
    }

    /// MASTER. Peers are told at once where nobody serves the hosts; otherwise as soon as it can serve them.
    fn takes_the_role(&mut self, now: Instant, from: Option<IpAddr>, blame: Invariant, why: &'static str) {
        self.changes(State::Master, blame, why);
        self.begins_cadence(now);
        self.master.predecessor = from;
        match from {
            Some(_) => self.must_say_once_held(),
            None => self.must_say(),
        }
        self.owes_announcement();
        self.will_repeat(now);
    }

    /// The next advertisement is due one interval after this one.
    fn begins_cadence(&mut self, now: Instant) {
        let due = now + self.interval();
        self.master = Master { due, said_at: now, answers_at: None, predecessor: None };
    }

    /// Hosts must be told, unless the MAC is a shared one and never moves.
    fn owes_announcement(&mut self) {
        if !self.setup.shares() {
            self.obligations.owes_announcement();
        }
    }

    /// The announcement of a take-over is repeated with the second advertisement after it, as OpenBSD and ucarp do.
    fn will_repeat(&mut self, now: Instant) {
        if !self.setup.shares() {
            self.repeats_at = Some(now + length(self.member.advbase, self.member.advskew) * 2);
        }
    }
}
