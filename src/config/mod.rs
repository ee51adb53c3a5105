//! The configuration file, from its octets to a plan that cannot be wrong.
//!
//! ```text
//!  text ── reader ──► raw::File ── vrrp, plan ──► Plan ── explain ──► what it means
//!            │                         │
//!            └──────── faults ─────────┘    all of them at once, each with its place and what to write instead
//! ```
//!
//! | module | what lives there |
//! |---|---|
//! | [`raw`] | the file as it is written; the JSON Schema comes out of the same types ([`schema`]) |
//! | [`plan`] | what the daemon runs: typed, complete, valid |
//! | `vrrp`, `carp`, `hsrp`, `glbp` | from a protocol's raw table to its own `Config` |
//! | `shared`, `members`, `chain`, `hook` | what tables of several protocols have in common |
//! | [`fault`] | what is wrong, shown as compilers do it |
//! | [`value`] | spans of time, addresses, secrets |
//! | [`explain`] | what a plan means: virtual MACs, timers, expected fail-over |
//!
//! Nothing here does I/O but [`load`], which reads the file, and the reading of key files it names.

use std::path::Path;

mod carp;
mod chain;
mod claims;
pub mod explain;
pub mod fault;
mod foreign;
mod glbp;
mod hook;
mod hsrp;
mod members;
pub mod plan;
pub mod raw;
pub mod reader;
pub mod schema;
mod shared;
mod syntax;
pub mod value;
mod vrrp;

pub use fault::{Fault, Faults, Severity, Warning};
pub use plan::{Daemon, GroupPlan, Plan, ProtocolPlan};

/// Where the configuration is, unless the command line says otherwise.
pub const DEFAULT_PATH: &str = "/etc/firsthop/firsthop.toml";

/// Reads a configuration file.
///
/// # Errors
///
/// Everything that is wrong with it, warnings included. [`Faults::unreadable`] tells a file that could not be
/// read from one that says something wrong.
pub fn load(path: &Path) -> Result<Plan, Faults> {
    let name = path.display().to_string();
    let unreadable = |cause: String| Faults {
        faults: vec![Fault {
            severity: Severity::Error,
            message: format!("cannot read {name}: {cause}"),
            file: name.clone(),
            place: None,
            related: None,
        }],
        unreadable: true,
    };
    let octets = std::fs::read(path).map_err(|fault| unreadable(fault.to_string()))?;
    let text = String::from_utf8(octets).map_err(|fault| unreadable(format!("it is not text: {fault}")))?;
    parse(&name, &text)
}

/// Reads a configuration from `text`; `name` is what faults call its file, and relative paths of key files
/// start from its directory.
///
/// # Errors
///
/// Everything that is wrong with it, warnings included.
pub fn parse(name: &str, text: &str) -> Result<Plan, Faults> {
    let mut reader = reader::Reader {
        directory: Path::new(name).parent().map(Path::to_owned).unwrap_or_default(),
        ..reader::Reader::default()
    };
    let broken = syntax::read(text, &mut reader);
    let plan = plan::plan(&broken.file, &mut reader);
    let source = fault::Source::new(name, text, &reader.secrets);
    let mut findings = broken.keep_trustworthy(&source, reader.findings);
    findings.sort_by_key(|finding| (finding.span.start, finding.span.end, finding.severity));
    let faults: Vec<Fault> = findings.into_iter().map(|finding| source.fault(finding)).collect();
    match faults.iter().any(|fault| fault.severity == Severity::Error) {
        true => Err(Faults { faults, unreadable: false }),
        false => Ok(Plan { warnings: faults, ..plan }),
    }
}
