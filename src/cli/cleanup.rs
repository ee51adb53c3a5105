//! `firsthop cleanup`: remove what a daemon that crashed left behind.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::Failure;
use crate::addr::cleanup;
use crate::control::socket;

/// What belongs to a running daemon is left alone, so this is safe at any time.
pub(super) fn run(path: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let mut cleaned = cleanup::run(&[]).map_err(Failure::Cleanup)?;
    if remove_dead_socket(path).map_err(Failure::Cleanup)? {
        cleaned.removed.push(format!("control socket {}", path.display()));
    }
    for what in &cleaned.removed {
        writeln!(out, "removed {what}")?;
    }
    for what in &cleaned.left {
        writeln!(out, "left alone: {what}")?;
    }
    if cleaned.removed.is_empty() && cleaned.left.is_empty() {
        writeln!(out, "nothing was left behind")?;
    }
    Ok(())
}

fn remove_dead_socket(path: &Path) -> io::Result<bool> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket());
    if !is_socket || socket::in_use(path) {
        return Ok(false);
    }
    fs::remove_file(path).map(|()| true)
}
