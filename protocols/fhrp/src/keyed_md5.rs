//! Keyed MD5 as Cisco's protocols use it: `MD5(K ‖ P ‖ M ‖ K)`, in the manner of RFC 1828. K is the key, P what MD5
//! itself would append to a message consisting of K, M the message.

use md5::{Digest, Md5};

/// The octets that MD5 works on at a time.
const BLOCK: usize = 64;
/// What P has besides zeros: one octet, and the number of bits.
const MARK_AND_LENGTH: usize = 9;

/// The digest of a message under `key`. The message comes in parts, so that a field may be taken as zero.
pub fn digest(key: &[u8], message: &[&[u8]]) -> [u8; 16] {
    let zeros = (BLOCK - (key.len() + MARK_AND_LENGTH) % BLOCK) % BLOCK;
    let bits = u64::try_from(key.len()).unwrap_or(u64::MAX).wrapping_mul(8);
    let mut md5 = Md5::new();
    md5.update(key);
    md5.update([0x80]);
    md5.update(&[0; BLOCK][..zeros]);
    md5.update(bits.to_le_bytes());
    for part in message {
        md5.update(part);
    }
    md5.update(key);
    md5.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python's hashlib: `md5(k + b"\x80" + bytes(-(len(k) + 9) % 64) + pack("<Q", 8 * len(k)) + m + k)`.
    #[test]
    fn agrees_with_another_implementation() {
        let cases: [(&[u8], &[u8], &str); 4] = [
            (b"", b"", "d100adc7d963ac0b837f7ac29dc701d7"),
            (b"first hop", b"a message", "b864217d7234e40e81741c54decc9892"),
            (&[b'k'; 55], b"a message", "2b5d2b287bb8b2890c0086a98425c783"),
            (&[b'k'; 56], b"a message", "a0abcdc7a86be785d1409c859529fc32"),
        ];
        for (key, message, expected) in cases {
            let hex = |digest: [u8; 16]| digest.map(|octet| format!("{octet:02x}")).concat();
            assert_eq!(hex(digest(key, &[message])), expected);
            let (front, back) = message.split_at(message.len() / 2);
            assert_eq!(hex(digest(key, &[front, back])), expected);
        }
    }
}
