//! Reading and dissecting ahead, in a thread of its own, while the frames before are judged and printed.

use std::io;
use std::mem;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::{self, JoinHandle};

use fhrp::dissect::Dissection;

use super::dissector::{Dissector, Look};
use crate::capture::link::LinkFault;
use crate::capture::{Damage, Frame, Head, Interface, Reader};

/// Octets of frames that are handed over at once.
const BATCH: usize = 128 << 10;
/// Frames that are handed over at once.
const FRAMES: usize = 1024;
/// Batches that wait at most.
const WAITING: usize = 4;

/// What happens in a file.
pub enum Event<'a> {
    /// A frame that somebody may want to see.
    Frame(Frame<'a>, Look),
    /// A frame whose link layer is none that the protocols run over.
    Foreign(Frame<'a>, LinkFault),
    /// Something wrong with the file.
    Damage(Damage),
}

/// Some of a file.
#[derive(Default)]
pub struct Batch {
    /// Frames in it, also those that are nobody's business.
    pub read: u64,
    /// When the first of them was captured.
    pub first: Option<u64>,
    octets: Vec<u8>,
    interfaces: Vec<Interface>,
    events: Vec<Kept>,
    /// What was printed: memory is freed where it was asked for, or threads wait for each other.
    #[expect(clippy::vec_box, reason = "they come in boxes, and are not worth unpacking")]
    printed: Vec<Box<Dissection>>,
}

enum Kept {
    Frame(Place, Look),
    Foreign(Place, LinkFault),
    Damage(Damage),
}

/// Where a frame's parts are.
struct Place {
    head: Head,
    octets: Range<usize>,
    options: Range<usize>,
    interface: usize,
}

impl Batch {
    /// Empties the batch: `see` is told what happened in it, in order, and gives back what it was told of frames.
    ///
    /// # Errors
    /// What `see` says.
    pub fn drain<E>(
        &mut self,
        mut see: impl FnMut(Event<'_>) -> Result<Option<Box<Dissection>>, E>,
    ) -> Result<(), E> {
        let Batch { octets, interfaces, events, printed, .. } = self;
        let frame = |place: &Place| {
            let part = |range: &Range<usize>| octets.get(range.clone()).unwrap_or_default();
            let interface = interfaces.get(place.interface)?;
            Some(place.head.frame(part(&place.octets), part(&place.options), interface))
        };
        for kept in events.drain(..) {
            let event = match kept {
                Kept::Frame(place, look) => frame(&place).map(|frame| Event::Frame(frame, look)),
                Kept::Foreign(place, fault) => frame(&place).map(|frame| Event::Foreign(frame, fault)),
                Kept::Damage(damage) => Some(Event::Damage(damage)),
            };
            if let Some(event) = event {
                printed.extend(see(event)?);
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        let Batch { read, first, octets, interfaces, events, printed } = self;
        (*read, *first) = (0, None);
        octets.clear();
        interfaces.clear();
        events.clear();
        printed.clear();
    }

    fn is_full(&self) -> bool {
        self.octets.len() >= BATCH || self.events.len() >= FRAMES
    }

    fn keep(&mut self, frame: &Frame<'_>) -> Place {
        let (head, octets, options) = frame.parts();
        let mut append = |part: &[u8]| {
            let start = self.octets.len();
            self.octets.extend_from_slice(part);
            start..self.octets.len()
        };
        let (octets, options) = (append(octets), append(options));
        if self.interfaces.last() != Some(frame.interface) {
            self.interfaces.push(frame.interface.clone());
        }
        Place { head, octets, options, interface: self.interfaces.len() - 1 }
    }

    fn take(&mut self, next: Result<Frame<'_>, Damage>, dissector: &Dissector) {
        let frame = match next {
            Ok(frame) => frame,
            Err(damage) => return self.events.push(Kept::Damage(damage)),
        };
        self.read += 1;
        self.first.get_or_insert(frame.at);
        match dissector.look(&frame) {
            Ok(Look::Nothing) => {}
            Ok(look) => {
                let place = self.keep(&frame);
                self.events.push(Kept::Frame(place, look));
            }
            Err(fault) => {
                let place = self.keep(&frame);
                self.events.push(Kept::Foreign(place, fault));
            }
        }
    }
}

/// A file that is read ahead.
pub struct Ahead {
    batches: Receiver<Batch>,
    emptied: Sender<Batch>,
    waiting: Option<Batch>,
    thread: JoinHandle<()>,
}

impl Ahead {
    /// Begins to read. The thread ends with the file, or when this is dropped.
    ///
    /// # Errors
    /// If there can be no thread.
    pub fn new(reader: Reader, dissector: Arc<Dissector>) -> io::Result<Ahead> {
        let (full, batches) = sync_channel(WAITING);
        let (emptied, empty) = channel();
        let thread = thread::Builder::new().name("reader".to_owned());
        let thread = thread.spawn(move || read(reader, &dissector, &full, &empty))?;
        Ok(Ahead { batches, emptied, waiting: None, thread })
    }

    /// The next part of the file; `None` behind its end.
    pub fn next_batch(&mut self) -> Option<Batch> {
        self.waiting.take().or_else(|| self.batches.recv().ok())
    }

    /// Whether the next part has to be waited for: the moment to show what there is.
    pub fn must_wait(&mut self) -> bool {
        if self.waiting.is_none() {
            match self.batches.try_recv() {
                Ok(batch) => self.waiting = Some(batch),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => {}
            }
        }
        false
    }

    /// Whether the file was read to its end; to be asked behind the last part.
    pub fn finish(self) -> bool {
        let Ahead { batches, thread, .. } = self;
        drop(batches);
        thread.join().is_ok()
    }

    /// Gives a batch back, to be filled again.
    pub fn give_back(&mut self, batch: Batch) {
        // At the end of the file nobody wants it any more.
        let _ = self.emptied.send(batch);
    }
}

/// A part is handed over when it is full, and before the file has to be waited for.
fn read(mut reader: Reader, dissector: &Dissector, full: &SyncSender<Batch>, empty: &Receiver<Batch>) {
    let mut batch = Batch::default();
    loop {
        let has_news = batch.read > 0 || !batch.events.is_empty();
        let must_wait = has_news && !reader.holds_next();
        if must_wait || batch.is_full() {
            let next = empty.try_recv().unwrap_or_default();
            if full.send(mem::replace(&mut batch, next)).is_err() {
                return;
            }
            batch.clear();
        }
        match reader.next_frame() {
            Some(next) => batch.take(next, dissector),
            None => break,
        }
    }
    // Whoever does not listen any more has read enough.
    let _ = full.send(batch);
}
