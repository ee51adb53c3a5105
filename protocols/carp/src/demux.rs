//! Which frames are CARP's, and which virtual host they are for.
//!
//! VRRP shares the protocol number, the multicast groups and even the first two octets;
//! [`is_carp`] tells them apart.

use fhrp::contract::Ear;
use fhrp::dissect::{Dissection, Known};
use fhrp::packet::{ip_protocol, is_carp};
use fhrp::{Family, Protocol, Received};

use crate::dissect;
use crate::wire::{MULTICAST_V4, MULTICAST_V6};

/// CARP, as the engine sees it before any group exists.
#[derive(Debug, Clone, Copy, Default)]
pub struct Carp;

/// The one there is.
pub static PROTOCOL: Carp = Carp;

static EARS_V4: [Ear; 1] = [Ear { ip_protocol: ip_protocol::VRRP, udp_port: None, multicast: MULTICAST_V4 }];
static EARS_V6: [Ear; 1] = [Ear { ip_protocol: ip_protocol::VRRP, udp_port: None, multicast: MULTICAST_V6 }];

impl Protocol for Carp {
    fn name(&self) -> &'static str {
        "carp"
    }

    fn ears(&self, family: Family) -> &'static [Ear] {
        match family {
            Family::Ipv4 => &EARS_V4,
            Family::Ipv6 => &EARS_V6,
        }
    }

    /// The VHID of everything that is CARP, however broken: the virtual host says what is wrong with it.
    fn group_of(&self, received: &Received<'_>) -> Option<u16> {
        let &[_, vhid] = carp_in(received)?.first_chunk()?;
        Some(u16::from(vhid))
    }

    /// A virtual host has addresses of both families, and advertises in both.
    fn family_of(&self, _received: &Received<'_>) -> Option<Family> {
        None
    }

    /// OpenBSD ip_carp.c, carp_send_ad.
    fn penalty_of_send_errors(&self) -> u16 {
        1
    }

    fn dissect(&self, received: &Received<'_>, known: &Known<'_>) -> Option<Dissection> {
        carp_in(received).map(|message| dissect::dissect(received, message, known))
    }
}

fn carp_in<'a>(received: &Received<'a>) -> Option<&'a [u8]> {
    let ours = received.protocol == ip_protocol::VRRP && is_carp(received.payload, received.source);
    ours.then_some(received.payload)
}
