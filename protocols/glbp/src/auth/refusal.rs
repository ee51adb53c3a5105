//! Why a well-formed message is not believed.

use std::fmt;

use thiserror::Error;

use crate::wire::Credentials;

/// A way to authenticate messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// None.
    None,
    /// A text in clear.
    Text,
    /// Keyed MD5 under one key.
    KeyString,
    /// Keyed MD5 under numbered keys.
    KeyChain,
}

impl Scheme {
    /// The scheme that credentials belong to; none for a method that nobody knows.
    pub fn of(credentials: &Credentials<'_>) -> Scheme {
        match credentials {
            Credentials::None | Credentials::Unknown(_) => Scheme::None,
            Credentials::Text(_) => Scheme::Text,
            Credentials::KeyString(_) => Scheme::KeyString,
            Credentials::KeyChain { .. } => Scheme::KeyChain,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::None => "no authentication",
            Scheme::Text => "text authentication",
            Scheme::KeyString => "MD5 with a key string",
            Scheme::KeyChain => "MD5 with a key chain",
        })
    }
}

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthRefusal {
    /// A method that nobody knows.
    #[error("authentication method {0}, which is not known")]
    UnknownMethod(u8),
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
    /// A key that we do not have, or that is not good now.
    #[error("key {0}, which is not to be believed now")]
    UnknownKey(u32),
    /// The digest is wrong.
    #[error("the MD5 digest does not match")]
    Digest,
    /// The sender has not repeated what we said lately.
    #[error("no nonce of ours, so it may be a recording")]
    Unproven,
}

impl AuthRefusal {
    /// The name it is counted under.
    pub fn counter(&self) -> &'static str {
        match self {
            AuthRefusal::UnknownMethod(_) => "invalid-authentication-type",
            AuthRefusal::Mismatch { .. } => "authentication-type-mismatch",
            AuthRefusal::Text | AuthRefusal::UnknownKey(_) | AuthRefusal::Digest => "authentication-failures",
            AuthRefusal::Unproven => "nonce-errors",
        }
    }
}
