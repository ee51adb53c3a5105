//! Events that are nobody's message: hosts that ask, the kernel's answers, operators, changed configurations, stalls;
//! and how messages are proven and sent.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use std::time::Duration;

use fhrp::keys::KeyChain;
use fhrp::{
    Action, Answer, Command, Holdings, Input, Link, Mac, Note, Presence, Route, Secret, Share, Solicitation,
};
use glbp::auth::Authentication;
use glbp::config::{Balancing, ClientCache, Retirement, RouterAdvertisement, Times};
use glbp::wire::{Challenge, Peer, State};
use glbp::{Config, GatewayGroup};
use stage::{
    HIGHER, LOWER, OURS, OWN_MAC, Stage, address, at, best, claims, config, ip, learning, link, millis,
    owner, read, responds, says, secs, vmac,
};

fn held(stage: &Stage) -> Option<Holdings> {
    stage.actions.iter().find_map(|action| match action {
        Action::Hold(holdings) => Some(holdings.clone()),
        _ => None,
    })
}

/// The active gateway, forwarding as number 1.
fn active(config: Config) -> Stage {
    let mut stage = Stage::reaching(config, "Active");
    stage.run(secs(10));
    assert_eq!(stage.forwarders(), ["1 Active own local"]);
    stage
}

#[test]
fn what_is_held() {
    let mut stage = Stage::reaching(config(), "Speak");
    stage.run(secs(20));
    assert_eq!(stage.state(), "Active");
    let mut stage = Stage::started(config());
    while stage.state() != "Active" {
        stage.next_tick();
    }
    let gateway = held(&stage).unwrap();
    assert!(gateway.forward.is_empty(), "it answers before it forwards");
    let vip = gateway.addresses[&ip("10.0.0.1")];
    assert_eq!((vip.presence, vip.answer, vip.router), (Presence::Accepted, Answer::Ask, true));
    assert_eq!(gateway.lease, secs(10));
    let mut both = None;
    while both.is_none() {
        stage.next_tick();
        both = held(&stage);
    }
    let both = both.unwrap();
    assert_eq!(both.forward, [(vmac(1), Share::Whole)].into());
    assert_eq!(both.addresses, gateway.addresses);
}

#[test]
fn how_messages_are_sent() {
    let mut stage = Stage::started(config());
    let hello = stage.sent()[0].clone();
    assert_eq!((hello.source, hello.destination), (ip(OURS), ip("224.0.0.102")));
    assert_eq!((hello.hop_limit, hello.traffic_class, hello.ports), (255, 0xc0, Some((3222, 3222))));
    let group = Mac([1, 0, 0x5e, 0, 0, 0x66]);
    assert_eq!(hello.route, Route::Link { source_mac: OWN_MAC, destination_mac: group });
    let said = read(&hello);
    assert_eq!((said.owner, said.group, said.challenge), (OWN_MAC, 1, None));
    stage.turn(&best());
    let request = stage.sent()[0].clone();
    assert_eq!(request.destination, ip(HIGHER));
    assert_eq!(request.route, Route::Link { source_mac: OWN_MAC, destination_mac: owner(HIGHER) });
}

#[test]
fn jitter_makes_hellos_early_by_up_to_a_fifth() {
    let mut config = config();
    config.jitter = true;
    for (random, pause) in
        [(0, millis(3000)), (0xffff, millis(2400)), (0x8000, Duration::from_nanos(2_699_995_423))]
    {
        let mut stage = Stage::bare(config.clone());
        stage.random = random;
        stage.tell(Input::Link(&link()));
        stage.tell(Input::Start);
        stage.tick();
        assert_eq!(stage.remaining("hello-time"), Some(pause));
    }
}

#[test]
fn hosts_are_spread() {
    let mut stage = active(config());
    stage.turn(&says(LOWER, State::Standby, 90).forwarding(2, 167));
    let told: Vec<String> = (100..104).flat_map(|host| stage.ask(host)).collect();
    let one = "answer 00:07:b4:00:01:01";
    let two = "answer 00:07:b4:00:01:02";
    assert_eq!(told, [one, two, one, two]);
    assert_eq!((stage.forwarder(1).hosts, stage.forwarder(2).hosts), (2, 2));
    // A probe is told our own, and is no host yet.
    let probe =
        Solicitation { from_mac: Mac([4; 6]), from: None, target: ip("10.0.0.1"), to_mac: Mac::BROADCAST };
    assert_eq!(stage.tell(Input::Solicited(&probe)), [one]);
    assert_eq!(stage.tell(Input::Solicited(&probe)), [one]);
    assert_eq!(stage.forwarder(1).hosts, 2);
    // Members have the address themselves.
    let member = Solicitation { from_mac: owner(LOWER), from: Some(ip(LOWER)), ..probe };
    assert_eq!(stage.tell(Input::Solicited(&member)), Vec::<String>::new());
    // Nobody is told of what nobody forwards for.
    let other = Solicitation { target: ip("10.0.0.99"), ..probe };
    assert_eq!(stage.tell(Input::Solicited(&other)), Vec::<String>::new());
    assert_eq!((stage.counter("hosts-answered"), stage.counter("hosts-not-answered")), (6, 1));
}

#[test]
fn the_client_cache_knows_who_was_told_what_while_this_router_is_the_gateway() {
    let cache = ClientCache { maximum: 8, timeout: Some(secs(60)) };
    let mut stage = active(Config { client_cache: Some(cache), ..config() });
    stage.turn(&says(LOWER, State::Standby, 90).forwarding(2, 167));
    let clients = |stage: &Stage| -> Vec<(u8, u8, u64)> {
        let known = stage.view().clients;
        known.iter().map(|client| (client.mac.0[5], client.forwarder, client.answers)).collect()
    };
    for host in [100, 101] {
        stage.ask(host);
    }
    stage.ask_at(100, vmac(1));
    assert_eq!(clients(&stage), [(101, 2, 1), (100, 1, 2)], "at one moment, by their MACs");
    // Who tries an address out, or is not answered, is none.
    let probe =
        Solicitation { from_mac: Mac([4; 6]), from: None, target: ip("10.0.0.1"), to_mac: Mac::BROADCAST };
    stage.tell(Input::Solicited(&probe));
    stage.tell(Input::Solicited(&Solicitation { from_mac: owner(LOWER), from: Some(ip(LOWER)), ..probe }));
    assert_eq!(clients(&stage).len(), 2);
    // Another configuration may allow less, and forgets nothing otherwise.
    stage.tell(Input::Reconfigure(&Config { client_cache: Some(cache), priority: 101, ..config() }));
    assert_eq!(clients(&stage).len(), 2);
    // Below the gateway a forwarder answers some hosts, and remembers none.
    stage.turn(&says(HIGHER, State::Active, 200));
    assert_eq!(stage.ask_at(100, vmac(1)), ["answer 00:07:b4:00:01:01"]);
    assert_eq!(clients(&stage), []);

    let mut stage = active(config());
    stage.ask(100);
    assert_eq!(clients(&stage), [], "off unless it is asked for");
    stage.tell(Input::Reconfigure(&Config { client_cache: Some(cache), ..config() }));
    stage.ask(100);
    assert_eq!(clients(&stage).len(), 1);
    stage.tell(Input::Reconfigure(&config()));
    assert_eq!(clients(&stage), []);
}

#[test]
fn hosts_that_ask_a_forwarder_are_told_by_whoever_forwards() {
    let mut stage = active(config());
    stage.turn(&says(LOWER, State::Standby, 90).forwarding(2, 167));
    assert_eq!(stage.ask_at(100, vmac(1)), ["answer 00:07:b4:00:01:01"]);
    assert_eq!(stage.ask_at(100, vmac(1)), ["answer 00:07:b4:00:01:01"]);
    assert_eq!(stage.forwarder(1).hosts, 0);
    // Below the gateway it is the only one that is answered.
    stage.turn(&says(HIGHER, State::Active, 200));
    assert_eq!(stage.state(), "Speak");
    assert_eq!(stage.ask_at(100, vmac(1)), ["answer 00:07:b4:00:01:01"]);
    assert_eq!(stage.ask(100), Vec::<String>::new());
}

#[test]
fn a_host_that_asks_before_anybody_forwards_is_served_at_once() {
    let mut stage = Stage::reaching(config(), "Active");
    let lines = stage.ask(100);
    let expected = [
        "forwarder 1/167 from 1",
        "hold",
        "will hello listen p0 1/0",
        "remark forwarder",
        "answer 00:07:b4:00:01:01",
    ];
    assert_eq!(lines, expected);
    // Not by a router that cannot.
    let mut stage = Stage::reaching(config(), "Active");
    stage.tell(Input::Penalty(100));
    assert_eq!(stage.ask(100), Vec::<String>::new());
}

#[test]
fn a_redirect_time_of_zero_never_ends() {
    let retirement = Some(Retirement { redirect: Duration::ZERO, timeout: secs(14_400) });
    let mut stage = active(Config { retirement, balancing: Balancing::RoundRobin, ..config() });
    stage.turn(&claims(LOWER, 2, 135).with_forwarder(|it| it.redirection = Duration::ZERO));
    assert_eq!(stage.forwarder(2).redirection, None);
    assert_eq!(stage.ask(100), ["answer 00:07:b4:00:01:01"]);
    assert_eq!(stage.ask(100), ["answer 00:07:b4:00:01:02"]);
    let mut stage = active(config());
    stage.turn(&claims(LOWER, 2, 135).with_forwarder(|it| it.redirection = Duration::ZERO));
    assert_eq!(stage.ask(100), ["answer 00:07:b4:00:01:01"]);
    assert_eq!(stage.ask(100), ["answer 00:07:b4:00:01:01"]);
}

#[test]
fn a_refused_hold_keeps_the_group_away() {
    let mut stage = active(config());
    let lines = stage.refuse_hold();
    let expected = ["hello listen p0 1/0", "release", "no will", "Active -> Initial"];
    assert_eq!(lines, expected);
    assert_eq!(stage.view().reason, "add 10.0.0.1/24 to eth0: permission denied");
    assert_eq!(stage.next_tick(), ["Initial -> Listen", "hello listen p100"]);
    assert_eq!(stage.counter("hold-faults"), 1);
    assert_eq!(Stage::started(config()).refuse_hold(), ["remark release-refused"]);
}

#[test]
fn what_lapsed_is_taken_up_again() {
    let mut stage = active(config());
    let lines = stage.tell(Input::Lapsed(secs(20)));
    assert_eq!(lines, ["remark stalled", "hold", "once held, forwarder 1/167 from 1"]);
    assert_eq!(stage.tick(), ["hello active p100 1/167 from 1"]);
    assert_eq!(Stage::started(config()).tell(Input::Lapsed(secs(20))), Vec::<String>::new());
}

#[test]
fn whoever_was_away_listens_before_it_acts() {
    let mut stage = Stage::reaching(config(), "Standby");
    stage.turn(&best());
    stage.pass(secs(25));
    assert_eq!(stage.tick(), ["remark stalled", "hello standby p100"]);
    stage.turn(&best());
    assert_eq!((stage.state(), stage.remaining("active-timer")), ("Standby", Some(secs(10))));
    assert_eq!(stage.forwarders()[0], "1 Listen of 10.0.0.9");
}

#[test]
fn commands() {
    let mut stage = active(config());
    assert_eq!(stage.command(Command::Announce), ["once held, forwarder 1/167 from 1"]);
    assert_eq!(stage.command(Command::HandOver), ["remark hand-over-failed"]);
    stage.turn(&says(LOWER, State::Standby, 90));
    let lines = stage.command(Command::HandOver);
    assert_eq!(lines, ["Active -> Speak"]);
    assert_eq!(stage.tick(), ["hello speak p100 1/167 from 1"]);
    stage.turn(&says(LOWER, State::Active, 90));
    assert_eq!(stage.detail("preemption"), "off");
    // Found by the simulation: who had said goodbye, and served hosts until a successor was there, claimed them again.
    let mut stage = active(config());
    stage.tell(Input::Stop);
    assert_eq!(stage.command(Command::Announce), ["remark command-ignored"]);
    // Nobody took the role after all.
    let mut stage = active(config());
    stage.turn(&says(LOWER, State::Standby, 90));
    stage.command(Command::HandOver);
    stage.run(secs(10));
    assert_eq!(stage.state(), "Active");
    let mut stage = Stage::started(config());
    assert_eq!(stage.command(Command::HandOver), ["remark command-ignored"]);
    assert_eq!(stage.command(Command::Announce), ["remark command-ignored"]);
}

#[test]
fn what_is_reconfigured_is_said_at_once() {
    let mut stage = active(config());
    let times = Some(Times { hello: secs(1), hold: secs(4) });
    let lines = stage.tell(Input::Reconfigure(&Config { times, priority: 120, ..config() }));
    assert_eq!(lines, ["hold", "will hello listen p0 1/0"], "the lease is another one");
    assert_eq!(stage.tick(), ["hello active p120 1/167 from 1"]);
    assert_eq!(stage.timer("hello-time").length, secs(1));
    let more = Config { addresses: vec![address("10.0.0.1/24"), address("10.0.0.2/24")], ..config() };
    stage.tell(Input::Reconfigure(&more));
    assert_eq!(held(&stage).unwrap().addresses.len(), 2);
    assert_eq!(stage.tell(Input::Reconfigure(&more)), Vec::<String>::new());
    assert_eq!(stage.tell(Input::Reconfigure(&7_u8)), ["remark reconfiguration-refused"]);
    // Another group.
    let lines = stage.tell(Input::Reconfigure(&Config { group: 2, ..config() }));
    assert_eq!(lines[..4], ["hello listen p0 1/0", "release", "no will", "Active -> Initial"]);
    assert_eq!((stage.state(), stage.forwarders().len()), ("Listen", 0));
}

#[test]
fn an_address_that_is_taken_away_is_kept_as_learnt() {
    let mut stage = active(config());
    stage.tell(Input::Reconfigure(&Config { addresses: Vec::new(), ..config() }));
    assert_eq!(stage.state(), "Active");
    assert_eq!(stage.detail("address"), "10.0.0.1, learnt from the group");
}

#[test]
fn another_mac_is_another_member() {
    let mut stage = active(config());
    let mac = Mac([2, 0, 0, 0, 0, 0x55]);
    stage.tell(Input::Link(&Link { mac, ..link() }));
    assert_eq!(stage.forwarder(1).owner, Some(mac));
    let other = Link { addresses: vec![address("10.0.0.6/24")], ..link() };
    stage.tell(Input::Link(&other));
    stage.tick();
    assert_eq!(stage.sent()[0].source, ip("10.0.0.6"));
}

#[test]
fn senders_that_cannot_be_members() {
    let mut stage = Stage::reaching(config(), "Standby");
    let cases = [
        (says(OURS, State::Active, 200), "own-address"),
        (says(LOWER, State::Active, 200).with(|it| it.owner = OWN_MAC), "owner-errors"),
        (says("192.0.2.7", State::Active, 200), "source-errors"),
        (says(HIGHER, State::Active, 200).with(|it| it.group = 2), "group-errors"),
        (says("10.0.0.8", State::Active, 200).with(|it| it.owner = owner(HIGHER)), "owner-errors"),
        (says(HIGHER, State::Active, 0), "priority-errors"),
        (says(HIGHER, State::Active, 200).times(secs(3), secs(3)), "timer-errors"),
    ];
    for (said, counter) in cases {
        let before = stage.view().active;
        assert_eq!(stage.hear(&said), [format!("refused {counter}")]);
        assert_eq!(stage.view().active, before);
    }
}

#[test]
fn authentication_has_to_fit() {
    let key = |text: &str| Authentication::KeyString(Secret::new(text));
    let text = |text: &str| Authentication::Text(Secret::new(text));
    let chain = |text: &str| Authentication::KeyChain(KeyChain::single(1, Secret::new(text)));
    let cases = [
        (Authentication::None, text("a"), "authentication-type-mismatch"),
        (text("a"), Authentication::None, "authentication-type-mismatch"),
        (text("a"), text("b"), "authentication-failures"),
        (key("a"), key("b"), "authentication-failures"),
        (key("a"), chain("a"), "authentication-type-mismatch"),
        (chain("a"), chain("b"), "authentication-failures"),
    ];
    for (ours, theirs, counter) in cases {
        let mut stage = Stage::started(Config { authentication: ours, ..config() });
        assert_eq!(stage.hear(&best().by(theirs)), [format!("refused {counter}")]);
    }
    let mut stage = Stage::started(Config { authentication: text("a"), ..config() });
    assert_eq!(stage.turn(&best().by(text("a"))), ["remark forwarder", "request to 10.0.0.9"]);
}

#[test]
fn whoever_repeats_our_nonce_is_believed() {
    let authentication = Authentication::KeyString(Secret::new("a key of our own"));
    let mut stage = Stage::started(Config { authentication: authentication.clone(), ..config() });
    let nonce = |stage: &Stage| read(stage.sent()[0]).challenge.unwrap();
    let ours = nonce(&stage);
    let theirs = |nonce, peers| {
        let challenge = Some(Challenge { generation: 1, nonce, peers });
        best().by(authentication.clone()).with(|said| said.challenge = challenge)
    };
    // It cannot know ours yet, and learns it from the hello that it is answered with.
    assert_eq!(stage.turn(&theirs(7, vec![])), ["refused nonce-errors", "hello listen p100"]);
    assert_eq!(nonce(&stage).peers, [Peer { owner: owner(HIGHER), nonce: 7 }]);
    assert_eq!(stage.turn(&theirs(7, vec![])), ["refused nonce-errors"], "once in a second");
    assert_eq!(stage.view().active, None);
    let echo = vec![Peer { owner: OWN_MAC, nonce: ours.nonce }];
    assert_eq!(stage.turn(&theirs(7, echo)), ["remark forwarder", "request to 10.0.0.9"]);
    assert_eq!(stage.view().active, Some(ip(HIGHER)));
    // A new nonce each hold time, and never two at once.
    stage.random = 99;
    stage.run(secs(11));
    let later = read(stage.sent().last().unwrap()).challenge.unwrap();
    assert_eq!((later.generation, later.nonce), (ours.generation.wrapping_add(1), 99));
}

/// Found by the simulation: the interface went between the recording and the answer to it.
#[test]
fn who_has_yet_to_learn_the_address_says_its_nonce_where_it_can() {
    let authentication = Authentication::KeyString(Secret::new("a key of our own"));
    let learner = || Stage::started(Config { authentication: authentication.clone(), ..learning() });
    let challenge = Some(Challenge { generation: 1, nonce: 7, peers: vec![] });
    let unproven = best().by(authentication.clone()).with(|said| said.challenge = challenge);

    let mut stage = learner();
    assert_eq!(stage.turn(&unproven), ["refused nonce-errors", "nonce"]);

    let mut stage = learner();
    assert_eq!(stage.hear(&unproven), ["refused nonce-errors"]);
    stage.tell(Input::Link(&Link { up: false, ..link() }));
    assert_eq!(stage.tick(), [""; 0], "its interface is gone");
    stage.tell(Input::Link(&link()));
    assert_eq!(stage.run(secs(5)), [""; 0], "who is to hear it asks again");
}

#[test]
fn the_last_will_keeps_up_with_nonces() {
    let authentication = Authentication::KeyString(Secret::new("a key of our own"));
    let mut stage = active(Config { authentication, ..config() });
    stage.random = 5;
    let wills = stage.run(secs(30)).iter().filter(|line| line.starts_with("will")).count();
    assert_eq!(wills, 2, "one for each nonce, which changes with the first hello after the hold time");
}

#[test]
fn without_a_key_nothing_is_said() {
    let key = fhrp::keys::ChainKey {
        id: 1,
        secret: Secret::new("old"),
        send: fhrp::keys::Lifetime::NEVER,
        accept: fhrp::keys::Lifetime::ALWAYS,
    };
    let authentication = Authentication::KeyChain(KeyChain::new(vec![key]));
    let stage = Stage::started(Config { authentication, ..config() });
    assert!(stage.sent().is_empty());
    assert_eq!(stage.view().alarms.len(), 1);
    assert!(stage.actions.iter().any(|it| matches!(it, Action::Note(Note::Alarm { name: "no-key", .. }))));
}

#[test]
fn ipv6_advertises_the_router_without_a_mac() {
    let advertising = RouterAdvertisement {
        lifetime: secs(1800),
        interval: secs(600),
        managed: false,
        other: false,
        prefixes: Vec::new(),
    };
    let group = Config {
        jitter: false,
        router_advertisement: Some(advertising),
        ..Config::new(55, fhrp::Family::Ipv6, vec![address("fe80::7:b4ff:fe00:3700/64")])
    };
    let mut stage = Stage::started(group);
    while stage.state() != "Active" {
        stage.next_tick();
    }
    let advertised = held(&stage).unwrap().router_advertisement.unwrap();
    assert_eq!((advertised.mac, advertised.source.to_string()), (None, "fe80::7:b4ff:fe00:3700".to_owned()));
    assert!(stage.actions.iter().any(|action| matches!(action, Action::Announce(_))));
}

#[test]
fn a_group_is_a_value() {
    fn assert_send<T: Send>(_: &T) {}
    let group = GatewayGroup::new(config());
    assert_send(&group);
    let mut stage = Stage::bare(config());
    assert!(!stage.waits() && stage.state() == "Disabled");
    assert_eq!(stage.hear(&best()), Vec::<String>::new(), "not started");
    assert_eq!(stage.now, at(0));
    assert_eq!(stage.hear(&responds(HIGHER, 1)), Vec::<String>::new());
}
