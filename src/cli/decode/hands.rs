//! One capture, printed by many hands.
//!
//! ```text
//!   each: ── read the next few frames ── look at each ── judge them all ── put them into words ── print ──► again
//!            alone, and gets a number    beside others   in its turn       beside others         in its turn
//! ```
//!
//! What a frame says can be seen in any order; what is remembered of the frames before it cannot, nor can the output be.
//! With one processor this is a loop like any other. Each hand has room for one batch, so a slow reader of the output
//! slows down the reading of the file, and memory stays what it was.

use std::io::{self, Write};
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::turns::Turns;
use super::{Printer, complain};
use crate::capture::{Batch, Reader};
use crate::decode::Decoder;
use crate::decode::dissector::Dissector;

/// More hands than this wait for each other: a good part of the work is done in turns.
const MOST_HANDS: usize = 6;

/// What was met in a file.
#[derive(Debug, Default)]
pub struct Tally {
    /// Frames that were read.
    pub read: u64,
    /// Frames that were shown.
    pub shown: u64,
    /// What was wrong with the file.
    pub damages: u64,
}

/// What the hands share.
struct Desk<'a, W> {
    printer: &'a Printer,
    dissector: &'a Dissector,
    reading: Mutex<Reading>,
    judging: Turns<Decoder>,
    printing: Turns<Sheet<W>>,
}

struct Reading {
    reader: Reader,
    /// The number of the next batch.
    next: u64,
    /// When the first frame was captured.
    began: Option<u64>,
}

/// What is printed on.
struct Sheet<W> {
    to: W,
    tally: Tally,
    /// What kept it from being printed on.
    fault: Option<io::Error>,
}

/// Prints the frames of a capture onto `to`, and what is wrong with it onto standard error.
///
/// # Errors
/// If `to` takes no more.
pub fn print<W: Write + Send>(
    printer: &Printer,
    reader: Reader,
    decoder: Decoder,
    to: W,
) -> io::Result<Tally> {
    let dissector = decoder.dissector();
    let desk = Desk {
        printer,
        dissector: &dissector,
        reading: Mutex::new(Reading { reader, next: 0, began: None }),
        judging: Turns::new(decoder),
        printing: Turns::new(Sheet { to, tally: Tally::default(), fault: None }),
    };
    let hands = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_HANDS);
    thread::scope(|scope| {
        for _ in 1..hands {
            scope.spawn(|| desk.work());
        }
        desk.work();
    });
    let Sheet { tally, fault, .. } = desk.printing.into_inner();
    fault.map_or(Ok(tally), Err)
}

impl<W: Write> Desk<'_, W> {
    fn work(&self) {
        let _clumsy = Clumsy(self);
        let mut batch = Batch::default();
        let mut out = Vec::new();
        let mut printer = self.printer.clone();
        while let Some(number) = self.read(&mut batch, &mut printer) {
            let looked: Vec<_> = batch.frames().filter_map(|frame| self.dissector.look(frame)).collect();
            let judged = self.judging.take(number, |decoder| {
                looked.into_iter().filter_map(|looked| decoder.judge(looked)).collect::<Vec<_>>()
            });
            let Some(judged) = judged else { return };
            out.clear();
            let shown = judged.iter().filter(|decoded| printer.write(decoded, &mut out)).count();
            if self.printing.take(number, |sheet| sheet.print(&out, &batch, shown)) != Some(true) {
                return self.end();
            }
        }
    }

    /// Everybody stops.
    fn end(&self) {
        self.judging.end();
        self.printing.end();
    }

    /// The next frames, and their number; `None` at the end of the file.
    fn read(&self, batch: &mut Batch, printer: &mut Printer) -> Option<u64> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if !batch.fill(&mut reading.reader) {
            return None;
        }
        if printer.relative {
            let first = batch.frames().next().map(|frame| frame.at);
            reading.began = reading.began.or(first);
            printer.style.since = reading.began;
        }
        let number = reading.next;
        reading.next += 1;
        Some(number)
    }
}

impl<W: Write> Sheet<W> {
    /// Prints what was put into words of a batch; `false` if that is not possible any more.
    fn print(&mut self, words: &[u8], batch: &Batch, shown: usize) -> bool {
        self.tally.read += batch.count() as u64;
        self.tally.shown += shown as u64;
        if !words.is_empty()
            && let Err(error) = self.to.write_all(words).and_then(|()| self.to.flush())
        {
            self.fault = Some(error);
            return false;
        }
        if let Some(damage) = batch.damage() {
            self.tally.damages += 1;
            complain(damage);
        }
        true
    }
}

/// A hand that drops what it has would be waited for for ever.
struct Clumsy<'a, W: Write>(&'a Desk<'a, W>);

impl<W: Write> Drop for Clumsy<'_, W> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end();
        }
    }
}
