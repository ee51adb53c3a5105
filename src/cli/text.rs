//! How numbers, times and tables look to people.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, Table};
use time::OffsetDateTime;

use crate::control::shown::{Forwarder, Group};
use crate::log::printable;

/// Whether standard output is a terminal that may be coloured. See no-color.org.
pub(super) fn colourful() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A table without lines whose last column holds sentences. On a terminal that is too narrow for them each
/// sentence gets a line of its own under its row.
pub(super) struct Listing {
    table: Table,
    columns: usize,
    heading: &'static str,
    sentences: Vec<String>,
}

impl Listing {
    /// An empty one. `sentence` is the heading of the last column, empty if there are no sentences.
    pub(super) fn new(header: &[&str], sentence: &'static str) -> Listing {
        let mut table = Table::new();
        table.load_style(NOTHING);
        if !colourful() {
            table.force_no_tty();
        }
        table.set_header(header.iter().map(|name| bold(name)));
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Listing { table, columns: header.len(), heading: sentence, sentences: Vec::new() }
    }

    /// Adds a row; its cells have one line each.
    pub(super) fn add(&mut self, cells: impl IntoIterator<Item = Cell>, sentence: &str) {
        self.table.add_row(cells.into_iter().collect::<Vec<Cell>>());
        self.sentences.push(printable(sentence).into_owned());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sentences.is_empty()
    }

    pub(super) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let beside = self.fits();
        let mut lines = self.table.lines();
        if let Some(header) = lines.next() {
            writeln!(out, "{}", format!("{header}{}", if beside { self.heading } else { "" }).trim_end())?;
        }
        for (line, sentence) in lines.zip(&self.sentences) {
            match beside {
                true => writeln!(out, "{}", format!("{line}{sentence}").trim_end())?,
                false if sentence.is_empty() => writeln!(out, "{}", line.trim_end())?,
                false => writeln!(out, "{}\n    {sentence}", line.trim_end())?,
            }
        }
        Ok(())
    }

    /// Whether the sentences have room beside their rows; what is no terminal has any room.
    fn fits(&self) -> bool {
        let Some(room) = terminal_width() else { return true };
        let rows: usize = self.table.column_max_content_widths().into_iter().map(usize::from).sum();
        let longest = self.sentences.iter().map(|sentence| sentence.chars().count()).max();
        rows + 2 * self.columns + longest.unwrap_or_default() <= room
    }
}

/// Columns of the terminal, if standard output is one.
pub(super) fn terminal_width() -> Option<usize> {
    io::stdout().is_terminal().then(|| Table::new().width()).flatten().map(usize::from)
}

fn bold(text: &str) -> Cell {
    match colourful() {
        true => Cell::new(text).add_attribute(Attribute::Bold),
        false => Cell::new(text),
    }
}

/// Who is active, from where we stand.
pub(super) fn active(group: &Group) -> String {
    match group.active {
        Some(active) if group.active == group.source => format!("{active} (here)"),
        Some(active) => active.to_string(),
        None if group.standing == "holding" => "(here)".into(),
        None => "-".into(),
    }
}

/// Who forwards, from where we stand.
pub(super) fn forwards(forwarder: &Forwarder) -> String {
    match forwarder.active {
        Some(active) if forwarder.local => format!("{active} (here)"),
        Some(active) => active.to_string(),
        None => "-".into(),
    }
}

/// Its priority; a group that follows another one has none, and CARP has an interval instead.
pub(super) fn priority(group: &Group) -> String {
    match (group.priority, detail(group, "interval")) {
        (Some(priority), _) => priority.to_string(),
        (None, Some(interval)) => interval.split(':').next().unwrap_or_default().to_owned(),
        (None, None) => "-".into(),
    }
}

/// Whether it takes the role from a lower router.
pub(super) fn preempts(group: &Group) -> bool {
    detail(group, "preemption").is_some_and(|words| words.starts_with("on"))
}

/// Who is next in line, where that is elected as well.
pub(super) fn standby(group: &Group) -> String {
    match detail(group, "standby-router").or_else(|| detail(group, "standby-gateway")) {
        Some("local") => "(here)".into(),
        Some("unknown") | None => "-".into(),
        Some(router) => router.split(',').next().unwrap_or_default().to_owned(),
    }
}

fn detail<'a>(group: &'a Group, name: &str) -> Option<&'a str> {
    group.details.iter().find(|detail| detail.name == name).map(|detail| detail.value.as_str())
}

/// A cell with a daemon's text.
pub(super) fn cell(text: &str) -> Cell {
    Cell::new(printable(text))
}

/// A group's state, in its colour.
pub(super) fn state(group: &Group) -> Cell {
    let cell = cell(&group.state);
    match colour(&group.standing).filter(|_| colourful()) {
        Some(colour) => cell.fg(colour),
        None => cell,
    }
}

fn colour(standing: &str) -> Option<Color> {
    match standing {
        "holding" => Some(Color::Green),
        "standing-by" => Some(Color::Cyan),
        "down" => Some(Color::Red),
        _ => None,
    }
}

/// A protocol with its version: `VRRP 3`.
pub(super) fn protocol(group: &Group) -> String {
    format!("{} {}", group.protocol.to_uppercase(), group.version).trim_end().to_owned()
}

/// A span as people say it, in at most two units: `2h 14m`, `3.2s`, `850ms`.
pub(super) fn span(seconds: f64) -> String {
    let Ok(span) = Duration::try_from_secs_f64(seconds) else { return "?".into() };
    let whole = span.as_secs();
    match whole {
        0 => format!("{}ms", span.as_millis()),
        1..10 => format!("{:.1}s", span.as_secs_f64()),
        10..60 => format!("{whole}s"),
        60..3_600 => format!("{}m {}s", whole / 60, whole % 60),
        3_600..86_400 => format!("{}h {}m", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{}d {}h", whole / 86_400, whole % 86_400 / 3_600),
    }
}

/// Milliseconds with what is behind the point, as far as it says anything: `309.375 ms`, `1000 ms`.
pub(super) fn milliseconds(ms: f64) -> String {
    let digits = format!("{ms:.3}");
    format!("{} ms", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// A time since the Unix epoch, in UTC: `2026-11-23T03:50:40.123Z`.
pub(super) fn stamp(seconds: f64) -> String {
    let nanos =
        Duration::try_from_secs_f64(seconds).ok().and_then(|span| i128::try_from(span.as_nanos()).ok());
    let Some(at) = nanos.and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()) else {
        return format!("{seconds}");
    };
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second, milli) = at.to_hms_milli();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        let said: Vec<String> = [0.0, 0.85, 3.21, 42.9, 185.0, 8_040.0, 273_600.0].map(span).into();
        assert_eq!(said, ["0ms", "850ms", "3.2s", "42s", "3m 5s", "2h 14m", "3d 4h"]);
        assert_eq!([-1.0, f64::NAN, f64::INFINITY].map(span), ["?", "?", "?"]);
    }

    #[test]
    fn milliseconds_are_exact() {
        assert_eq!(
            [309.375, 1_000.0, 0.5, 0.0].map(milliseconds),
            ["309.375 ms", "1000 ms", "0.5 ms", "0 ms"]
        );
    }

    #[test]
    fn stamps_are_utc() {
        assert_eq!(stamp(1_763_869_840.5), "2025-11-23T03:50:40.500Z");
        assert_eq!(stamp(-1.0), "-1");
    }
}
