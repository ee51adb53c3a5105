//! MASTER: holding the addresses, and saying so.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::time::spell;
use fhrp::{Context, Family, Instant, Note};

use super::backup::Equal;
use super::compare::{Tie, gives_way, ucarp_tie};
use super::receive::Heard;
use super::{State, TWO_MASTERS, VirtualHost};
use crate::config::Counting;
use crate::counters::Count;

/// The least time between an advertisement and one that answers a worse router's.
const REACTION_PAUSE: Duration = Duration::from_millis(5);

/// What a master has to do, and when.
#[derive(Debug)]
pub(super) struct Master {
    /// When the next advertisement is due.
    pub(super) advertises_at: Instant,
    /// When the last one left.
    sent_at: Instant,
    /// When an advertisement out of turn is due: at the next Tick, or when the last one is old enough.
    asserts_at: Option<Instant>,
    /// An announcement out of turn.
    announces_at: Option<Instant>,
    /// The router whose role we took, until it has shown that it noticed.
    displaced: Option<IpAddr>,
}

impl Master {
    /// A master that sends its first advertisement right now.
    pub(super) fn new(now: Instant, interval: Duration, displaced: Option<IpAddr>) -> Self {
        Master {
            advertises_at: now + interval,
            sent_at: now,
            asserts_at: None,
            announces_at: None,
            displaced,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        [Some(self.advertises_at), self.asserts_at, self.announces_at].into_iter().flatten().min()
    }

    /// Announces at `at` at the latest.
    pub(super) fn announces_by(&mut self, at: Instant) {
        self.announces_at = Some(self.announces_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// An advertisement goes out of turn; the others keep their cadence.
    pub(super) fn was_sent(&mut self, now: Instant) {
        self.sent_at = now;
        self.asserts_at = None;
    }

    /// The next advertisement is due one interval from now.
    pub(super) fn restarts(&mut self, now: Instant, interval: Duration) {
        self.was_sent(now);
        self.advertises_at = now + interval;
    }
}

impl VirtualHost {
    /// An advertisement arrives while MASTER.
    pub(super) fn master_hears(&mut self, context: &mut Context<'_>, heard: &Heard) {
        if heard.says_goodbye {
            // Slower than anybody, and about to be gone.
            if let Some(entry) = self.neighbours.get_mut(heard.source) {
                entry.rival_since = None;
            }
            return;
        }
        let tie = self.tie_with(heard);
        if gives_way(self.claim(), heard.claim, tie) {
            self.gives_way(context, heard);
        } else {
            self.asserts(context, heard);
        }
    }

    /// Every BSD gives way to its equal. If both do, ours decide by address who tries again first; ucarp decides by
    /// address at once, in its own way.
    fn tie_with(&self, heard: &Heard) -> Tie {
        match self.source(Family::of(heard.source)) {
            Some(own) if heard.is_ucarp => ucarp_tie(own, heard.source, self.config.ucarp_tie),
            Some(_) | None => Tie::WeYield,
        }
    }

    fn gives_way(&mut self, context: &mut Context<'_>, heard: &Heard) {
        let own = self.claim();
        let mut backup = self.listening(heard.at);
        backup.master = Some((heard.source, heard.claim));
        let is_tie = heard.claim == own;
        let theirs = heard.claim.interval;
        let reason = if heard.claim.demote < own.demote {
            let (theirs, ours) = (heard.claim.demote, own.demote);
            format!(
                "less demoted advertisement received: {} is demoted by {theirs}, we are by {ours}",
                heard.source
            )
        } else if is_tie {
            format!("equally frequent advertisement received from {}", heard.source)
        } else {
            format!("more frequent advertisement received from {}: every {theirs}", heard.source)
        };
        if is_tie {
            let equal = Equal::new(heard);
            backup.wait = equal.wait(self.source(Family::of(heard.source)));
            backup.equal = Some(equal);
        }
        let transition = self.enter(context.now, State::Backup(backup), reason);
        self.release(context);
        context.note(transition);
        self.alarms.end(context, Some(TWO_MASTERS), "this router is BACKUP now");
    }

    /// A worse router advertises. Winning is no transition, so hosts and operators are told here: by an advertisement each
    /// time, by an announcement once per neighbour and interval.
    fn asserts(&mut self, context: &mut Context<'_>, heard: &Heard) {
        let source = heard.source;
        let said = heard.claim.interval;
        self.notices_rival(
            context,
            heard.at,
            source,
            format!("advertises every {said} and does not obey us"),
        );
        let interval = self.claim().interval.length();
        let State::Master(master) = &mut self.state else { return };
        if master.displaced.take_if(|displaced| *displaced == source).is_some() {
            // The last word of the router whose role we have just taken. Everything was announced a moment ago.
            master.asserts_at = Some(context.now);
            return;
        }
        // The switches have just learnt the loser's port; but no forger shall have us send at the rate of his choice.
        master.asserts_at = Some(context.now.max(master.sent_at + REACTION_PAUSE.min(interval / 4)));
        let Some(entry) = self.neighbours.get_mut(source) else { return };
        // Three quarters, so that a neighbour with our interval and some lateness is answered every time.
        match entry.asserted {
            Some(last) if context.now < last + interval * 3 / 4 => {
                if master.announces_at.is_none() {
                    master.announces_by(last + interval);
                }
                return;
            }
            Some(_) | None => entry.asserted = Some(context.now),
        }
        master.announces_by(context.now);
        self.counters.bump(Count::Asserted);
        let text =
            format!("asserted against {source}, which advertises every {said} and is no better than we are");
        context.note(Note::Remark { name: "asserted", about: Some(source), text });
    }

    /// Somebody else claims the role while we hold it. Once is what every change of roles looks like; still claiming it
    /// half an interval later is an alarm.
    pub(super) fn notices_rival(
        &mut self,
        context: &mut Context<'_>,
        at: Instant,
        source: IpAddr,
        what: String,
    ) {
        let State::Master(_) = &self.state else { return };
        let interval = self.claim().interval.length();
        let Some(entry) = self.neighbours.get_mut(source) else { return };
        let since = *entry.rival_since.get_or_insert(at);
        if at.since(since) >= interval / 2 {
            let theirs = entry.facts.interval().unwrap_or(interval).max(interval);
            let reason = format!("{source} claims the role as well: it {what}");
            self.alarms.raise(context, TWO_MASTERS, at, theirs, reason);
        }
    }

    pub(super) fn master_ticks(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        let State::Master(master) = &self.state else { return };
        let silent = now.since(master.sent_at);
        if master.advertises_at <= now && silent > self.own_patience() {
            self.master_stalled(context, silent);
        }
        let interval = self.claim().interval.length();
        let State::Master(master) = &mut self.state else { return };
        let due = master.advertises_at <= now;
        if due {
            // From the last deadline, not from now, so that lateness does not add up; but what was missed is not made up
            // for.
            let next = master.advertises_at + interval;
            master.advertises_at = if next > now { next } else { now + interval };
            master.displaced = None;
        }
        let sends = due || master.asserts_at.is_some_and(|at| at <= now);
        if sends {
            master.was_sent(now);
        }
        let out_of_turn = master.announces_at.take_if(|at| *at <= now).is_some();
        if sends {
            self.speaks_up(context);
        }
        let repeated = self.announcer.is_due(now, &self.config.announcements);
        if out_of_turn || repeated {
            self.announce(context);
        }
    }

    /// An advertisement. A goodbye with an older stamp than it would not be believed.
    pub(super) fn speaks_up(&mut self, context: &mut Context<'_>) {
        self.advertise(context);
        if self.config.counting == Counting::Sealed {
            self.leaves_will(context);
        }
    }

    /// We were away for so long that somebody may have taken over. Everything heard meanwhile has been read, and made us
    /// no BACKUP: so either nobody has, or somebody worse.
    pub(super) fn master_stalled(&mut self, context: &mut Context<'_>, away: Duration) {
        self.counters.bump(Count::Lapses);
        if !self.config.preempt {
            let backup = self.listening(context.now);
            let reason = format!("away for {}, and whoever took over is not preempted", spell(away));
            let transition = self.enter(context.now, State::Backup(backup), reason);
            self.release(context);
            context.note(transition);
            return self.alarms.end(context, Some(TWO_MASTERS), "this router is BACKUP now");
        }
        let text = format!("away for {}; what may have lapsed is taken up again", spell(away));
        context.note(Note::Remark { name: "stalled", about: None, text });
        self.hold(context);
        let State::Master(master) = &mut self.state else { return };
        master.advertises_at = master.advertises_at.min(context.now);
        master.sent_at = context.now;
        master.announces_by(context.now);
    }
}
