//! firsthop: first-hop redundancy for Linux.

pub mod addr;
pub mod analyze;
pub mod capture;
pub mod cli;
pub mod config;
pub mod control;
pub mod decode;
pub mod draw;
pub mod driver;
pub mod engine;
pub mod event;
pub mod guardian;
pub mod hook;
pub mod lab;
pub mod log;
pub mod net;
pub mod protocols;
pub mod replay;
pub mod sim;
pub mod slow;
mod sys;
pub mod systemd;
