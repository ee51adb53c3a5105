//! Where frames say which state their sender is in: the same state at each of them, the same words spoken, hellos at
//! the same pace. Timers of real routers are off by something that the capture itself shows.

use serde::Serialize;

use super::{Comparison, SLACK, Take};
use crate::analyze::moment::about;
use crate::replay::hellos::Stateful;
use crate::replay::spoken::{Frame, Spoken};

/// How much longer than its hold time a router may wait, as captured ones do: one part of so many, and a second.
const LATE: u64 = 5;
const SECOND: u64 = 1_000_000_000;
/// How long a router may stay Standby though nobody is active.
const LINGERS: u64 = 2 * SECOND;
/// A hello that comes before this part of the pause before it was due is sent out of turn.
const OUT_OF_TURN: (u64, u64) = (3, 4);
/// How often what the interface is, is said again, at most; a fifth of it early.
const PERIOD: u64 = 30 * SECOND;

/// How the states of the two go together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct States {
    /// How many of its frames say a state.
    pub frames: usize,
    /// At how many of these ours was in the same state, within the tolerance.
    pub same: usize,
    /// What its timers are off: the capture shows it. In milliseconds.
    pub tolerance_ms: f64,
    /// Each time that it entered a state: how much later ours did.
    pub entered: Vec<Entered>,
    /// Frames in stretches whose times are not those of the wire.
    pub squeezed: usize,
}

/// A state that both entered.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Entered {
    /// The state, as frames say it.
    pub state: &'static str,
    /// How much later ours entered it, and whether that proves nothing.
    #[serde(flatten)]
    pub take: Take,
}

/// A state that its frames say from one moment to the other.
#[derive(Debug, Clone, Copy)]
struct Phase {
    state: &'static str,
    from: u64,
    to: u64,
    frames: usize,
}

impl Comparison<'_> {
    pub(super) fn states(&mut self, announced: &dyn Stateful) -> States {
        let tolerance = announced.spread().max(SLACK);
        let real = self.cast.real.in_order();
        let phases = self.phases(&real);
        let squeezed = self.squeezed.clone();
        let in_squeeze = |at: u64| squeezed.iter().any(|(from, to)| (*from..=*to).contains(&at));
        let mut states = States {
            frames: phases.iter().map(|phase| phase.frames).sum(),
            same: 0,
            tolerance_ms: tolerance as f64 / 1e6,
            entered: Vec::new(),
            squeezed: real.iter().filter(|frame| in_squeeze(frame.at)).count(),
        };
        for (place, phase) in phases.iter().enumerate() {
            let before = place.checked_sub(1).and_then(|place| phases.get(place));
            if before.is_none_or(|before| before.state != phase.state) {
                self.enters(phase, tolerance, &mut states);
            }
            states.same += self.dwells(&real, phase, phases.get(place + 1), announced, tolerance);
        }
        self.words(tolerance);
        self.of_interface(tolerance);
        self.pace(announced, tolerance);
        states
    }

    /// Ours took the role earlier, and step by step each of its own timers was late: by no more each time than such
    /// routers are.
    pub(super) fn late_step_by_step(&self, at: u64, ours: i64) -> Option<String> {
        let announced = self.cast.announced.stateful()?;
        if ours >= 0 {
            return None;
        }
        let (mut before, mut steps) = (0, Vec::new());
        for phase in self.phases(&self.cast.real.in_order()).iter().filter(|phase| phase.from <= at) {
            let entries = self.cast.states.iter().filter(|(_, state)| is(*state, phase.state));
            let (entered, _) = entries.min_by_key(|(entered, _)| entered.abs_diff(phase.from))?;
            let late = phase.from.saturating_sub(*entered);
            let most = if phase.state == "active" { LINGERS } else { announced.hold() / LATE + SECOND };
            if late > before + most {
                return None;
            }
            steps.push(format!("{} by {}", phase.state, about(late)));
            before = late;
        }
        (!steps.is_empty()).then(|| {
            let hold = about(announced.hold());
            format!(
                "its timers are late as such routers' are: {}; ours keeps its hold time of {hold}",
                steps.join(", ")
            )
        })
    }

    /// What its frames say, as long as they say the same.
    fn phases(&self, frames: &[Frame]) -> Vec<Phase> {
        let mut phases: Vec<Phase> = Vec::new();
        for frame in frames {
            let Some(face) = self.cast.real.face(frame) else { continue };
            // A Coup says the state before, and what an interface is, is no group's state.
            if face.says.kind != "hello" {
                continue;
            }
            match phases.last_mut().filter(|last| last.state == face.says.state) {
                Some(last) => (last.to, last.frames) = (frame.at, last.frames + 1),
                None => {
                    phases.push(Phase { state: face.says.state, from: frame.at, to: frame.at, frames: 1 })
                }
            }
        }
        phases
    }

    /// When ours entered the state nearest to when it did.
    fn enters(&mut self, phase: &Phase, tolerance: u64, states: &mut States) {
        let entries = self.cast.states.iter().filter(|(_, state)| is(*state, phase.state));
        let Some((at, _)) = entries.min_by_key(|(at, _)| at.abs_diff(phase.from)) else { return };
        if at.abs_diff(phase.from) > PERIOD {
            return;
        }
        let late = *at as f64 / 1e6 - phase.from as f64 / 1e6;
        let arranged = self.cast.script.iter().any(|outside| outside.meets == Some(phase.from));
        if at.abs_diff(phase.from) <= tolerance {
            self.gaps.push(at.abs_diff(phase.from));
        }
        states.entered.push(Entered { state: phase.state, take: Take { late_ms: late, arranged } });
    }

    /// At how many frames of a phase ours was in the same state.
    fn dwells(
        &mut self,
        frames: &[Frame],
        phase: &Phase,
        next: Option<&Phase>,
        announced: &dyn Stateful,
        tolerance: u64,
    ) -> usize {
        let mut same = 0;
        let mut off: Option<(u64, usize, Option<&'static str>)> = None;
        for frame in span(frames, phase.from, phase.to, |frame| frame.at) {
            let says = self.cast.real.face(frame).map(|face| face.says);
            if !says.is_some_and(|says| says.kind == "hello" && says.state == phase.state) {
                continue;
            }
            if self.was_in(phase.state, frame.at, tolerance) {
                same += 1;
            } else {
                let ours = self.state_at(frame.at);
                off = Some(off.map_or((frame.at, 1, ours), |(at, count, ours)| (at, count + 1, ours)));
            }
        }
        if let Some((at, count, ours)) = off {
            let late = next.and_then(|next| early(phase, next, ours, announced));
            let explanation = late.or_else(|| self.is_hasty(at, announced));
            let many = if count == 1 { "one frame".to_owned() } else { format!("{count} frames") };
            let ours = ours.unwrap_or("not there");
            self.diverge(at, format!("it says {} in {many} where ours is {ours}", phase.state), explanation);
        }
        same
    }

    /// Whether it went on before its hold time was over, as such routers do once in a while.
    fn is_hasty(&self, at: u64, announced: &dyn Stateful) -> Option<String> {
        let (since, ours) = self.cast.states.iter().rfind(|(since, _)| *since <= at)?;
        let (waited, hold) = (at - since, announced.hold());
        let hasty = is(*ours, "speak") && (hold - hold / LATE..hold).contains(&waited);
        hasty.then(|| {
            let (waited, hold) = (about(waited), about(hold));
            format!(
                "it goes on after {waited}, before its hold time of {hold} is over; ours never shortens that"
            )
        })
    }

    fn was_in(&self, state: &str, at: u64, tolerance: u64) -> bool {
        let (from, to) = (at.saturating_sub(tolerance), at.saturating_add(tolerance));
        let mut entered = span(&self.cast.states, from, to, |(since, _)| *since).iter();
        is(self.state_at(from), state) || entered.any(|(_, ours)| is(*ours, state))
    }

    fn state_at(&self, at: u64) -> Option<&'static str> {
        let after = self.cast.states.partition_point(|(since, _)| *since <= at);
        self.cast.states[..after].last().and_then(|(_, state)| *state)
    }

    /// Coups and resignations: each has one of the other's beside it.
    fn words(&mut self, tolerance: u64) {
        for kind in ["coup", "resign"] {
            let of = |spoken: &Spoken| -> Vec<u64> {
                let said = |frame: &&Frame| spoken.face(frame).is_some_and(|face| face.says.kind == kind);
                spoken.in_order().iter().filter(said).map(|frame| frame.at).collect()
            };
            let (theirs, ours) = (of(&self.cast.real), of(&self.cast.ours));
            let alone = |one: &[u64], other: &[u64]| -> Vec<u64> {
                let lone = |at: &&u64| {
                    let (from, to) = (at.saturating_sub(tolerance), at.saturating_add(tolerance));
                    span(other, from, to, |near| *near).is_empty()
                };
                one.iter().filter(lone).copied().collect()
            };
            for at in alone(&theirs, &ours) {
                self.diverge(at, format!("it says {kind}, and ours does not"), None);
            }
            for at in alone(&ours, &theirs) {
                self.diverge(at, format!("ours says {kind}, and it does not"), None);
            }
        }
    }

    /// What the interface is: said when that changes, and from time to time.
    fn of_interface(&mut self, tolerance: u64) {
        let of = |spoken: &Spoken| -> Vec<(u64, &'static str)> {
            let frames = spoken.in_order();
            let said = frames.iter().filter_map(|frame| {
                let says = spoken.face(frame)?.says;
                (says.kind == "interface-state").then_some((frame.at, says.state))
            });
            said.collect()
        };
        let (theirs, ours) = (of(&self.cast.real), of(&self.cast.ours));
        let near = PERIOD / LATE + tolerance + SECOND;
        let has_near = |said: &[(u64, &'static str)], at: u64, state: &str| {
            let around = span(said, at.saturating_sub(near), at.saturating_add(near), |(at, _)| *at);
            around.iter().any(|(_, said)| *said == state)
        };
        for (place, (at, state)) in theirs.iter().enumerate() {
            if has_near(&ours, *at, state) {
                continue;
            }
            let first = place == 0 && *state == "passive" && *at <= PERIOD;
            let explanation =
                first.then(|| "it repeats that every half minute, and nothing shows since when".to_owned());
            self.diverge(
                *at,
                format!("it says that its interface is {state}, and ours does not"),
                explanation,
            );
        }
        let arranged = |at: u64| {
            self.cast.script.iter().any(|outside| {
                let meets = outside.meets.is_some_and(|meets| meets.abs_diff(at) <= SLACK);
                meets
                    || outside.meets.is_some() && u64::try_from(outside.at_ns).is_ok_and(|start| start == at)
            })
        };
        let extra: Vec<(u64, &'static str)> = ours
            .iter()
            .filter(|(at, state)| !has_near(&theirs, *at, state) && !arranged(*at))
            .copied()
            .collect();
        for (at, state) in extra {
            self.diverge(at, format!("ours says that its interface is {state}, and it does not"), None);
        }
    }

    /// Hellos in their turn come as far apart; others have a reason.
    fn pace(&mut self, announced: &dyn Stateful, tolerance: u64) {
        let (their_turns, their_extra) = self.turns_of(&self.cast.real);
        let (our_turns, _) = self.turns_of(&self.cast.ours);
        let mean = |gaps: &[u64]| (!gaps.is_empty()).then(|| gaps.iter().sum::<u64>() / gaps.len() as u64);
        self.gaps.extend(their_turns.iter().zip(&our_turns).map(|(their, our)| their.abs_diff(*our)));
        if let (Some(theirs), Some(ours)) = (mean(&their_turns), mean(&our_turns))
            && theirs.abs_diff(ours) > tolerance
        {
            let what =
                format!("its hellos come every {} on average, ours every {}", about(theirs), about(ours));
            self.diverge(0, what, None);
        }
        let ours = self.cast.ours.in_order();
        let alone = |at: &u64| {
            span(&ours, at.saturating_sub(SLACK), at.saturating_add(SLACK), |frame| frame.at).is_empty()
        };
        let out_of_turn: Vec<u64> = their_extra.into_iter().filter(alone).collect();
        if let Some(first) = out_of_turn.first() {
            let many = if out_of_turn.len() == 1 { "a hello" } else { "hellos" };
            let what = format!("it sends {many} out of turn, {} in all", out_of_turn.len());
            let explanation = announced.out_of_turn(&out_of_turn).map(str::to_owned);
            self.diverge(*first, what, explanation);
        }
    }

    /// Pauses between hellos of one state that came in their turn, and when others came.
    fn turns_of(&self, spoken: &Spoken) -> (Vec<u64>, Vec<u64>) {
        let (mut turns, mut extra) = (Vec::new(), Vec::new());
        let mut last: Option<(u64, &'static str)> = None;
        for frame in &spoken.in_order() {
            let Some(face) = spoken.face(frame).filter(|face| face.says.kind == "hello") else { continue };
            let state = face.says.state;
            match last.filter(|(_, before)| *before == state).map(|(at, _)| frame.at - at) {
                Some(gap) if gap < self.interval * OUT_OF_TURN.0 / OUT_OF_TURN.1 => extra.push(frame.at),
                Some(gap) if gap <= self.interval + self.interval / LATE => {
                    turns.push(gap);
                    last = Some((frame.at, state));
                }
                Some(_) | None => last = Some((frame.at, state)),
            }
        }
        (turns, extra)
    }

    /// Where the capture's times are not those of the wire, and for as long as that has consequences, nothing about time
    /// can be compared.
    pub(super) fn excuse(&mut self) {
        let mut divergences = std::mem::take(&mut self.divergences);
        for divergence in divergences.iter_mut().filter(|divergence| divergence.explanation.is_none()) {
            if let Some((from, to)) = self.squeezed_at(divergence.at_ns) {
                divergence.explanation = Some(format!(
                    "frames that promise hellos every {} come within {} here: these are not the times of the wire",
                    about(self.interval),
                    about(to - from)
                ));
            }
        }
        self.divergences = divergences;
    }
}

/// Whether ours, in its own spelling, is in a state that a frame says.
fn is(ours: Option<&str>, said: &str) -> bool {
    ours.is_some_and(|ours| ours.eq_ignore_ascii_case(said))
}

/// Why ours may be in the next state already.
fn early(phase: &Phase, next: &Phase, ours: Option<&str>, announced: &dyn Stateful) -> Option<String> {
    if phase.state == "standby"
        && next.state == "active"
        && is(ours, "active")
        && next.from - phase.from <= LINGERS
    {
        return Some(format!(
            "it stays Standby for {} though nobody is active; ours goes on at once, as no rule has it wait",
            about(next.from - phase.from)
        ));
    }
    let hold = announced.hold();
    let ahead = is(ours, next.state) && next.from - phase.to <= hold / LATE + SECOND;
    ahead.then(|| {
        format!("it is later than its hold time of {} says, as such routers are; ours keeps it", about(hold))
    })
}

/// Those of `all`, which are in order, from one moment to another.
fn span<T>(all: &[T], from: u64, to: u64, at: impl Fn(&T) -> u64) -> &[T] {
    let begin = all.partition_point(|one| at(one) < from);
    let end = all.partition_point(|one| at(one) <= to);
    all.get(begin..end).unwrap_or_default()
}
