//! Timelines as pictures: who did what when, for pages ([`svg()`], [`html()`]) and for terminals ([`text()`]).
//!
//! Knows nothing of protocols. A [`Timeline`] has lanes in groups; a lane has spans, coloured by [`Role`], and
//! marks; marks that concern everybody belong to the timeline itself. The same timeline gives the same picture,
//! byte for byte, and no text in it overlaps another or is cut, with two lanes and with eighty.
//!
//! | module | what lives there |
//! |---|---|
//! | `scale` | from time to place, sensible ticks, how times are written |
//! | `place` | how wide text is, and where labels go so that they do not collide |
//! | [`svg`](mod@svg), `lane`, `style` | the picture, one of its lanes, its colours and shapes |
//! | [`html`](mod@html) | a page around it, with tables |
//! | [`text`](mod@text) | the same with block characters |

pub mod html;
mod lane;
mod place;
mod scale;
mod style;
pub mod svg;
pub mod text;

#[cfg(test)]
mod tests;

pub use html::{Table, html};
pub use svg::svg;
pub use text::text;

/// What happened between two moments, lane by lane. Times are nanoseconds since an origin of the caller's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    /// What it shows; further lines say more in smaller print.
    pub title: String,
    /// Where the picture begins.
    pub from_ns: u64,
    /// Where it ends.
    pub to_ns: u64,
    /// From top to bottom.
    pub lanes: Vec<Lane>,
    /// What concerns every lane: a line through all of them.
    pub marks: Vec<Mark>,
}

/// One router in one group, say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lane {
    /// Whose lane it is.
    pub label: String,
    /// The heading that it shares with its neighbours; empty: none. A take-over is drawn from the lane of the
    /// same heading that held the role before.
    pub group: String,
    /// What it was when, in order and without overlaps; gaps stay empty.
    pub spans: Vec<Span>,
    /// What happened to it, in any order.
    pub marks: Vec<Mark>,
}

/// A time during which a lane's role stays the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// From here,
    pub from_ns: u64,
    /// up to here.
    pub to_ns: u64,
    /// What it was.
    pub role: Role,
    /// Written into the bar where there is room: a word or two.
    pub label: String,
    /// All that is known: shown when pointed at.
    pub detail: String,
}

/// What a lane is to its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Not taking part.
    Down,
    /// Nothing is known.
    Unknown,
    /// Taking part, ready to take over.
    StandingBy,
    /// On its way into the role or out of it: leaving, or not everything is in place.
    Partial,
    /// Holding the role.
    Holding,
    /// Forwarding as the forwarder of this number.
    Forwarder(u8),
    /// What must not be: a second holder, say.
    Trouble,
}

/// Something that happened at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at_ns: u64,
    /// What kind of thing it is.
    pub kind: MarkKind,
    /// Written beside it where there is room: a few words.
    pub label: String,
    /// All that is known, as a sentence: shown when pointed at, and in lists of events instead of the label.
    pub detail: String,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarkKind {
    /// A frame was sent: a small tick, not listed among the events.
    Frame,
    /// The lane took the role over.
    TakeOver,
    /// Something was broken.
    Fault,
    /// It was mended.
    Repair,
    /// A rule was broken.
    Problem,
    /// An operator's wish.
    Command,
    /// Something else worth knowing.
    Notice,
}

impl Role {
    /// The word for it in legends.
    pub fn word(self) -> String {
        match self {
            Role::Down => "down".to_owned(),
            Role::Unknown => "unknown".to_owned(),
            Role::StandingBy => "standing by".to_owned(),
            Role::Partial => "coming or going".to_owned(),
            Role::Holding => "holding the role".to_owned(),
            Role::Forwarder(number) => format!("forwarder {number}"),
            Role::Trouble => "trouble".to_owned(),
        }
    }

    /// Whether it serves hosts.
    pub(crate) fn serves(self) -> bool {
        match self {
            Role::Down | Role::Unknown | Role::StandingBy => false,
            Role::Partial | Role::Holding | Role::Forwarder(_) | Role::Trouble => true,
        }
    }
}

impl MarkKind {
    /// The word for it in legends and lists.
    pub fn word(self) -> &'static str {
        match self {
            MarkKind::Frame => "frame",
            MarkKind::TakeOver => "take-over",
            MarkKind::Fault => "fault",
            MarkKind::Repair => "repair",
            MarkKind::Problem => "problem",
            MarkKind::Command => "command",
            MarkKind::Notice => "notice",
        }
    }
}

/// A line in a list of events.
#[derive(Debug, Clone, Copy)]
struct Event<'a> {
    mark: &'a Mark,
    /// The lane it happened to; `None`: all.
    lane: Option<&'a Lane>,
}

impl Event<'_> {
    /// Whom it concerns: heading and label of the lane.
    fn subject(&self) -> String {
        self.lane.map_or_else(String::new, |lane| match lane.group.is_empty() {
            true => lane.label.clone(),
            false => format!("{} {}", lane.group, lane.label),
        })
    }

    /// All that is known.
    fn sentence(&self) -> &str {
        if self.mark.detail.is_empty() { &self.mark.label } else { &self.mark.detail }
    }
}

impl Timeline {
    /// Every mark within the picture but frames, in the order of time, then of lanes.
    fn events(&self) -> Vec<Event<'_>> {
        let everybody = self.marks.iter().map(|mark| Event { mark, lane: None });
        let one = self
            .lanes
            .iter()
            .flat_map(|lane| lane.marks.iter().map(move |mark| Event { mark, lane: Some(lane) }));
        let mut events: Vec<Event<'_>> = everybody
            .chain(one)
            .filter(|event| event.mark.kind != MarkKind::Frame && self.shows(event.mark.at_ns))
            .collect();
        events.sort_by_key(|event| event.mark.at_ns);
        events
    }

    fn shows(&self, at_ns: u64) -> bool {
        (self.from_ns..=self.to_ns).contains(&at_ns)
    }

    /// The lane that held the role before the lane at `place` took it over: of the others under the same
    /// heading the one that began to serve before and ceased last.
    fn predecessor(&self, place: usize, at_ns: u64) -> Option<usize> {
        let heading = &self.lanes.get(place)?.group;
        let others =
            self.lanes.iter().enumerate().filter(|(other, lane)| *other != place && lane.group == *heading);
        others
            .filter_map(|(other, lane)| {
                let served = lane.spans.iter().filter(|span| span.role.serves() && span.from_ns < at_ns);
                Some((served.map(|span| span.to_ns).max()?, other))
            })
            .max()
            .map(|(_, other)| other)
    }
}
