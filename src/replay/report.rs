//! Replays as text.

use std::fmt::{self, Write};

use super::compare::{Compared, Divergence, Forwarding, States, Take};
use super::observe::{Act, Standing, What};
use super::script::{Doing, Outside};
use crate::analyze::moment::{about, moment};
use crate::log::{self, note_sentence};

/// What a group of ours did, in one line.
pub fn line(act: &Act) -> String {
    let what = match &act.what {
        What::Group(note) => note_sentence(note),
        What::Sent { says, .. } => format!("sends {says}"),
        What::Announced { count, .. } => {
            format!("announces its addresses in {}", log::count(*count, "frame"))
        }
    };
    format!("{:>14}  {}: {what}", moment(act.at_ns), act.group.name)
}

/// How a group of ours stands in the end.
pub fn standing(standing: &Standing) -> String {
    let mut text = format!("{}: {}, {}", standing.group.name, standing.state, standing.reason);
    if let Some(active) = standing.active {
        text += &format!("; {active} holds the role");
    }
    let counters = standing.counters.iter().map(|(name, count)| format!("{name} {count}"));
    let counters: Vec<String> = counters.collect();
    if !counters.is_empty() {
        text += &format!("\n    {}", counters.join(", "));
    }
    text
}

/// A comparison.
pub fn compared(compared: &Compared) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_compared(&mut out, compared);
    out
}

fn write_compared(out: &mut String, compared: &Compared) -> fmt::Result {
    let Compared { group, address, frames, held_s, timing, .. } = compared;
    writeln!(out, "{group}: ours in the place of {address}")?;
    writeln!(out, "  settings: {}", compared.settings.join(", "))?;
    for outside in &compared.outside {
        writeln!(out, "  {:>14}  {}: {}", signed(outside.at_ns), doing(outside), outside.why)?;
    }
    writeln!(out, "  frames: {} of its, {} of ours", frames.real, frames.ours)?;
    writeln!(
        out,
        "  role held: {:.3} s by it, {:.3} s by ours; states differ for {} in all",
        held_s.real,
        held_s.ours,
        about((compared.differed_ms * 1e6) as u64)
    )?;
    if let Some(states) = &compared.states {
        write_states(out, states)?;
    }
    if let Some(forwarding) = &compared.forwarding {
        write_forwarding(out, forwarding)?;
    }
    let takes: Vec<String> = timing.takes.iter().map(later).collect();
    if !takes.is_empty() {
        writeln!(out, "  takes the role: {}", takes.join(", "))?;
    }
    if timing.compared > 0 {
        let ns = |ms: f64| about((ms * 1e6) as u64);
        let (median, worst) = (ns(timing.median_ms), ns(timing.worst_ms));
        writeln!(
            out,
            "  time between frames: differs by {median} (median), {worst} (worst) in {}",
            timing.compared
        )?;
    }
    if compared.left_out > 0 {
        writeln!(out, "  too many to compare, the last ones: {}", log::count(compared.left_out, "frame"))?;
    }
    let same = compared.fields.values().filter(|field| field.different == 0).count();
    let all = compared.fields.len();
    writeln!(
        out,
        "  fields: {same} of {all} the same in every frame; what each counts or signs for itself left out"
    )?;
    for divergence in &compared.divergences {
        write_divergence(out, divergence)?;
    }
    let verdict = match (compared.divergences.len(), compared.unexplained) {
        (0, _) => "no divergence".to_owned(),
        (all, 0) => format!("{}, explained", log::count(all, "divergence")),
        (all, some) => format!("{}, {some} UNEXPLAINED", log::count(all, "divergence")),
    };
    writeln!(out, "  {verdict}")
}

fn write_states(out: &mut String, states: &States) -> fmt::Result {
    let States { frames, same, tolerance_ms, entered, squeezed } = states;
    let tolerance = about((tolerance_ms * 1e6) as u64);
    writeln!(out, "  states: the same at {same} of {frames} hellos, as timers go here: within {tolerance}")?;
    if *squeezed > 0 {
        writeln!(out, "  {squeezed} of its frames have times that are not those of the wire")?;
    }
    let entered: Vec<String> =
        entered.iter().map(|entered| format!("{} {}", entered.state, later(&entered.take))).collect();
    if !entered.is_empty() {
        writeln!(out, "  enters: {}", entered.join(", "))?;
    }
    Ok(())
}

fn write_forwarding(out: &mut String, forwarding: &Forwarding) -> fmt::Result {
    let Forwarding { hellos, same, taken, counted, counters_worst_s, turns, turned, challenges, repeated } =
        forwarding;
    writeln!(out, "  forwarders: the same in {same} of {hellos} hellos")?;
    let taken: Vec<String> =
        taken.iter().map(|taken| format!("forwarder {} {}", taken.number, later(&taken.take))).collect();
    if !taken.is_empty() {
        writeln!(out, "  begins: {}", taken.join(", "))?;
    }
    if *counted > 0 {
        writeln!(out, "  time left of forwarders: differs by {counters_worst_s:.1} s (worst) in {counted}")?;
    }
    if turns.real > 0 {
        writeln!(
            out,
            "  from the next forwarder's MAC: {} of {} hellos of its, {} of {} of ours",
            turned.real, turns.real, turned.ours, turns.ours
        )?;
    }
    if *challenges > 0 {
        writeln!(out, "  repeats the same numbers of others: in {repeated} of {challenges}")?;
    }
    Ok(())
}

fn write_divergence(out: &mut String, divergence: &Divergence) -> fmt::Result {
    let Divergence { at_ns, what, explanation } = divergence;
    match explanation {
        Some(why) => writeln!(out, "  - {}: {what}: {why}", moment(*at_ns)),
        None => writeln!(out, "  ! {}: {what}", moment(*at_ns)),
    }
}

fn doing(outside: &Outside) -> &'static str {
    match outside.what {
        Doing::Start { .. } => "ours is started",
        Doing::Stop => "ours is told to leave",
        Doing::Kill => "ours is killed",
        Doing::Deafen => "ours hears nothing",
        Doing::Hear => "ours hears again",
        Doing::Change { .. } => "ours is given other settings",
    }
}

fn signed(ns: i64) -> String {
    let text = moment(ns.unsigned_abs());
    if ns < 0 { format!("-{text}") } else { text }
}

fn later(take: &Take) -> String {
    let length = about((take.late_ms.abs() * 1e6) as u64);
    match take.late_ms {
        _ if take.arranged => "when it does, as it was started for that".to_owned(),
        0.0 => "at the same moment".to_owned(),
        late if late > 0.0 => format!("{length} later"),
        _ => format!("{length} earlier"),
    }
}
