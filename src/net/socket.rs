//! Packet sockets: one that hears the protocols of a link, one that hears its questions, and one that only
//! widens what the interface card lets in.
//!
//! A packet socket sees frames whatever their destination MAC, before the IP stack, its firewall and any
//! ingress hook; it needs no address on the interface and chooses every octet of what it sends. The filter
//! is in place before the socket is bound, so that nothing slips through in between.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use fhrp::Mac;
use fhrp::contract::Ear;
use socket2::{Domain, Socket, Type};

use crate::net::filter::{self, Program};
use crate::sys;

/// Receives frames of every Ethernet type, before any ingress hook of the interface.
const EVERY_ETHER_TYPE: u16 = 0x0003;
/// Receives nothing.
const NO_ETHER_TYPE: u16 = 0;

/// Room for some thousand advertisements, each of which the kernel accounts with up to 2 KiB. More would only
/// keep stale ones.
const LINK_QUEUE: usize = 4 << 20;
/// Room for the questions of a busy segment.
const QUESTION_QUEUE: usize = 1 << 20;

/// `TC_PRIO_CONTROL`: leaves before everything else that waits for the same interface.
const PRIORITY_CONTROL: i32 = 7;

/// All routers of an IPv6 link, where router solicitations go.
const ALL_ROUTERS: Mac = Mac([0x33, 0x33, 0, 0, 0, 2]);

/// A frame as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'b> {
    /// From the Ethernet header on; an outer VLAN tag is not in here.
    pub bytes: &'b [u8],
    /// When the kernel got it, by the wall clock: see [`receive_time`](crate::net::frame::receive_time).
    pub kernel_time: Option<Duration>,
    /// Whom the interface took it for.
    pub to: PacketKind,
    /// Whether it was longer than the buffer.
    pub truncated: bool,
    /// Whether it comes from this very machine (another namespace, a virtual machine) and its UDP checksum
    /// was left for an interface card to compute that never saw it.
    pub checksum_pending: bool,
}

/// Whom the interface took a frame for, by its destination MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketKind {
    /// This interface's own MAC.
    Host,
    /// Everybody.
    Broadcast,
    /// A multicast group.
    Multicast,
    /// Some other MAC: a virtual one, or a stranger's that was flooded or seen in promiscuous mode.
    OtherHost,
    /// Sent by this machine.
    Outgoing,
}

impl PacketKind {
    fn of(packet_type: u8) -> Self {
        match packet_type {
            libc::PACKET_HOST => PacketKind::Host,
            libc::PACKET_BROADCAST => PacketKind::Broadcast,
            libc::PACKET_MULTICAST => PacketKind::Multicast,
            libc::PACKET_OUTGOING => PacketKind::Outgoing,
            _ => PacketKind::OtherHost,
        }
    }
}

/// Hears what the protocols of one interface listen to, and sends any frame.
#[derive(Debug)]
pub struct LinkSocket {
    packet: PacketSocket,
}

impl LinkSocket {
    /// Opens it and joins the ears' multicast MACs.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; otherwise the kernel's word, with the operation that failed.
    pub fn open(interface: u32, ears: &[Ear]) -> io::Result<Self> {
        let packet = PacketSocket::open(interface, &filter::protocols(ears), LINK_QUEUE)?;
        let mut socket = LinkSocket { packet };
        socket.join(ears)?;
        socket.packet.bind(EVERY_ETHER_TYPE)?;
        Ok(socket)
    }

    /// Opens one that hears nothing, costs the interface's other traffic nothing, and sends any frame.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_mute(interface: u32) -> io::Result<Self> {
        let packet = PacketSocket::open(interface, &filter::nothing(), 0)?;
        packet.bind(NO_ETHER_TYPE)?;
        Ok(LinkSocket { packet })
    }

    /// Listens to these from now on. What still waits in the queue was let through by the ears before.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn set_ears(&mut self, ears: &[Ear]) -> io::Result<()> {
        self.packet.set_filter(&filter::protocols(ears))?;
        self.join(ears)
    }

    /// The next frame that is waiting; `None` if none is.
    ///
    /// # Errors
    /// The kernel's word; an interface that went down is none, it only has nothing more to say.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<Raw<'b>>> {
        self.packet.receive(buffer)
    }

    /// Sends one frame, Ethernet header and all.
    ///
    /// # Errors
    /// `NetworkDown` while the interface is down, `WouldBlock` while its queue is full, `NotFound` once it is
    /// gone.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.packet.send(frame)
    }

    /// Frames lost since last asked, because the queue was full.
    ///
    /// # Errors
    /// None that a valid socket can meet.
    pub fn drops(&self) -> io::Result<u32> {
        sys::packet_drops(&self.packet.socket)
    }

    fn join(&mut self, ears: &[Ear]) -> io::Result<()> {
        let groups = ears.iter().filter_map(|ear| Mac::of_multicast(ear.multicast));
        self.packet.listen_to(&groups.collect())
    }
}

impl AsFd for LinkSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.packet.socket.as_fd()
    }
}

/// Hears ARP requests, neighbour solicitations and router solicitations on one interface, and sends answers.
#[derive(Debug)]
pub struct NeighbourSocket {
    packet: PacketSocket,
    listening: bool,
}

impl NeighbourSocket {
    /// Opens it deaf: nothing is heard before [`listen`](Self::listen).
    ///
    /// # Errors
    /// As [`LinkSocket::open`].
    pub fn open(interface: u32) -> io::Result<Self> {
        let mut packet = PacketSocket::open(interface, &filter::nothing(), QUESTION_QUEUE)?;
        packet.listen_to(&BTreeSet::from([ALL_ROUTERS]))?;
        packet.bind(EVERY_ETHER_TYPE)?;
        Ok(NeighbourSocket { packet, listening: false })
    }

    /// Hears questions from now on, or none: a router that holds nothing is not woken by every broadcast.
    /// Takes some microseconds; to be called whenever the role changes. What was asked before is forgotten.
    ///
    /// # Errors
    /// None that a valid socket can meet, but for want of memory.
    pub fn listen(&mut self, listen: bool) -> io::Result<()> {
        if listen != self.listening {
            let program = if listen { filter::solicitations() } else { filter::nothing() };
            self.packet.set_filter(&program)?;
            self.listening = listen;
            self.forget();
        }
        Ok(())
    }

    /// Forgets what is waiting: a question that is old has been asked again, or no longer matters.
    pub fn forget(&self) {
        // One octet is enough to take a frame from the queue; more than the queue holds cannot wait.
        let mut octet = [0];
        for _ in 0..QUESTION_QUEUE {
            match self.packet.receive(&mut octet) {
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Whether questions are heard.
    pub fn is_listening(&self) -> bool {
        self.listening
    }

    /// Asks the interface card for the solicited-node groups of these IPv6 addresses, and no others. Snooping
    /// switches learn of them by [`Membership`](crate::net::Membership). Waits for the kernel's configuration
    /// lock: not for the moment of a take-over.
    ///
    /// # Errors
    /// The kernel's word, with the operation that failed.
    pub fn set_targets(&mut self, targets: impl IntoIterator<Item = std::net::Ipv6Addr>) -> io::Result<()> {
        let groups = targets.into_iter().map(fhrp::address::solicited_node);
        let mut macs: BTreeSet<Mac> = groups.filter_map(|group| Mac::of_multicast(group.into())).collect();
        macs.insert(ALL_ROUTERS);
        self.packet.listen_to(&macs)
    }

    /// As [`LinkSocket::receive`].
    ///
    /// # Errors
    /// As [`LinkSocket::receive`].
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<Raw<'b>>> {
        self.packet.receive(buffer)
    }

    /// As [`LinkSocket::send`].
    ///
    /// # Errors
    /// As [`LinkSocket::send`].
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.packet.send(frame)
    }

    /// As [`LinkSocket::drops`].
    ///
    /// # Errors
    /// As [`LinkSocket::drops`].
    pub fn drops(&self) -> io::Result<u32> {
        sys::packet_drops(&self.packet.socket)
    }
}

impl AsFd for NeighbourSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.packet.socket.as_fd()
    }
}

/// Makes an interface card let in frames for further MACs, as long as this lives. It receives nothing
/// itself.
#[derive(Debug)]
pub struct StationFilter {
    packet: PacketSocket,
}

impl StationFilter {
    /// Opens it with no further MACs.
    ///
    /// # Errors
    /// As [`LinkSocket::open`].
    pub fn open(interface: u32) -> io::Result<Self> {
        let packet = PacketSocket::open(interface, &filter::nothing(), 0)?;
        packet.bind(NO_ETHER_TYPE)?;
        Ok(StationFilter { packet })
    }

    /// These and no others. Waits for the kernel's configuration lock: not for the moment of a take-over.
    ///
    /// # Errors
    /// The kernel's word, with the operation that failed.
    pub fn set(&mut self, macs: &BTreeSet<Mac>) -> io::Result<()> {
        self.packet.listen_to(macs)
    }
}

/// What the packet sockets have in common.
#[derive(Debug)]
struct PacketSocket {
    socket: Socket,
    interface: u32,
    stations: BTreeSet<Mac>,
}

impl PacketSocket {
    /// A socket with its filter, not yet bound: it hears nothing so far.
    fn open(interface: u32, program: &Program, queue: usize) -> io::Result<Self> {
        let kind = Type::RAW.nonblocking().cloexec();
        let socket = Socket::new_raw(Domain::PACKET, kind, None).map_err(during("open a packet socket"))?;
        let packet = PacketSocket { socket, interface, stations: BTreeSet::new() };
        packet.set_filter(program)?;
        let set = |level, name, value| sys::set_integer(&packet.socket, level, name, value);
        set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1).map_err(during("ignore outgoing frames"))?;
        set(libc::SOL_PACKET, libc::PACKET_AUXDATA, 1).map_err(during("ask for packet details"))?;
        set(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1).map_err(during("ask for time stamps"))?;
        set(libc::SOL_SOCKET, libc::SO_PRIORITY, PRIORITY_CONTROL).map_err(during("set the priority"))?;
        packet.set_queue(queue)?;
        Ok(packet)
    }

    /// Beyond the system's limit where that is permitted, else as much as it gives.
    fn set_queue(&self, octets: usize) -> io::Result<()> {
        if octets == 0
            || rustix::net::sockopt::set_socket_recv_buffer_size_force(&self.socket, octets).is_ok()
        {
            return Ok(());
        }
        self.socket.set_recv_buffer_size(octets).map_err(during("size the receive queue"))
    }

    fn bind(&self, ether_type: u16) -> io::Result<()> {
        sys::bind_packet(&self.socket, self.interface, ether_type).map_err(during("bind a packet socket"))
    }

    fn set_filter(&self, program: &Program) -> io::Result<()> {
        self.socket.attach_filter(program).map_err(during("attach a packet filter"))
    }

    /// Brings the addresses that the interface card lets in for us to `wanted`: new ones first.
    fn listen_to(&mut self, wanted: &BTreeSet<Mac>) -> io::Result<()> {
        let change = |mac: Mac, add| sys::packet_membership(&self.socket, self.interface, mac, add);
        for mac in wanted.difference(&self.stations) {
            change(*mac, true).map_err(during("listen to a further MAC address"))?;
        }
        for mac in self.stations.difference(wanted) {
            // An interface that is gone took its addresses with it.
            change(*mac, false).or_else(ignore_gone).map_err(during("stop listening to a MAC address"))?;
        }
        self.stations.clone_from(wanted);
        Ok(())
    }

    fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<Raw<'b>>> {
        let arrival = match sys::receive_packet(&self.socket, buffer) {
            // The kernel says once that the interface went down; frames from before may still wait.
            Err(error) if is_down(&error) => sys::receive_packet(&self.socket, buffer),
            result => result,
        };
        let arrival = match arrival {
            Ok(arrival) => arrival,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || is_down(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = buffer.get(..arrival.length).unwrap_or_default();
        Ok(Some(Raw {
            bytes,
            kernel_time: arrival.stamp,
            to: PacketKind::of(arrival.packet_type),
            truncated: arrival.truncated,
            checksum_pending: arrival.checksum_pending,
        }))
    }

    fn send(&self, frame: &[u8]) -> io::Result<()> {
        let ether_type = match frame.get(12..14) {
            Some(&[high, low]) => u16::from_be_bytes([high, low]),
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        match sys::send_packet(&self.socket, self.interface, ether_type, frame) {
            // Word of an interface that went down, perhaps long ago, that nobody has read yet.
            Err(error) if is_down(&error) => {
                sys::send_packet(&self.socket, self.interface, ether_type, frame)
            }
            result => result,
        }
    }
}

fn is_down(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENETDOWN)
}

fn ignore_gone(error: io::Error) -> io::Result<()> {
    match error.raw_os_error() {
        Some(libc::ENODEV | libc::ENXIO | libc::EADDRNOTAVAIL) => Ok(()),
        _ => Err(error),
    }
}

/// Says which operation failed, keeping the kind of the error.
fn during(operation: &'static str) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{operation}: {error}"))
}
