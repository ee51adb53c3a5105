//! The guardian's own loop.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use fhrp::{Family, Instant, InterfaceAddress};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use socket2::{Domain, Protocol, Socket, Type};

use super::message::{Message, Outliving, Routed, Will};
use crate::addr::route;
use crate::net::{Clock, schedule};
use crate::sys;

/// Longest message: a will with frames for every unicast peer of a group.
const LONGEST: usize = 256 * 1024;
/// Priority among real-time threads: below the event loop's, above the kernel thread's.
const PRIORITY: u8 = 30;

/// What has to be done if the daemon cannot.
#[derive(Default)]
struct Charge {
    wills: BTreeMap<u32, Kept<Will>>,
    addresses: BTreeMap<(u32, IpAddr), Kept<(u8, Duration)>>,
    /// The last sign of life of the daemon's event loop, a new will among them; `None` before the first.
    alive: Option<Instant>,
}

struct Kept<T> {
    what: T,
    /// Already done, in this stall.
    done: bool,
}

pub(super) fn run(socket: OwnedFd) -> io::Result<()> {
    rustix::process::setsid().ok();
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        sys::ignore_signal(signal);
    }
    // Without these it still does its work, a little later.
    schedule::real_time(PRIORITY).ok();
    schedule::lock_memory().ok();
    let voice = Voice::open()?;
    let mut charge = Charge::default();
    let mut buffer = vec![0; LONGEST];
    loop {
        wait(&socket, charge.deadline())?;
        // Everything that is waiting is read before a deadline is believed.
        loop {
            match recv(&socket, &mut buffer, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return charge.discharge_all(&voice),
                Ok((_, length)) => match Message::parse(buffer.get(..length).unwrap_or_default()) {
                    Some(Message::Farewell) => return Ok(()),
                    Some(message) => charge.hear(message, Clock::now()),
                    None => {}
                },
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(_) => return charge.discharge_all(&voice),
            }
        }
        charge.discharge_late(Clock::now(), &voice);
    }
}

fn wait(socket: &OwnedFd, until: Option<Instant>) -> io::Result<()> {
    let left = until.map(|until| Clock::now().until(until));
    let timeout = left.map(|left| Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    });
    match poll(&mut [PollFd::new(socket, PollFlags::IN)], timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Charge {
    fn hear(&mut self, message: Message, now: Instant) {
        match message {
            Message::Will(group, will) if will.frames.is_empty() && will.routed.is_empty() => {
                self.wills.remove(&group.0);
            }
            Message::Will(group, what) => {
                // Whoever makes a will is alive; it may have had nothing to say for long before.
                self.alive = Some(now);
                self.wills.insert(group.0, Kept { what, done: false });
            }
            Message::Outliving(addresses) => {
                for Outliving { link, address, lease } in addresses {
                    let kept = Kept { what: (address.prefix, lease), done: false };
                    self.addresses.insert((link, address.ip), kept);
                }
            }
            Message::Removed(addresses) => {
                for Outliving { link, address, .. } in addresses {
                    self.addresses.remove(&(link, address.ip));
                }
            }
            Message::Alive => {
                self.alive = Some(now);
                self.wills.values_mut().for_each(|kept| kept.done = false);
                self.addresses.values_mut().for_each(|kept| kept.done = false);
            }
            Message::Farewell => {}
        }
    }

    /// When the next lease runs out.
    fn deadline(&self) -> Option<Instant> {
        let wills = self.wills.values().filter(|kept| !kept.done).map(|kept| kept.what.lease);
        let addresses = self.addresses.values().filter(|kept| !kept.done).map(|kept| kept.what.1);
        Some(self.alive? + wills.chain(addresses).min()?)
    }

    /// The daemon stalls: does the part of those whose lease has run out.
    fn discharge_late(&mut self, now: Instant, voice: &Voice) {
        let Some(alive) = self.alive else { return };
        let silent = now.since(alive);
        for kept in self.wills.values_mut().filter(|kept| !kept.done && kept.what.lease <= silent) {
            kept.done = true;
            voice.say(&kept.what);
        }
        let mut late = Vec::new();
        for ((link, ip), kept) in &mut self.addresses {
            let (prefix, lease) = kept.what;
            if !kept.done && lease <= silent {
                kept.done = true;
                late.push((*link, InterfaceAddress { ip: *ip, prefix }));
            }
        }
        // Nobody is there to be told; the next stall or the end tries again.
        remove(&late).ok();
    }

    /// The daemon is dead.
    fn discharge_all(&self, voice: &Voice) -> io::Result<()> {
        for kept in self.wills.values() {
            voice.say(&kept.what);
        }
        let all: Vec<_> = self
            .addresses
            .iter()
            .map(|((link, ip), kept)| (*link, InterfaceAddress { ip: *ip, prefix: kept.what.0 }))
            .collect();
        remove(&all)
    }
}

fn remove(addresses: &[(u32, InterfaceAddress)]) -> io::Result<()> {
    if addresses.is_empty() {
        return Ok(());
    }
    let requests = addresses.iter().map(|(link, address)| route::delete_address(*link, *address));
    // What is refused is gone already, with its device.
    route::channel()?.submit(requests.collect()).map(|_| ())
}

/// The sockets that goodbyes leave by.
struct Voice {
    packet: Option<Socket>,
    routed: BTreeMap<Family, Socket>,
}

impl Voice {
    /// Opens what is permitted: a guardian that cannot speak can still take addresses away.
    fn open() -> io::Result<Self> {
        let packet = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), None).ok();
        let mut routed = BTreeMap::new();
        for (family, domain) in [(Family::Ipv4, Domain::IPV4), (Family::Ipv6, Domain::IPV6)] {
            let raw = Protocol::from(libc::IPPROTO_RAW);
            let Ok(socket) = Socket::new(domain, Type::RAW.nonblocking(), Some(raw)) else { continue };
            if family == Family::Ipv6 {
                socket.set_freebind_v6(true)?;
            }
            routed.insert(family, socket);
        }
        Ok(Voice { packet, routed })
    }

    fn say(&self, will: &Will) {
        // A link may be down, a peer unreachable: the others are told all the same.
        for goodbye in &will.frames {
            let kind = goodbye.frame.get(12..14).and_then(|kind| kind.try_into().ok());
            if let (Some(packet), Some(kind)) = (&self.packet, kind) {
                sys::send_packet(packet.as_fd(), goodbye.link, u16::from_be_bytes(kind), &goodbye.frame).ok();
            }
        }
        for Routed { link, source, destination, packet } in &will.routed {
            if let Some(socket) = self.routed.get(&Family::of(*destination)) {
                sys::send_routed(socket.as_fd(), *source, *destination, *link, packet).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::GroupIndex;
    use crate::guardian::message::Goodbye;

    fn at(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    fn will(lease_ms: u64) -> Will {
        let frames = vec![Goodbye { link: 1, frame: Vec::new() }];
        Will { lease: Duration::from_millis(lease_ms), frames, routed: Vec::new() }
    }

    #[test]
    fn a_will_is_a_sign_of_life() {
        let voice = Voice { packet: None, routed: BTreeMap::new() };
        let mut charge = Charge::default();
        charge.hear(Message::Will(GroupIndex(1), will(300)), at(0));
        assert_eq!(charge.deadline(), Some(at(300)));
        charge.hear(Message::Alive, at(10));
        assert_eq!(charge.deadline(), Some(at(310)));
        charge.hear(Message::Will(GroupIndex(1), Will::default()), at(10));
        // Long after it last held anything the daemon takes over again: it is not late for that.
        charge.hear(Message::Will(GroupIndex(2), will(30)), at(9000));
        charge.discharge_late(at(9000), &voice);
        assert_eq!(charge.deadline(), Some(at(9030)));
    }

    #[test]
    fn each_group_has_its_own_patience_and_is_spoken_for_once() {
        let voice = Voice { packet: None, routed: BTreeMap::new() };
        let mut charge = Charge::default();
        charge.hear(Message::Will(GroupIndex(1), will(300)), at(0));
        charge.hear(Message::Will(GroupIndex(2), will(30)), at(0));
        charge.hear(Message::Alive, at(0));
        charge.discharge_late(at(40), &voice);
        assert_eq!(charge.deadline(), Some(at(300)));
        charge.discharge_late(at(300), &voice);
        assert_eq!(charge.deadline(), None);
        charge.hear(Message::Alive, at(500));
        assert_eq!(charge.deadline(), Some(at(530)));
        charge.hear(Message::Will(GroupIndex(2), Will::default()), at(500));
        assert_eq!(charge.deadline(), Some(at(800)));
    }
}
