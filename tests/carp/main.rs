//! CARP on real links: beside ucarp in both roles, beside itself in both families, beside VRRP, and before judges.
//!
//! | module | what is there |
//! |---|---|
//! | `pair` | a router of ours and ucarp |
//! | `ucarp` | what the two go through, in both roles |
//! | `move_over` | a pair of ucarp that is moved one node at a time to `firsthop ucarp` |
//! | `segment` | what only whole routers of ours show: both families, unicast, recorded frames, a cable that is pulled |
#![allow(clippy::unwrap_used, reason = "a test has nobody else to tell")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../acceptance/frames.rs"]
#[allow(dead_code, reason = "what VRRP's acceptance tests need of it is not all needed here")]
mod frames;
#[path = "../common/judges.rs"]
mod judges;
mod move_over;
mod pair;
mod segment;
#[path = "../acceptance/stage.rs"]
#[allow(dead_code, reason = "what VRRP's acceptance tests need of it is not all needed here")]
mod stage;
mod ucarp;
