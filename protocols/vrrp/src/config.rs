//! What a virtual router is told by its operator: complete and valid, whatever the file looked like.
//!
//! The engine's configuration room makes these values and refuses what cannot work; nothing here has to be
//! checked again. Defaults stand beside their source.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::announcer::{ArpForm, Schedule};
use fhrp::{Family, InterfaceAddress, Mac};

pub use fhrp::Secret;
pub use fhrp::holdings::RouterAdvertising as RouterAdvertisement;

/// Default priority of a router that does not own the addresses. RFC 9568 §6.1.
pub const DEFAULT_PRIORITY: u8 = 100;
/// Priority of the router that has the virtual addresses as its own. RFC 9568 §5.2.4.
pub const OWNER_PRIORITY: u8 = 255;
/// Default Advertisement_Interval. RFC 9568 §6.1.
pub const DEFAULT_ADVERTISE_INTERVAL: Duration = Duration::from_secs(1);

/// One virtual router.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Virtual router identifier, 1 to 255. RFC 9568 §5.2.3.
    pub vrid: u8,
    /// The family of every address in here.
    pub family: Family,
    /// Which versions are spoken. IPv6 has only version 3.
    pub versions: Versions,
    /// 1 to 254, or [`OWNER_PRIORITY`].
    pub priority: u8,
    /// Advertisement_Interval: whole seconds, 1 to 255 s, in version 2; 10 ms to 40.95 s in steps of 10 ms
    /// in version 3.
    pub advertise_interval: Duration,
    /// The virtual addresses in the order they are sent. IPv6: the link-local one is first. Never empty.
    pub addresses: Vec<InterfaceAddress>,
    /// Addresses held and announced, but not advertised; either family.
    pub excluded: Vec<InterfaceAddress>,
    /// Preempt_Mode. RFC 9568 §6.1.
    pub preempt: bool,
    /// How long a better router waits before it preempts; it never delays fail-over.
    pub preempt_delay: Duration,
    /// How long the router only listens after it starts.
    pub startup_delay: Duration,
    /// Accept_Mode. RFC 9568 §6.1.
    pub accept: bool,
    /// The MAC hosts are told; `None`: the interface's own, with the addresses put on the interface.
    pub virtual_mac: Option<Mac>,
    /// The address to speak from, if not the interface's first in the virtual address's network.
    pub source: Option<IpAddr>,
    /// Unicast peers; empty: multicast.
    pub peers: Vec<Peer>,
    /// Which form of checksum version 3 sends over IPv4.
    pub send_checksum: SendChecksum,
    /// Which forms it accepts.
    pub accept_checksum: AcceptChecksum,
    /// How adverts are authenticated.
    pub authentication: Authentication,
    /// What to do with a version 2 advert whose interval or address list differs from ours.
    pub on_mismatch: OnMismatch,
    /// Whether a version 2 Backup takes over the Active's interval (Cisco `timers learn`).
    pub learn_interval: bool,
    /// When announcements are repeated.
    pub announcements: Schedule,
    /// Whether neighbour advertisements say that we are a router.
    pub router: bool,
    /// Router advertisements to be sent while Active; IPv6 only.
    pub router_advertisement: Option<RouterAdvertisement>,
}

impl Config {
    /// The settings of a group of which only the number and the addresses are known.
    pub fn new(vrid: u8, addresses: Vec<InterfaceAddress>) -> Self {
        let family = addresses.first().map_or(Family::Ipv4, |address| Family::of(address.ip));
        Config {
            vrid,
            family,
            versions: Versions::V3,
            priority: DEFAULT_PRIORITY,
            advertise_interval: DEFAULT_ADVERTISE_INTERVAL,
            addresses,
            excluded: Vec::new(),
            preempt: true,
            preempt_delay: Duration::ZERO,
            startup_delay: Duration::ZERO,
            accept: true,
            virtual_mac: Some(virtual_mac(family, vrid)),
            source: None,
            peers: Vec::new(),
            send_checksum: SendChecksum::AsHeard,
            accept_checksum: AcceptChecksum::Both,
            authentication: Authentication::None,
            on_mismatch: OnMismatch::Discard,
            learn_interval: false,
            announcements: Schedule {
                repeats: vec![Duration::from_secs(1), Duration::from_secs(5)],
                refresh: None,
                form: ArpForm::Request,
            },
            router: true,
            router_advertisement: None,
        }
    }
}

/// The virtual MAC of a virtual router: `00:00:5e:00:01:VRID` for IPv4, `00:00:5e:00:02:VRID` for IPv6.
/// RFC 9568 §7.3.
pub const fn virtual_mac(family: Family, vrid: u8) -> Mac {
    let kind = match family {
        Family::Ipv4 => 1,
        Family::Ipv6 => 2,
    };
    Mac([0x00, 0x00, 0x5e, 0x00, kind, vrid])
}

/// Versions spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// Version 2 alone. RFC 3768.
    V2,
    /// Version 3 alone. RFC 9568.
    V3,
    /// Both are sent and version 2 is accepted, for change-overs. RFC 9568 §8.4.
    Both,
}

/// A unicast peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Where it is.
    pub address: IpAddr,
    /// The least TTL its adverts may arrive with: 255 on the link, less if it is routers away.
    pub min_ttl: u8,
}

/// Form of the version 3 checksum over IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendChecksum {
    /// Over the message alone. RFC 9568 §5.2.8.
    MessageOnly,
    /// With a pseudo-header, as RFC 5798 was often read.
    PseudoHeader,
    /// What the neighbours understand, as far as their adverts show; RFC 9568's until one was heard.
    AsHeard,
}

/// Forms of the version 3 checksum over IPv4 that are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptChecksum {
    /// Either.
    Both,
    /// RFC 9568's alone.
    MessageOnly,
    /// The pseudo-header form alone.
    PseudoHeader,
}

/// What to do with a mismatch that RFC 3768 wants discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMismatch {
    /// Discard, as the RFC says.
    Discard,
    /// Accept and say so.
    Accept,
}

/// How adverts are authenticated.
#[derive(Debug, Clone, PartialEq)]
pub enum Authentication {
    /// Not at all.
    None,
    /// Eight octets in clear. RFC 2338 §5.3.6.
    Text(Secret),
    /// IP Authentication Header with HMAC-MD5-96. RFC 2338 §5.3.6.3.
    AuthenticationHeader(Secret),
    /// Cisco's keyed MD5; the first key signs, all are accepted.
    CiscoMd5(Vec<Key>),
    /// keepalived's HMAC trailer.
    Hmac(Hmac),
}

/// The HMAC-SHA-256 trailer of keepalived 2.4.
#[derive(Debug, Clone, PartialEq)]
pub struct Hmac {
    /// The first key signs, all are accepted. Numbers 1 to 255, keys of 32 to 64 octets.
    pub keys: Vec<Key>,
    /// How strictly.
    pub mode: HmacMode,
    /// How replays are told.
    pub anti_replay: AntiReplay,
}

/// How strictly the HMAC trailer is asked for; change-overs go through these in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HmacMode {
    /// Send without, check what is signed.
    ReceiveOnly,
    /// Send signed, take both.
    Permissive,
    /// Send signed, take only signed.
    Enforce,
}

/// How the HMAC trailer's sequence is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AntiReplay {
    /// It must increase.
    Monotonic,
    /// It must increase and lie within this of our own wall clock.
    Window(Duration),
}

/// A numbered key.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its number on the wire; 0 for a Cisco key string.
    pub id: u32,
    /// The key.
    pub secret: Secret,
}
