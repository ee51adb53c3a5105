//! What an operator must look at: raised once, kept while it goes on, and said to be over.

use std::time::Duration;

use crate::contract::Context;
use crate::note::Note;
use crate::time::Instant;

/// Without another sign for so many intervals, it is over: longer than any down interval.
const QUIET_INTERVALS: u32 = 4;

/// The alarms of one group.
#[derive(Debug, Clone, Default)]
pub struct Alarms {
    raised: Vec<Alarm>,
}

#[derive(Debug, Clone)]
struct Alarm {
    name: &'static str,
    reason: String,
    /// When it is over, unless another sign comes.
    until: Instant,
}

impl Alarms {
    /// When the next one is over, unless another sign comes.
    pub fn deadline(&self) -> Option<Instant> {
        self.raised.iter().map(|alarm| alarm.until).min()
    }

    /// As `show` prints them.
    pub fn view(&self) -> Vec<String> {
        self.raised.iter().map(|alarm| format!("{}: {}", alarm.name, alarm.reason)).collect()
    }

    /// A sign of trouble at `at`: raises the alarm, or keeps it for some more of `interval`, the time between signs.
    pub fn raise(
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
    pub fn end(&mut self, context: &mut Context<'_>, name: Option<&str>, reason: &str) {
        for alarm in self.raised.extract_if(.., |alarm| name.is_none_or(|name| name == alarm.name)) {
            context.note(Note::Alarm { name: alarm.name, raised: false, reason: reason.to_owned() });
        }
    }

    /// Ends what had no sign for long enough, and says whether `name` was among it.
    pub fn expire(&mut self, context: &mut Context<'_>, name: &str) -> bool {
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
