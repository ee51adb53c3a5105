//! `firsthop check`: what is wrong with a configuration file, or what it means.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::Exit;
use crate::config::{self, explain, schema};

mod machine;

/// Arguments of `firsthop check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The configuration file
    #[arg(short, long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
    /// The same, for those who leave `--config` out
    #[arg(value_name = "FILE", conflicts_with = "config")]
    pub file: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Print the JSON Schema of the file, for editors, and check nothing
    #[arg(long, conflicts_with_all = ["config", "file", "json"])]
    pub schema: bool,
}

/// Reads the file as `run` would, and prints what is wrong (to standard error) or what it means.
pub fn run(args: &CheckArgs) -> Exit {
    let printed = match args.schema {
        true => io::stdout().write_all(schema::text().as_bytes()).map(|()| Exit::Done),
        false => check(args.file.as_ref().unwrap_or(&args.config), args.json),
    };
    match printed {
        Ok(exit) => exit,
        // Whoever was reading has read enough: `firsthop check | head`.
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(fault) => {
            eprintln!("cannot print: {fault}");
            Exit::Failed
        }
    }
}

fn check(path: &Path, as_json: bool) -> io::Result<Exit> {
    let mut out = io::stdout().lock();
    match config::load(path) {
        Err(faults) => {
            match as_json {
                true => writeln!(out, "{:#}", json!({ "good": false, "faults": faults.faults }))?,
                false if faults.unreadable => {
                    faults.faults.iter().try_for_each(|fault| writeln!(io::stderr(), "{fault}"))?;
                }
                false => writeln!(io::stderr(), "{faults}")?,
            }
            Ok(if faults.unreadable { Exit::Failed } else { Exit::Misconfigured })
        }
        Ok(plan) => {
            let meaning = explain::explain(&plan);
            let here = machine::remarks(&plan);
            match as_json {
                true => {
                    let report = json!({
                        "good": true,
                        "groups": meaning.groups,
                        "warnings": meaning.warnings,
                        "machine": here,
                    });
                    writeln!(out, "{report:#}")?;
                }
                false => {
                    write!(out, "{meaning}")?;
                    if !here.is_empty() {
                        writeln!(out, "\non this machine:")?;
                        here.iter().try_for_each(|remark| writeln!(out, "  {remark}"))?;
                    }
                }
            }
            Ok(Exit::Done)
        }
    }
}
