//! The two state machines of one group: the gateway's, which is elected and answers hosts, and one for each forwarder.
//!
//! ```text
//!  gateway
//!             nothing in the way         nobody is active,         no better speaker
//!                                        or nobody is standby      for the hold time
//!  ┌─────────┐ ───────────► ┌────────┐ ───────────────► ┌───────┐ ───────────► ┌─────────┐
//!  │ Initial │              │ Listen │                  │ Speak │              │ Standby │
//!  └─────────┘              └────────┘ ◄─────────────── └───────┘              └─────────┘
//!   ▲      ▲                             a better one      ▲  │ nobody is active,   │ the active one is
//!   │      │                                      a better │  │ or it is worse and  │ silent, leaves, or is
//!   │ ┌──────────┐                                  one is │  ▼ is preempted        ▼ preempted
//!   └─│ Disabled │                                  active ┌────────────────────────────┐
//!     └──────────┘                                         │           Active           │
//!                                                          └────────────────────────────┘
//!  forwarder
//!              the gateway runs        nobody forwards, or somebody with less right to it
//!  ┌─────────┐ ──────────────► ┌────────┐ ─────────────────────────────► ┌────────┐
//!  │ Initial │                 │ Listen │                                │ Active │
//!  └─────────┘ ◄────────────── └────────┘ ◄───────────────────────────── └────────┘
//!              it does not              somebody with more right to it
//! ```
//!
//! The two have nothing to do with each other but their messages: a router answers hosts without forwarding, forwards
//! without answering, does both or neither.
//!
//! A router that stops says so and goes on forwarding until its successors are heard: *leaving*.
//!
//! What others' claims make a router send waits for the Tick behind the last waiting frame: however many stale frames
//! a stall leaves behind, they are answered once.
//!
//! | module | what lives there |
//! |---|---|
//! | `receive` | the checks a message has to pass, in order |
//! | `hears` | what messages do to the gateway |
//! | `roles` | the gateway's states, entered and left |
//! | `expiry` | what timers do |
//! | `forwarder` | one forwarder: its state, owner, times |
//! | `forwarding` | taking forwarders over and yielding them |
//! | `assign` | who is given which forwarder |
//! | `answer` | which MAC a host is told |
//! | `timers` | which times are in force; jitter |
//! | `countdown` | the delay of a preemption |
//! | `lifecycle` | start, stop, links, penalties, commands, the kernel's answers |
//! | `faults` | what keeps a group from running; the address it speaks from |
//! | `reconfigure` | a changed configuration |
//! | `speak` | messages, holdings and the last will |
//! | `outbox` | what waits for the kernel's answer |
//! | `view` | what an operator is shown |

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::alarms::Alarms;
use fhrp::counters::Counters;
use fhrp::faults::{Backoff, Refusal};
use fhrp::{
    Context, Datagram, Group, Holdings, Input, Instant, InterfaceAddress, Link, Mac, Note, Standing, View,
};

use self::countdown::Countdown;
use self::forwarder::Forwarder;
use self::outbox::Outbox;
use crate::auth::{Guard, Nonces};
use crate::balance::Balancer;
use crate::clients::Clients;
use crate::config::{Config, Retirement, Times};
use crate::counters::Count;
use crate::members::Members;
use crate::neighbours::Neighbours;
use crate::wire;

mod answer;
mod assign;
mod countdown;
mod expiry;
mod faults;
mod forwarder;
mod forwarding;
mod hears;
mod lifecycle;
mod outbox;
mod receive;
mod reconfigure;
mod roles;
mod speak;
mod timers;
mod view;

/// One group of one family on one interface.
pub struct GatewayGroup {
    config: Config,
    guard: Guard,
    /// Against recordings; with MD5, once it was started.
    nonces: Option<Nonces>,
    state: State,
    /// When the gateway's state was entered, and why.
    since: Instant,
    reason: String,
    changes: u64,
    link: Option<Link>,
    /// The address we speak from.
    source: Option<IpAddr>,
    /// What tracked faults take of our weighting.
    penalty: u16,
    /// Whether what is left is too little to forward.
    low: bool,
    /// The kernel refused what we wanted to hold; we stay away until then.
    refusal: Option<Refusal>,
    /// How long to stay away the next time.
    backoff: Backoff,
    /// What we asked to hold last.
    held: Holdings,
    /// What waits until that is held.
    outbox: Outbox,
    /// The last will that we left.
    will: Vec<Datagram>,
    /// The other router that is the active gateway, as far as we know.
    active: Option<Known>,
    /// The other router that is the standby gateway, as far as we know.
    standby: Option<Known>,
    /// The virtual address of the group, where we were told none.
    learnt_address: Option<InterfaceAddress>,
    /// The times of the last active gateway.
    learnt_times: Option<Times>,
    /// How the last active gateway gives forwarders up.
    learnt_retirement: Option<Retirement>,
    /// When a worse active gateway is replaced.
    countdown: Countdown,
    /// We gave the gateway's role away by an operator's wish, and do not take it back from whoever has it.
    suspended: bool,
    /// The forwarders, by number.
    forwarders: BTreeMap<u8, Forwarder>,
    /// When we asked for a forwarder last, and when we do next.
    requested: Option<Instant>,
    request_at: Option<Instant>,
    /// Whom we asked last.
    asked: Option<IpAddr>,
    /// When the active gateway gives itself one: whoever was active before it was asked first.
    assign_at: Option<Instant>,
    /// When a router that has yet to learn the address says its nonce: nobody can prove to it what it does not know.
    greets_at: Option<Instant>,
    balancer: Balancer,
    /// The hosts that were told a forwarder, while this router answers them.
    clients: Clients,
    /// The forwarder whose MAC the last hello was sent from.
    spoken_for: u8,
    members: Members,
    neighbours: Neighbours,
    counters: Counters<Count>,
    alarms: Alarms,
}

/// The gateway's state, with the deadlines that exist in it and no others.
#[derive(Debug)]
enum State {
    /// Not started, or stopped.
    Disabled,
    /// Something is missing.
    Initial,
    /// Neither active nor standby.
    Listen(Listen),
    /// In an election.
    Speak(Speak),
    /// Next in line.
    Standby(Standby),
    /// Answering hosts.
    Active(Active),
    /// Still serving hosts, after saying goodbye.
    Leaving(Leaving),
}

/// What a Listen waits for.
#[derive(Debug)]
struct Listen {
    /// Active timer; stopped while nobody is active.
    active_at: Option<Instant>,
    /// Standby timer.
    standby_at: Instant,
    /// Hello timer: who listens may forward, and says so.
    hello_at: Instant,
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

/// What an Active waits for.
#[derive(Debug)]
struct Active {
    /// Standby timer; stopped while nobody is standby.
    standby_at: Option<Instant>,
    /// Hello timer.
    hello_at: Instant,
}

/// What a leaving router waits for.
#[derive(Debug)]
struct Leaving {
    began: Instant,
    /// When the goodbye is said again.
    again_at: Option<Instant>,
    until: Instant,
    /// Whether hosts are still answered.
    answers: bool,
}

/// Another router in a role of the gateway's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    source: IpAddr,
    owner: Mac,
    priority: u8,
    times: Times,
    retirement: Retirement,
}

impl State {
    /// As Cisco spells it.
    const fn name(&self) -> &'static str {
        match self {
            State::Disabled => "Disabled",
            State::Initial => "Initial",
            State::Listen(_) | State::Leaving(_) => "Listen",
            State::Speak(_) => "Speak",
            State::Standby(_) => "Standby",
            State::Active(_) => "Active",
        }
    }

    /// As messages say it.
    const fn said(&self) -> wire::State {
        match self {
            State::Disabled => wire::State::Disabled,
            State::Initial => wire::State::Initial,
            State::Listen(_) | State::Leaving(_) => wire::State::Listen,
            State::Speak(_) => wire::State::Speak,
            State::Standby(_) => wire::State::Standby,
            State::Active(_) => wire::State::Active,
        }
    }

    /// Whether it takes part in the group.
    const fn runs(&self) -> bool {
        match self {
            State::Disabled | State::Initial | State::Leaving(_) => false,
            State::Listen(_) | State::Speak(_) | State::Standby(_) | State::Active(_) => true,
        }
    }

    /// When the next hello is due.
    fn hello_at(&mut self) -> Option<&mut Instant> {
        match self {
            State::Disabled | State::Initial | State::Leaving(_) => None,
            State::Listen(listen) => Some(&mut listen.hello_at),
            State::Speak(speak) => Some(&mut speak.hello_at),
            State::Standby(standby) => Some(&mut standby.hello_at),
            State::Active(active) => Some(&mut active.hello_at),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self {
            State::Disabled | State::Initial => None,
            State::Listen(Listen { active_at, standby_at, hello_at })
            | State::Speak(Speak { active_at, standby_at, hello_at }) => {
                active_at.iter().copied().chain([*standby_at, *hello_at]).min()
            }
            State::Standby(standby) => Some(standby.active_at.min(standby.hello_at)),
            State::Active(active) => active.standby_at.into_iter().chain([active.hello_at]).min(),
            State::Leaving(leaving) => leaving.again_at.into_iter().chain([leaving.until]).min(),
        }
    }
}

impl GatewayGroup {
    /// A group that has not been started: it says and holds nothing.
    pub fn new(config: Config) -> Self {
        GatewayGroup {
            guard: Guard::new(&config.authentication),
            config,
            nonces: None,
            state: State::Disabled,
            since: Instant::ZERO,
            reason: "not started".to_owned(),
            changes: 0,
            link: None,
            source: None,
            penalty: 0,
            low: false,
            refusal: None,
            backoff: Backoff::default(),
            held: Holdings::none(),
            outbox: Outbox::default(),
            will: Vec::new(),
            active: None,
            standby: None,
            learnt_address: None,
            learnt_times: None,
            learnt_retirement: None,
            countdown: Countdown::default(),
            suspended: false,
            forwarders: BTreeMap::new(),
            requested: None,
            request_at: None,
            asked: None,
            assign_at: None,
            greets_at: None,
            balancer: Balancer::default(),
            clients: Clients::default(),
            spoken_for: 0,
            members: Members::default(),
            neighbours: Neighbours::default(),
            counters: Counters::default(),
            alarms: Alarms::default(),
        }
    }

    fn own_mac(&self) -> Mac {
        self.link.as_ref().map(|link| link.mac).unwrap_or_default()
    }

    /// Whether a gateway of this priority and address is better than we are.
    fn is_better(&self, priority: u8, source: IpAddr) -> bool {
        (priority, Some(source)) > (self.config.priority, self.source)
    }

    /// The virtual address that is said, if it is known.
    fn address(&self) -> Option<InterfaceAddress> {
        self.config.addresses.first().copied().or(self.learnt_address)
    }

    /// Whether this router answers hosts.
    fn is_gateway(&self) -> bool {
        match &self.state {
            State::Active(_) => true,
            State::Leaving(leaving) => leaving.answers,
            State::Disabled | State::Initial | State::Listen(_) | State::Speak(_) | State::Standby(_) => {
                false
            }
        }
    }

    /// What all of it means: a router that forwards holds a role of the group, whatever its gateway does.
    fn standing(&self) -> Standing {
        match &self.state {
            _ if !self.held.is_empty() => Standing::Holding,
            State::Disabled | State::Initial => Standing::Down,
            State::Listen(_) | State::Speak(_) | State::Standby(_) | State::Active(_) | State::Leaving(_) => {
                Standing::StandingBy
            }
        }
    }

    /// Enters a state and hands back the note to be sent once its actions are.
    fn enter(&mut self, now: Instant, state: State, reason: String) -> Transition {
        let from = self.state.name();
        self.state = state;
        if !self.is_gateway() {
            self.clients.clear();
        }
        self.since = now;
        self.changes = self.changes.saturating_add(1);
        self.reason.clone_from(&reason);
        Transition { from, reason }
    }

    /// Reports a transition, once it has had its effects.
    fn note(&self, context: &mut Context<'_>, transition: Transition) {
        let Transition { from, reason } = transition;
        let to = self.state.name();
        context.note(Note::Transition { from, to, standing: self.standing(), reason });
    }
}

/// A transition of the gateway's that has yet to be told.
#[must_use]
struct Transition {
    from: &'static str,
    reason: String,
}

/// How long a router that said goodbye goes on serving hosts if no successor is heard. Successors take over at once,
/// the last of them after a few milliseconds.
const HAND_OVER: Duration = Duration::from_millis(250);

impl Group for GatewayGroup {
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
            // Its gateway is elected; nobody is followed.
            Input::Leads(_) => {}
            Input::Held(Ok(())) => self.was_granted(context.now),
            Input::Held(Err(fault)) => self.was_refused(context, &fault),
            Input::Lapsed(span) => self.lapses(context, span),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let running = self.state.runs();
        let forwarders = self.forwarders.values().filter_map(|forwarder| forwarder.deadline(running));
        let others = [
            self.state.deadline(),
            self.retry_at(),
            self.preempt_at(),
            self.request_at.filter(|_| running),
            self.assign_at.filter(|_| matches!(self.state, State::Active(_))),
            self.greets_at.filter(|_| matches!(self.state, State::Initial)),
            self.alarms.deadline(),
        ];
        others.into_iter().flatten().chain(forwarders.filter(|_| running)).min()
    }

    fn view(&self, now: Instant) -> View {
        self.shows(now)
    }
}
