//! CARP's table, as it is written.

use super::super::reader::{Spanned, table, words};
use super::super::value::{Address, MacChoice, SecretText, TimeSpan};
use super::{Announce, Hook, Peer, RouterAdvertisement};

table! {
    /// A CARP virtual host.
    pub struct Carp {
        /// Virtual host identifier (VHID), the same on all routers of the group. With `nodes`, those have it.
        #[schemars(range(min = 1, max = 255))]
        id: i64,
        /// Name in logs and listings. Default: interface, protocol and number, such as `eth0 carp 10`.
        name: String,
        /// The virtual addresses of both families, the very same on all routers of the group: the digest covers them.
        #[schemars(required, length(min = 1))]
        addresses: Vec<Spanned<Address>>,
        /// Seconds between advertisements. Default: 1. Whoever advertises most often is the master.
        #[schemars(range(min = 0, max = 255))]
        advbase: i64,
        /// 1/256 seconds on top of them: how much worse this router is than others. Default: 0.
        #[schemars(range(min = 0, max = 254))]
        advskew: i64,
        /// How many times `advbase` the master may be silent. Default: 3.
        #[schemars(range(min = 1, max = 255))]
        dead_ratio: i64,
        /// Routers share the addresses: `VHID:ADVSKEW` for each, such as `1:0,2:100`; the same VHIDs on all of them.
        nodes: String,
        /// How frames for shared addresses reach every router. Default, with `nodes`: `ip`.
        balancing: Balancing,
        /// Whether this router takes the role from a master that advertises less often. Default: false.
        preempt: bool,
        /// The password, the same on all routers of the group: at most 19 octets.
        password: SecretText,
        /// A file that holds the password.
        password_file: String,
        /// Whether there is none. Default: false.
        no_password: bool,
        /// What the counter in advertisements is used for. Default: `cookie`, which every CARP understands.
        counter: CounterUse,
        /// Name of what this group moves together with: each other group of that name that is down here demotes it.
        failover_group: String,
        /// How others are told that this router is demoted. Default: `both`.
        demotion: Demotion,
        /// Whether the digest covers link-local addresses, as FreeBSD's does. Default: false, as OpenBSD.
        hash_link_local: bool,
        /// In which order ucarp compares addresses, which is its machine's. Default: `little-endian`.
        ucarp_tie: UcarpTie,
        /// Whether the silence of one family is enough to take over, as in BSD kernels. Default: false.
        strict_family_timers: bool,
        /// For how long the digest of before is believed after addresses or password have changed. Default: 30s.
        grace: TimeSpan,
        /// Whether packets to the virtual addresses themselves (ping, services) are accepted. Default: true.
        accept: bool,
        /// `true`: the protocol's virtual MAC (default); `false`: the interface's own, as ucarp; or a MAC of your choice.
        virtual_mac: MacChoice,
        /// Addresses to speak from, one of a family. Default: the interface's first beside the virtual ones.
        source: Vec<Spanned<Address>>,
        /// Unicast peers, instead of multicast.
        peers: Vec<Spanned<Peer>>,
        /// Another IPv4 multicast group. Default: 224.0.0.18.
        multicast: String,
        /// Whether frames to the group go to the broadcast MAC, as with ucarp's `--nomcast`. Default: false.
        broadcast: bool,
        /// Whether the hook's `up` puts the addresses on the interface, as with ucarp. Default: false.
        addresses_by_hook: bool,
        /// When gratuitous ARP and neighbour advertisements are sent again. Default: two intervals later.
        announce: Announce,
        /// Whether neighbour advertisements say that this is a router; IPv6. Default: true.
        router: bool,
        /// Router advertisements to send while master; IPv6.
        router_advertisement: RouterAdvertisement,
        /// Programs that are run when the role is taken and given up.
        hook: Hook,
    }
}

words! {
    /// What the counter of advertisements is used for.
    pub enum CounterUse {
        /// A constant by which a router knows its own frames: OpenBSD's way, understood by all.
        Cookie = "cookie",
        /// Interval, demotion and a time stamp, so that nothing recorded can be used again; firsthop alone.
        Sealed = "sealed",
    }
}

words! {
    /// How frames for shared addresses reach every router. OpenBSD's words.
    pub enum Balancing {
        /// Hosts are told a multicast MAC, which switches flood.
        Ip = "ip",
        /// Hosts are told a MAC that nobody sends from, so that switches never learn it and flood it.
        IpStealth = "ip-stealth",
        /// Hosts are told a MAC that is sent from: for hubs, and switches that mirror.
        IpUnicast = "ip-unicast",
    }
}

words! {
    /// How demotion is said.
    pub enum Demotion {
        /// By OpenBSD's counter.
        Counter = "counter",
        /// By an advskew of 240, for FreeBSD, NetBSD and ucarp.
        Skew = "skew",
        /// By both.
        Both = "both",
    }
}

words! {
    /// Byte order of a machine that runs ucarp.
    pub enum UcarpTie {
        /// x86, ARM and nearly all others.
        LittleEndian = "little-endian",
        /// The rest.
        BigEndian = "big-endian",
    }
}
