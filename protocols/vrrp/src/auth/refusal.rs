//! Why a well-formed advertisement is not believed.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::wire::Credentials;

/// A way to authenticate advertisements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// None.
    None,
    /// A password in clear.
    Text,
    /// The IP Authentication Header.
    AuthenticationHeader,
    /// Cisco's keyed MD5.
    CiscoMd5,
    /// keepalived's HMAC trailer.
    Hmac,
}

impl Scheme {
    /// The scheme that credentials belong to; none for those that belong to no scheme.
    pub(crate) fn of(credentials: &Credentials<'_>) -> Scheme {
        match credentials {
            Credentials::None | Credentials::Contradictory(_) | Credentials::Unknown(_) => Scheme::None,
            Credentials::Text(_) => Scheme::Text,
            Credentials::AuthenticationHeader(_) => Scheme::AuthenticationHeader,
            Credentials::CiscoMd5(_) => Scheme::CiscoMd5,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::None => "no authentication",
            Scheme::Text => "text authentication",
            Scheme::AuthenticationHeader => "an Authentication Header",
            Scheme::CiscoMd5 => "Cisco MD5",
            Scheme::Hmac => "an HMAC trailer",
        })
    }
}

/// Why an advertisement is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthRefusal {
    /// A type that no known scheme has.
    #[error("authentication type {0}, which is not known")]
    UnknownType(u8),
    /// A known scheme, but not ours.
    #[error("{found}, must be {wanted}")]
    Mismatch {
        /// What the frame has.
        found: Scheme,
        /// What we are configured for.
        wanted: Scheme,
    },
    /// Message and header do not belong together.
    #[error("authentication type {0}, {around} an Authentication Header", around = around(*.0))]
    Contradictory(u8),
    /// Another password.
    #[error("another password than ours")]
    Password,
    /// The digest in the Authentication Header is wrong.
    #[error("the digest in the Authentication Header does not match")]
    HeaderDigest,
    /// The Authentication Header was heard before.
    #[error("Authentication Header number {heard}, must be above {last}")]
    HeaderReplayed {
        /// Its sequence number.
        heard: u32,
        /// The highest one known.
        last: u32,
    },
    /// Not the TLV that Cisco sends.
    #[error("a Cisco MD5 field of unknown form")]
    CiscoMalformed,
    /// A Cisco key number that we have no key for.
    #[error("Cisco MD5 key {0}, which is not configured")]
    CiscoUnknownKey(u32),
    /// The Cisco digest is wrong.
    #[error("the Cisco MD5 digest does not match")]
    CiscoDigest,
    /// An HMAC trailer is asked for.
    #[error("no HMAC trailer where one is required")]
    HmacMissing,
    /// Not the trailer that keepalived sends.
    #[error("an HMAC trailer of type {kind} with reserved field {reserved}, must be 1 and 0")]
    HmacMalformed {
        /// Its type.
        kind: u8,
        /// Its reserved field.
        reserved: u16,
    },
    /// A key number that we have no key for.
    #[error("HMAC key {0}, which is not configured")]
    HmacUnknownKey(u8),
    /// The code is wrong.
    #[error("the HMAC does not match")]
    HmacInvalid,
    /// Too far from our wall clock.
    #[error("an HMAC trailer {} ms from our clock, must be within {} ms", .off.as_millis(), .window.as_millis())]
    HmacStale {
        /// How far, in either direction.
        off: Duration,
        /// The most that is configured.
        window: Duration,
    },
    /// Heard before from this router.
    #[error("an HMAC trailer that was heard before, or an older one")]
    HmacReplayed,
}

fn around(auth_type: u8) -> &'static str {
    if auth_type == crate::wire::AUTH_HEADER { "which needs" } else { "which must not be inside" }
}

impl AuthRefusal {
    /// The name it is counted under.
    pub fn counter(&self) -> &'static str {
        match self {
            AuthRefusal::UnknownType(_) => "invalid-authentication-type",
            AuthRefusal::Mismatch { .. } | AuthRefusal::Contradictory(_) => "authentication-type-mismatch",
            AuthRefusal::Password
            | AuthRefusal::HeaderDigest
            | AuthRefusal::HeaderReplayed { .. }
            | AuthRefusal::CiscoMalformed
            | AuthRefusal::CiscoUnknownKey(_)
            | AuthRefusal::CiscoDigest => "authentication-failures",
            AuthRefusal::HmacMissing => "hmac-missing",
            AuthRefusal::HmacMalformed { .. } => "hmac-malformed",
            AuthRefusal::HmacUnknownKey(_) => "hmac-unknown-key",
            AuthRefusal::HmacInvalid => "hmac-invalid",
            AuthRefusal::HmacStale { .. } => "hmac-stale",
            AuthRefusal::HmacReplayed => "hmac-replayed",
        }
    }
}
