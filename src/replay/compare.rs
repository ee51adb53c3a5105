//! Ours against the real one: the same state at each moment, the same fields, and how far apart in time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::enact::Cast;
use super::protocol::why_it_differs;
use super::script::Outside;
use super::spoken::{Frame, Prompt, Spoken};
use crate::analyze::moment::{about, moment, nanos};
use crate::analyze::reading::Part;
use crate::analyze::story::{GroupStory, MemberStory, seconds};
use crate::draw::Role;

/// What scheduling, clocks and capturing may cost.
const SLACK: u64 = 20_000_000;
/// What a router's timers may be off: one part of so many.
const COARSENESS: u64 = 20;
/// How soon after somebody else's frame a frame is an answer to it.
const ANSWER: u64 = 20_000_000;
/// Beyond this part of the interval a router's cadence is not what its frames promise.
const IRREGULAR: u64 = 50;
/// A frame that comes before this part of the interval is over was sent out of turn.
const OUT_OF_TURN: u64 = 2;

/// What became of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// The group.
    pub group: String,
    /// The router that was taken out.
    pub address: IpAddr,
    /// The settings that ours was given.
    pub settings: Vec<String>,
    /// What happened to it from outside.
    pub outside: Vec<Outside>,
    /// How many frames each of them sent.
    pub frames: Both<usize>,
    /// How long each of them held the role, in seconds.
    pub held_s: Both<f64>,
    /// For how long one held the role and the other did not, in milliseconds.
    pub differed_ms: f64,
    /// Differences in time.
    pub timing: Timing,
    /// Fields that were compared, and in how many frames each was the same.
    pub fields: BTreeMap<String, Agreement>,
    /// Everything in which the two differ.
    pub divergences: Vec<Divergence>,
    /// How many of these nothing explains.
    pub unexplained: usize,
}

/// The real router's and ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Both<T> {
    /// The real one's.
    pub real: T,
    /// Ours.
    pub ours: T,
}

/// Differences in time between a frame of the real router and ours, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Timing {
    /// Each time that the role was taken.
    pub takes: Vec<Take>,
    /// How many frames were compared, each by the time since the one before it.
    pub compared: usize,
    /// Half of them differ by no more.
    pub median_ms: f64,
    /// None differs by more.
    pub worst_ms: f64,
}

/// The first frame of a time as the holder.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Take {
    /// How much later ours came, in milliseconds.
    pub late_ms: f64,
    /// Whether that proves nothing: ours was started just so that its first frame comes when the real one's does.
    pub arranged: bool,
}

/// How often a field was the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct Agreement {
    /// In how many frames it was the same.
    pub same: u64,
    /// In how many it was not.
    pub different: u64,
}

/// Something in which the two differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// When it was seen first, in nanoseconds since the capture's first frame.
    #[serde(rename = "at_s", serialize_with = "seconds")]
    pub at_ns: u64,
    /// What it is.
    pub what: String,
    /// Why it is no fault; `None`: nobody knows.
    pub explanation: Option<String>,
}

/// A time as the holder, from the first frame to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reign {
    from: u64,
    to: u64,
}

/// Compares what the real router did with what ours does.
pub(super) fn compare(
    address: IpAddr,
    real: Option<GroupStory>,
    ours: Option<GroupStory>,
    cast: &Cast,
) -> Option<Compared> {
    let real = member(real, address)?;
    let ours = member(ours, address);
    let mut comparison = Comparison {
        cast,
        interval: interval(&real),
        divergences: Vec::new(),
        gaps: Vec::new(),
        takes: Vec::new(),
    };
    let (theirs, own) = (reigns(Some(&real)), reigns(ours.as_ref()));
    let differed = comparison.reigns(&theirs, &own);
    comparison.rows();
    let fields = comparison.fields();
    let Comparison { mut divergences, gaps, takes, .. } = comparison;
    divergences.sort_by_key(|divergence| divergence.at_ns);
    let held = |reigns: &[Reign]| reigns.iter().map(|reign| reign.to - reign.from).sum::<u64>() as f64 / 1e9;
    Some(Compared {
        group: cast.name.clone(),
        address,
        settings: match &cast.configured {
            Some(plan) => vec![format!("those of {} in the configuration", plan.name)],
            None => cast.announced.conclusions(real.first_ns),
        },
        outside: cast.script.clone(),
        frames: Both { real: cast.real.frames.len(), ours: cast.ours.frames.len() },
        held_s: Both { real: held(&theirs), ours: held(&own) },
        differed_ms: differed as f64 / 1e6,
        timing: timing(gaps, takes),
        fields,
        unexplained: divergences.iter().filter(|divergence| divergence.explanation.is_none()).count(),
        divergences,
    })
}

fn member(story: Option<GroupStory>, address: IpAddr) -> Option<MemberStory> {
    story?.members.into_iter().find(|member| member.address == address)
}

fn interval(member: &MemberStory) -> u64 {
    let said = member.settings.iter().filter_map(|said| said.interval.or(said.hello));
    said.min().map_or(1_000_000_000, nanos)
}

/// The times as the holder; two at once are such times as well.
fn reigns(member: Option<&MemberStory>) -> Vec<Reign> {
    let played = member.and_then(|member| member.roles.iter().find(|played| played.part == Part::Gateway));
    let mut reigns: Vec<Reign> = Vec::new();
    for piece in played.map_or(&[][..], |played| &played.spans) {
        if !matches!(piece.role, Role::Holding | Role::Trouble) {
            continue;
        }
        match reigns.last_mut().filter(|last| last.to == piece.from_ns) {
            Some(last) => last.to = piece.to_ns,
            None => reigns.push(Reign { from: piece.from_ns, to: piece.to_ns }),
        }
    }
    reigns
}

struct Comparison<'a> {
    cast: &'a Cast,
    interval: u64,
    divergences: Vec<Divergence>,
    /// Differences between a gap of theirs and of ours.
    gaps: Vec<u64>,
    /// Our first frame of each reign against theirs.
    takes: Vec<Take>,
}

impl Comparison<'_> {
    fn diverge(&mut self, at_ns: u64, what: String, explanation: Option<String>) {
        self.divergences.push(Divergence { at_ns, what, explanation });
    }

    /// The same state at each moment; returns for how long it was not.
    fn reigns(&mut self, theirs: &[Reign], ours: &[Reign]) -> u64 {
        let (mut differed, mut real, mut own) = (0, theirs.iter().peekable(), ours.iter().peekable());
        loop {
            match (real.peek().copied(), own.peek().copied()) {
                (Some(their), Some(our)) if their.from.max(our.from) <= their.to.min(our.to) + SLACK => {
                    differed += self.pair(their, our);
                    (real.next(), own.next());
                }
                (Some(their), our) if our.is_none_or(|our| their.from < our.from) => {
                    let length = their.to - their.from;
                    let what = format!("it held the role for {}, and ours did not", about(length));
                    self.diverge(their.from, what, None);
                    differed += length;
                    real.next();
                }
                (_, Some(our)) => {
                    let length = our.to - our.from;
                    let what = format!("ours holds the role for {}, and it did not", about(length));
                    self.diverge(our.from, what, None);
                    differed += length;
                    own.next();
                }
                (_, None) => return differed,
            }
        }
    }

    /// The beginning and the end of one reign.
    fn pair(&mut self, their: &Reign, our: &Reign) -> u64 {
        let late = signed(our.from) - signed(their.from);
        let arranged = self.cast.script.iter().any(|outside| outside.meets == Some(their.from));
        self.takes.push(Take { late_ms: late as f64 / 1e6, arranged });
        let begins = late.unsigned_abs();
        if begins > SLACK.max(self.interval * 3 / COARSENESS) {
            let word = if late > 0 { "later" } else { "earlier" };
            self.diverge(their.from, format!("ours takes the role {} {word}", about(begins)), None);
        }
        let ends = their.to.abs_diff(our.to);
        // A reign that ends in silence ends with the last frame, wherever its turn was.
        if ends > SLACK + self.interval {
            let word = if our.to > their.to { "later" } else { "earlier" };
            self.diverge(their.to, format!("ours lets go of the role {} {word}", about(ends)), None);
        }
        begins + ends
    }

    /// Frame by frame, row by row.
    fn rows(&mut self) {
        let (real, ours) = (self.cast.real.streams(), self.cast.ours.streams());
        for (stream, theirs) in &real {
            let own = ours.get(stream).map_or(&[][..], Vec::as_slice);
            let name = stream.0.map_or_else(String::new, |version| format!(" of version {version}"));
            let Some(first) = theirs.first() else { continue };
            if own.is_empty() {
                let what = format!("it sends frames{name} to {}, and ours sends none", stream.1);
                self.diverge(first.at, what, None);
                continue;
            }
            self.row(theirs, own, &name);
        }
        for (stream, own) in ours.iter().filter(|(stream, _)| !real.contains_key(*stream)) {
            if let Some(first) = own.first() {
                self.diverge(first.at, format!("ours sends frames to {}, and it sends none", stream.1), None);
            }
        }
    }

    fn row(&mut self, theirs: &[Frame], own: &[Frame], name: &str) {
        let (their_turns, their_extra) = self.turns(&self.cast.real, theirs);
        let (our_turns, our_extra) = self.turns(&self.cast.ours, own);
        self.extras(&their_extra, &our_extra, own, false);
        self.extras(&our_extra, &their_extra, theirs, true);
        for (their, our) in their_turns.iter().zip(&our_turns) {
            let gaps =
                |row: &[Frame]| -> Vec<u64> { row.windows(2).map(|pair| pair[1].at - pair[0].at).collect() };
            let (theirs, ours) = (gaps(their), gaps(our));
            self.gaps.extend(theirs.iter().zip(&ours).map(|(their, our)| their.abs_diff(*our)));
            self.cadence(their, our, &theirs, &ours, name);
        }
    }

    /// Frames in their turn, reign by reign, and those out of turn.
    fn turns(&self, spoken: &Spoken, row: &[Frame]) -> (Vec<Vec<Frame>>, Vec<Frame>) {
        let mut turns: Vec<Vec<Frame>> = Vec::new();
        let mut extra = Vec::new();
        let mut last: Option<u64> = None;
        for frame in row {
            let resigns = spoken.face(frame).is_some_and(|face| face.resigns);
            let gap = last.map(|last| frame.at - last);
            let answers = frame.prompt.is_some_and(|prompt| frame.at - prompt.at <= ANSWER);
            match gap {
                _ if resigns => last = None,
                Some(gap) if gap < self.interval / OUT_OF_TURN => extra.push(*frame),
                Some(gap) if answers && gap.abs_diff(self.interval) > SLACK => extra.push(*frame),
                Some(gap) if gap <= self.interval * 3 => {
                    last = Some(frame.at);
                    if let Some(turn) = turns.last_mut() {
                        turn.push(*frame);
                    }
                }
                Some(_) | None => {
                    last = Some(frame.at);
                    turns.push(vec![*frame]);
                }
            }
        }
        (turns, extra)
    }

    /// Frames out of turn: each has one of the other's beside it, or a reason.
    fn extras(&mut self, extra: &[Frame], others: &[Frame], every: &[Frame], ours: bool) {
        for frame in extra {
            let beside = |other: &Frame| other.at.abs_diff(frame.at) <= SLACK / 2;
            if others.iter().any(beside) || every.iter().any(beside) {
                continue;
            }
            let explanation = frame.prompt.and_then(|prompt| self.answer(frame.at, prompt));
            let explanation = explanation.or_else(|| self.says_settings(frame.at));
            let who = if ours { "ours" } else { "it" };
            let what = format!("{who} sent a frame out of turn, and the other did not");
            self.diverge(frame.at, what, explanation);
        }
    }

    fn answer(&self, at: u64, prompt: Prompt) -> Option<String> {
        if at.saturating_sub(prompt.at) > ANSWER {
            return None;
        }
        let source = prompt.source;
        Some(match prompt.priority {
            Some(0) => format!("it answers {source}'s goodbye at once (RFC 9568 §6.4.3)"),
            Some(_) | None => format!(
                "it answers {source}'s claim at once: RFC 9568 §6.4.3 has an Active do so, earlier RFCs had it discard \
                 the frame; a loser's last word is how the winner knows that there were two"
            ),
        })
    }

    fn says_settings(&self, at: u64) -> Option<String> {
        let changed =
            self.cast.announced.changes().into_iter().skip(1).any(|change| change.abs_diff(at) <= SLACK);
        changed.then(|| "it says its new settings at once, so that nobody waits by the old ones".to_owned())
    }

    /// As many frames, as far apart.
    fn cadence(&mut self, their: &[Frame], our: &[Frame], theirs: &[u64], ours: &[u64], name: &str) {
        let Some(first) = their.first() else { return };
        let mean = |gaps: &[u64]| (!gaps.is_empty()).then(|| gaps.iter().sum::<u64>() / gaps.len() as u64);
        let (Some(their_mean), Some(our_mean)) = (mean(theirs), mean(ours)) else { return };
        let off = their_mean.abs_diff(our_mean);
        let irregular = off > self.interval / IRREGULAR;
        let promised = about(self.interval);
        if irregular {
            let what = format!(
                "its frames{name} come every {} on average, ours every {}",
                about(their_mean),
                about(our_mean)
            );
            let lost = theirs.iter().filter(|gap| **gap > self.interval * 3 / 2).count();
            let explanation = if lost > 0 {
                Some(format!("{lost} of its frames are late or not in the capture"))
            } else if their_mean < self.interval && their_mean > self.interval / 2 {
                Some(format!(
                    "it is early by its own choice: its frames promise {promised}, and nobody takes over any later for it"
                ))
            } else if their_mean > self.interval && off < self.interval / 10 {
                Some(format!("it is late: its frames promise {promised}, which ours keeps"))
            } else {
                None
            };
            self.diverge(first.at, what, explanation);
        }
        let counts = their.len().abs_diff(our.len());
        // A different pace adds up, and the last frame of each may fall on either side of the end.
        let length = theirs.iter().sum::<u64>();
        let drift = length / their_mean.max(1);
        let pace = drift.abs_diff(length / our_mean.max(1)) as usize;
        if counts > 1 + pace {
            let what = format!("it sent {} frames{name} in their turn, and ours {}", their.len(), our.len());
            self.diverge(first.at, what, None);
        }
    }

    /// The same fields in every frame.
    fn fields(&mut self) -> BTreeMap<String, Agreement> {
        let (real, ours) = (&self.cast.real, &self.cast.ours);
        let rows = ours.streams();
        let mut agreements: BTreeMap<String, Agreement> = BTreeMap::new();
        let mut found: BTreeMap<(String, String, String), (u64, u64)> = BTreeMap::new();
        for frame in &real.frames {
            let Some(their) = real.face(frame) else { continue };
            let row = rows.get(&their.stream).map_or(&[][..], Vec::as_slice);
            let Some(nearest) = ours.nearest(row, frame.at, their.resigns) else { continue };
            let Some(our) = ours.face(&nearest) else { continue };
            let names =
                their.fields.keys().chain(our.fields.keys().filter(|name| !their.fields.contains_key(*name)));
            for name in names {
                let value = |fields: &BTreeMap<String, String>| {
                    fields.get(name).cloned().unwrap_or_else(|| "absent".to_owned())
                };
                let (their, our) = (value(&their.fields), value(&our.fields));
                let agreement = agreements.entry(name.clone()).or_default();
                if their == our || is_unknown(name, &their) {
                    agreement.same += 1;
                } else {
                    agreement.different += 1;
                    found.entry((name.clone(), their, our)).or_insert((frame.at, 0)).1 += 1;
                }
            }
        }
        for ((name, their, our), (at, count)) in found {
            let explanation = why_it_differs(self.cast.key.protocol, &name, &their, &our);
            let times = if count == 1 { "in one frame".to_owned() } else { format!("in {count} frames") };
            let what = format!("{name} is {their} where ours is {our}, {times}, first at {}", moment(at));
            self.diverge(at, what, explanation.map(str::to_owned));
        }
        agreements
    }
}

/// A link layer that says no MAC says nothing about it.
fn is_unknown(name: &str, their: &str) -> bool {
    name.ends_with("MAC") && their == fhrp::Mac::default().to_string()
}

fn timing(mut gaps: Vec<u64>, takes: Vec<Take>) -> Timing {
    gaps.sort_unstable();
    let ms = |ns: u64| ns as f64 / 1e6;
    Timing {
        takes,
        compared: gaps.len(),
        median_ms: gaps.get(gaps.len() / 2).copied().map_or(0.0, ms),
        worst_ms: gaps.last().copied().map_or(0.0, ms),
    }
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}
