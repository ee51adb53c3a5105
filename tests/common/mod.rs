//! What tests of several rooms share: saying by name what could not be tested here.

use std::io::Write;
use std::process::Command;

/// Says by name what could not be tested, also to `tests/run`, which counts.
pub fn skip(what: &str) {
    eprintln!("skipped: {what}");
    let Some(list) = std::env::var_os("FIRSTHOP_SKIPPED") else { return };
    let list = std::fs::OpenOptions::new().append(true).create(true).open(list);
    // One write, so that lines of tests that run at the same time stay whole.
    list.and_then(|mut list| list.write_all(format!("{what}\n").as_bytes())).unwrap_or_else(|error| {
        panic!("FIRSTHOP_SKIPPED names a file that cannot be written: {error}");
    });
}

/// Whether the lab and these programs are there; says what is missing.
pub fn possible(test: &str, programs: &[&str]) -> bool {
    if !rustix::process::geteuid().is_root() {
        skip(&format!("{test}: needs root for network namespaces"));
        return false;
    }
    let missing = programs.iter().find(|program| !is_there(program));
    if let Some(missing) = missing {
        skip(&format!("{test}: {missing} is not installed"));
    }
    missing.is_none()
}

/// Whether a program is installed.
pub fn is_there(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", "command -v \"$1\"", "sh", program]).output();
    found.is_ok_and(|found| found.status.success())
}
