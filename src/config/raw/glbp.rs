//! The tables of GLBP.

use super::super::reader::{Spanned, table, words};
use super::super::value::{Address, SecretText, TimeSpan};
use super::{ChainKey, Hook, RouterAdvertisement};

table! {
    /// A GLBP group.
    pub struct Glbp {
        /// Group number, the same on all routers of the group, and of one address family alone.
        #[schemars(required, range(min = 0, max = 1023))]
        id: i64,
        /// Name in logs and listings. Default: interface, protocol and number, such as `eth0 glbp 10`.
        name: String,
        /// The virtual addresses, the same on all routers of the group; the first one is advertised. IPv6: a link-local one
        /// is made of the number unless it is here. Left out: the IPv4 address is learnt from the other routers.
        addresses: Vec<Spanned<Address>>,
        /// The highest on the segment becomes the active gateway, which answers hosts. Default: 100.
        #[schemars(range(min = 1, max = 255))]
        priority: i64,
        /// Time between hellos. Default: `3s`, or what the active gateway says.
        hello_time: TimeSpan,
        /// How long a router is believed to live without another hello. Default: `10s`, or what the active gateway says.
        hold_time: TimeSpan,
        /// How long hosts are still told the MAC of a forwarder whose router is gone; `0s`: as long as it lives.
        /// Default: `10m`, or what the active gateway says.
        redirect_time: TimeSpan,
        /// How long anybody still forwards for it. Default: `4h`, or what the active gateway says.
        forwarder_timeout: TimeSpan,
        /// Whether hellos leave up to a fifth early, so that routers do not fall into step. Default: true.
        jitter: bool,
        /// Whether this router takes the gateway's role from one of lower priority. Default: false.
        preempt: bool,
        /// How long to wait before that; never delays a fail-over.
        preempt_delay: TimeSpan,
        /// Whether a forwarder is taken from a router with less right to it: from one that stands in for another, or whose
        /// weighting is too low. Default: true.
        forwarder_preempt: bool,
        /// How long to wait before that. Default: `30s`.
        forwarder_preempt_delay: TimeSpan,
        /// How much this router can carry; tracked faults take some of it away. Default: 100.
        #[schemars(range(min = 1, max = 254))]
        weighting: i64,
        /// Below this others are to forward instead. Default: 1.
        #[schemars(range(min = 1, max = 254))]
        weighting_lower: i64,
        /// From here on it forwards again. Default: `weighting`.
        #[schemars(range(min = 1, max = 254))]
        weighting_upper: i64,
        /// How hosts are spread over the forwarders while this router is the active gateway. Default: `round-robin`.
        load_balancing: LoadBalancing,
        /// How many hosts are remembered with the forwarder that they were told, for `firsthop show --detail`.
        /// Default: none; nothing depends on it.
        #[schemars(range(min = 8, max = 2000))]
        client_cache: i64,
        /// How long a host is remembered that does not ask again. Default: until the cache is full.
        client_cache_timeout: TimeSpan,
        /// Address to speak from. Default: the interface's first in the network of the virtual address.
        source: Address,
        /// How routers prove themselves. Default: not at all.
        authentication: GlbpAuthentication,
        /// Whether ICMP redirects may leave this interface, as they do elsewhere. Default: false.
        redirects: bool,
        /// Whether neighbour advertisements say that this is a router; IPv6. Default: true.
        router: bool,
        /// Router advertisements to send while this router is the active gateway; IPv6.
        router_advertisement: RouterAdvertisement,
        /// Programs that are run when the role is taken and given up.
        hook: Hook,
    }
}

table! {
    /// How routers of a GLBP group prove themselves; all alike.
    pub struct GlbpAuthentication {
        /// Which way.
        #[schemars(required)]
        kind: GlbpAuthenticationKind,
        /// `text`: the text. `md5`: the key string.
        password: SecretText,
        /// A file that holds the password.
        password_file: String,
        /// `md5`: the keys of a chain. The lowest number that may sign does; messages name the key that they were signed with.
        keys: Vec<Spanned<ChainKey>>,
    }
}

words! {
    /// Kinds of authentication in GLBP.
    pub enum GlbpAuthenticationKind {
        /// A text in clear.
        Text = "text",
        /// Keyed MD5, with nonces against recordings.
        Md5 = "md5",
    }
}

words! {
    /// How hosts are spread over the forwarders.
    pub enum LoadBalancing {
        /// Not at all: every host is told the active gateway's own.
        None = "none",
        /// Each forwarder in turn.
        RoundRobin = "round-robin",
        /// In proportion to the weightings of the routers that forward.
        Weighted = "weighted",
        /// By the host's MAC, which keeps its forwarder.
        HostDependent = "host-dependent",
    }
}
