//! Every event that a message can be, in every state: RFC 2281 §5.7, and what Cisco's routers do beyond it. The frames are
//! Scapy's; ours is in the state, hears one of them, and must do what the table says.

use std::collections::HashMap;

use fhrp::keys::KeyChain;
use fhrp::{Datagram, Family, Input, InterfaceAddress, Link, Mac, Secret};
use firsthop::net::frame;
use hsrp::auth::Authentication;
use hsrp::config::Preempt;
use hsrp::wire::{self, Message, Version};
use hsrp::{Config, StandbyGroup};
use serde_json::Value;
use stage::{Language, Stage, arriving, millis};

use crate::craft::{Kind, frames, message, proven, python};

/// Ours is 10.0.10.5, or fe80::5, with priority 100.
const OURS: u8 = 5;
const LOWER: (u8, u8) = (2, 50);
const HIGHER: (u8, u8) = (9, 200);
const KEY: &str = "a key of sixteen";

/// What happens in each state: in `Learn`, `Listen`, `Speak`, `Standby`, `Active` the state afterwards and what is sent.
struct Row {
    event: &'static str,
    message: (&'static str, &'static str, (u8, u8)),
    preempt: bool,
    becomes: [(&'static str, &'static str); 5],
}

const STATES: [&str; 5] = ["Learn", "Listen", "Speak", "Standby", "Active"];

const ROWS: [Row; 13] = [
    Row {
        event: "f: a higher speaker",
        message: ("hello", "speak", HIGHER),
        preempt: false,
        becomes: [("Learn", ""), ("Listen", ""), ("Listen", ""), ("Listen", ""), ("Active", "")],
    },
    Row {
        event: "a lower speaker",
        message: ("hello", "speak", LOWER),
        preempt: false,
        becomes: [("Learn", ""), ("Listen", ""), ("Speak", ""), ("Standby", ""), ("Active", "")],
    },
    Row {
        event: "g: a higher active router",
        message: ("hello", "active", HIGHER),
        preempt: false,
        becomes: [
            ("Listen", "interface passive"),
            ("Listen", ""),
            ("Speak", ""),
            ("Standby", ""),
            ("Speak", "interface passive, resign speak, hello speak"),
        ],
    },
    Row {
        event: "h: a lower active router",
        message: ("hello", "active", LOWER),
        preempt: false,
        becomes: [
            // It greets a new active router.
            ("Listen", "interface passive"),
            ("Listen", "interface passive"),
            ("Speak", "interface passive"),
            ("Standby", "interface passive"),
            ("Active", "coup active, hello active"),
        ],
    },
    Row {
        event: "h: a lower active router, preempted",
        message: ("hello", "active", LOWER),
        preempt: true,
        becomes: [
            ("Listen", "interface passive"),
            ("Active", "interface active, coup listen, hello active"),
            ("Active", "interface active, coup speak, hello active"),
            ("Active", "interface active, coup standby, hello active"),
            ("Active", "coup active, hello active"),
        ],
    },
    Row {
        event: "i: the active router resigns",
        message: ("resign", "speak", HIGHER),
        preempt: false,
        becomes: [
            ("Learn", ""),
            ("Speak", "hello speak"),
            ("Speak", ""),
            ("Active", "interface active, hello active"),
            ("Active", ""),
        ],
    },
    Row {
        event: "i: somebody else resigns",
        message: ("resign", "initial", LOWER),
        preempt: false,
        becomes: [
            ("Learn", ""),
            ("Listen", ""),
            ("Speak", ""),
            ("Standby", ""),
            ("Active", "coup active, hello active"),
        ],
    },
    Row {
        event: "j: a higher router's coup",
        message: ("coup", "listen", HIGHER),
        preempt: false,
        becomes: [
            ("Learn", ""),
            ("Listen", ""),
            ("Speak", ""),
            ("Standby", ""),
            ("Speak", "interface passive, hello speak"),
        ],
    },
    Row {
        event: "a lower router's coup",
        message: ("coup", "active", LOWER),
        preempt: false,
        becomes: [("Learn", ""), ("Listen", ""), ("Speak", ""), ("Standby", ""), ("Active", "")],
    },
    Row {
        event: "k: a higher standby router",
        message: ("hello", "standby", HIGHER),
        preempt: false,
        becomes: [("Learn", ""), ("Listen", ""), ("Listen", ""), ("Listen", ""), ("Active", "")],
    },
    Row {
        event: "l: a lower standby router",
        message: ("hello", "standby", LOWER),
        preempt: false,
        becomes: [
            ("Learn", ""),
            ("Speak", "hello speak"),
            ("Standby", "hello standby"),
            ("Standby", ""),
            ("Active", ""),
        ],
    },
    Row {
        event: "a hello in Listen",
        message: ("hello", "listen", HIGHER),
        preempt: false,
        becomes: [("Learn", ""), ("Listen", ""), ("Speak", ""), ("Standby", ""), ("Active", "")],
    },
    Row {
        event: "a hello in Initial",
        message: ("hello", "initial", HIGHER),
        preempt: false,
        becomes: [("Learn", ""), ("Listen", ""), ("Speak", ""), ("Standby", ""), ("Active", "")],
    },
];

/// Proofs that all members agree on.
const PROOFS: [(&str, &str); 2] = [("text", "cisco"), ("key", KEY)];
/// Proofs that a member with the first or the second of those does not believe.
const WRONG: [[(&str, &str); 2]; 2] =
    [[("text", "crisco"), ("key", KEY)], [("key", "another key"), ("text", "cisco")]];

fn config(kind: Kind, proof: usize, preempt: bool, learns: bool) -> Config {
    let family = if kind == Kind::V2Ipv6 { Family::Ipv6 } else { Family::Ipv4 };
    let version = if kind == Kind::V1 { Version::V1 } else { Version::V2 };
    let prefix = if family == Family::Ipv6 { 64 } else { 24 };
    let address = InterfaceAddress { ip: kind.virtual_address().parse().unwrap(), prefix };
    let addresses = if learns { Vec::new() } else { vec![address] };
    let authentication = match PROOFS[proof] {
        ("text", _) => Authentication::default(),
        (_, key) => Authentication::Md5(KeyChain::single(0, Secret::new(key))),
    };
    let preempt = Preempt { on: preempt, ..Preempt::OFF };
    Config { jitter: false, preempt, authentication, ..Config::new(version, 10, family, addresses) }
}

/// What a datagram says.
fn spell(datagram: &Datagram) -> String {
    match wire::parse(&arriving(datagram)).unwrap().message {
        Message::Group(message) => {
            format!("{} {}", message.operation.word(), message.state.word().unwrap())
        }
        Message::Interface(message) => format!("interface {}", message.role.word().unwrap()),
    }
}

/// Our router in a state, beside an active one of higher priority unless it is active itself.
struct Ours<'a> {
    stage: Stage<StandbyGroup>,
    frames: &'a Frames,
    kind: Kind,
    proof: (&'static str, &'static str),
}

impl<'a> Ours<'a> {
    fn reaching(state: &str, kind: Kind, proof: usize, preempt: bool, frames: &'a Frames) -> Self {
        let group = StandbyGroup::new(config(kind, proof, preempt, state == "Learn"));
        let language = Language { datagram: spell, will: |_| "will".to_owned() };
        let mut stage = Stage::new(group, language);
        let prefix = if kind == Kind::V2Ipv6 { 64 } else { 24 };
        let own = format!("{}/{prefix}", kind.address(OURS)).parse().unwrap();
        let link = Link {
            index: 2,
            name: "lan".to_owned(),
            mac: Mac([2, 0, 0, 0, 0, OURS]),
            up: true,
            mtu: 1500,
            addresses: vec![own],
        };
        stage.tell(Input::Link(&link));
        stage.tell(Input::Start);
        let mut ours = Ours { stage, frames, kind, proof: PROOFS[proof] };
        let beside = state != "Active" && state != "Learn";
        while ours.stage.state() != state {
            if beside {
                ours.hears(("hello", "active", HIGHER), PROOFS[proof]);
            }
            ours.stage.next_tick();
        }
        if beside {
            ours.hears(("hello", "active", HIGHER), PROOFS[proof]);
        }
        // What was put off is said, and nothing else is due yet.
        ours.stage.pass(millis(1_400));
        ours.stage.tick();
        ours.stage.pass(millis(1_400));
        ours
    }

    /// A frame and the end of its turn; gives what is sent.
    fn hears(&mut self, (operation, state, from): Said, proof: (&str, &str)) -> String {
        let octets = &self.frames[&wish(self.kind, (operation, state, from), proof).to_string()];
        let received = frame::parse(octets, self.stage.now).unwrap();
        self.stage.tell(Input::Packet(&received));
        let mut sent: Vec<String> = self.stage.sent().into_iter().map(spell).collect();
        self.stage.tick();
        sent.extend(self.stage.sent().into_iter().map(spell));
        sent.join(", ")
    }
}

type Said = (&'static str, &'static str, (u8, u8));
type Frames = HashMap<String, Vec<u8>>;

fn wish(kind: Kind, (operation, state, (last, priority)): Said, (by, with): (&str, &str)) -> Value {
    proven(message(kind, operation, state, last, priority), by, with)
}

/// Every frame that the tests need, made at once.
fn made(python: &str) -> Frames {
    let mut wishes = Vec::new();
    for kind in [Kind::V1, Kind::V2, Kind::V2Ipv6] {
        for proof in PROOFS.into_iter().chain(WRONG.into_iter().flatten()) {
            wishes.push(wish(kind, ("hello", "active", HIGHER), proof));
            wishes.extend(ROWS.iter().map(|row| wish(kind, row.message, proof)));
        }
    }
    let frames = frames(python, &wishes);
    wishes.iter().map(Value::to_string).zip(frames).collect()
}

#[test]
fn every_event_of_the_table_by_frames_of_scapy() {
    let Some(python) = python("hsrp table") else { return };
    let frames = made(python);
    let mut checked = 0;
    for kind in [Kind::V1, Kind::V2, Kind::V2Ipv6] {
        for (proof, (by, _)) in PROOFS.into_iter().enumerate() {
            for row in &ROWS {
                for (state, (after, sent)) in STATES.into_iter().zip(row.becomes) {
                    // Over IPv6 there is nothing to learn.
                    if state == "Learn" && kind == Kind::V2Ipv6 {
                        continue;
                    }
                    let mut ours = Ours::reaching(state, kind, proof, row.preempt, &frames);
                    let said = ours.hears(row.message, ours.proof);
                    let case = format!("{kind:?}, {by}, {} in {state}", row.event);
                    assert_eq!((ours.stage.state(), said.as_str()), (after, sent), "{case}");
                    checked += 1;
                }
            }
        }
    }
    println!("{checked} rows");
}

#[test]
fn nothing_that_is_not_proven_does_anything() {
    let Some(python) = python("hsrp proofs") else { return };
    let frames = made(python);
    for kind in [Kind::V1, Kind::V2, Kind::V2Ipv6] {
        for (proof, wrong) in WRONG.into_iter().enumerate() {
            for (wrong, counter) in
                wrong.into_iter().zip(["authentication-failures", "authentication-type-mismatch"])
            {
                for row in &ROWS {
                    for state in ["Listen", "Speak", "Standby", "Active"] {
                        let mut ours = Ours::reaching(state, kind, proof, true, &frames);
                        let deadline = ours.stage.deadline();
                        let said = ours.hears(row.message, wrong);
                        let case = format!("{kind:?}, {wrong:?}, {} in {state}", row.event);
                        assert_eq!((ours.stage.state(), said.as_str()), (state, ""), "{case}");
                        assert_eq!(ours.stage.counter(counter), 1, "{case}");
                        // An alarm about a second active router may be waited for; nothing sooner.
                        assert!(ours.stage.deadline() >= deadline, "{case}");
                    }
                }
            }
        }
    }
}
