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

use super::{LabError, sys};

/// Says to the second process that it is inside.
const INSIDE: &str = "FIRSTHOP_LAB_INSIDE";
/// Machines' files, in a `/run` that only the lab sees.
pub const WORK: &str = "/run/firsthop-lab";

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
    command.status().map_err(LabError::kernel(format!("start {} again", program.display())))
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
    let nothing = Path::new("none");
    let mount = |target: &str, kind: &str, flags| {
        sys::mount(nothing, Path::new(target), kind, flags)
            .map_err(LabError::kernel(format!("mount {kind} on {target}")))
    };
    mount("/", "", libc::MS_REC | libc::MS_PRIVATE)?;
    mount("/proc", "proc", libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC)?;
    mount("/run", "tmpfs", libc::MS_NOSUID | libc::MS_NODEV)
}
