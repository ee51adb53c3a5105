//! What a witness foresees of a step, and whether the router did just that. Protocols differ in what they say; that no
//! state changes without a cause, and none stays that must go, is the same in all.

use fhrp::Note;

use super::invariant::{Breach, Invariant};
use super::rules::Step;
use crate::engine::{Effect, GroupIndex};

/// Changes of state that must come of a step, in order.
#[derive(Debug, Default)]
pub struct Changes(Vec<Change>);

#[derive(Debug)]
struct Change {
    to: &'static str,
    /// What is broken if it does not come.
    blame: Invariant,
    why: &'static str,
}

impl Changes {
    /// It must go to this state.
    pub fn foresee(&mut self, to: &'static str, blame: Invariant, why: &'static str) {
        self.0.push(Change { to, blame, why });
    }

    /// Whether it must stay as it is.
    pub fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Each change that was foreseen has come, and no other. `role`: the state that holds the role.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&self, effects: &[Effect], step: &Step<'_>, role: &str) -> Result<(), Breach> {
        let mut done = noted(effects, step.index).filter_map(|note| match note {
            Note::Transition { to, reason, .. } => Some((*to, reason)),
            Note::Refused { .. } | Note::Alarm { .. } | Note::Remark { .. } => None,
        });
        for Change { to, blame, why } in &self.0 {
            let next = done.next();
            if next.is_none_or(|(state, _)| state != *to) {
                let next = next.map_or("stays".to_owned(), |(to, reason)| format!("goes to {to} ({reason})"));
                return Err(Breach::new(*blame, format!("{next}, and must go to {to}: {why}")));
            }
        }
        match done.next() {
            None => Ok(()),
            Some((to, reason)) if to == role => {
                let what = format!("takes the role without a right to it: {reason}");
                Err(Breach::new(Invariant::NotTooEarly, what))
            }
            Some((to, reason)) => {
                Err(Breach::new(Invariant::Cause, format!("goes to {to} without a cause: {reason}")))
            }
        }
    }
}

/// What a group notes.
pub fn noted(effects: &[Effect], index: GroupIndex) -> impl Iterator<Item = &Note> {
    effects.iter().filter_map(move |effect| match effect {
        Effect::Note { group, note } if *group == index => Some(note),
        _ => None,
    })
}
