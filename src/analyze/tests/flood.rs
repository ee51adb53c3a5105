//! Floods of everything that can be forged: what is kept stays bounded, what is left out is counted, and whoever was
//! there before is told of all the same.

use super::*;
use crate::analyze::{ADDRESSES, ROOM, ROOM_FOR_NEWCOMERS, SHARERS};

/// What one frame at most adds beyond the room: a group, a member, and what they begin with.
const ONE_FRAME: usize = 64 << 10;

/// Numbers that look random and are the same each time: xorshift of Marsaglia.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn address(&mut self) -> IpAddr {
        Ipv4Addr::from(0x0a80_0000 + self.roll(1 << 22) as u32).into()
    }
}

fn hear(analysis: &mut Analysis, at_ms: u64, vlan: u16, source: IpAddr, said: &Dissection) {
    let at_ns = analysis.frame(Duration::from_millis(at_ms));
    analysis.hear(&Heard {
        frame: analysis.number(),
        at_ns,
        interface: None,
        vlan: Some(vlan),
        source_mac: Mac::default(),
        source,
        dissection: said,
        key: None,
    });
}

/// Anything that a frame of this protocol may say.
fn forged(protocol: &'static str, dice: &mut Dice) -> Dissection {
    let states = ["listen", "speak", "standby", "active"];
    let forwarder = Value::Record(vec![
        ("number", Value::Number(dice.roll(256))),
        ("state", Value::Word(if dice.roll(2) == 0 { "active" } else { "listen" })),
    ]);
    let span = |dice: &mut Dice| Some(Duration::from_millis(1 + dice.roll(5_000)));
    let has_state = matches!(protocol, "hsrp" | "glbp");
    let mut said = Dissection {
        version: Some(dice.roll(4) as u8),
        kind: if has_state { "hello" } else { "advertisement" },
        group: Some(dice.roll(256) as u16),
        state: has_state.then(|| states[dice.roll(4) as usize]),
        priority: Some(dice.roll(256) as u8),
        addresses: (0..dice.roll(20)).map(|_| dice.address()).collect(),
        hello: span(dice),
        hold: span(dice),
        interval: span(dice),
        details: vec![
            ("forwarders", Value::List(vec![forwarder])),
            ("advskew", Value::Number(dice.roll(256))),
        ],
        ..Dissection::new(protocol)
    };
    if dice.roll(3) == 0 {
        let text = format!("counter {}, must be more", dice.roll(1 << 40));
        said.problems.push(Problem::remark("replays", text, "a rule"));
    }
    said
}

#[test]
fn a_flood_is_counted_and_not_kept() {
    for protocol in ["vrrp", "carp", "hsrp", "glbp"] {
        let mut dice = Dice(7);
        let mut analysis = Analysis::default();
        for n in 0..60_000 {
            let said = forged(protocol, &mut dice);
            let vlan = dice.roll(if n % 2 == 0 { 4_096 } else { 2 }) as u16;
            let source = dice.address();
            hear(&mut analysis, n, vlan, source, &said);
            analysis.announced(dice.address());
            analysis.announced(said.addresses.first().copied().unwrap_or(source));
            assert!(analysis.kept <= ROOM + ONE_FRAME, "{protocol}: {}", analysis.kept);
        }
        assert!(analysis.kept >= ROOM_FOR_NEWCOMERS, "{protocol}: {}", analysis.kept);
        assert_eq!(analysis.kept, analysis.groups.values().map(Group::weight).sum::<usize>());
        assert!(analysis.namers.len() <= ADDRESSES);
        assert!(analysis.namers.values().all(|keys| keys.len() <= SHARERS));
        let story = analysis.finish();
        assert!(story.left_out > 30_000, "{protocol}: {}", story.left_out);
        assert!(story.groups.iter().all(|group| group.members.len() <= 64 && group.findings.len() <= 1_000));
    }
}

#[test]
fn who_was_there_before_a_flood_is_told_of_to_the_end() {
    let mut dice = Dice(9);
    let mut analysis = Analysis::default();
    for n in 0..40_000 {
        if n % 100 == 0 {
            // The better one falls silent in the middle of it.
            let (last, priority) = if n < 30_000 { (2, 200) } else { (3, 100) };
            hear(&mut analysis, n, 1, router(last), &advert(priority, 100));
        }
        if n > 1_000 {
            let said = Dissection { group: Some(200), ..forged("vrrp", &mut dice) };
            let (vlan, source) = (2 + dice.roll(4_000) as u16, dice.address());
            hear(&mut analysis, n, vlan, source, &said);
        }
    }
    let story = analysis.finish();
    assert!(story.left_out > 10_000);
    let changes = changes(&story.groups[0]);
    assert_eq!((changes[0].who, changes[0].cause), (router(3), Cause::Timeout));
}

#[test]
fn forty_groups_for_hours_are_kept_whole() {
    let mut analysis = Analysis::default();
    for second in 0..4 * 3_600 {
        for group in 1..=40 {
            let beats = |last: u8, priority| {
                (router(last), Dissection { group: Some(group), ..advert(priority, 1_000) })
            };
            // Each of them changes hands every ten minutes.
            let (who, said) = if second / 600 % 2 == 0 { beats(2, 200) } else { beats(3, 100) };
            hear(&mut analysis, second * 1_000 + u64::from(group), 1, who, &said);
        }
    }
    assert!(analysis.kept < ROOM / 4, "{}", analysis.kept);
    let story = analysis.finish();
    assert_eq!((story.left_out, story.groups.len()), (0, 40));
    assert!(story.groups.iter().all(|group| changes(group).len() == 23));
}
