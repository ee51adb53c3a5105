//! Why a role changed hands, and why two had it at once: priorities, settings that do not go together, frames that
//! are refused, and frames that were not heard.

use std::net::IpAddr;

use super::{Contest, Overlap, Scene};
use crate::analyze::moment::about;
use crate::analyze::reading::{Verdict, better, strength};
use crate::analyze::story::Cause;

impl Contest {
    /// Why the challenger has the role.
    pub(super) fn why_it_won(&self, scene: &Scene<'_>, overlap: &Overlap) -> (Cause, String) {
        let &Overlap { incumbent, challenger, .. } = overlap;
        if overlap.coup {
            return (Cause::Coup, format!("it took the role from {incumbent} by a coup"));
        }
        let said = scene
            .members
            .get(&challenger)
            .zip(scene.members.get(&incumbent))
            .and_then(|(new, old)| new.beside(old));
        let Some((new, old)) = said else { return (Cause::Unexplained, "nothing says why".into()) };
        if let Some((theirs, ours)) = overlap.ranks.filter(|(theirs, ours)| ours > theirs) {
            let why = format!("its priority {ours} for it is better than {incumbent}'s {theirs}");
            return (Cause::Priority, why);
        }
        let (ours, theirs) = (strength(scene.protocol, new), strength(scene.protocol, old));
        match better(scene.protocol, (new, challenger), (old, incumbent)) {
            Verdict::One => (Cause::Priority, format!("its {ours} is better than {incumbent}'s {theirs}")),
            Verdict::OneByAddress => {
                (Cause::Address, format!("it has the same {ours} as {incumbent}, and the higher address"))
            }
            Verdict::Other | Verdict::OtherByAddress | Verdict::Even if overlap.objections == 0 => {
                let last =
                    scene.members.get(&incumbent).map(|member| overlap.since.saturating_sub(member.last));
                let silence = about(last.unwrap_or_default());
                (Cause::Timeout, format!("{incumbent} was silent from then on, and {silence} before"))
            }
            Verdict::Other | Verdict::OtherByAddress | Verdict::Even => (
                Cause::Unexplained,
                format!("{incumbent} gave way, though its {theirs} is no worse than {ours}"),
            ),
        }
    }

    /// Why two held the role at once.
    pub(super) fn why_two(
        &self,
        scene: &Scene<'_>,
        overlap: &Overlap,
        end: u64,
        yielded: Option<IpAddr>,
    ) -> (Cause, String) {
        let (one, other) = (overlap.incumbent, overlap.challenger);
        let Some((first, second)) = scene.members.get(&one).zip(scene.members.get(&other)) else {
            return (Cause::Unexplained, "nothing says why".into());
        };
        let refusal = overlap.refusal.clone().or_else(|| disagreement(scene, one, other, true));
        let lasting = || disagreement(scene, one, other, false).filter(|_| yielded.is_none());
        if let Some(why) = refusal.or_else(lasting) {
            return (Cause::Disagreement, why);
        }
        for (who, member) in [(one, first), (other, second)] {
            if let Some((_, text)) = member.refusal.as_ref().filter(|(at, _)| *at >= overlap.since) {
                return (Cause::Refusal, format!("{who}'s frames are refused: {text}"));
            }
        }
        // Whoever hears a better one yields at its next frame.
        let patience = self.patience_of(scene, one).unwrap_or(u64::MAX);
        let at_once = end.saturating_sub(overlap.since) < patience / 2;
        match yielded.filter(|loser| self.is_rightful_loser(scene, overlap, *loser)) {
            Some(loser) if at_once => {
                let winner = if loser == one { other } else { one };
                (Cause::Priority, format!("{winner} is the better one"))
            }
            Some(loser) => (Cause::Deafness, format!("{loser} did not hear the better one for so long")),
            None => (Cause::Deafness, "nothing in their frames says why: one does not hear the other".into()),
        }
    }

    fn is_rightful_loser(&self, scene: &Scene<'_>, overlap: &Overlap, loser: IpAddr) -> bool {
        let (one, other) = (overlap.incumbent, overlap.challenger);
        if let Some((theirs, ours)) = overlap.ranks.filter(|(theirs, ours)| ours != theirs) {
            return loser == if ours > theirs { one } else { other };
        }
        let said = scene
            .members
            .get(&one)
            .zip(scene.members.get(&other))
            .and_then(|(first, second)| first.beside(second));
        said.is_some_and(|(first, second)| {
            let verdict = better(scene.protocol, (first, one), (second, other));
            loser == if matches!(verdict, Verdict::One | Verdict::OneByAddress) { other } else { one }
        })
    }
}

/// Settings of two that do not go together, if there are any; `refused`: so that they refuse each other's frames.
pub(super) fn disagreement(scene: &Scene<'_>, one: IpAddr, other: IpAddr, refused: bool) -> Option<String> {
    let found = scene.members.get(&one)?.disagreements(scene.members.get(&other)?, scene.protocol);
    let worst = found.iter().find(|found| found.refused || !refused)?;
    Some(format!("{} ({})", worst.sentence(one, other), worst.rule))
}
