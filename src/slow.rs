//! The slow thread: everything that may wait for a disk, a client, a configuration file or a program.
//!
//! It ends when the event loop has ended and its last event is written.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use fhrp::Command;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tracing_appender::non_blocking::ErrorCounter;

use crate::control::history::History;
use crate::control::reload::Reloader;
use crate::control::server;
use crate::control::service::Service;
use crate::control::socket::Listener;
use crate::driver::remote::{PAGE, Refused, Remote, Request, Wish};
use crate::event::{Event, Subject};
use crate::hook::{Order, Outcome, Report};
use crate::{hook, log, systemd};

/// Events taken from the queue at one time.
const BATCH: usize = 64;

/// How long to wait when the event loop's queue is full and the daemon shall stop.
const PAUSE: Duration = Duration::from_millis(10);

/// What the slow thread works with.
#[derive(Debug)]
pub struct Duties {
    /// The event loop.
    pub remote: Remote,
    /// What the event loop says.
    pub events: Receiver<Event>,
    /// Which programs the event loop wants to be run.
    pub orders: Receiver<Order>,
    /// Where clients connect.
    pub listener: Listener,
    /// The configuration file, for reloads.
    pub file: Option<PathBuf>,
    /// What signals mean.
    pub signals: Signs,
    /// Counts lines that the log lost.
    pub dropped: ErrorCounter,
}

/// What signals mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    /// SIGTERM and SIGINT: stop (and again: stop at once). SIGHUP: reload.
    Usual,
    /// SIGTERM, SIGINT, SIGQUIT and SIGHUP: stop. SIGUSR1: log the state. SIGUSR2: give the role away.
    Ucarp,
}

/// Starts the thread. From then on signals are requests.
pub fn start(duties: Duties) -> io::Result<JoinHandle<()>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let (ready, started) = mpsc::sync_channel(1);
    let work = move || {
        runtime.block_on(async {
            match Signals::catch(duties.signals) {
                Ok(signals) => {
                    let _ = ready.send(Ok(()));
                    run(duties, signals).await;
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
        });
    };
    let thread = Builder::new().name("slow".into()).spawn(work)?;
    started.recv().map_err(io::Error::other)??;
    Ok(thread)
}

async fn run(duties: Duties, signals: Signals) {
    let Duties { remote, mut events, orders, listener, file, signals: _, dropped } = duties;
    let hooks = tokio::spawn(hook::run(orders, log_hook));
    let history = Arc::new(History::default());
    let reloader = Reloader::new(file, remote.clone());
    let service = Arc::new(Service::new(remote.clone(), history.clone(), reloader.clone()));
    tokio::spawn(async move {
        if let Err(error) = server::serve(listener, service).await {
            tracing::error!(%error, "the control socket cannot be used");
        }
    });
    tokio::spawn(signals.obey(remote, reloader));
    let mut batch = Vec::with_capacity(BATCH);
    let mut lost_lines = 0;
    while events.recv_many(&mut batch, BATCH).await > 0 {
        for event in batch.drain(..) {
            let missed = history.record(&event);
            if missed > 0 {
                tracing::warn!("{missed} events were lost: they came faster than they could be written");
            }
            log::write(&event);
        }
        let lost = dropped.dropped_lines();
        if lost > lost_lines {
            let count = lost - std::mem::replace(&mut lost_lines, lost);
            tracing::warn!("{count} log lines were lost: standard error is not read fast enough");
        }
    }
    if hooks.await.is_err() {
        tracing::error!("the hooks' task crashed");
    }
}

/// What became of a group's program.
fn log_hook(report: Report) {
    let Report { subject, deed, path, took, outcome } = report;
    let (name, word) = (subject.name, deed.word());
    match outcome {
        Outcome::Ended(status) if status.success() => {
            tracing::info!("{name}: hook `{word}` {path} is done after {took:.1?}");
        }
        outcome => tracing::warn!("{name}: hook `{word}` {path}: {outcome}, after {took:.1?}"),
    }
}

/// Hands over and ends.
async fn stop(remote: &Remote) {
    systemd::stopping();
    while remote.ask(Request::Stop) == Err(Refused::Busy) {
        sleep(PAUSE).await;
    }
}

struct Signals {
    signs: Signs,
    hang_up: Signal,
    terminate: Signal,
    interrupt: Signal,
    quit: Option<Signal>,
    first: Option<Signal>,
    second: Option<Signal>,
}

impl Signals {
    fn catch(signs: Signs) -> io::Result<Signals> {
        let as_ucarp = |kind| (signs == Signs::Ucarp).then(|| signal(kind)).transpose();
        Ok(Signals {
            signs,
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: as_ucarp(SignalKind::quit())?,
            first: as_ucarp(SignalKind::user_defined1())?,
            second: as_ucarp(SignalKind::user_defined2())?,
        })
    }

    async fn obey(mut self, remote: Remote, reloader: Reloader) {
        loop {
            tokio::select! {
                Some(()) = self.hang_up.recv() => match self.signs {
                    Signs::Usual => {
                        // What comes of it is in the log.
                        let _ = reloader.reload().await;
                    }
                    Signs::Ucarp => stop(&remote).await,
                },
                Some(()) = self.terminate.recv() => stop(&remote).await,
                Some(()) = self.interrupt.recv() => stop(&remote).await,
                Some(()) = next(&mut self.quit) => stop(&remote).await,
                Some(()) = next(&mut self.first) => log_states(&remote).await,
                Some(()) = next(&mut self.second) => give_away(&remote).await,
                else => return,
            }
        }
    }
}

/// The next signal of a kind that may not be waited for.
async fn next(signal: &mut Option<Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => None,
    }
}

/// A line for each of the first groups, which is all of a ucarp's.
async fn log_states(remote: &Remote) {
    let (answer, page) = oneshot::channel();
    if remote.ask(Request::Groups { from: 0, limit: PAGE, answer }).is_err() {
        return;
    }
    for shown in page.await.into_iter().flat_map(|page| page.groups) {
        let Subject { name, interface, id, .. } = shown.group;
        let state = shown.view.state;
        tracing::info!("{name}: {state} on {interface} (id {id}) for {:.0} s", shown.since_s);
    }
}

async fn give_away(remote: &Remote) {
    let (answer, told) = oneshot::channel();
    let request = Request::Command { name: None, command: Wish::Command(Command::HandOver), answer };
    if remote.ask(request).is_err() || told.await.is_err() {
        tracing::warn!("the role was not given away: the daemon is busy, or stopping");
    }
}
