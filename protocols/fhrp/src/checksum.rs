//! The Internet checksum. RFC 1071.

use std::net::IpAddr;

/// A running ones'-complement sum of 16-bit big-endian words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// An empty sum.
    pub const fn new() -> Self {
        Sum(0)
    }

    /// Adds octets; an odd last one is followed by a zero octet.
    pub fn over(mut self, octets: &[u8]) -> Self {
        let mut words = octets.chunks_exact(2);
        for word in &mut words {
            self.0 += u64::from(u16::from_be_bytes([word[0], word[1]]));
        }
        if let [last] = words.remainder() {
            self.0 += u64::from(*last) << 8;
        }
        self
    }

    /// Adds the pseudo-header of an upper-layer packet. RFC 793 §3.1 for IPv4, RFC 8200 §8.1 for IPv6.
    ///
    /// Addresses of different families add nothing that could verify, which is what such a packet deserves.
    pub fn over_pseudo_header(self, source: IpAddr, destination: IpAddr, protocol: u8, length: u32) -> Self {
        let sum = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.over(&source.octets()).over(&destination.octets())
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                self.over(&source.octets()).over(&destination.octets())
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => self,
        };
        sum.over(&length.to_be_bytes()).over(&[0, protocol])
    }

    /// The sum folded to 16 bits: `0xffff` over a message that carries its correct checksum.
    pub fn folded(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        u16::try_from(sum).unwrap_or(u16::MAX)
    }

    /// The checksum to be written into the field that was zero while summing.
    pub fn checksum(self) -> u16 {
        !self.folded()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_the_example_of_rfc_1071() {
        let sum = Sum::new().over(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.folded(), 0xddf2);
        assert_eq!(sum.checksum(), 0x220d);
    }

    #[test]
    fn odd_lengths_are_padded_with_zero() {
        assert_eq!(Sum::new().over(&[0xab]).folded(), 0xab00);
    }

    #[test]
    fn a_message_with_its_checksum_sums_to_all_ones() {
        let message = [0x21, 0x01, 0xff, 0x01, 0x00, 0x01, 0xd5, 0xfa, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Sum::new().over(&message).folded(), 0xffff);
    }
}
