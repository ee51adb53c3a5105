//! The IP Authentication Header with HMAC-MD5-96, as keepalived uses it. RFC 2338 §5.3.6.3, RFC 2402, RFC 2403.
//!
//! ```text
//! | Next Header (112) | Length (4)        | Reserved (0)                          |
//! | Security Parameters Index: the sender's IPv4 address                          |
//! | Sequence Number                                                               |
//! | Integrity Check Value, 12 octets                                              |
//! ```
//!
//! The value covers the IP header, this header with the value zero, and the message. RFC 2402 §3.3.3.1.1.1
//! would take TOS, flags, fragment offset, TTL and header checksum as zero; of these keepalived leaves the TTL
//! in place for multicast, where it is always 255. All members of a group share one number space: who takes over
//! counts on from the highest number heard.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fhrp::Received;
use fhrp::packet::ip_protocol;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::replay::Memory;
use super::{AuthRefusal, Envelope};
use crate::config::Secret;
use crate::wire::{AUTH_HEADER, Advertisement, ChecksumForm, WireError, emit};

/// Octets of the header.
pub const LENGTH: usize = 24;
/// Octets of its Integrity Check Value.
const ICV: usize = 12;
/// Octets of the header before it.
const BEFORE_ICV: usize = LENGTH - ICV;
/// The length field: 32-bit words, less two. RFC 2402 §2.2.
const LENGTH_CODE: u8 = 4;
/// Octets of a password that count.
const KEY: usize = 8;
/// Octets of an IPv4 header without options.
const IPV4_HEADER: usize = 20;

/// An Authentication Header that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AhView<'a> {
    /// Sequence Number.
    pub sequence: u32,
    /// Integrity Check Value.
    pub code: &'a [u8; ICV],
}

impl<'a> AhView<'a> {
    /// The header, and what is inside it.
    pub(crate) fn split(payload: &'a [u8]) -> Result<(Self, &'a [u8]), WireError> {
        let Some((fixed, rest)) = payload.split_first_chunk::<BEFORE_ICV>() else {
            return Err(WireError::Truncated { need: LENGTH, got: payload.len() });
        };
        let Some((code, inside)) = rest.split_first_chunk::<ICV>() else {
            return Err(WireError::Truncated { need: LENGTH, got: payload.len() });
        };
        let &[next, length, _, _, _, _, _, _, a, b, c, d] = fixed;
        if (next, length) != (ip_protocol::VRRP, LENGTH_CODE) {
            return Err(WireError::Header { length, next });
        }
        Ok((AhView { sequence: u32::from_be_bytes([a, b, c, d]), code }, inside))
    }
}

/// The VRRP message inside an Authentication Header of any length; `None` if it has none inside.
pub(crate) fn vrrp_inside(payload: &[u8]) -> Option<&[u8]> {
    let &[next, length] = payload.first_chunk()?;
    let inside = payload.get((usize::from(length) + 2) * 4..)?;
    (next == ip_protocol::VRRP).then_some(inside)
}

/// One group's key and its place in the shared number space.
#[derive(Debug)]
pub(super) struct Association {
    secret: Secret,
    /// The highest number sent or heard; `None` before the first. What we send goes above it.
    last: Option<u32>,
    /// The highest number heard, of whomever.
    heard: Option<u32>,
    /// The highest number heard of each. Two routers that speak at the same time count on from the same number:
    /// equal ones are no replay, unless of the same sender.
    of_each: Memory<u32>,
}

impl Association {
    pub(super) fn new(secret: &Secret) -> Self {
        Association { secret: secret.clone(), last: None, heard: None, of_each: Memory::default() }
    }

    pub(super) fn rekey(&mut self, secret: &Secret) {
        self.secret = secret.clone();
    }

    /// One above the highest number there was, and no less than the seconds since the Unix epoch. A router that is
    /// started again and hears nobody would begin with 1: its peers would refuse it, and what it said in an earlier
    /// life could be repeated to those who never heard it.
    fn next(&self, wall: Duration) -> u32 {
        // In 2106 the seconds wrap, and the circle of numbers with them.
        let seconds = wall.as_secs() as u32;
        let Some(last) = self.last else { return seconds.max(1) };
        let next = last.wrapping_add(1);
        if is_after(seconds, next) { seconds } else { next }
    }

    /// The highest number sent or heard.
    pub(super) fn number(&self) -> Option<u32> {
        self.last
    }

    /// What was sealed since then is not going to be sent now.
    pub(super) fn return_to(&mut self, number: Option<u32>) {
        self.last = number;
    }

    pub(super) fn seal(
        &mut self,
        advertisement: &Advertisement,
        envelope: &Envelope,
        wall: Duration,
    ) -> Vec<u8> {
        let message = emit(
            advertisement,
            ChecksumForm::MessageOnly,
            envelope.source,
            envelope.destination,
            AUTH_HEADER,
            [0; 8],
        );
        let (IpAddr::V4(source), IpAddr::V4(destination)) = (envelope.source, envelope.destination) else {
            // Version 2 has no IPv6, and a message of it over IPv6 is refused by whoever hears it.
            return message;
        };
        let sequence = self.next(wall);
        self.last = Some(sequence);

        let mut head = [0; BEFORE_ICV];
        head[..2].copy_from_slice(&[ip_protocol::VRRP, LENGTH_CODE]);
        head[4..8].copy_from_slice(&source.octets());
        head[8..].copy_from_slice(&sequence.to_be_bytes());
        let ip = outgoing_header(source, destination, envelope, IPV4_HEADER + LENGTH + message.len());
        let code = code(self.secret.expose(), &ip, &head, &message);

        let mut payload = Vec::with_capacity(LENGTH + message.len());
        payload.extend(head);
        payload.extend(code);
        payload.extend(message);
        payload
    }

    pub(super) fn admit(&mut self, received: &Received<'_>, view: &AhView<'_>) -> Result<(), AuthRefusal> {
        if !fits(self.secret.expose(), received, view) {
            return Err(AuthRefusal::HeaderDigest);
        }
        let (source, number) = (received.source, view.sequence);
        if let Some(last) = self.of_each.latest(source).filter(|last| !is_after(number, *last)) {
            return Err(AuthRefusal::HeaderReplayed { heard: number, last });
        }
        if let Some(last) = self.heard.filter(|last| is_after(*last, number)) {
            return Err(AuthRefusal::HeaderReplayed { heard: number, last });
        }
        self.heard = Some(number);
        self.of_each.remember(source, number);
        if self.last.is_none_or(|last| is_after(number, last)) {
            self.last = Some(number);
        }
        Ok(())
    }
}

/// Whether `key` made the header's Integrity Check Value.
pub(super) fn fits(key: &[u8], received: &Received<'_>, view: &AhView<'_>) -> bool {
    let Some((head, rest)) = received.payload.split_first_chunk::<BEFORE_ICV>() else { return false };
    let message = rest.get(ICV..).unwrap_or_default();
    let ip = covered_header(received.ip_header, !received.destination.is_multicast());
    bool::from(code(key, &ip, head, message).ct_eq(view.code))
}

/// The Integrity Check Value over an IP header whose changeable fields are zero.
fn code(key: &[u8], ip: &[u8], head: &[u8; BEFORE_ICV], message: &[u8]) -> [u8; ICV] {
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key.iter().take(KEY)).for_each(|(octet, given)| *octet = *given);
    let mut mac = Hmac::<Md5>::new((&*block).into());
    for part in [ip, head, &[0; ICV], message] {
        mac.update(part);
    }
    let digest = mac.finalize().into_bytes();
    let mut code = [0; ICV];
    code.iter_mut().zip(digest).for_each(|(octet, given)| *octet = given);
    code
}

/// The IPv4 header that the driver will write, with its changeable fields zero.
fn outgoing_header(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    envelope: &Envelope,
    total_length: usize,
) -> [u8; IPV4_HEADER] {
    let unicast = envelope.routed || !destination.is_multicast();
    let mut header = [0; IPV4_HEADER];
    header[0] = 0x45;
    header[2..4].copy_from_slice(&u16::try_from(total_length).unwrap_or(u16::MAX).to_be_bytes());
    header[4..6].copy_from_slice(&envelope.identification.to_be_bytes());
    header[8] = if unicast { 0 } else { u8::MAX };
    header[9] = ip_protocol::AUTHENTICATION_HEADER;
    header[12..16].copy_from_slice(&source.octets());
    header[16..].copy_from_slice(&destination.octets());
    header
}

/// An IPv4 header as it arrived, with its changeable fields zero: TOS, flags and fragment offset, header
/// checksum, and for unicast, which may have been routed, the TTL.
fn covered_header(header: &[u8], unicast: bool) -> Vec<u8> {
    let changeable: &[usize] = if unicast { &[1, 6, 7, 8, 10, 11] } else { &[1, 6, 7, 10, 11] };
    let mut covered = header.to_vec();
    for at in changeable {
        if let Some(octet) = covered.get_mut(*at) {
            *octet = 0;
        }
    }
    covered
}

/// Whether `number` comes after `last` on the circle of 32 bits. RFC 1982.
fn is_after(number: u32, last: u32) -> bool {
    number != last && number.wrapping_sub(last) < 1 << 31
}
