//! HSRP before judges that share nothing with it: frames that Scapy made for every event of the state table, what an
//! attacker does to a group with a key, and tshark and tcpdump on everything that our routers say.
//!
//! | module | what is there |
//! |---|---|
//! | `craft` | frames by Scapy, `struct` and hashlib |
//! | `table` | every event that a message can be, in every state, in both versions and families, with text and MD5 |
//! | `attack` | a forged coup against a group with a key |
//! | `daemon` | what only whole routers show: two versions on one LAN, a version that changes, whose MAC is told, redirects, hundreds of followers |
//! | `slow` | a kernel that takes its time |
//! | `judged` | three routers through a crash, a coup and a resignation, and every frame of theirs judged |
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test has nobody else to tell")]

mod attack;
#[path = "../common/mod.rs"]
mod common;
mod craft;
#[path = "../common/crafted.rs"]
mod crafted;
mod daemon;
#[path = "../acceptance/frames.rs"]
#[allow(dead_code, reason = "what VRRP's acceptance tests need of it is not all needed here")]
mod frames;
mod judged;
#[path = "../common/judges.rs"]
mod judges;
mod slow;
#[path = "../acceptance/stage.rs"]
#[allow(dead_code, reason = "what VRRP's acceptance tests need of it is not all needed here")]
mod stage;
mod table;
