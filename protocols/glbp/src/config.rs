//! What a group is told by its operator: complete and valid, whatever the file looked like.
//!
//! The engine's configuration room makes these values and refuses what cannot work; nothing here has to be checked
//! again. Defaults stand beside their source.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Answer, Family, Holdings, InterfaceAddress, Mac, Presence, Share, VirtualAddress};

pub use fhrp::holdings::RouterAdvertising as RouterAdvertisement;

use crate::auth::Authentication;

/// Default priority. Cisco, as its routers say it.
pub const DEFAULT_PRIORITY: u8 = 100;
/// Default hello and hold time. Cisco, as its routers say them.
pub const DEFAULT_TIMES: Times = Times { hello: Duration::from_secs(3), hold: Duration::from_secs(10) };
/// Default times of a forwarder that lost its owner. Cisco, as its routers say them.
pub const DEFAULT_RETIREMENT: Retirement =
    Retirement { redirect: Duration::from_secs(600), timeout: Duration::from_secs(14_400) };
/// Default weighting, and its thresholds. Cisco, as `show glbp` prints them.
pub const DEFAULT_WEIGHTING: Weighting = Weighting { maximum: 100, lower: 1, upper: 100 };
/// A better router takes a forwarder over after this long. Cisco, as `show glbp` prints it.
pub const DEFAULT_FORWARDER_PREEMPT: Preempt = Preempt { on: true, delay: Duration::from_secs(30) };

/// One group.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The family of every address in here.
    pub family: Family,
    /// Group number, up to 1023.
    pub group: u16,
    /// The virtual addresses. The first is the one that is said: over IPv6 the link-local one. Empty over IPv4: it is
    /// learnt from the other members.
    pub addresses: Vec<InterfaceAddress>,
    /// 1 to 255, for the election of the gateway alone.
    pub priority: u8,
    /// Hello and hold time; `None`: those of the active gateway, or [`DEFAULT_TIMES`]. While another router is active
    /// its times are in force whatever stands here.
    pub times: Option<Times>,
    /// How forwarders are given up; `None`: as the active gateway says, or [`DEFAULT_RETIREMENT`]. The active gateway's
    /// is in force, too.
    pub retirement: Option<Retirement>,
    /// Whether hellos are sent up to a fifth early, as Cisco's routers do, so that members do not fall into step.
    pub jitter: bool,
    /// Whether a worse active gateway is replaced.
    pub preempt: Preempt,
    /// Whether a forwarder is taken from a router with less right to it.
    pub forwarder_preempt: Preempt,
    /// How much this router can carry, and when that is too little.
    pub weighting: Weighting,
    /// How hosts are spread over the forwarders, while this router is the active gateway.
    pub balancing: Balancing,
    /// Whether it is recorded which host was told which forwarder.
    pub client_cache: Option<ClientCache>,
    /// The address to speak from, if not the interface's first in the virtual address's network.
    pub source: Option<IpAddr>,
    /// How members prove themselves.
    pub authentication: Authentication,
    /// Whether hosts may be sent ICMP redirects on the interface: they name a router's own address, and who follows one
    /// is not served when that router dies.
    pub redirects: bool,
    /// Whether neighbour advertisements say that we are a router.
    pub router: bool,
    /// Router advertisements to be sent while this router is the active gateway; IPv6 only.
    pub router_advertisement: Option<RouterAdvertisement>,
}

impl Config {
    /// The settings of a group of which only number and addresses are known.
    pub fn new(group: u16, family: Family, addresses: Vec<InterfaceAddress>) -> Self {
        Config {
            family,
            group,
            addresses,
            priority: DEFAULT_PRIORITY,
            times: None,
            retirement: None,
            jitter: true,
            preempt: Preempt { on: false, delay: Duration::ZERO },
            forwarder_preempt: DEFAULT_FORWARDER_PREEMPT,
            weighting: DEFAULT_WEIGHTING,
            balancing: Balancing::RoundRobin,
            client_cache: None,
            source: None,
            authentication: Authentication::None,
            redirects: false,
            router: true,
            router_advertisement: None,
        }
    }

    /// What this router holds that forwards for these MACs and, if it is the active gateway, answers hosts. `lease` is
    /// how long others wait at least before they take over.
    ///
    /// Whoever forwards has the addresses too: hosts send to them at its MAC. Whom it answers is seen when it is asked.
    pub(crate) fn holdings(
        &self,
        learnt: Option<InterfaceAddress>,
        forward: impl IntoIterator<Item = Mac>,
        gateway: bool,
        lease: Duration,
    ) -> Holdings {
        let forward: BTreeMap<Mac, Share> = forward.into_iter().map(|mac| (mac, Share::Whole)).collect();
        if forward.is_empty() && !gateway {
            return Holdings::none();
        }
        let hold = |address: InterfaceAddress| {
            let (prefix, presence, answer) = (address.prefix, Presence::Accepted, Answer::Ask);
            (address.ip, VirtualAddress { prefix, presence, answer, router: self.router })
        };
        let advertising = self.router_advertisement.as_ref().filter(|_| gateway);
        Holdings {
            forward,
            addresses: self.addresses.iter().copied().chain(learnt).map(hold).collect(),
            // Hosts have to ask for the MAC, and are spread when they do.
            router_advertisement: advertising.and_then(|it| it.said_for(&self.addresses, None)),
            lease,
        }
    }
}

/// Hello and hold time, always as a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Between hellos; 50 ms to 60 s.
    pub hello: Duration,
    /// How long a router is believed to live without another hello; more than `hello`, up to 180 s.
    pub hold: Duration,
}

/// How a forwarder that lost its owner is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retirement {
    /// How long hosts are still told its MAC, up to 3600 s; zero: for as long as it lives.
    pub redirect: Duration,
    /// How long anybody still forwards for it; more than `redirect`, up to 64800 s. Cisco's routers want 600 s more.
    pub timeout: Duration,
}

/// Whether and when somebody worse is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preempt {
    /// Whether at all.
    pub on: bool,
    /// How long it is tolerated, from when the group began to run, or from when it could first be replaced. It never
    /// delays fail-over.
    pub delay: Duration,
}

/// How much a router can carry. Tracked faults take some of it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighting {
    /// Without any fault; 1 to 254.
    pub maximum: u8,
    /// Below this it is too little: others are to forward instead.
    pub lower: u8,
    /// From here on it is enough again.
    pub upper: u8,
}

/// The record of the hosts that were told a forwarder. Cisco's `glbp client-cache`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientCache {
    /// How many hosts; 8 to 2000.
    pub maximum: u16,
    /// How long a host is remembered that does not ask again; 1 to 1440 min. `None`: until it has to make room.
    pub timeout: Option<Duration>,
}

/// How hosts are spread over the forwarders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balancing {
    /// Not at all: every host is told the active gateway's own forwarder.
    None,
    /// Each forwarder in turn.
    RoundRobin,
    /// In proportion to the weightings of the routers that forward.
    Weighted,
    /// By the host's MAC: the same one for as long as there are as many forwarders.
    HostDependent,
}

impl Balancing {
    /// As Cisco spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Balancing::None => "none",
            Balancing::RoundRobin => "round-robin",
            Balancing::Weighted => "weighted",
            Balancing::HostDependent => "host-dependent",
        }
    }
}
