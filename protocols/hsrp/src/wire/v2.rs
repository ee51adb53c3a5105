//! Version 2: TLVs whose lengths count the values alone.
//!
//! ```text
//! | Type (1)          | Length (40)       | Version (2)       | Op Code           |
//! | State             | IP version        | Group                                 |
//! | Identifier, 6 octets …                                                        |
//! | …                                     | Priority …                            |
//! | …                                     | Hello time, ms …                      |
//! | …                                     | Hold time, ms …                       |
//! | …                                     | Virtual IP address, 16 octets …       |
//!
//! | Type (2)          | Length (4)        | Active groups                         |
//! | Passive groups                        |
//!
//! | Type (3)          | Length (8)        | Text, 8 octets …                      |
//! ```
//!
//! Group State or Interface State comes first, authentication last. Types that are not known are skipped.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fhrp::address::sixteen_octets;
use fhrp::{Family, Mac};
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

use super::{
    Credentials, GroupMessage, Heard, InterfaceMessage, Md5Tlv, Message, Operation, Role, State, Version,
    WireError, array,
};
use crate::vmac::LAST_GROUP_V2;

/// Type of a Group State.
pub(crate) const GROUP_STATE: u8 = 1;
/// Type of an Interface State.
pub(crate) const INTERFACE_STATE: u8 = 2;
/// Type of a text authentication.
pub(crate) const TEXT: u8 = 3;
/// Octets of a Group State's value.
pub(crate) const GROUP_STATE_LENGTH: usize = 40;
/// Octets of an Interface State's value.
pub(crate) const INTERFACE_STATE_LENGTH: usize = 4;
/// Octets of a text authentication's value.
pub(crate) const TEXT_LENGTH: usize = 8;
/// Version on the wire.
pub(crate) const VERSION: u8 = 2;

/// The octets that a value of a known type has.
pub(crate) const fn length_of(kind: u8) -> Option<usize> {
    match kind {
        GROUP_STATE => Some(GROUP_STATE_LENGTH),
        INTERFACE_STATE => Some(INTERFACE_STATE_LENGTH),
        TEXT => Some(TEXT_LENGTH),
        Md5Tlv::KIND => Some(Md5Tlv::LENGTH),
        _ => None,
    }
}

/// One TLV, and where it begins.
struct Tlv<'a> {
    at: usize,
    kind: u8,
    value: &'a [u8],
}

/// The TLVs of a message, up to the first that runs past the end.
struct Tlvs<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<Tlv<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.octets.get(at..).filter(|rest| !rest.is_empty())?;
        let one: IResult<&[u8], (u8, &[u8])> = (be_u8, length_data(be_u8)).parse(rest);
        Some(match one {
            Ok((rest, (kind, value))) => {
                self.at = self.octets.len() - rest.len();
                Ok(Tlv { at, kind, value })
            }
            Err(_) => {
                self.at = self.octets.len();
                Err(WireError::Overrun { at })
            }
        })
    }
}

pub(super) fn parse(octets: &[u8], family: Family) -> Result<Heard<'_>, WireError> {
    let mut heard = Parts::default();
    for tlv in (Tlvs { octets, at: 0 }) {
        heard.take(&tlv?, family)?;
    }
    let message = heard.message.ok_or(WireError::NoMessage)?;
    let (credentials, digest_at) = heard.proof.unwrap_or((Credentials::None, 0));
    Ok(Heard { message, credentials, octets, digest_at })
}

/// What a message says before a TLV breaks a rule.
pub(super) fn salvage(octets: &[u8], family: Family) -> Option<Message> {
    let mut heard = Parts::default();
    let mut tlvs = (Tlvs { octets, at: 0 }).map_while(Result::ok);
    while let Some(tlv) = tlvs.next()
        && heard.take(&tlv, family).is_ok()
    {}
    heard.message
}

/// What TLVs have said so far.
#[derive(Default)]
struct Parts {
    message: Option<Message>,
    /// And where the digest lies.
    proof: Option<(Credentials, usize)>,
}

impl Parts {
    fn take(&mut self, tlv: &Tlv<'_>, family: Family) -> Result<(), WireError> {
        let Tlv { at, kind, value } = *tlv;
        if let Some(wanted) = length_of(kind).filter(|wanted| *wanted != value.len()) {
            return Err(WireError::TlvLength { kind, length: value.len(), wanted });
        }
        let incomplete = |_| WireError::Overrun { at };
        match kind {
            GROUP_STATE | INTERFACE_STATE if self.message.is_some() => return Err(WireError::SecondMessage),
            TEXT | Md5Tlv::KIND if self.proof.is_some() => return Err(WireError::SecondAuthentication),
            GROUP_STATE => self.message = Some(Message::Group(read_group(value, family, at)?)),
            INTERFACE_STATE => {
                let (_, message) = read_interface(value).map_err(incomplete)?;
                self.message = Some(Message::Interface(message));
            }
            TEXT => self.proof = Some((Credentials::Text(array(value).map_err(incomplete)?.1), 0)),
            Md5Tlv::KIND => {
                let (_, tlv) = Md5Tlv::read(value).map_err(incomplete)?;
                self.proof = Some((Credentials::Md5(tlv), at + 2 + Md5Tlv::DIGEST_AT));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The group of a message, however broken.
pub(super) fn group_in(octets: &[u8]) -> Option<u16> {
    let group = (Tlvs { octets, at: 0 }).map_while(Result::ok).find(|tlv| tlv.kind == GROUP_STATE)?;
    group.value.get(4..)?.first_chunk().copied().map(u16::from_be_bytes)
}

fn read_group(value: &[u8], family: Family, at: usize) -> Result<GroupMessage, WireError> {
    let fields: IResult<&[u8], _> =
        (be_u8, be_u8, be_u8, be_u8, be_u16, array::<6>, be_u32, be_u32, be_u32, array::<16>).parse(value);
    let (_, (version, operation, state, ip_version, group, identifier, priority, hello, hold, address)) =
        fields.map_err(|_| WireError::Overrun { at })?;
    if version != VERSION {
        return Err(WireError::Version { found: version, wanted: VERSION });
    }
    let operation = Operation::of(operation).ok_or(WireError::Operation(operation))?;
    let address = match (ip_version, family) {
        (4, Family::Ipv4) => IpAddr::V4(first_four(address)),
        (6, Family::Ipv6) => IpAddr::V6(Ipv6Addr::from(address)),
        (found, over) => return Err(WireError::IpVersion { found, over }),
    };
    if group > LAST_GROUP_V2 {
        return Err(WireError::Group(group));
    }
    Ok(GroupMessage {
        version: Version::V2,
        operation,
        state: State::of(Version::V2, state),
        group,
        priority: u8::try_from(priority).map_err(|_| WireError::Priority(priority))?,
        hello: Duration::from_millis(hello.into()),
        hold: Duration::from_millis(hold.into()),
        identifier: Mac(identifier),
        address,
    })
}

/// An IPv4 address lies in the first four octets; zeros follow.
fn first_four([a, b, c, d, ..]: [u8; 16]) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

fn read_interface(value: &[u8]) -> IResult<&[u8], InterfaceMessage> {
    let (rest, (active, passive)) = (be_u16, be_u16).parse(value)?;
    let role = Role::from_groups(active, passive);
    Ok((rest, InterfaceMessage { version: Version::V2, role, active, passive }))
}

pub(super) fn emit(message: &GroupMessage, credentials: &Credentials) -> Vec<u8> {
    let GroupMessage { operation, state, group, priority, hello, hold, identifier, address, .. } = *message;
    let ip_version = if address.is_ipv4() { 4 } else { 6 };
    let mut octets = Vec::with_capacity(2 + GROUP_STATE_LENGTH + 2 + Md5Tlv::LENGTH);
    octets.extend([GROUP_STATE, 40, VERSION, operation.code(), state.code(Version::V2), ip_version]);
    octets.extend(group.min(LAST_GROUP_V2).to_be_bytes());
    octets.extend(identifier.0);
    octets.extend(u32::from(priority).to_be_bytes());
    octets.extend(milliseconds(hello).to_be_bytes());
    octets.extend(milliseconds(hold).to_be_bytes());
    octets.extend(sixteen_octets(address));
    match credentials {
        Credentials::None => {}
        Credentials::Text(text) => {
            octets.extend([TEXT, 8]);
            octets.extend(text);
        }
        Credentials::Md5(tlv) => tlv.write(&mut octets),
    }
    octets
}

pub(super) fn emit_interface(message: &InterfaceMessage) -> Vec<u8> {
    let mut octets = vec![INTERFACE_STATE, 4];
    octets.extend(message.active.to_be_bytes());
    octets.extend(message.passive.to_be_bytes());
    octets
}

/// Whole milliseconds, rounded up.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}
