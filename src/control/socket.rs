//! The socket in the file system: one daemon at a time, and only for those who may.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Gid, Group};
use rustix::fs::{FlockOperation, flock};
use thiserror::Error;

use super::client::{Client, ClientError};

/// How long a daemon that may be there already gets to say who it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why there is no control socket.
#[derive(Debug, Error)]
pub enum BindError {
    /// A daemon is running.
    #[error(
        "another firsthop (process {pid}) is using {path}; stop it first, or give this one its own socket \
         with `--socket PATH`"
    )]
    Running {
        /// The socket.
        path: PathBuf,
        /// Its process.
        pid: u32,
    },
    /// Somebody listens there and does not say who.
    #[error(
        "a process that does not answer is using {path}, perhaps a firsthop that is starting or frozen; see \
         `ss -xlp`, or use another socket with `--socket PATH`"
    )]
    Occupied {
        /// The socket.
        path: PathBuf,
    },
    /// There is something else of that name.
    #[error("{path} exists and is no socket; remove it, or use another name with `--socket PATH`")]
    NoSocket {
        /// The name.
        path: PathBuf,
    },
    /// The group is unknown.
    #[error("there is no group `{0}` on this machine; see `getent group`, or create it with `groupadd`")]
    NoGroup(String),
    /// The kernel refused.
    #[error("{what} {path}: {reason}")]
    Kernel {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        reason: io::Error,
    },
}

/// The listening socket; its file is removed when it is dropped.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    file: OwnFile,
    admission: Admission,
}

impl Listener {
    /// Listens at `path`, for root and the members of `group`. Takes the place of a daemon that is no more.
    ///
    /// The file appears with its final owner and mode, by renaming, so that there is no moment at which it
    /// could be opened by others.
    pub fn bind(path: &Path, group: Option<&str>) -> Result<Listener, BindError> {
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |reason: io::Error| BindError::Kernel { what, path, reason }
        };
        let group = group.map(group_number).transpose()?;
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(directory).map_err(failed("create", directory))?;
        // Two daemons that start at once look one after the other.
        let turn = File::open(directory).map_err(failed("open", directory))?;
        flock(&turn, FlockOperation::LockExclusive).map_err(|e| failed("lock", directory)(e.into()))?;
        refuse_if_taken(path)?;
        let new = directory.join(".new");
        remove_if_there(&new).map_err(failed("remove", &new))?;
        let socket = UnixListener::bind(&new).map_err(failed("listen at", &new))?;
        chown(&new, None, group.map(Gid::as_raw)).map_err(failed("change the group of", &new))?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o660)).map_err(failed("protect", &new))?;
        fs::rename(&new, path).map_err(failed("listen at", path))?;
        let file = OwnFile::of(path).map_err(failed("look at", path))?;
        let own = rustix::process::geteuid().as_raw();
        Ok(Listener { socket, file, admission: Admission { own, group: group.map(Gid::as_raw) } })
    }

    /// Gives away the parts: the socket, who may connect, and what removes the file when dropped.
    pub(super) fn into_parts(self) -> (UnixListener, Admission, OwnFile) {
        (self.socket, self.admission, self.file)
    }
}

/// Who may talk to the daemon.
///
/// The mode of the file says the same. It is asked again because files can be opened up by accident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Admission {
    own: u32,
    group: Option<u32>,
}

impl Admission {
    /// Whether a client of this user and group may, as the kernel noted them when it connected.
    pub(super) fn admits(self, peer: tokio::net::unix::UCred) -> bool {
        if peer.uid() == 0 || peer.uid() == self.own {
            return true;
        }
        let Some(group) = self.group else { return false };
        peer.gid() == group || peer.pid().is_some_and(|pid| supplementary_groups(pid).contains(&group))
    }
}

/// The further groups of a process, as far as they can be seen.
fn supplementary_groups(pid: i32) -> Vec<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    groups.split_whitespace().filter_map(|group| group.parse().ok()).collect()
}

fn group_number(name: &str) -> Result<Gid, BindError> {
    if let Ok(number) = name.parse() {
        return Ok(Gid::from_raw(number));
    }
    let known = Group::from_name(name).ok().flatten();
    known.map(|group| group.gid).ok_or_else(|| BindError::NoGroup(name.to_owned()))
}

/// A file that is removed when this is dropped, if it is still the same.
#[derive(Debug)]
pub(super) struct OwnFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl OwnFile {
    fn of(path: &Path) -> io::Result<OwnFile> {
        Ok(OwnFile { identity: identity(path)?, path: path.to_owned() })
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|there| there == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What a file is, whatever it is called: its device and its number there.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

fn refuse_if_taken(path: &Path) -> Result<(), BindError> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => {}
        Ok(_) => return Err(BindError::NoSocket { path: path.to_owned() }),
        Err(_) => return Ok(()),
    }
    let asked = Client::connect(path).and_then(|mut client| client.greeting(PATIENCE));
    match asked {
        Ok(greeting) => Err(BindError::Running { path: path.to_owned(), pid: greeting.pid }),
        Err(ClientError::NoDaemon { .. }) => Ok(()),
        Err(_) => Err(BindError::Occupied { path: path.to_owned() }),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Whether a daemon listens at `path`, be it so busy or frozen that it does not answer.
pub fn in_use(path: &Path) -> bool {
    !matches!(Client::connect(path), Err(ClientError::NoDaemon { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_daemons_socket_is_replaced_and_removed_in_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/er/control.sock");
        let first = Listener::bind(&path, None).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        let Listener { socket, file, .. } = first;
        drop(socket);
        let second = Listener::bind(&path, None).unwrap();
        drop(file);
        assert!(path.exists(), "the first one's end removed the second one's socket");
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn a_living_socket_and_other_files_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        let _mute = Listener::bind(&path, None).unwrap();
        assert!(matches!(Listener::bind(&path, None), Err(BindError::Occupied { .. })));
        let file = directory.path().join("precious");
        fs::write(&file, "text").unwrap();
        assert!(matches!(Listener::bind(&file, None), Err(BindError::NoSocket { .. })));
        assert!(matches!(Listener::bind(&path, Some("no such group")), Err(BindError::NoGroup(_))));
        let long = directory.path().join("x".repeat(200));
        assert!(matches!(Listener::bind(&long.join("s"), None), Err(BindError::Kernel { .. })));
    }

    #[test]
    fn own_groups_are_found() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let ours: Vec<u32> = rustix::process::getgroups().unwrap().iter().map(|gid| gid.as_raw()).collect();
        assert_eq!(supplementary_groups(pid), ours);
    }
}
