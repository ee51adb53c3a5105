//! Leaving: 255/255 has been said, and until somebody else is MASTER hosts are still served. The kernels let go at once;
//! that costs the hosts the time of the successor's skew.

use std::time::Duration;

use fhrp::{Context, Instant, Note, Purpose};

use super::master::Master;
use super::receive::Heard;
use super::{State, VirtualHost};

/// How often the goodbye is repeated, and how soon, in case it is lost.
const COPIES: u8 = 2;
const COPY_PAUSE: Duration = Duration::from_millis(10);
/// The longest that a successor of ours can take: the greatest skew, and a little for its kernel. ucarp hears in lots of
/// a second.
const HAND_OVER: Duration = Duration::from_millis(1_250);

/// What a leaving master waits for.
#[derive(Debug)]
pub(super) struct Leaving {
    began: Instant,
    pub(super) until: Instant,
    copies: u8,
    pub(super) purpose: Purpose,
}

impl Leaving {
    pub(super) fn deadline(&self) -> Instant {
        self.copy_at().map_or(self.until, |copy| copy.min(self.until))
    }

    /// When the next copy of the goodbye is due.
    fn copy_at(&self) -> Option<Instant> {
        (self.copies < COPIES).then(|| self.began + COPY_PAUSE * (u32::from(self.copies) + 1))
    }

    /// How many copies should have been said by now. Of several that were missed one is enough.
    fn copies_due(&self, now: Instant) -> u8 {
        (1..=COPIES).rev().find(|copy| self.began + COPY_PAUSE * u32::from(*copy) <= now).unwrap_or(0)
    }
}

impl VirtualHost {
    /// Says goodbye, and goes on holding for as long as a successor can take.
    pub(super) fn leaves(&mut self, context: &mut Context<'_>, purpose: Purpose) {
        self.announcer.stop();
        self.says_goodbye(context);
        let until = context.now + HAND_OVER;
        self.state = State::Leaving(Leaving { began: context.now, until, copies: 0, purpose });
        self.alarms.end(context, None, "this router gives up the role");
        let text = "255/255 sent; holding until a successor is heard".to_owned();
        context.note(Note::Remark { name: "leaving", about: None, text });
    }

    /// The successor speaks: whoever it is, hosts are served.
    pub(super) fn leaving_hears(&mut self, context: &mut Context<'_>, heard: &Heard) {
        let State::Leaving(leaving) = &self.state else { return };
        // What was sent before our goodbye is no answer to it.
        if heard.at < leaving.began || heard.says_goodbye {
            return;
        }
        let source = heard.source;
        match leaving.purpose {
            Purpose::Stop => self.finishes(context, format!("stopped; handed over to {source}")),
            Purpose::HandOver => {
                let mut backup = self.listening(heard.at);
                backup.master = Some((source, heard.claim));
                backup.suspended = true;
                let reason = format!("user requested: handed over to {source}");
                let transition = self.enter(context.now, State::Backup(backup), reason);
                self.release(context);
                context.note(transition);
            }
        }
    }

    pub(super) fn leaving_ticks(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        let State::Leaving(leaving) = &mut self.state else { return };
        if leaving.until > now {
            let due = leaving.copies_due(now);
            if due > std::mem::replace(&mut leaving.copies, due) {
                self.says_goodbye(context);
            }
            return;
        }
        match leaving.purpose {
            Purpose::Stop => self.finishes(context, "stopped; nobody took over".to_owned()),
            Purpose::HandOver => {
                let master = Master::new(now, self.claim().interval.length(), None);
                self.state = State::Master(master);
                self.advertise(context);
                self.leaves_will(context);
                self.announcer.start(now, &self.config.announcements);
                let text = "nobody took over; this router goes on as MASTER".to_owned();
                context.note(Note::Remark { name: "hand-over-failed", about: None, text });
            }
        }
    }

    /// Holds nothing any more, and is silent from now on.
    pub(super) fn finishes(&mut self, context: &mut Context<'_>, reason: String) {
        self.started = false;
        self.refusal = None;
        self.alarms.end(context, None, "stopped");
        let transition = self.enter(context.now, State::Init, reason);
        self.release(context);
        context.note(transition);
    }
}
