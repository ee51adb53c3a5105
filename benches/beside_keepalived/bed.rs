//! Two routers in network namespaces, on as many links as their groups need.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::process;

/// Groups on one link, as the VRID is one octet.
pub const PER_LINK: usize = 255;
/// The interface numbers of the switch's ports to router `b` begin here.
pub const PORTS_OF_B: u32 = 2000;
/// Room for a network namespace to be taken down: thousands of links, if keepalived made them.
const TAKEN_DOWN: Duration = Duration::from_secs(120);

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The links and machines of one measurement.
pub struct Bed {
    number: u32,
    links: usize,
    switched: bool,
    room: PathBuf,
}

/// One of the machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// The better router.
    A,
    /// The other.
    B,
    /// The switch between them.
    Switch,
}

impl Bed {
    /// Builds one for so many groups. Without a switch the routers are connected by cables alone.
    pub fn build(groups: usize, switched: bool) -> Result<Bed> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let room = PathBuf::from(format!("/run/bed{number}"));
        std::fs::create_dir_all(&room)?;
        let bed = Bed { number, links: groups.div_ceil(PER_LINK), switched, room };
        for machine in bed.machines() {
            run("ip", &["netns", "add", &bed.name(*machine)])?;
        }
        bed.cable()?;
        for machine in [Machine::A, Machine::B] {
            bed.address(machine)?;
        }
        Ok(bed)
    }

    /// Where its files are.
    pub fn room(&self) -> &Path {
        &self.room
    }

    /// How many links there are.
    pub fn links(&self) -> usize {
        self.links
    }

    fn machines(&self) -> &'static [Machine] {
        if self.switched { &[Machine::A, Machine::B, Machine::Switch] } else { &[Machine::A, Machine::B] }
    }

    /// The name of a machine's namespace.
    pub fn name(&self, machine: Machine) -> String {
        let letter = match machine {
            Machine::A => 'a',
            Machine::B => 'b',
            Machine::Switch => 's',
        };
        format!("{letter}{}", self.number)
    }

    fn cable(&self) -> Result<()> {
        let (a, b) = (self.name(Machine::A), self.name(Machine::B));
        let mut lines = String::new();
        for link in 0..self.links {
            if self.switched {
                let port = PORTS_OF_B + link as u32;
                lines += &format!(
                    "link add br{link} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n\
                     link add a{link} type veth peer name eth{link} netns {a}\n\
                     link add b{link} index {port} type veth peer name eth{link} netns {b}\n"
                );
                for one in [format!("a{link}"), format!("b{link}")] {
                    lines += &format!("link set {one} master br{link} up\n");
                }
                lines += &format!("link set br{link} up\n");
            } else {
                lines += &format!("link add eth{link} type veth peer name eth{link} netns {b}\n");
            }
        }
        let builder = if self.switched { self.name(Machine::Switch) } else { a.clone() };
        batch(&builder, &lines)?;
        // Links that are gone when the kernel is done with the namespace at their other end.
        for machine in self.machines() {
            let name = self.name(*machine);
            let watch = self.watch(*machine);
            run("ip", &["link", "add", &watch, "type", "veth", "peer", "name", "watch", "netns", &name])?;
        }
        Ok(())
    }

    fn watch(&self, machine: Machine) -> String {
        format!("watch-{}", self.name(machine))
    }

    fn address(&self, machine: Machine) -> Result<()> {
        let host = if machine == Machine::A { 1 } else { 2 };
        self.inside(machine, || {
            // Less that is not what is measured: router solicitations, multicast listener reports.
            std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").ok();
            std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").ok();
            std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")
        })??;
        let mut lines = String::from("link set lo up\n");
        for link in 0..self.links {
            lines += &format!("link set eth{link} up\naddress add 10.{link}.255.{host}/16 dev eth{link}\n");
        }
        batch(&self.name(machine), &lines)
    }

    /// A command that will run on a machine.
    pub fn command(&self, machine: Machine, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(machine)]).arg(program).stdin(Stdio::null());
        command
    }

    /// Runs `work` on a thread inside a machine's namespace.
    pub fn inside<T: Send>(&self, machine: Machine, work: impl FnOnce() -> T + Send) -> Result<T> {
        let namespace = File::open(format!("/run/netns/{}", self.name(machine)))?;
        let enter = || -> Result<T> {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(work())
        };
        thread::scope(|scope| scope.spawn(enter).join().map_err(|_| anyhow!("a thread panicked"))?)
    }

    /// Every process on a machine.
    pub fn processes(&self, machine: Machine) -> Vec<rustix::process::Pid> {
        process::inside(Path::new(&format!("/run/netns/{}", self.name(machine))))
    }

    /// Frames that a router has sent on its real links.
    pub fn sent(&self, router: Machine) -> Result<u64> {
        let table = self.inside(router, || std::fs::read_to_string("/proc/thread-self/net/dev"))??;
        let counts = table.lines().filter_map(|line| {
            let (name, rest) = line.trim_start().split_once(':')?;
            name.starts_with("eth").then(|| rest.split_ascii_whitespace().nth(9)?.parse::<u64>().ok())?
        });
        Ok(counts.sum())
    }

    /// Waits until router `a` sends adverts for all groups.
    pub fn wait_for_master(&self, groups: usize, interval: Duration, started: Instant) -> Result<()> {
        // No router takes over earlier; until then it sends only what is not adverts.
        let earliest = started + interval * 3 + interval * 50 / 256;
        thread::sleep(earliest.saturating_duration_since(Instant::now()));
        let deadline = started + Duration::from_secs(60);
        let window = interval.max(Duration::from_millis(250));
        let wanted = groups as f64 * window.as_secs_f64() / interval.as_secs_f64();
        while Instant::now() < deadline {
            let before = self.sent(Machine::A)?;
            thread::sleep(window);
            if (self.sent(Machine::A)? - before) as f64 >= 0.9 * wanted {
                return Ok(());
            }
        }
        bail!("within a minute it did not advertise {groups} groups in time")
    }

    /// Router `a` loses power: nothing of it passes the switch any more, and its processes are gone.
    pub fn cut_power_of_a(&self) -> Result<()> {
        let ports: String = (0..self.links).map(|link| format!("link set dev a{link} state 0\n")).collect();
        feed(self.command(Machine::Switch, "bridge").args(["-batch", "-"]), &ports)?;
        self.kill(Machine::A);
        Ok(())
    }

    /// Kills every process on a machine, and waits for their end.
    fn kill(&self, machine: Machine) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let processes = self.processes(machine);
            if processes.is_empty() || Instant::now() > deadline {
                return;
            }
            for process in processes {
                // It may have ended by itself in between.
                let _ = kill_process(process, Signal::KILL);
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for machine in self.machines() {
            self.kill(*machine);
            let _ = run("ip", &["netns", "delete", &self.name(*machine)]);
        }
        // The next measurement must not pay for the taking down of this one.
        let deadline = Instant::now() + TAKEN_DOWN;
        let exists = |machine: &Machine| {
            let links = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
            links.contains(&format!("{}:", self.watch(*machine)))
        };
        while self.machines().iter().any(exists) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = std::fs::remove_dir_all(&self.room);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("run {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{program} {}: {}", arguments.join(" "), said.trim());
    }
    Ok(())
}

fn batch(namespace: &str, lines: &str) -> Result<()> {
    feed(Command::new("ip").args(["-n", namespace, "-batch", "-"]), lines)
}

/// Runs a command with `lines` on its standard input.
fn feed(command: &mut Command, lines: &str) -> Result<()> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(lines.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("a batch of commands: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
