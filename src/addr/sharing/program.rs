//! The program: which frames for a shared MAC are ours. It is `fhrp::share` in the kernel's own words.
//!
//! ```text
//! for no MAC that is shared on this link, or VLAN-tagged:    none of our business
//! neither IPv4 nor IPv6, or Neighbour Discovery:             for this host
//! IP sent to many:                                           as it is
//! IP, of a bucket that is ours:                              for this host
//! anything else:                                             drop
//! ```
//!
//! "For this host" is the packet type that the tables demand of frames for a shared MAC: should this program be taken
//! off its link, nothing is taken twice.

use super::assembler::{Assembler, Helper, If, Register, Size};
use crate::sys::Instruction;
use Register::{Frame, R0, R1, R2, R3, R4, R6, R7, R8, R9};

/// Fields of `struct __sk_buff`. Linux include/uapi/linux/bpf.h.
const PROTOCOL: i16 = 16;
const VLAN_PRESENT: i16 = 20;
const LINK: i16 = 40;

/// Verdicts: let the next one decide, drop.
const NEXT: i32 = -1;
const DROP: i32 = 2;
/// `include/uapi/linux/if_packet.h`, `PACKET_HOST`.
const PACKET_HOST: i32 = 0;

/// Offsets in a frame: what follows the Ethernet header of 14 octets.
const IPV4_ADDRESSES: i32 = 14 + 12;
const IPV6_NEXT_HEADER: i32 = 14 + 6;
const IPV6_ADDRESSES: i32 = 14 + 8;
const ICMPV6_TYPE: i32 = 14 + 40;

const ICMPV6: u32 = 58;
/// Router Solicitation to Redirect. RFC 4861 §4.
const NEIGHBOUR_DISCOVERY: std::ops::RangeInclusive<u32> = 133..=137;

/// Places on the stack: the key, of link, MAC and two octets of zeros; one octet; two addresses.
const KEY: i16 = -12;
const KEY_MAC: i16 = KEY + 4;
const KEY_REST: i16 = KEY + 10;
const OCTET: i16 = -16;
const ADDRESSES: i16 = -48;

#[derive(Debug, PartialEq)]
enum Place {
    Ipv4,
    Ipv6,
    Fold,
    Ours,
    Theirs,
    Untouched,
}

/// The program with the map that it looks buckets up in: `(link, MAC)` to `(number of buckets, bit for each of ours)`.
///
/// `None` if a jump leads nowhere.
pub(super) fn program(map: i32) -> Option<Vec<Instruction>> {
    let mut code = Assembler::new();
    find_buckets(&mut code, map);
    // In the order of the wire.
    code.load(Size::Word, R1, R6, PROTOCOL);
    code.jump_if(R1, If::Equal, u16::to_be(0x0800).into(), Place::Ipv4);
    code.jump_if(R1, If::Equal, u16::to_be(0x86dd).into(), Place::Ipv6);
    code.jump(Place::Ours);
    code.at(Place::Ipv4);
    fold_ipv4(&mut code);
    code.at(Place::Ipv6);
    fold_ipv6(&mut code);
    code.at(Place::Fold);
    choose(&mut code);
    verdicts(&mut code);
    code.finish()
}

/// `R6` is the packet from here on, `R7` the number of buckets, `R8` those of ours.
fn find_buckets(code: &mut Assembler<Place>, map: i32) {
    code.copy(R6, R1);
    code.load(Size::Word, R1, R6, VLAN_PRESENT);
    code.jump_if(R1, If::Unequal, 0, Place::Untouched);
    code.load(Size::Word, R1, R6, LINK);
    code.store(Size::Word, Frame, KEY, R1);
    code.store_zero(Size::Half, Frame, KEY_REST);
    load_octets(code, 0, KEY_MAC, 6, Place::Untouched);
    code.load_map(R1, map);
    code.point(R2, KEY);
    code.call(Helper::Find);
    code.jump_if_null(R0, Place::Untouched);
    code.load(Size::Word, R7, R0, 0);
    code.load(Size::Word, R8, R0, 4);
}

/// `R9` is the fold, in the order of the wire, where these two lead to [`Place::Fold`].
fn fold_ipv4(code: &mut Assembler<Place>) {
    load_octets(code, IPV4_ADDRESSES, ADDRESSES, 8, Place::Theirs);
    code.load(Size::Word, R1, Frame, ADDRESSES + 4);
    code.jump_if(R1, If::Equal, u32::MAX, Place::Untouched);
    code.load(Size::Octet, R1, Frame, ADDRESSES + 4);
    code.and(R1, 0xf0);
    code.jump_if(R1, If::Equal, 0xe0, Place::Untouched);
    exclusive_or(code, 2);
    code.jump(Place::Fold);
}

fn fold_ipv6(code: &mut Assembler<Place>) {
    load_octets(code, IPV6_ADDRESSES, ADDRESSES, 32, Place::Theirs);
    code.load(Size::Octet, R1, Frame, ADDRESSES + 16);
    code.jump_if(R1, If::Equal, 0xff, Place::Untouched);
    exclusive_or(code, 8);
    load_octets(code, IPV6_NEXT_HEADER, OCTET, 1, Place::Theirs);
    code.load(Size::Octet, R1, Frame, OCTET);
    code.jump_if(R1, If::Unequal, ICMPV6, Place::Fold);
    load_octets(code, ICMPV6_TYPE, OCTET, 1, Place::Theirs);
    code.load(Size::Octet, R1, Frame, OCTET);
    code.jump_if(R1, If::Below, *NEIGHBOUR_DISCOVERY.start(), Place::Fold);
    code.jump_if(R1, If::Above, *NEIGHBOUR_DISCOVERY.end(), Place::Fold);
    code.jump(Place::Ours);
}

/// All words of both addresses in one.
fn exclusive_or(code: &mut Assembler<Place>, words: i16) {
    code.set(R9, 0);
    for word in 0..words {
        code.load(Size::Word, R1, Frame, ADDRESSES + 4 * word);
        code.exclusive_or(R9, R1);
    }
}

fn choose(code: &mut Assembler<Place>) {
    code.swap_from_wire(R9);
    code.remainder(R9, R7);
    code.shift_right(R8, R9);
    code.and(R8, 1);
    code.jump_if(R8, If::Equal, 0, Place::Theirs);
}

fn verdicts(code: &mut Assembler<Place>) {
    code.at(Place::Ours);
    code.copy(R1, R6);
    code.set(R2, PACKET_HOST);
    code.call(Helper::ChangeType);
    code.at(Place::Untouched);
    code.set(R0, NEXT);
    code.exit();
    code.at(Place::Theirs);
    code.set(R0, DROP);
    code.exit();
}

/// Octets of the frame onto the stack. What is too short goes to `otherwise`.
fn load_octets(code: &mut Assembler<Place>, offset: i32, to: i16, length: i32, otherwise: Place) {
    code.copy(R1, R6);
    code.set(R2, offset);
    code.point(R3, to);
    code.set(R4, length);
    code.call(Helper::LoadOctets);
    code.jump_if(R0, If::Unequal, 0, otherwise);
}
