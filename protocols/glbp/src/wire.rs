//! The octets of a message. Nothing here knows what a state does, and nothing outside knows an offset.
//!
//! ```text
//! | Version (1)       | Type              | Group                                 |
//! | Reserved (0)                          | Owner ID …                            |
//! | …                                                                             |
//! | TLVs, whose lengths count type and length                                     |
//! ```
//!
//! Authentication comes first, then challenge, virtual gateway, forwarders. Types that are not known are skipped, and
//! so is what a TLV has beyond its fields.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fhrp::Mac;
use nom::bytes::complete::take;
use nom::combinator::{map_opt, map_res};
use nom::number::complete::be_u8;
use nom::{IResult, Parser};

pub use self::code::{Kind, State};
pub use self::fault::WireError;
pub use self::proof::{Challenge, Credentials, MOST_PEERS, MOST_TEXT, Peer};
pub use self::tlv::{Forwarder, Hello};
use crate::vmac::{LAST_FORWARDER, LAST_GROUP};

mod code;
mod fault;
pub(crate) mod proof;
pub(crate) mod tlv;

/// Where hellos are sent over IPv4; HSRP's group too.
pub const MULTICAST_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 102));
/// Where hellos are sent over IPv6; HSRP's group too.
pub const MULTICAST_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x66));
/// UDP port, source and destination.
pub const PORT: u16 = 3222;

/// The only version there is.
pub(crate) const VERSION: u8 = 1;
/// Octets before the TLVs.
pub(crate) const HEADER: usize = 12;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What kind of message it is.
    pub kind: Kind,
    /// The group, up to 1023.
    pub group: u16,
    /// Owner ID: the MAC of the sender's interface, whatever the frame was sent from.
    pub owner: Mac,
    /// What keeps recordings out; with MD5 only.
    pub challenge: Option<Challenge>,
    /// Of the virtual gateway. Absent in requests and responses, and when a forwarder was just taken over.
    pub hello: Option<Hello>,
    /// Of forwarders, at most four, each number once.
    pub forwarders: Vec<Forwarder>,
}

/// A message as it was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard<'a> {
    /// What it says.
    pub message: Message,
    /// What it carries as proof.
    pub credentials: Credentials<'a>,
    /// All of it.
    octets: &'a [u8],
    /// Where the digest lies.
    digest_at: usize,
}

impl<'a> Heard<'a> {
    /// The octets before and behind the digest.
    pub(crate) fn around_digest(&self) -> (&'a [u8], &'a [u8]) {
        let before = self.octets.get(..self.digest_at).unwrap_or_default();
        (before, self.octets.get(self.digest_at + proof::DIGEST..).unwrap_or_default())
    }
}

/// Reads a message from what UDP carries.
///
/// # Errors
///
/// The first rule it breaks. Addresses, authentication and values are for [`judge`](crate::judge) and
/// [`auth`](crate::auth).
pub fn parse(octets: &[u8]) -> Result<Heard<'_>, WireError> {
    match read(octets)? {
        (heard, None) => Ok(heard),
        (_, Some(fault)) => Err(fault),
    }
}

/// As [`parse`], with what could be read before a TLV broke a rule, and the rule.
pub(crate) fn read(octets: &[u8]) -> Result<(Heard<'_>, Option<WireError>), WireError> {
    let message = read_header(octets)?;
    let mut heard = Heard { message, credentials: Credentials::None, octets, digest_at: 0 };
    let mut seen = Vec::new();
    let mut at = HEADER;
    while at < octets.len() {
        let read = read_tlv(octets, at).and_then(|tlv| heard.takes(&tlv, &mut seen).map(|()| tlv.end));
        match read {
            Ok(end) => at = end,
            Err(fault) => return Ok((heard, Some(fault))),
        }
    }
    Ok((heard, None))
}

fn read_header(octets: &[u8]) -> Result<Message, WireError> {
    let fixed = octets.first_chunk::<HEADER>();
    let &[version, kind, g0, g1, _, _, ref owner @ ..] =
        fixed.ok_or(WireError::Truncated { need: HEADER, got: octets.len() })?;
    if version != VERSION {
        return Err(WireError::Version(version));
    }
    let kind = Kind::of(kind).ok_or(WireError::Kind(kind))?;
    let group = u16::from_be_bytes([g0, g1]);
    if group > LAST_GROUP {
        return Err(WireError::Group(group));
    }
    Ok(Message { kind, group, owner: Mac(*owner), challenge: None, hello: None, forwarders: Vec::new() })
}

/// One TLV and its place.
struct Tlv<'a> {
    at: usize,
    end: usize,
    kind: u8,
    value: &'a [u8],
}

/// The TLV at `at`: a type, a length that counts both, and the rest of it.
fn read_tlv(octets: &[u8], at: usize) -> Result<Tlv<'_>, WireError> {
    let rest = octets.get(at..).unwrap_or_default();
    let head: IResult<&[u8], (u8, u8)> = (be_u8, be_u8).parse(rest);
    let (_, (kind, length)) = head.map_err(|_| WireError::Overrun { at })?;
    let behind = map_opt(be_u8, |length| usize::from(length).checked_sub(2)).flat_map(take);
    let one: IResult<&[u8], (u8, &[u8])> = (be_u8, behind).parse(rest);
    match one {
        Ok((_, (kind, value))) => Ok(Tlv { at, end: at + 2 + value.len(), kind, value }),
        Err(_) if length < 2 => Err(WireError::TlvLength { kind, length: length.into(), wanted: 2 }),
        Err(_) => Err(WireError::Overrun { at }),
    }
}

impl<'a> Heard<'a> {
    /// Takes over what a TLV says. `seen`: the types before it, each once.
    fn takes(&mut self, tlv: &Tlv<'a>, seen: &mut Vec<u8>) -> Result<(), WireError> {
        let Tlv { at, end, kind, value } = *tlv;
        let length = end - at;
        if kind != tlv::FORWARDER && kind <= proof::CHALLENGE && seen.contains(&kind) {
            return Err(WireError::Repeated(kind));
        }
        match kind {
            proof::AUTHENTICATION if !seen.is_empty() => return Err(WireError::AuthenticationNotFirst),
            proof::AUTHENTICATION => {
                let (credentials, digest_in) = proof::read_authentication(value, length)?;
                self.credentials = credentials;
                self.digest_at = at + digest_in;
            }
            proof::CHALLENGE => self.message.challenge = Some(proof::read_challenge(value, length)?),
            tlv::HELLO => self.message.hello = Some(tlv::read_hello(value, length)?),
            tlv::FORWARDER => self.message.add(tlv::read_forwarder(value, length)?)?,
            _ => {}
        }
        if !seen.contains(&kind) {
            seen.push(kind);
        }
        Ok(())
    }
}

impl Message {
    fn add(&mut self, forwarder: Forwarder) -> Result<(), WireError> {
        if self.forwarders.iter().any(|other| other.number == forwarder.number) {
            return Err(WireError::ForwarderTwice(forwarder.number));
        }
        if self.forwarders.len() >= usize::from(LAST_FORWARDER) {
            return Err(WireError::TooManyForwarders);
        }
        self.forwarders.push(forwarder);
        Ok(())
    }
}

/// Writes a message.
///
/// Times that cannot be said are rounded up or become the longest that can; what there is no room for, by
/// [`MOST_TEXT`], [`MOST_PEERS`] and the four forwarders of a group, is left out. A valid configuration has none of
/// these.
pub fn emit(message: &Message, credentials: &Credentials<'_>) -> Vec<u8> {
    let Message { kind, group, owner, challenge, hello, forwarders } = message;
    let mut octets = vec![VERSION, kind.code()];
    octets.extend(group.min(&LAST_GROUP).to_be_bytes());
    octets.extend([0, 0]);
    octets.extend(owner.0);
    proof::write_authentication(credentials, &mut octets);
    if let Some(challenge) = challenge {
        proof::write_challenge(challenge, &mut octets);
    }
    if let Some(hello) = hello {
        tlv::write_hello(hello, &mut octets);
    }
    for forwarder in forwarders.iter().take(LAST_FORWARDER.into()) {
        tlv::write_forwarder(forwarder, &mut octets);
    }
    octets
}

/// The next `N` octets.
fn array<const N: usize>(octets: &[u8]) -> IResult<&[u8], [u8; N]> {
    map_res(take(N), <[u8; N]>::try_from).parse(octets)
}
