//! The state table and the comparison rules, row by row: OpenBSD ip_carp.c, FreeBSD ip_carp.c, ucarp carp.c.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use std::time::Duration;

use carp::Config;
use carp::config::{Demotion, UcarpTie};
use fhrp::{Command, Input, Link};
use stage::{
    HIGHER, LOWER, OTHER_IPV6, OURS, Stage, address, both_families, config, goodbye, interval, ip, link,
    millis, preempting, says, secs,
};

/// 3 × 1 s + 100/256 s.
const PATIENCE: Duration = Duration::from_micros(3_390_625);
/// 1 s + 100/256 s.
const INTERVAL: Duration = Duration::from_micros(1_390_625);

#[test]
fn init_becomes_ready() {
    let mut stage = Stage::bare(config());
    assert_eq!(stage.state(), "INIT");
    stage.tell(Input::Link(&link()));
    assert_eq!(stage.tell(Input::Start), ["INIT -> BACKUP"]);
    assert_eq!(stage.reason(), "initialization complete");
    assert_eq!(stage.remaining("master-down"), Some(PATIENCE));

    let mut stage = Stage::bare(config());
    stage.tell(Input::Link(&Link { up: false, ..link() }));
    assert_eq!(stage.tell(Input::Start), ["remark waiting"]);
    assert_eq!((stage.state(), stage.reason().as_str()), ("INIT", "link eth0 is down"));
    assert_eq!(stage.tell(Input::Link(&link())), ["INIT -> BACKUP"]);
    assert_eq!(stage.reason(), "hardware interface up: eth0");
}

#[test]
fn init_ignores_advertisements() {
    let mut stage = Stage::bare(preempting());
    stage.tell(Input::Link(&Link { up: false, ..link() }));
    stage.tell(Input::Start);
    for said in [says(HIGHER, 1, 0), says(HIGHER, 9, 0), goodbye(HIGHER)] {
        assert!(stage.essence(&said).is_empty());
    }
    assert_eq!(stage.state(), "INIT");
    assert!(!stage.waits());
}

#[test]
fn backup_whose_timer_runs_out_takes_over() {
    let mut stage = Stage::started(config());
    stage.hear(&says(HIGHER, 1, 0));
    stage.now += PATIENCE;
    let lines = stage.tick();
    assert_eq!(lines, ["1/100", "hold", "will 255/255", "announce", "BACKUP -> MASTER"]);
    assert_eq!(stage.reason(), "master timed out: nothing from 10.0.0.9 for 3.390625 s");
    assert_eq!(stage.remaining("advertisement-interval"), Some(INTERVAL));
}

/// The timer is the receiver's own, whatever the master's interval is.
#[test]
fn backup_waits_for_its_own_time() {
    let mut stage = Stage::started(config());
    stage.now += secs(2);
    stage.hear(&says(HIGHER, 3, 0));
    assert_eq!(stage.remaining("master-down"), Some(PATIENCE));
    // From when it arrived, not from when it was read.
    stage.now += millis(500);
    let arrived = stage.now - millis(200);
    stage.hear_at(&says(HIGHER, 1, 0), arrived);
    assert_eq!(stage.remaining("master-down"), Some(PATIENCE - millis(200)));
}

#[test]
fn a_dead_ratio_multiplies_the_base() {
    let stage = Stage::started(Config { dead_ratio: 5, ..config() });
    assert_eq!(stage.remaining("master-down"), Some(PATIENCE + secs(2)));
}

#[test]
fn master_advertises_and_keeps_its_cadence() {
    let mut stage = Stage::master(config());
    let began = stage.now;
    assert_eq!(stage.next_tick(), ["1/100"]);
    assert_eq!(stage.now.since(began), INTERVAL);
    // What is late is not added up, what was missed is not made up for.
    stage.now += INTERVAL + millis(50);
    assert_eq!(stage.tick(), ["1/100", "announce"]);
    assert_eq!(stage.remaining("advertisement-interval"), Some(INTERVAL - millis(50)));
}

#[test]
fn the_announcement_is_repeated_with_the_second_advertisement() {
    let mut stage = Stage::master(config());
    assert_eq!(stage.run(INTERVAL * 4 + millis(1)), ["1/100", "1/100", "announce", "1/100", "1/100"]);
}

/// (L ≥ R and Dr ≤ Dl) or Dr < Dl.
#[test]
fn master_gives_way_to_a_better_one_and_to_an_equal_one() {
    for (said, reason) in [
        (says(LOWER, 1, 99), "more frequent advertisement received from 10.0.0.2: every 1 s + 99/256 s"),
        (says(HIGHER, 0, 254), "more frequent advertisement received from 10.0.0.9: every 0 s + 254/256 s"),
        (says(HIGHER, 1, 100), "equally frequent advertisement received from 10.0.0.9"),
    ] {
        let mut stage = Stage::master(config());
        let lines = stage.essence(&said);
        assert_eq!(lines, ["release", "no will", "MASTER -> BACKUP"], "{said:?}");
        assert_eq!(stage.reason(), reason);
        assert_eq!(stage.remaining("master-down"), Some(PATIENCE));
    }
}

/// Both of two equals may have given way: the one with the lower address tries again first.
#[test]
fn who_has_the_higher_address_of_two_equals_waits_longer() {
    let mut stage = Stage::master(config());
    stage.turn(&says(LOWER, 1, 100));
    assert_eq!(stage.remaining("master-down"), Some(PATIENCE + Duration::from_micros(390_625) + millis(500)));
    // The other one is still there an interval later: as usual.
    stage.now += interval(1, 100).length();
    stage.turn(&says(LOWER, 1, 100));
    assert_eq!(stage.remaining("master-down"), Some(PATIENCE));
}

/// Three or more equals: whoever has heard a lower one lets it go first, a bystander too. Otherwise two of the three try
/// again together, for ever.
#[test]
fn of_several_equals_only_the_lowest_address_does_not_wait_longer() {
    let longer = PATIENCE + Duration::from_micros(390_625) + millis(500);
    let interval = interval(1, 100).length();
    let mut giving_way = Stage::master(config());
    giving_way.turn(&says(LOWER, 1, 100));
    giving_way.now += millis(1);
    giving_way.turn(&says(HIGHER, 1, 100));
    assert_eq!(giving_way.remaining("master-down"), Some(longer), "it has heard a lower one");

    let mut bystander = Stage::started(config());
    bystander.turn(&says(HIGHER, 1, 100));
    assert_eq!(bystander.remaining("master-down"), Some(PATIENCE), "it is the next itself");
    bystander.turn(&says(LOWER, 1, 100));
    assert_eq!(bystander.remaining("master-down"), Some(longer), "the lower one is");
    bystander.now += interval;
    bystander.turn(&says(LOWER, 1, 100));
    assert_eq!(bystander.remaining("master-down"), Some(PATIENCE), "the lower one stays");
    bystander.now += interval * 2;
    bystander.turn(&says(LOWER, 1, 100));
    assert_eq!(bystander.remaining("master-down"), Some(longer), "it was gone, and is back");
    bystander.now += interval;
    bystander.turn(&says("10.0.0.3", 1, 100));
    assert_eq!(bystander.remaining("master-down"), Some(longer), "another one");
    bystander.turn(&says(HIGHER, 1, 99));
    assert_eq!(bystander.remaining("master-down"), Some(PATIENCE), "a better one");
}

/// Found by the simulation: several equals took the role from a demoted router at once, gave way to each other, and left
/// it to the demoted one again, for ever.
#[test]
fn who_has_just_lost_a_tie_lets_the_others_preempt_first() {
    let mut stage = Stage::master(config());
    stage.turn(&says(LOWER, 1, 100));
    assert_eq!(stage.state(), "BACKUP");
    stage.now += secs(3);
    assert!(stage.turn(&says(HIGHER, 1, 100).demoted(1)).is_empty());
    assert_eq!(stage.remaining("take-over"), Some(Duration::from_micros(390_625) + millis(500)));
    // The one with the lower address was first.
    stage.now += millis(1);
    stage.turn(&says(LOWER, 1, 100));
    assert_eq!(stage.state(), "BACKUP");
    // It is not there: the pause is not begun anew by each advertisement.
    let mut stage = Stage::master(config());
    stage.turn(&says(LOWER, 1, 100));
    stage.turn(&says(HIGHER, 1, 100).demoted(1));
    stage.now += millis(800);
    stage.turn(&says(HIGHER, 1, 100).demoted(1));
    assert_eq!(stage.remaining("take-over"), Some(Duration::from_micros(90_625)));
    assert_eq!(stage.next_tick().last().unwrap(), "BACKUP -> MASTER");
}

#[test]
fn master_stays_beside_a_worse_one_and_says_so() {
    for said in [says(HIGHER, 1, 101), says(HIGHER, 2, 0), says(HIGHER, 1, 0).demoted(1)] {
        let mut stage = Stage::master(config());
        stage.now += millis(700);
        assert_eq!(stage.essence(&said), ["remark asserted", "1/100", "announce"], "{said:?}");
        // Again in the same interval: an advertisement, and the announcement when the interval is over.
        stage.now += millis(100);
        assert_eq!(stage.essence(&said), ["1/100"]);
        assert_eq!((stage.state(), stage.counter("asserted")), ("MASTER", 1));
    }
}

#[test]
fn two_masters_are_an_alarm_until_they_are_one() {
    let mut stage = Stage::master(config());
    stage.turn(&says(HIGHER, 2, 0));
    assert!(stage.view().alarms.is_empty());
    stage.now += secs(1);
    assert!(stage.turn(&says(HIGHER, 2, 0)).contains(&"alarm two-masters".to_owned()));
    let lines = stage.run(secs(9));
    let over = lines.iter().position(|line| line == "alarm two-masters over").unwrap();
    assert!(lines[over..].contains(&"announce".to_owned()), "{lines:?}");
}

#[test]
fn the_last_word_of_whoever_was_preempted_is_no_rival() {
    let mut stage = Stage::started(preempting());
    stage.turn(&says(LOWER, 1, 200));
    assert_eq!(stage.state(), "MASTER");
    stage.now += millis(1);
    assert_eq!(stage.turn(&says(LOWER, 1, 200)), ["1/100"]);
}

/// (preempt and L < R and Dr ≥ Dl) or Dr > Dl or T < R.
#[test]
fn backup_takes_over_from_a_worse_master() {
    let taken = ["hold", "once held, 1/100", "will 255/255", "announce", "BACKUP -> MASTER"];
    let mut stage = Stage::started(config());
    assert!(stage.essence(&says(HIGHER, 1, 101)).is_empty(), "without preemption");
    assert!(stage.essence(&says(HIGHER, 3, 100)).is_empty(), "as slow as it may be");
    assert_eq!(stage.essence(&says(HIGHER, 3, 101)), taken, "slower than we wait");
    assert_eq!(
        stage.reason(),
        "master will time out: 10.0.0.9 advertises every 3 s + 101/256 s, longer than we wait"
    );

    let mut stage = Stage::started(config());
    assert_eq!(stage.essence(&says(HIGHER, 1, 0).demoted(1)), taken, "demoted, preemption or not");
    assert_eq!(stage.reason(), "preempting a demoted master: 10.0.0.9 is demoted by 1");

    let mut stage = Stage::started(preempting());
    assert!(stage.essence(&says(HIGHER, 1, 100)).is_empty(), "an equal one");
    assert_eq!(stage.essence(&says(HIGHER, 1, 101)), taken);
    assert_eq!(stage.reason(), "preempting a slower master: 10.0.0.9 advertises every 1 s + 101/256 s");
    assert_eq!(stage.counter("preemptions"), 1);
}

/// After a stall a thousand stale frames are read in order, and the last ones count.
#[test]
fn a_better_one_that_is_heard_in_the_same_turn_is_left_alone() {
    let mut stage = Stage::started(preempting());
    stage.hear(&says(HIGHER, 1, 200));
    stage.hear(&says(LOWER, 1, 0));
    assert!(stage.tick().is_empty());
    assert_eq!((stage.state(), stage.view().active), ("BACKUP", Some(ip(LOWER))));
}

#[test]
fn a_goodbye_is_answered_after_the_skew_whatever_preemption_says() {
    let mut stage = Stage::started(config());
    stage.turn(&says(HIGHER, 1, 0));
    stage.now += millis(10);
    assert!(stage.turn(&goodbye(HIGHER)).is_empty());
    assert_eq!(stage.remaining("take-over"), Some(Duration::from_micros(390_625)));
    let lines = stage.next_tick();
    assert_eq!(lines, ["hold", "once held, 1/100", "will 255/255", "announce", "BACKUP -> MASTER"]);
    assert_eq!(stage.reason(), "10.0.0.9 gave up the role (255/255)");

    // The best one of several was there first.
    let mut stage = Stage::started(config());
    stage.turn(&says(HIGHER, 1, 0));
    stage.turn(&goodbye(HIGHER));
    stage.now += millis(100);
    stage.turn(&says(LOWER, 1, 20));
    assert_eq!(stage.remaining("master-down"), Some(PATIENCE));
    // A copy of the goodbye comes late: its sender has no role to leave any more.
    stage.turn(&goodbye(HIGHER));
    assert_eq!(stage.deadline(), stage.now + PATIENCE);

    // With skew 0, at once; and who has never heard a master believes anybody.
    let mut stage = Stage::started(Config { interval: interval(1, 0), ..config() });
    assert_eq!(stage.turn(&goodbye(HIGHER)).last().unwrap(), "BACKUP -> MASTER");
}

/// After a goodbye each waits for its skew; but whoever then claims the role and is worse need not be waited for.
#[test]
fn a_worse_successor_is_preempted_at_once() {
    let mut stage = Stage::started(preempting());
    stage.turn(&says(HIGHER, 1, 0));
    assert!(stage.turn(&goodbye(HIGHER)).is_empty());
    stage.now += millis(1);
    assert_eq!(stage.turn(&says(LOWER, 1, 200)).last().unwrap(), "BACKUP -> MASTER");
}

#[test]
fn master_ignores_a_goodbye() {
    let mut stage = Stage::master(config());
    assert!(stage.turn(&goodbye(HIGHER)).is_empty());
    assert_eq!((stage.state(), stage.counter("goodbyes-received")), ("MASTER", 1));
}

#[test]
fn an_invalid_advertisement_is_counted_and_arms_no_timer() {
    let cases = [
        (says(HIGHER, 1, 0), 0, "refused packet-length-errors"),
        (says(HIGHER, 1, 0), 1, "refused checksum-errors"),
        (says(HIGHER, 1, 0), 2, "refused version-errors"),
        (says(HIGHER, 1, 0), 3, "refused authentication-failures"),
        (says(HIGHER, 1, 0), 4, "refused ttl-errors"),
    ];
    for (mut said, how, expected) in cases {
        let mut stage = Stage::started(config());
        stage.now += secs(1);
        let mut payload = said.payload();
        match how {
            0 => payload.truncate(35),
            1 => payload[30] ^= 1,
            2 => payload[0] = 0x31,
            3 => {
                said.password = "pass124";
                payload = said.payload();
            }
            _ => said.hop_limit = 254,
        }
        let now = stage.now;
        assert_eq!(stage.hear_octets(&said, &payload, now), [expected]);
        assert_eq!(stage.remaining("master-down"), Some(PATIENCE - secs(1)));
        assert_eq!(stage.counter(expected.strip_prefix("refused ").unwrap()), 1);
    }
    let mut stage = Stage::started(config());
    let other_set = stage::Said { addresses: vec![ip("10.0.0.2")], ..says(HIGHER, 1, 0) };
    stage.hear(&other_set);
    let refused = stage.view().neighbours[0].refused.clone().unwrap();
    assert!(refused.contains("other addresses than 10.0.0.1"), "{refused}");
}

#[test]
fn what_comes_to_another_place_is_not_for_us() {
    let mut stage = Stage::started(Config {
        destination: carp::config::Destination::Multicast { v4: ip("224.0.0.42"), v6: ip("ff02::12") },
        ..config()
    });
    assert_eq!(stage.hear(&says(HIGHER, 1, 0)), ["refused destination-errors"]);
}

#[test]
fn the_interface_goes_down_and_comes_back() {
    let down = Link { up: false, ..link() };
    let mut stage = Stage::master(config());
    assert_eq!(stage.tell(Input::Link(&down)), ["release", "no will", "MASTER -> INIT"]);
    assert_eq!(stage.reason(), "hardware interface down: eth0");
    assert!(!stage.waits());
    assert_eq!(stage.tell(Input::Link(&link())), ["INIT -> BACKUP"]);
    assert_eq!(stage.remaining("master-down"), Some(PATIENCE));

    let mut stage = Stage::started(config());
    assert_eq!(stage.tell(Input::Link(&down)), ["BACKUP -> INIT"]);
}

#[test]
fn a_stop_says_goodbye_and_serves_until_a_successor_is_heard() {
    let mut stage = Stage::master(config());
    assert_eq!(stage.tell(Input::Stop), ["255/255", "remark leaving"]);
    assert_eq!(stage.state(), "MASTER");
    assert_eq!(stage.next_tick(), ["255/255"], "a copy, in case it is lost");
    stage.now += millis(1);
    assert_eq!(stage.turn(&says(HIGHER, 1, 200)), ["release", "no will", "MASTER -> INIT"]);
    assert_eq!(stage.reason(), "stopped; handed over to 10.0.0.9");
    assert!(!stage.waits());

    // Nobody is there.
    let mut stage = Stage::master(config());
    stage.tell(Input::Stop);
    assert_eq!(stage.run(secs(2)), ["255/255", "255/255", "release", "no will", "MASTER -> INIT"]);

    let mut stage = Stage::started(config());
    assert_eq!(stage.tell(Input::Stop), ["BACKUP -> INIT"]);
    assert!(stage.turn(&says(HIGHER, 1, 0)).is_empty());
}

#[test]
fn forced_states() {
    let mut stage = Stage::master(preempting());
    assert_eq!(stage.command(Command::HandOver), ["255/255", "remark leaving"]);
    // What was under way before is no answer.
    let before = stage.now - millis(1);
    assert!(stage.hear_at(&says(LOWER, 1, 200), before).is_empty());
    stage.now += millis(3);
    assert_eq!(stage.turn(&says(LOWER, 1, 200)), ["release", "no will", "MASTER -> BACKUP"]);
    // It does not take the role back from whoever has it.
    assert!(stage.turn(&says(LOWER, 1, 200)).is_empty());
    assert_eq!(stage.detail("preemption"), "suspended: the role was handed over by command");
    assert_eq!(stage.command(Command::TakeOver)[0], "hold");
    assert_eq!((stage.state(), stage.reason().as_str()), ("MASTER", "user requested"));
    assert_eq!(stage.command(Command::TakeOver), ["remark command-ignored"]);
    assert_eq!(stage.command(Command::Announce), ["announce"]);

    // Nobody else is there: it becomes MASTER again, and never stopped serving.
    let mut stage = Stage::master(config());
    stage.command(Command::HandOver);
    let lines = stage.run(millis(1_250));
    assert_eq!(lines, ["255/255", "255/255", "1/100", "will 255/255", "remark hand-over-failed"]);

    let mut stage = Stage::bare(config());
    stage.tell(Input::Link(&Link { up: false, ..link() }));
    stage.tell(Input::Start);
    assert_eq!(stage.command(Command::TakeOver), ["remark command-ignored"]);
}

#[test]
fn demotion_is_said_at_once_and_by_both() {
    let mut stage = Stage::master(config());
    stage.now += millis(300);
    let lines = stage.tell(Input::Penalty(3));
    assert_eq!(lines, ["remark demotion", "1/240 demote 3", "hold", "will 255/255 demote 3"]);
    assert_eq!(stage.remaining("advertisement-interval"), Some(Duration::from_micros(1_937_500)));
    assert_eq!(stage.tell(Input::Penalty(0)), ["remark demotion", "1/100", "hold", "will 255/255"]);

    let mut counter = Stage::master(Config { demotion: Demotion::Counter, ..config() });
    assert_eq!(counter.tell(Input::Penalty(3))[1], "1/100 demote 3");
    let mut skew = Stage::master(Config { demotion: Demotion::Skew, ..config() });
    assert_eq!(skew.tell(Input::Penalty(3))[1], "1/240");
    // FreeBSD's trouble with sums that are too large.
    let mut much = Stage::master(config());
    assert_eq!(much.tell(Input::Penalty(u16::MAX))[1], "1/240 demote 255");
    // A skew of 250 is not lowered.
    let mut slow = Stage::master(Config { interval: interval(1, 250), ..config() });
    assert_eq!(slow.tell(Input::Penalty(1))[1], "1/250 demote 1");
}

#[test]
fn a_demoted_master_gives_way_and_a_demoted_backup_does_not_jump() {
    let mut stage = Stage::master(config());
    stage.tell(Input::Penalty(1));
    assert_eq!(stage.turn(&says(HIGHER, 1, 250)).last().unwrap(), "MASTER -> BACKUP");
    assert_eq!(stage.reason(), "less demoted advertisement received: 10.0.0.9 is demoted by 0, we are by 1");

    let mut stage = Stage::started(preempting());
    stage.tell(Input::Penalty(1));
    assert!(stage.turn(&says(HIGHER, 1, 200)).is_empty());
    // It waits longer, too: 3 s + 240/256 s.
    assert_eq!(stage.remaining("master-down"), Some(Duration::from_micros(3_937_500)));
}

#[test]
fn ucarp_decides_ties_by_address_in_its_own_way() {
    // Ours ends in 5: 10.0.0.9 is greater from behind, 10.9.9.2 is smaller, though it is the greater number.
    let tie = |from: &str, order| {
        let mut stage = Stage::master(Config { ucarp_tie: order, ..config() });
        stage.turn(&says(from, 1, 100).by_ucarp());
        stage.state()
    };
    assert_eq!(tie(HIGHER, UcarpTie::LittleEndian), "MASTER");
    assert_eq!(tie("10.9.9.2", UcarpTie::LittleEndian), "BACKUP");
    assert_eq!(tie("10.9.9.2", UcarpTie::BigEndian), "MASTER");
    assert_eq!(tie(LOWER, UcarpTie::BigEndian), "BACKUP");
}

#[test]
fn own_frames_that_come_back_are_counted_and_nothing_else() {
    let mut stage = Stage::master(config());
    for said in [says(OURS, 1, 0), says(HIGHER, 1, 0).counting(stage::COOKIE)] {
        assert_eq!(stage.turn(&said), ["refused looped"]);
    }
    assert_eq!((stage.state(), stage.counter("looped")), ("MASTER", 2));
    assert!(stage.view().alarms.is_empty());
}

/// Constant, random, repeated: nobody may rely on anything.
#[test]
fn any_counter_is_believed() {
    let mut stage = Stage::started(config());
    for counter in [5, 5, 0, u64::MAX, 4, 77, 78] {
        stage.now += secs(1);
        assert!(stage.turn(&says(HIGHER, 1, 0).counting(counter)).is_empty(), "{counter}");
        assert_eq!(stage.remaining("master-down"), Some(PATIENCE));
    }
    let habits = stage.view().neighbours[0].details.iter().map(|it| it.value.clone()).collect::<Vec<_>>();
    assert_eq!(habits, ["1 s + 0/256 s", "rising, as FreeBSD's and ucarp's"]);
}

#[test]
fn a_stall_is_no_silence_of_others() {
    let mut stage = Stage::started(config());
    stage.hear(&says(HIGHER, 1, 0));
    stage.now += secs(40);
    assert_eq!(stage.tick(), ["remark stalled"]);
    assert_eq!((stage.state(), stage.deadline()), ("BACKUP", stage.now + INTERVAL));
    assert_eq!(stage.next_tick().last().unwrap(), "BACKUP -> MASTER");

    let mut stage = Stage::master(preempting());
    stage.now += secs(40);
    assert_eq!(stage.tell(Input::Lapsed(secs(40))), ["remark stalled", "hold"]);
    assert_eq!(stage.tick(), ["1/100", "announce"]);

    let mut stage = Stage::master(config());
    stage.now += secs(40);
    assert_eq!(stage.tell(Input::Lapsed(secs(40))), ["release", "no will", "MASTER -> BACKUP"]);
}

#[test]
fn what_the_kernel_refuses_is_not_advertised() {
    let mut stage = Stage::master(config());
    assert_eq!(stage.refuse_hold(), ["255/255", "release", "no will", "MASTER -> INIT"]);
    assert_eq!(stage.deadline(), stage.now + secs(5));
    assert_eq!(stage.next_tick(), ["INIT -> BACKUP"]);
}

#[test]
fn both_families_are_spoken_and_either_is_enough() {
    let mut stage = Stage::started(both_families());
    stage.hear(&says(HIGHER, 1, 0).for_both());
    stage.hear(&says(OTHER_IPV6, 1, 0).for_both());
    // IPv6 falls silent.
    for _ in 0..3 {
        stage.now += secs(1);
        assert!(stage.turn(&says(HIGHER, 1, 0).for_both()).is_empty());
    }
    stage.now += secs(1);
    assert_eq!(stage.turn(&says(HIGHER, 1, 0).for_both()), ["alarm family-silent"]);
    assert_eq!(stage.state(), "BACKUP");
    stage.now += millis(1);
    let lines = stage.turn(&says(OTHER_IPV6, 1, 0).for_both());
    assert_eq!(lines, ["alarm family-silent over"]);
    // Both: the master is gone.
    stage.now += PATIENCE;
    assert_eq!(
        stage.tick(),
        ["1/100", "6: 1/100", "hold", "will 255/255, 6: 255/255", "announce", "BACKUP -> MASTER"]
    );
}

#[test]
fn the_kernels_obey_the_family_that_is_silent_first() {
    let mut stage = Stage::started(Config { strict_family_timers: true, ..both_families() });
    for _ in 0..3 {
        stage.now += secs(1);
        stage.turn(&says(HIGHER, 1, 0).for_both());
        assert_eq!(stage.state(), "BACKUP");
    }
    stage.now += secs(1);
    assert_eq!(stage.turn(&says(HIGHER, 1, 0).for_both()).last().unwrap(), "BACKUP -> MASTER");
}

#[test]
fn another_address_keeps_the_role_and_is_believed_for_a_while() {
    let more = Config { addresses: ["10.0.0.1/24", "10.0.0.2/24"].map(address).to_vec(), ..config() };
    let mut stage = Stage::master(config());
    let lines = stage.tell(Input::Reconfigure(&more));
    assert_eq!(lines, ["1/100", "hold", "will 255/255", "announce"]);
    // A router that has not been changed yet is understood, for half a minute.
    assert_eq!(stage.turn(&says(HIGHER, 1, 0)).last().unwrap(), "MASTER -> BACKUP");
    stage.now += secs(30);
    assert_eq!(stage.hear(&says(HIGHER, 1, 0)), ["refused authentication-failures"]);

    let mut stage = Stage::started(config());
    assert!(stage.tell(Input::Reconfigure(&more)).is_empty());
    assert_eq!(stage.state(), "BACKUP");
}

#[test]
fn another_number_is_another_virtual_host() {
    let mut stage = Stage::master(config());
    let other = Config { vhid: 8, virtual_mac: None, ..config() };
    let lines = stage.tell(Input::Reconfigure(&other));
    assert_eq!(lines, ["255/255", "release", "no will", "MASTER -> INIT", "INIT -> BACKUP"]);
}

#[test]
fn another_interval_is_said_at_once() {
    let mut stage = Stage::master(config());
    stage.now += millis(200);
    let lines = stage.tell(Input::Reconfigure(&Config { interval: interval(2, 0), ..config() }));
    assert_eq!(lines, ["2/0", "hold", "will 255/255"]);
    assert_eq!(stage.remaining("advertisement-interval"), Some(secs(2)));
}
