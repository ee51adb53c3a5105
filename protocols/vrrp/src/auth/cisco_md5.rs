//! Cisco's keyed MD5 for version 2, Auth Type 254. Not in any RFC; read from captures of Cisco IOS.
//!
//! ```text
//! | Type (0xfe)       | Length (28)       | Algorithm (1)     | Padding (0)       |
//! | Flags (0)                             | Sender's IPv4 address …               |
//! | …                                     | Key number …                          |
//! | …                                     | Digest, 16 octets …                   |
//! ```
//!
//! The digest is `MD5(K ‖ P ‖ M ‖ K)` in the manner of RFC 1828: K the key, P what MD5 itself would append to a
//! message consisting of K, M the message with its checksum zero. Neither the field itself nor anything that
//! changes from frame to frame is covered, so a recorded frame is good for ever.

use std::net::{IpAddr, Ipv4Addr};

use fhrp::keyed_md5;
use subtle::ConstantTimeEq;

use super::{AuthRefusal, Envelope, unsealed};
use crate::config::Key;
use crate::wire::{AUTH_CISCO_MD5, Advertisement, ChecksumForm, Version, emit_unsummed, set_checksum, sum};

/// Type, length, algorithm, padding and flags: always these.
const HEAD: [u8; 6] = [0xfe, 28, 1, 0, 0, 0];

/// Cisco's MD5 field, as heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CiscoTlv {
    /// Type, length, algorithm, padding and flags are as they are always seen.
    pub well_formed: bool,
    /// The sender's address. The digest does not cover it, so it proves nothing and is not compared.
    pub sender: Ipv4Addr,
    /// Key number: 0 with a key string.
    pub key: u32,
    /// Digest.
    pub digest: [u8; 16],
}

impl CiscoTlv {
    /// Octets of the field.
    pub const LENGTH: usize = 30;

    pub(crate) fn read(octets: &[u8; Self::LENGTH]) -> Self {
        let [a, b, c, d, e, f, s0, s1, s2, s3, k0, k1, k2, k3, digest @ ..] = *octets;
        CiscoTlv {
            well_formed: [a, b, c, d, e, f] == HEAD,
            sender: Ipv4Addr::new(s0, s1, s2, s3),
            key: u32::from_be_bytes([k0, k1, k2, k3]),
            digest,
        }
    }
}

/// The keys of one group: the first signs, all are accepted.
#[derive(Debug)]
pub(super) struct KeyChain(Vec<Key>);

impl KeyChain {
    pub(super) fn new(keys: &[Key]) -> Self {
        KeyChain(keys.to_vec())
    }

    pub(super) fn seal(&self, advertisement: &Advertisement, envelope: &Envelope) -> Vec<u8> {
        let (Some(key), IpAddr::V4(sender)) = (self.0.first(), envelope.source) else {
            return unsealed(advertisement, envelope);
        };
        let mut octets = emit_unsummed(advertisement, envelope.source, AUTH_CISCO_MD5, [0; 8]);
        let digest = keyed_md5::digest(key.secret.expose(), &[&octets]);
        octets.extend(HEAD);
        octets.extend(sender.octets());
        octets.extend(key.id.to_be_bytes());
        octets.extend(digest);
        let sum = sum(&octets, Version::V2, ChecksumForm::MessageOnly, envelope.source, envelope.destination);
        set_checksum(&mut octets, sum.checksum());
        octets
    }

    /// `message` is the message up to the end of the Authentication Data.
    pub(super) fn admit(&self, message: &[u8], tlv: &CiscoTlv) -> Result<(), AuthRefusal> {
        if !tlv.well_formed {
            return Err(AuthRefusal::CiscoMalformed);
        }
        let mut known = false;
        for key in self.0.iter().filter(|key| key.id == tlv.key) {
            known = true;
            if fits(key.secret.expose(), message, tlv) {
                return Ok(());
            }
        }
        Err(if known { AuthRefusal::CiscoDigest } else { AuthRefusal::CiscoUnknownKey(tlv.key) })
    }
}

/// Whether `key` made the digest. `message` is the message up to the end of the Authentication Data.
pub(super) fn fits(key: &[u8], message: &[u8], tlv: &CiscoTlv) -> bool {
    let mut zeroed = message.to_vec();
    set_checksum(&mut zeroed, 0);
    bool::from(keyed_md5::digest(key, &[&zeroed]).ct_eq(&tlv.digest))
}
