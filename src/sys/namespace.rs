//! The lab's: namespaces for a thread or a child about to run, packet sockets that see a whole namespace.

use std::ffi::CString;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use libc::c_int;

use super::check;

/// The file in a machine's room that its processes see as `/etc/group`, if it is there.
pub(crate) const GROUPS: &str = "group";

/// Takes the calling thread out of the namespaces named by `flags` (`CLONE_NEW…`), into new ones.
pub(crate) fn unshare(flags: c_int) -> io::Result<()> {
    // SAFETY: takes no pointers. CLONE_FILES and CLONE_FS, which could surprise other threads, are not used
    // by the lab.
    check(unsafe { libc::unshare(flags) }).map(drop)
}

/// Moves the calling thread into a network namespace.
pub(crate) fn enter_network(namespace: &OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor is open while borrowed; no pointers.
    check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }).map(drop)
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from)
}

/// `mount(2)` without data; `kind` may be empty.
pub(crate) fn mount(source: &Path, target: &Path, kind: &str, flags: libc::c_ulong) -> io::Result<()> {
    mount_strings(&c_path(source)?, &c_path(target)?, &CString::new(kind)?, flags)
}

fn mount_strings(source: &CString, target: &CString, kind: &CString, flags: libc::c_ulong) -> io::Result<()> {
    // SAFETY: three strings with their end, alive during the call; no data.
    check(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, ptr::null()) })
        .map(drop)
}

/// Makes `command` run inside a network namespace, and die with the thread that starts it.
///
/// With `room`, the process also gets a mount namespace in which `/run` is `room/run` and `/run/lab` is
/// `room` itself: every node has its own pid files and control sockets. A file [`GROUPS`] there is its
/// `/etc/group`.
pub(crate) fn run_inside(
    command: &mut Command,
    namespace: Arc<OwnedFd>,
    room: Option<&Path>,
) -> io::Result<()> {
    struct Room {
        root: CString,
        itself: CString,
        inner: CString,
        run: CString,
        slash_run: CString,
        none: CString,
        groups: Option<(CString, CString)>,
    }
    let room = match room {
        Some(room) => Some(Room {
            root: CString::new("/")?,
            itself: c_path(room)?,
            inner: c_path(&room.join("run/lab"))?,
            run: c_path(&room.join("run"))?,
            slash_run: CString::new("/run")?,
            none: CString::default(),
            groups: match room.join(GROUPS) {
                file if file.exists() => Some((c_path(&file)?, CString::new("/etc/group")?)),
                _ => None,
            },
        }),
        None => None,
    };
    let enter = move || {
        // SAFETY: plain calls without pointers.
        check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
        enter_network(&namespace)?;
        if let Some(room) = &room {
            unshare(libc::CLONE_NEWNS)?;
            mount_strings(&room.none, &room.root, &room.none, libc::MS_REC | libc::MS_PRIVATE)?;
            mount_strings(&room.itself, &room.inner, &room.none, libc::MS_BIND)?;
            if let Some((groups, etc_group)) = &room.groups {
                mount_strings(groups, etc_group, &room.none, libc::MS_BIND)?;
            }
            mount_strings(&room.run, &room.slash_run, &room.none, libc::MS_BIND | libc::MS_REC)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls with memory prepared before, nothing else.
    unsafe { command.pre_exec(enter) };
    Ok(())
}

/// Makes `command` die with the thread that starts it.
pub(crate) fn die_with_us(command: &mut Command) {
    // SAFETY: one system call without pointers between fork and exec.
    unsafe {
        command.pre_exec(|| check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL)).map(drop));
    }
}

/// Asks for real-time scheduling of the calling thread; says whether it was granted.
pub(crate) fn real_time(priority: c_int) -> bool {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: the parameter is alive during the call.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &parameter) == 0 }
}

/// A frame that a [`PacketSocket`] saw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Octets in the buffer.
    pub captured: usize,
    /// Octets on the wire.
    pub length: usize,
    /// The interface's number.
    pub interface: u32,
    /// Sent by this namespace rather than received.
    pub outgoing: bool,
    /// Received, but for another station.
    pub foreign: bool,
    /// The kernel's timestamp, nanoseconds of wall-clock time.
    pub at: u64,
}

/// An AF_PACKET socket that sees every frame of every interface in its namespace.
pub(crate) struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// Opens one in the calling thread's namespace. `patience` is how long [`Self::receive`] waits.
    pub(crate) fn open(patience: Duration) -> io::Result<Self> {
        let every = u16::to_be(libc::ETH_P_ALL as u16);
        // SAFETY: no pointers; the descriptor is checked, new and ours alone.
        let socket = unsafe {
            let raw = check(libc::socket(
                libc::AF_PACKET,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC,
                c_int::from(every),
            ))?;
            PacketSocket(OwnedFd::from_raw_fd(raw))
        };
        socket.option(libc::SO_TIMESTAMPNS, &1_i32)?;
        let patience = libc::timeval {
            tv_sec: patience.as_secs() as libc::time_t,
            tv_usec: libc::suseconds_t::from(patience.subsec_micros() as i32),
        };
        socket.option(libc::SO_RCVTIMEO, &patience)?;
        let buffer = 16_i32 << 20;
        if socket.option(libc::SO_RCVBUFFORCE, &buffer).is_err() {
            socket.option(libc::SO_RCVBUF, &buffer)?;
        }
        Ok(socket)
    }

    fn option<T>(&self, name: c_int, value: &T) -> io::Result<()> {
        let size = mem::size_of::<T>() as libc::socklen_t;
        // SAFETY: the value is alive and of the size given; every option above takes the type it is given.
        let result = unsafe {
            libc::setsockopt(self.0.as_raw_fd(), libc::SOL_SOCKET, name, ptr::from_ref(value).cast(), size)
        };
        check(result).map(drop)
    }

    /// Sends a whole frame out of an interface.
    pub(crate) fn send(&self, interface: u32, frame: &[u8]) -> io::Result<()> {
        // SAFETY: sockaddr_ll is plain numbers, for which zeros are valid.
        let mut to: libc::sockaddr_ll = unsafe { mem::zeroed() };
        to.sll_family = libc::AF_PACKET as u16;
        to.sll_ifindex = interface as c_int;
        let size = mem::size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: frame and address are alive during the call and of the sizes given.
        let sent = unsafe {
            libc::sendto(
                self.0.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
                ptr::from_ref(&to).cast(),
                size,
            )
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// The next frame; `None` if none came in time.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Seen>> {
        #[repr(align(8))]
        struct Control([u8; 128]);
        let mut control = Control([0; 128]);
        let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: both are plain numbers and pointers, for which zeros are valid.
        let (mut from, mut message): (libc::sockaddr_ll, libc::msghdr) = unsafe { mem::zeroed() };
        message.msg_name = ptr::from_mut(&mut from).cast();
        message.msg_namelen = mem::size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = control.0.len() as _;
        // SAFETY: every pointer in the header leads to memory above that outlives the call.
        let got = unsafe { libc::recvmsg(self.0.as_raw_fd(), &mut message, libc::MSG_TRUNC) };
        let Ok(length) = usize::try_from(got) else {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::EAGAIN | libc::EINTR | libc::ENETDOWN) => Ok(None),
                _ => Err(error),
            };
        };
        Ok(Some(Seen {
            captured: length.min(buffer.len()),
            length,
            interface: from.sll_ifindex as u32,
            outgoing: from.sll_pkttype == libc::PACKET_OUTGOING,
            foreign: from.sll_pkttype == libc::PACKET_OTHERHOST,
            at: timestamp(&message).unwrap_or_else(now),
        }))
    }
}

/// Nanoseconds of wall-clock time, as the kernel stamps frames.
pub(crate) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn timestamp(message: &libc::msghdr) -> Option<u64> {
    // SAFETY: the header was filled by the kernel; the walk stays within msg_controllen, and the timespec is
    // read without assuming alignment.
    unsafe {
        let mut item = libc::CMSG_FIRSTHDR(message);
        while !item.is_null() {
            if (*item).cmsg_level == libc::SOL_SOCKET && (*item).cmsg_type == libc::SCM_TIMESTAMPNS {
                let time: libc::timespec = ptr::read_unaligned(libc::CMSG_DATA(item).cast());
                return Some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64);
            }
            item = libc::CMSG_NXTHDR(message, item);
        }
    }
    None
}

/// Moves the calling thread into a network namespace of its own.
#[cfg(test)]
pub fn enter_new_network() -> io::Result<()> {
    // SAFETY: without `UnshareFlags::FILES` no thread loses sight of a file descriptor.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }?;
    Ok(())
}
