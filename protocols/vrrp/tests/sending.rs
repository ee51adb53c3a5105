//! What is sent in which form and where, and what is held: checksum forms, both versions at once, unicast,
//! owners, Accept_Mode, no virtual MAC, router advertisements, last wills.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use std::net::IpAddr;

use fhrp::{Action, Answer, Family, Holdings, Input, Link, Mac, Presence, Route, Solicitation};
use stage::{HIGHER, LOWER, OURS, Stage, address, config, config_of, ip, link, millis, read, says, secs};
use vrrp::Config;
use vrrp::config::{
    AntiReplay, Authentication, Hmac, HmacMode, Key, Peer, RouterAdvertisement, Secret, SendChecksum,
    Versions,
};
use vrrp::wire::ChecksumForm;

fn held(stage: &Stage) -> Holdings {
    let hold = |action: &Action| match action {
        Action::Hold(holdings) => Some(holdings.clone()),
        _ => None,
    };
    stage.actions.iter().find_map(hold).unwrap()
}

#[test]
fn the_form_of_checksum_follows_the_neighbours() {
    let pseudo = ChecksumForm::PseudoHeader;
    // Nobody heard: RFC 9568's.
    assert_eq!(Stage::active(config()).tell(Input::Penalty(1))[1], "send v3 p99 1s");

    let mut stage = Stage::started(config());
    assert_eq!(stage.hear(&says(LOWER, 200).form(pseudo)), ["remark checksum-form"]);
    assert!(stage.hear(&says(LOWER, 200).form(pseudo)).is_empty());
    assert_eq!(stage.detail("checksum"), "RFC 5798 pseudo-header form");
    assert_eq!(stage.next_tick()[0], "send v3 p100 1s pseudo");
    // Backups are silent, so what an Active heard last holds for as long as nobody says otherwise.
    assert!(stage.run(secs(300)).contains(&"send v3 p100 1s pseudo".to_owned()));
    assert_eq!(stage.counter("pseudo-header-checksums"), 2);

    // Neighbours of both kinds get one in each.
    let mut stage = Stage::started(config());
    stage.hear(&says(LOWER, 200).form(pseudo));
    stage.hear(&says(HIGHER, 200));
    let done = stage.next_tick();
    assert_eq!(done[..2], ["send v3 p100 1s", "send v3 p100 1s pseudo"]);

    // What is configured is not argued with.
    for (send, line) in [
        (SendChecksum::MessageOnly, "send v3 p100 1s"),
        (SendChecksum::PseudoHeader, "send v3 p100 1s pseudo"),
    ] {
        let mut stage = Stage::started(Config { send_checksum: send, ..config() });
        assert!(stage.hear(&says(LOWER, 200).form(pseudo)).is_empty());
        assert_eq!(stage.next_tick()[0], line);
    }
}

#[test]
fn both_versions_are_sent_during_a_change_over() {
    let both = Config { versions: Versions::Both, advertise_interval: millis(500), ..config() };
    let mut stage = Stage::started(both);
    let done = stage.next_tick();
    assert_eq!(done[..2], ["send v3 p100 500ms", "send v2 p100 1s"], "version 2 counts whole seconds");
    assert_eq!(stage.tell(Input::Stop)[..2], ["send v3 p0 500ms", "send v2 p0 1s"]);
}

#[test]
fn version_two_of_a_router_that_speaks_three_says_nothing_new() {
    let mut stage = Stage::started(Config { versions: Versions::Both, ..config() });
    stage.hear(&says(LOWER, 200).v2());
    assert_eq!(stage.counter("advertisements-received"), 1, "alone it is obeyed");
    stage.hear(&says(LOWER, 200));
    let before = stage.deadline();
    stage.pass(millis(400));
    assert!(stage.hear(&says(LOWER, 200).v2()).is_empty());
    assert_eq!(stage.deadline(), before);
    assert_eq!((stage.counter("version-2-ignored"), stage.counter("advertisements-received")), (1, 2));
    // When it falls back to version 2, that counts again, before we would take over.
    stage.pass(millis(1_700));
    stage.hear(&says(LOWER, 200).v2());
    assert_eq!(stage.counter("advertisements-received"), 3);
}

#[test]
fn unicast_goes_to_each_peer_with_a_checksum_of_its_own() {
    let peers = [LOWER, HIGHER].map(|peer| Peer { address: ip(peer), min_ttl: 255 }).to_vec();
    let send_checksum = SendChecksum::PseudoHeader;
    let mut stage = Stage::started(Config { peers, send_checksum, ..config() });
    assert!(stage.hear(&says(LOWER, 200).to(OURS)).is_empty());
    let done = stage.next_tick();
    assert_eq!(done[..2], ["send v3 p100 1s pseudo to 10.0.0.2", "send v3 p100 1s pseudo to 10.0.0.9"]);
    let identifications: Vec<_> = stage.sent().iter().map(|datagram| datagram.identification).collect();
    assert_eq!(identifications, [1, 2]);
    assert_eq!(stage.counter("advertisements-sent"), 2);
}

#[test]
fn ipv6_speaks_link_local_to_the_link_and_global_beyond_it() {
    let mut stage = Stage::started(config_of(Family::Ipv6, Versions::V3));
    stage.next_tick();
    let sent = stage.sent()[0].clone();
    assert_eq!((sent.source, sent.destination), (ip("fe80::5"), ip("ff02::12")));
    let Route::Link { source_mac, destination_mac } = sent.route else { panic!("{sent:?}") };
    assert_eq!(source_mac.to_string(), "00:00:5e:00:02:01");
    assert_eq!(destination_mac.to_string(), "33:33:00:00:00:12");

    let peers = vec![Peer { address: ip("2001:db8:9::1"), min_ttl: 250 }];
    let mut stage = Stage::started(Config { peers, ..config_of(Family::Ipv6, Versions::V3) });
    stage.next_tick();
    assert_eq!(stage.sent()[0].source, ip("2001:db8::5"));
    assert_eq!(stage.sent()[0].route, Route::Routed);
}

#[test]
fn what_is_held_follows_the_mode() {
    let vmac = config().virtual_mac.unwrap();
    let with = Answer::With(vmac);
    let owning = Link { addresses: vec![address("10.0.0.1/24")], ..link() };
    let owner = Config { priority: 255, accept: false, ..config() };
    let rows = [
        (config(), link(), Presence::Accepted, with),
        (Config { accept: false, ..config() }, link(), Presence::Unaccepted, with),
        (Config { virtual_mac: None, ..config() }, link(), Presence::OnInterface, Answer::Silent),
        (owner.clone(), owning, Presence::Native, with),
        (owner, link(), Presence::Accepted, with),
    ];
    for (config, link, presence, answer) in rows {
        let with_mac = config.virtual_mac.is_some();
        let mut stage = Stage::bare(config);
        stage.tell(Input::Link(&link));
        stage.tell(Input::Start);
        if stage.state() == "Backup" {
            stage.next_tick();
        }
        let held = held(&stage);
        let vip = held.addresses[&ip("10.0.0.1")];
        assert_eq!((vip.presence, vip.answer, vip.router), (presence, answer, true));
        assert_eq!(held.forward.contains_key(&vmac), with_mac);
        let Route::Link { source_mac, .. } = stage.sent()[0].route else { panic!() };
        assert_eq!(source_mac, if with_mac { vmac } else { link.mac });
    }
}

#[test]
fn excluded_addresses_are_held_and_not_advertised() {
    let excluded = vec![address("10.0.0.20/24"), address("2001:db8::20/64")];
    let mut stage = Stage::started(Config { excluded, ..config() });
    stage.next_tick();
    let held: Vec<IpAddr> = held(&stage).addresses.into_keys().collect();
    assert_eq!(held, ["10.0.0.1", "10.0.0.20", "2001:db8::20"].map(ip));
    assert_eq!(read(stage.sent()[0]).0.addresses, [ip("10.0.0.1")]);
}

#[test]
fn router_advertisements_come_from_the_virtual_link_local() {
    let advertisement = RouterAdvertisement {
        lifetime: secs(1800),
        interval: secs(200),
        managed: false,
        other: true,
        prefixes: vec![address("2001:db8::/64")],
    };
    let config =
        Config { router_advertisement: Some(advertisement), ..config_of(Family::Ipv6, Versions::V3) };
    let mut stage = Stage::started(config);
    stage.next_tick();
    let said = held(&stage).router_advertisement.unwrap();
    assert_eq!(IpAddr::from(said.source), ip("fe80::1"));
    assert_eq!(said.mac.map(|mac| mac.to_string()).as_deref(), Some("00:00:5e:00:02:01"));
    assert_eq!((said.lifetime, said.other), (secs(1800), true));
}

#[test]
fn hosts_are_answered_for_what_is_held_alone() {
    let asks = |target: &str| Solicitation {
        from_mac: Mac::default(),
        from: None,
        target: ip(target),
        to_mac: Mac::BROADCAST,
    };
    let mut stage = Stage::started(config());
    assert!(stage.tell(Input::Solicited(&asks("10.0.0.1"))).is_empty(), "row 11, Backup");
    stage.next_tick();
    assert_eq!(stage.tell(Input::Solicited(&asks("10.0.0.1"))), ["answer 00:00:5e:00:01:01"]);
    assert!(stage.tell(Input::Solicited(&asks("10.0.0.7"))).is_empty());
}

#[test]
fn a_last_will_that_ages_is_written_anew() {
    let key = Key { id: 1, secret: Secret::new([7; 32]) };
    let hmac = Hmac { keys: vec![key], mode: HmacMode::Enforce, anti_replay: AntiReplay::Monotonic };
    let mut stage = Stage::active(Config { authentication: Authentication::Hmac(hmac), ..config() });
    assert_eq!(stage.next_tick()[..2], ["send v3 p100 1s", "will"]);
    let mut plain = Stage::active(config());
    assert_eq!(plain.next_tick(), ["send v3 p100 1s", "announce"]);
}

#[test]
fn a_last_will_has_the_checksum_that_the_neighbours_take() {
    let pseudo = ChecksumForm::PseudoHeader;
    let mut stage = Stage::active(config());
    stage.hear(&says(LOWER, 50).form(pseudo));
    let wanted = ["send v3 p100 1s pseudo".to_owned(), "will".to_owned()];
    assert!((0..4).any(|_| stage.next_tick().ends_with(&wanted)), "the will follows the first such advert");
    let forms = stage.actions.iter().find_map(|action| match action {
        Action::LastWill(will) => Some(will.iter().map(|datagram| read(datagram).1).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(forms, Some(vec![pseudo]));
    // As long as they take it, it stands.
    assert!(!stage.run(secs(30)).contains(&"will".to_owned()));
}

#[test]
fn a_view_tells_what_is_configured_and_what_runs() {
    let stage = Stage::active(Config { accept: false, preempt_delay: secs(5), ..config() });
    let view = stage.view();
    assert_eq!((view.protocol, view.version, view.id, view.state), ("vrrp", "3", 1, "Active"));
    assert_eq!(view.active, Some(ip(OURS)));
    assert_eq!(view.reason, "no advertisement for 3.609375 s");
    assert_eq!(stage.timer("advertise-interval").remaining, Some(secs(1)));
    assert_eq!(
        stage.detail("accept-mode"),
        "off: the addresses are routed through, but will not answer ping"
    );
    assert_eq!(stage.detail("preempt-mode"), "on, after 5 s");
    assert_eq!(stage.detail("mac"), "00:00:5e:00:01:01, virtual");
    assert_eq!(stage.detail("source"), "10.0.0.5, the interface's first that fits");
    assert_eq!(stage.counter("became-active"), 1);
}

/// The numbers of the Authentication Headers of everything sent last.
fn numbers(stage: &Stage) -> Vec<u32> {
    let number = |payload: &[u8]| u32::from_be_bytes(payload[8..12].try_into().unwrap());
    stage.sent().iter().map(|datagram| number(&datagram.payload)).collect()
}

/// Found by the simulation: members share one number space, and a peer that counts strictly refuses whoever is
/// behind. So a goodbye that is kept for later takes no number, and all peers hear the same one.
#[test]
fn shared_numbers_go_up_by_one_for_each_advertisement_whoever_hears_it() {
    let authentication = Authentication::AuthenticationHeader(Secret::new("monkey"));
    let v2 = Config { authentication, versions: Versions::V2, ..config() };
    let peers = [LOWER, HIGHER].map(|address| Peer { address: ip(address), min_ttl: 255 });
    let unicast = Config { peers: peers.to_vec(), ..v2.clone() };
    for (config, datagrams) in [(v2, 1), (unicast, 2)] {
        let mut stage = Stage::active(config);
        stage.next_tick();
        let first = numbers(&stage)[0];
        for step in 1..4 {
            stage.next_tick();
            assert_eq!(numbers(&stage), vec![first + step; datagrams]);
        }
    }
}
