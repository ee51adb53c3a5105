//! What one advertisement costs: to be read, to be judged, to be written and sealed.
//!
//! `cargo bench --bench codec`

#![allow(missing_docs, clippy::expect_used, reason = "a benchmark stops at the first surprise")]

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use fhrp::packet::ip_protocol;
use fhrp::{Instant, Mac, Protocol, Received};
use vrrp::PROTOCOL;
use vrrp::auth::{Guard, Sealed};
use vrrp::config::{AntiReplay, Authentication, Hmac, HmacMode, Key, Secret};
use vrrp::wire::{Advertisement, ChecksumForm, MULTICAST_V4, MULTICAST_V6, Version, parse};

const WALL: Duration = Duration::from_secs(1_795_394_393);
const FORM: ChecksumForm = ChecksumForm::PseudoHeader;
const IDENTIFICATION: u16 = 1;

/// An advertisement and the addresses of the header that carries it.
struct Letter {
    said: Advertisement,
    source: IpAddr,
    destination: IpAddr,
}

impl Letter {
    fn new(version: Version, family: u8) -> Self {
        let (source, destination, addresses): (IpAddr, IpAddr, Vec<IpAddr>) = match family {
            4 => ([192, 0, 2, 1].into(), MULTICAST_V4, vec![[192, 0, 2, 100].into()]),
            _ => {
                let [router, first, second] = [[0xfe80, 1], [0xfe80, 0x51], [0x2001, 0x100]]
                    .map(|[head, tail]| IpAddr::from([head, 0, 0, 0, 0, 0, 0, tail]));
                (router, MULTICAST_V6, vec![first, second])
            }
        };
        let interval = Duration::from_secs(1);
        Letter {
            said: Advertisement { version, vrid: 51, priority: 150, interval, addresses },
            source,
            destination,
        }
    }

    fn seal(&self, guard: &mut Guard) -> Sealed {
        guard.seal(&self.said, FORM, self.source, self.destination, IDENTIFICATION, false, WALL)
    }

    fn arrives<'a>(&self, ip_header: &'a [u8], sealed: &'a Sealed) -> Received<'a> {
        Received {
            at: Instant::ZERO,
            source_mac: Mac::default(),
            destination_mac: Mac::BROADCAST,
            source: self.source,
            destination: self.destination,
            hop_limit: 255,
            protocol: sealed.protocol,
            ports: None,
            ip_header,
            payload: &sealed.payload,
        }
    }

    /// The IPv4 header in front of it; what the Authentication Header covers.
    fn ip_header(&self, sealed: &Sealed) -> [u8; 20] {
        let mut header = [0; 20];
        if let (IpAddr::V4(source), IpAddr::V4(destination)) = (self.source, self.destination) {
            let length = u16::try_from(20 + sealed.payload.len()).unwrap_or(u16::MAX);
            header[..2].copy_from_slice(&[0x45, 0xc0]);
            header[2..4].copy_from_slice(&length.to_be_bytes());
            header[4..6].copy_from_slice(&IDENTIFICATION.to_be_bytes());
            header[8..10].copy_from_slice(&[255, sealed.protocol]);
            header[12..16].copy_from_slice(&source.octets());
            header[16..].copy_from_slice(&destination.octets());
        }
        header
    }
}

fn schemes() -> [(&'static str, Authentication); 5] {
    let key = |id, length| vec![Key { id, secret: Secret::new(vec![7; length]) }];
    let hmac = Hmac { keys: key(1, 32), mode: HmacMode::Enforce, anti_replay: AntiReplay::Monotonic };
    [
        ("none", Authentication::None),
        ("text", Authentication::Text(Secret::new("password"))),
        ("header", Authentication::AuthenticationHeader(Secret::new("password"))),
        ("cisco-md5", Authentication::CiscoMd5(key(0, 8))),
        ("hmac", Authentication::Hmac(hmac)),
    ]
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    let letters = [
        ("v2-ipv4", Letter::new(Version::V2, 4)),
        ("v3-ipv4", Letter::new(Version::V3, 4)),
        ("v3-ipv6", Letter::new(Version::V3, 6)),
    ];
    for (name, letter) in &letters {
        let sealed = letter.seal(&mut Guard::new(&Authentication::None));
        let header = letter.ip_header(&sealed);
        let received = letter.arrives(&header, &sealed);
        group.bench_function(*name, |bencher| bencher.iter(|| parse(black_box(&received)).is_ok()));
    }
    let letter = Letter::new(Version::V3, 4);
    let sealed = Sealed { protocol: ip_protocol::VRRP, payload: vec![0x31, 51] };
    let received = letter.arrives(&[], &sealed);
    group.bench_function("find-group", |bencher| bencher.iter(|| PROTOCOL.group_of(black_box(&received))));
    group.finish();
}

fn sealing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal");
    let letter = Letter::new(Version::V2, 4);
    for (name, scheme) in schemes() {
        let mut guard = Guard::new(&scheme);
        group.bench_function(name, |bencher| bencher.iter(|| black_box(&letter).seal(&mut guard)));
    }
    group.finish();
}

/// Reads and judges a frame by a guard that has not heard it before.
fn judging(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("judge");
    let letter = Letter::new(Version::V2, 4);
    for (name, scheme) in schemes() {
        let sealed = letter.seal(&mut Guard::new(&scheme));
        let header = letter.ip_header(&sealed);
        let received = letter.arrives(&header, &sealed);
        let admit = || {
            let heard = parse(black_box(&received)).expect("what was sealed can be read");
            Guard::new(&scheme).admit(&received, &heard, WALL)
        };
        assert_eq!(admit(), Ok(()), "{name}");
        group.bench_function(name, |bencher| bencher.iter(admit));
    }
    group.finish();
}

criterion_group!(benches, reading, sealing, judging);
criterion_main!(benches);
