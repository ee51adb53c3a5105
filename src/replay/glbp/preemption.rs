//! Whether and after how long a router preempts, as far as it was seen to.

use std::time::Duration;

use ::glbp::config::{DEFAULT_FORWARDER_PREEMPT, Preempt};
use ::glbp::vmac::LAST_FORWARDER;
use ::glbp::wire::{Hello, State};

use super::{Announced, CHANGES, Spoke};
use crate::analyze::moment::nanos;
use crate::replay::hellos::Stateful;

/// Delays are set in whole steps of this, in nanoseconds; what is measured is a little more.
const STEP: u64 = 100_000_000;

impl Announced {
    /// It preempts if it becomes active beside a worse router that is; how long it had tolerated that one is the delay.
    pub(super) fn preempt(&self) -> Preempt {
        let off = Preempt { on: false, delay: Duration::ZERO };
        let Some(taken) = self.took_from_worse() else { return off };
        let until = self.others.partition_point(|other| other.at <= taken);
        let actives = self.others[..until].iter().filter(|other| other.state() == Some(State::Active));
        let run = actives.rev().take_while(|other| self.is_worse_active(other, taken));
        let since = run.last().map_or(taken, |first| first.at).max(self.begins(taken));
        Preempt { on: true, delay: set_by_hand(self.by_way_of_speak(taken).saturating_sub(since)) }
    }

    /// When it began to preempt somebody whose role it took at a moment: it speaks when it may, and is active when it hears
    /// that one the next time.
    fn by_way_of_speak(&self, taken: u64) -> u64 {
        let until = self.own.partition_point(|own| own.at < taken);
        let hellos = self.own[..until].iter().rev().filter(|own| own.state().is_some());
        let first = hellos.take_while(|own| own.state() == Some(State::Speak)).last();
        let speaks = first.and_then(|own| Some((own.at, nanos(own.hello?.hello))));
        speaks.filter(|(at, hello)| taken - at <= hello + hello / 10).map_or(taken, |(at, _)| at)
    }

    /// When it became active beside a worse one that it had just heard.
    fn took_from_worse(&self) -> Option<u64> {
        let hellos: Vec<&Spoke> = self.own.iter().filter(|own| own.state().is_some()).collect();
        hellos.windows(2).find_map(|pair| {
            let [before, taken] = pair else { return None };
            let takes = before.state() != Some(State::Active) && taken.state() == Some(State::Active);
            let hold = nanos(taken.hello?.hold);
            let last = self
                .others
                .iter()
                .rfind(|other| other.at <= taken.at && other.state() == Some(State::Active))?;
            let heard = last.at + hold > taken.at && self.is_worse_active(last, taken.at);
            (takes && heard).then_some(taken.at)
        })
    }

    fn is_worse_active(&self, other: &Spoke, at: u64) -> bool {
        let own = self.at(at).map_or(0, |settings| settings.priority);
        let better = |hello: Hello| (hello.priority, other.source) > (own, self.source);
        other.state() == Some(State::Active) && !other.hello.is_some_and(better)
    }

    /// When the life began that it lives at a moment.
    fn begins(&self, at: u64) -> u64 {
        let until: Vec<&Spoke> = self.own.iter().filter(|own| own.at <= at).collect();
        let gap = until.windows(2).rposition(|pair| pair[1].at - pair[0].at > self.hold());
        until.get(gap.map_or(0, |gap| gap + 1)).map_or(at, |first| first.at)
    }

    /// How long it tolerates somebody with less right to a forwarder: as long as it did when it took one from such a router.
    pub(super) fn forwarder_preempt(&self) -> Preempt {
        let delays = (1..=LAST_FORWARDER).filter_map(|number| self.tolerated(number));
        let delay = delays.min().map_or(DEFAULT_FORWARDER_PREEMPT.delay, set_by_hand);
        Preempt { on: true, delay }
    }

    /// How long it tolerated somebody who had less right to a forwarder, before it took it from them. It counts from when
    /// it heard of the forwarder first.
    pub(super) fn tolerated(&self, number: u8) -> Option<u64> {
        let says: Vec<&Spoke> =
            self.own.iter().filter(|own| own.hello.is_some() || own.active_for(number).is_some()).collect();
        let taken = says.windows(2).filter_map(|pair| {
            let right = pair[1].active_for(number).filter(|_| pair[0].active_for(number).is_none())?.priority;
            Some((pair[1].at, right))
        });
        taken.take(CHANGES).find_map(|(taken, right)| {
            let begins = self.begins(taken);
            let from = self.others.partition_point(|other| other.at < begins);
            let to = self.others.partition_point(|other| other.at < taken);
            let claims = self.others[from..to].iter();
            let claims = claims.filter_map(|other| Some((other.at, other.active_for(number)?.priority)));
            let worse: Vec<u64> =
                claims.rev().take_while(|(_, theirs)| *theirs < right).map(|(at, _)| at).collect();
            let there = worse.first().is_some_and(|last| last + self.hold() > taken);
            // Its own right may have become a better one since.
            let weighed = self.settings.iter().rfind(|(since, _)| *since <= taken);
            let since = weighed.map_or(0, |(since, _)| *since);
            worse.last().filter(|_| there).map(|first| taken - (*first).max(since))
        })
    }
}

/// The delay that somebody set where this was measured.
fn set_by_hand(measured: u64) -> Duration {
    Duration::from_nanos(measured - measured % STEP)
}
