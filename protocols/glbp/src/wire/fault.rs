//! Why octets are no message.

use thiserror::Error;

/// The first rule that the octets break, in the order they are read.
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
    /// Not version 1.
    #[error("version {0}, must be 1")]
    Version(u8),
    /// Neither hello nor request nor response.
    #[error("message type {0}, must be 0 to 2")]
    Kind(u8),
    /// A number that no group has.
    #[error("group {0}, must be at most 1023")]
    Group(u16),
    /// A TLV runs past the end.
    #[error("the TLV at octet {at} runs past the end")]
    Overrun {
        /// Where it begins.
        at: usize,
    },
    /// A TLV is shorter than its type or its own fields ask for.
    #[error("a TLV of type {kind} with {length} octets, must be at least {wanted}")]
    TlvLength {
        /// Its type.
        kind: u8,
        /// Octets that it says it has, with type and length.
        length: usize,
        /// Octets that it must have.
        wanted: usize,
    },
    /// A TLV of which there is one in a message.
    #[error("more than one TLV of type {0}")]
    Repeated(u8),
    /// What proves a message comes before what it says.
    #[error("an authentication that is not the first TLV")]
    AuthenticationNotFirst,
    /// A digest of a length that it does not have.
    #[error("authentication method {method} with {length} octets, must be {wanted}")]
    AuthenticationLength {
        /// Its method.
        method: u8,
        /// Octets of its data.
        length: usize,
        /// Octets that the method's data has.
        wanted: usize,
    },
    /// A virtual address of a family and length that do not belong together.
    #[error("a virtual address of type {kind} with {length} octets, must be 1 with 4 or 2 with 16")]
    Address {
        /// Its type.
        kind: u8,
        /// Its length.
        length: u8,
    },
    /// A group has four.
    #[error("more than 4 forwarders")]
    TooManyForwarders,
    /// Two TLVs about one forwarder.
    #[error("forwarder {0} more than once")]
    ForwarderTwice(u8),
}

impl WireError {
    /// The name it is counted under.
    pub fn counter(&self) -> &'static str {
        match self {
            WireError::Truncated { .. } => "packet-length-errors",
            WireError::Version(_) => "version-errors",
            WireError::Kind(_) => "invalid-type",
            WireError::Group(_) => "group-errors",
            WireError::Overrun { .. }
            | WireError::TlvLength { .. }
            | WireError::Repeated(_)
            | WireError::AuthenticationNotFirst
            | WireError::AuthenticationLength { .. } => "tlv-errors",
            WireError::Address { .. } => "address-list-errors",
            WireError::TooManyForwarders | WireError::ForwarderTwice(_) => "forwarder-errors",
        }
    }

    /// The rule it breaks.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            WireError::Truncated { .. }
            | WireError::Version(_)
            | WireError::Kind(_)
            | WireError::Group(_) => "Cisco GLBP, header",
            WireError::Overrun { .. } | WireError::TlvLength { .. } | WireError::Repeated(_) => {
                "Cisco GLBP, TLVs"
            }
            WireError::AuthenticationNotFirst | WireError::AuthenticationLength { .. } => {
                "Cisco GLBP, authentication"
            }
            WireError::Address { .. } => "Cisco GLBP, virtual gateway",
            WireError::TooManyForwarders | WireError::ForwarderTwice(_) => "Cisco GLBP, forwarders",
        }
    }
}
