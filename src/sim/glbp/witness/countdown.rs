//! The delay of a preemption as somebody else sees it, who cannot always say whether it began.
//!
//! What is not known is not guessed: every course that it may have taken is followed, and it may be over if it is in one
//! of them.

use std::time::Duration;

use fhrp::Instant;

/// More courses than these are taken for one that is as long as any of them.
const COURSES: usize = 16;

/// When a preemption is allowed.
#[derive(Debug, Clone)]
pub(super) struct Countdown {
    /// All that it may be; never empty.
    courses: Vec<Course>,
    /// It has been given up by command, and may never end.
    suspended: bool,
}

/// One that it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Course {
    /// When it is over, at the earliest and at the latest.
    least: Instant,
    most: Instant,
    /// Whether the router was better than whoever is active, when that was heard last.
    better: bool,
}

/// Whether the router is better than whoever is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    No,
    /// It depends on what the router has not said yet.
    Perhaps,
    Yes,
}

impl Better {
    /// With the least right that it may have, and with the most.
    pub(super) fn of(least: bool, most: bool) -> Self {
        match (least, most) {
            (false, false) => Better::No,
            (true, true) => Better::Yes,
            (false, true) | (true, false) => Better::Perhaps,
        }
    }
}

impl Default for Countdown {
    fn default() -> Self {
        Countdown::begins_between(Instant::ZERO, Instant::ZERO, Duration::ZERO)
    }
}

impl Countdown {
    /// It begins at one of these moments.
    pub(super) fn begins_between(least: Instant, most: Instant, delay: Duration) -> Self {
        let course = Course { least: least + delay, most: most + delay, better: false };
        Countdown { courses: vec![course], suspended: false }
    }

    /// It begins at one of these moments, or not at all.
    pub(super) fn may_begin(&mut self, least: Instant, most: Instant, delay: Duration) {
        let begun = Countdown::begins_between(least, most, delay).courses;
        self.follows(self.courses.iter().copied().chain(begun).collect());
    }

    /// Whoever is active was heard.
    pub(super) fn judges(&mut self, now: Instant, better: Better, delay: Duration) {
        let worse = |course: &Course| Course { better: false, ..*course };
        let next = |course: &Course| match better {
            Better::No => vec![worse(course)],
            Better::Yes => course.is_better(now, delay),
            Better::Perhaps => [course.is_better(now, delay), vec![worse(course)]].concat(),
        };
        self.follows(self.courses.iter().flat_map(next).collect());
    }

    /// There is nobody to be better than.
    pub(super) fn ends(&mut self) {
        self.courses.iter_mut().for_each(|course| course.better = false);
    }

    /// Perhaps there was nobody to be better than.
    pub(super) fn may_end(&mut self) {
        let ended = self.courses.iter().map(|course| Course { better: false, ..*course });
        self.follows(self.courses.iter().copied().chain(ended).collect());
    }

    /// It is given up by command.
    pub(super) fn suspends(&mut self) {
        self.suspended = true;
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.suspended
    }

    /// Whether it may be over.
    pub(super) fn may_be_over(&self, now: Instant) -> bool {
        self.courses.iter().any(|course| course.least <= now)
    }

    fn follows(&mut self, courses: Vec<Course>) {
        self.courses.clear();
        for course in courses {
            if !self.courses.contains(&course) {
                self.courses.push(course);
            }
        }
        if self.courses.len() > COURSES {
            let all = std::mem::take(&mut self.courses);
            self.courses = [false, true].into_iter().filter_map(|better| as_one(&all, better)).collect();
        }
    }
}

/// The course that is as long as any of these.
fn as_one(courses: &[Course], better: bool) -> Option<Course> {
    let alike = || courses.iter().filter(|course| course.better == better);
    let least = alike().map(|course| course.least).min()?;
    let most = alike().map(|course| course.most).max()?;
    Some(Course { least, most, better })
}

impl Course {
    /// The router is better: if it was not before, and this is over, it begins anew.
    fn is_better(&self, now: Instant, delay: Duration) -> Vec<Course> {
        let runs_on = Course { least: self.least.max(now), better: true, ..*self };
        let anew = Course { least: now + delay, most: now + delay, better: true };
        match (self.better, self.least <= now, self.most <= now) {
            (true, ..) => vec![*self],
            (false, false, _) => vec![runs_on],
            (false, true, true) => vec![anew],
            (false, true, false) => vec![runs_on, anew],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    fn over_from(countdown: &Countdown) -> u64 {
        (0..100).find(|second| countdown.may_be_over(at(*second))).unwrap_or(100)
    }

    #[test]
    fn it_begins_for_sure_where_everything_is_known() {
        let mut countdown = Countdown::default();
        countdown.judges(at(20), Better::Yes, DELAY);
        countdown.judges(at(25), Better::No, DELAY);
        countdown.judges(at(28), Better::Yes, DELAY);
        assert_eq!(over_from(&countdown), 30, "it still ran");
        countdown.ends();
        countdown.judges(at(30), Better::Yes, DELAY);
        assert_eq!(over_from(&countdown), 40);
    }

    #[test]
    fn where_it_may_have_begun_both_courses_are_followed() {
        let mut countdown = Countdown::begins_between(at(1), at(1), DELAY);
        countdown.judges(at(20), Better::Perhaps, DELAY);
        countdown.judges(at(21), Better::Yes, DELAY);
        assert_eq!(over_from(&countdown), 30, "it began at 20, or at 21");
        countdown.ends();
        countdown.judges(at(30), Better::Yes, DELAY);
        assert_eq!(over_from(&countdown), 31, "the one that began at 21 may still run, and end");
        countdown.ends();
        countdown.judges(at(45), Better::Yes, DELAY);
        assert_eq!(over_from(&countdown), 55, "no other one does");
    }

    #[test]
    fn what_may_be_new_may_be_over_later_or_as_it_was() {
        let mut countdown = Countdown::default();
        countdown.may_begin(at(20), at(21), DELAY);
        countdown.judges(at(25), Better::Yes, DELAY);
        assert_eq!(over_from(&countdown), 30);
        countdown.judges(at(27), Better::No, DELAY);
        countdown.judges(at(32), Better::Yes, DELAY);
        assert_eq!(over_from(&countdown), 35, "if it was not new then, it began at 25, and runs until 35");
    }

    #[test]
    fn too_many_courses_are_one() {
        let mut countdown = Countdown::begins_between(at(50), at(50), DELAY);
        for second in 0..40 {
            countdown.may_begin(at(51 + second), at(51 + second), DELAY);
        }
        assert!(countdown.courses.len() <= COURSES);
        assert_eq!(over_from(&countdown), 60);
    }
}
