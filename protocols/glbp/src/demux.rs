//! Which frames are GLBP's, and which group they are for.

use fhrp::contract::Ear;
use fhrp::dissect::{Dissection, Known};
use fhrp::packet::ip_protocol;
use fhrp::{Family, Protocol, Received};

use crate::dissect;
use crate::wire::{MULTICAST_V4, MULTICAST_V6, PORT};

/// GLBP, as the engine sees it before any group exists.
#[derive(Debug, Clone, Copy, Default)]
pub struct Glbp;

/// The one there is.
pub static PROTOCOL: Glbp = Glbp;

static EARS_V4: [Ear; 1] =
    [Ear { ip_protocol: ip_protocol::UDP, udp_port: Some(PORT), multicast: MULTICAST_V4 }];
static EARS_V6: [Ear; 1] =
    [Ear { ip_protocol: ip_protocol::UDP, udp_port: Some(PORT), multicast: MULTICAST_V6 }];

impl Protocol for Glbp {
    fn name(&self) -> &'static str {
        "glbp"
    }

    fn ears(&self, family: Family) -> &'static [Ear] {
        match family {
            Family::Ipv4 => &EARS_V4,
            Family::Ipv6 => &EARS_V6,
        }
    }

    /// The group of everything that comes to the port, however broken: the group says what is wrong with it.
    fn group_of(&self, received: &Received<'_>) -> Option<u16> {
        if is_ours(received) { group_in(received.payload) } else { None }
    }

    fn dissect(&self, received: &Received<'_>, known: &Known<'_>) -> Option<Dissection> {
        is_ours(received).then(|| dissect::dissect(received, known))
    }
}

/// The group's number, whatever it is worth.
pub(crate) fn group_in(octets: &[u8]) -> Option<u16> {
    let &[_, _, high, low] = octets.first_chunk()?;
    Some(u16::from_be_bytes([high, low]))
}

fn is_ours(received: &Received<'_>) -> bool {
    received.protocol == ip_protocol::UDP && received.ports.is_some_and(|(_, to)| to == PORT)
}
