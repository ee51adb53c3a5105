//! What can be done to a router, and how it is done.

use serde::{Deserialize, Serialize};

/// A deed of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// The router loses power: its switch ports are cut, then all its processes killed, within the same
    /// millisecond.
    Power,
    /// `kill -9` of the daemon alone: its kernel still holds what it was given.
    Kill,
    /// The daemon is asked to stop (SIGTERM).
    Stop,
    /// The LAN cable is pulled: the router sees its link go down.
    Unplug,
    /// All its processes are stopped (SIGSTOP), as when a virtual machine is paused; its kernel still runs.
    Freeze,
    /// Only the daemon's main process is stopped.
    FreezeDaemon,
    /// Whatever was stopped goes on (SIGCONT).
    Thaw,
    /// The routers no longer hear each other on the LAN, while the host hears them all: their switch ports
    /// are isolated from each other.
    Partition,
    /// They hear each other again.
    Heal,
    /// The daemon is asked to stop and started again as soon as it has.
    Restart,
    /// The daemon reads its configuration again (SIGHUP), which is then the step's.
    Reload,
    /// Everything that was done is undone: power and cables are back, what was stopped goes on, what is dead
    /// is started again. A router that lost power boots with an empty kernel.
    Recover,
    /// Nothing.
    Wait,
}

impl Deed {
    /// Its word in scenario files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Deed::Power => "power",
            Deed::Kill => "kill",
            Deed::Stop => "stop",
            Deed::Unplug => "unplug",
            Deed::Freeze => "freeze",
            Deed::FreezeDaemon => "freeze-daemon",
            Deed::Thaw => "thaw",
            Deed::Partition => "partition",
            Deed::Heal => "heal",
            Deed::Restart => "restart",
            Deed::Reload => "reload",
            Deed::Recover => "recover",
            Deed::Wait => "wait",
        }
    }

    /// Whether it is done to one router rather than to the whole network.
    pub fn has_target(self) -> bool {
        match self {
            Deed::Power
            | Deed::Kill
            | Deed::Stop
            | Deed::Unplug
            | Deed::Freeze
            | Deed::FreezeDaemon
            | Deed::Restart
            | Deed::Reload => true,
            Deed::Thaw | Deed::Partition | Deed::Heal | Deed::Recover | Deed::Wait => false,
        }
    }

    /// Whether the one it is done to has to be replaced by another, after the protocol's bound.
    pub fn deposes(self) -> bool {
        (self.has_target() && self != Deed::Reload) || self == Deed::Partition
    }
}
