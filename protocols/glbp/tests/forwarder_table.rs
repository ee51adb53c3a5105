//! The forwarders' table of states and events, row by row; who is given which; times, weighting, preemption.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use std::time::Duration;

use fhrp::{Input, Link};
use glbp::Config;
use glbp::config::{Preempt, Weighting};
use glbp::wire::State;
use stage::{
    HIGHER, LOWER, OWN_MAC, Stage, at, best, claims, config, link, millis, owner, requests, responds, says,
    secs, vmac,
};

/// In the group of [`best`], with forwarder 2 of its own, ten seconds later.
fn member(config: Config) -> Stage {
    let mut stage = Stage::started(config);
    stage.turn(&best());
    stage.hear(&responds(HIGHER, 2));
    for _ in 0..4 {
        stage.run(secs(3));
        stage.turn(&best());
    }
    assert_eq!(stage.forwarders(), ["1 Listen of 10.0.0.9", "2 Active own local"]);
    stage
}

#[test]
fn none_forwarder_heard() {
    let mut stage = Stage::started(config());
    assert_eq!(stage.turn(&claims(HIGHER, 3, 135)), ["remark forwarder"]);
    let it = stage.forwarder(3);
    assert_eq!((it.state, it.own, it.owner, it.mac), ("Listen", false, None, vmac(3)));
    assert_eq!((it.weighting, it.priority, it.expires), (Some(100), Some(135), Some(secs(10))));
    stage.turn(&claims(LOWER, 3, 167));
    assert_eq!(stage.forwarder(3).owner, Some(owner(LOWER)), "its owner is who says so");
}

#[test]
fn none_response_received() {
    let mut stage = Stage::started(config());
    stage.turn(&best());
    assert_eq!(stage.hear(&responds(HIGHER, 2)), ["remark forwarder-given"]);
    let it = stage.forwarder(2);
    assert_eq!((it.state, it.own, it.owner), ("Listen", true, Some(OWN_MAC)));
    assert_eq!((it.expires, it.redirection, it.lifetime), (Some(secs(10)), Some(secs(600)), secs(14_400)));
    // Nobody else forwards.
    let lines = stage.run_to(at(10));
    let at_ten: Vec<&str> =
        lines.iter().filter(|(when, _)| *when == secs(10)).map(|(_, line)| line.as_str()).collect();
    assert!(at_ten.starts_with(&["Listen -> Speak"]), "{at_ten:?}");
    assert!(at_ten.contains(&"forwarder 2/167 from 2"), "{at_ten:?}");
}

#[test]
fn none_the_active_gateway_assigns_itself() {
    let mut stage = Stage::reaching(config(), "Active");
    assert_eq!(stage.forwarders(), ["1 Listen own"]);
    let until = stage.now + secs(10);
    let lines = stage.run_to(until);
    let last: Vec<&str> = lines.iter().rev().take(4).rev().map(|(_, line)| line.as_str()).collect();
    assert_eq!(last, ["forwarder 1/167 from 1", "hold", "will hello listen p0 1/0", "remark forwarder"]);
    // It has nothing to do with the periodic hello.
    assert_eq!(stage.next_tick(), ["hello active p100 1/167 from 1"]);
}

#[test]
fn initial_begins_with_the_gateway() {
    let mut stage = member(config());
    stage.tell(Input::Link(&Link { up: false, ..link() }));
    assert_eq!(stage.forwarders(), ["1 Initial", "2 Initial own"]);
    stage.tell(Input::Link(&link()));
    assert_eq!(stage.forwarders(), ["1 Listen", "2 Listen own"]);
    assert_eq!(stage.forwarder(2).expires, Some(secs(10)));
}

#[test]
fn listen_active_heard() {
    let mut stage = member(config());
    let low = claims(LOWER, 1, 135).with_forwarder(|it| {
        (it.weighting, it.lifetime, it.redirection) = (30, secs(14_389), secs(589));
    });
    assert_eq!(stage.turn(&low), Vec::<String>::new());
    let it = stage.forwarder(1);
    assert_eq!((it.active, it.priority, it.weighting), (Some(stage::ip(LOWER)), Some(135), Some(30)));
    assert_eq!((it.lifetime, it.redirection), (secs(14_389), Some(secs(589))));
    assert_eq!((it.expires, it.owner), (Some(secs(10)), Some(owner(HIGHER))));
    stage.run(secs(5));
    assert_eq!(stage.forwarder(1).redirection, Some(secs(584)), "it counts down by itself");
    stage.turn(&best());
    assert_eq!(stage.forwarder(1).redirection, Some(secs(600)), "its owner is back");
    // How long a sender is believed to live it says itself.
    stage.turn(&best().times(secs(1), secs(4)));
    assert_eq!(stage.forwarder(1).expires, Some(secs(4)));
}

#[test]
fn listen_active_of_less_right_is_preempted() {
    let mut stage = member(config());
    stage.turn(&claims(HIGHER, 1, 39));
    assert_eq!(stage.forwarder(1).preempts, Some(secs(18)), "the delay runs from the beginning");
    for _ in 0..5 {
        stage.run(secs(3));
        stage.turn(&claims(HIGHER, 1, 39));
    }
    let lines = stage.run(millis(2_999));
    assert!(!lines.iter().any(|line| line.starts_with("remark forwarder")));
    let lines = stage.run(millis(1));
    let expected =
        ["hold", "once held, forwarder 1/135 from 1", "will hello listen p0 1/0 2/0", "remark forwarder"];
    let taken: Vec<&String> = lines.iter().filter(|line| !line.starts_with("hello")).collect();
    assert_eq!(taken, expected);
    assert_eq!(stage.forwarder(1).active, Some(stage::ip(stage::OURS)));
}

#[test]
fn nobody_is_preempted_with_preemption_off() {
    let off = Config { forwarder_preempt: Preempt { on: false, delay: Duration::ZERO }, ..config() };
    let mut stage = member(off);
    stage.turn(&claims(HIGHER, 1, 7));
    assert_eq!(stage.forwarder(1).preempts, None);
    stage.turn(&claims(HIGHER, 1, 135));
    assert_eq!(stage.forwarder(1).preempts, None, "our right would be no better");
}

#[test]
fn listen_active_timer() {
    let mut stage = member(config());
    stage.turn(&claims(HIGHER, 1, 167));
    let lines = stage.run(secs(10));
    let expected = ["forwarder 1/135 from 1", "hold", "will hello listen p0 1/0 2/0", "remark forwarder"];
    assert!(lines.windows(4).any(|four| four == expected), "{lines:?}");
    let it = stage.forwarder(1);
    assert_eq!(
        (it.redirection, it.lifetime),
        (Some(secs(590)), secs(14_390)),
        "from when its owner was heard"
    );
    assert_eq!((it.own, it.owner), (false, Some(owner(HIGHER))));
}

#[test]
fn those_who_wait_for_the_same_silence_come_one_after_the_other() {
    let mut stage = member(config());
    // 10.0.0.8 forwards for nobody and comes before us; so does the higher address 10.0.0.7, with one forwarder as well.
    stage.turn(&says("10.0.0.8", State::Listen, 100));
    stage.turn(&says("10.0.0.7", State::Standby, 150).forwarding(3, 167));
    stage.turn(&says("10.0.0.3", State::Listen, 100).forwarding(4, 167));
    let heard = claims(HIGHER, 1, 167);
    stage.turn(&heard);
    let silent = stage.now + secs(10);
    // They live on.
    stage.run(secs(5));
    stage.turn(&says("10.0.0.8", State::Listen, 100));
    stage.turn(&says("10.0.0.7", State::Standby, 150).forwarding(3, 167));
    stage.turn(&says("10.0.0.3", State::Listen, 100).forwarding(4, 167));
    stage.run_to(silent + millis(2));
    assert_eq!(stage.forwarder(1).state, "Listen", "two come before us");
    stage.run_to(silent + millis(3));
    assert_eq!(stage.forwarder(1).state, "Active");
}

#[test]
fn whoever_was_given_it_comes_first() {
    let mut stage = Stage::started(config());
    stage.turn(&best());
    stage.hear(&responds(HIGHER, 2));
    for _ in 0..3 {
        stage.turn(&claims(LOWER, 2, 135));
        stage.turn(&says("10.0.0.8", State::Listen, 100));
        stage.run(secs(3));
    }
    let silent = stage.now + secs(7);
    stage.run_to(silent);
    assert_eq!(stage.forwarder(2).state, "Active");
}

#[test]
fn active_heard_with_more_right() {
    let mut stage = member(config());
    stage.run(secs(10));
    assert_eq!(stage.forwarders()[0], "1 Active local");
    // The same right and a lower address: it hears from us. The periodic hello goes on as before.
    assert_eq!(stage.turn(&claims(LOWER, 1, 135)), ["once held, forwarder 1/135 from 1"]);
    assert_eq!(stage.turn(&claims(LOWER, 1, 135)), Vec::<String>::new(), "not at the rate of its choice");
    stage.pass(millis(100));
    assert_eq!(stage.tick(), ["once held, forwarder 1/135 from 1"]);
    // The same right and the higher address.
    let lines = stage.turn(&claims(HIGHER, 1, 135));
    let last_word = "forwarder 1/135";
    assert_eq!(lines, [last_word, "hold", "will hello listen p0 2/0", "remark forwarder"]);
    assert_eq!(stage.forwarder(1).active, Some(stage::ip(HIGHER)));
    // More right.
    stage.run(secs(10));
    assert_eq!(stage.forwarders()[0], "1 Active local");
    stage.turn(&claims(LOWER, 1, 167));
    assert_eq!(stage.forwarders()[0], "1 Listen of 10.0.0.2");
}

#[test]
fn whoever_forwards_leaves() {
    let mut stage = member(config());
    let lines = stage.turn(&claims(HIGHER, 1, 167).with_forwarder(|it| it.state = State::Listen));
    let expected =
        ["hold", "once held, forwarder 1/135 from 1", "will hello listen p0 1/0 2/0", "remark forwarder"];
    assert_eq!(lines, expected, "whoever leaves forwards until it hears us");
    // Nobody else has a say in that.
    let mut stage = member(config());
    assert_eq!(
        stage.turn(&claims(LOWER, 1, 135).with_forwarder(|it| it.state = State::Listen)),
        Vec::<String>::new()
    );
}

#[test]
fn lifetime_over() {
    let mut stage = member(config());
    let old = claims(HIGHER, 1, 135).with_forwarder(|it| (it.lifetime, it.redirection) = (secs(8), secs(0)));
    stage.turn(&old);
    stage.run(secs(8));
    assert_eq!(stage.forwarders(), ["2 Active own local"]);
    // As its stand-in, too.
    stage.turn(&old.with_forwarder(|it| it.lifetime = secs(25)));
    stage.run(secs(10));
    assert_eq!(stage.forwarders()[0], "1 Active local");
    let lines = stage.run(secs(15));
    assert!(lines.contains(&"hold".to_owned()) && stage.forwarders().len() == 1, "{lines:?}");
}

#[test]
fn hellos_come_from_the_forwarders_in_turn() {
    let mut stage = member(config());
    stage.run(secs(12));
    assert_eq!(stage.forwarders(), ["1 Active local", "2 Active own local"]);
    let lines: Vec<String> = stage.run(secs(12)).into_iter().filter(|it| it.starts_with("hello")).collect();
    let sources: Vec<&str> = lines.iter().filter_map(|line| line.split(" from ").nth(1)).collect();
    assert!(sources.len() >= 4 && sources.windows(2).all(|pair| pair[0] != pair[1]), "{lines:?}");
}

#[test]
fn numbers_are_given_in_the_order_of_requests() {
    let mut stage = Stage::reaching(config(), "Active");
    let given = |stage: &mut Stage, from: &str| {
        let lines = stage.hear(&requests(from));
        lines.into_iter().filter(|line| line.starts_with("response")).collect::<Vec<_>>()
    };
    assert_eq!(given(&mut stage, LOWER), ["response 2/0 to 10.0.0.2"]);
    assert_eq!(given(&mut stage, HIGHER), ["response 3/0 to 10.0.0.9"]);
    assert_eq!(given(&mut stage, LOWER), ["response 2/0 to 10.0.0.2"], "the same again");
    assert_eq!(given(&mut stage, "10.0.0.3"), ["response 4/0 to 10.0.0.3"]);
    assert_eq!(given(&mut stage, "10.0.0.4"), Vec::<String>::new(), "there are four");
    assert_eq!(stage.forwarder(2).owner, Some(owner(LOWER)));
    // Who was given one has the time to take it.
    stage.run(secs(15));
    assert_eq!(stage.forwarders(), ["1 Active own local", "2 Listen", "3 Listen", "4 Listen"]);
    stage.run(secs(5));
    assert_eq!(stage.forwarders()[1], "2 Active local");
    // Nobody but the active gateway gives any.
    assert_eq!(given(&mut Stage::reaching(config(), "Standby"), LOWER), Vec::<String>::new());
}

#[test]
fn a_forwarder_that_nobody_owns_is_given_last() {
    let mut stage = Stage::reaching(config(), "Active");
    stage.turn(&claims(LOWER, 2, 135));
    for from in [HIGHER, "10.0.0.3"] {
        stage.hear(&requests(from));
    }
    assert_eq!(stage.hear(&requests("10.0.0.4")), ["remark forwarder-given", "response 2/0 to 10.0.0.4"]);
}

#[test]
fn requests_are_repeated_with_hellos() {
    let mut stage = Stage::started(config());
    assert_eq!(stage.turn(&best()), ["remark forwarder", "request to 10.0.0.9"]);
    assert_eq!(stage.turn(&best()), Vec::<String>::new(), "once for each hello time");
    stage.run(secs(3));
    assert_eq!(stage.turn(&best()), ["request to 10.0.0.9"]);
    // Four others have one each: there is little hope.
    for (from, number) in [(LOWER, 2), ("10.0.0.3", 3), ("10.0.0.4", 4)] {
        stage.turn(&claims(from, number, 167));
    }
    stage.run(secs(3));
    assert!(!stage.turn(&best()).contains(&"request to 10.0.0.9".to_owned()));
    for _ in 0..19 {
        stage.run(secs(3));
        let lines = stage.turn(&best());
        let asks = lines.contains(&"request to 10.0.0.9".to_owned());
        assert_eq!(asks, stage.now == at(63), "{}", stage.now);
    }
}

#[test]
fn responses_have_to_be_asked_for() {
    let mut stage = Stage::started(config());
    assert!(stage.hear(&responds(HIGHER, 2)).is_empty());
    stage.turn(&best());
    assert!(stage.hear(&responds(LOWER, 2)).is_empty(), "that is not the active gateway");
    assert_eq!(stage.counter("unasked-responses"), 2);
    let wrong = responds(HIGHER, 2).with_forwarder(|it| it.mac = vmac(3));
    assert!(stage.hear(&wrong).is_empty());
    assert_eq!(stage.counter("forwarder-errors"), 1);
    let elsewhere = responds(HIGHER, 2).to("10.0.0.6");
    assert_eq!(stage.hear(&elsewhere), ["refused destination-errors"]);
    assert_eq!(stage.hear(&responds(HIGHER, 2)), ["remark forwarder-given"]);
    assert!(stage.hear(&responds(HIGHER, 3)).is_empty(), "we have one");
}

#[test]
fn who_preempts_asks_first_for_the_forwarder_that_it_had() {
    let preempting = || {
        let mut stage = Stage::started(stage::preempting());
        stage.turn(&says("10.0.0.3", State::Standby, 80));
        let lines = stage.turn(&says(LOWER, State::Active, 90).forwarding(1, 135));
        let expected =
            ["remark forwarder", "request to 10.0.0.2", "hold", "will hello listen p0", "Speak -> Active"];
        assert_eq!(lines[..5], expected);
        stage
    };
    let mut stage = preempting();
    assert_eq!(stage.hear(&responds(LOWER, 1)), ["remark forwarder-given"]);
    stage.run(secs(3));
    assert_eq!(stage.forwarders(), ["1 Listen own of 10.0.0.2"]);
    // It does not know, or is gone.
    let mut stage = preempting();
    stage.run(secs(3));
    assert_eq!(stage.forwarders(), ["1 Listen of 10.0.0.2", "2 Listen own"]);
}

/// Found by the simulation: a member that came back to two other routers with a new number was given the old one as well.
#[test]
fn a_member_has_the_forwarder_that_it_claimed_last() {
    let mut stage = Stage::reaching(config(), "Active");
    stage.turn(&claims(LOWER, 2, 167));
    stage.turn(&claims(LOWER, 3, 167));
    assert_eq!((stage.forwarder(2).owner, stage.forwarder(3).owner), (None, Some(owner(LOWER))));
    assert_eq!(stage.hear(&requests(LOWER)), ["response 3/0 to 10.0.0.2"]);
}

#[test]
fn two_owners_of_one_forwarder_become_one() {
    // Both were given number 2, in two halves of a network.
    let mut stage = member(config());
    let lines = stage.turn(&says("10.0.0.8", State::Listen, 100).forwarding(2, 167));
    assert!(lines.contains(&"remark forwarder-lost".to_owned()), "{lines:?}");
    assert_eq!(stage.forwarders()[1], "2 Listen of 10.0.0.8");
    assert_eq!(stage.turn(&best()), ["request to 10.0.0.9"]);
    assert_eq!(stage.hear(&responds(HIGHER, 3)), ["remark forwarder-given"]);
    // The one with the higher address keeps it.
    let mut stage = member(config());
    assert_eq!(stage.turn(&claims(LOWER, 2, 167)), ["once held, forwarder 2/167 from 2"]);
    assert_eq!(stage.forwarders()[1], "2 Active own local");
}

/// Found by the simulation: what was reloaded while the link was down did not count when it was up again.
#[test]
fn what_is_enough_is_judged_anew_while_the_group_does_not_run() {
    let mut stage = member(config());
    stage.tell(Input::Penalty(50));
    stage.tell(Input::Link(&Link { up: false, ..link() }));
    let weighting = Weighting { maximum: 100, lower: 60, upper: 70 };
    stage.tell(Input::Reconfigure(&Config { weighting, ..config() }));
    stage.tell(Input::Link(&link()));
    assert!(stage.detail("weighting").starts_with("50, low (configured 100)"));
}

#[test]
fn weighting_between_the_thresholds_changes_nothing() {
    let weighting = Weighting { maximum: 100, lower: 80, upper: 90 };
    let mut stage = member(Config { weighting, ..config() });
    let says = |stage: &mut Stage, penalty| {
        let mut lines = stage.tell(Input::Penalty(penalty));
        lines.extend(stage.tick());
        let hello = lines.iter().find(|line| line.starts_with("hello")).cloned();
        (hello, stage.forwarder(2).weighting)
    };
    let hello = |right: u8| Some(format!("hello standby p100 2/{right} from 2"));
    stage.run(secs(8));
    stage.turn(&best());
    assert_eq!(says(&mut stage, 15), (hello(167), Some(85)));
    assert_eq!(says(&mut stage, 30), (hello(39), Some(70)));
    assert!(stage.detail("weighting").starts_with("70, low (configured 100)"));
    assert_eq!(says(&mut stage, 15), (hello(39), Some(85)), "low until the upper threshold");
    assert_eq!(stage.forwarders()[1], "2 Active own local", "it goes on until somebody else does");
    assert_eq!(says(&mut stage, 10), (hello(167), Some(90)));
    assert_eq!(says(&mut stage, u16::MAX), (hello(39), Some(0)));
    assert_eq!(says(&mut stage, u16::MAX), (None, Some(0)), "nothing new");
}

#[test]
fn a_recovered_owner_takes_its_forwarder_back_after_the_delay() {
    let weighting = Weighting { maximum: 100, lower: 80, upper: 90 };
    let mut stage = member(Config { weighting, ..config() });
    stage.tell(Input::Penalty(30));
    stage.turn(&claims(LOWER, 2, 135));
    assert_eq!(stage.forwarders()[1], "2 Listen own of 10.0.0.2");
    for _ in 0..12 {
        stage.run(secs(3));
        stage.turn(&claims(LOWER, 2, 135));
    }
    stage.tell(Input::Penalty(0));
    assert_eq!(stage.forwarder(2).preempts, Some(secs(30)));
    for _ in 0..10 {
        stage.run(secs(3));
        stage.turn(&claims(LOWER, 2, 135));
    }
    assert_eq!(stage.forwarders()[1], "2 Active own local");
}

#[test]
fn who_is_low_leaves_it_to_the_others_first() {
    let weighting = Weighting { maximum: 100, lower: 80, upper: 90 };
    let mut stage = member(Config { weighting, ..config() });
    stage.tell(Input::Penalty(30));
    stage.turn(&claims(HIGHER, 1, 167));
    let silent = stage.now + secs(10);
    stage.run(secs(9));
    stage.turn(&says("10.0.0.8", State::Listen, 100));
    stage.run_to(silent + secs(9));
    assert_eq!(stage.forwarder(1).state, "Listen");
    stage.run_to(silent + secs(10));
    assert_eq!(stage.forwarder(1).state, "Active");
    // If there is nobody else it takes over at once.
    let mut stage = member(Config { weighting, ..config() });
    stage.tell(Input::Penalty(30));
    stage.turn(&claims(HIGHER, 1, 167));
    stage.run(secs(10));
    assert_eq!(stage.forwarder(1).state, "Active");
}
