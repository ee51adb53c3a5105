//! firsthop: first-hop redundancy for Linux.

pub mod addr;
pub mod cli;
pub mod config;
pub mod engine;
pub mod event;
pub mod guardian;
pub mod net;
