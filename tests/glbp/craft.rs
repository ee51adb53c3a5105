//! Frames that `craft.py` makes, messages of a router that is none of ours, and what ours says, read octet by octet.

use fhrp::Mac;
use serde_json::{Value, json};

use crate::crafted;
pub use crate::crafted::with;
use crate::stage::Stage;

/// The script.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/glbp/craft.py");

/// The stranger, and one more.
pub const OWNER: &str = "02:00:00:00:00:77";
pub const OTHER: &str = "02:00:00:00:00:78";

/// Makes frames of these.
pub fn frames(wishes: &[Value]) -> Vec<Vec<u8>> {
    crafted::frames("python3", SCRIPT, wishes)
}

/// Makes a frame of one.
pub fn frame(wish: Value) -> Vec<u8> {
    frames(&[wish]).remove(0)
}

/// A hello of the stranger that says nothing yet.
pub fn nothing() -> Value {
    json!({ "kind": "hello", "owner": OWNER, "source": "10.0.10.77" })
}

/// A hello of the stranger's gateway. It is believed for a minute.
pub fn hello(state: &str, priority: u8) -> Value {
    with(nothing(), "gateway", json!({ "state": state, "priority": priority }))
}

/// The same with something else in what it says of the gateway.
pub fn saying(mut hello: Value, name: &str, value: impl Into<Value>) -> Value {
    hello["gateway"][name] = value.into();
    hello
}

/// The same with a forwarder that its sender is in this state for.
pub fn forwarding(mut message: Value, number: u8, state: &str, priority: u8) -> Value {
    let forwarder = json!({
        "number": number,
        "state": state,
        "priority": priority,
        "weighting": 100,
        "lifetime": 14400,
        "redirection": 600,
    });
    match message["forwarders"].as_array_mut() {
        Some(forwarders) => forwarders.push(forwarder),
        None => message["forwarders"] = json!([forwarder]),
    }
    message
}

/// A message to one router instead of all of them.
pub fn to(message: Value, address: &str, mac: &str) -> Value {
    with(with(message, "destination", address), "to", mac)
}

/// The same from the other stranger.
pub fn from_other(message: Value) -> Value {
    with(with(message, "owner", OTHER), "source", "10.0.10.78")
}

/// A message that a router sent.
#[derive(Debug, Clone)]
pub struct Said {
    pub from: Mac,
    pub to: Mac,
    pub octets: Vec<u8>,
}

/// Everything that a router has said since a moment.
pub fn said(stage: &Stage, router: &str, since: u64) -> Vec<Said> {
    let frames = stage.frames(since).into_iter().filter(|frame| frame.from == router);
    let messages = frames.filter_map(|frame| {
        let udp = match frame.octets.get(12..14)? {
            [0x08, 0x00] => frame.octets.get(34..).filter(|_| frame.octets[23] == 17)?,
            [0x86, 0xdd] => frame.octets.get(54..).filter(|_| frame.octets[20] == 17)?,
            _ => return None,
        };
        let octets = udp.get(8..).filter(|_| udp[2..4] == 3222_u16.to_be_bytes())?;
        Some(Said { from: frame.source(), to: frame.destination(), octets: octets.to_vec() })
    });
    messages.collect()
}

impl Said {
    /// 0 hello, 1 request, 2 response.
    pub fn kind(&self) -> u8 {
        self.octets[1]
    }

    /// The values of the TLVs of a type.
    pub fn tlvs(&self, wanted: u8) -> Vec<&[u8]> {
        let mut found = Vec::new();
        let mut rest = &self.octets[12..];
        while let [kind, length, ..] = *rest {
            let (tlv, behind) = rest.split_at(length.into());
            if kind == wanted {
                found.push(&tlv[2..]);
            }
            rest = behind;
        }
        found
    }

    /// The number that it wants to be told again.
    pub fn nonce(&self) -> Option<String> {
        self.tlvs(4).first().map(|value| digits(&value[2..6]))
    }

    /// The numbers that it repeats, each behind the one whose it is.
    pub fn repeats(&self) -> Vec<(Mac, String)> {
        let challenge = self.tlvs(4).first().map_or(&[][..], |value| &value[6..]);
        challenge.chunks(12).map(|peer| (Mac(peer[..6].try_into().unwrap()), digits(&peer[6..10]))).collect()
    }
}

fn digits(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A hello that a router of Cisco's sent, proven by a numbered key: the script makes the same octets.
#[test]
fn the_script_makes_what_a_router_of_ciscos_sent() {
    let wish = json!({
        "kind": "hello",
        "group": 1,
        "owner": "aa:bb:cc:00:14:00",
        "source": "10.1.2.3",
        "key": "password12345",
        "key_id": 1,
        "challenge": {
            "generation": 0x38, "nonce": "7d68c7ee", "peers": { "aa:bb:cc:00:0a:00": "f1c8bea4" },
        },
        "gateway": { "state": "active", "priority": 100, "hello": 3000, "hold": 10000, "address": "10.1.2.1" },
        "forwarders": [
            { "number": 1, "state": "active", "priority": 135, "weighting": 100, "lifetime": 14352,
              "redirection": 552, "padding": 0x01, "tail": "0087" },
            { "number": 2, "state": "active", "priority": 167, "weighting": 100, "lifetime": 14400,
              "redirection": 600, "padding": 0x02 },
        ],
    });
    let sent = "010000010000aabbcc00140003180314000000\
                0124ab4d6e3b6ef28dd357aabde7a967fe041401387d68c7eeaabbcc000a00f1c8bea40bb8\
                011c00200064000000000bb80000271002583840000001040a010201\
                02140120008764013810022800870007b4000101\
                0214022000a764023840025\
                85f360007b4000102";
    assert_eq!(digits(&frame(wish)[42..]), sent);
}
