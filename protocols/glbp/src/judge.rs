//! What is wrong with a readable message before anybody knows a state: where it comes from and goes to, and values that
//! nobody can have.
//!
//! The envelope is judged before the proof, the values after it: nothing is believed before it is proven.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::address::is_link_local;
use fhrp::{Family, Mac, Received};
use thiserror::Error;

use crate::vmac::virtual_mac;
use crate::wire::{Forwarder, Hello, Kind, MULTICAST_V4, MULTICAST_V6, Message, PORT, State};

/// TTL or hop limit that every message is sent with.
const ON_LINK: u8 = 255;
/// The shortest hello interval that Cisco's routers can be told.
const LEAST_HELLO: Duration = Duration::from_millis(50);
/// The longest.
const MOST_HELLO: Duration = Duration::from_secs(60);
/// The longest hold time.
const MOST_HOLD: Duration = Duration::from_secs(180);

/// Why a message is not obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It has come through a router.
    #[error("TTL {0}, must be 255")]
    HopLimit(u8),
    /// Routers speak from the port that they listen to.
    #[error("source port {0}, must be 3222")]
    SourcePort(u16),
    /// Nobody's address, or a group's.
    #[error("source {0}, must be one station's")]
    Source(IpAddr),
    /// Routers speak IPv6 to each other from link-local addresses.
    #[error("source {0}, must be link-local")]
    NotLinkLocal(IpAddr),
    /// Hellos go to all, requests and responses to one.
    #[error("a {kind} to {found}", kind = .kind.word())]
    Destination {
        /// What was sent.
        kind: Kind,
        /// Where it was sent.
        found: IpAddr,
    },
    /// An owner ID that no interface has.
    #[error("owner {0}, must be one station's")]
    Owner(Mac),
    /// A gateway state that does not exist.
    #[error("gateway state {0}, which does not exist")]
    State(u8),
    /// Priority 0 is said only by who leaves.
    #[error("priority 0 in state {}, must be at least 1", .0.word().unwrap_or("unknown"))]
    PriorityZero(State),
    /// A hello interval out of range.
    #[error("hello interval {} ms, must be 50 to 60000", .0.as_millis())]
    HelloInterval(Duration),
    /// A hold time out of range.
    #[error("hold time {} ms, must be above {} and at most 180000", .hold.as_millis(), .hello.as_millis())]
    HoldTime {
        /// The hold time.
        hold: Duration,
        /// The hello interval beside it.
        hello: Duration,
    },
    /// A virtual address of the other family.
    #[error("virtual address {0} in a message over {over}", over = other_family(*.0))]
    Family(IpAddr),
}

impl Refusal {
    /// The name it is counted under.
    pub fn counter(&self) -> &'static str {
        match self {
            Refusal::HopLimit(_) => "ttl-errors",
            Refusal::SourcePort(_) => "port-errors",
            Refusal::Source(_) | Refusal::NotLinkLocal(_) => "source-errors",
            Refusal::Destination { .. } => "destination-errors",
            Refusal::Owner(_) => "owner-errors",
            Refusal::State(_) => "state-errors",
            Refusal::PriorityZero(_) => "priority-errors",
            Refusal::HelloInterval(_) | Refusal::HoldTime { .. } => "timer-errors",
            Refusal::Family(_) => "address-list-errors",
        }
    }

    /// The rule it breaks.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            Refusal::HopLimit(_)
            | Refusal::SourcePort(_)
            | Refusal::Source(_)
            | Refusal::NotLinkLocal(_)
            | Refusal::Destination { .. } => "Cisco GLBP, transport",
            Refusal::Owner(_) => "Cisco GLBP, header",
            Refusal::State(_)
            | Refusal::PriorityZero(_)
            | Refusal::HelloInterval(_)
            | Refusal::HoldTime { .. }
            | Refusal::Family(_) => "Cisco GLBP, virtual gateway",
        }
    }
}

/// Why what a message says of one forwarder is not obeyed. The rest of the message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ForwarderFault {
    /// A number that no forwarder has.
    #[error("forwarder {0}, must be 1 to 4")]
    Number(u8),
    /// A virtual MAC that is not this forwarder's: hosts must not be led elsewhere.
    #[error("forwarder {number} with virtual MAC {found}, must be {wanted}")]
    VirtualMac {
        /// The forwarder.
        number: u8,
        /// Its MAC in the message.
        found: Mac,
        /// The MAC that it has.
        wanted: Mac,
    },
    /// Neither active nor listening.
    #[error("forwarder {number} in state {code:#04x}, must be active or listen")]
    State {
        /// The forwarder.
        number: u8,
        /// Its state's code.
        code: u8,
    },
}

impl ForwarderFault {
    /// The name it is counted under.
    pub fn counter(&self) -> &'static str {
        match self {
            ForwarderFault::Number(_) | ForwarderFault::State { .. } => "forwarder-errors",
            ForwarderFault::VirtualMac { .. } => "virtual-mac-errors",
        }
    }
}

/// Judges the header before a message, and who says it is its sender.
///
/// # Errors
///
/// The first rule it breaks.
pub fn judge_envelope(received: &Received<'_>, kind: Kind, owner: Mac) -> Result<(), Refusal> {
    let Received { source, destination, hop_limit, ports, .. } = *received;
    if let Some(port) = ports.map(|(from, _)| from).filter(|port| *port != PORT) {
        return Err(Refusal::SourcePort(port));
    }
    if hop_limit != ON_LINK {
        return Err(Refusal::HopLimit(hop_limit));
    }
    if !is_station(source) {
        return Err(Refusal::Source(source));
    }
    if source.is_ipv6() && !is_link_local(source) {
        return Err(Refusal::NotLinkLocal(source));
    }
    let group = if source.is_ipv4() { MULTICAST_V4 } else { MULTICAST_V6 };
    let fits = match kind {
        Kind::Hello => destination == group,
        Kind::Request | Kind::Response => is_station(destination),
    };
    if !fits {
        return Err(Refusal::Destination { kind, found: destination });
    }
    if owner == Mac::default() || owner.is_group() {
        return Err(Refusal::Owner(owner));
    }
    Ok(())
}

/// Judges what a message over `family` says of the virtual gateway.
///
/// # Errors
///
/// The first rule it breaks.
pub fn judge_hello(hello: &Hello, family: Family) -> Result<(), Refusal> {
    let Hello { state, priority, hello, hold, address, .. } = *hello;
    match state {
        State::Unsaid | State::Unknown(_) => return Err(Refusal::State(state.code())),
        State::Listen => {}
        State::Disabled | State::Initial | State::Speak | State::Standby | State::Active => {
            if priority == 0 {
                return Err(Refusal::PriorityZero(state));
            }
        }
    }
    if !(LEAST_HELLO..=MOST_HELLO).contains(&hello) {
        return Err(Refusal::HelloInterval(hello));
    }
    if hold <= hello || hold > MOST_HOLD {
        return Err(Refusal::HoldTime { hold, hello });
    }
    if Family::of(address) != family {
        return Err(Refusal::Family(address));
    }
    Ok(())
}

/// Judges what a message says of one of its forwarders.
///
/// # Errors
///
/// The first rule it breaks.
pub fn judge_forwarder(message: &Message, forwarder: &Forwarder) -> Result<(), ForwarderFault> {
    let Forwarder { number, state, mac, .. } = *forwarder;
    // A request asks for any, and names none.
    if message.kind == Kind::Request && number == 0 {
        return Ok(());
    }
    let wanted = virtual_mac(message.group, number).ok_or(ForwarderFault::Number(number))?;
    if mac != wanted {
        return Err(ForwarderFault::VirtualMac { number, found: mac, wanted });
    }
    if message.kind == Kind::Hello && !matches!(state, State::Active | State::Listen) {
        return Err(ForwarderFault::State { number, code: state.code() });
    }
    Ok(())
}

/// Whether an address can be one station's.
fn is_station(ip: IpAddr) -> bool {
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !(ip.is_unspecified() || ip.is_multicast() || broadcast)
}

fn other_family(ip: IpAddr) -> Family {
    if ip.is_ipv4() { Family::Ipv6 } else { Family::Ipv4 }
}
