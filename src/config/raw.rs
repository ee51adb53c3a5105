//! The file as it is written: every table, every key, nothing judged yet.
//!
//! The doc comments in here are what editors show, by way of the JSON Schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

pub use self::carp::{Balancing, Carp, CounterUse, Demotion, UcarpTie};
pub use self::glbp::{Glbp, GlbpAuthentication, GlbpAuthenticationKind, LoadBalancing};
pub use self::hook::Hook;
pub use self::hsrp::{ChainKey, Hsrp, HsrpAuthentication, HsrpAuthenticationKind};
use super::reader::{Named, Read, Reader, Spanned, Value, table, words};
use super::value::{Address, MacChoice, Network, SecretText, TimeSpan};

mod carp;
mod glbp;
mod hook;
mod hsrp;

table! {
    /// Configuration of firsthop: redundancy groups by interface.
    pub struct File {
        /// Settings of the daemon itself.
        daemon: Daemon,
        /// What groups inherit unless they say otherwise.
        defaults: Defaults,
        /// Interfaces by name. A name with a dot needs quotes: `[[interface."eth0.10".vrrp]]`.
        interface: Named<Interface>,
    }
}

table! {
    /// Settings of the daemon itself.
    pub struct Daemon {
        /// Unix socket that `firsthop show` and the other commands speak to. Default: `/run/firsthop/control.sock`.
        control_socket: String,
        /// Group whose members may use the control socket; root always may. Default: nobody else.
        control_group: String,
        /// Whether the event loop asks the kernel for real-time scheduling. Default: true.
        real_time: bool,
        /// The least important messages that are logged. Default: `info`.
        log: LogLevel,
        /// How log lines are written. Default: `text`.
        log_format: LogFormat,
    }
}

words! {
    /// Importance of log messages.
    pub enum LogLevel {
        /// What makes the daemon fail.
        Error = "error",
        /// What an operator should look at.
        Warn = "warn",
        /// Transitions and their reasons.
        Info = "info",
        /// What was refused, and decisions along the way.
        Debug = "debug",
        /// Every frame.
        Trace = "trace",
    }
}

words! {
    /// Shape of log lines.
    pub enum LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

table! {
    /// What groups inherit, by protocol.
    pub struct Defaults {
        /// What VRRP groups inherit; everything but `id`, `name` and addresses.
        #[schemars(schema_with = "super::schema::inheritable::<Vrrp>")]
        vrrp: Vrrp,
        /// What CARP groups inherit; everything but `id`, `name` and addresses.
        #[schemars(schema_with = "super::schema::inheritable::<Carp>")]
        carp: Carp,
        /// What HSRP groups inherit; everything but `id`, `name` and addresses.
        #[schemars(schema_with = "super::schema::inheritable::<Hsrp>")]
        hsrp: Hsrp,
        /// What GLBP groups inherit; everything but `id`, `name` and addresses.
        #[schemars(schema_with = "super::schema::inheritable::<Glbp>")]
        glbp: Glbp,
    }
}

table! {
    /// The groups on one interface, by protocol.
    pub struct Interface {
        /// VRRP virtual routers.
        vrrp: Vec<Spanned<Vrrp>>,
        /// CARP virtual hosts.
        carp: Vec<Spanned<Carp>>,
        /// HSRP groups.
        hsrp: Vec<Spanned<Hsrp>>,
        /// GLBP groups.
        glbp: Vec<Spanned<Glbp>>,
    }
}

table! {
    /// A VRRP virtual router.
    pub struct Vrrp {
        /// Virtual router identifier, the same on all routers of the group.
        #[schemars(required, range(min = 1, max = 255))]
        id: i64,
        /// Name in logs and listings. Default: interface, protocol and number, such as `eth0 vrrp 10`.
        name: String,
        /// The virtual addresses, the same on all routers of the group. IPv6: the link-local one first.
        #[schemars(required, length(min = 1))]
        addresses: Vec<Spanned<Address>>,
        /// Addresses that are held and announced with the others but not advertised; of either family.
        excluded_addresses: Vec<Spanned<Address>>,
        /// VRRP version. Default: 3. `"2+3"` speaks both while a network changes over.
        version: Version,
        /// The highest on the segment becomes Active. Default: 100.
        #[schemars(range(min = 1, max = 255))]
        priority: i64,
        /// Whether the virtual addresses are this router's own, real addresses (priority 255). Default: false.
        owner: bool,
        /// Time between advertisements. Default: `1s`. Version 3: 10ms to 40.95s; version 2: whole seconds.
        advertise_interval: TimeSpan,
        /// Whether this router takes the role from a lower one. Default: true.
        preempt: bool,
        /// How long to wait before taking the role from a lower router; never delays a fail-over.
        preempt_delay: TimeSpan,
        /// How long to listen after start before taking part.
        startup_delay: TimeSpan,
        /// Whether packets to the virtual addresses themselves (ping, services) are accepted. Default: true.
        accept: bool,
        /// `true`: the protocol's virtual MAC (default); `false`: the interface's own; or a MAC of your choice.
        virtual_mac: MacChoice,
        /// Address to speak from. Default: the interface's first in the network of the virtual address.
        source: Address,
        /// Unicast peers, instead of multicast.
        peers: Vec<Spanned<Peer>>,
        /// Which checksum version 3 sends over IPv4. Default: `as-heard`.
        checksum: Checksum,
        /// Which checksums of version 3 over IPv4 are good. Default: `both`.
        accept_checksum: AcceptChecksum,
        /// How advertisements are authenticated. Default: not at all.
        authentication: Authentication,
        /// What to do with version 2 advertisements whose interval or addresses differ. Default: `discard`.
        on_mismatch: OnMismatch,
        /// Whether a version 2 Backup takes over the Active's interval. Default: false.
        learn_interval: bool,
        /// When gratuitous ARP and neighbour advertisements are sent again.
        announce: Announce,
        /// Whether neighbour advertisements say that this is a router; IPv6. Default: true.
        router: bool,
        /// Router advertisements to send while Active; IPv6.
        router_advertisement: RouterAdvertisement,
        /// Programs that are run when the role is taken and given up.
        hook: Hook,
    }
}

/// Which versions are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `2`
    Two,
    /// `3`
    Three,
    /// `"2+3"`
    Both,
}

impl Read for Version {
    fn read(_: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        let text = match value.get_ref() {
            DeValue::Integer(number) => number.to_string(),
            DeValue::String(text) => text.to_string(),
            other => other.type_str().to_owned(),
        };
        match text.as_str() {
            "2" => Some(Version::Two),
            "3" => Some(Version::Three),
            "2+3" | "3+2" => Some(Version::Both),
            _ => {
                let label = "2, 3 or, while changing over, \"2+3\"";
                reader.error(&value.span(), format!("there is no VRRP version {text}"), label);
                None
            }
        }
    }
}

impl JsonSchema for Version {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [2, 3, "2+3"] })
    }
}

/// A unicast peer: its address, or a table that says more.
#[derive(Debug, Clone, Default)]
pub struct Peer(pub PeerTable);

table! {
    /// A unicast peer.
    pub struct PeerTable {
        /// Where it is.
        #[schemars(required)]
        address: Address,
        /// The least TTL its advertisements may arrive with. Default: 255, on the same link.
        #[schemars(range(min = 1, max = 255))]
        min_ttl: i64,
    }
}

impl Read for Peer {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        if value.get_ref().is_table() {
            let peer = PeerTable::read(key, value, reader)?;
            if peer.address.is_none() && peer.unreadable.is_empty() {
                let label = "write `{ address = \"10.0.0.2\", min-ttl = 254 }`";
                reader.missing(&value.span(), "this peer has no `address`", label);
            }
            return Some(Peer(peer));
        }
        let address = Spanned::read(key, value, reader)?;
        Some(Peer(PeerTable { address: Some(address), ..PeerTable::default() }))
    }
}

impl JsonSchema for Peer {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Peer".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (address, table) = (generator.subschema_for::<Address>(), generator.subschema_for::<PeerTable>());
        json_schema!({ "anyOf": [address, table] })
    }
}

words! {
    /// Form of the version 3 checksum over IPv4.
    pub enum Checksum {
        /// What the neighbours understand, as far as heard; RFC 9568's until then.
        AsHeard = "as-heard",
        /// Over the message alone: RFC 9568, Cisco, Juniper, Arista.
        Rfc9568 = "rfc9568",
        /// With a pseudo-header: keepalived, FRR, MikroTik.
        PseudoHeader = "pseudo-header",
    }
}

words! {
    /// Good forms of the version 3 checksum over IPv4.
    pub enum AcceptChecksum {
        /// Either.
        Both = "both",
        /// The message alone.
        Rfc9568 = "rfc9568",
        /// With a pseudo-header.
        PseudoHeader = "pseudo-header",
    }
}

words! {
    /// What happens to a version 2 advertisement that differs.
    pub enum OnMismatch {
        /// It is discarded, as RFC 3768 says.
        Discard = "discard",
        /// It is obeyed, and the difference shown.
        Accept = "accept",
    }
}

table! {
    /// How advertisements are authenticated; all routers of the group alike.
    pub struct Authentication {
        /// Which way; the other keys depend on it.
        #[schemars(required)]
        kind: AuthenticationKind,
        /// `text`, `ah`: at most eight octets. `cisco-md5`: the key string.
        password: SecretText,
        /// A file that holds the password.
        password_file: String,
        /// `cisco-md5`, `hmac`: numbered keys. The first one signs, all are accepted.
        keys: Vec<Spanned<Key>>,
        /// `hmac`: how strictly. Default: `enforce`. A change-over goes from `receive-only` to `permissive` to `enforce`.
        mode: HmacMode,
        /// `hmac`: `monotonic` (default), `window`, or the width of the window: `10s`. A window needs synchronised clocks.
        anti_replay: AntiReplay,
    }
}

words! {
    /// Kinds of authentication.
    pub enum AuthenticationKind {
        /// A password in clear. Version 2.
        Text = "text",
        /// IP Authentication Header with HMAC-MD5. Version 2.
        Ah = "ah",
        /// Cisco's MD5. Version 2.
        CiscoMd5 = "cisco-md5",
        /// keepalived's HMAC-SHA-256 trailer. Every version.
        Hmac = "hmac",
    }
}

words! {
    /// How strictly the HMAC trailer is asked for.
    pub enum HmacMode {
        /// Send without; check what is signed.
        ReceiveOnly = "receive-only",
        /// Send signed; take both.
        Permissive = "permissive",
        /// Send signed; take nothing else.
        Enforce = "enforce",
    }
}

/// How replays are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AntiReplay {
    /// The sequence must increase.
    Monotonic,
    /// It must also lie near our clock: by this, or by the usual width.
    Window(Option<TimeSpan>),
}

impl Read for AntiReplay {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        match value.get_ref().as_str() {
            Some("monotonic") => Some(AntiReplay::Monotonic),
            Some("window") => Some(AntiReplay::Window(None)),
            Some(text)
                if TimeSpan::parse(text).is_none() && !text.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                let label = "one of \"monotonic\", \"window\" or a span of time such as \"10s\"";
                reader.error(&value.span(), format!("`{key}` cannot be \"{text}\""), label);
                None
            }
            _ => TimeSpan::read(key, value, reader).map(|width| AntiReplay::Window(Some(width))),
        }
    }
}

impl JsonSchema for AntiReplay {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AntiReplay".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let width = generator.subschema_for::<TimeSpan>();
        json_schema!({ "anyOf": [{ "enum": ["monotonic", "window"] }, width] })
    }
}

table! {
    /// A numbered key: its text here, in hexadecimal, or in a file.
    pub struct Key {
        /// Its number on the wire. `hmac`: 1 to 255.
        #[schemars(range(min = 0, max = 4_294_967_295_u32))]
        id: i64,
        /// The key as text.
        key: SecretText,
        /// The key in hexadecimal.
        key_hex: SecretText,
        /// A file that holds the key as text.
        key_file: String,
    }
}

table! {
    /// When gratuitous ARP and neighbour advertisements are sent again.
    pub struct Announce {
        /// Delays after the first announcement, ascending. Default: `["1s", "5s"]`.
        repeats: Vec<Spanned<TimeSpan>>,
        /// Pause between further announcements. Default: none are sent.
        refresh: TimeSpan,
        /// Shape of gratuitous ARP. Default: `request`.
        arp: ArpShape,
    }
}

words! {
    /// Shape of gratuitous ARP.
    pub enum ArpShape {
        /// Operation 1, as RFC 9568 and keepalived have it.
        Request = "request",
        /// Operation 2, as Cisco IOS has it.
        Reply = "reply",
        /// One of each.
        Both = "both",
    }
}

table! {
    /// Router advertisements of the virtual router. RFC 4861 §6.2.1.
    pub struct RouterAdvertisement {
        /// How long hosts keep the virtual router as default router. Default: three times `interval`.
        lifetime: TimeSpan,
        /// Longest time between two of them, 4s to 30m. Default: `10m`.
        interval: TimeSpan,
        /// Hosts get addresses by DHCPv6. Default: false.
        managed: bool,
        /// Hosts get other configuration by DHCPv6. Default: false.
        other: bool,
        /// Prefixes from which hosts make their addresses.
        prefixes: Vec<Spanned<Network>>,
    }
}
