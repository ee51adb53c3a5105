//! Frames there and back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fhrp::packet::ip_protocol::{AUTHENTICATION_HEADER, UDP, VRRP};
use fhrp::{Datagram, Instant, Mac, Route};
use proptest::prelude::*;

use crate::net::frame::{Unreadable, Unsendable, parse, receive_time, write};

fn datagrams() -> impl Strategy<Value = Datagram> {
    let addresses = prop_oneof![
        // The first octet says whether it can be a source at all.
        (any::<([u8; 4], [u8; 4])>(), 1..127_u8).prop_map(|((mut from, to), first)| {
            from[0] = first;
            (IpAddr::from(from), IpAddr::from(to))
        }),
        (any::<([u8; 16], [u8; 16])>(), 1..0xff_u8).prop_map(|((mut from, to), first)| {
            from[0] = first;
            (IpAddr::from(from), IpAddr::from(to))
        }),
    ];
    let transport = prop_oneof![
        Just((VRRP, None)),
        Just((AUTHENTICATION_HEADER, None)),
        any::<(u16, u16)>().prop_map(|ports| (UDP, Some(ports))),
    ];
    let rest = (any::<[u8; 6]>(), any::<[u8; 6]>(), any::<u8>(), any::<u8>(), any::<u16>());
    (addresses, transport, rest, prop::collection::vec(any::<u8>(), 0..1400)).prop_map(
        |((source, destination), (protocol, ports), (from, to, hop_limit, traffic_class, id), payload)| {
            Datagram {
                route: Route::Link { source_mac: Mac(from), destination_mac: Mac(to) },
                source,
                destination,
                hop_limit,
                traffic_class,
                identification: if source.is_ipv4() { id } else { 0 },
                dont_fragment: source.is_ipv4() && id % 3 == 0,
                protocol,
                ports,
                payload,
            }
        },
    )
}

/// The datagram that a frame carries, as far as a frame can say it.
fn read_back(frame: &[u8]) -> Result<Datagram, Unreadable> {
    let received = parse(frame, Instant::from_nanos(5))?;
    let header = received.ip_header;
    let ipv4 = received.source.is_ipv4();
    Ok(Datagram {
        route: Route::Link { source_mac: received.source_mac, destination_mac: received.destination_mac },
        source: received.source,
        destination: received.destination,
        hop_limit: received.hop_limit,
        traffic_class: if ipv4 { header[1] } else { (header[0] << 4) | (header[1] >> 4) },
        identification: if ipv4 { u16::from_be_bytes([header[4], header[5]]) } else { 0 },
        dont_fragment: ipv4 && header[6] & 0x40 != 0,
        protocol: received.protocol,
        ports: received.ports,
        payload: received.payload.to_vec(),
    })
}

fn written(datagram: &Datagram) -> Vec<u8> {
    let Route::Link { source_mac, destination_mac } = datagram.route else { return Vec::new() };
    let mut frame = Vec::new();
    write(datagram, source_mac, destination_mac, &mut frame).unwrap();
    frame
}

fn hello() -> Datagram {
    Datagram {
        route: Route::Link { source_mac: Mac([2; 6]), destination_mac: Mac([1, 0, 0x5e, 0, 0, 2]) },
        source: Ipv4Addr::new(10, 0, 0, 1).into(),
        destination: Ipv4Addr::new(224, 0, 0, 2).into(),
        hop_limit: 1,
        traffic_class: 0xc0,
        identification: 0x1234,
        dont_fragment: false,
        protocol: UDP,
        ports: Some((1985, 1985)),
        payload: b"hello".to_vec(),
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(datagram in datagrams(), padding in 0..60_usize) {
        let mut frame = written(&datagram);
        prop_assert_eq!(etherparse_accepts(&frame), Ok(()));
        frame.resize(frame.len() + padding, 0xa5);
        prop_assert_eq!(read_back(&frame), Ok(datagram));
    }

    #[test]
    fn cut_short_is_truncated(datagram in datagrams(), keep in any::<prop::sample::Index>()) {
        let frame = written(&datagram);
        let cut = &frame[..keep.index(frame.len())];
        let fault = parse(cut, Instant::ZERO).unwrap_err();
        let named = matches!(fault, Unreadable::Truncated { need, got } if got == cut.len() && need > got);
        prop_assert!(named, "{}", fault);
    }

    #[test]
    fn nothing_makes_it_panic(
        datagram in datagrams(),
        noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        garbage in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut frame = written(&datagram);
        for (position, value) in noise {
            let position = position.index(frame.len().min(80));
            frame[position] = value;
        }
        let _any = parse(&frame, Instant::ZERO);
        let _any = parse(&garbage, Instant::ZERO);
    }

    #[test]
    fn one_flipped_bit_of_an_ipv4_header_or_of_udp_is_noticed(bit in 0..8 * 33_usize) {
        let mut frame = written(&hello());
        frame[14 + bit / 8] ^= 1 << (bit % 8);
        prop_assert!(parse(&frame, Instant::ZERO).is_err());
    }
}

fn etherparse_accepts(frame: &[u8]) -> Result<(), String> {
    let sliced = etherparse::SlicedPacket::from_ethernet(frame);
    match sliced {
        // Random octets behind an Authentication Header's number need not be one.
        Err(error) if !frame_is_ah(frame) => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn frame_is_ah(frame: &[u8]) -> bool {
    frame[23] == AUTHENTICATION_HEADER || frame[20] == AUTHENTICATION_HEADER
}

#[test]
fn an_ipv4_frame_to_the_octet() {
    let frame = written(&Datagram { protocol: VRRP, ports: None, hop_limit: 255, ..hello() });
    let expected = [
        0x01, 0x00, 0x5e, 0x00, 0x00, 0x02, 2, 2, 2, 2, 2, 2, 0x08, 0x00, // Ethernet
        0x45, 0xc0, 0x00, 0x19, 0x12, 0x34, 0x00, 0x00, 0xff, 0x70, 0xbe, 0x7d, // no flags, TTL 255
        10, 0, 0, 1, 224, 0, 0, 2, b'h', b'e', b'l', b'l', b'o',
    ];
    assert_eq!(frame, expected);
}

#[test]
fn each_broken_rule_has_its_name() {
    let fault = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = written(&hello());
        change(&mut frame);
        parse(&frame, Instant::ZERO).unwrap_err()
    };
    let repaired = |frame: &mut Vec<u8>| {
        frame[24..26].fill(0);
        let sum = fhrp::checksum::Sum::new().over(&frame[14..34]).checksum();
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
    };
    let ip_fault = |position: usize, value: u8| {
        fault(&|frame| {
            frame[position] = value;
            repaired(frame);
        })
    };
    assert_eq!(fault(&|frame| frame[13] = 0x06), Unreadable::EtherType(0x0806));
    assert_eq!(fault(&|frame| frame[14] = 0x65), Unreadable::IpHeader);
    assert_eq!(fault(&|frame| frame[22] = 2), Unreadable::IpChecksum);
    assert_eq!(ip_fault(17, 19), Unreadable::IpHeader);
    assert_eq!(ip_fault(20, 0x20), Unreadable::Fragment);
    assert_eq!(ip_fault(21, 0x01), Unreadable::Fragment);
    assert_eq!(ip_fault(17, 34), Unreadable::Truncated { need: 48, got: 47 });
    assert_eq!(fault(&|frame| frame[39] = 7), Unreadable::UdpLength { length: 7, room: 13 });
    assert_eq!(fault(&|frame| frame[39] = 14), Unreadable::UdpLength { length: 14, room: 13 });
    assert_eq!(fault(&|frame| frame[46] = b'x'), Unreadable::UdpChecksum);
    let mut absent = written(&hello());
    absent[40..42].fill(0);
    assert!(parse(&absent, Instant::ZERO).is_ok());
}

#[test]
fn a_udp_checksum_over_ipv6_is_not_optional() {
    let ipv6 = |last| IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last));
    let mut frame = written(&Datagram { source: ipv6(1), destination: ipv6(2), ..hello() });
    assert!(parse(&frame, Instant::ZERO).is_ok());
    frame[60..62].fill(0);
    assert_eq!(parse(&frame, Instant::ZERO).unwrap_err(), Unreadable::UdpChecksum);
}

#[test]
fn what_is_no_packet_is_not_written() {
    let mut out = vec![1, 2, 3];
    let mixed = Datagram { source: Ipv6Addr::LOCALHOST.into(), ..hello() };
    assert_eq!(write(&mixed, Mac([2; 6]), Mac([4; 6]), &mut out), Err(Unsendable::MixedFamilies));
    let long = Datagram { payload: vec![0; 65_508], ..hello() };
    assert_eq!(write(&long, Mac([2; 6]), Mac([4; 6]), &mut out), Err(Unsendable::TooLong(65_508)));
    assert_eq!(out, [1, 2, 3]);
}

#[test]
fn a_jump_of_the_wall_clock_moves_no_frame_out_of_its_turn() {
    let second = Duration::from_secs(1);
    let now = Instant::ZERO + 100 * second;
    let last_drain = Instant::ZERO + 98 * second;
    let wall = 1_700_000_000 * second;
    let at = |stamp| receive_time(stamp, wall, now, last_drain);
    assert_eq!(at(Some(wall - second)), Instant::ZERO + 99 * second);
    assert_eq!(at(None), now);
    // Set back by an hour, or forward, between arrival and reading.
    assert_eq!(at(Some(wall + 3600 * second)), now);
    assert_eq!(at(Some(wall - 3600 * second)), last_drain);
    assert_eq!(receive_time(None, wall, now, now + second), now);
}

#[test]
fn sources_that_no_station_can_have_are_refused() {
    let reads_of = |source: &str, destination: &str, payload: &[u8]| {
        let datagram = Datagram {
            route: Route::Link { source_mac: Mac([2; 6]), destination_mac: Mac([1; 6]) },
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            hop_limit: 255,
            traffic_class: 0,
            identification: 0,
            dont_fragment: false,
            protocol: VRRP,
            ports: None,
            payload: payload.to_vec(),
        };
        parse(&written(&datagram), Instant::ZERO).map(|received| received.source)
    };
    let reads = |source: &str, destination: &str| reads_of(source, destination, &[0; 12]);
    for source in ["0.0.0.0", "127.0.0.1", "224.0.0.18", "240.0.0.1", "255.255.255.255"] {
        let source: IpAddr = source.parse().unwrap();
        assert_eq!(reads(&source.to_string(), "224.0.0.18"), Err(Unreadable::Source(source)));
    }
    for source in ["::", "::1", "ff02::12"] {
        let source: IpAddr = source.parse().unwrap();
        assert_eq!(reads(&source.to_string(), "ff02::12"), Err(Unreadable::Source(source)));
    }
    assert!(reads("10.0.0.1", "224.0.0.18").is_ok() && reads("fe80::1", "ff02::12").is_ok());
    // FreeBSD may have no address to speak CARP from.
    let mut carp = [0; 36];
    (carp[0], carp[3]) = (0x21, 7);
    assert_eq!(reads_of("0.0.0.0", "224.0.0.18", &carp), Ok(IpAddr::from([0; 4])));
    assert!(reads_of("127.0.0.1", "224.0.0.18", &carp).is_err());
}
