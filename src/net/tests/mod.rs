//! The tests that need a kernel or other people's tools, and what they share.

mod answers;
mod filters;
mod frames;
mod sockets;
mod wire;
