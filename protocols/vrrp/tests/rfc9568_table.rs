//! The table of events and states, row by row. RFC 9568 §6.4; RFC 3768 §6.4 where version 2 differs.
//!
//! A row says what is heard or told, what must be done in this order, the next state and the next deadline.
//! What an advertisement makes an Active send is sent by the Tick that ends its turn, so rows for packets
//! show both.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use std::time::Duration;

use fhrp::{Family, Input, Instant};
use stage::{HIGHER, LOWER, Said, Stage, at, config, config_of, ip, link, millis, says, secs};
use vrrp::Config;
use vrrp::config::Versions;

const TAKE_OVER: [&str; 5] = ["send v3 p100 1s", "hold", "will", "announce", "Backup -> Active"];
const YIELD: [&str; 4] = ["send v3 p100 1s", "release", "no will", "Active -> Backup"];

/// Down interval of priority 100 at 1 s.
const DOWN: Duration = Duration::from_nanos(3_609_375_000);
const SKEW: Duration = Duration::from_nanos(609_375_000);

fn owner() -> Config {
    Config { priority: 255, ..config() }
}

fn patient() -> Config {
    Config { preempt: false, ..config() }
}

fn version_two() -> Config {
    config_of(Family::Ipv4, Versions::V2)
}

#[test]
fn row_1_an_owner_is_active_at_once() {
    let mut stage = Stage::bare(owner());
    assert!(stage.tell(Input::Link(&link())).is_empty());
    let done = stage.tell(Input::Start);
    assert_eq!(done, ["send v3 p255 1s", "hold", "will", "announce", "Initialize -> Active"]);
    assert_eq!(stage.deadline(), at(1_000_000_000));
}

#[test]
fn row_2_everybody_else_begins_as_backup() {
    for (versions, priority, interval, down) in [
        (Versions::V3, 100, secs(1), 3_609_375_000),
        (Versions::V3, 200, secs(1), 3_218_750_000),
        (Versions::V3, 254, millis(10), 30_078_125),
        (Versions::V3, 1, millis(10), 39_960_937),
        (Versions::V3, 100, millis(40_950), 147_803_906_250),
        (Versions::V2, 100, secs(1), 3_609_375_000),
        (Versions::V2, 254, secs(1), 3_007_812_500),
        (Versions::V2, 1, secs(255), 765_996_093_750),
    ] {
        let mut config = config_of(Family::Ipv4, versions);
        (config.priority, config.advertise_interval) = (priority, interval);
        let mut stage = Stage::bare(config);
        stage.tell(Input::Link(&link()));
        assert_eq!(stage.tell(Input::Start), ["Initialize -> Backup"], "{versions:?} {priority}");
        assert_eq!(stage.deadline(), at(down), "{versions:?} {priority} {interval:?}");
    }
}

#[test]
fn row_3_shutdown() {
    let mut stage = Stage::started(config());
    assert_eq!(stage.tell(Input::Stop), ["Backup -> Initialize"]);
    assert!(!stage.waits());

    let mut stage = Stage::active(config());
    assert_eq!(stage.tell(Input::Stop), ["send v3 p0 1s", "remark leaving"]);
    // Hosts are served until the slowest successor had its time: 255/256 s and a margin.
    assert_eq!(stage.deadline(), stage.now + Duration::from_nanos(996_093_750) + millis(50));
    assert_eq!(stage.next_tick(), ["release", "no will", "Active -> Initialize"]);
    assert!(!stage.waits());
}

#[test]
fn row_4_the_down_timer_makes_active() {
    for (family, versions, first) in [
        (Family::Ipv4, Versions::V3, "send v3 p100 1s"),
        (Family::Ipv6, Versions::V3, "send v3 p100 1s"),
        (Family::Ipv4, Versions::V2, "send v2 p100 1s"),
    ] {
        let mut stage = Stage::started(config_of(family, versions));
        stage.now = Instant::ZERO + DOWN - Duration::from_nanos(1);
        assert!(stage.tick().is_empty(), "a nanosecond early is early");
        stage.now = Instant::ZERO + DOWN;
        let done = stage.tick();
        assert_eq!(done[0], first);
        assert_eq!(done[1..], TAKE_OVER[1..]);
        assert_eq!(stage.deadline(), stage.now + secs(1));
    }
}

#[test]
fn row_5_the_adver_timer_keeps_its_cadence() {
    let mut stage = Stage::active(Config {
        announcements: fhrp::announcer::Schedule { repeats: vec![], refresh: None, form: Default::default() },
        ..config()
    });
    let first = stage.deadline();
    stage.now = first + millis(3);
    assert_eq!(stage.tick(), ["send v3 p100 1s"]);
    assert!(stage.tick().is_empty(), "a repeated tick changes nothing");
    assert_eq!(stage.deadline(), first + secs(1), "lateness does not add up");
    // Missed ones are not sent.
    stage.now = first + millis(2_500);
    assert_eq!(stage.tick(), ["send v3 p100 1s"]);
    assert_eq!(stage.deadline(), first + millis(3_500));
}

/// What an advertisement in Backup does to the down timer.
enum Timer {
    /// Armed by it, for this long.
    Armed(Duration),
    /// As before.
    Untouched,
}

#[test]
fn rows_6_to_10_in_backup() {
    let two = secs(2);
    let two_down = Duration::from_nanos(7_218_750_000);
    let rows: Vec<(&str, Config, Said, Timer, &[&str])> = vec![
        ("6", config(), says(LOWER, 0), Timer::Armed(SKEW), &[]),
        ("6, no preemption", patient(), says(HIGHER, 0), Timer::Armed(SKEW), &[]),
        ("6, version 2", version_two(), says(LOWER, 0).v2(), Timer::Armed(SKEW), &[]),
        ("7", config(), says(LOWER, 101), Timer::Armed(DOWN), &[]),
        ("7, owner", config(), says(LOWER, 255), Timer::Armed(DOWN), &[]),
        (
            "7, another interval",
            config(),
            says(LOWER, 101).every(two),
            Timer::Armed(two_down),
            &["remark mismatch", "remark interval-learnt"],
        ),
        ("7, by address", config(), says(HIGHER, 100), Timer::Armed(DOWN), &[]),
        ("7, version 2", version_two(), says(LOWER, 101).v2(), Timer::Armed(DOWN), &[]),
        ("8", config(), says(LOWER, 100), Timer::Armed(DOWN), &[]),
        ("8, version 2", version_two(), says(LOWER, 100).v2(), Timer::Armed(DOWN), &[]),
        ("9", config(), says(HIGHER, 99), Timer::Untouched, &[]),
        ("9, learns nothing", config(), says(HIGHER, 99).every(two), Timer::Untouched, &["remark mismatch"]),
        ("9, version 2", version_two(), says(HIGHER, 99).v2(), Timer::Untouched, &[]),
        ("10", patient(), says(HIGHER, 99), Timer::Armed(DOWN), &[]),
        (
            "10, another interval",
            patient(),
            says(HIGHER, 99).every(two),
            Timer::Armed(two_down),
            &["remark mismatch", "remark interval-learnt"],
        ),
    ];
    for (row, config, said, timer, done) in rows {
        let mut stage = Stage::started(config);
        let before = stage.deadline();
        stage.now = at(1_234_567_891);
        assert_eq!(stage.turn(&said), done, "row {row}");
        assert_eq!(stage.state(), "Backup", "row {row}");
        let after = match timer {
            Timer::Armed(span) => stage.now + span,
            Timer::Untouched => before,
        };
        assert_eq!(stage.deadline(), after, "row {row}");
        assert_eq!(stage.counter("advertisements-received"), 1, "row {row}");
    }
}

#[test]
fn rows_6_to_10_in_active() {
    let asserted = ["remark asserted", "send v3 p100 1s", "announce"];
    let asserted_v2 = ["remark asserted", "send v2 p100 1s", "announce"];
    let yielded_v2 = ["send v2 p100 1s", "release", "no will", "Active -> Backup"];
    let rows: Vec<(&str, Config, Said, &[&str], &str)> = vec![
        ("6", config(), says(LOWER, 0), &["send v3 p100 1s"], "Active"),
        ("6, version 2", version_two(), says(LOWER, 0).v2(), &["send v2 p100 1s"], "Active"),
        ("7, by priority", config(), says(LOWER, 101), &YIELD, "Backup"),
        ("7, by address", config(), says(HIGHER, 100), &YIELD, "Backup"),
        ("7, without preemption", patient(), says(HIGHER, 101), &YIELD, "Backup"),
        ("7, version 2", version_two(), says(HIGHER, 100).v2(), &yielded_v2, "Backup"),
        ("8", config(), says(LOWER, 100), &asserted, "Active"),
        ("8, version 2", version_two(), says(LOWER, 100).v2(), &asserted_v2, "Active"),
        ("9", config(), says(HIGHER, 99), &asserted, "Active"),
        ("9, version 2", version_two(), says(HIGHER, 99).v2(), &asserted_v2, "Active"),
        ("10", patient(), says(HIGHER, 99), &asserted, "Active"),
    ];
    for (row, config, said, done, state) in rows {
        let mut stage = Stage::active(config);
        let cadence = stage.deadline();
        stage.pass(millis(300));
        assert_eq!(stage.turn(&said), done, "row {row}");
        assert_eq!(stage.state(), state, "row {row}");
        let next = match (state, said.advertisement.priority) {
            ("Backup", _) => stage.now + DOWN,
            (_, 0) => stage.now + secs(1),
            _ => cadence,
        };
        // The repeat of the announcement comes with the second advertisement, and may come before this one.
        assert_eq!(stage.deadline(), next.min(if state == "Active" { cadence } else { next }), "row {row}");
    }
}

#[test]
fn a_loser_learns_the_winners_interval() {
    let mut stage = Stage::active(config());
    stage.turn(&says(HIGHER, 200).every(secs(2)));
    assert_eq!(stage.deadline(), stage.now + Duration::from_nanos(7_218_750_000));
    assert_eq!(stage.timer("active-advertise-interval").length, secs(2));
    assert_eq!(stage.timer("skew-time").length, Duration::from_nanos(1_218_750_000));
    // Active again, it says its own.
    let done = stage.next_tick();
    assert_eq!(done, TAKE_OVER);
    assert_eq!(stage.deadline(), stage.now + secs(1));
}

#[test]
fn nothing_is_heard_before_the_start_or_after_the_stop() {
    let mut stage = Stage::bare(config());
    stage.tell(Input::Link(&link()));
    assert!(stage.turn(&says(LOWER, 200)).is_empty());
    assert!(stage.view().neighbours.is_empty());
    stage.tell(Input::Start);
    stage.tell(Input::Stop);
    assert!(stage.turn(&says(LOWER, 0)).is_empty());
    assert_eq!((stage.state(), stage.waits()), ("Initialize", false));
}

#[test]
fn the_down_timer_runs_from_the_frames_arrival() {
    let mut stage = Stage::started(config());
    stage.now = at(2_000_000_000);
    stage.hear_at(&says(LOWER, 200), at(1_500_000_000));
    assert_eq!(stage.deadline(), at(1_500_000_000) + DOWN);
    // Time stamps that run backwards, or ahead, change nothing for the worse.
    stage.hear_at(&says(LOWER, 200), at(1_000_000_000));
    assert_eq!(stage.deadline(), at(1_500_000_000) + DOWN);
    stage.hear_at(&says(LOWER, 200), at(9_000_000_000));
    assert_eq!(stage.deadline(), at(2_000_000_000) + DOWN);
}

#[test]
fn what_an_active_sends_and_holds() {
    let mut stage = Stage::started(config());
    stage.next_tick();
    let sent = stage.sent()[0].clone();
    assert_eq!((sent.source, sent.destination), (ip("10.0.0.5"), ip("224.0.0.18")));
    assert_eq!((sent.hop_limit, sent.traffic_class, sent.identification), (255, 0xc0, 1));
    let fhrp::Route::Link { source_mac, destination_mac } = sent.route else { panic!("{sent:?}") };
    assert_eq!(source_mac.to_string(), "00:00:5e:00:01:01");
    assert_eq!(destination_mac.to_string(), "01:00:5e:00:00:12");
    let hold = stage.actions.iter().find_map(|action| match action {
        fhrp::Action::Hold(holdings) => Some(holdings.clone()),
        _ => None,
    });
    let hold = hold.unwrap();
    assert_eq!(hold.lease, secs(3));
    assert!(hold.forward.contains_key(&source_mac));
    let vip = hold.addresses[&ip("10.0.0.1")];
    assert_eq!(vip.presence, fhrp::Presence::Accepted);
    assert_eq!(vip.answer, fhrp::Answer::With(source_mac));
}

#[test]
fn a_priority_zero_is_answered_once_by_whoever_is_best() {
    let mut stage = Stage::started(config());
    stage.turn(&says(LOWER, 200));
    stage.pass(millis(400));
    stage.turn(&says(LOWER, 0));
    assert_eq!(stage.view().active, None);
    assert_eq!(stage.deadline(), stage.now + SKEW);
    // The leaving router serves hosts until it hears us: by then we have to be able to.
    assert_eq!(
        stage.next_tick(),
        ["hold", "once held, send v3 p100 1s", "will", "announce", "Backup -> Active"]
    );
    assert_eq!(stage.view().reason, "10.0.0.2 gave up the role (priority 0)");
}
