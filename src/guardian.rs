//! The guardian: a process that outlives the daemon by the moment it takes to say goodbye for it.
//!
//! It has one end of a socket pair and a list of what the daemon cannot do when it is dead: goodbyes to send
//! (VRRP's priority 0), addresses to take away that do not go by themselves. If the daemon's end closes
//! without a farewell, it does all of that at once. If the daemon's event loop gives no sign of life for
//! longer than a group's peers wait, it does that group's part, and goes on waiting: the daemon may wake up.
//!
//! Nothing here waits for the guardian: a message that finds the socket full is counted and given up.

mod message;
mod watch;

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};

pub use message::{Goodbye, Outliving, Routed, Will};

use crate::engine::GroupIndex;
use message::Message;

/// The hidden subcommand that [`spawn`] runs this program with; it has to call [`main`] with standard input.
pub const SUBCOMMAND: &str = "guardian";

/// Octets of send buffer wanted: the wills of thousands of groups, all at once.
const SEND_BUFFER: usize = 4 * 1024 * 1024;
/// Addresses in one message.
const ADDRESSES_AT_ONCE: usize = 500;

/// The daemon's side of the guardian process.
#[derive(Debug)]
pub struct Guardian {
    child: Child,
    sender: Sender,
}

/// Starts the guardian by running this program again. To be called before there is any other thread.
///
/// Fails if the program cannot be run again, or no descriptor is left.
pub fn spawn() -> io::Result<Guardian> {
    let mut command = Command::new("/proc/self/exe");
    std::os::unix::process::CommandExt::arg0(&mut command, OsStr::new("firsthop"));
    command.arg(SUBCOMMAND);
    spawn_as(command)
}

fn spawn_as(mut command: Command) -> io::Result<Guardian> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    use rustix::net::sockopt;
    if sockopt::set_socket_send_buffer_size_force(&ours, SEND_BUFFER).is_err() {
        sockopt::set_socket_send_buffer_size(&ours, SEND_BUFFER).ok();
    }
    let child = command.stdin(Stdio::from(theirs)).stdout(Stdio::null()).current_dir("/").spawn()?;
    let sender = Sender { socket: Arc::new(closed_first(ours)), lost: Arc::new(AtomicU64::new(0)) };
    Ok(Guardian { child, sender })
}

/// Moves a descriptor to the highest number there is. A dying process closes its files from the highest down,
/// and each packet socket takes it some ten milliseconds: the guardian must not have to wait for all of them.
fn closed_first(socket: OwnedFd) -> OwnedFd {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let highest = limit.unwrap_or(1024).min(1 << 16).saturating_sub(1);
    let moved = i32::try_from(highest).ok().and_then(|highest| fcntl_dupfd_cloexec(&socket, highest).ok());
    moved.unwrap_or(socket)
}

impl Guardian {
    /// A handle to talk to the guardian with; every thread may have its own.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// The guardian's process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A clean end: nothing is left to be said, and the guardian leaves too.
    ///
    /// Fails if the guardian cannot be waited for.
    pub fn farewell(mut self) -> io::Result<()> {
        self.sender.say(&Message::Farewell);
        self.child.wait().map(|_| ())
    }
}

/// Tells the guardian what has to be done if this process no longer can.
#[derive(Debug, Clone)]
pub struct Sender {
    socket: Arc<OwnedFd>,
    lost: Arc<AtomicU64>,
}

impl Sender {
    /// What to say for this group; replaces its last will. An empty one: nothing.
    pub fn will(&self, group: GroupIndex, will: &Will) {
        self.say(&Message::Will(group, will.clone()));
    }

    /// These addresses would outlive the daemon.
    pub fn outliving(&self, addresses: &[Outliving]) {
        for addresses in addresses.chunks(ADDRESSES_AT_ONCE) {
            self.say(&Message::Outliving(addresses.to_vec()));
        }
    }

    /// These no longer exist.
    pub fn removed(&self, addresses: &[Outliving]) {
        for addresses in addresses.chunks(ADDRESSES_AT_ONCE) {
            self.say(&Message::Removed(addresses.to_vec()));
        }
    }

    /// The event loop is on time. To be said at least every quarter of the shortest lease while a will or an
    /// address is in force; the first one starts the watch.
    pub fn alive(&self) {
        self.say(&Message::Alive);
    }

    /// How many messages found no room, or no guardian.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn say(&self, message: &Message) {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        if send(self.socket.as_fd(), &message.emit(), flags).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The guardian process itself: returns when the daemon has ended and everything is done.
///
/// `socket` is what [`spawn`] gave this process as standard input.
pub fn main(socket: OwnedFd) -> ExitCode {
    match watch::run(socket) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("firsthop guardian: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
