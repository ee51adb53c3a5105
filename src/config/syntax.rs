//! TOML's own syntax: from text to tables, and what can still be trusted of a file whose syntax is broken.

use toml::de::DeTable;

use super::fault::{Finding, Severity, Source};
use super::raw::File;
use super::reader::{Reader, Table};
use super::value::TimeSpan;

/// What was read of a file, and the syntax faults in it.
pub(super) struct Syntax {
    /// As much of the file as could be read.
    pub(super) file: File,
    faults: Vec<Finding>,
    /// From here on keys may have landed in the wrong table: a heading, bracket or brace is broken.
    adrift: usize,
}

/// Reads `text`. Faults in values go to `reader`, faults of syntax are kept.
pub(super) fn read(text: &str, reader: &mut Reader) -> Syntax {
    let (document, errors) = DeTable::parse_recoverable(text);
    let file = File::read_table(document.get_ref(), reader);
    let mut faults: Vec<Finding> = errors.iter().map(|error| finding(text, error)).collect();
    faults.sort_by_key(|fault| fault.span.start);
    // One fault a line: the others follow from the first.
    faults.dedup_by_key(|fault| line_start(text, fault.span.start));
    // After a bracket or brace that never closes nothing is what it seems to be.
    if let Some(first) = faults.iter().position(|fault| never_closes(&fault.message)) {
        let begins_before = first > 0 && faults[first].message.starts_with("missing comma");
        faults.truncate(if begins_before { first } else { first + 1 });
    }
    let adrift = faults.iter().filter(|fault| loses_tables(text, fault)).map(|fault| fault.span.start).min();
    for fault in &faults {
        blot_secrets(text, fault, reader);
    }
    Syntax { file, faults, adrift: adrift.unwrap_or(usize::MAX) }
}

/// How TOML's parser speaks of a list or an inline table that has not ended where it should.
fn never_closes(message: &str) -> bool {
    ["array elements", "unclosed array,", "in array", "key-value pairs", "inline table"]
        .iter()
        .any(|words| message.contains(words))
}

/// Whether keys behind a fault may have landed in the wrong table.
fn loses_tables(text: &str, fault: &Finding) -> bool {
    let line = line_at(text, fault.span.start).trim_start();
    let braced = line.contains('{') || fault.message.contains("multi-line");
    line.starts_with('[') || braced || never_closes(&fault.message)
}

impl Syntax {
    /// The syntax faults, and of the others those that do not follow from them.
    pub(super) fn keep_trustworthy(&self, source: &Source<'_>, findings: Vec<Finding>) -> Vec<Finding> {
        let broken: Vec<usize> = self.faults.iter().map(|fault| source.line_of(fault.span.start)).collect();
        let trusted = |finding: &Finding| {
            broken.is_empty()
                || !finding.absence
                    && finding.span.start < self.adrift
                    && !broken.contains(&source.line_of(finding.span.start))
        };
        self.faults.iter().cloned().chain(findings.into_iter().filter(trusted)).collect()
    }
}

fn finding(text: &str, error: &toml::de::Error) -> Finding {
    let mut span = error.span().unwrap_or(0..0);
    let (message, label) = match unquoted(text, span.start) {
        Some(value) => {
            let written = &text[value.clone()];
            span = value.clone();
            ("a value with letters, dots or colons needs quotes".to_owned(), format!("write \"{written}\""))
        }
        None => {
            let mut parts = error.message().splitn(2, ", ");
            let message = match parts.next().unwrap_or_default() {
                "string values must be quoted" if span.is_empty() => "this key has no value",
                message => message,
            }
            .to_owned();
            let label = match (message.as_str(), parts.next()) {
                ("duplicate key", _) => "this stands above already; keep one of them".to_owned(),
                ("string values must be quoted" | "this key has no value", _) => {
                    "text in quotes, a number, true or false".to_owned()
                }
                ("invalid basic string" | "invalid literal string", _) => {
                    "the closing quote is missing".to_owned()
                }
                ("key with no value", _) => "write `key = value`".to_owned(),
                ("missing comma between array elements", _) => {
                    "a comma before this, or the list's `]`".to_owned()
                }
                (_, Some(expected)) => expected.to_owned(),
                (_, None) => "not TOML".to_owned(),
            };
            (message, label)
        }
    };
    Finding { severity: Severity::Error, message, span, label, related: None, absence: false }
}

/// The word at a position, if it is an address, a MAC or a span of time that lacks its quotes.
fn unquoted(text: &str, at: usize) -> Option<std::ops::Range<usize>> {
    let ends = |character: char| character.is_whitespace() || "=,[]{}#\"'".contains(character);
    let start = text.get(..at)?.rfind(ends).map_or(0, |before| before + 1);
    let end = text.get(at..)?.find(ends).map_or(text.len(), |after| at + after);
    let word = text.get(start..end)?;
    let address = word.split('/').next().is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_ok());
    let bare = address || TimeSpan::parse(word).is_some() || word.parse::<fhrp::Mac>().is_ok();
    bare.then_some(start..end)
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|head| head.rfind('\n')).map_or(0, |newline| newline + 1)
}

fn line_at(text: &str, at: usize) -> &str {
    text.get(line_start(text, at)..).and_then(|rest| rest.lines().next()).unwrap_or_default()
}

/// A broken line is quoted as it stands, so what may be a secret in it is blotted out.
fn blot_secrets(text: &str, fault: &Finding, reader: &mut Reader) {
    let (start, line) = (line_start(text, fault.span.start), line_at(text, fault.span.start));
    let secret = ["password", "key"].iter().filter_map(|word| line.find(word)).min();
    if let Some(equals) = secret.and_then(|word| Some(word + line.get(word..)?.find('=')?)) {
        reader.secrets.push(start + equals + 1..start + line.len());
    }
}
