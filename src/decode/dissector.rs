//! What one frame alone shows: whose it is, and what it says. Nothing here remembers a frame, so this may happen
//! anywhere and in any order.

use std::net::IpAddr;

use fhrp::dissect::{Dissection, Known};
use fhrp::packet::ip_protocol;
use fhrp::{Family, Instant, Received};

use super::Wish;
use crate::capture::link::{self, LinkFault};
use crate::capture::{Frame, Packet};
use crate::net::frame::{Opened, Unreadable};
use crate::protocols::DECODED;

/// What a look at a frame finds.
#[derive(Debug)]
pub enum Look {
    /// Nobody's business here.
    Nothing,
    /// ARP or Neighbour Discovery; about a virtual address, perhaps.
    Neighbour,
    /// A message of a redundancy protocol.
    Message(Box<Dissection>),
}

/// Takes single frames apart.
pub struct Dissector {
    wish: Wish,
    ears: Ears,
}

impl Dissector {
    pub(super) fn new(wish: Wish) -> Dissector {
        Dissector { wish, ears: Ears::new() }
    }

    pub(super) fn has_keys(&self, protocol: &str) -> bool {
        self.wish.keys.of(protocol).next().is_some()
    }

    /// Looks at a frame.
    ///
    /// # Errors
    /// If its link layer is one that none of the protocols runs over.
    pub fn look(&self, frame: &Frame<'_>) -> Result<Look, LinkFault> {
        let packet = match Packet::open(frame.link(), frame.octets) {
            Ok(packet) => packet,
            Err(LinkFault::Truncated { .. }) => return Ok(Look::Nothing),
            Err(fault @ LinkFault::Foreign(_)) => return Err(fault),
        };
        let carried = match packet.ether_type {
            link::ARP => return Ok(Look::Neighbour),
            link::IPV4 | link::IPV6 => packet.carries(),
            _ => return Ok(Look::Nothing),
        };
        let Some(carried) = carried else { return Ok(Look::Nothing) };
        if carried.0 == ip_protocol::ICMPV6 {
            return Ok(Look::Neighbour);
        }
        let Some(whose) = self.ears.whose(carried) else { return Ok(Look::Nothing) };
        Ok(match packet.received(Instant::from_nanos(frame.at)) {
            // What a fragment begins with is anybody's guess, and a header that is none says nothing at all.
            Err(_) | Ok(Opened { fault: Some(Unreadable::Fragment), .. }) => {
                Look::Message(Box::new(Dissection::new(whose)))
            }
            Ok(Opened { received, .. }) => {
                self.dissect(&received, &self.wish.carp_addresses).map_or(Look::Nothing, Look::Message)
            }
        })
    }

    /// By the first protocol whose frame it is. `addresses` are those that CARP's digest may cover.
    pub(super) fn dissect(&self, received: &Received<'_>, addresses: &[IpAddr]) -> Option<Box<Dissection>> {
        for protocol in DECODED {
            let keys: Vec<&[u8]> = self.wish.keys.of(protocol.name()).collect();
            let known = Known { keys: &keys, addresses, fields: self.wish.fields };
            if let Some(shown) = protocol.dissect(received, &known) {
                return Some(Box::new(shown));
            }
        }
        None
    }
}

/// What the protocols listen to: which frames are worth a look.
struct Ears {
    /// By IP protocol, for what does not run over UDP.
    protocols: [Option<&'static str>; 256],
    /// By UDP port.
    ports: Vec<(u16, &'static str)>,
}

impl Ears {
    fn new() -> Ears {
        let mut ears = Ears { protocols: [None; 256], ports: Vec::new() };
        for protocol in DECODED.iter().rev() {
            let families = [Family::Ipv4, Family::Ipv6];
            for ear in families.into_iter().flat_map(|family| protocol.ears(family)) {
                match (ear.udp_port, ears.protocols.get_mut(usize::from(ear.ip_protocol))) {
                    (Some(port), _) => ears.ports.push((port, protocol.name())),
                    (None, Some(listener)) => *listener = Some(protocol.name()),
                    (None, None) => {}
                }
            }
        }
        ears
    }

    /// Whose frame it is if nothing more is known of it.
    fn whose(&self, (protocol, port): (u8, Option<u16>)) -> Option<&'static str> {
        match port {
            Some(port) => self.ports.iter().find(|(known, _)| *known == port).map(|(_, name)| *name),
            None => self.protocols.get(usize::from(protocol)).copied().flatten(),
        }
    }
}
