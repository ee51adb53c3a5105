//! A router (the namespace of the test's thread) and a host, joined by a wire.

use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fhrp::{Answer, Holdings, Mac, Presence, Share, VirtualAddress};

use crate::addr::kernel::Watch;
use crate::addr::thread::{Heartbeat, KernelThread, Options, Report, Request};
use crate::addr::{HoldResult, KernelEvent, Preparation, Wish};
use crate::engine::GroupIndex;
use crate::guardian::Sender;
use crate::net::Clock;
use crate::sys;

/// VRRP's virtual MAC of group 1.
pub const VMAC: Mac = Mac([0, 0, 0x5e, 0, 1, 1]);
/// The router's own MAC.
pub const ROUTER_MAC: &str = "02:00:00:00:00:01";
/// An address of the router that is on none of its links: whoever reaches it was routed to.
pub const BEYOND: &str = "203.0.113.1";

/// The namespaces.
pub struct Lab {
    host: Child,
    /// Number of the router's interface `lan`.
    pub lan: u32,
}

/// Runs a test in a lab; says so if that is not permitted here.
pub fn with_lab(test: impl FnOnce(&Lab) + Send + 'static) {
    let thread = std::thread::spawn(move || {
        if let Err(error) = sys::enter_new_network() {
            eprintln!("skipped: no network namespace of our own: {error}");
            return;
        }
        if !run("nft list ruleset").status.success() {
            eprintln!("skipped: no nf_tables, or no nft(8)");
            return;
        }
        test(&Lab::build());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

impl Lab {
    fn build() -> Self {
        let host = Command::new("unshare").args(["-n", "sleep", "600"]).spawn().unwrap();
        let mut lab = Lab { host, lan: 0 };
        for command in [
            "ip link set lo up",
            "ip link add lan address 02:00:00:00:00:01 type veth peer name host address 02:00:00:00:00:02",
            "ip link set lan addrgenmode none",
            "ip addr add 10.0.0.2/24 dev lan",
            "ip addr add fe80::2/64 dev lan nodad",
            "ip addr add 2001:db8::2/64 dev lan nodad",
            "ip addr add 203.0.113.1/32 dev lo",
            "ip addr add 2001:db8:ffff::1/128 dev lo nodad",
            "ip link set lan up",
        ] {
            ok(command);
        }
        let pid = lab.host.id();
        // The child may not be in its namespace yet.
        let own = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        eventually("the host's namespace", || {
            std::fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|theirs| theirs != own)
                && std::fs::read_to_string(format!("/proc/{pid}/comm"))
                    .is_ok_and(|name| name.trim() == "sleep")
        });
        ok(&format!("ip link set host netns {pid}"));
        for command in [
            "ip link set lo up",
            // Moving it has undone this: an address of the kernel's own making would be pinged from while it
            // is still being checked for duplicates.
            "ip link set host addrgenmode none",
            "ip addr add 10.0.0.100/24 dev host",
            "ip addr add fe80::100/64 dev host nodad",
            "ip addr add 2001:db8::100/64 dev host nodad",
            "ip link set host up",
            "ip neigh add 10.0.0.1 lladdr 00:00:5e:00:01:01 dev host nud permanent",
            "ip neigh add fe80::1 lladdr 00:00:5e:00:01:01 dev host nud permanent",
            "ip route add 203.0.113.1 via 10.0.0.1",
            "ip route add 2001:db8:ffff::1 via fe80::1 dev host",
        ] {
            lab.host_ok(command);
        }
        eventually("carrier", || ok("ip link show dev lan").contains("state UP"));
        lab.lan = number_of("lan");
        lab
    }

    /// Starts a command on the host.
    pub fn host(&self, command: &str) -> Command {
        let mut words = Command::new("nsenter");
        words.args(["-n", "-t", &self.host.id().to_string()]).args(command.split_whitespace());
        words
    }

    pub fn host_ok(&self, command: &str) -> String {
        let output = self.host(command).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Whether a ping from the host is answered, on a machine that may be busy.
    pub fn reaches(&self, address: &str) -> bool {
        self.pings(address, "3")
    }

    /// Whether a ping from the host remains unanswered.
    pub fn misses(&self, address: &str) -> bool {
        !self.pings(address, "0.5")
    }

    fn pings(&self, address: &str, seconds: &str) -> bool {
        self.host(&format!("ping -n -c 1 -W {seconds} {address}")).output().unwrap().status.success()
    }

    /// Listens on the host's wire until dropped; gives what was heard, one line a frame.
    pub fn capture(&self, filter: &str) -> Capture {
        let mut command = self.host("tcpdump -lnnve -i host --immediate-mode");
        let mut child = command.arg(filter).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Only what comes after this line is heard.
        let mut words = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(words.any(|line| line.unwrap().contains("listening on")), "tcpdump does not listen");
        Capture(child)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.host.kill().ok();
        self.host.wait().ok();
    }
}

/// A running tcpdump.
pub struct Capture(Child);

impl Capture {
    /// Everything heard so far.
    pub fn heard(mut self) -> String {
        std::thread::sleep(Duration::from_millis(200));
        let pid = self.0.id().to_string();
        Command::new("kill").args(["-INT", &pid]).status().unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut self.0.stdout.take().unwrap(), &mut text).unwrap();
        self.0.wait().unwrap();
        text
    }
}

/// Runs a command in the router.
pub fn run(command: &str) -> Output {
    let mut words = command.split_whitespace();
    Command::new(words.next().unwrap()).args(words).output().unwrap()
}

/// Runs a command in the router that must succeed, and gives its output.
pub fn ok(command: &str) -> String {
    let output = run(command);
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn number_of(name: &str) -> u32 {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    rustix::net::netdevice::name_to_index(socket, name).unwrap()
}

/// Waits up to five seconds for something to come true.
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    assert!(within(Duration::from_secs(5), condition), "did not happen: {what}");
}

pub fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if began.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What the kernel has, to be compared before and after.
pub fn state() -> String {
    let links = ok("ip -j link");
    let addresses = ok("ip -j addr");
    let routes = ok("ip route show table all") + &ok("ip -6 route show table all");
    format!("{}\n{links}\n{addresses}\n{routes}", ok("nft list ruleset"))
}

/// Holdings of one address with the virtual MAC of the lab.
pub fn holdings(ip: &str, presence: Presence) -> Holdings {
    let ip: IpAddr = ip.parse().unwrap();
    let answer = if presence == Presence::OnInterface { Answer::Silent } else { Answer::With(VMAC) };
    let address =
        VirtualAddress { prefix: if ip.is_ipv4() { 24 } else { 64 }, presence, answer, router: true };
    let forward = if presence == Presence::OnInterface { [].into() } else { [(VMAC, Share::Whole)].into() };
    Holdings {
        forward,
        addresses: [(ip, address)].into(),
        lease: Duration::from_secs(3),
        ..Holdings::default()
    }
}

/// A kernel thread with somebody who plays the event loop.
pub struct Router {
    pub thread: KernelThread,
    pub events: Vec<KernelEvent>,
    tickets: u64,
    beating: Arc<AtomicBool>,
    beater: Option<std::thread::JoinHandle<()>>,
    ended: Arc<AtomicBool>,
}

impl Router {
    pub fn start(guardian: Option<Sender>) -> Self {
        let heartbeat = Arc::new(Heartbeat::default());
        let options = Options { heartbeat: heartbeat.clone(), watch: Watch::All, guardian: guardian.clone() };
        let thread = KernelThread::start(options).unwrap();
        let beating = Arc::new(AtomicBool::new(true));
        let ended = Arc::new(AtomicBool::new(false));
        let (is_beating, has_ended) = (beating.clone(), ended.clone());
        let beater = std::thread::spawn(move || {
            while !has_ended.load(Ordering::Relaxed) {
                if is_beating.load(Ordering::Relaxed) {
                    heartbeat.beat(Clock::now());
                    if let Some(guardian) = &guardian {
                        guardian.alive();
                    }
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Router { thread, events: Vec::new(), tickets: 0, beating, beater: Some(beater), ended }
    }

    pub fn beat(&self, on: bool) {
        self.beating.store(on, Ordering::Relaxed);
    }

    /// Waits for the first report that `wanted` takes.
    pub fn wait<T>(&mut self, what: &str, mut wanted: impl FnMut(&Report) -> Option<T>) -> T {
        let mut found = None;
        eventually(what, || {
            while let Some(report) = self.thread.try_report() {
                if let Report::Kernel(event) = &report {
                    self.events.push(event.clone());
                }
                found = wanted(&report);
                if found.is_some() {
                    return true;
                }
            }
            false
        });
        found.unwrap()
    }

    pub fn prepare(&mut self, link: u32) -> HoldResult {
        self.prepare_macs(vec![Preparation { link, macs: [VMAC].into(), ..Preparation::default() }])
    }

    pub fn prepare_macs(&mut self, links: Vec<Preparation>) -> HoldResult {
        self.thread.ask(Request::Prepare(links));
        self.wait("prepared", |report| match report {
            Report::Prepared(result) => Some(result.clone()),
            _ => None,
        })
    }

    pub fn hold(&mut self, group: u32, link: u32, holdings: Holdings) -> HoldResult {
        let group = GroupIndex(group);
        self.tickets += 1;
        self.thread.ask(Request::Hold(vec![Wish { group, ticket: self.tickets, link, holdings }]));
        self.wait("held", |report| match report {
            Report::Held { group: who, result, .. } if *who == group => Some(result.clone()),
            _ => None,
        })
    }

    pub fn release(&mut self, group: u32, link: u32) {
        self.hold(group, link, Holdings::none()).unwrap();
    }

    pub fn withdraw(&mut self) {
        self.thread.ask(Request::Withdraw);
        self.wait("withdrawn", |report| match report {
            Report::Withdrawn(result) => Some(result.clone()),
            _ => None,
        })
        .unwrap();
    }

    pub fn event<T>(&mut self, what: &str, mut wanted: impl FnMut(&KernelEvent) -> Option<T>) -> T {
        self.wait(what, |report| match report {
            Report::Kernel(event) => wanted(event),
            _ => None,
        })
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        self.beater.take().map(std::thread::JoinHandle::join);
    }
}
