//! The others, their configuration, and a story with each.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::Mac;

use super::pair::{Foreign, NUMBER as VRID};
use super::story::Story;

/// The better router's priority.
pub const PREFERRED: u8 = 200;
/// The other one's.
pub const SECOND: u8 = 100;

pub const VIRTUAL_MAC_4: Mac = Mac([0, 0, 0x5e, 0, 1, VRID]);
pub const VIRTUAL_MAC_6: Mac = Mac([0, 0, 0x5e, 0, 2, VRID]);

const IPV4: &[&str] = &["10.0.10.1"];
const IPV6: &[&str] = &["fe80::1", "2001:db8:10::1"];

/// What its documentation wants of a router, or it answers for the virtual address with its own MAC as well.
const ONE_MAC: [&str; 4] = [
    "echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore",
    "echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce",
    "echo 1 > /proc/sys/net/ipv4/conf/lan/arp_ignore",
    "echo 2 > /proc/sys/net/ipv4/conf/lan/arp_announce",
];

/// A daemon of others and how both are told to form a pair.
pub struct Neighbour {
    pub name: String,
    /// Without these it cannot be tested.
    pub programs: &'static [&'static str],
    daemon: &'static str,
    ours: String,
    theirs: String,
    setup: Vec<String>,
}

impl Neighbour {
    /// firsthop's configuration for a priority.
    pub fn ours(&self, priority: u8) -> String {
        self.ours.replace("PRIORITY", &priority.to_string())
    }

    /// The other one's.
    pub fn theirs(&self, priority: u8) -> Foreign {
        let config = self.theirs.replace("PRIORITY", &priority.to_string());
        Foreign { daemon: self.daemon, config, setup: self.setup.clone() }
    }
}

/// firsthop's group, with `extra` lines.
pub fn our_group(addresses: &[&str], extra: &str) -> String {
    let addresses: Vec<_> = addresses.iter().map(|ip| format!("\"{}\"", with_prefix(ip))).collect();
    format!(
        "[[interface.lan.vrrp]]\nid = {VRID}\npriority = PRIORITY\naddresses = [{}]\n{extra}\n",
        addresses.join(", ")
    )
}

/// keepalived's configuration, with `extra` lines in the instance.
pub fn keepalived(addresses: &[&str], extra: &str) -> String {
    let addresses: Vec<_> = addresses.iter().map(|ip| with_prefix(ip)).collect();
    format!(
        "global_defs {{\n    router_id r2\n    vrrp_rt_priority 30\n    vrrp_rlimit_rttime 1000000\n}}\nvrrp_instance lan {{\n    interface lan\n    state BACKUP\n    \
         virtual_router_id {VRID}\n    priority PRIORITY\n    {extra}\n    virtual_ipaddress {{\n        {}\n    \
         }}\n}}\n",
        addresses.join("\n        ")
    )
}

fn with_prefix(ip: &str) -> String {
    format!("{ip}/{}", if ip.contains(':') { 64 } else { 24 })
}

fn ips(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|ip| ip.parse().unwrap()).collect()
}

fn beside_keepalived(name: &str, addresses: &[&str], ours: &str, theirs: &str) -> Story {
    let virtual_mac = match (theirs.contains("use_vmac"), addresses == IPV6) {
        (false, _) => None,
        (true, true) => Some(VIRTUAL_MAC_6),
        (true, false) => Some(VIRTUAL_MAC_4),
    };
    let version_two = ours.contains("version = 2");
    let mut ours = ours.to_owned();
    if virtual_mac.is_none() {
        ours += "\nvirtual-mac = false";
    }
    if !version_two {
        ours += "\nadvertise-interval = \"100ms\"";
    }
    let theirs = match version_two {
        true => format!("version 2\n    advert_int 1\n    {theirs}"),
        false => format!("version 3\n    advert_int 0.1\n    {theirs}"),
    };
    let setup = if virtual_mac == Some(VIRTUAL_MAC_4) { ONE_MAC.map(str::to_owned).to_vec() } else { vec![] };
    Story {
        neighbour: Neighbour {
            name: format!("keepalived, {name}"),
            programs: &["keepalived"],
            daemon: "keepalived",
            ours: our_group(addresses, &ours),
            theirs: keepalived(addresses, &theirs),
            setup,
        },
        addresses: ips(addresses),
        virtual_mac,
        interval: if version_two { Duration::from_secs(1) } else { Duration::from_millis(100) },
        two_forms: !version_two && addresses == IPV4,
        stop_leaves_addresses: false,
        kinds: kinds(addresses),
    }
}

fn kinds(addresses: &[&str]) -> Vec<&'static str> {
    let announcement = if addresses == IPV6 { "icmpv6.type == 136" } else { "arp.opcode == 2" };
    let membership = if addresses == IPV6 { "icmpv6.type == 143" } else { "igmp" };
    vec!["vrrp", announcement, membership]
}

/// FRR has no daemon that makes links: the operator gives it one for each group, with the virtual MAC.
fn beside_frr(name: &str, addresses: &[&str]) -> Story {
    let (link, mac, keyword) = match addresses == IPV6 {
        true => ("vrrp6-10", VIRTUAL_MAC_6, "ipv6"),
        false => ("vrrp4-10", VIRTUAL_MAC_4, "ip"),
    };
    let mut setup = vec![
        format!("ip link add {link} link lan type macvlan mode bridge"),
        format!("ip link set dev {link} addrgenmode random"),
        format!("ip link set dev {link} address {mac}"),
    ];
    for ip in addresses {
        setup.push(format!(
            "ip address add {} dev {link}{}",
            with_prefix(ip),
            if ip.contains(':') { " nodad" } else { "" }
        ));
    }
    setup.push(format!("ip link set dev {link} up"));
    setup.extend(ONE_MAC.map(str::to_owned));
    let list: String = addresses.iter().map(|ip| format!(" vrrp {VRID} {keyword} {ip}\n")).collect();
    Story {
        neighbour: Neighbour {
            name: format!("FRR, {name}"),
            programs: &["/usr/lib/frr/zebra", "/usr/lib/frr/vrrpd"],
            daemon: "frr",
            ours: our_group(addresses, "advertise-interval = \"100ms\""),
            theirs: format!(
                "interface lan\n vrrp {VRID} version 3\n vrrp {VRID} priority PRIORITY\n \
                 vrrp {VRID} advertisement-interval 100\n{list}"
            ),
            setup,
        },
        addresses: ips(addresses),
        virtual_mac: Some(mac),
        interval: Duration::from_millis(100),
        two_forms: addresses == IPV4,
        // It lets its link up again when it stops, with the address on it.
        stop_leaves_addresses: true,
        kinds: kinds(addresses),
    }
}

#[test]
fn keepalived_version_2() {
    beside_keepalived("version 2", IPV4, "version = 2", "").play();
}

#[test]
fn keepalived_version_2_virtual_mac() {
    beside_keepalived("version 2, virtual MAC", IPV4, "version = 2", "use_vmac").play();
}

#[test]
fn keepalived_version_3() {
    beside_keepalived("version 3", IPV4, "", "").play();
}

#[test]
fn keepalived_version_3_virtual_mac() {
    beside_keepalived("version 3, virtual MAC", IPV4, "", "use_vmac").play();
}

#[test]
fn keepalived_ipv6() {
    beside_keepalived("IPv6", IPV6, "", "").play();
}

#[test]
fn keepalived_ipv6_virtual_mac() {
    let ours = "router-advertisement = { interval = \"4s\", prefixes = [\"2001:db8:10::/64\"] }";
    let mut story = beside_keepalived("IPv6, virtual MAC", IPV6, ours, "use_vmac");
    story.kinds.push("icmpv6.type == 134");
    story.play();
}

#[test]
fn keepalived_unicast() {
    let theirs = "unicast_src_ip 10.0.10.3\n    unicast_peer {\n        10.0.10.2\n    }";
    beside_keepalived("unicast", IPV4, "peers = [\"10.0.10.3\"]", theirs).play();
}

#[test]
fn keepalived_unicast_ipv6() {
    let theirs = "unicast_src_ip fe80::3\n    unicast_peer {\n        fe80::2\n    }";
    // 2.2.7 leaves the hop limit of what it sends to IPv6 peers to the kernel.
    let ours = "peers = [{ address = \"fe80::3\", min-ttl = 64 }]";
    beside_keepalived("unicast over IPv6", IPV6, ours, theirs).play();
}

#[test]
fn keepalived_text_authentication() {
    let ours = "version = 2\nauthentication = { kind = \"text\", password = \"monkey\" }";
    let theirs = "authentication {\n        auth_type PASS\n        auth_pass monkey\n    }";
    beside_keepalived("text authentication", IPV4, ours, theirs).play();
}

#[test]
fn keepalived_authentication_header() {
    let ours = "version = 2\nauthentication = { kind = \"ah\", password = \"monkey\" }";
    let theirs = "authentication {\n        auth_type AH\n        auth_pass monkey\n    }";
    beside_keepalived("Authentication Header", IPV4, ours, theirs).play();
}

#[test]
fn frr_ipv4() {
    beside_frr("IPv4", IPV4).play();
}

#[test]
fn frr_ipv6() {
    beside_frr("IPv6", IPV6).play();
}
