//! The control socket: how operators talk to a running daemon.
//!
//! It belongs to the slow thread. What it needs of the event loop it asks for through a bounded queue
//! ([`crate::driver::remote::Remote`]), in portions that make no advertisement late; how many clients there
//! are, how slow they are and what they write makes no difference to the protocols.

pub mod client;
pub mod history;
pub mod protocol;
pub mod reload;
pub mod server;
pub mod service;
mod session;
pub mod shown;
pub mod socket;

#[cfg(test)]
mod tests;
