//! Packets and time, as the kernel hands them out: the only room with raw system calls.
//!
//! | module | what lives there |
//! |---|---|
//! | [`clock`] | the monotonic clock, the wall clock, and an alarm that wakes the event loop |
//! | [`filter`] | classic BPF programs, generated from what is listened to |
//! | [`socket`] | packet sockets: one that hears the protocols of a link, one that hears its questions |
//! | [`routed`] | raw IP sockets for unicast peers that may be far away |
//! | [`membership`] | multicast groups joined at the IP layer, for switches that snoop |
//! | [`frame`] | frames to meaning and back: Ethernet, IPv4, IPv6, UDP |
//! | [`neighbour`] | ARP and Neighbour Discovery: questions read, answers written |
//! | [`schedule`] | real-time scheduling with a way out, and locked memory |
//!
//! `sys` has all of the `unsafe`; everything it offers is safe to call with any argument. It decides nothing:
//! no module here knows a group, a state or a protocol beyond the numbers it is given.

pub mod clock;
pub mod filter;
pub mod frame;
pub mod membership;
pub mod neighbour;
pub mod routed;
pub mod schedule;
pub mod socket;
pub(crate) mod sys;

#[cfg(test)]
mod tests;

pub use clock::{Alarm, Clock};
pub use frame::Unreadable;
pub use membership::Membership;
pub use neighbour::Asked;
pub use routed::RoutedSocket;
pub use socket::{LinkSocket, NeighbourSocket, PacketKind, Raw, StationFilter};
