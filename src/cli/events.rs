//! `firsthop events`: what happened, and what happens.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::show::{PATIENCE, read};
use super::{Failure, text};
use crate::control::client::Client;
use crate::control::protocol::{Answer, Ask};
use crate::control::shown::Event;
use crate::log::printable;

/// Arguments of `firsthop events`.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Go on with what happens from now on
    #[arg(short, long)]
    pub follow: bool,
    /// At most so many of those that have happened already [default: all that the daemon keeps]
    #[arg(short = 'n', long, value_name = "NUMBER")]
    pub last: Option<usize>,
    /// Print JSON: an object on each line
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(args: &EventsArgs, socket: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let mut client = Client::connect(socket)?;
    let patience = if args.follow { None } else { Some(PATIENCE) };
    client.ask(&Ask::Events { follow: args.follow, last: args.last }, patience)?;
    while let Some(heard) = client.hear()? {
        match heard {
            Answer::Event(event) if args.json => writeln!(out, "{}", event.get())?,
            Answer::Missed(count) if args.json => writeln!(out, "{{\"missed\":{count}}}")?,
            Answer::Event(event) => {
                let event: Event = read(&event)?;
                writeln!(out, "{} {}", text::stamp(event.time), printable(&event.line))?;
            }
            Answer::Missed(count) => writeln!(out, "… {count} events are missing here")?,
            _ => {}
        }
        out.flush()?;
    }
    Ok(())
}
