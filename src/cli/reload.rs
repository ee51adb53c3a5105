//! `firsthop reload`: have the daemon read its configuration again.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::Failure;
use super::show::read;
use crate::control::client::Client;
use crate::control::protocol::{Answer, Ask};
use crate::control::shown::Reloaded;
use crate::log::printable;

/// How long a reload may take; the daemon gives up earlier itself.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(socket: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let mut client = Client::connect(socket)?;
    client.ask(&Ask::Reload {}, Some(PATIENCE))?;
    while let Some(heard) = client.hear()? {
        if let Answer::Reloaded(done) = heard {
            let done: Reloaded = read(&done)?;
            for (what, names) in
                [("added", &done.added), ("removed", &done.removed), ("changed", &done.changed)]
            {
                if !names.is_empty() {
                    writeln!(out, "{what}: {}", printable(&names.join(", ")))?;
                }
            }
            writeln!(out, "{} did not notice", crate::log::count(done.unchanged, "group"))?;
        }
    }
    Ok(())
}
