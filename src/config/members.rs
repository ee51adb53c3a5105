//! The addresses of a group whose members are elected by them, HSRP's and GLBP's alike: its own, and where it speaks from.

use std::net::{IpAddr, Ipv6Addr};

use fhrp::address::is_link_local;
use fhrp::{Family, InterfaceAddress};

use super::reader::{Reader, Spanned};
use super::shared::quoted;
use super::value::Address;

/// What a group says of addresses.
pub(super) struct Addresses<'a> {
    pub(super) protocol: &'static str,
    pub(super) interface: &'a str,
    pub(super) list: &'a [Spanned<Address>],
    pub(super) source: Option<&'a Spanned<Address>>,
}

impl Addresses<'_> {
    /// The family of a group: that of its first address. An address is learnt over IPv4 only.
    pub(super) fn family(&self) -> Family {
        self.list.first().map_or(Family::Ipv4, |address| Family::of(address.value.0.ip))
    }

    /// Every address that the group wants for itself.
    pub(super) fn claimed(&self) -> Vec<Spanned<IpAddr>> {
        let all = self.list.iter();
        all.map(|address| Spanned { value: address.value.0.ip, span: address.span.clone() }).collect()
    }

    /// The virtual addresses, of one family. IPv6 says the link-local one, so that comes first; if there is none, it is
    /// `made` of the number.
    pub(super) fn plan(&self, made: Option<Ipv6Addr>, reader: &mut Reader) -> Vec<InterfaceAddress> {
        self.one_family(reader);
        let mut addresses: Vec<InterfaceAddress> = self.list.iter().map(|address| address.value.0).collect();
        if self.family() == Family::Ipv6 {
            match addresses.iter().position(|address| is_link_local(address.ip)) {
                Some(place) => addresses[..=place].rotate_right(1),
                None => {
                    addresses.splice(0..0, made.map(|ip| InterfaceAddress { ip: ip.into(), prefix: 64 }));
                }
            }
        }
        addresses
    }

    fn one_family(&self, reader: &mut Reader) {
        let family = self.family();
        let stranger = self.list.iter().find(|address| Family::of(address.value.0.ip) != family);
        let (Some(stranger), Some(first)) = (stranger, self.list.first()) else { return };
        let ip = stranger.value.0.ip;
        let other = Family::of(ip);
        let label = format!(
            "make a group of its own for {other}, `[[interface.{}.{}]]` with an `id` again",
            quoted(self.interface),
            self.protocol
        );
        let first_label = format!("the first address makes it {family}");
        let message = format!("{ip} is {other} in a group of {family}");
        reader.collision(&stranger.span, message, label, (first.span.clone(), &first_label));
    }

    /// The address to speak from.
    pub(super) fn source(&self, reader: &mut Reader) -> Option<IpAddr> {
        let family = self.family();
        let source = self.source?;
        let ip = source.value.0.ip;
        if Family::of(ip) != family {
            let message = format!("`source` is {}, and the group is {family}", Family::of(ip));
            reader.error(&source.span, message, format!("an {family} address"));
        } else if self.list.iter().any(|address| address.value.0.ip == ip) {
            let label = "an address that this router alone has";
            reader.error(&source.span, format!("{ip} is a virtual address"), label);
        } else if family == Family::Ipv6 && !is_link_local(ip) {
            let label = "an address of this interface that begins with fe80";
            reader.error(&source.span, "IPv6 messages leave from a link-local address", label);
        }
        Some(ip)
    }
}
