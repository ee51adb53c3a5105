//! `firsthop analyze`: the story of a capture.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Args, CommandFactory};

use super::keys::KeyArgs;
use super::{Arguments, Exit, Failure, complain, finish};
use crate::analyze::Analysis;
use crate::analyze::listen::listen;
use crate::analyze::picture::{tables, timeline};
use crate::analyze::report::report;
use crate::analyze::story::Story;
use crate::capture::Reader;
use crate::decode::Decoder;
use crate::draw;

/// Width of a timeline in a pipe.
const COLUMNS: usize = 120;

/// Arguments of `firsthop analyze`.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Captures (pcap or pcapng, also compressed), one after the other; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Print one JSON document
    #[arg(long, conflicts_with = "timeline")]
    pub json: bool,
    /// Print the timeline with block characters as well
    #[arg(long)]
    pub timeline: bool,
    /// Draw the timeline into this file; `-` is standard output, instead of the text
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Write a page with the timeline and everything else; `-` is standard output, instead of the text
    #[arg(long, value_name = "FILE", conflicts_with = "svg")]
    pub html: Option<PathBuf>,
    /// Take each interface of the capture for a network of its own, with groups of its own
    #[arg(long)]
    pub per_interface: bool,
    #[command(flatten)]
    keys: KeyArgs,
}

impl AnalyzeArgs {
    /// Two things that want standard output, and what to write instead.
    fn conflict(&self) -> Option<String> {
        let is_output = |file: &Option<PathBuf>| file.as_ref().is_some_and(|file| file.as_os_str() == "-");
        let (drawn, name) = match (is_output(&self.svg), is_output(&self.html)) {
            (true, _) => ("--svg", "timeline.svg"),
            (_, true) => ("--html", "timeline.html"),
            (false, false) => return None,
        };
        let printed = match (self.json, self.timeline) {
            (true, _) => "--json",
            (_, true) => "--timeline",
            (false, false) => return None,
        };
        Some(format!(
            "'{drawn} -' and '{printed}' both want standard output: write '{drawn} {name} {printed}'"
        ))
    }
}

/// Reads, prints and draws. A damaged file is told on standard error, and read as far as it goes.
pub(super) fn run(mut args: AnalyzeArgs, out: &mut dyn Write) -> Exit {
    if let Some(conflict) = args.conflict() {
        Arguments::command().error(ErrorKind::ArgumentConflict, conflict).exit();
    }
    let mut damaged = false;
    let done = read(&mut args, &mut damaged).and_then(|story| match story {
        Some(story) => show(&args, &story, out),
        None => Ok(()),
    });
    match finish(done) {
        Exit::Done if damaged => Exit::Failed,
        exit => exit,
    }
}

/// The story of all files together; `None` if not one of them can be opened.
fn read(args: &mut AnalyzeArgs, damaged: &mut bool) -> Result<Option<Story>, Failure> {
    let mut decoder = Decoder::new(args.keys.collect()?);
    let mut analysis = None;
    for file in &args.files {
        let mut reader = match Reader::open(file) {
            Ok(reader) => reader,
            Err(error) => {
                *damaged = true;
                complain(error);
                continue;
            }
        };
        let analysis = analysis.get_or_insert_with(Analysis::default);
        listen(analysis, &mut reader, &mut decoder, args.per_interface, &mut |damage| {
            *damaged = true;
            complain(damage);
        });
    }
    Ok(analysis.map(Analysis::finish))
}

fn show(args: &AnalyzeArgs, story: &Story, out: &mut dyn Write) -> Result<(), Failure> {
    let names: Vec<String> = args.files.iter().map(|file| file.display().to_string()).collect();
    let names = names.join(", ");
    let picture = || timeline(story, &names);
    let mut drawn = false;
    if let Some(file) = &args.svg {
        drawn |= put(file, &draw::svg(&picture()), out)?;
    }
    if let Some(file) = &args.html {
        drawn |= put(file, &draw::html(&picture(), &tables(story)), out)?;
    }
    if drawn {
        return Ok(());
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, story).map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    out.write_all(report(story, &names).as_bytes())?;
    if args.timeline {
        let width = super::text::terminal_width().unwrap_or(COLUMNS);
        write!(out, "\n{}", draw::text(&picture(), width))?;
    }
    Ok(())
}

/// Writes a file, or standard output if it is called `-`; says whether it was that.
pub(super) fn put(file: &Path, text: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    if file.as_os_str() == "-" {
        out.write_all(text.as_bytes())?;
        return Ok(true);
    }
    fs::write(file, text).map_err(|error| Failure::Write { file: file.to_owned(), error })?;
    Ok(false)
}
