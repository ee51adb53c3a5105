//! A virtual host's settings as a scenario has them, and the module's configuration made of them.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use ::carp::config::{self, Config, Counting, Destination, Interval, Peer};
use ::carp::vmac::virtual_mac;
use fhrp::{Buckets, Family, InterfaceAddress, Mac, Secret, Share};
use serde::{Deserialize, Serialize};

use super::arithmetic::{length, patience, skew_when_demoted, steps};
use crate::sim::machine;

/// What members share, and what a stranger believes they share.
const PASSWORD: &[u8] = b"20-octets-are-shared";
const WRONG_PASSWORD: &[u8] = b"a-stranger";
/// How far below the gateway's the last octet of a secondary address lies.
const SECONDARY: u8 = 50;
/// How much sooner than anybody loses patience a master must advertise: clocks part, timers are late, frames take time.
const MARGIN: Duration = Duration::from_millis(3);
/// The longest base of routers whose counters are sealed: their runs are short, so that clocks stay together.
const LONGEST_SEALED: u8 = 1;

/// A virtual host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Setup {
    /// VHID, 1 to 255.
    pub vhid: u8,
    /// Last octet of its virtual addresses; unlike any machine's.
    pub gateway: u8,
    /// Of which families it has addresses.
    pub families: Families,
    /// Whether there is another virtual address: of IPv6 a link-local one, if there is IPv6.
    pub secondary: bool,
    /// Whether what is sent covers link-local virtual addresses.
    pub covers_link_local: bool,
    /// Whether hosts are told a virtual MAC, or the interface's own.
    pub virtual_mac: bool,
    /// Whether members speak to each other one by one.
    pub unicast: bool,
    /// Whether what is sent to a virtual address is accepted.
    pub accept: bool,
    /// Whether there is a password.
    pub password: bool,
    /// Whether counters seal what is said, so that nothing can be used again.
    pub sealed: bool,
    /// Whether the silence of one family is the master's.
    pub strict_families: bool,
    /// Which of several virtual hosts with these addresses it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancing: Option<Balancing>,
    /// One for each router.
    pub members: Vec<Member>,
}

/// Which of several virtual hosts with the same addresses one is: the master of each takes a share of the packets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Balancing {
    /// How what hosts send reaches all of them.
    pub delivery: Delivery,
    /// The lowest VHID among them.
    pub leader: u8,
    /// How many they are, 2 to 32.
    pub count: u8,
    /// Its place among them, from 0.
    pub number: u8,
}

/// How what hosts send to a shared MAC reaches every router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// It is a group's.
    Group,
    /// No switch ever learns where it is: nobody speaks from it.
    Stealth,
    /// There is no switch: the wire carries everything to everybody.
    Unicast,
}

/// Of which families a virtual host has addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Families {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Both, under one number.
    Both,
}

/// One member's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Member {
    /// Seconds.
    pub advbase: u8,
    /// 1/256 s; 0 to 254.
    pub advskew: u8,
    /// How many times advbase a backup waits.
    pub dead_ratio: u8,
    /// Whether a backup takes the role from a slower master.
    pub preempt: bool,
    /// How others are told that it is demoted.
    pub demotion: Demotion,
}

/// How others are told that a member is demoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Demotion {
    /// By OpenBSD's counter.
    Counter,
    /// By the skew.
    Skew,
    /// By both.
    Both,
}

impl Demotion {
    /// Whether the skew says it.
    pub(super) const fn is_in_skew(self) -> bool {
        matches!(self, Demotion::Skew | Demotion::Both)
    }

    /// Whether the counter says it.
    pub(super) const fn is_in_counter(self) -> bool {
        matches!(self, Demotion::Counter | Demotion::Both)
    }
}

impl Setup {
    /// Which group it is, in a few words: `CARP 7 IPv4 and IPv6`.
    pub fn name(&self) -> String {
        let families: Vec<String> = self.families().map(|family| family.to_string()).collect();
        format!("CARP {} {}", self.vhid, families.join(" and "))
    }

    /// The families it has addresses of, IPv4 first: in each of them its master advertises.
    pub(super) fn families(&self) -> impl Iterator<Item = Family> + use<> {
        let families: &[Family] = match self.families {
            Families::Ipv4 => &[Family::Ipv4],
            Families::Ipv6 => &[Family::Ipv6],
            Families::Both => &[Family::Ipv4, Family::Ipv6],
        };
        families.iter().copied()
    }

    /// Whether it can work, with so many routers.
    ///
    /// # Errors
    /// What is wrong, as a clause.
    pub fn check(&self, routers: usize) -> Result<(), String> {
        if self.members.len() != routers {
            return Err(format!("{} members for {routers} routers", self.members.len()));
        }
        if self.vhid == 0 || !(251..=254).contains(&self.gateway) {
            return Err("VHID must be 1 to 255, the gateway's last octet 251 to 254".to_owned());
        }
        if self.members.iter().any(|member| member.advskew == u8::MAX || member.dead_ratio == 0) {
            return Err("advskew must be 254 at most, the dead ratio 1 at least".to_owned());
        }
        if let Some(Balancing { count, number, .. }) = self.balancing
            && (!(2..=32).contains(&count) || number >= count || !self.virtual_mac)
        {
            return Err("2 to 32 virtual hosts can share a virtual MAC, counted from 0".to_owned());
        }
        if self.sealed && self.members.iter().any(|member| member.advbase > LONGEST_SEALED) {
            return Err(format!("sealed counters need an advbase of {LONGEST_SEALED} at most"));
        }
        self.check_patience()
    }

    /// Nobody is so slow that another one hardly waits for it: those two would change places by chance. Who is slower
    /// than others wait at all is replaced, and that is the end of it, unless a demotion says the contrary. A reload may
    /// bring any member what another one has, so every combination counts.
    fn check_patience(&self) -> Result<(), String> {
        let of = |setting: fn(&Member) -> u8| self.members.iter().map(setting).collect::<BTreeSet<u8>>();
        let (bases, ratios) = (of(|member| member.advbase), of(|member| member.dead_ratio));
        let mut skews = of(|member| member.advskew);
        if self.members.iter().any(|member| member.demotion.is_in_skew()) {
            skews.extend(skews.clone().into_iter().map(skew_when_demoted));
        }
        let demotes = self.members.iter().any(|member| member.demotion.is_in_counter());
        let intervals = || bases.iter().flat_map(|base| skews.iter().map(|skew| (*base, *skew)));
        for (slow, waits) in intervals().flat_map(|slow| intervals().map(move |waits| (slow, waits))) {
            for ratio in &ratios {
                let interval = length(slow.0, slow.1);
                let patience = patience(waits.0, waits.1, *ratio);
                let is_waited_for = interval * 106 / 100 + MARGIN <= patience;
                let is_replaced = patience * 106 / 100 + MARGIN <= interval;
                if !is_waited_for && (demotes || !is_replaced) {
                    let (base, skew) = slow;
                    return Err(format!(
                        "{base} s + {skew}/256 s is too slow for who waits for {patience:?}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The least and the greatest skew that a member can be given.
    pub(super) fn skews(&self) -> (u8, u8) {
        let mut wide = self.clone();
        let Some(first) = self.members.first() else { return (0, 0) };
        wide.members.push(Member { advskew: 0, ..first.clone() });
        wide.members.push(Member { advskew: 254, ..first.clone() });
        let skews = self.members.iter().map(|member| member.advskew);
        match wide.check_patience() {
            Ok(()) => (0, 254),
            Err(_) => (skews.clone().min().unwrap_or(0), skews.max().unwrap_or(0)),
        }
    }

    /// The same with one setting as everybody has it, for each that is not.
    pub fn simpler(&self) -> Vec<Setup> {
        let plain: [fn(&mut Setup); 14] = [
            |setup| setup.families = Families::Ipv4,
            |setup| setup.families = Families::Ipv6,
            |setup| setup.secondary = false,
            |setup| setup.covers_link_local = false,
            |setup| setup.virtual_mac = true,
            |setup| setup.unicast = false,
            |setup| setup.accept = true,
            |setup| setup.password = true,
            |setup| setup.sealed = false,
            |setup| setup.strict_families = false,
            |setup| setup.each(|member| member.demotion = Demotion::Both),
            |setup| setup.each(|member| member.dead_ratio = config::DEFAULT_DEAD_RATIO),
            |setup| setup.each(|member| member.preempt = false),
            |setup| setup.each(|member| (member.advbase, member.advskew) = (1, 0)),
        ];
        let simpler = plain.iter().map(|change| {
            let mut setup = self.clone();
            change(&mut setup);
            setup
        });
        let works = |setup: &Setup| setup.check(setup.members.len()).is_ok() && setup.shares_as(self);
        simpler.filter(|setup| setup != self && works(setup)).collect()
    }

    /// Whether virtual hosts that share addresses with the other one still do so.
    fn shares_as(&self, other: &Setup) -> bool {
        let shared = |it: &Setup| (it.families, it.secondary, it.virtual_mac, it.accept);
        self.balancing.is_none() || shared(self) == shared(other)
    }

    /// Its masters share a MAC, which never moves.
    pub(super) fn shares(&self) -> bool {
        self.balancing.is_some()
    }

    /// What a master sends must not tell a switch where the shared MAC is.
    pub(super) fn is_hidden(&self) -> bool {
        self.balancing.as_ref().is_some_and(|balancing| balancing.delivery != Delivery::Unicast)
    }

    /// It needs a wire that carries everything to everybody.
    pub fn needs_hub(&self) -> bool {
        self.shares() && !self.is_hidden()
    }

    fn each(&mut self, change: impl Fn(&mut Member)) {
        self.members.iter_mut().for_each(change);
    }

    /// The longest time between two advertisements, in microseconds.
    pub fn longest_interval_us(&self) -> u64 {
        let lengths = self.members.iter().map(|member| length(member.advbase, member.advskew));
        lengths.max().map_or(1_000_000, |length| u64::try_from(length.as_micros()).unwrap_or(u64::MAX))
    }

    /// The address that hosts use as their gateway.
    pub fn gateway(&self) -> IpAddr {
        self.address(self.families != Families::Ipv6)
    }

    fn address(&self, ipv4: bool) -> IpAddr {
        match ipv4 {
            true => machine::address(false, self.gateway),
            false => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, self.gateway.into()).into(),
        }
    }

    /// The virtual addresses, as an operator writes them: in no order.
    pub(super) fn virtual_addresses(&self) -> Vec<InterfaceAddress> {
        let second = match self.families {
            Families::Ipv4 => machine::address(false, self.gateway - SECONDARY),
            Families::Ipv6 | Families::Both => machine::address(true, self.gateway),
        };
        let first = self.families().map(|family| self.address(family == Family::Ipv4));
        let all: Vec<IpAddr> = first.chain(self.secondary.then_some(second)).collect();
        all.into_iter()
            .map(|ip| InterfaceAddress { ip, prefix: if ip.is_ipv4() { 24 } else { 64 } })
            .collect()
    }

    /// What everybody's advertisements cover: addresses in ascending order, IPv4 first; link-local ones only if that is
    /// wished.
    pub(super) fn covered(&self) -> Vec<IpAddr> {
        let is_link_local = |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        let mut covered: Vec<IpAddr> = self.virtual_addresses().iter().map(|address| address.ip).collect();
        covered.retain(|ip| self.covers_link_local || !is_link_local(ip));
        covered.sort_unstable();
        covered
    }

    /// The MAC that hosts are told, if it is not each router's own.
    pub(super) fn virtual_mac(&self) -> Option<Mac> {
        let mac = match &self.balancing {
            None => [0, 0, 0x5e, 0, 1, self.vhid],
            Some(Balancing { delivery, leader, .. }) => {
                [u8::from(*delivery == Delivery::Group), 0, 0x5e, 0, 1, *leader]
            }
        };
        self.virtual_mac.then_some(Mac(mac))
    }

    /// Which of the packets for the virtual MAC its master takes.
    pub(super) fn share(&self) -> Share {
        let buckets = self.balancing.as_ref().and_then(|it| Some(Buckets::new(it.count)?.with(it.number)));
        buckets.map_or(Share::Whole, Share::Buckets)
    }

    /// What the members prove with.
    pub(super) fn password(&self) -> &'static [u8] {
        if self.password { PASSWORD } else { b"" }
    }

    /// What somebody uses who is no member: another password, or the same with other addresses.
    pub(super) fn strangers_proof(&self, chance: u64) -> (&'static [u8], Vec<IpAddr>) {
        let mut covered = self.covered();
        match chance % 3 {
            0 => (WRONG_PASSWORD, covered),
            1 => {
                covered.push(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xffff).into());
                (self.password(), covered)
            }
            _ => (self.password(), vec![machine::address(false, machine::STRANGER)]),
        }
    }
}

impl Member {
    /// The longest that it can be, demoted or not.
    pub(super) fn slowest(&self) -> Slowness {
        let skew = if self.demotion.is_in_skew() { skew_when_demoted(self.advskew) } else { self.advskew };
        Slowness {
            interval: length(self.advbase, skew),
            patience: patience(self.advbase, skew, self.dead_ratio),
            skew: steps(skew),
        }
    }
}

/// How long everything takes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slowness {
    /// From one advertisement to the next.
    pub(super) interval: Duration,
    /// Until silence is taken for an end.
    pub(super) patience: Duration,
    /// After a goodbye.
    pub(super) skew: Duration,
}

impl Slowness {
    /// The longer of each.
    pub(super) fn or(self, other: Slowness) -> Slowness {
        Slowness {
            interval: self.interval.max(other.interval),
            patience: self.patience.max(other.patience),
            skew: self.skew.max(other.skew),
        }
    }
}

/// Virtual hosts that share addresses count themselves anew when there are fewer; one that is alone shares nothing.
pub fn count_anew<'a>(setups: impl Iterator<Item = &'a mut Setup>) {
    let mut sharing: Vec<&mut Setup> = setups.filter(|setup| setup.balancing.is_some()).collect();
    sharing.sort_by_key(|setup| setup.vhid);
    let count = sharing.len() as u8;
    let leader = sharing.first().map_or(0, |setup| setup.vhid);
    for (number, setup) in (0..).zip(sharing) {
        setup.balancing = setup.balancing.take().filter(|_| count > 1).map(|balancing| Balancing {
            leader,
            count,
            number,
            ..balancing
        });
    }
}

/// The configuration of one member's virtual host; `addresses` are the last octets of all routers.
pub(super) fn config(setup: &Setup, addresses: &[u8], router: usize, member: &Member) -> Config {
    let interval = Interval { base: member.advbase, skew: member.advskew };
    let mut config = Config::new(setup.vhid, Secret::new(setup.password()), setup.virtual_addresses());
    config.interval = interval;
    config.announcements = config::announcements(interval);
    config.dead_ratio = member.dead_ratio;
    config.preempt = member.preempt;
    config.link_local = match setup.covers_link_local {
        true => config::LinkLocal::Covered,
        false => config::LinkLocal::LeftOut,
    };
    config.counting = if setup.sealed { Counting::Sealed } else { Counting::Cookie };
    config.demotion = match member.demotion {
        Demotion::Counter => config::Demotion::Counter,
        Demotion::Skew => config::Demotion::Skew,
        Demotion::Both => config::Demotion::Both,
    };
    config.strict_family_timers = setup.strict_families;
    config.accept = setup.accept;
    config.virtual_mac = setup.virtual_mac.then(|| virtual_mac(setup.vhid));
    if let Some(Balancing { delivery, leader, count, number }) = setup.balancing {
        let delivery = match delivery {
            Delivery::Group => config::Delivery::Group,
            Delivery::Stealth => config::Delivery::Stealth,
            Delivery::Unicast => config::Delivery::Unicast,
        };
        config.virtual_mac = Some(delivery.shared_mac(leader));
        config.balancing = Some(config::Balancing { delivery, count, number });
    }
    if setup.unicast {
        let others = addresses.iter().enumerate().filter(|(other, _)| *other != router);
        let others: Vec<u8> = others.map(|(_, last)| *last).collect();
        let peers = setup.families().flat_map(|family| {
            let address = move |last: &u8| machine::address(family == Family::Ipv6, *last);
            others.iter().map(address).collect::<Vec<_>>()
        });
        let peers = peers.map(|address| Peer { address, is_routed: false });
        config.destination = Destination::Peers(peers.collect());
    }
    config
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s + {}/256 s", self.advbase, self.advskew)?;
        if self.dead_ratio != config::DEFAULT_DEAD_RATIO {
            write!(f, ", waits {} times as long", self.dead_ratio)?;
        }
        f.write_str(if self.preempt { ", preempts" } else { "" })?;
        f.write_str(match self.demotion {
            Demotion::Counter => ", demoted by the counter",
            Demotion::Skew => ", demoted by the skew",
            Demotion::Both => "",
        })
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, gateway {}", self.name(), self.gateway())?;
        let parts = [
            (self.secondary, ", and another address"),
            (self.covers_link_local, ", link-local ones covered"),
            (!self.virtual_mac, ", no virtual MAC"),
            (self.unicast, ", unicast"),
            (!self.accept, ", accepts nothing"),
            (!self.password, ", no password"),
            (self.sealed, ", sealed counters"),
            (self.strict_families, ", strict family timers"),
        ];
        parts.iter().filter(|(is_so, _)| *is_so).try_for_each(|(_, text)| f.write_str(text))?;
        match &self.balancing {
            None => Ok(()),
            Some(Balancing { delivery, count, number, .. }) => {
                let how = match delivery {
                    Delivery::Group => "by a group MAC",
                    Delivery::Stealth => "in stealth",
                    Delivery::Unicast => "on a hub",
                };
                write!(f, ", balancing {how}: bucket {number} of {count}")
            }
        }
    }
}
