//! The octets of an advertisement. There is no other message.
//!
//! ```text
//! | Version 2, Type 1 | VHID              | Advskew           | Authlen (7)       |
//! | Demote            | Advbase           | Checksum                              |
//! | Counter, 8 octets                                                             |
//! | HMAC-SHA1, 20 octets                                                          |
//! ```
//!
//! The checksum covers these 36 octets and nothing else, over IPv6 as well. Neither advbase nor advskew nor demote is
//! covered by the HMAC.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fhrp::checksum::Sum;

use crate::config::Interval;

pub use self::fault::WireError;

mod fault;

/// Where IPv4 advertisements go unless a peer or another group is configured; VRRP's group.
pub const MULTICAST_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
/// Where IPv6 advertisements go unless a peer is configured; VRRP's group.
pub const MULTICAST_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12));

/// Octets of an advertisement. What follows them is ignored.
pub const LENGTH: usize = 36;
/// The only version there is.
pub const VERSION: u8 = 2;
/// The only type there is: CARP_ADVERTISEMENT.
pub const ADVERTISEMENT: u8 = 1;
/// 32-bit words of counter and digest.
pub const AUTH_WORDS: u8 = 7;
/// Octets of the digest.
pub const DIGEST: usize = 20;
/// Where the checksum lies.
const CHECKSUM_AT: usize = 6;

/// What an advertisement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advertisement {
    /// Virtual host identifier, 1 to 255. 0 is nobody's, but can be read.
    pub vhid: u8,
    /// Seconds between advertisements; 0 is possible in OpenBSD and ucarp.
    pub advbase: u8,
    /// What is added to them, in 1/256 s. FreeBSD, NetBSD and ucarp say 240 while they are demoted.
    pub advskew: u8,
    /// OpenBSD's demotion counter; all others send 0.
    pub demote: u8,
    /// Covered by the digest. Constant, random or counting up, as the sender pleases; two routers may send the same.
    pub counter: u64,
}

impl Advertisement {
    /// The longest interval that can be said, which OpenBSD, NetBSD and FreeBSD before 10 say as a goodbye: it is
    /// longer than anybody waits.
    pub const fn says_goodbye(&self) -> bool {
        self.advbase == u8::MAX && self.advskew == u8::MAX
    }

    /// Time between advertisements: `advbase + advskew / 256` seconds.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.advbase.into()) + Duration::from_secs(self.advskew.into()) / 256
    }

    /// The same in its two parts.
    pub(crate) const fn said_interval(&self) -> Interval {
        Interval { base: self.advbase, skew: self.advskew }
    }
}

/// An advertisement as it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// What it says.
    pub advertisement: Advertisement,
    /// HMAC-SHA1.
    pub digest: [u8; DIGEST],
}

/// Reads an advertisement from what follows the IP header.
///
/// # Errors
///
/// The first rule it breaks: length, version, checksum, type, length of the authentication. VHID, TTL and digest are
/// for [`judge`](crate::judge) and [`auth`](crate::auth).
pub fn parse(payload: &[u8]) -> Result<Heard, WireError> {
    let Some((message, _behind)) = payload.split_first_chunk::<LENGTH>() else {
        return Err(WireError::Truncated { need: LENGTH, got: payload.len() });
    };
    let &[version_and_type, _, _, words, ..] = message;
    let (version, kind) = (version_and_type >> 4, version_and_type & 0x0f);
    if version != VERSION {
        return Err(WireError::Version(version));
    }
    verify_checksum(message)?;
    if kind != ADVERTISEMENT {
        return Err(WireError::Type(kind));
    }
    if words != AUTH_WORDS {
        return Err(WireError::AuthLength(words));
    }
    Ok(read(message))
}

/// What an advertisement says if it is one, whatever rule it breaks.
pub(crate) fn read(message: &[u8; LENGTH]) -> Heard {
    let &[_, vhid, advskew, _, demote, advbase, _, _, c0, c1, c2, c3, c4, c5, c6, c7, ref digest @ ..] =
        message;
    let counter = u64::from_be_bytes([c0, c1, c2, c3, c4, c5, c6, c7]);
    Heard { advertisement: Advertisement { vhid, advbase, advskew, demote, counter }, digest: *digest }
}

/// Writes an advertisement with its checksum.
pub fn emit(advertisement: &Advertisement, digest: &[u8; DIGEST]) -> [u8; LENGTH] {
    let Advertisement { vhid, advbase, advskew, demote, counter } = *advertisement;
    let mut octets = [0; LENGTH];
    let (head, rest) = octets.split_at_mut(8);
    let (count, code) = rest.split_at_mut(8);
    head.copy_from_slice(&[VERSION << 4 | ADVERTISEMENT, vhid, advskew, AUTH_WORDS, demote, advbase, 0, 0]);
    count.copy_from_slice(&counter.to_be_bytes());
    code.copy_from_slice(digest);
    let checksum = Sum::new().over(&octets).checksum();
    octets[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&checksum.to_be_bytes());
    octets
}

fn verify_checksum(message: &[u8; LENGTH]) -> Result<(), WireError> {
    if Sum::new().over(message).folded() == 0xffff {
        return Ok(());
    }
    let mut zeroed = *message;
    let found = [zeroed[CHECKSUM_AT], zeroed[CHECKSUM_AT + 1]];
    zeroed[CHECKSUM_AT..CHECKSUM_AT + 2].fill(0);
    let expected = Sum::new().over(&zeroed).checksum();
    Err(WireError::Checksum { found: u16::from_be_bytes(found), expected })
}
