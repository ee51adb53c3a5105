//! Reading the configuration again while the old one runs on.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::driver::remote::{Refused, Reloaded, Remote, Request};
use crate::{config, systemd};

/// How long the event loop may take to change over.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reads the configuration file again on request.
#[derive(Debug, Clone)]
pub struct Reloader {
    file: Option<PathBuf>,
    remote: Remote,
}

/// Why the old configuration goes on.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The file has faults: here they are, as they are shown to people.
    #[error("{0}")]
    Faults(String),
    /// The daemon was told everything on its command line.
    #[error("this daemon has no configuration file: it was started as ucarp")]
    NoFile,
    /// The event loop did not take it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The event loop took it and did not answer.
    #[error("the event loop has not answered for {} s", PATIENCE.as_secs())]
    Silent,
}

impl Reloader {
    /// Reloads this file, if there is one, into the event loop behind `remote`.
    pub fn new(file: Option<PathBuf>, remote: Remote) -> Self {
        Reloader { file, remote }
    }

    /// Reads the file and, if it has no fault, hands it to the event loop. What came of it is in the log, too.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        systemd::reloading();
        let result = self.try_reload().await;
        systemd::ready();
        match &result {
            Ok(done) => tracing::info!("{done}"),
            Err(ReloadError::Faults(faults)) => {
                let lines = faults.lines().filter(|line| !line.trim().is_empty());
                lines.for_each(|line| tracing::error!("{line}"));
                tracing::error!("not reloaded: the old configuration goes on");
            }
            Err(other) => tracing::error!("not reloaded: {other}"),
        }
        result
    }

    async fn try_reload(&self) -> Result<Reloaded, ReloadError> {
        let file = self.file.as_ref().ok_or(ReloadError::NoFile)?;
        let plan = config::load(file).map_err(|faults| ReloadError::Faults(faults.to_string()))?;
        let (answer, reloaded) = oneshot::channel();
        self.remote.ask(Request::Reload { plan: Box::new(plan), answer })?;
        match timeout(PATIENCE, reloaded).await {
            Ok(Ok(reloaded)) => Ok(reloaded),
            Ok(Err(_)) => Err(ReloadError::Refused(Refused::Stopping)),
            Err(_) => Err(ReloadError::Silent),
        }
    }
}
