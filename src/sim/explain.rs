//! A run for people to look at: what it was made of, what happened, a timeline, and every frame.

use std::fmt::Write as _;
use std::io;

use super::campaign::run_safely;
use super::clock::{Moment, SECOND};
use super::invariant::Violation;
use super::record::{Line, LineKind, Record, StateChange};
use super::scenario::{Scenario, router_name};
use super::segment::Port;
use super::world::run;
use crate::capture::{Direction, Writer};
use crate::draw::{Lane, Mark, MarkKind, Role, Span, Timeline};

/// A capture needs a date: the simulated routers' own.
const EPOCH: u64 = 1_800_000_000 * SECOND;

/// A run, made again with everything written down.
pub struct Explained {
    scenario: Scenario,
    /// What it broke, if anything.
    pub violation: Option<Violation>,
    record: Record,
    ended: Moment,
}

impl Explained {
    /// Runs a scenario again. Of one that panics, no more is known than that.
    pub fn new(scenario: &Scenario) -> Self {
        let outcome = run_safely(scenario);
        let panics = outcome.violation.as_ref().is_some_and(|violation| violation.panics());
        let outcome = if panics { outcome } else { run(scenario, true) };
        Explained {
            scenario: scenario.clone(),
            violation: outcome.violation,
            record: outcome.record.unwrap_or_default(),
            ended: outcome.stats.simulated_ns,
        }
    }

    /// All that can be said in `width` columns.
    pub fn text(&self, width: usize) -> String {
        let mut text = self.settings();
        text.push_str("\nScript\n");
        for deed in &self.scenario.deeds {
            let _ = writeln!(text, "  {:>12}  {deed}", seconds(deed.at_us * 1_000));
        }
        if !self.scenario.lost.is_empty() {
            let _ = writeln!(text, "  lost besides: messages {:?} between routers", self.scenario.lost);
        }
        text.push_str("\nWhat happened\n");
        for line in &self.record.lines {
            let _ = writeln!(text, "  {:>12}  {:<10} {}", seconds(line.at), who(line), what(line));
        }
        text.push('\n');
        text.push_str(&crate::draw::text(&self.timeline(), width));
        text.push('\n');
        match &self.violation {
            Some(violation) => {
                let _ = writeln!(text, "Violation: {violation}");
                let _ = writeln!(text, "  must be: {}", violation.breach.invariant.statement());
            }
            None => text.push_str("Nothing that must not be.\n"),
        }
        text
    }

    fn settings(&self) -> String {
        let mut text = String::new();
        let Scenario { network, routers, groups, .. } = &self.scenario;
        let _ = writeln!(
            text,
            "{} routers, {} hosts; frames take {} to {} µs",
            routers.len(),
            self.scenario.hosts.len(),
            network.delay_us,
            network.delay_us + network.jitter_us
        );
        for (number, group) in groups.iter().enumerate() {
            let _ = writeln!(text, "group {number}: {group}");
            for (router, machine) in routers.iter().enumerate() {
                let member = group.member_in_words(router);
                let side = if machine.far { ", on the far switch" } else { "" };
                let _ = writeln!(
                    text,
                    "  {} (.{}): {member}; clock {:+} ppm{side}",
                    router_name(router),
                    machine.address,
                    machine.drift_ppm
                );
            }
        }
        text
    }

    /// The picture: a lane for each router in each group.
    pub fn timeline(&self) -> Timeline {
        let mut timeline = Timeline {
            title: match &self.violation {
                Some(violation) => format!("A simulated LAN\n{violation}"),
                None => "A simulated LAN".to_owned(),
            },
            from_ns: 0,
            to_ns: self.ended,
            lanes: Vec::new(),
            marks: Vec::new(),
        };
        for (group, setup) in self.scenario.groups.iter().enumerate() {
            for router in 0..self.scenario.routers.len() {
                let of_this = |line: &&Line| {
                    line.router == Some(router) && line.group.is_none_or(|number| number == group)
                };
                let lines = self.record.lines.iter().filter(of_this);
                timeline.lanes.push(Lane {
                    label: router_name(router),
                    group: format!("group {group}, {}", setup.name()),
                    spans: self.spans(router, group),
                    marks: lines.filter_map(|line| self.mark(line)).collect(),
                });
            }
        }
        let everybody = self.record.lines.iter().filter(|line| line.router.is_none());
        timeline.marks = everybody.filter_map(|line| self.mark(line)).collect();
        timeline
    }

    fn spans(&self, router: usize, group: usize) -> Vec<Span> {
        let of_this = |change: &&StateChange| change.router == router && change.group == group;
        let changes: Vec<&StateChange> = self.record.states.iter().filter(of_this).collect();
        let ends = changes.iter().skip(1).map(|next| next.at).chain([self.ended]);
        let spans = changes.iter().zip(ends).filter(|(change, _)| change.state != "off");
        spans
            .map(|(change, end)| Span {
                from_ns: change.at,
                to_ns: end,
                role: role(change.state),
                label: change.state.to_owned(),
                detail: format!("{} from {} to {}", change.state, seconds(change.at), seconds(end)),
            })
            .collect()
    }

    fn mark(&self, line: &Line) -> Option<Mark> {
        let kind = match line.kind {
            LineKind::Fault => MarkKind::Fault,
            LineKind::Repair => MarkKind::Repair,
            LineKind::Wish => MarkKind::Command,
            LineKind::Transition if ["→ Active", "→ MASTER"].iter().any(|to| line.text.contains(to)) => {
                MarkKind::TakeOver
            }
            LineKind::Finding => MarkKind::Problem,
            LineKind::Transition | LineKind::Note => return None,
        };
        let label = match kind {
            MarkKind::TakeOver => "takes over".to_owned(),
            _ => line.text.split([':', ',']).next().unwrap_or_default().to_owned(),
        };
        Some(Mark { at_ns: line.at, kind, label, detail: line.text.clone() })
    }

    /// Every frame that came into the switches, as pcapng.
    ///
    /// # Errors
    /// What the file says.
    pub fn capture(&self, to: impl io::Write) -> io::Result<()> {
        let mut writer = Writer::new(to)?;
        for frame in &self.record.frames {
            let comments: Vec<String> = frame.remark.map(str::to_owned).into_iter().collect();
            let port = self.port_name(frame.port);
            writer.frame(&port, EPOCH + frame.at, Direction::Inbound, &frame.octets, &comments)?;
        }
        writer.flush()
    }

    fn port_name(&self, port: Port) -> String {
        let routers = self.scenario.routers.len();
        let hosts = self.scenario.hosts.len();
        match port.checked_sub(routers) {
            None => router_name(port),
            Some(host) if host < hosts => format!("h{}", host + 1),
            Some(_) => "stranger".to_owned(),
        }
    }
}

fn role(state: &str) -> Role {
    match state {
        "Active" => Role::Holding,
        "Leaving" => Role::Partial,
        "Backup" | "Standby" | "Speak" | "Listen" => Role::StandingBy,
        _ => Role::Down,
    }
}

fn who(line: &Line) -> String {
    match (line.router, line.group) {
        (Some(router), Some(group)) => format!("{} {group}", router_name(router)),
        (Some(router), None) => router_name(router),
        (None, Some(group)) => format!("group {group}"),
        (None, None) => String::new(),
    }
}

fn what(line: &Line) -> String {
    match line.kind {
        LineKind::Fault | LineKind::Wish => format!("▶ {}", line.text),
        LineKind::Repair => format!("◀ {}", line.text),
        LineKind::Finding => format!("✗ {}", line.text),
        LineKind::Transition | LineKind::Note => line.text.clone(),
    }
}

fn seconds(moment: Moment) -> String {
    format!("{}.{:06} s", moment / SECOND, moment % SECOND / 1_000)
}
