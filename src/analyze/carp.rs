//! CARP: an advertisement is the master's, and whoever advertises more often is the better one. OpenBSD ip_carp.c.

use std::time::Duration;

use fhrp::dissect::{Dissection, Value};

use super::reading::{Part, Reading, Said, Stance, Statement, Vacancy};

/// Intervals that a backup waits for before it adds its own skew.
const INTERVALS: u32 = 3;

pub(super) fn read(dissection: &Dissection) -> Reading {
    let takes_leave = dissection.details.contains(&("goodbye", Value::Truth(true)));
    let (stance, word) = match takes_leave {
        true => (Stance::Resigns, "bowed out"),
        false => (Stance::Holds, "master"),
    };
    Reading {
        statements: vec![Statement { part: Part::Gateway, stance, word, coup: false, rank: None }],
        complete: false,
        every: dissection.interval,
        patience: dissection.interval.map(patience),
    }
}

/// How long backups wait at least, whatever their skew. Where `advbase` is 0 the skew is all there is; that of a backup is
/// no less than its master's.
fn patience(interval: Duration) -> Duration {
    match base(interval) {
        Duration::ZERO => interval * INTERVALS,
        base => base * INTERVALS,
    }
}

/// `advbase`, in whole seconds, without `advskew`, in parts of one.
fn base(interval: Duration) -> Duration {
    Duration::from_secs(interval.as_secs())
}

/// A backup waits by its own numbers, whatever the master's are.
pub(super) fn wait_before_taking(successor: &Said, vacancy: Vacancy) -> Option<(Duration, &'static str)> {
    let own = successor.interval?;
    let skew = own - base(own);
    let wait = match base(own) {
        Duration::ZERO => skew * INTERVALS,
        base => base * INTERVALS + skew,
    };
    match vacancy {
        Vacancy::Silent => Some((wait, "OpenBSD ip_carp.c, carp_setrun")),
        Vacancy::Resigned => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: &[(&'static str, Value)], interval: Option<Duration>) -> Dissection {
        Dissection { interval, details: kind.to_vec(), ..Dissection::new("carp") }
    }

    fn waits(interval: Duration) -> Duration {
        let said = Said::of(&said(&[], Some(interval)), None);
        wait_before_taking(&said, Vacancy::Silent).map(|(wait, _)| wait).unwrap_or_default()
    }

    #[test]
    fn three_bases_are_waited_for_or_three_skews_if_there_is_no_base() {
        let skew = |skew| Duration::from_secs(skew) / 256;
        assert_eq!(waits(Duration::from_secs(1) + skew(100)), Duration::from_secs(3) + skew(100));
        assert_eq!(waits(skew(60)), skew(180));
        let patience = |interval| read(&said(&[], Some(interval))).patience;
        assert_eq!(patience(Duration::from_secs(1) + skew(100)), Some(Duration::from_secs(3)));
        assert_eq!(patience(skew(60)), Some(skew(180)));
    }

    #[test]
    fn only_a_goodbye_gives_the_role_up() {
        let stance = |details: &[(&'static str, Value)]| read(&said(details, None)).statements[0].stance;
        assert_eq!(stance(&[("goodbye", Value::Truth(true))]), Stance::Resigns);
        // ucarp may be told to use the greatest skew, and is a master then.
        assert_eq!(stance(&[("advskew", Value::Number(255))]), Stance::Holds);
    }
}
