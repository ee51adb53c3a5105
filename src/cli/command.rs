//! `firsthop hand-over`, `take-over`, `demote`, `announce` and `ready`: what an operator may wish of groups.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::show::PATIENCE;
use super::{Failure, joined};
use crate::control::client::Client;
use crate::control::protocol::{Answer, Ask, Order};

/// Arguments of commands for groups.
#[derive(Debug, Args)]
pub struct CommandArgs {
    /// The group; all groups if left out
    #[arg(value_name = "NAME")]
    pub name: Vec<String>,
}

/// Arguments of `firsthop demote`.
#[derive(Debug, Args)]
pub struct DemoteArgs {
    /// By how much: so much less priority, or, for CARP, so much more demotion; 0 takes it back
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub by: u16,
    /// Which groups.
    #[command(flatten)]
    pub groups: CommandArgs,
}

pub(super) fn run(
    order: Order,
    args: CommandArgs,
    socket: &Path,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut client = Client::connect(socket)?;
    client.ask(&Ask::Command { command: order, name: joined(&args.name) }, Some(PATIENCE))?;
    let wish = match order {
        Order::HandOver => "hand over",
        Order::Announce => "announce the addresses",
        Order::TakeOver => "take the role",
        Order::Demote(0) => "be what it was",
        Order::Demote(_) => "let others be preferred",
        Order::Ready => "wait no longer for what had to be in step",
    };
    while let Some(heard) = client.hear()? {
        if let Answer::Told(told) = heard {
            writeln!(out, "{} told to {wish}", crate::log::count(told, "group"))?;
        }
    }
    Ok(())
}
