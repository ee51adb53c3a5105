//! The table of events and states, row by row. RFC 2281 §5.7, with what Cisco's routers do beyond it.
//!
//! A row says what is heard, in which state, what must be done in this order, the next state and what the active and
//! standby timers have left. Where it matters another router, 10.0.0.9 with priority 200, is active.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use std::time::Duration;

use fhrp::{Command, Input, Link};
use hsrp::Config;
use hsrp::config::Preempt;
use hsrp::wire::State;
use stage::{
    HIGHER, LOWER, OURS, Said, Stage, address, at, config, coup, learning, link, millis, preempting, resign,
    says, secs,
};

const TEN: Option<Duration> = Some(Duration::from_secs(10));

/// State, what is heard, what is done at once, next state, active timer, standby timer.
type Row<'a> = (&'a str, Said, &'a [&'a str], &'a str, Option<Duration>, Option<Duration>);

fn check(event: &str, config: &Config, rows: &[Row<'_>]) {
    for (state, said, lines, next, active, standby) in rows {
        let config = if *state == "Learn" { learning() } else { config.clone() };
        let mut stage = Stage::reaching(config, state);
        let row = format!("event {event} in {state}");
        assert_eq!(stage.hear(said), *lines, "{row}");
        assert_eq!(stage.state(), *next, "{row}");
        assert_eq!(stage.remaining("active-timer"), *active, "{row}, active timer");
        assert_eq!(stage.remaining("standby-timer"), *standby, "{row}, standby timer");
    }
}

/// What the standby timer has left in a state that was reached by silence: in Listen all of it; Speak is entered when
/// it runs out.
fn standby_left(state: &str) -> Option<Duration> {
    match state {
        "Listen" | "Speak" => TEN,
        _ => None,
    }
}

#[test]
fn event_a_enabled() {
    let mut stage = Stage::bare(config());
    assert!(stage.tell(Input::Start).contains(&"remark waiting".to_owned()));
    assert_eq!(stage.tell(Input::Link(&link())), ["Initial -> Listen", "interface 0/1"]);
    assert_eq!((stage.remaining("active-timer"), stage.remaining("standby-timer")), (TEN, TEN));

    let mut stage = Stage::bare(learning());
    stage.tell(Input::Link(&link()));
    assert_eq!(stage.tell(Input::Start), ["Initial -> Learn", "interface 0/1"]);
    assert_eq!((stage.remaining("active-timer"), stage.remaining("standby-timer")), (None, None));
    assert!(stage.tell(Input::Start).is_empty(), "running already");
}

#[test]
fn event_b_disabled() {
    for state in ["Learn", "Listen", "Speak", "Standby"] {
        let config = if state == "Learn" { learning() } else { config() };
        let mut stage = Stage::reaching(config.clone(), state);
        assert_eq!(stage.tell(Input::Stop), ["interface 0/0".to_owned(), format!("{state} -> Initial")]);
        assert!(!stage.waits());

        let mut stage = Stage::reaching(config, state);
        let down = Link { up: false, ..link() };
        assert_eq!(stage.tell(Input::Link(&down)), [format!("{state} -> Initial")]);
        assert!(!stage.waits());
    }
    let mut stage = Stage::reaching(config(), "Active");
    assert_eq!(stage.tell(Input::Stop), ["interface 0/0", "resign initial p100", "remark leaving"]);
    assert_eq!(stage.next_tick(), ["release", "no will", "Active -> Initial"]);
    assert!(!stage.waits());

    let mut stage = Stage::reaching(config(), "Active");
    let down = Link { up: false, ..link() };
    assert_eq!(stage.tell(Input::Link(&down)), ["release", "no will", "Active -> Initial"]);
}

#[test]
fn event_c_active_timer() {
    // Listen: nobody was ever heard, and both timers are due at once.
    let mut stage = Stage::started(config());
    stage.now = at(10);
    assert_eq!(stage.tick(), ["hello speak p100", "Listen -> Speak"]);
    assert_eq!((stage.remaining("active-timer"), stage.remaining("standby-timer")), (TEN, TEN));

    // Listen: the active router falls silent, the standby router does not.
    let mut stage = Stage::reaching(config(), "Listen");
    stage.now = at(5);
    stage.turn(&says(HIGHER, State::Standby, 150));
    stage.now = at(10);
    assert_eq!(stage.tick(), ["hello speak p100", "Listen -> Speak"]);
    assert_eq!(stage.view().reason, format!("c: active router {HIGHER} is silent"));

    // Standby.
    let mut stage = Stage::reaching(config(), "Standby");
    stage.now += secs(10);
    let lines = stage.tick();
    let expected = [
        "interface 1/0",
        "hello active p100",
        "hold",
        "will resign initial p100",
        "announce",
        "Standby -> Active",
    ];
    assert_eq!(lines, expected);
    assert_eq!((stage.remaining("active-timer"), stage.remaining("standby-timer")), (None, None));
}

#[test]
fn event_c_in_speak_leads_through_standby() {
    // The active router was heard for the last time three seconds before we began to speak.
    let mut stage = Stage::started(config());
    stage.now = at(7);
    stage.hear(&says(HIGHER, State::Active, 200));
    stage.tick();
    stage.now = at(10);
    assert_eq!(stage.tick(), ["hello speak p100", "Listen -> Speak"]);
    assert_eq!(stage.remaining("active-timer"), Some(secs(7)));
    let said: Vec<String> = stage.run_to(at(19)).into_iter().map(|(_, line)| line).collect();
    assert_eq!(said, ["hello speak p100"; 3]);
    assert_eq!((stage.state(), stage.remaining("active-timer")), ("Speak", None));
    stage.now = at(20);
    let lines = stage.tick();
    assert_eq!(lines[..2], ["hello standby p100", "Speak -> Standby"]);
    assert_eq!(lines.last().unwrap(), "Standby -> Active");
}

#[test]
fn event_d_standby_timer() {
    let mut stage = Stage::reaching(config(), "Listen");
    stage.now = at(6);
    stage.hear(&says(HIGHER, State::Active, 200));
    stage.tick();
    stage.now = at(10);
    assert_eq!(stage.tick(), ["hello speak p100", "Listen -> Speak"]);
    assert_eq!((stage.remaining("active-timer"), stage.remaining("standby-timer")), (Some(secs(6)), TEN));

    let mut stage = Stage::reaching(config(), "Speak");
    stage.now += secs(9);
    stage.hear(&says(HIGHER, State::Active, 200));
    stage.tick();
    stage.now += secs(1);
    assert_eq!(stage.tick(), ["hello standby p100", "Speak -> Standby"]);
    assert_eq!((stage.remaining("active-timer"), stage.remaining("standby-timer")), (Some(secs(9)), None));

    let mut stage = Stage::reaching(config(), "Active");
    stage.hear(&says(LOWER, State::Standby, 50));
    assert_eq!(
        (stage.remaining("standby-timer"), stage.detail("standby-router").as_str()),
        (TEN, "10.0.0.2, priority 50, from 02:00:00:00:00:09")
    );
    let end = stage.now + secs(10);
    stage.run_to(end);
    assert_eq!((stage.state(), stage.remaining("standby-timer")), ("Active", None));
    assert_eq!(stage.detail("standby-router"), "unknown");
}

#[test]
fn event_e_hello_timer() {
    for (state, line) in
        [("Speak", "hello speak p100"), ("Standby", "hello standby p100"), ("Active", "hello active p100")]
    {
        let mut stage = Stage::reaching(config(), state);
        let entered = stage.now;
        assert_eq!(stage.remaining("hello-time"), Some(secs(3)), "{state}");
        stage.now = entered + secs(3);
        assert!(stage.tick().contains(&line.to_owned()), "{state}");
        assert!(stage.tick().is_empty(), "a repeated tick changes nothing");
        // A second late, and the next one in its place.
        stage.now = entered + secs(7);
        assert!(stage.tick().contains(&line.to_owned()), "{state}");
        assert_eq!(stage.remaining("hello-time"), Some(secs(2)), "{state}");
    }
    let stage = Stage::reaching(config(), "Listen");
    assert_eq!(stage.remaining("hello-time"), None);
}

#[test]
fn event_f_a_higher_speaker() {
    let said = || says(HIGHER, State::Speak, 100);
    // The winner's word is waited for a little longer than it takes.
    let and_a_margin = Some(Duration::from_millis(10_050));
    check(
        "f",
        &config(),
        &[
            ("Learn", said(), &[], "Learn", None, None),
            ("Listen", said(), &[], "Listen", TEN, TEN),
            ("Speak", said(), &["Speak -> Listen"], "Listen", TEN, and_a_margin),
            ("Standby", said(), &["Standby -> Listen"], "Listen", TEN, and_a_margin),
            ("Active", said(), &[], "Active", None, None),
        ],
    );
    let said = || says(LOWER, State::Speak, 100);
    let rows = ["Listen", "Speak", "Standby"]
        .map(|state| -> Row<'_> { (state, said(), &[], state, TEN, standby_left(state)) });
    check("none: a lower speaker", &config(), &rows);
}

#[test]
fn event_g_a_higher_active_router() {
    let said = || says(HIGHER, State::Active, 200).times(secs(2), secs(7));
    let seven = Some(secs(7));
    check(
        "g",
        &config(),
        &[
            (
                "Learn",
                said(),
                &["remark address-learnt", "remark times-learnt", "Learn -> Listen"],
                "Listen",
                seven,
                seven,
            ),
            ("Listen", said(), &["remark times-learnt"], "Listen", seven, TEN),
            ("Speak", said(), &["remark times-learnt"], "Speak", seven, TEN),
            ("Standby", said(), &["remark times-learnt"], "Standby", seven, None),
            (
                "Active",
                said(),
                &[
                    "release",
                    "no will",
                    "interface 0/1",
                    "resign speak p100",
                    "hello speak p100",
                    "Active -> Speak",
                ],
                "Speak",
                seven,
                seven,
            ),
        ],
    );
    // By address.
    let mut stage = Stage::reaching(config(), "Active");
    stage.hear(&says(HIGHER, State::Active, 100));
    assert_eq!(
        stage.view().reason,
        format!("g: {HIGHER} is active with our priority 100 and the higher address")
    );
}

#[test]
fn event_h_a_lower_active_router() {
    let said = || says(LOWER, State::Active, 50);
    check(
        "h",
        &config(),
        &[
            ("Learn", said(), &["remark address-learnt", "Learn -> Listen"], "Listen", TEN, TEN),
            ("Listen", said(), &[], "Listen", TEN, TEN),
            ("Speak", said(), &[], "Speak", TEN, TEN),
            ("Standby", said(), &[], "Standby", TEN, None),
            ("Active", said(), &["remark asserted"], "Active", None, None),
        ],
    );
    for (state, coup) in
        [("Listen", "coup listen p100"), ("Speak", "coup speak p100"), ("Standby", "coup standby p100")]
    {
        let mut stage = Stage::reaching(preempting(), state);
        let once_held = |line: &str| format!("once held, {line}");
        let expected = [
            "hold".to_owned(),
            once_held("interface 1/0"),
            once_held(coup),
            once_held("hello active p100"),
            "will resign initial p100".to_owned(),
            "announce".to_owned(),
            format!("{state} -> Active"),
        ];
        assert_eq!(stage.hear(&said()), expected, "{state}");
        // Only a lower priority is preempted, unless addresses are to count as well.
        let mut stage = Stage::reaching(preempting(), state);
        assert!(stage.hear(&says(LOWER, State::Active, 100)).is_empty(), "{state}");
        let by_address =
            Config { preempt: Preempt { on: true, by_address: true, ..Preempt::OFF }, ..config() };
        let mut stage = Stage::reaching(by_address, state);
        assert!(!stage.hear(&says(LOWER, State::Active, 100)).is_empty(), "{state}");
    }
    let mut stage = Stage::reaching(config(), "Active");
    stage.now += secs(1);
    assert_eq!(stage.turn(&said()), ["remark asserted", "coup active p100", "hello active p100", "announce"]);
}

/// The pause between two answers begins anew with each hello; hosts that believe a rival do not wait for that.
#[test]
fn what_hosts_are_told_because_of_one_rival_is_not_put_off_by_another() {
    let mut stage = Stage::reaching(config(), "Active");
    let hello = stage.deadline();
    stage.now = hello - millis(4);
    assert!(stage.turn(&says(LOWER, State::Active, 50)).contains(&"announce".to_owned()));
    stage.now = hello - millis(3);
    assert_eq!(stage.turn(&says("10.0.0.3", State::Active, 50)), ["remark asserted"]);
    stage.now = hello;
    assert_eq!(stage.tick(), ["hello active p100"]);
    stage.now = hello + Duration::from_micros(500);
    assert_eq!(stage.turn(&says("10.0.0.4", State::Active, 50)), ["remark asserted"]);
    assert_eq!(stage.deadline(), hello + millis(1));
    stage.now = hello + millis(1);
    assert_eq!(stage.tick(), ["announce"]);
}

#[test]
fn event_i_resign() {
    let said = || resign(HIGHER, 200);
    check(
        "i",
        &config(),
        &[
            ("Learn", said(), &[], "Learn", None, None),
            ("Listen", said(), &["hello speak p100", "Listen -> Speak"], "Speak", TEN, TEN),
            ("Speak", said(), &[], "Speak", TEN, TEN),
            (
                "Standby",
                said(),
                &[
                    "hold",
                    "once held, interface 1/0",
                    "once held, hello active p100",
                    "will resign initial p100",
                    "announce",
                    "Standby -> Active",
                ],
                "Active",
                None,
                None,
            ),
            ("Active", said(), &[], "Active", None, None),
            ("Active", resign(LOWER, 50), &["remark asserted"], "Active", None, None),
        ],
    );
    // Somebody's who is not active.
    let rows = ["Listen", "Speak", "Standby"]
        .map(|state| -> Row<'_> { (state, resign(LOWER, 200), &[], state, TEN, standby_left(state)) });
    check("none: another router resigns", &config(), &rows);
}

#[test]
fn event_j_coup() {
    let said = || coup(HIGHER, 201);
    check(
        "j",
        &config(),
        &[
            ("Learn", said(), &[], "Learn", None, None),
            ("Listen", said(), &[], "Listen", TEN, TEN),
            ("Speak", said(), &[], "Speak", TEN, TEN),
            ("Standby", said(), &[], "Standby", TEN, None),
            (
                "Active",
                said(),
                &["release", "no will", "interface 0/1", "hello speak p100", "Active -> Speak"],
                "Speak",
                TEN,
                TEN,
            ),
        ],
    );
    let mut stage = Stage::reaching(Config { resign_on_coup: true, ..config() }, "Active");
    assert_eq!(stage.hear(&said())[3], "resign speak p100");
    // A better claim is taken note of, a worse one is not.
    let mut stage = Stage::reaching(config(), "Standby");
    stage.hear(&coup("10.0.0.8", 201));
    assert_eq!(stage.view().active, Some("10.0.0.8".parse().unwrap()));
    stage.hear(&coup(HIGHER, 199));
    assert_eq!(stage.view().active, Some("10.0.0.8".parse().unwrap()));
    let rows = ["Learn", "Listen", "Speak", "Standby", "Active"].map(|state| -> Row<'_> {
        let active = if matches!(state, "Learn" | "Active") { None } else { TEN };
        (state, coup(LOWER, 50), &[], state, active, standby_left(state))
    });
    check("none: a lower router's coup", &config(), &rows);
}

#[test]
fn event_k_a_higher_standby_router() {
    let said = || says("10.0.0.8", State::Standby, 150).times(secs(2), secs(7));
    let seven = Some(secs(7));
    check(
        "k",
        &config(),
        &[
            ("Learn", said(), &[], "Learn", None, None),
            ("Listen", said(), &[], "Listen", TEN, seven),
            ("Speak", said(), &["Speak -> Listen"], "Listen", TEN, seven),
            ("Standby", said(), &["Standby -> Listen"], "Listen", TEN, seven),
            ("Active", said(), &[], "Active", None, seven),
        ],
    );
}

#[test]
fn event_l_a_lower_standby_router() {
    let said = || says(LOWER, State::Standby, 50);
    check(
        "l",
        &config(),
        &[
            ("Learn", said(), &[], "Learn", None, None),
            ("Listen", said(), &["hello speak p100", "Listen -> Speak"], "Speak", TEN, TEN),
            ("Speak", said(), &["hello standby p100", "Speak -> Standby"], "Standby", TEN, None),
            ("Standby", said(), &[], "Standby", TEN, None),
            ("Active", said(), &[], "Active", None, TEN),
        ],
    );
    // Nobody is active: Standby leads on to Active.
    let mut stage = Stage::started(config());
    stage.now = at(10);
    stage.tick();
    stage.run_to(at(19));
    stage.hear(&says(LOWER, State::Standby, 50));
    assert_eq!((stage.state(), stage.remaining("active-timer")), ("Standby", Some(secs(1))));
    stage.now = at(20);
    assert_eq!(stage.tick().last().unwrap(), "Standby -> Active");
}

#[test]
fn event_m_another_virtual_mac() {
    let other = Config { virtual_mac: Some("02:00:5e:00:00:77".parse().unwrap()), ..config() };
    let mut stage = Stage::reaching(config(), "Active");
    assert_eq!(
        stage.tell(Input::Reconfigure(&other)),
        ["hold", "hello active p100", "will resign initial p100", "announce"]
    );
    for state in ["Listen", "Speak", "Standby"] {
        let mut stage = Stage::reaching(config(), state);
        assert!(stage.tell(Input::Reconfigure(&other)).is_empty(), "{state}");
    }
}

#[test]
fn event_n_an_address_is_configured() {
    let mut stage = Stage::reaching(learning(), "Learn");
    assert_eq!(stage.tell(Input::Reconfigure(&config())), ["Learn -> Listen"]);
    let other = Config { addresses: vec![address("10.0.0.77/24")], ..config() };
    let mut stage = Stage::reaching(config(), "Active");
    assert_eq!(
        stage.tell(Input::Reconfigure(&other)),
        ["hold", "hello active p100", "will resign initial p100", "announce"]
    );
    let mut stage = Stage::reaching(config(), "Listen");
    assert!(stage.tell(Input::Reconfigure(&other)).is_empty());
    assert_eq!(stage.tell(Input::Reconfigure(&learning())), ["Listen -> Learn"]);
}

#[test]
fn event_o_another_priority() {
    for state in ["Listen", "Speak", "Standby", "Active"] {
        let mut stage = Stage::reaching(config(), state);
        assert_eq!(
            stage.tell(Input::Penalty(30)),
            ["remark priority"],
            "{state}: nothing is said out of turn"
        );
        assert_eq!(stage.view().priority, Some(70));
    }
    let mut stage = Stage::reaching(config(), "Active");
    stage.tell(Input::Penalty(300));
    stage.now += secs(3);
    assert!(stage.tick().contains(&"hello active p0".to_owned()));
    stage.tell(Input::Penalty(0));
    stage.now += secs(3);
    assert!(stage.tick().contains(&"hello active p100".to_owned()));
    // The active router's fall is our chance when we next hear of it.
    let mut stage = Stage::reaching(preempting(), "Standby");
    assert_eq!(stage.hear(&says(HIGHER, State::Active, 99)).last().unwrap(), "Standby -> Active");
}

#[test]
fn event_p_the_delay_of_preemption_is_over() {
    let patient = |delay| Preempt { on: true, delay, ..Preempt::OFF };
    let config = Config { preempt: patient(secs(30)), ..config() };
    let mut stage = Stage::reaching(config.clone(), "Standby");
    let start = stage.now;
    let worse = says(HIGHER, State::Active, 50);
    for second in (0..30).step_by(3) {
        stage.now = start + secs(second);
        stage.hear(&worse);
        assert_eq!(stage.state(), "Standby", "{second}");
    }
    assert_eq!(stage.remaining("preempt-delay"), Some(secs(3)));
    stage.now = start + secs(30);
    assert_eq!(stage.tick().last().unwrap(), "Standby -> Active");

    // It is abandoned when the active router is no worse any more.
    let mut stage = Stage::reaching(config.clone(), "Standby");
    stage.hear(&worse);
    assert_eq!(stage.remaining("preempt-delay"), Some(secs(30)));
    stage.hear(&says(HIGHER, State::Active, 150));
    assert_eq!(stage.remaining("preempt-delay"), None);

    // After a start it may be longer, or not at all as long.
    for delay_after_start in [secs(60), secs(10)] {
        let config = Config { preempt: Preempt { delay_after_start, ..config.preempt }, ..config.clone() };
        let mut stage = Stage::reaching(config, "Standby");
        stage.hear(&worse);
        assert_eq!(stage.remaining("preempt-delay"), Some(delay_after_start));
        // The role is taken, and lost again: now it is the usual one.
        stage.now += delay_after_start;
        stage.hear(&worse);
        assert_eq!(stage.state(), "Active");
        stage.hear(&says(HIGHER, State::Active, 200));
        stage.hear(&worse);
        assert_eq!(stage.remaining("preempt-delay"), Some(secs(30)));
    }

    // It delays no fail-over.
    let mut stage = Stage::reaching(config, "Standby");
    stage.hear(&worse);
    assert_eq!(stage.hear(&resign(HIGHER, 50)).last().unwrap(), "Standby -> Active");
}

/// `preempt delay sync`: it runs beside the other delay, and ends when what has to be in step is said to be.
#[test]
fn preemption_waits_for_what_has_to_be_in_step() {
    let preempt = Preempt { on: true, delay: secs(10), sync: secs(60), ..Preempt::OFF };
    let config = Config { priority: 150, preempt, ..config() };
    let worse = says(HIGHER, State::Active, 50);
    let waiting = || {
        let mut stage = Stage::reaching(config.clone(), "Standby");
        stage.hear(&worse);
        stage
    };
    let mut stage = waiting();
    assert_eq!(stage.remaining("preempt-delay"), Some(secs(60)));
    assert_eq!(
        stage.detail("preemption"),
        "on, after 10 s, after 60 s or as soon as what it needs is in step"
    );

    // In time: what is left is the other delay.
    stage.now += secs(4);
    assert_eq!(stage.command(Command::Ready), ["remark in-step"]);
    assert_eq!((stage.state(), stage.remaining("preempt-delay")), ("Standby", Some(secs(6))));
    assert_eq!(stage.detail("preemption"), "on, after 10 s");

    // Late: at once. The next time it has to be in step again.
    let mut stage = waiting();
    for _ in 0..5 {
        stage.now += secs(5);
        stage.hear(&worse);
    }
    assert_eq!(stage.state(), "Standby");
    assert_eq!(stage.command(Command::Ready).last().unwrap(), "Standby -> Active");
    assert_eq!(stage.command(Command::Ready), ["remark command-ignored"]);
    stage.hear(&says(HIGHER, State::Active, 200));
    stage.hear(&worse);
    assert_eq!(stage.remaining("preempt-delay"), Some(secs(60)));

    // Never: it has had its time. And before anybody worse was heard: there is nothing to wait for.
    let mut stage = waiting();
    for _ in 0..12 {
        stage.now += secs(5);
        stage.hear(&worse);
    }
    assert_eq!(stage.state(), "Active");
    let mut stage = Stage::reaching(config.clone(), "Standby");
    stage.command(Command::Ready);
    stage.hear(&worse);
    assert_eq!(stage.remaining("preempt-delay"), Some(secs(10)));

    // A link that was down is a new life.
    stage.tell(Input::Link(&Link { up: false, ..link() }));
    stage.tell(Input::Link(&link()));
    stage.hear(&worse);
    assert_eq!(stage.remaining("preempt-delay"), Some(secs(60)));
}

#[test]
fn initial_obeys_nothing() {
    let mut stage = Stage::bare(config());
    stage.tell(Input::Start);
    for said in [
        says(HIGHER, State::Active, 200),
        says(HIGHER, State::Standby, 200),
        says(HIGHER, State::Speak, 200),
        coup(HIGHER, 200),
        resign(HIGHER, 200),
    ] {
        assert!(stage.turn(&said).is_empty(), "{said:?}");
    }
    assert_eq!((stage.state(), stage.view().active), ("Initial", None));
}

#[test]
fn hellos_of_other_states_are_no_event() {
    for state in ["Listen", "Speak", "Standby", "Active"] {
        for said in [State::Initial, State::Learn, State::Listen, State::Unknown(7)] {
            let mut stage = Stage::reaching(config(), state);
            assert!(stage.hear(&says(HIGHER, said, 255)).is_empty(), "{state} {said:?}");
            assert_eq!(stage.state(), state);
        }
    }
}

#[test]
fn our_own_echo_is_never_compared() {
    let mut stage = Stage::reaching(config(), "Active");
    assert_eq!(stage.hear(&says(OURS, State::Active, 255)), ["refused own-address"]);
    assert_eq!(stage.state(), "Active");
}
