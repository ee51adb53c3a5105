//! Router advertisements of virtual routers, while they are held. RFC 4861 §6.2.4 and §6.2.6.
//!
//! No last one with lifetime zero is sent when a router steps down: the address lives on elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use fhrp::holdings::RouterAdvertisement;
use fhrp::{Holdings, Instant};

use crate::engine::GroupIndex;
use crate::engine::timers::Timers;

/// MAX_INITIAL_RTR_ADVERTISEMENTS.
const INITIAL: u32 = 3;
/// MAX_INITIAL_RTR_ADVERT_INTERVAL.
const INITIAL_INTERVAL: Duration = Duration::from_secs(16);
/// MIN_DELAY_BETWEEN_RAS.
const LEAST_PAUSE: Duration = Duration::from_secs(3);

/// Who advertises what, and when next.
#[derive(Debug, Default)]
pub(super) struct Advertiser {
    routers: BTreeMap<GroupIndex, Router>,
    timers: Timers,
}

#[derive(Debug)]
struct Router {
    link: u32,
    says: RouterAdvertisement,
    sent: u32,
    last: Option<Instant>,
}

impl Advertiser {
    /// A group holds something else than before. A new advertisement is due at once, once the hold is there.
    pub(super) fn hold(&mut self, group: GroupIndex, link: u32, holdings: &Holdings) {
        match &holdings.router_advertisement {
            None => {
                self.routers.remove(&group);
                self.timers.set(group, None);
            }
            Some(says) => {
                if self.routers.get(&group).is_none_or(|router| router.says != *says || router.link != link) {
                    let router = Router { link, says: says.clone(), sent: 0, last: None };
                    self.routers.insert(group, router);
                }
            }
        }
    }

    /// The group's addresses are being announced: so is the router.
    pub(super) fn announce(&mut self, now: Instant, group: GroupIndex) {
        if self.routers.contains_key(&group) {
            self.timers.set(group, Some(now));
        }
    }

    /// A host on the link asks for routers: all of the link's answer, though not more often than allowed.
    pub(super) fn solicited(&mut self, now: Instant, link: u32) {
        for (group, router) in &self.routers {
            if router.link == link && router.sent > 0 {
                let earliest = router.last.map_or(now, |last| (last + LEAST_PAUSE).max(now));
                self.timers.set(*group, Some(earliest));
            }
        }
    }

    pub(super) fn deadline(&mut self) -> Option<Instant> {
        self.timers.earliest()
    }

    /// What is due, with its link. `random` spreads the intervals.
    pub(super) fn due(
        &mut self,
        now: Instant,
        mut random: impl FnMut() -> u64,
    ) -> Vec<(u32, RouterAdvertisement)> {
        let mut groups = Vec::new();
        self.timers.take_due(now, &mut groups);
        let mut due = Vec::new();
        for group in groups {
            let Some(router) = self.routers.get_mut(&group) else { continue };
            router.sent = router.sent.saturating_add(1);
            router.last = Some(now);
            due.push((router.link, router.says.clone()));
            let longest = router.says.interval;
            let longest = if router.sent < INITIAL { longest.min(INITIAL_INTERVAL) } else { longest };
            // MinRtrAdvInterval is a third of MaxRtrAdvInterval, but not less than three seconds.
            let shortest = (longest / 3).max(LEAST_PAUSE).min(longest);
            let spread = u64::try_from((longest - shortest).as_nanos()).unwrap_or(u64::MAX);
            let pause = shortest + Duration::from_nanos(random() % spread.max(1));
            self.timers.set(group, Some(now + pause));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holdings(interval: u64) -> Holdings {
        Holdings {
            router_advertisement: Some(RouterAdvertisement {
                source: "fe80::1".parse().unwrap(),
                mac: Some(fhrp::Mac([0, 0, 0x5e, 0, 2, 1])),
                lifetime: Duration::from_secs(1800),
                interval: Duration::from_secs(interval),
                managed: false,
                other: false,
                prefixes: Vec::new(),
            }),
            ..Holdings::default()
        }
    }

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn advertises_on_announcement_and_falls_silent_without_a_word() {
        let mut advertiser = Advertiser::default();
        advertiser.hold(GroupIndex(1), 7, &holdings(600));
        assert_eq!(advertiser.deadline(), None);
        advertiser.announce(at(10), GroupIndex(1));
        assert_eq!(advertiser.due(at(10), || 0).len(), 1);
        let next = advertiser.deadline().unwrap();
        assert!(next >= at(13) && next <= at(26), "{next}");
        advertiser.hold(GroupIndex(1), 7, &Holdings::none());
        assert_eq!(advertiser.deadline(), None);
        assert!(advertiser.due(at(1000), || 0).is_empty());
    }

    #[test]
    fn solicitations_hasten_it_within_limits() {
        let mut advertiser = Advertiser::default();
        advertiser.hold(GroupIndex(1), 7, &holdings(600));
        advertiser.announce(at(10), GroupIndex(1));
        advertiser.due(at(10), || 0);
        advertiser.solicited(at(11), 7);
        assert_eq!(advertiser.deadline(), Some(at(13)));
        advertiser.solicited(at(11), 8);
        assert_eq!(advertiser.deadline(), Some(at(13)));
    }
}
