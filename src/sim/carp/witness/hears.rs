//! What advertisements do. OpenBSD ip_carp.c, carp_proto_input_c; FreeBSD and ucarp where nobody is demoted.

use std::net::IpAddr;

use fhrp::{Family, Instant};

use super::{Claim, Equal, REACTION_PAUSE, State, Wait, Witness};
use crate::sim::carp::messages::Said;
use crate::sim::invariant::Invariant;

/// An advertisement that breaks no rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    /// When it arrived.
    pub(super) at: Instant,
    /// When it was handed in.
    pub(super) now: Instant,
    source: IpAddr,
    claim: Claim,
}

impl Heard {
    pub(super) fn new(at: Instant, now: Instant, said: &Said) -> Self {
        let advertisement = &said.advertisement;
        let interval = (advertisement.advbase, advertisement.advskew);
        let claim = Claim { interval, demote: advertisement.demote };
        Heard { at, now, source: said.source, claim }
    }
}

impl Witness {
    pub(super) fn obeys(&mut self, heard: Heard) {
        match (self.state, self.leaving) {
            (State::Init, _) => {}
            (State::Backup, _) => self.hears_as_backup(heard),
            (State::Master, Some(leaving)) => self.is_succeeded(heard, leaving),
            // Slower than anybody, and about to be gone.
            (State::Master, None) if heard.claim.is_goodbye() => {}
            (State::Master, None) if self.yields_to(heard.claim) => self.yields(heard),
            (State::Master, None) => self.will_answer(heard),
        }
    }

    fn hears_as_backup(&mut self, heard: Heard) {
        if heard.claim.is_goodbye() {
            return self.is_left_the_role(heard);
        }
        let replaces = self.would_replace(heard.claim);
        self.backup.master = Some(heard.source);
        if replaces {
            // Of several equals that have just met, the one with the lowest address goes first here as well.
            let pause = match self.backup.wait {
                Wait::AfterEqual => self.skew() + super::TIE_PAUSE,
                Wait::Patience | Wait::Interval => std::time::Duration::ZERO,
            };
            let due = heard.now + pause;
            if self.backup.takes.is_none_or(|(at, _)| at > due) {
                self.backup.takes = Some((due, heard.source));
            }
            return;
        }
        self.backup.takes = None;
        self.backup.wait = self.wait_among_equals(heard);
        let family = Family::of(heard.source);
        for (_, since) in self.backup.silent.iter_mut().filter(|(known, _)| *known == family) {
            *since = heard.at.max(*since);
        }
    }

    /// The best one goes first: each after its skew. Only the master has something to leave.
    fn is_left_the_role(&mut self, heard: Heard) {
        let from_master = self.backup.master.is_none_or(|master| master == heard.source);
        if from_master && self.backup.takes.is_none() {
            self.backup.takes = Some((heard.at + self.skew(), heard.source));
        }
    }

    /// To a better one, and to an equal.
    fn yields(&mut self, heard: Heard) {
        self.listens(heard.at, Invariant::GivesWay, "another router is better, or as good");
        self.backup.master = Some(heard.source);
        self.backup.wait = self.wait_among_equals(heard);
    }

    /// A master that is no better than this router may be one of several that are about to give way to each other, until it
    /// has said so twice in a row. Then whoever has heard a lower address than its own lets that one go first. One family
    /// tells who is who.
    fn wait_among_equals(&mut self, heard: Heard) -> Wait {
        let interval = self.interval();
        if heard.claim != self.claim() {
            self.backup.equal = None;
            return Wait::Patience;
        }
        let new = Equal { lowest: heard.source, first: heard.at, last: heard.at, is_master: false };
        let equal = self.backup.equal.get_or_insert(new);
        let at_once = heard.at < equal.first + interval / 2;
        let family = Family::of(equal.lowest);
        if family == Family::of(heard.source) {
            let again = heard.source == equal.lowest && heard.at < equal.last + interval * 3 / 2;
            if again {
                equal.last = equal.last.max(heard.at);
                equal.is_master |= !at_once;
            } else if !at_once {
                *equal = new;
            } else if heard.source < equal.lowest {
                *equal = Equal { first: equal.first, is_master: equal.is_master, ..new };
            }
        }
        let Equal { lowest, is_master, .. } = *equal;
        if !is_master && lowest < self.source(family) { Wait::AfterEqual } else { Wait::Patience }
    }

    /// Whoever does not yield says so: to the switches by an advertisement, to the hosts by an announcement. But not at the
    /// rate of whoever asks for it.
    fn will_answer(&mut self, heard: Heard) {
        let Heard { now, source, .. } = heard;
        let interval = self.interval();
        if self.master.predecessor.take_if(|from| *from == source).is_some() {
            self.master.answers_at = Some(now);
            return;
        }
        self.master.answers_at = Some(now.max(self.master.said_at + REACTION_PAUSE.min(interval / 4)));
        let is_busy = self.obligations.waits();
        if self.setup.shares() {
            return;
        }
        if is_busy {
            // Its announcement is not told from the one that waits.
            self.repeats_at = None;
        }
        self.rivals.claims(source, now, interval, (!is_busy).then_some(now));
    }

    /// Whoever leaves has a successor that has heard the goodbye.
    fn is_succeeded(&mut self, heard: Heard, leaving: super::Leaving) {
        if heard.at < leaving.began || heard.claim.is_goodbye() {
            return;
        }
        if leaving.for_good {
            return self.finishes("a successor is there");
        }
        self.listens(heard.at, Invariant::Leaving, "a successor is there");
        self.backup.master = Some(heard.source);
        self.backup.gave_away = true;
    }
}
