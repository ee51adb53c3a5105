//! GLBP with whole routers on the real kernel, before judges that share nothing with it: tshark and tcpdump on everything
//! that they say.
//!
//! | module | what is there |
//! |---|---|
//! | `judged` | three routers through a crash, a return and a goodbye, and every frame of theirs judged |
//! | `hosts` | what hosts are told, and by whom; ping through every forwarder |
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test has nobody else to tell")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../acceptance/frames.rs"]
#[allow(dead_code, reason = "what VRRP's acceptance tests need of it is not all needed here")]
mod frames;
mod hosts;
mod judged;
#[path = "../common/judges.rs"]
mod judges;
#[path = "../acceptance/stage.rs"]
#[allow(dead_code, reason = "what VRRP's acceptance tests need of it is not all needed here")]
mod stage;
