//! Figures, side by side.

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Map, Value, json};

use super::daemon::Daemon;

/// What to know when reading the tables.
pub const FOOTNOTES: &str = "\
Both routers run on this machine. Between two ends of a veth pair the sender's time includes what the receiving
kernel does with the frame, up to the receiver's socket: a master's figure has part of the backup's in it.
By default firsthop computes in real time and keepalived does not: other work on the machine shows in keepalived's
figures first.
Resident memory counts shared pages for every process; proportional memory divides them among those who share.
";

/// One measured quantity.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    name: &'static str,
    unit: &'static str,
    value: f64,
    compared: bool,
}

impl Figure {
    /// A quantity of which less is better, shown with the ratio to the peer's.
    pub fn ratio(name: &'static str, unit: &'static str, value: f64) -> Figure {
        Figure { name, unit, value, compared: true }
    }

    /// A quantity that stands for itself.
    pub fn plain(name: &'static str, unit: &'static str, value: f64) -> Figure {
        Figure { compared: false, ..Figure::ratio(name, unit, value) }
    }
}

/// The value below which this part of all values lies; not a number if there are none.
pub fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len().saturating_sub(1) as f64 * part).round() as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}

/// Everything measured so far.
pub struct Report {
    about: Value,
    has_peer: bool,
    cells: Vec<Value>,
}

impl Report {
    /// About these daemons on this machine.
    pub fn new(daemons: &[Daemon]) -> Report {
        let read =
            |path| std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
        let versions: Map<_, _> = daemons
            .iter()
            .filter(|daemon| !daemon.is_extra())
            .map(|daemon| (daemon.name().to_owned(), json!(daemon.version())))
            .collect();
        let about = json!({
            "kernel": read("/proc/sys/kernel/osrelease"),
            "processors": std::thread::available_parallelism().map_or(0, |count| count.get()),
            "load before": read("/proc/loadavg"),
            "daemons": versions,
        });
        Report { about, has_peer: daemons.len() > 1, cells: Vec::new() }
    }

    /// What stands above the tables.
    pub fn head(&self) -> String {
        let mut text = format!(
            "Linux {}, {} processors, load {}\n",
            self.about["kernel"].as_str().unwrap_or_default(),
            self.about["processors"],
            self.about["load before"].as_str().unwrap_or_default()
        );
        for (name, version) in self.about["daemons"].as_object().into_iter().flatten() {
            text += &format!("{name}: {}\n", version.as_str().unwrap_or_default());
        }
        if !self.has_peer {
            text += "keepalived is not installed: no ratios\n";
        }
        text + "\n"
    }

    /// Takes the figures of one cell, of each daemon; the table that shows them.
    pub fn add(&mut self, part: &str, title: &str, figures: Vec<(Daemon, Result<Vec<Figure>>)>) -> String {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        let mut header = vec![String::new()];
        header.extend(figures.iter().map(|(daemon, _)| daemon.name().to_owned()));
        if figures.len() > 1 {
            header.push("keepalived ÷ firsthop".to_owned());
        }
        table.set_header(header);
        let measured: Vec<_> = figures.iter().map(|(_, figures)| figures.as_deref().unwrap_or(&[])).collect();
        let rows = measured.iter().copied().find(|figures| !figures.is_empty()).unwrap_or(&[]);
        for (number, row) in rows.iter().enumerate() {
            let mut cells = vec![row.name.to_owned()];
            cells.extend(measured.iter().map(|figures| figures.get(number).map_or("-".to_owned(), shown)));
            if measured.len() > 1 {
                let pair = (measured[0].get(number), measured[1].get(number));
                cells.push(ratio(pair).map_or(String::new(), |ratio| format!("{ratio:.2}")));
            }
            table.add_row(cells);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut text = format!("{title}\n\n{table}\n");
        for (daemon, result) in &figures {
            if let Err(error) = result {
                text += &format!("{}: {error:#}\n", daemon.name());
            }
        }
        self.cells.push(document(part, title, &figures));
        text
    }

    /// Everything, for programs.
    pub fn json(&self) -> Value {
        json!({ "about": self.about, "cells": self.cells })
    }
}

/// How many times ours the peer's figure is, where that says something.
fn ratio((ours, theirs): (Option<&Figure>, Option<&Figure>)) -> Option<f64> {
    let (ours, theirs) = (ours?, theirs?);
    let says_something = ours.compared && ours.value > 0.0 && theirs.value > 0.0;
    says_something.then(|| theirs.value / ours.value)
}

fn shown(figure: &Figure) -> String {
    let Figure { unit, value, .. } = figure;
    let digits = match value.abs() {
        _ if unit.is_empty() => 0,
        below if below < 10.0 => 3,
        below if below < 100.0 => 2,
        below if below < 1000.0 => 1,
        _ => 0,
    };
    if value.is_nan() { "-".to_owned() } else { format!("{value:.digits$} {unit}").trim_end().to_owned() }
}

fn document(part: &str, title: &str, figures: &[(Daemon, Result<Vec<Figure>>)]) -> Value {
    let mut daemons = Map::new();
    for (daemon, result) in figures {
        let value = match result {
            Ok(figures) => figures
                .iter()
                .map(|figure| (figure.name.to_owned(), json!({ "value": figure.value, "unit": figure.unit })))
                .collect::<Map<_, _>>()
                .into(),
            Err(error) => json!({ "error": format!("{error:#}") }),
        };
        daemons.insert(daemon.name().to_owned(), value);
    }
    json!({ "part": part, "title": title, "daemons": daemons })
}
