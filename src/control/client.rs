//! The other end of the control socket.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Gid, Group};
use serde_json::value::RawValue;
use thiserror::Error;

use super::protocol::{Answer, Ask, Greeting, Trouble};

/// A line of an answer, its payload as the daemon wrote it.
pub type Heard = Answer<Box<RawValue>, Box<RawValue>, Box<RawValue>, Box<RawValue>>;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error(
        "no firsthop daemon is running: nobody listens at {path}\n\
         start it with `systemctl start firsthop` or `firsthop run`; if it uses another socket, say \
         `--socket PATH`"
    )]
    NoDaemon {
        /// The socket.
        path: PathBuf,
    },
    /// The file system does not let us.
    #[error("you may not talk to the firsthop daemon at {path}: {who} may")]
    Denied {
        /// The socket.
        path: PathBuf,
        /// Who may.
        who: String,
    },
    /// The daemon says why not.
    #[error("{}", .0.text)]
    Trouble(Trouble),
    /// The daemon does not answer.
    #[error("the daemon at {path} does not answer")]
    Silent {
        /// The socket.
        path: PathBuf,
    },
    /// The daemon hung up.
    #[error("the daemon at {path} ended the conversation: it is stopping or has crashed")]
    HungUp {
        /// The socket.
        path: PathBuf,
    },
    /// The daemon speaks another language.
    #[error(
        "the daemon says what this firsthop ({}) does not understand: {reason}; is the daemon of another \
         version?",
        env!("CARGO_PKG_VERSION")
    )]
    Garbled {
        /// Why it cannot be understood.
        reason: serde_json::Error,
    },
    /// Something else.
    #[error("talking to the daemon at {path}: {reason}")]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What.
        reason: io::Error,
    },
}

/// A conversation with a daemon.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    reader: BufReader<UnixStream>,
    line: String,
}

impl Client {
    /// Connects to the daemon that listens at `path`.
    pub fn connect(path: &Path) -> Result<Client, ClientError> {
        let path = path.to_owned();
        match UnixStream::connect(&path) {
            Ok(stream) => Ok(Client { path, reader: BufReader::new(stream), line: String::new() }),
            Err(error) => Err(match error.kind() {
                ErrorKind::NotFound | ErrorKind::ConnectionRefused => ClientError::NoDaemon { path },
                ErrorKind::PermissionDenied => ClientError::Denied { who: who_may(&path), path },
                _ => ClientError::Broken { path, reason: error },
            }),
        }
    }

    /// Asks something. The answer is read with [`Client::hear`]; each of its lines may take as long as
    /// `patience`, or for ever.
    pub fn ask(&mut self, ask: &Ask, patience: Option<Duration>) -> Result<(), ClientError> {
        let mut line = serde_json::to_vec(ask).map_err(|reason| ClientError::Garbled { reason })?;
        line.push(b'\n');
        let stream = self.reader.get_mut();
        let sent = stream.set_read_timeout(patience).and_then(|()| stream.write_all(&line));
        match sent {
            // A daemon that turns us away has said why before it hung up.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            sent => sent.map_err(|error| self.broken(error)),
        }
    }

    /// The next line of the answer; `None` at its end.
    pub fn hear(&mut self) -> Result<Option<Heard>, ClientError> {
        self.line.clear();
        match self.reader.read_line(&mut self.line) {
            Ok(0) => return Err(ClientError::HungUp { path: self.path.clone() }),
            Ok(_) => {}
            Err(error) => return Err(self.broken(error)),
        }
        match serde_json::from_str(&self.line) {
            Ok(Answer::Done {}) => Ok(None),
            Ok(Answer::Error(trouble)) => Err(ClientError::Trouble(trouble)),
            Ok(heard) => Ok(Some(heard)),
            Err(reason) => Err(ClientError::Garbled { reason }),
        }
    }

    /// Asks the daemon who it is.
    pub fn greeting(&mut self, patience: Duration) -> Result<Greeting, ClientError> {
        self.ask(&Ask::Version {}, Some(patience))?;
        let mut greeting = None;
        while let Some(heard) = self.hear()? {
            if let Answer::Daemon(daemon) = heard {
                greeting = Some(daemon);
            }
        }
        greeting.ok_or_else(|| ClientError::Silent { path: self.path.clone() })
    }

    fn broken(&self, error: io::Error) -> ClientError {
        let path = self.path.clone();
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => ClientError::Silent { path },
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => ClientError::HungUp { path },
            _ => ClientError::Broken { path, reason: error },
        }
    }
}

/// Who may use a socket, by its owner.
fn who_may(path: &Path) -> String {
    let Ok(metadata) = std::fs::metadata(path) else { return "only root".into() };
    match metadata.gid() {
        0 => "only root".into(),
        number => {
            let known = Group::from_gid(Gid::from_raw(number)).ok().flatten();
            let name = known.map_or_else(|| number.to_string(), |group| group.name);
            format!("only root and members of the group `{name}`")
        }
    }
}
