//! `firsthop decode`: what the frames of a capture say, and which rules they break.

mod hands;
mod turns;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::keys::KeyArgs;
use super::{Exit, complain, text};
use crate::capture::Reader;
use crate::decode::filter::Filter;
use crate::decode::line::{self, Style};
use crate::decode::{Decoded, Decoder, Wish, json, tree};
use crate::log::count;

use hands::Tally;

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
    let printer = Printer {
        form,
        relative: args.relative,
        filter: Filter { protocols: args.protocol, groups: args.group, addresses: args.address },
        style: Style { colour: text::colourful() && !args.json, ..Style::default() },
    };
    let mut exit = Exit::Done;
    for file in &args.files {
        let reader = match Reader::open(file) {
            Ok(reader) => reader,
            Err(error) => {
                complain(error);
                exit = Exit::Failed;
                continue;
            }
        };
        let name = reader.file().to_owned();
        let mut printer = printer.clone();
        printer.style.file = (args.files.len() > 1).then(|| name.clone());
        // Each file is a capture of its own: groups of the same number in two of them are two groups.
        match hands::print(&printer, reader, Decoder::new(wish.clone()), io::stdout()) {
            Ok(tally) if tally.sums_up(&name, form) => {}
            Ok(_) => exit = Exit::Failed,
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

/// How frames are printed.
#[derive(Debug, Clone)]
struct Printer {
    form: Form,
    relative: bool,
    filter: Filter,
    style: Style,
}

impl Printer {
    /// Appends a frame; `false` if it is not asked for.
    fn write(&self, decoded: &Decoded<'_>, out: &mut Vec<u8>) -> bool {
        if !self.filter.takes(decoded) {
            return false;
        }
        match self.form {
            Form::Line => line::write(decoded, &self.style, out),
            Form::Tree => tree::write(decoded, &self.style, out),
            Form::Json => json::write(decoded, self.style.file.as_deref(), out),
        }
        true
    }
}

impl Tally {
    /// Says what has not been said of a file yet; `false` if something was wrong with it.
    fn sums_up(&self, name: &str, form: Form) -> bool {
        let is_whole = self.damages == 0;
        if is_whole && self.shown == 0 && form != Form::Json {
            let frames = count(self.read, "frame");
            complain(format_args!("{name}: {frames} and none that is asked for"));
        }
        is_whole
    }
}
