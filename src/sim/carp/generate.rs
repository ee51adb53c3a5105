//! A virtual host from throws of dice.

use super::setup::{Balancing, Delivery, Demotion, Families, Member, Setup};
use crate::sim::dice::Dice;

/// How fast the members of a virtual host are.
struct Pace {
    bases: &'static [u64],
    skews: &'static [u64],
    /// Skews between the two, if there are no others.
    between: (u64, u64),
    ratios: &'static [u64],
    demotions: &'static [Demotion],
}

const ALL: &[Demotion] = &[Demotion::Both, Demotion::Both, Demotion::Skew, Demotion::Counter];

/// What is common, and what is rare: a base of 0, of more seconds, one that others do not wait for.
fn pace(dice: &mut Dice) -> Pace {
    let usual = Pace { bases: &[1], skews: &[], between: (0, 254), ratios: &[3], demotions: ALL };
    match dice.below(16) {
        0..=2 => Pace { skews: &[0], ..usual },
        3..=5 => Pace { skews: &[0, 100], ..usual },
        6 | 7 => Pace { skews: &[0, 100, 200, 240, 254], ..usual },
        8 => Pace { bases: &[2, 3], ..usual },
        9 => Pace { bases: &[0], between: (90, 120), ..usual },
        10 if dice.percent(30) => Pace { bases: &[0], skews: &[0], demotions: &[Demotion::Counter], ..usual },
        10 => Pace { bases: &[0], between: (20, 30), demotions: &[Demotion::Counter], ..usual },
        11 => Pace { bases: &[0], skews: &[100], ..usual },
        12 => Pace { bases: &[1, 5], demotions: &[Demotion::Skew], ..usual },
        13 => Pace { between: (0, 200), ratios: &[2, 3], demotions: &[Demotion::Counter], ..usual },
        14 => Pace { ratios: &[3, 5], ..usual },
        _ => usual,
    }
}

/// A virtual host with `count` members, the `number`th on its LAN.
pub fn setup(dice: &mut Dice, number: u8, count: usize) -> Setup {
    let pace = pace(dice);
    let families = dice.one_of(&[
        Families::Ipv4,
        Families::Ipv4,
        Families::Ipv4,
        Families::Ipv6,
        Families::Ipv6,
        Families::Both,
        Families::Both,
        Families::Both,
    ]);
    let seals = pace.bases.iter().all(|base| *base <= 1);
    Setup {
        vhid: (dice.between(2, 254) as u8 & !1) + number % 2,
        gateway: 251 + number,
        families,
        secondary: dice.percent(30),
        covers_link_local: dice.percent(30),
        virtual_mac: dice.percent(85),
        unicast: dice.percent(20),
        accept: dice.percent(70),
        password: dice.percent(85),
        sealed: dice.percent(40) && seals,
        strict_families: dice.percent(25),
        balancing: None,
        members: members(dice, count, &pace),
    }
}

/// Virtual hosts with `count` members each that share their addresses.
pub fn sharing(dice: &mut Dice, count: usize) -> Vec<Setup> {
    let number = dice.between(2, 4) as u8;
    let first = setup(dice, 0, count);
    let delivery = dice.one_of(&[Delivery::Group, Delivery::Stealth, Delivery::Unicast]);
    let balancing = Balancing { delivery, leader: first.vhid.min(250), count: number, number: 0 };
    let of = |number: u8| {
        let mut members = first.members.clone();
        // Each is another member's, if there are as many.
        let by = usize::from(number) % members.len();
        members.rotate_right(by);
        Setup {
            vhid: balancing.leader + number,
            virtual_mac: true,
            balancing: Some(Balancing { number, ..balancing.clone() }),
            members,
            ..first.clone()
        }
    };
    (0..number).map(of).collect()
}

fn members(dice: &mut Dice, count: usize, pace: &Pace) -> Vec<Member> {
    let preempt = dice.below(5);
    let demotion = dice.one_of(pace.demotions);
    let mixed = dice.percent(30);
    (0..count)
        .map(|_| Member {
            advbase: dice.one_of(pace.bases) as u8,
            advskew: match pace.skews {
                [] => dice.between(pace.between.0, pace.between.1),
                skews => dice.one_of(skews),
            } as u8,
            dead_ratio: dice.one_of(pace.ratios) as u8,
            preempt: match preempt {
                0 => false,
                1 => dice.percent(50),
                _ => true,
            },
            demotion: if mixed { dice.one_of(pace.demotions) } else { demotion },
        })
        .collect()
}

/// Other settings for one member, as a reload may bring them without parting it from the others.
pub fn changed(dice: &mut Dice, setup: &Setup, router: usize) -> Member {
    let mut member = setup.members[router].clone();
    let other = dice.below(setup.members.len() as u64) as usize;
    let other = &setup.members[other];
    match dice.below(8) {
        0 => member.advbase = other.advbase,
        1 => member.demotion = other.demotion,
        2 => member.dead_ratio = other.dead_ratio,
        3 | 4 => member.preempt = !member.preempt,
        _ => {
            let (least, most) = setup.skews();
            member.advskew = dice.between(least.into(), most.into()) as u8;
        }
    }
    member
}
