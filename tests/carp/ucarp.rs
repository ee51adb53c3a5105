//! Beside ucarp: election, stop, death, loss of power, preemption or none, and what does not fit together; in both roles.

use std::time::Duration;

use firsthop::lab::Deed;

use crate::beside::{Settings, beside_ucarp, other, skew};
use crate::judges::{Told, judge};
use crate::pair::{OURS, Pair, THEIRS, counter, now};

const BETTER: u8 = 10;
const WORSE: u8 = 100;

fn settings(router: &str, better: &str) -> Settings {
    skew(if router == better { BETTER } else { WORSE })
}

/// Everything that a pair goes through whose better half comes first.
fn story(better: &'static str) {
    let title = format!("ucarp, {better} preferred");
    let Some(mut pair) = beside_ucarp(&title, settings(OURS, better), settings(THEIRS, better)) else {
        return;
    };
    let worse = other(better);

    // The worse one is there first, and is preempted.
    pair.start(worse);
    pair.settles_on(worse);
    pair.start(better);
    pair.settles_on(better);
    pair.stays_with(better);
    let group = pair.group();
    assert_eq!(group["state"], if better == OURS { "MASTER" } else { "BACKUP" }, "{}", pair.known());
    if better == THEIRS {
        assert_eq!(group["active"], "10.0.10.3", "{}", pair.known());
    }

    // The better one stops: ours says goodbye, ucarp never does.
    let at = pair.fault(Deed::Stop, Some(better));
    pair.settles_on(worse);
    let goodbyes = pair.said(better, at).iter().filter(|advert| advert.priority == 0).count();
    assert_eq!(goodbyes > 0, better == OURS, "{}", pair.known());
    pair.fault(Deed::Recover, None);
    pair.settles_on(better);

    // It dies.
    pair.fault(Deed::Kill, Some(better));
    pair.until("the other one advertises", |pair| {
        pair.said(worse, now() - 1_500_000_000).iter().any(|advert| advert.priority > 0)
    });
    if better == OURS {
        // What ucarp's script put on the interface stays there, if it is ucarp that dies.
        pair.settles_on(worse);
    }
    pair.fault(Deed::Recover, None);
    pair.settles_on(better);

    // And loses its power.
    pair.fault(Deed::Power, Some(better));
    pair.settles_on(worse);
    pair.fault(Deed::Recover, None);
    pair.settles_on(better);
    let kinds = ["carp", "arp.opcode == 1", "arp.opcode == 2", "igmp"];
    judge(&title, &pair.capture(), &[OURS], Told::Carp, &kinds);
}

#[test]
fn ucarp_is_the_better_one() {
    story(THEIRS);
}

#[test]
fn ours_is_the_better_one() {
    story(OURS);
}

/// Without preemption who is there stays, however bad.
#[test]
fn without_preemption_nobody_is_replaced() {
    for first in [OURS, THEIRS] {
        let patient = |router| Settings { preempt: false, ..settings(router, other(first)) };
        let title = format!("ucarp without preemption, {first} first");
        let Some(mut pair) = beside_ucarp(&title, patient(OURS), patient(THEIRS)) else { return };
        pair.start(first);
        pair.settles_on(first);
        pair.start(other(first));
        pair.stays_with(first);
        std::thread::sleep(Duration::from_secs(4));
        pair.stays_with(first);
        if first == THEIRS {
            assert_eq!(pair.group()["state"], "BACKUP", "{}", pair.known());
        }
    }
}

/// Started together, with equal settings: one of them, for good, whatever happened in the first second.
#[test]
fn equals_agree() {
    let equal = Settings { preempt: false, ..skew(50) };
    let Some(mut pair) = beside_ucarp("ucarp, equal settings", equal, equal) else { return };
    pair.lab.start().unwrap();
    let settled = |pair: &mut Pair| match pair.masters().as_slice() {
        [alone] if alone == OURS => Some(OURS),
        [alone] if alone == THEIRS => Some(THEIRS),
        _ => None,
    };
    pair.until("one of them is the master", |pair| settled(pair).is_some());
    std::thread::sleep(Duration::from_secs(5));
    let master = settled(&mut pair).unwrap_or_else(|| panic!("{}", pair.known()));
    pair.stays_with(master);
}

/// Two that cannot understand each other are two masters, and ours says why.
#[test]
fn another_password_is_named() {
    let wrong = Settings { password: "other", ..skew(WORSE) };
    let Some(mut pair) = beside_ucarp("ucarp, another password", skew(BETTER), wrong) else { return };
    pair.lab.start().unwrap();
    pair.until("the alarm", |pair| pair.group()["alarms"].to_string().contains("two-masters"));
    let group = pair.group();
    assert_eq!(group["state"], "MASTER", "{}", pair.known());
    assert!(counter(&group, "authentication-failures") > 0, "{}", pair.known());
    let refused = group["neighbours"][0]["refused"].to_string();
    assert!(refused.contains("another password") && refused.contains("10.0.10.1"), "{refused}");
}

/// ucarp that hears nobody counts at random; a router that wants counters to rise would be deaf to it.
#[test]
fn random_counters_are_believed() {
    let backup = Settings { preempt: false, ..skew(WORSE) };
    let Some(mut pair) = beside_ucarp("ucarp, alone before us", backup, skew(BETTER)) else { return };
    pair.start(THEIRS);
    pair.settles_on(THEIRS);
    pair.start(OURS);
    pair.stays_with(THEIRS);
    let group = pair.group();
    assert_eq!(group["state"], "BACKUP", "{}", pair.known());
    assert_eq!(counter(&group, "authentication-failures") + counter(&group, "looped"), 0, "{}", pair.known());
    let habits = group["neighbours"][0]["details"].to_string();
    assert!(habits.contains("random"), "{habits}");
}

/// An operator has ours take the role and give it back.
#[test]
fn the_role_is_taken_and_given_by_command() {
    let backup = Settings { preempt: false, ..skew(BETTER) };
    let worse = Settings { preempt: false, ..skew(WORSE) };
    let Some(mut pair) = beside_ucarp("ucarp, by command", backup, worse) else { return };
    pair.start(THEIRS);
    pair.settles_on(THEIRS);
    pair.start(OURS);
    pair.stays_with(THEIRS);
    pair.firsthop(&["take-over"]);
    pair.settles_on(OURS);
    pair.firsthop(&["hand-over"]);
    pair.settles_on(THEIRS);
}

/// Demoted, ours says so by an advskew of 240, which is all that ucarp understands: it preempts. Undone, ours does.
#[test]
fn a_demotion_is_understood() {
    let Some(mut pair) = beside_ucarp("ucarp, a demotion", skew(BETTER), skew(WORSE)) else { return };
    pair.start(OURS);
    pair.settles_on(OURS);
    pair.start(THEIRS);
    pair.stays_with(OURS);
    let since = now();
    pair.firsthop(&["demote"]);
    pair.settles_on(THEIRS);
    let said = pair.said(OURS, since);
    let first = said.iter().find(|advert| advert.priority == u8::MAX - 240);
    let first = first.unwrap_or_else(|| panic!("{}", pair.known()));
    let after = Duration::from_nanos(first.at - since);
    assert!(after < Duration::from_millis(600), "said {after:?} after it was wished");
    pair.firsthop(&["demote", "--by", "0"]);
    pair.settles_on(OURS);
}
