//! Authentication: what a message carries to prove who sent it, and how it is judged.
//!
//! | scheme | method | what is sent |
//! |---|---|---|
//! | none | – | nothing |
//! | text | 1 | the text |
//! | key string | 2 | keyed MD5 |
//! | key chain | 3 | number of the key, keyed MD5 |
//!
//! A group has one scheme, and one without any refuses messages that prove something. MD5 covers the message with the
//! sender's address in the place of the digest, so that nobody can send it under another one. Against recordings there
//! are [`nonces`].

use std::net::IpAddr;
use std::time::Duration;

use fhrp::address::sixteen_octets;
use fhrp::keys::KeyChain;
use fhrp::{Secret, keyed_md5};
use subtle::ConstantTimeEq;

use crate::wire::{Credentials, Heard, Message, emit};

pub use self::nonces::{Freshness, Nonces};
pub use self::refusal::{AuthRefusal, Scheme};

pub mod nonces;
mod refusal;

/// How a group proves itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all.
    None,
    /// A text in clear, 1 to 250 octets. It keeps mistakes apart, not people.
    Text(Secret),
    /// Keyed MD5 under one key.
    KeyString(Secret),
    /// Keyed MD5 under numbered keys.
    KeyChain(KeyChain),
}

/// One group's authentication.
#[derive(Debug, Clone)]
pub struct Guard {
    authentication: Authentication,
}

impl Guard {
    /// A guard with these keys.
    pub fn new(authentication: &Authentication) -> Guard {
        Guard { authentication: authentication.clone() }
    }

    /// The octets of a message from `source`, ready to be sent. `wall` is the wall clock since the Unix epoch.
    ///
    /// `None` if no key may sign now: nothing must be sent then.
    pub fn seal(&self, message: &Message, source: IpAddr, wall: Duration) -> Option<Vec<u8>> {
        Some(match &self.authentication {
            Authentication::None => emit(message, &Credentials::None),
            Authentication::Text(text) => emit(message, &Credentials::Text(text.expose())),
            Authentication::KeyString(key) => sign(message, source, key, Credentials::KeyString),
            Authentication::KeyChain(chain) => {
                let key = chain.signing(wall)?;
                let numbered = |digest| Credentials::KeyChain { key: key.id, digest };
                sign(message, source, &key.secret, numbered)
            }
        })
    }

    /// Judges what a message from `source` carries. `wall` is the wall clock since the Unix epoch. Whether it is a
    /// recording is for [`Nonces`] to say.
    ///
    /// # Errors
    ///
    /// Why it must not be obeyed.
    pub fn admit(&self, heard: &Heard<'_>, source: IpAddr, wall: Duration) -> Result<(), AuthRefusal> {
        let right = |right: bool, refusal| if right { Ok(()) } else { Err(refusal) };
        match (&self.authentication, &heard.credentials) {
            (_, Credentials::Unknown(method)) => Err(AuthRefusal::UnknownMethod(*method)),
            (Authentication::None, Credentials::None) => Ok(()),
            (Authentication::Text(ours), Credentials::Text(theirs)) => {
                right(text_fits(ours.expose(), theirs), AuthRefusal::Text)
            }
            (Authentication::KeyString(key), Credentials::KeyString(digest)) => {
                right(digest_fits(key.expose(), heard, source, digest), AuthRefusal::Digest)
            }
            (Authentication::KeyChain(chain), Credentials::KeyChain { key: id, digest }) => {
                let mut keys = chain.believed(wall).filter(|key| key.id == *id).peekable();
                keys.peek().ok_or(AuthRefusal::UnknownKey(*id))?;
                let fits = keys.any(|key| digest_fits(key.secret.expose(), heard, source, digest));
                right(fits, AuthRefusal::Digest)
            }
            (_, credentials) => {
                Err(AuthRefusal::Mismatch { found: Scheme::of(credentials), wanted: self.scheme() })
            }
        }
    }

    /// The scheme in force.
    pub fn scheme(&self) -> Scheme {
        match &self.authentication {
            Authentication::None => Scheme::None,
            Authentication::Text(_) => Scheme::Text,
            Authentication::KeyString(_) => Scheme::KeyString,
            Authentication::KeyChain(_) => Scheme::KeyChain,
        }
    }
}

/// Whether `key` is the text that a message from `source` carries, or made its digest.
pub(crate) fn is_proven(key: &[u8], heard: &Heard<'_>, source: IpAddr) -> bool {
    match &heard.credentials {
        Credentials::None | Credentials::Unknown(_) => false,
        Credentials::Text(text) => text_fits(key, text),
        Credentials::KeyString(digest) | Credentials::KeyChain { digest, .. } => {
            digest_fits(key, heard, source, digest)
        }
    }
}

fn text_fits(ours: &[u8], theirs: &[u8]) -> bool {
    ours.ct_eq(theirs).into()
}

fn digest_fits(key: &[u8], heard: &Heard<'_>, source: IpAddr, digest: &[u8; 16]) -> bool {
    let (before, behind) = heard.around_digest();
    keyed_md5::digest(key, &[before, &sixteen_octets(source), behind]).ct_eq(digest).into()
}

/// Signs a message. What is sent where the digest will be is what the digest covers there.
fn sign(
    message: &Message,
    source: IpAddr,
    key: &Secret,
    credentials: impl Fn([u8; 16]) -> Credentials<'static>,
) -> Vec<u8> {
    let unsigned = emit(message, &credentials(sixteen_octets(source)));
    emit(message, &credentials(keyed_md5::digest(key.expose(), &[&unsigned])))
}
