//! One lane of the picture: its bars, the frames below them, its marks and their labels.

use std::cmp::Reverse;
use std::fmt::{self, Write};

use super::place::{self, Placed, Wanted};
use super::scale::{self, Scale};
use super::svg::{draw_glyph, draw_text, escape};
use super::{Lane, Mark, MarkKind, Role, Span, style};

/// How high things are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) bar: f64,
    /// Below the bar, where frames are.
    rug: f64,
    /// Above and below.
    space: f64,
    /// A row of labels.
    label: f64,
    /// Rows of labels at most.
    rows: usize,
    /// Between groups.
    pub(super) between: f64,
    /// Letters of headings.
    pub(super) font: f64,
    /// Letters of labels at marks and in bars.
    pub(super) small: f64,
    /// This many frames of a lane say what they are when pointed at; more are only drawn.
    frames: usize,
}

/// For few lanes.
pub(super) const ROOMY: Sizes = Sizes {
    bar: 20.0,
    rug: 6.0,
    space: 4.0,
    label: 14.0,
    rows: 4,
    between: 12.0,
    font: 12.5,
    small: 11.0,
    frames: 300,
};
/// For many.
pub(super) const NARROW: Sizes = Sizes {
    bar: 13.0,
    rug: 4.0,
    space: 2.0,
    label: 12.0,
    rows: 1,
    between: 6.0,
    font: 11.0,
    small: 9.5,
    frames: 0,
};

/// Whether a mark wants its label written.
pub(super) fn is_labelled(mark: &Mark) -> bool {
    mark.kind != MarkKind::Frame && !mark.label.is_empty()
}

/// A place for the label of each mark, in the order of the marks.
///
/// From right to left most find one, as labels hang to the right of their leaders; where that leaves out what
/// matters more than what it lets in, the important ones choose first.
pub(super) fn place_labels(
    marks: &[Mark],
    scale: &Scale,
    rows: usize,
    wanted: impl Fn(&Mark) -> Wanted,
) -> Vec<Option<Placed>> {
    let labelled = |place: &usize| is_labelled(&marks[*place]) && scale.shows(marks[*place].at_ns);
    let mut order: Vec<usize> = (0..marks.len()).filter(labelled).collect();
    let mut best: Option<(Vec<MarkKind>, Vec<Option<Placed>>)> = None;
    for important_first in [false, true] {
        order.sort_by_key(|place| {
            let mark = &marks[*place];
            (important_first.then_some(mark.kind), Reverse(mark.at_ns))
        });
        let wishes: Vec<Wanted> = order.iter().map(|place| wanted(&marks[*place])).collect();
        let mut places = vec![None; marks.len()];
        for (at, placed) in order.iter().zip(place::labels(&wishes, scale.left(), scale.right(), rows)) {
            places[*at] = placed;
        }
        let mut seen: Vec<MarkKind> =
            order.iter().filter(|at| places[**at].is_some()).map(|at| marks[*at].kind).collect();
        seen.sort_unstable();
        if best.as_ref().is_none_or(|(already, _)| more_seen(&seen, already)) {
            best = Some((seen, places));
        }
    }
    best.map(|(_, places)| places).unwrap_or_default()
}

/// Whether `seen` has more of the most important kind in which the two differ.
fn more_seen(seen: &[MarkKind], already: &[MarkKind]) -> bool {
    use MarkKind::{Command, Fault, Notice, Problem, Repair, TakeOver};
    let count = |among: &[MarkKind], kind| among.iter().filter(|one| **one == kind).count();
    let kinds = [TakeOver, Fault, Repair, Problem, Command, Notice];
    kinds.map(|kind| count(seen, kind)) > kinds.map(|kind| count(already, kind))
}

/// Where a lane is drawn.
#[derive(Debug)]
pub(super) struct Row {
    sizes: Sizes,
    pub(super) top: f64,
    /// The middle of the bar.
    pub(super) centre: f64,
    pub(super) bottom: f64,
    labels: Vec<Option<Placed>>,
}

impl Row {
    pub(super) fn new(lane: &Lane, scale: &Scale, sizes: Sizes, top: f64) -> Self {
        let labels = place_labels(&lane.marks, scale, sizes.rows, |mark| Wanted {
            at: scale.place(mark.at_ns),
            width: place::width(&mark.label, sizes.small),
        });
        let rows = labels.iter().flatten().map(|place| place.row + 1).max().unwrap_or(0);
        let centre = top + sizes.space + sizes.bar / 2.0;
        let bottom = centre + sizes.bar / 2.0 + sizes.rug + rows as f64 * sizes.label + sizes.space;
        Row { sizes, top, centre, bottom, labels }
    }

    /// How many labels have a place.
    pub(super) fn labels(&self) -> usize {
        self.labels.iter().flatten().count()
    }

    /// The bars and what is written in them, away from `obstacles`.
    pub(super) fn draw_bars(
        &self,
        out: &mut String,
        lane: &Lane,
        scale: &Scale,
        obstacles: &[f64],
    ) -> fmt::Result {
        let own = lane.marks.iter().filter(|mark| mark.kind != MarkKind::Frame);
        let mut obstacles = obstacles.to_vec();
        obstacles.extend(own.flat_map(|mark| [-5.0, 0.0, 5.0].map(|side| scale.place(mark.at_ns) + side)));
        let mut texts = String::new();
        for span in lane.spans.iter().filter(|span| !scale.is_outside(span.from_ns, span.to_ns)) {
            let (left, right) = (scale.place(span.from_ns), scale.place(span.to_ns));
            draw_bar(out, span.role, (left, right), self.centre, self.sizes.bar, &tooltip(span))?;
            let width = place::width(&span.label, self.sizes.small);
            if let Some(x) = place::inside(left, right, width, &obstacles) {
                let y = self.centre + self.sizes.small * 0.35;
                draw_text(&mut texts, style::bar(span.role).text, x, y, self.sizes.small, &span.label)?;
            }
        }
        self.draw_frames(out, lane, scale)?;
        out.push_str(&texts);
        Ok(())
    }

    /// Frames as ticks below the bar. Several on one point of the screen are one tick.
    fn draw_frames(&self, out: &mut String, lane: &Lane, scale: &Scale) -> fmt::Result {
        let mut frames: Vec<&Mark> = lane
            .marks
            .iter()
            .filter(|mark| mark.kind == MarkKind::Frame && scale.shows(mark.at_ns))
            .collect();
        frames.sort_by_key(|mark| mark.at_ns);
        let top = self.centre + self.sizes.bar / 2.0 + 1.0;
        let height = self.sizes.rug - 1.5;
        if frames.len() <= self.sizes.frames {
            for frame in frames {
                let x = scale.place(frame.at_ns);
                let said = format!("{} {} {}", scale::exact(frame.at_ns), frame.label, frame.detail);
                let said = escape(said.trim_end());
                writeln!(
                    out,
                    r#"<path class="tick" d="M{x:.1} {top:.1}v{height:.1}"><title>{said}</title></path>"#
                )?;
            }
            return Ok(());
        }
        out.push_str(r#"<path class="tick" d=""#);
        let mut last = f64::MIN;
        for frame in frames {
            let x = scale.place(frame.at_ns);
            if x - last >= 1.0 {
                write!(out, "M{x:.1} {top:.1}v{height:.1}")?;
                last = x;
            }
        }
        out.push_str("\"/>\n");
        Ok(())
    }

    /// The marks, and their labels below.
    pub(super) fn draw_marks(&self, out: &mut String, lane: &Lane, scale: &Scale) -> fmt::Result {
        let strip = self.centre + self.sizes.bar / 2.0 + self.sizes.rug;
        let placed = || lane.marks.iter().zip(&self.labels);
        for (mark, place) in placed() {
            let Some(place) = place else { continue };
            let x = scale.place(mark.at_ns);
            let (from, to) = (self.centre, strip + (place.row as f64 + 0.8) * self.sizes.label);
            let class = style::class(mark.kind);
            writeln!(out, r#"<path class="{class} leader" d="M{x:.1} {from:.1}V{to:.1}"/>"#)?;
        }
        for mark in lane.marks.iter().filter(|mark| mark.kind != MarkKind::Frame && scale.shows(mark.at_ns)) {
            draw_glyph(out, mark, scale.place(mark.at_ns), self.centre)?;
        }
        for (mark, place) in placed() {
            let Some(place) = place else { continue };
            let y = strip + place.row as f64 * self.sizes.label + self.sizes.label * 0.75;
            draw_text(out, "", place.left, y, self.sizes.small, &mark.label)?;
        }
        Ok(())
    }
}

/// A bar around `centre`, `full` high if its role is.
pub(super) fn draw_bar(
    out: &mut String,
    role: Role,
    (left, right): (f64, f64),
    centre: f64,
    full: f64,
    said: &str,
) -> fmt::Result {
    let look = style::bar(role);
    let class = look.class;
    if look.height == 0.0 {
        write!(out, r#"<path class="{class}" d="M{left:.1} {centre:.1}H{right:.1}">"#)?;
        return writeln!(out, "<title>{}</title></path>", escape(said));
    }
    let height = full * look.height;
    let (top, width) = (centre - height / 2.0, (right - left).max(1.0));
    write!(
        out,
        r#"<rect class="{class}" x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}">"#
    )?;
    writeln!(out, "<title>{}</title></rect>", escape(said))?;
    if look.hatched {
        draw_hatching(out, left, top, width, height)?;
    }
    Ok(())
}

/// Strokes across a bar. Drawn one by one: a pattern would need a name, and pictures share a page.
fn draw_hatching(out: &mut String, left: f64, top: f64, width: f64, height: f64) -> fmt::Result {
    let strokes = (width / 8.0) as usize;
    if strokes == 0 {
        return Ok(());
    }
    out.push_str(r#"<path class="hatch" pointer-events="none" d=""#);
    let lean = height / 2.0;
    for stroke in 0..strokes {
        let x = left + stroke as f64 * 8.0 + lean;
        if x <= left + width {
            write!(out, "M{x:.1} {top:.1}l{:.1} {height:.1}", -lean)?;
        }
    }
    out.push_str("\"/>\n");
    Ok(())
}

fn tooltip(span: &Span) -> String {
    let length = scale::length(span.to_ns.saturating_sub(span.from_ns));
    let when = format!("{} to {}, {length}", scale::exact(span.from_ns), scale::exact(span.to_ns));
    let lines = [span.role.word(), span.label.clone(), span.detail.clone(), when];
    lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}
