//! What holds for every advertisement, every password and every stranger's octets.

mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use carp::PROTOCOL;
use carp::auth::{Covered, Guard, LinkLocal};
use carp::wire::{Advertisement, WireError, emit, parse};
use fhrp::dissect::Known;
use fhrp::{Protocol, Secret};
use proptest::collection::vec;
use proptest::prelude::*;
use support::received;

fn advertisement() -> impl Strategy<Value = Advertisement> {
    any::<(u8, u8, u8, u8, u64)>().prop_map(|(vhid, advbase, advskew, demote, counter)| Advertisement {
        vhid,
        advbase,
        advskew,
        demote,
        counter,
    })
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (1..u32::MAX).prop_map(|bits| IpAddr::from(Ipv4Addr::from(bits))),
        (1..u128::MAX).prop_map(|bits| IpAddr::from(Ipv6Addr::from(bits))),
        any::<u64>().prop_map(|bits| IpAddr::from(Ipv6Addr::from(0xfe80 << 112 | u128::from(bits)))),
    ]
}

fn covered(vhid: u8, addresses: &[IpAddr]) -> Covered {
    Covered { vhid, addresses: addresses.iter().copied().collect(), link_layer_address: None }
}

proptest! {
    #[test]
    fn what_is_written_is_read(said in advertisement(), digest in any::<[u8; 20]>()) {
        let octets = emit(&said, &digest);
        let heard = parse(&octets).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(heard.advertisement, said);
        prop_assert_eq!(heard.digest, digest);
        prop_assert_eq!(PROTOCOL.group_of(&received("192.0.2.1", &octets)), Some(u16::from(said.vhid)));
        for length in 0..octets.len() {
            prop_assert_eq!(parse(&octets[..length]), Err(WireError::Truncated { need: 36, got: length }));
        }
    }

    #[test]
    fn any_order_of_the_addresses_is_the_same(
        said in advertisement(),
        password in vec(1..=255u8, 0..=20),
        addresses in vec(address(), 1..12).prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        form in prop_oneof![Just(LinkLocal::LeftOut), Just(LinkLocal::Covered)],
    ) {
        let (ours, theirs) = addresses;
        let twice = [&theirs[..], &theirs[..1]].concat();
        let ours = Guard::new(&Secret::new(password.clone()), &covered(said.vhid, &ours), form);
        let theirs = Guard::new(&Secret::new(password), &covered(said.vhid, &twice), LinkLocal::LeftOut);
        let octets = ours.seal(&said);
        let heard = parse(&octets).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(theirs.admit(&heard), Ok(()));
    }

    #[test]
    fn another_password_address_host_or_counter_is_refused(
        said in advertisement(),
        password in vec(1..=255u8, 1..=20),
        addresses in vec(address(), 1..6),
        stranger in (1..0x7fff_ffffu32).prop_map(|bits| IpAddr::from(Ipv4Addr::from(bits))),
        bit in 0..64u8,
    ) {
        prop_assume!(!addresses.contains(&stranger));
        let mut changed = password.clone();
        changed[0] ^= 0x80;
        prop_assume!(changed[0] != 0);
        let more: Vec<IpAddr> = addresses.iter().copied().chain([stranger]).collect();
        let ours = Guard::new(&Secret::new(password.clone()), &covered(said.vhid, &addresses), LinkLocal::LeftOut);
        let octets = ours.seal(&said);
        let heard = parse(&octets).map_err(|error| TestCaseError::fail(error.to_string()))?;
        for (password, vhid, addresses) in [
            (&changed, said.vhid, &addresses),
            (&password, said.vhid ^ 1, &addresses),
            (&password, said.vhid, &more),
        ] {
            let other = Guard::new(&Secret::new(password.clone()), &covered(vhid, addresses), LinkLocal::LeftOut);
            prop_assert!(other.admit(&heard).is_err());
        }
        let mut counted = heard;
        counted.advertisement.counter ^= 1 << bit;
        prop_assert!(ours.admit(&counted).is_err());
    }

    #[test]
    fn no_octets_do_harm(
        mut octets in vec(any::<u8>(), 0..64),
        carp in any::<bool>(),
        repaired in any::<bool>(),
        source in prop_oneof![Just("192.0.2.1"), Just("fe80::1")],
    ) {
        if carp && octets.len() >= 4 {
            octets[0] = 0x21;
            octets[3] = 7;
        }
        if repaired && octets.len() >= 36 {
            octets[6..8].fill(0);
            let checksum = fhrp::checksum::Sum::new().over(&octets[..36]).checksum();
            octets[6..8].copy_from_slice(&checksum.to_be_bytes());
        }
        let frame = received(source, &octets);
        let addresses = ["192.0.2.1".parse().expect("an address")];
        let shown = PROTOCOL.dissect(&frame, &Known { keys: &[b"x"], addresses: &addresses, fields: true });
        prop_assert_eq!(shown.is_some(), fhrp::packet::is_carp(&octets, frame.source));
        match parse(&octets) {
            Err(error) => prop_assert!(!error.to_string().is_empty() && !error.counter().is_empty()),
            Ok(heard) => prop_assert_eq!(&emit(&heard.advertisement, &heard.digest)[..], &octets[..36]),
        }
        for field in shown.iter().flat_map(|shown| &shown.fields) {
            prop_assert!(field.offset + field.length <= octets.len());
        }
    }
}
