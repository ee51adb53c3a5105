//! Which frames are HSRP's, and which group they are for.

use fhrp::contract::Ear;
use fhrp::dissect::{Dissection, Known};
use fhrp::packet::ip_protocol;
use fhrp::{Family, Protocol, Received};

use crate::dissect;
use crate::wire::{MULTICAST_V1, MULTICAST_V2, MULTICAST_V2_IPV6, PORT_IPV4, PORT_IPV6, group_in};

/// HSRP, as the engine sees it before any group exists.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hsrp;

/// The one there is.
pub static PROTOCOL: Hsrp = Hsrp;

static EARS_V4: [Ear; 2] = [
    Ear { ip_protocol: ip_protocol::UDP, udp_port: Some(PORT_IPV4), multicast: MULTICAST_V1 },
    Ear { ip_protocol: ip_protocol::UDP, udp_port: Some(PORT_IPV4), multicast: MULTICAST_V2 },
];
static EARS_V6: [Ear; 1] =
    [Ear { ip_protocol: ip_protocol::UDP, udp_port: Some(PORT_IPV6), multicast: MULTICAST_V2_IPV6 }];

impl Protocol for Hsrp {
    fn name(&self) -> &'static str {
        "hsrp"
    }

    /// Both versions' groups on every link: a neighbour of the other version is worth knowing.
    fn ears(&self, family: Family) -> &'static [Ear] {
        match family {
            Family::Ipv4 => &EARS_V4,
            Family::Ipv6 => &EARS_V6,
        }
    }

    /// The group that a message speaks for, in either version. What speaks for an interface is no group's: it changes
    /// no state.
    fn group_of(&self, received: &Received<'_>) -> Option<u16> {
        if is_ours(received) { group_in(received) } else { None }
    }

    fn dissect(&self, received: &Received<'_>, known: &Known<'_>) -> Option<Dissection> {
        is_ours(received).then(|| dissect::dissect(received, known))
    }
}

/// The destination port decides; source ports are not looked at.
fn is_ours(received: &Received<'_>) -> bool {
    let port = if received.source.is_ipv4() { PORT_IPV4 } else { PORT_IPV6 };
    received.protocol == ip_protocol::UDP && received.ports.is_some_and(|(_, to)| to == port)
}
