//! Frames that `craft.py` makes.

use std::process::Command;

use serde_json::{Value, json};

use crate::common::skip;
use crate::crafted;
pub use crate::crafted::lines;

/// The script.
pub const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hsrp/craft.py");

/// A Python that has Scapy, if there is one; otherwise it is said what is skipped.
pub fn python(test: &str) -> Option<&'static str> {
    let has_scapy = |python: &&str| {
        let import = Command::new(python).args(["-c", "import scapy.layers.hsrp"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(has_scapy);
    if found.is_none() {
        skip(&format!("{test}: python3-scapy is not installed"));
    }
    found
}

/// A version of HSRP on a family of addresses, with the routers and addresses that the tests have there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    V1,
    V2,
    V2Ipv6,
}

impl Kind {
    pub fn version(self) -> u8 {
        if self == Kind::V1 { 1 } else { 2 }
    }

    /// The address with this last number.
    pub fn address(self, last: u8) -> String {
        if self == Kind::V2Ipv6 { format!("fe80::{last:x}") } else { format!("10.0.10.{last}") }
    }

    /// The virtual address of group 10.
    pub fn virtual_address(self) -> &'static str {
        if self == Kind::V2Ipv6 { "fe80::5:73ff:fea0:a" } else { "10.0.10.1" }
    }

    pub fn virtual_mac(self) -> &'static str {
        match self {
            Kind::V1 => "00:00:0c:07:ac:0a",
            Kind::V2 => "00:00:0c:9f:f0:0a",
            Kind::V2Ipv6 => "00:05:73:a0:00:0a",
        }
    }
}

/// A message of group 10 from the router with this last number, to be made.
pub fn message(kind: Kind, operation: &str, state: &str, last: u8, priority: u8) -> Value {
    json!({
        "version": kind.version(),
        "operation": operation,
        "state": state,
        "group": 10,
        "priority": priority,
        "hello": 3,
        "hold": 10,
        "source": kind.address(last),
        "mac": format!("02:00:00:00:00:{last:02x}"),
        "virtual": kind.virtual_mac(),
        "address": kind.virtual_address(),
    })
}

/// The same message, proven by a text or a key.
pub fn proven(message: Value, by: &str, with: &str) -> Value {
    crafted::with(message, by, with)
}

/// Makes frames of these messages.
pub fn frames(python: &str, messages: &[Value]) -> Vec<Vec<u8>> {
    crafted::frames(python, SCRIPT, messages)
}
