//! BACKUP: listening, ready to take over.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::time::spell;
use fhrp::{Context, Family, Instant, Note};

use super::compare::{Claim, Claimed, takes_over};
use super::receive::Heard;
use super::{FAMILY_SILENT, Served, State, VirtualHost};
use crate::config::Interval;
use crate::counters::Count;

/// What whoever loses a tie by its address waits longer than the other one.
const TIE_PAUSE: Duration = Duration::from_millis(500);

/// What a backup knows.
#[derive(Debug)]
pub(super) struct Backup {
    /// Since when each family has been silent: an advertisement's arrival, not its handling.
    pub(super) silent_since: Vec<(Family, Instant)>,
    /// For how long that is tolerated.
    pub(super) wait: Wait,
    /// The master that was last heard.
    pub(super) master: Option<(IpAddr, Claim)>,
    /// What we are about to do to a master that is there.
    pub(super) claim: Option<Pending>,
    /// We gave the role away by an operator's wish, and do not take it back from whoever has it.
    pub(super) suspended: bool,
    /// A master that is our equal.
    pub(super) equal: Option<Equal>,
}

/// A master that is as good as we are, and has not been one for long: it may have a rival, of whom we need not have heard,
/// and both may have given way. All who heard one of them would try again together, so whoever has heard of a lower address
/// than its own lets that one go first.
#[derive(Debug)]
pub(super) struct Equal {
    /// The lowest that was heard in one moment.
    source: IpAddr,
    /// Since when.
    since: Instant,
    /// When it was last heard.
    heard: Instant,
    /// Whether it has stayed.
    stays: bool,
}

impl Equal {
    pub(super) fn new(heard: &Heard) -> Self {
        Equal { source: heard.source, since: heard.at, heard: heard.at, stays: false }
    }

    /// Another advertisement of an equal: of the same moment, if it comes within half an interval.
    fn and(self, heard: &Heard, interval: Duration) -> Self {
        let same_moment = heard.at < self.since + interval / 2;
        if Family::of(heard.source) != Family::of(self.source) {
            // Of the two families one is enough.
            return self;
        }
        if heard.source == self.source && heard.at < self.heard + interval * 3 / 2 {
            let stays = self.stays || !same_moment;
            return Equal { stays, heard: heard.at.max(self.heard), ..self };
        }
        match (same_moment, heard.source < self.source) {
            (true, true) => Equal { source: heard.source, heard: heard.at, ..self },
            (true, false) => self,
            (false, _) => Equal::new(heard),
        }
    }

    /// How long to wait, with this address of the same family.
    pub(super) fn wait(&self, own: Option<IpAddr>) -> Wait {
        if !self.stays && own > Some(self.source) { Wait::Tie } else { Wait::Patience }
    }
}

/// How long silence is tolerated. Kept as a rule, so that another interval moves the end and not the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// 3 × advbase + advskew / 256.
    Patience,
    /// A little longer: our equals may be about to try as well, and one of them has a lower address.
    Tie,
    /// One interval: we stalled, and our silence says nothing about the master.
    OneAdvertisement,
}

/// A role that is going to be taken.
#[derive(Debug)]
pub(super) struct Pending {
    /// When.
    pub(super) at: Instant,
    /// From whom.
    pub(super) from: IpAddr,
    /// Why.
    reason: String,
}

impl Backup {
    /// Listening from `at` on, in these families.
    pub(super) fn new(at: Instant, families: impl Iterator<Item = Family>) -> Self {
        Backup {
            silent_since: families.map(|family| (family, at)).collect(),
            wait: Wait::Patience,
            master: None,
            claim: None,
            suspended: false,
            equal: None,
        }
    }

    /// The master is obeyed.
    fn obeys(&mut self, heard: &Heard) {
        self.master = Some((heard.source, heard.claim));
        self.claim = None;
        self.wait = Wait::Patience;
        let family = Family::of(heard.source);
        for (_, since) in self.silent_since.iter_mut().filter(|(known, _)| *known == family) {
            *since = heard.at.max(*since);
        }
    }
}

impl VirtualHost {
    /// A backup that begins to listen `at` then.
    pub(super) fn listening(&self, at: Instant) -> Backup {
        Backup::new(at, self.config.families())
    }

    fn tolerance(&self, wait: Wait) -> Duration {
        let interval = self.claim().interval;
        match wait {
            Wait::Patience => self.config.patience(interval),
            Wait::Tie => self.config.patience(interval) + skew(interval) + TIE_PAUSE,
            Wait::OneAdvertisement => interval.length(),
        }
    }

    /// When the silence of the master has lasted too long. The kernels have a timer for each family and obey whichever
    /// comes first: whoever filters one family has two masters.
    pub(super) fn silence_ends(&self, backup: &Backup) -> Instant {
        let since = backup.silent_since.iter().map(|(_, since)| *since);
        let since = if self.config.strict_family_timers { since.min() } else { since.max() };
        since.unwrap_or(Instant::ZERO) + self.tolerance(backup.wait)
    }

    /// When we take over if nothing more is heard.
    pub(super) fn takes_over_at(&self, backup: &Backup) -> Instant {
        let silence = self.silence_ends(backup);
        backup.claim.as_ref().map_or(silence, |claim| claim.at.min(silence))
    }

    /// An advertisement arrives while BACKUP.
    pub(super) fn backup_hears(&mut self, context: &mut Context<'_>, heard: &Heard) {
        let (own, ratio, preempts) = (self.claim(), self.config.dead_ratio, self.config.preempt);
        let State::Backup(backup) = &mut self.state else { return };
        if heard.says_goodbye {
            return self.is_left_the_role(heard);
        }
        let claimed = takes_over(own, heard.claim, preempts, ratio).filter(|_| !backup.suspended);
        let Some(claimed) = claimed else {
            backup.obeys(heard);
            self.looks_for_equals(heard);
            return self.notices_silent_family(context, heard);
        };
        let Claim { interval, demote } = heard.claim;
        let from = heard.source;
        let reason = match claimed {
            Claimed::ByPreemption => {
                format!("preempting a slower master: {from} advertises every {interval}")
            }
            Claimed::ByDemotion => format!("preempting a demoted master: {from} is demoted by {demote}"),
            Claimed::AsTooSlow => {
                format!("master will time out: {from} advertises every {interval}, longer than we wait")
            }
        };
        // Equals that have just given way to each other would all take over at once, and give way again.
        let at = match backup.wait {
            Wait::Tie => context.now + skew(own.interval) + TIE_PAUSE,
            Wait::Patience | Wait::OneAdvertisement => context.now,
        };
        // What is due later, after a goodbye, is due then.
        if backup.claim.as_ref().is_none_or(|claim| claim.at > at) {
            backup.claim = Some(Pending { at, from, reason });
        }
        backup.master = Some((from, heard.claim));
    }

    fn looks_for_equals(&mut self, heard: &Heard) {
        let own = self.claim();
        let State::Backup(backup) = &mut self.state else { return };
        let before = backup.equal.take();
        if heard.claim != own {
            return;
        }
        let equal = match before {
            Some(before) => before.and(heard, own.interval.length()),
            None => Equal::new(heard),
        };
        let family = Family::of(equal.source);
        let source = self.sources.iter().copied().find(|source| Family::of(*source) == family);
        backup.wait = equal.wait(source);
        backup.equal = Some(equal);
    }

    /// The master takes its leave. All BSDs jump at once; we do so after the skew, so that the best one is the first. Who
    /// is not the master we know has no role to leave: a copy may come when its successor is there.
    fn is_left_the_role(&mut self, heard: &Heard) {
        let after = skew(self.claim().interval);
        let State::Backup(backup) = &mut self.state else { return };
        if backup.master.is_some_and(|(master, _)| master != heard.source) || backup.claim.is_some() {
            return;
        }
        let reason = format!("{} gave up the role (255/255)", heard.source);
        backup.claim = Some(Pending { at: heard.at + after, from: heard.source, reason });
    }

    /// One family of the same master is heard and the other is not: something between us drops it.
    fn notices_silent_family(&mut self, context: &mut Context<'_>, heard: &Heard) {
        let (tolerance, interval) = (self.tolerance(Wait::Patience), heard.claim.interval.length());
        let State::Backup(backup) = &self.state else { return };
        let family = Family::of(heard.source);
        let silent = backup
            .silent_since
            .iter()
            .find(|(other, since)| *other != family && heard.at.since(*since) >= tolerance);
        match silent {
            Some((silent, since)) => {
                let span = spell(heard.at.since(*since));
                let reason =
                    format!("no {silent} advertisement for {span}, though {} speaks {family}", heard.source);
                self.counters.bump(Count::FamilySilent);
                self.alarms.raise(context, FAMILY_SILENT, heard.at, interval, reason);
            }
            None => self.alarms.end(context, Some(FAMILY_SILENT), "both families are heard"),
        }
    }

    pub(super) fn backup_ticks(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        let State::Backup(backup) = &self.state else { return };
        let silence = self.silence_ends(backup);
        let late = now.since(silence);
        if silence <= now && late > self.own_patience() && backup.wait != Wait::OneAdvertisement {
            return self.backup_stalled(context, late);
        }
        let State::Backup(backup) = &mut self.state else { return };
        if let Some(claim) = backup.claim.take_if(|claim| claim.at <= now) {
            self.counters.bump(Count::Preemptions);
            return self.becomes_master(context, Served::By(claim.from), claim.reason);
        }
        if silence > now {
            return;
        }
        let span = spell(self.tolerance(Wait::Patience));
        let State::Backup(backup) = &self.state else { return };
        let reason = match backup.master {
            Some((master, _)) => format!("master timed out: nothing from {master} for {span}"),
            None => format!("master timed out: nothing for {span}"),
        };
        self.becomes_master(context, Served::No, reason);
    }

    /// We were away for longer than any peer waits. Nothing was heard because nothing could be heard: the master gets the
    /// time for one more advertisement before its silence counts.
    fn backup_stalled(&mut self, context: &mut Context<'_>, late: Duration) {
        self.counters.bump(Count::Lapses);
        let State::Backup(backup) = &mut self.state else { return };
        backup.silent_since.iter_mut().for_each(|(_, since)| *since = context.now);
        backup.wait = Wait::OneAdvertisement;
        backup.claim = None;
        let text = format!("this router was {} late; it listens before it takes over", spell(late));
        context.note(Note::Remark { name: "stalled", about: None, text });
    }
}

fn skew(interval: Interval) -> Duration {
    Duration::from_secs(interval.skew.into()) / 256
}
