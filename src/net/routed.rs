//! Raw IP sockets for unicast peers that may be far away: the kernel finds the way, the header is ours.
//!
//! What peers send is heard by the packet socket of the link it comes in by. The raw sockets only send, and
//! by existing keep the kernel from telling peers that nobody here speaks their protocol.

use std::io;
use std::net::IpAddr;

use fhrp::packet::ip_protocol;
use fhrp::{Datagram, Family};
use socket2::{Domain, Protocol, Socket, Type};

use crate::net::filter;
use crate::net::frame::{self, Unsendable};
use crate::sys;

/// Sends datagrams of one family to wherever they are routed.
#[derive(Debug)]
pub struct RoutedSocket {
    sender: Socket,
    /// Only there to exist.
    _known: Vec<Socket>,
}

impl RoutedSocket {
    /// Opens it, and makes the kernel know VRRP and the protocols named besides, such as the Authentication
    /// Header.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW.
    pub fn open(family: Family, besides: &[u8]) -> io::Result<Self> {
        let sender = raw_socket(family, ip_protocol::VRRP)?;
        match family {
            Family::Ipv4 => sender.set_header_included_v4(true)?,
            Family::Ipv6 => {
                sender.set_header_included_v6(true)?;
                // A source that was an address of ours a moment ago is no reason to fail.
                sender.set_freebind_v6(true)?;
            }
        }
        let known =
            besides.iter().map(|protocol| raw_socket(family, *protocol)).collect::<io::Result<_>>()?;
        Ok(RoutedSocket { sender, _known: known })
    }

    /// Sends a datagram with the header it asks for, as the kernel routes it from its source to its
    /// destination; out of one interface if that is named, as a link-local destination needs.
    ///
    /// The kernel replaces an IPv4 identification of 0 by one of its choice. `scratch` is cleared and used.
    ///
    /// # Errors
    /// `InvalidInput` for what cannot be written as a packet; otherwise the kernel's word: no route, no
    /// neighbour, a firewall.
    pub fn send(&self, datagram: &Datagram, interface: Option<u32>, scratch: &mut Vec<u8>) -> io::Result<()> {
        scratch.clear();
        frame::write_packet(datagram, scratch)
            .map_err(|fault: Unsendable| io::Error::new(io::ErrorKind::InvalidInput, fault))?;
        sys::send_routed(&self.sender, datagram.source, datagram.destination, interface, scratch)
    }
}

/// The address a datagram to `peer` would leave from, as the kernel routes it now; `None` without a route.
pub fn source_towards(peer: IpAddr) -> Option<IpAddr> {
    let (domain, any): (_, std::net::SocketAddr) = match peer {
        IpAddr::V4(_) => (Domain::IPV4, ([0, 0, 0, 0], 0).into()),
        IpAddr::V6(_) => (Domain::IPV6, (std::net::Ipv6Addr::UNSPECIFIED, 0).into()),
    };
    let socket = Socket::new(domain, Type::DGRAM, None).ok()?;
    socket.bind(&any.into()).ok()?;
    // Connecting a datagram socket sends nothing: it only looks for the route. The port is of no matter.
    socket.connect(&std::net::SocketAddr::new(peer, 9).into()).ok()?;
    socket.local_addr().ok()?.as_socket().map(|address| address.ip())
}

/// A raw socket in whose queue nothing ever waits.
fn raw_socket(family: Family, protocol: u8) -> io::Result<Socket> {
    let domain = match family {
        Family::Ipv4 => Domain::IPV4,
        Family::Ipv6 => Domain::IPV6,
    };
    let kind = Type::RAW.nonblocking().cloexec();
    let socket = Socket::new_raw(domain, kind, Some(Protocol::from(i32::from(protocol))))?;
    socket.attach_filter(&filter::nothing())?;
    Ok(socket)
}
