//! What a message says of the virtual gateway and of forwarders.
//!
//! ```text
//! | Type (1)          | Length (28 or 40) | Reserved (0)      | Gateway state     |
//! | Reserved (0)      | Priority          | Reserved (0)                          |
//! | Hello interval, ms                                                            |
//! | Hold time, ms                                                                 |
//! | Redirect time, s                      | Forwarder timeout, s                  |
//! | Reserved (0)                          | Address type      | Address length    |
//! | Virtual address, 4 or 16 octets                                               |
//!
//! | Type (2)          | Length (20)       | Forwarder         | Forwarder state   |
//! | Reserved (0)      | Priority          | Weighting         | Padding           |
//! | Lifetime left, s                      | Redirection left, s                   |
//! | Padding                               | Virtual MAC …                         |
//! | …                                                                             |
//! ```
//!
//! Cisco leaves garbage in what is padding.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::Mac;
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

use super::{State, WireError, array};

/// Type of a virtual gateway's TLV.
pub(crate) const HELLO: u8 = 1;
/// Type of a forwarder's TLV.
pub(crate) const FORWARDER: u8 = 2;
/// Octets of a virtual gateway's TLV before the address.
const HELLO_FIXED: usize = 24;
/// Octets of a forwarder's TLV.
pub(crate) const FORWARDER_LENGTH: usize = 20;
/// Address type of IPv4.
pub(crate) const IPV4: u8 = 1;
/// Address type of IPv6.
pub(crate) const IPV6: u8 = 2;

/// What a sender says of the virtual gateway: its own part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// The sender's state.
    pub state: State,
    /// The sender's priority.
    pub priority: u8,
    /// Hello interval, whole milliseconds.
    pub hello: Duration,
    /// Hold time, whole milliseconds.
    pub hold: Duration,
    /// How long a forwarder that was lost is still told to hosts, whole seconds.
    pub redirect: Duration,
    /// How long anybody still forwards for it, whole seconds.
    pub timeout: Duration,
    /// The virtual address; over IPv6 the link-local one. All zero: not known.
    pub address: IpAddr,
}

/// What a sender says of a forwarder that it is active for; in a request, of none; in a response, which one is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarder {
    /// 1 to 4; 0 in a request.
    pub number: u8,
    /// The sender's state for it.
    pub state: State,
    /// The sender's right to it: 167 as the one it was given to, 135 as a stand-in. Only compared.
    pub priority: u8,
    /// The sender's weighting.
    pub weighting: u8,
    /// How long anybody will still forward for it, whole seconds: full while its owner does.
    pub lifetime: Duration,
    /// How long it will still be told to hosts, whole seconds: full while its owner forwards.
    pub redirection: Duration,
    /// Its virtual MAC; zero in a request.
    pub mac: Mac,
}

/// The fields of a virtual gateway's TLV behind type and length. `length` is all of it.
pub(super) fn read_hello(value: &[u8], length: usize) -> Result<Hello, WireError> {
    let short = |wanted| WireError::TlvLength { kind: HELLO, length, wanted };
    let fields: IResult<&[u8], _> = (
        (take(1usize), be_u8, take(1usize), be_u8, take(2usize)),
        (be_u32, be_u32, be_u16, be_u16, take(2usize), be_u8, be_u8),
    )
        .parse(value);
    let (address, ((_, state, _, priority, _), (hello, hold, redirect, timeout, _, kind, size))) =
        fields.map_err(|_| short(HELLO_FIXED))?;
    let wanted = HELLO_FIXED + usize::from(size);
    let incomplete = |_| short(wanted);
    let address = match (kind, size) {
        (IPV4, 4) => IpAddr::from(array::<4>(address).map_err(incomplete)?.1),
        (IPV6, 16) => IpAddr::from(array::<16>(address).map_err(incomplete)?.1),
        (kind, length) => return Err(WireError::Address { kind, length }),
    };
    Ok(Hello {
        state: State::of(state),
        priority,
        hello: Duration::from_millis(hello.into()),
        hold: Duration::from_millis(hold.into()),
        redirect: Duration::from_secs(redirect.into()),
        timeout: Duration::from_secs(timeout.into()),
        address,
    })
}

pub(super) fn write_hello(hello: &Hello, octets: &mut Vec<u8>) {
    let Hello { state, priority, hello, hold, redirect, timeout, address } = *hello;
    let (kind, size) = if address.is_ipv4() { (IPV4, 4) } else { (IPV6, 16) };
    octets.extend([HELLO, 24 + size, 0, state.code(), 0, priority, 0, 0]);
    octets.extend(milliseconds(hello).to_be_bytes());
    octets.extend(milliseconds(hold).to_be_bytes());
    octets.extend(seconds(redirect).to_be_bytes());
    octets.extend(seconds(timeout).to_be_bytes());
    octets.extend([0, 0, kind, size]);
    match address {
        IpAddr::V4(ip) => octets.extend(ip.octets()),
        IpAddr::V6(ip) => octets.extend(ip.octets()),
    }
}

/// The fields of a forwarder's TLV behind type and length. `length` is all of it.
pub(super) fn read_forwarder(value: &[u8], length: usize) -> Result<Forwarder, WireError> {
    let fields: IResult<&[u8], _> = (
        (be_u8, be_u8, take(1usize), be_u8, be_u8, take(1usize)),
        (be_u16, be_u16, take(2usize), array::<6>),
    )
        .parse(value);
    let (_, ((number, state, _, priority, weighting, _), (lifetime, redirection, _, mac))) =
        fields.map_err(|_| WireError::TlvLength { kind: FORWARDER, length, wanted: FORWARDER_LENGTH })?;
    Ok(Forwarder {
        number,
        state: State::of(state),
        priority,
        weighting,
        lifetime: Duration::from_secs(lifetime.into()),
        redirection: Duration::from_secs(redirection.into()),
        mac: Mac(mac),
    })
}

pub(super) fn write_forwarder(forwarder: &Forwarder, octets: &mut Vec<u8>) {
    let Forwarder { number, state, priority, weighting, lifetime, redirection, mac } = *forwarder;
    octets.extend([FORWARDER, 20, number, state.code(), 0, priority, weighting, 0]);
    octets.extend(seconds(lifetime).to_be_bytes());
    octets.extend(seconds(redirection).to_be_bytes());
    octets.extend([0, 0]);
    octets.extend(mac.0);
}

/// Whole milliseconds, rounded up.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

/// Whole seconds, rounded up: what is still left must not read as over.
fn seconds(time: Duration) -> u16 {
    u16::try_from(time.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u16::MAX)
}
