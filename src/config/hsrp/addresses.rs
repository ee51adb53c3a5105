//! The addresses of a group: its own, and where it speaks from.

use std::net::IpAddr;

use ::hsrp::vmac::virtual_link_local;
use fhrp::address::is_link_local;
use fhrp::{Family, InterfaceAddress};

use super::super::raw;
use super::super::reader::{Reader, Spanned};
use super::super::shared::quoted;
use super::super::value::Address;
use super::Draft;

/// The family of a group: that of its first address. An address is learnt over IPv4 only.
pub(super) fn family(raw: &raw::Hsrp) -> Family {
    list(raw).first().map_or(Family::Ipv4, |address| Family::of(address.value.0.ip))
}

fn list(raw: &raw::Hsrp) -> &[Spanned<Address>] {
    raw.addresses.as_ref().map_or(&[], |addresses| &addresses.value)
}

/// Every address that the group wants for itself.
pub(super) fn claimed(raw: &raw::Hsrp) -> Vec<Spanned<IpAddr>> {
    let all = list(raw).iter();
    all.map(|address| Spanned { value: address.value.0.ip, span: address.span.clone() }).collect()
}

/// The virtual addresses, of one family. IPv6 says the link-local one, so that comes first; if there is none, the
/// number makes one.
pub(super) fn plan(draft: &Draft<'_>, reader: &mut Reader) -> Vec<InterfaceAddress> {
    one_family(draft, reader);
    let mut addresses: Vec<InterfaceAddress> =
        list(draft.raw).iter().map(|address| address.value.0).collect();
    if draft.family == Family::Ipv6 {
        match addresses.iter().position(|address| is_link_local(address.ip)) {
            Some(place) => addresses[..=place].rotate_right(1),
            None => {
                let made = draft.id.and_then(virtual_link_local);
                addresses.splice(0..0, made.map(|ip| InterfaceAddress { ip: ip.into(), prefix: 64 }));
            }
        }
    }
    addresses
}

fn one_family(draft: &Draft<'_>, reader: &mut Reader) {
    let addresses = list(draft.raw);
    let stranger = addresses.iter().find(|address| Family::of(address.value.0.ip) != draft.family);
    let (Some(stranger), Some(first)) = (stranger, addresses.first()) else { return };
    let ip = stranger.value.0.ip;
    let other = Family::of(ip);
    let label = format!(
        "make a group of its own for {other}, `[[interface.{}.hsrp]]` with an `id` again",
        quoted(draft.interface)
    );
    let first_label = format!("the first address makes it {}", draft.family);
    let message = format!("{ip} is {other} in a group of {}", draft.family);
    reader.collision(&stranger.span, message, label, (first.span.clone(), &first_label));
}

/// The address to speak from.
pub(super) fn source(draft: &Draft<'_>, reader: &mut Reader) -> Option<IpAddr> {
    let source = draft.raw.source.as_ref()?;
    let ip = source.value.0.ip;
    if Family::of(ip) != draft.family {
        let message = format!("`source` is {}, and the group is {}", Family::of(ip), draft.family);
        reader.error(&source.span, message, format!("an {} address", draft.family));
    } else if list(draft.raw).iter().any(|address| address.value.0.ip == ip) {
        let label = "an address that this router alone has";
        reader.error(&source.span, format!("{ip} is a virtual address"), label);
    } else if draft.family == Family::Ipv6 && !is_link_local(ip) {
        let label = "an address of this interface that begins with fe80";
        reader.error(&source.span, "IPv6 messages leave from a link-local address", label);
    }
    Some(ip)
}
