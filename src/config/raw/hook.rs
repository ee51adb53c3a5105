//! Programs that a group runs.

use super::super::reader::table;
use super::super::value::TimeSpan;

table! {
    /// Programs that are run when a group takes its role and when it gives it up: `PROGRAM INTERFACE ADDRESS [ARGUMENT]`.
    pub struct Hook {
        /// Run when the role was taken. An absolute path; no shell reads it.
        up: String,
        /// Run when the role was given up. An absolute path; no shell reads it.
        down: String,
        /// A third argument for both.
        argument: String,
        /// Whether `down` is also run when the group begins to stand by after the daemon's start. Default: true.
        at_start: bool,
        /// Whether `down` is also run when the daemon ends in the role. Default: true.
        at_exit: bool,
        /// How long a program may take before it is ended. Default: `30s`. `0s`: as long as it likes.
        timeout: TimeSpan,
    }
}
