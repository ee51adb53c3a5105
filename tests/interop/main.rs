//! firsthop beside the daemons of others, on real links: who is elected, who follows, and whether anything on
//! the wire, in the neighbour table or left in the kernel is wrong.
//!
//! [`pair`] is the stage, [`story`] what every pair has to go through in both roles, [`foreign`] how the others
//! are configured; [`mismatch`] has pairs that cannot agree, [`judges`] the judges of what was sent, [`leaks`]
//! what a router looks like before and after.
#![allow(clippy::unwrap_used, reason = "a test has nobody else to tell")]

#[path = "../common/mod.rs"]
mod common;
mod foreign;
#[path = "../common/judges.rs"]
mod judges;
mod leaks;
mod mismatch;
#[path = "../common/pair.rs"]
mod pair;
mod story;
