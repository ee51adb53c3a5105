//! A big capture of a small world: routers that speak VRRP in every way, and a LAN that goes on beside them. Or the
//! routers alone, with those of HSRP and GLBP.

use std::fs::File;
use std::io::BufWriter;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow};
use fhrp::announcer::ArpForm;
use fhrp::packet::ip_protocol;
use fhrp::{Datagram, Family, Mac, Route};
use firsthop::net::{frame, neighbour};
use pcap_file::pcap::{PcapPacket, PcapWriter};
use vrrp::auth::Guard;
use vrrp::config::{Authentication, Key, Secret, virtual_mac};
use vrrp::wire::{Advertisement, ChecksumForm, MULTICAST_V4, MULTICAST_V6, Version};

mod dense;

/// What is in a capture.
#[derive(Debug, Clone, Copy)]
pub enum Mix {
    /// VRRP, and as much of what a LAN has besides.
    Lan,
    /// VRRP, HSRP and GLBP alone.
    Dense,
}

/// When the capture begins, in seconds since the epoch.
const BEGIN: u64 = 1_795_500_000;
/// Between two frames.
const STEP: Duration = Duration::from_micros(100);
/// Virtual routers.
const GROUPS: u8 = 200;

/// Writes a capture of `count` frames.
pub fn write(path: &Path, mix: Mix, count: u64) -> Result<()> {
    let frames = match mix {
        Mix::Lan => world()?,
        Mix::Dense => dense::world()?,
    };
    let mut writer = PcapWriter::new(BufWriter::with_capacity(1 << 20, File::create(path)?))?;
    let mut at = Duration::from_secs(BEGIN);
    for number in 0..count {
        let octets = &frames[usize::try_from(number)? % frames.len()];
        writer.write_packet(&PcapPacket::new(at, u32::try_from(octets.len())?, octets))?;
        at += STEP;
    }
    writer.flush()?;
    Ok(())
}

/// One frame of each kind for each group, mixed.
fn world() -> Result<Vec<Vec<u8>>> {
    let mut frames = Vec::new();
    for group in 1..=GROUPS {
        for authentication in schemes() {
            frames.push(advert(group, Version::V2, &authentication, ChecksumForm::MessageOnly)?);
        }
        for form in [ChecksumForm::MessageOnly, ChecksumForm::PseudoHeader] {
            frames.push(advert(group, Version::V3, &Authentication::None, form)?);
        }
        frames.push(advert_ipv6(group)?);
        frames.extend(noise(group)?);
    }
    Ok(frames)
}

fn schemes() -> [Authentication; 4] {
    [
        Authentication::None,
        Authentication::Text(Secret::new("password")),
        Authentication::AuthenticationHeader(Secret::new("password")),
        Authentication::CiscoMd5(vec![Key { id: 0, secret: Secret::new("password") }]),
    ]
}

fn advert(group: u8, version: Version, scheme: &Authentication, form: ChecksumForm) -> Result<Vec<u8>> {
    let source = IpAddr::V4(Ipv4Addr::new(10, 0, group, 2));
    let addresses = vec![Ipv4Addr::new(10, 0, group, 1).into(), Ipv4Addr::new(10, 1, group, 1).into()];
    send(group, version, scheme, form, source, MULTICAST_V4, addresses)
}

fn advert_ipv6(group: u8) -> Result<Vec<u8>> {
    let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, group.into(), 2);
    let addresses = vec![
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, group.into(), 1).into(),
        Ipv6Addr::new(0x2001, 0xdb8, group.into(), 0, 0, 0, 0, 1).into(),
    ];
    let form = ChecksumForm::PseudoHeader;
    send(group, Version::V3, &Authentication::None, form, source.into(), MULTICAST_V6, addresses)
}

fn send(
    vrid: u8,
    version: Version,
    scheme: &Authentication,
    form: ChecksumForm,
    source: IpAddr,
    destination: IpAddr,
    addresses: Vec<IpAddr>,
) -> Result<Vec<u8>> {
    let advertisement =
        Advertisement { version, vrid, priority: 100, interval: Duration::from_secs(1), addresses };
    let wall = Duration::from_secs(BEGIN);
    let sealed = Guard::new(scheme).seal(&advertisement, form, source, destination, 7, false, wall);
    let family = Family::of(source);
    let to = Mac::of_multicast(destination).ok_or_else(|| anyhow!("not multicast"))?;
    let datagram =
        Datagram { protocol: sealed.protocol, payload: sealed.payload, ..datagram(source, destination) };
    write_frame(&datagram, virtual_mac(family, vrid), to)
}

/// What is none of our business, and an announcement that is.
fn noise(group: u8) -> Result<Vec<Vec<u8>>> {
    let (host, server) = (Ipv4Addr::new(10, 0, group, 200), Ipv4Addr::new(192, 0, 2, group));
    let [one, other] = [Mac([2, 0, 0, 0, group, 200]), virtual_mac(Family::Ipv4, group)];
    let mut frames = Vec::new();
    for (protocol, ports, length) in [
        (17, Some((40_000, 443)), 1_200),
        (17, Some((53, 40_000)), 90),
        (6, None, 60),
        (6, None, 1_400),
        (1, None, 56),
    ] {
        let datagram = Datagram {
            protocol,
            ports,
            hop_limit: 64,
            payload: vec![group; length],
            ..datagram(host.into(), server.into())
        };
        frames.push(write_frame(&datagram, one, other)?);
    }
    let address = Ipv4Addr::new(10, 0, group, 1);
    frames.extend(neighbour::gratuitous_arp(other, address, ArpForm::Request).map(|frame| frame.to_vec()));
    frames.extend(neighbour::gratuitous_arp(one, host, ArpForm::Request).map(|frame| frame.to_vec()));
    Ok(frames)
}

fn datagram(source: IpAddr, destination: IpAddr) -> Datagram {
    Datagram {
        route: Route::Routed,
        source,
        destination,
        hop_limit: 255,
        traffic_class: 0xc0,
        identification: 7,
        dont_fragment: false,
        protocol: ip_protocol::VRRP,
        ports: None,
        payload: Vec::new(),
    }
}

fn write_frame(datagram: &Datagram, from: Mac, to: Mac) -> Result<Vec<u8>> {
    let mut octets = Vec::new();
    frame::write(datagram, from, to, &mut octets)?;
    Ok(octets)
}
