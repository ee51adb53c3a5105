//! A GLBP group from throws of dice.

use super::setup::{Authentication, Balancing, FORWARDERS, Member, Setup};
use crate::sim::dice::Dice;

/// Hello and hold time of most members, in milliseconds; `None`: nobody is told any. More members than there are
/// forwarders ask for one every minute, which is long where hold times are short.
fn pace(dice: &mut Dice, count: usize) -> Option<(u64, u64)> {
    let paces = [
        None,
        Some((3_000, 10_000)),
        Some((1_000, 3_000)),
        Some((1_000, 4_000)),
        Some((1_000, 3_000)),
        Some((2_000, 6_000)),
        Some((250, 800)),
        Some((100, 300)),
    ];
    match count > usize::from(FORWARDERS) {
        true => dice.one_of(&paces[..6]),
        false => dice.one_of(&paces),
    }
}

/// A group with `count` members, the `number`th on its LAN.
pub fn setup(dice: &mut Dice, number: u8, count: usize) -> Setup {
    let ipv6 = dice.percent(35);
    let pace = pace(dice, count);
    let authentication = match dice.below(10) {
        0..=2 => Authentication::None,
        3 => Authentication::Text,
        4..=6 => Authentication::KeyString,
        7 => Authentication::LongKeyString,
        _ => Authentication::Chain { rolls_ms: dice.between(1_000, 300_000) },
    };
    Setup {
        group: (dice.below(1_023) as u16 & !1) + u16::from(number % 2),
        gateway: 251 + number,
        ipv6,
        secondary: dice.percent(30),
        balancing: dice.one_of(&[
            Balancing::RoundRobin,
            Balancing::RoundRobin,
            Balancing::Weighted,
            Balancing::HostDependent,
            Balancing::None,
        ]),
        authentication,
        members: members(dice, count, ipv6, pace),
    }
}

fn members(dice: &mut Dice, count: usize, ipv6: bool, pace: Option<(u64, u64)>) -> Vec<Member> {
    let priorities: &[u64] = match dice.below(4) {
        0 => &[100],
        1 => &[100, 110],
        _ => &[],
    };
    let preempt = dice.below(4);
    let (hello, hold) = pace.unwrap_or((3_000, 10_000));
    let differing = dice.percent(25);
    let learners = !ipv6 && dice.percent(20);
    // Time-outs are whole seconds: with the shortest hold times they would be most of a run.
    let retirement = dice.percent(if hold < 1_000 { 5 } else { 35 }).then(|| {
        let redirect = dice.below(4) * 4;
        // One that is given up before it is taken over is nobody's.
        (redirect, redirect + 5 * hold.div_ceil(1_000) + dice.between(4, 20))
    });
    let takes = dice.one_of(&[None, Some(0), Some(hold / 2), Some(hold), Some(3 * hold), Some(3 * hold)]);
    let thresholds = dice.percent(50);
    let jitter = dice.percent(75);
    let mut members: Vec<Member> = (0..count)
        .map(|_| Member {
            priority: match priorities {
                [] => dice.between(1, 255),
                of => dice.one_of(of),
            } as u8,
            times_ms: match (differing, dice.below(3)) {
                (false, _) | (true, 0) => pace,
                (true, 1) => Some((2 * hello, 2 * hold)),
                (true, _) => Some((hello, hold + hello)),
            },
            retirement_s: retirement,
            jitter,
            knows_address: !learners || dice.percent(40),
            preempts_after_ms: match (preempt, dice.below(4)) {
                (0, _) | (1, 0 | 1) => None,
                (_, 3) => Some(dice.below(4) * hold / 2),
                (_, _) => Some(0),
            },
            takes_forwarders_after_ms: if dice.percent(90) { takes } else { Some(hold) },
            weighting: match thresholds {
                true => dice.one_of(&[(100, 80, 90), (100, 1, 100), (110, 60, 105), (50, 30, 40)]),
                false => (100, 1, 100),
            },
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
    let (hello, hold) = member.times_ms.unwrap_or((3_000, 10_000));
    match dice.below(8) {
        0 => {
            let times = dice.between(1, 3);
            // A configuration whose forwarders are given up before anybody forwards is refused.
            let lasts = |hold: u64| member.retirement_s.is_none_or(|(_, timeout)| timeout * 1_000 > 2 * hold);
            if lasts(hold * times) {
                member.times_ms = Some((hello * times, hold * times));
            }
        }
        1 => member.preempts_after_ms = dice.one_of(&[None, Some(0), Some(hold)]),
        2 => member.takes_forwarders_after_ms = dice.one_of(&[None, Some(0), Some(hold), Some(3 * hold)]),
        3 | 4 => member.weighting = dice.one_of(&[(100, 80, 90), (100, 1, 100), (50, 30, 40), (20, 15, 20)]),
        5 if !setup.ipv6 && router > 0 => member.knows_address = !member.knows_address,
        _ => member.priority = dice.between(1, 255) as u8,
    }
    member
}
