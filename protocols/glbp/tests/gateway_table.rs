//! The gateway's table of states and events, row by row.
//!
//! Where it matters another router, 10.0.0.9 with priority 200, is active and forwards for all four numbers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use std::time::Duration;

use fhrp::{Input, Link};
use glbp::Config;
use glbp::config::Preempt;
use glbp::wire::State;
use stage::{HIGHER, LOWER, Said, Stage, at, best, config, learning, link, millis, preempting, says, secs};

const TEN: Option<Duration> = Some(Duration::from_secs(10));

/// State, what is heard, what is done in that turn, next state, active timer, standby timer.
type Row<'a> = (&'a str, Said, &'a [&'a str], &'a str, Option<Duration>, Option<Duration>);

fn check(event: &str, config: &Config, rows: &[Row<'_>]) {
    for (state, said, lines, next, active, standby) in rows {
        let mut stage = Stage::reaching(config.clone(), state);
        // Between two hellos.
        stage.tick();
        stage.pass(millis(1));
        let row = format!("{event} in {state}");
        assert_eq!(stage.turn(said), *lines, "{row}");
        assert_eq!(stage.state(), *next, "{row}");
        assert_eq!(stage.remaining("active-timer"), *active, "{row}, active timer");
        assert_eq!(stage.remaining("standby-timer"), *standby, "{row}, standby timer");
    }
}

/// Short of ten seconds by the millisecond that has passed.
const LEFT: Option<Duration> = Some(Duration::from_millis(9_999));

#[test]
fn initial() {
    let mut stage = Stage::bare(config());
    assert_eq!(stage.tell(Input::Start), ["Disabled -> Initial"]);
    assert_eq!(stage.tell(Input::Start), Vec::<String>::new(), "running already");
    let down = Link { up: false, ..link() };
    assert_eq!(stage.tell(Input::Link(&down)), ["remark waiting"]);
    assert_eq!(stage.tell(Input::Link(&link())), ["Initial -> Listen"]);
    assert_eq!(stage.next_tick(), ["hello listen p100"]);
    assert_eq!((stage.remaining("active-timer"), stage.remaining("standby-timer")), (TEN, TEN));
}

#[test]
fn listen_says_hello_again_and_again() {
    let mut stage = Stage::started(config());
    assert_eq!((stage.next_tick(), stage.now), (vec!["hello listen p100".to_owned()], at(3)));
    assert_eq!((stage.next_tick(), stage.now), (vec!["hello listen p100".to_owned()], at(6)));
}

#[test]
fn active_hello_better() {
    let better = says(HIGHER, State::Active, 210);
    let rows: [Row<'_>; 4] = [
        ("Listen", better.clone(), &[], "Listen", TEN, LEFT),
        ("Speak", better.clone(), &[], "Speak", TEN, LEFT),
        ("Standby", better.clone(), &[], "Standby", TEN, None),
        ("Active", better, &["hello speak p100", "release", "no will", "Active -> Speak"], "Speak", TEN, TEN),
    ];
    check("a better Active", &config(), &rows);
}

#[test]
fn active_hello_worse_with_preemption_off() {
    let worse = says(LOWER, State::Active, 90);
    let rows: [Row<'_>; 4] = [
        ("Listen", worse.clone(), &[], "Listen", TEN, LEFT),
        ("Speak", worse.clone(), &[], "Speak", TEN, LEFT),
        ("Standby", worse.clone(), &[], "Standby", TEN, None),
        ("Active", worse, &["remark asserted", "hello active p100"], "Active", None, None),
    ];
    check("a worse Active", &config(), &rows);
}

#[test]
fn active_hello_worse_is_preempted() {
    let worse = says(LOWER, State::Active, 90);
    let active = ["hold", "will hello listen p0", "hello active p100"];
    let rows: [Row<'_>; 3] = [
        ("Listen", worse.clone(), &["Listen -> Speak", "hello speak p100"], "Speak", TEN, TEN),
        ("Speak", worse.clone(), &[active[0], active[1], "Speak -> Active", active[2]], "Active", None, None),
        ("Standby", worse, &[active[0], active[1], "Standby -> Active", active[2]], "Active", None, None),
    ];
    check("a worse Active", &preempting(), &rows);
}

#[test]
fn standby_hello() {
    let better = says(HIGHER, State::Standby, 150);
    let worse = says(LOWER, State::Standby, 90);
    let other = says("10.0.0.8", State::Standby, 150);
    let rows: [Row<'_>; 7] = [
        ("Listen", other.clone(), &[], "Listen", LEFT, TEN),
        ("Listen", worse.clone(), &["Listen -> Speak", "hello speak p100"], "Speak", LEFT, TEN),
        ("Speak", other.clone(), &["Speak -> Listen", "hello listen p100"], "Listen", LEFT, TEN),
        ("Speak", worse.clone(), &["Speak -> Standby", "hello standby p100"], "Standby", LEFT, None),
        ("Standby", other, &["Standby -> Listen", "hello listen p100"], "Listen", LEFT, TEN),
        ("Active", better, &[], "Active", None, TEN),
        ("Active", worse.clone(), &[], "Active", None, TEN),
    ];
    check("Standby", &config(), &rows);
    check("a worse Standby", &config(), &[("Standby", worse, &[], "Standby", LEFT, None)]);
}

#[test]
fn speak_hello() {
    let better = says("10.0.0.8", State::Speak, 150);
    let worse = says(LOWER, State::Speak, 90);
    let margin = Some(millis(10_050));
    let rows: [Row<'_>; 8] = [
        ("Listen", better.clone(), &[], "Listen", LEFT, LEFT),
        ("Speak", better.clone(), &["Speak -> Listen", "hello listen p100"], "Listen", LEFT, margin),
        ("Standby", better.clone(), &[], "Standby", LEFT, None),
        ("Active", better, &[], "Active", None, None),
        ("Listen", worse.clone(), &[], "Listen", LEFT, LEFT),
        ("Speak", worse.clone(), &[], "Speak", LEFT, LEFT),
        ("Standby", worse.clone(), &[], "Standby", LEFT, None),
        ("Active", worse, &[], "Active", None, None),
    ];
    check("Speak", &config(), &rows);
}

#[test]
fn active_gateway_gives_the_role_up() {
    let active = ["hold", "will hello listen p0", "Standby -> Active", "hello active p100"];
    let listens = says(HIGHER, State::Listen, 200);
    let rows: [Row<'_>; 3] = [
        ("Listen", listens.clone(), &["Listen -> Speak", "hello speak p100"], "Speak", TEN, TEN),
        ("Speak", listens.clone(), &[], "Speak", None, LEFT),
        ("Standby", listens, &active, "Active", None, None),
    ];
    check("Listen of the active gateway", &config(), &rows);
    let speaks = says(HIGHER, State::Speak, 200);
    check("Speak of the active gateway", &config(), &[("Standby", speaks, &active, "Active", None, None)]);
    // It leaves altogether.
    let mut stage = Stage::reaching(config(), "Standby");
    let lines = stage.turn(&says(HIGHER, State::Listen, 0).leaving(1));
    assert!(lines.contains(&"Standby -> Active".to_owned()), "{lines:?}");
    assert!(lines.contains(&"once held, forwarder 1/135 from 1".to_owned()), "{lines:?}");
}

#[test]
fn standby_gateway_leaves() {
    let mut stage = Stage::reaching(config(), "Active");
    stage.turn(&says(LOWER, State::Standby, 90));
    stage.turn(&says(LOWER, State::Listen, 0));
    assert_eq!((stage.detail("standby-gateway"), stage.remaining("standby-timer")), ("unknown".into(), None));

    let mut stage = Stage::reaching(config(), "Listen");
    stage.turn(&says("10.0.0.8", State::Standby, 150));
    assert_eq!(stage.turn(&says("10.0.0.8", State::Listen, 0)), ["Listen -> Speak", "hello speak p100"]);
}

#[test]
fn active_timer() {
    // Listen: the active gateway falls silent, the standby gateway does not.
    let mut stage = Stage::reaching(config(), "Listen");
    stage.run_to(at(5));
    stage.turn(&says("10.0.0.8", State::Standby, 150));
    let lines = stage.run_to(at(10));
    assert!(lines.contains(&(secs(10), "Listen -> Speak".to_owned())), "{lines:?}");
    assert_eq!(stage.view().reason, format!("active gateway {HIGHER} is silent"));

    let mut stage = Stage::reaching(config(), "Standby");
    stage.tick();
    let silent_at = stage.now + secs(10);
    let lines = stage.run_to(silent_at);
    assert_eq!((stage.state(), stage.detail("active-gateway")), ("Active", "local".to_owned()), "{lines:?}");
    assert_eq!(stage.detail("standby-gateway"), "unknown");
}

#[test]
fn standby_timer() {
    // Listen: nobody was ever heard.
    let mut stage = Stage::started(config());
    let lines = stage.run_to(at(10));
    assert!(lines.contains(&(secs(10), "Listen -> Speak".to_owned())), "{lines:?}");
    // Speak: nobody is active, and nobody ever was.
    let lines = stage.run_to(at(20));
    let at_twenty: Vec<&str> =
        lines.iter().filter(|(when, _)| *when == secs(20)).map(|(_, line)| line.as_str()).collect();
    assert_eq!(at_twenty, ["hold", "will hello listen p0", "Speak -> Active", "hello active p100"]);

    // Speak: somebody is active.
    let mut stage = Stage::reaching(config(), "Speak");
    let until = stage.now + secs(9);
    stage.run_to(until);
    stage.turn(&best());
    let lines = stage.run(secs(1));
    assert_eq!(lines.iter().filter(|line| line.contains("->")).collect::<Vec<_>>(), ["Speak -> Standby"]);

    // Active.
    let mut stage = Stage::reaching(config(), "Active");
    stage.turn(&says(LOWER, State::Standby, 90));
    assert!(stage.detail("standby-gateway").starts_with(LOWER));
    stage.run(secs(10));
    assert_eq!((stage.state(), stage.detail("standby-gateway")), ("Active", "unknown".to_owned()));
}

#[test]
fn the_delay_of_preemption_runs_from_the_beginning() {
    let delayed = Config { preempt: Preempt { on: true, delay: secs(5) }, ..config() };
    let worse = says(LOWER, State::Active, 90);
    let mut stage = Stage::started(delayed.clone());
    stage.run_to(at(2));
    assert_eq!(stage.turn(&worse), ["request to 10.0.0.2"]);
    assert_eq!(stage.remaining("preempt-delay"), Some(secs(3)));
    let lines = stage.run_to(at(5));
    assert!(lines.contains(&(secs(5), "Listen -> Speak".to_owned())), "{lines:?}");
    assert!(stage.turn(&worse).contains(&"Speak -> Active".to_owned()));

    // Later it runs from when we become better.
    let mut stage = Stage::started(delayed);
    stage.turn(&best());
    stage.run_to(at(8));
    stage.turn(&worse);
    assert_eq!(stage.remaining("preempt-delay"), Some(secs(5)));
    stage.run_to(at(11));
    stage.turn(&best());
    assert_eq!(stage.view().timers.iter().find(|timer| timer.name == "preempt-delay"), None);
}

#[test]
fn interface_down() {
    for state in ["Listen", "Speak", "Standby", "Active"] {
        let mut stage = Stage::reaching(config(), state);
        let held = state == "Active";
        let down = Link { up: false, ..link() };
        let mut expected: Vec<String> = if held { vec!["release".into(), "no will".into()] } else { vec![] };
        expected.push(format!("{state} -> Initial"));
        assert_eq!(stage.tell(Input::Link(&down)), expected);
        assert!(!stage.waits());
        assert_eq!(stage.tell(Input::Link(&link())), ["Initial -> Listen"]);
    }
}

#[test]
fn stopping_says_goodbye_twice() {
    for state in ["Listen", "Speak", "Standby"] {
        let mut stage = Stage::reaching(config(), state);
        let transition = format!("{state} -> Listen");
        assert_eq!(stage.tell(Input::Stop), ["hello listen p0".to_owned(), transition]);
        stage.now = stage.deadline();
        assert_eq!(stage.tick(), ["hello listen p0", "Listen -> Disabled"]);
        assert!(!stage.waits());
    }
}

#[test]
fn an_active_gateway_that_stops_answers_until_its_successor_does() {
    let mut stage = Stage::reaching(config(), "Active");
    stage.run(secs(10));
    assert_eq!(stage.forwarders(), ["1 Active own local"]);
    assert_eq!(stage.tell(Input::Stop), ["hello listen p0 1/0", "Active -> Listen"]);
    assert_eq!(stage.ask(7), ["answer 00:07:b4:00:01:01"]);
    stage.pass(millis(3));
    assert_eq!(stage.turn(&says(LOWER, State::Active, 90)), Vec::<String>::new());
    assert_eq!(stage.ask(7), Vec::<String>::new());
    stage.pass(millis(3));
    assert_eq!(stage.turn(&stage::claims(LOWER, 1, 135)), ["release", "remark forwarder"]);
    assert_eq!(stage.next_tick(), ["hello listen p0", "no will", "Listen -> Disabled"]);
    assert!(!stage.waits());

    // Nobody is there.
    let mut stage = Stage::reaching(config(), "Active");
    stage.tell(Input::Stop);
    let lines = stage.run(millis(250));
    assert_eq!(lines, ["hello listen p0", "release", "no will", "Listen -> Disabled"]);
}

#[test]
fn learning_the_address() {
    for state in [State::Active, State::Standby, State::Speak] {
        let mut stage = Stage::started(learning());
        assert_eq!((stage.state(), stage.waits()), ("Initial", false));
        assert_eq!(stage.view().reason, "the virtual address is to be learnt");
        assert!(stage.hear(&says(LOWER, State::Listen, 90)).is_empty());
        assert!(stage.hear(&says(LOWER, state, 90).address("0.0.0.0")).is_empty());
        assert!(stage.hear(&says(LOWER, state, 90).address("192.0.2.1")).is_empty(), "no network of ours");
        // What follows is what it would have been a moment later.
        let expected = ["remark address-learnt", "Initial -> Listen", "Listen -> Speak"];
        let length = if state == State::Standby { 3 } else { 2 };
        assert_eq!(stage.hear(&says(LOWER, state, 90)), expected[..length]);
    }
    let mut stage = Stage::started(learning());
    stage.hear(&says(LOWER, State::Active, 90));
    let lines = stage.hear(&says(LOWER, State::Active, 90).address("10.0.0.77"));
    assert!(lines.contains(&"remark address-learnt".to_owned()), "{lines:?}");
    assert_eq!(stage.detail("address"), "10.0.0.77, learnt from the group");
    stage.tell(Input::Link(&Link { up: false, ..link() }));
    stage.tell(Input::Link(&link()));
    assert_eq!(stage.state(), "Initial", "what was learnt does not outlive the interface");
}

#[test]
fn times_are_those_of_the_active_gateway() {
    let own = glbp::config::Times { hello: secs(3), hold: secs(10) };
    let mut stage = Stage::started(Config { times: Some(own), ..config() });
    let fast = says(HIGHER, State::Active, 200).times(secs(1), secs(4));
    assert_eq!(stage.turn(&fast), ["remark times-learnt", "request to 10.0.0.9"]);
    assert_eq!((stage.timer("hello-time").length, stage.timer("hold-time").length), (secs(1), secs(4)));
    assert_eq!(stage.detail("configured-times"), "hello 3 s, hold 10 s");
    assert_eq!(stage.remaining("active-timer"), Some(secs(4)));
    stage.run(secs(20));
    assert_eq!(stage.state(), "Active");
    assert_eq!(stage.timer("hello-time").length, secs(3), "its own, once it is active itself");

    // Without times of its own it keeps those that it learnt.
    let mut stage = Stage::started(config());
    stage.turn(&fast);
    stage.run(secs(30));
    assert_eq!((stage.state(), stage.timer("hello-time").length), ("Active", secs(1)));
}

#[test]
fn a_worse_gateway_is_answered_once_in_a_while() {
    let mut stage = Stage::reaching(config(), "Active");
    let worse = says(LOWER, State::Active, 90);
    assert_eq!(stage.turn(&worse), ["remark asserted", "hello active p100"]);
    stage.pass(millis(99));
    assert_eq!(stage.turn(&worse), Vec::<String>::new());
    stage.pass(millis(1));
    assert_eq!(stage.turn(&worse), ["remark asserted", "hello active p100"]);
    let mut stage = Stage::reaching(config(), "Active");
    for _ in 0..1000 {
        stage.hear(&worse);
    }
    assert_eq!(stage.tick(), ["hello active p100"], "a thousand stale frames are answered once");
}
