//! Every wrong input there is, and the answer to it, word for word.
//!
//! `tests/config/NAME.toml` is read and what is said of it compared with `NAME.txt`. After a change of wording,
//! `FIRSTHOP_BLESS=1 cargo test --test config` writes the answers anew; read the difference before committing.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fhrp::Family;
use firsthop::config::{self, Plan, ProtocolPlan, explain, schema};
use firsthop::engine::group::Identity;

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn toml_files(name: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(directory(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(!files.is_empty());
    files
}

/// What is said of a file.
fn answer(name: &str, text: &str) -> String {
    match config::parse(name, text) {
        Err(faults) => format!("{faults}\n"),
        Ok(plan) => plan.warnings.iter().fold(String::new(), |mut all, warning| {
            writeln!(all, "{warning}\n").unwrap();
            all
        }),
    }
}

#[test]
fn wrong_files_are_answered_word_for_word() {
    let bless = std::env::var_os("FIRSTHOP_BLESS").is_some();
    let mut wrong = String::new();
    for path in toml_files("tests/config") {
        let name = path.file_name().unwrap().to_string_lossy();
        let said = answer(&name, &fs::read_to_string(&path).unwrap());
        assert!(!said.is_empty(), "{name} is not wrong");
        let answer = path.with_extension("txt");
        if bless {
            fs::write(&answer, &said).unwrap();
        }
        let expected = fs::read_to_string(&answer).unwrap_or_default();
        if said != expected {
            writeln!(wrong, "=== {name}: expected\n{expected}\n=== {name}: said\n{said}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_answer_shows_a_secret() {
    for secret in ["far too long", "too short", "secret", "g0123", "both\"", "twenty"] {
        for name in ["authentication", "syntax", "hsrp", "carp", "glbp"] {
            let said = fs::read_to_string(directory(&format!("tests/config/{name}.txt"))).unwrap();
            assert!(!said.contains(secret), "{name} shows {secret}");
        }
    }
}

#[test]
fn every_example_is_good_and_without_warning() {
    let mut examples = toml_files("etc/examples");
    examples.push(directory("etc/firsthop.toml"));
    for path in examples {
        let plan = config::load(&path).unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(plan.warnings, [], "{}", path.display());
        assert!(!explain::explain(&plan).to_string().is_empty());
    }
}

#[test]
fn the_schema_beside_the_examples_is_current() {
    let path = directory("etc/firsthop.schema.json");
    if std::env::var_os("FIRSTHOP_BLESS").is_some() {
        fs::write(&path, schema::text()).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), schema::text(), "`firsthop check --schema` prints it anew");
}

fn plan(text: &str) -> Plan {
    config::parse("test.toml", text).unwrap_or_else(|faults| panic!("{faults}"))
}

fn vrrp(plan: &Plan) -> &vrrp::Config {
    match &plan.groups[0].protocol {
        ProtocolPlan::Vrrp(config) => config,
        other => panic!("{other:?}"),
    }
}

fn hsrp(plan: &Plan, group: usize) -> &hsrp::Config {
    match &plan.groups[group].protocol {
        ProtocolPlan::Hsrp(config) => config,
        other => panic!("{other:?}"),
    }
}

fn glbp(plan: &Plan, group: usize) -> &glbp::Config {
    match &plan.groups[group].protocol {
        ProtocolPlan::Glbp(config) => config,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_line_is_a_working_group_of_glbp() {
    let plan = plan(
        r#"
        [[interface.eth0.glbp]]
        id = 10
        addresses = ["10.0.10.1/24"]
        [[interface.eth0.glbp]]
        id = 11
        [[interface.eth0.glbp]]
        id = 55
        addresses = ["2001:db8:1::1/64"]
        "#,
    );
    let address = |text: &str| text.parse().unwrap();
    let expected = glbp::Config::new(10, Family::Ipv4, vec![address("10.0.10.1/24")]);
    assert_eq!(*glbp(&plan, 0), expected);
    assert_eq!(plan.groups[0].name, "eth0 glbp 10");
    assert_eq!(*glbp(&plan, 1), glbp::Config::new(11, Family::Ipv4, vec![]));
    let made = vec![address("fe80::7:b4ff:fe00:3700/64"), address("2001:db8:1::1/64")];
    assert_eq!(*glbp(&plan, 2), glbp::Config::new(55, Family::Ipv6, made));
    let key = Identity { interface: "eth0".into(), protocol: "glbp", family: Some(Family::Ipv6), id: 55 };
    assert_eq!(plan.groups[2].identity(), key);
}

#[test]
fn every_setting_of_glbp_arrives() {
    use std::time::Duration;

    use fhrp::keys::KeyChain;
    use fhrp::{InterfaceAddress, Secret};
    use glbp::auth::Authentication;
    use glbp::config::{Balancing, ClientCache, Preempt, Retirement, RouterAdvertisement, Times, Weighting};

    let plan = plan(
        r#"
        [[interface."eth0.5".glbp]]
        id = 1023
        name = "floor five"
        addresses = ["fe80::12", "2001:db8:1::1/64"]
        priority = 255
        hello-time = "200ms"
        hold-time = "700ms"
        redirect-time = "0s"
        forwarder-timeout = "15m"
        jitter = false
        preempt = true
        preempt-delay = "7s"
        forwarder-preempt = true
        forwarder-preempt-delay = "8s"
        weighting = 120
        weighting-lower = 60
        weighting-upper = 90
        load-balancing = "weighted"
        client-cache = 2000
        client-cache-timeout = "24h"
        source = "fe80::5"
        redirects = true
        router-advertisement = { interval = "30s", lifetime = "90s", managed = true }
        [interface."eth0.5".glbp.authentication]
        kind = "md5"
        keys = [{ id = 7, key = "first" }]
        "#,
    );
    let seconds = Duration::from_secs;
    let address = |text: &str| -> InterfaceAddress { text.parse().unwrap() };
    let expected = glbp::Config {
        family: Family::Ipv6,
        group: 1023,
        addresses: vec![address("fe80::12"), address("2001:db8:1::1/64")],
        priority: 255,
        times: Some(Times { hello: Duration::from_millis(200), hold: Duration::from_millis(700) }),
        retirement: Some(Retirement { redirect: Duration::ZERO, timeout: seconds(900) }),
        jitter: false,
        preempt: Preempt { on: true, delay: seconds(7) },
        forwarder_preempt: Preempt { on: true, delay: seconds(8) },
        weighting: Weighting { maximum: 120, lower: 60, upper: 90 },
        balancing: Balancing::Weighted,
        client_cache: Some(ClientCache { maximum: 2000, timeout: Some(seconds(86_400)) }),
        source: Some("fe80::5".parse().unwrap()),
        authentication: Authentication::KeyChain(KeyChain::single(7, Secret::new("first"))),
        redirects: true,
        router: true,
        router_advertisement: Some(RouterAdvertisement {
            lifetime: seconds(90),
            interval: seconds(30),
            managed: true,
            other: false,
            prefixes: Vec::new(),
        }),
    };
    assert_eq!(*glbp(&plan, 0), expected);
    let said = explain::explain(&plan).to_string();
    for words in [
        "floor five: GLBP version 1, IPv6, priority 255",
        "00:07:b4:03:ff:04",
        "the last 2000 hosts that asked, each for 86400 s",
        "120; below 60 others forward instead, until it is 90 again",
        "taken over by another router, told to hosts, and given up after",
        "MD5 with a key chain; recordings are refused",
        "UDP port 3222 to ff02::66",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn one_line_is_a_working_group_of_hsrp() {
    use hsrp::wire::Version;
    let plan = plan(
        r#"
        [[interface.eth0.hsrp]]
        id = 10
        addresses = ["10.0.10.1/24"]
        [[interface.eth0.hsrp]]
        id = 11
        [[interface.eth0.hsrp]]
        id = 10
        addresses = ["2001:db8::1/64"]
        [[interface.eth1.hsrp]]
        id = 12
        addresses = ["2001:db8:1::1/64", "fe80::12"]
        "#,
    );
    let address = |text: &str| text.parse().unwrap();
    let expected = hsrp::Config::new(Version::V1, 10, Family::Ipv4, vec![address("10.0.10.1/24")]);
    assert_eq!(*hsrp(&plan, 0), expected);
    assert_eq!(plan.groups[0].name, "eth0 hsrp 10");
    assert_eq!(*hsrp(&plan, 1), hsrp::Config::new(Version::V1, 11, Family::Ipv4, vec![]));
    let made = vec![address("fe80::5:73ff:fea0:a/64"), address("2001:db8::1/64")];
    assert_eq!(*hsrp(&plan, 2), hsrp::Config::new(Version::V2, 10, Family::Ipv6, made));
    assert_eq!(hsrp(&plan, 3).addresses, [address("fe80::12"), address("2001:db8:1::1/64")]);
    let key = Identity { interface: "eth0".into(), protocol: "hsrp", family: Some(Family::Ipv6), id: 10 };
    assert_eq!(plan.groups[2].identity(), key);
}

#[test]
fn every_setting_of_hsrp_arrives() {
    use std::time::Duration;

    use fhrp::Secret;
    use fhrp::announcer::{ArpForm, Schedule};
    use fhrp::keys::{ChainKey, KeyChain, Lifetime};
    use hsrp::auth::Authentication;
    use hsrp::config::{InitialDelay, Preempt, RouterAdvertisement, Times};
    use hsrp::wire::Version;
    let plan = plan(
        r#"
        [[interface."eth0.5".hsrp]]
        id = 4095
        name = "floor five"
        version = 2
        priority = 0
        addresses = ["fe80::7/64", "2001:db8::7/64"]
        hello-time = "15ms"
        hold-time = "50ms"
        jitter = false
        preempt = true
        preempt-equal = true
        preempt-delay = "1.5m"
        preempt-delay-after-start = "2m"
        preempt-delay-sync = "3m"
        startup-delay = "5s"
        link-up-delay = "1s"
        virtual-mac = "02:00:5e:00:00:07"
        source = "fe80::5"
        resign-on-coup = true
        interface-state = false
        redirects = true
        announce = { repeats = ["2s", "4s"], refresh = "1m", arp = "both" }
        router-advertisement = { interval = "30s" }
        [interface."eth0.5".hsrp.authentication]
        kind = "md5"
        keys = [
            { id = 9, key-hex = "00ff", send-until = 1970-01-01T01:00:10+01:00, accept-until = 1970-01-01T00:01:00Z },
            { id = 3, key = "three", send-from = 1970-01-01T00:00:10Z, accept-from = 1970-01-01T00:00:00.5Z },
        ]
        "#,
    );
    let from = |millis| Lifetime { from: Duration::from_millis(millis), until: None };
    let until = |seconds| Lifetime { from: Duration::ZERO, until: Some(Duration::from_secs(seconds)) };
    let keys = KeyChain::new(vec![
        ChainKey { id: 9, secret: Secret::new([0, 255]), send: until(10), accept: until(60) },
        ChainKey { id: 3, secret: Secret::new("three"), send: from(10_000), accept: from(500) },
    ]);
    let seconds = Duration::from_secs;
    let expected = hsrp::Config {
        version: Version::V2,
        family: Family::Ipv6,
        group: 4095,
        addresses: ["fe80::7/64", "2001:db8::7/64"].map(|text| text.parse().unwrap()).to_vec(),
        follow: None,
        priority: 0,
        times: Some(Times { hello: Duration::from_millis(15), hold: Duration::from_millis(50) }),
        jitter: false,
        preempt: Preempt {
            on: true,
            by_address: true,
            delay: seconds(90),
            delay_after_start: seconds(120),
            sync: seconds(180),
        },
        initial_delay: InitialDelay { started: seconds(5), link_up: seconds(1) },
        virtual_mac: Some("02:00:5e:00:00:07".parse().unwrap()),
        source: Some("fe80::5".parse().unwrap()),
        authentication: Authentication::Md5(keys),
        resign_on_coup: true,
        interface_state: false,
        redirects: true,
        announcements: Schedule {
            repeats: vec![seconds(2), seconds(4)],
            refresh: Some(seconds(60)),
            form: ArpForm::Both,
        },
        router: true,
        router_advertisement: Some(RouterAdvertisement {
            lifetime: seconds(90),
            interval: seconds(30),
            managed: false,
            other: false,
            prefixes: vec![],
        }),
    };
    assert_eq!(*hsrp(&plan, 0), expected);
    assert_eq!(plan.warnings, []);
    let said = explain::explain(&plan).to_string();
    for part in [
        "floor five: HSRP version 2, IPv6, priority 0",
        "takes over 35 ms to 50 ms after a crash,",
        "UDP port 2029 to ff02::66, in and out",
        "takes the role from a lower one, or an equal one with a lower address after 90 s",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
}

#[test]
fn four_lines_are_a_working_group() {
    let plan = plan("[[interface.eth0.vrrp]]\nid = 10\naddresses = [\"10.0.10.1/24\"]\npriority = 120\n");
    let expected =
        vrrp::Config { priority: 120, ..vrrp::Config::new(10, vec!["10.0.10.1/24".parse().unwrap()]) };
    assert_eq!(*vrrp(&plan), expected);
    assert_eq!(plan.groups[0].name, "eth0 vrrp 10");
    assert_eq!(plan.daemon.control_socket, Path::new("/run/firsthop/control.sock"));
    assert!(plan.daemon.real_time);
    let key = Identity { interface: "eth0".into(), protocol: "vrrp", family: Some(Family::Ipv4), id: 10 };
    assert_eq!(plan.groups[0].identity(), key);
}

#[test]
fn every_setting_arrives() {
    use std::time::Duration;

    use fhrp::announcer::{ArpForm, Schedule};
    use vrrp::config::{
        AcceptChecksum, AntiReplay, Authentication, Hmac, HmacMode, Key, OnMismatch, Peer, Secret,
        SendChecksum, Versions,
    };
    let plan = plan(
        r#"
        [[interface."eth0.5".vrrp]]
        id = 7
        name = "floor five"
        version = "2+3"
        priority = 254
        addresses = ["10.0.10.1/24", "10.0.10.2"]
        excluded-addresses = ["2001:db8::1/64"]
        advertise-interval = "2s"
        preempt = true
        preempt-delay = "1.5m"
        startup-delay = "500ms"
        accept = false
        virtual-mac = "02:00:5e:00:01:07"
        source = "10.0.10.7"
        peers = ["10.0.10.8", { address = "10.0.11.9", min-ttl = 254 }]
        checksum = "pseudo-header"
        accept-checksum = "rfc9568"
        on-mismatch = "accept"
        learn-interval = true
        announce = { repeats = ["100ms"], refresh = "1m", arp = "both" }
        authentication = { kind = "hmac", mode = "permissive", anti-replay = "window", keys = [
            { id = 5, key = "0123456789abcdef0123456789abcdef" },
            { id = 6, key-hex = "3031323334353637383961626364656630313233343536373839616263646566" },
        ] }
        "#,
    );
    let secret = Secret::new("0123456789abcdef0123456789abcdef");
    let expected = vrrp::Config {
        versions: Versions::Both,
        priority: 254,
        excluded: vec!["2001:db8::1/64".parse().unwrap()],
        advertise_interval: Duration::from_secs(2),
        preempt_delay: Duration::from_secs(90),
        startup_delay: Duration::from_millis(500),
        accept: false,
        virtual_mac: Some("02:00:5e:00:01:07".parse().unwrap()),
        source: Some("10.0.10.7".parse().unwrap()),
        peers: vec![
            Peer { address: "10.0.10.8".parse().unwrap(), min_ttl: 255 },
            Peer { address: "10.0.11.9".parse().unwrap(), min_ttl: 254 },
        ],
        send_checksum: SendChecksum::PseudoHeader,
        accept_checksum: AcceptChecksum::MessageOnly,
        authentication: Authentication::Hmac(Hmac {
            keys: vec![Key { id: 5, secret: secret.clone() }, Key { id: 6, secret }],
            mode: HmacMode::Permissive,
            anti_replay: AntiReplay::Window(Duration::from_secs(6)),
        }),
        on_mismatch: OnMismatch::Accept,
        learn_interval: true,
        announcements: Schedule {
            repeats: vec![Duration::from_millis(100)],
            refresh: Some(Duration::from_secs(60)),
            form: ArpForm::Both,
        },
        ..vrrp::Config::new(7, vec!["10.0.10.1/24".parse().unwrap(), "10.0.10.2/32".parse().unwrap()])
    };
    assert_eq!(*vrrp(&plan), expected);
    assert_eq!(plan.groups[0].interface, "eth0.5");
    assert_eq!(plan.groups[0].name, "floor five");
}

#[test]
fn groups_inherit_what_they_do_not_say() {
    let plan = plan(
        "[defaults.vrrp]\nadvertise-interval = \"100ms\"\npreempt = false\n\
         [[interface.eth0.vrrp]]\nid = 1\naddresses = [\"10.0.0.1/24\"]\npreempt = true\n",
    );
    assert_eq!(vrrp(&plan).advertise_interval.as_millis(), 100);
    assert!(vrrp(&plan).preempt);
}

#[test]
fn groups_stand_in_the_order_of_the_file() {
    let group = |interface: &str, id: u8| {
        format!("[[interface.{interface}.vrrp]]\nid = {id}\naddresses = [\"10.0.0.{id}/24\"]\n")
    };
    let plan = plan(&[group("b", 1), group("a", 2), group("b", 3)].concat());
    let ids: Vec<u16> = plan.groups.iter().map(|group| group.identity().id).collect();
    assert_eq!(ids, [1, 2, 3]);
}

#[test]
fn a_key_file_is_read_beside_the_configuration_and_must_be_safe() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("firsthop.toml");
    let key = directory.path().join("key");
    let text = "[[interface.eth0.vrrp]]\nid = 1\nversion = 2\naddresses = [\"10.0.0.1/24\"]\n\
                authentication = { kind = \"text\", password-file = \"key\" }\n";
    fs::write(&file, text).unwrap();
    fs::write(&key, "hush\n").unwrap();
    let load = |mode| {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        config::load(&file)
    };
    let plan = load(0o600).unwrap();
    let secret = vrrp::config::Secret::new("hush");
    assert_eq!(vrrp(&plan).authentication, vrrp::config::Authentication::Text(secret));
    assert_eq!(plan.warnings, []);

    let warnings = load(0o644).unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].message, format!("everybody may read {}", key.display()));
    let faults = load(0o666).unwrap_err();
    assert_eq!(faults.faults[0].message, format!("everybody may write {}", key.display()));
}

#[test]
fn a_missing_file_is_told_from_a_wrong_one() {
    let faults = config::load(Path::new("/nonexistent/firsthop.toml")).unwrap_err();
    assert!(faults.unreadable);
    assert_eq!(
        faults.faults[0].to_string(),
        "error: cannot read /nonexistent/firsthop.toml: No such file or directory (os error 2)"
    );
    assert!(!config::parse("f", "x").unwrap_err().unreadable);
}

#[test]
fn check_ends_as_scripts_expect() {
    use firsthop::cli::Exit;
    use firsthop::cli::check::{CheckArgs, run};
    let check =
        |config: &str, json| run(&CheckArgs { config: directory(config), file: None, json, schema: false });
    for json in [false, true] {
        assert_eq!(check("etc/firsthop.toml", json), Exit::Done);
        assert_eq!(check("tests/config/range.toml", json), Exit::Misconfigured);
        assert_eq!(check("tests/config/no-such-file.toml", json), Exit::Failed);
    }
}

#[test]
fn the_meaning_of_a_plan() {
    let plan = plan(
        "[[interface.eth0.vrrp]]\nid = 10\naddresses = [\"10.0.10.1/24\"]\npriority = 100\naccept = false\n",
    );
    let meaning = explain::explain(&plan);
    let expected = "\
eth0 vrrp 10: VRRP version 3, IPv4, priority 100
  addresses             10.0.10.1/24
  virtual MAC           00:00:5e:00:01:0a
  skew time             609.375 ms
  active-down interval  3.609375 s after the last advertisement
  fail-over             takes over 2.609375 s to 3.609375 s after a crash of the Active,
                        609.375 ms after a graceful stop
  who answers           whoever is Active, ARP with 00:00:5e:00:01:0a, but not ping or services
  advertisements        every 1 s to 224.0.0.18, from the interface's address in the virtual address's network
  authentication        none
  checksum              sends the form its neighbours send, RFC 9568's until one is heard; accepts both forms
  preemption            takes the role from a lower Active
  announcements         gratuitous ARP requests at take-over, 1 s later, 5 s later
  let through           IP protocol 112 (VRRP) to 224.0.0.18, in and out
  note                  the virtual addresses will not answer ping: accept mode is off
";
    assert_eq!(meaning.to_string(), expected);
    let json = serde_json::to_value(&meaning).unwrap();
    assert_eq!(json["groups"][0]["timers"]["active_down_interval_ms"], 3609.375);
    assert_eq!(json["groups"][0]["virtual_mac"], "00:00:5e:00:01:0a");
}

#[test]
fn timers_are_exact() {
    use std::time::Duration;
    // (version, priority, interval in ms, skew in ns, down interval in ns), from the formulas of both RFCs.
    for (version, priority, interval, skew, down) in [
        ("2", 100, 1_000, 609_375_000, 3_609_375_000),
        ("2", 1, 255_000, 996_093_750, 765_996_093_750),
        ("3", 100, 2_000, 1_218_750_000, 7_218_750_000),
        ("3", 254, 10, 78_125, 30_078_125),
        ("3", 100, 40_950, 24_953_906_250, 147_803_906_250_u64),
    ] {
        let plan = plan(&format!(
            "[[interface.eth0.vrrp]]\nid = 1\nversion = {version}\naddresses = [\"10.0.0.1/24\"]\n\
             priority = {priority}\nadvertise-interval = \"{interval}ms\"\n"
        ));
        let timers = explain::Timers::of(vrrp(&plan));
        assert_eq!(timers.skew_time, Duration::from_nanos(skew));
        assert_eq!(timers.active_down_interval, Duration::from_nanos(down));
    }
}

#[test]
fn thousands_of_groups_and_of_faults_are_read_at_once() {
    let mut text = String::new();
    for interface in 0..16 {
        for id in 1..=250 {
            write!(
                text,
                "[[interface.eth{interface}.vrrp]]\nid = {id}\naddresses = [\"10.{interface}.{id}.1/24\"]\nversion = 2\n\
                 authentication = {{ kind = \"text\", password = \"secret\" }}\n"
            )
            .unwrap();
        }
    }
    let begin = std::time::Instant::now();
    assert_eq!(plan(&text).groups.len(), 4000);
    let faults = config::parse("many.toml", &text.replace("secret", "far too long")).unwrap_err();
    assert_eq!(faults.errors(), 4000);
    // Half a second in a debug build on a slow machine; anything quadratic takes a minute.
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
}

mod any_text {
    use proptest::prelude::*;

    proptest! {
        /// Whatever a file says, it is answered: a slip of the hand in a good file, or rubbish.
        #[test]
        fn is_answered(at in 0_usize..2000, cut in 0_usize..40, put in "[\\[\\]{}=\"',.#a-z0-9\n -]{0,8}") {
            let good = concat!(
                include_str!("../etc/examples/ipv6.toml"), include_str!("config/authentication.toml"),
                include_str!("config/wrong-type.toml"),
            );
            let at = at.min(good.len());
            let at = (0..=at).rev().find(|at| good.is_char_boundary(*at)).unwrap_or(0);
            let end = (at + cut..good.len()).find(|end| good.is_char_boundary(*end)).unwrap_or(good.len());
            let text = [&good[..at], &put, &good[end..]].concat();
            let _ = super::answer("slip.toml", &text);
            let _ = super::answer("rubbish.toml", &put);
        }
    }
}
