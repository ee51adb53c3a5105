//! Version 1. RFC 2281 §5.1, and what Cisco added: an MD5 TLV behind the message, and the Advertise.
//!
//! ```text
//! | Version (0)       | Op Code           | State             | Hellotime, s      |
//! | Holdtime, s       | Priority          | Group             | Reserved (0)      |
//! | Authentication Data, 8 octets                                                 |
//! | Virtual IP Address                                                            |
//!
//! | Version (0)       | Op Code (3)       | Type (1)                              |
//! | Length (14)                           | State             | Reserved (0)      |
//! | Active groups                         | Passive groups                        |
//! | Reserved                                                                      |
//! ```
//!
//! The Length of an Advertise counts from its own type on. Scapy's is 10, and Cisco leaves garbage in the last four
//! octets.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fhrp::{Family, Mac};

use super::{
    Credentials, GroupMessage, Heard, InterfaceMessage, Md5Tlv, Message, Operation, Role, State, Version,
    WireError,
};

/// Octets of a Hello, Coup or Resign.
pub(crate) const LENGTH: usize = 20;
/// Octets of an Advertise.
pub(crate) const ADVERTISE_LENGTH: usize = 16;
/// Version on the wire.
pub(crate) const VERSION: u8 = 0;
/// The op code that speaks for the interface.
pub(crate) const ADVERTISE: u8 = 3;
/// The type of Advertise there is.
pub(crate) const INTERFACE_STATE: u16 = 1;
/// What an Advertise says of its length.
const ADVERTISED_LENGTH: u16 = 14;
/// The least that one may say: all but what is garbage.
const LEAST_ADVERTISED_LENGTH: u16 = 10;

pub(super) fn parse(octets: &[u8], family: Family) -> Result<Heard<'_>, WireError> {
    if family == Family::Ipv6 {
        return Err(WireError::VersionOverIpv6);
    }
    let truncated = |need| WireError::Truncated { need, got: octets.len() };
    let &[version, operation] = octets.first_chunk().ok_or(truncated(LENGTH))?;
    if version != VERSION {
        return Err(WireError::Version { found: version, wanted: VERSION });
    }
    if operation == ADVERTISE {
        let fixed = octets.first_chunk().ok_or(truncated(ADVERTISE_LENGTH))?;
        return parse_advertise(fixed, octets);
    }
    let operation = Operation::of(operation).ok_or(WireError::Operation(operation))?;
    let (fixed, behind) = octets.split_first_chunk::<LENGTH>().ok_or(truncated(LENGTH))?;
    let &[_, _, state, hello, hold, priority, group, _reserved, ref text_and_address @ ..] = fixed;
    let &[t0, t1, t2, t3, t4, t5, t6, t7, ref address @ ..] = text_and_address;
    let message = GroupMessage {
        version: Version::V1,
        operation,
        state: State::of(Version::V1, state),
        group: u16::from(group),
        priority,
        hello: Duration::from_secs(hello.into()),
        hold: Duration::from_secs(hold.into()),
        identifier: Mac::default(),
        address: Ipv4Addr::from(*address).into(),
    };
    let text = Credentials::Text([t0, t1, t2, t3, t4, t5, t6, t7]);
    let (credentials, digest_at) = match md5_behind(behind) {
        Some(tlv) => (Credentials::Md5(tlv), LENGTH + 2 + Md5Tlv::DIGEST_AT),
        None => (text, 0),
    };
    Ok(Heard { message: Message::Group(message), credentials, octets, digest_at })
}

/// The MD5 TLV behind a message; anything else there means nothing.
fn md5_behind(octets: &[u8]) -> Option<Md5Tlv> {
    let (head, value) = octets.split_first_chunk::<2>()?;
    let is_md5 = *head == [Md5Tlv::KIND, 28] && value.len() >= Md5Tlv::LENGTH;
    Md5Tlv::read(value).ok().filter(|_| is_md5).map(|(_, tlv)| tlv)
}

fn parse_advertise<'a>(fixed: &[u8; ADVERTISE_LENGTH], octets: &'a [u8]) -> Result<Heard<'a>, WireError> {
    let &[_, _, k0, k1, l0, l1, role, _, a0, a1, p0, p1, ..] = fixed;
    let (kind, length) = (u16::from_be_bytes([k0, k1]), u16::from_be_bytes([l0, l1]));
    if kind != INTERFACE_STATE {
        return Err(WireError::AdvertiseType(kind));
    }
    let most = octets.len() - 2;
    if length < LEAST_ADVERTISED_LENGTH || usize::from(length) > most {
        return Err(WireError::AdvertiseLength { length, most });
    }
    let message = InterfaceMessage {
        version: Version::V1,
        role: Role::of(role),
        active: u16::from_be_bytes([a0, a1]),
        passive: u16::from_be_bytes([p0, p1]),
    };
    Ok(Heard { message: Message::Interface(message), credentials: Credentials::None, octets, digest_at: 0 })
}

pub(super) fn emit(message: &GroupMessage, credentials: &Credentials) -> Vec<u8> {
    let GroupMessage { operation, state, group, priority, hello, hold, address, .. } = *message;
    let (hello, hold) = seconds(hello, hold);
    let text = if let Credentials::Text(text) = credentials { *text } else { [0; 8] };
    let address = if let IpAddr::V4(ip) = address { ip } else { Ipv4Addr::UNSPECIFIED };
    let group = u8::try_from(group).unwrap_or(u8::MAX);
    let mut octets = Vec::with_capacity(LENGTH + 2 + Md5Tlv::LENGTH);
    octets.extend([VERSION, operation.code(), state.code(Version::V1), hello, hold, priority, group, 0]);
    octets.extend(text);
    octets.extend(address.octets());
    if let Credentials::Md5(tlv) = credentials {
        tlv.write(&mut octets);
    }
    octets
}

pub(super) fn emit_advertise(message: &InterfaceMessage) -> Vec<u8> {
    let InterfaceMessage { role, active, passive, .. } = *message;
    let mut octets = Vec::with_capacity(ADVERTISE_LENGTH);
    octets.extend([VERSION, ADVERTISE]);
    octets.extend(INTERFACE_STATE.to_be_bytes());
    octets.extend(ADVERTISED_LENGTH.to_be_bytes());
    octets.extend([role.code(), 0]);
    octets.extend(active.to_be_bytes());
    octets.extend(passive.to_be_bytes());
    octets.extend([0; 4]);
    octets
}

/// Whole seconds. What is less is not advertised truly: it is rounded up, and the hold time stays above the hello time.
fn seconds(hello: Duration, hold: Duration) -> (u8, u8) {
    let up = |time: Duration| {
        let more = u64::from(time.subsec_nanos() > 0);
        u8::try_from(time.as_secs().saturating_add(more)).unwrap_or(u8::MAX)
    };
    let rounded = hello.subsec_nanos() > 0 || hold.subsec_nanos() > 0;
    let least = if rounded { up(hello).saturating_add(1) } else { 0 };
    (up(hello), up(hold).max(least))
}
