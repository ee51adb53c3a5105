//! A router: a machine with two interfaces that forwards, and the daemon on it.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::daemon::Daemon;
use super::node::Node;
use super::scenario::RouterPlan;
use super::{LabError, now};

/// How long a daemon may take to stop.
const STOP: Duration = Duration::from_secs(10);
/// How long a program may take to be ready for the next.
const READY: Duration = Duration::from_secs(5);

/// A router of the lab.
pub struct Router {
    plan: RouterPlan,
    daemon: Daemon,
    node: Node,
    running: Vec<Child>,
    frozen: bool,
}

impl Router {
    /// Makes the machine; its cables come later.
    pub(crate) fn new(
        name: &str,
        plan: &RouterPlan,
        room: PathBuf,
        firsthop: &Path,
    ) -> Result<Self, LabError> {
        let daemon = Daemon::new(plan.daemon, &plan.config, firsthop);
        let node = Node::new(name, Some(room.clone()))?;
        for directory in daemon.directories {
            fs::create_dir_all(room.join("run").join(directory)).map_err(LabError::file(&room))?;
        }
        for (file, text) in &daemon.files {
            let file = room.join(file);
            fs::write(&file, text).map_err(LabError::file(&file))?;
        }
        node.sysctls(&[
            ("ipv4/ip_forward", "1"),
            ("ipv6/conf/all/forwarding", "1"),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/default/rp_filter", "0"),
        ])?;
        Ok(Router { plan: plan.clone(), daemon, node, running: Vec::new(), frozen: false })
    }

    /// Its machine.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// How it was described.
    pub fn plan(&self) -> &RouterPlan {
        &self.plan
    }

    /// Puts the addresses on and runs the set-up commands; the cables are there.
    pub(crate) fn set_up(&self) -> Result<(), LabError> {
        self.node.address("lan", &self.plan.lan)?;
        self.node.address("wan", &self.plan.wan)?;
        for command in &self.plan.setup {
            let output = self
                .node
                .command("sh")?
                .args(["-ec", command])
                .stdin(Stdio::null())
                .output()
                .map_err(LabError::kernel(format!("run `{command}`")))?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(self.fault(format!("`{command}` failed: {}", said.trim())));
            }
        }
        Ok(())
    }

    /// Starts the daemon, unless it runs.
    ///
    /// # Errors
    /// A program of it cannot be started.
    pub fn start(&mut self) -> Result<(), LabError> {
        if self.is_running() {
            return Ok(());
        }
        let ready = self.ready();
        if let Some(stale) = ready.as_deref().filter(|file| file.exists()) {
            fs::remove_file(stale).map_err(LabError::file(stale))?;
        }
        for words in &self.daemon.programs {
            if !self.running.is_empty() {
                wait_for_file(ready.as_deref());
            }
            let Some((program, arguments)) = words.split_first() else { continue };
            let log = self.log(program)?;
            let errors = log.try_clone().map_err(LabError::kernel("share a log file"))?;
            let child = self
                .node
                .command(program)?
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(log)
                .stderr(errors)
                .spawn()
                .map_err(LabError::kernel(format!("start {program} on {}", self.node.name())))?;
            self.running.push(child);
        }
        Ok(())
    }

    fn ready(&self) -> Option<PathBuf> {
        Some(self.node.room()?.join("run").join(self.daemon.ready?))
    }

    /// Whether all of the daemon's programs run.
    pub fn is_running(&mut self) -> bool {
        self.running.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        !self.running.is_empty() && self.running.len() == self.daemon.programs.len()
    }

    /// The daemon's main process.
    pub fn main_process(&self) -> Option<Pid> {
        self.running.last().map(Pid::from_child)
    }

    /// The processes that it started itself and will wait for.
    pub(crate) fn children(&self) -> Vec<Pid> {
        self.running.iter().map(Pid::from_child).collect()
    }

    /// Kills the daemon, and leaves what it had a moment ago to the kernel and to its helpers.
    pub fn kill(&mut self) {
        if self.daemon.dies_alone {
            self.signal_main(Signal::KILL);
        } else {
            self.node.signal(Signal::KILL);
        }
        self.reap();
    }

    /// Kills everything, the processes in `known` without looking for them first.
    pub(crate) fn extinguish(&mut self, known: &[Pid]) {
        for process in known {
            // It may have ended by itself in between.
            let _ = rustix::process::kill_process(*process, Signal::KILL);
        }
        let deadline = Instant::now() + STOP;
        while !self.node.processes().is_empty() && Instant::now() < deadline {
            self.node.signal(Signal::KILL);
            self.reap();
            thread::sleep(Duration::from_millis(1));
        }
        self.reap();
    }

    /// Gives the daemon another configuration, which it does not read yet.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn configure(&self, config: &str) -> Result<(), LabError> {
        let (Some((file, _)), Some(room)) = (self.daemon.files.first(), self.node.room()) else {
            return Err(self.fault("it has no configuration".to_owned()));
        };
        let file = room.join(file);
        fs::write(&file, config).map_err(LabError::file(&file))
    }

    /// Asks the daemon to read its configuration again, and does not wait.
    pub fn ask_to_reload(&self) {
        self.signal_main(Signal::HUP);
    }

    /// Asks the daemon to stop, and does not wait.
    pub fn ask_to_stop(&self) {
        for child in &self.running {
            let _ = rustix::process::kill_process(Pid::from_child(child), Signal::TERM);
        }
    }

    /// Waits until the daemon has stopped.
    ///
    /// # Errors
    /// It does not stop within ten seconds; it is killed then.
    pub fn wait_for_stop(&mut self) -> Result<(), LabError> {
        let deadline = Instant::now() + STOP;
        loop {
            self.running.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
            if self.running.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                self.extinguish(&[]);
                return Err(self.fault(format!("the daemon did not stop within {} s", STOP.as_secs())));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Stops every process, or the daemon's main one.
    pub fn freeze(&mut self, only_daemon: bool) {
        self.frozen = true;
        if only_daemon {
            self.signal_main(Signal::STOP);
        } else {
            self.node.signal(Signal::STOP);
        }
    }

    /// Lets them go on.
    pub fn thaw(&mut self) {
        if std::mem::take(&mut self.frozen) {
            self.node.signal(Signal::CONT);
        }
    }

    /// Starts the daemon again if it is dead; waits for one that is about to stop.
    pub(crate) fn revive(&mut self, stopping: bool) -> Result<(), LabError> {
        self.thaw();
        if stopping {
            self.wait_for_stop()?;
        }
        if !self.is_running() {
            // A program without which the daemon is not whole must not outlive it.
            if !self.daemon.dies_alone {
                self.extinguish(&[]);
            }
            self.start()?;
        }
        Ok(())
    }

    /// Takes over from one that lost power: its room and plan, with a new kernel.
    pub(crate) fn booted(&self, firsthop: &Path) -> Result<Router, LabError> {
        let room = self.node.room().map(Path::to_owned).unwrap_or_default();
        // What was in /run is gone after a boot.
        let run = room.join("run");
        fs::remove_dir_all(&run).map_err(LabError::file(&run))?;
        Router::new(self.node.name(), &self.plan, room, firsthop)
    }

    /// The last lines that the daemon said.
    pub fn last_words(&self) -> String {
        let files = self.daemon.programs.iter().filter_map(|words| self.log_path(words.first()?));
        let texts = files.filter_map(|path| fs::read_to_string(path).ok());
        let lines: Vec<_> =
            texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    pub(crate) fn fault(&self, what: String) -> LabError {
        LabError::Daemon { router: self.node.name().to_owned(), what }
    }

    fn signal_main(&self, signal: Signal) {
        if let Some(process) = self.main_process() {
            let _ = rustix::process::kill_process(process, signal);
        }
    }

    fn reap(&mut self) {
        self.running.retain_mut(|child| child.wait().is_err());
    }

    fn log_path(&self, program: &str) -> Option<PathBuf> {
        let name = Path::new(program).file_name()?;
        Some(self.node.room()?.join(name).with_extension("log"))
    }

    fn log(&self, program: &str) -> Result<File, LabError> {
        let path = self.log_path(program).unwrap_or_else(|| PathBuf::from("/dev/null"));
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(LabError::file(&path))?;
        let line = format!("--- started at {} ---\n", now());
        std::io::Write::write_all(&mut file, line.as_bytes()).map_err(LabError::file(&path))?;
        Ok(file)
    }
}

/// Waits until `file` is there, but not for ever: the daemon's own log will say what is wrong.
fn wait_for_file(file: Option<&Path>) {
    let deadline = Instant::now() + READY;
    while file.is_some_and(|file| !file.exists()) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let known = self.node.processes();
        self.extinguish(&known);
    }
}
