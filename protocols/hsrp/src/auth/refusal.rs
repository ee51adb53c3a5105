//! Why a well-formed message is not believed.

use std::fmt;

use thiserror::Error;

use crate::wire::Credentials;

/// A way to authenticate messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// None: possible in version 2 only, and no group's.
    None,
    /// A text in clear.
    Text,
    /// Keyed MD5.
    Md5,
}

impl Scheme {
    /// The scheme that credentials belong to.
    pub fn of(credentials: &Credentials) -> Scheme {
        match credentials {
            Credentials::None => Scheme::None,
            Credentials::Text(_) => Scheme::Text,
            Credentials::Md5(_) => Scheme::Md5,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::None => "no authentication",
            Scheme::Text => "text authentication",
            Scheme::Md5 => "MD5",
        })
    }
}

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthRefusal {
    /// Another scheme than ours.
    #[error("{found}, must be {wanted}")]
    Mismatch {
        /// What the message has.
        found: Scheme,
        /// What we are configured for.
        wanted: Scheme,
    },
    /// Another text.
    #[error("another text than ours")]
    Text,
    /// A digest of an unknown kind.
    #[error("authentication algorithm {0}, must be 1 (MD5)")]
    Algorithm(u8),
    /// All keys have expired, or none is good yet.
    #[error("no key may be believed now")]
    NoKey,
    /// The digest is wrong under every key.
    #[error("the MD5 digest does not match")]
    Digest,
}

impl AuthRefusal {
    /// The name it is counted under.
    pub fn counter(&self) -> &'static str {
        match self {
            AuthRefusal::Mismatch { .. } => "authentication-type-mismatch",
            AuthRefusal::Algorithm(_) => "invalid-authentication-type",
            AuthRefusal::Text | AuthRefusal::NoKey | AuthRefusal::Digest => "authentication-failures",
        }
    }
}
