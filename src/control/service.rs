//! What clients can be served with.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::history::History;
use super::reload::Reloader;
use crate::driver::remote::Remote;

/// Of all clients, so many may follow events: whoever just wants to know something always finds a place.
pub(super) const FOLLOWERS: usize = 24;

/// What clients may ask for.
#[derive(Debug)]
pub struct Service {
    /// The event loop.
    pub remote: Remote,
    /// What happened.
    pub history: Arc<History>,
    /// The configuration file.
    pub reloader: Reloader,
    followers: Semaphore,
}

impl Service {
    /// A service for the event loop behind `remote`.
    pub fn new(remote: Remote, history: Arc<History>, reloader: Reloader) -> Self {
        Service { remote, history, reloader, followers: Semaphore::new(FOLLOWERS) }
    }

    pub(super) fn followers(&self) -> &Semaphore {
        &self.followers
    }
}
