//! What is said in the end: a table for people, a document for programs, and whether it is as expected.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Color, Table, presets};
use serde::Serialize;

use super::fault::Deed;
use super::measure::Measured;
use super::scenario::{Expect, Step, Target};

/// The result of a scenario.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The scenario's title.
    pub title: String,
    /// How often the timeline was gone through.
    pub runs: u32,
    /// One for each step of the timeline.
    pub steps: Vec<StepReport>,
    /// The capture files.
    pub captures: Vec<PathBuf>,
}

/// What became of one step, over all runs.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// What was done.
    #[serde(rename = "do")]
    pub deed: Deed,
    /// To whom, as the scenario says it.
    pub router: String,
    /// Each run.
    pub runs: Vec<Measured>,
    /// Each expectation.
    pub verdicts: Vec<Verdict>,
    #[serde(skip)]
    expect: Expect,
}

/// An expectation and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether it was met.
    pub met: bool,
    /// What was expected, as the scenario says it.
    pub expected: String,
    /// What was measured instead, or as well.
    pub measured: String,
}

impl Report {
    /// Whether every expectation was met.
    pub fn passed(&self) -> bool {
        self.steps.iter().flat_map(|step| &step.verdicts).all(|verdict| verdict.met)
    }

    /// The document for programs.
    ///
    /// # Errors
    /// None that these values could provoke.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        let mut document = serde_json::to_value(self)?;
        document["passed"] = self.passed().into();
        serde_json::to_string_pretty(&document)
    }

    /// The table for people, with a line below for each expectation that was not met.
    pub fn table(&self, colour: bool) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        if !colour {
            table.force_no_tty();
        }
        let head = [
            "fault",
            "outage, ms\nmin / median / max",
            "lost\npackets",
            "twice",
            "bound\nms",
            "taken over\nafter, ms",
            "later than\nbound, ms",
            "gateway",
            "hosts\nserved",
            "as\nexpected",
        ];
        table.set_header(head);
        for step in self.steps.iter().filter(|step| step.deed != Deed::Wait) {
            table.add_row(step.row(colour));
        }
        for column in table.column_iter_mut().skip(1).take(6) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut text = format!("{}, {}\n{table}", self.title, times(self.runs));
        for step in &self.steps {
            for verdict in step.verdicts.iter().filter(|verdict| !verdict.met) {
                let Verdict { expected, measured, .. } = verdict;
                text += &format!("\n{}: expected {expected}, but {measured}", step.name());
            }
        }
        text
    }
}

fn times(runs: u32) -> String {
    if runs == 1 { "once".to_owned() } else { format!("{runs} times") }
}

impl StepReport {
    pub(crate) fn new(step: &Step) -> Self {
        let router = match &step.target {
            _ if !step.deed.has_target() => String::new(),
            Target::Active => "active".to_owned(),
            Target::Router(name) => name.clone(),
        };
        let expect = step.expect.clone();
        StepReport { deed: step.deed, router, runs: Vec::new(), verdicts: Vec::new(), expect }
    }

    fn name(&self) -> String {
        format!("{} {}", self.deed.name(), self.router).trim_end().to_owned()
    }

    /// Compares what was measured with what was expected.
    pub(crate) fn judge(&mut self) {
        let mut verdicts = Vec::new();
        let mut say = |met: bool, expected: String, measured: String| {
            verdicts.push(Verdict { met, expected, measured });
        };
        let worst = |of: &dyn Fn(&Measured) -> u64| self.runs.iter().map(of).max().unwrap_or(0);
        if let Some(most) = self.expect.outage_at_most {
            let outage = Duration::from_nanos(worst(&|run| run.outage.as_nanos() as u64));
            say(
                outage <= most,
                format!("an outage of {} ms at most", ms(most)),
                format!("{} ms", ms(outage)),
            );
        }
        if let Some(most) = self.expect.late_at_most {
            let late = median(self.lateness());
            let replaced = self.runs.iter().all(|run| run.take_over.is_some());
            let measured = match late {
                Some(late) if replaced => format!("{late:.3} ms in the median"),
                _ => "nobody took over".to_owned(),
            };
            let met = replaced && late.is_some_and(|late| late <= most.as_secs_f64() * 1e3);
            say(met, format!("a take-over {} ms after the bound at most", ms(most)), measured);
        }
        if let Some(most) = self.expect.lost_at_most {
            let lost = worst(&|run| run.lost);
            say(lost <= most, format!("{most} packets lost at most"), format!("{lost} were lost"));
        }
        if let Some(most) = self.expect.duplicated_at_most {
            let twice = worst(&|run| run.duplicated_settled);
            let expected = format!("{most} packets delivered twice once settled at most");
            say(twice <= most, expected, format!("{twice} were"));
        }
        if let Some(one) = self.expect.one_gateway {
            let met = self.runs.iter().all(|run| (run.gateways.len() == 1) == one);
            let expected = if one { "one gateway" } else { "no single gateway" };
            say(met, expected.to_owned(), format!("these answered: {}", self.gateways()));
        }
        if let Some(name) = &self.expect.gateway {
            let met = self.runs.iter().all(|run| run.gateways == [name.clone()]);
            say(met, format!("{name} as the gateway"), format!("these answered: {}", self.gateways()));
        }
        if let Some(most) = self.expect.others_lost_at_most {
            let lost = worst(&|run| run.others_lost);
            let expected = format!("{most} packets at most lost by hosts that others served");
            say(lost <= most, expected, format!("{lost} were lost"));
        }
        if let Some(carries) = &self.expect.carries {
            let wanted: BTreeMap<String, u32> = carries
                .iter()
                .filter(|(_, hosts)| **hosts > 0)
                .map(|(name, hosts)| (name.clone(), *hosts))
                .collect();
            let met = self.runs.iter().all(|run| run.carries == wanted);
            say(met, format!("hosts served: {}", shares(&wanted)), self.carries());
        }
        self.verdicts = verdicts;
    }

    /// Who served how many hosts in the end, each combination once.
    fn carries(&self) -> String {
        let mut seen: Vec<String> = Vec::new();
        for run in &self.runs {
            let text = shares(&run.carries);
            if !seen.contains(&text) {
                seen.push(text);
            }
        }
        seen.join("; ")
    }

    fn lateness(&self) -> Vec<f64> {
        self.runs.iter().filter_map(|run| Some(run.take_over.as_ref()?.late)).collect()
    }

    /// Who answered in the end, each combination once.
    fn gateways(&self) -> String {
        let mut seen: Vec<String> = Vec::new();
        for run in &self.runs {
            let who = if run.gateways.is_empty() { "nobody".to_owned() } else { run.gateways.join(" and ") };
            if !seen.contains(&who) {
                seen.push(who);
            }
        }
        seen.join(", ")
    }

    fn row(&self, colour: bool) -> Vec<Cell> {
        let mut outages: Vec<_> = self.runs.iter().map(|run| run.outage.as_secs_f64() * 1e3).collect();
        outages.sort_by(f64::total_cmp);
        let outage = match (outages.first(), median(outages.clone()), outages.last()) {
            (Some(least), Some(middle), Some(most)) => format!("{least:.1} / {middle:.1} / {most:.1}"),
            _ => String::new(),
        };
        let take_overs = || self.runs.iter().filter_map(|run| run.take_over.as_ref());
        let of = |value: fn(&super::TakeOver) -> f64| {
            median(take_overs().map(value).collect()).map_or(String::new(), |value| format!("{value:.2}"))
        };
        let total = |value: fn(&Measured) -> u64| self.runs.iter().map(value).sum::<u64>().to_string();
        let (verdict, tint) = match self.verdicts.iter().all(|verdict| verdict.met) {
            _ if self.verdicts.is_empty() => ("", Color::Reset),
            true => ("yes", Color::Green),
            false => ("NO", Color::Red),
        };
        let verdict = Cell::new(verdict);
        vec![
            Cell::new(self.name()),
            Cell::new(outage),
            Cell::new(total(|run| run.lost)),
            Cell::new(total(|run| run.duplicated)),
            Cell::new(of(|take_over| take_over.bound.as_secs_f64() * 1e3)),
            Cell::new(of(|take_over| take_over.after.as_secs_f64() * 1e3)),
            Cell::new(of(|take_over| take_over.late)),
            Cell::new(self.gateways()),
            Cell::new(self.carries()),
            if colour { verdict.fg(tint) } else { verdict },
        ]
    }
}

fn shares(carries: &BTreeMap<String, u32>) -> String {
    let all: Vec<String> = carries.iter().map(|(name, hosts)| format!("{name} {hosts}")).collect();
    all.join(", ")
}

fn ms(duration: Duration) -> String {
    let text = format!("{:.3}", duration.as_secs_f64() * 1e3);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values.get(middle).copied(),
        _ => Some((values.get(middle.checked_sub(1)?)? + values.get(middle)?) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
