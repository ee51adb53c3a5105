//! Why octets are no advertisement.

use thiserror::Error;

/// The first rule that the octets break, in the order they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WireError {
    /// Too short. `badlen` in the kernels.
    #[error("{got} octets where at least {need} are needed")]
    Truncated {
        /// Octets wanted.
        need: usize,
        /// Octets there.
        got: usize,
    },
    /// Not version 2. `badver` in the kernels.
    #[error("version {0}, must be 2")]
    Version(u8),
    /// The checksum is wrong. `badsum` in the kernels.
    #[error("checksum {found:04x}, must be {expected:04x}")]
    Checksum {
        /// As it stands in the message.
        found: u16,
        /// As it ought to be.
        expected: u16,
    },
    /// Not an advertisement. The kernels and ucarp do not look, and have never sent anything else.
    #[error("type {0}, must be 1 (advertisement)")]
    Type(u8),
    /// Counter and digest of another length. The kernels and ucarp do not look, and have never sent anything else.
    #[error("{0} words of counter and digest, must be 7")]
    AuthLength(u8),
}

impl WireError {
    /// The name it is counted under.
    pub fn counter(&self) -> &'static str {
        match self {
            WireError::Truncated { .. } => "packet-length-errors",
            WireError::Version(_) => "version-errors",
            WireError::Checksum { .. } => "checksum-errors",
            WireError::Type(_) | WireError::AuthLength(_) => "invalid-type",
        }
    }

    /// The rule it breaks.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            WireError::Truncated { .. } | WireError::Checksum { .. } | WireError::Version(_) => {
                "OpenBSD ip_carp.c, carp_proto_input"
            }
            WireError::Type(_) | WireError::AuthLength(_) => "OpenBSD ip_carp.h, carp_header",
        }
    }
}
