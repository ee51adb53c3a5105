//! What the daemon runs. A plan that exists is complete and valid; nothing in it has to be checked again.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use fhrp::InterfaceAddress;

use super::claims::{Claims, collisions, followers};
use super::fault::Warning;
pub use super::raw::{LogFormat, LogLevel};
use super::reader::{Reader, Span, Spanned, Table, or};
use super::{carp, glbp, hook, hsrp, raw, schema, vrrp};
use crate::engine::group::Identity;
use crate::hook::Hook;

/// Where the control socket is, unless the file says otherwise.
pub const DEFAULT_CONTROL_SOCKET: &str = "/run/firsthop/control.sock";

/// Everything the daemon needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The daemon's own settings.
    pub daemon: Daemon,
    /// The groups, in the order of the file. Never empty.
    pub groups: Vec<GroupPlan>,
    /// What an operator should know about the file.
    pub warnings: Vec<Warning>,
}

/// The daemon's own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Unix socket for `show` and the other commands.
    pub control_socket: PathBuf,
    /// Group whose members may use it, besides root.
    pub control_group: Option<String>,
    /// Whether to ask the kernel for real-time scheduling.
    pub real_time: bool,
    /// The least important messages that are logged.
    pub log: LogLevel,
    /// The shape of log lines.
    pub log_format: LogFormat,
}

/// One redundancy group on one interface.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupPlan {
    /// The interface's name.
    pub interface: String,
    /// The group's name in logs and listings; unique.
    pub name: String,
    /// The protocol, and its settings.
    pub protocol: ProtocolPlan,
    /// Programs that are run when the role is taken and given up.
    pub hook: Option<Arc<Hook>>,
}

impl GroupPlan {
    /// Which group this is, across reloads.
    pub fn identity(&self) -> Identity {
        match &self.protocol {
            ProtocolPlan::Vrrp(config) => Identity {
                interface: self.interface.clone(),
                protocol: "vrrp",
                family: Some(config.family),
                id: config.vrid.into(),
            },
            ProtocolPlan::Carp(config) => Identity {
                interface: self.interface.clone(),
                protocol: "carp",
                family: None,
                id: config.vhid.into(),
            },
            ProtocolPlan::Hsrp(config) => Identity {
                interface: self.interface.clone(),
                protocol: "hsrp",
                family: Some(config.family),
                id: config.group,
            },
            ProtocolPlan::Glbp(config) => Identity {
                interface: self.interface.clone(),
                protocol: "glbp",
                family: Some(config.family),
                id: config.group,
            },
        }
    }
}

/// A protocol, with the settings of one group.
#[derive(Debug, Clone, PartialEq)]
pub enum ProtocolPlan {
    /// VRRP.
    Vrrp(::vrrp::Config),
    /// CARP.
    Carp(::carp::Config),
    /// HSRP.
    Hsrp(::hsrp::Config),
    /// GLBP.
    Glbp(::glbp::Config),
}

/// Makes a plan of a file; what is wrong with it goes to `reader`, and the plan counts only if nothing is.
pub(super) fn plan(file: &raw::File, reader: &mut Reader) -> Plan {
    let daemon = daemon(file.daemon.as_ref().map(|daemon| &daemon.value), reader);
    let defaults = Defaults::of(file, reader);
    let interfaces = file.interface.as_ref().map_or(&[][..], |interfaces| &interfaces.value.0);
    let mut groups = Vec::new();
    let mut claims = Vec::new();
    for (interface, tables) in interfaces {
        possible_interface(interface, reader);
        let mut add = |span: &Span, protocol, hook, claim: Claims| {
            let (interface, name) = (interface.value.clone(), claim.name.value.clone());
            groups.push((span.start, GroupPlan { interface, name, protocol, hook }));
            claims.push(claim);
        };
        for group in tables.value.vrrp.iter().flat_map(|groups| &groups.value) {
            let mut settings = group.value.clone();
            settings.inherit(&defaults.vrrp);
            let (config, claim) =
                vrrp::plan(&interface.value, &settings, &group.span, daemon.real_time, reader);
            let hook = hook::plan(&settings.hook, first(&config.addresses), reader);
            add(&group.span, ProtocolPlan::Vrrp(config), hook, claim);
        }
        for group in tables.value.carp.iter().flat_map(|groups| &groups.value) {
            let mut settings = group.value.clone();
            settings.inherit(&defaults.carp);
            let hosts = carp::plan(&interface.value, &settings, &group.span, daemon.real_time, reader);
            let address = hosts.first().and_then(|(config, _)| first(&config.addresses));
            let hook = hook::plan(&settings.hook, address, reader);
            for (config, claim) in hosts {
                add(&group.span, ProtocolPlan::Carp(config), hook.clone(), claim);
            }
        }
        for group in tables.value.hsrp.iter().flat_map(|groups| &groups.value) {
            let mut settings = group.value.clone();
            settings.inherit(&defaults.hsrp);
            let (config, claim) = hsrp::plan(&interface.value, &settings, &group.span, reader);
            let hook = hook::plan(&settings.hook, first(&config.addresses), reader);
            add(&group.span, ProtocolPlan::Hsrp(config), hook, claim);
        }
        for group in tables.value.glbp.iter().flat_map(|groups| &groups.value) {
            let mut settings = group.value.clone();
            settings.inherit(&defaults.glbp);
            let (config, claim) = glbp::plan(&interface.value, &settings, &group.span, reader);
            let hook = hook::plan(&settings.hook, first(&config.addresses), reader);
            add(&group.span, ProtocolPlan::Glbp(config), hook, claim);
        }
    }
    if groups.is_empty() && !reader.has_errors() {
        let at = file.interface.as_ref().map_or(0..0, |interfaces| interfaces.span.clone());
        let label = "a group is `[[interface.eth0.vrrp]]`, `id = 10`, `addresses = [\"10.0.10.1/24\"]`";
        reader.missing(&at, "there is no group in this file", label);
    }
    collisions(&claims, reader);
    followers(&claims, reader);
    groups.sort_by_key(|(at, _)| *at);
    Plan { daemon, groups: groups.into_iter().map(|(_, group)| group).collect(), warnings: Vec::new() }
}

/// The address that a group is known by.
fn first(addresses: &[InterfaceAddress]) -> Option<IpAddr> {
    addresses.first().map(|address| address.ip)
}

fn daemon(raw: Option<&raw::Daemon>, reader: &mut Reader) -> Daemon {
    let none = raw::Daemon::default();
    let raw = raw.unwrap_or(&none);
    if let Some(socket) = raw.control_socket.as_ref().filter(|socket| !socket.value.starts_with('/')) {
        let label = format!("an absolute path, such as \"{DEFAULT_CONTROL_SOCKET}\"");
        reader.error(&socket.span, format!("`{}` is a relative path", socket.value), label);
    }
    // sun_path of unix(7), with its final zero.
    if let Some(socket) = raw.control_socket.as_ref().filter(|socket| socket.value.len() > 107) {
        let message = format!("the path has {} octets", socket.value.len());
        reader.error(&socket.span, message, "a Unix socket's path has at most 107");
    }
    Daemon {
        control_socket: or(&raw.control_socket, DEFAULT_CONTROL_SOCKET.to_owned()).into(),
        control_group: raw.control_group.as_ref().map(|group| group.value.clone()),
        real_time: or(&raw.real_time, true),
        log: or(&raw.log, LogLevel::Info),
        log_format: or(&raw.log_format, LogFormat::Text),
    }
}

/// Whether Linux could have an interface of this name (`dev_valid_name` in net/core/dev.c).
fn possible_interface(name: &Spanned<String>, reader: &mut Reader) {
    let text = &name.value;
    let message = format!("no interface can be called `{text}`");
    if text.is_empty() || text.len() > 15 {
        reader.error(&name.span, message, "1 to 15 octets");
    } else if text == "."
        || text == ".."
        || text.contains(|c: char| c == '/' || c == ':' || c.is_whitespace())
    {
        reader.error(&name.span, message, "a name without slash, colon or blank");
    }
}

/// What groups inherit, by protocol.
#[derive(Default)]
struct Defaults {
    vrrp: raw::Vrrp,
    carp: raw::Carp,
    hsrp: raw::Hsrp,
    glbp: raw::Glbp,
}

impl Defaults {
    fn of(file: &raw::File, reader: &mut Reader) -> Defaults {
        let Some(defaults) = &file.defaults else { return Defaults::default() };
        let vrrp = defaults.value.vrrp.as_ref().map(|vrrp| vrrp.value.clone()).unwrap_or_default();
        let carp = defaults.value.carp.as_ref().map(|carp| carp.value.clone()).unwrap_or_default();
        let hsrp = defaults.value.hsrp.as_ref().map(|hsrp| hsrp.value.clone()).unwrap_or_default();
        let glbp = defaults.value.glbp.as_ref().map(|glbp| glbp.value.clone()).unwrap_or_default();
        let span = |addresses: &Option<Spanned<_>>| addresses.as_ref().map(|value| value.span.clone());
        let text = |name: &Option<Spanned<String>>| name.as_ref().map(|value| value.span.clone());
        let number = |id: &Option<Spanned<i64>>| id.as_ref().map(|value| value.span.clone());
        let own = [number(&vrrp.id), text(&vrrp.name), span(&vrrp.addresses), span(&vrrp.excluded_addresses)];
        nothing_of_its_own("vrrp", own, reader);
        nothing_of_its_own("carp", [number(&carp.id), text(&carp.name), span(&carp.addresses), None], reader);
        nothing_of_its_own("hsrp", [number(&hsrp.id), text(&hsrp.name), span(&hsrp.addresses), None], reader);
        nothing_of_its_own("glbp", [number(&glbp.id), text(&glbp.name), span(&glbp.addresses), None], reader);
        Defaults { vrrp, carp, hsrp, glbp }
    }
}

/// What belongs to one group cannot be everybody's default. `spans`: where it stands, in the order of
/// [`schema::OWN_KEYS`].
fn nothing_of_its_own(protocol: &str, spans: [Option<Span>; 4], reader: &mut Reader) {
    for (key, span) in schema::OWN_KEYS.iter().zip(spans) {
        if let Some(span) = span {
            let message = format!("`{key}` belongs to one group and cannot be inherited");
            reader.error(&span, message, format!("move it to its `[[interface.NAME.{protocol}]]`"));
        }
    }
}
