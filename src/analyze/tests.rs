//! Stories of made-up captures: each event that a capture can tell, and what a hostile capture must not do.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fhrp::Mac;
use fhrp::dissect::{Dissection, Problem, Value};
use proptest::prelude::*;

use super::reading::Part;
use super::story::{Cause, Change, GroupStory, What};
use super::*;
use crate::draw::{self, Role};

mod flood;

fn router(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 10, last).into()
}

/// An advertisement of VRRPv3.
fn advert(priority: u8, interval_ms: u64) -> Dissection {
    Dissection {
        version: Some(3),
        kind: "advertisement",
        group: Some(10),
        priority: Some(priority),
        addresses: vec![router(1)],
        interval: Some(Duration::from_millis(interval_ms)),
        ..Dissection::new("vrrp")
    }
}

/// A capture in the making.
#[derive(Default)]
struct Tape {
    said: Vec<(u64, u8, Dissection)>,
}

impl Tape {
    /// A router advertises every 100 ms from the one moment up to the other, both in milliseconds.
    fn holds(mut self, last: u8, priority: u8, from: u64, to: u64) -> Self {
        self.said.extend((from..=to).step_by(100).map(|at| (at, last, advert(priority, 100))));
        self
    }

    fn says(mut self, at: u64, last: u8, said: Dissection) -> Self {
        self.said.push((at, last, said));
        self
    }

    fn story(mut self) -> Story {
        self.said.sort_by_key(|(at, ..)| *at);
        let mut analysis = Analysis::default();
        for (at, last, said) in &self.said {
            let at_ns = analysis.frame(Duration::from_millis(1_000_000 + *at));
            let heard = Heard {
                frame: analysis.number(),
                at_ns,
                interface: None,
                vlan: None,
                source_mac: Mac([2, 0, 0, 0, 0, *last]),
                source: router(*last),
                dissection: said,
                key: None,
            };
            analysis.hear(&heard);
        }
        analysis.finish()
    }

    fn group(self) -> GroupStory {
        self.story().groups.remove(0)
    }
}

fn changes(group: &GroupStory) -> Vec<&Change> {
    let events = group.events.iter();
    events
        .filter_map(|event| match &event.what {
            What::TakeOver(change) | What::Election(change) => Some(change),
            _ => None,
        })
        .collect()
}

fn two_actives(group: &GroupStory) -> Vec<(u64, Option<IpAddr>, Cause)> {
    let events = group.events.iter();
    events
        .filter_map(|event| match &event.what {
            What::TwoActive { length_ns, yielded, cause, .. } => {
                Some((*length_ns / 1_000_000, *yielded, *cause))
            }
            _ => None,
        })
        .collect()
}

fn roles(group: &GroupStory, last: u8) -> Vec<(u64, u64, Role)> {
    let member = group.members.iter().find(|member| member.address == router(last)).unwrap();
    let spans = &member.roles[0].spans;
    spans.iter().map(|piece| (piece.from_ns / 1_000_000, piece.to_ns / 1_000_000, piece.role)).collect()
}

#[test]
fn a_silent_holder_is_replaced_after_a_time_out() {
    let group = Tape::default().holds(2, 200, 0, 1_000).holds(3, 100, 1_361, 3_000).group();
    let [change] = changes(&group)[..] else { panic!("{:?}", group.events) };
    assert_eq!((change.who, change.from, change.cause), (router(3), Some(router(2)), Cause::Timeout));
    assert_eq!((change.vacant_ns, change.expected_ns), (Some(361_000_000), Some(360_937_500)));
    assert!(group.events.iter().any(|event| matches!(event.what, What::Silence { returned: false, .. })));
    assert_eq!(roles(&group, 2), [(0, 1_000, Role::Holding), (1_000, 2_961, Role::Unknown)]);
    assert_eq!(roles(&group, 3), [(1_361, 2_961, Role::Holding)]);
}

#[test]
fn a_goodbye_is_a_hand_over() {
    let tape = Tape::default().holds(2, 200, 0, 1_000).says(1_050, 2, advert(0, 100));
    let group = tape.says(1_051, 2, advert(0, 100)).holds(3, 100, 1_111, 3_000).group();
    let [change] = changes(&group)[..] else { panic!("{:?}", group.events) };
    assert_eq!((change.cause, change.vacant_ns), (Cause::HandOver, Some(61_000_000)));
    assert_eq!(change.expected_ns, Some(60_937_500));
    let resignations = group.events.iter().filter(|event| matches!(event.what, What::Resignation { .. }));
    assert_eq!(resignations.count(), 1, "said twice, it is one goodbye");
}

#[test]
fn a_better_router_takes_over_and_the_loser_has_one_last_word() {
    let group = Tape::default().holds(3, 100, 0, 1_000).holds(2, 200, 1_010, 3_000);
    let group = group.says(1_011, 3, advert(100, 100)).group();
    let [change] = changes(&group)[..] else { panic!("{:?}", group.events) };
    assert_eq!(
        (change.who, change.cause, change.last_word_ns),
        (router(2), Cause::Priority, Some(1_000_000))
    );
    assert!(two_actives(&group).is_empty());
    assert_eq!(roles(&group, 3).last(), Some(&(1_010, 2_910, Role::StandingBy)));
}

#[test]
fn with_equal_priorities_the_address_decides() {
    let group = Tape::default().holds(2, 100, 0, 1_000).holds(3, 100, 1_010, 3_000).group();
    assert_eq!(changes(&group)[0].cause, Cause::Address);
}

#[test]
fn a_capture_that_ends_right_after_a_change_knows_it_all_the_same() {
    let group = Tape::default().holds(3, 100, 0, 1_000).holds(2, 200, 1_010, 1_110).group();
    assert_eq!(changes(&group)[0].cause, Cause::Priority);
    assert!(two_actives(&group).is_empty());
}

#[test]
fn two_at_once_are_told_with_their_length_and_cause() {
    let deaf = Tape::default().holds(2, 200, 0, 5_000).holds(3, 100, 1_005, 2_005).group();
    assert_eq!(two_actives(&deaf), [(1_000, Some(router(3)), Cause::Deafness)]);
    assert!(changes(&deaf).is_empty(), "the role never changed hands");

    let open = Tape::default().holds(2, 200, 0, 5_000).holds(3, 100, 1_005, 5_000).group();
    assert_eq!(two_actives(&open), [(3_995, None, Cause::Deafness)]);
    assert_eq!(roles(&open, 3), [(1_005, 5_000, Role::Trouble)]);
}

#[test]
fn a_single_claim_is_no_long_story() {
    let group = Tape::default().holds(2, 200, 0, 5_000).holds(3, 100, 1_005, 1_005).group();
    assert_eq!(two_actives(&group), [(0, Some(router(3)), Cause::Priority)]);
}

#[test]
fn a_goodbye_that_nobody_heard_is_told() {
    let tape = Tape::default().holds(2, 200, 0, 1_000).says(1_050, 2, advert(0, 100));
    let group = tape.holds(3, 100, 1_361, 3_000).group();
    let [change] = changes(&group)[..] else { panic!("{:?}", group.events) };
    assert_eq!((change.cause, change.unheard, change.vacant_ns), (Cause::Timeout, true, Some(361_000_000)));
}

#[test]
fn a_second_version_says_nothing_of_time() {
    let old = Dissection { version: Some(2), interval: Some(Duration::from_secs(1)), ..advert(200, 0) };
    let mut tape = Tape::default().holds(2, 200, 0, 2_000);
    for at in (0..2_000).step_by(100) {
        tape = tape.says(at, 2, old.clone());
    }
    let group = tape.holds(3, 100, 2_361, 3_000).group();
    assert_eq!(changes(&group)[0].cause, Cause::Timeout, "{:?}", group.events);
    let member = &group.members[0];
    assert_eq!((member.settings.len(), member.observed.as_ref().unwrap().promised_ms), (2, 100.0));
}

#[test]
fn settings_that_do_not_go_together_are_the_cause() {
    let old = |priority, seconds: u64| Dissection {
        version: Some(2),
        interval: Some(Duration::from_secs(seconds)),
        ..advert(priority, 0)
    };
    let mut tape = Tape::default();
    for second in 0..60 {
        tape = tape.says(second * 1_000, 2, old(200, 1));
        if second % 3 == 0 {
            tape = tape.says(second * 1_000 + 7, 3, old(100, 3));
        }
    }
    let group = tape.group();
    assert_eq!(two_actives(&group)[0].2, Cause::Disagreement);
}

#[test]
fn two_owners_are_found() {
    let group = Tape::default().holds(2, 255, 0, 500).holds(3, 255, 50, 500).group();
    let finding = group.findings.iter().find(|finding| finding.name == "owner-mismatch").unwrap();
    assert_eq!(finding.who, [router(2), router(3)]);
}

#[test]
fn frames_that_are_refused_are_the_cause() {
    let mut far = advert(200, 100);
    far.problems.push(Problem::refusal("ttl-errors", "TTL 64, must be 255", "RFC 9568 §7.1"));
    let mut tape = Tape::default().holds(3, 100, 0, 3_000);
    for at in (5..3_000).step_by(100) {
        tape = tape.says(at, 2, far.clone());
    }
    let story = tape.story();
    assert_eq!(two_actives(&story.groups[0])[0].2, Cause::Refusal);
    assert_eq!(story.refused, 30);
    assert_eq!(story.groups[0].findings[0].count, 30);
}

#[test]
fn a_silence_without_a_successor_is_told_with_its_length() {
    let group = Tape::default().holds(2, 200, 0, 1_000).holds(2, 200, 3_000, 4_000).group();
    let [event] = &group.events[1..] else { panic!("{:?}", group.events) };
    assert_eq!(
        (event.at_ns, &event.what),
        (1_000_000_000, &What::Silence { who: router(2), length_ns: 2_000_000_000, returned: true })
    );
    assert_eq!(group.members[0].observed.as_ref().unwrap().most_ms, 100.0, "a silence is no jitter");
}

#[test]
fn whoever_gives_up_and_finds_no_successor_has_it_again() {
    let tape = Tape::default().holds(2, 200, 0, 1_000).says(1_050, 2, advert(0, 100));
    let group = tape.holds(2, 200, 2_000, 3_000).group();
    let [change] = changes(&group)[..] else { panic!("{:?}", group.events) };
    assert_eq!((change.who, change.from, change.cause), (router(2), None, Cause::Vacancy));
}

#[test]
fn whoever_claims_first_in_a_cold_start_was_only_a_candidate() {
    let tape = Tape::default().holds(9, 100, 0, 300).says(310, 9, advert(0, 100));
    let group = tape.holds(2, 100, 2_000, 2_000).holds(3, 150, 2_010, 4_000).group();
    assert!(
        group
            .events
            .iter()
            .any(|event| matches!(&event.what, What::Election(change) if change.who == router(3)))
    );
}

#[test]
fn a_setting_that_changes_is_told() {
    let group = Tape::default().holds(2, 200, 0, 500).holds(2, 150, 600, 1_000).group();
    let expected =
        What::Setting { who: router(2), setting: "priority", before: "200".into(), now: "150".into() };
    assert!(group.events.iter().any(|event| event.what == expected));
}

#[test]
fn announcements_belong_to_the_take_over_before_them() {
    let mut analysis = Analysis::default();
    for (at, last, priority) in [(0, 2, 200), (100, 2, 200), (461, 3, 100)] {
        let at_ns = analysis.frame(Duration::from_millis(at));
        let (frame, said) = (analysis.number(), advert(priority, 100));
        let mac = Mac::default();
        analysis.hear(&Heard {
            frame,
            at_ns,
            interface: None,
            vlan: None,
            source_mac: mac,
            source: router(last),
            dissection: &said,
            key: None,
        });
    }
    analysis.frame(Duration::from_millis(463));
    analysis.announced(router(77));
    analysis.announced(router(1));
    let story = analysis.finish();
    assert_eq!(changes(&story.groups[0])[0].announced_ns, Some(2_000_000));
}

/// A hello of HSRP.
fn hello(state: &'static str, priority: u8) -> Dissection {
    Dissection {
        version: Some(1),
        kind: "hello",
        group: Some(1),
        state: Some(state),
        priority: Some(priority),
        addresses: vec![router(1)],
        hello: Some(Duration::from_secs(3)),
        hold: Some(Duration::from_secs(10)),
        ..Dissection::new("hsrp")
    }
}

#[test]
fn hsrp_candidates_speak_and_one_is_elected() {
    let tape = Tape::default().says(0, 2, hello("speak", 100)).says(100, 3, hello("speak", 110));
    let tape = tape.says(10_000, 3, hello("standby", 110)).says(10_500, 3, hello("active", 110));
    let group = tape.says(13_000, 2, hello("standby", 100)).group();
    let [change] = changes(&group)[..] else { panic!("{:?}", group.events) };
    assert_eq!((change.who, change.cause), (router(3), Cause::Vacancy));
    assert_eq!(roles(&group, 2).len(), 2, "speak, then standby");
}

#[test]
fn a_coup_is_told_as_one_and_a_resignation_too() {
    let coup = Dissection { kind: "coup", ..hello("active", 200) };
    let tape = Tape::default().says(0, 2, hello("active", 100)).says(3_000, 2, hello("active", 100));
    let tape = tape.says(3_500, 3, coup).says(3_510, 2, hello("speak", 100));
    let tape = tape.says(3_520, 3, hello("active", 200)).says(6_500, 3, hello("active", 200));
    let resign = Dissection { kind: "resign", ..hello("init", 200) };
    let group = tape.says(7_000, 3, resign).says(7_001, 2, hello("active", 100)).group();
    let causes: Vec<Cause> = changes(&group).iter().map(|change| change.cause).collect();
    assert_eq!(causes, [Cause::Coup, Cause::HandOver]);
}

#[test]
fn a_forwarder_that_is_named_no_more_was_let_go() {
    let forwarders = |numbers: &[u64]| -> Dissection {
        let record = |number: &u64| {
            let fields = [("number", Value::Number(*number)), ("state", Value::Word("active"))];
            Value::Record(fields.to_vec())
        };
        let list = Value::List(numbers.iter().map(record).collect());
        Dissection { protocol: "glbp", details: vec![("forwarders", list)], ..hello("active", 100) }
    };
    let tape = Tape::default().says(0, 2, forwarders(&[1, 2])).says(3_000, 2, forwarders(&[1]));
    let group = tape.says(6_000, 2, forwarders(&[1])).group();
    let played: Vec<_> =
        group.members[0].roles.iter().map(|played| (played.part, played.spans.len())).collect();
    let (one, two) = (Part::Forwarder(1), Part::Forwarder(2));
    assert_eq!(played, [(Part::Gateway, 1), (one, 1), (two, 2)]);
    assert_eq!(group.members[0].roles[2].spans[0].role, Role::Forwarder(2));
    assert!(
        group.events.iter().any(|event| matches!(event.what, What::StepDown { .. }) && event.part == two)
    );
}

#[test]
fn carp_is_won_by_whoever_advertises_more_often() {
    let said = |interval, details| Dissection {
        kind: "advertisement",
        group: Some(1),
        interval,
        details,
        ..Dissection::new("carp")
    };
    let advert = |skew: u64| said(Some(Duration::from_millis(1_000 + skew * 1_000 / 256)), vec![]);
    let goodbye = said(None, vec![("goodbye", Value::Truth(true))]);
    let mut tape = Tape::default();
    for second in 0..5 {
        tape = tape.says(second * 1_400, 2, advert(100)).says(7_000 + second * 1_000, 3, advert(0));
    }
    let group = tape.says(12_000, 3, goodbye).says(12_500, 2, advert(100)).group();
    let found: Vec<_> = changes(&group).iter().map(|change| (change.who, change.cause)).collect();
    assert_eq!(found, [(router(3), Cause::Priority), (router(2), Cause::HandOver)]);
}

proptest! {
    /// Whatever is captured: roles do not overlap, events are in order, and it can be told and drawn.
    #[test]
    fn every_capture_has_a_story(
        said in prop::collection::vec((0_u64..5_000, 2_u8..6, prop::sample::select(vec![0, 100, 100, 200, 255]),
            prop::sample::select(vec![10, 100, 1_000, 40_950]), any::<bool>()), 0..120),
    ) {
        let mut tape = Tape::default();
        for (at, last, priority, interval, old) in said {
            let version = Some(if old { 2 } else { 3 });
            tape = tape.says(at, last, Dissection { version, ..advert(priority, interval) });
        }
        let story = tape.story();
        for group in &story.groups {
            prop_assert!(group.events.is_sorted_by_key(|event| event.at_ns));
            for played in group.members.iter().flat_map(|member| &member.roles) {
                prop_assert!(played.spans.windows(2).all(|pair| pair[0].to_ns == pair[1].from_ns));
                prop_assert!(played.spans.iter().all(|piece| piece.from_ns <= piece.to_ns));
            }
        }
        let timeline = picture::timeline(&story, "capture");
        prop_assert!(draw::svg(&timeline).ends_with("</svg>\n"));
        prop_assert!(serde_json::to_string(&story).is_ok());
        prop_assert!(report::report(&story, "capture").starts_with("capture"));
    }
}

#[test]
fn different_keys_are_the_cause_of_two_at_once() {
    let mut analysis = Analysis::default();
    for at in (0..30_000).step_by(3_000) {
        for (last, key) in [(2, 0), (3, 1)] {
            let at_ns = analysis.frame(Duration::from_millis(at));
            analysis.hear(&Heard {
                frame: analysis.number(),
                at_ns,
                interface: None,
                vlan: None,
                source_mac: Mac::default(),
                source: router(last),
                dissection: &hello("active", 100),
                key: Some(key),
            });
        }
    }
    let group = analysis.finish().groups.remove(0);
    let causes = group.events.iter().filter_map(|event| match &event.what {
        What::TwoActive { cause, why, .. } => Some((*cause, why.as_str())),
        _ => None,
    });
    let why = "10.0.10.2 has a different key than 10.0.10.3 (members of a group share a key)";
    assert_eq!(causes.collect::<Vec<_>>(), [(Cause::Disagreement, why)]);
    assert_eq!(group.findings.iter().filter(|finding| finding.name == "key-mismatch").count(), 1);
}
