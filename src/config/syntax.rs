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
    /// A heading or bracket is broken: keys may have landed in the wrong table.
    adrift: bool,
}

/// Reads `text`. Faults in values go to `reader`, faults of syntax are kept.
pub(super) fn read(text: &str, reader: &mut Reader) -> Syntax {
    let (document, errors) = DeTable::parse_recoverable(text);
    let file = File::read_table(document.get_ref(), reader);
    let mut faults: Vec<Finding> = errors.iter().map(|error| finding(text, error)).collect();
    faults.sort_by_key(|fault| fault.span.start);
    // One fault a line: the others follow from the first.
    faults.dedup_by_key(|fault| line_start(text, fault.span.start));
    // After a bracket that never closes nothing is what it seems to be.
    if let Some(first) = faults.iter().position(|fault| fault.message.contains("array element")
        || fault.message.contains("unclosed array,"))
    {
        faults.truncate(first + 1);
    }
    let adrift = faults.iter().any(|fault| {
        let line = line_at(text, fault.span.start);
        line.trim_start().starts_with('[') || fault.message.contains("array") || fault.message.contains("multi-line")
    });
    for fault in &faults {
        blot_secrets(text, fault, reader);
    }
    Syntax { file, faults, adrift }
}

impl Syntax {
    /// The syntax faults, and of the others those that do not follow from them.
    pub(super) fn keep_trustworthy(&self, source: &Source<'_>, findings: Vec<Finding>) -> Vec<Finding> {
        let broken: Vec<usize> = self.faults.iter().map(|fault| source.line_of(fault.span.start)).collect();
        let trusted = |finding: &Finding| {
            broken.is_empty()
                || !self.adrift && !finding.absence && !broken.contains(&source.line_of(finding.span.start))
        };
        self.faults.iter().cloned().chain(findings.into_iter().filter(trusted)).collect()
    }
}

fn finding(text: &str, error: &toml::de::Error) -> Finding {
    let mut span = error.span().unwrap_or(0..0);
    let line = line_at(text, span.start);
    let (message, label) = match unquoted(line) {
        Some(value) => {
            let at = line_start(text, span.start) + line.find(value).unwrap_or_default();
            span = at..at + value.len();
            ("a value with letters, dots or colons needs quotes".to_owned(), format!("write \"{value}\""))
        }
        None => {
            let mut parts = error.message().splitn(2, ", ");
            let message = parts.next().unwrap_or_default().to_owned();
            let label = match (message.as_str(), parts.next()) {
                ("duplicate key", _) => "this stands above already; keep one of them".to_owned(),
                ("string values must be quoted", _) => "a value: text in quotes, a number, true or false".to_owned(),
                (_, Some(expected)) => expected.to_owned(),
                (_, None) => "not TOML".to_owned(),
            };
            (message, label)
        }
    };
    Finding { severity: Severity::Error, message, span, label, related: None, absence: false }
}

/// The bare value of a line `key = 100ms` or `key = 10.0.0.1/24`.
fn unquoted(line: &str) -> Option<&str> {
    let (_, value) = line.split_once('=')?;
    let value = value.split('#').next()?.trim();
    let address = value.split('/').next().is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_ok());
    let bare = address || TimeSpan::parse(value).is_some() || value.parse::<fhrp::Mac>().is_ok();
    bare.then_some(value)
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
