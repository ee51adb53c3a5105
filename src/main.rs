//! firsthop: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use firsthop::cli::{self, Arguments};

fn main() -> ExitCode {
    cli::run(Arguments::parse())
}
