//! The addresses of a virtual host: its own, where it speaks from, and whom it speaks to.

use std::net::IpAddr;

use ::carp::config::{Destination, Peer};
use ::carp::wire::{MULTICAST_V4, MULTICAST_V6};
use fhrp::address::is_link_local;
use fhrp::{Family, InterfaceAddress};

use super::super::raw;
use super::super::reader::{Reader, Span, Spanned};
use super::super::value::Address;
use super::Draft;

fn list(addresses: &Option<Spanned<Vec<Spanned<Address>>>>) -> &[Spanned<Address>] {
    addresses.as_ref().map_or(&[], |addresses| &addresses.value)
}

/// Every address that the group wants for itself.
pub(super) fn claimed(raw: &raw::Carp) -> Vec<Spanned<IpAddr>> {
    let all = list(&raw.addresses).iter();
    all.map(|address| Spanned { value: address.value.0.ip, span: address.span.clone() }).collect()
}

/// The virtual addresses, of either family or both.
pub(super) fn plan(draft: &Draft<'_>, reader: &mut Reader) -> Vec<InterfaceAddress> {
    let Some(addresses) = &draft.raw.addresses else {
        if !draft.raw.unreadable.contains(&"addresses") {
            let label = "write `addresses = [\"10.0.10.1/24\"]` below";
            reader.missing(draft.heading, "this group has no `addresses`", label);
        }
        return Vec::new();
    };
    // A list of wrong texts is empty, too, and has been complained about.
    if addresses.value.is_empty() && !reader.has_findings_within(&addresses.span) {
        reader.error(&addresses.span, "this group has no address", "one at least: [\"10.0.10.1/24\"]");
    }
    addresses.value.iter().map(|address| address.value.0).collect()
}

/// The addresses to speak from.
pub(super) fn sources(draft: &Draft<'_>, reader: &mut Reader) -> Vec<IpAddr> {
    let mut seen: Vec<(Family, Span)> = Vec::new();
    for source in list(&draft.raw.source) {
        let ip = source.value.0.ip;
        let family = Family::of(ip);
        if let Some((_, first)) = seen.iter().find(|(known, _)| *known == family) {
            let first = (first.clone(), "the first of them");
            let message = format!("`source` has two {family} addresses");
            reader.collision(&source.span, message, "one of a family".into(), first);
        }
        seen.push((family, source.span.clone()));
        if list(&draft.raw.addresses).iter().any(|address| address.value.0.ip == ip) {
            let label = "an address that this router alone has";
            reader.error(&source.span, format!("{ip} is a virtual address"), label);
        } else if family == Family::Ipv6 && !is_link_local(ip) && draft.raw.peers.is_none() {
            let label = "an address of this interface that begins with fe80";
            reader.error(&source.span, "IPv6 advertisements leave from a link-local address", label);
        } else if !draft.families().any(|own| own == family) {
            let label = format!("leave it out: the group has no {family} address");
            reader.warn(&source.span, "nothing is said from here", label);
        }
    }
    list(&draft.raw.source).iter().map(|source| source.value.0.ip).collect()
}

/// Where advertisements go.
pub(super) fn destination(draft: &Draft<'_>, reader: &mut Reader) -> Destination {
    let Some(peers) = &draft.raw.peers else {
        return Destination::Multicast { v4: group(draft, reader), v6: MULTICAST_V6 };
    };
    if let Some(group) = &draft.raw.multicast {
        let label = "leave it out, or leave out `peers`";
        reader.error(&group.span, "`multicast` beside unicast `peers`", label);
    }
    if peers.value.is_empty() && !reader.has_findings_within(&peers.span) {
        let label = "name the other routers, or leave it out for multicast";
        reader.error(&peers.span, "`peers` names nobody", label);
    }
    Destination::Peers(peers.value.iter().filter_map(|peer| one_peer(draft, peer, reader)).collect())
}

fn one_peer(draft: &Draft<'_>, peer: &Spanned<raw::Peer>, reader: &mut Reader) -> Option<Peer> {
    let address = peer.value.0.address.as_ref()?;
    let ip = address.value.0.ip;
    let family = Family::of(ip);
    if list(&draft.raw.addresses).iter().any(|own| own.value.0.ip == ip) {
        let label = "the peer's own address, which it keeps when it is not master";
        reader.error(&address.span, format!("peer {ip} is a virtual address of this group"), label);
    } else if list(&draft.raw.source).iter().any(|source| source.value.0.ip == ip) {
        reader.error(&address.span, format!("peer {ip} is our own `source`"), "name the others only");
    } else if !draft.families().any(|own| own == family) {
        let label = format!("an address of the family that the group has; nothing is said in {family}");
        reader.error(
            &address.span,
            format!("peer {ip} is {family}, and the group has no such address"),
            label,
        );
    }
    let ttl = peer.value.0.min_ttl.as_ref();
    let is_far = ttl.is_some_and(|ttl| match u8::try_from(ttl.value) {
        Ok(least @ 1..) => least < u8::MAX,
        _ => {
            let label = "1 to 255; 255 for a peer on the same link, less for one beyond a router";
            reader.error(&ttl.span, "`min-ttl` is out of range", label);
            false
        }
    });
    Some(Peer { address: ip, is_routed: is_far })
}

fn group(draft: &Draft<'_>, reader: &mut Reader) -> IpAddr {
    let Some(group) = &draft.raw.multicast else { return MULTICAST_V4 };
    match group.value.parse::<IpAddr>() {
        Ok(ip) if ip.is_ipv4() && ip.is_multicast() => ip,
        _ => {
            let message = format!("`{}` is no IPv4 multicast group", group.value);
            reader.error(&group.span, message, "such as 224.0.0.18");
            MULTICAST_V4
        }
    }
}
