//! Why octets are no advertisement.

use thiserror::Error;

/// The first rule that the octets break, in the order they are read. RFC 9568 §7.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WireError {
    /// Too short for what every message begins with.
    #[error("{got} octets where at least {need} are needed")]
    Truncated {
        /// Octets wanted.
        need: usize,
        /// Octets there.
        got: usize,
    },
    /// The Authentication Header around it is not the one that VRRP uses: 24 octets and VRRP behind.
    #[error("an Authentication Header of length code {length} before protocol {next}, must be 4 before 112")]
    Header {
        /// Its payload length field.
        length: u8,
        /// Its next header field.
        next: u8,
    },
    /// Neither version 2 nor 3.
    #[error("version {0}, must be 2 or 3")]
    Version(u8),
    /// Version 2 has no IPv6.
    #[error("version 2 over IPv6, which has only version 3")]
    VersionOverIpv6,
    /// Not as long as version, family, type and number of addresses say.
    #[error("{got} octets where its fields ask for {expected}")]
    Length {
        /// Octets there.
        got: usize,
        /// Octets wanted, without an HMAC trailer.
        expected: usize,
    },
    /// The checksum is right in no form.
    #[error("checksum {found:04x}, must be {expected:04x}")]
    Checksum {
        /// As it stands in the message.
        found: u16,
        /// As it ought to be; without pseudo-header in version 3 over IPv4.
        expected: u16,
    },
    /// Not an ADVERTISEMENT.
    #[error("type {0}, must be 1 (advertisement)")]
    Type(u8),
    /// No virtual address.
    #[error("no addresses where at least one is needed")]
    NoAddresses,
    /// An interval of zero. Version 2 is not explicit about it, but a router that learnt it would never rest.
    #[error("an advertisement interval of zero")]
    ZeroInterval,
}

impl WireError {
    /// The name it is counted under: RFC 2787 and RFC 6527, in kebab case.
    pub fn counter(&self) -> &'static str {
        match self {
            WireError::Truncated { .. }
            | WireError::Header { .. }
            | WireError::Length { .. }
            | WireError::NoAddresses => "packet-length-errors",
            WireError::Version(_) | WireError::VersionOverIpv6 => "version-errors",
            WireError::Checksum { .. } => "checksum-errors",
            WireError::Type(_) => "invalid-type",
            WireError::ZeroInterval => "advertise-interval-errors",
        }
    }
}
