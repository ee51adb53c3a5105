//! Netlink requests without a wait for each.
//!
//! The kernel carries out a request inside the system call that sends it. So many requests go out in one write,
//! none asks for an acknowledgement, and when the write returns everything is done; only refusals wait to be
//! read. A thousand addresses cost a thousand changes and a few dozen system calls.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkDeserializable, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use netlink_sys::{Socket, SocketAddr};

/// Requests in one write: their refusals must fit the receive buffer.
const AT_ONCE: usize = 64;
/// Octets read at once; the kernel's dumps come in pieces of at most 32 KiB.
const PIECE: usize = 64 * 1024;
/// Octets of send buffer wanted, for transactions that go out in one write.
const SEND_BUFFER: usize = 16 * 1024 * 1024;

/// A request the kernel refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Its place in the list that was sent.
    pub index: usize,
    /// Why.
    pub cause: io::Error,
}

/// A netlink socket.
pub(crate) struct Channel {
    socket: Socket,
    sequence: u32,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
    limit: usize,
}

impl Channel {
    /// Opens a socket of this netlink family.
    pub fn open(family: isize) -> io::Result<Self> {
        let mut socket = Socket::new(family)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // Refusals need not repeat the request. Older kernels cannot; they only need more room.
        socket.set_cap_ack(true).ok();
        use rustix::net::sockopt;
        if sockopt::set_socket_send_buffer_size_force(&socket, SEND_BUFFER).is_err() {
            sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER).ok();
        }
        // The kernel doubles what is asked for, to account for its own overhead.
        let limit = sockopt::socket_send_buffer_size(&socket)? / 2;
        Ok(Channel { socket, sequence: 0, outgoing: Vec::new(), incoming: Vec::with_capacity(PIECE), limit })
    }

    /// Octets that one write can take.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Sends all requests; returns those that the kernel refused. Fails only if the socket does.
    pub fn submit<M: NetlinkSerializable>(
        &mut self,
        requests: Vec<NetlinkMessage<M>>,
    ) -> io::Result<Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut requests = requests.into_iter().peekable();
        let mut done = 0;
        while requests.peek().is_some() {
            let batch: Vec<_> = requests.by_ref().take(AT_ONCE).collect();
            let count = batch.len();
            let refused = self.submit_at_once(batch)?;
            refusals.extend(
                refused.into_iter().map(|Refusal { index, cause }| Refusal { index: done + index, cause }),
            );
            done += count;
        }
        Ok(refusals)
    }

    /// The same in a single write: all of it is one transaction where the family knows transactions.
    pub fn submit_at_once<M: NetlinkSerializable>(
        &mut self,
        requests: Vec<NetlinkMessage<M>>,
    ) -> io::Result<Vec<Refusal>> {
        let first = self.sequence.wrapping_add(1);
        self.outgoing.clear();
        for request in requests {
            self.append(request);
        }
        self.write()?;
        let mut refusals = Vec::new();
        loop {
            match self.read(libc::MSG_DONTWAIT) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(refusals),
                Err(error) => return Err(error),
            }
            for (header, payload) in pieces(&self.incoming) {
                let Some(cause) = refusal(header.message_type(), payload) else { continue };
                let index = header.sequence_number().wrapping_sub(first) as usize;
                refusals.push(Refusal { index, cause });
            }
        }
    }

    /// Asks for a whole table. Entries that cannot be read are left out.
    pub fn dump<M: NetlinkSerializable + NetlinkDeserializable>(
        &mut self,
        mut request: NetlinkMessage<M>,
    ) -> io::Result<Vec<M>> {
        request.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        self.outgoing.clear();
        self.append(request);
        self.write()?;
        let mut entries = Vec::new();
        loop {
            self.read(0)?;
            for (header, payload) in pieces(&self.incoming) {
                if header.sequence_number() != self.sequence {
                    continue;
                }
                if header.message_type() == libc::NLMSG_DONE as u16 {
                    return Ok(entries);
                }
                if let Some(cause) = refusal(header.message_type(), payload) {
                    return Err(cause);
                }
                if let Ok(NetlinkMessage { payload: NetlinkPayload::InnerMessage(entry), .. }) =
                    NetlinkMessage::deserialize(header.into_inner())
                {
                    entries.push(entry);
                }
            }
        }
    }

    fn append<M: NetlinkSerializable>(&mut self, mut request: NetlinkMessage<M>) {
        self.sequence = self.sequence.wrapping_add(1);
        request.header.sequence_number = self.sequence;
        request.finalize();
        let start = self.outgoing.len();
        let length = request.buffer_len();
        self.outgoing.resize(start + length.next_multiple_of(4), 0);
        request.serialize(&mut self.outgoing[start..start + length]);
    }

    fn write(&self) -> io::Result<()> {
        loop {
            match self.socket.send(&self.outgoing, 0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map(|_| ()),
            }
        }
    }

    fn read(&mut self, flags: libc::c_int) -> io::Result<()> {
        self.incoming.clear();
        self.incoming.reserve(PIECE);
        loop {
            match self.socket.recv(&mut self.incoming, flags) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map(|_| ()),
            }
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The messages in what was read, each with its payload.
pub(crate) fn pieces(mut octets: &[u8]) -> impl Iterator<Item = (NetlinkBuffer<&[u8]>, &[u8])> {
    std::iter::from_fn(move || {
        let buffer = NetlinkBuffer::new_checked(octets).ok()?;
        let length = buffer.length() as usize;
        let (message, _) = octets.split_at_checked(length)?;
        octets = octets.get(length.next_multiple_of(4)..).unwrap_or_default();
        let payload = message.get(HEADER..)?;
        Some((NetlinkBuffer::new(message), payload))
    })
}

/// Octets of a netlink header.
const HEADER: usize = 16;

fn refusal(message_type: u16, payload: &[u8]) -> Option<io::Error> {
    if message_type != libc::NLMSG_ERROR as u16 {
        return None;
    }
    let code = i32::from_ne_bytes(*payload.first_chunk()?);
    (code != 0).then(|| io::Error::from_raw_os_error(code.saturating_neg()))
}

/// The kernel's reason in lower case and without the number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
