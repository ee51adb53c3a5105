//! `firsthop links`: what was seen on the interfaces.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;

use super::Failure;
use super::show::{collect, print_array, read_all};
use super::text::{self, Listing};
use crate::control::protocol::{Answer, Ask};
use crate::control::shown::Link;

/// Arguments of `firsthop links`.
#[derive(Debug, Args)]
pub struct LinksArgs {
    /// Print JSON: an array with one object for each interface
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(args: &LinksArgs, socket: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let raw = collect(socket, &Ask::Links {}, |heard| match heard {
        Answer::Link(link) => Some(link),
        _ => None,
    })?;
    if args.json {
        return Ok(print_array(&raw, out)?);
    }
    let links: Vec<Link> = read_all(&raw)?;
    Ok(print(&links, out)?)
}

fn print(links: &[Link], out: &mut dyn Write) -> io::Result<()> {
    if links.is_empty() {
        return writeln!(out, "no interfaces in use");
    }
    let mut listing = Listing::new(&["INTERFACE", "INDEX", "STATE"], "SEEN");
    for link in links {
        let counted = link.counters.iter().filter(|counter| counter.count > 0);
        let seen = counted.map(|counter| format!("{} {}", counter.name, counter.count));
        let cells = [
            text::cell(&link.interface),
            text::cell(&link.index.to_string()),
            text::cell(match (link.index, link.up) {
                (0, _) => "missing",
                (_, true) => "up",
                (_, false) => "down",
            }),
        ];
        listing.add(cells, &seen.collect::<Vec<_>>().join(", "));
    }
    listing.print(out)?;
    let mut strangers = Listing::new(&["ON", "PROTOCOL", "ID", "FROM", "MAC", "FRAMES"], "");
    for (link, stranger) in links.iter().flat_map(|link| link.strangers.iter().map(move |who| (link, who))) {
        let cells = [
            text::cell(&link.interface),
            text::cell(&stranger.protocol.to_uppercase()),
            text::cell(&stranger.id.to_string()),
            text::cell(&stranger.address.to_string()),
            text::cell(&stranger.mac.to_string()),
            text::cell(&stranger.frames.to_string()),
        ];
        strangers.add(cells, "");
    }
    if strangers.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nheard for groups that are not configured here:")?;
    strangers.print(out)
}
