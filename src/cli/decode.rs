//! `firsthop decode`: what the frames of a capture say, and which rules they break.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::keys::KeyArgs;
use super::{Exit, complain, text};
use crate::capture::{Frame, Reader};
use crate::decode::filter::Filter;
use crate::decode::line::{self, Style};
use crate::decode::{Decoder, Wish, json, tree};
use crate::log::count;

/// Octets of output that are put together before they are written.
const CHUNK: usize = 64 << 10;

/// Arguments of `firsthop decode`.
#[derive(Debug, Args)]
pub struct DecodeArgs {
    /// Captures: pcap or pcapng, as they are or compressed by gzip or zstd; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Print below each frame where its fields lie, what they say and what that means
    #[arg(short, long, conflicts_with = "json")]
    verbose: bool,
    /// Print JSON: an object on a line of its own for each frame
    #[arg(long)]
    json: bool,
    /// Count seconds from the first frame of each file instead of printing times of day (UTC)
    #[arg(short, long, conflicts_with = "json")]
    relative: bool,
    /// Show only this protocol, and the ARP and ND about its addresses; may be repeated
    #[arg(short, long, value_name = "PROTOCOL", value_delimiter = ',', value_parser = PossibleValuesParser::new(PROTOCOLS))]
    protocol: Vec<String>,
    /// Show only the group of this number; may be repeated
    #[arg(short, long, value_name = "NUMBER", value_delimiter = ',')]
    group: Vec<u16>,
    /// Show only frames from, to or about this address; may be repeated
    #[arg(short, long, value_name = "ADDRESS", value_delimiter = ',')]
    address: Vec<IpAddr>,
    #[command(flatten)]
    keys: KeyArgs,
}

const PROTOCOLS: [&str; 6] = ["vrrp", "carp", "hsrp", "glbp", "arp", "nd"];

/// Prints the frames. What is wrong with a file is told on standard error, and the rest of it is read all the same.
pub fn run(mut args: DecodeArgs) -> Exit {
    let wish = match args.keys.collect() {
        Ok(wish) => Wish { fields: args.verbose, ..wish },
        Err(error) => {
            complain(error);
            return Exit::Failed;
        }
    };
    let form = if args.json {
        Form::Json
    } else if args.verbose {
        Form::Tree
    } else {
        Form::Line
    };
    let mut printer = Printer {
        form,
        several: args.files.len() > 1,
        relative: args.relative,
        filter: Filter { protocols: args.protocol, groups: args.group, addresses: args.address },
        decoder: Decoder::new(wish),
        style: Style { colour: text::colourful() && !args.json, ..Style::default() },
        out: Vec::with_capacity(2 * CHUNK),
        to: io::stdout().lock(),
    };
    let mut exit = Exit::Done;
    for file in &args.files {
        match printer.file(file) {
            Ok(Exit::Done) => {}
            Ok(worse) => exit = worse,
            // Whoever was reading has read enough: `firsthop decode | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return exit,
            Err(error) => {
                complain(format_args!("cannot print: {error}"));
                return Exit::Failed;
            }
        }
    }
    exit
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Line,
    Tree,
    Json,
}

struct Printer<W: Write> {
    form: Form,
    several: bool,
    relative: bool,
    filter: Filter,
    decoder: Decoder,
    style: Style,
    out: Vec<u8>,
    to: W,
}

/// What was met in a file.
#[derive(Default)]
struct Tally {
    read: u64,
    shown: u64,
    damages: u64,
}

impl<W: Write> Printer<W> {
    fn file(&mut self, path: &Path) -> io::Result<Exit> {
        let mut reader = match Reader::open(path) {
            Ok(reader) => reader,
            Err(error) => {
                complain(error);
                return Ok(Exit::Failed);
            }
        };
        let name = reader.file().to_owned();
        // Each file is a capture of its own: groups of the same number in two of them are two groups.
        self.decoder.forget();
        self.style.since = None;
        self.style.file = self.several.then(|| name.clone());
        let mut tally = Tally::default();
        loop {
            // What there is, is shown before the file has to be waited for: it may be a live capture.
            if self.out.len() >= CHUNK || !reader.holds_next() {
                self.flush()?;
            }
            match reader.next_frame() {
                None => break,
                Some(Ok(frame)) => self.frame(frame, &mut tally),
                Some(Err(damage)) => {
                    tally.damages += 1;
                    self.flush()?;
                    complain(damage);
                }
            }
        }
        self.flush()?;
        Ok(if tally.sum_up(&name, self.form) { Exit::Done } else { Exit::Failed })
    }

    fn frame(&mut self, frame: Frame<'_>, tally: &mut Tally) {
        tally.read += 1;
        if self.relative {
            self.style.since.get_or_insert(frame.at);
        }
        let Some(decoded) = self.decoder.decode(frame).filter(|decoded| self.filter.takes(decoded)) else {
            return;
        };
        tally.shown += 1;
        match self.form {
            Form::Line => line::write(&decoded, &self.style, &mut self.out),
            Form::Tree => tree::write(&decoded, &self.style, &mut self.out),
            Form::Json => json::write(&decoded, self.style.file.as_deref(), &mut self.out),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.to.write_all(&self.out)?;
        self.out.clear();
        self.to.flush()
    }
}

impl Tally {
    /// Says what has not been said of a file yet; `false` if something was wrong with it.
    fn sum_up(&self, name: &str, form: Form) -> bool {
        let is_whole = self.damages == 0;
        if is_whole && self.shown == 0 && form != Form::Json {
            let frames = count(self.read, "frame");
            complain(format_args!("{name}: {frames} and none that is asked for"));
        }
        is_whole
    }
}
