//! Frames that `craft.py` makes: advertisements of a router that is none of ours.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// The script.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/carp/craft.py");

/// An advertisement of virtual host 1 with these addresses, this often, from a stranger; its counter is the stranger's own.
pub fn advertisement(addresses: &[&str], base: u8, skew: u8) -> Value {
    json!({
        "vhid": 1,
        "base": base,
        "skew": skew,
        "counter": 0x0123_4567_89ab_cdef_u64,
        "password": "secret",
        "addresses": addresses,
        "source": "10.0.10.77",
    })
}

/// The same with something else in it.
pub fn with(mut advertisement: Value, name: &str, value: impl Into<Value>) -> Value {
    advertisement[name] = value.into();
    advertisement
}

/// Makes frames of these.
pub fn frames(advertisements: &[Value]) -> Vec<Vec<u8>> {
    let lines: String = advertisements.iter().map(|one| format!("{one}\n")).collect();
    let python = Command::new("python3").arg(SCRIPT).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut python = python.unwrap();
    python.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let frames: Vec<Vec<u8>> = String::from_utf8(output.stdout).unwrap().lines().map(octets).collect();
    assert_eq!(frames.len(), advertisements.len());
    frames
}

/// Makes a frame of one.
pub fn frame(advertisement: Value) -> Vec<u8> {
    frames(&[advertisement]).remove(0)
}

fn octets(line: &str) -> Vec<u8> {
    let digits = |place: usize| u8::from_str_radix(&line[place..place + 2], 16).unwrap();
    (0..line.len()).step_by(2).map(digits).collect()
}
