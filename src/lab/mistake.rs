//! Mistakes in a scenario file, shown where they are.

use std::fmt;
use std::ops::Range;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub what: String,
    text: String,
    width: usize,
}

/// All mistakes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    file: String,
    source: String,
    found: Vec<Mistake>,
}

impl Mistakes {
    pub(crate) fn new(file: &str, source: &str) -> Self {
        Mistakes { file: file.to_owned(), source: source.to_owned(), found: Vec::new() }
    }

    /// Adds one about these octets of the source.
    pub(crate) fn push(&mut self, place: Range<usize>, what: String) {
        // A place that is none (the parser has been known to point behind the end) is shown as the start.
        let (before, rest) = self.source.split_at_checked(place.start).unwrap_or(("", &self.source));
        let marked = rest.get(..place.len()).unwrap_or_default().lines().next().unwrap_or_default();
        let (_, same_line) = before.rsplit_once('\n').unwrap_or(("", before));
        self.found.push(Mistake {
            line: before.matches('\n').count() + 1,
            column: same_line.chars().count() + 1,
            what,
            text: format!("{same_line}{}", rest.lines().next().unwrap_or_default()),
            width: marked.chars().count().max(1),
        });
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Every one.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.found.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, mistake) in self.found.iter().enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            let Mistake { line, column, what, text, width } = mistake;
            let margin = line.to_string();
            writeln!(f, "error: {}", what.trim_end())?;
            writeln!(f, "{:>1$} {2}:{line}:{column}", "-->", margin.len() + 3, self.file)?;
            writeln!(f, "{margin} | {text}")?;
            write!(f, "{:1$} | {2:3$}", "", margin.len(), "", column - 1)?;
            write!(f, "{}", "^".repeat(*width))?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
