//! Frames that `craft.py` makes: advertisements of a router that is none of ours.

use serde_json::{Value, json};

use crate::crafted;
pub use crate::crafted::with;

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

/// Makes frames of these.
pub fn frames(advertisements: &[Value]) -> Vec<Vec<u8>> {
    crafted::frames("python3", SCRIPT, advertisements)
}

/// Makes a frame of one.
pub fn frame(advertisement: Value) -> Vec<u8> {
    frames(&[advertisement]).remove(0)
}
