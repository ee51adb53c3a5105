//! Nobody holds the role, and somebody takes it: after a silence, after a goodbye that was heeded, or one that was not.

use std::net::IpAddr;

use super::{Contest, How, LATE, Left, Rule, Scene};
use crate::analyze::member::Member;
use crate::analyze::moment::{about, nanos, spell};
use crate::analyze::reading::{Vacancy, strength, wait_before_taking};
use crate::analyze::story::{Cause, Change, What};

impl Contest {
    /// Nobody held the role, and somebody takes it.
    pub(super) fn fills_vacancy(
        &mut self,
        scene: &mut Scene<'_>,
        at: u64,
        who: IpAddr,
        patience: Option<u64>,
    ) {
        let Some(left) = self.left.take() else {
            let at_once = patience.is_some_and(|patience| at <= patience);
            let what = match at_once {
                true => What::Holds { who },
                false => What::Election(Change::new(
                    who,
                    Cause::Vacancy,
                    "nobody was heard to hold the role".into(),
                )),
            };
            return self.took(scene, at, scene.frame, what);
        };
        if left.who == who && left.how != How::Silent {
            let why = format!("it had let go of it {} before, and nobody took it", about(at - left.at));
            return self.took(scene, at, scene.frame, What::Election(Change::new(who, Cause::Vacancy, why)));
        }
        let silence = about(at.saturating_sub(left.at));
        let (mut cause, mut why) = match left.how {
            How::Resigned => (Cause::HandOver, format!("{} gave it up", left.who)),
            // Back before anybody took the role: its silence is told already.
            How::Silent if left.who == who => return,
            How::Silent => (Cause::Timeout, format!("{} was silent for {silence}", left.who)),
            How::SteppedDown => (Cause::Vacancy, format!("{} had stepped down", left.who)),
        };
        let mut since = left.at;
        let mut rule = self.rule_for(scene, who, &left);
        let mut unheard = false;
        if let Some((held, silent)) = self.unheard_goodbye(scene, at, who, &left, rule) {
            (cause, since, rule, unheard) = (Cause::Timeout, held, Some(silent), true);
            let silence = about(at.saturating_sub(held));
            why = format!("{} was silent for {silence} as if its goodbye had not been heard", left.who);
        }
        if let Some((wait, rule)) = rule {
            let said = scene.members.get(&who).and_then(Member::said);
            let strength = said.map_or_else(String::new, |said| strength(scene.protocol, said));
            why += &format!("; {strength} waits {} ({rule})", spell(wait));
        }
        let change = Change {
            from: Some(left.who),
            vacant_ns: Some(at.saturating_sub(since)),
            expected_ns: rule.map(|(wait, _)| nanos(wait)),
            unheard,
            ..Change::new(who, cause, why)
        };
        self.took(scene, at, scene.frame, What::TakeOver(change));
    }

    /// How long `who` has to wait by the rules until it may take the role that somebody left.
    fn rule_for(&self, scene: &Scene<'_>, who: IpAddr, left: &Left) -> Option<Rule> {
        let vacancy = match left.how {
            How::Resigned => Vacancy::Resigned,
            How::Silent => Vacancy::Silent,
            How::SteppedDown => return None,
        };
        let (successor, holder) = scene.members.get(&who)?.beside(scene.members.get(&left.who)?)?;
        wait_before_taking(scene.protocol, successor, holder, vacancy)
    }

    /// When the last holder was last heard as such, and how long its silence may be, if its successor waited just so
    /// long instead of heeding its goodbye.
    fn unheard_goodbye(
        &self,
        scene: &Scene<'_>,
        at: u64,
        who: IpAddr,
        left: &Left,
        expected: Option<Rule>,
    ) -> Option<(u64, Rule)> {
        let (held, (expected, _)) = left.held.zip(expected)?;
        let silent = self.rule_for(scene, who, &Left { how: How::Silent, ..*left })?;
        let (heeded, waited) = (at.saturating_sub(left.at), at.saturating_sub(held));
        let is_late = heeded > nanos(expected) / 4 * 5 + LATE;
        (is_late && waited.abs_diff(nanos(silent.0)) < nanos(silent.0) / 20).then_some((held, silent))
    }
}
