//! One router of ours, and what a stranger says on its LAN: which frames are believed, and what the BSDs' rules make of
//! them. The stranger's frames are `craft.py`'s.

use serde_json::Value;

use crate::common::possible;
use crate::craft::{advertisement, frame, frames, with};
use crate::stage::{Stage, counter_of, now, rest, text};
use crate::strangers::{counted, latest};

const V4: &str = "10.0.10.1";
const V6: &str = "2001:db8:10::1";

/// A router of ours with these settings besides, running; `None` if that is not possible here.
fn ours(addresses: &str, skew: u8, more: &str) -> Option<Stage> {
    if !possible("CARP: frames of a stranger", &["python3"]) {
        return None;
    }
    let config = format!(
        "[[interface.lan.carp]]\nname = \"g\"\nid = 1\naddresses = [{addresses}]\nadvskew = {skew}\n\
         password = \"secret\"\n{more}\n"
    );
    let mut stage = Stage::new(&[("r1", &config)])?;
    stage.start(&["r1"]);
    stage.state("r1", "g", "BACKUP");
    Some(stage)
}

fn only_v4(skew: u8, more: &str) -> Option<Stage> {
    ours("\"10.0.10.1/24\"", skew, more)
}

/// What ucarp believes is believed, and what it refuses has a counter of its own. Type and length of the proof, which no
/// original looks at, are looked at here.
#[test]
fn what_is_believed_and_what_is_not() {
    // So patient that no silence between the frames matters.
    let Some(mut stage) = only_v4(100, "advbase = 60") else { return };
    let sound = || advertisement(&[V4], 1, 0);
    let believed: [(&str, Value); 8] = [
        ("a counter", sound()),
        ("the same counter again", sound()),
        ("a lower counter", with(sound(), "counter", 1)),
        ("trailing octets", with(sound(), "trailing", "00112233445566778899")),
        ("ucarp's MAC", with(sound(), "mac", "00:00:5e:00:00:01")),
        ("any MAC", with(sound(), "mac", "02:00:00:00:00:99")),
        ("a broadcast", with(sound(), "to", "ff:ff:ff:ff:ff:ff")),
        ("no source address, as a FreeBSD without one", with(sound(), "source", "0.0.0.0")),
    ];
    for (what, said) in believed {
        counted(&mut stage, frame(said), "advertisements-received", what);
    }
    let refused: [(&str, Value, &str); 6] = [
        ("TTL 254", with(sound(), "ttl", 254), "ttl-errors"),
        ("a wrong checksum", with(sound(), "spoilt", "checksum"), "checksum-errors"),
        ("a wrong digest", with(sound(), "spoilt", "digest"), "authentication-failures"),
        ("another password", with(sound(), "password", "other"), "authentication-failures"),
        ("other addresses", advertisement(&[V4, "10.0.10.9"], 1, 0), "authentication-failures"),
        ("another group", with(sound(), "destination", "224.0.0.19"), "destination-errors"),
    ];
    for (what, said, counter) in refused {
        counted(&mut stage, frame(said), counter, what);
    }
    // These are no CARP at all, and belong to no virtual host: the last one is VRRP of version 2 with five addresses.
    let foreign = [
        with(sound(), "spoilt", "length"),
        with(sound(), "version", 3),
        with(sound(), "type", 2),
        with(sound(), "authlen", 5),
    ];
    let before = stage.count("r1", "g", "advertisements-received");
    stage.inject(&frames(&[&foreign[..], &[sound()]].concat()));
    stage.until("the one behind them is believed", |stage| {
        stage.count("r1", "g", "advertisements-received") > before
    });
    assert_eq!(stage.count("r1", "g", "advertisements-received"), before + 1);
    assert_eq!(stage.transitions("r1", "g").len(), 1, "{:?}", stage.transitions("r1", "g"));
}

/// The master-down rule, exactly at its edge: three of our own intervals are waited for, and no more.
#[test]
fn a_master_that_is_too_slow_is_not_waited_for() {
    let Some(mut stage) = only_v4(0, "") else { return };
    for _ in 0..6 {
        stage.inject(&[frame(advertisement(&[V4], 3, 0))]);
        rest(700);
    }
    assert_eq!(stage.group("r1", "g")["state"], "BACKUP", "{:#}", stage.group("r1", "g"));
    stage.inject(&[frame(advertisement(&[V4], 3, 1))]);
    let took = stage.state("r1", "g", "MASTER");
    assert!(took.as_millis() < 1_500, "{took:?}");
    assert!(latest(&mut stage).contains("master will time out"), "{}", latest(&mut stage));
}

/// OpenBSD's demotion comes before the interval, in both directions, whether we preempt or not.
#[test]
fn the_demotion_counter_comes_first() {
    let Some(mut stage) = only_v4(100, "") else { return };
    // Better, but demoted: replaced at once.
    stage.inject(&[frame(with(advertisement(&[V4], 1, 0), "demote", 3))]);
    let took = stage.state("r1", "g", "MASTER");
    assert!(took.as_millis() < 1_500, "{took:?}");
    assert!(latest(&mut stage).contains("demoted"), "{}", latest(&mut stage));
    // It goes on saying so, and changes nothing.
    let heard = stage.count("r1", "g", "advertisements-received");
    stage.inject(&[frame(with(advertisement(&[V4], 1, 0), "demote", 1))]);
    stage.until("it is heard", |stage| stage.count("r1", "g", "advertisements-received") > heard);
    assert_eq!(stage.group("r1", "g")["state"], "MASTER");
    // As good as we are in this, the interval decides.
    stage.inject(&[frame(advertisement(&[V4], 1, 0))]);
    stage.state("r1", "g", "BACKUP");
    assert!(latest(&mut stage).contains("more frequent advertisement"), "{}", latest(&mut stage));
}

/// 255/255 is acted upon whatever preemption says, after the skew; from somebody who is not the master it means nothing.
#[test]
fn a_goodbye_is_acted_upon() {
    let Some(mut stage) = only_v4(50, "") else { return };
    let goodbye = || advertisement(&[V4], 255, 255);
    let heard = stage.count("r1", "g", "advertisements-received");
    stage.inject(&frames(&[
        advertisement(&[V4], 1, 0),
        with(goodbye(), "source", "10.0.10.78"),
        advertisement(&[V4], 1, 0),
    ]));
    stage.until("all of them are heard", |stage| {
        stage.count("r1", "g", "advertisements-received") == heard + 3
    });
    rest(600);
    assert_eq!(stage.group("r1", "g")["state"], "BACKUP", "{:?}", stage.transitions("r1", "g"));
    let since = now();
    stage.inject(&[frame(goodbye())]);
    stage.state("r1", "g", "MASTER");
    assert!(latest(&mut stage).contains("255/255"), "{}", latest(&mut stage));
    let first = stage.adverts(since, 1).into_iter().find(|advert| advert.router == "r1").unwrap();
    let after = (first.at - since) / 1_000_000;
    assert!((50 * 1_000 / 256..1_500).contains(&after), "{after} ms");
}

/// Own frames that the network gives back: counted, and nothing else.
#[test]
fn an_echo_changes_nothing() {
    let Some(mut stage) = only_v4(0, "") else { return };
    let since = now();
    stage.state("r1", "g", "MASTER");
    rest(2_500);
    let own = stage.frames(since).into_iter().filter(|frame| frame.from == "r1" && frame.vrrp().is_some());
    let own: Vec<Vec<u8>> = own.map(|frame| frame.octets).collect();
    assert!(own.len() >= 2);
    let before = stage.count("r1", "g", "looped");
    // As they were, and from another address, which the counter gives away.
    stage.inject(&own);
    let readdressed: Vec<Vec<u8>> = own.iter().map(|frame| from(frame, [10, 0, 10, 99])).collect();
    stage.inject(&readdressed);
    let wanted = before + 2 * own.len() as u64;
    stage.until("each is counted", |stage| stage.count("r1", "g", "looped") >= wanted);
    let group = stage.group("r1", "g");
    assert_eq!(group["state"], "MASTER", "{group:#}");
    assert_eq!(stage.transitions("r1", "g").len(), 2, "{:?}", stage.transitions("r1", "g"));
    assert_eq!(counter_of(&group, "advertisements-received"), 0, "{group:#}");
    assert!(!group["alarms"].to_string().contains("two-masters"), "{group:#}");
}

/// The frame with another source, and a header checksum that fits.
fn from(frame: &[u8], source: [u8; 4]) -> Vec<u8> {
    let mut changed = frame.to_vec();
    let header = &mut changed[14..34];
    header[12..16].copy_from_slice(&source);
    header[10..12].fill(0);
    let checksum = fhrp::checksum::Sum::new().over(header).checksum();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    changed
}

/// The master is heard in IPv4 and not in IPv6, as beside a switch that swallows ff02::12: we warn and stay; with the
/// kernels' timers there are two masters.
#[test]
fn a_family_that_is_silent_is_an_alarm_and_no_second_master() {
    let both = "\"10.0.10.1/24\", \"2001:db8:10::1/64\"";
    for strict in [false, true] {
        let Some(mut stage) = ours(both, 100, &format!("strict-family-timers = {strict}")) else { return };
        let v4 = frame(advertisement(&[V4, V6], 1, 0));
        let v6 = frame(with(advertisement(&[V4, V6], 1, 0), "source", "fe80::77"));
        let heard = stage.count("r1", "g", "advertisements-received");
        stage.inject(&[v4.clone(), v6]);
        stage.until("both are believed", |stage| {
            stage.count("r1", "g", "advertisements-received") == heard + 2
        });
        for _ in 0..9 {
            rest(500);
            stage.inject(std::slice::from_ref(&v4));
        }
        rest(100);
        let entered = stage.transitions("r1", "g");
        let was_master = entered.iter().any(|entered| entered.starts_with("MASTER"));
        assert_eq!(was_master, strict, "{entered:?}");
        let warned = stage.events("r1").iter().any(|event| text(&event["name"]).contains("family-silent"));
        assert!(strict || warned, "{:#}", stage.group("r1", "g"));
    }
}
