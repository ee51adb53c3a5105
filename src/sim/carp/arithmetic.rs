//! What the reference lets one compute, computed once more and in another way: intervals, the digest, and what a sealed
//! counter says.

use std::net::IpAddr;
use std::time::Duration;

use sha1::{Digest, Sha1};

/// One step of the skew: 1/256 s, a whole number of nanoseconds.
const STEP: Duration = Duration::from_nanos(3_906_250);
/// What FreeBSD, NetBSD and ucarp say while they are not well.
const DEMOTED: u8 = 240;
/// 2020-01-01, where time stamps begin, and how many there are in a second.
const STAMPS_BEGIN: Duration = Duration::from_secs(1_577_836_800);
const STAMPS_PER_SECOND: u128 = 1_024;

/// The skew of a member that is demoted, if the skew says so.
pub(super) fn skew_when_demoted(skew: u8) -> u8 {
    skew.max(DEMOTED)
}

/// Between two advertisements; with 0 and 0, OpenBSD's least.
pub(super) fn length(base: u8, skew: u8) -> Duration {
    match (base, skew) {
        (0, 0) => STEP,
        (base, skew) => Duration::from_secs(base.into()) + steps(skew),
    }
}

/// How long a backup waits. Only the base is multiplied, unless there is none.
pub(super) fn patience(base: u8, skew: u8, ratio: u8) -> Duration {
    let ratio = u32::from(ratio);
    match base {
        0 => length(0, skew) * ratio,
        base => Duration::from_secs(base.into()) * ratio + steps(skew),
    }
}

/// So many steps.
pub(super) fn steps(skew: u8) -> Duration {
    STEP * u32::from(skew)
}

/// HMAC-SHA1 over what members agree upon: RFC 2104, with version and type in two octets, the VHID, every address, and
/// the counter.
pub(super) fn digest(password: &[u8], vhid: u8, addresses: &[IpAddr], counter: u64) -> [u8; 20] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(password).for_each(|(octet, key)| *octet ^= key);
        block
    };
    let mut message = vec![2, 1, vhid];
    for address in addresses {
        match address {
            IpAddr::V4(ip) => message.extend(ip.octets()),
            IpAddr::V6(ip) => message.extend(ip.octets()),
        }
    }
    message.extend(counter.to_be_bytes());
    let inner = Sha1::digest([&pad(0x36)[..], &message].concat());
    Sha1::digest([&pad(0x5c)[..], &inner].concat()).into()
}

/// The time stamp of this moment.
pub(super) fn stamp(wall: Duration) -> u64 {
    let since = wall.saturating_sub(STAMPS_BEGIN);
    u64::try_from(since.as_nanos() * STAMPS_PER_SECOND / 1_000_000_000).unwrap_or(u64::MAX)
}

/// A counter that seals what is said with it: 40 bits of time, then the three octets.
pub(super) fn sealed(stamp: u64, base: u8, skew: u8, demote: u8) -> u64 {
    (stamp << 24) | (u64::from(base) << 16) | (u64::from(skew) << 8) | u64::from(demote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_and_patience() {
        let micros = |base, skew| (length(base, skew).as_micros(), patience(base, skew, 3).as_micros());
        assert_eq!(micros(1, 0), (1_000_000, 3_000_000));
        assert_eq!(micros(1, 100), (1_390_625, 3_390_625));
        assert_eq!(micros(0, 50), (195_312, 585_937));
        assert_eq!(micros(0, 0), (3_906, 11_718));
    }

    #[test]
    fn a_digest_is_known() {
        let addresses: Vec<IpAddr> =
            ["9.255.255.255", "10.0.0.9", "10.0.0.200"].iter().map(|ip| ip.parse().unwrap()).collect();
        let expected = [
            0x81, 0xe3, 0xa9, 0x27, 0x6b, 0x72, 0xe9, 0x00, 0x81, 0x0a, 0xc0, 0x8b, 0xc4, 0x72, 0x39, 0xe5,
            0x0e, 0x17, 0x2c, 0x0a,
        ];
        assert_eq!(digest(b"carp", 42, &addresses, 0x0123_4567_89ab_cdef), expected);
    }
}
