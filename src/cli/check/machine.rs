//! What the plan would find on the machine that checks it. Often that is not the machine that runs it, so
//! these are remarks and never faults.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fhrp::{Family, InterfaceAddress, Link};
use futures::TryStreamExt;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::link::{LinkAttribute, LinkFlags};

use crate::config::{GroupPlan, Plan, ProtocolPlan};

/// Remarks, each a clause. Empty if all is well, or if the kernel does not tell.
pub(super) fn remarks(plan: &Plan) -> Vec<String> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let Ok(links) = runtime.block_on(links()) else { return Vec::new() };
    let mut remarks: Vec<String> = Vec::new();
    for group in &plan.groups {
        for remark in remarks_on(group, &links) {
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
        }
    }
    remarks
}

fn remarks_on(group: &GroupPlan, links: &[Link]) -> Vec<String> {
    let ProtocolPlan::Vrrp(config) = &group.protocol;
    let interface = &group.interface;
    let Some(link) = links.iter().find(|link| link.name == *interface) else {
        return vec![format!("there is no interface {interface}; its groups wait until there is one")];
    };
    let mut remarks = Vec::new();
    if !link.up {
        remarks.push(format!("{interface} is down or has no carrier"));
    }
    let virtual_ips: Vec<IpAddr> = config.addresses.iter().map(|address| address.ip).collect();
    let not: &[IpAddr] = if config.priority == vrrp::config::OWNER_PRIORITY { &[] } else { &virtual_ips };
    if link.source(config.family, config.source, virtual_ips.first().copied(), not).is_none() {
        let wanted = match (config.source, config.family) {
            (Some(source), _) => source.to_string(),
            (None, Family::Ipv4) => "IPv4 address to speak from".to_owned(),
            (None, Family::Ipv6) => "link-local address to speak from".to_owned(),
        };
        remarks.push(format!("{interface} has no {wanted}; {} waits for it", group.name));
    }
    for address in config.addresses.iter().chain(&config.excluded) {
        if let Some(remark) = remark_on_address(config, *address, link) {
            remarks.push(remark);
        }
    }
    if (link.mtu as usize) < advertisement_octets(config) {
        remarks.push(format!(
            "the MTU of {interface} is {}: advertisements of {} need {} octets",
            link.mtu,
            group.name,
            advertisement_octets(config)
        ));
    }
    remarks
}

fn remark_on_address(config: &vrrp::Config, address: InterfaceAddress, link: &Link) -> Option<String> {
    let (ip, interface) = (address.ip, &link.name);
    let owner = config.priority == vrrp::config::OWNER_PRIORITY;
    let real = link.has(ip);
    if owner && !real {
        return Some(format!("{interface} does not have {ip}, which this router is said to own"));
    }
    if !owner && real {
        return Some(format!(
            "{interface} has {ip} as an address of its own; say `owner = true`, or remove it there"
        ));
    }
    let beside = link.addresses.iter().any(|own| own.contains(ip));
    let link_local = fhrp::address::is_link_local(ip);
    (!real && !beside && !link_local).then(|| format!("{interface} has no address in the network of {ip}"))
}

/// Octets of the largest IP packet that advertises this group.
fn advertisement_octets(config: &vrrp::Config) -> usize {
    let (ip_header, each) = match config.family {
        Family::Ipv4 => (20, 4),
        Family::Ipv6 => (40, 16),
    };
    // The longest trailer there is: Cisco's, 30 octets behind 8 of authentication data.
    ip_header + 8 + each * config.addresses.len() + 38
}

/// The interfaces of this machine with their addresses.
async fn links() -> Result<Vec<Link>, rtnetlink::Error> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(|_| rtnetlink::Error::RequestFailed)?;
    let connection = tokio::spawn(connection);
    let mut links: BTreeMap<u32, Link> = BTreeMap::new();
    let mut dump = handle.link().get().execute();
    while let Some(message) = dump.try_next().await? {
        let mut link = Link {
            index: message.header.index,
            up: message.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
            ..Link::default()
        };
        for attribute in message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name = name,
                LinkAttribute::Mtu(mtu) => link.mtu = mtu,
                _ => {}
            }
        }
        links.insert(link.index, link);
    }
    let mut dump = handle.address().get().execute();
    while let Some(message) = dump.try_next().await? {
        let Some(link) = links.get_mut(&message.header.index) else { continue };
        let own = |attribute: &AddressAttribute| match attribute {
            AddressAttribute::Local(ip) => Some((0, *ip)),
            AddressAttribute::Address(ip) => Some((1, *ip)),
            _ => None,
        };
        // On a point-to-point link `Address` is the other end.
        if let Some((_, ip)) = message.attributes.iter().filter_map(own).min() {
            link.addresses.push(InterfaceAddress { ip, prefix: message.header.prefix_len });
        }
    }
    connection.abort();
    Ok(links.into_values().collect())
}
