//! Frames that were taken out of the window they were read in, so that somebody else can look at them while the file is
//! read on.

use super::frame::{Frame, Interface, Options};
use super::{Damage, Reader};

/// Octets after which a batch is full.
const OCTETS: usize = 128 << 10;
/// Frames after which a batch is full.
const FRAMES: usize = 256;

/// Some frames of a file, one after the other, and what is wrong with the file behind them.
#[derive(Debug, Default)]
pub struct Batch {
    octets: Vec<u8>,
    frames: Vec<Kept>,
    /// Those that its frames came from: a few, whatever a file describes.
    interfaces: Vec<Interface>,
    damage: Option<Damage>,
}

/// A frame, but for what it shares with others.
#[derive(Debug)]
struct Kept {
    number: u64,
    at: u64,
    original: u32,
    /// How many of the batch's octets are the frame's, and how many behind them its options'.
    lengths: [usize; 2],
    interface_number: u32,
    interface: usize,
    offset: u64,
    big_endian: bool,
}

impl Batch {
    /// Takes the next frames of a file in place of those it has; `false` if there are no more. Waits for the first one,
    /// and for no other: the file may be a live capture.
    pub fn fill(&mut self, reader: &mut Reader) -> bool {
        self.octets.clear();
        self.frames.clear();
        self.interfaces.clear();
        self.damage = None;
        loop {
            match reader.next_frame() {
                None => break,
                Some(Err(damage)) => {
                    self.damage = Some(damage);
                    break;
                }
                Some(Ok(frame)) => self.keep(frame),
            }
            if self.octets.len() >= OCTETS || self.frames.len() >= FRAMES || !reader.holds_next() {
                break;
            }
        }
        !self.frames.is_empty() || self.damage.is_some()
    }

    fn keep(&mut self, frame: Frame<'_>) {
        let known = self.interfaces.iter().position(|known| known == frame.interface);
        let interface = known.unwrap_or_else(|| {
            self.interfaces.push(frame.interface.clone());
            self.interfaces.len() - 1
        });
        self.octets.extend_from_slice(frame.octets);
        self.octets.extend_from_slice(frame.options.octets);
        self.frames.push(Kept {
            number: frame.number,
            at: frame.at,
            original: frame.original,
            lengths: [frame.octets.len(), frame.options.octets.len()],
            interface_number: frame.interface_number,
            interface,
            offset: frame.offset,
            big_endian: frame.options.big_endian,
        });
    }

    /// How many frames it has.
    pub fn count(&self) -> usize {
        self.frames.len()
    }

    /// What is wrong with the file behind its last frame.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// Its frames, in the order of the file.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut rest = self.octets.as_slice();
        let mut next = move |length| {
            let (taken, left) = rest.split_at_checked(length).unwrap_or_default();
            rest = left;
            taken
        };
        self.frames.iter().filter_map(move |kept| {
            let [octets, options] = kept.lengths.map(&mut next);
            Some(Frame {
                number: kept.number,
                at: kept.at,
                original: kept.original,
                octets,
                interface_number: kept.interface_number,
                interface: self.interfaces.get(kept.interface)?,
                offset: kept.offset,
                options: Options { octets: options, big_endian: kept.big_endian },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Direction, Writer};

    const LENGTHS: [usize; 3] = [60, 1_500, 60_000];

    /// Frames of many lengths, some with a comment, on two interfaces; and octets behind them that are no record.
    fn capture(count: usize) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        for number in 0..count {
            let frame = vec![number as u8; LENGTHS[number % 3]];
            let comments = if number % 5 == 0 { vec![format!("frame {number}")] } else { Vec::new() };
            let (interface, at) = (["a", "b"][number % 2], number as u64 * 1_000);
            writer.frame(interface, at, Direction::Inbound, &frame, &comments).unwrap();
        }
        let mut octets = writer.into_inner();
        octets.extend([0xff; 64]);
        octets
    }

    fn told(frame: &Frame<'_>) -> String {
        format!("{frame:?} {:?} {:?}", frame.comments().collect::<Vec<_>>(), frame.direction())
    }

    #[test]
    fn frames_are_what_they_were_and_damages_stand_where_they_stood() {
        let octets = capture(700);
        let open = || Reader::new("capture", std::io::Cursor::new(octets.clone())).unwrap();
        let mut straight = Vec::new();
        let mut reader = open();
        while let Some(next) = reader.next_frame() {
            straight.push(next.map_or_else(|damage| damage.to_string(), |frame| told(&frame)));
        }
        let mut batched = Vec::new();
        let (mut reader, mut batch, mut batches) = (open(), Batch::default(), 0);
        while batch.fill(&mut reader) {
            assert!(batch.count() <= FRAMES);
            batched.extend(batch.frames().map(|frame| told(&frame)));
            batched.extend(batch.damage().map(Damage::to_string));
            batches += 1;
        }
        assert_eq!(batched, straight);
        assert!(straight.len() > 700 && batches > 2, "{} in {batches}", straight.len());
    }
}
