//! Telling systemd how we are, if it wants to know: sd_notify(3).

use sd_notify::NotifyState;

/// The daemon is ready, or has finished a reload.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// A reload has begun.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The daemon hands over and ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    // Without a service manager there is nobody to tell, and one that is gone is no reason to end.
    let _ = sd_notify::notify(states);
}
