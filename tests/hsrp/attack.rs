//! An attacker's coup against a group with a key, on a real LAN.

use crate::craft::{Kind, SCRIPT, lines, message, proven, python};
use crate::stage::{Stage, neighbour_of, now, rest, text};

const KEY: &str = "nobody knows it";

fn group(priority: u8, more: &str) -> String {
    format!(
        "[[interface.lan.hsrp]]\nname = \"g\"\nid = 10\naddresses = [\"10.0.10.1/24\"]\npriority = {priority}\n\
         hello-time = \"1s\"\nhold-time = \"3s\"\n{more}\n"
    )
}

/// r1 is active, r2 standby, and both have a key.
fn pair() -> Option<Stage> {
    let key = format!("authentication = {{ kind = \"md5\", password = \"{KEY}\" }}");
    let (r1, r2) = (group(200, &key), group(100, &key));
    let mut stage = Stage::new(&[("r1", &r1), ("r2", &r2)])?;
    stage.start(&["r1", "r2"]);
    stage.state("r1", "g", "Active");
    stage.state("r2", "g", "Standby");
    Some(stage)
}

/// Sends these messages from the host.
fn send(stage: &mut Stage, python: &str, messages: &[serde_json::Value]) {
    let line = format!("{python} {SCRIPT} eth0 <<'END'\n{}END\n", lines(messages));
    stage.shell("h", &line);
}

#[test]
fn a_coup_without_the_key_changes_nothing_and_one_with_it_does() {
    let Some(python) = python("hsrp attack") else { return };
    let Some(mut stage) = pair() else { return };
    let began = now();
    let coup = || message(Kind::V1, "coup", "listen", 77, 255);
    let hello = || message(Kind::V1, "hello", "active", 77, 255);
    let resign = || message(Kind::V1, "resign", "speak", 2, 200);
    let forged = [
        proven(coup(), "text", "cisco"),
        proven(coup(), "key", "guessed"),
        proven(hello(), "text", "cisco"),
        proven(hello(), "key", "guessed"),
        // In the active router's name.
        proven(resign(), "text", "cisco"),
        proven(resign(), "key", "guessed"),
    ];
    send(&mut stage, python, &forged);
    rest(500);
    for (router, state, counts) in [("r1", "Active", (2, 2)), ("r2", "Standby", (3, 3))] {
        let shown = stage.group(router, "g");
        assert_eq!(shown["state"], state, "{shown:#}");
        let count = |stage: &mut Stage, name| stage.count(router, "g", name);
        let types = count(&mut stage, "authentication-type-mismatch");
        let digests = count(&mut stage, "authentication-failures");
        assert_eq!((types, digests), counts, "on {router}");
        assert_eq!(stage.transitions(router, "g").last().map(|last| last.starts_with(state)), Some(true));
    }
    // What came in its own name r1 knows for what it is.
    assert_eq!(stage.count("r1", "g", "own-address"), 2);
    let attacker = neighbour_of(&stage.group("r2", "g"), "10.0.10.77");
    assert_eq!(text(&attacker["refused"]), "the MD5 digest does not match", "{attacker:#}");
    assert!(stage.adverts(began, 10).iter().all(|word| word.router != "r2"), "r2 never said it was active");
    assert_eq!(stage.who_is("10.0.10.1"), ["r1"]);

    // With the key the very same coup is obeyed: it was the key that kept it out.
    send(&mut stage, python, &[proven(coup(), "key", KEY)]);
    stage.state("r1", "g", "Speak");
    assert_eq!(stage.count("r1", "g", "coups-received"), 1);
}
