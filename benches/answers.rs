//! How many hosts a second the active gateway of a GLBP group answers without falling behind: one router of ours in the
//! lab, and a host that asks in the name of 50,000 others in each second; for each of them the cache of clients has to
//! forget another one.
//!
//! As root: `cargo bench --bench answers`, and `-- 20000` for another rate. It fails if a question is not answered, or if
//! the last answer comes later than [`BEHIND`] after the last question. The lab's own taps see every frame as well, on the
//! same processors: what is left for the router is less than it would have.

#![allow(clippy::expect_used, reason = "a bench may give up")]

use std::io::Read;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fhrp::Mac;
use firsthop::lab::{Lab, Options, Scenario};
use firsthop::net::neighbour;
use firsthop::net::socket::LinkSocket;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

/// Questions in a second, unless told otherwise.
const RATE: usize = 50_000;
/// For so many seconds.
const SECONDS: usize = 4;
/// Answers that come later than this after the last question come too late.
const BEHIND: Duration = Duration::from_millis(50);
/// Questions leave in one lump for each of these.
const LUMP: Duration = Duration::from_millis(1);
/// Answers wait here while the processors are busy elsewhere.
const BUFFER: usize = 256 << 20;
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 10, 1);
const SCENARIO: &str = "
title = 'one router'
[routers.r1]
daemon = 'firsthop'
config = '''
[[interface.lan.glbp]]
id = 10
addresses = [\"10.0.10.1/24\"]
hello-time = \"100ms\"
hold-time = \"300ms\"
client-cache = 2000
'''
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Without what `cargo bench` says, it is being tested whether it can be built.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let rate = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(RATE);
    let scenario = Scenario::parse("answers", SCENARIO).expect("a scenario");
    let firsthop = PathBuf::from(env!("CARGO_BIN_EXE_firsthop"));
    let mut lab = Lab::build(&scenario, Options { firsthop, captures: None, work: None }).expect("a lab");
    lab.start().expect("a router");
    let patience = Instant::now() + Duration::from_secs(10);
    while lab.who_answers(GATEWAY.into(), LUMP * 20).expect("a question").is_empty() {
        assert!(Instant::now() < patience, "nobody becomes the gateway");
    }
    let asked = rate * SECONDS;
    let (mut late, behind) = lab.host().inside(|| flood(rate, asked)).expect("the host's namespace");
    late.sort_unstable();
    let at = |hundredths: usize| late.get((late.len() * hundredths / 100).min(late.len().saturating_sub(1)));
    let at = |hundredths| at(hundredths).copied().unwrap_or_default();
    println!("asked      {asked} times, {rate} a second");
    println!("answered   {}", late.len());
    println!("after      {:?} in the median, {:?} for 99 of 100, {:?} at most", at(50), at(99), at(100));
    println!("the last   {behind:?} after the last question");
    let kept_up = late.len() == asked && behind <= BEHIND;
    if kept_up { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Each host has a MAC of its own, which says its number.
fn host(number: usize) -> (Mac, Ipv4Addr) {
    let [.., a, b, c, d] = number.to_be_bytes();
    (Mac([4, 0, a, b, c, d]), Ipv4Addr::new(10, b | 64, c, d))
}

/// Asks, and says how long each answer took, and how long after the last question the last one came.
fn flood(rate: usize, asked: usize) -> (Vec<Duration>, Duration) {
    let any = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(i32::from(0x0806_u16.to_be()))));
    let answers = any.expect("a packet socket");
    setsockopt(&answers, sockopt::RcvBufForce, &BUFFER).expect("a large buffer");
    answers.set_read_timeout(Some(Duration::from_millis(20))).expect("a time-out");
    let index = rustix::net::netdevice::name_to_index(&answers, "eth0").expect("an interface");
    let out = LinkSocket::open_mute(index).expect("a socket to ask from");
    let over = AtomicBool::new(false);
    let begin = Instant::now();
    thread::scope(|scope| {
        let listening = scope.spawn(|| listen(&answers, &over, begin, asked));
        let per_lump = rate / 1000;
        let mut sent = Vec::with_capacity(asked);
        for number in 0..asked {
            if number % per_lump == 0 {
                let due = begin + LUMP * u32::try_from(number / per_lump).unwrap_or(u32::MAX);
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            let (mac, ip) = host(number);
            let question = neighbour::question(mac, ip.into(), GATEWAY.into());
            sent.push(begin.elapsed());
            out.send(&question).expect("a question");
        }
        let last = sent.last().copied().unwrap_or_default();
        thread::sleep(BEHIND * 4);
        over.store(true, Ordering::Relaxed);
        let heard = listening.join().expect("who listens");
        let behind = heard.iter().map(|(_, at)| *at).max().unwrap_or_default().saturating_sub(last);
        let late = heard.iter().filter_map(|(number, at)| Some(at.saturating_sub(*sent.get(*number)?)));
        (late.collect(), behind)
    })
}

/// The answers: to whom, and when.
fn listen(mut socket: &Socket, over: &AtomicBool, begin: Instant, asked: usize) -> Vec<(usize, Duration)> {
    let mut heard = Vec::with_capacity(asked);
    let mut frame = [0; 128];
    while !over.load(Ordering::Relaxed) {
        let Ok(length) = socket.read(&mut frame) else { continue };
        // A reply, to one of ours.
        if length >= 42
            && frame[20..22] == [0, 2]
            && let [4, 0, a, b, c, d, ..] = frame
        {
            heard.push((u32::from_be_bytes([a, b, c, d]) as usize, begin.elapsed()));
        }
    }
    heard
}
