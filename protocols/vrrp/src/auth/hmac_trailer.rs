//! The HMAC-SHA-256 trailer of keepalived 2.4, for both versions and both families.
//!
//! ```text
//! | Type (1)          | Key number        | Reserved (0)                          |
//! | Seconds since the Unix epoch                                                  |
//! | Fraction, 1/65536 s                   | Counter                               |
//! | HMAC, 16 octets                                                               |
//! ```
//!
//! The code covers `{4 or 6, version, VRID, 0, source in 16 octets}`, the message with its checksum zero, and
//! the trailer with the code zero. The destination is not covered, so that one code serves all unicast peers. Seconds,
//! fraction and counter are one number that only increases, on a circle of 64 bits.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::Received;
use fhrp::address::sixteen_octets;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::replay::Memory;
use super::{AuthRefusal, Envelope, unsealed};
use crate::config::{self, AntiReplay, HmacMode};
use crate::wire::{AUTH_NONE, Advertisement, Heard, emit_unsummed, set_checksum, sum};

/// HMAC-SHA-256, cut to 128 bits.
const KIND: u8 = 1;
/// Octets of the code.
const CODE: usize = 16;
/// Octets of the trailer before it.
const HEAD: usize = HmacTrailer::LENGTH - CODE;
/// An HMAC trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HmacTrailer {
    /// Type; 1 is the only one.
    pub kind: u8,
    /// Key number, 1 to 255.
    pub key: u8,
    /// Must be zero.
    pub reserved: u16,
    /// Seconds, fraction and counter as one number: 2⁻³² s each.
    pub sequence: u64,
    /// The code.
    pub code: [u8; CODE],
}

impl HmacTrailer {
    /// Octets of the trailer.
    pub const LENGTH: usize = 28;

    pub(crate) fn read(octets: &[u8; Self::LENGTH]) -> Self {
        let [kind, key, r0, r1, s0, s1, s2, s3, f0, f1, c0, c1, code @ ..] = *octets;
        HmacTrailer {
            kind,
            key,
            reserved: u16::from_be_bytes([r0, r1]),
            sequence: u64::from_be_bytes([s0, s1, s2, s3, f0, f1, c0, c1]),
            code,
        }
    }

    /// Whether it is of the one kind that is known.
    pub(crate) fn is_well_formed(&self) -> bool {
        self.kind == KIND && self.reserved == 0
    }

    fn head(&self) -> [u8; HEAD] {
        let [r0, r1] = self.reserved.to_be_bytes();
        let [s0, s1, s2, s3, f0, f1, c0, c1] = self.sequence.to_be_bytes();
        [self.kind, self.key, r0, r1, s0, s1, s2, s3, f0, f1, c0, c1]
    }
}

/// One group's keys, its own sequence, and those of the routers it heard.
#[derive(Debug)]
pub(super) struct Association {
    config: config::Hmac,
    sent: Option<u64>,
    multicast: Memory<u64>,
    unicast: Memory<u64>,
}

impl Association {
    pub(super) fn new(config: &config::Hmac) -> Self {
        Association {
            config: config.clone(),
            sent: None,
            multicast: Memory::default(),
            unicast: Memory::default(),
        }
    }

    pub(super) fn reconfigure(&mut self, config: &config::Hmac) {
        self.config = config.clone();
    }

    pub(super) fn overhead(&self) -> usize {
        match self.config.mode {
            HmacMode::ReceiveOnly => 0,
            HmacMode::Permissive | HmacMode::Enforce => HmacTrailer::LENGTH,
        }
    }

    pub(super) fn seal(
        &mut self,
        advertisement: &Advertisement,
        envelope: &Envelope,
        wall: Duration,
    ) -> Vec<u8> {
        let (Some(key), HmacMode::Permissive | HmacMode::Enforce) =
            (self.config.keys.first(), self.config.mode)
        else {
            return unsealed(advertisement, envelope);
        };
        let clock = sequence_at(wall);
        let sequence = match self.sent {
            Some(sent) if !is_after(clock, sent) => sent.wrapping_add(1),
            Some(_) | None => clock,
        };
        self.sent = Some(sequence);

        let Envelope { form, source, destination, .. } = *envelope;
        let key_id = u8::try_from(key.id).unwrap_or_default();
        let mut trailer = HmacTrailer { kind: KIND, key: key_id, reserved: 0, sequence, code: [0; CODE] };
        let mut octets = emit_unsummed(advertisement, source, AUTH_NONE, [0; 8]);
        trailer.code = code(key.secret.expose(), advertisement, source, &octets, &trailer);
        let message = octets.len();
        octets.extend(trailer.head());
        octets.extend(trailer.code);
        // Over IPv6 keepalived's kernel sums all that it is given to send.
        let covered = if source.is_ipv6() { &octets[..] } else { &octets[..message] };
        let checksum = sum(covered, advertisement.version, form, source, destination).checksum();
        set_checksum(&mut octets, checksum);
        octets
    }

    /// Form, then clock, then key, then code, and only what passed all of it is remembered.
    pub(super) fn admit(
        &mut self,
        received: &Received<'_>,
        heard: &Heard<'_>,
        wall: Duration,
    ) -> Result<(), AuthRefusal> {
        let Some(trailer) = &heard.trailer else {
            return match self.config.mode {
                HmacMode::ReceiveOnly | HmacMode::Permissive => Ok(()),
                HmacMode::Enforce => Err(AuthRefusal::HmacMissing),
            };
        };
        if !trailer.is_well_formed() {
            return Err(AuthRefusal::HmacMalformed { kind: trailer.kind, reserved: trailer.reserved });
        }
        if let AntiReplay::Window(window) = self.config.anti_replay {
            let off = distance(trailer.sequence, sequence_at(wall));
            if off > window {
                return Err(AuthRefusal::HmacStale { off, window });
            }
        }
        let mut known = false;
        let mut good = false;
        for key in self.config.keys.iter().filter(|key| key.id == u32::from(trailer.key)) {
            known = true;
            good |= fits(key.secret.expose(), received, heard, trailer);
        }
        match (known, good) {
            (false, _) => Err(AuthRefusal::HmacUnknownKey(trailer.key)),
            (true, false) => Err(AuthRefusal::HmacInvalid),
            (true, true) if received.destination.is_multicast() => {
                advance(&mut self.multicast, received.source, trailer.sequence)
            }
            (true, true) => advance(&mut self.unicast, received.source, trailer.sequence),
        }
    }
}

/// Only what increases passes, and is remembered.
fn advance(memory: &mut Memory<u64>, sender: IpAddr, sequence: u64) -> Result<(), AuthRefusal> {
    if memory.latest(sender).is_some_and(|last| !is_after(sequence, last)) {
        return Err(AuthRefusal::HmacReplayed);
    }
    memory.remember(sender, sequence);
    Ok(())
}

/// Whether `key` made the trailer's code.
pub(super) fn fits(key: &[u8], received: &Received<'_>, heard: &Heard<'_>, trailer: &HmacTrailer) -> bool {
    let mut message = heard.message.to_vec();
    set_checksum(&mut message, 0);
    let code = code(key, &heard.advertisement, received.source, &message, trailer);
    bool::from(code.ct_eq(&trailer.code))
}

/// The code over `message`, whose checksum is zero, and the head of `trailer`.
fn code(
    key: &[u8],
    advertisement: &Advertisement,
    source: IpAddr,
    message: &[u8],
    trailer: &HmacTrailer,
) -> [u8; CODE] {
    let family = if source.is_ipv4() { 4 } else { 6 };
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key).for_each(|(octet, given)| *octet = *given);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(&[family, advertisement.version.number(), advertisement.vrid, 0]);
    mac.update(&sixteen_octets(source));
    mac.update(message);
    mac.update(&trailer.head());
    mac.update(&[0; CODE]);
    let digest = mac.finalize().into_bytes();
    let mut code = [0; CODE];
    code.iter_mut().zip(digest).for_each(|(octet, given)| *octet = given);
    code
}

/// The sequence that a clock asks for: seconds in the upper half, then the fraction, counter zero. Seconds
/// wrap in 2106, and the circle with them.
fn sequence_at(wall: Duration) -> u64 {
    let fraction = u64::from(wall.subsec_nanos()) * 65_536 / 1_000_000_000;
    (wall.as_secs() << 32) | (fraction << 16)
}

/// Whether `sequence` comes after `last` on the circle of 64 bits. RFC 1982.
fn is_after(sequence: u64, last: u64) -> bool {
    sequence != last && sequence.wrapping_sub(last) < 1 << 63
}

/// The time between two sequences, the shorter way round.
fn distance(one: u64, other: u64) -> Duration {
    let units = one.wrapping_sub(other).min(other.wrapping_sub(one));
    let nanoseconds = (u128::from(units) * 1_000_000_000) >> 32;
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}
