//! Which frames are VRRP's, and which virtual router they are for.
//!
//! CARP shares the protocol number, the multicast groups and even the first two octets with VRRP version 2;
//! only the length tells them apart.

use fhrp::contract::Ear;
use fhrp::dissect::{Dissection, Known};
use fhrp::packet::{ip_protocol, is_carp};
use fhrp::{Family, Protocol, Received};

use crate::dissect;
use crate::wire::{MULTICAST_V4, MULTICAST_V6, vrrp_in};

/// VRRP, as the engine sees it before any group exists.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vrrp;

/// The one there is.
pub static PROTOCOL: Vrrp = Vrrp;

static EARS_V4: [Ear; 2] = [
    Ear { ip_protocol: ip_protocol::VRRP, udp_port: None, multicast: MULTICAST_V4 },
    Ear { ip_protocol: ip_protocol::AUTHENTICATION_HEADER, udp_port: None, multicast: MULTICAST_V4 },
];
static EARS_V6: [Ear; 1] = [Ear { ip_protocol: ip_protocol::VRRP, udp_port: None, multicast: MULTICAST_V6 }];

impl Protocol for Vrrp {
    fn name(&self) -> &'static str {
        "vrrp"
    }

    fn ears(&self, family: Family) -> &'static [Ear] {
        match family {
            Family::Ipv4 => &EARS_V4,
            Family::Ipv6 => &EARS_V6,
        }
    }

    /// The VRID of everything that is not CARP, however broken: the virtual router says what is wrong with it.
    fn group_of(&self, received: &Received<'_>) -> Option<u16> {
        let message = vrrp_in(received)?;
        let &[_, vrid] = message.first_chunk()?;
        (!is_carp(message, received.source)).then_some(u16::from(vrid))
    }

    fn dissect(&self, received: &Received<'_>, known: &Known<'_>) -> Option<Dissection> {
        let message = vrrp_in(received)?;
        (!is_carp(message, received.source)).then(|| dissect::dissect(received, message, known))
    }
}
