//! Neighbours that are not quite right, and what keeps strangers out: scenarios 8, 9, 19.

use fhrp::checksum::Sum;
use firsthop::lab::Deed;
use serde_json::Value;

use crate::frames::Frame;
use crate::stage::{Stage, counter_of, detail_of, ip, neighbour_of, now, rest, steadily, text};

fn group(id: u8, priority: u8, more: &str) -> String {
    format!(
        "[[interface.lan.vrrp]]\nname = \"g{id}\"\nid = {id}\naddresses = [\"10.0.10.{}/24\"]\n\
         priority = {priority}\n{more}\n",
        10 + id
    )
}

/// The form of a message's checksum: right without a pseudo-header, or with one.
fn form(source: std::net::IpAddr, message: &[u8]) -> &'static str {
    let group = ip("224.0.0.18");
    let with = Sum::new().over_pseudo_header(source, group, 112, message.len() as u32);
    match (Sum::new().over(message).checksum() == 0, with.over(message).checksum() == 0) {
        (true, false) => "rfc9568",
        (false, true) => "pseudo-header",
        other => panic!("{other:?}"),
    }
}

/// The form that a router sent last for a group.
fn sent_form(frames: &[Frame], router: &str, vrid: u8) -> Option<&'static str> {
    let of = |frame: &&Frame| {
        frame.from == router
            && frame.vrrp().is_some_and(|(_, _, message)| message[1] == vrid && message[2] > 0)
    };
    let last = frames.iter().rfind(of)?;
    last.vrrp().map(|(source, _, message)| form(source, message))
}

#[test]
fn s08_checksum_forms() {
    steadily(|| {
        let quick = |more: &str| format!("advertise-interval = \"100ms\"\n{more}");
        let r1 = group(1, 200, &quick("checksum = \"pseudo-header\""))
            + &group(2, 200, &quick("checksum = \"rfc9568\""))
            + &group(3, 200, &quick(""));
        let r2 = group(1, 100, &quick(""))
            + &group(2, 100, &quick("checksum = \"pseudo-header\""))
            + &group(3, 100, &quick("checksum = \"rfc9568\""));
        let Some(mut stage) = Stage::new(&[("r1", &r1), ("r2", &r2)]) else { return };
        let began = now();
        stage.start(&["r1", "r2"]);
        for name in ["g1", "g2", "g3"] {
            stage.state("r1", name, "Active");
            stage.state("r2", name, "Backup");
        }
        rest(500);
        for (name, shown) in [
            ("g1", "RFC 5798 pseudo-header form"),
            ("g2", "RFC 9568, message only"),
            ("g3", "RFC 9568, message only"),
        ] {
            let seen = stage.group("r2", name);
            let neighbour = neighbour_of(&seen, "10.0.10.2");
            assert_eq!(detail_of(&neighbour, "checksum"), shown, "{name}");
            assert_eq!(counter_of(&seen, "checksum-errors"), 0);
        }
        let frames = stage.frames(began);
        let forms = [1, 2, 3].map(|vrid| sent_form(&frames, "r1", vrid));
        assert_eq!(forms, [Some("pseudo-header"), Some("rfc9568"), Some("rfc9568")]);

        // The other way round: what is configured, or what the neighbour was heard to use.
        let stopped = stage.fault(Deed::Stop, Some("r1"));
        for name in ["g1", "g2", "g3"] {
            stage.state("r2", name, "Active");
        }
        rest(300);
        let frames = stage.frames(stopped);
        let forms = [1, 2, 3].map(|vrid| sent_form(&frames, "r2", vrid));
        assert_eq!(forms, [Some("pseudo-header"), Some("pseudo-header"), Some("rfc9568")]);
    });
}

/// Two real routers, each group of them wrong in another way.
#[test]
fn s09_mismatches_are_loud() {
    steadily(|| {
        let password = |word: &str| {
            format!("version = 2\nauthentication = {{ kind = \"text\", password = \"{word}\" }}")
        };
        let key = |key: &str| {
            format!("authentication = {{ kind = \"hmac\", keys = [{{ id = 1, key = \"{key}\" }}] }}")
        };
        let list = |id: u8, last: u8| {
            format!(
                "[[interface.lan.vrrp]]\nname = \"g{id}\"\nid = {id}\nversion = 2\naddresses = [\"10.0.10.20/24\", \"10.0.10.{last}/24\"]\n"
            )
        };
        let r1 = group(1, 200, "")
            + &group(2, 200, "version = 2")
            + &list(3, 21)
            + &group(4, 200, &password("one"))
            + &group(5, 200, &key("0123456789abcdef0123456789abcdef"))
            + &group(6, 200, "");
        let r2 = group(1, 100, "version = 2")
            + &group(2, 100, "version = 2\nadvertise-interval = \"2s\"")
            + &list(3, 22)
            + &group(4, 100, &password("two"))
            + &group(5, 100, &key("fedcba9876543210fedcba9876543210"))
            + &group(7, 100, "");
        let Some(mut stage) = Stage::new(&[("r1", &r1), ("r2", &r2)]) else { return };
        stage.start(&["r1", "r2"]);
        let wrong = [
            ("g1", "version-errors", "version"),
            ("g2", "advertise-interval-errors", "interval"),
            ("g3", "address-list-errors", "10.0.10.2"),
            ("g4", "authentication-failures", "password"),
            ("g5", "hmac-invalid", "HMAC"),
        ];
        for (name, counter, word) in wrong {
            for (router, other) in [("r1", "10.0.10.3"), ("r2", "10.0.10.2")] {
                stage.until(&format!("{name} is loud on {router}"), |stage| {
                    let shown = stage.group(router, name);
                    let neighbour = neighbour_of(&shown, other);
                    let alarms: Vec<Value> = shown["alarms"].as_array().cloned().unwrap_or_default();
                    shown["state"] == "Active"
                        && counter_of(&shown, counter) > 0
                        && text(&neighbour["refused"]).contains(word)
                        && alarms.iter().any(|alarm| text(alarm).starts_with("two-actives: "))
                });
                let events = stage.events(router);
                let alarm = events.iter().find(|e| e["group"]["name"] == name && e["name"] == "two-actives");
                assert!(alarm.is_some(), "no event of {name} on {router}");
            }
        }
        // A number that strangers use.
        let links = stage.firsthop("r1", &["links", "--json"]);
        let links: Value = serde_json::from_slice(&links.stdout).unwrap();
        let stranger = &links[0]["strangers"][0];
        assert_eq!((&stranger["id"], text(&stranger["address"])), (&Value::from(7), "10.0.10.3"));
        assert!(counter_of(&links[0], "frames-for-unknown-groups") > 0);
        // And in the words that people read.
        let shown = stage.firsthop("r1", &["neighbours"]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        for (_, _, word) in wrong {
            assert!(shown.contains(word), "{word} in:\n{shown}");
        }
    });
}

const FIRST: &str = "0123456789abcdef0123456789abcdef";
const SECOND: &str = "fedcba9876543210fedcba9876543210";

fn signed(priority: u8, hmac: &str, cisco: &str) -> String {
    group(
        1,
        priority,
        &format!("advertise-interval = \"100ms\"\nauthentication = {{ kind = \"hmac\", keys = [{hmac}] }}"),
    ) + &group(
        2,
        priority,
        &format!("version = 2\nauthentication = {{ kind = \"cisco-md5\", keys = [{cisco}] }}"),
    )
}

/// The vectors and the flipped bits are in `protocols/vrrp/tests/authentication.rs`; here keys are rolled.
#[test]
fn s19_keys_are_rolled_without_an_outage() {
    steadily(|| {
        let (a, b) =
            (format!("{{ id = 1, key = \"{FIRST}\" }}"), format!("{{ id = 2, key = \"{SECOND}\" }}"));
        let (c, d) = ("{ id = 1, key = \"old\" }", "{ id = 2, key = \"new\" }");
        let step = |priority: u8, hmac: &[&str], cisco: &[&str]| {
            signed(priority, &hmac.join(", "), &cisco.join(", "))
        };
        let Some(mut stage) = Stage::new(&[("r1", &step(200, &[&a], &[c])), ("r2", &step(100, &[&a], &[c]))])
        else {
            return;
        };
        stage.start(&["r1", "r2"]);
        for name in ["g1", "g2"] {
            stage.state("r1", name, "Active");
            stage.state("r2", name, "Backup");
        }
        let began = now();
        // Known to both, then used by each, then forgotten.
        let steps: [(&[&str], &[&str]); 3] = [(&[&a, &b], &[c, d]), (&[&b, &a], &[d, c]), (&[&b], &[d])];
        for (hmac, cisco) in steps {
            for (router, priority) in [("r1", 200), ("r2", 100)] {
                stage.reload(router, &step(priority, hmac, cisco));
                rest(1200);
            }
        }
        for vrid in [1, 2] {
            let adverts = stage.adverts(began, vrid);
            assert!(adverts.iter().all(|advert| advert.router == "r1"), "group {vrid} changed hands");
        }
        for name in ["g1", "g2"] {
            let shown = stage.group("r2", name);
            assert_eq!(shown["state"], "Backup");
            for counter in ["authentication-failures", "hmac-invalid", "hmac-unknown-key", "hmac-missing"] {
                assert_eq!(counter_of(&shown, counter), 0, "{name} {counter}");
            }
        }
        // The key that was rolled out is a stranger's now.
        stage.reload("r1", &step(200, &[&a], &[c]));
        stage.until("the old keys are refused", |stage| {
            stage.count("r2", "g1", "hmac-unknown-key") > 0
                && stage.count("r2", "g2", "authentication-failures") > 0
        });
    });
}
