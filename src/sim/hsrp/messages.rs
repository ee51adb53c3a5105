//! Messages read, judged when they are sent, and forged.

use std::net::IpAddr;
use std::time::Duration;

use ::hsrp::auth::Guard;
use ::hsrp::wire::{
    self, Credentials, GroupMessage, InterfaceMessage, Message, Operation, PORT_IPV4, PORT_IPV6, State,
};
use fhrp::packet::ip_protocol;
use fhrp::{Datagram, Family, Mac, Received, Route};

use super::arithmetic;
use super::setup::{Setup, Version, members_authentication, strangers_authentication};
use crate::sim::invariant::{Breach, Invariant};
use crate::sim::machine;
use crate::sim::rules::as_received;
use crate::sim::scenario::Forgery;

/// What a message of a group says.
#[derive(Debug, Clone)]
pub struct Said {
    /// Who says it.
    pub source: IpAddr,
    /// What.
    pub message: GroupMessage,
    /// The number of the key that it is said to be sealed with; `None`: no key.
    pub key: Option<u32>,
}

/// Reads a message, whoever sealed it.
fn parse(received: &Received<'_>) -> Option<(Message, Credentials)> {
    let port = if received.source.is_ipv4() { PORT_IPV4 } else { PORT_IPV6 };
    let ours = received.protocol == ip_protocol::UDP && received.ports.is_some_and(|(_, to)| to == port);
    let heard = wire::parse(received).ok().filter(|_| ours)?;
    Some((heard.message, heard.credentials))
}

/// Reads what a message of this group says.
pub(super) fn read(setup: &Setup, received: &Received<'_>) -> Option<Said> {
    let (Message::Group(message), credentials) = parse(received)? else { return None };
    let key = if let Credentials::Md5(tlv) = credentials { Some(tlv.key) } else { None };
    let ours = message.group == setup.group
        && message.version == setup.wire_version()
        && Family::of(received.source) == setup.family();
    ours.then_some(Said { source: received.source, message, key })
}

/// What a member has sent.
pub(super) enum Sent {
    /// A message of the group.
    Group(GroupMessage),
    /// What the interface is.
    Interface(InterfaceMessage),
}

/// Reads what a member sends, and says whether everything about it but its contents is as it must be: headers, the MAC
/// it comes from, its proof, which may have been made at any of these times. RFC 2281 §5.1, §6.1; Cisco for version 2.
pub(super) fn judge(
    setup: &Setup,
    address: u8,
    walls: [Duration; 2],
    datagram: &Datagram,
) -> Result<Sent, Breach> {
    let broken = |what: String| Err(Breach::new(Invariant::Truthful, what));
    let received = as_received(datagram);
    let Some((message, credentials)) = parse(&received) else {
        return broken("sent what cannot be read".to_owned());
    };
    if datagram.source != machine::address(setup.ipv6, address) {
        return broken(format!("spoke from {}", datagram.source));
    }
    let (ttl, class, group) = match (setup.version, setup.ipv6) {
        (Version::V1, _) => (1, 0xc0, IpAddr::from([224, 0, 0, 2])),
        (Version::V2, false) => (255, 0xc0, IpAddr::from([224, 0, 0, 102])),
        (Version::V2, true) => (255, 0xe0, IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0x66])),
    };
    if (datagram.hop_limit, datagram.traffic_class) != (ttl, class) {
        let (ttl, class) = (datagram.hop_limit, datagram.traffic_class);
        return broken(format!("sent with TTL {ttl} and class {class:#x}"));
    }
    let Route::Link { source_mac, destination_mac } = datagram.route else {
        return broken("spoke to one router alone".to_owned());
    };
    if datagram.destination != group || Some(destination_mac) != Mac::of_multicast(group) {
        return broken(format!("spoke to {} at {destination_mac}", datagram.destination));
    }
    let own = machine::mac(address);
    let (version, from, sent) = match message {
        Message::Group(message) => {
            let active = message.state == State::Active;
            let from = setup.virtual_mac().filter(|_| active).unwrap_or(own);
            if !walls.iter().any(|wall| is_proof_right(setup, *wall, datagram, &credentials)) {
                return broken("is not sealed as its members seal".to_owned());
            }
            (message.version, from, Sent::Group(message))
        }
        Message::Interface(message) => (message.version, own, Sent::Interface(message)),
    };
    if version != setup.wire_version() {
        return broken(format!("spoke version {}", version.number()));
    }
    if source_mac != from {
        return broken(format!("spoke from MAC {source_mac}, must be {from}"));
    }
    Ok(sent)
}

/// Whether a message is sealed as members seal theirs at this time.
fn is_proof_right(setup: &Setup, wall: Duration, datagram: &Datagram, credentials: &Credentials) -> bool {
    let scheme = setup.authentication;
    match (credentials, scheme.signing(wall)) {
        (Credentials::Text(text), None) => scheme.text() == Some(*text),
        (Credentials::Md5(tlv), Some((number, key))) => {
            tlv.algorithm == 1
                && tlv.key == number
                && tlv.address == sender_of(datagram.source)
                && tlv.digest == arithmetic::digest(key, &datagram.payload)
        }
        (Credentials::None | Credentials::Text(_) | Credentials::Md5(_), _) => false,
    }
}

/// What the MD5 TLV says of a sender: its address, or the last four octets of that.
fn sender_of(source: IpAddr) -> std::net::Ipv4Addr {
    match source {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(ip) => {
            let [.., a, b, c, d] = ip.octets();
            [a, b, c, d].into()
        }
    }
}

/// A message that no member sent, and that every member must refuse; `None` where obeying is right.
pub(super) fn forge(setup: &Setup, addresses: &[u8], kind: Forgery, chance: u64) -> Option<Datagram> {
    let strangers = strangers_authentication(setup.authentication, chance >> 24);
    let members = members_authentication(setup.authentication);
    let (operation, state, version, authentication) = match kind {
        Forgery::Claim if chance & 0x100 == 0 => {
            (Operation::Coup, State::Listen, setup.wire_version(), strangers)
        }
        Forgery::Claim => (Operation::Hello, State::Active, setup.wire_version(), strangers),
        Forgery::Goodbye => (Operation::Resign, State::Initial, setup.wire_version(), strangers),
        Forgery::OtherVersion => (Operation::Coup, State::Active, other_version(setup)?, members),
        Forgery::Garbage => (Operation::Hello, State::Active, setup.wire_version(), strangers),
        // Nobody looks at the TTL: Cisco's routers send 1 in one version and 255 in the other.
        Forgery::FromAfar | Forgery::Flipped => return None,
    };
    // Sometimes in a member's name, sometimes in a new one.
    let names = addresses.len() as u64 + 1;
    let name = addresses.get((chance % names) as usize).copied().unwrap_or(machine::STRANGER);
    let source = machine::address(setup.ipv6, name);
    let message = GroupMessage {
        version,
        operation,
        state,
        group: setup.group,
        priority: 255,
        hello: Duration::from_secs(1),
        hold: Duration::from_secs(200),
        identifier: Mac::default(),
        address: setup.gateway(),
    };
    let wall = crate::sim::clock::EPOCH;
    let mut payload = Guard::new(&authentication).seal(&Message::Group(message), source, wall);
    if payload.is_none() || kind == Forgery::Garbage {
        payload = Some(garbage(setup, chance));
    }
    let destination = match (setup.version, setup.ipv6) {
        (Version::V1, _) => IpAddr::from([224, 0, 0, 2]),
        (Version::V2, false) => IpAddr::from([224, 0, 0, 102]),
        (Version::V2, true) => IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0x66]),
    };
    let port = if setup.ipv6 { PORT_IPV6 } else { PORT_IPV4 };
    let destination_mac = Mac::of_multicast(destination)?;
    Some(Datagram {
        route: Route::Link { source_mac: machine::mac(machine::STRANGER), destination_mac },
        source,
        destination,
        hop_limit: if setup.version == Version::V1 { 1 } else { 255 },
        traffic_class: 0xc0,
        identification: 0,
        dont_fragment: false,
        protocol: ip_protocol::UDP,
        ports: Some((port, port)),
        payload: payload?,
    })
}

/// The version that the group does not speak, if it could be spoken at all.
fn other_version(setup: &Setup) -> Option<wire::Version> {
    match setup.version {
        Version::V1 => Some(wire::Version::V2),
        Version::V2 => (!setup.ipv6 && setup.group <= 255).then_some(wire::Version::V1),
    }
}

/// A message for the group with an operation that there is not, so that nobody may obey it by accident.
fn garbage(setup: &Setup, chance: u64) -> Vec<u8> {
    let [high, low] = setup.group.to_be_bytes();
    let mut octets = chance.to_be_bytes().repeat(7);
    match setup.version {
        Version::V1 => octets[..7].copy_from_slice(&[0, 9, 16, 3, 10, 255, low]),
        Version::V2 => octets[..8].copy_from_slice(&[1, 40, 2, 9, 6, 4, high, low]),
    }
    octets
}
