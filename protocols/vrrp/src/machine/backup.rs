//! Backup: listening, ready to take over. RFC 9568 §6.4.2.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Context, Instant, Note};

use super::timers::{active_down_interval, skew_time, spell};
use super::{State, VirtualRouter};
use crate::counters::Count;
use crate::wire::Advertisement;

/// What a Backup knows.
#[derive(Debug)]
pub(super) struct Backup {
    /// Active_Adver_Interval: how often the Active advertises, as far as we know.
    pub(super) interval: Duration,
    /// The Active that was last heard, with its priority.
    pub(super) active: Option<(IpAddr, u8)>,
    /// When Active_Down_Timer was armed: an advertisement's arrival, not its handling.
    pub(super) armed: Instant,
    /// For how long.
    pub(super) wait: Wait,
    /// Whether a worse Active is tolerated.
    pub(super) preemption: Preemption,
    /// A worse Active whose advertisements we discard: its role is what we are going to take.
    pub(super) worse: Option<IpAddr>,
}

/// How long Active_Down_Timer runs. Kept as a rule, so that a new priority moves a running timer's end and
/// not its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Active_Down_Interval.
    DownInterval,
    /// Skew_Time: the Active said that it gives up.
    Skew,
    /// One interval and the skew: we stalled, and our silence says nothing about the Active.
    OneAdvertisement,
    /// Not at all: an owner takes over as soon as its start-up delay is over.
    Nothing,
}

/// What holds a better router back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preemption {
    /// No worse Active was heard yet; the first one starts the delay.
    Free,
    /// The delay runs until then; afterwards a worse Active is not tolerated any more.
    After(Instant),
    /// We gave the role away by an operator's wish, and do not take it back from whoever has it.
    Suspended,
}

impl Backup {
    /// Listening from `armed` on, for one down interval.
    pub(super) fn new(armed: Instant, interval: Duration) -> Self {
        let (wait, preemption) = (Wait::DownInterval, Preemption::Free);
        Backup { interval, active: None, armed, wait, preemption, worse: None }
    }

    /// Whether a worse Active is to be obeyed at `at`; its first advertisement starts the delay.
    fn tolerates(&mut self, at: Instant, delay: Duration) -> bool {
        match self.preemption {
            Preemption::Suspended => true,
            Preemption::After(end) => at < end,
            Preemption::Free => {
                self.preemption = Preemption::After(at + delay);
                !delay.is_zero()
            }
        }
    }

    /// LEARN and DOWN: this Active is obeyed.
    fn obey(&mut self, at: Instant, source: IpAddr, advertisement: &Advertisement) {
        self.interval = advertisement.interval;
        self.active = Some((source, advertisement.priority));
        self.armed = self.armed.max(at);
        self.wait = Wait::DownInterval;
        self.worse = None;
    }
}

impl VirtualRouter {
    /// Active_Down_Timer's length as things are.
    pub(super) fn patience(&self, backup: &Backup) -> Duration {
        let (versions, priority) = (self.config.versions, self.priority());
        match backup.wait {
            Wait::DownInterval => active_down_interval(versions, priority, backup.interval),
            Wait::Skew => skew_time(versions, priority, backup.interval),
            Wait::OneAdvertisement => backup.interval + skew_time(versions, priority, backup.interval),
            Wait::Nothing => Duration::ZERO,
        }
    }

    /// When we take over if nothing is heard. The start-up delay is a time to listen, whatever the timers say.
    pub(super) fn takeover_at(&self, backup: &Backup) -> Instant {
        let down_at = backup.armed + self.patience(backup);
        self.startup_until.map_or(down_at, |end| down_at.max(end))
    }

    /// Whether the Active has given up the role, and goes on serving until its successor is heard.
    pub(super) fn is_handed_the_role(&self) -> bool {
        matches!(&self.state, State::Backup(backup) if backup.wait == Wait::Skew)
    }

    /// An advertisement arrives while Backup. RFC 9568 §6.4.2; rows 6 to 10.
    pub(super) fn backup_hears(
        &mut self,
        context: &mut Context<'_>,
        at: Instant,
        source: IpAddr,
        advertisement: &Advertisement,
    ) {
        let (priority, preempts, delay) = (self.priority(), self.preempts(), self.config.preempt_delay);
        let State::Backup(backup) = &mut self.state else { return };
        let before = backup.interval;
        if advertisement.priority == 0 {
            backup.armed = backup.armed.max(at);
            backup.wait = Wait::Skew;
            backup.active = Some((source, 0));
        } else if advertisement.priority >= priority {
            if let Preemption::After(_) = backup.preemption {
                backup.preemption = Preemption::Free;
            }
            backup.obey(at, source, advertisement);
        } else if !preempts || backup.tolerates(at, delay) {
            backup.obey(at, source, advertisement);
        } else {
            // Discarded: the timer runs on, and its expiry is our take-over.
            backup.worse = Some(source);
        }
        if backup.interval != before {
            let (old, new) = (spell(before), spell(backup.interval));
            let text = format!("it advertises every {new}; so far {old} was assumed");
            context.note(Note::Remark { name: "interval-learnt", about: Some(source), text });
        }
    }

    /// Active_Down_Timer has expired: we are the Active. RFC 9568 §6.4.2; row 4.
    pub(super) fn backup_ticks(&mut self, context: &mut Context<'_>) {
        let State::Backup(backup) = &self.state else { return };
        let due = self.takeover_at(backup);
        if due > context.now {
            return;
        }
        self.startup_until = None;
        let late = context.now.since(due);
        let down = active_down_interval(self.config.versions, self.priority(), backup.interval);
        if late > down && matches!(backup.wait, Wait::DownInterval | Wait::Skew) {
            return self.backup_stalled(context, late);
        }
        let reason = why_taking_over(backup, self.patience(backup));
        let displaced = backup.worse;
        self.become_active(context, displaced, reason);
    }

    /// We were away for longer than any peer waits. Nothing was heard because nothing could be heard: the
    /// Active gets the time for one more advertisement before its silence counts.
    fn backup_stalled(&mut self, context: &mut Context<'_>, late: Duration) {
        self.counters.bump(Count::Lapses);
        let State::Backup(backup) = &mut self.state else { return };
        backup.armed = context.now;
        backup.wait = Wait::OneAdvertisement;
        let text = format!("this router was {} late; it listens before it takes over", spell(late));
        context.note(Note::Remark { name: "stalled", about: None, text });
    }
}

fn why_taking_over(backup: &Backup, patience: Duration) -> String {
    match (backup.wait, backup.worse, backup.active) {
        (Wait::Nothing, ..) => "owner of the addresses; start-up delay over".to_owned(),
        (Wait::Skew, _, Some((active, _))) => format!("{active} gave up the role (priority 0)"),
        (_, Some(worse), _) => format!("preempting {worse}, whose priority is lower"),
        (_, None, Some((active, _))) => format!("no advertisement from {active} for {}", spell(patience)),
        (_, None, None) => format!("no advertisement for {}", spell(patience)),
    }
}
