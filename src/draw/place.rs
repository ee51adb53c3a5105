//! How wide text is, and where labels go so that they do not collide.
//!
//! Labels hang in rows below (or above) the place they belong to, each at the end of a thin leader. A label may
//! neither touch another one of its row nor stand in the way of a leader that leads to a row further out.

/// Width of a letter of the monospaced fonts, of its height; the widest in common use has 0.602.
const ADVANCE: f64 = 0.615;
/// Space that a label keeps on both sides.
const GAP: f64 = 4.0;
/// Distance of a label from its leader.
const LEADER: f64 = 3.0;

/// How wide `text` is in a monospaced font of `size`.
pub(super) fn width(text: &str, size: f64) -> f64 {
    columns(text) as f64 * ADVANCE * size
}

/// How many columns of a terminal `text` takes.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(letter_columns).sum()
}

/// East Asian letters and pictures take two columns, marks that combine none. What is doubtful takes two:
/// space too much looks better than an overlap.
fn letter_columns(letter: char) -> usize {
    match u32::from(letter) {
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x11ff | 0x2e80..=0xa4cf | 0xac00..=0xd7ff | 0xf900..=0xfaff | 0xff00..=0xff60 => 2,
        0x1_f000.. => 2,
        _ => 1,
    }
}

/// A label that wants a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Where its leader is.
    pub(super) at: f64,
    /// How wide its text is.
    pub(super) width: f64,
}

/// The place of a label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placed {
    /// Rows from the place it belongs to, from 0.
    pub(super) row: usize,
    /// Where its text begins.
    pub(super) left: f64,
    at: f64,
    right: f64,
}

impl Placed {
    fn collides(&self, other: &Placed) -> bool {
        let touch = self.left - GAP < other.right && other.left - GAP < self.right;
        let in_the_way = |leader: &Placed, label: &Placed| {
            leader.row > label.row && label.left - 1.0 < leader.at && leader.at < label.right + 1.0
        };
        self.row == other.row && touch || in_the_way(self, other) || in_the_way(other, self)
    }
}

/// Gives each label a place between `left` and `right`, in at most `rows` rows; `None` for those without room.
///
/// `wanted` is in the order of importance.
pub(super) fn labels(wanted: &[Wanted], left: f64, right: f64, rows: usize) -> Vec<Option<Placed>> {
    let mut placed: Vec<Placed> = Vec::new();
    let mut places = Vec::with_capacity(wanted.len());
    for label in wanted {
        let place = (0..rows).flat_map(|row| sides(*label, row)).find(|place| {
            place.left >= left && place.right <= right && placed.iter().all(|other| !place.collides(other))
        });
        placed.extend(place);
        places.push(place);
    }
    places
}

/// To the right of its leader, or to the left.
fn sides(label: Wanted, row: usize) -> [Placed; 2] {
    let Wanted { at, width } = label;
    let beside = |left: f64| Placed { row, left, at, right: left + width };
    [beside(at + LEADER), beside(at - LEADER - width)]
}

/// Where in a bar from `left` to `right` a text of `width` stands free of everything at `obstacles`; as far to
/// the left as it can.
pub(super) fn inside(left: f64, right: f64, width: f64, obstacles: &[f64]) -> Option<f64> {
    let mut edges: Vec<f64> = obstacles.iter().copied().filter(|at| *at > left && *at < right).collect();
    edges.push(right);
    edges.sort_by(f64::total_cmp);
    let mut from = left;
    for edge in edges {
        if edge - from >= width + 2.0 * GAP {
            return Some(from + GAP);
        }
        from = edge + GAP;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_never_collide_and_stay_inside() {
        let wanted: Vec<Wanted> = (0..40)
            .map(|n| Wanted { at: f64::from(n * 37 % 200), width: f64::from(20 + n % 5 * 15) })
            .collect();
        let places: Vec<Placed> = labels(&wanted, 0.0, 200.0, 6).into_iter().flatten().collect();
        assert!(places.len() > 6, "most rows have a label: {}", places.len());
        for (n, place) in places.iter().enumerate() {
            assert!(place.left >= 0.0 && place.right <= 200.0 && place.row < 6);
            assert!(places[..n].iter().all(|other| !place.collides(other)));
        }
    }

    #[test]
    fn what_stands_alone_stands_in_the_first_row() {
        let far: Vec<Wanted> = (0..4).map(|n| Wanted { at: f64::from(n) * 50.0, width: 30.0 }).collect();
        assert!(labels(&far, 0.0, 200.0, 3).iter().all(|place| place.is_some_and(|place| place.row == 0)));
        assert_eq!(labels(&[Wanted { at: 10.0, width: 300.0 }], 0.0, 200.0, 3), [None]);
    }

    #[test]
    fn text_in_a_bar_avoids_what_crosses_it() {
        assert_eq!(inside(0.0, 100.0, 50.0, &[]), Some(4.0));
        assert_eq!(inside(0.0, 100.0, 50.0, &[20.0]), Some(28.0));
        assert_eq!(inside(0.0, 100.0, 50.0, &[20.0, 60.0]), None);
        assert_eq!(inside(0.0, 100.0, 98.0, &[]), None);
    }

    #[test]
    fn wide_letters_are_wide() {
        assert_eq!(columns("路由"), 4);
        assert_eq!(columns("e\u{301}t"), 2);
    }
}
