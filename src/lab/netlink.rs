//! The few rtnetlink requests that build and hurt a network of namespaces, one at a time or as a batch, and
//! without a runtime: a fault has to happen now.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use fhrp::{InterfaceAddress, Mac};
use netlink_packet_core::{
    DefaultNla, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage,
    NetlinkPayload, Nla,
};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{
    BridgePortState, BridgeStpState, InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoVeth, LinkAttribute,
    LinkFlags, LinkInfo, LinkMessage, LinkProtoInfoBridge,
};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::LabError;

/// One thing to ask of the kernel.
pub(crate) struct Request {
    /// For error messages: operation and object.
    what: String,
    message: RouteNetlinkMessage,
    flags: u16,
}

/// A conversation with the kernel about one network namespace.
pub(crate) struct Netlink {
    socket: Socket,
    sequence: u32,
}

impl Netlink {
    /// Opens one for the calling thread's namespace.
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Netlink { socket, sequence: 0 })
    }

    /// Asks for all of `requests` in one write, and waits until all are answered. The kernel goes through
    /// them in order and does not stop at a refused one; the first refusal is the error.
    pub(crate) fn ask(&mut self, requests: Vec<Request>) -> Result<(), LabError> {
        let (mut octets, mut asked) = (Vec::new(), Vec::new());
        for request in requests {
            self.sequence = self.sequence.wrapping_add(1);
            let mut message = NetlinkMessage::from(request.message);
            message.header.flags = NLM_F_REQUEST | NLM_F_ACK | request.flags;
            message.header.sequence_number = self.sequence;
            message.finalize();
            let start = octets.len();
            octets.resize(start + message.buffer_len().next_multiple_of(4), 0);
            message.serialize(&mut octets[start..]);
            asked.push((self.sequence, request.what));
        }
        let what = asked.first().map(|(_, what)| what.clone()).unwrap_or_default();
        self.socket.send(&octets, 0).map_err(LabError::kernel(what.clone()))?;
        let mut refusal = None;
        while !asked.is_empty() {
            let (answer, _) = self.socket.recv_from_full().map_err(LabError::kernel(what.clone()))?;
            for (sequence, code) in answers(&answer) {
                let Some(place) = asked.iter().position(|(asked, _)| *asked == sequence) else { continue };
                let (_, what) = asked.remove(place);
                if code != 0 && refusal.is_none() {
                    refusal = Some(LabError::kernel(what)(io::Error::from_raw_os_error(-code)));
                }
            }
        }
        refusal.map_or(Ok(()), Err)
    }
}

fn answers(mut octets: &[u8]) -> Vec<(u32, i32)> {
    let mut found = Vec::new();
    while let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(octets) {
        if let NetlinkPayload::Error(error) = &message.payload {
            found.push((message.header.sequence_number, error.raw_code()));
        }
        let length = (message.header.length as usize).next_multiple_of(4).max(16);
        octets = octets.get(length..).unwrap_or_default();
    }
    found
}

fn link(name: &str) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    message
}

fn up(message: &mut LinkMessage) {
    message.header.flags |= LinkFlags::Up;
    message.header.change_mask |= LinkFlags::Up;
}

/// Creates a bridge that is up, floods multicast, forwards at once and forgets nobody.
pub(crate) fn add_bridge(name: &str) -> Request {
    let day = 24 * 60 * 60 * 100;
    let data = vec![
        InfoBridge::MulticastSnooping(false),
        InfoBridge::StpState(BridgeStpState::Disabled),
        InfoBridge::ForwardDelay(0),
        InfoBridge::AgeingTime(day),
    ];
    let mut message = link(name);
    up(&mut message);
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Bridge),
        LinkInfo::Data(InfoData::Bridge(data)),
    ]));
    Request {
        what: format!("create the bridge {name}"),
        message: RouteNetlinkMessage::NewLink(message),
        flags: NLM_F_CREATE | NLM_F_EXCL,
    }
}

/// Creates a cable: `name` here, up and a port of the bridge numbered `bridge`; `peer` with `mac` in another
/// namespace.
pub(crate) fn add_cable(name: &str, bridge: u32, peer: &str, mac: Mac, namespace: &OwnedFd) -> Request {
    let mut far = link(peer);
    far.attributes.push(LinkAttribute::Address(mac.0.to_vec()));
    far.attributes.push(LinkAttribute::NetNsFd(namespace.as_raw_fd()));
    let mut message = link(name);
    up(&mut message);
    message.attributes.push(LinkAttribute::Controller(bridge));
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(far))),
    ]));
    Request {
        what: format!("create the veth pair {name} and {peer}"),
        message: RouteNetlinkMessage::NewLink(message),
        flags: NLM_F_CREATE | NLM_F_EXCL,
    }
}

/// Sets a link up or down.
pub(crate) fn set_link(name: &str, is_up: bool) -> Request {
    let mut message = link(name);
    message.header.change_mask = LinkFlags::Up;
    if is_up {
        message.header.flags = LinkFlags::Up;
    }
    let what = format!("set {name} {}", if is_up { "up" } else { "down" });
    Request { what, message: RouteNetlinkMessage::NewLink(message), flags: 0 }
}

/// Deletes a link, and with a veth its other end.
pub(crate) fn delete_link(name: &str) -> Request {
    Request { what: format!("delete {name}"), message: RouteNetlinkMessage::DelLink(link(name)), flags: 0 }
}

/// What to change about a switch port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// Nothing passes in either direction.
    Disabled,
    /// The switch forgets which stations are behind it, and floods what is for them.
    Forgotten,
    /// Nothing passes between this port and others like it.
    Isolated(bool),
}

/// Changes the switch port `name`, the interface numbered `interface`; takes effect with the next frame.
///
/// By way of the bridge's own message: a state that is set as an attribute of the link does not stay.
pub(crate) fn set_port(name: &str, interface: u32, change: Port) -> Request {
    let attribute = match change {
        Port::Disabled => InfoBridgePort::State(BridgePortState::Disabled),
        Port::Forgotten => InfoBridgePort::Flush,
        Port::Isolated(isolated) => InfoBridgePort::Isolated(isolated),
    };
    let mut value = vec![0; attribute.value_len()];
    attribute.emit_value(&mut value);
    let attribute = LinkProtoInfoBridge::Other(DefaultNla::new(attribute.kind(), value));
    let mut message = LinkMessage::default();
    message.header.interface_family = AddressFamily::Bridge;
    message.header.index = interface;
    message.attributes.push(LinkAttribute::ProtoInfoBridge(vec![attribute]));
    let what = format!("make the switch port {name} {change:?}");
    Request { what, message: RouteNetlinkMessage::SetLink(message), flags: 0 }
}

fn family(ip: IpAddr) -> AddressFamily {
    if ip.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// Adds an address that is usable at once (no duplicate address detection).
pub(crate) fn add_address(interface: u32, address: InterfaceAddress) -> Request {
    let mut message = AddressMessage::default();
    message.header.family = family(address.ip);
    message.header.prefix_len = address.prefix;
    message.header.index = interface;
    message.attributes.push(AddressAttribute::Address(address.ip));
    message.attributes.push(AddressAttribute::Local(address.ip));
    if address.ip.is_ipv6() {
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    Request {
        what: format!("add {address} to interface {interface}"),
        message: RouteNetlinkMessage::NewAddress(message),
        flags: NLM_F_CREATE | NLM_F_REPLACE,
    }
}

/// Adds a route.
pub(crate) fn add_route(to: InterfaceAddress, gateway: IpAddr, interface: u32) -> Request {
    let mut message = RouteMessage::default();
    message.header.address_family = family(to.ip);
    message.header.destination_prefix_length = to.prefix;
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Static;
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    message.attributes.push(RouteAttribute::Destination(RouteAddress::from(to.ip)));
    message.attributes.push(RouteAttribute::Gateway(RouteAddress::from(gateway)));
    message.attributes.push(RouteAttribute::Oif(interface));
    Request {
        what: format!("add the route to {to} by {gateway}"),
        message: RouteNetlinkMessage::NewRoute(message),
        flags: NLM_F_CREATE | NLM_F_REPLACE,
    }
}

/// Adds a neighbour that needs no ARP or ND.
pub(crate) fn add_neighbour(interface: u32, ip: IpAddr, mac: Mac) -> Request {
    let mut message = NeighbourMessage::default();
    message.header.family = family(ip);
    message.header.ifindex = interface;
    message.header.state = NeighbourState::Permanent;
    let address = match ip {
        IpAddr::V4(ip) => NeighbourAddress::Inet(ip),
        IpAddr::V6(ip) => NeighbourAddress::Inet6(ip),
    };
    message.attributes.push(NeighbourAttribute::Destination(address));
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    Request {
        what: format!("add the neighbour {ip}"),
        message: RouteNetlinkMessage::NewNeighbour(message),
        flags: NLM_F_CREATE | NLM_F_REPLACE,
    }
}
