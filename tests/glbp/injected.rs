//! One router of ours, and what a stranger says on its LAN: each TLV, each transition that messages can cause, and what
//! is hostile. The stranger's frames are `craft.py`'s. Its hellos are believed for a minute, so that nothing runs out.

use std::collections::BTreeSet;

use fhrp::Mac;
use serde_json::{Value, json};

use crate::common::possible;
use crate::craft::{
    OTHER, OWNER, Said, forwarding, frame, frames, from_other, hello, nothing, said, saying, to, with,
};
use crate::stage::{Stage, detail_of, now, text};
use crate::strangers::{counted, latest};

/// The router's own address and MAC in the lab.
const OURS: &str = "10.0.10.2";
const OUR_MAC: &str = "02:00:00:10:00:02";

/// A router of ours with these settings besides, running; `None` if that is not possible here.
fn ours(more: &str) -> Option<Stage> {
    ours_for("\"10.0.10.1/24\"", more)
}

fn ours_for(addresses: &str, more: &str) -> Option<Stage> {
    ours_every("100ms", "300ms", addresses, more)
}

fn ours_every(hello: &str, hold: &str, addresses: &str, more: &str) -> Option<Stage> {
    if !possible("GLBP: frames of a stranger", &["python3"]) {
        return None;
    }
    let config = format!(
        "[[interface.lan.glbp]]\nname = \"g\"\nid = 10\naddresses = [{addresses}]\nhello-time = \"{hello}\"\n\
         hold-time = \"{hold}\"\nforwarder-preempt-delay = \"0s\"\n{more}\n"
    );
    let mut stage = Stage::new(&[("r1", &config)])?;
    stage.start(&["r1"]);
    Some(stage)
}

/// One that is the active gateway and forwards as number 1, as a router alone does.
fn alone(more: &str) -> Option<Stage> {
    let mut stage = ours(more)?;
    stage.state("r1", "g", "Active");
    stage.until("it forwards", |stage| forwarder(stage, 1)["local"] == true);
    Some(stage)
}

/// One that follows the stranger, who is active and forwards as number 1.
fn beside_an_active_stranger(more: &str) -> Option<Stage> {
    let mut stage = ours(more)?;
    stage.inject(&[frame(forwarding(hello("active", 250), 1, "active", 167))]);
    stage.until("it follows the stranger", |stage| stage.group("r1", "g")["active"] == "10.0.10.77");
    Some(stage)
}

/// What is shown of a forwarder; null if it is not known.
fn forwarder(stage: &mut Stage, number: u8) -> Value {
    let shown = stage.group("r1", "g");
    let all = shown["forwarders"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|it| it["number"] == number).unwrap_or_default()
}

/// Waits until ours has said something since a moment, and hands it back.
fn hears_of(stage: &mut Stage, since: u64, what: &str, is_it: impl Fn(&Said) -> bool) -> Said {
    let mut found = None;
    stage.until(&format!("it says {what}"), |stage| {
        found = said(stage, "r1", since).into_iter().find(|said| is_it(said));
        found.is_some()
    });
    found.unwrap()
}

/// With our owner ID. It comes from the stranger's MAC, or the switch would send what is for us to him.
fn from_us(message: Value) -> Value {
    with(with(message, "owner", OUR_MAC), "mac", OWNER)
}

fn request() -> Value {
    let request = with(with(nothing(), "kind", "request"), "forwarders", json!([{ "number": 0 }]));
    to(request, OURS, OUR_MAC)
}

fn response(number: u8) -> Value {
    let response = with(with(nothing(), "kind", "response"), "forwarders", json!([{ "number": number }]));
    to(response, OURS, OUR_MAC)
}

#[test]
fn each_tlv_is_read_whatever_is_around_it() {
    let Some(mut stage) = beside_an_active_stranger("") else { return };
    let one = forwarder(&mut stage, 1);
    assert_eq!((&one["state"], &one["active"]), (&"Listen".into(), &"10.0.10.77".into()), "{one:#}");
    assert_eq!((&one["priority"], &one["weighting"]), (&167.into(), &100.into()), "{one:#}");
    let sound = || hello("active", 250);
    let believed: [(&str, Value); 8] = [
        ("a gateway without forwarders", sound()),
        ("a forwarder without a gateway", forwarding(nothing(), 1, "active", 167)),
        ("two forwarders", forwarding(forwarding(sound(), 1, "active", 167), 3, "active", 135)),
        ("a TLV that nobody knows", with(sound(), "unknown", "7f06deadbeef")),
        ("one that nobody knows and says nothing", with(sound(), "unknown", "fe02")),
        ("a gateway with more to say", saying(sound(), "more", "00112233")),
        ("method 0, which proves nothing", with(sound(), "method", 0)),
        (
            "another order",
            with(
                with(forwarding(sound(), 1, "active", 167), "unknown", "0902"),
                "order",
                json!(["unknown", "forwarders", "gateway"]),
            ),
        ),
    ];
    for (what, wish) in believed {
        counted(&mut stage, frame(wish), "hellos-received", what);
    }
    assert_eq!(forwarder(&mut stage, 3)["mac"], "00:07:b4:00:0a:03");
    // Its times are in force.
    counted(&mut stage, frame(saying(sound(), "redirect", 700)), "hellos-received", "another redirect time");
    let shown = stage.group("r1", "g");
    let timer = |name: &str| {
        shown["timers"].as_array().unwrap().iter().find(|timer| timer["name"] == name).unwrap().clone()
    };
    assert_eq!(timer("redirect-time")["ms"], 700_000.0, "{shown:#}");
    assert_eq!(timer("hold-time")["ms"], 60_000.0, "{shown:#}");
}

/// Scenario 14 of what a conforming router does: nothing of this changes any state.
#[test]
fn what_is_hostile_is_counted_and_changes_nothing() {
    let Some(mut stage) = alone("") else { return };
    // Whoever believed one word of it would yield the role and the forwarder.
    let bait = || forwarding(hello("active", 255), 1, "active", 255);
    let before = (stage.transitions("r1", "g"), forwarder(&mut stage, 1)["changes"].clone());
    let refused: [(&str, Value, &str); 31] = [
        ("eleven octets", with(bait(), "spoilt", "header"), "packet-length-errors"),
        ("a TLV that is cut", with(bait(), "spoilt", "cut"), "tlv-errors"),
        ("a TLV of length 0", with(bait(), "unknown", "0900"), "tlv-errors"),
        ("a TLV of length 1", with(bait(), "unknown", "0901"), "tlv-errors"),
        ("one octet behind the last TLV", with(bait(), "unknown", "09"), "tlv-errors"),
        ("a TLV that runs past the end", with(bait(), "unknown", "09ff00"), "tlv-errors"),
        ("a gateway that is too short", with(bait(), "unknown", "0104ffff"), "tlv-errors"),
        ("a forwarder that is too short", with(bait(), "unknown", "020402ff"), "tlv-errors"),
        ("a challenge that is too short", with(bait(), "unknown", "0408050000000000"), "tlv-errors"),
        ("a gateway twice", with(bait(), "order", json!(["gateway", "gateway", "forwarders"])), "tlv-errors"),
        (
            "an authentication behind the rest",
            with(with(bait(), "text", "x"), "order", json!(["gateway", "forwarders", "authentication"])),
            "tlv-errors",
        ),
        ("a forwarder twice", forwarding(bait(), 1, "active", 255), "forwarder-errors"),
        (
            "five forwarders",
            (2..=5).fold(bait(), |bait, number| forwarding(bait, number, "active", 255)),
            "forwarder-errors",
        ),
        ("version 2", with(bait(), "version", 2), "version-errors"),
        ("a type that nobody has seen", with(bait(), "kind", 3), "invalid-type"),
        ("TTL 254", with(bait(), "ttl", 254), "ttl-errors"),
        ("another source port", with(bait(), "port", 40_000), "port-errors"),
        ("a source in no network of ours", with(bait(), "source", "10.0.99.77"), "source-errors"),
        ("our own address", with(bait(), "source", OURS), "own-address"),
        ("our own message, come back", from_us(with(bait(), "source", OURS)), "own-address"),
        ("our own owner ID", from_us(bait()), "owner-errors"),
        ("no owner", with(with(bait(), "owner", "00:00:00:00:00:00"), "mac", OWNER), "owner-errors"),
        ("a group as owner", with(with(bait(), "owner", "01:00:5e:00:00:66"), "mac", OWNER), "owner-errors"),
        ("a hello to one router", to(bait(), OURS, OUR_MAC), "destination-errors"),
        ("a request to all", with(bait(), "kind", "request"), "destination-errors"),
        ("a response to all", with(bait(), "kind", "response"), "destination-errors"),
        ("a state that does not exist", saying(bait(), "state", 3), "state-errors"),
        ("priority 0 of who does not leave", saying(bait(), "priority", 0), "priority-errors"),
        ("a hello every 49 ms", saying(bait(), "hello", 49), "timer-errors"),
        ("a hold time of one hello", saying(bait(), "hold", 1000), "timer-errors"),
        ("an address of the other family", saying(bait(), "address", "fe80::1"), "address-list-errors"),
    ];
    let made = frames(&refused.iter().map(|(_, wish, _)| wish.clone()).collect::<Vec<_>>());
    for ((what, _, counter), frame) in refused.iter().zip(made) {
        counted(&mut stage, frame, counter, what);
    }
    // Group 1024 is none of ours, and neither is 11.
    for group in [1024, 11] {
        let heard = stage.link_count("r1", "frames-for-unknown-groups");
        stage.inject(&[frame(with(bait(), "group", group))]);
        stage.until("it is nobody's", |stage| {
            stage.link_count("r1", "frames-for-unknown-groups") == heard + 1
        });
    }
    // What is said of a forwarder that cannot be is ignored, and the rest is heard: so this stranger says he listens.
    let listening = || hello("listen", 50);
    let astray = |mac: &str| {
        let mut claim = forwarding(listening(), 1, "active", 255);
        claim["forwarders"][0]["mac"] = mac.into();
        claim
    };
    let odd: [(&str, Value, &str); 5] = [
        ("another forwarder's MAC", astray("00:07:b4:00:0a:02"), "virtual-mac-errors"),
        ("another group's MAC", astray("00:07:b4:00:0b:01"), "virtual-mac-errors"),
        ("anybody's MAC", astray(OWNER), "virtual-mac-errors"),
        ("forwarder 5", forwarding(listening(), 5, "active", 255), "forwarder-errors"),
        ("a forwarder that speaks", forwarding(listening(), 1, "speak", 255), "forwarder-errors"),
    ];
    for (what, wish, counter) in odd {
        let heard = stage.count("r1", "g", "hellos-received");
        counted(&mut stage, frame(wish), counter, what);
        assert_eq!(stage.count("r1", "g", "hellos-received"), heard + 1, "{what}");
    }
    let after = (stage.transitions("r1", "g"), forwarder(&mut stage, 1)["changes"].clone());
    assert_eq!(after, before);
    let known: BTreeSet<u64> =
        (1..=5).filter(|number| !forwarder(&mut stage, *number as u8).is_null()).collect();
    assert_eq!(known, BTreeSet::from([1]));
    // And the bait would have been taken.
    stage.inject(&[frame(bait())]);
    stage.until("the sound one is believed", |stage| stage.group("r1", "g")["active"] == "10.0.10.77");
    assert_eq!(forwarder(&mut stage, 1)["local"], false);
}

#[test]
fn a_text_is_compared() {
    let text = "authentication = { kind = \"text\", password = \"monkey\" }";
    let Some(mut stage) = alone(text) else { return };
    let bait = || forwarding(hello("active", 255), 1, "active", 255);
    for (what, wish, counter) in [
        ("none", bait(), "authentication-type-mismatch"),
        ("another text", with(bait(), "text", "monkeys"), "authentication-failures"),
        ("half of it", with(bait(), "text", "monk"), "authentication-failures"),
        ("a key string", with(bait(), "key", "monkey"), "authentication-type-mismatch"),
        ("a numbered key", with(with(bait(), "key", "monkey"), "key_id", 1), "authentication-type-mismatch"),
        ("a method that nobody knows", with(bait(), "method", 9), "invalid-authentication-type"),
    ] {
        counted(&mut stage, frame(wish), counter, what);
    }
    assert_eq!(stage.group("r1", "g")["state"], "Active");
    let right = with(hello("listen", 50), "text", "monkey");
    counted(&mut stage, frame(right.clone()), "hellos-received", "the text");
    counted(&mut stage, frame(with(right, "zero", 0)), "hellos-received", "the text without a zero");
}

/// A digest alone proves nothing: what was recorded has one. Who repeats our number is obeyed, and who repeats one that is
/// two generations old is not.
#[test]
fn who_signs_must_repeat_our_number() {
    let string = "authentication = { kind = \"md5\", password = \"monkey\" }";
    let chain = "authentication = { kind = \"md5\", keys = [{ id = 7, key = \"monkey\" }] }";
    let v6 = "\"fe80::7:b4ff:fe00:a00/64\"";
    for (addresses, authentication, key_id) in
        [("\"10.0.10.1/24\"", string, None), ("\"10.0.10.1/24\"", chain, Some(7)), (v6, string, None)]
    {
        // Our number changes with the hold time: here it is good for as long as it takes to read it off the wire.
        let Some(mut stage) = ours_every("500ms", "2s", addresses, authentication) else { return };
        stage.state("r1", "g", "Active");
        let over_ipv6 = addresses == v6;
        let signed = |wish: Value, key: &str, key_id: Option<u32>| {
            let wish = with(wish, "key", key);
            let wish = if over_ipv6 { with(wish, "source", "fe80::77") } else { wish };
            match key_id {
                Some(id) => with(wish, "key_id", id),
                None => wish,
            }
        };
        let better = || match over_ipv6 {
            true => saying(hello("active", 255), "address", "fe80::7:b4ff:fe00:a00"),
            false => hello("active", 255),
        };
        let challenging = |wish: Value, repeats: Option<&str>| {
            let peers = repeats.map_or(json!({}), |nonce| json!({ OUR_MAC: nonce }));
            with(wish, "challenge", json!({ "generation": 1, "nonce": "0badcafe", "peers": peers }))
        };
        let other = if key_id.is_some() { None } else { Some(7) };
        for (what, wish, counter) in [
            ("no authentication", hello("active", 255), "authentication-type-mismatch"),
            ("the other MD5", signed(better(), "monkey", other), "authentication-type-mismatch"),
            ("another key", signed(better(), "donkey", key_id), "authentication-failures"),
            (
                "a digest off by a bit",
                with(signed(better(), "monkey", key_id), "spoilt", "digest"),
                "authentication-failures",
            ),
            ("no challenge", signed(better(), "monkey", key_id), "nonce-errors"),
        ] {
            let wish = if over_ipv6 { with(wish, "source", "fe80::77") } else { wish };
            counted(&mut stage, frame(wish), counter, what);
        }
        if key_id.is_some() {
            let unknown = signed(better(), "monkey", Some(8));
            counted(&mut stage, frame(unknown), "authentication-failures", "a number that no key has");
        }
        // Its number is learnt all the same, and told again at once: so that it can prove itself.
        let since = now();
        let unproven = challenging(signed(better(), "monkey", key_id), None);
        counted(&mut stage, frame(unproven), "nonce-errors", "a challenge that repeats nothing");
        let owner: Mac = OWNER.parse().unwrap();
        let greeting = hears_of(&mut stage, since, "the stranger's number", |said| {
            said.repeats().contains(&(owner, "0badcafe".to_owned()))
        });
        assert_eq!(stage.group("r1", "g")["state"], "Active");
        let wrong = challenging(signed(better(), "monkey", key_id), Some("00000000"));
        counted(&mut stage, frame(wrong), "nonce-errors", "a number that we never said");
        let nonce = greeting.nonce().unwrap();
        let proven = frame(challenging(signed(better(), "monkey", key_id), Some(&nonce)));
        counted(&mut stage, proven, "hellos-received", "our number");
        stage.until("it yields", |stage| stage.group("r1", "g")["state"] != "Active");
        assert!(latest(&mut stage).contains("is active with priority 255"), "{}", latest(&mut stage));
    }
}

#[test]
fn a_recording_is_obeyed_by_nobody() {
    let string = "authentication = { kind = \"md5\", password = \"monkey\" }";
    let Some(mut stage) = alone(string) else { return };
    let since = now();
    let nonces = |stage: &mut Stage| -> BTreeSet<String> {
        said(stage, "r1", since).iter().filter_map(Said::nonce).collect()
    };
    let first = hears_of(&mut stage, since, "its number", |said| said.nonce().is_some()).nonce().unwrap();
    let worse = with(hello("listen", 50), "key", "monkey");
    let challenge = json!({ "nonce": "0badcafe", "peers": { OUR_MAC: first } });
    let recorded = frame(with(worse, "challenge", challenge));
    stage.until("two more generations are there", |stage| nonces(stage).len() >= 3);
    counted(&mut stage, recorded, "nonce-errors", "a recording");
}

#[test]
fn an_active_gateway_hears_others() {
    let Some(mut stage) = alone("") else { return };
    // A worse one is told, and we stay.
    counted(&mut stage, frame(hello("active", 50)), "asserted", "a worse gateway");
    assert_eq!(stage.group("r1", "g")["state"], "Active");
    // Of equals the higher address is the better one: .77 is.
    let standby = from_other(hello("standby", 60));
    counted(&mut stage, frame(standby), "hellos-received", "a standby gateway");
    let shown = stage.group("r1", "g");
    assert!(detail_of(&shown, "standby-gateway").starts_with("10.0.10.78"), "{shown:#}");
    // It says that it is not any more.
    counted(&mut stage, frame(from_other(hello("listen", 60))), "hellos-received", "no standby gateway");
    assert_eq!(detail_of(&stage.group("r1", "g"), "standby-gateway"), "unknown");
    // A speaker changes nothing, whatever its priority.
    counted(&mut stage, frame(from_other(hello("speak", 255))), "hellos-received", "a speaker");
    assert_eq!(stage.group("r1", "g")["state"], "Active");
    stage.inject(&[frame(hello("active", 100))]);
    stage.state("r1", "g", "Speak");
    assert!(
        latest(&mut stage).contains("with our priority 100 and the higher address"),
        "{}",
        latest(&mut stage)
    );
    // The forwarder is nobody else's.
    assert_eq!(forwarder(&mut stage, 1)["local"], true);
}

#[test]
fn a_gateway_that_is_not_active_hears_others() {
    let Some(mut stage) = ours("") else { return };
    let active = |hold: u32| saying(saying(hello("active", 250), "hello", 100), "hold", hold);
    // With a short hold time in force it is standby soon; who is active goes on saying so.
    let goes_on = frame(active(2_000));
    let until = |stage: &mut Stage, state: &str| {
        stage.until(state, |stage| {
            stage.inject(std::slice::from_ref(&goes_on));
            stage.group("r1", "g")["state"] == state
        });
    };
    until(&mut stage, "Standby");
    // A better one is standby: we listen. A worse one claims it: we speak, and are it.
    let standby = |priority| from_other(saying(hello("standby", priority), "hold", 60_000));
    stage.inject(&[goes_on.clone(), frame(standby(200))]);
    stage.state("r1", "g", "Listen");
    assert!(latest(&mut stage).contains("standby 10.0.10.78 is better"), "{}", latest(&mut stage));
    stage.inject(&[goes_on.clone(), frame(standby(50))]);
    stage.state("r1", "g", "Speak");
    assert!(latest(&mut stage).contains("standby 10.0.10.78 is worse"), "{}", latest(&mut stage));
    stage.inject(&[goes_on.clone(), frame(from_other(hello("speak", 200)))]);
    stage.state("r1", "g", "Listen");
    assert!(latest(&mut stage).contains("speaker 10.0.10.78 is better"), "{}", latest(&mut stage));
    stage.inject(&[goes_on.clone(), frame(standby(50))]);
    stage.state("r1", "g", "Speak");
    stage.inject(&[goes_on.clone(), frame(standby(50))]);
    stage.state("r1", "g", "Standby");
    // Whoever was active leaves: no timer is waited for.
    stage.inject(&[goes_on.clone(), frame(saying(saying(hello("listen", 0), "hello", 100), "hold", 60_000))]);
    stage.state("r1", "g", "Active");
    assert!(latest(&mut stage).contains("10.0.10.77 gave the role up"), "{}", latest(&mut stage));
}

#[test]
fn a_better_gateway_preempts_if_it_may() {
    for may in [false, true] {
        let Some(mut stage) = ours(&format!("priority = 200\npreempt = {may}")) else { return };
        let worse = frame(saying(hello("active", 50), "hold", 60_000));
        stage.inject(std::slice::from_ref(&worse));
        stage.until("it knows who is active", |stage| stage.count("r1", "g", "hellos-received") > 0);
        if may {
            stage.until("it preempts", |stage| {
                stage.inject(std::slice::from_ref(&worse));
                stage.group("r1", "g")["state"] == "Active"
            });
            assert!(latest(&mut stage).contains("preempting 10.0.10.77"), "{}", latest(&mut stage));
        } else {
            // It has gone through an election for the rest, and left this one what he has.
            stage.state("r1", "g", "Speak");
            counted(&mut stage, worse, "hellos-received", "the worse one again");
            assert_eq!(stage.group("r1", "g")["active"], "10.0.10.77");
        }
    }
}

#[test]
fn forwarders_are_claimed_yielded_and_left() {
    let Some(mut stage) = alone("") else { return };
    // Less right than ours: it is told so, in a message about this forwarder alone.
    let since = now();
    stage.inject(&[frame(forwarding(nothing(), 1, "active", 135))]);
    let told = hears_of(&mut stage, since, "whose forwarder 1 is", |said| {
        said.kind() == 0 && said.tlvs(1).is_empty() && !said.tlvs(2).is_empty()
    });
    assert_eq!((told.tlvs(2)[0][0], told.tlvs(2)[0][3]), (1, 167));
    assert_eq!(told.from.to_string(), "00:07:b4:00:0a:01", "from where switches are to send its frames");
    assert_eq!(forwarder(&mut stage, 1)["local"], true);
    // As much right, and the higher address. Its hello is believed for a minute.
    let claim = |number, state: &str, right| frame(forwarding(hello("listen", 50), number, state, right));
    counted(&mut stage, claim(1, "active", 167), "forwarders-yielded", "an equal");
    let one = forwarder(&mut stage, 1);
    assert_eq!((&one["state"], &one["active"]), (&"Listen".into(), &"10.0.10.77".into()), "{one:#}");
    assert_eq!(stage.group("r1", "g")["state"], "Active", "the gateway has nothing to do with it");
    // It was given to him, so it seems: the gateway gives itself another one.
    stage.until("it forwards as number 2", |stage| forwarder(stage, 2)["local"] == true);
    assert_eq!(forwarder(&mut stage, 2)["own"], true);
    assert_eq!(forwarder(&mut stage, 1)["own"], false);
    // He leaves his to us.
    stage.inject(&[claim(1, "listen", 0)]);
    stage.until("it stands in as number 1", |stage| forwarder(stage, 1)["local"] == true);
    assert_eq!(forwarder(&mut stage, 1)["priority"], 135);
    // One that nobody knew, of a router whose weighting is too low: ours is better for it, and takes it.
    stage.inject(&[claim(4, "active", 39)]);
    stage.until("it takes number 4", |stage| forwarder(stage, 4)["local"] == true);
    // More right takes it back.
    stage.inject(&[claim(4, "active", 167)]);
    stage.until("it gives number 4 back", |stage| forwarder(stage, 4)["active"] == "10.0.10.77");
}

#[test]
fn requests_are_answered_as_long_as_there_are_forwarders() {
    let Some(mut stage) = alone("") else { return };
    let given = |stage: &mut Stage, owner: &str, last: u8| {
        let since = now();
        let source = format!("10.0.10.{last}");
        let asks = with(with(request(), "owner", owner), "source", source);
        stage.inject(&[frame(asks)]);
        let answer = hears_of(stage, since, "a response", |said| said.kind() == 2);
        assert_eq!(answer.to.to_string(), owner, "to whoever asked");
        assert_eq!(answer.from.to_string(), OUR_MAC);
        assert_eq!((answer.octets.len(), answer.tlvs(1).len()), (32, 0));
        let tlv = answer.tlvs(2)[0].to_vec();
        // Number and MAC; all else says nothing.
        assert_eq!(tlv[12..], [0x00, 0x07, 0xb4, 0x00, 0x0a, tlv[0]]);
        assert!(tlv[1..12].iter().all(|octet| *octet == 0), "{tlv:?}");
        tlv[0]
    };
    assert_eq!(given(&mut stage, OWNER, 77), 2);
    assert_eq!(given(&mut stage, OTHER, 78), 3);
    assert_eq!(given(&mut stage, OWNER, 77), 2, "the one that it has");
    assert_eq!(given(&mut stage, "02:00:00:00:00:79", 79), 4);
    let sent = stage.count("r1", "g", "responses-sent");
    let fifth = with(with(request(), "owner", "02:00:00:00:00:80"), "source", "10.0.10.80");
    counted(&mut stage, frame(fifth), "requests-received", "a fifth member");
    assert_eq!(stage.count("r1", "g", "responses-sent"), sent);
    let to_another = with(request(), "destination", "10.0.10.3");
    counted(&mut stage, frame(to_another), "destination-errors", "a request to another router");
}

#[test]
fn only_a_response_that_was_asked_for_gives_a_forwarder() {
    let since = now();
    let Some(mut stage) = beside_an_active_stranger("") else { return };
    let asks = hears_of(&mut stage, since, "a request", |said| said.kind() == 1);
    assert_eq!(asks.to.to_string(), OWNER, "to the active gateway's own MAC");
    assert_eq!((asks.octets.len(), asks.tlvs(2)[0]), (32, &[0; 18][..]));
    counted(&mut stage, frame(from_other(response(2))), "unasked-responses", "who was not asked");
    let astray = with(response(2), "forwarders", json!([{ "number": 2, "mac": "00:07:b4:00:0a:03" }]));
    counted(&mut stage, frame(astray), "forwarder-errors", "another forwarder's MAC");
    counted(&mut stage, frame(response(0)), "forwarder-errors", "no number");
    assert!(forwarder(&mut stage, 2).is_null());
    counted(&mut stage, frame(response(2)), "responses-received", "the response");
    let two = forwarder(&mut stage, 2);
    assert_eq!((&two["own"], &two["state"]), (&true.into(), &"Listen".into()), "{two:#}");
    let events = stage.remarks("r1", "g", "forwarder-given");
    assert_eq!(events, ["forwarder 2 is ours"]);
    counted(&mut stage, frame(response(3)), "unasked-responses", "one more");
    assert!(forwarder(&mut stage, 3).is_null());
    assert!(text(&two["mac"]).ends_with(":02"));
}
