//! The picture in a page of its own: nothing is fetched from anywhere, and it can be mailed as one file.

use std::fmt::{self, Write};

use super::svg::{escape, svg};
use super::{Timeline, scale};

/// A table below the picture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Its heading.
    pub caption: String,
    /// The names of its columns.
    pub head: Vec<String>,
    /// Its rows, a cell for each column.
    pub rows: Vec<Vec<String>>,
}

const SHEET: &str = "\
body{margin:2rem;font:14px/1.5 system-ui,sans-serif;background:#fff;color:#1c2430}\
h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:2rem}\
figure{margin:0;overflow-x:auto}\
table{border-collapse:collapse}\
th,td{text-align:left;vertical-align:top;padding:.25rem 1rem .25rem 0;border-bottom:1px solid #e3e7ed}\
td{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12.5px;white-space:pre-wrap}td:first-child{white-space:pre}\
@media (prefers-color-scheme:dark){body{background:#14181f;color:#e4e9f0}th,td{border-color:#262d37}}";

/// The timeline, `tables`, and a table of its events, as a page.
pub fn html(timeline: &Timeline, tables: &[Table]) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut out, timeline, tables);
    out
}

fn write_page(out: &mut String, timeline: &Timeline, tables: &[Table]) -> fmt::Result {
    let title = escape(timeline.title.lines().next().unwrap_or("Timeline"));
    writeln!(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width\">")?;
    writeln!(out, "<meta name=\"color-scheme\" content=\"light dark\">")?;
    writeln!(
        out,
        "<title>{title}</title>\n<style>{SHEET}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<figure>"
    )?;
    out.push_str(&svg(timeline));
    writeln!(out, "</figure>")?;
    for table in tables {
        write_table(out, table)?;
    }
    let events = events(timeline);
    if !events.rows.is_empty() {
        write_table(out, &events)?;
    }
    writeln!(out, "</body>\n</html>")
}

/// Every mark but frames, as a table.
fn events(timeline: &Timeline) -> Table {
    let rows = timeline.events().into_iter().map(|event| {
        let kind = event.mark.kind.word().to_owned();
        vec![scale::exact(event.mark.at_ns), kind, event.subject(), event.sentence().to_owned()]
    });
    Table {
        caption: "Events".to_owned(),
        head: ["when", "what", "who", "how"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

fn write_table(out: &mut String, table: &Table) -> fmt::Result {
    writeln!(out, "<h2>{}</h2>\n<table>\n<thead>", escape(&table.caption))?;
    write_row(out, "th", &table.head)?;
    writeln!(out, "</thead>\n<tbody>")?;
    for row in &table.rows {
        write_row(out, "td", row)?;
    }
    writeln!(out, "</tbody>\n</table>")
}

fn write_row(out: &mut String, tag: &str, cells: &[String]) -> fmt::Result {
    out.push_str("<tr>");
    for cell in cells {
        write!(out, "<{tag}>{}</{tag}>", escape(cell))?;
    }
    writeln!(out, "</tr>")
}
