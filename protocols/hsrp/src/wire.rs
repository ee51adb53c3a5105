//! The octets of a message, in either version. Nothing here knows what a state does, and nothing outside knows an
//! offset.
//!
//! Sources: RFC 2281 §5.1 for version 1. No specification describes Cisco's additions to it, nor version 2: their layout
//! is that of captured frames, and agrees with Wireshark's packet-hsrp.c.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fhrp::{Family, Mac, Received};
use nom::bytes::complete::take;
use nom::combinator::map_res;
use nom::{IResult, Parser};

pub use self::code::{Operation, Role, State, Version};
pub use self::fault::WireError;
pub use self::md5::{ALGORITHM_MD5, Md5Tlv};

mod code;
mod fault;
mod md5;
pub(crate) mod v1;
pub(crate) mod v2;

/// Where version 1 is sent. RFC 2281 §5.1.
pub const MULTICAST_V1: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 2));
/// Where version 2 is sent over IPv4; GLBP's group too.
pub const MULTICAST_V2: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 102));
/// Where version 2 is sent over IPv6; GLBP's group too.
pub const MULTICAST_V2_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x66));
/// UDP port over IPv4. RFC 2281 §5.1.
pub const PORT_IPV4: u16 = 1985;
/// UDP port over IPv6.
pub const PORT_IPV6: u16 = 2029;

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// Hello, Coup or Resign of a group.
    Group(GroupMessage),
    /// What all groups of an interface together make it, for routers that send redirects.
    Interface(InterfaceMessage),
}

/// Hello, Coup or Resign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupMessage {
    /// The version it is said in.
    pub version: Version,
    /// What is said.
    pub operation: Operation,
    /// The sender's state; before the change, in a Coup.
    pub state: State,
    /// The group: up to 255 in version 1, up to 4095 in version 2.
    pub group: u16,
    /// The sender's priority as it is now.
    pub priority: u8,
    /// Hello time: whole seconds in version 1, whole milliseconds in version 2.
    pub hello: Duration,
    /// Hold time, likewise.
    pub hold: Duration,
    /// The MAC of the sender's interface. Version 1 has no place for it; there it is zero.
    pub identifier: Mac,
    /// The virtual address; over IPv6 the link-local one. `0.0.0.0`: not known.
    pub address: IpAddr,
}

/// What all groups of an interface together make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceMessage {
    /// The version it is said in.
    pub version: Version,
    /// What they make it. Version 2 does not say so in words: see [`Role::from_groups`].
    pub role: Role,
    /// Groups that are active. Old routers count groups of others here and below.
    pub active: u16,
    /// Groups that are not.
    pub passive: u16,
}

/// What a message carries to prove who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing. A Hello, Coup or Resign of version 1 always carries a text.
    None,
    /// Eight octets in clear, padded with zeros.
    Text([u8; 8]),
    /// Keyed MD5. The text field of version 1 is then zero.
    Md5(Md5Tlv),
}

/// A message as it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard<'a> {
    /// What it says.
    pub message: Message,
    /// What it carries as proof.
    pub credentials: Credentials,
    /// All of it.
    octets: &'a [u8],
    /// Where the digest of [`Credentials::Md5`] lies.
    digest_at: usize,
}

impl<'a> Heard<'a> {
    /// What a digest covers: the octets before and behind it.
    pub(crate) fn around_digest(&self) -> (&'a [u8], &'a [u8]) {
        let before = self.octets.get(..self.digest_at).unwrap_or_default();
        (before, self.octets.get(self.digest_at + 16..).unwrap_or_default())
    }
}

/// Reads a message.
///
/// # Errors
///
/// The first rule it breaks. Addresses, authentication and settings are for [`judge`](crate::judge),
/// [`auth`](crate::auth) and the group.
pub fn parse<'a>(received: &Received<'a>) -> Result<Heard<'a>, WireError> {
    let family = Family::of(received.source);
    match version_of(received) {
        Version::V1 => v1::parse(received.payload, family),
        Version::V2 => v2::parse(received.payload, family),
    }
}

/// What a message that [`parse`] refuses says before it breaks a rule.
pub(crate) fn salvage(received: &Received<'_>) -> Option<Message> {
    match version_of(received) {
        Version::V1 => None,
        Version::V2 => v2::salvage(received.payload, Family::of(received.source)),
    }
}

/// Which version a message is of, however broken. Version 1 begins with 0, and version 2 with a TLV; where neither is
/// the case, the message is what is sent to such an address.
pub fn version_of(received: &Received<'_>) -> Version {
    match *received.payload {
        [v1::VERSION, ..] => Version::V1,
        [kind, length, ..] if v2::length_of(kind) == Some(usize::from(length)) => Version::V2,
        _ if received.destination == MULTICAST_V1 => Version::V1,
        _ => Version::V2,
    }
}

/// The group that a message speaks for, however broken it is; `None` if that cannot be told, or if it speaks for the
/// interface.
pub fn group_in(received: &Received<'_>) -> Option<u16> {
    match (version_of(received), received.payload) {
        (Version::V1, [_, operation, _, _, _, _, group, ..]) if *operation != v1::ADVERTISE => {
            Some(u16::from(*group))
        }
        (Version::V1, _) => None,
        (Version::V2, octets) => v2::group_in(octets),
    }
}

/// Writes a message.
///
/// A time that the version cannot say is rounded up or becomes the longest that it can; a number beyond the last
/// becomes the last; an IPv6 address in version 1 becomes `0.0.0.0`. A valid configuration has none of these. What
/// speaks for an interface carries no credentials.
pub fn emit(message: &Message, credentials: &Credentials) -> Vec<u8> {
    match message {
        Message::Group(group) => match group.version {
            Version::V1 => v1::emit(group, credentials),
            Version::V2 => v2::emit(group, credentials),
        },
        Message::Interface(interface) => match interface.version {
            Version::V1 => v1::emit_advertise(interface),
            Version::V2 => v2::emit_interface(interface),
        },
    }
}

/// The next `N` octets.
fn array<const N: usize>(octets: &[u8]) -> IResult<&[u8], [u8; N]> {
    map_res(take(N), <[u8; N]>::try_from).parse(octets)
}
