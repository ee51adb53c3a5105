//! Ours against the real one: the same state at each moment, the same fields, and how far apart in time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::cast::Cast;
use super::hellos::Stateful;
use super::protocol::{Says, why_it_differs};
use super::script::Outside;
use crate::analyze::moment::{about, moment, nanos};
use crate::analyze::reading::Part;
use crate::analyze::story::{GroupStory, MemberStory, What, seconds};
use crate::draw::Role;

mod forwarders;
mod numbers;
mod rows;
mod states;

pub use forwarders::Forwarding;
pub use states::States;

/// What scheduling, clocks and capturing may cost.
const SLACK: u64 = 20_000_000;
/// What a router's timers may be off: one part of so many.
const COARSENESS: u64 = 20;
/// Divergences that are told, before those that are alike are put together.
const DIVERGENCES: usize = 10_000;
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
    /// The states that its frames say, beside those that ours is in; only where frames say states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub states: Option<States>,
    /// The forwarders that the two say they forward for; only where a group has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarding: Option<Forwarding>,
    /// Differences in time.
    pub timing: Timing,
    /// Fields that were compared, and in how many frames each was the same.
    pub fields: BTreeMap<String, Agreement>,
    /// Everything in which the two differ.
    pub divergences: Vec<Divergence>,
    /// How many of these nothing explains.
    pub unexplained: usize,
    /// Frames of both that were too many to compare: all from some moment on.
    pub left_out: u64,
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
    let broken = findings(real.as_ref(), address);
    let waits = waits(real.as_ref(), address);
    let real = member(real, address)?;
    let ours = member(ours, address);
    let mut comparison = Comparison {
        cast,
        changes: cast.announced.changes().into_iter().skip(1).collect(),
        interval: interval(&real),
        broken,
        waits,
        divergences: Vec::new(),
        of_content: Vec::new(),
        squeezed: cast.announced.stateful().map(Stateful::squeezed).unwrap_or_default(),
        aftermath: cast.announced.stateful().map_or(0, |announced| announced.hold().saturating_mul(2)),
        gaps: Vec::new(),
        takes: Vec::new(),
    };
    let (theirs, own) = (reigns(Some(&real)), reigns(ours.as_ref()));
    let differed = comparison.reigns(&theirs, &own);
    let states = cast.announced.stateful().map(|announced| comparison.states(announced));
    if states.is_none() {
        comparison.rows();
    }
    let forwarding = comparison.forwarders();
    let fields = comparison.fields();
    comparison.excuse();
    let Comparison { mut divergences, of_content, gaps, takes, .. } = comparison;
    divergences.extend(of_content);
    let divergences = together(divergences);
    let held = |reigns: &[Reign]| reigns.iter().map(|reign| reign.to - reign.from).sum::<u64>() as f64 / 1e9;
    Some(Compared {
        group: cast.name.clone(),
        address,
        settings: match &cast.configured {
            Some(plan) => vec![format!("those of {} in the configuration", plan.name)],
            None => cast.announced.conclusions(real.first_ns),
        },
        outside: cast.script.clone(),
        frames: Both { real: cast.real.len(), ours: cast.ours.len() },
        held_s: Both { real: held(&theirs), ours: held(&own) },
        differed_ms: differed as f64 / 1e6,
        states,
        forwarding,
        timing: timing(gaps, takes),
        fields,
        unexplained: divergences.iter().filter(|divergence| divergence.explanation.is_none()).count(),
        divergences,
        left_out: cast.left_out,
    })
}

/// Rules that the real router breaks: by what they are counted under, in words with the rule.
fn findings(story: Option<&GroupStory>, address: IpAddr) -> BTreeMap<String, String> {
    let all = story.into_iter().flat_map(|story| &story.findings);
    let own = all.filter(|finding| finding.who == [address]);
    own.map(|finding| (finding.name.clone(), format!("{} ({})", finding.text, finding.rule))).collect()
}

/// How long the real router waited for a role and had to by the rules, in nanoseconds, by the moment it took it.
fn waits(story: Option<&GroupStory>, address: IpAddr) -> BTreeMap<u64, (u64, u64)> {
    let events = story.into_iter().flat_map(|story| &story.events);
    let taken = events.filter_map(|event| match &event.what {
        What::TakeOver(change) if change.who == address => {
            Some((event.at_ns, change.vacant_ns.zip(change.expected_ns)?))
        }
        _ => None,
    });
    taken.collect()
}

/// In the order of time; what is said again and again is said once.
fn together(divergences: Vec<Divergence>) -> Vec<Divergence> {
    let mut all: BTreeMap<(String, Option<String>), (u64, usize)> = BTreeMap::new();
    for Divergence { at_ns, what, explanation } in divergences {
        let (first, count) = all.entry((what, explanation)).or_insert((at_ns, 0));
        (*first, *count) = ((*first).min(at_ns), *count + 1);
    }
    let told = all.into_iter().map(|((what, explanation), (at_ns, count))| {
        let what = if count > 1 { format!("{what}; so {count} times") } else { what };
        Divergence { at_ns, what, explanation }
    });
    let mut told: Vec<Divergence> = told.collect();
    told.sort_by_key(|divergence| divergence.at_ns);
    told
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
    /// When its settings changed.
    changes: Vec<u64>,
    interval: u64,
    /// Rules that the real router breaks.
    broken: BTreeMap<String, String>,
    /// How long it waited for a role and had to by the rules, by the moment it took it.
    waits: BTreeMap<u64, (u64, u64)>,
    divergences: Vec<Divergence>,
    /// Those in what is said, which no clock excuses.
    of_content: Vec<Divergence>,
    /// Stretches of the capture whose times are not those of the wire, and for how long that has consequences.
    squeezed: Vec<(u64, u64)>,
    aftermath: u64,
    /// Differences between a gap of theirs and of ours.
    gaps: Vec<u64>,
    /// Our first frame of each reign against theirs.
    takes: Vec<Take>,
}

impl Comparison<'_> {
    fn diverge(&mut self, at_ns: u64, what: String, explanation: Option<String>) {
        if self.divergences.len() < DIVERGENCES {
            self.divergences.push(Divergence { at_ns, what, explanation });
        } else {
            let what = "more divergences than can be told".to_owned();
            self.divergences.truncate(DIVERGENCES);
            self.divergences.push(Divergence { at_ns, what, explanation: None });
        }
    }

    /// Something is said otherwise, whenever that is.
    fn differ(&mut self, at_ns: u64, what: String, explanation: Option<String>) {
        if self.of_content.len() < DIVERGENCES {
            self.of_content.push(Divergence { at_ns, what, explanation });
        }
    }

    /// The stretch whose times are not those of the wire, where a moment lies in one or shortly behind: its consequences
    /// last a while.
    fn squeezed_at(&self, at: u64) -> Option<(u64, u64)> {
        let near = |(from, to): &&(u64, u64)| (*from..=to.saturating_add(self.aftermath)).contains(&at);
        self.squeezed.iter().find(near).copied()
    }

    /// The same state at each moment; returns for how long it was not.
    fn reigns(&mut self, theirs: &[Reign], ours: &[Reign]) -> u64 {
        let (mut differed, mut real, mut own) = (0, theirs.iter().peekable(), ours.iter().peekable());
        loop {
            match (real.peek().copied(), own.peek().copied()) {
                (Some(their), Some(our))
                    if their.from.max(our.from) <= their.to.min(our.to).saturating_add(SLACK) =>
                {
                    differed = self.pair(their, our).saturating_add(differed);
                    real.next();
                    own.next();
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
            let explanation =
                self.late_itself(their.from, late).or_else(|| self.late_step_by_step(their.from, late));
            self.diverge(their.from, format!("ours takes the role {} {word}", about(begins)), explanation);
        }
        let ends = their.to.abs_diff(our.to);
        // A reign that ends in silence ends with the last frame, wherever its turn was.
        if ends > SLACK + self.interval {
            let word = if our.to > their.to { "later" } else { "earlier" };
            self.diverge(their.to, format!("ours lets go of the role {} {word}", about(ends)), None);
        }
        begins.saturating_add(ends)
    }

    /// Ours took the role when the rules say, and the real one a little later. One that is early has no such excuse.
    fn late_itself(&self, at: u64, ours: i64) -> Option<String> {
        let slowness = self.cast.announced.slowness();
        if self.cast.announced.preempted(at).is_some() && ours < 0 && ours.unsigned_abs() <= nanos(slowness) {
            return Some(
                "ours preempts as soon as it hears a worse master, and the other heard late".to_owned(),
            );
        }
        let (waited, wait) = self.waits.get(&at)?;
        let theirs = signed(*waited) - signed(*wait);
        let by_the_rules = (theirs + ours).unsigned_abs() <= SLACK / 4;
        let a_little = theirs > 0 && theirs <= signed(self.interval.saturating_add(nanos(slowness)));
        (by_the_rules && a_little).then(|| {
            let (wait, waited) = (about(*wait), about(*waited));
            format!("by the rules it waits {wait}, as ours does, and it took {waited}")
        })
    }

    /// The same fields in every frame.
    fn fields(&mut self) -> BTreeMap<String, Agreement> {
        let (real, ours) = (&self.cast.real, &self.cast.ours);
        let mut agreements: BTreeMap<String, Agreement> = BTreeMap::new();
        let mut found: BTreeMap<(String, String, String), (u64, u64)> = BTreeMap::new();
        let mut unsaid: BTreeMap<Says, u64> = BTreeMap::new();
        for frame in real.rows().values().flatten() {
            let Some(their) = real.face(frame) else { continue };
            let Some(nearest) = ours.nearest(ours.row(&their.stream), frame.at, their.says) else {
                // What an interface is, is compared by itself.
                if their.says.kind != "interface-state" {
                    let first = unsaid.entry(their.says).or_insert(frame.at);
                    *first = frame.at.min(*first);
                }
                continue;
            };
            let Some(our) = ours.face(&nearest) else { continue };
            let names =
                their.fields.keys().chain(our.fields.keys().filter(|name| !their.fields.contains_key(*name)));
            for name in names {
                let value = |fields: &BTreeMap<String, String>| {
                    fields.get(name).cloned().unwrap_or_else(|| "absent".to_owned())
                };
                let (their, our) = (value(&their.fields), value(&our.fields));
                let agreement = agreements.entry(name.clone()).or_default();
                if their == our || is_unknown(name, &their) || is_unknown(name, &our) {
                    agreement.same += 1;
                } else {
                    agreement.different += 1;
                    let (first, count) = found.entry((name.clone(), their, our)).or_insert((frame.at, 0));
                    (*first, *count) = (frame.at.min(*first), *count + 1);
                }
            }
        }
        for (Says { resigns, kind, state }, at) in unsaid {
            let what = match (resigns, kind) {
                (true, _) => "it gave up the role in words".to_owned(),
                (false, "") => "it claimed the role".to_owned(),
                (false, _) => format!("it said {kind}, {state}"),
            };
            self.diverge(at, format!("{what}, and ours never did"), None);
        }
        for ((name, their, our), (at, count)) in found {
            let explanation = why_it_differs(self.cast.key.protocol, &name, &their, &our);
            let explanation = explanation.map(str::to_owned).or_else(|| self.rule_broken(&name));
            let times = if count == 1 { "in one frame".to_owned() } else { format!("in {count} frames") };
            let what = format!("{name} is {their} where ours is {our}, {times}, first at {}", moment(at));
            self.differ(at, what, explanation);
        }
        agreements
    }

    /// The rule that the real router breaks in this field.
    fn rule_broken(&self, field: &str) -> Option<String> {
        let counter = match field {
            "TTL" => "ttl-errors",
            "source MAC" => "source-mac-errors",
            "destination MAC" => "destination-mac-errors",
            "destination" => "destination-errors",
            _ => return None,
        };
        self.broken.get(counter).map(|text| format!("it breaks a rule that ours keeps: {text}"))
    }
}

/// A link layer that says no MAC says nothing about it, and where a routed frame of ours goes the kernel says.
fn is_unknown(name: &str, value: &str) -> bool {
    name.ends_with("MAC") && value == fhrp::Mac::default().to_string()
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
