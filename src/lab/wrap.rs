//! Namespaces around the whole lab, so that however it ends, everything it started ends with it.
//!
//! The command starts itself again as process 1 of a new process namespace, in mount and network namespaces
//! of its own and, without root, in a user namespace where it is root. When process 1 dies, the kernel kills
//! everything in the namespace, and with the last process the networks are gone. Process 1 dies with the
//! thread that started it, and so with the terminal, a crash or a `kill -9`.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use rustix::process::{Pid, Signal, WaitOptions};
use tokio::signal::unix::{SignalKind, signal};

use super::LabError;
use crate::sys;

/// Says to the second process that it is inside.
const INSIDE: &str = "FIRSTHOP_LAB_INSIDE";
/// Machines' files, in a `/run` that only the lab sees.
pub const WORK: &str = "/run/firsthop-lab";

/// This process's number outside; only the `/proc` of outside knows it.
static OUTER_PROCESS: OnceLock<Option<u32>> = OnceLock::new();

/// The number under which others see this process.
pub(crate) fn process_number() -> u32 {
    OUTER_PROCESS.get().copied().flatten().unwrap_or_else(std::process::id)
}

/// Whether this process is the one inside.
pub fn is_inside() -> bool {
    env::var_os(INSIDE).is_some() && rustix::process::getpid().is_init()
}

/// Starts this program again with the same arguments, inside, and waits for it. Must be called while the
/// process has one thread.
///
/// # Errors
/// The kernel refuses namespaces; the message says which, and what usually helps.
pub fn run_again_inside() -> Result<ExitStatus, LabError> {
    let program = program()?;
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    let spaces = libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWNET;
    if user.is_root() {
        sys::unshare(spaces).map_err(LabError::kernel(
            "make mount, process and network namespaces (a container needs the capability CAP_SYS_ADMIN for it)",
        ))?;
    } else {
        sys::unshare(libc::CLONE_NEWUSER | spaces).map_err(LabError::kernel(
            "make a user namespace (run the lab with sudo, or allow user namespaces: sysctl \
             kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0)",
        ))?;
        become_root(user.as_raw(), group.as_raw())
            .map_err(LabError::kernel("become root in the user namespace (run the lab with sudo)"))?;
    }
    let mut command = Command::new(&program);
    command.args(arguments).env(INSIDE, "1");
    sys::die_with_us(&mut command);
    wait_for(command).map_err(LabError::kernel(format!("start {} again", program.display())))
}

/// Starts `command` and waits for its end; who asks us to end asks it. On this thread alone: a process whose
/// children will be in another process namespace cannot start threads.
fn wait_for(command: Command) -> io::Result<ExitStatus> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut child = tokio::process::Command::from(command).spawn()?;
        let process = child.id().and_then(|number| Pid::from_raw(number as i32));
        loop {
            tokio::select! {
                status = child.wait() => return status,
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if let Some(process) = process {
                // It may have ended by itself in between.
                let _ = rustix::process::kill_process(process, Signal::TERM);
            }
        }
    })
}

/// Sets `stop` when the user types Ctrl-C or somebody asks this process to end. For the inside.
///
/// # Errors
/// The kernel refuses a thread, for example.
pub fn listen(stop: &Arc<AtomicBool>) -> Result<(), LabError> {
    let failed = || LabError::kernel("listen for signals");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed())?;
    let both =
        runtime.block_on(async { Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)) });
    let (mut terminate, mut interrupt) = both.map_err(failed())?;
    let stop = stop.clone();
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        stop.store(true, Ordering::Relaxed);
    };
    thread::Builder::new().name("signals".to_owned()).spawn(wait).map(drop).map_err(failed())
}

fn become_root(user: u32, group: u32) -> io::Result<()> {
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    // Without this the kernel does not let anybody map groups.
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}

/// The path of this program's file.
///
/// # Errors
/// `/proc` is not there.
pub fn program() -> Result<PathBuf, LabError> {
    env::current_exe().map_err(LabError::kernel("find this program's own file"))
}

/// Makes the inside habitable: mounts of its own, a `/proc` that shows its processes, an empty `/run`.
///
/// # Errors
/// The kernel refuses a mount.
pub fn furnish() -> Result<(), LabError> {
    OUTER_PROCESS.get_or_init(|| fs::read_link("/proc/self").ok()?.to_str()?.parse().ok());
    let nothing = Path::new("none");
    let mount = |target: &str, kind: &str, flags| {
        sys::mount(nothing, Path::new(target), kind, flags)
            .map_err(LabError::kernel(format!("mount {kind} on {target}")))
    };
    mount("/", "", libc::MS_REC | libc::MS_PRIVATE)?;
    mount("/proc", "proc", libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC)?;
    mount("/run", "tmpfs", libc::MS_NOSUID | libc::MS_NODEV)
}

/// Process 1 is the parent of every orphan: waits for those that are dead, except `known` ones, for which
/// somebody else does. A dead process that nobody waits for keeps its number, and a daemon that finds it in a
/// pid file takes it for alive.
pub(crate) fn reap_orphans(known: &[Pid]) {
    if !is_inside() {
        return;
    }
    let Ok(entries) = fs::read_dir("/proc") else { return };
    for entry in entries.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| Pid::from_raw(name.parse().ok()?))
        else {
            continue;
        };
        let status = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name, in parentheses, may hold anything.
        let after_name = status.rsplit_once(')').map_or("", |(_, rest)| rest);
        if after_name.trim_start().starts_with("Z 1 ") && !known.contains(&process) {
            // Nothing is to be done if it is gone.
            let _ = rustix::process::waitpid(Some(process), WaitOptions::NOHANG);
        }
    }
}
