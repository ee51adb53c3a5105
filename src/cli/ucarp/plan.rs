//! From ucarp's command line to what a file would have said.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carp::Config;
use carp::config::{Destination, Interval, announcements};
use carp::wire::{MULTICAST_V4, MULTICAST_V6};
use fhrp::{InterfaceAddress, Secret};
use nix::net::if_::InterfaceFlags;
use thiserror::Error;
use zeroize::Zeroizing;

use super::UcarpArgs;
use crate::config::plan::{Daemon, GroupPlan, LogFormat, LogLevel, Plan, ProtocolPlan};
use crate::hook::Hook;
use crate::log::syslog::Facility;

/// Where control sockets are, one for each virtual host.
const SOCKETS: &str = "/run/firsthop";
/// What ucarp has room for.
const LONGEST_PASSWORD: usize = 19;
/// More of a file of passwords is not looked at.
const LONGEST_LINE: u64 = 4096;

/// Why ucarp would not start.
#[derive(Debug, Error)]
pub enum Fault {
    /// An option is missing.
    #[error("{0} must be given")]
    Missing(&'static str),
    /// An option cannot be.
    #[error("{option} is {value}: {why}")]
    Wrong {
        /// Its name.
        option: &'static str,
        /// What was given.
        value: String,
        /// What can be given.
        why: &'static str,
    },
    /// The file with the password.
    #[error("cannot read the password from {}: {error}", path.display())]
    PasswordFile {
        /// Which one.
        path: PathBuf,
        /// The system's word.
        error: std::io::Error,
    },
    /// There is no interface.
    #[error("there is no interface{}", .0.as_ref().map_or_else(|| " that is up".to_owned(), |it| format!(" {it}")))]
    Interface(Option<String>),
}

impl Fault {
    /// Whether the command line is right, and the machine is not.
    pub fn is_of_machine(&self) -> bool {
        matches!(self, Fault::Interface(_))
    }
}

fn wrong<T>(option: &'static str, value: impl fmt::Display, why: &'static str) -> Result<T, Fault> {
    Err(Fault::Wrong { option, value: value.to_string(), why })
}

/// What is run, and what the operator should know about it.
pub fn plan(args: &UcarpArgs) -> Result<(Plan, Vec<String>), Fault> {
    let mut remarks = Vec::new();
    let config = config(args, &mut remarks)?;
    let interface = interface(args)?;
    if args.ignoreifstate {
        remarks.push("--ignoreifstate has no effect: a router without a carrier is no master".to_owned());
    }
    if let Some(file) = args.passfile.as_ref().filter(|file| is_open(file)) {
        remarks.push(format!("everybody may read {}", file.display()));
    }
    if let Err(unknown) = Facility::named(&args.facility) {
        remarks.push(unknown);
    }
    let group = GroupPlan {
        name: format!("{interface} carp {}", config.vhid),
        hook: hook(args, &config),
        protocol: ProtocolPlan::Carp(config.clone()),
        interface: interface.clone(),
    };
    let daemon = Daemon {
        control_socket: std::env::var_os("FIRSTHOP_SOCKET").map_or_else(
            || Path::new(SOCKETS).join(format!("ucarp-{interface}-{}.sock", config.vhid)),
            PathBuf::from,
        ),
        control_group: None,
        real_time: true,
        log: if args.debug { LogLevel::Debug } else { LogLevel::Info },
        log_format: LogFormat::Text,
    };
    Ok((Plan { daemon, groups: vec![group], warnings: Vec::new() }, remarks))
}

fn config(args: &UcarpArgs, remarks: &mut Vec<String>) -> Result<Config, Fault> {
    let source = args.srcip.ok_or(Fault::Missing("--srcip"))?;
    let address = args.addr.ok_or(Fault::Missing("--addr"))?;
    let vhid = match u8::try_from(args.vhid.ok_or(Fault::Missing("--vhid"))?) {
        Ok(vhid @ 1..) => vhid,
        _ => return wrong("--vhid", args.vhid.unwrap_or_default(), "1 to 255"),
    };
    let dead_ratio = match u8::try_from(args.deadratio) {
        Ok(ratio @ 1..) => ratio,
        _ => return wrong("--deadratio", args.deadratio, "1 to 255"),
    };
    let interval = Interval {
        base: cut("--advbase", args.advbase, remarks),
        skew: cut("--advskew", args.advskew, remarks),
    };
    if interval == (Interval { base: 0, skew: 0 }) || interval == Interval::GOODBYE {
        return wrong("--advbase", interval, "not both 0, and not both 255");
    }
    let group = args.mcast.map_or(MULTICAST_V4, Into::into);
    if !group.is_multicast() {
        return wrong("--mcast", group, "a multicast group");
    }
    let virtual_address = InterfaceAddress { ip: address.into(), prefix: 32 };
    Ok(Config {
        interval,
        dead_ratio,
        preempt: args.preempt,
        virtual_mac: None,
        addresses_by_hook: true,
        sources: vec![source.into()],
        destination: Destination::Multicast { v4: group, v6: MULTICAST_V6 },
        broadcast: args.nomcast,
        announcements: announcements(interval),
        ..Config::new(vhid, password(args)?, vec![virtual_address])
    })
}

/// ucarp keeps the low eight bits.
fn cut(option: &str, given: u64, remarks: &mut Vec<String>) -> u8 {
    let kept = given.to_le_bytes()[0];
    if u64::from(kept) != given {
        remarks.push(format!("{option} {given} is {kept} to ucarp, and so it is here: 0 to 255"));
    }
    kept
}

fn password(args: &UcarpArgs) -> Result<Secret, Fault> {
    let secret = match (&args.passfile, &args.pass) {
        (Some(path), _) => {
            first_line(path).map_err(|error| Fault::PasswordFile { path: path.clone(), error })?
        }
        (None, Some(pass)) => Secret::new(pass.as_bytes()),
        (None, None) => return Err(Fault::Missing("--pass or --passfile")),
    };
    match secret.expose().len() {
        0 => wrong("the password", "empty", "1 to 19 characters"),
        length if length > LONGEST_PASSWORD => {
            wrong("the password", format!("{length} characters long"), "19 at most")
        }
        _ => Ok(secret),
    }
}

/// Whether others than its owner and group may read a file.
fn is_open(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
}

/// Without the line's end; a carriage return is part of the password, as in ucarp.
fn first_line(path: &Path) -> std::io::Result<Secret> {
    let mut line = Zeroizing::new(Vec::new());
    BufReader::new(std::fs::File::open(path)?.take(LONGEST_LINE)).read_until(b'\n', &mut line)?;
    let text = line.strip_suffix(b"\n").unwrap_or(&line);
    Ok(Secret::new(text))
}

/// The down-script is run at the end whether or not `--shutdown` is there: without, ucarp leaves the address behind.
fn hook(args: &UcarpArgs, config: &Config) -> Option<Arc<Hook>> {
    if args.upscript.is_none() && args.downscript.is_none() {
        return None;
    }
    Some(Arc::new(Hook {
        up: args.upscript.clone(),
        down: args.downscript.clone(),
        address: config.addresses.first().map(|address| address.ip.to_string()).unwrap_or_default(),
        argument: args.xparam.clone(),
        at_start: !args.neutral,
        at_exit: true,
        timeout: None,
    }))
}

/// The interface that was named, or the first that is up and no loopback.
fn interface(args: &UcarpArgs) -> Result<String, Fault> {
    if let Some(name) = &args.interface {
        return match nix::net::if_::if_nametoindex(name.as_str()) {
            Ok(_) => Ok(name.clone()),
            Err(_) => Err(Fault::Interface(Some(name.clone()))),
        };
    }
    let is_usable = |flags: InterfaceFlags| {
        flags.contains(InterfaceFlags::IFF_UP) && !flags.contains(InterfaceFlags::IFF_LOOPBACK)
    };
    let mut found = nix::ifaddrs::getifaddrs().map_err(|_| Fault::Interface(None))?;
    let first = found.find(|interface| is_usable(interface.flags));
    first.map(|interface| interface.interface_name).ok_or(Fault::Interface(None))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use clap::{Args, FromArgMatches};

    use super::*;

    fn args(line: &[&str]) -> UcarpArgs {
        let command = UcarpArgs::augment_args(clap::Command::new("ucarp"));
        let found = command.try_get_matches_from(std::iter::once(&"ucarp").chain(line)).unwrap();
        UcarpArgs::from_arg_matches(&found).unwrap()
    }

    const USUAL: [&str; 10] = ["-i", "lo", "-s", "192.0.2.2", "-v", "10", "-p", "secret", "-a", "192.0.2.1"];

    fn planned(more: &[&str]) -> (Config, Option<Arc<Hook>>, Vec<String>) {
        let (mut plan, remarks) = plan(&args(&[&USUAL, more].concat())).unwrap();
        let group = plan.groups.remove(0);
        assert_eq!((group.interface.as_str(), group.name.as_str()), ("lo", "lo carp 10"));
        match group.protocol {
            ProtocolPlan::Carp(config) => (config, group.hook, remarks),
            other => panic!("{other:?}"),
        }
    }

    fn refused(line: &[&str]) -> String {
        let fault = plan(&args(line)).unwrap_err();
        assert_eq!(fault.is_of_machine(), line.contains(&"nonesuch"), "{fault}");
        fault.to_string()
    }

    #[test]
    fn the_least_is_a_host_as_ucarps() {
        let (config, hook, remarks) = planned(&[]);
        assert_eq!((config.vhid, config.interval, config.dead_ratio), (10, Interval { base: 1, skew: 0 }, 3));
        assert_eq!(config.addresses[0].to_string(), "192.0.2.1/32");
        assert_eq!(config.sources, ["192.0.2.2".parse::<std::net::IpAddr>().unwrap()]);
        assert_eq!(config.password.expose(), b"secret");
        assert!(config.virtual_mac.is_none() && config.addresses_by_hook);
        assert!(!config.preempt && !config.broadcast);
        assert_eq!(config.destination, Destination::default());
        assert!(hook.is_none() && remarks.is_empty());
    }

    #[test]
    fn every_option_arrives() {
        let (config, hook, _) = planned(&[
            "--preempt",
            "--advbase=2",
            "-k",
            "100",
            "--deadratio",
            "5",
            "--mcastip",
            "224.0.0.99",
            "-M",
            "--upscript=/etc/up",
            "-d",
            "/etc/down",
            "-x",
            "two words",
            "-n",
            "-z",
            "-D",
            "-S",
        ]);
        assert_eq!((config.interval, config.dead_ratio), (Interval { base: 2, skew: 100 }, 5));
        assert!(config.preempt && config.broadcast);
        let group = "224.0.0.99".parse().unwrap();
        assert_eq!(config.destination, Destination::Multicast { v4: group, v6: MULTICAST_V6 });
        assert_eq!(config.announcements.repeats, [config.interval.length() * 2]);
        let hook = hook.unwrap();
        assert_eq!(hook.up.as_deref(), Some(Path::new("/etc/up")));
        assert_eq!(hook.down.as_deref(), Some(Path::new("/etc/down")));
        assert_eq!((hook.address.as_str(), hook.argument.as_deref()), ("192.0.2.1", Some("two words")));
        assert!(!hook.at_start && hook.at_exit && hook.timeout.is_none());
        assert_eq!(config.interval.patience(config.dead_ratio), Duration::new(10, 390_625_000));
    }

    #[test]
    fn numbers_are_cut_as_ucarp_cuts_them() {
        let (config, _, remarks) = planned(&["-b", "257", "-k", "300"]);
        assert_eq!(config.interval, Interval { base: 1, skew: 44 });
        assert_eq!(remarks[0], "--advbase 257 is 1 to ucarp, and so it is here: 0 to 255");
        assert_eq!(remarks.len(), 2);
    }

    #[test]
    fn options_may_be_shortened_and_repeated() {
        let (config, _, _) = planned(&["--pree"]);
        assert!(config.preempt);
        let (config, _, _) = planned(&["-k", "1", "-k", "2", "-P", "-P"]);
        assert_eq!(config.interval.skew, 2);
    }

    #[test]
    fn what_ucarp_refuses_is_refused() {
        for missing in [2, 4, 6, 8] {
            let mut line = USUAL.to_vec();
            line.drain(missing..missing + 2);
            assert!(refused(&line).contains("must be given"), "{line:?}");
        }
        let with = |more: &[&str]| refused(&[&USUAL, more].concat());
        assert_eq!(with(&["-v", "0"]), "--vhid is 0: 1 to 255");
        assert_eq!(with(&["-v", "256"]), "--vhid is 256: 1 to 255");
        assert_eq!(with(&["-r", "0"]), "--deadratio is 0: 1 to 255");
        assert!(with(&["-b", "0"]).contains("not both 0"));
        assert_eq!(with(&["-p", ""]), "the password is empty: 1 to 19 characters");
        assert_eq!(with(&["-p", "12345678901234567890"]), "the password is 20 characters long: 19 at most");
        assert_eq!(with(&["--mcast", "192.0.2.9"]), "--mcast is 192.0.2.9: a multicast group");
        assert_eq!(with(&["-i", "nonesuch"]), "there is no interface nonesuch");
        // Its help says so, and it does not know it itself.
        let command = UcarpArgs::augment_args(clap::Command::new("ucarp"));
        assert!(command.try_get_matches_from(["ucarp", "-m", "224.0.0.18"]).is_err());
    }

    #[test]
    fn the_password_is_the_first_line_of_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pass");
        let file = path.to_str().unwrap();
        for (text, password) in
            [("from-file\nmore\n", "from-file"), ("no end", "no end"), ("return\r\n", "return\r")]
        {
            std::fs::write(&path, text).unwrap();
            let (config, _, _) = planned(&["-o", file]);
            assert_eq!(config.password.expose(), password.as_bytes());
        }
        let set = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        set(0o644);
        assert_eq!(planned(&["-o", file]).2, [format!("everybody may read {file}")]);
        set(0o600);
        assert!(planned(&["-o", file]).2.is_empty());
        std::fs::write(&path, "\n").unwrap();
        assert!(refused(&[&USUAL[..], &["-o", file]].concat()).contains("empty"));
        let missing = refused(&[&USUAL[..], &["-o", "/nonexistent/pass"]].concat());
        assert!(missing.starts_with("cannot read the password from /nonexistent/pass"), "{missing}");
    }
}
