//! The groups, their timers and the way a frame finds its group.

/// A group's place in the engine's table: small, stable while the group exists, in the order of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct GroupIndex(pub u32);
