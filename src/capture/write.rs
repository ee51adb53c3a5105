//! Frames into a pcapng file: nanoseconds, the interface and the direction of each, and comments.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

use pcap_file::pcapng::PcapNgBlock;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, PcapError};

/// Nanoseconds are ten to the power of minus this.
const NANOSECONDS: u8 = 9;
/// Longest frame that is announced.
const SNAP: u32 = 262_144;

/// Which way a frame went, as its interface saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It came in.
    Inbound,
    /// It went out.
    Outbound,
}

/// Writes Ethernet frames into a pcapng file.
pub struct Writer<W: Write> {
    writer: PcapNgWriter<W>,
    interfaces: HashMap<String, u32>,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// What `to` says.
    pub fn new(to: W) -> io::Result<Writer<W>> {
        let writer = PcapNgWriter::new(to).map_err(io_error)?;
        Ok(Writer { writer, interfaces: HashMap::new() })
    }

    /// Writes a frame that `interface` saw, `at` nanoseconds after the Unix epoch.
    ///
    /// # Errors
    /// What the file says.
    pub fn frame(
        &mut self,
        interface: &str,
        at: u64,
        direction: Direction,
        frame: &[u8],
        comments: &[String],
    ) -> io::Result<()> {
        self.cut_frame(interface, at, direction, frame, frame.len(), comments)
    }

    /// Writes what was captured of a frame that had `original` octets.
    ///
    /// # Errors
    /// What the file says.
    pub fn cut_frame(
        &mut self,
        interface: &str,
        at: u64,
        direction: Direction,
        captured: &[u8],
        original: usize,
        comments: &[String],
    ) -> io::Result<()> {
        let number = self.number_of(interface)?;
        // One field is private, so the block cannot be built in one expression.
        let mut packet = EnhancedPacketBlock::default();
        packet.interface_id = number;
        packet.timestamp = Duration::from_nanos(at);
        packet.original_len = u32::try_from(original).unwrap_or(u32::MAX);
        packet.data = Cow::Borrowed(captured);
        packet.options.push(EnhancedPacketOption::Flags(match direction {
            Direction::Inbound => 1,
            Direction::Outbound => 2,
        }));
        let comments = comments.iter().map(|text| EnhancedPacketOption::Comment(text.as_str().into()));
        packet.options.extend(comments);
        self.writer.write_block(&packet.into_block()).map(drop).map_err(io_error)
    }

    /// Hands everything to the disk.
    ///
    /// # Errors
    /// What the file says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.get_mut().flush()
    }

    /// Where it was written to.
    pub fn into_inner(self) -> W {
        self.writer.into_inner()
    }

    fn number_of(&mut self, interface: &str) -> io::Result<u32> {
        if let Some(number) = self.interfaces.get(interface) {
            return Ok(*number);
        }
        let mut block = InterfaceDescriptionBlock::new(DataLink::ETHERNET, SNAP);
        block.options.push(InterfaceDescriptionOption::IfName(interface.into()));
        block.options.push(InterfaceDescriptionOption::IfTsResol(NANOSECONDS));
        self.writer.write_block(&block.into_block()).map_err(io_error)?;
        let number = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        self.interfaces.insert(interface.to_owned(), number);
        Ok(number)
    }
}

fn io_error(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}
