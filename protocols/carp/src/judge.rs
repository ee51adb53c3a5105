//! What is wrong with a readable advertisement before anybody knows a state: its envelope, and the digest.

use fhrp::Received;
use thiserror::Error;

use crate::wire::Advertisement;

/// TTL of an advertisement on the link.
const ON_LINK: u8 = 255;

/// Why an advertisement is not obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It has come through a router. `badttl` in the kernels.
    #[error("TTL {0}, must be 255")]
    HopLimit(u8),
    /// Virtual hosts are numbered from 1. `badvhid` in the kernels.
    #[error("virtual host 0, must be 1 to 255")]
    VirtualHostZero,
    /// `badauth` in the kernels.
    #[error("the digest does not match: another password, or other virtual addresses")]
    Digest,
}

impl Refusal {
    /// The name it is counted under.
    pub fn counter(&self) -> &'static str {
        match self {
            Refusal::HopLimit(_) => "ttl-errors",
            Refusal::VirtualHostZero => "vhid-errors",
            Refusal::Digest => "authentication-failures",
        }
    }

    /// The rule that it breaks.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            Refusal::HopLimit(_) => "OpenBSD ip_carp.c, carp_proto_input",
            Refusal::VirtualHostZero => "OpenBSD ip_carp.c, carp_ioctl",
            Refusal::Digest => "OpenBSD ip_carp.c, carp_hmac_verify",
        }
    }
}

/// Judges an advertisement and the header before it. `on_link`: whether it must not have come through a router, which
/// a unicast peer of FreeBSD may have.
///
/// # Errors
///
/// The first rule it breaks.
pub fn judge(received: &Received<'_>, advertisement: &Advertisement, on_link: bool) -> Result<(), Refusal> {
    if on_link && received.hop_limit != ON_LINK {
        return Err(Refusal::HopLimit(received.hop_limit));
    }
    if advertisement.vhid == 0 {
        return Err(Refusal::VirtualHostZero);
    }
    Ok(())
}
