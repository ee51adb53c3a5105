//! One daemon an interface: a claim that lasts as long as the process.
//!
//! The claim is a Unix socket with an abstract name. Abstract names belong to a network namespace and vanish
//! with the socket, however the process ends, so no stale lock can be left behind.

use std::io;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use socket2::{Domain, SockAddr, Socket, Type};
use thiserror::Error;

/// An interface that is ours while this value lives.
#[derive(Debug)]
pub struct Claim {
    interface: String,
    _socket: OwnedFd,
}

impl Claim {
    /// The interface's name.
    pub fn interface(&self) -> &str {
        &self.interface
    }
}

/// Why an interface cannot be ours.
#[derive(Debug, Error)]
pub enum ClaimError {
    /// Another daemon has it.
    #[error("{interface} is in the hands of another firsthop{}", held_by(.pid))]
    Taken {
        /// The interface's name.
        interface: String,
        /// The other's process number, if it could be asked.
        pid: Option<i32>,
    },
    /// The kernel gave another reason.
    #[error("claim {interface}: {cause}")]
    System {
        /// The interface's name.
        interface: String,
        /// The kernel's reason.
        cause: io::Error,
    },
}

fn held_by(pid: &Option<i32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// Takes an interface of this network namespace for this process.
///
/// Fails if another process has it, naming that process.
pub fn claim(interface: &str) -> Result<Claim, ClaimError> {
    let system = |cause| ClaimError::System { interface: interface.to_owned(), cause };
    let name = format!("firsthop/{interface}");
    let address = SocketAddr::from_abstract_name(&name).map_err(system)?;
    match UnixListener::bind_addr(&address) {
        Ok(listener) => Ok(Claim { interface: interface.to_owned(), _socket: listener.into() }),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Err(ClaimError::Taken { interface: interface.to_owned(), pid: holder(&name) })
        }
        Err(error) => Err(system(error)),
    }
}

/// Who listens on that abstract name. Not blocking: nobody ever accepts, so the queue may be full.
fn holder(name: &str) -> Option<i32> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None).ok()?;
    let mut path = vec![0];
    path.extend_from_slice(name.as_bytes());
    let path = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&path);
    socket.connect(&SockAddr::unix(path).ok()?).ok()?;
    let pid = rustix::net::sockopt::socket_peercred(&socket).ok()?.pid;
    Some(pid.as_raw_nonzero().get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_claim_is_refused_and_names_the_holder() {
        let name = format!("test-{}", std::process::id());
        let first = claim(&name).unwrap();
        assert_eq!(first.interface(), name);
        let refused = claim(&name).unwrap_err();
        assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        assert!(claim(&name).is_ok());
    }
}
