//! When gratuitous announcements are repeated after a take-over, and refreshed for ever after.
//!
//! The first one goes out with the take-over itself, for all addresses before any is repeated. Repeats guard
//! against loss, a refresh against neighbours that cache for hours.

use std::time::Duration;

use crate::time::Instant;

/// The shape of a gratuitous ARP. Some devices heed only one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ArpForm {
    /// Operation 1, as RFC 9568 and keepalived have it.
    #[default]
    Request,
    /// Operation 2, as Cisco IOS has it.
    Reply,
    /// One of each.
    Both,
}

/// What to send when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Delays after the first announcement, ascending.
    pub repeats: Vec<Duration>,
    /// Pause between announcements after the last repeat; `None`: no more.
    pub refresh: Option<Duration>,
    /// The shape of gratuitous ARPs.
    pub form: ArpForm,
}

/// The running schedule of one group.
#[derive(Debug, Clone, Default)]
pub struct Announcer {
    running: Option<Running>,
}

#[derive(Debug, Clone)]
struct Running {
    began: Instant,
    repeats_done: usize,
    due: Option<Instant>,
}

impl Announcer {
    /// The first announcement has just been asked for.
    pub fn start(&mut self, now: Instant, schedule: &Schedule) {
        let due = next(now, now, 0, schedule);
        self.running = Some(Running { began: now, repeats_done: 0, due });
    }

    /// No further announcements: the role is gone.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// When the next announcement is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.running.as_ref().and_then(|running| running.due)
    }

    /// Whether an announcement is due, and if so moves on to the next one. After a stall the missed ones are
    /// made up for by a single one.
    pub fn is_due(&mut self, now: Instant, schedule: &Schedule) -> bool {
        let Some(running) = &mut self.running else { return false };
        if running.due.is_none_or(|due| due > now) {
            return false;
        }
        let since = now.since(running.began);
        running.repeats_done = schedule.repeats.iter().take_while(|delay| **delay <= since).count();
        running.due = next(running.began, now, running.repeats_done, schedule);
        true
    }
}

fn next(began: Instant, now: Instant, repeats_done: usize, schedule: &Schedule) -> Option<Instant> {
    let repeat = schedule.repeats.get(repeats_done).map(|delay| began + *delay);
    repeat.or_else(|| schedule.refresh.map(|pause| now + pause))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    fn schedule(refresh: Option<u64>) -> Schedule {
        Schedule {
            repeats: vec![Duration::from_secs(1), Duration::from_secs(5)],
            refresh: refresh.map(Duration::from_secs),
            form: ArpForm::Request,
        }
    }

    #[test]
    fn repeats_then_rests() {
        let schedule = schedule(None);
        let mut announcer = Announcer::default();
        announcer.start(at(100), &schedule);
        assert_eq!(announcer.deadline(), Some(at(101)));
        assert!(!announcer.is_due(at(100), &schedule));
        assert!(announcer.is_due(at(101), &schedule));
        assert!(!announcer.is_due(at(101), &schedule));
        assert!(announcer.is_due(at(105), &schedule));
        assert_eq!(announcer.deadline(), None);
    }

    #[test]
    fn refreshes_for_ever() {
        let schedule = schedule(Some(60));
        let mut announcer = Announcer::default();
        announcer.start(at(0), &schedule);
        assert!(announcer.is_due(at(1), &schedule));
        assert!(announcer.is_due(at(5), &schedule));
        assert_eq!(announcer.deadline(), Some(at(65)));
        assert!(announcer.is_due(at(65), &schedule));
        assert_eq!(announcer.deadline(), Some(at(125)));
    }

    #[test]
    fn a_stall_is_made_up_for_once() {
        let schedule = schedule(None);
        let mut announcer = Announcer::default();
        announcer.start(at(0), &schedule);
        assert!(announcer.is_due(at(30), &schedule));
        assert!(!announcer.is_due(at(30), &schedule));
        assert_eq!(announcer.deadline(), None);
    }

    #[test]
    fn stopping_cancels() {
        let schedule = schedule(Some(60));
        let mut announcer = Announcer::default();
        announcer.start(at(0), &schedule);
        announcer.stop();
        assert_eq!(announcer.deadline(), None);
        assert!(!announcer.is_due(at(500), &schedule));
    }
}
