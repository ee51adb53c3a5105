//! A standby group's settings as a scenario has them, and the module's configuration made of them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use ::hsrp::config::{Config, InitialDelay, Preempt, Times};
use ::hsrp::{auth, wire};
use fhrp::keys::{ChainKey, KeyChain, Lifetime};
use fhrp::{Family, InterfaceAddress, Mac, Secret};
use serde::{Deserialize, Serialize};

use crate::sim::clock::EPOCH;
use crate::sim::machine;

/// For how long both keys are believed while a key is rolled over: longer than clocks part.
const OVERLAP: Duration = Duration::from_secs(20);
/// How far below the gateway's the last octet of a secondary address lies.
const SECONDARY: u8 = 50;

/// A standby group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Setup {
    /// Its version.
    pub version: Version,
    /// Its number: up to 255 in version 1, up to 4095 in version 2.
    pub group: u16,
    /// Last octet of its virtual address; unlike any machine's.
    pub gateway: u8,
    /// Whether it is of IPv6.
    pub ipv6: bool,
    /// Whether there is another virtual address: a second one of IPv4, a global one of IPv6.
    pub secondary: bool,
    /// What hosts are told.
    pub mac: MacChoice,
    /// What proves who sent a message.
    pub authentication: Authentication,
    /// Whether other routers are told what the interface is.
    pub interface_state: bool,
    /// Whether an active router answers a Coup with a Resign.
    pub resign_on_coup: bool,
    /// One for each router.
    pub members: Vec<Member>,
}

/// One member's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Member {
    /// 0 to 255.
    pub priority: u8,
    /// Hello and hold time, in milliseconds; `None`: those of the active router.
    pub times_ms: Option<(u64, u64)>,
    /// Whether hellos come up to a fifth early.
    pub jitter: bool,
    /// Whether it knows the virtual address, or learns it.
    pub knows_address: bool,
    /// Whether it takes the role from a worse active router.
    pub preempt: Preemption,
    /// After how long.
    pub preempt_delay_ms: u64,
    /// The same for the first time after its start.
    pub first_preempt_delay_ms: u64,
    /// How long it waits at most until it is told that what has to be in step is.
    #[serde(default)]
    pub preempt_sync_ms: u64,
    /// How long it does nothing after it is started, unless it hears somebody.
    pub start_delay_ms: u64,
    /// The same after its link came up.
    pub link_delay_ms: u64,
}

/// Versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Version {
    /// RFC 2281.
    V1,
    /// Cisco's.
    V2,
}

/// The MAC that hosts are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MacChoice {
    /// The group's.
    Standard,
    /// The interface's own.
    Own,
    /// An operator's choice.
    Chosen,
}

/// Who is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preemption {
    /// Nobody who lives.
    Never,
    /// Who has a lower priority.
    Lower,
    /// And who has the same, but a lower address.
    LowerOrEqual,
}

/// What proves who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Authentication {
    /// The text that every router has which was told nothing else.
    DefaultText,
    /// A text of their own.
    Text,
    /// Keyed MD5.
    Md5,
    /// Keyed MD5 with a key that does not fit into one block.
    LongMd5,
    /// Keyed MD5, with a key that is replaced.
    Chain {
        /// So long after the beginning.
        rolls_ms: u64,
    },
}

const SECRETS: &[u8; 64] = b"the-members-of-this-group-share-these-64-octets-and-nobody-else.";
const NEXT_SECRET: &[u8] = b"a key for tomorrow";
const FORMER_SECRET: &[u8] = b"a key of yesterday";
const WRONG_SECRET: &[u8] = b"a-stranger";

impl Setup {
    /// Which group it is, in a few words: `HSRPv2 7 IPv6`.
    pub fn name(&self) -> String {
        format!("HSRPv{} {} {}", self.wire_version().number(), self.group, self.family())
    }

    /// The address family.
    pub fn family(&self) -> Family {
        if self.ipv6 { Family::Ipv6 } else { Family::Ipv4 }
    }

    pub(super) fn wire_version(&self) -> wire::Version {
        match self.version {
            Version::V1 => wire::Version::V1,
            Version::V2 => wire::Version::V2,
        }
    }

    /// Whether it can work, with so many routers.
    ///
    /// # Errors
    /// What is wrong, as a clause.
    pub fn check(&self, routers: usize) -> Result<(), String> {
        let members = &self.members;
        if members.len() != routers {
            return Err(format!("{} members for {routers} routers", members.len()));
        }
        let last = if self.version == Version::V1 { 255 } else { 4095 };
        if self.group > last || !(251..=254).contains(&self.gateway) {
            return Err(format!("the group must be 0 to {last}, the gateway's last octet 251 to 254"));
        }
        if self.ipv6 && (self.version == Version::V1 || members.iter().any(|member| !member.knows_address)) {
            return Err("IPv6 needs version 2, and members that know the address".to_owned());
        }
        if members.iter().all(|member| !member.knows_address) {
            return Err("nobody knows the address".to_owned());
        }
        let wrong = |&(hello, hold): &(u64, u64)| hello < 15 || hold < 2 * hello || hold > 255_000;
        if members.iter().filter_map(|member| member.times_ms).any(|times| wrong(&times)) {
            return Err(
                "hello time must be 15 ms at least, hold time twice that, and 255 s at most".to_owned()
            );
        }
        self.check_seconds()
    }

    /// Version 1 says whole seconds; what is less, all members must be told alike.
    fn check_seconds(&self) -> Result<(), String> {
        let first = self.members.first().and_then(|member| member.times_ms);
        let whole = |(hello, hold): (u64, u64)| hello.is_multiple_of(1_000) && hold.is_multiple_of(1_000);
        let seconds = self.members.iter().all(|member| member.times_ms.is_none_or(whole));
        let alike = self.members.iter().all(|member| member.times_ms == first);
        match self.version == Version::V2 || seconds || alike {
            true => Ok(()),
            false => Err("version 1 needs whole seconds, or the same for all".to_owned()),
        }
    }

    /// The same with one setting as everybody has it, for each that is not.
    pub fn simpler(&self) -> Vec<Setup> {
        let plain: [fn(&mut Setup); 14] = [
            |setup| setup.authentication = Authentication::DefaultText,
            |setup| setup.mac = MacChoice::Standard,
            |setup| setup.secondary = false,
            |setup| setup.ipv6 = false,
            |setup| setup.interface_state = false,
            |setup| setup.resign_on_coup = false,
            |setup| setup.each(|member| member.preempt_delay_ms = 0),
            |setup| setup.each(|member| member.first_preempt_delay_ms = 0),
            |setup| setup.each(|member| member.preempt_sync_ms = 0),
            |setup| setup.each(|member| member.start_delay_ms = 0),
            |setup| setup.each(|member| member.link_delay_ms = 0),
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
        match self.ipv6 {
            false => machine::address(false, self.gateway),
            true => Ipv6Addr::new(0xfe80, 0, 0, 0, 5, 0x73ff, 0xfea0, self.group).into(),
        }
    }

    /// The virtual addresses, that of the messages first.
    pub(super) fn virtual_addresses(&self) -> Vec<InterfaceAddress> {
        let prefix = if self.ipv6 { 64 } else { 24 };
        let second = match self.ipv6 {
            false => machine::address(false, self.gateway - SECONDARY),
            true => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, self.gateway.into()).into(),
        };
        let second = self.secondary.then_some(second);
        [self.gateway()].into_iter().chain(second).map(|ip| InterfaceAddress { ip, prefix }).collect()
    }

    /// The MAC that hosts are told, if it is not each router's own.
    pub(super) fn virtual_mac(&self) -> Option<Mac> {
        let [high, low] = self.group.to_be_bytes();
        match (self.mac, self.version, self.ipv6) {
            (MacChoice::Own, ..) => None,
            // No two groups of a network may have the same: each would be forwarded for by two routers.
            (MacChoice::Chosen, ..) => Some(Mac([0x02, 0x5e, 0, 0x10, high, low])),
            (MacChoice::Standard, Version::V1, _) => Some(Mac([0, 0, 0x0c, 0x07, 0xac, low])),
            (MacChoice::Standard, Version::V2, false) => Some(Mac([0, 0, 0x0c, 0x9f, 0xf0 + high, low])),
            (MacChoice::Standard, Version::V2, true) => Some(Mac([0, 0x05, 0x73, 0xa0, high, low])),
        }
    }
}

impl Member {
    /// Hello and hold time, if it has its own.
    pub(super) fn times(&self) -> Option<Times> {
        let ms = Duration::from_millis;
        self.times_ms.map(|(hello, hold)| Times { hello: ms(hello), hold: ms(hold) })
    }

    pub(super) fn preempt_delay(&self) -> Duration {
        Duration::from_millis(self.preempt_delay_ms)
    }

    pub(super) fn first_preempt_delay(&self) -> Duration {
        Duration::from_millis(self.first_preempt_delay_ms)
    }

    pub(super) fn preempt_sync(&self) -> Duration {
        Duration::from_millis(self.preempt_sync_ms)
    }

    pub(super) fn start_delay(&self) -> Duration {
        Duration::from_millis(self.start_delay_ms)
    }

    pub(super) fn link_delay(&self) -> Duration {
        Duration::from_millis(self.link_delay_ms)
    }
}

impl Authentication {
    /// The text in clear, as eight octets.
    pub(super) fn text(self) -> Option<[u8; 8]> {
        match self {
            Authentication::DefaultText => Some(*b"cisco\0\0\0"),
            Authentication::Text => Some(*b"the-memb"),
            Authentication::Md5 | Authentication::LongMd5 | Authentication::Chain { .. } => None,
        }
    }

    /// The key with this number that signs at `wall`.
    pub(super) fn signing(self, wall: Duration) -> Option<(u32, &'static [u8])> {
        match self {
            Authentication::DefaultText | Authentication::Text => None,
            Authentication::Md5 => Some((0, &SECRETS[..16])),
            Authentication::LongMd5 => Some((0, SECRETS)),
            Authentication::Chain { rolls_ms } if wall < rolls_at(rolls_ms) => Some((1, &SECRETS[..20])),
            Authentication::Chain { .. } => Some((2, NEXT_SECRET)),
        }
    }

    /// Whether what the key with this number has signed is believed at `wall`.
    pub(super) fn believes(self, key: Option<u32>, wall: Duration) -> bool {
        match (self, key) {
            (Authentication::DefaultText | Authentication::Text, None) => true,
            (Authentication::Md5 | Authentication::LongMd5, Some(key)) => key == 0,
            (Authentication::Chain { rolls_ms }, Some(1)) => wall < rolls_at(rolls_ms) + OVERLAP,
            (Authentication::Chain { rolls_ms }, Some(2)) => wall + OVERLAP >= rolls_at(rolls_ms),
            (_, Some(_) | None) => false,
        }
    }

    fn of_module(self) -> auth::Authentication {
        let single = |key: &[u8]| auth::Authentication::Md5(KeyChain::single(0, Secret::new(key)));
        match self {
            Authentication::DefaultText => auth::Authentication::default(),
            Authentication::Text => auth::Authentication::Text(Secret::new(&b"the-memb"[..])),
            Authentication::Md5 => single(&SECRETS[..16]),
            Authentication::LongMd5 => single(SECRETS),
            Authentication::Chain { rolls_ms } => auth::Authentication::Md5(chain(rolls_at(rolls_ms))),
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

/// What somebody uses who is no member: another secret, the other scheme, a key that is not good any more.
pub(super) fn strangers_authentication(members: Authentication, chance: u64) -> auth::Authentication {
    let wrong = Secret::new(WRONG_SECRET);
    let md5 = |key| auth::Authentication::Md5(KeyChain::single(0, key));
    match (members.text(), chance % 3) {
        (Some(_), 0) => md5(Secret::new(&SECRETS[..16])),
        (Some(_), _) => auth::Authentication::Text(wrong),
        (None, 0) => auth::Authentication::default(),
        (None, 1) => md5(Secret::new(FORMER_SECRET)),
        (None, _) => md5(wrong),
    }
}

/// What a member uses.
pub(super) fn members_authentication(members: Authentication) -> auth::Authentication {
    members.of_module()
}

/// The configuration of one member's standby group.
pub(super) fn config(setup: &Setup, member: &Member) -> Config {
    let addresses = if member.knows_address { setup.virtual_addresses() } else { Vec::new() };
    let mut config = Config::new(setup.wire_version(), setup.group, setup.family(), addresses);
    config.priority = member.priority;
    config.times = member.times();
    config.jitter = member.jitter;
    config.preempt = Preempt {
        on: member.preempt != Preemption::Never,
        by_address: member.preempt == Preemption::LowerOrEqual,
        delay: member.preempt_delay(),
        delay_after_start: member.first_preempt_delay(),
        sync: member.preempt_sync(),
    };
    config.initial_delay = InitialDelay { started: member.start_delay(), link_up: member.link_delay() };
    match setup.mac {
        MacChoice::Standard => {}
        MacChoice::Own => config.virtual_mac = None,
        MacChoice::Chosen => config.virtual_mac = setup.virtual_mac(),
    }
    config.authentication = setup.authentication.of_module();
    config.resign_on_coup = setup.resign_on_coup;
    config.interface_state = setup.interface_state;
    config
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "priority {}", self.priority)?;
        if let Some((hello, hold)) = self.times_ms {
            write!(f, ", hello {hello} ms, hold {hold} ms")?;
        }
        f.write_str(match self.preempt {
            Preemption::Never => "",
            Preemption::Lower => ", preempts",
            Preemption::LowerOrEqual => ", preempts its equals, too",
        })?;
        let parts = [
            (self.preempt_delay_ms, "preemption after"),
            (self.first_preempt_delay_ms, "the first after"),
            (self.preempt_sync_ms, "preemption in step within"),
            (self.start_delay_ms, "starts after"),
            (self.link_delay_ms, "takes part after its link for"),
        ];
        for (ms, what) in parts.into_iter().filter(|(ms, _)| *ms > 0) {
            write!(f, ", {what} {ms} ms")?;
        }
        f.write_str(if self.jitter { "" } else { ", no jitter" })?;
        f.write_str(if self.knows_address { "" } else { ", learns the address" })
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, gateway {}", self.name(), self.gateway())?;
        f.write_str(if self.secondary { " and another" } else { "" })?;
        f.write_str(match self.mac {
            MacChoice::Standard => ", virtual MAC",
            MacChoice::Own => ", no virtual MAC",
            MacChoice::Chosen => ", a MAC of choice",
        })?;
        match self.authentication {
            Authentication::DefaultText => f.write_str(", default text")?,
            Authentication::Text => f.write_str(", text")?,
            Authentication::Md5 => f.write_str(", MD5")?,
            Authentication::LongMd5 => f.write_str(", MD5 with a long key")?,
            Authentication::Chain { rolls_ms } => write!(f, ", MD5, key changed after {rolls_ms} ms")?,
        }
        f.write_str(if self.interface_state { "" } else { ", no interface state" })?;
        f.write_str(if self.resign_on_coup { ", resigns on a coup" } else { "" })
    }
}
