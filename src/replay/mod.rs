//! A capture, played to our own routers in virtual time: its exact times, as fast as the machine allows.
//!
//! Both ways drive the real engine with the real protocols, as the daemon does; no packet leaves, nothing is held in
//! a kernel, and chance comes from a seed, so that the same capture gives the same output.
//!
//! | module | what lives there |
//! |---|---|
//! | `stage` | one router of ours in virtual time |
//! | [`observe`] | groups of ours listen, and what they do is told |
//! | [`enact`] | one router is taken out and ours is put in its place |
//! | `beside` | the real addresses of our router |
//! | `cast` | our router in one group, beside the real one |
//! | [`script`] | what happened to that router from outside |
//! | `hellos` | what hellos show of a router's timers |
//! | `spoken` | what a router said, in a form that can be compared |
//! | [`compare`] | ours against the real one |
//! | [`report`] | both as text |
//! | [`protocol`], `vrrp`, `carp`, `hsrp`, `glbp` | what a replay must know of each protocol |

mod beside;
mod carp;
mod cast;
pub mod compare;
pub mod enact;
mod glbp;
mod hellos;
mod hsrp;
pub mod observe;
pub mod protocol;
pub mod report;
pub mod script;
mod spoken;
mod stage;
mod vrrp;

#[cfg(test)]
mod tests;
