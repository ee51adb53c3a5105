//! The digest: HMAC-SHA1 over what two members must agree upon, and over the counter.
//!
//! ```text
//! 02 01 | own link-layer address, if any | VHID | IPv4 addresses | IPv6 addresses | counter
//! ```
//!
//! Addresses go in ascending order, each once, without prefix lengths, and both families whatever family the
//! advertisement travels over. They are nowhere else: members with other addresses are deaf to each other.
//!
//! It covers neither interval nor demotion, and counters need not rise, so whoever has seen one advertisement can
//! repeat it with another interval for as long as the password lives. It keeps out mistakes, not people.
//!
//! Sources: OpenBSD ip_carp.c, carp_hmac_prepare and carp_hmac_verify; FreeBSD ip_carp.c, carp_hmac_prepare; ucarp
//! carp.c.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fhrp::{Mac, Secret};
use hmac::{Hmac, KeyInit, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::judge::Refusal;
use crate::wire::{ADVERTISEMENT, Advertisement, DIGEST, Heard, LENGTH, VERSION, emit};

/// Octets of a password that any of the originals can be given: they keep it in 20 with a zero behind it.
pub const MOST_PORTABLE_PASSWORD: usize = 19;

/// Octets of a password that count: the originals have no room for more.
const KEY: usize = 20;

/// What members must agree upon besides the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// Virtual host identifier.
    pub vhid: u8,
    /// Every virtual address of both families.
    pub addresses: AddressList,
    /// The link-layer address of an OpenBSD carp interface that was given one by hand, for the lowest VHID on that
    /// interface.
    pub link_layer_address: Option<Mac>,
}

/// Virtual addresses as the digest covers them: in order, each once, without the interface's number that BSD kernels
/// keep inside link-local ones. `0.0.0.0`, `255.255.255.255`, `::` and all ones are never covered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressList {
    v4: BTreeSet<Ipv4Addr>,
    v6: BTreeSet<Ipv6Addr>,
}

impl AddressList {
    /// The list without link-local addresses.
    fn without_link_local(&self) -> AddressList {
        let v6 = self.v6.iter().copied().filter(|ip| !ip.is_unicast_link_local()).collect();
        AddressList { v4: self.v4.clone(), v6 }
    }

    fn octets(&self) -> Vec<u8> {
        let v4 = self.v4.iter().flat_map(Ipv4Addr::octets);
        v4.chain(self.v6.iter().flat_map(Ipv6Addr::octets)).collect()
    }
}

impl FromIterator<IpAddr> for AddressList {
    fn from_iter<T: IntoIterator<Item = IpAddr>>(addresses: T) -> Self {
        let mut list = AddressList::default();
        for address in addresses {
            match address {
                IpAddr::V4(ip) if u32::from(ip) != 0 && u32::from(ip) != u32::MAX => {
                    list.v4.insert(ip);
                }
                IpAddr::V6(ip) if u128::from(ip) != 0 && u128::from(ip) != u128::MAX => {
                    list.v6.insert(without_scope(ip));
                }
                IpAddr::V4(_) | IpAddr::V6(_) => {}
            }
        }
        list
    }
}

/// Addresses that mean nothing without an interface have its number in octets 2 and 3 inside a BSD kernel.
fn without_scope(ip: Ipv6Addr) -> Ipv6Addr {
    let mut segments = ip.segments();
    let interface_or_link_local_group = segments[0] & 0xff0f;
    if ip.is_unicast_link_local() || matches!(interface_or_link_local_group, 0xff01 | 0xff02) {
        segments[1] = 0;
    }
    Ipv6Addr::from(segments)
}

/// Whether link-local virtual addresses are covered. The originals do not agree; without such an address there is
/// no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkLocal {
    /// They are left out: what OpenBSD sends, since each of its members may have grown one of its own.
    #[default]
    LeftOut,
    /// They are covered: FreeBSD, NetBSD and old OpenBSD.
    Covered,
}

/// One virtual host's password and addresses, ready to seal and to verify: all but the counter is digested once.
#[derive(Debug, Clone)]
pub struct Guard {
    sealing: Prepared,
    /// The other form, if it differs.
    other: Option<Prepared>,
}

impl Guard {
    /// A guard that seals in the form that `link_local` says and believes both.
    /// Octets of the password beyond the 20th do not count.
    pub fn new(password: &Secret, covered: &Covered, link_local: LinkLocal) -> Guard {
        let Covered { vhid, addresses, link_layer_address } = covered;
        let prepare =
            |addresses: &AddressList| Prepared::new(password.expose(), *vhid, addresses, *link_layer_address);
        let without = addresses.without_link_local();
        if without == *addresses {
            return Guard { sealing: prepare(addresses), other: None };
        }
        match link_local {
            LinkLocal::LeftOut => Guard { sealing: prepare(&without), other: Some(prepare(addresses)) },
            LinkLocal::Covered => Guard { sealing: prepare(addresses), other: Some(prepare(&without)) },
        }
    }

    /// The octets of an advertisement.
    pub fn seal(&self, advertisement: &Advertisement) -> [u8; LENGTH] {
        emit(advertisement, &self.sealing.digest(advertisement.counter))
    }

    /// Judges the digest of an advertisement.
    ///
    /// # Errors
    ///
    /// [`Refusal::Digest`] if it fits in neither form.
    pub fn admit(&self, heard: &Heard) -> Result<(), Refusal> {
        let fits = |prepared: &Prepared| prepared.digest(heard.advertisement.counter).ct_eq(&heard.digest);
        let mut good = fits(&self.sealing);
        if let Some(other) = &self.other {
            good |= fits(other);
        }
        if bool::from(good) { Ok(()) } else { Err(Refusal::Digest) }
    }
}

/// A digest that has seen everything but the counter.
#[derive(Clone)]
struct Prepared(Hmac<Sha1>);

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared(…)")
    }
}

impl Prepared {
    fn new(key: &[u8], vhid: u8, addresses: &AddressList, link_layer_address: Option<Mac>) -> Prepared {
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(key.iter().take(KEY)).for_each(|(octet, given)| *octet = *given);
        let mut mac = Hmac::<Sha1>::new((&*block).into());
        mac.update(&[VERSION, ADVERTISEMENT]);
        if let Some(Mac(octets)) = link_layer_address {
            mac.update(&octets);
        }
        mac.update(&[vhid]);
        mac.update(&addresses.octets());
        Prepared(mac)
    }

    fn digest(&self, counter: u64) -> [u8; DIGEST] {
        let mut mac = self.0.clone();
        mac.update(&counter.to_be_bytes());
        mac.finalize().into_bytes().into()
    }
}
