//! The part of a file that is in memory.

use std::io::{self, Read};

use super::source::Octets;

/// Octets kept, if nobody asks for more at once.
const ROOM: usize = 256 << 10;

/// A stream seen through a window that moves forward.
pub(super) struct Window {
    source: Octets,
    buffer: Vec<u8>,
    /// What is in the buffer and not behind us: `start..end`.
    start: usize,
    end: usize,
    /// Where `start` lies in the stream.
    offset: u64,
    /// The stream has ended: everything there is, is in the buffer.
    over: bool,
}

impl Window {
    pub(super) fn new(source: Octets) -> Window {
        Window { source, buffer: vec![0; ROOM], start: 0, end: 0, offset: 0, over: false }
    }

    /// Where the window begins in the stream, in octets from its beginning.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next `count` octets, or as many as there are before the end of the stream. The window grows to hold
    /// them: how much may be asked for is for the caller to bound.
    pub(super) fn look(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.end - self.start < count && !self.over {
            self.fill(count)?;
        }
        Ok(self.held(count))
    }

    /// What is held of the next `count` octets.
    pub(super) fn held(&self, count: usize) -> &[u8] {
        let end = self.end.min(self.start.saturating_add(count));
        self.buffer.get(self.start..end).unwrap_or_default()
    }

    /// Leaves up to `count` octets that are held behind.
    pub(super) fn leave(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Leaves `count` octets behind, however many that are. The answer is how many there were.
    pub(super) fn skip(&mut self, count: u64) -> io::Result<u64> {
        let mut left = count;
        while left > 0 {
            let step = usize::try_from(left).unwrap_or(ROOM).min(ROOM);
            let there = self.look(step)?.len();
            if there == 0 {
                break;
            }
            self.leave(there);
            left -= there as u64;
        }
        Ok(count - left)
    }

    #[cold]
    fn fill(&mut self, count: usize) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        // Twice as long as what is asked for, so that it is not moved again for every few octets that are left behind.
        if self.buffer.len() < 2 * count {
            self.buffer.resize(2 * count, 0);
        }
        while self.end < count {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.source.read(room) {
                Ok(0) => {
                    self.over = true;
                    break;
                }
                Ok(got) => self.end += got.min(room.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
