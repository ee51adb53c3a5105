//! Frame by frame: the rows of the two beside each other, frames out of turn, and the pace.

use std::collections::BTreeMap;

use super::{COARSENESS, Cast, Comparison, IRREGULAR, OUT_OF_TURN, SLACK};
use crate::analyze::moment::about;
use crate::log;
use crate::replay::spoken::{Frame, Prompt, Spoken};

impl Comparison<'_> {
    /// Frame by frame, row by row.
    pub(super) fn rows(&mut self) {
        let Cast { real, ours, .. } = self.cast;
        for (stream, theirs) in real.rows() {
            let own = ours.row(stream);
            let name = stream.0.map_or_else(String::new, |version| format!(" of version {version}"));
            let Some(first) = theirs.first() else { continue };
            if own.is_empty() {
                let what = format!("it sends frames{name} to {}, and ours sends none", stream.1);
                self.diverge(first.at, what, None);
                continue;
            }
            self.row(theirs, own, &name);
        }
        for (stream, own) in ours.rows().iter().filter(|(stream, _)| real.row(stream).is_empty()) {
            if let Some(first) = own.first() {
                self.diverge(first.at, format!("ours sends frames to {}, and it sends none", stream.1), None);
            }
        }
    }

    fn row(&mut self, theirs: &[Frame], own: &[Frame], name: &str) {
        let (their_turns, their_extra) = self.turns(&self.cast.real, theirs);
        let (our_turns, our_extra) = self.turns(&self.cast.ours, own);
        self.extras(&their_extra, own, false);
        self.extras(&our_extra, theirs, true);
        let near = self.interval * 3 / 2;
        // Turns are in the order of time: the first that does not end too early is the first one beside, if any is.
        let beside = |one: &[Frame], others: &[Vec<Frame>]| -> Option<usize> {
            let (from, to) = (one.first()?.at.saturating_sub(near), one.last()?.at.saturating_add(near));
            let place = others.partition_point(|other| other.last().is_some_and(|last| last.at < from));
            others.get(place)?.first().is_some_and(|first| first.at <= to).then_some(place)
        };
        let alone = |turns: &[Vec<Frame>], others: &[Vec<Frame>]| -> Vec<(u64, usize)> {
            let alone = turns.iter().filter(|turn| beside(turn, others).is_none());
            alone.filter_map(|turn| Some((turn.first()?.at, turn.len()))).collect()
        };
        let (missing, excess) = (alone(&their_turns, &our_turns), alone(&our_turns, &their_turns));
        let pairs: Vec<_> = their_turns
            .iter()
            .filter_map(|their| Some((their, our_turns.get(beside(their, &our_turns)?)?)))
            .collect();
        for (at, count) in missing {
            self.diverge(
                at,
                format!("it sent {}{name}, and ours was silent", log::count(count, "frame")),
                None,
            );
        }
        for (at, count) in excess {
            self.diverge(
                at,
                format!("ours sent {}{name}, and it was silent", log::count(count, "frame")),
                None,
            );
        }
        for (their, our) in pairs {
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
            let resigns = spoken.face(frame).is_some_and(|face| face.says.resigns);
            let gap = last.map(|last| frame.at - last);
            let answers = spoken.prompt(frame).is_some();
            match gap {
                _ if resigns => last = None,
                Some(gap) if gap < self.interval / OUT_OF_TURN => extra.push(*frame),
                Some(gap)
                    if answers && gap.abs_diff(self.interval) > SLACK.min(self.interval / COARSENESS) =>
                {
                    extra.push(*frame)
                }
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

    /// Frames out of turn: each has one of the other's beside it, or a reason. Those of one reason are told together.
    fn extras(&mut self, extra: &[Frame], every: &[Frame], ours: bool) {
        let mut found: BTreeMap<Option<String>, Vec<u64>> = BTreeMap::new();
        let spoken = if ours { &self.cast.ours } else { &self.cast.real };
        let near = SLACK / 2;
        for frame in extra {
            let next = every.partition_point(|other| other.at.saturating_add(near) < frame.at);
            if every.get(next).is_some_and(|other| other.at <= frame.at.saturating_add(near)) {
                continue;
            }
            let protocol = self.cast.key.protocol;
            let explanation = spoken.prompt(frame).map(|prompt| answer(protocol, prompt));
            let explanation = explanation.or_else(|| self.says_settings(frame.at));
            let habit = self.cast.announced.out_of_turn().filter(|_| !ours).map(str::to_owned);
            let explanation = explanation.or(habit);
            found.entry(explanation).or_default().push(frame.at);
        }
        for (explanation, frames) in found {
            let who = if ours { "ours" } else { "it" };
            let many = match frames.len() {
                1 => "a frame".to_owned(),
                many => format!("{many} frames"),
            };
            let what = format!("{who} sent {many} out of turn, and the other did not");
            self.diverge(frames.first().copied().unwrap_or_default(), what, explanation);
        }
    }

    fn says_settings(&self, at: u64) -> Option<String> {
        let next = self.changes.partition_point(|change| change.saturating_add(SLACK) < at);
        let changed = self.changes.get(next).is_some_and(|change| *change <= at.saturating_add(SLACK));
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
                Some(format!("late or not in the capture: {} of its", log::count(lost, "frame")))
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
            let what = format!(
                "it sent {}{name} in their turn, and ours {}",
                log::count(their.len(), "frame"),
                our.len()
            );
            self.diverge(first.at, what, None);
        }
    }
}

/// What a frame out of turn answers.
fn answer(protocol: &str, Prompt { source, priority, .. }: Prompt) -> String {
    match (protocol, priority) {
        ("carp", _) => format!(
            "it answers {source}'s claim at once: ours does so, the kernels wait for their next turn; a loser's last word \
             is how the winner knows that there were two"
        ),
        (_, Some(0)) => format!("it answers {source}'s goodbye at once (RFC 9568 §6.4.3)"),
        (_, Some(_) | None) => format!(
            "it answers {source}'s claim at once: RFC 9568 §6.4.3 has an Active do so, earlier RFCs had it discard \
             the frame; a loser's last word is how the winner knows that there were two"
        ),
    }
}
