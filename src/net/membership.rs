//! Multicast groups joined at the IP layer, so that the kernel reports them by IGMP and MLD and switches that
//! snoop let them through to us. Nothing is received by these sockets: packet sockets do that.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use fhrp::Family;
use socket2::{Domain, InterfaceIndexOrAddress, Socket, Type};

/// The groups that are joined, each on an interface. The kernel bounds how many one socket may have
/// (`igmp_max_memberships`, `optmem_max`), so there are as many sockets as it takes.
#[derive(Debug, Default)]
pub struct Membership {
    sockets: Vec<Member>,
    joined: BTreeMap<(u32, IpAddr), Joined>,
}

#[derive(Debug)]
struct Member {
    family: Family,
    socket: Socket,
    /// The kernel refused one more; not tried again before one is left.
    full: bool,
}

#[derive(Debug)]
struct Joined {
    /// Position in `sockets`, which never shrinks.
    socket: usize,
    /// How often it was asked for: several addresses share a solicited-node group.
    wanted: usize,
}

impl Membership {
    /// No groups yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Joins a group on an interface, or counts one more wish for it.
    ///
    /// # Errors
    /// The kernel's word: no such interface, no such family on it, or no memory.
    pub fn join(&mut self, interface: u32, group: IpAddr) -> io::Result<()> {
        if let Some(joined) = self.joined.get_mut(&(interface, group)) {
            joined.wanted += 1;
            return Ok(());
        }
        let family = Family::of(group);
        for (position, member) in self.sockets.iter_mut().enumerate() {
            if member.family != family || member.full {
                continue;
            }
            match change(&member.socket, interface, group, true) {
                Err(error) if is_full(&error) => member.full = true,
                result => {
                    result?;
                    self.joined.insert((interface, group), Joined { socket: position, wanted: 1 });
                    return Ok(());
                }
            }
        }
        let socket = open(family)?;
        change(&socket, interface, group, true)?;
        self.joined.insert((interface, group), Joined { socket: self.sockets.len(), wanted: 1 });
        self.sockets.push(Member { family, socket, full: false });
        Ok(())
    }

    /// Takes back one wish for a group, and leaves it with the last one. A group that was never joined, or an
    /// interface that is gone, is fine.
    ///
    /// # Errors
    /// The kernel's word.
    pub fn leave(&mut self, interface: u32, group: IpAddr) -> io::Result<()> {
        let Some(joined) = self.joined.get_mut(&(interface, group)) else { return Ok(()) };
        joined.wanted = joined.wanted.saturating_sub(1);
        if joined.wanted > 0 {
            return Ok(());
        }
        let position = joined.socket;
        self.joined.remove(&(interface, group));
        let Some(member) = self.sockets.get_mut(position) else { return Ok(()) };
        member.full = false;
        match change(&member.socket, interface, group, false) {
            Err(error) if is_gone(&error) => Ok(()),
            result => result,
        }
    }

    /// Leaves every group of an interface, as when it is gone.
    pub fn forget(&mut self, interface: u32) {
        let sockets = &mut self.sockets;
        self.joined.retain(|(joined_on, group), joined| {
            if *joined_on == interface
                && let Some(member) = sockets.get_mut(joined.socket)
            {
                member.full = false;
                // Whatever it says, nothing is left to be done.
                let _gone = change(&member.socket, interface, *group, false);
            }
            *joined_on != interface
        });
    }

    /// How many groups are joined, each interface counted for itself.
    pub fn len(&self) -> usize {
        self.joined.len()
    }

    /// Whether none is joined.
    pub fn is_empty(&self) -> bool {
        self.joined.is_empty()
    }
}

fn open(family: Family) -> io::Result<Socket> {
    let domain = match family {
        Family::Ipv4 => Domain::IPV4,
        Family::Ipv6 => Domain::IPV6,
    };
    // Never bound to a port, so nothing is ever delivered to it.
    Socket::new(domain, Type::DGRAM.cloexec(), None)
}

fn change(socket: &Socket, interface: u32, group: IpAddr, join: bool) -> io::Result<()> {
    let index = InterfaceIndexOrAddress::Index(interface);
    match (group, join) {
        (IpAddr::V4(group), true) => socket.join_multicast_v4_n(&group, &index),
        (IpAddr::V4(group), false) => socket.leave_multicast_v4_n(&group, &index),
        (IpAddr::V6(group), true) => socket.join_multicast_v6(&group, interface),
        (IpAddr::V6(group), false) => socket.leave_multicast_v6(&group, interface),
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::ENOMEM))
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENODEV | libc::EADDRNOTAVAIL | libc::EINVAL))
}
