//! The same timeline with block characters, for terminals, mails and log files.
//!
//! ```text
//!                     0 s       1 s       2 s
//! vrrp 10  10.0.10.2  █████████─ ········────
//!          10.0.10.3  ──────────◆████████████
//! ```

use super::place::columns;
use super::scale::{Scale, exact};
use super::{Lane, MarkKind, Role, Timeline};

/// The narrowest time axis.
const NARROWEST: usize = 24;

/// Draws a timeline that is `width` columns wide, a list of its events below. A narrow terminal gets the axis
/// at its narrowest all the same.
pub fn text(timeline: &Timeline, width: usize) -> String {
    let groups = timeline.lanes.iter().map(|lane| columns(&clean(&lane.group))).max().unwrap_or(0);
    let labels = timeline.lanes.iter().map(|lane| columns(&clean(&lane.label))).max().unwrap_or(0);
    let column = |width: usize| if width > 0 { width + 2 } else { 0 };
    let left = column(groups) + column(labels);
    let plot = width.saturating_sub(left + 1).max(NARROWEST);
    let scale = Scale::new(timeline.from_ns, timeline.to_ns, 0.0, plot as f64);
    let mut lines: Vec<String> = timeline.title.lines().map(clean).collect();
    lines.push(format!("{}{}", " ".repeat(left), axis(&scale, plot)));
    let everybody = overlay(timeline.marks.iter(), &scale, vec![' '; plot]);
    if everybody.iter().any(|letter| *letter != ' ') {
        lines.push(format!("{}{}", " ".repeat(left), String::from_iter(everybody)));
    }
    let mut last = None;
    for lane in &timeline.lanes {
        let heading = if last == Some(&lane.group) { String::new() } else { clean(&lane.group) };
        last = Some(&lane.group);
        let cells = overlay(lane.marks.iter(), &scale, bars(lane, &scale, plot));
        let heading = padded(&heading, column(groups)) + &padded(&clean(&lane.label), column(labels));
        lines.push(heading + &String::from_iter(cells));
    }
    let mut text: String = lines.iter().map(|line| format!("{}\n", line.trim_end())).collect();
    text += &legend(timeline, width.max(NARROWEST + left));
    text += &events(timeline, width.max(NARROWEST + left));
    text
}

/// Tick labels, each beginning at its tick; those that would touch are left out.
fn axis(scale: &Scale, plot: usize) -> String {
    let mut line = String::new();
    for (at, label) in scale.ticks((plot as u64 / 12).max(1)) {
        let place = cell(scale, at, plot);
        let from = columns(&line);
        if (from == 0 || from < place) && place + columns(&label) <= plot {
            line += &" ".repeat(place - from);
            line += &label;
        }
    }
    line
}

fn cell(scale: &Scale, at_ns: u64, plot: usize) -> usize {
    (scale.place(at_ns) as usize).min(plot - 1)
}

/// The strongest role of each column.
fn bars(lane: &Lane, scale: &Scale, plot: usize) -> Vec<char> {
    let mut roles: Vec<Option<Role>> = vec![None; plot];
    for span in &lane.spans {
        if span.to_ns < span.from_ns || scale.is_outside(span.from_ns, span.to_ns) {
            continue;
        }
        let (from, to) = (scale.place(span.from_ns), scale.place(span.to_ns));
        // A column belongs to what fills its middle; what fills none has one all the same.
        let first = ((from - 0.5).ceil().max(0.0) as usize).min(plot - 1);
        let end = ((to - 0.5).ceil().max(0.0) as usize).clamp(first + 1, plot);
        for role in &mut roles[first..end] {
            *role = (*role).max(Some(span.role));
        }
    }
    roles.into_iter().map(|role| role.map_or(' ', block)).collect()
}

/// Marks over what is there.
fn overlay<'a>(
    marks: impl Iterator<Item = &'a super::Mark>,
    scale: &Scale,
    mut cells: Vec<char>,
) -> Vec<char> {
    let plot = cells.len();
    let mut there: Vec<Option<MarkKind>> = vec![None; plot];
    for mark in marks.filter(|mark| mark.kind != MarkKind::Frame && scale.shows(mark.at_ns)) {
        let place = cell(scale, mark.at_ns, plot);
        if there[place].is_none_or(|kind| mark.kind < kind) {
            there[place] = Some(mark.kind);
            cells[place] = symbol(mark.kind);
        }
    }
    cells
}

fn block(role: Role) -> char {
    match role {
        Role::Down => '·',
        Role::Unknown => ' ',
        Role::StandingBy => '─',
        Role::Partial => '▒',
        Role::Holding => '█',
        Role::Forwarder(number) => char::from_digit(u32::from(number) % 10, 10).unwrap_or('▓'),
        Role::Trouble => '!',
    }
}

fn symbol(kind: MarkKind) -> char {
    match kind {
        MarkKind::Frame => '╵',
        MarkKind::TakeOver => '◆',
        MarkKind::Fault => '✗',
        MarkKind::Repair => '✓',
        MarkKind::Problem => '▲',
        MarkKind::Command => '▶',
        MarkKind::Notice => '■',
    }
}

/// What the characters mean, of those in use.
fn legend(timeline: &Timeline, width: usize) -> String {
    let lanes = || timeline.lanes.iter();
    let mut roles: Vec<Role> = lanes().flat_map(|lane| lane.spans.iter().map(|span| span.role)).collect();
    roles.retain(|role| *role != Role::Unknown);
    roles.sort_unstable();
    roles.dedup();
    let own = lanes().flat_map(|lane| &lane.marks);
    let mut kinds: Vec<MarkKind> = timeline.marks.iter().chain(own).map(|mark| mark.kind).collect();
    kinds.retain(|kind| *kind != MarkKind::Frame);
    kinds.sort_unstable();
    kinds.dedup();
    let words = roles.into_iter().map(|role| format!("{} {}", block(role), role.word()));
    let words = words.chain(kinds.into_iter().map(|kind| format!("{} {}", symbol(kind), kind.word())));
    let mut text = String::new();
    let mut used = width;
    for word in words {
        let between = if used + 3 + columns(&word) > width { "\n" } else { "   " };
        used = if between == "\n" { 0 } else { used + 3 } + columns(&word);
        text = text + between + &word;
    }
    if text.is_empty() { text } else { format!("\n{}\n", text.trim_start()) }
}

/// One event a line, continued below itself where the terminal is narrow.
fn events(timeline: &Timeline, width: usize) -> String {
    let mut text = String::new();
    let events = timeline.events();
    let subjects = events.iter().map(|event| columns(&clean(&event.subject()))).max().unwrap_or(0);
    for event in &events {
        let when = exact(event.mark.at_ns);
        let subject = padded(&clean(&event.subject()), subjects);
        let head = format!("{when:>12}  {:<9}  {subject}  ", event.mark.kind.word());
        let sentence = clean(event.sentence());
        text += if text.is_empty() { "\n" } else { "" };
        let room = width.saturating_sub(columns(&head));
        let (indent, room) = if room >= 30 { (columns(&head), room) } else { (4, width.saturating_sub(4)) };
        let mut lines = wrapped(&sentence, room).into_iter();
        let first = if indent == 4 { String::new() } else { lines.next().unwrap_or_default() };
        text += format!("{head}{first}").trim_end();
        text.push('\n');
        for line in lines {
            text += &format!("{}{line}\n", " ".repeat(indent));
        }
    }
    text
}

/// Lines of at most `room` columns, broken at spaces; a longer word has a line of its own.
fn wrapped(sentence: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in sentence.split_whitespace() {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Text that does nothing to a terminal but stand there.
fn clean(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter })
        .collect()
}
