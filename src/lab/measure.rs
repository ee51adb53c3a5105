//! What a deed did to the stream and to the adverts, computed from timestamps alone.

use std::collections::BTreeMap;
use std::time::Duration;

use fhrp::Mac;
use serde::{Serialize, Serializer};

use super::stream::StreamLog;
use super::wire::Advert;

/// Between sending a packet and its arrival, at most; what takes longer is counted as lost.
const TRANSIT: u64 = 100_000_000;

/// What was measured of one step in one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// To whom it was done.
    pub router: Option<String>,
    /// How long the deed itself took.
    #[serde(serialize_with = "milliseconds")]
    pub took: Duration,
    /// The longest silence at the server, beyond the stream's period.
    #[serde(serialize_with = "milliseconds")]
    pub outage: Duration,
    /// Packets sent during the step that never arrived.
    pub lost: u64,
    /// Packets that arrived more than once.
    pub duplicated: u64,
    /// Those of them that did after one router alone was advertising again.
    pub duplicated_settled: u64,
    /// How long after the deed the last advert came of a router that no longer sends any in the end.
    #[serde(serialize_with = "milliseconds")]
    pub settled: Duration,
    /// How another router took over, if one had to and did.
    pub take_over: Option<TakeOver>,
    /// Who answered for the gateway in the end.
    pub gateways: Vec<String>,
    /// How many hosts each router served in the end.
    pub carries: BTreeMap<String, u32>,
    /// Packets lost by hosts that somebody else served than the one it was done to.
    pub others_lost: u64,
}

/// How another router took over.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TakeOver {
    /// Who did.
    pub router: String,
    /// Whether the one before said goodbye (priority 0).
    pub goodbye: bool,
    /// How long after the last advert of the one before the protocol wants it to happen.
    #[serde(serialize_with = "milliseconds")]
    pub bound: Duration,
    /// How long after that advert it happened: the first advert of the new one.
    #[serde(serialize_with = "milliseconds")]
    pub after: Duration,
    /// By how much that is later than the bound, in milliseconds; negative: too early.
    pub late: f64,
}

/// Durations in JSON are milliseconds with a fraction.
pub(crate) fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() * 1e3)
}

/// What happened to the stream between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Traffic {
    pub outage: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub duplicated_settled: u64,
}

impl Traffic {
    /// What happened to several streams.
    pub(crate) fn and(self, other: Traffic) -> Traffic {
        Traffic {
            outage: self.outage.max(other.outage),
            lost: self.lost + other.lost,
            duplicated: self.duplicated + other.duplicated,
            duplicated_settled: self.duplicated_settled + other.duplicated_settled,
        }
    }
}

/// Through which router the last packet came that arrived before `to`: the MAC of its last hop.
pub(crate) fn last_hop(log: &StreamLog, to: u64) -> Option<Mac> {
    let arrived = log.arrived.iter().zip(&log.through);
    arrived.rev().find(|((_, at), _)| *at < to).map(|(_, through)| *through)
}

/// Looks at the packets sent from `from` to `to`; from `settled` on, none should arrive twice.
pub(crate) fn traffic(log: &StreamLog, (from, to): (u64, u64), settled: u64) -> Traffic {
    let StreamLog { sent, arrived, period, .. } = log;
    let period = *period;
    let first = sent.partition_point(|at| *at < from);
    let last = sent.partition_point(|at| *at < to);
    let mut times = vec![0_u32; last - first];
    let mut traffic = Traffic::default();
    let mut before: Option<(u64, u64)> = None;
    // The one before the first belongs to the silence that the deed began.
    let early = first.saturating_sub(1) as u64;
    for (number, at) in
        arrived.iter().filter(|(number, at)| (early..last as u64).contains(number) && *at < to + TRANSIT)
    {
        if let Some(place) = (*number as usize).checked_sub(first).and_then(|place| times.get_mut(place)) {
            *place += 1;
            if *place > 1 {
                traffic.duplicated += 1;
                traffic.duplicated_settled += u64::from(*at >= settled);
            }
        }
        if let Some((number_before, at_before)) = before {
            traffic.outage =
                traffic.outage.max(silence(sent, (number_before, at_before), (*number, *at), period));
        }
        before = Some((*number, *at));
    }
    traffic.lost = times.iter().filter(|times| **times == 0).count() as u64;
    // A silence that lasts until the end is one, too.
    let end = before.map_or(from, |(_, at)| at);
    if last > first && times.last() == Some(&0) {
        traffic.outage = traffic.outage.max(to.saturating_sub(end).saturating_sub(period));
    }
    traffic
}

/// The silence between two arrivals, without what the sender itself paused.
fn silence(sent: &[u64], before: (u64, u64), after: (u64, u64), period: u64) -> u64 {
    let gap = after.1.saturating_sub(before.1);
    let paused = match (sent.get(before.0 as usize), sent.get(after.0 as usize)) {
        (Some(one), Some(other)) if after.0 == before.0 + 1 => other.saturating_sub(*one),
        _ => period,
    };
    gap.saturating_sub(paused.max(period))
}

/// How `old` was replaced after `at`, by the adverts seen until `to`.
///
/// From `unheard` on the others do not hear `old`, although it may go on.
pub(crate) fn take_over(adverts: &[Advert], old: &str, at: u64, to: u64, unheard: u64) -> Option<TakeOver> {
    let new = adverts
        .iter()
        .find(|advert| (at..to).contains(&advert.at) && advert.router != old && advert.priority > 0)?;
    let same =
        |advert: &&Advert| advert.router == old && (advert.vrid, advert.version) == (new.vrid, new.version);
    let last = adverts.iter().filter(same).rfind(|advert| advert.at < unheard.min(new.at))?;
    if at.saturating_sub(last.at) > 4 * last.interval.as_nanos() as u64 {
        // It had been silent before anything was done to it.
        return None;
    }
    let bound = last.bound(new.priority);
    let after = Duration::from_nanos(new.at - last.at);
    Some(TakeOver {
        router: new.router.clone(),
        goodbye: last.priority == 0,
        bound,
        after,
        late: (after.as_secs_f64() - bound.as_secs_f64()) * 1e3,
    })
}

/// The moment from which on only those advertise who still do in the end.
pub(crate) fn settled(adverts: &[Advert], at: u64, to: u64) -> u64 {
    let during: Vec<_> = adverts.iter().filter(|advert| (at..to).contains(&advert.at)).collect();
    let Some(last) = during.last() else { return at };
    let other = during.iter().rfind(|advert| advert.router != last.router);
    // The one after the last of another router's.
    other.map_or(at, |other| {
        during.iter().find(|advert| advert.at > other.at).map_or(other.at, |advert| advert.at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn advert(router: &str, at: u64, priority: u8) -> Advert {
        Advert {
            at: at * MS,
            router: router.to_owned(),
            mac: fhrp::Mac::default(),
            source: "10.0.10.2".parse().unwrap(),
            destination: "224.0.0.18".parse().unwrap(),
            version: 3,
            vrid: 10,
            priority,
            interval: Duration::from_millis(100),
            patience: crate::lab::Patience::Intervals,
        }
    }

    fn traffic_of(sent: Vec<u64>, arrived: &[(u64, u64)], span: (u64, u64), settled: u64) -> Traffic {
        traffic(
            &StreamLog { sent, arrived: arrived.to_vec(), period: MS, ..StreamLog::default() },
            span,
            settled,
        )
    }

    fn sent(count: u64) -> Vec<u64> {
        (0..count).map(|number| number * MS).collect()
    }

    #[test]
    fn a_gap_is_lost_packets_and_an_outage() {
        let arrived: Vec<_> =
            (0..100).filter(|n| !(30..50).contains(n)).map(|n| (n, n * MS + 1000)).collect();
        let found = traffic_of(sent(100), &arrived, (20 * MS, 90 * MS), 0);
        assert_eq!((found.lost, found.outage, found.duplicated), (20, 20 * MS, 0));
    }

    #[test]
    fn a_gap_without_end_counts_until_the_end() {
        let arrived: Vec<_> = (0..30).map(|n| (n, n * MS)).collect();
        let found = traffic_of(sent(100), &arrived, (20 * MS, 90 * MS), 0);
        assert_eq!((found.lost, found.outage), (60, 60 * MS));
    }

    #[test]
    fn a_pause_of_the_sender_is_no_outage() {
        let mut sent = sent(10);
        sent.iter_mut().skip(5).for_each(|at| *at += 7 * MS);
        let arrived: Vec<_> = sent.iter().enumerate().map(|(n, at)| (n as u64, at + 1000)).collect();
        assert_eq!(traffic_of(sent, &arrived, (0, 100 * MS), 0), Traffic::default());
    }

    #[test]
    fn twice_is_counted_before_and_after_settling() {
        let arrived = [(0, 0), (1, MS), (1, MS + 1), (2, 2 * MS), (3, 3 * MS), (3, 3 * MS + 1)];
        let found = traffic_of(sent(4), &arrived, (0, 4 * MS), 2 * MS);
        assert_eq!((found.duplicated, found.duplicated_settled), (2, 1));
    }

    #[test]
    fn a_take_over_is_late_by_what_is_beyond_the_bound() {
        let adverts = [advert("r1", 0, 200), advert("r1", 100, 200), advert("r2", 461, 100)];
        let found = take_over(&adverts, "r1", 130 * MS, 1000 * MS, u64::MAX).unwrap();
        assert_eq!(
            (found.router.as_str(), found.goodbye, found.after),
            ("r2", false, Duration::from_millis(361))
        );
        assert!((found.late - 0.0625).abs() < 1e-6, "{}", found.late);
    }

    #[test]
    fn a_goodbye_leaves_only_the_skew() {
        let adverts = [advert("r1", 100, 200), advert("r1", 130, 0), advert("r2", 191, 100)];
        let found = take_over(&adverts, "r1", 129 * MS, 1000 * MS, u64::MAX).unwrap();
        assert!(found.goodbye && (found.late - 0.0625).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn who_is_cut_off_is_no_longer_heard() {
        let adverts = [advert("r1", 100, 200), advert("r1", 200, 200), advert("r2", 461, 100)];
        let found = take_over(&adverts, "r1", 130 * MS, 1000 * MS, 130 * MS).unwrap();
        assert_eq!(found.after, Duration::from_millis(361));
        assert_eq!(settled(&adverts, 130 * MS, 1000 * MS), 461 * MS);
    }
}
