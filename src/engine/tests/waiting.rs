//! What waits for a hold: claims, what is said after them, and announcements.

use super::*;

#[test]
fn announcements_wait_until_the_latest_hold_is_in_place() {
    let (mut engine, scripts, _) = engine_with(&[1]);
    let mac = Mac([0, 0, 0x5e, 0, 1, 1]);
    scripts[0].answers(vec![
        Action::Hold(holdings([10, 0, 0, 1], Answer::With(mac))),
        Action::Hold(holdings([10, 0, 0, 2], Answer::With(mac))),
        Action::Announce(ArpForm::Request),
    ]);
    let mut out = Vec::new();
    engine.command(at(1), GroupIndex(0), Command::Announce, &mut out);
    assert!(out.iter().all(|effect| matches!(effect, Effect::Hold(_))));
    out.clear();
    scripts[0].heard();
    engine.held(at(2), GroupIndex(0), 1, Ok(()), &mut out);
    assert!(out.is_empty() && scripts[0].heard().is_empty());
    engine.held(at(2), GroupIndex(0), 2, Ok(()), &mut out);
    assert_eq!(out, [Effect::Announce { group: GroupIndex(0), link: 7, form: ArpForm::Request }]);
    assert_eq!(scripts[0].heard(), ["held true"]);
}

/// Found by the simulation: a reload that came before the kernel's answer took the announcement away.
#[test]
fn what_waits_for_one_hold_waits_for_the_next() {
    let (mut engine, scripts, _) = engine_with(&[1]);
    let hold = |last| Action::Hold(holdings([10, 0, 0, last], Answer::Silent));
    let mut out = Vec::new();
    scripts[0].answers(vec![hold(1), Action::SendOnceHeld(datagram(1)), Action::Announce(ArpForm::Request)]);
    engine.command(at(1), GroupIndex(0), Command::Announce, &mut out);
    scripts[0].answers(vec![hold(2)]);
    engine.command(at(2), GroupIndex(0), Command::Announce, &mut out);
    out.clear();
    engine.held(at(3), GroupIndex(0), 2, Ok(()), &mut out);
    assert_eq!(numbers_sent(&out), [1]);
    assert!(matches!(out.last(), Some(Effect::Announce { .. })));

    // Where nothing is held any more, there is nothing to tell.
    let (announces, lets_go) = (Action::Announce(ArpForm::Request), Action::Hold(Holdings::none()));
    scripts[0].answers(vec![hold(1), Action::SendOnceHeld(datagram(1)), announces, lets_go]);
    engine.command(at(4), GroupIndex(0), Command::Announce, &mut out);
    out.clear();
    engine.held(at(5), GroupIndex(0), 4, Ok(()), &mut out);
    assert!(out.is_empty());
}

#[test]
fn nothing_is_announced_that_could_not_be_held() {
    let (mut engine, scripts, _) = engine_with(&[1]);
    let held = holdings([10, 0, 0, 1], Answer::Silent);
    scripts[0].answers(vec![Action::Hold(held), Action::Announce(ArpForm::Request)]);
    let mut out = Vec::new();
    engine.command(at(1), GroupIndex(0), Command::Announce, &mut out);
    out.clear();
    let fault = fhrp::HoldFault { operation: "add 10.0.0.1".to_owned(), cause: "no".to_owned() };
    engine.held(at(2), GroupIndex(0), 1, Err(fault), &mut out);
    assert!(out.is_empty());
    assert_eq!(scripts[0].heard().last().map(String::as_str), Some("held false"));
}

fn datagram(number: u16) -> Datagram {
    Datagram {
        route: fhrp::Route::Routed,
        source: IpAddr::from([10, 0, 0, 2]),
        destination: IpAddr::from([10, 0, 0, 3]),
        hop_limit: 255,
        traffic_class: 0,
        identification: number,
        dont_fragment: false,
        protocol: 112,
        ports: None,
        payload: Vec::new(),
    }
}

fn numbers_sent(effects: &[Effect]) -> Vec<u16> {
    let number = |effect: &Effect| match effect {
        Effect::Send { datagram, .. } => Some(datagram.identification),
        _ => None,
    };
    effects.iter().filter_map(number).collect()
}

/// Found by the simulation: a claim that waited for its hold was said after the goodbye that took it back; and, mended
/// by leaving it out, was never heard by whoever served the hosts until then.
#[test]
fn what_waits_for_a_hold_is_not_overtaken() {
    let (mut engine, scripts, mut out) = engine_with(&[1]);
    let held = holdings([10, 0, 0, 1], Answer::Silent);
    let claims = |number| vec![Action::Hold(held.clone()), Action::SendOnceHeld(datagram(number))];
    let says = |engine: &mut Engine, actions, out: &mut Vec<Effect>| {
        scripts[0].answers(actions);
        engine.command(at(2), GroupIndex(0), Command::Announce, out);
    };
    says(&mut engine, claims(1), &mut out);
    says(&mut engine, vec![Action::Send(datagram(2)), Action::Send(datagram(3))], &mut out);
    assert_eq!(numbers_sent(&out), Vec::<u16>::new());
    engine.held(at(3), GroupIndex(0), 1, Ok(()), &mut out);
    assert_eq!(numbers_sent(&out), [1, 2, 3]);

    // Of what was said meanwhile, however often, the newest.
    out.clear();
    says(&mut engine, claims(4), &mut out);
    for number in 5..100 {
        says(&mut engine, vec![Action::Send(datagram(number))], &mut out);
    }
    engine.held(at(5), GroupIndex(0), 2, Ok(()), &mut out);
    assert_eq!(numbers_sent(&out), [4, 99]);

    // So of claims: a group may be contradicted for as long as a kernel takes. Each destination hears one, or two of one
    // turn.
    out.clear();
    let to = |last, number| Datagram { destination: IpAddr::from([10, 0, 0, last]), ..datagram(number) };
    says(&mut engine, claims(1), &mut out);
    says(&mut engine, vec![Action::SendOnceHeld(to(4, 2))], &mut out);
    for number in (3..100).step_by(2) {
        let both = [number, number + 1].map(|number| Action::SendOnceHeld(datagram(number)));
        says(&mut engine, both.to_vec(), &mut out);
    }
    engine.held(at(6), GroupIndex(0), 3, Ok(()), &mut out);
    assert_eq!(numbers_sent(&out), [2, 99, 100]);

    // Nothing waits any more; and what could not be held is not spoken of.
    out.clear();
    says(&mut engine, vec![Action::Send(datagram(6))], &mut out);
    assert_eq!(numbers_sent(&out), [6]);
    says(&mut engine, claims(7), &mut out);
    says(&mut engine, vec![Action::Send(datagram(8))], &mut out);
    let fault = fhrp::HoldFault { operation: "add 10.0.0.1".to_owned(), cause: "no".to_owned() };
    engine.held(at(6), GroupIndex(0), 4, Err(fault), &mut out);
    says(&mut engine, vec![Action::Send(datagram(9))], &mut out);
    assert_eq!(numbers_sent(&out), [6, 9]);
}

/// Found by the simulation: who yielded what a waiting claim was about let go of everything, and its word was lost.
#[test]
fn what_is_said_when_everything_is_let_go_waits_for_nothing() {
    let (mut engine, scripts, mut out) = engine_with(&[1]);
    let held = holdings([10, 0, 0, 1], Answer::Silent);
    let says = |engine: &mut Engine, actions, out: &mut Vec<Effect>| {
        scripts[0].answers(actions);
        engine.command(at(2), GroupIndex(0), Command::Announce, out);
    };
    says(&mut engine, vec![Action::Hold(held), Action::SendOnceHeld(datagram(1))], &mut out);
    says(&mut engine, vec![Action::Send(datagram(2))], &mut out);
    out.clear();
    let lets_go = Action::Hold(Holdings::none());
    says(&mut engine, vec![Action::Send(datagram(3)), lets_go, Action::Send(datagram(4))], &mut out);
    assert_eq!(numbers_sent(&out), [3, 4], "the claim and what was said then are out of date");
    assert!(matches!(out[1], Effect::Hold(_)));

    engine.held(at(3), GroupIndex(0), 2, Ok(()), &mut out);
    assert_eq!(numbers_sent(&out), [3, 4]);
}
