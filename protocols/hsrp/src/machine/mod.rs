//! The state machine of one group. RFC 2281 §5.7, and what Cisco's routers do beyond it.
//!
//! ```text
//!             start, nothing in the way        nobody is active,          no better speaker
//!                                              or nobody is standby       for the hold time
//!  ┌─────────┐ ─────────────► ┌────────┐ ────────────────► ┌───────┐ ────────────► ┌─────────┐
//!  │ Initial │                │ Listen │                   │ Speak │               │ Standby │
//!  └─────────┘ ─► ┌───────┐ ► └────────┘ ◄──────────────── └───────┘ ◄──┐          └─────────┘
//!       ▲         │ Learn │        ▲       a better speaker             │               │ the active router is
//!       │         └───────┘        │       or standby router            │ a better      │ silent or resigns;
//!       │     without an address   │                                    │ router is     ▼ or it is worse, and
//!       │                          │                                    │ active   ┌────────┐ is preempted
//!       └── stop, link down ───────┴── preempting, from Listen on ──────┴───────── │ Active │
//!                                                                                  └────────┘
//! ```
//!
//! An Active that stops or hands over says Resign and goes on holding until its successor is heard: *Leaving*, shown as
//! Active, for that is what hosts see.
//!
//! What a lower router's claim makes an Active send waits for the Tick behind the last waiting frame: however many
//! stale frames a stall leaves behind, they are answered once.
//!
//! | module | what lives there |
//! |---|---|
//! | `receive` | the checks a message has to pass, in order |
//! | `hears` | what messages do: events f to l of the RFC |
//! | `expiry` | what timers do: events c to e |
//! | `roles` | taking the active role, losing it, the states between |
//! | `timers` | which hello and hold time is in force; jitter |
//! | `lifecycle` | start, stop, links, penalties, commands, the kernel's answers: events a, b, o |
//! | `faults` | what keeps a group from running; the address it speaks from |
//! | `reconfigure` | a changed configuration: events m, n |
//! | `speak` | messages, holdings and the last will |
//! | `interface` | what is said for all groups of the interface |
//! | `view` | what an operator is shown |

use std::net::IpAddr;

use fhrp::alarms::Alarms;
use fhrp::announcer::Announcer;
use fhrp::counters::Counters;
use fhrp::faults::{Backoff, Refusal};
use fhrp::{
    Context, Group, Holdings, Input, Instant, InterfaceAddress, Link, Mac, Note, Purpose, Standing, View,
};

use crate::auth::Guard;
use crate::config::{Config, Times};
use crate::counters::Count;
use crate::neighbours::Neighbours;
use crate::wire;

mod expiry;
mod faults;
mod hears;
mod interface;
mod lifecycle;
mod receive;
mod reconfigure;
mod roles;
mod speak;
mod timers;
mod view;

/// One group of one family on one interface.
pub struct StandbyGroup {
    config: Config,
    guard: Guard,
    state: State,
    /// When the state shown was entered, and why.
    since: Instant,
    reason: String,
    changes: u64,
    /// Between Start and Stop.
    started: bool,
    /// While it lasts, nothing is done.
    delayed_until: Option<Instant>,
    link: Option<Link>,
    /// The address we speak from.
    source: Option<IpAddr>,
    /// The sum of tracked faults.
    penalty: u16,
    /// The kernel refused what we wanted to hold; we stay away until then.
    refusal: Option<Refusal>,
    /// How long to stay away the next time.
    backoff: Backoff,
    /// What we asked to hold last.
    held: Holdings,
    /// The number of the key that signed our last will.
    will_key: Option<u32>,
    /// The other router that is active, as far as we know.
    active: Option<Known>,
    /// The other router that is standby, as far as we know.
    standby: Option<Known>,
    /// The virtual address of the active router, where we were told none.
    learnt_address: Option<InterfaceAddress>,
    /// The times of the last active router.
    learnt_times: Option<Times>,
    preemption: Preemption,
    /// The delay of preemption that comes next is the one after a start.
    never_preempted: bool,
    /// What has to be in step before a role is taken is said to be.
    in_step: bool,
    /// When the interface's state is said again.
    interface_state_at: Option<Instant>,
    /// When this group said it last.
    interface_said: Option<Instant>,
    announcer: Announcer,
    neighbours: Neighbours,
    counters: Counters<Count>,
    alarms: Alarms,
}

/// The state, with the deadlines that exist in it and no others.
#[derive(Debug)]
enum State {
    /// Not running: stopped, or something is missing.
    Initial,
    /// Running without a virtual address.
    Learn,
    /// Neither active nor standby.
    Listen(Listen),
    /// In an election.
    Speak(Speak),
    /// Next in line.
    Standby(Standby),
    /// Holding the addresses.
    Active(Active),
    /// Still holding them, after saying Resign.
    Leaving(Leaving),
}

/// What a Listen waits for.
#[derive(Debug)]
struct Listen {
    /// Active timer; stopped while nobody is active.
    active_at: Option<Instant>,
    /// Standby timer.
    standby_at: Instant,
}

/// What a Speak waits for.
#[derive(Debug)]
struct Speak {
    /// Active timer; stopped while nobody is active.
    active_at: Option<Instant>,
    /// Standby timer.
    standby_at: Instant,
    /// Hello timer.
    hello_at: Instant,
}

/// What a Standby waits for.
#[derive(Debug)]
struct Standby {
    /// Active timer.
    active_at: Instant,
    /// Hello timer.
    hello_at: Instant,
}

/// What an Active has to do, and when.
#[derive(Debug)]
struct Active {
    /// Standby timer; stopped while nobody is standby.
    standby_at: Option<Instant>,
    /// Hello timer.
    hello_at: Instant,
    /// When the last hello left.
    sent_at: Instant,
    /// When Coup and Hello are due that answer a worse router.
    assert_at: Option<Instant>,
    /// An announcement out of turn.
    announce_at: Option<Instant>,
}

/// What a leaving Active waits for.
#[derive(Debug)]
struct Leaving {
    began: Instant,
    until: Instant,
    purpose: Purpose,
}

/// Another router in a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    source: IpAddr,
    mac: Mac,
    priority: u8,
    /// Its times, if they can be believed.
    times: Option<Times>,
}

/// What holds a better router back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Preemption {
    /// No worse active router was heard yet; the first one starts the delay.
    Free,
    /// A worse one is tolerated until then, and until what has to be in step is, or had its time.
    After {
        /// When the delay is over.
        delay: Instant,
        /// When what has to be in step has had its time.
        sync: Instant,
    },
    /// We gave the role away by an operator's wish, and do not take it back from whoever has it.
    Suspended,
}

impl State {
    /// As the specification spells it.
    const fn name(&self) -> &'static str {
        match self {
            State::Initial => "Initial",
            State::Learn => "Learn",
            State::Listen(_) => "Listen",
            State::Speak(_) => "Speak",
            State::Standby(_) => "Standby",
            State::Active(_) | State::Leaving(_) => "Active",
        }
    }

    /// As messages say it.
    const fn said(&self) -> wire::State {
        match self {
            State::Initial => wire::State::Initial,
            State::Learn => wire::State::Learn,
            State::Listen(_) => wire::State::Listen,
            State::Speak(_) => wire::State::Speak,
            State::Standby(_) => wire::State::Standby,
            State::Active(_) | State::Leaving(_) => wire::State::Active,
        }
    }

    const fn standing(&self) -> Standing {
        match self {
            State::Initial => Standing::Down,
            State::Learn | State::Listen(_) | State::Speak(_) | State::Standby(_) => Standing::StandingBy,
            State::Active(_) | State::Leaving(_) => Standing::Holding,
        }
    }

    const fn holds(&self) -> bool {
        matches!(self, State::Active(_) | State::Leaving(_))
    }
}

impl StandbyGroup {
    /// A group that has not been started: it says and holds nothing.
    pub fn new(config: Config) -> Self {
        StandbyGroup {
            guard: Guard::new(&config.authentication),
            config,
            state: State::Initial,
            since: Instant::ZERO,
            reason: "not started".to_owned(),
            changes: 0,
            started: false,
            delayed_until: None,
            link: None,
            source: None,
            penalty: 0,
            refusal: None,
            backoff: Backoff::default(),
            held: Holdings::none(),
            will_key: None,
            active: None,
            standby: None,
            learnt_address: None,
            learnt_times: None,
            preemption: Preemption::Free,
            never_preempted: true,
            in_step: false,
            interface_state_at: None,
            interface_said: None,
            announcer: Announcer::default(),
            neighbours: Neighbours::default(),
            counters: Counters::default(),
            alarms: Alarms::default(),
        }
    }

    /// The link that it was told of last, and whether it runs.
    pub(crate) fn on_stage(&self) -> (Option<&Link>, bool) {
        let leaves = matches!(&self.state, State::Leaving(leaving) if leaving.purpose == Purpose::Stop);
        (self.link.as_ref(), self.started && !leaves)
    }

    /// The priority we say: the configured one without the sum of tracked faults.
    fn priority(&self) -> u8 {
        u8::try_from(u16::from(self.config.priority).saturating_sub(self.penalty)).unwrap_or(u8::MAX)
    }

    /// Whether a router of this priority and address is higher than we are. RFC 2281 §5.5.
    fn is_higher(&self, priority: u8, source: IpAddr) -> bool {
        (priority, Some(source)) > (self.priority(), self.source)
    }

    /// The virtual address that is said, if it is known.
    fn address(&self) -> Option<InterfaceAddress> {
        self.config.addresses.first().copied().or(self.learnt_address)
    }

    /// Enters a state and hands back the note to be sent once its actions are.
    fn enter(&mut self, now: Instant, state: State, reason: String) -> Note {
        let from = self.state.name();
        self.state = state;
        self.since = now;
        self.changes = self.changes.saturating_add(1);
        self.reason.clone_from(&reason);
        Note::Transition { from, to: self.state.name(), standing: self.state.standing(), reason }
    }
}

impl Group for StandbyGroup {
    fn handle(&mut self, context: &mut Context<'_>, input: Input<'_>) {
        match input {
            Input::Start => self.starts(context),
            Input::Stop => self.stops(context),
            Input::Tick => self.ticks(context),
            Input::Packet(received) => self.receives(context, received),
            Input::Solicited(solicitation) => self.is_solicited(context, solicitation),
            Input::Link(link) => self.link_changes(context, link),
            Input::Penalty(penalty) => self.penalty_changes(context, penalty),
            Input::Command(command) => self.is_commanded(context, command),
            Input::Reconfigure(config) => self.reconfigures(context, config),
            // It is elected; who follows is a `Follower`.
            Input::Leads(_) => {}
            Input::Held(Ok(())) => self.was_granted(),
            Input::Held(Err(fault)) => self.was_refused(context, &fault),
            Input::Lapsed(span) => self.lapses(context, span),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Initial => self.retry_at(),
            State::Learn => None,
            State::Listen(listen) => listen.active_at.into_iter().chain([listen.standby_at]).min(),
            State::Speak(speak) => {
                speak.active_at.into_iter().chain([speak.standby_at, speak.hello_at]).min()
            }
            State::Standby(standby) => Some(standby.active_at.min(standby.hello_at)),
            State::Active(active) => {
                let others =
                    [active.standby_at, active.assert_at, active.announce_at, self.announcer.deadline()];
                others.into_iter().flatten().chain([active.hello_at]).min()
            }
            State::Leaving(leaving) => Some(leaving.until),
        };
        let others = [self.preempt_at(), self.interface_state_at, self.alarms.deadline()];
        state.into_iter().chain(others.into_iter().flatten()).min()
    }

    fn view(&self, now: Instant) -> View {
        self.shows(now)
    }
}
