//! The addresses of a group: its own, where it speaks from, and whom it speaks to.

use std::net::{IpAddr, Ipv6Addr};

use fhrp::address::is_link_local;
use fhrp::{Family, InterfaceAddress};
use vrrp::config::Peer;

use super::super::raw;
use super::super::reader::{Reader, Span, Spanned};
use super::super::shared::quoted;
use super::super::value::Address;
use super::Draft;

/// The IP packet that every Ethernet link carries. RFC 894.
const ETHERNET_MTU: usize = 1500;
/// Octets of the HMAC trailer of keepalived 2.4.
const HMAC_TRAILER: usize = 28;

/// The family of a group: that of its first address.
pub(super) fn family(raw: &raw::Vrrp) -> Family {
    list(&raw.addresses).first().map_or(Family::Ipv4, |address| Family::of(address.value.0.ip))
}

fn list(addresses: &Option<Spanned<Vec<Spanned<Address>>>>) -> &[Spanned<Address>] {
    addresses.as_ref().map_or(&[], |addresses| &addresses.value)
}

/// Every address that the group wants for itself.
pub(super) fn claimed(raw: &raw::Vrrp) -> Vec<Spanned<IpAddr>> {
    let all = list(&raw.addresses).iter().chain(list(&raw.excluded_addresses));
    all.map(|address| Spanned { value: address.value.0.ip, span: address.span.clone() }).collect()
}

/// The excluded addresses.
pub(super) fn excluded(draft: &Draft<'_>) -> Vec<InterfaceAddress> {
    list(&draft.raw.excluded_addresses).iter().map(|address| address.value.0).collect()
}

/// The advertised addresses, of one family, as many as fit, IPv6 with the link-local one first.
pub(super) fn advertised(draft: &Draft<'_>, reader: &mut Reader) -> Vec<InterfaceAddress> {
    let Some(addresses) = &draft.raw.addresses else {
        if !draft.raw.unreadable.contains(&"addresses") {
            let label = "write `addresses = [\"10.0.10.1/24\"]` below";
            reader.missing(draft.heading, "this group has no `addresses`", label);
        }
        return Vec::new();
    };
    if addresses.value.is_empty() {
        // A list of wrong texts is empty, too, and has been complained about.
        if !reader.has_findings_within(&addresses.span) {
            reader.error(&addresses.span, "this group has no address", "one at least: [\"10.0.10.1/24\"]");
        }
        return Vec::new();
    }
    one_family(draft, &addresses.value, reader);
    as_many_as_fit(draft, &addresses.value, reader);
    if draft.family == Family::Ipv6 {
        link_local_first(draft, addresses, reader);
    }
    addresses.value.iter().map(|address| address.value.0).collect()
}

/// A virtual router belongs to one family. RFC 9568 §5.2.9.
fn one_family(draft: &Draft<'_>, addresses: &[Spanned<Address>], reader: &mut Reader) {
    let stranger = addresses.iter().find(|address| Family::of(address.value.0.ip) != draft.family);
    let (Some(stranger), Some(first)) = (stranger, addresses.first()) else { return };
    let other = Family::of(stranger.value.0.ip);
    let message = format!("{} is {other} in a group of {}", as_written(stranger.value.0), draft.family);
    let label = format!(
        "make a group of its own for {other}, `[[interface.{}.vrrp]]` with an `id` again, or move it to \
         `excluded-addresses`",
        quoted(draft.interface)
    );
    let first_label = format!("the first address makes it {}", draft.family);
    reader.collision(&stranger.span, message, label, (first.span.clone(), &first_label));
}

/// An advertisement has one octet to count its addresses, and must not be fragmented.
fn as_many_as_fit(draft: &Draft<'_>, addresses: &[Spanned<Address>], reader: &mut Reader) {
    let trailer = draft.raw.authentication.as_ref().and_then(|how| how.value.kind.as_ref());
    let trailer = match trailer.map(|kind| kind.value) {
        Some(raw::AuthenticationKind::Hmac) => HMAC_TRAILER,
        _ => 0,
    };
    let (ip_header, each) = match draft.family {
        Family::Ipv4 => (20, 4),
        Family::Ipv6 => (40, 16),
    };
    // IPv4 runs out of numbers before it runs out of room, in either version and with any trailer.
    let room = ETHERNET_MTU - ip_header - 8 - trailer;
    let most = (room / each).min(usize::from(u8::MAX));
    if let Some(first_beyond) = addresses.get(most) {
        let message = format!("{} addresses do not fit into one advertisement", addresses.len());
        let why = if most == 255 { "it counts to 255" } else { "a packet has 1500 octets" };
        let label = format!(
            "the first that is too many: at most {most}, {why}; move the rest to `excluded-addresses`"
        );
        reader.error(&first_beyond.span, message, label);
    }
}

/// Hosts take the link-local address as their router, and some routers drop advertisements without it.
/// RFC 9568 §5.2.9.
fn link_local_first(draft: &Draft<'_>, addresses: &Spanned<Vec<Spanned<Address>>>, reader: &mut Reader) {
    let texts = |first: InterfaceAddress| {
        let rest = addresses.value.iter().map(|address| address.value.0).filter(|address| *address != first);
        let all: Vec<String> = std::iter::once(first)
            .chain(rest)
            .map(|address| format!("\"{}\"", as_written(address)))
            .collect();
        if all.len() > 3 {
            format!("[{}, …]", all[..2].join(", "))
        } else {
            format!("[{}]", all.join(", "))
        }
    };
    let Some(first) = addresses.value.first() else { return };
    if is_link_local(first.value.0.ip) {
        return;
    }
    match addresses.value.iter().find(|address| is_link_local(address.value.0.ip)) {
        Some(later) => {
            let label = format!("put it first: {}", texts(later.value.0));
            let message = format!("the link-local address {} is not the first", later.value.0.ip);
            reader.error(&later.span, message, label);
        }
        None => {
            let derived = InterfaceAddress { ip: derived_link_local(draft.id).into(), prefix: 64 };
            let label = format!("write {}, the same on all routers (RFC 9568 §5.2.9)", texts(derived));
            reader.error(
                &addresses.span,
                "an IPv6 group needs a link-local address, and it comes first",
                label,
            );
        }
    }
}

/// The link-local address that the virtual MAC of a virtual router makes by EUI-64. RFC 4291 appendix A.
/// `fe80::1` if the number is not known: any will do.
fn derived_link_local(vrid: Option<u8>) -> Ipv6Addr {
    match vrid {
        Some(vrid) => Ipv6Addr::new(0xfe80, 0, 0, 0, 0x0200, 0x5eff, 0xfe00, 0x0200 | u16::from(vrid)),
        None => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
    }
}

/// An address as somebody would write it: no prefix length for a single address.
fn as_written(address: InterfaceAddress) -> String {
    if address == InterfaceAddress::host(address.ip) { address.ip.to_string() } else { address.to_string() }
}

/// The address to speak from.
pub(super) fn source(draft: &Draft<'_>, reader: &mut Reader) -> Option<IpAddr> {
    let source = draft.raw.source.as_ref()?;
    let ip = source.value.0.ip;
    if right_family(draft, ip, &source.span, "source", reader) {
        let virtual_one = list(&draft.raw.addresses).iter().any(|address| address.value.0.ip == ip);
        if virtual_one && !draft.owner {
            let label = "an address that this router alone has; only an owner speaks from a virtual one";
            reader.error(&source.span, format!("{ip} is a virtual address"), label);
        } else if draft.family == Family::Ipv6 && !is_link_local(ip) && draft.raw.peers.is_none() {
            let label = "an address of this interface that begins with fe80 (RFC 9568 §5.1.2.1)";
            reader.error(&source.span, "IPv6 advertisements leave from a link-local address", label);
        }
    }
    Some(ip)
}

fn right_family(draft: &Draft<'_>, ip: IpAddr, span: &Span, key: &str, reader: &mut Reader) -> bool {
    let right = Family::of(ip) == draft.family;
    if !right {
        let message = format!("`{key}` is {}, and the group is {}", Family::of(ip), draft.family);
        reader.error(span, message, format!("an {} address", draft.family));
    }
    right
}

/// The unicast peers.
pub(super) fn peers(draft: &Draft<'_>, reader: &mut Reader) -> Vec<Peer> {
    let Some(raw_peers) = &draft.raw.peers else { return Vec::new() };
    if raw_peers.value.is_empty() && !reader.has_findings_within(&raw_peers.span) {
        let label = "name the other routers, or leave it out for multicast";
        reader.error(&raw_peers.span, "`peers` names nobody", label);
    }
    let mut peers: Vec<(Peer, Span)> = Vec::new();
    for peer in &raw_peers.value {
        let Some(address) = &peer.value.0.address else { continue };
        let ip = address.value.0.ip;
        if right_family(draft, ip, &address.span, "peers", reader) {
            if let Some((_, first)) = peers.iter().find(|(known, _)| known.address == ip) {
                let first = (first.clone(), "the first of them");
                reader.collision(
                    &address.span,
                    format!("peer {ip} is named twice"),
                    "leave it out".into(),
                    first,
                );
            }
            if list(&draft.raw.addresses).iter().any(|address| address.value.0.ip == ip) && !draft.owner {
                let label = "the peer's own address, which it keeps when it is not Active";
                reader.error(&address.span, format!("peer {ip} is a virtual address of this group"), label);
            }
            if draft.raw.source.as_ref().is_some_and(|source| source.value.0.ip == ip) {
                reader.error(&address.span, format!("peer {ip} is our own `source`"), "name the others only");
            }
        }
        peers.push((Peer { address: ip, min_ttl: min_ttl(peer, reader) }, address.span.clone()));
    }
    peers.into_iter().map(|(peer, _)| peer).collect()
}

fn min_ttl(peer: &Spanned<raw::Peer>, reader: &mut Reader) -> u8 {
    let Some(ttl) = &peer.value.0.min_ttl else { return u8::MAX };
    match u8::try_from(ttl.value) {
        Ok(ttl @ 1..) => ttl,
        _ => {
            let label = "1 to 255; 255 for a peer on the same link, one less for each router between";
            reader.error(&ttl.span, "`min-ttl` is out of range", label);
            u8::MAX
        }
    }
}
