//! What a group is told by its operator: complete and valid, whatever the file looked like.
//!
//! The engine's configuration room makes these values and refuses what cannot work; nothing here has to be checked
//! again. Defaults stand beside their source.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::announcer::{ArpForm, Schedule};
use fhrp::{Answer, Family, Holdings, InterfaceAddress, Mac, Presence, Share, VirtualAddress};

pub use fhrp::holdings::RouterAdvertising as RouterAdvertisement;

use crate::auth::Authentication;
use crate::vmac::virtual_mac;
use crate::wire::Version;

/// Default priority. Cisco; 0 and 255 mean nothing special.
pub const DEFAULT_PRIORITY: u8 = 100;
/// Default hello and hold time. RFC 2281 §5.1.
pub const DEFAULT_TIMES: Times = Times { hello: Duration::from_secs(3), hold: Duration::from_secs(10) };

/// One standby group.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Version 1 has only IPv4.
    pub version: Version,
    /// The family of every address in here.
    pub family: Family,
    /// Group number: up to 255 in version 1, up to 4095 in version 2.
    pub group: u16,
    /// The virtual addresses. The first is the one that is said: over IPv6 the link-local one. Empty over IPv4: it is
    /// learnt from the active router.
    pub addresses: Vec<InterfaceAddress>,
    /// The name of the group whose state this one takes; `None`: it is elected. A follower says nothing and hears nobody:
    /// of the rest only its MAC, its addresses and what hosts are told counts.
    pub follow: Option<String>,
    /// 0 to 255.
    pub priority: u8,
    /// Hello and hold time; `None`: those of the active router, or [`DEFAULT_TIMES`]. While another router is active
    /// its times are in force whatever stands here; below a second in version 1 they are each member's own.
    pub times: Option<Times>,
    /// Whether hellos are sent up to a fifth early, as Cisco's routers do, so that members do not fall into step.
    pub jitter: bool,
    /// Whether a worse active router is replaced.
    pub preempt: Preempt,
    /// How long the group does nothing after it is started, and after its interface came up.
    pub initial_delay: InitialDelay,
    /// The MAC hosts are told; `None`: the interface's own, with the addresses put on the interface (Cisco `use-bia`).
    pub virtual_mac: Option<Mac>,
    /// The address to speak from, if not the interface's first in the virtual address's network.
    pub source: Option<IpAddr>,
    /// How members prove themselves.
    pub authentication: Authentication,
    /// Whether an active router that hears a Coup answers with a Resign. RFC 2281 §5.7 says so; Cisco's routers do not,
    /// and a third router could take it for a call to itself.
    pub resign_on_coup: bool,
    /// Whether other routers are told what the interface is, so that they redirect nobody to a standby router.
    pub interface_state: bool,
    /// Whether hosts may be sent ICMP redirects on the interface: they name a router's own address, and who follows one
    /// is not served when that router dies. RFC 2281 §6.3.
    pub redirects: bool,
    /// When announcements are repeated.
    pub announcements: Schedule,
    /// Whether neighbour advertisements say that we are a router.
    pub router: bool,
    /// Router advertisements to be sent while active; IPv6 only.
    pub router_advertisement: Option<RouterAdvertisement>,
}

impl Config {
    /// The settings of a group of which only version, number and addresses are known.
    pub fn new(version: Version, group: u16, family: Family, addresses: Vec<InterfaceAddress>) -> Self {
        Config {
            version,
            family,
            group,
            addresses,
            follow: None,
            priority: DEFAULT_PRIORITY,
            times: None,
            jitter: true,
            preempt: Preempt::OFF,
            initial_delay: InitialDelay { started: Duration::ZERO, link_up: Duration::ZERO },
            virtual_mac: virtual_mac(version, family, group),
            source: None,
            authentication: Authentication::default(),
            resign_on_coup: false,
            interface_state: true,
            redirects: false,
            announcements: Schedule {
                repeats: vec![Duration::from_secs(3)],
                refresh: None,
                form: ArpForm::Reply,
            },
            router: true,
            router_advertisement: None,
        }
    }
}

impl Config {
    /// What whoever has the role holds: the addresses, and one that was learnt; `own_mac` is the interface's, `lease` how
    /// long others wait at least before they take over.
    ///
    /// What is sent to an address itself is accepted. Without a virtual MAC the kernel answers for it, with the interface's
    /// own.
    pub(crate) fn holdings(
        &self,
        learnt: Option<InterfaceAddress>,
        own_mac: Mac,
        lease: Duration,
    ) -> Holdings {
        let (presence, answer) = match self.virtual_mac {
            None => (Presence::OnInterface, Answer::Silent),
            Some(mac) => (Presence::Accepted, Answer::With(mac)),
        };
        let hold = |address: InterfaceAddress| {
            let prefix = address.prefix;
            (address.ip, VirtualAddress { prefix, presence, answer, router: self.router })
        };
        let advertising = self.router_advertisement.as_ref();
        Holdings {
            forward: self.virtual_mac.map(|mac| (mac, Share::Whole)).into_iter().collect(),
            addresses: self.addresses.iter().copied().chain(learnt).map(hold).collect(),
            router_advertisement: advertising
                .and_then(|it| it.said_for(&self.addresses, self.virtual_mac.unwrap_or(own_mac))),
            lease,
        }
    }
}

/// Hello and hold time, always as a pair. RFC 2281 §5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Between hellos.
    pub hello: Duration,
    /// How long a router is believed to live without another hello; more than `hello`.
    pub hold: Duration,
}

impl Times {
    /// Whether they are below what version 1 can say: members neither tell nor learn them.
    pub fn below_a_second(self) -> bool {
        let second = Duration::from_secs(1);
        self.hello < second || self.hold < second
    }
}

/// Whether and when a worse active router is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preempt {
    /// Whether at all.
    pub on: bool,
    /// Whether a router of our priority with a lower address is worse, too. Cisco's routers want a lower priority.
    pub by_address: bool,
    /// How long it is tolerated, from when it could first be replaced. It never delays fail-over.
    pub delay: Duration,
    /// The same for the first time after the group was started.
    pub delay_after_start: Duration,
    /// How long it is tolerated at most because something has to be in step first: [`fhrp::Command::Ready`] says that it
    /// is. Runs beside the other delay.
    pub sync: Duration,
}

impl Preempt {
    /// A worse active router is left alone. RFC 2281 §5.2.
    pub const OFF: Preempt = Preempt {
        on: false,
        by_address: false,
        delay: Duration::ZERO,
        delay_after_start: Duration::ZERO,
        sync: Duration::ZERO,
    };
}

/// How long a group does nothing at first. Cut short by hearing another member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitialDelay {
    /// After it is started.
    pub started: Duration,
    /// After its interface came up.
    pub link_up: Duration,
}
