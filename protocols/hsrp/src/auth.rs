//! Authentication: what a message carries to prove who sent it, and how it is judged.
//!
//! | scheme | version 1 | version 2 | source |
//! |---|---|---|---|
//! | text | Authentication Data | a TLV | RFC 2281 §5.1 |
//! | MD5, key string or key chain | a TLV behind the message | the same TLV | captured |
//!
//! A group has one scheme. MD5 covers the message and nothing else, and nothing in it counts: whoever recorded a
//! message can send it again. What speaks for an interface is never authenticated, and never obeyed by a group.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::keys::{ChainKey, KeyChain};
use fhrp::{Secret, keyed_md5};
use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use crate::wire::{ALGORITHM_MD5, Credentials, Heard, Md5Tlv, Message, emit};

pub use self::refusal::{AuthRefusal, Scheme};

mod refusal;

/// The text of a group that was told nothing else. RFC 2281 §5.1.
pub const DEFAULT_TEXT: &str = "cisco";
/// Octets of a text; a longer one is cut.
pub const TEXT_LENGTH: usize = 8;

/// How a group proves itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// A text in clear. It keeps mistakes apart, not people.
    Text(Secret),
    /// Keyed MD5. A key string is a chain of one key with number 0; while it is replaced the old one may stay in the
    /// chain, to be believed for a while and to sign no more.
    Md5(KeyChain),
}

impl Default for Authentication {
    fn default() -> Self {
        Authentication::Text(Secret::new(DEFAULT_TEXT))
    }
}

/// One group's authentication.
#[derive(Debug, Clone)]
pub struct Guard {
    by: By,
}

#[derive(Debug, Clone)]
enum By {
    Text(Text),
    Md5(KeyChain),
}

impl Guard {
    /// A guard with these keys.
    pub fn new(authentication: &Authentication) -> Guard {
        let by = match authentication {
            Authentication::Text(secret) => By::Text(Text::of(secret.expose())),
            Authentication::Md5(chain) => By::Md5(chain.clone()),
        };
        Guard { by }
    }

    /// The octets of a message from `source`, ready to be sent. `wall` is the wall clock since the Unix epoch.
    ///
    /// `None` if no key may sign now: nothing must be sent then.
    pub fn seal(&self, message: &Message, source: IpAddr, wall: Duration) -> Option<Vec<u8>> {
        match (&self.by, message) {
            (_, Message::Interface(_)) => Some(emit(message, &Credentials::None)),
            (By::Text(text), Message::Group(_)) => Some(emit(message, &Credentials::Text(text.0))),
            (By::Md5(chain), Message::Group(_)) => {
                chain.signing(wall).map(|key| sign(message, Md5Tlv::unsigned(source, key.id), key))
            }
        }
    }

    /// The number of the key that signs at `wall`, if there is one.
    pub fn signing_key(&self, wall: Duration) -> Option<u32> {
        match &self.by {
            By::Text(_) => None,
            By::Md5(chain) => chain.signing(wall).map(|key| key.id),
        }
    }

    /// Judges what a message carries. `wall` is the wall clock since the Unix epoch. What speaks for an interface is
    /// admitted as it is.
    ///
    /// # Errors
    ///
    /// Why it must not be obeyed.
    pub fn admit(&self, heard: &Heard<'_>, wall: Duration) -> Result<(), AuthRefusal> {
        match (&self.by, &heard.credentials, &heard.message) {
            (_, _, Message::Interface(_)) => Ok(()),
            (By::Text(ours), Credentials::Text(theirs), Message::Group(_)) => ours.admit(theirs),
            (By::Md5(chain), Credentials::Md5(tlv), Message::Group(_)) => admit_md5(chain, heard, tlv, wall),
            (_, credentials, Message::Group(_)) => {
                Err(AuthRefusal::Mismatch { found: Scheme::of(credentials), wanted: self.scheme() })
            }
        }
    }

    /// The scheme in force.
    pub fn scheme(&self) -> Scheme {
        match &self.by {
            By::Text(_) => Scheme::Text,
            By::Md5(_) => Scheme::Md5,
        }
    }
}

/// The key that the message names is tried first, then every other: what members call a key is their own affair.
fn admit_md5(chain: &KeyChain, heard: &Heard<'_>, tlv: &Md5Tlv, wall: Duration) -> Result<(), AuthRefusal> {
    if tlv.algorithm != ALGORITHM_MD5 {
        return Err(AuthRefusal::Algorithm(tlv.algorithm));
    }
    let mut keys: Vec<&ChainKey> = chain.believed(wall).collect();
    keys.sort_by_key(|key| key.id != tlv.key);
    if keys.is_empty() {
        return Err(AuthRefusal::NoKey);
    }
    let fits = keys.iter().any(|key| digest_fits(key.secret.expose(), heard, tlv));
    if fits { Ok(()) } else { Err(AuthRefusal::Digest) }
}

/// Whether `key` is the text that a message carries, or made its digest.
pub(crate) fn is_proven(key: &[u8], heard: &Heard<'_>) -> bool {
    match &heard.credentials {
        Credentials::None => false,
        Credentials::Text(text) => Text::of(key).admit(text).is_ok(),
        Credentials::Md5(tlv) => digest_fits(key, heard, tlv),
    }
}

fn digest_fits(key: &[u8], heard: &Heard<'_>, tlv: &Md5Tlv) -> bool {
    let (before, behind) = heard.around_digest();
    keyed_md5::digest(key, &[before, &[0; 16], behind]).ct_eq(&tlv.digest).into()
}

fn sign(message: &Message, tlv: Md5Tlv, key: &ChainKey) -> Vec<u8> {
    let unsigned = emit(message, &Credentials::Md5(tlv));
    let digest = keyed_md5::digest(key.secret.expose(), &[&unsigned]);
    emit(message, &Credentials::Md5(Md5Tlv { digest, ..tlv }))
}

/// A text, cut or padded with zeros to eight octets.
#[derive(Clone, ZeroizeOnDrop)]
struct Text([u8; TEXT_LENGTH]);

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Text(…)")
    }
}

impl Text {
    fn of(text: &[u8]) -> Self {
        let mut octets = [0; TEXT_LENGTH];
        octets.iter_mut().zip(text).for_each(|(octet, given)| *octet = *given);
        Text(octets)
    }

    fn admit(&self, theirs: &[u8; TEXT_LENGTH]) -> Result<(), AuthRefusal> {
        if bool::from(self.0.ct_eq(theirs)) { Ok(()) } else { Err(AuthRefusal::Text) }
    }
}
