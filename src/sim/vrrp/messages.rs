//! Advertisements read, judged when they are sent, and forged.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::packet::ip_protocol;
use fhrp::{Datagram, Mac, Received, Route};
use vrrp::auth::Guard;
use vrrp::config::virtual_mac;
use vrrp::wire::{self, Advertisement, ChecksumForm, MULTICAST_V4, MULTICAST_V6, Version};

use super::setup::{WRONG_SECRET, authentication};
use super::witness::Witness;
use super::{Authentication, Setup, Spoken};
use crate::sim::invariant::{Breach, Invariant};
use crate::sim::machine;
use crate::sim::rules::as_received;
use crate::sim::scenario::Forgery;

/// TTL of everything that is sent. RFC 9568 §5.1.1.3.
const TTL: u8 = 255;

/// What an advertisement says.
#[derive(Debug, Clone)]
pub struct Said {
    /// Who says it.
    pub source: IpAddr,
    /// In which version.
    pub version: Version,
    /// The VRID.
    pub vrid: u8,
    /// 0: goodbye.
    pub priority: u8,
    /// How often it will be said.
    pub interval: Duration,
    /// The virtual addresses.
    pub addresses: Vec<IpAddr>,
}

/// Reads an advertisement, whoever sealed it.
pub(super) fn read(received: &Received<'_>) -> Option<Said> {
    let Advertisement { version, vrid, priority, interval, addresses } =
        wire::parse(received).ok()?.advertisement;
    Some(Said { source: received.source, version, vrid, priority, interval, addresses })
}

/// Whether an advertisement that a member sends says what is so. RFC 9568 §5, §7.2.
pub(super) fn judge(
    setup: &Setup,
    addresses: &[u8],
    router: usize,
    witness: &Witness,
    datagram: &Datagram,
) -> Result<(), Breach> {
    let broken = |what: String| Err(Breach::new(Invariant::Truthful, what));
    let Some(said) = read(&as_received(datagram)) else {
        return broken("sent what cannot be read".to_owned());
    };
    if datagram.hop_limit != TTL {
        return broken(format!("sent with TTL {}", datagram.hop_limit));
    }
    if said.source != witness.source() {
        return broken(format!("spoke from {}, and has {}", said.source, witness.source()));
    }
    if said.vrid != setup.vrid {
        return broken(format!("spoke for VRID {}", said.vrid));
    }
    if !witness.may_say(said.priority) {
        return broken(format!("said priority {}, and has {}", said.priority, witness.priority()));
    }
    if !witness.may_promise(said.interval) {
        return broken(format!("said interval {:?}", said.interval));
    }
    if !said.addresses.iter().eq(setup.virtual_addresses().iter().map(|address| &address.ip)) {
        return broken(format!("said addresses {:?}", said.addresses));
    }
    let speaks = match (witness.member().spoken, said.version) {
        (Spoken::V2 | Spoken::Both, Version::V2) | (Spoken::V3 | Spoken::Both, Version::V3) => true,
        (Spoken::V2, Version::V3) | (Spoken::V3, Version::V2) => false,
    };
    if !speaks {
        return broken(format!("spoke version {}", said.version.number()));
    }
    match datagram.route {
        Route::Routed => judge_peer(setup, addresses, router, datagram),
        Route::Link { source_mac, destination_mac } => {
            judge_frame(setup, addresses[router], witness, datagram, source_mac, destination_mac)
        }
    }
}

fn judge_peer(setup: &Setup, addresses: &[u8], router: usize, datagram: &Datagram) -> Result<(), Breach> {
    let others = addresses.iter().enumerate().filter(|(other, _)| *other != router);
    let mut peers = others.map(|(_, last)| machine::address(setup.ipv6, *last));
    if setup.unicast && peers.any(|peer| peer == datagram.destination) {
        return Ok(());
    }
    Err(Breach::new(Invariant::Truthful, format!("spoke to {}, no peer", datagram.destination)))
}

/// The virtual MAC is the source, so that switches learn where it is (RFC 9568 §7.2); but not where a router
/// that gives way has its last word.
fn judge_frame(
    setup: &Setup,
    address: u8,
    witness: &Witness,
    datagram: &Datagram,
    source_mac: Mac,
    destination_mac: Mac,
) -> Result<(), Breach> {
    let broken = |what: String| Err(Breach::new(Invariant::Truthful, what));
    let own = machine::mac(address);
    let expected = if setup.virtual_mac { virtual_mac(setup.family(), setup.vrid) } else { own };
    if source_mac != expected && !(source_mac == own && witness.is_giving_way()) {
        return broken(format!("spoke from MAC {source_mac}"));
    }
    let group = if setup.ipv6 { MULTICAST_V6 } else { MULTICAST_V4 };
    if datagram.destination != group || Some(destination_mac) != Mac::of_multicast(group) {
        return broken(format!("spoke to {} at {destination_mac}", datagram.destination));
    }
    Ok(())
}

/// An advertisement that no member sent, and that every member must refuse; `None` where obeying is right.
pub(super) fn forge(setup: &Setup, addresses: &[u8], kind: Forgery, chance: u64) -> Option<Datagram> {
    let open = setup.authentication == Authentication::None;
    let (priority, hop_limit) = match kind {
        Forgery::Claim if !open => (254, TTL),
        Forgery::Goodbye if !open => (0, TTL),
        Forgery::FromAfar => (254, TTL - 1),
        Forgery::Garbage => (0, TTL),
        Forgery::Claim | Forgery::Goodbye | Forgery::OtherVersion | Forgery::Flipped => return None,
    };
    let member = setup.members.first()?;
    // Sometimes in a member's name, sometimes in a new one.
    let names = addresses.len() as u64 + 1;
    let name = addresses.get((chance % names) as usize).copied().unwrap_or(machine::STRANGER);
    let source = machine::address(setup.ipv6, name);
    let destination = if setup.ipv6 { MULTICAST_V6 } else { MULTICAST_V4 };
    let (version, form) = match (member.spoken, setup.ipv6) {
        (Spoken::V2, _) => (Version::V2, ChecksumForm::MessageOnly),
        (Spoken::V3 | Spoken::Both, false) => (Version::V3, ChecksumForm::MessageOnly),
        (Spoken::V3 | Spoken::Both, true) => (Version::V3, ChecksumForm::PseudoHeader),
    };
    let advertisement = Advertisement {
        version,
        vrid: setup.vrid,
        priority,
        interval: member.interval(),
        addresses: setup.virtual_addresses().iter().map(|address| address.ip).collect(),
    };
    let mut guard = Guard::new(&authentication(setup.authentication, WRONG_SECRET));
    let wall = Duration::from_secs(1_900_000_000);
    let identification = (chance >> 16) as u16;
    let sealed = guard.seal(&advertisement, form, source, destination, identification, false, wall);
    let mut payload = sealed.payload;
    let mut protocol = sealed.protocol;
    if kind == Forgery::Garbage {
        // A version that there is not, so that nobody may obey it by accident.
        payload = chance.to_be_bytes().repeat(1 + (chance % 5) as usize);
        payload[..2].copy_from_slice(&[0x71, setup.vrid]);
        protocol = ip_protocol::VRRP;
    }
    let destination_mac = Mac::of_multicast(destination)?;
    Some(Datagram {
        route: Route::Link { source_mac: machine::mac(machine::STRANGER), destination_mac },
        source,
        destination,
        hop_limit,
        traffic_class: 0,
        identification,
        dont_fragment: false,
        protocol,
        ports: None,
        payload,
    })
}
