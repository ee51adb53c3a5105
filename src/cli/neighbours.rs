//! `firsthop neighbours`: everybody heard for the groups, obeyed or not.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use serde_json::json;

use super::show::{collect, read_all};
use super::text::{self, Listing};
use super::{Failure, joined};
use crate::control::protocol::{Answer, Ask};
use crate::control::shown::{Group, Neighbour};

/// Arguments of `firsthop neighbours`.
#[derive(Debug, Args)]
pub struct NeighboursArgs {
    /// Only those heard for the group of this name, or for the groups on this interface or of this protocol
    #[arg(value_name = "NAME|INTERFACE|PROTOCOL")]
    pub name: Vec<String>,
    /// Print JSON: an array with one object for each neighbour of each group
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(args: &NeighboursArgs, socket: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let ask = Ask::Show { name: joined(&args.name) };
    let raw = collect(socket, &ask, |heard| match heard {
        Answer::Group(group) => Some(group),
        _ => None,
    })?;
    if args.json {
        let groups: Vec<serde_json::Value> = read_all(&raw)?;
        return Ok(print_json(&groups, out)?);
    }
    let groups: Vec<Group> = read_all(&raw)?;
    Ok(print(&groups, out)?)
}

/// The neighbours as the daemon wrote them, each with the group it was heard for.
fn print_json(groups: &[serde_json::Value], out: &mut dyn Write) -> io::Result<()> {
    let mut lines = Vec::new();
    for group in groups {
        for neighbour in group["neighbours"].as_array().into_iter().flatten() {
            let mut line = neighbour.clone();
            for (key, name) in [("group", "name"), ("interface", "interface"), ("protocol", "protocol")] {
                line[key] = group[name].clone();
            }
            line["id"] = group["id"].clone();
            lines.push(line);
        }
    }
    writeln!(out, "{:#}", json!(lines))
}

fn print(groups: &[Group], out: &mut dyn Write) -> io::Result<()> {
    let mut listing =
        Listing::new(&["GROUP", "ON", "NEIGHBOUR", "MAC", "PRIO", "HEARD", "OBEYED", "REFUSED"], "REMARKS");
    let heard = groups.iter().flat_map(|group| group.neighbours.iter().map(move |heard| (group, heard)));
    for (group, heard) in heard {
        let cells = [
            text::cell(&group.name),
            text::cell(&group.interface),
            text::cell(&heard.address.to_string()),
            text::cell(&heard.mac.to_string()),
            text::cell(&heard.priority.map_or_else(|| "-".into(), |priority| priority.to_string())),
            text::cell(&format!("{} ago", text::span(heard.heard_ms_ago / 1_000.0))),
            text::cell(&heard.accepted.to_string()),
            text::cell(&heard.rejected.to_string()),
        ];
        listing.add(cells, &remarks(heard));
    }
    match listing.is_empty() {
        true => writeln!(out, "nobody heard"),
        false => listing.print(out),
    }
}

fn remarks(heard: &Neighbour) -> String {
    let refused = heard.refused.iter().map(|why| format!("refused: {why}"));
    refused.chain(heard.differs.iter().cloned()).collect::<Vec<_>>().join("; ")
}
