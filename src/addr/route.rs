//! Links and addresses over rtnetlink: the requests we make, and what the kernel's messages say.
//!
//! Written on the packets of `netlink-packet-route` without `rtnetlink`'s handle, which waits for each answer.

use std::io;
use std::net::IpAddr;

use fhrp::address::is_link_local;
use fhrp::{Family, InterfaceAddress, Mac};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeader, AddressMessage, AddressProtocol, AddressScope, CacheInfo,
};
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
    State,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::marks;
use super::netlink::Channel;

/// A request to rtnetlink.
pub(crate) type Request = NetlinkMessage<RouteNetlinkMessage>;

/// An address to be put somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewAddress {
    /// The interface's number.
    pub link: u32,
    /// The address.
    pub address: InterfaceAddress,
    /// Whether the kernel makes a route for its network.
    pub prefix_route: bool,
    /// A label for IPv4, where the kernel knows no other mark.
    pub label: Option<String>,
}

/// An address as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenAddress {
    /// The address.
    pub address: InterfaceAddress,
    /// It bears our mark.
    pub ours: bool,
    /// Usable: duplicate address detection is over and found none.
    pub valid: bool,
}

/// A link as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SeenLink {
    pub index: u32,
    pub name: String,
    pub mac: Mac,
    pub up: bool,
    pub mtu: u32,
    /// Its kind, if it is a virtual device: `tun`, `veth`.
    pub kind: Option<String>,
}

/// Opens a channel to rtnetlink.
pub(crate) fn channel() -> io::Result<Channel> {
    Channel::open(netlink_sys::protocols::NETLINK_ROUTE)
}

fn request(flags: u16, message: RouteNetlinkMessage) -> Request {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    NetlinkMessage::new(header, message.into())
}

/// Adds an address; refused if the interface has it.
///
/// No duplicate address detection: it would hold the address back for a second, and the peer we take over from
/// may still have it. Deprecated if IPv6: never chosen as the source of what the router itself sends, but for
/// answers.
pub(crate) fn add_address(new: &NewAddress) -> Request {
    let mut message = address_message(new.link, new.address);
    let mut flags = AddressFlags::Permanent;
    if !new.prefix_route {
        flags |= AddressFlags::Noprefixroute;
    }
    if new.address.ip.is_ipv6() {
        flags |= AddressFlags::Nodad;
        let mut lifetimes = CacheInfo::default();
        lifetimes.ifa_preferred = 0;
        lifetimes.ifa_valid = u32::MAX;
        message.attributes.push(AddressAttribute::CacheInfo(lifetimes));
    }
    message.attributes.push(AddressAttribute::Flags(flags));
    message.attributes.push(AddressAttribute::Protocol(AddressProtocol::Other(marks::ADDRESS_PROTOCOL)));
    message.attributes.extend(new.label.clone().map(AddressAttribute::Label));
    request(NLM_F_CREATE | NLM_F_EXCL, RouteNetlinkMessage::NewAddress(message))
}

/// Removes an address.
pub(crate) fn delete_address(link: u32, address: InterfaceAddress) -> Request {
    request(0, RouteNetlinkMessage::DelAddress(address_message(link, address)))
}

fn address_message(link: u32, address: InterfaceAddress) -> AddressMessage {
    let family = if address.ip.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let scope = if is_link_local(address.ip) { AddressScope::Link } else { AddressScope::Universe };
    let mut message = AddressMessage::default();
    message.header =
        AddressHeader { family, prefix_len: address.prefix, scope, index: link, ..AddressHeader::default() };
    message.attributes = vec![AddressAttribute::Local(address.ip), AddressAttribute::Address(address.ip)];
    message
}

/// Sets a link up, with no IPv6 address of the kernel's making.
pub(crate) fn set_up_bare(link: u32) -> [Request; 2] {
    let message = |change: LinkMessage| request(0, RouteNetlinkMessage::SetLink(change));
    let mut bare = LinkMessage::default();
    bare.header.index = link;
    let inet6 = AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(In6AddrGenMode::None)]);
    bare.attributes.push(LinkAttribute::AfSpecUnspec(vec![inet6]));
    let mut up = LinkMessage::default();
    up.header.index = link;
    up.header.flags = LinkFlags::Up;
    up.header.change_mask = LinkFlags::Up;
    [message(bare), message(up)]
}

/// Removes a link.
pub(crate) fn delete_link(link: u32) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = link;
    request(0, RouteNetlinkMessage::DelLink(message))
}

/// All links.
pub(crate) fn links(channel: &mut Channel) -> io::Result<Vec<SeenLink>> {
    let messages = channel.dump(request(0, RouteNetlinkMessage::GetLink(LinkMessage::default())))?;
    let link = |message| match message {
        RouteNetlinkMessage::NewLink(message) => Some(read_link(&message)),
        _ => None,
    };
    Ok(messages.into_iter().filter_map(link).collect())
}

/// All addresses, each with its link.
pub(crate) fn addresses(channel: &mut Channel) -> io::Result<Vec<(u32, SeenAddress)>> {
    let messages = channel.dump(request(0, RouteNetlinkMessage::GetAddress(AddressMessage::default())))?;
    let address = |message| match message {
        RouteNetlinkMessage::NewAddress(message) => read_address(&message),
        _ => None,
    };
    Ok(messages.into_iter().filter_map(address).collect())
}

/// What a link message says.
pub(crate) fn read_link(message: &LinkMessage) -> SeenLink {
    let flags = message.header.flags;
    let mut link = SeenLink { index: message.header.index, ..SeenLink::default() };
    let mut state = State::Unknown;
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Address(octets) => {
                if let Ok(octets) = octets.as_slice().try_into() {
                    link.mac = Mac(octets);
                }
            }
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::OperState(now) => state = *now,
            LinkAttribute::LinkInfo(infos) => {
                let kind = infos.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind_name(kind)),
                    _ => None,
                });
                link.kind = kind;
            }
            _ => {}
        }
    }
    let carrier = flags.contains(LinkFlags::Running) || flags.contains(LinkFlags::LowerUp);
    link.up = flags.contains(LinkFlags::Up) && (state == State::Up || state == State::Unknown && carrier);
    link
}

fn kind_name(kind: &InfoKind) -> String {
    match kind {
        InfoKind::Tun => "tun".into(),
        other => other.to_string(),
    }
}

/// What an address message says; `None` if it names no address.
pub(crate) fn read_address(message: &AddressMessage) -> Option<(u32, SeenAddress)> {
    let mut ip: Option<IpAddr> = None;
    let mut flags = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
    let mut ours = false;
    for attribute in &message.attributes {
        match attribute {
            // On a point-to-point link, `Address` is the far end.
            AddressAttribute::Local(local) => ip = Some(*local),
            AddressAttribute::Address(address) => ip = ip.or(Some(*address)),
            AddressAttribute::Flags(all) => flags = *all,
            AddressAttribute::Protocol(AddressProtocol::Other(marks::ADDRESS_PROTOCOL)) => ours = true,
            AddressAttribute::Label(label) => ours |= label.ends_with(marks::LABEL_SUFFIX),
            _ => {}
        }
    }
    let address = InterfaceAddress { ip: ip?, prefix: message.header.prefix_len };
    let settled = !flags.contains(AddressFlags::Dadfailed)
        && (!flags.contains(AddressFlags::Tentative) || flags.contains(AddressFlags::Optimistic));
    let valid = Family::of(address.ip) == Family::Ipv4 || settled;
    Some((message.header.index, SeenAddress { address, ours, valid }))
}
