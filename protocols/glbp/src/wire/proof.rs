//! What a message carries to prove who sent it, and that it is new.
//!
//! ```text
//! | Type (3)          | Length            | Method            | Octets of data    |
//! | Data: a text and a zero, a digest, or the number of a key and a digest        |
//!
//! | Type (4)          | Length            | Peers             | Generation        |
//! | Nonce                                                                         |
//! | Peer's owner ID …                                                             |
//! | …                                     | Peer's nonce …                        |
//! | …                                     | Padding                               |
//! ```
//!
//! Cisco leaves garbage in what is padding.

use fhrp::Mac;
use nom::bytes::complete::take;
use nom::multi::{count, length_data};
use nom::number::complete::{be_u8, be_u32};
use nom::{IResult, Parser};

use super::{WireError, array};

/// Type of an authentication.
pub(crate) const AUTHENTICATION: u8 = 3;
/// Type of a challenge.
pub(crate) const CHALLENGE: u8 = 4;

/// Method of a message that proves nothing; Cisco leaves the TLV out instead.
pub(crate) const METHOD_NONE: u8 = 0;
/// Method of a text.
pub(crate) const METHOD_TEXT: u8 = 1;
/// Method of a digest under the one key there is.
pub(crate) const METHOD_KEY_STRING: u8 = 2;
/// Method of a digest under a numbered key.
pub(crate) const METHOD_KEY_CHAIN: u8 = 3;

/// Octets of an authentication before its data.
pub(crate) const AUTHENTICATION_FIXED: usize = 4;
/// Octets of a challenge before its peers.
const CHALLENGE_FIXED: usize = 8;
/// Octets of a peer in a challenge.
pub(crate) const PEER: usize = 12;
/// Octets of a digest.
pub(crate) const DIGEST: usize = 16;
/// Octets of a key's number.
pub(crate) const KEY_ID: usize = 4;

/// The most octets of a text that are sent; more are cut.
pub const MOST_TEXT: usize = 250;
/// The most peers that a challenge has room for; more are left out.
pub const MOST_PEERS: usize = (255 - CHALLENGE_FIXED) / PEER;

/// What a message carries to prove who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// Nothing.
    None,
    /// A text in clear, without the zero behind it.
    Text(&'a [u8]),
    /// Keyed MD5 under a key string.
    KeyString([u8; DIGEST]),
    /// Keyed MD5 under a key of a chain.
    KeyChain {
        /// The key's number.
        key: u32,
        /// The digest.
        digest: [u8; DIGEST],
    },
    /// A method that nobody knows.
    Unknown(u8),
}

/// A number that others must repeat, and the numbers that others gave: who repeats a recent one is not a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Counts the sender's nonces, one by one, and round.
    pub generation: u8,
    /// The sender's nonce.
    pub nonce: u32,
    /// What the sender heard last from each of its peers.
    pub peers: Vec<Peer>,
}

/// A peer's nonce, repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The peer's owner ID.
    pub owner: Mac,
    /// Its nonce.
    pub nonce: u32,
}

/// Credentials, and where in the TLV the digest lies, if there is one. `value` is what follows type and length.
pub(super) fn read_authentication(
    value: &[u8],
    length: usize,
) -> Result<(Credentials<'_>, usize), WireError> {
    let fields: IResult<&[u8], (u8, &[u8])> = (be_u8, length_data(be_u8)).parse(value);
    let (_, (method, data)) = fields.map_err(|_| {
        let data = value.get(1).copied().unwrap_or_default();
        WireError::TlvLength {
            kind: AUTHENTICATION,
            length,
            wanted: AUTHENTICATION_FIXED + usize::from(data),
        }
    })?;
    let other = |wanted| WireError::AuthenticationLength { method, length: data.len(), wanted };
    Ok(match method {
        METHOD_NONE => (Credentials::None, 0),
        METHOD_TEXT => (Credentials::Text(data.strip_suffix(&[0]).unwrap_or(data)), 0),
        METHOD_KEY_STRING => {
            let digest = data.try_into().map_err(|_| other(DIGEST))?;
            (Credentials::KeyString(digest), AUTHENTICATION_FIXED)
        }
        METHOD_KEY_CHAIN => {
            let wanted = KEY_ID + DIGEST;
            let (key, digest) = data.split_first_chunk().ok_or(other(wanted))?;
            let digest = digest.try_into().map_err(|_| other(wanted))?;
            (Credentials::KeyChain { key: u32::from_be_bytes(*key), digest }, AUTHENTICATION_FIXED + KEY_ID)
        }
        unknown => (Credentials::Unknown(unknown), 0),
    })
}

pub(super) fn write_authentication(credentials: &Credentials<'_>, octets: &mut Vec<u8>) {
    match credentials {
        Credentials::None => {}
        Credentials::Text(text) => {
            let text = text.get(..MOST_TEXT).unwrap_or(text);
            let size = u8::try_from(text.len()).unwrap_or(u8::MAX) + 1;
            octets.extend([AUTHENTICATION, 4 + size, METHOD_TEXT, size]);
            octets.extend_from_slice(text);
            octets.push(0);
        }
        Credentials::KeyString(digest) => {
            octets.extend([AUTHENTICATION, 20, METHOD_KEY_STRING, 16]);
            octets.extend(digest);
        }
        Credentials::KeyChain { key, digest } => {
            octets.extend([AUTHENTICATION, 24, METHOD_KEY_CHAIN, 20]);
            octets.extend(key.to_be_bytes());
            octets.extend(digest);
        }
        Credentials::Unknown(method) => octets.extend([AUTHENTICATION, 4, *method, 0]),
    }
}

/// A challenge; `value` is what follows type and length.
pub(super) fn read_challenge(value: &[u8], length: usize) -> Result<Challenge, WireError> {
    let short = |wanted| WireError::TlvLength { kind: CHALLENGE, length, wanted };
    let fields: IResult<&[u8], _> = (be_u8, be_u8, be_u32).parse(value);
    let (behind, (number, generation, nonce)) = fields.map_err(|_| short(CHALLENGE_FIXED))?;
    let peer = (array::<6>, be_u32, take(2usize)).map(|(owner, nonce, _)| Peer { owner: Mac(owner), nonce });
    let peers: IResult<&[u8], Vec<Peer>> = count(peer, usize::from(number)).parse(behind);
    let (_, peers) = peers.map_err(|_| short(CHALLENGE_FIXED + PEER * usize::from(number)))?;
    Ok(Challenge { generation, nonce, peers })
}

pub(super) fn write_challenge(challenge: &Challenge, octets: &mut Vec<u8>) {
    let peers = challenge.peers.get(..MOST_PEERS).unwrap_or(&challenge.peers);
    let number = u8::try_from(peers.len()).unwrap_or(u8::MAX);
    octets.extend([CHALLENGE, 8 + 12 * number, number, challenge.generation]);
    octets.extend(challenge.nonce.to_be_bytes());
    for Peer { owner, nonce } in peers {
        octets.extend(owner.0);
        octets.extend(nonce.to_be_bytes());
        octets.extend([0, 0]);
    }
}
