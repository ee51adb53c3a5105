//! The state machine of one virtual host. There is no standard: OpenBSD ip_carp.c, FreeBSD ip_carp.c, ucarp carp.c, and
//! what none of them has: hand-over, stalls, sealed counters.
//!
//! ```text
//!            all causes of a fault gone              nothing heard for 3 × advbase + advskew / 256
//!   ┌──────┐ ───────────────────────► ┌────────┐ ──────────────────────────────────────────────► ┌────────┐
//!   │ INIT │                          │ BACKUP │      a worse or parting master, if we may        │ MASTER │
//!   └──────┘ ◄─────────────────────── └────────┘ ◄────────────────────────────────────────────── └────────┘
//!       ▲         stop, link down          ▲           a better advertisement, or an equal one        │
//!       │                                  │                                                          │ stop,
//!       │                                  │ successor heard after a hand-over                        │ hand-over:
//!       │                                  └───────────────────────────────────────── ┌─────────┐ ◄───┘ 255/255
//!       └──────────────────────────────────────────────────────────────────────────── │ Leaving │
//!                   successor heard, or had its time, after a stop                    └─────────┘
//! ```
//!
//! Leaving is shown as MASTER, for that is what hosts see.
//!
//! What an advertisement makes us *do* beyond giving way is never done while it is handled: it sets a deadline that has
//! passed already, and the Tick behind the last waiting frame does it. However many stale frames a stall leaves behind,
//! the last ones count.
//!
//! | module | what lives there |
//! |---|---|
//! | `compare` | who is better |
//! | `lifecycle` | start, stop, links, demotion, commands, the kernel's answers |
//! | `faults` | what keeps a virtual host from running; the addresses it speaks from |
//! | `reconfigure` | a changed configuration |
//! | `receive` | the checks an advertisement has to pass, in order |
//! | `backup`, `master`, `leaving` | what each state does with advertisements and ticks |
//! | `speak` | advertisements, holdings and the last will |
//! | `view` | what an operator is shown |

use std::net::IpAddr;

use fhrp::alarms::Alarms;
use fhrp::announcer::Announcer;
use fhrp::counters::Counters;
use fhrp::faults::{Backoff, Refusal};
use fhrp::{Action, Context, Family, Group, Holdings, Input, Instant, Link, Note, Standing, View};

use self::backup::Backup;
use self::compare::Claim;
use self::leaving::Leaving;
use self::master::Master;
use crate::auth::{AddressList, Covered, Guard};
use crate::config::{Config, DEMOTED_SKEW, Demotion, Interval};
use crate::counters::Count;
use crate::neighbours::Neighbours;
use crate::seal::Stamps;

mod backup;
mod compare;
mod faults;
mod leaving;
mod lifecycle;
mod master;
mod receive;
mod reconfigure;
mod speak;
mod view;

/// We hold the role, and somebody else goes on claiming it.
const TWO_MASTERS: &str = "two-masters";
/// Of the two families, the master is heard in one alone.
const FAMILY_SILENT: &str = "family-silent";

/// One virtual host: one VHID on one interface, for both families.
pub struct VirtualHost {
    config: Config,
    guard: Guard,
    /// The guard of before, which is believed for a while.
    former: Option<(Guard, Instant)>,
    /// What we know our own frames by, where counters are constant.
    cookie: Option<u64>,
    stamps: Stamps,
    state: State,
    /// When the state shown was entered, and why.
    since: Instant,
    reason: String,
    /// Between Start and Stop.
    started: bool,
    link: Option<Link>,
    /// The addresses we speak from: one of each family that has virtual addresses.
    sources: Vec<IpAddr>,
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
    announcer: Announcer,
    neighbours: Neighbours,
    counters: Counters<Count>,
    alarms: Alarms,
}

/// The state, with the deadlines that exist in it and no others.
enum State {
    /// Not running: stopped, or something is missing.
    Init,
    /// Listening, ready to take over.
    Backup(Backup),
    /// Holding the addresses.
    Master(Master),
    /// Still holding them, after saying goodbye.
    Leaving(Leaving),
}

impl State {
    /// As the kernels spell it.
    const fn name(&self) -> &'static str {
        match self {
            State::Init => "INIT",
            State::Backup(_) => "BACKUP",
            State::Master(_) | State::Leaving(_) => "MASTER",
        }
    }

    const fn standing(&self) -> Standing {
        match self {
            State::Init => Standing::Down,
            State::Backup(_) => Standing::StandingBy,
            State::Master(_) | State::Leaving(_) => Standing::Holding,
        }
    }

    const fn holds(&self) -> bool {
        matches!(self, State::Master(_) | State::Leaving(_))
    }
}

/// Whether somebody serves the hosts until we are heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Served {
    /// A master that is worse than we are, or has said goodbye.
    By(IpAddr),
    /// Nobody.
    No,
}

impl VirtualHost {
    /// A virtual host that has not been started: it says and holds nothing.
    pub fn new(config: Config) -> Self {
        VirtualHost {
            guard: guard(&config),
            config,
            former: None,
            cookie: None,
            stamps: Stamps::default(),
            state: State::Init,
            since: Instant::ZERO,
            reason: "not started".to_owned(),
            started: false,
            link: None,
            sources: Vec::new(),
            penalty: 0,
            refusal: None,
            backoff: Backoff::default(),
            held: Holdings::none(),
            identification: 0,
            announcer: Announcer::default(),
            neighbours: Neighbours::default(),
            counters: Counters::default(),
            alarms: Alarms::default(),
        }
    }

    /// The demotion counter, as far as it can be said.
    fn demotion(&self) -> u8 {
        u8::try_from(self.penalty).unwrap_or(u8::MAX)
    }

    /// What we say of ourselves, and compare with what others say. OpenBSD carries demotion in a counter of its own,
    /// everybody else in the skew.
    fn claim(&self) -> Claim {
        let Config { interval, demotion, .. } = self.config;
        let in_skew = self.demotion() > 0 && demotion != Demotion::Counter;
        let skew = if in_skew { interval.skew.max(DEMOTED_SKEW) } else { interval.skew };
        let demote = if demotion == Demotion::Skew { 0 } else { self.demotion() };
        Claim { interval: Interval { skew, ..interval }, demote }
    }

    /// How long peers wait for our advertisements at least, if they are set as we are.
    fn own_patience(&self) -> std::time::Duration {
        self.config.patience(self.claim().interval)
    }

    /// The address we speak from in a family.
    fn source(&self, family: Family) -> Option<IpAddr> {
        self.sources.iter().copied().find(|source| Family::of(*source) == family)
    }

    /// Enters a state and hands back the note to be sent once its actions are.
    fn enter(&mut self, now: Instant, state: State, reason: String) -> Note {
        let from = self.state.name();
        self.state = state;
        self.since = now;
        self.reason.clone_from(&reason);
        Note::Transition { from, to: self.state.name(), standing: self.state.standing(), reason }
    }

    /// Takes the role. Whoever serves the hosts until now stops when it hears us, and switches send the virtual MAC's
    /// frames here as soon as they do: by then they have to be taken. Where nobody serves them, peers come first.
    fn becomes_master(&mut self, context: &mut Context<'_>, served: Served, reason: String) {
        self.neighbours.forget_rivals();
        let displaced = match served {
            Served::By(source) => Some(source),
            Served::No => None,
        };
        let master = Master::new(context.now, self.claim().interval.length(), displaced);
        let transition = self.enter(context.now, State::Master(master), reason);
        self.counters.bump(Count::BecameMaster);
        self.alarms.end(context, Some(FAMILY_SILENT), "this router is MASTER now");
        match served {
            Served::By(_) => {
                self.hold(context);
                self.advertise_once_held(context);
            }
            Served::No => {
                self.advertise(context);
                self.hold(context);
            }
        }
        self.leaves_will(context);
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
        self.former.take_if(|(_, until)| *until <= context.now);
        self.expires_alarms(context);
        match &self.state {
            State::Init => self.init_ticks(context),
            State::Backup(_) => self.backup_ticks(context),
            State::Master(_) => self.master_ticks(context),
            State::Leaving(_) => self.leaving_ticks(context),
        }
    }

    /// Two masters are one again. If that is us, hosts may still believe the other: no transition tells them, so this
    /// does.
    fn expires_alarms(&mut self, context: &mut Context<'_>) {
        let over = self.alarms.expire(context, TWO_MASTERS);
        if let State::Master(master) = &mut self.state
            && over
        {
            master.announces_by(context.now);
        }
    }
}

/// What proves that we belong together.
fn guard(config: &Config) -> Guard {
    let addresses: AddressList = config.addresses.iter().map(|address| address.ip).collect();
    let covered = Covered { vhid: config.vhid, addresses, link_layer_address: None };
    Guard::new(&config.password, &covered, config.link_local)
}

impl Group for VirtualHost {
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
            // A virtual host is elected, and follows nobody.
            Input::Leads(_) => {}
            Input::Held(Ok(())) => self.was_granted(),
            Input::Held(Err(fault)) => self.was_refused(context, &fault),
            Input::Lapsed(span) => self.lapses(context, span),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Init => self.retry_at(),
            State::Backup(backup) => Some(self.takes_over_at(backup)),
            State::Master(master) => master.deadline().into_iter().chain(self.announcer.deadline()).min(),
            State::Leaving(leaving) => Some(leaving.deadline()),
        };
        state.into_iter().chain(self.alarms.deadline()).min()
    }

    fn view(&self, now: Instant) -> View {
        self.shows(now)
    }
}
