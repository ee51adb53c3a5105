//! What an operator must look at: raised once, kept while it goes on, and said to be over.

use fhrp::Context;

use super::{State, VirtualRouter};

/// We hold the role, and somebody else goes on claiming it.
pub(super) const TWO_ACTIVES: &str = "two-actives";
/// Somebody else says that our addresses are its own.
pub(super) const TWO_OWNERS: &str = "two-owners";
impl VirtualRouter {
    /// Two Actives are one again. If that is us, hosts may still believe the other: no transition tells them,
    /// so this does.
    pub(super) fn expire_alarms(&mut self, context: &mut Context<'_>) {
        let over = self.alarms.expire(context, TWO_ACTIVES);
        if let State::Active(active) = &mut self.state
            && over
        {
            active.announce_at(context.now);
        }
    }
}
