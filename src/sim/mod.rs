//! Whole LANs in one process and in virtual time: the real engine and the real protocol modules, over a segment
//! that loses, delays and cuts, on machines that crash, stand still and have clocks that disagree.
//!
//! ```text
//!   seed ──► generate ──► Scenario ──► World ──► Outcome: clean, or a Violation
//!                            ▲           │
//!                            └─ shrink ◄─┘ while it still fails: the shortest script that shows it
//! ```
//!
//! Everything comes from the seed: the same seed gives the same run, octet for octet.
//!
//! | module | what lives there |
//! |---|---|
//! | [`scenario`] | what a run is made of: machines, groups, hosts, a script of deeds |
//! | [`generate`] | a scenario from a seed |
//! | [`world`] | the LAN and its queue of events; what must be true of it as a whole |
//! | [`machine`], [`host`], [`segment`], [`clock`] | what the LAN is made of |
//! | [`rules`] | what the simulation asks of a protocol; [`vrrp`], [`carp`], [`hsrp`] and [`glbp`] answer for theirs |
//! | [`obligations`], [`rivals`], [`foresight`] | what witnesses of several protocols have in common |
//! | [`invariant`] | what must always be true, each with the section that says so |
//! | [`record`] | what a run leaves behind |
//! | [`shrink`] | the shortest script that still breaks the same |
//! | [`campaign`] | many seeds, on all processors |
//! | [`exhaustive`] | every interleaving of a few events on a small LAN |
//! | [`explain`] | a run as text, picture and capture |
//! | [`dice`] | chance that can be repeated |

pub mod campaign;
pub mod carp;
pub mod clock;
pub mod dice;
pub mod exhaustive;
pub mod explain;
pub mod foresight;
pub mod generate;
pub mod glbp;
pub mod host;
pub mod hsrp;
pub mod invariant;
pub mod machine;
pub mod obligations;
pub mod record;
pub mod rivals;
pub mod rules;
pub mod scenario;
pub mod segment;
pub mod shrink;
pub mod vrrp;
pub mod world;

pub use invariant::{Breach, Invariant, Violation};
pub use scenario::Scenario;
pub use world::{Outcome, Stats, run};

#[cfg(test)]
mod tests;
