//! Between routers of this suite: what is recorded cannot be used again, and what is said cannot be altered.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use carp::wire::LENGTH;
use fhrp::checksum::Sum;
use fhrp::{Input, Received};
use stage::{Stage, ip, millis, secs};

/// Another router, which speaks from 10.0.0.9.
fn other(config: carp::Config) -> Stage {
    let link = fhrp::Link {
        addresses: vec![stage::address("10.0.0.9/24")],
        mac: fhrp::Mac([2, 0, 0, 0, 0, 9]),
        ..stage::link()
    };
    let mut stage = Stage::bare(config);
    stage.tell(Input::Link(&link));
    stage.tell(Input::Start);
    stage
}

/// What the other one said last.
fn recorded(other: &Stage) -> fhrp::Datagram {
    (*other.sent().last().unwrap()).clone()
}

fn hear(stage: &mut Stage, datagram: &fhrp::Datagram) -> Vec<String> {
    let at = stage.now;
    let mut lines = stage.tell(Input::Packet(&Received { at, ..::stage::arriving(datagram) }));
    lines.extend(stage.tick());
    lines
}

/// The same octets but for interval and demotion, with a checksum that fits.
fn altered(datagram: &fhrp::Datagram, base: u8, skew: u8, demote: u8) -> fhrp::Datagram {
    let mut forged = datagram.clone();
    let octets: &mut [u8; LENGTH] = forged.payload.first_chunk_mut().unwrap();
    (octets[2], octets[4], octets[5]) = (skew, demote, base);
    octets[6..8].fill(0);
    let checksum = Sum::new().over(octets).checksum();
    octets[6..8].copy_from_slice(&checksum.to_be_bytes());
    forged
}

#[test]
fn a_recorded_advertisement_changes_nothing_under_any_skew() {
    let mut master = other(stage::sealed());
    let mut backup = Stage::started(carp::Config { interval: stage::interval(1, 200), ..stage::sealed() });
    master.next_tick();
    backup.now = master.now;
    let advertisement = recorded(&master);
    assert!(hear(&mut backup, &advertisement).is_empty());
    let patience = backup.remaining("master-down");
    backup.now += millis(500);
    for (base, skew, demote) in [(1, 100, 0), (255, 255, 0), (1, 0, 0), (9, 0, 0), (1, 100, 200), (0, 0, 0)] {
        let forged = altered(&advertisement, base, skew, demote);
        let expected = if (base, skew, demote) == (1, 100, 0) { "replays" } else { "unsealed" };
        assert_eq!(hear(&mut backup, &forged), [format!("refused {expected}")], "{base}/{skew} {demote}");
        assert_eq!(backup.state(), "BACKUP");
        assert_eq!(backup.remaining("master-down").unwrap(), patience.unwrap() - millis(500));
    }
    // Nor does it silence a master: recorded from one of two, it makes the other give way to nobody.
    let mut lone = Stage::started(carp::Config { interval: stage::interval(1, 200), ..stage::sealed() });
    lone.now = master.now;
    hear(&mut lone, &advertisement);
    lone.now += secs(4);
    lone.tick();
    assert_eq!(lone.state(), "MASTER");
    assert_eq!(hear(&mut lone, &advertisement), ["refused replays"]);
    assert_eq!(lone.state(), "MASTER");
}

/// The originals cannot be asked for as much: what they recorded can be sent again.
#[test]
fn without_seals_a_recorded_advertisement_works_under_any_skew() {
    let mut master = other(stage::config());
    let mut backup = Stage::started(stage::config());
    master.next_tick();
    backup.now = master.now;
    let advertisement = recorded(&master);
    hear(&mut backup, &advertisement);
    let lines = hear(&mut backup, &altered(&advertisement, 9, 0, 0));
    assert_eq!(lines.last().unwrap(), "BACKUP -> MASTER");
}

#[test]
fn the_goodbye_of_a_router_that_has_died_is_believed_once() {
    let mut master = other(stage::sealed());
    let mut backup = Stage::started(stage::sealed());
    master.next_tick();
    for _ in 0..3 {
        master.next_tick();
    }
    let advertisement = recorded(&master);
    let will = master.actions.iter().rev().find_map(|action| match action {
        fhrp::Action::LastWill(datagrams) => Some(datagrams[0].clone()),
        _ => None,
    });
    backup.now = master.now;
    hear(&mut backup, &advertisement);
    backup.now += millis(900);
    let will = will.unwrap();
    assert!(hear(&mut backup, &will).is_empty());
    assert!(backup.remaining("take-over").is_some());
    assert_eq!(hear(&mut backup, &will), ["refused replays"]);
}

#[test]
fn what_the_originals_say_is_named() {
    let mut stage = Stage::started(stage::sealed());
    assert_eq!(stage.hear(&stage::says(stage::HIGHER, 1, 0)), ["refused unsealed"]);
    let neighbour = &stage.view().neighbours[0];
    assert_eq!(neighbour.address, ip(stage::HIGHER));
    assert!(neighbour.refused.as_ref().unwrap().contains("`counter = \"sealed\"`"));
}
