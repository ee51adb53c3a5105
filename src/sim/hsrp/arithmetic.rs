//! What the reference lets one compute, computed once more and in another way: times as version 1 can say them, and
//! keyed MD5.

use std::time::Duration;

use ::hsrp::config::Times;
use md5::{Digest, Md5};

use super::setup::Version;

/// The times that a message says for these. Version 1 has an octet of seconds for each: what is less than a second is
/// rounded up, and the hold time stays above the hello time. RFC 2281 §5.1; below a second the choice is ours.
pub(super) fn said(version: Version, times: Times) -> Times {
    let up = |time: Duration| {
        let seconds = time.as_millis().div_ceil(1_000);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX).min(255))
    };
    let whole = times.hello.subsec_nanos() == 0 && times.hold.subsec_nanos() == 0;
    match version {
        Version::V2 => times,
        Version::V1 if whole => times,
        Version::V1 => {
            let hello = up(times.hello);
            Times { hello, hold: up(times.hold).max(hello + Duration::from_secs(1)) }
        }
    }
}

/// The digest of a message in which the digest's octets, the last sixteen, are zero: MD5 over the key, what MD5 itself
/// would put behind it, the message, and the key again. RFC 1828, with what MD5 puts behind a key.
pub(super) fn digest(key: &[u8], message: &[u8]) -> [u8; 16] {
    let mut octets = key.to_vec();
    octets.push(0x80);
    while octets.len() % 64 != 56 {
        octets.push(0);
    }
    octets.extend((key.len() as u64 * 8).to_le_bytes());
    let covered = message.len().saturating_sub(16);
    octets.extend(&message[..covered]);
    octets.extend([0; 16]);
    octets.extend(key);
    Md5::digest(&octets).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(hello: u64, hold: u64) -> Times {
        Times { hello: Duration::from_millis(hello), hold: Duration::from_millis(hold) }
    }

    #[test]
    fn version_1_says_seconds() {
        assert_eq!(said(Version::V1, ms(3_000, 10_000)), ms(3_000, 10_000));
        assert_eq!(said(Version::V1, ms(250, 800)), ms(1_000, 2_000));
        assert_eq!(said(Version::V1, ms(15, 50)), ms(1_000, 2_000));
        assert_eq!(said(Version::V1, ms(999, 3_000)), ms(1_000, 3_000));
        assert_eq!(said(Version::V2, ms(250, 800)), ms(250, 800));
    }
}
