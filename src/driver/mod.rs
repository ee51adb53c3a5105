//! The event loop: packets and deadlines in, effects out. Protocol timing depends on this thread and on
//! nothing else.
//!
//! ```text
//!        sockets of every link ──┐                         ┌──► frames on the link
//!   reports of the kernel thread ─┼─► [ engine ] ─ effects ─┼──► wishes to the kernel thread
//!       requests of operators ───┘      ▲                  ├──► last wills to the guardian
//!                                       │                  └──► events and hooks to the slow thread
//!                     the earliest deadline of all groups
//! ```
//!
//! A turn reads everything that is waiting before it believes a timer: a late timer beside an advertisement
//! in the queue is our lateness, not the neighbour's. Nothing in here waits for a disk, a client, a script or
//! the kernel's configuration lock.

mod advertiser;
mod journal;
mod links;
mod perform;
mod receive;
pub mod remote;
mod requests;
mod start;

use std::collections::{BTreeMap, HashMap};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use fhrp::{Family, Instant};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::addr::thread::{Heartbeat, KernelThread};
use crate::config::{GroupPlan, Plan};
use crate::engine::group::Identity;
use crate::engine::{Effect, Engine, GroupIndex, Now};
use crate::event::{Subject, What};
use crate::guardian::Guardian;
use crate::hook::{Hook, Orders};
use crate::net::clock::{Alarm, Clock};
use crate::net::routed::RoutedSocket;
use crate::net::schedule;
use advertiser::Advertiser;
use journal::Journal;
use links::LinkPort;
pub use remote::Remote;
pub use start::{Options, Possession, StartError, prepare};

/// Most time between two turns while anything is held and its lease is long.
const IDLE_BEAT: Duration = Duration::from_millis(500);
/// When to try again to hand a hook's order to a slow thread that is behind.
const HOOK_PAUSE: Duration = Duration::from_millis(100);
/// Real-time priority of the event loop: above ordinary real-time work, below the kernel's own threads.
const PRIORITY: u8 = 40;
/// Largest frame that can be of interest: an IPv6 jumbo frame is none of ours.
const FRAME: usize = 9216;

/// The event loop with everything it owns.
pub struct Driver {
    engine: Engine,
    /// By the kernel's interface number.
    links: BTreeMap<u32, LinkPort>,
    routed: HashMap<Family, RoutedSocket>,
    kernel: KernelThread,
    heartbeat: Arc<Heartbeat>,
    guardian: Option<Guardian>,
    alarm: Alarm,
    inbox: remote::Inbox,
    journal: Journal,
    hooks: Orders,
    advertiser: Advertiser,
    plan: Plan,
    /// The groups of the plan. A group that was removed and is still handing over is only in the engine.
    registered: BTreeMap<Identity, Registered>,
    subjects: HashMap<GroupIndex, Subject>,
    /// The programs of groups that have some.
    programs: HashMap<GroupIndex, Arc<Hook>>,
    faults: HashMap<GroupIndex, String>,
    claims: Vec<crate::addr::Claim>,
    effects: Vec<Effect>,
    /// A received frame.
    buffer: Vec<u8>,
    /// A frame being built.
    frame: Vec<u8>,
    began: Instant,
    last_turn: Instant,
    /// When a stall was last noticed and dealt with.
    last_stall: Instant,
    /// When the guardian was last told that this loop is alive.
    told_guardian: Instant,
    /// How often the kernel had taken real-time scheduling away by the last look.
    demotions: u32,
    phase: Phase,
    random: Box<dyn FnMut() -> u64 + Send>,
}

/// A group of the plan.
struct Registered {
    group: GroupIndex,
    plan: GroupPlan,
}

/// How far the daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// Groups are handing over.
    Leaving,
    /// The kernel thread is taking everything out again.
    Withdrawing,
    Ended,
}

impl Driver {
    /// Runs until it is told to stop and everything has been handed over and taken out of the kernel.
    pub fn run(mut self) {
        self.take_precedence();
        while self.phase != Phase::Ended {
            let ready = self.wait();
            self.turn(&ready);
        }
        if let Some(guardian) = self.guardian.take() {
            // A guardian that is gone has nothing left to do.
            let _ = guardian.farewell();
        }
    }

    /// Takes real-time scheduling back after the kernel has taken it away from a turn that computed for too long.
    fn regain_precedence(&mut self, now: Now) {
        let demotions = schedule::demotions();
        if self.demotions != demotions {
            self.demotions = demotions;
            let text = match schedule::real_time(PRIORITY) {
                Ok(()) => "computed for too long without a pause; is a real-time thread again".to_owned(),
                Err(refusal) => format!("computed for too long without a pause; {refusal}"),
            };
            self.journal.write(now, None, What::Daemon { text, warning: true });
        }
    }

    /// Asks for real-time scheduling and locked memory, where the plan does not forbid it.
    fn take_precedence(&mut self) {
        if !self.plan.daemon.real_time {
            return;
        }
        let refusals = [schedule::real_time(PRIORITY).err(), schedule::lock_memory().err()];
        for refusal in refusals.into_iter().flatten() {
            let text = refusal.to_string();
            self.journal.write(Driver::now(), None, What::Daemon { text, warning: true });
        }
    }

    /// Sleeps until something happens or is due; returns the descriptors that can be read.
    fn wait(&mut self) -> Vec<RawFd> {
        // The alarm has the clock's own resolution; a poll's time-out would be late by the timer slack.
        let due = self.wake_at();
        let armed = self.alarm.set(due);
        let timeout = armed.is_err().then_some(Timespec { tv_sec: 0, tv_nsec: 1_000_000 });
        let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(2 + 2 * self.links.len());
        let kernel = self.kernel.wake_fd();
        polled.push(PollFd::new(&self.alarm, PollFlags::IN));
        polled.push(PollFd::from_borrowed_fd(kernel, PollFlags::IN));
        polled.push(PollFd::new(&self.inbox, PollFlags::IN));
        for port in self.links.values() {
            polled.push(PollFd::new(&port.protocols, PollFlags::IN));
            if port.neighbours.is_listening() {
                polled.push(PollFd::new(&port.neighbours, PollFlags::IN));
            }
        }
        match poll(&mut polled, timeout.as_ref()) {
            // Interrupted, or a descriptor vanished: the turn looks at the timers and polls again.
            Err(_) | Ok(0) => Vec::new(),
            Ok(_) => {
                polled.iter().filter(|fd| !fd.revents().is_empty()).map(|fd| fd.as_fd().as_raw_fd()).collect()
            }
        }
    }

    /// The next time at which something is due.
    fn wake_at(&mut self) -> Option<Instant> {
        let beat = self.beat_interval().map(|pause| self.last_turn + pause);
        let hooks = self.hooks.is_waiting().then(|| self.last_turn + HOOK_PAUSE);
        let deadlines =
            [self.engine.deadline(), self.advertiser.deadline(), beat, hooks, Some(self.journal.deadline())];
        deadlines.into_iter().flatten().min()
    }

    /// How often the kernel thread must see us alive: five times in the shortest lease.
    fn beat_interval(&self) -> Option<Duration> {
        self.engine.shortest_lease().map(|lease| (lease / 5).min(IDLE_BEAT))
    }

    fn turn(&mut self, ready: &[RawFd]) {
        let now = Driver::now();
        let stall = self.stall(now);
        if stall.is_some() {
            self.links.values().for_each(|port| port.neighbours.forget());
        }
        // Frames first: they may say that somebody else has taken over while we were away.
        self.read_frames(ready);
        self.read_reports(ready);
        self.read_requests(ready);
        let now = Driver::now();
        if let Some(span) = stall {
            self.journal.write(now, None, What::Stalled { ms: span.as_secs_f64() * 1000.0 });
            self.engine.stalled(now, span, &mut self.effects);
            self.last_stall = now.monotonic;
        }
        self.engine.tick(now, &mut self.effects);
        self.perform(now);
        self.advertise_routers(now);
        self.regain_precedence(now);
        self.journal.flush(now);
        self.hooks.flush();
        self.proceed();
        self.last_turn = now.monotonic;
        self.show_life(now.monotonic);
    }

    /// How long the loop did not run, if that is longer than something that is held allows.
    fn stall(&self, now: Now) -> Option<Duration> {
        let gap = now.monotonic.since(self.last_turn);
        self.engine.shortest_lease().filter(|lease| gap > *lease).map(|_| gap)
    }

    /// Ends what has come to its end: groups that have left, and at last the loop itself.
    fn proceed(&mut self) {
        if self.phase == Phase::Running && self.subjects.len() == self.registered.len() {
            return;
        }
        for (group, _) in self.engine.remove_left() {
            self.faults.remove(&group);
            self.subjects.remove(&group);
            self.programs.remove(&group);
        }
        if self.phase == Phase::Leaving && self.engine.groups().is_empty() {
            self.kernel.ask(crate::addr::thread::Request::Withdraw);
            self.phase = Phase::Withdrawing;
        }
    }

    /// Lets the kernel thread know that this turn is done, and the guardian now and then.
    fn show_life(&mut self, now: Instant) {
        self.heartbeat.beat(now);
        let Some(pause) = self.beat_interval() else { return };
        if now.since(self.told_guardian) >= pause / 2
            && let Some(guardian) = &self.guardian
        {
            guardian.sender().alive();
            self.told_guardian = now;
        }
    }

    fn now() -> Now {
        Now { monotonic: Clock::now(), wall: Clock::wall() }
    }
}
