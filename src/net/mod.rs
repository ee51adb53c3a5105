//! Packets and time, as the kernel hands them out: the room that protocol timing rests on.
//!
//! | module | what lives there |
//! |---|---|
//! | [`clock`] | the monotonic clock, the wall clock, and an alarm that wakes the event loop |
//! | [`filter`] | classic BPF programs, generated from what is listened to |
//! | [`socket`] | packet sockets: one that hears the protocols of a link, one that hears its questions |
//! | [`routed`] | raw IP sockets for unicast peers that may be far away |
//! | [`port`] | UDP ports that the kernel must not refuse in our name |
//! | [`membership`] | multicast groups joined at the IP layer, for switches that snoop |
//! | [`frame`] | frames to meaning and back: Ethernet, IPv4, IPv6, UDP |
//! | [`neighbour`] | ARP and Neighbour Discovery: questions read, answers written |
//! | [`schedule`] | real-time scheduling with a way out, and locked memory |
//!
//! No module here knows a group, a state or a protocol beyond the numbers it is given. The bare system calls are
//! in `crate::sys`.

pub mod clock;
pub mod filter;
pub mod frame;
pub mod membership;
pub mod neighbour;
pub mod port;
pub mod routed;
pub mod schedule;
pub mod socket;

#[cfg(test)]
mod tests;

pub use clock::{Alarm, Clock};
pub use frame::Unreadable;
pub use membership::Membership;
pub use neighbour::Asked;
pub use routed::RoutedSocket;
pub use socket::{LinkSocket, NeighbourSocket, PacketKind, Raw, StationFilter};
