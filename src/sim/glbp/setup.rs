//! A GLBP group's settings as a scenario has them, and the module's configuration made of them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use ::glbp::auth;
use ::glbp::config::{self, Config, Preempt, Retirement, Times, Weighting};
use fhrp::keys::{ChainKey, KeyChain, Lifetime};
use fhrp::{Family, InterfaceAddress, Mac, Secret};
use serde::{Deserialize, Serialize};

use crate::sim::clock::EPOCH;
use crate::sim::machine;

/// For how long both keys are believed while a key is rolled over: longer than clocks part.
const OVERLAP: Duration = Duration::from_secs(20);
/// How far below the gateway's the last octet of a secondary address lies.
const SECONDARY: u8 = 50;
/// Forwarders of a group.
pub(super) const FORWARDERS: u8 = 4;

/// A GLBP group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Setup {
    /// Its number, up to 1023.
    pub group: u16,
    /// Last octet of its virtual address; unlike any machine's.
    pub gateway: u8,
    /// Whether it is of IPv6.
    pub ipv6: bool,
    /// Whether there is another virtual address: a second one of IPv4, a global one of IPv6.
    pub secondary: bool,
    /// How hosts are spread over the forwarders.
    pub balancing: Balancing,
    /// What proves who sent a message.
    pub authentication: Authentication,
    /// One for each router.
    pub members: Vec<Member>,
}

/// One member's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Member {
    /// 1 to 255.
    pub priority: u8,
    /// Hello and hold time, in milliseconds; `None`: those of the active gateway.
    pub times_ms: Option<(u64, u64)>,
    /// How long a lost forwarder is told to hosts, and how long it is forwarded for, in seconds; `None`: as the active
    /// gateway says.
    pub retirement_s: Option<(u64, u64)>,
    /// Whether hellos come up to a fifth early.
    pub jitter: bool,
    /// Whether it knows the virtual address, or learns it.
    pub knows_address: bool,
    /// Whether it takes the gateway's role from a worse router, and after how many milliseconds.
    pub preempts_after_ms: Option<u64>,
    /// The same of forwarders.
    pub takes_forwarders_after_ms: Option<u64>,
    /// What it can carry, below what that is too little, from where on it is enough again.
    pub weighting: (u8, u8, u8),
}

/// How hosts are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balancing {
    /// Not at all.
    None,
    /// Each forwarder in turn.
    RoundRobin,
    /// By weighting.
    Weighted,
    /// By the host's MAC.
    HostDependent,
}

/// What proves who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Authentication {
    /// Nothing.
    None,
    /// A text in clear.
    Text,
    /// Keyed MD5 under one key.
    KeyString,
    /// The same, with a key that does not fit into one block.
    LongKeyString,
    /// Keyed MD5, with a key that is replaced.
    Chain {
        /// So long after the beginning.
        rolls_ms: u64,
    },
}

const TEXT: &[u8] = b"the-members";
const SECRETS: &[u8; 64] = b"the-members-of-this-group-share-these-64-octets-and-nobody-else.";
const NEXT_SECRET: &[u8] = b"a key for tomorrow";
const FORMER_SECRET: &[u8] = b"a key of yesterday";
const WRONG_SECRET: &[u8] = b"a-stranger";

impl Setup {
    /// Which group it is, in a few words: `GLBP 7 IPv6`.
    pub fn name(&self) -> String {
        format!("GLBP {} {}", self.group, self.family())
    }

    /// The address family.
    pub fn family(&self) -> Family {
        if self.ipv6 { Family::Ipv6 } else { Family::Ipv4 }
    }

    /// Whether it can work, with so many routers.
    ///
    /// # Errors
    /// What is wrong, as a clause.
    pub fn check(&self, routers: usize) -> Result<(), String> {
        let members = &self.members;
        let broken = |what: &str| Err(what.to_owned());
        if members.len() != routers {
            return Err(format!("{} members for {routers} routers", members.len()));
        }
        if self.group > 1023 || !(251..=254).contains(&self.gateway) {
            return broken("the group must be 0 to 1023, the gateway's last octet 251 to 254");
        }
        if self.ipv6 && members.iter().any(|member| !member.knows_address) {
            return broken("IPv6 needs members that know the address");
        }
        if members.iter().all(|member| !member.knows_address) {
            return broken("nobody knows the address");
        }
        if members.iter().any(|member| member.priority == 0) {
            return broken("priorities must be 1 to 255");
        }
        let times = members.iter().filter_map(|member| member.times_ms);
        if times.into_iter().any(|(hello, hold)| hello < 50 || hold < 2 * hello || hold > 180_000) {
            return broken("hello time must be 50 ms at least, hold time twice that, and 180 s at most");
        }
        let mut retirements = members.iter().filter_map(|member| member.retirement_s);
        if retirements.any(|(redirect, timeout)| timeout <= redirect || timeout > 64_800) {
            return broken("a forwarder's time-out must be longer than its redirect time, up to 64800 s");
        }
        let wrong = |&(most, lower, upper): &(u8, u8, u8)| {
            !(1..=254).contains(&most) || lower == 0 || lower > upper || upper > most
        };
        match members.iter().any(|member| wrong(&member.weighting)) {
            true => broken("weightings must be 1 to 254, with thresholds below"),
            false => Ok(()),
        }
    }

    /// The same with one setting as everybody has it, for each that is not.
    pub fn simpler(&self) -> Vec<Setup> {
        let plain: [fn(&mut Setup); 11] = [
            |setup| setup.authentication = Authentication::None,
            |setup| setup.balancing = Balancing::RoundRobin,
            |setup| setup.secondary = false,
            |setup| setup.ipv6 = false,
            |setup| setup.each(|member| member.preempts_after_ms = None),
            |setup| setup.each(|member| member.takes_forwarders_after_ms = Some(0)),
            |setup| setup.each(|member| member.retirement_s = None),
            |setup| setup.each(|member| member.weighting = (100, 1, 100)),
            |setup| setup.each(|member| member.jitter = false),
            |setup| setup.each(|member| member.knows_address = true),
            |setup| setup.each(|member| member.times_ms = None),
        ];
        let simpler = plain.iter().map(|change| {
            let mut setup = self.clone();
            change(&mut setup);
            setup
        });
        simpler.filter(|setup| setup != self).collect()
    }

    fn each(&mut self, change: impl Fn(&mut Member)) {
        self.members.iter_mut().for_each(change);
    }

    /// A third of the longest hold time, in microseconds: about a hello time.
    pub fn longest_interval_us(&self) -> u64 {
        let holds = self.members.iter().map(|member| member.times_ms.map_or(10_000, |(_, hold)| hold));
        holds.max().unwrap_or_default() * 1_000 / 3
    }

    /// The address that hosts use as their gateway: over IPv6 the link-local one that the number makes.
    pub fn gateway(&self) -> IpAddr {
        let [high, low] = self.group.to_be_bytes();
        match self.ipv6 {
            false => machine::address(false, self.gateway),
            true => {
                let last = u16::from(low) << 8;
                Ipv6Addr::new(0xfe80, 0, 0, 0, 7, 0xb4ff, 0xfe00 | u16::from(high), last).into()
            }
        }
    }

    /// The virtual addresses, that of the messages first.
    fn virtual_addresses(&self) -> Vec<InterfaceAddress> {
        let prefix = if self.ipv6 { 64 } else { 24 };
        let second = match self.ipv6 {
            false => machine::address(false, self.gateway - SECONDARY),
            true => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, self.gateway.into()).into(),
        };
        let second = self.secondary.then_some(second);
        [self.gateway()].into_iter().chain(second).map(|ip| InterfaceAddress { ip, prefix }).collect()
    }

    /// The MAC of a forwarder.
    pub(super) fn virtual_mac(&self, number: u8) -> Mac {
        let [high, low] = self.group.to_be_bytes();
        Mac([0x00, 0x07, 0xb4, high, low, number])
    }

    /// Its number, if a MAC is that of a forwarder.
    pub(super) fn number_of(&self, mac: Mac) -> Option<u8> {
        (1..=FORWARDERS).find(|number| self.virtual_mac(*number) == mac)
    }
}

impl Member {
    /// Hello and hold time, if it has its own.
    pub(super) fn times(&self) -> Option<Times> {
        let ms = Duration::from_millis;
        self.times_ms.map(|(hello, hold)| Times { hello: ms(hello), hold: ms(hold) })
    }

    /// How forwarders are given up, if it has its own idea of it.
    pub(super) fn retirement(&self) -> Option<Retirement> {
        let seconds = Duration::from_secs;
        let times =
            |(redirect, timeout)| Retirement { redirect: seconds(redirect), timeout: seconds(timeout) };
        self.retirement_s.map(times)
    }
}

impl Authentication {
    /// Whether it is of those that keep recordings out.
    pub(super) fn counts(self) -> bool {
        match self {
            Authentication::None | Authentication::Text => false,
            Authentication::KeyString | Authentication::LongKeyString | Authentication::Chain { .. } => true,
        }
    }

    /// The text in clear.
    pub(super) fn text(self) -> Option<&'static [u8]> {
        (self == Authentication::Text).then_some(TEXT)
    }

    /// The key that signs at `wall`, with its number if it has one.
    pub(super) fn signing(self, wall: Duration) -> Option<(Option<u32>, &'static [u8])> {
        match self {
            Authentication::None | Authentication::Text => None,
            Authentication::KeyString => Some((None, &SECRETS[..16])),
            Authentication::LongKeyString => Some((None, SECRETS)),
            Authentication::Chain { rolls_ms } if wall < rolls_at(rolls_ms) => {
                Some((Some(1), &SECRETS[..20]))
            }
            Authentication::Chain { .. } => Some((Some(2), NEXT_SECRET)),
        }
    }

    /// Whether what the key with this number has signed is believed at `wall`.
    pub(super) fn believes(self, key: Option<u32>, wall: Duration) -> bool {
        match (self, key) {
            (Authentication::Chain { rolls_ms }, Some(1)) => wall < rolls_at(rolls_ms) + OVERLAP,
            (Authentication::Chain { rolls_ms }, Some(2)) => wall + OVERLAP >= rolls_at(rolls_ms),
            (Authentication::Chain { .. }, _) => false,
            (_, key) => key.is_none(),
        }
    }

    fn of_module(self) -> auth::Authentication {
        match self {
            Authentication::None => auth::Authentication::None,
            Authentication::Text => auth::Authentication::Text(Secret::new(TEXT)),
            Authentication::KeyString => auth::Authentication::KeyString(Secret::new(&SECRETS[..16])),
            Authentication::LongKeyString => auth::Authentication::KeyString(Secret::new(&SECRETS[..])),
            Authentication::Chain { rolls_ms } => auth::Authentication::KeyChain(chain(rolls_at(rolls_ms))),
        }
    }

    /// What somebody uses who is no member: another secret, another scheme, a key that is not good any more. `None`: what
    /// he makes is as good as anybody's.
    pub(super) fn strangers(self, chance: u64) -> auth::Authentication {
        let wrong = || Secret::new(WRONG_SECRET);
        let former = || Secret::new(FORMER_SECRET);
        let key = |id, secret| {
            let always = Lifetime { from: Duration::ZERO, until: None };
            auth::Authentication::KeyChain(KeyChain::new(vec![ChainKey {
                id,
                secret,
                send: always,
                accept: always,
            }]))
        };
        match (self, chance % 4) {
            (Authentication::None, 0 | 1) => auth::Authentication::Text(wrong()),
            (Authentication::None, _) => auth::Authentication::KeyString(wrong()),
            (Authentication::Text, 0) => auth::Authentication::None,
            (Authentication::Text, 1) => auth::Authentication::KeyString(Secret::new(TEXT)),
            (Authentication::Text, _) => auth::Authentication::Text(wrong()),
            (_, 0) => auth::Authentication::None,
            (Authentication::KeyString | Authentication::LongKeyString, 1) => {
                key(0, Secret::new(&SECRETS[..16]))
            }
            (Authentication::KeyString | Authentication::LongKeyString, _) => {
                auth::Authentication::KeyString(wrong())
            }
            (Authentication::Chain { .. }, 1) => key(0, former()),
            (Authentication::Chain { .. }, 2) => auth::Authentication::KeyString(former()),
            (Authentication::Chain { .. }, _) => key(1, wrong()),
        }
    }
}

fn rolls_at(rolls_ms: u64) -> Duration {
    EPOCH + Duration::from_millis(rolls_ms)
}

/// The first key until it is rolled over, the second afterwards, and one that was good before anything began.
fn chain(rolls: Duration) -> KeyChain {
    let key = |id, secret: &[u8], send, accept| ChainKey { id, secret: Secret::new(secret), send, accept };
    let until = |end| Lifetime { from: Duration::ZERO, until: Some(end) };
    let from = |from| Lifetime { from, until: None };
    let past = until(EPOCH);
    KeyChain::new(vec![
        key(2, NEXT_SECRET, from(rolls), from(rolls.saturating_sub(OVERLAP))),
        key(1, &SECRETS[..20], until(rolls), until(rolls + OVERLAP)),
        key(0, FORMER_SECRET, past, past),
    ])
}

/// The configuration of one member's group.
pub(super) fn config(setup: &Setup, member: &Member) -> Config {
    let addresses = if member.knows_address { setup.virtual_addresses() } else { Vec::new() };
    let preempt = |after: Option<u64>| Preempt {
        on: after.is_some(),
        delay: Duration::from_millis(after.unwrap_or_default()),
    };
    let (maximum, lower, upper) = member.weighting;
    let mut config = Config::new(setup.group, setup.family(), addresses);
    config.priority = member.priority;
    config.times = member.times();
    config.retirement = member.retirement();
    config.jitter = member.jitter;
    config.preempt = preempt(member.preempts_after_ms);
    config.forwarder_preempt = preempt(member.takes_forwarders_after_ms);
    config.weighting = Weighting { maximum, lower, upper };
    config.balancing = match setup.balancing {
        Balancing::None => config::Balancing::None,
        Balancing::RoundRobin => config::Balancing::RoundRobin,
        Balancing::Weighted => config::Balancing::Weighted,
        Balancing::HostDependent => config::Balancing::HostDependent,
    };
    config.authentication = setup.authentication.of_module();
    config
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "priority {}", self.priority)?;
        if let Some((hello, hold)) = self.times_ms {
            write!(f, ", hello {hello} ms, hold {hold} ms")?;
        }
        if let Some((redirect, timeout)) = self.retirement_s {
            write!(f, ", redirect {redirect} s, time-out {timeout} s")?;
        }
        match self.preempts_after_ms {
            None => {}
            Some(0) => f.write_str(", preempts")?,
            Some(ms) => write!(f, ", preempts after {ms} ms")?,
        }
        match self.takes_forwarders_after_ms {
            None => f.write_str(", preempts no forwarder")?,
            Some(ms) => write!(f, ", forwarders after {ms} ms")?,
        }
        let (most, lower, upper) = self.weighting;
        write!(f, ", weighting {most} ({lower}, {upper})")?;
        f.write_str(if self.jitter { "" } else { ", no jitter" })?;
        f.write_str(if self.knows_address { "" } else { ", learns the address" })
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, gateway {}", self.name(), self.gateway())?;
        f.write_str(if self.secondary { " and another" } else { "" })?;
        f.write_str(match self.balancing {
            Balancing::None => ", not balanced",
            Balancing::RoundRobin => ", round-robin",
            Balancing::Weighted => ", weighted",
            Balancing::HostDependent => ", host-dependent",
        })?;
        match self.authentication {
            Authentication::None => Ok(()),
            Authentication::Text => f.write_str(", text"),
            Authentication::KeyString => f.write_str(", MD5"),
            Authentication::LongKeyString => f.write_str(", MD5 with a long key"),
            Authentication::Chain { rolls_ms } => write!(f, ", MD5, key changed after {rolls_ms} ms"),
        }
    }
}
