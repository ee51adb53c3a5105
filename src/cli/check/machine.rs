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

#[cfg(test)]
mod tests {
    use super::*;

    fn group(extra: &str) -> GroupPlan {
        let text = format!("[[interface.eth0.vrrp]]\nid = 1\naddresses = [\"10.0.0.1/24\"]\n{extra}\n");
        crate::config::parse("test.toml", &text).unwrap().groups.remove(0)
    }

    fn link(addresses: &[&str]) -> Link {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        Link { index: 2, name: "eth0".into(), up: true, mtu: 1500, addresses, ..Link::default() }
    }

    #[test]
    fn a_fitting_machine_is_not_remarked_upon() {
        assert_eq!(remarks_on(&group(""), &[link(&["10.0.0.2/24"])]), [""; 0]);
        assert_eq!(remarks_on(&group("owner = true"), &[link(&["10.0.0.1/24"])]), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = ["there is no interface eth0; its groups wait until there is one"];
        assert_eq!(remarks_on(&group(""), &[]), missing);
        let nothing = [
            "eth0 has no IPv4 address to speak from; eth0 vrrp 1 waits for it",
            "eth0 has no address in the network of 10.0.0.1",
        ];
        assert_eq!(remarks_on(&group(""), &[link(&[])]), nothing);
        let elsewhere = ["eth0 has no address in the network of 10.0.0.1"];
        assert_eq!(remarks_on(&group(""), &[link(&["192.0.2.1/24"])]), elsewhere);
        let source = ["eth0 has no 10.0.0.9; eth0 vrrp 1 waits for it"];
        assert_eq!(remarks_on(&group("source = \"10.0.0.9\""), &[link(&["10.0.0.2/24"])]), source);
        let down = Link { up: false, mtu: 60, ..link(&["10.0.0.2/24"]) };
        let down_and_small = [
            "eth0 is down or has no carrier",
            "the MTU of eth0 is 60: advertisements of eth0 vrrp 1 need 70 octets",
        ];
        assert_eq!(remarks_on(&group(""), &[down]), down_and_small);
    }

    #[test]
    fn owning_and_having_must_agree() {
        let taken = ["eth0 has 10.0.0.1 as an address of its own; say `owner = true`, or remove it there"];
        assert_eq!(remarks_on(&group(""), &[link(&["10.0.0.2/24", "10.0.0.1/24"])]), taken);
        let not_owned = ["eth0 does not have 10.0.0.1, which this router is said to own"];
        assert_eq!(remarks_on(&group("owner = true"), &[link(&["10.0.0.2/24"])]), not_owned);
    }

    #[test]
    fn the_loopback_interface_is_seen() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let links = runtime.block_on(links()).unwrap();
        assert!(links.iter().any(|link| link.name == "lo"));
    }
}
