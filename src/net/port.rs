//! UDP ports that are spoken for: what peers send is heard by the packet socket of the link, and the kernel, which does not
//! know that, would tell whoever sends to one of us that nobody listens there. Multicast it leaves unanswered.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use fhrp::Family;
use fhrp::contract::Ear;
use socket2::{Domain, Socket, Type};

use crate::net::filter;

/// Sockets of one interface that are only there to exist.
#[derive(Debug, Default)]
pub struct Ports {
    known: BTreeMap<(Family, u16), Socket>,
}

impl Ports {
    /// Speaks for the ports of these ears on an interface, and for no others. A port that somebody else has already is
    /// spoken for.
    ///
    /// # Errors
    /// The kernel's word; where IPv6 does not run there is nothing to speak for.
    pub fn set(&mut self, interface: &str, ears: &[Ear]) -> io::Result<()> {
        let wanted = ears.iter().filter_map(|ear| Some((Family::of(ear.multicast), ear.udp_port?)));
        let mut known = BTreeMap::new();
        for port in wanted {
            let socket = match self.known.remove(&port) {
                Some(socket) => Some(socket),
                None => open(interface, port)?,
            };
            known.extend(socket.map(|socket| (port, socket)));
        }
        self.known = known;
        Ok(())
    }
}

/// A socket in whose queue nothing ever waits; `None` if there is no need for it.
fn open(interface: &str, (family, port): (Family, u16)) -> io::Result<Option<Socket>> {
    let (domain, any): (_, SocketAddr) = match family {
        Family::Ipv4 => (Domain::IPV4, (Ipv4Addr::UNSPECIFIED, port).into()),
        Family::Ipv6 => (Domain::IPV6, (Ipv6Addr::UNSPECIFIED, port).into()),
    };
    let socket = match Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), None) {
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => return Ok(None),
        socket => socket?,
    };
    if family == Family::Ipv6 {
        socket.set_only_v6(true)?;
    }
    socket.attach_filter(&filter::nothing())?;
    socket.bind_device(Some(interface.as_bytes()))?;
    match socket.bind(&any.into()) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        bound => bound.map(|()| Some(socket)),
    }
}
