//! The daemons a router can run: their files and command lines, and what `kill -9 the daemon` means for each.

use std::fs;
use std::path::Path;

use super::scenario::DaemonKind;
use crate::sys::GROUPS;

/// A daemon's files and programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Daemon {
    /// Directories to be made below `/run`.
    pub directories: &'static [&'static str],
    /// A file below `/run` by which the first program shows that the next may start.
    pub ready: Option<&'static str>,
    /// Files to be written to the router's room, which is `/run/lab` for the daemon.
    pub files: Vec<(&'static str, String)>,
    /// Command lines in the order they are started; the last one is the daemon proper.
    pub programs: Vec<Vec<String>>,
    /// Whether one process's death is the daemon's, so that its helpers can still act. The others restart
    /// what is killed, and count as dead only when all of their processes are.
    pub dies_alone: bool,
}

impl Daemon {
    /// What `kind` needs to run with this configuration. `firsthop` is our own program.
    pub(crate) fn new(kind: DaemonKind, config: &str, firsthop: &Path) -> Self {
        match kind {
            DaemonKind::Firsthop => Daemon {
                directories: &["firsthop"],
                ready: None,
                files: vec![("firsthop.toml", config.to_owned())],
                programs: vec![words(
                    &firsthop.display().to_string(),
                    &["run", "-c", "/run/lab/firsthop.toml"],
                )],
                dies_alone: true,
            },
            DaemonKind::Keepalived => Daemon {
                directories: &["keepalived"],
                ready: None,
                files: vec![("keepalived.conf", config.to_owned())],
                programs: vec![words(
                    "keepalived",
                    &[
                        "--dont-fork",
                        "--log-console",
                        "--log-detail",
                        "--vrrp",
                        "--use-file=/run/lab/keepalived.conf",
                        "--pid=/run/keepalived.pid",
                        "--vrrp_pid=/run/keepalived-vrrp.pid",
                    ],
                )],
                dies_alone: false,
            },
            DaemonKind::Frr => Daemon {
                directories: &["frr"],
                // Without it vrrpd asks again only after ten seconds.
                ready: Some("frr/zserv.api"),
                files: vec![
                    ("zebra.conf", String::new()),
                    ("vrrpd.conf", config.to_owned()),
                    (GROUPS, groups_with_root(&fs::read_to_string("/etc/group").unwrap_or_default())),
                ],
                programs: vec![frr("zebra"), frr("vrrpd")],
                dies_alone: false,
            },
            DaemonKind::Ucarp => Daemon {
                directories: &[],
                ready: None,
                files: Vec::new(),
                programs: vec![words("ucarp", &options(config))],
                dies_alone: true,
            },
            DaemonKind::None => Daemon {
                directories: &[],
                ready: None,
                files: Vec::new(),
                programs: Vec::new(),
                dies_alone: true,
            },
        }
    }
}

fn frr(program: &str) -> Vec<String> {
    words(
        &format!("/usr/lib/frr/{program}"),
        &[
            &format!("--config_file=/run/lab/{program}.conf"),
            &format!("--pid_file=/run/frr/{program}.pid"),
            "--socket=/run/frr/zserv.api",
            "--vty_socket=/run/frr",
            "--vty_addr=127.0.0.1",
            "--vty_port=0",
            "--user=root",
            "--group=root",
            "--log=stdout",
        ],
    )
}

/// FRR refuses to run as a user who is not in the group that it was built for, and nobody but root exists in
/// a user namespace.
fn groups_with_root(groups: &str) -> String {
    let line = |line: &str| match line.strip_prefix("frrvty:") {
        Some(_) if line.ends_with(':') => format!("{line}root\n"),
        Some(_) => format!("{line},root\n"),
        None => format!("{line}\n"),
    };
    groups.lines().map(line).collect()
}

/// A command line, an option on each line.
fn options(config: &str) -> Vec<&str> {
    config.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn words(program: &str, arguments: &[&str]) -> Vec<String> {
    std::iter::once(program).chain(arguments.iter().copied()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_joins_the_group_that_frr_insists_on() {
        let groups = "root:x:0:\nfrrvty:x:107:frr\nfrr:x:108:\n";
        assert_eq!(groups_with_root(groups), "root:x:0:\nfrrvty:x:107:frr,root\nfrr:x:108:\n");
        assert_eq!(groups_with_root("frrvty:x:107:\n"), "frrvty:x:107:root\n");
    }
}
