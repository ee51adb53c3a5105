//! A virtual router's settings as a scenario has them, and the module's configuration made of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fhrp::{Family, InterfaceAddress};
use serde::{Deserialize, Serialize};
use vrrp::config::{
    self, AntiReplay, Config, Hmac, HmacMode, Key, OWNER_PRIORITY, Peer, Secret, Versions, virtual_mac,
};

use crate::sim::machine;

/// A virtual router.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Setup {
    /// VRID, 1 to 255.
    pub vrid: u8,
    /// Last octet of its virtual addresses; unlike any machine's.
    pub gateway: u8,
    /// Whether it is of IPv6.
    pub ipv6: bool,
    /// Whether hosts are told a virtual MAC, or the interface's own.
    pub virtual_mac: bool,
    /// Whether members speak to each other one by one.
    pub unicast: bool,
    /// Accept_Mode.
    pub accept: bool,
    /// What proves who sent an advertisement.
    pub authentication: Authentication,
    /// One for each router.
    pub members: Vec<Member>,
}

/// One member's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Member {
    /// Versions spoken.
    pub spoken: Spoken,
    /// 1 to 255.
    pub priority: u8,
    /// Advertisement_Interval.
    pub interval_ms: u64,
    /// Preempt_Mode.
    pub preempt: bool,
    /// How long it waits before it preempts.
    pub preempt_delay_ms: u64,
    /// How long it only listens after it starts.
    pub startup_delay_ms: u64,
}

/// Versions spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spoken {
    /// Version 2.
    V2,
    /// Version 3.
    V3,
    /// Both: both are sent, both are understood.
    Both,
}

/// What proves who sent an advertisement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// Nothing.
    None,
    /// A password in clear; version 2.
    Text,
    /// The IP Authentication Header; version 2.
    Header,
    /// Cisco's keyed MD5; version 2.
    CiscoMd5,
    /// keepalived's trailer, whose sequence must increase.
    Hmac,
    /// The same, and it must lie near the clock.
    HmacWindow,
}

/// What members share, and what a stranger believes they share.
pub(super) const SECRET: [u8; 32] = *b"the-members-share-these-32-bytes";
pub(super) const WRONG_SECRET: [u8; 32] = *b"a-stranger-believes-in-these-32-";

impl Setup {
    /// Which group it is, in two words and a number: `VRRP 7 IPv6`.
    pub fn name(&self) -> String {
        format!("VRRP {} {}", self.vrid, self.family())
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
        if self.members.len() != routers {
            return Err(format!("{} members for {routers} routers", self.members.len()));
        }
        if self.vrid == 0 || !(251..=254).contains(&self.gateway) {
            return Err("VRID must be 1 to 255, the gateway's last octet 251 to 254".to_owned());
        }
        let wrong = |member: &&Member| member.priority == 0 || !(10..=255_000).contains(&member.interval_ms);
        if let Some(member) = self.members.iter().find(wrong) {
            return Err(format!("{member}: priority must be 1 to 255, the interval 10 ms to 255 s"));
        }
        self.check_versions()
    }

    /// Whether all members can understand each other.
    fn check_versions(&self) -> Result<(), String> {
        let speaks = |spoken| self.members.iter().any(|member| member.spoken == spoken);
        let only = |spoken| self.members.iter().all(|member| member.spoken == spoken);
        if speaks(Spoken::V2) && speaks(Spoken::V3) {
            return Err("members of version 2 alone and of version 3 alone".to_owned());
        }
        if self.ipv6 && !only(Spoken::V3) {
            return Err("version 2 has no IPv6".to_owned());
        }
        let of_version_2 = [Authentication::Text, Authentication::Header, Authentication::CiscoMd5]
            .contains(&self.authentication);
        if of_version_2 && !only(Spoken::V2) {
            return Err("this authentication has only version 2".to_owned());
        }
        let first = self.members.first().map_or(0, |member| member.interval_ms);
        let differs =
            |member: &Member| member.interval_ms != first || !member.interval_ms.is_multiple_of(1_000);
        if !only(Spoken::V3) && self.members.iter().any(differs) {
            return Err("version 2 needs one interval for all, in whole seconds".to_owned());
        }
        Ok(())
    }

    /// The same with one setting as everybody has it, for each that is not.
    pub fn simpler(&self) -> Vec<Setup> {
        let plain: [fn(&mut Setup); 9] = [
            |setup| setup.authentication = Authentication::None,
            |setup| setup.unicast = false,
            |setup| setup.virtual_mac = true,
            |setup| setup.accept = true,
            |setup| setup.ipv6 = false,
            |setup| setup.members.iter_mut().for_each(|member| member.spoken = Spoken::V3),
            |setup| setup.members.iter_mut().for_each(|member| member.preempt_delay_ms = 0),
            |setup| setup.members.iter_mut().for_each(|member| member.startup_delay_ms = 0),
            |setup| setup.members.iter_mut().for_each(|member| member.interval_ms = 1_000),
        ];
        let simpler = plain.iter().map(|change| {
            let mut setup = self.clone();
            change(&mut setup);
            setup
        });
        simpler.filter(|setup| setup != self).collect()
    }

    /// The longest of its members' intervals, in microseconds.
    pub fn longest_interval_us(&self) -> u64 {
        self.members.iter().map(|member| member.interval_ms * 1_000).max().unwrap_or_default()
    }

    /// The address that hosts use as their gateway.
    pub fn gateway(&self) -> IpAddr {
        self.virtual_addresses().first().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip)
    }

    /// The virtual addresses, the link-local one first.
    pub(super) fn virtual_addresses(&self) -> Vec<InterfaceAddress> {
        let last = self.gateway;
        match self.ipv6 {
            false => vec![InterfaceAddress { ip: machine::address(false, last), prefix: 24 }],
            true => {
                let global = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into());
                let link_local = InterfaceAddress { ip: machine::address(true, last), prefix: 64 };
                vec![link_local, InterfaceAddress { ip: global.into(), prefix: 64 }]
            }
        }
    }
}

impl Member {
    pub(super) fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms)
    }

    pub(super) fn preempt_delay(&self) -> Duration {
        Duration::from_millis(self.preempt_delay_ms)
    }

    pub(super) fn startup_delay(&self) -> Duration {
        Duration::from_millis(self.startup_delay_ms)
    }

    /// Whether the virtual addresses are its own.
    pub fn is_owner(&self) -> bool {
        self.priority == OWNER_PRIORITY
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Member { spoken, priority, interval_ms, preempt, preempt_delay_ms, startup_delay_ms } = self;
        let spoken = match spoken {
            Spoken::V2 => "version 2",
            Spoken::V3 => "version 3",
            Spoken::Both => "versions 2 and 3",
        };
        write!(f, "{spoken}, priority {priority}, every {interval_ms} ms")?;
        match (preempt, preempt_delay_ms) {
            (false, _) => f.write_str(", does not preempt")?,
            (true, 0) => {}
            (true, delay) => write!(f, ", preempts after {delay} ms")?,
        }
        match startup_delay_ms {
            0 => Ok(()),
            delay => write!(f, ", starts after {delay} ms"),
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, gateway {}", self.name(), self.gateway())?;
        f.write_str(if self.virtual_mac { ", virtual MAC" } else { ", no virtual MAC" })?;
        f.write_str(if self.unicast { ", unicast" } else { ", multicast" })?;
        let authentication = match self.authentication {
            Authentication::None => return Ok(()),
            Authentication::Text => "password",
            Authentication::Header => "Authentication Header",
            Authentication::CiscoMd5 => "keyed MD5",
            Authentication::Hmac => "HMAC",
            Authentication::HmacWindow => "HMAC and clock",
        };
        write!(f, ", {authentication}")
    }
}

/// The configuration of one member's virtual router.
pub(super) fn config(setup: &Setup, addresses: &[u8], router: usize, member: &Member) -> Config {
    let mut config = Config::new(setup.vrid, setup.virtual_addresses());
    let peer = |(_, last): (usize, &u8)| Peer { address: machine::address(setup.ipv6, *last), min_ttl: 255 };
    config.versions = match member.spoken {
        Spoken::V2 => Versions::V2,
        Spoken::V3 => Versions::V3,
        Spoken::Both => Versions::Both,
    };
    config.priority = member.priority;
    config.advertise_interval = member.interval();
    config.preempt = member.preempt;
    config.preempt_delay = member.preempt_delay();
    config.startup_delay = member.startup_delay();
    config.accept = setup.accept;
    config.virtual_mac = setup.virtual_mac.then_some(virtual_mac(setup.family(), setup.vrid));
    if setup.unicast {
        config.peers = addresses.iter().enumerate().filter(|(other, _)| *other != router).map(peer).collect();
    }
    config.authentication = authentication(setup.authentication, SECRET);
    config
}

/// The settings of a scheme with this secret.
pub(super) fn authentication(scheme: Authentication, secret: [u8; 32]) -> config::Authentication {
    let secret = |octets: usize| Secret::new(&secret[..octets]);
    let keys = || vec![Key { id: 1, secret: secret(32) }];
    let hmac = |anti_replay| Hmac { keys: keys(), mode: HmacMode::Enforce, anti_replay };
    match scheme {
        Authentication::None => config::Authentication::None,
        Authentication::Text => config::Authentication::Text(secret(8)),
        Authentication::Header => config::Authentication::AuthenticationHeader(secret(16)),
        Authentication::CiscoMd5 => config::Authentication::CiscoMd5(vec![Key { id: 0, secret: secret(16) }]),
        Authentication::Hmac => config::Authentication::Hmac(hmac(AntiReplay::Monotonic)),
        Authentication::HmacWindow => {
            config::Authentication::Hmac(hmac(AntiReplay::Window(Duration::from_secs(60))))
        }
    }
}
