//! A password of eight octets in clear. It keeps mistakes apart, not people. RFC 2338 §5.3.6.2.

use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use super::{AuthRefusal, Envelope};
use crate::config::Secret;
use crate::wire::{AUTH_TEXT, Advertisement, emit};

/// A password, cut or padded with zeros to eight octets.
#[derive(ZeroizeOnDrop)]
pub(super) struct Password([u8; 8]);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    pub(super) fn new(secret: &Secret) -> Self {
        Password::of(secret.expose())
    }

    fn of(text: &[u8]) -> Self {
        let mut octets = [0; 8];
        octets.iter_mut().zip(text).for_each(|(octet, given)| *octet = *given);
        Password(octets)
    }

    pub(super) fn seal(&self, advertisement: &Advertisement, envelope: &Envelope) -> Vec<u8> {
        emit(advertisement, envelope.form, envelope.source, envelope.destination, AUTH_TEXT, self.0)
    }

    pub(super) fn admit(&self, heard: &[u8; 8]) -> Result<(), AuthRefusal> {
        if bool::from(self.0.ct_eq(heard)) { Ok(()) } else { Err(AuthRefusal::Password) }
    }
}

/// Whether `key` is the password that was heard.
pub(super) fn fits(key: &[u8], heard: &[u8; 8]) -> bool {
    Password::of(key).admit(heard).is_ok()
}
