//! Where a group has several forwarders: the same ones at each moment, with the same rights and the same time left, given
//! to the same routers, and said from their MACs in turn.

use std::collections::BTreeMap;

use ::glbp::vmac::LAST_FORWARDER;
use ::glbp::wire::{Forwarder, Kind, State};
use fhrp::Mac;
use serde::Serialize;

use super::{Both, Comparison, SLACK, Take};
use crate::analyze::moment::{about, moment, nanos};
use crate::log;
use crate::replay::glbp::{Announced, Spoke, is_primary};
use crate::replay::hellos::Stateful;

/// Cisco's routers wait for up to one part of so many longer than their hold time, and their timers are off by another.
const LATE: u64 = 5;
const OFF: u64 = 10;
const SECOND: u64 = 1_000_000_000;
/// How far apart what is left of a forwarder's time may be: whole seconds, rounded up by ours and down by Cisco's.
const COUNTERS: u64 = 2 * SECOND;

/// How the forwarders of the two go together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forwarding {
    /// How many hellos of it tell all of its forwarders.
    pub hellos: usize,
    /// In how many of these they are those that ours forwards for at that moment.
    pub same: usize,
    /// Each time that it began to forward: how much later ours did.
    pub taken: Vec<Taken>,
    /// How often what is left of a forwarder's time was compared, and how far apart it was at most, in seconds.
    pub counted: usize,
    /// The same.
    pub counters_worst_s: f64,
    /// How often two hellos one after the other tell the same forwarders, several of them.
    pub turns: Both<usize>,
    /// In how many of these they come from different MACs.
    pub turned: Both<usize>,
    /// How often it says whose numbers it repeats, and how often ours repeats the same, which were others' latest.
    pub challenges: usize,
    /// The same.
    pub repeated: usize,
}

/// A time as a forwarder that both began.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Taken {
    /// The forwarder.
    pub number: u8,
    /// How much later ours began.
    #[serde(flatten)]
    pub take: Take,
}

/// A time during which a router says that it forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: u64,
    /// The last message that says so, and the first that does not.
    to: u64,
    until: u64,
    /// Whether it began before the router's first message.
    is_first: bool,
}

impl Comparison<'_> {
    pub(super) fn forwarders(&mut self) -> Option<Forwarding> {
        let cast = self.cast;
        let (theirs, ours) = (cast.announced.glbp()?, cast.ours_of_forwarders.as_ref()?);
        let mut found = Forwarding {
            hellos: 0,
            same: 0,
            taken: Vec::new(),
            counted: 0,
            counters_worst_s: 0.0,
            turns: Both { real: 0, ours: 0 },
            turned: Both { real: 0, ours: 0 },
            challenges: 0,
            repeated: 0,
        };
        let mut our_spans = BTreeMap::new();
        for number in 1..=LAST_FORWARDER {
            let (their, our) = (spans(theirs, number), spans(ours, number));
            self.reigns_of(number, &their, &our, theirs, &mut found);
            our_spans.insert(number, our);
        }
        self.lists(theirs, &our_spans, &mut found);
        self.rights(theirs, ours);
        self.counters(theirs, ours, &mut found);
        self.numbering(theirs, ours);
        self.words_of_forwarders(theirs, ours);
        self.rotation(theirs, ours, &mut found);
        self.repeats(theirs, ours, &mut found);
        self.padding(theirs);
        Some(found)
    }

    /// The same times as one forwarder.
    fn reigns_of(
        &mut self,
        number: u8,
        theirs: &[Span],
        ours: &[Span],
        announced: &Announced,
        found: &mut Forwarding,
    ) {
        let (mut real, mut own) = (theirs.iter().peekable(), ours.iter().peekable());
        loop {
            match (real.peek().copied(), own.peek().copied()) {
                (Some(their), Some(our))
                    if their.from.max(our.from) <= their.until.min(our.until).saturating_add(SLACK) =>
                {
                    self.pair_of(number, their, our, announced, found);
                    real.next();
                    own.next();
                }
                (Some(their), our) if our.is_none_or(|our| their.from < our.from) => {
                    let length = about(their.to - their.from);
                    let what = format!("it forwards as forwarder {number} for {length}, and ours does not");
                    self.diverge(their.from, what, None);
                    real.next();
                }
                (_, Some(our)) => {
                    let length = about(our.to - our.from);
                    let what = format!("ours forwards as forwarder {number} for {length}, and it does not");
                    let claims = |from: u64, to: u64| {
                        let mut claims = announced.others().iter().filter(move |other| {
                            (from..=to).contains(&other.at) && other.active_for(number).is_some()
                        });
                        claims.next()
                    };
                    let was_lost =
                        claims((our.from + 1).saturating_sub(announced.hold()), our.from).is_none();
                    let other = claims(our.from, our.from.saturating_add(late(announced)));
                    let other = other.filter(|_| was_lost);
                    let explanation = other.map(|other| {
                        format!(
                            "{} took it first, as such routers wait for up to a fifth of the hold time longer; ours takes it a hold time after it was lost",
                            other.source
                        )
                    });
                    self.diverge(our.from, what, explanation);
                    own.next();
                }
                (_, None) => return,
            }
        }
    }

    /// The beginning and the end of one such time.
    fn pair_of(
        &mut self,
        number: u8,
        their: &Span,
        our: &Span,
        announced: &Announced,
        found: &mut Forwarding,
    ) {
        // Both had it before the capture began.
        if !(their.is_first && our.from <= their.from.saturating_add(self.interval)) {
            let ms = our.from as f64 / 1e6 - their.from as f64 / 1e6;
            found.taken.push(Taken { number, take: Take { late_ms: ms, arranged: false } });
            let off = our.from.abs_diff(their.from);
            if off > SLACK {
                let word = if our.from > their.from { "later" } else { "earlier" };
                let what = format!("ours begins as forwarder {number} {} {word}", about(off));
                let early = our.from < their.from && off <= late(announced);
                let explanation = early.then(|| {
                    let hold = about(announced.hold());
                    format!(
                        "it waits for up to a fifth of its hold time of {hold} longer, so that one of several comes first; ours come one after the other, a hold time after the last word"
                    )
                });
                self.diverge(their.from, what, explanation);
            }
        }
        let off = our.until.abs_diff(their.until);
        if off > self.interval + SLACK {
            let word = if our.until > their.until { "later" } else { "earlier" };
            let what = format!("ours ceases as forwarder {number} {} {word}", about(off));
            self.diverge(their.until, what, None);
        }
    }

    /// In how many of its hellos the forwarders are ours as well.
    fn lists(&mut self, theirs: &Announced, ours: &BTreeMap<u8, Vec<Span>>, found: &mut Forwarding) {
        let near = theirs.spread().max(SLACK);
        for own in theirs.own().iter().filter(|own| own.state().is_some()) {
            found.hellos += 1;
            let agrees = ours.iter().all(|(number, spans)| {
                let has = |at: u64| spans.iter().any(|span| (span.from..span.until).contains(&at));
                let said = own.active_for(*number).is_some();
                [own.at, own.at.saturating_sub(near), own.at.saturating_add(near)]
                    .iter()
                    .any(|at| has(*at) == said)
            });
            found.same += usize::from(agrees);
        }
    }

    /// The same right, weighting and MAC for each forwarder.
    fn rights(&mut self, theirs: &Announced, ours: &Announced) {
        let mut differ: BTreeMap<(u8, String, String), (u64, usize)> = BTreeMap::new();
        for (own, their) in theirs.own().iter().flat_map(claims) {
            let near = around(ours.own(), own.at, |spoke| spoke.active_for(their.number).is_some());
            let near: Vec<&Forwarder> =
                near.into_iter().flatten().filter_map(|spoke| spoke.active_for(their.number)).collect();
            let words =
                |it: &Forwarder| format!("right {}, weighting {}, {}", it.priority, it.weighting, it.mac);
            if let Some(our) = near.first()
                && !near.iter().any(|our| words(our) == words(their))
            {
                let key = (their.number, words(their), words(our));
                let (first, count) = differ.entry(key).or_insert((own.at, 0));
                (*first, *count) = (own.at.min(*first), *count + 1);
            }
        }
        for ((number, their, our), (at, count)) in differ {
            let many = log::count(count, "frame");
            let what = format!("it says of forwarder {number}: {their}, where ours says: {our}, in {many}");
            self.differ(at, what, None);
        }
    }

    /// As much time left of each forwarder.
    fn counters(&mut self, theirs: &Announced, ours: &Announced, found: &mut Forwarding) {
        // By forwarder, and whether its times are those of the wire.
        let mut worst: BTreeMap<(u8, bool), (u64, u64, String)> = BTreeMap::new();
        for (own, their) in theirs.own().iter().flat_map(claims) {
            let near = around(ours.own(), own.at, |spoke| spoke.active_for(their.number).is_some());
            let offs = near.into_iter().flatten().filter_map(|spoke| {
                let our = spoke.active_for(their.number)?;
                if is_primary(our.priority) != is_primary(their.priority) {
                    return None;
                }
                let over = |at: u64, left: std::time::Duration| match is_primary(their.priority) {
                    true => nanos(left),
                    // Once it is over it stays so.
                    false if left.is_zero() => 0,
                    false => at.saturating_add(nanos(left)),
                };
                let off = |their_left, our_left| over(own.at, their_left).abs_diff(over(spoke.at, our_left));
                let either_is_over = their.redirection.is_zero() || our.redirection.is_zero();
                let redirection = match either_is_over {
                    true => nanos(their.redirection.abs_diff(our.redirection))
                        .saturating_sub(spoke.at.abs_diff(own.at)),
                    false => off(their.redirection, our.redirection),
                };
                let text =
                    |it: &Forwarder| format!("{}/{} s", it.lifetime.as_secs(), it.redirection.as_secs());
                let words = format!("{} where ours says {} at {}", text(their), text(our), moment(spoke.at));
                Some((off(their.lifetime, our.lifetime).max(redirection), words))
            });
            let Some((off, words)) = offs.min() else { continue };
            found.counted += 1;
            found.counters_worst_s = found.counters_worst_s.max(off as f64 / 1e9);
            let key = (their.number, self.squeezed_at(own.at).is_none());
            if off > COUNTERS && worst.get(&key).is_none_or(|(_, most, _)| off > *most) {
                worst.insert(key, (own.at, off, words));
            }
        }
        for ((number, _), (at, off, words)) in worst {
            let what = format!("what is left of forwarder {number} differs by {}: {words}", about(off));
            self.diverge(at, what, None);
        }
    }

    /// Requests and responses: each has one of the other's beside it, which gives the same forwarder.
    fn numbering(&mut self, theirs: &Announced, ours: &Announced) {
        let of = |announced: &Announced, kind: Kind| -> Vec<(u64, u8)> {
            let said = announced.own().iter().filter(|own| own.kind == kind);
            said.map(|own| (own.at, own.forwarders.first().map_or(0, |given| given.number))).collect()
        };
        for kind in [Kind::Request, Kind::Response] {
            let (their, our) = (of(theirs, kind), of(ours, kind));
            let alone = |one: &[(u64, u8)], other: &[(u64, u8)]| -> Vec<(u64, u8)> {
                let near = |(at, number): &&(u64, u8)| {
                    let is_near = |it: &(u64, u8)| it.1 == *number && it.0.abs_diff(*at) <= SECOND;
                    !other.iter().any(is_near)
                };
                one.iter().filter(near).copied().collect()
            };
            let word = kind.word();
            let named =
                |number: u8| if number == 0 { String::new() } else { format!(" with forwarder {number}") };
            for (at, number) in alone(&their, &our) {
                self.diverge(at, format!("it sends a {word}{}, and ours does not", named(number)), None);
            }
            for (at, number) in alone(&our, &their) {
                self.diverge(at, format!("ours sends a {word}{}, and it does not", named(number)), None);
            }
            let sooner = their.iter().zip(&our).find(|(their, our)| their.0.saturating_sub(our.0) > SLACK);
            if let Some((their, our)) = sooner {
                let what = format!("ours sends its {word} {} earlier", about(their.0 - our.0));
                let explanation = (kind == Kind::Request).then(|| {
                    "it waits for a moment after it heard the active gateway; ours asks at once".to_owned()
                });
                self.diverge(their.0, what, explanation);
            }
        }
    }

    /// Messages about one forwarder alone: each has one of the other's beside it, or answers somebody.
    fn words_of_forwarders(&mut self, theirs: &Announced, ours: &Announced) {
        let of = |announced: &Announced| -> Vec<(u64, u8)> {
            let said = announced.own().iter().filter(|own| own.kind == Kind::Hello && own.hello.is_none());
            said.filter_map(|own| Some((own.at, own.forwarders.first()?.number))).collect()
        };
        let (their, our) = (of(theirs), of(ours));
        let alone = |one: &[(u64, u8)], other: &[(u64, u8)]| -> Vec<(u64, u8)> {
            let is_near =
                |it: &(u64, u8), at: u64, number: u8| it.1 == number && it.0.abs_diff(at) <= late(theirs);
            let lone = |(at, number): &&(u64, u8)| !other.iter().any(|it| is_near(it, *at, *number));
            one.iter().filter(lone).copied().collect()
        };
        for (at, number) in alone(&their, &our) {
            self.diverge(at, format!("it says forwarder {number} alone, and ours does not"), None);
        }
        for (at, number) in alone(&our, &their) {
            let answers = theirs.others().iter().find(|other| {
                other.active_for(number).is_some() && (at.saturating_sub(SLACK)..=at).contains(&other.at)
            });
            let explanation = answers.map(|other| {
                format!(
                    "it answers {}'s claim at once, so that switches and the loser hear who forwards; Cisco's wait for their turn",
                    other.source
                )
            });
            self.diverge(at, format!("ours says forwarder {number} alone, and it does not"), explanation);
        }
    }

    /// Hellos come from the MACs of all forwarders in turn.
    fn rotation(&mut self, theirs: &Announced, ours: &Announced, found: &mut Forwarding) {
        let ((turns, turned), (our_turns, our_turned)) = (turns(theirs), turns(ours));
        found.turns = Both { real: turns, ours: our_turns };
        found.turned = Both { real: turned, ours: our_turned };
        if our_turned * turns < our_turns * turned && our_turns > our_turned {
            let what = format!(
                "{turned} of {turns} hellos of it come from the next forwarder's MAC, and {our_turned} of {our_turns} of ours"
            );
            // The one with which a role is given up is said from its own MAC.
            let few = our_turned > 0 && our_turns - our_turned <= 2;
            let explanation = few.then(|| "hellos that answer somebody's claim come between".to_owned());
            self.differ(0, what, explanation);
        }
        for (who, announced) in [("ours", ours), ("it", theirs)] {
            if let Some(own) = astray(announced) {
                let what = format!("{who} says a hello from {}, which it may not", own.source_mac);
                self.differ(own.at, what, None);
            }
        }
    }

    /// Octets that say nothing.
    fn padding(&mut self, theirs: &Announced) {
        let padded: Vec<u64> = theirs.own().iter().filter(|own| own.is_padded).map(|own| own.at).collect();
        if let Some(first) = padded.first() {
            let what = format!("padding is not zero in {}", log::count(padded.len(), "frame"));
            let explanation = "left over in the sender's memory; ours is 0, and nobody reads it";
            self.diverge(*first, what, Some(explanation.to_owned()));
        }
    }
}

/// How much later than by the rules a forwarder may be taken over by Cisco's routers.
fn late(announced: &Announced) -> u64 {
    announced.hold() / LATE + announced.hold() / OFF
}

/// The times during which a router says that it is one forwarder.
fn spans(announced: &Announced, number: u8) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut last: Option<u64> = None;
    let mut open = false;
    for own in announced.own().iter().filter(|own| own.kind == Kind::Hello) {
        let silent = last.is_some_and(|last| own.at - last > announced.hold());
        let is_first = last.is_none();
        if silent {
            open = false;
        }
        if own.active_for(number).is_some() {
            match spans.last_mut().filter(|_| open) {
                Some(span) => (span.to, span.until) = (own.at, own.at),
                None => spans.push(Span { from: own.at, to: own.at, until: own.at, is_first }),
            }
            open = true;
        } else if own.hello.is_some() {
            if let Some(span) = spans.last_mut().filter(|_| open) {
                span.until = own.at;
            }
            open = false;
        }
        last = Some(own.at);
    }
    spans
}

/// What a message says of each forwarder that its sender is active for.
fn claims(own: &Spoke) -> impl Iterator<Item = (&Spoke, &Forwarder)> {
    let active = own.forwarders.iter().filter(|it| own.active_for(it.number).is_some());
    active.map(move |it| (own, it))
}

/// The message before a moment, or at it, and the one after it that are so.
pub(super) fn around(all: &[Spoke], at: u64, is_so: impl Fn(&Spoke) -> bool) -> [Option<&Spoke>; 2] {
    let behind = all.partition_point(|spoke| spoke.at <= at);
    let before = all[..behind].iter().rfind(|spoke| is_so(spoke));
    [before, all[behind..].iter().find(|spoke| is_so(spoke))]
}

/// How often one hello behind another tells the same forwarders, several of them, and how often from another MAC.
fn turns(announced: &Announced) -> (usize, usize) {
    let hellos: Vec<&Spoke> = announced.own().iter().filter(|own| own.state().is_some()).collect();
    let numbers = |own: &Spoke| -> Vec<u8> { claims(own).map(|(_, it)| it.number).collect() };
    let pairs =
        hellos.windows(2).filter(|pair| numbers(pair[0]).len() > 1 && numbers(pair[0]) == numbers(pair[1]));
    pairs.fold((0, 0), |(all, turned), pair| {
        (all + 1, turned + usize::from(pair[0].source_mac != pair[1].source_mac))
    })
}

/// A hello that comes from no MAC that it may come from: that of a forwarder that it lists, or, where it lists none or
/// gives a role up, its sender's own.
fn astray(announced: &Announced) -> Option<&Spoke> {
    let mut hellos =
        announced.own().iter().filter(|own| own.state().is_some() && own.source_mac != Mac::default());
    hellos.find(|own| {
        let may_be_own = claims(own).next().is_none() || own.state() == Some(State::Speak);
        let is_listed = claims(own).any(|(_, it)| it.mac == own.source_mac);
        !(is_listed || may_be_own && own.source_mac == own.owner)
    })
}
