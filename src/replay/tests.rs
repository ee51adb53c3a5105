//! Routers re-enacted and listening, on made-up captures.

use std::io::Cursor;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Datagram, Mac, Route};
use proptest::prelude::*;
use vrrp::wire::{Advertisement, ChecksumForm, MULTICAST_V4, Version, emit};

use super::compare::Compared;
use super::enact::{Enact, EnactError};
use super::observe::{Act, Observer, What};
use super::script::Doing;
use crate::capture::{Direction, Reader, Writer};
use crate::config::{self, Plan};
use crate::decode::Wish;
use crate::net::frame;

const INTERVAL: u64 = 100;

fn router(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 10, last])
}

/// A capture in the making.
#[derive(Clone, Default)]
struct Tape {
    frames: Vec<(u64, Vec<u8>)>,
}

impl Tape {
    /// One advertisement, at a moment in microseconds.
    fn says(self, at_us: u64, last: u8, priority: u8, version: Version) -> Self {
        self.tells(at_us, last, priority, version, MULTICAST_V4)
    }

    fn tells(mut self, at_us: u64, last: u8, priority: u8, version: Version, destination: IpAddr) -> Self {
        let interval = match version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => Duration::from_millis(INTERVAL),
        };
        let advertisement =
            Advertisement { version, vrid: 10, priority, interval, addresses: vec![router(1)] };
        let source = router(last);
        let payload = emit(&advertisement, ChecksumForm::MessageOnly, source, destination, 0, [0; 8]);
        let datagram = Datagram {
            route: Route::Routed,
            source,
            destination,
            hop_limit: 255,
            traffic_class: 0xc0,
            identification: 1,
            dont_fragment: false,
            protocol: 112,
            ports: None,
            payload,
        };
        let mut octets = Vec::new();
        let (own, peer) = (Mac([2, 0, 0, 0, 0, last]), Mac([2, 0, 0, 0, 0, 99]));
        let (from, to) = match Mac::of_multicast(destination) {
            Some(group) => (Mac([0, 0, 0x5e, 0, 1, 10]), group),
            None => (own, peer),
        };
        frame::write(&datagram, from, to, &mut octets).unwrap();
        self.frames.push((at_us, octets));
        self
    }

    /// A router advertises every 100 ms from the one moment to the other, in milliseconds.
    fn holds(self, last: u8, priority: u8, from: u64, to: u64) -> Self {
        let every = (from..=to).step_by(INTERVAL as usize);
        every.fold(self, |tape, at| tape.says(at * 1_000, last, priority, Version::V3))
    }

    fn octets(mut self) -> Vec<u8> {
        self.frames.sort_by_key(|(at, _)| *at);
        let mut writer = Writer::new(Vec::new()).unwrap();
        for (at, octets) in &self.frames {
            let at = 1_700_000_000_000_000_000 + at * 1_000;
            writer.frame("lan", at, Direction::Inbound, octets, &[]).unwrap();
        }
        writer.into_inner()
    }
}

fn try_enact(octets: &[u8], last: u8, config: Option<&Plan>) -> Result<Compared, EnactError> {
    let open = || Reader::new("tape", Cursor::new(octets.to_vec()));
    let enact = Enact {
        open: &open,
        address: router(last),
        wish: &Wish::default(),
        config,
        per_interface: false,
        seed: 7,
    };
    enact.run(&mut |damage| panic!("{damage}")).map(|mut compared| compared.remove(0))
}

fn enact(tape: Tape, last: u8) -> Compared {
    try_enact(&tape.octets(), last, None).unwrap()
}

fn doings(compared: &Compared) -> Vec<Doing> {
    compared.outside.iter().map(|outside| outside.what).collect()
}

/// Two routers: the better one dies silently, the other one takes over and is preempted.
fn power_cut() -> Tape {
    Tape::default().holds(2, 200, 0, 1_000).holds(3, 100, 1_361, 2_961).holds(2, 200, 3_000, 5_000)
}

#[test]
fn a_time_out_comes_out_as_it_was() {
    let successor = enact(power_cut(), 3);
    assert_eq!((successor.unexplained, successor.frames.real), (0, 17), "{successor:#?}");
    assert_eq!(doings(&successor), [Doing::Start { prelude: true }], "it was there all along");
    let [take] = successor.timing.takes[..] else { panic!("{successor:#?}") };
    assert!(!take.arranged && take.late_ms.abs() < 0.1, "three intervals and its skew are 360.9375 ms");

    let dead = enact(power_cut(), 2);
    assert_eq!(dead.unexplained, 0, "{dead:#?}");
    let start = Doing::Start { prelude: false };
    assert_eq!(doings(&dead), [start, Doing::Kill, start]);
}

#[test]
fn a_goodbye_comes_out_as_it_was() {
    let tape = Tape::default().holds(2, 200, 0, 1_000).says(1_050_000, 2, 0, Version::V3);
    let tape = tape.holds(3, 100, 1_111, 3_000);
    let successor = enact(tape.clone(), 3);
    assert_eq!(successor.unexplained, 0, "{successor:#?}");
    assert!(!successor.timing.takes[0].arranged);
    let leaver = enact(tape, 2);
    assert_eq!((leaver.unexplained, leaver.frames.ours), (0, leaver.frames.real), "{leaver:#?}");
    assert_eq!(doings(&leaver).last(), Some(&Doing::Stop));
}

#[test]
fn frames_that_did_not_arrive_are_taken_for_that() {
    // Both claim the role for a second, each from its own side of a cut: exactly one wait after the last frame
    // that came through.
    let tape = Tape::default().holds(2, 200, 0, 5_000).holds(3, 100, 1_361, 2_361);
    let deaf = enact(tape, 3);
    assert_eq!(deaf.unexplained, 0, "{deaf:#?}");
    assert!(doings(&deaf).contains(&Doing::Deafen) && doings(&deaf).contains(&Doing::Hear));
    // Somebody who was there before, and claims the role when no wait has ended, has no excuse.
    let tape = Tape::default().holds(3, 100, 0, 400).holds(2, 200, 410, 5_010).holds(3, 100, 1_710, 2_710);
    assert!(enact(tape, 3).unexplained > 0);
}

#[test]
fn a_router_that_takes_over_at_the_wrong_time_is_found() {
    let hasty = Tape::default().holds(2, 200, 0, 1_000).holds(3, 100, 1_305, 3_000);
    let compared = enact(hasty, 3);
    let [divergence] = &compared.divergences[..] else { panic!("{compared:#?}") };
    assert!(
        divergence.what.contains("takes the role 55") && divergence.explanation.is_none(),
        "{divergence:?}"
    );
}

#[test]
fn a_router_that_is_late_itself_is_told_so() {
    let late = Tape::default().holds(2, 200, 0, 1_000).holds(3, 100, 1_401, 3_000);
    let compared = enact(late, 3);
    let [divergence] = &compared.divergences[..] else { panic!("{compared:#?}") };
    let why = "by the rules it waits 360.9 ms, as ours does, and it took 401.0 ms";
    assert_eq!(divergence.explanation.as_deref(), Some(why));
}

#[test]
fn other_settings_are_found() {
    let octets = power_cut().octets();
    let with = |settings: &str| {
        let text = format!("[[interface.eth0.vrrp]]\nid = 10\naddresses = [\"10.0.10.1/24\"]\n{settings}\n");
        config::parse("ours.toml", &text).unwrap()
    };
    let same = with("priority = 100\nadvertise-interval = \"100ms\"");
    assert_eq!(try_enact(&octets, 3, Some(&same)).unwrap().unexplained, 0);
    for (settings, field) in [
        ("priority = 90\nadvertise-interval = \"100ms\"", "Priority is 100 where ours is 90"),
        ("priority = 100\nadvertise-interval = \"200ms\"", "Max Advertise Interval is 10 where ours is 20"),
    ] {
        let compared = try_enact(&octets, 3, Some(&with(settings))).unwrap();
        let found = compared.divergences.iter().any(|divergence| divergence.what.starts_with(field));
        assert!(found && compared.unexplained > 0, "{compared:#?}");
    }
    let other = config::parse(
        "other.toml",
        "[[interface.eth0.vrrp]]\nid = 11\naddresses = [\"10.0.11.1/24\"]\npriority = 100\n",
    )
    .unwrap();
    assert!(matches!(try_enact(&octets, 3, Some(&other)), Err(EnactError::NotConfigured(_))));
}

#[test]
fn whoever_says_nothing_cannot_be_replaced() {
    let error = try_enact(&power_cut().octets(), 9, None).unwrap_err();
    assert_eq!(error.to_string(), "10.0.10.9 says nothing in this capture; these do: 10.0.10.2, 10.0.10.3");
}

#[test]
fn a_setting_that_changes_on_the_way_is_followed() {
    let tape = Tape::default().holds(2, 200, 0, 1_000).holds(2, 150, 1_100, 2_000);
    let compared = enact(tape, 2);
    assert_eq!(compared.unexplained, 0, "{compared:#?}");
    assert!(doings(&compared).iter().any(|doing| matches!(doing, Doing::Change { .. })));
}

#[test]
fn both_versions_side_by_side_are_one_router() {
    let both = |tape: Tape, at: u64| {
        tape.says(at * 1_000, 2, 200, Version::V2).says(at * 1_000 + 20, 2, 200, Version::V3)
    };
    let tape = (0..=1_000).step_by(100).fold(Tape::default(), both).holds(3, 100, 1_361, 2_000);
    let compared = enact(tape, 2);
    assert_eq!(compared.unexplained, 0, "{compared:#?}");
    assert_eq!((compared.frames.real, compared.frames.ours), (22, 22));
    assert!(compared.settings.contains(&"versions 2 and 3 side by side".to_owned()));
}

#[test]
fn unicast_peers_are_spoken_to_as_well() {
    let told = |tape: Tape, at: u64| tape.tells(at * 1_000, 2, 200, Version::V3, router(3));
    let tape = (0..=1_000).step_by(100).fold(Tape::default(), told);
    let replies = |tape: Tape, at: u64| tape.tells(at * 1_000, 3, 100, Version::V3, router(2));
    let tape = (1_361..=2_361).step_by(100).fold(tape, replies);
    for last in [2, 3] {
        let compared = enact(tape.clone(), last);
        assert_eq!(compared.unexplained, 0, "{compared:#?}");
        assert!(compared.settings.contains(&"unicast peers".to_owned()));
    }
}

/// Everything that a group of ours does while it listens.
fn observe(octets: &[u8], priority: u8) -> (Vec<Act>, &'static str) {
    let text = format!(
        "[[interface.eth0.vrrp]]\nid = 10\naddresses = [\"10.0.10.1/24\"]\npriority = {priority}\n\
         advertise-interval = \"100ms\"\n"
    );
    let plan = config::parse("ours.toml", &text).unwrap();
    let mut reader = Reader::new("tape", Cursor::new(octets.to_vec())).unwrap();
    let mut observer: Option<Observer> = None;
    let mut acts = Vec::new();
    while let Some(next) = reader.next_frame() {
        let frame = next.unwrap();
        let begins = Duration::from_nanos(frame.at);
        let observer = observer.get_or_insert_with(|| Observer::new(&plan.groups, &[], begins, 7));
        observer.frame(&frame, &mut |act| acts.push(act));
    }
    let mut observer = observer.unwrap();
    assert_eq!(observer.addresses()[0].to_string(), "10.0.10.254/24");
    let state = observer.finish(&mut |act| acts.push(act))[0].state;
    (acts, state)
}

#[test]
fn a_listener_takes_over_when_everybody_is_silent() {
    let octets = Tape::default().holds(2, 200, 0, 1_000).holds(2, 200, 2_000, 3_000).octets();
    let (acts, state) = observe(&octets, 150);
    let sent = |act: &&Act| matches!(act.what, What::Sent { .. });
    let first = acts.iter().find(sent).unwrap();
    assert_eq!(first.at_ns, 1_341_406_250, "three intervals and (256 - 150)/256 of one after the last frame");
    let last = acts.iter().rfind(sent).unwrap();
    assert_eq!((last.at_ns, state), (2_000_000_000, "Backup"), "its last word answers the return");
    assert_eq!(observe(&octets, 250).1, "Active");
}

#[test]
fn the_same_capture_gives_the_same_acts() {
    let octets = power_cut().octets();
    assert_eq!(observe(&octets, 150), observe(&octets, 150));
    let compared = |last| serde_json::to_string(&try_enact(&octets, last, None).unwrap()).unwrap();
    assert_eq!(compared(2), compared(2));
}

proptest! {
    /// Whatever was captured: every router can be re-enacted, and the result is always the same.
    #[test]
    fn any_capture_can_be_replayed(
        said in prop::collection::vec(
            (0_u64..6_000_000, 2_u8..5, prop::sample::select(vec![0_u8, 100, 100, 200, 255]), any::<bool>()), 1..60,
        ),
    ) {
        let version = |old| if old { Version::V2 } else { Version::V3 };
        let tape = said.iter().fold(Tape::default(), |tape, (at, last, priority, old)| {
            tape.says(*at, *last, *priority, version(*old))
        });
        let octets = tape.octets();
        for last in 2..5 {
            let one = try_enact(&octets, last, None).map(|compared| super::report::compared(&compared));
            let other = try_enact(&octets, last, None).map(|compared| super::report::compared(&compared));
            prop_assert_eq!(one.map_err(|error| error.to_string()), other.map_err(|error| error.to_string()));
        }
    }
}
