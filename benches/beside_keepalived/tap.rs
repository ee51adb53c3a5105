//! Adverts and announcements on their way between the switch and router `b`, with the kernel's time stamps.

use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use nix::sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::bed::{Bed, Machine, PER_LINK, PORTS_OF_B};

/// Frames wait here while the processors are busy elsewhere; their time stamps do not suffer.
const BUFFER: usize = 256 << 20;
/// How often they are looked at. Seldom: a tap that wakes for every frame takes time from what is measured.
const PAUSE: Duration = Duration::from_millis(20);

/// What a frame was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A VRRP advert that router `b` hears.
    Heard { priority: u8 },
    /// A VRRP advert that router `b` sends.
    Sent { priority: u8 },
    /// A gratuitous ARP of router `b`.
    Announced,
}

/// A frame, at a moment in nanoseconds of wall-clock time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub at: u64,
    pub group: usize,
    pub kind: Kind,
}

/// The moment now, comparable with [`Seen::at`].
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// A thread that sees the frames.
pub struct Tap {
    over: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Seen>>>,
    thread: Option<JoinHandle<()>>,
}

impl Tap {
    /// Starts one on the switch of a bed.
    pub fn start(bed: &Bed) -> Result<Tap> {
        let socket = bed.inside(Machine::Switch, || open(bed.links() as u32))??;
        let (over, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (until, into) = (over.clone(), seen.clone());
        let work = move || {
            while !until.load(Ordering::Relaxed) {
                drain(&socket, &into);
                thread::sleep(PAUSE);
            }
            drain(&socket, &into);
        };
        Ok(Tap { over, seen, thread: Some(thread::Builder::new().name("tap".to_owned()).spawn(work)?) })
    }

    /// Ends it; everything it saw, in order of time.
    pub fn finish(mut self) -> Vec<Seen> {
        self.end();
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        seen.sort_by_key(|seen| seen.at);
        seen
    }

    fn end(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // What it saw before a panic is still there.
            let _ = thread.join();
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.end();
    }
}

fn open(links: u32) -> io::Result<Socket> {
    let every = Protocol::from(i32::from((libc::ETH_P_ALL as u16).to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(every))?;
    socket.attach_filter(&filter(links))?;
    setsockopt(&socket, sockopt::RcvBufForce, &BUFFER)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Frames of the ports to `b` that are VRRP over IPv4, or ARP.
fn filter(links: u32) -> [SockFilter; 10] {
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_OCTET: u16 = 0x30;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const INTERFACE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_IFINDEX) as u32;
    [
        SockFilter::new(LOAD_WORD, 0, 0, INTERFACE),
        SockFilter::new(JUMP_AT_LEAST, 0, 7, PORTS_OF_B),
        SockFilter::new(JUMP_AT_LEAST, 6, 0, PORTS_OF_B + links),
        SockFilter::new(LOAD_HALF, 0, 0, 12),
        SockFilter::new(JUMP_EQUAL, 3, 0, 0x0806),
        SockFilter::new(JUMP_EQUAL, 0, 3, 0x0800),
        SockFilter::new(LOAD_OCTET, 0, 0, 23),
        SockFilter::new(JUMP_EQUAL, 0, 1, 112),
        SockFilter::new(RETURN, 0, 0, 64),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

fn drain(socket: &Socket, into: &Mutex<Vec<Seen>>) {
    let mut buffer = [0u8; 64];
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    let mut found = Vec::new();
    loop {
        let (link, outgoing, at, length) = {
            let mut part = [IoSliceMut::new(&mut buffer)];
            let flags = MsgFlags::MSG_DONTWAIT;
            let Ok(message) = recvmsg::<LinkAddr>(socket.as_raw_fd(), &mut part, Some(&mut control), flags)
            else {
                break;
            };
            let Some(from) = message.address.filter(|from| from.ifindex() as u32 >= PORTS_OF_B) else {
                continue;
            };
            let stamp = message.cmsgs().ok().and_then(|mut messages| {
                messages.find_map(|message| match message {
                    ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
                    _ => None,
                })
            });
            let Some(stamp) = stamp else { continue };
            let link = (from.ifindex() as u32 - PORTS_OF_B) as usize;
            (link, from.pkttype() == libc::PACKET_OUTGOING, stamp.as_nanos() as u64, message.bytes)
        };
        if let Some((id, kind)) = read(&buffer[..length], outgoing) {
            found.push(Seen { at, group: link * PER_LINK + usize::from(id) - 1, kind });
        }
    }
    into.lock().unwrap_or_else(PoisonError::into_inner).append(&mut found);
}

/// The VRID and what the frame was. What leaves the switch is what `b` hears.
fn read(frame: &[u8], to_b: bool) -> Option<(u8, Kind)> {
    let (ethernet, packet) = frame.split_at_checked(14)?;
    let (id, kind) = match ethernet[12..] {
        [0x08, 0x00] => {
            let header = usize::from(*packet.first()? & 0x0f) * 4;
            let &[_type, id, priority, ..] = packet.get(header..)? else { return None };
            (id, if to_b { Kind::Heard { priority } } else { Kind::Sent { priority } })
        }
        [0x08, 0x06] => {
            let (sender, target) = (packet.get(14..18)?, packet.get(24..28)?);
            // The routers' own addresses have another third octet.
            let is_virtual = sender[2] == 0;
            if to_b || sender != target || !is_virtual {
                return None;
            }
            (sender[3], Kind::Announced)
        }
        _ => return None,
    };
    (id != 0).then_some((id, kind))
}
