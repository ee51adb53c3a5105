//! CARP on real links: beside ucarp in both roles, beside itself in both families, beside VRRP, and before judges.
//!
//! | module | what is there |
//! |---|---|
//! | `beside` | a router of ours and ucarp |
//! | `ucarp` | what the two go through, in both roles |
//! | `move_over` | a pair of ucarp that is moved one node at a time to `firsthop ucarp` |
//! | `segment` | what only whole routers of ours show: both families, unicast, recorded frames, a cable that is pulled |
//! | `craft` | advertisements made without any code of ours |
//! | `injected` | one router of ours, and what a stranger says on its LAN |
//! | `routed` | unicast peers in two subnets, with a router between them |
//! | `scenes` | several routers: crash, stop, partition, equals, other addresses, unicast, keepalived |
#![allow(clippy::unwrap_used, reason = "a test has nobody else to tell")]

mod beside;
#[path = "../common/mod.rs"]
mod common;
mod craft;
#[path = "../common/crafted.rs"]
mod crafted;
#[path = "../acceptance/frames.rs"]
#[allow(dead_code, reason = "what VRRP's acceptance tests need of it is not all needed here")]
mod frames;
mod injected;
#[path = "../common/judges.rs"]
mod judges;
mod move_over;
#[path = "../common/pair.rs"]
mod pair;
mod routed;
mod scenes;
mod segment;
#[path = "../acceptance/stage.rs"]
#[allow(dead_code, reason = "what VRRP's acceptance tests need of it is not all needed here")]
mod stage;
#[path = "../common/injected.rs"]
mod strangers;
mod ucarp;
