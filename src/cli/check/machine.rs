//! What the plan would find on the machine that checks it. Often that is not the machine that runs it, so
//! these are remarks and never faults.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use fhrp::{Family, HoldFault, InterfaceAddress, Link};
use futures::TryStreamExt;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::link::{LinkAttribute, LinkFlags};

use crate::addr::sharing;
use crate::config::{GroupPlan, Plan, ProtocolPlan};
use crate::{hook, protocols};

/// Remarks, each a clause. Empty if all is well, or if the kernel does not tell.
pub(super) fn remarks(plan: &Plan) -> Vec<String> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let mut remarks: Vec<String> = Vec::new();
    remarks.extend(remark_on_sharing(plan, sharing::probe));
    remarks.extend(plan.groups.iter().flat_map(remarks_on_hook));
    let Ok(links) = runtime.block_on(links()) else { return remarks };
    for group in &plan.groups {
        for remark in remarks_on(group, &links) {
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
        }
    }
    remarks
}

/// Programs that are not there, or are not to be trusted.
fn remarks_on_hook(group: &GroupPlan) -> Vec<String> {
    let programs = group.hook.iter().flat_map(|hook| hook.up.iter().chain(&hook.down));
    let remark = |program: &PathBuf| {
        let why = hook::objection(program)?;
        Some(format!("{} will not be run for {}: {why}", program.display(), group.name))
    };
    programs.filter_map(remark).collect()
}

/// Members of a balanced group need more of the kernel than others.
fn remark_on_sharing(plan: &Plan, probe: impl FnOnce() -> Result<(), HoldFault>) -> Option<String> {
    let group = plan.groups.iter().find(|group| protocols::shares(&group.protocol))?;
    let fault = probe().err()?;
    Some(format!("{} cannot share its virtual MAC here: {fault}", group.name))
}

/// What the machine must have for a group.
struct Needs<'a> {
    /// Where it speaks from, in each family that it speaks.
    voices: Vec<Voice>,
    addresses: Vec<InterfaceAddress>,
    /// Whether the addresses are the interface's own.
    owner: bool,
    /// Octets of the largest IP packet that it sends.
    octets: usize,
    name: &'a str,
}

/// Where a group speaks from in one family.
struct Voice {
    family: Family,
    /// The address that was asked for.
    source: Option<IpAddr>,
    /// The address whose network the source is in, if none was.
    beside: Option<IpAddr>,
}

impl Voice {
    fn new(family: Family, source: Option<IpAddr>, addresses: &[InterfaceAddress]) -> Voice {
        let mut own = addresses.iter().map(|address| address.ip);
        Voice { family, source, beside: own.find(|ip| Family::of(*ip) == family) }
    }
}

impl Needs<'_> {
    fn of(group: &GroupPlan) -> Needs<'_> {
        let name = group.name.as_str();
        match &group.protocol {
            ProtocolPlan::Vrrp(config) => Needs {
                voices: vec![Voice::new(config.family, config.source, &config.addresses)],
                addresses: config.addresses.iter().chain(&config.excluded).copied().collect(),
                owner: config.priority == vrrp::config::OWNER_PRIORITY,
                octets: advertisement_octets(config),
                name,
            },
            ProtocolPlan::Carp(config) => Needs {
                voices: config
                    .families()
                    .map(|family| {
                        let wished = config.sources.iter().copied().find(|ip| Family::of(*ip) == family);
                        Voice::new(family, wished, &config.addresses)
                    })
                    .collect(),
                addresses: config.addresses.clone(),
                owner: false,
                octets: CARP_OCTETS,
                name,
            },
            ProtocolPlan::Hsrp(config) => Needs {
                voices: vec![Voice::new(config.family, config.source, &config.addresses)],
                addresses: config.addresses.clone(),
                owner: false,
                octets: HSRP_OCTETS,
                name,
            },
            ProtocolPlan::Glbp(config) => Needs {
                voices: vec![Voice::new(config.family, config.source, &config.addresses)],
                addresses: config.addresses.clone(),
                owner: false,
                octets: GLBP_OCTETS,
                name,
            },
        }
    }
}

/// The largest message of GLBP that a group of its usual size has, behind the headers of IPv6 and UDP: a key's digest, eight
/// peers, four forwarders.
const GLBP_OCTETS: usize = 40 + 8 + 12 + 24 + (8 + 8 * 12) + 40 + 4 * 20;
/// The largest message of HSRP, behind the headers of IPv6 and UDP.
const HSRP_OCTETS: usize = 40 + 8 + 72;
/// An advertisement of CARP, behind the header of IPv6.
const CARP_OCTETS: usize = 40 + carp::wire::LENGTH;

fn remarks_on(group: &GroupPlan, links: &[Link]) -> Vec<String> {
    let needs = Needs::of(group);
    let interface = &group.interface;
    let Some(link) = links.iter().find(|link| link.name == *interface) else {
        return vec![format!("there is no interface {interface}; its groups wait until there is one")];
    };
    let mut remarks = Vec::new();
    if !link.up {
        remarks.push(format!("{interface} is down or has no carrier"));
    }
    let virtual_ips: Vec<IpAddr> = needs.addresses.iter().map(|address| address.ip).collect();
    let not: &[IpAddr] = if needs.owner { &[] } else { &virtual_ips };
    for Voice { family, source, beside } in &needs.voices {
        if link.source(*family, *source, *beside, not).is_none() {
            let wanted = match (source, family) {
                (Some(source), _) => source.to_string(),
                (None, Family::Ipv4) => "IPv4 address to speak from".to_owned(),
                (None, Family::Ipv6) => "link-local address to speak from".to_owned(),
            };
            remarks.push(format!("{interface} has no {wanted}; {} waits for it", needs.name));
        }
    }
    for address in &needs.addresses {
        if let Some(remark) = remark_on_address(group, needs.owner, *address, link) {
            remarks.push(remark);
        }
    }
    if (link.mtu as usize) < needs.octets {
        remarks.push(format!(
            "the MTU of {interface} is {}: advertisements of {} need {} octets",
            link.mtu, needs.name, needs.octets
        ));
    }
    remarks
}

fn remark_on_address(
    group: &GroupPlan,
    owner: bool,
    address: InterfaceAddress,
    link: &Link,
) -> Option<String> {
    let (ip, interface) = (address.ip, &link.name);
    let real = link.has(ip);
    if owner && !real {
        return Some(format!("{interface} does not have {ip}, which this router is said to own"));
    }
    if !owner && real {
        let way_out = match &group.protocol {
            ProtocolPlan::Vrrp(_) => "say `owner = true`, or remove it there",
            ProtocolPlan::Carp(_) => "remove it there: a virtual address of CARP is nobody's own",
            ProtocolPlan::Hsrp(_) => "remove it there: nobody owns a virtual address of HSRP",
            ProtocolPlan::Glbp(_) => "remove it there: nobody owns a virtual address of GLBP",
        };
        return Some(format!("{interface} has {ip} as an address of its own; {way_out}"));
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
    fn a_program_that_would_not_be_run_is_told() {
        let missing = group("hook = { up = \"/nonexistent/up\", down = \"/etc/passwd\" }");
        let told = [
            "/nonexistent/up will not be run for eth0 vrrp 1: No such file or directory (os error 2)",
            "/etc/passwd will not be run for eth0 vrrp 1: it is not executable",
        ];
        assert_eq!(remarks_on_hook(&missing), told);
        assert_eq!(remarks_on_hook(&group("hook = { up = \"/bin/sh\" }")), [""; 0]);
    }

    #[test]
    fn a_machine_that_cannot_share_is_told() {
        let fault = || Err(HoldFault { operation: "load it".into(), cause: "no such thing".into() });
        let text = "[[interface.eth0.carp]]\naddresses = [\"10.0.0.1/24\"]\npassword = \"secret\"\n";
        let plan = |more: &str| crate::config::parse("test.toml", &format!("{text}{more}\n")).unwrap();
        let shared = plan("nodes = \"1:0,2:100\"");
        let told = "eth0 carp 1 cannot share its virtual MAC here: load it: no such thing";
        assert_eq!(remark_on_sharing(&shared, fault).as_deref(), Some(told));
        assert_eq!(remark_on_sharing(&shared, || Ok(())), None);
        assert_eq!(remark_on_sharing(&plan("id = 1"), fault), None);
    }

    #[test]
    fn the_loopback_interface_is_seen() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let links = runtime.block_on(links()).unwrap();
        assert!(links.iter().any(|link| link.name == "lo"));
    }
}
