//! Leaving: priority 0 has been sent, and until somebody else is Active hosts are still served. No RFC has
//! this state; without it every graceful stop costs the hosts a skew of silence.

use std::net::IpAddr;

use fhrp::{Context, Instant, Note, Purpose};

use super::active::Active;
use super::backup::{Backup, Preemption};
use super::timers::longest_hand_over;
use super::{State, VirtualRouter};
use crate::wire::Advertisement;

/// What a leaving Active waits for.
#[derive(Debug)]
pub(super) struct Leaving {
    began: Instant,
    until: Instant,
    pub(super) purpose: Purpose,
}

impl Leaving {
    pub(super) fn until(&self) -> Instant {
        self.until
    }
}

impl VirtualRouter {
    /// Says goodbye, and goes on holding for as long as a successor can take.
    pub(super) fn leaves(&mut self, context: &mut Context<'_>, purpose: Purpose) {
        self.announcer.stop();
        self.advertise(context, 0);
        let patience = longest_hand_over(self.config.versions, self.config.advertise_interval);
        self.state = State::Leaving(Leaving { began: context.now, until: context.now + patience, purpose });
        self.alarms.end(context, None, "this router gives up the role");
        let text = "priority 0 sent; holding until a successor is heard".to_owned();
        context.note(Note::Remark { name: "leaving", about: None, text });
    }

    /// The successor speaks: whoever it is, hosts are served.
    pub(super) fn leaving_hears(
        &mut self,
        context: &mut Context<'_>,
        at: Instant,
        source: IpAddr,
        advertisement: &Advertisement,
    ) {
        let State::Leaving(leaving) = &self.state else { return };
        // What was sent before our goodbye is no answer to it.
        if at < leaving.began || advertisement.priority == 0 {
            return;
        }
        match leaving.purpose {
            Purpose::Stop => self.finishes(context, format!("stopped; handed over to {source}")),
            Purpose::HandOver => {
                let mut backup = Backup::new(at, advertisement.interval);
                backup.active = Some((source, advertisement.priority));
                backup.preemption = Preemption::Suspended;
                let reason = format!("handed over to {source} by command");
                let transition = self.enter(context.now, State::Backup(backup), reason);
                self.release(context);
                context.note(transition);
            }
        }
    }

    /// Every successor has had its time.
    pub(super) fn leaving_ticks(&mut self, context: &mut Context<'_>) {
        let State::Leaving(leaving) = &self.state else { return };
        if leaving.until > context.now {
            return;
        }
        match leaving.purpose {
            Purpose::Stop => self.finishes(context, "stopped; nobody took over".to_owned()),
            Purpose::HandOver => {
                let active = Active::new(context.now, self.config.advertise_interval, None);
                self.state = State::Active(active);
                self.advertise(context, self.priority());
                self.leave_will(context);
                self.announcer.start(context.now, &self.config.announcements);
                let text = "nobody took over; this router goes on as Active".to_owned();
                context.note(Note::Remark { name: "hand-over-failed", about: None, text });
            }
        }
    }

    /// Holds nothing any more, and is silent from now on.
    pub(super) fn finishes(&mut self, context: &mut Context<'_>, reason: String) {
        self.started = false;
        self.refusal = None;
        self.alarms.end(context, None, "stopped");
        let transition = self.enter(context.now, State::Initialize, reason);
        self.release(context);
        context.note(transition);
    }
}
