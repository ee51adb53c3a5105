//! What one advertisement received and one timer expired cost, with 1, 100 and 4,000 groups in the engine.
//!
//! The cost must not depend on the number of groups: one look-up finds the group, one heap holds all timers.

#![allow(clippy::expect_used, missing_docs)] // A bench may give up; its macros make undocumented items.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fhrp::{Action, Context, Datagram, Family, Group, Input, Instant, Link, Mac, Received, Siblings};
use firsthop::engine::group::Identity;
use firsthop::engine::{Effect, Engine, Now};
use firsthop::protocols::PROTOCOLS;
use vrrp::{Config, VirtualRouter};

const GROUPS: [usize; 3] = [1, 100, 4000];
/// Groups on one link, as the VRID is one octet.
const PER_LINK: usize = 255;

fn at(nanos: u64) -> Now {
    Now { monotonic: Instant::from_nanos(nanos), wall: Duration::from_secs(1_700_000_000) }
}

fn link(number: usize, host: u8) -> Link {
    Link {
        index: number as u32 + 1,
        name: format!("eth{number}"),
        mac: Mac([2, 0, 0, 0, number as u8, host]),
        up: true,
        mtu: 1500,
        addresses: vec![format!("10.{number}.255.{host}/16").parse().expect("an address")],
    }
}

fn config(number: usize, priority: u8) -> Config {
    let (link, vrid) = (number / PER_LINK, number % PER_LINK + 1);
    let address = format!("10.{link}.0.{vrid}/16").parse().expect("an address");
    let mut config = Config::new(vrid as u8, vec![address]);
    config.priority = priority;
    config
}

fn engine(groups: usize, priority: u8) -> (Engine, Vec<Effect>) {
    let mut engine = Engine::new(PROTOCOLS, Box::new(|| 4));
    let mut out = Vec::new();
    for number in 0..=(groups - 1) / PER_LINK {
        engine.link(at(0), link(number, 2), &mut out);
    }
    for number in 0..groups {
        let identity = Identity {
            interface: format!("eth{}", number / PER_LINK),
            protocol: "vrrp",
            family: Some(Family::Ipv4),
            id: (number % PER_LINK + 1) as u16,
        };
        engine.add(at(0), identity, Box::new(VirtualRouter::new(config(number, priority))), &mut out);
    }
    (engine, out)
}

/// The advertisement that a better router of this group sends, octet for octet.
fn advertisement(number: usize) -> Datagram {
    let mut router = VirtualRouter::new(config(number, 200));
    let mut out = Vec::new();
    let mut random = || 4;
    let link = link(number / PER_LINK, 3);
    for input in [Input::Link(&link), Input::Start, Input::Tick] {
        // On time: whoever wakes up much later listens before it speaks.
        let now = router.deadline().unwrap_or(Instant::ZERO);
        let mut context = Context {
            now,
            wall: Duration::ZERO,
            siblings: Siblings::NONE,
            random: &mut random,
            out: &mut out,
        };
        router.handle(&mut context, input);
    }
    let sent = out.into_iter().find_map(|action| match action {
        Action::Send(datagram) => Some(datagram),
        _ => None,
    });
    sent.expect("a router that hears nobody advertises")
}

fn received(datagram: &Datagram, now: u64) -> Received<'_> {
    Received {
        at: Instant::from_nanos(now),
        source_mac: Mac([2, 0, 0, 0, 0, 3]),
        destination_mac: Mac([1, 0, 0x5e, 0, 0, 0x12]),
        source: datagram.source,
        destination: IpAddr::from([224, 0, 0, 18]),
        hop_limit: 255,
        protocol: 112,
        ports: None,
        ip_header: &[],
        payload: &datagram.payload,
    }
}

fn backups_hear(criterion: &mut Criterion) {
    let mut bench = criterion.benchmark_group("advertisement received by a Backup");
    for groups in GROUPS {
        let (mut engine, mut out) = engine(groups, 100);
        let frames: Vec<Datagram> = (0..groups).map(advertisement).collect();
        let (mut now, mut next) = (1_000_000_000u64, 0);
        bench.throughput(Throughput::Elements(1));
        bench.bench_function(BenchmarkId::from_parameter(groups), |bencher| {
            bencher.iter(|| {
                now += 1_000_000_000 / groups as u64;
                let frame = received(&frames[next], now);
                let delivery = engine.receive(at(now), (next / PER_LINK + 1) as u32, &frame, &mut out);
                engine.tick(at(now), &mut out);
                next = (next + 1) % groups;
                out.clear();
                black_box(delivery)
            });
        });
    }
    bench.finish();
}

fn actives_advertise(criterion: &mut Criterion) {
    let mut bench = criterion.benchmark_group("timer of an Active, advertisement made");
    for groups in GROUPS {
        let (mut engine, mut out) = engine(groups, 200);
        let (mut now, mut wishes) = (0, Vec::new());
        while wishes.len() < groups {
            now = engine.deadline().map_or(now, |due| due.as_nanos().max(now));
            engine.tick(at(now), &mut out);
            wishes.extend(out.drain(..).filter_map(|effect| match effect {
                Effect::Hold(wish) => Some((wish.group, wish.ticket)),
                _ => None,
            }));
        }
        for (group, ticket) in wishes {
            engine.held(at(now), group, ticket, Ok(()), &mut out);
        }
        bench.throughput(Throughput::Elements(1));
        bench.bench_function(BenchmarkId::from_parameter(groups), |bencher| {
            bencher.iter_custom(|iterations| {
                let (mut spent, mut sent) = (Duration::ZERO, 0);
                while sent < iterations {
                    now = engine.deadline().map_or(now, |due| due.as_nanos().max(now));
                    out.clear();
                    let begin = std::time::Instant::now();
                    engine.tick(at(now), &mut out);
                    spent += begin.elapsed();
                    sent += out.iter().filter(|effect| matches!(effect, Effect::Send { .. })).count() as u64;
                }
                spent.mul_f64(iterations as f64 / sent.max(1) as f64)
            });
        });
    }
    bench.finish();
}

criterion_group!(benches, backups_hear, actives_advertise);
criterion_main!(benches);
