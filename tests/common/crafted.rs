//! Frames that a script makes: a JSON object a line goes in, a line of hexadecimal digits comes out for each.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The same wish with something else in it.
pub fn with(mut wish: Value, name: &str, value: impl Into<Value>) -> Value {
    wish[name] = value.into();
    wish
}

/// One line each.
pub fn lines(wishes: &[Value]) -> String {
    wishes.iter().map(|wish| format!("{wish}\n")).collect()
}

/// Has a script make frames of these.
pub fn frames(python: &str, script: &str, wishes: &[Value]) -> Vec<Vec<u8>> {
    let child = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    child.stdin.take().unwrap().write_all(lines(wishes).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let frames: Vec<Vec<u8>> = String::from_utf8(output.stdout).unwrap().lines().map(octets).collect();
    assert_eq!(frames.len(), wishes.len());
    frames
}

fn octets(line: &str) -> Vec<u8> {
    let digits = |place: usize| u8::from_str_radix(&line[place..place + 2], 16).unwrap();
    (0..line.len()).step_by(2).map(digits).collect()
}
