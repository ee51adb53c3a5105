//! `firsthop show`: the groups.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::text::{self, Listing};
use super::{Failure, detail, joined};
use crate::control::client::{Client, ClientError, Heard};
use crate::control::protocol::{Answer, Ask};
use crate::control::shown::Group;
use crate::log::printable;

/// How long the daemon may take for each part of an answer; it gives up earlier itself.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Arguments of `firsthop show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Only the group of this name, or the groups on this interface or of this protocol
    #[arg(value_name = "NAME|INTERFACE|PROTOCOL")]
    pub name: Vec<String>,
    /// Print everything that is known: timers, counters, neighbours, alarms
    #[arg(short, long, conflicts_with = "json")]
    pub detail: bool,
    /// Print JSON: an array with one object for each group
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(args: &ShowArgs, socket: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let ask = Ask::Show { name: joined(&args.name) };
    let groups = collect(socket, &ask, |heard| match heard {
        Answer::Group(group) => Some(group),
        _ => None,
    })?;
    if args.json {
        return Ok(print_array(&groups, out)?);
    }
    let groups: Vec<Group> = read_all(&groups)?;
    if args.detail {
        return Ok(detail::print(&groups, out)?);
    }
    Ok(print(&groups, out)?)
}

/// Asks, and collects what is chosen of the answer.
pub(super) fn collect(
    socket: &Path,
    ask: &Ask,
    choose: impl Fn(Heard) -> Option<Box<RawValue>>,
) -> Result<Vec<Box<RawValue>>, ClientError> {
    let mut client = Client::connect(socket)?;
    client.ask(ask, Some(PATIENCE))?;
    let mut chosen = Vec::new();
    while let Some(heard) = client.hear()? {
        chosen.extend(choose(heard));
    }
    Ok(chosen)
}

/// Reads what the daemon wrote.
pub(super) fn read_all<T: DeserializeOwned>(raw: &[Box<RawValue>]) -> Result<Vec<T>, ClientError> {
    raw.iter().map(|one| read(one)).collect()
}

/// Reads what the daemon wrote.
pub(super) fn read<T: DeserializeOwned>(raw: &RawValue) -> Result<T, ClientError> {
    serde_json::from_str(raw.get()).map_err(|reason| ClientError::Garbled { reason })
}

/// Prints a JSON array, an element on each line, exactly as the daemon wrote them.
pub(super) fn print_array(elements: &[Box<RawValue>], out: &mut dyn Write) -> io::Result<()> {
    let lines: Vec<&str> = elements.iter().map(|element| element.get()).collect();
    match lines.is_empty() {
        true => writeln!(out, "[]"),
        false => writeln!(out, "[\n{}\n]", lines.join(",\n")),
    }
}

fn print(groups: &[Group], out: &mut dyn Write) -> io::Result<()> {
    if groups.is_empty() {
        return writeln!(out, "no groups");
    }
    // Groups that were given no name are called after the columns that follow.
    let named = groups.iter().any(Group::is_named);
    // Where a standby router is elected as well, it is shown, and who preempts.
    let standby = groups.iter().all(|group| ["hsrp", "glbp"].contains(&group.protocol.as_str()));
    // Where several routers forward, each forwarder has a line below its group's.
    let forwarders = groups.iter().any(|group| !group.forwarders.is_empty());
    let header = [
        (named, "NAME"),
        (true, "ON"),
        (true, "PROTOCOL"),
        (true, "ID"),
        (forwarders, "FWD"),
        (true, "STATE"),
        (true, "PRIO"),
        (standby, "P"),
        (true, "ACTIVE"),
        (standby, "STANDBY"),
        (true, "ADDRESSES"),
        (true, "VIRTUAL MAC"),
        (true, "SINCE"),
    ];
    let header: Vec<&str> = header.into_iter().filter_map(|(shown, word)| shown.then_some(word)).collect();
    let mut listing = Listing::new(&header, "WHY");
    for group in groups {
        let several = !group.forwarders.is_empty();
        let macs: Vec<String> =
            group.virtual_macs.iter().filter(|_| !several).map(ToString::to_string).collect();
        let cells = [
            (named, text::cell(if group.is_named() { &group.name } else { "-" })),
            (true, text::cell(&group.interface)),
            (true, text::cell(&text::protocol(group))),
            (true, text::cell(&group.id.to_string())),
            (forwarders, text::cell("-")),
            (true, text::state(group)),
            (true, text::cell(&text::priority(group))),
            (standby, text::cell(if text::preempts(group) { "P" } else { "" })),
            (true, text::cell(&text::active(group))),
            (standby, text::cell(&text::standby(group))),
            (true, text::cell(&group.addresses.join(" "))),
            (true, text::cell(&if macs.is_empty() { "-".to_owned() } else { macs.join(" ") })),
            (true, text::cell(&text::span(group.since_s))),
        ];
        listing.add(cells.into_iter().filter_map(|(shown, cell)| shown.then_some(cell)), &group.reason);
        for forwarder in &group.forwarders {
            let cells = [
                (named, text::cell("")),
                (true, text::cell(&group.interface)),
                (true, text::cell(&text::protocol(group))),
                (true, text::cell(&group.id.to_string())),
                (true, text::cell(&forwarder.number.to_string())),
                (true, text::cell(&forwarder.state)),
                (true, text::cell("-")),
                (standby, text::cell("")),
                (true, text::cell(&text::forwards(forwarder))),
                (standby, text::cell("-")),
                (true, text::cell("-")),
                (true, text::cell(&forwarder.mac.to_string())),
                (true, text::cell(&text::span(forwarder.since_ms_ago / 1_000.0))),
            ];
            listing.add(cells.into_iter().filter_map(|(shown, cell)| shown.then_some(cell)), "");
        }
    }
    listing.print(out)?;
    for group in groups {
        for alarm in group.alarms.iter().chain(&group.fault) {
            writeln!(out, "! {}: {}", printable(&group.name), printable(alarm))?;
        }
    }
    Ok(())
}
