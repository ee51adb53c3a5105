//! firsthop: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use firsthop::cli::{self, Arguments, ucarp};

fn main() -> ExitCode {
    match ucarp::arguments(std::env::args_os()) {
        Some(arguments) => ucarp::obey(arguments),
        None => cli::run(Arguments::parse()),
    }
}
