//! A virtual router from throws of dice.

use super::setup::{Authentication, Member, Setup, Spoken};
use crate::sim::dice::Dice;

/// How often is advertised, in milliseconds: mostly as everybody does it, sometimes as fast as it goes.
pub fn pace(dice: &mut Dice) -> u64 {
    dice.one_of(&[1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 2_000, 250, 100, 30, 10])
}

/// A virtual router with `count` members, the `number`th on its LAN.
pub fn setup(dice: &mut Dice, number: u8, count: usize, pace_ms: u64) -> Setup {
    let ipv6 = dice.percent(35);
    let versions = match (ipv6, dice.below(10)) {
        (true, _) | (false, 0..=4) => &[Spoken::V3][..],
        (false, 5 | 6) => &[Spoken::V2],
        (false, 7) => &[Spoken::V2, Spoken::Both],
        (false, 8) => &[Spoken::V3, Spoken::Both],
        (false, _) => &[Spoken::Both],
    };
    let with_v2 = versions != [Spoken::V3];
    let authentication = match versions {
        _ if dice.percent(55) => Authentication::None,
        [Spoken::V2] => dice.one_of(&[
            Authentication::Text,
            Authentication::Header,
            Authentication::Header,
            Authentication::CiscoMd5,
            Authentication::Hmac,
            Authentication::HmacWindow,
        ]),
        _ => dice.one_of(&[Authentication::Hmac, Authentication::HmacWindow]),
    };
    // Version 2 counts in seconds, and all its members must agree.
    let interval_ms = if with_v2 { pace_ms.div_ceil(1_000) * 1_000 } else { pace_ms };
    let intervals = match dice.below(6) {
        0 if !with_v2 => vec![interval_ms, 2 * interval_ms, (interval_ms / 20 * 10).max(10)],
        _ => vec![interval_ms],
    };
    let priorities: &[u64] = match dice.below(4) {
        0 => &[100],
        1 => &[100, 110],
        _ => &[],
    };
    let preempt = dice.below(5);
    let (preempt_delays, startup_delays) = (dice.percent(15), dice.percent(15));
    let mut members: Vec<Member> = (0..count)
        .map(|_| Member {
            spoken: dice.one_of(versions),
            priority: if priorities.is_empty() { dice.between(1, 254) } else { dice.one_of(priorities) }
                as u8,
            interval_ms: dice.one_of(&intervals),
            preempt: match preempt {
                0 => false,
                1 => dice.percent(50),
                _ => true,
            },
            preempt_delay_ms: if preempt_delays { dice.below(4) * interval_ms / 2 } else { 0 },
            startup_delay_ms: if startup_delays { dice.below(4) * interval_ms } else { 0 },
        })
        .collect();
    if dice.percent(7) {
        let owner = dice.below(count as u64) as usize;
        members[owner].priority = 255;
        members[owner].preempt_delay_ms = 0;
    }
    Setup {
        vrid: dice.between(1, 127) as u8 + 128 * (number % 2),
        gateway: 251 + number,
        ipv6,
        virtual_mac: dice.percent(80),
        unicast: dice.percent(10),
        accept: dice.percent(80),
        authentication,
        members,
    }
}

/// Other settings for one member, as a reload may bring them without parting it from the others.
pub fn changed(dice: &mut Dice, setup: &Setup, router: usize) -> Member {
    let mut member = setup.members[router].clone();
    if member.is_owner() {
        return member;
    }
    let alone = setup.members.iter().all(|member| member.spoken == Spoken::V3);
    match dice.below(5) {
        0 if alone => member.interval_ms = (member.interval_ms * dice.between(1, 3)).clamp(10, 40_950),
        1 => member.preempt = !member.preempt,
        2 => member.preempt_delay_ms = dice.below(3) * member.interval_ms,
        _ => member.priority = dice.between(1, 254) as u8,
    }
    member
}
