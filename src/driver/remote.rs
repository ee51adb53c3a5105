//! How the rest of the program talks to the event loop: bounded queues, and never a wait on the loop's side.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use fhrp::{Command, View};
use serde::Serialize;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::config::Plan;
use crate::engine::troubles::Trouble;
use crate::event::Subject;

/// Requests that may wait; more than a busy operator can type.
const QUEUE: usize = 64;

/// A wish of an operator, with the place where the answer goes. A dropped answer means that the loop is gone.
#[derive(Debug)]
pub enum Request {
    /// Some of the groups, in the order of the configuration.
    Groups {
        /// The first place in the table to look at.
        from: u32,
        /// At most this many groups; the loop does not do more than [`PAGE`] in one turn.
        limit: u32,
        /// Gets the page.
        answer: oneshot::Sender<Page>,
    },
    /// What the sockets saw.
    Links {
        /// Gets one entry for each interface in use.
        answer: oneshot::Sender<Vec<LinkView>>,
    },
    /// A new configuration, parsed and checked.
    Reload {
        /// The configuration.
        plan: Box<Plan>,
        /// Gets what changed.
        answer: oneshot::Sender<Reloaded>,
    },
    /// A command for groups.
    Command {
        /// The group's name; `None` means all.
        name: Option<String>,
        /// What to do.
        command: Wish,
        /// Gets how many groups were told.
        answer: oneshot::Sender<usize>,
    },
    /// Hand over and end.
    Stop,
}

/// What an operator may wish of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Something that the group does itself.
    Command(Command),
    /// That others are preferred by so much, in the protocol's own units, until something else is said.
    Demote(u16),
}

/// Most groups on one page: what the loop can show without being late for a 10 ms advertisement.
pub const PAGE: u32 = 64;

/// Some of the groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The groups.
    pub groups: Vec<GroupView>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<u32>,
}

/// One group in a listing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupView {
    /// Which group. The view says what protocol and which number, too.
    #[serde(flatten, serialize_with = "as_names")]
    pub group: Subject,
    /// Seconds in the present state.
    pub since_s: f64,
    /// How it stands.
    #[serde(flatten)]
    pub view: View,
    /// What is wrong beside what the group sees itself, and what each takes of its priority.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub troubles: BTreeMap<Trouble, u16>,
    /// What the address manager last said, if it was not able to do its work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

fn as_names<S: serde::Serializer>(subject: &Subject, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeStruct;
    let mut names = serializer.serialize_struct("Subject", 2)?;
    names.serialize_field("name", &subject.name)?;
    names.serialize_field("interface", &subject.interface)?;
    names.end()
}

/// What was seen on an interface.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinkView {
    /// Its name.
    pub interface: String,
    /// The kernel's number for it; 0 while it does not exist.
    pub index: u32,
    /// Up, with carrier.
    pub up: bool,
    /// Counters, by the name of what they count.
    pub counters: Vec<fhrp::view::Counter>,
    /// Frames for groups that do not exist here: protocol, number, sender and how many.
    pub strangers: Vec<Stranger>,
}

/// Somebody who uses a group number that we do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stranger {
    /// The protocol.
    pub protocol: &'static str,
    /// The group's number.
    pub id: u16,
    /// Who.
    pub address: std::net::IpAddr,
    /// From which MAC.
    pub mac: fhrp::Mac,
    /// Frames so far.
    pub frames: u64,
}

/// What a reload did, as the names of groups.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Reloaded {
    /// New ones.
    pub added: Vec<String>,
    /// Those that were told to leave.
    pub removed: Vec<String>,
    /// Those whose settings changed.
    pub changed: Vec<String>,
    /// How many did not notice.
    pub unchanged: usize,
}

impl std::fmt::Display for Reloaded {
    /// `reloaded: 1 added, 0 removed, 2 changed, 3 unchanged`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [added, removed, changed] = [&self.added, &self.removed, &self.changed].map(Vec::len);
        write!(
            f,
            "reloaded: {added} added, {removed} removed, {changed} changed, {} unchanged",
            self.unchanged
        )
    }
}

/// Why a request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// Too many are waiting.
    #[error("the daemon is busy with {QUEUE} other requests; try again")]
    Busy,
    /// The event loop has ended.
    #[error("the daemon is stopping")]
    Stopping,
}

/// The sending side; clone it freely.
#[derive(Debug, Clone)]
pub struct Remote {
    requests: SyncSender<Request>,
    wake: Arc<OwnedFd>,
}

impl Remote {
    /// Queues a request and wakes the loop.
    pub fn ask(&self, request: Request) -> Result<(), Refused> {
        self.requests.try_send(request).map_err(|refused| match refused {
            TrySendError::Full(_) => Refused::Busy,
            TrySendError::Disconnected(_) => Refused::Stopping,
        })?;
        // The counter can only be full if the loop has been told often enough.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
        Ok(())
    }
}

/// The loop's side.
#[derive(Debug)]
pub(crate) struct Inbox {
    requests: Receiver<Request>,
    wake: Arc<OwnedFd>,
}

impl Inbox {
    /// The next request, if one waits.
    pub(crate) fn next(&self) -> Option<Request> {
        self.requests.try_recv().ok()
    }

    /// Wakes the loop once more: there is more to do than fits one turn.
    pub(super) fn wake(&self) {
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Forgets that it was woken; to be called before the last look at the queue.
    pub(crate) fn rest(&self) {
        let _ = rustix::io::read(&self.wake, &mut [0u8; 8]);
    }
}

impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

/// Both sides of a new queue.
pub(crate) fn channel() -> std::io::Result<(Remote, Inbox)> {
    use rustix::event::{EventfdFlags, eventfd};
    let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let (sender, receiver) = sync_channel(QUEUE);
    Ok((Remote { requests: sender, wake: wake.clone() }, Inbox { requests: receiver, wake }))
}
