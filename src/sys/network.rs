//! Packet sockets, raw sockets and TUN devices.

use std::io;
use std::mem::{MaybeUninit, offset_of, size_of};
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use fhrp::Mac;
use libc::{c_int, c_void, socklen_t};

use super::check;

/// What the kernel says about a frame beside its octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Octets written to the buffer.
    pub length: usize,
    /// Whether the frame was longer than the buffer.
    pub truncated: bool,
    /// `PACKET_HOST` and its like.
    pub packet_type: u8,
    /// Realtime clock at arrival.
    pub stamp: Option<Duration>,
    /// Whether the frame came from this machine and its transport checksum was never computed.
    pub checksum_pending: bool,
}

/// Binds a packet socket to one interface and one Ethernet type (host byte order; 0 receives nothing).
pub fn bind_packet(socket: impl AsFd, interface: u32, ether_type: u16) -> io::Result<()> {
    let address = packet_address(interface, ether_type)?;
    // SAFETY: `address` is a valid sockaddr_ll of the length given and outlives the call.
    check(unsafe {
        libc::bind(socket.as_fd().as_raw_fd(), (&raw const address).cast(), length_of::<libc::sockaddr_ll>())
    })?;
    Ok(())
}

/// Sets an option whose value is a plain integer.
pub fn set_integer(socket: impl AsFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    set_option(socket, level, name, &value)
}

/// Asks the interface to receive frames for one more address, or no longer; lasts as long as the socket.
pub fn packet_membership(socket: impl AsFd, interface: u32, mac: Mac, wanted: bool) -> io::Result<()> {
    let mut address = [0; 8];
    address[..6].copy_from_slice(&mac.0);
    let request = libc::packet_mreq {
        mr_ifindex: index(interface)?,
        mr_type: match mac.is_group() {
            true => libc::PACKET_MR_MULTICAST as u16,
            false => libc::PACKET_MR_UNICAST as u16,
        },
        mr_alen: 6,
        mr_address: address,
    };
    let name = if wanted { libc::PACKET_ADD_MEMBERSHIP } else { libc::PACKET_DROP_MEMBERSHIP };
    set_option(socket, libc::SOL_PACKET, name, &request)
}

/// Room for the control messages of one frame, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; 128]);

/// Receives one frame from a packet socket. `WouldBlock` if none is waiting.
pub fn receive_packet(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Arrival> {
    let mut address = MaybeUninit::<libc::sockaddr_ll>::zeroed();
    let mut control = MaybeUninit::<Control>::uninit();
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: a msghdr is plain data for which all zeros are valid: no name, no parts, no control.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_name = address.as_mut_ptr().cast();
    message.msg_namelen = length_of::<libc::sockaddr_ll>();
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of::<Control>() as _;
    // SAFETY: every pointer in `message` is to memory of the length beside it, alive and not otherwise
    // borrowed during the call.
    let length = check_length(unsafe {
        libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT)
    })?;
    // SAFETY: zeroed at first, and a sockaddr_ll is plain data: valid whatever the kernel wrote.
    let address = unsafe { address.assume_init() };
    // SAFETY: `message` describes the control buffer as the kernel filled it just now.
    let (stamp, status) = unsafe { read_control(&message) };
    Ok(Arrival {
        length: length.min(buffer.len()),
        truncated: message.msg_flags & libc::MSG_TRUNC != 0,
        packet_type: address.sll_pkttype,
        stamp,
        checksum_pending: status & libc::TP_STATUS_CSUMNOTREADY != 0,
    })
}

/// The time stamp and the packet status among the control messages.
///
/// # Safety
/// `message` must be as `recvmsg` left it, with its control buffer alive.
unsafe fn read_control(message: &libc::msghdr) -> (Option<Duration>, u32) {
    let (mut stamp, mut status) = (None, 0);
    // SAFETY: by this function's contract the headers lie within the initialised part of the buffer, and
    // CMSG_NXTHDR ends with null before its end.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while let Some(found) = header.as_ref() {
            let data = libc::CMSG_DATA(header);
            let holds = |size: usize| found.cmsg_len >= libc::CMSG_LEN(size as u32) as _;
            match (found.cmsg_level, found.cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) if holds(size_of::<libc::timespec>()) => {
                    stamp = span_of(data.cast::<libc::timespec>().read_unaligned());
                }
                (libc::SOL_PACKET, libc::PACKET_AUXDATA) if holds(size_of::<libc::tpacket_auxdata>()) => {
                    status = data.cast::<libc::tpacket_auxdata>().read_unaligned().tp_status;
                }
                _ => {}
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    (stamp, status)
}

fn span_of(time: libc::timespec) -> Option<Duration> {
    let seconds = u64::try_from(time.tv_sec).ok()?;
    Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?))
}

/// Sends one frame, with its Ethernet header, out of an interface.
pub fn send_packet(socket: impl AsFd, interface: u32, ether_type: u16, frame: &[u8]) -> io::Result<()> {
    let address = packet_address(interface, ether_type)?;
    // SAFETY: `frame` and `address` are valid for reading at the lengths given during the call.
    check_length(unsafe {
        libc::sendto(
            socket.as_fd().as_raw_fd(),
            frame.as_ptr().cast(),
            frame.len(),
            libc::MSG_DONTWAIT,
            (&raw const address).cast(),
            length_of::<libc::sockaddr_ll>(),
        )
    })?;
    Ok(())
}

/// Frames that passed the filter and found no room in the queue, since this was last asked.
pub fn packet_drops(socket: impl AsFd) -> io::Result<u32> {
    let mut statistics = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut length = length_of::<libc::tpacket_stats>();
    // SAFETY: `statistics` is valid for writing at the length given, which is in `length`.
    check(unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut statistics).cast(),
            &raw mut length,
        )
    })?;
    Ok(statistics.tp_drops)
}

/// Sends one IP packet, with its header, from a raw socket that includes headers, as the kernel routes it
/// from `source` to `destination`, or out of one interface.
pub fn send_routed(
    socket: impl AsFd,
    source: IpAddr,
    destination: IpAddr,
    interface: Option<u32>,
    packet: &[u8],
) -> io::Result<()> {
    let outgoing = interface.map_or(Ok(0), index)?;
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let hint = libc::in_pktinfo {
                ipi_ifindex: outgoing,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from(source).to_be() },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            let to = socket2::SockAddr::from(std::net::SocketAddrV4::new(destination, 0));
            send_hinted(socket, &to, libc::IPPROTO_IP, libc::IP_PKTINFO, hint, packet)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let hint = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr { s6_addr: source.octets() },
                ipi6_ifindex: interface.unwrap_or(0) as _,
            };
            let to = std::net::SocketAddrV6::new(destination, 0, 0, interface.unwrap_or(0));
            send_hinted(socket, &to.into(), libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, hint, packet)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }
}

/// `sendmsg` with one control message of type `Hint`, a plain structure of the kernel's.
fn send_hinted<Hint: Copy>(
    socket: impl AsFd,
    to: &socket2::SockAddr,
    level: c_int,
    kind: c_int,
    hint: Hint,
    packet: &[u8],
) -> io::Result<()> {
    let mut control = Control([0; 128]);
    let mut part = libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
    // SAFETY: a msghdr is plain data for which all zeros are valid.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_name = to.as_ptr().cast_mut().cast();
    message.msg_namelen = to.len();
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    let size = size_of::<Hint>() as u32;
    // SAFETY: a pure computation.
    let space = unsafe { libc::CMSG_SPACE(size) } as usize;
    message.msg_controllen = space as _;
    if space > size_of::<Control>() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the buffer is aligned for a header and holds one message of this size, as checked above, so
    // that CMSG_FIRSTHDR is not null and CMSG_DATA has room for `Hint`.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_DATA(header).cast::<Hint>().write_unaligned(hint);
    }
    // SAFETY: every pointer in `message` is to memory of the length beside it that outlives the call; the
    // kernel only reads it.
    check_length(unsafe {
        libc::sendmsg(socket.as_fd().as_raw_fd(), &raw const message, libc::MSG_DONTWAIT)
    })?;
    Ok(())
}

/// Size of `struct ifreq` on 64-bit machines, the larger one.
const INTERFACE_REQUEST: usize = 40;

/// Makes an opened `/dev/net/tun` a TUN device that lasts until the file is closed, and returns its name. A
/// `%d` in `pattern` becomes the first free number.
pub fn create_tun(file: impl AsFd, pattern: &str) -> io::Result<String> {
    let mut request = [0_u8; INTERFACE_REQUEST];
    let (name, rest) = request.split_at_mut(libc::IFNAMSIZ);
    if pattern.len() >= name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    name[..pattern.len()].copy_from_slice(pattern.as_bytes());
    let flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    rest[..2].copy_from_slice(&flags.to_ne_bytes());
    // SAFETY: the kernel reads and writes no more than a `struct ifreq`, which `request` has room for.
    check(unsafe { libc::ioctl(file.as_fd().as_raw_fd(), libc::TUNSETIFF as _, request.as_mut_ptr()) })?;
    let name = request[..libc::IFNAMSIZ].split(|octet| *octet == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

fn packet_address(interface: u32, ether_type: u16) -> io::Result<libc::sockaddr_ll> {
    Ok(libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: ether_type.to_be(),
        sll_ifindex: index(interface)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    })
}

fn index(interface: u32) -> io::Result<c_int> {
    c_int::try_from(interface).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn set_option<Value: Copy>(socket: impl AsFd, level: c_int, name: c_int, value: &Value) -> io::Result<()> {
    // SAFETY: `value` is valid for reading at the length given during the call.
    check(unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast::<c_void>(),
            length_of::<Value>(),
        )
    })?;
    Ok(())
}

const fn length_of<Value>() -> socklen_t {
    size_of::<Value>() as socklen_t
}

fn check_length(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

// The kernel reads eight octets of a packet membership's address and no more.
const _: () = assert!(offset_of!(libc::packet_mreq, mr_address) == 8);
