//! The whole lab: machines and cables, and the hand that cuts them.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use fhrp::{Family, InterfaceAddress, Mac};

use super::capture::{Capture, Memory, Purpose, Tap};
use super::hand::Cut;
use super::netlink;
use super::node::Node;
use super::router::Router;
use super::scenario::{self, Scenario};
use super::stream::{Stream, StreamLog};
use super::wire::{self, Advert, Answer};
use super::{LabError, now};
use crate::sys::PacketSocket;

/// The first host and the server have this number in their networks.
const FAR: usize = 100;
const SERVER_MAC: Mac = Mac([0x02, 0, 0, 0, 0, 0x65]);
const HOST_MAC: Mac = Mac([0x02, 0, 0, 0, 0, 0x64]);
/// Routers have MACs with these octets before their number, by network.
const LAN_MAC: u8 = 0x10;
const WAN_MAC: u8 = 0x20;

/// What a lab needs to know apart from the scenario.
#[derive(Debug, Clone)]
pub struct Options {
    /// Our own program, for routers that run it.
    pub firsthop: PathBuf,
    /// Where captures go; `None`: nothing is kept.
    pub captures: Option<PathBuf>,
    /// Where the machines' files go; `None`: a new directory for temporary files. Removed in the end.
    pub work: Option<PathBuf>,
}

/// A running lab. Dropping it removes everything.
pub struct Lab {
    pub(super) scenario: Scenario,
    pub(super) options: Options,
    memory: Memory,
    captures: BTreeMap<String, Capture>,
    streams: Vec<Stream>,
    pub(super) taps: BTreeMap<String, Tap>,
    asker: (PacketSocket, u32),
    pub(super) routers: BTreeMap<String, Router>,
    host: Node,
    other_hosts: Vec<Node>,
    server: Node,
    pub(super) switch: Node,
    pub(super) dark: BTreeSet<String>,
    pub(super) cuts: Vec<Cut>,
    pub(super) unplugged: BTreeSet<String>,
    pub(super) stopping: BTreeSet<String>,
    work: Work,
}

/// The directory of the machines' files; removed with this value.
struct Work(PathBuf);

impl Work {
    fn new(wished: Option<&Path>) -> Result<Self, LabError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let path = wished.map(Path::to_owned).unwrap_or_else(|| {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            env::temp_dir().join(format!("firsthop-lab-{}-{number}", process::id()))
        });
        fs::create_dir_all(&path).map_err(LabError::file(&path))?;
        Ok(Work(path))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // It lies among temporary files; nothing else can be done about it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Lab {
    /// Builds the network of a scenario; no daemon is started yet. Needs the rights of root, or a user
    /// namespace in which the caller is root.
    ///
    /// # Errors
    /// The kernel refuses, or a router's set-up command fails.
    pub fn build(scenario: &Scenario, options: Options) -> Result<Lab, LabError> {
        let work = Work::new(options.work.as_deref())?;
        if let Some(captures) = &options.captures {
            fs::create_dir_all(captures).map_err(LabError::file(captures))?;
        }
        let switch = Node::new("switch", None)?;
        switch.sysctls(&[("ipv6/conf/default/disable_ipv6", "1")])?;
        switch.ask(vec![netlink::add_bridge("lan"), netlink::add_bridge("wan")])?;
        let host = add_host(scenario, &switch, 0)?;
        let other_hosts = (1..scenario.hosts).map(|place| add_host(scenario, &switch, place));
        let other_hosts = other_hosts.collect::<Result<Vec<Node>, LabError>>()?;
        let server = Node::new("s", None)?;
        cable(&switch, &server, "wan", "eth0", SERVER_MAC)?;
        server.address("eth0", &scenario::numbered(&scenario::UPSTREAM, FAR))?;

        let index = host.interface("eth0")?;
        let socket = host
            .inside(|| PacketSocket::open(Duration::from_millis(1)))?
            .map_err(LabError::kernel("open a packet socket on the host"))?;

        let mut lab = Lab {
            scenario: scenario.clone(),
            options,
            memory: Memory::default(),
            captures: BTreeMap::new(),
            streams: Vec::new(),
            taps: BTreeMap::new(),
            asker: (socket, index),
            routers: BTreeMap::new(),
            host,
            other_hosts,
            server,
            switch,
            dark: BTreeSet::new(),
            cuts: Vec::new(),
            unplugged: BTreeSet::new(),
            stopping: BTreeSet::new(),
            work,
        };
        lab.tap("segment", &lab.switch, Purpose::Segment("-lan".into()))
            .map(|tap| lab.keep("segment", tap))?;
        lab.tap("server", &lab.server, Purpose::Server).map(|tap| lab.keep("server", tap))?;
        for (name, plan) in &scenario.routers {
            let room = lab.work.0.join(name);
            let router = Router::new(name, plan, room, &lab.options.firsthop)?;
            lab.install(name, router)?;
        }
        Ok(lab)
    }

    /// Connects a router and sets it up.
    pub(super) fn install(&mut self, name: &str, router: Router) -> Result<(), LabError> {
        let place = self.scenario.routers.keys().position(|known| known == name).unwrap_or(0) as u8;
        let mac = |link: u8| Mac([0x02, 0, 0, link, 0, place + 2]);
        cable(&self.switch, router.node(), "lan", "lan", mac(LAN_MAC))?;
        cable(&self.switch, router.node(), "wan", "wan", mac(WAN_MAC))?;
        let purpose = Purpose::Router(vec!["lan".into(), "wan".into()]);
        let tap = self.tap(name, router.node(), purpose)?;
        router.set_up()?;
        let wan = router.node().interface("wan")?;
        let servers = scenario::numbered(&scenario::UPSTREAM, FAR).into_iter();
        router
            .node()
            .ask(servers.map(|server| netlink::add_neighbour(wan, server.ip, SERVER_MAC)).collect())?;
        self.keep(name, tap);
        self.routers.insert(name.to_owned(), router);
        Ok(())
    }

    fn tap(&self, name: &str, node: &Node, purpose: Purpose) -> Result<(Tap, Option<Capture>), LabError> {
        let capture = match (&purpose, &self.options.captures, self.captures.get(name)) {
            (Purpose::Server, _, _) | (_, None, _) => None,
            (_, _, Some(capture)) => Some(capture.clone()),
            (_, Some(directory), None) => {
                let file = directory.join(format!("{name}.pcapng"));
                Some(Capture::create(&file, self.scenario.capture_stream)?)
            }
        };
        Ok((Tap::new(node, purpose, &self.memory, capture.clone())?, capture))
    }

    fn keep(&mut self, name: &str, (tap, capture): (Tap, Option<Capture>)) {
        self.taps.insert(name.to_owned(), tap);
        if let Some(capture) = capture {
            self.captures.insert(name.to_owned(), capture);
        }
    }

    /// Starts the daemons that do not run.
    ///
    /// # Errors
    /// One cannot be started.
    pub fn start(&mut self) -> Result<(), LabError> {
        self.routers.values_mut().try_for_each(Router::start)
    }

    /// Starts the streams from the hosts to the server.
    ///
    /// # Errors
    /// The kernel refuses a socket.
    pub fn start_stream(&mut self) -> Result<(), LabError> {
        let to = scenario::numbered(&scenario::UPSTREAM, FAR);
        let family = self.scenario.family();
        let to = to.iter().find(|address| Family::of(address.ip) == family);
        let to = to.map_or(self.scenario.gateway, |address| address.ip);
        let count = self.hosts().count();
        for (place, host) in [&self.host].into_iter().chain(&self.other_hosts).enumerate() {
            self.streams.push(Stream::start((host, place, count), &self.server, to, self.scenario.rate)?);
        }
        Ok(())
    }

    /// The scenario it was built from.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// A router by name.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn router(&mut self, name: &str) -> Result<&mut Router, LabError> {
        self.routers.get_mut(name).ok_or_else(|| LabError::Scenario(format!("there is no router {name}")))
    }

    /// The routers.
    pub fn routers(&self) -> impl Iterator<Item = &Router> {
        self.routers.values()
    }

    /// The first host on the LAN; its interface is `eth0`.
    pub fn host(&self) -> &Node {
        &self.host
    }

    /// All hosts.
    pub fn hosts(&self) -> impl Iterator<Item = &Node> {
        [&self.host].into_iter().chain(&self.other_hosts)
    }

    /// The server upstream; its interface is `eth0`.
    pub fn server(&self) -> &Node {
        &self.server
    }

    /// The switch; its LAN ports are `r1-lan`, `r2-lan`, …, `h-lan`.
    pub fn switch(&self) -> &Node {
        &self.switch
    }

    /// Every advert that the switch has taken so far, in order of arrival.
    pub fn adverts(&self) -> Vec<Advert> {
        let mut adverts = self.memory.look().adverts.clone();
        adverts.retain(|advert| !self.cuts.iter().any(|cut| cut.swallows(advert)));
        adverts
    }

    /// The stream packets of each host so far: when each was sent, and which arrived when.
    pub(crate) fn stream_logs(&self) -> Vec<StreamLog> {
        let log = |stream: &Stream| StreamLog {
            sent: stream.sent(),
            period: stream.period,
            ..StreamLog::default()
        };
        let mut logs: Vec<StreamLog> = self.streams.iter().map(log).collect();
        for (number, at, through) in &self.memory.look().arrivals {
            let (host, number) = wire::host_and_number(*number);
            let Some(log) = usize::try_from(host).ok().and_then(|host| logs.get_mut(host)) else { continue };
            log.arrived.push((number, *at));
            log.through.push(*through);
        }
        logs
    }

    /// The router whose upstream interface has this MAC.
    pub(crate) fn router_of(&self, mac: Mac) -> Option<&str> {
        let Mac([_, _, _, WAN_MAC, _, number]) = mac else { return None };
        let place = usize::from(number.checked_sub(2)?);
        self.scenario.routers.keys().nth(place).map(String::as_str)
    }

    /// Asks the LAN once who has `ip`, and gives the answers that came within `patience`.
    ///
    /// # Errors
    /// The question cannot be sent.
    pub fn who_answers(&self, ip: IpAddr, patience: Duration) -> Result<Vec<Answer>, LabError> {
        let asked = now();
        let (socket, interface) = &self.asker;
        socket.send(*interface, &wire::question(ip)).map_err(LabError::kernel(format!("ask for {ip}")))?;
        thread::sleep(patience);
        let seeing = self.memory.look();
        Ok(seeing.answers.iter().filter(|answer| answer.at >= asked && answer.ip == ip).cloned().collect())
    }

    /// Where the network namespace of each machine can be entered, in the `/proc` of whoever started the lab.
    pub fn doors(&self) -> Vec<(String, PathBuf)> {
        let routers = self.routers.values().map(Router::node);
        let nodes = self.hosts().chain([&self.server, &self.switch]).chain(routers);
        nodes.map(|node| (node.name().to_owned(), node.door())).collect()
    }

    /// Puts a comment on the next frame of every capture.
    pub fn comment(&self, text: &str) {
        self.captures.values().for_each(|capture| capture.comment(text.trim()));
    }

    /// Writes the captures out, and says where they are.
    ///
    /// # Errors
    /// The disk is full, for example.
    pub fn captures(&self) -> Result<Vec<PathBuf>, LabError> {
        self.captures.values().map(|capture| capture.flush().map(|()| capture.path().to_owned())).collect()
    }
}

/// A host on the LAN with a route to the server by way of the gateway.
fn add_host(scenario: &Scenario, switch: &Node, place: u32) -> Result<Node, LabError> {
    let (name, mac) = match place {
        0 => ("h".to_owned(), HOST_MAC),
        _ => (format!("h{}", place + 1), Mac([0x02, 0, 0, 0, 1, place as u8])),
    };
    let host = Node::new(&name, None)?;
    cable(switch, &host, "lan", "eth0", mac)?;
    host.address("eth0", &scenario::numbered(&scenario::LAN, FAR + place as usize))?;
    if let Some(time) = scenario.hosts_verify {
        let time = time.as_millis().to_string();
        let keys = ["base_reachable_time_ms", "retrans_time_ms"]
            .iter()
            .flat_map(|key| ["ipv4", "ipv6"].map(|family| format!("{family}/neigh/eth0/{key}")));
        let keys: Vec<String> = keys.collect();
        host.sysctls(&keys.iter().map(|key| (key.as_str(), time.as_str())).collect::<Vec<_>>())?;
        let delays = ["ipv4", "ipv6"].map(|family| format!("{family}/neigh/eth0/delay_first_probe_time"));
        host.sysctls(&delays.each_ref().map(|key| (key.as_str(), "1")))?;
    }
    let upstream = if scenario.family() == Family::Ipv4 { "10.0.20.0/24" } else { "2001:db8:20::/64" };
    let upstream: InterfaceAddress =
        upstream.parse().map_err(|error| LabError::Scenario(format!("{error}")))?;
    let index = host.interface("eth0")?;
    host.ask(vec![netlink::add_route(upstream, scenario.gateway, index)])?;
    Ok(host)
}

pub(super) fn port(machine: &str, bridge: &str) -> String {
    format!("{machine}-{bridge}")
}

fn cable(switch: &Node, machine: &Node, bridge: &str, peer: &str, mac: Mac) -> Result<(), LabError> {
    let index = switch.interface(bridge)?;
    let name = port(machine.name(), bridge);
    switch.ask(vec![netlink::add_cable(&name, index, peer, mac, machine.namespace())])
}
