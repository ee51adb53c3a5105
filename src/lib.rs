//! firsthop: first-hop redundancy for Linux.

pub mod addr;
pub mod cli;
pub mod config;
pub mod control;
pub mod driver {
    //! How the rest of the program talks to the event loop.

    pub mod remote;
}
pub mod engine;
pub mod event;
pub mod guardian;
pub mod log;
pub mod net;
pub mod slow;
