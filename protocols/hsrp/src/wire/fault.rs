//! Why octets are no message.

use fhrp::Family;
use thiserror::Error;

/// The first rule that the octets break, in the order they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WireError {
    /// Too short for what every message of its kind has.
    #[error("{got} octets where at least {need} are needed")]
    Truncated {
        /// Octets wanted.
        need: usize,
        /// Octets there.
        got: usize,
    },
    /// Version 1 begins with 0, and version 2 says 2 in its Group State.
    #[error("version {found}, must be {wanted}")]
    Version {
        /// As it stands in the message.
        found: u8,
        /// What this kind of message says.
        wanted: u8,
    },
    /// Version 1 has no IPv6.
    #[error("version 1 over IPv6, which has only version 2")]
    VersionOverIpv6,
    /// Neither Hello nor Coup nor Resign, nor version 1's Advertise.
    #[error("op code {0}, which does not exist")]
    Operation(u8),
    /// An Advertise of version 1 that is not about the interface. Type 2 exists in name only.
    #[error("an advertisement of type {0}, must be 1 (interface state)")]
    AdvertiseType(u16),
    /// An Advertise of version 1 that does not have the length it says.
    #[error("an advertisement of length {length}, must be from 10 to {most}")]
    AdvertiseLength {
        /// What it says.
        length: u16,
        /// The most that the message has room for.
        most: usize,
    },
    /// A TLV runs past the end.
    #[error("the TLV at octet {at} runs past the end")]
    Overrun {
        /// Where it begins.
        at: usize,
    },
    /// A TLV does not have the length of its type.
    #[error("a TLV of type {kind} with {length} octets, must be {wanted}")]
    TlvLength {
        /// Its type.
        kind: u8,
        /// Octets of its value.
        length: usize,
        /// Octets that a value of this type has.
        wanted: usize,
    },
    /// No TLV in it says anything.
    #[error("neither a Group State nor an Interface State")]
    NoMessage,
    /// Two TLVs in it say something.
    #[error("more than one Group State or Interface State")]
    SecondMessage,
    /// Two TLVs in it prove something.
    #[error("more than one authentication")]
    SecondAuthentication,
    /// IP version and IP header disagree.
    #[error("IP version {found} over {over}")]
    IpVersion {
        /// As it stands in the message.
        found: u8,
        /// What carries it.
        over: Family,
    },
    /// A number that no group has.
    #[error("group {0}, must be at most 4095")]
    Group(u16),
    /// A priority that nobody has.
    #[error("priority {0}, must be at most 255")]
    Priority(u32),
}

impl WireError {
    /// The name it is counted under.
    pub fn counter(&self) -> &'static str {
        match self {
            WireError::Truncated { .. } | WireError::AdvertiseLength { .. } => "packet-length-errors",
            WireError::Version { .. } | WireError::VersionOverIpv6 => "version-errors",
            WireError::Operation(_) | WireError::AdvertiseType(_) => "invalid-type",
            WireError::Overrun { .. }
            | WireError::TlvLength { .. }
            | WireError::NoMessage
            | WireError::SecondMessage
            | WireError::SecondAuthentication => "tlv-errors",
            WireError::IpVersion { .. } => "ip-version-errors",
            WireError::Group(_) => "group-errors",
            WireError::Priority(_) => "priority-errors",
        }
    }

    /// The rule it breaks.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            WireError::Truncated { .. } => "RFC 2281 §5.1",
            WireError::Version { wanted: 0, .. } | WireError::Operation(_) | WireError::VersionOverIpv6 => {
                "RFC 2281 §5.1"
            }
            WireError::AdvertiseType(_) | WireError::AdvertiseLength { .. } => {
                "Cisco HSRP version 1, Advertise"
            }
            WireError::Version { .. }
            | WireError::IpVersion { .. }
            | WireError::Group(_)
            | WireError::Priority(_) => "Cisco HSRP version 2, Group State",
            WireError::Overrun { .. }
            | WireError::TlvLength { .. }
            | WireError::NoMessage
            | WireError::SecondMessage
            | WireError::SecondAuthentication => "Cisco HSRP version 2, TLVs",
        }
    }
}
