//! The picture: self-contained SVG with generic fonts, on a ground of its own, for light and dark screens.

use std::fmt::{self, Write};

use super::lane::{self, Row, Sizes};
use super::place::{self, Placed, Wanted};
use super::scale::{self, Scale};
use super::{Mark, MarkKind, Role, Timeline, style};

const MARGIN: f64 = 16.0;
/// Width of the time axis, unless a label needs more.
const PLOT: f64 = 880.0;
/// Space between a column of labels and what follows.
const COLUMN_GAP: f64 = 14.0;
const TITLE: f64 = 15.0;
const SMALL: f64 = 11.0;
/// The widest label that a tick may have: `1234567.123456789 s`.
const TICK_LABEL: f64 = 140.0;
/// Height of a row of labels above the lanes.
const HEAD_ROW: f64 = 15.0;
/// Rows of labels above the lanes, at most.
const HEAD_ROWS: usize = 8;
/// Lanes from which on rows are narrow and the axis is repeated below.
const MANY: usize = 24;

/// Draws a timeline.
pub fn svg(timeline: &Timeline) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = Picture::new(timeline).draw(&mut out);
    out
}

/// Everything measured, nothing drawn yet.
struct Picture<'a> {
    timeline: &'a Timeline,
    sizes: Sizes,
    scale: Scale,
    /// Where the lanes' own labels begin, right of the headings.
    label_left: f64,
    /// Baseline of the tick labels.
    axis: f64,
    /// Labels of what concerns everybody.
    head: Vec<Option<Placed>>,
    head_rows: usize,
    rows: Vec<Row>,
    lanes_bottom: f64,
}

impl<'a> Picture<'a> {
    fn new(timeline: &'a Timeline) -> Self {
        let sizes = if timeline.lanes.len() > MANY { lane::NARROW } else { lane::ROOMY };
        let widest = |texts: &mut dyn Iterator<Item = &String>| {
            let width = texts.map(|text| place::width(text, sizes.font)).fold(0.0, f64::max);
            if width > 0.0 { width + COLUMN_GAP } else { 0.0 }
        };
        let label_left = MARGIN + widest(&mut timeline.lanes.iter().map(|lane| &lane.group));
        let left = label_left + widest(&mut timeline.lanes.iter().map(|lane| &lane.label));
        let left = left.max(MARGIN + TICK_LABEL / 2.0);
        let scale = Scale::new(timeline.from_ns, timeline.to_ns, left, plot_width(timeline, sizes));
        let head = place_head(timeline, &scale);
        let head_rows = head.iter().flatten().map(|place| place.row + 1).max().unwrap_or(0);
        let title_lines = timeline.title.lines().count() as f64;
        let axis = MARGIN + title_lines * 20.0 + 14.0;
        let mut top = axis + 10.0 + head_rows as f64 * HEAD_ROW + 12.0;
        let mut rows: Vec<Row> = Vec::with_capacity(timeline.lanes.len());
        for (place, lane) in timeline.lanes.iter().enumerate() {
            if place > 0 && timeline.lanes[place - 1].group != lane.group {
                top += sizes.between;
            }
            let row = Row::new(lane, &scale, sizes, top);
            top = row.bottom;
            rows.push(row);
        }
        Picture { timeline, sizes, scale, label_left, axis, head, head_rows, rows, lanes_bottom: top + 4.0 }
    }

    fn width(&self) -> f64 {
        let title = self.timeline.title.lines().enumerate();
        let title = title.map(|(line, text)| place::width(text, title_size(line))).fold(0.0, f64::max);
        let ticks = self.ticks().into_iter().map(|(_, label)| place::width(&label, SMALL) / 2.0);
        (self.scale.right() + ticks.fold(MARGIN, f64::max) + MARGIN).max(title + 2.0 * MARGIN)
    }

    fn draw(&self, out: &mut String) -> fmt::Result {
        let mut body = String::new();
        self.draw_axis(&mut body)?;
        self.draw_headings(&mut body)?;
        for (row, lane) in self.rows.iter().zip(&self.timeline.lanes) {
            row.draw_bars(&mut body, lane, &self.scale, &self.obstacles(row))?;
        }
        self.draw_everybodys_lines(&mut body)?;
        self.draw_take_overs(&mut body)?;
        for (row, lane) in self.rows.iter().zip(&self.timeline.lanes) {
            row.draw_marks(&mut body, lane, &self.scale)?;
        }
        self.draw_head(&mut body)?;
        let height = self.draw_legend(&mut body)?;
        let width = self.width();
        writeln!(
            out,
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="timeline" role="img" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}">"#
        )?;
        writeln!(out, "<title>{}</title>", escape(&self.timeline.title))?;
        writeln!(out, "<style>{}</style>", style::SHEET)?;
        writeln!(out, r#"<rect class="ground" width="{width:.0}" height="{height:.0}"/>"#)?;
        out.push_str(&body);
        out.push_str("</svg>\n");
        Ok(())
    }

    fn draw_axis(&self, out: &mut String) -> fmt::Result {
        for (line, text) in self.timeline.title.lines().enumerate() {
            let class = if line == 0 { "bold" } else { "quiet" };
            let y = MARGIN + 12.0 + line as f64 * 20.0;
            draw_text(out, class, MARGIN, y, title_size(line), text)?;
        }
        let below = self.lanes_bottom + 14.0;
        for (at, label) in self.ticks() {
            let x = self.scale.place(at);
            let (top, bottom) = (self.axis + 5.0, self.lanes_bottom);
            writeln!(out, r#"<path class="grid" d="M{x:.1} {top:.1}V{bottom:.1}"/>"#)?;
            let left = x - place::width(&label, SMALL) / 2.0;
            draw_text(out, "quiet", left, self.axis, SMALL, &label)?;
            if self.rows.len() > MANY {
                draw_text(out, "quiet", left, below, SMALL, &label)?;
            }
        }
        let (left, right) = (self.scale.left(), self.scale.right());
        writeln!(out, r#"<path class="rule" d="M{left:.1} {:.1}H{right:.1}"/>"#, self.axis + 5.0)
    }

    /// Ticks that leave room between their labels.
    fn ticks(&self) -> Vec<(u64, String)> {
        let room = self.scale.right() - self.scale.left();
        let fits = |ticks: &Vec<(u64, String)>| {
            let widest = ticks.iter().map(|(_, label)| place::width(label, SMALL)).fold(0.0, f64::max);
            ticks
                .windows(2)
                .all(|pair| self.scale.place(pair[1].0) - self.scale.place(pair[0].0) > widest + 16.0)
        };
        let most = (room / 70.0) as u64;
        (1..=most).rev().map(|most| self.scale.ticks(most)).find(fits).unwrap_or_default()
    }

    fn draw_headings(&self, out: &mut String) -> fmt::Result {
        let font = self.sizes.font;
        let mut last = None;
        for (row, lane) in self.rows.iter().zip(&self.timeline.lanes) {
            let y = row.centre + font * 0.35;
            if last != Some(&lane.group) {
                if last.is_some() {
                    let y = row.top - self.sizes.between / 2.0;
                    let right = self.scale.right();
                    writeln!(out, r#"<path class="rule" d="M{MARGIN} {y:.1}H{right:.1}"/>"#)?;
                }
                draw_text(out, "bold", MARGIN, y, font, &lane.group)?;
            }
            last = Some(&lane.group);
            draw_text(out, "", self.label_left, y, font, &lane.label)?;
        }
        Ok(())
    }

    /// What crosses the bars of a row: text in them keeps away from it.
    fn obstacles(&self, row: &Row) -> Vec<f64> {
        let lines = self.timeline.marks.iter().filter(|mark| self.timeline.shows(mark.at_ns));
        let crossing = self.take_overs().filter(|(_, from, to)| {
            let (top, bottom) = if from < to { (*from, *to) } else { (*to, *from) };
            self.rows[top].top <= row.top && row.top <= self.rows[bottom].top
        });
        lines
            .map(|mark| mark.at_ns)
            .chain(crossing.map(|(at, ..)| at))
            .map(|at| self.scale.place(at))
            .collect()
    }

    /// When, from which lane, to which lane.
    fn take_overs(&self) -> impl Iterator<Item = (u64, usize, usize)> {
        let lanes = self.timeline.lanes.iter().enumerate();
        lanes.flat_map(move |(to, lane)| {
            let over = lane.marks.iter().filter(|mark| mark.kind == MarkKind::TakeOver);
            over.filter(|mark| self.timeline.shows(mark.at_ns))
                .filter_map(move |mark| Some((mark.at_ns, self.timeline.predecessor(to, mark.at_ns)?, to)))
        })
    }

    fn draw_take_overs(&self, out: &mut String) -> fmt::Result {
        for (at, from, to) in self.take_overs() {
            let (x, from, to) = (self.scale.place(at), self.rows[from].centre, self.rows[to].centre);
            writeln!(out, r#"<path class="over whole" d="M{x:.1} {from:.1}V{to:.1}"/>"#)?;
            writeln!(out, r#"<circle class="over" cx="{x:.1}" cy="{from:.1}" r="2"/>"#)?;
        }
        Ok(())
    }

    fn draw_everybodys_lines(&self, out: &mut String) -> fmt::Result {
        for (mark, place) in self.timeline.marks.iter().zip(&self.head) {
            if !self.timeline.shows(mark.at_ns) || mark.kind == MarkKind::Frame {
                continue;
            }
            let x = self.scale.place(mark.at_ns);
            let top = self.head_top(place.map_or(0, |place| place.row)) + 4.0;
            let (class, bottom) = (style::class(mark.kind), self.lanes_bottom);
            writeln!(out, r#"<path class="{class} line" d="M{x:.1} {top:.1}V{bottom:.1}"/>"#)?;
        }
        Ok(())
    }

    /// The top of a row of labels above the lanes; row 0 is the lowest.
    fn head_top(&self, row: usize) -> f64 {
        self.axis + 8.0 + (self.head_rows.max(1) - 1 - row.min(self.head_rows.max(1) - 1)) as f64 * HEAD_ROW
    }

    fn draw_head(&self, out: &mut String) -> fmt::Result {
        for (mark, place) in self.timeline.marks.iter().zip(&self.head) {
            if !self.timeline.shows(mark.at_ns) || mark.kind == MarkKind::Frame {
                continue;
            }
            let lowest = self.head_top(0) + HEAD_ROW + 5.0;
            draw_glyph(out, mark, self.scale.place(mark.at_ns), lowest)?;
            if let Some(place) = place {
                draw_text(out, "", place.left, self.head_top(place.row) + 11.0, SMALL, &mark.label)?;
            }
        }
        Ok(())
    }

    /// Draws what is needed to read the rest, and returns how high the picture is.
    fn draw_legend(&self, out: &mut String) -> Result<f64, fmt::Error> {
        let below_axis = if self.rows.len() > MANY { 20.0 } else { 0.0 };
        let (mut x, mut y) = (MARGIN, self.lanes_bottom + below_axis + 24.0);
        let mut next = |out: &mut String, word: &str| -> Result<(f64, f64), fmt::Error> {
            let width = 30.0 + place::width(word, SMALL) + 18.0;
            if x + width > self.width() - MARGIN && x > MARGIN {
                (x, y) = (MARGIN, y + 18.0);
            }
            let at = (x, y);
            draw_text(out, "quiet", x + 30.0, y + 4.0, SMALL, word)?;
            x += width;
            Ok(at)
        };
        for role in self.roles() {
            let (x, y) = next(out, &role.word())?;
            lane::draw_bar(out, role, (x, x + 24.0), y, 12.0, "")?;
        }
        for kind in self.kinds() {
            let (x, y) = next(out, kind.word())?;
            let (class, glyph) = (style::class(kind), style::glyph(kind));
            let y = if kind == MarkKind::Frame { y + 1.0 } else { y };
            writeln!(
                out,
                r#"<path class="{class} glyph" transform="translate({:.1} {y:.1})" d="{glyph}"/>"#,
                x + 18.0
            )?;
        }
        let unlabelled = self.unlabelled();
        if unlabelled > 0 {
            y += 18.0;
            let text = format!("{unlabelled} labels had no room: point at a mark to read it");
            draw_text(out, "quiet", MARGIN, y + 4.0, SMALL, &text)?;
        }
        Ok(y + 12.0 + MARGIN)
    }

    fn roles(&self) -> Vec<Role> {
        let mut roles: Vec<Role> =
            self.timeline.lanes.iter().flat_map(|lane| lane.spans.iter().map(|span| span.role)).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    fn kinds(&self) -> Vec<MarkKind> {
        let own = self.timeline.lanes.iter().flat_map(|lane| &lane.marks);
        let mut kinds: Vec<MarkKind> = self.timeline.marks.iter().chain(own).map(|mark| mark.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    fn unlabelled(&self) -> usize {
        let wanting = |mark: &&Mark| lane::is_labelled(mark) && self.timeline.shows(mark.at_ns);
        let own = self.timeline.lanes.iter().flat_map(|lane| &lane.marks);
        let wanted = self.timeline.marks.iter().chain(own).filter(wanting).count();
        let placed = self.rows.iter().map(Row::labels).sum::<usize>() + self.head.iter().flatten().count();
        wanted - placed
    }
}

/// Wide enough for the longest label.
fn plot_width(timeline: &Timeline, sizes: Sizes) -> f64 {
    let head = timeline.marks.iter().map(|mark| place::width(&mark.label, SMALL));
    let own = timeline.lanes.iter().flat_map(|lane| &lane.marks);
    let own = own.map(|mark| place::width(&mark.label, sizes.small));
    // A label may hang on either side of its mark: twice its width holds it wherever the mark is.
    head.chain(own).map(|width| 2.0 * width + 20.0).fold(PLOT, f64::max)
}

fn place_head(timeline: &Timeline, scale: &Scale) -> Vec<Option<Placed>> {
    lane::place_labels(&timeline.marks, scale, HEAD_ROWS, |mark| Wanted {
        at: scale.place(mark.at_ns),
        width: place::width(&mark.label, SMALL),
    })
}

fn title_size(line: usize) -> f64 {
    if line == 0 { TITLE } else { SMALL + 1.0 }
}

pub(super) fn draw_text(out: &mut String, class: &str, x: f64, y: f64, size: f64, text: &str) -> fmt::Result {
    if text.is_empty() {
        return Ok(());
    }
    let text = escape(text);
    writeln!(
        out,
        r#"<text class="{class}" x="{x:.1}" y="{y:.1}" font-size="{size}" xml:space="preserve">{text}</text>"#
    )
}

/// A mark's shape, with all that is known of it when pointed at.
pub(super) fn draw_glyph(out: &mut String, mark: &Mark, x: f64, y: f64) -> fmt::Result {
    let (class, glyph) = (style::class(mark.kind), style::glyph(mark.kind));
    write!(out, r#"<path class="{class} glyph" transform="translate({x:.1} {y:.1})" d="{glyph}">"#)?;
    let lines = [
        format!("{}, {}", mark.kind.word(), scale::exact(mark.at_ns)),
        mark.label.clone(),
        mark.detail.clone(),
    ];
    let said: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    writeln!(out, "<title>{}</title></path>", escape(&said.join("\n")))
}

/// Text as XML and HTML may have it: what could be markup is spelt out, what may not occur is replaced.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(letter),
            '\u{fffe}' | '\u{ffff}' => safe.push(char::REPLACEMENT_CHARACTER),
            letter if letter.is_control() => safe.push(char::REPLACEMENT_CHARACTER),
            letter => safe.push(letter),
        }
    }
    safe
}
