//! firsthop: arguments in, exit code out.

use clap::Parser;
use firsthop::cli::{self, Arguments, Exit};

fn main() -> Exit {
    cli::run(Arguments::parse())
}
