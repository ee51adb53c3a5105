//! What is left over in a sender's memory where a message says nothing.

/// Type of a forwarder's TLV, and where it is padded.
const FORWARDER: u8 = 2;
const FORWARDER_PADDING: [usize; 3] = [7, 12, 13];
/// Type of a challenge's TLV, where its peers begin, how long each is and where it is padded.
const CHALLENGE: u8 = 4;
const PEERS: usize = 8;
const PEER: usize = 12;
const PEER_PADDING: usize = 10;
/// Octets before the TLVs.
const HEADER: usize = 12;

/// Whether any octet that says nothing is not zero.
pub(super) fn is_left_over(message: &[u8]) -> bool {
    let mut rest = message.get(HEADER..).unwrap_or_default();
    while let &[kind, length @ 2..=255, ..] = rest {
        let Some((tlv, behind)) = rest.split_at_checked(length.into()) else { return false };
        let is_left = match kind {
            FORWARDER => FORWARDER_PADDING.iter().any(|at| tlv.get(*at).is_some_and(|octet| *octet != 0)),
            CHALLENGE => {
                let mut peers = tlv.get(PEERS..).unwrap_or_default().chunks_exact(PEER);
                peers.any(|peer| peer[PEER_PADDING..].iter().any(|octet| *octet != 0))
            }
            _ => false,
        };
        if is_left {
            return true;
        }
        rest = behind;
    }
    false
}
