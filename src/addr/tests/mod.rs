//! The address manager on the real kernel: a router and a host behind it, each in a network namespace.

mod dying;
mod holding;
mod lab;
mod lacking;
mod leaving;
mod repairing;
mod sharing;
