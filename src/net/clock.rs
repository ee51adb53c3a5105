//! The monotonic clock, the wall clock, and an alarm that wakes the event loop.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use fhrp::Instant;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// The clocks of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Clock;

impl Clock {
    /// Nanoseconds since the machine booted; nobody can set it. Suspension counts: a machine that wakes up must
    /// find its deadlines passed, as its neighbours do.
    pub fn now() -> Instant {
        let time = span_of(clock_gettime(ClockId::Boottime));
        Instant::ZERO + time
    }

    /// Time since the Unix epoch, as far as this machine knows it. It may jump either way.
    pub fn wall() -> Duration {
        span_of(clock_gettime(ClockId::Realtime))
    }
}

/// Wakes a poll loop at an instant, to the nanosecond; late only by what scheduling costs.
#[derive(Debug)]
pub struct Alarm {
    timer: OwnedFd,
}

impl Alarm {
    /// An alarm that is not set.
    ///
    /// # Errors
    /// As `timerfd_create(2)`: no file descriptor is left.
    pub fn new() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Alarm { timer })
    }

    /// Rings at this instant, at once if that has passed, or never. Replaces the last setting, and a ring
    /// that was not yet noticed with it.
    ///
    /// # Errors
    /// None that a valid alarm can meet.
    pub fn set(&self, at: Option<Instant>) -> io::Result<()> {
        // Zero would disarm it: the origin itself is one nanosecond late.
        let nanos = at.map_or(0, |at| at.as_nanos().clamp(1, i64::MAX.unsigned_abs()));
        let value = Itimerspec { it_interval: timespec_of(0), it_value: timespec_of(nanos) };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &value)?;
        Ok(())
    }

    /// Takes note of a ring, so that the descriptor is quiet until the next one. Says whether it rang.
    ///
    /// # Errors
    /// None that a valid alarm can meet.
    pub fn clear(&self) -> io::Result<bool> {
        match rustix::io::read(&self.timer, &mut [0_u8; 8]) {
            Ok(_) => Ok(true),
            Err(rustix::io::Errno::AGAIN) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }
}

/// A kernel time as a span since its origin; a time before the origin counts as the origin.
fn span_of(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn timespec_of(nanos: u64) -> Timespec {
    // Both quotients are far below their types' limits: at most 18,446,744,073 s.
    Timespec {
        tv_sec: (nanos / NANOS_PER_SECOND).try_into().unwrap_or(i64::MAX),
        tv_nsec: (nanos % NANOS_PER_SECOND).try_into().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    fn rings_within(alarm: &Alarm, limit: Duration) -> bool {
        let limit = Timespec::try_from(limit).unwrap();
        poll(&mut [PollFd::new(alarm, PollFlags::IN)], Some(&limit)).unwrap() == 1
    }

    #[test]
    fn time_goes_forward() {
        let first = Clock::now();
        assert!(Clock::now() >= first);
        assert!(Clock::wall() > Duration::from_secs(1_700_000_000));
    }

    #[test]
    fn an_alarm_rings_not_before_its_time() {
        let alarm = Alarm::new().unwrap();
        let at = Clock::now() + Duration::from_millis(5);
        alarm.set(Some(at)).unwrap();
        assert!(!alarm.clear().unwrap());
        assert!(rings_within(&alarm, Duration::from_secs(5)));
        assert!(Clock::now() >= at);
        assert!(alarm.clear().unwrap());
        assert!(!rings_within(&alarm, Duration::ZERO));
    }

    #[test]
    fn the_past_rings_at_once_and_never_is_silent() {
        let alarm = Alarm::new().unwrap();
        for past in [Instant::ZERO, Clock::now()] {
            alarm.set(Some(past)).unwrap();
            assert!(rings_within(&alarm, Duration::from_secs(5)));
        }
        alarm.set(None).unwrap();
        assert!(!rings_within(&alarm, Duration::from_millis(2)));
        alarm.set(Some(Instant::from_nanos(u64::MAX))).unwrap();
        assert!(!rings_within(&alarm, Duration::from_millis(2)));
    }
}
