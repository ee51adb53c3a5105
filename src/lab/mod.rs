//! The lab: routers, a host and a server in network namespaces, faults done to them, and what the host
//! noticed.
//!
//! ```text
//!   host ──┐                       ┌── lan r1 wan ──┐
//!          ├── switch "lan" ───────┤                ├──── switch "wan" ── server
//!  10.0.10.100                     └── lan r2 wan ──┘              10.0.20.100
//! ```
//!
//! Every machine is a network namespace that lives as long as the [`Lab`] value, made by a thread that leaves
//! its own; nothing is visible outside, and nothing has to be removed. The switches are bridges in a namespace
//! of their own. What is measured is measured there: adverts and answers as they enter the switch, stream
//! packets as they enter the server, all by kernel timestamps.
//!
//! The `firsthop lab` command puts a user, process and mount namespace around all of it ([`wrap`]), so that
//! however it ends, everything ends with it. Tests use [`Lab`] directly.

mod capture;
mod daemon;
mod error;
mod fault;
mod hand;
mod measure;
mod mistake;
mod netlink;
mod network;
mod node;
mod play;
mod report;
mod router;
mod scenario;
mod stream;
mod wire;
pub mod wrap;

pub(crate) use crate::sys::now;
pub use error::LabError;
pub use fault::Deed;
pub use hand::Moment;
pub use measure::{Measured, TakeOver};
pub use mistake::{Mistake, Mistakes};
pub use network::{Lab, Options};
pub use node::Node;
pub use play::{Progress, play};
pub use report::{Report, StepReport, Verdict};
pub use router::Router;
pub use scenario::{DaemonKind, Expect, RouterPlan, Scenario, Step, Target};
pub use wire::{Advert, Answer, Patience};

/// The scenarios in the box: name and text.
pub const SCENARIOS: &[(&str, &str)] = &[
    ("default", include_str!("../../etc/lab/default.toml")),
    ("fast", include_str!("../../etc/lab/fast.toml")),
    ("ipv6", include_str!("../../etc/lab/ipv6.toml")),
    ("no-vmac", include_str!("../../etc/lab/no-vmac.toml")),
    ("keepalived-pair", include_str!("../../etc/lab/keepalived-pair.toml")),
    ("mixed-keepalived", include_str!("../../etc/lab/mixed-keepalived.toml")),
    ("mixed-frr", include_str!("../../etc/lab/mixed-frr.toml")),
    ("hsrp", include_str!("../../etc/lab/hsrp.toml")),
    ("carp", include_str!("../../etc/lab/carp.toml")),
    ("hsrp-ipv6", include_str!("../../etc/lab/hsrp-ipv6.toml")),
    ("carp-balancing", include_str!("../../etc/lab/carp-balancing.toml")),
    ("glbp", include_str!("../../etc/lab/glbp.toml")),
    ("glbp-ipv6", include_str!("../../etc/lab/glbp-ipv6.toml")),
    ("glbp-weighting", include_str!("../../etc/lab/glbp-weighting.toml")),
    ("glbp-retirement", include_str!("../../etc/lab/glbp-retirement.toml")),
];
