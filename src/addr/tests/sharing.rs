//! Three members that hold one MAC together: every packet is handled once, whoever comes, goes, dies or stalls.
//!
//! ```text
//!          ┌── lan m0 out ──┐
//!  seg ────┼── lan m1 out ──┼──── sink
//!  (host)  └── lan m2 out ──┘     (the far side)
//! ```
//!
//! Both bridges are in the namespace of the test's thread, which is the host and the far side in one. A member is a
//! namespace of its own and a process that holds what it is told to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use etherparse::PacketBuilder;
use fhrp::{Answer, Buckets, Holdings, Mac, Presence, Share, VirtualAddress};

use super::lab::{Router, eventually, number_of, ok, within};
use crate::addr::Preparation;
use crate::addr::sharing::Sharing;
use crate::sys;

/// Set in the environment of a process that is a member: the shared MAC.
const ROLE: &str = "FIRSTHOP_TEST_MEMBER";
/// One of each kind: a group address, as of `balancing ip`, and a virtual one, as of `balancing ip-stealth`.
const MACS: [Mac; 2] = [Mac([1, 0, 0x5e, 0, 1, 1]), Mac([0, 0, 0x5e, 0, 1, 1])];
const MEMBERS: u8 = 3;
const SOURCES: u16 = 1000;
const LEASE: Duration = Duration::from_millis(800);
const VIRTUAL: &str = "10.0.0.1";
const FAR: [&str; 2] = ["198.51.100.1", "2001:db8:b::1"];

struct Lab {
    mac: Mac,
    seg: u32,
    wire: sys::PacketSocket,
    far: [UdpSocket; 2],
    members: Vec<Member>,
}

struct Member {
    /// Keeps the namespace.
    room: Child,
    daemon: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

fn with_members(test: impl Fn(&mut Lab) + Send + Copy + 'static) {
    for mac in MACS {
        let thread = std::thread::spawn(move || {
            if let Err(error) = sys::enter_new_network() {
                eprintln!("skipped: no network namespace of our own: {error}");
                return;
            }
            match Sharing::open() {
                Ok(_) => test(&mut Lab::build(mac)),
                Err(fault) => eprintln!("skipped: {fault}"),
            }
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Lab {
    fn build(mac: Mac) -> Self {
        for command in [
            "ip link set lo up",
            "ip link add seg address 02:00:00:00:00:fe type bridge mcast_snooping 0 forward_delay 0",
            "ip link add sink address 02:00:00:00:00:ff type bridge mcast_snooping 0 forward_delay 0",
            "ip link set seg addrgenmode none",
            "ip link set sink addrgenmode none",
            "ip link set seg up",
            "ip link set sink up",
            "ip addr add 10.0.0.100/24 dev seg",
            "ip addr add 198.51.100.1/24 dev sink",
            "ip addr add 2001:db8:b::1/64 dev sink nodad",
        ] {
            ok(command);
        }
        for rule in ["all", "default", "seg", "sink"] {
            ok(&format!("sysctl -qw net.ipv4.conf.{rule}.rp_filter=0"));
        }
        ok(&format!("ip neigh add {VIRTUAL} lladdr {mac} dev seg nud permanent"));
        let far = FAR.map(|address| {
            let socket = UdpSocket::bind((address.parse::<IpAddr>().unwrap(), 9)).unwrap();
            rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 8 << 20).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
            socket
        });
        let wire = sys::PacketSocket::open(Duration::ZERO).unwrap();
        let members = (0..MEMBERS).map(|number| Member::join(number, mac)).collect();
        let lab = Lab { mac, seg: number_of("seg"), wire, far, members };
        eventually("every port forwards", || ok("bridge link").matches("state forwarding").count() == 6);
        lab
    }

    /// Says which member holds which buckets; those who lose some first.
    fn deal(&mut self, hands: [&[u8]; MEMBERS as usize]) {
        self.deal_first(&hands);
    }

    /// The same among the first members only.
    fn deal_first(&mut self, hands: &[&[u8]]) {
        for (member, hand) in self.members.iter_mut().zip(hands) {
            member.does(&format!("keep {}", words(hand)));
        }
        for (member, hand) in self.members.iter_mut().zip(hands) {
            member.does(&format!("hold {}", words(hand)));
        }
    }

    /// One packet from each of these hosts to the far side, in both families.
    fn send(&self, hosts: impl Iterator<Item = u16>) {
        for host in hosts {
            let [high, low] = host.to_be_bytes();
            let IpAddr::V4(far4) = FAR[0].parse().unwrap() else { panic!() };
            let IpAddr::V6(far6) = FAR[1].parse().unwrap() else { panic!() };
            let source6 = Ipv6Addr::new(0x2001, 0xdb8, 0xa, 0, 0, host.rotate_left(5), 0, host);
            let frame = || PacketBuilder::ethernet2([2, 0, 0, 0, 0, 0xfe], self.mac.0);
            for builder in [
                frame().ipv4([10, 1, high, low], far4.octets(), 64),
                frame().ipv6(source6.octets(), far6.octets(), 64),
            ] {
                let mut octets = Vec::new();
                builder.udp(9, 9).write(&mut octets, &host.to_be_bytes()).unwrap();
                self.wire.send(self.seg, &octets).unwrap();
            }
        }
    }

    /// How often the far side saw a packet of each host, in one family, since it was last asked.
    fn seen(&self, family: usize) -> BTreeMap<u16, usize> {
        let mut seen = BTreeMap::new();
        let mut payload = [0; 2];
        while self.far[family].recv_from(&mut payload).is_ok() {
            *seen.entry(u16::from_be_bytes(payload)).or_default() += 1;
        }
        seen
    }

    /// Packets of a thousand hosts: how many of them are handled, none more than once.
    fn handled(&self) -> [usize; 2] {
        self.send(0..SOURCES);
        [0, 1].map(|family| {
            let seen = self.seen(family);
            assert!(seen.values().all(|times| *times == 1), "handled more than once: {seen:?}");
            seen.len()
        })
    }
}

impl Member {
    fn join(number: u8, mac: Mac) -> Self {
        let room = Command::new("unshare").args(["-n", "sleep", "600"]).spawn().unwrap();
        let pid = room.id();
        let own = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        eventually("the member's namespace", || {
            std::fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|theirs| theirs != own)
                && std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|it| it.trim() == "sleep")
        });
        for (bridge, name) in [("seg", "lan"), ("sink", "out")] {
            let port = format!("{name}{number}");
            ok(&format!("ip link add {port} type veth peer name {name} netns {pid}"));
            ok(&format!("ip link set {port} master {bridge} up"));
        }
        for command in [
            "ip link set lo up".to_owned(),
            "ip link set lan addrgenmode none".to_owned(),
            "ip link set out addrgenmode none".to_owned(),
            format!("ip addr add 10.0.0.{}/24 dev lan", number + 11),
            format!("ip addr add 2001:db8::{}/64 dev lan nodad", number + 11),
            "ip addr add 2001:db8:b::99/64 dev out nodad".to_owned(),
            "ip link set lan up".to_owned(),
            "ip link set out up".to_owned(),
            "ip route add 198.51.100.0/24 dev out".to_owned(),
            "ip neigh add 198.51.100.1 lladdr 02:00:00:00:00:ff dev out nud permanent".to_owned(),
            "ip neigh add 2001:db8:b::1 lladdr 02:00:00:00:00:ff dev out nud permanent".to_owned(),
            "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 \
             net.ipv4.conf.lan.rp_filter=0"
                .to_owned(),
        ] {
            ok(&format!("nsenter -n -t {pid} {command}"));
        }
        let (daemon, orders, answers) = Member::start(pid, mac);
        Member { room, daemon, orders, answers }
    }

    fn start(room: u32, mac: Mac) -> (Child, ChildStdin, Lines<BufReader<ChildStdout>>) {
        let mut command = Command::new("nsenter");
        command.args(["-n", "-t", &room.to_string()]).arg(std::env::current_exe().unwrap());
        command.args(["--exact", "addr::tests::sharing::member_process", "--nocapture", "--test-threads=1"]);
        command.env(ROLE, mac.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut daemon = command.spawn().unwrap();
        let orders = daemon.stdin.take().unwrap();
        let answers = BufReader::new(daemon.stdout.take().unwrap()).lines();
        (daemon, orders, answers)
    }

    /// Another process in the same namespace.
    fn restart(&mut self, mac: Mac) {
        (self.daemon, self.orders, self.answers) = Member::start(self.room.id(), mac);
    }

    fn does(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
        let answer = self.answers.by_ref().map(Result::unwrap).find(|line| line.starts_with('@'));
        assert_eq!(answer.as_deref(), Some("@done"), "{order}");
    }

    fn signal(&self, signal: &str) {
        ok(&format!("kill {signal} {}", self.daemon.id()));
    }

    fn inside(&self, command: &str) -> String {
        ok(&format!("nsenter -n -t {} {command}", self.room.id()))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        for process in [&mut self.daemon, &mut self.room] {
            process.kill().ok();
            process.wait().ok();
        }
    }
}

fn words(hand: &[u8]) -> String {
    hand.iter().map(u8::to_string).collect::<Vec<_>>().join(" ")
}

/// Not a test but a member of other tests: it does what lines on its standard input say.
#[test]
fn member_process() {
    let Some(mac) = std::env::var(ROLE).ok() else { return };
    let mac: Mac = mac.parse().unwrap();
    let lan = number_of("lan");
    let mut router = Router::start(None);
    let preparation = Preparation { link: lan, macs: [mac].into(), shared: true, ..Preparation::default() };
    router.prepare_macs(vec![preparation]).unwrap();
    std::thread::spawn(|| {
        let listener = std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, 7)).unwrap();
        listener.incoming().for_each(|stream| drop(stream.unwrap().write_all(b"x")));
    });
    let mut held = Vec::new();
    for order in std::io::stdin().lines().map(Result::unwrap) {
        let mut words = order.split_whitespace();
        let verb = words.next().unwrap();
        let mut hand: Vec<u8> = words.map(|word| word.parse().unwrap()).collect();
        match verb {
            "keep" => hand.retain(|number| held.contains(number)),
            "whole" => {}
            _ => assert_eq!(verb, "hold"),
        }
        let share = match verb {
            "whole" => Share::Whole,
            _ => Share::Buckets(hand.iter().fold(Buckets::new(MEMBERS).unwrap(), |all, it| all.with(*it))),
        };
        held.clone_from(&hand);
        router.hold(1, lan, holdings(mac, share)).unwrap();
        println!("\n@done");
    }
}

fn holdings(mac: Mac, share: Share) -> Holdings {
    let answer = Answer::Stealth(mac);
    let address = VirtualAddress { prefix: 24, presence: Presence::Accepted, answer, router: true };
    Holdings {
        forward: [(mac, share)].into(),
        addresses: [(VIRTUAL.parse().unwrap(), address)].into(),
        lease: LEASE,
        ..Holdings::default()
    }
}

#[test]
fn each_packet_is_handled_once_and_buckets_change_hands() {
    with_members(|lab| {
        assert_eq!(lab.handled(), [0, 0], "nothing is held");
        let all = usize::from(SOURCES);
        for hands in [[&[0][..], &[1], &[2]], [&[2, 0], &[], &[1]], [&[], &[0, 1, 2], &[]]] {
            lab.deal(hands);
            assert_eq!(lab.handled(), [all, all], "{hands:?}");
        }
        lab.deal([&[], &[], &[2]]);
        let [v4, v6] = lab.handled();
        assert!((250..420).contains(&v4) && (250..420).contains(&v6), "a third of all: {v4}, {v6}");
    });
}

#[test]
fn who_connects_to_the_address_meets_one_member() {
    with_members(|lab| {
        lab.deal([&[0], &[1], &[2]]);
        for host in 101..131 {
            let source = Ipv4Addr::new(10, 0, 0, host);
            ok(&format!("ip addr add {source}/24 dev seg"));
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
            let target = SocketAddr::from((VIRTUAL.parse::<IpAddr>().unwrap(), 7));
            socket.connect_timeout(&target.into(), Duration::from_secs(5)).unwrap();
            let mut stream = TcpStream::from(socket);
            let mut word = String::new();
            std::io::Read::read_to_string(&mut stream, &mut word).unwrap();
            assert_eq!(word, "x");
        }
        let pinged = ok(&format!("ping -n -c 3 -i 0.2 -W 3 {VIRTUAL}"));
        assert!(pinged.contains("3 received") && !pinged.contains("DUP"), "{pinged}");
    });
}

#[test]
fn a_bucket_is_not_disturbed_by_others() {
    with_members(|lab| {
        lab.deal([&[0], &[1], &[2]]);
        for round in 0..20 {
            lab.send(round * 50..round * 50 + 25);
            lab.deal(if round % 2 == 0 { [&[0, 2], &[1], &[]] } else { [&[0], &[1], &[2]] });
            lab.send(round * 50 + 25..round * 50 + 50);
        }
        // Bucket 2 was nobody's in between, but nothing was sent then.
        assert_eq!([0, 1].map(|family| lab.seen(family).len()), [usize::from(SOURCES); 2]);
    });
}

#[test]
fn a_dead_member_leaves_nothing() {
    with_members(|lab| {
        let state =
            |lab: &Lab| lab.members[2].inside("nft list ruleset") + &lab.members[2].inside("ip -o addr show");
        lab.deal([&[0], &[1], &[2]]);
        lab.members[2].signal("-KILL");
        lab.members[2].daemon.wait().unwrap();
        assert!(within(Duration::from_secs(1), || !state(lab).contains("firsthop")), "{}", state(lab));
        let [v4, _] = lab.handled();
        assert!(v4 < usize::from(SOURCES));
        lab.deal_first(&[&[0, 2], &[1]]);
        assert_eq!(lab.handled(), [usize::from(SOURCES); 2]);
        // A program left behind would let a third through at most.
        lab.deal_first(&[&[], &[]]);
        let mac = lab.mac;
        lab.members[2].restart(mac);
        lab.members[2].does("whole");
        assert_eq!(lab.handled(), [usize::from(SOURCES); 2]);
    });
}

#[test]
fn a_stalled_member_takes_nothing() {
    with_members(|lab| {
        lab.deal([&[0], &[1], &[2]]);
        lab.members[2].signal("-STOP");
        std::thread::sleep(LEASE * 2);
        lab.deal_first(&[&[0, 2], &[1]]);
        assert_eq!(lab.handled(), [usize::from(SOURCES); 2], "nothing twice");
        lab.deal_first(&[&[0], &[1]]);
        lab.members[2].signal("-CONT");
        let began = Instant::now();
        eventually("back, since nobody told it to let go", || lab.handled() == [usize::from(SOURCES); 2]);
        eprintln!("back within {:?}", began.elapsed());
    });
}
