//! firsthop: first-hop redundancy for Linux.

pub mod addr;
pub mod engine;
pub mod event;
pub mod net;
