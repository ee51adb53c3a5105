//! Virtual MACs that several members hold at a time: which packets of them are ours.
//!
//! nf_tables has no division, so a program of the kernel's packet virtual machine computes a packet's bucket, before
//! the tables see the frame. One program serves all links; what it looks up is a map, and a change of buckets is one
//! step in it. The gate stays with the tables: a program alone lets nothing in.
//!
//! Program, map and attachments last as long as our descriptors. ARP and Neighbour Discovery for a shared MAC reach
//! every member; who of them answers is the group's business.

mod assembler;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;

use fhrp::{Buckets, HoldFault, Mac};

use super::marks;
use super::netlink::reason;
use super::piece::Key;
use crate::sys::{self, BpfMap};

/// Most shared MACs that a machine holds: all VHIDs on sixteen interfaces.
const MOST: u32 = 4096;

/// No interface has this number.
const NO_LINK: u32 = i32::MAX as u32;

/// Whether this kernel, and what we may do with it, is enough to share a virtual MAC.
pub fn probe() -> Result<(), HoldFault> {
    Sharing::open().map(|_| ())
}

/// What the kernel was given.
pub(crate) struct Sharing {
    map: BpfMap<12, 8>,
    program: OwnedFd,
    attached: BTreeMap<u32, OwnedFd>,
    /// Buckets of ours, each with the number of all, by link and MAC.
    ours: BTreeMap<(u32, Mac), BTreeSet<(u8, u8)>>,
}

impl Sharing {
    /// Loads the program.
    ///
    /// Fails where the kernel knows no such programs, or none for a link's descriptor to hold (Linux 6.6), or does not
    /// permit them: CAP_BPF and CAP_NET_ADMIN are needed, and no user namespace has the former.
    pub fn open() -> Result<Self, HoldFault> {
        let operation = "load a BPF program that shares a virtual MAC (Linux 6.6, CAP_BPF and CAP_NET_ADMIN)";
        let fault = |error: io::Error| HoldFault { operation: operation.into(), cause: reason(&error) };
        let map = BpfMap::new(marks::TABLE, MOST).map_err(fault)?;
        let code = program::program(map.number()).ok_or_else(|| fault(io::ErrorKind::InvalidData.into()))?;
        let program = sys::load_classifier(marks::TABLE, &code).map_err(fault)?;
        match sys::attach_to_ingress(&program, NO_LINK) {
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {}
            Err(error) => return Err(fault(error)),
            Ok(_) => return Err(fault(io::ErrorKind::InvalidData.into())),
        }
        Ok(Sharing { map, program, attached: BTreeMap::new(), ours: BTreeMap::new() })
    }

    /// Puts the program on a link. Does nothing if it is there.
    pub fn attach(&mut self, link: u32) -> io::Result<()> {
        if !self.attached.contains_key(&link) {
            self.attached.insert(link, sys::attach_to_ingress(&self.program, link)?);
        }
        Ok(())
    }

    /// Takes it off a link, which may be gone.
    pub fn detach(&mut self, link: u32) {
        self.attached.remove(&link);
    }

    /// Follows pieces that come and go; those that are none of its own are passed over.
    pub fn change<'a>(
        &mut self,
        removed: impl Iterator<Item = &'a Key>,
        added: impl Iterator<Item = &'a Key>,
    ) -> io::Result<()> {
        let mut touched = BTreeSet::new();
        for (place, bucket) in removed.filter_map(bucket_of) {
            touched.insert(place);
            if let Some(ours) = self.ours.get_mut(&place) {
                ours.remove(&bucket);
            }
        }
        for (place, bucket) in added.filter_map(bucket_of) {
            touched.insert(place);
            self.ours.entry(place).or_default().insert(bucket);
        }
        touched.into_iter().try_for_each(|place| self.tell(place))
    }

    fn tell(&mut self, place: (u32, Mac)) -> io::Result<()> {
        let key = key(place);
        // Members that disagree about how many there are share nothing; the smaller number counts until they agree.
        let first = self.ours.get(&place).and_then(BTreeSet::first).copied();
        let Some((mut buckets, count)) = first.and_then(|(count, _)| Some((Buckets::new(count)?, count)))
        else {
            self.ours.remove(&place);
            return match self.map.remove(&key) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                result => result,
            };
        };
        for (_, number) in self.ours.get(&place).into_iter().flatten().filter(|it| it.0 == count) {
            buckets = buckets.with(*number);
        }
        self.map.set(&key, &value(buckets))
    }
}

fn bucket_of(key: &Key) -> Option<((u32, Mac), (u8, u8))> {
    match key {
        Key::Bucket { link, mac, count, number } => Some(((*link, *mac), (*count, *number))),
        _ => None,
    }
}

/// As the program reads it: link in this machine's order, MAC, zeros.
fn key((link, mac): (u32, Mac)) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&link.to_ne_bytes());
    key[4..10].copy_from_slice(&mac.0);
    key
}

/// How many, and a bit for each of ours.
fn value(buckets: Buckets) -> [u8; 8] {
    let bits = buckets.ours().fold(0_u32, |bits, number| bits | 1 << number);
    let mut value = [0; 8];
    value[..4].copy_from_slice(&u32::from(buckets.count()).to_ne_bytes());
    value[4..].copy_from_slice(&bits.to_ne_bytes());
    value
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::net::IpAddr;

    use etherparse::PacketBuilder;
    use fhrp::Share;
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// The interface that the kernel says frames of a trial came from.
    const LOOPBACK: u32 = 1;
    const SHARED: Mac = Mac([1, 0, 0x5e, 0, 1, 10]);
    const HOST: [u8; 6] = [2, 0, 0, 0, 0, 9];
    const LET_ON: i32 = -1;
    const DROPPED: i32 = 2;

    fn opened() -> Option<Sharing> {
        match Sharing::open() {
            Ok(sharing) => Some(sharing),
            Err(fault) => {
                eprintln!("skipped: {fault}");
                None
            }
        }
    }

    fn keys(buckets: Buckets) -> Vec<Key> {
        let bucket = |number| Key::Bucket { link: LOOPBACK, mac: SHARED, count: buckets.count(), number };
        buckets.ours().map(bucket).collect()
    }

    fn udp(to: Mac, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        let frame = PacketBuilder::ethernet2(HOST, to.0);
        let builder = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                frame.ipv4(source.octets(), destination.octets(), 64)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                frame.ipv6(source.octets(), destination.octets(), 64)
            }
            _ => panic!("two families"),
        };
        let mut octets = Vec::new();
        builder.udp(9, 9).write(&mut octets, b"payload").unwrap();
        octets
    }

    #[test]
    fn the_kernel_takes_what_the_share_takes() {
        let Some(sharing) = opened() else { return };
        let sharing = RefCell::new(sharing);
        let address = |v6: bool, bits: u128| -> IpAddr {
            if v6 { IpAddr::V6(bits.into()) } else { IpAddr::V4((bits as u32).into()) }
        };
        let cases = (1_u8..=32, any::<u32>(), any::<bool>(), any::<[u128; 2]>());
        TestRunner::default()
            .run(&cases, |(count, ours, v6, [source, destination])| {
                let ours = (0..32).filter(|number| ours >> number & 1 == 1);
                let buckets = ours.fold(Buckets::new(count).unwrap(), Buckets::with);
                let (mut sharing, keys) = (sharing.borrow_mut(), keys(buckets));
                sharing.change([].iter(), keys.iter()).unwrap();
                let (source, destination) = (address(v6, source), address(v6, destination));
                let verdict =
                    sys::try_classifier(&sharing.program, &udp(SHARED, source, destination)).unwrap();
                sharing.change(keys.iter(), [].iter()).unwrap();
                // Without any bucket nothing is shared, and the tables let nothing in.
                let takes =
                    buckets.ours().next().is_none() || Share::Buckets(buckets).takes(source, destination);
                prop_assert_eq!(verdict, if takes { LET_ON } else { DROPPED });
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn what_is_no_traffic_of_the_shared_mac_is_let_on() {
        let Some(mut sharing) = opened() else { return };
        let none_of_these = keys(Buckets::new(32).unwrap().with(31));
        sharing.change([].iter(), none_of_these.iter()).unwrap();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let verdict = |frame: &[u8]| sys::try_classifier(&sharing.program, frame).unwrap();
        let (host, far) = (ip("192.0.2.10"), ip("198.51.100.1"));
        assert_eq!(verdict(&udp(SHARED, host, far)), DROPPED);
        assert_eq!(verdict(&udp(Mac([0, 0, 0x5e, 0, 1, 10]), host, far)), LET_ON);
        for many in ["224.0.1.10", "239.255.255.255", "255.255.255.255"] {
            assert_eq!(verdict(&udp(SHARED, host, ip(many))), LET_ON, "{many}");
        }
        assert_eq!(verdict(&udp(SHARED, host, ip("240.0.0.1"))), DROPPED);
        assert_eq!(verdict(&udp(SHARED, ip("2001:db8::1"), ip("ff02::1"))), LET_ON);

        let icmp = |kind: u8| {
            let mut octets = Vec::new();
            let source = ip("fe80::9");
            let (IpAddr::V6(source), IpAddr::V6(destination)) = (source, ip("fe80::1")) else { panic!() };
            PacketBuilder::ethernet2(HOST, SHARED.0)
                .ipv6(source.octets(), destination.octets(), 255)
                .icmpv6_raw(kind, 0, [0; 4])
                .write(&mut octets, &[0; 16])
                .unwrap();
            octets
        };
        assert_eq!([128, 132, 138].map(|kind| verdict(&icmp(kind))), [DROPPED; 3]);
        assert_eq!([133, 135, 136, 137].map(|kind| verdict(&icmp(kind))), [LET_ON; 4]);

        let mut arp = [SHARED.0, HOST].concat();
        arp.extend([8, 6]);
        arp.extend([0; 46]);
        assert_eq!(verdict(&arp), LET_ON);
    }
}
