//! What is wrong with a readable message before anybody knows a state: where it comes from and goes to.
//!
//! The TTL is not among it: Cisco's routers send 1 in version 1 and 255 in version 2, and no source says that a
//! receiver looks.

use std::net::IpAddr;

use fhrp::address::is_link_local;
use fhrp::{Family, Received};
use thiserror::Error;

use crate::wire::{MULTICAST_V1, MULTICAST_V2, MULTICAST_V2_IPV6, Version};

/// Why a message is not obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not sent to all routers of its version.
    #[error("destination {found}, must be {wanted}")]
    Destination {
        /// Where it was sent.
        found: IpAddr,
        /// Where messages of its version and family are sent.
        wanted: IpAddr,
    },
    /// Nobody's address, or a group's.
    #[error("source {0}, must be one station's")]
    Source(IpAddr),
    /// Routers speak IPv6 to each other from link-local addresses.
    #[error("source {0}, must be link-local")]
    NotLinkLocal(IpAddr),
}

impl Refusal {
    /// The name it is counted under.
    pub fn counter(&self) -> &'static str {
        match self {
            Refusal::Destination { .. } => "destination-errors",
            Refusal::Source(_) | Refusal::NotLinkLocal(_) => "source-errors",
        }
    }

    /// The rule it breaks.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            Refusal::Destination { wanted, .. } if *wanted == MULTICAST_V1 => "RFC 2281 §5.1",
            Refusal::Source(_) => "RFC 2281 §5.1",
            Refusal::Destination { .. } => "Cisco HSRP version 2, multicast",
            Refusal::NotLinkLocal(_) => "Cisco HSRP version 2, IPv6",
        }
    }
}

/// Where messages of a version and family are sent. Version 1 has no IPv6; the answer is then version 2's.
pub const fn multicast(version: Version, family: Family) -> IpAddr {
    match (version, family) {
        (Version::V1, Family::Ipv4) => MULTICAST_V1,
        (Version::V2, Family::Ipv4) => MULTICAST_V2,
        (Version::V1 | Version::V2, Family::Ipv6) => MULTICAST_V2_IPV6,
    }
}

/// Judges the header before a message of `version`.
///
/// # Errors
///
/// The first rule it breaks.
pub fn judge(received: &Received<'_>, version: Version) -> Result<(), Refusal> {
    let Received { source, destination, .. } = *received;
    let wanted = multicast(version, Family::of(source));
    if destination != wanted {
        return Err(Refusal::Destination { found: destination, wanted });
    }
    let broadcast = matches!(source, IpAddr::V4(ip) if ip.is_broadcast());
    if source.is_unspecified() || source.is_multicast() || broadcast {
        return Err(Refusal::Source(source));
    }
    if source.is_ipv6() && !is_link_local(source) {
        return Err(Refusal::NotLinkLocal(source));
    }
    Ok(())
}
