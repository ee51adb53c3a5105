//! The acceptance scenarios of VRRP: two or three real daemons and a host on a switch, in network namespaces,
//! judged by what came into the switch's ports and by the host's own neighbour cache.
//!
//! One function a scenario, by its number. Where a scenario names a time, the order, the states and the
//! counts are asserted, and a generous bound, for the machine may be busy; the measured lateness is printed.
//! The exact figures are the lab's and the benches' business.
//!
//! | module | scenarios |
//! |---|---|
//! | `answers` | 1 one answer, 2 no poisoning, 16 IPv6, 17 accept mode off |
//! | `handover` | 3 times, 4 order, 5 learning; stop without loss; one answer after kill and thaw |
//! | `election` | 6 ties, 7 preemption, 18 boot |
//! | `mismatch` | 8 checksum forms, 9 mismatches are loud, 19 authentication |
//! | `trouble` | 10 split brain, 11 stall, 12 clock |
//! | `kernel` | 13 reload, 14 somebody removes the address, 15 leftovers; two daemons |
//! | `input` | frames, control lines and kernel events that no good neighbour sends |
//!
//! Scenario 20, interoperation, is `tests/interop.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
#[path = "../common/mod.rs"]
mod common;
mod election;
mod forge;
mod frames;
mod handover;
mod input;
mod kernel;
mod mismatch;
mod stage;
mod trouble;
