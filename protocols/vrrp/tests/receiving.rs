//! The checks of RFC 9568 §7.1 and RFC 3768 §7.1: what fails is counted under its own name, and its sender
//! stands among the neighbours with the rule it broke.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use fhrp::Family;
use stage::{HIGHER, LOWER, OURS, Said, Stage, address, config, config_of, ip, millis, says, secs};
use vrrp::Config;
use vrrp::config::{AcceptChecksum, Authentication, OnMismatch, Peer, Secret, Versions};
use vrrp::wire::ChecksumForm;

fn version_two() -> Config {
    config_of(Family::Ipv4, Versions::V2)
}

fn fix_checksum(octets: &mut [u8]) {
    octets[6..8].fill(0);
    let sum = fhrp::checksum::Sum::new().over(octets).checksum();
    octets[6..8].copy_from_slice(&sum.to_be_bytes());
}

#[test]
fn every_rule_has_a_counter_and_a_reason() {
    let strict = Config { accept_checksum: AcceptChecksum::MessageOnly, ..config() };
    let owner_two = Config { priority: 255, ..version_two() };
    let text = Config { authentication: Authentication::Text(Secret::new(*b"password")), ..version_two() };
    let unicast = Config { peers: vec![Peer { address: ip(LOWER), min_ttl: 250 }], ..config() };
    let pseudo = ChecksumForm::PseudoHeader;
    let rows: Vec<(Config, Said, &str, &str)> = vec![
        (config(), says(OURS, 200), "own-address", "our own address: a loop, or somebody else uses it"),
        (config(), says(LOWER, 200).ttl(64), "ttl-errors", "TTL 64, must be 255"),
        (config(), says(LOWER, 200).v2(), "version-errors", "version 2, ours is 3"),
        (version_two(), says(LOWER, 200), "version-errors", "version 3, ours is 2"),
        (config(), says(LOWER, 200).spoilt(|octets| octets.push(0)), "packet-length-errors", ""),
        (config(), says(LOWER, 200).spoilt(|octets| octets[6] ^= 1), "checksum-errors", ""),
        (
            strict,
            says(LOWER, 200).form(pseudo),
            "checksum-errors",
            "RFC 5798 pseudo-header form, and only RFC 9568, message only is accepted",
        ),
        (
            config(),
            says(LOWER, 200).spoilt(|octets| {
                octets[1] = 7;
                fix_checksum(octets);
            }),
            "vrid-errors",
            "VRID 7, ours is 1",
        ),
        (
            config(),
            says(LOWER, 200).spoilt(|octets| {
                octets[0] = 0x32;
                fix_checksum(octets);
            }),
            "invalid-type",
            "",
        ),
        (
            config(),
            says(LOWER, 200).spoilt(|octets| {
                octets[4..6].fill(0);
                fix_checksum(octets);
            }),
            "advertise-interval-errors",
            "",
        ),
        (text, says(LOWER, 200).v2(), "authentication-type-mismatch", ""),
        (
            version_two(),
            says(LOWER, 200).v2().every(secs(2)),
            "advertise-interval-errors",
            "interval 2 s, ours is 1 s",
        ),
        (
            version_two(),
            says(LOWER, 200).v2().addresses(&["10.0.0.7"]),
            "address-list-errors",
            "addresses with 10.0.0.7 instead of 10.0.0.1",
        ),
        (
            owner_two,
            says(LOWER, 255).v2(),
            "owner-conflicts",
            "priority 255, and this router owns the addresses",
        ),
        (unicast.clone(), says(HIGHER, 200).to(OURS), "unknown-peer", "not one of the configured peers"),
        (unicast, says(LOWER, 200).to(OURS).ttl(249), "ttl-errors", "TTL 249, must be at least 250"),
    ];
    for (config, said, counter, reason) in rows {
        let row = format!("{counter}: {reason}");
        let mut stage = Stage::started(config);
        let (state, before) = (stage.state(), stage.deadline());
        let done = stage.hear(&said);
        assert_eq!(done[0], format!("refused {counter}"), "{row}");
        assert_eq!((stage.state(), stage.deadline()), (state, before), "{row}");
        assert_eq!(stage.counter(counter), 1, "{row}");
        assert_eq!(stage.counter("advertisements-received"), 0, "{row}");
        let neighbour = stage.view().neighbours[0].clone();
        assert_eq!((neighbour.accepted, neighbour.rejected), (0, 1), "{row}");
        let shown = neighbour.refused.unwrap();
        assert!(!shown.is_empty() && (reason.is_empty() || shown == reason), "{row}: {shown}");
        if counter != "packet-length-errors" {
            assert_eq!(neighbour.priority, Some(said.advertisement.priority), "{row}");
        }
    }
}

#[test]
fn what_may_differ_is_obeyed_counted_and_shown() {
    let lenient = Config { on_mismatch: OnMismatch::Accept, ..version_two() };
    let learning = Config { learn_interval: true, ..version_two() };
    let rows: Vec<(Config, Said, &str, &str)> = vec![
        (config(), says(LOWER, 200).every(secs(2)), "advertise-interval-errors", "interval 2 s, ours is 1 s"),
        (
            config(),
            says(LOWER, 200).addresses(&["10.0.0.1", "10.0.0.7"]),
            "address-list-errors",
            "addresses with 10.0.0.7 besides ours",
        ),
        (
            lenient.clone(),
            says(LOWER, 200).v2().every(secs(2)),
            "advertise-interval-errors",
            "interval 2 s, ours is 1 s",
        ),
        (
            lenient,
            says(LOWER, 200).v2().addresses(&["10.0.0.7"]),
            "address-list-errors",
            "addresses with 10.0.0.7 instead of 10.0.0.1",
        ),
        (
            learning,
            says(LOWER, 200).v2().every(secs(2)),
            "advertise-interval-errors",
            "interval 2 s, ours is 1 s",
        ),
        (
            version_two(),
            says(LOWER, 255).v2().addresses(&["10.0.0.7"]),
            "address-list-errors",
            "addresses with 10.0.0.7 instead of 10.0.0.1",
        ),
    ];
    for (config, said, counter, differs) in rows {
        let mut stage = Stage::started(config);
        assert_eq!(stage.hear(&said)[0], "remark mismatch", "{differs}");
        assert!(!stage.hear(&said).contains(&"remark mismatch".to_owned()), "said once");
        let neighbour = stage.view().neighbours[0].clone();
        assert_eq!(neighbour.differs, [differs]);
        assert_eq!((neighbour.refused, neighbour.accepted), (None, 2));
        assert_eq!(stage.counter(counter), 2);
        assert_eq!(stage.timer("active-advertise-interval").length, said.advertisement.interval);
    }
}

#[test]
fn the_order_of_addresses_does_not_count() {
    let config = Config::new(1, vec![address("10.0.0.1/24"), address("10.0.0.7/24")]);
    let mut stage = Stage::started(config);
    assert!(stage.hear(&says(LOWER, 200).addresses(&["10.0.0.7", "10.0.0.1"])).is_empty());
    assert_eq!(stage.counter("address-list-errors"), 0);
}

#[test]
fn ipv6_wants_a_link_local_address_first() {
    let mut config = config_of(Family::Ipv6, Versions::V3);
    config.addresses.push(address("2001:db8::1/64"));
    let mut stage = Stage::started(config);
    assert!(stage.hear(&says("fe80::9", 200).addresses(&["fe80::1", "2001:db8::1"])).is_empty());
    let done = stage.hear(&says("fe80::9", 200).addresses(&["2001:db8::1", "fe80::1"]));
    assert_eq!(done, ["remark mismatch"]);
    let differs = stage.view().neighbours[0].differs.clone();
    assert_eq!(differs, ["the first address is 2001:db8::1, not a link-local one"]);
}

#[test]
fn ipv6_ties_are_decided_by_all_128_bits() {
    let active = || Stage::active(config_of(Family::Ipv6, Versions::V3));
    assert_eq!(active().turn(&says("fe80::6", 100)).last().unwrap(), "Active -> Backup");
    assert_eq!(active().turn(&says("fe80::4", 100)).last().unwrap(), "announce");
}

#[test]
fn neighbours_show_what_they_use() {
    let mut stage = Stage::started(config());
    stage.hear(&says(LOWER, 200).form(ChecksumForm::PseudoHeader));
    stage.pass(millis(250));
    let neighbour = stage.view().neighbours[0].clone();
    assert_eq!(neighbour.heard_ago, millis(250));
    let detail = |name| neighbour.details.iter().find(|detail| detail.name == name).unwrap().value.clone();
    assert_eq!(detail("checksum"), "RFC 5798 pseudo-header form");
    assert_eq!(detail("version"), "3");
    assert_eq!(detail("advertise-interval"), "1 s");
}

#[test]
fn a_refused_active_beside_us_is_an_alarm_until_it_ends() {
    let mut stage = Stage::active(config());
    stage.run(secs(6));
    assert_eq!(stage.hear(&says(HIGHER, 200).ttl(64)), ["refused ttl-errors"]);
    stage.run(secs(1));
    assert_eq!(stage.hear(&says(HIGHER, 200).ttl(64)), ["refused ttl-errors", "alarm two-actives"]);
    stage.run(secs(1));
    assert_eq!(stage.hear(&says(HIGHER, 200).ttl(64)), ["refused ttl-errors"]);
    let alarm = "two-actives: 10.0.0.9 claims the role as well: it is discarded: TTL 64, must be 255";
    assert_eq!(stage.view().alarms, [alarm]);
    // Silent for its down interval: hosts may believe it still, so the winner announces once.
    let said = stage.run(secs(8));
    let count = |line| said.iter().filter(|said| *said == line).count();
    assert_eq!((count("alarm two-actives over"), count("announce")), (1, 1));
    assert!(stage.view().alarms.is_empty());
}

#[test]
fn our_own_echo_and_strangers_in_unicast_are_no_second_active() {
    let unicast = Config { peers: vec![Peer { address: ip(LOWER), min_ttl: 255 }], ..config() };
    for (config, said) in [(config(), says(OURS, 200)), (unicast, says(HIGHER, 200))] {
        let mut stage = Stage::active(config);
        for _ in 0..5 {
            stage.hear(&said);
            stage.run(secs(1));
        }
        assert!(stage.view().alarms.is_empty());
    }
}

#[test]
fn two_owners_are_loud_and_the_address_decides() {
    let owner = || Config { priority: 255, ..config() };
    let mut stage = Stage::started(owner());
    let done = stage.turn(&says(HIGHER, 255));
    assert_eq!(done[0], "alarm two-owners");
    assert_eq!(done.last().unwrap(), "Active -> Backup");
    let mut stage = Stage::started(owner());
    stage.pass(millis(100));
    let done = stage.turn(&says(LOWER, 255));
    assert_eq!(done, ["alarm two-owners", "remark asserted", "send v3 p255 1s", "announce"]);
    assert_eq!(stage.counter("owner-conflicts"), 1);
    // Version 2 has no rule that settles it.
    let mut stage = Stage::started(Config { versions: Versions::V2, ..owner() });
    let done = stage.turn(&says(HIGHER, 255).v2());
    assert_eq!(done, ["refused owner-conflicts", "alarm two-owners"]);
    assert_eq!(stage.state(), "Active");
}
