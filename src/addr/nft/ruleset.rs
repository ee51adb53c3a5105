//! Our rules, and the sets that all change goes through: a role changes by elements, never by rules.
//!
//! ```text
//! netdev  chain link-N (hook ingress, device N): jump ingress
//!         chain ingress:  VLAN-tagged: return (the VLAN device's own chain will see it)
//!                         to a known virtual MAC: jump virtual
//!                         to a refused address: drop
//!                         to a guarded address while the link is not alive: drop
//!         chain virtual:  group MAC, sent to many by IP: return (only its MAC is like a virtual one)
//!                         MAC not held: drop; link not alive: drop
//!                         shared MAC, and not found to be for this host: drop
//!                         else it is for this host
//! arp     chain output:   replies naming a silent address: drop
//!                         requests in a lent address' name: in the link's own name
//!                         requests in a named address' name: with the virtual MAC
//! ip6     chain output:   the same for neighbour advertisements and solicitations
//! ip, ip6 chain output:   redirects on a link that redirects nobody: drop
//! ```
//!
//! Requests and solicitations are let in: the kernel learns its neighbours from them; its answers are dropped.
//! The daemon's own answers leave through a packet socket, which no output chain sees.
//!
//! IPv4 keys of the `arp` table have no link, because Linux answers for any address of the host on every link.
//! IPv6 keys have one, since a link-local address means something else on each.

use std::net::IpAddr;

use netlink_packet_netfilter::NetfilterProtoFamily;
use netlink_packet_netfilter::nftables::MetaKey;

use super::wire::{
    Base, Expression, Fixup, R0, R1, Request, SetShape, at_least, at_most, constant, drop_frame, equal,
    found, jump, leave, load, load_meta, mapped, missing, new_chain, new_rule, new_set, new_table, set_meta,
    store, unequal,
};
use crate::addr::piece::{Key, Value};

const NETDEV: NetfilterProtoFamily = NetfilterProtoFamily::NetDev;
const ARP: NetfilterProtoFamily = NetfilterProtoFamily::ARP;
const IPV4: NetfilterProtoFamily = NetfilterProtoFamily::IPv4;
const IPV6: NetfilterProtoFamily = NetfilterProtoFamily::IPv6;

/// Families that have one of our tables.
pub(super) const FAMILIES: [NetfilterProtoFamily; 4] = [NETDEV, ARP, IPV4, IPV6];

/// Set of links whose gate is open.
pub(super) const ALIVE: &str = "alive";

/// Hook numbers: `NF_NETDEV_INGRESS`, `NF_ARP_OUT`, `NF_INET_LOCAL_OUT`.
const INGRESS: u32 = 0;
const ARP_OUT: u32 = 1;
const LOCAL_OUT: u32 = 3;

/// nft(8)'s numbers of data types, and six bits of shift for each further part of a key.
const LINK: u32 = 20;
const MAC: u32 = 9;
const IP4: u32 = 7;
const IP6: u32 = 8;
const fn on_link(kind: u32) -> u32 {
    LINK << 6 | kind
}

const SETS: [(NetfilterProtoFamily, SetShape); 18] = [
    (NETDEV, SetShape { timeout: true, ..set(ALIVE, LINK, 4) }),
    (NETDEV, set("known", on_link(MAC), 12)),
    (NETDEV, set("forward", on_link(MAC), 12)),
    (NETDEV, set("shared", on_link(MAC), 12)),
    (NETDEV, set("refused4", on_link(IP4), 8)),
    (NETDEV, set("refused6", on_link(IP6), 20)),
    (NETDEV, set("guarded4", on_link(IP4), 8)),
    (NETDEV, set("guarded6", on_link(IP6), 20)),
    (ARP, set("silent4", IP4, 4)),
    (ARP, set("lent4", IP4, 4)),
    (ARP, map("named4", IP4, 4, (MAC, 6))),
    (ARP, map("own4", LINK, 4, (IP4, 4))),
    (IPV6, set("silent6", on_link(IP6), 20)),
    (IPV6, set("lent6", on_link(IP6), 20)),
    (IPV6, map("named6", on_link(IP6), 20, (MAC, 6))),
    (IPV6, map("own6", LINK, 4, (IP6, 16))),
    (IPV4, set("unredirected4", LINK, 4)),
    (IPV6, set("unredirected6", LINK, 4)),
];

const fn set(name: &'static str, key_type: u32, key_length: u32) -> SetShape {
    SetShape { name, key_type, key_length, data: None, timeout: false, host_order: key_type == LINK }
}

const fn map(name: &'static str, key_type: u32, key_length: u32, data: (u32, u32)) -> SetShape {
    SetShape { data: Some(data), ..set(name, key_type, key_length) }
}

/// Tables, sets, chains and rules, all empty of elements.
pub(super) fn foundation(table: &str) -> Vec<Request> {
    let mut requests: Vec<Request> = FAMILIES.iter().map(|family| new_table(*family, table)).collect();
    for (id, (family, shape)) in (1..).zip(&SETS) {
        requests.push(new_set(*family, table, id, shape));
    }
    requests.extend([
        new_chain(NETDEV, table, "virtual", None),
        new_chain(NETDEV, table, "ingress", None),
        new_chain(ARP, table, "output", Some((ARP_OUT, None))),
        new_chain(IPV4, table, "output", Some((LOCAL_OUT, None))),
        new_chain(IPV6, table, "output", Some((LOCAL_OUT, None))),
    ]);
    requests.extend(virtual_rules().into_iter().map(|rule| new_rule(NETDEV, table, "virtual", rule)));
    requests.extend(ingress_rules().into_iter().map(|rule| new_rule(NETDEV, table, "ingress", rule)));
    requests.extend(arp_rules().into_iter().map(|rule| new_rule(ARP, table, "output", rule)));
    requests.extend(neighbour_rules().into_iter().map(|rule| new_rule(IPV6, table, "output", rule)));
    requests.push(new_rule(IPV4, table, "output", redirect_rule(&ICMP, &REDIRECT4, "unredirected4")));
    requests.push(new_rule(IPV6, table, "output", redirect_rule(&ICMPV6, &REDIRECT6, "unredirected6")));
    requests
}

/// Name of a link's own chain.
pub(super) fn link_chain(link: u32) -> String {
    format!("link-{link}")
}

/// The chain that hooks a link up.
pub(super) fn hook_up(table: &str, link: u32, name: &str) -> Vec<Request> {
    let chain = link_chain(link);
    vec![
        new_chain(NETDEV, table, &chain, Some((INGRESS, Some(name)))),
        new_rule(NETDEV, table, &chain, vec![jump("ingress")]),
    ]
}

/// `include/uapi/linux/if_packet.h`, `PACKET_HOST`.
const PACKET_HOST: [u8; 1] = [0];

fn ether_type(value: u16) -> [Expression; 2] {
    [load(Base::Frame, 12, 2, R0), equal(R0, &value.to_be_bytes())]
}

fn to_mac() -> [Expression; 2] {
    [load_meta(MetaKey::Iif, R0), load(Base::Frame, 0, 6, R1)]
}

/// The first octet of every Ethernet address that stands for an IPv4 multicast group. RFC 1112 §6.4.
fn to_group() -> [Expression; 2] {
    [load(Base::Frame, 0, 1, R0), equal(R0, &[1])]
}

/// 224.0.0.0/4.
fn to_many_by_ipv4() -> impl Iterator<Item = Expression> {
    let destination = [load(Base::Network, 16, 1, R0), at_least(R0, &[224]), at_most(R0, &[239])];
    ether_type(0x0800).into_iter().chain(destination)
}

/// ff00::/8.
fn to_many_by_ipv6() -> impl Iterator<Item = Expression> {
    ether_type(0x86dd).into_iter().chain([load(Base::Network, 24, 1, R0), equal(R0, &[0xff])])
}

fn virtual_rules() -> Vec<Vec<Expression>> {
    let not_held = [missing("forward", R0), drop_frame()];
    let not_alive = [load_meta(MetaKey::Iif, R0), missing(ALIVE, R0), drop_frame()];
    let not_ours =
        [found("shared", R0), load_meta(MetaKey::PacketType, R0), unequal(R0, &PACKET_HOST), drop_frame()];
    vec![
        to_group().into_iter().chain(to_many_by_ipv4()).chain([leave()]).collect(),
        to_group().into_iter().chain(to_many_by_ipv6()).chain([leave()]).collect(),
        to_mac().into_iter().chain(not_held).collect(),
        not_alive.into(),
        to_mac().into_iter().chain(not_ours).collect(),
        vec![constant(&PACKET_HOST, R0), set_meta(MetaKey::PacketType, R0)],
    ]
}

fn ingress_rules() -> Vec<Vec<Expression>> {
    let tagged = |kind| ether_type(kind).into_iter().chain([leave()]).collect();
    let mut rules: Vec<Vec<Expression>> = vec![
        tagged(0x8100),
        tagged(0x88a8),
        to_mac().into_iter().chain([found("known", R0), jump("virtual")]).collect(),
    ];
    for (kind, offset, length, refused, guarded) in
        [(0x0800, 16, 4, "refused4", "guarded4"), (0x86dd, 24, 16, "refused6", "guarded6")]
    {
        let to = || {
            let key = [load_meta(MetaKey::Iif, R0), load(Base::Network, offset, length, R1)];
            ether_type(kind).into_iter().chain(key)
        };
        rules.push(to().chain([found(refused, R0), drop_frame()]).collect());
        rules.push(to().chain([found(guarded, R0), missing(ALIVE, R0), drop_frame()]).collect());
    }
    rules
}

/// ARP over Ethernet: operation at 6, sender MAC at 8, sender address at 14. RFC 826.
fn arp_rules() -> Vec<Vec<Expression>> {
    let says = |operation: u16| {
        [load(Base::Network, 6, 2, R0), equal(R0, &operation.to_be_bytes()), load(Base::Network, 14, 4, R0)]
            .into_iter()
    };
    let own_name = [
        found("lent4", R0),
        load_meta(MetaKey::Oif, R0),
        mapped("own4", R0, R0),
        store(R0, Base::Network, 14, 4, Fixup::None),
    ];
    let virtual_mac = [mapped("named4", R0, R0), store(R0, Base::Network, 8, 6, Fixup::None)];
    vec![
        says(2).chain([found("silent4", R0), drop_frame()]).collect(),
        says(1).chain(own_name).collect(),
        says(1).chain(virtual_mac).collect(),
    ]
}

const ICMPV6: [u8; 1] = [58];
const SOLICITATION: [u8; 1] = [135];
const ADVERTISEMENT: [u8; 1] = [136];
/// Source link-layer address, of one unit of eight octets. RFC 4861 §4.6.1.
const SOURCE_MAC_OPTION: [u8; 2] = [1, 1];

/// Target at 8 of the ICMPv6 message, options from 24 on. RFC 4861 §4.3, §4.4.
fn neighbour_rules() -> Vec<Vec<Expression>> {
    let kind = |kind: &[u8]| {
        [
            load_meta(MetaKey::L4Proto, R0),
            equal(R0, &ICMPV6),
            load(Base::Transport, 0, 1, R0),
            equal(R0, kind),
        ]
        .into_iter()
    };
    let target = [load_meta(MetaKey::Oif, R0), load(Base::Transport, 8, 16, R1)];
    let source = || [load_meta(MetaKey::Oif, R0), load(Base::Network, 8, 16, R1)];
    let own_name =
        [found("lent6", R0), mapped("own6", R0, R0), store(R0, Base::Network, 8, 16, Fixup::PseudoHeader)];
    let with_option = [load(Base::Transport, 24, 2, R0), equal(R0, &SOURCE_MAC_OPTION)];
    let virtual_mac = [mapped("named6", R0, R0), store(R0, Base::Transport, 26, 6, Fixup::At(2))];
    vec![
        kind(&ADVERTISEMENT).chain(target).chain([found("silent6", R0), drop_frame()]).collect(),
        kind(&SOLICITATION).chain(source()).chain(own_name).collect(),
        kind(&SOLICITATION).chain(with_option).chain(source()).chain(virtual_mac).collect(),
    ]
}

const ICMP: [u8; 1] = [1];
/// RFC 792.
const REDIRECT4: [u8; 1] = [5];
/// RFC 4861 §4.5.
const REDIRECT6: [u8; 1] = [137];

fn redirect_rule(protocol: &[u8], kind: &[u8], links: &'static str) -> Vec<Expression> {
    vec![
        load_meta(MetaKey::L4Proto, R0),
        equal(R0, protocol),
        load(Base::Transport, 0, 1, R0),
        equal(R0, kind),
        load_meta(MetaKey::Oif, R0),
        found(links, R0),
        drop_frame(),
    ]
}

/// An element of one of the sets.
pub(super) struct Place {
    pub family: NetfilterProtoFamily,
    pub set: &'static str,
    pub key: Vec<u8>,
    pub data: Option<Vec<u8>>,
}

/// Where a piece lives in the tables; `None` if it lives elsewhere.
pub(super) fn element_of(key: &Key, value: &Value) -> Option<Place> {
    let data = match value {
        Value::None | Value::Prefix(_) => None,
        Value::Mac(mac) => Some(mac.0.to_vec()),
        Value::Ip(ip) => Some(ip_octets(*ip)),
    };
    let by_family = |ip: &IpAddr, v4: &'static str, v6: &'static str| if ip.is_ipv4() { v4 } else { v6 };
    let (family, set, key) = match key {
        Key::Known { link, mac } => (NETDEV, "known", on(*link, &mac.0)),
        Key::Forward { link, mac } => (NETDEV, "forward", on(*link, &mac.0)),
        Key::Shared { link, mac } => (NETDEV, "shared", on(*link, &mac.0)),
        Key::Refused { link, ip } => {
            (NETDEV, by_family(ip, "refused4", "refused6"), on(*link, &ip_octets(*ip)))
        }
        Key::Guarded { link, ip } => {
            (NETDEV, by_family(ip, "guarded4", "guarded6"), on(*link, &ip_octets(*ip)))
        }
        Key::Silent { link, ip } => spoken(*link, *ip, "silent4", "silent6"),
        Key::Lent { link, ip } => spoken(*link, *ip, "lent4", "lent6"),
        Key::Named { link, ip } => spoken(*link, *ip, "named4", "named6"),
        Key::Unredirected { link, family: fhrp::Family::Ipv4 } => {
            (IPV4, "unredirected4", link.to_ne_bytes().to_vec())
        }
        Key::Unredirected { link, family: fhrp::Family::Ipv6 } => {
            (IPV6, "unredirected6", link.to_ne_bytes().to_vec())
        }
        Key::Own { link, family: fhrp::Family::Ipv4 } => (ARP, "own4", link.to_ne_bytes().to_vec()),
        Key::Own { link, family: fhrp::Family::Ipv6 } => (IPV6, "own6", link.to_ne_bytes().to_vec()),
        Key::Bucket { .. } | Key::Address { .. } => return None,
    };
    Some(Place { family, set, key, data })
}

fn spoken(
    link: u32,
    ip: IpAddr,
    v4: &'static str,
    v6: &'static str,
) -> (NetfilterProtoFamily, &'static str, Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => (ARP, v4, ip.octets().to_vec()),
        IpAddr::V6(ip) => (IPV6, v6, on(link, &ip.octets())),
    }
}

fn ip_octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// A key of two parts, each filled up to whole registers of four octets.
fn on(link: u32, octets: &[u8]) -> Vec<u8> {
    let mut key = link.to_ne_bytes().to_vec();
    key.extend_from_slice(octets);
    key.resize(key.len().next_multiple_of(4), 0);
    key
}
