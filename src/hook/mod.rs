//! Programs that are run when a group takes its role and when it gives it up.
//!
//! ```text
//!  event loop ── Order ──► queue ──► one task a group, the latest order counts ──► program ──► Report
//! ```
//!
//! Nothing waits for a program: what the wire and the kernel are told is told before, by another thread. Of one group
//! one program runs at a time; whoever changes its mind meanwhile is obeyed once, as it is then, and a group that is
//! back where it was is not disturbed at all. No group waits for the program of another.
//!
//! | module | what lives there |
//! |---|---|
//! | `orders` | the event loop's side of the queue |
//! | `runner` | which program runs when |
//! | `program` | one process: what it is given, how it ends, what it says |

mod orders;
mod program;
mod runner;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fhrp::Standing;

use crate::event::Subject;

pub use orders::{Orders, queue};
pub use program::{Outcome, objection};
pub use runner::{Report, run};

/// Which programs are run for a group, and how: `PROGRAM INTERFACE ADDRESS [ARGUMENT]`, as ucarp calls them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hook {
    /// Run when the group takes its role.
    pub up: Option<PathBuf>,
    /// Run when the group gives its role up.
    pub down: Option<PathBuf>,
    /// The address that programs are told.
    pub address: String,
    /// A third argument.
    pub argument: Option<String>,
    /// Whether `down` is also run when the group begins to stand by.
    pub at_start: bool,
    /// Whether `down` is also run when the daemon ends in the role.
    pub at_exit: bool,
    /// How long a program may take before it is ended; `None`: as long as it likes.
    pub timeout: Option<Duration>,
}

/// What a program is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// The role was taken.
    Up,
    /// It was given up, or never had.
    Down,
}

impl Deed {
    /// The word for it, as in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Deed::Up => "up",
            Deed::Down => "down",
        }
    }
}

/// Where a group is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Whose it is.
    pub subject: Subject,
    /// What to run.
    pub hook: Arc<Hook>,
    /// The group's state, in its protocol's own word.
    pub state: &'static str,
    /// What that means.
    pub standing: Standing,
    /// The daemon is ending.
    pub leaving: bool,
}

impl Order {
    /// What has to be done where the group is now.
    pub fn deed(&self) -> Deed {
        match self.standing {
            Standing::Holding => Deed::Up,
            Standing::StandingBy | Standing::Down => Deed::Down,
        }
    }

    /// Whether it has to be done after what was done last.
    fn is_due(&self, last: Option<Deed>) -> bool {
        match (self.deed(), last) {
            (Deed::Up, Some(Deed::Up)) | (Deed::Down, Some(Deed::Down)) => false,
            (Deed::Up, Some(Deed::Down) | None) => true,
            (Deed::Down, Some(Deed::Up)) => !self.leaving || self.hook.at_exit,
            (Deed::Down, None) => {
                self.standing == Standing::StandingBy && self.hook.at_start && !self.leaving
            }
        }
    }
}

#[cfg(test)]
mod tests;
