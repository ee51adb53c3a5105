//! Routers on a switch, with hands and eyes for the tests.

use std::fs;
use std::net::IpAddr;
use std::num::NonZero;
use std::panic;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use firsthop::lab::{Advert, Answer, Deed, Lab, Options, Scenario};
use serde_json::Value;

use crate::common::possible;
use crate::frames::{self, Frame};

pub const FIRSTHOP: &str = env!("CARGO_BIN_EXE_firsthop");
/// How long to wait for the answers to a question.
const ANSWER: Duration = Duration::from_millis(60);
/// How long anything may take that has no bound of its own.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How much later than the protocol says may be blamed on the machine.
pub const BUSY: Duration = Duration::from_millis(150);

/// As long as the lease of a group that advertises every 10 ms, by a third.
const STANDSTILL: Duration = Duration::from_millis(10);

/// Nanoseconds of wall-clock time, as the captures have them.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub fn rest(milliseconds: u64) {
    thread::sleep(ms(milliseconds));
}

/// When even a real-time thread was not let run by a processor, and for how long.
fn standstills() -> &'static Mutex<Vec<(Instant, Duration)>> {
    static STANDSTILLS: OnceLock<Mutex<Vec<(Instant, Duration)>>> = OnceLock::new();
    STANDSTILLS.get_or_init(|| {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        for processor in 0..processors {
            thread::spawn(move || watch(processor));
        }
        Mutex::default()
    })
}

/// Watches one processor: a virtual machine may lose one and keep the others.
fn watch(processor: usize) {
    use rustix::thread::{CpuSet, gettid, sched_setaffinity};
    let mut only = CpuSet::new();
    only.set(processor);
    let number = gettid().as_raw_nonzero().to_string();
    // Without either, the watch sees less or more than it should; there is nothing better.
    let _ = sched_setaffinity(None, &only);
    let _ = Command::new("chrt").args(["-f", "-p", "45", &number]).output();
    let nap = ms(2);
    loop {
        let began = Instant::now();
        thread::sleep(nap);
        let over = began.elapsed().saturating_sub(nap);
        if over > STANDSTILL {
            standstills().lock().unwrap().push((began, over));
        }
    }
}

/// A test of something that has to be on time. If it fails while the whole machine stood still, it says nothing
/// about us and is tried again, three times in all; if it fails on a machine that ran, it fails.
pub fn steadily(test: fn()) {
    for attempt in 1.. {
        let began = Instant::now();
        standstills();
        let Err(failure) = panic::catch_unwind(test) else { return };
        let seen = standstills().lock().unwrap().clone();
        let worst = seen.into_iter().filter(|(at, _)| *at >= began).map(|(_, over)| over).max();
        match worst {
            Some(worst) if attempt < 3 => eprintln!("the machine stood still for {worst:?}: once more"),
            _ => panic::resume_unwind(failure),
        }
    }
}

/// The network of one test.
pub struct Stage {
    pub lab: Lab,
    captures: tempfile::TempDir,
}

impl Stage {
    /// Routers with these configurations, not yet running. `None`, with the reason said, if it cannot be
    /// built here.
    pub fn new(routers: &[(&str, &str)]) -> Option<Stage> {
        Stage::with_gateway("10.0.10.1", routers)
    }

    pub fn with_gateway(gateway: &str, routers: &[(&str, &str)]) -> Option<Stage> {
        if !possible("whole routers", &["ip", "ping", "nft", "bridge", "sh"]) {
            return None;
        }
        let mut text = format!("title = 'acceptance'\ngateway = '{gateway}'\n");
        for (name, config) in routers {
            text += &format!("[routers.{name}]\ndaemon = 'firsthop'\nconfig = '''\n{config}'''\n");
        }
        let scenario = Scenario::parse("acceptance", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
        let captures = tempfile::tempdir().unwrap();
        let options = Options {
            firsthop: PathBuf::from(FIRSTHOP),
            captures: Some(captures.path().to_owned()),
            work: None,
        };
        Some(Stage { lab: Lab::build(&scenario, options).unwrap(), captures })
    }

    /// Starts these daemons, and waits until each talks on its control socket.
    pub fn start(&mut self, routers: &[&str]) {
        for router in routers {
            self.lab.router(router).unwrap().start().unwrap();
        }
        for router in routers {
            self.until(&format!("{router} answers"), |stage| {
                stage.firsthop(router, &["show", "--json"]).status.success()
            });
        }
    }

    /// Waits until this is so.
    pub fn until(&mut self, what: &str, wanted: impl FnMut(&mut Stage) -> bool) -> Duration {
        self.within(what, PATIENCE, wanted)
    }

    /// Waits until this is so, but not for longer than that.
    pub fn within(
        &mut self,
        what: &str,
        patience: Duration,
        mut wanted: impl FnMut(&mut Stage) -> bool,
    ) -> Duration {
        let since = Instant::now();
        while !wanted(self) {
            if since.elapsed() > patience {
                let words: Vec<_> = self
                    .lab
                    .routers()
                    .map(|router| format!("{}:\n{}", router.node().name(), router.last_words()))
                    .collect();
                panic!("not within {patience:?}: {what}\n{}", words.join("\n"));
            }
            rest(5);
        }
        since.elapsed()
    }

    /// Whether this comes to be so within that time.
    pub fn try_within(&mut self, patience: Duration, mut wanted: impl FnMut(&mut Stage) -> bool) -> bool {
        let since = Instant::now();
        while !wanted(self) {
            if since.elapsed() > patience {
                return false;
            }
            rest(5);
        }
        true
    }

    /// Waits until the group is in this state on that router.
    pub fn state(&mut self, router: &str, group: &str, state: &str) -> Duration {
        self.until(&format!("{group} is {state} on {router}"), |stage| {
            stage.group(router, group)["state"] == state
        })
    }

    /// Runs our program on a router.
    pub fn firsthop(&mut self, router: &str, arguments: &[&str]) -> Output {
        let node = self.lab.router(router).unwrap().node();
        node.command(FIRSTHOP).unwrap().args(arguments).output().unwrap()
    }

    /// Runs a shell line on a router and gives what it printed; it may fail.
    pub fn try_shell(&mut self, router: &str, line: &str) -> Output {
        let node = match router {
            "h" => self.lab.host(),
            "s" => self.lab.server(),
            "switch" => self.lab.switch(),
            router => self.lab.router(router).unwrap().node(),
        };
        node.command("sh").unwrap().args(["-c", line]).output().unwrap()
    }

    /// Runs a shell line on a router and gives what it printed.
    pub fn shell(&mut self, router: &str, line: &str) -> String {
        let output = self.try_shell(router, line);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "`{line}` on {router}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Whether the host's pings are answered.
    pub fn pings(&mut self, address: &str) -> bool {
        self.try_shell("h", &format!("ping -n -c 1 -W 1 {address}")).status.success()
    }

    /// All groups of a router, as `show --json` has them.
    pub fn groups(&mut self, router: &str) -> Vec<Value> {
        let output = self.firsthop(router, &["show", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// One group of a router; null while there is none of that name.
    pub fn group(&mut self, router: &str, name: &str) -> Value {
        self.groups(router).into_iter().find(|group| group["name"] == name).unwrap_or_default()
    }

    /// A counter of a group.
    pub fn count(&mut self, router: &str, group: &str, counter: &str) -> u64 {
        counter_of(&self.group(router, group), counter)
    }

    /// A counter of a router's `lan`.
    pub fn link_count(&mut self, router: &str, counter: &str) -> u64 {
        let output = self.firsthop(router, &["links", "--json"]);
        let links: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
        links.iter().map(|link| counter_of(link, counter)).sum()
    }

    /// Everything that happened on a router, one JSON object each.
    pub fn events(&mut self, router: &str) -> Vec<Value> {
        let output = self.firsthop(router, &["events", "--json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The states that a group entered, with the reasons.
    pub fn transitions(&mut self, router: &str, group: &str) -> Vec<String> {
        let events = self.events(router);
        let of =
            events.iter().filter(|event| event["group"]["name"] == group && event["note"] == "transition");
        of.map(|event| format!("{}: {}", text(&event["to"]), text(&event["reason"]))).collect()
    }

    /// The remarks of this name that a group made.
    pub fn remarks(&mut self, router: &str, group: &str, name: &str) -> Vec<String> {
        let events = self.events(router);
        let of = events.iter().filter(|event| event["group"]["name"] == group && event["name"] == name);
        of.map(|event| text(&event["text"]).to_owned()).collect()
    }

    /// Writes a router's configuration anew; nobody reads it yet.
    pub fn configure(&mut self, router: &str, config: &str) {
        let room = self.lab.router(router).unwrap().node().room().unwrap().to_owned();
        fs::write(room.join("firsthop.toml"), config).unwrap();
    }

    /// Has a router read its new configuration.
    pub fn reload(&mut self, router: &str, config: &str) {
        self.configure(router, config);
        let output = self.firsthop(router, &["reload"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Asks once who has an address.
    pub fn who(&self, address: &str) -> Vec<Answer> {
        self.lab.who_answers(address.parse().unwrap(), ANSWER).unwrap()
    }

    /// Asks once who has an address, and names the routers that answer.
    pub fn who_is(&self, address: &str) -> Vec<String> {
        self.who(address).into_iter().map(|answer| answer.router).collect()
    }

    /// Does something to a router, and says when.
    pub fn fault(&mut self, deed: Deed, router: Option<&str>) -> u64 {
        self.lab.fault(deed, router).unwrap().at
    }

    /// Every advert of a group, by family, since that moment.
    pub fn adverts(&self, since: u64, vrid: u8) -> Vec<Advert> {
        let mut adverts = self.lab.adverts();
        adverts.retain(|advert| advert.at >= since && advert.vrid == vrid);
        adverts
    }

    /// Every frame that came into the switch since that moment.
    pub fn frames(&self, since: u64) -> Vec<Frame> {
        frames::read(&self.capture(), since)
    }

    /// The capture of every frame that came into the switch until now.
    pub fn capture(&self) -> PathBuf {
        // The last frames may still be on their way to the file.
        rest(80);
        self.lab.captures().unwrap();
        self.captures.path().join("segment.pcapng")
    }

    /// The MAC in the host's neighbour cache, if it is usable.
    pub fn cached(&mut self, address: &str) -> Option<String> {
        let line = self.shell("h", &format!("ip neigh show {address} dev eth0"));
        let words: Vec<_> = line.split_whitespace().collect();
        let place = words.iter().position(|word| *word == "lladdr")?;
        words.get(place + 1).map(|mac| (*mac).to_owned())
    }

    /// Puts a frame on the LAN as if the host had sent it.
    pub fn inject(&self, frames: &[Vec<u8>]) {
        let send = || {
            use rustix::net::{AddressFamily, SocketType, socket};
            let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
            let index = rustix::net::netdevice::name_to_index(socket, "eth0").unwrap();
            let socket = firsthop::net::socket::LinkSocket::open_mute(index).unwrap();
            for frame in frames {
                socket.send(frame).unwrap();
            }
        };
        self.lab.host().inside(send).unwrap();
    }
}

/// A counter of something that has counters.
pub fn counter_of(shown: &Value, name: &str) -> u64 {
    let counters = shown["counters"].as_array().cloned().unwrap_or_default();
    counters.iter().find(|counter| counter["name"] == name).and_then(|c| c["count"].as_u64()).unwrap_or(0)
}

/// A detail of something that has details.
pub fn detail_of<'a>(shown: &'a Value, name: &str) -> &'a str {
    let details = shown["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    details.iter().find(|detail| detail["name"] == name).map_or("", |detail| text(&detail["value"]))
}

/// A neighbour of a group.
pub fn neighbour_of(group: &Value, address: &str) -> Value {
    let all = group["neighbours"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|neighbour| neighbour["address"] == address).unwrap_or_default()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
