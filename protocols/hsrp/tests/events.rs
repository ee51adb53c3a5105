//! What the table does not say: headers, holdings, siblings, refusals, stalls, keys, another configuration, the view.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use std::time::Duration;

use fhrp::keys::{ChainKey, KeyChain, Lifetime};
use fhrp::{
    Action, Command, Input, Link, Mac, Presence, Route, Secret, Share, Siblings, Solicitation, Standing,
};
use hsrp::Config;
use hsrp::auth::Authentication;
use hsrp::config::{Preempt, RouterAdvertisement};
use hsrp::wire::{Message, State, Version};
use stage::{
    HIGHER, LOWER, OWN_MAC, Stage, VIRTUAL_MAC, address, at, config, config_ipv6, ip, learning, link, millis,
    read, says, secs,
};

#[test]
fn messages_leave_behind_the_headers_of_their_version() {
    let mut stage = Stage::reaching(config(), "Active");
    stage.now += secs(3);
    stage.tick();
    let [hello] = stage.sent()[..] else { panic!("one hello") };
    assert_eq!((hello.source, hello.destination), (ip("10.0.0.5"), ip("224.0.0.2")));
    assert_eq!((hello.hop_limit, hello.traffic_class, hello.identification), (1, 0xc0, 0));
    assert_eq!((hello.protocol, hello.ports), (17, Some((1985, 1985))));
    let destination_mac = Mac([1, 0, 0x5e, 0, 0, 2]);
    assert_eq!(hello.route, Route::Link { source_mac: VIRTUAL_MAC, destination_mac });

    let mut stage = Stage::reaching(config_ipv6(), "Active");
    stage.now += secs(3);
    stage.tick();
    let [hello] = stage.sent()[..] else { panic!("one hello") };
    assert_eq!((hello.source, hello.destination), (ip("fe80::5"), ip("ff02::66")));
    assert_eq!((hello.hop_limit, hello.traffic_class, hello.ports), (255, 0xe0, Some((2029, 2029))));
    let Route::Link { source_mac, .. } = hello.route else { panic!("on the link") };
    assert_eq!(source_mac, Mac([0, 5, 0x73, 0xa0, 0, 16]));
    let Message::Group(message) = read(hello) else { panic!("of a group") };
    assert_eq!((message.identifier, message.address), (OWN_MAC, ip("fe80::5:73ff:fea0:10")));
}

#[test]
fn what_is_held() {
    let stage = Stage::reaching(config(), "Active");
    let held = |stage: &Stage| {
        stage.actions.iter().find_map(|action| match action {
            Action::Hold(holdings) => Some(holdings.clone()),
            _ => None,
        })
    };
    let holdings = held(&stage).unwrap();
    assert_eq!(holdings.forward, [(VIRTUAL_MAC, Share::Whole)].into());
    assert_eq!(holdings.addresses[&ip("10.0.0.1")].presence, Presence::Accepted);
    assert_eq!(holdings.lease, secs(10));

    // The interface's own MAC: the kernel answers, and nothing is forwarded for another.
    let holdings = held(&Stage::reaching(Config { virtual_mac: None, ..config() }, "Active")).unwrap();
    assert!(holdings.forward.is_empty());
    assert_eq!(holdings.addresses[&ip("10.0.0.1")].presence, Presence::OnInterface);

    let router_advertisement = Some(RouterAdvertisement {
        lifetime: secs(1800),
        interval: secs(200),
        managed: false,
        other: false,
        prefixes: vec![],
    });
    let holdings =
        held(&Stage::reaching(Config { router_advertisement, ..config_ipv6() }, "Active")).unwrap();
    assert_eq!(holdings.addresses.len(), 2);
    let advertisement = holdings.router_advertisement.unwrap();
    assert_eq!(ip("fe80::5:73ff:fea0:10"), advertisement.source);
    assert_eq!(advertisement.mac, Some(Mac([0, 5, 0x73, 0xa0, 0, 16])));
}

#[test]
fn hosts_are_answered_by_the_active_router_alone() {
    let asked =
        Solicitation { from_mac: Mac([4; 6]), from: None, target: ip("10.0.0.1"), to_mac: Mac::BROADCAST };
    let mut stage = Stage::reaching(config(), "Active");
    assert_eq!(stage.tell(Input::Solicited(&asked)), ["answer 00:00:0c:07:ac:01"]);
    let other = Solicitation { target: ip("10.0.0.99"), ..asked };
    assert!(stage.tell(Input::Solicited(&other)).is_empty());
    for state in ["Listen", "Speak", "Standby"] {
        assert!(Stage::reaching(config(), state).tell(Input::Solicited(&asked)).is_empty(), "{state}");
    }
}

#[test]
fn siblings_speak_with_one_voice() {
    // Another group is active here: the interface is, whatever this group is.
    let mut stage = Stage::bare(config());
    stage.siblings = Siblings { holding: 1, standing_by: 2, first: false };
    stage.tell(Input::Link(&link()));
    assert_eq!(stage.tell(Input::Start), ["Initial -> Listen"]);
    stage.run_to(at(19));
    assert!(!stage.run_to(at(20)).iter().any(|(_, line)| line.starts_with("interface")));
    assert_eq!(stage.state(), "Active");
    // It is not any more: this one is left, and says so when it ends.
    stage.siblings = Siblings { holding: 0, standing_by: 3, first: false };
    assert_eq!(stage.tell(Input::Stop)[0], "interface 0/3");

    // Of several that stand by, one repeats it.
    for (first, count) in [(true, 3), (false, 0)] {
        let mut stage = Stage::bare(config());
        stage.siblings = Siblings { holding: 0, standing_by: 4, first };
        stage.tell(Input::Link(&link()));
        stage.tell(Input::Start);
        let active = says(HIGHER, State::Active, 200);
        stage.turn(&active);
        let mut said = 0;
        for second in 1..=95 {
            said += stage.run_to(at(second)).iter().filter(|(_, line)| line == "interface 0/5").count();
            stage.hear(&active);
        }
        assert_eq!(said, count, "first: {first}");
    }
}

#[test]
fn a_new_active_router_is_greeted_by_the_passive() {
    let mut stage = Stage::reaching(config(), "Listen");
    assert!(stage.turn(&says(HIGHER, State::Active, 200)).is_empty(), "known already");
    stage.now += secs(1);
    assert_eq!(stage.turn(&says("10.0.0.8", State::Active, 200)), ["interface 0/1"]);
    // Two that take turns are greeted no more than once a second.
    let start = stage.now;
    let mut said = 0;
    for turn in 0..1000 {
        stage.now = start + millis(3 * turn);
        let from = if turn % 2 == 0 { HIGHER } else { "10.0.0.8" };
        said += stage
            .turn(&says(from, State::Active, 200))
            .iter()
            .filter(|line| *line == "interface 0/1")
            .count();
    }
    assert_eq!(said, 2);
    let silent = Config { interface_state: false, ..config() };
    let mut stage = Stage::started(silent);
    assert!(stage.turn(&says(HIGHER, State::Active, 200)).is_empty());
}

#[test]
fn a_refused_hold_keeps_away_for_longer_and_longer() {
    let mut stage = Stage::reaching(config(), "Active");
    for pause in [5, 10, 20] {
        let lines = stage.refuse_hold();
        assert_eq!(lines, ["resign initial p100", "release", "no will", "Active -> Initial"]);
        assert_eq!(stage.deadline(), stage.now + secs(pause));
        assert!(stage.detail("next-try").starts_with("in "));
        assert_eq!(stage.next_tick()[0], "Initial -> Listen");
        let end = stage.now + secs(20);
        stage.run_to(end);
        assert_eq!(stage.state(), "Active");
    }
    stage.tell(Input::Held(Ok(())));
    stage.refuse_hold();
    assert_eq!(stage.deadline(), stage.now + secs(5));
    assert_eq!(stage.counter("hold-faults"), 4);
}

#[test]
fn a_stall_is_no_silence_of_others() {
    let mut stage = Stage::reaching(config(), "Standby");
    stage.now += secs(40);
    assert!(stage.tick().contains(&"remark stalled".to_owned()));
    assert_eq!((stage.state(), stage.remaining("active-timer")), ("Standby", Some(secs(3))));
    stage.now += secs(3);
    assert_eq!(stage.tick().last().unwrap(), "Standby -> Active");

    let mut stage = Stage::reaching(config(), "Active");
    stage.now += secs(40);
    let lines = stage.tell(Input::Lapsed(secs(40)));
    assert_eq!(lines, ["remark stalled", "hold"]);
    assert_eq!(stage.tick(), ["hello active p100", "announce"]);
}

/// Found by the simulation: the interface is passive from then on, and nobody was told.
#[test]
fn a_router_that_stands_still_while_it_hands_over_says_that_its_interface_is_passive() {
    let mut stage = Stage::reaching(config(), "Active");
    stage.tell(Input::Command(Command::HandOver));
    stage.now += secs(40);
    let lines = stage.tell(Input::Lapsed(secs(40)));
    assert_eq!(stage.state(), "Listen");
    let passive = lines.iter().position(|line| line == "interface 0/1").unwrap();
    assert!(lines.iter().position(|line| line == "release").unwrap() < passive, "{lines:?}");
}

#[test]
fn a_countdown_to_preemption_begins_anew_when_its_condition_was_gone() {
    let patient =
        Config { priority: 150, preempt: Preempt { on: true, delay: secs(30), ..Preempt::OFF }, ..config() };
    let mut stage = Stage::started(patient);
    let hears_worse_until = |stage: &mut Stage, end: fhrp::Instant| {
        while stage.now < end && stage.state() != "Active" {
            stage.turn(&says("10.0.0.8", State::Active, 120));
            stage.now += secs(1);
        }
    };
    let began = stage.now;
    hears_worse_until(&mut stage, began + secs(20));
    stage.tell(Input::Penalty(100));
    stage.tell(Input::Penalty(0));
    let again = stage.now;
    hears_worse_until(&mut stage, began + secs(45));
    assert_ne!(stage.state(), "Active", "the first countdown went on");
    hears_worse_until(&mut stage, again + secs(35));
    assert_eq!((stage.state(), stage.now > again + secs(30)), ("Active", true));
}

#[test]
fn the_will_is_signed_anew_when_the_key_changes() {
    let wall = secs(1_800_000_000);
    let change = Some(wall + secs(60));
    let key =
        |id, text: &str, send| ChainKey { id, secret: Secret::new(text), send, accept: Lifetime::ALWAYS };
    let chain = KeyChain::new(vec![
        key(1, "old", Lifetime { from: Duration::ZERO, until: change }),
        key(2, "new", Lifetime { from: wall + secs(60), until: Some(wall + secs(90)) }),
    ]);
    let mut stage =
        Stage::reaching(Config { authentication: Authentication::Md5(chain), ..config() }, "Active");
    let lines = stage.run_to(at(70));
    let wills: Vec<_> =
        lines.iter().filter(|(_, line)| line.starts_with("will")).map(|(when, _)| *when).collect();
    assert_eq!(wills, [secs(62)], "with the first hello under the new key");
    // No key is left: silence, and an alarm for the operator.
    let lines = stage.run_to(at(100));
    assert!(lines.iter().any(|(when, line)| *when >= secs(90) && line == "alarm no-key"));
    assert!(!lines.iter().any(|(when, line)| *when >= secs(90) && line.starts_with("hello")));
    assert!(stage.view().alarms[0].starts_with("no-key: "));
}

#[test]
fn another_group_is_started_anew() {
    let mut stage = Stage::reaching(config(), "Active");
    let other = Config { group: 2, virtual_mac: Some(Mac([0, 0, 0x0c, 7, 0xac, 2])), ..config() };
    let lines = stage.tell(Input::Reconfigure(&other));
    assert_eq!(
        lines,
        [
            "resign initial p100",
            "release",
            "no will",
            "Active -> Initial",
            "Initial -> Listen",
            "interface 0/1"
        ]
    );
    assert_eq!(stage.view().id, 2);
    assert_eq!(stage.tell(Input::Reconfigure(&"no configuration")), ["remark reconfiguration-refused"]);
    assert!(stage.tell(Input::Reconfigure(&other)).is_empty());
}

#[test]
fn what_others_may_see_is_said_at_once() {
    for (change, name) in [
        (Config { priority: 120, ..config() }, "hello active p120"),
        (Config { times: Some(stage::TIMES), ..config() }, "hello active p100"),
    ] {
        let mut stage = Stage::reaching(config(), "Active");
        let lines = stage.tell(Input::Reconfigure(&change));
        assert!(
            lines.contains(&name.to_owned()) && lines.iter().any(|line| line.starts_with("will")),
            "{lines:?}"
        );
        assert!(!lines.contains(&"announce".to_owned()));
    }
}

#[test]
fn faults_have_names() {
    let mut stage = Stage::bare(config());
    stage.tell(Input::Start);
    assert_eq!(stage.view().reason, "the interface does not exist");
    let told = |stage: &mut Stage, link: Link| {
        stage.tell(Input::Link(&link));
        (stage.state(), stage.view().reason)
    };
    let down = Link { up: false, ..link() };
    assert_eq!(told(&mut stage, down), ("Initial", "link eth0 is down".to_owned()));
    let bare = Link { addresses: vec![], ..link() };
    assert_eq!(told(&mut stage, bare).1, "eth0 has no IPv4 address to speak from");
    let taken = Link { addresses: vec![address("10.0.0.5/24"), address("10.0.0.1/24")], ..link() };
    assert_eq!(told(&mut stage, taken).1, "10.0.0.1 is an address of eth0 itself");
    assert_eq!(told(&mut stage, link()).0, "Listen");
    assert_eq!(stage.view().standing, Standing::StandingBy);
}

#[test]
fn the_address_it_speaks_from_may_move() {
    let mut stage = Stage::reaching(config(), "Active");
    let moved = Link { addresses: vec![address("10.0.0.6/24")], ..link() };
    assert_eq!(stage.tell(Input::Link(&moved)), ["hello active p100", "will resign initial p100"]);
    assert_eq!(stage.view().source, Some(ip("10.0.0.6")));
}

#[test]
fn commands_are_for_the_active_router() {
    let mut stage = Stage::reaching(config(), "Standby");
    assert_eq!(stage.command(Command::HandOver), ["remark command-ignored"]);
    let mut stage = Stage::reaching(config(), "Active");
    assert_eq!(stage.command(Command::Announce), ["announce"]);
    assert_eq!(stage.command(Command::HandOver), ["resign speak p100", "remark leaving"]);
    assert_eq!((stage.state(), stage.deadline()), ("Active", stage.now + millis(250)));
    // What was under way before the goodbye is no answer to it.
    let before = stage.now - millis(1);
    assert!(stage.hear_at(&says(LOWER, State::Active, 50), before).is_empty());
    let lines = stage.hear(&says(LOWER, State::Active, 50));
    assert_eq!(lines, ["release", "no will", "interface 0/1", "hello speak p100", "Active -> Speak"]);
}

#[test]
fn an_address_must_be_possible_to_be_learnt() {
    for wrong in ["0.0.0.0", "192.0.2.1", "10.0.0.5", "224.0.0.2"] {
        let mut stage = Stage::started(learning());
        stage.hear(&says(HIGHER, State::Active, 200).address(wrong));
        assert_eq!(stage.state(), "Learn", "{wrong}");
    }
    let mut stage = Stage::started(learning());
    stage.hear(&says(HIGHER, State::Active, 200).address("10.0.0.77"));
    assert_eq!((stage.state(), stage.view().addresses), ("Listen", vec![address("10.0.0.77/24")]));
    // The active router's change is followed.
    stage.hear(&says(HIGHER, State::Active, 200).address("10.0.0.78"));
    assert_eq!(stage.view().addresses, [address("10.0.0.78/24")]);
    assert_eq!(stage.detail("address"), "10.0.0.78, learnt from the active router");
}

#[test]
fn what_is_not_for_this_group_is_refused_by_name() {
    let mut stage = Stage::reaching(config(), "Standby");
    let other = says(HIGHER, State::Active, 200).with(|message| message.group = 2);
    assert_eq!(stage.hear(&other), ["refused group-errors"]);
    assert_eq!(stage.view().neighbours[0].refused.as_deref(), Some("group 2, ours is 1"));
    let second = says(HIGHER, State::Active, 200).with(|message| message.version = Version::V2);
    assert_eq!(stage.hear(&second), ["refused version-errors"]);
    assert_eq!(
        stage.hear_octets(ip(HIGHER), Version::V1, &[0, 0, 16], stage.now),
        ["refused packet-length-errors"]
    );
    assert_eq!(
        stage.hear_octets(ip("0.0.0.0"), Version::V1, &[0, 0, 16], stage.now),
        ["refused source-errors"]
    );
    assert_eq!(stage.counter("group-errors") + stage.counter("packet-length-errors"), 2);
    assert_eq!(stage.state(), "Standby");
}

#[test]
fn times_that_are_none_are_not_believed() {
    for (hello, hold) in [(0, 10), (3, 0), (5, 5), (10, 3)] {
        let mut stage = Stage::reaching(config(), "Standby");
        let lines = stage.hear(&says(HIGHER, State::Active, 200).times(secs(hello), secs(hold)));
        assert_eq!(lines, ["remark mismatch"], "{hello} {hold}");
        assert_eq!(stage.remaining("active-timer"), Some(secs(10)));
        assert_eq!(stage.counter("timer-errors"), 1);
    }
    let mut stage = Stage::reaching(config(), "Standby");
    stage.hear(&says(HIGHER, State::Active, 200).address("10.0.0.99"));
    assert_eq!(stage.view().neighbours[0].differs, ["virtual address 10.0.0.99, ours is 10.0.0.1"]);
}

#[test]
fn an_operator_is_shown_what_an_engineer_looks_for() {
    let mut stage = Stage::reaching(config(), "Standby");
    stage.now += secs(1);
    let view = stage.view();
    assert_eq!((view.protocol, view.version, view.id, view.state), ("hsrp", "1", 1, "Standby"));
    assert_eq!((view.active, view.source), (Some(ip(HIGHER)), Some(ip("10.0.0.5"))));
    assert_eq!(view.reason, "d: nobody is standby");
    assert_eq!(stage.detail("active-router"), "10.0.0.9, priority 200, from 02:00:00:00:00:09");
    assert_eq!(stage.detail("standby-router"), "local");
    assert_eq!(stage.detail("state-changes"), "3");
    assert_eq!(stage.detail("preemption"), "off: a worse active router is left alone");
    assert_eq!(stage.detail("authentication"), "text authentication");
    assert_eq!(stage.detail("virtual-mac"), "00:00:0c:07:ac:01, of version 1");
    assert_eq!(stage.remaining("hello-time"), Some(secs(2)));
    assert_eq!(stage.remaining("active-timer"), Some(secs(9)));
    assert_eq!(stage.counter("hellos-sent"), 5);
    let neighbour = &view.neighbours[0];
    assert_eq!((neighbour.address, neighbour.priority), (ip(HIGHER), Some(200)));
    assert_eq!(Stage::bare(Config { version: Version::V2, ..config() }).view().version, "2");
}

#[test]
fn jitter_makes_hellos_up_to_a_fifth_early() {
    for (random, pause) in [(0, 3000), (0xffff, 2400), (0x7fff, 2700)] {
        let mut stage = Stage::started(Config { jitter: true, ..config() });
        stage.random = random;
        stage.run_to(at(10));
        let left = stage.remaining("hello-time").unwrap();
        assert!(left.abs_diff(millis(pause)) < millis(1), "{random}: {left:?}");
    }
}
