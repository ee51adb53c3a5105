//! GLBP with whole routers on the real kernel, before judges that share nothing with it: tshark and tcpdump on everything
//! that they say, and frames that no code of ours made.
//!
//! | module | what is there |
//! |---|---|
//! | `judged` | three routers through a crash, a return and a goodbye, and every frame of theirs judged |
//! | `craft` | messages made without any code of ours |
//! | `injected` | one router of ours, and what a stranger says on its LAN: each TLV, each transition, what is hostile |
//! | `hooks` | what a hook is told of the gateway, and of forwarders |
//! | `hosts` | what hosts are told, and by whom; ping through every forwarder |
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test has nobody else to tell")]

#[path = "../common/mod.rs"]
mod common;
mod craft;
#[path = "../common/crafted.rs"]
mod crafted;
#[path = "../acceptance/frames.rs"]
#[allow(dead_code, reason = "what VRRP's acceptance tests need of it is not all needed here")]
mod frames;
mod hooks;
mod hosts;
mod injected;
mod judged;
#[path = "../common/judges.rs"]
mod judges;
#[path = "../acceptance/stage.rs"]
#[allow(dead_code, reason = "what VRRP's acceptance tests need of it is not all needed here")]
mod stage;
#[path = "../common/injected.rs"]
mod strangers;
