//! What is said on a link where nobody speaks but redundant routers: every frame is one to take apart.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Result, anyhow};
use fhrp::packet::ip_protocol;
use fhrp::{Datagram, Family, Mac};
use vrrp::config::Authentication;
use vrrp::wire::{ChecksumForm, Version};

use super::{GROUPS, advert, advert_ipv6, datagram, write_frame};

const HELLO: Duration = Duration::from_secs(3);
const HOLD: Duration = Duration::from_secs(10);

/// One frame of each kind for each group: VRRP, and two routers of each of HSRP and GLBP.
pub fn world() -> Result<Vec<Vec<u8>>> {
    let mut frames = Vec::new();
    for group in 1..=GROUPS {
        frames.push(advert(group, Version::V2, &Authentication::None, ChecksumForm::MessageOnly)?);
        frames.push(advert(group, Version::V3, &Authentication::None, ChecksumForm::PseudoHeader)?);
        frames.push(advert_ipv6(group)?);
        for is_active in [true, false] {
            frames.push(hsrp(group, hsrp::wire::Version::V1, is_active)?);
            frames.push(hsrp(group, hsrp::wire::Version::V2, is_active)?);
            frames.push(glbp(group, is_active)?);
        }
    }
    Ok(frames)
}

fn hsrp(group: u8, version: hsrp::wire::Version, is_active: bool) -> Result<Vec<u8>> {
    use hsrp::wire::{
        Credentials, GroupMessage, MULTICAST_V1, MULTICAST_V2, Message, Operation, PORT_IPV4, State, Version,
    };
    let own = own_mac(group, is_active);
    let (to, hop_limit, identifier, net) = match version {
        Version::V1 => (MULTICAST_V1, 1, Mac::default(), 2),
        Version::V2 => (MULTICAST_V2, 255, own, 3),
    };
    let message = Message::Group(GroupMessage {
        version,
        operation: Operation::Hello,
        state: if is_active { State::Active } else { State::Standby },
        group: group.into(),
        priority: if is_active { 110 } else { 100 },
        hello: HELLO,
        hold: HOLD,
        identifier,
        address: Ipv4Addr::new(10, net, group, 1).into(),
    });
    let payload = hsrp::wire::emit(&message, &Credentials::Text(*b"cisco\0\0\0"));
    let virtual_mac = hsrp::vmac::virtual_mac(version, Family::Ipv4, group.into());
    let from = if is_active { virtual_mac.unwrap_or(own) } else { own };
    send((source(group, is_active), to), PORT_IPV4, hop_limit, payload, from)
}

fn glbp(group: u8, is_active: bool) -> Result<Vec<u8>> {
    use glbp::wire::{Credentials, Forwarder, Hello, Kind, MULTICAST_V4, Message, PORT, State};
    let own = own_mac(group, is_active);
    let (redirect, timeout) = (Duration::from_secs(600), Duration::from_secs(14_400));
    let number = if is_active { 1 } else { 2 };
    let message = Message {
        kind: Kind::Hello,
        group: group.into(),
        owner: own,
        challenge: None,
        hello: Some(Hello {
            state: if is_active { State::Active } else { State::Standby },
            priority: if is_active { 110 } else { 100 },
            hello: HELLO,
            hold: HOLD,
            redirect,
            timeout,
            address: Ipv4Addr::new(10, 4, group, 1).into(),
        }),
        forwarders: vec![Forwarder {
            number,
            state: State::Active,
            priority: 167,
            weighting: 100,
            lifetime: timeout,
            redirection: redirect,
            mac: glbp::vmac::virtual_mac(group.into(), number).unwrap_or_default(),
        }],
    };
    let payload = glbp::wire::emit(&message, &Credentials::Text(b"password"));
    send((source(group, is_active), MULTICAST_V4), PORT, 255, payload, own)
}

fn source(group: u8, is_active: bool) -> IpAddr {
    Ipv4Addr::new(10, 0, group, if is_active { 2 } else { 3 }).into()
}

fn own_mac(group: u8, is_active: bool) -> Mac {
    Mac([2, 0, 0, 0, group, if is_active { 2 } else { 3 }])
}

fn send(
    (source, destination): (IpAddr, IpAddr),
    port: u16,
    hop_limit: u8,
    payload: Vec<u8>,
    from: Mac,
) -> Result<Vec<u8>> {
    let to = Mac::of_multicast(destination).ok_or_else(|| anyhow!("not multicast"))?;
    let datagram = Datagram {
        protocol: ip_protocol::UDP,
        ports: Some((port, port)),
        hop_limit,
        payload,
        ..datagram(source, destination)
    };
    write_frame(&datagram, from, to)
}
