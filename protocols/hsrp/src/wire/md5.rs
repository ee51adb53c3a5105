//! The MD5 TLV, the same in both versions.
//!
//! ```text
//! | Type (4)          | Length (28)       | Algorithm (1)     | Padding (0)       |
//! | Flags (0)                             | IP address …                          |
//! | …                                     | Key ID …                              |
//! | …                                     | Digest, 16 octets …                   |
//! ```

use std::net::{IpAddr, Ipv4Addr};

use nom::bytes::complete::take;
use nom::combinator::map;
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

use super::array;

/// The only algorithm there is.
pub const ALGORITHM_MD5: u8 = 1;

/// An MD5 TLV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Md5Tlv {
    /// [`ALGORITHM_MD5`]; anything else is not understood.
    pub algorithm: u8,
    /// Always 0, and ignored.
    pub flags: u16,
    /// The sender's address; over IPv6 the last 32 bits of it.
    pub address: Ipv4Addr,
    /// Number of the key: 0 with a key string.
    pub key: u32,
    /// Keyed MD5 over the whole message with these octets zero.
    pub digest: [u8; 16],
}

impl Md5Tlv {
    /// Its type.
    pub const KIND: u8 = 4;
    /// Octets of its value.
    pub const LENGTH: usize = 28;
    /// Octets of the value before the digest.
    pub(super) const DIGEST_AT: usize = 12;

    /// One that is still to be signed.
    pub fn unsigned(source: IpAddr, key: u32) -> Self {
        let address = Self::address_of(source);
        Md5Tlv { algorithm: ALGORITHM_MD5, flags: 0, address, key, digest: [0; 16] }
    }

    /// What the TLV says of a sender.
    pub fn address_of(source: IpAddr) -> Ipv4Addr {
        match source {
            IpAddr::V4(ip) => ip,
            IpAddr::V6(ip) => {
                let [.., a, b, c, d] = ip.octets();
                Ipv4Addr::new(a, b, c, d)
            }
        }
    }

    pub(super) fn read(value: &[u8]) -> IResult<&[u8], Md5Tlv> {
        let fields = (be_u8, take(1usize), be_u16, be_u32, be_u32, array::<16>);
        map(fields, |(algorithm, _padding, flags, address, key, digest)| Md5Tlv {
            algorithm,
            flags,
            address: Ipv4Addr::from(address),
            key,
            digest,
        })
        .parse(value)
    }

    pub(super) fn write(&self, octets: &mut Vec<u8>) {
        let Md5Tlv { algorithm, flags, address, key, digest } = self;
        octets.extend([Self::KIND, 28, *algorithm, 0]);
        octets.extend(flags.to_be_bytes());
        octets.extend(address.octets());
        octets.extend(key.to_be_bytes());
        octets.extend(digest);
    }
}
