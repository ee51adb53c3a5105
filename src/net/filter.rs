//! Classic BPF programs, generated from what is listened to. They run in the kernel, over the frame as an
//! Ethernet packet socket sees it, before anything is queued or anybody woken.
//!
//! Every test is a pair, "equal? then return", so that no jump has to reach over a list of any length; where
//! a block must be skipped, an unconditional jump does it, whose reach has no limit.
//!
//! An outer 802.1Q tag is taken off before a packet socket sees the frame. What is tagged for a VLAN is thus
//! told from the interface's own traffic by the tag beside the frame, not in it; VLAN 0 is only a priority.

use std::collections::BTreeSet;

use fhrp::Family;
use fhrp::contract::Ear;
use fhrp::packet::ip_protocol;
use socket2::SockFilter;

/// A classic BPF program.
pub type Program = Vec<SockFilter>;

const LOAD_BYTE: u16 = code(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS);
const LOAD_HALF: u16 = code(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS);
const LOAD_WORD: u16 = code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS);
const LOAD_HALF_BEHIND: u16 = code(libc::BPF_LD | libc::BPF_H | libc::BPF_IND);
const LOAD_IPV4_HEADER_LENGTH: u16 = code(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH);
const JUMP: u16 = code(libc::BPF_JMP | libc::BPF_JA);
const JUMP_IF_EQUAL: u16 = code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K);
const JUMP_IF_ANY_BIT: u16 = code(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K);
const RETURN: u16 = code(libc::BPF_RET | libc::BPF_K);

const ETHER_TYPE: u32 = 12;
const ARP_OPERATION: u32 = 20;
const ARP_REQUEST: u32 = 1;
const IPV4_FRAGMENT: u32 = 20;
const IPV4_FRAGMENT_OFFSET_BITS: u32 = 0x1fff;
const IPV4_PROTOCOL: u32 = 23;
const IPV4_START: u32 = 14;
/// Behind an Ethernet header and as many octets as the index register says: the UDP destination port.
const UDP_PORT_BEHIND_IPV4: u32 = 16;
const IPV6_NEXT_HEADER: u32 = 20;
const IPV6_PAYLOAD: u32 = 54;
const UDP_PORT_IN_IPV6: u32 = IPV6_PAYLOAD + 2;
const VLAN_ID_BITS: u32 = 0x0fff;
const ICMPV6_ROUTER_SOLICITATION: u32 = 133;
const ICMPV6_NEIGHBOUR_SOLICITATION: u32 = 135;

/// Lets through what the ears listen to, untagged, with any destination MAC. An IPv4 or IPv6 ear is told by
/// the family of its multicast group.
pub fn protocols(ears: &[Ear]) -> Program {
    let of = |family| ears.iter().filter(move |ear| Family::of(ear.multicast) == family);
    let mut program = untagged();
    program.push(load(LOAD_HALF, ETHER_TYPE));
    program.extend(only_if_equal(ETHER_TYPE_IPV4, transport_over_ipv4(of(Family::Ipv4))));
    program.extend(only_if_equal(ETHER_TYPE_IPV6, transport_over_ipv6(of(Family::Ipv6))));
    program.push(DROP);
    program
}

/// Lets through untagged ARP requests, neighbour solicitations and router solicitations.
pub fn solicitations() -> Program {
    let mut program = untagged();
    program.push(load(LOAD_HALF, ETHER_TYPE));
    let mut arp = vec![load(LOAD_HALF, ARP_OPERATION)];
    arp.extend(accept_any([ARP_REQUEST]));
    program.extend(only_if_equal(ETHER_TYPE_ARP, arp));
    let mut icmp = vec![load(LOAD_BYTE, IPV6_PAYLOAD)];
    icmp.extend(accept_any([ICMPV6_NEIGHBOUR_SOLICITATION, ICMPV6_ROUTER_SOLICITATION]));
    let mut ipv6 = vec![load(LOAD_BYTE, IPV6_NEXT_HEADER)];
    ipv6.extend(only_if_equal(ip_protocol::ICMPV6.into(), icmp));
    ipv6.push(DROP);
    program.extend(only_if_equal(ETHER_TYPE_IPV6, ipv6));
    program.push(DROP);
    program
}

/// Lets nothing through.
pub fn nothing() -> Program {
    vec![DROP]
}

const ETHER_TYPE_IPV4: u32 = 0x0800;
const ETHER_TYPE_ARP: u32 = 0x0806;
const ETHER_TYPE_IPV6: u32 = 0x86dd;

const ACCEPT: SockFilter = SockFilter::new(RETURN, 0, 0, u32::MAX);
const DROP: SockFilter = SockFilter::new(RETURN, 0, 0, 0);

/// Drops what bears the tag of a VLAN.
fn untagged() -> Program {
    #[allow(clippy::cast_sign_loss)] // An offset "below zero" is how the kernel names data beside the frame.
    let tag = (libc::SKF_AD_OFF + libc::SKF_AD_VLAN_TAG) as u32;
    vec![load(LOAD_WORD, tag), SockFilter::new(JUMP_IF_ANY_BIT, 0, 1, VLAN_ID_BITS), DROP]
}

fn transport_over_ipv4<'a>(ears: impl Iterator<Item = &'a Ear>) -> Program {
    let (mut program, ports) = transport(IPV4_PROTOCOL, ears);
    if !ports.is_empty() {
        let mut udp = vec![
            load(LOAD_HALF, IPV4_FRAGMENT),
            SockFilter::new(JUMP_IF_ANY_BIT, 0, 1, IPV4_FRAGMENT_OFFSET_BITS),
            DROP,
            load(LOAD_IPV4_HEADER_LENGTH, IPV4_START),
            load(LOAD_HALF_BEHIND, UDP_PORT_BEHIND_IPV4),
        ];
        udp.extend(accept_any(ports));
        program.extend(only_if_equal(ip_protocol::UDP.into(), udp));
    }
    program.push(DROP);
    program
}

fn transport_over_ipv6<'a>(ears: impl Iterator<Item = &'a Ear>) -> Program {
    let (mut program, ports) = transport(IPV6_NEXT_HEADER, ears);
    if !ports.is_empty() {
        let mut udp = vec![load(LOAD_HALF, UDP_PORT_IN_IPV6)];
        udp.extend(accept_any(ports));
        program.extend(only_if_equal(ip_protocol::UDP.into(), udp));
    }
    program.push(DROP);
    program
}

/// Loads the protocol, accepts those that are listened to as a whole, and names the UDP ports that are left.
fn transport<'a>(offset: u32, ears: impl Iterator<Item = &'a Ear>) -> (Program, BTreeSet<u32>) {
    let mut program = vec![load(LOAD_BYTE, offset)];
    let mut protocols = BTreeSet::new();
    let mut ports = BTreeSet::new();
    for ear in ears {
        match ear.udp_port {
            Some(port) if ear.ip_protocol == ip_protocol::UDP => ports.insert(u32::from(port)),
            Some(_) | None => protocols.insert(u32::from(ear.ip_protocol)),
        };
    }
    program.extend(protocols.into_iter().flat_map(accept_if_equal));
    (program, ports)
}

fn accept_any(values: impl IntoIterator<Item = u32>) -> Program {
    values.into_iter().flat_map(accept_if_equal).chain([DROP]).collect()
}

fn accept_if_equal(value: u32) -> [SockFilter; 2] {
    [SockFilter::new(JUMP_IF_EQUAL, 0, 1, value), ACCEPT]
}

/// Runs `block`, which must end in a return, if what was loaded equals `value`; else goes on behind it.
fn only_if_equal(value: u32, block: Program) -> Program {
    let length = u32::try_from(block.len()).unwrap_or(u32::MAX);
    let mut program = vec![SockFilter::new(JUMP_IF_EQUAL, 1, 0, value), SockFilter::new(JUMP, 0, 0, length)];
    program.extend(block);
    program
}

const fn load(code: u16, from: u32) -> SockFilter {
    SockFilter::new(code, 0, 0, from)
}

const fn code(bits: u32) -> u16 {
    // All operation codes fit in eight bits.
    bits as u16
}
