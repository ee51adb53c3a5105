//! Events that no RFC has: delays, hand-over, stalls, two Actives, links, tracking, the kernel, reloads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use std::time::Duration;

use fhrp::{Command, Input, Instant, Link, Mac};
use stage::{HIGHER, LOWER, Stage, address, at, config, link, millis, says, secs};
use vrrp::Config;
use vrrp::config::Versions;

const DOWN: Duration = Duration::from_nanos(3_609_375_000);

fn count(lines: &[String], line: &str) -> usize {
    lines.iter().filter(|said| said.starts_with(line)).count()
}

#[test]
fn a_preempt_delay_holds_back_preemption_alone() {
    let config = Config { preempt_delay: secs(10), ..config() };
    // It runs from the start; meanwhile a worse Active is obeyed.
    let mut stage = Stage::started(config.clone());
    for _ in 0..9 {
        stage.pass(secs(1));
        assert!(stage.turn(&says(LOWER, 50)).is_empty());
    }
    assert_eq!(stage.deadline(), at(9_000_000_000) + DOWN);
    // Afterwards its adverts are discarded, and the timer that was armed last runs out.
    for second in 10..13 {
        stage.now = at(second * 1_000_000_000);
        stage.turn(&says(LOWER, 50));
    }
    assert_eq!(stage.deadline(), at(9_000_000_000) + DOWN);
    assert_eq!(stage.next_tick().last().unwrap(), "Backup -> Active");
    assert_eq!(stage.view().reason, "preempting 10.0.0.2, whose priority is lower");

    // An Active that disappears is replaced in the usual time.
    let mut stage = Stage::started(config.clone());
    stage.pass(secs(1));
    stage.turn(&says(LOWER, 50));
    stage.next_tick();
    assert_eq!((stage.state(), stage.now), ("Active", at(1_000_000_000) + DOWN));

    // Long after the start it is the first worse advertisement that starts the delay.
    let mut stage = Stage::started(config);
    for _ in 0..30 {
        stage.pass(secs(1));
        stage.turn(&says(LOWER, 200));
    }
    stage.pass(secs(1));
    stage.turn(&says(LOWER, 50));
    assert_eq!(stage.deadline(), stage.now + DOWN);
    assert_eq!(stage.timer("preempt-delay").remaining, Some(secs(10)));
}

#[test]
fn a_startup_delay_is_for_listening() {
    let delayed = Config { startup_delay: secs(20), ..config() };
    let mut stage = Stage::started(delayed.clone());
    assert_eq!(stage.deadline(), at(20_000_000_000));
    assert_eq!(count(&stage.run(millis(19_999)), ""), 0);
    assert_eq!(stage.next_tick().last().unwrap(), "Backup -> Active");

    // With a live Active nothing is ever said.
    let mut stage = Stage::started(delayed.clone());
    for _ in 0..40 {
        stage.pass(secs(1));
        assert!(stage.turn(&says(LOWER, 200)).is_empty());
    }
    assert_eq!(stage.state(), "Backup");

    // An owner listens too, and takes over as soon as the delay is over.
    let mut stage = Stage::started(Config { priority: 255, ..delayed.clone() });
    assert_eq!((stage.state(), stage.deadline()), ("Backup", at(20_000_000_000)));
    assert_eq!(stage.next_tick()[0], "send v3 p255 1s");

    // Links that come and go while the machine boots start no delay of their own.
    let mut stage = Stage::started(delayed);
    stage.now = at(19_000_000_000);
    stage.tell(Input::Link(&Link { up: false, ..link() }));
    stage.tell(Input::Link(&link()));
    assert_eq!(stage.deadline(), at(19_000_000_000) + DOWN);
}

#[test]
fn a_graceful_stop_holds_until_the_successor_speaks() {
    let mut stage = Stage::active(config());
    stage.pass(millis(100));
    assert_eq!(stage.tell(Input::Stop), ["send v3 p0 1s", "remark leaving"]);
    assert_eq!(stage.state(), "Active");
    // An advert from before our goodbye is no answer to it.
    let before = stage.now - millis(1);
    assert!(stage.hear_at(&says(LOWER, 50), before).is_empty());
    stage.pass(millis(300));
    assert_eq!(stage.hear(&says(LOWER, 50)), ["release", "no will", "Active -> Initialize"]);
    assert_eq!(stage.view().reason, "stopped; handed over to 10.0.0.2");
    assert!(!stage.waits());
}

#[test]
fn an_alarm_does_not_outlive_the_stop() {
    let mut stage = Stage::started(Config { priority: 255, versions: Versions::V2, ..config() });
    stage.tell(Input::Stop);
    assert_eq!(stage.hear(&says(HIGHER, 255).v2()), ["refused owner-conflicts", "alarm two-owners"]);
    let done = stage.run(secs(2));
    assert_eq!(done, ["alarm two-owners over", "release", "no will", "Active -> Initialize"]);
    assert!(!stage.waits());
}

#[test]
fn a_hand_over_ends_as_backup_and_is_not_taken_back() {
    let mut stage = Stage::active(config());
    assert_eq!(stage.command(Command::HandOver), ["send v3 p0 1s", "remark leaving"]);
    stage.pass(millis(700));
    assert_eq!(stage.turn(&says(LOWER, 50)), ["release", "no will", "Active -> Backup"]);
    for _ in 0..10 {
        stage.pass(secs(1));
        assert!(stage.turn(&says(LOWER, 50)).is_empty());
    }
    assert_eq!(stage.view().active.unwrap().to_string(), LOWER);
    // When the successor fails we take over as ever.
    stage.next_tick();
    assert_eq!(stage.state(), "Active");
}

#[test]
fn a_hand_over_without_a_taker_goes_on() {
    let mut stage = Stage::active(config());
    stage.command(Command::HandOver);
    let done = stage.next_tick();
    assert_eq!(done, ["send v3 p100 1s", "will", "remark hand-over-failed"]);
    assert_eq!((stage.state(), stage.deadline()), ("Active", stage.now + secs(1)));
}

#[test]
fn commands_make_sense_only_while_active() {
    let mut stage = Stage::started(config());
    assert_eq!(stage.command(Command::HandOver), ["remark command-ignored"]);
    assert_eq!(stage.command(Command::Announce), ["remark command-ignored"]);
    let mut stage = Stage::active(config());
    assert_eq!(stage.command(Command::Announce), ["announce"]);
}

#[test]
fn a_backlog_is_answered_once() {
    let fast = Config { advertise_interval: millis(10), ..config() };
    let worse = says(LOWER, 50).every(millis(10));
    let mut stage = Stage::active(fast.clone());
    stage.run(secs(6));
    let began = stage.now;
    stage.pass(secs(10));
    let mut lines = Vec::new();
    for number in 1..=1000 {
        lines.extend(stage.hear_at(&worse, began + millis(10) * number));
    }
    assert_eq!(count(&lines, "send") + count(&lines, "announce"), 0, "nothing is sent while frames wait");
    lines.extend(stage.tick());
    assert_eq!((count(&lines, "send"), count(&lines, "announce")), (1, 1));
    assert_eq!(count(&lines, "remark asserted"), 1);
    assert!(stage.deadline() > stage.now);

    // A better one among them ends it; one last word, nothing announced.
    let mut stage = Stage::active(fast);
    stage.run(secs(6));
    let (began, mut lines) = (stage.now, Vec::new());
    stage.pass(secs(10));
    for number in 1..=1000 {
        lines.extend(stage.hear_at(&worse, began + millis(10) * number));
        lines.extend(stage.hear_at(&says(HIGHER, 200).every(millis(10)), began + millis(10) * number));
    }
    lines.extend(stage.tick());
    assert_eq!((count(&lines, "send"), count(&lines, "announce")), (1, 0));
    assert_eq!(stage.state(), "Backup");
}

#[test]
fn a_late_active_presumes_that_it_was_replaced() {
    // Who preempts takes up again what lapsed, with one advertisement and one announcement.
    for by_engine in [true, false] {
        let mut stage = Stage::active(config());
        stage.run(secs(6));
        stage.pass(secs(5));
        let mut lines = Vec::new();
        if by_engine {
            lines.extend(stage.tell(Input::Lapsed(secs(5))));
        }
        lines.extend(stage.tick());
        assert_eq!(lines, ["remark stalled", "hold", "send v3 p100 1s", "announce"]);
        assert_eq!(stage.deadline(), stage.now + secs(1));
    }
    // Who does not preempt goes and listens.
    for by_engine in [true, false] {
        let mut stage = Stage::active(Config { preempt: false, ..config() });
        stage.run(secs(6));
        stage.pass(secs(5));
        let mut lines = stage.hear(&says(LOWER, 50));
        if by_engine {
            lines.extend(stage.tell(Input::Lapsed(secs(5))));
        }
        lines.extend(stage.tick());
        assert_eq!(lines, ["remark asserted", "release", "no will", "Active -> Backup"]);
        assert_eq!(stage.deadline(), stage.now + DOWN);
    }
}

#[test]
fn a_late_backup_listens_before_it_believes_the_silence() {
    let mut stage = Stage::started(config());
    stage.turn(&says(LOWER, 200));
    stage.pass(secs(60));
    assert_eq!(stage.tick(), ["remark stalled"]);
    assert_eq!(stage.deadline(), stage.now + secs(1) + Duration::from_nanos(609_375_000));
    assert!(stage.turn(&says(LOWER, 200)).is_empty());
    assert_eq!(stage.deadline(), stage.now + DOWN);
}

#[test]
fn a_split_brain_ends_with_one_event_and_one_announcement() {
    let mut stage = Stage::active(config());
    stage.run(secs(6));
    let mut lines = stage.turn(&says(LOWER, 50));
    lines.extend(stage.run(secs(20)));
    assert_eq!((count(&lines, "remark asserted"), count(&lines, "announce")), (1, 1));
    assert_eq!(count(&lines, "alarm"), 0, "a loser that gives in is no alarm");
    assert_eq!(stage.counter("asserted"), 1);

    // One that goes on is: once per interval we announce, and once more at its end.
    let mut lines = Vec::new();
    for _ in 0..5 {
        lines.extend(stage.turn(&says(LOWER, 50)));
        lines.extend(stage.run(secs(1)));
    }
    assert_eq!(count(&lines, "remark asserted"), 5);
    assert_eq!(count(&lines, "alarm two-actives"), 1);
    let lines = stage.run(secs(10));
    assert_eq!((count(&lines, "alarm two-actives over"), count(&lines, "announce")), (1, 1));
}

#[test]
fn a_flood_of_worse_adverts_is_not_answered_one_by_one() {
    let mut stage = Stage::active(config());
    stage.run(secs(6));
    let mut lines = Vec::new();
    for _ in 0..1000 {
        lines.extend(stage.turn(&says(LOWER, 50).every(millis(10))));
        lines.extend(stage.run(millis(1)));
    }
    // One second: an answer every five milliseconds at the most, and one announcement an interval.
    assert!(count(&lines, "send") <= 202, "{}", count(&lines, "send"));
    assert!(count(&lines, "announce") <= 3, "{}", count(&lines, "announce"));
}

#[test]
fn each_advert_of_a_rival_that_goes_on_is_answered() {
    let mut stage = Stage::active(config());
    stage.run(secs(6));
    let mut lines = Vec::new();
    for _ in 0..20 {
        lines.extend(stage.turn(&says(LOWER, 50).every(millis(100))));
        lines.extend(stage.run(millis(100)));
    }
    // Its adverts, which teach switches its port, and our own two.
    assert!(count(&lines, "send") >= 20, "{}", count(&lines, "send"));
}

#[test]
fn the_last_word_of_the_preempted_is_no_split_brain() {
    let mut stage = Stage::started(config());
    for _ in 0..3 {
        stage.turn(&says(LOWER, 50));
        stage.pass(secs(1));
    }
    stage.turn(&says(LOWER, 50));
    stage.next_tick();
    stage.pass(millis(1));
    assert_eq!(stage.turn(&says(LOWER, 50)), ["send v3 p100 1s"]);
    // Whoever speaks after that is one.
    stage.pass(millis(10));
    assert_eq!(count(&stage.turn(&says(LOWER, 50)), "remark asserted"), 1);
}

#[test]
fn the_preempted_has_one_interval_for_its_last_word() {
    let mut stage = Stage::started(config());
    for _ in 0..4 {
        stage.turn(&says(LOWER, 50));
        stage.pass(secs(1));
    }
    stage.next_tick();
    assert_eq!(stage.state(), "Active");
    stage.run(millis(1_001));
    assert_eq!(count(&stage.turn(&says(LOWER, 50)), "remark asserted"), 1);
}

#[test]
fn a_loser_announces_no_more() {
    let mut stage = Stage::active(config());
    stage.turn(&says(LOWER, 50));
    stage.pass(millis(10));
    stage.hear(&says(LOWER, 50));
    stage.turn(&says(HIGHER, 200));
    let mut lines = Vec::new();
    for _ in 0..10 {
        lines.extend(stage.run(secs(1)));
        lines.extend(stage.turn(&says(HIGHER, 200)));
    }
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn announcements_repeat_after_one_and_five_seconds() {
    let mut stage = Stage::active(config());
    let began = stage.now;
    let mut seen = Vec::new();
    for _ in 0..20 {
        if stage.next_tick().contains(&"announce".to_owned()) {
            seen.push(stage.now.since(began));
        }
    }
    assert_eq!(seen, [secs(1), secs(5)]);
}

#[test]
fn links_stop_and_start_with_a_named_cause() {
    let mut stage = Stage::active(config());
    let down = Link { up: false, ..link() };
    assert_eq!(stage.tell(Input::Link(&down)), ["release", "no will", "Active -> Initialize"]);
    assert_eq!(stage.view().reason, "link eth0 is down");
    assert!(!stage.waits());
    assert_eq!(stage.tell(Input::Link(&link())), ["Initialize -> Backup"]);
    assert_eq!(stage.view().reason, "link eth0 is up");

    let bare = Link { addresses: Vec::new(), ..link() };
    let mut stage = Stage::active(config());
    let done = stage.tell(Input::Link(&bare));
    assert_eq!(done, ["send v3 p0 1s", "release", "no will", "Active -> Initialize"]);
    assert_eq!(stage.view().reason, "eth0 has no IPv4 address to speak from");

    let mut stage = Stage::bare(config());
    stage.tell(Input::Link(&Link { up: false, addresses: Vec::new(), ..link() }));
    assert_eq!(stage.tell(Input::Start), ["remark waiting"]);
    assert_eq!(stage.view().reason, "link eth0 is down; eth0 has no IPv4 address to speak from");

    let mut stage = Stage::bare(config());
    stage.tell(Input::Link(&Link { mtu: 30, ..link() }));
    stage.tell(Input::Start);
    assert_eq!(stage.view().reason, "an advertisement of 40 octets does not fit the MTU 30 of eth0");
}

#[test]
fn another_primary_address_speaks_at_once() {
    let mut stage = Stage::active(config());
    let moved = Link { addresses: vec![address("10.0.0.77/24")], ..link() };
    assert_eq!(stage.tell(Input::Link(&moved)), ["send v3 p100 1s", "will"]);
    assert_eq!(stage.sent()[0].source.to_string(), "10.0.0.77");
    assert!(stage.tell(Input::Link(&moved)).is_empty(), "the same link again is no news");
}

#[test]
fn another_interface_mac_is_announced_where_hosts_know_it() {
    let config = Config { virtual_mac: None, ..config() };
    let mut stage = Stage::active(config);
    let other = Link { mac: Mac([2, 0, 0, 0, 0, 6]), ..link() };
    assert_eq!(stage.tell(Input::Link(&other)), ["send v3 p100 1s", "will", "announce"]);
}

#[test]
fn tracked_faults_move_the_priority() {
    let mut stage = Stage::started(config());
    stage.now = at(1_000_000_000);
    assert_eq!(stage.tell(Input::Penalty(50)), ["remark priority"]);
    // The running timer keeps its start: 3 s and 206/256 s.
    assert_eq!(stage.deadline(), at(3_804_687_500));
    assert_eq!((stage.view().priority, stage.view().configured_priority), (Some(50), Some(100)));

    let mut stage = Stage::active(config());
    let cadence = stage.deadline();
    assert_eq!(stage.tell(Input::Penalty(500)), ["remark priority", "send v3 p1 1s"]);
    assert_eq!(stage.deadline(), cadence);
    assert!(stage.tell(Input::Penalty(500)).is_empty());
    assert_eq!(stage.tell(Input::Penalty(0)), ["remark priority", "send v3 p100 1s"]);

    let mut stage = Stage::started(Config { priority: 255, ..config() });
    assert!(stage.tell(Input::Penalty(50)).is_empty(), "an owner's priority is a statement");
}

#[test]
fn what_is_not_held_is_not_advertised() {
    let mut stage = Stage::active(config());
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let done = stage.refuse_hold();
        assert_eq!(done, ["send v3 p0 1s", "release", "no will", "Active -> Initialize"]);
        assert_eq!(stage.view().reason, "add 10.0.0.1/24 to eth0: permission denied");
        let refused = stage.now;
        assert_eq!(stage.next_tick(), ["Initialize -> Backup"]);
        pauses.push(stage.now.since(refused));
        assert_eq!(stage.deadline(), stage.now + DOWN);
        stage.next_tick();
    }
    assert_eq!(pauses, [5, 10, 20, 40, 60, 60].map(secs));
    stage.tell(Input::Held(Ok(())));
    stage.refuse_hold();
    assert_eq!(stage.deadline(), stage.now + secs(5));
    assert_eq!(stage.counter("hold-faults"), 7);
}

#[test]
fn a_reload_that_changes_nothing_is_not_noticed() {
    let mut stage = Stage::active(config());
    let before = stage.deadline();
    assert!(stage.tell(Input::Reconfigure(&config())).is_empty());
    assert_eq!(stage.tell(Input::Reconfigure(&"nonsense")), ["remark reconfiguration-refused"]);
    assert_eq!((stage.state(), stage.deadline()), ("Active", before));
}

#[test]
fn a_reload_keeps_the_role_where_peers_can_follow() {
    let cadence = |stage: &Stage| stage.deadline();
    let mut stage = Stage::active(config());
    let before = cadence(&stage);
    stage.pass(millis(100));
    let done = stage.tell(Input::Reconfigure(&Config { priority: 150, ..config() }));
    assert_eq!(done, ["send v3 p150 1s", "will"]);
    assert_eq!(cadence(&stage), before);

    let mut stage = Stage::active(config());
    stage.pass(millis(100));
    let done = stage.tell(Input::Reconfigure(&Config { advertise_interval: millis(500), ..config() }));
    assert_eq!(done, ["send v3 p100 500ms", "hold", "will"]);
    assert_eq!(stage.deadline(), stage.now + millis(500));

    let mut stage = Stage::active(config());
    let more = Config { addresses: vec![address("10.0.0.1/24"), address("10.0.0.8/24")], ..config() };
    let done = stage.tell(Input::Reconfigure(&more));
    assert_eq!(done, ["send v3 p100 1s", "hold", "will", "announce"]);

    let mut stage = Stage::active(config());
    assert_eq!(stage.tell(Input::Reconfigure(&Config { accept: false, ..config() })), ["hold"]);

    // A Backup of version 3 keeps the interval it has learnt, one of version 2 its own.
    let mut stage = Stage::started(config());
    stage.turn(&says(LOWER, 200).every(secs(2)));
    stage.tell(Input::Reconfigure(&Config { advertise_interval: secs(3), ..config() }));
    assert_eq!(stage.timer("active-advertise-interval").length, secs(2));
    let two = Config { versions: Versions::V2, ..config() };
    let mut stage = Stage::started(two.clone());
    stage.tell(Input::Reconfigure(&Config { advertise_interval: secs(3), ..two }));
    assert_eq!(stage.timer("active-advertise-interval").length, secs(3));

    // Whoever becomes the owner takes over at once.
    let mut stage = Stage::started(config());
    let done = stage.tell(Input::Reconfigure(&Config { priority: 255, ..config() }));
    assert_eq!(done, ["send v3 p255 1s", "hold", "will", "announce", "Backup -> Active"]);
}

#[test]
fn another_virtual_router_starts_anew() {
    let mut stage = Stage::active(config());
    let done = stage.tell(Input::Reconfigure(&Config { versions: Versions::V2, ..config() }));
    assert_eq!(done, ["send v3 p0 1s", "release", "no will", "Active -> Initialize", "Initialize -> Backup"]);
    assert_eq!(stage.deadline(), stage.now + DOWN);
    assert_eq!(stage.now, Instant::ZERO + DOWN);
}
