//! Every interleaving of a few events on a small LAN, one after the other.
//!
//! Chance finds what is likely; this leaves nothing out. Two or three routers start together; then there is a
//! fixed number of steps, half an interval apart, and in each of them nothing happens, or one router loses its
//! power or gets it back, or loses its cable or gets it back. Of the messages between them, each of the first few
//! after the election arrives or is lost. All combinations have a number; the number is the scenario.

use super::clock::MILLISECOND;
use super::generate::Simulated;
use super::scenario::{Deed, Group, MachineDeed, Network, Router, Scenario, What};
use super::vrrp::{Authentication, Member, Setup, Spoken};
use super::{carp, glbp, hsrp};

/// How much is enumerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What the routers speak.
    pub protocol: Simulated,
    /// Routers: 2 or 3.
    pub routers: usize,
    /// Steps in which something may happen.
    pub steps: u32,
    /// Messages that may be lost.
    pub messages: u32,
}

/// Milliseconds between two advertisements.
const INTERVAL: u64 = 1_000;
/// Microseconds between two steps: half an interval, so that events fall before and after advertisements.
const STEP: u64 = 500_000;
/// When the first step is: just before the first router can take over. HSRP listens for a hold time, and speaks for
/// another.
const FIRST_STEP: u64 = 3_200_000;
const FIRST_STEP_OF_HSRP: u64 = 5_700_000;
/// Milliseconds that an HSRP router is believed to live without another hello.
const HOLD: u64 = 3_000;

/// Settings that are tried: priorities, preemption, and what is spoken.
const PRIORITIES: [[u8; 3]; 3] = [[100, 100, 100], [200, 100, 150], [100, 254, 1]];
const PREEMPTS: [bool; 2] = [true, false];
/// The newer and the older way; of CARP's counters, those that seal and those that do not.
const VERSIONS: [(Spoken, hsrp::Version, bool); 2] =
    [(Spoken::V3, hsrp::Version::V2, true), (Spoken::V2, hsrp::Version::V1, false)];

impl Space {
    /// Two routers that nothing happens to.
    const SMALLEST: Space = Space { protocol: Simulated::Vrrp, routers: 2, steps: 0, messages: 0 };

    /// How many numbers there are.
    pub fn size(&self) -> u64 {
        let settings = (PRIORITIES.len() * PREEMPTS.len() * VERSIONS.len()) as u64;
        (settings * self.choices().pow(self.steps)) << self.messages
    }

    /// In each step: nothing, or for one of the routers the power or the cable.
    fn choices(&self) -> u64 {
        1 + 2 * self.routers as u64
    }

    /// The scenario of a number.
    pub fn scenario(&self, number: u64) -> Scenario {
        let mut left = number;
        let mut digit = |base: u64| {
            let digit = left % base;
            left /= base;
            digit as usize
        };
        let priorities = PRIORITIES[digit(PRIORITIES.len() as u64)];
        let preempt = PREEMPTS[digit(PREEMPTS.len() as u64)];
        let (spoken, version, sealed) = VERSIONS[digit(VERSIONS.len() as u64)];
        let mut deeds: Vec<Deed> =
            (0..self.routers).map(|router| machine(0, router, MachineDeed::Start)).collect();
        let (mut power, mut cable) = (vec![true; self.routers], vec![true; self.routers]);
        for step in 0..u64::from(self.steps) {
            let at = step * STEP
                + match self.protocol {
                    Simulated::Vrrp | Simulated::Carp => FIRST_STEP,
                    Simulated::Hsrp | Simulated::Glbp => FIRST_STEP_OF_HSRP,
                };
            let Some(choice) = digit(self.choices()).checked_sub(1) else { continue };
            let router = choice / 2;
            let (state, off, on) = match choice % 2 {
                0 => (&mut power, MachineDeed::PowerCut, MachineDeed::Start),
                _ => (&mut cable, MachineDeed::Unplug, MachineDeed::Plug),
            };
            deeds.push(machine(at, router, if state[router] { off } else { on }));
            state[router] = !state[router];
        }
        let lost = (0..u64::from(self.messages)).filter(|_| digit(2) == 1).collect();
        let group = match self.protocol {
            Simulated::Vrrp => self.vrrp(priorities, preempt, spoken),
            Simulated::Hsrp => self.hsrp(priorities, preempt, version),
            Simulated::Carp => self.carp(priorities, preempt, sealed),
            Simulated::Glbp => self.glbp(priorities, preempt, sealed),
        };
        Scenario {
            noise: 0,
            network: Network { delay_us: 100, jitter_us: 0 },
            routers: (0..self.routers).map(router).collect(),
            groups: vec![group],
            hosts: Vec::new(),
            deeds,
            lost,
        }
    }

    fn vrrp(&self, priorities: [u8; 3], preempt: bool, spoken: Spoken) -> Group {
        let member = |router: usize| Member {
            spoken,
            priority: priorities[router],
            interval_ms: INTERVAL,
            preempt,
            preempt_delay_ms: 0,
            startup_delay_ms: 0,
        };
        Group::Vrrp(Setup {
            vrid: 1,
            gateway: 251,
            ipv6: false,
            virtual_mac: true,
            unicast: false,
            accept: true,
            authentication: Authentication::None,
            members: (0..self.routers).map(member).collect(),
        })
    }

    fn hsrp(&self, priorities: [u8; 3], preempt: bool, version: hsrp::Version) -> Group {
        let member = |router: usize| hsrp::Member {
            priority: priorities[router],
            times_ms: Some((INTERVAL, HOLD)),
            jitter: false,
            knows_address: true,
            preempt: if preempt { hsrp::Preemption::Lower } else { hsrp::Preemption::Never },
            preempt_delay_ms: 0,
            first_preempt_delay_ms: 0,
            preempt_sync_ms: 0,
            start_delay_ms: 0,
            link_delay_ms: 0,
        };
        Group::Hsrp(hsrp::Setup {
            version,
            group: 1,
            gateway: 251,
            ipv6: false,
            secondary: false,
            mac: hsrp::MacChoice::Standard,
            authentication: hsrp::Authentication::DefaultText,
            interface_state: false,
            resign_on_coup: false,
            members: (0..self.routers).map(member).collect(),
        })
    }

    /// The higher the priority, the lower the skew.
    fn carp(&self, priorities: [u8; 3], preempt: bool, sealed: bool) -> Group {
        let member = |router: usize| carp::Member {
            advbase: 1,
            advskew: 254 - priorities[router],
            dead_ratio: 3,
            preempt,
            demotion: carp::Demotion::Both,
        };
        Group::Carp(carp::Setup {
            vhid: 1,
            gateway: 251,
            families: carp::Families::Ipv4,
            secondary: false,
            covers_link_local: false,
            virtual_mac: true,
            unicast: false,
            accept: true,
            password: true,
            sealed,
            strict_families: false,
            balancing: None,
            members: (0..self.routers).map(member).collect(),
        })
    }

    /// With and without the proof that a message is new.
    fn glbp(&self, priorities: [u8; 3], preempt: bool, proven: bool) -> Group {
        let member = |router: usize| glbp::Member {
            priority: priorities[router],
            times_ms: Some((INTERVAL, HOLD)),
            retirement_s: None,
            jitter: false,
            knows_address: true,
            preempts_after_ms: preempt.then_some(0),
            takes_forwarders_after_ms: preempt.then_some(0),
            weighting: (100, 1, 100),
        };
        Group::Glbp(glbp::Setup {
            group: 1,
            gateway: 251,
            ipv6: false,
            secondary: false,
            balancing: glbp::Balancing::RoundRobin,
            authentication: match proven {
                false => glbp::Authentication::None,
                true => glbp::Authentication::KeyString,
            },
            members: (0..self.routers).map(member).collect(),
        })
    }
}

/// How many numbers several spaces have together.
pub fn size(spaces: &[Space]) -> u64 {
    spaces.iter().map(Space::size).sum()
}

/// The scenario of a number in several spaces, one behind the other.
pub fn scenario(spaces: &[Space], number: u64) -> Scenario {
    let mut left = number;
    let of = spaces.iter().find(|space| {
        let here = left < space.size();
        if !here {
            left -= space.size();
        }
        here
    });
    of.or(spaces.last()).map(|space| space.scenario(left)).unwrap_or_else(|| Space::SMALLEST.scenario(0))
}

fn machine(at_us: u64, router: usize, deed: MachineDeed) -> Deed {
    Deed { at_us, for_us: 0, what: What::Machine { router, deed } }
}

/// Their wake-ups do not fall together exactly, as they never do.
fn router(number: usize) -> Router {
    Router {
        address: 2 + number as u8,
        drift_ppm: 0,
        clock_us: 1_000 * MILLISECOND * number as u64,
        lateness_us: 20,
        kernel_us: 1_000,
        far: false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_is_another_scenario() {
        let space = |protocol| Space { protocol, routers: 2, steps: 2, messages: 3 };
        let spaces = Simulated::ALL.map(space);
        let all: Vec<String> =
            (0..size(&spaces)).map(|number| format!("{:?}", scenario(&spaces, number))).collect();
        assert_eq!(all.len() as u64, size(&spaces));
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
