//! A machine of the lab: a network namespace of its own, and a place for its files.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use fhrp::InterfaceAddress;
use rustix::process::{Pid, Signal};

use super::LabError;
use super::netlink::{self, Netlink, Request};
use crate::sys;

/// A machine: a network namespace that exists as long as this value or a process inside.
pub struct Node {
    name: String,
    namespace: Arc<OwnedFd>,
    identity: (u64, u64),
    netlink: Mutex<Netlink>,
    room: Option<PathBuf>,
}

impl Node {
    /// Makes one, with its loopback up. With `room`, its processes see `room/run` as `/run`.
    pub(crate) fn new(name: &str, room: Option<PathBuf>) -> Result<Self, LabError> {
        if let Some(room) = &room {
            fs::create_dir_all(room.join("run/lab")).map_err(LabError::file(room))?;
        }
        let make = || -> io::Result<_> {
            sys::unshare(libc::CLONE_NEWNET)?;
            Ok((File::open("/proc/thread-self/ns/net")?, Netlink::open()?))
        };
        let (file, netlink) = thread::scope(|scope| join(scope.spawn(make)))
            .and_then(|made| made)
            .map_err(LabError::kernel(format!("make a network namespace for {name}")))?;
        let about = file.metadata().map_err(LabError::kernel("look at a network namespace"))?;
        let node = Node {
            name: name.to_owned(),
            namespace: Arc::new(OwnedFd::from(file)),
            identity: (about.dev(), about.ino()),
            netlink: Mutex::new(netlink),
            room,
        };
        node.ask(vec![netlink::set_link("lo", true)])?;
        Ok(node)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its network namespace.
    pub(crate) fn namespace(&self) -> &OwnedFd {
        &self.namespace
    }

    /// A path to its network namespace, while this process lives.
    pub(crate) fn door(&self) -> PathBuf {
        use std::os::fd::AsRawFd;
        PathBuf::from(format!("/proc/{}/fd/{}", super::wrap::process_number(), self.namespace.as_raw_fd()))
    }

    /// Where its files are, if it has any.
    pub fn room(&self) -> Option<&Path> {
        self.room.as_deref()
    }

    /// Runs `work` on a thread inside the namespace.
    ///
    /// # Errors
    /// The namespace cannot be entered, or `work` panicked.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, LabError> {
        let enter = || sys::enter_network(&self.namespace).map(|()| work());
        thread::scope(|scope| join(scope.spawn(enter)))
            .and_then(|done| done)
            .map_err(LabError::kernel(format!("enter the namespace of {}", self.name)))
    }

    /// Starts a thread that stays inside the namespace.
    pub(crate) fn stay<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<thread::JoinHandle<io::Result<T>>, LabError> {
        let namespace = self.namespace.clone();
        thread::Builder::new()
            .name(self.name.clone())
            .spawn(move || sys::enter_network(&namespace).and_then(|()| work()))
            .map_err(LabError::kernel(format!("start a thread in {}", self.name)))
    }

    /// A command that will run on this machine, in a process group of its own, and that dies with the thread
    /// that starts it.
    ///
    /// # Errors
    /// The path of the machine's files cannot be given to the kernel.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Result<Command, LabError> {
        let mut command = Command::new(program);
        command.process_group(0);
        sys::run_inside(&mut command, self.namespace.clone(), self.room.as_deref())
            .map_err(LabError::kernel(format!("prepare a command in {}", self.name)))?;
        Ok(command)
    }

    /// Asks the kernel for changes of this machine's network, all in one write.
    pub(crate) fn ask(&self, requests: Vec<Request>) -> Result<(), LabError> {
        self.netlink.lock().unwrap_or_else(PoisonError::into_inner).ask(requests)
    }

    /// Sets sysctls: a path below `/proc/sys/net` and its value.
    pub(crate) fn sysctls(&self, values: &[(&str, &str)]) -> Result<(), LabError> {
        self.inside(|| {
            values.iter().try_for_each(|(name, value)| {
                let path = Path::new("/proc/sys/net").join(name);
                fs::write(&path, value).map_err(LabError::file(&path))
            })
        })?
    }

    /// The number of one of its interfaces.
    pub(crate) fn interface(&self, name: &str) -> Result<u32, LabError> {
        self.inside(|| interface_number(name))?
            .map_err(LabError::kernel(format!("look up {name} in {}", self.name)))
    }

    /// Puts addresses on an interface and sets it up.
    pub(crate) fn address(&self, interface: &str, addresses: &[InterfaceAddress]) -> Result<(), LabError> {
        // Without an interface identifier of the kernel's making, the addresses are the ones we say.
        self.sysctls(&[(&format!("ipv6/conf/{interface}/addr_gen_mode"), "1")])?;
        let index = self.interface(interface)?;
        let mut requests = vec![netlink::set_link(interface, true)];
        requests.extend(addresses.iter().map(|address| netlink::add_address(index, *address)));
        self.ask(requests)
    }

    /// Every process in the namespace.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let here = |pid: &i32| {
            let there = fs::metadata(format!("/proc/{pid}/ns/net"));
            there.is_ok_and(|about| (about.dev(), about.ino()) == self.identity)
        };
        numbers.filter(here).filter_map(Pid::from_raw).collect()
    }

    /// Sends a signal to every process in the namespace.
    pub(crate) fn signal(&self, signal: Signal) {
        for process in self.processes() {
            // It may have ended by itself in between.
            let _ = rustix::process::kill_process(process, signal);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> io::Result<T> {
    thread.join().map_err(|_| io::Error::other("the thread panicked"))
}

fn any_socket() -> io::Result<OwnedFd> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    Ok(socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?)
}

/// The number of an interface in the calling thread's namespace.
pub(crate) fn interface_number(name: &str) -> io::Result<u32> {
    Ok(rustix::net::netdevice::name_to_index(any_socket()?, name)?)
}

/// The name of an interface in the calling thread's namespace.
pub(crate) fn interface_name(number: u32) -> io::Result<String> {
    Ok(rustix::net::netdevice::index_to_name(any_socket()?, number)?)
}
