//! Active: holding the addresses, and saying so. RFC 9568 §6.4.3.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Context, Instant, Note};

use super::alarms::TWO_ACTIVES;
use super::backup::Backup;
use super::timers::spell;
use super::{State, VirtualRouter};
use crate::counters::Count;
use crate::wire::Advertisement;

/// The least time between an advertisement and one that answers a worse router's.
const REACTION_PAUSE: Duration = Duration::from_millis(5);

/// What an Active has to do, and when.
#[derive(Debug)]
pub(super) struct Active {
    /// Adver_Timer: when the next advertisement is due.
    pub(super) advert_at: Instant,
    /// When the last one left.
    sent_at: Instant,
    /// When an advertisement out of turn is due: at the next Tick, or when the last one is old enough.
    assert_at: Option<Instant>,
    /// An announcement out of turn.
    announce_at: Option<Instant>,
    /// The router whose role we took, until it has shown that it noticed.
    displaced: Option<IpAddr>,
}

impl Active {
    /// An Active that is sending its first advertisement right now.
    pub(super) fn new(now: Instant, interval: Duration, displaced: Option<IpAddr>) -> Self {
        Active { advert_at: now + interval, sent_at: now, assert_at: None, announce_at: None, displaced }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        [Some(self.advert_at), self.assert_at, self.announce_at].into_iter().flatten().min()
    }

    /// Announces at `at` at the latest.
    pub(super) fn announce_at(&mut self, at: Instant) {
        self.announce_at = Some(self.announce_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// An advertisement goes out of turn; the others keep their cadence.
    pub(super) fn was_sent(&mut self, now: Instant) {
        self.sent_at = now;
        self.assert_at = None;
    }

    /// The next advertisement is due one interval from now.
    pub(super) fn restart(&mut self, now: Instant, interval: Duration) {
        self.was_sent(now);
        self.advert_at = now + interval;
    }
}

impl VirtualRouter {
    /// An advertisement arrives while Active. RFC 9568 §6.4.3; rows 6 to 10.
    pub(super) fn active_hears(
        &mut self,
        context: &mut Context<'_>,
        at: Instant,
        source: IpAddr,
        advertisement: &Advertisement,
    ) {
        let State::Active(active) = &mut self.state else { return };
        if advertisement.priority == 0 {
            // Another Active leaves. Our advertisement makes its Backups quiet.
            active.advert_at = active.advert_at.min(context.now);
            if let Some(entry) = self.neighbours.get_mut(source) {
                entry.rival_since = None;
            }
        } else if self.is_better(advertisement.priority, source) {
            self.yields(context, at, source, advertisement);
        } else {
            self.asserts(context, at, source, advertisement.priority);
        }
    }

    /// A better router is there: row 7. The loser's last advertisement tells the winner that there were two,
    /// which it may have no other way of knowing; a winner that knows announces itself again.
    fn yields(
        &mut self,
        context: &mut Context<'_>,
        at: Instant,
        source: IpAddr,
        advertisement: &Advertisement,
    ) {
        self.advertise_in_parting(context);
        let own = self.priority();
        let mut backup = Backup::new(at, advertisement.interval);
        backup.active = Some((source, advertisement.priority));
        let reason = if advertisement.priority == own {
            format!("{source} has the same priority {own} and the higher address")
        } else {
            format!("{source} has priority {}, ours is {own}", advertisement.priority)
        };
        let transition = self.enter(context.now, State::Backup(backup), reason);
        self.release(context);
        context.note(transition);
        self.alarms.end(context, Some(TWO_ACTIVES), "this router is Backup now");
    }

    /// A worse router advertises: rows 8 to 10. Winning is no transition, so hosts and operators are told
    /// here: by an advertisement each time, by an announcement once per neighbour and interval.
    fn asserts(&mut self, context: &mut Context<'_>, at: Instant, source: IpAddr, priority: u8) {
        self.notice_rival(context, at, source, format!("obeys us not, with priority {priority}"));
        let State::Active(active) = &mut self.state else { return };
        if active.displaced.take_if(|displaced| *displaced == source).is_some() {
            // The last word of the router that we have just preempted. Everything was announced a moment ago.
            active.assert_at = Some(context.now);
            return;
        }
        // The switches have just learnt the loser's port: RFC 9568 has us put that right each time, though no
        // forger shall have us send at the rate of his choice.
        let interval = self.config.advertise_interval;
        active.assert_at = Some(context.now.max(active.sent_at + REACTION_PAUSE.min(interval / 4)));
        let Some(entry) = self.neighbours.get_mut(source) else { return };
        // Three quarters, so that a neighbour with our interval and some jitter is answered every time.
        match entry.asserted {
            Some(last) if context.now < last + interval * 3 / 4 => {
                if active.announce_at.is_none() {
                    active.announce_at(last + interval);
                }
                return;
            }
            Some(_) | None => entry.asserted = Some(context.now),
        }
        active.announce_at(context.now);
        self.counters.bump(Count::Asserted);
        let text = format!("asserted against {source}, whose priority {priority} is no better than ours");
        context.note(Note::Remark { name: "asserted", about: Some(source), text });
    }

    /// Somebody else claims the role while we hold it. Once is what every change of roles looks like; still
    /// claiming it half an interval later is an alarm.
    pub(super) fn notice_rival(
        &mut self,
        context: &mut Context<'_>,
        at: Instant,
        source: IpAddr,
        what: String,
    ) {
        let State::Active(_) = &self.state else { return };
        let own = self.config.advertise_interval;
        let Some(entry) = self.neighbours.get_mut(source) else { return };
        let since = *entry.rival_since.get_or_insert(at);
        let interval = entry.facts.interval().map_or(own, |theirs| theirs.max(own));
        if at.since(since) >= own / 2 {
            let reason = format!("{source} claims the role as well: it {what}");
            self.alarms.raise(context, TWO_ACTIVES, at, interval, reason);
        }
    }

    /// Adver_Timer, and whatever was put off until all waiting frames had been read: row 5.
    pub(super) fn active_ticks(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        let State::Active(active) = &self.state else { return };
        let silent = now.since(active.sent_at);
        if active.advert_at <= now && silent > self.own_down_interval() {
            self.active_stalled(context, silent);
        }
        let interval = self.config.advertise_interval;
        let State::Active(active) = &mut self.state else { return };
        let due = active.advert_at <= now;
        if due {
            // From the last deadline, not from now, so that lateness does not add up; but what was missed
            // is not made up for.
            let next = active.advert_at + interval;
            active.advert_at = if next > now { next } else { now + interval };
            active.displaced = None;
        }
        let send = due || active.assert_at.is_some_and(|at| at <= now);
        if send {
            active.was_sent(now);
        }
        let out_of_turn = active.announce_at.take_if(|at| *at <= now).is_some();
        if send {
            self.advertise(context, self.priority());
            if self.is_will_stale(now) {
                self.leave_will(context);
            }
        }
        let repeated = self.announcer.is_due(now, &self.config.announcements);
        if out_of_turn || repeated {
            self.announce(context);
        }
    }

    /// We were away for so long that somebody may have taken over. Everything heard meanwhile has been read,
    /// and made us no Backup: so either nobody has, or somebody worse.
    pub(super) fn active_stalled(&mut self, context: &mut Context<'_>, away: Duration) {
        self.counters.bump(Count::Lapses);
        if !self.preempts() {
            let backup = Backup::new(context.now, self.config.advertise_interval);
            let reason = format!("away for {}, and whoever took over is not preempted", spell(away));
            let transition = self.enter(context.now, State::Backup(backup), reason);
            self.release(context);
            context.note(transition);
            return self.alarms.end(context, Some(TWO_ACTIVES), "this router is Backup now");
        }
        let text = format!("away for {}; what may have lapsed is taken up again", spell(away));
        context.note(Note::Remark { name: "stalled", about: None, text });
        self.hold(context);
        let State::Active(active) = &mut self.state else { return };
        active.advert_at = active.advert_at.min(context.now);
        active.sent_at = context.now;
        active.announce_at(context.now);
    }
}
