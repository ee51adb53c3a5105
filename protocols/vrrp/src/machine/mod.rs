//! The state machine of one virtual router. RFC 9568 §6.4, RFC 3768 §6.4, and what no RFC has: hand-over,
//! delays, stalls, two Actives at once.
//!
//! ```text
//!              start, all causes of a fault gone           down timer: no advert for 3 intervals + skew
//!   ┌────────────┐ ───────────────────► ┌────────┐ ──────────────────────────────► ┌────────┐
//!   │ Initialize │                      │ Backup │                                 │ Active │
//!   └────────────┘ ◄─────────────────── └────────┘ ◄────────────────────────────── └────────┘
//!         ▲          stop, link down        ▲        better advert; stall, no preempt   │
//!         │                                 │                                           │ stop, hand-over:
//!         │                                 │ successor heard after a hand-over         │ priority 0 sent,
//!         │                                 └──────────────────────────── ┌─────────┐ ◄─┘ still holding
//!         └────────────────────────────────────────────────────────────── │ Leaving │
//!              successor heard, or had its time, after a stop             └─────────┘
//! ```
//!
//! An owner goes from Initialize to Active at once. Leaving is shown as Active, for that is what hosts see.
//!
//! What an advertisement makes us *send* is never sent while it is handled: it sets a deadline that has
//! passed already, and the Tick behind the last waiting frame sends it. However many stale frames a stall
//! leaves behind, they are answered by one advertisement and one announcement at most.
//!
//! | module | what lives there |
//! |---|---|
//! | [`timers`] | skew and down interval |
//! | `lifecycle` | start, stop, links, penalties, commands, the kernel's answers |
//! | `faults` | what keeps a virtual router from running; the address it speaks from |
//! | `reconfigure` | a changed configuration |
//! | `receive` | the checks an advertisement has to pass, in order |
//! | `backup`, `active`, `leaving` | what each state does with adverts and ticks |
//! | `speak` | adverts, holdings and the last will |
//! | `view` | what an operator is shown |
//! | `alarms` | what an operator must look at, until it ends |

use std::net::IpAddr;
use std::time::Duration;

use fhrp::alarms::Alarms;
use fhrp::announcer::Announcer;
use fhrp::counters::Counters;
use fhrp::faults::{Backoff, Refusal};
use fhrp::{Action, Context, Group, Holdings, Input, Instant, Link, Note, Standing, View};

use self::active::Active;
use self::backup::Backup;
use self::leaving::Leaving;
use crate::auth::Guard;
use crate::config::{Config, OWNER_PRIORITY, Versions};
use crate::counters::Count;
use crate::neighbours::Neighbours;
use crate::wire::ChecksumForm;

mod active;
mod alarms;
mod backup;
mod faults;
mod leaving;
mod lifecycle;
mod receive;
mod reconfigure;
mod speak;
pub mod timers;
mod view;

/// One virtual router: one VRID of one family on one interface.
pub struct VirtualRouter {
    config: Config,
    guard: Guard,
    state: State,
    /// When the state shown was entered, and why.
    since: Instant,
    reason: String,
    /// Between Start and Stop.
    started: bool,
    /// While it lasts, we only listen.
    startup_until: Option<Instant>,
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
    /// IPv4 identification of the latest datagram.
    identification: u16,
    /// The form of checksum of the latest valid advert over IPv4 in version 3.
    heard_checksum: Option<ChecksumForm>,
    /// The forms of checksum that our last will has.
    willed: &'static [ChecksumForm],
    announcer: Announcer,
    neighbours: Neighbours,
    counters: Counters<Count>,
    alarms: Alarms,
}

/// The state, with the deadlines that exist in it and no others.
enum State {
    /// Not running: stopped, or something is missing.
    Initialize,
    /// Listening, ready to take over.
    Backup(Backup),
    /// Holding the addresses.
    Active(Active),
    /// Still holding them, after saying goodbye.
    Leaving(Leaving),
}

impl State {
    /// As the specification spells it.
    const fn name(&self) -> &'static str {
        match self {
            State::Initialize => "Initialize",
            State::Backup(_) => "Backup",
            State::Active(_) | State::Leaving(_) => "Active",
        }
    }

    const fn standing(&self) -> Standing {
        match self {
            State::Initialize => Standing::Down,
            State::Backup(_) => Standing::StandingBy,
            State::Active(_) | State::Leaving(_) => Standing::Holding,
        }
    }
}

impl VirtualRouter {
    /// A virtual router that has not been started: it says and holds nothing.
    pub fn new(config: Config) -> Self {
        VirtualRouter {
            guard: Guard::new(&config.authentication),
            config,
            state: State::Initialize,
            since: Instant::ZERO,
            reason: "not started".to_owned(),
            started: false,
            startup_until: None,
            link: None,
            source: None,
            penalty: 0,
            refusal: None,
            backoff: Backoff::default(),
            held: Holdings::none(),
            identification: 0,
            heard_checksum: None,
            willed: &[],
            announcer: Announcer::default(),
            neighbours: Neighbours::default(),
            counters: Counters::default(),
            alarms: Alarms::default(),
        }
    }

    fn is_owner(&self) -> bool {
        self.config.priority == OWNER_PRIORITY
    }

    /// The priority we advertise: the configured one without the sum of tracked faults. An owner's never
    /// moves, for 255 is a statement about addresses, and nobody else may reach it or 0.
    fn priority(&self) -> u8 {
        if self.is_owner() {
            return OWNER_PRIORITY;
        }
        let lowered = u16::from(self.config.priority).saturating_sub(self.penalty);
        u8::try_from(lowered).unwrap_or(u8::MAX).clamp(1, OWNER_PRIORITY - 1)
    }

    /// Whether a router of this priority and address is better than we are. RFC 9568 §6.4.3.
    fn is_better(&self, priority: u8, source: IpAddr) -> bool {
        (priority, Some(source)) > (self.priority(), self.source)
    }

    /// Preempt_Mode; an owner always preempts. RFC 9568 §6.1.
    fn preempts(&self) -> bool {
        self.config.preempt || self.is_owner()
    }

    /// How long peers wait for our advertisements.
    fn own_down_interval(&self) -> Duration {
        timers::active_down_interval(self.config.versions, self.priority(), self.config.advertise_interval)
    }

    fn is_version_two(&self) -> bool {
        self.config.versions == Versions::V2
    }

    /// Enters a state and hands back the note to be sent once its actions are.
    fn enter(&mut self, now: Instant, state: State, reason: String) -> Note {
        let from = self.state.name();
        self.state = state;
        self.since = now;
        self.reason.clone_from(&reason);
        Note::Transition { from, to: self.state.name(), standing: self.state.standing(), reason }
    }

    /// Takes the role. RFC 9568 §6.4.1 and §6.4.2: the advertisement goes first, for that is what makes the
    /// others silent; then the addresses, then the announcements.
    fn become_active(&mut self, context: &mut Context<'_>, displaced: Option<IpAddr>, reason: String) {
        self.neighbours.forget_rivals();
        let is_served = displaced.is_some() || self.is_handed_the_role();
        let active = Active::new(context.now, self.config.advertise_interval, displaced);
        let transition = self.enter(context.now, State::Active(active), reason);
        self.counters.bump(Count::BecameActive);
        // Whoever serves the hosts until now stops when it hears us, and switches send the virtual MAC's frames
        // here as soon as they do: by then they have to be taken. Where nobody serves them, peers come first.
        if is_served {
            self.hold(context);
            self.advertise_once_held(context, self.priority());
        } else {
            self.advertise(context, self.priority());
            self.hold(context);
        }
        self.leave_will(context);
        self.announce(context);
        self.announcer.start(context.now, &self.config.announcements);
        context.note(transition);
    }

    /// Lets go of everything. What was to be announced is not: hosts would believe it.
    fn release(&mut self, context: &mut Context<'_>) {
        self.announcer.stop();
        self.neighbours.forget_rivals();
        self.held = Holdings::none();
        context.ask(Action::Hold(Holdings::none()));
        context.ask(Action::LastWill(Vec::new()));
    }

    fn ticks(&mut self, context: &mut Context<'_>) {
        self.expire_alarms(context);
        match &self.state {
            State::Initialize => self.initialize_ticks(context),
            State::Backup(_) => self.backup_ticks(context),
            State::Active(_) => self.active_ticks(context),
            State::Leaving(_) => self.leaving_ticks(context),
        }
    }
}

impl Group for VirtualRouter {
    fn handle(&mut self, context: &mut Context<'_>, input: Input<'_>) {
        match input {
            Input::Start => self.starts(context),
            Input::Stop => self.stops(context),
            Input::Tick => self.ticks(context),
            Input::Packet(received) => self.hears(context, received),
            Input::Solicited(solicitation) => self.is_solicited(context, solicitation),
            Input::Link(link) => self.link_changes(context, link),
            Input::Penalty(penalty) => self.penalty_changes(context, penalty),
            Input::Command(command) => self.is_commanded(context, command),
            Input::Reconfigure(config) => self.reconfigures(context, config),
            Input::Held(Ok(())) => self.was_granted(),
            Input::Held(Err(fault)) => self.was_refused(context, &fault),
            Input::Lapsed(span) => self.lapses(context, span),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Initialize => self.retry_at(),
            State::Backup(backup) => Some(self.takeover_at(backup)),
            State::Active(active) => active.deadline().into_iter().chain(self.announcer.deadline()).min(),
            State::Leaving(leaving) => Some(leaving.until()),
        };
        state.into_iter().chain(self.alarms.deadline()).min()
    }

    fn view(&self, now: Instant) -> View {
        self.shows(now)
    }
}
