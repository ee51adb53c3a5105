//! One forwarder as this router knows it: its own state for it, who was given it, how long it is still used.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Instant, Mac};

use super::countdown::Countdown;

/// A forwarder's right of a router whose weighting is sufficient.
const SUFFICIENT: u8 = 0x80;
/// A forwarder's right of the router that was given it.
pub(super) const PRIMARY: u8 = 0x20;
/// What every right has.
const BASE: u8 = 0x07;
/// Messages say how much time is left in whole seconds, rounded up.
const ROUNDING: Duration = Duration::from_secs(1);

/// A forwarder.
#[derive(Debug)]
pub(super) struct Forwarder {
    pub(super) mac: Mac,
    pub(super) state: ForwarderState,
    /// Whether this router was given it.
    pub(super) primary: bool,
    /// Who was given it, as far as we know.
    pub(super) owner: Option<Mac>,
    /// When hosts are not told of it any more, unless its owner is heard.
    pub(super) redirect_until: Instant,
    /// When nobody forwards for it any more, unless its owner is heard.
    pub(super) lives_until: Instant,
    /// When it is taken from a router with less right to it.
    pub(super) countdown: Countdown,
    /// When we last said that it is ours against somebody with less right to it.
    pub(super) asserted: Option<Instant>,
    /// When we say so next.
    pub(super) assert_at: Option<Instant>,
    pub(super) since: Instant,
    pub(super) changes: u64,
    /// How many hosts we told its MAC.
    pub(super) hosts: u64,
}

/// This router's state for a forwarder.
#[derive(Debug)]
pub(super) enum ForwarderState {
    /// The gateway does not run.
    Initial,
    /// Another router forwards, or nobody.
    Listen(Waiting),
    /// This router forwards.
    Active,
}

/// What a Listen waits for.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Who forwards; `None`: nobody was heard.
    pub(super) by: Option<By>,
    /// Active timer.
    pub(super) active_at: Instant,
    /// Whose turn it is when that runs out.
    pub(super) turn: Turn,
    /// Who left it to us, and forwards until it hears us.
    pub(super) left_by: Option<Mac>,
}

/// When nobody forwards, those who can do so best come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// Everybody whose weighting is sufficient.
    Sufficient,
    /// One after the other.
    Ranked,
    /// Ours.
    Ours,
}

/// Another router that forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct By {
    pub(super) owner: Mac,
    pub(super) source: IpAddr,
    /// Its right.
    pub(super) priority: u8,
    pub(super) weighting: u8,
}

/// A router's right to a forwarder.
pub(super) const fn right(primary: bool, low: bool) -> u8 {
    BASE | if primary { PRIMARY } else { 0 } | if low { 0 } else { SUFFICIENT }
}

/// Whether a router with this right says that it was given the forwarder.
pub(super) const fn is_primary(right: u8) -> bool {
    right & PRIMARY != 0
}

/// Whether a router with this right says that its weighting is sufficient.
pub(super) const fn is_sufficient(right: u8) -> bool {
    right & SUFFICIENT != 0
}

impl Waiting {
    /// Until then whoever forwards is heard again.
    pub(super) fn new(by: Option<By>, active_at: Instant) -> Self {
        Waiting { by, active_at, turn: Turn::Sufficient, left_by: None }
    }
}

impl ForwarderState {
    /// As Cisco spells it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            ForwarderState::Initial => "Initial",
            ForwarderState::Listen(_) => "Listen",
            ForwarderState::Active => "Active",
        }
    }
}

impl Forwarder {
    pub(super) fn is_active(&self) -> bool {
        matches!(self.state, ForwarderState::Active)
    }

    /// Whether its times do not run: this router was given it, and forwards.
    pub(super) fn is_home(&self) -> bool {
        self.primary && self.is_active()
    }

    /// The other router that forwards, as far as we know.
    pub(super) fn by(&self) -> Option<By> {
        match &self.state {
            ForwarderState::Listen(waiting) => waiting.by,
            ForwarderState::Initial | ForwarderState::Active => None,
        }
    }

    /// Its times begin anew: its owner forwards.
    pub(super) fn is_full(&mut self, at: Instant, redirect: Duration, timeout: Duration) {
        self.redirect_until = at + redirect;
        self.lives_until = at + timeout;
    }

    /// Whoever stands in for its owner says what is left, in whole seconds. What we count ourselves is more exact, unless
    /// it was heard later than we did that the owner lives, or earlier that it does not.
    pub(super) fn counts_down(&mut self, at: Instant, redirection: Duration, lifetime: Duration) {
        for (ours, left) in [(&mut self.redirect_until, redirection), (&mut self.lives_until, lifetime)] {
            let theirs = at + left;
            if theirs < *ours || theirs > *ours + ROUNDING {
                *ours = theirs;
            }
        }
    }

    /// Whether it is not worth while to take it over. What others were told of its time was rounded up: they would take it
    /// over in their turn, and it would never end.
    pub(super) fn is_ending(&self, now: Instant) -> bool {
        !self.primary && self.lives_until <= now + ROUNDING
    }

    /// When something is to be done about it. `running`: whether the gateway runs.
    pub(super) fn deadline(&self, running: bool) -> Option<Instant> {
        let lives_until = (!self.is_home()).then_some(self.lives_until);
        let waiting = match &self.state {
            ForwarderState::Listen(waiting) => Some(waiting.active_at),
            ForwarderState::Initial | ForwarderState::Active => None,
        };
        let others = [lives_until, waiting, self.countdown.deadline(), self.assert_at];
        if running { others.into_iter().flatten().min() } else { None }
    }

    /// Enters another state.
    pub(super) fn enter(&mut self, now: Instant, state: ForwarderState) {
        self.state = state;
        self.since = now;
        self.changes = self.changes.saturating_add(1);
        self.asserted = None;
        self.assert_at = None;
        self.countdown.ends();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_those_that_ciscos_routers_say() {
        assert_eq!([right(true, false), right(false, false)], [167, 135]);
        assert_eq!([right(true, true), right(false, true)], [39, 7]);
        assert!(is_primary(167) && is_primary(39) && !is_primary(135));
        assert!(is_sufficient(135) && !is_sufficient(39));
    }
}
