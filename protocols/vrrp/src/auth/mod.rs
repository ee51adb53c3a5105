//! Authentication: what is put around or behind an advertisement to prove who sent it, and how it is judged.
//!
//! | scheme | where it is | versions | source |
//! |---|---|---|---|
//! | [`text`] | Authentication Data | 2 | RFC 2338 §5.3.6.2 |
//! | [`ah`] | a header between IP and VRRP | 2 | RFC 2338 §5.3.6.3, RFC 2402 |
//! | [`cisco_md5`] | a TLV behind the message | 2 | seen in captures of Cisco IOS |
//! | [`hmac_trailer`] | behind the message | 2, 3 | keepalived 2.4 |
//!
//! Only the last one withstands somebody who can listen.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::Received;
use fhrp::packet::ip_protocol;

use crate::config;
use crate::wire::{AUTH_NONE, Advertisement, ChecksumForm, Credentials, Heard, Version, emit};

pub use self::refusal::{AuthRefusal, Scheme};

pub mod ah;
pub mod cisco_md5;
pub mod hmac_trailer;
mod refusal;
mod replay;
pub mod text;

/// One group's authentication: keys, and what has to be remembered against replays.
#[derive(Debug)]
pub struct Guard {
    by: By,
}

#[derive(Debug)]
enum By {
    Nothing,
    Text(text::Password),
    Header(ah::Association),
    CiscoMd5(cisco_md5::KeyChain),
    Trailer(hmac_trailer::Association),
}

/// An advertisement, ready to be put behind an IP header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// IP protocol: 112, or 51 inside an Authentication Header.
    pub protocol: u8,
    /// Everything behind the IP header.
    pub payload: Vec<u8>,
}

/// Where a sealed advertisement goes. Digests and checksums cover some of it.
#[derive(Debug, Clone, Copy)]
struct Envelope {
    form: ChecksumForm,
    source: IpAddr,
    destination: IpAddr,
    identification: u16,
    routed: bool,
}

impl Guard {
    /// A guard that has heard and sent nothing yet.
    pub fn new(config: &config::Authentication) -> Guard {
        let by = match config {
            config::Authentication::None => By::Nothing,
            config::Authentication::Text(secret) => By::Text(text::Password::new(secret)),
            config::Authentication::AuthenticationHeader(secret) => By::Header(ah::Association::new(secret)),
            config::Authentication::CiscoMd5(keys) => By::CiscoMd5(cisco_md5::KeyChain::new(keys)),
            config::Authentication::Hmac(hmac) => By::Trailer(hmac_trailer::Association::new(hmac)),
        };
        Guard { by }
    }

    /// Takes over new keys and settings. Within one scheme sequence numbers and the memory of replays stay:
    /// a change of key must not make old frames good again.
    pub fn reconfigure(&mut self, config: &config::Authentication) {
        match (&mut self.by, config) {
            (By::Header(association), config::Authentication::AuthenticationHeader(secret)) => {
                association.rekey(secret);
            }
            (By::Trailer(association), config::Authentication::Hmac(hmac)) => association.reconfigure(hmac),
            _ => *self = Guard::new(config),
        }
    }

    /// Seals one advertisement for sending.
    ///
    /// `identification` is the one the IPv4 header will have, `routed` whether it leaves by the kernel's
    /// routing; the Authentication Header covers a header of 20 octets with TTL 255 and no flags. `wall` is
    /// the wall clock since the Unix epoch.
    ///
    /// Schemes of version 2 leave version 3 as it is, which has no place for them.
    #[expect(clippy::too_many_arguments, reason = "each is one field of the headers that digests cover")]
    pub fn seal(
        &mut self,
        advertisement: &Advertisement,
        form: ChecksumForm,
        source: IpAddr,
        destination: IpAddr,
        identification: u16,
        routed: bool,
        wall: Duration,
    ) -> Sealed {
        let envelope = Envelope { form, source, destination, identification, routed };
        let plain = |payload| Sealed { protocol: ip_protocol::VRRP, payload };
        match (&mut self.by, advertisement.version) {
            (By::Text(password), Version::V2) => plain(password.seal(advertisement, &envelope)),
            (By::Header(association), Version::V2) => Sealed {
                protocol: ip_protocol::AUTHENTICATION_HEADER,
                payload: association.seal(advertisement, &envelope, wall),
            },
            (By::CiscoMd5(chain), Version::V2) => plain(chain.seal(advertisement, &envelope)),
            (By::Trailer(association), _) => plain(association.seal(advertisement, &envelope, wall)),
            (By::Nothing, _) | (By::Text(_) | By::Header(_) | By::CiscoMd5(_), Version::V3) => {
                plain(unsealed(advertisement, &envelope))
            }
        }
    }

    /// Judges what a heard frame carries, and remembers it against replays if it is good.
    ///
    /// # Errors
    ///
    /// Why the frame must not be obeyed.
    pub fn admit(
        &mut self,
        received: &Received<'_>,
        heard: &Heard<'_>,
        wall: Duration,
    ) -> Result<(), AuthRefusal> {
        let wanted = self.scheme();
        let mismatch = |found| AuthRefusal::Mismatch { found, wanted };
        match heard.credentials {
            Credentials::Unknown(code) => return Err(AuthRefusal::UnknownType(code)),
            Credentials::Contradictory(code) => return Err(AuthRefusal::Contradictory(code)),
            _ if heard.trailer.is_some() && wanted != Scheme::Hmac => return Err(mismatch(Scheme::Hmac)),
            _ => {}
        }
        match (&mut self.by, &heard.credentials) {
            (By::Nothing, Credentials::None) => Ok(()),
            (By::Text(password), Credentials::Text(heard)) => password.admit(heard),
            (By::Header(association), Credentials::AuthenticationHeader(view)) => {
                association.admit(received, view)
            }
            (By::CiscoMd5(chain), Credentials::CiscoMd5(tlv)) => chain.admit(heard.message, tlv),
            (By::Trailer(association), Credentials::None) => association.admit(received, heard, wall),
            (_, credentials) => Err(mismatch(Scheme::of(credentials))),
        }
    }

    /// The latest number of a number space that the members share; only the Authentication Header has one.
    pub fn shared_number(&self) -> Option<u32> {
        match &self.by {
            By::Header(association) => association.number(),
            By::Nothing | By::Text(_) | By::CiscoMd5(_) | By::Trailer(_) => None,
        }
    }

    /// Takes back the shared numbers of what was sealed since then and is only kept for later: to everybody else
    /// they are free, and what others send with them must not be refused here.
    pub fn return_to(&mut self, number: Option<u32>) {
        match &mut self.by {
            By::Header(association) => association.return_to(number),
            By::Nothing | By::Text(_) | By::CiscoMd5(_) | By::Trailer(_) => {}
        }
    }

    /// Octets that sealing adds to a plain message.
    pub fn overhead(&self) -> usize {
        match &self.by {
            By::Nothing | By::Text(_) => 0,
            By::Header(_) => ah::LENGTH,
            By::CiscoMd5(_) => cisco_md5::CiscoTlv::LENGTH,
            By::Trailer(association) => association.overhead(),
        }
    }

    /// Whether a sealed advertisement is refused by its hearers once a later one was sent: whoever keeps one
    /// for later, such as a last will, has to seal it anew after each that is sent.
    pub fn ages(&self) -> bool {
        match &self.by {
            By::Nothing | By::Text(_) | By::CiscoMd5(_) => false,
            By::Header(_) => true,
            By::Trailer(association) => association.overhead() > 0,
        }
    }

    /// The scheme in force.
    pub fn scheme(&self) -> Scheme {
        match &self.by {
            By::Nothing => Scheme::None,
            By::Text(_) => Scheme::Text,
            By::Header(_) => Scheme::AuthenticationHeader,
            By::CiscoMd5(_) => Scheme::CiscoMd5,
            By::Trailer(_) => Scheme::Hmac,
        }
    }
}

/// Whether `key` made what a heard frame carries to prove who sent it. A replay is good here: telling one takes a
/// memory, see [`Guard::admit`].
pub(crate) fn is_proven(key: &[u8], received: &Received<'_>, heard: &Heard<'_>) -> bool {
    match (&heard.trailer, &heard.credentials) {
        (Some(trailer), _) => hmac_trailer::fits(key, received, heard, trailer),
        (None, Credentials::Text(password)) => text::fits(key, password),
        (None, Credentials::AuthenticationHeader(view)) => ah::fits(key, received, view),
        (None, Credentials::CiscoMd5(tlv)) => cisco_md5::fits(key, heard.message, tlv),
        (None, Credentials::None | Credentials::Contradictory(_) | Credentials::Unknown(_)) => false,
    }
}

fn unsealed(advertisement: &Advertisement, envelope: &Envelope) -> Vec<u8> {
    emit(advertisement, envelope.form, envelope.source, envelope.destination, AUTH_NONE, [0; 8])
}
