//! Any octets as an IP payload: nothing panics, and what is read can be written and read again.
//!
//! The first octet of the input chooses the family, the IP protocol, whether the frame came by unicast, and
//! whether the checksum is made right first; the rest is the payload.

#![no_main]

use std::net::IpAddr;
use std::time::Duration;

use fhrp::checksum::Sum;
use fhrp::packet::ip_protocol;
use fhrp::{Instant, Mac, Protocol, Received};
use libfuzzer_sys::fuzz_target;
use vrrp::PROTOCOL;
use vrrp::auth::Guard;
use vrrp::config::{AntiReplay, Authentication, Hmac, HmacMode, Key, Secret};
use vrrp::wire::{MULTICAST_V4, MULTICAST_V6, emit, parse, peek};

const IPV6: u8 = 1;
const INSIDE_HEADER: u8 = 2;
const UNICAST: u8 = 4;
const REPAIR: u8 = 8;

fuzz_target!(|input: &[u8]| {
    let Some((choice, payload)) = input.split_first() else { return };
    let mut payload = payload.to_vec();
    let chosen = |flag: u8| choice & flag != 0;
    let (source, multicast): (IpAddr, IpAddr) = match chosen(IPV6) {
        true => ([0xfe80, 0, 0, 0, 0, 0, 0, 1].into(), MULTICAST_V6),
        false => ([192, 0, 2, 1].into(), MULTICAST_V4),
    };
    let destination = if chosen(UNICAST) { source } else { multicast };
    let inside = if chosen(INSIDE_HEADER) { 24 } else { 0 };
    if chosen(REPAIR) {
        repair(&mut payload, inside, source, destination);
    }
    let received = Received {
        at: Instant::ZERO,
        source_mac: Mac::default(),
        destination_mac: Mac::BROADCAST,
        source,
        destination,
        hop_limit: 255,
        protocol: if chosen(INSIDE_HEADER) { ip_protocol::AUTHENTICATION_HEADER } else { ip_protocol::VRRP },
        ports: None,
        ip_header: &[0x45; 20],
        payload: &payload,
    };
    let _ = (PROTOCOL.group_of(&received), peek(&received));
    let heard = match parse(&received) {
        Ok(heard) => heard,
        Err(error) => {
            let _ = (error.to_string(), error.counter());
            return;
        }
    };
    for scheme in schemes() {
        if let Err(refusal) = Guard::new(&scheme).admit(&received, &heard, Duration::ZERO) {
            let _ = (refusal.to_string(), refusal.counter());
        }
    }
    let written = emit(&heard.advertisement, heard.checksum, source, destination, 0, [0; 8]);
    let received = Received { protocol: ip_protocol::VRRP, payload: &written, ..received };
    let again = parse(&received).map(|heard| heard.advertisement);
    assert_eq!(again, Ok(heard.advertisement));
});

fn repair(payload: &mut [u8], inside: usize, source: IpAddr, destination: IpAddr) {
    let Some(message) = payload.get_mut(inside..).filter(|message| message.len() >= 8) else { return };
    message[6..8].fill(0);
    let mut sum = Sum::new().over(message);
    if source.is_ipv6() {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        sum = sum.over_pseudo_header(source, destination, ip_protocol::VRRP, length);
    }
    message[6..8].copy_from_slice(&sum.checksum().to_be_bytes());
}

fn schemes() -> [Authentication; 5] {
    let key = |id| Key { id, secret: Secret::new([7; 32]) };
    [
        Authentication::None,
        Authentication::Text(Secret::new("password")),
        Authentication::AuthenticationHeader(Secret::new("password")),
        Authentication::CiscoMd5(vec![key(0), key(1)]),
        Authentication::Hmac(Hmac {
            keys: vec![key(1)],
            mode: HmacMode::Enforce,
            anti_replay: AntiReplay::Window(Duration::from_secs(5)),
        }),
    ]
}
