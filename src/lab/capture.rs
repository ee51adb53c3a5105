//! Taps: every frame of a machine into a pcapng file, and what it means into the lab's memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use fhrp::Mac;

use super::LabError;
use super::node::{Node, interface_name};
use super::wire::{self, Advert, Answer, Meaning};
use crate::capture::{Direction, Writer};
use crate::sys::{PacketSocket, Seen};

/// Longest frame kept.
const SNAP: usize = 2048;
/// How long a tap sleeps at most before it looks whether it should end.
const PATIENCE: Duration = Duration::from_millis(50);

/// What was seen since the lab was built.
#[derive(Debug, Default)]
pub(crate) struct Seeing {
    pub adverts: Vec<Advert>,
    pub answers: Vec<Answer>,
    /// Stream packets that reached the server: number, time, and the MAC of the last hop.
    pub arrivals: Vec<(u64, u64, Mac)>,
}

/// What all taps see, shared with whoever wants to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Seeing>>);

impl Memory {
    pub(crate) fn look(&self) -> MutexGuard<'_, Seeing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pcapng file that several taps may write to, one after the other.
#[derive(Clone)]
pub(crate) struct Capture {
    path: PathBuf,
    /// Whether the packets from the host to the server are kept.
    stream: bool,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    writer: Writer<BufWriter<File>>,
    comments: Vec<String>,
}

impl Capture {
    pub(crate) fn create(path: &Path, stream: bool) -> Result<Self, LabError> {
        let file = File::create(path).map_err(LabError::file(path))?;
        let writer = Writer::new(BufWriter::new(file)).map_err(LabError::file(path))?;
        let inner = Inner { writer, comments: Vec::new() };
        Ok(Capture { path: path.to_owned(), stream, inner: Arc::new(Mutex::new(inner)) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a comment on the next frame.
    pub(crate) fn comment(&self, text: &str) {
        self.lock().comments.push(text.to_owned());
    }

    /// Writes everything out.
    pub(crate) fn flush(&self) -> Result<(), LabError> {
        self.lock().writer.flush().map_err(LabError::file(&self.path))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, interface: &str, seen: Seen, frame: &[u8]) -> io::Result<()> {
        if !self.stream && wire::stream_number(frame).is_some() {
            return Ok(());
        }
        let mut inner = self.lock();
        let comments = std::mem::take(&mut inner.comments);
        let direction = if seen.outgoing { Direction::Outbound } else { Direction::Inbound };
        inner.writer.cut_frame(interface, seen.at, direction, frame, seen.length, &comments)
    }
}

/// What a tap is for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    /// Sees what comes into the switch's LAN ports; reads adverts and answers. The ports' names end in this.
    Segment(String),
    /// Sees a router's real interfaces.
    Router(Vec<String>),
    /// Counts the stream's packets.
    Server,
}

/// A thread that sees every frame of a machine until it is dropped.
pub(crate) struct Tap {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Tap {
    pub(crate) fn new(
        node: &Node,
        purpose: Purpose,
        memory: &Memory,
        capture: Option<Capture>,
    ) -> Result<Self, LabError> {
        let socket = node
            .inside(|| PacketSocket::open(PATIENCE))?
            .map_err(LabError::kernel(format!("open a packet socket in {}", node.name())))?;
        let over = Arc::new(AtomicBool::new(false));
        let watcher = Watcher { socket, purpose, memory: memory.clone(), capture, names: HashMap::new() };
        let until = over.clone();
        let thread = node.stay(move || watcher.run(&until))?;
        Ok(Tap { over, thread: Some(thread) })
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            tracing::warn!(%error, "a capture is incomplete");
        }
    }
}

struct Watcher {
    socket: PacketSocket,
    purpose: Purpose,
    memory: Memory,
    capture: Option<Capture>,
    names: HashMap<u32, String>,
}

impl Watcher {
    fn run(mut self, over: &AtomicBool) -> io::Result<()> {
        let mut buffer = vec![0; SNAP];
        while !over.load(Ordering::Relaxed) {
            let Some(seen) = self.socket.receive(&mut buffer)? else { continue };
            let frame = &buffer[..seen.captured];
            let name = match self.names.get(&seen.interface) {
                Some(name) => name.clone(),
                // Gone since: its last frames are of no interest.
                None => match interface_name(seen.interface) {
                    Ok(name) => self.names.entry(seen.interface).or_insert(name).clone(),
                    Err(_) => continue,
                },
            };
            self.see(&name, seen, frame)?;
        }
        Ok(())
    }

    fn see(&self, name: &str, seen: Seen, frame: &[u8]) -> io::Result<()> {
        match &self.purpose {
            Purpose::Segment(suffix) => {
                let Some(machine) = name.strip_suffix(suffix.as_str()) else { return Ok(()) };
                if seen.outgoing {
                    return Ok(());
                }
                match wire::read(frame, machine, seen.at) {
                    Some(Meaning::Advert(advert)) => self.memory.look().adverts.push(advert),
                    Some(Meaning::Answer(answer)) => self.memory.look().answers.push(answer),
                    None => {}
                }
            }
            Purpose::Router(interfaces) => {
                if !interfaces.iter().any(|interface| interface == name) {
                    return Ok(());
                }
            }
            Purpose::Server => {
                if !seen.outgoing
                    && !seen.foreign
                    && let Some(number) = wire::stream_number(frame)
                {
                    let through = wire::source_mac(frame).unwrap_or_default();
                    self.memory.look().arrivals.push((number, seen.at, through));
                }
            }
        }
        self.capture.as_ref().map_or(Ok(()), |capture| capture.write(name, seen, frame))
    }
}
