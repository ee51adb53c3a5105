//! Messages read, judged when they are sent, and forged.

use std::net::IpAddr;
use std::time::Duration;

use ::glbp::auth::Guard;
use ::glbp::wire::{self, Credentials, Forwarder, Hello, Kind, Message, PORT, State};
use fhrp::packet::ip_protocol;
use fhrp::{Datagram, Family, Mac, Received, Route};
use md5::{Digest, Md5};

use super::setup::{Authentication, Setup};
use crate::sim::clock::EPOCH;
use crate::sim::invariant::{Breach, Invariant};
use crate::sim::machine;
use crate::sim::rules::as_received;
use crate::sim::scenario::Forgery;

/// What a message of a group says.
#[derive(Debug, Clone)]
pub struct Said {
    /// Who says it.
    pub source: IpAddr,
    /// The MAC that it comes from.
    pub source_mac: Mac,
    /// What.
    pub message: Message,
    /// The number of the key that it is said to be sealed with; `None`: no key, or one without a number.
    pub key: Option<u32>,
}

/// Reads what a message of this group says, whoever sealed it.
pub(super) fn read(setup: &Setup, received: &Received<'_>) -> Option<Said> {
    let ours = received.protocol == ip_protocol::UDP && received.ports.is_some_and(|(_, to)| to == PORT);
    let heard = wire::parse(received.payload).ok().filter(|_| ours)?;
    let key = if let Credentials::KeyChain { key, .. } = heard.credentials { Some(key) } else { None };
    let message = heard.message;
    let of_group = message.group == setup.group && Family::of(received.source) == setup.family();
    let Received { source, source_mac, .. } = *received;
    of_group.then_some(Said { source, source_mac, message, key })
}

/// Where hellos go.
fn everybody(setup: &Setup) -> IpAddr {
    match setup.ipv6 {
        false => IpAddr::from([224, 0, 0, 102]),
        true => IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0x66]),
    }
}

/// Reads what a member sends, and says whether everything about it but its contents is as it must be: headers, where it
/// goes, its owner, its proof. Comes with the MAC that it leaves from.
pub(super) fn judge(
    setup: &Setup,
    address: u8,
    wall: Duration,
    datagram: &Datagram,
) -> Result<(Message, Mac), Breach> {
    let broken = |what: String| Err(Breach::new(Invariant::Truthful, what));
    let received = as_received(datagram);
    let Some(Said { message, .. }) = read(setup, &received) else {
        return broken("sent what cannot be read".to_owned());
    };
    if datagram.source != machine::address(setup.ipv6, address) || message.owner != machine::mac(address) {
        return broken(format!("spoke from {} as {}", datagram.source, message.owner));
    }
    if (datagram.hop_limit, datagram.traffic_class, datagram.ports) != (255, 0xc0, Some((PORT, PORT))) {
        let (ttl, class) = (datagram.hop_limit, datagram.traffic_class);
        return broken(format!("sent with TTL {ttl}, class {class:#x}, ports {:?}", datagram.ports));
    }
    let Route::Link { source_mac, destination_mac } = datagram.route else {
        return broken("left the way to the routing table".to_owned());
    };
    let (group, alone) = (everybody(setup), message.kind != Kind::Hello);
    let last = match datagram.destination {
        IpAddr::V4(ip) => ip.octets()[3],
        IpAddr::V6(ip) => ip.octets()[15],
    };
    let right = match alone {
        true => {
            destination_mac == machine::mac(last)
                && datagram.destination == machine::address(setup.ipv6, last)
                && source_mac == machine::mac(address)
        }
        false => datagram.destination == group && Some(destination_mac) == Mac::of_multicast(group),
    };
    if !right {
        let (kind, to) = (message.kind.word(), datagram.destination);
        return broken(format!("sent a {kind} to {to} at {destination_mac}, from {source_mac}"));
    }
    if !is_proof_right(setup.authentication, wall, datagram) {
        return broken("is not sealed as its members seal".to_owned());
    }
    Ok((message, source_mac))
}

/// Whether a message is sealed as members may seal theirs at this time; it may have waited for a kernel.
fn is_proof_right(scheme: Authentication, wall: Duration, datagram: &Datagram) -> bool {
    let Ok(heard) = wire::parse(&datagram.payload) else { return false };
    let believed = |key| scheme.believes(key, wall);
    let fits = |number: Option<u32>, digest: &[u8; 16], at: usize| {
        let walls = [EPOCH, Duration::MAX];
        let mut keys = walls.into_iter().filter_map(|wall| scheme.signing(wall));
        let key = keys.find(|(of, _)| *of == number);
        key.is_some_and(|(_, key)| *digest == digest_of(key, datagram, at)) && believed(number)
    };
    let challenged = heard.message.challenge.is_some();
    match &heard.credentials {
        Credentials::None => scheme == Authentication::None && !challenged,
        Credentials::Text(text) => scheme.text() == Some(*text) && !challenged,
        Credentials::KeyString(digest) => challenged && fits(None, digest, 16),
        Credentials::KeyChain { key, digest } => challenged && fits(Some(*key), digest, 20),
        Credentials::Unknown(_) => false,
    }
}

/// The digest of a message: MD5 over the key, what MD5 itself would put behind it, the message with the sender's address
/// where the digest stands, and the key again.
fn digest_of(key: &[u8], datagram: &Datagram, at: usize) -> [u8; 16] {
    let mut octets = key.to_vec();
    octets.push(0x80);
    while octets.len() % 64 != 56 {
        octets.push(0);
    }
    octets.extend((key.len() as u64 * 8).to_le_bytes());
    let begin = octets.len() + at;
    octets.extend(&datagram.payload);
    let mut sender = [0; 16];
    match datagram.source {
        IpAddr::V4(ip) => sender[..4].copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => sender = ip.octets(),
    }
    if let Some(place) = octets.get_mut(begin..begin + 16) {
        place.copy_from_slice(&sender);
    }
    octets.extend(key);
    Md5::digest(&octets).into()
}

/// A message that no member sent, and that every member must refuse; `None` where obeying is right.
pub(super) fn forge(setup: &Setup, addresses: &[u8], kind: Forgery, chance: u64) -> Option<Datagram> {
    let strangers = setup.authentication.strangers(chance >> 24);
    let members = super::setup::config(setup, &setup.members[0]).authentication;
    let claim = (State::Active, 255);
    let (said, authentication) = match kind {
        Forgery::Claim | Forgery::Garbage => (claim, strangers),
        Forgery::Goodbye => ((State::Listen, 0), strangers),
        Forgery::FromAfar => (claim, members),
        Forgery::OtherVersion | Forgery::Flipped => return None,
    };
    // Sometimes in a member's name, sometimes in a new one.
    let names = addresses.len() as u64 + 1;
    let name = addresses.get((chance % names) as usize).copied().unwrap_or(machine::STRANGER);
    let source = machine::address(setup.ipv6, name);
    let message = Message {
        kind: Kind::Hello,
        group: setup.group,
        owner: machine::mac(name),
        challenge: None,
        hello: Some(Hello {
            state: said.0,
            priority: said.1,
            hello: Duration::from_secs(1),
            hold: Duration::from_secs(170),
            redirect: Duration::from_secs(600),
            timeout: Duration::from_secs(14_400),
            address: setup.gateway(),
        }),
        forwarders: (1..=4)
            .map(|number| Forwarder {
                number,
                state: said.0,
                priority: 255,
                weighting: 254,
                lifetime: Duration::from_secs(14_400),
                redirection: Duration::from_secs(600),
                mac: setup.virtual_mac(number),
            })
            .collect(),
    };
    let mut payload = Guard::new(&authentication).seal(&message, source, EPOCH)?;
    if kind == Forgery::Garbage {
        // A TLV that ends behind the message.
        payload.truncate(payload.len() - 1 - (chance >> 40) as usize % 19);
    }
    let destination = everybody(setup);
    let destination_mac = Mac::of_multicast(destination)?;
    Some(Datagram {
        route: Route::Link { source_mac: machine::mac(machine::STRANGER), destination_mac },
        source,
        destination,
        hop_limit: if kind == Forgery::FromAfar { 254 } else { 255 },
        traffic_class: 0xc0,
        identification: 0,
        dont_fragment: false,
        protocol: ip_protocol::UDP,
        ports: Some((PORT, PORT)),
        payload,
    })
}
