//! What a frame costs: written, read, and what a question costs to be read and answered. Nothing here makes a
//! system call.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use criterion::{Criterion, criterion_group, criterion_main};
use fhrp::{Datagram, Instant, Mac, Route};
use firsthop::net::{frame, neighbour};

const ROUTER: Mac = Mac([0, 0, 0x5e, 0, 1, 10]);

fn datagram(source: IpAddr, destination: IpAddr, protocol: u8) -> Datagram {
    Datagram {
        route: Route::Routed,
        source,
        destination,
        hop_limit: 255,
        traffic_class: 0xc0,
        identification: 7,
        dont_fragment: false,
        protocol,
        ports: (protocol == 17).then_some((1985, 1985)),
        payload: vec![0x31; 20],
    }
}

fn frames(criterion: &mut Criterion) {
    let ipv4 = (Ipv4Addr::new(10, 0, 0, 1).into(), Ipv4Addr::new(224, 0, 0, 18).into());
    let link_local = |last| Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last).into();
    let ipv6 = (link_local(1), Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12).into());
    for (name, (source, destination), protocol) in
        [("VRRP over IPv4", ipv4, 112), ("VRRP over IPv6", ipv6, 112), ("HSRP over IPv4", ipv4, 17)]
    {
        let datagram = datagram(source, destination, protocol);
        let group = Mac::of_multicast(destination).unwrap_or(Mac::BROADCAST);
        let mut out = Vec::with_capacity(128);
        criterion.bench_function(&format!("write {name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                frame::write(black_box(&datagram), ROUTER, group, &mut out)
            });
        });
        criterion.bench_function(&format!("parse {name}"), |bencher| {
            bencher.iter(|| frame::parse(black_box(&out), Instant::ZERO).map(|received| received.hop_limit));
        });
    }
}

fn questions(criterion: &mut Criterion) {
    let address = Ipv4Addr::new(10, 0, 0, 254);
    let asker = fhrp::Solicitation {
        from_mac: Mac([2, 0, 0, 0, 0, 1]),
        from: Some(Ipv4Addr::new(10, 0, 0, 9).into()),
        target: address.into(),
        to_mac: Mac::BROADCAST,
    };
    let mut request = neighbour::arp_reply(asker.from_mac, Ipv4Addr::new(10, 0, 0, 9), &asker);
    request[21] = 1;
    criterion.bench_function("parse an ARP request", |bencher| {
        bencher.iter(|| neighbour::parse_solicitation(black_box(&request)));
    });
    criterion.bench_function("write an ARP reply", |bencher| {
        bencher.iter(|| neighbour::arp_reply(ROUTER, black_box(address), &asker));
    });
    let virtual_address = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 2, 0x54);
    criterion.bench_function("write a neighbour advertisement", |bencher| {
        bencher.iter(|| neighbour::neighbour_advertisement(ROUTER, black_box(virtual_address), true, None));
    });
}

criterion_group!(benches, frames, questions);
criterion_main!(benches);
