//! The kernel thread: it owns the address manager, takes requests and hands out reports. Nobody waits for it.
//!
//! Everything that waits in the request queue is carried out together, so that a take-over of a thousand groups
//! is one transaction. The dead-man's switch is served before anything else.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use fhrp::Instant;
use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::kernel::{KernelManager, Watch};
use super::{AddressManager, HoldResult, KernelEvent, Preparation, Wish};
use crate::engine::GroupIndex;
use crate::guardian::Sender;
use crate::net::Clock;
use crate::sys;

/// Priority among real-time threads: below the event loop's, above everybody else's.
const PRIORITY: u8 = 10;

/// What the event loop asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Get these links ready, and no others.
    Prepare(Vec<Preparation>),
    /// Fulfil these wishes.
    Hold(Vec<Wish>),
    /// Take everything out of the kernel.
    Withdraw,
}

/// What the kernel thread has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Which way of holding was chosen, and why. Comes first, and again when it has changed.
    Described(String),
    /// The answer to a group's wish; one for all of a group's wishes that were waiting together.
    Held {
        /// Whose wish it was.
        group: GroupIndex,
        /// The number of the latest of them.
        ticket: u64,
        /// Granted or not.
        result: HoldResult,
    },
    /// The kernel did something by itself. Begins with every existing link that is watched.
    Kernel(KernelEvent),
    /// The answer to [`Request::Prepare`].
    Prepared(HoldResult),
    /// The answer to [`Request::Withdraw`].
    Withdrawn(HoldResult),
    /// Something failed that nobody had asked for.
    Failed(String),
}

/// The event loop's sign of life.
#[derive(Debug, Default)]
pub struct Heartbeat(AtomicU64);

impl Heartbeat {
    /// The event loop has finished a turn that began at `now`, as [`Clock::now`] said. To be called at the end
    /// of a turn, after whatever the turn asked for: a stall may have been between the two.
    pub fn beat(&self, now: Instant) {
        self.0.store(now.as_nanos(), Ordering::Release);
    }

    /// When the last finished turn began.
    pub fn last(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Acquire))
    }
}

/// How the kernel thread is to run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The event loop's sign of life: what is held lapses when it stops.
    pub heartbeat: Arc<Heartbeat>,
    /// Interfaces whose changes are reported.
    pub watch: Watch,
    /// Who removes what would outlive us.
    pub guardian: Option<Sender>,
}

/// The event loop's handle on the kernel thread. The thread ends when it is dropped; what is held stays until
/// the process ends, unless [`Request::Withdraw`] was asked for before.
#[derive(Debug)]
pub struct KernelThread {
    requests: Option<UnboundedSender<Request>>,
    reports: mpsc::Receiver<Report>,
    wake: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl KernelThread {
    /// Starts the thread.
    ///
    /// Fails if there is no rtnetlink, no thread or no descriptor to be had.
    pub fn start(options: Options) -> io::Result<Self> {
        let (requests, waiting) = unbounded_channel();
        let (outlet, reports) = mpsc::channel();
        let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let (ready, opened) = mpsc::channel();
        let outlet = Outlet { reports: outlet, wake: wake.clone() };
        let thread = std::thread::Builder::new().name("kernel".into()).spawn(move || {
            // Ordinary scheduling does, on a machine that has time to spare.
            sys::set_round_robin(PRIORITY).ok();
            match runtime(&options) {
                Ok((runtime, manager)) => {
                    ready.send(Ok(())).ok();
                    runtime.block_on(run(manager, &options.heartbeat, waiting, &outlet));
                }
                Err(error) => {
                    ready.send(Err(error)).ok();
                }
            }
        })?;
        opened.recv().map_err(|_| io::Error::other("the kernel thread ended at once"))??;
        Ok(KernelThread { requests: Some(requests), reports, wake, thread: Some(thread) })
    }

    /// Asks for something. Never waits; reports tell what came of it.
    pub fn ask(&self, request: Request) {
        if let Some(requests) = &self.requests {
            // A thread that is gone answers nothing; its end was reported.
            requests.send(request).ok();
        }
    }

    /// Readable when reports wait.
    pub fn wake_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// The next report, if one waits. To be called until there is none.
    pub fn try_report(&self) -> Option<Report> {
        self.reports.try_recv().ok().or_else(|| {
            // Quiet first, then look again: a report that comes in between wakes us once more.
            rustix::io::read(&*self.wake, &mut [0_u8; 8]).ok();
            self.reports.try_recv().ok()
        })
    }
}

impl Drop for KernelThread {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

struct Outlet {
    reports: mpsc::Sender<Report>,
    wake: Arc<OwnedFd>,
}

impl Outlet {
    fn put(&self, report: Report) {
        if self.reports.send(report).is_ok() {
            rustix::io::write(&*self.wake, &1_u64.to_ne_bytes()).ok();
        }
    }
}

fn runtime(options: &Options) -> io::Result<(tokio::runtime::Runtime, KernelManager)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let manager = KernelManager::open(options.watch.clone(), options.guardian.clone())?;
    drop(entered);
    Ok((runtime, manager))
}

/// Serves a manager until nobody can ask any more.
async fn run(
    mut manager: impl AddressManager,
    heartbeat: &Heartbeat,
    mut requests: UnboundedReceiver<Request>,
    outlet: &Outlet,
) {
    let mut described = manager.describe();
    outlet.put(Report::Described(described.clone()));
    let mut renewed = Clock::now();
    loop {
        let due = manager.period().map(|period| renewed + period);
        tokio::select! {
            biased;
            () = until(due) => {
                renewed = Clock::now();
                if let Err(fault) = manager.renew(heartbeat.last()).await {
                    outlet.put(Report::Failed(format!("what is held could not be renewed: {fault}")));
                }
            }
            request = requests.recv() => {
                let Some(first) = request else { return };
                let idle = manager.period().is_none();
                let withdrawn = serve(&mut manager, first, &mut requests, outlet).await;
                if idle {
                    renewed = Clock::now();
                }
                let now = manager.describe();
                if now != described && !withdrawn {
                    outlet.put(Report::Described(now.clone()));
                    described = now;
                }
            }
            event = manager.event() => outlet.put(Report::Kernel(event)),
        }
    }
}

/// Sleeps; the runtime's timers are rounded to milliseconds, which is a fraction of the shortest period.
async fn until(due: Option<Instant>) {
    match due.map(|due| Clock::now().until(due)) {
        Some(Duration::ZERO) => {}
        Some(left) => tokio::time::sleep(left).await,
        None => std::future::pending().await,
    }
}

/// Carries out everything that waits, in order, neighbouring wishes together. Says whether everything was
/// withdrawn.
async fn serve(
    manager: &mut impl AddressManager,
    first: Request,
    requests: &mut UnboundedReceiver<Request>,
    outlet: &Outlet,
) -> bool {
    let mut withdrawn = false;
    let mut wishes = BTreeMap::new();
    let mut next = Some(first);
    while let Some(request) = next {
        match request {
            Request::Hold(more) => wishes.extend(more.into_iter().map(|wish| (wish.group, wish))),
            Request::Prepare(links) => {
                hold(manager, &mut wishes, outlet).await;
                outlet.put(Report::Prepared(manager.prepare(&links).await));
            }
            Request::Withdraw => {
                hold(manager, &mut wishes, outlet).await;
                outlet.put(Report::Withdrawn(manager.withdraw().await));
                withdrawn = true;
            }
        }
        next = requests.try_recv().ok();
    }
    hold(manager, &mut wishes, outlet).await;
    withdrawn
}

async fn hold(manager: &mut impl AddressManager, wishes: &mut BTreeMap<GroupIndex, Wish>, outlet: &Outlet) {
    if wishes.is_empty() {
        return;
    }
    let wishes = std::mem::take(wishes);
    let tickets: BTreeMap<_, _> = wishes.iter().map(|(group, wish)| (*group, wish.ticket)).collect();
    for (group, result) in manager.reconcile(wishes.into_values().collect()).await {
        let ticket = tickets.get(&group).copied().unwrap_or_default();
        outlet.put(Report::Held { group, ticket, result });
    }
}
