//! Virtual hosts that share their addresses: what each of them holds, answers and sends from.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::any::Any;

use carp::config::{Balancing, Delivery, Interval, Secret};
use carp::vmac::virtual_mac;
use carp::{Config, VirtualHost};
use fhrp::{
    Action, Answer, Buckets, Command, Context, Group, Holdings, Input, Instant, Link, Mac, Route, Share,
    Siblings,
};
use stage::{WALL, address, ip};

const OWN_MAC: Mac = Mac([2, 0, 0, 0, 0, 5]);
const LEADER: u8 = 10;

fn config(delivery: Delivery, number: u8) -> Config {
    let addresses = ["10.0.0.1/24", "2001:db8::1/64"].map(address).to_vec();
    Config {
        virtual_mac: Some(delivery.shared_mac(LEADER)),
        balancing: Some(Balancing { delivery, count: 3, number }),
        ..Config::new(LEADER + number, Secret::new("pass123"), addresses)
    }
}

/// One host that is told things now and then.
struct Player(VirtualHost, Instant);

impl Player {
    fn master(config: Config) -> (Self, Vec<Action>) {
        let mut player = Player(VirtualHost::new(config), Instant::ZERO);
        let addresses = ["10.0.0.5/24", "fe80::5/64"].map(address).to_vec();
        let link = Link { index: 2, name: "eth0".to_owned(), mac: OWN_MAC, up: true, mtu: 1500, addresses };
        player.tell(Input::Link(&link));
        player.tell(Input::Start);
        let actions = player.tick();
        assert_eq!(player.0.view(player.1).state, "MASTER");
        (player, actions)
    }

    fn tell(&mut self, input: Input<'_>) -> Vec<Action> {
        let (mut out, mut random) = (Vec::new(), || 7);
        let mut context =
            Context { now: self.1, wall: WALL, siblings: Siblings::NONE, random: &mut random, out: &mut out };
        self.0.handle(&mut context, input);
        out
    }

    fn tick(&mut self) -> Vec<Action> {
        self.1 = self.0.deadline().unwrap();
        self.tell(Input::Tick)
    }
}

fn held(actions: &[Action]) -> Option<&Holdings> {
    actions.iter().rev().find_map(|action| match action {
        Action::Hold(holdings) => Some(holdings),
        _ => None,
    })
}

fn sources(actions: &[Action]) -> Vec<Mac> {
    let source = |action: &Action| match action {
        Action::Send(datagram) | Action::SendOnceHeld(datagram) => match datagram.route {
            Route::Link { source_mac, .. } => Some(source_mac),
            Route::Routed => None,
        },
        _ => None,
    };
    actions.iter().filter_map(source).collect()
}

fn announces(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Announce(_)))
}

#[test]
fn each_master_holds_its_bucket_and_the_first_answers() {
    for (delivery, mac, answer) in [
        (Delivery::Group, "01:00:5e:00:01:0a", Answer::Stealth as fn(Mac) -> Answer),
        (Delivery::Stealth, "00:00:5e:00:01:0a", Answer::Stealth),
        (Delivery::Unicast, "00:00:5e:00:01:0a", Answer::With),
    ] {
        let mac: Mac = mac.parse().unwrap();
        for number in 0..3 {
            let (_, actions) = Player::master(config(delivery, number));
            let held = held(&actions).unwrap();
            let share = Share::Buckets(Buckets::new(3).unwrap().with(number));
            assert_eq!(held.forward, [(mac, share)].into());
            let wanted = if number == 0 { answer(mac) } else { Answer::Silent };
            for address in ["10.0.0.1", "2001:db8::1"] {
                assert_eq!(held.addresses[&ip(address)].answer, wanted, "{delivery:?} {number} {address}");
            }
        }
    }
}

#[test]
fn nobody_learns_where_the_shared_mac_is() {
    for (delivery, source) in
        [(Delivery::Group, OWN_MAC), (Delivery::Stealth, OWN_MAC), (Delivery::Unicast, virtual_mac(LEADER))]
    {
        let (mut player, mut actions) = Player::master(config(delivery, 0));
        for _ in 0..4 {
            actions.extend(player.tick());
        }
        actions.extend(player.tell(Input::Command(Command::Announce)));
        assert!(!announces(&actions), "the MAC never moves");
        let sources = sources(&actions);
        assert!(sources.len() >= 8 && sources.iter().all(|mac| *mac == source), "{sources:?}");
    }
}

#[test]
fn another_bucket_is_another_virtual_host() {
    let (mut player, _) = Player::master(config(Delivery::Group, 1));
    let other = Config { interval: Interval { base: 1, skew: 9 }, ..config(Delivery::Group, 1) };
    player.tell(Input::Reconfigure(&other as &dyn Any));
    assert_eq!(player.0.view(player.1).state, "MASTER");
    let moved = Config { balancing: config(Delivery::Group, 2).balancing, ..other };
    let actions = player.tell(Input::Reconfigure(&moved as &dyn Any));
    assert!(held(&actions).is_some_and(Holdings::is_empty));
    let actions = player.tick();
    let share = Share::Buckets(Buckets::new(3).unwrap().with(2));
    assert!(held(&actions).unwrap().forward.values().eq([&share]));
}
