//! What can go wrong in the lab, apart from the faults it is for.

use std::io;
use std::path::Path;

use thiserror::Error;

/// Why the lab cannot go on.
#[derive(Debug, Error)]
pub enum LabError {
    /// The kernel refused something.
    #[error("{operation}: {cause}")]
    Kernel {
        /// Operation and object: `create the bridge lan`.
        operation: String,
        /// What the kernel said.
        cause: io::Error,
    },
    /// Something about a file.
    #[error("{file}: {cause}")]
    File {
        /// Its name.
        file: String,
        /// What the kernel said.
        cause: io::Error,
    },
    /// A daemon did not start, or died unasked.
    #[error("{router}: {what}")]
    Daemon {
        /// Whose.
        router: String,
        /// What happened, and the end of its log.
        what: String,
    },
    /// The scenario asks for something that is not there.
    #[error("{0}")]
    Scenario(String),
    /// The user wants no more.
    #[error("interrupted")]
    Interrupted,
}

impl LabError {
    /// For `map_err`: what was being done when the kernel refused.
    pub(crate) fn kernel(operation: impl Into<String>) -> impl FnOnce(io::Error) -> LabError {
        let operation = operation.into();
        move |cause| LabError::Kernel { operation, cause }
    }

    /// For `map_err`: which file it was.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> LabError {
        let file = path.display().to_string();
        move |cause| LabError::File { file, cause }
    }
}
