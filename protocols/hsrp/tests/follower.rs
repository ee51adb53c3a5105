//! A group that follows another one: it says nothing, and is what its leader is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use fhrp::announcer::{ArpForm, Schedule};
use fhrp::{Action, Command, Family, Input, Instant, Lead, Link, Mac, Share, Solicitation, Standing};
use hsrp::wire::Version;
use hsrp::{Config, Membership};
use stage::{Language, Stage, address, ip, millis, secs};

const OWN_MAC: Mac = Mac([2, 0, 0, 0, 0, 5]);
const VIRTUAL_MAC: Mac = Mac([0, 0, 0x0c, 7, 0xac, 2]);

fn config() -> Config {
    Config {
        follow: Some("boss".to_owned()),
        announcements: Schedule { repeats: vec![secs(3)], refresh: Some(secs(10)), form: ArpForm::Reply },
        ..Config::new(Version::V1, 2, Family::Ipv4, vec![address("10.0.0.2/24")])
    }
}

fn link(up: bool) -> Link {
    let addresses = vec![address("10.0.0.5/24")];
    Link { index: 2, name: "eth0".to_owned(), mac: OWN_MAC, up, mtu: 1500, addresses }
}

fn lead(state: &'static str) -> Lead {
    let standing = match state {
        "Active" => Standing::Holding,
        "Initial" => Standing::Down,
        _ => Standing::StandingBy,
    };
    Lead { state, standing, lease: secs(10) }
}

fn started(config: Config) -> Stage<Membership> {
    let language = Language { datagram: |_| panic!("a follower says nothing"), will: |_| "will".to_owned() };
    let mut stage = Stage::new(Membership::new(config), language);
    stage.tell(Input::Leads(lead("Initial")));
    stage.tell(Input::Link(&link(true)));
    assert_eq!(stage.tell(Input::Start), Vec::<String>::new());
    stage
}

#[test]
fn it_takes_every_state_of_its_leader_and_holds_when_it_does() {
    let mut stage = started(config());
    assert_eq!((stage.state(), stage.view().reason.as_str()), ("Initial", "boss takes no part"));
    for state in ["Listen", "Speak", "Standby"] {
        let lines = stage.tell(Input::Leads(lead(state)));
        assert_eq!((lines.len(), stage.state()), (1, state), "{lines:?}");
    }
    assert_eq!(stage.tell(Input::Leads(lead("Active"))), ["hold", "announce", "Standby -> Active"]);
    let Some(Action::Hold(held)) = stage.actions.first() else { panic!() };
    assert_eq!(held.forward, [(VIRTUAL_MAC, Share::Whole)].into());
    assert_eq!(held.lease, secs(10), "as long as its leader's peers wait");
    let asked =
        Solicitation { from_mac: OWN_MAC, from: None, target: ip("10.0.0.2"), to_mac: Mac::BROADCAST };
    assert_eq!(stage.tell(Input::Solicited(&asked)), [format!("answer {VIRTUAL_MAC}")]);
    assert_eq!(stage.tell(Input::Leads(lead("Speak"))), ["release", "Active -> Speak"]);
    assert_eq!(stage.tell(Input::Solicited(&asked)), Vec::<String>::new());
    assert!(!stage.waits(), "it has no timer of its own");
}

#[test]
fn it_keeps_alive_its_mac_as_long_as_it_holds_it() {
    let mut stage = started(config());
    stage.tell(Input::Leads(lead("Active")));
    let said = stage.run_to(Instant::ZERO + secs(40));
    let times: Vec<u64> = said.iter().map(|(at, _)| at.as_secs()).collect();
    assert_eq!(times, [3, 13, 23, 33]);
    assert!(said.iter().all(|(_, line)| line == "announce"));
    stage.tell(Input::Leads(lead("Standby")));
    assert_eq!(stage.run(secs(60)), Vec::<String>::new());
}

#[test]
fn it_has_faults_of_its_own() {
    let mut stage = started(config());
    stage.tell(Input::Leads(lead("Active")));
    assert_eq!(stage.tell(Input::Link(&link(false))), ["release", "Active -> Initial"]);
    assert_eq!(stage.view().reason, "link eth0 is down");
    assert_eq!(stage.tell(Input::Link(&link(true))), ["hold", "announce", "Initial -> Active"]);
    let taken = Link { addresses: vec![address("10.0.0.2/24")], ..link(true) };
    stage.tell(Input::Link(&taken));
    assert_eq!(stage.view().reason, "10.0.0.2 is an address of eth0 itself");
    stage.tell(Input::Link(&link(true)));
    assert_eq!(stage.refuse_hold(), ["release", "Active -> Initial"]);
    assert_eq!((stage.deadline().since(stage.now), stage.counter("hold-faults")), (secs(5), 1));
    assert_eq!(stage.next_tick(), ["hold", "announce", "Initial -> Active"]);
    assert_eq!(stage.tell(Input::Lapsed(secs(12))), ["remark stalled", "hold", "announce"]);
}

#[test]
fn a_follower_that_is_stopped_serves_until_its_leader_is_succeeded() {
    let mut stage = started(config());
    stage.tell(Input::Leads(lead("Active")));
    assert_eq!(stage.tell(Input::Stop), Vec::<String>::new());
    assert_eq!(stage.tell(Input::Leads(lead("Initial"))), ["release", "Active -> Initial"]);
    assert!(!stage.waits());
    // If its leader goes on, it alone was taken away: it has had its time.
    let mut stage = started(config());
    stage.tell(Input::Leads(lead("Active")));
    stage.tell(Input::Stop);
    assert_eq!(stage.run(millis(249)), Vec::<String>::new());
    assert_eq!(stage.run(millis(1)), ["release", "Active -> Initial"]);
}

#[test]
fn a_stranger_who_speaks_in_its_group_is_counted_and_named() {
    use hsrp::auth::{Authentication, Guard};
    use hsrp::wire::{GroupMessage, MULTICAST_V1, Message, Operation, State};
    let mut stage = started(config());
    stage.tell(Input::Leads(lead("Active")));
    let message = GroupMessage {
        version: Version::V1,
        operation: Operation::Coup,
        state: State::Active,
        group: 2,
        priority: 255,
        hello: secs(3),
        hold: secs(10),
        identifier: Mac::default(),
        address: ip("10.0.0.2"),
    };
    let source = ip("10.0.0.9");
    let payload =
        Guard::new(&Authentication::default()).seal(&Message::Group(message), source, Duration::ZERO);
    let payload = payload.unwrap();
    let received = fhrp::Received {
        at: stage.now,
        source_mac: OWN_MAC,
        destination_mac: Mac::of_multicast(MULTICAST_V1).unwrap(),
        source,
        destination: MULTICAST_V1,
        hop_limit: 1,
        protocol: 17,
        ports: Some((1985, 1985)),
        ip_header: &[],
        payload: &payload,
    };
    assert_eq!(stage.tell(Input::Packet(&received)), ["refused speakers-ignored"]);
    assert_eq!((stage.state(), stage.counter("speakers-ignored")), ("Active", 1));
    let seen = &stage.view().neighbours[0];
    assert_eq!(seen.refused.as_deref(), Some("speaks for this group, which follows boss here"));
}

#[test]
fn commands_are_its_leaders_affair_but_for_announcing() {
    let mut stage = started(config());
    stage.tell(Input::Leads(lead("Active")));
    assert_eq!(stage.command(Command::Announce), ["announce"]);
    assert_eq!(stage.command(Command::HandOver), ["remark command-ignored"]);
    assert_eq!(stage.tell(Input::Penalty(50)), Vec::<String>::new());
}

#[test]
fn a_follower_may_be_elected_from_now_on_and_the_reverse() {
    let language = Language { datagram: |_| "said".to_owned(), will: |_| "will".to_owned() };
    let mut stage = Stage::new(Membership::new(config()), language);
    stage.tell(Input::Leads(lead("Active")));
    stage.tell(Input::Link(&link(true)));
    stage.tell(Input::Start);
    assert_eq!(stage.state(), "Active");
    let elected = Config { follow: None, jitter: false, ..config() };
    let lines = stage.tell(Input::Reconfigure(&elected));
    assert_eq!(lines, ["release", "no will", "Active -> Initial", "Initial -> Listen", "said"]);
    stage.run(secs(40));
    assert_eq!(stage.state(), "Active");
    let lines = stage.tell(Input::Reconfigure(&config()));
    // It resigns, and lets go at once.
    assert_eq!(lines[lines.len() - 3..], ["release", "no will", "Active -> Initial"], "{lines:?}");
    assert!(lines.iter().any(|line| line == "said"));
    assert_eq!(stage.tell(Input::Leads(lead("Active"))), ["hold", "announce", "Initial -> Active"]);
}
