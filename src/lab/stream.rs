//! The steady stream of numbered packets from each host to the server.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use fhrp::Mac;
use rustix::thread::{ClockId, clock_nanosleep_absolute};
use rustix::time::{Timespec, clock_gettime};

use super::node::Node;
use super::{LabError, now, wire};
use crate::sys;

const SECOND: u64 = 1_000_000_000;
/// Above ordinary work, below what daemons ask for.
const PRIORITY: i32 = 1;

/// What became of the stream so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamLog {
    /// When each packet was sent, by number.
    pub sent: Vec<u64>,
    /// Numbers and times in order of arrival.
    pub arrived: Vec<(u64, u64)>,
    /// Through which router each of those came: the MAC of its last hop.
    pub through: Vec<Mac>,
    /// Nanoseconds between packets.
    pub period: u64,
}

/// A stream that runs until it is dropped.
pub(crate) struct Stream {
    over: Arc<AtomicBool>,
    sent: Arc<Mutex<Vec<u64>>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    /// Nanoseconds between packets.
    pub period: u64,
}

impl Stream {
    /// Starts sending `rate` packets per second from `host`. The server takes them and says nothing.
    ///
    /// `place`: which of so many hosts it is. Together they send `rate`, one after the other.
    pub(crate) fn start(
        (host, place, hosts): (&Node, usize, usize),
        server: &Node,
        to: IpAddr,
        rate: u32,
    ) -> Result<Self, LabError> {
        let to = SocketAddr::new(to, wire::STREAM_PORT);
        let anywhere: IpAddr =
            if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let bind = |node: &Node, port| {
            node.inside(|| UdpSocket::bind((anywhere, port)))?
                .map_err(LabError::kernel(format!("open a UDP socket on {}", node.name())))
        };
        // Nobody reads the first host's one: it fills up and spares the network "port unreachable" messages.
        let sink = if place == 0 { Some(bind(server, wire::STREAM_PORT)?) } else { None };
        let socket = bind(host, 0)?;
        let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let beat = SECOND / u64::from(rate);
        let (place, period) = (place as u64, beat * hosts as u64);
        let sender = Sender {
            socket,
            to,
            _sink: sink,
            first: wire::first_number(place),
            phase: beat * place,
            period,
            over: over.clone(),
            sent: sent.clone(),
        };
        let thread = host.stay(move || sender.run())?;
        Ok(Stream { over, sent, thread: Some(thread), period })
    }

    /// When each packet was sent, by number.
    pub(crate) fn sent(&self) -> Vec<u64> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            tracing::warn!(%error, "the stream ended early");
        }
    }
}

struct Sender {
    socket: UdpSocket,
    to: SocketAddr,
    _sink: Option<UdpSocket>,
    /// The number of its first packet.
    first: u64,
    /// How long it waits before that.
    phase: u64,
    period: u64,
    over: Arc<AtomicBool>,
    sent: Arc<Mutex<Vec<u64>>>,
}

impl Sender {
    fn run(self) -> io::Result<()> {
        sys::real_time(PRIORITY);
        let start = clock_gettime(ClockId::Monotonic);
        let start = start.tv_sec as u64 * SECOND + start.tv_nsec as u64 + self.phase;
        for number in 0.. {
            let due = start + number * self.period;
            let due = Timespec { tv_sec: (due / SECOND) as i64, tv_nsec: (due % SECOND) as _ };
            clock_nanosleep_absolute(ClockId::Monotonic, &due)?;
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(now());
            // A packet that finds no way is a packet lost.
            let _ = self.socket.send_to(&wire::stream_payload(self.first + number), self.to);
        }
        Ok(())
    }
}
