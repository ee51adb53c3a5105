//! What an operator must look at: raised once, kept while it goes on, and said to be over.

use std::time::Duration;

use fhrp::{Context, Instant, Note};

use super::{State, VirtualRouter};

/// We hold the role, and somebody else goes on claiming it.
pub(super) const TWO_ACTIVES: &str = "two-actives";
/// Somebody else says that our addresses are its own.
pub(super) const TWO_OWNERS: &str = "two-owners";
/// Without another sign for so many intervals, it is over: longer than any down interval.
const QUIET_INTERVALS: u32 = 4;

/// The alarms of one virtual router.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    raised: Vec<Alarm>,
}

#[derive(Debug)]
struct Alarm {
    name: &'static str,
    reason: String,
    /// When it is over, unless another sign comes.
    until: Instant,
}

impl Alarms {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.raised.iter().map(|alarm| alarm.until).min()
    }

    /// As `show` prints them.
    pub(super) fn view(&self) -> Vec<String> {
        self.raised.iter().map(|alarm| format!("{}: {}", alarm.name, alarm.reason)).collect()
    }

    /// A sign of trouble: raises the alarm, or keeps it.
    pub(super) fn raise(
        &mut self,
        context: &mut Context<'_>,
        name: &'static str,
        at: Instant,
        interval: Duration,
        reason: String,
    ) {
        let until = at.max(context.now) + interval * QUIET_INTERVALS;
        if let Some(alarm) = self.raised.iter_mut().find(|alarm| alarm.name == name) {
            alarm.until = alarm.until.max(until);
            alarm.reason = reason;
        } else {
            context.note(Note::Alarm { name, raised: true, reason: reason.clone() });
            self.raised.push(Alarm { name, reason, until });
        }
    }

    /// Ends an alarm, or all of them.
    pub(super) fn end(&mut self, context: &mut Context<'_>, name: Option<&str>, reason: &str) {
        for alarm in self.raised.extract_if(.., |alarm| name.is_none_or(|name| name == alarm.name)) {
            context.note(Note::Alarm { name: alarm.name, raised: false, reason: reason.to_owned() });
        }
    }

    /// Ends what had no sign for long enough, and says whether `name` was among it.
    fn expire(&mut self, context: &mut Context<'_>, name: &str) -> bool {
        let mut found = false;
        let now = context.now;
        for alarm in self.raised.extract_if(.., |alarm| alarm.until <= now) {
            found |= alarm.name == name;
            let reason = "not seen any more".to_owned();
            context.note(Note::Alarm { name: alarm.name, raised: false, reason });
        }
        found
    }
}

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
