//! A standby group from throws of dice.

use super::setup::{Authentication, MacChoice, Member, Preemption, Setup, Version};
use crate::sim::dice::Dice;

/// Hello and hold time of most members, in milliseconds; `None`: nobody is told any.
pub fn pace(dice: &mut Dice) -> Option<(u64, u64)> {
    dice.one_of(&[
        None,
        None,
        Some((3_000, 10_000)),
        Some((1_000, 3_000)),
        Some((1_000, 4_000)),
        Some((1_000, 3_000)),
        Some((2_000, 6_000)),
        Some((250, 800)),
        Some((100, 300)),
        Some((15, 50)),
    ])
}

/// A standby group with `count` members, the `number`th on its LAN.
pub fn setup(dice: &mut Dice, number: u8, count: usize, pace: Option<(u64, u64)>) -> Setup {
    let (ipv6, version) = match dice.below(10) {
        0..=3 => (false, Version::V1),
        4..=6 => (false, Version::V2),
        _ => (true, Version::V2),
    };
    let last = if version == Version::V1 { 255 } else { 4_095 };
    let authentication = match dice.below(10) {
        0..=2 => Authentication::DefaultText,
        3 => Authentication::Text,
        4..=6 => Authentication::Md5,
        7 => Authentication::LongMd5,
        _ => Authentication::Chain { rolls_ms: dice.between(1_000, 300_000) },
    };
    Setup {
        version,
        group: (dice.below(last) as u16 & !1) + u16::from(number % 2),
        gateway: 251 + number,
        ipv6,
        secondary: dice.percent(30),
        mac: dice.one_of(&[
            MacChoice::Standard,
            MacChoice::Standard,
            MacChoice::Standard,
            MacChoice::Standard,
            MacChoice::Own,
            MacChoice::Chosen,
        ]),
        authentication,
        interface_state: dice.percent(75),
        resign_on_coup: dice.percent(15),
        members: members(dice, count, version, ipv6, pace),
    }
}

fn members(
    dice: &mut Dice,
    count: usize,
    version: Version,
    ipv6: bool,
    pace: Option<(u64, u64)>,
) -> Vec<Member> {
    let priorities: &[u64] = match dice.below(4) {
        0 => &[100],
        1 => &[100, 110],
        _ => &[],
    };
    let preempt = dice.below(5);
    let below_a_second = pace.is_some_and(|(hello, _)| hello < 1_000);
    let differing = dice.percent(30) && !(version == Version::V1 && below_a_second);
    let (hello, hold) = pace.unwrap_or((3_000, 10_000));
    let learners = !ipv6 && dice.percent(25);
    let delays = [20, 15, 15, 15, 15].map(|percent| dice.percent(percent));
    let delay = |dice: &mut Dice, which: usize| match delays[which] {
        true => dice.below(5) * hold / 2,
        false => 0,
    };
    let jitter = dice.below(4);
    let mut members: Vec<Member> = (0..count)
        .map(|_| Member {
            priority: match priorities {
                [] => dice.between(0, 255),
                of => dice.one_of(of),
            } as u8,
            times_ms: match (differing, dice.below(4)) {
                (false, _) | (true, 0) => pace,
                // Beside those that count in milliseconds, ten seconds are an eternity.
                (true, 1) if !below_a_second => None,
                (true, 2) => Some((2 * hello, 2 * hold)),
                (true, _) => Some((hello, hold + hello)),
            },
            jitter: match jitter {
                0 => false,
                1 => dice.percent(50),
                _ => true,
            },
            knows_address: !learners || dice.percent(40),
            preempt: match (preempt, dice.below(4)) {
                (0, _) | (1, 0 | 1) => Preemption::Never,
                (_, 3) => Preemption::LowerOrEqual,
                (_, _) => Preemption::Lower,
            },
            preempt_delay_ms: delay(dice, 0),
            first_preempt_delay_ms: delay(dice, 1),
            preempt_sync_ms: delay(dice, 4),
            start_delay_ms: delay(dice, 2),
            link_delay_ms: delay(dice, 3),
        })
        .collect();
    if let Some(first) = members.first_mut() {
        first.knows_address = true;
    }
    members
}

/// Other settings for one member, as a reload may bring them without parting it from the others.
pub fn changed(dice: &mut Dice, setup: &Setup, router: usize) -> Member {
    let mut member = setup.members[router].clone();
    let whole = |member: &Member| member.times_ms.is_none_or(|(hello, _)| hello >= 1_000);
    let may_differ = setup.version == Version::V2 || setup.members.iter().all(whole);
    let (hello, hold) = member.times_ms.unwrap_or((3_000, 10_000));
    match dice.below(9) {
        0 if may_differ => {
            let times = dice.between(1, 3);
            member.times_ms = Some((hello * times, hold * times));
        }
        1 if may_differ && hello >= 1_000 => member.times_ms = None,
        2 if !setup.ipv6 && router > 0 => member.knows_address = !member.knows_address,
        3 => member.preempt = dice.one_of(&[Preemption::Never, Preemption::Lower, Preemption::LowerOrEqual]),
        4 => member.preempt_delay_ms = dice.below(4) * hold / 2,
        5 => member.preempt_sync_ms = dice.below(4) * hold / 2,
        _ => member.priority = dice.between(0, 255) as u8,
    }
    member
}
