//! What is wrong with a configuration file, where, and what to write instead; shown as compilers do it.
//!
//! ```text
//! error: priority 300 is out of range
//!   --> etc/two-routers.toml:14:12
//! 14 | priority = 300
//!    |            ^^^ 1 to 254; an address owner says `owner = true` instead (RFC 9568 §5.2.4)
//! ```
//!
//! Secrets never show: the characters of a password or key are replaced by `*` in the line that is quoted.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// Lines with more characters are quoted in part.
const WIDEST_QUOTE: usize = 120;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The configuration is not used.
    Error,
    /// It is used, and an operator should know.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// A piece of a file, on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// How many characters of the line are meant; at least 1.
    pub length: usize,
    /// The line, or the part around `column` if it is long; secrets blotted out.
    pub text: String,
    /// How many characters of `text` stand before what is meant.
    #[serde(skip)]
    pub indent: usize,
    /// What is to be said about this piece.
    pub label: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as a clause.
    pub message: String,
    /// The file, as it was named.
    pub file: String,
    /// The offending text, labelled with what to write instead; `None` if the file could not be read at all.
    pub place: Option<Place>,
    /// Another piece of the file that this is about: the first of two that collide.
    pub related: Option<Place>,
}

/// A fault that does not keep the configuration from being used.
pub type Warning = Fault;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.message)?;
        let Some(place) = &self.place else { return Ok(()) };
        let last_line = self.related.as_ref().map_or(place.line, |related| related.line.max(place.line));
        let gutter = last_line.to_string().len();
        write!(f, "\n{:gutter$}--> {}:{}:{}", "", self.file, place.line, place.column)?;
        snippet(f, place, gutter, '^')?;
        if let Some(related) = &self.related {
            write!(f, "\n{:gutter$}::: {}:{}:{}", "", self.file, related.line, related.column)?;
            snippet(f, related, gutter, '-')?;
        }
        Ok(())
    }
}

fn snippet(f: &mut fmt::Formatter<'_>, place: &Place, gutter: usize, mark: char) -> fmt::Result {
    write!(f, "\n{:gutter$} | {}", place.line, place.text)?;
    // Tabs stay tabs, so that the marks stand under what they mean however wide a tab is shown.
    let indent: String = place
        .text
        .chars()
        .chain(std::iter::repeat(' '))
        .take(place.indent)
        .map(|character| if character == '\t' { '\t' } else { ' ' })
        .collect();
    let marks: String = std::iter::repeat_n(mark, place.length).collect();
    write!(f, "\n{:gutter$} | {indent}{marks} {}", "", place.label)
}

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// The faults, warnings among them.
    pub faults: Vec<Fault>,
    /// Whether the file could not be read at all, so that nothing is known of what it says.
    pub unreadable: bool,
}

impl Faults {
    /// How many of them are errors.
    pub fn errors(&self) -> usize {
        self.faults.iter().filter(|fault| fault.severity == Severity::Error).count()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            write!(f, "{fault}\n\n")?;
        }
        let count = |number: usize, what: &str| match number {
            1 => format!("1 {what}"),
            _ => format!("{number} {what}s"),
        };
        write!(f, "{}", count(self.errors(), "error"))?;
        match self.faults.len() - self.errors() {
            0 => Ok(()),
            warnings => write!(f, ", {}", count(warnings, "warning")),
        }
    }
}

impl std::error::Error for Faults {}

/// A fault that still points into the text by octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) span: Range<usize>,
    pub(super) label: String,
    pub(super) related: Option<(Range<usize>, String)>,
    /// Something is not there. It may well be, in a file whose syntax is broken.
    pub(super) absence: bool,
}

/// The text of a file, for quoting from it.
pub(super) struct Source<'t> {
    file: &'t str,
    text: String,
    /// Where each line starts.
    lines: Vec<usize>,
}

impl<'t> Source<'t> {
    /// Blots out `secrets` in what will be quoted.
    pub(super) fn new(file: &'t str, text: &str, secrets: &[Range<usize>]) -> Self {
        let mut hidden = vec![false; text.len()];
        for secret in secrets {
            if let Some(octets) = hidden.get_mut(secret.clone()) {
                octets.fill(true);
            }
        }
        let show = |(at, character): (usize, char)| match character {
            '\n' | '\t' => character,
            '\r' => ' ',
            _ if hidden[at] || character.is_control() => '*',
            _ => character,
        };
        let mut shown = String::with_capacity(text.len());
        for (at, character) in text.char_indices() {
            let blot = show((at, character));
            // A blot is as long in octets as what it hides, so that spans stay true.
            let repeats = if blot == character { 1 } else { character.len_utf8() };
            shown.extend(std::iter::repeat_n(blot, repeats));
        }
        let behind = |(at, _): (usize, &str)| at + 1;
        let lines = std::iter::once(0).chain(shown.match_indices('\n').map(behind)).collect();
        Source { file, text: shown, lines }
    }

    /// The line a position is on, from 1.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    pub(super) fn fault(&self, finding: Finding) -> Fault {
        Fault {
            severity: finding.severity,
            message: finding.message,
            file: self.file.to_owned(),
            place: Some(self.place(finding.span, finding.label)),
            related: finding.related.map(|(span, label)| self.place(span, label)),
        }
    }

    fn place(&self, span: Range<usize>, label: String) -> Place {
        let head = self.text.get(..span.start).unwrap_or(&self.text);
        let number = self.line_of(head.len());
        let start = self.lines.get(number - 1).copied().unwrap_or_default();
        let line = self.text[start..].lines().next().unwrap_or_default();
        let before = head.len() - start;
        let meant = line.get(before..(before + span.len()).min(line.len())).unwrap_or_default();
        let column = head[start..].chars().count();
        let length = meant.chars().count().max(1);
        let (text, indent) = window(line.trim_end(), column);
        Place {
            line: number,
            column: column + 1,
            // What is cut off is not marked either.
            length: length.min(text.chars().count().saturating_sub(indent)).max(1),
            text,
            indent,
            label,
        }
    }
}

/// The part of a long line that shows what stands behind `column` characters, and how many stand before that.
fn window(line: &str, column: usize) -> (String, usize) {
    let length = line.chars().count();
    if length <= WIDEST_QUOTE {
        return (line.to_owned(), column);
    }
    let first = column.saturating_sub(WIDEST_QUOTE / 2).min(length - WIDEST_QUOTE);
    let shown = line.chars().skip(first).take(WIDEST_QUOTE);
    let head = if first > 0 { "…" } else { "" };
    let tail = if first + WIDEST_QUOTE < length { "…" } else { "" };
    let text = format!("{head}{}{tail}", shown.collect::<String>());
    (text, column - first + head.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(span: Range<usize>) -> Finding {
        Finding {
            severity: Severity::Error,
            message: "wrong".into(),
            span,
            label: "right".into(),
            related: None,
            absence: false,
        }
    }

    #[test]
    fn marks_stand_under_what_they_mean() {
        let source = Source::new("f.toml", "a = 1\n\tü = \"ß\"\n", &[]);
        let shown = source.fault(finding(12..16)).to_string();
        assert_eq!(shown, "error: wrong\n --> f.toml:2:6\n2 | \tü = \"ß\"\n  | \t    ^^^ right");
    }

    #[test]
    fn a_span_is_cut_at_the_end_of_its_line_and_never_empty() {
        let source = Source::new("f", "abc\ndef", &[]);
        assert_eq!(source.fault(finding(1..6)).place.map(|place| place.length), Some(2));
        assert_eq!(source.fault(finding(3..3)).place.map(|place| (place.column, place.length)), Some((4, 1)));
        assert_eq!(source.fault(finding(7..7)).place.map(|place| (place.line, place.column)), Some((2, 4)));
        assert_eq!(source.fault(finding(99..100)).place.map(|place| place.line), Some(2));
    }

    #[test]
    fn secrets_are_blotted_out() {
        let source = Source::new("f", "password = \"sécret\"", std::slice::from_ref(&(12..19)));
        let place = source.fault(finding(11..20)).place.unwrap();
        assert_eq!(place.text, "password = \"*******\"");
    }

    #[test]
    fn what_could_move_a_cursor_is_not_shown() {
        let source = Source::new("f", "a = \u{1b}[2J\r\nb\r\n", &[]);
        assert_eq!(source.fault(finding(4..5)).place.unwrap().text, "a = *[2J");
        assert_eq!(source.fault(finding(10..11)).place.unwrap().text, "b");
    }

    #[test]
    fn a_long_line_is_quoted_around_what_is_meant() {
        let line = format!("{}wrong{}", "x".repeat(200), "y".repeat(200));
        let shown = Source::new("f", &line, &[]).fault(finding(200..205)).place.unwrap();
        assert_eq!((shown.column, shown.length), (201, 5));
        let marked: String = shown.text.chars().skip(shown.indent).take(shown.length).collect();
        assert_eq!(marked, "wrong");
        assert_eq!(shown.text.chars().count(), WIDEST_QUOTE + 2);
    }
}
