//! Which of the frames are asked for.

use std::net::IpAddr;

use super::{Decoded, What};

/// What a frame must have to be shown; of each list one, and an empty list asks for nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Protocols: those of redundancy, which bring the ARP and Neighbour Discovery about their addresses with them,
    /// and `arp` and `nd`.
    pub protocols: Vec<String>,
    /// Groups by number.
    pub groups: Vec<u16>,
    /// Addresses that it is from, to or about.
    pub addresses: Vec<IpAddr>,
}

impl Filter {
    /// Whether the frame is asked for.
    pub fn takes(&self, decoded: &Decoded<'_>) -> bool {
        let asks = |name: &str| self.protocols.iter().any(|wanted| wanted == name);
        let is_protocol = self.protocols.is_empty()
            || match &decoded.what {
                What::Message(message) => asks(message.shown.protocol),
                What::Neighbour(about, said, _) => asks(about.protocol) || asks(said.protocol()),
            };
        let group = match &decoded.what {
            What::Message(message) => message.shown.group,
            What::Neighbour(about, ..) => Some(about.group),
        };
        let is_group = self.groups.is_empty() || group.is_some_and(|group| self.groups.contains(&group));
        is_protocol && is_group && (self.addresses.is_empty() || self.takes_address(decoded))
    }

    fn takes_address(&self, decoded: &Decoded<'_>) -> bool {
        let asked = |ip: &IpAddr| self.addresses.contains(ip);
        match &decoded.what {
            What::Message(message) => {
                let of_envelope =
                    |envelope: &fhrp::Received<'_>| asked(&envelope.source) || asked(&envelope.destination);
                message.received.as_ref().is_some_and(of_envelope)
                    || message.shown.addresses.iter().any(asked)
            }
            What::Neighbour(_, said, _) => {
                asked(&said.about) || asked(&said.destination) || said.source.as_ref().is_some_and(asked)
            }
        }
    }
}
