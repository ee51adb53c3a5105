//! The tables of HSRP.

use super::super::reader::{Spanned, table, words};
use super::super::value::{Address, MacChoice, Moment, SecretText, TimeSpan};
use super::{Announce, Hook, RouterAdvertisement};

table! {
    /// An HSRP group.
    pub struct Hsrp {
        /// Group number, the same on all routers of the group. Version 1: at most 255.
        #[schemars(required, range(min = 0, max = 4095))]
        id: i64,
        /// Name in logs and listings. Default: interface, protocol and number, such as `eth0 hsrp 10`.
        name: String,
        /// The virtual addresses, the same on all routers of the group; the first one is advertised. IPv6: a link-local one
        /// is made of the number unless it is here. Left out: the IPv4 address is learnt from the active router.
        addresses: Vec<Spanned<Address>>,
        /// Name of the group whose state this one takes instead of an election of its own: it says nothing, and holds its
        /// addresses whenever that one does.
        follow: String,
        /// HSRP version, the same on all routers of the group. Default: 1 for IPv4, 2 for IPv6.
        #[schemars(range(min = 1, max = 2))]
        version: i64,
        /// The highest on the segment becomes active. Default: 100.
        #[schemars(range(min = 0, max = 255))]
        priority: i64,
        /// Time between hellos. Default: `3s`, or what the active router says.
        hello_time: TimeSpan,
        /// How long a router is believed to live without another hello. Default: `10s`, or what the active router says.
        hold_time: TimeSpan,
        /// Whether hellos leave up to a fifth early, so that routers do not fall into step. Default: true.
        jitter: bool,
        /// Whether this router takes the role from an active router of lower priority. Default: false.
        preempt: bool,
        /// Whether one of the same priority with a lower address counts as lower, too. Default: false.
        preempt_equal: bool,
        /// How long to wait before taking the role from a lower router; never delays a fail-over.
        preempt_delay: TimeSpan,
        /// The same for the first time after start. Default: `preempt-delay`.
        preempt_delay_after_start: TimeSpan,
        /// How long to wait at most for `firsthop ready`, which says that connection tracking or routes are in step. Default: 0s.
        preempt_delay_sync: TimeSpan,
        /// How long to do nothing after start, unless another router is heard.
        startup_delay: TimeSpan,
        /// How long to do nothing after the interface came up, unless another router is heard.
        link_up_delay: TimeSpan,
        /// `true`: the protocol's virtual MAC (default); `false`: the interface's own; or a MAC of your choice.
        virtual_mac: MacChoice,
        /// Address to speak from. Default: the interface's first in the network of the virtual address.
        source: Address,
        /// How routers prove themselves. Default: text, `cisco`, as Cisco's routers have it.
        authentication: HsrpAuthentication,
        /// Whether an active router answers a coup with a resign, as RFC 2281 says and Cisco's routers do not. Default: false.
        resign_on_coup: bool,
        /// Whether other routers are told that this interface runs HSRP, so that none redirects hosts to it. Default: true.
        interface_state: bool,
        /// Whether ICMP redirects may leave this interface, as they do elsewhere. Default: false.
        redirects: bool,
        /// When gratuitous ARP and neighbour advertisements are sent again.
        announce: Announce,
        /// Whether neighbour advertisements say that this is a router; IPv6. Default: true.
        router: bool,
        /// Router advertisements to send while active; IPv6.
        router_advertisement: RouterAdvertisement,
        /// Programs that are run when the role is taken and given up.
        hook: Hook,
    }
}

table! {
    /// How routers of an HSRP group prove themselves; all alike.
    pub struct HsrpAuthentication {
        /// Which way.
        #[schemars(required)]
        kind: HsrpAuthenticationKind,
        /// `text`: at most eight octets. `md5`: the key string.
        password: SecretText,
        /// A file that holds the password.
        password_file: String,
        /// `md5`: the keys of a chain. The lowest number that may sign does; all that may be are believed.
        keys: Vec<Spanned<ChainKey>>,
    }
}

words! {
    /// Kinds of authentication in HSRP.
    pub enum HsrpAuthenticationKind {
        /// A text in clear.
        Text = "text",
        /// Keyed MD5.
        Md5 = "md5",
    }
}

table! {
    /// A key of a chain: its text here, in hexadecimal, or in a file; and when it is good.
    pub struct ChainKey {
        /// Its number on the wire.
        #[schemars(range(min = 0, max = 4_294_967_295_u32))]
        id: i64,
        /// The key as text.
        key: SecretText,
        /// The key in hexadecimal.
        key_hex: SecretText,
        /// A file that holds the key as text.
        key_file: String,
        /// When it begins to sign, such as `2027-01-01T00:00:00Z`. Default: at all times.
        send_from: Moment,
        /// When it ceases to sign. Default: never.
        send_until: Moment,
        /// When it begins to be believed. Default: at all times.
        accept_from: Moment,
        /// When it ceases to be believed. Default: never.
        accept_until: Moment,
    }
}
