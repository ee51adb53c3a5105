//! What must be said, and its counters: OpenBSD's cookie, or time stamps that seal what is said.

use std::net::IpAddr;
use std::time::Duration;

use ::carp::wire::Advertisement;

use super::{Claim, Witness};
use crate::sim::carp::arithmetic::{sealed, stamp};
use crate::sim::carp::messages::destinations;

/// By how many stamps a sender's clock may be behind when a router begins: ten seconds.
const ALLOWANCE: u64 = 10_240;

/// What its counters were and are.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters {
    /// The one that it chose for this life.
    cookie: Option<u64>,
    /// The latest stamp that it said or heard.
    latest: u64,
    /// The latest that it heard.
    heard: u64,
    /// None earlier is believed.
    began: Option<u64>,
}

/// An advertisement, and whom it is for.
pub(super) type Word = (IpAddr, Advertisement);

/// What is to be said.
#[derive(Debug, Default)]
pub(super) struct Sayings {
    /// In this step, in the order in which it was made.
    made: Vec<(Claim, When)>,
    /// What waits until something is held, and the newest that was said since.
    waiting: Vec<Word>,
    behind: Vec<Word>,
    /// What has waited for long enough.
    released: Vec<Word>,
}

/// When something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    OnceHeld,
    /// Behind what waits.
    Behind,
    /// Not at all: the role is gone.
    Never,
}

impl Sayings {
    /// What waits speaks of what is gone.
    pub(super) fn are_lost(&mut self) {
        self.waiting.clear();
        self.behind.clear();
        for (_, when) in self.made.iter_mut().filter(|(_, when)| *when != When::Now) {
            *when = When::Never;
        }
    }

    /// The kernel has answered.
    pub(super) fn are_free(&mut self, granted: bool) {
        let waited = std::mem::take(&mut self.waiting).into_iter().chain(std::mem::take(&mut self.behind));
        if granted {
            self.released.extend(waited);
        }
    }

    fn any_waits(&self) -> bool {
        !self.waiting.is_empty() || self.made.iter().any(|(_, when)| *when == When::OnceHeld)
    }
}

impl Witness {
    /// It must advertise.
    pub(super) fn must_say(&mut self) {
        self.says(self.claim());
    }

    /// It must say goodbye.
    pub(super) fn must_say_goodbye(&mut self) {
        self.says(self.goodbye());
    }

    /// It must advertise as soon as it holds what it asked for.
    pub(super) fn must_say_once_held(&mut self) {
        let claim = self.claim();
        self.sayings.made.push((claim, When::OnceHeld));
    }

    fn says(&mut self, claim: Claim) {
        let when = if self.sayings.any_waits() { When::Behind } else { When::Now };
        self.sayings.made.push((claim, when));
    }

    /// Slower than anybody waits, and as demoted as ever.
    fn goodbye(&self) -> Claim {
        Claim { interval: (255, 255), ..self.claim() }
    }

    /// What must have been said in this step. Everything that was made in it gets its counter now.
    pub(super) fn take_said(&mut self, wall: Duration) -> Vec<Word> {
        if self.began {
            self.counters.began.get_or_insert(stamp(wall).saturating_sub(ALLOWANCE));
        }
        let mut said = std::mem::take(&mut self.sayings.released);
        let mut behind = Vec::new();
        for (claim, when) in std::mem::take(&mut self.sayings.made) {
            let words = self.words(claim, wall);
            match when {
                When::Now => said.extend(words),
                When::OnceHeld => self.sayings.waiting.extend(words),
                When::Behind => behind.extend(words),
                When::Never => {}
            }
        }
        if !behind.is_empty() {
            self.sayings.behind = behind;
        }
        said
    }

    /// What its guardian must be given: a goodbye whose stamps are later than all that was said, and are used again.
    pub(super) fn will(&mut self, wall: Duration) -> Vec<Word> {
        let before = self.counters.clone();
        let words = self.words(self.goodbye(), wall);
        self.counters = before;
        words
    }

    /// One advertisement in each family and to each destination.
    fn words(&mut self, claim: Claim, wall: Duration) -> Vec<Word> {
        let mut words = Vec::new();
        let Claim { interval: (advbase, advskew), demote } = claim;
        for family in self.setup.families() {
            let counter = match self.setup.sealed {
                true => {
                    self.counters.latest = stamp(wall).max(self.counters.latest + 1);
                    sealed(self.counters.latest, advbase, advskew, demote)
                }
                false => 0,
            };
            let advertisement = Advertisement { vhid: self.setup.vhid, advbase, advskew, demote, counter };
            let to = destinations(&self.setup, &self.addresses, self.own, family);
            words.extend(to.into_iter().map(|to| (to, advertisement)));
        }
        words
    }

    /// The same without its cookie, which is its own choice; but there is one, and it never changes. OpenBSD.
    pub(super) fn without_cookie(&mut self, said: Advertisement) -> Option<Advertisement> {
        if self.setup.sealed {
            return Some(said);
        }
        let cookie = *self.counters.cookie.get_or_insert(said.counter);
        (cookie == said.counter && cookie != 0).then_some(Advertisement { counter: 0, ..said })
    }

    /// Whether it believes what it hears: not itself, whoever repeats it; and where counters are sealed, nothing that was
    /// altered, or is not later than everything that was heard.
    pub(super) fn believes(&mut self, source: IpAddr, said: &Advertisement) -> bool {
        if self.setup.families().any(|family| self.source(family) == source) {
            return false;
        }
        if !self.setup.sealed {
            return self.counters.cookie != Some(said.counter);
        }
        let stamp = said.counter >> 24;
        let honest = sealed(stamp, said.advbase, said.advskew, said.demote) == said.counter;
        let began = self.counters.began.unwrap_or_default();
        let new = honest && stamp > self.counters.heard && stamp >= began;
        if new {
            self.counters.heard = stamp;
            self.counters.latest = self.counters.latest.max(stamp);
        }
        new
    }
}
