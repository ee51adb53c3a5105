//! `firsthop decode` as people and scripts meet it.
#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

use std::process::{Command, Output};

use serde_json::Value;

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "each room of tests uses its own part of this")]
mod common;

mod commandline;
mod forge;
mod judged;
mod links;
mod tshark;

use common::{is_there, skip};

fn decode(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_firsthop")).arg("decode").args(arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The objects that `--json` prints, with these arguments besides.
fn json_of(arguments: &[&str]) -> Vec<Value> {
    let output = decode(&[&["--json"], arguments].concat());
    assert!(output.status.success(), "{}", err(&output));
    out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
