//! The shortest script that still shows what a long one has shown.
//!
//! Something is left out or made simpler, and the rest is run again: if the same invariant breaks, the rest is
//! all that counts. Until nothing more can be left out.

use super::invariant::Violation;
use super::scenario::{Deed, Scenario};
use super::world::run;

/// Runs at most: a script is short after a few hundred.
const PATIENCE: u32 = 4_000;

/// What is left of a scenario.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The scenario.
    pub scenario: Scenario,
    /// What it breaks.
    pub violation: Violation,
    /// How many runs it took to find it.
    pub runs: u32,
}

/// Shrinks a scenario that breaks something. `progress` is told of each run, and how many deeds are left.
pub fn shrink(scenario: &Scenario, violation: &Violation, mut progress: impl FnMut(u32, usize)) -> Shrunk {
    let mut shrunk = Shrunk { scenario: scenario.clone(), violation: violation.clone(), runs: 0 };
    loop {
        let before = shrunk.scenario.clone();
        shrunk.leaves_out(&mut progress);
        shrunk.simplifies(&mut progress);
        if shrunk.scenario == before || shrunk.runs >= PATIENCE {
            return shrunk;
        }
    }
}

impl Shrunk {
    /// Takes over `simpler` if it breaks the same.
    fn tries(&mut self, simpler: Scenario, progress: &mut impl FnMut(u32, usize)) -> bool {
        // Simpler settings that cannot work would break the same for another reason.
        let possible = simpler.check().is_ok() || self.scenario.check().is_err();
        if self.runs >= PATIENCE || simpler == self.scenario || !possible {
            return false;
        }
        self.runs += 1;
        progress(self.runs, simpler.deeds.len());
        match run(&simpler, false).violation {
            Some(violation) if violation.breach.invariant == self.violation.breach.invariant => {
                self.scenario = simpler;
                self.violation = violation;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Deeds in ever smaller runs of neighbours, then routers, groups and hosts.
    fn leaves_out(&mut self, progress: &mut impl FnMut(u32, usize)) {
        let mut run = self.scenario.deeds.len();
        while run > 0 {
            let mut from = 0;
            while from < self.scenario.deeds.len() {
                let mut fewer = self.scenario.clone();
                let to = (from + run).min(fewer.deeds.len());
                fewer.deeds.drain(from..to);
                if !self.tries(fewer, progress) {
                    from += run;
                }
            }
            run /= 2;
        }
        for lost in (0..self.scenario.lost.len()).rev() {
            let mut fewer = self.scenario.clone();
            fewer.lost.remove(lost);
            self.tries(fewer, progress);
        }
        for router in (0..self.scenario.routers.len()).rev() {
            if self.scenario.routers.len() > 1 {
                self.tries(self.scenario.without_router(router), progress);
            }
        }
        for group in (0..self.scenario.groups.len()).rev() {
            if self.scenario.groups.len() > 1 {
                self.tries(self.scenario.without_group(group), progress);
            }
        }
        for host in (0..self.scenario.hosts.len()).rev() {
            let mut fewer = self.scenario.clone();
            fewer.hosts.remove(host);
            self.tries(fewer, progress);
        }
    }

    /// Settings as everybody has them, times that are easy to read.
    fn simplifies(&mut self, progress: &mut impl FnMut(u32, usize)) {
        for simpler in simpler_settings(&self.scenario) {
            let mut whole = self.scenario.clone();
            simpler(&mut whole);
            self.tries(whole, progress);
        }
        for place in 0..self.scenario.deeds.len() {
            for simpler in simpler_times(&self.scenario.deeds[place]) {
                let mut whole = self.scenario.clone();
                whole.deeds[place] = simpler;
                if whole.deeds.is_sorted_by_key(|deed| deed.at_us) {
                    self.tries(whole, progress);
                }
            }
        }
    }
}

type Change = Box<dyn Fn(&mut Scenario)>;

fn simpler_settings(scenario: &Scenario) -> Vec<Change> {
    let mut changes: Vec<Change> = vec![
        Box::new(|scenario| scenario.network.jitter_us = 0),
        Box::new(|scenario| scenario.network.delay_us = 100),
    ];
    for router in 0..scenario.routers.len() {
        changes.push(Box::new(move |scenario| {
            scenario.routers[router].drift_ppm = 0;
            scenario.routers[router].clock_us = 0;
        }));
        changes.push(Box::new(move |scenario| scenario.routers[router].lateness_us = 0));
        changes.push(Box::new(move |scenario| scenario.routers[router].kernel_us = 1_000));
        changes.push(Box::new(move |scenario| scenario.routers[router].far = false));
    }
    for group in 0..scenario.groups.len() {
        for simpler in scenario.groups[group].simpler() {
            changes.push(Box::new(move |scenario| scenario.groups[group] = simpler.clone()));
        }
    }
    changes
}

fn simpler_times(deed: &Deed) -> Vec<Deed> {
    let rounded = |us: u64, to: u64| us / to * to;
    let mut simpler = Vec::new();
    for to in [1_000_000, 100_000, 10_000, 1_000] {
        simpler.push(Deed { at_us: rounded(deed.at_us, to), ..deed.clone() });
        if rounded(deed.for_us, to) > 0 {
            simpler.push(Deed { for_us: rounded(deed.for_us, to), ..deed.clone() });
        }
    }
    simpler
}
