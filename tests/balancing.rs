//! Three routers share the addresses of one balanced CARP group, and a thousand hosts use them.
//!
//! The hosts are addresses of one machine, which asks for its gateway as hosts do. Each sends a packet to a server
//! behind the routers: what arrives there was handled, and if it arrives twice, twice.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use firsthop::lab::{Deed, Lab, Node, Options, Scenario};
use serde_json::Value;

use crate::common::skip;

const HOSTS: u16 = 1000;
const ROUTERS: [&str; 3] = ["r1", "r2", "r3"];
const PORT: u16 = 9;
const SERVER: [&str; 2] = ["10.0.20.100", "2001:db8:20::100"];
const PATIENCE: Duration = Duration::from_secs(20);
/// 3 × advbase + advskew / 256 of the second best, and what a busy machine takes.
const TIME_OUT: Duration = Duration::from_millis(3_391 + 400);

/// Each router is the best for one number, and second best for another.
const NODES: [&str; 3] = ["1:0,2:100,3:200", "1:200,2:0,3:100", "1:100,2:200,3:0"];

struct Stage {
    lab: Lab,
    hosts: [Vec<UdpSocket>; 2],
    server: [UdpSocket; 2],
}

/// Whether the lab is there, and a kernel that can share a MAC; says what is missing.
fn possible() -> bool {
    let probed = firsthop::addr::sharing::probe();
    if let Err(fault) = &probed {
        skip(&format!("balancing: {fault}"));
    }
    common::possible("balancing", &["ip", "bridge"]) && probed.is_ok()
}

impl Stage {
    fn new(balancing: &str) -> Stage {
        let mut text = "title = 'balancing'\n".to_owned();
        for (router, nodes) in ROUTERS.iter().zip(NODES) {
            text += &format!(
                "[routers.{router}]\ndaemon = 'firsthop'\nconfig = '''\n[[interface.lan.carp]]\n\
                 addresses = [\"10.0.10.1/24\", \"2001:db8:10::1/64\"]\npassword = \"secret\"\npreempt = true\n\
                 nodes = \"{nodes}\"\nbalancing = \"{balancing}\"\n'''\n"
            );
        }
        let scenario = Scenario::parse("balancing", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
        let options =
            Options { firsthop: PathBuf::from(env!("CARGO_BIN_EXE_firsthop")), captures: None, work: None };
        let mut lab = Lab::build(&scenario, options).unwrap();
        for command in [
            "ip route add local 10.1.0.0/16 dev lo",
            "ip -6 route add local 2001:db8:1::/64 dev lo",
            "ip -6 route add 2001:db8:20::/64 via 2001:db8:10::1 dev eth0",
            "sysctl -qw net.ipv6.ip_nonlocal_bind=1 net.ipv4.ip_nonlocal_bind=1",
        ] {
            run(lab.host().command("sh").unwrap().args(["-c", command]));
        }
        run(lab
            .server()
            .command("sh")
            .unwrap()
            .args(["-c", "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0"]));
        let hosts = lab.host().inside(|| [hosts(false), hosts(true)]).unwrap();
        let server = lab.server().inside(|| SERVER.map(listener)).unwrap();
        if balancing == "ip-unicast" {
            make_a_hub(lab.switch());
        }
        lab.start().unwrap();
        Stage { lab, hosts, server }
    }

    /// The states of all groups of a router, in the order of their numbers.
    fn states(&mut self, router: &str) -> Vec<String> {
        let node = self.lab.router(router).unwrap().node();
        let mut command = node.command(env!("CARGO_BIN_EXE_firsthop")).unwrap();
        let output = command.args(["show", "--json"]).stdin(Stdio::null()).output().unwrap();
        let groups: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
        groups.iter().map(|group| group["state"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn until_all_share(&mut self) {
        let since = Instant::now();
        let wanted =
            [["MASTER", "BACKUP", "BACKUP"], ["BACKUP", "MASTER", "BACKUP"], ["BACKUP", "BACKUP", "MASTER"]];
        loop {
            let states = ROUTERS.map(|router| self.states(router));
            if states == wanted {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{states:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// One packet from each host: how many are handled in each family, none more than once.
    fn handled(&self) -> [usize; 2] {
        [0, 1].map(|family| {
            for (number, host) in (0_u16..).zip(&self.hosts[family]) {
                let to = (SERVER[family].parse::<IpAddr>().unwrap(), PORT);
                // Without an answer to the question for the gateway the packet waits, or is given up.
                let _ = host.send_to(&number.to_be_bytes(), to);
            }
            let mut seen: BTreeMap<u16, usize> = BTreeMap::new();
            let mut payload = [0; 2];
            while self.server[family].recv_from(&mut payload).is_ok() {
                *seen.entry(u16::from_be_bytes(payload)).or_default() += 1;
            }
            assert!(seen.values().all(|times| *times == 1), "handled more than once: {seen:?}");
            seen.len()
        })
    }

    /// How long it takes until everything is handled again.
    fn until_all_are_handled(&self) -> Duration {
        let since = Instant::now();
        while self.handled() != [usize::from(HOSTS); 2] {
            assert!(since.elapsed() < PATIENCE, "{:?}", self.handled());
        }
        since.elapsed()
    }
}

/// A switch would follow the MAC that all masters speak from to and fro.
fn make_a_hub(switch: &Node) {
    for port in [&ROUTERS[..], &["h"]].concat() {
        let port = format!("{port}-lan");
        run(switch.command("bridge").unwrap().args(["link", "set", "dev", &port, "learning", "off"]));
    }
    run(switch.command("ip").unwrap().args(["link", "set", "dev", "lan", "type", "bridge", "fdb_flush"]));
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn hosts(ipv6: bool) -> Vec<UdpSocket> {
    let host = |number: u16| -> IpAddr {
        let [high, low] = number.to_be_bytes();
        match ipv6 {
            false => Ipv4Addr::new(10, 1, high, low).into(),
            true => Ipv6Addr::new(0x2001, 0xdb8, 1, 0, number.rotate_left(7), 0, 0, number + 1).into(),
        }
    };
    (0..HOSTS).map(|number| UdpSocket::bind((host(number), 0)).unwrap()).collect()
}

fn listener(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind((address.parse::<IpAddr>().unwrap(), PORT)).unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 8 << 20).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(150))).unwrap();
    socket
}

fn every_packet_is_handled_once(balancing: &str) {
    if !possible() {
        return;
    }
    let all = [usize::from(HOSTS); 2];
    let mut stage = Stage::new(balancing);
    stage.until_all_share();
    if balancing == "ip" {
        let node = stage.lab.router("r1").unwrap().node();
        let shown = run(node.command("ip").unwrap().args(["maddr", "show", "dev", "lan"]));
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("inet  224.0.1.1"), "switches that snoop must know: {shown}");
    }
    stage.until_all_are_handled();
    for _ in 0..5 {
        assert_eq!(stage.handled(), all, "in steady state");
    }

    let since = Instant::now();
    stage.lab.fault(Deed::Power, Some("r2")).unwrap();
    let [v4, v6] = stage.handled();
    assert!((500..800).contains(&v4) && (500..800).contains(&v6), "two thirds: {v4}, {v6}");
    stage.until_all_are_handled();
    let taken = since.elapsed();
    eprintln!("{balancing}: all shares are re-taken {taken:?} after a crash");
    // The last look began before the time-out was over.
    assert!(taken < TIME_OUT + Duration::from_millis(400), "{taken:?}");
    assert_eq!(stage.states("r1")[1], "MASTER");

    stage.lab.fault(Deed::Recover, None).unwrap();
    if balancing == "ip-unicast" {
        // The port that `r2` has now is a new one.
        make_a_hub(stage.lab.switch());
    }
    stage.until_all_share();
    for _ in 0..3 {
        assert_eq!(stage.handled(), all, "in steady state again");
    }

    stage.lab.fault(Deed::Kill, Some("r1")).unwrap();
    let told = stage.until_all_are_handled();
    eprintln!("{balancing}: {told:?} after the daemon alone was killed");
    assert!(told < TIME_OUT, "{told:?}");
    for _ in 0..3 {
        assert_eq!(stage.handled(), all, "without r1");
    }
}

#[test]
fn every_packet_is_handled_once_by_ip() {
    every_packet_is_handled_once("ip");
}

#[test]
fn every_packet_is_handled_once_by_ip_stealth() {
    every_packet_is_handled_once("ip-stealth");
}

#[test]
fn every_packet_is_handled_once_by_ip_unicast_on_a_hub() {
    every_packet_is_handled_once("ip-unicast");
}
